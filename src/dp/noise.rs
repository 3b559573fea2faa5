//! PLACEHOLDER behind the agreed signature, until the exact samplers are copied in.
mod law;
pub use law::{NoiseLaw, Rational};
use crate::{crypto::prg::Prg, error::{EnvironmentError, PrivacyError}};
use rand_core::TryCryptoRng;

/// Coordinates of a block.
pub const NOISE_BLOCK: usize = 1 << 12;

/// Seed.
#[derive(Debug)]
pub struct NoiseSeed([u8; 32]);
impl NoiseSeed {
    /// Fresh.
    ///
    /// # Errors
    /// Rng.
    pub fn generate(rng: &mut impl TryCryptoRng) -> Result<Self, EnvironmentError> {
        let mut seed = [0; 32];
        rng.try_fill_bytes(&mut seed).map_err(|_| EnvironmentError::Rng)?;
        Ok(Self(seed))
    }
}
/// Sampler.
#[derive(Debug)]
pub struct Sampler(NoiseLaw);
impl Sampler {
    /// New.
    ///
    /// # Errors
    /// Never.
    pub fn new(law: NoiseLaw) -> Result<Self, PrivacyError> {
        Ok(Self(law))
    }
    /// Adds.
    pub fn add(&self, seed: &NoiseSeed, block: u64, values: &mut [i64]) {
        let sigma = match self.0 { NoiseLaw::Skellam { variance } | NoiseLaw::DiscreteGaussian { variance } => libm::sqrt(variance.to_f64()), _ => 1.0 };
        let key = Prg::new(&seed.0).key("dp-noise", 0, block);
        let mut words = alloc::vec![0_u32; 12 * values.len()];
        key.fill(0, &mut words);
        for (value, words) in values.iter_mut().zip(words.as_chunks::<12>().0) {
            let sum: f64 = words.iter().map(|w| f64::from(*w) / 4_294_967_296.0).sum::<f64>() - 6.0;
            *value += libm::rint(sum * sigma) as i64;
        }
    }
}
