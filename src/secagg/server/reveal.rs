//! Round 4: collect shares, recover secrets, and take the masks off.

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

use super::{Host, Opened, collect::Dealt, inputs::Unmasking, progress};
use crate::{
    crypto::{
        kdf,
        kem::Ciphertext,
        secret::{Secret, SecretScalar},
        vss::{Commitments, Share, hashed_weights, lagrange_weights, recover, second_generator_table},
    },
    error::{ClientFault, ClientId, Error, RoundError},
    hash::{Hash, Hasher},
    label,
    mask::Seeds,
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
        let seeds = match self.seeds(&secrets) {
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

    fn survived(&self, client: ClientId) -> bool {
        self.round.survivors.binary_search(&client).is_ok()
    }

    /// The commitments of what is recovered of one owner.
    fn commitments<'a>(&self, owner: ClientId, dealt: &'a Dealt) -> &'a Commitments {
        if self.survived(owner) { &dealt.self_secret } else { &dealt.mask_root }
    }

    /// Every owner's secret, in order of owner. If one does not recover, all liars are set aside at once, so that however many
    /// there are, nothing is tried more than twice.
    fn recover_all(&mut self) -> Result<Vec<Share>, RoundError> {
        self.host.check_threshold(self.revealed.len())?;
        if let Some(secrets) = self.recover_from_lowest() {
            return Ok(secrets);
        }
        self.set_liars_aside();
        self.host.check_threshold(self.revealed.len())?;
        // Good shares always recover. A liar passes the check with a chance of 2^-128; then one more reveal is needed.
        let threshold = self.host.session.threshold();
        self.recover_from_lowest().ok_or(RoundError::TooFewClients { remaining: threshold.saturating_sub(1), threshold })
    }

    /// Every owner's secret from the shares of the `threshold` lowest indices; none if one of them is not the secret dealt.
    fn recover_from_lowest(&self) -> Option<Vec<Share>> {
        let chosen: Vec<_> = self.revealed.iter().take(self.host.session.threshold_len()).collect();
        let indices: Vec<u32> = chosen.iter().filter_map(|(id, _)| self.host.session.index(**id)).collect();
        let (weights, second) = (lagrange_weights(&indices), second_generator_table());
        let secret = |(place, (owner, dealt)): (usize, (&ClientId, &Dealt))| {
            let secret = recover(&weights, chosen.iter().filter_map(|(_, shares)| shares.get(place)));
            self.commitments(*owner, dealt).opens(&secret, &second).then_some(secret)
        };
        let mut secrets = Vec::with_capacity(self.round.dealt.len());
        for owner in self.round.dealt.iter().enumerate() {
            secrets.push(secret(owner)?);
        }
        Some(secrets)
    }

    /// Checks all shares of each revealer at once, under weights that nobody knew when they were revealed (section 13).
    fn set_liars_aside(&mut self) {
        let weights = hashed_weights(&self.reveals_hash(), self.round.dealt.len());
        let dealings: Vec<_> = self.round.dealt.iter().map(|(owner, dealt)| self.commitments(*owner, dealt)).collect();
        let combined = Commitments::combine(&dealings, &weights);
        let lies = |(id, shares): (&ClientId, &Vec<Share>)| {
            let good =
                self.host.session.index(*id).is_some_and(|index| combined.admits(index, &recover(&weights, shares.iter())));
            (!good).then_some(*id)
        };
        let liars: Vec<_> = self.revealed.iter().filter_map(lies).collect();
        self.revealed.retain(|id, _| liars.binary_search(id).is_err());
        self.liars.extend(liars);
        self.liars.sort_unstable();
    }

    /// A hash of everything that was revealed.
    fn reveals_hash(&self) -> Hash {
        let mut hasher = Hasher::new(label::hash::REVEALS);
        hasher.part(&self.round.h3);
        for (id, shares) in &self.revealed {
            hasher.part(&id.0.to_le_bytes());
            shares.iter().for_each(|share| hasher.part(&[share.value.to_bytes(), share.blinding.to_bytes()].concat()));
        }
        hasher.finish()
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
