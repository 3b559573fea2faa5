//! The Merkle root of a vector's chunks, computed as they stream by, in one piece or in several (section 12).

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    hash::{Hash, Hasher, hash},
    label,
};

/// The leaf of one whole chunk.
pub(crate) fn leaf(index: u64, bytes: &[u8]) -> Hash {
    let mut hasher = Tree::starting_at(index).leaf(bytes.len() as u64);
    hasher.continue_part(bytes);
    hasher.finish()
}

/// `H("root"; ..)` over the top of a tree.
pub(crate) fn root(vector_len: u64, chunk_len: u32, top: &Hash) -> Hash {
    hash(label::hash::ROOT, &[&vector_len.to_le_bytes(), &chunk_len.to_le_bytes(), top])
}

/// The subtrees beside the way from leaf `index` of `leaves` to the top, from the leaf up (RFC 6962, section 2.1.1).
pub(crate) fn siblings(index: u64, leaves: u64) -> Vec<Range<u64>> {
    let (mut within, mut beside) = (0..leaves, Vec::new());
    while within.end - within.start > 1 {
        let middle = within.start + (within.end - within.start).next_power_of_two() / 2;
        let (left, right) = (within.start..middle, middle..within.end);
        (within, beside) =
            if index < middle { (left, [&[right], &beside[..]].concat()) } else { (right, [&[left], &beside[..]].concat()) };
    }
    beside
}

/// The top of a tree of `leaves` from one leaf and its path; `None` if the path has another length.
pub(crate) fn climb(index: u64, leaves: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    let siblings = siblings(index, leaves);
    let join = |top: Hash, (range, other): (&Range<u64>, &Hash)| {
        let pair = if range.start > index { [&top[..], other] } else { [&other[..], &top] };
        hash(label::hash::NODE, &pair)
    };
    (siblings.len() == path.len()).then(|| siblings.iter().zip(path).fold(leaf, join))
}

/// Collects the path of one leaf while all leaves go by, in order.
#[derive(Clone, Debug)]
pub(crate) struct Path(Vec<(Range<u64>, Tree)>);

impl Path {
    pub(crate) fn of(index: u64, leaves: u64) -> Self {
        Self(siblings(index, leaves).into_iter().map(|range| (range.clone(), Tree::starting_at(range.start))).collect())
    }

    pub(crate) fn push(&mut self, index: u64, leaf: Hash) {
        self.0.iter_mut().filter(|(range, _)| range.contains(&index)).for_each(|(_, tree)| tree.push(leaf));
    }

    pub(crate) fn hashes(&self) -> impl Iterator<Item = Hash> + '_ {
        self.0.iter().map(|(_, tree)| tree.top())
    }
}

/// The leaves of a range of chunks, in order; keeps a few hashes for each level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// Sizes and roots of subtrees, from left to right. Each begins at a multiple of its size.
    complete: Vec<(u64, Hash)>,
    first: u64,
    next: u64,
}

impl Tree {
    /// Leaves from number `first` on.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self { complete: Vec::new(), first, next: first }
    }

    /// A hasher for the next leaf, whose chunk has `len` bytes; finish it and [`Tree::push`] it.
    pub(crate) fn leaf(&self, len: u64) -> Hasher {
        let mut hasher = Hasher::new(label::hash::LEAF);
        hasher.part(&self.next.to_le_bytes());
        hasher.begin_part(len);
        hasher
    }

    pub(crate) fn push(&mut self, leaf: Hash) {
        self.push_subtree(1, leaf);
    }

    /// Appends the leaves that follow; `None` if `right` begins elsewhere.
    pub(crate) fn append(&mut self, right: &Self) -> Option<()> {
        if right.first != self.next {
            return None;
        }
        right.complete.iter().for_each(|(size, root)| self.push_subtree(*size, *root));
        Some(())
    }

    /// The number of the next leaf.
    pub(crate) fn leaves(&self) -> u64 {
        self.next
    }

    /// The subtrees, for [`Tree::from_parts`].
    pub(crate) fn parts(&self) -> (u64, &[(u64, Hash)]) {
        (self.first, &self.complete)
    }

    /// The tree of subtrees from left to right.
    pub(crate) fn from_parts(first: u64, parts: &[(u64, Hash)]) -> Option<Self> {
        let mut tree = Self::starting_at(first);
        for (size, root) in parts {
            let aligned = size.is_power_of_two() && tree.next.is_multiple_of(*size);
            tree.next.checked_add(*size).filter(|_| aligned)?;
            tree.push_subtree(*size, *root);
        }
        Some(tree)
    }

    /// `H("root"; ..)` over everything pushed, from leaf 0 on.
    pub(crate) fn root(&self, vector_len: u64, chunk_len: u32) -> Hash {
        root(vector_len, chunk_len, &self.top())
    }

    /// The top of the tree over everything pushed.
    pub(crate) fn top(&self) -> Hash {
        let join = |right: Hash, (_, left): &(u64, Hash)| hash(label::hash::NODE, &[left, &right]);
        match self.complete.split_last() {
            Some(((_, last), rest)) => rest.iter().rev().fold(*last, join),
            None => [0; 32],
        }
    }

    fn push_subtree(&mut self, size: u64, root: Hash) {
        let (mut start, mut size, mut top) = (self.next, size, root);
        self.next += size;
        // Two neighbors of one size make a subtree of the whole only if the left one begins at a multiple of twice that size.
        let joins = |left: u64, start: u64, size: u64| left == size && (start - left).is_multiple_of(2 * left);
        while let Some((left_size, left)) = self.complete.pop_if(|(left, _)| joins(*left, start, size)) {
            top = hash(label::hash::NODE, &[&left, &top]);
            (start, size) = (start - left_size, 2 * size);
        }
        self.complete.push((size, top));
    }
}

#[cfg(test)]
mod tests;
