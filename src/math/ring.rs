//! Words modulo `2^b` and their range (section 4).

use zeroize::Zeroize;

use super::pack::{Planes, Sums};
use crate::error::InputError;

mod private {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

/// A machine integer that holds words: `u32` for up to 32 bits, `u64` for up to 64.
pub trait Word: private::Sealed + Copy + Default + Send + Sync + 'static {
    /// Bits of the integer.
    const BITS: u8;
    #[doc(hidden)]
    fn to_u64(self) -> u64;
    #[doc(hidden)]
    fn from_u64(value: u64) -> Self;
}

/// A machine integer in which words are masked and summed.
pub(crate) trait Lane: Word + Planes + Sums + Zeroize {
    const BYTES: usize;
    /// Adds little-endian integers to words one by one, or takes them away, as far as both go.
    fn combine<const NEGATIVE: bool>(words: &mut [Self], bytes: &[u8]);
    fn wrapping_add(self, other: Self) -> Self;
}

macro_rules! word {
    ($type:ty) => {
        impl Word for $type {
            #[allow(clippy::cast_possible_truncation, reason = "32 or 64")]
            const BITS: u8 = <$type>::BITS as u8;
            #[inline(always)]
            fn to_u64(self) -> u64 {
                u64::from(self)
            }
            #[inline(always)]
            #[allow(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
            fn from_u64(value: u64) -> Self {
                value as $type
            }
        }

        impl Lane for $type {
            const BYTES: usize = size_of::<$type>();
            #[inline(always)]
            fn combine<const NEGATIVE: bool>(words: &mut [Self], bytes: &[u8]) {
                for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                    let value = Self::from_le_bytes(*bytes);
                    *word = if NEGATIVE { word.wrapping_sub(value) } else { word.wrapping_add(value) };
                }
            }
            #[inline(always)]
            fn wrapping_add(self, other: Self) -> Self {
                <$type>::wrapping_add(self, other)
            }
        }
    };
}
word!(u32);
word!(u64);

/// The ring of integers modulo `2^bits`, `2 <= bits <= 64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    bits: u8,
}

impl Ring {
    /// Words of 64 bits.
    pub(crate) const WIDEST: Self = Self { bits: 64 };

    /// The ring of integers modulo `2^bits`; `None` outside 2..=64.
    #[must_use]
    pub fn new(bits: u8) -> Option<Self> {
        (2..=64).contains(&bits).then_some(Self { bits })
    }

    /// Bits of a word.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// The largest word, `2^bits - 1`.
    #[must_use]
    pub fn max(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// The word of an integer, modulo `2^bits`.
    #[must_use]
    #[allow(clippy::cast_sign_loss, reason = "two's complement is the residue")]
    pub fn wrap(self, value: i64) -> u64 {
        value as u64 & self.max()
    }

    /// The centred value of a word: in `-2^(bits-1) .. 2^(bits-1)`.
    #[must_use]
    #[allow(clippy::cast_possible_wrap, reason = "two's complement is the residue")]
    pub fn centered(self, word: u64) -> i64 {
        let shift = 64 - self.bits;
        ((word << shift) as i64) >> shift
    }

    /// Bytes of `words` packed words; a number that no vector reaches saturates.
    #[must_use]
    pub fn packed_len(self, words: u64) -> u64 {
        let bytes = (u128::from(words) * u128::from(self.bits)).div_ceil(8);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Checks that every word is below `2^bits` and, with a bound, at most `max_abs` in absolute value when centred.
    pub(crate) fn check<W: Word>(self, words: &[W], max_abs: Option<u64>, first: u64) -> Result<(), InputError> {
        let (max, bound) = (self.max(), max_abs.unwrap_or(u64::MAX >> 1));
        let width = bound.saturating_mul(2);
        let bad = |word: &W| {
            let word = word.to_u64();
            word > max || (max_abs.is_some() && word.wrapping_add(bound) & max > width)
        };
        match words.iter().position(bad) {
            Some(place) => Err(InputError::WordOutOfRange { position: first + place as u64 }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
