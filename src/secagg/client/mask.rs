//! Round 2: masked input.

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

use super::{
    agree::{AwaitingSurvivors, left_out},
    deal::{AwaitingDelivery, SharePair},
    lane::{Lane, Lender},
};
use crate::{
    crypto::{kdf, kem::Ciphertext},
    error::{ClientFault, ClientId, Error, RoundError, ServerFault},
    hash::Hash,
    mask::{Layout, Masks},
    math::ring::Word,
    message::{Bytes, Delivery, MaskedInput, Package, Survivors},
    mutant::{self, Mutant},
    secagg::{keys::pair_seed, participant::Participant, step::Failure},
};

/// Round 1 done, all shares good; turns the input into masked wire bytes, in order, in pieces of any size.
///
/// The masks themselves can not be had:
///
/// ```compile_fail,E0616
/// fn steal(state: veilsum::secagg::client::MaskingInput) {
///     let _ = state.masks; // private field
/// }
/// ```
///
/// Nor can a state be copied, printed or stored, for it holds secrets and is to be used once:
///
/// ```compile_fail,E0599
/// fn copy(state: &veilsum::secagg::client::MaskingInput) -> veilsum::secagg::client::MaskingInput {
///     state.clone() // no method named `clone`
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn print(state: &veilsum::secagg::client::MaskingInput) -> String {
///     format!("{state}") // no `Display`; `Debug` names the client and the position, and nothing else
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn store(state: &veilsum::secagg::client::MaskingInput) -> String {
///     serde_json::to_string(state).unwrap() // no `Serialize`
/// }
/// ```
pub struct MaskingInput {
    me: Participant,
    masks: Lender,
    shares: BTreeMap<ClientId, SharePair>,
    h2: Hash,
    layout: Layout,
}

impl MaskingInput {
    pub(crate) fn new(
        state: AwaitingDelivery,
        delivery: &Delivery,
        mut shares: BTreeMap<ClientId, SharePair>,
        h2: Hash,
    ) -> Result<Self, Error> {
        let layout = Layout::new(&state.me.session);
        let mut masks = Masks::with_capacity(state.me.session.id(), &layout, delivery.packages.len() + 1);
        state.error_seed.iter().for_each(|seed| masks.set_error_seed(seed));
        masks.push(&kdf::self_seed(state.me.session.id(), &state.self_secret, state.me.id), false);
        let secret_key = state.mask_root.kem_key(state.me.session.id(), state.me.id);
        for package in &delivery.packages {
            match state.pair_seeds.get(&package.peer) {
                Some(seed) => masks.push(seed, false),
                None => masks.push(&seed_from(&state, &secret_key, package)?, true),
            }
        }
        shares.insert(state.me.id, state.own_shares);
        Ok(Self { me: state.me, masks: Lender::new(masks, layout), shares, h2, layout })
    }

    /// Masks the next words and appends wire bytes to `wire`. Words are below `2^modulus_bits`; an exact bound is checked.
    ///
    /// The wire may lag behind the words by up to [`Layout::alignment`] words until the last word is given.
    ///
    /// # Errors
    /// [`Error::Input`] if a word is out of range (its position is named), there are too many, or they are `u32` for a modulus
    /// above 2^32. Nothing has then been masked.
    pub fn mask<W: Word>(&mut self, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        self.masks.mask(words, wire)
    }

    /// Splits the rest of the vector into at most `count` lanes, each of which can be masked on a thread of its own. Their wire bytes,
    /// in order of position, are the upload; [`MaskingInput::join`] takes the lanes back.
    ///
    /// Nothing is left to be masked here: no part of a mask can be used twice.
    ///
    /// # Errors
    /// [`crate::InputError::Range`] if the words given so far do not end with a chunk.
    pub fn lanes(&mut self, count: usize) -> Result<Vec<Lane>, Error> {
        self.masks.lend(count)
    }

    /// Takes back a lane whose words have all been given; in any order.
    ///
    /// # Errors
    /// [`crate::InputError::Incomplete`] if words are missing, [`crate::InputError::WrongState`] if it is another client's; with the lane.
    pub fn join(&mut self, lane: Lane) -> Result<(), Failure<Lane>> {
        self.masks.take_back(lane)
    }

    /// Words still to come here, and not in a lane.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.masks.remaining()
    }

    /// How the vector lies on the wire.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Takes a message that comes before the input is given; no message of the server makes this client go on.
    ///
    /// Survivors that come now were drawn up without this client: it is finished, and must not release its input.
    ///
    /// # Errors
    /// Always. The state comes back for a repeat of an earlier message ([`crate::RoundError::Repeat`]: ignore it) and for messages that are
    /// not the server's. [`crate::RoundError::NotIncluded`] if the others go on without this client, and [`Error::Server`] if an honest server
    /// would not send this; the client is then finished.
    #[must_use]
    pub fn receive(mut self, message: &[u8]) -> Failure<Self> {
        match self.me.open::<Survivors>(message, &self.h2) {
            Ok(survivors) => Failure::end(left_out(&self.me, &self.shares, &self.h2, &survivors)),
            Err(refusal) => refusal.with(self),
        }
    }

    /// Ends the input and returns the signed header to send after the wire bytes.
    ///
    /// # Security
    /// Once this message leaves, the input counts as released. Write the release to your ledger before you send it. Another attempt
    /// needs fresh noise and composes with this one; without noise the same input is never sent again with another set of clients.
    ///
    /// # Errors
    /// [`crate::InputError::Incomplete`] if words are missing; the state comes back.
    pub fn finish(self) -> Result<(AwaitingSurvivors, Vec<u8>), Failure<Self>> {
        match self.masks.tree() {
            Ok(tree) => self.release(tree.root()),
            Err(missing) => Err(Failure::keep(missing, self)),
        }
    }

    fn release(mut self, root: Hash) -> Result<(AwaitingSurvivors, Vec<u8>), Failure<Self>> {
        let body = MaskedInput { root: Bytes(root), vector_len: self.layout.vector_len(), chunk_len: self.layout.chunk_len() };
        let sent = self.me.sign(&self.h2, &body).map_err(Failure::end)?;
        if mutant::active(Mutant::RetryAfterRelease) {
            self.masks.rewind();
            return Err(Failure { complaint: Some(sent.bytes), ..Failure::keep(RoundError::Repeat, self) });
        }
        let own = self.me.entry(&self.h2, body, &sent);
        Ok((AwaitingSurvivors { me: self.me, shares: self.shares, h2: self.h2, own }, sent.bytes))
    }
}

/// The pair seed with a client of smaller id, which encapsulated to this one.
fn seed_from(
    state: &AwaitingDelivery,
    secret_key: &crate::crypto::kem::SecretKey,
    package: &Package,
) -> Result<crate::crypto::secret::Secret<32>, Error> {
    let refused = |e| ServerFault::EntryContents(package.peer, ClientFault::Malformed(e));
    let bytes = package.mask_ciphertext.as_ref().ok_or(ServerFault::WrongPackages)?;
    let ciphertext = Ciphertext::decode(&bytes.0).map_err(refused)?;
    let own_key = state.keys.get(&state.me.id).ok_or(ServerFault::OwnEntry)?;
    let shared = secret_key.decapsulate(&ciphertext);
    Ok(pair_seed(state.me.session.id(), &shared, package.peer, state.me.id, &ciphertext, &own_key.mask))
}

impl fmt::Debug for MaskingInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskingInput")
            .field("client", &self.me.id)
            .field("position", &self.masks.position())
            .finish_non_exhaustive()
    }
}
