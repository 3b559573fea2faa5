//! Privacy losses rounded to multiples of a step, so that the result is certainly more, or certainly less, than the truth.

use alloc::{vec, vec::Vec};

use libm::{exp, expm1, log};

use super::{
    law::{Direction, Levels, Space, Span, Thinning, to_f64},
    normal::UNIT,
    pair::Pair,
};

/// Pieces of one step for the optimistic rounding: those merged into a grid point then lie within half a step.
const HALVES: i64 = 2;
/// Outcomes this close to a grid point, in steps, are taken to be there.
const SNAP: f64 = 1e-9;
/// [`Thinning::most`] where wide pieces are split over their whole width, which is of second order, and where they are merged or lowered.
const SPLIT: f64 = 3e-4;
const MERGED: f64 = 3e-6;

/// How to round a loss.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    pub(super) direction: Direction,
    pub(super) step: f64,
    /// Mass that may be cut off.
    pub(super) tail: f64,
    /// Of the cumulant generating function that decides, and `ln E e^(order * loss)`, about.
    pub(super) order: f64,
    pub(super) ln_scale: f64,
    /// The widest piece.
    pub(super) width: f64,
}

/// Masses at the losses `place * step + offset`, by increasing place, and at infinity.
#[derive(Clone, Debug)]
pub(super) struct Pmf {
    pub(super) points: Vec<(i64, f64)>,
    pub(super) offset: f64,
    pub(super) infinite: f64,
    /// The tails are right up to this relative error.
    pub(super) error: f64,
    /// Losses of outcomes that were meant to lie on the grid are right up to this.
    pub(super) shift: f64,
}

/// A [`Pmf`] that is being filled.
struct Filling {
    first: i64,
    masses: Vec<f64>,
    offset: f64,
    infinite: f64,
    shift: f64,
}

impl Pmf {
    /// Connect the dots (Doroshenko, Ghazi, Kamath, Kumar and Manurangsi, 2022): an outcome between two grid points is split into two
    /// that have these losses, so that its masses under both laws are kept. Merging the two gives the outcome back, so that the
    /// split pair is at least as easy to distinguish. Outcomes above the grid get loss infinity, those below it the lowest point,
    /// or one that is not below the loss of mass that is at no outcome.
    pub(super) fn pessimistic(pair: &Pair, rounding: Rounding) -> Self {
        let Rounding { direction, step, .. } = rounding;
        let levels = Levels::covering(pair, rounding, SPLIT);
        let (above, below) = pair.outside(levels, direction);
        let mut filling = Filling::new(levels, direction);
        filling.infinite = above;
        let (one, offset) = (-expm1(-step), filling.offset);
        let missing = floor((pair.least_loss_of_missing(direction) - offset) / step).saturating_add(1);
        filling.add(missing.max(filling.first + 1), below);
        pair.pieces(levels, direction, &mut |piece| {
            let (mass, loss) = piece.seen(direction);
            if piece.span.is_none()
                && let Some(at) = filling.on_grid(loss - offset, piece.slack, step)
            {
                return filling.add(at, mass);
            }
            let loss = loss + piece.slack - offset;
            let Span { low, steps } = piece.span.unwrap_or(Span { low: floor(loss / step), steps: 1 });
            let whole = if steps == 1 { one } else { -expm1(-step * to_f64(steps)) };
            let share = (-expm1(to_f64(low) * step - loss) / whole + 8.0 * UNIT).clamp(0.0, 1.0);
            filling.add(low, mass * (1.0 - share));
            filling.add(low + steps, mass * share);
        });
        filling.finish(pair.mass_error(levels))
    }

    /// Merges outcomes from both sides of each grid point, in order, and just so many that their union has the loss of the point. This
    /// is post-processing, so that the merged pair is at most as easy to distinguish. Outcomes that find no partner are lowered, those
    /// outside the grid lose their loss altogether. Where partners are so far that merging costs more than lowering, at this order of the
    /// cumulant generating function, outcomes are lowered too.
    pub(super) fn optimistic(pair: &Pair, rounding: Rounding) -> Self {
        let Rounding { direction, step, order, .. } = rounding;
        let levels = Levels::covering(pair, rounding, MERGED);
        let mut filling = Filling::new(levels, direction);
        filling.infinite = pair.infinite(direction);
        let fine = Levels { first: levels.first * HALVES, last: levels.last * HALVES, step: step / to_f64(HALVES), ..levels };
        let (mut merge, offset) = (Merge { step, order, at: filling.first, mass: 0.0, exact: 0.0, lack: 0.0 }, filling.offset);
        pair.pieces(fine, direction, &mut |piece| {
            let (mass, loss) = piece.seen(direction);
            let on_grid = filling.on_grid(loss - offset, piece.slack, step).map(|at| to_f64(at) * step);
            merge.push(&mut filling, mass, on_grid.unwrap_or(loss - piece.slack - offset));
        });
        merge.finish(&mut filling);
        filling.finish(pair.mass_error(levels))
    }

    pub(super) fn first(&self) -> i64 {
        self.points.first().map_or(0, |point| point.0)
    }

    pub(super) fn last(&self) -> i64 {
        self.points.last().map_or(0, |point| point.0)
    }

    /// `ln` of the sum of `mass * e^(order * loss)` over finite losses, by Horner's rule from the end where the factor is least.
    pub(super) fn ln_mgf(&self, order: f64, step: f64) -> f64 {
        let powers = Powers::new(exp(-order.abs() * step));
        let horner =
            |(sum, at): (f64, i64), point: &(i64, f64)| (sum * powers.of((point.0 - at).unsigned_abs()) + point.1, point.0);
        let ((sum, _), anchor) = if order >= 0.0 {
            (self.points.iter().fold((0.0, self.first()), horner), self.last())
        } else {
            (self.points.iter().rev().fold((0.0, self.last()), horner), self.first())
        };
        // Products that underflow are less than this.
        let lost = to_f64(index(self.points.len())) * f64::MIN_POSITIVE;
        log(sum + lost) + order * (to_f64(anchor) * step + self.offset)
    }
}

impl Filling {
    /// Room for one point below and two above the levels, which round-off may reach.
    fn new(levels: Levels, direction: Direction) -> Self {
        let points = usize::try_from(levels.last - levels.first + 4).unwrap_or(0);
        let (first, offset) =
            if direction == Direction::Remove { (levels.first, levels.offset) } else { (-levels.last, -levels.offset) };
        Self { first: first - 1, offset, masses: vec![0.0; points], infinite: 0.0, shift: 0.0 }
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

    /// Only the points that have mass.
    fn finish(self, error: f64) -> Pmf {
        let points = (self.first..).zip(self.masses).filter(|point| point.1 > 0.0).collect();
        Pmf { points, offset: self.offset, infinite: self.infinite, error, shift: self.shift }
    }
}

/// Powers of a number by their binary digits.
struct Powers([f64; 64]);

impl Powers {
    fn new(base: f64) -> Self {
        let mut powers = [base; 64];
        powers.iter_mut().fold(base, |power, place| {
            *place = power;
            power * power
        });
        Self(powers)
    }

    fn of(&self, exponent: u64) -> f64 {
        let [first, ..] = self.0;
        if exponent == 1 {
            return first;
        }
        let digits = self.0.iter().enumerate().filter(|(digit, _)| exponent >> digit & 1 == 1);
        digits.map(|(_, power)| power).product()
    }
}

impl Levels {
    /// Levels of the loss, one step apart, that enclose all mass but `tail` and contain the pair's anchor. One more on each side keeps inside
    /// what lies at the ends: levels, and the log ratios they are turned into, are right but for round-off.
    fn covering(pair: &Pair, rounding: Rounding, most: f64) -> Self {
        let Rounding { direction, step, tail, order, ln_scale, width } = rounding;
        let (low, high) = pair.loss_range(tail, direction);
        let anchor = pair.anchor();
        let offset = anchor - step * (anchor / step).round();
        let thinning = Thinning { order, ln_scale, most, steps: floor(width / step).clamp(1, 1 << 20) };
        Self {
            first: floor((low - offset) / step) - 1,
            last: floor((high - offset) / step) + 2,
            step,
            offset,
            space: Space::Loss,
            thinning,
        }
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
    fn push(&mut self, pmf: &mut Filling, mut mass: f64, loss: f64) {
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
    fn finish(&self, pmf: &mut Filling) {
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
