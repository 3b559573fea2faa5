//! One process for each party, and TCP between them: what an integration does with [`veilsum::driver`], deadlines and dropped connections.
//!
//! ```sh
//! cargo run --release --example tcp -- demo
//! ```
//!
//! starts a server and five clients on this machine, kills one client in the middle of its upload, and compares the sum with the plain one.
//! By hand, on one machine or several:
//!
//! ```sh
//! cargo build --release --example tcp && cd target/release/examples
//! for p in server a b c; do ./tcp keygen --out $p; done
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
//! ./tcp server --session session.txt --key server.key --listen 127.0.0.1:4711 --out sum.txt &
//! for p in a b c; do echo 1 2.5 -3 > $p.txt; ./tcp client --session session.txt --key $p.key --server 127.0.0.1:4711 --input $p.txt & done
//! wait && cat sum.txt
//! ```
//!
//! A client that dies, hangs, is slow or sends garbage has dropped out; the others go on at the latest when the server's deadline for
//! the round has passed. If the server dies the round is lost, and each client says whether its input counts as released. A lost
//! connection is not taken up again. Another try takes another `attempt` in everybody's session file: a key never joins the same session
//! twice (it keeps a list beside itself).
//!
//! There is no TLS here. veilsum needs none to keep inputs secret, but without it anybody on the path reads the sum, and can copy a
//! client's keys or cut its connection, which makes the session fail. Put this behind TLS with a certificate for each party.

#[path = "../common/cli.rs"]
mod cli;
mod client;
mod connection;
mod demo;
#[path = "../common/files.rs"]
mod files;
#[path = "../common/keys.rs"]
mod keys;
#[path = "../common/numbers.rs"]
mod numbers;
#[path = "../common/rules.rs"]
mod rules;
mod server;
mod wire;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use cli::Failure;
use client::Moment;
use keys::Key;
use rules::Rules;

/// Secure aggregation between processes over TCP.
#[derive(Parser)]
#[command(name = "tcp")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts a server and five clients, kills one of them, and checks the sum.
    Demo {
        /// When client 3 is killed.
        #[arg(long, value_enum, default_value = "upload")]
        kill: Moment,
    },
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
        /// Where to listen; port 0 lets the system choose.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
        listen: String,
        /// Where to write the sum: raw little-endian f32 if the name ends in .f32, otherwise text.
        #[arg(long)]
        out: PathBuf,
        /// Seconds to wait in each of the five rounds for clients that have not answered.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
        deadline: u64,
    },
    /// Runs one client: gives its vector, masked, and checks the sum that comes back.
    Client {
        #[command(flatten)]
        common: Common,
        /// The server.
        #[arg(long, value_name = "HOST:PORT")]
        server: String,
        /// The vector: raw little-endian f32 if the name ends in .f32, otherwise numbers in text.
        #[arg(long)]
        input: PathBuf,
        /// Where to write the sum.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Seconds to wait for each message of the server; more than the server's deadline.
        #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86400))]
        deadline: u64,
        /// For demonstrations: say "paused" there, and wait to be killed.
        #[arg(long, value_enum)]
        pause: Option<Moment>,
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
    /// Replace the file at --out if there is one.
    #[arg(long)]
    force: bool,
}

fn main() -> ExitCode {
    cli::run(|options: Options| match options.command {
        Command::Demo { kill } => demo::run(kill).map_err(|failure| failure.of("demo")),
        Command::Keygen { out } => keys::generate(&out),
        Command::Server { common, listen, out, deadline } => {
            check_place(&out, common.force)?;
            let (rules, key) = common.open()?;
            let party = server::Party { rules, identity: Arc::new(key.identity), deadline: Duration::from_secs(deadline) };
            party.run(&listen, &out, common.force).map_err(|failure| failure.of("server"))
        }
        Command::Client { common, server, input, out, deadline, pause } => {
            out.as_deref().map_or(Ok(()), |out| check_place(out, common.force))?;
            let (rules, key) = common.open()?;
            let id = rules.client(&key).ok_or_else(|| Failure::file(&common.key, "its public key is not in the session file"))?;
            let party = client::Party { id, rules, deadline: Duration::from_secs(deadline), pause };
            party.run(key, &server, &input, out.as_deref(), common.force).map_err(|failure| failure.of(id))
        }
    })
}

fn check_place(out: &Path, force: bool) -> Result<(), Failure> {
    files::check_place(out, force).map_err(|reason| Failure::file(out, reason))
}

impl Common {
    fn open(&self) -> Result<(Rules, Key), Failure> {
        Ok((Rules::read(&self.session)?, Key::read(&self.key)?))
    }
}
