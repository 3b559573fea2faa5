//! Lattice masks: parameters, transforms, and what is expanded from seeds.

pub(super) mod blocks;

use std::{format, vec, vec::Vec};

use sha2::{Digest as _, Sha256};

use super::json::Node;
use crate::{
    crypto::{kdf::Kdf, secret::Secret},
    error::Error,
    mask::lattice::{EpochKey, ErrorSource, Geometry, Kernel, LatticeSet, epoch, inspect},
    math::{isa::Isa, ntt::Table, ring::Ring},
    session::SessionId,
};

fn set_of(node: &Node<'_>) -> LatticeSet {
    LatticeSet::from_code(0x10 + node.get("set").small::<u8>()).unwrap()
}

fn geometry_of(node: &Node<'_>) -> Geometry {
    Geometry::new(set_of(node), node.get("n").small(), node.get("bound").number()).unwrap()
}

/// The key of the signed seeds under `list`.
fn key_of(node: &Node<'_>, list: &str, set: LatticeSet, session: SessionId, epoch: u64) -> EpochKey {
    let terms: Vec<(Kdf, bool)> = node.list(list).iter().map(|term| term_of(term, session)).collect();
    EpochKey::expand(set, terms.iter().map(|(seed, negative)| (seed, *negative)), epoch)
}

fn term_of(term: &Node<'_>, session: SessionId) -> (Kdf, bool) {
    let sign = term.get("sign").signed();
    assert!([1, -1].contains(&sign));
    (Kdf::new(session, &term.fixed::<32>("seed")), sign < 0)
}

fn no_key(set: LatticeSet, epoch: u64) -> EpochKey {
    EpochKey::expand(set, core::iter::empty(), epoch)
}

fn source_of(seed: &Node<'_>, session: SessionId) -> ErrorSource {
    ErrorSource::new(session, &Secret::take(&mut seed.array()))
}

/// Compares values with a list that is shown by its ends and its hash, each value in so many bytes.
#[track_caller]
fn is_brief(node: &Node<'_>, values: &[i64], size: usize) {
    let signed = |list: &str| node.list(list).iter().map(Node::signed).collect::<Vec<_>>();
    let (first, last) = (signed("first"), signed("last"));
    node.counts("count", values.len() as u64);
    assert_eq!((&values[..first.len()], &values[values.len() - last.len()..]), (&first[..], &last[..]));
    let mut hash = Sha256::new();
    values.iter().for_each(|value| hash.update(&value.to_le_bytes()[..size]));
    node.is("sha256", &hash.finalize());
}

/// The same of bytes.
#[track_caller]
fn are_brief_bytes(node: &Node<'_>, bytes: &[u8]) {
    node.counts("bytes", bytes.len() as u64);
    let (first, last) = (node.hex("first"), node.hex("last"));
    assert_eq!((&bytes[..first.len()], &bytes[bytes.len() - last.len()..]), (&first[..], &last[..]));
    node.is("sha256", &Sha256::digest(bytes));
}

fn signed(values: &[u64]) -> Vec<i64> {
    values.iter().map(|value| value.cast_signed()).collect()
}

pub(super) fn sets(rows: &Node<'_>) {
    assert_eq!(rows.items().len(), LatticeSet::ALL.len());
    for (row, set) in rows.items().iter().zip(LatticeSet::ALL) {
        row.counts("number", set.number());
        assert_eq!(row.get("name").text(), format!("{set:?}"));
        row.counts("degree", set.len() as u64);
        row.counts("prime_bits", set.prime_bits());
        let (primes, roots): (Vec<_>, Vec<_>) = set.primes().iter().map(|(modulus, root)| (modulus.value(), *root)).unzip();
        assert_eq!((row.get("primes").numbers(), row.get("roots").numbers()), (primes, roots));
        for plain in row.list("plain_bits") {
            plain.counts("bits", set.plain_bits(plain.get("n").small()));
        }
    }
}

/// The slots by their definition, and back by the inverse transform of every instruction set.
pub(super) fn transform(rows: &Node<'_>) {
    for row in rows.items() {
        let (set, prime) = (set_of(&row), row.get("prime").number());
        let (modulus, root) = *set.primes().iter().find(|(modulus, _)| modulus.value() == prime).unwrap();
        let exponents = row.get("exponents").numbers();
        let slot = |i: u64| {
            let point = modulus.power(root, 2 * (i.reverse_bits() >> (64 - set.log_len())) + 1);
            exponents.iter().map(|exponent| modulus.power(point, *exponent)).sum::<u64>() % prime
        };
        let slots: Vec<u64> = (0..set.len() as u64).map(slot).collect();
        is_brief(&row.get("slots"), &signed(&slots), 8);
        // A kernel's keys are divided by N.
        let one = modulus.factor(modulus.inverse(set.len() as u64));
        for isa in Isa::available() {
            let mut values = slots.clone();
            let (key, quotients) = (vec![one.value; set.len()], vec![one.quotient; set.len()]);
            Table::new(isa, modulus, root, set.log_len()).inverse_of_product(&mut values, &key, &quotients);
            let found = values.iter().map(|value| modulus.settle(*value));
            assert!(found.eq((0..set.len() as u64).map(|k| u64::from(exponents.contains(&k)))), "{set:?}, {isa:?}");
        }
    }
}

pub(super) fn public(section: &Node<'_>) {
    let session = SessionId(section.fixed("sid"));
    for case in section.list("cases") {
        let slots = inspect::public_slots(set_of(&case), session, case.get("block").number());
        are_slots(&case, &slots);
    }
}

pub(super) fn keys(section: &Node<'_>) {
    let session = SessionId(section.fixed("sid"));
    for case in section.list("cases") {
        let set = set_of(&case);
        let key = key_of(&case, "terms", set, session, case.get("epoch").number());
        are_slots(&case, &inspect::key_slots(set, &key));
    }
}

fn are_slots(case: &Node<'_>, slots: &[Vec<u64>]) {
    let expected = case.list("slots");
    assert_eq!(expected.len(), slots.len());
    expected.iter().zip(slots).for_each(|(expected, slots)| is_brief(expected, &signed(slots), 8));
}

/// Errors at every threshold.
pub(super) fn samples(rows: &Node<'_>) {
    let column = |name: &str| rows.items().iter().map(|row| row.get(name).number()).collect::<Vec<_>>();
    let (first, second) = (column("first"), column("second"));
    let expected: Vec<i64> = rows.items().iter().map(|row| row.get("error").signed()).collect();
    for isa in Isa::available() {
        assert_eq!(inspect::errors(isa, &first, &second), expected, "{isa:?}");
    }
}

/// Errors alone: a block without a key, of words that are as low as can be.
pub(super) fn errors(section: &Node<'_>) {
    let session = SessionId(section.fixed("sid"));
    let source = source_of(&section.get("seed"), session);
    for case in section.list("cases") {
        let (set, block) = (set_of(&case), case.get("block").number());
        let (geometry, ring) = (Geometry::new(set, 2, 1).unwrap(), Ring::new(8).unwrap());
        let words = vec![ring.max(); usize::try_from(geometry.block_len()).unwrap()];
        for isa in Isa::available() {
            let mut wire = vec![0; usize::try_from(geometry.wire_len(words.len() as u64)).unwrap()];
            let (mut kernel, key) = (Kernel::with_isa(set, isa), no_key(set, epoch(block)));
            kernel.mask_block(geometry, ring, session, block, &key, &source, &words, &mut wire).unwrap();
            is_brief(&case.get("errors"), &divided(geometry, &wire), 2);
        }
    }
}

/// The small multiples of `t` that stand on the wire of a full block; the same modulo every prime.
fn divided(geometry: Geometry, wire: &[u8]) -> Vec<i64> {
    let set = geometry.set();
    let mut all = set.moduli().zip(residues(set, wire, set.len())).map(|(modulus, residues)| {
        let inverse = modulus.inverse(modulus.power(2, geometry.plain_bits().into()));
        let value = |residue: &u64| match modulus.product(*residue, inverse) {
            value if value > modulus.value() / 2 => value.cast_signed() - modulus.value().cast_signed(),
            value => value.cast_signed(),
        };
        residues.iter().map(value).collect::<Vec<_>>()
    });
    let first = all.next().unwrap();
    assert!(all.all(|other| other == first));
    first
}

/// What stands on the wire of a block, prime by prime.
fn residues(set: LatticeSet, wire: &[u8], coefficients: usize) -> Vec<Vec<u64>> {
    let part = |bytes: &[u8]| {
        let mut residues = vec![0; coefficients];
        set.wire_ring().add_packed(bytes, &mut residues);
        residues
    };
    wire.chunks(wire.len() / set.primes().len()).map(part).collect()
}

pub(super) fn geometry(rows: &Node<'_>) {
    for row in rows.items() {
        let geometry = Geometry::new(set_of(&row), row.get("n").small(), row.get("bound").number());
        if row.opt("code").is_some() {
            row.counts("code", Error::from(geometry.unwrap_err()).code());
            continue;
        }
        let geometry = geometry.unwrap();
        row.counts("plain_bits", geometry.plain_bits());
        row.counts("lane_bits", geometry.word_bits());
        row.counts("lanes", geometry.lanes() as u64);
        row.counts("block_words", geometry.block_len());
        for line in row.list("lengths") {
            let [words, coefficients, bytes] = line.numbers().try_into().unwrap();
            assert_eq!((geometry.coefficients(words), geometry.wire_len(words)), (coefficients, bytes));
        }
    }
}
