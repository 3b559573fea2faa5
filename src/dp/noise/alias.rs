//! Walker's alias method with exact weights: one word, one look-up.

use alloc::vec::Vec;

use super::weights::Weights;

/// Column `i` gives the value `i + first` in the lower part of its width, and another value in the rest.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Column {
    /// The high 32 bits of the lower part's share of the width.
    threshold: u32,
    other: i32,
}

/// `2^bits` columns of width `2^(128 - bits)`, which together hold every value exactly as often as its weight says.
pub(super) struct Alias {
    bits: u32,
    first: i32,
    columns: Vec<Column>,
    /// All bits of the thresholds, for the rare draws that the high bits leave open.
    full: Vec<u128>,
}

impl Alias {
    /// Vose's construction, in exact integers. `None` if a value does not fit.
    pub(super) fn new(weights: &Weights) -> Option<Self> {
        let (first, mut parts) = outcomes(weights)?;
        let bits = parts.len().next_power_of_two().max(2).trailing_zeros();
        parts.resize(1 << bits, 0);
        let width = 1_u128 << (u128::BITS - bits);
        // A column that is never split keeps a threshold of zero and gives its own value as the other one.
        let mut columns: Vec<(u128, i32)> = (first..).map(|value| (0, value)).take(parts.len()).collect();
        let indices = 0..parts.len();
        let (mut narrow, mut wide): (Vec<_>, Vec<_>) = indices.zip(parts).partition(|(_, weight)| *weight < width);
        while let Some((index, weight)) = narrow.pop() {
            // Something wide is left: otherwise the weights would make less than all columns.
            let (other, mut other_weight) = wide.pop()?;
            *columns.get_mut(index)? = (weight, first.checked_add(i32::try_from(other).ok()?)?);
            other_weight -= width - weight;
            if other_weight < width { &mut narrow } else { &mut wide }.push((other, other_weight));
        }
        let full = columns.iter().map(|(threshold, _)| threshold << bits).collect();
        let columns =
            columns.into_iter().map(|(threshold, other)| Column { threshold: high_bits(threshold << bits), other }).collect();
        Some(Self { bits, first, columns, full })
    }

    /// Adds `factor` times a draw to each value. The work is the same for all draws, but for one in 2^32, which takes a second word; the
    /// addresses that are read depend on the draws.
    #[inline]
    pub(super) fn add(&self, words: &[u64], extension: impl Fn(usize) -> u64, factor: i64, values: &mut [i64]) {
        for (place, (word, value)) in words.iter().zip(values).enumerate() {
            let (index, rest) = (to_index(word >> (u64::BITS - self.bits)), word << self.bits);
            let Some(column) = self.columns.get(index) else { continue };
            let rest_high = high_half(rest);
            let mut above = rest_high >= column.threshold;
            if rest_high == column.threshold {
                above = self.is_above(index, rest, extension(place));
            }
            let drawn = if above { column.other } else { to_value(index).wrapping_add(self.first) };
            *value = value.wrapping_add(i64::from(drawn).wrapping_mul(factor));
        }
    }

    /// Compares all `128 - bits` bits of a draw.
    #[cold]
    fn is_above(&self, index: usize, rest: u64, extension: u64) -> bool {
        let uniform = u128::from(rest) << 64 | u128::from(extension) << self.bits;
        self.full.get(index).is_none_or(|threshold| uniform >= *threshold)
    }
}

/// The least value, and the weights from there on.
fn outcomes(weights: &Weights) -> Option<(i32, Vec<u128>)> {
    if !weights.symmetric {
        return Some((0, weights.half.clone()));
    }
    let last = i32::try_from(weights.half.len() - 1).ok()?;
    let negative = weights.half.iter().skip(1).rev();
    Some((-last, negative.chain(&weights.half).copied().collect()))
}

#[allow(clippy::cast_possible_truncation, reason = "the half that is asked for")]
fn high_bits(threshold: u128) -> u32 {
    (threshold >> 96) as u32
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the half that is asked for")]
fn high_half(word: u64) -> u32 {
    (word >> 32) as u32
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "at most 19 bits")]
fn to_index(high_bits: u64) -> usize {
    high_bits as usize
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most 19 bits")]
fn to_value(index: usize) -> i32 {
    index as i32
}
