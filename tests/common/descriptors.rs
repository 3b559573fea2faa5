//! Descriptors to alter, and identity keys that none may have.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use rand::{SeedableRng, rngs::StdRng};
use veilsum::{Bound, ClientId, Error, Identity, IdentityKey, Session, SessionBuilder, SigningIdentity};

pub type Roster = Vec<(ClientId, IdentityKey)>;

/// `n` clients with ids 10, 20, .., and a server.
pub fn parties(n: u64) -> (Roster, IdentityKey) {
    let mut rng = StdRng::seed_from_u64(1);
    let mut key = || SigningIdentity::generate(&mut rng).unwrap().public_key();
    let server = key();
    ((1..=n).map(|k| (ClientId(10 * k), key())).collect(), server)
}

/// `p + k` as 32 little-endian bytes, `p = 2^255 - 19` and `k < 19`; with the sign bit of x or without.
fn not_reduced(k: u8, sign: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xed + k, 0x7f | sign);
    bytes
}

/// Encodings that are no valid identity key: of small order (all eight points), not reduced, negative zero, and off the curve.
pub fn invalid_keys() -> Vec<IdentityKey> {
    let small_order = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];
    let negative_zero = [
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    let off_the_curve = ["0200000000000000000000000000000000000000000000000000000000000000"];
    let all = small_order.into_iter().chain(negative_zero).chain(off_the_curve);
    let not_reduced = (0..19).flat_map(|k| [0, 0x80].map(|sign| not_reduced(k, sign)));
    all.map(|digits| hex::decode(digits).unwrap().try_into().unwrap()).chain(not_reduced).map(IdentityKey).collect()
}

pub const BOUND: Bound = Bound::Exact { max_abs: 100 };

pub fn of(n: u64) -> SessionBuilder {
    let (roster, server) = parties(n);
    Session::builder(roster, server, 1000, 24, BOUND)
}

pub fn of_five(vector_len: u64, modulus_bits: u8, bound: Bound) -> SessionBuilder {
    let (roster, server) = parties(5);
    Session::builder(roster, server, vector_len, modulus_bits, bound)
}

/// A descriptor with nothing left at its default.
pub fn unusual() -> SessionBuilder {
    let bound = Bound::Tail { max_sum: 0x0102_0304_0506, log2: 0x0708_090a };
    let builder = of_five(0xab_cdef_0123, 50, bound).chunk_len(0x0001_2340).max_colluders(3).max_dropouts(0).min_honest(2);
    builder
        .encoding(*b"what words mean")
        .round(0x1122_3344_5566_7788)
        .attempt([0xa7; 16])
        .context([0xc0; 32])
        .previous([0x4f; 32])
}

/// The encoding of [`unusual`], from the table in section 4.
pub fn unusual_bytes() -> Vec<u8> {
    let (roster, server) = parties(5);
    let mut out = hex::decode("030100010105000000").unwrap();
    for (id, key) in roster {
        out.extend(id.0.to_le_bytes());
        out.extend(key.0);
    }
    out.extend(server.0);
    out.extend(hex::decode("030000000000000002000000").unwrap());
    out.extend(hex::decode("2301efcdab000000").unwrap());
    out.extend(hex::decode("4023010032").unwrap());
    out.extend(hex::decode("0206050403020100000a090807").unwrap());
    out.extend(hex::decode("0f000000").unwrap());
    out.extend(b"what words mean");
    out.extend(hex::decode("8877665544332211").unwrap());
    out.extend([[0xa7; 16], [0xc0; 16], [0xc0; 16], [0x4f; 16], [0x4f; 16]].concat());
    out
}

/// Decodes [`unusual_bytes`] with some bytes replaced.
pub fn decode_with(at: usize, bytes: &[u8]) -> Result<Session, Error> {
    let mut all = unusual_bytes();
    all[at..at + bytes.len()].copy_from_slice(bytes);
    Session::decode(&all)
}

/// Where the fields behind the roster of [`unusual_bytes`] begin.
pub const SERVER: usize = 9 + 5 * 40;
pub const BOUND_KIND: usize = SERVER + 32 + 3 * 4 + 8 + 4 + 1;
pub const ENCODING_LEN: usize = BOUND_KIND + 1 + 8 + 4;
