//! The wire form of words, in elements a second: on blocks in the cache, and from memory against memcpy.
//!
//! `cargo bench --bench pack`
#![allow(missing_docs, reason = "criterion generates items without documentation")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use veilsum::{
    Ring,
    hazmat::{add_packed_u32, add_packed_u64, pack_u32, pack_u64, sum_packed_u32},
};

fn pack(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pack");
    for (place, len) in [("cache", 1_usize << 12), ("memory", 1 << 24)] {
        if place == "memory" {
            group.sample_size(10);
        }
        group.throughput(Throughput::Elements(len as u64));
        for bits in if place == "cache" { &[8, 13, 16, 20, 24, 32][..] } else { &[16, 20, 24] } {
            let bits = *bits;
            let ring = Ring::new(bits).unwrap();
            let mut words = common::words(len, bits);
            let mut wire = vec![0; ring.packed_len(len as u64) as usize];
            let id = |what: &str| BenchmarkId::new(format!("{what}, {place}"), bits);
            group.bench_function(id("pack"), |b| b.iter(|| pack_u32(ring, black_box(&words), black_box(&mut wire))));
            group.bench_function(id("add"), |b| b.iter(|| add_packed_u32(ring, black_box(&wire), black_box(&mut words))));
        }
        let (source, mut target) = (common::words(len, 32), vec![0_u32; len]);
        group.bench_function(BenchmarkId::new(format!("limit: memcpy, {place}"), 32), |b| {
            b.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)));
        });
    }
    let len = 1_usize << 12;
    group.throughput(Throughput::Elements(8 * len as u64));
    for bits in [8, 13, 16, 20, 24, 32] {
        let ring = Ring::new(bits).unwrap();
        let (mut words, wire) = (common::words(len, bits), vec![0x55; ring.packed_len(len as u64) as usize]);
        let wires = [&wire[..]; 8];
        group.bench_function(BenchmarkId::new("add 8 at once, cache", bits), |b| {
            b.iter(|| sum_packed_u32(ring, black_box(wires), black_box(&mut words)));
        });
    }
    group.throughput(Throughput::Elements(len as u64));
    for bits in [40, 48, 64] {
        let ring = Ring::new(bits).unwrap();
        let mut words: Vec<u64> = common::words(len, 32).into_iter().map(u64::from).collect();
        let mut wire = vec![0; ring.packed_len(len as u64) as usize];
        group.bench_function(BenchmarkId::new("pack, cache", bits), |b| {
            b.iter(|| pack_u64(ring, black_box(&words), black_box(&mut wire)));
        });
        group.bench_function(BenchmarkId::new("add, cache", bits), |b| {
            b.iter(|| add_packed_u64(ring, black_box(&wire), black_box(&mut words)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = pack
}
criterion_main!(benches);
