//! Symmetric noise on a Poisson sample: that the party's presence is the direction to look at, as docs/privacy.md proves, in numbers.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;
use serde_json::Value;
use veilsum::account::{
    Accountant, Event,
    NeighboringRelation::AddOrRemoveOne,
    RdpAccountant,
    distributed::{DistributedDiscreteGaussian, DistributedSkellam, Sensitivity},
};

/// From reference/sampled_rdp.py: 50 digits, both directions, from the definition of the divergence.
const EXACT: &str = include_str!("data/sampled_rdp.json");

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_str().unwrap().parse().unwrap()
}

fn event(row: &Value) -> Event {
    let shift: Vec<u64> = row["shift"].as_array().unwrap().iter().map(|part| part.as_u64().unwrap()).collect();
    let (l1, l2_squared) = (shift.iter().sum(), shift.iter().map(|part| part * part).sum());
    let sensitivity = Sensitivity::new(l2_squared, l1, shift.len() as u64).unwrap();
    let parameter = number(row, "parameter");
    match row["law"].as_str().unwrap() {
        "discrete_gaussian" => Event::discrete_gaussian(parameter, l1).unwrap(),
        "discrete_laplace" => Event::discrete_laplace(parameter, l1).unwrap(),
        "skellam" => Event::DistributedSkellam(DistributedSkellam::new(sensitivity, parameter, 1).unwrap()),
        "discrete_gaussian_vector" => {
            let variance = parameter * parameter;
            Event::DistributedDiscreteGaussian(DistributedDiscreteGaussian::new(sensitivity, variance, 1).unwrap())
        }
        other => panic!("{other}"),
    }
}

#[test]
fn divergences_on_samples_enclose_a_computation_with_fifty_digits_in_both_directions() {
    let rows: Vec<Value> = serde_json::from_str(EXACT).unwrap();
    let mut close = 0;
    for row in &rows {
        let (q, order) = (number(row, "q"), number(row, "order"));
        let mut accountant = RdpAccountant::new(AddOrRemoveOne);
        accountant.compose(&event(row).poisson_sampled(q).unwrap(), 1).unwrap();
        let (got, removed, added) = (accountant.rdp(order).unwrap(), number(row, "removed"), number(row, "added"));
        assert!(got >= removed * (1.0 - 1e-12) && removed >= added, "{row}: {got}");
        // Between integers, and for vectors, there is no exact formula: only a bound.
        let exact = order.fract() == 0.0 && row["shift"].as_array().unwrap().len() == 1;
        if exact {
            assert!(got <= removed * (1.0 + 1e-5), "{row}: {got} without the factor 3");
        }
        close += usize::from(exact);
    }
    assert_eq!((rows.len(), close), (104, 60));
}

proptest! {
    #[test]
    fn of_two_outcomes_that_mirror_each_other_the_presence_of_a_party_costs_more(
        ln_ratio in -40.0_f64..40.0, q in 0.0_f64..1.0, order in 1.0_f64..40.0,
    ) {
        // u = (1 - q) + q r and v = (1 - q) r + q: the mixture over Q at an outcome of ratio r, and r times that at its mirror image.
        let r = ln_ratio.exp();
        let (u, v) = ((1.0 - q + q * r).ln(), ((1.0 - q) * r + q).ln());
        let removed = (order * u).exp() + (order * v + (1.0 - order) * ln_ratio).exp();
        let added = ((1.0 - order) * u).exp() + ((1.0 - order) * v + order * ln_ratio).exp();
        prop_assume!(removed.is_finite() && added.is_finite());
        prop_assert!(added <= removed * (1.0 + 1e-11), "{} {}", added, removed);
    }
}
