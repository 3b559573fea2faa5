//! A whole client written a second time from docs/protocol.md, whose every secret and choice a test can alter. Left alone it is honest.
//! It checks nothing that it receives: tests that need checks use the library's client.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "lattice.rs"]
mod lattice;

use std::{collections::BTreeMap, sync::Arc};

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};
use chacha20poly1305::{
    Nonce,
    aead::{Aead as _, Payload},
};
use curve25519_dalek::Scalar;
use rand::{Rng, rngs::StdRng};
use veilsum::{
    ClientId, Masking, Session, SigningIdentity,
    message::{
        Advert, Adverts, Bytes, Consistency, Dealing, Delivery, Digest, Entry, MaskedInput, Message, Package, Reveal,
        RevealedShare, Shares, Survivors,
    },
};
use x_wing::DecapsulationKey;

use crate::{
    common::masking::wire_len,
    dealer::{
        MASK_ROOT, Parcel, Polynomials, SELF_SECRET, cipher, decapsulate, digest, encapsulate, envelope_key, index, kdf,
        key_commitment, key_pair, number, pair_seed,
    },
    forge::{extend, extend_survivors, hash, sign},
};

pub struct Rogue {
    pub session: Session,
    pub id: ClientId,
    pub identity: Arc<SigningIdentity>,
    pub mask_root: Scalar,
    pub self_secret: Scalar,
    /// What the mask key pair is derived from; an honest client's is `m`.
    pub mask_key_material: [u8; 32],
    /// What the coins of mask encapsulations are derived from; an honest client's is `m`.
    pub mask_coin_material: [u8; 32],
    /// The sharing of `m` and of `b`.
    pub polynomials: [Polynomials; 2],
    pub channel: DecapsulationKey,
    channel_key: [u8; 1216],
    coins: [u8; 64],
    pub adverts: BTreeMap<ClientId, Advert>,
    pub h1: [u8; 32],
    pub h2: [u8; 32],
    pub h3: [u8; 32],
    /// The contents of the envelopes that it holds, by dealer; its own included.
    pub held: BTreeMap<ClientId, [u8; 128]>,
    /// Seed and sign of every mask that it adds.
    masks: Vec<([u8; 32], bool)>,
    /// Its own shares message, as the server has it.
    pub dealt: Option<Shares>,
    pub survivors: Vec<ClientId>,
}

impl Rogue {
    pub fn new(session: &Session, id: ClientId, identity: Arc<SigningIdentity>, rng: &mut StdRng) -> Self {
        let mut random = || {
            let mut bytes = [0; 64];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let secret =
            |name: &str, entropy: [u8; 64]| Scalar::from_bytes_mod_order_wide(&kdf(session, name, &entropy, &[&number(id)]));
        let (mask_root, self_secret) = (secret("mask-root", random()), secret("self-secret", random()));
        let (channel, channel_key) = key_pair(kdf(session, "channel-kem", &random(), &[&number(id)]));
        let entropy = random();
        let polynomials = [(MASK_ROOT, mask_root), (SELF_SECRET, self_secret)];
        Self {
            session: session.clone(),
            id,
            identity,
            mask_root,
            self_secret,
            mask_key_material: mask_root.to_bytes(),
            mask_coin_material: mask_root.to_bytes(),
            polynomials: polynomials.map(|(kind, secret)| Polynomials::new(session, id, kind, secret, &entropy)),
            channel,
            channel_key,
            coins: random(),
            adverts: BTreeMap::new(),
            h1: [0; 32],
            h2: [0; 32],
            h3: [0; 32],
            held: BTreeMap::new(),
            masks: Vec::new(),
            dealt: None,
            survivors: Vec::new(),
        }
    }

    pub fn advert(&self) -> Vec<u8> {
        let advert = Advert { channel_key: Bytes(self.channel_key), mask_key: Bytes(self.mask_pair().1) };
        sign(&self.session, self.id, self.session.id().0, &advert, &*self.identity)
    }

    pub fn hear_adverts(&mut self, message: &[u8]) {
        let entries = Message::<Adverts>::decode(message).unwrap().body.entries;
        self.h1 = extend(1, &self.session.id().0, &entries);
        self.adverts = entries.into_iter().map(|entry| (entry.client, entry.body)).collect();
    }

    pub fn holders(&self) -> Vec<ClientId> {
        self.adverts.keys().copied().filter(|id| *id != self.id).collect()
    }

    /// What an honest client with these secrets would seal for a holder.
    pub fn parcel(&self, holder: ClientId) -> Parcel {
        let (session, dealer, pair) = (&self.session, self.id, [number(self.id), number(holder)]);
        let coins = kdf(session, "channel-coins", &self.coins, &[&pair[0], &pair[1]]);
        let (channel_ciphertext, shared) = encapsulate(&self.adverts[&holder].channel_key.0, coins);
        let key = envelope_key(session, &shared, dealer, holder, &channel_ciphertext);
        Parcel {
            dealer,
            holder,
            mask_ciphertext: if dealer < holder { self.encapsulate_to(holder).0.to_vec() } else { Vec::new() },
            channel_ciphertext,
            key,
            commitment: key_commitment(session, &key, dealer, holder),
            contents: self.contents(index(session, holder)),
        }
    }

    /// Both shares of the holder with this index.
    pub fn contents(&self, index: u32) -> [u8; 128] {
        let [[m, m_blinding], [b, b_blinding]] = [0, 1].map(|kind| self.polynomials[kind].share(index));
        [m, m_blinding, b, b_blinding].concat().try_into().unwrap()
    }

    pub fn honest_packages(&self) -> Vec<Package> {
        self.packages(|_| {})
    }

    /// Packages for all holders, each parcel altered before it is sealed.
    pub fn packages(&self, mut alter: impl FnMut(&mut Parcel)) -> Vec<Package> {
        let seal = |holder| {
            let mut parcel = self.parcel(holder);
            alter(&mut parcel);
            parcel.seal(&self.session, &self.h1)
        };
        self.holders().into_iter().map(seal).collect()
    }

    /// A shares message with digests that match these packages.
    pub fn shares(&mut self, packages: Vec<Package>) -> Vec<u8> {
        let shares = self.dealing(packages);
        self.send_shares(shares)
    }

    pub fn dealing(&self, packages: Vec<Package>) -> Shares {
        let [mask_root, self_secret] = [0, 1].map(|kind| self.polynomials[kind].commitments());
        let digests = packages.iter().map(|p| Digest { holder: p.peer, digest: Bytes(digest(p, self.id, p.peer)) }).collect();
        Shares { dealing: Dealing { mask_root, self_secret, digests }, packages }
    }

    pub fn send_shares(&mut self, shares: Shares) -> Vec<u8> {
        let message = sign(&self.session, self.id, self.h1, &shares, &*self.identity);
        self.dealt = Some(shares);
        message
    }

    /// Opens its envelopes, and derives its masks.
    pub fn hear_delivery(&mut self, message: &[u8]) {
        let delivery = Message::<Delivery>::decode(message).unwrap().body;
        self.h2 = extend(2, &self.h1, &delivery.dealings);
        self.held = BTreeMap::from([(self.id, self.contents(index(&self.session, self.id)))]);
        self.masks = vec![(kdf(&self.session, "self-seed", &self.self_secret.to_bytes(), &[&number(self.id)]), false)];
        for package in &delivery.packages {
            let opened = self.open(package);
            self.held.insert(package.peer, opened);
            self.masks.push((self.seed_with(package), package.peer < self.id));
        }
    }

    /// The masked vector on the wire, and its header.
    pub fn masked_input(&self, words: &[u64]) -> (Vec<u8>, Vec<u8>) {
        let session = &self.session;
        let wire = match session.masking() {
            Masking::Pairwise => self.masked_words(words),
            _ => lattice::masked(session, &self.masks, words),
        };
        let root = Bytes(root(session, &wire));
        let header = MaskedInput { root, vector_len: session.vector_len(), chunk_len: session.chunk_len() };
        (wire, sign(session, self.id, self.h2, &header, &*self.identity))
    }

    /// Under pairwise masks.
    fn masked_words(&self, words: &[u64]) -> Vec<u8> {
        let session = &self.session;
        let masked = words.iter().enumerate().map(|(position, word)| {
            let add = |sum: u64, (seed, negative): &([u8; 32], bool)| {
                let mask = mask_word(session, seed, position);
                if *negative { sum.wrapping_sub(mask) } else { sum.wrapping_add(mask) }
            };
            self.masks.iter().fold(*word, add)
        });
        pack(session.modulus_bits(), masked)
    }

    pub fn hear_survivors(&mut self, message: &[u8]) {
        let survivors = Message::<Survivors>::decode(message).unwrap().body;
        self.h3 = extend_survivors(&self.h2, &survivors.bitmap, &survivors.entries);
        self.survivors = survivors.entries.iter().map(|entry| entry.client).collect();
    }

    pub fn consistency(&self) -> Vec<u8> {
        sign(&self.session, self.id, self.h3, &Consistency {}, &*self.identity)
    }

    pub fn revealed(&self) -> Reveal {
        let share = |(owner, contents): (&ClientId, &[u8; 128])| {
            let at = if self.survivors.contains(owner) { 64 } else { 0 };
            let part = |from: usize| Bytes(contents[from..from + 32].try_into().unwrap());
            RevealedShare { owner: *owner, share: part(at), blinding: part(at + 32) }
        };
        Reveal { shares: self.held.iter().map(share).collect() }
    }

    pub fn reveal(&self) -> Vec<u8> {
        sign(&self.session, self.id, self.h3, &self.revealed(), &*self.identity)
    }

    pub fn entry(&self, dealings: &[Entry<Dealing>]) -> Entry<Dealing> {
        dealings.iter().find(|entry| entry.client == self.id).unwrap().clone()
    }

    fn mask_pair(&self) -> (DecapsulationKey, [u8; 1216]) {
        key_pair(kdf(&self.session, "mask-kem", &self.mask_key_material, &[&number(self.id)]))
    }

    fn encapsulate_to(&self, peer: ClientId) -> ([u8; 1120], [u8; 32]) {
        let coins = kdf(&self.session, "mask-coins", &self.mask_coin_material, &[&number(self.id), &number(peer)]);
        encapsulate(&self.adverts[&peer].mask_key.0, coins)
    }

    /// The envelope key of a package that it received.
    pub fn key_of(&self, package: &Package) -> [u8; 32] {
        let shared = decapsulate(&self.channel, &package.channel_ciphertext.0);
        envelope_key(&self.session, &shared, package.peer, self.id, &package.channel_ciphertext.0)
    }

    /// The contents of a package, or zeros if it does not open.
    fn open(&self, package: &Package) -> [u8; 128] {
        let key = self.key_of(package);
        let parcel = Parcel {
            dealer: package.peer,
            holder: self.id,
            mask_ciphertext: package.mask_ciphertext.map_or(Vec::new(), |bytes| bytes.0.to_vec()),
            channel_ciphertext: package.channel_ciphertext.0,
            key,
            commitment: package.key_commitment.0,
            contents: [0; 128],
        };
        let associated = parcel.associated(&self.session, &self.h1);
        let payload = Payload { msg: &package.sealed.0, aad: &associated };
        let opened = cipher(&self.session, package.peer, self.id, &key).decrypt(&Nonce::default(), payload);
        opened.map_or([0; 128], |contents| contents.try_into().unwrap())
    }

    fn seed_with(&self, package: &Package) -> [u8; 32] {
        if self.id < package.peer {
            let (ciphertext, shared) = self.encapsulate_to(package.peer);
            let high_key = &self.adverts[&package.peer].mask_key.0;
            return pair_seed(&self.session, &shared, (self.id, package.peer), &ciphertext, high_key);
        }
        let ciphertext = package.mask_ciphertext.unwrap().0;
        let (secret, public) = self.mask_pair();
        pair_seed(&self.session, &decapsulate(&secret, &ciphertext), (package.peer, self.id), &ciphertext, &public)
    }
}

/// `PRG(seed)[position]`, within the first block of positions (section 11).
fn mask_word(session: &Session, seed: &[u8; 32], position: usize) -> u64 {
    assert!(position < 1 << 20);
    let key: [u8; 32] = kdf(session, "prg-block", seed, &[&0_u64.to_le_bytes()]);
    let width = if session.modulus_bits() <= 32 { 4 } else { 8 };
    let mut block = u128::try_from(position * width / 16).unwrap().to_be_bytes().into();
    Aes256::new(&key.into()).encrypt_block(&mut block);
    let mut word = [0; 8];
    word[..width].copy_from_slice(&block[position * width % 16..][..width]);
    u64::from_le_bytes(word)
}

/// Words of `bits` bits each, as on the wire (section 12): whole blocks in planes, then the tail densely.
pub fn pack(bits: u8, words: impl Iterator<Item = u64>) -> Vec<u8> {
    let words: Vec<u64> = words.collect();
    let (blocks, tail) = words.as_chunks::<64>();
    let bit = |word: u64, bit: u8| word >> bit & 1 == 1;
    let mut out: Vec<u8> = blocks.iter().flat_map(|block| bytes(planes(bits, block).into_iter().flatten())).collect();
    out.extend(bytes(tail.iter().flat_map(|word| (0..bits).map(move |place| bit(*word, place)))));
    out
}

/// The bits of the planes of one block.
fn planes(bits: u8, block: &[u64; 64]) -> Vec<Vec<bool>> {
    let widths = [64, 32, 16, 8, 4, 2, 1].into_iter().filter(|width| bits & width != 0);
    let mut shift = 0;
    let plane = |width: u8| {
        // Fields of whole bytes follow one another; of smaller ones, field `i` is the `i / m`-th in byte `i mod m` of `m` bytes.
        let (wide, m) = (usize::from(width), 8 * usize::from(width));
        let mut plane = vec![false; 64 * wide];
        for (i, word) in block.iter().enumerate() {
            let at = if wide >= 8 { i * wide } else { i % m * 8 + i / m * wide };
            (0..width).for_each(|k| plane[at + usize::from(k)] = word >> (shift + k) & 1 == 1);
        }
        shift += width;
        plane
    };
    widths.map(plane).collect()
}

fn bytes(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let bits: Vec<bool> = bits.collect();
    bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(place, bit)| u8::from(*bit) << place).sum()).collect()
}

/// The Merkle root of a packed vector (section 12).
pub fn root(session: &Session, wire: &[u8]) -> [u8; 32] {
    let chunk_bytes = usize::try_from(wire_len(session, u64::from(session.chunk_len()))).unwrap();
    let leaf = |(place, chunk): (usize, &[u8])| hash("leaf", &[&(place as u64).to_le_bytes(), chunk]);
    let leaves: Vec<_> = wire.chunks(chunk_bytes).enumerate().map(leaf).collect();
    hash("root", &[&session.vector_len().to_le_bytes(), &session.chunk_len().to_le_bytes(), &tree(&leaves)])
}

fn tree(leaves: &[[u8; 32]]) -> [u8; 32] {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    hash("node", &[&tree(left), &tree(right)])
}
