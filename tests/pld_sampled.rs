//! Samples of discrete mechanisms against all outcomes: none may fall out of the grid, wherever its ends come to lie.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "tests")]
#![cfg(feature = "std")]

#[path = "common/outcomes.rs"]
mod outcomes;

use outcomes::{discrete_laplace, encloses, enumerated, sampled};
use veilsum::account::{
    Accountant,
    event::{Event, NeighboringRelation::AddOrRemoveOne},
    pld::PldAccountant,
};

const SAMPLINGS: [f64; 6] = [0.01, 0.05, 0.1, 0.2, 0.5, 0.9];
const COUNT: u32 = 4;

/// Bounds as far apart as `width`, relative to the truth.
fn check(event: &Event, law: &[(f64, f64)], largest: f64, width: f64) {
    for sampling in SAMPLINGS {
        let mut ours = PldAccountant::new(AddOrRemoveOne);
        ours.compose(&event.clone().poisson_sampled(sampling).unwrap(), COUNT.into()).unwrap();
        let law = sampled(law, sampling);
        for epsilon in [0.0, 0.3 * f64::from(COUNT) * sampling * largest] {
            let exact = enumerated(&law, COUNT, epsilon);
            if exact > 1e-30 {
                encloses(ours.delta_bracket(epsilon).unwrap(), exact, 1e-9, width);
            }
        }
    }
}

#[test]
fn samples_of_discrete_laplace_noise_keep_all_outcomes() {
    for rate in [0.01, 0.1, 0.3, 0.7, 1.0, 1.5] {
        for shift in [1, 2, 3, 5] {
            let event = Event::discrete_laplace(rate, shift).unwrap();
            check(&event, &discrete_laplace(rate, shift), rate * shift as f64, 3e-2);
        }
    }
}

#[test]
fn samples_of_pure_and_approximate_mechanisms_keep_all_outcomes() {
    for epsilon in [0.01_f64, 0.1, 0.4, 1.0, 2.5] {
        for delta in [0.0, 1e-6] {
            let more = (1.0 - delta) / (1.0 + (-epsilon).exp());
            let less = (1.0 - delta) / (1.0 + epsilon.exp());
            let law = [(delta, 0.0), (more, less), (less, more), (0.0, delta)];
            check(&Event::epsilon_delta(epsilon, delta).unwrap(), &law, epsilon, 0.2);
        }
    }
}
