//! What the two noise laws have in common: equal shares of many clients, some of which are missing or known to the adversary.

use crate::error::PrivacyError;

use super::{interval::Interval, sensitivity::Sensitivity};

/// A sum with noise from `honest` of `clients` equal shares.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Unchecked"))]
pub(super) struct Shares {
    pub(super) sensitivity: Sensitivity,
    pub(super) local_variance: f64,
    pub(super) clients: u64,
    pub(super) honest: u64,
}

impl Shares {
    pub(super) fn new(sensitivity: Sensitivity, local_variance: f64, clients: u64) -> Result<Self, PrivacyError> {
        let shares = Self { sensitivity, local_variance, clients, honest: clients };
        shares.validate()?;
        Ok(shares)
    }

    #[allow(clippy::cast_precision_loss, reason = "for messages only")]
    pub(super) fn validate(&self) -> Result<(), PrivacyError> {
        let require =
            |holds, knob, expected, got| if holds { Ok(()) } else { Err(PrivacyError::Parameter { knob, expected, got }) };
        let variance = self.local_variance;
        require((1e-100..=1e100).contains(&variance), "local_variance", "between 1e-100 and 1e100", variance)?;
        require(self.clients >= 1, "clients", "at least 1", self.clients as f64)?;
        require(self.honest <= self.clients, "honest", "at most `clients`", self.honest as f64)
    }

    /// The same shares when `survivors` arrive, of which the adversary knows `colluders`.
    #[allow(clippy::cast_precision_loss, reason = "for messages only")]
    pub(super) fn at(&self, survivors: u64, colluders: u64) -> Result<Self, PrivacyError> {
        honest(self.clients, survivors, colluders).map(|honest| Self { honest, ..*self })
    }

    /// Variance parameter of a share: any real number whose nearest `f64` is the one given.
    pub(super) fn local(&self) -> Interval {
        Interval::nearest(self.local_variance)
    }

    /// Variance parameter of the honest sum.
    pub(super) fn variance(&self) -> Interval {
        self.local() * Interval::integer(self.honest)
    }
}

/// `survivors - colluders`, or which of the two is too large.
#[allow(clippy::cast_precision_loss, reason = "for messages only")]
pub(super) fn honest(clients: u64, survivors: u64, colluders: u64) -> Result<u64, PrivacyError> {
    if survivors > clients {
        return Err(PrivacyError::Parameter { knob: "survivors", expected: "at most `clients`", got: survivors as f64 });
    }
    let too_many = PrivacyError::Parameter { knob: "colluders", expected: "at most `survivors`", got: colluders as f64 };
    survivors.checked_sub(colluders).ok_or(too_many)
}

/// What [`Shares`] are read from.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    sensitivity: Sensitivity,
    local_variance: f64,
    clients: u64,
    honest: u64,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for Shares {
    type Error = PrivacyError;
    fn try_from(read: Unchecked) -> Result<Self, PrivacyError> {
        let Unchecked { sensitivity, local_variance, clients, honest } = read;
        let shares = Self { sensitivity, local_variance, clients, honest };
        shares.validate()?;
        Ok(shares)
    }
}
