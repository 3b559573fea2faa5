//! The bytes on the wire: every message of one session frozen, and the sizes that section 6 of docs/protocol.md states.
//!
//! The session's random bytes come from a generator written here, so that no release of another crate changes them. A snapshot that
//! differs is another protocol version, never a new snapshot.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/rogue.rs"]
mod rogue;
#[path = "common/samples.rs"]
mod samples;

use std::{collections::BTreeMap, convert::Infallible, fmt::Write as _, sync::Arc};

use common::World;
use drill::{Door, Drill};
use forge::{
    ADVERT, ADVERTS, AGREEMENT, ANNOUNCEMENT, COMPLAINT, CONSISTENCY, DELIVERY, MASKED_INPUT, REVEAL, Raw, SHARES, SURVIVORS,
};
use rand::{
    SeedableRng,
    rand_core::{TryCryptoRng, TryRng},
    rngs::StdRng,
};
use sha2::{Digest as _, Sha512_256};
use veilsum::{
    Bound, ClientId, Identity, Masking, Session, SigningIdentity,
    driver::{Client, ClientStep, Server, ServerStep},
    secagg::upload::MemorySpool,
};

/// SHA-512/256 of a name and a counter, byte after byte.
struct Stream(String, u64);

impl TryRng for Stream {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = Sha512_256::digest(format!("{} {}", self.0, self.1))[0];
            self.1 += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

fn identity(name: &str) -> Arc<SigningIdentity> {
    Arc::new(SigningIdentity::from_seed(&Sha512_256::digest(name).into()))
}

/// Three clients with ids of one, two and eight bytes.
const IDS: [u64; 3] = [7, 0x0102, 0xfedc_ba98_7654_3210];

fn frozen_world() -> (World, Session) {
    let clients = IDS.map(|id| (ClientId(id), identity(&format!("client {id}")))).into();
    let world = World { rng: StdRng::seed_from_u64(0), clients, server: identity("server"), masking: Masking::Pairwise };
    let roster: Vec<_> = world.clients.iter().map(|(id, key)| (*id, key.public_key())).collect();
    let builder = Session::builder(roster, world.server.public_key(), 100, 20, Bound::Exact { max_abs: 1000 });
    let session = builder.chunk_len(64).encoding(*b"frozen").round(1).attempt([2; 16]).context([3; 32]).previous([4; 32]);
    (world, session.build().unwrap())
}

/// Every message of the session by type, in order of client, from [`frozen_world`].
fn frozen_messages(world: &World, session: &Session) -> BTreeMap<u8, Vec<Vec<u8>>> {
    let mut all: BTreeMap<u8, Vec<Vec<u8>>> = BTreeMap::new();
    let mut keep = |message: &[u8]| all.entry(message[35]).or_default().push(message.to_vec());
    let mut server = Server::new(session, world.server.clone()).unwrap();
    let mut clients = Vec::new();
    for (id, identity) in &world.clients {
        let mut rng = Stream(format!("stream {}", id.0), 0);
        let (client, advert) = Client::join(session, *id, identity.clone(), &mut rng).unwrap();
        server.receive(&advert).unwrap();
        keep(&advert);
        clients.push((*id, client, rng));
    }
    let mut sum = loop {
        let outbox = match server.close().unwrap() {
            ServerStep::Send(outbox) => outbox,
            ServerStep::Sum(sum) => break sum,
            step => panic!("{step:?}"),
        };
        for (id, client, rng) in &mut clients {
            let message = outbox.message_for(*id).unwrap();
            keep(&message);
            match client.receive(&message, rng).unwrap() {
                ClientStep::Send(reply) => keep_sent(&mut keep, &mut server, &reply),
                ClientStep::GiveInput => keep(&give_input(*id, client, &mut server)),
                ClientStep::Done(reveal, _) => keep_sent(&mut keep, &mut server, &reveal),
                step => panic!("{step:?}"),
            }
        }
    };
    sum.announce().unwrap().0.messages().for_each(|(_, message)| keep(&message));
    for (delivery, _) in all[&DELIVERY].clone().iter().zip(IDS) {
        all.entry(COMPLAINT).or_default().push(samples::complain(session, delivery, world));
    }
    all
}

fn keep_sent(keep: &mut impl FnMut(&[u8]), server: &mut Server, message: &[u8]) {
    server.receive(message).unwrap();
    keep(message);
}

fn give_input(id: ClientId, client: &mut Client, server: &mut Server) -> Vec<u8> {
    let words: Vec<u32> = (0..100).map(|position| position * u32::from(id.0.to_le_bytes()[0]) % 1000).collect();
    let mut wire = Vec::new();
    client.mask(&words, &mut wire).unwrap();
    let header = client.finish().unwrap();
    let mut upload = server.upload(id, MemorySpool::default()).unwrap();
    upload.write(&wire).unwrap();
    server.accept(&mut upload, &header).unwrap();
    header
}

/// Small messages in full; of long ones the beginning, the end, and the hash of everything.
const SHORT: usize = 1024;

fn describe(message: &[u8]) -> String {
    let mut out = format!("client {}, {} bytes\n", Raw::parse(message).client.0, message.len());
    writeln!(out, "SHA-512/256 {}", hex::encode(Sha512_256::digest(message))).unwrap();
    let lines = |bytes: &[u8]| bytes.chunks(32).map(|line| format!("  {}\n", hex::encode(line))).collect::<String>();
    if message.len() <= SHORT {
        return out + &lines(message);
    }
    out + &lines(&message[..128]) + "  ..\n" + &lines(&message[message.len() - 96..])
}

#[test]
fn the_bytes_of_every_message_are_frozen() {
    let (world, session) = frozen_world();
    let messages = frozen_messages(&world, &session);
    let names = [
        (ADVERT, "advert"),
        (ADVERTS, "adverts"),
        (SHARES, "shares"),
        (DELIVERY, "delivery"),
        (COMPLAINT, "complaint"),
        (MASKED_INPUT, "masked_input"),
        (SURVIVORS, "survivors"),
        (CONSISTENCY, "consistency"),
        (AGREEMENT, "agreement"),
        (REVEAL, "reveal"),
        (ANNOUNCEMENT, "announcement"),
    ];
    assert!(names.iter().all(|(kind, _)| messages[kind].len() == 3), "one for each client");
    assert_eq!(messages.len(), names.len());
    for (kind, name) in names {
        let frozen = messages[&kind].iter().map(|message| describe(message)).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(name, frozen);
    }
}

#[test]
fn the_descriptor_is_frozen() {
    let (_, session) = frozen_world();
    let encoding: Vec<String> = session.encode().chunks(32).map(hex::encode).collect();
    let frozen = format!("session id {}\n  {}", session.id(), encoding.join("\n  "));
    insta::assert_snapshot!("session", frozen);
}

/// How many clients are in each round, by the paper's names.
#[derive(Clone, Copy)]
struct Sizes {
    n: usize,
    t: usize,
    u1: usize,
    u2: usize,
    u3: usize,
}

/// What section 6 says about a message's size: header and signature, body, attachment; `larger` and `smaller` count the other clients of
/// U1 with a larger id and of U2 with a smaller one.
fn stated_size(kind: u8, s: Sizes, larger: usize, smaller: usize) -> usize {
    let (h, g) = (s.u1 - 1, larger);
    let dealing = 8 + 64 * s.t + 40 * h;
    match kind {
        ADVERT => 2580,
        ADVERTS => 148 + 4 + s.u1 * (140 + 2432),
        SHARES => 148 + 8 + 64 * s.t + 40 * h + 4 + 1304 * h + 1120 * g,
        DELIVERY => 148 + 4 + s.u2 * (140 + dealing) + 4 + 1304 * (s.u2 - 1) + 1120 * smaller,
        MASKED_INPUT => 192,
        SURVIVORS => 148 + 4 + s.n.div_ceil(8) + 4 + s.u3 * (140 + 44),
        CONSISTENCY => 148,
        AGREEMENT => 148 + 4 + s.u3 * 140,
        REVEAL => 152 + 72 * s.u2,
        ANNOUNCEMENT => 148 + 32,
        kind => panic!("{kind:#04x}"),
    }
}

/// Plays a session from which the last clients leave, and compares the size of everything that is sent.
fn check_sizes(n: u64, max_dropouts: u32, leave: [usize; 3]) {
    let mut world = World::new(n, n);
    let session = world.builder(70, 20).max_dropouts(max_dropouts).max_colluders(0).min_honest(2).build().unwrap();
    let (inputs, ids, t) = (world.inputs(&session), world.ids(), session.threshold() as usize);
    let [u1, u2, u3] = [leave[0], leave[0] + leave[1], leave.iter().sum()].map(|gone| ids.len() - gone);
    let sizes = Sizes { n: ids.len(), t, u1, u2, u3 };
    let mut seen = BTreeMap::new();
    let mut measure = |door: &mut Door<'_>| {
        let larger = ids[..u1].iter().filter(|id| **id > door.client).count();
        let smaller = ids[..u2].iter().filter(|id| **id < door.client).count();
        let stated = stated_size(door.kind(), sizes, larger, smaller);
        assert_eq!(door.message.len(), stated, "{:#04x} of {}, n = {n}, t = {t}", door.kind(), door.client);
        *seen.entry(door.kind()).or_insert(0) += 1;
    };
    let mut drill = Drill::new(&mut world, &session, &mut measure);
    let (server, mut states) = drill.advertise(&ids[..u1]);
    states.retain(|id, _| ids[..u2].contains(id));
    let (server, states) = drill.share(server, states, |_| Vec::new());
    let (server, states, _) = drill.deliver(server, states);
    drill.finish(server, states, &inputs, &ids[..u3]);
    assert_eq!(seen.len(), 10, "every type but the complaint");
}

#[test]
fn messages_have_the_sizes_that_the_specification_states() {
    check_sizes(2, 0, [0; 3]);
    check_sizes(3, 0, [0; 3]);
    check_sizes(4, 1, [1, 0, 0]);
    check_sizes(5, 2, [0, 1, 1]);
    check_sizes(8, 3, [1, 1, 1]);
    check_sizes(9, 0, [0; 3]);
    check_sizes(9, 4, [0, 0, 4]);
}

#[test]
fn a_complaint_has_the_size_of_what_it_encloses() {
    let sample = samples::samples();
    // Threshold 3, two holders, and a dealer with a smaller id.
    let dealing = 8 + 64 * 3 + 40 * 2;
    assert_eq!(sample.messages[&COMPLAINT].len(), 148 + 8 + 32 + 4 + (140 + dealing) + 1304 + 1120);
}
