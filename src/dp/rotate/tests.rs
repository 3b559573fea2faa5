#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

/// Each value times each sign, straight from the definition.
fn by_definition(values: &[f64]) -> Vec<f64> {
    let sign = |row: usize, column: usize| if (row & column).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
    (0..values.len()).map(|row| values.iter().enumerate().map(|(column, value)| sign(row, column) * value).sum()).collect()
}

fn ramp(len: usize) -> Vec<f64> {
    (0..len).map(|i| (i * i % 97) as f64 - 40.0).collect()
}

#[test]
fn it_is_the_hadamard_transform_at_every_size() {
    for log2 in 6..=12 {
        let block = 1 << log2;
        let values = ramp(block);
        let mut fast = values.clone();
        hadamard(&mut fast, block);
        // Sums of integers: exact.
        assert_eq!(fast, by_definition(&values), "2^{log2}");
    }
}

#[test]
fn large_blocks_are_products_of_small_ones() {
    // H applied twice is the identity times the block: exact for integers.
    for log2 in 13..=16 {
        let block = 1 << log2;
        let values = ramp(block);
        let mut twice = values.clone();
        hadamard(&mut twice, block);
        hadamard(&mut twice, block);
        assert!(twice.iter().zip(&values).all(|(twice, value)| *twice == value * block as f64), "2^{log2}");
        // And a unit vector becomes a row of signs: those of a row of the definition.
        let (mut unit, column) = (vec![0.0; block], block / 2 + 77);
        unit[column] = 1.0;
        hadamard(&mut unit, block);
        let sign = |row: usize| if (row & column).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
        assert!(unit.iter().enumerate().all(|(row, value)| *value == sign(row)));
    }
}

#[test]
fn blocks_do_not_touch_each_other() {
    let values = ramp(256);
    let mut both = values.clone();
    hadamard(&mut both, 128);
    assert_eq!(both[..128], by_definition(&values[..128])[..]);
    assert_eq!(both[128..], by_definition(&values[128..])[..]);
}

#[test]
fn signs_flip_the_values_whose_bits_are_set() {
    let mut values = vec![1.0; 130];
    flip(&mut values, &[1 << 63 | 2, 1, u64::MAX], 2.0);
    let negative: Vec<usize> = (0..130).filter(|i| values[*i] == -2.0).collect();
    assert_eq!(negative, [1, 63, 64, 128, 129]);
    assert!(values.iter().all(|value| value.abs() == 2.0));
}

proptest! {
    #[test]
    fn the_rotation_is_orthogonal(
        pairs in prop::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64), 1024),
        signs in prop::collection::vec(any::<u64>(), 16),
        log2 in 6..=10_u32,
    ) {
        let block = 1 << log2;
        let (mut a, mut b): (Vec<f64>, Vec<f64>) = pairs.into_iter().take(block).unzip();
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let before = (product(&a, &a), product(&a, &b));
        for values in [&mut a, &mut b] {
            flip(values, &signs, 1.0 / (block as f64).sqrt());
            hadamard(values, block);
        }
        prop_assert!((product(&a, &a) - before.0).abs() < 1e-11);
        prop_assert!((product(&a, &b) - before.1).abs() < 1e-11);
    }
}
