//! The output laws of a mechanism with and without one party, as sums over pieces of increasing privacy loss.

use alloc::{boxed::Box, vec::Vec};

use libm::{exp, expm1, log, log1p};

use super::{gaussian_law, laplace_law, normal::UNIT};

/// The pieces on which a [`Law`] is summed up: between the levels `first, .., last` times `step`, plus `offset`, in the space `space`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) step: f64,
    pub(super) offset: f64,
    pub(super) space: Space,
}

/// What levels measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Space {
    /// The privacy loss with sampling.
    Loss,
    /// The log-likelihood ratio without sampling.
    LogRatio,
}

/// Which of the two neighbours is the true database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Direction {
    /// The one with the party: losses `ln(P / Q)` under `P`.
    Remove,
    /// The one without: losses `ln(Q / P)` under `Q`.
    Add,
}

/// A set of outcomes: masses under `P` and `Q`, and `ln(P / Q)` of the set with a bound on its numerical error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) p: f64,
    pub(super) q: f64,
    pub(super) loss: f64,
    pub(super) slack: f64,
}

/// An outcome: masses with the party (`a`) and without (`b`), and `ln(a / b)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Atom {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) ratio: f64,
}

/// Output laws with (`A`) and without (`B`) one party.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Law {
    /// `N(1, 1 / mu^2)` and `N(0, 1 / mu^2)`.
    Gaussian { mu: f64 },
    /// Laplace of scale `1 / rate` around 1 and 0.
    Laplace { rate: f64 },
    /// Discrete Gaussian around `shift` and 0.
    DiscreteGaussian { sigma: f64, shift: f64, mass_at_zero: f64 },
    /// Discrete Laplace around `shift` and 0; outcomes beyond the centres have one loss each and are merged.
    DiscreteLaplace { rate: f64, shift: f64 },
    /// Outcomes sorted by ratio, and the masses that they leave out, of unknown ratio.
    Table { atoms: Vec<Atom>, missing_a: f64, missing_b: f64 },
}

/// `P = (1 - sampling) B + sampling A` and `Q = B`: a party is in the sample with probability `sampling`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) law: Law,
    pub(super) sampling: f64,
}

impl Levels {
    /// All of them, in the order of increasing loss of `direction`.
    pub(super) fn iter(self, direction: Direction) -> impl Iterator<Item = f64> {
        (0..=self.last - self.first)
            .map(move |k| self.at(if direction == Direction::Remove { self.first + k } else { self.last - k }))
    }

    pub(super) fn bounds(self) -> (f64, f64) {
        (self.at(self.first), self.at(self.last))
    }

    fn at(self, place: i64) -> f64 {
        to_f64(place) * self.step + self.offset
    }
}

impl Law {
    /// A discrete Gaussian, normalised.
    pub(super) fn discrete_gaussian(sigma: f64, shift: f64) -> Self {
        // By Poisson summation the sum of exp(-x^2 / 2 sigma^2) is sqrt(2 pi) sigma up to a factor 1 + 3 exp(-2 pi^2 sigma^2).
        let total = if sigma >= 4.0 {
            libm::sqrt(2.0 * core::f64::consts::PI) * sigma
        } else {
            1.0 + 2.0 * (1..=160).rev().map(|x| exp(-f64::from(x * x) / (2.0 * sigma * sigma))).sum::<f64>()
        };
        Self::DiscreteGaussian { sigma, shift, mass_at_zero: 1.0 / total }
    }

    /// Log ratios between which all mass lies except `tail`: under `B`, and under `A`.
    pub(super) fn ratio_ranges(&self, tail: f64) -> [(f64, f64); 2] {
        // P(Z > z) <= exp(-z^2 / 2) / 2
        let z = libm::sqrt(-2.0 * log(tail.max(f64::MIN_POSITIVE)));
        let (centre, radius) = match self {
            Self::Gaussian { mu } => (mu * mu / 2.0, mu * z),
            Self::Laplace { rate } => (0.0, *rate),
            Self::DiscreteGaussian { sigma, shift, .. } => {
                (shift / sigma * (shift / sigma) / 2.0, shift / sigma * (z + 1.0 / sigma))
            }
            Self::DiscreteLaplace { rate, shift } => (0.0, rate * shift),
            Self::Table { atoms, .. } => {
                let finite = || atoms.iter().map(|atom| atom.ratio).filter(|ratio| ratio.is_finite());
                return [(finite().fold(0.0, f64::min), finite().fold(0.0, f64::max)); 2];
            }
        };
        [(-centre - radius, radius - centre), (centre - radius, centre + radius)]
    }

    /// The distance of the ratios of a discrete law, if they are evenly spaced.
    pub(super) fn spacing(&self) -> Option<f64> {
        match self {
            Self::Gaussian { .. } | Self::Laplace { .. } => None,
            Self::DiscreteGaussian { sigma, shift, .. } => Some(shift / (sigma * sigma)),
            Self::DiscreteLaplace { rate, .. } => Some(2.0 * rate),
            Self::Table { atoms, .. } => match atoms.iter().filter(|atom| atom.ratio.is_finite()).collect::<Vec<_>>()[..] {
                [low, high] => Some(high.ratio - low.ratio),
                _ => None,
            },
        }
    }

    /// Largest ratio under `A` and under `B` (of `b / a`), if the loss is bounded.
    pub(super) fn bounded_ratio(&self) -> Option<(f64, f64)> {
        match self {
            Self::Gaussian { .. } | Self::DiscreteGaussian { .. } => None,
            Self::Laplace { rate } => Some((*rate, *rate)),
            Self::DiscreteLaplace { rate, shift } => Some((rate * shift, rate * shift)),
            Self::Table { missing_a, missing_b, .. } if missing_a.max(*missing_b) > 0.0 => None,
            Self::Table { atoms, .. } => Some((
                atoms.iter().map(|atom| atom.ratio).fold(0.0, f64::max),
                atoms.iter().map(|atom| -atom.ratio).fold(0.0, f64::max),
            )),
        }
    }

    /// Outcomes of a discrete law with ratios in a closed interval, by increasing ratio.
    fn atoms(&self, low: f64, high: f64) -> Box<dyn DoubleEndedIterator<Item = Atom> + '_> {
        match *self {
            Self::DiscreteGaussian { sigma, shift, mass_at_zero } => {
                let variance = sigma * sigma;
                let outcome = move |ratio: f64| ratio * variance / shift + shift / 2.0;
                let mass = move |x: f64| mass_at_zero * exp(-x * x / (2.0 * variance));
                let atom = move |x: f64| Atom { a: mass(x - shift), b: mass(x), ratio: (x - shift / 2.0) * shift / variance };
                // Masses further out underflow.
                let (least, most) = (-40.0 * sigma - 1.0, 40.0 * sigma + 1.0 + shift);
                Box::new(integers(outcome(low).max(least), outcome(high).min(most)).map(atom))
            }
            Self::DiscreteLaplace { rate, shift } => {
                let centre = -expm1(-rate) / (1.0 + exp(-rate));
                let mass = move |x: f64| if x == 0.0 { 1.0 / (1.0 + exp(-rate)) } else { centre * exp(-rate * x) };
                let edge = move |x: f64| exp(-rate * x) / (1.0 + exp(-rate));
                let atom = move |x: f64| {
                    let (a, b) = if x == 0.0 {
                        (edge(shift), mass(0.0))
                    } else if x == shift {
                        (mass(0.0), edge(shift))
                    } else {
                        (mass(shift - x), mass(x))
                    };
                    Atom { a, b, ratio: rate * (2.0 * x - shift) }
                };
                Box::new(integers(0.0, shift).map(atom).filter(move |atom| (low..=high).contains(&atom.ratio)))
            }
            Self::Table { ref atoms, .. } => {
                Box::new(atoms.iter().copied().filter(move |atom| (low..=high).contains(&atom.ratio)))
            }
            Self::Gaussian { .. } | Self::Laplace { .. } => Box::new(core::iter::empty()),
        }
    }

    /// How many outcomes [`Self::atoms`] goes through.
    pub(super) fn outcomes(&self, tail: f64) -> f64 {
        match self {
            Self::Gaussian { .. } | Self::Laplace { .. } => 0.0,
            Self::DiscreteGaussian { sigma, shift, .. } => 2.0 * self.ratio_ranges(tail)[1].1 * sigma * sigma / shift,
            Self::DiscreteLaplace { shift, .. } => *shift,
            Self::Table { atoms, .. } => to_f64(i64::try_from(atoms.len()).unwrap_or(i64::MAX)),
        }
    }
}

impl Pair {
    /// The loss `ln(1 - sampling + sampling e^ratio)`.
    pub(super) fn loss(&self, ratio: f64) -> f64 {
        if self.sampling >= 1.0 {
            ratio
        } else if ratio < 700.0 {
            log1p(self.sampling * expm1(ratio))
        } else {
            ratio + log(self.sampling) + log1p((1.0 - self.sampling) / self.sampling * exp(-ratio))
        }
    }

    /// The inverse of [`Self::loss`]; minus infinity below its range.
    pub(super) fn ratio(&self, loss: f64) -> f64 {
        if self.sampling >= 1.0 {
            return loss;
        }
        if loss > 700.0 {
            return loss - log(self.sampling) + log1p(-(1.0 - self.sampling) * exp(-loss));
        }
        let scaled = expm1(loss) / self.sampling;
        if scaled > -1.0 { log1p(scaled) } else { f64::NEG_INFINITY }
    }

    /// Losses `ln(P / Q)` between which all mass lies except `tail`, under the law of the true database.
    pub(super) fn loss_range(&self, tail: f64, direction: Direction) -> (f64, f64) {
        let [without, with] = self.law.ratio_ranges(tail);
        let (low, high) = match direction {
            Direction::Add => without,
            Direction::Remove if self.sampling >= 1.0 => with,
            Direction::Remove => (without.0.min(with.0), without.1.max(with.1)),
        };
        (self.loss(low), self.loss(high))
    }

    /// The distance of the two losses that have mass of their own, if there are two at the ends of a continuous law.
    pub(super) fn spread(&self) -> Option<f64> {
        let Law::Laplace { rate } = self.law else { return None };
        Some(self.loss(rate) - self.loss(-rate))
    }

    /// A loss that the grid should contain, because many outcomes lie at it: the lowest of all.
    pub(super) fn anchor(&self) -> f64 {
        let ratio = match &self.law {
            Law::Gaussian { .. } if self.sampling >= 1.0 => return 0.0,
            Law::DiscreteGaussian { sigma, shift, .. } if self.sampling >= 1.0 => shift / sigma * (shift / sigma) / 2.0,
            Law::Gaussian { .. } | Law::DiscreteGaussian { .. } => f64::NEG_INFINITY,
            Law::Laplace { .. } | Law::DiscreteLaplace { .. } | Law::Table { .. } => self.law.ratio_ranges(0.5)[0].0,
        };
        self.loss(ratio)
    }

    /// Adding and removing give the same distribution of losses.
    pub(super) fn is_symmetric(&self) -> bool {
        self.sampling >= 1.0 && !matches!(self.law, Law::Table { .. })
    }

    /// Pure differential privacy: the largest loss of a direction, rounded up. Infinite if there is none.
    pub(super) fn pure_epsilon(&self, direction: Direction) -> f64 {
        let Some((largest, smallest)) = self.law.bounded_ratio() else {
            return if direction == Direction::Add && self.sampling < 1.0 {
                -log1p(-self.sampling) * (1.0 + 4.0 * UNIT)
            } else {
                f64::INFINITY
            };
        };
        let loss = if direction == Direction::Remove { self.loss(largest) } else { -self.loss(-smallest) };
        loss.max(0.0) * (1.0 + 8.0 * UNIT)
    }

    /// Calls `sink` with all pieces between the levels, by increasing loss of `direction`. None crosses a level.
    pub(super) fn pieces(&self, levels: Levels, direction: Direction, sink: &mut impl FnMut(Piece)) {
        match self.law {
            Law::Gaussian { mu } => gaussian_law::pieces(self, mu, levels, direction, sink),
            Law::Laplace { rate } => laplace_law::pieces(self, rate, levels, direction, sink),
            Law::DiscreteGaussian { .. } | Law::DiscreteLaplace { .. } | Law::Table { .. } => {
                self.atom_pieces(levels, direction, sink);
            }
        }
    }

    /// Upper bounds on the mass above and below the levels, in `direction`. Mass of infinite loss is above.
    pub(super) fn outside(&self, levels: Levels, direction: Direction) -> (f64, f64) {
        let (low, high) = self.ratio_bounds(levels);
        let above_below = |above: (f64, f64), below: (f64, f64)| match direction {
            Direction::Remove => (self.mix(above.0, above.1), self.mix(below.0, below.1)),
            Direction::Add => (below.1, above.1),
        };
        match &self.law {
            Law::Gaussian { mu } => {
                let (above, below) = gaussian_law::outside(*mu, low, high);
                above_below(above, below)
            }
            Law::Laplace { .. } | Law::DiscreteLaplace { .. } => (0.0, 0.0),
            Law::DiscreteGaussian { sigma, shift, mass_at_zero } => {
                let outcome = |ratio: f64| (ratio * sigma * sigma / shift + shift / 2.0).floor();
                // The sum from m of exp(-x^2 / 2 sigma^2) is below that of a geometric series of ratio exp(-m / sigma^2).
                let tail = |m: f64| {
                    let ratio = -expm1(-m / (sigma * sigma));
                    let bound = mass_at_zero * exp(-m * m / (2.0 * sigma * sigma)) / ratio;
                    if m > 0.0 { bound.min(1.0) * (1.0 + 1e-9) } else { 1.0 }
                };
                // One less than the first outcome outside: floor of a rounded number.
                let (high, low) = (outcome(high), -outcome(low) - 1.0);
                above_below((tail(high - shift), tail(high)), (tail(low + shift), tail(low)))
            }
            Law::Table { atoms, missing_a, missing_b } => {
                let (mut above, mut below) = ((*missing_a, 0.0), (0.0, *missing_b));
                for atom in atoms {
                    let side = if atom.ratio > high { &mut above } else { &mut below };
                    if atom.ratio > high || atom.ratio < low {
                        *side = (side.0 + atom.a, side.1 + atom.b);
                    }
                }
                above_below(above, below)
            }
        }
    }

    /// The mass of infinite loss, rounded down.
    pub(super) fn infinite(&self, direction: Direction) -> f64 {
        let Law::Table { atoms, .. } = &self.law else { return 0.0 };
        match direction {
            Direction::Remove => {
                self.sampling * atoms.iter().filter(|atom| atom.ratio == f64::INFINITY).map(|atom| atom.a).sum::<f64>()
            }
            Direction::Add if self.sampling >= 1.0 => {
                atoms.iter().filter(|atom| atom.ratio == f64::NEG_INFINITY).map(|atom| atom.b).sum()
            }
            Direction::Add => 0.0,
        }
    }

    /// Relative error of the tails of the masses that [`Self::pieces`] finds.
    pub(super) fn mass_error(&self, levels: Levels) -> f64 {
        let (low, high) = self.ratio_bounds(levels);
        match &self.law {
            Law::Gaussian { mu } => gaussian_law::relative_error(*mu, low, high),
            // The exponents, up to 2^10, and their exponentials.
            _ => 4096.0 * UNIT,
        }
    }

    pub(super) fn mix(&self, a: f64, b: f64) -> f64 {
        self.sampling * a + (1.0 - self.sampling) * b
    }

    /// The levels' ends as log ratios.
    fn ratio_bounds(&self, levels: Levels) -> (f64, f64) {
        let (low, high) = levels.bounds();
        if levels.space == Space::LogRatio { (low, high) } else { (self.ratio(low), self.ratio(high)) }
    }

    fn atom_pieces(&self, levels: Levels, direction: Direction, sink: &mut impl FnMut(Piece)) {
        let (low, high) = self.ratio_bounds(levels);
        let mut visit = |atom: Atom| {
            let loss = self.loss(atom.ratio);
            if loss.is_finite() {
                sink(Piece { p: self.mix(atom.a, atom.b), q: atom.b, loss, slack: 16.0 * UNIT * loss.abs() });
            }
        };
        let atoms = self.law.atoms(low, high);
        if direction == Direction::Remove { atoms.for_each(&mut visit) } else { atoms.rev().for_each(&mut visit) }
    }
}

/// Integers in a closed interval; a few too many at the ends do no harm.
fn integers(low: f64, high: f64) -> impl DoubleEndedIterator<Item = f64> {
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    let (low, high) = (low.ceil() as i64, high.floor() as i64);
    (low..=high).map(to_f64)
}

#[allow(clippy::cast_precision_loss, reason = "indices stay below 2^53")]
pub(super) fn to_f64(index: i64) -> f64 {
    index as f64
}
