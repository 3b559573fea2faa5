//! A client's masking, from words to wire bytes, against the raw AES-256-CTR keystream that it needs, in the same run.
//!
//! `cargo bench --bench mask`. The throughput counted is keystream bytes: 4 for each word and keystream. The vector has 2^21
//! words, so key derivation, memory traffic and packing are all in the figure.
#![allow(missing_docs, reason = "criterion generates items without documentation")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use veilsum::{Ring, SessionId, hazmat::Keystreams};

const WORDS: usize = 1 << 21;

fn mask(criterion: &mut Criterion) {
    common::one_thread();
    let mut group = criterion.benchmark_group("mask");
    group.sample_size(10);
    let words = common::words(WORDS, 20);
    for neighbors in [1_usize, 10, 30, 100, 199] {
        // One keystream for each neighbor, and one of the client's own.
        let streams = neighbors + 1;
        group.throughput(Throughput::Bytes((streams * WORDS * 4) as u64));
        let keys = common::raw_keys(streams);
        group.bench_function(BenchmarkId::new("limit: raw AES-256-CTR", neighbors), |b| {
            b.iter(|| common::raw_keystream(&keys, 4 * WORDS));
        });
        let mut keystreams = Keystreams::with_capacity(SessionId([7; 32]), streams);
        (0..streams).for_each(|k| keystreams.push([k as u8; 32], k % 2 == 1));
        // The kernel: keystreams added to a chunk, keys derived.
        let mut chunk = words.clone();
        group.bench_function(BenchmarkId::new("kernel", neighbors), |b| b.iter(|| keystreams.add_u32(0, black_box(&mut chunk))));
        // The client: words to wire bytes.
        let mut wire = Vec::new();
        for bits in [20, 32] {
            let ring = Ring::new(bits).unwrap();
            group.bench_function(BenchmarkId::new(format!("{bits} bits"), neighbors), |b| {
                b.iter(|| keystreams.mask(ring, 0, black_box(&words), &mut wire));
            });
        }
    }
    let (mut sum, other) = (vec![1_u32; WORDS], words);
    group.throughput(Throughput::Bytes(WORDS as u64 * 4));
    group.bench_function(BenchmarkId::new("limit: add a vector", 1), |b| {
        b.iter(|| common::add_precomputed(black_box(&mut sum), black_box(&other)));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = mask
}
criterion_main!(benches);
