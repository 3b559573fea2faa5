//! What the number of steps tells about noise (Jin, McMurtry, Rubinstein and Ohrimenko, "Are we there yet? Timing and floating-point attacks on
//! differential privacy systems", 2022): everything where a loop stops with the noise, nothing in tables. Steps are counted, not timed;
//! `benches/timing.rs` takes the time.

use std::vec::Vec;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::dp::noise::{exact::ExactSampler, weights::Weights};

/// Counts the words that are taken.
struct Counting {
    rng: StdRng,
    words: u32,
}

impl rand_core::TryRng for Counting {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!()
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.words += 1;
        Ok(self.rng.next_u64())
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        unreachable!()
    }
}

/// The correlation coefficient of pairs.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let mean =
        |value: fn(&(f64, f64)) -> f64| pairs.iter().map(value).sum::<f64>() / f64::from(u32::try_from(pairs.len()).unwrap());
    let (a, b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let product = |left: fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| left(x - a, y - b)).sum::<f64>();
    product(|x, y| x * y) / (product(|x, _| x * x) * product(|_, y| y * y)).sqrt()
}

#[test]
fn the_attack_reads_the_noise_from_the_steps_of_a_sampler_that_loops() {
    for law in [laplace(1, 20), laplace_share(1, 20, 2)] {
        let (sampler, mut rng) = (ExactSampler::new(law).unwrap(), Counting { rng: StdRng::seed_from_u64(1), words: 0 });
        let draws: Vec<(f64, f64)> = (0..5000)
            .map(|_| {
                rng.words = 0;
                let draw = u32::try_from(sampler.sample(&mut rng).unsigned_abs()).unwrap();
                (draw.into(), rng.words.into())
            })
            .collect();
        let found = correlation(&draws);
        assert!(found > 0.25, "{law:?}: {found}");
    }
}

/// So there is nothing to count: a coordinate takes as many words as the law has parts, each gives one draw, and no draw moves another.
#[test]
fn each_draw_of_a_table_takes_its_own_word_and_no_other() {
    let mut rng = StdRng::seed_from_u64(2);
    for weights in [Weights::skellam(50, 1, 1), Weights::gaussian(7, 2, 1), Weights::laplace(1, 20), Weights::polya(1, 20, 2)] {
        let weights = weights.unwrap();
        for table in [Table::Alias(Alias::new(&weights).unwrap()), Table::Scan(Scan::new(&weights))] {
            let words: [u64; BUFFER] = core::array::from_fn(|_| rng.next_u64());
            let (mut draws, mut again) = ([0; BUFFER], [0; BUFFER]);
            assert!(!table.draw(&words, &mut draws), "no word of these is left open");
            for place in [0, 1, 7, 255, BUFFER - 1] {
                for word in [0, 1, u64::MAX >> 1, u64::MAX - 1, rng.next_u64(), rng.next_u64()] {
                    let mut changed = words;
                    changed[place] = word;
                    table.draw(&changed, &mut again);
                    assert!((0..BUFFER).all(|other| other == place || again[other] == draws[other]));
                }
            }
        }
    }
}
