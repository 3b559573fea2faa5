//! Lattice masks, written a second time from section 11.2 of docs/protocol.md with integers of 128 bits and nothing clever.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};
use veilsum::{Bound, LatticeSet, Masking, Session};

use crate::{
    common::masking::{Shape, block_of, lane_bits, shape},
    dealer::kdf,
    forge::hash,
    rogue::pack,
};

/// Primes with their roots, and the number of the set.
fn primes(set: LatticeSet) -> (u8, &'static [(u64, u64)]) {
    match set {
        LatticeSet::L96 => (1, &[(281_474_976_694_273, 36_835_623_151), (281_474_976_636_929, 27_158_770_669)]),
        LatticeSet::S48 => (4, &[(281_474_976_694_273, 97_960_004_291)]),
        other => panic!("no scenario uses {other:?}"),
    }
}

/// 8-byte integers of AES-256 in counter mode, from this counter block on.
fn keystream(key: [u8; 32], counter: u128) -> impl Iterator<Item = u64> {
    let cipher = Aes256::new(&key.into());
    (counter..).flat_map(move |counter| {
        let mut block = counter.to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        [0, 8].map(|half| u64::from_le_bytes(block[half..half + 8].try_into().unwrap()))
    })
}

fn times(a: u64, b: u64, q: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(b) % u128::from(q)).unwrap()
}

fn power(base: u64, exponent: u64, q: u64) -> u64 {
    (0..64).rev().fold(1, |product, bit| {
        let squared = times(product, product, q);
        if exponent >> bit & 1 == 1 { times(squared, base, q) } else { squared }
    })
}

/// `sum over k of values[k] omega^(k j)` for every j.
fn transform(values: &[u64], omega: u64, q: u64) -> Vec<u64> {
    if values.len() == 1 {
        return values.to_vec();
    }
    let half =
        |first: usize| transform(&values.iter().copied().skip(first).step_by(2).collect::<Vec<_>>(), times(omega, omega, q), q);
    let (even, odd, mut twiddle) = (half(0), half(1), 1);
    let mut out = vec![0; values.len()];
    for (j, (a, b)) in even.iter().zip(&odd).enumerate() {
        let b = times(*b, twiddle, q);
        out[j] = (a + b) % q;
        out[j + even.len()] = (a + q - b) % q;
        twiddle = times(twiddle, omega, q);
    }
    out
}

/// The polynomial that has these values in the slots: in slot `i` that at `psi^(2 brv(i) + 1)`.
fn inverse(slots: &[u64], psi: u64, q: u64) -> Vec<u64> {
    let (n, inverse) = (slots.len(), |x: u64| power(x, q - 2, q));
    let mut values = vec![0; n];
    slots.iter().enumerate().for_each(|(i, slot)| values[i.reverse_bits() >> (n.leading_zeros() + 1)] = *slot);
    let (back, scale) = (inverse(psi), inverse(n as u64));
    let mut twist = scale;
    let mut out = transform(&values, times(back, back, q), q);
    for value in &mut out {
        *value = times(*value, twist, q);
        twist = times(twist, back, q);
    }
    out
}

/// The slots of `A_j` modulo prime `c`.
fn public(session: &Session, set: LatticeSet, place: u64, c: usize) -> Vec<u64> {
    let (number, primes) = primes(set);
    let key = hash("lattice-a", &[&[number], &session.id().0, &u32::try_from(place).unwrap().to_le_bytes()]);
    let Shape { len, bits, .. } = shape(set);
    let integers = keystream(key, (c as u128) << 32).map(|integer| integer & ((1 << bits) - 1));
    integers.filter(|integer| *integer < primes[c].0).take(usize::try_from(len).unwrap()).collect()
}

/// The slots of `U(seed, epoch)` modulo prime `c`.
fn key_term(session: &Session, set: LatticeSet, seed: &[u8; 32], epoch: u64, c: usize) -> Vec<u64> {
    let Shape { len, bits, .. } = shape(set);
    let (len, q) = (usize::try_from(len).unwrap(), primes(set).1[c].0);
    let integers = keystream(kdf(session, "lattice-key", seed, &[&epoch.to_le_bytes()]), 0);
    let own = integers.skip(c * (len + 64)).take(len + 64).map(|integer| integer & ((1 << bits) - 1));
    own.filter(|integer| *integer < q).take(len).collect()
}

/// The wire bytes of a vector under these seeds, each with its sign. The errors are small and no secret: a server can not tell.
pub fn masked(session: &Session, seeds: &[([u8; 32], bool)], words: &[u64]) -> Vec<u8> {
    let block = usize::try_from(block_of(session)).unwrap();
    words.chunks(block).zip(0..).flat_map(|(words, place)| masked_block(session, seeds, place, words)).collect()
}

fn masked_block(session: &Session, seeds: &[([u8; 32], bool)], place: u64, words: &[u64]) -> Vec<u8> {
    let (Masking::Lattice(set), Bound::Exact { max_abs }) = (session.masking(), session.bound()) else { panic!("lattice masks") };
    let Shape { len, bits, plain, .. } = shape(set);
    let (lanes, width) = (block_of(session) / len, lane_bits(session.clients() as u64, max_abs));
    let coefficients = words.len().div_ceil(usize::try_from(lanes).unwrap());
    let ring = veilsum::Ring::new(session.modulus_bits()).unwrap();
    let mut packed = vec![0_u128; coefficients];
    for (i, word) in words.iter().enumerate() {
        let value = u128::try_from(i128::from(ring.centered(*word)) + i128::from(max_abs)).unwrap();
        packed[i % coefficients] += value << (width * u32::try_from(i / coefficients).unwrap());
    }
    let prime = |(c, (q, psi)): (usize, &(u64, u64))| {
        let mut slots = vec![0_u64; usize::try_from(len).unwrap()];
        for (seed, negative) in seeds {
            let term = key_term(session, set, seed, place / 1024, c);
            slots.iter_mut().zip(term).for_each(|(sum, term)| *sum = (*sum + if *negative { q - term } else { term }) % q);
        }
        let public = public(session, set, place % 1024, c);
        slots.iter_mut().zip(public).for_each(|(slot, a)| *slot = times(*slot, a, *q));
        let coefficient = |(i, (mask, packed)): (usize, (u64, &u128))| {
            let error = i128::try_from(i % 13).unwrap() - 6;
            let plain = (error << plain) + i128::try_from(*packed).unwrap() + i128::from(mask);
            u64::try_from(plain.rem_euclid(i128::from(*q))).unwrap()
        };
        let masks = inverse(&slots, *psi, *q);
        pack(u8::try_from(bits).unwrap(), masks.into_iter().zip(&packed).enumerate().map(coefficient))
    };
    primes(set).1.iter().enumerate().flat_map(prime).collect()
}
