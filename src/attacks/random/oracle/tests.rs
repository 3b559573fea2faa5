use alloc::{collections::BTreeMap, vec, vec::Vec};

use super::{Kind, Knowledge, Leak, Owner, Row, Source};
use crate::{ClientId, SessionId};

const SESSION: SessionId = SessionId([7; 32]);
const KEY: [u8; 32] = [1; 32];

fn seed(number: u8) -> [u8; 32] {
    [number; 32]
}

/// Rows of one session with these seeds, negative where the number is; none of them known.
fn rows(masks: &[&[i8]]) -> Knowledge {
    let mask = |number: &i8| (seed(number.unsigned_abs()), *number < 0, Source::To(KEY));
    let row =
        |(place, masks): (u64, &&[i8])| Row { of: (SESSION, ClientId(place)), least: 2, masks: masks.iter().map(mask).collect() };
    let rows = (0..).zip(masks).map(row).collect();
    Knowledge { rows, thresholds: BTreeMap::from([(SESSION, 3)]), ..Knowledge::default() }
}

fn leak(masks: &[&[i8]]) -> Option<Vec<Vec<u64>>> {
    rows(masks).leak().map(|Leak(sets)| sets.into_iter().map(|set| set.into_iter().map(|id| id.0).collect()).collect())
}

#[test]
fn the_sum_of_enough_is_allowed() {
    assert_eq!(leak(&[&[1, 2], &[-1, 3], &[-2, -3]]), None);
    assert_eq!(leak(&[&[1, 2], &[-1, 3], &[-2, 4]]), None, "nothing is determined");
}

#[test]
fn an_input_alone_and_a_sum_of_too_few_are_leaks() {
    assert_eq!(leak(&[&[1, 2], &[], &[-1]]), Some(vec![vec![1]]));
    let mut few = rows(&[&[1], &[-1]]);
    assert_eq!(few.leak(), None);
    few.rows.iter_mut().for_each(|row| row.least = 3);
    assert!(few.leak().is_some());
}

#[test]
fn two_sums_in_one_session_and_sums_of_multiples_are_leaks() {
    assert_eq!(leak(&[&[1], &[-1], &[2], &[-2]]), Some(vec![vec![0, 1], vec![2, 3]]));
    assert_eq!(leak(&[&[1, 1], &[-1, 2], &[-1, -2]]), Some(vec![vec![0], vec![1, 2]]), "a doubled mask bares the lowest bit");
    assert!(leak(&[&[1, 1, 1], &[-1]]).is_some(), "three times one input and another");
}

#[test]
fn masks_that_go_by_wrong_signs_bare_the_lowest_bit_of_a_sum_and_no_more() {
    assert_eq!(leak(&[&[1, 2], &[1, -2], &[3]]), None, "modulo two this is the sum of two");
}

#[test]
fn sums_of_different_sessions_are_allowed_together_and_not_mixed() {
    let mut both = rows(&[&[1], &[-1], &[2], &[-2]]);
    let other = SessionId([8; 32]);
    both.rows[2..].iter_mut().for_each(|row| row.of.0 = other);
    assert_eq!(both.leak(), None);
    both.rows[1].of.0 = other;
    assert!(both.leak().is_some());
}

#[test]
fn the_same_client_twice_is_a_leak() {
    let mut twice = rows(&[&[1], &[1]]);
    twice.rows[1].of = twice.rows[0].of;
    assert!(twice.leak().is_some());
}

#[test]
fn a_seed_is_known_from_the_threshold_on_and_by_whom_it_concerns() {
    let mut knowledge = rows(&[&[1]]);
    let who = knowledge.rows[0].of;
    knowledge.rows[0].masks =
        vec![(seed(1), false, Source::Own), (seed(2), false, Source::To(KEY)), (seed(3), true, Source::From(seed(9), KEY))];
    knowledge.ciphertexts.insert(seed(9), (Owner::Adversary, KEY));
    knowledge.keys.insert(KEY, Owner::Honest((SESSION, ClientId(5))));
    for holder in 1..=3 {
        assert_eq!(knowledge.leak(), None);
        knowledge.share(who, Kind::SelfSecret, ClientId(holder));
        knowledge.share(who, Kind::SelfSecret, ClientId(1));
    }
    for holder in 1..=3 {
        assert_eq!(knowledge.leak(), None);
        knowledge.share((SESSION, ClientId(5)), Kind::MaskRoot, ClientId(holder));
    }
    assert!(knowledge.leak().is_some());
    knowledge.ciphertexts.insert(seed(9), (Owner::Adversary, seed(4)));
    assert_eq!(knowledge.leak(), None, "made for another key");
}
