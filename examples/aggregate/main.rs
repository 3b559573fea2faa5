//! The weighted mean of model files in the `safetensors` format, through a whole session in one process.
//!
//! ```sh
//! cargo run --release --example aggregate -- --out mean.safetensors a.safetensors b.safetensors c.safetensors
//! cargo run --release --example aggregate -- --weights 120,80,300 --out mean.safetensors a.safetensors b.safetensors c.safetensors
//! ```
//!
//! Each file is the model of one client. All files hold the same tensors, of F16, BF16, F32 or F64 numbers. The mean has the formats and
//! the metadata of the first file. Numbers are read, masked, uploaded, unmasked and written in pieces: the memory needed is one word for
//! each number, for the server's sum, however many files there are. Masked uploads wait in temporary files.
//!
//! Everything that the clients have to agree on is an option with a fixed default, never taken from the data: a clip that is the
//! largest number in the files, or a limit for weights that is the largest weight, would tell everybody that number. Numbers beyond the
//! clip are clipped, counted and reported.

#[path = "../common/cli.rs"]
mod cli;
#[path = "../common/files.rs"]
mod files;
mod model;
mod output;
mod session;
#[path = "../common/spool.rs"]
mod spool;

use std::{fmt::Write, path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;
use cli::Failure;
use model::Model;
use output::{Errors, Output};
use session::Outcome;
use veilsum::dp::FixedPoint;

/// The weighted mean of model files (safetensors) with secure aggregation: one client per file, all in this process.
#[derive(Parser)]
#[command(name = "aggregate")]
struct Options {
    /// Where to write the mean; nothing appears there before it is complete.
    #[arg(long)]
    out: PathBuf,
    /// Replace the file at --out if there is one.
    #[arg(long)]
    force: bool,
    /// One weight for each file, 1 or more, separated by commas; default: all equal.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    weights: Vec<u32>,
    /// The largest weight that a client may have; public. Without --weights it is 1.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    max_weight: u32,
    /// Numbers are clipped to -CLIP..=CLIP; public, so choose it from what such models look like, not from these files.
    #[arg(long, default_value_t = 16.0)]
    clip: f64,
    /// Numbers are rounded to multiples of 2^-FRACTION_BITS.
    #[arg(long, default_value_t = 24)]
    fraction_bits: u8,
    /// The models, at least three.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// One client: its model and its weight.
pub(crate) struct Holder {
    model: Model,
    weight: u32,
}

fn main() -> ExitCode {
    cli::run(run)
}

fn run(options: Options) -> Result<(), Failure> {
    let started = Instant::now();
    let code = check(&options)?;
    files::check_place(&options.out, options.force).map_err(|reason| Failure::file(&options.out, reason))?;
    let holders = open(&options)?;
    let outcome = session::sum(&holders, &code)?;
    let opened = Instant::now();
    let mut output = Output::create(&options.out)?;
    let errors = output::write_mean(&holders, &code, &outcome.sum, &mut output)?;
    if errors.units != 0 {
        return Err(Failure::Run(format!("the secure sum differs from the plain sum by {} ring units", errors.units)));
    }
    output.publish(options.force)?;
    let unmasking = opened.elapsed();
    let mut text = describe(&holders, &outcome, &errors, &code, &options);
    let _ = writeln!(text, "  {:<29} {:>8.2} s", "unmask, compare, write", unmasking.as_secs_f64());
    let _ = writeln!(text, "  {:<29} {:>8.2} s", "all", started.elapsed().as_secs_f64());
    let _ = writeln!(text, "wrote {}", options.out.display());
    cli::print(&text);
    Ok(())
}

/// What can be checked before a file is opened.
fn check(options: &Options) -> Result<FixedPoint, Failure> {
    let (files, weights) = (options.files.len(), options.weights.len());
    if files < 3 {
        let text = "an average over so few would tell each client about the others";
        return Err(Failure::Usage(format!("{files} model file{} given, at least 3 are needed: {text}", plural(files))));
    }
    if weights != 0 && weights != files {
        return Err(Failure::Usage(format!("--weights has {weights} weight{}, but there are {files} files", plural(weights))));
    }
    if let Some(weight) = options.weights.iter().find(|weight| **weight > options.max_weight) {
        return Err(Failure::Usage(format!("weight {weight} is above --max-weight {}", options.max_weight)));
    }
    let max_weight = if weights == 0 { 1 } else { options.max_weight };
    let code = FixedPoint::new(options.clip, options.fraction_bits, max_weight).map_err(|e| Failure::Usage(e.to_string()))?;
    match code.modulus_bits(files) {
        0..=64 => Ok(code),
        bits => Err(Failure::Usage(format!(
            "a sum would need words of {bits} bits, more than 64; lower --clip, --fraction-bits or --max-weight"
        ))),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn open(options: &Options) -> Result<Vec<Holder>, Failure> {
    let weights = options.weights.iter().copied().chain(std::iter::repeat(1));
    let mut holders: Vec<Holder> = Vec::new();
    for (path, weight) in options.files.iter().zip(weights) {
        let model = Model::open(path)?;
        let model = match holders.first() {
            Some(first) => model.ordered_like(&first.model)?,
            None => model,
        };
        holders.push(Holder { model, weight });
    }
    Ok(holders)
}

fn describe(holders: &[Holder], outcome: &Outcome, errors: &Errors, code: &FixedPoint, options: &Options) -> String {
    let mut text = String::new();
    let Some(Holder { model, .. }) = holders.first() else { return text };
    let formats: Vec<String> = model.dtypes().iter().map(ToString::to_string).collect();
    let _ = writeln!(
        text,
        "{} files, each {} tensors with {} numbers ({}); total weight {}",
        holders.len(),
        model.tensors(),
        model.parameters(),
        formats.join(", "),
        outcome.total_weight
    );
    if outcome.clipped > 0 {
        let _ = writeln!(text, "{} numbers were clipped to -{}..={}", outcome.clipped, options.clip, options.clip);
    }
    let _ = writeln!(
        text,
        "words of {} bits; {} bytes sent by each client\n",
        code.modulus_bits(holders.len()),
        outcome.bytes_per_client
    );
    let _ = writeln!(text, "secure sum minus plain sum: at most {} ring units", errors.units);
    let _ =
        writeln!(text, "largest error of the mean: {:.2e}, and {:.2e} in the format of the file", errors.mean, errors.written);
    let half_step = 0.5 / 2_f64.powi(i32::from(options.fraction_bits));
    let clipped = if outcome.clipped > 0 { ", where nothing was clipped" } else { "" };
    let _ = writeln!(text, "(rounding to steps of 2^-{} alone: at most {half_step:.2e}{clipped})\n", options.fraction_bits);
    for (step, time) in session::STEPS.iter().zip(&outcome.times) {
        let _ = writeln!(text, "  {step:<29} {:>8.2} s", time.as_secs_f64());
    }
    text
}
