//! Blocks of lattice masks: what is masked, summed and unmasked is the sum; what is out of range is refused.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "tests")]

use alloc::{vec, vec::Vec};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::crypto::{kdf::Kdf, secret::Secret};

pub(super) const SESSION: SessionId = SessionId([9; 32]);
pub(super) const SETS: [LatticeSet; 7] = LatticeSet::ALL;

fn seed(client: u64) -> Kdf {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&client.to_le_bytes());
    Kdf::new(SESSION, &bytes)
}

fn errors(client: u64) -> ErrorSource {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&client.to_le_bytes());
    ErrorSource::new(SESSION, &Secret::take(&mut bytes))
}

fn key(set: LatticeSet, clients: &[u64], epoch: u64) -> EpochKey {
    let seeds: Vec<Kdf> = clients.iter().map(|client| seed(*client)).collect();
    EpochKey::expand(set, seeds.iter().map(|seed| (seed, false)), epoch)
}

/// Masks the words of each client, adds them up and unmasks the sum.
fn sum_of(kernel: &mut Kernel, geometry: Geometry, ring: Ring, block: u64, inputs: &[Vec<u64>]) -> Vec<u64> {
    let (set, len) = (geometry.set(), inputs[0].len());
    let mut wire = vec![0; geometry.wire_len(len as u64) as usize];
    let mut sums = vec![0; geometry.coefficients(len as u64) as usize * set.primes().len()];
    let clients: Vec<u64> = (0..inputs.len() as u64).collect();
    for (client, words) in clients.iter().zip(inputs) {
        let key = key(set, &[*client], epoch(block));
        kernel.mask_block(geometry, ring, SESSION, block, &key, &errors(*client), words, &mut wire).unwrap();
        add_blocks(geometry, &mut sums, &[&wire]);
    }
    let mut out = vec![0_u64; len];
    let key = key(set, &clients, epoch(block));
    kernel.unmask_block(geometry, ring, SESSION, block, &key, &sums, inputs.len() as u32, &mut out).unwrap();
    out
}

/// Random words up to `max_abs`, with both ends among them.
fn inputs(rng: &mut StdRng, ring: Ring, clients: usize, max_abs: u64, len: usize) -> Vec<Vec<u64>> {
    let limit = max_abs as i64;
    let word = |rng: &mut StdRng| match rng.random_range(0..4) {
        0 => limit,
        1 => -limit,
        _ => rng.random_range(-limit..=limit),
    };
    (0..clients).map(|_| (0..len).map(|_| ring.wrap(word(rng))).collect()).collect()
}

#[test]
fn the_sum_is_exact_for_every_set_lane_width_and_length_of_block() {
    let mut rng = StdRng::seed_from_u64(1);
    for set in SETS {
        let mut kernel = Kernel::new(set);
        for (clients, max_abs, bits) in [(2, 1, 3), (3, 500, 12), (5, 1 << 15, 20), (4, (1 << 32) - 3, 40), (3, 1 << 50, 60)] {
            let Ok(geometry) = Geometry::new(set, clients, max_abs) else { continue };
            let ring = Ring::new(bits).unwrap();
            let full = geometry.block_len() as usize;
            for len in [1, full / 2 + 77, full] {
                let words = inputs(&mut rng, ring, clients, max_abs, len);
                let sum = sum_of(&mut kernel, geometry, ring, 5000, &words);
                let expected = |i: usize| words.iter().fold(0_u64, |sum, words| sum.wrapping_add(words[i])) & ring.max();
                assert!((0..len).all(|i| sum[i] == expected(i)), "{geometry:?}, {len} words");
            }
        }
    }
}
