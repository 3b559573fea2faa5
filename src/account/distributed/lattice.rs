//! The Rényi divergence between a symmetric log-concave law on the integers and its shift, with an error bound.
//!
//! A law `P` is held as `P(k) = exp(-k^2/(2V)) u(k) / N` with any reference variance `V`: the Gaussian factor is exact and `ln u` is small.
//! The identity `a (x - D)^2 - (a - 1) x^2 = (x - aD)^2 - a (a - 1) D^2` gives, for every real order `a > 1` and integer shift `D`,
//!
//! ```text
//! R_a(D) = a D^2/(2V) + ln( sum_x exp(-(x - aD)^2/(2V)) u(x - D)^a u(x)^(1-a) / N ) / (a - 1),   N = sum_x exp(-x^2/(2V)) u(x)
//! ```
//!
//! What is left out of the first sum is bounded (`left` and `right` below); leaving terms out of `N` only raises the result.

use alloc::vec::Vec;

use super::interval::LIBM;

/// Terms below `exp(-CUT)` of the largest one are left out.
const CUT: f64 = 48.0;

/// How the terms of the sum behave to the right of the table.
#[derive(Clone, Debug)]
pub(super) enum Tail {
    /// For `x >= D` the terms are log-concave in `x`.
    LogConcave,
    /// `ln u(x - D) - ln u(x) <= rise(D)` for every `x`, and `u` is largest at zero.
    Bounded(Rise),
}

/// Upper bound on `ln u(x - D) - ln u(x)`, and one on the curvature, for sums of `n` discrete Gaussians.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rise {
    /// `ln max u - ln min u`, or infinity.
    pub(super) range: f64,
    /// The period `n` of `u`.
    pub(super) period: f64,
    /// Variance parameter of one share.
    pub(super) local: f64,
    /// Not below `2 ln P(k) - ln P(k-1) - ln P(k+1)`, for every `k`.
    pub(super) curvature: f64,
}

impl Rise {
    /// `min{ range, r (n - r)/(2 s^2 n) }` with `r = D mod n`, rounded up (docs/privacy.md, section 10.6).
    pub(super) fn at(&self, shift: f64) -> f64 {
        let rest = libm::fmod(shift, self.period);
        let split = rest * (self.period - rest) / (2.0 * self.local * self.period);
        self.range.min(split * (1.0 + 8.0 * f64::EPSILON))
    }
}

/// A law on the integers, as the module says.
#[derive(Clone, Debug)]
pub(super) struct Law {
    variance: f64,
    /// `ln u(k)` for `k = 0, 1, ..` and a bound on its absolute error.
    log_u: Vec<(f64, f64)>,
    tail: Tail,
    /// Not above `ln N`.
    log_norm: f64,
    /// Where the left tail begins: `-left`.
    left: f64,
    /// Not below the logarithm of the probability below `-left`.
    log_left: f64,
}

impl Law {
    /// The law with these `ln u(0), ln u(1), ..` and their errors. None if the table does not reach the tail.
    pub(super) fn new(variance: f64, log_u: Vec<(f64, f64)>, tail: Tail) -> Option<Self> {
        let mut law = Self { variance, log_u, tail, log_norm: 0.0, left: 0.0, log_left: 0.0 };
        law.log_norm = law.least_log_norm()?;
        (law.left, law.log_left) = law.left_tail()?;
        Some(law)
    }

    /// `ln u(|k|)`, and a bound on its error.
    fn at(&self, k: f64) -> Option<(f64, f64)> {
        self.log_u.get(index(k)?).copied()
    }

    /// `-k^2/(2V) + ln u(k)`, and a bound on its error.
    fn log_weight(&self, k: f64) -> Option<(f64, f64)> {
        let (square, (log_u, error)) = (k * k / (2.0 * self.variance), self.at(k)?);
        Some((log_u - square, error + 4.0 * f64::EPSILON * (square + log_u.abs())))
    }

    /// Not above `ln N`.
    fn least_log_norm(&self) -> Option<f64> {
        let mut sum = 0.0;
        for k in 0..self.log_u.len() {
            let (weight, error) = self.log_weight(real(k))?;
            let term = libm::exp(weight - error) * (1.0 - 2.0 * LIBM);
            if k > 0 && weight < -CUT {
                break;
            }
            sum += if k == 0 { term } else { 2.0 * term };
        }
        let sum = sum * (1.0 - real(self.log_u.len() + 2) * f64::EPSILON);
        let log = libm::log(sum);
        log.is_finite().then(|| log - log.abs() * LIBM)
    }

    /// The first `k` with `P(k) < exp(-CUT) P(0)` about, and the logarithm of the probability from there on: at most that of a geometric
    /// series, because `P` is log-concave.
    fn left_tail(&self) -> Option<(f64, f64)> {
        let start = (1..self.log_u.len()).map(real).find(|&k| self.log_weight(k).is_some_and(|(weight, _)| weight < -CUT))?;
        let (first, error) = self.log_weight(start)?;
        let (before, error_before) = self.log_weight(start - 1.0)?;
        let log = log_geometric(first + error, first - before + error + error_before)?;
        Some((start - 1.0, log - self.log_norm))
    }

    /// An upper bound on `R_a(D)` for the order `a > 1` and `D >= 1`; None if the table is too short. Leaves the logarithms of the terms in
    /// `terms`.
    pub(super) fn divergence(&self, order: f64, shift: f64, terms: &mut Vec<f64>) -> Option<f64> {
        let gain = order * (order - 1.0) * shift * shift / (2.0 * self.variance) * (1.0 - 8.0 * f64::EPSILON);
        let largest = self.sum_terms(order, shift, terms)?;
        // The left tail in the same unit: N exp(-gain) times its probability.
        terms.push(self.log_norm + 4.0 * LIBM * self.log_norm.abs() + self.log_left - gain);
        let log = log_sum(terms, largest);
        let slope = order * shift * shift / (2.0 * self.variance);
        let rest = (log - self.log_norm) / (order - 1.0);
        let rounding = slope + rest.abs() + (log.abs() + self.log_norm.abs()) / (order - 1.0);
        let value = slope + rest + 8.0 * f64::EPSILON * rounding;
        value.is_finite().then_some(value)
    }

    /// Fills `terms` with upper bounds on the logarithms of the terms from the left tail on, then of the sum of those further right.
    /// Returns the largest.
    fn sum_terms(&self, order: f64, shift: f64, terms: &mut Vec<f64>) -> Option<f64> {
        terms.clear();
        // At most D/2, where P(x - D) <= P(x): so what is left of it is at most the probability of the left tail.
        let mut x = libm::floor(shift / 2.0).min(shift - self.left);
        let (mut largest, mut before) = (f64::NEG_INFINITY, (f64::NEG_INFINITY, 0.0));
        loop {
            let term = self.log_term(order, shift, x)?;
            terms.push(term.0 + term.1);
            largest = largest.max(term.0 + term.1);
            if x >= shift && term.0 < largest - CUT {
                let right = self.right_tail(order, shift, x, before, term).filter(|right| *right < largest - CUT / 2.0);
                if let Some(right) = right {
                    terms.push(right);
                    return Some(largest);
                }
            }
            before = term;
            x += 1.0;
        }
    }

    /// The logarithm of the term at `x`, and a bound on its error.
    fn log_term(&self, order: f64, shift: f64, x: f64) -> Option<(f64, f64)> {
        let (moved, still) = (self.at(x - shift)?, self.at(x)?);
        let (away, twice) = (x - order * shift, 2.0 * self.variance);
        let square = away * away / twice;
        let (up, down) = (order * moved.0, (order - 1.0) * still.0);
        // The centre `order shift` is itself rounded.
        let centre = 2.0 * away.abs() * (order * shift + away.abs()) / twice;
        let rounding = 4.0 * f64::EPSILON * (square + up.abs() + down.abs() + centre);
        Some((up - down - square, order * moved.1 + (order - 1.0) * still.1 + rounding))
    }

    /// Not below the logarithm of the sum of the terms beyond `x`, given the last two, `before` and `last` (at `x`), with their errors.
    fn right_tail(&self, order: f64, shift: f64, x: f64, before: (f64, f64), last: (f64, f64)) -> Option<f64> {
        match &self.tail {
            Tail::LogConcave => {
                let ratio = last.0 - before.0 + last.1 + before.1 + 4.0 * f64::EPSILON * (last.0.abs() + before.0.abs());
                Some(log_geometric(last.0 + last.1, ratio)? + ratio)
            }
            Tail::Bounded(rise) => {
                let away = x + 1.0 - order * shift;
                let (square, step) = (away * away / (2.0 * self.variance), away / self.variance);
                let &(most, error) = self.log_u.first()?;
                let top = most + error + (order - 1.0) * rise.at(shift);
                // The exponents fall by at least `step` from one integer to the next.
                let log = log_geometric(top - square, -step * (1.0 - 8.0 * f64::EPSILON))
                    .map(|log| log + 8.0 * f64::EPSILON * (top.abs() + square + step.abs() * (order * shift + 1.0)));
                let other = self.by_curvature(order, shift, x, rise.curvature, last);
                [log, other].into_iter().flatten().reduce(f64::min)
            }
        }
    }

    /// The same from `t(x+1)/t(x) = exp(-L(x+1-D) + (a - 1)(L(x+1) - L(x+1-D)))`, `L(k) = ln P(k-1) - ln P(k)`: `L` never falls, and rises
    /// by at most the curvature a step.
    fn by_curvature(&self, order: f64, shift: f64, x: f64, curvature: f64, last: (f64, f64)) -> Option<f64> {
        let (near, far) = (self.log_weight(x - shift)?, self.log_weight(x - shift + 1.0)?);
        let slope = near.0 - far.0 - near.1 - far.1;
        let ratio = (order - 1.0) * shift * curvature - slope;
        let ratio = ratio + 8.0 * f64::EPSILON * ((order - 1.0) * shift * curvature + near.0.abs() + far.0.abs());
        Some(log_geometric(last.0 + last.1, ratio)? + ratio)
    }
}

/// Not below the logarithm of `exp(first) (1 + r + r^2 + ..)` with `r = exp(log_ratio)`; None unless `r` is clearly below 1.
fn log_geometric(first: f64, log_ratio: f64) -> Option<f64> {
    let missing = -libm::expm1(log_ratio);
    (missing > 1e-9).then(|| {
        let log = libm::log(missing * (1.0 - 2.0 * LIBM));
        first - log + 4.0 * LIBM * (first.abs() + log.abs())
    })
}

/// Not below the logarithm of the sum of `exp` of the logarithms, none of which is far above `largest`.
fn log_sum(logs: &[f64], largest: f64) -> f64 {
    let sum: f64 = logs.iter().map(|log| libm::exp(log - largest)).sum();
    // Of each term: the difference (its error is below EPSILON times its magnitude, which matters only near the largest), and `exp`.
    let rounding = LIBM * 2.0 + f64::EPSILON * (real(logs.len()) + largest.abs() + 2.0 * CUT);
    let log = libm::log(sum * (1.0 + rounding));
    largest + log + (log.abs() + largest.abs()) * LIBM
}

#[allow(clippy::cast_precision_loss, reason = "tables are far shorter than 2^53")]
fn real(k: usize) -> f64 {
    k as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small integer")]
fn index(k: f64) -> Option<usize> {
    (k.abs() < 4.0e9).then_some(k.abs() as usize)
}
