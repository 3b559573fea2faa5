//! What is wrong with privacy parameters.

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
}
