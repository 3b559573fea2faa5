//! What an encoding releases is an event that every accountant understands, with what may fail; and its scale is near what others take.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests"
)]

#[path = "common/reference.rs"]
mod reference;

use reference::Reader;
use serde_json::Value;
use veilsum::{
    PrivacyError,
    account::{
        Accountant, Event, Ledger,
        NeighboringRelation::{AddOrRemoveOne, ReplaceSpecial},
        PldAccountant, PureAccountant, RdpAccountant, ZCdpAccountant,
        calibrate::{self, Target},
        ledger::{DifferencingPolicy, Round},
    },
    dp::{Encoding, Mechanism, Release},
};

fn epsilon(event: &Event) -> f64 {
    let mut accountant = RdpAccountant::new(ReplaceSpecial);
    accountant.compose(event, 1).unwrap();
    accountant.epsilon(1e-6).unwrap()
}

#[test]
fn a_fine_plan_costs_hardly_more_than_the_gaussian_mechanism_and_never_less() {
    for noise_multiplier in [1.0, 4.0] {
        let plan = Encoding::plan(100, 67, 33, 1 << 20, 1.0, noise_multiplier, 24).unwrap();
        let (ours, central) =
            (epsilon(&Event::release(&plan.release()).unwrap()), epsilon(&Event::gaussian(noise_multiplier).unwrap()));
        assert!(ours >= central && ours < 1.001 * central, "{ours} {central}");
        // Fewer honest survivors cost more.
        assert!(epsilon(&Event::release(&plan.encoding().release_with(20)).unwrap()) > 1.2 * ours);
    }
}

/// Epsilon at a delta that only what may fail needs.
fn pure_epsilon(release: &Release) -> f64 {
    let mut accountant = PureAccountant::new(ReplaceSpecial);
    accountant.compose(&Event::release(release).unwrap(), 1).unwrap();
    accountant.epsilon(1e-15).unwrap()
}

#[test]
fn laplace_shares_are_purely_private_with_the_promised_survivors_and_less_with_fewer() {
    for (noise_multiplier, rotation) in [(0.5, None), (1.0, Some(6)), (4.0, None)] {
        let planner = Encoding::planner(100, 67, 33, 12, 1.0, noise_multiplier, 30).rotation(rotation);
        let plan = planner.mechanism(Mechanism::DiscreteLaplaceShares).plan().unwrap();
        let at = |honest| pure_epsilon(&plan.encoding().release_with(honest));
        let promised = pure_epsilon(&plan.release());
        assert!(promised <= 1.0 / noise_multiplier && promised > 0.999 / noise_multiplier, "{promised}");
        assert_eq!((at(34), at(100)), (promised, promised));
        assert!(at(33) > promised && at(10) > 1.5 * promised);
        // Conditional rounding may fail: so little that the failure is beside the point, but not left out.
        assert!(plan.release().added_delta(promised) > 0.0 && plan.release().added_delta(promised) < 1e-17);
    }
}

#[test]
fn laplace_shares_for_a_long_vector_are_refused() {
    let planner = Encoding::planner(100, 67, 33, 1 << 20, 1.0, 1.0, 40).mechanism(Mechanism::DiscreteLaplaceShares);
    let refused = planner.plan().unwrap_err().to_string();
    assert!(refused.contains("short vectors") && refused.contains("`noise_multiplier`"), "{refused}");
}

#[test]
fn a_release_brings_what_may_fail_with_it() {
    let release = Encoding::plan(100, 67, 33, 1 << 12, 1.0, 4.0, 20).unwrap().release();
    let event = Event::release(&release).unwrap();
    assert!(release.failure > 0.0 && event.total_variation() >= release.failure);
    assert!(event.total_variation() < release.failure * (1.0 + 1e-12));
    let mut accountant = RdpAccountant::new(ReplaceSpecial);
    accountant.compose(&event, 10).unwrap();
    // A delta that failures alone use up.
    assert_eq!(accountant.epsilon(20.0 * release.failure), Ok(f64::INFINITY));
    assert!(accountant.delta(9.0).unwrap() >= 10.0 * release.added_delta(9.0));
    assert!(accountant.epsilon(1e-6).unwrap() < 4.2);
}

/// The four accountants.
fn accountants() -> [Box<dyn Accountant>; 4] {
    [
        Box::new(PureAccountant::new(AddOrRemoveOne)),
        Box::new(ZCdpAccountant::new(AddOrRemoveOne)),
        Box::new(RdpAccountant::new(AddOrRemoveOne)),
        Box::new(PldAccountant::new(AddOrRemoveOne)),
    ]
}

#[test]
fn every_accountant_counts_the_distance_of_what_is_released() {
    let (tau, rounds) = (1e-10, 10_u32);
    let exact = Event::laplace(4.0).unwrap();
    let within = exact.clone().within_distance(tau).unwrap();
    let nested = Event::Composed(vec![within.clone(), Event::NoOp.within_distance(tau).unwrap()]).self_composed(5).unwrap();
    for (mut plain, mut ours) in accountants().into_iter().zip(accountants()) {
        plain.compose(&exact, rounds.into()).unwrap();
        ours.compose(&within, rounds.into()).unwrap();
        let added = |epsilon: f64| (1.0 + epsilon.exp()) * f64::from(rounds) * tau;
        for epsilon in [0.0, 0.7, 1.5] {
            let (with, without) = (ours.delta(epsilon).unwrap(), plain.delta(epsilon).unwrap());
            assert!((with - (without + added(epsilon)).min(1.0)).abs() <= 1e-9 * with, "{epsilon}: {with} {without}");
        }
        for delta in [1e-6, 1e-5, 1e-3] {
            let epsilon = ours.epsilon(delta).unwrap();
            let needed = plain.epsilon(delta - added(epsilon)).unwrap();
            assert!(needed <= epsilon * (1.0 + 1e-12) && epsilon < needed * (1.0 + 1e-3), "{delta}: {epsilon} {needed}");
            assert!(epsilon >= plain.epsilon(delta).unwrap());
        }
        assert_eq!((ours.epsilon(2e-9), ours.epsilon(0.0)), (Ok(f64::INFINITY), Ok(f64::INFINITY)));
        assert_eq!(ours.epsilon(1.0), Ok(0.0));
        // Distances add up through compositions.
        let before = ours.delta(1.5).unwrap();
        ours.compose(&nested, 1).unwrap();
        assert!(ours.delta(1.5).unwrap() > before);
    }
    assert!((nested.total_variation() / (10.0 * tau) - 1.0).abs() < 1e-12);
    let sampled = within.poisson_sampled(0.1).unwrap();
    assert!(sampled.total_variation() >= tau, "others may fail when a party is not in the sample");
    assert!(Event::NoOp.within_distance(1.5).is_err() && Event::NoOp.within_distance(f64::NAN).is_err());
}

#[test]
fn brackets_widen_by_the_distance() {
    let exact = Event::gaussian(1.0).unwrap().poisson_sampled(0.1).unwrap();
    let bracket = |event: &Event| {
        let mut accountant = PldAccountant::new(AddOrRemoveOne);
        accountant.compose(event, 100).unwrap();
        (accountant.epsilon_bracket(1e-6).unwrap(), accountant.delta_bracket(3.0).unwrap())
    };
    let (plain, ours) = (bracket(&exact), bracket(&exact.clone().within_distance(1e-14).unwrap()));
    assert!(ours.0.low <= plain.0.low && plain.0.up < ours.0.up && ours.0.up < 1.05 * plain.0.up, "{plain:?} {ours:?}");
    assert!(ours.1.low <= plain.1.low && plain.1.up < ours.1.up && ours.1.low <= ours.1.estimate, "{plain:?} {ours:?}");
}

#[test]
fn a_budget_refuses_a_round_for_what_may_fail_alone() {
    let event = Event::gaussian(5.0).unwrap();
    let budget = epsilon(&event) * 1.01;
    let target = Target::new(budget, 1e-6).unwrap();
    let record = |event: Event| {
        let mut ledger = Ledger::new(ReplaceSpecial, target, 2, DifferencingPolicy::Refuse).unwrap();
        ledger.record(Round { session: b"one".to_vec(), round: 0, participants: vec![1, 2, 3], survivors: None, event })
    };
    assert!(record(event.clone()).is_ok());
    assert!(record(event.clone().within_distance(1e-12).unwrap()).is_ok());
    // Half of delta is gone.
    let refused = record(event.clone().within_distance(2e-7).unwrap());
    assert!(matches!(refused, Err(PrivacyError::Budget { epsilon, .. }) if epsilon.is_finite()), "{refused:?}");
    let refused = record(event.within_distance(1e-6).unwrap());
    assert!(matches!(refused, Err(PrivacyError::Budget { epsilon: f64::INFINITY, .. })), "{refused:?}");
}

fn number(row: &Value, name: &str) -> f64 {
    row["params"][name].as_f64().unwrap()
}

fn planned(row: &Value, noise_multiplier: f64, length: &str) -> Result<f64, PrivacyError> {
    let (clients, bits) = (number(row, "n") as u32, number(row, "bits") as u8);
    let plan = Encoding::plan(clients, clients, 0, number(row, length) as u64, number(row, "l2_clip"), noise_multiplier, bits)?;
    Ok(plan.scale())
}

#[test]
fn scales_are_below_those_of_the_published_heuristic_and_near_them() {
    let rows = reference::rows(Reader::Distributed).into_iter().filter(|row| row["accountant"] == "heuristic_scale_factor");
    let rows: Vec<Value> = rows.collect();
    for row in &rows {
        let [n, d, k, bits] = ["n", "dim", "k", "bits"].map(|name| number(row, name));
        let (sigma, clip) = (number(row, "local_stddev"), number(row, "l2_clip"));
        // Kairouz, Liu and Steinke (2021), section 4.4.
        let spread = (number(row, "rho") * clip * clip * n * n / d + n * sigma * sigma).sqrt();
        let heuristic = ((2.0 * bits).exp2() - n * k * k).sqrt() / (2.0 * k * spread);
        let expected = row["result"]["scale"].as_f64().unwrap();
        assert!((heuristic / expected - 1.0).abs() < 1e-9, "{row}");
        // Ours holds with probability 1 - 2^-20 for all coordinates, and not with k standard deviations for each.
        let ours = planned(row, sigma * n.sqrt() / clip, "dim").unwrap();
        assert!(ours < heuristic && ours > 0.2 * heuristic, "{ours} {row}");
    }
    assert_eq!(rows.len(), 3);
}

#[test]
fn where_the_published_calibration_fails_silently_a_plan_is_refused_and_names_the_bits() {
    let rows = reference::rows(Reader::Distributed).into_iter().filter(|row| row["accountant"] == "skellam_params");
    let rows: Vec<Value> = rows.filter(|row| row["params"]["bits"] == 16 && row["params"]["n"] == 16).collect();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    let target = Target::new(number(row, "epsilon"), number(row, "delta")).unwrap();
    let sigma = calibrate::least_noise_multiplier(target, |sigma| {
        let mut accountant = RdpAccountant::new(ReplaceSpecial);
        accountant.compose(&Event::gaussian(sigma)?, number(row, "T") as u64)?;
        Ok(accountant)
    });
    let refused = planned(row, sigma.unwrap(), "dim");
    assert!(matches!(refused, Err(PrivacyError::Bits { bits: 16, need: 17.. })), "{refused:?}");
}
