//! What the words of a session mean.

use std::error::Error;

use rand::rngs::StdRng;
use veilsum::{Bound, Ring, dp::FixedPoint};

/// Model parameters are clipped to -4..4 (in training they stay below 3), in steps of 2^-16.
const CLIP: f64 = 4.0;
const FRACTION_BITS: u8 = 16;
/// No nation may count for more images than this; the limit is public, the numbers are not.
const MAX_WEIGHT: u32 = 200;

/// What one nation brings to a round.
pub(crate) struct Contribution {
    /// Its model, a flat vector.
    pub(crate) parameters: Vec<f32>,
    /// How many images it was trained on.
    pub(crate) images: u32,
}

/// From a contribution to words, and from the sum of the words to the next model. Public, and the same for all parties.
pub(crate) trait Coding {
    /// Words for a model of so many parameters.
    fn words(&self, parameters: usize) -> u64;

    /// Bits of a word.
    fn bits(&self, nations: usize) -> u8;

    fn bound(&self) -> Bound;

    /// For the descriptor.
    fn description(&self, round: u64) -> Vec<u8>;

    /// The words, and how many values were clipped one by one.
    fn to_words(
        &self,
        ring: Ring,
        round: u64,
        contribution: &Contribution,
        rng: &mut StdRng,
    ) -> Result<(Vec<u32>, usize), Box<dyn Error>>;

    /// The model after `model`, from the sum over `survivors` nations.
    fn next_model(
        &self,
        ring: Ring,
        round: u64,
        model: &[f32],
        words: &[u32],
        survivors: usize,
    ) -> Result<Vec<f32>, Box<dyn Error>>;
}

/// How many nations may drop out and how many may collude: a third, as the protocol's default.
pub(crate) fn max_absent(nations: usize) -> u32 {
    u32::try_from(nations.saturating_sub(1) / 3).unwrap_or(u32::MAX)
}

/// The coding of the models themselves.
pub(crate) fn exact() -> Result<FixedPoint, Box<dyn Error>> {
    Ok(FixedPoint::new(CLIP, FRACTION_BITS, MAX_WEIGHT)?)
}

/// Models and numbers of images; the next model is the weighted mean.
impl Coding for FixedPoint {
    fn words(&self, parameters: usize) -> u64 {
        self.vector_len(parameters as u64)
    }

    fn bits(&self, nations: usize) -> u8 {
        self.modulus_bits(nations)
    }

    fn bound(&self) -> Bound {
        Bound::Exact { max_abs: self.max_abs() }
    }

    fn description(&self, _: u64) -> Vec<u8> {
        self.encode()
    }

    fn to_words(
        &self,
        ring: Ring,
        _: u64,
        contribution: &Contribution,
        _: &mut StdRng,
    ) -> Result<(Vec<u32>, usize), Box<dyn Error>> {
        let mut words = vec![0; contribution.parameters.len()];
        let clipped = self.quantize(ring, contribution.images, &contribution.parameters, &mut words)?;
        words.push(self.weight_word(ring, contribution.images)?);
        Ok((words, clipped))
    }

    fn next_model(&self, ring: Ring, _: u64, _: &[f32], words: &[u32], _: usize) -> Result<Vec<f32>, Box<dyn Error>> {
        let (weight, words) = words.split_last().ok_or("empty sum")?;
        let mut mean = vec![0.0; words.len()];
        self.mean(ring, words, self.total_weight(ring, *weight), &mut mean)?;
        #[allow(clippy::cast_possible_truncation, reason = "models are f32")]
        Ok(mean.into_iter().map(|value| value as f32).collect())
    }
}
