//! A sum made in shards: ranges of positions of one session, each on a machine of its own (section 12.1).
//!
//! The server runs the rounds and spools the uploads ([`super::server::CollectingInputs::sum_in_shards`]). Once the survivors are
//! fixed it gives each worker a [`ShardDescriptor`] ([`super::server::CollectingConsistency::shard`]); the worker adds its range of the spooled uploads to a [`PartialSum`]. Partial
//! sums over other uploads of the same shard merge in any order. After the last round the server makes the [`UnmaskPlan`] of each
//! shard ([`super::sum::Sum::plan`]), with which the partial sum becomes a [`ShardSum`].

use alloc::{collections::BTreeSet, vec::Vec};
use core::{fmt, ops::Range};

use zeroize::Zeroizing;

use super::{
    step::Failure,
    total::sum_uploads,
    transcript::{bitmap_of, read_bitmap_of},
    upload::{ChunkTree, Spool, SpoolError},
};
use crate::{
    codec::{Reader, check_ascending, put_client, put_count, put_sized},
    crypto::{merkle::Tree, secret::Secret},
    error::{ClientId, DecodeError, Error, InputError},
    hash::Hash,
    label::{PROTOCOL_VERSION, SUITE},
    mask::{Accumulator, Layout, Masks, Seeds},
    math::ring::Word,
    session::{Session, SessionId},
};

/// Words that are unmasked at once.
const STEP: u64 = 1 << 16;

/// Which positions, of which vectors: what partial sums must agree on.
///
/// It is bound to the session, the survivors, and through `h3` to their very uploads. Shards over different sets of survivors must
/// never be unmasked: their difference would give single inputs away.
#[derive(Clone, PartialEq, Eq)]
pub struct ShardDescriptor {
    session: SessionId,
    h3: Hash,
    survivors: Vec<ClientId>,
    range: Range<u64>,
}

impl ShardDescriptor {
    /// A shard of whole chunks, not empty.
    pub(crate) fn new(
        session: SessionId,
        layout: &Layout,
        h3: Hash,
        survivors: &[ClientId],
        range: Range<u64>,
    ) -> Result<Self, InputError> {
        let whole = layout.chunk_at(range.start).is_some() && layout.chunk_at(range.end).is_some();
        if !whole || range.is_empty() {
            return Err(InputError::Range { start: range.start, end: range.end });
        }
        Ok(Self { session, h3, survivors: survivors.to_vec(), range })
    }

    /// The positions.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Whose uploads make the sum, ascending.
    #[must_use]
    pub fn survivors(&self) -> &[ClientId] {
        &self.survivors
    }

    /// The canonical bytes; not secret.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.push(PROTOCOL_VERSION);
        out.extend_from_slice(&SUITE.to_le_bytes());
        out.extend_from_slice(&self.session.0);
        out.extend_from_slice(&self.h3);
        out.extend_from_slice(&self.range.start.to_le_bytes());
        out.extend_from_slice(&self.range.end.to_le_bytes());
        put_count(&mut out, self.survivors.len());
        self.survivors.iter().for_each(|id| put_client(&mut out, *id));
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`Error::Decode`] if these are not the bytes of a descriptor.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let shard = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(shard)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            PROTOCOL_VERSION => {}
            got => return Err(DecodeError::Version { expected: PROTOCOL_VERSION, got }),
        }
        match reader.u16()? {
            SUITE => {}
            got => return Err(DecodeError::Suite { expected: SUITE, got }),
        }
        let (session, h3, range) = (SessionId(reader.array()?), reader.array()?, reader.u64()?..reader.u64()?);
        let count = reader.count(8)?;
        let survivors = reader.items(count, Reader::client)?;
        check_ascending(survivors.iter().copied())?;
        Ok(Self { session, h3, survivors, range })
    }

    /// A descriptor of this session, whose range is one of its shards.
    fn check(&self, session: &Session) -> Result<Layout, Error> {
        let layout = Layout::new(session);
        if self.session != session.id() {
            return Err(DecodeError::Session.into());
        }
        if let Some(stranger) = self.survivors.iter().find(|id| session.index(**id).is_none()) {
            return Err(InputError::NotInRoster(*stranger).into());
        }
        Self::new(self.session, &layout, self.h3, &[], self.range.clone())?;
        Ok(layout)
    }
}

impl fmt::Debug for ShardDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, range, survivors, .. } = self;
        f.debug_struct("ShardDescriptor").field("session", session).field("range", range).field("survivors", survivors).finish()
    }
}

/// A sum over one shard of some of the survivors' uploads, still masked. Not secret.
#[derive(Debug)]
pub struct PartialSum {
    shard: ShardDescriptor,
    layout: Layout,
    included: BTreeSet<ClientId>,
    sum: Accumulator,
}

impl PartialSum {
    /// Adds up one shard of these uploads, chunk by chunk. Each spool holds a whole upload.
    ///
    /// # Errors
    /// [`Error::Decode`] if the descriptor is another session's; [`InputError::Shard`] if an upload is not a survivor's, or given
    /// twice; [`Error::Environment`] if a spool fails, or there is no memory. There is then no partial sum: make it again.
    pub fn new(session: &Session, shard: ShardDescriptor, uploads: &[(ClientId, &dyn Spool)]) -> Result<Self, Error> {
        let layout = shard.check(session)?;
        let included: BTreeSet<ClientId> = uploads.iter().map(|(client, _)| *client).collect();
        let known = included.iter().all(|client| shard.survivors.binary_search(client).is_ok());
        if !known || included.len() != uploads.len() {
            return Err(InputError::Shard.into());
        }
        let sum = sum_uploads(&layout, &shard.range, uploads)?;
        let sum = sum.map_err(|(client, e)| SpoolError::new(format_args!("{client}: {e}")))?;
        Ok(Self { shard, layout, included, sum })
    }

    /// What it is a sum over.
    #[must_use]
    pub fn shard(&self) -> &ShardDescriptor {
        &self.shard
    }

    /// Whose uploads are in it, ascending.
    pub fn included(&self) -> impl Iterator<Item = ClientId> + '_ {
        self.included.iter().copied()
    }

    /// Adds another partial sum.
    ///
    /// # Errors
    /// [`InputError::Shard`] if it is of another shard, or an upload is in both. Nothing is then added.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.shard != other.shard || !self.included.is_disjoint(&other.included) {
            return Err(InputError::Shard.into());
        }
        self.sum.merge(&other.sum).ok_or(InputError::Shard)?;
        self.included.extend(&other.included);
        Ok(())
    }

    /// The canonical bytes: as long as one client's upload of the range.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_sized(&mut out, &self.shard.encode());
        put_sized(&mut out, &bitmap_of(&self.shard.survivors, &self.included));
        self.sum.pack(&mut out);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`Error::Decode`] if these are not the bytes of a partial sum of this session; [`InputError::Range`] if the range is no shard;
    /// [`Error::Environment`] if there is no memory.
    pub fn decode(session: &Session, bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let shard = ShardDescriptor::decode(reader.sized()?)?;
        let layout = shard.check(session)?;
        let included = read_bitmap_of(&shard.survivors, reader.sized()?)?;
        let len = usize::try_from(layout.wire_len(&shard.range)).map_err(|_| DecodeError::Truncated)?;
        let wire = reader.bytes(len)?;
        reader.finish()?;
        let mut sum = Accumulator::new(&layout, &shard.range)?;
        sum.unpack(wire)?;
        Ok(Self { shard, layout, included, sum })
    }

    /// Makes the plain sum of the shard.
    ///
    /// # Errors
    /// [`InputError::Shard`] if the plan is another shard's, or survivors are missing; with the partial sum.
    pub fn unmask(self, plan: &UnmaskPlan) -> Result<ShardSum, Failure<Self>> {
        if plan.shard != self.shard || !self.included.iter().eq(&self.shard.survivors) {
            return Err(Failure::keep(InputError::Shard, self));
        }
        let masks = plan.seeds.to_masks(self.shard.session, &self.layout);
        Ok(ShardSum { shard: self.shard, layout: self.layout, sum: self.sum, masks })
    }
}

/// The seeds of the masks that are on a sum. **Secret**: they are those of the whole vector, whatever the shard. With one plan and the
/// partial sums of any shards anyone has the sum there, and the self mask of every survivor. Send it over an encrypted channel to
/// workers that may know the whole sum, and never store it in the clear.
///
/// It is serialisable on purpose, by [`UnmaskPlan::encode`] and not through `serde`, and wiped on drop.
///
/// ```compile_fail,E0599
/// fn copy(plan: &veilsum::secagg::shard::UnmaskPlan) -> veilsum::secagg::shard::UnmaskPlan {
///     plan.clone() // no method named `clone`
/// }
/// ```
pub struct UnmaskPlan {
    shard: ShardDescriptor,
    seeds: Seeds,
}

impl UnmaskPlan {
    pub(crate) fn new(shard: ShardDescriptor, seeds: Seeds) -> Self {
        Self { shard, seeds }
    }

    /// What it unmasks.
    #[must_use]
    pub fn shard(&self) -> &ShardDescriptor {
        &self.shard
    }

    /// The canonical bytes, which are secret.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let shard = self.shard.encode();
        // Full capacity at once: growing would leave copies behind.
        let mut out = Zeroizing::new(Vec::with_capacity(8 + shard.len() + 33 * self.seeds.len()));
        put_sized(&mut out, &shard);
        put_count(&mut out, self.seeds.len());
        for (seed, negative) in self.seeds.iter() {
            out.push(u8::from(*negative));
            out.extend_from_slice(seed.expose());
        }
        out
    }

    /// Reads canonical bytes, which remain the caller's to wipe.
    ///
    /// # Errors
    /// [`Error::Decode`] if these are not the bytes of a plan.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let shard = ShardDescriptor::decode(reader.sized()?)?;
        let count = reader.count(33)?;
        let mut seeds = Seeds::with_capacity(count);
        for _ in 0..count {
            let negative = match reader.u8()? {
                sign @ 0..=1 => sign == 1,
                _ => return Err(DecodeError::Value.into()),
            };
            let mut seed = reader.array()?;
            seeds.push(Secret::take(&mut seed), negative);
        }
        reader.finish()?;
        Ok(Self { shard, seeds })
    }
}

impl fmt::Debug for UnmaskPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnmaskPlan").field("shard", &self.shard).finish_non_exhaustive()
    }
}

/// The sum of one shard: masks come off as it is read.
#[derive(Debug)]
pub struct ShardSum {
    shard: ShardDescriptor,
    layout: Layout,
    sum: Accumulator,
    masks: Masks,
}

impl ShardSum {
    /// What it is the sum of.
    #[must_use]
    pub fn shard(&self) -> &ShardDescriptor {
        &self.shard
    }

    /// Writes the words at `position ..` of the whole vector to `out`; as [`super::sum::Sum::read`].
    ///
    /// # Errors
    /// [`InputError::Range`] outside the shard; [`InputError::WordWidth`] for `u32` words and a modulus above 2^32;
    /// [`crate::RoundError::CorruptBlock`] if lattice masks do not cancel.
    pub fn read<W: Word>(&self, position: u64, out: &mut [W]) -> Result<(), Error> {
        let ring = self.layout.ring();
        if W::BITS < ring.bits() {
            return Err(InputError::WordWidth(ring.bits()).into());
        }
        self.sum.read(position, &self.masks, u32::try_from(self.shard.survivors.len()).unwrap_or(u32::MAX), out)
    }

    /// What the server needs of this shard to announce the sum.
    ///
    /// # Errors
    /// [`crate::RoundError::CorruptBlock`] if lattice masks do not cancel.
    pub fn root(&self) -> Result<ShardRoot, Error> {
        let range = &self.shard.range;
        let first = self.layout.chunk_at(range.start).ok_or(InputError::Shard)?;
        let mut tree = ChunkTree::starting_at(self.layout.plain(), first);
        let (step, mut wire, mut words) = (STEP.next_multiple_of(self.layout.alignment()), Vec::new(), Vec::new());
        for start in range.clone().step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            words.resize(usize::try_from((range.end - start).min(step)).unwrap_or(usize::MAX), 0_u64);
            self.read(start, &mut words)?;
            wire.clear();
            self.layout.ring().pack(&words, &mut wire);
            tree.update(&wire);
        }
        Ok(ShardRoot { shard: self.shard.clone(), tree: tree.tree().clone() })
    }
}

/// The part of the Merkle tree over the sum that one shard makes. Not secret once the sum is not.
#[derive(Clone, Debug)]
pub struct ShardRoot {
    pub(crate) shard: ShardDescriptor,
    pub(crate) tree: Tree,
}

impl ShardRoot {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (first, parts) = self.tree.parts();
        let mut out = Vec::new();
        put_sized(&mut out, &self.shard.encode());
        out.extend_from_slice(&first.to_le_bytes());
        put_count(&mut out, parts.len());
        for (size, root) in parts {
            out.extend_from_slice(&size.to_le_bytes());
            out.extend_from_slice(root);
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`Error::Decode`] if these are not the bytes of a shard's root.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let shard = ShardDescriptor::decode(reader.sized()?)?;
        let (first, count) = (reader.u64()?, reader.count(40)?);
        let parts = reader.items(count, |r| Ok((r.u64()?, r.array()?)))?;
        reader.finish()?;
        let tree = Tree::from_parts(first, &parts).ok_or(DecodeError::Value)?;
        // Subtrees that would have been joined have another encoding.
        if tree.parts() != (first, &parts) {
            return Err(DecodeError::Value.into());
        }
        Ok(Self { shard, tree })
    }
}
