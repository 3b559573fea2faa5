//! What differential privacy costs in accuracy: the error of the decoded sum against bits, clients and epsilon.
//!
//! ```text
//! cargo run --release --example utility
//! cargo run --release --example utility -- --clients 195 --epsilons 1,3 --lengths 65536 --out target/utility-195
//! ```
//!
//! Every point is measured with the real pipeline: [`Encoding::plan`](veilsum::dp::Encoding::plan) chooses the scale for the number of bits, the Rényi accountant
//! the noise for (epsilon, delta), every client encodes its vector with its own noise, and the words are added modulo the ring and decoded.
//! No session runs: its sum is this sum, bit for bit. All clients are honest and answer, as in the papers; with `h` honest survivors
//! promised out of `n`, errors are `n/h` times as large (docs/privacy.md, section 6).
//!
//! The reference is the continuous Gaussian mechanism of a trusted curator, calibrated by the same accountant; `utility.csv` and the charts
//! have the shape of the figures of Kairouz, Liu and Steinke (2021, *The Distributed Discrete Gaussian Mechanism for Federated Learning
//! with Secure Aggregation*) and of Agarwal, Kairouz and Liu (2021, *The Skellam Mechanism for Differentially Private Federated Learning*):
//!
//! - With 16 bits the error is the central Gaussian's: above it by 3 % at most for vectors of 4096 values, whatever clients and epsilon.
//!   It is within 10 % from 10 to 13 bits on for 10 clients, 12 or 13 for 100, and 15 for 1000.
//! - With fewer bits it leaves the central Gaussian's, by four to five times as much for each bit: rounding.
//! - With many clients, short vectors and few bits it stops falling with epsilon (1000 clients, 250 values, 13 bits: from epsilon 1 to 8
//!   to 1/11 instead of 1/40), for the clients' rounding does not get less.
//! - Both mechanisms have the same error, but many discrete Gaussian shares of little noise are not covered: with 1000 clients, 250
//!   values and epsilon 8 their plans begin at 16 bits, those with Skellam noise at 13.
//! - Without a rotation 1000 clients need 18 or 19 bits instead of 15. At the scale that is right with one, the error of vectors with all of
//!   their norm in one value is 64 times as large, for its sum wraps; that of points of the sphere is the same.
//!
//! One thing is different: where words are so short that rounding would dominate, or that the sum might wrap, the papers' curves rise, and
//! here the planner refuses. Those points are rows without an error and with the reason in `utility.csv`, and crosses in the charts.
#![allow(clippy::indexing_slicing, reason = "all vectors have one length")]
#![allow(clippy::cast_precision_loss, reason = "counts of values and repetitions")]

mod charts;
#[path = "../common/cli.rs"]
mod cli;
mod experiment;
#[path = "../common/files.rs"]
mod files;
mod findings;
mod measure;
#[path = "../common/plot.rs"]
mod plot;
mod report;
mod row;
mod scheme;

use std::{fmt::Display, fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use cli::{Failure, print};
use experiment::Grid;
use findings::Findings;
use row::Row;
use scheme::{Central, Rules};
use serde_json::{Value, json};

/// Most values of all clients together that are kept in memory.
const MOST_VALUES: u128 = 1 << 29;
/// Values of all repetitions together that make an error certain to some percent.
const ENOUGH_VALUES: u64 = 3 << 12;
const TABLE: &str = "utility.csv";

/// What is varied.
#[derive(Parser)]
#[command(about = "Error of private sums against bits, clients and epsilon, beside the central Gaussian mechanism")]
struct Arguments {
    /// Numbers of values of a vector; each has its own charts.
    #[arg(long, value_delimiter = ',', default_value = "250,4096")]
    lengths: Vec<u64>,
    /// Numbers of clients.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000")]
    clients: Vec<u32>,
    /// Epsilons of the guarantee.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8")]
    epsilons: Vec<f64>,
    /// Delta of the guarantee.
    #[arg(long, default_value_t = 1e-5)]
    delta: f64,
    /// The shortest words.
    #[arg(long, default_value_t = 8)]
    least_bits: u8,
    /// The longest words, at most 32 bits.
    #[arg(long, default_value_t = 20)]
    most_bits: u8,
    /// No word of a sum wraps except with two to the power of this probability.
    #[arg(long, default_value_t = -20, allow_negative_numbers = true)]
    log2_wrap: i32,
    /// Measurements of each point, with other vectors and other noise; default: 3, and up to 10 for short vectors.
    #[arg(long)]
    repetitions: Option<u32>,
    /// Decides all vectors and all noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Directory for CSV and SVG files.
    #[arg(long, default_value = "target/utility")]
    out: PathBuf,
    /// Print JSON and write nothing.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::run(|arguments: Arguments| run(&arguments))
}

fn broken(error: impl Display) -> Failure {
    Failure::Run(error.to_string())
}

/// What was measured with vectors of one length.
struct Study {
    grid: Grid,
    rows: Vec<Row>,
    findings: Findings,
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let grids = arguments.lengths.iter().map(|&length| grid(arguments, length)).collect::<Result<Vec<_>, _>>()?;
    if !arguments.json {
        // Before the long work.
        fs::create_dir_all(&arguments.out).map_err(|error| Failure::file(&arguments.out, error))?;
        let place = arguments.out.join(TABLE);
        files::check_place(&place, true).map_err(|reason| Failure::file(&place, reason))?;
    }
    let study = |grid: Grid| {
        let rows = grid.run()?;
        let findings = Findings::new(&grid, &rows);
        if !arguments.json {
            print(&report::text(&grid, &rows, &findings));
        }
        Ok(Study { grid, rows, findings })
    };
    let studies = grids.into_iter().map(study).collect::<Result<Vec<_>, Failure>>()?;
    if arguments.json {
        let all: Vec<_> = studies.iter().map(Study::json).collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&all).map_err(broken)?));
        return Ok(());
    }
    write(arguments, TABLE, &report::csv(studies.iter().flat_map(|study| &study.rows)))?;
    for Study { grid, rows, .. } in &studies {
        for (name, chart) in charts::all(grid, rows) {
            let name = format!("{name}-{}.svg", grid.rules.length);
            write(arguments, &name, &plot::svg(&chart).map_err(broken)?)?;
        }
    }
    Ok(())
}

impl Study {
    fn json(&self) -> Value {
        let Grid { rules, centrals, repetitions, .. } = &self.grid;
        json!({
            "rules": rules, "repetitions": repetitions, "central": centrals, "rows": self.rows, "findings": self.findings,
        })
    }
}

fn write(arguments: &Arguments, name: &str, text: &str) -> Result<(), Failure> {
    let path = arguments.out.join(name);
    files::write(&path, text).map_err(|error| Failure::file(&path, error))?;
    print(&format!("{}\n", path.display()));
    Ok(())
}

/// Checks what was asked for.
fn grid(arguments: &Arguments, length: u64) -> Result<Grid, Failure> {
    let Arguments { delta, log2_wrap, seed, least_bits, most_bits, .. } = *arguments;
    let usage = |holds: bool, text: &str| if holds { Ok(()) } else { Err(Failure::Usage(text.into())) };
    let (mut clients, mut epsilons) = (arguments.clients.clone(), arguments.epsilons.clone());
    clients.sort_unstable();
    clients.dedup();
    epsilons.sort_by(f64::total_cmp);
    epsilons.dedup();
    let short = ENOUGH_VALUES.div_ceil(length.max(1)).clamp(3, 10);
    let repetitions = arguments.repetitions.map_or(short, u64::from);
    usage(clients.first().is_some_and(|clients| *clients > 0), "--clients must be positive")?;
    usage(epsilons.iter().all(|epsilon| *epsilon > 0.0 && epsilon.is_finite()), "--epsilons must be positive and finite")?;
    usage(delta > 0.0 && delta < 1.0, "--delta must be between 0 and 1")?;
    usage(log2_wrap < 0, "--log2-wrap must be negative")?;
    usage(repetitions > 0 && length > 0, "--repetitions and --lengths must be positive")?;
    let bits = 2 <= least_bits && least_bits <= most_bits && most_bits <= 32;
    usage(bits, "--least-bits must be at least 2, and --most-bits between it and 32")?;
    let values = [clients.last().copied().map_or(0, u64::from), length, repetitions].map(u128::from).iter().product::<u128>();
    usage(values <= MOST_VALUES, "--clients times --lengths times --repetitions must be at most 2^29")?;
    let rules = Rules { length, delta, log2_wrap };
    let centrals = epsilons.iter().map(|&epsilon| Central::new(&rules, epsilon)).collect::<Result<_, _>>().map_err(broken)?;
    Ok(Grid { rules, clients, centrals, bits: (least_bits..=most_bits).collect(), repetitions, seed })
}
