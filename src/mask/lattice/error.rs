//! The errors: a discrete Gaussian, sampled by a full scan of a table in constant time.

#[cfg(target_arch = "x86_64")]
mod avx512;

use crate::{
    crypto::{
        kdf::Kdf,
        keystream::{Keystream, Take},
        secret::Secret,
    },
    label::kdf,
    math::isa::{Isa, compiled_for_each_isa, kernel},
    session::SessionId,
};

/// Added to every error, so that it is positive.
pub(super) const OFFSET: u64 = 64;
/// Bits of an error with its offset.
pub(super) const BITS: u32 = 7;

/// `round(2^63 Pr[|X| >= k])` for `k = 1, 2, ..`, X the discrete Gaussian with sigma = 6.4 (`docs/estimates/error_table.py`).
#[rustfmt::skip]
pub(super) static TABLE: [u64; 59] = [
    0x78056a5fcdaf06d4, 0x6841cfac6014173c, 0x590f5262912d10b1, 0x4ac330099d75b088,
    0x3da2d1bf878ed362, 0x31e01338ca812850, 0x2797a365ee235cab, 0x1ed17c78bd52c545,
    0x178328da6db786e1, 0x1193564aba04319e, 0x0cde1ea388334d98, 0x09396f43a6a5a1e5,
    0x0679102b5b136f6c, 0x0471f21cab93027a, 0x02fc9639b8820aa8, 0x01f6895b9826186e,
    0x01430bf8412ce110, 0x00cb12477ced3d00, 0x007ccfa58b046e4d, 0x004afe30f36dc00d,
    0x002c0b85ea942189, 0x001948871cdd1df4, 0x000e2f033d660354, 0x0007c67adf12d116,
    0x00042a2bea1826e7, 0x00022df54e062664, 0x00011d442be816cd, 0x00008e7a1d2b87ab,
    0x0000458302803665, 0x0000212035511b04, 0x00000f6b2e7ec642, 0x00000702664fbfd9,
    0x0000031cadd80071, 0x000001596e745750, 0x0000009243a0c3c9, 0x0000003c7a5222fe,
    0x000000186b2d6cec, 0x00000009a092bd71, 0x00000003b4c659b3, 0x0000000164a0874b,
    0x0000000082e21e0c, 0x000000002ee61bdb, 0x00000000106849ad, 0x00000000059aa5d4,
    0x0000000001de66bf, 0x00000000009bbe8d, 0x0000000000317fc5, 0x00000000000f5bb3,
    0x000000000004a6e6, 0x0000000000016023, 0x00000000000065a5, 0x0000000000001ca4,
    0x00000000000007e1, 0x000000000000021e, 0x000000000000008e, 0x0000000000000024,
    0x0000000000000009, 0x0000000000000002, 0x0000000000000001,
];

/// `floor(90 sqrt(clients))`, what a sum of the errors of so many clients stays below: 14 standard deviations.
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

    /// Adds `2^shift (e + OFFSET)` to each limb, `e` the errors of the coefficients of a block. `buffer` is as long.
    pub(super) fn add_to(&self, isa: Isa, block: u64, buffer: &mut [u64], limbs: &mut [u64], shift: u32) {
        let key: Secret<32> = self.0.expand(kdf::LATTICE_ERROR, &[&block.to_le_bytes()]);
        Keystream::new(key.expose()).each(0, buffer, &mut Store);
        add_errors(isa, buffer, limbs, shift);
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

/// Adds `2^shift (e + OFFSET)` to limbs.
fn add_errors(isa: Isa, integers: &[u64], limbs: &mut [u64], shift: u32) {
    if isa == Isa::Ifma {
        return add_errors_ifma(integers, limbs, shift);
    }
    scan(isa, integers, limbs, shift);
}

kernel!(add_errors_ifma, "x86_64+avx512f+avx512dq+avx512ifma+avx512vbmi2" => avx512::add_errors, _ => add_errors_portable,
    (integers: &[u64], limbs: &mut [u64], shift: u32));

fn add_errors_portable(integers: &[u64], limbs: &mut [u64], shift: u32) {
    scan(Isa::Portable, integers, limbs, shift);
}

/// Errors that are looked up at once.
const RUN: usize = 16;

/// `e + OFFSET` for each integer: the whole table is compared with each.
#[inline(always)]
fn sample(integers: &[u64; RUN]) -> [u64; RUN] {
    let mut sizes = [0_u64; RUN];
    for threshold in &TABLE {
        for (size, integer) in sizes.iter_mut().zip(integers) {
            // Both sides are below 2^63: the sign of the difference says which is larger.
            *size = size.wrapping_add((integer >> 1).wrapping_sub(*threshold) >> 63);
        }
    }
    for (size, integer) in sizes.iter_mut().zip(integers) {
        let sign = (integer & 1).wrapping_neg();
        *size = OFFSET.wrapping_add((*size ^ sign).wrapping_sub(sign));
    }
    sizes
}

compiled_for_each_isa! {
    fn scan(integers: &[u64], limbs: &mut [u64], shift: u32) {
        for (integers, limbs) in integers.chunks(RUN).zip(limbs.chunks_mut(RUN)) {
            let mut run = [0; RUN];
            run.iter_mut().zip(integers).for_each(|(slot, integer)| *slot = *integer);
            let errors = sample(&run);
            limbs.iter_mut().zip(errors).for_each(|(limb, error)| *limb = limb.wrapping_add(error << shift));
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
