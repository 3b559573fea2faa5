//! Privacy loss distributions against values computed with, or published by, other libraries: tests/data/dp_reference.json.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "common/reference.rs"]
mod reference;

use reference::Reader;
use serde_json::Value;
use veilsum::account::{
    Accountant,
    event::{Event, NeighboringRelation},
    pld::{Bracket, DiscretePair, PldAccountant},
};

/// At equal grids, relative.
const AGREEMENT: f64 = 1e-3;
/// Mass that the other library cuts off or lets its transform lose, in its results in both directions.
const THEIR_ROUND_OFF: f64 = 3e-13;

struct Row(Value);

impl Row {
    fn text(&self, column: &str) -> &str {
        self.0[column].as_str().unwrap()
    }

    fn param(&self, name: &str) -> f64 {
        self.0["params"][name].as_f64().unwrap_or_else(|| panic!("{name} in {}", self.0))
    }

    fn count(&self, name: &str) -> u64 {
        self.0["params"][name].as_u64().unwrap_or_else(|| panic!("{name} in {}", self.0))
    }

    fn input(&self, name: &str) -> Option<f64> {
        self.0["input"][name].as_f64()
    }

    fn result(&self, name: &str) -> f64 {
        self.0["result"][name].as_f64().unwrap_or_else(|| panic!("{name} in {}", self.0))
    }

    fn event(&self) -> Event {
        let event = match self.text("mechanism") {
            "gaussian" => Event::gaussian(self.param("noise_multiplier")),
            "laplace" => Event::laplace(self.param("scale") / self.param("sensitivity")),
            "discrete_laplace" => Event::discrete_laplace(self.param("parameter"), self.count("sensitivity")),
            "discrete_gaussian" => Event::discrete_gaussian(self.param("sigma"), self.count("sensitivity")),
            other => panic!("{other}"),
        };
        event.unwrap().poisson_sampled(self.param("q")).unwrap()
    }

    fn accountant(&self) -> PldAccountant {
        let mut accountant = PldAccountant::new(NeighboringRelation::AddOrRemoveOne);
        accountant.compose(&self.event(), self.count("T")).unwrap();
        accountant
    }

    /// The same question to an accountant.
    fn ask(&self, accountant: &PldAccountant) -> (Bracket, f64) {
        match self.input("delta") {
            Some(delta) => (accountant.epsilon_bracket(delta).unwrap(), self.result("epsilon")),
            None => (accountant.delta_bracket(self.input("epsilon").unwrap()).unwrap(), self.result("delta")),
        }
    }
}

/// The rows of an accountant, as far as they are not published by others.
fn rows(accountant: &str, expected: usize) -> Vec<Row> {
    let computed = |row: &Row| row.text("accountant") == accountant && row.0["published"].is_null();
    let rows: Vec<Row> = reference::rows(Reader::Pld).into_iter().map(Row).filter(computed).collect();
    assert_eq!(rows.len(), expected, "rows of {accountant}");
    rows
}

/// Within a relative tolerance, and what the other library loses if this is a delta.
fn close(ours: f64, theirs: f64, tolerance: f64) -> bool {
    (ours - theirs).abs() <= tolerance * theirs.abs() + if theirs < 1e-9 { THEIR_ROUND_OFF } else { 0.0 }
}

#[test]
fn connect_the_dots_agrees_to_one_in_a_thousand_at_the_same_grid() {
    let mut worst: f64 = 0.0;
    for row in rows("pld_pessimistic_connect_dots", 63) {
        let interval = row.input("value_discretization_interval").unwrap();
        let accountant = row.accountant().with_value_discretization_interval(interval).unwrap();
        let accountant = accountant.with_memory_limit(192 << 20).unwrap();
        let (ours, theirs) = row.ask(&accountant);
        worst = worst.max(if theirs < 1e-9 { 0.0 } else { (ours.up / theirs - 1.0).abs() });
        assert!(close(ours.up, theirs, AGREEMENT), "{ours:?} {}", row.0);
        assert!(ours.low <= theirs * (1.0 + 1e-9) + THEIR_ROUND_OFF, "{ours:?} {}", row.0);
    }
    println!("63 connect-the-dots rows, worst relative difference {worst:e}");
}

#[test]
fn values_lie_between_another_librarys_bounds() {
    for row in rows("pld_pessimistic", 85) {
        let accuracy = if row.text("mechanism") == "gaussian" { 1e-5 } else { 1e-4 };
        let (ours, theirs) = row.ask(&row.accountant().with_accuracy(accuracy).unwrap());
        assert!(ours.low <= theirs * (1.0 + 1e-9) + THEIR_ROUND_OFF, "{ours:?} {}", row.0);
        assert!(ours.up <= theirs * (1.0 + 2e-5), "rounding to the nearest point above is not tighter: {ours:?} {}", row.0);
    }
    for row in rows("pld_optimistic", 87) {
        let (ours, theirs) = row.ask(&row.accountant());
        assert!(ours.up >= theirs * (1.0 - 1e-9) - THEIR_ROUND_OFF, "{ours:?} {}", row.0);
        assert!(ours.low >= theirs * (1.0 - 1e-3) - THEIR_ROUND_OFF, "{ours:?} {}", row.0);
    }
    println!("85 pessimistic and 87 optimistic rows");
}

#[test]
fn brackets_overlap_those_of_the_prv_accountant() {
    for row in rows("prv_low_est_up", 19) {
        let (ours, _) = row.ask(&row.accountant());
        let (low, estimate, up) = (row.result("epsilon_low"), row.result("epsilon"), row.result("epsilon_up"));
        assert!(ours.low <= up && low <= ours.up, "{ours:?} {}", row.0);
        assert!((ours.estimate - estimate).abs() <= 1e-3 * estimate, "{ours:?} {}", row.0);
    }
    println!("19 PRV rows");
}

/// Epsilon of a sampled Gaussian within a relative tolerance.
fn near(row: &Row, sigma: f64, q: f64, count: u64, delta: f64, epsilon: f64, tolerance: f64) {
    let mut accountant = PldAccountant::new(NeighboringRelation::AddOrRemoveOne);
    accountant.compose(&Event::gaussian(sigma).unwrap().poisson_sampled(q).unwrap(), count).unwrap();
    let ours = accountant.epsilon_bracket(delta).unwrap();
    assert!((ours.estimate - epsilon).abs() <= tolerance * epsilon, "{ours:?} {}", row.0);
}

/// Noise that others calibrated: ours needs the same.
fn check_calibration(row: &Row, count: u64, noise: &str, tolerance: f64) {
    let (epsilon, delta) = (row.input("epsilon").unwrap(), row.input("delta").unwrap());
    near(row, row.result(noise), row.param("q"), count, delta, epsilon, tolerance);
}

/// 1.2 epochs; micro-batches halve the noise multiplier.
fn check_dp_sgd(row: &Row) {
    let halved = if row.text("mechanism").contains("no_microbatching") { 1.0 } else { 2.0 };
    let (sigma, q) = (row.param("noise_multiplier") / halved, row.0["params"]["q"].as_f64());
    let count = if q.is_some() { 120 } else { 2 };
    let tolerance = if q.is_some() { 2e-3 } else { 2e-4 };
    near(row, sigma, q.unwrap_or(1.0), count, row.input("delta").unwrap(), row.result("epsilon"), tolerance);
}

/// What is calibrated to a number of steps is exactly that.
fn check_steps(row: &Row) {
    let (target, delta) = (row.input("epsilon").unwrap(), row.input("delta").unwrap());
    let at = |count| {
        let mut accountant = PldAccountant::new(NeighboringRelation::AddOrRemoveOne);
        let event = Event::gaussian(row.param("noise_multiplier")).unwrap().poisson_sampled(row.param("q")).unwrap();
        accountant.compose(&event, count).unwrap();
        accountant.epsilon_bracket(delta).unwrap()
    };
    let steps = row.0["result"]["T"].as_u64().unwrap();
    assert!(at(steps).up <= target && at(steps + 1).low > target, "{}", row.0);
}

/// Of one release. Adding a party is the better direction: what is published for it is only a bound from below here, and exact in the unit tests
/// of the accountant.
fn check_delta(row: &Row) {
    let (epsilon, delta) = (row.input("epsilon").unwrap(), row.result("delta"));
    let event = match row.text("mechanism") {
        "gaussian" if row.0["params"]["adjacency"] == "REPLACE" => return check_replaced(row),
        "gaussian" => Event::gaussian(row.param("standard_deviation") / row.param("sensitivity")),
        "laplace" => Event::laplace(row.param("parameter") / row.param("sensitivity")),
        _ => Event::discrete_laplace(row.param("parameter"), row.count("sensitivity")),
    };
    let mut accountant = PldAccountant::new(NeighboringRelation::AddOrRemoveOne);
    accountant.compose(&event.unwrap().poisson_sampled(row.param("q")).unwrap(), 1).unwrap();
    let ours = accountant.delta_bracket(epsilon).unwrap();
    assert!(delta * (1.0 - 1e-7) <= ours.up, "{ours:?} {}", row.0);
    if row.0["params"]["adjacency"] == "REM" {
        assert!(ours.low <= delta * (1.0 + 1e-7) && ours.up - ours.low < 2e-3 * delta, "{ours:?} {}", row.0);
    }
}

/// A party that is sampled with probability `q` replaced by one on the other side of zero: refused as an event, since a sensitivity does not say where
/// zero lies; the pair itself is accounted for.
fn check_replaced(row: &Row) {
    let (sigma, q) = (row.param("standard_deviation"), row.param("q"));
    let mut accountant = PldAccountant::new(NeighboringRelation::ReplaceOne);
    assert!(accountant.compose(&Event::gaussian(sigma).unwrap().poisson_sampled(q).unwrap(), 1).is_err());
    let below = |x: f64, mean: f64| 0.5 * libm::erfc((mean - x) / (sigma * 2.0_f64.sqrt()));
    let edges = || (-20_000..20_000).map(|k| f64::from(k) / 1000.0);
    let law = |shift: f64| -> Vec<f64> {
        let mass = |x: f64, mean: f64| below(x + 1e-3, mean) - below(x, mean);
        edges().map(|x| q * mass(x, shift) + (1.0 - q) * mass(x, 0.0)).collect()
    };
    let sensitivity = row.param("sensitivity");
    accountant.compose_discrete(&DiscretePair::new(&law(sensitivity), &law(-sensitivity)).unwrap(), 1.0, 1).unwrap();
    let (ours, delta) = (accountant.delta_bracket(row.input("epsilon").unwrap()).unwrap(), row.result("delta"));
    assert!(ours.low <= delta && delta <= ours.up && ours.up - ours.low < 2e-5, "{ours:?} {}", row.0);
}

fn check_discrete_gaussian(row: &Row) {
    let event = Event::discrete_gaussian(row.param("sigma2").sqrt(), row.count("sensitivity")).unwrap();
    let mut accountant = PldAccountant::new(NeighboringRelation::AddOrRemoveOne);
    accountant.compose(&event, row.count("T")).unwrap();
    let (ours, delta) = (accountant.delta_bracket(row.input("epsilon").unwrap()).unwrap(), row.result("delta"));
    // The other program has round-off of 1e-15 or so.
    assert!(ours.low <= delta * (1.0 + 1e-7) + 1e-14 && ours.up >= delta * (1.0 - 1e-7) - 1e-14, "{ours:?} {}", row.0);
    assert!(ours.up - ours.low <= 2e-3 * ours.up || ours.up < 1e-250, "{ours:?} {}", row.0);
}

#[test]
fn published_and_calibrated_rows_and_deltas_of_one_release_are_reproduced() {
    let mut checked = 0;
    for row in reference::rows(Reader::Pld).into_iter().map(Row) {
        match (row.text("mechanism"), row.text("accountant"), row.0["published"].as_bool().unwrap_or(false)) {
            // The tests above.
            (_, "pld_pessimistic_connect_dots" | "pld_pessimistic" | "pld_optimistic" | "prv_low_est_up", false) => continue,
            ("gaussian", "pld_pessimistic_connect_dots", true) => {
                let (sigma, q, epsilon) = (row.param("noise_multiplier"), row.param("q"), row.result("epsilon_rounded"));
                near(&row, sigma, q, row.count("T"), row.input("delta").unwrap(), epsilon, 5e-3);
            }
            ("gaussian", "prv_opacus", _) => {
                // The upper end of an interval of half width 0.01.
                let (sigma, q, epsilon) = (row.param("noise_multiplier"), row.param("q"), row.result("epsilon"));
                near(&row, sigma, q, row.count("T"), row.input("delta").unwrap(), epsilon, 2e-3);
            }
            (_, "calibrate_pld_pessimistic_connect_dots", _) => {
                check_calibration(&row, row.count("T"), "noise_multiplier", 2e-4);
            }
            (_, "calibrate_prv", _) => check_calibration(&row, row.count("T"), "noise_multiplier", 2e-3),
            // 90 epochs; the published noise is a coarse step of a search.
            (_, "calibrate_prv_epochs", _) => check_calibration(&row, 2250, "noise_multiplier", 2e-2),
            (_, "calibrate_pld", _) => check_calibration(&row, row.count("T"), "noise_multiplier_rounded", 1e-2),
            (_, "calibrate_steps_pld", _) => check_steps(&row),
            (_, "exact_delta", _) => check_delta(&row),
            (_, "exact_dg_delta", _) => check_discrete_gaussian(&row),
            (_, "pld", true) => check_dp_sgd(&row),
            _ => panic!("nobody reads {}", row.0),
        }
        checked += 1;
    }
    assert_eq!(checked, 37);
}
