//! Rényi divergence of the Gaussian mechanism on a Poisson sample (Mironov, Talwar and Zhang, 2019).
//!
//! With `mu_0 = N(0, sigma^2)`, `mu = (1 - q) mu_0 + q N(1, sigma^2)` and `x = mu/mu_0 - 1`, their Theorem 4 and Corollary 7 reduce both
//! directions to `A = E[(1 + x)^alpha]` under `mu_0`. Since `E[x] = 0`,
//!
//! ```text
//! A - 1 = E[g(x)],      g(x) = (1 + x)^alpha - 1 - alpha x >= 0
//! ```
//!
//! which loses no digits however small it is. For integer `alpha`, from their section 3.3,
//!
//! ```text
//! A - 1 = sum_{i >= 2} C(alpha, i) (1 - q)^(alpha - i) q^i (exp((i^2 - i) / (2 sigma^2)) - 1)
//! ```
//!
//! For other orders the trapezoidal rule with step `h` integrates `g` (their series needs differences of `erfc`). `g` times the density is analytic
//! in the strip `|Im z| <= a < pi sigma^2`, where `1 + x` does not meet the negative axis, and there it is at most `exp(a^2 / (2 sigma^2))`
//! times what it is on the real axis with `|g| <= |1 + x|^alpha + 1 + alpha |x|`. So (Trefethen and Weideman, 2014, Theorem 5.1)
//!
//! ```text
//! |error| <= 2 exp(a^2 / (2 sigma^2)) (A + 1 + 2 alpha) / (exp(2 pi a / h) - 1)
//! ```
//!
//! Nodes farther than `L sigma` from both 0 and `alpha`, the centres of the two humps, are left out; what they can hold follows from
//! `(1 + x)^alpha <= 2^(alpha - 1) ((1 - q)^alpha + (q e^u)^alpha)`. All three errors are added to the result.

use core::f64::consts::{LN_2, PI};

use crate::account::{
    rdp::series,
    special::{EPS, Sum, ceil, exp, expm1, floor, ln, log_add, log_expm1, log1p, log1p_exp, sqrt},
};

const LN_3: f64 = 1.098_612_288_668_109_8;
/// Above this order no amplification is claimed.
const MOST_INTEGER: f64 = 16384.0;
/// Other orders above this one are interpolated.
const MOST_FRACTIONAL: f64 = 256.0;
/// Outside these noise multipliers the humps are needles, or squares overflow; other orders are interpolated.
const SIGMAS: core::ops::Range<f64> = 0.01..1e9;
/// Below this sampling probability too: the rule needs nodes in proportion to its logarithm.
const LEAST_Q: f64 = 1e-30;

/// Upper bound on `lambda D_(1 + lambda)`, for `0 < q < 1`.
pub(crate) fn cgf(q: f64, sigma: f64, lambda: f64) -> f64 {
    let alpha = lambda + 1.0;
    let plain = lambda * alpha / (2.0 * sigma * sigma) * (1.0 + 4.0 * EPS);
    let amplified = if alpha > MOST_INTEGER {
        f64::INFINITY
    } else if floor(alpha) == alpha {
        integer(q, sigma, alpha)
    } else if alpha > MOST_FRACTIONAL || !SIGMAS.contains(&sigma) || q < LEAST_Q {
        series::interpolate(lambda, |lambda| integer(q, sigma, lambda + 1.0))
    } else {
        fractional(q, sigma, lambda)
    };
    amplified.min(plain)
}

/// `ln A` for integer `alpha >= 2`.
fn integer(q: f64, sigma: f64, alpha: f64) -> f64 {
    let two_variance = 2.0 * sigma * sigma;
    let ln_odds = ln(q) - log1p(-q);
    // (e^b - 1) / (e^a - 1) <= e^(b - a) b / a
    let growth = 2.0 * alpha / two_variance + LN_3;
    let sum = series::binomial(alpha, alpha * log1p(-q), ln_odds, growth, |i| log_expm1(i * (i - 1.0) / two_variance));
    let largest = alpha * (alpha / two_variance - ln(q));
    log1p_exp(sum + series::rounding(alpha, largest))
}

/// `ln A` for any `alpha > 1` by the trapezoidal rule.
fn fractional(q: f64, sigma: f64, lambda: f64) -> f64 {
    let (rule, alpha) = (Rule::new(q, sigma, lambda), lambda + 1.0);
    let mut sum = Partial::default();
    let (near, far) = (rule.reach * sigma, alpha - rule.reach * sigma);
    if near < far {
        rule.add(&mut sum, -near, near);
        rule.add(&mut sum, far, alpha + near);
    } else {
        rule.add(&mut sum, -near, alpha + near);
    }
    let inside = ln((sum.total.value() + sum.error) * (1.0 + 64.0 * EPS)) + rule.scale * (1.0 + 4.0 * EPS);
    let whole = log_add(inside, rule.ln_left_out());
    // `c (A + 1 + 2 alpha)` with `A` from the rule itself: the factor 2 covers that `A` may be larger, by the same error.
    let strip = rule.ln_strip + LN_2 + log_add(whole, ln(2.0 + 2.0 * alpha));
    log1p_exp(log_add(whole, strip))
}

#[derive(Default)]
struct Partial {
    total: Sum,
    error: f64,
}

/// The trapezoidal rule for one mechanism and order.
struct Rule {
    q: f64,
    sigma: f64,
    /// Kept beside `alpha`, which may have lost its digits.
    lambda: f64,
    alpha: f64,
    step: f64,
    /// Half-width of a window, in standard deviations.
    reach: f64,
    /// Logarithm of the mass of the second hump, `q^alpha exp((alpha^2 - alpha) / (2 sigma^2))`.
    ln_hump: f64,
    /// Sums are divided by `exp(scale)`, so that they can not overflow.
    scale: f64,
    /// Logarithm of `2 exp(a^2 / (2 sigma^2)) / (exp(2 pi a / h) - 1)`.
    ln_strip: f64,
}

impl Rule {
    fn new(q: f64, sigma: f64, lambda: f64) -> Self {
        let alpha = lambda + 1.0;
        // `A - 1` is of the order of `q^2 / sigma^2` for large `sigma`; the errors shall be far below.
        let digits = 42.0 - 2.0 * ln(q) + 2.0 * ln(sigma.max(1.0));
        let strip = (0.95 * PI * sigma * sigma).min(sigma * sqrt(2.0 * digits));
        let growth = strip * strip / (2.0 * sigma * sigma);
        let step = 2.0 * PI * strip / (digits + growth);
        let ln_hump = alpha * ln(q) + alpha * (alpha - 1.0) / (2.0 * sigma * sigma);
        let ln_strip = LN_2 + growth - log_expm1(2.0 * PI * strip / step) + 1e-9;
        Self {
            q,
            sigma,
            lambda,
            alpha,
            step,
            reach: sqrt(2.0 * (digits + alpha * LN_2)),
            ln_hump,
            scale: ln_hump.max(0.0),
            ln_strip,
        }
    }

    /// Adds the nodes of an interval.
    fn add(&self, sum: &mut Partial, from: f64, to: f64) {
        let density = ln(self.step / self.sigma) - 0.5 * ln(2.0 * PI) - self.scale;
        let (mut node, last) = (floor(from / self.step), ceil(to / self.step));
        while node <= last {
            let z = node * self.step;
            let spread = 0.5 * (z / self.sigma) * (z / self.sigma);
            let (term, relative, absolute) = self.term(z, density - spread);
            sum.total.add(term);
            sum.error += EPS * (term * (relative + 8.0 * spread) + absolute);
            node += 1.0;
        }
    }

    /// `g e^ln_weight` at `z`, with its relative and absolute rounding errors in units of [`EPS`].
    fn term(&self, z: f64, ln_weight: f64) -> (f64, f64, f64) {
        let (alpha, lambda) = (self.alpha, self.lambda);
        let u = (z - 0.5) / (self.sigma * self.sigma);
        // Above, `x` may overflow; `(1 - q) / (q e^u)` is rounded up.
        let ln_ratio = if u > 600.0 { ln(self.q) + u + 1e-200 } else { log1p(self.q * expm1(u)) };
        if lambda * ln_ratio > 60.0 {
            // 1 + alpha x is below EPS (1 + x)^alpha: leave it out, upwards.
            return (exp(ln_weight + alpha * ln_ratio), 16.0 + 8.0 * alpha * ln_ratio, 0.0);
        }
        if ln_ratio > 1.0 {
            // g = (1 + x) ( (1 + x)^lambda - 1 - lambda x / (1 + x) )
            let (growth, slope) = (expm1(lambda * ln_ratio), -lambda * expm1(-ln_ratio));
            let weight = exp(ln_weight + ln_ratio);
            return (weight * (growth - slope).max(0.0), 16.0 + 8.0 * ln_ratio, 8.0 * weight * (growth + slope));
        }
        let (x, weight) = (self.q * expm1(u), exp(ln_weight));
        if x.abs() * alpha < 0.01 {
            return (weight * binomial_remainder(x, lambda), 32.0, 0.0);
        }
        let (growth, slope) = ((1.0 + x) * expm1(lambda * ln_ratio), lambda * x);
        (weight * (growth - slope).max(0.0), 16.0, 8.0 * weight * (growth.abs() + slope.abs()))
    }

    /// Logarithm of a bound on what the nodes outside the windows can add. The density at the edge times `1 + h/sigma` bounds the sum over
    /// the nodes of a decreasing tail.
    fn ln_left_out(&self) -> f64 {
        let (alpha, edge) = (self.alpha, -0.5 * self.reach * self.reach);
        let tail = edge + log1p(self.step / self.sigma) - 0.5 * ln(2.0 * PI);
        let humps = (alpha - 1.0) * LN_2 + log_add(alpha * log1p(-self.q), self.ln_hump);
        // To the left, `-alpha x` is at most `alpha q`.
        LN_2 + tail + log_add(humps, ln(alpha * self.q))
    }
}

/// `(1 + x)^alpha - 1 - alpha x` by the binomial series, `alpha = 1 + lambda`, for `alpha |x| < 0.01`.
fn binomial_remainder(x: f64, lambda: f64) -> f64 {
    let mut term = 0.5 * lambda * (lambda + 1.0) * x * x;
    let mut sum = term;
    for k in 2_u8..10 {
        term *= (lambda + 1.0 - f64::from(k)) / f64::from(k + 1) * x;
        sum += term;
    }
    sum
}
