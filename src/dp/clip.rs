//! The L2 norm of a vector and the factor that brings it below the clipping norm, on the safe side (docs/privacy.md, section 4.1).

use multiversion::multiversion;

/// A block whose sum of squares reaches this is summed again in smaller units.
const LARGE: f64 = f64::from_bits((1023 + 1000) << 52);
/// The smaller unit: 2^-600. No `f64` is so large that its square, in this unit, overflows.
pub(super) const REDUCE: f64 = f64::from_bits((1023 - 600) << 52);
/// 1 + 2^-40: more than all roundings together.
const SAFETY: f64 = 1.0 + f64::from_bits((1023 - 40) << 52);
/// Lanes of a sum.
const LANES: usize = 16;

/// The sum of squares of a block of at most 4096 values: relative error below 2^-44, unless it over- or underflows.
#[multiversion(targets("x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx+avx2+bmi1+bmi2+fma"))]
pub(super) fn sum_of_squares(values: &[f64]) -> f64 {
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for row in rows {
        lanes.iter_mut().zip(row).for_each(|(lane, value)| *lane += value * value);
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, value)| *lane += value * value);
    lanes.iter().sum()
}

/// A sum of non-negative numbers, with the rounding errors of the additions (Knuth's TwoSum).
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let high = self.high + value;
        let part = high - self.high;
        self.low += (self.high - (high - part)) + (value - part);
        self.high = high;
    }

    fn value(self) -> f64 {
        self.high + self.low
    }
}

/// The squared norm of a vector, block by block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SquaredNorm {
    /// Of blocks whose squares fit.
    usual: Sum,
    /// Of the others, in units of 2^1200.
    reduced: Sum,
}

/// A sum of squares that may be NaN, infinite or too large: the block has to be looked at.
pub(super) fn overflows(squares: f64) -> bool {
    squares.is_nan() || squares >= LARGE
}

impl SquaredNorm {
    pub(super) fn add(&mut self, squares: f64) {
        self.usual.add(squares);
    }

    /// Adds the sum of squares of a block whose values were multiplied by [`REDUCE`].
    pub(super) fn add_reduced(&mut self, squares: f64) {
        self.reduced.add(squares);
    }

    /// Adds what another part of the vector has.
    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, part) in [(&mut self.usual, other.usual), (&mut self.reduced, other.reduced)] {
            sum.add(part.high);
            sum.low += part.low;
        }
    }

    /// What to multiply the values with, one after the other, so that their norm is below `clip`.
    pub(super) fn factors(&self, clip: f64) -> Factors {
        let reduced = self.reduced.value();
        if reduced == 0.0 {
            let norm = libm::sqrt(self.usual.value()) * SAFETY;
            return Factors { unit: 1.0, gain: if norm <= clip { 1.0 } else { clip / norm } };
        }
        let norm = libm::sqrt(reduced + self.usual.value() * REDUCE * REDUCE) * SAFETY;
        Factors { unit: REDUCE, gain: clip / norm }
    }
}

#[cfg(feature = "hazmat")]
impl SquaredNorm {
    /// The sum of the blocks whose squares fit, and that of the others, in units of 2^1200.
    pub(super) fn values(&self) -> [f64; 2] {
        [self.usual.value(), self.reduced.value()]
    }
}

/// A factor that may be out of range as a single number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Factors {
    /// 1, or [`REDUCE`] for a vector with huge values.
    pub(super) unit: f64,
    /// The factor of what is then left.
    pub(super) gain: f64,
}

#[cfg(test)]
mod tests;
