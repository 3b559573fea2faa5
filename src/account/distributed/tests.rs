//! What the certificates rest on: enclosures, and the lemmas of docs/privacy.md on real numbers.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tests"
)]

use alloc::vec::Vec;

use super::{
    convolution::Table,
    discrete_gaussian::DiscreteGaussian,
    interval::Interval,
    maximum::Coordinate,
    sensitivity::Sensitivity,
    shares::Shares,
    skellam::{Skellam, curvature, ratios},
};

fn shares(local_variance: f64, clients: u64) -> Shares {
    Shares::new(Sensitivity::new(1 << 40, u64::MAX, 1 << 20).unwrap(), local_variance, clients).unwrap()
}

fn contains(interval: Interval, value: f64) -> bool {
    interval.lo <= value && value <= interval.hi && interval.hi - interval.lo <= 1e-14 * (1.0 + value.abs())
}

#[test]
fn intervals_contain_the_exact_result_and_little_else() {
    let third = Interval::exact(1.0) / Interval::exact(3.0);
    assert!(third.lo < 1.0 / 3.0 && third.hi > 1.0 / 3.0, "a third is no f64");
    assert!(contains(third * Interval::exact(3.0), 1.0));
    assert!(contains(third - Interval::exact(1.0), -2.0 / 3.0));
    assert!(contains(Interval::exact(2.0).sqrt().square(), 2.0));
    assert!(contains(Interval::exact(-3.5).exp().ln(), -3.5));
    assert!(contains(Interval::exact(-2.0) * Interval::exact(3.0), -6.0));
    assert!(contains(Interval::PI, core::f64::consts::PI));
    let large = Interval::integer(u64::MAX);
    assert!(large.lo < 18_446_744_073_709_551_615.0 && large.hi >= 18_446_744_073_709_551_615.0);
    let undefined = Interval::exact(1.0) / (third - third);
    assert_eq!((undefined.lo, undefined.hi), (f64::NEG_INFINITY, f64::INFINITY));
    assert!(Interval::exact(-1000.0).exp().hi > 0.0 && Interval::exact(-1000.0).exp().lo >= 0.0);
}

#[test]
fn bessel_ratios_contain_the_exact_ones() {
    // I_1(1)/I_0(1), I_2(1)/I_1(1), I_1(100)/I_0(100), to 17 digits.
    assert!(contains(ratios(1.0, 3)[0], 0.446_389_965_896_534_5));
    assert!(contains(ratios(1.0, 3)[1], 0.240_193_723_870_089_74));
    assert!(contains(ratios(100.0, 50)[0], 0.994_987_373_005_168_8));
    // Started elsewhere, the same.
    for (mu, k) in [(0.01, 2), (7.0, 11), (900.0, 80)] {
        let (one, other) = (ratios(mu, k)[k], ratios(mu, 5 * k)[k]);
        assert!(one.lo <= other.hi && other.lo <= one.hi && one.hi - one.lo < 1e-12, "{one:?} {other:?}");
    }
}

#[test]
fn the_curvature_of_the_skellam_law_is_largest_at_zero_and_falls() {
    for mu in [1e-3, 0.1, 0.7, 1.0, 3.0, 10.0, 55.5, 400.0, 3000.0] {
        let logs: Vec<f64> = ratios(mu, 300).iter().map(|r| -r.ln().lo / 2.0 - r.ln().hi / 2.0).collect();
        let c: Vec<f64> = core::iter::once(2.0 * logs[0]).chain(logs.windows(2).map(|pair| pair[1] - pair[0])).collect();
        assert!(c.windows(2).all(|pair| pair[1] < pair[0] + 1e-13), "{mu}");
        assert!(c[0] <= curvature(mu).hi && c[0] >= curvature(mu).hi * (1.0 - 1e-9), "{mu}");
    }
}

#[test]
fn the_closed_form_of_the_largest_curvature_continues_the_recurrence() {
    // At the switch, and the expansion 1/mu + 1/(2 mu^2) of the exact value far above.
    let (below, above) = (curvature(16_384.0).hi, curvature(16_384.000_001).hi);
    assert!(above >= below && above <= below * (1.0 + 2e-5), "{below} {above}");
    for mu in [1e5, 1e8, 1e50] {
        let exact = 1.0 / mu + 0.5 / mu / mu;
        assert!(curvature(mu).hi >= exact && curvature(mu).hi <= exact * (1.0 + 1.0 / mu + 1e-14));
    }
}

#[test]
fn tables_of_sums_agree_with_a_plain_convolution() {
    for (local, n) in [(0.09, 2), (0.25, 3), (0.25, 6), (0.64, 5), (2.0, 7), (9.0, 12)] {
        let reach = 60;
        let table = Table::of_sum(n, local, reach).unwrap();
        let weight = |k: i64| (-((k * k) as f64) / (2.0 * local)).exp();
        // Probabilities of 2 reach + 1 integers and more, so that nothing that matters is cut off.
        let wide = 240_i64;
        let mut law: Vec<f64> = (-wide..=wide).map(weight).collect();
        for _ in 1..n {
            let at = |k: i64| law.get((k + wide) as usize).copied().unwrap_or(0.0);
            law = (-wide..=wide).map(|k| (-30..=30).map(|x| weight(x) * at(k - x)).sum()).collect();
        }
        let scale = table.u[0] / law[wide as usize];
        for k in 0..=reach {
            let (plain, gaussian) = (law[k + wide as usize] * scale, (-((k * k) as f64) / (2.0 * local * n as f64)).exp());
            if gaussian > 1e-200 {
                assert!((table.u[k] * gaussian / plain - 1.0).abs() < table.error + 1e-12, "{local} {n} {k}");
            }
        }
        assert!(table.error < 1e-11, "{}", table.error);
        // The period.
        assert!((n..=reach).all(|k| (table.u[k] / table.u[k - n] - 1.0).abs() < 2.0 * table.error + 1e-15));
    }
}

#[test]
fn the_bound_for_large_shifts_holds_for_every_shift_that_can_be_computed() {
    let mut terms = Vec::new();
    for order in [1.1, 1.5, 2.0, 2.3, 5.0, 17.0] {
        for (local, clients) in [(0.25, 1), (0.25, 2), (0.16, 9), (0.25, 40), (0.36, 33), (1.0, 12), (4.0, 3)] {
            let shares = shares(local, clients);
            check(&DiscreteGaussian::numeric(&shares), order, &mut terms);
            check(&Skellam::numeric(&shares), order, &mut terms);
        }
    }
}

fn check(law: &impl Coordinate, order: f64, terms: &mut Vec<f64>) {
    let computed: Vec<f64> =
        (1..60).map(f64::from).map_while(|shift| law.divergence(order, shift, terms).map(|r| r / shift / shift)).collect();
    let mut largest_later = 0.0_f64;
    for (place, ratio) in computed.iter().enumerate().rev() {
        largest_later = largest_later.max(*ratio);
        let bound = law.beyond(order, (place + 1) as f64);
        assert!(bound >= largest_later * (1.0 - 1e-9), "{order} {place}: {bound} {largest_later}");
    }
}

#[test]
fn groups_bound_sums_that_are_too_large_for_one_table() {
    // 40 000 shares of variance parameter 1/4: no table of a whole period, but groups; the ratio to the Gaussian value is 1.1627.
    let shares = shares(0.25, 40_000);
    let law = DiscreteGaussian::numeric(&shares);
    let ratio = law.beyond(2.0, 1000.0) * 2.0 * 10_000.0 / 2.0;
    assert!((1.0..1.17).contains(&ratio), "{ratio}");
    let exact = law.divergence(2.0, 1.0, &mut Vec::new()).unwrap() * 10_000.0;
    assert!((exact - 1.1627).abs() < 1e-3, "{exact}");
}

/// A bound is not below the tent sums of its proof, over the curvatures `c` of the law.
fn is_above_all_tents(law: &impl Coordinate, c: impl Fn(i64) -> f64) {
    for (order, shift) in [1.1, 1.37, 1.5, 2.0, 2.6, 7.0].into_iter().flat_map(|order| (1..14).map(move |shift| (order, shift))) {
        let real = f64::from(shift);
        let height = |from_peak: i64| {
            let fall = if from_peak < 0 { -from_peak as f64 } else { (order - 1.0) * from_peak as f64 };
            ((order - 1.0) * real - fall).max(0.0)
        };
        let sum = |peak: i64| (-110..=110).map(|k| height(k) * c(peak + k)).sum::<f64>();
        let largest = (-60..=60).map(sum).fold(0.0, f64::max);
        let bound = law.beyond(order, real) * (order - 1.0) * real * real;
        assert!(bound >= largest * (1.0 - 1e-9), "{order} {shift}: {bound} {largest}");
    }
}

#[test]
fn the_bound_for_large_shifts_is_not_below_the_tent_sums_of_its_proof() {
    for mu in [0.5, 10.0, 200.0] {
        let logs: Vec<f64> = ratios(mu, 400).iter().map(|r| -r.ln().hi).collect();
        let at = |k: i64| k.unsigned_abs() as usize;
        is_above_all_tents(
            &Skellam::numeric(&shares(mu, 1)),
            |k| if k == 0 { 2.0 * logs[0] } else { logs[at(k)] - logs[at(k) - 1] },
        );
    }
}

#[test]
fn groups_are_charged_for_shifts_that_they_can_not_share_evenly() {
    // Too many shares for a table: as many groups as shares, each of curvature 1/s^2.
    let shares = shares(0.16, 10_000_000);
    let gaussian = 2.0 / (2.0 * 0.16 * 1e7);
    let bound = DiscreteGaussian::numeric(&shares).beyond(2.0, 10.0);
    assert!(bound > 1.5 * gaussian, "{bound}");
}

#[test]
fn the_bound_for_large_shifts_of_gaussian_sums_is_not_below_the_tent_sums_of_its_proof() {
    // So many shares that the curvature is what bounds these shifts, not the offset of Theorem 3.
    for (local, n) in [(0.25, 300_usize), (0.3, 500)] {
        let table = Table::of_sum(n, local, 200).unwrap();
        let log = |k: i64| table.u[k.unsigned_abs() as usize].ln() - (k * k) as f64 / (2.0 * local * n as f64);
        let law = DiscreteGaussian::numeric(&shares(local, n as u64));
        is_above_all_tents(&law, |k| 2.0 * log(k) - log(k - 1) - log(k + 1));
    }
}
