//! What is private: one direction alone, and the roundings.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use libm::exp;
use realfft::RealFftPlanner;

use super::{
    compose::{Composition, Factor, Side, Tilt},
    law::{Direction, Law},
    pair::Pair,
    pmf::{Pmf, Rounding},
};

const UNTILTED: Tilt = Tilt { order: 0.0, above: 1.0, below: 1.0 };

/// Pieces may be wide.
fn rounding(direction: Direction, step: f64, tail: f64) -> Rounding {
    Rounding { direction, step, tail, order: 1.0, ln_scale: 0.0, width: 0.3 }
}

fn bounds(pair: &Pair, direction: Direction, step: f64, count: u64, tilt: Tilt, epsilon: f64) -> (f64, f64) {
    let delta = |side| {
        let pmf = match side {
            Side::Upper => Pmf::pessimistic(pair, rounding(direction, step, 1e-30)),
            Side::Lower => Pmf::optimistic(pair, rounding(direction, step, 1e-30)),
        };
        let factors = [Factor { pmf, count }];
        let composition = Composition { factors: &factors, step, side, most: 1 << 24 };
        composition.sum(tilt, &mut RealFftPlanner::new()).unwrap().delta(epsilon)
    };
    (delta(Side::Lower), delta(Side::Upper))
}

#[test]
fn published_deltas_of_adding_a_party_are_reproduced() {
    // dp-accounting privacy_loss_mechanism_test.
    let cases = [
        (Law::Laplace { rate: 2.0 }, 0.8, 0.5, 0.324_360_649_723_424_6),
        (Law::Laplace { rate: 1.0 }, 0.6, 0.2, 0.140_113_452_135_421_7),
        (Law::DiscreteLaplace { rate: 0.5, shift: 4.0 }, 0.7, 0.5, 0.229_362_834_874_775_5),
    ];
    for (law, sampling, epsilon, delta) in cases {
        let (low, up) = bounds(&Pair { law, sampling, fixed_size: false }, Direction::Add, 1e-4, 1, UNTILTED, epsilon);
        assert!(low <= delta * (1.0 + 1e-9) && delta * (1.0 - 1e-9) <= up && up - low < 1e-4, "{low} {delta} {up}");
    }
}

#[test]
fn any_step_and_any_tilt_bracket_the_exact_gaussian() {
    let pair = Pair { law: Law::Gaussian { mu: 0.5 }, sampling: 1.0, fixed_size: false };
    for step in [0.003, 0.02, 0.1, 0.7, 3.0] {
        for epsilon in [0.0, 0.5, 2.0, 5.0] {
            let (least, most) = super::normal::gaussian_ln_delta(1.0, epsilon);
            for order in [0.0, 1.0, 4.0] {
                let tilt = Tilt { order, above: 2.0, below: 2.0 };
                let (low, up) = bounds(&pair, Direction::Remove, step, 4, tilt, epsilon);
                assert!(
                    low <= exp(most) && exp(least) <= up,
                    "step {step}, epsilon {epsilon}, order {order}: {low} {least} {up}"
                );
            }
        }
    }
}

#[test]
fn both_roundings_are_of_second_order() {
    let pair = Pair { law: Law::Gaussian { mu: 1.0 }, sampling: 0.1, fixed_size: false };
    let width = |step| {
        let (low, up) = bounds(&pair, Direction::Remove, step, 50, Tilt { order: 3.0, above: 3.0, below: 3.0 }, 2.0);
        up - low
    };
    // Four times and not just twice as close with half the step.
    assert!(width(0.01) < 0.3 * width(0.02), "{} {}", width(0.01), width(0.02));
}

#[test]
fn roundings_keep_all_mass_and_order_the_means() {
    for law in [Law::Gaussian { mu: 1.0 }, Law::Laplace { rate: 1.5 }, Law::discrete_gaussian(2.0, 3.0)] {
        for sampling in [0.01, 0.5, 1.0] {
            for direction in [Direction::Add, Direction::Remove] {
                let pair = Pair { law: law.clone(), sampling, fixed_size: false };
                let (step, tail) = (0.01, 1e-25);
                let mass = |pmf: &Pmf| pmf.points.iter().map(|point| point.1).sum::<f64>();
                let mean = |pmf: &Pmf| (pmf.ln_mgf(1e-6, step) - pmf.ln_mgf(-1e-6, step)) / 2e-6;
                let (high, low) = (
                    Pmf::pessimistic(&pair, rounding(direction, step, tail)),
                    Pmf::optimistic(&pair, rounding(direction, step, tail)),
                );
                assert!((mass(&high) + high.infinite - 1.0).abs() < 1e-9);
                assert!((mass(&low) - 1.0).abs() < 1e-9);
                assert!(mean(&low) <= mean(&high) + 1e-9, "{pair:?} {direction:?}");
            }
        }
    }
}
