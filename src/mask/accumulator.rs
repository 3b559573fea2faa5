//! Sums of masked vectors over a range of positions.

use alloc::vec::Vec;
use core::{fmt, ops::Range};

use super::{
    Layout, Masks,
    lattice::Residues,
    pairwise::{self, PIECE_LEN},
};
use crate::{
    error::{DecodeError, EnvironmentError, Error, InputError},
    math::{
        pack::MANY,
        ring::{Lane, Ring, Word},
    },
};

/// Vectors that are best added at once.
pub(crate) const TOGETHER: usize = MANY;

/// A sum of masked vectors over a range of positions, in the integers that the masks are in.
pub(crate) struct Accumulator {
    layout: Layout,
    range: Range<u64>,
    lanes: Lanes,
}

enum Lanes {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
    Lattice(Residues),
}

impl Accumulator {
    /// Zeros over `range`.
    pub(crate) fn new(layout: &Layout, range: &Range<u64>) -> Result<Self, EnvironmentError> {
        let words = range.end.saturating_sub(range.start);
        let lanes = match layout.geometry() {
            Some(geometry) => Lanes::Lattice(Residues::new(geometry, words)?),
            None if layout.ring().bits() <= <u32 as Word>::BITS => Lanes::Narrow(zeros(words)?),
            None => Lanes::Wide(zeros(words)?),
        };
        Ok(Self { layout: *layout, range: range.clone(), lanes })
    }

    /// Adds packed words at the positions of `range`; nothing if they are not exactly that many.
    pub(crate) fn add_wire(&mut self, range: &Range<u64>, wire: &[u8]) -> Result<(), DecodeError> {
        self.add_wires(range, &[wire]).map_err(|(_, e)| e)
    }

    /// Adds the packed words of several vectors; nothing if one of them, which is then named, does not have exactly that many.
    pub(crate) fn add_wires(&mut self, range: &Range<u64>, wires: &[&[u8]]) -> Result<(), (usize, DecodeError)> {
        let place = self.place(range).ok_or((0, DecodeError::Count))?;
        match &mut self.lanes {
            Lanes::Narrow(words) => add_wires(self.layout.ring(), words.get_mut(place), wires),
            Lanes::Wide(words) => add_wires(self.layout.ring(), words.get_mut(place), wires),
            Lanes::Lattice(residues) => residues.add_wires(place, wires),
        }
    }

    /// Adds another sum over the same range; `None` if the ranges differ.
    pub(crate) fn merge(&mut self, other: &Self) -> Option<()> {
        if self.range != other.range {
            return None;
        }
        match (&mut self.lanes, &other.lanes) {
            (Lanes::Narrow(a), Lanes::Narrow(b)) => add_all(a, b),
            (Lanes::Wide(a), Lanes::Wide(b)) => add_all(a, b),
            (Lanes::Lattice(a), Lanes::Lattice(b)) => return a.merge(b),
            _ => return None,
        }
        Some(())
    }

    /// Copies the words at `position ..`, less the masks, to `out`, modulo `2^bits`. With lattice masks `survivors` vectors are in the
    /// sum.
    ///
    /// # Errors
    /// [`InputError::Range`] outside the range; [`crate::RoundError::CorruptBlock`] where lattice masks do not cancel.
    pub(crate) fn read<W: Word>(&self, position: u64, masks: &Masks, survivors: u32, out: &mut [W]) -> Result<(), Error> {
        let range = position..position.saturating_add(out.len() as u64);
        let place = self.place(&range).ok_or(InputError::Range { start: range.start, end: range.end })?;
        match (&self.lanes, masks) {
            (Lanes::Narrow(words), Masks::Pairwise(masks)) => read(words.get(place), self.layout.ring(), position, masks, out),
            (Lanes::Wide(words), Masks::Pairwise(masks)) => read(words.get(place), self.layout.ring(), position, masks, out),
            (Lanes::Lattice(residues), Masks::Lattice(masks)) => {
                residues.read(self.layout.ring(), self.range.start, range, masks, survivors, out)?;
            }
            _ => return Err(InputError::WrongState.into()),
        }
        Ok(())
    }

    /// Appends the words, masks and all, in the wire form.
    pub(crate) fn pack(&self, out: &mut Vec<u8>) {
        match &self.lanes {
            Lanes::Narrow(words) => self.layout.ring().pack(words, out),
            Lanes::Wide(words) => self.layout.ring().pack(words, out),
            Lanes::Lattice(residues) => residues.pack(out),
        }
    }

    /// Adds to zeros what [`Accumulator::pack`] made, and nothing else.
    pub(crate) fn unpack(&mut self, wire: &[u8]) -> Result<(), DecodeError> {
        match &mut self.lanes {
            Lanes::Lattice(residues) => residues.unpack(wire),
            _ => self.add_wire(&self.range.clone(), wire),
        }
    }

    /// Where these positions lie in the range.
    fn place(&self, range: &Range<u64>) -> Option<Range<usize>> {
        let index = |position: u64| usize::try_from(position.checked_sub(self.range.start)?).ok();
        (range.end <= self.range.end && range.start <= range.end).then_some(())?;
        Some(index(range.start)?..index(range.end)?)
    }
}

impl fmt::Debug for Accumulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accumulator(..)")
    }
}

pub(super) fn zeros<L: Lane>(words: u64) -> Result<Vec<L>, EnvironmentError> {
    let refused = EnvironmentError::Memory { words };
    let len = usize::try_from(words).map_err(|_| refused.clone())?;
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(len).map_err(|_| refused)?;
    zeros.resize(len, L::default());
    Ok(zeros)
}

fn add_wires<L: Lane>(ring: Ring, words: Option<&mut [L]>, wires: &[&[u8]]) -> Result<(), (usize, DecodeError)> {
    let words = words.ok_or((0, DecodeError::Count))?;
    wires.iter().enumerate().try_for_each(|(k, wire)| ring.check_packed(wire, words.len()).map_err(|e| (k, e)))?;
    sum_wires(ring, words, wires);
    Ok(())
}

/// As many at once as there are, then one by one.
pub(super) fn sum_wires<L: Lane>(ring: Ring, words: &mut [L], wires: &[&[u8]]) {
    let (groups, rest) = wires.as_chunks::<MANY>();
    groups.iter().for_each(|group| ring.sum_packed(*group, words));
    rest.iter().for_each(|wire| ring.add_packed(wire, words));
}

pub(super) fn add_all<L: Lane>(sum: &mut [L], other: &[L]) {
    sum.iter_mut().zip(other).for_each(|(a, b)| *a = a.wrapping_add(*b));
}

/// Piece by piece: a piece is copied, unmasked and reduced before it leaves the cache.
fn read<L: Lane, W: Word>(words: Option<&[L]>, ring: Ring, position: u64, masks: &pairwise::Masks, out: &mut [W]) {
    let (words, mut keys) = (words.unwrap_or_default(), None);
    let mut lanes = Vec::with_capacity(READ_LEN.min(words.len()));
    for (piece, (words, out)) in words.chunks(READ_LEN).zip(out.chunks_mut(READ_LEN)).enumerate() {
        lanes.clear();
        lanes.extend_from_slice(words);
        masks.add_to(position + (piece * READ_LEN) as u64, &mut lanes, &mut keys);
        lanes.iter().zip(out).for_each(|(lane, word)| *word = W::from_u64(lane.to_u64() & ring.max()));
    }
}

/// Words that are read at once: enough pieces for many threads, and little memory.
const READ_LEN: usize = 16 * PIECE_LEN;
