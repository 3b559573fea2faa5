//! Round 4: collect shares, recover secrets, and take the masks off.

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

use super::{Host, Opened, inputs::Unmasking, progress};
use crate::{
    crypto::{
        kdf,
        kem::Ciphertext,
        secret::{Secret, SecretScalar},
        vss::{Commitments, Share, lagrange_weights, recover},
    },
    error::{ClientFault, ClientId, Error, RoundError},
    mask::pairwise::Seeds,
    message::{Body, Reveal},
    secagg::{
        keys::{MaskRoot, pair_seed},
        step::{Failure, Progress, Receipt, Round},
        sum::Sum,
    },
};

/// Round 4.
pub struct CollectingReveals {
    host: Host,
    round: Unmasking,
    /// By revealer, then in order of owner.
    revealed: BTreeMap<ClientId, Vec<Share>>,
}

impl CollectingReveals {
    pub(crate) fn new(host: Host, round: Unmasking) -> Self {
        Self { host, round, revealed: BTreeMap::new() }
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
        if !reveal.shares.iter().map(|share| &share.owner).eq(self.round.dealt.keys()) {
            return Err(Error::client(frame.client, ClientFault::WrongOwners));
        }
        let decode = reveal.shares.iter().map(|share| Share::decode(&share.share.0, &share.blinding.0));
        let shares = decode.collect::<Result<Vec<_>, _>>();
        let shares = shares.map_err(|e| Error::client(frame.client, ClientFault::Malformed(e)))?;
        self.revealed.insert(frame.client, shares);
        self.host.accepted(Reveal::TYPE, frame.client, digest);
        Ok(self.host.receipt(true, self.progress()))
    }

    /// Who has been heard.
    #[must_use]
    pub fn progress(&self) -> Progress {
        progress(Round::Unmasking, |id| self.revealed.contains_key(&id), self.round.survivors.iter())
    }

    /// Ends round 4: recovers every secret and gives the sum. Clients that revealed wrong shares are set aside and named by
    /// [`Sum::liars`].
    ///
    /// # Errors
    /// [`RoundError::TooFewClients`], with the state, if fewer than the threshold revealed good shares: wait, or give up.
    /// [`ClientFault::MaskKeyMismatch`] if a dropped client's mask root does not fit what it signed: the session is over.
    pub fn close(mut self) -> Result<Sum, Failure<Self>> {
        let (secrets, liars) = match self.recover_all() {
            Ok(recovered) => recovered,
            Err(e) => return Err(Failure::keep(e, self)),
        };
        let seeds = match self.seeds(&secrets) {
            Ok(seeds) => seeds,
            Err(e) => return Err(Failure::end(e)),
        };
        self.host.counters.secrets_recovered += secrets.len() as u64;
        self.host.counters.mask_streams += seeds.len() as u64;
        Ok(Sum::new(self.host, self.round, seeds, liars))
    }

    fn survived(&self, client: ClientId) -> bool {
        self.round.survivors.binary_search(&client).is_ok()
    }

    /// Every owner's secret, in order of owner: recovered from the lowest indices whose shares are good.
    fn recover_all(&self) -> Result<(Vec<Share>, Vec<ClientId>), RoundError> {
        let mut liars = Vec::new();
        loop {
            match self.recover_without(&liars)? {
                Ok(secrets) => return Ok((secrets, liars)),
                Err(new) => liars.extend(new),
            }
            liars.sort_unstable();
        }
    }

    /// One try with the first `threshold` revealers that are not known liars: all secrets, or more liars, at least one.
    fn recover_without(&self, liars: &[ClientId]) -> Result<Result<Vec<Share>, Vec<ClientId>>, RoundError> {
        let honest = || self.revealed.iter().filter(|(id, _)| liars.binary_search(id).is_err());
        self.host.check_threshold(honest().count())?;
        let chosen: Vec<_> = honest().take(self.host.session.threshold_len()).collect();
        let indices: Vec<u32> = chosen.iter().filter_map(|(id, _)| self.host.session.index(**id)).collect();
        let weights = lagrange_weights(&indices);
        let mut secrets = Vec::with_capacity(self.round.dealt.len());
        for (place, (owner, dealt)) in self.round.dealt.iter().enumerate() {
            let commitments = if self.survived(*owner) { &dealt.self_secret } else { &dealt.mask_root };
            let secret = recover(&weights, chosen.iter().filter_map(|(_, shares)| shares.get(place)));
            if !commitments.opens(&secret) {
                return Ok(Err(self.find_liars(place, commitments, liars)));
            }
            secrets.push(secret);
        }
        Ok(Ok(secrets))
    }

    /// Who revealed a wrong share of the owner at `place`, checked one by one.
    fn find_liars(&self, place: usize, commitments: &Commitments, known: &[ClientId]) -> Vec<ClientId> {
        let lies = |(id, shares): &(&ClientId, &Vec<Share>)| {
            let (Some(index), Some(share)) = (self.host.session.index(**id), shares.get(place)) else { return true };
            !commitments.admits(index, share)
        };
        let suspects = self.revealed.iter().filter(|(id, _)| known.binary_search(id).is_err());
        suspects.filter(lies).map(|(id, _)| *id).collect()
    }

    /// What has to be taken off the sum (section 11), from the recovered secrets in order of owner.
    fn seeds(&self, secrets: &[Share]) -> Result<Seeds, Error> {
        let session = self.host.session.id();
        let dropped = self.round.dealt.len() - self.round.survivors.len();
        let mut seeds = Seeds::with_capacity(self.round.survivors.len() * (dropped + 1));
        for (owner, secret) in self.round.dealt.keys().zip(secrets) {
            let scalar = SecretScalar::new(secret.value);
            if self.survived(*owner) {
                seeds.push(kdf::self_seed(session, &scalar, *owner), true);
            } else {
                self.push_pairs(&mut seeds, *owner, &MaskRoot(scalar))?;
            }
        }
        Ok(seeds)
    }

    /// The pair masks between a dropped client and every survivor.
    fn push_pairs(&self, seeds: &mut Seeds, dropped: ClientId, root: &MaskRoot) -> Result<(), Error> {
        let session = self.host.session.id();
        let mismatch = || Error::client(dropped, ClientFault::MaskKeyMismatch);
        let secret_key = root.kem_key(session, dropped);
        let own_key = &self.round.keys.get(&dropped).ok_or_else(mismatch)?.mask;
        if secret_key.public_key().as_bytes() != own_key.as_bytes() {
            return Err(mismatch());
        }
        self.check_ciphertexts(dropped, root)?;
        for survivor in &self.round.survivors {
            let seed = if *survivor < dropped {
                let ciphertext = self.ciphertext(*survivor, dropped).ok_or_else(mismatch)?;
                let shared = secret_key.decapsulate(&ciphertext);
                pair_seed(session, &shared, *survivor, dropped, &ciphertext, own_key)
            } else {
                self.seed_to(dropped, *survivor, root).ok_or_else(mismatch)?
            };
            // The survivor added its mask if its id is the lower one; what was added is taken off.
            seeds.push(seed, *survivor < dropped);
        }
        Ok(())
    }

    /// Whether a dropped client's mask root gives every encapsulation that it signed.
    fn check_ciphertexts(&self, dropped: ClientId, root: &MaskRoot) -> Result<(), Error> {
        let higher = self.round.keys.iter().filter(|(id, _)| **id > dropped);
        for (peer, keys) in higher {
            let (expected, _) = root.encapsulate(self.host.session.id(), dropped, *peer, &keys.mask);
            if self.ciphertext(dropped, *peer) != Some(expected) {
                return Err(Error::client(dropped, ClientFault::MaskKeyMismatch));
            }
        }
        Ok(())
    }

    /// The pair seed with a client of larger id, by repeating the encapsulation.
    fn seed_to(&self, dropped: ClientId, peer: ClientId, root: &MaskRoot) -> Option<Secret<32>> {
        let key = &self.round.keys.get(&peer)?.mask;
        let session = self.host.session.id();
        let (ciphertext, shared) = root.encapsulate(session, dropped, peer, key);
        Some(pair_seed(session, &shared, dropped, peer, &ciphertext, key))
    }

    fn ciphertext(&self, low: ClientId, high: ClientId) -> Option<Ciphertext> {
        self.round.dealt.get(&low)?.mask_ciphertext(high)
    }
}

impl fmt::Debug for CollectingReveals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectingReveals").field("progress", &self.progress()).finish_non_exhaustive()
    }
}
