//! tests/data/dp_reference.json: which test reads which rows, so that none is passed over.
#![allow(dead_code, reason = "each test binary reads its own rows")]

use std::collections::BTreeMap;

use Reader::{Account, Distributed, NoBound, Pld};
use serde_json::Value;

/// Who checks a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// tests/account_reference.rs.
    Account,
    /// tests/pld_reference.rs.
    Pld,
    /// tests/distributed_privacy.rs.
    Distributed,
    /// Central-limit approximations, which are no bounds, and a mechanism that is no event here.
    NoBound,
}

/// Mechanism, accountant, whether published by others, rows, reader.
pub(crate) const KINDS: [(&str, &str, bool, usize, Reader); 63] = [
    ("discrete_gaussian", "exact_dg_delta", false, 10, Pld),
    ("discrete_gaussian", "pld_optimistic", false, 25, Pld),
    ("discrete_gaussian", "pld_pessimistic", false, 25, Pld),
    ("discrete_laplace", "exact_delta", true, 3, Pld),
    ("discrete_laplace", "pld_pessimistic", false, 8, Pld),
    ("distributed_discrete_gaussian", "ddgauss_params", false, 3, Distributed),
    ("distributed_discrete_gaussian", "rdp_orders_2..128,256", false, 16, Distributed),
    ("distributed_skellam", "rdp_orders_2..128,256", false, 16, Distributed),
    ("distributed_skellam", "skellam_local_stddev", true, 1, Distributed),
    ("distributed_skellam", "skellam_params", false, 7, Distributed),
    ("dpsgd_microbatching_no_subsampling", "pld", true, 1, Pld),
    ("dpsgd_microbatching_no_subsampling", "rdp", true, 1, Account),
    ("dpsgd_microbatching_with_subsampling", "pld", true, 1, Pld),
    ("dpsgd_microbatching_with_subsampling", "rdp", true, 1, Account),
    ("dpsgd_no_microbatching_no_subsampling", "pld", true, 1, Pld),
    ("dpsgd_no_microbatching_no_subsampling", "rdp", true, 1, Account),
    ("dpsgd_no_microbatching_with_subsampling", "pld", true, 1, Pld),
    ("dpsgd_no_microbatching_with_subsampling", "rdp", true, 1, Account),
    ("exponential_mechanism", "rdp", true, 1, NoBound),
    ("gaussian", "analytic_balle_wang", false, 27, Account),
    ("gaussian", "calibrate_gdp_epochs", true, 1, NoBound),
    ("gaussian", "calibrate_pld", true, 1, Pld),
    ("gaussian", "calibrate_pld_pessimistic_connect_dots", false, 3, Pld),
    ("gaussian", "calibrate_prv", true, 1, Pld),
    ("gaussian", "calibrate_prv_epochs", true, 1, Pld),
    ("gaussian", "calibrate_rdp", false, 3, Account),
    ("gaussian", "calibrate_rdp", true, 1, Account),
    ("gaussian", "calibrate_rdp_epochs", true, 1, Account),
    ("gaussian", "calibrate_steps_pld", true, 1, Pld),
    ("gaussian", "exact_delta", true, 6, Pld),
    ("gaussian", "gdp_clt_opacus", false, 2, NoBound),
    ("gaussian", "gdp_clt_opacus", true, 1, NoBound),
    ("gaussian", "pld_optimistic", false, 52, Pld),
    ("gaussian", "pld_pessimistic", false, 52, Pld),
    ("gaussian", "pld_pessimistic_connect_dots", false, 52, Pld),
    ("gaussian", "pld_pessimistic_connect_dots", true, 1, Pld),
    ("gaussian", "prv_low_est_up", false, 16, Pld),
    ("gaussian", "prv_opacus", true, 1, Pld),
    ("gaussian", "rdp", false, 33, Account),
    ("gaussian", "rdp_curve", false, 3, Account),
    ("gaussian", "rdp_opacus_orders", false, 3, Account),
    ("gaussian", "rdp_opacus_orders", true, 1, Account),
    ("gaussian", "rdp_tfp", true, 3, Account),
    ("laplace", "exact_delta", true, 5, Pld),
    ("laplace", "pld_optimistic", false, 10, Pld),
    ("laplace", "pld_pessimistic_connect_dots", false, 11, Pld),
    ("laplace", "prv_low_est_up", false, 3, Pld),
    ("laplace", "rdp", false, 10, Account),
    ("pure_dp", "compute_epsilon_delta_pure_dp", true, 1, Account),
    ("rounding", "rounded_l2_norm_bound", false, 5, Distributed),
    ("scaling", "heuristic_scale_factor", false, 3, Distributed),
    ("skellam", "exact_hockey_stick", false, 36, Distributed),
    ("skellam", "exact_numeric_rdp", false, 104, Distributed),
    ("skellam_rdp_bound", "rdp", false, 3, Distributed),
    ("sum_of_n_discrete_gaussians", "exact_numeric_rdp", false, 78, Distributed),
    ("tree", "rdp", true, 2, Account),
    ("tree_aggregation_single_epoch", "rdp", false, 3, Account),
    ("tree_norestart", "zcdp", false, 2, Account),
    ("tree_restart", "rdp", false, 3, Account),
    ("zcdp", "cdp_delta", false, 3, Account),
    ("zcdp", "cdp_eps", false, 10, Account),
    ("zcdp", "cdp_rho", false, 3, Account),
    ("zcdp", "rdp_conversion orders 1.1..10.9,12..63 (delta per _gaussian_zcdp_to_epsilon default)", true, 1, Account),
];

type Kind = (String, String, bool);

fn kind(row: &Value) -> Kind {
    let text = |column: &str| row[column].as_str().unwrap().to_owned();
    (text("mechanism"), text("accountant"), row["published"].as_bool().unwrap_or(false))
}

fn reader(kind: &Kind) -> Reader {
    let known = KINDS.iter().find(|known| (known.0, known.1, known.2) == (kind.0.as_str(), kind.1.as_str(), kind.2));
    known.unwrap_or_else(|| panic!("nobody reads rows like {kind:?}")).4
}

/// The rows of a reader. Every row of the file has one, and there are as many of each kind as expected.
pub(crate) fn rows(wanted: Reader) -> Vec<Value> {
    // Python writes infinity and not-a-number in a way that JSON does not know.
    let text = include_str!("../data/dp_reference.json").replace("Infinity", "null").replace("NaN", "null");
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(rows) = file["rows"].take() else { panic!("rows") };
    assert_eq!(rows.len() as u64, file["n_rows"].as_u64().unwrap());
    let mut found: BTreeMap<Kind, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *found.entry(kind(row)).or_default() += 1);
    let expected = KINDS
        .iter()
        .map(|&(mechanism, accountant, published, count, _)| ((mechanism.to_owned(), accountant.to_owned(), published), count));
    assert_eq!(found, expected.collect());
    rows.into_iter().filter(|row| reader(&kind(row)) == wanted).collect()
}
