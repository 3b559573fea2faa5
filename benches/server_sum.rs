//! The server's sum, straight from the wire bytes of spooled uploads, chunk by chunk over all of them, against the memory's own rates.
//!
//! `cargo bench --bench server_sum`. Throughput is wire bytes. Uploads of 2^22 words, more than the caches hold together.
#![allow(missing_docs, reason = "criterion generates items without documentation")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use veilsum::{
    ClientId,
    secagg::{
        shard::PartialSum,
        upload::{MemorySpool, Spool},
    },
};

const WORDS: usize = 1 << 22;

fn server_sum(criterion: &mut Criterion) {
    common::one_thread();
    let mut group = criterion.benchmark_group("server_sum");
    group.sample_size(10);
    for (bits, clients) in [(20_u8, 1_u64), (20, 8), (20, 32), (32, 8), (32, 32)] {
        let session = common::session(32, WORDS as u64, bits);
        let wire_len = WORDS / 8 * usize::from(bits);
        let spools: Vec<MemorySpool> = (0..clients)
            .map(|client| {
                let mut spool = MemorySpool::default();
                spool.append(&vec![client as u8; wire_len]).unwrap();
                spool
            })
            .collect();
        let uploads: Vec<(ClientId, &dyn Spool)> =
            (1..=clients).zip(&spools).map(|(id, spool)| (ClientId(id), spool as &dyn Spool)).collect();
        let name = format!("{clients} uploads");
        group.throughput(Throughput::Bytes(wire_len as u64 * clients));
        let bytes: Vec<Vec<u8>> = (0..clients).map(|client| vec![client as u8; wire_len]).collect();
        group.bench_function(BenchmarkId::new(format!("limit: read, {name}"), bits), |b| {
            b.iter(|| bytes.iter().map(|upload| common::read_all(black_box(upload))).fold(0, u64::wrapping_add));
        });
        group.bench_function(BenchmarkId::new(name, bits), |b| {
            b.iter(|| PartialSum::new(&session, common::whole_shard(&session, clients), &uploads).unwrap());
        });
    }
    let (mut sum, other) = (vec![1_u32; WORDS], vec![2_u32; WORDS]);
    group.throughput(Throughput::Bytes(12 * WORDS as u64));
    group.bench_function(BenchmarkId::new("limit: add a vector (12 bytes a word)", 32), |b| {
        b.iter(|| common::add_precomputed(black_box(&mut sum), black_box(&other)));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = server_sum
}
criterion_main!(benches);
