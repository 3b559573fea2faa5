//! One block: read, rotate, scale, round, add noise.

use alloc::{vec, vec::Vec};

use zeroize::{Zeroize, Zeroizing};

use crate::{
    crypto::prg::{BLOCK_LEN, BlockKey, Prg},
    dp::{
        BLOCK, clip,
        clip::Factors,
        encoding::{Encoding, float},
        noise::{NOISE_BLOCK, NoiseSeed, Sampler},
        rotate, round,
        values::Values,
    },
    error::InputError,
    label::kdf::{COINS, SIGNS},
};

impl Encoding {
    /// Positions that are worked on together.
    pub(in crate::dp) fn work(&self) -> usize {
        BLOCK.max(1 << self.log2_block)
    }
}

/// A client's vector, and what turns it into integers.
pub(super) struct Source<'a, V: ?Sized> {
    pub(super) encoding: &'a Encoding,
    pub(super) values: &'a V,
    pub(super) weight: u32,
    pub(super) coins: Prg,
    pub(super) signs: Prg,
    pub(super) clip: Factors,
    pub(super) attempt: u32,
}

/// A client's noise.
#[derive(Clone, Copy)]
pub(super) struct Noise<'a> {
    pub(super) sampler: &'a Sampler,
    pub(super) seed: &'a NoiseSeed,
}

/// Memory for one block, and the keys of its positions. Wiped on drop.
pub(super) struct Scratch {
    values: Zeroizing<Vec<f64>>,
    coins: Zeroizing<Vec<u32>>,
    signs: Vec<u64>,
    integers: Zeroizing<Vec<i64>>,
    keys: Option<Keys>,
}

struct Keys {
    attempt: u32,
    block: u64,
    coins: BlockKey,
    signs: BlockKey,
}

impl Scratch {
    pub(super) fn new(encoding: &Encoding) -> Self {
        let work = encoding.work();
        Self {
            values: Zeroizing::new(vec![0.0; work]),
            coins: Zeroizing::new(vec![0; work]),
            signs: vec![0; work / 64],
            integers: Zeroizing::new(vec![0; work]),
            keys: None,
        }
    }

    pub(super) fn wipe(&mut self) {
        self.values.as_mut_slice().zeroize();
        self.integers.as_mut_slice().zeroize();
    }
}

impl<V: Values + ?Sized> Source<'_, V> {
    /// Adds the squared norm of the values at `position ..`, at most [`BLOCK`] of them.
    pub(super) fn add_norm(&self, position: u64, scratch: &mut Scratch, norm: &mut clip::SquaredNorm) -> Result<(), InputError> {
        let values = scratch.values.get_mut(..BLOCK).unwrap_or_default();
        self.load(position, 1.0, values)?;
        let squares = clip::sum_of_squares(values);
        if !clip::overflows(squares) {
            norm.add(squares);
            return Ok(());
        }
        self.check_finite(position, values)?;
        self.load(position, clip::REDUCE, values)?;
        norm.add_reduced(clip::sum_of_squares(values));
        Ok(())
    }

    fn check_finite(&self, position: u64, values: &mut [f64]) -> Result<(), InputError> {
        let values = self.read(position, values)?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(place) => Err(InputError::NotFinite { position: position + place as u64 }),
            None => Ok(()),
        }
    }

    /// Reads the values that there are at `position ..`, as they are.
    fn read<'o>(&self, position: u64, out: &'o mut [f64]) -> Result<&'o mut [f64], InputError> {
        let there = self.encoding.length.saturating_sub(position);
        let len = usize::try_from(there).unwrap_or(usize::MAX).min(out.len());
        let values = out.get_mut(..len).unwrap_or_default();
        if len > 0 {
            self.values.read(position, values)?;
        }
        Ok(values)
    }

    /// Reads coordinates `position ..`, multiplied by `unit`: weighted values, then the weight, then zeros.
    pub(super) fn load(&self, position: u64, unit: f64, out: &mut [f64]) -> Result<(), InputError> {
        let values = self.read(position, out)?;
        let weight = f64::from(self.weight);
        // Whether there are weights is public; whether this one is 1 is not.
        if unit != 1.0 || self.encoding.weights.is_some() {
            values.iter_mut().for_each(|value| *value = (*value * unit) * weight);
        }
        let len = values.len();
        let rest = out.get_mut(len..).unwrap_or_default();
        rest.fill(0.0);
        if let (Some(weights), Some(place)) = (self.encoding.weights, rest.first_mut())
            && position + len as u64 == self.encoding.length
        {
            *place = (weights.unit * unit) * weight;
        }
        Ok(())
    }

    /// Writes the integers of `position ..`, whole blocks. Returns their squared norm.
    pub(super) fn round(&self, position: u64, scratch: &mut Scratch, len: usize) -> Result<u128, InputError> {
        self.prepare_keys(position, scratch);
        let Scratch { values, coins, signs, integers, keys } = scratch;
        let (Some(values), Some(coins), Some(keys)) = (values.get_mut(..len), coins.get_mut(..len), keys) else { return Ok(0) };
        self.load(position, self.clip.unit, values)?;
        let offset = position % BLOCK_LEN;
        keys.coins.fill(offset, coins);
        let block = 1_usize << self.encoding.log2_block;
        let mut factor = self.clip.gain * self.encoding.scale;
        if block > 1 {
            keys.signs.fill(offset / 64, signs);
            rotate::flip(values, signs, factor / libm::sqrt(float(block as u64)));
            rotate::hadamard(values, block);
            factor = 1.0;
        }
        Ok(round::round(values, factor, coins, integers.get_mut(..len).unwrap_or_default()))
    }

    fn prepare_keys(&self, position: u64, scratch: &mut Scratch) {
        let (attempt, block) = (self.attempt, position / BLOCK_LEN);
        if scratch.keys.as_ref().is_none_or(|keys| (keys.attempt, keys.block) != (attempt, block)) {
            let coins = self.coins.key(COINS, u64::from(attempt), block);
            let signs = self.signs.key(SIGNS, self.encoding.round, block);
            scratch.keys = Some(Keys { attempt, block, coins, signs });
        }
    }

    /// Writes the words of `position ..`, one block. Returns the squared norm of the integers before noise.
    pub(super) fn write<T>(
        &self,
        noise: Option<Noise<'_>>,
        position: u64,
        out: &mut [T],
        put: impl Fn(i64) -> T,
        scratch: &mut Scratch,
    ) -> Result<u128, InputError> {
        let norm = self.round(position, scratch, out.len())?;
        let integers = scratch.integers.get_mut(..out.len()).unwrap_or_default();
        if let Some(Noise { sampler, seed }) = noise {
            sampler.add(seed, position / NOISE_BLOCK as u64, integers);
        }
        if let Some(max_abs) = self.encoding.max_abs
            && let Some(place) = integers.iter().position(|integer| integer.unsigned_abs() > max_abs)
        {
            return Err(InputError::Truncated { position: position + place as u64 });
        }
        out.iter_mut().zip(integers).for_each(|(out, integer)| *out = put(*integer));
        Ok(norm)
    }
}
