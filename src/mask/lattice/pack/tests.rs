//! How coefficients are cut into limbs, for every geometry.

use alloc::vec::Vec;

use super::*;

/// All lane widths of all sets.
fn geometries() -> Vec<Geometry> {
    let bounds = |set, clients| (0..62).filter_map(move |bits| Geometry::new(set, clients, (1 << bits) + (1 << bits >> 1)).ok());
    let clients = [2, 3, 195, 600, 4096];
    LatticeSet::ALL.into_iter().flat_map(|set| clients.into_iter().flat_map(move |clients| bounds(set, clients))).collect()
}

#[test]
fn every_bit_of_every_lane_has_a_place_and_no_limb_is_too_large() {
    let geometries = geometries();
    assert!(geometries.len() > 500);
    for geometry in geometries {
        let (plan, w) = (Plan::new(geometry), geometry.word_bits());
        let mut used = [0_u64; MAX_LIMBS];
        for lane in 0..geometry.lanes() {
            let mut next = w * u32::try_from(lane).unwrap();
            for piece in plan.pieces(lane).into_iter().flatten() {
                // The bits of a word whose bits are all set.
                let bits = (u64::MAX >> (64 - w) >> piece.drop & piece.keep) << piece.shift;
                assert_eq!(plan.starts()[piece.limb] + piece.shift, next, "{geometry:?}");
                assert_eq!(used[piece.limb] & bits, 0, "{geometry:?}");
                used[piece.limb] |= bits;
                next += bits.count_ones();
            }
            assert_eq!(next, w * u32::try_from(lane + 1).unwrap(), "{geometry:?}");
        }
        let (limb, shift) = plan.error();
        assert_eq!(plan.starts()[limb] + shift, geometry.plain_bits(), "{geometry:?}");
        assert_eq!(used[limb] >> shift, 0, "{geometry:?}");
        used[limb] |= ((1 << error::BITS) - 1) << shift;
        assert!(used.iter().all(|bits| bits >> SCALE == 0), "{geometry:?}");
        assert!(used[0] >> (geometry.set().prime_bits() + 13) == 0, "the first is not multiplied: {geometry:?}");
        assert!(plan.starts().is_sorted() && plan.starts()[0] == 0);
    }
}

#[test]
fn a_field_is_read_wherever_it_lies_in_the_limbs() {
    // Limbs of 52 bits of the integer whose bit k is set if k^2 mod 7 is 1 or 2.
    let bit = |k: u32| u64::from([1, 2].contains(&(k * k % 7)));
    let limb = |start: u32| (0..SCALE).fold(0, |limb, k| limb | bit(start + k) << k);
    let limbs = [limb(0), limb(52), limb(104), limb(156)];
    for bits in 1..=64 {
        for start in 0..=208 - bits {
            let mut out = [0];
            Field::new(start, bits).read(&limbs, 1, &mut out, |out, value| *out = value);
            assert_eq!(out[0], (0..bits).fold(0, |value, k| value | bit(start + k) << k), "{bits} at {start}");
        }
    }
}
