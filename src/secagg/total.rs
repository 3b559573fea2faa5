//! The sum of spooled uploads over a range of positions, straight from their wire bytes.

use alloc::vec::Vec;
use core::ops::Range;

use super::upload::{Spool, SpoolError};
use crate::{
    error::{ClientId, EnvironmentError},
    mask::{Accumulator, Layout, TOGETHER},
};

/// Words of every upload that are added before the next: their sum stays in the cache while the uploads stream by.
const SUM_LEN: u64 = 1 << 16;

/// The sum of `range` of all uploads, or the first whose spool failed: there is then no sum.
pub(crate) fn sum_uploads<S: Spool + ?Sized>(
    layout: &Layout,
    range: &Range<u64>,
    uploads: &[(ClientId, &S)],
) -> Result<Result<Accumulator, (ClientId, SpoolError)>, EnvironmentError> {
    let mut sum = Accumulator::new(layout, range)?;
    let mut buffers = [const { Vec::new() }; TOGETHER];
    let step = SUM_LEN.next_multiple_of(layout.alignment());
    for start in range.clone().step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        let piece = start..start.saturating_add(step).min(range.end);
        for group in uploads.chunks(TOGETHER) {
            if let Err(failed) = add_piece(&mut sum, layout, &piece, group, &mut buffers) {
                return Ok(Err(failed));
            }
        }
    }
    Ok(Ok(sum))
}

/// Adds one piece of up to [`TOGETHER`] uploads; `buffers` is memory that is used again.
fn add_piece<S: Spool + ?Sized>(
    sum: &mut Accumulator,
    layout: &Layout,
    piece: &Range<u64>,
    group: &[(ClientId, &S)],
    buffers: &mut [Vec<u8>; TOGETHER],
) -> Result<(), (ClientId, SpoolError)> {
    let (offset, len) = (layout.wire_len(&(0..piece.start)), usize::try_from(layout.wire_len(piece)).unwrap_or(usize::MAX));
    let mut wires: [&[u8]; TOGETHER] = [&[]; TOGETHER];
    for (((client, spool), buffer), wire) in group.iter().zip(buffers).zip(&mut wires) {
        *wire = bytes(*spool, offset, len, buffer).map_err(|e| (*client, e))?;
    }
    // The bytes matched a signed root, and their padding was checked, when they arrived.
    let changed = || SpoolError::new("gives back other bytes than it was given");
    let wires = wires.get(..group.len()).unwrap_or_default();
    sum.add_wires(piece, wires).map_err(|(k, _)| (group.get(k).map_or(ClientId(0), |(client, _)| *client), changed()))
}

/// Bytes of an upload, where they are or copied to `buffer`.
fn bytes<'a, S: Spool + ?Sized>(spool: &'a S, offset: u64, len: usize, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], SpoolError> {
    if let Some(bytes) = spool.view(offset, len) {
        return Ok(bytes);
    }
    buffer.resize(len, 0);
    spool.read(offset, buffer)?;
    Ok(buffer)
}
