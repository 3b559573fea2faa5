//! The server: one type a state, in the order of the rounds (sections 13 and 15).
//!
//! [`CollectingAdverts`] -> [`CollectingShares`] -> [`CollectingInputs`] -> [`CollectingConsistency`] -> [`CollectingReveals`] ->
//! [`crate::secagg::sum::Sum`]. In each state `receive` takes messages in any order and says what it did; `close` ends the round.
//! A message that is refused changes nothing.

mod collect;
mod inputs;
mod reveal;

pub use collect::{CollectingAdverts, CollectingShares};
pub use inputs::{CollectingConsistency, CollectingInputs};
pub(crate) use inputs::{Unmasking, add_range};
pub use reveal::CollectingReveals;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use super::step::{Counters, Outbox, Progress, Receipt, Round};
use crate::{
    crypto::sign::Identity,
    error::{ClientFault, ClientId, DecodeError, Error, InputError, RoundError},
    hash::{Hash, hash},
    label,
    message::{Body, Frame},
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

    /// Authenticates a client's message (section 6, order of checks and repeats).
    fn open<'a, B: Body>(
        &mut self,
        bytes: &'a [u8],
        prev: &Hash,
        member: impl Fn(ClientId) -> bool,
    ) -> Result<Opened<'a>, Error> {
        self.counters.bytes_received += bytes.len() as u64;
        let frame = Frame::open(&self.session, bytes)?;
        self.counters.signatures_verified += 1;
        if frame.from_server() {
            return Err(DecodeError::UnexpectedType { expected: B::TYPE, got: frame.kind }.into());
        }
        let blame = |fault| Err(Error::client(frame.client, fault));
        let digest = hash(label::hash::MESSAGE, &[bytes]);
        match self.seen.get(&(frame.kind, frame.client)) {
            Some(known) if *known == digest => return Ok(Opened::Repeat),
            Some(_) => return blame(ClientFault::Equivocation),
            None if frame.kind < B::TYPE => return Err(RoundError::Late(frame.client).into()),
            None if frame.kind > B::TYPE => {
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
    fn forget(&mut self, kind: u8, client: ClientId) {
        self.seen.remove(&(kind, client));
    }

    fn decode<B: Body>(frame: &Frame<'_>) -> Result<B, Error> {
        frame.decode().map_err(|e| Error::client(frame.client, ClientFault::Malformed(e)))
    }

    /// Signs the round's message for each recipient.
    pub(crate) fn send<B: Body>(
        &mut self,
        prev: &Hash,
        body: Vec<u8>,
        attachments: impl IntoIterator<Item = (ClientId, Vec<u8>)>,
    ) -> Result<Outbox, Error> {
        let outbox = Outbox::sign::<B>(&self.session, &*self.identity, prev, body, attachments)?;
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

/// Progress of a round from who was heard and who could be.
fn progress<'a>(round: Round, heard: impl Fn(ClientId) -> bool, expected: impl Iterator<Item = &'a ClientId>) -> Progress {
    let (heard, missing): (Vec<ClientId>, Vec<ClientId>) = expected.copied().partition(|id| heard(*id));
    Progress { round, received: heard.len(), expected: heard.len() + missing.len(), missing }
}

/// No attachment for any of these recipients.
fn to_all<'a>(recipients: impl IntoIterator<Item = &'a ClientId>) -> impl Iterator<Item = (ClientId, Vec<u8>)> {
    recipients.into_iter().map(|id| (*id, Vec::new()))
}

/// The ids of a map of collected messages.
fn ids<T>(map: &BTreeMap<ClientId, T>) -> BTreeSet<ClientId> {
    map.keys().copied().collect()
}
