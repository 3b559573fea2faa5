//! Privacy losses rounded to multiples of a step, so that the result is certainly more, or certainly less, than the truth.

use alloc::{vec, vec::Vec};

use libm::{exp, expm1, log};

use super::{
    law::{Direction, Levels, Pair, Piece, Space, to_f64},
    normal::UNIT,
};

/// Pieces of one step for the optimistic rounding: those merged into a grid point then lie within half a step.
const HALVES: i64 = 2;
/// Losses this close to a grid point, in steps, are taken to be there.
const SNAP: f64 = 1e-9;

/// Masses at the losses `first * step, (first + 1) * step, ..`, plus `offset`, and at infinity.
#[derive(Clone, Debug)]
pub(super) struct Pmf {
    pub(super) first: i64,
    pub(super) offset: f64,
    pub(super) masses: Vec<f64>,
    pub(super) infinite: f64,
    /// The tails are right up to this relative error.
    pub(super) error: f64,
    /// Losses of outcomes that were meant to lie on the grid are right up to this.
    pub(super) shift: f64,
}

impl Pmf {
    /// Connect the dots (Doroshenko, Ghazi, Kamath, Kumar and Manurangsi, 2022): an outcome between two grid points is split into two
    /// that have these losses, so that its masses under both laws are kept. Merging the two gives the outcome back, so that the
    /// split pair is at least as easy to distinguish. Outcomes above the grid get loss infinity, those below it the lowest point.
    pub(super) fn pessimistic(pair: &Pair, direction: Direction, step: f64, tail: f64) -> Self {
        let levels = Levels::covering(pair, direction, step, tail);
        let (above, below) = pair.outside(levels, direction);
        let mut pmf = Self::empty(pair, levels, direction);
        pmf.infinite = above;
        pmf.add(pmf.first + 1, below);
        let (whole, offset) = (-expm1(-step), pmf.offset);
        pair.pieces(levels, direction, &mut |piece| {
            let (mass, loss) = seen(piece, direction);
            if let Some(at) = pmf.on_grid(loss - offset, piece.slack, step) {
                return pmf.add(at, mass);
            }
            let loss = loss + piece.slack - offset;
            let low = floor(loss / step);
            let share = (-expm1(to_f64(low) * step - loss) / whole + 8.0 * UNIT).clamp(0.0, 1.0);
            pmf.add(low, mass * (1.0 - share));
            pmf.add(low + 1, mass * share);
        });
        pmf.trimmed()
    }

    /// Merges outcomes from both sides of each grid point, in order, and just so many that their union has the loss of the point. This
    /// is post-processing, so that the merged pair is at most as easy to distinguish. Outcomes that find no partner are lowered, those
    /// outside the grid lose their loss altogether. Where partners are so far that merging costs more than lowering, at this order of the
    /// cumulant generating function, outcomes are lowered too.
    pub(super) fn optimistic(pair: &Pair, direction: Direction, step: f64, tail: f64, order: f64) -> Self {
        let levels = Levels::covering(pair, direction, step, tail);
        let mut pmf = Self::empty(pair, levels, direction);
        pmf.infinite = pair.infinite(direction);
        let fine = Levels { first: levels.first * HALVES, last: levels.last * HALVES, step: step / to_f64(HALVES), ..levels };
        let (mut merge, offset) = (Merge { step, order, at: pmf.first, mass: 0.0, exact: 0.0, lack: 0.0 }, pmf.offset);
        pair.pieces(fine, direction, &mut |piece| {
            let (mass, loss) = seen(piece, direction);
            let on_grid = pmf.on_grid(loss - offset, piece.slack, step).map(|at| to_f64(at) * step);
            merge.push(&mut pmf, mass, on_grid.unwrap_or(loss - piece.slack - offset));
        });
        merge.finish(&mut pmf);
        pmf.trimmed()
    }

    pub(super) fn first(&self) -> i64 {
        self.first
    }

    pub(super) fn last(&self) -> i64 {
        self.first + index(self.masses.len()) - 1
    }

    /// `ln` of the sum of `mass * e^(order * loss)` over finite losses.
    pub(super) fn ln_mgf(&self, order: f64, step: f64) -> f64 {
        let ratio = exp(-order.abs() * step);
        let (sum, anchor) = if order >= 0.0 {
            (polynomial(&self.masses, ratio), self.last())
        } else {
            (self.masses.iter().rev().fold(0.0, |sum, mass| sum * ratio + mass), self.first)
        };
        // Products that underflow are less than this.
        let lost = to_f64(index(self.masses.len())) * f64::MIN_POSITIVE;
        log(sum + lost) + order * (to_f64(anchor) * step + self.offset)
    }

    /// Room for one point below and two above the levels, which round-off may reach.
    fn empty(pair: &Pair, levels: Levels, direction: Direction) -> Self {
        let points = usize::try_from(levels.last - levels.first + 4).unwrap_or(0);
        let (first, offset) =
            if direction == Direction::Remove { (levels.first, levels.offset) } else { (-levels.last, -levels.offset) };
        Self { first: first - 1, offset, masses: vec![0.0; points], infinite: 0.0, error: pair.mass_error(levels), shift: 0.0 }
    }

    /// The grid point of a loss that is away from it by nothing but round-off.
    fn on_grid(&mut self, loss: f64, slack: f64, step: f64) -> Option<i64> {
        let nearest = (loss / step).round();
        let distance = (loss - nearest * step).abs() + slack;
        if distance > SNAP * step {
            return None;
        }
        self.shift = self.shift.max(distance);
        Some(floor(nearest))
    }

    /// At this point; above all points, at infinity; below all, at the lowest.
    fn add(&mut self, at: i64, mass: f64) {
        let place = usize::try_from(at - self.first).unwrap_or(0);
        *self.masses.get_mut(place).unwrap_or(&mut self.infinite) += mass;
    }

    /// At this point; above all points, at the highest; below all, nowhere.
    fn add_below(&mut self, at: i64, mass: f64) {
        let highest = self.masses.len().saturating_sub(1);
        if let Some(sum) = usize::try_from(at - self.first).ok().and_then(|place| self.masses.get_mut(place.min(highest))) {
            *sum += mass;
        }
    }

    /// Without empty points at the top, where powers are anchored.
    fn trimmed(mut self) -> Self {
        let used = self.masses.iter().rposition(|mass| *mass > 0.0).map_or(1, |place| place + 1);
        self.masses.truncate(used);
        self
    }
}

impl Levels {
    /// Levels of the loss, one step apart, that enclose all mass but `tail` and contain the pair's anchor.
    fn covering(pair: &Pair, direction: Direction, step: f64, tail: f64) -> Self {
        let (low, high) = pair.loss_range(tail, direction);
        let anchor = pair.anchor();
        let offset = anchor - step * (anchor / step).round();
        Self { first: floor((low - offset) / step), last: floor((high - offset) / step) + 1, step, offset, space: Space::Loss }
    }
}

/// What is being merged into a grid point.
struct Merge {
    step: f64,
    order: f64,
    at: i64,
    /// Collected so far.
    mass: f64,
    /// Of it, what has the loss of the point already.
    exact: f64,
    /// By how much its mass under the other law is too large for the loss of the point, times `e^loss`.
    lack: f64,
}

impl Merge {
    fn push(&mut self, pmf: &mut Pmf, mut mass: f64, loss: f64) {
        while mass > 0.0 {
            if self.mass <= 0.0 {
                self.at = self.at.max(ceil(loss / self.step));
            }
            let distance = loss - to_f64(self.at) * self.step;
            let weight = expm1(-distance);
            if weight >= 0.0 {
                (self.mass, self.lack) = (self.mass + mass, self.lack + mass * weight);
                self.exact += if weight <= 0.0 { mass } else { 0.0 };
                return;
            }
            // Rather too much: the union's loss is then above that of the point.
            let wanted = self.lack / -weight * (1.0 + 64.0 * UNIT);
            if self.is_costly(distance, wanted) {
                pmf.add_below(self.at - 1, self.mass - self.exact);
                pmf.add_below(self.at, self.exact);
                (self.mass, self.exact, self.lack) = (0.0, 0.0, 0.0);
            } else if wanted >= mass {
                (self.mass, self.lack) = (self.mass + mass, self.lack + mass * weight);
                return;
            } else {
                pmf.add_below(self.at, self.mass + wanted);
                (self.mass, self.exact, self.lack, self.at) = (0.0, 0.0, 0.0, self.at + 1);
                mass -= wanted;
            }
        }
    }

    /// No partner is left. Everything lies above the point below, or the one before that if its slack is as large as a piece.
    fn finish(&self, pmf: &mut Pmf) {
        let lowered = if self.lack > 0.0 { self.mass - self.exact } else { 0.0 };
        pmf.add_below(self.at - 2, lowered);
        pmf.add_below(self.at, self.mass - lowered);
    }

    /// Whether merging with `wanted` mass at this distance lowers the cumulant generating function more than lowering by a step.
    fn is_costly(&self, distance: f64, wanted: f64) -> bool {
        let merging = wanted * distance * (1.0 + 0.5 * self.order * distance) - self.lack;
        merging > ((self.mass - self.exact) * self.step - self.lack).max(0.0)
    }
}

/// The mass under the true database's law, and the loss.
fn seen(piece: Piece, direction: Direction) -> (f64, f64) {
    if direction == Direction::Remove { (piece.p, piece.loss) } else { (piece.q, -piece.loss) }
}

/// The sum of `masses[i] * ratio^(len - 1 - i)`, by Horner's rule on four interleaved polynomials.
fn polynomial(masses: &[f64], ratio: f64) -> f64 {
    let (head, blocks) = masses.split_at(masses.len() % 4);
    let mut sums = [0.0, 0.0, 0.0, head.iter().fold(0.0, |sum, mass| sum * ratio + mass)];
    let fourth = (ratio * ratio) * (ratio * ratio);
    for block in blocks.as_chunks::<4>().0 {
        sums.iter_mut().zip(block).for_each(|(sum, mass)| *sum = *sum * fourth + mass);
    }
    sums.iter().fold(0.0, |sum, part| sum * ratio + part)
}

#[allow(clippy::cast_possible_truncation, reason = "saturates; grids are far smaller")]
fn floor(value: f64) -> i64 {
    value.floor() as i64
}

#[allow(clippy::cast_possible_truncation, reason = "saturates; grids are far smaller")]
fn ceil(value: f64) -> i64 {
    value.ceil() as i64
}

#[allow(clippy::cast_possible_wrap, reason = "lengths of allocations")]
pub(super) fn index(len: usize) -> i64 {
    len as i64
}
