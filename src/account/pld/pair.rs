//! The pair of laws that dominates a mechanism on a sample.

use libm::{exp, expm1, log, log1p};

use super::{
    gaussian_law, laplace_law,
    law::{Atom, Direction, Law, Levels, Piece, Space},
    normal::UNIT,
};

/// `P = (1 - sampling) B + sampling A` and `Q = B`: a party is in the sample with probability `sampling`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) law: Law,
    pub(super) sampling: f64,
    /// A party of a sample of fixed size is replaced by another. The pair then has the outcomes of `P > Q` with their masses, the same with the two
    /// laws exchanged, and one that says nothing (docs/privacy.md, section 12). The law has to be symmetric.
    pub(super) fixed_size: bool,
}

impl Pair {
    /// The loss `ln(1 - sampling + sampling e^ratio)`.
    pub(super) fn loss(&self, ratio: f64) -> f64 {
        if self.fixed_size && ratio < 0.0 {
            -self.loss(-ratio)
        } else if self.sampling >= 1.0 {
            ratio
        } else if self.sampling * expm1(ratio) < -0.5 {
            // Without a cancellation where sampling is near 1.
            log((1.0 - self.sampling) + self.sampling * exp(ratio))
        } else if ratio < 700.0 {
            log1p(self.sampling * expm1(ratio))
        } else {
            ratio + log(self.sampling) + log1p((1.0 - self.sampling) * exp(-ratio - log(self.sampling)))
        }
    }

    /// The inverse of [`Self::loss`]; minus infinity below its range.
    pub(super) fn ratio(&self, loss: f64) -> f64 {
        if self.sampling >= 1.0 {
            return loss;
        }
        if self.fixed_size && loss < 0.0 {
            return -self.ratio(-loss);
        }
        if loss > 700.0 {
            return loss - log(self.sampling) + log1p(-(1.0 - self.sampling) * exp(-loss));
        }
        if loss < -core::f64::consts::LN_2 {
            let scaled = (exp(loss) - (1.0 - self.sampling)) / self.sampling;
            return if scaled > 0.0 { log(scaled) } else { f64::NEG_INFINITY };
        }
        let scaled = expm1(loss) / self.sampling;
        if scaled > -1.0 { log1p(scaled) } else { f64::NEG_INFINITY }
    }

    /// The least loss, when a party is removed, of mass of `B` that is at no outcome; minus infinity if there is none.
    pub(super) fn least_loss_of_missing(&self, direction: Direction) -> f64 {
        match direction {
            Direction::Remove if self.law.missing().1 > 0.0 => self.loss(f64::NEG_INFINITY),
            _ => f64::NEG_INFINITY,
        }
    }

    /// Losses `ln(P / Q)` between which all mass lies except `tail`, under the law of the true database.
    pub(super) fn loss_range(&self, tail: f64, direction: Direction) -> (f64, f64) {
        let [without, with] = self.law.ratio_ranges(tail);
        let (low, high) = match direction {
            _ if self.fixed_size => {
                let largest = without.1.max(with.1);
                (-largest, largest)
            }
            Direction::Add => without,
            Direction::Remove if self.sampling >= 1.0 => with,
            Direction::Remove => (without.0.min(with.0), without.1.max(with.1)),
        };
        (self.loss(low), self.loss(high))
    }

    /// The distance of the two losses that have mass of their own, if there are two at the ends of a continuous law.
    pub(super) fn spread(&self) -> Option<f64> {
        let Law::Laplace { rate } = self.law else { return None };
        Some(if self.fixed_size { self.loss(rate) } else { self.loss(rate) - self.loss(-rate) })
    }

    /// A loss that the grid should contain, because many outcomes lie at it: the lowest of all, or none.
    pub(super) fn anchor(&self) -> f64 {
        if self.fixed_size {
            return 0.0;
        }
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
        self.fixed_size || (self.sampling >= 1.0 && !matches!(self.law, Law::Table { .. }))
    }

    /// Pure differential privacy: the largest loss of a direction, rounded up. Infinite if there is none.
    pub(super) fn pure_epsilon(&self, direction: Direction) -> f64 {
        let Some((largest, smallest)) = self.law.bounded_ratio() else {
            return if direction == Direction::Add && self.sampling < 1.0 && !self.fixed_size {
                -log1p(-self.sampling) * (1.0 + 4.0 * UNIT)
            } else {
                f64::INFINITY
            };
        };
        let loss = if direction == Direction::Remove || self.fixed_size { self.loss(largest) } else { -self.loss(-smallest) };
        loss.max(0.0) * (1.0 + 8.0 * UNIT)
    }

    /// Calls `sink` with all pieces between the levels, by increasing loss of `direction`. None crosses a level.
    pub(super) fn pieces(&self, levels: Levels, direction: Direction, sink: &mut impl FnMut(Piece)) {
        if self.fixed_size { self.mirrored(levels, direction, sink) } else { self.one_sided(levels, direction, sink) }
    }

    fn one_sided(&self, levels: Levels, direction: Direction, sink: &mut impl FnMut(Piece)) {
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
            // Below, the outcomes above with the laws exchanged.
            _ if self.fixed_size => (self.mix(above.0, above.1), above.1),
            Direction::Remove => (self.mix(above.0, above.1), self.mix(below.0, below.1)),
            Direction::Add => (below.1, above.1),
        };
        match &self.law {
            Law::Gaussian { mu } => {
                let (above, below) = gaussian_law::outside(*mu, low, high);
                above_below(above, below)
            }
            // Both ends are pieces of their own, wherever the levels end.
            Law::Laplace { .. } => (0.0, 0.0),
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
            Law::DiscreteLaplace { .. } | Law::Table { .. } => {
                let (missing_a, missing_b) = self.law.missing();
                let (mut above, mut below) = ((missing_a, 0.0), (0.0, missing_b));
                for atom in self.law.atoms(f64::NEG_INFINITY, f64::INFINITY) {
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
                sink(Piece::outcome(self.mix(atom.a, atom.b), atom.b, loss, 16.0 * UNIT * loss.abs()));
            }
        };
        let atoms = self.law.atoms(low, high);
        if direction == Direction::Remove { atoms.for_each(&mut visit) } else { atoms.rev().for_each(&mut visit) }
    }

    /// The outcomes of a sample of fixed size.
    fn mirrored(&self, levels: Levels, direction: Direction, sink: &mut impl FnMut(Piece)) {
        let poisson = Self { fixed_size: false, ..self.clone() };
        let upper = Levels { first: 0, ..levels };
        let gains = |piece: &Piece| piece.span.is_some() || piece.loss > 0.0;
        let exchanged = |piece: Piece| Piece { p: piece.q, q: piece.p, loss: -piece.loss, ..piece };
        let (first, last): (fn(_, _) -> _, fn(_, _) -> _) = match direction {
            Direction::Remove => (|_, exchanged| exchanged, |piece, _| piece),
            Direction::Add => (|piece, _| piece, |_, exchanged| exchanged),
        };
        poisson.one_sided(upper, Direction::Add, &mut |piece| {
            if gains(&piece) {
                sink(first(piece, exchanged(piece)));
            }
        });
        let nothing = self.nothing();
        sink(Piece::outcome(nothing, nothing, 0.0, 0.0));
        poisson.one_sided(upper, Direction::Remove, &mut |piece| {
            if gains(&piece) {
                sink(last(piece, exchanged(piece)));
            }
        });
    }

    /// The mass without loss: the total variation of the law, by the part that is not sampled, and where both laws are equal.
    fn nothing(&self) -> f64 {
        let variation = |atoms: &mut dyn Iterator<Item = Atom>| {
            let part = |atom: Atom| if atom.ratio > 0.0 { (1.0 - self.sampling) * (atom.a - atom.b) } else { atom.a };
            atoms.filter(|atom| atom.ratio >= 0.0 && atom.ratio.is_finite()).map(part).sum()
        };
        match self.law {
            Law::Gaussian { mu } => (1.0 - self.sampling) * libm::erf(mu / (2.0 * core::f64::consts::SQRT_2)),
            Law::Laplace { rate } => (1.0 - self.sampling) * -expm1(-rate / 2.0),
            _ => variation(&mut self.law.atoms(0.0, f64::INFINITY)),
        }
    }
}
