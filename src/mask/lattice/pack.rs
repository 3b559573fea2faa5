//! Words to coefficients and back (section 11.2). Constant time: shifts and masks in an order that depends on the geometry alone.

use super::{
    error,
    params::{Geometry, LatticeSet},
};
use crate::math::{
    field::SCALE,
    isa::{Isa, compiled_for_each_isa},
    ring::{Ring, Word},
};

/// Limbs at most: two for each of three lanes, and one for the error, with one to spare.
pub(super) const MAX_LIMBS: usize = 8;

/// Bits of words in a limb: all that it has, or what the smallest primes can take of a limb that is not multiplied.
fn limb_bits(set: LatticeSet) -> u32 {
    if set.prime_bits() < 40 { 48 } else { SCALE }
}

/// A part of a lane: `((v >> drop) & keep) << shift` in a limb.
#[derive(Clone, Copy, Debug)]
struct Piece {
    limb: usize,
    drop: u32,
    keep: u64,
    shift: u32,
}

/// How a coefficient is cut into limbs: `t e + pack(v) = sum over limbs of 2^start limb`, each below `2^52`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    lane_bits: u32,
    limb_bits: u32,
    starts: [u32; MAX_LIMBS],
    limbs: usize,
    error: (usize, u32),
}

impl Plan {
    pub(super) fn new(geometry: Geometry) -> Self {
        let (w, lanes) = (geometry.word_bits(), geometry.lanes());
        let limb_bits = limb_bits(geometry.set());
        let mut plan = Self { lane_bits: w, limb_bits, starts: [0; MAX_LIMBS], limbs: 0, error: (0, 0) };
        let mut end = 0;
        for lane in 0..lanes {
            for piece in plan.pieces(lane).into_iter().flatten() {
                if piece.limb == plan.limbs {
                    plan.begin_limb(end);
                }
                end += if piece.drop > 0 { w - limb_bits } else { w.min(limb_bits) };
            }
        }
        let plain_bits = geometry.plain_bits();
        plan.error = (plan.limbs.saturating_sub(1), plain_bits - plan.starts().last().copied().unwrap_or(0));
        if plan.error.1 + error::BITS > SCALE {
            plan.error = (plan.limbs, 0);
            plan.begin_limb(plain_bits);
        }
        plan
    }

    fn begin_limb(&mut self, start: u32) {
        if let Some(slot) = self.starts.get_mut(self.limbs) {
            *slot = start;
            self.limbs += 1;
        }
    }

    /// The lowest bit of each limb in a coefficient.
    pub(super) fn starts(&self) -> &[u32] {
        self.starts.get(..self.limbs).unwrap_or_default()
    }

    /// The limb that holds the error, and its lowest bit in it.
    pub(super) fn error(&self) -> (usize, u32) {
        self.error
    }

    /// Whole lanes share a limb; one that is wider than a limb is cut in two.
    #[inline(always)]
    fn pieces(&self, lane: usize) -> [Option<Piece>; 2] {
        let (w, bits) = (self.lane_bits, self.limb_bits);
        if w <= bits {
            let together = (bits / w) as usize;
            let shift = u32::try_from(lane % together).unwrap_or(0) * w;
            [Some(Piece { limb: lane / together, drop: 0, keep: u64::MAX, shift }), None]
        } else {
            let low = Piece { limb: 2 * lane, drop: 0, keep: (1 << bits) - 1, shift: 0 };
            [Some(low), Some(Piece { limb: 2 * lane + 1, drop: bits, keep: u64::MAX, shift: 0 })]
        }
    }

    /// Fills the limbs, `coefficients` each, with the words, offset; whether all words are in range.
    pub(super) fn gather<W: Word>(
        &self,
        isa: Isa,
        ring: Ring,
        max_abs: u64,
        words: &[W],
        coefficients: usize,
        limbs: &mut [u64],
    ) -> bool {
        limbs.fill(0);
        let offset = Offset { max_abs, mask: ring.max() };
        let mut excess = 0;
        for (lane, words) in words.chunks(coefficients.max(1)).enumerate() {
            for piece in self.pieces(lane).into_iter().flatten() {
                let limb = limbs.chunks_exact_mut(coefficients).nth(piece.limb).unwrap_or_default();
                excess |= gather_piece(isa, offset, piece, words, limb);
            }
        }
        excess >> 63 == 0
    }
}

/// From a word to its value in a lane.
#[derive(Clone, Copy)]
struct Offset {
    max_abs: u64,
    mask: u64,
}

compiled_for_each_isa! {
    /// Adds pieces of words to a limb; the sign of the result says whether a word is out of range. (`2 max_abs` is below `2^63`.)
    fn gather_piece<W: Word>(offset: Offset, piece: Piece, words: &[W], limb: &mut [u64]) -> u64 {
        let (width, mut excess) = (2 * offset.max_abs, 0);
        for (slot, word) in limb.iter_mut().zip(words) {
            let value = word.to_u64().wrapping_add(offset.max_abs) & offset.mask;
            let beyond = word.to_u64() & !offset.mask;
            excess |= value | width.wrapping_sub(value) | beyond | beyond.wrapping_neg();
            *slot |= ((value >> piece.drop) & piece.keep) << piece.shift;
        }
        excess
    }
}

/// Where some bits of an integer lie that is cut into limbs of 52 bits: in up to three of them.
#[derive(Clone, Copy)]
struct Field {
    first: usize,
    limbs: usize,
    shift: u32,
    mask: u64,
}

impl Field {
    fn new(start: u32, bits: u32) -> Self {
        let shift = start % SCALE;
        Self {
            first: (start / SCALE) as usize,
            limbs: (shift + bits).div_ceil(SCALE) as usize,
            shift,
            mask: u64::MAX >> (64 - bits),
        }
    }

    /// Hands every value on, with its place in `out`.
    #[inline(always)]
    fn read<T>(self, limbs: &[u64], coefficients: usize, out: &mut [T], put: impl Fn(&mut T, u64)) {
        let limb = |k: usize| limbs.chunks_exact(coefficients.max(1)).nth(self.first + k).unwrap_or_default();
        let (low, middle, high) = (limb(0).iter(), limb(1).iter(), limb(2).iter());
        let (shift, mask) = (self.shift, self.mask);
        match self.limbs {
            1 => out.iter_mut().zip(low).for_each(|(out, l)| put(out, (l >> shift) & mask)),
            2 => out.iter_mut().zip(low.zip(middle)).for_each(|(out, (l, m))| {
                put(out, (l >> shift | m << (SCALE - shift)) & mask);
            }),
            _ => out.iter_mut().zip(low.zip(middle).zip(high)).for_each(|(out, ((l, m), h))| {
                // Three limbs: the highest begins below bit 64, since the lowest gives fewer than 12.
                put(out, (l >> shift | m << (SCALE - shift) | h << (2 * SCALE - shift)) & mask);
            }),
        }
    }
}

/// What comes out of a sum: words of the ring, less the offsets of so many clients.
#[derive(Clone, Copy)]
pub(super) struct Readout {
    pub(super) geometry: Geometry,
    pub(super) ring: Ring,
    pub(super) survivors: u32,
}

impl Readout {
    /// Reads the words of integers in limbs of 52 bits, `coefficients` each; `false`, and nothing read, if a sum of
    /// errors, with its offset `largest`, is not in `0..=2 largest`. `errors` is a buffer of one number for each coefficient.
    pub(super) fn scatter<W: Word>(
        self,
        isa: Isa,
        limbs: &[u64],
        coefficients: usize,
        largest: u64,
        errors: &mut [u64],
        out: &mut [W],
    ) -> bool {
        let (plain, all) = (self.geometry.plain_bits(), self.geometry.set().modulus_bits());
        if excess(isa, Field::new(plain, all - plain), limbs, coefficients, 2 * largest, errors) >> 63 == 1 {
            return false;
        }
        let (w, offset) = (self.geometry.word_bits(), u64::from(self.survivors).wrapping_mul(self.geometry.max_abs()));
        let mut start = 0;
        for out in out.chunks_mut(coefficients.max(1)) {
            read_lane(isa, Field::new(start, w), limbs, coefficients, offset, self.ring.max(), out);
            start += w;
        }
        true
    }
}

compiled_for_each_isa! {
    /// The words of one lane.
    fn read_lane<W: Word>(field: Field, limbs: &[u64], coefficients: usize, offset: u64, mask: u64, out: &mut [W]) {
        field.read(limbs, coefficients, out, |word, sum| *word = W::from_u64(sum.wrapping_sub(offset) & mask));
    }
}

compiled_for_each_isa! {
    /// The sign says whether a value is above `largest`.
    fn excess(field: Field, limbs: &[u64], coefficients: usize, largest: u64, errors: &mut [u64]) -> u64 {
        field.read(limbs, coefficients, errors, |slot, error| *slot = largest.wrapping_sub(error));
        errors.iter().fold(0, |all, rest| all | rest)
    }
}

#[cfg(test)]
mod tests;
