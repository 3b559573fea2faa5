//! Samplers under words that the test chooses.

use std::{collections::VecDeque, vec::Vec};

use super::*;
use crate::dp::noise::{exact::ExactSampler, weights::Weights};

/// The draw of one word, with its extension if it is left open; what is not left open does not depend on the extension.
fn drawn(draw: impl Fn(&[u64], &mut [i64]) -> bool, resolve: impl Fn(u64, u64) -> i64, word: u64, extension: u64) -> i64 {
    let mut value = [0];
    if draw(&[word], &mut value) {
        return resolve(word, extension);
    }
    assert!([0, extension, u64::MAX].iter().all(|extension| resolve(word, *extension) == value[0]));
    value[0]
}

fn scanned(scan: &Scan, word: u64, extension: u64) -> i64 {
    drawn(|words, draws| scan.draw(words, draws), |word, extension| scan.resolve(word, extension), word, extension)
}

#[test]
fn a_scan_turns_exactly_at_each_threshold() {
    let weights = Weights::skellam(5, 2, 1).unwrap();
    let scan = Scan::new(&weights);
    let mut threshold = 0_u128;
    for magnitude in 0..weights.half.len() - 1 {
        threshold += weights.half[magnitude] / if magnitude == 0 { 2 } else { 1 };
        for (uniform, expected) in [(threshold - 1, magnitude), (threshold, magnitude + 1)] {
            let (word, extension) = (((uniform >> 64) as u64) << 1, uniform as u64);
            assert_eq!(scanned(&scan, word, extension), expected as i64);
            assert_eq!(scanned(&scan, word | 1, extension), -(expected as i64), "the lowest bit is the sign");
        }
    }
    let last = i64::try_from(weights.half.len() - 1).unwrap();
    assert_eq!(scanned(&scan, u64::MAX, u64::MAX), -last);
    assert_eq!((scanned(&scan, 0, 0), scanned(&scan, 1, 0)), (0, 0));
}

#[test]
fn an_alias_column_turns_exactly_at_its_threshold() {
    let weights = Weights::gaussian(1, 1, 1).unwrap();
    let table = Alias::new(&weights).unwrap();
    let mut turns = 0;
    for column in 0..table.columns() {
        let (start, threshold) = table.thresholds(column);
        let at = |uniform: u128| {
            let (word, extension) = ((uniform >> 64) as u64, uniform as u64);
            drawn(|words, draws| table.draw(words, draws), |word, extension| table.resolve(word, extension), word, extension)
        };
        if threshold != start {
            assert_eq!(at(start), at(threshold - 1), "one value below the threshold");
            turns += usize::from(at(threshold) != at(threshold - 1));
        }
        assert_eq!(at(threshold), at(start + (table.width() - 1)), "one value from the threshold on");
    }
    assert!(turns > table.columns() / 2);
}

/// Gives out a script of words, and stops the test where it ends.
struct Script(VecDeque<u64>);

impl rand_core::TryRng for Script {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!()
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.pop_front().expect("the script is too short"))
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        unreachable!()
    }
}

/// The draw under a script, and how many words were left.
fn exactly(law: NoiseLaw, script: &[u64]) -> (i64, usize) {
    let mut rng = Script(script.iter().copied().collect());
    let draw = ExactSampler::new(law).unwrap().sample(&mut rng);
    (draw, rng.0.len())
}

#[test]
fn the_exact_laplace_sampler_follows_algorithm_2() {
    // exp(-1): t = 1, so u = 0 (one word), exp(-0) is kept by a first coin of probability 0 (one word of bound 1: always "no").
    // Then v: a coin exp(-1) counts successes of 1/1, 1/2, ..: "1 of 1" is always a success, "word 1 of 2" is a failure: odd, so v = 0.
    // Then the sign: word 1 of 2 is positive.
    assert_eq!(exactly(laplace(1, 1), &[0, 0, 0, 1, 1]), (0, 0));
    // Zero with a minus sign (word 0) is drawn again.
    assert_eq!(exactly(laplace(1, 1), &[0, 0, 0, 1, 0, 0, 0, 0, 1, 1]), (0, 0));
    // Two successes (1/1, then 0 of 2), then word 2 of 3 fails: even, so v goes up; then stop; then the sign.
    assert_eq!(exactly(laplace(1, 1), &[0, 0, 0, 0, 2, 0, 1, 0]), (-1, 0));
    // Words above the bound are drawn again: 3 masked to two bits is not below 3.
    assert_eq!(exactly(laplace(1, 1), &[0, 0, 0, 0, 3, 7, 2, 0, 1, 1]), (1, 0));
}

#[test]
fn the_exact_gaussian_sampler_rejects_as_algorithm_3_says() {
    // Variance 1: t = 2. u = 0: words 0 (u), 0 (exp(0)); v = 0: 0 and 1; sign positive: 1. Then accept with exp(-(0 - 1/2)^2 / 2), that
    // is, with g = 1/8: a coin 1 of 8 fails at once (word 1), so it is accepted.
    assert_eq!(exactly(gaussian(1, 1), &[0, 0, 0, 1, 1, 7]), (0, 0));
    // The same coin succeeds once (0 of 8), then fails (15 of 16): odd, so the draw is rejected and begins again.
    assert_eq!(exactly(gaussian(1, 1), &[0, 0, 0, 1, 1, 0, 15, 0, 0, 0, 1, 1, 7]), (0, 0));
}

#[test]
fn parameters_that_can_not_be_drawn_are_refused_with_their_name() {
    let knob = |result: Result<Sampler, PrivacyError>| match result {
        Err(PrivacyError::Parameter { knob, .. }) => knob,
        other => panic!("{other:?}"),
    };
    for build in [Sampler::new, Sampler::constant_time] {
        assert_eq!(knob(build(skellam(1, 1 << 32)).and_then(|_| build(skellam(u64::MAX, 1)))), "variance");
        assert_eq!(knob(build(gaussian(1, 65))), "variance");
        assert_eq!(knob(build(gaussian(u64::MAX, 1))), "variance");
        assert_eq!(knob(build(laplace(65, 1))), "noise_parameter");
        assert_eq!(knob(build(laplace_share(1, 4000, 3))), "noise_parameter");
        assert_eq!(knob(build(laplace_share(1, 1, 0))), "shares");
    }
    assert!(Rational::new(0, 1).is_err() && Rational::new(1, 0).is_err());
    assert!(Rational::new(1, (1 << 32) + 1).is_err() && Rational::new(2, 1 << 33).is_ok());
    for law in [gaussian(1 << 55, 1), skellam(1 << 20, 1)] {
        assert!(ExactSampler::new(law).is_err());
    }
}

#[test]
fn a_law_at_each_end_of_its_range_has_tables() {
    let ends =
        [skellam(1, 1 << 32), skellam(1 << 60, 1), skellam((1 << 60) - 1, (1 << 32) - 1), gaussian(1, 64), gaussian(1 << 60, 1)];
    let more = [laplace(64, 1), laplace(1, 1 << 32), laplace_share(64, 1, u32::MAX), laplace_share(1, 3500, 1)];
    for law in ends.into_iter().chain(more) {
        for build in [Sampler::new, Sampler::constant_time] {
            let mut values: Vec<i64> = std::vec![0; 100];
            build(law).unwrap_or_else(|error| panic!("{law:?}: {error}")).add(&seed(1), 0, &mut values);
        }
    }
}

#[test]
fn draws_that_are_decided_stay_as_they_are_when_a_neighbour_is_left_open() {
    let key = seed(3).stream().noise_key(5);
    let mut words = [0_u64; BUFFER];
    key.apply(1024, &mut words, false);
    let weights = Weights::skellam(50, 1, 1).unwrap();
    for table in [Table::Alias(Alias::new(&weights).unwrap()), Table::Scan(Scan::new(&weights))] {
        let (mut draws, mut again) = ([0; BUFFER], [0; BUFFER]);
        assert!(!table.draw(&words, &mut draws), "no word of this stream is left open");
        table.resolve(&key, 1024, &words, &mut again);
        assert_eq!(draws, again);
        // A word that is left open takes its extension from the same place of the keystream, alone or not.
        let Table::Scan(scan) = &table else { continue };
        let mut open = words;
        open[7] = u64::MAX;
        assert!(table.draw(&open, &mut draws));
        table.resolve(&key, 1024, &open, &mut again);
        let mut extension = [0];
        key.apply(EXTENSION + 1024 + 7, &mut extension, false);
        assert_eq!(again[7], scan.resolve(u64::MAX, extension[0]));
    }
}

#[test]
fn the_last_block_and_no_values_are_no_trouble() {
    let sampler = Sampler::new(skellam(4, 1)).unwrap();
    sampler.add(&seed(1), u64::MAX, &mut []);
    let (mut last, mut around) = (std::vec![0; NOISE_BLOCK], std::vec![0; 2 * NOISE_BLOCK]);
    sampler.add(&seed(1), u64::MAX, &mut last);
    sampler.add(&seed(1), u64::MAX, &mut around);
    assert_eq!(around[..NOISE_BLOCK], last[..]);
}

fn seed(byte: u8) -> NoiseSeed {
    use rand::SeedableRng;
    NoiseSeed::random(&mut rand::rngs::StdRng::from_seed([byte; 32])).unwrap()
}
