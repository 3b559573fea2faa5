//! What the machine can do, measured in the same run as what we do.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "benchmarks use parts of it"
)]

use aes::{
    Aes256Enc,
    cipher::{
        Array, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16,
        typenum::Unsigned,
    },
};
use criterion::Criterion;
use std::hint::black_box;
use veilsum::{Bound, ClientId, Identity, Session, SigningIdentity, secagg::shard::ShardDescriptor};

/// The keystream limit: counter blocks encrypted in the cipher's own back end, every byte folded into one register, none stored.
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
        let mut blocks: Array<Array<u8, U16>, B::ParBlocksSize> = Array::default();
        let (mut counter, mut folded) = (0_u64, [0_u64; 8]);
        while counter < self.blocks {
            for block in &mut blocks {
                let mut fresh = Array::<u8, U16>::default();
                fresh[8..].copy_from_slice(&counter.to_be_bytes());
                *block = fresh;
                counter = counter.wrapping_add(1);
            }
            backend.encrypt_par_blocks_inplace(&mut blocks);
            for bytes in blocks.as_flattened().as_chunks::<64>().0 {
                folded.iter_mut().zip(bytes.as_chunks().0).for_each(|(sum, word)| *sum ^= u64::from_le_bytes(*word));
            }
        }
        *self.sink ^= folded.into_iter().fold(0, |a, b| a ^ b);
        debug_assert!(B::ParBlocksSize::USIZE > 0);
    }
}

/// Keys of raw AES-256-CTR streams.
pub fn raw_keys(streams: usize) -> Vec<Aes256Enc> {
    (0..streams).map(|k| Aes256Enc::new(&[k as u8; 32].into())).collect()
}

/// Makes `bytes` bytes of keystream under each key, and discards them.
pub fn raw_keystream(keys: &[Aes256Enc], bytes: usize) -> u64 {
    let mut sink = 0;
    keys.iter().for_each(|key| key.encrypt_with_backend(Discard { blocks: bytes as u64 / 16, sink: &mut sink }));
    black_box(sink)
}

/// The limit of memory: adds a vector that is there already.
pub fn add_precomputed(sum: &mut [u32], other: &[u32]) {
    sum.iter_mut().zip(other).for_each(|(a, b)| *a = a.wrapping_add(*b));
}

/// The limit of reading: every byte once.
pub fn read_all(bytes: &[u8]) -> u64 {
    let mut sums = [0_u64; 16];
    for chunk in bytes.as_chunks::<128>().0 {
        sums.iter_mut().zip(chunk.as_chunks().0).for_each(|(sum, word)| *sum = sum.wrapping_add(u64::from_le_bytes(*word)));
    }
    black_box(sums.into_iter().fold(0, u64::wrapping_add))
}

/// Pseudo-random words below `2^bits`.
pub fn words(len: usize, bits: u8) -> Vec<u32> {
    let mask = u32::MAX >> (32 - bits);
    (0..len as u32).map(|k| k.wrapping_mul(2_654_435_761).rotate_left(7) & mask).collect()
}

/// A session of `n` clients with ids from 1.
pub fn session(n: u64, vector_len: u64, bits: u8) -> Session {
    let identity = |seed: u64| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        SigningIdentity::from_seed(&bytes).public_key()
    };
    let roster = (1..=n).map(|id| (ClientId(id), identity(id)));
    Session::builder(roster, identity(0), vector_len, bits, Bound::Tail { max_sum: 1, log2: 40 }).build().unwrap()
}

/// The shard that is the whole vector, with the first `survivors` clients (docs/protocol.md, section 12.1).
pub fn whole_shard(session: &Session, survivors: u64) -> ShardDescriptor {
    let mut bytes = session.encode()[..3].to_vec();
    bytes.extend(session.id().0);
    bytes.extend([0; 32]);
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(session.vector_len().to_le_bytes());
    bytes.extend((survivors as u32).to_le_bytes());
    (1..=survivors).for_each(|id| bytes.extend(id.to_le_bytes()));
    ShardDescriptor::decode(&bytes).unwrap()
}

/// Whether the run is to be short (`cargo bench -- --quick`).
pub fn quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}

/// Plots take most of the time of a short run.
pub fn criterion() -> Criterion {
    if quick() { Criterion::default().without_plots() } else { Criterion::default() }
}

/// One thread for rayon, so that a figure is that of one core; unless `VEILSUM_BENCH_THREADS` says otherwise.
pub fn one_thread() {
    let threads = std::env::var("VEILSUM_BENCH_THREADS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
}
