//! The errors: a discrete Gaussian from a table of 127-bit thresholds, in constant time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(test, feature = "hazmat"))]
pub(super) mod inspect;
mod tree;

use alloc::{vec, vec::Vec};

use zeroize::Zeroize;

use crate::{
    crypto::{
        kdf::Kdf,
        keystream::{Keystream, Take},
        secret::Secret,
    },
    label::kdf,
    math::isa::{Isa, kernel},
    session::SessionId,
};

/// Added to every error, so that it is positive.
pub(super) const OFFSET: u64 = 128;
/// Bits of an error with its offset.
pub(super) const BITS: u32 = 8;

/// `round(2^127 Pr[|X| <= k])` for `k = 0, 1, ..`, X the discrete Gaussian over the integers with sigma = 6.4 (`docs/estimates`).
#[rustfmt::skip]
pub(super) static THRESHOLDS: [u128; 84] = [
    0x07fa95a03250f92c14ef82d903a59c6f, 0x17be30539febe8c413745b76f9150933, 0x26f0ad9d6ed2ef4ee4f3d6062d5f5d79,
    0x353ccff6628a4f7780b86e07ce2fc66e, 0x425d2e4078712c9e1b620b69bc88e98f, 0x4e1fecc7357ed7af98d9bb8b33e6de6a,
    0x58685c9a11dca35508568ccccc5ea914, 0x612e838742ad3abb1a561432903c770f, 0x687cd7259248791f6cb69178a9a0f17f,
    0x6e6ca9b545fbce61ee29063b53e2ab24, 0x7321e15c77ccb267a0df347c3c653a53, 0x76c690bc595a5e1b2c495782f5848d42,
    0x7986efd4a4ec9093f5ce1224a6c9f0c9, 0x7b8e0de3546cfd85e3792aad1e703467, 0x7d0369c6477df55848921b2c43bc3a44,
    0x7e0976a467d9e7925c4f54c4ee54fef3, 0x7ebcf407bed31eefca22763db2ea0920, 0x7f34edb88312c30017c87e535267da64,
    0x7f83305a74fb91b3249b6927890f5b84, 0x7fb501cf0c923ff3153204337033f193, 0x7fd3f47a156bde7680440f83ca9459d3,
    0x7fe6b778e322e20c0fb52ffad2208f6b, 0x7ff1d0fcc299fcac515ce1ae918a3fbe, 0x7ff8398520ed2eea38015aef2d157f2c,
    0x7ffbd5d415e7d918d3ed804dc0f5873e, 0x7ffdd20ab1f9d99bad5d844d9af0bd74, 0x7ffee2bbd417e932b201ab82e9154683,
    0x7fff7185e2d478549f308728a1bafffe, 0x7fffba7cfd7fc99add35d6374e1523b0, 0x7fffdedfcaaee4fbd712aa4dc1a5176d,
    0x7ffff094d18139be0e59b60845f2ab92, 0x7ffff8fd99b04026f6e338a487d4ecca, 0x7ffffce35227ff8e88c0e3fb90181cba,
    0x7ffffea6918ba8af9fa4241416ef1176, 0x7fffff6dbc5f3c36f1df70c63bb6c695, 0x7fffffc385addd020cd49cf9df089953,
    0x7fffffe794d29314787bc766000ef3a0, 0x7ffffff65f6d428edb109449a3987bb5, 0x7ffffffc4b39a64d34f3adac05791429,
    0x7ffffffe9b5f78b51456e7fb4a36f26b, 0x7fffffff7d1de1f430c3b9f4600174b9, 0x7fffffffd119e424e643bc994dc50f3f,
    0x7fffffffef97b652ee7c09aa059def48, 0x7ffffffffa655a2bcf87154740f44a0f, 0x7ffffffffe219941509b2d18c9609fcf,
    0x7fffffffff644172f1b933a2689a0275, 0x7fffffffffce803b12af5590b78c16e0, 0x7ffffffffff0a44d2b52344293560823,
    0x7ffffffffffb591a4ac92786d9b4c3af, 0x7ffffffffffe9fdca032d0491515fe88, 0x7fffffffffff9a5a9bc5b05d6182b560,
    0x7fffffffffffe35bb09d9ba5ffeb8ed0, 0x7ffffffffffff81f20857529739a8607, 0x7ffffffffffffde27337d34c7ccdf55b,
    0x7fffffffffffff720e70c943467f9402, 0x7fffffffffffffdbaef04343b460a771, 0x7ffffffffffffff6ee1919990544b230,
    0x7ffffffffffffffdc9f61d532d8b7db9, 0x7fffffffffffffff794e564e766f9d09, 0x7fffffffffffffffe0b6d9090e9206fa,
    0x7ffffffffffffffff8e82921f69f88b4, 0x7ffffffffffffffffe6e27f8d371e8f9, 0x7fffffffffffffffffa9330879be2096,
    0x7fffffffffffffffffedb2fba855269a, 0x7ffffffffffffffffffc3bdcd4862c42, 0x7fffffffffffffffffff3e56a703c8a1,
    0x7fffffffffffffffffffda081ae6f7cc, 0x7ffffffffffffffffffff8bc020a050f, 0x7ffffffffffffffffffffea499b4a481,
    0x7fffffffffffffffffffffc0ab5c1146, 0x7ffffffffffffffffffffff4bb4a34ed, 0x7ffffffffffffffffffffffe0b078052,
    0x7fffffffffffffffffffffffab15e0eb, 0x7ffffffffffffffffffffffff1f3c152, 0x7ffffffffffffffffffffffffdbb5392,
    0x7fffffffffffffffffffffffffa47d72, 0x7ffffffffffffffffffffffffff1ecbb, 0x7ffffffffffffffffffffffffffde314,
    0x7fffffffffffffffffffffffffffb0bf, 0x7ffffffffffffffffffffffffffff4ab, 0x7ffffffffffffffffffffffffffffe6b,
    0x7fffffffffffffffffffffffffffffc9, 0x7ffffffffffffffffffffffffffffff9, 0x7fffffffffffffffffffffffffffffff,
];

/// The upper halves of the thresholds. All others have the last one's.
static HIGH: [u64; 63] = high();

#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn high() -> [u64; 63] {
    let (mut high, mut k) = ([0; 63], 0);
    while k < THRESHOLDS.len() {
        if k < high.len() {
            high[k] = (THRESHOLDS[k] >> 64) as u64;
        } else {
            assert!(THRESHOLDS[k] >> 64 == (1 << 63) - 1, "a threshold is missing");
        }
        k += 1;
    }
    high
}

/// `floor(90 sqrt(clients))`, what a sum of the errors of so many clients does not exceed: 14 standard deviations.
pub(super) fn largest_sum(clients: u32) -> u64 {
    (8100 * u64::from(clients)).isqrt()
}

/// Where a client's errors come from: a secret of its own that it never shares and never derives from one that it shares.
pub(crate) struct ErrorSource(Kdf);

impl ErrorSource {
    /// From the error seed.
    pub(crate) fn new(session: SessionId, seed: &Secret<32>) -> Self {
        Self(Kdf::new(session, seed.expose()))
    }

    /// Adds `2^shift (e + OFFSET)` to each limb, `e` the errors of the first coefficients of a block of `len`. `buffer` is as long as
    /// the limbs.
    ///
    /// An error is decided by the upper half of a 127-bit number, save when that is the upper half of a threshold. Only then are the
    /// lower halves generated. It happens to one coefficient in `2^57`, and what shows is that there is such a coefficient.
    pub(super) fn add_to(&self, isa: Isa, block: u64, len: usize, buffer: &mut [u64], limbs: &mut [u64], shift: u32) {
        let key: Secret<32> = self.0.expand(kdf::LATTICE_ERROR, &[&block.to_le_bytes()]);
        let keystream = Keystream::new(key.expose());
        keystream.each(0, buffer, &mut Store);
        if add_errors(isa, buffer, limbs, shift) {
            let mut lower = lower_halves(&keystream, len, buffer.len());
            break_ties(buffer, &lower, limbs, shift);
            lower.zeroize();
        }
    }
}

impl core::fmt::Debug for ErrorSource {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ErrorSource(..)")
    }
}

struct Store;

impl Take for Store {
    #[inline(always)]
    fn take(&mut self, slot: &mut u64, integer: u64) {
        *slot = integer;
    }
}

/// Adds `2^shift (e + OFFSET)` to limbs, `|e|` the number of thresholds whose upper half is below that of the integer; whether an
/// integer has the upper half of a threshold.
fn add_errors(isa: Isa, integers: &[u64], limbs: &mut [u64], shift: u32) -> bool {
    match isa {
        Isa::Portable => scan(integers, limbs, shift),
        Isa::Fma => add_errors_avx2(integers, limbs, shift),
        Isa::Ifma => add_errors_avx512(integers, limbs, shift),
    }
}

kernel!(add_errors_avx2, "x86_64+avx2+fma" => avx2::add_errors, _ => scan,
    (integers: &[u64], limbs: &mut [u64], shift: u32) -> bool);
kernel!(add_errors_avx512, "x86_64+avx512f+avx512dq+avx512ifma+avx512vbmi2" => avx512::add_errors, _ => scan,
    (integers: &[u64], limbs: &mut [u64], shift: u32) -> bool);

/// Errors that are looked up at once.
const RUN: usize = 8;
/// Thresholds with different upper halves.
const DIFFERENT: usize = 59;

/// As [`add_errors`]: every threshold is compared with every integer.
fn scan(integers: &[u64], limbs: &mut [u64], shift: u32) -> bool {
    let mut ties = 0;
    for (integers, limbs) in integers.chunks(RUN).zip(limbs.chunks_mut(RUN)) {
        let mut run = [0; RUN];
        run.iter_mut().zip(integers).for_each(|(slot, integer)| *slot = *integer);
        let (sizes, equal) = compare(&run);
        let used = equal.iter().zip(integers);
        ties |= used.fold(0, |all, (equal, _)| all | equal);
        for ((limb, size), integer) in limbs.iter_mut().zip(sizes).zip(integers) {
            *limb = limb.wrapping_add(with_sign(size, *integer).wrapping_add(OFFSET) << shift);
        }
    }
    ties >> 63 == 1
}

/// How many thresholds lie below each number, and, as a sign, whether one is equal to it.
#[inline(always)]
fn compare(integers: &[u64; RUN]) -> ([u64; RUN], [u64; RUN]) {
    let (mut sizes, mut equal) = ([0_u64; RUN], [0; RUN]);
    for threshold in HIGH.iter().take(DIFFERENT) {
        for ((size, equal), integer) in sizes.iter_mut().zip(&mut equal).zip(integers) {
            // Both are below 2^63: the sign of the difference says which is larger.
            let difference = threshold.wrapping_sub(integer >> 1);
            *size = size.wrapping_add(difference >> 63);
            *equal |= !difference & difference.wrapping_sub(1);
        }
    }
    (sizes, equal)
}

/// `size`, or `-size` if the integer is odd.
#[inline(always)]
fn with_sign(size: u64, integer: u64) -> u64 {
    let sign = (integer & 1).wrapping_neg();
    (size ^ sign).wrapping_sub(sign)
}

/// They follow the upper ones of a whole block.
fn lower_halves(keystream: &Keystream, len: usize, count: usize) -> Vec<u64> {
    let mut lower = vec![0; count];
    keystream.each(len as u64 / 2, &mut lower, &mut Store);
    lower
}

/// Puts right the errors that the upper halves do not decide; see [`ErrorSource::add_to`] for why this may take its time.
fn break_ties(upper: &[u64], lower: &[u64], limbs: &mut [u64], shift: u32) {
    for ((upper, lower), limb) in upper.iter().zip(lower).zip(limbs) {
        let (high, number) = (upper >> 1, u128::from(upper >> 1) << 64 | u128::from(*lower));
        if HIGH.contains(&high) {
            let counted = HIGH.iter().filter(|threshold| **threshold < high).count() as u64;
            let size = THRESHOLDS.iter().filter(|threshold| **threshold <= number).count() as u64;
            *limb = limb.wrapping_add(with_sign(size - counted, *upper) << shift);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
