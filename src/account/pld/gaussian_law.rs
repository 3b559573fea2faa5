//! Masses of the Gaussian laws between levels of the privacy loss.

use libm::{exp, expm1, log1p};

use super::{
    law::{Direction, Levels, Piece, Space},
    normal::{UNIT, tail},
    pair::Pair,
};

/// One side of a level under one law.
#[derive(Clone, Copy)]
struct Side {
    /// Standardised.
    z: f64,
    /// Of the smaller side.
    tail: f64,
    error: f64,
}

/// A level of the loss.
#[derive(Clone, Copy)]
struct Edge {
    loss: f64,
    /// `e^loss - 1 + sampling`: sampling times the likelihood ratio, or negative below all losses.
    scaled_ratio: f64,
    a: Side,
    b: Side,
}

impl Side {
    fn new(z: f64, magnitude: f64) -> Self {
        let (tail, error) = tail(z.abs(), magnitude);
        Self { z, tail, error }
    }

    fn above(self) -> f64 {
        if self.z > 0.0 { self.tail } else { 1.0 - self.tail }
    }

    fn below(self) -> f64 {
        if self.z > 0.0 { 1.0 - self.tail } else { self.tail }
    }

    fn until(self, high: Self) -> f64 {
        let mass = if self.z >= 0.0 {
            self.tail - high.tail
        } else if high.z <= 0.0 {
            high.tail - self.tail
        } else {
            1.0 - self.tail - high.tail
        };
        mass.max(0.0)
    }
}

fn sides(mu: f64, ratio: f64) -> (Side, Side) {
    let magnitude = ratio.abs() / mu + mu;
    (Side::new(ratio / mu - mu / 2.0, magnitude), Side::new(ratio / mu + mu / 2.0, magnitude))
}

/// See [`Pair::pieces`].
pub(super) fn pieces(pair: &Pair, mu: f64, levels: Levels, direction: Direction, sink: &mut impl FnMut(Piece)) {
    let edge = |level: f64| {
        let (ratio, loss) = match levels.space {
            Space::LogRatio => (level, pair.loss(level)),
            Space::Loss => (pair.ratio(level), level),
        };
        let (a, b) = sides(mu, ratio);
        let scaled_ratio = if ratio.is_finite() { pair.sampling * exp(ratio) } else { expm1(loss) + pair.sampling };
        Edge { loss, scaled_ratio, a, b }
    };
    levels.walk(direction, edge, |low, high| piece(pair, low, high), sink);
}

/// Masses under both laws above `high` and below `low`, rounded up.
pub(super) fn outside(mu: f64, low: f64, high: f64) -> ((f64, f64), (f64, f64)) {
    let up = |mass: f64| mass * (1.0 + 1e-9);
    let ((high_a, high_b), (low_a, low_b)) = (sides(mu, high), sides(mu, low));
    ((up(high_a.above()), up(high_b.above())), (up(low_a.below()), up(low_b.below())))
}

/// Of the tails above any level between these two.
pub(super) fn relative_error(mu: f64, low: f64, high: f64) -> f64 {
    let ((high_a, high_b), (low_a, low_b)) = (sides(mu, high), sides(mu, low));
    let relative = |side: Side| if side.tail > 0.0 { side.error / side.tail } else { 0.0 };
    [high_a, high_b, low_a, low_b].into_iter().map(relative).fold(32.0 * UNIT, f64::max)
}

fn piece(pair: &Pair, low: Edge, high: Edge) -> Option<Piece> {
    let (a, b) = (low.a.until(high.a), low.b.until(high.b));
    let p = pair.mix(a, b);
    if p.is_nan() || p.max(b) <= 0.0 {
        return None;
    }
    let width = high.loss - low.loss;
    let weighed = low.scaled_ratio * b;
    if b < 1e-290 || p < 1e-290 || !weighed.is_finite() {
        // The ratio is lost to underflow: the piece may be anywhere between its levels.
        return Some(Piece::outcome(p, b, low.loss + width / 2.0, width / 2.0));
    }
    // P - e^low Q, relative to P.
    let share = ((pair.sampling * a - weighed) / p).clamp(0.0, -expm1(-width));
    let tails = pair.sampling * (low.a.error + high.a.error) + low.scaled_ratio.abs() * (low.b.error + high.b.error);
    let errors = tails + 4.0 * UNIT * weighed.abs();
    let slack = (errors / p * (1.0 + width) + 8.0 * UNIT * (low.loss.abs() + width)).min(width);
    let loss = (low.loss - log1p(-share)).clamp(low.loss, high.loss);
    Some(Piece::outcome(p, b, loss, slack))
}
