//! Rényi divergences in closed form. Each function returns an upper bound on `lambda D_alpha`, `alpha = 1 + lambda`.

use crate::account::special::{EPS, exp, expm1, expm1_less_x, floor, ln, log_expm1, log1p, log1p_exp, real};

/// Anything with pure epsilon: the divergence of randomised response, which every such mechanism can be simulated from (Kairouz, Oh and
/// Viswanath, 2015, Theorem 3.1). With `p = 1 / (1 + e^-epsilon)`:
///
/// ```text
/// A - 1 = p^alpha (1 - p)^(1 - alpha) + (1 - p)^alpha p^(1 - alpha) - 1
///       = (e^(lambda epsilon) - 1) (e^(alpha epsilon) - 1) e^(-lambda epsilon) / (1 + e^epsilon)
/// ```
pub(crate) fn pure_dp(epsilon: f64, lambda: f64) -> f64 {
    if epsilon == 0.0 || epsilon == f64::INFINITY {
        return lambda * epsilon;
    }
    let less_one = log_expm1(lambda * epsilon) + log_expm1((lambda + 1.0) * epsilon) - lambda * epsilon - log1p_exp(epsilon);
    above(log1p_exp(less_one), lambda * epsilon).min(lambda * epsilon)
}

/// Laplace noise of scale `scale` times the sensitivity (Mironov, 2017, Proposition 6):
///
/// ```text
/// A = ( alpha e^(lambda / scale) + lambda e^(-alpha / scale) ) / (2 alpha - 1)
/// ```
///
/// whose linear terms cancel.
pub(crate) fn laplace(scale: f64, lambda: f64) -> f64 {
    let (alpha, odd) = (lambda + 1.0, 2.0 * lambda + 1.0);
    let (up, down) = (lambda / scale, -alpha / scale);
    let value = if up > 30.0 {
        up + ln(alpha / odd) + log1p(lambda / alpha * exp(down - up))
    } else {
        log1p((alpha * expm1_less_x(up) + lambda * expm1_less_x(down)) / odd)
    };
    above(value, value).min(up)
}

/// Discrete Laplace noise `exp(-a |x|)` on an integer that changes by `d`: the sum over the integers left of both, between, and right of both
/// (Canonne, Kamath and Steinke, 2020, give the mechanism):
///
/// ```text
/// A = tanh(a/2) [ (e^(a lambda d) + e^(-a alpha d)) / (1 - e^-a) + e^(a lambda d) sum_{x=1}^{d-1} e^(-a (2 alpha - 1) x) ]
/// ```
pub(crate) fn discrete_laplace(a: f64, d: u64, lambda: f64) -> f64 {
    let (shift, rate) = (real(d), a * (2.0 * lambda + 1.0));
    let outside = -(1.0 + exp(-rate * shift)) / expm1(-a);
    // Zero terms give exactly zero.
    let between = exp(-rate) * expm1(-rate * (shift - 1.0)) / expm1(-rate);
    let ln_scale = ln(-expm1(-a)) - log1p(exp(-a));
    let value = a * lambda * shift + ln_scale + ln(outside + between);
    let most = pure_dp(a * shift, lambda);
    if value.is_finite() { above(value, 4.0 + a * lambda * shift + ln_scale.abs()).min(most) } else { most }
}

/// Discrete Gaussian noise with scale parameter `sigma` on an integer that changes by `d`: completing the square,
///
/// ```text
/// A = e^(lambda alpha d^2 / (2 sigma^2)) theta(lambda d) / theta(0),      theta(c) = sum_x e^(-(x - c)^2 / (2 sigma^2)),
/// ```
///
/// exactly. `theta(c) <= theta(0)` (Canonne, Kamath and Steinke, 2020, Fact 18), hence the published bound, that of the Gaussian. A
/// smaller change has a smaller divergence: the shifts of a symmetric log-concave law have monotone likelihood ratios.
pub(crate) fn discrete_gaussian(sigma: f64, d: u64, lambda: f64) -> f64 {
    let shift = real(d) / sigma;
    let published = 0.5 * lambda * (lambda + 1.0) * shift * shift * (1.0 + 8.0 * EPS);
    // Above, theta is constant to 1e-30; a shift of many periods has lost its fraction.
    if sigma > 2.0 || lambda * real(d) > 1e6 {
        return published;
    }
    let centre = lambda * real(d) - floor(lambda * real(d));
    let ratio = ln(theta(sigma, centre) / theta(sigma, 0.0));
    let rounding = 64.0 * EPS + 8.0 * EPS * real(d) * (lambda + 1.0) / (sigma * sigma);
    (published + ratio.min(0.0) + rounding).clamp(0.0, published)
}

/// `theta(c)` for `0 <= c <= 1` and `sigma <= 2`, relative to its largest term so that it can not underflow.
fn theta(sigma: f64, centre: f64) -> f64 {
    let exponent = |x: f64| -0.5 * ((x - centre) / sigma) * ((x - centre) / sigma);
    (-24_i8..=25).map(|x| exp(exponent(f64::from(x)))).sum::<f64>().max(f64::MIN_POSITIVE)
}

/// What is above a value whose rounding error is a few [`EPS`] times `scale`.
fn above(value: f64, scale: f64) -> f64 {
    value + 32.0 * EPS * scale
}

#[cfg(test)]
mod tests;
