//! Blocks of lattice masks: what is masked, summed and unmasked is the sum, on every instruction set.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "tests"
)]

mod noise;
mod refusals;
mod specification;

use alloc::{vec, vec::Vec};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::crypto::{kdf::Kdf, secret::Secret};

const SESSION: SessionId = SessionId([9; 32]);
const SETS: [LatticeSet; 7] = LatticeSet::ALL;

fn seed_bytes(purpose: u8, client: u64) -> [u8; 32] {
    let mut bytes = [purpose; 32];
    bytes[..8].copy_from_slice(&client.to_le_bytes());
    bytes
}

fn seed(client: u64) -> Kdf {
    Kdf::new(SESSION, &seed_bytes(3, client))
}

fn errors(client: u64) -> ErrorSource {
    ErrorSource::new(SESSION, &Secret::take(&mut seed_bytes(7, client)))
}

fn key(set: LatticeSet, clients: &[u64], epoch: u64) -> EpochKey {
    let seeds: Vec<Kdf> = clients.iter().map(|client| seed(*client)).collect();
    EpochKey::expand(set, seeds.iter().map(|seed| (seed, false)), epoch)
}

/// One session's blocks: a kernel, and what it is called with.
struct Bench {
    kernel: Kernel,
    geometry: Geometry,
    ring: Ring,
}

impl Bench {
    /// `None` if the set can not hold such sums.
    fn new(isa: Isa, set: LatticeSet, clients: usize, max_abs: u64, bits: u8) -> Option<Self> {
        let geometry = Geometry::new(set, clients, max_abs).ok()?;
        Some(Self { kernel: Kernel::with_isa(set, isa), geometry, ring: Ring::new(bits).unwrap() })
    }

    fn mask<W: Word>(&mut self, block: u64, client: u64, words: &[W]) -> Vec<u8> {
        let mut wire = vec![0xff; self.geometry.wire_len(words.len() as u64) as usize];
        let key = key(self.geometry.set(), &[client], epoch(block));
        self.kernel.mask_block(self.geometry, self.ring, SESSION, block, &key, &errors(client), words, &mut wire).unwrap();
        wire
    }

    fn no_sums(&self, words: usize) -> Vec<u64> {
        vec![0; self.geometry.coefficients(words as u64) as usize * self.geometry.set().primes().len()]
    }

    fn add(&self, words: usize, wire: &[u8], sums: &mut [u64]) {
        assert_eq!(wire.len() as u64, self.geometry.wire_len(words as u64));
        add_blocks(self.geometry, sums, &[wire]);
    }

    fn unmask(&mut self, block: u64, clients: &[u64], sums: &[u64], words: usize) -> Result<Vec<u64>, UnmaskError> {
        let mut out = vec![0_u64; words];
        let key = key(self.geometry.set(), clients, epoch(block));
        let survivors = clients.len() as u32;
        self.kernel.unmask_block(self.geometry, self.ring, SESSION, block, &key, sums, survivors, &mut out)?;
        Ok(out)
    }

    /// Masks the words of each client, adds them up and unmasks the sum.
    fn sum_of(&mut self, block: u64, inputs: &[Vec<u64>]) -> Vec<u64> {
        let mut sums = self.no_sums(inputs[0].len());
        let clients: Vec<u64> = (0..inputs.len() as u64).collect();
        for (client, words) in clients.iter().zip(inputs) {
            let wire = self.mask(block, *client, words);
            self.add(words.len(), &wire, &mut sums);
        }
        self.unmask(block, &clients, &sums, inputs[0].len()).unwrap()
    }

    /// Random words, with both ends of the range among them.
    fn words(&self, rng: &mut StdRng, len: usize) -> Vec<u64> {
        let limit = self.geometry.max_abs() as i64;
        let word = |rng: &mut StdRng| match rng.random_range(0..4) {
            0 => limit,
            1 => -limit,
            _ => rng.random_range(-limit..=limit),
        };
        (0..len).map(|_| self.ring.wrap(word(rng))).collect()
    }
}

/// Clients, largest absolute value, bits of a word: lanes of 3 to 64 bits, one to 49 of them.
const SHAPES: [(usize, u64, u8); 8] = [
    (2, 1, 3),
    (3, 500, 12),
    (5, 1 << 15, 20),
    (195, 5000, 24),
    (4, (1 << 32) - 3, 40),
    (2, 1 << 45, 48),
    (3, 1 << 50, 60),
    (4096, (1 << 51) - 1, 64),
];

#[test]
fn the_sum_is_exact_for_every_set_lane_width_and_length_of_block() {
    let mut rng = StdRng::seed_from_u64(1);
    for (isa, set) in Isa::available().flat_map(|isa| SETS.map(|set| (isa, set))) {
        for (clients, max_abs, bits) in SHAPES {
            let Some(mut bench) = Bench::new(isa, set, clients, max_abs, bits) else { continue };
            let full = bench.geometry.block_len() as usize;
            for len in [1, full / 2 + 77, full] {
                let words: Vec<_> = (0..clients.min(3)).map(|_| bench.words(&mut rng, len)).collect();
                let sum = bench.sum_of(5000, &words);
                let expected = |i: usize| words.iter().fold(0_u64, |sum, words| sum.wrapping_add(words[i])) & bench.ring.max();
                assert!((0..len).all(|i| sum[i] == expected(i)), "{isa:?}, {:?}, {len} words", bench.geometry);
            }
        }
    }
}

/// Every client at the same end of the range, so that every lane is as full, or as empty, as it can be.
#[test]
fn no_lane_reaches_into_the_next_when_all_words_are_at_an_end_of_the_range() {
    let mut bench = Bench::new(Isa::best(), LatticeSet::L96, 195, 5000, 24).unwrap();
    let (clients, len): (Vec<u64>, _) = ((0..195).collect(), bench.geometry.lanes() * 10);
    for word in [5000, -5000] {
        let mut sums = bench.no_sums(len);
        for client in &clients {
            let wire = bench.mask(0, *client, &vec![bench.ring.wrap(word); len]);
            bench.add(len, &wire, &mut sums);
        }
        assert_eq!(bench.unmask(0, &clients, &sums, len).unwrap(), vec![bench.ring.wrap(195 * word); len]);
    }
}

#[test]
fn words_of_either_width_give_the_same_bytes_on_every_instruction_set() {
    for set in SETS {
        let mut all = Isa::available().map(|isa| {
            let mut bench = Bench::new(isa, set, 3, 500, 12).unwrap();
            let words = bench.words(&mut StdRng::seed_from_u64(5), bench.geometry.block_len() as usize - 13);
            let narrow: Vec<u32> = words.iter().map(|word| *word as u32).collect();
            let wire = bench.mask(7, 1, &words);
            assert!(wire == bench.mask(7, 1, &narrow), "{isa:?}, {set:?}");
            let mut sums = bench.no_sums(words.len());
            bench.add(words.len(), &wire, &mut sums);
            let mut out = vec![0_u32; words.len()];
            let key = key(set, &[1], 0);
            bench.kernel.unmask_block(bench.geometry, bench.ring, SESSION, 7, &key, &sums, 1, &mut out).unwrap();
            assert!(out == narrow, "{isa:?}, {set:?}");
            wire
        });
        let first = all.next().unwrap();
        assert!(all.all(|wire| wire == first), "{set:?}");
    }
}

/// Pair masks cancel: the keys of two clients with one seed of either sign are that of no seed.
#[test]
fn seeds_of_opposite_sign_cancel() {
    for set in SETS {
        let (pair, own) = (seed(1), seed(2));
        let cancelled = EpochKey::expand(set, [(&pair, false), (&own, true), (&pair, true)].into_iter(), 3);
        let alone = EpochKey::expand(set, [(&own, true)].into_iter(), 3);
        let none = EpochKey::expand(set, core::iter::empty(), 3);
        for prime in 0..set.primes().len() {
            assert!(cancelled.slots(prime) == alone.slots(prime), "{set:?}");
            assert!(none.slots(prime).0.iter().all(|slot| *slot == 0) && alone.slots(prime).0.iter().any(|slot| *slot != 0));
        }
    }
}

/// More terms than are added without a reduction.
#[test]
fn a_key_of_thousands_of_seeds_is_reduced_on_the_way() {
    let (set, seed) = (LatticeSet::S48, seed(1));
    let many = EpochKey::expand(set, core::iter::repeat_n((&seed, true), 4100), 0);
    let one = EpochKey::expand(set, core::iter::once((&seed, false)), 0);
    let modulus = set.primes()[0].0;
    let expected = |slot: &u64| (modulus.value() - modulus.product(*slot, 4100)) % modulus.value();
    assert!(many.slots(0).0.iter().copied().eq(one.slots(0).0.iter().map(expected)));
}

#[test]
fn the_wire_has_the_length_that_the_geometry_says() {
    let table = [(LatticeSet::L96, 24, 3), (LatticeSet::L100, 25, 3), (LatticeSet::L108, 27, 4)];
    for (set, bits_per_word, lanes) in table {
        let geometry = Geometry::new(set, 195, 40_000).unwrap();
        assert_eq!((geometry.word_bits(), geometry.lanes()), (24, lanes), "{set:?}");
        let block = geometry.block_len();
        assert_eq!(block, 4096 * lanes as u64);
        let full = u64::from(set.prime_bits()) * set.primes().len() as u64 * 512;
        assert!(full * 8 >= bits_per_word * block);
        assert_eq!([0, 1, block, block + 1, 3 * block].map(|words| geometry.coefficients(words)), [0, 1, 4096, 4097, 3 * 4096]);
        let one = u64::from(set.prime_bits()).div_ceil(8) * set.primes().len() as u64;
        let expected = [0, one, full, full + one, 3 * full];
        assert_eq!([0, 1, block, block + 1, 3 * block].map(|words| geometry.wire_len(words)), expected, "{set:?}");
    }
}
