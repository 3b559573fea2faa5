//! A whole session in memory, with hooks for whatever goes wrong.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::panic_in_result_fn, reason = "tests")]

pub mod masking;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use veilsum::{
    Bound, ClientId, Error, Identity, Masking, Session, SessionBuilder, SigningIdentity, Word,
    secagg::{
        client::{self, AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors, Finished, MaskingInput},
        server::{CollectingAdverts, CollectingConsistency, CollectingInputs, CollectingReveals, CollectingShares},
        sum::Sum,
        upload::MemorySpool,
    },
};

/// Identities for `n` clients with ids 10, 20, .. and a server.
pub struct World {
    pub rng: StdRng,
    pub clients: BTreeMap<ClientId, Arc<SigningIdentity>>,
    pub server: Arc<SigningIdentity>,
    /// How sessions of this world mask.
    pub masking: Masking,
}

impl World {
    pub fn new(n: u64, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let clients = (1..=n).map(|k| (ClientId(10 * k), Arc::new(SigningIdentity::generate(&mut rng).unwrap()))).collect();
        let server = Arc::new(SigningIdentity::generate(&mut rng).unwrap());
        Self { rng, clients, server, masking: Masking::Pairwise }
    }

    /// The same, for sessions that mask so.
    pub fn masked(n: u64, seed: u64, masking: Masking) -> Self {
        Self { masking, ..Self::new(n, seed) }
    }

    pub fn builder(&self, vector_len: u64, modulus_bits: u8) -> SessionBuilder {
        let max_abs = self.max_abs(modulus_bits);
        let holds = (1_u64 << (modulus_bits - 1)) - 1;
        let bound = if max_abs == 0 { Bound::Tail { max_sum: holds, log2: 40 } } else { Bound::Exact { max_abs } };
        let roster = self.clients.iter().map(|(id, identity)| (*id, identity.public_key()));
        let builder = Session::builder(roster, self.server.public_key(), vector_len, modulus_bits, bound);
        let chunk_len = u32::try_from(self.block(modulus_bits)).unwrap();
        builder.masking(self.masking(modulus_bits)).chunk_len(chunk_len)
    }

    /// The least chunk of sessions with words of so many bits: 64 words, or a block of lattice masks.
    pub fn block(&self, modulus_bits: u8) -> u64 {
        masking::block_len(self.masking(modulus_bits), self.clients.len() as u64, self.max_abs(modulus_bits))
    }

    fn max_abs(&self, modulus_bits: u8) -> u64 {
        ((1_u64 << (modulus_bits - 1)) - 1) / self.clients.len() as u64
    }

    /// The small set of lattice masks holds sums of up to 36 bits.
    fn masking(&self, modulus_bits: u8) -> Masking {
        if self.masking == masking::LATTICE && modulus_bits > 36 { masking::WIDE } else { self.masking }
    }

    pub fn ids(&self) -> Vec<ClientId> {
        self.clients.keys().copied().collect()
    }

    pub fn join(&mut self, session: &Session, id: ClientId) -> (AwaitingAdverts, Vec<u8>) {
        client::join(session, id, self.clients[&id].clone(), &mut self.rng).unwrap()
    }

    /// Random inputs within the session's bound.
    pub fn inputs(&mut self, session: &Session) -> BTreeMap<ClientId, Vec<u64>> {
        let ring = veilsum::Ring::new(session.modulus_bits()).unwrap();
        let max_abs = match session.bound() {
            Bound::Exact { max_abs } => max_abs,
            _ => 0,
        };
        let len = session.vector_len();
        let rng = &mut self.rng;
        let mut word = || {
            let magnitude = i64::try_from(rng.next_u64() % (max_abs + 1)).unwrap();
            ring.wrap(if rng.next_u32() & 1 == 0 { magnitude } else { -magnitude })
        };
        self.clients.keys().map(|id| (*id, (0..len).map(|_| word()).collect())).collect()
    }
}

/// The plain sum modulo `2^bits`.
pub fn plain_sum(session: &Session, inputs: &BTreeMap<ClientId, Vec<u64>>, survivors: &[ClientId]) -> Vec<u64> {
    let ring = veilsum::Ring::new(session.modulus_bits()).unwrap();
    let mut sum = vec![0_u64; usize::try_from(session.vector_len()).unwrap()];
    for id in survivors {
        sum.iter_mut().zip(&inputs[id]).for_each(|(s, x)| *s = s.wrapping_add(*x) & ring.max());
    }
    sum
}

/// When each client is gone: before round 0..=4, or 5 for never.
pub type Leaves = BTreeMap<ClientId, u8>;

/// Runs a session with drop-outs; everybody else is honest. Returns the sum, and each client that finished.
pub fn run(
    world: &mut World,
    session: &Session,
    inputs: &BTreeMap<ClientId, Vec<u64>>,
    leaves: &Leaves,
) -> Result<(Sum, Vec<Finished>), Error> {
    let stays = |id: &ClientId, round: u8| leaves.get(id).copied().unwrap_or(5) > round;
    let mut server = CollectingAdverts::new(session, world.server.clone())?;
    let mut joined = BTreeMap::new();
    for id in world.ids().into_iter().filter(|id| stays(id, 0)) {
        let (state, advert) = world.join(session, id);
        assert!(server.receive(&advert)?.fresh);
        joined.insert(id, state);
    }
    let (mut server, outbox) = server.close()?;
    let mut dealt = BTreeMap::new();
    for (id, state) in joined.into_iter().filter(|(id, _)| stays(id, 1)) {
        let (state, shares) = state.receive(&outbox.message_for(id).unwrap(), &mut world.rng)?;
        server.receive(&shares)?;
        dealt.insert(id, state);
    }
    let (mut server, outbox) = server.close()?;
    let mut sent = BTreeMap::new();
    for (id, state) in dealt.into_iter().filter(|(id, _)| stays(id, 2)) {
        let mut state = state.receive(&outbox.message_for(id).unwrap(), &mut world.rng)?;
        let mut upload = server.upload(id, MemorySpool::default())?;
        let mut wire = Vec::new();
        mask_all(&mut state, session, &inputs[&id], &mut wire)?;
        upload.write(&wire)?;
        let (state, header) = state.finish()?;
        server.accept(&mut upload, &header)?;
        sent.insert(id, state);
    }
    let (mut server, outbox) = server.close()?;
    let mut agreed = BTreeMap::new();
    for (id, state) in sent.into_iter().filter(|(id, _)| stays(id, 3)) {
        let (state, consistency) = state.receive(&outbox.message_for(id).unwrap())?;
        server.receive(&consistency)?;
        agreed.insert(id, state);
    }
    let (mut server, outbox) = server.close()?;
    let mut finished = Vec::new();
    for (id, state) in agreed.into_iter().filter(|(id, _)| stays(id, 4)) {
        let (state, reveal) = state.receive(&outbox.message_for(id).unwrap())?;
        server.receive(&reveal)?;
        finished.push(state);
    }
    Ok((server.close()?, finished))
}

/// Masks a whole vector, as `u32` words where they fit.
pub fn mask_all(state: &mut MaskingInput, session: &Session, words: &[u64], wire: &mut Vec<u8>) -> Result<(), Error> {
    if session.modulus_bits() <= <u32 as Word>::BITS {
        let narrow: Vec<u32> = words.iter().map(|word| u32::try_from(*word).unwrap()).collect();
        state.mask(&narrow, wire)
    } else {
        state.mask(words, wire)
    }
}

pub fn read_all(sum: &Sum) -> Vec<u64> {
    let mut words = vec![0_u64; usize::try_from(sum.layout().vector_len()).unwrap()];
    sum.read(0, &mut words).unwrap();
    words
}

pub fn set(ids: impl IntoIterator<Item = ClientId>) -> BTreeSet<ClientId> {
    ids.into_iter().collect()
}

pub type ClientStates = (AwaitingAdverts, AwaitingDelivery, AwaitingSurvivors, AwaitingAgreement);
pub type ServerStates = (CollectingShares, CollectingInputs, CollectingConsistency, CollectingReveals);

/// How the data plane of an honest session is fed.
#[derive(Clone, Debug, Default)]
pub struct Feed {
    /// Words are given as `u64` even where `u32` would do.
    pub wide: bool,
    /// Sizes, in words, of the pieces of an input, over and over; empty for all at once.
    pub input: Vec<usize>,
    /// Sizes, in bytes, of the pieces of an upload, over and over; empty for all at once.
    pub upload: Vec<usize>,
}

/// Cuts a slice into pieces of these sizes, over and over; no sizes cut nothing.
pub fn pieces<'a, T>(mut rest: &'a [T], sizes: &[usize]) -> Vec<&'a [T]> {
    let mut cut = Vec::new();
    for size in sizes.iter().cycle() {
        if *size >= rest.len() {
            break;
        }
        let (piece, later) = rest.split_at(*size);
        cut.push(piece);
        rest = later;
    }
    cut.push(rest);
    cut
}

/// Round 2 as it begins: a server and all clients, everybody honest so far, and every message until then.
pub struct Round2 {
    pub server: CollectingInputs,
    pub clients: BTreeMap<ClientId, MaskingInput>,
    pub messages: Vec<Vec<u8>>,
}

/// Runs rounds 0 and 1 honestly.
pub fn until_inputs(world: &mut World, session: &Session) -> Round2 {
    let mut messages = Vec::new();
    let mut server = CollectingAdverts::new(session, world.server.clone()).unwrap();
    let mut joined = Vec::new();
    for id in world.ids() {
        let (state, advert) = world.join(session, id);
        server.receive(&advert).unwrap();
        joined.push((id, state));
        messages.push(advert);
    }
    let (mut server, adverts) = server.close().unwrap();
    let mut dealt = Vec::new();
    for (id, state) in joined {
        let (state, shares) = state.receive(&adverts.message_for(id).unwrap(), &mut world.rng).unwrap();
        server.receive(&shares).unwrap();
        dealt.push((id, state));
        messages.push(shares);
    }
    let (server, deliveries) = server.close().unwrap();
    let receive = |(id, state): (ClientId, AwaitingDelivery)| {
        (id, state.receive(&deliveries.message_for(id).unwrap(), &mut world.rng).unwrap())
    };
    let clients = dealt.into_iter().map(receive).collect();
    messages.extend(adverts.messages().chain(deliveries.messages()).map(|(_, message)| message));
    Round2 { server, clients, messages }
}

/// Masks a whole vector as `feed` says; returns the wire bytes and the header.
pub fn mask_in_pieces(
    mut state: MaskingInput,
    session: &Session,
    words: &[u64],
    feed: &Feed,
) -> (AwaitingSurvivors, Vec<u8>, Vec<u8>) {
    let mut wire = Vec::new();
    for piece in pieces(words, &feed.input) {
        if feed.wide {
            state.mask(piece, &mut wire).unwrap();
        } else {
            mask_all(&mut state, session, piece, &mut wire).unwrap();
        }
    }
    let (state, header) = state.finish().unwrap();
    (state, wire, header)
}

/// The end of an honest session, and every byte of it.
pub struct Record {
    pub sum: Sum,
    pub finished: Vec<Finished>,
    /// Every message of clients and server but the announcements, in a fixed order.
    pub messages: Vec<Vec<u8>>,
    /// Wire bytes of each client's upload.
    pub wires: BTreeMap<ClientId, Vec<u8>>,
}

/// Runs an honest session and keeps every byte of it.
pub fn record(world: &mut World, session: &Session, inputs: &BTreeMap<ClientId, Vec<u64>>, feed: &Feed) -> Record {
    let Round2 { mut server, clients, mut messages } = until_inputs(world, session);
    let (mut wires, mut sent) = (BTreeMap::new(), BTreeMap::new());
    for (id, state) in clients {
        let (state, wire, header) = mask_in_pieces(state, session, &inputs[&id], feed);
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        pieces(&wire, &feed.upload).into_iter().for_each(|piece| upload.write(piece).unwrap());
        server.accept(&mut upload, &header).unwrap();
        sent.insert(id, state);
        wires.insert(id, wire);
        messages.push(header);
    }
    let (sum, finished) = agree_and_reveal(server, sent, &mut messages);
    Record { sum, finished, messages, wires }
}

/// Runs rounds 3 and 4 honestly with the clients given, all of them survivors.
pub fn agree_and_reveal(
    server: CollectingInputs,
    clients: BTreeMap<ClientId, AwaitingSurvivors>,
    messages: &mut Vec<Vec<u8>>,
) -> (Sum, Vec<Finished>) {
    let (mut server, survivors) = server.close().unwrap();
    let mut agreed = Vec::new();
    for (id, state) in clients {
        let (state, consistency) = state.receive(&survivors.message_for(id).unwrap()).unwrap();
        server.receive(&consistency).unwrap();
        agreed.push((id, state));
        messages.push(consistency);
    }
    let (mut server, agreement) = server.close().unwrap();
    let mut finished = Vec::new();
    for (id, state) in agreed {
        let (state, reveal) = state.receive(&agreement.message_for(id).unwrap()).unwrap();
        server.receive(&reveal).unwrap();
        finished.push(state);
        messages.push(reveal);
    }
    messages.extend(survivors.messages().chain(agreement.messages()).map(|(_, message)| message));
    (server.close().unwrap(), finished)
}
