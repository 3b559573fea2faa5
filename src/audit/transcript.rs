//! What a server keeps of its session, and how it writes it down (section 20.1).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::fmt;

use super::{
    file::{FORMAT, MAGIC, Sink, no_attachment, tag},
    rounds::opened_pairs,
    vectors::Vectors,
};
use crate::{
    codec::{put_client, put_count, put_sized},
    error::{ClientFault, ClientId, DecodeError, Error, InputError},
    message::{Adverts, Agreement, Announcement, Body, Complaint, Delivery, Frame, Package, Reveal, Survivors},
    secagg::{Outbox, transcript},
    session::Session,
};

/// The transcript of a session, recorded beside its server: give it every outbox, and every message that the server took.
///
/// It holds no secret, and copies nothing but complaints and reveals: outboxes share what they are made of with the server. Uploads are
/// not recorded; keep their spools ([`crate::secagg::upload::Upload::spool`]) if the transcript is to have chunks.
pub struct Transcript {
    session: Session,
    sent: BTreeMap<u8, Outbox>,
    received: BTreeMap<(u8, ClientId), Vec<u8>>,
}

impl Transcript {
    /// Nothing is recorded yet.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        Self { session: session.clone(), sent: BTreeMap::new(), received: BTreeMap::new() }
    }

    /// Records what a `close` returned, or [`crate::secagg::sum::Sum::announce`].
    ///
    /// # Errors
    /// [`DecodeError::Session`] if it is another session's.
    pub fn sent(&mut self, outbox: &Outbox) -> Result<(), Error> {
        if outbox.session() != self.session.id() {
            return Err(DecodeError::Session.into());
        }
        self.sent.insert(outbox.kind(), outbox.clone());
        Ok(())
    }

    /// Records a message that the server has taken: those for which it returned a receipt that is fresh, and complaints on which there
    /// is a verdict, whoever is to blame. What goes out again in an outbox is recorded there.
    ///
    /// # Errors
    /// [`Error::Decode`] if it is not a message of a client in this session; [`ClientFault::Equivocation`] if another one of this type and
    /// sender is recorded; [`InputError::WrongState`] and [`Error::Decode`] for a complaint or a reveal that does not follow what was
    /// recorded as sent: the server can not have taken it, and it would spoil the file. Nothing is then recorded.
    pub fn received(&mut self, message: &[u8]) -> Result<(), Error> {
        let frame = Frame::open(&self.session, message)?;
        if ![Complaint::TYPE, Reveal::TYPE].contains(&frame.kind) {
            return Ok(());
        }
        match self.received.get(&(frame.kind, frame.client)) {
            Some(first) if first == message => Ok(()),
            Some(_) => Err(Error::client(frame.client, ClientFault::Equivocation)),
            None => {
                self.check_follows(&frame)?;
                self.received.insert((frame.kind, frame.client), message.to_vec());
                Ok(())
            }
        }
    }

    /// A complaint answers the Delivery, before there are Survivors, and a reveal the Agreement: sent to its sender, over its transcript.
    fn check_follows(&self, frame: &Frame<'_>) -> Result<(), Error> {
        let (question, next) =
            if frame.kind == Complaint::TYPE { (Delivery::TYPE, Survivors::TYPE) } else { (Agreement::TYPE, Announcement::TYPE) };
        let outbox = self.outbox(question)?;
        if self.sent.contains_key(&next) {
            return Err(InputError::WrongState.into());
        }
        if !outbox.recipients().any(|id| id == frame.client) {
            return Err(DecodeError::Recipient.into());
        }
        if frame.prev == *outbox.prev() { Ok(()) } else { Err(DecodeError::Mismatch.into()) }
    }

    /// Writes the transcript of the session as far as it has come; chunks, if there are `vectors` and a sum was announced.
    ///
    /// # Errors
    /// [`InputError::WrongState`] if an outbox of an earlier round was not recorded, or there are vectors but no announcement; the errors of
    /// [`Vectors`]; [`Error::Environment`] if the sink fails.
    pub fn write(&self, sink: &mut dyn Sink, vectors: Option<&Vectors<'_>>) -> Result<(), Error> {
        let mut head = [&MAGIC[..], &[FORMAT]].concat();
        put_sized(&mut head, &self.session.encode());
        sink.write(&head)?;
        let rounds = [Adverts::TYPE, Delivery::TYPE, Survivors::TYPE, Agreement::TYPE, Announcement::TYPE];
        let closed = rounds.into_iter().take_while(|kind| self.sent.contains_key(kind)).count();
        if closed != self.sent.len() || (closed < rounds.len() && vectors.is_some()) {
            return Err(InputError::WrongState.into());
        }
        for outbox in rounds.iter().take(closed).filter_map(|kind| self.sent.get(kind)) {
            if outbox.kind() == Survivors::TYPE {
                self.write_received(sink, Complaint::TYPE)?;
            }
            if outbox.kind() == Announcement::TYPE {
                self.write_reveals(sink)?;
            }
            write_sent(sink, outbox)?;
        }
        match closed {
            2 => self.write_received(sink, Complaint::TYPE)?,
            4 => self.write_reveals(sink)?,
            _ => {}
        }
        if let Some(vectors) = vectors {
            vectors.write(sink, &self.session, &self.members::<Survivors>()?)?;
        }
        Ok(sink.write(&[tag::END])?)
    }

    fn write_received(&self, sink: &mut dyn Sink, kind: u8) -> Result<(), Error> {
        let messages: Vec<_> = self.received.range((kind, ClientId(0))..=(kind, ClientId(u64::MAX))).collect();
        if messages.is_empty() {
            return Ok(());
        }
        let mut out = Vec::from([kind]);
        put_count(&mut out, messages.len());
        for (_, message) in messages {
            put_sized(&mut out, message);
            sink.write(&out)?;
            out.clear();
        }
        Ok(())
    }

    fn write_reveals(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        if !self.received.keys().any(|(kind, _)| *kind == Reveal::TYPE) {
            return Ok(());
        }
        self.write_received(sink, Reveal::TYPE)?;
        let (dealt, survivors) = (self.members::<Delivery>()?, self.members::<Survivors>()?);
        let pairs = opened_pairs(dealt.iter(), |id| survivors.binary_search(&id).is_ok());
        let mut packages = self.packages(&pairs)?;
        let mut out = Vec::from([tag::PACKAGES]);
        put_count(&mut out, pairs.len());
        for (dealer, holder) in pairs {
            let package = packages.remove(&(dealer, holder)).ok_or(InputError::WrongState)?;
            put_client(&mut out, dealer);
            Package { peer: holder, ..package }.put(&mut out);
            sink.write(&out)?;
            out.clear();
        }
        Ok(sink.write(&out)?)
    }

    /// The packages of these pairs, as they were delivered.
    fn packages(&self, pairs: &BTreeSet<(ClientId, ClientId)>) -> Result<BTreeMap<(ClientId, ClientId), Package>, Error> {
        let (outbox, mut packages) = (self.outbox(Delivery::TYPE)?, BTreeMap::new());
        let holders: BTreeSet<ClientId> = pairs.iter().map(|(_, holder)| *holder).collect();
        for holder in holders {
            let delivery = Delivery::decode(holder, outbox.body(), &outbox.attachment(holder))?;
            let delivered = delivery.packages.into_iter().map(|package| ((package.peer, holder), package));
            packages.extend(delivered.filter(|(pair, _)| pairs.contains(pair)));
        }
        Ok(packages)
    }

    /// Whom the server listed in this round: U2 of [`Delivery`], U3 of [`Survivors`].
    fn members<B: Body>(&self) -> Result<Vec<ClientId>, Error> {
        let outbox = self.outbox(B::TYPE)?;
        if B::TYPE == Survivors::TYPE {
            let message = Survivors::decode(ClientId(0), outbox.body(), no_attachment(B::TYPE))?;
            return Ok(transcript::read_bitmap(&self.session, &message.bitmap)?.into_iter().collect());
        }
        Ok(outbox.recipients().collect())
    }

    /// What was sent in one round.
    fn outbox(&self, kind: u8) -> Result<&Outbox, InputError> {
        self.sent.get(&kind).ok_or(InputError::WrongState)
    }

    /// The body of what was sent in one round.
    pub(super) fn body(&self, kind: u8) -> Result<&[u8], InputError> {
        self.outbox(kind).map(Outbox::body)
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }
}

fn write_sent(sink: &mut dyn Sink, outbox: &Outbox) -> Result<(), Error> {
    let mut out = Vec::from([outbox.kind()]);
    put_sized(&mut out, outbox.body());
    put_count(&mut out, outbox.len());
    sink.write(&out)?;
    for letter in outbox.posted() {
        out.clear();
        put_client(&mut out, letter.recipient);
        if outbox.kind() == Delivery::TYPE {
            out.extend_from_slice(&letter.attachment_hash);
        }
        out.extend_from_slice(&letter.signature);
        sink.write(&out)?;
    }
    Ok(())
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, sent, received } = self;
        f.debug_struct("Transcript")
            .field("session", &session.id())
            .field("sent", &sent.keys())
            .field("received", &received.keys())
            .finish()
    }
}
