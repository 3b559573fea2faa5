//! Privacy loss distributions: one evaluation, many compositions, many different events, a curve, calibration.
//!
//! `cargo bench --bench pld`; beside dp-accounting in the same run: `benches/peers/accounting.py`.
#![allow(missing_docs, reason = "criterion generates items without documentation")]
#![allow(clippy::unwrap_used, reason = "a benchmark")]

mod common;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use veilsum::account::{
    Accountant,
    calibrate::{self, Target},
    event::{Event, NeighboringRelation},
    pld::PldAccountant,
};

fn accountant(events: &[(f64, f64, u64)]) -> PldAccountant {
    let mut accountant = PldAccountant::new(NeighboringRelation::AddOrRemoveOne);
    for &(sigma, q, count) in events {
        accountant.compose(&Event::gaussian(sigma).unwrap().poisson_sampled(q).unwrap(), count).unwrap();
    }
    accountant
}

fn pld(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pld");
    group.sample_size(20);
    let single = accountant(&[(1.0, 0.01, 10_000)]);
    group.bench_function("sigma 1, q 0.01, T 1e4", |b| b.iter(|| black_box(&single).epsilon(1e-5).unwrap()));
    group.bench_function("sigma 1, q 0.01, T 1e4, both bounds", |b| b.iter(|| black_box(&single).epsilon_bracket(1e-5).unwrap()));
    group.sample_size(10);
    let million = accountant(&[(1.0, 0.001, 1_000_000)]);
    group.bench_function("sigma 1, q 0.001, T 1e6", |b| b.iter(|| black_box(&million).epsilon(1e-6).unwrap()));
    let groups: Vec<_> = (0..20).map(|k| (1.0 + 0.1 * f64::from(k), 0.01 + 0.001 * f64::from(k), 500)).collect();
    let groups = accountant(&groups);
    group.bench_function("20 groups of 500", |b| b.iter(|| black_box(&groups).epsilon(1e-6).unwrap()));
    let different: Vec<_> = (0..1000).map(|k| (1.0 + 0.002 * f64::from(k), 0.01, 1)).collect();
    let different = accountant(&different);
    group.bench_function("1000 different events", |b| b.iter(|| black_box(&different).epsilon(1e-6).unwrap()));
    let deltas: Vec<f64> = (0..50).map(|k| 10_f64.powf(-3.0 - 0.1 * f64::from(k))).collect();
    group.bench_function("epsilon at 50 deltas", |b| b.iter(|| black_box(&single).epsilons(&deltas).unwrap()));
    let target = Target { epsilon: 2.0, delta: 1e-5 };
    group.bench_function("calibrate to epsilon 2", |b| {
        b.iter(|| {
            calibrate::least_noise_multiplier(black_box(target), |sigma| Ok(accountant(&[(sigma, 0.01, 10_000)]))).unwrap()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = pld
}
criterion_main!(benches);
