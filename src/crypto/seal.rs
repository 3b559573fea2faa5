//! Sealed envelopes: ChaCha20-Poly1305 under a key used once, with an explicit key commitment (section 10).

use alloc::vec::Vec;
use core::fmt;

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::{kdf::Kdf, secret::Secret};
use crate::{
    error::ClientId,
    hash::{Hash, framed_label},
    label::{frame, kdf},
    mutant::{self, Mutant},
    session::SessionId,
};

/// Bytes inside an envelope: two shares of two scalars.
pub(crate) const CONTENTS_LEN: usize = 128;
/// Bytes of a sealed envelope.
pub(crate) const SEALED_LEN: usize = CONTENTS_LEN + 16;

/// What an envelope is bound to.
pub(crate) struct Binding<'a> {
    pub(crate) session: SessionId,
    pub(crate) h1: &'a Hash,
    pub(crate) dealer: ClientId,
    pub(crate) holder: ClientId,
    /// `H("mask-ct"; ..)`, of the empty string where there is none.
    pub(crate) mask_ciphertext: Hash,
    /// `H("channel-ct"; ..)`.
    pub(crate) channel_ciphertext: Hash,
}

/// The envelope key `K` of one ordered pair. A complaint discloses it.
pub(crate) struct EnvelopeKey(Secret<32>);

impl EnvelopeKey {
    /// Derives `K` from the shared secret of the channel encapsulation.
    pub(crate) fn derive(shared: &Secret<32>, binding: &Binding<'_>) -> Self {
        let kdf = Kdf::new(binding.session, shared.expose());
        Self(kdf.for_pair(kdf::ENVELOPE_KEY, binding.dealer, binding.holder, &[&binding.channel_ciphertext]))
    }

    /// A key that somebody disclosed.
    pub(crate) fn disclosed(mut bytes: [u8; 32]) -> Self {
        Self(Secret::take(&mut bytes))
    }

    /// The bytes that a complaint discloses.
    pub(crate) fn disclose(&self) -> [u8; 32] {
        *self.0.expose()
    }

    pub(crate) fn commitment(&self, binding: &Binding<'_>) -> [u8; 32] {
        let kdf = Kdf::new(binding.session, self.0.expose());
        *kdf.for_pair(kdf::KEY_COMMIT, binding.dealer, binding.holder, &[]).expose()
    }

    pub(crate) fn commits_to(&self, commitment: &[u8; 32], binding: &Binding<'_>) -> bool {
        mutant::active(Mutant::UncommittedKey) || self.commitment(binding).ct_eq(commitment).into()
    }

    /// Seals `contents`. The key must seal nothing else: the nonce is constant.
    pub(crate) fn seal(&self, binding: &Binding<'_>, contents: &Secret<CONTENTS_LEN>) -> [u8; SEALED_LEN] {
        let mut sealed = [0; SEALED_LEN];
        let (body, tag) = sealed.split_at_mut(CONTENTS_LEN);
        body.copy_from_slice(contents.expose());
        match self.cipher(binding).encrypt_inout_detached(&Nonce::default(), &self.associated(binding), body.into()) {
            Ok(made) => tag.copy_from_slice(&made),
            // The cipher refuses only messages of more than 2^38 bytes; if it ever did, no contents may leave.
            Err(_) => sealed.zeroize(),
        }
        sealed
    }

    /// The contents, or nothing: why it failed is not said.
    pub(crate) fn open(&self, binding: &Binding<'_>, sealed: &[u8; SEALED_LEN]) -> Option<Secret<CONTENTS_LEN>> {
        let (body, tag) = sealed.split_at_checked(CONTENTS_LEN)?;
        let mut contents = Secret::zero();
        contents.expose_mut().copy_from_slice(body);
        let tag = Tag::try_from(tag).ok()?;
        let cipher = self.cipher(binding);
        let buffer = contents.expose_mut().as_mut_slice().into();
        cipher.decrypt_inout_detached(&Nonce::default(), &self.associated(binding), buffer, &tag).ok()?;
        Some(contents)
    }

    fn cipher(&self, binding: &Binding<'_>) -> ChaCha20Poly1305 {
        let kdf = Kdf::new(binding.session, self.0.expose());
        let key: Secret<32> = kdf.for_pair(kdf::SEAL_KEY, binding.dealer, binding.holder, &[]);
        ChaCha20Poly1305::new(key.expose().into())
    }

    fn associated(&self, binding: &Binding<'_>) -> Vec<u8> {
        let (dealer, holder) = (binding.dealer.0.to_le_bytes(), binding.holder.0.to_le_bytes());
        let commitment = self.commitment(binding);
        let label = framed_label(frame::ENVELOPE);
        let parts: [&[u8]; 8] = [
            &label,
            &binding.session.0,
            binding.h1,
            &dealer,
            &holder,
            &binding.mask_ciphertext,
            &binding.channel_ciphertext,
            &commitment,
        ];
        parts.concat()
    }
}

impl fmt::Debug for EnvelopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvelopeKey(..)")
    }
}
