//! Vectors, seeds, and what the private encoding makes of them without a protocol: rounded integers, and the noise by itself.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use veilsum::dp::{Encoding, EncodingSeed, NoiseSeed, Values};

pub fn seed(number: u64) -> EncodingSeed {
    EncodingSeed::generate(&mut StdRng::seed_from_u64(number)).unwrap()
}

/// A vector of norm `norm`.
pub fn vector(length: usize, norm: f64, number: u64) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(number);
    let values: Vec<f64> = (0..length).map(|_| rng.random_range(-1.0..1.0)).collect();
    let factor = norm / l2(&values);
    values.into_iter().map(|value| (value * factor) as f32).collect()
}

pub fn l2(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

pub fn len(encoding: &Encoding) -> usize {
    usize::try_from(encoding.vector_len()).unwrap()
}

/// The integers of a vector before noise.
pub fn rounded(encoding: &Encoding, values: &(impl Values + ?Sized), weight: u32, number: u64) -> Vec<i64> {
    let mut integers = vec![0; len(encoding)];
    encoding.encoder_without_noise(values, weight, seed(number)).unwrap().next_integers(&mut integers).unwrap();
    integers
}

/// The noise that a seed gives: drawn as the encoder draws it, added to nothing.
pub fn noise(encoding: &Encoding, number: u64) -> Vec<i64> {
    let mut rng = StdRng::seed_from_u64(number);
    // The coins of rounding come first.
    rng.fill_bytes(&mut [0; 32]);
    let mut noise = vec![0; len(encoding)];
    encoding.sampler().unwrap().add(&NoiseSeed::random(&mut rng).unwrap(), 0, &mut noise);
    noise
}
