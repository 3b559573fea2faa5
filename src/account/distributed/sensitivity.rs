//! How far one client can move the sum, after its vector was rounded to integers.

use crate::error::PrivacyError;

use super::interval::Interval;

/// Largest change of the integer sum when one client's vector becomes zero (that client still adds its noise).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Unchecked"))]
pub struct Sensitivity {
    l2_squared: u64,
    l1: u64,
    dimension: u64,
}

impl Sensitivity {
    /// Any integer vector of `dimension` coordinates with squared L2 norm at most `l2_squared` and L1 norm at most `l1`.
    ///
    /// Either bound is lowered to what the other one implies: `|x|_1 <= sqrt(min(d, |x|_2^2)) |x|_2` and `|x|_2 <= |x|_1` for integers.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if one of the three is zero.
    pub fn new(l2_squared: u64, l1: u64, dimension: u64) -> Result<Self, PrivacyError> {
        let least_one = |knob, value| match value {
            0 => Err(PrivacyError::Parameter { knob, expected: "at least 1", got: 0.0 }),
            _ => Ok(()),
        };
        least_one("l2_squared", l2_squared)?;
        least_one("l1", l1)?;
        least_one("dimension", dimension)?;
        let l2_squared = l2_squared.min(l1.saturating_mul(l1));
        let root = (u128::from(l2_squared) * u128::from(dimension.min(l2_squared))).isqrt();
        Ok(Self { l2_squared, l1: u64::try_from(root).map_or(l1, |root| root.min(l1)), dimension })
    }

    /// What conditional randomised rounding guarantees for real vectors of L2 norm at most `norm` (clip norm times scale): the integer
    /// parts of [`rounded_l2_squared`] and of the L1 norm that follows.
    ///
    /// The encoder must enforce the squared norm [`Self::l2_squared`], in integers.
    ///
    /// # Errors
    /// As [`rounded_l2_squared`]; also if `dimension` is zero or the squared norm is not below 2^63.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    pub fn rounded(norm: f64, beta: f64, dimension: u64) -> Result<Self, PrivacyError> {
        let squared = rounded_l2_squared(norm, beta, dimension)?;
        if squared >= 9.2e18 {
            return Err(PrivacyError::Parameter { knob: "norm", expected: "below 2^31 after rounding", got: norm });
        }
        Self::new((squared as u64).max(1), u64::MAX, dimension)
    }

    /// The sensitivity if a client's vector may be replaced by any other: both norms double.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if the squared norm passes 2^64.
    #[allow(clippy::cast_precision_loss, reason = "for the message only")]
    pub fn replace_one(&self) -> Result<Self, PrivacyError> {
        let too_large = PrivacyError::Parameter { knob: "l2_squared", expected: "below 2^62", got: self.l2_squared as f64 };
        let l2_squared = self.l2_squared.checked_mul(4).ok_or(too_large)?;
        Self::new(l2_squared, self.l1.saturating_mul(2), self.dimension)
    }

    /// Squared L2 norm.
    #[must_use]
    pub fn l2_squared(&self) -> u64 {
        self.l2_squared
    }

    /// L1 norm.
    #[must_use]
    pub fn l1(&self) -> u64 {
        self.l1
    }

    /// Coordinates.
    #[must_use]
    pub fn dimension(&self) -> u64 {
        self.dimension
    }

    /// Largest change of one coordinate.
    pub(super) fn largest_shift(&self) -> u64 {
        self.l2_squared.isqrt()
    }

    /// Coordinates that can change at once: each changes by at least 1.
    pub(super) fn support(&self) -> u64 {
        self.dimension.min(self.l1)
    }
}

/// What a [`Sensitivity`] is read from.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    l2_squared: u64,
    l1: u64,
    dimension: u64,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for Sensitivity {
    type Error = PrivacyError;
    fn try_from(read: Unchecked) -> Result<Self, PrivacyError> {
        Self::new(read.l2_squared, read.l1, read.dimension)
    }
}

/// An upper bound on the squared L2 norm of a vector of L2 norm `norm` after randomised rounding to integers, conditional on the bound with
/// slack `beta` (zero: unconditional): the least of
///
/// ```text
/// (norm + sqrt d)^2    and    norm^2 + d/4 + sqrt(2 ln(1/beta)) (norm + sqrt(d)/2)
/// ```
///
/// Kairouz, Liu and Steinke (2021), Theorem 1, Equation 2 and Proposition 22. Every operation is rounded outward, so the result is not
/// below the formula's exact value, and above it by a relative 1e-14 at most.
///
/// # Errors
/// [`PrivacyError::Parameter`] unless `norm` is positive and finite and `0 <= beta < 1`.
pub fn rounded_l2_squared(norm: f64, beta: f64, dimension: u64) -> Result<f64, PrivacyError> {
    Ok(rounded(norm, beta, dimension)?.hi)
}

/// An upper bound on the L1 norm after rounding: `|x|_1 <= |x|_2 min(sqrt d, |x|_2)` for an integer vector, with [`rounded_l2_squared`]
/// for `|x|_2^2`. Rounded up.
///
/// # Errors
/// As [`rounded_l2_squared`].
pub fn rounded_l1(norm: f64, beta: f64, dimension: u64) -> Result<f64, PrivacyError> {
    let squared = rounded(norm, beta, dimension)?;
    Ok((squared * squared.min(Interval::integer(dimension))).sqrt().hi)
}

fn rounded(norm: f64, beta: f64, dimension: u64) -> Result<Interval, PrivacyError> {
    if !(norm > 0.0 && norm.is_finite()) {
        return Err(PrivacyError::Parameter { knob: "norm", expected: "positive and finite", got: norm });
    }
    if !(0.0..1.0).contains(&beta) {
        return Err(PrivacyError::Parameter { knob: "beta", expected: "at least 0 and below 1", got: beta });
    }
    let (norm, two) = (Interval::exact(norm), Interval::exact(2.0));
    let root = Interval::integer(dimension).sqrt();
    let always = (norm + root).square();
    if beta == 0.0 {
        return Ok(always);
    }
    let tail = (two * (Interval::exact(0.0) - Interval::exact(beta).ln())).sqrt();
    let conditional = norm.square() + Interval::integer(dimension) / Interval::exact(4.0) + tail * (norm + root / two);
    Ok(always.min(conditional))
}
