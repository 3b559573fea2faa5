#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

fn rounded(values: &[f64], coins: &[u32]) -> (Vec<i64>, u128) {
    let mut integers = vec![0; values.len()];
    let norm = round(values, 1.0, coins, &mut integers);
    (integers, norm)
}

fn exact_norm(integers: &[i64]) -> u128 {
    integers.iter().map(|integer| u128::from(integer.unsigned_abs()).pow(2)).sum()
}

proptest! {
    #[test]
    fn a_value_goes_to_one_of_its_two_neighbors_and_the_norm_is_exact(
        values in prop::collection::vec((prop_oneof![-3.0..3.0_f64, -1e9..1e9_f64, -1e-300..1e-300_f64], any::<u32>()), 1..100)
    ) {
        let (values, coins): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        let (integers, norm) = rounded(&values, &coins);
        for (value, integer) in values.iter().zip(&integers) {
            prop_assert!(*integer == value.floor() as i64 || *integer == value.ceil() as i64, "{} -> {}", value, integer);
        }
        prop_assert_eq!(norm, exact_norm(&integers));
    }
}

proptest! {
    #[test]
    fn rounding_any_value_is_unbiased_to_within_half_a_coin(value in prop_oneof![-3.0..3.0_f64, -1e6..1e6_f64, -1e-6..1e-6_f64]) {
        let expected = value.floor() + up(value);
        let half = 0.5 / 4_294_967_296.0;
        prop_assert!((expected - value).abs() <= half + value.abs() * f64::EPSILON, "{} has the mean {}", value, expected);
    }
}

/// The probability of rounding up, found by bisection over the coin: it is monotone in it.
fn up(value: f64) -> f64 {
    let goes_up = |coin: u64| rounded(&[value], &[u32::try_from(coin).unwrap()]).0[0] as f64 > value.floor();
    let (mut low, mut high) = (0_u64, 1 << 32);
    while low < high {
        let middle = u64::midpoint(low, high);
        if goes_up(middle) { low = middle + 1 } else { high = middle }
    }
    low as f64 / 4_294_967_296.0
}

#[test]
fn rounding_is_unbiased_to_within_half_a_coin() {
    let half = 0.5 / 4_294_967_296.0;
    for value in
        [0.25_f64, 0.5, 0.1, 1e-3, 0.999, -0.25, -0.1, 7.3, -1234.567, 1e-9, 1.0 - 1e-9, 65535.3, -0.0, 3.0, -5.0, 1e-12, -1e-12]
    {
        let expected = value.floor() + up(value);
        assert!((expected - value).abs() <= half + value.abs() * f64::EPSILON, "{value} has the mean {expected}");
    }
}

#[test]
fn integers_stay_what_they_are_under_every_coin() {
    for value in [0.0, -0.0, 1.0, -1.0, 4096.0, -1_125_899_906_842_623.0] {
        for coin in [0, 1, u32::MAX / 2, u32::MAX] {
            assert_eq!(rounded(&[value], &[coin]).0, [value as i64]);
        }
    }
}

#[test]
fn what_can_not_be_rounded_passes_every_norm_bound() {
    let large = 2_251_799_813_685_248.0;
    let huge = [
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        large,
        -large,
        2.0 * large,
        -3.0 * large,
        1e18,
        -1e18,
    ];
    for value in huge {
        for coin in [0, u32::MAX] {
            let (integers, norm) = rounded(&[1.0, value], &[coin, coin]);
            assert!(norm >= 1 << 100, "{value}: {norm}");
            assert_eq!(norm, exact_norm(&integers));
        }
    }
}

#[test]
fn sums_of_squares_above_the_exact_range_of_doubles_are_summed_in_integers() {
    let values: Vec<f64> = (0..64).map(|i| 1e9 + f64::from(i)).collect();
    let (integers, norm) = rounded(&values, &[0; 64]);
    assert_eq!(norm, exact_norm(&integers));
    assert!(norm > 1 << 60);
}

/// The other half of the promise of section 5: attempts succeed with at least `1 - e^(-1/2)`.
#[test]
fn the_norm_bound_holds_as_often_as_it_has_to() {
    use crate::dp::encoding::{Rounding, norm_bound};
    let (dimension, mut state) = (256_usize, 1_u64);
    for levels in [0.5, 4.0, 8.0, 40.0, 1000.0] {
        let value = levels / (dimension as f64).sqrt();
        let bound = u128::from(norm_bound(levels, dimension as u64, Rounding::Conditional).unwrap());
        let within = (0..2000).filter(|_| {
            let mut coin = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 32) as u32
            };
            let coins: Vec<u32> = (0..dimension).map(|_| coin()).collect();
            rounded(&vec![value; dimension], &coins).1 <= bound
        });
        let rate = within.count() as f64 / 2000.0;
        assert!(rate > 1.0 - (-0.5_f64).exp(), "{levels}: {rate}");
    }
}
