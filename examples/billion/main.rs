//! A billion parameters, for real: every client is a process that streams a generated update through its masks; the server spools
//! the uploads in files, sums them, and takes the masks off; the result is verified by a checksum that the clients compute alone.
//!
//! ```sh
//! cargo run --release --example billion -- --len 1_000_000_000 --clients 8
//! cargo run --release --example billion -- --len 100_000_000 --clients 24 --masking lattice
//! ```
//! It says how much disk it needs, and checks that first. `--len 10_000_000` takes seconds.

#[path = "../common/cli.rs"]
mod cli;
mod client;
#[path = "../common/pipe.rs"]
mod pipe;
mod server;
mod update;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};
use cli::Failure;

#[derive(Debug, Parser)]
#[command(about = "Aggregates vectors of a billion words, one process a client, through files")]
struct Arguments {
    /// Words in a vector; underscores are allowed.
    #[arg(long, default_value = "1_000_000_000", value_parser = number)]
    len: u64,
    /// Clients, 4 to 64; some of them drop out.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(4..=64))]
    clients: u64,
    /// Bits of a word.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(10..=32))]
    bits: u8,
    /// How inputs are masked.
    #[arg(long, value_enum, default_value_t = Choice::Recommended)]
    masking: Choice,
    /// Where the uploads are spooled; a temporary directory if it is left out.
    #[arg(long)]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    /// What costs less for so many clients and words.
    Recommended,
    /// A keystream for each pair of clients.
    Pairwise,
    /// Lattice masks, of the set with the least bytes.
    Lattice,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// One client; started by the server's process.
    #[command(hide = true)]
    Client {
        /// Its id.
        id: u64,
    },
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.replace('_', "").parse().map_err(|e| format!("{e}"))?;
    if (1..=1 << 40).contains(&number) { Ok(number) } else { Err("between 1 and 2^40 words".into()) }
}

fn main() -> ExitCode {
    cli::run(|arguments: Arguments| match arguments.role {
        Some(Role::Client { id }) => client::run(id),
        None => server::run(&arguments),
    })
}

/// A failure of a pipe.
fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Run(format!("the other process is gone: {error}"))
}
