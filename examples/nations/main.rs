//! Twelve nations train one model on real data. None of them sees another's data or model, and neither does the server.
//!
//! ```sh
//! cargo run --release --example nations
//! cargo run --release --example nations -- --help
//! ```

#![allow(clippy::indexing_slicing, reason = "all vectors have one place for each nation")]

mod learn;
mod plot;
mod round;

use std::{error::Error, io::IsTerminal, path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use learn::{BATCH, LEARNING_RATE, LOCAL_EPOCHS, Model, NATIONS, ROUNDS, World, accuracy, train_local, visit_seed};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use round::{Contribution, Federation, STEPS};
use sha2::{Digest, Sha256};

/// Twelve nations train one model with secure aggregation.
#[derive(Parser)]
struct Options {
    /// Decides who holds which images, who drops out when, and how training goes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Decides every key, mask and share; default: the operating system. It changes every byte sent, and not the result.
    #[arg(long)]
    protocol_seed: Option<u64>,
    /// Rounds of federated learning.
    #[arg(long, default_value_t = ROUNDS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1000))]
    rounds: usize,
    /// Where to write the chart of accuracy by round (SVG).
    #[arg(long, default_value = "nations.svg")]
    plot: PathBuf,
}

/// What came of the federation.
struct History {
    secure: Vec<f32>,
    plain: Vec<f32>,
    difference: u64,
    model: Model,
    dropouts: usize,
    federation: Federation,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let world = World::new(options.seed)?;
    let images: usize = world.nations.iter().map(|nation| nation.data.len()).sum();
    println!("{} nations, {images} images among them, {} images held out that none has seen\n", NATIONS.len(), world.test.len());
    let history = federate(options, &world)?;
    let start = Model::new(options.seed);
    let alone: Vec<(&str, Vec<f32>)> = world
        .nations
        .iter()
        .map(|nation| (nation.name, learn::test_curve(&start, &nation.data, &world.test, options.seed)))
        .collect();
    let pooled = learn::test_curve(&start, &world.pooled(), &world.test, options.seed);
    report_accuracy(&world, &history, &alone, &pooled);
    report_costs(&history, options.rounds);
    let curves = plot::Curves {
        federated: &history.secure,
        plain: &history.plain,
        alone: &alone,
        pooled: last(&pooled),
        test_images: world.test.len(),
    };
    plot::write_chart(&options.plot, &curves).map_err(|e| format!("{}: {e}", options.plot.display()))?;
    println!("\nchart: {}", std::path::absolute(&options.plot)?.display());
    println!("done in {:.1} s", started.elapsed().as_secs_f64());
    if history.difference != 0 {
        return Err("the secure sum differs from the plain sum".into());
    }
    Ok(())
}

/// Trains in rounds: once through secure sums, and once by averaging in the clear, to compare with.
fn federate(options: &Options, world: &World) -> Result<History, Box<dyn Error>> {
    let mut federation = Federation::new(NATIONS.len(), protocol_seed(options))?;
    let mut accidents = StdRng::seed_from_u64(options.seed);
    let (mut secure, mut plain) = (Model::new(options.seed), Model::new(options.seed));
    let (mut secure_curve, mut plain_curve) = (Vec::new(), Vec::new());
    let (mut difference, mut dropouts) = (0, 0);
    let bar = progress_bar(options.rounds);
    for round in 0..options.rounds {
        let leaves = draw_dropouts(&mut accidents);
        let contributions = train_everywhere(world, &secure, options.seed, round)?;
        let outcome = federation.round(round as u64, secure.parameters(), &contributions, &leaves)?;
        difference = difference.max(outcome.difference);
        dropouts += leaves.iter().filter(|step| **step < STEPS.len()).count();
        secure = Model::from_parameters(outcome.mean)?;
        plain = average_in_the_clear(world, &plain, options.seed, round, &outcome.survivors);
        secure_curve.push(accuracy(&secure, &world.test));
        plain_curve.push(accuracy(&plain, &world.test));
        bar.set_message(describe(&leaves, last(&secure_curve)));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(History { secure: secure_curve, plain: plain_curve, difference, model: secure, dropouts, federation })
}

fn protocol_seed(options: &Options) -> [u8; 32] {
    match options.protocol_seed {
        Some(seed) => StdRng::seed_from_u64(seed).random(),
        None => rand::rng().random(),
    }
}

fn progress_bar(rounds: usize) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(rounds as u64), target);
    if let Ok(style) = ProgressStyle::with_template("round {pos:>2}/{len} [{bar:30}] {elapsed} eta {eta}  {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// Up to three nations drop out, each before a step of the protocol drawn at random. 5 is never.
fn draw_dropouts(accidents: &mut StdRng) -> Vec<usize> {
    let mut nations: Vec<usize> = (0..NATIONS.len()).collect();
    nations.shuffle(accidents);
    let mut leaves = vec![STEPS.len(); NATIONS.len()];
    let gone = accidents.random_range(0..=3);
    nations.iter().take(gone).for_each(|nation| leaves[*nation] = accidents.random_range(0..STEPS.len()));
    leaves
}

fn describe(leaves: &[usize], accuracy: f32) -> String {
    let gone = leaves.iter().enumerate().filter(|(_, step)| **step < STEPS.len());
    let names: Vec<&str> = gone.map(|(nation, _)| NATIONS[nation]).collect();
    format!(
        "accuracy {:.1} %  dropped out: {}",
        100.0 * accuracy,
        if names.is_empty() { "nobody".into() } else { names.join(", ") }
    )
}

fn train_everywhere(world: &World, global: &Model, seed: u64, round: usize) -> Result<Vec<Contribution>, Box<dyn Error>> {
    let train = |(place, nation): (usize, &learn::Nation)| {
        let local = train_local(global, &nation.data, LOCAL_EPOCHS, LEARNING_RATE, BATCH, visit_seed(seed, round, place));
        Ok(Contribution { parameters: local.parameters().to_vec(), images: u32::try_from(nation.data.len())? })
    };
    world.nations.iter().enumerate().map(train).collect()
}

fn average_in_the_clear(world: &World, global: &Model, seed: u64, round: usize, survivors: &[usize]) -> Model {
    let train = |place: &usize| {
        let data = &world.nations[*place].data;
        (train_local(global, data, LOCAL_EPOCHS, LEARNING_RATE, BATCH, visit_seed(seed, round, *place)), data.len())
    };
    learn::weighted_average(&survivors.iter().map(train).collect::<Vec<_>>())
}

fn last(curve: &[f32]) -> f32 {
    curve.last().copied().unwrap_or(0.0)
}

fn report_accuracy(world: &World, history: &History, alone: &[(&str, Vec<f32>)], pooled: &[f32]) {
    println!("accuracy on the held-out images after {} rounds", history.secure.len());
    for ((name, curve), nation) in alone.iter().zip(&world.nations) {
        println!("  {name:<10} alone {:>4} images {:>7.1} %", nation.data.len(), 100.0 * last(curve));
    }
    let best = alone.iter().map(|(_, curve)| last(curve)).fold(0.0, f32::max);
    let federated = last(&history.secure);
    println!("  best nation alone       {:>7.1} %", 100.0 * best);
    println!(
        "  together, secure sums   {:>7.1} %   {:+.1} points over the best nation alone",
        100.0 * federated,
        100.0 * (federated - best)
    );
    println!("  together, in the clear  {:>7.1} %", 100.0 * last(&history.plain));
    let gap = 100.0 * (last(pooled) - federated);
    println!("  all data in one place   {:>7.1} %   {gap:+.1} points over secure sums", 100.0 * last(pooled));
    println!("\nlargest difference between secure sum and plain sum: {} ring units", history.difference);
    println!("drop-outs in {} rounds: {}", history.secure.len(), history.dropouts);
}

fn report_costs(history: &History, rounds: usize) {
    let costs = &history.federation.costs;
    println!("\nkilobytes per nation and round            up     down");
    for (name, (up, down)) in NATIONS.iter().zip(&costs.traffic) {
        println!("  {name:<34} {:>7.1} {:>8.1}", kilobytes(*up, rounds), kilobytes(*down, rounds));
    }
    println!("\nseconds in all {rounds} rounds           nations   server");
    for (step, (nations, server)) in STEPS.iter().zip(&costs.seconds) {
        println!("  {step:<34} {:>7.2} {:>8.2}", nations.as_secs_f64(), server.as_secs_f64());
    }
    let model: Vec<u8> = history.model.parameters().iter().flat_map(|parameter| parameter.to_le_bytes()).collect();
    println!("\nsha256 of the final model  {}", hex::encode(Sha256::digest(model)));
    println!("sha256 of all bytes sent   {}", hex::encode(costs.wire.clone().finalize()));
}

#[allow(clippy::cast_precision_loss, reason = "for display")]
fn kilobytes(bytes: u64, rounds: usize) -> f64 {
    bytes as f64 / 1000.0 / rounds as f64
}
