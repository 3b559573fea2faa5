//! X-Wing (X25519 + ML-KEM-768) with encapsulation from given coins (section 3).

use alloc::boxed::Box;
use core::fmt;

use x_wing::{Decapsulate, Decapsulator, KeyExport, TryKeyInit};
use zeroize::Zeroize;

use super::secret::Secret;
use crate::error::DecodeError;

/// Bytes of a public key.
pub(crate) const PUBLIC_KEY_LEN: usize = x_wing::ENCAPSULATION_KEY_SIZE;
/// Bytes of a ciphertext.
pub(crate) const CIPHERTEXT_LEN: usize = x_wing::CIPHERTEXT_SIZE;

/// Canonical X25519 coordinates of low order: 0, 1, two points of order 8, and -1.
const LOW_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb,
        0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4,
        0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    {
        let mut minus_one = PRIME;
        minus_one[0] = 0xec;
        minus_one
    },
];

/// `2^255 - 19`, little-endian.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// Canonical and not of low order.
fn acceptable_x25519(coordinate: &[u8]) -> bool {
    let reduced = coordinate.iter().rev().lt(PRIME.iter().rev());
    reduced && !LOW_ORDER.iter().any(|low| low[..] == *coordinate)
}

/// A public key that passed the checks of section 3.
#[derive(Clone)]
pub(crate) struct PublicKey {
    key: Box<x_wing::EncapsulationKey>,
    bytes: Box<[u8; PUBLIC_KEY_LEN]>,
}

impl PublicKey {
    pub(crate) fn decode(bytes: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, DecodeError> {
        let (_, x25519) = bytes.split_last_chunk::<32>().ok_or(DecodeError::KemKey)?;
        if !acceptable_x25519(x25519) {
            return Err(DecodeError::KemKey);
        }
        let key = x_wing::EncapsulationKey::new(bytes.into()).map_err(|_| DecodeError::KemKey)?;
        Ok(Self { key: Box::new(key), bytes: Box::new(*bytes) })
    }

    pub(crate) fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.bytes
    }

    /// The ciphertext and shared secret that these coins give.
    pub(crate) fn encapsulate(&self, coins: &Secret<64>) -> (Ciphertext, Secret<32>) {
        let (ciphertext, mut shared) = self.key.encapsulate_deterministic(coins.expose().into());
        (Ciphertext(Box::new(ciphertext.into())), Secret::take(&mut shared.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kem::PublicKey")
    }
}

/// A ciphertext whose X25519 part is acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ciphertext(Box<[u8; CIPHERTEXT_LEN]>);

impl Ciphertext {
    pub(crate) fn decode(bytes: &[u8; CIPHERTEXT_LEN]) -> Result<Self, DecodeError> {
        match bytes.split_last_chunk::<32>() {
            Some((_, x25519)) if acceptable_x25519(x25519) => Ok(Self(Box::new(*bytes))),
            _ => Err(DecodeError::KemCiphertext),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; CIPHERTEXT_LEN] {
        &self.0
    }
}

/// A secret key, made from a 32-byte seed.
pub(crate) struct SecretKey(Box<x_wing::DecapsulationKey>);

impl SecretKey {
    pub(crate) fn from_seed(seed: &Secret<32>) -> Self {
        Self(Box::new(x_wing::DecapsulationKey::from(*seed.expose())))
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        let key = self.0.encapsulation_key().clone();
        let bytes = Box::new(key.to_bytes().into());
        PublicKey { key: Box::new(key), bytes }
    }

    /// The shared secret; for a ciphertext made by nobody, one that nobody knows (implicit rejection).
    pub(crate) fn decapsulate(&self, ciphertext: &Ciphertext) -> Secret<32> {
        let mut shared = self.0.decapsulate(&(*ciphertext.0).into());
        let secret = Secret::take(&mut shared.0);
        shared.0.zeroize();
        secret
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kem::SecretKey(..)")
    }
}
