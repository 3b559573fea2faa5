//! Key derivation, secret sharing and sealed envelopes, written a second time from sections 5, 8, 9 and 10 of docs/protocol.md, with
//! everything in the open: what a dealer would need in order to deal badly. Nothing here is shared with the library.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use curve25519_dalek::{RistrettoPoint, Scalar};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha512};
use veilsum::{
    ClientId, Session,
    message::{Bytes, Package},
};
use x_wing::{Decapsulate as _, DecapsulationKey, Decapsulator as _, EncapsulationKey, KeyExport as _, TryKeyInit as _};

use crate::forge::{hash, label};

pub const MASK_ROOT: u8 = 1;
pub const SELF_SECRET: u8 = 2;

/// `KDF(label, key_material, info, N)` of section 5.
pub fn kdf<const N: usize>(session: &Session, name: &str, key_material: &[u8], info: &[&[u8]]) -> [u8; N] {
    let full = [&label(name)[..], &1_u16.to_le_bytes(), &info.concat()].concat();
    let mut out = [0; N];
    Hkdf::<Sha512>::new(Some(&session.id().0), key_material).expand(&full, &mut out).unwrap();
    out
}

pub fn number(id: ClientId) -> [u8; 8] {
    id.0.to_le_bytes()
}

/// The index of a client: its place in the roster, from 1.
pub fn index(session: &Session, id: ClientId) -> u32 {
    u32::try_from(session.roster().iter().position(|(member, _)| *member == id).unwrap() + 1).unwrap()
}

/// An X-Wing key pair from its seed.
pub fn key_pair(seed: [u8; 32]) -> (DecapsulationKey, [u8; 1216]) {
    let secret = DecapsulationKey::from(seed);
    let public = secret.encapsulation_key().to_bytes().into();
    (secret, public)
}

pub fn encapsulate(public: &[u8; 1216], coins: [u8; 64]) -> ([u8; 1120], [u8; 32]) {
    let (ciphertext, shared) = EncapsulationKey::new(public.into()).unwrap().encapsulate_deterministic((&coins).into());
    (ciphertext.into(), shared.into())
}

pub fn decapsulate(secret: &DecapsulationKey, ciphertext: &[u8; 1120]) -> [u8; 32] {
    secret.decapsulate(&(*ciphertext).into()).into()
}

/// The pair seed of `low < high`.
pub fn pair_seed(
    session: &Session,
    shared: &[u8; 32],
    pair: (ClientId, ClientId),
    ciphertext: &[u8],
    high_key: &[u8],
) -> [u8; 32] {
    let bound = [hash("mask-ct", &[ciphertext]), hash("mask-pk", &[high_key])];
    kdf(session, "pair-seed", shared, &[&number(pair.0), &number(pair.1), &bound[0], &bound[1]])
}

/// The second generator of section 9.
pub fn second_generator() -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&Sha512::digest(label("pedersen")).into())
}

/// The two polynomials of one dealing of one secret.
#[derive(Clone)]
pub struct Polynomials {
    pub values: Vec<Scalar>,
    pub blindings: Vec<Scalar>,
}

impl Polynomials {
    pub fn new(session: &Session, dealer: ClientId, kind: u8, secret: Scalar, entropy: &[u8; 64]) -> Self {
        let coefficient = |k: u32, part: u8| {
            let wide = kdf(session, "vss", entropy, &[&number(dealer), &[kind], &k.to_le_bytes(), &[part]]);
            Scalar::from_bytes_mod_order_wide(&wide)
        };
        let t = session.threshold();
        let values = core::iter::once(secret).chain((1..t).map(|k| coefficient(k, 0))).collect();
        Self { values, blindings: (0..t).map(|k| coefficient(k, 1)).collect() }
    }

    pub fn commitments(&self) -> Vec<Bytes<32>> {
        let second = second_generator();
        let commit = |(f, g): (&Scalar, &Scalar)| Bytes((RistrettoPoint::mul_base(f) + second * g).compress().to_bytes());
        self.values.iter().zip(&self.blindings).map(commit).collect()
    }

    /// Share and blinding share, as the first or second half of an envelope's contents.
    pub fn share(&self, index: u32) -> [[u8; 32]; 2] {
        [&self.values, &self.blindings].map(|coefficients| evaluate(coefficients, index).to_bytes())
    }
}

fn evaluate(coefficients: &[Scalar], index: u32) -> Scalar {
    let powers = core::iter::successors(Some(Scalar::ONE), |power| Some(power * Scalar::from(index)));
    coefficients.iter().zip(powers).map(|(c, power)| c * power).sum()
}

/// A scalar from bytes that need not be canonical.
pub fn scalar(bytes: &[u8; 32]) -> Scalar {
    Scalar::from_bytes_mod_order(*bytes)
}

/// Everything that goes into one package, before it is sealed.
#[derive(Clone)]
pub struct Parcel {
    pub dealer: ClientId,
    pub holder: ClientId,
    /// The mask encapsulation, empty if the holder has the smaller id.
    pub mask_ciphertext: Vec<u8>,
    pub channel_ciphertext: [u8; 1120],
    /// The envelope key `K`.
    pub key: [u8; 32],
    /// `kc`.
    pub commitment: [u8; 32],
    /// Share and blinding share of `m`, then of `b`.
    pub contents: [u8; 128],
}

impl Parcel {
    pub fn seal(&self, session: &Session, h1: &[u8; 32]) -> Package {
        let associated = self.associated(session, h1);
        let payload = Payload { msg: &self.contents, aad: &associated };
        let sealed = cipher(session, self.dealer, self.holder, &self.key).encrypt(&Nonce::default(), payload).unwrap();
        self.package(sealed.try_into().unwrap())
    }

    /// The package around given sealed bytes.
    pub fn package(&self, sealed: [u8; 144]) -> Package {
        Package {
            peer: self.holder,
            mask_ciphertext: (!self.mask_ciphertext.is_empty()).then(|| Bytes(self.mask_ciphertext[..].try_into().unwrap())),
            channel_ciphertext: Bytes(self.channel_ciphertext),
            key_commitment: Bytes(self.commitment),
            sealed: Bytes(sealed),
        }
    }

    pub fn associated(&self, session: &Session, h1: &[u8; 32]) -> Vec<u8> {
        let mut out = label("envelope");
        out.extend([&session.id().0[..], h1, &number(self.dealer), &number(self.holder)].concat());
        out.extend(hash("mask-ct", &[&self.mask_ciphertext]));
        out.extend(hash("channel-ct", &[&self.channel_ciphertext]));
        out.extend(self.commitment);
        out
    }
}

/// The cipher of one envelope key.
pub fn cipher(session: &Session, dealer: ClientId, holder: ClientId, key: &[u8; 32]) -> ChaCha20Poly1305 {
    let key: [u8; 32] = kdf(session, "seal-key", key, &[&number(dealer), &number(holder)]);
    ChaCha20Poly1305::new(&key.into())
}

/// The envelope key `K` of a channel encapsulation.
pub fn envelope_key(session: &Session, shared: &[u8; 32], dealer: ClientId, holder: ClientId, ciphertext: &[u8]) -> [u8; 32] {
    kdf(session, "envelope-key", shared, &[&number(dealer), &number(holder), &hash("channel-ct", &[ciphertext])])
}

/// `kc` of an envelope key.
pub fn key_commitment(session: &Session, key: &[u8; 32], dealer: ClientId, holder: ClientId) -> [u8; 32] {
    kdf(session, "key-commit", key, &[&number(dealer), &number(holder)])
}

/// The digest of a package that its dealer signs.
pub fn digest(package: &Package, dealer: ClientId, holder: ClientId) -> [u8; 32] {
    let mask: &[u8] = package.mask_ciphertext.as_ref().map_or(&[], |bytes| &bytes.0);
    let pair = [number(dealer), number(holder)].concat();
    hash("package", &[&pair, mask, &package.channel_ciphertext.0, &package.key_commitment.0, &package.sealed.0])
}
