//! Privacy loss distributions against values computed with, or published by, other libraries: tests/data/dp_reference.json.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use serde_json::Value;
use veilsum::account::{
    Accountant,
    event::{Event, NeighboringRelation},
    pld::{Bracket, PldAccountant},
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

/// Rows of these accountants, whose number is known so that none is passed over.
fn rows(accountant: &str, published: bool, expected: usize) -> Vec<Row> {
    // Python writes Infinity, which is not JSON.
    let text = include_str!("data/dp_reference.json").replace("\nInfinity,", "\nnull,");
    let file: Value = serde_json::from_str(&text).unwrap();
    let rows = file["rows"].as_array().unwrap().iter().cloned().map(Row);
    let rows: Vec<Row> = rows
        .filter(|row| row.text("accountant") == accountant && row.0["published"].as_bool().unwrap_or(false) == published)
        .collect();
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
    for row in rows("pld_pessimistic_connect_dots", false, 63) {
        let interval = row.input("value_discretization_interval").unwrap();
        let accountant = row.accountant().with_value_discretization_interval(interval).unwrap();
        let (ours, theirs) = row.ask(&accountant);
        worst = worst.max(if theirs < 1e-9 { 0.0 } else { (ours.up / theirs - 1.0).abs() });
        assert!(close(ours.up, theirs, AGREEMENT), "{ours:?} {}", row.0);
        assert!(ours.low <= theirs * (1.0 + 1e-9) + THEIR_ROUND_OFF, "{ours:?} {}", row.0);
    }
    println!("63 connect-the-dots rows, worst relative difference {worst:e}");
}

#[test]
fn values_lie_between_another_librarys_bounds() {
    for row in rows("pld_pessimistic", false, 85) {
        let accuracy = if row.text("mechanism") == "gaussian" { 1e-5 } else { 1e-4 };
        let (ours, theirs) = row.ask(&row.accountant().with_accuracy(accuracy).unwrap());
        assert!(ours.low <= theirs * (1.0 + 1e-9) + THEIR_ROUND_OFF, "{ours:?} {}", row.0);
        assert!(ours.up <= theirs * (1.0 + 2e-5), "rounding to the nearest point above is not tighter: {ours:?} {}", row.0);
    }
    for row in rows("pld_optimistic", false, 87) {
        let (ours, theirs) = row.ask(&row.accountant());
        assert!(ours.up >= theirs * (1.0 - 1e-9) - THEIR_ROUND_OFF, "{ours:?} {}", row.0);
        assert!(ours.low >= theirs * (1.0 - 1e-3) - THEIR_ROUND_OFF, "{ours:?} {}", row.0);
    }
    println!("85 pessimistic and 87 optimistic rows");
}

#[test]
fn brackets_overlap_those_of_the_prv_accountant() {
    for row in rows("prv_low_est_up", false, 19) {
        let (ours, _) = row.ask(&row.accountant());
        let (low, estimate, up) = (row.result("epsilon_low"), row.result("epsilon"), row.result("epsilon_up"));
        assert!(ours.low <= up && low <= ours.up, "{ours:?} {}", row.0);
        assert!((ours.estimate - estimate).abs() <= 1e-3 * estimate, "{ours:?} {}", row.0);
    }
    println!("19 PRV rows");
}
