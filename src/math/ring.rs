//! Words modulo `2^b`: their range, their packing on the wire (sections 4 and 12).

use alloc::vec::Vec;

use crate::error::{DecodeError, InputError};

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
pub(crate) trait Lane: Word {
    const BYTES: usize;
    fn from_le_slice(bytes: &[u8]) -> Self;
    fn wrapping_add(self, other: Self) -> Self;
    fn wrapping_sub(self, other: Self) -> Self;
}

macro_rules! word {
    ($type:ty) => {
        impl Word for $type {
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
            fn from_le_slice(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(0, |bytes| Self::from_le_bytes(*bytes))
            }
            #[inline(always)]
            fn wrapping_add(self, other: Self) -> Self {
                <$type>::wrapping_add(self, other)
            }
            #[inline(always)]
            fn wrapping_sub(self, other: Self) -> Self {
                <$type>::wrapping_sub(self, other)
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

    /// Bytes of `words` packed words.
    #[must_use]
    pub fn packed_len(self, words: u64) -> u64 {
        (words * u64::from(self.bits)).div_ceil(8)
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

    /// Appends packed words; begins on a byte.
    pub(crate) fn pack<W: Word>(self, words: &[W], out: &mut Vec<u8>) {
        if self.bits.is_multiple_of(8) {
            let bytes = usize::from(self.bits / 8);
            words.iter().for_each(|word| out.extend(word.to_u64().to_le_bytes().iter().take(bytes)));
            return;
        }
        let (mut pending, mut filled) = (0_u128, 0_u32);
        for word in words {
            pending |= u128::from(word.to_u64() & self.max()) << filled;
            filled += u32::from(self.bits);
            while filled >= 8 {
                out.push(low_byte(pending));
                pending >>= 8;
                filled -= 8;
            }
        }
        if filled > 0 {
            out.push(low_byte(pending));
        }
    }

    /// Hands each of the words packed in `bytes` to `each`, with its place.
    pub(crate) fn unpack(self, bytes: &[u8], words: usize, mut each: impl FnMut(usize, u64)) -> Result<(), DecodeError> {
        if bytes.len() as u64 != self.packed_len(words as u64) {
            return Err(DecodeError::Count);
        }
        self.check_padding(bytes, words as u64)?;
        let (mut pending, mut filled, mut rest) = (0_u128, 0_u32, bytes.iter());
        for place in 0..words {
            while filled < u32::from(self.bits) {
                pending |= u128::from(rest.next().copied().unwrap_or(0)) << filled;
                filled += 8;
            }
            #[allow(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
            each(place, pending as u64 & self.max());
            pending >>= self.bits;
            filled -= u32::from(self.bits);
        }
        Ok(())
    }

    /// Refuses a last byte with a bit beyond the last of `words` words.
    pub(crate) fn check_padding(self, bytes: &[u8], words: u64) -> Result<(), DecodeError> {
        let used = words.wrapping_mul(u64::from(self.bits)) % 8;
        match bytes.last() {
            Some(last) if used != 0 && last >> used != 0 => Err(DecodeError::Padding),
            _ => Ok(()),
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the low byte is what is asked for")]
fn low_byte(pending: u128) -> u8 {
    pending as u8
}

#[cfg(test)]
mod tests;
