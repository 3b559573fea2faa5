//! For tests elsewhere.

use alloc::{vec, vec::Vec};

use super::{OFFSET, add_errors, break_ties};
use crate::math::isa::Isa;

/// The errors that two integers each give.
pub(crate) fn errors(isa: Isa, upper: &[u64], lower: &[u64]) -> Vec<i64> {
    let mut limbs = vec![0; upper.len()];
    if add_errors(isa, upper, &mut limbs, 0) {
        break_ties(upper, lower, &mut limbs, 0);
    }
    limbs.iter().map(|limb| limb.wrapping_sub(OFFSET).cast_signed()).collect()
}
