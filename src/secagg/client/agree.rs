//! Rounds 3 and 4: agree on the survivors, then reveal, once.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::fmt;

use super::deal::SharePair;
use crate::{
    error::{ClientFault, ClientId, DecodeError, Error, InputError, RoundError, ServerFault},
    hash::Hash,
    mask::Layout,
    math::ring::Word,
    message::{Agreement, Announcement, Bytes, Consistency, Entry, MaskedInput, Reveal, RevealedShare, Survivors},
    mutant::{self, Mutant},
    secagg::{participant::Participant, step::Failure, transcript, upload::ChunkTree},
};

/// Round 2 done: the input is released. Waits to hear who survived.
pub struct AwaitingSurvivors {
    pub(crate) me: Participant,
    pub(crate) shares: BTreeMap<ClientId, SharePair>,
    pub(crate) h2: Hash,
    pub(crate) own: Entry<MaskedInput>,
}

impl AwaitingSurvivors {
    /// Takes the survivors and returns this client's agreement, which it signs once.
    ///
    /// # Errors
    /// [`Error::Server`] if an honest server would not send this; [`RoundError::NotIncluded`] if this client is not a survivor. The
    /// client is then finished. Messages that are not the server's give the state back.
    pub fn receive(mut self, message: &[u8]) -> Result<(AwaitingAgreement, Vec<u8>), Failure<Self>> {
        match self.me.open::<Survivors>(message, &self.h2) {
            Ok(survivors) => self.accept(&survivors).map_err(Failure::end),
            Err(refusal) => Err(refusal.with(self)),
        }
    }

    fn accept(self, message: &Survivors) -> Result<(AwaitingAgreement, Vec<u8>), Error> {
        let session = &self.me.session;
        let survivors = transcript::read_bitmap(session, &message.bitmap).map_err(ServerFault::Malformed)?;
        if !survivors.iter().eq(message.entries.iter().map(|entry| &entry.client)) {
            return Err(ServerFault::Malformed(DecodeError::Count).into());
        }
        let dealt = |id| self.shares.contains_key(&id) || mutant::active(Mutant::SurvivorsOutsideU2);
        let second = (!mutant::active(Mutant::AnySecondTranscript)).then_some(&self.h2);
        self.me.check_entries(&message.entries, dealt, second, None)?;
        check_dimensions(&Layout::new(session), &message.entries)?;
        if !survivors.contains(&self.me.id) {
            return Err(RoundError::NotIncluded.into());
        }
        if !message.entries.contains(&self.own) {
            return Err(ServerFault::OwnEntry.into());
        }
        let chained = if mutant::active(Mutant::UnchainedThirdTranscript) { session.h0() } else { self.h2 };
        let h3 = transcript::h3(&chained, &message.bitmap, &message.entries);
        let sent = self.me.sign(&h3, &Consistency {})?;
        Ok((AwaitingAgreement { me: self.me, shares: self.shares, h3, survivors }, sent.bytes))
    }
}

fn check_dimensions(layout: &Layout, entries: &[Entry<MaskedInput>]) -> Result<(), ServerFault> {
    let differs = |e: &&Entry<MaskedInput>| (e.body.vector_len, e.body.chunk_len) != (layout.vector_len(), layout.chunk_len());
    match entries.iter().find(differs) {
        Some(entry) => Err(ServerFault::EntryContents(entry.client, ClientFault::WrongDimensions)),
        None => Ok(()),
    }
}

impl fmt::Debug for AwaitingSurvivors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingSurvivors").field("client", &self.me.id).finish_non_exhaustive()
    }
}

/// Round 3 done; waits to hear that enough others agree. Only this state can reveal, and only once.
///
/// ```compile_fail,E0308
/// # use veilsum::secagg::client::{AwaitingAgreement, AwaitingSurvivors};
/// fn skip_the_consistency_check(state: AwaitingSurvivors) -> AwaitingAgreement {
///     state // mismatched types
/// }
/// ```
pub struct AwaitingAgreement {
    me: Participant,
    shares: BTreeMap<ClientId, SharePair>,
    h3: Hash,
    survivors: BTreeSet<ClientId>,
}

impl AwaitingAgreement {
    /// Takes at least `threshold` signatures over this client's own transcript, and returns its shares: of the self secret of every
    /// survivor, of the mask root of everybody else who dealt. The rest is wiped.
    ///
    /// # Errors
    /// [`Error::Server`] if too few agree, or an entry is not good; the client is then finished and nothing is revealed. Messages
    /// that are not the server's give the state back.
    pub fn receive(mut self, message: &[u8]) -> Result<(Finished, Vec<u8>), Failure<Self>> {
        match self.me.open::<Agreement>(message, &self.h3) {
            Ok(agreement) => self.accept(&agreement).map_err(Failure::end),
            Err(refusal) => Err(refusal.with(self)),
        }
    }

    fn accept(self, agreement: &Agreement) -> Result<(Finished, Vec<u8>), Error> {
        let third = (!mutant::active(Mutant::AnyThirdTranscript)).then_some(&self.h3);
        self.me.check_entries(&agreement.entries, |id| self.survivors.contains(&id), third, None)?;
        let shares = self.shares.iter().map(|(owner, pair)| {
            let share = if self.survivors.contains(owner) { &pair.self_secret } else { &pair.mask_root };
            RevealedShare { owner: *owner, share: Bytes(share.value.to_bytes()), blinding: Bytes(share.blinding.to_bytes()) }
        });
        let sent = self.me.sign(&self.h3, &Reveal { shares: shares.collect() })?;
        Ok((Finished { me: self.me, h3: self.h3, survivors: self.survivors }, sent.bytes))
    }
}

impl fmt::Debug for AwaitingAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingAgreement").field("client", &self.me.id).finish_non_exhaustive()
    }
}

/// Round 4 done; holds no secret. Checks the sum, if the server gives it to clients.
pub struct Finished {
    me: Participant,
    h3: Hash,
    survivors: BTreeSet<ClientId>,
}

impl Finished {
    /// Whose inputs are in the sum, ascending.
    pub fn survivors(&self) -> impl Iterator<Item = ClientId> + '_ {
        self.survivors.iter().copied()
    }

    /// Begins to check a sum against the server's announcement.
    #[must_use]
    pub fn check_sum(self) -> SumCheck {
        let layout = Layout::new(&self.me.session);
        SumCheck { finished: self, layout, root: ChunkTree::new(layout), given: 0, pending: Vec::new() }
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").field("client", &self.me.id).field("survivors", &self.survivors).finish_non_exhaustive()
    }
}

/// Compares a sum, given in order in pieces of any size, with the signed announcement.
pub struct SumCheck {
    finished: Finished,
    layout: Layout,
    root: ChunkTree,
    given: u64,
    pending: Vec<u64>,
}

impl SumCheck {
    /// More words of the sum.
    ///
    /// # Errors
    /// [`Error::Input`] if there are too many, or one is not below `2^modulus_bits`.
    pub fn update<W: Word>(&mut self, words: &[W]) -> Result<(), Error> {
        let (given, expected) = (words.len() as u64, self.layout.vector_len() - self.given);
        if given > expected {
            return Err(InputError::TooManyWords { expected, given }.into());
        }
        self.layout.ring().check(words, None, self.given)?;
        self.given += given;
        self.pending.extend(words.iter().map(|word| word.to_u64()));
        let alignment = usize::try_from(self.layout.alignment()).unwrap_or(1);
        let end = self.given == self.layout.vector_len();
        let ready = if end { self.pending.len() } else { self.pending.len() / alignment * alignment };
        let rest = self.pending.split_off(ready);
        let mut wire = Vec::new();
        self.layout.ring().pack(&self.pending, &mut wire);
        self.root.update(&wire);
        self.pending = rest;
        Ok(())
    }

    /// Whether the words are those that the server signed; returns `h4`, the hash of the whole transcript.
    ///
    /// # Errors
    /// [`ServerFault::WrongSum`] if not; [`InputError::Incomplete`] if words are missing; [`Error::Decode`] if `announcement` is not
    /// the server's.
    pub fn finish(mut self, announcement: &[u8]) -> Result<[u8; 32], Error> {
        if self.given < self.layout.vector_len() {
            return Err(InputError::Incomplete { missing: self.layout.vector_len() - self.given }.into());
        }
        let opened = self.finished.me.open::<Announcement>(announcement, &self.finished.h3);
        let announced = opened.map_err(|refusal| refusal.with(()).error)?;
        let root = self.root.root();
        if announced.sum_root.0 != root {
            return Err(ServerFault::WrongSum.into());
        }
        Ok(transcript::h4(&self.finished.h3, &root))
    }
}

impl fmt::Debug for SumCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SumCheck").field("given", &self.given).finish_non_exhaustive()
    }
}
