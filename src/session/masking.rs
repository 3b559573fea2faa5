//! How inputs are masked, and for lattice masks how words lie in coefficients (sections 11.1 and 11.2).

use super::MAX_CLIENTS;
use crate::error::ParamsError;

/// How a session's inputs are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Masking {
    /// One keystream for each neighbor over the whole vector (section 11.1). Words are masked modulo `2^modulus_bits`, and any bound will do.
    Pairwise,
    /// One short key for all neighbors, expanded once over the vector (section 11.2). Only with [`super::Bound::Exact`].
    Lattice(LatticeSet),
}

/// The ring of a lattice mask: its degree, modulus and plaintext (section 11.2; `docs/estimates/README.md` says what each is worth).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LatticeSet {
    /// `N = 4096`, two primes of 48 bits, 84 bits of plaintext: the cautious set, and the default.
    L96,
    /// `N = 4096`, two primes of 50 bits, 88 bits of plaintext.
    L100,
    /// `N = 4096`, three primes of 36 bits, 96 bits of plaintext. The weakest: taken by name only.
    L108,
    /// `N = 2048`, one prime of 48 bits, 36 bits of plaintext: for short vectors.
    S48,
    /// `N = 8192`, four primes of 40 bits, 148 bits of plaintext.
    L160,
    /// `N = 2048`, one prime of 50 bits, 38 bits of plaintext: for short vectors.
    S50,
    /// `N = 8192`, four primes of 47 bits, 176 bits of plaintext.
    L188,
}

/// `(log2 N, primes, bits of a prime, bits of plaintext for up to 512 clients)`.
type Size = (u32, u32, u32, u32);

const PAIRWISE: u8 = 0x01;
/// Words of a coefficient at most.
const MAX_LANES: u32 = 64;

/// From so many clients on, and for vectors at least so long, lattice masks cost less than pairwise ones (`benches/crossover.rs`).
const FROM_CLIENTS: usize = 16;
const FROM_WORDS: u64 = 1 << 15;

impl Masking {
    /// What costs less for so many clients, words of the vector and bits of a word (`modulus_bits`), if the bound is exact: pairwise masks
    /// below 16 clients or 2^15 words, else lattice masks of [`LatticeSet::recommended`].
    ///
    /// From 16 clients on a client and, with drop-outs, the server are faster with lattice masks: at 195 clients a client 10 times with 2^20
    /// words, the server 40 times, and 150 times with 10^7 words. Their uploads are 7 to 35 percent longer. `benches/README.md` has the chart and the table.
    ///
    /// # Security
    /// This compares cost. Lattice masks rest on RLWE, at the level of ML-KEM-512 and without the X25519 half: take
    /// [`Masking::Pairwise`] where traffic must stay secret whatever becomes of lattices.
    #[must_use]
    pub fn recommended(clients: usize, vector_len: u64, word_bits: u8) -> Self {
        if clients < FROM_CLIENTS || vector_len < FROM_WORDS {
            return Self::Pairwise;
        }
        LatticeSet::recommended(clients, vector_len, word_bits).map_or(Self::Pairwise, Self::Lattice)
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Pairwise => PAIRWISE,
            Self::Lattice(set) => set.code(),
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        if code == PAIRWISE { Some(Self::Pairwise) } else { LatticeSet::from_code(code).map(Self::Lattice) }
    }
}

impl LatticeSet {
    /// All sets.
    pub const ALL: [Self; 7] = [Self::L96, Self::L100, Self::L108, Self::S48, Self::L160, Self::S50, Self::L188];

    /// The sets at the level of ML-KEM-512 by every measure of `docs/estimates`, the fastest first.
    const CAUTIOUS: [Self; 4] = [Self::L96, Self::L188, Self::S48, Self::L160];

    /// The set with the least bytes for so many clients, words of the vector and bits of a word (`modulus_bits`); of several the fastest.
    /// Only sets that `docs/estimates` calls cautious are chosen; the others are there to be named. `None` if no sum fits.
    #[must_use]
    pub fn recommended(clients: usize, vector_len: u64, word_bits: u8) -> Option<Self> {
        let holds = 1_u64.checked_shl(u32::from(word_bits.checked_sub(1)?))? - 1;
        let max_abs = holds.checked_div(clients as u64)?;
        let bytes = |set: Self| Some((Geometry::new(set, clients, max_abs).ok()?.wire_len(vector_len), set));
        Self::CAUTIOUS.into_iter().filter_map(bytes).min_by_key(|(bytes, _)| *bytes).map(|(_, set)| set)
    }

    /// The number of the set in a descriptor: the masking, `0x10 + set`.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::L96 => 0x11,
            Self::L100 => 0x12,
            Self::L108 => 0x13,
            Self::S48 => 0x14,
            Self::L160 => 0x15,
            Self::S50 => 0x16,
            Self::L188 => 0x17,
        }
    }

    /// The inverse of [`LatticeSet::code`].
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.code() == code)
    }

    /// The number of the set under hashes.
    pub(crate) fn number(self) -> u8 {
        self.code() & 0x0f
    }

    fn size(self) -> Size {
        match self {
            Self::L96 => (12, 2, 48, 84),
            Self::L100 => (12, 2, 50, 88),
            Self::L108 => (12, 3, 36, 96),
            Self::S48 => (11, 1, 48, 36),
            Self::L160 => (13, 4, 40, 148),
            Self::S50 => (11, 1, 50, 38),
            Self::L188 => (13, 4, 47, 176),
        }
    }

    /// `log2 N`.
    pub(crate) fn log_len(self) -> u32 {
        self.size().0
    }

    /// `N`.
    pub(crate) fn len(self) -> usize {
        1 << self.log_len()
    }

    /// Bits of every prime.
    pub(crate) fn prime_bits(self) -> u32 {
        self.size().2
    }

    pub(crate) fn prime_count(self) -> u32 {
        self.size().1
    }

    /// Bits of `Q` at most.
    pub(crate) fn modulus_bits(self) -> u32 {
        self.prime_count() * self.prime_bits()
    }

    /// `T`, bits of plaintext in a coefficient: what errors of so many clients leave.
    pub(crate) fn plain_bits(self, clients: u32) -> u32 {
        let margin = match clients {
            0..=512 => 0,
            513..=2048 => 1,
            _ => 2,
        };
        self.size().3 - margin
    }
}

/// How the words of a session lie in coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    set: LatticeSet,
    clients: u32,
    max_abs: u64,
    lane_bits: u32,
    lanes: u32,
}

impl Geometry {
    /// For sums of up to `clients` words, each at most `max_abs` in absolute value.
    ///
    /// # Errors
    /// [`ParamsError::RosterSize`], [`ParamsError::Bound`]; [`ParamsError::LatticeWidth`] if a sum does not fit into a coefficient, or
    /// into 64 bits.
    pub(crate) fn new(set: LatticeSet, clients: usize, max_abs: u64) -> Result<Self, ParamsError> {
        let roster = || ParamsError::RosterSize { n: clients };
        let n = u32::try_from(clients).ok().filter(|_| (2..=MAX_CLIENTS).contains(&clients)).ok_or_else(roster)?;
        if max_abs == 0 {
            return Err(ParamsError::Bound);
        }
        let largest = 2 * u128::from(n) * u128::from(max_abs);
        let need = u128::BITS - largest.leading_zeros();
        let holds = set.plain_bits(n).min(u64::BITS);
        if need > holds {
            return Err(ParamsError::LatticeWidth { clients: n, max_abs, need, holds });
        }
        let lanes = (set.plain_bits(n) / need).min(MAX_LANES);
        Ok(Self { set, clients: n, max_abs, lane_bits: need, lanes })
    }

    pub(crate) fn set(self) -> LatticeSet {
        self.set
    }

    pub(crate) fn max_abs(self) -> u64 {
        self.max_abs
    }

    /// `T`.
    pub(crate) fn plain_bits(self) -> u32 {
        self.set.plain_bits(self.clients)
    }

    /// `w`, bits of a lane.
    pub(crate) fn word_bits(self) -> u32 {
        self.lane_bits
    }

    /// Words in a coefficient.
    pub(crate) fn lanes(self) -> usize {
        self.lanes as usize
    }

    /// Words in a full block.
    pub(crate) fn block_len(self) -> u64 {
        (self.set.len() as u64) * u64::from(self.lanes)
    }

    /// Coefficients of a range of words that begins where a block begins.
    pub(crate) fn coefficients(self, words: u64) -> u64 {
        let (blocks, rest) = (words / self.block_len(), words % self.block_len());
        blocks.saturating_mul(self.set.len() as u64).saturating_add(rest.div_ceil(u64::from(self.lanes)))
    }

    /// Bytes on the wire of a range of words that begins where a block begins.
    pub(crate) fn wire_len(self, words: u64) -> u64 {
        let bits = u64::from(self.set.prime_bits());
        let part =
            |coefficients: u64| coefficients.saturating_mul(bits).div_ceil(8).saturating_mul(self.set.prime_count().into());
        let (blocks, rest) = (words / self.block_len(), words % self.block_len());
        part(self.set.len() as u64).saturating_mul(blocks).saturating_add(part(rest.div_ceil(u64::from(self.lanes))))
    }
}

#[cfg(test)]
mod tests;
