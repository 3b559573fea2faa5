#![allow(clippy::cast_possible_truncation, reason = "tests")]

use super::*;

fn fewest(sets: &[&[u64]], least: usize) -> Option<Isolation> {
    isolated(sets, least)
}

/// The least support of a non-zero integer combination with coefficients in -4 ..= 4: by trying all of them.
fn by_force(sets: &[Vec<u64>], parties: u64) -> Option<usize> {
    let mut best = None;
    let combinations = 9_u32.pow(sets.len() as u32);
    for code in 0..combinations {
        let factor = |place: usize| i64::from(code / 9_u32.pow(place as u32) % 9) - 4;
        let value = |party: u64| -> i64 {
            sets.iter().enumerate().filter(|(_, set)| set.contains(&party)).map(|(place, _)| factor(place)).sum()
        };
        let support = (0..parties).filter(|&party| value(party) != 0).count();
        if support > 0 && best.is_none_or(|best| support < best) {
            best = Some(support);
        }
    }
    best
}

#[test]
fn two_sets_that_differ_by_one_party_isolate_it() {
    assert_eq!(fewest(&[&[1, 2, 3, 4, 5, 6], &[1, 2, 3, 4, 5]], 3), Some(Isolation::Parties(1)));
    assert_eq!(fewest(&[&[1, 2, 3, 4, 5, 6], &[1, 2, 3, 4, 5, 7]], 3), Some(Isolation::Parties(2)));
    assert_eq!(fewest(&[&[1, 2, 3, 4, 5, 6], &[1, 2, 3]], 3), None);
    let same: [&[u64]; 4] = [&[1, 2, 3, 4, 5, 6]; 4];
    assert_eq!(fewest(&same, 3), None);
}

#[test]
fn a_combination_of_three_sums_is_found() {
    // {1,2,3,4} + {3,4,5,6,7} - {1,..,7} = {3,4}
    let sets: [&[u64]; 3] = [&[1, 2, 3, 4], &[3, 4, 5, 6, 7], &[1, 2, 3, 4, 5, 6, 7]];
    assert_eq!(fewest(&sets, 3), Some(Isolation::Parties(2)));
    assert_eq!(fewest(&sets, 2), None);
    assert_eq!(fewest(&sets[..2], 3), None);
}

#[test]
fn every_sequence_of_rounds_agrees_with_trying_all_combinations() {
    // All sequences of three sets, and every seventh of four, of five parties.
    let set = |bits: u32| (0..5_u64).filter(|party| bits >> party & 1 == 1).collect::<Vec<u64>>();
    let mut tried = 0;
    for code in (0..32_u32.pow(3)).step_by(3).chain((32_u32.pow(3)..32_u32.pow(4)).step_by(1009)) {
        let sets: Vec<Vec<u64>> = (0..4).map(|place| set(code >> (5 * place) & 31)).filter(|set| !set.is_empty()).collect();
        let borrowed: Vec<&[u64]> = sets.iter().map(Vec::as_slice).collect();
        let expected = by_force(&sets, 5).filter(|&parties| parties < 4).map(Isolation::Parties);
        assert_eq!(fewest(&borrowed, 4), expected, "{sets:?}");
        tried += 1;
    }
    assert!(tried > 10_000);
}

#[test]
fn a_search_that_is_too_large_says_so() {
    // 40 sets of 400 parties without any pattern.
    let mut state = 1_u64;
    let mut coin = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 63 == 1
    };
    let sets: Vec<Vec<u64>> = (0..40).map(|_| (0..400).filter(|_| coin()).collect()).collect();
    let borrowed: Vec<&[u64]> = sets.iter().map(Vec::as_slice).collect();
    assert_eq!(fewest(&borrowed, 3), None);
    assert_eq!(fewest(&borrowed, 60), Some(Isolation::Undecided));
}
