//! The accountants against the formulas of docs/privacy.md (section 11) written a second time, from both sides: never below, and hardly above.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::cast_precision_loss, reason = "tests")]
#![cfg(feature = "std")]

#[path = "common/divergence.rs"]
mod divergence;

use divergence::{encloses, laplace, rdp};
use veilsum::{
    PrivacyError,
    account::{
        Accountant, Event,
        NeighboringRelation::{self, AddOrRemoveOne},
        PureAccountant, RdpAccountant, ZCdpAccountant,
        calibrate::{self, Target},
    },
};

// Calibration

/// Epsilon is known.
struct Known(f64);

impl Accountant for Known {
    fn relation(&self) -> NeighboringRelation {
        AddOrRemoveOne
    }

    fn compose(&mut self, _: &Event, _: u64) -> Result<(), PrivacyError> {
        Ok(())
    }

    fn epsilon(&self, _: f64) -> Result<f64, PrivacyError> {
        Ok(self.0)
    }

    fn delta(&self, _: f64) -> Result<f64, PrivacyError> {
        Ok(0.0)
    }
}

/// The least knob at which `epsilon` is at most 1/4; an error if more than `most` accountants are made.
fn least_of(most: u32, epsilon: impl Fn(f64) -> f64) -> f64 {
    let mut left = most;
    let make = |knob: f64| {
        left = left.checked_sub(1).ok_or(PrivacyError::Unreachable { knob: "test", reason: "too many accountants" })?;
        Ok(Known(epsilon(knob)))
    };
    calibrate::least_noise_multiplier(Target::new(0.25, 1e-5).unwrap(), make).unwrap()
}

#[test]
fn a_jump_of_epsilon_is_found_by_bisections() {
    for tenth in 11..40 {
        let jump = f64::from(tenth) / 10.0;
        for below in [0.0, 0.125, 0.25] {
            let found = least_of(300, |knob| if knob < jump { 2.0 } else { below });
            encloses(found, jump, 0.0, 2e-7, "jump");
        }
    }
}

#[test]
fn where_an_end_of_the_bracket_meets_the_target_exactly_it_is_taken() {
    // Doubling tries 1, 2 and 4; one more accountant shows that less is not enough.
    assert_eq!(least_of(4, |knob| 1.0 / knob), 4.0);
}

// Conversion

/// `(l + 1) ln(l + 1) - l ln(l)`
fn entropy(lambda: f64) -> f64 {
    lambda.ln_1p() + lambda * (1.0 / lambda).ln_1p()
}

/// The least value over orders `1 + l`: on a grid of 32 points an octave, and on ever finer ones around the best.
fn least_over_orders(value: impl Fn(f64) -> f64) -> f64 {
    let least = |from: f64, to: f64, parts: i32| {
        let at = |part: i32| from + (to - from) * f64::from(part) / f64::from(parts);
        let best = |best: (f64, f64), octave: f64| {
            let value = value(octave.exp2());
            if value < best.1 { (octave, value) } else { best }
        };
        (0..=parts).map(at).fold((0.0, f64::INFINITY), best)
    };
    let mut found = least(-30.0, 40.0, 70 * 32);
    let mut width = 1.0 / 32.0;
    while width > 1e-7 {
        let finer = least(found.0 - width, found.0 + width, 32);
        found = if finer.1 < found.1 { finer } else { found };
        width /= 8.0;
    }
    found.1
}

#[test]
fn the_best_of_all_orders_is_found_and_nothing_better() {
    for (count, size) in
        [1_u32, 3, 40, 700, 20_000].into_iter().flat_map(|count| [0.7, 4.0, 11.0, 60.0].map(|size| (count, size)))
    {
        let runs = f64::from(count);
        let gaussian = |lambda: f64| runs * lambda * (lambda + 1.0) / (2.0 * size * size);
        let of_laplace = |lambda: f64| runs * laplace(size, lambda);
        let events: [(Event, &dyn Fn(f64) -> f64); 2] =
            [(Event::gaussian(size).unwrap(), &gaussian), (Event::laplace(size).unwrap(), &of_laplace)];
        for (event, cgf) in events {
            let accountant = rdp(AddOrRemoveOne, &event, u64::from(count));
            let most = if event.name() == "Laplace" { runs / size } else { f64::INFINITY };
            for delta in [1e-2, 1e-5, 1e-9, 1e-40] {
                let case = format!("{event:?} {count} {delta}");
                let best = least_over_orders(|lambda| (cgf(lambda) - f64::ln(delta) - entropy(lambda)) / lambda);
                let free = (-(-cgf(1.0 / 64.0) * 64.0).exp_m1()).sqrt() <= delta;
                let epsilon = accountant.epsilon(delta).unwrap();
                // Sections alone would stop at up to 6e-9.
                let above = if best > 0.1 { 3e-9 } else { 3e-8 };
                encloses(epsilon, if free { 0.0 } else { best.clamp(0.0, most) }, 1e-12, above, &case);
                for epsilon in [0.3 * epsilon, epsilon, 1.5 * epsilon] {
                    // At the largest loss the best order is infinite.
                    if (epsilon / most - 1.0).abs() < 0.01 {
                        continue;
                    }
                    let best = least_over_orders(|lambda| cgf(lambda) - lambda * epsilon - entropy(lambda));
                    let free = (-(-cgf(1.0 / 64.0) * 64.0).exp_m1()).sqrt();
                    let best = if epsilon > most { 0.0 } else { best.exp().min(free).max(f64::MIN_POSITIVE) };
                    encloses(accountant.delta(epsilon).unwrap(), best, 1e-9, 1e-6, &case);
                }
            }
        }
    }
}

/// `(factor, order)`: at these orders `e^(-entropy)` is a fraction.
const FRACTIONS: [(f64, f64); 3] = [(1.0 / 4.0, 2.0), (4.0 / 27.0, 3.0), (27.0 / 256.0, 4.0)];

#[test]
fn where_delta_is_an_exponential_of_few_digits_it_is_not_even_rounded_down() {
    // 1 / (2 sigma^2) is a power of two, so that the exponent has no rounding error.
    let event = Event::gaussian(1024.0).unwrap();
    for (factor, order) in FRACTIONS {
        let mut accountant = RdpAccountant::with_orders(AddOrRemoveOne, &[order]).unwrap();
        accountant.compose(&event, 1).unwrap();
        let lambda = order - 1.0;
        for epsilon in [10.0, 60.0, 200.0] {
            let truth = (lambda * (order / 2_097_152.0 - epsilon)).exp() * factor;
            encloses(accountant.delta(epsilon).unwrap(), truth, 0.0, 1e-11, "delta");
        }
    }
}

#[test]
fn the_threshold_where_total_variation_makes_epsilon_zero_is_not_even_rounded_down() {
    for xi in [8.0, 10.0, 20.0] {
        let mut accountant = RdpAccountant::with_orders(AddOrRemoveOne, &[1.5]).unwrap();
        accountant.compose(&Event::zcdp(0.0, xi).unwrap(), 1).unwrap();
        let truth = f64::sqrt(-f64::exp_m1(-xi));
        assert!(accountant.epsilon(truth * (1.0 - 2.0 * f64::EPSILON)).unwrap() > xi - 3.0, "{xi}");
        assert_eq!(accountant.epsilon(truth * (1.0 + 20.0 * f64::EPSILON)), Ok(0.0), "{xi}");
    }
}

// Lines and failures

#[test]
fn a_pure_epsilon_has_the_published_line_and_lines_add_up() {
    let events = [
        (Event::laplace(2.0).unwrap(), 0.5),
        (Event::discrete_laplace(0.125, 6).unwrap(), 0.75),
        (Event::epsilon_delta(0.25, 0.0).unwrap(), 0.25),
        (Event::discrete_gaussian(8.0, 3).unwrap(), 0.375),
        (Event::gaussian(4.0).unwrap(), 0.25),
    ];
    let (mut all, mut sum) = (ZCdpAccountant::new(AddOrRemoveOne), 0.0);
    for (event, epsilon) in events {
        let mut alone = ZCdpAccountant::new(AddOrRemoveOne);
        alone.compose(&event, 3).unwrap();
        encloses(alone.rho(), 1.5 * epsilon * epsilon, 0.0, 1e-14, event.name());
        assert_eq!(alone.xi(), 0.0);
        all.compose(&event, 3).unwrap();
        all.compose(&Event::zcdp(0.125, 0.5).unwrap(), 2).unwrap();
        sum += 1.5 * epsilon * epsilon + 0.25;
        encloses(all.rho(), sum, 0.0, 1e-14, "rho");
    }
    encloses(all.xi(), 5.0, 0.0, 1e-14, "xi");
}

#[test]
fn failures_are_not_even_rounded_down() {
    for exponent in [1, 2, 5, 10, 20] {
        let delta = f64::from(-exponent).exp2();
        for (count, truth) in [(1, delta), (2, delta * (2.0 - delta))] {
            let event = Event::epsilon_delta(0.5, delta).unwrap();
            let mut pure = PureAccountant::new(AddOrRemoveOne);
            pure.compose(&event, count).unwrap();
            encloses(rdp(AddOrRemoveOne, &event, count).delta(1.01).unwrap(), truth, 0.0, 1e-14, "RDP");
            encloses(pure.delta(1.01).unwrap(), truth, 0.0, 1e-14, "pure");
        }
    }
}

/// `(epsilon, delta, count)` of each event.
type Parts = Vec<(f64, f64, u32)>;

/// Sum of epsilons, mean loss, sum of squares, and the probability that nothing fails.
fn sums(parts: &Parts) -> (f64, f64, f64, f64) {
    parts.iter().fold((0.0, 0.0, 0.0, 1.0), |(sum, mean, square, success), &(epsilon, delta, count)| {
        let runs = f64::from(count);
        let tanh = (0.5 * epsilon).tanh();
        (
            sum + runs * epsilon,
            mean + runs * epsilon * tanh,
            square + runs * epsilon * epsilon,
            success * (1.0 - delta).powf(runs),
        )
    })
}

/// Kairouz, Oh and Viswanath (2015), Theorem 3.5.
fn theorem(parts: &Parts, delta: f64) -> f64 {
    let (sum, mean, square, success) = sums(parts);
    let left = (delta - (1.0 - success)) / success;
    if left < 0.0 {
        return f64::INFINITY;
    }
    let larger = (-left.ln()).min((std::f64::consts::E + square.sqrt() / left).ln());
    sum.min(mean + (2.0 * square * larger).sqrt())
}

/// Delta of the best mechanisms with these epsilons, by the losses of all outcomes.
fn exact_delta(parts: &Parts, at: f64) -> f64 {
    let mut outcomes = vec![(0.0, sums(parts).3)];
    for &(epsilon, _, count) in parts {
        let high = 1.0 / (1.0 + (-epsilon).exp());
        for _ in 0..count {
            outcomes = outcomes
                .into_iter()
                .flat_map(|(loss, mass)| [(loss + epsilon, mass * high), (loss - epsilon, mass * (1.0 - high))])
                .collect();
        }
    }
    let above: f64 = outcomes.into_iter().map(|(loss, mass)| mass * (-(at - loss).exp_m1()).max(0.0)).sum();
    1.0 - sums(parts).3 + above
}

#[test]
fn different_pure_events_cost_what_the_theorem_says_and_no_less_than_they_can() {
    let failure = 1e-12;
    let parts: Parts = vec![(0.5, 0.0, 4), (0.2, 1e-5, 3), (0.3, 0.0, 2), (0.1, 2e-5, 5)];
    let nested = Event::Composed(vec![
        Event::epsilon_delta(0.2, 1e-5).unwrap().self_composed(3).unwrap(),
        Event::discrete_laplace(0.1, 3).unwrap().within_distance(failure).unwrap(),
        Event::epsilon_delta(0.1, 2e-5).unwrap().self_composed(2).unwrap(),
    ]);
    let mut accountant = PureAccountant::new(AddOrRemoveOne);
    accountant.compose(&Event::laplace(2.0).unwrap(), 4).unwrap();
    accountant.compose(&nested, 1).unwrap();
    accountant.compose(&Event::discrete_laplace(0.3, 1).unwrap().within_distance(failure).unwrap(), 1).unwrap();
    accountant.compose(&Event::epsilon_delta(0.1, 2e-5).unwrap().self_composed(3).unwrap(), 1).unwrap();
    assert_eq!(accountant.epsilon(1.299e-4), Ok(f64::INFINITY));
    let (sum, _, _, success) = sums(&parts);
    for delta in [1.4e-4, 2e-4, 1e-3, 0.01, 0.1] {
        // What may fail takes `(1 + e^epsilon) 2 failure`.
        let epsilon = accountant.epsilon(delta).unwrap();
        let left = delta - (1.0 + epsilon.exp()) * 2.0 * failure;
        encloses(epsilon, theorem(&parts, left), 1e-10, 1e-8, "epsilon");
        if epsilon < 0.999 * sum {
            let back = accountant.delta(epsilon).unwrap();
            encloses(back, delta, 1e-6, 1e-9, "there and back");
        }
        encloses(accountant.delta(epsilon).unwrap(), exact_delta(&parts, epsilon), 1e-12, f64::INFINITY, "the best attack");
    }
    let most = 1.0 - success + (1.0 + 3.75_f64.exp()) * 2.0 * failure;
    encloses(accountant.delta(3.75).unwrap(), most, 1e-12, 1e-9, "failures");
}

#[test]
fn at_huge_orders_laplace_noise_costs_its_largest_loss_less_ln_2() {
    for order in [9e15, 1e20, 1e30] {
        let scale = order / 30.1;
        let got = rdp(AddOrRemoveOne, &Event::laplace(scale).unwrap(), 1).rdp(order).unwrap();
        encloses(got, (30.1 - std::f64::consts::LN_2) / order, 1e-15, 1e-13, "D");
    }
}
