//! "An error secret that is never shared, nor derived from `m` or `b`": what a revealed secret must not predict.

use alloc::{vec, vec::Vec};

use super::stage::{BLOCK, Loot, MAX_ABS, Stage};
use crate::{
    ClientId, LatticeSet, Ring,
    crypto::{
        kdf::Kdf,
        keystream::{Keystream, Take},
        secret::{Secret, SecretScalar},
        vss::Kind,
    },
    hash::hash,
    label,
    mask::lattice::{EpochKey, ErrorSource, Kernel},
    math::field::Modulus,
    mutant::{self, Mutant},
};

const VICTIM: ClientId = ClientId(30);
const SET: LatticeSet = LatticeSet::S48;

/// The only prime of the set, and its root.
fn prime() -> (Modulus, u64) {
    SET.primes()[0]
}

/// `a - b` modulo the prime, coefficient by coefficient of two vectors on the wire.
pub(super) fn differences(a: &[u8], b: &[u8]) -> impl Iterator<Item = u64> {
    let unpack = |wire: &[u8]| {
        let mut coefficients = vec![0_u64; wire.len() * 8 / 48];
        // Both blocks are whole, so that they lie on the wire like one.
        SET.wire_ring().add_packed(wire, &mut coefficients);
        coefficients
    };
    let q = prime().0.value();
    unpack(a).into_iter().zip(unpack(b)).map(move |(a, b)| (a + q - b) % q)
}

/// The point of a slot.
fn point(slot: usize) -> u64 {
    let reversed = slot.reverse_bits() >> (usize::BITS - SET.log_len());
    prime().0.power(prime().1, 2 * reversed as u64 + 1)
}

/// Values at the points of the slots, by Horner's rule.
fn slots(polynomial: &[u64]) -> Vec<u64> {
    let modulus = prime().0;
    let at = |x: u64| polynomial.iter().rev().fold(0, |value, c| (modulus.product(value, x) + c) % modulus.value());
    (0..BLOCK).map(|slot| at(point(slot))).collect()
}

/// The public polynomial of a block, slot by slot.
fn public(stage: &Stage, block: u32) -> Vec<u64> {
    struct Keep(u64);
    impl Take for Keep {
        fn take(&mut self, slot: &mut u64, integer: u64) {
            *slot = integer & self.0;
        }
    }
    let key = hash(label::hash::LATTICE_A, &[&[SET.number()], &stage.session.id().0, &block.to_le_bytes()]);
    let mut slots = vec![0; BLOCK];
    Keystream::new(&key).each(0, &mut slots, &mut Keep(prime().0.mask()));
    assert!(slots.iter().all(|slot| *slot < prime().0.value()), "a rejection, which has a chance of 2^-23");
    slots
}

/// What an upload of zeros is under these errors and no key.
fn errors_alone(stage: &Stage, errors: &ErrorSource) -> Vec<u8> {
    let (geometry, session) = (stage.session.geometry().unwrap(), stage.session.id());
    let (mut kernel, ring, none) = (Kernel::new(SET), Ring::new(24).unwrap(), EpochKey::expand(SET, core::iter::empty(), 0));
    let mut wire = vec![0; usize::try_from(geometry.wire_len(2 * BLOCK as u64)).unwrap()];
    let half = wire.len() / 2;
    for (block, wire) in (0..).zip(wire.chunks_mut(half)) {
        kernel.mask_block(geometry, ring, session, block, &none, errors, &[0_u32; BLOCK], wire).unwrap();
    }
    wire
}

/// The server alone, and it deviates in nothing.
///
/// It knows that the victim's words are zero in the first block, say because that layer of the model is frozen; any block that it can
/// guess will do. The victim survives, so its self secret is revealed, and the pair seeds are not. If the errors came from the self
/// secret, the server would take them off both blocks: the first is then the product of the key with a public polynomial, and division
/// slot by slot gives the key, which covers a thousand blocks. With errors that it does not know, the quotient is no key: that is what
/// learning with errors says.
fn attack() -> Result<Loot, &'static str> {
    let mut stage = Stage::lattice(5);
    let joined = stage.join_all();
    let dealt = stage.deal_all(joined);
    let sent = stage.upload_all(dealt);
    let everybody = stage.everybody();
    stage.finish(sent, &everybody).unwrap();

    let known = stage.recover(VICTIM, Kind::SelfSecret, &stage.shares_of(VICTIM)[1]).unwrap();
    let session = stage.session.id();
    let seed: Secret<32> =
        Kdf::new(session, SecretScalar::new(known).expose().as_bytes()).for_client(label::kdf::ERROR_SEED, VICTIM);
    let without_errors: Vec<u64> =
        differences(&stage.seen.wires[&VICTIM], &errors_alone(&stage, &ErrorSource::new(session, &seed))).collect();
    let (modulus, (first, second)) = (prime().0, without_errors.split_at(BLOCK));
    // Slot by slot: the key, from the block that is zero; and the words of the other, from the key.
    let key = slots(first).into_iter().zip(public(&stage, 0)).map(|(y, a)| modulus.product(y, modulus.inverse(a)));
    let masks = key.zip(public(&stage, 1)).map(|(key, a)| modulus.product(key, a));
    let words: Vec<u64> =
        slots(second).into_iter().zip(masks).map(|(y, mask)| (y + modulus.value() - mask) % modulus.value()).collect();
    let words = inverse(&words);
    if words.iter().any(|word| *word > MAX_ABS) {
        return Err("the errors are not those of the self secret");
    }
    let found = vec![0; BLOCK].into_iter().chain(words.into_iter().map(|word| u32::try_from(word).unwrap())).collect();
    Ok(stage.loot(VICTIM, found))
}

/// The polynomial with these slots, by the definition.
fn inverse(slots: &[u64]) -> Vec<u64> {
    let modulus = prime().0;
    let scale = modulus.inverse(BLOCK as u64);
    let mut terms: Vec<(u64, u64)> =
        slots.iter().enumerate().map(|(slot, value)| (modulus.product(*value, scale), modulus.inverse(point(slot)))).collect();
    let mut next = || {
        let sum = terms.iter().fold(0, |sum, (term, _)| (sum + term) % modulus.value());
        terms.iter_mut().for_each(|(term, step)| *term = modulus.product(*term, *step));
        sum
    };
    (0..BLOCK).map(|_| next()).collect()
}

#[test]
fn errors_made_from_a_secret_that_is_revealed_give_the_input_away() {
    assert_eq!(attack().unwrap_err(), "the errors are not those of the self secret");
    let Loot { found, input } = mutant::with(&[Mutant::ErrorsFromSelfSecret], attack).unwrap();
    assert_eq!(found, input);
}
