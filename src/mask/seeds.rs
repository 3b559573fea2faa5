//! Seeds that masks are made from.

use alloc::vec::Vec;
use core::fmt;

use super::{Layout, Masks};
use crate::{crypto::secret::Secret, session::SessionId};

/// Seeds, each with its sign.
pub(crate) struct Seeds(Vec<(Secret<32>, bool)>);

impl Seeds {
    /// No seed yet, and room for as many as will come.
    pub(crate) fn with_capacity(seeds: usize) -> Self {
        Self(Vec::with_capacity(seeds))
    }

    /// `PRG(seed)` is added, or subtracted.
    pub(crate) fn push(&mut self, seed: Secret<32>, negative: bool) {
        self.0.push((seed, negative));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Secret<32>, bool)> {
        self.0.iter()
    }

    /// The same seeds once more: for the plan of another shard.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.iter().map(|(seed, negative)| (seed.duplicate(), *negative)).collect())
    }

    pub(crate) fn to_masks(&self, session: SessionId, layout: &Layout) -> Masks {
        let mut masks = Masks::with_capacity(session, layout, self.len());
        self.iter().for_each(|(seed, negative)| masks.push_to_unmask(seed, *negative));
        masks
    }
}

impl fmt::Debug for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seeds({})", self.len())
    }
}
