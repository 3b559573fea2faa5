//! Each table gives each value exactly as often as its weight says: counted over all 2^128 pairs of a word and its extension.

use std::{collections::BTreeMap, vec::Vec};

use super::*;
use crate::dp::noise::weights::Weights;

fn tables() -> Vec<Weights> {
    std::vec![
        Weights::skellam(1, 1 << 20, 1),
        Weights::skellam(5, 2, 1),
        Weights::skellam(40_000, 1, 9),
        Weights::gaussian(1, 64, 1),
        Weights::gaussian(30_000, 7, 1),
        Weights::laplace(1, 28),
        Weights::laplace(64, 1),
        Weights::polya(1, 100, 1000),
        Weights::digit_difference(1, 50, 85),
    ]
    .into_iter()
    .map(Option::unwrap)
    .collect()
}

fn expected(weights: &Weights) -> BTreeMap<i64, u128> {
    let positive = (0_i64..).zip(weights.half.iter().copied());
    let negative = positive.clone().map(|(value, weight)| (-value, weight)).filter(|_| weights.symmetric);
    positive.chain(negative).filter(|(_, weight)| *weight != 0).collect()
}

#[test]
fn an_alias_table_gives_every_value_its_weight() {
    for weights in tables() {
        assert_eq!(Alias::new(&weights).unwrap().measure(), expected(&weights));
    }
}

#[test]
fn a_scan_gives_every_value_its_weight() {
    for weights in tables() {
        assert_eq!(Scan::new(&weights).measure(), expected(&weights));
    }
}

#[test]
fn a_table_with_one_unit_moved_is_noticed() {
    let mut weights = Weights::skellam(5, 2, 1).unwrap();
    let before = expected(&weights);
    weights.half[1] += 2;
    weights.half[2] -= 2;
    assert_ne!(Alias::new(&weights).unwrap().measure(), before);
    assert_ne!(Scan::new(&weights).measure(), before);
}

#[test]
fn weights_that_do_not_make_one_are_no_table() {
    let mut weights = Weights::skellam(5, 2, 1).unwrap();
    weights.half[0] /= 2;
    assert!(Alias::new(&weights).is_none());
}
