//! Lattice masks, block by block: packed, masked, added up, unmasked.

use veilsum::{
    Ring, SessionId,
    hazmat::{Instructions, LatticeMask, LatticeParameters},
};

use super::{
    super::{
        context::Context,
        node::{At, Node, Outcome},
        parts::ring_of,
        tally::Tally,
    },
    are_brief_bytes, is_brief, power, product, residues, set_of, sizes_of, terms_of, widest, with,
};

/// More words than a block of any set has.
const MAX_WORDS: u64 = 1 << 20;

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

fn size(node: &Node<'_>, bytes: u64) -> Outcome<usize> {
    usize::try_from(bytes).at(node)
}

/// A mask without key and errors, for the sizes of a case.
fn mask_of(case: &Node<'_>, session: SessionId, ring: Ring, instructions: Instructions) -> Outcome<LatticeMask> {
    let (clients, bound) = sizes_of(case)?;
    LatticeMask::new(set_of(case)?, session, clients, ring, bound, instructions).at(case)
}

/// The words of a block, of which there are not too many.
fn words_of(case: &Node<'_>) -> Outcome<u64> {
    let words = case.get("words")?;
    words.holds(words.number()? <= MAX_WORDS, "words of one block")?;
    words.number()
}

/// Without a key a masked block is `t e + pack(v)`.
pub(in super::super) fn pack(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let session = SessionId(group.fixed("sid")?);
    for case in group.list("cases")? {
        tally.case(&case, || one_packing(&case, session));
    }
    Ok(())
}

fn one_packing(case: &Node<'_>, session: SessionId) -> Outcome {
    let block = case.get("block")?.number()?;
    let ring = widest(case)?;
    let words = to_ring(ring, &case.get("words")?.all_signed()?);
    for instructions in Instructions::available() {
        let mut mask = mask_of(case, session, ring, instructions)?;
        mask.set_errors(case.fixed("error_seed")?);
        mask.expand_for_block(&[], block);
        let mut made = vec![0; size(case, mask.wire_len(words.len() as u64))?];
        mask.mask(block, &words, &mut made).at(case)?;
        case.is("wire", &made).map_err(with(instructions))?;
    }
    is_packed(case, session)
}

/// Takes the wire apart into errors and coefficients.
fn is_packed(case: &Node<'_>, session: SessionId) -> Outcome {
    let (wire, errors, coefficients) = (case.get("wire")?, case.get("errors")?.all_signed()?, case.list("coefficients")?);
    case.get("errors")?.same(errors.len(), coefficients.len())?;
    let parameters = LatticeParameters::of(set_of(case)?);
    let plain_bits = mask_of(case, session, widest(case)?, Instructions::Portable)?.geometry().plain_bits();
    let parts = residues(&parameters, &wire.bytes()?, errors.len()).at(&wire)?;
    for (q, residues) in parameters.primes.into_iter().zip(parts) {
        let t = power(2, plain_bits.into(), q);
        for ((residue, error), coefficient) in residues.into_iter().zip(&errors).zip(&coefficients) {
            let error = error.rem_euclid(q.cast_signed()).cast_unsigned();
            let bytes = coefficient.bytes()?;
            let reduced = bytes.iter().rev().fold(0, |value, byte| (product(value, 256, q) + u64::from(*byte)) % q);
            coefficient.same((product(t, error, q) + reduced) % q, residue)?;
        }
    }
    Ok(())
}

pub(in super::super) fn blocks(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let session = SessionId(group.fixed("sid")?);
    for case in group.list("cases")? {
        tally.case(&case, || {
            let mut all = Instructions::available().into_iter();
            all.try_for_each(|instructions| masked_and_unmasked(session, instructions, &case).map_err(with(instructions)))
        });
    }
    Ok(())
}

fn masked_and_unmasked(session: SessionId, instructions: Instructions, case: &Node<'_>) -> Outcome {
    let (ring, block, words) = (ring_of(case)?, case.get("block")?.number()?, words_of(case)?);
    let mut mask = mask_of(case, session, ring, instructions)?;
    let clients = case.list("clients")?;
    let wires = (0..).zip(&clients).map(|(client, node)| masked(&mut mask, case, node, client)).collect::<Outcome<Vec<_>>>()?;
    let wires: Vec<&[u8]> = wires.iter().map(|wire| &wire[..]).collect();
    are_brief_bytes(&case.get("sum_wire")?, &mask.geometry().partial_sum(words, &wires).at(case)?)?;
    mask.expand_for_block(&terms_of(case, "sum_terms")?, block);
    let (mut sums, mut out) = (vec![0; size(case, mask.sums(words))?], vec![0_u64; size(case, words)?]);
    wires.iter().try_for_each(|wire| mask.add(words, wire, &mut sums)).at(case)?;
    mask.unmask(block, &sums, u32::try_from(wires.len()).at(case)?, &mut out).at(case)?;
    let centred: Vec<i64> = out.iter().map(|word| ring.centered(*word)).collect();
    is_brief(&case.get("sum")?, &centred, 8)
}

/// One client's block.
fn masked(mask: &mut LatticeMask, case: &Node<'_>, node: &Node<'_>, client: u64) -> Outcome<Vec<u8>> {
    let (ring, block, words) = (ring_of(case)?, case.get("block")?.number()?, words_of(case)?);
    let bound = case.get("bound")?.number()?;
    let input: Vec<i64> = (0..words).map(|i| word(bound, client, i)).collect();
    is_brief(&node.get("words")?, &input, 8)?;
    mask.expand_for_block(&terms_of(node, "terms")?, block);
    mask.set_errors(node.fixed("error_seed")?);
    let mut wire = vec![0; size(case, mask.wire_len(words))?];
    mask.mask(block, &to_ring(ring, &input), &mut wire).at(node)?;
    are_brief_bytes(&node.get("wire")?, &wire)?;
    if node.opt("wire_whole").is_some() {
        node.is("wire_whole", &wire)?;
    }
    Ok(wire)
}

/// Sums without a key, whose errors are known.
pub(in super::super) fn decode(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let session = SessionId(group.fixed("sid")?);
    for case in group.list("cases")? {
        tally.case(&case, || {
            let mut all = Instructions::available().into_iter();
            all.try_for_each(|instructions| decoded(&case, session, instructions).map_err(with(instructions)))
        });
    }
    Ok(())
}

fn decoded(case: &Node<'_>, session: SessionId, instructions: Instructions) -> Outcome {
    let (ring, words) = (ring_of(case)?, words_of(case)?);
    let survivors = case.get("survivors")?.small()?;
    // What the error was is for the reader: the words or the code follow from it.
    case.get("error")?.signed()?;
    let mut mask = mask_of(case, session, ring, instructions)?;
    let (mut sums, mut out) = (vec![0; size(case, mask.sums(words))?], vec![0_u64; size(case, words)?]);
    mask.add(words, &case.hex("wire")?, &mut sums).at(case)?;
    match (mask.unmask(0, &sums, survivors, &mut out), case.opt("sum")) {
        (Ok(()), Some(sum)) => sum.same(sum.numbers()?, out),
        (said, _) => case.get("code")?.same(Some(case.get("code")?.number()?), said.err().map(|error| error.code().into())),
    }
}
