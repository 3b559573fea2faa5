//! Subsampling of any mechanism whose divergences are known at integer orders.
//!
//! Poisson sampling (Zhu and Wang, 2019, Theorem 5), add-or-remove-one, integer `alpha >= 2`:
//!
//! ```text
//! A <= (1 - q)^(alpha - 1) (alpha q - q + 1) + C(alpha, 2) q^2 (1 - q)^(alpha - 2) e^D_2
//!        + 3 sum_{i=3}^{alpha} C(alpha, i) q^i (1 - q)^(alpha - i) e^((i - 1) D_i)
//! ```
//!
//! The binomial weights of `i = 0` and `1` add up to the first term, so that `A - 1` is a sum of positive terms. Without the 3 this is the exact expansion of
//! the divergence of the mixture `(1 - q) Q + q P` from `Q`. Where a reflection exchanges `P` and `Q`, the divergence of `Q` from the mixture is no
//! larger (Mironov, Talwar and Zhang, 2019, Theorem 5), and the 3 is not needed. So it is for integers or reals plus noise of a symmetric law, whatever
//! the other parties' data, samples and rounding: condition on them; `x -> D - x` exchanges noise and noise shifted by `D`.
//!
//! Fixed size without replacement (Wang, Balle and Kasiviswanathan, 2019, Theorem 9), replace-one, `q` the part that is sampled:
//!
//! ```text
//! A <= 1 + C(alpha, 2) q^2 min{ 4 (e^D_2 - 1), 2 e^D_2, (e^D_inf - 1)^2 e^D_2 } + sum_{i=3}^{alpha} C(alpha, i) q^i e^((i - 1) D_i) min{ 2, (e^D_inf - 1)^i }
//! ```
//!
//! and for the Gaussian mechanism (their Theorem 27) terms `i >= 3` are also at most `4 sqrt(B_2floor(i/2) B_2ceil(i/2))` with the even moments
//! `B_k = E[(mu/mu_0 - 1)^k]`, `mu = N(1, sigma^2)`, `mu_0 = N(0, sigma^2)`.

use alloc::vec::Vec;
use core::f64::consts::{LN_2, PI};

use crate::account::{
    rdp::series,
    special::{EPS, Sum, ceil, exp, expm1, floor, ln, log_expm1, log1p, log1p_exp, sqrt},
};

const LN_3: f64 = 1.098_612_288_668_109_8;
const LN_4: f64 = 2.0 * LN_2;
/// Beyond this order no amplification is claimed.
pub(crate) const MOST: u8 = 128;

/// `K` at `lambda = 1, 2, ..` up to order [`MOST`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table(Vec<f64>);

impl Table {
    pub(crate) fn new(cgf: impl Fn(f64) -> f64) -> Self {
        Self((1..MOST).map(|lambda| cgf(f64::from(lambda))).collect())
    }

    /// `(i - 1) D_i`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2 <= i <= MOST")]
    fn at(&self, i: f64) -> f64 {
        self.0.get(i as usize - 2).copied().unwrap_or(f64::INFINITY)
    }

    fn amplify(&self, lambda: f64, bound: impl Fn(&Self, f64) -> f64) -> f64 {
        if lambda > f64::from(MOST - 1) {
            return f64::INFINITY;
        }
        series::interpolate(lambda, |lambda| bound(self, lambda + 1.0))
    }

    /// Poisson sampling, `0 < q < 1`, of one release with symmetric noise or of anything; infinite above [`MOST`].
    pub(crate) fn poisson(&self, q: f64, lambda: f64, symmetric: bool) -> f64 {
        self.amplify(lambda, |table, alpha| {
            let term = |i: f64| match table.at(i) {
                cgf if i == 2.0 || symmetric => log_expm1(cgf),
                cgf => LN_3 + cgf + log1p(-exp(-cgf) / 3.0),
            };
            let sum = series::binomial(alpha, alpha * log1p(-q), ln(q) - log1p(-q), f64::INFINITY, term);
            log1p_exp(sum + series::rounding(alpha, table.at(alpha) - alpha * ln(q)))
        })
    }

    /// Sampling of fixed size; infinite above [`MOST`]. `pure` is the largest privacy loss, `moments` those of the Gaussian mechanism.
    pub(crate) fn without_replacement(&self, q: f64, lambda: f64, pure: f64, moments: Option<&Moments>) -> f64 {
        let ln_pure = log_expm1(pure);
        self.amplify(lambda, |table, alpha| {
            let term = |i: f64| {
                let cgf = table.at(i);
                let general = cgf + LN_2.min(i * ln_pure);
                if i == 2.0 {
                    return general.min(LN_4 + log_expm1(cgf));
                }
                moments.map_or(general, |moments| general.min(LN_4 + moments.ln_middle(i)))
            };
            let sum = series::binomial(alpha, 0.0, ln(q), f64::INFINITY, term);
            log1p_exp(sum + series::rounding(alpha, LN_4 + table.at(alpha) - alpha * ln(q)))
        })
    }
}

/// `ln E[(mu/mu_0 - 1)^k]` of the Gaussian mechanism for even `k` (infinite where the other bound is smaller anyway).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments(Vec<f64>);

impl Moments {
    pub(crate) fn new(sigma: f64) -> Self {
        Self((1..=MOST / 2).map(|half| ln_moment(f64::from(half) * 2.0, sigma)).collect())
    }

    /// `ln sqrt(B_2floor(i/2) B_2ceil(i/2))`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "3 <= i <= MOST")]
    fn ln_middle(&self, i: f64) -> f64 {
        let at = |half: f64| self.0.get(half as usize - 1).copied().unwrap_or(f64::INFINITY);
        0.5 * (at(floor(0.5 * i)) + at(ceil(0.5 * i)))
    }
}

/// By the trapezoidal rule. The integrand is entire, and at distance `a` from the real axis at most `e^(a^2 / (2 sigma^2)) (e^u + 1)^k` times the
/// density; with the best `a` the error is below `3 * 2^k e^(k (k - 1) / (2 sigma^2)) e^(-2 (pi sigma / h)^2)`.
fn ln_moment(k: f64, sigma: f64) -> f64 {
    let variance = sigma * sigma;
    // Here the moment is above half of `e^(k (k - 1) / (2 sigma^2))`.
    if k * exp(-(k - 1.0) / variance) < 0.5 {
        return f64::INFINITY;
    }
    let ln_largest = k * LN_2 + 0.5 * k * (k - 1.0) / variance;
    // The moment is at least of the order `sigma^-k`.
    let digits = 42.0 + ln_largest + k * ln(sigma.max(1.0));
    let (step, reach) = (PI * sigma * sqrt(2.0 / digits), sigma * sqrt(2.0 * digits));
    let (mut node, last, mut sum) = (floor(-reach / step), ceil((k + reach) / step), Sum::default());
    let density = ln(step / sigma) - 0.5 * ln(2.0 * PI) - ln_largest;
    while node <= last {
        let z = node * step;
        let ln_ratio = ln(expm1((z - 0.5) / variance).abs());
        sum.add(exp(density + k * ln_ratio - 0.5 * (z / sigma) * (z / sigma)));
        node += 1.0;
    }
    // The strip, and the nodes left out on both sides; then roundings of the exponents.
    let missing = 8.0 * exp(-digits) * (1.0 + step / sigma);
    ln(sum.value() + missing) + ln_largest + EPS * (64.0 * k + 16.0 * digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_gaussian_agree_with_their_alternating_sums() {
        let sigma = 2.0;
        // sum_j (-1)^(k - j) C(k, j) e^(j (j - 1) / (2 sigma^2)) in 40 digits
        for (k, expected) in [(2.0, 0.284_025_416_687_741_5), (4.0, 0.717_841_504_013_815_3), (6.0, 8.571_835_208_975_544)] {
            let got = exp(ln_moment(k, sigma));
            assert!((got / expected - 1.0).abs() < 1e-12, "{k}: {got}");
        }
    }
}
