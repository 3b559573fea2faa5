//! The bounds of the two papers, evaluated with outward rounding.

use super::{interval::Interval, shares::Shares};

/// Terms of the series for tau that are summed one by one; the others are bounded by the last of these.
const TERMS: u64 = 1 << 12;

/// Skellam, Agarwal, Kairouz and Liu (2021), Theorem 3.5 and Corollary 3.6, for integer orders:
///
/// ```text
/// a L2^2/(2 mu) + min{ ((2a - 1) L2^2 + 6 L1)/(4 mu^2), 3 L1/(2 mu) }
/// ```
///
/// For an order between integers: `(a - 1) R_a` is convex in `a` (the logarithm of a moment generating function) and zero at 1, so the
/// chord between the two integers bounds it.
pub(super) fn skellam(shares: &Shares, order: f64) -> f64 {
    let below = libm::floor(order);
    let at = |order: f64| Interval::exact(order - 1.0) * skellam_integer(shares, order);
    if below >= order {
        return skellam_integer(shares, order).hi;
    }
    let weight = Interval::exact(order) - Interval::exact(below);
    let start = if below > 1.0 { at(below) } else { Interval::exact(0.0) };
    let chord = start * (Interval::exact(1.0) - weight) + at(below + 1.0) * weight;
    (chord / (Interval::exact(order) - Interval::exact(1.0))).hi
}

fn skellam_integer(shares: &Shares, order: f64) -> Interval {
    let number = Interval::exact;
    let (order, mu) = (number(order), shares.variance());
    let (l2, l1) = (Interval::integer(shares.sensitivity.l2_squared()), Interval::integer(shares.sensitivity.l1()));
    let slope = order * l2 / (number(2.0) * mu);
    let second = ((number(2.0) * order - number(1.0)) * l2 + number(6.0) * l1) / (number(4.0) * mu.square());
    slope + second.min(number(3.0) * l1 / (number(2.0) * mu))
}

/// Kairouz, Liu and Steinke (2021), Theorem 1: `tau = 10 sum_{k<n} exp(-2 pi^2 s^2 k/(k+1))`, `s^2` the variance parameter of a share,
/// `n` the number of honest shares. None outside the theorem's condition `s >= 1/2`.
pub(super) fn tau(shares: &Shares) -> Option<Interval> {
    if shares.local_variance < 0.25 {
        return None;
    }
    let rate = Interval::exact(2.0) * Interval::PI.square() * shares.local();
    let term = |k: u64| {
        let fraction = Interval::integer(k) / Interval::integer(k + 1);
        (Interval::exact(0.0) - rate * fraction).exp()
    };
    let last = shares.honest.saturating_sub(1);
    let sum = (1..=last.min(TERMS)).fold(Interval::exact(0.0), |sum, k| sum + term(k));
    // Terms decrease, so those left out are at most as large as the last one summed.
    let rest = if last > TERMS {
        Interval::integer(last - TERMS) * Interval { lo: 0.0, hi: term(TERMS).hi }
    } else {
        Interval::exact(0.0)
    };
    Some(Interval::exact(10.0) * (sum + rest))
}

/// Discrete Gaussian, Kairouz, Liu and Steinke (2021), Theorem 1, Proposition 14 and Equation 17:
///
/// ```text
/// min{ (a/2) L2^2/V + tau d,  (a/2)(L2^2/V + 2 L1 tau/sqrt V + tau^2 d),  (a/2)(L2/sqrt V + tau sqrt d)^2 }
/// ```
pub(super) fn discrete_gaussian(shares: &Shares, tau: Interval, order: f64) -> f64 {
    let (half, two) = (Interval::exact(order) / Interval::exact(2.0), Interval::exact(2.0));
    let (ratio, l1, d, root) = parts(shares);
    let first = half * ratio + tau * d;
    let second = half * (ratio + two * l1 * tau / root + tau.square() * d);
    let third = half * (ratio.sqrt() + tau * d.sqrt()).square();
    first.min(second).min(third).hi
}

/// The same theorem for concentrated differential privacy: `rho = min{ L2^2/V + 2 tau d, (L2/sqrt V + tau sqrt d)^2 } / 2`.
pub(super) fn discrete_gaussian_zcdp(shares: &Shares, tau: Interval) -> f64 {
    let two = Interval::exact(2.0);
    let (ratio, _, d, _) = parts(shares);
    ((ratio + two * tau * d).min((ratio.sqrt() + tau * d.sqrt()).square()) / two).hi
}

/// `L2^2 / V`, `L1`, `d` and `sqrt V`.
fn parts(shares: &Shares) -> (Interval, Interval, Interval, Interval) {
    let (sensitivity, variance) = (shares.sensitivity, shares.variance());
    let ratio = Interval::integer(sensitivity.l2_squared()) / variance;
    (ratio, Interval::integer(sensitivity.l1()), Interval::integer(sensitivity.dimension()), variance.sqrt())
}
