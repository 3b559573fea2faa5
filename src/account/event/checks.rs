//! Ranges of parameters.

use crate::error::PrivacyError;

/// Refuses what is not positive and finite.
pub(crate) fn positive(knob: &'static str, got: f64) -> Result<(), PrivacyError> {
    require(got > 0.0 && got.is_finite(), knob, "positive and finite", got)
}

/// Refuses what is negative, infinite or not a number.
pub(crate) fn not_negative(knob: &'static str, got: f64) -> Result<(), PrivacyError> {
    require(got >= 0.0 && got.is_finite(), knob, "finite and not negative", got)
}

/// Refuses what is not a probability.
pub(crate) fn probability(knob: &'static str, got: f64) -> Result<(), PrivacyError> {
    require((0.0..=1.0).contains(&got), knob, "between 0 and 1", got)
}

/// An error unless the condition holds.
pub(crate) fn require(holds: bool, knob: &'static str, expected: &'static str, got: f64) -> Result<(), PrivacyError> {
    if holds { Ok(()) } else { Err(PrivacyError::Parameter { knob, expected, got }) }
}

#[allow(clippy::cast_precision_loss, reason = "for the message only")]
pub(super) fn count(knob: &'static str, got: u64) -> Result<(), PrivacyError> {
    require(got >= 1, knob, "at least 1", got as f64)
}

#[allow(clippy::cast_precision_loss, reason = "for the message only")]
pub(super) fn at_most(knob: &'static str, got: u64, most: u64) -> Result<(), PrivacyError> {
    require(got <= most, knob, "at most source_dataset_size", got as f64)
}

pub(super) fn steps(step_counts: &[u64]) -> Result<(), PrivacyError> {
    let least = step_counts.iter().copied().min().unwrap_or(0);
    count("step_counts", least)
}
