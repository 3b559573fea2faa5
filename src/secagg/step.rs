//! What steps return: failures, progress, counts, and the messages to send.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt;

use crate::{
    crypto::sign::{Identity, Signed},
    error::{ClientId, Error},
    hash::{Hash, hash},
    label,
    message::{Body, Header},
    session::{Session, SessionId},
};

/// Why a step failed, and what is left of the state.
///
/// `?` turns it into an [`Error`] and gives the state up, which wipes it.
pub struct Failure<S> {
    /// What happened.
    pub error: Error,
    /// The state, if the message could not be attributed, or the step can be tried again; otherwise the party is finished. Nothing in it
    /// has changed, except that a server keeps in mind who complained, who lied, and whose upload
    /// could not be read back.
    pub state: Option<Box<S>>,
    /// A message that must still be sent: the proof of a bad dealing.
    pub complaint: Option<Vec<u8>>,
}

impl<S> Failure<S> {
    /// Nothing has changed.
    pub(crate) fn keep(error: impl Into<Error>, state: S) -> Self {
        Self { error: error.into(), state: Some(Box::new(state)), complaint: None }
    }

    /// The party is finished.
    pub(crate) fn end(error: impl Into<Error>) -> Self {
        Self { error: error.into(), state: None, complaint: None }
    }
}

impl<S> From<Failure<S>> for Error {
    fn from(failure: Failure<S>) -> Self {
        failure.error
    }
}

impl<S> fmt::Debug for Failure<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("error", &self.error).field("ended", &self.state.is_none()).finish_non_exhaustive()
    }
}

impl<S> fmt::Display for Failure<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S> core::error::Error for Failure<S> {}

/// A round of the protocol (section 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Round {
    /// Round 0.
    AdvertiseKeys,
    /// Round 1.
    ShareKeys,
    /// Round 2.
    MaskedInput,
    /// Round 3.
    Consistency,
    /// Round 4.
    Unmasking,
}

/// How far the server is in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Which round.
    pub round: Round,
    /// Clients heard.
    pub received: usize,
    /// Clients heard or missing. Nothing more is expected of one that complained or is known to have lied.
    pub expected: usize,
    /// Who has not been heard, ascending.
    pub missing: Vec<ClientId>,
}

/// Bytes and operations of one party so far, as plain numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages that were accepted.
    pub messages_accepted: u64,
    /// Bytes of control-plane messages received, refused ones included.
    pub bytes_received: u64,
    /// Bytes of control-plane messages made.
    pub bytes_sent: u64,
    /// Bytes of masked vectors accepted.
    pub upload_bytes: u64,
    /// Signatures checked.
    pub signatures_verified: u64,
    /// Signatures made.
    pub signatures_made: u64,
    /// Curve points decoded.
    pub points_decoded: u64,
    /// Secrets recovered from shares.
    pub secrets_recovered: u64,
    /// Keystreams that have to be taken off the sum.
    pub mask_streams: u64,
}

/// What the server did with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Whether the message was new; a byte-identical repeat is ignored.
    pub fresh: bool,
    /// Where the round stands.
    pub progress: Progress,
    /// What has been spent so far.
    pub counters: Counters,
}

/// The server's messages of one round: the same body for everybody, signed for each recipient.
///
/// A message's bytes are put together when they are asked for, from the one body and from what the server keeps anyway, so the whole never
/// has to be in memory.
#[derive(Clone)]
pub struct Outbox {
    session: Session,
    kind: u8,
    prev: Hash,
    body: Arc<[u8]>,
    attach: Attach,
    letters: Arc<[Letter]>,
}

/// Makes the attachment for a recipient: the same bytes each time.
pub(crate) type Attach = Arc<dyn Fn(ClientId) -> Vec<u8> + Send + Sync>;

struct Letter {
    recipient: ClientId,
    attachment_len: usize,
    signature: [u8; 64],
}

/// One letter of a round, for a transcript.
pub(crate) struct Posted {
    pub(crate) recipient: ClientId,
    pub(crate) attachment_hash: Hash,
    pub(crate) signature: [u8; 64],
}

impl Outbox {
    /// Signs one message of type `B` for each recipient, each with its own attachment.
    pub(crate) fn sign<B: Body>(
        session: &Session,
        identity: &dyn Identity,
        prev: &Hash,
        body: Vec<u8>,
        recipients: impl IntoIterator<Item = ClientId>,
        attach: Attach,
    ) -> Result<Self, Error> {
        // Once, however many recipients there are.
        let body_hash = hash(label::hash::BODY, &[&body]);
        let letter = |recipient| {
            let attachment = attach(recipient);
            let attachment_hash = hash(label::hash::ATTACHMENT, &[&attachment]);
            let message = Signed::message(session.id(), B::TYPE, recipient, prev, &body_hash, &attachment_hash);
            Ok(Letter { recipient, attachment_len: attachment.len(), signature: identity.sign(&message)? })
        };
        let letters = recipients.into_iter().map(letter).collect::<Result<_, Error>>()?;
        Ok(Self { session: session.clone(), kind: B::TYPE, prev: *prev, body: body.into(), attach, letters })
    }

    /// The messages, each with its recipient, ascending.
    pub fn messages(&self) -> impl Iterator<Item = (ClientId, Vec<u8>)> + '_ {
        self.letters.iter().map(|letter| (letter.recipient, self.assemble(letter)))
    }

    /// The message for one recipient, if there is one.
    #[must_use]
    pub fn message_for(&self, recipient: ClientId) -> Option<Vec<u8>> {
        self.letters.iter().find(|letter| letter.recipient == recipient).map(|letter| self.assemble(letter))
    }

    /// Whom the messages are for.
    pub fn recipients(&self) -> impl Iterator<Item = ClientId> + '_ {
        self.letters.iter().map(|letter| letter.recipient)
    }

    /// Bytes of all messages together.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        let each = crate::message::HEADER_LEN + self.body.len() + 64;
        self.letters.iter().map(|letter| (each + letter.attachment_len) as u64).sum()
    }

    pub(crate) fn session(&self) -> SessionId {
        self.session.id()
    }

    pub(crate) fn kind(&self) -> u8 {
        self.kind
    }

    /// The transcript that the messages are signed over.
    pub(crate) fn prev(&self) -> &Hash {
        &self.prev
    }

    /// What all recipients get.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// What one recipient gets besides: the same bytes each time.
    pub(crate) fn attachment(&self, recipient: ClientId) -> Vec<u8> {
        (self.attach)(recipient)
    }

    /// Recipients and signatures, ascending.
    pub(crate) fn posted(&self) -> impl Iterator<Item = Posted> + '_ {
        self.letters.iter().map(|letter| Posted {
            recipient: letter.recipient,
            attachment_hash: hash(label::hash::ATTACHMENT, &[&self.attachment(letter.recipient)]),
            signature: letter.signature,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.letters.len()
    }

    fn assemble(&self, letter: &Letter) -> Vec<u8> {
        let header = Header { session: self.session.id(), kind: self.kind, client: letter.recipient, prev: &self.prev };
        header.assemble(&self.body, &self.attachment(letter.recipient), &letter.signature)
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("kind", &self.kind).field("letters", &self.letters.len()).finish_non_exhaustive()
    }
}
