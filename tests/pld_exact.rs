//! Privacy loss distributions against exact values that are computed here in another way: a quadrature for Gaussians, enumeration of all
//! outcomes for discrete laws.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tests"
)]
#![cfg(feature = "std")]

#[path = "common/outcomes.rs"]
mod outcomes;

use std::f64::consts::PI;

use outcomes::{encloses, enumerated};
use veilsum::account::{
    Accountant,
    event::{
        Event,
        NeighboringRelation::{self, AddOrRemoveOne, ReplaceOne},
    },
    pld::PldAccountant,
    rdp::RdpAccountant,
};

fn composed(relation: NeighboringRelation, event: &Event, count: u64) -> PldAccountant {
    let mut accountant = PldAccountant::new(relation);
    accountant.compose(event, count).unwrap();
    accountant
}

/// A Gaussian that is rounded to a grid like all that is sampled: with the largest probability below 1.
fn rounded_gaussian(sigma: f64, count: u64) -> PldAccountant {
    composed(AddOrRemoveOne, &Event::gaussian(sigma).unwrap().poisson_sampled(1.0 - f64::EPSILON).unwrap(), count)
}

/// `ln delta` of a Gaussian: with `a = epsilon / mu - mu / 2` and its density there, the integral of
/// `e^(-a t - t^2 / 2) (1 - e^(-mu t))` over `t > 0`, by Simpson's rule in the cube root of `t`.
fn gaussian_ln_delta(mu: f64, epsilon: f64) -> f64 {
    let a = epsilon / mu - mu / 2.0;
    let (most, intervals) = (-a + (a * a + 90.0).sqrt(), 2000);
    let at = |k: i32| {
        let u = f64::from(k) / f64::from(intervals);
        let t = most * u * u * u;
        (-a * t - t * t / 2.0).exp() * -(-mu * t).exp_m1() * 3.0 * most * u * u
    };
    let weight = |k: i32| if k == 0 || k == intervals { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
    let integral: f64 = (0..=intervals).map(|k| weight(k) * at(k)).sum::<f64>() / (3.0 * f64::from(intervals));
    integral.ln() - a * a / 2.0 - (2.0 * PI).sqrt().ln()
}

/// The epsilon of a Gaussian, by bisection.
fn gaussian_epsilon(mu: f64, delta: f64) -> f64 {
    let (mut low, mut high) = (0.0, mu * (mu / 2.0 + 40.0));
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if gaussian_ln_delta(mu, middle) > delta.ln() { low = middle } else { high = middle }
    }
    high
}

/// Noise, rounds and delta: high and low orders, wide and narrow losses, tiny deltas.
const GAUSSIANS: [(f64, u64, f64); 13] = [
    (1.0, 10, 1e-6),
    (20.0, 1000, 1e-6),
    (100.0, 2, 1e-100),
    (0.1, 1000, 0.4),
    (0.03, 10, 1e-3),
    (0.5, 1, 1e-12),
    (0.5, 4, 1e-6),
    (0.3, 2, 1e-9),
    (1000.0, 3, 1e-30),
    (10.0, 1, 0.03),
    (1000.0, 100, 1e-3),
    (1.0, 100, 0.5),
    (1.0, 50, 1e-250),
];

#[test]
fn rounded_gaussians_are_as_close_to_the_exact_ones_as_promised() {
    let accuracy = 1e-3;
    for (sigma, count, delta) in GAUSSIANS {
        let exact = gaussian_epsilon((count as f64).sqrt() / sigma, delta);
        let ours = rounded_gaussian(sigma, count).with_accuracy(accuracy).unwrap();
        let epsilon = ours.epsilon_bracket(delta).unwrap();
        let context = format!("{sigma} {count} {delta}: {exact} {epsilon:?}");
        assert!(epsilon.low <= exact * (1.0 + 1e-9) && exact * (1.0 - 1e-9) <= epsilon.up, "{context}");
        assert!(epsilon.up - epsilon.low <= 4.0 * accuracy * exact, "{context}");
        // Without the other side nothing is refined.
        let up = ours.epsilon(delta).unwrap();
        assert!(up >= exact * (1.0 - 1e-9) && up <= exact * (1.0 + 1.7 * accuracy), "{context} {up}");
        let deltas = ours.delta_bracket(exact).unwrap();
        let context = format!("{sigma} {count} {exact}: {delta} {deltas:?}");
        assert!(deltas.low <= delta * (1.0 + 1e-7) && delta * (1.0 - 1e-7) <= deltas.up, "{context}");
        assert!(deltas.up - deltas.low <= 6.0 * accuracy * delta, "{context}");
    }
}

#[test]
fn many_rounds_of_a_rounded_gaussian_enclose_the_exact_one_and_the_estimate_lies_closer() {
    // Each round adds its distance from the grid; it is another one each time.
    for (sigma, count) in [(200.0, 100_000), (210.0, 100_000), (220.0, 100_000), (20.0, 1000)] {
        let exact = gaussian_epsilon((count as f64).sqrt() / sigma, 1e-6);
        let ours = rounded_gaussian(sigma, count).with_accuracy(1e-2).unwrap().epsilon_bracket(1e-6).unwrap();
        let context = format!("{sigma} {count}: {exact} {ours:?}");
        assert!(ours.low <= exact * (1.0 + 1e-9) && exact * (1.0 - 1e-9) <= ours.up, "{context}");
        assert!(ours.up - ours.low <= 4e-2 * exact, "{context}");
        assert!((ours.estimate - exact).abs() <= 0.2 * (ours.up - ours.low), "{context}");
        let deltas = rounded_gaussian(sigma, count).with_accuracy(1e-2).unwrap().delta_bracket(exact).unwrap();
        assert!((deltas.estimate - 1e-6).abs() <= 0.2 * (deltas.up - deltas.low), "{context} {deltas:?}");
    }
}

#[test]
fn a_small_memory_costs_little_accuracy() {
    for (sigma, count, delta) in [(20.0, 1000, 1e-6), (20.0, 1000, 1e-250), (1.0, 10_000, 1e-250)] {
        let exact = gaussian_epsilon((count as f64).sqrt() / sigma, delta);
        let ours = rounded_gaussian(sigma, count).with_memory_limit(1 << 20).unwrap().epsilon_bracket(delta).unwrap();
        let context = format!("{sigma} {count} {delta}: {exact} {ours:?}");
        assert!(ours.low <= exact * (1.0 + 1e-9) && exact * (1.0 - 1e-9) <= ours.up, "{context}");
        assert!(ours.up - ours.low <= 2e-2 * exact, "{context}");
    }
}

#[test]
fn gaussians_of_tiny_sensitivity_keep_their_digits() {
    for power in 10..27 {
        let mu = 2.0_f64.powi(-power);
        let ours = composed(AddOrRemoveOne, &Event::gaussian(1.0 / mu).unwrap(), 1);
        // At a = 0: 1/2 - e^(mu^2 / 2) P(Z > mu), by the series of the Mills ratio.
        let exact = (mu + mu.powi(3) / 3.0) / (2.0 * PI).sqrt() - (mu * mu / 2.0).exp_m1() / 2.0;
        encloses(ours.delta_bracket(mu * mu / 2.0).unwrap(), exact, 1e-14, 4e-14 / mu + 3e-12);
        // At a = 30: the density times the integral of 1 - x mills(x) from a to a + mu, by its asymptotic series.
        let lost = |x: f64| {
            let y = x.powi(-2);
            y * (1.0 - y * (3.0 - y * (15.0 - y * (105.0 - y * (945.0 - y * 10_395.0)))))
        };
        let (a, b) = (30.0, 30.0 + mu);
        let integral = mu / 6.0 * (lost(a) + 4.0 * lost(0.5 * (a + b)) + lost(b));
        let exact = (-a * a / 2.0).exp() / (2.0 * PI).sqrt() * integral;
        encloses(ours.delta_bracket(mu * (a + mu / 2.0)).unwrap(), exact, 1e-12, 1e-10 / mu);
    }
}

/// A symmetric law on the integers around `shift` and 0, from its weights, and the former on a sample.
fn shifted(weight: impl Fn(f64) -> f64, shift: i32, most: i32, sampling: f64) -> Vec<(f64, f64)> {
    let total: f64 = (-2 * most..=2 * most).map(|x| weight(f64::from(x.abs()))).sum();
    let mass = |x: i32| weight(f64::from(x.abs())) / total;
    (-most..=most + shift).map(|x| (sampling * mass(x - shift) + (1.0 - sampling) * mass(x), mass(x))).collect()
}

fn discrete_gaussian(sigma: f64) -> impl Fn(f64) -> f64 {
    move |x| (-x * x / (2.0 * sigma * sigma)).exp()
}

#[test]
fn discrete_gaussians_are_those_of_all_outcomes() {
    for (sigma, shift, count) in [(0.8, 1, 2), (1.0, 3, 2), (2.0, 1, 1), (2.5, 3, 2), (9.0, 4, 1)] {
        let event = Event::discrete_gaussian(sigma, shift as u64).unwrap();
        let most = (20.0 * sigma) as i32;
        for (sampling, width) in [(1.0, 1e-3), (0.3, 2e-2)] {
            let laws = shifted(discrete_gaussian(sigma), shift, most, sampling);
            let ours = composed(AddOrRemoveOne, &event.clone().poisson_sampled(sampling).unwrap(), u64::from(count));
            for epsilon in [0.0, 0.7, 2.0, 6.0] {
                let exact = enumerated(&laws, count, epsilon);
                encloses(ours.delta_bracket(epsilon).unwrap(), exact, 1e-10, width);
            }
        }
    }
}

#[test]
fn discrete_laplace_noise_is_that_of_all_outcomes() {
    for (rate, shift) in [(0.4_f64, 3), (1.5, 2), (0.1, 5), (0.7, 4), (1.0, 1)] {
        // Outcomes beyond the centers have one loss each.
        let merged = |sampling: f64| {
            let all = shifted(|x| (-rate * x).exp(), shift, (300.0 / rate) as i32, sampling);
            let place = |k: usize| (k as i64 - (300.0 / rate) as i64).clamp(0, i64::from(shift)) as usize;
            let mut laws = vec![(0.0, 0.0); shift as usize + 1];
            all.iter().enumerate().for_each(|(k, law)| laws[place(k)] = (laws[place(k)].0 + law.0, laws[place(k)].1 + law.1));
            laws
        };
        let event = Event::discrete_laplace(rate, shift as u64).unwrap();
        for (sampling, width) in [(1.0, 1e-8), (0.3, 2e-2)] {
            let ours = composed(AddOrRemoveOne, &event.clone().poisson_sampled(sampling).unwrap(), 4);
            for part in [0.0, 0.2, 0.5] {
                let epsilon = part * 4.0 * rate * f64::from(shift) * sampling;
                encloses(ours.delta_bracket(epsilon).unwrap(), enumerated(&merged(sampling), 4, epsilon), 1e-10, width);
            }
        }
    }
}

#[test]
fn what_may_fail_is_that_of_all_outcomes() {
    for (epsilon0, delta0) in [(0.0_f64, 1e-6), (0.0, 0.25), (0.5, 1e-3), (2.0, 0.0), (1e-3, 1e-9)] {
        let more = (1.0 - delta0) / (1.0 + (-epsilon0).exp());
        let laws = [(delta0, 0.0), (more, more * (-epsilon0).exp()), (more * (-epsilon0).exp(), more), (0.0, delta0)];
        for count in [1, 2, 5] {
            let ours = composed(AddOrRemoveOne, &Event::epsilon_delta(epsilon0, delta0).unwrap(), u64::from(count));
            for epsilon in [0.0, 0.3 * epsilon0, 1.1 * epsilon0, 3.0 * epsilon0, 1.0] {
                let exact = enumerated(&laws, count, epsilon);
                if exact > 0.0 {
                    encloses(ours.delta_bracket(epsilon).unwrap(), exact, 1e-9, 1e-6);
                }
            }
            // Everything but failure has a loss of at most count times epsilon0.
            let failure = -(f64::from(count) * (-delta0).ln_1p()).exp_m1();
            let most = ours.epsilon_bracket((2.0 * failure).min(0.9)).unwrap();
            assert!(most.low <= most.up && most.up <= f64::from(count) * epsilon0 * (1.0 + 1e-9), "{most:?}");
        }
    }
}

#[test]
fn what_is_not_known_from_below_does_not_count_there_even_without_delta() {
    let mut ours = composed(AddOrRemoveOne, &Event::epsilon_delta(0.5, 0.0).unwrap(), 2);
    assert!((ours.epsilon_bracket(0.0).unwrap().up - 1.0).abs() < 1e-9);
    ours.compose(&Event::zcdp(0.1, 0.0).unwrap(), 1).unwrap();
    let both = ours.epsilon_bracket(0.0).unwrap();
    assert!(both.low <= 1.0 + 1e-9 && both.up.is_infinite(), "{both:?}");
}

#[test]
fn a_law_of_too_many_outcomes_is_known_by_its_divergences_only() {
    let event = Event::discrete_laplace(1.0, (1 << 25) + 1).unwrap();
    let ours = composed(AddOrRemoveOne, &event, 1).epsilon_bracket(1e-6).unwrap();
    let mut renyi = RdpAccountant::new(AddOrRemoveOne);
    renyi.compose(&event, 1).unwrap();
    assert_eq!((ours.low, ours.up), (0.0, renyi.epsilon(1e-6).unwrap()));
}

#[test]
fn discrete_noise_on_samples_of_fixed_size_is_that_of_all_outcomes() {
    for (sigma, shift, count, size) in [(1.0, 1, 2, 300), (2.0, 3, 2, 20), (1.5, 1, 1, 900)] {
        let sampling = f64::from(size) / 1000.0;
        let laws = shifted(discrete_gaussian(sigma), shift, (20.0 * sigma) as i32, sampling);
        // Outcomes of gains, the same with the laws exchanged, and one without loss (docs/privacy.md, section 12).
        let gains: Vec<(f64, f64)> = laws.into_iter().filter(|law| law.0 > law.1).collect();
        let nothing = 1.0 - gains.iter().map(|law| law.0 + law.1).sum::<f64>();
        let mirrored: Vec<(f64, f64)> =
            gains.iter().copied().chain(gains.iter().map(|&(p, q)| (q, p))).chain([(nothing, nothing)]).collect();
        let event = Event::discrete_gaussian(sigma, shift as u64).unwrap();
        let sample = event.sampled_without_replacement(1000, size as u64).unwrap();
        let ours = composed(ReplaceOne, &sample, u64::from(count));
        for epsilon in [0.0, 0.3, 1.0] {
            encloses(ours.delta_bracket(epsilon).unwrap(), enumerated(&mirrored, count, epsilon), 1e-10, 2e-2);
        }
    }
}

/// `delta` of so many randomized responses: the loss is `(2 k - count) epsilon0`, `k` binomial. Masses by their ratios from the middle.
fn binomial(epsilon0: f64, count: u64, epsilon: f64) -> f64 {
    let (n, odds) = (count as f64, epsilon0.exp());
    let middle = (n * odds / (1.0 + odds)).round();
    let delta = |k: f64| (-(epsilon - (2.0 * k - n) * epsilon0).exp_m1()).max(0.0);
    let (mut total, mut sum) = (1.0, delta(middle));
    for up in [true, false] {
        let (mut k, mut mass) = (middle, 1.0);
        while mass > 1e-25 && k >= 0.0 && k <= n {
            mass *= if up { (n - k) / (k + 1.0) * odds } else { k / (n - k + 1.0) / odds };
            k += if up { 1.0 } else { -1.0 };
            (total, sum) = (total + mass, sum + mass * delta(k));
        }
    }
    sum / total
}

#[test]
fn a_million_randomized_responses_are_a_binomial_sum() {
    for (epsilon0, count, width) in [(0.2, 200, 1e-8), (0.03, 10_000, 1e-6), (1e-3, 1_000_000, 3e-4)] {
        let ours = composed(AddOrRemoveOne, &Event::epsilon_delta(epsilon0, 0.0).unwrap(), count);
        for epsilon in [0.1, 2.0] {
            encloses(ours.delta_bracket(epsilon).unwrap(), binomial(epsilon0, count, epsilon), 1e-9, width);
        }
    }
}
