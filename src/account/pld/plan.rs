//! Chooses the tilt and the grid for a query from a rough picture of the losses. What is chosen decides how tight a bound is, never
//! whether it holds.

use alloc::vec::Vec;

use libm::{exp, log, sqrt};

use super::{
    compose::{BYTES_PER_POINT, Tilt, float},
    law::{Direction, Levels, Space, Thinning, to_f64},
    normal::{UNIT, ln_hockey_stick_constant},
    pair::Pair,
    pmf::index,
};

/// Pieces on each side of zero: of one source, of each of very many, and of all of them.
const PIECES: i64 = 256;
const FEWEST_PIECES: i64 = 64;
const ALL_PIECES: i64 = 1 << 14;
/// Chernoff's bound leaves `e^-25` outside the window.
const LN_OUTSIDE: f64 = 25.0;

/// A pair and how often it is composed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    pub(super) pair: Pair,
    pub(super) count: u64,
    /// The pair is not known to be reached: it says nothing about lower bounds.
    pub(super) only_upper: bool,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Epsilon { delta: f64 },
    Delta { epsilon: f64 },
}

/// A few hundred losses of each source.
pub(super) struct Outline<'a> {
    sources: Vec<OutlinedSource<'a>>,
    direction: Direction,
}

struct OutlinedSource<'a> {
    pair: &'a Pair,
    count: f64,
    /// `ln` of the mass, and the loss.
    losses: Vec<(f64, f64)>,
}

/// How to answer a query.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) tilt: Tilt,
    /// `ln E e^(order * loss)` of each source, about.
    pub(super) ln_scales: Vec<f64>,
    /// Mass that each source may lose.
    pub(super) tail: f64,
    /// The step for the wanted accuracy, and the least one for the memory.
    pub(super) step: f64,
    pub(super) least_step: f64,
}

impl<'a> Outline<'a> {
    pub(super) fn new(sources: &'a [Source], direction: Direction, tail: f64) -> Self {
        let pieces = (ALL_PIECES / index(sources.len()).max(1)).clamp(FEWEST_PIECES, PIECES);
        let outline = |source| OutlinedSource::new(source, direction, tail, pieces);
        Self { sources: sources.iter().map(outline).collect(), direction }
    }

    pub(super) fn plan(&self, target: Target, accuracy: f64, memory: usize) -> Plan {
        let order = minimum(|order| match target {
            Target::Epsilon { delta } => (self.ln_mgf(order) + ln_hockey_stick_constant(order) - log(delta)) / order,
            Target::Delta { epsilon } => self.ln_mgf(order) - order * epsilon + ln_hockey_stick_constant(order),
        });
        let (epsilon, delta) = match target {
            Target::Epsilon { delta } => ((self.ln_mgf(order) + ln_hockey_stick_constant(order) - log(delta)) / order, delta),
            Target::Delta { epsilon } => (epsilon, exp(self.ln_mgf(order) - order * epsilon + ln_hockey_stick_constant(order))),
        };
        let deviation = self.deviation(order);
        let unit = sqrt(2.0 * LN_OUTSIDE) / deviation.max(1e-300);
        let ln_mgf = self.ln_mgf(order);
        let reach = |sign: f64, width: f64| (self.ln_mgf(order + sign * width) - ln_mgf + LN_OUTSIDE) / width;
        // The width of the tilt that reaches least far, and how far.
        let best = |sign: f64| {
            let widths = (-3..=3).map(|power| (unit * libm::ldexp(1.0, power)).clamp(1e-200, 1e200));
            let reaches = widths.map(|width| (width, reach(sign, width)));
            reaches.min_by(|x, y| x.1.total_cmp(&y.1)).unwrap_or((1.0, 1.0))
        };
        let (above, below) = (best(1.0), best(-1.0));
        let tilt = Tilt { order, above: above.0, below: below.0 };
        let window = above.1 + below.1;
        let count: f64 = self.sources.iter().map(|source| source.count).sum();
        let tail = (delta * 1e-5 / count).clamp(1e-302, 1e-12);
        let least_step = self.least_step(window, tail, memory);
        let step = self.step(target, order, epsilon.max(0.05 * deviation) * accuracy).max(least_step);
        Plan {
            tilt,
            ln_scales: self.sources.iter().map(|source| source.ln_mgf(order)).collect(),
            tail,
            step: self.spacing().filter(|spacing| *spacing > least_step).unwrap_or(self.dividing(step)),
            least_step,
        }
    }

    /// Connecting the dots adds `step^2 order (order + 1) / 12` to the cumulant generating function of each loss, on average.
    fn step(&self, target: Target, order: f64, wanted: f64) -> f64 {
        let count: f64 = self.sources.iter().map(|source| source.count).sum();
        let error = match target {
            Target::Epsilon { .. } => wanted,
            Target::Delta { .. } => wanted.min(1e-3 / order),
        };
        sqrt(12.0 * error / (count * (order + 1.0)))
    }

    /// Bytes times step, over bytes: the transform of the window, and the source of the widest range while it is rounded. A quarter of the
    /// memory is for the rounded sources.
    fn least_step(&self, window: f64, tail: f64, memory: usize) -> f64 {
        let range = |source: &OutlinedSource<'_>| {
            let (low, high) = source.pair.loss_range(tail, self.direction);
            high - low
        };
        let widest: f64 = self.sources.iter().map(range).fold(0.0, f64::max);
        // Lengths are rounded up by at most a third; the window is known in outline only.
        let bytes = float(BYTES_PER_POINT as u64) * window * 1.75 + 24.0 * widest;
        bytes / (0.75 * float(memory as u64))
    }

    /// The step of the grid on which all losses lie exactly, if there is one.
    fn spacing(&self) -> Option<f64> {
        let exact = |source: &OutlinedSource<'_>| source.pair.law.spacing().filter(|_| source.pair.sampling >= 1.0);
        let first = self.sources.first().and_then(exact)?;
        self.sources.iter().all(|source| exact(source) == Some(first)).then_some(first)
    }

    /// A step near this one that divides the spread of the first source.
    fn dividing(&self, step: f64) -> f64 {
        let spread = self.sources.first().and_then(|source| source.pair.spread());
        spread.map_or(step, |spread| spread / (spread / step).floor().max(1.0))
    }

    fn ln_mgf(&self, order: f64) -> f64 {
        self.sources.iter().map(|source| source.count * source.ln_mgf(order)).sum()
    }

    /// Standard deviation of the tilted sum.
    fn deviation(&self, order: f64) -> f64 {
        sqrt(self.sources.iter().map(|source| source.count * source.variance(order)).sum())
    }
}

impl<'a> OutlinedSource<'a> {
    fn new(source: &'a Source, direction: Direction, tail: f64, count: i64) -> Self {
        let pair = &source.pair;
        let largest = pair.law.ratio_ranges(tail).iter().fold(1e-300_f64, |largest, (low, high)| largest.max(-low).max(*high));
        let levels = Levels {
            first: -count,
            last: count,
            step: largest * (1.0 + 8.0 * UNIT) / to_f64(count),
            offset: 0.0,
            space: Space::LogRatio,
            thinning: Thinning::default(),
        };
        let most = pair.law.outcomes(tail) / to_f64(2 * count);
        let mut losses: Vec<(f64, f64)> = Vec::new();
        let (mut mass, mut weighed, mut pending) = (0.0, 0.0, 0.0);
        pair.pieces(levels, direction, &mut |piece| {
            let (more, loss) = piece.seen(direction);
            (mass, weighed, pending) = (mass + more, weighed + more * loss, pending + 1.0);
            if pending >= most && mass > 0.0 {
                losses.push((log(mass), weighed / mass));
                (mass, weighed, pending) = (0.0, 0.0, 0.0);
            }
        });
        if mass > 0.0 {
            losses.push((log(mass), weighed / mass));
        }
        Self { pair, count: float(source.count), losses }
    }

    fn ln_mgf(&self, order: f64) -> f64 {
        let largest = self.losses.iter().map(|(ln_mass, loss)| ln_mass + order * loss).fold(f64::NEG_INFINITY, f64::max);
        largest + log(self.losses.iter().map(|(ln_mass, loss)| exp(ln_mass + order * loss - largest)).sum())
    }

    fn variance(&self, order: f64) -> f64 {
        let ln_mgf = self.ln_mgf(order);
        let weight = |(ln_mass, loss): &(f64, f64)| exp(ln_mass + order * loss - ln_mgf);
        let mean: f64 = self.losses.iter().map(|point| weight(point) * point.1).sum();
        self.losses.iter().map(|point| weight(point) * (point.1 - mean) * (point.1 - mean)).sum()
    }
}

/// About where a function of one valley is least: down in steps of e from 1, then golden sections, on a logarithmic scale.
fn minimum(function: impl Fn(f64) -> f64) -> f64 {
    let at = |ln_order: f64| function(exp(ln_order));
    let (mut start, mut least) = (0.0_f64, at(0.0));
    for sign in [1.0, -1.0] {
        let mut next = at(start + sign);
        while next < least && start.abs() < 28.0 {
            (start, least) = (start + sign, next);
            next = at(start + sign);
        }
    }
    let golden = 0.618_033_988_749_894_8;
    let (mut low, mut high) = (start - 1.0, start + 1.0);
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (at(left), at(right));
    for _ in 0..10 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = at(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = at(right);
        }
    }
    exp(0.5 * (low + high))
}
