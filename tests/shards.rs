//! Sums made in shards (protocol, section 12.1): whatever the ranges, the groups and the order, what comes of them is the sum and the
//! announcement of the same session on one machine.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/plane.rs"]
mod plane;
#[path = "common/sharded.rs"]
mod sharded;

use std::{collections::BTreeMap, ops::Range};

use common::{
    World,
    masking::{over_both_maskings, wire_len},
    plain_sum, read_all,
};
use plane::Plane;
use sharded::{DROPPED, GROUPS, Sharded, plane, words_of};
use veilsum::{
    ClientId, DecodeError, EnvironmentError, Error, InputError, Masking,
    secagg::{
        shard::{PartialSum, ShardDescriptor, ShardRoot, UnmaskPlan},
        upload::{MemorySpool, Spool, SpoolError},
    },
};

over_both_maskings! {
    any_shards_from_any_groups_give_the_sum_and_the_announcement_of_one_machine,
    a_shard_is_read_over_any_range_of_its_own_and_no_other,
    every_encoding_is_canonical,
    a_root_of_nodes_that_should_have_been_joined_is_refused,
    objects_have_the_bytes_of_the_specification,
    storage_that_fails_a_worker_names_the_client,
    #[cfg(feature = "std")]
    a_worker_reads_the_file_of_an_upload,
    a_shard_longer_than_a_step_gives_the_exact_sum,
}

/// Ends of the shards, in chunks; the vector has twelve.
const CUTS: [&[u64]; 5] = [&[12], &[1, 12], &[5, 6, 12], &[2, 3, 7, 11, 12], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]];

/// In chunks.
fn ranges(cut: &[u64]) -> Vec<Range<u64>> {
    std::iter::once(&0).chain(cut).zip(cut).map(|(start, end)| *start..*end).collect()
}

fn any_shards_from_any_groups_give_the_sum_and_the_announcement_of_one_machine(masking: Masking) {
    for bits in [13, 40] {
        let mut whole = plane(masking, 1, bits);
        whole.send_all_but(&[DROPPED]);
        let (mut whole, finished) = whole.close();
        let (expected, (outbox, h4)) = (read_all(&whole), whole.announce().unwrap());
        let mut sharded = Sharded::new(masking, 1, bits);
        assert_eq!(expected, plain_sum(&sharded.session, &sharded.inputs, whole.survivors()));
        let announced: Vec<_> = outbox.messages().collect();
        for (turn, (cut, groups)) in CUTS.into_iter().zip(GROUPS).enumerate() {
            let sums: Vec<_> = ranges(cut).into_iter().map(|chunks| sharded.work(sharded.chunks(chunks), groups)).collect();
            let words: Vec<u64> = sums.iter().flat_map(words_of).collect();
            assert!(words == expected, "{bits} bits, {cut:?}");
            let mut roots: Vec<_> = sums.iter().map(|sum| ShardRoot::decode(&sum.root().unwrap().encode()).unwrap()).collect();
            roots.reverse();
            let turn = turn % roots.len();
            roots.rotate_left(turn);
            let (outbox, sharded_h4) = sharded.sum.announce_shards(&roots).unwrap();
            assert_eq!(sharded_h4, h4, "{bits} bits, {cut:?}");
            assert!(outbox.messages().eq(announced.iter().cloned()));
        }
        let mut check = finished.into_iter().next().unwrap().check_sum();
        check.update(&expected).unwrap();
        assert_eq!(check.finish(&announced[0].1).unwrap(), h4);
    }
}

fn a_shard_is_read_over_any_range_of_its_own_and_no_other(masking: Masking) {
    let sharded = Sharded::new(masking, 1, 40);
    let range = sharded.chunks(2..4);
    let (first, past) = (range.start, range.end);
    let shard = sharded.work(range, GROUPS[0]);
    let (words, chunk) = (words_of(&shard), sharded.session.chunk_len() as usize);
    for (start, end) in [(0, 1), (1, 2 * chunk), (chunk - 1, chunk + 1), (2 * chunk - 1, 2 * chunk), (2 * chunk, 2 * chunk)] {
        let mut out = vec![0_u64; end - start];
        shard.read(first + start as u64, &mut out).unwrap();
        assert!(out == words[start..end]);
    }
    for (start, end) in [(first - 1, first + 1), (past - 1, past + 1), (0, 64), (past, past + 1), (past + 1, past + 1)] {
        let mut out = vec![7_u64; usize::try_from(end - start).unwrap()];
        assert_eq!(shard.read(start, &mut out), Err(InputError::Range { start, end }.into()));
        assert!(out.into_iter().all(|word| word == 7), "nothing is written");
    }
    assert_eq!(shard.read(first, &mut [0_u32; 4]), Err(InputError::WordWidth(40).into()));
}

/// Every shorter and longer form, and every byte changed: refused, or another object.
fn check_canonical(name: &str, bytes: &[u8], recode: impl Fn(&[u8]) -> Result<Vec<u8>, Error>) {
    assert_eq!(recode(bytes).unwrap(), bytes, "{name}");
    for len in 0..bytes.len() {
        assert!(recode(&bytes[..len]).is_err(), "{name}: {len} bytes");
    }
    assert_eq!(recode(&[bytes, &[0]].concat()), Err(DecodeError::Trailing.into()), "{name}");
    for place in 0..bytes.len() {
        for change in [0x01, 0x10, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[place] ^= change;
            if let Ok(again) = recode(&changed) {
                assert_eq!(again, changed, "{name}: byte {place}");
            }
        }
    }
}

fn every_encoding_is_canonical(masking: Masking) {
    let sharded = Sharded::new(masking, 1, 13);
    let session = &sharded.session;
    // The end of the vector, with padding; of lattice masks a chunk is long.
    let range = sharded.chunks(if masking == Masking::Pairwise { 2..12 } else { 11..12 });
    let shard = sharded.shard(range.clone());
    check_canonical("descriptor", &shard.encode(), |bytes| Ok(ShardDescriptor::decode(bytes)?.encode()));
    let partial = sharded.partial(range.clone(), &[20, 50]);
    check_canonical("partial sum", &partial.encode(), |bytes| Ok(PartialSum::decode(session, bytes)?.encode()));
    let plan = sharded.sum.plan(range.clone()).unwrap();
    check_canonical("plan", &plan.encode(), |bytes| Ok(UnmaskPlan::decode(bytes)?.encode().to_vec()));
    let root = sharded.work(range, GROUPS[0]).root().unwrap();
    check_canonical("root", &root.encode(), |bytes| Ok(ShardRoot::decode(bytes)?.encode()));
}

/// Two leaves under one node are that node: there is one form of a root only.
fn a_root_of_nodes_that_should_have_been_joined_is_refused(masking: Masking) {
    let sharded = Sharded::new(masking, 1, 13);
    let mut bytes = sharded.work(sharded.chunks(1..3), GROUPS[0]).root().unwrap().encode();
    let first = 4 + sharded.shard(sharded.chunks(1..3)).encode().len();
    assert_eq!(bytes[first..first + 8], 1_u64.to_le_bytes());
    bytes[first] = 2;
    assert_eq!(ShardRoot::decode(&bytes).map(|_| ()), Err(DecodeError::Value.into()));
    bytes[first] = 3;
    ShardRoot::decode(&bytes).unwrap();
}

/// Section 12.1, field by field.
fn objects_have_the_bytes_of_the_specification(masking: Masking) {
    let sharded = Sharded::new(masking, 1, 13);
    let mut descriptor = vec![3, 1, 0];
    descriptor.extend(sharded.session.id().0);
    let shard = sharded.shard(sharded.chunks(1..3));
    let encoded = shard.encode();
    descriptor.extend(&encoded[35..67]);
    [sharded.chunks(1..3).start, sharded.chunks(1..3).end]
        .into_iter()
        .for_each(|position| descriptor.extend(position.to_le_bytes()));
    descriptor.extend(4_u32.to_le_bytes());
    [10_u64, 20, 40, 50].into_iter().for_each(|id| descriptor.extend(id.to_le_bytes()));
    assert_eq!(encoded, descriptor);
    assert_eq!((shard.range(), shard.survivors()), (sharded.chunks(1..3), sharded.sum.survivors()));

    let sized = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat();
    let chunk = wire_len(&sharded.session, u64::from(sharded.session.chunk_len()));
    let mut wire = vec![0; usize::try_from(2 * chunk).unwrap()];
    sharded.uploads[&ClientId(20)].read(chunk, &mut wire).unwrap();
    let expected = [sized(&descriptor), sized(&[0b0010]), wire].concat();
    assert_eq!(sharded.partial(sharded.chunks(1..3), &[20]).encode(), expected, "one upload's bytes are their own sum");

    let plan = sharded.sum.plan(sharded.chunks(1..3)).unwrap().encode();
    let seeds = 4 + 4;
    assert_eq!(plan.len(), 4 + descriptor.len() + 4 + 33 * seeds);
    assert!(plan.starts_with(&[sized(&descriptor), u32::try_from(seeds).unwrap().to_le_bytes().to_vec()].concat()));

    let root = sharded.work(sharded.chunks(1..3), GROUPS[0]).root().unwrap().encode();
    assert!(root.starts_with(&[sized(&descriptor), 1_u64.to_le_bytes().to_vec(), 2_u32.to_le_bytes().to_vec()].concat()));
    assert_eq!(root.len(), 4 + descriptor.len() + 12 + 2 * 40, "chunks 1 and 2 have no parent of their own");
}

struct Broken;

impl Spool for Broken {
    fn append(&mut self, _: &[u8]) -> Result<(), SpoolError> {
        Err(SpoolError::new("broken"))
    }

    fn read(&self, _: u64, _: &mut [u8]) -> Result<(), SpoolError> {
        Err(SpoolError::new("broken"))
    }
}

fn storage_that_fails_a_worker_names_the_client(masking: Masking) {
    let sharded = Sharded::new(masking, 1, 13);
    let good = &sharded.uploads[&ClientId(10)];
    let shard = sharded.shard(sharded.chunks(1..3));
    for spool in [&Broken as &dyn Spool, &MemorySpool::default()] {
        let error = PartialSum::new(&sharded.session, shard.clone(), &[(ClientId(10), good), (ClientId(40), spool)]).unwrap_err();
        let Error::Environment(EnvironmentError::Spool(text)) = &error else { panic!("{error:?}") };
        assert!(text.starts_with("client 40: "), "{text}");
    }
}

/// A worker opens the file that the server kept, and leaves it where it is.
#[cfg(feature = "std")]
fn a_worker_reads_the_file_of_an_upload(masking: Masking) {
    use veilsum::secagg::upload::FileSpool;

    let (mut plane, directory) = (plane(masking, 1, 13), tempfile::tempdir().unwrap());
    plane.server.sum_in_shards().unwrap();
    let mut paths = BTreeMap::new();
    for id in plane.world.ids().into_iter().filter(|id| *id != DROPPED) {
        let mut upload = plane.upload(id, FileSpool::create(directory.path().join(id.0.to_string())).unwrap());
        plane.accept(&mut upload).unwrap();
        paths.insert(id, upload.into_spool().unwrap().keep());
    }
    let (session, sharded) = (plane.session.clone(), Sharded::new(masking, 1, 13));
    let range = sharded.chunks(1..12);
    let expected = sharded.work(range.clone(), GROUPS[0]).root().unwrap();
    let plan = plane.close().0.plan(range).unwrap();
    let files: Vec<_> = paths.iter().map(|(id, path)| (*id, FileSpool::open(path).unwrap())).collect();
    let uploads: Vec<(ClientId, &dyn Spool)> = files.iter().map(|(id, file)| (*id, file as &dyn Spool)).collect();
    let partial = PartialSum::new(&session, plan.shard().clone(), &uploads).unwrap();
    let sum = partial.unmask(&plan).unwrap();
    assert_eq!(sum.root().unwrap().encode(), expected.encode());
    drop(files);
    assert!(paths.values().all(|path| path.exists()));
}

/// Long shards are read, summed and hashed in steps; the steps leave no seam.
fn a_shard_longer_than_a_step_gives_the_exact_sum(masking: Masking) {
    let len = (3 << 16) + 1000;
    let chunk = if masking == Masking::Pairwise { 1 << 10 } else { 1 << 11 };
    let mut plane = Plane::new(World::masked(3, 4, masking), len, 20, u32::try_from(chunk).unwrap());
    plane.server.sum_in_shards().unwrap();
    let ids = plane.world.ids();
    let mut upload_of = |id: ClientId| {
        let mut upload = plane.upload(id, MemorySpool::default());
        plane.accept(&mut upload).unwrap();
        (id, upload.into_spool().unwrap())
    };
    let spools: Vec<_> = ids.iter().map(|id| upload_of(*id)).collect();
    let uploads: Vec<(ClientId, &dyn Spool)> = spools.iter().map(|(id, spool)| (*id, spool as &dyn Spool)).collect();
    let (session, expected) = (plane.session.clone(), plain_sum(&plane.session, &plane.inputs, &ids));
    let (mut sum, finished) = plane.close();
    let mut roots = Vec::new();
    let seam = (2 << 16) + 3 * chunk;
    for range in [0..chunk, chunk..seam, seam..len] {
        let plan = sum.plan(range.clone()).unwrap();
        let partial = PartialSum::new(&session, plan.shard().clone(), &uploads).unwrap();
        let shard = partial.unmask(&plan).unwrap();
        assert!(words_of(&shard) == expected[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]);
        roots.push(shard.root().unwrap());
    }
    let (outbox, h4) = sum.announce_shards(&roots).unwrap();
    let mut check = finished.into_iter().next().unwrap().check_sum();
    check.update(&expected).unwrap();
    assert_eq!(check.finish(&outbox.message_for(ids[0]).unwrap()).unwrap(), h4);
    // A second announcement with another root would be evidence against an honest server.
    let mut other = roots[0].encode();
    *other.last_mut().unwrap() ^= 1;
    let wrong = [ShardRoot::decode(&other).unwrap(), roots[1].clone(), roots[2].clone()];
    assert_eq!(sum.announce_shards(&wrong).map(|_| ()), Err(InputError::WrongState.into()));
    assert_eq!(sum.announce_shards(&roots).unwrap().1, h4, "the same again is no other");
}
