//! Sessions of five that leave their sum to shards.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{collections::BTreeMap, ops::Range};

use veilsum::{
    ClientId, Error, Masking, Session,
    secagg::{
        shard::{PartialSum, ShardDescriptor, ShardSum, UnmaskPlan},
        sum::Sum,
        upload::{MemorySpool, Spool},
    },
};

use crate::{common::World, plane::Plane};

/// The survivors' uploads in groups.
pub const GROUPS: [&[&[u64]]; 5] = [
    &[&[10, 20, 40, 50]],
    &[&[40], &[10, 50, 20]],
    &[&[50, 10], &[40, 20]],
    &[&[50], &[40], &[20], &[10]],
    &[&[20], &[], &[10, 40, 50]],
];

pub const DROPPED: ClientId = ClientId(30);

/// Round 2 of a session of five that is the same for equal arguments; client 30 will not send its input. Vectors have eleven chunks and
/// 37 words.
pub fn plane(masking: Masking, seed: u64, bits: u8) -> Plane {
    Plane::of_chunks(World::masked(5, seed, masking), bits, 11, 37)
}

/// A session that leaves its sum to shards, at its end.
pub struct Sharded {
    pub session: Session,
    pub inputs: BTreeMap<ClientId, Vec<u64>>,
    pub uploads: BTreeMap<ClientId, MemorySpool>,
    pub sum: Sum,
}

impl Sharded {
    pub fn new(masking: Masking, seed: u64, bits: u8) -> Self {
        let mut plane = plane(masking, seed, bits);
        plane.server.sum_in_shards().unwrap();
        let mut uploads = BTreeMap::new();
        for id in plane.world.ids().into_iter().filter(|id| *id != DROPPED) {
            let mut upload = plane.upload(id, MemorySpool::default());
            plane.accept(&mut upload).unwrap();
            uploads.insert(id, upload.into_spool().unwrap());
        }
        let (session, inputs) = (plane.session.clone(), plane.inputs.clone());
        Self { session, inputs, uploads, sum: plane.close().0 }
    }

    /// The positions of these chunks.
    pub fn chunks(&self, chunks: Range<u64>) -> Range<u64> {
        let position = |chunk: u64| (chunk * u64::from(self.session.chunk_len())).min(self.session.vector_len());
        position(chunks.start)..position(chunks.end)
    }

    pub fn shard(&self, range: Range<u64>) -> ShardDescriptor {
        self.sum.plan(range).unwrap().shard().clone()
    }

    pub fn try_partial(&self, shard: ShardDescriptor, group: &[u64]) -> Result<PartialSum, Error> {
        let uploads: Vec<(ClientId, &dyn Spool)> = group.iter().map(|id| (ClientId(*id), self.spool(*id))).collect();
        PartialSum::new(&self.session, shard, &uploads)
    }

    pub fn spool(&self, id: u64) -> &dyn Spool {
        self.uploads.get(&ClientId(id)).unwrap_or(&self.uploads[&ClientId(10)])
    }

    pub fn partial(&self, range: Range<u64>, group: &[u64]) -> PartialSum {
        self.try_partial(self.shard(range), group).unwrap()
    }

    /// All of a shard's work, with everything that travels encoded and decoded on the way.
    pub fn work(&self, range: Range<u64>, groups: &[&[u64]]) -> ShardSum {
        let mut partials = groups.iter().map(|group| {
            let shard = ShardDescriptor::decode(&self.shard(range.clone()).encode()).unwrap();
            PartialSum::decode(&self.session, &self.try_partial(shard, group).unwrap().encode()).unwrap()
        });
        let mut total = partials.next().unwrap();
        partials.for_each(|partial| total.merge(&partial).unwrap());
        assert!(total.included().eq(self.sum.survivors().iter().copied()));
        let plan = UnmaskPlan::decode(&self.sum.plan(range).unwrap().encode()).unwrap();
        total.unmask(&plan).unwrap()
    }
}

pub fn words_of(shard: &ShardSum) -> Vec<u64> {
    let range = shard.shard().range();
    let mut words = vec![0_u64; usize::try_from(range.end - range.start).unwrap()];
    shard.read(range.start, &mut words).unwrap();
    words
}
