//! Words and their range (section 4), against the definitions.

use alloc::{vec, vec::Vec};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::{Lane, Ring, Word};
use crate::error::InputError;

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
    let (mut narrow, mut wide) = ([1_u32, u32::MAX], [0_u64]);
    <u32 as Lane>::combine::<false>(&mut narrow, &[1, 2, 3, 4, 2, 0, 0, 0, 9]);
    <u64 as Lane>::combine::<true>(&mut wide, &[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!((narrow, wide), ([0x0403_0202, 1], [0x0807_0605_0403_0201_u64.wrapping_neg()]));
    assert_eq!((<u32 as Lane>::BYTES, <u64 as Lane>::BYTES), (4, 8));
    assert_eq!(Lane::wrapping_add(u32::MAX, 2), 1);
    assert_eq!((u32::from_u64(u64::MAX - 1).to_u64(), u64::from_u64(5)), (u64::from(u32::MAX - 1), 5));
}
