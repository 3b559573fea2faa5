//! A law and the sum of its parts, compared in exact arithmetic.

use std::{collections::BTreeMap, vec::Vec};

use super::*;
use crate::dp::noise::{fixed::Fixed, plan::Part, weights::Weights};

const SMALL: Limits = Limits { variance: 100, scale: 2, base: 8 };

type Law = BTreeMap<i64, Fixed>;

fn law(weights: &Weights, factor: i64) -> Law {
    let probability = |weight: u128| Fixed::from_limbs([0, weight as u64, (weight >> 64) as u64, 0]);
    let positive = (0_i64..).zip(weights.half.iter().map(|weight| probability(*weight)));
    positive.flat_map(|(value, weight)| [(value * factor, weight), (-value * factor, weight)]).collect()
}

fn sum(a: &Law, b: &Law) -> Law {
    let mut sum = Law::new();
    for (x, p) in a {
        for (y, q) in b {
            let place = sum.entry(x + y).or_insert(Fixed::ZERO);
            *place = place.add(p.mul_down(*q));
        }
    }
    sum
}

/// The largest `n` for which the total-variation distance is at most 2^-n; 192 if it is zero.
fn distance(a: &Law, b: &Law) -> u32 {
    let at = |law: &Law, x: &i64| law.get(x).copied().unwrap_or(Fixed::ZERO);
    let above = |a: &Law, b: &Law| a.keys().fold(Fixed::ZERO, |sum, x| sum.add(at(a, x).sub(at(b, x))));
    let total = above(a, b).max(above(b, a));
    (0..=192)
        .take_while(|n| {
            total
                <= Fixed::ONE
                    .div_down(1 << (n / 4))
                    .div_down(1 << (n / 4))
                    .div_down(1 << (n / 4))
                    .div_down(1 << (n - 3 * (n / 4)))
        })
        .last()
        .unwrap_or(0)
}

fn summed(parts: Vec<(Weights, Vec<i64>)>) -> Law {
    parts.iter().map(|(weights, factors)| law(weights, factors[0])).reduce(|a, b| sum(&a, &b)).unwrap()
}

#[test]
fn two_and_three_parts_of_a_wide_law_make_the_law() {
    for (variance, count) in [(800, 2), (6000, 3)] {
        for (law_of, direct) in [
            (skellam(variance, 1), Weights::skellam(variance, 1, 1).unwrap()),
            (gaussian(variance, 1), Weights::gaussian(variance, 1, 1).unwrap()),
        ] {
            let parts = parts(law_of, SMALL).unwrap();
            assert_eq!(parts.len(), count);
            assert!(distance(&summed(parts), &law(&direct, 1)) >= DISTANCE_LOG2.unsigned_abs(), "{law_of:?}");
        }
    }
}

#[test]
fn digits_of_a_discrete_laplace_law_make_the_law() {
    for (denominator, count) in [(10, 2), (50, 3)] {
        let parts = parts(laplace(1, denominator), SMALL).unwrap();
        assert_eq!(parts.len(), count);
        let direct = law(&Weights::laplace(1, denominator).unwrap(), 1);
        assert!(distance(&summed(parts), &direct) >= DISTANCE_LOG2.unsigned_abs(), "{denominator}");
    }
}

fn of_chain(chain: &[Part], table: fn(u64, u64, u64) -> Option<Weights>) -> Law {
    let laws = chain
        .iter()
        .map(|part| law(&table(part.numerator, part.denominator, part.step).unwrap(), i64::try_from(part.step).unwrap()));
    laws.reduce(|a, b| sum(&a, &b)).unwrap()
}

#[test]
fn parts_on_multiples_too_coarse_are_noticed_and_the_bound_holds_for_them() {
    let whole = Part { numerator: 400, denominator: 1, step: 1 };
    for exponent in [12, 24, 40] {
        for table in [Weights::skellam as fn(u64, u64, u64) -> Option<Weights>, Weights::gaussian] {
            let chain = plan::chain(whole, 4, 2, exponent, SMALL).unwrap();
            let distance = distance(&of_chain(&chain, table), &law(&table(400, 1, 1).unwrap(), 1));
            // 4 e^-E (sqrt((1 + pi v) / 2) + 2) with sqrt(..) + 2 < 28, so 2^7 e^-E; and it is not loose by more than half of E.
            let bound = exponent * 1000 / 694 - 7;
            assert!((bound..2 * bound + 20).contains(&u64::from(distance)), "{exponent}: 2^-{distance}, bound 2^-{bound}");
            assert!(distance < DISTANCE_LOG2.unsigned_abs());
        }
    }
}

#[test]
fn every_variance_and_noise_parameter_in_range_has_a_plan_for_both_kinds_of_tables() {
    for limits in [FAST, CONSTANT_TIME] {
        let mut numerator = 1_u64;
        for bits in 0..60 {
            for (numerator, denominator) in [(numerator, 1), (3 * (numerator >> 1) + 1, 1), (numerator + 1, 3)] {
                let chain = plan::gaussian(ratio(numerator.max(1), denominator), limits);
                let chain = chain.unwrap_or_else(|| panic!("2^{bits} {limits:?}"));
                let total: u64 =
                    chain.iter().map(|part| part.numerator * if part.denominator == 1 { denominator } else { 1 }).sum();
                let expected = ratio(numerator.max(1), denominator);
                let unit = denominator / expected.denominator();
                assert!(total == expected.numerator() * unit || chain.len() == 1 || expected.denominator() == 1, "{chain:?}");
            }
            if bits <= 32 {
                assert!(plan::laplace(ratio(1, numerator), limits).is_some(), "2^-{bits}");
            }
            numerator *= 2;
        }
    }
}
