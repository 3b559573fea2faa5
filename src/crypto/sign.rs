//! Identities and signatures: Ed25519, strict (sections 3 and 6).

use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::TryCryptoRng;

use super::secret::Secret;
use crate::{
    error::{ClientId, EnvironmentError},
    hash::{Hash, framed_label, hash},
    label::{self, PROTOCOL_VERSION, SUITE, frame},
    session::{IdentityKey, SessionId},
};

/// A long-term Ed25519 identity that can sign; implement it for a hardware module.
///
/// The key must be used for nothing but this protocol.
pub trait Identity: Send + Sync {
    /// The public key that the descriptor lists.
    fn public_key(&self) -> IdentityKey;

    /// An RFC 8032 Ed25519 signature of `message`.
    ///
    /// # Errors
    /// [`EnvironmentError::Signer`] if the key can not be used now.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], EnvironmentError>;
}

/// An [`Identity`] held in memory. The secret key can not be had again, copied, printed or stored:
///
/// ```compile_fail,E0277
/// fn store(identity: &veilsum::SigningIdentity) -> String {
///     serde_json::to_string(identity).unwrap() // no `Serialize`
/// }
/// ```
///
/// ```compile_fail,E0599
/// fn copy(identity: &veilsum::SigningIdentity) -> veilsum::SigningIdentity {
///     (*identity).clone() // no method named `clone`
/// }
/// ```
pub struct SigningIdentity(SigningKey);

impl SigningIdentity {
    /// A fresh identity.
    ///
    /// # Errors
    /// [`EnvironmentError::Rng`] if the generator fails.
    pub fn generate(rng: &mut impl TryCryptoRng) -> Result<Self, EnvironmentError> {
        let seed = Secret::<32>::random(rng)?;
        Ok(Self(SigningKey::from_bytes(seed.expose())))
    }

    /// The identity of a 32-byte RFC 8032 secret key, which stays the caller's to protect and wipe.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }
}

impl Identity for SigningIdentity {
    fn public_key(&self) -> IdentityKey {
        IdentityKey(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], EnvironmentError> {
        self.0.try_sign(message).map(|signature| signature.to_bytes()).map_err(|_| EnvironmentError::Signer)
    }
}

impl fmt::Debug for SigningIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningIdentity").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}

/// What a signature is about.
pub(crate) struct Signed<'a> {
    pub(crate) session: SessionId,
    pub(crate) kind: u8,
    pub(crate) client: ClientId,
    pub(crate) prev: &'a Hash,
    pub(crate) body: &'a [u8],
    pub(crate) attachment_hash: &'a Hash,
}

impl Signed<'_> {
    pub(crate) fn sign(&self, identity: &dyn Identity) -> Result<[u8; 64], EnvironmentError> {
        identity.sign(&self.bytes())
    }

    pub(crate) fn verify(&self, key: &VerifyingKey, signature: &[u8; 64]) -> bool {
        Self::verify_message(&self.bytes(), key, signature)
    }

    fn bytes(&self) -> Vec<u8> {
        let body_hash = hash(label::hash::BODY, &[self.body]);
        Self::message(self.session, self.kind, self.client, self.prev, &body_hash, self.attachment_hash)
    }

    /// Whether this key signed these bytes.
    pub(crate) fn verify_message(message: &[u8], key: &VerifyingKey, signature: &[u8; 64]) -> bool {
        key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }

    /// The bytes that are signed (section 6).
    pub(crate) fn message(
        session: SessionId,
        kind: u8,
        client: ClientId,
        prev: &Hash,
        body_hash: &Hash,
        attachment_hash: &Hash,
    ) -> Vec<u8> {
        let label = framed_label(frame::SIGNATURE);
        let parts: [&[u8]; 9] = [
            &label,
            &[PROTOCOL_VERSION],
            &SUITE.to_le_bytes(),
            &session.0,
            &[kind],
            &client.0.to_le_bytes(),
            prev,
            body_hash,
            attachment_hash,
        ];
        parts.concat()
    }
}
