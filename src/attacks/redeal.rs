//! A colluder that deals by hand.

use alloc::vec::Vec;

use super::{arithmetic::binding, stage::Stage};
use crate::{
    ClientId,
    crypto::{
        kem::{CIPHERTEXT_LEN, Ciphertext},
        seal::{CONTENTS_LEN, EnvelopeKey},
        secret::Secret,
        vss::{Kind, Polynomials, second_generator_table},
    },
    message::{Bytes, Dealing, Digest, Package, Shares},
    secagg::client::AwaitingDelivery,
};

/// What a colluder is about to put into one package; an attack changes it.
pub(super) struct Parcel {
    pub(super) holder: ClientId,
    pub(super) mask_ciphertext: Option<[u8; CIPHERTEXT_LEN]>,
    pub(super) contents: Secret<CONTENTS_LEN>,
}

impl Stage {
    /// Deals a colluder's own secrets anew, each parcel altered before it is sealed. All signatures, digests and commitments fit.
    pub(super) fn redeal(&mut self, state: &mut AwaitingDelivery, mut alter: impl FnMut(&mut Parcel)) {
        let (sid, me, t) = (self.session.id(), state.me.id, self.session.threshold_len());
        let entropy = Secret::random(&mut self.rng).unwrap();
        let polynomials = [(Kind::MaskRoot, &state.mask_root.0), (Kind::SelfSecret, &state.self_secret)]
            .map(|(kind, secret)| Polynomials::new(sid, me, kind, secret, &entropy, t));
        let holders: Vec<ClientId> = state.keys.keys().copied().filter(|holder| *holder != me).collect();
        let mut packages = Vec::new();
        for holder in holders {
            let ciphertext = || *state.mask_root.encapsulate(sid, me, holder, &state.keys[&holder].mask).0.as_bytes();
            let mask_ciphertext = (me < holder).then(ciphertext);
            let mut parcel =
                Parcel { holder, mask_ciphertext, contents: contents(&polynomials, self.session.index(holder).unwrap()) };
            alter(&mut parcel);
            packages.push(self.seal(state, parcel));
        }
        let index = state.me.index;
        [state.own_shares.mask_root, state.own_shares.self_secret] = polynomials.each_ref().map(|p| p.share(index));
        let table = second_generator_table();
        let [mask_root, self_secret] = polynomials.map(|p| p.commit(&table).into_iter().map(Bytes).collect());
        let digest = |p: &Package| Digest { holder: p.peer, digest: Bytes(p.digest(me, p.peer)) };
        let digests = packages.iter().map(digest).collect();
        let message = self.signed(me, &state.h1, &Shares { dealing: Dealing { mask_root, self_secret, digests }, packages });
        state.own = self.entry(&message);
        self.hear_shares(&message);
    }

    fn seal(&mut self, state: &AwaitingDelivery, parcel: Parcel) -> Package {
        let Parcel { holder, mask_ciphertext, contents } = parcel;
        let coins = Secret::random(&mut self.rng).unwrap();
        let (channel_ciphertext, shared): (Ciphertext, _) = self.channel_key(holder).encapsulate(&coins);
        let mask_bytes: &[u8] = mask_ciphertext.as_ref().map_or(&[], |bytes| bytes);
        let binding = binding(self.session.id(), &state.h1, [state.me.id, holder], mask_bytes, channel_ciphertext.as_bytes());
        let key = EnvelopeKey::derive(&shared, &binding);
        Package {
            peer: holder,
            mask_ciphertext: mask_ciphertext.map(Bytes),
            channel_ciphertext: Bytes(*channel_ciphertext.as_bytes()),
            key_commitment: Bytes(key.commitment(&binding)),
            sealed: Bytes(key.seal(&binding, &contents)),
        }
    }
}

/// What the holder with this index is dealt.
pub(super) fn contents(polynomials: &[Polynomials; 2], index: u32) -> Secret<CONTENTS_LEN> {
    let mut contents = Secret::zero();
    for (half, polynomial) in contents.expose_mut().chunks_exact_mut(64).zip(polynomials) {
        let share = polynomial.share(index);
        half[..32].copy_from_slice(share.value.as_bytes());
        half[32..].copy_from_slice(share.blinding.as_bytes());
    }
    contents
}
