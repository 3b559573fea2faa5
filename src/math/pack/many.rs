//! Several packed vectors added at once: the sum is loaded and stored once for all of them, and fields are summed plane by plane,
//! in integers that are just wide enough, before they are shifted into place.

use multiversion::multiversion;

use super::{BLOCK, fields};

/// Vectors that are added at once. Sums of so many fields of up to four bits fit into a byte.
pub(crate) const MANY: usize = 8;

/// Machine integers in which packed blocks are summed.
pub(crate) trait Sums: Sized {
    /// Adds the blocks of [`MANY`] vectors, `8 * bits` bytes for each of `blocks`.
    fn sum_blocks(blocks: &mut [[Self; BLOCK]], bits: u8, wires: [&[u8]; MANY]);
}

/// The planes of one field, of each vector.
type Planes<'a, const BYTES: usize> = [&'a [u8; BYTES]; MANY];

#[inline(always)]
fn planes<'a, const BYTES: usize>(wires: &[&'a [u8]; MANY], start: usize) -> Planes<'a, BYTES> {
    wires.map(|wire| wire.get(start..).and_then(<[u8]>::first_chunk).unwrap_or(&[0; BYTES]))
}

/// The sums of fields of `W` bits, fewer than 8, of planes of `BYTES = 8 W`.
#[inline(always)]
fn byte_sums<const W: usize, const BYTES: usize>(planes: Planes<'_, BYTES>) -> [u8; BLOCK] {
    let mut sums = [0_u8; BLOCK];
    for (term, sums) in sums.chunks_exact_mut(BYTES).enumerate() {
        for (i, sum) in sums.iter_mut().enumerate() {
            let field = |plane: &[u8; BYTES]| plane.get(i).map_or(0, |byte| byte >> (W * term) & ((1 << W) - 1));
            *sum = planes.iter().fold(0, |sum, plane| sum + field(plane));
        }
    }
    sums
}

/// The kernel for one lane. Everything it calls is inlined, so that it is compiled for the instructions chosen.
macro_rules! sums {
    ($lane:ty, $module:ident) => {
        #[allow(clippy::cast_possible_truncation, clippy::cast_lossless, reason = "fields are sums of pieces of words")]
        mod $module {
            use super::{BLOCK, MANY, Planes, Sums, byte_sums, fields, multiversion, planes};

            /// Adds the sum of fields of `N` bytes each, shifted.
            #[inline(always)]
            fn wide<const N: usize, const BYTES: usize>(
                block: &mut [$lane; BLOCK],
                shift: u32,
                planes: Planes<'_, BYTES>,
                field: impl Fn([u8; N]) -> $lane,
            ) {
                for (i, word) in block.iter_mut().enumerate() {
                    let at = |plane: &[u8; BYTES]| plane.as_chunks().0.get(i).map_or(0, |bytes| field(*bytes));
                    let sum = planes.iter().fold(0, |sum: $lane, plane| sum.wrapping_add(at(plane)));
                    *word = word.wrapping_add(sum << shift);
                }
            }

            #[inline(always)]
            fn bytes(block: &mut [$lane; BLOCK], shift: u32, sums: [u8; BLOCK]) {
                block.iter_mut().zip(sums).for_each(|(word, sum)| *word = word.wrapping_add((sum as $lane) << shift));
            }

            #[multiversion(targets(
                "x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl",
                "x86_64+avx+avx2+bmi1+bmi2+fma",
            ))]
            fn sum(blocks: &mut [[$lane; BLOCK]], bits: u8, wires: [&[u8]; MANY]) {
                let mut start = 0;
                for block in blocks {
                    for (width, shift) in fields(bits) {
                        match width {
                            64 => wide::<8, 512>(block, shift, planes(&wires, start), |f| u64::from_le_bytes(f) as $lane),
                            32 => wide::<4, 256>(block, shift, planes(&wires, start), |f| u32::from_le_bytes(f) as $lane),
                            16 => wide::<2, 128>(block, shift, planes(&wires, start), |f| u16::from_le_bytes(f) as $lane),
                            8 => wide::<1, 64>(block, shift, planes(&wires, start), |[f]| f as $lane),
                            4 => bytes(block, shift, byte_sums::<4, 32>(planes(&wires, start))),
                            2 => bytes(block, shift, byte_sums::<2, 16>(planes(&wires, start))),
                            _ => bytes(block, shift, byte_sums::<1, 8>(planes(&wires, start))),
                        }
                        start += BLOCK / 8 * width as usize;
                    }
                }
            }

            impl Sums for $lane {
                fn sum_blocks(blocks: &mut [[Self; BLOCK]], bits: u8, wires: [&[u8]; MANY]) {
                    sum(blocks, bits, wires);
                }
            }
        }
    };
}
sums!(u32, narrow);
sums!(u64, wide);
