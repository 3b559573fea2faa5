//! X-Wing, and sealed envelopes.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce};

use super::json::Node;
use crate::{
    ClientId,
    crypto::{
        kdf::Kdf,
        kem::{Ciphertext, PublicKey, SecretKey},
        seal::{Binding, EnvelopeKey},
        secret::Secret,
    },
    error::DecodeError,
    hash::{Hash, hash},
    label::{self, kdf as labels},
    message::{Body, Bytes, Dealing, Package, Shares},
    session::SessionId,
};

/// Bytes of the ML-KEM part of a public key, and of a ciphertext.
const ML_KEM_LENS: (usize, usize) = (1184, 1088);

pub(super) fn xwing(section: &Node<'_>) {
    let secret = SecretKey::from_seed(&Secret::take(&mut section.fixed("secret_key")));
    let public = secret.public_key();
    section.is("public_key", public.as_bytes());
    let (ciphertext, shared) =
        PublicKey::decode(public.as_bytes()).unwrap().encapsulate(&Secret::take(&mut section.fixed("coins")));
    section.is("ciphertext", ciphertext.as_bytes());
    section.is("shared_secret", shared.expose());
    assert!(secret.decapsulate(&ciphertext) == shared);
    let spoilt = Ciphertext::decode(&section.fixed("spoilt_ciphertext")).unwrap();
    section.is("spoilt_shared_secret", secret.decapsulate(&spoilt).expose());
    for refused in section.list("x25519_refused") {
        let (mut key, mut text) = (*public.as_bytes(), *ciphertext.as_bytes());
        key[ML_KEM_LENS.0..].copy_from_slice(&refused.bytes());
        text[ML_KEM_LENS.1..].copy_from_slice(&refused.bytes());
        assert_eq!(PublicKey::decode(&key).err(), Some(DecodeError::KemKey));
        assert_eq!(Ciphertext::decode(&text).err(), Some(DecodeError::KemCiphertext));
    }
    for refused in section.list("public_keys_refused") {
        assert_eq!(PublicKey::decode(&refused.array()).err(), Some(DecodeError::KemKey));
    }
}

pub(super) fn envelopes(section: &Node<'_>) {
    let (sid, h1) = (SessionId(section.fixed("sid")), section.fixed("h1"));
    let secret = SecretKey::from_seed(&Secret::take(&mut section.fixed("channel_sk")));
    section.is("channel_pk", secret.public_key().as_bytes());
    section.list("cases").iter().for_each(|case| one_envelope(case, sid, &h1, &secret));
}

fn one_envelope(case: &Node<'_>, sid: SessionId, h1: &Hash, holder_key: &SecretKey) {
    let (dealer, holder) = (ClientId(case.get("dealer").number()), ClientId(case.get("holder").number()));
    let (ciphertext, shared) = holder_key.public_key().encapsulate(&Secret::take(&mut case.fixed("coins")));
    case.is("channel_ct", ciphertext.as_bytes());
    case.is("shared_secret", shared.expose());
    let mask_ct = case.hex("mask_ct");
    let binding = Binding {
        session: sid,
        h1,
        dealer,
        holder,
        mask_ciphertext: hash(label::hash::MASK_CIPHERTEXT, &[&mask_ct]),
        channel_ciphertext: hash(label::hash::CHANNEL_CIPHERTEXT, &[ciphertext.as_bytes()]),
    };
    let key = EnvelopeKey::derive(&shared, &binding);
    case.is("key", &key.disclose());
    case.is("kc", &key.commitment(&binding));
    let sealed = key.seal(&binding, &Secret::take(&mut case.fixed("plaintext")));
    case.is("sealed", &sealed);
    assert_eq!(key.open(&binding, &sealed).unwrap().expose(), &case.fixed::<128>("plaintext"));
    opens_by_hand(case, sid, (dealer, holder), &key, sealed);
    let package = Package {
        peer: holder,
        mask_ciphertext: (!mask_ct.is_empty()).then(|| Bytes(mask_ct.try_into().unwrap())),
        channel_ciphertext: Bytes(*ciphertext.as_bytes()),
        key_commitment: Bytes(key.commitment(&binding)),
        sealed: Bytes(sealed),
    };
    case.is("digest", &package.digest(dealer, holder));
    let dealing = Dealing { mask_root: [].into(), self_secret: [].into(), digests: [].into() };
    case.is("package", &Shares { dealing, packages: [package].into() }.attachment()[4..]);
}

/// The key and the associated data given open what the crate sealed: so they are those that it used.
fn opens_by_hand(case: &Node<'_>, sid: SessionId, pair: (ClientId, ClientId), key: &EnvelopeKey, sealed: [u8; 144]) {
    let seal_key: Secret<32> = Kdf::new(sid, &key.disclose()).for_pair(labels::SEAL_KEY, pair.0, pair.1, &[]);
    case.is("seal_key", seal_key.expose());
    let (mut body, tag) = (sealed[..128].to_vec(), sealed[128..].try_into().unwrap());
    let cipher = ChaCha20Poly1305::new(seal_key.expose().into());
    let opened = cipher.decrypt_inout_detached(&Nonce::default(), &case.hex("ad"), (&mut body[..]).into(), &tag);
    assert!(opened.is_ok());
    case.is("plaintext", &body);
}
