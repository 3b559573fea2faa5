//! How much privacy do these rounds cost, and how much noise do they need?
//!
//! ```text
//! cargo run --release --example privacy_budget -- --clients 195 --rounds 1000 --sampling 0.1 --delta 1e-8 --epsilon 3
//! ```
//!
//! Calibrates the noise by each accountant, prints a table, and writes four tables and plots: epsilon by round, epsilon by noise, the accountants' privacy
//! curves, and the frontier of error against epsilon. Amplification by sampling holds against those who do not know who takes part; the
//! server of a secure aggregation does know, unless participants are hidden from it: for it, set `--sampling 1`.

mod chart;
#[path = "../common/cli.rs"]
mod cli;
#[path = "../common/files.rs"]
mod files;
mod ledger;
#[path = "../common/plot.rs"]
mod plot;
mod study;

use std::{fmt::Display, fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use cli::{Failure, print};
use serde_json::json;
use study::{ACCOUNTANTS, Study};

/// What the rounds look like.
#[derive(Parser)]
#[command(about = "Privacy cost and noise of many rounds of secure aggregation")]
struct Arguments {
    /// Clients that hold data.
    #[arg(long, default_value_t = 195)]
    clients: u32,
    /// Rounds.
    #[arg(long, default_value_t = 1000)]
    rounds: u64,
    /// Probability of each client to take part in a round.
    #[arg(long, default_value_t = 0.1)]
    sampling: f64,
    /// Delta of the guarantee.
    #[arg(long, default_value_t = 1e-8)]
    delta: f64,
    /// Epsilon of the guarantee.
    #[arg(long, default_value_t = 3.0)]
    epsilon: f64,
    /// L2 norm to which each vector is clipped.
    #[arg(long, default_value_t = 1.0)]
    clip: f64,
    /// Coordinates of a vector.
    #[arg(long, default_value_t = 4096)]
    dimension: u32,
    /// Integer units per real unit, for the Skellam mechanism.
    #[arg(long, default_value_t = 4096.0)]
    scale: f64,
    /// Directory for CSV and SVG files.
    #[arg(long, default_value = "target/privacy_budget")]
    out: PathBuf,
    /// Print JSON and write nothing.
    #[arg(long)]
    json: bool,
    /// Report on an exported ledger instead.
    #[arg(long)]
    ledger: Option<PathBuf>,
}

fn main() -> ExitCode {
    cli::run(|arguments: Arguments| run(&arguments))
}

fn broken(error: impl Display) -> Failure {
    Failure::Run(error.to_string())
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(path) = &arguments.ledger {
        let text = fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
        return ledger::report(&text, arguments.json).map_err(|error| Failure::file(path, error));
    }
    let study = Study::new(arguments)?;
    let rows = study.table().map_err(broken)?;
    if arguments.json {
        let text = serde_json::to_string_pretty(&json!({ "parameters": study.parameters(), "rows": rows }));
        print(&format!("{}\n", text.map_err(broken)?));
        return Ok(());
    }
    print(&table(&study, &rows));
    fs::create_dir_all(&arguments.out).map_err(|error| Failure::file(&arguments.out, error))?;
    for chart in [study.by_round(), study.by_noise(), study.curves(), study.frontier()] {
        let chart = chart.map_err(broken)?;
        chart::write(&arguments.out, &chart).map_err(|error| Failure::file(&arguments.out, error))?;
        print(&format!("{}\n", arguments.out.join(chart.name).with_extension("{csv,svg}").display()));
    }
    Ok(())
}

fn table(study: &Study, rows: &[study::Row]) -> String {
    let names: String = ACCOUNTANTS.iter().map(|name| format!("{:>10}", format!("eps {name}"))).collect();
    let head = format!("{:<22}{:>10}{names}{:>12}{:>6}{:>14}\n", "noise calibrated by", "noise", "eps Skellam", "bits", "error");
    let line = |row: &study::Row| {
        let epsilons: String = row.epsilons.iter().map(|epsilon| format!("{epsilon:>10.4}")).collect();
        let (name, noise) = (row.calibrated_by, row.noise_multiplier);
        format!("{name:<22}{noise:>10.4}{epsilons}{:>12.4}{:>6}{:>14.3e}\n", row.skellam, row.bits, row.error)
    };
    let foot = "error: expected L2 distance of a round's noisy mean from the mean of its clients, in units of the clip norm\n\n";
    format!("{}\n{head}{}{foot}", study.describe(), rows.iter().map(line).collect::<String>())
}
