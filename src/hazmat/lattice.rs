//! One block of a lattice mask at a time, and its parts.

mod parameters;

use alloc::{vec, vec::Vec};
use core::fmt;

use super::Secret;
use crate::{
    crypto::kdf::Kdf,
    error::{Error, InputError},
    mask::lattice::{EpochKey, ErrorSource, Geometry, Kernel, LatticeSet, add_blocks, epoch, inspect},
    math::{
        field::Modulus,
        isa::Isa,
        ntt::Table,
        ring::{Ring, Word},
    },
    session::SessionId,
};

pub use parameters::{LatticeGeometry, LatticeParameters, lattice_errors, public_slots};

/// The instructions that a lattice kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Instructions {
    /// 64-bit integers, and nothing else.
    Portable,
    /// AVX2 and fused multiply-add.
    Fma,
    /// AVX-512 with multiply-add of 52-bit integers.
    Ifma,
}

impl Instructions {
    /// Those that this machine has.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let all = Isa::available().map(|isa| match isa {
            Isa::Portable => Self::Portable,
            Isa::Fma => Self::Fma,
            Isa::Ifma => Self::Ifma,
        });
        all.collect()
    }

    fn isa(self) -> Isa {
        match self {
            Self::Portable => Isa::Portable,
            Self::Fma => Isa::Fma,
            Self::Ifma => Isa::Ifma,
        }
    }
}

/// The lattice mask of a vector, block by block (docs/protocol.md, section 11.2).
pub struct LatticeMask {
    session: SessionId,
    geometry: Geometry,
    ring: Ring,
    kernel: Kernel,
    errors: ErrorSource,
    key: EpochKey,
}

impl LatticeMask {
    /// For sums of `clients` words of `ring`, each at most `max_abs` in absolute value. The key is that of no seed: zero.
    ///
    /// # Errors
    /// [`Error::Params`] if the set can not hold such sums.
    pub fn new(
        set: LatticeSet,
        session: SessionId,
        clients: usize,
        ring: Ring,
        max_abs: u64,
        instructions: Instructions,
    ) -> Result<Self, Error> {
        Ok(Self {
            session,
            geometry: Geometry::new(set, clients, max_abs)?,
            ring,
            kernel: Kernel::with_isa(set, instructions.isa()),
            errors: ErrorSource::new(session, &Secret::zero()),
            key: EpochKey::expand(set, core::iter::empty(), 0),
        })
    }

    /// Expands the key of an epoch from seeds, some negative.
    pub fn expand(&mut self, seeds: &[([u8; 32], bool)], epoch: u64) {
        let seeds: Vec<_> = seeds.iter().map(|(seed, negative)| (Kdf::new(self.session, seed), *negative)).collect();
        let terms = seeds.iter().map(|(seed, negative)| (seed, *negative));
        self.key = EpochKey::expand(self.geometry.set(), terms, epoch);
    }

    /// The same for the epoch of a block.
    pub fn expand_for_block(&mut self, seeds: &[([u8; 32], bool)], block: u64) {
        self.expand(seeds, epoch(block));
    }

    /// The slots of the key, prime by prime.
    #[must_use]
    pub fn key_slots(&self) -> Vec<Vec<u64>> {
        inspect::key_slots(self.geometry.set(), &self.key)
    }

    /// How words lie in coefficients.
    #[must_use]
    pub fn geometry(&self) -> LatticeGeometry {
        LatticeGeometry(self.geometry)
    }

    /// The seed of the errors.
    pub fn set_errors(&mut self, mut seed: [u8; 32]) {
        self.errors = ErrorSource::new(self.session, &Secret::take(&mut seed));
    }

    /// Words in a block.
    #[must_use]
    pub fn block_len(&self) -> u64 {
        self.geometry.block_len()
    }

    /// Words in a coefficient.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.geometry.lanes()
    }

    /// Bytes on the wire of so many words.
    #[must_use]
    pub fn wire_len(&self, words: u64) -> u64 {
        self.geometry.wire_len(words)
    }

    /// Sums of residues that a block of so many words needs.
    #[must_use]
    pub fn sums(&self, words: u64) -> u64 {
        self.geometry.coefficients(words).saturating_mul(self.geometry.set().primes().len() as u64)
    }

    /// Masks one block of the present epoch into [`LatticeMask::wire_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Input`]: a word out of range, another length, another epoch.
    pub fn mask<W: Word>(&mut self, block: u64, words: &[W], wire: &mut [u8]) -> Result<(), Error> {
        Ok(self.kernel.mask_block(self.geometry, self.ring, self.session, block, &self.key, &self.errors, words, wire)?)
    }

    /// Adds a block of so many words to its sums.
    ///
    /// # Errors
    /// [`Error::Input`]: another length.
    pub fn add(&self, words: u64, wire: &[u8], sums: &mut [u64]) -> Result<(), Error> {
        let (expected, got) = (self.wire_len(words), wire.len() as u64);
        if expected != got || self.sums(words) != sums.len() as u64 {
            return Err(InputError::Length { expected, got }.into());
        }
        add_blocks(self.geometry, sums, &[wire]);
        Ok(())
    }

    /// Recovers words from sums; the key is the sum of the clients' keys.
    ///
    /// # Errors
    /// [`Error::Round`] if the block is corrupt; [`Error::Input`]: another length, another epoch.
    pub fn unmask<W: Word>(&mut self, block: u64, sums: &[u64], survivors: u32, out: &mut [W]) -> Result<(), Error> {
        Ok(self.kernel.unmask_block(self.geometry, self.ring, self.session, block, &self.key, sums, survivors, out)?)
    }
}

impl fmt::Debug for LatticeMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatticeMask").field("geometry", &self.geometry).finish_non_exhaustive()
    }
}

/// The inverse transform of a prime of a set, after a product with a key.
pub struct InverseTransform {
    table: Table,
    key: Vec<u64>,
    quotients: Vec<u64>,
}

impl InverseTransform {
    /// For the first prime of a set, and a key that is one everywhere.
    #[must_use]
    pub fn new(set: LatticeSet, instructions: Instructions) -> Self {
        Self::modulo(set, set.first_prime(), instructions)
    }

    /// For every prime of a set in turn.
    pub fn of_all(set: LatticeSet, instructions: Instructions) -> impl Iterator<Item = Self> {
        set.primes().iter().map(move |prime| Self::modulo(set, *prime, instructions))
    }

    fn modulo(set: LatticeSet, (modulus, root): (Modulus, u64), instructions: Instructions) -> Self {
        let table = Table::new(instructions.isa(), modulus, root, set.log_len());
        let one = modulus.factor(modulus.inverse(set.len() as u64));
        Self { table, key: vec![one.value; set.len()], quotients: vec![one.quotient; set.len()] }
    }

    /// The number of values.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.key.len()
    }

    /// Takes another key: slots below the prime.
    pub fn set_key(&mut self, slots: &[u64]) {
        let modulus = self.table.modulus();
        let scale = modulus.inverse(self.key.len() as u64);
        for ((key, quotient), slot) in self.key.iter_mut().zip(&mut self.quotients).zip(slots) {
            let factor = modulus.factor(modulus.product(*slot, scale));
            (*key, *quotient) = (factor.value, factor.quotient);
        }
    }

    /// The prime.
    #[must_use]
    pub fn modulus(&self) -> u64 {
        self.table.modulus().value()
    }

    /// Transforms values below the prime to values below twice the prime.
    pub fn apply(&self, values: &mut [u64]) {
        self.table.inverse_of_product(values, &self.key, &self.quotients);
    }
}

impl fmt::Debug for InverseTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InverseTransform").field("modulus", &self.modulus()).finish_non_exhaustive()
    }
}
