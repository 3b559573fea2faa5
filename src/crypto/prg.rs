//! The mask generator: AES-256-CTR, one key for each block of 2^20 positions (section 11).
//!
//! The add loop runs inside the cipher's own back end (the closure interface of the `cipher` crate), so it is compiled for the
//! instructions that the back end found at run time, and no keystream is ever stored.

use aes::{
    Aes256Enc,
    cipher::{
        Array, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16,
        typenum::Unsigned,
    },
};
use zeroize::Zeroize;

use super::{kdf::Kdf, secret::Secret};
use crate::{label::kdf, math::ring::Lane, session::SessionId};

/// Positions under one key.
pub(crate) const BLOCK_LEN: u64 = 1 << 20;

pub(super) type Block = Array<u8, U16>;

/// A seed, ready to give the key of any block of positions.
pub(crate) struct Stream(Kdf);

impl Stream {
    pub(crate) fn new(session: SessionId, seed: &Secret<32>) -> Self {
        Self(Kdf::new(session, seed.expose()))
    }

    /// A seed of noise, which is one party's own affair.
    pub(crate) fn unbound(seed: &Secret<32>) -> Self {
        Self(Kdf::unbound(seed.expose()))
    }

    /// A seed for one purpose and number.
    pub(crate) fn derive(&self, purpose: &[u8], number: u64) -> Secret<32> {
        self.0.expand(kdf::NOISE_SEED, &[&number.to_le_bytes(), purpose])
    }

    /// The key of a block of noise.
    pub(crate) fn noise_key(&self, block: u64) -> BlockKey {
        let key: Secret<32> = self.0.expand(kdf::NOISE_BLOCK, &[&block.to_le_bytes()]);
        BlockKey(Aes256Enc::new(key.expose().into()))
    }

    /// The key of positions `block * BLOCK_LEN ..`.
    pub(crate) fn key(&self, block: u64) -> BlockKey {
        let key: Secret<32> = self.0.expand(kdf::PRG_BLOCK, &[&block.to_le_bytes()]);
        BlockKey(Aes256Enc::new(key.expose().into()))
    }
}

/// The keystreams of a seed outside of sessions, with a label for each purpose.
pub(crate) struct Prg(Kdf);

impl Prg {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self(Kdf::unbound(seed))
    }

    /// The key of positions `block * BLOCK_LEN ..` of stream number `stream`.
    pub(crate) fn key(&self, label: &str, stream: u64, block: u64) -> BlockKey {
        let key: Secret<32> = self.0.expand(label, &[&stream.to_le_bytes(), &block.to_le_bytes()]);
        BlockKey(Aes256Enc::new(key.expose().into()))
    }
}

/// The keystream of one block of positions.
pub(crate) struct BlockKey(Aes256Enc);

impl BlockKey {
    /// Adds (or subtracts) the keystream words of positions `offset ..` within the block to `words`, modulo the lane.
    ///
    /// `offset + words.len()` is at most [`BLOCK_LEN`] for masks; noise numbers its words in its own way.
    pub(crate) fn apply<L: Lane>(&self, offset: u64, words: &mut [L], negative: bool) {
        if negative {
            self.add::<L, true>(offset, words);
        } else {
            self.add::<L, false>(offset, words);
        }
    }

    /// Writes the keystream words of positions `offset ..`.
    pub(crate) fn fill<L: Lane>(&self, offset: u64, words: &mut [L]) {
        words.fill(L::default());
        self.apply(offset, words, false);
    }

    fn add<L: Lane, const NEGATIVE: bool>(&self, offset: u64, mut words: &mut [L]) {
        let per_block = 16 / L::BYTES as u64;
        let mut counter = offset / per_block;
        let skip = usize::try_from(offset % per_block).unwrap_or(0);
        if skip != 0 {
            let take = words.len().min(16 / L::BYTES - skip);
            let (head, rest) = words.split_at_mut(take);
            let mut block = counter_block(counter);
            self.0.encrypt_block(&mut block);
            L::combine::<NEGATIVE>(head, block.get(skip * L::BYTES..).unwrap_or_default());
            block.zeroize();
            words = rest;
            counter += 1;
        }
        self.0.encrypt_with_backend(AddStream::<L, NEGATIVE> { counter, words });
    }
}

/// The counter block: the counter as a 128-bit big-endian integer.
#[inline(always)]
pub(super) fn counter_block(counter: u64) -> Block {
    let mut block = Block::default();
    if let Some(low) = block.last_chunk_mut::<8>() {
        *low = counter.to_be_bytes();
    }
    block
}

struct AddStream<'a, L, const NEGATIVE: bool> {
    counter: u64,
    words: &'a mut [L],
}

impl<L, const NEGATIVE: bool> BlockSizeUser for AddStream<'_, L, NEGATIVE> {
    type BlockSize = U16;
}

impl<L: Lane, const NEGATIVE: bool> BlockCipherEncClosure for AddStream<'_, L, NEGATIVE> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let per_block = 16 / L::BYTES;
        let width = B::ParBlocksSize::USIZE;
        let mut counter = self.counter;
        let mut runs = self.words.chunks_exact_mut(width * per_block);
        let mut blocks: Array<Block, B::ParBlocksSize> = Array::default();
        if width == WIDE && counter.is_multiple_of(WIDE as u64) {
            // That the low bits are zero saves a byte swap for each register. A run's blocks live and die in registers: an
            // array outside the loop, to be wiped, would be stored and loaded.
            for run in &mut runs {
                let mut blocks: Array<Block, B::ParBlocksSize> = Array::default();
                fill(&mut blocks, counter & !(WIDE as u64 - 1));
                counter = counter.wrapping_add(WIDE as u64);
                backend.encrypt_par_blocks_inplace(&mut blocks);
                L::combine::<NEGATIVE>(run, blocks.as_flattened());
            }
        }
        for run in &mut runs {
            fill(&mut blocks, counter);
            counter = counter.wrapping_add(width as u64);
            backend.encrypt_par_blocks_inplace(&mut blocks);
            // As one run of bytes, so that the loop is over whole vectors of the back end's instruction set.
            L::combine::<NEGATIVE>(run, blocks.as_flattened());
        }
        for words in runs.into_remainder().chunks_mut(per_block) {
            let mut block = counter_block(counter);
            counter = counter.wrapping_add(1);
            backend.encrypt_block_inplace(&mut block);
            L::combine::<NEGATIVE>(words, &block);
            block.zeroize();
        }
        blocks.as_flattened_mut().zeroize();
    }
}

/// Blocks that the widest back end takes at once: all that its registers hold.
const WIDE: usize = 64;

/// Counter blocks from `counter` on.
#[inline(always)]
fn fill(blocks: &mut [Block], mut counter: u64) {
    for block in blocks {
        *block = counter_block(counter);
        counter = counter.wrapping_add(1);
    }
}
