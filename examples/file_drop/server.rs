//! The server's process.

use std::{
    collections::BTreeSet,
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use veilsum::{
    ClientId, Error, Identity, SigningIdentity,
    audit::{Sink, Transcript, Vectors},
    driver::{Server, ServerStep},
    secagg::{
        Outbox, Progress, Round,
        complaint::judge,
        sum::Sum,
        upload::{Spool, SpoolError},
    },
};

use crate::{
    cli::{self, Failure},
    directory::{Directory, FAILED, OPEN, POLL, SUM},
    files, numbers,
    rules::Rules,
    spool::FileSpool,
};

/// Names of the clients' messages in each step, and of the server's after it.
const STEPS: [(&str, &str); 5] = [
    ("advert", "adverts"),
    ("shares", "delivery"),
    ("input", "survivors"),
    ("consistency", "agreement"),
    ("reveal", "announcement"),
];

pub(crate) struct Party {
    pub(crate) rules: Rules,
    pub(crate) identity: Arc<SigningIdentity>,
    pub(crate) directory: Directory,
    /// How long to wait for clients in each step.
    pub(crate) deadline: Duration,
    /// Where to write what anyone needs to check the sum.
    pub(crate) transcript: Option<PathBuf>,
}

/// What is kept for the transcript.
struct Record {
    transcript: Transcript,
    uploads: Vec<(ClientId, Arc<FileSpool>)>,
}

impl Party {
    pub(crate) fn run(&self, out: &Path, force: bool) -> Result<(), Failure> {
        let session = &self.rules.session;
        if self.identity.public_key() != session.server() {
            return Err(Failure::Run("this key is not the server's in the session file".into()));
        }
        let server = Server::new(session, self.identity.clone())?;
        self.directory.publish(OPEN, session.id().to_string().as_bytes())?;
        let record = Record { transcript: Transcript::new(session), uploads: Vec::new() };
        let mut collection = Collection { party: self, server, record, refused: BTreeSet::new() };
        match collection.run() {
            Ok(sum) => self.end(sum, collection.record, out, force),
            Err(failure) => Err(match self.keep(&collection.record, None, force) {
                Ok(()) => failure,
                Err(unkept) => Failure::Run(format!("{failure}; and {unkept}")),
            }),
        }
        .inspect_err(|_| {
            let _ = self.directory.publish(FAILED, b""); // clients notice without it too, only later
        })
    }

    fn end(&self, mut sum: Sum, mut record: Record, out: &Path, force: bool) -> Result<(), Failure> {
        let len =
            usize::try_from(sum.layout().vector_len()).map_err(|_| Failure::Run("the sum does not fit into memory".into()))?;
        let mut words = vec![0_u64; len];
        sum.read(0, &mut words)?;
        numbers::write(out, &self.rules, sum.layout().ring(), &words, force)?;
        self.directory.publish_with(SUM, |file| {
            let written = words.iter().try_for_each(|word| file.write_all(&word.to_le_bytes()));
            written.map_err(|e| self.directory.failure(SUM, e))
        })?;
        let announcement = sum.announce()?.0;
        self.send(&announcement, "announcement")?;
        record.transcript.sent(&announcement)?;
        self.keep(&record, Some(&sum), force)?;
        if !sum.liars().is_empty() {
            cli::say(&format!("server: wrong shares came from clients {}; the sum is right all the same", list(sum.liars())));
        }
        cli::say(&format!("server: done; the sum over clients {} is in {}", list(sum.survivors()), out.display()));
        Ok(())
    }

    /// Writes the transcript, if it is asked for; of a session that failed, it shows how.
    fn keep(&self, record: &Record, sum: Option<&Sum>, force: bool) -> Result<(), Failure> {
        let Some(path) = &self.transcript else { return Ok(()) };
        record.write(sum, path, force)?;
        cli::say(&format!("server: the transcript, for whoever wants to check the session, is in {}", path.display()));
        Ok(())
    }

    fn send(&self, outbox: &Outbox, message: &str) -> Result<(), Failure> {
        outbox.messages().try_for_each(|(id, bytes)| self.directory.publish(&format!("server-{}.{message}", id.0), &bytes))
    }
}

impl Record {
    /// With all chunks, if there is a sum.
    fn write(&self, sum: Option<&Sum>, path: &Path, force: bool) -> Result<(), Failure> {
        let bad = |reason: &dyn std::fmt::Display| Failure::file(path, reason);
        let mut sink = Output(BufWriter::new(files::beside(path).map_err(|e| bad(&e))?));
        let uploads: Vec<(ClientId, &dyn Spool)> = self.uploads.iter().map(|(id, spool)| (*id, spool as &dyn Spool)).collect();
        match sum {
            Some(sum) => {
                let words = |position, words: &mut [u64]| sum.read(position, words);
                self.transcript.write(&mut sink, Some(&Vectors::all(&uploads, &words)))?;
            }
            None => self.transcript.write(&mut sink, None)?,
        }
        let file = sink.0.into_inner().map_err(|e| bad(e.error()))?;
        files::place(file, path, force).map_err(|e| bad(&e))
    }
}

/// A file that a transcript is written to.
struct Output<W: Write>(BufWriter<W>);

impl<W: Write> Sink for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.0.write_all(bytes).map_err(SpoolError::new)
    }
}

/// The five steps.
struct Collection<'a> {
    party: &'a Party,
    server: Server,
    record: Record,
    /// Files that were looked at and are of no use.
    refused: BTreeSet<String>,
}

impl Collection<'_> {
    fn run(&mut self) -> Result<Sum, Failure> {
        for (theirs, ours) in STEPS {
            self.collect(theirs)?;
            match self.server.close()? {
                ServerStep::Send(outbox) => {
                    self.record.transcript.sent(&outbox)?;
                    self.party.send(&outbox, ours)?;
                }
                ServerStep::Sum(sum) => return Ok(*sum),
                _ => break,
            }
        }
        Err(Failure::Run("the session did not end".into()))
    }

    /// Takes messages of one step until all are there or the deadline has passed.
    fn collect(&mut self, message: &str) -> Result<(), Failure> {
        let end = Instant::now() + self.party.deadline;
        loop {
            let progress = self.progress()?;
            for id in &progress.missing {
                self.look(&progress, *id, message)?;
            }
            let progress = self.progress()?;
            let hopeless = |id: &ClientId| self.refused.contains(&name(*id, message));
            if progress.missing.iter().all(hopeless) || Instant::now() >= end {
                report(&progress, message);
                return Ok(());
            }
            thread::sleep(POLL);
        }
    }

    /// Takes one client's message, if it is there. Whatever is wrong with it concerns that client only.
    fn look(&mut self, progress: &Progress, id: ClientId, message: &str) -> Result<(), Failure> {
        let inputs = progress.round == Round::MaskedInput;
        let names = [Some(name(id, message)), inputs.then(|| name(id, "complaint"))];
        for name in names.into_iter().flatten() {
            if self.refused.contains(&name) {
                continue;
            }
            let taken = match self.party.directory.read(&name) {
                Ok(None) => continue,
                Ok(Some(bytes)) if name.ends_with(".input") => self.accept(id, &bytes),
                Ok(Some(bytes)) => self.receive(&bytes),
                Err(failure) => Err(failure),
            };
            if let Err(failure) = taken {
                if self.server.ended() {
                    return Err(failure);
                }
                cli::say(&format!("server: refused {name}: {failure}"));
                self.refused.insert(name);
            }
        }
        Ok(())
    }

    /// A message without a vector. A complaint that proves nothing has been taken too: it is for the record.
    fn receive(&mut self, message: &[u8]) -> Result<(), Failure> {
        let taken = self.server.receive(message);
        let verdict = judge(&self.party.rules.session, message).map(|v| Error::Client { culprit: v.culprit, fault: v.fault });
        let complained = verdict.is_ok_and(|verdict| taken.as_ref().is_err_and(|e| *e == verdict));
        if taken.is_ok() || complained {
            self.record.transcript.received(message)?;
        }
        taken.map(drop).map_err(Failure::from)
    }

    /// A masked vector, copied away from the directory before it is checked, and its signed header.
    fn accept(&mut self, id: ClientId, header: &[u8]) -> Result<(), Failure> {
        let spool = FileSpool::new().map_err(|e| Failure::Run(format!("temporary file for an upload: {e}")))?;
        let mut upload = self.server.upload(id, Arc::new(spool))?;
        let name = name(id, "vector");
        let bad = |reason: &dyn std::fmt::Display| self.party.directory.failure(&name, reason);
        let (mut file, _) = self.party.directory.open_file(&name)?.ok_or_else(|| bad(&"is missing"))?;
        let mut piece = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut piece).map_err(|e| bad(&e))?;
            match piece.get(..read) {
                Some(bytes) if !bytes.is_empty() => upload.write(bytes)?,
                _ => break,
            }
        }
        // The spool goes into the sum; the transcript needs it once more.
        let spool = upload.spool().map(Arc::clone);
        self.server.accept(&mut upload, header)?;
        self.record.uploads.extend(spool.map(|spool| (id, spool)));
        Ok(())
    }

    fn progress(&self) -> Result<Progress, Failure> {
        self.server.progress().ok_or_else(|| Failure::Run("the session is over".into()))
    }
}

fn report(progress: &Progress, message: &str) {
    let missing = if progress.missing.is_empty() { String::new() } else { format!("; nothing from {}", list(&progress.missing)) };
    cli::say(&format!("server: {message}: {} of {}{missing}", progress.received, progress.expected));
}

fn list(ids: &[ClientId]) -> String {
    ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(", ")
}

fn name(id: ClientId, message: &str) -> String {
    format!("client-{}.{message}", id.0)
}
