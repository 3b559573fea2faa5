//! Integer noise: fast and constant-time draws of each law, from narrow to wide, against the keystream that they are made from.
//!
//! `cargo bench --bench noise`; against the `opendp` crate: `benches/peers/noise`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion generates items without documentation; parameters are known to be good"
)]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{SeedableRng, rngs::StdRng};
use veilsum::dp::{NOISE_BLOCK, NoiseLaw, NoiseSeed, Rational, Sampler};

/// Coordinates of one call.
const LEN: usize = 16 * NOISE_BLOCK;

fn laws() -> Vec<(&'static str, NoiseLaw)> {
    let ratio = |numerator, denominator| Rational::new(numerator, denominator).unwrap();
    let mut laws = Vec::new();
    for (skellam, gaussian, sigma) in [
        ("skellam/1", "gaussian/1", 1_u64),
        ("skellam/16", "gaussian/16", 16),
        ("skellam/100", "gaussian/100", 100),
        ("skellam/1e4", "gaussian/1e4", 10_000),
        ("skellam/1e6", "gaussian/1e6", 1_000_000),
        ("skellam/1e9", "gaussian/1e9", 1_000_000_000),
    ] {
        laws.push((skellam, NoiseLaw::Skellam { variance: ratio(sigma * sigma, 1) }));
        laws.push((gaussian, NoiseLaw::DiscreteGaussian { variance: ratio(sigma * sigma, 1) }));
    }
    laws.push(("laplace/100", NoiseLaw::DiscreteLaplace { noise_parameter: ratio(1, 100) }));
    laws.push(("laplace/1e6", NoiseLaw::DiscreteLaplace { noise_parameter: ratio(1, 1_000_000) }));
    laws.push(("laplace share/100", NoiseLaw::LaplaceShare { noise_parameter: ratio(1, 100), shares: 10 }));
    laws
}

fn draws(criterion: &mut Criterion) {
    common::one_thread();
    let seed = NoiseSeed::random(&mut StdRng::seed_from_u64(1)).unwrap();
    let mut values = vec![0_i64; LEN];
    let mut group = criterion.benchmark_group("noise");
    group.throughput(Throughput::Elements(LEN as u64));
    let keys = common::raw_keys(1);
    group.bench_function("limit: one word of raw AES-256-CTR", |b| b.iter(|| common::raw_keystream(&keys, 8 * LEN)));
    for (name, law) in laws() {
        let fast = Sampler::new(law).unwrap();
        group.bench_function(BenchmarkId::new("tables", name), |b| b.iter(|| fast.add(&seed, 0, black_box(&mut values))));
        let constant_time = Sampler::constant_time(law).unwrap();
        group.bench_function(BenchmarkId::new("constant time", name), |b| {
            b.iter(|| constant_time.add(&seed, 0, black_box(&mut values)));
        });
    }
    group.finish();
}

/// What one sampler costs before its first draw.
fn tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("noise tables");
    for (name, law) in laws() {
        group.bench_function(name, |b| b.iter(|| Sampler::new(black_box(law)).unwrap()));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion().sample_size(20);
    targets = draws, tables
}
criterion_main!(benches);
