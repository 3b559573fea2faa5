//! The bounds of the distributed mechanisms against the laws themselves: every divergence here is a direct sum over probabilities that
//! this file computes by other means, and every formula is evaluated anew. Bounds are held from both sides: not below, and hardly above.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use veilsum::account::distributed::{
    Basis, DiscreteLaplaceShares, DistributedDiscreteGaussian, DistributedSkellam, RdpBound, Sensitivity, rounded_l1,
    rounded_l2_squared,
};

/// Relative error of the sums of this file.
const OWN: f64 = 1e-10;

/// `exact <= bound <= exact (1 + loose)`.
fn encloses(bound: f64, exact: f64, loose: f64, what: &str) {
    assert!(bound >= exact * (1.0 - OWN), "{what}: {bound} is below {exact}");
    assert!(bound <= exact * (1.0 + loose + OWN), "{what}: {bound} is far above {exact}");
}

fn log_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    top + logs.map(|log| (log - top).exp()).sum::<f64>().ln()
}

/// Makes `ln P(0), ln P(1), ..` of an even law add up to 1.
fn normalized(mut logs: Vec<f64>) -> Vec<f64> {
    let both = logs.iter().enumerate().map(|(k, log)| if k == 0 { *log } else { log + 2.0_f64.ln() });
    let norm = log_sum(both);
    logs.iter_mut().for_each(|log| *log -= norm);
    logs
}

/// `ln(I_k(mu)/I_{k+1}(mu))` for `k = 0..last`, by the recurrence `I_{k-1} = I_{k+1} + (2k/mu) I_k` from far out.
fn skellam_steps(mu: f64, last: usize) -> Vec<f64> {
    let mut ratio = 0.0;
    let run_in = last + 200 + 10 * mu as usize;
    let mut steps: Vec<f64> = (1..=run_in)
        .rev()
        .map(|k| {
            ratio = 1.0 / (2.0 * k as f64 / mu + ratio);
            -f64::ln(ratio)
        })
        .collect();
    steps.reverse();
    steps.truncate(last);
    steps
}

/// Logarithms of the probabilities of Skellam noise with variance `mu`, for `0..=last`.
fn skellam(mu: f64, last: usize) -> Vec<f64> {
    let mut logs = vec![0.0];
    for step in skellam_steps(mu, last) {
        logs.push(logs.last().unwrap() - step);
    }
    normalized(logs)
}

/// The sum of two even laws, up to a factor: where both tables reach.
fn added(one: &[f64], other: &[f64]) -> Vec<f64> {
    let last = one.len() as i64 - 1;
    let at = |k: i64| log_sum((k - last..=last).map(|j| one[j.unsigned_abs() as usize] + other[(k - j).unsigned_abs() as usize]));
    (0..=last).map(at).collect()
}

/// Logarithms of the probabilities of a sum of `n` discrete Gaussians.
fn gaussians(n: u64, local: f64, last: usize) -> Vec<f64> {
    let share = || (0..=last).map(|k| -((k * k) as f64) / (2.0 * local)).collect::<Vec<_>>();
    let half = if n > 1 { gaussians(n / 2, local, last) } else { share() };
    let even = if n > 1 { added(&half, &half) } else { half };
    normalized(if n > 1 && n % 2 == 1 { added(&even, &share()) } else { even })
}

/// The Rényi divergence of an even law and its shift.
fn divergence(logs: &[f64], order: f64, shift: usize) -> f64 {
    let last = logs.len() as i64 - 1;
    let at = |k: i64| logs[k.unsigned_abs() as usize];
    let shift = shift as i64;
    let term = |x: i64| order * at(x - shift) + (1.0 - order) * at(x);
    let sum = log_sum((shift - last..=last).map(term));
    assert!(term(last - 4).max(term(shift - last + 4)) < sum - 40.0, "the table of the test is too short");
    sum / (order - 1.0)
}

fn one(shift: u64) -> Sensitivity {
    Sensitivity::new(shift * shift, shift, 1).unwrap()
}

/// Probabilities of the sum of `honest` of `needed` Pólya differences, up to a factor: a direct convolution.
fn laplace_shares(rate: f64, honest: u64, needed: u64, last: usize) -> Vec<f64> {
    let shape = honest as f64 / needed as f64;
    let length = (40.0 / rate) as usize + last + 2;
    let mut one_side = vec![1.0_f64];
    for j in 0..length {
        one_side.push(one_side[j] * (shape + j as f64) / (j as f64 + 1.0) * (-rate).exp());
    }
    (0..=last).map(|x| one_side.iter().zip(&one_side[x..]).map(|(a, b)| a * b).sum()).collect()
}

/// The largest of `ln p(y) - ln p(y - D)` for `D <= shift`, over every `y` of the table.
fn largest_loss(law: &[f64], shift: usize) -> f64 {
    let loss = |y: usize, moved: usize| (law[y] / law[y.abs_diff(moved)]).ln();
    let all = (0..law.len()).flat_map(|y| (1..=shift).map(move |moved| (y, moved)));
    all.map(|(y, moved)| loss(y, moved).abs()).fold(0.0, f64::max)
}

#[test]
fn only_shares_that_arrive_and_that_colluders_do_not_know_make_laplace_noise() {
    let (needed, clients) = (12, 15);
    for rate in [0.05, 0.7, 2.0] {
        for (survivors, colluders) in [(15, 0), (15, 3), (14, 3), (11, 0), (15, 14), (12, 6), (7, 4)] {
            let honest: u64 = survivors - colluders;
            for shift in [1, 2, 9] {
                let what = format!("{rate} {survivors} {colluders} {shift}");
                let law = laplace_shares(rate, honest.min(needed), needed, 24);
                let line = DiscreteLaplaceShares::new(rate, shift, 1, needed, clients).unwrap().at(survivors, colluders).unwrap();
                let space =
                    DiscreteLaplaceShares::new(rate, shift, shift, needed, clients).unwrap().at(survivors, colluders).unwrap();
                assert_eq!((line.honest(), space.honest()), (honest, honest));
                encloses(line.epsilon(), largest_loss(&law, shift as usize), 1e-9, &what);
                // As many coordinates as steps, each moved by one.
                encloses(space.epsilon(), shift as f64 * largest_loss(&law, 1), 1e-9, &what);
            }
        }
    }
}

#[test]
fn laplace_shares_are_bounded_for_shifts_too_large_for_a_product() {
    for (rate, honest, shift) in [(1e-3, 1, 70_000_usize), (1e-3, 9, 100_000), (3e-3, 4, 66_000)] {
        let (needed, shape) = (10_u64, honest as f64 / 10.0);
        let got = DiscreteLaplaceShares::new(rate, shift as u64, 1, needed, honest).unwrap().epsilon();
        // p(0)/p(D), with e^{-rate D} and the first coefficient taken out of p(D).
        let coefficient: f64 = (0..shift).map(|i| ((shape + i as f64) / (i as f64 + 1.0)).ln()).sum();
        let (mut here, mut there, mut of_zero, mut of_shift) = (1.0, 1.0, 0.0, 0.0);
        for j in 0..(30.0 / rate) as usize {
            of_zero += here * here;
            of_shift += here * there;
            let (j, moved) = (j as f64, (j + shift) as f64);
            here *= (shape + j) / (j + 1.0) * (-rate).exp();
            there *= (shape + moved) / (moved + 1.0) * (-rate).exp();
        }
        let exact = f64::ln(of_zero / of_shift) - coefficient + rate * shift as f64;
        assert!(got >= exact * (1.0 - OWN), "{got} {exact}");
        // What Gamma(1 + f) <= 1 gives away: Gamma is nowhere below 0.8856.
        assert!(got <= exact + 0.1216, "{got} {exact}");
    }
}

#[test]
fn the_closed_forms_of_skellam_noise_are_those_of_its_paper_and_of_its_largest_curvature() {
    for (mu, l2_squared, l1, dimension) in [(0.3, 1, 1, 1), (0.3, 9, 3, 1), (2.0, 50, 20, 16), (40.0, 900, 90, 2)] {
        let kappa = 2.0 * skellam_steps(mu, 1)[0];
        let sensitivity = Sensitivity::new(l2_squared, l1, dimension).unwrap();
        let noise = DistributedSkellam::new(sensitivity, mu / 4.0, 4).unwrap();
        let (square, norm, support) = (l2_squared as f64, sensitivity.l1() as f64, sensitivity.l1().min(dimension) as f64);
        for order in [1.02, 1.5, 2.0, 2.25, 7.0, 31.9] {
            let part = order - f64::floor(order);
            let between = (part * (1.0 - part) * square).min(support / 4.0) / (order - 1.0);
            encloses(noise.rdp_closed_form(order), kappa / 2.0 * (order * square + between), 1e-9, &format!("{mu} {order}"));
            // Between integer orders the chord of (a - 1) R_a, which is zero at 1.
            let published = |a: f64| {
                let second = ((2.0 * a - 1.0) * square + 6.0 * norm) / (4.0 * mu * mu);
                (a - 1.0) * (a * square / (2.0 * mu) + second.min(3.0 * norm / (2.0 * mu)))
            };
            let chord = (1.0 - part) * published(order.floor()) + part * published(order.floor() + 1.0);
            encloses(noise.rdp_published(order), chord / (order - 1.0), 1e-11, &format!("{mu} {order}"));
            if dimension == 1 {
                let exact = divergence(&skellam(mu, 400), order, l1 as usize);
                assert!(noise.rdp_closed_form(order) >= exact && noise.rdp(order) >= exact * (1.0 - OWN), "{mu} {order}");
            }
        }
        encloses(noise.zcdp(), kappa / 2.0 * (square + norm), 1e-9, "zCDP");
    }
}

/// docs/privacy.md, section 10.5, for a shift by 1: the integral of `C`, and what the saw-teeth cost.
fn bound_of_windows(steps: &[f64], order: f64) -> f64 {
    let window = |n: usize| match n {
        0 => 0.0,
        n if n % 2 == 1 => 2.0 * steps[n / 2],
        n => steps[n / 2] + steps[n / 2 - 1],
    };
    let (whole, part) = (order as usize, order - f64::floor(order));
    let trapezoids: f64 = (0..whole).map(|n| (window(n) + window(n + 1)) / 2.0).sum();
    let cut = part * window(whole) + part * part / 2.0 * (window(whole + 1) - window(whole));
    (trapezoids + cut) / order + order * 2.0 * steps[0] / (8.0 * (order - 1.0))
}

#[test]
fn orders_too_large_for_the_table_of_skellam_noise_keep_a_bound_that_grows_slowly() {
    for (mu, order) in [(0.05, 2000.0), (1.0, 1600.0), (1.0, 1650.5), (4.0, 1600.0), (20.0, 2000.0)] {
        let noise = DistributedSkellam::new(one(1), mu, 1).unwrap();
        let got = noise.rdp_numeric(order).unwrap();
        // The table goes on along its last chord, a little above the concave `C`.
        encloses(got, bound_of_windows(&skellam_steps(mu, 2000), order), 0.05, &format!("{mu} {order}"));
        let exact = divergence(&skellam(mu, 2000), order, 1);
        assert!(got >= exact && got <= 3.0 * exact, "{mu} {order}: {got} {exact}");
        assert!(got < noise.rdp_published(order).min(noise.rdp_closed_form(order)) / 3.0);
    }
}

#[test]
fn numeric_bounds_of_vectors_are_the_largest_divergence_for_a_squared_shift() {
    let check = |numeric: Option<f64>, logs: &[f64], sensitivity: &Sensitivity, order: f64, what: &str| {
        let ratio = |shift: usize| divergence(logs, order, shift) / (shift * shift) as f64;
        let largest = (1..=sensitivity.l2_squared().isqrt() as usize).map(ratio).fold(0.0, f64::max);
        encloses(numeric.unwrap(), sensitivity.l2_squared() as f64 * largest, 2e-8, &format!("{what} {order}"));
    };
    let sensitivity = Sensitivity::new(40, 25, 16).unwrap();
    for order in [1.25, 2.0, 3.5, 12.0] {
        for mu in [0.1, 1.5, 9.0] {
            let noise = DistributedSkellam::new(sensitivity, mu / 2.0, 2).unwrap();
            check(noise.rdp_numeric(order), &skellam(mu, 500), &sensitivity, order, &format!("Skellam {mu}"));
        }
        for (n, local) in [(2, 0.16), (5, 0.16), (7, 0.3), (3, 0.5)] {
            let noise = DistributedDiscreteGaussian::new(sensitivity, local, n).unwrap();
            check(noise.rdp_numeric(order), &gaussians(n, local, 220), &sensitivity, order, &format!("{n} {local}"));
        }
    }
}

#[test]
fn sums_of_few_coarse_gaussians_are_bounded_sharply_at_large_orders() {
    // Probabilities of neighbors differ by factors that alternate with the period: the curvature alone bounds no tail here.
    for (n, local, order, shift) in
        [(4, 0.0625, 60.0, 1), (4, 0.0625, 100.5, 1), (4, 0.0625, 60.0, 2), (3, 0.09, 80.0, 1), (2, 0.04, 64.0, 1)]
    {
        let noise = DistributedDiscreteGaussian::new(one(shift), local, n).unwrap();
        let exact = divergence(&gaussians(n, local, 260), order, shift as usize);
        let what = format!("{n} {local} {order} {shift}");
        encloses(noise.rdp_numeric(order).unwrap_or(0.0), exact, 1e-9, &what);
        encloses(noise.rdp(order), exact, 1e-9, &what);
    }
}

#[test]
fn the_published_bound_counts_every_share_in_tau() {
    let (l2_squared, l1, dimension) = (30, 12, 5);
    for (local, n) in [(0.25, 2), (0.4, 4000), (0.25, 4098), (0.3, 20_000), (1.0, 300_000)] {
        let fall = -2.0 * core::f64::consts::PI.powi(2) * local;
        let tau = 10.0 * (1..n).map(|k| (fall * k as f64 / (k + 1) as f64).exp()).sum::<f64>();
        let noise = DistributedDiscreteGaussian::new(Sensitivity::new(l2_squared, l1, dimension).unwrap(), local, n).unwrap();
        let (d, ratio, deviation) = (dimension as f64, l2_squared as f64 / (local * n as f64), (local * n as f64).sqrt());
        for order in [1.5, 2.0, 40.0] {
            let half = order / 2.0;
            let exact = (half * ratio + tau * d)
                .min(half * (ratio + 2.0 * l1 as f64 * tau / deviation + tau * tau * d))
                .min(half * (ratio.sqrt() + tau * d.sqrt()).powi(2));
            // From the 4097th on, terms are bounded by the one before.
            let loose = if n <= 4097 { 1e-11 } else { 3.0 * (-fall / 4097.0) };
            encloses(noise.rdp_published(order), exact, loose, &format!("{local} {n} {order}"));
        }
    }
}

#[test]
fn no_table_is_made_where_the_closed_form_is_as_good_or_a_table_too_large() {
    let sensitivity = Sensitivity::new(9, 5, 3).unwrap();
    for (local, n) in [(4.0, 1), (0.3, 1), (9.0, 3), (1e5, 4), (0.25, 600_000)] {
        let noise = DistributedDiscreteGaussian::new(sensitivity, local, n).unwrap();
        assert_eq!(noise.rdp_numeric(2.0), None, "{local} {n}");
        let RdpBound { basis, value, .. } = noise.rdp_curve(&[2.0])[0];
        assert!(matches!(basis, Basis::Published | Basis::ClosedForm), "{local} {n} {basis:?}");
        assert!(value >= 9.0 / (local * n as f64), "{local} {n} {value}");
    }
    // One share: the divergence itself at integer orders, for every coordinate.
    let single = DistributedDiscreteGaussian::new(sensitivity, 4.0, 1).unwrap();
    let exact = 9.0 * divergence(&gaussians(1, 4.0, 100), 2.0, 1);
    encloses(single.rdp(2.0), exact, 1e-10, "one share");
}

#[test]
fn a_large_change_of_one_coordinate_costs_its_own_divergence() {
    // Less than the squared shift times the largest divergence for a squared shift, and more terms than are spent on a search.
    for (mu, shift, order) in [(400.0, 300, 2.0), (100.0, 250, 3.5)] {
        let noise = DistributedSkellam::new(one(shift), mu, 1).unwrap();
        let exact = divergence(&skellam(mu, 1800), order, shift as usize);
        encloses(noise.rdp_numeric(order).unwrap(), exact, 1e-9, &format!("{mu} {shift}"));
        encloses(noise.rdp(order), exact, 1e-9, &format!("{mu} {shift}"));
    }
}

#[test]
fn large_changes_of_vectors_under_many_shares_are_bounded_closely() {
    let (n, local) = (1024, 0.25);
    let logs = gaussians(n, local, 420);
    let sensitivity = Sensitivity::new(100_000_000, u64::MAX, 1 << 20).unwrap();
    let gaussian = DistributedDiscreteGaussian::new(sensitivity, local, n).unwrap();
    let skellam_sum = DistributedSkellam::new(sensitivity, local, n).unwrap();
    for order in [1.5, 2.0, 3.0] {
        let largest = |logs: &[f64]| {
            let ratio = |shift: usize| divergence(logs, order, shift) / (shift * shift) as f64;
            (1..=60).map(ratio).fold(0.0, f64::max)
        };
        // The search ends within a thousandth of what it found.
        encloses(gaussian.rdp_numeric(order).unwrap(), 1e8 * largest(&logs), 2e-3, &format!("Gaussian {order}"));
        encloses(skellam_sum.rdp_numeric(order).unwrap(), 1e8 * largest(&skellam(256.0, 420)), 2e-3, &format!("Skellam {order}"));
    }
}

#[test]
fn the_closed_form_of_gaussian_sums_is_the_least_of_its_three_offsets() {
    for (local, clients, honest, l1, dimension) in
        [(0.16, 9, 7, 12, 5), (0.16, 90, 81, 7, 50), (0.3, 30, 30, 9, 2), (1.0, 9, 4, 12, 3), (0.25, 3, 1, 12, 4)]
    {
        let sensitivity = Sensitivity::new(36, l1, dimension).unwrap();
        let all = DistributedDiscreteGaussian::new(sensitivity, local, clients).unwrap();
        let noise = all.at(clients - 1, clients - 1 - honest.min(clients - 1)).unwrap();
        let n = noise.honest();
        assert_eq!(n, honest.min(clients - 1));
        let tau = |k: u64| (-2.0 * core::f64::consts::PI.powi(2) * local * k as f64 / (k + 1) as f64).exp();
        let tau = if local < 0.25 { f64::INFINITY } else { 10.0 * (1..n).map(tau).sum::<f64>() };
        let (support, l1) = (dimension.min(sensitivity.l1()) as f64, sensitivity.l1() as f64);
        let offset = if n == 1 { 0.0 } else { (l1 / (2.0 * local)).min(n as f64 * support / (8.0 * local)).min(tau * support) };
        let square = sensitivity.l2_squared() as f64;
        let slope = square / (2.0 * local * n as f64);
        for order in [1.5, 2.0, 9.0] {
            encloses(noise.rdp_closed_form(order), order * slope + offset, 1e-11, &format!("{local} {n} {order}"));
        }
        let d = dimension as f64;
        let published = (slope + tau * d).min(((2.0 * slope).sqrt() + tau * d.sqrt()).powi(2) / 2.0);
        encloses(noise.zcdp(), (slope + offset).min(published), 1e-11, &format!("zCDP {local} {n}"));
    }
}

#[test]
fn norms_after_rounding_are_those_of_the_paper_rounded_up() {
    for (norm, beta, dimension) in
        [(3.0, 0.0, 4), (0.5, 0.25, 7), (12.5, (-0.5_f64).exp(), 256), (2.0, 0.1, 1 << 20), (1e3, 1e-9, 3)]
    {
        let d = dimension as f64;
        let always = f64::powi(norm + d.sqrt(), 2);
        let given = norm * norm + d / 4.0 + (-2.0 * f64::ln(beta)).sqrt() * (norm + d.sqrt() / 2.0);
        let square = if beta > 0.0 { always.min(given) } else { always };
        encloses(rounded_l2_squared(norm, beta, dimension).unwrap(), square, 1e-12, "l2");
        encloses(rounded_l1(norm, beta, dimension).unwrap(), (square * square.min(d)).sqrt(), 1e-12, "l1");
    }
}
