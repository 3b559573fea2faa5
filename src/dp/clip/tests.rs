#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

/// A sum of squares of `f64`, exactly: limbs of 32 bits, in units of 2^-2148.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Exact(Vec<u64>);

impl Exact {
    fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = Self(vec![0; 140]);
        values.into_iter().for_each(|value| sum.add_square(value));
        sum
    }

    fn add_square(&mut self, value: f64) {
        assert!(value.is_finite());
        let bits = value.abs().to_bits();
        let (exponent, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
        let (mantissa, shift) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
        let square = u128::from(mantissa).pow(2);
        // In units of 2^(2 (shift - 1074)).
        let (first, offset) = (2 * shift as usize / 32, 2 * shift as usize % 32);
        let mut carry = 0_u64;
        for (index, limb) in self.0.iter_mut().enumerate().skip(first) {
            let low = 32 * (index - first);
            let part = match (low, offset) {
                (0, _) => (square << offset) as u32,
                (low, offset) if low - offset < 128 => (square >> (low - offset)) as u32,
                _ => 0,
            };
            let sum = *limb + u64::from(part) + carry;
            (*limb, carry) = (sum & 0xffff_ffff, sum >> 32);
        }
    }

    fn below(&self, other: &Self) -> bool {
        self.0.iter().rev().lt(other.0.iter().rev())
    }
}

#[test]
fn the_exact_sum_adds_and_compares() {
    assert_eq!(Exact::of([3.0, -4.0]), Exact::of([5.0]));
    assert!(Exact::of([3e-320, -4e-320]).below(&Exact::of([5.01e-320])));
    assert_eq!(Exact::of([f64::from_bits(3), f64::from_bits(4)]), Exact::of([f64::from_bits(5)]));
    assert_eq!(Exact::of([f64::MAX / 2.0; 4]), Exact::of([f64::MAX]));
    assert!(Exact::of([f64::MAX; 3]).below(&Exact::of([f64::MAX; 4])));
    assert!(Exact::of([1.0]).below(&Exact::of([1.0, f64::from_bits(1)])));
    assert!(!Exact::of([1.0]).below(&Exact::of([1.0])));
}

/// The factors for a vector, by the same steps as the encoder's.
fn factors(values: &[f64], clip: f64) -> Factors {
    let mut norm = SquaredNorm::default();
    for block in values.chunks(4096) {
        let squares = sum_of_squares(block);
        if overflows(squares) {
            norm.add_reduced(sum_of_squares(&block.iter().map(|value| value * REDUCE).collect::<Vec<_>>()));
        } else {
            norm.add(squares);
        }
    }
    norm.factors(clip)
}

fn clipped(values: &[f64], clip: f64) -> Vec<f64> {
    let Factors { unit, gain } = factors(values, clip);
    values.iter().map(|value| value * unit * gain).collect()
}

fn hostile() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -2.0..2.0_f64,
        2 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
        1 => prop::sample::select(vec![
            0.0, -0.0, f64::from_bits(1), -f64::MIN_POSITIVE, f64::MAX, f64::MIN, 1e154, 1e-162, 1.0, 1.0 + f64::EPSILON, 1.5e300,
            f64::from_bits((1023 + 499) << 52), f64::from_bits((1023 + 500) << 52),
        ]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_clipped_vector_is_below_the_clipping_norm_in_exact_arithmetic(
        values in prop::collection::vec(hostile(), 1..40),
        clip in prop_oneof![0.01..10.0_f64, Just(5.421_010_862_427_522e-20), Just(1.8e19)],
    ) {
        prop_assert!(!Exact::of([clip]).below(&Exact::of(clipped(&values, clip))));
    }

    #[test]
    fn a_vector_at_its_own_norm_is_clipped_by_no_more_than_the_margin(values in prop::collection::vec(-2.0..2.0_f64, 1..40)) {
        let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        prop_assume!(norm > 1e-3);
        let gain = factors(&values, norm).gain;
        prop_assert!(gain > 1.0 - 1e-11 && gain <= 1.0, "{gain}");
        prop_assert_eq!(factors(&values, norm * 1.000_001), Factors { unit: 1.0, gain: 1.0 });
    }
}

/// Where a naive sum goes wrong: after 2^24 ones an `f32` sum stands still; here 2^20 equal values whose `f64` sum rounds down all the time.
#[test]
fn many_equal_values_do_not_hide_from_the_norm() {
    for value in [1.0 / 3.0, 0.1, 1.0 + f64::EPSILON, f64::from_bits((1023 + 510) << 52) * 1.1] {
        let values = vec![value; 1 << 17];
        let clipped = clipped(&values, 1.0);
        // All are equal: 2^17 x^2 = (2^8 x)^2 + (2^8 x)^2.
        let all = Exact::of([clipped[0] * 256.0; 2]);
        assert!(all.below(&Exact::of([1.0])), "{value}");
        assert!(Exact::of([1.0 - 1e-11]).below(&all), "{value} is not clipped too far");
    }
}

#[test]
fn blocks_on_both_sides_of_the_overflow_count_together() {
    // The squares of one block add up to a little less than 2^1000, those of the other to a little more.
    let values =
        [vec![1.9 * f64::from_bits((1023 + 493) << 52); 4096], vec![2.1 * f64::from_bits((1023 + 493) << 52); 4096]].concat();
    let squares = [sum_of_squares(&values[..4096]), sum_of_squares(&values[4096..])];
    assert_eq!(squares.map(overflows), [false, true]);
    let all = Exact::of(clipped(&values, 1.0));
    assert!(all.below(&Exact::of([1.0])) && Exact::of([1.0 - 1e-11]).below(&all));
}

#[test]
fn the_sum_of_a_long_vector_keeps_its_rounding_errors() {
    let mut norm = SquaredNorm::default();
    norm.add(1e16);
    (0..1000).for_each(|_| norm.add(1.0));
    assert_eq!(norm.usual.value(), 1e16 + 1000.0);
}
