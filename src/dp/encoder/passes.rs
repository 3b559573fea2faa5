//! Passes over a whole vector, over threads with the feature `parallel`. Sums are in integers, or in a fixed order.

use alloc::vec::Vec;

#[cfg(feature = "parallel")]
use rayon::prelude::*;

use super::block::{Noise, Scratch, Source};
use crate::{crypto::prg::BLOCK_LEN, dp::BLOCK, dp::clip::SquaredNorm, dp::values::Values, error::InputError};

/// Positions of one task when words are written: a multiple of every block, and a part of what one key covers.
const TASK: usize = 1 << 16;

/// The squared norm of the vector.
pub(super) fn squared_norm<V: Values + ?Sized>(source: &Source<'_, V>) -> Result<SquaredNorm, InputError> {
    let parts = map_parts(source, |position, len, scratch| {
        let mut norm = SquaredNorm::default();
        (position..position + len).step_by(BLOCK).try_for_each(|block| source.add_norm(block, scratch, &mut norm))?;
        Ok(norm)
    });
    let mut norm = SquaredNorm::default();
    for part in parts {
        norm.merge(&part?);
    }
    Ok(norm)
}

/// The squared norm of the rounded vector, exactly.
pub(super) fn rounded_norm<V: Values + ?Sized>(source: &Source<'_, V>) -> Result<u128, InputError> {
    let work = source.encoding.work();
    let parts = map_parts(source, |position, len, scratch| {
        let end = position + len;
        (position..end).step_by(work).try_fold(0, |sum: u128, block| {
            let len = usize::try_from(end - block).unwrap_or(work).min(work);
            Ok(sum.saturating_add(source.round(block, scratch, len)?))
        })
    });
    parts.into_iter().try_fold(0, |sum: u128, part| Ok(sum.saturating_add(part?)))
}

/// Writes the words of `position ..`: whole blocks, or the last one. Returns the squared norm of the integers before noise.
pub(super) fn write<T: Copy + Send, V: Values + ?Sized>(
    source: &Source<'_, V>,
    noise: Option<Noise<'_>>,
    position: u64,
    out: &mut [T],
    put: impl Fn(i64) -> T + Copy + Sync,
    scratch: &mut Scratch,
) -> Result<u128, InputError> {
    let work = source.encoding.work();
    let task = |scratch: &mut Scratch, (position, out): (u64, &mut [T])| {
        (position..)
            .step_by(work)
            .zip(out.chunks_mut(work))
            .try_fold(0, |sum: u128, (position, out)| Ok(sum.saturating_add(source.write(noise, position, out, put, scratch)?)))
    };
    if out.len() <= TASK {
        let norm = task(scratch, (position, out));
        scratch.wipe();
        return norm;
    }
    let starts = (position..).step_by(TASK);
    #[cfg(feature = "parallel")]
    let norms: Vec<_> = {
        let tasks: Vec<_> = starts.zip(out.chunks_mut(TASK)).collect();
        tasks.into_par_iter().map_init(|| Scratch::new(source.encoding), task).collect()
    };
    #[cfg(not(feature = "parallel"))]
    let norms: Vec<_> = starts.zip(out.chunks_mut(TASK)).map(|part| task(scratch, part)).collect();
    norms.into_iter().try_fold(0, |sum: u128, norm| Ok(sum.saturating_add(norm?)))
}

/// Does something with each part of the vector that one key covers: its first position and its length.
fn map_parts<T: Send, V: Values + ?Sized>(
    source: &Source<'_, V>,
    part: impl Fn(u64, u64, &mut Scratch) -> Result<T, InputError> + Sync,
) -> Vec<Result<T, InputError>> {
    let len = source.encoding.vector_len();
    let one = |scratch: &mut Scratch, index: u64| part(index * BLOCK_LEN, BLOCK_LEN.min(len - index * BLOCK_LEN), scratch);
    let parts = 0..len.div_ceil(BLOCK_LEN);
    #[cfg(feature = "parallel")]
    if parts.end > 1 {
        return parts.into_par_iter().map_init(|| Scratch::new(source.encoding), one).collect();
    }
    let mut scratch = Scratch::new(source.encoding);
    parts.map(|index| one(&mut scratch, index)).collect()
}
