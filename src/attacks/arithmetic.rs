//! What the adversary computes from what it has; every function is public knowledge applied to its arguments.

use alloc::vec::Vec;

use curve25519_dalek::Scalar;

use super::stage::{Per, Stage};
use crate::{
    ClientId, Ring, SessionId,
    crypto::{
        kdf,
        kem::{Ciphertext, PublicKey},
        seal::{Binding, EnvelopeKey},
        secret::{Secret, SecretScalar},
        vss::{Commitments, Kind, Share, lagrange_weights, recover, second_generator_table},
    },
    hash::hash,
    label,
    mask::pairwise,
    message::Package,
    secagg::{
        client::{decode_commitments, decode_shares},
        keys::{MaskRoot, pair_seed},
    },
};

/// Entropy as a mutant makes it from a scalar.
pub(super) fn padded(scalar: &Scalar) -> Secret<64> {
    let mut entropy = Secret::zero();
    entropy.expose_mut()[..32].copy_from_slice(scalar.as_bytes());
    entropy
}

/// What the envelope in a package is bound to.
pub(super) fn binding<'a>(
    session: SessionId,
    h1: &'a [u8; 32],
    [dealer, holder]: [ClientId; 2],
    mask_ciphertext: &[u8],
    channel_ciphertext: &[u8],
) -> Binding<'a> {
    Binding {
        session,
        h1,
        dealer,
        holder,
        mask_ciphertext: hash(label::hash::MASK_CIPHERTEXT, &[mask_ciphertext]),
        channel_ciphertext: hash(label::hash::CHANNEL_CIPHERTEXT, &[channel_ciphertext]),
    }
}

impl Stage {
    pub(super) fn channel_key(&self, client: ClientId) -> PublicKey {
        PublicKey::decode(&self.seen.adverts[&client].body.channel_key.0).unwrap()
    }

    fn mask_key(&self, client: ClientId) -> PublicKey {
        PublicKey::decode(&self.seen.adverts[&client].body.mask_key.0).unwrap()
    }

    pub(super) fn commitments(&self, owner: ClientId, kind: Kind) -> Commitments {
        let (mask_root, self_secret) = decode_commitments(&self.seen.dealings[&owner].body, self.session.threshold()).unwrap();
        if kind == Kind::MaskRoot { mask_root } else { self_secret }
    }

    fn binding_of(&self, dealer: ClientId, holder: ClientId) -> (Binding<'_>, &Package) {
        let package = &self.seen.packages[&(dealer, holder)];
        let h1 = &self.seen.dealings[&dealer].prev.0;
        (
            binding(self.session.id(), h1, [dealer, holder], package.mask_ciphertext_bytes(), &package.channel_ciphertext.0),
            package,
        )
    }

    /// The envelope key that a shared secret of the channel encapsulation gives.
    pub(super) fn envelope_key(&self, dealer: ClientId, holder: ClientId, shared: &Secret<32>) -> EnvelopeKey {
        EnvelopeKey::derive(shared, &self.binding_of(dealer, holder).0)
    }

    /// The shares in an envelope, of mask root and self secret, if this is its key.
    pub(super) fn unseal(&self, dealer: ClientId, holder: ClientId, key: &EnvelopeKey) -> Option<[Share; 2]> {
        let (binding, package) = self.binding_of(dealer, holder);
        let pair = decode_shares(&key.open(&binding, &package.sealed.0)?)?;
        Some([pair.mask_root, pair.self_secret])
    }

    /// A client's secret from shares of it by holder: from too few it gives nothing.
    pub(super) fn recover(&self, owner: ClientId, kind: Kind, shares: &Per<Share>) -> Option<Scalar> {
        let chosen: Vec<_> = shares.iter().take(self.session.threshold_len()).collect();
        let indices: Vec<u32> = chosen.iter().map(|(holder, _)| self.session.index(**holder).unwrap()).collect();
        let secret = recover(&lagrange_weights(&indices), chosen.iter().map(|(_, share)| *share));
        self.commitments(owner, kind).opens(&secret, &second_generator_table()).then_some(secret.value)
    }

    /// The seed of the pair mask between `owner`, whose mask root this is, and another client.
    pub(super) fn seed(&self, owner: ClientId, root: &Scalar, other: ClientId) -> Secret<32> {
        let (session, root) = (self.session.id(), MaskRoot(SecretScalar::new(*root)));
        if owner < other {
            let key = self.mask_key(other);
            let (ciphertext, shared) = root.encapsulate(session, owner, other, &key);
            return pair_seed(session, &shared, owner, other, &ciphertext, &key);
        }
        let sent = self.seen.packages[&(other, owner)].mask_ciphertext.as_ref().unwrap();
        let ciphertext = Ciphertext::decode(&sent.0).unwrap();
        let shared = root.kem_key(session, owner).decapsulate(&ciphertext);
        pair_seed(session, &shared, other, owner, &ciphertext, &self.mask_key(owner))
    }

    /// The seeds of a client's pair masks with others, from its own mask root.
    pub(super) fn own_seeds(&self, owner: ClientId, root: &Scalar) -> Per<Secret<32>> {
        let others = self.everybody().into_iter().filter(|other| *other != owner);
        others.map(|other| (other, self.seed(owner, root, other))).collect()
    }

    /// A client's upload without its self mask and these pair masks.
    pub(super) fn strip(&self, client: ClientId, self_secret: &Scalar, pairs: &Per<Secret<32>>) -> Vec<u32> {
        let mut masks = pairwise::Masks::with_capacity(self.session.id(), pairs.len() + 1);
        masks.push(&kdf::self_seed(self.session.id(), &SecretScalar::new(*self_secret), client), true);
        pairs.iter().for_each(|(peer, seed)| masks.push(seed, client < *peer));
        let mut words = self.seen.uploads[&client].clone();
        masks.add_to(0, &mut words, &mut None);
        self.reduce(words)
    }

    pub(super) fn reduce(&self, words: Vec<u32>) -> Vec<u32> {
        let max = u32::try_from(Ring::new(self.session.modulus_bits()).unwrap().max()).unwrap();
        words.into_iter().map(|word| word & max).collect()
    }
}
