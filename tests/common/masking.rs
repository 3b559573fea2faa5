//! The two maskings, scenarios that are played with either, and the sizes that depend on it (protocol, sections 11 and 12), written a
//! second time.
#![allow(dead_code, unreachable_pub, unused_imports, unused_macros, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use veilsum::{Bound, LatticeSet, Masking, Session};

/// Lattice masks as scenarios use them: the set with the shortest blocks. For words that it does not hold, [`super::World`] takes [`WIDE`].
pub const LATTICE: Masking = Masking::Lattice(LatticeSet::S48);
pub const WIDE: Masking = Masking::Lattice(LatticeSet::L96);

pub const MASKINGS: [Masking; 2] = [Masking::Pairwise, LATTICE];

/// Makes each scenario, a function of the masking, a test of its own for either; one that is not in the list is dead code, and the
/// compiler says so.
macro_rules! over_both_maskings {
    ($($(#[$attribute:meta])* $scenario:ident),* $(,)?) => {
        mod pairwise {
            $($(#[$attribute])* #[test] fn $scenario() { super::$scenario(veilsum::Masking::Pairwise); })*
        }
        mod lattice {
            $($(#[$attribute])* #[test] fn $scenario() { super::$scenario(crate::common::masking::LATTICE); })*
        }
    };
}
pub(crate) use over_both_maskings;

/// The ring of a parameter set.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// `N`.
    pub len: u64,
    pub primes: u64,
    /// Bits of a prime.
    pub bits: u64,
    /// `T`, for up to 512 clients.
    pub plain: u32,
}

pub fn shape(set: LatticeSet) -> Shape {
    let (len, primes, bits, plain) = match set {
        LatticeSet::L96 => (4096, 2, 48, 84),
        LatticeSet::L100 => (4096, 2, 50, 88),
        LatticeSet::L108 => (4096, 3, 36, 96),
        LatticeSet::S48 => (2048, 1, 48, 36),
        LatticeSet::L160 => (8192, 4, 40, 148),
        LatticeSet::S50 => (2048, 1, 50, 38),
        LatticeSet::L188 => (8192, 4, 47, 176),
        other => panic!("{other:?} is new"),
    };
    Shape { len, primes, bits, plain }
}

/// `w`, the bits of a lane.
pub fn lane_bits(clients: u64, max_abs: u64) -> u32 {
    (2 * u128::from(clients) * u128::from(max_abs)).ilog2() + 1
}

/// Words of a block: what a chunk is a multiple of.
pub fn block_len(masking: Masking, clients: u64, max_abs: u64) -> u64 {
    match masking {
        Masking::Lattice(set) => shape(set).len * u64::from((shape(set).plain / lane_bits(clients, max_abs)).min(64)),
        _ => 64,
    }
}

/// As [`block_len`], of a session.
pub fn block_of(session: &Session) -> u64 {
    let Bound::Exact { max_abs } = session.bound() else { return 64 };
    block_len(session.masking(), session.clients() as u64, max_abs)
}

/// Bytes on the wire of so many words, from the beginning of a block.
pub fn wire_len(session: &Session, words: u64) -> u64 {
    let Masking::Lattice(set) = session.masking() else { return (words * u64::from(session.modulus_bits())).div_ceil(8) };
    let (Shape { len, primes, bits, .. }, block) = (shape(set), block_of(session));
    let part = |coefficients: u64| primes * (coefficients * bits).div_ceil(8);
    words / block * part(len) + part((words % block).div_ceil(block / len))
}
