//! Words and their packing (sections 4 and 12), against the definitions, bit by bit.

use alloc::{vec, vec::Vec};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::{Lane, Ring, Word};
use crate::error::{DecodeError, InputError};

fn rings() -> impl Iterator<Item = Ring> {
    (2..=64).map(|bits| Ring::new(bits).unwrap())
}

/// The words that lie at an edge, and random ones.
fn words(ring: Ring, len: usize) -> Vec<u64> {
    let half = 1 << (ring.bits() - 1);
    let edges = [0, 1, ring.max(), half, half - 1, (half + 1) & ring.max()];
    let mut rng = StdRng::seed_from_u64(u64::from(ring.bits()));
    edges.into_iter().cycle().take(len).map(|edge| if rng.random() { edge } else { rng.next_u64() & ring.max() }).collect()
}

/// Section 12: bit `k` of word `p` is bit `p*b + k` of the stream.
fn pack_bit_by_bit(ring: Ring, words: &[u64]) -> Vec<u8> {
    let bits = usize::from(ring.bits());
    let mut out = vec![0; (words.len() * bits).div_ceil(8)];
    for (place, word) in words.iter().enumerate() {
        for bit in (0..bits).filter(|bit| word >> bit & 1 == 1) {
            let at = place * bits + bit;
            out[at / 8] |= 1 << (at % 8);
        }
    }
    out
}

fn pack<W: Word>(ring: Ring, words: &[W]) -> Vec<u8> {
    let mut out = Vec::new();
    ring.pack(words, &mut out);
    out
}

fn unpack(ring: Ring, bytes: &[u8], count: usize) -> Result<Vec<u64>, DecodeError> {
    let mut out = vec![0; count];
    ring.unpack(bytes, count, |place, word| out[place] = word)?;
    Ok(out)
}

#[test]
fn a_ring_has_2_to_64_bits() {
    for bits in 0..=u8::MAX {
        assert_eq!(Ring::new(bits).map(Ring::bits), (2..=64).contains(&bits).then_some(bits), "{bits}");
    }
}

#[test]
fn wrapping_and_centring_are_the_residues_of_section_4() {
    for ring in rings() {
        let modulus = 1_i128 << ring.bits();
        assert_eq!(i128::from(ring.max()), modulus - 1);
        for word in words(ring, 40) {
            let value = i128::from(word);
            let centred = if value < modulus / 2 { value } else { value - modulus };
            assert_eq!(i128::from(ring.centered(word)), centred, "{word} of {} bits", ring.bits());
            assert_eq!(ring.wrap(ring.centered(word)), word, "{} bits", ring.bits());
        }
        for integer in [0, 1, -1, 2, -2, i64::MAX, i64::MIN, 0x0123_4567_89ab_cdef, -0x0123_4567_89ab_cdef] {
            let residue = i128::from(integer).rem_euclid(modulus);
            assert_eq!(i128::from(ring.wrap(integer)), residue, "{integer} of {} bits", ring.bits());
        }
    }
}

#[test]
fn packed_words_are_the_bits_in_order_and_come_back() {
    for ring in rings() {
        for count in (0..=17).chain([63, 64, 65, 200]) {
            let words = words(ring, count);
            let packed = pack(ring, &words);
            assert_eq!(packed, pack_bit_by_bit(ring, &words), "{count} of {} bits", ring.bits());
            assert_eq!(packed.len() as u64, ring.packed_len(count as u64));
            assert_eq!(unpack(ring, &packed, count), Ok(words), "{count} of {} bits", ring.bits());
        }
    }
}

#[test]
fn words_of_32_bits_are_packed_like_those_of_64() {
    for ring in rings().take_while(|ring| ring.bits() <= 32) {
        let wide = words(ring, 70);
        let narrow: Vec<u32> = wide.iter().map(|word| u32::try_from(*word).unwrap()).collect();
        assert_eq!(pack(ring, &narrow), pack(ring, &wide), "{} bits", ring.bits());
    }
}

/// Chunks are packed one after another and laid end to end.
#[test]
fn runs_of_a_multiple_of_64_words_can_be_packed_alone() {
    for ring in rings() {
        let words = words(ring, 64 * 3 + 5);
        let mut pieces = vec![0xee];
        words.chunks(64).for_each(|run| ring.pack(run, &mut pieces));
        let whole = [&[0xee][..], &pack(ring, &words)].concat();
        assert_eq!(pieces, whole, "{} bits", ring.bits());
    }
}

#[test]
fn the_worked_example_of_three_bits() {
    // 1, 2, 7, 4: from the lowest bit 100 010 111 001, so 11010001 and 00001001.
    let ring = Ring::new(3).unwrap();
    assert_eq!(pack(ring, &[1_u32, 2, 7, 4]), [0b1101_0001, 0b0000_1001]);
    assert_eq!(unpack(ring, &[0b1101_0001, 0b0000_1001], 4), Ok(vec![1, 2, 7, 4]));
}

#[test]
fn each_word_is_handed_out_once_in_order_with_its_place() {
    let mut handed = Vec::new();
    Ring::new(12).unwrap().unpack(&[0x01, 0x20, 0x00, 0x03, 0x00], 3, |place, word| handed.push((place, word))).unwrap();
    assert_eq!(handed, [(0, 1), (1, 2), (2, 3)]);
}

#[test]
fn another_length_than_that_of_the_words_is_refused() {
    for ring in rings() {
        for count in 0..=9 {
            let packed = pack(ring, &words(ring, count));
            let longer = [&packed[..], &[0]].concat();
            assert_eq!(unpack(ring, &longer, count), Err(DecodeError::Count), "{count} of {} bits", ring.bits());
            if let Some((_, shorter)) = packed.split_last() {
                assert_eq!(unpack(ring, shorter, count), Err(DecodeError::Count), "{count} of {} bits", ring.bits());
            }
        }
    }
}

#[test]
fn every_set_padding_bit_is_refused_and_no_other() {
    for ring in rings() {
        for count in 1..=9 {
            let packed = pack(ring, &words(ring, count));
            let used = count * usize::from(ring.bits());
            for bit in used..packed.len() * 8 {
                let mut changed = packed.clone();
                changed[bit / 8] |= 1 << (bit % 8);
                assert_eq!(unpack(ring, &changed, count), Err(DecodeError::Padding), "bit {bit} of {count} words");
                assert_eq!(ring.check_padding(&changed, count as u64), Err(DecodeError::Padding));
            }
            let full = pack(ring, &vec![ring.max(); count]);
            assert_eq!(ring.check_padding(&full, count as u64), Ok(()), "{count} of {} bits", ring.bits());
        }
    }
}

/// Every word against every bound, decided with signed integers.
#[test]
fn the_range_check_is_that_of_the_centred_value() {
    for bits in 2..=7 {
        let ring = Ring::new(bits).unwrap();
        for max_abs in 0..=2 * ring.max() + 1 {
            for word in 0..=2 * ring.max() + 1 {
                let good = word <= ring.max() && ring.centered(word).unsigned_abs() <= max_abs;
                let expected = if good { Ok(()) } else { Err(InputError::WordOutOfRange { position: 7 }) };
                assert_eq!(ring.check(&[word], Some(max_abs), 7), expected, "{word} within {max_abs} of {bits} bits");
            }
        }
    }
}

#[test]
fn the_range_check_holds_at_the_edges_of_every_ring() {
    for ring in rings() {
        let half = 1_u64 << (ring.bits() - 1);
        for max_abs in [1, half / 2, half - 1, half, u64::MAX] {
            let edge = max_abs.min(half - 1);
            let minus = |magnitude: u64| magnitude.wrapping_neg() & ring.max();
            for word in [0, edge, minus(edge), half, half - 1, edge.saturating_add(1) & ring.max(), minus(edge + 1)] {
                let good = ring.centered(word).unsigned_abs() <= max_abs;
                assert_eq!(ring.check(&[word], Some(max_abs), 0).is_ok(), good, "{word} within {max_abs}, {} bits", ring.bits());
            }
        }
        assert_eq!(ring.check(&words(ring, 50), None, 0), Ok(()));
        if let Some(above) = ring.max().checked_add(1) {
            assert!(ring.check(&[above], None, 0).is_err(), "{} bits", ring.bits());
            assert!(ring.check(&[u64::MAX], None, 0).is_err(), "{} bits", ring.bits());
        }
    }
}

#[test]
fn the_first_word_out_of_range_is_named_by_its_position_in_the_vector() {
    let ring = Ring::new(20).unwrap();
    let mut words = vec![1_u32; 30];
    words[29] = 1 << 20;
    assert_eq!(ring.check(&words, None, 1 << 40), Err(InputError::WordOutOfRange { position: (1 << 40) + 29 }));
    words[11] = 3;
    assert_eq!(ring.check(&words, Some(2), 64), Err(InputError::WordOutOfRange { position: 75 }));
    assert_eq!(ring.check(&words[..11], Some(2), 64), Ok(()));
}

#[test]
fn lanes_wrap_and_read_little_endian() {
    assert_eq!(<u32 as Lane>::from_le_slice(&[1, 2, 3, 4]), 0x0403_0201);
    assert_eq!(<u64 as Lane>::from_le_slice(&[1, 2, 3, 4, 5, 6, 7, 8]), 0x0807_0605_0403_0201);
    assert_eq!((<u32 as Lane>::BYTES, <u64 as Lane>::BYTES), (4, 8));
    assert_eq!(Lane::wrapping_add(u32::MAX, 2), 1);
    assert_eq!(Lane::wrapping_sub(1_u64, 2), u64::MAX);
    assert_eq!((u32::from_u64(u64::MAX - 1).to_u64(), u64::from_u64(5)), (u64::from(u32::MAX - 1), 5));
}
