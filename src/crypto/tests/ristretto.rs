//! ristretto255: the vectors of RFC 9496, appendix A, through the decoders of this crate.

use alloc::{vec, vec::Vec};

use curve25519_dalek::{RistrettoPoint, Scalar};
use serde_json::Value;

use super::{hex_array, hex_vec};
use crate::{
    crypto::vss::{Commitments, Share, second_generator_table},
    error::DecodeError,
};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/data/ristretto255_rfc9496.json")).unwrap()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// A.1: the generator times 0 to 15.
#[test]
fn multiples_of_the_generator_encode_and_decode() {
    let vectors = vectors();
    let multiples = strings(&vectors["multiples"]);
    assert_eq!(multiples.len(), 16);
    for (factor, text) in (0_u64..).zip(multiples) {
        let (factor, encoding) = (Scalar::from(factor), hex_array(text));
        assert_eq!(RistrettoPoint::mul_base(&factor).compress().to_bytes(), encoding, "{factor:?}");
        // As a commitment with the blinding zero it opens to its factor, and to nothing else.
        let commitments = Commitments::decode(&[encoding]).unwrap();
        assert!(commitments.opens(&Share::new(factor, Scalar::ZERO), &second_generator_table()), "{factor:?}");
        assert!(!commitments.opens(&Share::new(factor + Scalar::ONE, Scalar::ZERO), &second_generator_table()), "{factor:?}");
    }
}

/// A.2: non-canonical field elements, negative ones, `x^2` that is no square, negative `xy`, and `s = -1`.
#[test]
fn every_invalid_encoding_is_refused() {
    let vectors = vectors();
    let kinds = vectors["bad"].as_object().unwrap();
    let mut seen = 0;
    for (kind, list) in kinds {
        for text in strings(list) {
            assert_eq!(Commitments::decode(&[hex_array(text)]).unwrap_err(), DecodeError::Point, "{kind} {text}");
            // One bad point among good ones is enough.
            let mixed = [[0; 32], hex_array(text), [0; 32]];
            assert_eq!(Commitments::decode(&mixed).unwrap_err(), DecodeError::Point, "{kind} {text}");
            seen += 1;
        }
    }
    assert_eq!((kinds.len(), seen), (5, 29));
}

/// A.3: the one-way map that gives the second generator; the last four inputs are read modulo `2^255` and reduced.
#[test]
fn the_one_way_map_is_that_of_the_rfc() {
    let vectors = vectors();
    let pairs = vectors["map"].as_array().unwrap();
    assert_eq!(pairs.len(), 11);
    for pair in pairs {
        let [input, output] = ["input", "output"].map(|name| pair[name].as_str().unwrap());
        let point = RistrettoPoint::from_uniform_bytes(&hex_array(input));
        assert_eq!(point.compress().to_bytes()[..], hex_vec(output), "{input}");
    }
}

#[test]
fn exactly_the_canonical_scalars_decode() {
    // l, in section 2.
    let order: [u8; 32] = hex_array("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let (mut below, mut above) = (order, order);
    below[0] -= 1;
    above[0] += 1;
    let mut top_bit = [0; 32];
    top_bit[31] = 0x80;
    let good = vec![[0; 32], [1; 32].map(|byte| byte & 0x0f), below];
    let bad = [order, above, top_bit, [0xff; 32]];
    for value in &good {
        for blinding in &good {
            let share = Share::decode(value, blinding).unwrap();
            assert_eq!((share.value.to_bytes(), share.blinding.to_bytes()), (*value, *blinding));
        }
    }
    for scalar in bad {
        assert_eq!(Share::decode(&scalar, &below).unwrap_err(), DecodeError::Scalar);
        assert_eq!(Share::decode(&below, &scalar).unwrap_err(), DecodeError::Scalar);
    }
}
