//! Integer noise, rounding and clipping (docs/privacy.md, sections 4 and 13).

use core::convert::Infallible;

use rand::rand_core::{TryCryptoRng, TryRng};
use veilsum::dp::{Encoding, EncodingSeed, NoiseLaw, NoiseSeed, Rational, Rounding, Sampler};

use super::bytes_of_u32;
use crate::{Case, memcheck::poison};

pub fn cases() -> Vec<Case> {
    vec![
        ("Skellam noise, variance 256: the seed", || drawn(NoiseLaw::Skellam { variance: ratio(256, 1) })),
        ("discrete Gaussian noise, variance 256: the seed", || drawn(NoiseLaw::DiscreteGaussian { variance: ratio(256, 1) })),
        ("discrete Gaussian noise, variance 10^12: the seed", || {
            drawn(NoiseLaw::DiscreteGaussian { variance: ratio(1_000_000_000_000, 1) })
        }),
        ("discrete Laplace noise: the seed", || drawn(NoiseLaw::DiscreteLaplace { noise_parameter: ratio(1, 10) })),
        ("a share of discrete Laplace noise: the seed", || {
            drawn(NoiseLaw::LaplaceShare { noise_parameter: ratio(1, 10), shares: 10 })
        }),
        ("encoding, plain rounding: the coins", || encoded(false)),
        ("encoding, plain rounding: the values", || encoded(true)),
    ]
}

fn ratio(numerator: u64, denominator: u64) -> Rational {
    Rational::new(numerator, denominator).unwrap()
}

/// Gives secret bytes.
struct Coins(u8);

impl TryRng for Coins {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(self.0);
        poison(out);
        Ok(())
    }
}

impl TryCryptoRng for Coins {}

fn drawn(law: NoiseLaw) -> Vec<u8> {
    let sampler = Sampler::constant_time(law).unwrap();
    let seed = NoiseSeed::random(&mut Coins(3)).unwrap();
    let mut values = vec![0_i64; 1024];
    sampler.add(&seed, 0, &mut values);
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Either the values are secret, or the coins of rounding and noise.
fn encoded(secret_values: bool) -> Vec<u8> {
    let planner = Encoding::planner(10, 8, 2, 1000, 1.0, 2.0, 24).rounding(Rounding::Plain);
    let plan = planner.plan().unwrap();
    let sampler = Sampler::constant_time(plan.encoding().sampler().unwrap().law()).unwrap();
    let mut values: Vec<f32> = (0..1000).map(|k| (k as f32 - 500.0) / 16_384.0).collect();
    let seed = if secret_values {
        poison(&mut values);
        EncodingSeed::generate(&mut rand::rng()).unwrap()
    } else {
        EncodingSeed::generate(&mut Coins(4)).unwrap()
    };
    let mut encoder = plan.encoding().encoder(&sampler, &values[..], 1, seed).unwrap();
    let mut words = vec![0_u32; plan.encoding().vector_len() as usize];
    encoder.next_words(&mut words).unwrap();
    bytes_of_u32(&words)
}
