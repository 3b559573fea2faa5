//! Hash, key derivation, key encapsulation, Merkle roots and envelopes (docs/protocol.md, sections 2, 3, 5, 10 and 12): bytes in, bytes
//! out.

use alloc::vec::Vec;

use super::Secret;
use crate::{
    crypto::{
        kdf::{self, Kdf},
        kem::{Ciphertext, PublicKey, SecretKey},
        merkle::Tree,
        prg::Stream,
        seal::{Binding, EnvelopeKey},
        secret::SecretScalar,
    },
    error::{ClientId, DecodeError},
    hash, label,
    session::SessionId,
};

/// Bytes of an X-Wing public key.
pub const KEM_PUBLIC_KEY_LEN: usize = crate::crypto::kem::PUBLIC_KEY_LEN;
/// Bytes of an X-Wing ciphertext.
pub const KEM_CIPHERTEXT_LEN: usize = crate::crypto::kem::CIPHERTEXT_LEN;

/// `H(label; items)` (section 2).
#[must_use]
pub fn hash(label: &str, items: &[&[u8]]) -> [u8; 32] {
    hash::hash(label, items)
}

/// `LV("veilsum/3/" || label)`, the beginning of every framed string (section 2).
#[must_use]
pub fn framed_label(label: &str) -> Vec<u8> {
    hash::framed_label(label)
}

/// `KDF(label, key_material, info, N)` (section 5).
#[must_use]
pub fn derive<const N: usize>(session: SessionId, key_material: &[u8], label: &str, info: &[u8]) -> [u8; N] {
    *Kdf::new(session, key_material).expand(label, &[info]).expose()
}

/// The same for key material that no session binds, as that of noise.
#[must_use]
pub fn derive_unbound<const N: usize>(key_material: &[u8], label: &str, info: &[u8]) -> [u8; N] {
    *Kdf::unbound(key_material).expand(label, &[info]).expose()
}

/// The scalar that 64 bytes give (section 2).
#[must_use]
pub fn reduce(mut wide: [u8; 64]) -> [u8; 32] {
    *Secret::take(&mut wide).reduce().to_secret().expose()
}

/// The seed of a client's self mask, from its self-mask secret `b` (section 8).
///
/// # Errors
/// [`DecodeError::Scalar`] if the secret is not reduced.
pub fn self_seed(session: SessionId, self_secret: &[u8; 32], client: ClientId) -> Result<[u8; 32], DecodeError> {
    let scalar = super::sharing::decode_scalar(self_secret)?;
    Ok(*kdf::self_seed(session, &SecretScalar::new(scalar), client).expose())
}

/// The first keystream bytes of a block of 2^20 positions (section 11.1).
#[must_use]
pub fn keystream_start(session: SessionId, mut seed: [u8; 32], block: u64) -> [u8; 32] {
    let mut words = [0_u32; 8];
    Stream::new(session, &Secret::take(&mut seed)).key(block).fill(0, &mut words);
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(words.iter().flat_map(|word| word.to_le_bytes())).for_each(|(out, byte)| *out = byte);
    bytes
}

/// An X-Wing secret key (section 3).
#[derive(Debug)]
pub struct KemKey(SecretKey);

impl KemKey {
    /// From the 32 bytes that are the secret key.
    #[must_use]
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        Self(SecretKey::from_seed(&Secret::take(&mut seed)))
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; KEM_PUBLIC_KEY_LEN] {
        *self.0.public_key().as_bytes()
    }

    /// The shared secret; of a spoilt ciphertext, one that nobody knows.
    ///
    /// # Errors
    /// [`DecodeError::KemCiphertext`] if the X25519 part is not acceptable.
    pub fn decapsulate(&self, ciphertext: &[u8; KEM_CIPHERTEXT_LEN]) -> Result<[u8; 32], DecodeError> {
        Ok(*self.0.decapsulate(&Ciphertext::decode(ciphertext)?).expose())
    }
}

/// The ciphertext and the shared secret that these coins give under an X-Wing public key (section 3).
///
/// # Errors
/// [`DecodeError::KemKey`] if the key is not acceptable.
pub fn encapsulate(
    public_key: &[u8; KEM_PUBLIC_KEY_LEN],
    mut coins: [u8; 64],
) -> Result<([u8; KEM_CIPHERTEXT_LEN], [u8; 32]), DecodeError> {
    let (ciphertext, shared) = PublicKey::decode(public_key)?.encapsulate(&Secret::take(&mut coins));
    Ok((*ciphertext.as_bytes(), *shared.expose()))
}

/// What a sealed envelope is bound to (section 10).
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The session.
    pub session: SessionId,
    /// `h1`.
    pub h1: [u8; 32],
    /// Who seals it.
    pub dealer: ClientId,
    /// Who opens it.
    pub holder: ClientId,
    /// The mask encapsulation beside it, empty where there is none.
    pub mask_ciphertext: &'a [u8],
    /// The encapsulation that its key comes from.
    pub channel_ciphertext: &'a [u8],
}

impl Envelope<'_> {
    fn binding(&self) -> Binding<'_> {
        Binding {
            session: self.session,
            h1: &self.h1,
            dealer: self.dealer,
            holder: self.holder,
            mask_ciphertext: hash(label::hash::MASK_CIPHERTEXT, &[self.mask_ciphertext]),
            channel_ciphertext: hash(label::hash::CHANNEL_CIPHERTEXT, &[self.channel_ciphertext]),
        }
    }

    /// The envelope key `K`, from the shared secret of the channel encapsulation.
    #[must_use]
    pub fn key(&self, mut shared: [u8; 32]) -> [u8; 32] {
        EnvelopeKey::derive(&Secret::take(&mut shared), &self.binding()).disclose()
    }

    /// The commitment `kc` to an envelope key.
    #[must_use]
    pub fn commitment(&self, key: [u8; 32]) -> [u8; 32] {
        EnvelopeKey::disclosed(key).commitment(&self.binding())
    }

    /// Seals two shares of two scalars. A key that seals twice reveals both contents.
    #[must_use]
    pub fn seal(&self, key: [u8; 32], mut contents: [u8; 128]) -> [u8; 144] {
        EnvelopeKey::disclosed(key).seal(&self.binding(), &Secret::take(&mut contents))
    }

    /// The contents; nothing if the envelope was sealed under another key or for others.
    #[must_use]
    pub fn open(&self, key: [u8; 32], sealed: &[u8; 144]) -> Option<[u8; 128]> {
        EnvelopeKey::disclosed(key).open(&self.binding(), sealed).map(|contents| *contents.expose())
    }
}

/// The Merkle tree over a vector's chunks (section 12).
#[derive(Clone, Debug, Default)]
pub struct MerkleTree(Tree);

impl MerkleTree {
    /// No chunk yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a chunk; its leaf.
    pub fn push(&mut self, chunk: &[u8]) -> [u8; 32] {
        let mut hasher = self.0.leaf(chunk.len() as u64);
        hasher.continue_part(chunk);
        let leaf = hasher.finish();
        self.0.push(leaf);
        leaf
    }

    /// The root of a vector of so many words, in chunks of so many.
    #[must_use]
    pub fn root(&self, vector_len: u64, chunk_len: u32) -> [u8; 32] {
        self.0.root(vector_len, chunk_len)
    }
}
