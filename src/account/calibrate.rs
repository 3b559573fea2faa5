//! The least noise, the most rounds, the largest sample for a target.
//!
//! Every function takes a closure that makes an accountant, composed with everything that will be released, for a value of the knob. Any accountant
//! will do. The search brackets the boundary and narrows it; the value it returns has been checked against the target, and if there is none, the
//! error names the knob.

use crate::{
    account::{
        accountant::Accountant,
        event::{not_negative, probability},
        special::{ln, sqrt},
    },
    error::PrivacyError,
};

/// Real knobs are found to this relative width.
const TOLERANCE: f64 = 1e-7;
/// Noise multipliers and sampling probabilities are searched down to `2^-40` and noise multipliers up to `2^40`.
const RANGE: f64 = 1_099_511_627_776.0;
/// Rounds are searched up to `2^40`.
const MOST_ROUNDS: u64 = 1 << 40;

/// What the releases may cost in all.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(clippy::exhaustive_structs, reason = "the two numbers of differential privacy")]
pub struct Target {
    /// Largest epsilon.
    pub epsilon: f64,
    /// At this delta.
    pub delta: f64,
}

impl Target {
    /// A target.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless `epsilon` is finite and not negative and `0 <= delta <= 1`.
    pub fn new(epsilon: f64, delta: f64) -> Result<Self, PrivacyError> {
        let target = Self { epsilon, delta };
        target.validate()?;
        Ok(target)
    }

    pub(crate) fn validate(self) -> Result<(), PrivacyError> {
        not_negative("epsilon", self.epsilon).and(probability("delta", self.delta))
    }

    /// Epsilon over its limit, as a logarithm: at most 0 where the target is met.
    fn excess(self, accountant: &impl Accountant) -> Result<f64, PrivacyError> {
        let epsilon = accountant.epsilon(self.delta)?;
        Ok(if epsilon <= self.epsilon { (ln(epsilon) - ln(self.epsilon)).min(0.0) } else { above(epsilon, self.epsilon) })
    }
}

/// A positive number for an epsilon above its limit.
fn above(epsilon: f64, limit: f64) -> f64 {
    let excess = ln(epsilon) - ln(limit);
    if excess > 0.0 { excess } else { f64::MIN_POSITIVE }
}

/// The least noise multiplier for which the accountant of `make` meets the target, up to one part in 10^7.
///
/// # Errors
/// [`PrivacyError::Unreachable`] if not even 2^40 does; [`PrivacyError::Parameter`] for a target out of range; what `make` returns.
pub fn least_noise_multiplier<A: Accountant>(
    target: Target,
    mut make: impl FnMut(f64) -> Result<A, PrivacyError>,
) -> Result<f64, PrivacyError> {
    target.validate()?;
    let mut excess = |knob: f64| target.excess(&make(knob)?);
    let reason = "even 2^40 is not enough: raise epsilon or delta, or lower the rounds or the sampling probability";
    least(&mut excess)?.ok_or(PrivacyError::Unreachable { knob: "noise_multiplier", reason })
}

/// The largest sampling probability for which the accountant of `make` meets the target, up to one part in 10^7.
///
/// # Errors
/// [`PrivacyError::Unreachable`] if not even 2^-40 does; [`PrivacyError::Parameter`] for a target out of range; what `make` returns.
pub fn largest_sampling_probability<A: Accountant>(
    target: Target,
    mut make: impl FnMut(f64) -> Result<A, PrivacyError>,
) -> Result<f64, PrivacyError> {
    target.validate()?;
    let mut excess = |knob: f64| target.excess(&make(1.0 / knob)?);
    let reason = "even 2^-40 is too much: raise epsilon, delta or the noise, or lower the rounds";
    if excess(1.0)? <= 0.0 {
        return Ok(1.0);
    }
    // The least inverse above 1.
    let inverse = least(&mut excess)?.ok_or(PrivacyError::Unreachable { knob: "sampling_probability", reason })?;
    Ok(1.0 / inverse)
}

/// The most rounds for which the accountant of `make` meets the target, at most 2^40.
///
/// # Errors
/// [`PrivacyError::Unreachable`] if a single round does not; [`PrivacyError::Parameter`] for a target out of range; what `make` returns.
pub fn most_rounds<A: Accountant>(target: Target, make: impl FnMut(u64) -> Result<A, PrivacyError>) -> Result<u64, PrivacyError> {
    let reason = "a single round is too much: raise epsilon, delta or the noise, or lower the sampling probability";
    largest_count(target, MOST_ROUNDS, make)?.ok_or(PrivacyError::Unreachable { knob: "rounds", reason })
}

/// The largest batch, at most `clients`, for which the accountant of `make` meets the target.
///
/// # Errors
/// [`PrivacyError::Unreachable`] if a batch of one does not; [`PrivacyError::Parameter`] for a target out of range; what `make` returns.
pub fn largest_batch<A: Accountant>(
    target: Target,
    clients: u64,
    make: impl FnMut(u64) -> Result<A, PrivacyError>,
) -> Result<u64, PrivacyError> {
    let reason = "a batch of one is too much: raise epsilon, delta or the noise, or lower the rounds";
    largest_count(target, clients, make)?.ok_or(PrivacyError::Unreachable { knob: "batch", reason })
}

/// The least positive number without excess: doubling or halving from 1 to a bracket, then narrowing.
fn least(excess: &mut impl FnMut(f64) -> Result<f64, PrivacyError>) -> Result<Option<f64>, PrivacyError> {
    let mut high = (1.0, excess(1.0)?);
    let mut low = high;
    while high.1 > 0.0 {
        if high.0 >= RANGE {
            return Ok(None);
        }
        low = high;
        high = (2.0 * high.0, excess(2.0 * high.0)?);
    }
    while low.1 <= 0.0 {
        if low.0 <= 1.0 / RANGE {
            return Ok(Some(low.0));
        }
        high = low;
        low = (0.5 * low.0, excess(0.5 * low.0)?);
    }
    narrow(excess, low, high).map(Some)
}

/// Narrows a bracket whose low end has an excess and whose high end has none: regula falsi in logarithms, in the Illinois variant (an end that
/// stays twice counts half), and a bisection when eight steps have not halved the bracket.
fn narrow(
    excess: &mut impl FnMut(f64) -> Result<f64, PrivacyError>,
    mut low: (f64, f64),
    mut high: (f64, f64),
) -> Result<f64, PrivacyError> {
    let (mut was_low, mut slow, mut width) = (None, 0_u8, high.0 - low.0);
    while high.0 - low.0 > TOLERANCE * high.0 {
        slow = if high.0 - low.0 > 0.5 * width { slow + 1 } else { 0 };
        if slow == 0 {
            width = high.0 - low.0;
        }
        let middle = if slow >= 8 { sqrt(low.0 * high.0) } else { crossing(low, high) };
        let value = excess(middle)?;
        let is_low = value > 0.0;
        let stays = if was_low == Some(is_low) { 0.5 } else { 1.0 };
        if is_low {
            (low, high.1) = ((middle, value), high.1 * stays);
        } else {
            (high, low.1) = ((middle, value), low.1 * stays);
        }
        (was_low, slow) = (Some(is_low), if slow >= 8 { 0 } else { slow });
    }
    Ok(high.0)
}

/// Where a line through both ends crosses zero, at least a part of the tolerance inside the bracket, so that the bracket closes from both sides.
fn crossing(low: (f64, f64), high: (f64, f64)) -> f64 {
    let (from, to) = (ln(low.0), ln(high.0));
    let part = low.1 / (low.1 - high.1);
    let part = if part.is_finite() { part } else { 0.5 };
    let margin = (0.4 * TOLERANCE / (to - from)).min(0.25);
    libm::exp(from + (to - from) * part.clamp(margin, 1.0 - margin))
}

/// The largest count in `1 ..= most` that meets the target, if meeting it is monotone; it does in any case.
fn largest_count<A: Accountant>(
    target: Target,
    most: u64,
    mut make: impl FnMut(u64) -> Result<A, PrivacyError>,
) -> Result<Option<u64>, PrivacyError> {
    target.validate()?;
    let mut good = |count: u64| Ok::<bool, PrivacyError>(make(count)?.epsilon(target.delta)? <= target.epsilon);
    if most == 0 || !good(1)? {
        return Ok(None);
    }
    let (mut low, mut high) = (1, 2_u64.min(most));
    while low < most && good(high)? {
        (low, high) = (high, high.saturating_mul(2).min(most));
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if good(middle)? { low = middle } else { high = middle }
    }
    Ok(Some(low))
}
