//! The mask generator alone: one keystream added to a vector in the cache, against raw AES-256-CTR and against adding a vector.
//!
//! `cargo bench --bench prg`
#![allow(missing_docs, reason = "criterion generates items without documentation")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use veilsum::{SessionId, hazmat::Keystreams};

fn prg(criterion: &mut Criterion) {
    common::one_thread();
    let mut group = criterion.benchmark_group("prg");
    for len in [1_usize << 11, 1 << 14, 1 << 18] {
        group.throughput(Throughput::Bytes(4 * len as u64));
        let keys = common::raw_keys(1);
        group.bench_function(BenchmarkId::new("limit: raw AES-256-CTR", len), |b| {
            b.iter(|| common::raw_keystream(&keys, 4 * len));
        });
        let (mut words, other) = (vec![1_u32; len], vec![2_u32; len]);
        group.bench_function(BenchmarkId::new("limit: add a vector", len), |b| {
            b.iter(|| common::add_precomputed(black_box(&mut words), black_box(&other)));
        });
        let mut stream = Keystreams::with_capacity(SessionId([7; 32]), 1);
        stream.push([1; 32], false);
        group.bench_function(BenchmarkId::new("u32", len), |b| b.iter(|| stream.add_u32(0, black_box(&mut words))));
        let mut wide = vec![1_u64; len / 2];
        group.bench_function(BenchmarkId::new("u64", len), |b| b.iter(|| stream.add_u64(0, black_box(&mut wide))));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = prg
}
criterion_main!(benches);
