//! Published attacks on implementations of differential privacy, against the private encoding. Each finds its prey in a pipeline that has
//! the flaw, and nothing here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use veilsum::dp::{Encoding, EncodingSeed, Plan, Sampler};

const RUNS: u64 = 4000;

fn seed(number: u64) -> EncodingSeed {
    EncodingSeed::generate(&mut StdRng::seed_from_u64(number)).unwrap()
}

/// One value, one client: the smallest plan.
fn plan(bits: u8, noise_multiplier: f64) -> Plan {
    Encoding::planner(1, 1, 0, 1, 1024.0, noise_multiplier, bits).rotation(None).plan().unwrap()
}

/// A decoded release of a single value.
fn release(plan: &Plan, sampler: &Sampler, value: f64, number: u64) -> f64 {
    let (mut words, mut decoded) = ([0_u64], [0.0]);
    plan.encoding().encoder(sampler, &[value][..], 1, seed(number)).unwrap().next_words(&mut words).unwrap();
    plan.encoding().decode(0, &words, &mut decoded).unwrap();
    decoded[0]
}

/// What an implementation with the flaw releases: Laplace noise from the logarithm of a double, added to a double.
fn floating_point(value: f64, scale: f64, rng: &mut StdRng) -> f64 {
    let uniform = (rng.random::<u64>() >> 11) as f64 / 9_007_199_254_740_992.0;
    let sign = if rng.random() { 1.0 } else { -1.0 };
    value + sign * scale * (1.0 - uniform).ln()
}

/// How many outputs of one input were never an output of the other: each of them gives it away at once.
fn given_away(outputs: &[u64], other: &[u64]) -> usize {
    let other: BTreeSet<_> = other.iter().collect();
    outputs.iter().filter(|output| !other.contains(output)).count()
}

/// Mironov, "On significance of the least significant bits for differential privacy", 2012: an output of floating-point noise could have
/// come from one input and not from its neighbor.
#[test]
fn low_bits_do_not_tell_which_of_two_neighbors_it_was() {
    // Little noise beside the grid, so that every possible output is seen.
    let plan = plan(40, 1.0 / 512.0);
    let sampler = plan.encoding().sampler().unwrap();
    let outputs =
        |value| (0..RUNS).map(|run| (release(&plan, &sampler, value, run) / plan.granularity()).to_bits()).collect::<Vec<_>>();
    let (zero, near) = (outputs(0.0), outputs(plan.granularity()));
    // Whole numbers of one grid; only the ends of the two ranges differ.
    assert!(zero.iter().chain(&near).all(|bits| f64::from_bits(*bits).fract() == 0.0));
    assert!(given_away(&zero, &near) + given_away(&near, &zero) < 20);
    assert!(zero.iter().collect::<BTreeSet<_>>().len() > 30);
    // The flaw: nearly every output.
    let mut rng = StdRng::seed_from_u64(1);
    let mut flawed = |value| (0..RUNS).map(|_| floating_point(value, 1.0, &mut rng).to_bits()).collect::<Vec<_>>();
    let (zero, near) = (flawed(0.0), flawed(1.0));
    assert!(given_away(&zero, &near) > 3900);
}

/// Haney et al., "Precision-based attacks and interval refining", 2022: in a sum of doubles the spacing of the outputs is that of the
/// larger summand, so it tells how large the input is.
#[test]
fn the_spacing_of_outputs_does_not_depend_on_the_input() {
    let plan = plan(40, 1.0);
    let sampler = plan.encoding().sampler().unwrap();
    // The largest power of two that divides every output.
    let spacing = |value: f64| {
        let bits = (0..RUNS).map(|run| (release(&plan, &sampler, value, run) / plan.granularity()) as i64);
        bits.map(i64::trailing_zeros).min().unwrap()
    };
    assert_eq!([0.0, 1e-9, 0.1, 1024.0, 1e12].map(spacing), [0; 5]);
    let mut rng = StdRng::seed_from_u64(2);
    let mut flawed = |value: f64| {
        let outputs = (0..RUNS).map(|_| floating_point(value, 1e-3, &mut rng));
        outputs.map(|output| (output * 2.0_f64.powi(60)) as i128).map(i128::trailing_zeros).min().unwrap()
    };
    let (small, large) = (flawed(0.0), flawed(1024.0));
    assert!(large >= small + 8, "{small} {large}");
}

/// The exact squared norm of the integers of a vector.
fn exact_norm(plan: &Plan, values: &[f32]) -> u128 {
    let mut integers = vec![0; usize::try_from(plan.encoding().vector_len()).unwrap()];
    plan.encoding().encoder_without_noise(values, 1, seed(1)).unwrap().next_integers(&mut integers).unwrap();
    integers.iter().map(|integer| u128::from(integer.unsigned_abs()).pow(2)).sum()
}

/// Casacuberta et al., "Widespread underestimation of sensitivity in differentially private libraries and how to fix it", 2022: sums of
/// many floating-point numbers stand still, and a norm that is too small clips too little.
#[test]
fn rounded_sums_do_not_hide_a_norm() {
    // In single precision the sum of squares of 2^25 ones is 2^24: the norm comes out sqrt(2) times too small.
    let values = vec![1.0_f32; 1 << 25];
    let flawed: f32 = values.iter().map(|value| value * value).sum();
    assert_eq!(flawed, 16_777_216.0);
    let plan = Encoding::plan(1, 1, 0, 1 << 25, 1.0, 0.01, 40).unwrap();
    let levels = plan.encoding().clip() * plan.scale();
    let flawed_norm = (levels * 2.0_f64.sqrt()).powi(2);
    let (norm, bound) = (exact_norm(&plan, &values) as f64, plan.release().l2_squared as f64);
    assert!(norm <= bound && bound < 0.6 * flawed_norm, "{norm} {bound} {flawed_norm}");
}

/// The same paper: the result of a floating-point sum depends on the order of its terms, so a reordered data set is not a neighbor at distance zero.
#[test]
fn the_order_of_clients_does_not_change_the_sum() {
    let flawed = |values: &[f32]| values.iter().sum::<f32>();
    assert_ne!(flawed(&[1e8, -1e8, 1.0]), flawed(&[1e8, 1.0, -1e8]));
    let plan = Encoding::plan(7, 5, 1, 100, 1.0, 1.0, 24).unwrap();
    let sampler = plan.encoding().sampler().unwrap();
    let clients: Vec<Vec<u32>> = (0..7_u8)
        .map(|client| {
            let mut words = vec![0; usize::try_from(plan.encoding().vector_len()).unwrap()];
            let values = [10.0_f32.powi(i32::from(client) - 4); 100];
            plan.encoding().encoder(&sampler, &values[..], 1, seed(client.into())).unwrap().next_words(&mut words).unwrap();
            words
        })
        .collect();
    let sum = |order: &mut dyn Iterator<Item = usize>| {
        let mut sum = vec![0_u32; clients[0].len()];
        order.for_each(|client| sum.iter_mut().zip(&clients[client]).for_each(|(sum, word)| *sum = sum.wrapping_add(*word)));
        sum
    };
    assert_eq!(sum(&mut (0..7)), sum(&mut (0..7).rev()));
    assert_eq!(sum(&mut (0..7)), sum(&mut (0..7).map(|client| client * 3 % 7)));
}

/// The same paper: integers that overflow turn a bounded change into an unbounded one. A wrapped sum is a function of the noisy sum, so
/// nothing more is learnt: here words of so few bits that most sums wrap, which no plan has.
#[test]
fn a_sum_that_wraps_has_the_same_words_as_its_residue() {
    let wide = Encoding::planner(1, 1, 0, 1, 1.0, 1.0, 24).rotation(None).plan().unwrap().encoding().clone();
    let mut description = wide.describe();
    description[25] = 4;
    let narrow = Encoding::from_description(&description).unwrap();
    assert!(narrow.log2_wrap(1) == 0.0 && narrow.release() == wide.release());
    let (sampler, mut wrapped) = (wide.sampler().unwrap(), 0);
    for run in 0..500 {
        let (mut integers, mut words) = ([0], [0_u32]);
        wide.encoder(&sampler, &[1.0_f32][..], 1, seed(run)).unwrap().next_integers(&mut integers).unwrap();
        narrow.encoder(&sampler, &[1.0_f32][..], 1, seed(run)).unwrap().next_words(&mut words).unwrap();
        assert_eq!(i64::from(words[0]), integers[0].rem_euclid(16));
        wrapped += usize::from(!(-8..8).contains(&integers[0]));
    }
    assert!(wrapped > 400, "{wrapped} of 500");
}

// Jin et al., "Are we there yet? Timing and floating-point attacks on differential privacy systems", 2022: `src/dp/noise/tests/timing.rs`.
