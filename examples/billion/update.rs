//! Updates that can be generated at any position, and a checksum of them that is linear: the sum of the clients' checksums is the
//! checksum of the sum.

/// A well mixed 64-bit number from another (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The weight of a position in a checksum.
pub(crate) fn weight(position: u64) -> u64 {
    mix(position) | 1
}

/// One client's generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Update {
    seed: u64,
    max_abs: u64,
}

impl Update {
    pub(crate) fn new(client: u64, max_abs: u64) -> Self {
        Self { seed: mix(client ^ 0x7665_696c_7375_6d00), max_abs }
    }

    /// The value at a position, at most `max_abs` in absolute value.
    pub(crate) fn value(self, position: u64) -> i64 {
        let uniform = mix(self.seed ^ position) >> 32;
        let width = 2 * self.max_abs + 1;
        // Both are below 2^32.
        ((uniform * width) >> 32).cast_signed() - self.max_abs.cast_signed()
    }
}

/// Adds some values at `position ..` to a checksum.
pub(crate) fn extend(checksum: u64, position: u64, values: impl IntoIterator<Item = i64>) -> u64 {
    values
        .into_iter()
        .zip(position..)
        .fold(checksum, |sum, (value, position)| sum.wrapping_add(value.cast_unsigned().wrapping_mul(weight(position))))
}
