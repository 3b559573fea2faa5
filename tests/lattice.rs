//! Sessions with lattice masks: exact sums for every parameter set, read in any way; what such a session refuses; and the traps of a
//! mask that is a ring multiplication: whatever is used twice, revealed or predicted.
//!
//! What holds of both maskings is tested by the scenarios that are played with either ([`common::masking`]).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/plane.rs"]
mod plane;
#[path = "common/rogue.rs"]
mod rogue;

use std::collections::BTreeMap;

use common::{
    Feed, Leaves, Round2, World, mask_in_pieces,
    masking::{LATTICE, WIDE, shape},
    pieces, plain_sum, read_all, run, until_inputs,
};
use plane::Plane;
use rand::{
    Rng, SeedableRng,
    rand_core::{TryCryptoRng, TryRng},
    rngs::StdRng,
};
use veilsum::{
    Bound, ClientId, DecodeError, Error, InputError, LatticeSet, Masking, ParamsError, Ring, RoundError, Session,
    message::MaskedInput,
    secagg::{
        client,
        shard::PartialSum,
        upload::{MemorySpool, Spool},
    },
};

const FIRST: ClientId = ClientId(10);

#[test]
fn every_set_gives_the_exact_sum_with_drop_outs_in_every_round() {
    for set in LatticeSet::ALL {
        let mut world = World::masked(5, 1, Masking::Lattice(set));
        for len in [1, 1000, 40_000] {
            let session = world.builder(len, 16).max_dropouts(2).max_colluders(0).build().unwrap();
            let inputs = world.inputs(&session);
            let ids = world.ids();
            for leaves in [
                Leaves::new(),
                Leaves::from([(ids[1], 2)]),
                Leaves::from([(ids[0], 1), (ids[4], 2)]),
                Leaves::from([(ids[2], 3)]),
            ] {
                let (sum, _) = run(&mut world, &session, &inputs, &leaves).unwrap();
                assert!(read_all(&sum) == plain_sum(&session, &inputs, sum.survivors()), "{set:?} {len} {leaves:?}");
            }
        }
    }
}

/// Four clients with `blocks` blocks of words of `bits` bits and some more words.
fn plane(masking: Masking, bits: u8, blocks: u64) -> Plane {
    Plane::of_chunks(World::masked(4, 1, masking), bits, blocks, 77)
}

#[test]
fn a_sum_is_read_from_any_word_to_any_other_across_blocks() {
    for (masking, bits) in [(LATTICE, 20), (LATTICE, 9), (WIDE, 21)] {
        let mut plane = plane(masking, bits, 5);
        plane.send_all_but(&[]);
        let (expected, block) = (plain_sum(&plane.session, &plane.inputs, &plane.world.ids()), plane.world.block(bits));
        let (sum, _) = plane.close();
        let (block, len) = (usize::try_from(block).unwrap(), expected.len());
        let mut rng = StdRng::seed_from_u64(1);
        let mut place = || usize::try_from(rng.next_u64()).unwrap() % (len + 1);
        let random = (0..40).map(|_| (place(), place())).map(|(a, b)| (a.min(b), a.max(b)));
        let edges =
            [(1, block), (block - 1, block + 1), (block, 3 * block), (block + 1, 3 * block + 1), (2 * block, len), (len, len)];
        for (start, end) in random.chain(edges) {
            let mut words = vec![u64::MAX; end - start];
            sum.read(start as u64, &mut words).unwrap();
            assert!(words == expected[start..end], "{start}..{end} of {bits} bits");
        }
        let mut position = 0;
        for piece in pieces(&expected, &[1, 63, block - 1, 2 * block + 3]) {
            let mut words = vec![0_u32; piece.len()];
            sum.read(position, &mut words).unwrap();
            assert!(words.into_iter().map(u64::from).eq(piece.iter().copied()), "{} words at {position}", piece.len());
            position += piece.len() as u64;
        }
    }
}

#[cfg(feature = "parallel")]
#[test]
fn a_sum_is_the_same_on_any_number_of_threads() {
    let mut plane = plane(LATTICE, 20, 17);
    plane.send_all_but(&[]);
    let expected = plain_sum(&plane.session, &plane.inputs, &plane.world.ids());
    let (sum, _) = plane.close();
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| read_all(&sum)) == expected, "{threads} threads");
        let mut odd = vec![0; expected.len() - 100];
        pool.install(|| sum.read(99, &mut odd)).unwrap();
        assert!(odd == expected[99..expected.len() - 1], "{threads} threads");
    }
}

/// Lanes lie side by side in one integer: at both ends of the range, none may reach into the next.
#[test]
fn words_at_the_ends_of_the_range_leave_their_neighbors_alone() {
    for (masking, bits) in [(LATTICE, 9), (LATTICE, 12), (WIDE, 14), (WIDE, 28)] {
        let world = World::masked(5, 2, masking);
        let session = world.builder(world.block(bits) + 1000, bits).build().unwrap();
        let (Bound::Exact { max_abs }, ring) = (session.bound(), Ring::new(bits).unwrap()) else { panic!("an exact bound") };
        let limit = i64::try_from(max_abs).unwrap();
        // By lane, by coefficient, and by client: all alike, in turn, and all but one.
        let lane = if masking == LATTICE { 2048 } else { 4096 };
        let patterns: [&dyn Fn(u64, u64) -> bool; 5] = [
            &|_, _| true,
            &|_, _| false,
            &|word, _| (word / lane).is_multiple_of(2),
            &|word, client| (word + client) % 2 == 0,
            &|word, client| word % 5 == client,
        ];
        for pattern in patterns {
            let word = |word, client| ring.wrap(if pattern(word, client) { limit } else { -limit });
            let vector = |(client, id)| (id, (0..session.vector_len()).map(|place| word(place, client)).collect());
            let inputs: BTreeMap<ClientId, Vec<u64>> = (0..).zip(world.ids()).map(vector).collect();
            let mut other = World::masked(5, 2, masking);
            let (sum, _) = run(&mut other, &session, &inputs, &Leaves::new()).unwrap();
            assert!(read_all(&sum) == plain_sum(&session, &inputs, sum.survivors()), "{bits} bits");
        }
    }
}

#[test]
fn a_word_beyond_the_bound_is_named_whatever_its_sign_and_never_reaches_the_wire() {
    let mut world = World::masked(3, 3, LATTICE);
    let block = usize::try_from(world.block(20)).unwrap();
    let session = world.builder(2 * block as u64 + 5, 20).build().unwrap();
    let (Bound::Exact { max_abs }, ring) = (session.bound(), Ring::new(20).unwrap()) else { panic!("an exact bound") };
    let limit = i64::try_from(max_abs).unwrap();
    let inputs = world.inputs(&session);
    let Round2 { mut clients, .. } = until_inputs(&mut world, &session);
    let (mut state, words) = (clients.remove(&FIRST).unwrap(), &inputs[&FIRST]);
    let (mut wire, mut given) = (Vec::new(), 0);
    for next in [7, block - 1, block + 1, 2 * block + 5] {
        let before = (wire.clone(), state.remaining());
        for outside in [limit + 1, -limit - 1, i64::from(1 << 19) - 1, -i64::from(1 << 19)] {
            for place in [given, (given + next) / 2, next - 1] {
                let mut bad = words[given..next].to_vec();
                bad[place - given] = ring.wrap(outside);
                let refused = InputError::WordOutOfRange { position: place as u64 };
                assert_eq!(state.mask(&bad, &mut wire), Err(refused.into()), "{outside}");
            }
        }
        assert!((&wire, state.remaining()) == (&before.0, before.1), "nothing is masked");
        state.mask(&words[given..next], &mut wire).unwrap();
        given = next;
    }
    let mut again = World::masked(3, 3, LATTICE);
    again.inputs(&session);
    let mut round = until_inputs(&mut again, &session);
    let honest = mask_in_pieces(round.clients.remove(&FIRST).unwrap(), &session, words, &Feed::default());
    assert!((wire, state.finish().unwrap().1) == (honest.1, honest.2), "refusals leave no trace");
}

/// A client's upload with other bytes, under a header that it signs for them.
fn send_altered(plane: &mut Plane, id: ClientId, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut wire = plane.wires[&id].clone();
    change(&mut wire);
    let root = rogue::root(&plane.session, &wire);
    let identity = plane.world.clients[&id].clone();
    let header = forge::alter_body(&plane.headers[&id], &*identity, |input: &mut MaskedInput| input.root.0 = root);
    let mut upload = plane.server.upload(id, MemorySpool::default()).unwrap();
    upload.write(&wire).unwrap();
    assert!(plane.server.accept(&mut upload, &header).unwrap().fresh);
    wire
}

/// A session in which the first client's upload is spoilt, with the sum and every upload.
fn spoilt(
    bits: u8,
    in_shards: bool,
    change: impl FnOnce(&mut [u8]),
) -> (Session, veilsum::secagg::sum::Sum, Vec<(ClientId, MemorySpool)>) {
    let mut plane = Plane::of_chunks(World::masked(4, 1, WIDE), bits, 3, 77);
    if in_shards {
        plane.server.sum_in_shards().unwrap();
    }
    let ids: Vec<ClientId> = plane.world.ids();
    let first = send_altered(&mut plane, FIRST, change);
    plane.send_all_but(&[]);
    let wires = ids.iter().map(|id| if *id == FIRST { first.clone() } else { plane.wires[id].clone() });
    let spool = |wire: Vec<u8>| {
        let mut spool = MemorySpool::default();
        spool.append(&wire).unwrap();
        spool
    };
    let spools = ids.iter().copied().zip(wires.map(spool)).collect();
    // The spoiler goes silent, for it can not sign for what the others have heard.
    plane.clients.remove(&FIRST);
    let session = plane.session.clone();
    (session, close_without_first(plane), spools)
}

fn close_without_first(plane: Plane) -> veilsum::secagg::sum::Sum {
    let (mut server, outbox) = plane.server.close().unwrap();
    let mut agreed = Vec::new();
    for (id, state) in plane.clients {
        let (state, message) = state.receive(&outbox.message_for(id).unwrap()).unwrap();
        server.receive(&message).unwrap();
        agreed.push((id, state));
    }
    let (mut server, outbox) = server.close().unwrap();
    for (id, state) in agreed {
        server.receive(&state.receive(&outbox.message_for(id).unwrap()).unwrap().1).unwrap();
    }
    server.close().unwrap()
}

/// Bytes of a block of [`WIDE`].
fn block_bytes() -> usize {
    2 * 4096 * 48 / 8
}

fn random_bytes(bytes: &mut [u8]) {
    StdRng::seed_from_u64(9).fill_bytes(bytes);
}

/// One error that is larger than honest clients can make it: half the modulus.
fn one_large_error(bytes: &mut [u8]) {
    // In planes of 64 words, the field of 16 bits comes after the one of 32; its last byte has the top bit.
    bytes[64 * 6 - 1] ^= 0x80;
}

#[test]
fn a_corrupt_block_is_named_wherever_it_is_unmasked_and_the_others_can_be_read() {
    for corrupt in [random_bytes, one_large_error] {
        let (session, mut sum, _) = spoilt(21, false, |wire| corrupt(&mut wire[block_bytes()..2 * block_bytes()]));
        let block = u64::from(session.chunk_len());
        let refused = Err(Error::from(RoundError::CorruptBlock(1)));
        let mut words = vec![7_u64; usize::try_from(block).unwrap()];
        for (position, len) in [(1, words.len()), (block - 1, 2), (block, words.len()), (2 * block - 1, 1), (2 * block - 1, 2)] {
            assert_eq!(sum.read(position, &mut words[..len]), refused, "{len} words at {position}");
        }
        assert_eq!(sum.announce().map(|_| ()), refused);
        for position in [0, 2 * block] {
            sum.read(position, &mut words).unwrap();
        }
        sum.read(3 * block, &mut words[..77]).unwrap();
    }
}

#[test]
fn a_corrupt_block_is_named_by_the_shard_that_has_it_and_by_no_other() {
    let (session, sum, spools) = spoilt(21, true, |wire| random_bytes(&mut wire[block_bytes()..2 * block_bytes()]));
    let block = u64::from(session.chunk_len());
    let uploads: Vec<(ClientId, &dyn Spool)> = spools.iter().map(|(id, spool)| (*id, spool as &dyn Spool)).collect();
    for (range, corrupt) in
        [(0..block, false), (block..2 * block, true), (0..3 * block, true), (2 * block..3 * block + 77, false)]
    {
        let plan = sum.plan(range.clone()).unwrap();
        let shard = PartialSum::new(&session, plan.shard().clone(), &uploads).unwrap().unmask(&plan).unwrap();
        let refused = Err(Error::from(RoundError::CorruptBlock(1)));
        assert_eq!(shard.root().map(|_| ()), if corrupt { refused.clone() } else { Ok(()) }, "{range:?}");
        let mut words = vec![0_u64; usize::try_from(range.end - range.start).unwrap()];
        assert_eq!(shard.read(range.start, &mut words), if corrupt { refused } else { Ok(()) }, "{range:?}");
    }
}

/// One coefficient of 50 bits has seven bytes.
#[test]
fn padding_bits_of_an_upload_change_nothing() {
    let mut plane = Plane::new(World::masked(4, 1, Masking::Lattice(LatticeSet::S50)), 1, 20, 1 << 16);
    let honest = plane.wires[&FIRST].clone();
    assert_eq!((honest.len(), honest[6] & 0xfc), (7, 0));
    send_altered(&mut plane, FIRST, |wire| wire[6] |= 0xfc);
    plane.send_all_but(&[]);
    plane.clients.remove(&FIRST);
    let expected = plain_sum(&plane.session, &plane.inputs, &plane.world.ids());
    assert_eq!(read_all(&close_without_first(plane)), expected);
}

/// Between machines of one server there is one form of a sum only (protocol, sections 2 and 12.1).
#[test]
fn a_partial_sum_with_padding_or_a_residue_that_is_not_reduced_is_refused() {
    let mut plane = Plane::new(World::masked(4, 1, Masking::Lattice(LatticeSet::S50)), 1, 20, 1 << 16);
    plane.server.sum_in_shards().unwrap();
    let (session, wire) = (plane.session.clone(), plane.wires[&FIRST].clone());
    plane.send_all_but(&[]);
    let (sum, _) = plane.close();
    let mut spool = MemorySpool::default();
    spool.append(&wire).unwrap();
    let plan = sum.plan(0..1).unwrap();
    let bytes = PartialSum::new(&session, plan.shard().clone(), &[(FIRST, &spool)]).unwrap().encode();
    let (head, residue) = bytes.split_at(bytes.len() - 7);
    assert_eq!(residue, wire);
    let decoded = |residue: u64| {
        let bytes = [head, &residue.to_le_bytes()[..7]].concat();
        PartialSum::decode(&session, &bytes).map(|partial| assert!(partial.encode() == bytes))
    };
    let prime = 1_125_899_906_826_241;
    for good in [0, 1, prime - 1] {
        assert_eq!(decoded(good), Ok(()), "{good}");
    }
    for bad in [prime, prime + 1, (1 << 50) - 1, 1 << 50, 1 << 55, (1 << 56) - 1] {
        assert_eq!(decoded(bad), Err(DecodeError::Value.into()), "{bad}");
    }
}

#[test]
fn a_session_that_can_not_be_masked_is_refused_and_the_error_names_the_knob() {
    let world = World::masked(5, 4, LATTICE);
    let roster = || world.clients.iter().map(|(id, identity)| (*id, veilsum::Identity::public_key(&**identity)));
    let of = |set, bits, bound| {
        let server = veilsum::Identity::public_key(&*world.server);
        Session::builder(roster(), server, 100_000, bits, bound).masking(Masking::Lattice(set))
    };
    let tail = Bound::Tail { max_sum: 1000, log2: 40 };
    let exact = |max_abs| Bound::Exact { max_abs };
    for set in LatticeSet::ALL {
        assert_eq!(of(set, 24, tail).build().unwrap_err(), ParamsError::LatticeBound);
        // The largest bound that fits is accepted, and the next one is not.
        let holds = shape(set).plain.min(64);
        let most = u64::try_from(((1_u128 << holds) - 1) / 10).unwrap();
        let bits = u8::try_from((holds + 1).min(64)).unwrap();
        assert!(of(set, bits, exact(most)).build().is_ok(), "{set:?}");
        let refused = of(set, 64, exact(most + 1)).build().unwrap_err();
        let width = ParamsError::LatticeWidth { clients: 5, max_abs: most + 1, need: holds + 1, holds };
        assert_eq!(refused, if holds == 64 { refused.clone() } else { width }, "{set:?}");
        let session = of(set, 20, exact(1000)).build().unwrap();
        let block = common::masking::block_of(&session);
        assert!(u64::from(session.chunk_len()).is_multiple_of(block) && session.chunk_len() >= veilsum::DEFAULT_CHUNK_LEN);
        for (chunk_len, good) in [(64, false), (block - 64, false), (block + 64, false), (block, true), (3 * block, true)] {
            let chunk_len = u32::try_from(chunk_len).unwrap();
            let built = of(set, 20, exact(1000)).chunk_len(chunk_len).build();
            assert_eq!(built.map(|_| ()), if good { Ok(()) } else { Err(ParamsError::LatticeChunk { chunk_len, block }) });
        }
    }
}

#[test]
fn a_descriptor_holds_the_set_and_no_other_code_is_read() {
    let world = World::masked(5, 4, LATTICE);
    let session = world.builder(3000, 20).build().unwrap();
    let bytes = session.encode();
    assert_eq!((bytes[3], Session::decode(&bytes).unwrap().masking()), (0x14, LATTICE));
    for code in (0..=255).filter(|code| *code != 0x01 && !(0x11..=0x17).contains(code)) {
        let mut other = bytes.clone();
        other[3] = code;
        assert_eq!(Session::decode(&other).unwrap_err(), DecodeError::Value.into(), "{code:#04x}");
    }
    // Another masking is another session, which has other masks altogether.
    let mut pairwise = bytes;
    pairwise[3] = 0x01;
    assert_ne!(Session::decode(&pairwise).unwrap().id(), session.id());
}

/// A generator of which one request of 64 bytes is answered differently, if any.
struct Altered {
    inner: StdRng,
    requests: Vec<usize>,
    altered: Option<usize>,
}

impl TryRng for Altered {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.inner.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.inner.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.inner.fill_bytes(bytes);
        bytes[0] ^= u8::from(self.altered == Some(self.requests.len()));
        self.requests.push(bytes.len());
        Ok(())
    }
}

impl TryCryptoRng for Altered {}

/// What one client sends in a session that is the same each time, up to one of its random strings and the attempt: adverts, shares and
/// wire bytes. And the requests that joining made.
fn sent_with(masking: Masking, altered: Option<usize>, attempt: u8) -> (Vec<u8>, Vec<u8>, Vec<u8>, Vec<usize>) {
    let mut world = World::masked(3, 5, masking);
    let session = world.builder(3000, 20).attempt([attempt; 16]).build().unwrap();
    let inputs = world.inputs(&session);
    let mut rng = Altered { inner: StdRng::seed_from_u64(6), requests: Vec::new(), altered };
    let me = ClientId(20);
    let (state, advert) = client::join(&session, me, world.clients[&me].clone(), &mut rng).unwrap();
    let requests = rng.requests.clone();
    let mut server = veilsum::secagg::server::CollectingAdverts::new(&session, world.server.clone()).unwrap();
    let mut others = Vec::new();
    server.receive(&advert).unwrap();
    for id in [ClientId(10), ClientId(30)] {
        let (state, message) = world.join(&session, id);
        server.receive(&message).unwrap();
        others.push((id, state));
    }
    let (mut server, outbox) = server.close().unwrap();
    let (state, shares) = state.receive(&outbox.message_for(me).unwrap(), &mut rng).unwrap();
    server.receive(&shares).unwrap();
    for (id, state) in others {
        let (_, message) = state.receive(&outbox.message_for(id).unwrap(), &mut world.rng).unwrap();
        server.receive(&message).unwrap();
    }
    let (_, outbox) = server.close().unwrap();
    let state = state.receive(&outbox.message_for(me).unwrap(), &mut rng).unwrap();
    let (_, wire, _) = mask_in_pieces(state, &session, &inputs[&me], &Feed::default());
    (advert, shares, wire, requests)
}

/// `a - b` modulo the prime of [`LATTICE`], centred.
fn differences(a: &[u8], b: &[u8]) -> Vec<i64> {
    const Q: i64 = 281_474_976_694_273;
    let centred = |x: i64| {
        if x > Q / 2 {
            x - Q
        } else if x < -Q / 2 {
            x + Q
        } else {
            x
        }
    };
    unpack(a).into_iter().zip(unpack(b)).map(|(a, b)| centred(a - b)).collect()
}

/// Residues of 48 bits from their planes: 32 bits and 16 bits of 64 residues, and a tail densely.
fn unpack(wire: &[u8]) -> Vec<i64> {
    let mut residues = Vec::new();
    // A block is on the wire by itself.
    for block in wire.chunks(2048 * 6) {
        let (planes, tail) = block.split_at(block.len() / 384 * 384);
        for plane in planes.chunks(384) {
            let part = |i: usize, from: usize, width: usize| {
                plane[from + i * width..][..width].iter().rev().fold(0, |sum, byte| sum << 8 | i64::from(*byte))
            };
            residues.extend((0..64).map(|i| part(i, 0, 4) | part(i, 256, 2) << 32));
        }
        residues.extend(tail.chunks(6).map(|bytes| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | i64::from(*byte))));
    }
    residues
}

const T: i64 = 1 << 36;

#[test]
fn errors_come_from_randomness_of_their_own_and_nothing_else_does() {
    let (advert, shares, wire, requests) = sent_with(LATTICE, None, 0);
    assert_eq!(requests, [64; 5], "mask root, self secret, channel key, dealings, errors");
    assert_eq!(sent_with(Masking::Pairwise, None, 0).3, [64; 4]);
    let (same_advert, same_shares, other, _) = sent_with(LATTICE, Some(4), 0);
    assert!((&advert, &shares) == (&same_advert, &same_shares), "errors are not of rounds 0 and 1");
    let differences = differences(&wire, &other);
    assert_eq!(differences.len(), 3000);
    // Same key, same words: t (e - e'), which nobody can predict who knows everything but the fifth string.
    assert!(differences.iter().all(|difference| difference % T == 0 && difference.abs() <= 2 * 84 * T));
    let squares = differences.iter().map(|difference| (difference / T).pow(2)).sum::<i64>();
    let (expected, margin) = (3000 * 2 * 41, 3000 * 8);
    assert!((squares - expected).abs() < margin, "two errors of standard deviation 6.4 a coefficient: {squares}");
    let changes = [(true, true), (false, true), (true, false), (false, false)];
    for (string, (changes_advert, changes_wire)) in changes.into_iter().enumerate() {
        let (other_advert, _, other_wire, _) = sent_with(LATTICE, Some(string), 0);
        assert_eq!((other_advert != advert, other_wire != wire), (changes_advert, changes_wire), "string {string}");
    }
}

/// The same client with the same randomness and the same words, in another attempt at the round: neither the public polynomials nor the
/// keys are the same, so nothing is left of the words in the difference.
#[test]
fn another_attempt_has_other_polynomials_keys_and_errors() {
    let (first, second) = (sent_with(LATTICE, None, 0).2, sent_with(LATTICE, None, 1).2);
    let differences = differences(&first, &second);
    let small = |difference: &&i64| (*difference % T).abs() < 1 << 20 || T - (*difference % T).abs() < 1 << 20;
    assert!(differences.iter().filter(small).count() < 10, "as few as chance makes");
    let large = differences.iter().filter(|difference| difference.abs() > 100 * T).count();
    assert!(large > 2500, "{large}");
}
