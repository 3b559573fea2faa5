//! What is drawn: laws on the integers with rational parameters.

use crate::error::PrivacyError;

/// Denominators and variances stay below these, so that the arithmetic of `plan` and `weights` fits into 128 bits.
const MAX_DENOMINATOR: u64 = 1 << 32;
const MAX_VARIANCE: u64 = 1 << 60;
/// The least variance of a discrete Gaussian is one part of this.
const LEAST_GAUSSIAN: u64 = 64;
/// The least variance of a Skellam law, and the least noise parameter, are one part of this.
const LEAST: u64 = 1 << 32;
/// The largest noise parameter: `e^-64` is the chance of anything but zero.
const MAX_NOISE_PARAMETER: u64 = 64;

/// A positive rational number in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rational {
    numerator: u64,
    denominator: u64,
}

impl Rational {
    /// `numerator / denominator`.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if either is zero, or if the denominator in lowest terms is above 2^32.
    pub fn new(numerator: u64, denominator: u64) -> Result<Self, PrivacyError> {
        let divisor = gcd(numerator, denominator).max(1);
        let lowest = Self { numerator: numerator / divisor, denominator: denominator / divisor };
        if numerator == 0 {
            return Err(refused_integer("numerator", "at least 1", 0));
        }
        if !(1..=MAX_DENOMINATOR).contains(&lowest.denominator) {
            return Err(refused_integer("denominator", "in 1..=2^32 in lowest terms", lowest.denominator));
        }
        Ok(lowest)
    }

    /// The numerator in lowest terms.
    #[must_use]
    pub fn numerator(self) -> u64 {
        self.numerator
    }

    /// The denominator in lowest terms.
    #[must_use]
    pub fn denominator(self) -> u64 {
        self.denominator
    }

    /// The nearest double, for reports. No noise is ever computed from it.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        approximate(self.numerator) / approximate(self.denominator)
    }

    /// Whether this is at least `1 / part` and at most `most`.
    fn is_between(self, part: u64, most: u64) -> bool {
        let (numerator, denominator) = (u128::from(self.numerator), u128::from(self.denominator));
        numerator * u128::from(part) >= denominator && numerator <= u128::from(most) * denominator
    }
}

/// A law of integer noise, symmetric around zero. The parameters are public and exact: they belong in the descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoiseLaw {
    /// The difference of two Poisson variables of mean `variance / 2` (Agarwal, Kairouz, Liu 2021).
    ///
    /// Closed under sums: `m` independent shares of variance `v` have the Skellam law of variance `m v`.
    Skellam {
        /// The variance, in 2^-32 ..= 2^60.
        variance: Rational,
    },
    /// `P(x)` proportional to `exp(-x^2 / (2 variance))` (Canonne, Kamath, Steinke 2020).
    DiscreteGaussian {
        /// The parameter sigma^2, in 2^-6 ..= 2^60; the variance itself is never above it.
        variance: Rational,
    },
    /// `P(x)` proportional to `exp(-noise_parameter |x|)`, also called two-sided geometric (ibid.).
    DiscreteLaplace {
        /// The exponent a, epsilon divided by the L1 sensitivity, in 2^-32 ..= 64.
        noise_parameter: Rational,
    },
    /// One of `shares` independent shares whose sum has the discrete Laplace law: the difference of two Pólya (negative binomial)
    /// variables of `1 / shares` successes. `m` of the shares have the generalised discrete Laplace law (Goryczka, Xiong 2017).
    LaplaceShare {
        /// The exponent a of the sum, at most 64. See [`super::Sampler::new`] for the least.
        noise_parameter: Rational,
        /// How many shares make the discrete Laplace law; at least 1.
        shares: u32,
    },
}

impl NoiseLaw {
    /// Refuses parameters outside the ranges documented at the variants.
    pub(super) fn check(self) -> Result<(), PrivacyError> {
        match self {
            Self::Skellam { variance } if !variance.is_between(LEAST, MAX_VARIANCE) => {
                Err(refused("variance", "in 2^-32 ..= 2^60", variance))
            }
            Self::DiscreteGaussian { variance } if !variance.is_between(LEAST_GAUSSIAN, MAX_VARIANCE) => {
                Err(refused("variance", "in 2^-6 ..= 2^60", variance))
            }
            Self::DiscreteLaplace { noise_parameter } | Self::LaplaceShare { noise_parameter, .. }
                if !noise_parameter.is_between(LEAST, MAX_NOISE_PARAMETER) =>
            {
                Err(refused("noise_parameter", "in 2^-32 ..= 64", noise_parameter))
            }
            Self::LaplaceShare { shares: 0, .. } => Err(refused_integer("shares", "at least 1", 0)),
            _ => Ok(()),
        }
    }

    /// The error for a law whose tables would be too large.
    pub(super) fn too_large(self) -> PrivacyError {
        match self {
            Self::Skellam { variance } | Self::DiscreteGaussian { variance } => {
                refused("variance", "smaller, or of smaller denominator", variance)
            }
            Self::DiscreteLaplace { noise_parameter } | Self::LaplaceShare { noise_parameter, .. } => {
                refused("noise_parameter", "larger, or of smaller denominator", noise_parameter)
            }
        }
    }
}

pub(super) fn refused(knob: &'static str, expected: &'static str, got: Rational) -> PrivacyError {
    PrivacyError::Parameter { knob, expected, got: got.to_f64() }
}

fn refused_integer(knob: &'static str, expected: &'static str, got: u64) -> PrivacyError {
    PrivacyError::Parameter { knob, expected, got: approximate(got) }
}

#[allow(clippy::cast_precision_loss, reason = "for reports and errors only")]
fn approximate(value: u64) -> f64 {
    value as f64
}

fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
