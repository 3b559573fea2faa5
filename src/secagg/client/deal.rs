//! Round 1: share keys. The dealing half; `open.rs` is the receiving one.

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

use rand_core::TryCryptoRng;

use super::{advertise::Secrets, mask::MaskingInput, open};
use crate::{
    crypto::{
        kem::{Ciphertext, SecretKey},
        seal::{Binding, CONTENTS_LEN, EnvelopeKey},
        secret::{Secret, SecretScalar},
        vss::{self, Kind, Polynomials, Share},
    },
    error::{ClientId, Error},
    hash::{Hash, hash},
    label,
    message::{Bytes, Dealing, Delivery, Digest, Entry, Package, Shares},
    mutant::{self, Mutant},
    secagg::{
        keys::{MaskRoot, PublicKeys, channel_coins, pair_seed, stand_in},
        participant::Participant,
        step::Failure,
        transcript,
    },
};

/// One holder's shares of both secrets of one dealer.
#[derive(Debug)]
pub(crate) struct SharePair {
    pub(crate) mask_root: Share,
    pub(crate) self_secret: Share,
}

impl SharePair {
    /// The contents of an envelope (section 10).
    fn encode(&self) -> Secret<CONTENTS_LEN> {
        let mut contents = Secret::zero();
        let scalars = [&self.mask_root.value, &self.mask_root.blinding, &self.self_secret.value, &self.self_secret.blinding];
        for (place, scalar) in contents.expose_mut().chunks_exact_mut(32).zip(scalars) {
            place.copy_from_slice(scalar.as_bytes());
        }
        contents
    }
}

/// Round 1 done; waits for everybody's dealings and its own envelopes.
pub struct AwaitingDelivery {
    pub(crate) me: Participant,
    pub(crate) mask_root: MaskRoot,
    pub(crate) self_secret: SecretScalar,
    pub(crate) channel: SecretKey,
    pub(crate) error_seed: Option<Secret<32>>,
    pub(crate) keys: BTreeMap<ClientId, PublicKeys>,
    pub(crate) h1: Hash,
    pub(crate) own: Entry<Dealing>,
    pub(crate) own_shares: SharePair,
    /// Pair seeds with clients of larger id, to whom this client encapsulated.
    pub(crate) pair_seeds: BTreeMap<ClientId, Secret<32>>,
}

/// Shares both secrets among U1 and seals an envelope for each holder.
pub(crate) fn deal(
    me: Participant,
    secrets: Secrets,
    keys: BTreeMap<ClientId, PublicKeys>,
    h1: Hash,
    rng: &mut impl TryCryptoRng,
) -> Result<(AwaitingDelivery, Vec<u8>), Error> {
    let Secrets { mask_root, self_secret, channel, vss, error_seed } = secrets;
    let dealer = Dealer::new(&me, &mask_root, &self_secret, &vss, h1);
    let (mut packages, mut digests, mut pair_seeds) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (holder, holder_keys) in keys.iter().filter(|(id, _)| **id != me.id) {
        let Some(index) = me.session.index(*holder) else { continue };
        let (package, seed) = dealer.package(*holder, index, holder_keys, rng)?;
        digests.push(Digest { holder: *holder, digest: Bytes(package.digest(me.id, *holder)) });
        packages.push(package);
        pair_seeds.extend(seed.map(|seed| (*holder, seed)));
    }
    let (mask_root_points, self_secret_points) = dealer.commitments();
    let own_shares = dealer.shares(me.index);
    drop(dealer);
    let shares = Shares { dealing: Dealing { mask_root: mask_root_points, self_secret: self_secret_points, digests }, packages };
    let sent = me.sign(&h1, &shares)?;
    let own = me.entry(&h1, shares.dealing, &sent);
    Ok((AwaitingDelivery { me, mask_root, self_secret, channel, error_seed, keys, h1, own, own_shares, pair_seeds }, sent.bytes))
}

/// Everything a client needs to make packages.
struct Dealer<'a> {
    me: &'a Participant,
    root: &'a MaskRoot,
    mask_root: Polynomials,
    self_secret: Polynomials,
    h1: Hash,
    /// In a mutant, what channel coins are made from.
    weak_coins: Option<Secret<64>>,
}

impl<'a> Dealer<'a> {
    fn new(me: &'a Participant, root: &'a MaskRoot, self_secret: &SecretScalar, vss: &Secret<64>, h1: Hash) -> Self {
        let (sid, t) = (me.session.id(), me.session.threshold_len());
        let shared = [&root.0, self_secret];
        let weak = stand_in([Mutant::CoefficientsFromMaskRoot, Mutant::CoefficientsFromSelfSecret], shared);
        let entropy = weak.as_ref().unwrap_or(vss);
        Self {
            me,
            root,
            mask_root: Polynomials::new(sid, me.id, Kind::MaskRoot, &root.0, entropy, t),
            self_secret: Polynomials::new(sid, me.id, Kind::SelfSecret, self_secret, entropy, t),
            h1,
            weak_coins: stand_in([Mutant::CoinsFromMaskRoot, Mutant::CoinsFromSelfSecret], shared),
        }
    }

    fn commitments(&self) -> (Vec<Bytes<32>>, Vec<Bytes<32>>) {
        let table = vss::second_generator_table();
        let commit = |polynomials: &Polynomials| polynomials.commit(&table).into_iter().map(Bytes).collect();
        (commit(&self.mask_root), commit(&self.self_secret))
    }

    fn shares(&self, index: u32) -> SharePair {
        SharePair { mask_root: self.mask_root.share(index), self_secret: self.self_secret.share(index) }
    }

    /// The package for one holder, and the pair seed if this client is the one that encapsulates.
    fn package(
        &self,
        holder: ClientId,
        index: u32,
        keys: &PublicKeys,
        rng: &mut impl TryCryptoRng,
    ) -> Result<(Package, Option<Secret<32>>), Error> {
        let (sid, me) = (self.me.session.id(), self.me.id);
        let (mask_ciphertext, seed) = if me < holder {
            let (ciphertext, shared) = self.root.encapsulate(sid, me, holder, &keys.mask);
            let seed = pair_seed(sid, &shared, me, holder, &ciphertext, &keys.mask);
            (Some(Bytes(*ciphertext.as_bytes())), Some(seed))
        } else {
            (None, None)
        };
        let fresh = Secret::random(rng)?;
        let coins = channel_coins(sid, me, holder, self.weak_coins.as_ref().unwrap_or(&fresh));
        let (channel_ciphertext, shared) = keys.channel.encapsulate(&coins);
        let mask_bytes: &[u8] = mask_ciphertext.as_ref().map_or(&[], |bytes| &bytes.0);
        let binding = binding(self.me, &self.h1, me, holder, mask_bytes, &channel_ciphertext);
        let key = EnvelopeKey::derive(&shared, &binding);
        let package = Package {
            peer: holder,
            mask_ciphertext,
            channel_ciphertext: Bytes(*channel_ciphertext.as_bytes()),
            key_commitment: Bytes(key.commitment(&binding)),
            sealed: Bytes(key.seal(&binding, &self.shares(index).encode())),
        };
        Ok((package, seed))
    }
}

/// What the envelope from `dealer` to `holder` is bound to.
pub(crate) fn binding<'a>(
    me: &Participant,
    h1: &'a Hash,
    dealer: ClientId,
    holder: ClientId,
    mask_ciphertext: &[u8],
    channel_ciphertext: &Ciphertext,
) -> Binding<'a> {
    Binding {
        session: me.session.id(),
        h1,
        dealer,
        holder,
        mask_ciphertext: hash(label::hash::MASK_CIPHERTEXT, &[mask_ciphertext]),
        channel_ciphertext: hash(label::hash::CHANNEL_CIPHERTEXT, &[channel_ciphertext.as_bytes()]),
    }
}

impl AwaitingDelivery {
    /// Takes all dealings and this client's envelopes, and checks every share. No input has left yet.
    ///
    /// # Errors
    /// [`Error::Server`] if an honest server would not send this; [`Error::Client`] if a dealer dealt badly, in which case
    /// [`Failure::complaint`] must be sent; [`crate::RoundError::Unopenable`] if nobody can be blamed. The client is then
    /// finished. Messages that are not the server's give the state back.
    pub fn receive(mut self, message: &[u8], rng: &mut impl TryCryptoRng) -> Result<MaskingInput, Failure<Self>> {
        match self.me.open::<Delivery>(message, &self.h1) {
            Ok(delivery) => self.accept(delivery, rng).map_err(|ended| Failure {
                error: ended.error,
                state: None,
                complaint: ended.complaint,
            }),
            Err(refusal) => Err(refusal.with(self)),
        }
    }

    fn accept(self, delivery: Delivery, rng: &mut impl TryCryptoRng) -> Result<MaskingInput, open::Ended> {
        let first = (!mutant::active(Mutant::AnyFirstTranscript)).then_some(&self.h1);
        let advertised = |id| self.keys.contains_key(&id);
        self.me.check_entries(&delivery.dealings, advertised, first, Some(&self.own))?;
        let shares = open::open_all(&self, &delivery, rng)?;
        let h2 = transcript::h2(&self.h1, &delivery.dealings);
        Ok(MaskingInput::new(self, &delivery, shares, h2)?)
    }
}

impl fmt::Debug for AwaitingDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingDelivery").field("client", &self.me.id).finish_non_exhaustive()
    }
}
