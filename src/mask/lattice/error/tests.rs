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

/// What the specification says of two integers.
fn error_of(upper: u64, lower: u64) -> i64 {
    let number = u128::from(upper >> 1) << 64 | u128::from(lower);
    let size = THRESHOLDS.iter().filter(|threshold| number >= **threshold).count() as i64;
    if upper & 1 == 1 { -size } else { size }
}

/// The limb `5`, with an error.
fn limb(error: i64, shift: u32) -> u64 {
    5_u64.wrapping_add(((error + 128) << shift).cast_unsigned())
}

#[test]
fn errors_are_those_of_the_table_on_every_instruction_set_beside_every_threshold() {
    let mut rng = StdRng::seed_from_u64(1);
    let edges = HIGH.iter().flat_map(|t| [t - 1, t + 1]).filter(|half| half >> 63 == 0 && !HIGH.contains(half)).chain([0]);
    let mut integers: Vec<u64> = edges.flat_map(|half| [2 * half, 2 * half + 1]).collect();
    integers.extend((0..1000).map(|_| rng.next_u64()));
    for len in [0, 1, 3, 4, 5, 7, 8, 9, 31, 32, 33, integers.len()] {
        for isa in Isa::available() {
            let mut limbs = vec![5; len];
            assert!(!add_errors(isa, &integers[..len], &mut limbs, 13));
            let expected = integers[..len].iter().map(|upper| limb(error_of(*upper, rng.next_u64()), 13));
            assert!(limbs.iter().copied().eq(expected), "{isa:?}, {len}");
        }
    }
}

/// Upper halves equal to those of thresholds, at each place of a vector, with lower halves at, below and above the threshold's.
#[test]
fn a_tie_is_seen_on_every_instruction_set_and_broken_by_the_lower_half() {
    for (k, threshold) in THRESHOLDS.iter().enumerate() {
        let (high, low) = ((threshold >> 64) as u64, *threshold as u64);
        for (i, lower) in [0, low.wrapping_sub(1), low, low.wrapping_add(1), u64::MAX].into_iter().enumerate() {
            for isa in Isa::available() {
                let (place, mut upper) = ((7 * k + i) % 19, vec![0x1234_5678_9abc_def0; 19]);
                upper[place] = 2 * high + (k as u64 & 1);
                let mut limbs = vec![5; 19];
                assert!(add_errors(isa, &upper, &mut limbs, 20), "{isa:?}, {k}");
                let lowers: Vec<u64> = (0..19).map(|at| if at == place { lower } else { 77 }).collect();
                break_ties(&upper, &lowers, &mut limbs, 20);
                let expected = upper.iter().zip(&lowers).map(|(upper, lower)| limb(error_of(*upper, *lower), 20));
                assert!(limbs.iter().copied().eq(expected), "{isa:?}, {k}, {lower}");
            }
        }
    }
    assert_eq!((error_of(u64::MAX, u64::MAX), error_of(u64::MAX - 1, u64::MAX)), (-84, 84));
}

#[test]
fn lower_halves_follow_the_upper_ones_of_a_whole_block() {
    let (keystream, mut all) = (Keystream::new(&[1; 32]), vec![0; 2 * 2048]);
    keystream.each(0, &mut all, &mut Store);
    assert_eq!(lower_halves(&keystream, 2048, 100), all[2048..2148]);
}

#[test]
fn sixty_upper_halves_are_different() {
    assert!(HIGH.is_sorted() && HIGH[..DIFFERENT].windows(2).all(|pair| pair[0] < pair[1]));
    assert!(HIGH[DIFFERENT - 1..].iter().all(|high| *high == u64::MAX >> 1));
}

/// A number in `0..2`, in fixed point: 224 bits after the point, 32-bit digits, lowest first.
type Fixed = [u32; 8];

fn sum(a: Fixed, b: Fixed) -> Fixed {
    let mut carry = 0_u64;
    core::array::from_fn(|i| {
        carry = u64::from(a[i]) + u64::from(b[i]) + (carry >> 32);
        carry as u32
    })
}

fn difference(a: Fixed, b: Fixed) -> Fixed {
    let mut borrow = 0_i64;
    core::array::from_fn(|i| {
        borrow = i64::from(a[i]) - i64::from(b[i]) + (borrow >> 32);
        borrow as u32
    })
}

fn product(a: Fixed, b: Fixed) -> Fixed {
    let mut digits = [0_u64; 17];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            let term = u64::from(*x) * u64::from(*y);
            digits[i + j] += term & u64::from(u32::MAX);
            digits[i + j + 1] += term >> 32;
        }
    }
    for i in 0..16 {
        digits[i + 1] += digits[i] >> 32;
    }
    core::array::from_fn(|i| digits[i + 7] as u32)
}

/// `a / b` for a small `b`.
fn quotient(a: Fixed, b: u32) -> Fixed {
    let (mut out, mut rest) = ([0; 8], 0_u64);
    for i in (0..8).rev() {
        rest = (rest % u64::from(b)) << 32 | u64::from(a[i]);
        out[i] = (rest / u64::from(b)) as u32;
    }
    out
}

/// `exp(-1 / (2 sigma^2))` for `sigma = 6.4`, by its series: `1 / (2 sigma^2) = 25 / 2048`.
fn base() -> Fixed {
    let one = [0, 0, 0, 0, 0, 0, 0, 1];
    let x = product(quotient(one, 2048), [0, 0, 0, 0, 0, 0, 0, 25]);
    let (mut total, mut term) = (one, one);
    for k in 1..=40 {
        term = quotient(product(term, x), k);
        total = if k % 2 == 1 { difference(total, term) } else { sum(total, term) };
    }
    total
}

fn less(a: &Fixed, b: &Fixed) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// Every threshold again, from a fixed-point computation that shares nothing with the script that made the table.
#[test]
fn the_table_is_that_of_the_discrete_gaussian() {
    let r = base();
    // exp(-x^2 / (2 sigma^2)) = r^(x^2), and the exponents differ by odd numbers.
    let (mut weights, mut weight, mut step, square) = (Vec::new(), [0, 0, 0, 0, 0, 0, 0, 1], r, product(r, r));
    for _ in 0..110 {
        weights.push(weight);
        (weight, step) = (product(weight, step), product(step, square));
    }
    // Of |X|, and halved five times, so that the total is below 1.
    let halved = |weight: &Fixed, twice: u32| quotient(*weight, 32 / twice);
    let mut below = halved(&weights[0], 1);
    let total = weights[1..].iter().fold(below, |total, weight| sum(total, halved(weight, 2)));
    for (k, threshold) in THRESHOLDS.iter().enumerate() {
        if k > 0 {
            below = sum(below, halved(&weights[k], 2));
        }
        // round(2^127 below / total), bit by bit.
        let (mut rest, mut bits) = (below, 0_u128);
        for _ in 0..128 {
            rest = sum(rest, rest);
            bits = 2 * bits + u128::from(!less(&rest, &total));
            rest = if less(&rest, &total) { rest } else { difference(rest, total) };
        }
        assert_eq!(bits.div_ceil(2), *threshold, "{k}");
    }
}

/// `2^20` errors of one source, block after block.
fn errors() -> Vec<i64> {
    let source = ErrorSource::new(SessionId([5; 32]), &Secret::take(&mut [6; 32]));
    let mut all = Vec::new();
    for block in 0..256 {
        let (mut buffer, mut limbs) = (vec![0; 4096], vec![0; 4096]);
        source.add_to(Isa::best(), block, 4096, &mut buffer, &mut limbs, 0);
        all.extend(limbs.iter().map(|limb| limb.cast_signed() - 128));
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
