#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

use alloc::{collections::BTreeSet, string::ToString, vec::Vec};

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::*;
use crate::dp::{encoding::norm_bound, noise::NoiseLaw};

/// The case of a public report, where a reference calibrator gives a standard deviation of 162 582 instead of an error.
fn reported(bits: u8) -> Planner {
    Encoding::planner(16, 16, 0, 1 << 24, 3.0, 7.0, bits).rounds(150)
}

#[test]
fn words_that_are_too_short_are_refused_and_the_least_number_of_bits_is_named() {
    let Err(error) = reported(16).plan() else { panic!("bits = 16 can not do") };
    let PrivacyError::Bits { bits: 16, need } = error else { panic!("{error}") };
    assert!(error.to_string().contains(&need.to_string()) && error.to_string().contains("`bits` = 16"), "{error}");
    assert!((17..=20).contains(&need), "{need}");
    for bits in 2..=64 {
        assert_eq!(reported(bits).plan().is_ok(), bits >= need, "{bits}");
    }
}

#[test]
fn more_bits_never_make_a_plan_worse() {
    let plans: Vec<Plan> = (19..=40).map(|bits| reported(bits).plan().unwrap()).collect();
    assert!(plans.windows(2).all(|pair| pair[0].scale() <= pair[1].scale() && pair[0].error(16) >= pair[1].error(16)));
    let best = plans.last().unwrap();
    // As good as the central Gaussian mechanism, which adds nothing but the noise.
    let central = 7.0 * 3.0;
    assert!(best.error(16) >= central && best.error(16) < 1.001 * central, "{}", best.error(16));
}

#[test]
fn every_bad_parameter_is_named() {
    let knob = |planner: Planner| match planner.plan() {
        Err(PrivacyError::Parameter { knob, .. } | PrivacyError::Unreachable { knob, .. }) => knob,
        Err(PrivacyError::Bits { .. }) => "bits",
        other => panic!("{other:?}"),
    };
    let plan = |clients, threshold, colluders, length, clip, z, bits| {
        Encoding::planner(clients, threshold, colluders, length, clip, z, bits)
    };
    let good = || plan(12, 8, 3, 1000, 1.0, 1.0, 24);
    assert!(good().plan().is_ok());
    assert_eq!(knob(plan(12, 13, 3, 1000, 1.0, 1.0, 24)), "threshold");
    assert_eq!(knob(plan(12, 0, 0, 1000, 1.0, 1.0, 24)), "threshold");
    assert_eq!(knob(plan(12, 8, 8, 1000, 1.0, 1.0, 24)), "colluders");
    assert_eq!(knob(plan(12, 8, 3, 0, 1.0, 1.0, 24)), "length");
    assert_eq!(knob(plan(12, 8, 3, (1 << 40) + 1, 1.0, 1.0, 24)), "length");
    for clip in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-30, 1e30] {
        assert_eq!(knob(plan(12, 8, 3, 1000, clip, 1.0, 24)), "clip", "{clip}");
    }
    for z in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(knob(plan(12, 8, 3, 1000, 1.0, z, 24)), "noise_multiplier", "{z}");
    }
    assert_eq!(knob(plan(12, 8, 3, 1000, 1.0, 1e9, 64)), "scale");
    for bits in [0, 1, 65] {
        assert_eq!(knob(plan(12, 8, 3, 1000, 1.0, 1.0, bits)), "bits", "{bits}");
    }
    assert_eq!(knob(plan(12, 8, 3, 1000, 1.0, 1.0, 8)), "bits");
    assert_eq!(knob(good().rounds(0)), "rounds");
    assert_eq!(knob(good().log2_wrap(0)), "log2_wrap");
    for log2 in [0, 5, 17] {
        assert_eq!(knob(good().rotation(Some(log2))), "block", "{log2}");
    }
    assert_eq!(knob(good().weights(Weights { max: 0, unit: 1.0 })), "max_weight");
    assert_eq!(knob(good().weights(Weights { max: 1, unit: f64::NAN })), "weight_unit");
    // So little noise that a share is mostly zero: not the mechanism's sum any more.
    assert_eq!(knob(plan(4096, 4096, 0, 1, 1.0, 1e-3, 40).mechanism(Mechanism::DiscreteGaussian)), "scale");
}

/// The bound of section 7 again, by a grid instead of a search: a little above the least bound that there is.
fn log2_wrap_by_grid(encoding: &Encoding, rounds: u64) -> f64 {
    let (clients, levels) = (f64::from(encoding.clients), encoding.clip * encoding.scale);
    let (offset, rotated) = match encoding.block() {
        1 => (clients * (levels.floor() + 1.0), 0.0),
        block => (clients, (clients * levels).powi(2) / block as f64),
    };
    let room = ((1_u64 << (encoding.ring.bits() - 1)) - 1) as f64 - offset;
    let variance = clients * encoding.variance();
    let noise = |lambda: f64| match encoding.law {
        NoiseLaw::Skellam { .. } => variance * 2.0 * (lambda / 2.0).sinh().powi(2),
        NoiseLaw::LaplaceShare { noise_parameter, shares } => {
            let q = |lambda: f64| (1.0 - (lambda - noise_parameter.to_f64()).exp()).ln();
            clients / f64::from(shares) * (2.0 * q(0.0) - q(lambda) - q(-lambda))
        }
        _ => variance * lambda * lambda / 2.0,
    };
    let exponent = |lambda: f64| rotated * lambda * lambda / 2.0 + noise(lambda) - lambda * room;
    // Laplace noise has a pole, and the best lambda may be close to it.
    let pole = match encoding.law {
        NoiseLaw::LaplaceShare { noise_parameter, .. } => noise_parameter.to_f64(),
        _ => f64::INFINITY,
    };
    let to_pole = (1..1000).map(|step| pole * (1.0 - 2.0_f64.powf(f64::from(-step) / 50.0))).filter(|lambda| lambda.is_finite());
    let grid = (0..23_700).map(|step| 2.0_f64.powf(f64::from(step) / 500.0 - 38.0)).filter(|lambda| *lambda < pole);
    let best = grid.chain(to_pole).map(exponent).fold(f64::INFINITY, f64::min);
    (best + (2.0 * rounds as f64 * encoding.vector_len() as f64).ln()) / core::f64::consts::LN_2
}

/// The bound of section 5 again.
fn squared_sensitivity(encoding: &Encoding) -> f64 {
    let (levels, dimension) = (encoding.clip * encoding.scale, encoding.vector_len() as f64);
    let plain = (levels + dimension.sqrt()).powi(2);
    let conditional = levels.powi(2) + dimension / 4.0 + levels + dimension.sqrt() / 2.0;
    if encoding.rounding == Rounding::Plain { plain } else { plain.min(conditional) }
}

/// Whether `honest` shares reach the target, in integers: `z = sixteenths / 16`. Laplace shares reach it as soon as they are as many as make
/// up discrete Laplace noise of a parameter of at most `1 / (z Delta_1)`; more are more.
fn reaches(encoding: &Encoding, honest: u32, sixteenths: u32) -> bool {
    if let NoiseLaw::LaplaceShare { noise_parameter, shares } = encoding.law {
        let loss = u128::from(noise_parameter.numerator()) * u128::from(encoding.release().l1) * u128::from(sixteenths);
        return honest >= shares && loss <= 16 * u128::from(noise_parameter.denominator());
    }
    let (NoiseLaw::Skellam { variance } | NoiseLaw::DiscreteGaussian { variance }) = encoding.law else { panic!() };
    let noise = u128::from(honest) * u128::from(variance.numerator()) * 256;
    noise >= u128::from(sixteenths).pow(2) * u128::from(encoding.l2_squared) * u128::from(variance.denominator())
}

fn mechanisms() -> impl Strategy<Value = Mechanism> {
    prop::sample::select(alloc::vec![Mechanism::Skellam, Mechanism::DiscreteGaussian, Mechanism::DiscreteLaplaceShares])
}

prop_compose! {
    fn planners()(
        clients in 2..2000_u32,
        part in (0.5..1.0_f64, 0.0..0.5_f64),
        length in prop_oneof![1..200_u64, 1..1_000_000_u64, Just(1 << 30)],
        log_clip in -3.0..3.0_f64,
        sixteenths in 1..200_u32,
        bits in 8..64_u8,
        rotation in prop_oneof![Just(None), (6..=16_u8).prop_map(Some)],
        flags in any::<(bool, bool, bool)>(),
        mechanism in mechanisms(),
        rounds in 1..1000_u64,
    ) -> (Planner, u32) {
        let threshold = ((f64::from(clients) * part.0) as u32).max(1);
        let colluders = ((f64::from(threshold) * part.1) as u32).min(threshold - 1);
        let z = f64::from(sixteenths) / 16.0;
        let mut planner = Encoding::planner(clients, threshold, colluders, length, log_clip.exp(), z, bits).rotation(rotation).rounds(rounds).mechanism(mechanism);
        let (plain, bounded, weighted) = flags;
        if plain { planner = planner.rounding(Rounding::Plain); }
        if bounded { planner = planner.bounded(); }
        if weighted { planner = planner.weights(Weights { max: 100, unit: 0.001 }); }
        (planner, sixteenths)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_plan_that_is_returned_holds((planner, sixteenths) in planners()) {
        let Ok(plan) = planner.plan() else { return Ok(()) };
        let encoding = plan.encoding();
        prop_assert!(reaches(encoding, planner.threshold - planner.colluders, sixteenths));
        prop_assert!(plan.inflation() <= 2.0);
        let (release, bound) = (plan.release(), squared_sensitivity(encoding));
        prop_assert!(release.l2_squared as f64 >= bound * (1.0 - 1e-13) && release.l2_squared as f64 <= bound * (1.0 + 1e-13) + 1.0);
        let product = u128::from(release.dimension) * u128::from(release.l2_squared);
        let root = u128::from(release.l1);
        prop_assert!(release.l1 == release.l2_squared || (root * root <= product && (root + 1) * (root + 1) > product));
        prop_assert!(release.l1 <= release.l2_squared && release.dimension >= planner.length);
        prop_assert_eq!(plan.bytes(), (u128::from(release.dimension) * u128::from(planner.bits)).div_ceil(8) as u64);
        let deviation = (3.0 * (encoding.variance() + 0.25)).sqrt() * plan.granularity();
        prop_assert!((plan.error(3) / deviation - 1.0).abs() < 1e-12);
        if let Some(max_abs) = encoding.max_abs() {
            let largest = u128::from(max_abs) * u128::from(planner.clients);
            prop_assert!(largest <= u128::from(encoding.ring().max() >> 1));
            prop_assert!(plan.log2_wrap() == f64::NEG_INFINITY);
        } else {
            let (bound, grid) = (plan.log2_wrap(), log2_wrap_by_grid(encoding, planner.rounds));
            prop_assert!(bound <= -20.0);
            prop_assert!(bound <= grid * (1.0 - 1e-6) + 0.01 && bound >= grid * 1.05 - 0.01, "{} {}", bound, grid);
        }
        let described = Encoding::from_description(&encoding.describe());
        prop_assert_eq!(described.as_ref(), Ok(encoding));
    }

    /// Every refusal of parameters that are in range names a knob, and turning it as the error says helps.
    #[test]
    fn the_knob_that_a_refusal_names_helps((planner, _) in planners(), louder in 0..9_i32, longer in any::<bool>()) {
        let z = planner.noise_multiplier * 10_f64.powi(louder);
        let length = if longer { 1 << 40 } else { planner.length };
        let planner = Planner { noise_multiplier: z, length, ..planner };
        let error = match planner.plan() {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let with_bits = |bits| Planner { bits, ..planner.clone() }.plan();
        let quiet = Planner { noise_multiplier: 0.25, length: 1, ..planner.clone() };
        let helped = |planner: Planner| matches!(planner.plan(), Ok(_) | Err(PrivacyError::Bits { bits: _, need: ..=64 }));
        match error {
            PrivacyError::Bits { bits, need: need @ ..=64 } => {
                prop_assert!(need > bits && with_bits(need).is_ok());
                let fewer = with_bits(need - 1).unwrap_err();
                prop_assert_eq!(fewer, PrivacyError::Bits { bits: need - 1, need });
            }
            PrivacyError::Bits { .. } => {
                prop_assert!(with_bits(64).is_err() && helped(quiet.mechanism(Mechanism::Skellam)));
            }
            PrivacyError::Unreachable { knob: "scale", reason } if reason.contains("use Skellam") => {
                prop_assert!(planner.mechanism != Mechanism::Skellam && helped(planner.mechanism(Mechanism::Skellam)));
            }
            PrivacyError::Unreachable { knob: "scale", reason } => {
                prop_assert_eq!(reason, "lower `noise_multiplier` or `length`");
                prop_assert!(helped(quiet.mechanism(Mechanism::Skellam)));
            }
            other => prop_assert!(false, "{:?} is refused with {}", planner, other),
        }
    }

    /// Section 6 for many clients: sets drawn at random, and the worst set, in which all colluders survive and no more than they must.
    #[test]
    fn no_set_of_survivors_of_a_large_session_has_less_noise_than_promised(
        clients in 9..3000_u32,
        part in (0.4..1.0_f64, 0.0..0.9_f64),
        sixteenths in 1..100_u32,
        mechanism in mechanisms(),
        seed in any::<u64>(),
    ) {
        let threshold = ((f64::from(clients) * part.0) as u32).max(1);
        let colluders = ((f64::from(threshold) * part.1) as u32).min(threshold - 1);
        let z = f64::from(sixteenths) / 16.0;
        let planner = Encoding::planner(clients, threshold, colluders, 300, 1.0, z, 36).mechanism(mechanism);
        // So many clients that a share of discrete Gaussian noise would be too narrow: refused, not weakened.
        let Ok(plan) = planner.plan() else {
            prop_assert!(mechanism == Mechanism::DiscreteGaussian);
            return Ok(());
        };
        let mut rng = StdRng::seed_from_u64(seed);
        let mut ids: Vec<u32> = (0..clients).collect();
        for _ in 0..20 {
            ids.shuffle(&mut rng);
            let survivors: BTreeSet<u32> = ids.iter().copied().take(rng.random_range(threshold..=clients) as usize).collect();
            ids.shuffle(&mut rng);
            let colluding: BTreeSet<u32> = ids.iter().copied().take(rng.random_range(0..=colluders) as usize).collect();
            prop_assert!(reaches(plan.encoding(), survivors.difference(&colluding).count() as u32, sixteenths));
        }
        let worst = (0..threshold).filter(|id| *id >= colluders).count() as u32;
        prop_assert!(reaches(plan.encoding(), worst, sixteenths) && worst == plan.release().honest);
    }

    /// Section 6, in full: whoever survives, and whoever of them colludes. All clients have one law and draw independently, so that the
    /// variance of a set is its size times that of one.
    #[test]
    fn every_allowed_set_of_survivors_and_colluders_leaves_the_promised_noise(
        clients in 2..9_u32,
        part in (0.4..1.0_f64, 0.0..0.9_f64),
        sixteenths in 1..100_u32,
        mechanism in mechanisms(),
    ) {
        let threshold = ((f64::from(clients) * part.0) as u32).max(1);
        let colluders = ((f64::from(threshold) * part.1) as u32).min(threshold - 1);
        let z = f64::from(sixteenths) / 16.0;
        let plan = Encoding::planner(clients, threshold, colluders, 300, 1.0, z, 32).mechanism(mechanism).plan().unwrap();
        for survivors in (0..1_u32 << clients).filter(|set| set.count_ones() >= threshold) {
            for colluding in (0..1_u32 << clients).filter(|set| set.count_ones() <= colluders) {
                prop_assert!(reaches(plan.encoding(), (survivors & !colluding).count_ones(), sixteenths));
            }
        }
        // One honest survivor less would not be enough: the noise is not simply too large.
        let least = threshold - colluders;
        prop_assert!(least == 1 || !reaches(plan.encoding(), least - 1, sixteenths));
        prop_assert_eq!(plan.release().honest, least);
        prop_assert_eq!(plan.surplus(), f64::from(clients) / f64::from(least));
    }
}

#[test]
fn the_norm_bounds_are_those_of_the_paper() {
    // Computed with the reference code of Kairouz, Liu and Steinke: 11 for plain, 11.832159566199232 squared for conditional.
    assert_eq!(norm_bound(1.0, 100, Rounding::Plain), Some(122));
    assert_eq!(norm_bound(10.0, 100, Rounding::Conditional), Some(141));
    // Rounded up, never down.
    assert!((141.0 - 11.832_159_566_199_232_f64.powi(2)).abs() < 1.01);
    // Where it is the smaller one, the plain bound counts for conditional rounding too.
    assert_eq!(norm_bound(0.001, 1, Rounding::Conditional), Some(1));
}

#[test]
fn release_states_integer_sensitivities_and_the_honest_number() {
    let plan = Encoding::plan(100, 67, 33, 1000, 1.0, 1.0, 30).unwrap();
    let release = plan.release();
    assert_eq!((release.clients, release.honest, release.dimension), (100, 34, 1024));
    assert_eq!(u128::from(release.l1), (1024 * u128::from(release.l2_squared)).isqrt());
    // The cap of rounding, and 34 * 1024 draws at 2^-96 each.
    assert_eq!(release.failure, 2.0_f64.powi(-64) + 34.0 * 1024.0 * 2.0_f64.powi(-96));
    assert!((release.added_delta(1.0) / release.failure - 1.0 - core::f64::consts::E).abs() < 1e-12);
    let bounded = Encoding::planner(100, 67, 33, 1000, 1.0, 1.0, 40).bounded().rounding(Rounding::Plain).plan().unwrap();
    assert_eq!(bounded.release().failure, release.failure, "the bound instead of the cap");
    assert_eq!(plan.encoding().release_with(60).honest, 60);
    // Pure: as many shares as honest survivors, each of a fraction of the variance 2 q / (1 - q)^2 of discrete Laplace noise.
    let pure = Encoding::planner(100, 67, 33, 10, 1.0, 2.0, 30).rotation(None).mechanism(Mechanism::DiscreteLaplaceShares);
    let pure = pure.plan().unwrap();
    let NoiseLaw::LaplaceShare { noise_parameter, shares: 34 } = pure.release().law else { panic!("{pure:?}") };
    let (a, q) = (noise_parameter.to_f64(), (-noise_parameter.to_f64()).exp());
    assert!((2.0 * a * pure.release().l1 as f64 - 1.0).abs() < 1e-5);
    assert!((pure.encoding().variance() * 34.0 * (1.0 - q).powi(2) / (2.0 * q) - 1.0).abs() < 1e-9);
    // In few levels the squared norm is the smaller bound on the L1 norm.
    let coarse = Encoding { l2_squared: 40, ..plan.encoding().clone() };
    assert_eq!(coarse.release().l1, 40);
}

/// With few coordinates and few levels the norm bound jumps, and with it the inflation: between two scales that hold one may not.
#[test]
fn scales_at_which_the_norm_bound_jumps_are_passed_over() {
    for bits in 8..20 {
        let planner = Encoding::planner(1020, 510, 0, 1, 1.0, 0.25, bits).rotation(None).rounds(5);
        let plan = planner.weights(Weights { max: 100, unit: 0.001 }).plan();
        assert!(matches!(plan, Ok(_) | Err(PrivacyError::Bits { .. })), "{bits}: {plan:?}");
    }
}
