//! Discrete laws outcome by outcome, and what they reveal together.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]

use veilsum::account::pld::Bracket;

/// The truth lies between the bounds, up to a relative `slack`, and these are not wider than `width` of it.
#[track_caller]
pub fn encloses(ours: Bracket, exact: f64, slack: f64, width: f64) {
    assert!(ours.low <= exact * (1.0 + slack) && exact * (1.0 - slack) <= ours.up, "{ours:?} {exact}");
    assert!(ours.up - ours.low <= width * exact, "{:e} {ours:?} {exact}", (ours.up - ours.low) / exact);
}

/// The larger delta of both directions after so many releases with these outcomes, each sequence by itself.
pub fn enumerated(law: &[(f64, f64)], count: u32, epsilon: f64) -> f64 {
    let mut all = vec![(1.0, 1.0)];
    for _ in 0..count {
        all = all.iter().flat_map(|&(p, q)| law.iter().map(move |outcome| (p * outcome.0, q * outcome.1))).collect();
    }
    let delta = |more: f64, less: f64| (more - epsilon.exp() * less).max(0.0);
    let add: f64 = all.iter().map(|&(p, q)| delta(q, p)).sum();
    all.iter().map(|&(p, q)| delta(p, q)).sum::<f64>().max(add)
}

/// With a party in the sample with this probability.
pub fn sampled(law: &[(f64, f64)], sampling: f64) -> Vec<(f64, f64)> {
    law.iter().map(|&(a, b)| (sampling * a + (1.0 - sampling) * b, b)).collect()
}

/// Around `shift` and around 0; outcomes beyond these have one loss each.
pub fn discrete_laplace(rate: f64, shift: u64) -> Vec<(f64, f64)> {
    let (inside, end) = ((1.0 - (-rate).exp()) / (1.0 + (-rate).exp()), 1.0 / (1.0 + (-rate).exp()));
    let mass = |x: u64, distance: u64| if x == 0 || x == shift { end } else { inside } * (-rate * distance as f64).exp();
    (0..=shift).map(|x| (mass(x, shift - x), mass(x, x))).collect()
}
