//! Shards, plans, partial sums and roots that do not belong together (protocol, section 12.1): refused with the right error, and nothing
//! changes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/plane.rs"]
mod plane;
#[path = "common/sharded.rs"]
mod sharded;

use common::plain_sum;
use plane::Plane;
use sharded::{DROPPED, GROUPS, LEN, Sharded, plane, words_of};
use veilsum::{
    ClientId, DecodeError, Error, InputError,
    secagg::{
        shard::{PartialSum, ShardDescriptor, ShardRoot, UnmaskPlan},
        upload::MemorySpool,
    },
};

fn refused<T>(result: Result<T, Error>, expected: impl Into<Error>) {
    assert_eq!(result.map(|_| ()), Err(expected.into()));
}

#[test]
fn ranges_that_are_no_whole_chunks_are_refused_and_named() {
    let sharded = Sharded::new(1, 13);
    let bad = [
        0..0,
        64..64,
        0..1,
        1..64,
        0..65,
        32..96,
        0..LEN - 1,
        0..LEN + 1,
        0..768,
        LEN..LEN,
        LEN..LEN + 64,
        768..832,
        0..u64::MAX,
        #[allow(clippy::reversed_empty_ranges, reason = "this is what is refused")]
        (128..64),
    ];
    for range in bad {
        let expected = InputError::Range { start: range.start, end: range.end };
        refused(sharded.sum.plan(range.clone()), expected);
        // And as bytes, which a worker might get.
        let mut bytes = sharded.shard(0..64).encode();
        bytes[67..75].copy_from_slice(&range.start.to_le_bytes());
        bytes[75..83].copy_from_slice(&range.end.to_le_bytes());
        refused(sharded.try_partial(ShardDescriptor::decode(&bytes).unwrap(), &[10]), expected);
    }
}

#[test]
fn what_does_not_belong_together_does_not_merge_and_changes_nothing() {
    let (sharded, other) = (Sharded::new(1, 13), Sharded::new(2, 13));
    let mut partial = sharded.partial(64..192, &[10, 20]);
    let before = partial.encode();
    let mut another_h3 = sharded.shard(64..192).encode();
    another_h3[40] ^= 1;
    let mut fewer = sharded.shard(64..192).encode();
    fewer[83] = 3;
    fewer.truncate(fewer.len() - 8);
    let decoded = |bytes: &[u8]| ShardDescriptor::decode(bytes).unwrap();
    for wrong in [
        sharded.partial(64..128, &[40, 50]),
        sharded.partial(128..256, &[40, 50]),
        sharded.try_partial(decoded(&another_h3), &[40, 50]).unwrap(),
        sharded.try_partial(decoded(&fewer), &[40]).unwrap(),
        other.partial(64..192, &[40, 50]),
        sharded.partial(64..192, &[20, 40]),
        sharded.partial(64..192, &[10]),
    ] {
        refused(partial.merge(&wrong), InputError::Shard);
        assert_eq!(partial.encode(), before);
    }
    partial.merge(&sharded.partial(64..192, &[50, 40])).unwrap();
    refused(partial.merge(&sharded.partial(64..192, &[20])), InputError::Shard);
    let sum = partial.unmask(&sharded.sum.plan(64..192).unwrap()).unwrap();
    assert_eq!(words_of(&sum), plain_sum(&sharded.session, &sharded.inputs, sharded.sum.survivors())[64..192]);
}

#[test]
fn an_upload_that_is_no_survivors_or_counted_twice_is_refused() {
    let (sharded, other) = (Sharded::new(1, 13), Sharded::new(2, 13));
    for group in [&[10, 20, 10][..], &[30], &[10, 11], &[10, 10]] {
        refused(sharded.try_partial(sharded.shard(0..64), group), InputError::Shard);
    }
    refused(sharded.try_partial(other.shard(0..64), &[10]), DecodeError::Session);
    refused(PartialSum::decode(&other.session, &sharded.partial(0..64, &[10]).encode()), DecodeError::Session);
    let mut stranger = sharded.shard(0..64).encode();
    let last = stranger.len() - 8;
    stranger[last] = 51;
    let shard = ShardDescriptor::decode(&stranger).unwrap();
    refused(sharded.try_partial(shard, &[10]), InputError::NotInRoster(ClientId(51)));
}

#[test]
fn a_descriptor_of_another_version_or_suite_or_with_survivors_out_of_order_is_refused() {
    let good = Sharded::new(1, 13).shard(0..64).encode();
    let changed = |place: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[place] = byte;
        ShardDescriptor::decode(&bytes)
    };
    refused(changed(0, 1), DecodeError::Version { expected: 2, got: 1 });
    refused(changed(1, 2), DecodeError::Suite { expected: 1, got: 2 });
    // Survivors 10, 20, 40, 50: the second becomes the first once more, and then smaller than it.
    [10, 9].into_iter().for_each(|id| refused(changed(95, id), DecodeError::Order));
    refused(changed(83, 5), DecodeError::Count);
    refused(changed(83, 3), DecodeError::Trailing);
}

#[test]
fn a_plan_unmasks_only_its_own_shard_with_every_survivor_in_it() {
    let (sharded, other) = (Sharded::new(1, 13), Sharded::new(2, 13));
    let plan = sharded.sum.plan(0..128).unwrap();
    let unmask = |partial: PartialSum, plan: &UnmaskPlan| match partial.unmask(plan) {
        Err(failure) => {
            assert_eq!(failure.error, InputError::Shard.into());
            *failure.state.unwrap()
        }
        Ok(_) => panic!("unmasked"),
    };
    for group in [&[][..], &[10], &[10, 20, 40], &[20, 40, 50]] {
        unmask(sharded.partial(0..128, group), &plan);
    }
    let mut whole = sharded.partial(0..128, &[10, 20, 40, 50]);
    for wrong in [other.sum.plan(0..128), sharded.sum.plan(0..64), sharded.sum.plan(0..192), sharded.sum.plan(128..256)] {
        whole = unmask(whole, &wrong.unwrap());
    }
    let sum = whole.unmask(&plan).unwrap();
    assert_eq!(words_of(&sum), plain_sum(&sharded.session, &sharded.inputs, sharded.sum.survivors())[..128]);
}

#[test]
fn shards_that_are_not_the_vector_once_are_not_announced() {
    let (mut sharded, other) = (Sharded::new(1, 13), Sharded::new(2, 13));
    let root = |from: &Sharded, range| from.work(range, GROUPS[0]).root().unwrap();
    let all = |from: &Sharded| [0..64, 64..320, 320..LEN].map(|range| root(from, range));
    let ([a, b, c], [foreign, ..]) = (all(&sharded), all(&other));
    let overlap = root(&sharded, 0..128);
    let mut another_h3 = b.encode();
    another_h3[44] ^= 1;
    let wrong_h3 = ShardRoot::decode(&another_h3).unwrap();
    // The nodes of one shard under the descriptor of another.
    let shard_len = 4 + sharded.shard(0..64).encode().len();
    let swapped = ShardRoot::decode(&[&b.encode()[..shard_len], &a.encode()[shard_len..]].concat()).unwrap();
    let empty = ShardRoot::decode(&[&b.encode()[..shard_len], &1_u64.to_le_bytes(), &[0; 4]].concat()).unwrap();
    // All nodes of the vector, in order, but not each under its own descriptor.
    let wide = root(&sharded, 0..320).encode();
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
#[test]
fn a_shard_of_a_session_with_other_chunks_is_another_sessions() {
    let mut world = Plane::new(4, 3, LEN, 13, 128);
    world.send_all_but(&[]);
    let (mut sum, _) = world.close();
    let foreign = Sharded::new(1, 13).work(0..64, GROUPS[0]).root().unwrap();
    refused(sum.announce_shards(&[foreign]), InputError::Shard);
}

#[test]
fn a_server_says_once_and_before_the_first_input_that_shards_make_the_sum() {
    let mut plane = plane(1, 13);
    plane.send(ClientId(10), MemorySpool::default());
    refused(plane.server.sum_in_shards(), InputError::WrongState);
    plane.send_all_but(&[DROPPED]);
    let (sum, _) = plane.close();
    let mut words = [0_u64; 64];
    sum.read(0, &mut words).unwrap();
}

#[test]
fn a_server_whose_sum_is_made_in_shards_has_none_to_read_or_announce() {
    let mut sharded = Sharded::new(1, 13);
    refused(sharded.sum.read(0, &mut [0_u64; 1]), InputError::WrongState);
    refused(sharded.sum.read(0, &mut [0_u32; 0]), InputError::WrongState);
    refused(sharded.sum.announce(), InputError::WrongState);
}
