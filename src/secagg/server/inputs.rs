//! Rounds 2 and 3: collect masked inputs, then agreement on who survived.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec,
    vec::Vec,
};
use core::fmt;

use super::{CollectingReveals, Host, Opened, collect::Dealt, ids, progress};
use crate::{
    error::{ClientFault, ClientId, Error, InputError, RoundError},
    hash::Hash,
    mask::{Accumulator, Layout},
    message::{Agreement, Body, Complaint, Consistency, Entry, MaskedInput, Survivors},
    secagg::{
        complaint::{Verdict, judge_frame},
        keys::PublicKeys,
        step::{Failure, Outbox, Progress, Receipt, Round},
        transcript,
        upload::{Spool, Upload},
    },
};

/// What comes of a complaint.
enum Judged {
    /// A dealing that counts is bad: the session is over.
    Proven(Verdict),
    /// The complainer is a drop-out, and nothing else changes.
    GoesOn(Verdict),
}

/// Round 2.
pub struct CollectingInputs {
    host: Host,
    keys: BTreeMap<ClientId, PublicKeys>,
    dealt: Arc<BTreeMap<ClientId, Dealt>>,
    h1: Hash,
    h2: Hash,
    layout: Layout,
    sum: Accumulator,
    inputs: BTreeMap<ClientId, Entry<MaskedInput>>,
    /// Clients that complained without ending the session: drop-outs.
    excluded: BTreeSet<ClientId>,
}

impl CollectingInputs {
    /// `transcript` is `h1` and `h2`.
    pub(crate) fn new(
        host: Host,
        keys: BTreeMap<ClientId, PublicKeys>,
        dealt: Arc<BTreeMap<ClientId, Dealt>>,
        [h1, h2]: [Hash; 2],
    ) -> Self {
        let layout = Layout::new(&host.session);
        // A vector that does not fit the address space fails at the first read, not here.
        let len = usize::try_from(layout.vector_len()).unwrap_or(0);
        let sum = Accumulator::new(layout.ring(), len);
        Self { host, keys, dealt, h1, h2, layout, sum, inputs: BTreeMap::new(), excluded: BTreeSet::new() }
    }

    /// Begins a client's upload into `spool`, which must be empty. It counts for nothing until [`CollectingInputs::accept`].
    ///
    /// # Errors
    /// [`InputError::NotInRoster`] for an id that the roster does not have; [`RoundError::Late`] if this client did not deal,
    /// complained, or its input is already in. Nobody is blamed: an id that comes with an upload proves nothing.
    pub fn upload<S: Spool>(&self, client: ClientId, spool: S) -> Result<Upload<S>, Error> {
        if self.host.session.index(client).is_none() {
            return Err(InputError::NotInRoster(client).into());
        }
        if !self.dealt.contains_key(&client) || self.inputs.contains_key(&client) || self.excluded.contains(&client) {
            return Err(RoundError::Late(client).into());
        }
        Ok(Upload::new(self.host.session.id(), client, self.layout, spool))
    }

    /// Takes a client's signed header, checks its whole upload against it, and adds the upload to the sum: all of it, or nothing.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Client`] or [`Error::Round`] ([`RoundError::UploadMismatch`] makes the client a drop-out unless a
    /// good upload follows); [`Error::Environment`] if the spool fails. The sum is unchanged.
    pub fn accept<S: Spool>(&mut self, upload: &Upload<S>, message: &[u8]) -> Result<Receipt, Error> {
        let (dealt, excluded) = (&self.dealt, &self.excluded);
        let member = |id| dealt.contains_key(&id) && !excluded.contains(&id);
        let Opened::New(frame, digest) = self.host.open::<MaskedInput>(message, &self.h2, member)? else {
            return Ok(self.host.receipt(false, self.progress()));
        };
        let input: MaskedInput = Host::decode(&frame)?;
        if (input.vector_len, input.chunk_len) != (self.layout.vector_len(), self.layout.chunk_len()) {
            return Err(Error::client(frame.client, ClientFault::WrongDimensions));
        }
        let own = upload.client == frame.client && upload.session == self.host.session.id();
        if !own || upload.complete_root() != Some(input.root.0) {
            return Err(RoundError::UploadMismatch(frame.client).into());
        }
        self.add(upload)?;
        self.inputs.insert(frame.client, frame.to_entry(input));
        self.host.accepted(MaskedInput::TYPE, frame.client, digest);
        Ok(self.host.receipt(true, self.progress()))
    }

    /// Tells what a message is that is neither an input nor a complaint; no message of this round is taken here.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Client`] or [`Error::Round`], unless it is a repeat.
    pub fn receive(&mut self, message: &[u8]) -> Result<Receipt, Error> {
        let (dealt, excluded) = (&self.dealt, &self.excluded);
        let member = |id| dealt.contains_key(&id) && !excluded.contains(&id);
        match self.host.open::<MaskedInput>(message, &self.h2, member)? {
            Opened::Repeat => Ok(self.host.receipt(false, self.progress())),
            Opened::New(frame, _) => Err(RoundError::UploadMismatch(frame.client).into()),
        }
    }

    /// Judges a complaint about a dealer (section 14). Whoever complains is a drop-out.
    ///
    /// # Errors
    /// A proven bad dealing ends the session: `Ok` with the verdict, and the state is gone. Otherwise the session goes on with the
    /// state in [`Failure::state`]: [`Error::Client`] names the complainer if it complained falsely, and the dealer if it signed a bad
    /// dealing other than the one that counts. [`RoundError::Late`] if the complainer's input is already in, [`RoundError::Repeat`]
    /// for a repeat, and the other errors of a message, change nothing.
    pub fn complain(mut self, message: &[u8]) -> Result<Verdict, Failure<Self>> {
        match self.judge(message) {
            Ok(Judged::Proven(verdict)) => Ok(verdict),
            Ok(Judged::GoesOn(Verdict { culprit, fault, .. })) => Err(Failure::keep(Error::client(culprit, fault), self)),
            Err(e) => Err(Failure::keep(e, self)),
        }
    }

    /// What to say of a repeat.
    pub(crate) fn repeated(&self) -> Receipt {
        self.host.receipt(false, self.progress())
    }

    fn judge(&mut self, message: &[u8]) -> Result<Judged, Error> {
        let dealt = &self.dealt;
        let Opened::New(frame, digest) = self.host.open::<Complaint>(message, &self.h1, |id| dealt.contains_key(&id))? else {
            return Err(RoundError::Repeat.into());
        };
        if self.inputs.contains_key(&frame.client) {
            return Err(RoundError::Late(frame.client).into());
        }
        let (verdict, proof) = judge_frame(&self.host.session, &frame);
        self.host.accepted(Complaint::TYPE, frame.client, digest);
        self.excluded.insert(frame.client);
        let counts = |entry| self.dealt.get(&verdict.culprit).is_some_and(|dealt| dealt.entry == entry);
        Ok(if proof.is_some_and(counts) { Judged::Proven(verdict) } else { Judged::GoesOn(verdict) })
    }

    /// Who has been heard; who complained is not expected any more.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let expected = self.dealt.keys().filter(|id| !self.excluded.contains(id));
        progress(Round::MaskedInput, |id| self.inputs.contains_key(&id), expected)
    }

    /// Ends round 2: whose upload is complete survives; nothing that comes later is ever added.
    ///
    /// # Errors
    /// [`RoundError::TooFewClients`], with the state: wait, or give up. [`Error::Environment`] if the identity can not sign.
    pub fn close(mut self) -> Result<(CollectingConsistency, Outbox), Failure<Self>> {
        if let Err(e) = self.host.check_threshold(self.inputs.len()) {
            return Err(Failure::keep(e, self));
        }
        let bitmap = transcript::bitmap(&self.host.session, &ids(&self.inputs));
        let message = Survivors { bitmap, entries: self.inputs.values().cloned().collect() };
        let h3 = transcript::h3(&self.h2, &message.bitmap, &message.entries);
        match self.host.send::<Survivors>(&self.h2, message.body(), self.dealt.keys()) {
            Ok(outbox) => Ok((self.into_consistency(h3), outbox)),
            Err(e) => Err(Failure::keep(e, self)),
        }
    }

    fn into_consistency(self, h3: Hash) -> CollectingConsistency {
        let survivors = self.inputs.into_keys().collect();
        let round = Unmasking { keys: self.keys, dealt: self.dealt, layout: self.layout, sum: self.sum, survivors, h3 };
        CollectingConsistency { host: self.host, round, agreed: BTreeMap::new() }
    }

    /// Adds a whole upload; takes everything off again if the spool fails half-way.
    fn add<S: Spool>(&mut self, upload: &Upload<S>) -> Result<(), Error> {
        for chunk in 0..self.layout.chunks() {
            if let Err(e) = self.add_chunk(upload, chunk, false) {
                for earlier in 0..chunk {
                    self.add_chunk(upload, earlier, true)?;
                }
                return Err(e);
            }
        }
        self.host.counters.upload_bytes += self.layout.wire_len(&(0..self.layout.vector_len()));
        Ok(())
    }

    fn add_chunk<S: Spool>(&mut self, upload: &Upload<S>, chunk: u64, negative: bool) -> Result<(), Error> {
        let range = self.layout.chunk(chunk);
        let len = usize::try_from(self.layout.wire_len(&range)).unwrap_or(0);
        let mut wire = vec![0; len];
        upload.spool.read(self.layout.wire_len(&(0..range.start)), &mut wire)?;
        let add = self.sum.add_wire(self.layout.ring(), &range, &wire, negative);
        add.map_err(|e| Error::client(upload.client, ClientFault::Malformed(e)))
    }
}

impl fmt::Debug for CollectingInputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectingInputs").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

/// What the last two rounds share.
pub(crate) struct Unmasking {
    pub(crate) keys: BTreeMap<ClientId, PublicKeys>,
    pub(crate) dealt: Arc<BTreeMap<ClientId, Dealt>>,
    pub(crate) layout: Layout,
    pub(crate) sum: Accumulator,
    /// Ascending.
    pub(crate) survivors: Vec<ClientId>,
    pub(crate) h3: Hash,
}

/// Round 3.
pub struct CollectingConsistency {
    host: Host,
    round: Unmasking,
    agreed: BTreeMap<ClientId, Entry<Consistency>>,
}

impl CollectingConsistency {
    /// Takes one survivor's agreement.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Client`] or [`Error::Round`]; the state is unchanged.
    pub fn receive(&mut self, message: &[u8]) -> Result<Receipt, Error> {
        let survivors = &self.round.survivors;
        let member = |id| survivors.binary_search(&id).is_ok();
        let Opened::New(frame, digest) = self.host.open::<Consistency>(message, &self.round.h3, member)? else {
            return Ok(self.host.receipt(false, self.progress()));
        };
        let agreement: Consistency = Host::decode(&frame)?;
        self.agreed.insert(frame.client, frame.to_entry(agreement));
        self.host.accepted(Consistency::TYPE, frame.client, digest);
        Ok(self.host.receipt(true, self.progress()))
    }

    /// Who has been heard.
    #[must_use]
    pub fn progress(&self) -> Progress {
        progress(Round::Consistency, |id| self.agreed.contains_key(&id), self.round.survivors.iter())
    }

    /// Ends round 3.
    ///
    /// # Errors
    /// [`RoundError::TooFewClients`], with the state: wait, or give up. [`Error::Environment`] if the identity can not sign.
    pub fn close(mut self) -> Result<(CollectingReveals, Outbox), Failure<Self>> {
        if let Err(e) = self.host.check_threshold(self.agreed.len()) {
            return Err(Failure::keep(e, self));
        }
        let body = Agreement { entries: self.agreed.values().cloned().collect() }.body();
        match self.host.send::<Agreement>(&self.round.h3, body, &self.round.survivors) {
            Ok(outbox) => Ok((CollectingReveals::new(self.host, self.round), outbox)),
            Err(e) => Err(Failure::keep(e, self)),
        }
    }
}

impl fmt::Debug for CollectingConsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectingConsistency").field("progress", &self.progress()).finish_non_exhaustive()
    }
}
