//! A generator that remembers what it gave, and every secret that a client makes of it.
#![allow(unreachable_pub, dead_code, missing_debug_implementations, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::convert::Infallible;

use curve25519_dalek::Scalar;
use rand::{
    rand_core::{TryCryptoRng, TryRng},
    rngs::StdRng,
};
use veilsum::{ClientId, Session};

use crate::dealer::{MASK_ROOT, Polynomials, SELF_SECRET, kdf, number};

/// Secrets by name.
pub type Secrets = Vec<(&'static str, Vec<u8>)>;

/// A generator that remembers what it gave.
pub struct Recorder {
    pub inner: StdRng,
    pub given: Vec<u8>,
}

impl TryRng for Recorder {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.inner.try_fill_bytes(out)?;
        self.given.extend_from_slice(out);
        Ok(())
    }
}

impl TryCryptoRng for Recorder {}

/// What a client derives from the bytes that it drew (sections 5, 8 and 9).
pub fn derive(secrets: &mut Secrets, session: &Session, id: ClientId, drawn: &[u8]) {
    let entropy: Vec<&[u8]> = drawn.chunks(64).collect();
    entropy.iter().for_each(|part| secrets.push(("random bytes", part.to_vec())));
    let scalar = |name, part: &[u8]| Scalar::from_bytes_mod_order_wide(&kdf(session, name, part, &[&number(id)]));
    for (kind, name, part) in [(MASK_ROOT, "mask-root", entropy[0]), (SELF_SECRET, "self-secret", entropy[1])] {
        let secret = scalar(name, part);
        secrets.push((name, secret.as_bytes().to_vec()));
        let polynomials = Polynomials::new(session, id, kind, secret, entropy[3].try_into().unwrap());
        (1..=3).for_each(|index| polynomials.share(index).iter().for_each(|share| secrets.push(("share", share.to_vec()))));
    }
    let seeds: [(_, [u8; 32]); 3] = [
        ("channel seed", kdf(session, "channel-kem", entropy[2], &[&number(id)])),
        ("mask seed", kdf(session, "mask-kem", scalar("mask-root", entropy[0]).as_bytes(), &[&number(id)])),
        ("self seed", kdf(session, "self-seed", scalar("self-secret", entropy[1]).as_bytes(), &[&number(id)])),
    ];
    seeds.iter().for_each(|(name, seed)| secrets.push((name, seed.to_vec())));
    if let Some(part) = entropy.get(4) {
        secrets.push(("error seed", kdf::<32>(session, "error-seed", part, &[&number(id)]).to_vec()));
    }
}
