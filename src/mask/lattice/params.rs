//! The primes of the parameter sets, with their roots (section 11.2).

use crate::math::{field::Modulus, ring::Ring};
pub(crate) use crate::session::{Geometry, LatticeSet};

/// A prime, and the smallest `psi` with `psi^N = -1`.
type Prime = (Modulus, u64);

const P48: Modulus = Modulus::new(281_474_976_694_273, 48);
const P50: Modulus = Modulus::new(1_125_899_906_826_241, 50);

static L96: [Prime; 2] = [(P48, 36_835_623_151), (Modulus::new(281_474_976_636_929, 48), 27_158_770_669)];
static L100: [Prime; 2] = [(P50, 46_909_545_429), (Modulus::new(1_125_899_906_629_633, 50), 12_064_401_162)];
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

    /// The ring in whose words residues go on the wire.
    pub(crate) fn wire_ring(self) -> Ring {
        u8::try_from(self.prime_bits()).ok().and_then(Ring::new).unwrap_or(Ring::WIDEST)
    }
}
