//! Checks the transcript of a session, without trusting whoever wrote it.
//!
//! ```sh
//! cargo run --release --example audit -- --demo drop          # plays a session; writes session.bin, transcript.bin and sum.bin in drop
//! cargo run --release --example audit -- drop/transcript.bin --session drop/session.bin
//! cargo run --release --example audit -- drop/transcript.bin --session drop/session.bin --sum drop/sum.bin
//! cargo run --release --example audit -- drop/transcript.bin --session-id HEX --spot 2 --json
//! ```
//!
//! `--session` names the auditor's own descriptor: the canonical bytes of `Session::encode`. `--session-id` takes the session that the file
//! describes, if its hash is the one that the auditor was told by somebody it trusts. Without either the file is checked against its own
//! account of the session, which proves nothing about who took part; the id is printed to be compared.
//!
//! A transcript does not hold the sum, but what its root has to be: `--sum` compares the words that the auditor was given.
//!
//! The exit code is 0 if nothing is wrong, 1 if something is, 2 if the command line makes no sense.

#[path = "../common/cli.rs"]
mod cli;
mod demo;
mod report;
mod sum;

use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use cli::Failure;
use sum::Words;
use veilsum::{
    Session,
    audit::{Check, Report, Source, descriptor, verify},
    secagg::upload::SpoolError,
};

/// Recomputes the sum of a session from its transcript, checks everything that was signed, and names who deviated.
#[derive(Parser)]
#[command(name = "audit")]
struct Options {
    /// The transcript.
    #[arg(required_unless_present = "demo", conflicts_with = "demo")]
    transcript: Option<PathBuf>,
    /// The auditor's own session descriptor.
    #[arg(long, value_name = "FILE", conflicts_with = "session_id")]
    session: Option<PathBuf>,
    /// The id of the session that the auditor means: 64 hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    session_id: Option<String>,
    /// Recompute only so many chunks, drawn at random; 0 checks what was signed and leaves the sum alone.
    #[arg(long, value_name = "N")]
    spot: Option<u64>,
    /// Recompute these chunks, counted from 0, and no others: those that a server was asked to open.
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with = "spot")]
    chunks: Option<Vec<u64>>,
    /// Recompute whatever chunks the file has; for a session that has no sum.
    #[arg(long, conflicts_with_all = ["spot", "chunks"])]
    present: bool,
    /// Compare these words with the sum whose root the server signed: each a little-endian integer of 8 bytes, as --demo and the example
    /// file_drop (server.sum) write them. Other words are an error.
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    sum: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Play a session of five clients, one of which drops out, and write its descriptor, transcript and sum to this directory.
    #[arg(long, value_name = "DIR")]
    demo: Option<PathBuf>,
}

fn main() -> ExitCode {
    cli::run(|options: Options| match (&options.demo, &options.transcript) {
        (Some(directory), _) => demo::write(directory),
        (None, Some(path)) => audit(&options, path),
        (None, None) => Err(Failure::Usage("no transcript".into())),
    })
}

fn audit(options: &Options, path: &Path) -> Result<(), Failure> {
    let (session, approved) = session(options, path)?;
    let check = match (&options.chunks, options.spot) {
        (Some(chunks), _) => Check::Chunks(chunks.iter().copied().collect()),
        (None, Some(count)) => Check::spot(&session, count, &mut rand::rng())?,
        (None, None) if options.present => Check::Present,
        (None, None) => Check::Full,
    };
    let words = options.sum.as_deref().map(|own| Words::open(own, &session)).transpose()?;
    let result = verify(&session, &mut Input::open(path)?, &check);
    let same = match (&result, words) {
        (Ok(Report { sum_root: Some(root), .. }), Some(words)) => Some(*root == words.root()?),
        _ => None,
    };
    cli::print(&report::print(&session, approved, &result, same, options.json));
    let report = result.map_err(|finding| Failure::file(path, finding))?;
    match &options.sum {
        Some(_) if report.sum_root.is_none() => Err(Failure::file(path, "the session has no sum to compare words with")),
        Some(own) if same == Some(false) => Err(Failure::file(own, "holds other words than those that the server signed")),
        _ => Ok(()),
    }
}

/// The session to check against, and whether the auditor vouches for it.
fn session(options: &Options, path: &Path) -> Result<(Session, bool), Failure> {
    if let Some(own) = &options.session {
        let bytes = std::fs::read(own).map_err(|e| Failure::file(own, e))?;
        return Ok((Session::decode(&bytes).map_err(|e| Failure::file(own, e))?, true));
    }
    let session = descriptor(&mut Input::open(path)?).map_err(|finding| Failure::file(path, finding))?;
    match &options.session_id {
        None => Ok((session, false)),
        Some(id) if id.to_lowercase() == session.id().to_string() => Ok((session, true)),
        Some(_) => Err(Failure::file(path, format!("is of another session: {}", session.id()))),
    }
}

/// A file, read in pieces.
struct Input(BufReader<File>);

impl Input {
    fn open(path: &Path) -> Result<Self, Failure> {
        File::open(path).map(|file| Self(BufReader::with_capacity(1 << 20, file))).map_err(|e| Failure::file(path, e))
    }
}

impl Source for Input {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, SpoolError> {
        self.0.read(out).map_err(SpoolError::new)
    }
}
