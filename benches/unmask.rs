//! Taking the masks off a sum of 100 clients, of whom 0, 10 or 33 dropped out, against the raw keystream that this needs.
//!
//! `cargo bench --bench unmask`. Throughput is keystream bytes: one self mask for each survivor, and one pair mask for each
//! survivor and drop-out.
#![allow(missing_docs, reason = "criterion generates items without documentation")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use veilsum::{
    ClientId,
    secagg::{
        shard::{PartialSum, UnmaskPlan},
        upload::{MemorySpool, Spool},
    },
};

const WORDS: usize = 1 << 18;

fn unmask(criterion: &mut Criterion) {
    common::one_thread();
    let mut group = criterion.benchmark_group("unmask");
    group.sample_size(10);
    let session = common::session(100, WORDS as u64, 20);
    let mut spool = MemorySpool::default();
    spool.append(&vec![0x5a; WORDS / 8 * 20]).unwrap();
    for dropped in [0_u64, 10, 33] {
        let survivors = 100 - dropped;
        let streams = (survivors * (1 + dropped)) as usize;
        let shard = common::whole_shard(&session, survivors);
        let uploads: Vec<(ClientId, &dyn Spool)> = (1..=survivors).map(|id| (ClientId(id), &spool as &dyn Spool)).collect();
        let encoded = shard.encode();
        let mut plan = (encoded.len() as u32).to_le_bytes().to_vec();
        plan.extend(encoded);
        plan.extend((streams as u32).to_le_bytes());
        (0..streams).for_each(|k| plan.extend([&[k as u8 % 2][..], &(k as u64).to_le_bytes(), &[9; 24]].concat()));
        let sum = PartialSum::new(&session, shard, &uploads).unwrap();
        let sum = sum.unmask(&UnmaskPlan::decode(&plan).unwrap()).unwrap();
        group.throughput(Throughput::Bytes((streams * WORDS * 4) as u64));
        let keys = common::raw_keys(streams);
        group.bench_function(BenchmarkId::new("limit: raw AES-256-CTR", dropped), |b| {
            b.iter(|| common::raw_keystream(&keys, 4 * WORDS));
        });
        let mut words = vec![0_u32; WORDS];
        group.bench_function(BenchmarkId::new("read", dropped), |b| b.iter(|| sum.read(0, black_box(&mut words)).unwrap()));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = unmask
}
criterion_main!(benches);
