//! The server's process: starts the clients, spools, sums, unmasks, verifies.

use std::{
    collections::BTreeMap,
    env,
    io::{BufReader, IsTerminal},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Instant,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use veilsum::{
    Bound, ClientId, Identity, LatticeSet, Layout, Masking, Session, SigningIdentity,
    driver::{Server, ServerStep},
    secagg::{Outbox, sum::Sum, upload::FileSpool},
};

use crate::{
    Arguments, Choice, broken,
    cli::{Failure, print, say},
    client::{DESCRIPTOR, MESSAGE, REPORT, STOP_AT, WIRE, expect, identity},
    pipe::{get, peak_mib, put},
    update::extend,
};

/// Words that are read of the sum at once.
const STEP: usize = 1 << 20;

/// One client's process and its pipes. It is killed when it is dropped.
struct Peer {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    fn start(id: ClientId) -> Result<Self, Failure> {
        let program = env::current_exe().map_err(broken)?;
        let mut command = Command::new(program);
        command.args(["client", &id.0.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().map_err(|e| Failure::Run(format!("can not start {id}: {e}")))?;
        match (process.stdin.take(), process.stdout.take()) {
            (Some(to), Some(from)) => Ok(Self { process, to, from: BufReader::with_capacity(1 << 20, from) }),
            _ => Err(broken("no pipe")),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

type Peers = BTreeMap<ClientId, Peer>;

/// What is known of the clients whose input is in.
#[derive(Default)]
struct Reports {
    checksums: BTreeMap<ClientId, u64>,
    peak_mib: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let host = Arc::new(SigningIdentity::from_seed(&[0x73; 32]));
    let session = descriptor(arguments, &host)?;
    let dir = match &arguments.dir {
        Some(dir) => tempfile::tempdir_in(dir).map_err(|e| Failure::file(dir, e))?,
        None => tempfile::tempdir().map_err(broken)?,
    };
    check_disk(&session, dir.path())?;
    let started = Instant::now();
    let mut server = Server::new(&session, host)?;
    let mut peers = advertise(&session, &mut server)?;
    exchange(&mut server, &mut peers)?;
    let reports = inputs(&session, &mut server, &mut peers, dir.path())?;
    say("summing");
    exchange(&mut server, &mut peers)?;
    // One more client is lost when its input is in already: its input still counts.
    let lost = peers.pop_last().map(|(id, _)| id);
    exchange(&mut server, &mut peers)?;
    let ServerStep::Sum(sum) = server.close()? else { return Err(Failure::Run("the session has no sum".into())) };
    let matches = verify(&sum, &reports)?;
    report(&session, &sum, &reports, lost, started);
    if matches { Ok(()) } else { Err(Failure::Run("the sum is wrong".into())) }
}

fn descriptor(arguments: &Arguments, host: &SigningIdentity) -> Result<Session, Failure> {
    let roster = (1..=arguments.clients).map(|id| (ClientId(id), identity(id).public_key()));
    let max_abs = ((1_u64 << (arguments.bits - 1)) - 1) / arguments.clients;
    let bound = Bound::Exact { max_abs: max_abs.max(1) };
    let clients = usize::try_from(arguments.clients).unwrap_or(usize::MAX);
    let lattice = || Masking::Lattice(LatticeSet::recommended(clients, arguments.len, arguments.bits).unwrap_or(LatticeSet::L96));
    let masking = match arguments.masking {
        Choice::Recommended => Masking::recommended(clients, arguments.len, arguments.bits),
        Choice::Pairwise => Masking::Pairwise,
        Choice::Lattice => lattice(),
    };
    say(&format!("masks: {masking:?}"));
    Ok(Session::builder(roster, host.public_key(), arguments.len, arguments.bits, bound).masking(masking).build()?)
}

#[allow(clippy::cast_precision_loss, reason = "to be read by people")]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / (1_u64 << 30) as f64
}

/// Says what the disk has to hold, and refuses to begin if it can not.
fn check_disk(session: &Session, dir: &Path) -> Result<(), Failure> {
    let upload = Layout::new(session).wire_len(&(0..session.vector_len()));
    let need = upload.saturating_mul(session.clients() as u64);
    let status = rustix::fs::statvfs(dir).map_err(|e| Failure::file(dir, e))?;
    let free = status.f_bavail.saturating_mul(status.f_frsize);
    say(&format!("uploads in {}: up to {:.2} GiB, of {:.2} GiB free", dir.display(), gib(need), gib(free)));
    // A margin, for others who write to the same disk.
    if need.saturating_add(need / 20) > free { Err(Failure::file(dir, "not enough room on this disk")) } else { Ok(()) }
}

/// Starts the clients and takes their adverts.
fn advertise(session: &Session, server: &mut Server) -> Result<Peers, Failure> {
    let (mut peers, mut frame) = (Peers::new(), Vec::new());
    for (id, _) in session.roster() {
        let mut peer = Peer::start(*id)?;
        put(&mut peer.to, DESCRIPTOR, &session.encode()).map_err(broken)?;
        expect(&mut peer.from, MESSAGE, &mut frame)?;
        server.receive(&frame)?;
        peers.insert(*id, peer);
    }
    Ok(peers)
}

fn close(server: &mut Server) -> Result<Outbox, Failure> {
    match server.close()? {
        ServerStep::Send(outbox) => Ok(outbox),
        _ => Err(Failure::Run("the session ended early".into())),
    }
}

/// Ends a round, and takes everybody's answer to its message.
fn exchange(server: &mut Server, peers: &mut Peers) -> Result<(), Failure> {
    let (outbox, mut frame) = (close(server)?, Vec::new());
    for (id, peer) in peers {
        let Some(message) = outbox.message_for(*id) else { continue };
        put(&mut peer.to, MESSAGE, &message).map_err(broken)?;
        expect(&mut peer.from, MESSAGE, &mut frame)?;
        server.receive(&frame)?;
    }
    Ok(())
}

/// Round 2: one client at a time streams its upload into a file. One is gone before that, one stops half-way.
fn inputs(session: &Session, server: &mut Server, peers: &mut Peers, dir: &Path) -> Result<Reports, Failure> {
    let outbox = close(server)?;
    let upload_len = Layout::new(session).wire_len(&(0..session.vector_len()));
    let may_drop = session.max_dropouts() as usize;
    let mut leaving = peers.keys().copied().collect::<Vec<_>>().into_iter();
    let (gone, half) = (leaving.next().filter(|_| may_drop > 1), leaving.nth(1).filter(|_| may_drop > 2));
    gone.map(|id| peers.remove(&id));
    let (bar, mut reports) = (progress(upload_len * peers.len() as u64), Reports::default());
    let ids: Vec<ClientId> = peers.keys().copied().collect();
    for id in ids {
        let (Some(peer), Some(message)) = (peers.get_mut(&id), outbox.message_for(id)) else { continue };
        bar.set_message(id.to_string());
        if half == Some(id) {
            put(&mut peer.to, STOP_AT, &(upload_len / 2).to_le_bytes()).map_err(broken)?;
        }
        put(&mut peer.to, MESSAGE, &message).map_err(broken)?;
        if !upload(server, id, peer, dir, &bar, &mut reports)? {
            bar.println(format!("{id} dropped out half-way through its upload"));
            peers.remove(&id);
        }
    }
    bar.finish_and_clear();
    gone.iter().for_each(|id| say(&format!("{id} dropped out before its upload")));
    Ok(reports)
}

/// Takes one upload; `false` if the client is gone before its end.
fn upload(
    server: &mut Server,
    id: ClientId,
    peer: &mut Peer,
    dir: &Path,
    bar: &ProgressBar,
    reports: &mut Reports,
) -> Result<bool, Failure> {
    let mut upload = server.upload(id, FileSpool::create(dir.join(format!("{}.upload", id.0))).map_err(veilsum::Error::from)?)?;
    let mut frame = Vec::new();
    loop {
        match get(&mut peer.from, &mut frame) {
            Ok(Some(WIRE)) => {
                upload.write(&frame)?;
                bar.inc(frame.len() as u64);
            }
            Ok(Some(MESSAGE)) => {
                server.accept(&mut upload, &frame)?;
            }
            Ok(Some(REPORT)) => {
                let numbers = frame.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect::<Vec<_>>();
                let [checksum, peak] = numbers[..] else { return Err(broken("a report that makes no sense")) };
                reports.checksums.insert(id, checksum);
                reports.peak_mib = reports.peak_mib.max(peak);
                return Ok(true);
            }
            _ => return Ok(false),
        }
    }
}

/// Reads the whole sum once and compares its checksum with that of the survivors.
fn verify(sum: &Sum, reports: &Reports) -> Result<bool, Failure> {
    let (len, ring) = (sum.layout().vector_len(), sum.layout().ring());
    let (bar, mut words, mut checksum) = (progress(len * 4), Vec::new(), 0);
    bar.set_message("unmasking");
    for start in (0..len).step_by(STEP) {
        let count = usize::try_from((len - start).min(STEP as u64)).unwrap_or(0);
        words.resize(count, 0_u32);
        sum.read(start, &mut words)?;
        checksum = extend(checksum, start, words.iter().map(|word| ring.centered((*word).into())));
        bar.inc(4 * count as u64);
    }
    bar.finish_and_clear();
    let of = |id| reports.checksums.get(id).copied().unwrap_or(0);
    Ok(checksum == sum.survivors().iter().map(of).fold(0, u64::wrapping_add))
}

fn report(session: &Session, sum: &Sum, reports: &Reports, lost: Option<ClientId>, started: Instant) {
    let accumulator = session.vector_len() * if session.modulus_bits() <= 32 { 4 } else { 8 } / (1 << 20);
    let seconds = started.elapsed().as_secs_f64();
    let counters = sum.counters();
    print(&format!(
        "{} words, {} clients, {} survivors; {} left after its input was in\n\
         uploads accepted       {:>10.2} GiB\n\
         keystreams taken off   {:>10}\n\
         peak memory, clients   {:>10} MiB (the largest)\n\
         peak memory, server    {:>10} MiB, of which the sum is {accumulator}\n\
         time                   {seconds:>10.1} s\n\
         the checksum of the sum is that of the survivors' updates\n",
        session.vector_len(),
        session.clients(),
        sum.survivors().len(),
        lost.map_or_else(|| "nobody".to_owned(), |id| id.to_string()),
        gib(counters.upload_bytes),
        counters.mask_streams,
        reports.peak_mib,
        peak_mib(),
    ));
}

fn progress(bytes: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    let template = "{msg:>10} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}";
    ProgressStyle::with_template(template).map(|style| bar.set_style(style)).ok();
    bar
}
