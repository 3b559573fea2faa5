//! What is wrong with privacy parameters, or with what was asked of an accountant.

use core::fmt;

use super::DecodeError;

/// What is wrong with privacy parameters, or with what was asked of them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivacyError {
    /// A parameter is outside its range.
    #[error("`{knob}` must be {expected}, got {got}")]
    Parameter {
        /// The parameter.
        knob: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        got: f64,
    },
    /// No value of a parameter reaches the target.
    #[error("no `{knob}` reaches the target: {reason}")]
    Unreachable {
        /// The parameter that was searched.
        knob: &'static str,
        /// What to change.
        reason: &'static str,
    },
    /// Bytes that do not describe an encoding.
    #[error("not the description of an encoding: {0}")]
    Description(DecodeError),
    /// The words are too short.
    #[error("`bits` = {bits} is too small: {}", Need(*.need))]
    Bits {
        /// What was given.
        bits: u8,
        /// The least value that does; more than 64 if none does.
        need: u8,
    },
    /// This accountant has no theorem for this event.
    #[error("the {accountant} accountant can not account for `{event}`: {reason}")]
    Unsupported {
        /// The accountant.
        accountant: &'static str,
        /// The event.
        event: &'static str,
        /// What to use instead.
        reason: &'static str,
    },
    /// The round would cost more than the budget allows. It has not been recorded and must not be run.
    #[error("the round would raise epsilon to {epsilon} at delta {delta}, above the budget of {budget}")]
    Budget {
        /// Epsilon with the round.
        epsilon: f64,
        /// Delta of the budget.
        delta: f64,
        /// Epsilon of the budget.
        budget: f64,
    },
    /// Sums that are already public, combined with this one, would give the sum of too few parties, or that could not be excluded (`None`).
    #[error("combined with {rounds} recorded sets, this one isolates {}; min_honest is {min_honest}", Isolated(*.isolated))]
    Differencing {
        /// The recorded sets, with this one.
        rounds: usize,
        /// How many parties the difference contains.
        isolated: Option<usize>,
        /// The least number that may be isolated.
        min_honest: usize,
    },
}

struct Need(u8);

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            65.. => f.write_str("no number of bits does; lower `noise_multiplier`, `clients` or `length`"),
            bits => write!(f, "words need {bits} bits, or lower `noise_multiplier`, `clients` or `length`"),
        }
    }
}

struct Isolated(Option<usize>);

impl fmt::Display for Isolated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(parties) => write!(f, "{parties} parties"),
            None => f.write_str("a number of parties that is too costly to find"),
        }
    }
}
