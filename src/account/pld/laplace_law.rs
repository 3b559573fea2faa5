//! Masses of the Laplace laws between levels of the privacy loss.

use libm::{exp, expm1, log1p, sinh};

use super::{
    law::{Direction, Levels, Piece, Space},
    normal::UNIT,
    pair::Pair,
};

/// See [`Pair::pieces`].
pub(super) fn pieces(pair: &Pair, rate: f64, levels: Levels, direction: Direction, sink: &mut impl FnMut(Piece)) {
    let end = |sign: f64| {
        let (more, less) = (0.5, 0.5 * exp(-rate));
        let (a, b) = if sign > 0.0 { (more, less) } else { (less, more) };
        let loss = pair.loss(sign * rate);
        Piece::outcome(pair.mix(a, b), b, loss, 8.0 * UNIT * loss.abs())
    };
    let begin = if direction == Direction::Remove { -1.0 } else { 1.0 };
    sink(end(begin));
    let edge = |level: f64| {
        let ratio = if levels.space == Space::LogRatio { level } else { pair.ratio(level) };
        let loss = if levels.space == Space::LogRatio { pair.loss(level) } else { level };
        (ratio.clamp(-rate, rate), loss)
    };
    levels.walk(direction, edge, |low, high| piece(pair, rate, low, high), sink);
    sink(end(-begin));
}

/// Between two (ratio, loss): outcomes between 0 and 1.
fn piece(pair: &Pair, rate: f64, (low, low_loss): (f64, f64), (high, high_loss): (f64, f64)) -> Option<Piece> {
    let half_width = (high - low) / 2.0;
    let (a_low, b_low) = (0.5 * exp((low - rate) / 2.0), 0.5 * exp(-(low + rate) / 2.0));
    let (a, b) = (a_low * expm1(half_width), -b_low * expm1(-half_width));
    let p = pair.mix(a, b);
    if p.is_nan() || p.max(b) <= 0.0 {
        return None;
    }
    if p < 1e-290 {
        // The ratio is lost to underflow: the piece may be anywhere between its levels.
        let half = (high_loss - low_loss) / 2.0;
        return Some(Piece::outcome(p, b, low_loss + half, half));
    }
    // a - e^low b, and what is left of P - e^low_loss Q where the level lies below all losses.
    let excess = a_low * 4.0 * sinh(half_width / 2.0) * sinh(half_width / 2.0);
    let clipped = (pair.loss(low) - low_loss).max(0.0);
    let share = (pair.sampling * excess + if clipped > 0.0 { -expm1(-clipped) * exp(pair.loss(low)) * b } else { 0.0 }) / p;
    let loss = (low_loss - log1p(-share)).clamp(low_loss, high_loss);
    Some(Piece::outcome(p, b, loss, 16.0 * UNIT * (loss.abs() + high_loss - low_loss)))
}
