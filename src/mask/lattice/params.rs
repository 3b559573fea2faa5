//! Parameter sets, and how words lie in coefficients (section 11.2).

use crate::{
    error::ParamsError,
    math::{field::Modulus, ring::Ring},
    session::MAX_CLIENTS,
};

/// Words of a coefficient at most.
const MAX_LANES: u32 = 64;

/// The ring of a lattice mask: its degree, modulus and plaintext (docs/protocol.md, section 11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LatticeSet {
    /// `N = 4096`, two primes of 48 bits, 84 bits of plaintext: the cautious set, and the default.
    L96,
    /// `N = 4096`, two primes of 50 bits, 88 bits of plaintext.
    L100,
    /// `N = 4096`, three primes of 36 bits, 96 bits of plaintext: the fewest bytes.
    L108,
    /// `N = 2048`, one prime of 48 bits, 36 bits of plaintext: for short vectors.
    S48,
    /// `N = 8192`, four primes of 40 bits, 148 bits of plaintext.
    L160,
    /// `N = 2048`, one prime of 50 bits, 38 bits of plaintext: for short vectors.
    S50,
    /// `N = 8192`, four primes of 47 bits, 176 bits of plaintext: fewer bytes than the default at the same caution.
    L188,
}

/// A prime, and the smallest `psi` with `psi^N = -1`.
type Prime = (Modulus, u64);

const P48: Modulus = Modulus::new(281_474_976_694_273, 48);
const P50: Modulus = Modulus::new(1_125_899_906_826_241, 50);

static L96: [Prime; 2] = [(P48, 36_835_623_151), (Modulus::new(281_474_976_636_929, 48), 27_158_770_669)];
static L100: [Prime; 2] =
    [(Modulus::new(1_125_899_906_826_241, 50), 46_909_545_429), (Modulus::new(1_125_899_906_629_633, 50), 12_064_401_162)];
static L108: [Prime; 3] = [
    (Modulus::new(68_719_403_009, 36), 24_250_113),
    (Modulus::new(68_719_230_977, 36), 29_008_497),
    (Modulus::new(68_719_206_401, 36), 2_000_871),
];
static S48: [Prime; 1] = [(P48, 97_960_004_291)];
static L160: [Prime; 4] = [
    (Modulus::new(1_099_511_480_321, 40), 30_370_987),
    (Modulus::new(1_099_510_890_497, 40), 5_405_730),
    (Modulus::new(1_099_510_824_961, 40), 38_269_060),
    (Modulus::new(1_099_510_054_913, 40), 27_512_678),
];

static S50: [Prime; 1] = [(P50, 1_080_667_890_455)];
static L188: [Prime; 4] = [
    (Modulus::new(140_737_488_273_409, 47), 38_009_007_697),
    (Modulus::new(140_737_488_125_953, 47), 31_782_863_940),
    (Modulus::new(140_737_488_044_033, 47), 8_472_660_658),
    (Modulus::new(140_737_487_306_753, 47), 27_818_875_998),
];

impl LatticeSet {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [Self::L96, Self::L100, Self::L108, Self::S48, Self::L160, Self::S50, Self::L188];

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

    /// `log2 N`.
    pub(crate) fn log_len(self) -> u32 {
        match self {
            Self::S48 | Self::S50 => 11,
            Self::L96 | Self::L100 | Self::L108 => 12,
            Self::L160 | Self::L188 => 13,
        }
    }

    /// `N`.
    pub(crate) fn len(self) -> usize {
        1 << self.log_len()
    }

    pub(crate) fn primes(self) -> &'static [Prime] {
        match self {
            Self::L96 => &L96,
            Self::L100 => &L100,
            Self::L108 => &L108,
            Self::S48 => &S48,
            Self::L160 => &L160,
            Self::S50 => &S50,
            Self::L188 => &L188,
        }
    }

    pub(crate) fn moduli(self) -> impl ExactSizeIterator<Item = Modulus> + Clone {
        self.primes().iter().map(|(modulus, _)| *modulus)
    }

    #[cfg(feature = "hazmat")]
    pub(crate) fn first_prime(self) -> Prime {
        match self.primes() {
            [first, ..] => *first,
            [] => (P48, 0),
        }
    }

    /// Bits of every prime.
    pub(crate) fn prime_bits(self) -> u32 {
        self.moduli().map(Modulus::bits).next().unwrap_or(0)
    }

    /// Bits of `Q` at most.
    pub(crate) fn modulus_bits(self) -> u32 {
        self.moduli().map(Modulus::bits).sum()
    }

    /// The ring in whose words residues go on the wire.
    pub(crate) fn wire_ring(self) -> Ring {
        u8::try_from(self.prime_bits()).ok().and_then(Ring::new).unwrap_or(Ring::WIDEST)
    }

    /// `T`, bits of plaintext in a coefficient: what errors of so many clients leave.
    pub(crate) fn plain_bits(self, clients: u32) -> u32 {
        let all = match self {
            Self::L96 => 84,
            Self::L100 => 88,
            Self::L108 => 96,
            Self::S48 => 36,
            Self::L160 => 148,
            Self::S50 => 38,
            Self::L188 => 176,
        };
        match clients {
            0..=512 => all,
            513..=2048 => all - 1,
            _ => all - 2,
        }
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
        let n = u32::try_from(clients).ok().filter(|n| (2..=MAX_CLIENTS).contains(&clients) && *n > 0).ok_or_else(roster)?;
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
        let part = |coefficients| self.set.wire_ring().packed_len(coefficients).saturating_mul(self.set.primes().len() as u64);
        let (blocks, rest) = (words / self.block_len(), words % self.block_len());
        part(self.set.len() as u64).saturating_mul(blocks).saturating_add(part(rest.div_ceil(u64::from(self.lanes))))
    }
}
