//! The masks of a session as its parties use them, from seeds that are given.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    crypto::secret::Secret,
    error::Error,
    mask::{Accumulator, Layout, Masks, Seeds, Worker},
    math::ring::Word,
    session::Session,
};

/// Seeds, each with whether its masks are subtracted.
pub type SignedSeeds<'a> = &'a [([u8; 32], bool)];

/// What a client masks its vector with.
pub struct ClientMasks {
    layout: Layout,
    masks: Masks,
    worker: Worker,
}

impl ClientMasks {
    /// From the seeds of its masks, and that of its errors.
    #[must_use]
    pub fn new(session: &Session, seeds: SignedSeeds<'_>, mut error_seed: [u8; 32]) -> Self {
        let layout = Layout::new(session);
        let mut masks = Masks::with_capacity(session.id(), &layout, seeds.len());
        seeds.iter().for_each(|(seed, negative)| masks.push(&Secret::take(&mut seed.clone()), *negative));
        masks.set_error_seed(&Secret::take(&mut error_seed));
        Self { worker: masks.worker(), layout, masks }
    }

    /// Masks words at `position ..`, a multiple of [`Layout::alignment`], to the end of a block or of the vector. `wire` is cleared.
    ///
    /// # Errors
    /// [`Error::Input`] if a word is out of range.
    pub fn mask<W: Word>(&mut self, position: u64, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        self.layout.ring().check(words, self.layout.max_abs(), position)?;
        wire.clear();
        let range = position..position.saturating_add(words.len() as u64);
        wire.resize(usize::try_from(self.layout.wire_len(&range)).unwrap_or(0), 0);
        self.masks.mask(&self.layout, position, words, &mut self.worker, wire)
    }
}

impl fmt::Debug for ClientMasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientMasks").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// A sum of masked vectors, and what is to be taken off it.
#[derive(Debug)]
pub struct ServerSum {
    sum: Accumulator,
    uploads: u32,
    masks: Masks,
}

impl ServerSum {
    /// The sum of whole uploads, with the seeds of the masks that are on it; the flag says which were subtracted.
    ///
    /// # Errors
    /// [`Error::Environment`] if there is no memory, [`Error::Decode`] if an upload has another length.
    pub fn new(session: &Session, uploads: &[&[u8]], seeds: SignedSeeds<'_>) -> Result<Self, Error> {
        let (layout, whole) = (Layout::new(session), 0..session.vector_len());
        let mut sum = Accumulator::new(&layout, &whole)?;
        sum.add_wires(&whole, uploads).map_err(|(_, e)| e)?;
        let mut held = Seeds::with_capacity(seeds.len());
        seeds.iter().for_each(|(seed, negative)| held.push(Secret::take(&mut seed.clone()), !negative));
        let uploads = u32::try_from(uploads.len()).unwrap_or(u32::MAX);
        Ok(Self { sum, uploads, masks: held.to_masks(session.id(), &layout) })
    }

    /// Unmasks the words at `position ..`.
    ///
    /// # Errors
    /// As [`crate::secagg::sum::Sum::read`].
    pub fn read<W: Word>(&self, position: u64, out: &mut [W]) -> Result<(), Error> {
        self.sum.read(position, &self.masks, self.uploads, out)
    }
}
