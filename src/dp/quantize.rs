//! Fixed point with clipping, and a weighted mean through a masked weight (docs/privacy.md, section 1).

use alloc::vec::Vec;

use super::values::Real;
use crate::{
    codec::Reader,
    error::{DecodeError, Error, InputError, ParamsError},
    math::ring::{Ring, Word},
};

/// First byte of the canonical description: fixed point, version 1.
const KIND: u8 = 0x01;
/// Magnitudes stay below this, so that every step is exact in `f64`.
const LEVELS_LIMIT: f64 = 1_125_899_906_842_624.0;
/// 1.5 * 2^52: adding it rounds to the nearest integer, ties to even, below 2^51, and the low bits then hold that integer.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Maps a real `x` to the integer nearest to `clip(x) * 2^fraction_bits`, and a client with weight `w` to the words
/// `(w q_1, .., w q_d, w)` modulo `2^bits`; the sum of such vectors gives the weighted mean.
///
/// The weight is masked like everything else: the server learns the sum of the weights only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedPoint {
    clip: f64,
    fraction_bits: u8,
    max_weight: u32,
}

impl FixedPoint {
    /// Values are clipped to `-clip ..= clip` and rounded to multiples of `2^-fraction_bits`; weights are at most `max_weight`, which is
    /// public. For a plain sum `max_weight` is 1.
    ///
    /// # Errors
    /// [`ParamsError::Quantizer`] unless `clip` is positive and finite, `fraction_bits` at most 50, `clip * 2^fraction_bits` at least 1
    /// and below 2^50, and `max_weight` at least 1.
    pub fn new(clip: f64, fraction_bits: u8, max_weight: u32) -> Result<Self, ParamsError> {
        let this = Self { clip, fraction_bits, max_weight };
        let valid = clip.is_finite() && fraction_bits <= 50 && max_weight >= 1;
        let levels = if valid { clip * this.scale() } else { 0.0 };
        if (1.0..LEVELS_LIMIT).contains(&levels) { Ok(this) } else { Err(ParamsError::Quantizer) }
    }

    /// The largest magnitude of a word: `max_abs` of [`crate::Bound::Exact`].
    #[must_use]
    pub fn max_abs(&self) -> u64 {
        let levels = self.round(self.clip).unsigned_abs();
        levels.saturating_mul(u64::from(self.max_weight)).max(u64::from(self.max_weight))
    }

    /// The least `modulus_bits` whose words hold the sum over `clients`; more than 64 if none do.
    #[must_use]
    pub fn modulus_bits(&self, clients: usize) -> u8 {
        let largest = u128::from(self.max_abs()) * clients as u128;
        u8::try_from(u128::BITS - largest.leading_zeros() + 1).unwrap_or(u8::MAX).max(2)
    }

    /// Words of a vector of `values` values: one more, for the weight.
    #[must_use]
    pub fn vector_len(&self, values: u64) -> u64 {
        values.saturating_add(1)
    }

    /// Writes the words of a piece of a client's vector. Returns how many values were clipped.
    ///
    /// # Errors
    /// [`InputError::NotFinite`] for a NaN or an infinity, with its place in `values`; [`InputError::Weight`] above `max_weight`;
    /// [`InputError::Length`] if `words` has another length than `values`. The words are then unspecified.
    pub fn quantize<R: Real, W: Word>(
        &self,
        ring: Ring,
        weight: u32,
        values: &[R],
        words: &mut [W],
    ) -> Result<usize, InputError> {
        self.check_weight(weight)?;
        check_len(values.len(), words.len())?;
        let mut clipped = 0;
        for (place, (value, word)) in values.iter().zip(words).enumerate() {
            let value = value.to_f64();
            check_finite(value, place)?;
            let inside = value.clamp(-self.clip, self.clip);
            clipped += usize::from(inside.abs() < value.abs());
            // At most 2^50 * 2^32: may pass 2^63, but not for a session whose sum can not wrap.
            *word = W::from_u64(ring.wrap(self.round(inside).wrapping_mul(i64::from(weight))));
        }
        Ok(clipped)
    }

    /// The last word of a client's vector.
    ///
    /// # Errors
    /// [`InputError::Weight`] above `max_weight`.
    pub fn weight_word<W: Word>(&self, ring: Ring, weight: u32) -> Result<W, InputError> {
        self.check_weight(weight)?;
        Ok(W::from_u64(ring.wrap(i64::from(weight))))
    }

    /// The sum of the weights from the last word of the sum.
    #[must_use]
    pub fn total_weight<W: Word>(&self, ring: Ring, word: W) -> u64 {
        u64::try_from(ring.centered(word.to_u64())).unwrap_or(0)
    }

    /// Writes the weighted mean of a piece of the sum.
    ///
    /// # Errors
    /// [`InputError::Weight`] if the total weight is zero; [`InputError::Length`] if the slices differ in length.
    #[allow(clippy::cast_precision_loss, reason = "the roundings that docs/privacy.md names")]
    pub fn mean<W: Word>(&self, ring: Ring, words: &[W], total_weight: u64, mean: &mut [f64]) -> Result<(), InputError> {
        check_len(words.len(), mean.len())?;
        if total_weight == 0 {
            return Err(InputError::Weight { weight: 0, max: u64::from(self.max_weight) });
        }
        let unit = self.scale() * total_weight as f64;
        words.iter().zip(mean).for_each(|(word, mean)| *mean = ring.centered(word.to_u64()) as f64 / unit);
        Ok(())
    }

    /// The canonical description, for [`crate::SessionBuilder::encoding`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&[KIND][..], &self.clip.to_bits().to_le_bytes(), &[self.fraction_bits], &self.max_weight.to_le_bytes()].concat()
    }

    /// Reads a canonical description.
    ///
    /// # Errors
    /// [`Error::Decode`] if these are not its bytes, [`Error::Params`] if the parameters are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != KIND {
            return Err(DecodeError::Value.into());
        }
        let (clip, fraction_bits, max_weight) = (f64::from_bits(reader.u64()?), reader.u8()?, reader.u32()?);
        reader.finish()?;
        Ok(Self::new(clip, fraction_bits, max_weight)?)
    }

    #[allow(clippy::cast_precision_loss, reason = "a power of two")]
    fn scale(&self) -> f64 {
        (1_u64 << self.fraction_bits) as f64
    }

    /// The nearest integer to `value * 2^fraction_bits`, ties to even.
    /// Read off the bits: a cast compares with what does not fit into an `i64`.
    #[allow(clippy::cast_possible_wrap, reason = "bits")]
    fn round(&self, value: f64) -> i64 {
        ((value * self.scale() + ROUNDER).to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64)
    }

    fn check_weight(&self, weight: u32) -> Result<(), InputError> {
        if weight <= self.max_weight {
            return Ok(());
        }
        Err(InputError::Weight { weight: u64::from(weight), max: u64::from(self.max_weight) })
    }
}

fn check_len(expected: usize, got: usize) -> Result<(), InputError> {
    if expected == got { Ok(()) } else { Err(InputError::Length { expected: expected as u64, got: got as u64 }) }
}

fn check_finite(value: f64, place: usize) -> Result<(), InputError> {
    if value.is_finite() { Ok(()) } else { Err(InputError::NotFinite { position: place as u64 }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: Ring = Ring::WIDEST;

    fn quantized(code: &FixedPoint, weight: u32, values: &[f64]) -> Vec<i64> {
        let mut words = alloc::vec![0_u64; values.len()];
        code.quantize(RING, weight, values, &mut words).unwrap();
        words.into_iter().map(|word| RING.centered(word)).collect()
    }

    #[test]
    fn values_round_to_the_nearest_multiple_and_ties_to_even() {
        let code = FixedPoint::new(4.0, 1, 1).unwrap();
        assert_eq!(quantized(&code, 1, &[0.0, 0.24, 0.25, 0.26, 0.75, -0.75, 1.25, -0.26]), [0, 0, 0, 1, 2, -2, 2, -1]);
    }

    #[test]
    fn values_outside_are_clipped_and_counted() {
        let code = FixedPoint::new(1.5, 2, 3).unwrap();
        let mut words = [0_u64; 4];
        assert_eq!(code.quantize(RING, 3, &[1.5_f32, 1.6, -9.0, 0.0], &mut words), Ok(2));
        assert_eq!(words.map(|word| RING.centered(word)), [18, 18, -18, 0]);
        assert_eq!(code.max_abs(), 18);
    }

    #[test]
    fn what_is_not_a_number_is_refused_with_its_place() {
        let code = FixedPoint::new(1.0, 8, 1).unwrap();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(code.quantize(RING, 1, &[0.0, bad], &mut [0_u64; 2]), Err(InputError::NotFinite { position: 1 }));
        }
    }

    #[test]
    fn a_weighted_mean_comes_back_exactly() {
        let code = FixedPoint::new(2.0, 10, 100).unwrap();
        let clients: [(u32, [f64; 2]); 3] = [(1, [0.5, -2.0]), (99, [1.25, 0.125]), (100, [-1.0, 0.0])];
        let ring = Ring::new(code.modulus_bits(3)).unwrap();
        let (mut sum, mut total) = ([0_u64; 2], 0_u64);
        for (weight, values) in clients {
            let mut words = [0_u64; 2];
            code.quantize(ring, weight, &values, &mut words).unwrap();
            sum.iter_mut().zip(words).for_each(|(s, w)| *s = s.wrapping_add(w) & ring.max());
            total = total.wrapping_add(code.weight_word::<u64>(ring, weight).unwrap()) & ring.max();
        }
        let mut mean = [0.0; 2];
        code.mean(ring, &sum, code.total_weight(ring, total), &mut mean).unwrap();
        assert_eq!(mean, [(0.5 + 99.0 * 1.25 - 100.0) / 200.0, (-2.0 + 99.0 * 0.125) / 200.0]);
    }

    #[test]
    fn the_least_modulus_holds_the_largest_sum() {
        let code = FixedPoint::new(1.0, 20, 1).unwrap();
        assert_eq!((code.max_abs(), code.modulus_bits(12)), (1 << 20, 25));
    }

    #[test]
    fn parameters_that_can_not_be_exact_are_refused() {
        let bad = [
            (0.0, 8, 1),
            (-1.0, 8, 1),
            (f64::NAN, 8, 1),
            (f64::INFINITY, 8, 1),
            (1.0, 51, 1),
            (2.0, 49, 1),
            (1.0, 8, 0),
            (0.1, 2, 1),
        ];
        for (clip, bits, weight) in bad {
            assert_eq!(FixedPoint::new(clip, bits, weight), Err(ParamsError::Quantizer), "{clip} {bits} {weight}");
        }
    }

    #[test]
    fn the_description_round_trips_and_refuses_other_bytes() {
        let code = FixedPoint::new(4.0, 16, 1000).unwrap();
        let bytes = code.encode();
        assert_eq!(FixedPoint::decode(&bytes), Ok(code));
        assert!(FixedPoint::decode(&bytes[..13]).is_err());
        assert!(FixedPoint::decode(&[&bytes[..], &[0]].concat()).is_err());
    }
}
