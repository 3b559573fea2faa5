//! Masking back ends: from seeds to mask words, for any range of positions (section 11).
//!
//! The data plane knows of a back end only its alignment, the wire length of a range, and the operations of [`Masks`] and
//! [`Accumulator`].

mod accumulator;
pub(crate) mod lattice;
mod layout;
pub(crate) mod pairwise;
mod seeds;

pub(crate) use accumulator::{Accumulator, TOGETHER};
pub use layout::Layout;
pub(crate) use seeds::Seeds;

use alloc::boxed::Box;

use crate::{
    crypto::secret::Secret,
    error::{Error, InputError},
    math::ring::Word,
    session::SessionId,
};

/// The signed sum of the masks of some seeds.
#[derive(Debug)]
pub(crate) enum Masks {
    Pairwise(pairwise::Masks),
    Lattice(Box<lattice::Masks>),
}

/// What a thread keeps from one call to the next.
#[derive(Debug)]
pub(crate) enum Worker {
    Pairwise(Option<pairwise::BlockKeys>),
    Lattice(Box<lattice::Kernels>),
}

impl Masks {
    /// No seed yet, and room for as many as will come: growing would leave secrets behind.
    pub(crate) fn with_capacity(session: SessionId, layout: &Layout, seeds: usize) -> Self {
        match layout.geometry() {
            None => Self::Pairwise(pairwise::Masks::with_capacity(session, seeds)),
            Some(geometry) => {
                Self::Lattice(Box::new(lattice::Masks::with_capacity(session, geometry, layout.vector_len(), seeds)))
            }
        }
    }

    /// Adds the masks of `seed` to the sum, or subtracts them.
    pub(crate) fn push(&mut self, seed: &Secret<32>, negative: bool) {
        match self {
            Self::Pairwise(masks) => masks.push(seed, negative),
            Self::Lattice(masks) => masks.push(seed, negative),
        }
    }

    /// For masks that a sum is read with: adds what is to be added to the sum so that it is plain. Lattice masks are subtracted when they
    /// are read.
    pub(crate) fn push_to_unmask(&mut self, seed: &Secret<32>, negative: bool) {
        let subtracts = matches!(self, Self::Lattice(_));
        self.push(seed, negative != subtracts);
    }

    /// Gives the secret that errors come from, where there are any.
    pub(crate) fn set_error_seed(&mut self, seed: &Secret<32>) {
        if let Self::Lattice(masks) = self {
            masks.set_error_seed(seed);
        }
    }

    pub(crate) fn worker(&self) -> Worker {
        match self {
            Self::Pairwise(_) => Worker::Pairwise(None),
            Self::Lattice(masks) => Worker::Lattice(Box::new(masks.kernels())),
        }
    }

    /// Masks words at `position ..`, a multiple of the alignment, into `wire`, which has exactly their wire length. The words end at a
    /// multiple of the alignment, or with the vector.
    pub(crate) fn mask<W: Word>(
        &self,
        layout: &Layout,
        position: u64,
        words: &[W],
        worker: &mut Worker,
        wire: &mut [u8],
    ) -> Result<(), Error> {
        match (self, worker) {
            (Self::Pairwise(masks), Worker::Pairwise(keys)) => masks.mask(layout.ring(), position, words, keys, wire),
            (Self::Lattice(masks), Worker::Lattice(kernels)) => masks.mask(layout.ring(), position, words, kernels, wire)?,
            _ => return Err(InputError::WrongState.into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
