//! From revealed shares to what has to be taken off the sum: for the server that makes the sum, and for whoever checks it (section 13,
//! round 4).

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use super::{
    keys::{MaskRoot, PublicKeys, pair_seed},
    server::Dealt,
};
use crate::{
    crypto::{
        kdf,
        kem::Ciphertext,
        secret::{Secret, SecretScalar},
        vss::{Commitments, Share, hashed_weights, lagrange_weights, recover, second_generator_table},
    },
    error::{ClientFault, ClientId, Error, InputError},
    hash::{Hash, Hasher},
    label,
    mask::{Accumulator, Layout, Seeds},
    message::Reveal,
    session::{Session, SessionId},
};

/// By revealer, then in order of owner.
pub(crate) type Revealed = BTreeMap<ClientId, Vec<Share>>;

/// What the last two rounds share.
pub(crate) struct Unmasking {
    /// Of U1.
    pub(crate) keys: BTreeMap<ClientId, PublicKeys>,
    /// Of U2.
    pub(crate) dealt: Arc<BTreeMap<ClientId, Dealt>>,
    pub(crate) layout: Layout,
    /// `None` if it is made elsewhere.
    pub(crate) sum: Option<Accumulator>,
    /// U3, ascending.
    pub(crate) survivors: Vec<ClientId>,
    pub(crate) h3: Hash,
}

impl Unmasking {
    pub(crate) fn survived(&self, client: ClientId) -> bool {
        self.survivors.binary_search(&client).is_ok()
    }

    /// The commitments of what is recovered of one owner.
    fn commitments<'a>(&self, owner: ClientId, dealt: &'a Dealt) -> &'a Commitments {
        if self.survived(owner) { &dealt.self_secret } else { &dealt.mask_root }
    }

    /// The shares of one revealer, in order of owner: one of each member of U2.
    pub(crate) fn shares_of(&self, reveal: &Reveal) -> Result<Vec<Share>, ClientFault> {
        if !reveal.shares.iter().map(|share| &share.owner).eq(self.dealt.keys()) {
            return Err(ClientFault::WrongOwners);
        }
        let decode = reveal.shares.iter().map(|share| Share::decode(&share.share.0, &share.blinding.0));
        decode.collect::<Result<Vec<_>, _>>().map_err(ClientFault::Malformed)
    }

    /// Every owner's secret from the shares of the `threshold` lowest indices; none if one of them is not the secret dealt.
    pub(crate) fn recover(&self, session: &Session, revealed: &Revealed) -> Option<Vec<Share>> {
        let chosen: Vec<_> = revealed.iter().take(session.threshold_len()).collect();
        let indices: Vec<u32> = chosen.iter().filter_map(|(id, _)| session.index(**id)).collect();
        let (weights, second) = (lagrange_weights(&indices), second_generator_table());
        let secret = |(place, (owner, dealt)): (usize, (&ClientId, &Dealt))| {
            let secret = recover(&weights, chosen.iter().filter_map(|(_, shares)| shares.get(place)));
            self.commitments(*owner, dealt).opens(&secret, &second).then_some(secret)
        };
        let mut secrets = Vec::with_capacity(self.dealt.len());
        for owner in self.dealt.iter().enumerate() {
            secrets.push(secret(owner)?);
        }
        Some(secrets)
    }

    /// Who revealed a share that is not good, ascending. All shares of each revealer are checked at once, under weights that nobody
    /// knew when they were revealed (section 13).
    pub(crate) fn liars(&self, session: &Session, revealed: &Revealed) -> Vec<ClientId> {
        let weights = hashed_weights(&self.reveals_hash(revealed), self.dealt.len());
        let dealings: Vec<_> = self.dealt.iter().map(|(owner, dealt)| self.commitments(*owner, dealt)).collect();
        let combined = Commitments::combine(&dealings, &weights);
        let lies = |(id, shares): (&ClientId, &Vec<Share>)| {
            let good = session.index(*id).is_some_and(|index| combined.admits(index, &recover(&weights, shares.iter())));
            (!good).then_some(*id)
        };
        revealed.iter().filter_map(lies).collect()
    }

    /// A hash of everything that was revealed.
    fn reveals_hash(&self, revealed: &Revealed) -> Hash {
        let mut hasher = Hasher::new(label::hash::REVEALS);
        hasher.part(&self.h3);
        for (id, shares) in revealed {
            hasher.part(&id.0.to_le_bytes());
            shares.iter().for_each(|share| hasher.part(&[share.value.to_bytes(), share.blinding.to_bytes()].concat()));
        }
        hasher.finish()
    }

    /// What has to be taken off the sum (section 11), from the recovered secrets in order of owner. Of every dropped client the mask key
    /// is compared with its root, and the encapsulations to those `peers` of larger id whose packages are there.
    ///
    /// # Errors
    /// [`ClientFault::MaskKeyMismatch`] names a dropped client whose mask root does not fit what it signed.
    pub(crate) fn seeds(&self, session: SessionId, secrets: &[Share], peers: impl Fn(ClientId) -> bool) -> Result<Seeds, Error> {
        let dropped = self.dealt.len() - self.survivors.len();
        let mut seeds = Seeds::with_capacity(self.survivors.len() * (dropped + 1));
        for (owner, secret) in self.dealt.keys().zip(secrets) {
            let scalar = SecretScalar::new(secret.value);
            if self.survived(*owner) {
                seeds.push(kdf::self_seed(session, &scalar, *owner), true);
            } else {
                let root = MaskRoot(scalar);
                self.check_ciphertexts(session, *owner, &root, &peers)?;
                self.push_pairs(session, &mut seeds, *owner, &root)?;
            }
        }
        Ok(seeds)
    }

    /// Whether a dropped client's mask root gives the key and the encapsulations that it signed.
    fn check_ciphertexts(
        &self,
        session: SessionId,
        dropped: ClientId,
        root: &MaskRoot,
        peers: &impl Fn(ClientId) -> bool,
    ) -> Result<(), Error> {
        let mismatch = || Error::client(dropped, ClientFault::MaskKeyMismatch);
        let own_key = &self.keys.get(&dropped).ok_or_else(mismatch)?.mask;
        if root.kem_key(session, dropped).public_key().as_bytes() != own_key.as_bytes() {
            return Err(mismatch());
        }
        for (peer, keys) in self.keys.iter().filter(|(id, _)| **id > dropped && peers(**id)) {
            let (expected, _) = root.encapsulate(session, dropped, *peer, &keys.mask);
            if self.ciphertext(dropped, *peer) != Some(expected) {
                return Err(mismatch());
            }
        }
        Ok(())
    }

    /// The pair masks between a dropped client and every survivor.
    fn push_pairs(&self, session: SessionId, seeds: &mut Seeds, dropped: ClientId, root: &MaskRoot) -> Result<(), Error> {
        let mismatch = || Error::client(dropped, ClientFault::MaskKeyMismatch);
        let secret_key = root.kem_key(session, dropped);
        let own_key = &self.keys.get(&dropped).ok_or_else(mismatch)?.mask;
        for survivor in &self.survivors {
            let seed = if *survivor < dropped {
                // Packages are checked where they arrive: one that is not there now is nobody's fault.
                let ciphertext = self.ciphertext(*survivor, dropped).ok_or(InputError::WrongState)?;
                let shared = secret_key.decapsulate(&ciphertext);
                pair_seed(session, &shared, *survivor, dropped, &ciphertext, own_key)
            } else {
                self.seed_to(session, dropped, *survivor, root).ok_or_else(mismatch)?
            };
            // The survivor added its mask if its id is the lower one; what was added is taken off.
            seeds.push(seed, *survivor < dropped);
        }
        Ok(())
    }

    /// The pair seed with a client of larger id, by repeating the encapsulation.
    fn seed_to(&self, session: SessionId, dropped: ClientId, peer: ClientId, root: &MaskRoot) -> Option<Secret<32>> {
        let key = &self.keys.get(&peer)?.mask;
        let (ciphertext, shared) = root.encapsulate(session, dropped, peer, key);
        Some(pair_seed(session, &shared, dropped, peer, &ciphertext, key))
    }

    fn ciphertext(&self, low: ClientId, high: ClientId) -> Option<Ciphertext> {
        self.dealt.get(&low)?.mask_ciphertext(high)
    }
}
