//! The client's process.

use std::{
    fmt::Display,
    io,
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use veilsum::{
    ClientId, Layout,
    driver::{Client, ClientStep},
    secagg::client::Finished,
};

use crate::{
    cli::{self, Failure},
    keys::Key,
    numbers,
    rules::Rules,
    wire::{self, Broken, Kind, Line},
};

/// Words that are masked at a time.
const WORDS: usize = 1 << 14;

/// Where a client of the demonstration stops, to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Moment {
    /// After its advert: it never deals.
    Advert,
    /// After it dealt its shares: its masks have to be taken off the others' inputs.
    Shares,
    /// After half of its masked vector.
    Upload,
    /// After it released its input, which counts.
    Input,
    /// After it confirmed the survivors.
    Consistency,
}

pub(crate) struct Party {
    pub(crate) id: ClientId,
    pub(crate) rules: Rules,
    /// How long to wait for each message of the server.
    pub(crate) deadline: Duration,
    pub(crate) pause: Option<Moment>,
}

/// One client in one session, and its connection.
struct Seat<'a> {
    party: &'a Party,
    line: Line,
    driver: Client,
    released: bool,
}

impl Party {
    pub(crate) fn run(&self, key: Key, server: &str, input: &Path, out: Option<&Path>, force: bool) -> Result<(), Failure> {
        let words = numbers::read(input, &self.rules, Layout::new(&self.rules.session).ring())?;
        let line = self.connect(server).map_err(|e| Failure::Run(format!("{server}: {e}")))?;
        // Noted before anything is sent, and so before the input is released: this key joins this session never again.
        key.enter(self.rules.session.id())?;
        let (driver, advert) = Client::join(&self.rules.session, self.id, Arc::new(key.identity), &mut rand::rng())?;
        let mut seat = Seat { party: self, line, driver, released: false };
        seat.send(Kind::Message, &advert)?;
        self.pause(Moment::Advert)?;
        let finished = seat.take_part(&words)?;
        let survivors: Vec<String> = finished.survivors().map(|id| id.0.to_string()).collect();
        let sum = seat.check_sum(finished)?;
        cli::say(&format!("{}: done; the server signed this sum over clients {}", self.id, survivors.join(", ")));
        out.map_or(Ok(()), |out| numbers::write(out, &self.rules, Layout::new(&self.rules.session).ring(), &sum, force))
    }

    fn connect(&self, server: &str) -> io::Result<Line> {
        let mut last = io::Error::other("no such host");
        for address in server.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.deadline) {
                Ok(stream) => return Line::new(stream, self.patience(), wire::longest_from_server(&self.rules.session)),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn patience(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// In the demonstration: says where this client is, and waits to be killed.
    fn pause(&self, moment: Moment) -> Result<(), Failure> {
        if self.pause != Some(moment) {
            return Ok(());
        }
        cli::print("paused\n");
        thread::sleep(self.deadline);
        Err(Failure::Run("nobody killed this client while it was paused".into()))
    }
}

impl Seat<'_> {
    fn take_part(&mut self, words: &[u64]) -> Result<Finished, Failure> {
        let mut moments = [Moment::Shares, Moment::Consistency].into_iter();
        loop {
            // Counted from what this client sent last: repeats do not prolong it.
            let message = self.receive(Kind::Message)?;
            match self.driver.receive(&message, &mut rand::rng()) {
                Ok(ClientStep::Send(answer)) => {
                    self.send(Kind::Message, &answer)?;
                    moments.next().map_or(Ok(()), |moment| self.party.pause(moment))?;
                }
                Ok(ClientStep::GiveInput) => self.give(words)?,
                Ok(ClientStep::Done(answer, finished)) => {
                    self.send(Kind::Message, &answer)?;
                    return Ok(finished);
                }
                Ok(_) => {} // a repeat
                Err(failure) => {
                    if let Some(complaint) = failure.complaint {
                        self.send(Kind::Complaint, &complaint)?;
                    }
                    // Where the client has not ended it could wait for a better message; none will follow on this connection.
                    return Err(failure.error.into());
                }
            }
        }
    }

    /// The masked vector in pieces, then the message that releases it.
    fn give(&mut self, words: &[u64]) -> Result<(), Failure> {
        self.line.deadline = self.party.patience(); // for all of it
        let (mut offset, mut wire) = (0, Vec::new());
        for (place, some) in words.chunks(WORDS).enumerate() {
            if place == words.len().div_ceil(WORDS) / 2 {
                self.party.pause(Moment::Upload)?;
            }
            wire.clear();
            self.driver.mask(some, &mut wire)?;
            for piece in wire.chunks(wire::PIECE) {
                let sent = self.line.send_piece(offset, piece);
                sent.map_err(|e| self.lost(&e))?;
                offset += piece.len() as u64;
            }
        }
        let release = self.driver.finish()?;
        self.released = true;
        self.send(Kind::Message, &release)?;
        self.party.pause(Moment::Input)
    }

    /// The sum comes before the announcement; nothing about it is believed yet.
    fn check_sum(&mut self, finished: Finished) -> Result<Vec<u64>, Failure> {
        let len = Layout::new(&self.party.rules.session).vector_len() * 8;
        self.line.deadline = self.party.patience(); // for all of it
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < len {
            let frame = self.receive(Kind::Piece)?;
            match wire::read_piece(&frame) {
                Ok((offset, piece)) if offset == bytes.len() as u64 && !piece.is_empty() => bytes.extend_from_slice(piece),
                _ => return Err(self.lost(&Broken::Frame)),
            }
        }
        let (words, _) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let mut check = finished.check_sum();
        check.update(&words)?;
        check.finish(&self.receive(Kind::Message)?).map_err(veilsum::Error::from)?;
        Ok(words)
    }

    fn send(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Failure> {
        self.line.deadline = self.party.patience();
        let sent = self.line.send(kind, bytes);
        sent.map_err(|e| self.lost(&e))
    }

    fn receive(&mut self, expected: Kind) -> Result<Vec<u8>, Failure> {
        match self.line.receive() {
            Ok((kind, bytes)) if kind == expected => Ok(bytes),
            Ok((kind @ (Kind::Refused | Kind::Over), code)) => Err(self.lose(&told(kind, &code))),
            Ok(_) => Err(self.lost(&Broken::Frame)),
            Err(e) => Err(self.lost(&e)),
        }
    }

    /// The server may have said why before it closed the connection.
    fn lost(&mut self, broken: &Broken) -> Failure {
        if matches!(broken, Broken::Closed)
            && let Ok((kind @ (Kind::Refused | Kind::Over), code)) = self.line.receive()
        {
            return self.lose(&told(kind, &code));
        }
        self.lose(broken)
    }

    fn lose(&self, why: &dyn Display) -> Failure {
        let input = if self.released { "counts as released" } else { "was not released" };
        Failure::Run(format!("the server {why}; this round is lost, and the input {input}"))
    }
}

/// What the server says of an end. It is not signed: good for a line to read, and for nothing else.
fn told(kind: Kind, code: &[u8]) -> String {
    let code = code.try_into().map_or(0, u16::from_le_bytes);
    let why = match code {
        205 => "it runs another session; compare its session file with this one".into(),
        501 => "too few clients remain".into(),
        505 => "this client was too late".into(),
        507 => "this client is there already".into(),
        code => format!("error {code} in section 16 of docs/protocol.md"),
    };
    let what = if kind == Kind::Over { "gave the session up" } else { "goes on without this client" };
    format!("{what}: {why}")
}
