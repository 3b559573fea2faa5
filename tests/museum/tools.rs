//! A generator of known bytes, a client whose secrets the test knows, and a recorded session.

use std::{fmt, sync::LazyLock};

use rand::{
    SeedableRng as _,
    rand_core::{TryCryptoRng, TryRng},
    rngs::StdRng,
};
use veilsum::{
    ClientId, Masking, Session,
    driver::{self, ClientStep},
    secagg::{client, server::CollectingAdverts},
};

use crate::{
    common::{Feed, World, mask_in_pieces},
    evil::Scene,
    rogue::Rogue,
};

/// A generator that gives known bytes and counts them, and can be made to fail.
pub(crate) struct Script {
    byte: fn(usize) -> u8,
    pub(crate) given: usize,
    pub(crate) calls: usize,
    fails_at: usize,
    flipped: usize,
}

impl Script {
    pub(crate) fn new(byte: fn(usize) -> u8) -> Self {
        Self { byte, given: 0, calls: 0, fails_at: usize::MAX, flipped: usize::MAX }
    }

    /// Fails at this call, half of which it fills.
    pub(crate) fn failing(call: usize) -> Self {
        Self { fails_at: call, ..Self::new(low_byte) }
    }

    /// Gives another byte at this place.
    pub(crate) fn flipped(at: usize) -> Self {
        Self { flipped: at, ..Self::new(low_byte) }
    }
}

pub(crate) fn low_byte(at: usize) -> u8 {
    at.to_le_bytes()[0]
}

impl TryRng for Script {
    type Error = fmt::Error;
    fn try_next_u32(&mut self) -> Result<u32, fmt::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, fmt::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), fmt::Error> {
        let fails = self.calls == self.fails_at;
        self.calls += 1;
        let len = if fails { out.len() / 2 } else { out.len() };
        for byte in &mut out[..len] {
            *byte = (self.byte)(self.given) ^ u8::from(self.given == self.flipped);
            self.given += 1;
        }
        if fails { Err(fmt::Error) } else { Ok(()) }
    }
}

impl TryCryptoRng for Script {}

/// A client of the library up to its masked input, and a twin with the same secrets that a test can look into.
pub(crate) struct Watched {
    pub(crate) twin: Rogue,
    pub(crate) advert: Vec<u8>,
    pub(crate) shares: Vec<u8>,
    pub(crate) wire: Vec<u8>,
    pub(crate) header: Vec<u8>,
}

pub(crate) fn watch(world: &mut World, session: &Session, id: ClientId, words: &[u64]) -> Watched {
    let (mut rng, identity) = (StdRng::seed_from_u64(id.0), world.clients[&id].clone());
    let mut twin = Rogue::new(session, id, identity.clone(), &mut StdRng::seed_from_u64(id.0));
    let mut server = CollectingAdverts::new(session, world.server.clone()).unwrap();
    let (mut states, mut advert, mut shares, mut mine) = (Vec::new(), Vec::new(), Vec::new(), None);
    for other in world.ids() {
        let (state, message) = if other == id {
            let joined = client::join(session, id, identity.clone(), &mut rng).unwrap();
            advert.clone_from(&joined.1);
            joined
        } else {
            world.join(session, other)
        };
        server.receive(&message).unwrap();
        states.push((other, state));
    }
    assert_eq!(advert, twin.advert(), "the twin has the same secrets");
    let (mut server, adverts) = server.close().unwrap();
    twin.hear_adverts(&adverts.message_for(id).unwrap());
    for (other, state) in states {
        let rng = if other == id { &mut rng } else { &mut world.rng };
        let (state, message) = state.receive(&adverts.message_for(other).unwrap(), rng).unwrap();
        server.receive(&message).unwrap();
        if other == id {
            (mine, shares) = (Some(state), message);
        }
    }
    let delivery = server.close().unwrap().1.message_for(id).unwrap();
    twin.hear_delivery(&delivery);
    let state = mine.unwrap().receive(&delivery, &mut rng).unwrap();
    let (_, wire, header) = mask_in_pieces(state, session, words, &Feed::default());
    Watched { twin, advert, shares, wire, header }
}

/// Four honest clients, of whom one may drop out.
pub(crate) static SCENE: LazyLock<Scene> =
    LazyLock::new(|| Scene::play(Masking::Pairwise, 4, &[], |builder| builder.max_colluders(0).max_dropouts(1)));

/// A recorded client as a caller of the driver has it.
pub(crate) struct Driven {
    pub(crate) client: driver::Client,
    pub(crate) rng: StdRng,
    id: ClientId,
}

impl Driven {
    pub(crate) fn join(id: ClientId) -> Self {
        let mut rng = StdRng::seed_from_u64(id.0);
        let client = driver::Client::join(&SCENE.session, id, SCENE.clients[&id].clone(), &mut rng).unwrap().0;
        Self { client, rng, id }
    }

    /// Takes the recorded message of this type, and gives the answer.
    pub(crate) fn step(&mut self, kind: u8) -> Vec<u8> {
        match self.client.receive(&SCENE.sent[&(self.id, kind)], &mut self.rng).unwrap() {
            ClientStep::Send(answer) | ClientStep::Done(answer, _) => answer,
            ClientStep::GiveInput => {
                self.client.mask(&SCENE.inputs[&self.id], &mut Vec::new()).unwrap();
                self.client.finish().unwrap()
            }
            step => panic!("{step:?}"),
        }
    }
}

/// Pearson's statistic of bytes against the uniform law; its mean is 255, and above 400 once in some 10^7 samples.
pub(crate) fn chi_square(bytes: impl IntoIterator<Item = u8>) -> f64 {
    let (mut counts, mut total) = ([0.0_f64; 256], 0.0);
    for byte in bytes {
        counts[usize::from(byte)] += 1.0;
        total += 1.0;
    }
    let expected = total / 256.0;
    counts.iter().map(|count| (count - expected).powi(2) / expected).sum()
}
