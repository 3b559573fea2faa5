//! A curve that is costly to compute: at some orders exactly, at others between.

use alloc::vec::Vec;

use crate::account::{
    distributed::RdpBound,
    special::{EPS, round},
};

/// `K(lambda)` at increasing `lambda`, from `(0, 0)` on. Between them the line is a bound, since `K` is convex (van Erven and Harremoës, 2014,
/// Corollary 2); above the last one nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Knots(Vec<(f64, f64)>);

impl Knots {
    /// `curve` returns bounds on the divergences of orders.
    pub(crate) fn new(curve: impl FnOnce(&[f64]) -> Vec<RdpBound>) -> Self {
        let lambdas = lambdas();
        let orders: Vec<f64> = lambdas.iter().map(|lambda| 1.0 + lambda).collect();
        let known = lambdas.into_iter().zip(curve(&orders)).filter(|(_, bound)| bound.value.is_finite());
        let known = known.map(|(lambda, bound)| (lambda, lambda * bound.value * (1.0 + 2.0 * EPS)));
        Self(core::iter::once((0.0, 0.0)).chain(known).collect())
    }

    pub(crate) fn cgf(&self, lambda: f64) -> f64 {
        let above = self.0.partition_point(|&(known, _)| known < lambda);
        let (Some(&(high, high_value)), Some(&(low, low_value))) = (self.0.get(above), self.0.get(above.saturating_sub(1)))
        else {
            return f64::INFINITY;
        };
        if high == lambda {
            return high_value;
        }
        let part = (lambda - low) / (high - low);
        ((1.0 - part) * low_value + part * high_value) * (1.0 + 8.0 * EPS)
    }
}

/// Octaves below 1 in halves, quarters to 2, halves to 8, integers to 16, then integers about a seventh apart.
fn lambdas() -> Vec<f64> {
    let halves = (-12_i8..0).map(|half| libm::exp2(f64::from(half) / 2.0));
    let quarters = (4_u8..8).map(|quarter| f64::from(quarter) / 4.0);
    let steps = (4_u8..16).map(|half| f64::from(half) / 2.0);
    let integers = (8_u8..16).map(f64::from);
    let large = core::iter::successors(Some(16.0), |&lambda| Some(round(lambda * 1.14))).take_while(|&lambda| lambda < 1100.0);
    halves.chain(quarters).chain(steps).chain(integers).chain(large).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::distributed::Basis;

    #[test]
    fn between_the_knots_the_curve_is_above_the_truth_and_close() {
        let truth = |order: f64| 0.01 * order;
        let knots = Knots::new(|orders| {
            assert!(orders.is_sorted_by(|a, b| a < b) && orders.len() < 80, "{}", orders.len());
            orders.iter().map(|&order| RdpBound { value: truth(order), basis: Basis::ClosedForm }).collect()
        });
        for lambda in [1e-6, 0.015, 0.3, 1.0, 1.1, 5.0, 7.3, 100.0, 1000.0] {
            let (got, exact) = (knots.cgf(lambda), lambda * truth(1.0 + lambda));
            assert!(got >= exact && got <= 1.05 * exact, "{lambda}: {got} {exact}");
        }
        assert_eq!(knots.cgf(2000.0), f64::INFINITY);
    }
}
