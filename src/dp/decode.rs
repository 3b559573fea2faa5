//! From the sum of words to the sum of vectors (docs/privacy.md, section 9).

use super::{
    encoding::{Encoding, float},
    rotate,
};
use crate::{
    crypto::prg::{BLOCK_LEN, Prg},
    error::InputError,
    label::kdf::SIGNS,
    math::ring::Word,
};

impl Encoding {
    /// Writes the values of a piece of the sum: words `start ..`, whole blocks of [`Encoding::block`].
    ///
    /// The values are those of the sum of the clipped vectors, plus noise; with weights, the sum of the weights is at
    /// [`Encoding::weight_position`], see [`Encoding::total_weight`]. What comes behind is padding.
    ///
    /// # Errors
    /// [`InputError::Range`] if the piece is outside the vector or cuts a block; [`InputError::Length`] if the slices differ in length.
    pub fn decode<W: Word>(&self, start: u64, words: &[W], values: &mut [f64]) -> Result<(), InputError> {
        let end = start.saturating_add(words.len() as u64);
        if !start.is_multiple_of(self.block()) || !end.is_multiple_of(self.block()) || end > self.vector_len() {
            return Err(InputError::Range { start, end });
        }
        if words.len() != values.len() {
            return Err(InputError::Length { expected: words.len() as u64, got: values.len() as u64 });
        }
        #[allow(clippy::cast_precision_loss, reason = "a rounding of 2^-53, beside noise")]
        values.iter_mut().zip(words).for_each(|(value, word)| *value = self.ring.centered(word.to_u64()) as f64);
        let factor = 1.0 / (self.scale * libm::sqrt(float(self.block())));
        if self.log2_block == 0 {
            values.iter_mut().for_each(|value| *value *= factor);
        } else {
            self.rotate_back(start, values, factor);
        }
        Ok(())
    }

    fn rotate_back(&self, start: u64, mut values: &mut [f64], factor: f64) {
        let signs = Prg::new(&self.rotation_seed);
        rotate::hadamard(values, 1 << self.log2_block);
        let mut position = start;
        while !values.is_empty() {
            let (block, offset) = (position / BLOCK_LEN, position % BLOCK_LEN);
            let (part, rest) = values.split_at_mut(usize::try_from(BLOCK_LEN - offset).unwrap_or(usize::MAX).min(values.len()));
            let (key, mut words) = (signs.key(SIGNS, self.round, block), [0_u64; 64]);
            for (place, values) in (offset / 64..).step_by(words.len()).zip(part.chunks_mut(64 * words.len())) {
                key.fill(place, &mut words);
                rotate::flip(values, &words, factor);
            }
            position += part.len() as u64;
            values = rest;
        }
    }

    /// The sum of the weights, from the decoded value at [`Encoding::weight_position`]: like everything decoded it carries noise, and may
    /// even be negative. The weighted mean is the other values divided by it.
    #[must_use]
    pub fn total_weight(&self, value: f64) -> Option<f64> {
        self.weights.map(|weights| value / weights.unit)
    }
}

#[cfg(test)]
mod tests;
