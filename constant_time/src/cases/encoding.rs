//! Real numbers on their way to words: clipping, rotation, rounding (docs/privacy.md, sections 1 and 4).

use half::{bf16, f16};
use veilsum::{
    Ring, Word,
    dp::{Encoding, EncodingSeed, FixedPoint, Planner, Real, Rounding, Sampler, Values, Weights},
};

use super::{Coins, bytes_of_u32, bytes_of_u64};
use crate::{
    Case, case,
    memcheck::{Plain, poison},
};

const LEN: usize = 1000;

pub fn cases() -> Vec<Case> {
    vec![
        case("encoding", "the coins, plain rounding", || with_secret_coins(planner(24).rounding(Rounding::Plain))),
        case("encoding", "the values, plain rounding", || of_values(planner(24).rounding(Rounding::Plain), &secret_values())),
        case("encoding", "the coins, conditional rounding", || with_secret_coins(planner(24))),
        case("encoding", "the values, conditional rounding", || of_values(planner(24), &secret_values())),
        case("encoding", "the values, coarse levels", || of_values(planner(10), &secret_values())),
        case("encoding", "the values, not rotated", || of_values(planner(24).rotation(None), &secret_values())),
        case("encoding", "the values, clipped", || of_values(planner(24), &scaled(100.0))),
        case("encoding", "the values, whose squares overflow", || of_values(planner(24), &scaled(1e300))),
        case("encoding", "the values, bounded words", || of_values(planner(24).bounded(), &secret_values())),
        case("encoding", "the coins, bounded words", || with_secret_coins(planner(24).bounded())),
        case("encoding", "the values, f64", || of_values(planner(24), &scaled(1.0))),
        case("encoding", "the values, f16", || of_values(planner(24), &halves(f16::from_f32, f16::to_bits, f16::from_bits))),
        case("encoding", "the values, bf16", || of_values(planner(24), &halves(bf16::from_f32, bf16::to_bits, bf16::from_bits))),
        case("encoding", "the weight", || {
            let planner = planner(24).weights(Weights { max: 10, unit: 0.01 });
            encoded(planner, &poisoned(small), secret_weight(), EncodingSeed::generate(&mut rand::rng()).unwrap())
        }),
        case("fixed point", "the values, f32 to 32 bits", || {
            bytes_of_u32(&fixed::<f32, u32>(&poisoned(|k| small(k) * 200.0), 3, 24))
        }),
        case("fixed point", "the values, f64 to 64 bits", || bytes_of_u64(&fixed::<f64, u64>(&scaled(200.0), 3, 40))),
        case("fixed point", "how many values are clipped", || {
            let (mut words, values) = ([0_u64; LEN], scaled(200.0));
            let clipped = code().quantize(ring(40), 1, &values, &mut words).unwrap();
            clipped.to_le_bytes().to_vec()
        }),
        case("fixed point", "the weight", || {
            let values: Vec<f64> = (0..LEN).map(|k| f64::from(small(k))).collect();
            bytes_of_u64(&fixed::<f64, u64>(&values, secret_weight(), 40))
        }),
        case("fixed point, the word of the weight", "the weight", || {
            code().weight_word::<u32>(ring(24), secret_weight()).unwrap().to_le_bytes().to_vec()
        }),
    ]
}

/// With the default rounding and rotation, which are conditional and on.
fn planner(bits: u8) -> Planner {
    Encoding::planner(10, 8, 2, LEN as u64, 1.0, 2.0, bits)
}

/// Below 1/32, and of a norm of about 1/2 all together; zeros among them.
fn small(k: usize) -> f32 {
    (k as f32 - 500.0) / 16_384.0
}

fn poisoned<T: Plain>(value: impl Fn(usize) -> T) -> Vec<T> {
    let mut values: Vec<T> = (0..LEN).map(value).collect();
    poison(&mut values);
    values
}

fn secret_values() -> Vec<f32> {
    poisoned(small)
}

fn scaled(factor: f64) -> Vec<f64> {
    poisoned(|k| f64::from(small(k)) * factor)
}

fn halves<T>(round: fn(f32) -> T, to_bits: fn(T) -> u16, from_bits: fn(u16) -> T) -> Vec<T> {
    poisoned(|k| to_bits(round(small(k)))).into_iter().map(from_bits).collect()
}

fn secret_weight() -> u32 {
    let mut weight = [7];
    poison(&mut weight);
    weight[0]
}

fn of_values<R: Real>(planner: Planner, values: &Vec<R>) -> Vec<u8> {
    encoded(planner, values, 1, EncodingSeed::generate(&mut rand::rng()).unwrap())
}

/// The coins of rounding and noise are secret.
fn with_secret_coins(planner: Planner) -> Vec<u8> {
    let values: Vec<f32> = (0..LEN).map(small).collect();
    encoded(planner, &values, 1, EncodingSeed::generate(&mut Coins(4)).unwrap())
}

fn encoded<V: Values>(planner: Planner, values: &V, weight: u32, seed: EncodingSeed) -> Vec<u8> {
    let plan = planner.plan().unwrap();
    let sampler = Sampler::constant_time(plan.encoding().sampler().unwrap().law()).unwrap();
    let mut encoder = plan.encoding().encoder(&sampler, values, weight, seed).unwrap();
    let mut words = vec![0_u32; plan.encoding().vector_len() as usize];
    encoder.next_words(&mut words).unwrap();
    bytes_of_u32(&words)
}

fn code() -> FixedPoint {
    FixedPoint::new(1.0, 16, 10).unwrap()
}

fn ring(bits: u8) -> Ring {
    Ring::new(bits).unwrap()
}

/// Some of the values are clipped.
fn fixed<R: Real, W: Word>(values: &[R], weight: u32, bits: u8) -> Vec<W> {
    let mut words = vec![W::default(); values.len()];
    let _ = code().quantize(ring(bits), weight, values, &mut words).unwrap();
    words
}
