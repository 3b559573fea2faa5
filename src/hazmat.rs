//! Sharp tools: parts of the protocol without the protocol. For benchmarks, test vectors and research.
//!
//! # Warning
//! Nothing here keeps a mask from being used twice, and a mask that is used twice hides nothing. Do not build a protocol from it.

use crate::{
    crypto::secret::Secret,
    mask::pairwise::{BlockKeys, Masks},
    session::SessionId,
};

/// The signed sum of the keystreams of some seeds (docs/protocol.md, section 11).
#[derive(Debug)]
pub struct Keystreams {
    masks: Masks,
    cached: Option<BlockKeys>,
}

impl Keystreams {
    /// No keystream yet.
    #[must_use]
    pub fn new(session: SessionId) -> Self {
        Self { masks: Masks::new(session), cached: None }
    }

    /// Adds `PRG(seed)`, or subtracts it.
    pub fn push(&mut self, mut seed: [u8; 32], negative: bool) {
        self.cached = None;
        self.masks.push(&Secret::take(&mut seed), negative);
    }

    /// Adds the sum's words at `position ..` to `words`, modulo 2^32: sessions of up to 32 bits use them modulo `2^bits`.
    pub fn add_u32(&mut self, position: u64, words: &mut [u32]) {
        self.masks.add_to(position, words, &mut self.cached);
    }

    /// Adds the sum's words at `position ..` to `words`, modulo 2^64: sessions of more than 32 bits use them modulo `2^bits`.
    pub fn add_u64(&mut self, position: u64, words: &mut [u64]) {
        self.masks.add_to(position, words, &mut self.cached);
    }
}
