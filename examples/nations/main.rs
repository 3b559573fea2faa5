//! Twelve nations train one model on real data. None of them sees another's data or model, and neither does the server.
//!
//! ```sh
//! cargo run --release --example nations
//! cargo run --release --example nations -- --seed 7 --protocol-seed 1 --plot chart.svg
//! ```
//!
//! The data are real: 1,797 handwritten digits (`examples/data`), split unevenly, and each nation sees plenty of three digits only. In every
//! round each nation trains the common model at home, and the server learns the mean of the results, weighted by numbers of images that
//! it does not learn either; one to three nations drop out, each before another step of the protocol. All parties run in this process,
//! but nothing passes between them except encoded bytes.
//!
//! `--protocol-seed` decides keys, masks and shares. Another one changes every signature, key, share and masked byte, and not one bit of
//! the result: compare the two hashes at the end. The program also checks this itself, in one more round.

#![allow(clippy::indexing_slicing, reason = "all vectors have one place for each nation")]

#[path = "../common/cli.rs"]
mod cli;
mod code;
mod data;
#[path = "../common/files.rs"]
mod files;
mod learn;
mod plot;
mod report;
mod round;

use std::{
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;
use cli::Failure;
use code::Contribution;
use data::{Digit, NATIONS, Nation, World};
use indicatif::{ProgressBar, ProgressStyle};
use learn::{BATCH, LEARNING_RATE, LOCAL_EPOCHS, Learner, Model, ROUNDS, accuracy, train_local, visit_seed};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use round::{Federation, STEPS};
use veilsum::dp::FixedPoint;

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
    #[arg(long, default_value_t = ROUNDS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..=1000))]
    rounds: usize,
    /// Where to write the chart of accuracy by round (SVG); default: nations.svg beside this program.
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// What came of the federation.
struct History {
    secure: Vec<f32>,
    plain: Vec<f32>,
    difference: u64,
    model: Model,
    dropouts: usize,
    federation: Federation<FixedPoint>,
}

/// One round under two sets of keys.
struct OtherKeys {
    same_result: bool,
    /// Share of the masked bytes that are equal all the same.
    equal_bytes: f64,
}

fn main() -> ExitCode {
    cli::run(|options: Options| {
        let plot = options.plot.clone().unwrap_or_else(default_plot);
        files::check_place(&plot, true).map_err(|reason| Failure::file(&plot, reason))?;
        run(&options, &plot).map_err(|error| Failure::Run(error.to_string()))
    })
}

fn default_plot() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name("nations.svg")
}

fn run(options: &Options, plot: &Path) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let world = World::new(options.seed, NATIONS.len())?;
    cli::print(&report::world(&world));
    let history = federate(options, &world)?;
    let other_keys = repeat_with_other_keys(options, &world)?;
    let start = Model::new(options.seed);
    let curve = |data: &[Digit]| learn::test_curve(&start, data, &world.test, options.seed, options.rounds);
    let alone: Vec<(&str, Vec<f32>)> = world.nations.iter().map(|nation| (nation.name.as_str(), curve(&nation.data))).collect();
    let pooled = curve(&world.pooled());
    let curves = plot::Curves {
        federated: &history.secure,
        plain: &history.plain,
        alone: &alone,
        pooled: last(&pooled),
        test_images: world.test.len(),
    };
    cli::print(&report::accuracy(&world, &history, &alone, &pooled));
    cli::print(&report::costs(&history, &other_keys));
    write_file(plot, &plot::chart(&curves)?).map_err(|e| format!("{}: {e}", plot.display()))?;
    let plot = std::path::absolute(plot)?;
    cli::print(&format!("\nchart: {}\ndone in {:.1} s\n", plot.display(), started.elapsed().as_secs_f64()));
    if history.difference != 0 || !other_keys.same_result {
        return Err("the secure sum differs from the plain sum".into());
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = files::beside(path)?;
    file.write_all(text.as_bytes())?;
    files::place(file, path, true)
}

/// Trains in rounds: once through secure sums, and once by averaging in the clear, to compare with.
fn federate(options: &Options, world: &World) -> Result<History, Box<dyn Error>> {
    let (mut secure, mut plain) = (Model::new(options.seed), Model::new(options.seed));
    let mut federation = Federation::new(NATIONS.len(), protocol_seed(options), secure.parameters(), code::exact()?)?;
    let mut accidents = StdRng::seed_from_u64(options.seed);
    let (mut secure_curve, mut plain_curve) = (Vec::new(), Vec::new());
    let (mut difference, mut dropouts) = (0, 0);
    let bar = progress_bar(options.rounds);
    for round in 0..options.rounds {
        let leaves = draw_dropouts(&mut accidents);
        let contributions = train_everywhere(world, &secure, options.seed, round)?;
        let outcome = federation.round(round as u64, &contributions, &leaves)?;
        difference = difference.max(outcome.difference);
        dropouts += leaves.iter().filter(|step| **step < STEPS.len()).count();
        secure = Model::from_parameters(outcome.model)?;
        plain = average_in_the_clear(world, &plain, options.seed, round, &outcome.survivors);
        secure_curve.push(accuracy(&secure, &world.test));
        plain_curve.push(accuracy(&plain, &world.test));
        bar.set_message(describe(&leaves, last(&secure_curve)));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(History { secure: secure_curve, plain: plain_curve, difference, model: secure, dropouts, federation })
}

/// The first round under two sets of keys: nothing that is sent stays the same, and nothing that comes out changes.
#[allow(clippy::cast_precision_loss, reason = "a share for display")]
fn repeat_with_other_keys(options: &Options, world: &World) -> Result<OtherKeys, Box<dyn Error>> {
    let model = Model::new(options.seed);
    let contributions = train_everywhere(world, &model, options.seed, 0)?;
    let leaves = draw_dropouts(&mut StdRng::seed_from_u64(options.seed));
    let run = |first: u8| {
        let mut seed = protocol_seed(options);
        seed[0] ^= first;
        let mut federation = Federation::new(NATIONS.len(), seed, model.parameters(), code::exact()?)?;
        let outcome = federation.round(0, &contributions, &leaves)?;
        Ok::<_, Box<dyn Error>>((outcome.model, federation.masked))
    };
    let ((first, masked), (second, others)) = (run(0)?, run(1)?);
    let equal = masked.iter().zip(&others).filter(|(a, b)| a == b).count();
    Ok(OtherKeys { same_result: first == second, equal_bytes: equal as f64 / masked.len() as f64 })
}

fn protocol_seed(options: &Options) -> [u8; 32] {
    match options.protocol_seed {
        Some(seed) => StdRng::seed_from_u64(seed).random(),
        None => rand::rng().random(),
    }
}

/// Hidden unless the standard error is a terminal.
fn progress_bar(rounds: usize) -> ProgressBar {
    let bar = ProgressBar::new(rounds as u64);
    if let Ok(style) = ProgressStyle::with_template("round {pos:>2}/{len} [{bar:30}] {elapsed} eta {eta}  {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// One to three nations drop out, each before a step of the protocol drawn at random. 5 is never.
fn draw_dropouts(accidents: &mut StdRng) -> Vec<usize> {
    let mut nations: Vec<usize> = (0..NATIONS.len()).collect();
    nations.shuffle(accidents);
    let mut leaves = vec![STEPS.len(); NATIONS.len()];
    let gone = accidents.random_range(1..=3);
    nations.iter().take(gone).for_each(|nation| leaves[*nation] = accidents.random_range(0..STEPS.len()));
    leaves
}

fn describe(leaves: &[usize], accuracy: f32) -> String {
    let gone = leaves.iter().enumerate().filter(|(_, step)| **step < STEPS.len());
    let names: Vec<&str> = gone.map(|(nation, _)| NATIONS[nation]).collect();
    format!("accuracy {:.1} %  dropped out: {}", 100.0 * accuracy, names.join(", "))
}

fn train_everywhere(world: &World, global: &Model, seed: u64, round: usize) -> Result<Vec<Contribution>, Box<dyn Error>> {
    let train = |(place, nation): (usize, &Nation)| {
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
