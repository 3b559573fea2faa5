//! The distributed mechanisms: an integer sum whose noise is made of one share from each client (docs/privacy.md,
//! section 10).
//!
//! What protects is the noise of the honest survivors alone: a client that dropped out added nothing, and colluders know their own
//! shares. Sensitivities are in integer units, after rounding; wrapping modulo `2^b` and all that the server does later is
//! post-processing.
//!
//! For each mechanism there are the bound of its paper and bounds of our own, proved there: a closed form, and a numeric one,
//!
//! ```text
//! eps(a) <= L2^2 max_{1 <= D <= floor(L2)} R_a(D)/D^2
//! ```
//!
//! with `R_a(D)` the one-dimensional Rényi divergence for a shift by `D`, computed with an error bound for every `D` up to some `D0` and
//! bounded in closed form for all larger ones. Results are rounded up. [`RdpBound`] says which bound a value rests on.

mod convolution;
mod discrete_gaussian;
mod interval;
mod laplace;
mod lattice;
mod maximum;
mod published;
mod sensitivity;
mod shares;
mod skellam;

use alloc::vec::Vec;

use crate::error::PrivacyError;

use self::{
    discrete_gaussian::DiscreteGaussian,
    interval::Interval,
    maximum::{Coordinate, of_one_coordinate, per_squared_shift},
    shares::Shares,
    skellam::Skellam,
};
pub use self::{
    laplace::DiscreteLaplaceShares,
    sensitivity::{Sensitivity, rounded_l1, rounded_l2_squared},
};

/// What a bound rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Basis {
    /// No bound holds at this order: the value is infinite.
    None,
    /// The theorem of the mechanism's paper.
    Published,
    /// A closed form proved in docs/privacy.md, sections 10.4 and 10.6.
    ClosedForm,
    /// The law of one coordinate, computed with an error bound.
    Numeric,
}

/// An upper bound on a Rényi divergence.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RdpBound {
    /// The bound, in nats; infinite if there is none.
    pub value: f64,
    /// What it rests on.
    pub basis: Basis,
}

impl RdpBound {
    const NONE: Self = Self { value: f64::INFINITY, basis: Basis::None };

    fn least(bounds: [(f64, Basis); 3]) -> Self {
        bounds
            .into_iter()
            .fold(Self::NONE, |least, (value, basis)| if value < least.value { Self { value, basis } } else { least })
    }
}

/// The bounds of one mechanism, with what they have in common for all orders.
trait Bounds: Coordinate {
    fn published(&self, order: f64) -> f64;
    fn closed(&self, order: f64) -> f64;
}

impl Bounds for Skellam {
    fn published(&self, order: f64) -> f64 {
        Self::published(self, order)
    }
    fn closed(&self, order: f64) -> f64 {
        Self::closed(self, order)
    }
}

impl Bounds for DiscreteGaussian {
    fn published(&self, order: f64) -> f64 {
        Self::published(self, order)
    }
    fn closed(&self, order: f64) -> f64 {
        Self::closed(self, order)
    }
}

/// The bound by coordinates: numeric if the law has a table, else a closed form.
fn by_coordinate(law: &impl Coordinate, sensitivity: &Sensitivity, order: f64) -> f64 {
    let largest = sensitivity.largest_shift();
    let single = if sensitivity.support() == 1 { of_one_coordinate(law, order, largest) } else { None };
    let of_any = || Interval::integer(sensitivity.l2_squared()) * Interval::exact(per_squared_shift(law, order, largest));
    single.unwrap_or_else(|| of_any().hi)
}

fn bound(law: &impl Bounds, sensitivity: &Sensitivity, order: f64) -> RdpBound {
    let basis = if law.is_numeric() { Basis::Numeric } else { Basis::ClosedForm };
    let value = by_coordinate(law, sensitivity, order);
    RdpBound::least([(law.published(order), Basis::Published), (law.closed(order), Basis::ClosedForm), (value, basis)])
}

fn is_order(order: f64) -> bool {
    order > 1.0 && order.is_finite()
}

macro_rules! mechanism {
    ($(#[$doc:meta])* $name:ident, $engine:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
        pub struct $name(Shares);

        impl $name {
            /// One client moves the integer sum by at most `sensitivity`; each of `clients` adds a share with variance parameter
            /// `local_variance`, in squared integer units. All are honest and survive; see [`Self::at`].
            ///
            /// The results hold for every real variance whose nearest `f64` is `local_variance`, so for a rational one too.
            ///
            /// # Errors
            /// [`PrivacyError::Parameter`] unless `1e-100 <= local_variance <= 1e100` and there is a client.
            pub fn new(sensitivity: Sensitivity, local_variance: f64, clients: u64) -> Result<Self, PrivacyError> {
                Shares::new(sensitivity, local_variance, clients).map(Self)
            }

            /// The same mechanism when `survivors` shares arrive, of which the adversary knows `colluders`. Without an honest share every
            /// bound is infinite.
            ///
            /// # Errors
            /// [`PrivacyError::Parameter`] if `survivors` is above the number of clients or `colluders` above `survivors`.
            pub fn at(&self, survivors: u64, colluders: u64) -> Result<Self, PrivacyError> {
                self.0.at(survivors, colluders).map(Self)
            }

            /// Checks all parameters; what was built or deserialised has passed this.
            ///
            /// # Errors
            /// As [`Self::new`].
            pub fn validate(&self) -> Result<(), PrivacyError> {
                self.0.validate()
            }

            /// The largest change of the sum.
            #[must_use]
            pub fn sensitivity(&self) -> &Sensitivity {
                &self.0.sensitivity
            }

            /// Variance parameter of one share.
            #[must_use]
            pub fn local_variance(&self) -> f64 {
                self.0.local_variance
            }

            /// Clients that were meant to add a share.
            #[must_use]
            pub fn clients(&self) -> u64 {
                self.0.clients
            }

            /// Shares that arrived and that the adversary does not know.
            #[must_use]
            pub fn honest(&self) -> u64 {
                self.0.honest
            }

            /// The least bound on the Rényi divergence of this order, in nats; infinite if there is none or the order is not above 1.
            ///
            /// For many orders [`Self::rdp_curve`] is faster.
            #[must_use]
            pub fn rdp(&self, order: f64) -> f64 {
                self.rdp_curve(&[order]).first().map_or(f64::INFINITY, |bound| bound.value)
            }

            /// The least bound at each order, and what it rests on.
            #[must_use]
            pub fn rdp_curve(&self, orders: &[f64]) -> Vec<RdpBound> {
                if self.0.honest == 0 {
                    return orders.iter().map(|_| RdpBound::NONE).collect();
                }
                let law = $engine::numeric(&self.0);
                let at = |order| if is_order(order) { bound(&law, &self.0.sensitivity, order) } else { RdpBound::NONE };
                orders.iter().copied().map(at).collect()
            }

            /// The bound of the paper; infinite outside its condition.
            #[must_use]
            pub fn rdp_published(&self, order: f64) -> f64 {
                let valid = self.0.honest > 0 && is_order(order);
                if valid { $engine::of_the_paper(&self.0, order) } else { f64::INFINITY }
            }

            /// The closed-form bound of docs/privacy.md, section 10.
            #[must_use]
            pub fn rdp_closed_form(&self, order: f64) -> f64 {
                let valid = self.0.honest > 0 && is_order(order);
                if valid { $engine::closed_form(&self.0).closed(order) } else { f64::INFINITY }
            }

            /// The numeric bound; none if there is no table, because it can not be certified or would not help.
            #[must_use]
            pub fn rdp_numeric(&self, order: f64) -> Option<f64> {
                if self.0.honest == 0 || !is_order(order) {
                    return None;
                }
                let law = $engine::numeric(&self.0);
                law.is_numeric().then(|| by_coordinate(&law, &self.0.sensitivity, order))
            }

            /// The least `rho` for which the mechanism is known to be `rho`-zCDP; infinite without an honest share.
            #[must_use]
            pub fn zcdp(&self) -> f64 {
                if self.0.honest == 0 { f64::INFINITY } else { $engine::closed_form(&self.0).zcdp() }
            }
        }
    };
}

mechanism! {
    /// A sum with Skellam noise: a share is the difference of two independent Poisson variables with mean `local_variance / 2`. Sums of
    /// shares are Skellam again, so `m` honest shares are exactly a Skellam variable of variance `m local_variance`.
    ///
    /// Published bound: Agarwal, Kairouz and Liu (2021), Theorem 3.5 and Corollary 3.6.
    DistributedSkellam, Skellam
}

mechanism! {
    /// A sum with discrete Gaussian shares: an integer `k` has probability proportional to `exp(-k^2/(2 local_variance))`. The variance
    /// of a share is below its parameter, visibly so for parameters below 0.4, and the sum is not a discrete Gaussian; both are accounted
    /// for.
    ///
    /// Published bound: Kairouz, Liu and Steinke (2021), Theorem 1, for `local_variance >= 1/4`.
    DistributedDiscreteGaussian, DiscreteGaussian
}

#[cfg(test)]
mod tests;
