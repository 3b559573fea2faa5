//! One process for each party; messages are files in a directory that all parties can reach: a disk, a network share, a synced folder.
//!
//! ```sh
//! cargo build --release --example file_drop && cd target/release/examples
//! for p in server a b c; do ./file_drop keygen --out $p; done
//! # Every party writes its own copy of what has been agreed on, and compares the keys over a telephone:
//! cat > session.txt <<END
//! round = 1
//! attempt = 9f86d081884c7d659a2feaa0c55ad015
//! values = 3
//! clip = 1000
//! fraction_bits = 16
//! server = $(cat server.pub)
//! client 1 = $(cat a.pub)
//! client 2 = $(cat b.pub)
//! client 3 = $(cat c.pub)
//! END
//! mkdir drop
//! ./file_drop server --session session.txt --key server.key --dir drop --out sum.txt &
//! for p in a b c; do echo 1 2.5 -3 > $p.txt; ./file_drop client --session session.txt --key $p.key --dir drop --input $p.txt & done
//! wait
//! ```
//!
//! Which files there are, and what a session file may say: docs/integration.md, section 15. `reference/file_drop.py` is another program for
//! the same files.
//!
//! `examples/file_drop/demo.sh` does all this for five clients, and kills one of them on the way.
//!
//! A client that is killed, at any moment, has dropped out; the others go on when the server's deadline for the step has passed. If the
//! server is killed, clients wait until their own deadline and stop: the round is lost, and nothing else. The next one needs another
//! `round` or `attempt` and an empty directory: used directories are refused, and a client never joins the same session twice (it
//! keeps a list beside its key).
//!
//! Nothing secret is ever written to a file but the identity key, with mode 0600. Whoever can write to the directory can make the
//! session fail, and can do nothing else.

#[path = "../common/cli.rs"]
mod cli;
mod client;
mod directory;
#[path = "../common/files.rs"]
mod files;
#[path = "../common/keys.rs"]
mod keys;
#[path = "../common/numbers.rs"]
mod numbers;
#[path = "../common/rules.rs"]
mod rules;
mod server;
#[path = "../common/spool.rs"]
mod spool;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, Parser, Subcommand};
use cli::Failure;
use directory::Directory;
use keys::Key;
use rules::Rules;

/// Secure aggregation between processes that share nothing but a directory.
#[derive(Parser)]
#[command(name = "file_drop")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes an identity: NAME.key, which stays secret, and NAME.pub, for everybody's session file.
    Keygen {
        /// NAME: where to write the two files.
        #[arg(long, value_name = "NAME")]
        out: PathBuf,
    },
    /// Runs the server: collects the masked vectors and writes their sum.
    Server {
        #[command(flatten)]
        common: Common,
        /// Where to write the sum: raw little-endian f32 if the name ends in .f32, otherwise text.
        #[arg(long)]
        out: PathBuf,
        /// Replace the file at --out if there is one.
        #[arg(long)]
        force: bool,
        /// Also write the session's transcript, with which anyone can check the sum, or how a session failed (see the example `audit`).
        #[arg(long, value_name = "FILE")]
        transcript: Option<PathBuf>,
        /// Seconds to wait in each of the five steps for clients that have not answered.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
        deadline: u64,
    },
    /// Runs one client: gives its vector, masked.
    Client {
        #[command(flatten)]
        common: Common,
        /// The vector: raw little-endian f32 if the name ends in .f32, otherwise numbers in text.
        #[arg(long)]
        input: PathBuf,
        /// Wait for the sum, check that the server signed it for this session, and write it here.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Replace the file at --out if there is one.
        #[arg(long)]
        force: bool,
        /// Seconds to wait for each message of the server; more than the server's deadline.
        #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86400))]
        deadline: u64,
    },
}

#[derive(Args)]
struct Common {
    /// This party's own copy of what has been agreed on.
    #[arg(long)]
    session: PathBuf,
    /// This party's secret key file.
    #[arg(long)]
    key: PathBuf,
    /// The directory that all parties share.
    #[arg(long)]
    dir: PathBuf,
}

fn main() -> ExitCode {
    cli::run(|options: Options| match options.command {
        Command::Keygen { out } => keys::generate(&out),
        Command::Server { common, out, force, transcript, deadline } => {
            check_place(&out, force)?;
            transcript.as_deref().map_or(Ok(()), |path| check_place(path, force))?;
            let (rules, key, directory) = common.open()?;
            let party = server::Party {
                rules,
                identity: Arc::new(key.identity),
                directory,
                deadline: Duration::from_secs(deadline),
                transcript,
            };
            party.run(&out, force).map_err(|failure| failure.of("server"))
        }
        Command::Client { common, input, out, force, deadline } => {
            out.as_deref().map_or(Ok(()), |out| check_place(out, force))?;
            let (rules, key, directory) = common.open()?;
            let id = rules.client(&key).ok_or_else(|| Failure::file(&common.key, "its public key is not in the session file"))?;
            let party = client::Party { id, rules, directory, deadline: Duration::from_secs(deadline) };
            party.run(key, &input, out.as_deref(), force).map_err(|failure| failure.of(id))
        }
    })
}

fn check_place(out: &std::path::Path, force: bool) -> Result<(), Failure> {
    files::check_place(out, force).map_err(|reason| Failure::file(out, reason))
}

impl Common {
    fn open(&self) -> Result<(Rules, Key, Directory), Failure> {
        let (rules, key) = (Rules::read(&self.session)?, Key::read(&self.key)?);
        Ok((rules, key, Directory::open(&self.dir)?))
    }
}
