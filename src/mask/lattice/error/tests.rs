//! Tests.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use alloc::{vec, vec::Vec};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

/// What the specification says of one integer.
fn error_of(integer: u64) -> i64 {
    let size = TABLE.iter().filter(|threshold| integer >> 1 < **threshold).count() as i64;
    if integer & 1 == 1 { -size } else { size }
}

#[test]
fn errors_are_those_of_the_table_on_every_instruction_set_and_at_every_threshold() {
    let mut rng = StdRng::seed_from_u64(1);
    let edges = TABLE.iter().flat_map(|t| [t.wrapping_sub(1), *t, t + 1]).chain([0, (1 << 63) - 1]);
    let mut integers: Vec<u64> = edges.flat_map(|half| [2 * half, 2 * half + 1]).collect();
    integers.extend((0..1000).map(|_| rng.next_u64()));
    for len in [0, 1, 7, 8, 9, 31, 32, 33, integers.len()] {
        for isa in Isa::available() {
            let mut limbs = vec![5; len];
            add_errors(isa, &integers[..len], &mut limbs, 13);
            let expected = integers[..len].iter().map(|z| 5 + ((error_of(*z) + 64) << 13) as u64);
            assert!(limbs.iter().copied().eq(expected), "{isa:?}, {len}");
        }
    }
}

/// `2^120`, one in fixed point.
const ONE: u128 = 1 << 120;

/// `floor(a b / 2^120)` for `a, b <= 2^120`.
fn product(a: u128, b: u128) -> u128 {
    let low = |x: u128| x & u128::from(u64::MAX);
    let (a1, a0, b1, b0) = (a >> 64, low(a), b >> 64, low(b));
    let middle = (a0 * b0 >> 64) + low(a1 * b0) + low(a0 * b1);
    let high = a1 * b1 + (a1 * b0 >> 64) + (a0 * b1 >> 64) + (middle >> 64);
    (high << 8) | (low(middle) >> 56)
}

/// `exp(-1 / (2 sigma^2))` for `sigma = 6.4`, by its series: `1 / (2 sigma^2) = 25 / 2048`.
fn base() -> u128 {
    let x = ONE / 2048 * 25;
    let (mut sum, mut term) = (0_i128, ONE as i128);
    for k in 1..=30 {
        sum += if k % 2 == 1 { term } else { -term };
        term = product(term as u128, x) as i128 / k;
    }
    sum as u128
}

/// Every threshold again, from a fixed-point computation that shares nothing with the script that made the table.
#[test]
fn the_table_is_that_of_the_discrete_gaussian() {
    let r = base();
    // exp(-x^2 / (2 sigma^2)) = r^(x^2), and the exponents differ by odd numbers.
    let (mut weights, mut weight, mut step, square) = (Vec::new(), ONE, r, product(r, r));
    while weight > 1 << 20 {
        weights.push(weight);
        (weight, step) = (product(weight, step), product(step, square));
    }
    let total = weights[0] + 2 * weights[1..].iter().sum::<u128>();
    let mut thresholds = Vec::new();
    for k in 1..weights.len() {
        // round(2^63 tail / total), bit by bit: the tail has up to 124 bits.
        let (mut rest, mut quotient) = (2 * weights[k..].iter().sum::<u128>(), 0_u64);
        for _ in 0..64 {
            rest *= 2;
            quotient = 2 * quotient + u64::from(rest >= total);
            rest -= if rest >= total { total } else { 0 };
        }
        thresholds.push(quotient.div_ceil(2));
    }
    thresholds.retain(|threshold| *threshold >= 1);
    assert_eq!(thresholds, TABLE);
}

/// `2^20` errors of one source, block after block.
fn errors() -> Vec<i64> {
    let source = ErrorSource::new(SessionId([5; 32]), &Secret::take(&mut [6; 32]));
    let mut all = Vec::new();
    for block in 0..256 {
        let (mut buffer, mut limbs) = (vec![0; 4096], vec![0; 4096]);
        source.add_to(Isa::best(), block, &mut buffer, &mut limbs, 0);
        all.extend(limbs.iter().map(|limb| limb.cast_signed() - 64));
    }
    all
}

#[test]
fn errors_are_distributed_as_the_discrete_gaussian() {
    let (errors, weight) = (errors(), |x: i64| (-(x * x) as f64 / 81.92).exp());
    let total: f64 = (-100..=100).map(weight).sum();
    let count = errors.len() as f64;
    let mean = errors.iter().sum::<i64>() as f64 / count;
    let variance = errors.iter().map(|e| (e * e) as f64).sum::<f64>() / count;
    // Standard deviations: 6.4 / 2^10 and 40.96 sqrt(2) / 2^10.
    assert!(mean.abs() < 5.0 * 6.4 / 1024.0, "{mean}");
    assert!((variance - 40.96).abs() < 5.0 * 40.96 * 1.415 / 1024.0, "{variance}");
    let mut statistic = 0.0;
    for x in -28..=28 {
        let (seen, expected) = (errors.iter().filter(|e| **e == x).count() as f64, count * weight(x) / total);
        statistic += (seen - expected).powi(2) / expected;
    }
    let tail: f64 = (29..=100).map(|x| 2.0 * weight(x)).sum::<f64>() / total * count;
    let seen = errors.iter().filter(|e| e.abs() > 28).count() as f64;
    statistic += (seen - tail).powi(2) / tail;
    // 57 degrees of freedom: five standard deviations above the mean.
    assert!(statistic < 57.0 + 5.0 * (2.0_f64 * 57.0).sqrt(), "{statistic}");
}

#[test]
fn blocks_have_errors_of_their_own() {
    let errors = errors();
    let (first, second) = (&errors[..4096], &errors[4096..8192]);
    let correlation: i64 = first.iter().zip(second).map(|(a, b)| a * b).sum();
    assert!((correlation as f64).abs() < 5.0 * 40.96 * 64.0, "{correlation}");
}
