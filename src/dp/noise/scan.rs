//! Inversion by comparing with every threshold: no address and no branch depends on a draw.

use alloc::vec::Vec;

use multiversion::multiversion;

use super::weights::Weights;

/// Draws side by side.
const LANES: usize = 16;

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

    /// Adds `factor` times a draw to each value; `draws` is scratch space of the same length. In constant time, but for one draw in
    /// 2^63 / (thresholds), which takes a second word.
    #[inline]
    pub(super) fn add(
        &self,
        words: &[u64],
        extension: impl Fn(usize) -> u64,
        factor: i64,
        draws: &mut [i64],
        values: &mut [i64],
    ) {
        if count(words, &self.high, draws) {
            draws
                .iter_mut()
                .zip(words)
                .enumerate()
                .for_each(|(place, (draw, word))| *draw = self.resolve(*word, extension(place)));
        }
        let sign_bit = i64::from(self.signed);
        for ((value, draw), word) in values.iter_mut().zip(draws).zip(words) {
            let sign = (word.cast_signed() & sign_bit).wrapping_neg();
            *value = value.wrapping_add((*draw ^ sign).wrapping_sub(sign).wrapping_mul(factor));
        }
    }

    /// The magnitude of a draw that needs 64 more bits.
    #[cold]
    fn resolve(&self, word: u64, extension: u64) -> i64 {
        let uniform = u128::from(word >> 1) << 64 | u128::from(extension);
        self.full.iter().map(|threshold| i64::from(uniform >= *threshold)).sum()
    }
}

/// Writes how many of the thresholds each word reaches, without its lowest bit. Whether some word equals a threshold.
#[multiversion(targets("x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx+avx2+bmi1+bmi2+fma",))]
fn count(words: &[u64], thresholds: &[i64], counts: &mut [i64]) -> bool {
    let mut any_tie = false;
    for (words, counts) in words.chunks(LANES).zip(counts.chunks_mut(LANES)) {
        let mut lanes = [0_i64; LANES];
        lanes.iter_mut().zip(words).for_each(|(lane, word)| *lane = (word >> 1).cast_signed());
        let (mut reached, mut ties) = ([0_i64; LANES], [0_i64; LANES]);
        for threshold in thresholds {
            for ((reached, tie), lane) in reached.iter_mut().zip(&mut ties).zip(&lanes) {
                *reached = reached.wrapping_add(i64::from(lane >= threshold));
                *tie |= i64::from(lane == threshold);
            }
        }
        any_tie |= ties.iter().fold(0, |any, tie| any | tie) != 0;
        counts.iter_mut().zip(reached).for_each(|(count, reached)| *count = reached);
    }
    any_tie
}

/// The high 63 of 127 bits.
#[allow(clippy::cast_possible_truncation, reason = "63 bits are left")]
fn high_bits(threshold: u128) -> i64 {
    ((threshold >> 64) as u64).cast_signed()
}
