//! Trees that are made in parts: whatever the parts, the root is that of the leaves in a row.

use alloc::vec::Vec;

use super::Tree;
use crate::hash::Hash;

fn leaf(place: u64) -> Hash {
    crate::hash::hash("leaf", &[&place.to_le_bytes()])
}

fn row(range: core::ops::Range<u64>) -> Tree {
    let mut tree = Tree::starting_at(range.start);
    range.for_each(|place| tree.push(leaf(place)));
    tree
}

fn same(left: &Tree, right: &Tree) -> bool {
    left.parts() == right.parts() && left.leaves() == right.leaves()
}

#[test]
fn two_trees_in_a_row_are_the_tree_of_both_wherever_the_cut_is() {
    for end in 0..=34 {
        for middle in 0..=end {
            let mut tree = row(0..middle);
            tree.append(&row(middle..end)).unwrap();
            assert!(same(&tree, &row(0..end)), "0..{middle}..{end}");
            assert_eq!(tree.root(end, 64), row(0..end).root(end, 64));
        }
    }
}

#[test]
fn trees_that_begin_anywhere_join_to_the_subtrees_of_the_whole() {
    for first in 0..=17 {
        for middle in first..=18 {
            for end in middle..=21 {
                let mut tree = row(first..middle);
                tree.append(&row(middle..end)).unwrap();
                assert!(same(&tree, &row(first..end)), "{first}..{middle}..{end}");
            }
        }
    }
}

#[test]
fn any_number_of_parts_appended_in_order_gives_the_root_of_the_whole() {
    let whole = row(0..100).root(100, 64);
    for size in 1..=100 {
        let mut tree = Tree::default();
        let mut parts = (0..100).step_by(size).map(|start| row(start..(start + size as u64).min(100)));
        parts.by_ref().for_each(|part| tree.append(&part).unwrap());
        assert_eq!(tree.root(100, 64), whole, "parts of {size}");
    }
}

#[test]
fn a_tree_that_begins_elsewhere_is_not_appended() {
    for (range, other) in [(0..3, 4..5), (0..3, 2..4), (0..3, 0..3), (2..4, 0..2), (2..4, 5..6), (0..0, 1..2)] {
        let mut tree = row(range.clone());
        assert!(tree.append(&row(other.clone())).is_none(), "{range:?} {other:?}");
        assert!(same(&tree, &row(range)), "nothing has changed");
    }
}

/// Section 12.1: the roots of the largest subtrees of the vector's tree that lie in the range.
#[test]
fn the_parts_of_a_range_are_its_largest_aligned_subtrees() {
    for first in 0..=20_u64 {
        for end in first..=40 {
            let mut sizes = Vec::new();
            let mut start = first;
            while start < end {
                let fits = |size: &u64| start.is_multiple_of(*size) && start + size <= end;
                let size = (0..7).rev().map(|e| 1 << e).find(fits).unwrap();
                sizes.push(size);
                start += size;
            }
            let tree = row(first..end);
            let (from, parts) = tree.parts();
            assert_eq!(from, first);
            assert!(parts.iter().map(|(size, _)| *size).eq(sizes), "{first}..{end}");
        }
    }
}

#[test]
fn a_tree_comes_back_from_its_parts() {
    for first in 0..=9 {
        for end in first..=30 {
            let tree = row(first..end);
            let (first, parts) = tree.parts();
            assert!(same(&Tree::from_parts(first, parts).unwrap(), &tree));
        }
    }
}

#[test]
fn parts_that_are_no_subtrees_are_refused() {
    let top = 1_u64 << 63;
    let cases: [(u64, &[u64]); 13] = [
        (0, &[0]),
        (0, &[3]),
        (0, &[1, 2]),
        (1, &[2]),
        (2, &[4]),
        (2, &[2, 8]),
        (6, &[1, 2]),
        (0, &[u64::MAX]),
        (top, &[top]),
        (0, &[top, top]),
        (u64::MAX, &[1]),
        (u64::MAX - 1, &[1, 1]),
        (1, &[top]),
    ];
    for (first, sizes) in cases {
        let parts: Vec<_> = sizes.iter().map(|size| (*size, leaf(*size))).collect();
        assert!(Tree::from_parts(first, &parts).is_none(), "{first}: {sizes:?}");
    }
    assert_eq!(Tree::from_parts(0, &[(top, leaf(0))]).unwrap().leaves(), top);
}

/// Two subtrees that would have been joined: `parts` shows the joined form, so a decoder can tell.
#[test]
fn parts_that_should_have_been_joined_do_not_come_back_as_they_were() {
    let parts = [(1, leaf(0)), (1, leaf(1))];
    let tree = Tree::from_parts(0, &parts).unwrap();
    assert!(tree.parts() != (0, &parts));
    assert!(same(&tree, &row(0..2)));
}
