//! Whether time depends on secrets: Welch's t between two classes of secrets, as in dudect (Reparaz, Balasch, Verbauwhede 2017).
//!
//! `cargo bench --bench timing` prints a table. A `|t|` that stays below 4.5 is no evidence of a leak, which is not a proof that there is none;
//! one that grows with the number of measurements is a leak. Rows named "control" are loops that branch on their secret: they have to be found. Measurements
//! above a class-blind quantile are dropped, for interrupts. Run it on a quiet machine.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

mod common;

use std::{hint::black_box, time::Instant};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use veilsum::{
    LatticeSet, PrivacyError, Ring, SessionId,
    dp::{Encoding, EncodingSeed, ExactSampler, FixedPoint, NOISE_BLOCK, NoiseLaw, NoiseSeed, Rational, Rounding, Sampler},
    hazmat::{Instructions, InverseTransform, LatticeMask, pack_u32},
};

/// Of each row; a quick run shows only that the control is found.
fn measurements() -> usize {
    if common::quick() { 2_000 } else { 20_000 }
}

/// Mean and variance, one value at a time (Welford).
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }
}

/// Welch's t between the times of a fixed secret and of random ones. `secret` prepares one of a class, and is not timed.
fn t<S>(rng: &mut StdRng, mut secret: impl FnMut(&mut StdRng, bool) -> S, mut run: impl FnMut(&mut S)) -> f64 {
    let mut times: Vec<(bool, f64)> = (0..measurements())
        .map(|_| {
            let random = rng.random();
            let mut secret = secret(rng, random);
            let begun = Instant::now();
            run(black_box(&mut secret));
            (random, begun.elapsed().as_nanos() as f64)
        })
        .collect();
    times.drain(..times.len() / 10);
    let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let limit = sorted[sorted.len() * 9 / 10];
    let mut classes = [Moments::default(); 2];
    times.iter().filter(|(_, time)| *time <= limit).for_each(|(random, time)| classes[usize::from(*random)].add(*time));
    let [fixed, random] = classes;
    let error = |class: Moments| class.squares / (class.count - 1.0) / class.count;
    (fixed.mean - random.mean) / (error(fixed) + error(random)).sqrt()
}

/// The same work for both classes: what a generator leaves behind in the machine must not tell them apart.
fn words(rng: &mut StdRng, random: bool, len: usize, below: u32) -> Vec<u32> {
    (0..len).map(|_| rng.next_u32() % below * u32::from(random)).collect()
}

fn report(what: &str, t: f64) {
    println!("{what:<66} {t:>8.2}");
}

fn law(sigma: u64) -> NoiseLaw {
    NoiseLaw::DiscreteGaussian { variance: Rational::new(sigma * sigma, 1).unwrap() }
}

/// The generator of a fixed or of a random secret, made by the same steps.
fn generator(rng: &mut StdRng, random: bool) -> StdRng {
    StdRng::seed_from_u64(rng.next_u64() * u64::from(random))
}

type Build = fn(NoiseLaw) -> Result<Sampler, PrivacyError>;

/// Samplers: what they draw, and what they add it to. Tables whose addresses depend on the noise may show the former to whoever shares
/// the caches; the first row says whether this program sees it.
fn samplers(rng: &mut StdRng) {
    let builds: [(&str, Build); 2] = [("tables", Sampler::new), ("constant time", Sampler::constant_time)];
    for (name, sigma, build) in builds.into_iter().flat_map(|(name, build)| [16, 1 << 20].map(|sigma| (name, sigma, build))) {
        let sampler = build(law(sigma)).unwrap();
        let mut values = vec![0_i64; NOISE_BLOCK];
        let seed = |rng: &mut StdRng, random: bool| NoiseSeed::random(&mut generator(rng, random)).unwrap();
        let value = t(rng, seed, |seed| sampler.add(seed, 0, &mut values));
        report(&format!("a block of noise, {name}, sigma {sigma}: the noise"), value);
        let fixed = NoiseSeed::random(&mut generator(rng, false)).unwrap();
        let values = |rng: &mut StdRng, random: bool| -> Vec<i64> {
            (0..NOISE_BLOCK).map(|_| rng.random_range(-1000..1000) * i64::from(random)).collect()
        };
        let value = t(rng, values, |values| sampler.add(&fixed, 0, values));
        report(&format!("a block of noise, {name}, sigma {sigma}: the values"), value);
    }
}

/// A vector of fixed or random values of the same size; no zeros, which some processors multiply faster.
fn reals(rng: &mut StdRng, random: bool, size: f32) -> Vec<f32> {
    let (random, fixed) = (f32::from(u8::from(random)), f32::from(u8::from(!random)));
    (0..4096).map(|_| rng.random_range(-size..size) * random + fixed * size / 2.0).collect()
}

/// The private encoding without noise, and fixed point. Conditional rounding repeats itself as often as the data wants, so its time
/// depends on the data (docs/privacy.md, section 4.5); plain rounding is measured.
fn encodings(rng: &mut StdRng) {
    for (name, rotation) in [("without rotation", None), ("rotated", Some(12))] {
        let planner = Encoding::planner(100, 67, 33, 4096, 1.0, 1.0, 32).rotation(rotation).rounding(Rounding::Plain);
        let encoding = planner.plan().unwrap().encoding().clone();
        let mut words = vec![0_u32; 4096];
        // A norm of a half or a third, and one that is clipped: by the same steps.
        for (what, fixed, random) in [("rounding", 0.016, 0.016), ("clipping", 0.016, 1.6)] {
            let secret = |rng: &mut StdRng, class: bool| {
                let values = reals(rng, class, if class { random } else { fixed });
                (values, Some(EncodingSeed::generate(&mut generator(rng, false)).unwrap()))
            };
            let value = t(rng, secret, |(values, seed)| {
                let seed = seed.take().unwrap();
                encoding.encoder_without_noise(&*values, 1, seed).unwrap().next_words(&mut words).unwrap();
            });
            report(&format!("{what}, {name}: the values"), value);
        }
    }
    let (code, ring, mut words) = (FixedPoint::new(1.0, 16, 1).unwrap(), Ring::new(24).unwrap(), vec![0_u32; 4096]);
    for (what, random) in [("rounding", 0.5), ("clipping", 10.0)] {
        let secret = |rng: &mut StdRng, class: bool| reals(rng, class, if class { random } else { 0.5 });
        let value = t(rng, secret, |values| {
            black_box(code.quantize(ring, 1, values, &mut words).unwrap());
        });
        report(&format!("{what} in fixed point: the values"), value);
    }
}

/// What has to be found: a sampler whose loops end with the noise.
fn looping_sampler(rng: &mut StdRng) {
    let sampler = ExactSampler::new(law(16)).unwrap();
    let value = t(rng, generator, |coins| {
        black_box((0..100).map(|_| sampler.sample(coins)).sum::<i64>());
    });
    report("control, which has to be found: a sampler that rejects", value);
}

fn main() {
    let mut rng = StdRng::seed_from_u64(1);
    println!("{:<66} {:>8}", "what, and its secret", "t");
    masks(&mut rng);
    samplers(&mut rng);
    encodings(&mut rng);
    looping_sampler(&mut rng);
}

fn masks(rng: &mut StdRng) {
    for instructions in Instructions::available() {
        let new = || {
            let ring = Ring::new(21).unwrap();
            LatticeMask::new(LatticeSet::L96, SessionId([7; 32]), 195, ring, 5377, instructions).unwrap()
        };
        let mut mask = new();
        let (len, mut wire) = (mask.block_len() as usize, vec![0; mask.wire_len(mask.block_len()) as usize]);
        let value = t(rng, |rng, random| words(rng, random, len, 5377), |words| mask.mask(3, words, &mut wire).unwrap());
        report(&format!("a block of lattice masks: the words, {instructions:?}"), value);
        let (mut mask, zeros) = (new(), vec![0_u32; len]);
        let seed = |rng: &mut StdRng, random: bool| rng.random::<[u8; 32]>().map(|byte| byte * u8::from(random));
        // The seed is set in the timed part: in both classes alike.
        let value = t(rng, seed, |seed| {
            mask.set_errors(*seed);
            mask.mask(3, &zeros, &mut wire).unwrap();
        });
        report(&format!("a block of lattice masks: the errors, {instructions:?}"), value);
        let transform = InverseTransform::new(LatticeSet::L96, instructions);
        let below = transform.modulus();
        let values = |rng: &mut StdRng, random: bool| -> Vec<u64> {
            (0..transform.len()).map(|_| rng.next_u64() % below * u64::from(random)).collect()
        };
        let value = t(rng, values, |values| transform.apply(values));
        report(&format!("the inverse transform: its values, {instructions:?}"), value);
    }
    let (ring, mut wire) = (Ring::new(20).unwrap(), vec![0; 40_960]);
    let value = t(rng, |rng, random| words(rng, random, 1 << 14, 1 << 20), |words| pack_u32(ring, words, &mut wire));
    report("packing words of 20 bits: the words", value);
    let value = t(
        rng,
        |rng, random| words(rng, random, 1 << 12, 1 << 20),
        |words| {
            black_box(words.iter().position(|word| *word > 1 << 18));
        },
    );
    report("control, which has to be found: a search that stops", value);
}
