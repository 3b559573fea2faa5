//! The Gaussian mechanism exactly (Balle and Wang, 2018, Theorem 8).
//!
//! With noise multiplier `sigma` (standard deviation over L2 sensitivity) it is `(epsilon, delta)`-differentially private if and only if
//!
//! ```text
//! delta >= Phi(a) - e^epsilon Phi(b),      a = 1/(2 sigma) - epsilon sigma,   b = -1/(2 sigma) - epsilon sigma
//! ```
//!
//! `T` such releases are one with `sigma / sqrt(T)`. Both terms are computed with a bound on their rounding errors, which gives an interval for delta; the
//! upper end decides. Far in the tail, where `e^epsilon` overflows, `e^epsilon Phi(b) = phi(a) M(-b)` with Mills' ratio `M`.

use core::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::{
    account::{
        event::{not_negative, positive, probability},
        special::{EPS, erfc, exp, mills, sqrt},
    },
    error::PrivacyError,
};

/// The values that were searched end here.
const LARGEST: f64 = 1e300;

/// An interval that holds delta of the Gaussian mechanism at `epsilon`: `(low, high)`.
///
/// # Errors
/// [`PrivacyError::Parameter`] unless `noise_multiplier` is positive and finite and `epsilon` finite and not negative.
pub fn delta(noise_multiplier: f64, epsilon: f64) -> Result<(f64, f64), PrivacyError> {
    positive("noise_multiplier", noise_multiplier)?;
    not_negative("epsilon", epsilon)?;
    Ok(interval(noise_multiplier, epsilon))
}

/// The least epsilon of the Gaussian mechanism at `delta`, rounded up by about 1e-15 of its size; infinite at `delta = 0`.
///
/// # Errors
/// [`PrivacyError::Parameter`] unless `noise_multiplier` is positive and finite and `0 <= delta <= 1`.
pub fn epsilon(noise_multiplier: f64, delta: f64) -> Result<f64, PrivacyError> {
    positive("noise_multiplier", noise_multiplier)?;
    probability("delta", delta)?;
    Ok(least(|epsilon| interval(noise_multiplier, epsilon).1 <= delta).unwrap_or(f64::INFINITY))
}

/// The least noise multiplier that is `(epsilon, delta)`-differentially private, rounded up by about 1e-15 of its size.
///
/// # Errors
/// [`PrivacyError::Parameter`] unless `epsilon` is finite and not negative and `0 < delta <= 1`; [`PrivacyError::Unreachable`] where no
/// noise multiplier can be certified in `f64`.
pub fn noise_multiplier(epsilon: f64, delta: f64) -> Result<f64, PrivacyError> {
    not_negative("epsilon", epsilon)?;
    probability("delta", delta)?;
    positive("delta", delta)?;
    let reason = "delta is too small for f64; raise epsilon or delta";
    least(|sigma| sigma > 0.0 && interval(sigma, epsilon).1 <= delta)
        .ok_or(PrivacyError::Unreachable { knob: "noise_multiplier", reason })
}

fn interval(sigma: f64, epsilon: f64) -> (f64, f64) {
    let (half, shift) = (0.5 / sigma, epsilon * sigma);
    let (a, b) = (half - shift, -half - shift);
    // `a` and `b` are rounded relative to their larger part.
    let slack = 4.0 * EPS * (half + shift);
    let (first_low, first_high) = normal(a, slack);
    let (second_low, second_high) = shifted(a, b, epsilon, slack);
    let (low, high) = (first_low - second_high, first_high - second_low);
    (low.max(0.0), if high.is_nan() { 1.0 } else { high.clamp(f64::MIN_POSITIVE, 1.0) })
}

/// Bounds on `Phi(x)`, where `x` may be wrong by `slack`.
fn normal(x: f64, slack: f64) -> (f64, f64) {
    let at = |x: f64| 0.5 * erfc(-x * FRAC_1_SQRT_2);
    // The argument of erfc is rounded once; its logarithm has slope at most |x| + 1.
    let relative = 1.0 + 8.0 * EPS * (1.0 + x * x);
    (at(x - slack) / relative, at(x + slack) * relative)
}

/// Bounds on `e^epsilon Phi(b)`.
fn shifted(a: f64, b: f64, epsilon: f64, slack: f64) -> (f64, f64) {
    if b > -6.0 && epsilon < 600.0 {
        let (low, high) = normal(b, slack);
        let factor = exp(epsilon);
        return (low * factor * (1.0 - 4.0 * EPS), high * factor * (1.0 + 4.0 * EPS));
    }
    if b > -6.0 {
        // sigma is tiny and epsilon far from 1/(2 sigma^2): nothing is subtracted, which is safe.
        return (0.0, f64::INFINITY);
    }
    let density = |a: f64| exp(-0.5 * a * a) / sqrt(2.0 * PI);
    let (near, far) = ((a.abs() - slack).max(0.0), a.abs() + slack);
    let ((mills_low, _), (_, mills_high)) = (mills(-b + slack), mills(-b - slack));
    let relative = 1.0 + 8.0 * EPS * (1.0 + a * a);
    (density(far) * mills_low / relative, density(near) * mills_high * relative)
}

/// The least `x` in `0 ..= LARGEST` that is good, if being good is monotone; the result is good in any case.
fn least(good: impl Fn(f64) -> bool) -> Option<f64> {
    if good(0.0) {
        return Some(0.0);
    }
    let (mut low, mut high) = (0.0, 1.0);
    while !good(high) {
        (low, high) = (high, high * 4.0);
        if high > LARGEST {
            return None;
        }
    }
    loop {
        // Halve until the scale is found, then the interval.
        let middle = if low == 0.0 && high > 1e-9 { high * 0.25 } else { 0.5 * (low + high) };
        if middle <= low || middle >= high || high - low <= EPS * high {
            return Some(high);
        }
        if good(middle) { high = middle } else { low = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_are_inside_the_interval() {
        for (stddev, sensitivity, published) in [(1.0, 1.0, 0.126_936_737_506_643_94), (1.0, 3.0, 0.787_600_74)] {
            let (low, high) = delta(stddev / sensitivity, 1.0).unwrap();
            assert!(low <= high && high - low < 1e-13, "{low} {high}");
            assert!((high / published - 1.0).abs() < 1e-7, "{high}");
        }
    }

    #[test]
    fn the_interval_stays_narrow_at_every_scale() {
        for exponent in -6_i8..=6 {
            let sigma = libm::pow(10.0, f64::from(exponent) / 2.0);
            for at in [0.0, 0.25, 1.0, 3.0] {
                // around the mean and the typical losses of the mechanism
                let epsilon = 0.5 / (sigma * sigma) + at / sigma;
                let (low, high) = delta(sigma, epsilon).unwrap();
                assert!(low > 0.0 && (high / low - 1.0) < 1e-8, "{sigma} {epsilon}: {low} {high}");
            }
        }
    }

    #[test]
    fn epsilon_and_noise_are_inverse_and_safe() {
        for sigma in [1e-3, 0.1, 1.0, 30.0, 1e6] {
            for small in [1e-300, 1e-12, 1e-5, 0.3] {
                let found = epsilon(sigma, small).unwrap();
                assert!(found.is_finite() && interval(sigma, found).1 <= small, "{sigma} {small}");
                let back = noise_multiplier(found, small).unwrap();
                assert!(back <= sigma * (1.0 + 1e-12), "{sigma} {small}: {back}");
            }
        }
    }
}
