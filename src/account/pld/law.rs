//! The output laws of a mechanism with and without one party, and the levels of the privacy loss that cut them into pieces.

use alloc::{boxed::Box, vec::Vec};

use libm::{exp, expm1, log};

/// The pieces on which a [`Law`] is summed up: between the levels `first, .., last` times `step`, plus `offset`, in the space `space`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) step: f64,
    pub(super) offset: f64,
    pub(super) space: Space,
    pub(super) thinning: Thinning,
}

/// Where levels may be left out: a piece of `n` steps that holds the share `m` of the tilted mass `e^(order * loss)` makes rounding worse by
/// about `m n^2`, in units of what all pieces of one step cost together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Thinning {
    pub(super) order: f64,
    /// `ln E e^(order * loss)`, about.
    pub(super) ln_scale: f64,
    /// The most `m n^2` of a piece; 0 for all levels.
    pub(super) most: f64,
    /// The most steps.
    pub(super) steps: i64,
}

/// Levels between which a piece lies, in steps of a grid of increasing losses: from `low` on, so many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) low: i64,
    pub(super) steps: i64,
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
    /// `None` for a single outcome.
    pub(super) span: Option<Span>,
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

impl Levels {
    pub(super) fn bounds(self) -> (f64, f64) {
        (self.at(self.first), self.at(self.last))
    }

    fn at(self, place: i64) -> f64 {
        to_f64(place) * self.step + self.offset
    }

    /// What lies between two levels, from each to the next that is not left out, by increasing loss of `direction`. `edge` evaluates a
    /// level, `piece` what lies between a lower and a higher one.
    pub(super) fn walk<E: Copy>(
        self,
        direction: Direction,
        edge: impl Fn(f64) -> E,
        piece: impl Fn(E, E) -> Option<Piece>,
        sink: &mut impl FnMut(Piece),
    ) {
        let remove = direction == Direction::Remove;
        let level = |k: i64| edge(self.at(if remove { self.first + k } else { self.last - k }));
        let (start, end) = (if remove { self.first } else { -self.last }, self.last - self.first);
        let (mut at, mut stride, mut before) = (0, 1, level(0));
        while at < end {
            let steps = stride.min(end - at);
            let next = level(at + steps);
            let found = if remove { piece(before, next) } else { piece(next, before) };
            let cost = found.map_or(0.0, |piece| self.thinning.cost(piece, steps, direction));
            if steps > 1 && cost > 4.0 * self.thinning.most {
                stride = steps / 2;
                continue;
            }
            if let Some(piece) = found {
                sink(Piece { span: Some(Span { low: start + at, steps }), ..piece });
            }
            (at, before) = (at + steps, next);
            stride = if 8.0 * cost <= self.thinning.most { (2 * steps).min(self.thinning.steps.max(1)) } else { steps };
        }
    }
}

impl Thinning {
    fn cost(&self, piece: Piece, steps: i64, direction: Direction) -> f64 {
        let (mass, loss) = piece.seen(direction);
        mass * exp(self.order * loss - self.ln_scale) * to_f64(steps) * to_f64(steps)
    }
}

impl Piece {
    /// A single outcome.
    pub(super) fn outcome(p: f64, q: f64, loss: f64, slack: f64) -> Self {
        Self { p, q, loss, slack, span: None }
    }

    /// The mass under the law of the true database, and the loss.
    pub(super) fn seen(self, direction: Direction) -> (f64, f64) {
        if direction == Direction::Remove { (self.p, self.loss) } else { (self.q, -self.loss) }
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

    /// Mass of `A`, and of `B`, that is at no outcome.
    pub(super) fn missing(&self) -> (f64, f64) {
        match self {
            Self::Table { missing_a, missing_b, .. } => (*missing_a, *missing_b),
            _ => (0.0, 0.0),
        }
    }

    /// Outcomes of a discrete law with ratios in a closed interval, by increasing ratio.
    pub(super) fn atoms(&self, low: f64, high: f64) -> Box<dyn DoubleEndedIterator<Item = Atom> + '_> {
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
