//! How a vector lies on the wire (section 12).

use core::ops::Range;

use super::pairwise;
use crate::{
    error::DecodeError,
    math::ring::Ring,
    session::{Bound, Geometry, Session},
};

/// How a session's vectors lie on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    ring: Ring,
    vector_len: u64,
    chunk_len: u32,
    max_abs: Option<u64>,
    /// With lattice masks, how words lie in coefficients.
    geometry: Option<Geometry>,
}

impl Layout {
    /// The layout of a session.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let max_abs = match session.bound() {
            Bound::Exact { max_abs } => Some(max_abs),
            Bound::Tail { .. } => None,
        };
        // A session's modulus_bits are always in range.
        let ring = Ring::new(session.modulus_bits()).unwrap_or(Ring::WIDEST);
        Self { ring, vector_len: session.vector_len(), chunk_len: session.chunk_len(), max_abs, geometry: session.geometry() }
    }

    /// Of a very long vector with pairwise masks.
    #[cfg(test)]
    pub(crate) fn of(ring: Ring) -> Self {
        Self { ring, vector_len: u64::MAX, chunk_len: 64, max_abs: None, geometry: None }
    }

    /// How the sum lies on the wire: as plain words, however inputs are masked.
    pub(crate) fn plain(self) -> Self {
        Self { geometry: None, ..self }
    }

    pub(crate) fn geometry(&self) -> Option<Geometry> {
        self.geometry
    }

    /// The ring that the words are in.
    #[must_use]
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// Words in a vector.
    #[must_use]
    pub fn vector_len(&self) -> u64 {
        self.vector_len
    }

    /// Words in a chunk, except perhaps the last.
    #[must_use]
    pub fn chunk_len(&self) -> u32 {
        self.chunk_len
    }

    /// A range of positions that is handled alone begins at a multiple of this many words.
    #[must_use]
    pub fn alignment(&self) -> u64 {
        self.geometry.map_or(pairwise::ALIGNMENT, Geometry::block_len)
    }

    /// Bytes on the wire of a range of positions that begins at a multiple of [`Layout::alignment`].
    #[must_use]
    pub fn wire_len(&self, range: &Range<u64>) -> u64 {
        let words = range.end.saturating_sub(range.start);
        self.geometry.map_or_else(|| self.ring.packed_len(words), |geometry| geometry.wire_len(words))
    }

    /// The positions of chunk `index`; empty beyond the last.
    #[must_use]
    pub fn chunk(&self, index: u64) -> Range<u64> {
        let start = index.saturating_mul(u64::from(self.chunk_len)).min(self.vector_len);
        start..start.saturating_add(u64::from(self.chunk_len)).min(self.vector_len)
    }

    /// The chunk that begins at `position`; the number of chunks at the end of the vector; `None` anywhere else.
    pub(crate) fn chunk_at(&self, position: u64) -> Option<u64> {
        let chunk_len = u64::from(self.chunk_len);
        let begins = position.is_multiple_of(chunk_len) && position < self.vector_len;
        if position == self.vector_len { Some(self.chunks()) } else { begins.then_some(position / chunk_len) }
    }

    /// Chunks in a vector.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.vector_len.div_ceil(u64::from(self.chunk_len))
    }

    /// Refuses a last byte of a vector with a bit beyond the last word. With lattice masks such bits change nothing.
    pub(crate) fn check_padding(&self, last: u8) -> Result<(), DecodeError> {
        if self.geometry.is_some() { Ok(()) } else { self.ring.check_padding(&[last], self.vector_len) }
    }

    /// The largest absolute value of an input word, if the session bounds it.
    pub(crate) fn max_abs(&self) -> Option<u64> {
        self.max_abs
    }
}
