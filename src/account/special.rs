//! Elementary functions in the form that accounting needs them, from `libm`, so that every platform computes the same bits.
//!
//! `libm` errs by less than one unit in the last place in `exp`, `expm1`, `log`, `log1p` and `erfc`. Callers add what can have been
//! rounded away, in multiples of [`EPS`].

use core::f64::consts::LN_2;

pub(crate) use libm::{ceil, erfc, exp, expm1, floor, log as ln, log1p, round, sqrt};

/// Distance from 1 to the next number: twice the unit roundoff.
pub(crate) const EPS: f64 = f64::EPSILON;

/// The nearest float; exact below 2^53.
#[allow(clippy::cast_precision_loss, reason = "counts: exact below 2^53, then rounded by less than EPS")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// `ln(e^a + e^b)`.
pub(crate) fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY || high == f64::INFINITY { high } else { high + log1p(exp(low - high)) }
}

/// `ln(1 + e^x)`: relative error a few [`EPS`]; rounded up where it underflows.
pub(crate) fn log1p_exp(x: f64) -> f64 {
    match x {
        f64::NEG_INFINITY => 0.0,
        x if x > 40.0 => x + exp(-x),
        x => log1p(exp(x)).max(f64::MIN_POSITIVE),
    }
}

/// `ln(e^x - 1)` for `x > 0`; relative error of the number a few [`EPS`], also where it overflows.
pub(crate) fn log_expm1(x: f64) -> f64 {
    if x < LN_2 { ln(expm1(x)) } else { x + log1p(-exp(-x)) }
}

/// `e^x - 1 - x` without cancellation; never negative.
pub(crate) fn expm1_less_x(x: f64) -> f64 {
    if x.abs() > 0.5 {
        return (expm1(x) - x).max(0.0);
    }
    let (mut term, mut sum) = (0.5 * x * x, 0.0);
    for k in 3_u8..20 {
        sum += term;
        term *= x / f64::from(k);
    }
    sum
}

/// A sum of many terms that keeps the rounding errors in a second word
/// (Neumaier, 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, x: f64) {
        let total = self.total + x;
        let lost = if self.total.abs() >= x.abs() { (self.total - total) + x } else { (x - total) + self.total };
        // Infinities lose nothing.
        self.lost += if lost.is_nan() { 0.0 } else { lost };
        self.total = total;
    }

    pub(crate) fn value(self) -> f64 {
        self.total + self.lost
    }
}

/// Bounds on Mills' ratio `Q(t)/phi(t)` of the normal law for `t >= 5`, from consecutive convergents of Laplace's continued fraction
/// `1/(t + 1/(t + 2/(t + 3/(t + ..))))`, which alternate around the limit.
pub(crate) fn mills(t: f64) -> (f64, f64) {
    let convergent = |depth: u8| {
        let mut tail = t;
        for k in (1..depth).rev() {
            tail = t + f64::from(k) / tail;
        }
        1.0 / tail
    };
    let (a, b) = (convergent(120), convergent(121));
    (a.min(b) * (1.0 - 8.0 * EPS), a.max(b) * (1.0 + 8.0 * EPS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mills_ratio_agrees_with_erfc() {
        for t in [5.0, 6.5, 9.0, 20.0, 36.0] {
            let (low, high) = mills(t);
            let direct = 0.5 * erfc(t / sqrt(2.0)) * sqrt(2.0 * core::f64::consts::PI) * exp(0.5 * t * t);
            assert!(low <= high && (high / low - 1.0) < 1e-14, "{t}");
            assert!((direct / low - 1.0).abs() < 1e-12, "{t}: {direct} {low}");
        }
    }

    #[test]
    fn small_arguments_do_not_cancel() {
        assert!((expm1_less_x(1e-9) / 0.5e-18 - 1.0).abs() < 1e-8);
        assert!((expm1_less_x(0.5) - expm1_less_x(0.500_000_1)).abs() < 1e-6);
        assert!((log_expm1(1e-12) - ln(1e-12)).abs() < 1e-11);
        assert_eq!(log_expm1(5000.0), 5000.0);
    }

    #[test]
    fn a_compensated_sum_keeps_small_terms() {
        let mut sum = Sum::default();
        [1e16, 1.0, -1e16, 1.0].into_iter().for_each(|x| sum.add(x));
        assert_eq!(sum.value(), 2.0);
    }
}
