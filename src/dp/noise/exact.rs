//! Slow samplers that are exact by construction: coins of rational probability, and rejection. The tables are compared with them.

use rand_core::Rng;

use super::law::{NoiseLaw, Rational, refused};
use crate::error::PrivacyError;

/// Numerators of a Gaussian variance stay below this, so that squares fit into 128 bits.
const MAX_NUMERATOR: u64 = 1 << 55;
/// A Poisson variable of mean `m` takes time proportional to `m`.
const MAX_SKELLAM: u64 = 1 << 20;

/// Draws from a law with random bits, integers and no table.
#[derive(Clone, Copy, Debug)]
pub struct ExactSampler(NoiseLaw);

impl ExactSampler {
    /// A sampler for `law`.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] for a parameter outside the range of [`NoiseLaw`], or too large for this arithmetic: numerators of a
    /// Gaussian variance from 2^55 on, Skellam variances from 2^20 on.
    pub fn new(law: NoiseLaw) -> Result<Self, PrivacyError> {
        law.check()?;
        match law {
            NoiseLaw::DiscreteGaussian { variance } if variance.numerator() >= MAX_NUMERATOR => {
                Err(refused("variance", "of a numerator below 2^55", variance))
            }
            NoiseLaw::Skellam { variance } if variance.numerator() / variance.denominator() >= MAX_SKELLAM => {
                Err(refused("variance", "below 2^20", variance))
            }
            _ => Ok(Self(law)),
        }
    }

    /// One draw.
    pub fn sample(&self, rng: &mut impl Rng) -> i64 {
        match self.0 {
            NoiseLaw::Skellam { variance } => poisson(rng, variance) - poisson(rng, variance),
            NoiseLaw::DiscreteGaussian { variance } => discrete_gaussian(rng, variance),
            NoiseLaw::DiscreteLaplace { noise_parameter } => {
                discrete_laplace(rng, noise_parameter.numerator().into(), noise_parameter.denominator().into())
            }
            NoiseLaw::LaplaceShare { noise_parameter, shares } => {
                polya(rng, noise_parameter, shares) - polya(rng, noise_parameter, shares)
            }
        }
    }
}

/// Uniform in `0 .. bound`: as many random bits as the largest value has, again and again until they are below `bound`.
fn uniform(rng: &mut impl Rng, bound: u128) -> u128 {
    let mask = u128::MAX.checked_shr((bound - 1).leading_zeros()).unwrap_or(0);
    loop {
        let high = if mask >> 64 == 0 { 0 } else { u128::from(rng.next_u64()) << 64 };
        let value = (high | u128::from(rng.next_u64())) & mask;
        if value < bound {
            return value;
        }
    }
}

/// True with probability `numerator / denominator`: so many of the equally likely values are below the numerator.
fn bernoulli(rng: &mut impl Rng, numerator: u128, denominator: u128) -> bool {
    uniform(rng, denominator) < numerator
}

/// True with probability `exp(-numerator / denominator)` (Canonne, Kamath, Steinke 2020, algorithm 1).
///
/// For an exponent `g` up to 1, the first `k` coins of probability `g, g/2, .., g/k` succeed with probability `g^k / k!`, so the number
/// of successes is even with probability `1 - g + g^2/2! - ..`; a larger exponent is a sum of ones and a rest.
fn bernoulli_exp(rng: &mut impl Rng, numerator: u128, denominator: u128) -> bool {
    let mut rest = numerator;
    while rest > denominator {
        if successes(rng, 1, 1) % 2 == 1 {
            return false;
        }
        rest -= denominator;
    }
    successes(rng, rest, denominator).is_multiple_of(2)
}

/// How many coins of probability `g, g/2, g/3, ..` succeed before the first that does not.
fn successes(rng: &mut impl Rng, numerator: u128, denominator: u128) -> u64 {
    let mut count = 0;
    // The denominator is below 2^116: the product saturates after 2^12 successes, of probability below 1 / 2^12!.
    while bernoulli(rng, numerator, denominator.saturating_mul(u128::from(count) + 1)) {
        count += 1;
    }
    count
}

/// `P(j)` proportional to `exp(-j s / t)` (ibid., algorithm 2): `u + t v` is geometric of ratio `e^(-1/t)`, and `s` of its values make one.
fn geometric(rng: &mut impl Rng, s: u128, t: u128) -> u128 {
    loop {
        let low = uniform(rng, t);
        if bernoulli_exp(rng, low, t) {
            let mut high = 0_u128;
            while bernoulli_exp(rng, 1, 1) {
                high += 1;
            }
            return (low + t * high) / s;
        }
    }
}

/// `P(x)` proportional to `exp(-|x| s / t)` (ibid., algorithm 2): a geometric magnitude and a sign, where zero has one sign only.
fn discrete_laplace(rng: &mut impl Rng, s: u128, t: u128) -> i64 {
    loop {
        let magnitude = i64::try_from(geometric(rng, s, t)).unwrap_or(i64::MAX);
        let negative = bernoulli(rng, 1, 2);
        if !(negative && magnitude == 0) {
            return if negative { -magnitude } else { magnitude };
        }
    }
}

/// `P(x)` proportional to `exp(-x^2 / (2 variance))` (ibid., algorithm 3): rejection from a discrete Laplace law of scale
/// `t = floor(sigma) + 1`, since `exp(-x^2 / 2v) = exp(-|x|/t) exp(-(|x| - v/t)^2 / 2v) constant`.
fn discrete_gaussian(rng: &mut impl Rng, variance: Rational) -> i64 {
    let (n, d) = (u128::from(variance.numerator()), u128::from(variance.denominator()));
    let t = (n / d).isqrt() + 1;
    loop {
        let x = discrete_laplace(rng, 1, t);
        // Beyond 2^127 the exponent is above 2^14: such a proposal, itself of probability below e^-100, is as good as rejected.
        let distance = u128::from(x.unsigned_abs()).checked_mul(d * t).map(|scaled| scaled.abs_diff(n));
        let exponent = distance.and_then(|distance| distance.checked_mul(distance));
        if exponent.is_some_and(|exponent| bernoulli_exp(rng, exponent, 2 * n * d * t * t)) {
            return x;
        }
    }
}

/// A Poisson variable of mean `variance / 2`: the sum of `ceil(variance)` of means `g` up to 1/2.
///
/// The number of successes of [`successes`] is `k` with probability `g^k/k! (1 - g/(k+1))`; to accept it with probability
/// `(1 - g) / (1 - g/(k+1))` leaves `g^k/k!`.
fn poisson(rng: &mut impl Rng, variance: Rational) -> i64 {
    let terms = u128::from(variance.numerator().div_ceil(variance.denominator()));
    let (n, d) = (u128::from(variance.numerator()), 2 * u128::from(variance.denominator()) * terms);
    let mut sum = 0;
    for _ in 0..terms {
        sum += loop {
            let count = successes(rng, n, d);
            let next = u128::from(count) + 1;
            if bernoulli(rng, (d - n) * next, d * next - n) {
                break count.cast_signed();
            }
        };
    }
    sum
}

/// `P(j)` proportional to `q^j r(r + 1)..(r + j - 1) / j!` with `r = 1 / shares`: rejection from the geometric law, one coin of
/// probability `(r + i) / (1 + i)` for each `i < j`.
fn polya(rng: &mut impl Rng, noise_parameter: Rational, shares: u32) -> i64 {
    let (s, t, n) = (noise_parameter.numerator().into(), noise_parameter.denominator().into(), u128::from(shares));
    loop {
        let j = geometric(rng, s, t);
        if (0..j).all(|i| bernoulli(rng, 1 + n * i, n * (1 + i))) {
            return i64::try_from(j).unwrap_or(i64::MAX);
        }
    }
}
