//! What every accountant must satisfy, whatever the parameters.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "tests"
)]
#![cfg(feature = "std")]

use proptest::{prelude::*, test_runner::RngSeed};
use veilsum::account::{
    Accountant, Event,
    NeighboringRelation::{self, AddOrRemoveOne, ReplaceOne, ReplaceSpecial},
    PureAccountant, RdpAccountant, ZCdpAccountant, analytic,
    distributed::{DistributedDiscreteGaussian, DistributedSkellam, Sensitivity},
};

/// Searches stop at a relative width; epsilon is flat there.
const SEARCH: f64 = 1e-7;

fn rdp(relation: NeighboringRelation, events: &[(&Event, u64)]) -> RdpAccountant {
    let mut accountant = RdpAccountant::new(relation);
    events.iter().for_each(|(event, count)| accountant.compose(event, *count).unwrap());
    accountant
}

fn sampled(sigma: f64, q: f64, count: u64) -> RdpAccountant {
    rdp(AddOrRemoveOne, &[(&Event::gaussian(sigma).unwrap().poisson_sampled(q).unwrap(), count)])
}

/// One event of each kind that the Rényi accountant knows under add-or-remove-one.
fn any_event() -> impl Strategy<Value = Event> {
    let plain = prop_oneof![
        (0.3..20.0).prop_map(|sigma| Event::gaussian(sigma).unwrap()),
        (0.3..20.0).prop_map(|scale| Event::laplace(scale).unwrap()),
        (0.3..20.0, 1_u64..4).prop_map(|(sigma, d)| Event::discrete_gaussian(sigma, d).unwrap()),
        (0.05..2.0, 1_u64..4).prop_map(|(a, d)| Event::discrete_laplace(a, d).unwrap()),
        (0.001..1.0, 0.0..0.1).prop_map(|(rho, xi)| Event::zcdp(rho, xi).unwrap()),
        (0.001..1.0, 0.0..1e-8).prop_map(|(epsilon, delta)| Event::epsilon_delta(epsilon, delta).unwrap()),
    ];
    (plain, prop::option::of(0.001..0.9)).prop_map(|(event, q)| match q {
        Some(q) => event.poisson_sampled(q).unwrap(),
        None => event,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, rng_seed: RngSeed::Fixed(23), ..ProptestConfig::default() })]

    #[test]
    fn epsilon_falls_with_noise_and_delta_and_rises_with_sampling_and_rounds(
        sigma in 0.3..20.0, q in 0.0001..0.9, count in 1_u64..20_000, exponent in -12.0..-2.0, factor in 1.01..3.0,
    ) {
        let delta = 10.0_f64.powf(exponent);
        let epsilon = sampled(sigma, q, count).epsilon(delta).unwrap();
        let slack = 1.0 + SEARCH;
        prop_assert!(sampled(sigma * factor, q, count).epsilon(delta).unwrap() <= epsilon * slack);
        prop_assert!(sampled(sigma, q / factor, count).epsilon(delta).unwrap() <= epsilon * slack);
        prop_assert!(sampled(sigma, q, count + 1).epsilon(delta).unwrap() * slack >= epsilon);
        prop_assert!(sampled(sigma, q, count).epsilon(delta * factor).unwrap() <= epsilon * slack);
    }

    #[test]
    fn composition_commutes_and_nesting_does_not_matter(
        events in prop::collection::vec((any_event(), 1_u64..50), 1..5), exponent in -12.0..-3.0,
    ) {
        let delta = 10.0_f64.powf(exponent);
        let pairs: Vec<(&Event, u64)> = events.iter().map(|(event, count)| (event, *count)).collect();
        let forward = rdp(AddOrRemoveOne, &pairs).epsilon(delta).unwrap();
        let backward: Vec<(&Event, u64)> = pairs.iter().copied().rev().collect();
        let repeated = |(event, count): &(Event, u64)| event.clone().self_composed(*count).unwrap();
        let nested = Event::Composed(events.iter().map(repeated).collect());
        for other in [rdp(AddOrRemoveOne, &backward), rdp(AddOrRemoveOne, &[(&nested, 1)])] {
            let other = other.epsilon(delta).unwrap();
            prop_assert!((other - forward).abs() <= SEARCH * forward || other == forward, "{} {}", other, forward);
        }
    }

    #[test]
    fn more_events_never_cost_less(first in any_event(), second in any_event(), exponent in -12.0..-3.0) {
        let delta = 10.0_f64.powf(exponent);
        let alone = rdp(AddOrRemoveOne, &[(&first, 3)]).epsilon(delta).unwrap();
        let both = rdp(AddOrRemoveOne, &[(&first, 3), (&second, 1)]).epsilon(delta).unwrap();
        prop_assert!(both * (1.0 + SEARCH) >= alone);
    }

    #[test]
    fn sampling_never_costs_more(event in any_event(), q in 0.0..1.0, count in 1_u64..1000, exponent in -12.0..-3.0) {
        let delta = 10.0_f64.powf(exponent);
        let Ok(sample) = event.clone().poisson_sampled(q) else { unreachable!() };
        // Several failing mechanisms on one sample have no theorem.
        let mut accountant = RdpAccountant::new(AddOrRemoveOne);
        prop_assume!(accountant.compose(&sample, count).is_ok());
        let all = rdp(AddOrRemoveOne, &[(&event, count)]).epsilon(delta).unwrap();
        prop_assert!(accountant.epsilon(delta).unwrap() <= all * (1.0 + SEARCH));
    }

    #[test]
    fn sampling_without_replacement_never_costs_more(
        sigma in 0.3..20.0, batch in 0_u64..=1000, count in 1_u64..1000, laplace in any::<bool>(),
    ) {
        let event = if laplace { Event::laplace(sigma) } else { Event::gaussian(sigma) }.unwrap();
        let sample = event.clone().sampled_without_replacement(1000, batch).unwrap();
        let all = rdp(ReplaceOne, &[(&event, count)]).epsilon(1e-6).unwrap();
        prop_assert!(rdp(ReplaceOne, &[(&sample, count)]).epsilon(1e-6).unwrap() <= all * (1.0 + SEARCH));
    }

    #[test]
    fn delta_and_epsilon_are_inverse(event in any_event(), count in 1_u64..100, exponent in -10.0..-3.0) {
        let delta = 10.0_f64.powf(exponent);
        let accountant = rdp(AddOrRemoveOne, &[(&event, count)]);
        let epsilon = accountant.epsilon(delta).unwrap();
        if epsilon.is_finite() {
            let back = accountant.delta(epsilon).unwrap();
            prop_assert!(back <= delta * (1.0 + 1e-3), "{} {} {}", epsilon, delta, back);
        }
    }

    #[test]
    fn the_curve_is_smooth_where_its_formula_changes(sigma in 0.5..10.0, q in 0.001..0.9, order in 2_u8..40) {
        let accountant = sampled(sigma, q, 1);
        let order = f64::from(order);
        let at = |order: f64| accountant.rdp(order).unwrap();
        let (left, middle, right) = (at(order - 1e-6), at(order), at(order + 1e-6));
        // Divergences rise with the order; the slope of lambda D is the mean privacy loss, at most that of the order's optimum.
        prop_assert!(left <= middle * (1.0 + 1e-9) && middle <= right * (1.0 + 1e-9), "{} {} {}", left, middle, right);
        prop_assert!(right - left <= 1e-4 * middle.max(1e-12), "{} {} {}", left, middle, right);
    }

    #[test]
    fn the_general_theorem_for_samples_is_above_the_exact_gaussian(sigma in 0.7..10.0, q in 0.001..0.9, order in 2_u8..40) {
        let general = Event::zcdp(0.5 / (sigma * sigma), 0.0).unwrap().poisson_sampled(q).unwrap();
        let order = f64::from(order);
        let (general, exact) = (rdp(AddOrRemoveOne, &[(&general, 1)]), sampled(sigma, q, 1));
        prop_assert!(general.rdp(order).unwrap() * (1.0 + 1e-12) >= exact.rdp(order).unwrap());
    }

    #[test]
    fn no_result_is_below_what_one_gaussian_costs_exactly(sigma in 0.05..50.0, count in 1_u64..1000, exponent in -12.0..-2.0) {
        let delta = 10.0_f64.powf(exponent);
        let event = Event::gaussian(sigma).unwrap();
        let exact = analytic::epsilon(sigma / (count as f64).sqrt(), delta).unwrap();
        let bounds = [rdp(AddOrRemoveOne, &[(&event, count)]).epsilon(delta).unwrap(), zcdp(&event, count).epsilon(delta).unwrap()];
        for bound in bounds {
            prop_assert!(bound >= exact * (1.0 - 1e-9) && bound <= 1.5 * exact + 1.0, "{} {}", bound, exact);
        }
    }

    #[test]
    fn no_result_is_below_what_one_sampled_gaussian_costs_exactly(sigma in 0.3..10.0_f64, q in 0.001..0.99_f64, epsilon in 0.0..4.0_f64) {
        // Removal: (1 - q) N(0) + q N(1) against N(0), integrated above where the ratio is e^epsilon.
        let edge = sigma * sigma * ((epsilon.exp() - (1.0 - q)) / q).ln() + 0.5;
        let above = |mean: f64| 0.5 * libm::erfc((edge - mean) / (sigma * 2.0_f64.sqrt()));
        let exact = (1.0 - q) * above(0.0) + q * above(1.0) - epsilon.exp() * above(0.0);
        prop_assert!(sampled(sigma, q, 1).delta(epsilon).unwrap() >= exact * (1.0 - 1e-9) - 1e-15);
    }
}

fn zcdp(event: &Event, count: u64) -> ZCdpAccountant {
    zcdp_under(AddOrRemoveOne, event, count)
}

fn zcdp_under(relation: NeighboringRelation, event: &Event, count: u64) -> ZCdpAccountant {
    let mut accountant = ZCdpAccountant::new(relation);
    accountant.compose(event, count).unwrap();
    accountant
}

#[test]
fn extremes_give_a_bound_and_never_nan() {
    let deltas = [0.0, 5e-324, 1e-300, 1e-5, 1.0];
    for sigma in [1e-200, 1e-3, 0.0101, 1.0, 1e3, 1e6, 1e200] {
        for q in [0.0, 1e-300, 1e-9, 0.01, 1.0 - 1e-12, 1.0] {
            for count in [1, 1_000_000, u64::MAX] {
                let accountant = sampled(sigma, q, count);
                let mut last = f64::INFINITY;
                for delta in deltas {
                    let epsilon = accountant.epsilon(delta).unwrap();
                    assert!(epsilon >= 0.0 && epsilon <= last * (1.0 + SEARCH), "{sigma} {q} {count} {delta}: {epsilon}");
                    last = epsilon;
                }
                assert_eq!(last, 0.0);
                for epsilon in [0.0, 1.0, 1e300] {
                    let delta = accountant.delta(epsilon).unwrap();
                    assert!((0.0..=1.0).contains(&delta), "{sigma} {q} {count} {epsilon}: {delta}");
                    assert!(delta > 0.0 || q == 0.0, "{sigma} {q} {count} {epsilon}");
                }
            }
        }
    }
}

#[test]
fn extremes_of_the_other_mechanisms_give_a_bound_and_never_nan() {
    let sizes = [1e-300, 1e-3, 1.0, 1e6, 1e300];
    let events = |x: f64| {
        [
            Event::laplace(x).unwrap(),
            Event::discrete_laplace(x, 1).unwrap(),
            Event::discrete_laplace(x, u64::MAX).unwrap(),
            Event::discrete_gaussian(x, 1).unwrap(),
            Event::discrete_gaussian(x, u64::MAX).unwrap(),
            Event::zcdp(x, 0.0).unwrap(),
            Event::zcdp(0.0, x).unwrap(),
            Event::epsilon_delta(x, 1e-10).unwrap(),
            Event::epsilon_delta(x, 1.0).unwrap(),
        ]
    };
    for event in sizes.into_iter().flat_map(events) {
        for event in [event.clone(), event.poisson_sampled(1e-6).unwrap()] {
            for count in [1, 1 << 40] {
                let accountant = rdp(AddOrRemoveOne, &[(&event, count)]);
                for delta in [0.0, 1e-300, 1e-5, 1.0] {
                    let epsilon = accountant.epsilon(delta).unwrap();
                    assert!(epsilon >= 0.0, "{event:?} {count} {delta}: {epsilon}");
                }
                let delta = accountant.delta(1.0).unwrap();
                assert!((0.0..=1.0).contains(&delta), "{event:?} {count}: {delta}");
            }
        }
    }
}

#[test]
fn nothing_costs_nothing_and_everything_costs_everything() {
    let accountants = |event: Event| -> Vec<Box<dyn Accountant>> {
        let mut accountants: Vec<Box<dyn Accountant>> = vec![
            Box::new(RdpAccountant::new(AddOrRemoveOne)),
            Box::new(ZCdpAccountant::new(AddOrRemoveOne)),
            Box::new(PureAccountant::new(AddOrRemoveOne)),
        ];
        accountants.iter_mut().for_each(|accountant| accountant.compose(&event, 7).unwrap());
        accountants
    };
    for accountant in accountants(Event::NoOp) {
        assert_eq!((accountant.epsilon(0.0), accountant.delta(0.0)), (Ok(0.0), Ok(0.0)));
    }
    for accountant in accountants(Event::NonPrivate) {
        assert_eq!((accountant.epsilon(1e-5), accountant.delta(1e9)), (Ok(f64::INFINITY), Ok(1.0)));
    }
}

#[test]
fn pure_mechanisms_agree_between_accountants() {
    let event = Event::laplace(2.0).unwrap();
    let mut pure = PureAccountant::new(AddOrRemoveOne);
    pure.compose(&event, 100).unwrap();
    let rdp = rdp(AddOrRemoveOne, &[(&event, 100)]);
    // At delta 0 only basic composition holds.
    assert!((pure.epsilon(0.0).unwrap() - 50.0).abs() < 1e-9);
    assert!((rdp.epsilon(0.0).unwrap() - 50.0).abs() < 1e-9);
    // Kairouz, Oh and Viswanath: 100 * 0.5 tanh(0.25) + sqrt(2 * 25 * ln(1e6))
    let advanced = 50.0 * 0.25_f64.tanh() + (50.0 * 1e6_f64.ln()).sqrt();
    let got = pure.epsilon(1e-6).unwrap();
    assert!((got - advanced).abs() < 1e-9, "{got} {advanced}");
    assert!(rdp.epsilon(1e-6).unwrap() < got);
    assert!(pure.delta(got).unwrap() <= 1e-6 * (1.0 + 1e-9));
}

#[test]
fn deltas_of_failing_mechanisms_add_up() {
    let event = Event::epsilon_delta(0.1, 1e-6).unwrap();
    for accountant in [&mut RdpAccountant::new(AddOrRemoveOne) as &mut dyn Accountant, &mut PureAccountant::new(AddOrRemoveOne)] {
        accountant.compose(&event, 10).unwrap();
        assert_eq!(accountant.epsilon(9.9e-6), Ok(f64::INFINITY));
        let epsilon = accountant.epsilon(1.01e-5).unwrap();
        assert!(epsilon <= 1.0 + 1e-9 && epsilon > 0.3, "{epsilon}");
        let delta = accountant.delta(1.001).unwrap();
        assert!((delta - 1e-5).abs() < 1e-9 && delta >= -(10.0 * (-1e-6_f64).ln_1p()).exp_m1(), "{delta}");
    }
}

#[test]
fn a_sample_of_discrete_noise_costs_what_both_directions_sum_to() {
    // ln sum_x (numerator / denominator)^alpha denominator, over all integers that matter.
    let divergence = |numerator: &dyn Fn(f64) -> f64, denominator: &dyn Fn(f64) -> f64, order: f64| {
        let term = |x: i32| numerator(x.into()).powf(order) * denominator(x.into()).powf(1.0 - order);
        (-60..=60).map(term).sum::<f64>().ln() / (order - 1.0)
    };
    let law = |ln_weight: &dyn Fn(f64) -> f64| {
        let total: f64 = (-60..=60).map(|x: i32| ln_weight(x.into()).exp()).sum();
        move |weight: f64| weight.exp() / total
    };
    let laplace: &dyn Fn(f64) -> f64 = &|x| -0.6 * x.abs();
    let gaussian: &dyn Fn(f64) -> f64 = &|x| -x * x / (2.0 * 16.0);
    let (laplace_event, gaussian_event) = (Event::discrete_laplace(0.6, 2).unwrap(), Event::discrete_gaussian(4.0, 2).unwrap());
    for (ln_weight, event) in [(laplace, laplace_event), (gaussian, gaussian_event)] {
        for q in [0.01, 0.3, 0.9] {
            let scaled = law(ln_weight);
            let base = |x: f64| scaled(ln_weight(x));
            let mixture = |x: f64| (1.0 - q) * base(x) + q * base(x - 2.0);
            let accountant = rdp(AddOrRemoveOne, &[(&event.clone().poisson_sampled(q).unwrap(), 1)]);
            for order in [2.0, 3.0, 7.0] {
                let (removed, added) = (divergence(&mixture, &base, order), divergence(&base, &mixture, order));
                let got = accountant.rdp(order).unwrap();
                assert!(added <= removed && got >= removed * (1.0 - 1e-9), "{event:?} {q} {order}: {got} {removed} {added}");
                assert!(got <= removed * (1.0 + 1e-6) + 1e-13, "{event:?} {q} {order}: {got} {removed}");
            }
        }
    }
}

#[test]
fn sums_of_shares_cost_what_their_numeric_bounds_say() {
    // Scale 12, clip 1, dimension 256, 1000 clients: the published bound of the discrete Gaussian gives 19269 at local sigma 0.5.
    let sensitivity = || Sensitivity::rounded(12.0, (-0.5_f64).exp(), 256).unwrap();
    let gaussian =
        |variance| Event::DistributedDiscreteGaussian(DistributedDiscreteGaussian::new(sensitivity(), variance, 1000).unwrap());
    let skellam = |variance| Event::DistributedSkellam(DistributedSkellam::new(sensitivity(), variance, 1000).unwrap());
    for (event, expected) in
        [(gaussian(0.25), 4.904), (gaussian(0.5625), 2.837), (skellam(0.25), 4.498), (skellam(0.5625), 2.835)]
    {
        let epsilon = rdp(ReplaceSpecial, &[(&event, 1)]).epsilon(1e-5).unwrap();
        // Those were computed at integer orders.
        assert!(epsilon <= expected * 1.002 && epsilon > 0.97 * expected, "{epsilon} {expected}");
        let line = zcdp_under(ReplaceSpecial, &event, 1).epsilon(1e-5).unwrap();
        assert!(line >= epsilon * (1.0 - SEARCH), "{line} {epsilon}");
    }
}

#[test]
fn a_sample_scales_epsilon_and_delta() {
    let event = Event::epsilon_delta(1.0, 1e-4).unwrap().poisson_sampled(0.25).unwrap();
    let amplified = (0.25 * 1.0_f64.exp_m1()).ln_1p();
    for accountant in [&mut RdpAccountant::new(AddOrRemoveOne) as &mut dyn Accountant, &mut PureAccountant::new(AddOrRemoveOne)] {
        accountant.compose(&event, 1).unwrap();
        let delta = accountant.delta(amplified * (1.0 + 1e-9)).unwrap();
        assert!((delta / 2.5e-5 - 1.0).abs() < 1e-9, "{delta}");
        assert_eq!(accountant.epsilon(2.49e-5), Ok(f64::INFINITY));
        let epsilon = accountant.epsilon(2.500_001e-5).unwrap();
        assert!((epsilon / amplified - 1.0).abs() < 1e-9, "{epsilon}");
    }
}

#[test]
fn a_theorem_is_not_used_under_another_relation() {
    let gaussian = || Event::gaussian(1.0).unwrap();
    let poisson = gaussian().poisson_sampled(0.1).unwrap();
    let fixed = gaussian().sampled_without_replacement(10, 1).unwrap();
    let tree = Event::single_epoch_tree(1.0, vec![8]).unwrap();
    for (event, good) in [(poisson, AddOrRemoveOne), (fixed, ReplaceOne), (tree, ReplaceSpecial)] {
        for relation in [AddOrRemoveOne, ReplaceOne, ReplaceSpecial] {
            let mut rdp = RdpAccountant::new(relation);
            let mut zcdp = ZCdpAccountant::new(relation);
            assert_eq!(rdp.compose(&event, 1).is_ok(), relation == good, "{event:?} {relation:?}");
            assert_eq!(zcdp.compose(&event, 1).is_ok(), relation == good, "{event:?} {relation:?}");
            if relation != good {
                // Nothing has changed.
                assert_eq!((rdp.epsilon(1e-5), zcdp.epsilon(1e-5)), (Ok(0.0), Ok(0.0)));
            }
        }
    }
}

#[test]
fn parameters_out_of_range_are_refused_and_named() {
    let named = |event: Result<Event, veilsum::PrivacyError>, knob: &str| {
        let text = event.unwrap_err().to_string();
        assert!(text.contains(knob), "{text}");
    };
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        named(Event::gaussian(bad), "`noise_multiplier`");
        named(Event::laplace(bad), "`noise_multiplier`");
        named(Event::discrete_gaussian(bad, 1), "`sigma`");
        named(Event::discrete_laplace(bad, 1), "`noise_parameter`");
        named(Event::matrix_factorization(1.0, bad), "`sensitivity`");
        named(Event::single_epoch_tree(bad, vec![1]), "`noise_multiplier`");
    }
    named(Event::discrete_gaussian(1.0, 0), "`sensitivity`");
    named(Event::single_epoch_tree(1.0, vec![]), "`step_counts`");
    named(Event::gaussian(1.0).unwrap().poisson_sampled(1.5), "`sampling_probability`");
    named(Event::gaussian(1.0).unwrap().poisson_sampled(f64::NAN), "`sampling_probability`");
    named(Event::gaussian(1.0).unwrap().sampled_without_replacement(5, 6), "`sample_size`");
    named(Event::zcdp(-1.0, 0.0), "`rho`");
    named(Event::epsilon_delta(1.0, 2.0), "`delta`");
    // Made without the functions that check.
    let mut accountant = RdpAccountant::new(AddOrRemoveOne);
    assert!(accountant.compose(&Event::Gaussian { noise_multiplier: f64::NAN }, 1).is_err());
    let deep = (0..20).fold(Event::NoOp, |event, _| Event::Composed(vec![event]));
    assert!(accountant.compose(&deep, 1).is_err());
    assert!(
        accountant.epsilon(-0.1).is_err() && accountant.epsilon(f64::NAN).is_err() && accountant.delta(f64::INFINITY).is_err()
    );
    assert!(RdpAccountant::with_orders(AddOrRemoveOne, &[1.0]).is_err());
    assert!(RdpAccountant::with_orders(AddOrRemoveOne, &[]).is_err());
}

#[cfg(feature = "serde")]
#[test]
fn an_event_is_checked_when_it_is_read() {
    let event = Event::gaussian(1.5).unwrap().poisson_sampled(0.25).unwrap().self_composed(3).unwrap();
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    assert!(
        serde_json::from_str::<Event>(&text.replace("0.25", "1.25")).unwrap_err().to_string().contains("sampling_probability")
    );
    assert!(serde_json::from_str::<Event>(&text.replace("1.5", "-1.5")).is_err());
}
