//! Releases that are not quite their mechanisms (docs/privacy.md, section 8).
//!
//! If on every database the output is within total variation `tau` of a mechanism's that is `(epsilon, delta)`-private, it is
//! `(epsilon, delta + (1 + e^epsilon) tau)`-private. Distances of independent releases add up.

use crate::{
    account::{
        event::Event,
        special::{EPS, exp, real},
    },
    error::PrivacyError,
};

/// Attempts to find an epsilon that leaves enough of delta.
const ATTEMPTS: u8 = 60;

/// The total variation distance of everything composed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Distance(f64);

impl Distance {
    pub(crate) fn add(&mut self, event: &Event, count: u64) {
        self.0 = (self.0 + real(count) * event.total_variation()) * (1.0 + 2.0 * EPS);
    }

    /// What has to be added to delta.
    pub(crate) fn added(self, epsilon: f64) -> f64 {
        if self.0 == 0.0 { 0.0 } else { (1.0 + exp(epsilon)) * self.0 * (1.0 + 8.0 * EPS) }
    }

    /// Delta of what is released, at most, from that of the mechanisms.
    pub(crate) fn delta(self, epsilon: f64, exact: f64) -> f64 {
        ((exact + self.added(epsilon)) * (1.0 + EPS)).min(1.0)
    }

    /// The delta that is left for the mechanisms at this epsilon; negative if nothing is.
    pub(crate) fn left(self, epsilon: f64, delta: f64) -> f64 {
        delta - self.added(epsilon) - EPS * delta
    }

    /// An epsilon at which `exact`, the mechanisms' epsilon at a delta, allows what is left of `delta`; infinite if none is found.
    pub(crate) fn epsilon(self, delta: f64, exact: impl Fn(f64) -> Result<f64, PrivacyError>) -> Result<f64, PrivacyError> {
        let mut epsilon = exact(delta)?;
        if self.0 == 0.0 || delta >= 1.0 {
            return Ok(epsilon);
        }
        for _ in 0..ATTEMPTS {
            let left = self.left(epsilon, delta);
            if left.is_nan() || left < 0.0 {
                break;
            }
            let needed = exact(left)?;
            if needed <= epsilon {
                return Ok(epsilon);
            }
            epsilon = needed * (1.0 + 1e-9);
        }
        Ok(f64::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `epsilon = -ln(delta)`: pure noise with an exponential tail.
    fn exact(delta: f64) -> Result<f64, PrivacyError> {
        Ok(-libm::log(delta))
    }

    #[test]
    fn the_epsilon_found_leaves_enough_of_delta_and_is_close_to_the_least() {
        for tau in [1e-30, 1e-20, 1e-14, 2e-11] {
            let distance = Distance(tau);
            let epsilon = distance.epsilon(1e-5, exact).unwrap();
            // e^-epsilon + (1 + e^epsilon) tau = delta
            assert!(exp(-epsilon) + (1.0 + exp(epsilon)) * tau <= 1e-5, "{tau}: {epsilon}");
            let closer = epsilon * (1.0 - 1e-6);
            assert!(exp(-closer) + (1.0 + exp(closer)) * tau > 1e-5, "{tau}: {epsilon}");
        }
        assert_eq!(Distance(0.0).epsilon(1e-5, exact), exact(1e-5));
        // 4 tau > delta^2: there is none.
        assert_eq!(Distance(3e-11).epsilon(1e-5, exact), Ok(f64::INFINITY));
        assert_eq!(Distance(1e-5).epsilon(1e-5, exact), Ok(f64::INFINITY));
    }
}
