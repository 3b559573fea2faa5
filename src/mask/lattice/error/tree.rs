//! The upper halves of the thresholds as a search tree of six levels.

use super::HIGH;

/// Node `h` of level `l`, `2^l <= h < 2^(l+1)`, holds the threshold in the middle of its part of the table; its children are `2h` and
/// `2h + 1`, and the leaves are the numbers of thresholds below, plus 64.
pub(super) static TREE: [u64; 64] = tree();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn tree() -> [u64; 64] {
    let (mut tree, mut node) = ([0; 64], 1);
    while node < tree.len() {
        let level = node.ilog2();
        tree[node] = HIGH[((2 * (node - (1 << level)) + 1) << 5 >> level) - 1];
        node += 1;
    }
    tree
}
