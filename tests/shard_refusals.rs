//! Shards, plans, partial sums and roots that do not belong together (protocol, section 12.1): refused with the right error, and nothing
//! changes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/plane.rs"]
mod plane;
#[path = "common/sharded.rs"]
mod sharded;

use common::{World, masking::over_both_maskings, plain_sum};
use plane::Plane;
use sharded::{DROPPED, GROUPS, Sharded, plane, words_of};
use veilsum::{
    ClientId, DecodeError, Error, InputError, Masking, PROTOCOL_VERSION,
    secagg::{
        shard::{PartialSum, ShardDescriptor, ShardRoot, UnmaskPlan},
        upload::MemorySpool,
    },
};

over_both_maskings! {
    ranges_that_are_no_whole_chunks_are_refused_and_named,
    what_does_not_belong_together_does_not_merge_and_changes_nothing,
    an_upload_that_is_no_survivors_or_counted_twice_is_refused,
    a_descriptor_of_another_version_or_suite_or_with_survivors_out_of_order_is_refused,
    a_plan_unmasks_only_its_own_shard_with_every_survivor_in_it,
    shards_that_are_not_the_vector_once_are_not_announced,
    a_shard_of_a_session_with_other_chunks_is_another_sessions,
    a_server_says_once_and_before_the_first_input_that_shards_make_the_sum,
    a_server_whose_sum_is_made_in_shards_has_none_to_read_or_announce,
}

fn refused<T>(result: Result<T, Error>, expected: impl Into<Error>) {
    assert_eq!(result.map(|_| ()), Err(expected.into()));
}

fn ranges_that_are_no_whole_chunks_are_refused_and_named(masking: Masking) {
    let sharded = Sharded::new(masking, 1, 13);
    let (chunk, len) = (u64::from(sharded.session.chunk_len()), sharded.session.vector_len());
    let bad = [
        0..0,
        chunk..chunk,
        0..1,
        1..chunk,
        0..chunk + 1,
        chunk / 2..3 * chunk / 2,
        0..len - 1,
        0..len + 1,
        0..12 * chunk,
        len..len,
        len..len + chunk,
        12 * chunk..13 * chunk,
        0..u64::MAX,
        #[allow(clippy::reversed_empty_ranges, reason = "this is what is refused")]
        (2 * chunk..chunk),
    ];
    for range in bad {
        let expected = InputError::Range { start: range.start, end: range.end };
        refused(sharded.sum.plan(range.clone()), expected);
        // And as bytes, which a worker might get.
        let mut bytes = sharded.shard(sharded.chunks(0..1)).encode();
        bytes[67..75].copy_from_slice(&range.start.to_le_bytes());
        bytes[75..83].copy_from_slice(&range.end.to_le_bytes());
        refused(sharded.try_partial(ShardDescriptor::decode(&bytes).unwrap(), &[10]), expected);
    }
}

fn what_does_not_belong_together_does_not_merge_and_changes_nothing(masking: Masking) {
    let (sharded, other) = (Sharded::new(masking, 1, 13), Sharded::new(masking, 2, 13));
    let chunk = sharded.session.chunk_len() as usize;
    let mut partial = sharded.partial(sharded.chunks(1..3), &[10, 20]);
    let before = partial.encode();
    let mut another_h3 = sharded.shard(sharded.chunks(1..3)).encode();
    another_h3[40] ^= 1;
    let mut fewer = sharded.shard(sharded.chunks(1..3)).encode();
    fewer[83] = 3;
    fewer.truncate(fewer.len() - 8);
    let decoded = |bytes: &[u8]| ShardDescriptor::decode(bytes).unwrap();
    for wrong in [
        sharded.partial(sharded.chunks(1..2), &[40, 50]),
        sharded.partial(sharded.chunks(2..4), &[40, 50]),
        sharded.try_partial(decoded(&another_h3), &[40, 50]).unwrap(),
        sharded.try_partial(decoded(&fewer), &[40]).unwrap(),
        other.partial(sharded.chunks(1..3), &[40, 50]),
        sharded.partial(sharded.chunks(1..3), &[20, 40]),
        sharded.partial(sharded.chunks(1..3), &[10]),
    ] {
        refused(partial.merge(&wrong), InputError::Shard);
        assert_eq!(partial.encode(), before);
    }
    partial.merge(&sharded.partial(sharded.chunks(1..3), &[50, 40])).unwrap();
    refused(partial.merge(&sharded.partial(sharded.chunks(1..3), &[20])), InputError::Shard);
    let sum = partial.unmask(&sharded.sum.plan(sharded.chunks(1..3)).unwrap()).unwrap();
    assert_eq!(words_of(&sum), plain_sum(&sharded.session, &sharded.inputs, sharded.sum.survivors())[chunk..3 * chunk]);
}

fn an_upload_that_is_no_survivors_or_counted_twice_is_refused(masking: Masking) {
    let (sharded, other) = (Sharded::new(masking, 1, 13), Sharded::new(masking, 2, 13));
    for group in [&[10, 20, 10][..], &[30], &[10, 11], &[10, 10]] {
        refused(sharded.try_partial(sharded.shard(sharded.chunks(0..1)), group), InputError::Shard);
    }
    refused(sharded.try_partial(other.shard(other.chunks(0..1)), &[10]), DecodeError::Session);
    refused(PartialSum::decode(&other.session, &sharded.partial(sharded.chunks(0..1), &[10]).encode()), DecodeError::Session);
    let mut stranger = sharded.shard(sharded.chunks(0..1)).encode();
    let last = stranger.len() - 8;
    stranger[last] = 51;
    let shard = ShardDescriptor::decode(&stranger).unwrap();
    refused(sharded.try_partial(shard, &[10]), InputError::NotInRoster(ClientId(51)));
}

fn a_descriptor_of_another_version_or_suite_or_with_survivors_out_of_order_is_refused(masking: Masking) {
    let sharded = Sharded::new(masking, 1, 13);
    let good = sharded.shard(sharded.chunks(0..1)).encode();
    let changed = |place: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[place] = byte;
        ShardDescriptor::decode(&bytes)
    };
    refused(changed(0, 1), DecodeError::Version { expected: PROTOCOL_VERSION, got: 1 });
    refused(changed(1, 2), DecodeError::Suite { expected: 1, got: 2 });
    // Survivors 10, 20, 40, 50: the second becomes the first once more, and then smaller than it.
    [10, 9].into_iter().for_each(|id| refused(changed(95, id), DecodeError::Order));
    refused(changed(83, 5), DecodeError::Count);
    refused(changed(83, 3), DecodeError::Trailing);
}

fn a_plan_unmasks_only_its_own_shard_with_every_survivor_in_it(masking: Masking) {
    let (sharded, other) = (Sharded::new(masking, 1, 13), Sharded::new(masking, 2, 13));
    let chunk = sharded.session.chunk_len() as usize;
    let plan = sharded.sum.plan(sharded.chunks(0..2)).unwrap();
    let unmask = |partial: PartialSum, plan: &UnmaskPlan| match partial.unmask(plan) {
        Err(failure) => {
            assert_eq!(failure.error, InputError::Shard.into());
            *failure.state.unwrap()
        }
        Ok(_) => panic!("unmasked"),
    };
    for group in [&[][..], &[10], &[10, 20, 40], &[20, 40, 50]] {
        unmask(sharded.partial(sharded.chunks(0..2), group), &plan);
    }
    let mut whole = sharded.partial(sharded.chunks(0..2), &[10, 20, 40, 50]);
    for wrong in [
        other.sum.plan(sharded.chunks(0..2)),
        sharded.sum.plan(sharded.chunks(0..1)),
        sharded.sum.plan(sharded.chunks(0..3)),
        sharded.sum.plan(sharded.chunks(2..4)),
    ] {
        whole = unmask(whole, &wrong.unwrap());
    }
    let sum = whole.unmask(&plan).unwrap();
    assert_eq!(words_of(&sum), plain_sum(&sharded.session, &sharded.inputs, sharded.sum.survivors())[..2 * chunk]);
}

fn shards_that_are_not_the_vector_once_are_not_announced(masking: Masking) {
    let (mut sharded, other) = (Sharded::new(masking, 1, 13), Sharded::new(masking, 2, 13));
    let root = |from: &Sharded, chunks| from.work(from.chunks(chunks), GROUPS[0]).root().unwrap();
    let all = |from: &Sharded| [0..1, 1..5, 5..12].map(|chunks| root(from, chunks));
    let ([a, b, c], [foreign, ..]) = (all(&sharded), all(&other));
    let overlap = root(&sharded, 0..2);
    let mut another_h3 = b.encode();
    another_h3[44] ^= 1;
    let wrong_h3 = ShardRoot::decode(&another_h3).unwrap();
    // The nodes of one shard under the descriptor of another.
    let shard_len = 4 + sharded.shard(sharded.chunks(0..1)).encode().len();
    let swapped = ShardRoot::decode(&[&b.encode()[..shard_len], &a.encode()[shard_len..]].concat()).unwrap();
    let empty = ShardRoot::decode(&[&b.encode()[..shard_len], &1_u64.to_le_bytes(), &[0; 4]].concat()).unwrap();
    // All nodes of the vector, in order, but not each under its own descriptor.
    let wide = root(&sharded, 0..5).encode();
    let greedy = ShardRoot::decode(&[&a.encode()[..shard_len], &wide[shard_len..]].concat()).unwrap();
    let idle = ShardRoot::decode(&[&b.encode()[..shard_len], &5_u64.to_le_bytes(), &[0; 4]].concat()).unwrap();
    let sets: [&[&ShardRoot]; 15] = [
        &[],
        &[&a],
        &[&a, &b],
        &[&b, &c],
        &[&a, &c],
        &[&a, &b, &b, &c],
        &[&a, &b, &c, &c],
        &[&a, &a, &b, &c],
        &[&overlap, &b, &c],
        &[&a, &overlap, &b, &c],
        &[&foreign, &b, &c],
        &[&a, &wrong_h3, &c],
        &[&a, &swapped, &c],
        &[&a, &empty, &c],
        &[&greedy, &idle, &c],
    ];
    for (place, set) in sets.into_iter().enumerate() {
        let roots: Vec<ShardRoot> = set.iter().map(|root| (*root).clone()).collect();
        assert_eq!(sharded.sum.announce_shards(&roots).map(|_| ()), Err(InputError::Shard.into()), "set {place}");
    }
    sharded.sum.announce_shards(&[c, a, b]).unwrap();
}

/// The shards of a session with shorter chunks, which are none of this one's.
fn a_shard_of_a_session_with_other_chunks_is_another_sessions(masking: Masking) {
    let sharded = Sharded::new(masking, 1, 13);
    let (len, chunk_len) = (sharded.session.vector_len(), 2 * sharded.session.chunk_len());
    let mut plane = Plane::new(World::masked(4, 3, masking), len, 13, chunk_len);
    plane.send_all_but(&[]);
    let (mut sum, _) = plane.close();
    let foreign = sharded.work(sharded.chunks(0..1), GROUPS[0]).root().unwrap();
    refused(sum.announce_shards(&[foreign]), InputError::Shard);
}

fn a_server_says_once_and_before_the_first_input_that_shards_make_the_sum(masking: Masking) {
    let mut plane = plane(masking, 1, 13);
    plane.send(ClientId(10), MemorySpool::default());
    refused(plane.server.sum_in_shards(), InputError::WrongState);
    plane.send_all_but(&[DROPPED]);
    let (sum, _) = plane.close();
    let mut words = [0_u64; 64];
    sum.read(0, &mut words).unwrap();
}

fn a_server_whose_sum_is_made_in_shards_has_none_to_read_or_announce(masking: Masking) {
    let mut sharded = Sharded::new(masking, 1, 13);
    refused(sharded.sum.read(0, &mut [0_u64; 1]), InputError::WrongState);
    refused(sharded.sum.read(0, &mut [0_u32; 0]), InputError::WrongState);
    refused(sharded.sum.announce(), InputError::WrongState);
}
