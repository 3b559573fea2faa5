//! The Merkle root of a vector's chunks, computed as they stream by (section 12).

use alloc::vec::Vec;

use crate::{
    hash::{Hash, Hasher, hash},
    label,
};

/// Builds a root from leaves in order; keeps one hash for each level.
#[derive(Clone, Default)]
pub(crate) struct Tree {
    /// Roots of complete subtrees with their sizes, largest first.
    complete: Vec<(u64, Hash)>,
    leaves: u64,
}

impl Tree {
    /// A hasher for the next leaf, whose chunk has `len` bytes; finish it and [`Tree::push`] it.
    pub(crate) fn leaf(&self, len: u64) -> Hasher {
        let mut hasher = Hasher::new(label::hash::LEAF);
        hasher.part(&self.leaves.to_le_bytes());
        hasher.begin_part(len);
        hasher
    }

    pub(crate) fn push(&mut self, leaf: Hash) {
        self.leaves += 1;
        let (mut size, mut top) = (1, leaf);
        while let Some((left_size, left)) = self.complete.pop_if(|(left_size, _)| *left_size == size) {
            top = hash(label::hash::NODE, &[&left, &top]);
            size += left_size;
        }
        self.complete.push((size, top));
    }

    /// Leaves so far.
    pub(crate) fn leaves(&self) -> u64 {
        self.leaves
    }

    /// `H("root"; ..)` over everything pushed.
    pub(crate) fn root(&self, vector_len: u64, chunk_len: u32) -> Hash {
        let join = |right: Hash, (_, left): &(u64, Hash)| hash(label::hash::NODE, &[left, &right]);
        let top = match self.complete.split_last() {
            Some(((_, last), rest)) => rest.iter().rev().fold(*last, join),
            None => [0; 32],
        };
        hash(label::hash::ROOT, &[&vector_len.to_le_bytes(), &chunk_len.to_le_bytes(), &top])
    }
}
