//! Masks of either kind, and packing (docs/protocol.md, sections 11 and 12).

use veilsum::{
    LatticeSet, Ring, SessionId,
    hazmat::{self, Instructions, InverseTransform, Keystreams, LatticeMask},
};

use super::{bytes_of_u32, bytes_of_u64, secret, words};
use crate::{Case, case, memcheck::poison};

const SESSION: SessionId = SessionId([7; 32]);
const MAX_ABS: u64 = 5377;

pub fn cases() -> Vec<Case> {
    vec![
        case("pairwise masks", "the seeds, 32 bits", || {
            let mut words = vec![0; 1000];
            keystreams().add_u32(64, &mut words);
            bytes_of_u32(&words)
        }),
        case("pairwise masks", "the seeds, 64 bits", || {
            let mut words = vec![0; 1000];
            keystreams().add_u64(64, &mut words);
            bytes_of_u64(&words)
        }),
        case("masking and packing", "the words", || {
            let (mut keystreams, mut wire) = (Keystreams::with_capacity(SESSION, 1), Vec::new());
            keystreams.push([1; 32], false);
            keystreams.mask(Ring::new(20).unwrap(), 0, &words(1000, 1 << 20), &mut wire);
            wire
        }),
        case("packing", "the words, 8 bits", || packed(8)),
        case("packing", "the words, 13 bits", || packed(13)),
        case("packing", "the words, 20 bits", || packed(20)),
        case("packing", "the words, 32 bits", || packed(32)),
        case("packing", "the words, 40 bits", packed_wide),
        case("unpacking and adding", "the sum, 20 bits", || {
            let ring = Ring::new(20).unwrap();
            let mut sum = words(1024, 1 << 20);
            hazmat::add_packed_u32(ring, &[0x5a; 2560], &mut sum).unwrap();
            bytes_of_u32(&sum)
        }),
        case("unpacking and adding of eight vectors", "the sum, 20 bits", || {
            let ring = Ring::new(20).unwrap();
            let mut sum = words(1024, 1 << 20);
            hazmat::sum_packed_u32(ring, [&[0x5a; 2560]; 8], &mut sum).unwrap();
            bytes_of_u32(&sum)
        }),
        case("keystream of a block", "the seed", || hazmat::keystream_start(SESSION, secret(2), 5).to_vec()),
        case("lattice mask of a block", "the seeds of the key", || masked(LatticeSet::S48, 336, 17, What::Key)),
        case("lattice mask of a block", "the errors", || masked(LatticeSet::S48, 336, 17, What::Errors)),
        case("lattice mask of a block", "the words", || masked(LatticeSet::S48, 336, 17, What::Words)),
        case("lattice mask of a block", "the seeds of the key, two primes", || masked(LatticeSet::L96, MAX_ABS, 21, What::Key)),
        case("lattice mask of a block", "the errors, two primes", || masked(LatticeSet::L96, MAX_ABS, 21, What::Errors)),
        case("lattice mask of a block", "the words, two primes", || masked(LatticeSet::L96, MAX_ABS, 21, What::Words)),
        case("inverse transform", "the values, portable", || transformed(Instructions::Portable)),
        case("inverse transform", "the values, best instructions", || transformed(*Instructions::available().last().unwrap())),
    ]
}

fn keystreams() -> Keystreams {
    let mut keystreams = Keystreams::with_capacity(SESSION, 2);
    keystreams.push(secret(1), false);
    keystreams.push(secret(2), true);
    keystreams
}

fn packed(bits: u8) -> Vec<u8> {
    let ring = Ring::new(bits).unwrap();
    let mut wire = vec![0; ring.packed_len(1024) as usize];
    hazmat::pack_u32(ring, &words(1024, u32::MAX >> (32 - bits)), &mut wire);
    wire
}

fn packed_wide() -> Vec<u8> {
    let ring = Ring::new(40).unwrap();
    let mut wire = vec![0; ring.packed_len(1024) as usize];
    let mut words: Vec<u64> = (0..1024).map(|k| k * 0x0009_1a2b_3c4d & ring.max()).collect();
    poison(&mut words);
    hazmat::pack_u64(ring, &words, &mut wire);
    wire
}

fn lattice(set: LatticeSet, max_abs: u64, bits: u8) -> LatticeMask {
    let best = *Instructions::available().last().unwrap();
    LatticeMask::new(set, SESSION, 195, Ring::new(bits).unwrap(), max_abs, best).unwrap()
}

#[derive(PartialEq)]
enum What {
    Key,
    Errors,
    Words,
}

/// One of the three is secret.
fn masked(set: LatticeSet, max_abs: u64, bits: u8, what: What) -> Vec<u8> {
    let mut mask = lattice(set, max_abs, bits);
    let seed = if what == What::Key { secret(5) } else { [5; 32] };
    mask.expand(&[(seed, false), (seed, true), (seed, false)], 0);
    mask.set_errors(if what == What::Errors { secret(6) } else { [6; 32] });
    let len = mask.block_len();
    let mut words: Vec<u32> = (0..len as u32).map(|k| k % max_abs as u32).collect();
    if what == What::Words {
        poison(&mut words);
    }
    let mut wire = vec![0; mask.wire_len(len) as usize];
    mask.mask(3, &words, &mut wire).unwrap();
    wire
}

fn transformed(instructions: Instructions) -> Vec<u8> {
    let transform = InverseTransform::new(LatticeSet::L96, instructions);
    let mut values: Vec<u64> = (0..transform.len() as u64).map(|k| k * 0x1234_5678 % transform.modulus()).collect();
    poison(&mut values);
    transform.apply(&mut values);
    bytes_of_u64(&values)
}
