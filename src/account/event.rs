//! What happened to the data: the mechanisms whose privacy is accounted (docs/privacy.md, section 11).
//!
//! The names are those of Google's `dp_accounting`.

mod checks;

use alloc::{boxed::Box, vec::Vec};

use checks::{at_most, count, steps};
pub(crate) use checks::{not_negative, positive, probability, require};

use crate::{
    account::{
        distributed::{DiscreteLaplaceShares, DistributedDiscreteGaussian, DistributedSkellam},
        special::{EPS, real},
    },
    error::PrivacyError,
};

/// Events nested deeper than this are refused.
const MAX_DEPTH: usize = 16;

/// When two databases are neighbours. It has no default: the sensitivities in an [`Event`] are only true for the relation for which they
/// were computed, and amplification by sampling holds only for some relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(clippy::exhaustive_enums, reason = "the relations of the theorems in use")]
pub enum NeighboringRelation {
    /// One party's data is added or removed.
    AddOrRemoveOne,
    /// One party's data is replaced by any other. L2 and L1 sensitivities are up to twice those of [`Self::AddOrRemoveOne`].
    ReplaceOne,
    /// One party's data is replaced by nothing ("zero-out"): the number of parties is public.
    ReplaceSpecial,
}

/// A release of information about the parties' data.
///
/// Build with the functions below, which check the parameters. Every [`Accountant`](crate::account::Accountant) and the deserialiser
/// check again, with [`Self::validate`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(remote = "Self"))]
#[non_exhaustive]
pub enum Event {
    /// Nothing is released.
    NoOp,
    /// Everything is released: epsilon is infinite.
    NonPrivate,
    /// Gaussian noise of standard deviation `noise_multiplier` times the L2 sensitivity, on every coordinate.
    Gaussian {
        /// Standard deviation over L2 sensitivity.
        noise_multiplier: f64,
    },
    /// An integer plus discrete Gaussian noise `N_Z(0, sigma^2)` (Canonne, Kamath and Steinke, 2020, Definition 1).
    DiscreteGaussian {
        /// Scale parameter; the standard deviation is at most this.
        sigma: f64,
        /// Largest change of the integer.
        sensitivity: u64,
    },
    /// Laplace noise of scale `noise_multiplier` times the L1 sensitivity, one coordinate.
    Laplace {
        /// Scale over L1 sensitivity.
        noise_multiplier: f64,
    },
    /// An integer plus noise with probabilities proportional to `exp(-noise_parameter |x|)`.
    DiscreteLaplace {
        /// Rate of the two-sided geometric law.
        noise_parameter: f64,
        /// Largest change of the integer.
        sensitivity: u64,
    },
    /// The sum of Skellam shares of many clients.
    DistributedSkellam(DistributedSkellam),
    /// The sum of discrete Gaussian shares of many clients.
    DistributedDiscreteGaussian(DistributedDiscreteGaussian),
    /// The sum of Pólya shares that make up discrete Laplace noise when enough of them arrive.
    DiscreteLaplaceShares(DiscreteLaplaceShares),
    /// The event on a sample that holds each party independently with this probability. Holds against adversaries who do not know the
    /// sample.
    PoissonSampled {
        /// Probability of each party to be in the sample.
        sampling_probability: f64,
        /// What is done with the sample.
        event: Box<Event>,
    },
    /// The event on a uniform sample of fixed size. Holds against adversaries who do not know the sample.
    SampledWithoutReplacement {
        /// Parties.
        source_dataset_size: u64,
        /// Parties in the sample.
        sample_size: u64,
        /// What is done with the sample.
        event: Box<Event>,
    },
    /// The event, `count` times with independent randomness; what is done may depend on earlier results.
    SelfComposed {
        /// The event.
        event: Box<Event>,
        /// How often.
        count: u64,
    },
    /// All of these events with independent randomness.
    Composed(Vec<Event>),
    /// All prefix sums of vectors of norm 1 through binary trees of Gaussian noise, one tree for each entry; each party takes part in
    /// one step only (Kairouz et al., 2021, Theorem 4.1).
    SingleEpochTree {
        /// Standard deviation of a node over the L2 sensitivity of a step.
        noise_multiplier: f64,
        /// Steps of each tree.
        step_counts: Vec<u64>,
    },
    /// Anything that is `(xi, rho)`-zCDP: Rényi divergence of order `alpha` at most `xi + rho alpha` (Bun and Steinke, 2016).
    ZCdp {
        /// Slope.
        rho: f64,
        /// Offset.
        xi: f64,
    },
    /// Anything that is `(epsilon, delta)`-differentially private.
    EpsilonDelta {
        /// Bound on the privacy loss.
        epsilon: f64,
        /// Probability that the bound fails.
        delta: f64,
    },
    /// What differs from the event with a small probability: a mechanism that may fail, or whose noise is not quite the law's. Under every
    /// database its output is within this total variation distance of the event's (docs/privacy.md, section 8).
    WithinDistance {
        /// Total variation distance, at most.
        total_variation: f64,
        /// The mechanism without failure.
        event: Box<Event>,
    },
}

/// Constructors.
///
/// # Errors
/// [`PrivacyError::Parameter`] names the parameter that is out of range.
impl Event {
    /// Gaussian noise; see [`Self::Gaussian`].
    ///
    /// # Errors
    /// Unless `noise_multiplier` is positive and finite.
    pub fn gaussian(noise_multiplier: f64) -> Result<Self, PrivacyError> {
        Self::Gaussian { noise_multiplier }.checked()
    }

    /// The whole output of a matrix mechanism `A = B C` with noise `B z`, `z` Gaussian with standard deviation `noise_stddev`: one Gaussian
    /// event (Denisov et al., 2022, Theorem 2.1, also for adaptive inputs).
    ///
    /// `sensitivity` is the L2 norm by which `C x` can change, over all steps in which one party takes part: for one participation
    /// the clip norm times the largest column norm of `C`.
    ///
    /// # Errors
    /// Unless both are positive and finite.
    pub fn matrix_factorization(noise_stddev: f64, sensitivity: f64) -> Result<Self, PrivacyError> {
        positive("noise_stddev", noise_stddev)?;
        positive("sensitivity", sensitivity)?;
        Self::gaussian(noise_stddev / sensitivity)
    }

    /// Discrete Gaussian noise on an integer; see [`Self::DiscreteGaussian`].
    ///
    /// # Errors
    /// Unless `sigma` is positive and finite and `sensitivity` at least 1.
    pub fn discrete_gaussian(sigma: f64, sensitivity: u64) -> Result<Self, PrivacyError> {
        Self::DiscreteGaussian { sigma, sensitivity }.checked()
    }

    /// Laplace noise; see [`Self::Laplace`].
    ///
    /// # Errors
    /// Unless `noise_multiplier` is positive and finite.
    pub fn laplace(noise_multiplier: f64) -> Result<Self, PrivacyError> {
        Self::Laplace { noise_multiplier }.checked()
    }

    /// Discrete Laplace noise on an integer; see [`Self::DiscreteLaplace`].
    ///
    /// # Errors
    /// Unless `noise_parameter` is positive and finite and `sensitivity` at least 1.
    pub fn discrete_laplace(noise_parameter: f64, sensitivity: u64) -> Result<Self, PrivacyError> {
        Self::DiscreteLaplace { noise_parameter, sensitivity }.checked()
    }

    /// This event on a Poisson sample; see [`Self::PoissonSampled`].
    ///
    /// # Errors
    /// Unless `0 <= sampling_probability <= 1`.
    pub fn poisson_sampled(self, sampling_probability: f64) -> Result<Self, PrivacyError> {
        Self::PoissonSampled { sampling_probability, event: Box::new(self) }.checked()
    }

    /// This event on a sample of fixed size; see [`Self::SampledWithoutReplacement`].
    ///
    /// # Errors
    /// Unless `sample_size <= source_dataset_size` and the latter is positive.
    pub fn sampled_without_replacement(self, source_dataset_size: u64, sample_size: u64) -> Result<Self, PrivacyError> {
        Self::SampledWithoutReplacement { source_dataset_size, sample_size, event: Box::new(self) }.checked()
    }

    /// This event `count` times; see [`Self::SelfComposed`].
    ///
    /// # Errors
    /// If the event itself is not valid.
    pub fn self_composed(self, count: u64) -> Result<Self, PrivacyError> {
        Self::SelfComposed { event: Box::new(self), count }.checked()
    }

    /// Tree aggregation; see [`Self::SingleEpochTree`].
    ///
    /// # Errors
    /// Unless `noise_multiplier` is positive and finite and there is a step.
    pub fn single_epoch_tree(noise_multiplier: f64, step_counts: Vec<u64>) -> Result<Self, PrivacyError> {
        Self::SingleEpochTree { noise_multiplier, step_counts }.checked()
    }

    /// A zCDP bound; see [`Self::ZCdp`].
    ///
    /// # Errors
    /// Unless both are finite and not negative.
    pub fn zcdp(rho: f64, xi: f64) -> Result<Self, PrivacyError> {
        Self::ZCdp { rho, xi }.checked()
    }

    /// An approximate-DP bound; see [`Self::EpsilonDelta`].
    ///
    /// # Errors
    /// Unless `epsilon` is finite and not negative and `0 <= delta <= 1`.
    pub fn epsilon_delta(epsilon: f64, delta: f64) -> Result<Self, PrivacyError> {
        Self::EpsilonDelta { epsilon, delta }.checked()
    }

    /// Something within a total variation distance of this event; see [`Self::WithinDistance`].
    ///
    /// # Errors
    /// Unless `0 <= total_variation <= 1`.
    pub fn within_distance(self, total_variation: f64) -> Result<Self, PrivacyError> {
        Self::WithinDistance { total_variation, event: Box::new(self) }.checked()
    }

    fn checked(self) -> Result<Self, PrivacyError> {
        self.validate()?;
        Ok(self)
    }
}

impl Event {
    /// Checks all parameters, of nested events too.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] names the first one that is out of range.
    pub fn validate(&self) -> Result<(), PrivacyError> {
        self.validate_within(MAX_DEPTH)
    }

    fn validate_within(&self, depth: usize) -> Result<(), PrivacyError> {
        let depth = depth.checked_sub(1).ok_or(PrivacyError::Parameter {
            knob: "event",
            expected: "nested at most 16 deep",
            got: 17.0,
        })?;
        match self {
            // The distributed mechanisms are checked where they are built.
            Self::NoOp
            | Self::NonPrivate
            | Self::DistributedSkellam(_)
            | Self::DistributedDiscreteGaussian(_)
            | Self::DiscreteLaplaceShares(_) => Ok(()),
            Self::Gaussian { noise_multiplier } | Self::Laplace { noise_multiplier } => {
                positive("noise_multiplier", *noise_multiplier)
            }
            Self::DiscreteGaussian { sigma, sensitivity } => positive("sigma", *sigma).and(count("sensitivity", *sensitivity)),
            Self::DiscreteLaplace { noise_parameter, sensitivity } => {
                positive("noise_parameter", *noise_parameter).and(count("sensitivity", *sensitivity))
            }
            Self::PoissonSampled { sampling_probability, event } => {
                probability("sampling_probability", *sampling_probability).and(event.validate_within(depth))
            }
            Self::SampledWithoutReplacement { source_dataset_size, sample_size, event } => {
                count("source_dataset_size", *source_dataset_size)
                    .and(at_most("sample_size", *sample_size, *source_dataset_size))
                    .and(event.validate_within(depth))
            }
            Self::SelfComposed { event, .. } => event.validate_within(depth),
            Self::Composed(events) => events.iter().try_for_each(|event| event.validate_within(depth)),
            Self::SingleEpochTree { noise_multiplier, step_counts } => {
                positive("noise_multiplier", *noise_multiplier).and(steps(step_counts))
            }
            Self::ZCdp { rho, xi } => not_negative("rho", *rho).and(not_negative("xi", *xi)),
            Self::EpsilonDelta { epsilon, delta } => not_negative("epsilon", *epsilon).and(probability("delta", *delta)),
            Self::WithinDistance { total_variation, event } => {
                probability("total_variation", *total_variation).and(event.validate_within(depth))
            }
        }
    }

    /// The total variation distance of all that happens from the mechanisms that are named, at most: distances add up, and a sample may fail
    /// whoever is in it.
    #[must_use]
    pub fn total_variation(&self) -> f64 {
        let distance = match self {
            Self::WithinDistance { total_variation, event } => total_variation + event.total_variation(),
            Self::PoissonSampled { event, .. } | Self::SampledWithoutReplacement { event, .. } => event.total_variation(),
            Self::SelfComposed { event, count } => real(*count) * event.total_variation(),
            Self::Composed(events) => {
                events.iter().map(Self::total_variation).sum::<f64>() * (1.0 + EPS * real(events.len() as u64))
            }
            _ => 0.0,
        };
        distance * (1.0 + 2.0 * EPS)
    }

    /// The name, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoOp => "NoOp",
            Self::NonPrivate => "NonPrivate",
            Self::Gaussian { .. } => "Gaussian",
            Self::DiscreteGaussian { .. } => "DiscreteGaussian",
            Self::Laplace { .. } => "Laplace",
            Self::DiscreteLaplace { .. } => "DiscreteLaplace",
            Self::DistributedSkellam(_) => "DistributedSkellam",
            Self::DistributedDiscreteGaussian(_) => "DistributedDiscreteGaussian",
            Self::DiscreteLaplaceShares(_) => "DiscreteLaplaceShares",
            Self::PoissonSampled { .. } => "PoissonSampled",
            Self::SampledWithoutReplacement { .. } => "SampledWithoutReplacement",
            Self::SelfComposed { .. } => "SelfComposed",
            Self::Composed(_) => "Composed",
            Self::SingleEpochTree { .. } => "SingleEpochTree",
            Self::ZCdp { .. } => "ZCdp",
            Self::EpsilonDelta { .. } => "EpsilonDelta",
            Self::WithinDistance { .. } => "WithinDistance",
        }
    }
}

/// Reads an event and checks it.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `remote = "Self"` makes the derived functions inherent ones.
        let event = Self::deserialize(deserializer)?;
        event.checked().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}
