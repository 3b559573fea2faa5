//! Tools of malicious clients: dealings to spoil, recorded sessions to lie into, and ciphertexts that open under two keys.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{collections::BTreeMap, sync::Arc};

use veilsum::{
    ClientFault, ClientId, Error, Session, SigningIdentity,
    message::{Delivery, Message, Package, Shares},
    secagg::{
        Failure, Outbox,
        client::{AwaitingDelivery, MaskingInput},
        server::{CollectingAdverts, CollectingConsistency, CollectingInputs, CollectingReveals, CollectingShares},
        upload::MemorySpool,
    },
};

use crate::{
    common::{Feed, Round2, World, agree_and_reveal, mask_in_pieces, until_inputs},
    drill::{Door, Drill, Inputs, Per},
    forge::{ADVERT, CONSISTENCY, MASKED_INPUT, REVEAL, Raw, SHARES},
    rogue::Rogue,
};

/// The error that names a client.
pub fn named(culprit: ClientId, fault: ClientFault) -> Error {
    Error::Client { culprit, fault }
}

/// All ordered pairs of different clients.
pub fn pairs(ids: &[ClientId]) -> impl Iterator<Item = (ClientId, ClientId)> {
    ids.iter().flat_map(|a| ids.iter().filter(move |b| *b != a).map(|b| (*a, *b)))
}

/// All of these but one.
pub fn others(ids: &[ClientId], one: ClientId) -> Vec<ClientId> {
    ids.iter().copied().filter(|id| *id != one).collect()
}

/// All sets of some of these, the empty one first.
pub fn subsets(ids: &[ClientId]) -> impl Iterator<Item = Vec<ClientId>> {
    let members = |bits: u32| ids.iter().enumerate().filter(move |(place, _)| bits >> place & 1 == 1).map(|(_, id)| *id);
    (0..1_u32 << ids.len()).map(move |bits| members(bits).collect())
}

/// A drill at whose doors nothing is tried.
pub fn quiet<T>(world: &mut World, session: &Session, play: impl FnOnce(&mut Drill<'_>) -> T) -> T {
    let mut hook = |_: &mut Door<'_>| {};
    play(&mut Drill::new(world, session, &mut hook))
}

/// Rounds 0 and 1 of a session, all clients dealing, and nothing opened yet.
pub struct Dealt {
    pub server: CollectingInputs,
    pub outbox: Outbox,
    pub clients: Per<AwaitingDelivery>,
    pub rogues: Per<Rogue>,
}

/// What became of the clients that opened their packages.
pub struct Opened {
    pub server: CollectingInputs,
    pub ready: Per<MaskingInput>,
    pub ended: Per<Failure<AwaitingDelivery>>,
    pub rogues: Per<Rogue>,
}

impl Dealt {
    /// With these rogues, whose shares messages `deal` makes.
    pub fn new(world: &mut World, session: &Session, rogues: &[ClientId], deal: impl FnMut(&mut Rogue) -> Vec<u8>) -> Self {
        quiet(world, session, |drill| {
            for id in rogues {
                drill.add_rogue(*id);
            }
            let ids = drill.world.ids();
            let (server, states) = drill.advertise(&ids);
            let (server, clients) = drill.share(server, states, deal);
            let (server, outbox) = server.close().unwrap();
            let mut rogues = core::mem::take(&mut drill.rogues);
            rogues.iter_mut().for_each(|(id, rogue)| rogue.hear_delivery(&outbox.message_for(*id).unwrap()));
            Self { server, outbox, clients, rogues }
        })
    }

    /// What the server delivers to a client.
    pub fn delivery(&self, to: ClientId) -> Delivery {
        Message::decode(&self.outbox.message_for(to).unwrap()).unwrap().body
    }

    /// All honest clients open their packages.
    pub fn open(self, world: &mut World) -> Opened {
        let Self { server, outbox, clients, rogues } = self;
        let (mut ready, mut ended) = (Per::new(), Per::new());
        for (id, state) in clients {
            match state.receive(&outbox.message_for(id).unwrap(), &mut world.rng) {
                Ok(state) => drop(ready.insert(id, state)),
                Err(failure) => drop(ended.insert(id, failure)),
            }
        }
        Opened { server, ready, ended, rogues }
    }
}

/// One dealer's packages, one of them for each victim replaced; everything about them signed as it should be.
pub fn deal_badly(
    world: &mut World,
    session: &Session,
    dealer: ClientId,
    victims: &[ClientId],
    spoil: impl Fn(&Rogue, ClientId) -> Package,
) -> Opened {
    let dealt = Dealt::new(world, session, &[dealer], |rogue| {
        let mut packages = rogue.honest_packages();
        for package in packages.iter_mut().filter(|package| victims.contains(&package.peer)) {
            *package = spoil(rogue, package.peer);
        }
        rogue.shares(packages)
    });
    dealt.open(world)
}

/// What the clients of one honest session sent. A server can hear it again, up to the reveals.
pub struct Tape {
    pub session: Session,
    pub inputs: Inputs,
    pub survivors: Vec<ClientId>,
    server: Arc<SigningIdentity>,
    messages: BTreeMap<(u8, ClientId), Vec<u8>>,
    wires: Per<Vec<u8>>,
}

impl Tape {
    /// A session in which everybody deals, and only the survivors stay.
    pub fn record(world: &mut World, session: &Session, survivors: &[ClientId]) -> Self {
        let inputs = world.inputs(session);
        let Round2 { mut server, clients, mut messages } = until_inputs(world, session);
        let (mut wires, mut sent) = (Per::new(), Per::new());
        for (id, state) in clients.into_iter().filter(|(id, _)| survivors.contains(id)) {
            let (state, wire, header) = mask_in_pieces(state, session, &inputs[&id], &Feed::default());
            upload(&mut server, id, &wire, &header);
            sent.insert(id, state);
            wires.insert(id, wire);
            messages.push(header);
        }
        agree_and_reveal(server, sent, &mut messages);
        let key = |message: Vec<u8>| {
            let raw = Raw::parse(&message);
            ((raw.kind, raw.client), message)
        };
        let messages = messages.into_iter().map(key).collect();
        let survivors = survivors.to_vec();
        Self { session: session.clone(), inputs, survivors, server: world.server.clone(), messages, wires }
    }

    pub fn reveal(&self, id: ClientId) -> &[u8] {
        &self.messages[&(REVEAL, id)]
    }

    /// A server that has heard everything but the reveals.
    pub fn replay(&self) -> CollectingReveals {
        let mut server = CollectingAdverts::new(&self.session, self.server.clone()).unwrap();
        self.of(ADVERT).for_each(|(_, message)| assert!(server.receive(message).unwrap().fresh));
        let (mut server, _): (CollectingShares, _) = server.close().unwrap();
        self.of(SHARES).for_each(|(_, message)| assert!(server.receive(message).unwrap().fresh));
        let (mut server, _) = server.close().unwrap();
        self.of(MASKED_INPUT).for_each(|(id, message)| upload(&mut server, id, &self.wires[&id], message));
        let (mut server, _): (CollectingConsistency, _) = server.close().unwrap();
        self.of(CONSISTENCY).for_each(|(_, message)| assert!(server.receive(message).unwrap().fresh));
        server.close().unwrap().0
    }

    fn of(&self, kind: u8) -> impl Iterator<Item = (ClientId, &[u8])> {
        self.messages.iter().filter(move |((of, _), _)| *of == kind).map(|((_, id), message)| (*id, &message[..]))
    }
}

/// Uploads a vector, which must be accepted.
pub fn upload(server: &mut CollectingInputs, id: ClientId, wire: &[u8], header: &[u8]) {
    let mut upload = server.upload(id, MemorySpool::default()).unwrap();
    upload.write(wire).unwrap();
    assert!(server.accept(&mut upload, header).unwrap().fresh);
}

/// A client's own signed dealing and packages, as the server took them.
pub fn dealt_by(rogue: &Rogue) -> &Shares {
    rogue.dealt.as_ref().unwrap()
}

/// Makes a ciphertext of ChaCha20-Poly1305 open under both keys, with the nonce zero, by a choice of the block at `place`: the equation
/// of the two tags is linear in it. Returns the tag; nothing if no choice will do, as for two keys of three or so.
pub fn open_under_both(keys: [&[u8; 32]; 2], associated: &[u8], ciphertext: &mut [u8; 128], place: usize) -> Option<[u8; 16]> {
    let [(r, s), (other_r, other_s)] = keys.map(one_time_key);
    let mut blocks = authenticated(associated, ciphertext);
    let place_in_all = associated.len().div_ceil(16) + place;
    let exponent = blocks.len() - place_in_all;
    let slope = r.power(exponent).minus(other_r.power(exponent));
    blocks[place_in_all] = Residue::ZERO;
    let rest = r_sum(&blocks, other_r).minus(r_sum(&blocks, r)).plus(other_s).minus(s);
    // The tags are equal modulo 2^128, their sums modulo 2^130 - 5: they may differ by a small multiple of 2^128.
    let multiples = core::iter::successors(Some(Residue::ZERO), |last| Some(last.plus(Residue::TWO_TO_128))).take(6);
    let differences = multiples.flat_map(|multiple| [rest.plus(multiple), rest.minus(multiple)]);
    differences.map(|difference| difference.times(slope.inverse())).find_map(|block| {
        blocks[place_in_all] = block;
        let tag = |(r, s): (Residue, Residue)| r_sum(&blocks, r).low.wrapping_add(s.low);
        let good = block.high == 1 && tag((r, s)) == tag((other_r, other_s));
        good.then(|| {
            ciphertext[16 * place..][..16].copy_from_slice(&block.low.to_le_bytes());
            tag((r, s)).to_le_bytes()
        })
    })
}

/// The blocks that Poly1305 hashes (RFC 8439, section 2.8), each with its leading bit.
fn authenticated(associated: &[u8], ciphertext: &[u8]) -> Vec<Residue> {
    let lengths = [associated.len(), ciphertext.len()].map(|len| (len as u64).to_le_bytes()).concat();
    let block = |bytes: &[u8]| {
        let mut padded = [0; 16];
        padded[..bytes.len()].copy_from_slice(bytes);
        Residue { high: 1, low: u128::from_le_bytes(padded) }
    };
    [associated, ciphertext, &lengths].into_iter().flat_map(|part| part.chunks(16)).map(block).collect()
}

fn r_sum(blocks: &[Residue], r: Residue) -> Residue {
    blocks.iter().fold(Residue::ZERO, |sum, block| sum.plus(*block).times(r))
}

/// `r` and `s` of Poly1305 (RFC 8439, sections 2.5 and 2.6).
fn one_time_key(key: &[u8; 32]) -> (Residue, Residue) {
    let block = chacha20(key, 0);
    let half = |at: usize| u128::from_le_bytes(block[at..at + 16].try_into().unwrap());
    let clamp = 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff;
    (Residue { high: 0, low: half(0) & clamp }, Residue { high: 0, low: half(16) })
}

/// The keystream over the 128 bytes of an envelope.
pub fn keystream(key: &[u8; 32]) -> [u8; 128] {
    [chacha20(key, 1), chacha20(key, 2)].concat().try_into().unwrap()
}

/// One block of ChaCha20 with a nonce of zeros (RFC 8439, section 2.3).
fn chacha20(key: &[u8; 32], counter: u32) -> [u8; 64] {
    let mut start = [0_u32; 16];
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    start[4..12].iter_mut().zip(key.as_chunks::<4>().0).for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
    start[12] = counter;
    let columns = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]];
    let diagonals = [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]];
    let mut state = start;
    for quarter in [columns, diagonals].concat().into_iter().cycle().take(80) {
        quarter_round(&mut state, quarter);
    }
    let words = state.iter().zip(start).flat_map(|(word, first)| word.wrapping_add(first).to_le_bytes());
    words.collect::<Vec<_>>().try_into().unwrap()
}

fn quarter_round(state: &mut [u32; 16], [a, b, c, d]: [usize; 4]) {
    for (into, from, mixed, bits) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
        state[into] = state[into].wrapping_add(state[from]);
        state[mixed] = (state[mixed] ^ state[into]).rotate_left(bits);
    }
}

/// An integer modulo `2^130 - 5`, reduced.
#[derive(Clone, Copy, PartialEq)]
struct Residue {
    high: u8,
    low: u128,
}

impl Residue {
    const ZERO: Self = Self { high: 0, low: 0 };
    const ONE: Self = Self { high: 0, low: 1 };
    const TWO_TO_128: Self = Self { high: 1, low: 0 };
    const MODULUS: Self = Self { high: 3, low: u128::MAX - 4 };

    fn plus(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        let sum = Self { high: self.high + other.high + u8::from(carry), low };
        if (sum.high, sum.low) < (Self::MODULUS.high, Self::MODULUS.low) { sum } else { sum.unreduced_minus(Self::MODULUS) }
    }

    fn minus(self, other: Self) -> Self {
        self.plus(Self::MODULUS.unreduced_minus(other))
    }

    fn unreduced_minus(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high - other.high - u8::from(borrow), low }
    }

    fn times(self, other: Self) -> Self {
        (0..130).rev().fold(Self::ZERO, |sum, place| {
            let doubled = sum.plus(sum);
            if other.bit(place) { doubled.plus(self) } else { doubled }
        })
    }

    fn bit(self, place: u32) -> bool {
        if place < 128 { self.low >> place & 1 == 1 } else { self.high >> (place - 128) & 1 == 1 }
    }

    fn power(self, exponent: usize) -> Self {
        (0..exponent).fold(Self::ONE, |product, _| product.times(self))
    }

    /// By Fermat's theorem: the power `2^130 - 7`.
    fn inverse(self) -> Self {
        let exponent = Self { high: 3, low: u128::MAX - 6 };
        (0..130).rev().fold(Self::ONE, |product, place| {
            let squared = product.times(product);
            if exponent.bit(place) { squared.times(self) } else { squared }
        })
    }
}
