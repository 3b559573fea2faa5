//! The wire form of words (section 12): blocks of 64 words cut into planes, and a dense tail.
//!
//! A plane holds one field of every word of a block, and the widths of the fields are the powers of two that `bits` is the sum of. So
//! a block of `bits`-bit words has exactly `8 * bits` bytes, and packing it is a matter of shifts and truncations of whole vectors,
//! which the compiler finds by itself. The loops are compiled for several instruction sets, of which one is chosen at run time.

mod many;

use alloc::vec::Vec;

pub(crate) use many::{MANY, Sums};
use multiversion::multiversion;

use super::ring::{Lane, Ring};
use crate::error::DecodeError;

/// Words in a block.
pub(crate) const BLOCK: usize = 64;

impl Ring {
    /// Appends packed words; begins on a byte.
    pub(crate) fn pack<L: Lane>(self, words: &[L], out: &mut Vec<u8>) {
        let start = out.len();
        let len = usize::try_from(self.packed_len(words.len() as u64)).unwrap_or(usize::MAX);
        out.resize(start + len, 0);
        self.pack_into(words, out.get_mut(start..).unwrap_or_default());
    }

    /// Packs words into exactly [`Ring::packed_len`] bytes.
    pub(crate) fn pack_into<L: Lane>(self, words: &[L], out: &mut [u8]) {
        let (blocks, tail) = words.as_chunks::<BLOCK>();
        let (planes, dense) = out.split_at_mut_checked(blocks.len() * self.block_len()).unwrap_or_default();
        L::pack_blocks(blocks, self.bits(), planes);
        self.pack_tail(tail, dense);
    }

    /// Adds the words packed in `wire`, which passed [`Ring::check_packed`], to `words`, modulo the lane.
    pub(crate) fn add_packed<L: Lane>(self, wire: &[u8], words: &mut [L]) {
        let (blocks, tail) = words.as_chunks_mut::<BLOCK>();
        let (planes, dense) = wire.split_at_checked(blocks.len() * self.block_len()).unwrap_or_default();
        L::add_blocks(blocks, self.bits(), planes);
        self.add_tail(dense, tail);
    }

    /// Adds the words packed in [`MANY`] wires, which passed [`Ring::check_packed`], to `words`, modulo the lane.
    pub(crate) fn sum_packed<L: Lane>(self, wires: [&[u8]; MANY], words: &mut [L]) {
        let (blocks, tail) = words.as_chunks_mut::<BLOCK>();
        L::sum_blocks(blocks, self.bits(), wires);
        let planes = blocks.len() * self.block_len();
        wires.iter().for_each(|wire| self.add_tail(wire.get(planes..).unwrap_or_default(), tail));
    }

    /// Refuses bytes that are not exactly `words` packed words.
    pub(crate) fn check_packed(self, wire: &[u8], words: usize) -> Result<(), DecodeError> {
        if wire.len() as u64 != self.packed_len(words as u64) {
            return Err(DecodeError::Count);
        }
        self.check_padding(wire, words as u64)
    }

    /// Refuses a last byte with a bit beyond the last of `words` words.
    pub(crate) fn check_padding(self, bytes: &[u8], words: u64) -> Result<(), DecodeError> {
        let used = words.wrapping_mul(u64::from(self.bits())) % 8;
        match bytes.last() {
            Some(last) if used != 0 && last >> used != 0 => Err(DecodeError::Padding),
            _ => Ok(()),
        }
    }

    /// Bytes of a block.
    fn block_len(self) -> usize {
        BLOCK / 8 * usize::from(self.bits())
    }

    /// Fewer than 64 words: one after another, least significant bit first.
    fn pack_tail<L: Lane>(self, words: &[L], out: &mut [u8]) {
        let (mut pending, mut filled, mut out) = (0_u128, 0_u32, out.iter_mut());
        for word in words {
            pending |= u128::from(word.to_u64() & self.max()) << filled;
            filled += u32::from(self.bits());
            while filled >= 8 {
                put_low_byte(&mut out, pending);
                pending >>= 8;
                filled -= 8;
            }
        }
        if filled > 0 {
            put_low_byte(&mut out, pending);
        }
    }

    fn add_tail<L: Lane>(self, wire: &[u8], words: &mut [L]) {
        let (mut pending, mut filled, mut rest) = (0_u128, 0_u32, wire.iter());
        for word in words {
            while filled < u32::from(self.bits()) {
                pending |= u128::from(rest.next().copied().unwrap_or(0)) << filled;
                filled += 8;
            }
            #[allow(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
            let value = L::from_u64(pending as u64 & self.max());
            *word = word.wrapping_add(value);
            pending >>= self.bits();
            filled -= u32::from(self.bits());
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the low byte is what is asked for")]
fn put_low_byte(out: &mut core::slice::IterMut<'_, u8>, pending: u128) {
    if let Some(byte) = out.next() {
        *byte = pending as u8;
    }
}

/// Machine integers whose blocks can be packed.
pub(crate) trait Planes: Sized {
    /// Packs whole blocks into `8 * bits` bytes each.
    fn pack_blocks(blocks: &[[Self; BLOCK]], bits: u8, out: &mut [u8]);
    /// Adds packed blocks.
    fn add_blocks(blocks: &mut [[Self; BLOCK]], bits: u8, wire: &[u8]);
}

/// The widths of the fields of a `bits`-bit word from the low end, and the shift of each.
#[inline(always)]
fn fields(bits: u8) -> impl Iterator<Item = (u32, u32)> {
    let bits = u32::from(bits);
    [64, 32, 16, 8, 4, 2, 1].into_iter().filter(move |width| bits & width != 0).map(move |width| (width, bits & !(2 * width - 1)))
}

/// Fields of `W` bits, fewer than 8: byte `i` of the plane holds those of words `i`, `i + m`, `i + 2m`, .., with `m = 8W` bytes in the
/// plane. Eight of its bytes at a time, since no field reaches into the next byte.
#[inline(always)]
fn fold<const W: usize>(fields: &[u8; BLOCK], plane: &mut [u8]) {
    let (fields, _) = fields.as_chunks::<8>();
    for (j, eight) in plane.as_chunks_mut::<8>().0.iter_mut().enumerate().take(W) {
        let parts = fields.iter().skip(j).step_by(W).enumerate();
        let joined = parts.fold(0, |sum, (k, part)| sum | u64::from_le_bytes(*part) << (W * k));
        *eight = joined.to_le_bytes();
    }
}

/// The inverse of [`fold`].
#[inline(always)]
fn unfold<const W: usize>(plane: &[u8]) -> [u8; BLOCK] {
    let mask = (u64::MAX / 0xff) * ((1 << W) - 1);
    let mut fields = [0; BLOCK];
    for (j, eight) in plane.as_chunks::<8>().0.iter().enumerate().take(W) {
        let joined = u64::from_le_bytes(*eight);
        let parts = fields.as_chunks_mut::<8>().0.iter_mut().skip(j).step_by(W).enumerate();
        parts.for_each(|(k, part)| *part = (joined >> (W * k) & mask).to_le_bytes());
    }
    fields
}

/// The kernels for one lane. Everything they call is inlined, so that it is compiled for the instructions chosen.
macro_rules! planes {
    ($lane:ty, $module:ident) => {
        #[allow(clippy::cast_possible_truncation, clippy::cast_lossless, reason = "fields are cut out of words")]
        mod $module {
            use super::{BLOCK, Planes, fields, fold, multiversion, unfold};

            #[inline(always)]
            fn narrow(words: &[$lane; BLOCK], shift: u32, width: u32) -> [u8; BLOCK] {
                let mask = ((1_u32 << width) - 1) as u8;
                let mut out = [0; BLOCK];
                out.iter_mut().zip(words).for_each(|(byte, word)| *byte = (*word >> shift) as u8 & mask);
                out
            }

            #[inline(always)]
            fn put(words: &[$lane; BLOCK], width: u32, shift: u32, out: &mut [u8]) {
                match width {
                    64 => {
                        out.as_chunks_mut().0.iter_mut().zip(words).for_each(|(o, w)| *o = ((*w >> shift) as u64).to_le_bytes())
                    }
                    32 => {
                        out.as_chunks_mut().0.iter_mut().zip(words).for_each(|(o, w)| *o = ((*w >> shift) as u32).to_le_bytes())
                    }
                    16 => {
                        out.as_chunks_mut().0.iter_mut().zip(words).for_each(|(o, w)| *o = ((*w >> shift) as u16).to_le_bytes())
                    }
                    8 => out.iter_mut().zip(words).for_each(|(o, w)| *o = (*w >> shift) as u8),
                    4 => fold::<4>(&narrow(words, shift, width), out),
                    2 => fold::<2>(&narrow(words, shift, width), out),
                    _ => fold::<1>(&narrow(words, shift, width), out),
                }
            }

            /// Applies `put` to each word and its field, shifted into place.
            #[inline(always)]
            fn merge<T: Copy>(
                words: &mut [$lane; BLOCK],
                shift: u32,
                plane: &[T],
                field: impl Fn(T) -> $lane,
                put: impl Fn(&mut $lane, $lane),
            ) {
                words.iter_mut().zip(plane).for_each(|(word, value)| put(word, field(*value) << shift));
            }

            #[inline(always)]
            fn take(words: &mut [$lane; BLOCK], width: u32, shift: u32, plane: &[u8], put: impl Fn(&mut $lane, $lane)) {
                let byte = |field: u8| field as $lane;
                match width {
                    64 => merge(words, shift, plane.as_chunks().0, |f| u64::from_le_bytes(f) as $lane, put),
                    32 => merge(words, shift, plane.as_chunks().0, |f| u32::from_le_bytes(f) as $lane, put),
                    16 => merge(words, shift, plane.as_chunks().0, |f| u16::from_le_bytes(f) as $lane, put),
                    8 => merge(words, shift, plane, byte, put),
                    4 => merge(words, shift, &unfold::<4>(plane), byte, put),
                    2 => merge(words, shift, &unfold::<2>(plane), byte, put),
                    _ => merge(words, shift, &unfold::<1>(plane), byte, put),
                }
            }

            #[inline(always)]
            fn planes(words: &mut [$lane; BLOCK], bits: u8, mut wire: &[u8], put: impl Fn(&mut $lane, $lane) + Copy) {
                for (width, shift) in fields(bits) {
                    let (plane, rest) = wire.split_at_checked(BLOCK / 8 * width as usize).unwrap_or_default();
                    take(words, width, shift, plane, put);
                    wire = rest;
                }
            }

            #[multiversion(targets(
                "x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl",
                "x86_64+avx+avx2+bmi1+bmi2+fma",
            ))]
            fn pack(blocks: &[[$lane; BLOCK]], bits: u8, out: &mut [u8]) {
                for (block, mut out) in blocks.iter().zip(out.chunks_exact_mut(BLOCK / 8 * usize::from(bits))) {
                    for (width, shift) in fields(bits) {
                        let (plane, rest) = out.split_at_mut_checked(BLOCK / 8 * width as usize).unwrap_or_default();
                        put(block, width, shift, plane);
                        out = rest;
                    }
                }
            }

            #[multiversion(targets(
                "x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl",
                "x86_64+avx+avx2+bmi1+bmi2+fma",
            ))]
            fn add(blocks: &mut [[$lane; BLOCK]], bits: u8, wire: &[u8]) {
                // A block of several planes is put together first, if it fits into registers: one pass over the sum.
                let at_once = !bits.is_power_of_two() && <$lane>::BITS == 32;
                for (block, wire) in blocks.iter_mut().zip(wire.chunks_exact(BLOCK / 8 * usize::from(bits))) {
                    if at_once {
                        let mut values = [0; BLOCK];
                        planes(&mut values, bits, wire, |word, value| *word |= value);
                        block.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.wrapping_add(value));
                    } else {
                        planes(block, bits, wire, |sum, value| *sum = sum.wrapping_add(value));
                    }
                }
            }

            impl Planes for $lane {
                fn pack_blocks(blocks: &[[Self; BLOCK]], bits: u8, out: &mut [u8]) {
                    pack(blocks, bits, out);
                }
                fn add_blocks(blocks: &mut [[Self; BLOCK]], bits: u8, wire: &[u8]) {
                    add(blocks, bits, wire);
                }
            }
        }
    };
}
planes!(u32, narrow);
planes!(u64, wide);

#[cfg(test)]
mod tests;
