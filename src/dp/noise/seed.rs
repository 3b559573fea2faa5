//! The secret that noise is drawn from.

use core::fmt;

use rand_core::TryCryptoRng;

use crate::{
    crypto::{prg, secret::Secret},
    error::EnvironmentError,
};

/// 32 secret bytes that determine noise, wiped on drop. Whoever knows the seed can take the noise away again.
///
/// One seed serves one purpose in one round: draw a fresh one for each release, or derive one with [`NoiseSeed::derive`].
pub struct NoiseSeed(Secret<32>);

impl NoiseSeed {
    /// A fresh seed.
    ///
    /// # Errors
    /// [`EnvironmentError::Rng`] if the generator fails.
    pub fn random(rng: &mut impl TryCryptoRng) -> Result<Self, EnvironmentError> {
        Secret::random(rng).map(Self)
    }

    /// The seed for one purpose and number, for instance a round: independent of this seed and of all others derived from it.
    #[must_use]
    pub fn derive(&self, purpose: &[u8], number: u64) -> Self {
        Self(prg::Stream::unbound(&self.0).derive(purpose, number))
    }

    pub(super) fn stream(&self) -> prg::Stream {
        prg::Stream::unbound(&self.0)
    }
}

impl fmt::Debug for NoiseSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoiseSeed(..)")
    }
}
