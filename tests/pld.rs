//! Privacy loss distributions: what must hold for all parameters. Values of others are in tests/pld_reference.rs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "pld/samples.rs"]
mod samples;

use proptest::prelude::*;
use veilsum::{
    PrivacyError,
    account::{
        Accountant,
        event::{Event, NeighboringRelation},
        pld::{DiscretePair, PldAccountant, TradeOff},
        rdp::RdpAccountant,
    },
};

fn accountant() -> PldAccountant {
    PldAccountant::new(NeighboringRelation::AddOrRemoveOne)
}

fn composed(event: &Event, count: u64) -> PldAccountant {
    let mut accountant = accountant();
    accountant.compose(event, count).unwrap();
    accountant
}

fn sampled_gaussian(sigma: f64, q: f64, count: u64) -> PldAccountant {
    composed(&Event::gaussian(sigma).unwrap().poisson_sampled(q).unwrap(), count)
}

#[test]
fn gaussians_without_sampling_are_exact_and_compose_to_one() {
    let many = composed(&Event::gaussian(10.0).unwrap(), 100).epsilon_bracket(1e-5).unwrap();
    // Balle and Wang (2018): one Gaussian of noise multiplier 1.
    assert!((many.up - 4.377_178_1).abs() < 1e-6 && many.up - many.low < 1e-9, "{many:?}");
    let extreme = composed(&Event::gaussian(0.5).unwrap(), 1_000_000).epsilon_bracket(1e-300).unwrap();
    assert!(extreme.up.is_finite() && extreme.up - extreme.low < 1e-6 * extreme.up, "{extreme:?}");
}

#[test]
fn a_discretised_gaussian_brackets_the_exact_one() {
    // The smallest possible sampling loss keeps the grid: probability 1 less one part in 2^52.
    for (sigma, count) in [(1.0, 1), (3.0, 10), (20.0, 1000)] {
        let exact = sampled_gaussian(sigma, 1.0, count).epsilon_bracket(1e-6).unwrap();
        let grid = sampled_gaussian(sigma, 1.0 - f64::EPSILON, count).epsilon_bracket(1e-6).unwrap();
        assert!(grid.low <= exact.up && exact.low <= grid.up, "{exact:?} {grid:?}");
        assert!(grid.up - grid.low < 1e-3 * exact.up, "{grid:?}");
    }
}

#[test]
fn the_binomial_sum_of_randomised_responses_is_exact() {
    // (epsilon, 0) composed: the loss is (2 k - n) epsilon0 with k binomial.
    let (epsilon0, n): (f64, i32) = (0.3, 20);
    let ours = composed(&Event::epsilon_delta(epsilon0, 0.0).unwrap(), 20);
    let p = 1.0 / (1.0 + (-epsilon0).exp());
    for epsilon in [0.0, 0.5, 1.7, 3.0] {
        let mut binomial = (1.0 - p).powi(n);
        let mut delta = 0.0;
        for k in 0..=n {
            let loss = f64::from(2 * k - n) * epsilon0;
            delta += binomial * (1.0 - (epsilon - loss).exp()).max(0.0);
            binomial *= f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p);
        }
        let bracket = ours.delta_bracket(epsilon).unwrap();
        assert!((bracket.up / delta - 1.0).abs() < 1e-8 && (bracket.low / delta - 1.0).abs() < 1e-8, "{bracket:?} {delta}");
    }
    assert!(ours.epsilon(0.0).unwrap() >= 6.0 && ours.epsilon(0.0).unwrap() < 6.0 + 1e-9);
}

#[test]
fn approximate_dp_keeps_its_delta_under_composition() {
    let ours = composed(&Event::epsilon_delta(0.1, 1e-6).unwrap(), 100);
    let failure = -(100.0 * (-1e-6_f64).ln_1p()).exp_m1();
    assert!(ours.epsilon(failure * 0.999).unwrap().is_infinite());
    assert!(ours.delta(1e3).unwrap() >= failure * (1.0 - 1e-9));
}

#[test]
fn a_pair_of_probabilities_is_accounted_like_the_mechanism_that_it_came_from() {
    let (rate, p_zero) = (0.5_f64, 1.0 / (1.0 + (-0.5_f64).exp()));
    let low = 1.0 - p_zero;
    let pair = DiscretePair::new(&[low, p_zero], &[p_zero, low]).unwrap();
    let mut ours = accountant();
    ours.compose_discrete(&pair, 0.2, 50).unwrap();
    let same = composed(&Event::discrete_laplace(rate, 1).unwrap().poisson_sampled(0.2).unwrap(), 50);
    let (ours, same) = (ours.epsilon_bracket(1e-6).unwrap(), same.epsilon_bracket(1e-6).unwrap());
    assert!((ours.up - same.up).abs() < 1e-6 && ours.low <= same.up && same.low <= ours.up, "{ours:?} {same:?}");
}

#[test]
fn missing_probability_counts_as_infinite_loss() {
    let mut ours = accountant();
    ours.compose_discrete(&DiscretePair::new(&[0.5, 0.499], &[0.499, 0.5]).unwrap(), 1.0, 1).unwrap();
    assert!(ours.delta(50.0).unwrap() >= 1e-3 * (1.0 - 1e-9));
    assert!(ours.epsilon(0.9e-3).unwrap().is_infinite());
}

#[test]
fn composition_commutes_and_adds_counts() {
    let events = [
        Event::gaussian(1.5).unwrap().poisson_sampled(0.02).unwrap(),
        Event::laplace(8.0).unwrap(),
        Event::discrete_gaussian(6.0, 2).unwrap(),
        Event::gaussian(30.0).unwrap(),
    ];
    let (mut forward, mut backward) = (accountant(), accountant());
    events.iter().for_each(|event| forward.compose(event, 20).unwrap());
    events.iter().rev().for_each(|event| backward.compose(event, 13).unwrap());
    events.iter().rev().for_each(|event| backward.compose(event, 7).unwrap());
    let (forward, backward) = (forward.epsilon_bracket(1e-6).unwrap(), backward.epsilon_bracket(1e-6).unwrap());
    assert!((forward.up / backward.up - 1.0).abs() < 1e-3 && forward.low <= backward.up && backward.low <= forward.up);
    let nested = Event::Composed(events.to_vec()).self_composed(20).unwrap();
    let nested = composed(&nested, 1).epsilon_bracket(1e-6).unwrap();
    assert!((nested.up - forward.up).abs() < 1e-9);
}

#[test]
fn a_million_compositions_and_extreme_noise_stay_within_the_memory_limit() {
    for (sigma, q, count) in
        [(1.0, 1e-3, 1_000_000), (0.5, 0.5, 1000), (1e-3, 0.5, 10), (1e6, 0.01, 1_000_000), (0.3, 1e-6, 1_000_000)]
    {
        let tight = sampled_gaussian(sigma, q, count).with_memory_limit(4 << 20).unwrap().epsilon(1e-6).unwrap();
        let bracket = sampled_gaussian(sigma, q, count).with_memory_limit(32 << 20).unwrap().epsilon_bracket(1e-6).unwrap();
        assert!(bracket.low <= bracket.up && bracket.low <= tight * (1.0 + 1e-12), "{sigma} {q} {count}: {tight} {bracket:?}");
        assert!(tight.is_finite() && tight >= 0.0);
    }
}

#[test]
fn a_grid_that_would_not_fit_is_an_error_that_names_it() {
    let large =
        sampled_gaussian(0.5, 0.5, 1000).with_value_discretization_interval(1e-7).unwrap().with_memory_limit(1 << 24).unwrap();
    let Err(PrivacyError::Parameter { knob, .. }) = large.epsilon(1e-6) else { panic!("memory") };
    assert_eq!(knob, "value_discretization_interval");
}

#[test]
fn tiny_deltas_give_a_bound_or_an_error() {
    let ours = sampled_gaussian(1.0, 0.01, 10_000);
    let bracket = ours.epsilon_bracket(1e-250).unwrap();
    assert!(bracket.low > 0.99 * bracket.up && bracket.up.is_finite());
    match ours.epsilon(1e-307) {
        Ok(epsilon) => assert!(epsilon > bracket.up),
        Err(error) => assert!(matches!(error, PrivacyError::Parameter { knob: "delta", .. })),
    }
    assert!(ours.delta(1e4).unwrap() > 0.0, "never rounded to zero");
    assert!(ours.epsilon(f64::NAN).is_err() && ours.delta(f64::INFINITY).is_err() && ours.epsilon(-1e-9).is_err());
}

#[test]
fn extremes_give_a_bound_or_an_error_and_never_nan() {
    for sigma in [1e-3, 0.1, 1.0, 1e3, 1e6] {
        for q in [1e-9, 0.01, 0.5, 1.0 - f64::EPSILON, 1.0] {
            for count in [1, 1_000_000] {
                let ours = sampled_gaussian(sigma, q, count).with_memory_limit(2 << 20).unwrap();
                let mut least = f64::INFINITY;
                for delta in [1e-300, 1e-100, 1e-12, 0.5, 1.0] {
                    match ours.epsilon_bracket(delta) {
                        Ok(bracket) => {
                            let context = format!("{sigma} {q} {count} {delta}: {bracket:?}");
                            assert!(bracket.low <= bracket.up && bracket.low >= 0.0 && bracket.low <= least, "{context}");
                            // Sampling never costs.
                            let all = sampled_gaussian(sigma, 1.0, count).epsilon(delta).unwrap();
                            assert!(bracket.low <= all * (1.0 + 1e-9), "{context} {all}");
                            least = bracket.up;
                        }
                        Err(error) => assert!(matches!(error, PrivacyError::Parameter { knob: "delta", .. }), "{error}"),
                    }
                }
                for epsilon in [0.0, 1.0, 1e6] {
                    let bracket = ours.delta_bracket(epsilon).unwrap();
                    assert!(
                        bracket.low <= bracket.up && bracket.up > 0.0 && bracket.up <= 1.0,
                        "{sigma} {q} {count}: {bracket:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_no_theorem_covers_is_refused_and_nothing_changes() {
    let mut ours = sampled_gaussian(1.0, 0.1, 10);
    let before = ours.epsilon(1e-6).unwrap();
    let fixed_size = Event::gaussian(1.0).unwrap().sampled_without_replacement(100, 10).unwrap();
    let both = Event::Composed(vec![Event::laplace(1.0).unwrap(), Event::zcdp(0.1, 0.0).unwrap(), fixed_size.clone()]);
    for event in [fixed_size, both, Event::single_epoch_tree(1.0, vec![8]).unwrap()] {
        assert!(matches!(ours.compose(&event, 1), Err(PrivacyError::Unsupported { accountant: "PLD", .. })));
    }
    assert_eq!(ours.epsilon(1e-6).unwrap(), before);
    let mut replace = PldAccountant::new(NeighboringRelation::ReplaceOne);
    assert!(replace.compose(&Event::gaussian(1.0).unwrap().poisson_sampled(0.5).unwrap(), 1).is_err());
    assert!(replace.compose(&Event::gaussian(1.0).unwrap(), 1).is_ok());
}

#[test]
fn nothing_costs_nothing_and_everything_costs_everything() {
    assert_eq!(composed(&Event::NoOp, 7).epsilon(1e-6).unwrap(), 0.0);
    assert_eq!(composed(&Event::NonPrivate, 1).epsilon(0.5).unwrap(), f64::INFINITY);
    assert_eq!(composed(&Event::NonPrivate, 1).delta(3.0).unwrap(), 1.0);
    assert_eq!(sampled_gaussian(1.0, 0.0, 100).epsilon(1e-9).unwrap(), 0.0);
}

#[test]
fn the_trade_off_of_a_gaussian_is_the_known_curve_from_below() {
    // Dong, Roth and Su: Phi(Phi^-1(1 - alpha) - mu); mu = 1 here, at alpha = 0.5, Phi(-1), and at Phi(-1), Phi(0).
    let curve = composed(&Event::gaussian(1.0).unwrap(), 1).trade_off().unwrap();
    let phi_minus_one = 0.158_655_253_931_457_05;
    for (alpha, beta) in [(0.5, phi_minus_one), (phi_minus_one, 0.5)] {
        assert!(curve.at(alpha) <= beta && curve.at(alpha) > beta - 2e-3, "{} {beta}", curve.at(alpha));
    }
    assert!(curve.at(0.0) > 0.999 && curve.at(1.0) == 0.0);
    let points = curve.points(50);
    assert!(points.windows(2).all(|pair| pair[1].1 <= pair[0].1), "decreasing");
    assert!(TradeOff::new(vec![(f64::NAN, 0.0)]).is_err() && TradeOff::new(vec![(1.0, 1.5)]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn more_noise_less_sampling_and_fewer_rounds_never_cost_more(
        sigma in 0.6_f64..4.0, q in 0.001_f64..0.5, count in 1_u64..2000, ln_delta in -25.0_f64..-5.0,
    ) {
        let delta = ln_delta.exp();
        let base = sampled_gaussian(sigma, q, count).epsilon_bracket(delta).unwrap();
        prop_assert!(base.low <= base.up && base.up.is_finite());
        // The memory limit decides, not the accuracy.
        prop_assert!(base.up - base.low <= 4e-3 * base.up + 1e-9, "{:?}", base);
        let better = [
            sampled_gaussian(sigma * 1.1, q, count),
            sampled_gaussian(sigma, q * 0.9, count),
            sampled_gaussian(sigma, q, count - count / 10),
        ];
        for other in better {
            prop_assert!(other.epsilon_bracket(delta).unwrap().low <= base.up * (1.0 + 1e-12));
        }
        prop_assert!(sampled_gaussian(sigma, q, count).epsilon_bracket(delta * 2.0).unwrap().low <= base.up);
        prop_assert!(base.low <= sampled_gaussian(sigma, 1.0, count).epsilon(delta).unwrap(), "sampling never costs");
    }

    #[test]
    fn renyi_divergences_never_know_more(sigma in 0.6_f64..4.0, q in 0.001_f64..=1.0, count in 1_u64..2000, ln_delta in -25.0_f64..-5.0) {
        let mut renyi = RdpAccountant::new(NeighboringRelation::AddOrRemoveOne);
        renyi.compose(&Event::gaussian(sigma).unwrap().poisson_sampled(q).unwrap(), count).unwrap();
        let (epsilon, ours) = (renyi.epsilon(ln_delta.exp()).unwrap(), sampled_gaussian(sigma, q, count).epsilon_bracket(ln_delta.exp()).unwrap());
        prop_assert!(ours.low <= epsilon, "{:?} {}", ours, epsilon);
        prop_assert!(ours.up <= epsilon * (1.0 + 1e-3) + 1e-9, "{:?} {}", ours, epsilon);
    }

    #[test]
    fn epsilon_and_delta_are_inverse_to_each_other(
        sigma in 0.6_f64..4.0, q in 0.001_f64..0.5, count in 1_u64..2000, ln_delta in -40.0_f64..-5.0,
    ) {
        let ours = sampled_gaussian(sigma, q, count);
        let epsilon = ours.epsilon_bracket(ln_delta.exp()).unwrap();
        prop_assume!(epsilon.low > 1e-3);
        prop_assert!(ours.delta_bracket(epsilon.up).unwrap().low <= ln_delta.exp() * (1.0 + 1e-9));
        prop_assert!(ours.delta_bracket(epsilon.low).unwrap().up >= ln_delta.exp() * (1.0 - 1e-9));
    }
}
