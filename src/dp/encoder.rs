//! One client's vector on its way to words (docs/privacy.md, section 4).

use alloc::{vec, vec::Vec};
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::{
    clip::Factors,
    encoding::{ATTEMPTS, Encoding, Rounding},
    noise::{NoiseSeed, Sampler},
    values::Values,
};
use crate::{
    crypto::prg::Prg,
    error::{EnvironmentError, InputError},
    math::ring::Word,
};

mod block;
#[cfg(feature = "hazmat")]
mod inspect;
mod passes;

use block::{Noise, Scratch, Source};
#[cfg(feature = "hazmat")]
pub use inspect::EncodingTrace;

/// The secret coins of one vector of one client: of its rounding and of its noise. It serves once, so it can not be copied.
pub struct EncodingSeed {
    coins: Zeroizing<[u8; 32]>,
    noise: NoiseSeed,
}

impl EncodingSeed {
    /// Fresh coins.
    ///
    /// # Errors
    /// [`EnvironmentError::Rng`] if the generator fails.
    pub fn generate(rng: &mut impl TryCryptoRng) -> Result<Self, EnvironmentError> {
        let mut coins = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *coins).map_err(|_| EnvironmentError::Rng)?;
        Ok(Self { coins, noise: NoiseSeed::random(rng)? })
    }
}

impl fmt::Debug for EncodingSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncodingSeed(..)")
    }
}

impl Encoding {
    /// Begins to encode a vector: reads it once for its norm, and again for each attempt at rounding.
    ///
    /// `weight` is 1 without weights. The words then come from [`Encoder::next_words`], which reads the vector once more.
    ///
    /// # Errors
    /// [`InputError::Length`] if there are not [`Encoding::length`] values; [`InputError::NotFinite`] for a NaN or an infinity, with its
    /// position; [`InputError::Weight`] above the largest weight; [`InputError::Sampler`] unless the sampler has the encoding's law;
    /// [`InputError::Rounding`] by a chance below 2^-64; what `values` gives.
    pub fn encoder<'a, V: Values + ?Sized>(
        &'a self,
        sampler: &'a Sampler,
        values: &'a V,
        weight: u32,
        seed: EncodingSeed,
    ) -> Result<Encoder<'a, V>, InputError> {
        Encoder::new(self, Some(sampler), values, weight, seed)
    }

    /// Without noise, and so without any privacy: to measure and to test.
    ///
    /// # Errors
    /// As [`Encoding::encoder`].
    #[cfg(any(test, feature = "hazmat"))]
    pub fn encoder_without_noise<'a, V: Values + ?Sized>(
        &'a self,
        values: &'a V,
        weight: u32,
        seed: EncodingSeed,
    ) -> Result<Encoder<'a, V>, InputError> {
        Encoder::new(self, None, values, weight, seed)
    }

    fn check_weight(&self, weight: u32) -> Result<(), InputError> {
        let allowed = self.weights.map_or(1..=1, |weights| 0..=weights.max);
        if allowed.contains(&weight) {
            return Ok(());
        }
        Err(InputError::Weight { weight: u64::from(weight), max: u64::from(*allowed.end()) })
    }
}

/// Gives the words of one vector from its beginning to its end, in pieces of any length; the pieces do not change the words.
///
/// Every word is given once, and no word before the exact norm of all integers up to the end of its block is known to be within the bound.
pub struct Encoder<'a, V: ?Sized> {
    source: Source<'a, V>,
    sampler: Option<&'a Sampler>,
    noise: NoiseSeed,
    /// Words already given.
    position: u64,
    /// Squared norm of all integers computed.
    norm: u128,
    /// A block of which a part was given, and how long this part is.
    pending: Zeroizing<Vec<i64>>,
    taken: usize,
    scratch: Scratch,
    failed: bool,
}

impl<V: ?Sized> fmt::Debug for Encoder<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("position", &self.position).finish_non_exhaustive()
    }
}

impl<'a, V: Values + ?Sized> Encoder<'a, V> {
    fn new(
        encoding: &'a Encoding,
        sampler: Option<&'a Sampler>,
        values: &'a V,
        weight: u32,
        seed: EncodingSeed,
    ) -> Result<Self, InputError> {
        encoding.check_weight(weight)?;
        if values.len() != encoding.length {
            return Err(InputError::Length { expected: encoding.length, got: values.len() });
        }
        if sampler.is_some_and(|sampler| sampler.law() != encoding.law) {
            return Err(InputError::Sampler);
        }
        let EncodingSeed { coins, noise } = seed;
        let mut source = Source {
            encoding,
            values,
            weight,
            coins: Prg::new(&coins),
            signs: Prg::new(&encoding.rotation_seed),
            clip: Factors { unit: 1.0, gain: 1.0 },
            attempt: 0,
        };
        source.clip = passes::squared_norm(&source)?.factors(encoding.clip);
        if encoding.rounding == Rounding::Conditional {
            source.attempt = source.first_good_attempt()?;
        }
        let (scratch, pending) = (Scratch::new(encoding), Zeroizing::new(Vec::new()));
        Ok(Self { source, sampler, noise, position: 0, norm: 0, pending, taken: 0, scratch, failed: false })
    }

    /// How many times the vector was rounded before its norm was within the bound; 1 for plain rounding.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.source.attempt + 1
    }

    /// Words that are still to come.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.source.encoding.vector_len() - self.position
    }

    /// Writes the next words of the vector, modulo `2^bits`.
    ///
    /// # Errors
    /// [`InputError::WordWidth`] if they do not fit into `W`, [`InputError::TooManyWords`] beyond the end, and the encoder goes on. After
    /// [`InputError::Truncated`], by a chance below 2^-64, or [`InputError::Changed`], or an error of the source, it gives nothing more.
    /// The words of a failed call are zero.
    pub fn next_words<W: Word>(&mut self, words: &mut [W]) -> Result<(), InputError> {
        let ring = self.source.encoding.ring;
        if ring.bits() > W::BITS {
            return Err(InputError::WordWidth(ring.bits()));
        }
        self.next(words, |integer| W::from_u64(ring.wrap(integer)))
    }

    /// Writes the next words as centred integers that have not wrapped: with `max_abs`, for masks that need bounded integers.
    ///
    /// # Errors
    /// As [`Encoder::next_words`].
    pub fn next_integers(&mut self, integers: &mut [i64]) -> Result<(), InputError> {
        self.next(integers, |integer| integer)
    }

    fn next<T: Copy + Default + Send>(&mut self, out: &mut [T], put: impl Fn(i64) -> T + Copy + Sync) -> Result<(), InputError> {
        if self.failed {
            return Err(InputError::WrongState);
        }
        if out.len() as u64 > self.remaining() {
            return Err(InputError::TooManyWords { expected: self.remaining(), given: out.len() as u64 });
        }
        let given = self.write(out, put);
        if given.is_err() {
            self.failed = true;
            self.pending.zeroize();
            out.fill(T::default());
        }
        given
    }

    fn write<T: Copy + Send>(&mut self, out: &mut [T], put: impl Fn(i64) -> T + Copy + Sync) -> Result<(), InputError> {
        let out = self.give_pending(out, put);
        let work = self.source.encoding.work();
        let (blocks, rest) = out.split_at_mut(out.len() - out.len() % work);
        let norm = self.blocks(blocks, put)?;
        self.count(norm)?;
        self.position += blocks.len() as u64;
        if rest.is_empty() {
            return Ok(());
        }
        let len = usize::try_from(self.remaining()).unwrap_or(usize::MAX).min(work);
        let mut block = Zeroizing::new(vec![0; len]);
        let norm = self.blocks(&mut block, |integer| integer)?;
        self.count(norm)?;
        (self.pending, self.taken) = (block, 0);
        self.give_pending(rest, put);
        Ok(())
    }

    /// Gives what is left of a block; returns what is still to be written.
    fn give_pending<'o, T>(&mut self, out: &'o mut [T], put: impl Fn(i64) -> T) -> &'o mut [T] {
        let left = self.pending.get(self.taken..).unwrap_or_default();
        let (given, rest) = out.split_at_mut(out.len().min(left.len()));
        given.iter_mut().zip(left).for_each(|(out, integer)| *out = put(*integer));
        self.taken += given.len();
        self.position += given.len() as u64;
        rest
    }

    /// Writes whole blocks, or the last one, from the present position. Returns the squared norm of what was written, before noise.
    fn blocks<T: Copy + Send>(&mut self, out: &mut [T], put: impl Fn(i64) -> T + Copy + Sync) -> Result<u128, InputError> {
        let noise = self.sampler.map(|sampler| Noise { sampler, seed: &self.noise });
        passes::write(&self.source, noise, self.position, out, put, &mut self.scratch)
    }

    fn count(&mut self, norm: u128) -> Result<(), InputError> {
        self.norm = self.norm.saturating_add(norm);
        if self.norm <= u128::from(self.source.encoding.l2_squared) { Ok(()) } else { Err(InputError::Changed) }
    }
}

impl<V: Values + ?Sized> Source<'_, V> {
    fn first_good_attempt(&mut self) -> Result<u32, InputError> {
        for attempt in 0..ATTEMPTS {
            self.attempt = attempt;
            if passes::rounded_norm(self)? <= u128::from(self.encoding.l2_squared) {
                return Ok(attempt);
            }
        }
        Err(InputError::Rounding { attempts: ATTEMPTS })
    }
}

#[cfg(test)]
mod tests;
