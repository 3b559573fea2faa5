//! Round 1, receiving: every package opened, every share checked, or a complaint (sections 9, 10, 14).

use alloc::{collections::BTreeMap, vec::Vec};

use rand_core::TryCryptoRng;

use super::deal::{AwaitingDelivery, SharePair, binding};
use crate::{
    crypto::{
        kem::{CIPHERTEXT_LEN, Ciphertext},
        seal::{CONTENTS_LEN, EnvelopeKey},
        secret::Secret,
        vss::{Commitments, Share, check_batch},
    },
    error::{ClientFault, ClientId, EnvironmentError, Error, RoundError, ServerFault},
    message::{Bytes, Complaint, Dealing, Delivery, Entry, Package},
    mutant::{self, Mutant},
};

/// Why the client is finished, and what it still has to send.
pub(crate) struct Ended {
    pub(crate) error: Error,
    pub(crate) complaint: Option<Vec<u8>>,
}

impl<E: Into<Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self { error: error.into(), complaint: None }
    }
}

/// A package that opened, before its shares are checked.
struct Opened<'a> {
    entry: &'a Entry<Dealing>,
    package: &'a Package,
    key: EnvelopeKey,
    mask_root: Commitments,
    self_secret: Commitments,
    shares: Option<SharePair>,
}

/// Both commitments of a dealing: exactly `threshold` points each.
pub(crate) fn decode_commitments(dealing: &Dealing, threshold: u32) -> Result<(Commitments, Commitments), ClientFault> {
    let got = u32::try_from(dealing.mask_root.len()).unwrap_or(u32::MAX);
    if got != threshold || dealing.self_secret.len() != dealing.mask_root.len() {
        return Err(ClientFault::WrongThreshold { expected: threshold, got });
    }
    let decode = |points: &[Bytes<32>]| {
        let raw: Vec<[u8; 32]> = points.iter().map(|point| point.0).collect();
        Commitments::decode(&raw).map_err(ClientFault::Malformed)
    };
    Ok((decode(&dealing.mask_root)?, decode(&dealing.self_secret)?))
}

/// The two shares in an opened envelope.
pub(crate) fn decode_shares(contents: &Secret<CONTENTS_LEN>) -> Option<SharePair> {
    let mut scalars = contents.expose().as_chunks::<32>().0.iter();
    let mut share = || Share::decode(scalars.next()?, scalars.next()?).ok();
    Some(SharePair { mask_root: share()?, self_secret: share()? })
}

/// Opens all packages and checks all shares in one batch. Of several reasons to stop, the strongest counts, whichever package it is in:
/// what the server did, else a dealer that is provably bad, else a package that can not be opened.
pub(crate) fn open_all(
    state: &AwaitingDelivery,
    delivery: &Delivery,
    rng: &mut impl TryCryptoRng,
) -> Result<BTreeMap<ClientId, SharePair>, Ended> {
    check_dealings(state, delivery)?;
    let dealings = delivery.dealings.iter().filter(|entry| entry.client != state.me.id);
    let (mut opened, mut disputed) = (Vec::with_capacity(delivery.packages.len()), None);
    for (entry, package) in dealings.zip(&delivery.packages) {
        match open(state, entry, package)? {
            Some(contents) => opened.push(contents),
            None => disputed = disputed.or(Some(entry.client)),
        }
    }
    if let Some(accused) = first_bad(state.me.index, &opened, rng)? {
        return Err(complain(state, &opened, accused)?);
    }
    if let Some(dealer) = disputed {
        return Err(RoundError::Unopenable(dealer).into());
    }
    Ok(opened.into_iter().filter_map(|o| Some((o.entry.client, o.shares?))).collect())
}

/// What can be checked before anything is opened: holders, and who has packages.
fn check_dealings(state: &AwaitingDelivery, delivery: &Delivery) -> Result<(), ServerFault> {
    check_holders(&delivery.dealings, state.keys.keys().copied())?;
    let dealers = delivery.dealings.iter().map(|entry| entry.client).filter(|id| *id != state.me.id);
    if dealers.eq(delivery.packages.iter().map(|package| package.peer)) { Ok(()) } else { Err(ServerFault::WrongPackages) }
}

/// Each dealing is for everybody that advertised, without its dealer.
pub(crate) fn check_holders(
    dealings: &[Entry<Dealing>],
    advertised: impl Iterator<Item = ClientId> + Clone,
) -> Result<(), ServerFault> {
    for entry in dealings {
        let holders = entry.body.digests.iter().map(|digest| digest.holder);
        if !holders.eq(advertised.clone().filter(|id| *id != entry.client)) {
            return Err(ServerFault::EntryContents(entry.client, ClientFault::WrongHolders));
        }
    }
    Ok(())
}

/// Opens a package; nothing if its key commitment differs. Errors are the server's faults.
fn open<'a>(
    state: &AwaitingDelivery,
    entry: &'a Entry<Dealing>,
    package: &'a Package,
) -> Result<Option<Opened<'a>>, ServerFault> {
    let (dealer, me) = (entry.client, state.me.id);
    let digest = entry.body.digests.iter().find(|digest| digest.holder == me);
    if digest.map(|digest| digest.digest.0) != Some(package.digest(dealer, me)) {
        return Err(ServerFault::PackageMismatch(dealer));
    }
    let refused = |fault| ServerFault::EntryContents(dealer, fault);
    let ciphertext = |bytes: &Bytes<CIPHERTEXT_LEN>| Ciphertext::decode(&bytes.0).map_err(|e| refused(ClientFault::Malformed(e)));
    let channel = ciphertext(&package.channel_ciphertext)?;
    package.mask_ciphertext.as_ref().map(ciphertext).transpose()?;
    let (mask_root, self_secret) = decode_commitments(&entry.body, state.me.session.threshold()).map_err(refused)?;
    let binding = binding(&state.me, &state.h1, dealer, me, package.mask_ciphertext_bytes(), &channel);
    let key = EnvelopeKey::derive(&state.channel.decapsulate(&channel), &binding);
    if !key.commits_to(&package.key_commitment.0, &binding) {
        return Ok(None);
    }
    let shares = key.open(&binding, &package.sealed.0).and_then(|contents| decode_shares(&contents));
    Ok(Some(Opened { entry, package, key, mask_root, self_secret, shares }))
}

/// The first dealer with bad contents, if any.
fn first_bad<'a, 'b>(
    index: u32,
    opened: &'b [Opened<'a>],
    rng: &mut impl TryCryptoRng,
) -> Result<Option<&'b Opened<'a>>, EnvironmentError> {
    let pairs = opened.iter().filter_map(|o| o.shares.as_ref().map(|shares| (o, shares)));
    let batch: Vec<_> = pairs.flat_map(|(o, s)| [(&o.mask_root, &s.mask_root), (&o.self_secret, &s.self_secret)]).collect();
    if check_batch(index, &batch, rng)? {
        return Ok(opened.iter().find(|o| o.shares.is_none()));
    }
    let good = |o: &&Opened<'_>| {
        o.shares.as_ref().is_some_and(|s| o.mask_root.admits(index, &s.mask_root) && o.self_secret.admits(index, &s.self_secret))
    };
    Ok(opened.iter().find(|o| !good(o)))
}

/// The end of this client: blame, and the proof, which discloses one envelope key.
fn complain(state: &AwaitingDelivery, opened: &[Opened<'_>], accused: &Opened<'_>) -> Result<Ended, Error> {
    let dealer = accused.entry.client;
    let body =
        Complaint { dealer, key: Bytes(accused.key.disclose()), entry: accused.entry.clone(), package: accused.package.clone() };
    let mut message = state.me.sign(&state.h1, &body)?.bytes;
    if mutant::active(Mutant::DiscloseAllKeys) {
        opened.iter().for_each(|o| message.extend_from_slice(&o.key.disclose()));
    }
    Ok(Ended { error: Error::client(dealer, ClientFault::BadDealing), complaint: Some(message) })
}
