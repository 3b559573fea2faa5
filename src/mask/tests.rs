//! Masks over ranges of positions, against one keystream word at a time (section 11), and sums of masked ranges.

use alloc::{vec, vec::Vec};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::{
    Accumulator, Layout, Masks,
    pairwise::{self, BlockKeys, PIECE_LEN},
};
use crate::{
    crypto::{
        prg::{BLOCK_LEN, Stream},
        secret::Secret,
        sign::{Identity, SigningIdentity},
    },
    error::{ClientId, DecodeError, EnvironmentError, Error, InputError},
    math::ring::{Lane, Ring},
    session::{Bound, Session, SessionId},
};

const SESSION: SessionId = SessionId([9; 32]);

/// A self mask, and pair masks of either sign.
const TERMS: [(u8, bool); 4] = [(1, false), (2, false), (3, true), (4, true)];

fn seed(byte: u8) -> Secret<32> {
    Secret::take(&mut [byte; 32])
}

fn masks() -> pairwise::Masks {
    let mut masks = pairwise::Masks::with_capacity(SESSION, TERMS.len());
    TERMS.iter().for_each(|(byte, negative)| masks.push(&seed(*byte), *negative));
    masks
}

/// `sum of +-PRG(seed)[p]` for each position, every keystream word asked for alone.
fn words_alone<L: Lane>(positions: core::ops::Range<u64>) -> Vec<u64> {
    let streams: Vec<_> = TERMS.iter().map(|(byte, negative)| (Stream::new(SESSION, &seed(*byte)), *negative)).collect();
    let mut keys: Vec<_> = streams.iter().map(|(stream, negative)| (u64::MAX, stream.key(u64::MAX), stream, *negative)).collect();
    let mut word = |position: u64| {
        let mut word = [L::default()];
        for (block, key, stream, negative) in &mut keys {
            if *block != position / BLOCK_LEN {
                (*block, *key) = (position / BLOCK_LEN, stream.key(position / BLOCK_LEN));
            }
            key.apply(position % BLOCK_LEN, &mut word, *negative);
        }
        word[0].to_u64()
    };
    positions.map(&mut word).collect()
}

fn add<L: Lane>(masks: &pairwise::Masks, position: u64, len: usize, keys: &mut Option<BlockKeys>) -> Vec<u64> {
    let mut words = vec![L::default(); len];
    masks.add_to(position, &mut words, keys);
    words.into_iter().map(L::to_u64).collect()
}

/// Runs on a pool of so many threads, where there are threads.
fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "parallel")]
    return rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
    #[cfg(not(feature = "parallel"))]
    return (run(), threads).0;
}

/// Ranges around the ends of a piece and of a block of positions; the last is far out.
const RANGES: [(u64, usize); 6] = [
    (0, 3 * PIECE_LEN + 5),
    (64, PIECE_LEN),
    (BLOCK_LEN - 70, 140),
    (BLOCK_LEN - PIECE_LEN as u64, 2 * PIECE_LEN + 1),
    (3 * BLOCK_LEN - 1, 2),
    ((1 << 40) - 200, 200),
];

fn ranges_equal_words_alone<L: Lane>() {
    let masks = masks();
    for (position, len) in RANGES {
        let alone = words_alone::<L>(position..position + len as u64);
        for threads in 1..=3 {
            let range = with_threads(threads, || add::<L>(&masks, position, len, &mut None));
            assert!(range == alone, "{len} words at {position} on {threads} threads");
        }
    }
}

#[test]
fn a_range_of_masks_is_its_words_one_by_one_on_any_number_of_threads() {
    ranges_equal_words_alone::<u32>();
    ranges_equal_words_alone::<u64>();
}

/// The keys that are kept are those of one block: going back and forth between blocks must not use them for another.
fn cuts_equal_the_whole<L: Lane>() {
    let (masks, mut rng) = (masks(), StdRng::seed_from_u64(1));
    let (position, len) = (BLOCK_LEN - 3000, 6000);
    let whole = add::<L>(&masks, position, len, &mut None);
    for _ in 0..20 {
        let mut cuts: Vec<usize> = (0..6).map(|_| rng.random_range(0..=len)).chain([0, len]).collect();
        cuts.sort_unstable();
        let (mut keys, mut words) = (None, vec![0; len]);
        for piece in [5, 0, 3, 6, 1, 4, 2] {
            let (start, end) = (cuts[piece], cuts[piece + 1]);
            words[start..end].copy_from_slice(&add::<L>(&masks, position + start as u64, end - start, &mut keys));
        }
        assert!(words == whole, "{cuts:?}");
    }
}

#[test]
fn masks_do_not_depend_on_how_a_range_is_cut_nor_on_the_order() {
    cuts_equal_the_whole::<u32>();
    cuts_equal_the_whole::<u64>();
}

/// `len` random words of `ring`.
fn random_words(ring: Ring, len: usize) -> Vec<u64> {
    let mut rng = StdRng::seed_from_u64(u64::from(ring.bits()));
    (0..len).map(|_| rng.next_u64() & ring.max()).collect()
}

fn masked_by_hand(ring: Ring, position: u64, words: &[u64]) -> Vec<u64> {
    let end = position + words.len() as u64;
    let masks = if ring.bits() <= 32 { words_alone::<u32>(position..end) } else { words_alone::<u64>(position..end) };
    words.iter().zip(masks).map(|(word, mask)| word.wrapping_add(mask) & ring.max()).collect()
}

fn packed(ring: Ring, words: &[u64]) -> Vec<u8> {
    let mut wire = Vec::new();
    ring.pack(words, &mut wire);
    wire
}

#[test]
fn masking_gives_the_packed_sum_of_word_and_mask_on_any_number_of_threads() {
    let masks = masks();
    for bits in [2, 13, 20, 32, 33, 48, 64] {
        let ring = Ring::new(bits).unwrap();
        for (position, len) in [(0, 65), (BLOCK_LEN - 64, 200), (BLOCK_LEN - 2 * PIECE_LEN as u64, 3 * PIECE_LEN + 7)] {
            let words = random_words(ring, len);
            let expected = packed(ring, &masked_by_hand(ring, position, &words));
            for threads in 1..=3 {
                let mut wire = vec![0xff; expected.len()];
                with_threads(threads, || masks.mask(ring, position, &words, &mut None, &mut wire));
                assert!(wire == expected, "{len} words of {bits} bits at {position} on {threads} threads");
            }
            if bits <= 32 {
                let narrow: Vec<u32> = words.iter().map(|word| u32::try_from(*word).unwrap()).collect();
                let mut wire = vec![0xff; expected.len()];
                masks.mask(ring, position, &narrow, &mut None, &mut wire);
                assert!(wire == expected, "{bits} bits from u32");
            }
        }
    }
}

/// A range of five pieces and a tail, from `START` on.
const START: u64 = 4 * PIECE_LEN as u64;
const SUM_LEN: usize = 5 * PIECE_LEN + 21;

fn no_masks() -> Masks {
    Masks::Pairwise(pairwise::Masks::with_capacity(SESSION, 0))
}

fn read_plain(sum: &Accumulator, position: u64, len: usize) -> Vec<u64> {
    let mut words = vec![0_u64; len];
    sum.read(position, &no_masks(), 0, &mut words).unwrap();
    words
}

#[test]
fn a_sum_of_ranges_in_any_order_is_the_sum_of_the_words() {
    for bits in [7, 32, 33, 64] {
        let ring = Ring::new(bits).unwrap();
        let range = START..START + SUM_LEN as u64;
        let (words, other) = (random_words(ring, SUM_LEN), random_words(ring, 2 * SUM_LEN).split_off(SUM_LEN));
        let mut sum = Accumulator::new(&Layout::of(ring), &range).unwrap();
        sum.add_wire(&range, &packed(ring, &words)).unwrap();
        for (start, end) in [(3 * PIECE_LEN, SUM_LEN), (0, 64), (64, 3 * PIECE_LEN)] {
            let part = START + start as u64..START + end as u64;
            sum.add_wire(&part, &packed(ring, &other[start..end])).unwrap();
        }
        let expected: Vec<u64> = words.iter().zip(&other).map(|(a, b)| a.wrapping_add(*b) & ring.max()).collect();
        assert!(read_plain(&sum, START, SUM_LEN) == expected, "{bits} bits");
        let mut wire = Vec::new();
        sum.pack(&mut wire);
        assert!(wire == packed(ring, &expected), "{bits} bits");
    }
}

#[test]
fn a_sum_is_read_less_its_masks_over_any_range() {
    for bits in [20, 50] {
        let ring = Ring::new(bits).unwrap();
        let (position, len) = (BLOCK_LEN - 128, 300);
        let range = position..position + len as u64;
        let words = random_words(ring, len);
        let mut sum = Accumulator::new(&Layout::of(ring), &range).unwrap();
        sum.add_wire(&range, &packed(ring, &masked_by_hand(ring, position, &words))).unwrap();
        let mut inverse = Masks::with_capacity(SESSION, &Layout::of(ring), TERMS.len());
        TERMS.iter().for_each(|(byte, negative)| inverse.push(&seed(*byte), !negative));
        for (start, end) in [(0, len), (0, 1), (127, 129), (65, 64 + 200), (len - 1, len), (5, 5)] {
            let mut out = vec![u64::MAX; end - start];
            sum.read(position + start as u64, &inverse, 0, &mut out).unwrap();
            assert_eq!(out, words[start..end], "{start}..{end}");
        }
    }
}

#[test]
fn what_lies_outside_a_sum_or_is_not_as_long_is_refused_and_adds_nothing() {
    let ring = Ring::new(13).unwrap();
    let range = START..START + SUM_LEN as u64;
    let words = random_words(ring, SUM_LEN);
    let mut sum = Accumulator::new(&Layout::of(ring), &range).unwrap();
    sum.add_wire(&range, &packed(ring, &words)).unwrap();
    let whole = packed(ring, &words);
    let end = range.end;
    for outside in [START - 64..end - 64, START + 64..end + 64, 0..SUM_LEN as u64, u64::MAX - SUM_LEN as u64..u64::MAX] {
        assert_eq!(sum.add_wire(&outside, &whole), Err(DecodeError::Count), "{outside:?}");
    }
    let mut padded = whole.clone();
    *padded.last_mut().unwrap() |= 0x80;
    assert_eq!(sum.add_wire(&range, &padded), Err(DecodeError::Padding));
    assert_eq!(sum.add_wire(&range, &whole[..whole.len() - 1]), Err(DecodeError::Count));
    assert_eq!(sum.add_wire(&(START..START + 64), &whole), Err(DecodeError::Count));
    for (position, len) in [(START - 1, 2), (end - 1, 2), (end + 1, 0), (u64::MAX, 1), (0, 1)] {
        let refused = sum.read(position, &no_masks(), 0, &mut vec![0_u64; len]);
        assert!(matches!(refused, Err(Error::Input(InputError::Range { .. }))), "{len} at {position}");
    }
    assert!(read_plain(&sum, START, SUM_LEN) == words);
}

#[test]
fn only_sums_over_the_same_range_and_lane_merge() {
    let ring = |bits| Ring::new(bits).unwrap();
    let words = random_words(ring(20), 200);
    let sum = |bits, range: core::ops::Range<u64>| {
        let mut sum = Accumulator::new(&Layout::of(ring(bits)), &range).unwrap();
        let wire = packed(ring(bits), &words[..usize::try_from(range.end - range.start).unwrap()]);
        sum.add_wire(&range, &wire).unwrap();
        sum
    };
    let mut first = sum(20, 64..264);
    for other in [sum(20, 0..200), sum(20, 64..128), sum(40, 64..264)] {
        assert!(first.merge(&other).is_none());
    }
    assert!(read_plain(&first, 64, 200) == words, "nothing was added");
    first.merge(&sum(20, 64..264)).unwrap();
    assert!(read_plain(&first, 64, 200).iter().zip(&words).all(|(got, word)| *got == (2 * word) & ring(20).max()));
}

#[test]
fn a_sum_that_does_not_fit_into_memory_is_an_error_that_says_how_long_it_is() {
    for (bits, words) in [(32, 1 << 62), (33, 1 << 61), (64, u64::MAX)] {
        let refused = Accumulator::new(&Layout::of(Ring::new(bits).unwrap()), &(0..words)).map(|_| ());
        assert_eq!(refused, Err(EnvironmentError::Memory { words }));
    }
}

#[test]
fn a_layout_knows_where_chunks_begin_and_how_long_they_are_on_the_wire() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut identity = || SigningIdentity::generate(&mut rng).unwrap().public_key();
    let roster: Vec<_> = (1..=3).map(|id| (ClientId(id), identity())).collect();
    let session = Session::builder(roster, identity(), 300, 13, Bound::Exact { max_abs: 5 }).chunk_len(128).build().unwrap();
    let layout = Layout::new(&session);
    assert_eq!((layout.chunks(), layout.alignment(), layout.max_abs()), (3, 64, Some(5)));
    assert_eq!([0, 1, 2, 3, u64::MAX].map(|chunk| layout.chunk(chunk)), [0..128, 128..256, 256..300, 300..300, 300..300]);
    assert_eq!([0..128, 128..256, 256..300, 0..300].map(|range| layout.wire_len(&range)), [208, 208, 72, 488]);
    let begins = |position| layout.chunk_at(position);
    assert_eq!([0, 128, 256, 300].map(begins), [Some(0), Some(1), Some(2), Some(3)]);
    assert!([1, 64, 127, 129, 299, 301, 384, u64::MAX].map(begins).into_iter().all(|chunk| chunk.is_none()));
}
