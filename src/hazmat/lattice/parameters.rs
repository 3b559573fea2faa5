//! What the parameter sets and their blocks are (docs/protocol.md, section 11.2 and appendix B).

use alloc::vec::Vec;

use super::Instructions;
use crate::{
    error::{Error, InputError},
    mask::lattice::{Geometry, LatticeSet, Residues, inspect},
    session::SessionId,
};

/// The numbers of a parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LatticeParameters {
    /// The number of the set under hashes.
    pub number: u8,
    /// `N`.
    pub degree: usize,
    /// Bits of each prime.
    pub prime_bits: u32,
    /// The primes.
    pub primes: Vec<u64>,
    /// Of each prime the smallest `psi` with `psi^N = -1`.
    pub roots: Vec<u64>,
}

impl LatticeParameters {
    /// Of a set.
    #[must_use]
    pub fn of(set: LatticeSet) -> Self {
        let (primes, roots) = set.primes().iter().map(|(modulus, root)| (modulus.value(), *root)).unzip();
        Self { number: set.number(), degree: set.len(), prime_bits: set.prime_bits(), primes, roots }
    }

    /// `T` for a roster of this size.
    #[must_use]
    pub fn plain_bits(set: LatticeSet, clients: u32) -> u32 {
        set.plain_bits(clients)
    }
}

/// How words lie in the coefficients of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatticeGeometry(pub(super) Geometry);

impl LatticeGeometry {
    /// For sums of `clients` words, each at most `max_abs` in absolute value.
    ///
    /// # Errors
    /// [`Error::Params`] if the set can not hold such sums.
    pub fn new(set: LatticeSet, clients: usize, max_abs: u64) -> Result<Self, Error> {
        Ok(Self(Geometry::new(set, clients, max_abs)?))
    }

    /// `T`.
    #[must_use]
    pub fn plain_bits(self) -> u32 {
        self.0.plain_bits()
    }

    /// `w`, bits of a lane.
    #[must_use]
    pub fn lane_bits(self) -> u32 {
        self.0.word_bits()
    }

    /// Words in a coefficient.
    #[must_use]
    pub fn lanes(self) -> usize {
        self.0.lanes()
    }

    /// Words in a block.
    #[must_use]
    pub fn block_len(self) -> u64 {
        self.0.block_len()
    }

    /// Coefficients of so many words from the beginning of a block on.
    #[must_use]
    pub fn coefficients(self, words: u64) -> u64 {
        self.0.coefficients(words)
    }

    /// Bytes on the wire of so many words from the beginning of a block on.
    #[must_use]
    pub fn wire_len(self, words: u64) -> u64 {
        self.0.wire_len(words)
    }

    /// The sum of masked vectors of so many words, as partial sums are sent (section 12.1).
    ///
    /// # Errors
    /// [`Error::Decode`] if one has another length; [`Error::Environment`] if there is no memory.
    pub fn partial_sum(self, words: u64, wires: &[&[u8]]) -> Result<Vec<u8>, Error> {
        let (mut sums, mut packed) = (Residues::new(self.0, words)?, Vec::new());
        let len = usize::try_from(words).map_err(|_| InputError::Length { expected: 0, got: words })?;
        sums.add_wires(0..len, wires).map_err(|(_, e)| e)?;
        sums.pack(&mut packed);
        Ok(packed)
    }
}

/// The slots of the public polynomial of a block of a vector, prime by prime.
#[must_use]
pub fn public_slots(set: LatticeSet, session: SessionId, block: u64) -> Vec<Vec<u64>> {
    inspect::public_slots(set, session, block)
}

/// The errors that pairs of integers `z`, `z'` give (appendix B).
#[must_use]
pub fn lattice_errors(instructions: Instructions, first: &[u64], second: &[u64]) -> Vec<i64> {
    inspect::errors(instructions.isa(), first, second)
}
