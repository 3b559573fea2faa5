//! What every accountant can do.

use alloc::vec::Vec;

use crate::{
    account::event::{Event, NeighboringRelation},
    error::PrivacyError,
};

/// Adds up the privacy cost of events.
///
/// All results are upper bounds: what floating point rounds away is added back, and where nothing is known epsilon is infinite and delta is 1.
pub trait Accountant {
    /// The neighbouring relation for which the results hold. The sensitivities of the events must be those under this relation.
    fn relation(&self) -> NeighboringRelation;

    /// Adds `count` independent runs of an event; a later one may depend on the results of earlier ones. On error nothing has changed.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if the event is not valid; [`PrivacyError::Unsupported`] if no theorem covers it under
    /// [`Self::relation`].
    fn compose(&mut self, event: &Event, count: u64) -> Result<(), PrivacyError>;

    /// An epsilon for which everything composed so far is `(epsilon, delta)`-differentially private; infinite if there is none.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless `0 <= delta <= 1`.
    fn epsilon(&self, delta: f64) -> Result<f64, PrivacyError>;

    /// A delta for which everything composed so far is `(epsilon, delta)`-differentially private.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless `epsilon` is finite and not negative.
    fn delta(&self, epsilon: f64) -> Result<f64, PrivacyError>;

    /// [`Self::epsilon`] at each of these deltas: the privacy curve.
    ///
    /// # Errors
    /// As [`Self::epsilon`].
    fn epsilons(&self, deltas: &[f64]) -> Result<Vec<f64>, PrivacyError> {
        deltas.iter().map(|&delta| self.epsilon(delta)).collect()
    }

    /// [`Self::delta`] at each of these epsilons: the privacy profile.
    ///
    /// # Errors
    /// As [`Self::delta`].
    fn deltas(&self, epsilons: &[f64]) -> Result<Vec<f64>, PrivacyError> {
        epsilons.iter().map(|&epsilon| self.delta(epsilon)).collect()
    }
}
