//! Samples of fixed size, and events of which only Rényi divergences are known.
#![allow(clippy::cast_precision_loss, reason = "tests")]

use proptest::prelude::*;
use veilsum::account::{
    Accountant,
    distributed::{DistributedSkellam, Sensitivity},
    event::{
        Event,
        NeighboringRelation::{self, AddOrRemoveOne, ReplaceOne},
    },
    pld::{DiscretePair, PldAccountant},
    rdp::RdpAccountant,
};

fn pld(relation: NeighboringRelation, events: &[(&Event, u64)]) -> PldAccountant {
    let mut accountant = PldAccountant::new(relation);
    events.iter().for_each(|(event, count)| accountant.compose(event, *count).unwrap());
    accountant
}

fn rdp(relation: NeighboringRelation, events: &[(&Event, u64)]) -> RdpAccountant {
    let mut accountant = RdpAccountant::new(relation);
    events.iter().for_each(|(event, count)| accountant.compose(event, *count).unwrap());
    accountant
}

fn fixed_size(event: Event, size: u64) -> Event {
    event.sampled_without_replacement(1000, size).unwrap()
}

/// `P(Z > z)`.
fn above(z: f64) -> f64 {
    0.5 * libm::erfc(z / 2.0_f64.sqrt())
}

/// The profile of a Gaussian on a sample of fixed size: that of `(1 - q) N(0) + q N(1)` against `N(0)` above 0.
fn profile(sigma: f64, q: f64, epsilon: f64) -> f64 {
    let edge = sigma * sigma * ((epsilon.exp_m1() + q) / q).ln() + 0.5;
    q * above((edge - 1.0) / sigma) - (epsilon.exp_m1() + q) * above(edge / sigma)
}

/// The pair of docs/privacy.md, section 12, in so many bins: outcomes of gains, the same exchanged, and one without loss.
fn mirrored(sigma: f64, q: f64) -> DiscretePair {
    let bins = 20_000;
    let edge = |k: i32| 0.5 + 12.0 * sigma * f64::from(k) / f64::from(bins);
    let gains: Vec<(f64, f64)> = (0..bins)
        .map(|k| {
            let mass = |mean: f64| above((edge(k) - mean) / sigma) - above((edge(k + 1) - mean) / sigma);
            (q * mass(1.0) + (1.0 - q) * mass(0.0), mass(0.0))
        })
        .collect();
    let (more, less): (f64, f64) = (gains.iter().map(|pair| pair.0).sum(), gains.iter().map(|pair| pair.1).sum());
    let nothing = 1.0 - more - less;
    let outcomes = gains.iter().copied().chain([(nothing, nothing)]).chain(gains.iter().map(|&(p, q)| (q, p)));
    let (p, q): (Vec<f64>, Vec<f64>) = outcomes.unzip();
    DiscretePair::new(&p, &q).unwrap()
}

#[test]
fn one_release_on_a_sample_of_fixed_size_has_the_known_profile() {
    for (sigma, size) in [(0.5, 10), (1.0, 100), (2.0, 700), (5.0, 999)] {
        let event = fixed_size(Event::gaussian(sigma).unwrap(), size);
        let accountant = pld(ReplaceOne, &[(&event, 1)]);
        for epsilon in [0.0, 0.01, 0.3, 1.0] {
            let (ours, exact) = (accountant.delta_bracket(epsilon).unwrap(), profile(sigma, size as f64 / 1000.0, epsilon));
            assert!(
                ours.low <= exact * (1.0 + 1e-7) && exact * (1.0 - 1e-7) <= ours.up,
                "{sigma} {size} {epsilon}: {ours:?} {exact}"
            );
            assert!(ours.up - ours.low <= 4e-3 * exact + 1e-12, "{sigma} {size} {epsilon}: {ours:?} {exact}");
        }
    }
}

#[test]
fn many_releases_on_samples_of_fixed_size_cost_what_the_mirrored_pair_costs() {
    for (sigma, size, count) in [(1.0, 100, 30), (0.7, 500, 5), (2.0, 20, 1000)] {
        let event = fixed_size(Event::gaussian(sigma).unwrap(), size);
        let ours = pld(ReplaceOne, &[(&event, count)]).epsilon_bracket(1e-5).unwrap();
        let mut binned = PldAccountant::new(ReplaceOne);
        binned.compose_discrete(&mirrored(sigma, size as f64 / 1000.0), 1.0, count).unwrap();
        let binned = binned.epsilon_bracket(1e-5).unwrap();
        // Bins lose a little.
        assert!((ours.up / binned.up - 1.0).abs() < 2e-3 && binned.low <= ours.up, "{sigma} {size} {count}: {ours:?} {binned:?}");
        assert!(ours.up - ours.low < 2e-3 * ours.up, "{ours:?}");
    }
}

#[test]
fn other_noise_on_a_sample_of_fixed_size_is_bracketed_too() {
    let events = [
        Event::laplace(1.5).unwrap(),
        Event::discrete_gaussian(2.0, 3).unwrap(),
        Event::discrete_laplace(0.4, 2).unwrap(),
        Event::epsilon_delta(0.5, 1e-9).unwrap(),
    ];
    for event in events {
        let sample = fixed_size(event.clone(), 300);
        let ours = pld(ReplaceOne, &[(&sample, 20)]).epsilon_bracket(1e-6).unwrap();
        let all = pld(ReplaceOne, &[(&event, 20)]).epsilon(1e-6).unwrap();
        let renyi = rdp(ReplaceOne, &[(&sample, 20)]).epsilon(1e-6).unwrap();
        assert!(ours.low <= ours.up && ours.up - ours.low < 2e-2 * ours.up, "{event:?}: {ours:?}");
        assert!(ours.up < 0.8 * all && ours.up <= renyi * (1.0 + 1e-3), "{event:?}: {ours:?} {all} {renyi}");
        // One party among all is no sample.
        let whole = fixed_size(event.clone(), 1000);
        assert!((pld(ReplaceOne, &[(&whole, 20)]).epsilon(1e-6).unwrap() - all).abs() < 1e-9);
        assert_eq!(pld(ReplaceOne, &[(&fixed_size(event, 0), 20)]).epsilon(1e-6), Ok(0.0));
    }
}

#[test]
fn what_has_renyi_divergences_only_composes_with_what_has_more() {
    let sampled = Event::gaussian(1.0).unwrap().poisson_sampled(0.01).unwrap();
    for sigma in [0.7, 2.0, 20.0] {
        // As if it were not known that this is a Gaussian.
        let line = Event::zcdp(0.5 / (sigma * sigma), 0.0).unwrap();
        let (gaussian, delta) = (Event::gaussian(sigma).unwrap(), 1e-6);
        let ours = pld(AddOrRemoveOne, &[(&sampled, 2000), (&line, 1)]).epsilon_bracket(delta).unwrap();
        let known = pld(AddOrRemoveOne, &[(&sampled, 2000), (&gaussian, 1)]).epsilon_bracket(delta).unwrap();
        let renyi = rdp(AddOrRemoveOne, &[(&sampled, 2000), (&line, 1)]).epsilon(delta).unwrap();
        let without = pld(AddOrRemoveOne, &[(&sampled, 2000)]).epsilon_bracket(delta).unwrap();
        assert!(ours.up >= known.low && ours.up <= renyi, "{sigma}: {ours:?} {known:?} {renyi}");
        assert!((ours.low / without.low - 1.0).abs() < 1e-3, "{sigma}: {ours:?} {without:?}");
        let (delta, epsilon) = (pld(AddOrRemoveOne, &[(&sampled, 2000), (&line, 1)]).delta(ours.up).unwrap(), ours.up);
        assert!(delta <= 1e-6 * (1.0 + 2e-2), "{sigma} {epsilon}: {delta}");
    }
    // Where what is sampled costs most, this is less than all divergences give.
    let line = Event::zcdp(0.01, 0.0).unwrap();
    let events: [(&Event, u64); 2] = [(&sampled, 10_000), (&line, 1)];
    let (ours, renyi) =
        (pld(AddOrRemoveOne, &events).epsilon(1e-6).unwrap(), rdp(AddOrRemoveOne, &events).epsilon(1e-6).unwrap());
    assert!(ours < 0.97 * renyi, "{ours} {renyi}");
    // Alone it costs what its divergences say.
    let alone =
        |event: &Event| (pld(AddOrRemoveOne, &[(event, 3)]).epsilon(1e-6), rdp(AddOrRemoveOne, &[(event, 3)]).epsilon(1e-6));
    let (ours, renyi) = alone(&line);
    assert_eq!(ours, renyi);
}

#[test]
fn vectors_of_distributed_noise_compose_with_counts() {
    let sensitivity = Sensitivity::rounded(64.0, (-0.5_f64).exp(), 256).unwrap();
    // A noise multiplier of 2, by 100 shares.
    let variance = 4.0 * 64.0 * 64.0 / 100.0;
    let vector = Event::DistributedSkellam(DistributedSkellam::new(sensitivity, variance, 100).unwrap());
    let count = Event::discrete_laplace(0.1, 1).unwrap();
    let relation = NeighboringRelation::ReplaceSpecial;
    let events: [(&Event, u64); 2] = [(&vector, 10), (&count, 50)];
    let (ours, renyi) = (pld(relation, &events).epsilon_bracket(1e-6).unwrap(), rdp(relation, &events).epsilon(1e-6).unwrap());
    let gaussian = Event::gaussian(2.0).unwrap();
    let least = pld(relation, &[(&gaussian, 10), (&count, 50)]).epsilon_bracket(1e-6).unwrap();
    // The noise is that of a Gaussian at best; the profile from the divergences costs a few percent.
    assert!(ours.up >= least.low && ours.up <= renyi && ours.up < 1.1 * least.up, "{ours:?} {renyi} {least:?}");
    assert!(ours.low < least.low, "only the counts are known from below");
    let sampled = vector.poisson_sampled(0.1).unwrap();
    let ours = pld(AddOrRemoveOne, &[(&sampled, 10), (&count, 50)]).epsilon(1e-6).unwrap();
    assert!(ours <= rdp(AddOrRemoveOne, &[(&sampled, 10), (&count, 50)]).epsilon(1e-6).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn samples_of_fixed_size_cost_less_with_more_noise_smaller_samples_and_fewer_releases(
        sigma in 0.6_f64..4.0, size in 1_u64..900, count in 1_u64..500, ln_delta in -25.0_f64..-5.0,
    ) {
        let delta = ln_delta.exp();
        let at = |sigma: f64, size, count| pld(ReplaceOne, &[(&fixed_size(Event::gaussian(sigma).unwrap(), size), count)]);
        let base = at(sigma, size, count).epsilon_bracket(delta).unwrap();
        prop_assert!(base.low <= base.up && base.up - base.low <= 4e-3 * base.up + 1e-9, "{:?}", base);
        for other in [at(sigma * 1.1, size, count), at(sigma, size - size / 10, count), at(sigma, size, count - count / 10)] {
            prop_assert!(other.epsilon_bracket(delta).unwrap().low <= base.up * (1.0 + 1e-12));
        }
        let renyi = rdp(ReplaceOne, &[(&fixed_size(Event::gaussian(sigma).unwrap(), size), count)]);
        prop_assert!(base.up <= renyi.epsilon(delta).unwrap() * (1.0 + 1e-3) + 1e-9);
        prop_assert!(base.low <= pld(ReplaceOne, &[(&Event::gaussian(sigma).unwrap(), count)]).epsilon(delta).unwrap());
    }

    #[test]
    fn a_profile_from_divergences_is_never_below_the_mechanism_that_it_came_from(
        sigma in 0.3_f64..10.0, q in 0.001_f64..0.5, count in 1_u64..500, ln_delta in -25.0_f64..-5.0,
    ) {
        let (delta, sampled) = (ln_delta.exp(), Event::gaussian(1.0).unwrap().poisson_sampled(q).unwrap());
        let (line, gaussian) = (Event::zcdp(0.5 / (sigma * sigma), 0.0).unwrap(), Event::gaussian(sigma).unwrap());
        let ours = pld(AddOrRemoveOne, &[(&line, 1), (&sampled, count)]).epsilon(delta).unwrap();
        let truth = pld(AddOrRemoveOne, &[(&gaussian, 1), (&sampled, count)]).epsilon_bracket(delta).unwrap();
        prop_assert!(ours >= truth.low, "{} {:?}", ours, truth);
    }
}
