//! What every client state has: who it is, and how it authenticates the server's messages.

use alloc::{sync::Arc, vec::Vec};
use core::fmt;

use super::step::Failure;
use crate::{
    crypto::sign::{Identity, Signed},
    error::{ClientFault, ClientId, DecodeError, Error, InputError, RoundError, ServerFault},
    hash::{Hash, hash},
    label,
    message::{Body, Bytes, Entry, EntryBody, Frame, Header},
    mutant::{self, Mutant},
    session::Session,
};

/// One client in one session.
pub(crate) struct Participant {
    pub(crate) session: Session,
    pub(crate) id: ClientId,
    pub(crate) index: u32,
    identity: Arc<dyn Identity>,
    /// Type and hash of every server message accepted.
    seen: Vec<(u8, Hash)>,
}

/// Why a message was not taken.
pub(crate) enum Refusal {
    /// Nobody's fault, or a repeat: the state stays.
    Keep(Error),
    /// The server's fault: the client is finished.
    End(Error),
}

impl Refusal {
    pub(crate) fn with<S>(self, state: S) -> Failure<S> {
        match self {
            Self::Keep(error) => Failure::keep(error, state),
            Self::End(error) => Failure::end(error),
        }
    }
}

/// What a client that is done remembers, so that it still tells repeats from equivocation.
pub(crate) struct Memory {
    session: Session,
    id: ClientId,
    seen: Vec<(u8, Hash)>,
}

impl Memory {
    /// Why a message is of no use any more.
    pub(crate) fn refuse(&self, bytes: &[u8]) -> Error {
        match authenticate(&self.session, self.id, &self.seen, bytes) {
            Ok(_) => InputError::WrongState.into(),
            Err(Refusal::Keep(error) | Refusal::End(error)) => error,
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("client", &self.id).finish_non_exhaustive()
    }
}

/// Sender, recipient and repeats.
fn authenticate<'a>(session: &Session, id: ClientId, seen: &[(u8, Hash)], bytes: &'a [u8]) -> Result<(Frame<'a>, Hash), Refusal> {
    let frame = Frame::open(session, bytes).map_err(|e| Refusal::Keep(e.into()))?;
    if frame.client != id {
        return Err(Refusal::Keep(DecodeError::Recipient.into()));
    }
    let digest = hash(label::hash::MESSAGE, &[bytes]);
    match seen.iter().find(|(kind, _)| *kind == frame.kind) {
        Some((_, known)) if *known == digest => Err(Refusal::Keep(RoundError::Repeat.into())),
        Some(_) => Err(Refusal::End(ServerFault::Equivocation.into())),
        None => Ok((frame, digest)),
    }
}

/// A message of this client, and what of it goes into an entry.
pub(crate) struct Outgoing {
    pub(crate) bytes: Vec<u8>,
    attachment_hash: Hash,
    signature: [u8; 64],
}

impl Participant {
    pub(crate) fn new(session: Session, id: ClientId, index: u32, identity: Arc<dyn Identity>) -> Self {
        Self { session, id, index, identity, seen: Vec::new() }
    }

    /// Signs a message over the transcript `prev`.
    pub(crate) fn sign<B: Body>(&self, prev: &Hash, body: &B) -> Result<Outgoing, Error> {
        let (encoded, attachment) = (body.body(), body.attachment());
        let attachment_hash = hash(label::hash::ATTACHMENT, &[&attachment]);
        let signed = Signed {
            session: self.session.id(),
            kind: B::TYPE,
            client: self.id,
            prev,
            body: &encoded,
            attachment_hash: &attachment_hash,
        };
        let signature = signed.sign(&*self.identity)?;
        let header = Header { session: self.session.id(), kind: B::TYPE, client: self.id, prev };
        Ok(Outgoing { bytes: header.assemble(&encoded, &attachment, &signature), attachment_hash, signature })
    }

    /// This client's own entry as the server has to forward it.
    pub(crate) fn entry<B: EntryBody>(&self, prev: &Hash, body: B, sent: &Outgoing) -> Entry<B> {
        Entry {
            client: self.id,
            prev: Bytes(*prev),
            body,
            attachment_hash: Bytes(sent.attachment_hash),
            signature: Bytes(sent.signature),
        }
    }

    /// Authenticates a message of the server that this state waits for (section 6, order of checks).
    pub(crate) fn open<B: Body>(&mut self, bytes: &[u8], prev: &Hash) -> Result<B, Refusal> {
        let (frame, digest) = authenticate(&self.session, self.id, &self.seen, bytes)?;
        if frame.kind != B::TYPE {
            return Err(Refusal::Keep(DecodeError::UnexpectedType { expected: B::TYPE, got: frame.kind }.into()));
        }
        self.seen.push((frame.kind, digest));
        if frame.prev != *prev {
            return Err(Refusal::End(ServerFault::WrongTranscript.into()));
        }
        frame.decode().map_err(|e| Refusal::End(ServerFault::Malformed(e).into()))
    }

    /// What stays of a client that is done.
    pub(crate) fn memory(&self) -> Memory {
        Memory { session: self.session.clone(), id: self.id, seen: self.seen.clone() }
    }

    /// Checks a list that the server forwarded: of each entry member, signature, transcript and attachment, then this client's own
    /// entry and the threshold.
    pub(crate) fn check_entries<B: EntryBody + PartialEq>(
        &self,
        entries: &[Entry<B>],
        member: impl Fn(ClientId) -> bool,
        prev: Option<&Hash>,
        own: Option<&Entry<B>>,
    ) -> Result<(), ServerFault> {
        check_each(&self.session, entries, member, prev)?;
        match own {
            Some(own) if !entries.contains(own) => Err(ServerFault::OwnEntry),
            _ => check_threshold(&self.session, entries.len()),
        }
    }
}

/// Checks each entry of a list that the server forwarded: member, signature, transcript and attachment.
pub(crate) fn check_each<B: EntryBody>(
    session: &Session,
    entries: &[Entry<B>],
    member: impl Fn(ClientId) -> bool,
    prev: Option<&Hash>,
) -> Result<(), ServerFault> {
    let nothing = hash(label::hash::ATTACHMENT, &[&[]]);
    for entry in entries {
        if !member(entry.client) {
            return Err(ServerFault::UnknownClient(entry.client));
        }
        if !entry.verifies(session) && !mutant::active(Mutant::UnsignedEntries) {
            return Err(ServerFault::EntrySignature(entry.client));
        }
        if prev.is_some_and(|prev| *prev != entry.prev.0) {
            return Err(ServerFault::EntryTranscript(entry.client));
        }
        if !B::HAS_ATTACHMENT && entry.attachment_hash.0 != nothing {
            return Err(ServerFault::EntryContents(entry.client, ClientFault::Malformed(DecodeError::Trailing)));
        }
    }
    Ok(())
}

/// Refuses a list of fewer clients than the threshold.
pub(crate) fn check_threshold(session: &Session, listed: usize) -> Result<(), ServerFault> {
    let threshold = session.threshold();
    match u32::try_from(listed) {
        Ok(got) if got < threshold => Err(ServerFault::BelowThreshold { got, threshold }),
        _ => Ok(()),
    }
}
