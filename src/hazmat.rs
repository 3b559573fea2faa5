//! Sharp tools: parts of the protocol without the protocol. For benchmarks, test vectors and research.
//!
//! # Warning
//! Nothing here keeps a mask from being used twice, and a mask that is used twice hides nothing. Do not build a protocol from it.

mod lattice;
mod primitives;
mod session;
mod sharing;

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use crate::{
    crypto::{
        secret::Secret,
        vss::{self, Commitments, Kind, Polynomials, Share, check_batch, lagrange_weights, second_generator_table},
    },
    error::{ClientId, Error, InputError},
    mask::pairwise::{BlockKeys, Masks},
    math::ring::{Lane, Ring, Word},
    session::SessionId,
};

pub use lattice::{
    Instructions, InverseTransform, LatticeGeometry, LatticeMask, LatticeParameters, lattice_errors, public_slots,
};
pub use primitives::{
    Envelope, KEM_CIPHERTEXT_LEN, KEM_PUBLIC_KEY_LEN, KemKey, MerkleTree, derive, derive_unbound, encapsulate, framed_label,
    hash, keystream_start, reduce, self_seed,
};
pub use session::{ClientMasks, ServerSum, SignedSeeds};
pub use sharing::{
    ScalarPair, SharedSecret, Sharing, lagrange, opens, recover, second_generator, share_is_good, shares_are_good,
};

/// The signed sum of the keystreams of some seeds (docs/protocol.md, section 11).
#[derive(Debug)]
pub struct Keystreams {
    masks: Masks,
    cached: Option<BlockKeys>,
}

impl Keystreams {
    /// No keystream yet, and room for `streams`.
    #[must_use]
    pub fn with_capacity(session: SessionId, streams: usize) -> Self {
        Self { masks: Masks::with_capacity(session, streams), cached: None }
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

impl Keystreams {
    /// Adds the sum's words at `position ..`, a multiple of 64, to `words` and packs them: what a client does to its input.
    ///
    /// `wire` is cleared and keeps its memory.
    pub fn mask<W: Word>(&mut self, ring: Ring, position: u64, words: &[W], wire: &mut Vec<u8>) {
        wire.clear();
        wire.resize(usize::try_from(ring.packed_len(words.len() as u64)).unwrap_or(0), 0);
        self.masks.mask(ring, position, words, &mut self.cached, wire);
    }
}

/// Packs words (docs/protocol.md, section 12) into exactly [`Ring::packed_len`] bytes; other lengths pack what fits, and a ring above 32
/// bits packs nothing.
pub fn pack_u32(ring: Ring, words: &[u32], wire: &mut [u8]) {
    if ring.bits() <= 32 {
        ring.pack_into(words, wire);
    }
}

/// As [`pack_u32`], for every ring.
pub fn pack_u64(ring: Ring, words: &[u64], wire: &mut [u8]) {
    ring.pack_into(words, wire);
}

/// Adds packed words to `words`.
///
/// # Errors
/// [`Error::Decode`] if there are not that many, or a padding bit is set; [`InputError::WordWidth`] for a ring above 32 bits.
pub fn add_packed_u32(ring: Ring, wire: &[u8], words: &mut [u32]) -> Result<(), Error> {
    if ring.bits() > 32 {
        return Err(InputError::WordWidth(ring.bits()).into());
    }
    add_packed(ring, wire, words)
}

/// As [`add_packed_u32`].
///
/// # Errors
/// As [`add_packed_u32`].
pub fn add_packed_u64(ring: Ring, wire: &[u8], words: &mut [u64]) -> Result<(), Error> {
    add_packed(ring, wire, words)
}

/// Adds eight packed vectors to `words`.
///
/// # Errors
/// As [`add_packed_u32`]; nothing is then added.
pub fn sum_packed_u32(ring: Ring, wires: [&[u8]; 8], words: &mut [u32]) -> Result<(), Error> {
    if ring.bits() > 32 {
        return Err(InputError::WordWidth(ring.bits()).into());
    }
    wires.iter().try_for_each(|wire| ring.check_packed(wire, words.len()))?;
    ring.sum_packed(wires, words);
    Ok(())
}

fn add_packed<L: Lane>(ring: Ring, wire: &[u8], words: &mut [L]) -> Result<(), Error> {
    ring.check_packed(wire, words.len())?;
    ring.add_packed(wire, words);
    Ok(())
}

/// One secret, shared among `holders` holders of whom `threshold` recover it (docs/protocol.md, section 9).
#[derive(Debug)]
pub struct Dealing {
    commitments: Vec<[u8; 32]>,
    shares: Vec<Share>,
}

impl Dealing {
    /// Deals a secret made from 64 random bytes; the coefficients come from another 64.
    #[must_use]
    pub fn new(session: SessionId, mut secret: [u8; 64], mut entropy: [u8; 64], threshold: u32, holders: u32) -> Self {
        let (secret, entropy) = (Secret::take(&mut secret).reduce(), Secret::take(&mut entropy));
        let threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
        let polynomials = Polynomials::new(session, ClientId(1), Kind::MaskRoot, &secret, &entropy, threshold);
        let shares = (1..=holders).map(|index| polynomials.share(index)).collect();
        Self { commitments: polynomials.commit(&second_generator_table()), shares }
    }

    /// Decodes the commitments of all dealings and checks the share of the holder with this index in one batch, as a client does.
    ///
    /// # Errors
    /// [`Error::Environment`] if the generator fails.
    pub fn check(dealings: &[Self], index: u32, rng: &mut impl TryCryptoRng) -> Result<bool, Error> {
        let place = usize::try_from(index).unwrap_or(usize::MAX).wrapping_sub(1);
        let decode = |dealing: &Self| Ok(Commitments::decode(&dealing.commitments)?);
        let commitments = dealings.iter().map(decode).collect::<Result<Vec<_>, Error>>()?;
        let shares = dealings.iter().map(|dealing| dealing.shares.get(place));
        let Some(batch) = commitments.iter().zip(shares).map(|(c, share)| Some((c, share?))).collect::<Option<Vec<_>>>() else {
            return Ok(false);
        };
        Ok(check_batch(index, &batch, rng)?)
    }

    /// Recovers the secret from the shares of the first `threshold` holders, and checks it against its commitment.
    #[must_use]
    pub fn recovers(&self, threshold: u32) -> bool {
        let indices: Vec<u32> = (1..=threshold).collect();
        let secret = vss::recover(&lagrange_weights(&indices), self.shares.iter().take(indices.len()));
        Commitments::decode(&self.commitments).is_ok_and(|commitments| commitments.opens(&secret, &second_generator_table()))
    }
}
