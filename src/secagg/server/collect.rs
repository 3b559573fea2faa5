//! Rounds 0 and 1: collect adverts and shares.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::fmt;

use super::{CollectingInputs, Host, Opened, progress};
use crate::{
    crypto::{kem::Ciphertext, sign::Identity, vss::Commitments},
    error::{ClientFault, ClientId, DecodeError, Error, RoundError},
    hash::Hash,
    message::{Advert, Adverts, Body, Bytes, Dealing, Delivery, Entry, Package, Shares},
    secagg::{
        client::decode_commitments,
        keys::PublicKeys,
        step::{Failure, Outbox, Progress, Receipt, Round},
        transcript,
    },
    session::Session,
};

/// Round 0.
pub struct CollectingAdverts {
    host: Host,
    adverts: BTreeMap<ClientId, (Entry<Advert>, PublicKeys)>,
}

impl CollectingAdverts {
    /// Begins a session.
    ///
    /// # Errors
    /// [`crate::InputError::IdentityMismatch`] if the identity is not the one that the descriptor names.
    pub fn new(session: &Session, identity: Arc<dyn Identity>) -> Result<Self, Error> {
        Ok(Self { host: Host::new(session.clone(), identity)?, adverts: BTreeMap::new() })
    }

    /// Takes one advert.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Client`] or [`Error::Round`]; the state is unchanged.
    pub fn receive(&mut self, message: &[u8]) -> Result<Receipt, Error> {
        let h0 = self.host.session.h0();
        let Opened::New(frame, digest) = self.host.open::<Advert>(message, &h0, |_| true)? else {
            return Ok(self.host.receipt(false, self.progress()));
        };
        let advert: Advert = Host::decode(&frame)?;
        let malformed = |e| Error::client(frame.client, ClientFault::Malformed(e));
        let keys = PublicKeys::decode(&advert).map_err(malformed)?;
        self.check_distinct(frame.client, &advert)?;
        self.adverts.insert(frame.client, (frame.to_entry(advert), keys));
        self.host.accepted(Advert::TYPE, frame.client, digest);
        Ok(self.host.receipt(true, self.progress()))
    }

    /// Who has been heard.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let roster = self.host.session.roster().iter().map(|(id, _)| id);
        progress(Round::AdvertiseKeys, |id| self.adverts.contains_key(&id), roster)
    }

    /// Ends round 0: everybody heard is in, nobody else can come.
    ///
    /// # Errors
    /// [`RoundError::TooFewClients`], with the state: wait, or give up. [`Error::Environment`] if the identity can not sign.
    pub fn close(mut self) -> Result<(CollectingShares, Outbox), Failure<Self>> {
        if let Err(e) = self.host.check_threshold(self.adverts.len()) {
            return Err(Failure::keep(e, self));
        }
        let entries: Vec<_> = self.adverts.values().map(|(entry, _)| entry.clone()).collect();
        let h1 = transcript::h1(&self.host.session, &entries);
        let body = Adverts { entries }.body();
        let h0 = self.host.session.h0();
        match self.host.send::<Adverts>(&h0, body, self.adverts.keys()) {
            Ok(outbox) => {
                let keys = self.adverts.into_iter().map(|(id, (_, keys))| (id, keys)).collect();
                Ok((CollectingShares { host: self.host, keys, h1, dealt: Dealings::default() }, outbox))
            }
            Err(e) => Err(Failure::keep(e, self)),
        }
    }

    /// No two keys alike. Nobody can tell who copied, so nobody is blamed.
    fn check_distinct(&self, second: ClientId, advert: &Advert) -> Result<(), Error> {
        let both = [&advert.channel_key, &advert.mask_key];
        if both[0] == both[1] {
            return Err(Error::client(second, ClientFault::Malformed(DecodeError::KemKey)));
        }
        let clash = |entry: &&Entry<Advert>| both.contains(&&entry.body.channel_key) || both.contains(&&entry.body.mask_key);
        match self.adverts.values().map(|(entry, _)| entry).find(clash) {
            Some(entry) => Err(RoundError::SharedKey { first: entry.client, second }.into()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for CollectingAdverts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectingAdverts").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

/// Every dealing. The messages that deliver packages share it with the server's state.
type Dealings = Arc<BTreeMap<ClientId, Dealt>>;

/// One client's dealing, checked as far as the server can.
#[derive(Clone)]
pub(crate) struct Dealt {
    pub(crate) entry: Entry<Dealing>,
    pub(crate) mask_root: Commitments,
    pub(crate) self_secret: Commitments,
    /// By holder.
    pub(crate) packages: BTreeMap<ClientId, Package>,
}

impl Dealt {
    /// A dealing of exactly `threshold` commitments of each kind; no packages yet.
    pub(crate) fn new(entry: Entry<Dealing>, threshold: u32) -> Result<Self, ClientFault> {
        let (mask_root, self_secret) = decode_commitments(&entry.body, threshold)?;
        Ok(Self { entry, mask_root, self_secret, packages: BTreeMap::new() })
    }

    /// The mask encapsulation to a holder of larger id.
    pub(crate) fn mask_ciphertext(&self, holder: ClientId) -> Option<Ciphertext> {
        let bytes = self.packages.get(&holder)?.mask_ciphertext.as_ref()?;
        Ciphertext::decode(&bytes.0).ok()
    }
}

/// Round 1.
pub struct CollectingShares {
    host: Host,
    keys: BTreeMap<ClientId, PublicKeys>,
    h1: Hash,
    dealt: Dealings,
}

impl CollectingShares {
    /// Takes one client's shares.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Client`] or [`Error::Round`]; the state is unchanged.
    pub fn receive(&mut self, message: &[u8]) -> Result<Receipt, Error> {
        let keys = &self.keys;
        let Opened::New(frame, digest) = self.host.open::<Shares>(message, &self.h1, |id| keys.contains_key(&id))? else {
            return Ok(self.host.receipt(false, self.progress()));
        };
        let shares: Shares = Host::decode(&frame)?;
        let blame = |fault| Error::client(frame.client, fault);
        check_packages(frame.client, &shares, self.keys.keys().copied()).map_err(blame)?;
        let mut dealt = Dealt::new(frame.to_entry(shares.dealing), self.host.session.threshold()).map_err(blame)?;
        self.host.counters.points_decoded += 2 * u64::from(self.host.session.threshold());
        dealt.packages = shares.packages.into_iter().map(|package| (package.peer, package)).collect();
        Arc::make_mut(&mut self.dealt).insert(frame.client, dealt);
        self.host.accepted(Shares::TYPE, frame.client, digest);
        Ok(self.host.receipt(true, self.progress()))
    }

    /// Who has been heard.
    #[must_use]
    pub fn progress(&self) -> Progress {
        progress(Round::ShareKeys, |id| self.dealt.contains_key(&id), self.keys.keys())
    }

    /// Ends round 1.
    ///
    /// # Errors
    /// [`RoundError::TooFewClients`], with the state: wait, or give up. [`Error::Environment`] if the identity can not sign.
    pub fn close(mut self) -> Result<(CollectingInputs, Outbox), Failure<Self>> {
        if let Err(e) = self.host.check_threshold(self.dealt.len()) {
            return Err(Failure::keep(e, self));
        }
        let dealings: Vec<_> = self.dealt.values().map(|dealt| dealt.entry.clone()).collect();
        let h2 = transcript::h2(&self.h1, &dealings);
        let body = Delivery { dealings, packages: Vec::new() }.body();
        let shared = Arc::clone(&self.dealt);
        let attach = Arc::new(move |holder| packages_for(&shared, holder));
        match self.host.send_with::<Delivery>(&self.h1, body, self.dealt.keys(), attach) {
            Ok(outbox) => Ok((CollectingInputs::new(self.host, self.keys, self.dealt, [self.h1, h2]), outbox)),
            Err(e) => Err(Failure::keep(e, self)),
        }
    }
}

/// The attachment of one holder's delivery.
fn packages_for(dealings: &BTreeMap<ClientId, Dealt>, holder: ClientId) -> Vec<u8> {
    let from = |(dealer, dealt): (&ClientId, &Dealt)| {
        dealt.packages.get(&holder).map(|package| Package { peer: *dealer, ..package.clone() })
    };
    Delivery { dealings: Vec::new(), packages: dealings.iter().filter_map(from).collect() }.attachment()
}

impl fmt::Debug for CollectingShares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectingShares").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

/// One package for each holder, acceptable and as digested.
fn check_packages(
    dealer: ClientId,
    shares: &Shares,
    advertised: impl Iterator<Item = ClientId> + Clone,
) -> Result<(), ClientFault> {
    let holders = advertised.filter(|id| *id != dealer);
    if !shares.dealing.digests.iter().map(|digest| digest.holder).eq(holders.clone()) {
        return Err(ClientFault::WrongHolders);
    }
    if !shares.packages.iter().map(|package| package.peer).eq(holders) {
        return Err(ClientFault::PackageMismatch);
    }
    for (package, digest) in shares.packages.iter().zip(&shares.dealing.digests) {
        if digest.digest != Bytes(package.digest(dealer, package.peer)) {
            return Err(ClientFault::PackageMismatch);
        }
        let ciphertexts = [Some(&package.channel_ciphertext), package.mask_ciphertext.as_ref()];
        for ciphertext in ciphertexts.into_iter().flatten() {
            Ciphertext::decode(&ciphertext.0).map_err(ClientFault::Malformed)?;
        }
    }
    Ok(())
}
