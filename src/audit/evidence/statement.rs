//! What a party signed, without the contents, and two of it that contradict each other (section 21, kind 2).

use alloc::vec::Vec;

use crate::{
    codec::{Reader, put_client},
    crypto::sign::Signed,
    error::{ClientFault, ClientId, DecodeError, Error, RoundError, ServerFault},
    hash::{Hash, hash},
    label,
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Complaint, Consistency, Delivery, Entry, EntryBody, Frame, MaskedInput,
        Reveal, Shares, Survivors,
    },
    session::Session,
};

/// The types of the table in section 6.
const TYPES: [u8; 11] = [
    <Advert as Body>::TYPE,
    Adverts::TYPE,
    Shares::TYPE,
    Delivery::TYPE,
    Complaint::TYPE,
    <MaskedInput as Body>::TYPE,
    Survivors::TYPE,
    <Consistency as Body>::TYPE,
    Agreement::TYPE,
    Reveal::TYPE,
    Announcement::TYPE,
];

/// What one signature is about: a message by the hashes of its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    kind: u8,
    client: ClientId,
    prev: Hash,
    body_hash: Hash,
    attachment_hash: Hash,
    signature: [u8; 64],
}

impl Statement {
    /// Of a message, from either side.
    ///
    /// # Errors
    /// [`Error::Decode`] if it is no message of this session that its sender signed.
    pub fn of_message(session: &Session, message: &[u8]) -> Result<Self, Error> {
        let frame = Frame::open(session, message)?;
        Ok(Self {
            kind: frame.kind,
            client: frame.client,
            prev: frame.prev,
            body_hash: hash(label::hash::BODY, &[frame.body]),
            attachment_hash: hash(label::hash::ATTACHMENT, &[frame.attachment]),
            signature: frame.signature,
        })
    }

    /// Of a client's message as it was forwarded.
    #[must_use]
    pub fn of_entry<B: EntryBody>(entry: &Entry<B>) -> Self {
        Self {
            kind: B::TYPE,
            client: entry.client,
            prev: entry.prev.0,
            body_hash: hash(label::hash::BODY, &[&entry.body.body()]),
            attachment_hash: entry.attachment_hash.0,
            signature: entry.signature.0,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::from([self.kind]);
        put_client(&mut out, self.client);
        for part in [&self.prev, &self.body_hash, &self.attachment_hash] {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(&self.signature);
        out
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: reader.u8()?,
            client: reader.client()?,
            prev: reader.array()?,
            body_hash: reader.array()?,
            attachment_hash: reader.array()?,
            signature: reader.array()?,
        })
    }

    fn is_from_server(&self) -> bool {
        self.kind >= Adverts::TYPE
    }

    fn check(&self, session: &Session) -> Result<(), DecodeError> {
        if !TYPES.contains(&self.kind) {
            return Err(DecodeError::Value);
        }
        let member = session.client_key(self.client).ok_or(DecodeError::Recipient)?;
        let key = if self.is_from_server() { session.server_key() } else { member };
        let Self { kind, client, prev, body_hash, attachment_hash, .. } = self;
        let message = Signed::message(session.id(), *kind, *client, prev, body_hash, attachment_hash);
        if Signed::verify_message(&message, key, &self.signature) { Ok(()) } else { Err(DecodeError::Signature) }
    }
}

/// Two statements, the lesser first.
pub(super) fn read_both(bytes: &[u8]) -> Result<[Statement; 2], DecodeError> {
    let mut reader = Reader::new(bytes);
    let both = [Statement::read(&mut reader)?, Statement::read(&mut reader)?];
    reader.finish()?;
    Ok(both)
}

/// Whom two statements blame.
pub(super) fn judge_both(session: &Session, both: &[Statement; 2]) -> Result<Error, Error> {
    let [one, other] = both;
    if one.encode() >= other.encode() {
        return Err(DecodeError::Order.into());
    }
    one.check(session)?;
    other.check(session)?;
    if one.kind != other.kind {
        return Err(RoundError::Unproven.into());
    }
    let (same_client, same_attachment) = (one.client == other.client, one.attachment_hash == other.attachment_hash);
    let same_body = (one.prev, one.body_hash) == (other.prev, other.body_hash);
    // An honest server's messages of one type differ in recipients and their attachments only; an honest client sends one.
    match one.is_from_server() {
        true if !same_body || (same_client && !same_attachment) => Ok(ServerFault::Equivocation.into()),
        false if same_client && !(same_body && same_attachment) => Ok(Error::client(one.client, ClientFault::Equivocation)),
        _ => Err(RoundError::Unproven.into()),
    }
}
