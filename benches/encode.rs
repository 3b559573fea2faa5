//! The private encoding of one client's vector on one core: clip, rotate, round, add noise, wrap; and back.
//!
//! `cargo bench --bench encode`
#![allow(missing_docs, reason = "criterion generates items without documentation")]
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a benchmark")]

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::{SeedableRng, rngs::StdRng};
use veilsum::dp::{Encoding, EncodingSeed, Planner, Rounding, Sampler};

const LEN: usize = 1 << 20;

fn planner() -> Planner {
    Encoding::planner(100, 67, 33, LEN as u64, 1.0, 1.0, 32)
}

/// A vector at the clipping norm, where rounding is hardest.
fn values() -> Vec<f32> {
    (0..LEN).map(|i| ((i * 7919 % 2003) as f32 / 1001.0 - 1.0) * 2e-3).collect()
}

/// With another seed each time: how often a vector is rounded depends on it.
fn encode(encoding: &Encoding, sampler: Option<&Sampler>, values: &[f32], words: &mut [u32], rng: &mut StdRng) {
    let seed = EncodingSeed::generate(rng).unwrap();
    let mut encoder = match sampler {
        Some(sampler) => encoding.encoder(sampler, values, 1, seed).unwrap(),
        None => encoding.encoder_without_noise(values, 1, seed).unwrap(),
    };
    encoder.next_words(words).unwrap();
}

fn benchmarks(criterion: &mut Criterion) {
    common::one_thread();
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(LEN as u64));
    let (values, mut words, mut rng) = (values(), vec![0_u32; LEN], StdRng::seed_from_u64(1));
    group.bench_function("limit: multiply, add, convert", |b| {
        b.iter(|| {
            let values = black_box(&values).iter();
            words
                .iter_mut()
                .zip(values)
                .for_each(|(word, value)| *word = (f64::from(*value) * 3.0 + 6_755_399_441_055_744.0).to_bits() as u32);
            black_box(&mut words);
        });
    });
    let plans = [
        ("no rotation", planner().rotation(None)),
        ("no rotation, plain rounding", planner().rotation(None).rounding(Rounding::Plain)),
        ("rotation", planner()),
        ("rotation of 2^16", planner().rotation(Some(16))),
    ];
    for (name, planner) in plans {
        let plan = planner.plan().unwrap();
        group.bench_function(format!("without noise, {name}"), |b| {
            b.iter(|| encode(plan.encoding(), None, black_box(&values), &mut words, &mut rng));
        });
    }
    let plan = planner().plan().unwrap();
    let sampler = plan.encoding().sampler().unwrap();
    group.bench_function("Skellam noise, rotation", |b| {
        b.iter(|| encode(plan.encoding(), Some(&sampler), black_box(&values), &mut words, &mut rng));
    });
    let mut decoded = vec![0.0; LEN];
    group.bench_function("decode, rotation", |b| b.iter(|| plan.encoding().decode(0, black_box(&words), &mut decoded).unwrap()));
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = benchmarks
}
criterion_main!(benches);
