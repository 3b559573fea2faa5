//! The canonical description of the private encoding (docs/privacy.md, section 9).

use alloc::vec::Vec;

use super::{
    encoding::{Encoding, Rounding, Weights},
    noise::{NoiseLaw, Rational},
};
use crate::{
    codec::Reader,
    error::{DecodeError, PrivacyError},
    math::ring::Ring,
};

/// First byte: private encoding, version 1.
const KIND: u8 = 0x02;
const SKELLAM: u8 = 1;
const DISCRETE_GAUSSIAN: u8 = 2;
const LAPLACE_SHARE: u8 = 3;

impl Encoding {
    /// The canonical description, for [`crate::SessionBuilder::encoding`].
    #[must_use]
    pub fn describe(&self) -> Vec<u8> {
        let (law, parameter) = match self.law {
            NoiseLaw::Skellam { variance } => (SKELLAM, Some(variance)),
            NoiseLaw::DiscreteGaussian { variance } => (DISCRETE_GAUSSIAN, Some(variance)),
            NoiseLaw::LaplaceShare { noise_parameter, .. } => (LAPLACE_SHARE, Some(noise_parameter)),
            NoiseLaw::DiscreteLaplace { .. } => (0, None),
        };
        let weights = self.weights.unwrap_or(Weights { max: 0, unit: 0.0 });
        let mut out = Vec::with_capacity(121);
        out.push(KIND);
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.clip.to_bits().to_le_bytes());
        out.extend_from_slice(&self.scale.to_bits().to_le_bytes());
        out.extend_from_slice(&[self.ring.bits(), self.log2_block, u8::from(self.rounding == Rounding::Conditional)]);
        out.extend_from_slice(&self.l2_squared.to_le_bytes());
        out.push(law);
        out.extend_from_slice(&parameter.map_or(0, Rational::numerator).to_le_bytes());
        out.extend_from_slice(&parameter.map_or(0, Rational::denominator).to_le_bytes());
        out.extend_from_slice(&self.clients.to_le_bytes());
        out.extend_from_slice(&self.honest.to_le_bytes());
        out.extend_from_slice(&weights.max.to_le_bytes());
        out.extend_from_slice(&weights.unit.to_bits().to_le_bytes());
        out.extend_from_slice(&self.max_abs.unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&self.round.to_le_bytes());
        out.extend_from_slice(&self.rotation_seed);
        out
    }

    /// Reads a canonical description and checks it. What noise it promises is in [`Encoding::release`]: account for that, not for what
    /// the sender says.
    ///
    /// # Errors
    /// [`PrivacyError::Description`] if these are not its bytes, [`PrivacyError::Parameter`] if a parameter is refused.
    pub fn from_description(bytes: &[u8]) -> Result<Self, PrivacyError> {
        let encoding = Self::read(bytes).map_err(PrivacyError::Description)?;
        encoding.check()?;
        // One encoding has one description.
        if encoding.describe() == bytes { Ok(encoding) } else { Err(PrivacyError::Description(DecodeError::Value)) }
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != KIND {
            return Err(DecodeError::Value);
        }
        let length = reader.u64()?;
        let (clip, scale) = (f64::from_bits(reader.u64()?), f64::from_bits(reader.u64()?));
        let ring = Ring::new(reader.u8()?).ok_or(DecodeError::Value)?;
        let log2_block = reader.u8()?;
        let rounding = match reader.u8()? {
            0 => Rounding::Plain,
            1 => Rounding::Conditional,
            _ => return Err(DecodeError::Value),
        };
        let (l2_squared, law) = (reader.u64()?, reader.u8()?);
        let parameter = Rational::new(reader.u64()?, reader.u64()?).map_err(|_| DecodeError::Value)?;
        let (clients, honest) = (reader.u32()?, reader.u32()?);
        let weights = Weights { max: reader.u32()?, unit: f64::from_bits(reader.u64()?) };
        let weights = (weights.max != 0).then_some(weights);
        let max_abs = Some(reader.u64()?).filter(|max_abs| *max_abs != 0);
        let (round, rotation_seed) = (reader.u64()?, reader.array()?);
        reader.finish()?;
        Ok(Self {
            length,
            clip,
            scale,
            ring,
            log2_block,
            rounding,
            l2_squared,
            law: law_of(law, parameter, honest)?,
            clients,
            honest,
            weights,
            max_abs,
            round,
            rotation_seed,
        })
    }
}

fn law_of(law: u8, parameter: Rational, honest: u32) -> Result<NoiseLaw, DecodeError> {
    match law {
        SKELLAM => Ok(NoiseLaw::Skellam { variance: parameter }),
        DISCRETE_GAUSSIAN => Ok(NoiseLaw::DiscreteGaussian { variance: parameter }),
        LAPLACE_SHARE => Ok(NoiseLaw::LaplaceShare { noise_parameter: parameter, shares: honest }),
        _ => Err(DecodeError::Value),
    }
}

#[cfg(test)]
mod tests;
