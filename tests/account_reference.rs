//! Every row of the reference file that concerns the closed-form, zCDP, Rényi and analytic accountants. tests/common/reference.rs says who reads the
//! others.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "tests"
)]
#![cfg(feature = "std")]

#[path = "common/reference.rs"]
mod reference;

use std::collections::BTreeMap;

use reference::{Reader, rows};
use serde_json::Value;
use veilsum::account::{
    Accountant, Event, NeighboringRelation, RdpAccountant, ZCdpAccountant, analytic, calibrate, calibrate::Target,
};

struct Row(Value);

impl Row {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    fn find(&self, part: &str, key: &str) -> Option<f64> {
        self.0[part][key].as_f64()
    }

    fn param(&self, key: &str) -> f64 {
        self.find("params", key).unwrap_or_else(|| panic!("{key} in {}", self.0))
    }

    fn input(&self, key: &str) -> f64 {
        self.find("input", key).unwrap_or_else(|| panic!("{key} in {}", self.0))
    }

    fn result(&self, key: &str) -> f64 {
        self.find("result", key).unwrap_or_else(|| panic!("{key} in {}", self.0))
    }

    fn order(&self) -> Option<f64> {
        self.find("result", "optimal_order").or(self.find("result", "order"))
    }

    #[track_caller]
    fn close(&self, got: f64, expected: f64, relative: f64) {
        assert!((got - expected).abs() <= relative * expected.abs(), "{got} against {expected}: {}", self.0);
    }
}

fn default_orders() -> Vec<f64> {
    let tenths = (1..100).map(|tenth| 1.0 + f64::from(tenth) / 10.0);
    tenths.chain((11..64).map(f64::from)).chain([128.0, 256.0, 512.0, 1024.0]).collect()
}

fn opacus_orders() -> Vec<f64> {
    (1..100).map(|tenth| 1.0 + f64::from(tenth) / 10.0).chain((12..64).map(f64::from)).collect()
}

/// Divergence of the Gaussian on a Poisson sample at a fractional order by the series of Mironov, Talwar and Zhang (2019, section 3.3).
///
/// Its binomial coefficients alternate in sign beyond the order. dp-accounting 0.6.0 adds their absolute values, which gives a valid but larger
/// bound: `signed` is false for that.
fn series(q: f64, sigma: f64, order: f64, signed: bool) -> f64 {
    let z0 = sigma * sigma * (1.0 / q - 1.0).ln() + 0.5;
    let ln_erfc = |x: f64| {
        let asymptotic = |x: f64| -x * x - (x * std::f64::consts::PI.sqrt()).ln() + (-0.5 / (x * x)).ln_1p();
        if x > 25.0 { asymptotic(x) } else { libm::erfc(x).ln() }
    };
    let (mut sum, mut coefficient) = (0.0, 1.0_f64);
    for i in 0..400 {
        let (i, j) = (f64::from(i), order - f64::from(i));
        let part = |power: f64, rest: f64, edge: f64| {
            let exponent = power * q.ln() + rest * (-q).ln_1p() + (power * power - power) / (2.0 * sigma * sigma);
            (exponent + ln_erfc(edge / (sigma * 2.0_f64.sqrt())) + coefficient.abs().ln()).exp() / 2.0
        };
        let sign = if signed { coefficient.signum() } else { 1.0 };
        sum += sign * (part(i, j, i - z0) + part(j, i, z0 - j));
        coefficient *= j / (i + 1.0);
    }
    sum.ln() / (order - 1.0)
}

/// The reference's epsilon at the reference's order to 1e-9, not more on its grid, and not more with all orders.
fn check_rdp(row: &Row, event: &Event, count: u64, relation: NeighboringRelation, orders: &[f64], delta: f64) {
    let epsilon = row.result("epsilon");
    let run = |mut accountant: RdpAccountant| {
        accountant.compose(event, count).unwrap();
        accountant.epsilon(delta).unwrap()
    };
    let order = row.order().unwrap();
    let convert = |divergence: f64| divergence + (1.0 - 1.0 / order).ln() - (delta * order).ln() / (order - 1.0);
    let mut accountant = RdpAccountant::new(relation);
    accountant.compose(event, count).unwrap();
    let at_order = convert(accountant.rdp(order).unwrap());
    match row.find("params", "q").filter(|&q| q < 1.0 && order.fract() != 0.0) {
        None => row.close(at_order, epsilon, 1e-9),
        Some(q) => {
            let from = |signed| convert(count as f64 * series(q, row.param("noise_multiplier"), order, signed));
            // dp-accounting stops summing at e^-30.
            row.close(from(false), epsilon, 1e-8);
            row.close(at_order, from(true), 1e-9);
        }
    }
    let on_grid = run(RdpAccountant::with_orders(relation, orders).unwrap());
    assert!(on_grid <= epsilon * (1.0 + 1e-9), "{on_grid} {}", row.0);
    let best = run(RdpAccountant::new(relation));
    assert!(best <= epsilon * (1.0 + 1e-9) && best > 0.9 * epsilon, "{best} {}", row.0);
}

fn gaussian(row: &Row) -> Event {
    let event = Event::gaussian(row.param("noise_multiplier")).unwrap();
    match row.find("params", "q") {
        Some(q) if q < 1.0 => event.poisson_sampled(q).unwrap(),
        _ => event,
    }
}

fn rounds(x: f64) -> u64 {
    format!("{x}").parse().unwrap()
}

fn check_gaussian_rdp(row: &Row) {
    let (delta, count) = (row.input("delta"), rounds(row.param("T")));
    if row.0["params"]["sampling"] == "without_replacement" {
        let event = Event::gaussian(row.param("noise_multiplier")).unwrap();
        let event = event.sampled_without_replacement(rounds(row.param("dataset_size")), rounds(row.param("batch"))).unwrap();
        let orders: Vec<f64> = (2..=64).map(f64::from).collect();
        return check_rdp(row, &event, count, NeighboringRelation::ReplaceOne, &orders, delta);
    }
    check_rdp(row, &gaussian(row), count, NeighboringRelation::AddOrRemoveOne, &default_orders(), delta);
}

fn check_curve(row: &Row) {
    let mut accountant = RdpAccountant::new(NeighboringRelation::AddOrRemoveOne);
    accountant.compose(&gaussian(row), rounds(row.param("T"))).unwrap();
    let orders = row.0["input"]["orders"].as_array().unwrap();
    for (order, rdp) in orders.iter().zip(row.0["result"]["rdp"].as_array().unwrap()) {
        let got = accountant.rdp(order.as_f64().unwrap()).unwrap();
        match rdp.as_f64() {
            Some(rdp) if order.as_f64() == Some(1.5) => {
                let series = |signed| series(row.param("q"), row.param("noise_multiplier"), 1.5, signed);
                row.close(series(false), rdp, 1e-7);
                row.close(got, series(true), 1e-9);
            }
            Some(rdp) => row.close(got, rdp, 1e-9),
            // The reference's series does not converge here.
            None => assert!(got.is_finite() && got < accountant.rdp(2.0).unwrap()),
        }
    }
}

fn check_analytic(row: &Row) {
    match row.find("params", "noise_multiplier") {
        Some(sigma) => {
            let (delta, expected) = (row.input("delta"), row.result("epsilon"));
            let epsilon = analytic::epsilon(sigma, delta).unwrap();
            row.close(epsilon, expected, 1e-9);
        }
        None => {
            let sigma = analytic::noise_multiplier(row.input("epsilon"), row.input("delta")).unwrap();
            row.close(sigma, row.result("noise_multiplier"), 1e-9);
        }
    }
}

fn check_exact_delta(row: &Row) {
    let sigma = row.param("standard_deviation") / row.param("sensitivity");
    let (low, high) = analytic::delta(sigma, row.input("epsilon")).unwrap();
    assert!(low <= high);
    row.close(high, row.result("delta"), 1e-7);
}

fn check_calibration(row: &Row, count: u64, tolerance: f64) {
    let target = Target::new(row.input("epsilon"), row.input("delta")).unwrap();
    let make = |sigma: f64| {
        let mut accountant = RdpAccountant::with_orders(NeighboringRelation::AddOrRemoveOne, &default_orders())?;
        let event = Event::gaussian(sigma)?.poisson_sampled(row.param("q"))?;
        accountant.compose(&event, count)?;
        Ok(accountant)
    };
    let sigma = calibrate::least_noise_multiplier(target, make).unwrap();
    assert!(make(sigma).unwrap().epsilon(target.delta).unwrap() <= target.epsilon);
    row.close(sigma, row.result("noise_multiplier"), tolerance);
}

fn check_zcdp(row: &Row) {
    let with = |rho: f64| {
        let mut accountant = ZCdpAccountant::new(NeighboringRelation::AddOrRemoveOne);
        accountant.compose(&Event::zcdp(rho, 0.0)?, 1)?;
        Ok(accountant)
    };
    match row.text("accountant") {
        "cdp_eps" => {
            row.close(with(row.param("rho")).unwrap().epsilon(row.input("delta")).unwrap(), row.result("epsilon"), 1e-7);
        }
        "cdp_delta" => {
            row.close(with(row.param("rho")).unwrap().delta(row.input("epsilon")).unwrap(), row.result("delta"), 1e-7);
        }
        _ => {
            // rho = 1 / (2 sigma^2)
            let target = Target::new(row.input("epsilon"), row.input("delta")).unwrap();
            let sigma = calibrate::least_noise_multiplier(target, |sigma| with(0.5 / (sigma * sigma))).unwrap();
            row.close(0.5 / (sigma * sigma), row.result("rho"), 1e-6);
        }
    }
}

fn check_google_blog(row: &Row) {
    // The blog's language model: delta 1e-10.
    let mut accountant = ZCdpAccountant::new(NeighboringRelation::ReplaceSpecial);
    accountant.compose(&Event::zcdp(row.param("rho"), 0.0).unwrap(), 1).unwrap();
    let epsilon = accountant.epsilon(1e-10).unwrap();
    assert!((epsilon - row.result("epsilon_near")).abs() <= row.result("atol"), "{epsilon}");
}

/// `steps` or `steps_list`, one tree after another, a party in each of them.
fn tree_steps(row: &Row) -> Vec<u64> {
    match row.0["params"]["steps_list"].as_array() {
        Some(list) => list.iter().map(|steps| steps.as_u64().unwrap()).collect(),
        None => vec![rounds(row.param("steps"))],
    }
}

fn check_tree(row: &Row) {
    let sigma = row.param("noise_multiplier");
    let trees = tree_steps(row).into_iter().map(|steps| Event::single_epoch_tree(sigma, vec![steps]).unwrap());
    let event = Event::Composed(trees.collect());
    if let Some(most) = row.find("result", "epsilon_less_than") {
        let mut accountant = RdpAccountant::new(NeighboringRelation::ReplaceSpecial);
        accountant.compose(&event, 1).unwrap();
        let epsilon = accountant.epsilon(row.input("delta")).unwrap();
        assert!(epsilon < most && epsilon > 0.8 * most, "{epsilon} {}", row.0);
        return;
    }
    let relation = NeighboringRelation::ReplaceSpecial;
    check_rdp(row, &event, 1, relation, &default_orders(), row.input("delta"));
}

/// Squared sensitivity of a tree without restart: the nodes that are complete after all steps, each counted with the square of how often a party's
/// steps pass through it; the party's steps are as close as allowed.
fn tree_sensitivity(steps: u64, participations: u64, separation: u64) -> f64 {
    let span = (participations - 1) * separation;
    let squared = |first: u64| {
        let mut sum = 0;
        let mut size = 1;
        while size <= steps {
            for node in 0..steps / size {
                let inside = |step: u64| step / size == node;
                let hits = (0..participations).filter(|k| inside(first + k * separation)).count() as u64;
                sum += hits * hits;
            }
            size *= 2;
        }
        sum
    };
    ((0..steps - span).map(squared).max().unwrap() as f64).sqrt()
}

fn check_tree_without_restart(row: &Row) {
    let [steps, most, separation] = ["total_steps", "max_participation", "min_separation"].map(|key| rounds(row.param(key)));
    let event = Event::matrix_factorization(row.param("noise_multiplier"), tree_sensitivity(steps, most, separation)).unwrap();
    let mut accountant = ZCdpAccountant::new(NeighboringRelation::ReplaceSpecial);
    accountant.compose(&event, 1).unwrap();
    row.close(accountant.rho(), row.result("rho"), 1e-9);
}

fn check_epochs(row: &Row) {
    let (batch, n) = (row.param("batch"), row.param("n"));
    let event = Event::gaussian(row.param("noise_multiplier")).unwrap().poisson_sampled(batch / n).unwrap();
    let count = rounds((row.param("epochs") * n / batch).ceil());
    let orders: Vec<f64> = [1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 3.5, 4.0, 4.5]
        .into_iter()
        .chain((5..64).map(f64::from))
        .chain([128.0, 256.0, 512.0])
        .collect();
    let mut accountant = RdpAccountant::with_orders(NeighboringRelation::AddOrRemoveOne, &orders).unwrap();
    accountant.compose(&event, count).unwrap();
    let bound = accountant.epsilon_and_order(row.input("delta")).unwrap();
    row.close(bound.value, row.result("epsilon"), 1e-9);
    assert_eq!(bound.order, row.order().unwrap(), "{}", row.0);
}

/// Noise 0.7 for 1.2 epochs; micro-batches halve the noise multiplier.
fn check_dp_sgd(row: &Row) {
    let name = row.text("mechanism");
    let sigma = row.param("noise_multiplier") / if name.contains("no_microbatching") { 1.0 } else { 2.0 };
    let event = Event::gaussian(sigma).unwrap();
    let epochs = row.param("num_epochs");
    let (event, count) = match row.find("params", "q") {
        Some(q) => (event.poisson_sampled(q).unwrap(), rounds((epochs / q).ceil())),
        None => (event, rounds(epochs.ceil())),
    };
    let (delta, expected) = (row.input("delta"), row.result("epsilon"));
    let mut accountant = RdpAccountant::with_orders(NeighboringRelation::AddOrRemoveOne, &default_orders()).unwrap();
    accountant.compose(&event, count).unwrap();
    let epsilon = accountant.epsilon(delta).unwrap();
    let Some(q) = row.find("params", "q") else { return row.close(epsilon, expected, 1e-7) };
    // The published values have the absolute series at fractional orders.
    let at = |&order: &f64| {
        let divergence =
            if order.fract() == 0.0 { accountant.rdp(order).unwrap() } else { count as f64 * series(q, sigma, order, false) };
        divergence + (1.0 - 1.0 / order).ln() - (delta * order).ln() / (order - 1.0)
    };
    row.close(default_orders().iter().map(at).fold(f64::INFINITY, f64::min), expected, 1e-7);
    assert!(epsilon <= expected && epsilon > expected * (1.0 - 2e-3), "{epsilon} {}", row.0);
}

/// The divergence is 1.1 at orders 2 to 32.
fn check_constant_curve(row: &Row) {
    let orders: Vec<f64> = (2..=32).map(f64::from).collect();
    let mut accountant = RdpAccountant::with_orders(NeighboringRelation::AddOrRemoveOne, &orders).unwrap();
    accountant.compose(&Event::zcdp(0.0, 1.1).unwrap(), 1).unwrap();
    row.close(accountant.epsilon(row.input("delta")).unwrap(), row.result("epsilon"), 1e-9);
}

fn check_laplace(row: &Row) {
    let event = Event::laplace(row.param("scale") / row.param("sensitivity")).unwrap();
    let (count, relation) = (rounds(row.param("T")), NeighboringRelation::AddOrRemoveOne);
    check_rdp(row, &event, count, relation, &default_orders(), row.input("delta"));
}

fn check(row: &Row) {
    match (row.text("mechanism"), row.text("accountant")) {
        ("gaussian", "rdp") => check_gaussian_rdp(row),
        ("gaussian", "rdp_curve") => check_curve(row),
        ("gaussian", "rdp_opacus_orders") => {
            let event = gaussian(row);
            let mut accountant = RdpAccountant::with_orders(NeighboringRelation::AddOrRemoveOne, &opacus_orders()).unwrap();
            accountant.compose(&event, rounds(row.param("T"))).unwrap();
            row.close(accountant.epsilon(row.input("delta")).unwrap(), row.result("epsilon"), 1e-9);
        }
        ("gaussian", "rdp_tfp") => check_epochs(row),
        ("gaussian", "analytic_balle_wang") => check_analytic(row),
        ("gaussian", "calibrate_rdp") => {
            let tolerance = if row.text("library").starts_with("PUBLISHED") { 1e-2 } else { 2e-5 };
            check_calibration(row, rounds(row.param("T")), tolerance);
        }
        // 90 epochs
        ("gaussian", "calibrate_rdp_epochs") => check_calibration(row, 2250, 1e-2),
        ("zcdp", "cdp_eps" | "cdp_delta" | "cdp_rho") => check_zcdp(row),
        ("zcdp", _) => check_google_blog(row),
        ("laplace", "rdp") => check_laplace(row),
        ("tree" | "tree_aggregation_single_epoch" | "tree_restart", "rdp") => check_tree(row),
        ("tree_norestart", "zcdp") => check_tree_without_restart(row),
        ("pure_dp", _) => check_constant_curve(row),
        (name, "rdp") if name.starts_with("dpsgd") => check_dp_sgd(row),
        _ => panic!("nobody reads {}", row.0),
    }
}

#[test]
fn all_rows_of_these_accountants_agree() {
    let mut checked: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows(Reader::Account).into_iter().map(Row) {
        check(&row);
        *checked.entry(row.text("accountant").to_owned()).or_default() += 1;
    }
    println!("{checked:?}");
    assert_eq!(checked.values().sum::<u32>(), 117);
}

#[test]
fn published_deltas_of_one_gaussian_are_reproduced() {
    // The other deltas are sampled, or not Gaussian: the PLD accountant's.
    let rows = rows(Reader::Pld).into_iter().map(Row).filter(|row| row.text("accountant") == "exact_delta");
    let rows: Vec<Row> = rows.filter(|row| row.text("mechanism") == "gaussian" && row.param("q") == 1.0).collect();
    rows.iter().for_each(check_exact_delta);
    assert_eq!(rows.len(), 2);
}
