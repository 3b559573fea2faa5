//! The cryptographic half of the example: one secure sum.
//!
//! Every party is a state machine with randomness of its own; all that passes between them is encoded bytes. Each nation and the server
//! builds the session descriptor itself, from its own copy of the model and of the transcript so far, and each nation checks the sum.

#![allow(clippy::indexing_slicing, reason = "all vectors have one place for each nation")]

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};
use veilsum::{
    ClientId, Identity, Ring, Session, SigningIdentity,
    driver::{Client, ClientStep, Server, ServerStep},
    secagg::{Outbox, client::Finished, sum::Sum, upload::MemorySpool},
};

use crate::code::{Coding, Contribution, max_absent};

/// The five steps of the protocol.
pub(crate) const STEPS: [&str; 5] = ["advertise keys", "share keys", "masked input", "consistency check", "unmasking"];

/// What a round gives.
pub(crate) struct Outcome {
    /// The next model, from the sum over the survivors.
    pub(crate) model: Vec<f32>,
    /// Places of the nations whose contributions are in it.
    pub(crate) survivors: Vec<usize>,
    /// Largest difference between the secure sum and the plain sum, in ring units.
    pub(crate) difference: u64,
}

/// What was spent, summed over all rounds.
#[derive(Default)]
pub(crate) struct Costs {
    /// Seconds in each step: of all nations together, and of the server.
    pub(crate) seconds: [(Duration, Duration); STEPS.len()],
    /// Bytes that each nation sent and received.
    pub(crate) traffic: Vec<(u64, u64)>,
    /// Parameters that were beyond the clip.
    pub(crate) clipped: usize,
    /// Hash of every byte that passed between parties.
    pub(crate) wire: Sha256,
}

/// One party: a nation or the server.
struct Party {
    identity: Arc<SigningIdentity>,
    rng: StdRng,
    /// Its copy of the model.
    model: Vec<f32>,
    /// The hash of all that was said and summed before.
    previous: [u8; 32],
}

/// A nation that is still there, and what it holds once it has revealed.
struct Present {
    nation: usize,
    client: Client,
    finished: Option<Finished>,
}

/// The nations and the server, and what they have agreed on.
pub(crate) struct Federation<C> {
    nations: Vec<Party>,
    server: Party,
    code: C,
    pub(crate) costs: Costs,
    /// The masked models of the last round.
    pub(crate) masked: Vec<u8>,
}

impl Party {
    fn new(seeds: &mut StdRng, model: &[f32]) -> Result<Self, Box<dyn Error>> {
        let mut rng = StdRng::from_seed(seeds.random());
        let identity = Arc::new(SigningIdentity::generate(&mut rng)?);
        Ok(Self { identity, rng, model: model.to_vec(), previous: [0; 32] })
    }
}

impl<C: Coding> Federation<C> {
    /// `nations` nations with fresh identities, and the model that they begin with. All randomness of the protocol comes from `seed`.
    pub(crate) fn new(nations: usize, seed: [u8; 32], model: &[f32], code: C) -> Result<Self, Box<dyn Error>> {
        let mut seeds = StdRng::from_seed(seed);
        let server = Party::new(&mut seeds, model)?;
        let nations = (0..nations).map(|_| Party::new(&mut seeds, model)).collect::<Result<Vec<_>, _>>()?;
        let costs = Costs { traffic: vec![(0, 0); nations.len()], ..Costs::default() };
        Ok(Self { nations, server, code, costs, masked: Vec::new() })
    }

    /// One round. A nation with `leaves[i] = r` is gone before step `r`; 5 is never.
    pub(crate) fn round(
        &mut self,
        number: u64,
        contributions: &[Contribution],
        leaves: &[usize],
    ) -> Result<Outcome, Box<dyn Error>> {
        self.masked.clear();
        let session = self.descriptor(number, &self.server)?;
        let ring = Ring::new(session.modulus_bits()).ok_or("no such ring")?;
        let inputs = self.encode(ring, number, contributions)?;
        let (sum, present) = self.sum(number, &inputs, leaves)?;
        let survivors: Vec<_> = sum.survivors().iter().map(|id| place(*id)).collect();
        let words = self.publish(number, sum, present)?;
        let difference = largest_difference(ring, &words, inputs.iter().enumerate().filter(|(i, _)| survivors.contains(i)));
        Ok(Outcome { model: self.server.model.clone(), survivors, difference })
    }

    /// The descriptor, as a party builds it for itself.
    fn descriptor(&self, number: u64, party: &Party) -> Result<Session, Box<dyn Error>> {
        let roster = self.nations.iter().enumerate().map(|(i, nation)| (client(i), nation.identity.public_key()));
        let (len, bits) = (self.code.words(party.model.len()), self.code.bits(self.nations.len()));
        let absent = max_absent(self.nations.len());
        let model: Vec<u8> = party.model.iter().flat_map(|parameter| parameter.to_le_bytes()).collect();
        let builder = Session::builder(roster, self.server.identity.public_key(), len, bits, self.code.bound());
        let builder = builder.max_dropouts(absent).max_colluders(absent);
        let builder = builder.encoding(self.code.description(number)).round(number).previous(party.previous);
        Ok(builder.context(Sha256::digest(model).into()).build()?)
    }

    /// Each nation's words, drawn with its own randomness.
    fn encode(&mut self, ring: Ring, number: u64, contributions: &[Contribution]) -> Result<Vec<Vec<u32>>, Box<dyn Error>> {
        let mut inputs = Vec::new();
        for (nation, contribution) in self.nations.iter_mut().zip(contributions) {
            let (words, clipped) = self.code.to_words(ring, number, contribution, &mut nation.rng)?;
            self.costs.clipped += clipped;
            inputs.push(words);
        }
        Ok(inputs)
    }

    /// All five steps, with drop-outs.
    fn sum(&mut self, number: u64, inputs: &[Vec<u32>], leaves: &[usize]) -> Result<(Sum, Vec<Present>), Box<dyn Error>> {
        let mut server = Server::new(&self.descriptor(number, &self.server)?, self.server.identity.clone())?;
        let mut present = self.advertise(number, &mut server, leaves)?;
        for step in 1..STEPS.len() {
            let started = Instant::now();
            let ServerStep::Send(outbox) = server.close()? else { return Err("the session ended early".into()) };
            self.costs.seconds[step].1 += started.elapsed();
            present.retain(|party| leaves[party.nation] > step);
            self.step(step, &mut server, &outbox, &mut present, inputs)?;
        }
        let started = Instant::now();
        let ServerStep::Sum(sum) = server.close()? else { return Err("the session did not end".into()) };
        self.costs.seconds[STEPS.len() - 1].1 += started.elapsed();
        Ok((*sum, present))
    }

    fn advertise(&mut self, number: u64, server: &mut Server, leaves: &[usize]) -> Result<Vec<Present>, Box<dyn Error>> {
        let mut present = Vec::new();
        for nation in (0..self.nations.len()).filter(|nation| leaves[*nation] > 0) {
            let started = Instant::now();
            let session = self.descriptor(number, &self.nations[nation])?;
            let Party { identity, rng, .. } = &mut self.nations[nation];
            let (party, advert) = Client::join(&session, client(nation), identity.clone(), rng)?;
            self.costs.seconds[0].0 += started.elapsed();
            self.send(0, server, nation, &advert)?;
            present.push(Present { nation, client: party, finished: None });
        }
        Ok(present)
    }

    /// One step: every nation that is still there hears the server and answers.
    fn step(
        &mut self,
        step: usize,
        server: &mut Server,
        outbox: &Outbox,
        present: &mut [Present],
        inputs: &[Vec<u32>],
    ) -> Result<(), Box<dyn Error>> {
        for Present { nation, client: party, finished } in present {
            let message = outbox.message_for(client(*nation)).ok_or("no message for a nation that is there")?;
            self.hear(*nation, &message);
            let started = Instant::now();
            let answer = party.receive(&message, &mut self.nations[*nation].rng)?;
            self.costs.seconds[step].0 += started.elapsed();
            match answer {
                ClientStep::Send(answer) => self.send(step, server, *nation, &answer)?,
                ClientStep::GiveInput => self.upload(step, server, *nation, party, &inputs[*nation])?,
                ClientStep::Done(answer, state) => {
                    *finished = Some(state);
                    self.send(step, server, *nation, &answer)?;
                }
                _ => return Err("a nation did not answer".into()),
            }
        }
        Ok(())
    }

    /// The server takes the masks off and sends everybody the sum. Nations that took part to the end check it; the others ask one of
    /// those for the hash of the transcript. Everybody computes the next model alone.
    fn publish(&mut self, number: u64, mut sum: Sum, present: Vec<Present>) -> Result<Vec<u32>, Box<dyn Error>> {
        let started = Instant::now();
        let words = read(&sum)?;
        let (outbox, previous) = sum.announce()?;
        self.costs.seconds[STEPS.len() - 1].1 += started.elapsed();
        let wire: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let (ring, survivors, mut agreed) = (sum.layout().ring(), sum.survivors().len(), previous);
        for Present { nation, finished, .. } in present {
            let announcement = outbox.message_for(client(nation)).ok_or("no announcement for a survivor")?;
            self.hear(nation, &announcement);
            let mut check = finished.ok_or("a nation did not finish")?.check_sum();
            check.update(&unpack(&wire))?;
            agreed = check.finish(&announcement)?;
        }
        self.server.model = self.code.next_model(ring, number, &self.server.model, &words, survivors)?;
        self.server.previous = previous;
        for nation in 0..self.nations.len() {
            self.hear(nation, &wire);
            let party = &mut self.nations[nation];
            party.model = self.code.next_model(ring, number, &party.model, &unpack(&wire), survivors)?;
            party.previous = agreed;
        }
        Ok(words)
    }

    /// Bytes that a nation receives.
    fn hear(&mut self, nation: usize, message: &[u8]) {
        self.costs.traffic[nation].1 += message.len() as u64;
        self.costs.wire.update(message);
    }

    /// A control message to the server.
    fn send(&mut self, step: usize, server: &mut Server, nation: usize, message: &[u8]) -> Result<(), Box<dyn Error>> {
        self.costs.traffic[nation].0 += message.len() as u64;
        self.costs.wire.update(message);
        let started = Instant::now();
        server.receive(message)?;
        self.costs.seconds[step].1 += started.elapsed();
        Ok(())
    }

    /// The masked model, then its signed header.
    fn upload(
        &mut self,
        step: usize,
        server: &mut Server,
        nation: usize,
        party: &mut Client,
        words: &[u32],
    ) -> Result<(), Box<dyn Error>> {
        let (started, mut wire) = (Instant::now(), Vec::new());
        party.mask(words, &mut wire)?;
        let header = party.finish()?;
        self.costs.seconds[step].0 += started.elapsed();
        self.costs.traffic[nation].0 += (wire.len() + header.len()) as u64;
        self.costs.wire.update(&wire);
        self.costs.wire.update(&header);
        self.masked.extend_from_slice(&wire);
        let started = Instant::now();
        let mut upload = server.upload(client(nation), MemorySpool::default())?;
        upload.write(&wire)?;
        server.accept(&mut upload, &header)?;
        self.costs.seconds[step].1 += started.elapsed();
        Ok(())
    }
}

fn client(nation: usize) -> ClientId {
    ClientId(nation as u64 + 1)
}

fn place(id: ClientId) -> usize {
    usize::try_from(id.0 - 1).unwrap_or(usize::MAX)
}

fn unpack(wire: &[u8]) -> Vec<u32> {
    let (words, _) = wire.as_chunks();
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

fn read(sum: &Sum) -> Result<Vec<u32>, Box<dyn Error>> {
    let mut words = vec![0; usize::try_from(sum.layout().vector_len())?];
    sum.read(0, &mut words)?;
    Ok(words)
}

/// Largest difference between these words and the plain sum of the inputs, modulo `2^bits`.
fn largest_difference<'a>(ring: Ring, words: &[u32], inputs: impl Iterator<Item = (usize, &'a Vec<u32>)>) -> u64 {
    let mut plain = vec![0_u64; words.len()];
    for (_, input) in inputs {
        plain.iter_mut().zip(input).for_each(|(sum, word)| *sum = (*sum + u64::from(*word)) & ring.max());
    }
    plain.iter().zip(words).map(|(plain, word)| plain.abs_diff(u64::from(*word))).max().unwrap_or(0)
}
