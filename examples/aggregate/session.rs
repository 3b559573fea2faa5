//! The session: clients that read their files in pieces, and the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use rand::RngExt;
use sha2::{Digest, Sha256};
use veilsum::{
    Bound, ClientId, Error, Identity, IdentityKey, InputError, Ring, Session, SigningIdentity,
    dp::FixedPoint,
    driver::{Client, ClientStep, Server, ServerStep},
    secagg::{Outbox, sum::Sum, upload::Upload},
};

use crate::{Holder, cli::Failure, spool::FileSpool};

/// Numbers that are in memory at a time, for each client.
pub(crate) const PIECE: usize = 1 << 16;
/// What `Outcome::times` are about.
pub(crate) const STEPS: [&str; 5] =
    ["advertise keys", "share keys", "read, quantize, mask, upload", "consistency check", "reveal"];

/// What a session gives.
pub(crate) struct Outcome {
    pub(crate) sum: Sum,
    pub(crate) total_weight: u64,
    /// Numbers beyond the clip, in all files.
    pub(crate) clipped: u64,
    /// Of the client that sent most.
    pub(crate) bytes_per_client: u64,
    /// Time spent in each of [`STEPS`].
    pub(crate) times: [Duration; STEPS.len()],
}

struct Party<'a> {
    id: ClientId,
    driver: Client,
    holder: &'a Holder,
    sent: u64,
    clipped: u64,
}

/// A whole session over these models.
pub(crate) fn sum(holders: &[Holder], code: &FixedPoint) -> Result<Outcome, Failure> {
    let mut rng = rand::rng();
    let attempt = rng.random();
    let mut identity = || SigningIdentity::generate(&mut rng).map(Arc::new).map_err(Error::from);
    let (host, mut identities) = (identity()?, Vec::new());
    for number in 1..=holders.len() as u64 {
        identities.push((ClientId(number), identity()?));
    }
    let roster: Vec<_> = identities.iter().map(|(id, identity)| (*id, identity.public_key())).collect();
    let agreed = |holder| descriptor(&roster, host.public_key(), attempt, holder, code);
    let first = holders.first().ok_or_else(|| Failure::Usage("no files".into()))?;
    let mut server = Server::new(&agreed(first)?, host.clone())?;
    let (mut parties, mut times) = (Vec::new(), [Duration::ZERO; STEPS.len()]);
    let started = Instant::now();
    for ((id, identity), holder) in identities.iter().zip(holders) {
        let (driver, advert) = Client::join(&agreed(holder)?, *id, identity.clone(), &mut rng)?;
        server.receive(&advert)?;
        parties.push(Party { id: *id, driver, holder, sent: advert.len() as u64, clipped: 0 });
    }
    let sum = run(&mut server, &mut parties, code, &mut times, started)?;
    let (total_weight, clipped) = (total_weight(&sum, code)?, parties.iter().map(|party| party.clipped).sum());
    let bytes_per_client = parties.iter().map(|party| party.sent).max().unwrap_or(0);
    Ok(Outcome { sum, total_weight, clipped, bytes_per_client, times })
}

/// The descriptor, as a client builds it from what has been agreed on and the layout of its own file.
fn descriptor(
    roster: &[(ClientId, IdentityKey)],
    server: IdentityKey,
    attempt: [u8; 16],
    holder: &Holder,
    code: &FixedPoint,
) -> Result<Session, Failure> {
    let (len, bits) = (code.vector_len(holder.model.parameters() as u64), code.modulus_bits(roster.len()));
    let bound = Bound::Exact { max_abs: code.max_abs() };
    let builder = Session::builder(roster.iter().copied(), server, len, bits, bound);
    let builder = builder.encoding(code.encode()).attempt(attempt);
    Ok(builder.context(Sha256::digest(holder.model.layout()).into()).build()?)
}

/// The five steps; each of `times` ends when the server closes the step.
fn run(
    server: &mut Server,
    parties: &mut [Party<'_>],
    code: &FixedPoint,
    times: &mut [Duration],
    mut started: Instant,
) -> Result<Sum, Failure> {
    for time in times {
        let step = server.close()?;
        *time = started.elapsed();
        started = Instant::now();
        match step {
            ServerStep::Send(outbox) => answer(server, parties, code, &outbox)?,
            ServerStep::Sum(sum) => return Ok(*sum),
            _ => break,
        }
    }
    Err(Failure::Run("the session did not end".into()))
}

fn answer(server: &mut Server, parties: &mut [Party<'_>], code: &FixedPoint, outbox: &Outbox) -> Result<(), Failure> {
    let (clients, bar) = (parties.len(), progress_bar(parties));
    for party in parties {
        let message = outbox.message_for(party.id).ok_or_else(|| Failure::Run(format!("no message for {}", party.id)))?;
        match party.driver.receive(&message, &mut rand::rng()).map_err(Error::from)? {
            ClientStep::Send(answer) | ClientStep::Done(answer, _) => {
                party.sent += answer.len() as u64;
                server.receive(&answer)?;
            }
            ClientStep::GiveInput => upload(server, party, code, ring(code, clients)?, &bar)?,
            _ => return Err(Failure::Run(format!("{} did not answer", party.id))),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// One client's whole input, from its file to masked bytes in the server's spool, in pieces.
fn upload(server: &mut Server, party: &mut Party<'_>, code: &FixedPoint, ring: Ring, bar: &ProgressBar) -> Result<(), Failure> {
    let spool = FileSpool::new().map_err(|e| Failure::Run(format!("temporary file for an upload: {e}")))?;
    let mut upload = server.upload(party.id, spool)?;
    let (mut pieces, mut wire) = (Pieces::new(party.holder, *code, ring), Vec::new());
    for position in (0..party.holder.model.parameters()).step_by(PIECE) {
        party.clipped += pieces.read(position)?;
        send(&mut party.driver, &pieces.words, &mut upload, &mut wire)?;
        bar.inc(pieces.words.len() as u64);
    }
    send(&mut party.driver, &[code.weight_word::<u64>(ring, party.holder.weight)?], &mut upload, &mut wire)?;
    let header = party.driver.finish()?;
    server.accept(&mut upload, &header)?;
    party.sent += pieces.packed_len() + header.len() as u64;
    Ok(())
}

fn send(client: &mut Client, words: &[u64], upload: &mut Upload<FileSpool>, wire: &mut Vec<u8>) -> Result<(), Failure> {
    wire.clear();
    client.mask(words, wire)?;
    Ok(upload.write(wire)?)
}

/// A client's numbers and words, a piece at a time.
pub(crate) struct Pieces<'a> {
    holder: &'a Holder,
    code: FixedPoint,
    ring: Ring,
    pub(crate) numbers: Vec<f64>,
    pub(crate) words: Vec<u64>,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(holder: &'a Holder, code: FixedPoint, ring: Ring) -> Self {
        Self { holder, code, ring, numbers: Vec::new(), words: Vec::new() }
    }

    /// Reads the piece at `position`; returns how many numbers were clipped.
    pub(crate) fn read(&mut self, position: usize) -> Result<u64, Failure> {
        let model = &self.holder.model;
        let len = PIECE.min(model.parameters() - position);
        self.numbers.resize(len, 0.0);
        self.words.resize(len, 0);
        model.read(position, &mut self.numbers)?;
        match self.code.quantize(self.ring, self.holder.weight, &self.numbers, &mut self.words) {
            Ok(clipped) => Ok(clipped as u64),
            Err(InputError::NotFinite { position: place }) => {
                let place = usize::try_from(place).unwrap_or(0);
                Err(model.blame(position + place, "is not finite"))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Bytes of the whole masked vector.
    fn packed_len(&self) -> u64 {
        self.ring.packed_len(self.code.vector_len(self.holder.model.parameters() as u64))
    }
}

pub(crate) fn ring(code: &FixedPoint, clients: usize) -> Result<Ring, Failure> {
    Ring::new(code.modulus_bits(clients)).ok_or_else(|| Failure::Run("words beyond 64 bits".into()))
}

fn total_weight(sum: &Sum, code: &FixedPoint) -> Result<u64, Failure> {
    let (layout, mut word) = (sum.layout(), [0_u64]);
    sum.read(layout.vector_len() - 1, &mut word)?;
    let [word] = word;
    Ok(code.total_weight(layout.ring(), word))
}

/// Hidden unless the standard error is a terminal.
fn progress_bar(parties: &[Party<'_>]) -> ProgressBar {
    let all: usize = parties.iter().map(|party| party.holder.model.parameters()).sum();
    let waits = parties.iter().all(|party| !party.driver.awaits_input());
    let bar = if waits { ProgressBar::new(all as u64) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("masking [{bar:40}] {percent} %  eta {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
