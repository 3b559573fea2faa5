//! The sum: masks come off as it is read.

use alloc::{vec, vec::Vec};
use core::fmt;

use super::{
    server::Host,
    step::{Counters, Outbox},
    transcript,
    upload::RootBuilder,
};
use crate::{
    error::{ClientId, Error, InputError},
    hash::Hash,
    mask::{Accumulator, Layout, Masks},
    math::ring::Word,
    message::{Announcement, Body, Bytes},
};

/// The end of a session on the server's side: the sum of the survivors' inputs, modulo `2^modulus_bits`.
pub struct Sum {
    host: Host,
    layout: Layout,
    masked: Accumulator,
    masks: Masks,
    survivors: Vec<ClientId>,
    liars: Vec<ClientId>,
    h3: Hash,
}

impl Sum {
    pub(crate) fn new(host: Host, round: super::server::Unmasking, masks: Masks, liars: Vec<ClientId>) -> Self {
        let super::server::Unmasking { layout, sum, survivors, h3, .. } = round;
        Self { host, layout, masked: sum, masks, survivors, liars, h3 }
    }

    /// Writes the words at `position ..` to `out`. Any range, in any order; use [`crate::Ring::centered`] for signed values.
    ///
    /// # Errors
    /// [`InputError::Range`] outside the vector; [`InputError::WordWidth`] for `u32` words and a modulus above 2^32.
    pub fn read<W: Word>(&self, position: u64, out: &mut [W]) -> Result<(), Error> {
        let ring = self.layout.ring();
        if W::BITS < ring.bits() {
            return Err(InputError::WordWidth(ring.bits()).into());
        }
        let range = || InputError::Range { start: position, end: position.saturating_add(out.len() as u64) };
        let outside = range();
        let chunk_len = self.layout.chunk_len() as usize;
        let end = position.checked_add(out.len() as u64).ok_or(outside)?;
        if end > self.layout.vector_len() {
            return Err(outside.into());
        }
        for (piece, words) in out.chunks_mut(chunk_len).enumerate() {
            let start = position + (piece * chunk_len) as u64;
            self.masked.read(ring, start, &self.masks, words).ok_or(outside)?;
        }
        Ok(())
    }

    /// How the sum lies on the wire.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Whose inputs are in the sum, ascending.
    #[must_use]
    pub fn survivors(&self) -> &[ClientId] {
        &self.survivors
    }

    /// Who revealed wrong shares, ascending; the sum is right all the same.
    #[must_use]
    pub fn liars(&self) -> &[ClientId] {
        &self.liars
    }

    /// What the server has spent on this session.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.host.counters
    }

    /// Signs the sum for the survivors; returns the messages and `h4`, the hash of the whole transcript, which is `previous` in the
    /// next round's descriptor.
    ///
    /// # Errors
    /// [`Error::Environment`] if the identity can not sign.
    pub fn announce(&mut self) -> Result<(Outbox, [u8; 32]), Error> {
        let root = self.root()?;
        let body = Announcement { sum_root: Bytes(root) }.body();
        let outbox = self.host.send::<Announcement>(&self.h3, body, &self.survivors)?;
        Ok((outbox, transcript::h4(&self.h3, &root)))
    }

    fn root(&self) -> Result<Hash, Error> {
        let mut root = RootBuilder::new(self.layout);
        for chunk in 0..self.layout.chunks() {
            let range = self.layout.chunk(chunk);
            let mut words = vec![0_u64; usize::try_from(range.end - range.start).unwrap_or(0)];
            self.read(range.start, &mut words)?;
            let mut wire = Vec::new();
            self.layout.ring().pack(&words, &mut wire);
            root.update(&wire);
        }
        Ok(root.finish())
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sum").field("survivors", &self.survivors).field("liars", &self.liars).finish_non_exhaustive()
    }
}
