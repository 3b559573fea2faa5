//! X-Wing, and sealed envelopes.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce};
use veilsum::{
    ClientId, DecodeError, SessionId,
    hazmat::{Envelope, KemKey, derive, encapsulate},
    message::{Body, Bytes, Dealing, Package, Shares},
};

use super::{
    context::Context,
    node::{At, Node, Outcome},
    tally::Tally,
};

/// Bytes of the X25519 part, at the end of public keys and ciphertexts.
const X25519_LEN: usize = 32;

/// The same bytes with another end.
fn with_end<const N: usize>(mut bytes: [u8; N], end: [u8; X25519_LEN]) -> [u8; N] {
    bytes.iter_mut().rev().zip(end.iter().rev()).for_each(|(byte, other)| *byte = *other);
    bytes
}

pub(crate) fn xwing(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let key = KemKey::from_seed(group.fixed("secret_key")?);
    let public = key.public_key();
    let (ciphertext, shared) = encapsulate(&public, group.fixed("coins")?).at(group)?;
    tally.part(group, "encapsulation", || {
        group.is("public_key", &public)?;
        group.is("ciphertext", &ciphertext)?;
        group.is("shared_secret", &shared)?;
        group.same(Ok(shared), key.decapsulate(&ciphertext))
    });
    tally.part(group, "implicit rejection", || {
        group.is("spoilt_shared_secret", &key.decapsulate(&group.fixed("spoilt_ciphertext")?).at(group)?)
    });
    for refused in group.list("x25519_refused")? {
        tally.case(&refused, || {
            let end = refused.array()?;
            let encapsulated = encapsulate(&with_end(public, end), group.fixed("coins")?);
            refused.same(Some(DecodeError::KemKey), encapsulated.err())?;
            refused.same(Err(DecodeError::KemCiphertext), key.decapsulate(&with_end(ciphertext, end)))
        });
    }
    for refused in group.list("public_keys_refused")? {
        tally.case(&refused, || {
            let encapsulated = encapsulate(&refused.array()?, group.fixed("coins")?);
            refused.same(Some(DecodeError::KemKey), encapsulated.err())
        });
    }
    Ok(())
}

pub(crate) fn envelopes(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let (session, h1) = (SessionId(group.fixed("sid")?), group.fixed("h1")?);
    let key = KemKey::from_seed(group.fixed("channel_sk")?);
    tally.part(group, "channel key", || group.is("channel_pk", &key.public_key()));
    for case in group.list("cases")? {
        tally.case(&case, || one_envelope(&case, session, h1, &key));
    }
    Ok(())
}

fn one_envelope(case: &Node<'_>, session: SessionId, h1: [u8; 32], holder_key: &KemKey) -> Outcome {
    let (dealer, holder) = (ClientId(case.get("dealer")?.number()?), ClientId(case.get("holder")?.number()?));
    let (ciphertext, shared) = encapsulate(&holder_key.public_key(), case.fixed("coins")?).at(case)?;
    case.is("channel_ct", &ciphertext)?;
    case.is("shared_secret", &shared)?;
    let mask_ct = case.hex("mask_ct")?;
    let envelope = Envelope { session, h1, dealer, holder, mask_ciphertext: &mask_ct, channel_ciphertext: &ciphertext };
    let key = envelope.key(shared);
    case.is("key", &key)?;
    case.is("kc", &envelope.commitment(key))?;
    let plaintext = case.fixed("plaintext")?;
    let sealed = envelope.seal(key, plaintext);
    case.is("sealed", &sealed)?;
    case.same(Some(plaintext), envelope.open(key, &sealed))?;
    opens_by_hand(case, &envelope, key, &sealed)?;
    let mask_ciphertext = match mask_ct.is_empty() {
        true => None,
        false => Some(Bytes(case.fixed("mask_ct")?)),
    };
    let package = Package {
        peer: holder,
        mask_ciphertext,
        channel_ciphertext: Bytes(ciphertext),
        key_commitment: Bytes(envelope.commitment(key)),
        sealed: Bytes(sealed),
    };
    case.is("digest", &package.digest(dealer, holder))?;
    let dealing = Dealing { mask_root: [].into(), self_secret: [].into(), digests: [].into() };
    let attachment = Shares { dealing, packages: [package].into() }.attachment();
    case.is("package", attachment.get(4..).unwrap_or_default())
}

/// The key and the associated data given open what the library sealed: so they are those that it used.
fn opens_by_hand(case: &Node<'_>, envelope: &Envelope<'_>, key: [u8; 32], sealed: &[u8; 144]) -> Outcome {
    let pair = [envelope.dealer.0.to_le_bytes(), envelope.holder.0.to_le_bytes()].concat();
    let seal_key: [u8; 32] = derive(envelope.session, &key, "seal-key", &pair);
    case.is("seal_key", &seal_key)?;
    let (body, tag) = sealed.split_last_chunk::<16>().at(case)?;
    let (mut body, cipher) = (body.to_vec(), ChaCha20Poly1305::new(&seal_key.into()));
    let opened = cipher.decrypt_inout_detached(&Nonce::default(), &case.hex("ad")?, (&mut body[..]).into(), &(*tag).into());
    case.holds(opened.is_ok(), "an envelope that opens under seal_key and ad")?;
    case.is("plaintext", &body)
}
