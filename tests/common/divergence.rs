//! A bound from both sides, and what the tests of the Rényi accountant compute themselves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use veilsum::account::{Accountant, Event, NeighboringRelation, RdpAccountant};

/// A result may be below a value of the test by what the test rounds, and above it by what the accountant allows for.
#[track_caller]
pub(crate) fn encloses(got: f64, truth: f64, below: f64, above: f64, case: &str) {
    assert!(got >= truth * (1.0 - below), "{case}: {got:e} is below {truth:e} by {:e}", 1.0 - got / truth);
    assert!(got <= truth * (1.0 + above), "{case}: {got:e} is above {truth:e} by {:e}", got / truth - 1.0);
}

pub(crate) fn rdp(relation: NeighboringRelation, event: &Event, count: u64) -> RdpAccountant {
    let mut accountant = RdpAccountant::new(relation);
    accountant.compose(event, count).unwrap();
    accountant
}

/// `lambda D_(1 + lambda)` of Laplace noise (Mironov, 2017, Proposition 6), its linear terms cancelled by a series.
pub(crate) fn laplace(scale: f64, lambda: f64) -> f64 {
    let (alpha, up) = (lambda + 1.0, lambda / scale);
    let less = |x: f64| {
        if x.abs() > 0.5 { x.exp_m1() - x } else { (2..24).rev().fold(0.0, |sum, k| (1.0 + sum) * x / f64::from(k)) * x }
    };
    if up > 40.0 {
        up + (alpha / (alpha + lambda)).ln()
    } else {
        ((alpha * less(up) + lambda * less(-alpha / scale)) / (alpha + lambda)).ln_1p()
    }
}
