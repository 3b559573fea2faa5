//! Rounds 3 and 4: agree on the survivors, then reveal, once.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::fmt;

use super::deal::SharePair;
use crate::{
    crypto::vss::Share,
    error::{ClientFault, ClientId, DecodeError, Error, InputError, RoundError, ServerFault},
    hash::Hash,
    mask::Layout,
    math::ring::Word,
    message::{Agreement, Announcement, Bytes, Consistency, Entry, MaskedInput, Reveal, RevealedShare, Survivors},
    mutant::{self, Mutant},
    secagg::{
        participant::{Memory, Participant},
        step::Failure,
        sum_root::SumRoot,
        transcript,
    },
    session::Session,
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
        let survivors = read_survivors(&self.me.session, message)?;
        check_survivors(&self.me, &self.shares, &self.h2, message)?;
        if !survivors.contains(&self.me.id) {
            return Err(RoundError::NotIncluded.into());
        }
        if !message.entries.contains(&self.own) {
            return Err(ServerFault::OwnEntry.into());
        }
        let chained = if mutant::active(Mutant::UnchainedThirdTranscript) { self.me.session.h0() } else { self.h2 };
        let h3 = transcript::h3(&chained, &message.bitmap, &message.entries);
        let sent = self.me.sign(&h3, &Consistency {})?;
        Ok((AwaitingAgreement { me: self.me, shares: self.shares, h3, survivors }, sent.bytes))
    }
}

/// Why a client that is still masking is finished: the round is over without it. It has released nothing, and never will.
pub(crate) fn left_out(me: &Participant, shares: &BTreeMap<ClientId, SharePair>, h2: &Hash, message: &Survivors) -> Error {
    let checked = read_survivors(&me.session, message).and_then(|survivors| {
        if survivors.contains(&me.id) {
            return Err(ServerFault::OwnEntry);
        }
        check_survivors(me, shares, h2, message)
    });
    checked.map_or_else(Error::from, |()| RoundError::NotIncluded.into())
}

/// The bitmap, which must list whom the entries are of.
pub(crate) fn read_survivors(session: &Session, message: &Survivors) -> Result<BTreeSet<ClientId>, ServerFault> {
    let survivors = transcript::read_bitmap(session, &message.bitmap).map_err(ServerFault::Malformed)?;
    let same = survivors.iter().eq(message.entries.iter().map(|entry| &entry.client));
    if same { Ok(survivors) } else { Err(ServerFault::Malformed(DecodeError::Count)) }
}

/// The entries of a list of survivors.
fn check_survivors(
    me: &Participant,
    shares: &BTreeMap<ClientId, SharePair>,
    h2: &Hash,
    message: &Survivors,
) -> Result<(), ServerFault> {
    let dealt = |id| shares.contains_key(&id) || mutant::active(Mutant::SurvivorsOutsideU2);
    let second = (!mutant::active(Mutant::AnySecondTranscript)).then_some(h2);
    me.check_entries(&message.entries, dealt, second, None)?;
    check_dimensions(&Layout::new(&me.session), &message.entries)
}

pub(crate) fn check_dimensions(layout: &Layout, entries: &[Entry<MaskedInput>]) -> Result<(), ServerFault> {
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
        let one = |(owner, pair): (&ClientId, &SharePair)| {
            let share = if self.survivors.contains(owner) { &pair.self_secret } else { &pair.mask_root };
            revealed(*owner, share)
        };
        let mut shares: Vec<_> = self.shares.iter().map(one).collect();
        if mutant::active(Mutant::TwoLists) {
            let agreed = |owner| agreement.entries.iter().any(|entry| entry.client == owner);
            let dropped = self.shares.iter().filter(|(owner, _)| self.survivors.contains(owner) && !agreed(**owner));
            shares.extend(dropped.map(|(owner, pair)| revealed(*owner, &pair.mask_root)));
        }
        let sent = self.me.sign(&self.h3, &Reveal { shares })?;
        Ok((Finished { me: self.me, h3: self.h3, survivors: self.survivors }, sent.bytes))
    }
}

fn revealed(owner: ClientId, share: &Share) -> RevealedShare {
    RevealedShare { owner, share: Bytes(share.value.to_bytes()), blinding: Bytes(share.blinding.to_bytes()) }
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

    /// What stays of the client once this is in the caller's hands.
    pub(crate) fn memory(&self) -> Memory {
        self.me.memory()
    }

    /// Begins to check a sum against the server's announcement.
    #[must_use]
    pub fn check_sum(self) -> SumCheck {
        let root = SumRoot::new(&self.me.session);
        SumCheck { finished: self, root }
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
    root: SumRoot,
}

impl SumCheck {
    /// More words of the sum.
    ///
    /// # Errors
    /// As [`SumRoot::update`].
    pub fn update<W: Word>(&mut self, words: &[W]) -> Result<(), Error> {
        self.root.update(words)
    }

    /// Whether the words are those that the server signed; returns `h4`, the hash of the whole transcript.
    ///
    /// # Errors
    /// [`RoundError::SumMismatch`] if not: nobody is blamed, for nobody signed the words. [`InputError::Incomplete`] if words are
    /// missing, and messages that are not the server's announcement, give the check back with all its words. [`Error::Server`] if an
    /// honest server would not send this.
    pub fn finish(mut self, announcement: &[u8]) -> Result<[u8; 32], Failure<Self>> {
        if self.root.missing() > 0 {
            return Err(Failure::keep(InputError::Incomplete { missing: self.root.missing() }, self));
        }
        match self.finished.me.open::<Announcement>(announcement, &self.finished.h3) {
            Ok(announced) => self.compare(&announced).map_err(Failure::end),
            Err(refusal) => Err(refusal.with(self)),
        }
    }

    fn compare(self, announced: &Announcement) -> Result<[u8; 32], Error> {
        let root = self.root.finish()?;
        if announced.sum_root.0 == root {
            Ok(transcript::h4(&self.finished.h3, &root))
        } else {
            Err(RoundError::SumMismatch.into())
        }
    }
}

impl fmt::Debug for SumCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SumCheck").field("missing", &self.root.missing()).finish_non_exhaustive()
    }
}
