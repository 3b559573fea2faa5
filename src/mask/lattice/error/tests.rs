//! Tests.
#![allow(clippy::cast_possible_truncation, reason = "tests")]

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
