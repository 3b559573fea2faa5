//! What an encoding releases is an event that an accountant understands.
#![allow(clippy::unwrap_used, reason = "tests")]

use veilsum::{
    account::{Accountant, Event, NeighboringRelation, RdpAccountant},
    dp::Encoding,
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
