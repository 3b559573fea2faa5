//! Noise on a sample: that the party's presence is the direction to look at for symmetric noise, as docs/privacy.md proves, in numbers; and the
//! formulas written a second time.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "common/divergence.rs"]
mod divergence;

use divergence::{encloses, laplace, rdp};
use proptest::prelude::*;
use serde_json::Value;
use veilsum::account::{
    Event,
    NeighboringRelation::{AddOrRemoveOne, ReplaceOne},
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
        let accountant = rdp(AddOrRemoveOne, &event(row).poisson_sampled(q).unwrap(), 1);
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

/// `(1 + x)^alpha - 1 - alpha x` times `e^-spread`, without cancellation.
fn remainder(ln_ratio: f64, x: f64, alpha: f64, spread: f64) -> f64 {
    if x.abs() * alpha > 0.7 {
        return (alpha * ln_ratio - spread).exp() - (1.0 + alpha * x) * (-spread).exp();
    }
    let coefficient = |k: i32| (alpha - f64::from(k) + 1.0) / f64::from(k) * x;
    let series = (3..60).rev().fold(1.0, |sum, k| 1.0 + coefficient(k) * sum);
    0.5 * alpha * (alpha - 1.0) * x * x * series * (-spread).exp()
}

/// `A - 1` of the Gaussian on a Poisson sample, the integral of docs/privacy.md by a sum over 16 points a standard deviation.
fn sampled_gaussian(q: f64, sigma: f64, alpha: f64) -> f64 {
    let step = sigma / 16.0;
    let (first, last) = ((-15.0 * sigma / step).floor(), ((alpha + 15.0 * sigma) / step).ceil());
    let at = |node: i32| {
        let z = f64::from(node) * step;
        let u = (z - 0.5) / (sigma * sigma);
        let x = q * u.exp_m1();
        let ln_ratio = if u > 600.0 { q.ln() + u } else { x.ln_1p() };
        remainder(ln_ratio, x, alpha, 0.5 * (z / sigma) * (z / sigma))
    };
    #[allow(clippy::cast_possible_truncation)]
    let nodes = first as i32..=last as i32;
    nodes.map(at).sum::<f64>() / (16.0 * (2.0 * std::f64::consts::PI).sqrt())
}

#[test]
fn fractional_orders_of_the_sampled_gaussian_agree_with_their_integral() {
    for sigma in [0.6, 1.0, 2.5, 7.0, 40.0] {
        for q in [1e-22, 1e-9, 1e-4, 0.01, 0.03, 0.3, 0.9] {
            let accountant = rdp(AddOrRemoveOne, &Event::gaussian(sigma).unwrap().poisson_sampled(q).unwrap(), 1);
            for order in [1.5, 2.25, 3.875, 10.5, 33.25, 100.5, 200.75] {
                let truth = sampled_gaussian(q, sigma, order);
                // Far above, the test would overflow; allowances grow with the exponents of the second hump.
                if truth < 1e100 {
                    let above = if q < 1e-20 { 1e-10 } else { 1e-12 };
                    let case = format!("sigma {sigma}, q {q}, order {order}");
                    encloses(accountant.rdp(order).unwrap(), truth.ln_1p() / (order - 1.0), 1e-15, above, &case);
                }
            }
        }
    }
}

fn choose(n: i32, k: i32) -> f64 {
    (1..=k).map(|i| f64::from(n - k + i) / f64::from(i)).product()
}

/// `D` of `A - 1 = sum_(i >= 2) C(order, i) weight(i) bound(i)`.
fn binomial(order: i32, weight: impl Fn(i32) -> f64, bound: impl Fn(i32) -> f64) -> f64 {
    (2..=order).map(|i| choose(order, i) * weight(i) * bound(i)).sum::<f64>().ln_1p() / f64::from(order - 1)
}

/// Divergence of randomised response with this epsilon.
fn randomised_response(epsilon: f64, order: i32) -> f64 {
    let (high, alpha) = (1.0 / (1.0 + (-epsilon).exp()), f64::from(order));
    let low = 1.0 - high;
    (high.powf(alpha) * low.powf(1.0 - alpha) + low.powf(alpha) * high.powf(1.0 - alpha)).ln() / (alpha - 1.0)
}

/// An event, `lambda D_i` of integer orders, what the sum has from its third term on, and the largest loss.
type Row<'a> = (Event, &'a dyn Fn(i32) -> f64, f64, f64);

#[test]
fn integer_orders_of_sampled_mechanisms_agree_with_the_binomial_sums() {
    let (sigma, scale) = (2.0, 1.5);
    let gaussian = |i: i32| f64::from(i * (i - 1)) / (2.0 * sigma * sigma);
    let of_laplace = |i: i32| laplace(scale, f64::from(i - 1));
    let both = |i: i32| gaussian(i) + of_laplace(i);
    let events = || (Event::gaussian(sigma).unwrap(), Event::laplace(scale).unwrap());
    let composed = Event::Composed(vec![events().0, events().1]);
    // Symmetric noise has no factor 3; only Laplace noise has a largest loss.
    let poisson: [Row<'_>; 4] = [
        (events().0, &gaussian, 1.0, f64::INFINITY),
        (events().1, &of_laplace, 1.0, 1.0 / scale),
        (composed.clone(), &both, 3.0, f64::INFINITY),
        (Event::zcdp(0.125, 0.0).unwrap(), &gaussian, 3.0, f64::INFINITY),
    ];
    for (q, percent) in [(0.01, 1), (0.25, 25), (0.75, 75)] {
        for order in [2, 3, 4, 9] {
            let weight = |i: i32| f64::powi(q, i) * f64::powi(1.0 - q, order - i);
            let plain = |cgf: &dyn Fn(i32) -> f64| cgf(order) / f64::from(order - 1);
            for (event, cgf, factor, pure) in &poisson {
                let bound = |i: i32| if i == 2 { cgf(i).exp_m1() } else { factor * cgf(i).exp() - 1.0 };
                let amplified = (q * pure.exp_m1()).ln_1p();
                let amplified = if amplified < 1e9 { randomised_response(amplified, order) } else { amplified };
                let truth = binomial(order, weight, bound).min(amplified).min(plain(cgf));
                let got = rdp(AddOrRemoveOne, &event.clone().poisson_sampled(q).unwrap(), 1).rdp(f64::from(order)).unwrap();
                encloses(got, truth, 1e-12, 1e-10, &format!("{event:?} {q} {order}"));
            }
            // Without the moments of a Gaussian alone.
            let bound = |i: i32| if i == 2 { (4.0 * both(i).exp_m1()).min(2.0 * both(i).exp()) } else { 2.0 * both(i).exp() };
            let truth = binomial(order, |i| f64::powi(q, i), bound).min(plain(&both));
            let event = composed.clone().sampled_without_replacement(100, percent).unwrap();
            encloses(rdp(ReplaceOne, &event, 1).rdp(f64::from(order)).unwrap(), truth, 1e-12, 1e-10, "fixed size");
        }
    }
}

#[test]
fn tiny_samples_are_not_even_rounded_down() {
    // At order 2 and such a q the divergence is `q^2 (e^D - 1)` to all digits.
    let (q, divergence) = (1e-120_f64, 0.5_f64);
    for part in 1..400 {
        let q = q * (1.0 + f64::from(part) / 7.0);
        let event = Event::zcdp(0.5 * divergence, 0.0).unwrap().poisson_sampled(q).unwrap();
        encloses(rdp(AddOrRemoveOne, &event, 1).rdp(2.0).unwrap(), q * q * divergence.exp_m1(), 1e-15, 1e-11, "q");
    }
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
