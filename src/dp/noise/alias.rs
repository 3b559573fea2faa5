//! Walker's alias method with exact weights: one word, one look-up.

use alloc::vec::Vec;
use core::hint::select_unpredictable;

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

    /// Writes one draw for each word, and tells whether some of them are left open: 32 bits of the word equal those of the threshold, once
    /// in 2^32. No branch depends on a draw, but the addresses that are read do.
    pub(super) fn draw(&self, words: &[u64], draws: &mut [i64]) -> bool {
        let mut open = false;
        for (word, draw) in words.iter().zip(draws) {
            let (index, rest) = self.split(*word);
            let Some(column) = self.columns.get(index) else { continue };
            let rest = high_half(rest);
            open |= rest == column.threshold;
            let own = to_value(index).wrapping_add(self.first);
            *draw = i64::from(select_unpredictable(rest < column.threshold, own, column.other));
        }
        open
    }

    /// The draw of a word and its extension.
    pub(super) fn resolve(&self, word: u64, extension: u64) -> i64 {
        let (index, rest) = self.split(word);
        let uniform = u128::from(rest) << 64 | u128::from(extension) << self.bits;
        let (Some(column), Some(threshold)) = (self.columns.get(index), self.full.get(index)) else { return 0 };
        i64::from(if uniform < *threshold { to_value(index).wrapping_add(self.first) } else { column.other })
    }

    /// The column, and the place in its width.
    #[inline(always)]
    fn split(&self, word: u64) -> (usize, u64) {
        (to_index(word >> (u64::BITS - self.bits)), word << self.bits)
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

#[cfg(test)]
impl Alias {
    pub(super) fn columns(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn width(&self) -> u128 {
        1 << (128 - self.bits)
    }

    /// Where a column begins and where it turns, as words with their extensions, and without the unused last bits.
    pub(super) fn thresholds(&self, column: usize) -> (u128, u128) {
        let start = column as u128 * self.width();
        (start, start + (self.full[column] >> self.bits))
    }

    /// How many of all pairs of a word and an extension give each value.
    pub(super) fn measure(&self) -> alloc::collections::BTreeMap<i64, u128> {
        let mut measure = alloc::collections::BTreeMap::new();
        for (index, (column, threshold)) in self.columns.iter().zip(&self.full).enumerate() {
            let own = i64::from(self.first) + i64::from(to_value(index));
            let share = threshold >> self.bits;
            *measure.entry(own).or_default() += share;
            let rest = (1_u128 << (128 - self.bits)) - share;
            let sum: &mut u128 = measure.entry(column.other.into()).or_default();
            *sum = sum.checked_add(rest).unwrap();
        }
        measure.retain(|_, weight| *weight != 0);
        measure
    }
}
