//! Lattice masks: parameters, transforms, and what is expanded from seeds.

pub(super) mod blocks;

use sha2::{Digest as _, Sha256};
use veilsum::{
    LatticeSet, Ring, SessionId,
    hazmat::{
        self, Instructions, InverseTransform, LatticeGeometry, LatticeMask, LatticeParameters, add_packed_u64, lattice_errors,
    },
};

use super::{
    context::Context,
    node::{At, Mismatch, Node, Outcome},
    tally::Tally,
};

/// What the code of a set begins with (section 4).
const SET_CODES: u8 = 0x10;

fn set_of(node: &Node<'_>) -> Outcome<LatticeSet> {
    let number = node.get("set")?;
    number.small::<u8>()?.checked_add(SET_CODES).and_then(LatticeSet::from_code).at(&number)
}

/// Words of 64 bits.
fn widest(node: &Node<'_>) -> Outcome<Ring> {
    Ring::new(64).at(node)
}

/// A roster and a bound.
fn sizes_of(node: &Node<'_>) -> Outcome<(usize, u64)> {
    Ok((node.get("n")?.small()?, node.get("bound")?.number()?))
}

/// Seeds, each with whether it is subtracted.
fn terms_of(node: &Node<'_>, list: &str) -> Outcome<Vec<([u8; 32], bool)>> {
    let term = |term: &Node<'_>| {
        let sign = term.get("sign")?;
        sign.holds([1, -1].contains(&sign.signed()?), "1 or -1")?;
        Ok((term.fixed("seed")?, sign.signed()? < 0))
    };
    node.list(list)?.iter().map(term).collect()
}

/// Compares values with a list that is shown by its ends and its hash, each value in so many bytes.
fn is_brief(node: &Node<'_>, values: &[i64], size: usize) -> Outcome {
    let (first, last) = (node.get("first")?.all_signed()?, node.get("last")?.all_signed()?);
    node.counts("count", values.len() as u64)?;
    node.get("first")?.same(&first[..], values.get(..first.len()).unwrap_or_default())?;
    node.get("last")?.same(&last[..], values.get(values.len().saturating_sub(last.len())..).unwrap_or_default())?;
    let mut hash = Sha256::new();
    values.iter().for_each(|value| value.to_le_bytes().iter().take(size).for_each(|byte| hash.update([*byte])));
    node.is("sha256", &hash.finalize())
}

/// The same of bytes.
fn are_brief_bytes(node: &Node<'_>, bytes: &[u8]) -> Outcome {
    node.counts("bytes", bytes.len() as u64)?;
    let (first, last) = (node.hex("first")?.len(), node.hex("last")?.len());
    node.is("first", bytes.get(..first).unwrap_or_default())?;
    node.is("last", bytes.get(bytes.len().saturating_sub(last)..).unwrap_or_default())?;
    node.is("sha256", &Sha256::digest(bytes))
}

fn signed(values: &[u64]) -> Vec<i64> {
    values.iter().map(|value| value.cast_signed()).collect()
}

/// Names the instructions in a mismatch.
fn with(instructions: Instructions) -> impl Fn(Mismatch) -> Mismatch {
    move |mismatch| Mismatch { got: format!("{} ({instructions:?})", mismatch.got), ..mismatch }
}

pub(crate) fn sets(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let rows = group.items()?;
    group.same(rows.len(), LatticeSet::ALL.len())?;
    for (row, set) in rows.iter().zip(LatticeSet::ALL) {
        tally.case(row, || one_set(row, set));
    }
    Ok(())
}

fn one_set(row: &Node<'_>, set: LatticeSet) -> Outcome {
    let ours = LatticeParameters::of(set);
    row.counts("number", ours.number)?;
    row.get("name")?.same(row.get("name")?.text()?, &format!("{set:?}"))?;
    row.counts("degree", ours.degree as u64)?;
    row.counts("prime_bits", ours.prime_bits)?;
    row.get("primes")?.same(row.get("primes")?.numbers()?, ours.primes)?;
    row.get("roots")?.same(row.get("roots")?.numbers()?, ours.roots)?;
    for plain in row.list("plain_bits")? {
        plain.counts("bits", LatticeParameters::plain_bits(set, plain.get("n")?.small()?))?;
    }
    Ok(())
}

fn product(a: u64, b: u64, modulus: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(b) % u128::from(modulus)).unwrap_or(0)
}

fn power(base: u64, exponent: u64, modulus: u64) -> u64 {
    let bits = (0..u64::BITS - exponent.leading_zeros()).rev().map(|bit| exponent >> bit & 1);
    bits.fold(1, |result, bit| {
        let square = product(result, result, modulus);
        if bit == 1 { product(square, base, modulus) } else { square }
    })
}

fn inverse(a: u64, prime: u64) -> u64 {
    power(a, prime - 2, prime)
}

/// The slots by their definition, and back by the inverse transform of every instruction set.
pub(crate) fn transform(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for row in group.items()? {
        tally.case(&row, || one_transform(&row));
    }
    Ok(())
}

fn one_transform(row: &Node<'_>) -> Outcome {
    let (set, prime, exponents) = (set_of(row)?, row.get("prime")?, row.get("exponents")?.numbers()?);
    let parameters = LatticeParameters::of(set);
    let known = parameters.primes.iter().zip(&parameters.roots).enumerate().find(|(_, (q, _))| Ok(**q) == prime.number());
    let (index, (q, root)) = known.at(&prime)?;
    let log_len = parameters.degree.ilog2();
    let slot = |i: u64| {
        let point = power(*root, 2 * (i.reverse_bits() >> (64 - log_len)) + 1, *q);
        exponents.iter().map(|exponent| power(point, *exponent, *q)).fold(0, |sum, value| (sum + value) % q)
    };
    let slots: Vec<u64> = (0..parameters.degree as u64).map(slot).collect();
    is_brief(&row.get("slots")?, &signed(&slots), 8)?;
    for instructions in Instructions::available() {
        let mut values = slots.clone();
        InverseTransform::of_all(set, instructions).nth(index).at(row)?.apply(&mut values);
        let coefficients: Vec<u64> = (0_u64..).zip(&values).filter(|(_, value)| **value % q != 0).map(|(k, _)| k).collect();
        row.get("exponents")?.same(&exponents, &coefficients).map_err(with(instructions))?;
        row.holds(values.iter().all(|value| value % q <= 1), "coefficients that are 0 or 1")?;
    }
    Ok(())
}

pub(crate) fn public(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let session = SessionId(group.fixed("sid")?);
    for case in group.list("cases")? {
        tally.case(&case, || are_slots(&case, &hazmat::public_slots(set_of(&case)?, session, case.get("block")?.number()?)));
    }
    Ok(())
}

pub(crate) fn keys(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let session = SessionId(group.fixed("sid")?);
    for case in group.list("cases")? {
        tally.case(&case, || {
            let mut mask = LatticeMask::new(set_of(&case)?, session, 2, widest(&case)?, 1, Instructions::Portable).at(&case)?;
            mask.expand(&terms_of(&case, "terms")?, case.get("epoch")?.number()?);
            are_slots(&case, &mask.key_slots())
        });
    }
    Ok(())
}

fn are_slots(case: &Node<'_>, slots: &[Vec<u64>]) -> Outcome {
    let expected = case.list("slots")?;
    case.get("slots")?.same(expected.len(), slots.len())?;
    expected.iter().zip(slots).try_for_each(|(expected, slots)| is_brief(expected, &signed(slots), 8))
}

/// Errors at every threshold: of all pairs at once, as the kernels for several lanes take them, and of each alone.
pub(crate) fn samples(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let rows = group.items()?;
    let column = |name: &str| rows.iter().map(|row| row.get(name)?.number()).collect::<Outcome<Vec<_>>>();
    let (first, second) = (column("first")?, column("second")?);
    let all = |instructions| (instructions, lattice_errors(instructions, &first, &second));
    let together: Vec<_> = Instructions::available().into_iter().map(all).collect();
    for (place, (row, pair)) in rows.iter().zip(first.iter().zip(&second)).enumerate() {
        tally.case(row, || {
            let error = row.get("error")?;
            let expected = Some(error.signed()?);
            together.iter().try_for_each(|(instructions, all)| {
                let alone = lattice_errors(*instructions, &[*pair.0], &[*pair.1]);
                error.same(expected, all.get(place).copied()).map_err(with(*instructions))?;
                error.same(expected, alone.first().copied()).map_err(with(*instructions))
            })
        });
    }
    Ok(())
}

/// Errors alone: a block without a key, of words that are as low as can be.
pub(crate) fn errors(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let (session, seed) = (SessionId(group.fixed("sid")?), group.fixed("seed")?);
    for case in group.list("cases")? {
        tally.case(&case, || {
            let (set, block) = (set_of(&case)?, case.get("block")?.number()?);
            let ring = Ring::new(8).at(&case)?;
            for instructions in Instructions::available() {
                let mut mask = LatticeMask::new(set, session, 2, ring, 1, instructions).at(&case)?;
                mask.set_errors(seed);
                mask.expand_for_block(&[], block);
                let words = vec![ring.max(); usize::try_from(mask.block_len()).at(&case)?];
                let mut wire = vec![0; usize::try_from(mask.wire_len(words.len() as u64)).at(&case)?];
                mask.mask(block, &words, &mut wire).at(&case)?;
                let errors = divided(set, mask.geometry(), &wire).at(&case)?;
                is_brief(&case.get("errors")?, &errors, 2).map_err(with(instructions))?;
            }
            Ok(())
        });
    }
    Ok(())
}

/// The small multiples of `t` that stand on the wire of a full block; nothing if they are not the same modulo every prime.
fn divided(set: LatticeSet, geometry: LatticeGeometry, wire: &[u8]) -> Option<Vec<i64>> {
    let parameters = LatticeParameters::of(set);
    let residues = residues(&parameters, wire, parameters.degree)?;
    let mut all = parameters.primes.iter().zip(&residues).map(|(q, residues)| {
        let scale = inverse(power(2, geometry.plain_bits().into(), *q), *q);
        let value = |residue: &u64| match product(*residue, scale, *q) {
            value if value > q / 2 => value.cast_signed() - q.cast_signed(),
            value => value.cast_signed(),
        };
        residues.iter().map(value).collect::<Vec<_>>()
    });
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// What stands on the wire of a block, prime by prime; nothing if it has another length.
fn residues(parameters: &LatticeParameters, wire: &[u8], coefficients: usize) -> Option<Vec<Vec<u64>>> {
    let ring = Ring::new(u8::try_from(parameters.prime_bits).ok()?)?;
    let part = |bytes: &[u8]| {
        let mut residues = vec![0; coefficients];
        add_packed_u64(ring, bytes, &mut residues).ok().map(|()| residues)
    };
    let bytes = wire.len().checked_div(parameters.primes.len())?;
    if bytes == 0 {
        return None;
    }
    let parts: Vec<_> = wire.chunks(bytes).map(part).collect::<Option<_>>()?;
    (parts.len() == parameters.primes.len()).then_some(parts)
}

pub(crate) fn geometry(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for row in group.items()? {
        tally.case(&row, || one_geometry(&row));
    }
    Ok(())
}

fn one_geometry(row: &Node<'_>) -> Outcome {
    let (clients, bound) = sizes_of(row)?;
    let geometry = LatticeGeometry::new(set_of(row)?, clients, bound);
    if let Some(code) = row.opt("code") {
        return code.same(Some(code.number()?), geometry.err().map(|error| error.code().into()));
    }
    let geometry = geometry.at(row)?;
    row.counts("plain_bits", geometry.plain_bits())?;
    row.counts("lane_bits", geometry.lane_bits())?;
    row.counts("lanes", geometry.lanes() as u64)?;
    row.counts("block_words", geometry.block_len())?;
    for line in row.list("lengths")? {
        let numbers = line.numbers()?;
        let [words, ..] = numbers[..] else { return Err(line.fails("words, coefficients, bytes", "an empty list")) };
        line.same(numbers, vec![words, geometry.coefficients(words), geometry.wire_len(words)])?;
    }
    Ok(())
}
