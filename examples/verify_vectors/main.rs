//! Checks a directory of test vectors, this repository's or an auditor's own, and says what passed.
//!
//! ```sh
//! cargo run --release --example verify_vectors -- tests/vectors
//! ```
//!
//! Every `.json` file is read whose name begins with the kind of its vectors: `core.json`, `core-mine.json`, `lattice.json`,
//! `noise.json`. What the groups and fields of a kind mean: `tests/vectors/README.md`; a file may have any of the groups.
//!
//! A vector fails if anything in it is not what this library says, or if it is malformed. A file, a group or a value that no check looks
//! at is counted as unknown, for nobody has verified it. The exit code is 0 only if there is neither, and 1 otherwise.

mod checks;
#[path = "../common/cli.rs"]
mod cli;
mod report;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use cli::Failure;
use report::Report;

/// Checks test vectors against this library.
#[derive(Parser)]
#[command(name = "verify_vectors")]
struct Options {
    /// The directory with the vector files.
    directory: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    // A check that panics is reported as a failure of its vector.
    std::panic::set_hook(Box::new(|_| {}));
    cli::run(|options: Options| {
        let report = Report::new(checks::run::directory(&options.directory));
        cli::print(&if options.json { report.json() } else { report.table() });
        report.verdict().map_err(|text| Failure::Run(text).of(options.directory.display()))
    })
}
