//! What is left of secrets in the memory of a process, once all of its states are gone: another process looks, byte by byte.
//!
//! Best effort, and Linux only: it sees what stands in memory at two moments, not what passed through registers or was swapped out. The
//! process that is watched plays a session with generators that are known to the watcher, and never computes a secret by other means than
//! the crate. What the protocol reveals in the clear (shares, in Reveal messages) is not looked for.
#![cfg(all(target_os = "linux", feature = "std"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/recorder.rs"]
mod recorder;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::FileExt,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use common::{World, mask_all, masking::over_both_maskings, read_all, until_inputs};
use rand::{Rng, SeedableRng, rngs::StdRng};
use recorder::{Recorder, Secrets, derive};
use veilsum::{
    Masking, Session, SigningIdentity,
    secagg::{client, upload::MemorySpool},
};

over_both_maskings! { nothing_secret_is_left_in_memory_when_a_session_is_over }

/// Which masking the watched process plays; set by the watcher alone.
const WATCHED: &str = "VEILSUM_WATCHED";
const SEED: u64 = 20;

/// What the watched process still holds when it is over, so that a search that finds nothing is known to search.
fn control() -> [u8; 32] {
    let mut bytes = [0; 32];
    StdRng::seed_from_u64(SEED + 2).fill_bytes(&mut bytes);
    bytes
}

fn world(masking: Masking) -> (World, Session) {
    let world = World::masked(3, SEED, masking);
    let session = world.builder(70, 20).build().unwrap();
    (world, session)
}

/// What the watched process holds at one time or another: everything that its clients derive from what they draw, and their identity keys.
fn secrets(masking: Masking) -> Secrets {
    let mut secrets = Vec::new();
    let mut identities = StdRng::seed_from_u64(SEED);
    for _ in 0..4 {
        let mut recorder = Recorder { inner: identities, given: Vec::new() };
        drop(SigningIdentity::generate(&mut recorder).unwrap());
        secrets.push(("identity key", recorder.given));
        identities = recorder.inner;
    }
    let (world, session) = world(masking);
    let mut recorder = Recorder { inner: identities, given: Vec::new() };
    for (id, identity) in &world.clients {
        let from = recorder.given.len();
        drop(client::join(&session, *id, identity.clone(), &mut recorder).unwrap());
        derive(&mut secrets, &session, *id, &recorder.given[from..]);
    }
    // A survivor's shares of `b` are revealed in the clear.
    secrets.retain(|(name, _)| *name != "share");
    secrets
}

#[test]
#[ignore = "the process that the other tests watch: they start it"]
fn the_watched_process() {
    let Ok(masking) = std::env::var(WATCHED) else { return };
    let masking = if masking == "pairwise" { Masking::Pairwise } else { common::masking::LATTICE };
    // The stack of a thread is given back when it ends.
    thread::spawn(move || play(masking)).join().unwrap();
    let kept = Box::new(control());
    pause("over");
    drop(kept);
}

/// Plays a session, and pauses while all secrets are in use.
fn play(masking: Masking) {
    let (mut world, session) = world(masking);
    let mut others = StdRng::seed_from_u64(SEED + 1);
    let inputs: BTreeMap<_, Vec<u64>> =
        world.ids().into_iter().map(|id| (id, (0..70).map(|_| u64::from(others.next_u32() % 1000)).collect())).collect();
    let mut round = until_inputs(&mut world, &session);
    pause("alive");
    let (mut messages, mut sent) = (Vec::new(), BTreeMap::new());
    for (id, mut state) in round.clients {
        let (mut wire, mut upload) = (Vec::new(), round.server.upload(id, MemorySpool::default()).unwrap());
        mask_all(&mut state, &session, &inputs[&id], &mut wire).unwrap();
        upload.write(&wire).unwrap();
        let (state, header) = state.finish().unwrap();
        round.server.accept(&mut upload, &header).unwrap();
        sent.insert(id, state);
    }
    let (sum, finished) = common::agree_and_reveal(round.server, sent, &mut messages);
    assert_eq!(read_all(&sum), common::plain_sum(&session, &inputs, sum.survivors()));
    drop((sum, finished));
    // The generator is the caller's, and holds what it gave: the caller wipes it.
    world.rng = StdRng::seed_from_u64(0);
}

/// Says what stage is reached, and waits for a line.
fn pause(stage: &str) {
    println!("\nstage {stage}");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// A process that plays, and can be looked into while it pauses.
struct Watched {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Watched {
    fn start(masking: Masking) -> Self {
        let name = if masking == Masking::Pairwise { "pairwise" } else { "lattice" };
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "the_watched_process", "--nocapture", "--test-threads=1"])
            .env(WATCHED, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, input, output }
    }

    fn wait_for(&mut self, stage: &str) {
        let wanted = format!("stage {stage}");
        let reached = self.output.by_ref().lines().any(|line| line.unwrap() == wanted);
        assert!(reached, "the process ended before it was {stage}");
    }

    fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    /// The names of those secrets of which 16 bytes in a row stand in its memory.
    fn holds(&self, secrets: &Secrets) -> Vec<&'static str> {
        let memory = self.memory();
        let found = |secret: &[u8]| secret.chunks_exact(16).any(|part| memory.iter().any(|region| contains(region, part)));
        secrets.iter().filter(|(_, secret)| found(secret)).map(|(name, _)| *name).collect()
    }

    /// Everything that it can write to.
    fn memory(&self) -> Vec<Vec<u8>> {
        let id = self.process.id();
        let memory = File::open(format!("/proc/{id}/mem")).unwrap();
        let maps = fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
        let mut regions = Vec::new();
        for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
            let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
            let mut region = vec![0; usize::try_from(to - from).unwrap()];
            if memory.read_exact_at(&mut region, from).is_ok() {
                regions.push(region);
            }
        }
        assert!(regions.iter().map(Vec::len).sum::<usize>() > 1 << 16, "there is something to look at");
        regions
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Looks for the first byte first: most of memory is zeros.
fn contains(region: &[u8], part: &[u8]) -> bool {
    let mut rest = region;
    while let Some(at) = rest.iter().position(|byte| *byte == part[0]) {
        rest = &rest[at..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn nothing_secret_is_left_in_memory_when_a_session_is_over(masking: Masking) {
    let mut secrets = secrets(masking);
    let mut watched = Watched::start(masking);
    watched.wait_for("alive");
    let alive = watched.holds(&secrets);
    for name in ["identity key", "self seed"] {
        assert!(alive.contains(&name), "while it is used, the {name} is found: {alive:?}");
    }
    watched.go_on();
    watched.wait_for("over");
    secrets.push(("control", control().to_vec()));
    assert_eq!(watched.holds(&secrets), ["control"]);
    watched.go_on();
}
