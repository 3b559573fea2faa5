//! One query in one direction: rounds all losses, adds them up, and takes the best bound.

use alloc::vec::Vec;

use realfft::RealFftPlanner;

use super::{
    accountant::Bracket,
    compose::{Composition, Factor, Side, Tilt},
    law::Direction,
    plan::{Plan, Source, Target},
    pmf::{Pmf, Rounding},
};
use crate::{account::event::require, error::PrivacyError};

/// Orders to tilt with, relative to the planned one.
const OTHER_ORDERS: [f64; 7] = [1.0, 0.5, 2.0, 0.25, 4.0, 0.125, 8.0];
/// The step for a direction that is expected not to be the worse one, in steps of the other.
const COARSE: f64 = 4.0;
/// Largest order times width of a piece.
const MOST_PER_PIECE: f64 = 0.5;
/// Largest order times step.
const MOST_PER_STEP: f64 = 10.0;

pub(super) fn too_fine(interval: f64) -> PrivacyError {
    let expected = "larger, or memory_limit larger, for this composition";
    PrivacyError::Parameter { knob: "value_discretization_interval", expected, got: interval }
}

/// A query in one direction.
#[derive(Clone)]
pub(super) struct Search<'a> {
    pub(super) sources: &'a [Source],
    pub(super) direction: Direction,
    pub(super) target: Target,
    pub(super) plan: Plan,
    /// Largest loss.
    pub(super) pure: f64,
    pub(super) step: f64,
    /// Whether a larger step will do.
    pub(super) may_grow: bool,
    /// Most points of all rounded losses: a quarter of the memory. Of a transform there may be 9/16 as many, rounded up by a third.
    pub(super) points: usize,
}

impl Search<'_> {
    /// A finer grid, if memory allows it.
    pub(super) fn refine(&mut self) -> bool {
        self.step /= 2.0;
        self.step >= self.plan.least_step
    }

    /// Bounds this direction, as far as it could be worse than what is known of the other one.
    pub(super) fn answer(&self, both: bool, known: Bracket) -> Result<Bracket, PrivacyError> {
        let up = match self.target {
            Target::Epsilon { delta } if delta <= 0.0 => self.pure,
            Target::Epsilon { .. } if self.pure <= known.up => self.pure,
            Target::Epsilon { .. } => self.upper(known.up)?.min(self.pure),
            Target::Delta { epsilon } if epsilon >= self.pure => 0.0,
            Target::Delta { .. } => self.upper(known.up)?.min(1.0),
        };
        // Never reached, and on the safe side if it were.
        let up = if up.is_nan() { f64::INFINITY } else { up };
        if let (Target::Epsilon { delta }, true) = (self.target, up.is_infinite()) {
            // The mass of the tails that are cut off is at least the smallest number.
            require(delta <= 0.0 || delta > 1e-280, "delta", "0, or above 1e-280 where losses are not bounded", delta)?;
        }
        let low = if both && up > known.low && up > 0.0 { self.bound(Side::Lower, 0.0)? } else { 0.0 };
        // Not a number where no loss is finite.
        let low = if low.is_nan() { 0.0 } else { low.min(up) };
        let estimate = match self.target {
            _ if !up.is_finite() || low <= 0.0 => up,
            // Both roundings change the variance of a loss by about step^2 / 6.
            Target::Epsilon { .. } => low + (up - low) / 2.0,
            Target::Delta { .. } => libm::sqrt(low) * libm::sqrt(up),
        };
        Ok(Bracket { low, estimate, up })
    }

    /// A bound from above. What is not above `known` need not be tight: a coarse grid may do.
    fn upper(&self, known: f64) -> Result<f64, PrivacyError> {
        if known > 0.0 && self.may_grow {
            let coarse = Self { step: COARSE * self.step, ..self.clone() }.bound(Side::Upper, known)?;
            if coarse <= known {
                return Ok(coarse);
            }
        }
        self.bound(Side::Upper, known)
    }

    /// All losses rounded to one side, and the step of the grid: larger than planned if there are too many points otherwise.
    fn rounded(&self, side: Side) -> Result<(Vec<Factor>, f64), PrivacyError> {
        let (mut step, Tilt { order, above, .. }) = (self.step, self.plan.tilt);
        loop {
            let (mut factors, mut points) = (Vec::new(), 0);
            let wanted =
                self.sources.iter().zip(&self.plan.ln_scales).filter(|(source, _)| side == Side::Upper || !source.only_upper);
            for (source, &ln_scale) in wanted {
                let width = MOST_PER_PIECE / (order + above);
                let rounding = Rounding { direction: self.direction, step, tail: self.plan.tail, order, ln_scale, width };
                let pmf = match side {
                    Side::Upper => Pmf::pessimistic(&source.pair, rounding),
                    Side::Lower => Pmf::optimistic(&source.pair, rounding),
                };
                points += pmf.points.len();
                if points > self.points {
                    break;
                }
                factors.push(Factor { pmf, count: source.count });
            }
            if points <= self.points {
                return Ok((factors, step));
            }
            if !self.may_grow {
                return Err(too_fine(step));
            }
            step *= 2.0;
        }
    }

    /// A bound from one side. What is not above `known` need not be tight.
    fn bound(&self, side: Side, known: f64) -> Result<f64, PrivacyError> {
        let (factors, step) = self.rounded(side)?;
        let composition = Composition { factors: &factors, step, side, most: self.points / 16 * 9 };
        let tilt = self.tilt(step);
        let chernoff = match self.target {
            _ if side == Side::Lower => 0.0,
            Target::Epsilon { delta } => composition.chernoff_epsilon(tilt.order, delta),
            Target::Delta { epsilon } => composition.chernoff_delta(tilt.order, epsilon),
        };
        if side == Side::Upper && chernoff <= known {
            return Ok(chernoff);
        }
        let mut planner = RealFftPlanner::new();
        let exact = match self.target {
            Target::Delta { epsilon } => composition.sum(tilt, &mut planner).map(|sum| sum.delta(epsilon)),
            Target::Epsilon { delta } => OTHER_ORDERS
                .into_iter()
                .find_map(|factor| composition.sum(Tilt { order: tilt.order * factor, ..tilt }, &mut planner)?.epsilon(delta)),
        };
        Ok(match (exact, side) {
            (Some(exact), Side::Upper) => exact.min(chernoff),
            (Some(exact), Side::Lower) => exact,
            (None, _) => chernoff,
        })
    }

    /// As planned, but round-off that moves mass to the next grid point must not decide.
    fn tilt(&self, step: f64) -> Tilt {
        let most = MOST_PER_STEP / step;
        let Tilt { order, above, below } = self.plan.tilt;
        Tilt { order: order.min(most), above: above.min(most), below: below.min(most) }
    }
}
