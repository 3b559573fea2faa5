//! Against the second implementation, `reference/noise.py`, which wrote `tests/vectors/noise.json`.

use std::vec::Vec;

use serde_json::Value;

use super::*;
use crate::dp::noise::weights::Weights;

/// No weight but that of zero is further below its probability than this many units of 2^-128.
const CLOSE: u128 = 1 << 24;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../tests/vectors/noise.json")).unwrap()
}

fn number(case: &Value, name: &str) -> u64 {
    case[name].as_u64().unwrap()
}

fn weights(case: &Value) -> Weights {
    let (numerator, denominator) = (number(case, "numerator"), number(case, "denominator"));
    match case["law"].as_str().unwrap() {
        "skellam" => Weights::skellam(numerator, denominator, number(case, "step")),
        "gaussian" => Weights::gaussian(numerator, denominator, number(case, "step")),
        "laplace" => Weights::laplace(numerator, denominator),
        "polya" => Weights::polya(numerator, denominator, u32::try_from(number(case, "shares")).unwrap()),
        "digits" => Weights::digit_difference(numerator, denominator, usize::try_from(number(case, "base")).unwrap()),
        law => panic!("{law}"),
    }
    .unwrap_or_else(|| panic!("no weights for {case}"))
}

#[test]
fn every_weight_is_its_probability_rounded_down() {
    let vectors = vectors();
    for case in vectors["laws"].as_array().unwrap() {
        let weights = weights(case);
        for entry in case["probabilities"].as_array().unwrap() {
            let place = usize::try_from(entry[0].as_u64().unwrap()).unwrap();
            let exact = u128::from_str_radix(entry[1].as_str().unwrap(), 16).unwrap();
            let mut weight = weights.half.get(place).copied().unwrap_or(0);
            if place == 0 {
                weight -= weights.missing;
            }
            assert!(weight <= exact, "{}: P({place}) is above its bound", case["law"]);
            assert!(exact - weight < CLOSE, "{}: P({place}) is {weight:x}, not {exact:x}", case["law"]);
        }
    }
}

#[test]
fn what_is_missing_is_what_the_tails_and_roundings_take() {
    for case in vectors()["laws"].as_array().unwrap() {
        let weights = weights(case);
        let sides = if weights.symmetric { 2 } else { 1 };
        let rest: u128 = weights.half.iter().skip(1).sum::<u128>() * sides;
        assert_eq!(rest.wrapping_add(weights.half[0]), 0, "the weights make 2^128");
        assert!(weights.missing <= 1 << 27, "{case}");
    }
}

/// The generator of one seed.
struct Bytes(Vec<u8>);

impl rand_core::TryRng for Bytes {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!()
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!()
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Bytes {}

fn seed(hex_digits: &Value) -> NoiseSeed {
    NoiseSeed::random(&mut Bytes(hex::decode(hex_digits.as_str().unwrap()).unwrap())).unwrap()
}

#[test]
fn the_constant_time_draws_are_those_of_the_second_implementation() {
    let draws = &vectors()["draws"];
    for case in draws["cases"].as_array().unwrap() {
        let (numerator, denominator) = (number(case, "numerator"), number(case, "denominator"));
        let law = match case["law"].as_str().unwrap() {
            "skellam" => skellam(numerator, denominator),
            "gaussian" => gaussian(numerator, denominator),
            "laplace" => laplace(numerator, denominator),
            _ => laplace_share(numerator, denominator, u32::try_from(number(case, "shares")).unwrap()),
        };
        let expected: Vec<i64> = case["draws"].as_array().unwrap().iter().map(|draw| draw.as_i64().unwrap()).collect();
        let mut values = std::vec![0; expected.len()];
        Sampler::constant_time(law).unwrap().add(&seed(&draws["seed"]), number(case, "block"), &mut values);
        assert_eq!(values, expected, "{law:?}");
    }
}

#[test]
fn a_derived_seed_is_that_of_the_second_implementation() {
    let draws = &vectors()["draws"];
    let derived = &draws["derived"];
    let purpose = hex::decode(derived["purpose"].as_str().unwrap()).unwrap();
    let ours = seed(&draws["seed"]).derive(&purpose, number(derived, "number"));
    let sampler = Sampler::new(skellam(100, 1)).unwrap();
    let (mut a, mut b) = ([0; 64], [0; 64]);
    sampler.add(&ours, 0, &mut a);
    sampler.add(&seed(&derived["seed"]), 0, &mut b);
    assert_eq!(a, b);
}
