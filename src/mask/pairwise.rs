//! Pairwise masks: one keystream for each neighbor and one of its own, over the whole vector.

use alloc::{vec, vec::Vec};
use core::{fmt, ops::Range};

#[cfg(feature = "parallel")]
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    crypto::{
        prg::{BLOCK_LEN, BlockKey, Stream},
        secret::Secret,
    },
    error::DecodeError,
    math::ring::{Lane, Ring, Word},
    session::SessionId,
};

/// Ranges begin at a multiple of this many words, so that any number of bits ends on a byte.
pub(crate) const ALIGNMENT: u64 = 64;

/// Words that all keystreams are added to before the next piece: small enough to stay in the first-level cache.
const PIECE_LEN: usize = 1 << 12;

pub(crate) fn wire_len(ring: Ring, range: &Range<u64>) -> u64 {
    ring.packed_len(range.end.saturating_sub(range.start))
}

/// The signed sum of the keystreams of some seeds.
pub(crate) struct Masks {
    session: SessionId,
    terms: Vec<Term>,
}

struct Term {
    stream: Stream,
    negative: bool,
}

/// The keys of one block of positions, for all terms.
pub(crate) struct BlockKeys {
    block: u64,
    keys: Vec<(BlockKey, bool)>,
}

impl Masks {
    pub(crate) fn new(session: SessionId) -> Self {
        Self { session, terms: Vec::new() }
    }

    /// Adds `PRG(seed)` to the sum, or subtracts it.
    pub(crate) fn push(&mut self, seed: &Secret<32>, negative: bool) {
        self.terms.push(Term { stream: Stream::new(self.session, seed), negative });
    }

    /// Keystreams in the sum.
    pub(crate) fn len(&self) -> usize {
        self.terms.len()
    }

    /// Adds the sum's words at `position ..` to `words`, modulo the lane. `cached` keeps the keys of the last block of positions.
    pub(crate) fn add_to<L: Lane>(&self, position: u64, words: &mut [L], cached: &mut Option<BlockKeys>) {
        let (mut position, mut rest) = (position, words);
        while !rest.is_empty() {
            let (block, offset) = (position / BLOCK_LEN, position % BLOCK_LEN);
            let take = usize::try_from(BLOCK_LEN - offset).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_mut(take);
            let keys = match cached.take() {
                Some(keys) if keys.block == block => keys,
                _ => self.block_keys(block),
            };
            keys.add_to(offset, now);
            *cached = Some(keys);
            (position, rest) = (position + take as u64, later);
        }
    }

    fn block_keys(&self, block: u64) -> BlockKeys {
        let key = |term: &Term| (term.stream.key(block), term.negative);
        BlockKeys { block, keys: self.terms.iter().map(key).collect() }
    }
}

impl fmt::Debug for BlockKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockKeys(..)")
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masks").field("terms", &self.terms.len()).finish_non_exhaustive()
    }
}

impl BlockKeys {
    fn add_to<L: Lane>(&self, offset: u64, words: &mut [L]) {
        let add = |(piece, words): (usize, &mut [L])| {
            let offset = offset + (piece * PIECE_LEN) as u64;
            self.keys.iter().for_each(|(key, negative)| key.apply(offset, words, *negative));
        };
        #[cfg(feature = "parallel")]
        words.par_chunks_mut(PIECE_LEN).enumerate().for_each(add);
        #[cfg(not(feature = "parallel"))]
        words.chunks_mut(PIECE_LEN).enumerate().for_each(add);
    }
}

/// A sum of masked vectors, in the machine integers that the masks are in.
pub(crate) enum Accumulator {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Accumulator {
    /// `len` zero words.
    pub(crate) fn new(ring: Ring, len: usize) -> Self {
        if ring.bits() <= <u32 as Word>::BITS { Self::Narrow(vec![0; len]) } else { Self::Wide(vec![0; len]) }
    }

    /// Adds packed words at `position ..`, or takes them away again.
    pub(crate) fn add_wire(&mut self, ring: Ring, range: &Range<u64>, wire: &[u8], negative: bool) -> Result<(), DecodeError> {
        match self {
            Self::Narrow(words) => add_wire(words, ring, range, wire, negative),
            Self::Wide(words) => add_wire(words, ring, range, wire, negative),
        }
    }

    /// Copies the words at `position ..`, less the masks, to `out`, modulo `2^bits`. `None` outside the vector.
    pub(crate) fn read<W: Word>(&self, ring: Ring, position: u64, masks: &Masks, out: &mut [W]) -> Option<()> {
        match self {
            Self::Narrow(words) => read(words, ring, position, masks, out),
            Self::Wide(words) => read(words, ring, position, masks, out),
        }
    }
}

impl fmt::Debug for Accumulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accumulator(..)")
    }
}

fn slice_of(range: &Range<u64>) -> Option<Range<usize>> {
    Some(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

fn add_wire<L: Lane>(words: &mut [L], ring: Ring, range: &Range<u64>, wire: &[u8], negative: bool) -> Result<(), DecodeError> {
    let words = slice_of(range).and_then(|range| words.get_mut(range)).ok_or(DecodeError::Count)?;
    ring.unpack(wire, words.len(), |place, word| {
        let word = L::from_u64(word);
        if let Some(sum) = words.get_mut(place) {
            *sum = if negative { sum.wrapping_sub(word) } else { sum.wrapping_add(word) };
        }
    })
}

fn read<L: Lane, W: Word>(words: &[L], ring: Ring, position: u64, masks: &Masks, out: &mut [W]) -> Option<()> {
    let range = position..position.checked_add(out.len() as u64)?;
    let mut lanes = words.get(slice_of(&range)?)?.to_vec();
    masks.add_to(position, &mut lanes, &mut None);
    lanes.iter().zip(out).for_each(|(lane, word)| *word = W::from_u64(lane.to_u64() & ring.max()));
    Some(())
}

/// Adds the masks to input words and packs them.
pub(crate) fn mask_words<W: Word>(
    ring: Ring,
    masks: &Masks,
    position: u64,
    words: &[W],
    cached: &mut Option<BlockKeys>,
    wire: &mut Vec<u8>,
) {
    if ring.bits() <= <u32 as Word>::BITS {
        ring.pack(&mask_lanes::<u32, W>(masks, position, words, cached), wire);
    } else {
        ring.pack(&mask_lanes::<u64, W>(masks, position, words, cached), wire);
    }
}

/// Adds the masks to input words.
pub(crate) fn masked<W: Word>(ring: Ring, masks: &Masks, position: u64, words: &[W], cached: &mut Option<BlockKeys>) -> Vec<u64> {
    let reduce = |word: u64| word & ring.max();
    if ring.bits() <= <u32 as Word>::BITS {
        mask_lanes::<u32, W>(masks, position, words, cached).iter().map(|lane| reduce(lane.to_u64())).collect()
    } else {
        mask_lanes::<u64, W>(masks, position, words, cached).iter().map(|lane| reduce(*lane)).collect()
    }
}

/// The lanes are wiped on drop, for an unwinding panic could leave inputs in them.
fn mask_lanes<L: Lane + Zeroize, W: Word>(
    masks: &Masks,
    position: u64,
    words: &[W],
    cached: &mut Option<BlockKeys>,
) -> Zeroizing<Vec<L>> {
    let mut lanes: Zeroizing<Vec<L>> = Zeroizing::new(words.iter().map(|word| L::from_u64(word.to_u64())).collect());
    masks.add_to(position, &mut lanes, cached);
    lanes
}
