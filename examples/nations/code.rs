//! What the words of a session mean: exact models, or private updates.

use std::error::Error;

use rand::rngs::StdRng;
use veilsum::{
    Bound, Ring,
    dp::{Encoding, EncodingSeed, FixedPoint, Plan, Sampler},
};

/// Model parameters are clipped to -4..4 (in training they stay below 3), in steps of 2^-16.
const CLIP: f64 = 4.0;
const FRACTION_BITS: u8 = 16;
/// No nation may count for more images than this; the limit is public, the numbers are not.
const MAX_WEIGHT: u32 = 200;

/// What one nation brings to a round.
pub(crate) struct Contribution {
    /// Its model, or what training added to the common model: a flat vector.
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

/// Clipped updates with noise; the next model is the old one plus their mean, in which every nation counts the same.
pub(crate) struct Private {
    encoding: Encoding,
    sampler: Sampler,
    log2_wrap: f64,
}

impl Private {
    pub(crate) fn new(plan: &Plan) -> Result<Self, Box<dyn Error>> {
        let encoding = plan.encoding().clone();
        let sampler = encoding.sampler()?;
        Ok(Self { encoding, sampler, log2_wrap: plan.log2_wrap() })
    }
}

impl Coding for Private {
    fn words(&self, _: usize) -> u64 {
        self.encoding.vector_len()
    }

    fn bits(&self, _: usize) -> u8 {
        self.encoding.ring().bits()
    }

    /// No sum wraps, except with the probability that the plan states.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of a few digits")]
    fn bound(&self) -> Bound {
        Bound::Tail { max_sum: self.encoding.ring().max() >> 1, log2: (-self.log2_wrap).floor() as u32 }
    }

    fn description(&self, round: u64) -> Vec<u8> {
        self.encoding.for_round(round).describe()
    }

    fn to_words(
        &self,
        _: Ring,
        round: u64,
        contribution: &Contribution,
        rng: &mut StdRng,
    ) -> Result<(Vec<u32>, usize), Box<dyn Error>> {
        let encoding = self.encoding.for_round(round);
        let seed = EncodingSeed::generate(rng)?;
        let mut encoder = encoding.encoder(&self.sampler, &contribution.parameters, 1, seed)?;
        let mut words = vec![0; usize::try_from(encoder.remaining())?];
        encoder.next_words(&mut words)?;
        Ok((words, 0))
    }

    fn next_model(
        &self,
        _: Ring,
        round: u64,
        model: &[f32],
        words: &[u32],
        survivors: usize,
    ) -> Result<Vec<f32>, Box<dyn Error>> {
        let mut sum = vec![0.0; words.len()];
        self.encoding.for_round(round).decode(0, words, &mut sum)?;
        Ok(add_mean(model, &sum, survivors))
    }
}

/// The model plus a sum of updates divided by the number of nations in it.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "models are f32, nations are few")]
pub(crate) fn add_mean(model: &[f32], sum: &[f64], nations: usize) -> Vec<f32> {
    model.iter().zip(sum).map(|(parameter, sum)| (f64::from(*parameter) + sum / nations as f64) as f32).collect()
}
