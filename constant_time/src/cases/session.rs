//! Whole sessions: what a client draws and what it gives, and the seeds that the server takes off (docs/protocol.md, sections 8 to 14).

use std::sync::Arc;

use veilsum::{
    Bound, ClientId, Identity, LatticeSet, Masking, Session, SigningIdentity,
    driver::{Client, ClientStep, Server, ServerStep},
    hazmat::{ClientMasks, ServerSum},
    secagg::upload::MemorySpool,
};

use super::{Coins, bytes_of_u32};
use crate::{
    Case, case,
    memcheck::{clear, poison},
};

const CLIENTS: u64 = 4;
/// Neither the lowest id nor the highest: of some pairs it encapsulates, of others it decapsulates.
const WATCHED: ClientId = ClientId(2);
const DROPOUT: ClientId = ClientId(4);
const LEN: usize = 1000;
const MAX_ABS: u64 = 1000;

pub fn cases() -> Vec<Case> {
    vec![
        case("client of a session", "what it draws, pairwise masks", || client_of(Masking::Pairwise, What::Draws)),
        case("client of a session", "what it draws, lattice masks", || client_of(LATTICE, What::Draws)),
        case("client of a session", "its words, pairwise masks", || client_of(Masking::Pairwise, What::Words)),
        case("client of a session", "its words, lattice masks", || client_of(LATTICE, What::Words)),
        case("unmasking a sum", "the seeds, pairwise masks", || unmasked(Masking::Pairwise)),
        case("unmasking a sum", "the seeds, lattice masks", || unmasked(LATTICE)),
    ]
}

const LATTICE: Masking = Masking::Lattice(LatticeSet::S48);

#[derive(Clone, Copy, PartialEq)]
enum What {
    Draws,
    Words,
}

fn identity(id: u64) -> Arc<SigningIdentity> {
    Arc::new(SigningIdentity::from_seed(&[id as u8; 32]))
}

fn session(masking: Masking) -> Session {
    let roster = (1..=CLIENTS).map(|id| (ClientId(id), identity(id).public_key()));
    let bound = Bound::Exact { max_abs: MAX_ABS };
    let builder = Session::builder(roster, identity(0).public_key(), LEN as u64, 16, bound);
    builder.masking(masking).build().unwrap()
}

/// A client with its secrets, and every byte that it has sent.
struct Player {
    id: ClientId,
    client: Client,
    what: Option<What>,
    sent: Vec<u8>,
}

impl Player {
    fn join(session: &Session, id: ClientId, what: Option<What>) -> (Self, Vec<u8>) {
        let joined = match what {
            Some(What::Draws) => Client::join(session, id, identity(id.0), &mut Coins(5)),
            _ => Client::join(session, id, identity(id.0), &mut rand::rng()),
        };
        let (client, advert) = joined.unwrap();
        let mut player = Self { id, client, what, sent: Vec::new() };
        let advert = player.publish(advert);
        (player, advert)
    }

    /// What is sent is known to the server from now on.
    fn publish(&mut self, mut message: Vec<u8>) -> Vec<u8> {
        self.sent.extend_from_slice(&message);
        clear(&mut message);
        message
    }

    /// `dealt`: what is drawn after this are the weights of a check, which its points are multiplied with in variable time.
    fn receive(&mut self, message: &[u8], dealt: bool) -> ClientStep {
        match self.what {
            Some(What::Draws) if !dealt => self.client.receive(message, &mut Coins(6)),
            _ => self.client.receive(message, &mut rand::rng()),
        }
        .unwrap()
    }

    fn masked(&mut self) -> Vec<u8> {
        let mut words: Vec<u32> = (0..LEN as u32).map(|k| k % MAX_ABS as u32).collect();
        if self.what == Some(What::Words) {
            poison(&mut words);
        }
        let mut wire = Vec::new();
        let (first, rest) = words.split_at(300);
        self.client.mask(first, &mut wire).unwrap();
        self.client.mask(rest, &mut wire).unwrap();
        self.publish(wire)
    }
}

/// One client with secrets among others; one of those drops out, so that shares of both kinds are revealed.
fn client_of(masking: Masking, what: What) -> Vec<u8> {
    let session = session(masking);
    let mut server = Server::new(&session, identity(0)).unwrap();
    let mut players = Vec::new();
    for id in (1..=CLIENTS).map(ClientId) {
        let (player, advert) = Player::join(&session, id, (id == WATCHED).then_some(what));
        server.receive(&advert).unwrap();
        players.push(player);
    }
    let (mut step, mut dealt) = (server.close().unwrap(), false);
    while let ServerStep::Send(outbox) = step {
        for player in &mut players {
            let Some(message) = outbox.message_for(player.id) else { continue };
            match player.receive(&message, dealt) {
                ClientStep::Send(answer) | ClientStep::Done(answer, _) => {
                    server.receive(&player.publish(answer)).unwrap();
                }
                ClientStep::GiveInput if player.id != DROPOUT => {
                    let mut upload = server.upload(player.id, MemorySpool::default()).unwrap();
                    upload.write(&player.masked()).unwrap();
                    let last = player.client.finish().unwrap();
                    server.accept(&mut upload, &player.publish(last)).unwrap();
                }
                _ => {}
            }
        }
        players.retain(|player| !player.client.awaits_input());
        dealt = true;
        step = server.close().unwrap();
    }
    players.into_iter().find(|player| player.id == WATCHED).unwrap().sent
}

fn unmasked(masking: Masking) -> Vec<u8> {
    let session = session(masking);
    let uploads = [[1; 32], [2; 32]].map(|seed| {
        let mut wire = Vec::new();
        ClientMasks::new(&session, &[(seed, false)], [3; 32]).mask(0, &[7_u32; LEN], &mut wire).unwrap();
        wire
    });
    let seeds = [[1; 32], [2; 32]].map(|mut seed| {
        poison(&mut seed);
        (seed, false)
    });
    let sum = ServerSum::new(&session, &[&uploads[0], &uploads[1]], &seeds).unwrap();
    let mut words = [0_u32; LEN];
    sum.read(0, &mut words).unwrap();
    bytes_of_u32(&words)
}
