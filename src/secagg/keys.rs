//! A client's one-time secrets and what is derived from them (section 8).

use rand_core::TryCryptoRng;

use crate::{
    crypto::{
        kdf::Kdf,
        kem::{Ciphertext, PublicKey, SecretKey},
        secret::{Secret, SecretScalar},
    },
    error::{ClientId, DecodeError, EnvironmentError},
    hash::hash,
    label::{self, kdf},
    message::{Advert, Bytes},
    mutant::{self, Mutant},
    session::SessionId,
};

/// Draws 64 random bytes and derives from them, so that a repeated generator repeats nothing in another session.
pub(crate) fn draw<const N: usize>(
    session: SessionId,
    label: &str,
    client: ClientId,
    rng: &mut impl TryCryptoRng,
) -> Result<Secret<N>, EnvironmentError> {
    let entropy = Secret::<64>::random(rng)?;
    Ok(Kdf::new(session, entropy.expose()).for_client(label, client))
}

/// Coins for one channel encapsulation, from entropy that is used for nothing else.
pub(crate) fn channel_coins(session: SessionId, dealer: ClientId, holder: ClientId, entropy: &Secret<64>) -> Secret<64> {
    Kdf::new(session, entropy.expose()).for_pair(kdf::CHANNEL_COINS, dealer, holder, &[])
}

/// In a mutant, a shared secret that takes the place of fresh entropy: the first one for the first mutant, the second for the second.
pub(crate) fn stand_in(mutants: [Mutant; 2], secrets: [&SecretScalar; 2]) -> Option<Secret<64>> {
    let (_, secret) = mutants.into_iter().zip(secrets).find(|(mutant, _)| mutant::active(*mutant))?;
    let mut entropy = Secret::zero();
    entropy.expose_mut().iter_mut().zip(secret.expose().as_bytes()).for_each(|(to, from)| *to = *from);
    Some(entropy)
}

/// The mask root `m`: gives the mask KEM pair and the coins of mask encapsulations, and nothing else.
#[derive(Debug)]
pub(crate) struct MaskRoot(pub(crate) SecretScalar);

impl MaskRoot {
    fn kdf(&self, session: SessionId) -> Kdf {
        Kdf::new(session, self.0.to_secret().expose())
    }

    pub(crate) fn kem_key(&self, session: SessionId, owner: ClientId) -> SecretKey {
        SecretKey::from_seed(&self.kdf(session).for_client(kdf::MASK_KEM, owner))
    }

    /// What `owner` sends to `peer`, a client with a larger id, and the secret shared by that.
    pub(crate) fn encapsulate(
        &self,
        session: SessionId,
        owner: ClientId,
        peer: ClientId,
        peer_key: &PublicKey,
    ) -> (Ciphertext, Secret<32>) {
        peer_key.encapsulate(&self.kdf(session).for_pair(kdf::MASK_COINS, owner, peer, &[]))
    }
}

/// The pair seed of `low < high` from the shared secret of the encapsulation to `high`.
pub(crate) fn pair_seed(
    session: SessionId,
    shared: &Secret<32>,
    low: ClientId,
    high: ClientId,
    ciphertext: &Ciphertext,
    high_key: &PublicKey,
) -> Secret<32> {
    let ciphertext = hash(label::hash::MASK_CIPHERTEXT, &[ciphertext.as_bytes()]);
    let key = hash(label::hash::MASK_KEY, &[high_key.as_bytes()]);
    let kdf = Kdf::new(session, shared.expose());
    if mutant::active(Mutant::UnboundPairSeed) {
        return kdf.expand(kdf::PAIR_SEED, &[]);
    }
    kdf.for_pair(kdf::PAIR_SEED, low, high, &[&ciphertext, &key])
}

/// The two keys of an advert, checked.
#[derive(Clone, Debug)]
pub(crate) struct PublicKeys {
    pub(crate) channel: PublicKey,
    pub(crate) mask: PublicKey,
}

impl PublicKeys {
    pub(crate) fn decode(advert: &Advert) -> Result<Self, DecodeError> {
        Ok(Self { channel: PublicKey::decode(&advert.channel_key.0)?, mask: PublicKey::decode(&advert.mask_key.0)? })
    }

    pub(crate) fn to_advert(&self) -> Advert {
        Advert { channel_key: Bytes(*self.channel.as_bytes()), mask_key: Bytes(*self.mask.as_bytes()) }
    }
}
