//! Workers: the process of one, and what starts all of them and collects their sums.

use std::{
    env,
    io::{self, BufReader, Read},
    ops::Range,
    path::Path,
    process::{Child, Command, Stdio},
};

use veilsum::{
    ClientId, Session,
    secagg::{
        shard::{PartialSum, ShardDescriptor, ShardRoot, UnmaskPlan},
        upload::{FileSpool, Spool},
    },
};

use crate::{
    broken,
    cli::Failure,
    pipe::{get, peak_mib, put},
    session::{Ended, upload_path},
};

const SESSION: u8 = b's';
const SHARD: u8 = b'd';
const PLAN: u8 = b'p';
const WORDS: u8 = b'w';
const ROOT: u8 = b'r';
const PEAK: u8 = b'm';

/// Words that are read and sent at once.
const STEP: usize = 1 << 20;

/// What a worker answers.
pub(crate) struct Done {
    pub(crate) words: Vec<u32>,
    pub(crate) root: ShardRoot,
    pub(crate) peak_mib: u64,
}

/// One worker's process.
pub(crate) fn run(dir: &Path) -> Result<(), Failure> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut frame = Vec::new();
    let session = Session::decode(expect(&mut input, SESSION, &mut frame)?)?;
    let shard = ShardDescriptor::decode(expect(&mut input, SHARD, &mut frame)?)?;
    // In a real deployment this part is done while the clients agree on the survivors.
    let open = |id: &ClientId| FileSpool::open(upload_path(dir, *id)).map(|spool| (*id, spool));
    let spools = shard.survivors().iter().map(open).collect::<Result<Vec<_>, _>>().map_err(veilsum::Error::from)?;
    let uploads: Vec<(ClientId, &dyn Spool)> = spools.iter().map(|(id, spool)| (*id, spool as &dyn Spool)).collect();
    let range = shard.range();
    let partial = PartialSum::new(&session, shard, &uploads)?;
    let plan = UnmaskPlan::decode(expect(&mut input, PLAN, &mut frame)?)?;
    zeroize::Zeroize::zeroize(&mut frame);
    let sum = partial.unmask(&plan).map_err(veilsum::Error::from)?;
    for start in range.clone().step_by(STEP) {
        let mut words = vec![0_u32; usize::try_from((range.end - start).min(STEP as u64)).map_err(broken)?];
        sum.read(start, &mut words)?;
        put(&mut output, WORDS, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()).map_err(broken)?;
    }
    put(&mut output, ROOT, &sum.root()?.encode()).map_err(broken)?;
    put(&mut output, PEAK, &peak_mib().to_le_bytes()).map_err(broken)
}

fn expect<'a>(input: &mut impl Read, kind: u8, frame: &'a mut Vec<u8>) -> Result<&'a [u8], Failure> {
    match get(input, frame).map_err(broken)? {
        Some(got) if got == kind => Ok(frame),
        _ => Err(broken("the other process sent something else, or is gone")),
    }
}

/// Starts a worker for each shard, all at the same time, and collects their answers in order.
pub(crate) fn run_all(ended: &Ended, shards: &[Range<u64>], dir: &Path) -> Result<Vec<Done>, Failure> {
    let start = |range: &Range<u64>| start(ended, range.clone(), dir);
    let workers = shards.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    workers.into_iter().map(|mut worker| collect(&mut worker)).collect()
}

fn start(ended: &Ended, range: Range<u64>, dir: &Path) -> Result<Worker, Failure> {
    let program = env::current_exe().map_err(broken)?;
    let mut command = Command::new(program);
    command.arg("worker").arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut worker = Worker(command.spawn().map_err(broken)?);
    let plan = ended.sum.plan(range)?;
    let mut input = worker.0.stdin.take().ok_or_else(|| broken("no pipe"))?;
    put(&mut input, SESSION, &ended.session.encode()).map_err(broken)?;
    put(&mut input, SHARD, &plan.shard().encode()).map_err(broken)?;
    put(&mut input, PLAN, &plan.encode()).map_err(broken)?;
    Ok(worker)
}

/// A worker's process, which is killed when it is dropped.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn collect(worker: &mut Worker) -> Result<Done, Failure> {
    let mut output = BufReader::new(worker.0.stdout.take().ok_or_else(|| broken("no pipe"))?);
    let (mut frame, mut words) = (Vec::new(), Vec::new());
    while get(&mut output, &mut frame).map_err(broken)? == Some(WORDS) {
        words.extend(frame.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)));
    }
    let root = ShardRoot::decode(&frame)?;
    let peak = expect(&mut output, PEAK, &mut frame)?;
    let peak_mib = u64::from_le_bytes(peak.try_into().map_err(broken)?);
    Ok(Done { words, root, peak_mib })
}
