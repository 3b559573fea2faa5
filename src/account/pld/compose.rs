//! Sums of many privacy losses: the convolution of tilted masses by one Fourier transform, with all errors on the safe side.

use alloc::{sync::Arc, vec, vec::Vec};

use libm::{exp, log, log1p};
use realfft::{ComplexToReal, RealFftPlanner, num_complex::Complex};

use super::{
    law::to_f64,
    normal::{UNIT, ln_hockey_stick_constant},
    pmf::{Pmf, index},
    transform::{NEGLIGIBLE, Product, Transform, transform_length, wrap},
};

/// Bytes that one point of the transform takes: the masses, the spectra of the factor and of the product, its bound, twiddle factors
/// and scratch.
pub(super) const BYTES_PER_POINT: usize = 64;
/// `ln` of the tilted mass outside the window on each side.
const LN_OUTSIDE: f64 = -25.0;
/// Points between two exact evaluations of the geometric factor of the threshold.
const REFRESH: usize = 256;

/// A bound is from this side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Side {
    Lower,
    Upper,
}

/// A rounded loss, so many times.
#[derive(Debug)]
pub(super) struct Factor {
    pub(super) pmf: Pmf,
    pub(super) count: u64,
}

/// How to tilt: the order, and the orders above and below it at which Chernoff's bound gives the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tilt {
    pub(super) order: f64,
    pub(super) above: f64,
    pub(super) below: f64,
}

/// The sum of losses, as masses `e^(order * loss - ln_scale) * P(loss)` at multiples of the step.
#[derive(Debug)]
pub(super) struct Sum {
    step: f64,
    side: Side,
    order: f64,
    ln_scale: f64,
    /// Of the loss of the first mass, in steps.
    first: i128,
    offset: f64,
    /// By how much losses may be wrong, to the safe side.
    shift: f64,
    masses: Vec<f64>,
    /// Tilted mass outside the masses, at most: above, below, and both.
    outside: (f64, f64),
    infinite: f64,
    /// Relative error of everything, as a logarithm.
    ln_error: f64,
}

/// Factors to be summed up, with their cumulant generating function.
pub(super) struct Composition<'a> {
    pub(super) factors: &'a [Factor],
    pub(super) step: f64,
    pub(super) side: Side,
    /// Most points of the transform.
    pub(super) most: usize,
}

impl Composition<'_> {
    /// `ln E e^(order * sum)`.
    pub(super) fn ln_mgf(&self, order: f64) -> f64 {
        self.factors.iter().map(|factor| float(factor.count) * factor.pmf.ln_mgf(order, self.step)).sum()
    }

    /// The probability of an infinite loss, rounded to the safe side.
    pub(super) fn infinite(&self) -> f64 {
        let ln_finite: f64 = self.factors.iter().map(|factor| float(factor.count) * log1p(-factor.pmf.infinite.min(1.0))).sum();
        -libm::expm1(ln_finite) * if self.side == Side::Upper { 1.0 + 1e-12 } else { 1.0 - 1e-12 }
    }

    /// Chernoff's bound on epsilon, from the mass of finite loss.
    pub(super) fn chernoff_epsilon(&self, order: f64, delta: f64) -> f64 {
        let finite = delta - self.infinite();
        if finite <= 0.0 {
            return f64::INFINITY;
        }
        let ln_mgf = self.ln_mgf(order);
        let exponent =
            ln_mgf + ln_hockey_stick_constant(order) - log(finite) + self.ln_error(order, ln_mgf, 0.0) + self.horner_error();
        (exponent / order * (1.0 + 8.0 * UNIT) + self.shift()).max(0.0)
    }

    /// Chernoff's bound on delta.
    pub(super) fn chernoff_delta(&self, order: f64, epsilon: f64) -> f64 {
        let (ln_mgf, epsilon) = (self.ln_mgf(order), epsilon - self.shift());
        let error = self.ln_error(order, ln_mgf, order * epsilon) + self.horner_error();
        (exp(ln_mgf - order * epsilon + ln_hockey_stick_constant(order) + error) + self.infinite()).clamp(f64::MIN_POSITIVE, 1.0)
    }

    /// Adds up. Needs [`BYTES_PER_POINT`] for each step of the window; `None` if these are too many.
    pub(super) fn sum(&self, tilt: Tilt, planner: &mut RealFftPlanner<f64>) -> Option<Sum> {
        let ln_scale = self.ln_mgf(tilt.order);
        let offset = self.offset();
        let (low, high) = self.window(tilt, ln_scale, offset);
        let support = (self.extreme(Pmf::first), self.extreme(Pmf::last));
        let clipped = (low.max(support.0), high.min(support.1).max(low.max(support.0)));
        let length = usize::try_from(clipped.1 - clipped.0 + 1).unwrap_or(usize::MAX);
        if length > self.most {
            return None;
        }
        let outside = exp(LN_OUTSIDE + self.ln_error(tilt.order, ln_scale, 0.0) + self.horner_error());
        let mut sum = Sum {
            step: self.step,
            side: self.side,
            order: tilt.order,
            ln_scale,
            first: clipped.0,
            offset,
            shift: self.shift(),
            masses: Vec::new(),
            outside: (if high < support.1 { outside } else { 0.0 }, if low > support.0 { outside } else { 0.0 }),
            infinite: self.infinite(),
            ln_error: self.ln_error(
                tilt.order,
                ln_scale,
                tilt.order * (self.step * wide(clipped.0.abs().max(clipped.1.abs())) + offset.abs()),
            ),
        };
        if let [Factor { pmf, count: 1 }] = self.factors {
            sum.masses = vec![0.0; usize::try_from(pmf.last() - pmf.first() + 1).unwrap_or(1)];
            wrap(&self.tilted(pmf, tilt.order), &mut sum.masses);
            (sum.first, sum.outside) = (support.0, (0.0, 0.0));
        } else {
            self.convolve(&mut sum, transform_length(length), planner);
        }
        Some(sum)
    }

    /// All but `e^LN_OUTSIDE` of the tilted sum on each side, by Chernoff's bound: `P(X >= x) <= e^(K(s) - s x)`.
    fn window(&self, tilt: Tilt, ln_scale: f64, offset: f64) -> (i128, i128) {
        let high = (self.ln_mgf(tilt.order + tilt.above) - ln_scale - LN_OUTSIDE) / tilt.above;
        let low = -(self.ln_mgf(tilt.order - tilt.below) - ln_scale - LN_OUTSIDE) / tilt.below;
        (steps(((low - offset) / self.step).floor()), steps(((high - offset) / self.step).ceil()))
    }

    fn offset(&self) -> f64 {
        self.factors.iter().map(|factor| float(factor.count) * factor.pmf.offset).sum()
    }

    /// To be added to all losses of the sum.
    fn shift(&self) -> f64 {
        let shift: f64 = self.factors.iter().map(|factor| float(factor.count) * factor.pmf.shift).sum();
        if self.side == Side::Upper { shift } else { -shift }
    }

    fn extreme(&self, end: impl Fn(&Pmf) -> i64) -> i128 {
        self.factors.iter().map(|factor| i128::from(end(&factor.pmf)).saturating_mul(i128::from(factor.count))).sum()
    }

    /// The tilted masses, at places from 0.
    fn tilted(&self, pmf: &Pmf, order: f64) -> Vec<(usize, f64)> {
        let (ln_mgf, first) = (pmf.ln_mgf(order, self.step), pmf.first());
        let tilt = |&(place, mass): &(i64, f64)| {
            let exponent = order * (self.step * to_f64(place) + pmf.offset) - ln_mgf;
            let tilted = if exponent < 600.0 { mass * exp(exponent) } else { exp(log(mass) + exponent) };
            (usize::try_from(place - first).unwrap_or(0), tilted)
        };
        pmf.points.iter().map(tilt).collect()
    }

    /// Of the masses, the tilting and the powers, as a logarithm.
    fn ln_error(&self, order: f64, ln_scale: f64, exponent: f64) -> f64 {
        let of_factor = |factor: &Factor| {
            let largest = order.abs()
                * (self.step * to_f64(factor.pmf.first().abs().max(factor.pmf.last().abs())) + factor.pmf.offset.abs());
            float(factor.count) * (factor.pmf.error + UNIT * (32.0 + 8.0 * largest))
        };
        self.factors.iter().map(of_factor).sum::<f64>() + 16.0 * UNIT * (ln_scale.abs() + exponent.abs())
    }

    /// Of the sums of [`Pmf::ln_mgf`], twice.
    fn horner_error(&self) -> f64 {
        let steps = |pmf: &Pmf| to_f64(pmf.last() - pmf.first() + 64);
        self.factors.iter().map(|factor| float(factor.count) * 8.0 * UNIT * steps(&factor.pmf)).sum()
    }

    /// The cyclic convolution. Each mass then carries the error of the transforms, on the safe side.
    ///
    /// Each coefficient of a transform of non-negative masses of sum 1 is wrong by at most a `unit`. Hence the product of the `count`-th
    /// powers is wrong by the sum of `count * 2 unit` times the product of the magnitudes, none taken below 1/2, and the inverse adds a
    /// unit times the mean magnitude. Products that are certainly negligible are zero from then on.
    fn convolve(&self, sum: &mut Sum, length: usize, planner: &mut RealFftPlanner<f64>) {
        let inverse: Arc<dyn ComplexToReal<f64>> = planner.plan_fft_inverse(length);
        let mut transform = Transform::new(length, planner);
        let mut product = Product::new(length / 2 + 1);
        for factor in self.factors {
            let points = self.tilted(&factor.pmf, sum.order);
            let unit = transform.forward(&points, product.active);
            product.multiply(&transform.spectrum, factor.count, unit);
        }
        let mean = 2.0 * product.bounds.iter().sum::<f64>() / to_f64(index(length));
        let error = mean * (product.error + transform.unit) + 2.0 * NEGLIGIBLE;
        // Real by symmetry, and required to be so: the first, and the last of an even length.
        let (mut values, mut masses, mut scratch) = (product.values, transform.masses, transform.scratch);
        let ends = [0, if length.is_multiple_of(2) { values.len() - 1 } else { 0 }];
        ends.into_iter().for_each(|place| values.iter_mut().skip(place).take(1).for_each(|end| end.im = 0.0));
        scratch.resize(inverse.get_scratch_len().max(scratch.len()), Complex::default());
        // The lengths are right by construction.
        let _ = inverse.process_with_scratch(&mut values, &mut masses, &mut scratch);
        let start = (sum.first - self.extreme(Pmf::first)).rem_euclid(i128::from(index(length)));
        masses.rotate_left(usize::try_from(start).unwrap_or(0));
        let scale = 1.0 / to_f64(index(length));
        let signed = if sum.side == Side::Upper { error } else { -error };
        masses.iter_mut().for_each(|mass| *mass = (*mass * scale + signed).max(0.0));
        sum.masses = masses;
    }
}

impl Sum {
    /// Bounds delta at this epsilon.
    pub(super) fn delta(&self, epsilon: f64) -> f64 {
        let epsilon = epsilon - self.shift;
        let mut tail = Tail::new(self);
        let mut loss = self.loss(self.masses.len());
        for (place, mass) in self.masses.iter().enumerate().rev() {
            let next = self.loss(place);
            if next <= epsilon {
                break;
            }
            loss = next;
            tail.push(*mass);
        }
        let missing = if epsilon < self.loss(0) { self.outside.1 * exp(self.order * (loss - epsilon)) } else { 0.0 };
        let tilted = tail.delta(exp(epsilon - loss)) + if self.side == Side::Upper { missing } else { 0.0 };
        let finite = exp(self.ln_scale - self.order * loss + self.signed_error()) * tilted.max(0.0);
        (finite + self.infinite).clamp(if self.side == Side::Upper { f64::MIN_POSITIVE } else { 0.0 }, 1.0)
    }

    /// Bounds the epsilon that this delta allows; `None` if it lies outside the window.
    pub(super) fn epsilon(&self, delta: f64) -> Option<f64> {
        let finite = delta - self.infinite;
        if finite <= 0.0 {
            return (self.side == Side::Upper || self.infinite > 0.0).then_some(f64::INFINITY);
        }
        // delta(epsilon) = e^(ln_scale - order * loss) * tail
        let threshold = |place: usize| exp(log(finite) - self.ln_scale - self.signed_error() + self.order * self.loss(place));
        let (decay, one_below, mut tail) = (exp(-self.order * self.step), exp(-self.step), Tail::new(self));
        let mut wanted = threshold(self.masses.len());
        if tail.delta(1.0) >= wanted {
            return None;
        }
        for (place, mass) in self.masses.iter().enumerate().rev() {
            wanted = if place % REFRESH == 0 || wanted.is_infinite() { threshold(place) } else { wanted * decay };
            tail.push(*mass);
            if tail.delta(one_below) >= wanted * (1.0 - 1e-12) {
                let difference = tail.difference(threshold(place));
                return Some((self.loss(place) + difference.clamp(-self.step, 0.0) + self.shift).max(0.0));
            }
            if self.loss(place) + self.shift <= 0.0 {
                return Some(0.0);
            }
        }
        None
    }

    fn loss(&self, place: usize) -> f64 {
        wide(self.first + i128::from(index(place))) * self.step + self.offset
    }

    fn signed_error(&self) -> f64 {
        if self.side == Side::Upper { self.ln_error } else { -self.ln_error }
    }
}

/// Sums over losses `l` from some point on, relative to its loss `l0`: of tilted mass times `e^(-order (l - l0))`, and the same times
/// `e^-(l - l0)`.
struct Tail {
    decay: f64,
    steeper: f64,
    sum: f64,
    other: f64,
    /// Added to every result: what the transform may have brought here from outside, for lower bounds.
    constant: f64,
    /// Of the sums: the round-off of a step of Horner's rule, and of how many.
    step_error: f64,
    steps: f64,
    most_steps: f64,
}

impl Tail {
    fn new(of: &Sum) -> Self {
        let (above, constant, sign) = match of.side {
            Side::Upper => (of.outside.0, 0.0, 1.0),
            Side::Lower => (0.0, -of.outside.0 - of.outside.1, -1.0),
        };
        let (decay, steeper) = (exp(-of.order * of.step), exp(-(of.order + 1.0) * of.step));
        let most_steps = 1.0 / (1.0 - decay) + 4.0;
        Self { decay, steeper, sum: above, other: 0.0, constant, step_error: sign * 4.0 * UNIT, steps: 4.0, most_steps }
    }

    fn push(&mut self, mass: f64) {
        self.sum = self.sum * self.decay + mass;
        self.other = self.other * self.steeper + mass;
        self.steps += 1.0;
    }

    /// The hockey-stick divergence at an epsilon with `ratio = e^(epsilon - l0)`, tilted.
    fn delta(&self, ratio: f64) -> f64 {
        self.rounded_sum() - ratio * self.other
    }

    /// `epsilon - l0` at which [`Self::delta`] is `wanted`.
    fn difference(&self, wanted: f64) -> f64 {
        log((self.rounded_sum() - wanted).max(0.0) / self.other)
    }

    fn rounded_sum(&self) -> f64 {
        self.sum * (1.0 + self.step_error * self.steps.min(self.most_steps)) + self.constant
    }
}

#[allow(clippy::cast_precision_loss, reason = "above 2^53 a count is rounded: less than the errors that it multiplies")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss, reason = "a grid point, times the step: rounded like all losses")]
fn wide(steps: i128) -> f64 {
    steps as f64
}

#[allow(clippy::cast_possible_truncation, reason = "saturates")]
fn steps(value: f64) -> i128 {
    // Room to add and subtract.
    value.clamp(-1e30, 1e30) as i128
}
