//! The client's process.

use std::{io::Read, path::Path, sync::Arc, time::Duration};

use veilsum::{
    ClientId, Error, Layout, RoundError,
    driver::{Client, ClientStep},
    secagg::client::Finished,
};

use crate::{
    cli::{self, Failure},
    directory::{Directory, OPEN, SUM},
    keys::Key,
    numbers,
    rules::Rules,
};

/// Words that are masked at a time.
const PIECE: usize = 1 << 16;
/// The server's messages that are awaited, and the names of the answers.
const STEPS: [(&str, &str); 4] =
    [("adverts", "shares"), ("delivery", "input"), ("survivors", "consistency"), ("agreement", "reveal")];

pub(crate) struct Party {
    pub(crate) id: ClientId,
    pub(crate) rules: Rules,
    pub(crate) directory: Directory,
    /// How long to wait for each message of the server.
    pub(crate) deadline: Duration,
}

impl Party {
    pub(crate) fn run(&self, key: Key, input: &Path, out: Option<&Path>, force: bool) -> Result<(), Failure> {
        let layout = Layout::new(&self.rules.session);
        let words = numbers::read(input, &self.rules, layout.ring())?;
        let (mut driver, advert) = self.join(key)?;
        self.publish("advert", &advert)?;
        for (awaited, answer) in STEPS {
            let message = self.wait(awaited)?;
            match driver.receive(&message, &mut rand::rng()) {
                Ok(ClientStep::Send(bytes)) => self.publish(answer, &bytes)?,
                Ok(ClientStep::GiveInput) => self.give(&mut driver, &words, answer)?,
                Ok(ClientStep::Done(bytes, finished)) => {
                    self.publish(answer, &bytes)?;
                    return self.end(finished, layout, out, force);
                }
                Ok(_) => return Err(self.bad(awaited, "is not what was awaited")),
                Err(failure) => {
                    if let Some(complaint) = failure.complaint {
                        self.publish("complaint", &complaint)?;
                    }
                    return Err(self.bad(awaited, failure.error));
                }
            }
        }
        Err(Failure::Run("the session did not end".into()))
    }

    /// Makes sure that the server means the same session, and that this client was never in it before.
    fn join(&self, key: Key) -> Result<(Client, Vec<u8>), Failure> {
        let session = &self.rules.session;
        if self.directory.wait(OPEN, self.deadline)? != session.id().to_string().as_bytes() {
            return Err(Failure::Run("the server runs another session; compare its session file with this one".into()));
        }
        if self.directory.has(&self.name("advert")) {
            return Err(self
                .directory
                .failure(&self.name("advert"), "is there already; a session needs an empty directory of its own"));
        }
        key.enter(session.id())?;
        Ok(Client::join(session, self.id, Arc::new(key.identity), &mut rand::rng())?)
    }

    /// The masked vector, then the signed message that releases it.
    fn give(&self, driver: &mut Client, words: &[u64], answer: &str) -> Result<(), Failure> {
        let vector = self.name("vector");
        self.directory.publish_with(&vector, |out| {
            let mut wire = Vec::new();
            for piece in words.chunks(PIECE) {
                wire.clear();
                driver.mask(piece, &mut wire)?;
                out.write_all(&wire).map_err(|e| self.directory.failure(&vector, e))?;
            }
            Ok(())
        })?;
        self.publish(answer, &driver.finish()?)
    }

    fn end(&self, finished: Finished, layout: Layout, out: Option<&Path>, force: bool) -> Result<(), Failure> {
        let survivors: Vec<String> = finished.survivors().map(|id| id.0.to_string()).collect();
        cli::say(&format!("{}: done; the sum is over clients {}", self.id, survivors.join(", ")));
        let Some(out) = out else { return Ok(()) };
        let announcement = self.wait("announcement")?;
        let words = self.sum(layout.vector_len())?;
        let mut check = finished.check_sum();
        let checked = check.update(&words).and_then(|()| Ok(check.finish(&announcement)?));
        checked.map_err(|e| match e {
            Error::Round(RoundError::SumMismatch) => self.directory.failure(SUM, "is not the sum that the server signed"),
            e => self.directory.failure(SUM, e),
        })?;
        numbers::write(out, &self.rules, layout.ring(), &words, force)
    }

    /// The words of the sum, which come before the announcement; nothing about them is believed yet.
    fn sum(&self, len: u64) -> Result<Vec<u64>, Failure> {
        let bad = |reason: &dyn std::fmt::Display| self.directory.failure(SUM, reason);
        let (file, got) = self.directory.open_file(SUM)?.ok_or_else(|| bad(&"is missing"))?;
        if got != len * 8 {
            return Err(bad(&"has another length than the session's vectors"));
        }
        let mut bytes = Vec::new();
        file.take(got).read_to_end(&mut bytes).map_err(|e| bad(&e))?;
        let (words, _) = bytes.as_chunks::<8>();
        Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }

    fn name(&self, message: &str) -> String {
        format!("client-{}.{message}", self.id.0)
    }

    fn publish(&self, message: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.directory.publish(&self.name(message), bytes)
    }

    fn wait(&self, message: &str) -> Result<Vec<u8>, Failure> {
        self.directory.wait(&format!("server-{}.{message}", self.id.0), self.deadline)
    }

    fn bad(&self, message: &str, reason: impl std::fmt::Display) -> Failure {
        self.directory.failure(&format!("server-{}.{message}", self.id.0), reason)
    }
}
