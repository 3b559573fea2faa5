//! Hash, KDF, generator, packing, Merkle roots, Ed25519.

use std::{vec, vec::Vec};

use ed25519_dalek::{Signature, VerifyingKey};

use super::json::Node;
use crate::{
    ClientId, SigningIdentity,
    crypto::{kdf::Kdf, merkle::Tree, prg::Stream, secret::Secret, sign::Identity},
    error::{DecodeError, ParamsError},
    hash::{framed_label, hash},
    label::{self, SUITE, kdf as labels},
    mask::pairwise,
    math::ring::Ring,
    session::{Bound, IdentityKey, Session, SessionId},
};

pub(super) fn hashes(rows: &Node<'_>) {
    for row in rows.items() {
        let items: Vec<Vec<u8>> = row.list("items").iter().map(Node::bytes).collect();
        let items: Vec<&[u8]> = items.iter().map(|item| &item[..]).collect();
        row.is("output", &hash(row.get("label").text(), &items));
    }
}

pub(super) fn kdf(section: &Node<'_>) {
    let first = [labels::MASK_ROOT, labels::SELF_SECRET, labels::CHANNEL_KEM, labels::CHANNEL_COINS, labels::VSS];
    let next = [labels::MASK_KEM, labels::MASK_COINS, labels::PAIR_SEED, labels::SELF_SEED, labels::ENVELOPE_KEY];
    let all = [&first[..], &next, &[labels::SEAL_KEY, labels::KEY_COMMIT, labels::PRG_BLOCK]].concat();
    assert_eq!(derivations(section), all);
}

pub(super) fn lattice_kdf(section: &Node<'_>) {
    assert_eq!(derivations(section), [labels::ERROR_SEED, labels::LATTICE_KEY, labels::LATTICE_ERROR]);
}

/// Checks every row; returns their labels.
fn derivations<'a>(section: &Node<'a>) -> Vec<&'a str> {
    let salt = SessionId(section.fixed("salt"));
    let mut seen = Vec::new();
    for row in section.list("rows") {
        let (name, info) = (row.get("label").text(), row.hex("info"));
        row.is("hkdf_info", &[&framed_label(name)[..], &SUITE.to_le_bytes(), &info].concat());
        let kdf = Kdf::new(salt, &row.hex("ikm"));
        match row.get("len").number() {
            64 => {
                let wide: Secret<64> = kdf.expand(name, &[&info]);
                row.is("output", wide.expose());
                if row.opt("scalar").is_some() {
                    row.is("scalar", wide.reduce().to_secret().expose());
                }
            }
            len => {
                assert_eq!(len, 32);
                row.is("output", kdf.expand::<32>(name, &[&info]).expose());
            }
        }
        seen.push(name);
    }
    seen
}

pub(super) fn prg(section: &Node<'_>) {
    let (sid, seed) = (SessionId(section.fixed("sid")), Secret::take(&mut section.fixed("seed")));
    for row in section.list("block_keys") {
        let block = row.get("block").number();
        let key: Secret<32> = Kdf::new(sid, seed.expose()).expand(labels::PRG_BLOCK, &[&block.to_le_bytes()]);
        row.is("key", key.expose());
        let mut words = [0_u32; 8];
        Stream::new(sid, &seed).key(block).apply(0, &mut words, false);
        row.is("keystream_start", &words.map(u32::to_le_bytes).concat());
    }
    for case in section.list("cases") {
        let ring = Ring::new(case.get("modulus_bits").small()).unwrap();
        let expected = case.get("words").numbers();
        let mut masks = pairwise::Masks::with_capacity(sid, 1);
        masks.push(&seed, false);
        assert_eq!(keystream(ring, &masks, case.get("start").number(), expected.len()), expected);
    }
}

fn keystream(ring: Ring, masks: &pairwise::Masks, start: u64, count: usize) -> Vec<u64> {
    let (mut narrow, mut wide) = (vec![0_u32; count], vec![0_u64; count]);
    if ring.bits() <= 32 {
        masks.add_to(start, &mut narrow, &mut None);
        return narrow.iter().map(|word| u64::from(*word) & ring.max()).collect();
    }
    masks.add_to(start, &mut wide, &mut None);
    wide.iter().map(|word| word & ring.max()).collect()
}

pub(super) fn pack(rows: &Node<'_>) {
    for row in rows.items() {
        let ring = Ring::new(row.get("modulus_bits").small()).unwrap();
        let (words, mut packed) = (row.get("words").numbers(), Vec::new());
        ring.pack(&words, &mut packed);
        row.is("packed", &packed);
        let mut unpacked = vec![0; words.len()];
        ring.add_packed(&packed, &mut unpacked);
        assert_eq!(unpacked, words);
        if row.opt("refused").is_some() {
            let refused = row.hex("refused");
            assert_eq!(ring.check_packed(&refused, words.len()), Err(DecodeError::Padding));
            assert_eq!(refused[..packed.len() - 1], packed[..packed.len() - 1], "it differs in padding alone");
            assert_eq!(refused.last().map(|byte| byte ^ 0x80), packed.last().copied());
        }
    }
}

pub(super) fn merkle(rows: &Node<'_>) {
    for row in rows.items() {
        let ring = Ring::new(row.get("modulus_bits").small()).unwrap();
        let (len, chunk_len): (u64, u32) = (row.get("vector_len").number(), row.get("chunk_len").small());
        let (packed, mut tree, mut at) = (row.hex("packed"), Tree::default(), 0);
        let sizes: Vec<usize> = row.list("chunk_bytes").iter().map(Node::small).collect();
        for (leaf, size) in row.list("leaves").iter().zip(&sizes) {
            let words = u64::from(chunk_len).min(len - tree.leaves() * u64::from(chunk_len));
            assert_eq!(ring.packed_len(words), *size as u64);
            let mut hasher = tree.leaf(*size as u64);
            hasher.continue_part(&packed[at..at + *size]);
            let hash = hasher.finish();
            assert_eq!(hash, leaf.array());
            tree.push(hash);
            at += *size;
        }
        assert_eq!((at, tree.leaves()), (packed.len(), sizes.len() as u64));
        let root = tree.root(len, chunk_len);
        row.is("root", &root);
        let top: [u8; 32] = row.fixed("top");
        assert_eq!(hash(label::hash::ROOT, &[&len.to_le_bytes(), &chunk_len.to_le_bytes(), &top]), root);
    }
}

pub(super) fn ed25519(section: &Node<'_>) {
    let identity = SigningIdentity::from_seed(&section.fixed("seed"));
    let (key, message) = (identity.public_key(), section.hex("message"));
    section.is("key", &key.0);
    section.is("signature", &identity.sign(&message).unwrap());
    for refused in section.list("keys_refused") {
        assert_eq!(with_server(IdentityKey(refused.array())), Some(ParamsError::InvalidIdentity(None)));
    }
    let verifier = VerifyingKey::from_bytes(&key.0).unwrap();
    for case in section.list("signatures_refused") {
        let signature = Signature::from_bytes(&case.fixed("signature"));
        let why = case.get("why").text();
        assert!(verifier.verify_strict(&message, &signature).is_err(), "{why}");
    }
}

/// Why a descriptor with this server is refused.
fn with_server(server: IdentityKey) -> Option<ParamsError> {
    let roster = [1, 2, 3].map(|k| (ClientId(k.into()), SigningIdentity::from_seed(&[k; 32]).public_key()));
    Session::builder(roster, server, 1, 8, Bound::Exact { max_abs: 1 }).build().err()
}
