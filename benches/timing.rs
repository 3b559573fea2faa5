//! Whether time depends on secrets: Welch's t between two classes of secrets, as in dudect (Reparaz, Balasch, Verbauwhede 2017).
//!
//! `cargo bench --bench timing` prints a table. A `|t|` that stays below 4.5 is no evidence of a leak, which is not a proof that there is none;
//! one that grows with the number of measurements is a leak. The last row is a loop that branches on its secret: it has to be found. Measurements
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
    LatticeSet, Ring, SessionId,
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

fn main() {
    let mut rng = StdRng::seed_from_u64(1);
    println!("{:<58} {:>8}", "what, and its secret", "t");
    let report = |what: String, t: f64| println!("{what:<58} {t:>8.2}");
    for instructions in Instructions::available() {
        let new = || {
            let ring = Ring::new(21).unwrap();
            LatticeMask::new(LatticeSet::L96, SessionId([7; 32]), 195, ring, 5377, instructions).unwrap()
        };
        let mut mask = new();
        let (len, mut wire) = (mask.block_len() as usize, vec![0; mask.wire_len(mask.block_len()) as usize]);
        let value = t(&mut rng, |rng, random| words(rng, random, len, 5377), |words| mask.mask(3, words, &mut wire).unwrap());
        report(format!("a block of lattice masks: the words, {instructions:?}"), value);
        let (mut mask, zeros) = (new(), vec![0_u32; len]);
        let seed = |rng: &mut StdRng, random: bool| rng.random::<[u8; 32]>().map(|byte| byte * u8::from(random));
        // The seed is set in the timed part: in both classes alike.
        let value = t(&mut rng, seed, |seed| {
            mask.set_errors(*seed);
            mask.mask(3, &zeros, &mut wire).unwrap();
        });
        report(format!("a block of lattice masks: the errors, {instructions:?}"), value);
        let transform = InverseTransform::new(LatticeSet::L96, instructions);
        let below = transform.modulus();
        let values = |rng: &mut StdRng, random: bool| -> Vec<u64> {
            (0..transform.len()).map(|_| rng.next_u64() % below * u64::from(random)).collect()
        };
        let value = t(&mut rng, values, |values| transform.apply(values));
        report(format!("the inverse transform: its values, {instructions:?}"), value);
    }
    let (ring, mut wire) = (Ring::new(20).unwrap(), vec![0; 40_960]);
    let value = t(&mut rng, |rng, random| words(rng, random, 1 << 14, 1 << 20), |words| pack_u32(ring, words, &mut wire));
    report("packing words of 20 bits: the words".into(), value);
    let value = t(
        &mut rng,
        |rng, random| words(rng, random, 1 << 12, 1 << 20),
        |words| {
            black_box(words.iter().position(|word| *word > 1 << 18));
        },
    );
    report("control, which has to be found: a search that stops".into(), value);
}
