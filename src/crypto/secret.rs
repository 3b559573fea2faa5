//! Secret bytes and scalars: not copied, not printed, not serialised; compared in constant time; wiped on drop.

use alloc::boxed::Box;
use core::fmt;

use curve25519_dalek::Scalar;
use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::EnvironmentError;

/// `N` secret bytes. Boxed, so that moving the value leaves no copy behind.
pub(crate) struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    pub(crate) fn zero() -> Self {
        Self(Box::new([0; N]))
    }

    /// Takes over `bytes` and wipes them where they were.
    pub(crate) fn take(bytes: &mut [u8; N]) -> Self {
        let mut secret = Self::zero();
        secret.0.copy_from_slice(bytes);
        bytes.zeroize();
        secret
    }

    /// Fresh random bytes.
    pub(crate) fn random(rng: &mut impl TryCryptoRng) -> Result<Self, EnvironmentError> {
        let mut secret = Self::zero();
        rng.try_fill_bytes(&mut secret.0[..]).map_err(|_| EnvironmentError::Rng)?;
        Ok(secret)
    }

    /// A second copy, on purpose.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    pub(crate) fn expose(&self) -> &[u8; N] {
        &self.0
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl Secret<64> {
    /// The 512-bit little-endian integer modulo the group order.
    pub(crate) fn reduce(&self) -> SecretScalar {
        SecretScalar::new(Scalar::from_bytes_mod_order_wide(&self.0))
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A secret integer modulo the order of ristretto255.
pub(crate) struct SecretScalar(Box<Scalar>);

impl SecretScalar {
    pub(crate) fn new(scalar: Scalar) -> Self {
        Self(Box::new(scalar))
    }

    pub(crate) fn expose(&self) -> &Scalar {
        &self.0
    }

    pub(crate) fn to_secret(&self) -> Secret<32> {
        let mut bytes = self.0.to_bytes();
        Secret::take(&mut bytes)
    }
}

impl Drop for SecretScalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for SecretScalar {}

impl fmt::Debug for SecretScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretScalar(..)")
    }
}
