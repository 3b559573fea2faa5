//! Inversion by comparing with every threshold: no address and no branch depends on a draw.

use alloc::vec::Vec;

use multiversion::multiversion;

use super::weights::Weights;

/// Draws side by side.
const LANES: usize = 32;

/// The cumulative weights of the magnitudes. A draw's magnitude is how many of them its 127 bits reach; one more bit is the sign.
pub(super) struct Scan {
    /// Whether the lowest bit of a word is a sign; it is not used otherwise.
    signed: bool,
    /// The high 63 bits of the thresholds; in place of all those that no word exceeds, one.
    high: Vec<i64>,
    /// All 127 bits of all thresholds, for the rare draws that 63 bits leave open.
    full: Vec<u128>,
}

impl Scan {
    pub(super) fn new(weights: &Weights) -> Self {
        let mut sum = 0_u128;
        let mut full: Vec<u128> = Vec::with_capacity(weights.half.len());
        for (magnitude, weight) in weights.half.iter().enumerate() {
            // All weights are even, and together they make 2^128.
            sum = sum.wrapping_add(*weight).wrapping_add(if weights.symmetric && magnitude != 0 { *weight } else { 0 });
            full.push(sum >> 1);
        }
        full.pop();
        let mut high: Vec<i64> = full.iter().map(|threshold| high_bits(*threshold)).filter(|high| *high != i64::MAX).collect();
        high.push(i64::MAX);
        Self { signed: weights.symmetric, high, full }
    }

    /// Writes one draw for each word, and tells whether some of them are left open: 63 bits of the word equal those of a threshold. In
    /// constant time.
    pub(super) fn draw(&self, words: &[u64], draws: &mut [i64]) -> bool {
        draw(words, &self.high, i64::from(self.signed), draws)
    }

    /// The draw of a word and its extension.
    pub(super) fn resolve(&self, word: u64, extension: u64) -> i64 {
        let uniform = u128::from(word >> 1) << 64 | u128::from(extension);
        let magnitude = self.full.iter().map(|threshold| i64::from(uniform >= *threshold)).sum();
        with_sign(magnitude, word, i64::from(self.signed))
    }
}

/// `-magnitude` if the lowest bit of the word, where `sign_bit` has it, is set.
#[inline(always)]
fn with_sign(magnitude: i64, word: u64, sign_bit: i64) -> i64 {
    let sign = (word.cast_signed() & sign_bit).wrapping_neg();
    (magnitude ^ sign).wrapping_sub(sign)
}

/// Writes how many of the thresholds each word reaches without its lowest bit, with a sign. Whether some word equals a threshold.
#[multiversion(targets("x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx+avx2+bmi1+bmi2+fma",))]
fn draw(words: &[u64], thresholds: &[i64], sign_bit: i64, draws: &mut [i64]) -> bool {
    let (all, mut any_tie) = (thresholds.len().cast_signed() as i64, false);
    for (words, draws) in words.chunks(LANES).zip(draws.chunks_mut(LANES)) {
        let mut lanes = [0_u64; LANES];
        lanes.iter_mut().zip(words).for_each(|(lane, word)| *lane = word >> 1);
        let (mut missed, mut least) = ([0_i64; LANES], [u64::MAX; LANES]);
        for threshold in thresholds {
            for ((missed, least), lane) in missed.iter_mut().zip(&mut least).zip(&lanes) {
                // Of 63-bit numbers the sign of a difference says which is larger: cheaper than two comparisons.
                let over = lane.wrapping_sub(threshold.cast_unsigned());
                *missed = missed.wrapping_add((over >> 63).cast_signed());
                *least = (*least).min(over);
            }
        }
        any_tie |= least.iter().fold(false, |any, least| any | (*least == 0));
        for ((draw, missed), word) in draws.iter_mut().zip(missed).zip(words) {
            *draw = with_sign(all.wrapping_sub(missed), *word, sign_bit);
        }
    }
    any_tie
}

/// The high 63 of 127 bits.
#[allow(clippy::cast_possible_truncation, reason = "63 bits are left")]
fn high_bits(threshold: u128) -> i64 {
    ((threshold >> 64) as u64).cast_signed()
}

#[cfg(test)]
impl Scan {
    /// How many of all pairs of a word and an extension give each value.
    pub(super) fn measure(&self) -> alloc::collections::BTreeMap<i64, u128> {
        let ends = self.full.iter().copied().chain([1 << 127]);
        let starts = [0].into_iter().chain(self.full.iter().copied());
        let mut measure = alloc::collections::BTreeMap::new();
        for (magnitude, (start, end)) in (0_i64..).zip(starts.zip(ends)) {
            // Both values of the bit that is the sign, or is not used.
            for sign in [1, if self.signed { -1 } else { 1 }] {
                *measure.entry(sign * magnitude).or_default() += end - start;
            }
        }
        measure.retain(|_, weight| *weight != 0);
        measure
    }
}
