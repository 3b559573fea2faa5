//! Lattice masks, block by block: a client's masking and a server's adding and unmasking, for every set and instruction set, and the
//! parts that they are made of.
//!
//! `cargo bench --bench lattice`. Everything is included: public polynomials are expanded anew for every block, errors are sampled,
//! residues are packed. The throughput counted is words. Masks are checked before they are timed.
#![allow(missing_docs, reason = "criterion generates items without documentation")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

mod common;

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use veilsum::{
    LatticeSet, Ring, SessionId,
    hazmat::{Instructions, InverseTransform, Keystreams, LatticeMask},
};

const SESSION: SessionId = SessionId([7; 32]);
const CLIENTS: usize = 195;

/// Sets, each with the largest absolute value whose lanes fill its plaintext best, and the bits of a word.
const SETS: [(LatticeSet, u64, u8); 7] = [
    (LatticeSet::L96, 5377, 21),
    (LatticeSet::L100, 10_754, 22),
    (LatticeSet::L108, 43_018, 24),
    (LatticeSet::S48, 336, 17),
    (LatticeSet::L160, 43_018, 24),
    (LatticeSet::S50, 672, 18),
    (LatticeSet::L188, 10_754, 22),
];

fn mask(set: LatticeSet, max_abs: u64, bits: u8, instructions: Instructions) -> LatticeMask {
    let mut mask = LatticeMask::new(set, SESSION, CLIENTS, Ring::new(bits).unwrap(), max_abs, instructions).unwrap();
    mask.expand(&[([1; 32], false), ([2; 32], true)], 0);
    mask
}

/// Words up to `max_abs` in absolute value.
fn words(len: u64, max_abs: u64, bits: u8) -> Vec<u32> {
    let ring = Ring::new(bits).unwrap();
    (0..len).map(|k| ring.wrap((k * 7919 % (2 * max_abs + 1)) as i64 - max_abs as i64) as u32).collect()
}

fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lattice");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let best = Instructions::available().last().copied();
    for instructions in Instructions::available() {
        // Every set with the best instructions, the default with all.
        for (set, max_abs, bits) in SETS.into_iter().filter(|(set, ..)| Some(instructions) == best || *set == LatticeSet::L96) {
            let mut mask = mask(set, max_abs, bits, instructions);
            let len = mask.block_len();
            let (words, id) =
                (words(len, max_abs, bits), |what: &str| BenchmarkId::new(what, format!("{set:?}, {instructions:?}")));
            let mut wire = vec![0; mask.wire_len(len) as usize];
            let (mut sums, mut out) = (vec![0; mask.sums(len) as usize], vec![0_u32; len as usize]);
            mask.mask(3, &words, &mut wire).unwrap();
            mask.add(len, &wire, &mut sums).unwrap();
            mask.unmask(3, &sums, 1, &mut out).unwrap();
            assert!(out == words, "{set:?}, {instructions:?}");
            group.throughput(Throughput::Elements(len));
            group.bench_function(id("mask"), |b| b.iter(|| mask.mask(3, black_box(&words), &mut wire).unwrap()));
            group.bench_function(id("unmask"), |b| b.iter(|| mask.unmask(3, black_box(&sums), 1, &mut out).unwrap()));
            group.bench_function(id("add"), |b| {
                b.iter(|| {
                    sums.fill(0);
                    mask.add(len, black_box(&wire), &mut sums).unwrap();
                });
            });
        }
    }
    group.finish();
}

/// The same words under 195 pairwise keystreams.
fn pairwise(criterion: &mut Criterion) {
    common::one_thread();
    let mut group = criterion.benchmark_group("lattice");
    group.sample_size(10);
    let words = words(1 << 18, 5377, 21);
    let mut keystreams = Keystreams::with_capacity(SESSION, CLIENTS);
    (0..CLIENTS).for_each(|k| keystreams.push([k as u8; 32], k % 2 == 1));
    let mut wire = Vec::new();
    group.throughput(Throughput::Elements(words.len() as u64));
    group.bench_function("peer: 195 pairwise keystreams", |b| {
        b.iter(|| keystreams.mask(Ring::new(21).unwrap(), 0, black_box(&words), &mut wire));
    });
    group.finish();
}

/// Residues of two primes of 48 bits, 4096 each: what a block of the default set is made of.
fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lattice parts");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for instructions in Instructions::available() {
        for set in [LatticeSet::S48, LatticeSet::L96, LatticeSet::L188] {
            let transform = InverseTransform::new(set, instructions);
            let mut values: Vec<u64> = (0..transform.len() as u64).map(|k| k * 0x1234_5678 % transform.modulus()).collect();
            group.throughput(Throughput::Elements(values.len() as u64));
            group.bench_function(BenchmarkId::new("inverse transform", format!("{set:?}, {instructions:?}")), |b| {
                b.iter(|| transform.apply(black_box(&mut values)));
            });
        }
    }
    let keys = common::raw_keys(1);
    group.throughput(Throughput::Elements(4096));
    group.bench_function("limit: raw AES-256-CTR, 8 bytes a coefficient", |b| b.iter(|| common::raw_keystream(&keys, 8 * 4096)));
    group.finish();
}

/// The key of an epoch: a client of 195, and a server with a tenth of the clients dropped out.
fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lattice keys");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (set, max_abs, bits) in SETS.into_iter().filter(|(set, ..)| [LatticeSet::L96, LatticeSet::L188].contains(set)) {
        let mut mask = mask(set, max_abs, bits, *Instructions::available().last().unwrap());
        for seeds in [195, 3675_u32] {
            let seeds: Vec<_> = (0..seeds).map(|k| ([k as u8; 32], k % 2 == 1)).collect();
            group.throughput(Throughput::Elements(seeds.len() as u64));
            group.bench_function(BenchmarkId::new(format!("{set:?}"), seeds.len()), |b| b.iter(|| mask.expand(&seeds, 0)));
        }
    }
    group.finish();
}

/// Bytes on the wire against packed words, for 195 clients.
fn wire(_: &mut Criterion) {
    println!("wire of a full block against packed words, n = {CLIENTS}; input bits: wire bits a word, ratio");
    for (set, ..) in SETS {
        let ratio = |bits: u32| {
            let max_abs = (1_u64 << (bits - 1)) - 1;
            let sum = 64 - (2 * CLIENTS as u64 * max_abs).leading_zeros();
            let ring = Ring::new(sum as u8).unwrap();
            let mask = LatticeMask::new(set, SESSION, CLIENTS, ring, max_abs, Instructions::Portable).ok()?;
            let len = mask.block_len();
            let wire = 8.0 * mask.wire_len(len) as f64 / len as f64;
            Some(format!("{bits}: {wire:.2} for {sum}, {:.3}", wire / f64::from(sum)))
        };
        let cells: Vec<String> = [4, 8, 12, 14, 16, 20, 24].into_iter().filter_map(ratio).collect();
        println!("{set:?}: {}", cells.join("; "));
    }
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = blocks, pairwise, parts, keys, wire
}
criterion_main!(benches);
