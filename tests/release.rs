//! What an encoding releases is an event that an accountant understands.
#![allow(clippy::unwrap_used, reason = "tests")]

use veilsum::{
    account::{Accountant, Event, NeighboringRelation, PureAccountant, RdpAccountant},
    dp::{Encoding, Mechanism, Release},
};

fn epsilon(event: &Event) -> f64 {
    let mut accountant = RdpAccountant::new(NeighboringRelation::ReplaceSpecial);
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

/// Epsilon at delta 0.
fn pure_epsilon(release: &Release) -> f64 {
    let mut accountant = PureAccountant::new(NeighboringRelation::ReplaceSpecial);
    accountant.compose(&Event::release(release).unwrap(), 1).unwrap();
    accountant.epsilon(0.0).unwrap()
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
