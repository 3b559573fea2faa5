//! Whole sessions in memory, everybody honest: the sum is exact, however the vectors are cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use std::collections::BTreeMap;

use common::{
    Feed, Leaves, Record, World,
    masking::{over_both_maskings, wire_len},
    plain_sum, read_all, record, run,
};
use rand::{SeedableRng, rngs::StdRng};
use veilsum::{Bound, ClientId, DecodeError, Error, InputError, Masking, Ring, RoundError, Session, secagg::sum::Sum};

over_both_maskings! {
    a_session_of_five_with_one_dropout_gives_the_exact_sum,
    every_size_from_three_to_twelve_gives_the_exact_sum_with_the_defaults,
    every_word_size_gives_the_exact_sum_from_words_of_either_width,
    every_vector_length_around_a_chunk_boundary_gives_the_exact_sum,
    a_vector_across_the_block_boundary_of_the_mask_generator_gives_the_exact_sum,
    inputs_at_the_bound_sum_to_n_times_the_bound_without_wrapping,
    an_input_in_odd_pieces_and_of_either_width_gives_the_same_bytes_as_at_once,
    an_upload_in_odd_pieces_counts_like_one_at_once,
    every_range_of_the_sum_agrees_with_the_whole,
    a_range_outside_the_vector_is_refused_and_named,
    every_announcement_verifies_and_gives_every_client_the_same_transcript_hash,
    any_changed_word_of_the_sum_is_found_and_nobody_is_blamed,
    a_sum_that_is_not_whole_or_not_announced_to_this_client_is_refused,
    other_randomness_changes_every_message_and_not_the_sum,
    #[cfg(feature = "parallel")]
    every_byte_is_the_same_whatever_the_number_of_threads,
}

/// Runs an honest session with random inputs and checks the whole sum.
fn check_exact(world: &mut World, session: &Session, feed: &Feed) -> Sum {
    let inputs = world.inputs(session);
    let sum = record(world, session, &inputs, feed).sum;
    assert_eq!(sum.survivors(), world.ids());
    assert!(sum.liars().is_empty());
    assert!(read_all(&sum) == plain_sum(session, &inputs, &world.ids()), "wrong sum: {session:?}, {feed:?}");
    sum
}

fn a_session_of_five_with_one_dropout_gives_the_exact_sum(masking: Masking) {
    let mut world = World::masked(5, 1, masking);
    let session = world.builder(200, 20).build().unwrap();
    let inputs = world.inputs(&session);
    let leaves = Leaves::from([(ClientId(30), 2)]);
    let (mut sum, finished) = run(&mut world, &session, &inputs, &leaves).unwrap();
    assert_eq!(sum.survivors(), [10, 20, 40, 50].map(ClientId));
    let words = read_all(&sum);
    assert_eq!(words, plain_sum(&session, &inputs, sum.survivors()));
    let (outbox, h4) = sum.announce().unwrap();
    for (state, (_, announcement)) in finished.into_iter().zip(outbox.messages()) {
        let mut check = state.check_sum();
        check.update(&words[..77]).unwrap();
        check.update(&words[77..]).unwrap();
        assert_eq!(check.finish(&announcement).unwrap(), h4);
    }
}

fn every_size_from_three_to_twelve_gives_the_exact_sum_with_the_defaults(masking: Masking) {
    for n in 3..=12 {
        let mut world = World::masked(n, n, masking);
        let session = world.builder(70, 24).build().unwrap();
        let sum = check_exact(&mut world, &session, &Feed::default());
        assert_eq!(sum.survivors().len() as u64, n);
    }
}

fn every_word_size_gives_the_exact_sum_from_words_of_either_width(masking: Masking) {
    let mut world = World::masked(3, 2, masking);
    for bits in [8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64] {
        let session = world.builder(131, bits).build().unwrap();
        for wide in [false, true] {
            let sum = check_exact(&mut world, &session, &Feed { wide, ..Feed::default() });
            check_narrow_read(&sum);
        }
    }
}

/// `u32` words hold the sum up to 32 bits, and are refused above.
fn check_narrow_read(sum: &Sum) {
    let bits = sum.layout().ring().bits();
    let mut narrow = [0_u32; 131];
    let result = sum.read(0, &mut narrow);
    if bits > 32 {
        assert_eq!(result, Err(InputError::WordWidth(bits).into()));
    } else {
        result.unwrap();
        assert!(read_all(sum).into_iter().eq(narrow.into_iter().map(u64::from)));
    }
}

fn every_vector_length_around_a_chunk_boundary_gives_the_exact_sum(masking: Masking) {
    let mut world = World::masked(3, 3, masking);
    for bits in [13, 35] {
        let chunk = world.block(bits);
        let around = (1..=3).flat_map(|chunks| [chunks * chunk - 1, chunks * chunk, chunks * chunk + 1]);
        for len in [1, 2, 63, 64, 65].into_iter().chain(around) {
            let session = world.builder(len, bits).build().unwrap();
            assert_eq!(u64::from(session.chunk_len()), chunk);
            let sum = check_exact(&mut world, &session, &Feed::default());
            assert_eq!(sum.layout().chunks(), len.div_ceil(chunk));
        }
    }
}

/// `2^20` positions are under one key of the mask generator, or 1024 blocks of 2048 words (protocol, section 11).
fn a_vector_across_the_block_boundary_of_the_mask_generator_gives_the_exact_sum(masking: Masking) {
    let mut world = World::masked(3, 4, masking);
    let (boundary, bits) = if masking == Masking::Pairwise { (1 << 20, 11) } else { (1024 * world.block(20), 20) };
    let session = world.builder(boundary + 200, bits).chunk_len(1 << 16).build().unwrap();
    let inputs = world.inputs(&session);
    let feed = Feed { input: vec![100_003], upload: vec![65_537], ..Feed::default() };
    let sum = record(&mut world, &session, &inputs, &feed).sum;
    let expected = plain_sum(&session, &inputs, &world.ids());
    assert!(read_all(&sum) == expected);
    let mut across = [0_u32; 66];
    sum.read(boundary - 33, &mut across).unwrap();
    let start = usize::try_from(boundary).unwrap() - 33;
    assert!(across.into_iter().map(u64::from).eq(expected[start..start + 66].iter().copied()));
}

fn inputs_at_the_bound_sum_to_n_times_the_bound_without_wrapping(masking: Masking) {
    let mut world = World::masked(3, 5, masking);
    for bits in [8, 16, 32, 33, 64] {
        let session = world.builder(65, bits).build().unwrap();
        let Bound::Exact { max_abs } = session.bound() else { panic!("an exact bound") };
        let ring = Ring::new(bits).unwrap();
        for extreme in [i64::try_from(max_abs).unwrap(), -i64::try_from(max_abs).unwrap()] {
            let inputs: BTreeMap<_, _> = world.ids().into_iter().map(|id| (id, vec![ring.wrap(extreme); 65])).collect();
            let sum = record(&mut world, &session, &inputs, &Feed::default()).sum;
            assert!(read_all(&sum).into_iter().all(|word| ring.centered(word) == 3 * extreme), "{bits} bits");
        }
    }
}

/// The same session from the same seed, fed in another way.
fn replay(masking: Masking, bits: u8, len: u64, feed: &Feed) -> Record {
    let mut world = World::masked(3, 6, masking);
    let session = world.builder(len, bits).build().unwrap();
    let inputs = world.inputs(&session);
    record(&mut world, &session, &inputs, feed)
}

fn an_input_in_odd_pieces_and_of_either_width_gives_the_same_bytes_as_at_once(masking: Masking) {
    let world = World::masked(3, 6, masking);
    for (bits, chunks, rest) in [(13, 8, 5), (8, 4, 44), (33, 8, 5), (64, 2, 1)] {
        let len = chunks * world.block(bits) + rest;
        let (session, whole) = (world.builder(len, bits).build().unwrap(), replay(masking, bits, len, &Feed::default()));
        assert!(whole.wires.values().all(|wire| wire.len() as u64 == wire_len(&session, len)));
        let sizes: [&[usize]; 5] = [&[1], &[1, 2, 3, 5, 7, 11], &[63, 65], &[0, 64], &[130, 1, 127]];
        for (input, wide) in sizes.into_iter().zip([false, true].into_iter().cycle()) {
            let cut = replay(masking, bits, len, &Feed { wide, input: input.to_vec(), ..Feed::default() });
            assert!(cut.wires == whole.wires, "{bits} bits in pieces of {input:?}");
            assert!(cut.messages == whole.messages, "{bits} bits in pieces of {input:?}");
        }
    }
}

fn an_upload_in_odd_pieces_counts_like_one_at_once(masking: Masking) {
    for sizes in [&[1][..], &[0, 1, 2, 3, 5, 7], &[103, 105], &[104], &[208, 1]] {
        let mut world = World::masked(3, 7, masking);
        let session = world.builder(8 * world.block(13) + 5, 13).build().unwrap();
        check_exact(&mut world, &session, &Feed { upload: sizes.to_vec(), ..Feed::default() });
    }
}

fn every_range_of_the_sum_agrees_with_the_whole(masking: Masking) {
    // A sum under lattice masks is unmasked in whole blocks, whatever is read.
    let step = if masking == Masking::Pairwise { 1 } else { 13 };
    for bits in [13, 40] {
        let sum = replay(masking, bits, 131, &Feed::default()).sum;
        let whole = read_all(&sum);
        for start in (0..=131).step_by(step) {
            for end in (start..=131).step_by(step) {
                let mut part = vec![u64::MAX; end - start];
                sum.read(start as u64, &mut part).unwrap();
                assert!(part == whole[start..end], "{start}..{end}");
            }
        }
    }
}

fn a_range_outside_the_vector_is_refused_and_named(masking: Masking) {
    let sum = replay(masking, 13, 131, &Feed::default()).sum;
    for (start, len, end) in [(131, 1, 132), (0, 132, 132), (130, 2, 132), (u64::MAX, 1, u64::MAX), (u64::MAX - 1, 5, u64::MAX)] {
        let mut out = vec![7_u64; len];
        assert_eq!(sum.read(start, &mut out), Err(InputError::Range { start, end }.into()));
        assert!(out.iter().all(|word| *word == 7), "nothing is written");
    }
    assert!(sum.read(132, &mut [0_u64; 0]).is_err(), "even an empty range begins inside");
}

fn every_announcement_verifies_and_gives_every_client_the_same_transcript_hash(masking: Masking) {
    let Record { mut sum, finished, .. } = replay(masking, 13, 131, &Feed::default());
    let words = read_all(&sum);
    let (outbox, h4) = sum.announce().unwrap();
    assert_eq!(outbox.recipients().collect::<Vec<_>>(), sum.survivors());
    for (state, (_, announcement)) in finished.into_iter().zip(outbox.messages()) {
        assert!(state.survivors().eq(sum.survivors().iter().copied()));
        let mut check = state.check_sum();
        common::pieces(&words, &[1, 63, 2, 5]).into_iter().for_each(|piece| check.update(piece).unwrap());
        assert_eq!(check.finish(&announcement).unwrap(), h4);
    }
}

fn any_changed_word_of_the_sum_is_found_and_nobody_is_blamed(masking: Masking) {
    for place in [0, 63, 64, 130] {
        let Record { mut sum, mut finished, .. } = replay(masking, 13, 131, &Feed::default());
        let (outbox, _) = sum.announce().unwrap();
        let mut words = read_all(&sum);
        words[place] ^= 1;
        let (state, (_, announcement)) = (finished.remove(0), outbox.messages().next().unwrap());
        let mut check = state.check_sum();
        check.update(&words).unwrap();
        let failure = check.finish(&announcement).unwrap_err();
        assert_eq!(failure.error, RoundError::SumMismatch.into(), "word {place}");
        assert_eq!(failure.error.culprit(), None);
    }
}

fn a_sum_that_is_not_whole_or_not_announced_to_this_client_is_refused(masking: Masking) {
    let Record { mut sum, finished, .. } = replay(masking, 13, 131, &Feed::default());
    let (outbox, _) = sum.announce().unwrap();
    let words = read_all(&sum);
    let mut checks: Vec<_> = finished.into_iter().map(veilsum::secagg::client::Finished::check_sum).collect();
    assert_eq!(checks[0].update(&[1_u64 << 13]), Err(InputError::WordOutOfRange { position: 0 }.into()));
    checks[0].update(&words[..130]).unwrap();
    assert_eq!(checks[0].update(&words[..2]), Err(InputError::TooManyWords { expected: 1, given: 2 }.into()));
    let own = outbox.message_for(ClientId(10)).unwrap();
    let incomplete = checks.remove(0).finish(&own).unwrap_err();
    assert_eq!(incomplete.error, InputError::Incomplete { missing: 1 }.into());
    checks[0].update(&words).unwrap();
    let other = checks.remove(0).finish(&own).unwrap_err();
    assert_eq!(other.error, Error::Decode(DecodeError::Recipient));
    for (failure, rest, id) in [(incomplete, &words[130..], 10), (other, &[][..], 20)] {
        let mut check = failure.state.expect("no word has to be given again");
        check.update(rest).unwrap();
        check.finish(&outbox.message_for(ClientId(id)).unwrap()).unwrap();
    }
}

/// All bytes of one session, with the announcements, and its sum.
fn whole_record(masking: Masking, seed: u64, len: u64) -> (Vec<Vec<u8>>, Vec<u64>) {
    let mut world = World::masked(4, 8, masking);
    let session = world.builder(len, 21).chunk_len(1 << 14).build().unwrap();
    let inputs = world.inputs(&session);
    world.rng = StdRng::seed_from_u64(seed);
    let Record { mut sum, mut messages, wires, .. } = record(&mut world, &session, &inputs, &Feed::default());
    messages.extend(wires.into_values());
    messages.extend(sum.announce().unwrap().0.messages().map(|(_, message)| message));
    (messages, read_all(&sum))
}

fn other_randomness_changes_every_message_and_not_the_sum(masking: Masking) {
    let (first, again, other) = (whole_record(masking, 1, 100), whole_record(masking, 1, 100), whole_record(masking, 2, 100));
    assert!(first == again, "all randomness is an argument");
    assert_eq!(first.1, other.1);
    assert_eq!(first.0.len(), other.0.len());
    for (place, (one, two)) in first.0.iter().zip(&other.0).enumerate() {
        assert_eq!(one.len(), two.len(), "message {place}");
        assert!(one != two, "message {place}");
    }
}

#[cfg(feature = "parallel")]
fn every_byte_is_the_same_whatever_the_number_of_threads(masking: Masking) {
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| whole_record(masking, 3, 50_000))
    };
    let one = with_threads(1);
    assert!(one == with_threads(3));
    assert!(one == whole_record(masking, 3, 50_000), "nor does the pool matter");
}
