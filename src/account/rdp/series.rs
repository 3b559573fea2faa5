//! Binomial sums over the number of times that a party is in the sample, in the log domain.

use core::f64::consts::LN_2;

use crate::account::special::{EPS, Sum, ceil, floor, ln, log_add};

/// `ln sum_{i=2}^{alpha} C(alpha, i) e^(ln_first + i ln_ratio + ln_term(i))`. All terms are positive: nothing cancels.
///
/// `growth` is at least every `ln_term(i + 1) - ln_term(i)`. The sum ends where what follows is at most half of what came before, again and again, and
/// nothing to the sum; a bound on it, the last term, is added.
pub(crate) fn binomial(alpha: f64, ln_first: f64, ln_ratio: f64, growth: f64, ln_term: impl Fn(f64) -> f64) -> f64 {
    let mut weight = Sum::default();
    weight.add(ln_first);
    let (mut sum, mut i) = (f64::NEG_INFINITY, 0.0);
    while i < alpha {
        let step = ln((alpha - i) / (i + 1.0));
        weight.add(step);
        weight.add(ln_ratio);
        i += 1.0;
        if i < 2.0 {
            continue;
        }
        let term = weight.value() + ln_term(i);
        sum = log_add(sum, term);
        if term < sum - 45.0 && step + ln_ratio + growth < -LN_2 {
            return log_add(sum, term);
        }
    }
    sum
}

/// What to add to the logarithm of such a sum of terms whose logarithms are at most `largest` in size: each of the `alpha` steps rounds
/// numbers below 32 a few times, and each logarithm rounds relative to itself.
pub(crate) fn rounding(alpha: f64, largest: f64) -> f64 {
    EPS * (64.0 * alpha + 8.0 * largest)
}

/// A bound at any `lambda` from those at integers: `lambda D_(1 + lambda)` is convex in `lambda` and 0 at 0 (van Erven and Harremoës, 2014,
/// Corollary 2).
pub(crate) fn interpolate(lambda: f64, at_integer: impl Fn(f64) -> f64) -> f64 {
    let (below, above) = (floor(lambda), ceil(lambda));
    let (part, high) = (lambda - below, at_integer(above));
    if above == below {
        return high;
    }
    let low = if below == 0.0 { 0.0 } else { (1.0 - part) * at_integer(below) };
    (low + part * high) * (1.0 + 4.0 * EPS)
}
