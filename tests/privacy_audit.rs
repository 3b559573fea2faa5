//! A black-box audit: an attacker who sees sums of the private encoding, of one vector or of nothing, finds a lower bound on epsilon that
//! holds with high confidence. It has to stay below what the accountant claims; and it has to pass that if the noise is half of what it
//! should be.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

#[path = "common/plain.rs"]
mod plain;

use plain::{len, seed, vector};
use rayon::prelude::*;
use veilsum::{
    account::{Accountant, Event, NeighboringRelation, RdpAccountant},
    dp::{Encoding, Mechanism, NoiseLaw, Plan, Planner, Rational, Release, Rounding},
};

/// Releases of each of the two neighbours: half of them to choose the attack, half to measure it.
const RUNS: u64 = 12_000;
const DELTA: f64 = 0.01;
/// Each of the two probabilities of an attack is inside its interval except with this chance.
const DOUBT: f64 = 1e-4;

/// Of four survivors one tells its noise.
fn planner(length: u64) -> Planner {
    Encoding::planner(5, 4, 1, length, 1.0, 1.0, 24)
}

/// Decoded sums, as the attacker looks at them: the part along the vector in question. The noise of `honest` clients is unknown; what
/// everybody else has is known, and so left out.
fn outputs(encoding: &Encoding, honest: u32, direction: &[f32], present: bool, first: u64) -> Vec<f64> {
    let (sampler, mask) = (encoding.sampler().unwrap(), encoding.ring().max());
    let zeros = vec![0.0; direction.len()];
    let output = |run: u64| {
        let (mut sum, mut words, mut values) = (vec![0; len(encoding)], vec![0_u64; len(encoding)], vec![0.0; len(encoding)]);
        for client in 0..u64::from(honest) {
            let vector = if present && client == 0 { direction } else { &zeros };
            let seed = seed((first + run) * u64::from(honest) + client);
            encoding.encoder(&sampler, vector, 1, seed).unwrap().next_words(&mut words).unwrap();
            sum.iter_mut().zip(&words).for_each(|(sum, word): (&mut u64, _)| *sum = sum.wrapping_add(*word) & mask);
        }
        encoding.decode(0, &sum, &mut values).unwrap();
        values.iter().zip(direction).map(|(value, along)| value * f64::from(*along)).sum()
    };
    (0..RUNS).into_par_iter().map(output).collect()
}

/// The attacker guesses that the first of two worlds was there if the output is above the threshold, or below it.
#[derive(Clone, Copy)]
struct Attack {
    threshold: f64,
    above: bool,
}

impl Attack {
    fn hits(self, outputs: &[f64]) -> usize {
        outputs.iter().filter(|output| (**output > self.threshold) == self.above).count()
    }

    /// The ratio that would be found, for a rough choice: each rate moved by three deviations.
    fn promise(self, [first, second]: [&[f64]; 2]) -> f64 {
        let rate = |outputs: &[f64]| (self.hits(outputs) as f64 + 1.0) / outputs.len() as f64;
        let off = |rate: f64| 3.0 * (rate / first.len() as f64).sqrt();
        let (p, q) = (rate(first), rate(second));
        (p - off(p) - DELTA) / (q + off(q))
    }
}

/// The best attack against these outputs.
fn choose(worlds: [&[f64]; 2]) -> Attack {
    let thresholds = (-40..80).map(|step| f64::from(step) / 20.0);
    let attacks = thresholds.flat_map(|threshold| [true, false].map(|above| Attack { threshold, above }));
    attacks.max_by(|a, b| a.promise(worlds).total_cmp(&b.promise(worlds))).unwrap()
}

/// Binomial laws of one number of trials.
struct Binomial {
    log_factorials: Vec<f64>,
}

impl Binomial {
    fn new(trials: usize) -> Self {
        let mut sum = 0.0;
        let log_factorials = (0..=trials).map(|k| {
            sum += (k.max(1) as f64).ln();
            sum
        });
        Self { log_factorials: log_factorials.collect() }
    }

    /// The chance of at least `hits`.
    fn at_least(&self, hits: usize, rate: f64) -> f64 {
        let n = self.log_factorials.len() - 1;
        let log = |k: usize| {
            self.log_factorials[n] - self.log_factorials[k] - self.log_factorials[n - k]
                + k as f64 * rate.ln()
                + (n - k) as f64 * (-rate).ln_1p()
        };
        (hits..=n).map(|k| log(k).exp()).sum()
    }

    /// The rate up to which so many hits are less likely than `DOUBT` (Clopper and Pearson, 1934).
    fn least_rate(&self, hits: usize) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            *(if self.at_least(hits, middle) < DOUBT { &mut low } else { &mut high }) = middle;
        }
        low
    }

    /// The rate from which on so few hits are less likely.
    fn largest_rate(&self, hits: usize) -> f64 {
        1.0 - self.least_rate(self.log_factorials.len() - 1 - hits)
    }
}

/// Epsilon is at least this, except with a chance of `2 DOUBT` for each of the two orders of the worlds.
fn lower_bound(present: &[f64], absent: &[f64]) -> f64 {
    let half = present.len() / 2;
    let binomial = Binomial::new(half);
    let bound = |[first, second]: [&[f64]; 2]| {
        let attack = choose([&first[..half], &second[..half]]);
        let [first, second] = [first, second].map(|outputs| attack.hits(&outputs[half..]));
        ((binomial.least_rate(first) - DELTA).max(0.0) / binomial.largest_rate(second)).ln()
    };
    bound([present, absent]).max(bound([absent, present])).max(0.0)
}

/// What the accountant says of one release.
fn claim(release: &Release) -> f64 {
    let mut accountant = RdpAccountant::new(NeighboringRelation::ReplaceSpecial);
    accountant.compose(&Event::release(release).unwrap(), 1).unwrap();
    let epsilon = accountant.epsilon(DELTA).unwrap();
    assert!(release.added_delta(epsilon) < 1e-15);
    epsilon
}

fn audit(encoding: &Encoding, honest: u32, direction: &[f32]) -> f64 {
    let [present, absent] = [true, false].map(|present| outputs(encoding, honest, direction, present, RUNS * u64::from(present)));
    lower_bound(&present, &absent)
}

/// The same encoding, but each client draws noise of half the deviation: what a broken sampler would do.
fn with_half_the_noise(encoding: &Encoding) -> Encoding {
    let parameter = match encoding.release().law {
        NoiseLaw::Skellam { variance: whole } | NoiseLaw::DiscreteGaussian { variance: whole } => {
            Rational::new(whole.numerator(), 4 * whole.denominator()).unwrap()
        }
        NoiseLaw::LaplaceShare { noise_parameter: whole, .. } => {
            Rational::new(2 * whole.numerator(), whole.denominator()).unwrap()
        }
        other => panic!("{other:?}"),
    };
    let mut description = encoding.describe();
    description[37..45].copy_from_slice(&parameter.numerator().to_le_bytes());
    description[45..53].copy_from_slice(&parameter.denominator().to_le_bytes());
    Encoding::from_description(&description).unwrap()
}

/// The honest encoder stays below the claim, and comes close to it; the broken one is caught.
fn passes_and_catches(plan: &Plan, direction: &[f32], close: f64) {
    let (encoding, honest) = (plan.encoding(), plan.release().honest);
    assert_eq!(honest, 3);
    let claim = claim(&plan.release());
    let bound = audit(encoding, honest, direction);
    println!("claim {claim:.3}, bound {bound:.3}");
    assert!(bound <= claim, "an attack shows epsilon {bound}, above the claim of {claim}");
    assert!(bound > close * claim, "an attack that shows only {bound} of {claim} tests little");
    let broken = audit(&with_half_the_noise(encoding), honest, direction);
    println!("broken {broken:.3}");
    assert!(broken > 1.1 * claim, "half the noise shows only {broken}, and the claim is {claim}");
}

#[test]
fn one_value_with_skellam_noise_is_as_private_as_claimed_and_half_the_noise_is_caught() {
    passes_and_catches(&planner(1).rotation(None).plan().unwrap(), &[1.0], 0.5);
}

#[test]
fn one_value_with_discrete_gaussian_noise_is_as_private_as_claimed_and_half_the_noise_is_caught() {
    let planner = planner(1).rotation(None).rounding(Rounding::Plain).mechanism(Mechanism::DiscreteGaussian);
    passes_and_catches(&planner.plan().unwrap(), &[1.0], 0.5);
}

/// The claim is that of pure differential privacy, at any delta.
#[test]
fn one_value_with_laplace_shares_is_as_private_as_claimed_and_half_the_noise_is_caught() {
    let plan = planner(1).rotation(None).mechanism(Mechanism::DiscreteLaplaceShares).plan().unwrap();
    assert!(claim(&plan.release()) <= 1.0);
    passes_and_catches(&plan, &[1.0], 0.7);
}

/// Rotated, rounded to few levels, in words of few bits.
#[test]
fn a_rotated_vector_in_coarse_levels_is_as_private_as_claimed_and_half_the_noise_is_caught() {
    let plan = Encoding::plan(5, 4, 1, 60, 1.0, 1.0, 10).unwrap();
    assert!(plan.inflation() > 1.001, "{}", plan.inflation());
    // A little above the clipping norm: the longest vector that there is.
    passes_and_catches(&plan, &vector(60, 1.000_001, 1), 0.5);
}

/// A client less than the plan counts on costs more, and the accountant says how much.
#[test]
fn with_fewer_honest_clients_than_planned_the_restated_claim_holds() {
    let plan = planner(1).rotation(None).plan().unwrap();
    let bound = audit(plan.encoding(), 1, &[1.0]);
    let [promised, restated] = [3, 1].map(|honest| claim(&plan.encoding().release_with(honest)));
    assert!(bound > promised && bound <= restated, "{promised} {bound} {restated}");
}

#[test]
fn the_bounds_are_those_of_clopper_and_pearson() {
    let binomial = Binomial::new(10);
    // In closed form at the ends: 1 - rate^n and 1 - (1 - rate)^n.
    assert!((binomial.least_rate(10) - DOUBT.powf(0.1)).abs() < 1e-12);
    assert!((binomial.largest_rate(0) - (1.0 - DOUBT.powf(0.1))).abs() < 1e-12);
    assert!((binomial.least_rate(1) + (0.1 * (-DOUBT).ln_1p()).exp_m1()).abs() < 1e-12);
    assert!(binomial.least_rate(0) < 1e-12 && binomial.largest_rate(10) > 1.0 - 1e-12);
    let half: f64 = [252.0, 210.0, 120.0, 45.0, 10.0, 1.0].iter().sum::<f64>() / 1024.0;
    assert!((binomial.at_least(5, 0.5) - half).abs() < 1e-12);
}
