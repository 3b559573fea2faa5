//! Accuracy against epsilon, for twelve nations and for many.
//!
//! There are too many trainings here for sessions: updates are encoded, added up in the clear, and decoded. A session gives the same sum bit for bit,
//! which `train` checks in every round of its own.

use std::{
    error::Error,
    num::NonZero,
    sync::Mutex,
    thread::{self, available_parallelism},
};

use indicatif::ProgressBar;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use veilsum::{Ring, account::calibrate::Target};

use super::{
    Budget, Setting, noise_of,
    training::{curated, survivors, updates},
};
use crate::{
    code::{Coding, Private},
    data::World,
    draw_dropouts,
    learn::{Learner, accuracy},
    linear::Linear,
    progress_bar,
};

/// Trainings for each point: they differ in noise, in the order of images and in who drops out.
pub(crate) const REPEATS: usize = 5;
const EPSILONS: [f64; 8] = [0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0];

/// Accuracies of several trainings.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) mean: f32,
    pub(crate) deviation: f32,
}

pub(crate) struct Point {
    pub(crate) epsilon: f64,
    pub(crate) private: Spread,
    pub(crate) central: Spread,
}

/// What a federation is good for, beside a nation that trains alone and shows nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Not better on average.
    Useless,
    /// Better on average, by less than one training differs from another.
    Uncertain,
    Better,
}

impl Point {
    pub(crate) fn compared_to(&self, alone: f32) -> Use {
        match self.private {
            Spread { mean, .. } if mean <= alone => Use::Useless,
            Spread { mean, deviation } if mean - deviation <= alone => Use::Uncertain,
            _ => Use::Better,
        }
    }
}

pub(crate) struct Frontier {
    pub(crate) nations: usize,
    /// Images that a nation has on average.
    pub(crate) images: usize,
    pub(crate) best_alone: f32,
    /// The same training, clipped, without noise.
    pub(crate) clipped: Spread,
    /// By ascending epsilon.
    pub(crate) points: Vec<Point>,
    /// Epsilons at which there is no plan, and why.
    pub(crate) missing: Vec<(f64, String)>,
}

/// A point to compute.
struct Job<'a> {
    frontier: usize,
    world: &'a World,
    epsilon: f64,
    seed: [u8; 32],
}

/// Who runs a training.
enum Runner<'a> {
    Federation(&'a Private),
    Curator(f64),
}

/// Both frontiers, on all processors.
pub(crate) fn compute(setting: &Setting, worlds: [&World; 2], alone: [f32; 2]) -> Result<[Frontier; 2], Box<dyn Error>> {
    let mut seeds = noise_of(setting);
    let mut frontiers = [0, 1].map(|place: usize| begin(setting, worlds[place], alone[place]));
    let mut jobs = Vec::new();
    for (frontier, world) in worlds.into_iter().enumerate() {
        let each = epsilons(setting).into_iter().map(|epsilon| Job { frontier, world, epsilon, seed: seeds.random() });
        jobs.extend(each);
    }
    let bar = progress_bar("point", jobs.len());
    bar.set_message("accuracy against epsilon: encoded and added up without sessions");
    let workers = available_parallelism().map_or(1, NonZero::get);
    let (queue, results) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        (0..workers).for_each(|_| drop(scope.spawn(|| work(setting, &queue, &results, &bar))));
    });
    bar.finish_and_clear();
    for (frontier, epsilon, result) in results.into_inner()? {
        match result {
            Ok(point) => frontiers[frontier].points.push(point),
            Err(reason) => frontiers[frontier].missing.push((epsilon, reason)),
        }
    }
    frontiers.iter_mut().for_each(|frontier| frontier.points.sort_by(|a, b| a.epsilon.total_cmp(&b.epsilon)));
    Ok(frontiers)
}

/// The epsilon that was asked for is one of them.
fn epsilons(setting: &Setting) -> Vec<f64> {
    let asked = Some(setting.target.epsilon).filter(|epsilon| !EPSILONS.contains(epsilon));
    EPSILONS.into_iter().chain(asked).collect()
}

fn begin(setting: &Setting, world: &World, best_alone: f32) -> Frontier {
    let nations = world.nations.len();
    let images = world.nations.iter().map(|nation| nation.data.len()).sum::<usize>() / nations;
    let clipped = repeat(|repeat| train(setting, world, &Runner::Curator(0.0), repeat, &mut noise_of(setting)));
    let clipped = clipped.unwrap_or(Spread { mean: f32::NAN, deviation: f32::NAN });
    Frontier { nations, images, best_alone, clipped, points: Vec::new(), missing: Vec::new() }
}

type Results = Mutex<Vec<(usize, f64, Result<Point, String>)>>;

fn work(setting: &Setting, queue: &Mutex<Vec<Job<'_>>>, results: &Results, bar: &ProgressBar) {
    // The lock must not be held while the job runs.
    let next = || queue.lock().ok()?.pop();
    while let Some(job) = next() {
        let point = point(setting, &job).map_err(|e| e.to_string());
        if let Ok(mut results) = results.lock() {
            results.push((job.frontier, job.epsilon, point));
        }
        bar.inc(1);
    }
}

fn point(setting: &Setting, job: &Job<'_>) -> Result<Point, Box<dyn Error>> {
    let target = Target::new(job.epsilon, setting.target.delta)?;
    let budget = Budget::calibrate(job.world.nations.len(), setting, target)?;
    let code = Private::new(&budget.plan)?;
    let mut rng = StdRng::from_seed(job.seed);
    let mut spread = |runner: Runner<'_>| repeat(|repeat| train(setting, job.world, &runner, repeat, &mut rng));
    let private = spread(Runner::Federation(&code))?;
    let central = spread(Runner::Curator(budget.central))?;
    Ok(Point { epsilon: job.epsilon, private, central })
}

#[allow(clippy::cast_precision_loss, reason = "few")]
fn repeat(mut train: impl FnMut(u64) -> Result<f32, Box<dyn Error>>) -> Result<Spread, Box<dyn Error>> {
    let accuracies = (0..REPEATS as u64).map(&mut train).collect::<Result<Vec<f32>, _>>()?;
    let mean = accuracies.iter().sum::<f32>() / REPEATS as f32;
    let squares: f32 = accuracies.iter().map(|accuracy| (accuracy - mean).powi(2)).sum();
    Ok(Spread { mean, deviation: (squares / (REPEATS - 1) as f32).sqrt() })
}

/// Accuracy after all rounds.
fn train(setting: &Setting, world: &World, runner: &Runner<'_>, repeat: u64, rng: &mut StdRng) -> Result<f32, Box<dyn Error>> {
    let seed = setting.seed.wrapping_add(repeat);
    let (mut model, mut accidents) = (Linear::new(), StdRng::seed_from_u64(seed));
    for round in 0..setting.rounds {
        let survivors = survivors(&draw_dropouts(&mut accidents, world.nations.len()));
        let contributions = updates(world, &model, seed, round);
        model = match runner {
            Runner::Curator(multiplier) => curated(&model, &contributions, &survivors, setting.clip, *multiplier, rng),
            Runner::Federation(code) => {
                let ring = Ring::new(code.bits(world.nations.len())).ok_or("no such ring")?;
                let mut sum = vec![0_u32; usize::try_from(code.words(model.parameters().len()))?];
                for place in &survivors {
                    let (words, _) = code.to_words(ring, round as u64, &contributions[*place], rng)?;
                    sum.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
                }
                // Sums modulo 2^32 are sums modulo a smaller power of two as well.
                sum.iter_mut().for_each(|word| *word &= u32::try_from(ring.max()).unwrap_or(u32::MAX));
                Linear::from_parameters(code.next_model(ring, round as u64, model.parameters(), &sum, survivors.len())?)
            }
        };
    }
    Ok(accuracy(&model, &world.test))
}
