//! Statistics of noise, with fixed seeds: 10^7 draws of each law, and fewer where a property is not that of one law.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests"
)]

#[path = "noise/laws.rs"]
mod laws;

use laws::{Counts, Half, moment, suspicions, suspicions_of};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use veilsum::{
    PrivacyError,
    dp::{ExactSampler, NOISE_BLOCK, NoiseLaw, NoiseSeed, Rational, Sampler},
};

/// Of each law, against its probabilities.
const ALL_DRAWS: usize = 10_000_000;
const DRAWS: usize = 1_000_000;

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

fn share(numerator: u64, denominator: u64, shares: u32) -> NoiseLaw {
    NoiseLaw::LaplaceShare { noise_parameter: ratio(numerator, denominator), shares }
}

fn seed(number: u64) -> NoiseSeed {
    NoiseSeed::random(&mut StdRng::seed_from_u64(number)).unwrap()
}

/// One way to build a sampler.
type Build = fn(NoiseLaw) -> Result<Sampler, PrivacyError>;

const BUILDS: [Build; 2] = [Sampler::new, Sampler::constant_time];

fn draws(sampler: &Sampler, seed: &NoiseSeed, count: usize) -> Vec<i64> {
    let mut values = vec![0; count];
    sampler.add(seed, 0, &mut values);
    values
}

/// The law's draws in this way, `count` of them, are as they should be.
fn passes(build: Build, law: NoiseLaw, half: &Half, count: usize) {
    let (sampler, seed, mut counts) = (build(law).unwrap(), seed(1), Counts::of(half));
    let mut values = [0; 16 * NOISE_BLOCK];
    for (block, start) in (0..).step_by(16).zip((0..count).step_by(values.len())) {
        let values = &mut values[..(count - start).min(16 * NOISE_BLOCK)];
        values.fill(0);
        sampler.add(&seed, block, values);
        counts.add(values);
    }
    let found = suspicions_of(&counts, half);
    assert!(found.is_empty(), "{law:?}: {found:?}");
}

#[test]
fn skellam_noise_has_its_law() {
    for (numerator, denominator) in [(1, 40), (1, 4), (2, 1), (1000, 3), (10_000, 1), (1_000_000, 1)] {
        passes(Sampler::new, skellam(numerator, denominator), &laws::skellam(numerator as f64 / denominator as f64), ALL_DRAWS);
    }
}

#[test]
fn discrete_gaussian_noise_has_its_law() {
    for (numerator, denominator) in [(1, 4), (1, 1), (100, 7), (10_000, 1), (1_000_000, 1), (100_000_000, 1)] {
        passes(Sampler::new, gaussian(numerator, denominator), &laws::gaussian(numerator as f64 / denominator as f64), ALL_DRAWS);
    }
}

#[test]
fn discrete_laplace_noise_has_its_law() {
    for (numerator, denominator) in [(3, 1), (1, 1), (1, 20), (1, 700), (2, 100_001)] {
        passes(Sampler::new, laplace(numerator, denominator), &laws::laplace(numerator as f64 / denominator as f64), ALL_DRAWS);
    }
}

#[test]
fn constant_time_noise_has_its_law() {
    let count = DRAWS / 5;
    passes(Sampler::constant_time, skellam(5, 2), &laws::skellam(2.5), count);
    passes(Sampler::constant_time, gaussian(256, 1), &laws::gaussian(256.0), count);
    passes(Sampler::constant_time, gaussian(1_000_000, 1), &laws::gaussian(1e6), count);
    passes(Sampler::constant_time, laplace(1, 50), &laws::laplace(0.02), count);
    passes(Sampler::constant_time, share(1, 2, 3), &laws::laplace_shares(0.5, 1.0 / 3.0), count);
}

#[test]
fn the_exact_samplers_have_the_same_laws() {
    let cases = [
        (skellam(5, 2), laws::skellam(2.5)),
        (gaussian(1, 4), laws::gaussian(0.25)),
        (gaussian(10_000, 3), laws::gaussian(10_000.0 / 3.0)),
        (laplace(2, 7), laws::laplace(2.0 / 7.0)),
        (share(2, 3, 4), laws::laplace_shares(2.0 / 3.0, 0.25)),
    ];
    for (law, half) in cases {
        let (sampler, mut rng) = (ExactSampler::new(law).unwrap(), StdRng::seed_from_u64(5));
        let draws: Vec<i64> = (0..DRAWS / 20).map(|_| sampler.sample(&mut rng)).collect();
        assert!(suspicions(&draws, &half).is_empty(), "{law:?}: {:?}", suspicions(&draws, &half));
    }
}

/// Coordinate by coordinate, the sum of the shares of `clients` clients.
fn summed(law: NoiseLaw, clients: u64, count: usize) -> Vec<i64> {
    let sampler = Sampler::new(law).unwrap();
    let mut values = vec![0; count];
    (0..clients).for_each(|client| sampler.add(&seed(100 + client), 0, &mut values));
    values
}

#[test]
fn skellam_shares_add_up_to_the_skellam_law_of_as_many_variances() {
    for clients in [2, 7, 10] {
        let found = suspicions(&summed(skellam(3, 10), clients, DRAWS / 5), &laws::skellam(0.3 * clients as f64));
        assert!(found.is_empty(), "{clients} shares: {found:?}");
    }
}

#[test]
fn laplace_shares_add_up_to_the_laplace_law_and_fewer_to_the_generalised_one() {
    for (clients, half) in [(5, laws::laplace(0.25)), (3, laws::laplace_shares(0.25, 0.6)), (1, laws::laplace_shares(0.25, 0.2))]
    {
        let found = suspicions(&summed(share(1, 4, 5), clients, DRAWS / 5), &half);
        assert!(found.is_empty(), "{clients} of 5 shares: {found:?}");
    }
}

#[test]
fn fewer_shares_than_planned_are_noticed() {
    assert!(!suspicions(&summed(skellam(3, 10), 9, DRAWS / 5), &laws::skellam(3.0)).is_empty());
    assert!(!suspicions(&summed(share(1, 4, 5), 4, DRAWS / 5), &laws::laplace(0.25)).is_empty());
}

/// Mean, variance and fourth moment, in standard deviations.
fn moments(draws: &[i64], second: f64, fourth: f64, eighth: f64) -> [f64; 3] {
    let n = draws.len() as f64;
    let sum = |power: i32| draws.iter().map(|x| (*x as f64).powi(power)).sum::<f64>() / n;
    [
        sum(1) / (second / n).sqrt(),
        (sum(2) - second) / ((fourth - second * second) / n).sqrt(),
        (sum(4) - fourth) / ((eighth - fourth * fourth) / n).sqrt(),
    ]
}

#[test]
fn moments_are_right_for_every_width_from_one_half_to_a_billion() {
    // sigma^2, from sigma = 1/2 on.
    for (numerator, denominator) in [
        (1, 4),
        (1, 1),
        (9, 2),
        (64, 1),
        (3_000, 1),
        (1_000_000, 1),
        (10_u64.pow(8) + 1, 3),
        (10_u64.pow(12), 1),
        (10_u64.pow(18), 1),
    ] {
        let v = numerator as f64 / denominator as f64;
        let half = (v < 20.0).then(|| laws::gaussian(v));
        let of_gaussian =
            half.map_or([v, 3.0 * v.powi(2), 105.0 * v.powi(4)], |half| [2, 4, 8].map(|power| moment(&half, power)));
        let half = (v < 100.0).then(|| laws::skellam(v));
        let of_skellam = half.map_or([v, 3.0 * v * v + v, 105.0 * v.powi(4)], |half| [2, 4, 8].map(|power| moment(&half, power)));
        for (law, [second, fourth, eighth]) in
            [(gaussian(numerator, denominator), of_gaussian), (skellam(numerator, denominator), of_skellam)]
        {
            for build in BUILDS {
                let scores = moments(&draws(&build(law).unwrap(), &seed(2), DRAWS / 8), second, fourth, eighth);
                assert!(scores.iter().all(|score| score.abs() < 5.0), "{law:?}: {scores:?}");
            }
        }
    }
}

#[test]
fn wide_noise_is_even_over_residues_and_parts_leave_no_trace() {
    for law in [skellam(10_u64.pow(12), 1), gaussian(10_u64.pow(12), 1), laplace(1, 1_000_000)] {
        for build in BUILDS {
            let draws = draws(&build(law).unwrap(), &seed(3), DRAWS / 8);
            for modulus in [2_i64, 3, 5, 7, 11, 16, 53, 97, 1024] {
                let mut counts = vec![0.0; modulus as usize];
                draws.iter().for_each(|x| counts[x.rem_euclid(modulus) as usize] += 1.0);
                let (expected, degrees) = (draws.len() as f64 / modulus as f64, modulus as f64 - 1.0);
                let statistic: f64 = counts.iter().map(|count: &f64| (count - expected).powi(2) / expected).sum();
                assert!((statistic - degrees) / (2.0 * degrees).sqrt() < 7.0, "{law:?} mod {modulus}: {statistic}");
            }
        }
    }
}

#[test]
fn broken_samplers_are_caught() {
    for (law, half) in
        [(skellam(9, 1), laws::skellam(9.0)), (gaussian(9, 1), laws::gaussian(9.0)), (laplace(1, 2), laws::laplace(0.5))]
    {
        let draws = draws(&Sampler::new(law).unwrap(), &seed(4), DRAWS);
        assert!(suspicions(&draws, &half).is_empty());
        let mut rng = StdRng::seed_from_u64(6);
        let mut broken = |name: &str, change: &mut dyn FnMut(i64, &mut StdRng) -> i64| {
            let changed: Vec<i64> = draws.iter().map(|x| change(*x, &mut rng)).collect();
            assert!(!suspicions(&changed, &half).is_empty(), "{name} is not noticed");
        };
        let zero = half[0];
        broken("noise halved", &mut |x, _| x / 2);
        broken("one sign in a hundred wrong", &mut |x, rng| if rng.random_bool(0.01) { x.abs() } else { x });
        broken("zero counted twice", &mut |x, rng| if rng.random_bool(zero / (1.0 + zero)) { 0 } else { x });
        broken("a tie between two values", &mut |x, rng| if x == 2 && rng.random_bool(0.05) { 3 } else { x });
        broken("no tails", &mut |x, _| x.clamp(-9, 9));
        broken("one per cent more variance", &mut |x, rng| {
            x + i64::from(rng.random_bool(0.06)) - i64::from(rng.random_bool(0.06))
        });
    }
}

#[test]
fn noise_is_added_and_depends_on_neither_order_nor_pieces_nor_threads() {
    let len = 5 * NOISE_BLOCK / 2;
    for law in [skellam(10_u64.pow(10), 1), share(1, 10, 3)] {
        for build in BUILDS {
            let (sampler, seed) = (build(law).unwrap(), seed(7));
            let whole = draws(&sampler, &seed, len);
            let mut values: Vec<i64> = (0..len as i64).collect();
            std::thread::scope(|scope| {
                for (block, values) in values.chunks_mut(NOISE_BLOCK).enumerate().rev() {
                    let (sampler, seed) = (&sampler, &seed);
                    scope.spawn(move || sampler.add(seed, block as u64, values));
                }
            });
            assert!(values.iter().enumerate().all(|(place, value)| *value == place as i64 + whole[place]));
            let mut short = [0; 3];
            sampler.add(&seed, 1, &mut short);
            assert_eq!(short, whole[NOISE_BLOCK..NOISE_BLOCK + 3], "a short block is the beginning of a long one");
        }
    }
}

#[test]
fn seeds_purposes_numbers_and_blocks_give_different_noise() {
    let sampler = Sampler::new(gaussian(1 << 40, 1)).unwrap();
    let root = seed(8);
    let seeds =
        [seed(9), root.derive(b"noise", 0), root.derive(b"noise", 1), root.derive(b"noisf", 0), root.derive(b"", 0), root];
    let mut all: Vec<i64> = seeds.iter().flat_map(|seed| draws(&sampler, seed, 2 * NOISE_BLOCK)).collect();
    let total = all.len();
    all.sort_unstable();
    all.dedup();
    // Of 2^15.6 draws from 2^21 likely values few meet; of two equal streams all do.
    assert!(all.len() > total * 9 / 10, "{} of {total}", all.len());
}

#[test]
fn a_seed_and_a_sampler_are_printed_without_contents() {
    assert_eq!(format!("{:?}", seed(1)), "NoiseSeed(..)");
    assert!(format!("{:?}", Sampler::new(skellam(2, 1)).unwrap()).len() < 200);
}
