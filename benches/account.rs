//! Privacy accounting: composing and converting, by the Rényi and zCDP accountants. The same tasks run in Python in `benches/peers/`.
#![allow(clippy::expect_used, reason = "a benchmark")]

mod common;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use veilsum::account::{
    Accountant, Event,
    NeighboringRelation::AddOrRemoveOne,
    RdpAccountant, ZCdpAccountant, analytic,
    calibrate::{self, Target},
};

fn sampled(sigma: f64, q: f64, rounds: u64) -> RdpAccountant {
    let mut accountant = RdpAccountant::new(AddOrRemoveOne);
    let event = Event::gaussian(sigma).and_then(|event| event.poisson_sampled(q));
    event.and_then(|event| accountant.compose(&event, rounds)).expect("valid parameters");
    accountant
}

/// A thousand different mechanisms, one step each.
fn heterogeneous() -> RdpAccountant {
    let mut accountant = RdpAccountant::new(AddOrRemoveOne);
    for step in 0..1000_u32 {
        let sigma = 1.0 + f64::from(step) / 1000.0;
        let event = Event::gaussian(sigma).and_then(|event| event.poisson_sampled(0.01));
        event.and_then(|event| accountant.compose(&event, 1)).expect("valid parameters");
    }
    accountant
}

fn account(c: &mut Criterion) {
    let mut group = c.benchmark_group("account");
    let epsilon = |accountant: RdpAccountant| accountant.epsilon(1e-5).expect("a probability");
    group.bench_function("rdp/sigma 1 q 0.01 T 1e4", |b| b.iter(|| epsilon(sampled(black_box(1.0), 0.01, 10_000))));
    group.bench_function("rdp/sigma 1 q 0.001 T 1e6", |b| b.iter(|| epsilon(sampled(black_box(1.0), 0.001, 1_000_000))));
    group.bench_function("rdp/sigma 20 q 0.1 T 1e6", |b| b.iter(|| epsilon(sampled(black_box(20.0), 0.1, 1_000_000))));
    group.bench_function("rdp/sigma 0.5 q 1 T 1000", |b| b.iter(|| epsilon(sampled(black_box(0.5), 1.0, 1000))));
    group.bench_function("zcdp/sigma 10 T 1e6", |b| {
        b.iter(|| {
            let mut accountant = ZCdpAccountant::new(AddOrRemoveOne);
            let event = Event::gaussian(black_box(10.0));
            event.and_then(|event| accountant.compose(&event, 1_000_000)).expect("valid parameters");
            accountant.epsilon(1e-5)
        });
    });
    group.bench_function("analytic/sigma 1", |b| b.iter(|| analytic::epsilon(black_box(1.0), 1e-5)));
    let target = Target { epsilon: 2.0, delta: 1e-5 };
    group.bench_function("rdp/calibrate epsilon 2 q 0.01 T 1e4", |b| {
        b.iter(|| calibrate::least_noise_multiplier(black_box(target), |sigma| Ok(sampled(sigma, 0.01, 10_000))));
    });
    let deltas: Vec<f64> = (1..=50).map(|step| 10.0_f64.powf(-0.2 * f64::from(step))).collect();
    group.bench_function("rdp/epsilon at 50 deltas", |b| b.iter(|| sampled(black_box(1.0), 0.01, 10_000).epsilons(&deltas)));
    group.sample_size(10);
    group.bench_function("rdp/heterogeneous 1000", |b| b.iter(|| epsilon(heterogeneous())));
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = account
}
criterion_main!(benches);
