//! The masks of a session, block by block: keys are expanded when their epoch is first needed, and kept.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, ops::Range};

use once_cell::race::OnceBox;
#[cfg(feature = "parallel")]
use rayon::prelude::*;

use super::{EPOCH_BLOCKS, EpochKey, ErrorSource, Geometry, Kernel, UnmaskError, epoch};
use crate::{
    crypto::{kdf::Kdf, secret::Secret},
    error::InputError,
    math::ring::{Ring, Word},
    session::SessionId,
};

/// A signed sum of the keys of some seeds.
pub(crate) struct Masks {
    session: SessionId,
    geometry: Geometry,
    vector_len: u64,
    terms: Vec<(Kdf, bool)>,
    /// A client's.
    errors: Option<ErrorSource>,
    /// One for each epoch of the vector: 64 KiB for some 2^24 words, shared by all threads.
    keys: Vec<OnceBox<EpochKey>>,
    /// Holds the tables.
    kernel: Kernel,
}

impl Masks {
    pub(crate) fn with_capacity(session: SessionId, geometry: Geometry, vector_len: u64, terms: usize) -> Self {
        let epochs = vector_len.div_ceil(geometry.block_len()).div_ceil(EPOCH_BLOCKS);
        Self {
            session,
            geometry,
            vector_len,
            terms: Vec::with_capacity(terms),
            errors: None,
            keys: (0..epochs).map(|_| OnceBox::new()).collect(),
            kernel: Kernel::new(geometry.set()),
        }
    }

    pub(crate) fn push(&mut self, seed: &Secret<32>, negative: bool) {
        self.terms.push((Kdf::new(self.session, seed.expose()), negative));
    }

    pub(crate) fn set_error_seed(&mut self, seed: &Secret<32>) {
        self.errors = Some(ErrorSource::new(self.session, seed));
    }

    pub(crate) fn kernels(&self) -> Kernels {
        Kernels {
            one: self.kernel.fresh(),
            #[cfg(feature = "parallel")]
            others: Vec::new(),
        }
    }

    /// The key of an epoch; none beyond the vector.
    fn key(&self, epoch: u64) -> Option<&EpochKey> {
        let slot = self.keys.get(usize::try_from(epoch).ok()?)?;
        let terms = || self.terms.iter().map(|(seed, negative)| (seed, *negative));
        Some(slot.get_or_init(|| Box::new(EpochKey::expand(self.geometry.set(), terms(), epoch))))
    }

    /// Expands the keys of some blocks, before threads would do it twice.
    fn prepare(&self, blocks: Range<u64>) {
        let epochs = epoch(blocks.start)..blocks.end.div_ceil(EPOCH_BLOCKS);
        epochs.for_each(|epoch| {
            let _ = self.key(epoch);
        });
    }

    /// Masks words from the beginning of a block to the end of one, or of the vector, into exactly their bytes.
    pub(crate) fn mask<W: Word>(
        &self,
        ring: Ring,
        position: u64,
        words: &[W],
        kernels: &mut Kernels,
        wire: &mut [u8],
    ) -> Result<(), InputError> {
        let (first, len) = (position / self.geometry.block_len(), index(self.geometry.block_len()));
        let bytes = index(self.geometry.wire_len(self.geometry.block_len()));
        let errors = self.errors.as_ref().ok_or(InputError::WrongState)?;
        self.prepare(first..first + words.len().div_ceil(len) as u64);
        let mask = |kernel: &mut Kernel, run: usize, words: &[W], wire: &mut [u8]| {
            for (k, (words, wire)) in words.chunks(len).zip(wire.chunks_mut(bytes)).enumerate() {
                let block = first + (run + k) as u64;
                let key = self.key(epoch(block)).ok_or(InputError::WrongState)?;
                kernel.mask_block(self.geometry, ring, self.session, block, key, errors, words, wire)?;
            }
            Ok(())
        };
        kernels.share(words, len, wire, bytes, mask)
    }

    /// Unmasks the sums of whole blocks, or of the last one of the vector.
    pub(crate) fn unmask<W: Word>(
        &self,
        ring: Ring,
        first: u64,
        survivors: u32,
        sums: &[u64],
        kernels: &mut Kernels,
        out: &mut [W],
    ) -> Result<(), UnmaskError> {
        let len = index(self.geometry.block_len());
        let residues = self.geometry.set().len() * self.geometry.set().primes().len();
        self.prepare(first..first + out.len().div_ceil(len) as u64);
        let unmask = |kernel: &mut Kernel, run: usize, sums: &[u64], out: &mut [W]| {
            for (k, (sums, out)) in sums.chunks(residues).zip(out.chunks_mut(len)).enumerate() {
                let block = first + (run + k) as u64;
                let key = self.key(epoch(block)).ok_or(UnmaskError::Mismatch(block))?;
                kernel.unmask_block(self.geometry, ring, self.session, block, key, sums, survivors, out)?;
            }
            Ok(())
        };
        kernels.share(sums, residues, out, len, unmask)
    }

    /// The positions of a block.
    pub(crate) fn block(&self, block: u64) -> Range<u64> {
        let start = block.saturating_mul(self.geometry.block_len()).min(self.vector_len);
        start..start.saturating_add(self.geometry.block_len()).min(self.vector_len)
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masks").field("terms", &self.terms.len()).finish_non_exhaustive()
    }
}

fn index(words: u64) -> usize {
    usize::try_from(words).unwrap_or(usize::MAX)
}

/// Buffers for as many threads as there are.
#[derive(Debug)]
pub(crate) struct Kernels {
    one: Kernel,
    #[cfg(feature = "parallel")]
    others: Vec<Kernel>,
}

/// Blocks for each thread, at least: handing work out costs about half of one.
#[cfg(feature = "parallel")]
const SHARE: usize = 4;

impl Kernels {
    /// Does `work` on runs of blocks: `from` has `from_len` items a block, `to` has `to_len`. `work` gets the number of its first block.
    fn share<A: Sync, B: Send, E: Send>(
        &mut self,
        from: &[A],
        from_len: usize,
        to: &mut [B],
        to_len: usize,
        work: impl Fn(&mut Kernel, usize, &[A], &mut [B]) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        #[cfg(feature = "parallel")]
        {
            let blocks = to.len().div_ceil(to_len.max(1));
            let threads = rayon::current_num_threads().min(blocks / SHARE);
            if threads > 1 {
                let run = blocks.div_ceil(threads);
                while self.others.len() < threads {
                    self.others.push(self.one.fresh());
                }
                let parts = from.par_chunks(run * from_len).zip(to.par_chunks_mut(run * to_len));
                let parts = self.others.par_iter_mut().zip(parts).enumerate();
                return parts.try_for_each(|(k, (kernel, (from, to)))| work(kernel, k * run, from, to));
            }
        }
        let _ = (from_len, to_len);
        work(&mut self.one, 0, from, to)
    }
}
