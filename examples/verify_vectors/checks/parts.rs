//! Hash, KDF, generator, packing, Merkle roots, Ed25519.

use ed25519_dalek::{Signature, VerifyingKey};
use veilsum::{
    Bound, ClientId, DecodeError, Error, Identity, IdentityKey, PROTOCOL_VERSION, ParamsError, Ring, SUITE, Session, SessionId,
    SigningIdentity,
    hazmat::{self, Keystreams, MerkleTree, add_packed_u64, pack_u64},
};

use super::{
    context::Context,
    node::{At, Node, Outcome},
    tally::Tally,
};

pub(crate) fn protocol_version(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    tally.case(group, || group.same(group.number()?, PROTOCOL_VERSION.into()));
    Ok(())
}

pub(crate) fn suite(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    tally.case(group, || group.same(group.number()?, SUITE.into()));
    Ok(())
}

pub(crate) fn hashes(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for row in group.items()? {
        tally.case(&row, || {
            let items: Vec<Vec<u8>> = row.list("items")?.iter().map(Node::bytes).collect::<Outcome<_>>()?;
            let items: Vec<&[u8]> = items.iter().map(|item| &item[..]).collect();
            row.is("output", &hazmat::hash(row.get("label")?.text()?, &items))
        });
    }
    Ok(())
}

pub(crate) fn kdf(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let salt = SessionId(group.fixed("salt")?);
    for row in group.list("rows")? {
        tally.case(&row, || derivation(&row, salt));
    }
    Ok(())
}

fn derivation(row: &Node<'_>, salt: SessionId) -> Outcome {
    let (label, info, ikm) = (row.get("label")?.text()?, row.hex("info")?, row.hex("ikm")?);
    row.is("hkdf_info", &[&hazmat::framed_label(label)[..], &SUITE.to_le_bytes(), &info].concat())?;
    match row.get("len")?.number()? {
        64 => {
            let wide = hazmat::derive::<64>(salt, &ikm, label, &info);
            row.is("output", &wide)?;
            row.opt("scalar").map_or(Ok(()), |_| row.is("scalar", &hazmat::reduce(wide)))
        }
        32 => row.is("output", &hazmat::derive::<32>(salt, &ikm, label, &info)),
        other => Err(row.fails("32 or 64 bytes, as the protocol derives them", other)),
    }
}

pub(super) fn ring_of(node: &Node<'_>) -> Outcome<Ring> {
    let bits = node.get("modulus_bits")?;
    Ring::new(bits.small()?).at(&bits)
}

pub(crate) fn prg(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let (sid, seed) = (SessionId(group.fixed("sid")?), group.fixed("seed")?);
    for row in group.list("block_keys")? {
        tally.case(&row, || {
            let block = row.get("block")?.number()?;
            row.is("key", &hazmat::derive::<32>(sid, &seed, "prg-block", &block.to_le_bytes()))?;
            row.is("keystream_start", &hazmat::keystream_start(sid, seed, block))
        });
    }
    for case in group.list("cases")? {
        tally.case(&case, || {
            let (ring, expected) = (ring_of(&case)?, case.get("words")?.numbers()?);
            let mut masks = Keystreams::with_capacity(sid, 1);
            masks.push(seed, false);
            case.same(&expected, &keystream(ring, &mut masks, case.get("start")?.number()?, expected.len()))
        });
    }
    Ok(())
}

fn keystream(ring: Ring, masks: &mut Keystreams, start: u64, count: usize) -> Vec<u64> {
    let (mut narrow, mut wide) = (vec![0_u32; count], vec![0_u64; count]);
    if ring.bits() <= 32 {
        masks.add_u32(start, &mut narrow);
        return narrow.iter().map(|word| u64::from(*word) & ring.max()).collect();
    }
    masks.add_u64(start, &mut wide);
    wide.iter().map(|word| word & ring.max()).collect()
}

/// Words on the wire.
pub(super) fn packed(ring: Ring, words: &[u64]) -> Vec<u8> {
    let mut wire = vec![0; usize::try_from(ring.packed_len(words.len() as u64)).unwrap_or(0)];
    pack_u64(ring, words, &mut wire);
    wire
}

pub(crate) fn pack(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for row in group.items()? {
        tally.case(&row, || one_packing(&row));
    }
    Ok(())
}

fn one_packing(row: &Node<'_>) -> Outcome {
    let (ring, words) = (ring_of(row)?, row.get("words")?.numbers()?);
    row.is("packed", &packed(ring, &words))?;
    let mut unpacked = vec![0; words.len()];
    add_packed_u64(ring, &row.hex("packed")?, &mut unpacked).at(row)?;
    row.same(&words, &unpacked)?;
    let Some(refused) = row.opt("refused") else { return Ok(()) };
    let said = add_packed_u64(ring, &refused.bytes()?, &mut unpacked);
    refused.same(Err(Error::Decode(DecodeError::Padding)), said)
}

pub(crate) fn merkle(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for row in group.items()? {
        tally.case(&row, || one_tree(&row));
    }
    Ok(())
}

fn one_tree(row: &Node<'_>) -> Outcome {
    let ring = ring_of(row)?;
    let (len, chunk_len): (u64, u32) = (row.get("vector_len")?.number()?, row.get("chunk_len")?.small()?);
    let (packed, mut tree, mut words_left) = (row.hex("packed")?, MerkleTree::new(), len);
    let (sizes, leaves) = (row.get("chunk_bytes")?.numbers()?, row.get("leaves")?);
    let mut rest = &packed[..];
    let mut found: Vec<[u8; 32]> = Vec::new();
    for size in &sizes {
        let words = u64::from(chunk_len).min(words_left);
        words_left -= words;
        row.same(*size, ring.packed_len(words))?;
        let (chunk, others) = rest.split_at_checked(usize::try_from(*size).unwrap_or(usize::MAX)).at(row)?;
        found.push(tree.push(chunk));
        rest = others;
    }
    row.holds(rest.is_empty() && words_left == 0, "chunks of the whole vector")?;
    leaves.same(leaves.arrays()?, found)?;
    let root = tree.root(len, chunk_len);
    row.is("root", &root)?;
    let top: [u8; 32] = row.fixed("top")?;
    row.is("root", &hazmat::hash("root", &[&len.to_le_bytes(), &chunk_len.to_le_bytes(), &top]))
}

pub(crate) fn ed25519(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let (identity, message) = (SigningIdentity::from_seed(&group.fixed("seed")?), group.hex("message")?);
    let key = identity.public_key();
    tally.part(group, "key and signature", || {
        group.is("key", &key.0)?;
        group.is("signature", &identity.sign(&message).at(group)?)
    });
    for refused in group.list("keys_refused")? {
        tally.case(&refused, || {
            refused.same(Some(ParamsError::InvalidIdentity(None)), with_server(IdentityKey(refused.array()?)))
        });
    }
    let verifier = VerifyingKey::from_bytes(&key.0).at(group)?;
    for case in group.list("signatures_refused")? {
        tally.case(&case, || {
            let signature = Signature::from_bytes(&case.fixed("signature")?);
            case.holds(verifier.verify_strict(&message, &signature).is_err(), "a signature that is refused")
        });
    }
    Ok(())
}

/// Why a descriptor with this server is refused.
fn with_server(server: IdentityKey) -> Option<ParamsError> {
    let roster = [1, 2, 3].map(|k| (ClientId(k.into()), SigningIdentity::from_seed(&[k; 32]).public_key()));
    Session::builder(roster, server, 1, 8, Bound::Exact { max_abs: 1 }).build().err()
}
