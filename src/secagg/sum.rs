//! The sum: masks come off as it is read.

use alloc::vec::Vec;
use core::{fmt, ops::Range};

use super::{
    server::Host,
    shard::{ShardDescriptor, ShardRoot, UnmaskPlan},
    step::{Counters, Outbox},
    transcript,
    unmask::Unmasking,
    upload::ChunkTree,
};
use crate::{
    crypto::merkle::Tree,
    error::{ClientId, Error, InputError},
    hash::Hash,
    mask::{Accumulator, Layout, Masks, Seeds},
    math::ring::Word,
    message::{Announcement, Body, Bytes},
};

/// The end of a session on the server's side: the sum of the survivors' inputs, modulo `2^modulus_bits`.
pub struct Sum {
    host: Host,
    layout: Layout,
    /// `None` if shards make it.
    masked: Option<Accumulator>,
    seeds: Seeds,
    masks: Masks,
    survivors: Vec<ClientId>,
    liars: Vec<ClientId>,
    h3: Hash,
    /// What was announced: another root would be evidence against this server.
    announced: Option<Hash>,
}

impl Sum {
    pub(crate) fn new(host: Host, round: Unmasking, seeds: Seeds, liars: Vec<ClientId>) -> Self {
        let Unmasking { layout, sum, survivors, h3, .. } = round;
        let masks = seeds.to_masks(host.session.id(), &layout);
        Self { host, layout, masked: sum, seeds, masks, survivors, liars, h3, announced: None }
    }

    /// Writes the words at `position ..` to `out`. Any range, in any order; use [`crate::Ring::centered`] for signed values.
    ///
    /// # Errors
    /// [`InputError::Range`] outside the vector; [`InputError::WordWidth`] for `u32` words and a modulus above 2^32;
    /// [`InputError::WrongState`] if shards make the sum; [`crate::RoundError::CorruptBlock`] if lattice masks do not cancel:
    /// `out` is then of no use, and the session has no sum, whatever other ranges give. [`Sum::announce`] reads all of it: do that before
    /// you use any.
    pub fn read<W: Word>(&self, position: u64, out: &mut [W]) -> Result<(), Error> {
        let ring = self.layout.ring();
        if W::BITS < ring.bits() {
            return Err(InputError::WordWidth(ring.bits()).into());
        }
        let masked = self.masked.as_ref().ok_or(InputError::WrongState)?;
        masked.read(position, &self.masks, u32::try_from(self.survivors.len()).unwrap_or(u32::MAX), out)
    }

    /// What a worker needs to unmask one shard of whole chunks. It is secret: see [`UnmaskPlan`].
    ///
    /// # Errors
    /// [`InputError::Range`] if the range is empty, or not of whole chunks.
    pub fn plan(&self, range: Range<u64>) -> Result<UnmaskPlan, Error> {
        let shard = ShardDescriptor::new(self.host.session.id(), &self.layout, self.h3, &self.survivors, range)?;
        Ok(UnmaskPlan::new(shard, self.seeds.duplicate()))
    }

    /// How the sum lies on the wire.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout.plain()
    }

    /// Whose inputs are in the sum, ascending.
    #[must_use]
    pub fn survivors(&self) -> &[ClientId] {
        &self.survivors
    }

    /// Who is known to have revealed wrong shares, ascending: they are looked for only when a secret does not recover. The sum is right
    /// all the same.
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
    /// [`Error::Environment`] if the identity can not sign; [`InputError::WrongState`] if shards make the sum, or another sum was
    /// announced.
    pub fn announce(&mut self) -> Result<(Outbox, [u8; 32]), Error> {
        let root = self.root()?;
        self.announce_root(root)
    }

    /// As [`Sum::announce`], of a sum that was made in shards: these, in any order, are all of the vector.
    ///
    /// # Errors
    /// [`InputError::Shard`] if a shard is missing, double, of another session or of other survivors; [`Error::Environment`] if the
    /// identity can not sign; [`InputError::WrongState`] if another sum was announced.
    pub fn announce_shards(&mut self, shards: &[ShardRoot]) -> Result<(Outbox, [u8; 32]), Error> {
        let mut shards: Vec<&ShardRoot> = shards.iter().collect();
        shards.sort_unstable_by_key(|root| root.shard.range().start);
        let mut tree = Tree::default();
        for ShardRoot { shard, tree: part } in shards {
            let expected = ShardDescriptor::new(self.host.session.id(), &self.layout, self.h3, &self.survivors, shard.range());
            let expected = expected.map_err(|_| InputError::Shard)?;
            let ends = (self.layout.chunk_at(shard.range().start), self.layout.chunk_at(shard.range().end));
            let spans = ends == (Some(part.parts().0), Some(part.leaves()));
            if *shard != expected || !spans || tree.append(part).is_none() {
                return Err(InputError::Shard.into());
            }
        }
        if tree.leaves() != self.layout.chunks() {
            return Err(InputError::Shard.into());
        }
        self.announce_root(tree.root(self.layout.vector_len(), self.layout.chunk_len()))
    }

    fn announce_root(&mut self, root: Hash) -> Result<(Outbox, [u8; 32]), Error> {
        if self.announced.is_some_and(|first| first != root) {
            return Err(InputError::WrongState.into());
        }
        let body = Announcement { sum_root: Bytes(root) }.body();
        let outbox = self.host.send::<Announcement>(&self.h3, body, &self.survivors)?;
        self.announced = Some(root);
        Ok((outbox, transcript::h4(&self.h3, &root)))
    }

    fn root(&self) -> Result<Hash, Error> {
        let (mut tree, mut words, mut wire) = (ChunkTree::new(self.layout.plain()), Vec::new(), Vec::new());
        for chunk in 0..self.layout.chunks() {
            let range = self.layout.chunk(chunk);
            words.resize(usize::try_from(range.end - range.start).unwrap_or(0), 0_u64);
            self.read(range.start, &mut words)?;
            wire.clear();
            self.layout.ring().pack(&words, &mut wire);
            tree.update(&wire);
        }
        Ok(tree.root())
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sum").field("survivors", &self.survivors).field("liars", &self.liars).finish_non_exhaustive()
    }
}
