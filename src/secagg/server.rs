//! The server: one type a state, in the order of the rounds (sections 13 and 15).
//!
//! [`CollectingAdverts`] -> [`CollectingShares`] -> [`CollectingInputs`] -> [`CollectingConsistency`] -> [`CollectingReveals`] ->
//! [`crate::secagg::sum::Sum`]. In each state `receive` takes messages in any order and says what it did; `close` ends the round.
//! A message that is refused changes nothing, except that a client whose complaint was judged is a drop-out.

mod collect;
mod inputs;
mod reveal;

pub(crate) use collect::Dealt;
pub use collect::{CollectingAdverts, CollectingShares};
pub use inputs::{CollectingConsistency, CollectingInputs};
pub use reveal::CollectingReveals;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use super::step::{Attach, Counters, Outbox, Progress, Receipt, Round};
use crate::{
    crypto::sign::Identity,
    error::{ClientFault, ClientId, DecodeError, Error, InputError, RoundError},
    hash::{Hash, hash},
    label,
    message::{Advert, Body, Complaint, Consistency, Frame, MaskedInput, Reveal, Shares},
    session::Session,
};

/// What every server state has.
pub(crate) struct Host {
    pub(crate) session: Session,
    identity: Arc<dyn Identity>,
    /// Type and sender of every message accepted, with its hash.
    seen: BTreeMap<(u8, ClientId), Hash>,
    pub(crate) counters: Counters,
}

/// What became of a message before its contents were looked at.
#[allow(clippy::large_enum_variant, reason = "one at a time, on the stack")]
enum Opened<'a> {
    /// New, authentic, of the type and transcript that the round is about.
    New(Frame<'a>, Hash),
    /// A byte-identical repeat.
    Repeat,
}

impl Host {
    fn new(session: Session, identity: Arc<dyn Identity>) -> Result<Self, Error> {
        if identity.public_key() != session.server() {
            return Err(InputError::IdentityMismatch.into());
        }
        Ok(Self { session, identity, seen: BTreeMap::new(), counters: Counters::default() })
    }

    /// Authenticates a client's message, which should be a `B` (section 6, order of checks and repeats).
    fn open<'a, B: Body>(
        &mut self,
        bytes: &'a [u8],
        prev: &Hash,
        member: impl Fn(ClientId) -> bool,
    ) -> Result<Opened<'a>, Error> {
        self.counters.bytes_received += bytes.len() as u64;
        let frame = Frame::open(&self.session, bytes)?;
        self.counters.signatures_verified += 1;
        let blame = |fault| Err(Error::client(frame.client, fault));
        let digest = hash(label::hash::MESSAGE, &[bytes]);
        match self.seen.get(&(frame.kind, frame.client)) {
            Some(known) if *known == digest => return Ok(Opened::Repeat),
            Some(_) => return blame(ClientFault::Equivocation),
            None if round_of(frame.kind).is_some_and(|round| Some(round) < round_of(B::TYPE)) => {
                return Err(RoundError::Late(frame.client).into());
            }
            None if frame.kind != B::TYPE => {
                return Err(DecodeError::UnexpectedType { expected: B::TYPE, got: frame.kind }.into());
            }
            None if !member(frame.client) => return blame(ClientFault::NotInRound),
            None if frame.prev != *prev => return blame(ClientFault::WrongTranscript),
            None => {}
        }
        Ok(Opened::New(frame, digest))
    }

    /// Remembers a message whose contents were found good.
    fn accepted(&mut self, kind: u8, client: ClientId, digest: Hash) {
        self.seen.insert((kind, client), digest);
        self.counters.messages_accepted += 1;
    }

    /// Forgets a message, so that it can come again.
    fn forget(&mut self, kind: u8, client: ClientId) -> Option<Hash> {
        self.seen.remove(&(kind, client))
    }

    fn decode<B: Body>(frame: &Frame<'_>) -> Result<B, Error> {
        frame.decode().map_err(|e| Error::client(frame.client, ClientFault::Malformed(e)))
    }

    /// Signs the round's message, which has no attachment, for each recipient.
    pub(crate) fn send<'a, B: Body>(
        &mut self,
        prev: &Hash,
        body: Vec<u8>,
        recipients: impl IntoIterator<Item = &'a ClientId>,
    ) -> Result<Outbox, Error> {
        self.send_with::<B>(prev, body, recipients, Arc::new(|_| Vec::new()))
    }

    /// Signs the round's message for each recipient.
    fn send_with<'a, B: Body>(
        &mut self,
        prev: &Hash,
        body: Vec<u8>,
        recipients: impl IntoIterator<Item = &'a ClientId>,
        attach: Attach,
    ) -> Result<Outbox, Error> {
        let recipients = recipients.into_iter().copied();
        let outbox = Outbox::sign::<B>(&self.session, &*self.identity, prev, body, recipients, attach)?;
        self.counters.signatures_made += outbox.len() as u64;
        self.counters.bytes_sent += outbox.total_bytes();
        Ok(outbox)
    }

    fn receipt(&self, fresh: bool, progress: Progress) -> Receipt {
        Receipt { fresh, progress, counters: self.counters }
    }

    fn check_threshold(&self, heard: usize) -> Result<(), RoundError> {
        let (remaining, threshold) = (u32::try_from(heard).unwrap_or(u32::MAX), self.session.threshold());
        if remaining < threshold { Err(RoundError::TooFewClients { remaining, threshold }) } else { Ok(()) }
    }
}

/// The round that a client's message of this type belongs to; none for the server's types and for undefined ones.
fn round_of(kind: u8) -> Option<Round> {
    match kind {
        <Advert as Body>::TYPE => Some(Round::AdvertiseKeys),
        Shares::TYPE => Some(Round::ShareKeys),
        Complaint::TYPE | <MaskedInput as Body>::TYPE => Some(Round::MaskedInput),
        <Consistency as Body>::TYPE => Some(Round::Consistency),
        Reveal::TYPE => Some(Round::Unmasking),
        _ => None,
    }
}

/// Progress of a round from who was heard and who could be.
fn progress<'a>(round: Round, heard: impl Fn(ClientId) -> bool, expected: impl Iterator<Item = &'a ClientId>) -> Progress {
    let (heard, missing): (Vec<ClientId>, Vec<ClientId>) = expected.copied().partition(|id| heard(*id));
    Progress { round, received: heard.len(), expected: heard.len() + missing.len(), missing }
}

/// The ids of a map of collected messages.
fn ids<T>(map: &BTreeMap<ClientId, T>) -> BTreeSet<ClientId> {
    map.keys().copied().collect()
}
