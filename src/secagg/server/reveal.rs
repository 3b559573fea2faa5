//! Round 4: collect shares, recover secrets, and take the masks off.

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

use super::{Host, Opened, progress};
use crate::{
    crypto::vss::Share,
    error::{ClientFault, ClientId, Error, RoundError},
    message::{Body, Reveal},
    secagg::{
        step::{Failure, Progress, Receipt, Round},
        sum::Sum,
        unmask::Unmasking,
    },
};

/// Round 4.
pub struct CollectingReveals {
    host: Host,
    round: Unmasking,
    /// By revealer, then in order of owner; not from known liars.
    revealed: BTreeMap<ClientId, Vec<Share>>,
    /// Who revealed a wrong share, ascending.
    liars: Vec<ClientId>,
}

impl CollectingReveals {
    pub(crate) fn new(host: Host, round: Unmasking) -> Self {
        Self { host, round, revealed: BTreeMap::new(), liars: Vec::new() }
    }

    /// Takes one survivor's shares.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Client`] or [`Error::Round`]; the state is unchanged.
    pub fn receive(&mut self, message: &[u8]) -> Result<Receipt, Error> {
        let survivors = &self.round.survivors;
        let member = |id| survivors.binary_search(&id).is_ok();
        let Opened::New(frame, digest) = self.host.open::<Reveal>(message, &self.round.h3, member)? else {
            return Ok(self.host.receipt(false, self.progress()));
        };
        let reveal: Reveal = Host::decode(&frame)?;
        let shares = self.round.shares_of(&reveal).map_err(|fault| Error::client(frame.client, fault))?;
        self.revealed.insert(frame.client, shares);
        self.host.accepted(Reveal::TYPE, frame.client, digest);
        Ok(self.host.receipt(true, self.progress()))
    }

    /// Who has been heard. A known liar is neither received nor missing: nothing more is expected of it.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let expected = self.round.survivors.iter().filter(|id| self.liars.binary_search(id).is_err());
        progress(Round::Unmasking, |id| self.revealed.contains_key(&id), expected)
    }

    /// Who is known to have revealed wrong shares, ascending. They are found when [`CollectingReveals::close`] needs to know, also
    /// if it then fails.
    #[must_use]
    pub fn liars(&self) -> &[ClientId] {
        &self.liars
    }

    /// Ends round 4: recovers every secret and gives the sum. Clients that revealed wrong shares are set aside and named by
    /// [`Sum::liars`].
    ///
    /// # Errors
    /// [`RoundError::TooFewClients`], with the state, if fewer than the threshold revealed good shares: wait, or give up.
    /// [`ClientFault::BadReveal`] names the first liar if there is nobody left to wait for, and [`ClientFault::MaskKeyMismatch`] a
    /// dropped client whose mask root does not fit what it signed: the session is over.
    pub fn close(mut self) -> Result<Sum, Failure<Self>> {
        let secrets = match self.recover_all() {
            Ok(secrets) => secrets,
            Err(e) => return Err(self.too_few(e)),
        };
        let seeds = match self.round.seeds(self.host.session.id(), &secrets, |_| true) {
            Ok(seeds) => seeds,
            Err(e) => return Err(Failure::end(e)),
        };
        self.host.counters.secrets_recovered += secrets.len() as u64;
        self.host.counters.mask_streams += seeds.len() as u64;
        Ok(Sum::new(self.host, self.round, seeds, self.liars))
    }

    fn too_few(self, error: RoundError) -> Failure<Self> {
        match self.liars.first() {
            Some(liar) if self.progress().missing.is_empty() => Failure::end(Error::client(*liar, ClientFault::BadReveal)),
            _ => Failure::keep(error, self),
        }
    }

    /// Every owner's secret, in order of owner. If one does not recover, all liars are set aside at once, so that however many
    /// there are, nothing is tried more than twice.
    fn recover_all(&mut self) -> Result<Vec<Share>, RoundError> {
        self.host.check_threshold(self.revealed.len())?;
        if let Some(secrets) = self.round.recover(&self.host.session, &self.revealed) {
            return Ok(secrets);
        }
        self.set_liars_aside();
        self.host.check_threshold(self.revealed.len())?;
        // Good shares always recover. A liar passes the check with a chance of 2^-128; then one more reveal is needed.
        let threshold = self.host.session.threshold();
        let too_few = RoundError::TooFewClients { remaining: threshold.saturating_sub(1), threshold };
        self.round.recover(&self.host.session, &self.revealed).ok_or(too_few)
    }

    fn set_liars_aside(&mut self) {
        let liars = self.round.liars(&self.host.session, &self.revealed);
        self.revealed.retain(|id, _| liars.binary_search(id).is_err());
        self.liars.extend(liars);
        self.liars.sort_unstable();
    }
}

impl fmt::Debug for CollectingReveals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectingReveals").field("progress", &self.progress()).finish_non_exhaustive()
    }
}
