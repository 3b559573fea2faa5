//! Pairwise masks: one keystream for each neighbor and one of its own, over the whole vector.

use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "parallel")]
use rayon::prelude::*;

use crate::{
    crypto::{
        prg::{BLOCK_LEN, BlockKey, Stream},
        secret::Secret,
    },
    math::{
        pack::BLOCK,
        ring::{Lane, Ring, Word},
    },
    session::SessionId,
};

/// Ranges begin at a multiple of this many words: a whole number of blocks of the wire form.
pub(crate) const ALIGNMENT: u64 = BLOCK as u64;

/// Words that all keystreams are added to before the next piece: they and the keys of many neighbors stay in the second-level
/// cache, and the cost of beginning a keystream is spread over 64 KiB or more.
pub(crate) const PIECE_LEN: usize = 1 << 15;

/// The signed sum of the keystreams of some seeds.
pub(crate) struct Masks {
    session: SessionId,
    terms: Vec<Term>,
}

struct Term {
    stream: Stream,
    negative: bool,
}

impl Masks {
    /// No keystream yet, and room for as many as will come: growing would leave secrets behind.
    pub(crate) fn with_capacity(session: SessionId, terms: usize) -> Self {
        Self { session, terms: Vec::with_capacity(terms) }
    }

    /// Adds `PRG(seed)` to the sum, or subtracts it.
    pub(crate) fn push(&mut self, seed: &Secret<32>, negative: bool) {
        self.terms.push(Term { stream: Stream::new(self.session, seed), negative });
    }

    /// Adds the sum's words at `position ..` to `words`, modulo the lane. `cached` keeps the keys of the last block of positions.
    pub(crate) fn add_to<L: Lane>(&self, position: u64, words: &mut [L], cached: &mut Option<BlockKeys>) {
        let (mut position, mut rest) = (position, words);
        while !rest.is_empty() {
            let (keys, take) = self.block_at(position, rest.len(), cached);
            let (now, later) = rest.split_at_mut(take);
            keys.add_to(position % BLOCK_LEN, now);
            (position, rest) = (position.saturating_add(take as u64), later);
        }
    }

    /// Adds the masks to input words at `position ..`, a multiple of [`ALIGNMENT`], and packs them into `wire`, which has exactly
    /// their packed length.
    pub(crate) fn mask<W: Word>(&self, ring: Ring, position: u64, words: &[W], cached: &mut Option<BlockKeys>, wire: &mut [u8]) {
        if ring.bits() <= <u32 as Word>::BITS {
            self.mask_in::<u32, W>(ring, position, words, cached, wire);
        } else {
            self.mask_in::<u64, W>(ring, position, words, cached, wire);
        }
    }

    fn mask_in<L: Lane, W: Word>(&self, ring: Ring, position: u64, words: &[W], cached: &mut Option<BlockKeys>, wire: &mut [u8]) {
        let (mut position, mut words, mut wire) = (position, words, wire);
        while !words.is_empty() {
            let (keys, take) = self.block_at(position, words.len(), cached);
            let (now, later) = words.split_at(take);
            let len = usize::try_from(ring.packed_len(take as u64)).unwrap_or(usize::MAX);
            let (bytes, rest) = wire.split_at_mut_checked(len).unwrap_or_default();
            keys.mask::<L, W>(ring, position % BLOCK_LEN, now, bytes);
            (position, words, wire) = (position.saturating_add(take as u64), later, rest);
        }
    }

    /// The keys at `position`, and how many of `len` words they are for.
    fn block_at<'a>(&self, position: u64, len: usize, cached: &'a mut Option<BlockKeys>) -> (&'a BlockKeys, usize) {
        let (block, offset) = (position / BLOCK_LEN, position % BLOCK_LEN);
        let take = usize::try_from(BLOCK_LEN - offset).unwrap_or(usize::MAX).min(len);
        let known = cached.take().filter(|keys| keys.block == block);
        (cached.insert(known.unwrap_or_else(|| self.block_keys(block))), take)
    }

    fn block_keys(&self, block: u64) -> BlockKeys {
        let key = |term: &Term| (term.stream.key(block), term.negative);
        BlockKeys { block, keys: self.terms.iter().map(key).collect() }
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masks").field("terms", &self.terms.len()).finish_non_exhaustive()
    }
}

/// The keys of one block of positions, for all terms.
pub(crate) struct BlockKeys {
    block: u64,
    keys: Vec<(BlockKey, bool)>,
}

impl BlockKeys {
    fn add_to<L: Lane>(&self, offset: u64, words: &mut [L]) {
        let add = |(piece, words): (usize, &mut [L])| self.add_piece(offset + (piece * PIECE_LEN) as u64, words);
        #[cfg(feature = "parallel")]
        if self.is_worth_threads(words.len()) {
            return words.par_chunks_mut(PIECE_LEN).enumerate().for_each(add);
        }
        words.chunks_mut(PIECE_LEN).enumerate().for_each(add);
    }

    /// Whether the work is some hundred microseconds, and there are threads to share it: handing it out costs some ten.
    #[cfg(feature = "parallel")]
    fn is_worth_threads(&self, words: usize) -> bool {
        words.saturating_mul(self.keys.len()) >= 1 << 21 && rayon::current_num_threads() > 1
    }

    fn add_piece<L: Lane>(&self, offset: u64, words: &mut [L]) {
        self.keys.iter().for_each(|(key, negative)| key.apply(offset, words, *negative));
    }

    /// Masks and packs piece by piece: a piece is copied, masked and packed before it leaves the cache. What is left in the buffer is
    /// what goes on the wire.
    fn mask<L: Lane, W: Word>(&self, ring: Ring, offset: u64, words: &[W], wire: &mut [u8]) {
        let piece_bytes = PIECE_LEN / 8 * usize::from(ring.bits());
        let mask = |lanes: &mut Vec<L>, (piece, (words, wire)): (usize, (&[W], &mut [u8]))| {
            lanes.clear();
            lanes.extend(words.iter().map(|word| L::from_u64(word.to_u64())));
            self.add_piece(offset + (piece * PIECE_LEN) as u64, lanes);
            ring.pack_into(lanes, wire);
        };
        let buffer = || Vec::with_capacity(PIECE_LEN.min(words.len()));
        #[cfg(feature = "parallel")]
        if self.is_worth_threads(words.len()) {
            let pieces = words.par_chunks(PIECE_LEN).zip(wire.par_chunks_mut(piece_bytes));
            return pieces.enumerate().for_each_init(buffer, mask);
        }
        let mut lanes = buffer();
        let pieces = words.chunks(PIECE_LEN).zip(wire.chunks_mut(piece_bytes));
        pieces.enumerate().for_each(|piece| mask(&mut lanes, piece));
    }
}

impl fmt::Debug for BlockKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockKeys(..)")
    }
}
