//! Rounds 2 and 3: collect masked inputs, then agreement on who survived.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::{fmt, ops::Range};

use super::{CollectingReveals, Host, Opened, collect::Dealt, ids, progress};
use crate::{
    error::{ClientFault, ClientId, Error, InputError, RoundError},
    hash::Hash,
    mask::{Accumulator, Layout},
    message::{Agreement, Body, Complaint, Consistency, Entry, MaskedInput, Survivors},
    secagg::{
        complaint::{Verdict, judge_frame},
        keys::PublicKeys,
        shard::ShardDescriptor,
        step::{Failure, Outbox, Progress, Receipt, Round},
        total::sum_uploads,
        transcript,
        unmask::Unmasking,
        upload::{Spool, SpoolError, Upload},
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
    summing: Summing,
    inputs: BTreeMap<ClientId, Input>,
    /// Clients that complained without ending the session: drop-outs.
    excluded: BTreeSet<ClientId>,
    /// The messages of clients whose spools failed: only these may come again.
    lost: BTreeMap<ClientId, Hash>,
}

/// An input that is in.
struct Input {
    entry: Entry<MaskedInput>,
    /// Where the upload waits for the sum; with the shards, if they make it.
    spool: Option<Box<dyn Spool + Send>>,
}

/// Who makes the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Summing {
    Here,
    InShards,
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
        Self {
            host,
            keys,
            dealt,
            h1,
            h2,
            layout,
            summing: Summing::Here,
            inputs: BTreeMap::new(),
            excluded: BTreeSet::new(),
            lost: BTreeMap::new(),
        }
    }

    /// Leaves the sum to shards ([`crate::secagg::shard`]): accepted uploads keep their spools, and the server needs no memory for
    /// vectors. Say so before the first input is in.
    ///
    /// # Errors
    /// [`InputError::WrongState`] if there are inputs.
    pub fn sum_in_shards(&mut self) -> Result<(), Error> {
        if !self.inputs.is_empty() {
            return Err(InputError::WrongState.into());
        }
        self.summing = Summing::InShards;
        Ok(())
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

    /// Takes a client's signed header and checks its whole upload against it. The spool leaves the upload and waits for
    /// [`CollectingInputs::close`], which makes the sum; unless shards do.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Client`] or [`Error::Round`] ([`RoundError::UploadMismatch`] makes the client a drop-out unless a
    /// good upload follows). The upload is unchanged.
    pub fn accept<S: Spool + Send + 'static>(&mut self, upload: &mut Upload<S>, message: &[u8]) -> Result<Receipt, Error> {
        let (dealt, excluded) = (&self.dealt, &self.excluded);
        let member = |id| dealt.contains_key(&id) && !excluded.contains(&id);
        let Opened::New(frame, digest) = self.host.open::<MaskedInput>(message, &self.h2, member)? else {
            return Ok(self.host.receipt(false, self.progress()));
        };
        if self.lost.get(&frame.client).is_some_and(|first| *first != digest) {
            return Err(Error::client(frame.client, ClientFault::Equivocation));
        }
        let input: MaskedInput = Host::decode(&frame)?;
        if (input.vector_len, input.chunk_len) != (self.layout.vector_len(), self.layout.chunk_len()) {
            return Err(Error::client(frame.client, ClientFault::WrongDimensions));
        }
        let own = upload.client == frame.client && upload.session == self.host.session.id();
        if !own || upload.complete_root() != Some(input.root.0) {
            return Err(RoundError::UploadMismatch(frame.client).into());
        }
        let padding = self.layout.check_padding(upload.last_byte());
        padding.map_err(|e| Error::client(frame.client, ClientFault::Malformed(e)))?;
        let spool = match self.summing {
            Summing::Here => upload.take_spool().map(|spool| Box::new(spool) as Box<dyn Spool + Send>),
            Summing::InShards => None,
        };
        self.inputs.insert(frame.client, Input { entry: frame.to_entry(input), spool });
        self.host.accepted(MaskedInput::TYPE, frame.client, digest);
        self.host.counters.upload_bytes += self.layout.wire_len(&(0..self.layout.vector_len()));
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

    /// Ends round 2: makes the sum, chunk by chunk over all uploads. Whose upload is in survives; nothing that comes later is ever
    /// added.
    ///
    /// # Errors
    /// [`RoundError::TooFewClients`], with the state: wait, or give up. [`Error::Environment`], with the state: if the identity can
    /// not sign, there is no memory for the sum, or a spool fails. The spool's client is then no longer in: close again without it,
    /// or wait for it to upload again.
    pub fn close(mut self) -> Result<(CollectingConsistency, Outbox), Failure<Self>> {
        if let Err(e) = self.host.check_threshold(self.inputs.len()) {
            return Err(Failure::keep(e, self));
        }
        let sum = match self.sum() {
            Ok(sum) => sum,
            Err(e) => return Err(Failure::keep(e, self)),
        };
        let bitmap = transcript::bitmap(&self.host.session, &ids(&self.inputs));
        let message = Survivors { bitmap, entries: self.inputs.values().map(|input| input.entry.clone()).collect() };
        let h3 = transcript::h3(&self.h2, &message.bitmap, &message.entries);
        match self.host.send::<Survivors>(&self.h2, message.body(), self.dealt.keys()) {
            Ok(outbox) => Ok((self.into_consistency(h3, sum), outbox)),
            Err(e) => Err(Failure::keep(e, self)),
        }
    }

    fn into_consistency(self, h3: Hash, sum: Option<Accumulator>) -> CollectingConsistency {
        let survivors = self.inputs.into_keys().collect();
        let round = Unmasking { keys: self.keys, dealt: self.dealt, layout: self.layout, sum, survivors, h3 };
        CollectingConsistency { host: self.host, round, agreed: BTreeMap::new() }
    }

    /// The sum of all uploads; `None` if it is made elsewhere. A client whose spool fails is out, and can upload again.
    fn sum(&mut self) -> Result<Option<Accumulator>, Error> {
        if self.summing == Summing::InShards {
            return Ok(None);
        }
        let spools: Vec<_> = self.inputs.iter().filter_map(|(client, input)| Some((*client, &**input.spool.as_ref()?))).collect();
        match sum_uploads(&self.layout, &(0..self.layout.vector_len()), &spools)? {
            Ok(sum) => Ok(Some(sum)),
            Err((client, e)) => {
                self.inputs.remove(&client);
                self.lost.extend(self.host.forget(MaskedInput::TYPE, client).map(|first| (client, first)));
                Err(SpoolError::new(format_args!("{client}: {e}")).into())
            }
        }
    }
}

impl fmt::Debug for CollectingInputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectingInputs").field("progress", &self.progress()).finish_non_exhaustive()
    }
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

    /// A shard of the sum, for a worker that adds up its range while the clients go on; not empty, and of whole chunks.
    ///
    /// # Errors
    /// [`InputError::Range`] for another range.
    pub fn shard(&self, range: Range<u64>) -> Result<ShardDescriptor, Error> {
        let Unmasking { layout, h3, survivors, .. } = &self.round;
        Ok(ShardDescriptor::new(self.host.session.id(), layout, *h3, survivors, range)?)
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
