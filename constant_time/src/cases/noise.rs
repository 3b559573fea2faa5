//! Integer noise (docs/privacy.md, section 13).

use veilsum::dp::{NoiseLaw, NoiseSeed, Rational, Sampler};

use super::Coins;
use crate::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("noise", "the seed, Skellam, variance 256", || drawn(NoiseLaw::Skellam { variance: ratio(256, 1) })),
        case("noise", "the seed, discrete Gaussian, variance 256", || {
            drawn(NoiseLaw::DiscreteGaussian { variance: ratio(256, 1) })
        }),
        case("noise", "the seed, discrete Gaussian, variance 10^12", || {
            drawn(NoiseLaw::DiscreteGaussian { variance: ratio(1_000_000_000_000, 1) })
        }),
        case("noise", "the seed, discrete Laplace", || drawn(NoiseLaw::DiscreteLaplace { noise_parameter: ratio(1, 10) })),
        case("noise", "the seed, a share of discrete Laplace", || {
            drawn(NoiseLaw::LaplaceShare { noise_parameter: ratio(1, 10), shares: 10 })
        }),
    ]
}

fn ratio(numerator: u64, denominator: u64) -> Rational {
    Rational::new(numerator, denominator).unwrap()
}

fn drawn(law: NoiseLaw) -> Vec<u8> {
    let sampler = Sampler::constant_time(law).unwrap();
    let seed = NoiseSeed::random(&mut Coins(3)).unwrap();
    let mut values = vec![0_i64; 1024];
    sampler.add(&seed, 0, &mut values);
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
