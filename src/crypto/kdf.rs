//! `KDF`: HKDF-SHA-512, salted with the session id (section 5).

use alloc::vec::Vec;

use hkdf::Hkdf;
use sha2::Sha512;

use super::secret::{Secret, SecretScalar};
use crate::{
    error::ClientId,
    hash::framed_label,
    label::{SUITE, kdf},
    session::SessionId,
};

/// Input key material after the extract step; expands to any number of outputs.
pub(crate) struct Kdf(Hkdf<Sha512>);

impl Kdf {
    pub(crate) fn new(session: SessionId, key_material: &[u8]) -> Self {
        Self(Hkdf::new(Some(&session.0), key_material))
    }

    /// Key material of one party that no session binds.
    pub(crate) fn unbound(key_material: &[u8]) -> Self {
        Self(Hkdf::new(None, key_material))
    }

    /// `KDF(label, .., info, N)`; `info` is the concatenation of the parts.
    pub(crate) fn expand<const N: usize>(&self, label: &str, info: &[&[u8]]) -> Secret<N> {
        const { assert!(N <= 255 * 64, "HKDF-SHA-512 gives no more") }
        let mut full = framed_label(label);
        full.extend_from_slice(&SUITE.to_le_bytes());
        info.iter().for_each(|part| full.extend_from_slice(part));
        let mut out = Secret::zero();
        let refused = self.0.expand(&full, out.expose_mut()).is_err();
        debug_assert!(!refused);
        out
    }

    /// Expands with one client in the info.
    pub(crate) fn for_client<const N: usize>(&self, label: &str, client: ClientId) -> Secret<N> {
        self.expand(label, &[&client.0.to_le_bytes()])
    }

    /// Expands with an ordered pair of clients, and hashes, in the info.
    pub(crate) fn for_pair<const N: usize>(&self, label: &str, first: ClientId, second: ClientId, hashes: &[&[u8]]) -> Secret<N> {
        let ids = [first.0.to_le_bytes(), second.0.to_le_bytes()];
        let info: Vec<&[u8]> = ids.iter().map(|id| &id[..]).chain(hashes.iter().copied()).collect();
        self.expand(label, &info)
    }
}

/// The seed of the self mask.
pub(crate) fn self_seed(session: SessionId, self_secret: &SecretScalar, client: ClientId) -> Secret<32> {
    Kdf::new(session, self_secret.to_secret().expose()).for_client(kdf::SELF_SEED, client)
}
