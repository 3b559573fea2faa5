//! Masking a range of positions, in order; several ranges on several threads.

use alloc::{sync::Arc, vec::Vec};
use core::{fmt, ops::Range};

use zeroize::Zeroizing;

use crate::{
    error::{Error, InputError},
    mask::{Layout, Masks, Worker},
    math::ring::Word,
    secagg::{step::Failure, upload::ChunkTree},
};

/// What masks a range of positions: each of them once.
pub(crate) struct Masker {
    masks: Arc<Masks>,
    layout: Layout,
    range: Range<u64>,
    position: u64,
    /// Words before `position` that do not fill a block of the wire form yet.
    pending: Zeroizing<Vec<u64>>,
    tree: ChunkTree,
    worker: Option<Worker>,
}

impl Masker {
    /// Masks `range`, which begins with the chunk of number `chunk`.
    pub(crate) fn new(masks: Arc<Masks>, layout: Layout, range: Range<u64>, chunk: u64) -> Self {
        let tree = ChunkTree::starting_at(layout, chunk);
        Self { masks, layout, position: range.start, range, pending: Zeroizing::default(), tree, worker: None }
    }

    pub(crate) fn mask<W: Word>(&mut self, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        let ring = self.layout.ring();
        if W::BITS < ring.bits() {
            return Err(InputError::WordWidth(ring.bits()).into());
        }
        let (given, expected) = (words.len() as u64, self.remaining());
        if given > expected {
            return Err(InputError::TooManyWords { expected, given }.into());
        }
        ring.check(words, self.layout.max_abs(), self.position)?;
        let start = wire.len();
        self.mask_checked(words, wire)?;
        self.tree.update(wire.get(start..).unwrap_or_default());
        Ok(())
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.range.end - self.position
    }

    /// Whether no word is given yet of a chunk that is not complete.
    fn at_chunk(&self) -> Option<u64> {
        self.layout.chunk_at(self.position)
    }

    /// First what completes a block of the wire form, then whole blocks, then what begins the next.
    fn mask_checked<W: Word>(&mut self, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        let alignment = self.layout.alignment();
        let size = |words: u64| usize::try_from(words).unwrap_or(usize::MAX);
        let begun = self.position % alignment;
        let completing = if begun == 0 { 0 } else { size(alignment - begun).min(words.len()) };
        let (head, rest) = words.split_at(completing);
        self.keep(head, wire)?;
        let last = self.position + rest.len() as u64 == self.range.end;
        let (blocks, tail) = rest.split_at(if last { rest.len() } else { rest.len() - rest.len() % size(alignment) });
        // The position goes first: not even a panic may give these positions again.
        let position = self.position;
        self.position += blocks.len() as u64;
        self.write(position, blocks, wire)?;
        self.keep(tail, wire)
    }

    /// Keeps words that do not fill a block until they do, or until they are the last.
    fn keep<W: Word>(&mut self, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        if words.is_empty() {
            return Ok(());
        }
        if self.pending.is_empty() {
            // At once: growing would leave words behind.
            self.pending.reserve_exact(usize::try_from(self.layout.alignment()).unwrap_or(usize::MAX));
        }
        self.pending.extend(words.iter().map(|word| word.to_u64()));
        self.position += words.len() as u64;
        if !self.position.is_multiple_of(self.layout.alignment()) && self.remaining() != 0 {
            return Ok(());
        }
        let pending = core::mem::take(&mut self.pending);
        self.write(self.position - pending.len() as u64, &pending, wire)
    }

    /// Appends whole blocks, masked.
    fn write<W: Word>(&mut self, position: u64, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        let (start, range) = (wire.len(), position..position + words.len() as u64);
        wire.resize(start + usize::try_from(self.layout.wire_len(&range)).unwrap_or(usize::MAX), 0);
        let out = wire.get_mut(start..).unwrap_or_default();
        let worker = self.worker.get_or_insert_with(|| self.masks.worker());
        let masked = self.masks.mask(&self.layout, position, words, worker, out);
        if masked.is_err() {
            wire.truncate(start);
        }
        masked
    }
}

/// A part of a client's vector that is masked on a thread of its own: see [`super::MaskingInput::lanes`].
pub struct Lane(Masker);

impl Lane {
    /// Masks the next words of the lane and appends wire bytes; as [`super::MaskingInput::mask`].
    ///
    /// # Errors
    /// As [`super::MaskingInput::mask`].
    pub fn mask<W: Word>(&mut self, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        self.0.mask(words, wire)
    }

    /// The positions of the lane: whole chunks of the vector.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.0.range.clone()
    }

    /// Where the lane's wire bytes belong in the upload.
    #[must_use]
    pub fn wire_offset(&self) -> u64 {
        self.0.layout.wire_len(&(0..self.0.range.start))
    }

    /// Words of the lane still to come.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.0.remaining()
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("range", &self.0.range).field("position", &self.0.position).finish_non_exhaustive()
    }
}

/// A masker whose range may be lent out to lanes, and comes back in any order.
pub(crate) struct Lender {
    masker: Masker,
    /// Lanes that came back, and wait for those before them. Ascending.
    returned: Vec<Masker>,
}

impl Lender {
    pub(crate) fn new(masks: Masks, layout: Layout) -> Self {
        let range = 0..layout.vector_len();
        Self { masker: Masker::new(Arc::new(masks), layout, range, 0), returned: Vec::new() }
    }

    pub(crate) fn mask<W: Word>(&mut self, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        self.masker.mask(words, wire)
    }

    /// Words that can be given here, and not to a lane.
    pub(crate) fn remaining(&self) -> u64 {
        self.masker.remaining()
    }

    pub(crate) fn position(&self) -> u64 {
        self.masker.position
    }

    /// Cuts what is left into at most `count` lanes of whole chunks.
    pub(crate) fn lend(&mut self, count: usize) -> Result<Vec<Lane>, Error> {
        let Masker { layout, position, .. } = self.masker;
        let end = self.masker.range.end;
        let first = self.masker.at_chunk().ok_or(InputError::Range { start: position, end })?;
        // What is lent already is not in the range any more: it ends at `position` then, where a chunk begins, too.
        let chunks = layout.chunk_at(end).unwrap_or(first) - first;
        let each = chunks.div_ceil((count as u64).max(1)).max(1);
        let lane = |k: u64| {
            let chunk = first + k * each;
            let range = layout.chunk(chunk).start..layout.chunk(chunk + each).start;
            Lane(Masker::new(self.masker.masks.clone(), layout, range, chunk))
        };
        let lanes = (0..chunks.div_ceil(each)).map(lane).collect();
        self.masker.range.end = position;
        Ok(lanes)
    }

    /// Takes back a lane that is done.
    pub(crate) fn take_back(&mut self, mut lane: Lane) -> Result<(), Failure<Lane>> {
        if !Arc::ptr_eq(&lane.0.masks, &self.masker.masks) {
            return Err(Failure::keep(InputError::WrongState, lane));
        }
        match lane.remaining() {
            0 => {
                lane.0.worker = None;
                let place = self.returned.partition_point(|other| other.range.start < lane.0.range.start);
                self.returned.insert(place, lane.0);
                Ok(())
            }
            missing => Err(Failure::keep(InputError::Incomplete { missing }, lane)),
        }
    }

    /// Begins again, with the same masks: what must never be.
    pub(crate) fn rewind(&mut self) {
        let layout = self.masker.layout;
        self.masker = Masker::new(self.masker.masks.clone(), layout, 0..layout.vector_len(), 0);
        self.returned.clear();
    }

    /// The tree over the whole vector, or how many words are missing.
    pub(crate) fn tree(&self) -> Result<ChunkTree, InputError> {
        let mut tree = self.masker.tree.clone();
        let returned: u64 = self.returned.iter().map(|lane| lane.range.end - lane.range.start).sum();
        let missing = self.masker.layout.vector_len() - self.masker.position - returned;
        let joined = missing == 0 && self.returned.iter().all(|lane| tree.append(&lane.tree).is_some());
        if joined { Ok(tree) } else { Err(InputError::Incomplete { missing }) }
    }
}
