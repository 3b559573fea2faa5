//! The private encoding from end to end: what comes out is the plain noisy sum, whatever the threads, the pieces and the input type.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

#[path = "common/plain.rs"]
mod plain;

use std::sync::atomic::{AtomicU32, Ordering};

use half::{bf16, f16};
use plain::{l2, len, noise, rounded, seed, vector};
use proptest::prelude::*;
use veilsum::{
    InputError,
    dp::{Encoding, NoiseLaw, Planner, Rational, Rounding, Sampler, Values, Weights},
};

fn planner(length: usize) -> Planner {
    Encoding::planner(10, 8, 2, length as u64, 1.0, 0.5, 32)
}

fn encoding(length: usize) -> Encoding {
    planner(length).plan().unwrap().encoding().clone()
}

fn words(encoding: &Encoding, values: &(impl Values + ?Sized), number: u64) -> Vec<u32> {
    words_with(&encoding.sampler().unwrap(), encoding, values, number)
}

fn words_with(sampler: &Sampler, encoding: &Encoding, values: &(impl Values + ?Sized), number: u64) -> Vec<u32> {
    let mut words = vec![0; len(encoding)];
    encoding.encoder(sampler, values, 1, seed(number)).unwrap().next_words(&mut words).unwrap();
    words
}

fn decoded(encoding: &Encoding, sum: &[u32]) -> Vec<f64> {
    let mut values = vec![0.0; sum.len()];
    encoding.decode(0, sum, &mut values).unwrap();
    values
}

fn wrap(encoding: &Encoding, integer: i64) -> u32 {
    encoding.ring().wrap(integer) as u32
}

#[test]
fn the_decoded_sum_is_the_plain_noisy_sum() {
    for length in [1, 63, 64, 1000, 5000, 70_000] {
        let encoding = encoding(length);
        let (mut sum, mut plain) = (vec![0_u32; len(&encoding)], vec![0_i64; len(&encoding)]);
        for client in 0..10 {
            let values = vector(length, 0.9, client);
            sum.iter_mut().zip(words(&encoding, &values, client)).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
            for part in [rounded(&encoding, &values, 1, client), noise(&encoding, client)] {
                plain.iter_mut().zip(part).for_each(|(plain, part)| *plain += part);
            }
        }
        sum.iter_mut().for_each(|word| *word &= encoding.ring().max() as u32);
        let expected: Vec<u32> = plain.iter().map(|integer| wrap(&encoding, *integer)).collect();
        assert_eq!(sum, expected, "{length}");
        assert_eq!(decoded(&encoding, &sum), decoded(&encoding, &expected));
    }
}

#[test]
fn without_noise_the_sum_comes_back_to_within_the_granularity() {
    for (rotation, rounding) in [
        (None, Rounding::Plain),
        (Some(12), Rounding::Conditional),
        (Some(7), Rounding::Plain),
        (Some(16), Rounding::Conditional),
    ] {
        let plan = planner(10_000).rotation(rotation).rounding(rounding).plan().unwrap();
        let encoding = plan.encoding();
        let mut sum = vec![0_i64; len(encoding)];
        let mut exact = vec![0.0; 10_000];
        for client in 0..10 {
            let values = vector(10_000, 0.9, client);
            exact.iter_mut().zip(&values).for_each(|(sum, value)| *sum += f64::from(*value));
            sum.iter_mut().zip(rounded(encoding, &values, 1, client)).for_each(|(sum, integer)| *sum += integer);
        }
        let sum: Vec<u32> = sum.into_iter().map(|integer| wrap(encoding, integer)).collect();
        let error: Vec<f64> = decoded(encoding, &sum).iter().zip(&exact).map(|(got, exact)| got - exact).collect();
        // Ten roundings of variance at most 1/4 on each coordinate; the mean of all errors is a hundred times smaller.
        let deviation = plan.granularity() * 2.5_f64.sqrt();
        assert!(l2(&error) / 100.0 < 1.1 * deviation, "{rotation:?}");
        assert!((error.iter().sum::<f64>() / 10_000.0).abs() < 5.0 * deviation / 100.0, "{rotation:?}");
    }
}

#[test]
fn decoding_is_unbiased() {
    // Few levels, so that rounding is coarse: a bias of a tenth of a level would show.
    let plan = Encoding::planner(2, 2, 0, 64, 1.0, 0.05, 9).rounding(Rounding::Plain).plan().unwrap();
    let (encoding, values) = (plan.encoding(), vector(64, 0.7, 1));
    let (runs, sampler) = (4000, encoding.sampler().unwrap());
    let mut mean = vec![0.0; 64];
    for run in 0..runs {
        let words = words_with(&sampler, encoding, &values, run);
        mean.iter_mut().zip(decoded(encoding, &words)).for_each(|(mean, value)| *mean += value / runs as f64);
    }
    let deviation = plan.error(1) / (runs as f64).sqrt();
    let worst = mean.iter().zip(&values).map(|(mean, value)| (mean - f64::from(*value)).abs()).fold(0.0, f64::max);
    assert!(deviation < 0.1 * plan.granularity(), "the test can see a bias");
    assert!(worst < 5.0 * deviation, "{worst} {deviation}");
}

#[test]
fn neither_threads_nor_pieces_change_a_word() {
    let length = 600_001;
    let (encoding, values) = (encoding(length), vector(600_001, 2.0, 1));
    let in_pool =
        |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| words(&encoding, &values, 5));
    let expected = in_pool(1);
    assert!([2, 5].map(in_pool).iter().all(|words| *words == expected));
    let sampler = encoding.sampler().unwrap();
    for pieces in [&[1_usize, 4095, 4096, 4097][..], &[100_000], &[3, 70_000, 1 << 17], &[65_536]] {
        let mut encoder = encoding.encoder(&sampler, &values, 1, seed(5)).unwrap();
        let (mut words, mut start, mut sizes) = (vec![0; expected.len()], 0, pieces.iter().cycle());
        while start < words.len() {
            let end = (start + sizes.next().unwrap()).min(words.len());
            encoder.next_words(&mut words[start..end]).unwrap();
            start = end;
            assert_eq!(encoder.remaining(), (words.len() - start) as u64);
        }
        assert!(words == expected, "{pieces:?}");
        assert_eq!(encoder.next_words(&mut [0_u32]), Err(InputError::TooManyWords { expected: 0, given: 1 }));
    }
}

#[test]
fn another_seed_another_round_or_another_rotation_gives_other_words() {
    let (encoding, values) = (encoding(5000), vector(5000, 0.9, 1));
    let first = words(&encoding, &values, 1);
    assert_eq!(first, words(&encoding, &values, 1));
    assert_ne!(first, words(&encoding, &values, 2));
    assert_ne!(rounded(&encoding, &values, 1, 1), rounded(&encoding.for_round(1), &values, 1, 1));
    let other = planner(5000).rotation_seed([1; 32]).plan().unwrap();
    assert_ne!(rounded(&encoding, &values, 1, 1), rounded(other.encoding(), &values, 1, 1));
}

#[test]
fn equal_numbers_of_every_type_give_equal_words() {
    let eighths: Vec<f32> = (0..5000).map(|i| ((i % 17) as f32 - 8.0) / 1024.0).collect();
    let encoding = encoding(5000);
    let expected = words(&encoding, &eighths, 1);
    assert_eq!(words(&encoding, &eighths.iter().map(|value| f64::from(*value)).collect::<Vec<_>>(), 1), expected);
    assert_eq!(words(&encoding, &eighths.iter().map(|value| f16::from_f32(*value)).collect::<Vec<_>>(), 1), expected);
    assert_eq!(words(&encoding, &eighths.iter().map(|value| bf16::from_f32(*value)).collect::<Vec<_>>(), 1), expected);
}

/// The refusal of a vector with this value at place 4999.
fn refusal<T: veilsum::dp::Real>(zero: T, bad: T) -> Option<InputError> {
    let mut values = vec![zero; 5000];
    values[4999] = bad;
    encoding(5000).encoder_without_noise(&values, 1, seed(1)).err()
}

#[test]
fn what_is_not_a_number_is_refused_with_its_position_in_every_type() {
    let expected = Some(InputError::NotFinite { position: 4999 });
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(refusal(0.0, bad), expected);
        assert_eq!(refusal(0.0_f32, bad as f32), expected);
        assert_eq!(refusal(f16::from_f32(0.0), f16::from_f64(bad)), expected);
        assert_eq!(refusal(bf16::from_f32(0.0), bf16::from_f64(bad)), expected);
        // Also behind numbers whose squares are not finite.
        assert_eq!(refusal(1e300, bad), expected);
    }
    assert_eq!(refusal(0.0, f64::MAX), None);
    assert_eq!(refusal(0.0, f64::from_bits(1)), None);
}

#[test]
fn a_huge_vector_is_clipped_to_its_direction() {
    let encoding = encoding(1000);
    let mut values = vec![0.0; 1000];
    (values[3], values[7]) = (f64::MAX, -f64::MAX / 2.0);
    let sum: Vec<u32> = rounded(&encoding, &values, 1, 1).into_iter().map(|integer| wrap(&encoding, integer)).collect();
    let decoded = decoded(&encoding, &sum);
    let expected = |place| {
        if place == 3 {
            0.8_f64.sqrt()
        } else if place == 7 {
            -0.2_f64.sqrt()
        } else {
            0.0
        }
    };
    assert!(decoded.iter().enumerate().all(|(place, value)| (value - expected(place)).abs() < 4.0 / encoding.scale()));
}

#[test]
fn a_weighted_mean_comes_back_and_values_and_weight_are_clipped_together() {
    let weights = Weights { max: 100, unit: 0.005 };
    let plan = planner(2000).weights(weights).plan().unwrap();
    let encoding = plan.encoding();
    let place = usize::try_from(encoding.weight_position().unwrap()).unwrap();
    assert_eq!((place, len(encoding)), (2000, 2048));
    let clients: Vec<(u32, Vec<f32>)> = [(100, 0.005), (50, 0.01), (1, 0.5), (0, 3.0)]
        .map(|(weight, norm)| (weight, vector(2000, norm, u64::from(weight))))
        .into();
    let (mut sum, mut expected) = (vec![0_i64; 2048], vec![0.0; 2000]);
    for (weight, values) in &clients {
        expected.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*weight) * f64::from(*value) / 151.0);
        sum.iter_mut().zip(rounded(encoding, values, *weight, 9)).for_each(|(sum, integer)| *sum += integer);
    }
    let decode = |sum: &[i64]| decoded(encoding, &sum.iter().map(|integer| wrap(encoding, *integer)).collect::<Vec<_>>());
    let values = decode(&sum);
    let total = encoding.total_weight(values[place]).unwrap();
    assert!((total - 151.0).abs() < 1.0, "{total}");
    let error = values.iter().zip(&expected).map(|(value, expected)| (value / total - expected).powi(2)).sum::<f64>().sqrt();
    assert!(error < 1e-3, "{error}");
    // A client beyond the norm: less influence, the same direction.
    let loud = decode(&rounded(encoding, &vector(2000, 1.0, 1), 100, 9));
    let (norm, weight) = (l2(&loud[..2000]), loud[place]);
    assert!((norm.hypot(weight) - 1.0).abs() < 1e-3 && (weight / norm - 0.005).abs() < 1e-3, "{norm} {weight}");
}

#[test]
fn bad_weights_and_lengths_are_refused() {
    let weighted = planner(10).weights(Weights { max: 5, unit: 0.1 }).plan().unwrap().encoding().clone();
    let refused = |encoding: &Encoding, length: usize, weight| {
        encoding.encoder_without_noise(&vec![0.0_f32; length], weight, seed(1)).err()
    };
    assert_eq!(refused(&weighted, 10, 6), Some(InputError::Weight { weight: 6, max: 5 }));
    assert_eq!(refused(&weighted, 10, 5), None);
    assert_eq!(refused(&weighted, 9, 5), Some(InputError::Length { expected: 10, got: 9 }));
    assert_eq!(refused(&encoding(10), 10, 2), Some(InputError::Weight { weight: 2, max: 1 }));
    assert_eq!(refused(&encoding(10), 10, 0), Some(InputError::Weight { weight: 0, max: 1 }));
    let wide = Encoding::plan(10, 8, 2, 10, 1.0, 0.5, 40).unwrap();
    let values = [0.0_f32; 10];
    let mut encoder = wide.encoding().encoder_without_noise(&values[..], 1, seed(1)).unwrap();
    assert_eq!(encoder.next_words(&mut [0_u32; 10]), Err(InputError::WordWidth(40)));
    assert_eq!(encoder.next_words(&mut [0_u64; 10]), Ok(()));
}

/// Less noise than the description promises would be a leak that no later step can see.
#[test]
fn a_sampler_of_another_law_is_refused_and_both_kinds_of_the_right_law_are_taken() {
    let (encoding, values) = (encoding(10), vec![0.0_f32; 10]);
    let NoiseLaw::Skellam { variance } = encoding.release().law else { panic!() };
    let half = NoiseLaw::Skellam { variance: Rational::new(variance.numerator(), 2 * variance.denominator()).unwrap() };
    for law in [half, NoiseLaw::DiscreteGaussian { variance }] {
        let refused = encoding.encoder(&Sampler::new(law).unwrap(), &values, 1, seed(1)).err();
        assert_eq!(refused, Some(InputError::Sampler));
    }
    for build in [Sampler::new, Sampler::constant_time] {
        let sampler = build(encoding.release().law).unwrap();
        assert!(encoding.encoder(&sampler, &values, 1, seed(1)).is_ok());
    }
}

/// Values that grow after they have been read for their norm.
struct Growing {
    values: Vec<f32>,
    reads: AtomicU32,
    honest_reads: u32,
}

impl Values for Growing {
    fn len(&self) -> u64 {
        self.values.len() as u64
    }

    fn read(&self, start: u64, out: &mut [f64]) -> Result<(), InputError> {
        self.values.read(start, out)?;
        if self.reads.fetch_add(1, Ordering::Relaxed) >= self.honest_reads {
            out.iter_mut().for_each(|value| *value *= 3.0);
        }
        Ok(())
    }
}

#[test]
fn a_source_that_changes_is_stopped_before_its_norm_passes_the_bound() {
    let encoding = encoding(40_000);
    let blocks = 10;
    let growing = |honest_reads| Growing { values: vector(40_000, 0.9, 1), reads: AtomicU32::new(0), honest_reads };
    // Honest while the norm is taken.
    let refused = encoding.encoder_without_noise(&growing(blocks), 1, seed(1)).err();
    assert_eq!(refused, Some(InputError::Rounding { attempts: 90 }));
    // Also while it is rounded for the first time.
    let source = growing(2 * blocks);
    let mut encoder = encoding.encoder_without_noise(&source, 1, seed(1)).unwrap();
    let (mut norm, mut piece) = (0, vec![7_i64; 4096]);
    let error = loop {
        match encoder.next_integers(&mut piece) {
            Ok(()) => norm += piece.iter().map(|integer| integer.pow(2)).sum::<i64>(),
            Err(error) => break error,
        }
    };
    assert_eq!(error, InputError::Changed);
    assert!(piece.iter().all(|integer| *integer == 0) && norm > 0);
    assert!(norm.cast_unsigned() <= plan_bound(&encoding));
    assert_eq!(encoder.next_integers(&mut piece), Err(InputError::WrongState));
}

#[test]
fn memory_is_that_of_a_block_whatever_the_length() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let peak = |length: usize| {
        let encoding = encoding(length);
        let (sampler, values, mut words) = (encoding.sampler().unwrap(), vector(length, 2.0, 1), vec![0_u32; len(&encoding)]);
        let encode = || encoding.encoder(&sampler, &values, 1, seed(1)).unwrap().next_words(&mut words).unwrap();
        pool.install(|| allocation_counter::measure(encode)).bytes_max
    };
    let (short, long) = (peak(1 << 19), peak(1 << 22));
    // Buffers of a block for each of two passes; then 48 bytes for each 2^18 positions.
    assert!(short < 400_000 && long < short + 10_000, "{short} {long}");
}

#[test]
fn decoding_takes_no_memory_but_a_few_keys() {
    for length in [1 << 16, 1 << 21] {
        let (encoding, words) = (encoding(length), vec![5_u32; length]);
        let mut values = vec![0.0; length];
        let peak = allocation_counter::measure(|| encoding.decode(0, &words, &mut values).unwrap()).bytes_max;
        assert!(peak < 1 << 12, "{peak}");
    }
}

fn plan_bound(encoding: &Encoding) -> u64 {
    encoding.release().l2_squared
}

#[test]
fn every_vector_keeps_the_norm_bound_exactly() {
    for length in [3, 1000, 10_000] {
        let plans = [8, 12, 20, 32].into_iter().flat_map(|bits| {
            let planner = Encoding::planner(2, 2, 0, length as u64, 1.0, 0.1, bits);
            [None, Some(12)].into_iter().filter_map(move |log2| planner.clone().rotation(log2).plan().ok())
        });
        for plan in plans {
            let encoding = plan.encoding();
            for (number, norm) in [0.1, 0.999, 1.0, 1.001, 1e20].into_iter().enumerate() {
                let integers = rounded(encoding, &vector(length, norm, number as u64), 1, 3);
                let exact: u128 = integers.iter().map(|integer| u128::from(integer.unsigned_abs()).pow(2)).sum();
                assert!(exact <= u128::from(plan_bound(encoding)), "{length} {norm}");
                assert!(integers.iter().map(|integer| integer.unsigned_abs()).sum::<u64>() <= plan.release().l1);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_vector_passes_the_norm_bounds_after_rounding(
        values in prop::collection::vec(prop_oneof![3 => -1.0..1.0_f64, 1 => -1e200..1e200_f64, 1 => Just(0.0)], 1..300),
        log2_size in -20..3_i32,
        (bits, plain, rotation) in (8..24_u8, any::<bool>(), prop_oneof![Just(None), (6..9_u8).prop_map(Some)]),
        number in any::<u64>(),
    ) {
        let values: Vec<f64> = values.into_iter().map(|value| value * 2_f64.powi(log2_size)).collect();
        let rounding = if plain { Rounding::Plain } else { Rounding::Conditional };
        let planner = Encoding::planner(2, 2, 0, values.len() as u64, 1.0, 0.1, bits).rounding(rounding).rotation(rotation);
        let Ok(plan) = planner.plan() else { return Ok(()) };
        let integers = rounded(plan.encoding(), &values, 1, number);
        let squares: u128 = integers.iter().map(|integer| u128::from(integer.unsigned_abs()).pow(2)).sum();
        let ones: u64 = integers.iter().map(|integer| integer.unsigned_abs()).sum();
        prop_assert!(squares <= u128::from(plan.release().l2_squared) && ones <= plan.release().l1);
    }
}
