//! One session, aggregated by 1, 4 and 16 worker processes, each of which owns a range of positions; the results are identical.
//!
//! ```sh
//! cargo run --release --example shards
//! cargo run --release --example shards -- --len 100_000_000
//! ```
//! The server runs the rounds and spools the uploads in files. A worker gets a descriptor of its shard and reads its range of the files;
//! after the last round it gets the secret unmask plan, over a pipe and never as a file, and answers with the sum of its range.

#[path = "../common/cli.rs"]
mod cli;
#[path = "../common/pipe.rs"]
mod pipe;
mod session;
mod worker;

use std::{ops::Range, path::PathBuf, process::ExitCode, time::Instant};

use clap::{Parser, Subcommand};
use cli::{Failure, print, say};
use session::Ended;
use veilsum::Layout;

#[derive(Debug, Parser)]
#[command(about = "Aggregates one session by 1, 4 and 16 worker processes")]
struct Arguments {
    /// Words in a vector; underscores are allowed.
    #[arg(long, default_value = "8_000_000", value_parser = number)]
    len: u64,
    /// Clients.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(5..=64))]
    clients: u64,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// One worker; started by the server's process.
    #[command(hide = true)]
    Worker {
        /// Where the uploads are.
        dir: PathBuf,
    },
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.replace('_', "").parse().map_err(|e| format!("{e}"))?;
    if (1..=1 << 32).contains(&number) { Ok(number) } else { Err("between 1 and 2^32 words".into()) }
}

fn main() -> ExitCode {
    cli::run(|arguments: Arguments| match &arguments.role {
        Some(Role::Worker { dir }) => worker::run(dir),
        None => run(&arguments),
    })
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dir = tempfile::tempdir().map_err(broken)?;
    let mut ended = session::run(arguments.len, arguments.clients, dir.path())?;
    print("workers   seconds   peak memory of a worker   sum\n");
    let mut first = None;
    for workers in [1, 4, 16] {
        let started = Instant::now();
        let shards = split(&Layout::new(&ended.session), workers);
        let done = worker::run_all(&ended, &shards, dir.path())?;
        let (seconds, peak) = (started.elapsed().as_secs_f64(), done.iter().map(|shard| shard.peak_mib).max().unwrap_or(0));
        let roots: Vec<_> = done.iter().map(|shard| shard.root.clone()).collect();
        let words: Vec<u32> = done.into_iter().flat_map(|shard| shard.words).collect();
        let h4 = announce(&mut ended, &roots, &words)?;
        let same = *first.get_or_insert(h4) == h4;
        if !same || words != ended.expected {
            return Err(Failure::Run(format!("{workers} workers: the sum is wrong")));
        }
        print(&format!("{:>7}   {seconds:>7.2}   {peak:>19} MiB   as expected, h4 {}\n", shards.len(), hex(&h4[..8])));
    }
    say("the sums are identical, equal to the plain sum, and verified by the survivors against the signed announcement");
    Ok(())
}

/// At most `count` ranges of whole chunks.
fn split(layout: &Layout, count: u64) -> Vec<Range<u64>> {
    let each = layout.chunks().div_ceil(count).max(1);
    let shard = |first: u64| layout.chunk(first).start..layout.chunk(first + each).start;
    (0..layout.chunks()).step_by(usize::try_from(each).unwrap_or(usize::MAX)).map(shard).collect()
}

/// Signs the sum of these shards, and lets a survivor check it.
fn announce(ended: &mut Ended, roots: &[veilsum::secagg::shard::ShardRoot], words: &[u32]) -> Result<[u8; 32], Failure> {
    let (outbox, h4) = ended.sum.announce_shards(roots)?;
    if let Some((id, finished)) = ended.finished.pop() {
        let message = outbox.message_for(id).ok_or_else(|| broken("a survivor gets no announcement"))?;
        let mut check = finished.check_sum();
        check.update(words)?;
        check.finish(&message).map_err(veilsum::Error::from)?;
    }
    Ok(h4)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A failure of a pipe or a file that this program made itself.
fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Run(format!("inside this program: {error}"))
}
