//! The law of the sum of `n` discrete Gaussians, to a bounded relative error deep into its tails.
//!
//! With the one-client law proportional to `exp(-k^2/(2 s^2))`, the sum of `m` of them is `P_m(k) = exp(-k^2/(2 m s^2)) u_m(k)`, where
//! `u_m` has period `m` and `u_1 = 1`; two such laws convolve by
//!
//! ```text
//! u_2m(k)  = sum_j u_m(j) u_m(k - j) exp(-(j - k/2)^2 / (m s^2))
//! u_m+1(k) = sum_x u_m(k - x) exp(-((m + 1) x - k)^2 / (2 m (m + 1) s^2))
//! ```
//!
//! All summands are positive, so rounding costs a bounded *relative* error at every `k`, however small `P_m(k)`. The summands are
//! log-concave in the summation index (both laws are), so what lies outside a window is at most a geometric series.

use alloc::{vec, vec::Vec};

use super::interval::LIBM;

/// Summands below `exp(-CUT)` of the largest one are left out.
const CUT: f64 = 42.0;
/// Products of two entries and a weight must stay normal numbers.
const LEAST: f64 = 1e-140;
/// Summands are not added from the first one on that is below this.
const TINY: f64 = 1e-300;

/// `u_m(0), u_m(1), ..` up to a common factor.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Values; all positive.
    pub(super) u: Vec<f64>,
    /// Largest relative error.
    pub(super) error: f64,
}

/// A summand, and the sums so far.
#[derive(Clone, Copy, Default)]
struct Window {
    sum: f64,
    /// Sum weighted with the exponents, whose rounding errors are proportional to them.
    exponents: f64,
    count: f64,
    last: f64,
    before: f64,
    /// The next summand may be too small for `f64`; so are all further ones.
    done: bool,
}

impl Window {
    fn add(&mut self, factor: f64, exponent: f64) {
        let summand = factor * libm::exp(-exponent);
        self.add_summand(summand, exponent);
    }

    fn add_summand(&mut self, summand: f64, exponent: f64) {
        self.done |= summand < TINY;
        if self.done {
            return;
        }
        self.sum += summand;
        self.exponents += summand * exponent;
        self.count += 1.0;
        self.before = self.last;
        self.last = summand;
    }

    /// Not below the sum of the summands after the last one that was added. None unless two were, the second one smaller. Summands have
    /// relative errors far below 1e-6.
    fn rest(&self) -> Option<f64> {
        let ratio = self.last / self.before * (1.0 + 1e-6);
        (ratio < 1.0).then(|| self.last * ratio / (1.0 - ratio) * (1.0 + 1e-6))
    }
}

impl Table {
    /// The table of `n >= 1` shares with variance parameter `local`, for `k = 0..=reach`. None if a value is too small for `f64`.
    pub(super) fn of_sum(n: usize, local: f64, reach: usize) -> Option<Self> {
        if n == 1 {
            return Some(Self { u: vec![1.0; reach + 1], error: 0.0 });
        }
        if n % 2 == 1 {
            let wide = ceil(libm::sqrt(2.0 * CUT * local)) + 1;
            return Self::of_sum(n - 1, local, reach + wide + 1)?.plus_one(n - 1, local, reach, wide);
        }
        let wide = ceil(libm::sqrt(CUT * local * real(n / 2))) + 1;
        Self::of_sum(n / 2, local, reach / 2 + wide + 1)?.doubled(n / 2, local, reach, wide)
    }

    /// From `m` shares to `2m`.
    fn doubled(&self, m: usize, local: f64, reach: usize, wide: usize) -> Option<Self> {
        let exponent = |half_steps: usize| real(half_steps * half_steps) / (4.0 * local * real(m));
        let weights: Vec<(f64, f64)> = (0..=2 * wide).map(exponent).map(|x| (libm::exp(-x), x)).collect();
        let mut next = Collected::new(reach);
        for k in 0..=reach {
            let mut window = Window::default();
            // `step` is twice the distance of `j` from `k/2`.
            for step in (k % 2..=2 * wide).step_by(2) {
                let (near, far) = (self.u.get(k.abs_diff(step) / 2)?, self.u.get((k + step) / 2)?);
                let &(weight, x) = weights.get(step)?;
                let both = if step == 0 { 1.0 } else { 2.0 };
                window.add_summand(both * near * far * weight, x);
            }
            next.push(&window, window.rest()?)?;
        }
        next.finish(2.0 * self.error)
    }

    /// From `m` shares to `m + 1`.
    fn plus_one(&self, m: usize, local: f64, reach: usize, wide: usize) -> Option<Self> {
        let scale = 2.0 * local * real(m) * real(m + 1);
        let mut next = Collected::new(reach);
        for k in 0..=reach {
            let centre = k / (m + 1);
            let summand = |window: &mut Window, x: usize, negative: bool| {
                let (rest, moved) = if negative { (k + x, (m + 1) * x + k) } else { (k.abs_diff(x), ((m + 1) * x).abs_diff(k)) };
                self.u.get(rest).map(|u| window.add(*u, real(moved) * real(moved) / scale))
            };
            let mut right = Window::default();
            (centre + 1..=centre + 1 + wide).try_for_each(|x| summand(&mut right, x, false))?;
            let mut left = Window::default();
            (centre.saturating_sub(wide)..=centre).rev().try_for_each(|x| summand(&mut left, x, false))?;
            (1..=wide.saturating_sub(centre)).try_for_each(|x| summand(&mut left, x, true))?;
            let rest = right.rest()? + left.rest()?;
            let both = Window {
                sum: left.sum + right.sum,
                exponents: left.exponents + right.exponents,
                count: left.count + right.count,
                ..left
            };
            next.push(&both, rest)?;
        }
        next.finish(self.error)
    }
}

/// The entries of the next table and the largest relative error made in computing one.
struct Collected {
    u: Vec<f64>,
    error: f64,
}

impl Collected {
    fn new(reach: usize) -> Self {
        Self { u: Vec::with_capacity(reach + 1), error: 0.0 }
    }

    /// Takes the sum of a window; `rest` is what it left out.
    fn push(&mut self, window: &Window, rest: f64) -> Option<()> {
        // Each exponent has a relative error of at most 4 EPSILON, the variance's own half ulp included.
        let exponents = 4.0 * f64::EPSILON * window.exponents / window.sum;
        let error = exponents + LIBM + f64::EPSILON * (window.count + 4.0) + rest / window.sum;
        self.error = self.error.max(error * (1.0 + 1e-6));
        self.u.push(window.sum);
        let first = *self.u.first()?;
        (window.sum >= LEAST * first && window.sum.is_finite() && error < 1e-6).then_some(())
    }

    /// Scales by a power of two, which is exact, so that the first entry is near 1.
    /// None if the error is no longer small, which [`Window::rest`] assumes.
    fn finish(mut self, inherited: f64) -> Option<Table> {
        let factor = libm::exp2(-libm::floor(libm::log2(self.u.first().copied().unwrap_or(1.0))));
        self.u.iter_mut().for_each(|u| *u *= factor);
        // (1 + a)(1 + b) <= 1 + a + b + ab; both are far below 1.
        let error = (inherited + self.error) * (1.0 + 1e-6);
        (error < 1e-7).then_some(Table { u: self.u, error })
    }
}

#[allow(clippy::cast_precision_loss, reason = "squares of table positions stay below 2^53")]
fn real(k: usize) -> f64 {
    k as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and far below 2^32")]
fn ceil(x: f64) -> usize {
    libm::ceil(x) as usize
}
