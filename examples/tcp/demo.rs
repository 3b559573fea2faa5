//! A server and five clients on this machine, one of which is killed; and the check of the sum.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use crate::{
    cli::{self, Failure},
    client::Moment,
};

const CLIENTS: u32 = 5;
const KILLED: u32 = 3;
/// Numbers in a vector.
const VALUES: usize = 200_000;
/// The server's deadline for a round; nothing takes as long as that here, since dropped connections are noticed.
const DEADLINE: &str = "20";
/// After this long something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that does not outlive the demonstration.
struct Running {
    name: String,
    child: Child,
    /// What it writes to its standard output.
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it has ended already if all went well
        let _ = self.child.wait();
    }
}

pub(crate) fn run(kill: Moment) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    let directory = tempfile::tempdir().map_err(run_failure)?;
    let home = directory.path();
    prepare(home, end)?;
    let common = ["--session", "session.txt", "--deadline", DEADLINE];
    let mut server =
        Running::start("server", home, &[&["server", "--key", "server.key", "--out", "sum.txt"][..], &common].concat())?;
    let address = server.line("listening on ", end)?;
    let mut clients = Vec::new();
    for id in 1..=CLIENTS {
        let (key, input, out) = (format!("{id}.key"), format!("{id}.txt"), format!("sum-{id}.txt"));
        let mut arguments = vec!["client", "--key", &key, "--input", &input, "--out", &out, "--server", &address];
        arguments.extend(common);
        let moment = clap::ValueEnum::to_possible_value(&kill).map(|value| value.get_name().to_owned()).unwrap_or_default();
        if id == KILLED {
            arguments.extend(["--pause", &moment]);
        }
        clients.push((id, Running::start(&format!("client {id}"), home, &arguments)?));
    }
    for (id, client) in &mut clients {
        if *id == KILLED {
            client.line("paused", end)?;
            client.child.kill().map_err(run_failure)?;
            cli::say(&format!("demo: killed client {KILLED} ({kill:?})"));
        }
    }
    server.succeeds(end)?;
    for (id, client) in clients.iter_mut().filter(|(id, _)| *id != KILLED) {
        client.succeeds(end)?;
        same(&read(home, &format!("sum-{id}.txt"))?, &read(home, "sum.txt")?, &format!("client {id} got another sum"))?;
    }
    let survivors = server.line("survivors ", end)?;
    check(&survivors, &read(home, "sum.txt")?, kill)
}

/// Keys, the session file, and everybody's vector.
fn prepare(home: &Path, end: Instant) -> Result<(), Failure> {
    let mut attempt = [0; 16];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut attempt);
    let mut session =
        format!("round = 1\nattempt = {}\nvalues = {VALUES}\nclip = 1000\nfraction_bits = 16\n", hex::encode(attempt));
    for party in ["server".into()].into_iter().chain((1..=CLIENTS).map(|id| id.to_string())) {
        Running::start("keygen", home, &["keygen", "--out", &party])?.succeeds(end)?;
        let line = if party == "server" { party.clone() } else { format!("client {party}") };
        session += &format!("{line} = {}\n", read(home, &format!("{party}.pub"))?.trim());
    }
    write(home, "session.txt", &session)?;
    (1..=CLIENTS).try_for_each(|id| {
        let lines: String = (0..VALUES).map(|place| format!("{}\n", value(id, place))).collect();
        write(home, &format!("{id}.txt"), &lines)
    })
}

/// Multiples of 1/8, so that every sum of them is exact.
fn value(id: u32, place: usize) -> f64 {
    let eighths = (place as u64 * 31 + u64::from(id) * 977) % 16_001;
    f64::from(u16::try_from(eighths).unwrap_or(0)) / 8.0 - 1000.0
}

/// Compares with the plain sum over the survivors, and says what it is.
fn check(survivors: &str, sum: &str, kill: Moment) -> Result<(), Failure> {
    let counts = matches!(kill, Moment::Input | Moment::Consistency);
    let expected: Vec<u32> = (1..=CLIENTS).filter(|id| *id != KILLED || counts).collect();
    let list = expected.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    same(survivors, &list, "the sum is over other clients than it should be")?;
    let plain: String =
        (0..VALUES).map(|place| format!("{}\n", expected.iter().map(|id| value(*id, place)).sum::<f64>())).collect();
    same(sum, &plain, "the sum differs from the plain sum")?;
    let first: Vec<&str> = sum.lines().take(4).collect();
    cli::print(&format!("the sum over clients {survivors}: {}, .. ({VALUES} numbers)\n", first.join(", ")));
    cli::print("it is the plain sum of their vectors, bit for bit\n");
    Ok(())
}

fn same(got: &str, expected: &str, otherwise: &str) -> Result<(), Failure> {
    if got == expected { Ok(()) } else { Err(Failure::Run(otherwise.into())) }
}

fn read(home: &Path, name: &str) -> Result<String, Failure> {
    fs::read_to_string(home.join(name)).map_err(|e| Failure::file(&home.join(name), e))
}

fn write(home: &Path, name: &str, text: &str) -> Result<(), Failure> {
    fs::write(home.join(name), text).map_err(|e| Failure::file(&home.join(name), e))
}

fn run_failure(error: std::io::Error) -> Failure {
    Failure::Run(error.to_string())
}

impl Running {
    /// This program again, as one of the parties.
    fn start(name: &str, home: &Path, arguments: &[&str]) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(run_failure)?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(home).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(run_failure)?;
        let (sender, lines) = mpsc::channel();
        let out = child.stdout.take();
        let running = Self { name: name.to_owned(), child, lines };
        let forward = move || {
            let lines = out.into_iter().flat_map(|out| BufReader::new(out).lines());
            let _ = lines.map_while(Result::ok).try_for_each(|line| sender.send(line));
        };
        thread::Builder::new().spawn(forward).map_err(run_failure)?;
        Ok(running)
    }

    /// The rest of the next line, which must begin like this.
    fn line(&mut self, start: &str, end: Instant) -> Result<String, Failure> {
        let line = self.lines.recv_timeout(end.saturating_duration_since(Instant::now()));
        let rest = line.ok().and_then(|line| line.strip_prefix(start).map(str::to_owned));
        rest.ok_or_else(|| Failure::Run(format!("{} ended, or did not say {:?} in time", self.name, start.trim())))
    }

    fn succeeds(&mut self, end: Instant) -> Result<(), Failure> {
        while Instant::now() < end {
            match self.child.try_wait().map_err(run_failure)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(Failure::Run(format!("{} failed: {status}", self.name))),
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(Failure::Run(format!("{} did not end in time", self.name)))
    }
}
