//! Sums of lattice masked vectors: residues, block by block and in each prime by prime.

use alloc::{vec, vec::Vec};
use core::ops::Range;

use super::{Geometry, Masks, UnmaskError};
use crate::{
    error::{DecodeError, EnvironmentError},
    mask::accumulator::{add_all, sum_wires, zeros},
    math::ring::{Ring, Word},
};

/// Sums modulo the primes of whole blocks, the last of which may be shorter. They are reduced when they are read: 4096 residues of up to
/// 50 bits fit.
pub(crate) struct Residues {
    geometry: Geometry,
    words: u64,
    sums: Vec<u64>,
}

impl Residues {
    /// Zeros for so many words, from the beginning of a block on.
    pub(crate) fn new(geometry: Geometry, words: u64) -> Result<Self, EnvironmentError> {
        let residues = geometry.coefficients(words).saturating_mul(geometry.set().prime_count().into());
        Ok(Self { geometry, words, sums: zeros(residues)? })
    }

    /// Adds wire bytes of some vectors at these words; nothing if they are not whole blocks, or one is not as long.
    pub(crate) fn add_wires(&mut self, words: Range<usize>, wires: &[&[u8]]) -> Result<(), (usize, DecodeError)> {
        let sums = self.place(&words).and_then(|place| self.sums.get_mut(place)).ok_or((0, DecodeError::Count))?;
        let len = index(self.geometry.wire_len((words.end - words.start) as u64));
        if let Some(k) = wires.iter().position(|wire| wire.len() != len) {
            return Err((k, DecodeError::Count));
        }
        add_blocks(self.geometry, sums, wires);
        Ok(())
    }

    /// Where the residues of these words are: whole blocks, or to the end.
    fn place(&self, words: &Range<usize>) -> Option<Range<usize>> {
        let primes = self.geometry.set().primes().len();
        let at = |word: usize| match word as u64 {
            end if end == self.words => Some(self.sums.len()),
            begin => begin.is_multiple_of(self.geometry.block_len()).then(|| index(self.geometry.coefficients(begin)) * primes),
        };
        Some(at(words.start)?..at(words.end)?)
    }

    /// Adds other sums of the same range.
    pub(crate) fn merge(&mut self, other: &Self) -> Option<()> {
        let alike = (self.geometry, self.words) == (other.geometry, other.words);
        alike.then(|| add_all(&mut self.sums, &other.sums))
    }

    /// Appends the residues in the wire form.
    pub(crate) fn pack(&self, out: &mut Vec<u8>) {
        self.pack_parts(|part| out.extend_from_slice(part));
    }

    /// Adds to zeros what [`Residues::pack`] made; other forms of the same sums are refused.
    pub(crate) fn unpack(&mut self, wire: &[u8]) -> Result<(), DecodeError> {
        self.add_wires(0..index(self.words), &[wire]).map_err(|(_, e)| e)?;
        let mut rest = Some(wire);
        self.pack_parts(|part| rest = rest.and_then(|rest| rest.strip_prefix(part)));
        if rest == Some(&[]) { Ok(()) } else { Err(DecodeError::Value) }
    }

    /// The bytes of one prime of one block after the other.
    fn pack_parts(&self, mut take: impl FnMut(&[u8])) {
        let (set, mut reduced, mut packed) = (self.geometry.set(), Vec::new(), Vec::new());
        for block in self.sums.chunks(set.primes().len() * set.len()) {
            for (modulus, sums) in set.moduli().zip(block.chunks(block.len() / set.primes().len())) {
                reduced.clear();
                reduced.extend(sums.iter().map(|sum| sum % modulus.value()));
                packed.clear();
                set.wire_ring().pack(&reduced, &mut packed);
                take(&packed);
            }
        }
    }

    /// Unmasks the words of `range`, positions in the vector; the residues begin at `start`. `range` lies within them.
    pub(crate) fn read<W: Word>(
        &self,
        ring: Ring,
        start: u64,
        range: Range<u64>,
        masks: &Masks,
        survivors: u32,
        mut out: &mut [W],
    ) -> Result<(), UnmaskError> {
        let (len, mut kernels) = (self.geometry.block_len(), masks.kernels());
        let mut position = range.start;
        while !out.is_empty() {
            let first = position / len;
            // Whole blocks go where they belong; of others a part is copied.
            let end = if range.end == masks.block(range.end / len).end { range.end } else { range.end - range.end % len };
            let whole = position.is_multiple_of(len) && end > position;
            let blocks = if whole { position..end } else { masks.block(first) };
            let sums = self.of(start, &blocks).ok_or(UnmaskError::Mismatch(first))?;
            let taken = blocks.end.min(range.end) - position;
            let (now, later) = out.split_at_mut(index(taken));
            if whole {
                masks.unmask(ring, first, survivors, sums, &mut kernels, now)?;
            } else {
                let mut words = vec![W::default(); index(blocks.end - blocks.start)];
                masks.unmask(ring, first, survivors, sums, &mut kernels, &mut words)?;
                let from = words.get(index(position - blocks.start)..).unwrap_or_default();
                now.iter_mut().zip(from).for_each(|(out, word)| *out = *word);
            }
            (position, out) = (position + taken, later);
        }
        Ok(())
    }

    /// The residues of whole blocks.
    fn of(&self, start: u64, blocks: &Range<u64>) -> Option<&[u64]> {
        let place = index(blocks.start.checked_sub(start)?)..index(blocks.end.checked_sub(start)?);
        self.sums.get(self.place(&place)?)
    }
}

/// Adds the wire bytes of blocks, of the right length, to their sums.
pub(crate) fn add_blocks(geometry: Geometry, sums: &mut [u64], wires: &[&[u8]]) {
    let (primes, ring) = (geometry.set().primes().len(), geometry.set().wire_ring());
    let mut offset = 0;
    for block in sums.chunks_mut(primes * geometry.set().len()) {
        for sums in block.chunks_mut(block.len() / primes) {
            let end = offset + index(ring.packed_len(sums.len() as u64));
            let parts: Vec<&[u8]> = wires.iter().map(|wire| wire.get(offset..end).unwrap_or_default()).collect();
            sum_wires(ring, sums, &parts);
            offset = end;
        }
    }
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
