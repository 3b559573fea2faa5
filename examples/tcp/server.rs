//! The server's process: one thread holds the protocol's state, each connection has a thread of its own, and events lead from these
//! to that one.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use veilsum::{
    ClientId, EnvironmentError, Error, Identity, InputError, RoundError, SigningIdentity,
    driver::{Server, ServerStep},
    secagg::{
        Outbox, Progress, Round,
        sum::Sum,
        upload::{FileSpool, Upload},
    },
};

use crate::{
    cli::{self, Failure},
    connection::{self, Answer, Event, Job},
    numbers,
    rules::Rules,
    wire::Kind,
};

/// How long clients get to be told why the session is over.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) struct Party {
    pub(crate) rules: Rules,
    pub(crate) identity: Arc<SigningIdentity>,
    /// How long to wait for clients in each round.
    pub(crate) deadline: Duration,
}

/// The state of the session, and the clients that are still there.
struct Hall<'a> {
    party: &'a Party,
    server: Server,
    events: Receiver<Event>,
    /// How to reach the clients whose adverts were taken.
    lines: BTreeMap<ClientId, Connected>,
    /// When the round ends.
    end: Instant,
}

/// A client's connection: its number, and what it is to do.
struct Connected {
    number: u64,
    jobs: Sender<Job>,
}

impl Party {
    pub(crate) fn run(&self, listen: &str, out: &Path, force: bool) -> Result<(), Failure> {
        if self.identity.public_key() != self.rules.session.server() {
            return Err(Failure::Run("this key is not the server's in the session file".into()));
        }
        let server = Server::new(&self.rules.session, self.identity.clone())?;
        let bad = |e| Failure::Run(format!("{listen}: {e}"));
        let listener = TcpListener::bind(listen).map_err(bad)?;
        cli::print(&format!("listening on {}\n", listener.local_addr().map_err(bad)?));
        let (sender, events) = mpsc::channel();
        connection::listen(listener, self.rules.session.clone(), self.deadline, sender)
            .map_err(|e| Failure::Run(format!("a thread: {e}")))?;
        let mut hall = Hall { party: self, server, events, lines: BTreeMap::new(), end: Instant::now() };
        let done = hall.rounds().map_err(Failure::from).and_then(|sum| hall.announce(sum, out, force));
        if done.is_err() {
            hall.wait_for_lines(FAREWELL);
        }
        done
    }
}

impl Hall<'_> {
    fn rounds(&mut self) -> Result<Sum, Error> {
        loop {
            let step = self.collect().and_then(|()| self.close());
            match step {
                Ok(ServerStep::Send(outbox)) => self.send(&outbox)?,
                Ok(ServerStep::Sum(sum)) => return Ok(*sum),
                Ok(_) => return Err(InputError::WrongState.into()),
                Err(e) => {
                    self.lines.values().for_each(|line| drop(line.jobs.send(Job::Stop(Kind::Over, e.code()))));
                    return Err(e);
                }
            }
        }
    }

    /// Takes messages until everybody was heard who is still there, or the deadline has passed.
    fn collect(&mut self) -> Result<(), Error> {
        self.end = Instant::now() + self.party.deadline;
        let mut overtime = self.party.rules.session.clients();
        loop {
            let progress = self.progress()?;
            let coming = |id: &ClientId| progress.round == Round::AdvertiseKeys || self.lines.contains_key(id);
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                overtime = overtime.saturating_sub(1); // what came in time may still wait to be looked at
            }
            if overtime == 0 || !progress.missing.iter().any(coming) {
                return Ok(());
            }
            match self.events.recv_timeout(left) {
                Ok(event) => self.handle(event)?,
                Err(_) => return Ok(()),
            }
        }
    }

    /// What one client does concerns that client only, unless it ends the session.
    fn handle(&mut self, event: Event) -> Result<(), Error> {
        let (client, taken) = match event {
            Event::Joined { client, number, advert, jobs } => {
                self.join(client, &advert, Connected { number, jobs });
                return Ok(());
            }
            Event::Gone { client, number, why } => {
                self.gone(client, number, &why);
                return Ok(());
            }
            Event::Message { client, message } => (client, self.server.receive(&message)),
            Event::Input { client, mut upload, message } => (client, self.server.accept(&mut upload, &message)),
        };
        match taken {
            Err(e) if self.server.ended() => Err(e),
            Err(e) => {
                say(format_args!("refused what {client} sent: {e}"));
                self.dismiss(client, e.code());
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// A connection belongs to the client whose advert came first on it.
    fn join(&mut self, client: ClientId, advert: &[u8], line: Connected) {
        let code = match self.server.receive(advert) {
            Ok(receipt) if receipt.fresh => {
                self.lines.insert(client, line);
                return;
            }
            Ok(_) => RoundError::Repeat.code(), // whoever sends a copy of an advert does not get the place
            Err(e) => {
                say(format_args!("refused a connection that says it is {client}: {e}"));
                e.code()
            }
        };
        let _ = line.jobs.send(Job::Stop(Kind::Refused, code));
    }

    fn gone(&mut self, client: ClientId, number: u64, why: &str) {
        if self.lines.get(&client).is_some_and(|line| line.number == number) {
            self.lines.remove(&client);
            if !why.is_empty() {
                say(format_args!("{client} {why}"));
            }
        }
    }

    fn dismiss(&mut self, client: ClientId, code: u16) {
        if let Some(line) = self.lines.remove(&client) {
            let _ = line.jobs.send(Job::Stop(Kind::Refused, code));
        }
    }

    /// Ends the round with whoever was heard.
    fn close(&mut self) -> Result<ServerStep, Error> {
        report(&self.progress()?);
        loop {
            match self.server.close() {
                // The client whose upload is lost is out; go on without it.
                Err(Error::Environment(EnvironmentError::Spool(why))) if !self.server.ended() => say(format_args!("{why}")),
                step => return step,
            }
        }
    }

    /// Gives every recipient its message, and its thread the time to wait for the answer.
    fn send(&mut self, outbox: &Outbox) -> Result<(), Error> {
        let inputs = self.progress()?.round == Round::MaskedInput;
        let deadline = Instant::now() + self.party.deadline;
        for (client, message) in outbox.messages() {
            let Some(line) = self.lines.get(&client) else { continue };
            let answer = match inputs.then(|| self.upload(client)).transpose() {
                Ok(upload) => upload.map_or(Answer::Message, |upload| Answer::Input(Box::new(upload))),
                Err(e) => {
                    say(format_args!("no place for the upload of {client}: {e}"));
                    self.dismiss(client, e.code());
                    continue;
                }
            };
            let _ = line.jobs.send(Job::Ask { message, answer, deadline });
        }
        Ok(())
    }

    /// An upload into a file that has no name any more, so that nothing stays behind however this process ends.
    fn upload(&self, client: ClientId) -> Result<Upload<FileSpool>, Error> {
        let directory = tempfile::tempdir().map_err(|e| EnvironmentError::Spool(e.to_string()))?;
        self.server.upload(client, FileSpool::create(directory.path().join("upload"))?)
    }

    fn announce(&mut self, mut sum: Sum, out: &Path, force: bool) -> Result<(), Failure> {
        let len = usize::try_from(sum.layout().vector_len());
        let mut words = vec![0_u64; len.map_err(|_| Failure::Run("the sum does not fit into memory".into()))?];
        sum.read(0, &mut words)?;
        numbers::write(out, &self.party.rules, sum.layout().ring(), &words, force)?;
        let (outbox, _) = sum.announce()?;
        let (words, deadline): (Arc<[u64]>, _) = (words.into(), Instant::now() + self.party.deadline);
        for (client, message) in outbox.messages() {
            if let Some(line) = self.lines.get(&client) {
                let _ = line.jobs.send(Job::Announce { message, words: words.clone(), deadline });
            }
        }
        self.wait_for_lines(self.party.deadline);
        if !sum.liars().is_empty() {
            say(format_args!("wrong shares came from clients {}; the sum is right all the same", list(sum.liars())));
        }
        say(format_args!("done; the sum is in {}", out.display()));
        cli::print(&format!("survivors {}\n", list(sum.survivors())));
        Ok(())
    }

    /// Lets the connections' threads finish what they were told.
    fn wait_for_lines(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        while !self.lines.is_empty() {
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Event::Gone { client, number, why }) => self.gone(client, number, &why),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    fn progress(&self) -> Result<Progress, Error> {
        self.server.progress().ok_or_else(|| InputError::WrongState.into())
    }
}

fn report(progress: &Progress) {
    let (round, received, expected) = (progress.round, progress.received, progress.expected);
    let missing = if progress.missing.is_empty() { String::new() } else { format!("; not {}", list(&progress.missing)) };
    say(format_args!("{round:?}: heard {received} of {expected}{missing}"));
}

fn list(ids: &[ClientId]) -> String {
    ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(", ")
}

fn say(text: std::fmt::Arguments<'_>) {
    cli::say(&format!("server: {text}"));
}
