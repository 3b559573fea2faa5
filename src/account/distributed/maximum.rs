//! The largest divergence per squared shift, over all integer shifts.

use alloc::vec::Vec;

/// Terms summed for one order before the search falls back on the bound for all larger shifts.
const BUDGET: usize = 1 << 16;
/// It computes this many shifts at least, unless that bound is within [`ENOUGH`].
const SHIFTS: u64 = 48;
/// The search stops when that bound is this close to what was already found.
const CLOSE: f64 = 1.0 + 1e-8;
/// The same once the budget is spent.
const ENOUGH: f64 = 1.001;

/// A law of the noise of one coordinate.
pub(super) trait Coordinate {
    /// An upper bound on the divergence of this order for this shift, if there is one; leaves what it summed in `terms`.
    fn divergence(&self, order: f64, shift: f64, terms: &mut Vec<f64>) -> Option<f64>;

    /// An upper bound on `R_a(D)/D^2` for this shift and all larger ones.
    fn beyond(&self, order: f64, shift: f64) -> f64;

    /// Whether either rests on a computed table.
    fn is_numeric(&self) -> bool;
}

/// An upper bound on the largest `R_a(D)/D^2` over `D = 1..=largest`.
#[allow(clippy::cast_precision_loss, reason = "shifts are below 2^32")]
pub(super) fn per_squared_shift(law: &impl Coordinate, order: f64, largest: u64) -> f64 {
    let (mut best, mut spent, mut terms) = (0.0_f64, 0, Vec::new());
    for shift in 1..=largest {
        let real = shift as f64;
        let beyond = law.beyond(order, real);
        let close = if spent > BUDGET { ENOUGH } else { CLOSE };
        if beyond <= best * close || (spent > BUDGET && shift > SHIFTS) {
            return best.max(beyond);
        }
        let Some(divergence) = law.divergence(order, real, &mut terms) else { return best.max(beyond) };
        best = best.max(divergence / (real * real) * (1.0 + 2.0 * f64::EPSILON));
        spent += terms.len();
    }
    best
}

/// An upper bound on the largest `R_a(D)` over `D = 1..=largest`, for a change of one coordinate only; none if it is not found within
/// the budget. It is looked for from `largest` downwards: shifts with `D^2 beyond(1)` below what was found can not be larger.
#[allow(clippy::cast_precision_loss, reason = "shifts are below 2^32")]
pub(super) fn of_one_coordinate(law: &impl Coordinate, order: f64, largest: u64) -> Option<f64> {
    let (mut best, mut spent, mut terms) = (0.0_f64, 0, Vec::new());
    let any = law.beyond(order, 1.0);
    for shift in (1..=largest).rev() {
        let real = shift as f64;
        if real * real * any * CLOSE <= best {
            return Some(best);
        }
        best = best.max(law.divergence(order, real, &mut terms)?);
        spent += terms.len();
        if spent > BUDGET {
            return None;
        }
    }
    Some(best)
}
