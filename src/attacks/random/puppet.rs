//! A client that the adversary plays by hand: a colluder, one of a colluder's faces, or an impostor without the right identity key.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use std::sync::LazyLock;

use curve25519_dalek::ristretto::RistrettoBasepointTable;
use rand::rngs::StdRng;

use super::super::{arithmetic::binding, redeal::contents, stage::Per};
use crate::{
    ClientId, Identity, Session,
    crypto::{
        kem::{PublicKey, SecretKey},
        seal::EnvelopeKey,
        secret::Secret,
        sign::Signed,
        vss::{Kind, Polynomials, second_generator_table},
    },
    hash::{Hash, hash},
    label,
    message::{Advert, Bytes, Consistency, Dealing, Digest, Entry, EntryBody, MaskedInput, Package},
    secagg::keys::{MaskRoot, PublicKeys},
};

static SECOND: LazyLock<RistrettoBasepointTable> = LazyLock::new(second_generator_table);

pub(super) struct Puppet {
    session: Session,
    id: ClientId,
    identity: Arc<dyn Identity>,
    pub(super) keys: PublicKeys,
    pub(super) advert: Entry<Advert>,
    root: MaskRoot,
    entropy: Secret<64>,
    /// Commitments to both secrets, and the polynomials.
    sharing: Option<([Vec<Bytes<32>>; 2], [Polynomials; 2])>,
    /// By the h1 that they are over.
    dealings: BTreeMap<Hash, Dealt>,
}

/// A dealing and its packages by holder.
type Dealt = (Entry<Dealing>, Per<Package>);

/// Signs an entry with whatever identity.
pub(super) fn signed<B: EntryBody>(
    session: &Session,
    client: ClientId,
    identity: &dyn Identity,
    prev: &Hash,
    body: B,
    attachment: &[u8],
) -> Entry<B> {
    let (bytes, attachment_hash) = (body.body(), hash(label::hash::ATTACHMENT, &[attachment]));
    let what = Signed { session: session.id(), kind: B::TYPE, client, prev, body: &bytes, attachment_hash: &attachment_hash };
    let signature = Bytes(what.sign(identity).unwrap());
    Entry { client, prev: Bytes(*prev), body, attachment_hash: Bytes(attachment_hash), signature }
}

/// How a puppet's packages deviate.
#[derive(Default)]
pub(super) struct Malice {
    /// Who will look at its package; nobody sees the others.
    pub(super) readers: Vec<ClientId>,
    /// Whose shares are bad.
    pub(super) bad: Vec<ClientId>,
    /// Mask ciphertexts to send instead, by holder.
    pub(super) copies: Per<Package>,
}

impl Puppet {
    /// With keys of its own or, for its advert only, somebody else's.
    pub(super) fn new(
        session: &Session,
        id: ClientId,
        identity: Arc<dyn Identity>,
        borrowed: Option<&Advert>,
        rng: &mut StdRng,
    ) -> Self {
        let mut random = || Secret::<64>::random(rng).unwrap();
        let root = MaskRoot(random().reduce());
        let channel = SecretKey::from_seed(&Secret::take(random().expose_mut().first_chunk_mut().unwrap()));
        let mask = root.kem_key(session.id(), id).public_key();
        let keys = PublicKeys { channel: channel.public_key(), mask };
        let body = borrowed.cloned().unwrap_or_else(|| keys.to_advert());
        let advert = signed(session, id, &*identity, &session.h0(), body, &[]);
        let (entropy, session) = (random(), session.clone());
        Self { session, id, identity, keys, advert, root, entropy, sharing: None, dealings: BTreeMap::new() }
    }

    /// Its dealing over this h1, to the clients in the list that h1 is of, and its packages.
    pub(super) fn deal(&mut self, h1: &Hash, holders: &[Entry<Advert>], malice: &Malice, rng: &mut StdRng) -> &Dealt {
        if !self.dealings.contains_key(h1) {
            let made = self.make_dealing(h1, holders, malice, rng);
            self.dealings.insert(*h1, made);
        }
        &self.dealings[h1]
    }

    fn share(&mut self) -> &([Vec<Bytes<32>>; 2], [Polynomials; 2]) {
        let (session, id, t) = (self.session.id(), self.id, self.session.threshold_len());
        let (root, entropy) = (&self.root.0, &self.entropy);
        self.sharing.get_or_insert_with(|| {
            let of = |kind| Polynomials::new(session, id, kind, root, entropy, t);
            let polynomials = [Kind::MaskRoot, Kind::SelfSecret].map(of);
            let commit = |polynomials: &Polynomials| polynomials.commit(&SECOND).into_iter().map(Bytes).collect();
            (polynomials.each_ref().map(commit), polynomials)
        })
    }

    fn make_dealing(&mut self, h1: &Hash, holders: &[Entry<Advert>], malice: &Malice, rng: &mut StdRng) -> Dealt {
        self.share();
        let others = || holders.iter().filter(|entry| entry.client != self.id);
        let package = |entry: &Entry<Advert>| {
            let keys = PublicKeys::decode(&entry.body).ok()?;
            Some((entry.client, self.package(h1, entry.client, &keys, malice, rng)))
        };
        let packages: Per<Package> =
            others().filter(|entry| malice.readers.contains(&entry.client)).filter_map(package).collect();
        let digests = others().map(|entry| {
            let digest = packages.get(&entry.client).map_or([0; 32], |package| package.digest(self.id, entry.client));
            Digest { holder: entry.client, digest: Bytes(digest) }
        });
        let ([mask_root, self_secret], _) = self.sharing.as_ref().unwrap();
        let dealing = Dealing { mask_root: mask_root.clone(), self_secret: self_secret.clone(), digests: digests.collect() };
        (signed(&self.session, self.id, &*self.identity, h1, dealing, b"packages"), packages)
    }

    fn package(&self, h1: &Hash, holder: ClientId, keys: &PublicKeys, malice: &Malice, rng: &mut StdRng) -> Package {
        let (session, id) = (self.session.id(), self.id);
        let own = || (id < holder).then(|| Bytes(*self.root.encapsulate(session, id, holder, &keys.mask).0.as_bytes()));
        let copy = malice.copies.get(&holder).filter(|_| id < holder).and_then(|package| package.mask_ciphertext);
        let mask_ciphertext = copy.or_else(own);
        let (channel_ciphertext, shared) = encapsulate(&keys.channel, rng);
        let mask_bytes: &[u8] = mask_ciphertext.as_ref().map_or(&[], |bytes| &bytes.0);
        let binding = binding(session, h1, [id, holder], mask_bytes, &channel_ciphertext);
        let key = EnvelopeKey::derive(&shared, &binding);
        let (_, polynomials) = self.sharing.as_ref().unwrap();
        let mut contents = contents(polynomials, self.session.index(holder).unwrap());
        contents.expose_mut()[0] ^= u8::from(malice.bad.contains(&holder));
        Package {
            peer: holder,
            mask_ciphertext,
            channel_ciphertext: Bytes(channel_ciphertext),
            key_commitment: Bytes(key.commitment(&binding)),
            sealed: Bytes(key.seal(&binding, &contents)),
        }
    }

    pub(super) fn header(&self, h2: &Hash) -> Entry<MaskedInput> {
        let (vector_len, chunk_len) = (self.session.vector_len(), self.session.chunk_len());
        let body = MaskedInput { root: Bytes([0; 32]), vector_len, chunk_len };
        signed(&self.session, self.id, &*self.identity, h2, body, &[])
    }

    pub(super) fn consistency(&self, h3: &Hash) -> Entry<Consistency> {
        signed(&self.session, self.id, &*self.identity, h3, Consistency {}, &[])
    }
}

fn encapsulate(key: &PublicKey, rng: &mut StdRng) -> ([u8; crate::crypto::kem::CIPHERTEXT_LEN], Secret<32>) {
    let (ciphertext, shared) = key.encapsulate(&Secret::random(rng).unwrap());
    (*ciphertext.as_bytes(), shared)
}
