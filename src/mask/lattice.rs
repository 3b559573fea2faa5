//! Lattice masks: seeds become one short key for each epoch, and the key is expanded once over the vector (section 11.2).
//!
//! Kernels for one block on one thread. Everything that sees a key, an error or a word runs in constant time: no branch and no index
//! depends on them, save that a word out of range is looked for once there is one.

mod error;
#[cfg(any(test, feature = "hazmat"))]
pub(crate) mod inspect;
mod key;
mod masks;
mod pack;
mod params;
mod public;
mod residues;
mod sums;

use alloc::{sync::Arc, vec, vec::Vec};
use core::fmt;

use zeroize::Zeroize;

pub(crate) use error::ErrorSource;
pub(crate) use key::EpochKey;
pub(crate) use masks::{Kernels, Masks};
pub(crate) use params::{Geometry, LatticeSet};
use public::EPOCH_BLOCKS;
pub(crate) use sums::Residues;
#[cfg(any(test, feature = "hazmat"))]
pub(crate) use sums::add_blocks;

use self::{
    pack::{Plan, Readout},
    public::PublicPolynomial,
};
use crate::{
    error::{Error, InputError, RoundError},
    math::{
        crt::Crt,
        field::{Factor, Modulus},
        isa::{Isa, compiled_for_each_isa},
        ntt::Table,
        ring::{Ring, Word},
    },
    session::SessionId,
};

/// The epoch of a block.
pub(crate) fn epoch(block: u64) -> u64 {
    block / EPOCH_BLOCKS
}

/// A block can not be unmasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnmaskError {
    /// A sum of errors is larger than that of so many honest clients: a wrong key, a wrong sum, or a client that sent no masked block.
    #[error("block {0} is corrupt: its errors are larger than those of honest clients")]
    Corrupt(u64),
    /// The key is of another set or epoch, or a buffer has another length.
    #[error("block {0}: another epoch's key, or another length")]
    Mismatch(u64),
}

impl From<UnmaskError> for Error {
    fn from(error: UnmaskError) -> Self {
        match error {
            UnmaskError::Corrupt(block) => RoundError::CorruptBlock(block).into(),
            UnmaskError::Mismatch(_) => InputError::WrongState.into(),
        }
    }
}

/// Tables of one parameter set, and buffers. They are wiped when it is dropped.
pub(crate) struct Kernel {
    set: LatticeSet,
    isa: Isa,
    tables: Arc<[Table]>,
    crt: Crt,
    polynomial: Vec<u64>,
    limbs: Vec<u64>,
    integers: Vec<u64>,
}

impl Kernel {
    /// For the instruction set of this machine.
    pub(crate) fn new(set: LatticeSet) -> Self {
        Self::with_isa(set, Isa::best())
    }

    /// Another one with the same tables.
    pub(crate) fn fresh(&self) -> Self {
        Self {
            set: self.set,
            isa: self.isa,
            tables: self.tables.clone(),
            crt: self.crt.clone(),
            polynomial: vec![0; self.set.len()],
            limbs: Vec::new(),
            integers: vec![0; self.set.len()],
        }
    }

    /// For a certain instruction set.
    pub(crate) fn with_isa(set: LatticeSet, isa: Isa) -> Self {
        let table = |(modulus, root): &(Modulus, u64)| Table::new(isa, *modulus, *root, set.log_len());
        Self {
            set,
            isa,
            tables: set.primes().iter().map(table).collect(),
            crt: Crt::new(set.moduli()),
            polynomial: vec![0; set.len()],
            limbs: Vec::new(),
            integers: vec![0; set.len()],
        }
    }

    /// Masks the words of one block into `wire`: all of them, or for the last block of a vector those that there are.
    ///
    /// # Errors
    /// [`InputError::WordOutOfRange`] with the position in the vector; [`InputError::Length`] if `wire` has not
    /// [`Geometry::wire_len`] bytes, or there are more words than in a block; [`InputError::WrongState`] if the key is not of this
    /// block's epoch and set. Nothing is written then.
    #[allow(clippy::too_many_arguments, reason = "what a block depends on")]
    pub(crate) fn mask_block<W: Word>(
        &mut self,
        geometry: Geometry,
        ring: Ring,
        session: SessionId,
        block: u64,
        key: &EpochKey,
        errors: &ErrorSource,
        words: &[W],
        wire: &mut [u8],
    ) -> Result<(), InputError> {
        let coefficients = self.check(geometry, block, key, words.len(), wire.len())?;
        let plan = Plan::new(geometry);
        self.make_room(plan.starts().len() * coefficients);
        if !plan.gather(self.isa, ring, geometry.max_abs(), words, coefficients, &mut self.limbs) {
            self.limbs.zeroize();
            ring.check(words, Some(geometry.max_abs()), block.saturating_mul(geometry.block_len()))?;
            return Err(InputError::WrongState);
        }
        let (limb, shift) = plan.error();
        let error_limb = self.limbs.chunks_exact_mut(coefficients.max(1)).nth(limb).unwrap_or_default();
        errors.add_to(
            self.isa,
            block,
            self.set.len(),
            self.integers.get_mut(..coefficients).unwrap_or_default(),
            error_limb,
            shift,
        );
        self.mask_limbs(geometry, &plan, session, block, key, wire);
        Ok(())
    }

    /// Growing would leave secrets behind.
    fn make_room(&mut self, limbs: usize) {
        if limbs > self.limbs.capacity() {
            self.limbs.zeroize();
        }
        self.limbs.resize(limbs, 0);
    }

    /// The number of coefficients, if everything fits together.
    fn check(&self, geometry: Geometry, block: u64, key: &EpochKey, words: usize, bytes: usize) -> Result<usize, InputError> {
        if geometry.set() != self.set || !key.belongs_to(self.set, epoch(block)) {
            return Err(InputError::WrongState);
        }
        let expected = geometry.wire_len((words as u64).min(geometry.block_len()));
        if words as u64 > geometry.block_len() || bytes as u64 != expected {
            return Err(InputError::Length { expected, got: bytes as u64 });
        }
        Ok(words.div_ceil(geometry.lanes()))
    }

    fn mask_limbs(&mut self, geometry: Geometry, plan: &Plan, session: SessionId, block: u64, key: &EpochKey, wire: &mut [u8]) {
        let (coefficients, ring) = (self.limbs.len() / plan.starts().len().max(1), self.set.wire_ring());
        let bytes = usize::try_from(ring.packed_len(coefficients as u64)).unwrap_or(usize::MAX);
        let public = PublicPolynomial::new(self.set, session, block);
        for ((index, table), wire) in self.tables.iter().enumerate().zip(wire.chunks_mut(bytes.max(1))) {
            public.slots(index, &mut self.polynomial);
            let (values, quotients) = key.slots(index);
            table.inverse_of_product(&mut self.polynomial, values, quotients);
            let modulus = table.modulus();
            let masked = self.polynomial.get_mut(..coefficients).unwrap_or_default();
            let power = |bit: u32| modulus.power(2, u64::from(bit));
            let factors: Vec<Factor> = plan.starts().iter().map(|start| modulus.factor(power(*start))).collect();
            let offset = modulus.product(modulus.value() - error::OFFSET, power(geometry.plain_bits()));
            self.isa.add_scaled(modulus, offset, &self.limbs, &factors, masked);
            ring.pack_into(masked, wire);
        }
    }

    /// Recovers the words of one block from the sums of the clients' residues, prime by prime (see [`crate::mask::Accumulator`]), and the sum of
    /// their keys.
    ///
    /// # Errors
    /// [`UnmaskError`]; nothing is written then.
    #[allow(clippy::too_many_arguments, reason = "what a block depends on")]
    pub(crate) fn unmask_block<W: Word>(
        &mut self,
        geometry: Geometry,
        ring: Ring,
        session: SessionId,
        block: u64,
        key: &EpochKey,
        sums: &[u64],
        survivors: u32,
        out: &mut [W],
    ) -> Result<(), UnmaskError> {
        let coefficients = out.len().div_ceil(geometry.lanes());
        let fits = coefficients <= self.set.len() && sums.len() == coefficients * self.tables.len();
        if geometry.set() != self.set || !key.belongs_to(self.set, epoch(block)) || !fits {
            return Err(UnmaskError::Mismatch(block));
        }
        let largest = error::largest_sum(survivors);
        self.subtract_masks(geometry, session, block, key, sums, largest);
        self.isa.lift(&self.crt, &mut self.limbs);
        let errors = self.integers.get_mut(..coefficients).unwrap_or_default();
        let readout = Readout { geometry, ring, survivors };
        let good = readout.scatter(self.isa, &self.limbs, coefficients, largest, errors, out);
        if good { Ok(()) } else { Err(UnmaskError::Corrupt(block)) }
    }

    /// The limbs become `Y - INTT(A K) + t L`, `L` the largest sum of errors, prime by prime.
    fn subtract_masks(&mut self, geometry: Geometry, session: SessionId, block: u64, key: &EpochKey, sums: &[u64], largest: u64) {
        let coefficients = sums.len() / self.tables.len().max(1);
        let public = PublicPolynomial::new(self.set, session, block);
        self.make_room(sums.len());
        let parts = sums.chunks_exact(coefficients.max(1)).zip(self.limbs.chunks_exact_mut(coefficients.max(1)));
        for ((index, table), (sums, out)) in self.tables.iter().enumerate().zip(parts) {
            public.slots(index, &mut self.polynomial);
            let (values, quotients) = key.slots(index);
            table.inverse_of_product(&mut self.polynomial, values, quotients);
            let modulus = table.modulus();
            let offset = modulus.product(modulus.power(2, u64::from(geometry.plain_bits())), largest);
            subtract(self.isa, modulus, offset, sums, &self.polynomial, out);
        }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.polynomial.zeroize();
        self.limbs.zeroize();
        self.integers.zeroize();
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({:?}, {:?})", self.set, self.isa)
    }
}

compiled_for_each_isa! {
    /// `sum - mask + offset mod q`, for `mask` below `2q`.
    fn subtract(modulus: Modulus, offset: u64, sums: &[u64], masks: &[u64], out: &mut [u64]) {
        let offset = offset.wrapping_add(2 * modulus.value());
        for ((out, sum), mask) in out.iter_mut().zip(sums).zip(masks) {
            let lazy = modulus.fold(*sum).wrapping_add(offset).wrapping_sub(*mask);
            *out = modulus.settle(modulus.fold(lazy));
        }
    }
}

#[cfg(test)]
mod tests;
