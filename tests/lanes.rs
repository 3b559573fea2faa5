//! One client's vector masked in pieces, in lanes and on threads: the bytes on the wire and the signed root never depend on how.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use std::collections::BTreeMap;

use common::{
    Feed, Round2, World, agree_and_reveal, mask_in_pieces, masking::over_both_maskings, pieces, plain_sum, read_all, until_inputs,
};
use veilsum::{
    ClientId, Error, InputError, Masking, Session,
    secagg::{
        client::{AwaitingSurvivors, Lane, MaskingInput},
        upload::MemorySpool,
    },
};

over_both_maskings! {
    any_number_of_lanes_gives_the_bytes_and_the_header_of_none,
    no_lanes_asked_for_is_one_lane,
    lanes_on_threads_give_the_same_bytes,
    #[cfg(feature = "parallel")]
    the_bytes_do_not_depend_on_threads_nor_on_the_pieces_they_get,
    lanes_after_some_words_begin_where_those_end,
    lanes_are_refused_inside_a_chunk_and_nothing_changes,
    what_is_lent_is_not_lent_again,
    what_is_lent_can_not_be_masked_here,
    a_lane_of_another_client_is_refused_and_given_back,
    a_lane_of_the_same_client_in_another_run_is_refused,
    an_incomplete_lane_is_refused_with_what_is_missing_and_given_back,
    finishing_with_lanes_missing_says_how_much_and_gives_the_state_back,
    a_lane_refuses_bad_words_by_their_place_in_the_whole_vector,
    a_session_of_clients_with_lanes_gives_the_exact_sum,
}

/// `modulus_bits`, `vector_len`, `chunk_len`.
type Shape = (u8, u64, u32);

/// Round 2 of a session that is the same every time.
fn start(masking: Masking, (bits, len, chunk_len): Shape) -> (Session, BTreeMap<ClientId, Vec<u64>>, Round2) {
    let mut world = World::masked(3, 1, masking);
    let session = world.builder(len, bits).chunk_len(chunk_len).build().unwrap();
    let inputs = world.inputs(&session);
    let round = until_inputs(&mut world, &session);
    (session, inputs, round)
}

/// The middle client, whose masks have both signs, and its input.
fn client(masking: Masking, shape: Shape) -> (MaskingInput, Vec<u64>) {
    let (_, mut inputs, mut round) = start(masking, shape);
    (round.clients.remove(&ClientId(20)).unwrap(), inputs.remove(&ClientId(20)).unwrap())
}

/// Wire bytes and header without any lane.
fn unsplit(masking: Masking, shape: Shape) -> (Vec<u8>, Vec<u8>) {
    let (session, inputs, mut round) = start(masking, shape);
    let state = round.clients.remove(&ClientId(20)).unwrap();
    let (_, wire, header) = mask_in_pieces(state, &session, &inputs[&ClientId(20)], &Feed::default());
    (wire, header)
}

/// Gives a lane its words in pieces of these sizes, and puts the bytes where they belong.
fn mask_lane(lane: &mut Lane, input: &[u64], sizes: &[usize], upload: &mut [u8]) {
    let (range, mut wire) = (lane.range(), Vec::new());
    let words = &input[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
    pieces(words, sizes).into_iter().for_each(|piece| lane.mask(piece, &mut wire).unwrap());
    assert_eq!(lane.remaining(), 0);
    let offset = usize::try_from(lane.wire_offset()).unwrap();
    upload[offset..offset + wire.len()].copy_from_slice(&wire);
}

fn join_all(state: &mut MaskingInput, lanes: impl IntoIterator<Item = Lane>) {
    lanes.into_iter().for_each(|lane| state.join(lane).unwrap());
}

fn finish(state: MaskingInput) -> (AwaitingSurvivors, Vec<u8>) {
    state.finish().unwrap()
}

/// The lanes cover `start..len` once, in order, in whole chunks.
fn check_cut(lanes: &[Lane], start: u64, (_, len, chunk_len): Shape, count: usize) {
    let chunks = (len - start).div_ceil(u64::from(chunk_len));
    assert!(lanes.len() <= count.max(1) && lanes.len() as u64 <= chunks);
    assert!(count as u64 > chunks || lanes.len() >= count.div_ceil(2), "{count} lanes over {chunks} chunks: {}", lanes.len());
    let mut next = start;
    for lane in lanes {
        let range = lane.range();
        assert!(range.start == next && range.end > next);
        assert!(range.start.is_multiple_of(u64::from(chunk_len)));
        assert!(range.end.is_multiple_of(u64::from(chunk_len)) || range.end == len);
        assert_eq!(lane.remaining(), range.end - range.start);
        next = range.end;
    }
    assert_eq!(next, len);
}

/// Seven chunks and 5 words; six chunks; chunks of two blocks, with 40 words after the last whole block; less than a chunk.
fn shapes(masking: Masking) -> [Shape; 4] {
    let block = |bits| World::masked(3, 1, masking).block(bits);
    let shape = |bits, len: u64, chunk: u64| (bits, len, u32::try_from(chunk).unwrap());
    [
        shape(13, block(13) * 7 + 5, block(13)),
        shape(33, block(33) * 6, block(33)),
        shape(20, block(20) * 15 + 40, 2 * block(20)),
        shape(64, 50, block(64)),
    ]
}

/// A shape, and its dimensions as sizes in memory.
fn shape(masking: Masking, place: usize) -> (Shape, usize, usize) {
    let shape = shapes(masking)[place];
    (shape, usize::try_from(shape.1).unwrap(), shape.2 as usize)
}

fn any_number_of_lanes_gives_the_bytes_and_the_header_of_none(masking: Masking) {
    for shape in shapes(masking) {
        let (wire, header) = unsplit(masking, shape);
        for count in 1..=9 {
            let (mut state, input) = client(masking, shape);
            let mut lanes = state.lanes(count).unwrap();
            check_cut(&lanes, 0, shape, count);
            assert_eq!(state.remaining(), 0, "all of the vector is lent");
            let mut upload = vec![0; wire.len()];
            let sizes: &[usize] = [&[][..], &[1], &[7, 64, 3], &[63, 65], &[128]][count % 5];
            // From the back, so that no lane leans on the one before it.
            lanes.iter_mut().rev().for_each(|lane| mask_lane(lane, &input, sizes, &mut upload));
            let turn = count % lanes.len();
            lanes.rotate_left(turn);
            if count % 2 == 0 {
                lanes.reverse();
            }
            join_all(&mut state, lanes);
            assert!(upload == wire, "{shape:?} in {count} lanes");
            assert_eq!(finish(state).1, header, "{shape:?} in {count} lanes");
        }
    }
}

fn no_lanes_asked_for_is_one_lane(masking: Masking) {
    let shape = shapes(masking)[0];
    let (mut state, _) = client(masking, shape);
    check_cut(&state.lanes(0).unwrap(), 0, shape, 1);
    let (mut state, _) = client(masking, shape);
    assert_eq!(state.lanes(usize::MAX).unwrap().len(), 8, "one for each chunk");
}

/// Six lanes over four blocks of the mask generator, each on a thread of its own, and then one after another.
fn lanes_on_threads_give_the_same_bytes(masking: Masking) {
    let shape = (9, (3 << 18) + 777, 1 << 15);
    let (wire, header) = unsplit(masking, shape);
    let (mut state, input) = client(masking, shape);
    let lanes = state.lanes(6).unwrap();
    assert_eq!(lanes.len(), 5, "chunks are not cut for a sixth");
    let mask = |mut lane: Lane| {
        let (range, mut wire) = (lane.range(), Vec::new());
        let words = &input[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        pieces(words, &[50_001]).into_iter().for_each(|piece| lane.mask(piece, &mut wire).unwrap());
        (lane, wire)
    };
    let done: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = lanes.into_iter().map(|lane| scope.spawn(|| mask(lane))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(done.iter().flat_map(|(_, wire)| wire).eq(&wire));
    join_all(&mut state, done.into_iter().map(|(lane, _)| lane));
    assert_eq!(finish(state).1, header);
}

#[cfg(feature = "parallel")]
fn the_bytes_do_not_depend_on_threads_nor_on_the_pieces_they_get(masking: Masking) {
    let (shape, block) = ((17, (1 << 20) + 20_000, 1 << 14), 1 << 20);
    let (wire, header) = unsplit(masking, shape);
    for (threads, sizes) in [(1, &[0][..]), (2, &[8191, 8193]), (3, &[block - 1, 1, 70]), (3, &[100_001])] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let sizes = if sizes == [0] { &[] } else { sizes };
        let (mut state, input) = client(masking, shape);
        let (mut out, mut upload) = (Vec::new(), Vec::new());
        pool.install(|| {
            for piece in pieces(&input, sizes) {
                state.mask(piece, &mut out).unwrap();
                upload.append(&mut out);
            }
        });
        assert!(upload == wire, "{threads} threads, pieces of {sizes:?}");
        assert_eq!(finish(state).1, header);
    }
}

fn lanes_after_some_words_begin_where_those_end(masking: Masking) {
    let (shape, len, chunk) = shape(masking, 0);
    let (wire, header) = unsplit(masking, shape);
    for given in (0..=7 * chunk).step_by(chunk).chain([len]) {
        let (mut state, input) = client(masking, shape);
        let mut upload = Vec::new();
        state.mask(&input[..given], &mut upload).unwrap();
        let mut lanes = state.lanes(3).unwrap();
        check_cut(&lanes, given as u64, shape, 3);
        upload.resize(wire.len(), 0);
        lanes.iter_mut().for_each(|lane| mask_lane(lane, &input, &[10], &mut upload));
        join_all(&mut state, lanes);
        assert!(upload == wire, "after {given} words");
        assert_eq!(finish(state).1, header, "after {given} words");
    }
}

fn lanes_are_refused_inside_a_chunk_and_nothing_changes(masking: Masking) {
    let (shape, len, chunk) = shape(masking, 2);
    let (wire, header) = unsplit(masking, shape);
    let (mut state, input) = client(masking, shape);
    let (mut upload, mut given, block) = (Vec::new(), 0, chunk / 2);
    for next in [1, block - 1, block, block + 1, chunk - 1, chunk + 1, 3 * block, 2 * chunk - 1, len - 1] {
        state.mask(&input[given..next], &mut upload).unwrap();
        given = next;
        let refused = InputError::Range { start: next as u64, end: len as u64 };
        assert_eq!(state.lanes(2).map(|lanes| lanes.len()), Err(refused.into()));
        assert_eq!(state.remaining(), (len - next) as u64);
    }
    state.mask(&input[given..], &mut upload).unwrap();
    assert!(upload == wire);
    assert_eq!(finish(state).1, header);
}

/// Two lanes over the same positions would put one mask on two vectors.
fn what_is_lent_is_not_lent_again(masking: Masking) {
    let (shape, _, chunk) = shape(masking, 2);
    let bytes = unsplit(masking, shape).0.len();
    for given in [0, chunk] {
        let (mut state, input) = client(masking, shape);
        state.mask(&input[..given], &mut Vec::new()).unwrap();
        let mut lanes = state.lanes(3).unwrap();
        for count in [1, 3] {
            assert!(state.lanes(count).unwrap().is_empty(), "{given} words given, {count} more lanes");
        }
        let mut upload = vec![0; bytes];
        lanes.iter_mut().for_each(|lane| mask_lane(lane, &input, &[], &mut upload));
        join_all(&mut state, lanes);
        assert!(state.lanes(2).unwrap().is_empty(), "not even when all are back");
        finish(state);
    }
}

fn what_is_lent_can_not_be_masked_here(masking: Masking) {
    let (mut state, input) = client(masking, shapes(masking)[2]);
    let (missing, lanes) = (state.remaining(), state.lanes(2).unwrap());
    let mut wire = Vec::new();
    assert_eq!(state.mask(&input[..1], &mut wire), Err(InputError::TooManyWords { expected: 0, given: 1 }.into()));
    drop(lanes);
    assert_eq!(state.mask(&input[..1], &mut wire), Err(InputError::TooManyWords { expected: 0, given: 1 }.into()));
    assert!(wire.is_empty());
    assert_eq!(state.finish().unwrap_err().error, InputError::Incomplete { missing }.into(), "a lane that is lost is lost");
}

fn a_lane_of_another_client_is_refused_and_given_back(masking: Masking) {
    let shape = shapes(masking)[2];
    let (_, inputs, mut round) = start(masking, shape);
    let (bytes, header) = unsplit(masking, shape);
    let mut own = round.clients.remove(&ClientId(20)).unwrap();
    let mut other = round.clients.remove(&ClientId(10)).unwrap();
    let (mut own_lanes, mut other_lanes) = (own.lanes(2).unwrap(), other.lanes(2).unwrap());
    let mut upload = vec![0; bytes.len()];
    own_lanes.iter_mut().for_each(|lane| mask_lane(lane, &inputs[&ClientId(20)], &[], &mut upload));
    other_lanes.iter_mut().for_each(|lane| mask_lane(lane, &inputs[&ClientId(10)], &[], &mut upload));
    let failure = own.join(other_lanes.remove(0)).unwrap_err();
    assert_eq!(failure.error, InputError::WrongState.into());
    join_all(&mut own, own_lanes);
    assert_eq!(finish(own).1, header);
    join_all(&mut other, other_lanes.into_iter().chain(failure.state.map(|lane| *lane)));
    finish(other);
}

/// The same client in the same session, run a second time: its lanes are equal in every byte, and still not this state's.
fn a_lane_of_the_same_client_in_another_run_is_refused(masking: Masking) {
    let shape = shapes(masking)[0];
    let ((mut first, input), (mut second, _)) = (client(masking, shape), client(masking, shape));
    let (_first_lanes, mut second_lanes) = (first.lanes(1).unwrap(), second.lanes(1).unwrap());
    mask_lane(&mut second_lanes[0], &input, &[], &mut unsplit(masking, shape).0);
    assert_eq!(first.join(second_lanes.remove(0)).unwrap_err().error, InputError::WrongState.into());
}

fn an_incomplete_lane_is_refused_with_what_is_missing_and_given_back(masking: Masking) {
    let (shape, len, chunk) = shape(masking, 0);
    let (wire, header) = unsplit(masking, shape);
    let (mut state, input) = client(masking, shape);
    let mut lane = state.lanes(1).unwrap().remove(0);
    let (mut upload, mut given) = (Vec::new(), 0);
    for next in [0, 1, chunk - 1, chunk, chunk + 1, 6 * chunk + 16, len - 1] {
        lane.mask(&input[given..next], &mut upload).unwrap();
        given = next;
        let failure = state.join(lane).unwrap_err();
        assert_eq!(failure.error, InputError::Incomplete { missing: (len - next) as u64 }.into());
        lane = *failure.state.unwrap();
    }
    lane.mask(&input[given..], &mut upload).unwrap();
    join_all(&mut state, [lane]);
    assert!(upload == wire);
    assert_eq!(finish(state).1, header);
}

fn finishing_with_lanes_missing_says_how_much_and_gives_the_state_back(masking: Masking) {
    let shape = shapes(masking)[0];
    let (mut wire, header) = unsplit(masking, shape);
    let (mut state, input) = client(masking, shape);
    let mut lanes = state.lanes(4).unwrap();
    lanes.iter_mut().for_each(|lane| mask_lane(lane, &input, &[], &mut wire));
    let mut missing = shape.1;
    // The last first: what is joined does not begin at the beginning.
    for lane in lanes.into_iter().rev() {
        let failure = state.finish().unwrap_err();
        assert_eq!(failure.error, InputError::Incomplete { missing }.into());
        state = *failure.state.unwrap();
        missing -= lane.range().end - lane.range().start;
        join_all(&mut state, [lane]);
    }
    assert_eq!(missing, 0);
    assert_eq!(finish(state).1, header);
}

fn a_lane_refuses_bad_words_by_their_place_in_the_whole_vector(masking: Masking) {
    let (mut state, input) = client(masking, shapes(masking)[2]);
    let mut lane = state.lanes(2).unwrap().remove(1);
    let (start, mut wire) = (lane.range().start, Vec::new());
    let first = usize::try_from(start).unwrap();
    lane.mask(&input[first..first + 70], &mut wire).unwrap();
    let before = (wire.clone(), lane.remaining());
    let (left, zeros) = (lane.remaining(), vec![0; usize::try_from(lane.remaining()).unwrap() + 1]);
    let refusals: [(&[u64], Error); 3] = [
        (&[0, 0, 1 << 20], InputError::WordOutOfRange { position: start + 72 }.into()),
        (&[1 << 19], InputError::WordOutOfRange { position: start + 70 }.into()),
        (&zeros, InputError::TooManyWords { expected: left, given: left + 1 }.into()),
    ];
    for (words, refusal) in refusals {
        assert_eq!(lane.mask(words, &mut wire), Err(refusal));
        assert_eq!((&wire, lane.remaining()), (&before.0, before.1), "nothing is masked");
    }
    let (mut state, _) = client(masking, shapes(masking)[1]);
    let refused = state.lanes(1).unwrap()[0].mask(&[0_u32], &mut wire);
    assert_eq!(refused, Err(InputError::WordWidth(33).into()));
}

fn a_session_of_clients_with_lanes_gives_the_exact_sum(masking: Masking) {
    let (session, inputs, Round2 { mut server, clients, .. }) = start(masking, shapes(masking)[0]);
    let mut sent = BTreeMap::new();
    for (count, (id, mut state)) in (2..).zip(clients) {
        let mut bytes = vec![0; usize::try_from(state.layout().wire_len(&(0..session.vector_len()))).unwrap()];
        let mut lanes = state.lanes(count).unwrap();
        lanes.iter_mut().for_each(|lane| mask_lane(lane, &inputs[&id], &[33], &mut bytes));
        join_all(&mut state, lanes);
        let (state, header) = finish(state);
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        upload.write(&bytes).unwrap();
        server.accept(&mut upload, &header).unwrap();
        sent.insert(id, state);
    }
    let (sum, _) = agree_and_reveal(server, sent, &mut Vec::new());
    assert!(read_all(&sum) == plain_sum(&session, &inputs, &[10, 20, 30].map(ClientId)));
}
