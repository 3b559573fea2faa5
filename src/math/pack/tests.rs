//! The wire form of words, against a reading of section 12 bit by bit that shares no code with the kernels.

use alloc::{vec, vec::Vec};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::{BLOCK, MANY};
use crate::{
    error::DecodeError,
    math::ring::{Lane, Ring, Word},
};

/// Around none, one, two and three blocks, and every length of a tail at least once.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=66).chain(126..=130).chain(190..=194)
}

fn rings() -> impl Iterator<Item = Ring> {
    (2..=64).map(|bits| Ring::new(bits).unwrap())
}

fn rng(ring: Ring) -> StdRng {
    StdRng::seed_from_u64(u64::from(ring.bits()))
}

fn set(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] |= 1 << (bit % 8);
}

/// Section 12. `words` are below `2^bits`.
fn by_the_definition(ring: Ring, words: &[u64]) -> Vec<u8> {
    let bits = usize::from(ring.bits());
    let mut out = vec![0; (words.len() * bits).div_ceil(8)];
    let whole = words.len() / 64 * 64;
    for (place, word) in words.iter().enumerate() {
        for bit in (0..bits).filter(|bit| word >> bit & 1 == 1) {
            let at =
                if place < whole { place / 64 * 64 * bits + bit_of_block(bits, place % 64, bit) } else { place * bits + bit };
            set(&mut out, at);
        }
    }
    out
}

/// Where bit `bit` of word `place` of a block lies within it.
fn bit_of_block(bits: usize, place: usize, bit: usize) -> usize {
    // The field that holds it begins above all larger powers of two in `bits`.
    let (mut below, mut width) = (0, 64);
    while bits & width == 0 || bit >= below + width {
        below += bits & width;
        width /= 2;
    }
    let (plane, bit) = (8 * below * 8, bit - below);
    let per_term = 8 * width;
    if width >= 8 { plane + place * width + bit } else { plane + place % per_term * 8 + place / per_term * width + bit }
}

fn pack<L: Lane>(ring: Ring, words: &[L]) -> Vec<u8> {
    let mut out = Vec::new();
    ring.pack(words, &mut out);
    out
}

fn lanes<L: Lane>(words: &[u64]) -> Vec<L> {
    words.iter().map(|word| L::from_u64(*word)).collect()
}

fn numbers<L: Lane>(words: &[L]) -> Vec<u64> {
    words.iter().map(|word| word.to_u64()).collect()
}

/// Random lanes of all bits.
fn full<L: Lane>(rng: &mut StdRng, len: usize) -> Vec<L> {
    (0..len).map(|_| L::from_u64(rng.next_u64())).collect()
}

/// Runs a check for every ring and every lane that can hold its words.
macro_rules! for_every_ring_and_lane {
    ($check:ident) => {
        for ring in rings() {
            if ring.bits() <= <u32 as Word>::BITS {
                $check::<u32>(ring);
            }
            $check::<u64>(ring);
        }
    };
}

/// Also: what a lane holds above `2^bits` does not reach the wire.
fn packs_as_defined<L: Lane>(ring: Ring) {
    let mut rng = rng(ring);
    for len in lengths() {
        let words = full::<L>(&mut rng, len);
        let reduced: Vec<u64> = words.iter().map(|word| word.to_u64() & ring.max()).collect();
        let expected = by_the_definition(ring, &reduced);
        assert_eq!(pack(ring, &words), expected, "{len} words of {} bits", ring.bits());
        assert_eq!(pack(ring, &lanes::<L>(&reduced)), expected, "{len} words of {} bits", ring.bits());
        assert_eq!(expected.len() as u64, ring.packed_len(len as u64));
    }
}

#[test]
fn every_width_packs_every_length_as_section_12_defines_it_and_nothing_above_the_width() {
    for_every_ring_and_lane!(packs_as_defined);
}

/// One bit at a time, so that no bit hides behind another.
fn every_bit_has_its_place<L: Lane>(ring: Ring) {
    let mut taken = vec![false; 8 * (64 * usize::from(ring.bits()) / 8)];
    for place in 0..BLOCK {
        for bit in 0..usize::from(ring.bits()) {
            let mut words = [L::default(); BLOCK];
            words[place] = L::from_u64(1 << bit);
            let wire = pack(ring, &words);
            let at = bit_of_block(usize::from(ring.bits()), place, bit);
            assert!(wire[at / 8] == 1 << (at % 8) && wire.iter().map(|byte| byte.count_ones()).sum::<u32>() == 1);
            assert!(!core::mem::replace(&mut taken[at], true), "two bits in one place");
        }
    }
    assert!(taken.into_iter().all(|bit| bit));
}

#[test]
fn every_bit_of_a_block_has_a_place_of_its_own() {
    for_every_ring_and_lane!(every_bit_has_its_place);
}

/// Written out by hand: 12 bits are a plane of bytes and a plane of half bytes, of which byte `i` is of words `i` and `i + 32`.
#[test]
fn a_block_of_12_bits_is_a_plane_of_bytes_and_one_of_half_bytes() {
    let words: Vec<u32> = (0..64).map(|word| word << 6 | 0x15).collect();
    let wire = pack(Ring::new(12).unwrap(), &words);
    let (low, high) = wire.split_at(64);
    assert!(low.iter().zip(&words).all(|(byte, word)| u32::from(*byte) == word & 0xff));
    assert_eq!(high.len(), 32);
    for (place, byte) in high.iter().enumerate() {
        assert_eq!(u32::from(*byte), words[place] >> 8 | words[place + 32] >> 8 << 4);
    }
    assert_eq!(pack(Ring::new(12).unwrap(), &[0xabc_u32, 0x123, 0xfff]), [0xbc, 0x3a, 0x12, 0xff, 0x0f]);
}

#[test]
fn words_of_8_16_32_and_64_bits_follow_one_another() {
    let mut rng = StdRng::seed_from_u64(1);
    for width in [1, 2, 4, 8] {
        let ring = Ring::new(8 * width).unwrap();
        let words = full::<u64>(&mut rng, 147);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes().into_iter().take(usize::from(width))).collect();
        assert_eq!(pack(ring, &words), bytes);
    }
}

/// The sum in a lane is that of the whole words, carries above `2^bits` and all.
fn adds<L: Lane>(ring: Ring) {
    let mut rng = rng(ring);
    for len in lengths() {
        let (words, before) = (full::<L>(&mut rng, len), full::<L>(&mut rng, len));
        let wire = pack(ring, &words);
        let reduced = words.iter().map(|word| L::from_u64(word.to_u64() & ring.max()));
        let expected: Vec<u64> = before.iter().zip(reduced).map(|(a, b)| a.wrapping_add(b).to_u64()).collect();
        let mut sum = before.clone();
        ring.add_packed(&wire, &mut sum);
        assert_eq!(numbers(&sum), expected, "{len} words of {} bits", ring.bits());
    }
}

#[test]
fn adding_adds_whole_words() {
    for_every_ring_and_lane!(adds);
}

/// Largest words too: eight of them overflow whatever is too narrow for their sum.
fn many_at_once_are_many_one_by_one<L: Lane>(ring: Ring) {
    let mut rng = rng(ring);
    for len in [0, 1, 63, 64, 65, 130, 200] {
        let wires: [Vec<u8>; MANY] = core::array::from_fn(|k| {
            let words = if len % 2 == 0 && k < 7 { vec![L::from_u64(ring.max()); len] } else { full::<L>(&mut rng, len) };
            pack(ring, &words)
        });
        let before = full::<L>(&mut rng, len);
        let (mut one_by_one, mut at_once) = (before.clone(), before);
        wires.iter().for_each(|wire| ring.add_packed(wire, &mut one_by_one));
        ring.sum_packed(wires.each_ref().map(|wire| &wire[..]), &mut at_once);
        assert_eq!(numbers(&at_once), numbers(&one_by_one), "{len} words of {} bits", ring.bits());
    }
}

#[test]
fn several_vectors_at_once_add_what_they_add_one_by_one() {
    for_every_ring_and_lane!(many_at_once_are_many_one_by_one);
}

fn any_bytes_are_words<L: Lane>(ring: Ring) {
    let mut rng = rng(ring);
    for len in lengths() {
        let mut wire = vec![0; usize::try_from(ring.packed_len(len as u64)).unwrap()];
        rng.fill_bytes(&mut wire);
        let used = len * usize::from(ring.bits()) % 8;
        if let (Some(last), true) = (wire.last_mut(), used != 0) {
            *last &= (1 << used) - 1;
        }
        let mut words = vec![L::default(); len];
        ring.check_packed(&wire, len).unwrap();
        ring.add_packed(&wire, &mut words);
        assert!(words.iter().all(|word| word.to_u64() <= ring.max()));
        assert_eq!(pack(ring, &words), wire, "{len} words of {} bits", ring.bits());
    }
}

#[test]
fn any_bytes_without_padding_are_the_only_form_of_some_words() {
    for_every_ring_and_lane!(any_bytes_are_words);
}

/// Every padding bit, alone and with all others, at both ends of what a tail can be.
fn padding_is_refused<L: Lane>(ring: Ring) {
    let mut rng = rng(ring);
    for len in [1, 2, 3, 5, 7, 63, 65, 67, 127] {
        let wire = pack(ring, &full::<L>(&mut rng, len));
        let used = len * usize::from(ring.bits()) % 8;
        let padding: Vec<u8> = if used == 0 { Vec::new() } else { (used..8).map(|bit| 1 << bit).collect() };
        for bits in padding.iter().copied().chain((!padding.is_empty()).then(|| padding.iter().sum())) {
            let mut bad = wire.clone();
            *bad.last_mut().unwrap() |= bits;
            assert_eq!(ring.check_packed(&bad, len), Err(DecodeError::Padding), "{len} of {ring:?}");
            assert_eq!(ring.check_padding(&bad, len as u64), Err(DecodeError::Padding));
        }
        assert_eq!(ring.check_padding(&wire, len as u64), Ok(()));
    }
}

#[test]
fn a_padding_bit_is_refused() {
    for_every_ring_and_lane!(padding_is_refused);
}

fn wrong_lengths_are_refused(ring: Ring) {
    for len in [0, 1, 63, 64, 65, 130] {
        let wire = vec![0; usize::try_from(ring.packed_len(len as u64)).unwrap() + 1];
        for wrong in [wire.len(), wire.len().saturating_sub(2), 0].into_iter().filter(|wrong| *wrong + 1 != wire.len()) {
            assert_eq!(ring.check_packed(&wire[..wrong], len), Err(DecodeError::Count), "{wrong} for {len}");
        }
    }
}

#[test]
fn bytes_for_another_number_of_words_are_refused() {
    rings().for_each(wrong_lengths_are_refused);
}

/// Section 12: a range that begins and ends at a multiple of 64, or at the end, is packed as if it were the vector.
fn ranges_follow_one_another<L: Lane>(ring: Ring) {
    let words = full::<L>(&mut rng(ring), 64 * 4 + 37);
    let whole = pack(ring, &words);
    for cut in [0, 64, 128, 192, 256] {
        let mut pieces = pack(ring, &words[..cut]);
        ring.pack(&words[cut..], &mut pieces);
        assert_eq!(pieces, whole, "{cut}");
    }
}

#[test]
fn ranges_of_whole_blocks_packed_one_after_another_are_the_whole() {
    for_every_ring_and_lane!(ranges_follow_one_another);
}

#[test]
fn packing_over_old_bytes_leaves_nothing_of_them() {
    for ring in rings() {
        let words = full::<u64>(&mut rng(ring), 64 + 9);
        let mut out = vec![0xff; usize::try_from(ring.packed_len(73)).unwrap()];
        ring.pack_into(&words, &mut out);
        assert_eq!(out, pack(ring, &words), "{ring:?}");
    }
}

#[test]
fn random_lengths_come_back_from_the_wire_in_either_lane() {
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..200 {
        let ring = Ring::new(rng.random_range(2..=32)).unwrap();
        let len = rng.random_range(0..3000);
        let words: Vec<u32> = full(&mut rng, len);
        let wide: Vec<u64> = words.iter().map(|word| u64::from(*word)).collect();
        let wire = pack(ring, &words);
        assert_eq!(pack(ring, &wide), wire);
        let (mut narrow_sum, mut wide_sum) = (vec![0_u32; len], vec![0_u64; len]);
        ring.add_packed(&wire, &mut narrow_sum);
        ring.add_packed(&wire, &mut wide_sum);
        assert_eq!(numbers(&narrow_sum), wide_sum);
        assert!(wide_sum.iter().zip(&wide).all(|(got, word)| *got == word & ring.max()));
    }
}
