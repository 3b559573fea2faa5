//! Which masking is recommended, and that it can be built.

use super::{Geometry, LatticeSet, Masking};

#[test]
fn few_clients_or_short_vectors_are_masked_pairwise() {
    for (clients, len) in [(2, 1 << 30), (15, 1 << 30), (1000, (1 << 15) - 1)] {
        assert_eq!(Masking::recommended(clients, len, 20), Masking::Pairwise, "{clients} {len}");
    }
}

#[test]
fn what_is_recommended_is_cautious_fits_and_has_no_more_bytes_than_any_other_cautious_set() {
    for clients in [16, 100, 195, 512, 513, 1000, 4096] {
        for word_bits in [14, 16, 20, 21, 24, 32, 40, 63] {
            let Masking::Lattice(set) = Masking::recommended(clients, 1 << 24, word_bits) else {
                panic!("{clients} {word_bits}")
            };
            let max_abs = ((1 << (word_bits - 1)) - 1) / clients as u64;
            let bytes = |set| Geometry::new(set, clients, max_abs).map(|geometry| geometry.wire_len(1 << 24));
            let least = LatticeSet::CAUTIOUS.into_iter().filter_map(|set| bytes(set).ok()).min().unwrap();
            assert_eq!(bytes(set), Ok(least), "{clients} clients, {word_bits} bits");
        }
    }
}

#[test]
fn words_that_no_lane_holds_and_words_too_narrow_for_the_clients_are_masked_pairwise() {
    assert_eq!(LatticeSet::recommended(100, 1 << 20, 0), None);
    assert_eq!(LatticeSet::recommended(0, 1 << 20, 20), None);
    assert_eq!(LatticeSet::recommended(1000, 1 << 20, 8), None, "127 is less than one for each client");
    assert_eq!(Masking::recommended(1000, 1 << 20, 8), Masking::Pairwise);
}

/// Every code stands for one set, and no other code for any.
#[test]
fn codes_are_those_of_the_specification() {
    let known = [0x01, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17];
    for code in 0..=u8::MAX {
        assert_eq!(Masking::from_code(code).map(Masking::code), known.contains(&code).then_some(code));
    }
}
