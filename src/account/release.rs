//! From what an encoding releases to the event to account for.

use crate::{
    account::{
        distributed::{DiscreteLaplaceShares, DistributedDiscreteGaussian, DistributedSkellam, Sensitivity},
        event::Event,
    },
    dp::{NoiseLaw, Release},
    error::PrivacyError,
};

impl Event {
    /// One round of an encoding, with the noise of `release.honest` survivors; zero-out neighbours, so
    /// [`NeighboringRelation::ReplaceSpecial`](crate::account::NeighboringRelation::ReplaceSpecial).
    ///
    /// [`Release::added_delta`] says what has to be added to delta for each round.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if a number of the release is out of range, or its law is not one of vectors.
    pub fn release(release: &Release) -> Result<Self, PrivacyError> {
        let sensitivity = Sensitivity::new(release.l2_squared, release.l1, release.dimension)?;
        let (clients, honest) = (u64::from(release.clients), u64::from(release.honest));
        match release.law {
            NoiseLaw::Skellam { variance } => {
                let all = DistributedSkellam::new(sensitivity, variance.to_f64(), clients)?;
                all.at(honest, 0).map(Self::DistributedSkellam)
            }
            NoiseLaw::DiscreteGaussian { variance } => {
                let all = DistributedDiscreteGaussian::new(sensitivity, variance.to_f64(), clients)?;
                all.at(honest, 0).map(Self::DistributedDiscreteGaussian)
            }
            NoiseLaw::LaplaceShare { noise_parameter, shares } => {
                let (l1, dimension) = (sensitivity.l1(), release.dimension);
                let all = DiscreteLaplaceShares::new(noise_parameter.to_f64(), l1, dimension, shares.into(), clients)?;
                all.at(honest, 0).map(Self::DiscreteLaplaceShares)
            }
            _ => Err(PrivacyError::Parameter { knob: "law", expected: "one of shares", got: f64::NAN }),
        }
    }
}
