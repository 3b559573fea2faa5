//! Published vectors through the wrappers of this module, and what the wrappers add to the primitives.
//!
//! Where a wrapper frames its input so that a published vector can not pass through it, the vector goes through the crate underneath
//! as it is linked, and the framing is checked against the specification. Where the vectors come from: `tests/data/README.md`.

mod kdf;
mod kem;
mod merkle;
mod prg;
mod ristretto;
mod seal;
mod secrecy;
mod sign;
mod vss;

use alloc::vec::Vec;
use core::fmt;

use rand::{SeedableRng, rngs::StdRng};
use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha512, Sha512_256};

use crate::session::SessionId;

/// A generator that gives every run of a test the same bytes.
fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A generator that fails after `left` draws of bytes.
struct Failing {
    left: usize,
}

#[derive(Debug)]
struct Exhausted;

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("exhausted")
    }
}

impl core::error::Error for Exhausted {}

impl TryRng for Failing {
    type Error = Exhausted;

    fn try_next_u32(&mut self) -> Result<u32, Exhausted> {
        Err(Exhausted)
    }

    fn try_next_u64(&mut self) -> Result<u64, Exhausted> {
        Err(Exhausted)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(1).ok_or(Exhausted)?;
        bytes.fill(1);
        Ok(())
    }
}

impl TryCryptoRng for Failing {}

const SESSION: SessionId = SessionId([0x5a; 32]);

fn hex_vec(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn hex_array<const N: usize>(text: &str) -> [u8; N] {
    hex_vec(text).try_into().unwrap()
}

/// `LV(x)` of section 2.
fn lv(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat()
}

/// `LV("veilsum/3/" || label)`, written anew.
fn label(name: &str) -> Vec<u8> {
    lv(&[b"veilsum/3/", name.as_bytes()].concat())
}

/// `H` of section 2, written anew.
fn h(name: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut input = label(name);
    parts.iter().for_each(|part| input.extend(lv(part)));
    Sha512_256::digest(input).into()
}

/// HMAC-SHA-512 (RFC 2104), written anew.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 64] {
    let mut block = [0; 128];
    if key.len() > block.len() {
        block[..64].copy_from_slice(&Sha512::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha512::digest([&pad(0x36)[..], message].concat());
    Sha512::digest([&pad(0x5c)[..], &inner].concat()).into()
}

/// `KDF(label, ikm, info, len)` of section 5 for at most 64 bytes: one block of RFC 5869.
fn kdf_by_hand(name: &str, key_material: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    let full = [&label(name)[..], &1_u16.to_le_bytes(), info, &[1]].concat();
    hmac(&hmac(&SESSION.0, key_material), &full)[..len].to_vec()
}

/// Every set of `size` of the indices `1..=n`, ascending.
fn subsets(n: u32, size: u32) -> impl Iterator<Item = Vec<u32>> {
    let members = move |set: u32| (1..=n).filter(move |index| set >> (index - 1) & 1 == 1).collect();
    (0..1_u32 << n).filter(move |set| set.count_ones() == size).map(members)
}

#[test]
fn the_hash_is_sha_512_256_of_the_framed_parts() {
    let parts: [&[u8]; 3] = [b"", b"abc", &[7; 300]];
    assert_eq!(crate::hash::hash("any", &parts), h("any", &parts));
    // Frames keep parts apart.
    assert_ne!(crate::hash::hash("any", &[b"ab", b"c"]), crate::hash::hash("any", &[b"a", b"bc"]));
}

#[test]
fn a_hash_in_pieces_is_the_hash_of_the_whole() {
    let mut hasher = crate::hash::Hasher::new("any");
    hasher.part(b"first");
    hasher.begin_part(6);
    [&b"se"[..], b"", b"cond"].into_iter().for_each(|piece| hasher.continue_part(piece));
    assert_eq!(hasher.finish(), h("any", &[b"first", b"second"]));
}

/// FIPS 180-4 gives no framed message, so the function underneath is checked with NIST's example for "abc".
#[test]
fn sha_512_256_is_the_one_of_fips_180_4() {
    let expected = hex_vec("53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
    assert_eq!(Sha512_256::digest(b"abc").to_vec(), expected);
}
