//! Samples of discrete mechanisms against all outcomes: none may fall out of the grid, wherever its ends come to lie.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "tests")]
#![cfg(feature = "std")]

#[path = "common/outcomes.rs"]
mod outcomes;

use outcomes::{discrete_laplace, encloses, enumerated, sampled};
use veilsum::account::{
    Accountant,
    event::{Event, NeighboringRelation::AddOrRemoveOne},
    pld::{DiscretePair, PldAccountant},
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

fn composed_pair(pair: &DiscretePair, sampling: f64, count: u64) -> PldAccountant {
    let mut ours = PldAccountant::new(AddOrRemoveOne);
    ours.compose_discrete(pair, sampling, count).unwrap();
    ours
}

#[test]
fn mass_at_no_outcome_has_no_loss_below_that_of_an_absent_party() {
    for (tiny, missing, interval, epsilon) in
        [(0.02, 0.6, 0.5, 1.0), (0.3, 0.6, 0.5, 0.5), (0.02, 0.2, 0.1, 0.0), (1e-6, 0.6, 0.02, 1.0)]
    {
        let (b0, b1) = (0.3 * (1.0 - missing), 0.7 * (1.0 - missing));
        let (a0, a1) = (1.0 - tiny * b1, tiny * b1);
        for sampling in SAMPLINGS {
            for count in [1, 3, 5] {
                let ours = composed_pair(&DiscretePair::new(&[a0, a1], &[b0, b1]).unwrap(), sampling, count.into());
                let exact = enumerated(&sampled(&[(a0, b0), (a1, b1), (0.0, missing)], sampling), count, epsilon);
                for ours in [ours.clone(), ours.with_value_discretization_interval(interval).unwrap()] {
                    let delta = ours.delta_bracket(epsilon).unwrap();
                    assert!(delta.up >= exact * (1.0 - 1e-9), "{tiny} {missing} {sampling} {count}: {delta:?} {exact}");
                }
            }
        }
    }
}

#[test]
fn outcomes_that_one_law_all_but_excludes_keep_their_mass() {
    // Half a Gaussian of ratios about 800, or all of a Laplace's, on top of 600: the masses of the other law underflow.
    let tiny = (-600.0_f64).exp();
    let pair = DiscretePair::new(&[tiny, 1.0 - tiny], &[0.5, 0.5]).unwrap();
    for (event, epsilon, exact) in [(Event::gaussian(1.0 / 40.0), 1300.0, 0.4967), (Event::laplace(1.0 / 800.0), 900.0, 0.5)] {
        let mut ours = composed_pair(&pair, 1.0, 1);
        ours.compose(&event.unwrap(), 1).unwrap();
        encloses(ours.delta_bracket(epsilon).unwrap(), exact, 1e-3, 1e-2);
    }
}

#[test]
fn a_sample_of_all_but_nobody_keeps_the_digits_of_its_loss() {
    for power in [53, 50, 45, 40, 30] {
        for part in [0.3, 0.6, 1.4, 3.4] {
            let (gap, ratio) = (2.0_f64.powi(-power), part * 2.0_f64.powi(-53));
            let ours = composed_pair(&DiscretePair::new(&[0.5 * ratio, 1.0], &[0.5, 0.5]).unwrap(), 1.0 - gap, 1);
            let exact = -(gap + (1.0 - gap) * ratio).ln();
            let epsilon = ours.epsilon_bracket(0.0).unwrap();
            assert!(
                epsilon.low <= exact * (1.0 + 1e-12) && exact * (1.0 - 1e-12) <= epsilon.up,
                "{power} {part}: {epsilon:?} {exact}"
            );
            let below = exact - 0.01;
            encloses(ours.delta_bracket(below).unwrap(), -0.5 * (-0.01_f64).exp_m1(), 1e-9, 1.0);
        }
    }
}

#[test]
fn laws_without_a_common_outcome_and_tiny_samples_are_bounded() {
    let disjoint = composed_pair(&DiscretePair::new(&[0.0, 1.0], &[1.0, 0.0]).unwrap(), 0.003, 3).delta_bracket(0.0).unwrap();
    let exact = 1.0 - 0.997_f64.powi(3);
    assert!(disjoint.low <= exact && exact <= disjoint.up, "{disjoint:?}");
    let mut ours = PldAccountant::new(AddOrRemoveOne);
    ours.compose(&Event::epsilon_delta(760.0, 0.0).unwrap().poisson_sampled(1e-310).unwrap(), 1).unwrap();
    let exact = (760.0 + 1e-310_f64.ln()).exp().ln_1p();
    assert!(ours.epsilon(0.0).unwrap() >= exact * (1.0 - 1e-12), "{exact}");
}
