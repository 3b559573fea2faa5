//! What an encoder computes on the way, for test vectors.

use alloc::{vec, vec::Vec};

use super::{EncodingSeed, block::Source, passes};
use crate::{
    crypto::prg::Prg,
    dp::{
        clip::Factors,
        encoding::{Encoding, float},
        noise::Sampler,
        rotate,
        values::Values,
    },
    error::InputError,
    label::kdf::{COINS, SIGNS},
};

/// Every value between a vector and its integers (docs/privacy.md, section 4). It holds secret coins and noise.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EncodingTrace {
    /// The sum of the blocks whose squares fit.
    pub usual: f64,
    /// That of the others, in units of 2^1200.
    pub reduced: f64,
    /// What values are multiplied with first.
    pub unit: f64,
    /// And then.
    pub gain: f64,
    /// The squared norm after each attempt at rounding.
    pub norms: Vec<u128>,
    /// Weighted values, the weight, and zeros.
    pub loaded: Vec<f64>,
    /// The same within the clipping norm.
    pub clipped: Vec<f64>,
    /// Rotated and scaled: what is rounded.
    pub scaled: Vec<f64>,
    /// The words of the signs; none without a rotation.
    pub signs: Vec<u64>,
    /// The coins of the last attempt, as many as were asked for.
    pub coins: Vec<u32>,
    /// The noise, as much as was asked for.
    pub noise: Vec<i64>,
}

impl Encoding {
    /// Goes through so many attempts, and keeps everything. For vectors of up to 2^20 words.
    ///
    /// # Errors
    /// [`InputError`] as [`Encoding::encoder`]; [`InputError::Length`] also for a longer vector.
    pub fn trace<V: Values + ?Sized>(
        &self,
        sampler: &Sampler,
        values: &V,
        weight: u32,
        seed: EncodingSeed,
        attempts: u32,
    ) -> Result<EncodingTrace, InputError> {
        let len = usize::try_from(self.vector_len()).ok().filter(|len| *len <= 1 << 20);
        let (Some(len), true) = (len, values.len() == self.length()) else {
            return Err(InputError::Length { expected: self.length(), got: values.len() });
        };
        let EncodingSeed { coins, noise } = seed;
        let mut source = Source {
            encoding: self,
            values,
            weight,
            coins: Prg::new(&coins),
            signs: Prg::new(&self.rotation_seed),
            clip: Factors { unit: 1.0, gain: 1.0 },
            attempt: 0,
        };
        let norm = passes::squared_norm(&source)?;
        let [usual, reduced] = norm.values();
        source.clip = norm.factors(self.clip);
        let mut norms = Vec::new();
        for attempt in 0..attempts {
            source.attempt = attempt;
            norms.push(passes::rounded_norm(&source)?);
        }
        let Factors { unit, gain } = source.clip;
        let (loaded, signs) = (source.loaded(len)?, if self.log2_block == 0 { Vec::new() } else { source.sign_words(len) });
        let clipped = loaded.iter().map(|value| value * gain).collect();
        let scaled = source.scaled(&loaded, &signs);
        let (mut coins, mut drawn) = (vec![0; len], vec![0; len]);
        source.coins.key(COINS, source.attempt.into(), 0).fill(0, &mut coins);
        sampler.add(&noise, 0, &mut drawn);
        Ok(EncodingTrace { usual, reduced, unit, gain, norms, loaded, clipped, scaled, signs, coins, noise: drawn })
    }
}

impl<V: Values + ?Sized> Source<'_, V> {
    fn loaded(&self, len: usize) -> Result<Vec<f64>, InputError> {
        let mut values = vec![0.0; len];
        self.load(0, self.clip.unit, &mut values)?;
        Ok(values)
    }

    fn sign_words(&self, len: usize) -> Vec<u64> {
        let mut signs = vec![0; len / 64];
        self.signs.key(SIGNS, self.encoding.round, 0).fill(0, &mut signs);
        signs
    }

    /// What [`Source::round`] rounds.
    fn scaled(&self, loaded: &[f64], signs: &[u64]) -> Vec<f64> {
        let (encoding, factor) = (self.encoding, self.clip.gain * self.encoding.scale);
        let block = 1_usize << encoding.log2_block;
        let mut values = loaded.to_vec();
        if block == 1 {
            values.iter_mut().for_each(|value| *value *= factor);
        } else {
            rotate::flip(&mut values, signs, factor / libm::sqrt(float(block as u64)));
            rotate::hadamard(&mut values, block);
        }
        values
    }
}
