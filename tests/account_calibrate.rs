//! Calibration: the value found meets the target, a little less does not, and what can not be reached is an error that names the knob.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "tests"
)]
#![cfg(feature = "std")]

use veilsum::{
    PrivacyError,
    account::{
        Accountant, Event,
        NeighboringRelation::{AddOrRemoveOne, ReplaceOne},
        RdpAccountant, ZCdpAccountant, analytic,
        calibrate::{self, Target},
    },
};

fn sampled(sigma: f64, q: f64, rounds: u64) -> Result<RdpAccountant, PrivacyError> {
    let mut accountant = RdpAccountant::new(AddOrRemoveOne);
    accountant.compose(&Event::gaussian(sigma)?.poisson_sampled(q)?, rounds)?;
    Ok(accountant)
}

/// The same closure, which fails when it is asked again and again: a search that does not end is an error.
fn bounded<T>(mut make: impl FnMut(u64) -> Result<T, PrivacyError>) -> impl FnMut(u64) -> Result<T, PrivacyError> {
    let mut left = 200_u32;
    move |count| {
        left = left.checked_sub(1).ok_or(PrivacyError::Unreachable { knob: "test", reason: "the search does not end" })?;
        make(count)
    }
}

fn knob(error: PrivacyError) -> &'static str {
    match error {
        PrivacyError::Unreachable { knob, .. } => knob,
        other => panic!("{other}"),
    }
}

#[test]
fn the_noise_found_is_the_least_that_meets_the_target() {
    for (epsilon, delta, q, rounds) in
        [(2.0, 1e-5, 0.01, 10_000), (8.0, 1e-6, 1.0, 1000), (0.1, 1e-9, 0.001, 50), (50.0, 1e-5, 0.5, 10)]
    {
        let target = Target::new(epsilon, delta).unwrap();
        let sigma = calibrate::least_noise_multiplier(target, |sigma| sampled(sigma, q, rounds)).unwrap();
        let at = |sigma: f64| sampled(sigma, q, rounds).unwrap().epsilon(delta).unwrap();
        assert!(at(sigma) <= epsilon, "{sigma}");
        assert!(at(sigma * (1.0 - 1e-5)) > epsilon, "{sigma}");
    }
}

#[test]
fn few_accountants_are_made() {
    let mut made = 0;
    let target = Target::new(2.0, 1e-5).unwrap();
    let make = |sigma: f64| {
        made += 1;
        sampled(sigma, 0.01, 10_000)
    };
    calibrate::least_noise_multiplier(target, make).unwrap();
    assert!(made <= 14, "{made}");
}

#[test]
fn the_rounds_found_are_the_most_that_meet_the_target() {
    // jax_privacy: 155 by a tighter accountant.
    let target = Target::new(2.0, 1e-6).unwrap();
    let rounds = calibrate::most_rounds(target, bounded(|rounds| sampled(3.0, 0.1, rounds))).unwrap();
    let at = |rounds: u64| sampled(3.0, 0.1, rounds).unwrap().epsilon(1e-6).unwrap();
    assert!(at(rounds) <= 2.0 && at(rounds + 1) > 2.0, "{rounds}");
    assert!((120..155).contains(&rounds), "{rounds}");
}

#[test]
fn the_largest_sample_found_meets_the_target() {
    let target = Target::new(1.0, 1e-6).unwrap();
    let q = calibrate::largest_sampling_probability(target, |q| sampled(2.0, q, 1000)).unwrap();
    let at = |q: f64| sampled(2.0, q, 1000).unwrap().epsilon(1e-6).unwrap();
    assert!(at(q) <= 1.0 && at(q * (1.0 + 1e-5)) > 1.0, "{q}");
    // Where even everybody may take part.
    assert_eq!(calibrate::largest_sampling_probability(target, |q| sampled(500.0, q, 100)), Ok(1.0));
    let batch = |batch: u64| {
        let mut accountant = RdpAccountant::new(ReplaceOne);
        accountant.compose(&Event::gaussian(2.0)?.sampled_without_replacement(10_000, batch)?, 100)?;
        Ok(accountant)
    };
    let found = calibrate::largest_batch(target, 10_000, bounded(batch)).unwrap();
    let at = |size: u64| batch(size).unwrap().epsilon(1e-6).unwrap();
    assert!(at(found) <= 1.0 && at(found + 1) > 1.0, "{found}");
}

#[test]
fn what_can_not_be_reached_is_an_error_that_names_the_knob() {
    let impossible = Target::new(0.0, 0.0).unwrap();
    assert_eq!(
        knob(calibrate::least_noise_multiplier(impossible, |sigma| sampled(sigma, 1.0, 1)).unwrap_err()),
        "noise_multiplier"
    );
    assert_eq!(knob(calibrate::most_rounds(impossible, |rounds| sampled(1.0, 1.0, rounds)).unwrap_err()), "rounds");
    assert_eq!(knob(calibrate::largest_batch(impossible, 10, |_| sampled(1.0, 1.0, 1)).unwrap_err()), "batch");
    // Something else has used up the budget already.
    let spent = |q: f64| {
        let mut accountant = sampled(1.0, q, 1)?;
        accountant.compose(&Event::zcdp(100.0, 0.0)?, 1)?;
        Ok(accountant)
    };
    let target = Target::new(1.0, 1e-5).unwrap();
    assert_eq!(knob(calibrate::largest_sampling_probability(target, spent).unwrap_err()), "sampling_probability");
    assert!(matches!(Target::new(f64::NAN, 1e-5), Err(PrivacyError::Parameter { knob: "epsilon", .. })));
    assert!(matches!(Target::new(1.0, 1.5), Err(PrivacyError::Parameter { knob: "delta", .. })));
}

#[test]
fn an_error_of_the_closure_is_passed_on() {
    let fails = |_: f64| Event::gaussian(-1.0).map(|_| ZCdpAccountant::new(AddOrRemoveOne));
    let error = calibrate::least_noise_multiplier(Target::new(1.0, 1e-5).unwrap(), fails).unwrap_err();
    assert!(matches!(error, PrivacyError::Parameter { knob: "noise_multiplier", .. }));
}

#[test]
fn a_target_of_zero_or_a_knob_without_effect_ends() {
    let target = Target::new(1.0, 1e-5).unwrap();
    let nothing = |_: f64| Ok(RdpAccountant::new(AddOrRemoveOne));
    assert!(calibrate::least_noise_multiplier(target, nothing).unwrap() > 0.0);
    assert_eq!(calibrate::most_rounds(target, bounded(|_| Ok(RdpAccountant::new(AddOrRemoveOne)))), Ok(1 << 40));
    // Epsilon 0 is met when the total variation distance is below delta.
    let zero = Target::new(0.0, 1e-5).unwrap();
    let sigma = calibrate::least_noise_multiplier(zero, |sigma| sampled(sigma, 1.0, 1)).unwrap();
    assert_eq!(sampled(sigma, 1.0, 1).unwrap().epsilon(1e-5), Ok(0.0));
}

#[test]
fn the_analytic_gaussian_needs_less_noise_than_any_other_accountant() {
    for (epsilon, delta) in [(0.5, 1e-6), (1.0, 1e-5), (8.0, 1e-9)] {
        let exact = analytic::noise_multiplier(epsilon, delta).unwrap();
        let target = Target::new(epsilon, delta).unwrap();
        let rdp = calibrate::least_noise_multiplier(target, |sigma| sampled(sigma, 1.0, 1)).unwrap();
        assert!(exact < rdp && rdp < 1.15 * exact, "{exact} {rdp}");
    }
    assert!(analytic::noise_multiplier(1.0, 0.0).is_err());
}
