//! Verifiable secret sharing: dealing one secret, checking dealings in one batch, recovering; n holders, threshold `n - (n - 1) / 3`.
//!
//! `cargo bench --bench vss`. Checking is counted in commitments (points) a second, against decoding as many points and one
//! multi-scalar multiplication over them with 128-bit scalars.
#![allow(missing_docs, reason = "criterion generates items without documentation")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto, traits::VartimeMultiscalarMul};
use rand::{Rng, SeedableRng, rngs::StdRng};
use veilsum::{SessionId, hazmat::Dealing};

/// Dealings in one batch: as many as a client checks with 33 others, who deal two secrets each; fewer of long ones, which take long to
/// deal.
fn batch(n: u32) -> u64 {
    if n > 195 { 8 } else { 66 }
}

fn vss(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vss");
    group.sample_size(10);
    let mut rng = StdRng::seed_from_u64(1);
    for n in [10_u32, 100, 195, 1000] {
        let threshold = n - (n - 1) / 3;
        let deal = |seed: u64| Dealing::new(SessionId([7; 32]), [seed as u8; 64], [seed as u8 ^ 0x80; 64], threshold, n);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("deal", n), |b| b.iter(|| deal(black_box(1))));
        let dealings: Vec<Dealing> = (0..batch(n)).map(deal).collect();
        group.bench_function(BenchmarkId::new("recover", n), |b| {
            b.iter(|| assert!(dealings.first().unwrap().recovers(threshold)));
        });
        let points = batch(n) * u64::from(threshold);
        group.throughput(Throughput::Elements(points));
        group.bench_function(BenchmarkId::new("check", n), |b| {
            b.iter(|| assert!(Dealing::check(black_box(&dealings), n, &mut rng).unwrap()));
        });
        let encoded: Vec<CompressedRistretto> =
            (0..points).map(|k| RistrettoPoint::mul_base(&Scalar::from(k + 2)).compress()).collect();
        let mut short = || Scalar::from(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()));
        let scalars: Vec<Scalar> = (0..points).map(|_| short()).collect();
        group.bench_function(BenchmarkId::new("limit: decode and one multiplication", n), |b| {
            b.iter(|| {
                let points: Vec<RistrettoPoint> = encoded.iter().map(|point| point.decompress().unwrap()).collect();
                RistrettoPoint::vartime_multiscalar_mul(black_box(&scalars), &points)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = vss
}
criterion_main!(benches);
