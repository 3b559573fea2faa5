//! Lattice masks, block by block: packed, masked, added up, unmasked.

use std::{vec, vec::Vec};

use super::{are_brief_bytes, geometry_of, is_brief, key_of, no_key, residues, source_of};
use crate::{
    error::Error,
    mask::lattice::{Geometry, Kernel, Residues, add_blocks, epoch},
    math::{isa::Isa, ring::Ring},
    session::SessionId,
    vectors::json::Node,
};

/// The centred words of the masked blocks: both ends of the range, then numbers without pattern.
fn word(bound: u64, client: u64, i: u64) -> i64 {
    let bound_signed = bound.cast_signed();
    if i < 2 {
        return if (i + client).is_multiple_of(2) { -bound_signed } else { bound_signed };
    }
    let mixed = (i + 1).wrapping_mul(2 * client + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed % (2 * bound + 1)).cast_signed() - bound_signed
}

fn to_ring(ring: Ring, words: &[i64]) -> Vec<u64> {
    words.iter().map(|word| word.cast_unsigned() & ring.max()).collect()
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap()
}

/// Without a key a masked block is `t e + pack(v)`.
pub(in crate::vectors) fn pack(section: &Node<'_>) {
    let session = SessionId(section.fixed("sid"));
    for case in section.list("cases") {
        let (geometry, block) = (geometry_of(&case), case.get("block").number());
        let words: Vec<i64> = case.list("words").iter().map(Node::signed).collect();
        let words = to_ring(Ring::WIDEST, &words);
        let source = source_of(&case.get("error_seed"), session);
        let wire = case.hex("wire");
        for isa in Isa::available() {
            let mut made = vec![0; size(geometry.wire_len(words.len() as u64))];
            let (mut kernel, key) = (Kernel::with_isa(geometry.set(), isa), no_key(geometry.set(), epoch(block)));
            kernel.mask_block(geometry, Ring::WIDEST, session, block, &key, &source, &words, &mut made).unwrap();
            assert_eq!(made, wire, "{geometry:?}, {isa:?}");
        }
        is_packed(&case, geometry, &wire);
    }
}

/// Takes the wire apart into errors and coefficients.
fn is_packed(case: &Node<'_>, geometry: Geometry, wire: &[u8]) {
    let (errors, coefficients) = (case.list("errors"), case.list("coefficients"));
    assert_eq!(errors.len(), coefficients.len());
    let set = geometry.set();
    for (modulus, residues) in set.moduli().zip(residues(set, wire, errors.len())) {
        let q = modulus.value();
        let t = modulus.power(2, geometry.plain_bits().into());
        for ((residue, error), coefficient) in residues.into_iter().zip(&errors).zip(&coefficients) {
            let error = error.signed().rem_euclid(q.cast_signed()).cast_unsigned();
            let bytes = coefficient.bytes();
            let coefficient = bytes.iter().rev().fold(0, |value, byte| (modulus.product(value, 256) + u64::from(*byte)) % q);
            assert_eq!(residue, (modulus.product(t, error) + coefficient) % q);
        }
    }
}

pub(in crate::vectors) fn blocks(section: &Node<'_>) {
    let session = SessionId(section.fixed("sid"));
    for case in section.list("cases") {
        Isa::available().for_each(|isa| masked_and_unmasked(session, isa, &case));
    }
}

fn masked_and_unmasked(session: SessionId, isa: Isa, case: &Node<'_>) {
    let (geometry, ring) = (geometry_of(case), Ring::new(case.get("modulus_bits").small()).unwrap());
    let (block, words) = (case.get("block").number(), case.get("words").number());
    let (mut kernel, clients) = (Kernel::with_isa(geometry.set(), isa), case.list("clients"));
    let mut wires = Vec::new();
    for (client, node) in clients.iter().enumerate() {
        let input: Vec<i64> = (0..words).map(|i| word(geometry.max_abs(), client as u64, i)).collect();
        is_brief(&node.get("words"), &input, 8);
        let key = key_of(node, "terms", geometry.set(), session, epoch(block));
        let source = source_of(&node.get("error_seed"), session);
        let mut wire = vec![0; size(geometry.wire_len(words))];
        kernel.mask_block(geometry, ring, session, block, &key, &source, &to_ring(ring, &input), &mut wire).unwrap();
        are_brief_bytes(&node.get("wire"), &wire);
        if node.opt("wire_whole").is_some() {
            node.is("wire_whole", &wire);
        }
        wires.push(wire);
    }
    let wires: Vec<&[u8]> = wires.iter().map(|wire| &wire[..]).collect();
    let (mut residues, mut packed) = (Residues::new(geometry, words).unwrap(), Vec::new());
    residues.add_wires(0..size(words), &wires).unwrap();
    residues.pack(&mut packed);
    are_brief_bytes(&case.get("sum_wire"), &packed);
    let key = key_of(case, "sum_terms", geometry.set(), session, epoch(block));
    let (mut sums, mut out) = (sums_of(geometry, words), vec![0_u64; size(words)]);
    add_blocks(geometry, &mut sums, &wires);
    let survivors = u32::try_from(wires.len()).unwrap();
    kernel.unmask_block(geometry, ring, session, block, &key, &sums, survivors, &mut out).unwrap();
    let centred: Vec<i64> = out.iter().map(|word| ring.centered(*word)).collect();
    is_brief(&case.get("sum"), &centred, 8);
}

/// Room for the sums of a block's residues.
fn sums_of(geometry: Geometry, words: u64) -> Vec<u64> {
    vec![0; size(geometry.coefficients(words)) * geometry.set().primes().len()]
}

/// Sums without a key, whose errors are known.
pub(in crate::vectors) fn decode(section: &Node<'_>) {
    let session = SessionId(section.fixed("sid"));
    for case in section.list("cases") {
        let (geometry, ring) = (geometry_of(&case), Ring::new(case.get("modulus_bits").small()).unwrap());
        let (words, error) = (case.get("words").number(), case.get("error").signed());
        let (mut sums, survivors) = (sums_of(geometry, words), case.get("survivors").small());
        add_blocks(geometry, &mut sums, &[&case.hex("wire")]);
        for isa in Isa::available() {
            let (mut kernel, key) = (Kernel::with_isa(geometry.set(), isa), no_key(geometry.set(), 0));
            let mut out = vec![0_u64; size(words)];
            match kernel.unmask_block(geometry, ring, session, 0, &key, &sums, survivors, &mut out) {
                Ok(()) => assert_eq!(out, case.get("sum").numbers(), "{geometry:?}, error {error}, {isa:?}"),
                Err(corrupt) => case.counts("code", Error::from(corrupt).code()),
            }
        }
    }
}
