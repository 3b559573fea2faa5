//! Round 0: advertise keys.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::fmt;

use rand_core::TryCryptoRng;

use super::deal::{self, AwaitingDelivery};
use crate::{
    crypto::{
        kdf::Kdf,
        kem::SecretKey,
        secret::{Secret, SecretScalar},
        sign::Identity,
    },
    error::{ClientFault, ClientId, EnvironmentError, Error, InputError, ServerFault},
    label::kdf,
    message::{Advert, Adverts, Entry},
    mutant::{self, Mutant},
    secagg::{
        keys::{MaskRoot, PublicKeys, draw},
        participant::Participant,
        step::Failure,
        transcript,
    },
    session::{Session, SessionId},
};

/// A client's one-time secrets.
pub(crate) struct Secrets {
    pub(crate) mask_root: MaskRoot,
    pub(crate) self_secret: SecretScalar,
    pub(crate) channel: SecretKey,
    pub(crate) vss: Secret<64>,
    /// Where the errors of lattice masks come from: never shared, and derived from nothing that is.
    pub(crate) error_seed: Option<Secret<32>>,
}

/// Joins a session: draws this client's one-time secrets and makes its advert.
///
/// A client joins a descriptor at most once; another attempt takes another descriptor (`attempt` or `round`).
///
/// # Security
/// The descriptor decides everything about security. Build it from your own configuration, never from the server's word.
///
/// # Errors
/// [`Error::Input`] if `id` is not in the roster or `identity` has another key than the roster says; [`Error::Environment`] if
/// the generator or the identity fails.
pub fn join(
    session: &Session,
    id: ClientId,
    identity: Arc<dyn Identity>,
    rng: &mut impl TryCryptoRng,
) -> Result<(AwaitingAdverts, Vec<u8>), Error> {
    let index = session.index(id).ok_or(InputError::NotInRoster(id))?;
    if session.client_key(id).map(ed25519_dalek::VerifyingKey::to_bytes) != Some(identity.public_key().0) {
        return Err(InputError::IdentityMismatch.into());
    }
    let sid = session.id();
    let mask_root = MaskRoot(draw::<64>(sid, kdf::MASK_ROOT, id, rng)?.reduce());
    let self_secret = draw::<64>(sid, kdf::SELF_SECRET, id, rng)?.reduce();
    let channel = SecretKey::from_seed(&draw(sid, kdf::CHANNEL_KEM, id, rng)?);
    let vss = Secret::random(rng)?;
    let error_seed = match session.geometry() {
        Some(_) => Some(error_seed(sid, id, &self_secret, rng)?),
        None => None,
    };
    let keys = PublicKeys { channel: channel.public_key(), mask: mask_root.kem_key(sid, id).public_key() };
    let advert = keys.to_advert();
    let me = Participant::new(session.clone(), id, index, identity);
    let h0 = session.h0();
    let sent = me.sign(&h0, &advert)?;
    let own = me.entry(&h0, advert, &sent);
    Ok((AwaitingAdverts { me, secrets: Secrets { mask_root, self_secret, channel, vss, error_seed }, own }, sent.bytes))
}

/// From entropy that is used for nothing else: whoever knew a client's errors would need to know no more than one block of its words.
fn error_seed(
    session: SessionId,
    id: ClientId,
    self_secret: &SecretScalar,
    rng: &mut impl TryCryptoRng,
) -> Result<Secret<32>, EnvironmentError> {
    let drawn = draw::<32>(session, kdf::ERROR_SEED, id, rng)?;
    if mutant::active(Mutant::ErrorsFromSelfSecret) {
        return Ok(Kdf::new(session, self_secret.expose().as_bytes()).for_client(kdf::ERROR_SEED, id));
    }
    Ok(drawn)
}

/// Round 0 done; waits for everybody's adverts.
pub struct AwaitingAdverts {
    me: Participant,
    secrets: Secrets,
    own: Entry<Advert>,
}

impl AwaitingAdverts {
    /// Takes the list of adverts, deals both secrets, and returns the shares to send.
    ///
    /// # Errors
    /// [`Error::Server`] if the list is not what an honest server sends; the client is then finished. Messages that are not
    /// the server's give the state back.
    pub fn receive(mut self, message: &[u8], rng: &mut impl TryCryptoRng) -> Result<(AwaitingDelivery, Vec<u8>), Failure<Self>> {
        let h0 = self.me.session.h0();
        match self.me.open::<Adverts>(message, &h0) {
            Ok(adverts) => self.accept(&adverts, rng).map_err(Failure::end),
            Err(refusal) => Err(refusal.with(self)),
        }
    }

    fn accept(self, adverts: &Adverts, rng: &mut impl TryCryptoRng) -> Result<(AwaitingDelivery, Vec<u8>), Error> {
        let session = &self.me.session;
        let in_roster = |id| session.index(id).is_some();
        self.me.check_entries(&adverts.entries, in_roster, Some(&session.h0()), Some(&self.own))?;
        let keys = distinct_keys(&adverts.entries)?;
        let h1 = transcript::h1(session, &adverts.entries);
        deal::deal(self.me, self.secrets, keys, h1, rng)
    }
}

impl fmt::Debug for AwaitingAdverts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingAdverts").field("client", &self.me.id).finish_non_exhaustive()
    }
}

/// The keys of all adverts: acceptable, and no two alike.
pub(crate) fn distinct_keys(entries: &[Entry<Advert>]) -> Result<BTreeMap<ClientId, PublicKeys>, ServerFault> {
    let mut used: Vec<_> = entries.iter().flat_map(|e| [(&e.body.channel_key, e.client), (&e.body.mask_key, e.client)]).collect();
    used.sort_unstable();
    if let Some([_, (_, second)]) = used.windows(2).find_map(|w| <&[_; 2]>::try_from(w).ok().filter(|[a, b]| a.0 == b.0)) {
        return Err(ServerFault::DuplicateKey(*second));
    }
    let decode = |entry: &Entry<Advert>| match PublicKeys::decode(&entry.body) {
        Ok(keys) => Ok((entry.client, keys)),
        Err(e) => Err(ServerFault::EntryContents(entry.client, ClientFault::Malformed(e))),
    };
    entries.iter().map(decode).collect()
}
