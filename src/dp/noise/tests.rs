//! Tests of what is inside: probabilities, tables, plans, scripted words. Statistics of draws are in `tests/noise.rs`.

mod arithmetic;
mod lint;
mod plans;
mod scripted;
mod tables;
mod timing;

use super::*;

fn ratio(numerator: u64, denominator: u64) -> Rational {
    Rational::new(numerator, denominator).unwrap()
}

fn skellam(numerator: u64, denominator: u64) -> NoiseLaw {
    NoiseLaw::Skellam { variance: ratio(numerator, denominator) }
}

fn gaussian(numerator: u64, denominator: u64) -> NoiseLaw {
    NoiseLaw::DiscreteGaussian { variance: ratio(numerator, denominator) }
}

fn laplace(numerator: u64, denominator: u64) -> NoiseLaw {
    NoiseLaw::DiscreteLaplace { noise_parameter: ratio(numerator, denominator) }
}

fn laplace_share(numerator: u64, denominator: u64, shares: u32) -> NoiseLaw {
    NoiseLaw::LaplaceShare { noise_parameter: ratio(numerator, denominator), shares }
}
