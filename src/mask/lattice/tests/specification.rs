//! Masked blocks against section 11.2, taken word by word, one keystream block and one coefficient at a time.

use aes::{
    Aes256Enc,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use sha2::{Digest, Sha512_256};

use super::*;

/// The `index`-th 8-byte little-endian integer of AES-256-CTR from a counter block on.
fn integer(key: &[u8; 32], counter: u128, index: u64) -> u64 {
    let mut block = (counter + u128::from(index / 2)).to_be_bytes().into();
    Aes256Enc::new(key.into()).encrypt_block(&mut block);
    u64::from_le_bytes(block[8 * (index % 2) as usize..][..8].try_into().unwrap())
}

/// The first `N` of these integers' low bits that are residues.
fn residues(set: LatticeSet, modulus: Modulus, integers: impl Iterator<Item = u64>) -> Vec<u64> {
    integers.map(|z| z % (1 << modulus.bits())).filter(|value| *value < modulus.value()).take(set.len()).collect()
}

fn part(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes(), bytes].concat()
}

/// The slots of `A_j` modulo prime `c`.
fn polynomial(set: LatticeSet, j: u32, c: usize) -> Vec<u64> {
    let label = [crate::label::DOMAIN, b"lattice-a"].concat();
    let framed = [part(&label), part(&[set.code() - 0x10]), part(&SESSION.0), part(&j.to_le_bytes())].concat();
    let key = Sha512_256::digest(framed).into();
    residues(set, set.primes()[c].0, (0..).map(|k| integer(&key, (c as u128) << 32, k)))
}

/// The slots of `U(seed, epoch)` modulo prime `c`.
fn uniform(set: LatticeSet, client: u64, epoch: u64, c: usize) -> Vec<u64> {
    let key: Secret<32> = seed(client).expand("lattice-key", &[&epoch.to_le_bytes()]);
    let each = set.len() as u64 + 64;
    let integers = (each * c as u64..each * (c as u64 + 1)).map(|k| integer(key.expose(), 0, k));
    residues(set, set.primes()[c].0, integers)
}

/// Coefficient `i` of the polynomial with these slots.
fn coefficient(set: LatticeSet, c: usize, slots: &[u64], i: usize) -> u64 {
    let (modulus, root) = set.primes()[c];
    let n = set.len();
    let inverse = modulus.inverse(root);
    let term = |k: usize| {
        let exponent = 2 * (k.reverse_bits() >> (usize::BITS - set.log_len())) as u64 + 1;
        modulus.product(slots[k], modulus.power(inverse, exponent * i as u64))
    };
    let sum = (0..n).map(term).fold(0, |sum, term| (sum + term) % modulus.value());
    modulus.product(sum, modulus.inverse(n as u64))
}

/// The error of coefficient `i`.
fn error(set: LatticeSet, client: u64, block: u64, i: usize) -> i128 {
    let secret = Secret::take(&mut seed_bytes(7, client));
    let key: Secret<32> = Kdf::new(SESSION, secret.expose()).expand("lattice-error", &[&block.to_le_bytes()]);
    let (upper, lower) = (integer(key.expose(), 0, i as u64), integer(key.expose(), 0, (set.len() + i) as u64));
    let number = u128::from(upper / 2) << 64 | u128::from(lower);
    let size = super::super::error::THRESHOLDS.iter().filter(|threshold| number >= **threshold).count() as i128;
    if upper % 2 == 1 { -size } else { size }
}

/// `(a + 2^shift b) mod q`, for lanes that no machine integer holds.
fn shifted(modulus: Modulus, shift: u32, b: i128) -> u64 {
    let b = b.rem_euclid(i128::from(modulus.value())) as u64;
    modulus.product(modulus.power(2, u64::from(shift)), b)
}

#[test]
fn a_masked_block_is_the_one_specified() {
    let mut rng = StdRng::seed_from_u64(1);
    for (set, (clients, max_abs, bits)) in
        SETS.into_iter().zip([SHAPES[3], SHAPES[2], SHAPES[5], SHAPES[1], SHAPES[6], SHAPES[2], SHAPES[3]])
    {
        let mut bench = Bench::new(Isa::best(), set, clients, max_abs, bits).unwrap();
        let (w, lanes, block) = (bench.geometry.word_bits(), bench.geometry.lanes(), 2 * EPOCH_BLOCKS + 7);
        let words = bench.words(&mut rng, set.len() * lanes - lanes - 1);
        let coefficients = words.len().div_ceil(lanes);
        let seeds = [(4, false), (5, true)];
        let terms: Vec<_> = seeds.iter().map(|(client, negative)| (seed(*client), *negative)).collect();
        let key = EpochKey::expand(set, terms.iter().map(|(seed, negative)| (seed, *negative)), 2);
        let mut wire = vec![0; bench.geometry.wire_len(words.len() as u64) as usize];
        bench.kernel.mask_block(bench.geometry, bench.ring, SESSION, block, &key, &errors(6), &words, &mut wire).unwrap();
        let mut residues = bench.no_sums(words.len());
        bench.add(words.len(), &wire, &mut residues);
        for (c, modulus) in set.moduli().enumerate() {
            let (a, plus, minus) = (polynomial(set, 7, c), uniform(set, 4, 2, c), uniform(set, 5, 2, c));
            let slot = |k: usize| modulus.product(a[k], (plus[k] + modulus.value() - minus[k]) % modulus.value());
            let slots: Vec<u64> = (0..set.len()).map(slot).collect();
            for i in [0, 1, 8, coefficients / 2, coefficients - 1] {
                let lane = |l: usize| {
                    words.get(l * coefficients + i).map_or(0, |word| i128::from(bench.ring.centered(*word)) + i128::from(max_abs))
                };
                let pack = (0..lanes).map(|l| shifted(modulus, w * l as u32, lane(l)));
                let noise = shifted(modulus, bench.geometry.plain_bits(), error(set, 6, block, i));
                let expected =
                    pack.chain([coefficient(set, c, &slots, i), noise]).fold(0, |sum, term| (sum + term) % modulus.value());
                assert_eq!(residues[c * coefficients + i], expected, "{set:?}, prime {c}, coefficient {i}");
            }
        }
    }
}
