//! Twelve nations train one model on real data. None of them sees another's data or model, and neither does the server.
//!
//! ```sh
//! cargo run --release --example nations
//! cargo run --release --example nations -- --seed 7 --protocol-seed 1 --plot chart.svg
//! cargo run --release --example nations -- --dp --epsilon 8 --delta 1e-5
//! ```
//!
//! The data are real: 1,797 handwritten digits (`examples/data`), split unevenly, and each nation sees plenty of three digits only. In every
//! round each nation trains the common model at home, and the server learns the mean of the results, weighted by numbers of images that
//! it does not learn either; one to three nations drop out, each before another step of the protocol. All parties run in this process,
//! but nothing passes between them except encoded bytes.
//!
//! `--protocol-seed` decides keys, masks and shares. Another one changes every signature, key, share and masked byte, and not one bit of
//! the result: compare the two hashes at the end. The program also checks this itself, in one more round.
//!
//! `--dp` trains with differential privacy for whole nations (`private.rs`), and says where that is useless. The protocol seed then decides
//! the noise as well, and whoever knows the noise can take it off: where privacy matters, give none.

#![allow(clippy::indexing_slicing, reason = "all vectors have one place for each nation")]

#[path = "../common/cli.rs"]
mod cli;
mod code;
mod data;
#[path = "../common/files.rs"]
mod files;
mod learn;
mod linear;
mod plot;
mod private;
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
use veilsum::{account::calibrate::Target, dp::FixedPoint};

/// Twelve nations train one model with secure aggregation.
#[derive(Parser)]
struct Options {
    /// Decides who holds which images, who drops out when, and how training goes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Decides every key, mask and share; default: the operating system. It changes every byte sent, and not the result.
    #[arg(long)]
    protocol_seed: Option<u64>,
    /// Rounds of federated learning; default: 25, and with --dp 10.
    #[arg(long, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..=1000))]
    rounds: Option<usize>,
    /// Where to write the chart (SVG); default: nations.svg or nations-dp.svg beside this program.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Train with differential privacy, and show what it costs.
    #[arg(long)]
    dp: bool,
    /// Privacy loss of all rounds together.
    #[arg(long, default_value_t = 8.0, requires = "dp", allow_negative_numbers = true, value_parser = positive)]
    epsilon: f64,
    /// Probability that the privacy loss is larger.
    #[arg(long, default_value_t = 1e-5, requires = "dp", allow_negative_numbers = true, value_parser = probability)]
    delta: f64,
    /// L2 norm to which a nation's update of the model is clipped in each round.
    #[arg(long, default_value_t = 1.0, requires = "dp", allow_negative_numbers = true, value_parser = positive)]
    clip: f64,
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
        let name = if options.dp { "nations-dp.svg" } else { "nations.svg" };
        let beside = || std::env::current_exe().unwrap_or_default().with_file_name(name);
        let plot = options.plot.clone().unwrap_or_else(beside);
        files::check_place(&plot, true).map_err(|reason| Failure::file(&plot, reason))?;
        let done = if options.dp { private::run(&setting(&options), &plot) } else { run(&options, &plot) };
        done.map_err(|error| Failure::Run(error.to_string()))
    })
}

fn setting(options: &Options) -> private::Setting {
    private::Setting {
        seed: options.seed,
        protocol_seed: protocol_seed(options),
        rounds: options.rounds.unwrap_or(private::PRIVATE_ROUNDS),
        clip: options.clip,
        target: Target { epsilon: options.epsilon, delta: options.delta },
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number")?;
    if number > 0.0 && number.is_finite() { Ok(number) } else { Err("must be positive and finite".into()) }
}

fn probability(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number")?;
    if number > 0.0 && number < 1.0 { Ok(number) } else { Err("must be above 0 and below 1".into()) }
}

fn run(options: &Options, plot: &Path) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let world = World::new(options.seed, NATIONS.len())?;
    cli::print(&report::world(&world));
    let history = federate(options, &world)?;
    let other_keys = repeat_with_other_keys(options, &world)?;
    let start = Model::new(options.seed);
    let curve = |data: &[Digit]| learn::test_curve(&start, data, &world.test, options.seed, rounds(options));
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
    let bar = progress_bar("round", rounds(options));
    for round in 0..rounds(options) {
        let leaves = draw_dropouts(&mut accidents, NATIONS.len());
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
    let leaves = draw_dropouts(&mut StdRng::seed_from_u64(options.seed), NATIONS.len());
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
fn progress_bar(what: &str, count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    bar.set_prefix(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{prefix} {pos:>2}/{len} [{bar:30}] {elapsed} eta {eta}  {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn rounds(options: &Options) -> usize {
    options.rounds.unwrap_or(ROUNDS)
}

/// Of twelve nations one to three drop out, of others up to a quarter, each before a step of the protocol drawn at random. 5 is never.
fn draw_dropouts(accidents: &mut StdRng, count: usize) -> Vec<usize> {
    let mut nations: Vec<usize> = (0..count).collect();
    nations.shuffle(accidents);
    let mut leaves = vec![STEPS.len(); count];
    let gone = accidents.random_range(1..=count / 4);
    nations.iter().take(gone).for_each(|nation| leaves[*nation] = accidents.random_range(0..STEPS.len()));
    leaves
}

fn describe(leaves: &[usize], accuracy: f32) -> String {
    format!("accuracy {:.1} %  dropped out: {}", 100.0 * accuracy, names(leaves))
}

/// Of those that drop out.
fn names(leaves: &[usize]) -> String {
    let gone = leaves.iter().enumerate().filter(|(_, step)| **step < STEPS.len());
    gone.map(|(nation, _)| NATIONS[nation]).collect::<Vec<_>>().join(", ")
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
