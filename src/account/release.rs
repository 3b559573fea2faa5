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
    /// What may fail, and how far the noise is from its law, is part of the event ([`Event::WithinDistance`]), so that every accountant and
    /// ledger counts [`Release::added_delta`].
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if a number of the release is out of range, or its law is not one of vectors.
    pub fn release(release: &Release) -> Result<Self, PrivacyError> {
        let sensitivity = Sensitivity::new(release.l2_squared, release.l1, release.dimension)?;
        let (clients, honest) = (u64::from(release.clients), u64::from(release.honest));
        let exact = match release.law {
            NoiseLaw::Skellam { variance } => {
                let all = DistributedSkellam::new(sensitivity, variance.to_f64(), clients)?;
                Self::DistributedSkellam(all.at(honest, 0)?)
            }
            NoiseLaw::DiscreteGaussian { variance } => {
                let all = DistributedDiscreteGaussian::new(sensitivity, variance.to_f64(), clients)?;
                Self::DistributedDiscreteGaussian(all.at(honest, 0)?)
            }
            NoiseLaw::LaplaceShare { noise_parameter, shares } => {
                let (l1, dimension) = (sensitivity.l1(), release.dimension);
                let all = DiscreteLaplaceShares::new(noise_parameter.to_f64(), l1, dimension, shares.into(), clients)?;
                Self::DiscreteLaplaceShares(all.at(honest, 0)?)
            }
            _ => return Err(PrivacyError::Parameter { knob: "law", expected: "one of shares", got: f64::NAN }),
        };
        exact.within_distance(release.failure)
    }
}
