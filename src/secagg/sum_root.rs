//! The root of the words of a sum (section 12), for whoever has the words.

use alloc::vec::Vec;
use core::fmt;

use super::upload::ChunkTree;
use crate::{
    error::{Error, InputError},
    mask::Layout,
    math::ring::Word,
    session::Session,
};

/// What a server signs for a sum: computed from its words, given in order in pieces of any size (section 12).
///
/// An auditor compares it with [`crate::audit::Report::sum_root`], to know that the words that it was given are the sum that was checked.
/// A client has [`crate::secagg::client::SumCheck`], which checks the server's announcement too.
pub struct SumRoot {
    layout: Layout,
    tree: ChunkTree,
    given: u64,
    /// Words that do not fill a packed group yet.
    pending: Vec<u64>,
}

impl SumRoot {
    /// Of a sum of this session, none of whose words are given yet.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        // A sum is packed as if inputs were masked in pairs, however they were.
        let layout = Layout::new(session).plain();
        Self { layout, tree: ChunkTree::new(layout), given: 0, pending: Vec::new() }
    }

    /// More words of the sum. A refusal takes none of them.
    ///
    /// # Errors
    /// [`InputError::TooManyWords`] if there are; [`InputError::WordOutOfRange`] if one is not below `2^modulus_bits`;
    /// [`InputError::WordWidth`] if they are `u32` for a modulus above 2^32.
    pub fn update<W: Word>(&mut self, words: &[W]) -> Result<(), Error> {
        let (given, expected) = (words.len() as u64, self.missing());
        if given > expected {
            return Err(InputError::TooManyWords { expected, given }.into());
        }
        if W::BITS < self.layout.ring().bits() {
            return Err(InputError::WordWidth(self.layout.ring().bits()).into());
        }
        self.layout.ring().check(words, None, self.given)?;
        words.chunks(1 << 16).for_each(|piece| self.take(piece));
        Ok(())
    }

    fn take<W: Word>(&mut self, words: &[W]) {
        self.given += words.len() as u64;
        self.pending.extend(words.iter().map(|word| word.to_u64()));
        let alignment = usize::try_from(self.layout.alignment()).unwrap_or(1);
        let end = self.missing() == 0;
        let ready = if end { self.pending.len() } else { self.pending.len() / alignment * alignment };
        let rest = self.pending.split_off(ready);
        let mut wire = Vec::new();
        self.layout.ring().pack(&self.pending, &mut wire);
        self.tree.update(&wire);
        self.pending = rest;
    }

    /// Words that have still to come.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.layout.vector_len() - self.given
    }

    /// The root, when all words are given.
    ///
    /// # Errors
    /// [`InputError::Incomplete`] if some are not.
    pub fn finish(self) -> Result<[u8; 32], Error> {
        match self.missing() {
            0 => Ok(self.tree.root()),
            missing => Err(InputError::Incomplete { missing }.into()),
        }
    }
}

impl fmt::Debug for SumRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SumRoot").field("given", &self.given).finish_non_exhaustive()
    }
}
