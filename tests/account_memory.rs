//! Accounting stays below 200 MB, whatever is composed.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "tests")]

use allocation_counter::measure;
use veilsum::account::{
    Accountant, Event,
    NeighboringRelation::{AddOrRemoveOne, ReplaceOne},
    PldAccountant, RdpAccountant,
    calibrate::{self, Target},
};

/// What the accountant promises by default: below the 200 MB of the first line.
const LIMIT: u64 = 128 << 20;

fn pld(events: &[(f64, f64, u64)]) -> PldAccountant {
    let mut accountant = PldAccountant::new(AddOrRemoveOne);
    for &(sigma, q, count) in events {
        accountant.compose(&Event::gaussian(sigma).unwrap().poisson_sampled(q).unwrap(), count).unwrap();
    }
    accountant
}

/// The most bytes held at one time.
fn peak(run: impl FnOnce()) -> u64 {
    measure(run).bytes_max
}

#[test]
fn a_query_stays_within_the_limit_where_a_fixed_grid_would_need_gigabytes() {
    // Noise, sampling, compositions. Without sampling nothing is discretised; a probability just below 1 is.
    for (sigma, q, count) in [
        (0.5, 1.0, 1000),
        (0.5, 1.0 - f64::EPSILON, 1000),
        (0.5, 0.9, 1000),
        (1.0, 0.001, 1_000_000),
        (1.0, 0.9, 1_000_000),
        (0.3, 1e-6, 1_000_000),
        (100.0, 0.5, 1_000_000),
    ] {
        for delta in [1e-5, 1e-12] {
            let bytes = peak(|| assert!(pld(&[(sigma, q, count)]).epsilon_bracket(delta).unwrap().up.is_finite()));
            assert!(bytes <= LIMIT, "{sigma} {q} {count} {delta}: {bytes}");
        }
    }
}

#[test]
fn a_limit_that_is_set_is_kept() {
    for limit in [4 << 20, 16 << 20, 64 << 20] {
        for events in [vec![(0.5, 0.9, 1000)], vec![(1.0, 0.01, 10_000), (0.6, 0.2, 100), (5.0, 0.5, 3000)]] {
            let accountant = pld(&events).with_memory_limit(limit).unwrap();
            let bytes = peak(|| assert!(accountant.epsilon_bracket(1e-6).is_ok()));
            assert!(bytes <= limit as u64, "{events:?} {limit}: {bytes}");
        }
    }
}

#[test]
fn many_different_events_and_other_laws_stay_within_the_limit() {
    let different: Vec<_> = (0..300).map(|k| (0.6 + 0.01 * f64::from(k), 0.05, 3)).collect();
    let bytes = peak(|| assert!(pld(&different).epsilon(1e-6).is_ok()));
    assert!(bytes <= LIMIT, "{bytes}");
    let mut accountant = PldAccountant::new(ReplaceOne);
    let gaussian = || Event::gaussian(0.5).unwrap();
    accountant.compose(&gaussian().sampled_without_replacement(1000, 900).unwrap(), 100_000).unwrap();
    accountant.compose(&Event::discrete_gaussian(1000.0, 3).unwrap(), 1000).unwrap();
    accountant.compose(&Event::zcdp(10.0, 1.0).unwrap(), 100).unwrap();
    let bytes = peak(|| assert!(accountant.epsilon(1e-6).is_ok()));
    assert!(bytes <= LIMIT, "{bytes}");
}

#[test]
fn the_other_accountants_and_calibration_need_little() {
    let target = Target::new(2.0, 1e-5).unwrap();
    let calibrating =
        peak(|| assert!(calibrate::least_noise_multiplier(target, |sigma| Ok(pld(&[(sigma, 0.01, 10_000)]))).unwrap() > 1.0));
    assert!(calibrating <= LIMIT, "{calibrating}");
    let renyi = peak(|| {
        let mut accountant = RdpAccountant::new(AddOrRemoveOne);
        let event = Event::gaussian(0.5).unwrap();
        accountant.compose(&event, 1000).unwrap();
        accountant.compose(&event.poisson_sampled(0.001).unwrap(), 1_000_000).unwrap();
        assert!(accountant.epsilon(1e-5).unwrap().is_finite());
    });
    assert!(renyi < 1 << 16, "{renyi}");
}

#[test]
fn a_limit_is_kept_where_the_grid_that_it_allows_widens_the_window() {
    for (sigma, count) in [(100.0, 1_000_000), (1e4, 100_000_000), (1e5, 10_000_000_000)] {
        let accountant = pld(&[(sigma, 1.0 - f64::EPSILON, count)]).with_memory_limit(1 << 20).unwrap();
        let bytes = peak(|| assert!(accountant.epsilon_bracket(1e-6).is_ok()));
        assert!(bytes <= 1 << 20, "{sigma} {count}: {bytes}");
    }
}
