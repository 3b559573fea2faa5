//! Masking against neighbors, as a ratio to the raw AES-256-CTR rate of the same build.
//!
//! `cargo bench --features hazmat --bench mask`. The throughput counted is keystream bytes: 4 for each word and neighbor.
#![allow(missing_docs, reason = "criterion generates items without documentation")]

use aes::{
    Aes256Enc,
    cipher::{
        Array, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16,
        typenum::Unsigned,
    },
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use veilsum::{SessionId, hazmat::Keystreams};

const WORDS: usize = 1 << 18;

/// The limit: keystream made in the cipher's back end and folded into one register, never stored.
struct Discard<'a> {
    blocks: u64,
    sink: &'a mut u64,
}

impl BlockSizeUser for Discard<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Discard<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let width = B::ParBlocksSize::U64;
        let mut counter = 0_u64;
        while counter < self.blocks {
            let mut blocks: Array<Array<u8, U16>, B::ParBlocksSize> = Array::default();
            for block in &mut blocks {
                if let Some(low) = block.last_chunk_mut::<8>() {
                    *low = counter.to_be_bytes();
                }
                counter += 1;
            }
            backend.encrypt_par_blocks_inplace(&mut blocks);
            if let Some(low) = blocks.last().and_then(|block| block.first_chunk::<8>()) {
                *self.sink ^= u64::from_le_bytes(*low);
            }
        }
        debug_assert!(counter.is_multiple_of(width));
    }
}

fn mask(criterion: &mut Criterion) {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().ok();
    let mut group = criterion.benchmark_group("mask");
    group.sample_size(10);
    for neighbors in [1_usize, 99] {
        let streams = neighbors + 1;
        group.throughput(Throughput::Bytes((streams * WORDS * 4) as u64));
        group.bench_function(format!("raw AES-256-CTR, {streams} streams"), |bencher| {
            let keys: Vec<Aes256Enc> = (0..streams).map(|k| Aes256Enc::new(&[k as u8; 32].into())).collect();
            let mut sink = 0;
            bencher.iter(|| {
                let blocks = (WORDS * 4 / 16) as u64;
                keys.iter().for_each(|key| key.encrypt_with_backend(Discard { blocks, sink: &mut sink }));
                black_box(sink)
            });
        });
        group.bench_function(format!("mask, {neighbors} neighbors"), |bencher| {
            let mut keystreams = Keystreams::new(SessionId([7; 32]));
            (0..streams).for_each(|k| keystreams.push([k as u8; 32], k % 2 == 1));
            let mut words = vec![0_u32; WORDS];
            let mut position = 0;
            bencher.iter(|| {
                // Another block of positions each time, so that its keys are derived as in a real run.
                position += WORDS as u64;
                keystreams.add_u32(position, black_box(&mut words));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, mask);
criterion_main!(benches);
