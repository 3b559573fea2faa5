//! Pure differential privacy from Pólya shares of discrete Laplace noise.

use crate::error::PrivacyError;

use super::{interval::LIBM, shares::honest};

/// Terms of a series, or factors of a product, that are computed one by one.
const TERMS: u64 = 1 << 20;
/// Series are cut where the rest is below this part of the sum.
const REST: f64 = 1e-17;

/// A sum with noise from `honest` of `clients` equal shares, `needed` of which add up to discrete Laplace noise with probabilities
/// proportional to `exp(-parameter |x|)`.
///
/// A share is the difference of two Pólya (negative binomial) variables with `1/needed` failures and success probability
/// `exp(-parameter)`; the sum of `m` shares is generalised discrete Laplace noise with shape `f = m / needed`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Unchecked"))]
pub struct DiscreteLaplaceShares {
    parameter: f64,
    l1: u64,
    dimension: u64,
    needed: u64,
    clients: u64,
    honest: u64,
}

impl DiscreteLaplaceShares {
    /// One client moves the integer sum by at most `l1` in L1 norm, over `dimension` coordinates. All clients are honest and survive;
    /// see [`Self::at`].
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless `1e-300 <= parameter <= 1e6` and the four integers are at least 1.
    pub fn new(parameter: f64, l1: u64, dimension: u64, needed: u64, clients: u64) -> Result<Self, PrivacyError> {
        let shares = Self { parameter, l1, dimension, needed, clients, honest: clients };
        shares.validate()?;
        Ok(shares)
    }

    /// The same when `survivors` shares arrive, of which the adversary knows `colluders`.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if `survivors` is above the number of clients or `colluders` above `survivors`.
    pub fn at(&self, survivors: u64, colluders: u64) -> Result<Self, PrivacyError> {
        honest(self.clients, survivors, colluders).map(|honest| Self { honest, ..*self })
    }

    /// Checks all parameters.
    ///
    /// # Errors
    /// As [`Self::new`]; also if `honest` is above `clients`.
    #[allow(clippy::cast_precision_loss, reason = "for messages only")]
    pub fn validate(&self) -> Result<(), PrivacyError> {
        let require =
            |holds, knob, expected, got| if holds { Ok(()) } else { Err(PrivacyError::Parameter { knob, expected, got }) };
        require((1e-300..=1e6).contains(&self.parameter), "parameter", "between 1e-300 and 1e6", self.parameter)?;
        require(self.l1 >= 1, "l1", "at least 1", 0.0)?;
        require(self.dimension >= 1, "dimension", "at least 1", 0.0)?;
        require(self.needed >= 1, "needed", "at least 1", 0.0)?;
        require(self.clients >= 1, "clients", "at least 1", 0.0)?;
        require(self.honest <= self.clients, "honest", "at most `clients`", self.honest as f64)
    }

    /// Honest shares.
    #[must_use]
    pub fn honest(&self) -> u64 {
        self.honest
    }

    /// The pure-DP epsilon, rounded up; infinite without an honest share.
    ///
    /// With all needed shares it is `parameter * l1`. With fewer, for one coordinate, Harrison (2024), Theorem 1: the logarithm of
    /// `p(0)/p(l1)` for generalised discrete Laplace probabilities `p`. For several coordinates `l1` times the epsilon of a shift by 1:
    /// a client's change is that many steps by 1.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "rounded up below")]
    pub fn epsilon(&self) -> f64 {
        let l1 = (self.l1 as f64).next_up();
        let epsilon = if self.honest == 0 {
            f64::INFINITY
        } else if self.honest >= self.needed {
            self.parameter * l1
        } else {
            let shape = self.honest as f64 / self.needed as f64;
            let single = l1 * log_ratio(shape, self.parameter, 1);
            if self.dimension == 1 { single.min(log_ratio(shape, self.parameter, self.l1)) } else { single }
        };
        epsilon * (1.0 + 8.0 * f64::EPSILON)
    }
}

/// Not below `ln(p(0)/p(shift))`, where `p(x)` is proportional to `sum_j b_j b_{j+x} e^{-a(2j+x)}` with `b_j = (f)_j/j!`, for `0 < f < 1`:
/// the formula of the theorem with both hypergeometric functions as series.
#[allow(clippy::cast_precision_loss, reason = "shifts above 2^53 are only used in a lower bound")]
fn log_ratio(shape: f64, parameter: f64, shift: u64) -> f64 {
    let z = libm::exp(-2.0 * parameter);
    let missing = -libm::expm1(-2.0 * parameter);
    let (mut first, mut moved, mut power) = (1.0_f64, 1.0_f64, 1.0_f64);
    let (mut above, mut below, mut j) = (0.0_f64, 0.0_f64, 0_u64);
    // `moved` is b_{j+x}/b_x: its factors b_x and e^{-ax} are put back at the end.
    let rest = loop {
        above += first * first * power;
        below += first * moved * power;
        let index = j as f64;
        first *= (shape + index) / (index + 1.0);
        moved *= (shape + index + shift as f64) / (index + 1.0 + shift as f64);
        power *= z;
        j += 1;
        // b_j falls, so what follows is at most a geometric series.
        let rest = first * first * power / missing;
        if rest <= above * REST || j >= TERMS {
            break rest;
        }
    };
    // Each factor carries at most 4 roundings a step, `power` also j errors of z.
    let rounding = (j as f64 + 2.0) * 8.0 * LIBM;
    let series = libm::log((above + rest) / below) + rounding;
    let shape_part = log_inverse_coefficient(shape, shift);
    let total = series + shape_part + parameter * (shift as f64).next_up();
    total + 8.0 * LIBM * (series.abs() + shape_part + parameter * shift as f64)
}

/// Not below `-ln b_x`, `b_x = Gamma(x + f)/(Gamma(x + 1) Gamma(f))`: the product for small `x`, else Gautschi's inequality
/// `Gamma(x + 1)/Gamma(x + f) <= (x + 1)^(1 - f)` and `Gamma(f) = Gamma(1 + f)/f <= 1/f`.
#[allow(clippy::cast_precision_loss, reason = "the loss is covered by the last summand")]
fn log_inverse_coefficient(shape: f64, shift: u64) -> f64 {
    let value = if shift <= 1 << 16 {
        -(0..shift).map(|i| libm::log1p((shape - 1.0) / (i as f64 + 1.0))).sum::<f64>()
    } else {
        (1.0 - shape) * libm::log(shift as f64 + 1.0) - libm::log(shape)
    };
    value * (1.0 + 8.0 * LIBM + f64::EPSILON * (shift.min(1 << 16) as f64))
}

/// What [`DiscreteLaplaceShares`] are read from.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    parameter: f64,
    l1: u64,
    dimension: u64,
    needed: u64,
    clients: u64,
    honest: u64,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for DiscreteLaplaceShares {
    type Error = PrivacyError;
    fn try_from(read: Unchecked) -> Result<Self, PrivacyError> {
        let Unchecked { parameter, l1, dimension, needed, clients, honest } = read;
        let shares = Self { parameter, l1, dimension, needed, clients, honest };
        shares.validate()?;
        Ok(shares)
    }
}
