//! Evidence that convicts, of each kind, with whom it convicts.

use std::sync::LazyLock;

use veilsum::{
    ClientId, Identity, Party,
    audit::{Evidence, Statement},
    message::{Body as _, Bytes, Complaint, Delivery, Message, Reveal},
};

use crate::{
    GAMES,
    forge::{ANNOUNCEMENT, DELIVERY, REVEAL, Raw, SURVIVORS, alter_body, hash, sign},
    recorded::{ALL, File, Recorded},
};

pub static PROOFS: LazyLock<Vec<(Evidence, Party)>> = LazyLock::new(|| {
    let (server, client) = (Party::Server, |id| Party::Client(ClientId(id)));
    vec![
        (split_view(), server),
        (two_reveals(), client(30)),
        (bad_reveal(), client(30)),
        (false_complaint(), client(40)),
        (wrong_sum(), server),
    ]
});

/// A message of this type from or to this client.
fn message(game: &Recorded, kind: u8, client: u64) -> &[u8] {
    let fits = |message: &&Vec<u8>| message[35] == kind && Raw::parse(message).client == ClientId(client);
    game.messages.iter().find(fits).expect("it was sent")
}

fn split_view() -> Evidence {
    let session = &GAMES[0].session;
    let [one, _, other] = GAMES.each_ref().map(|game| {
        let message = message(game, SURVIVORS, 10);
        Statement::of_message(&game.session, message).expect("authentic")
    });
    Evidence::equivocation(session, one, other).expect("two lists")
}

/// A reveal of client 30 with another share, and the genuine one.
fn reveals() -> [Vec<u8>; 2] {
    let (genuine, key) = (message(&GAMES[0], REVEAL, 30), &GAMES[0].world.clients[&ClientId(30)]);
    [alter_body::<Reveal>(genuine, &**key, |reveal| reveal.shares[0].blinding = Bytes([1; 32])), genuine.to_vec()]
}

fn two_reveals() -> Evidence {
    let session = &GAMES[0].session;
    let [one, other] = reveals().map(|message| Statement::of_message(session, &message).expect("authentic"));
    Evidence::equivocation(session, one, other).expect("two reveals")
}

fn bad_reveal() -> Evidence {
    Evidence::reveal(&GAMES[0].record, &reveals()[0]).expect("a wrong share")
}

fn false_complaint() -> Evidence {
    let (session, key) = (&GAMES[0].session, &*GAMES[0].world.clients[&ClientId(40)]);
    let delivery = Message::<Delivery>::decode(message(&GAMES[0], DELIVERY, 40)).expect("recorded");
    let (entry, package) = (delivery.body.dealings[0].clone(), delivery.body.packages[0].clone());
    let complaint = Complaint { dealer: entry.client, key: Bytes([7; 32]), entry, package };
    Evidence::dealing(session, &sign(session, ClientId(40), delivery.prev.0, &complaint, key)).expect("a wrong key")
}

fn wrong_sum() -> Evidence {
    let mut file = File::parse(&GAMES[0].transcript());
    announce(&mut file, [9; 32], Some(&*GAMES[0].world.server));
    Evidence::transcript(&GAMES[0].session, file.encode()).expect("a wrong sum")
}

/// Puts another leaf in the place of the sum's, and the root to it; signed, if the server's key is at hand. Nothing happens to a file
/// without chunks or announcement.
pub fn announce(file: &mut File, leaf: [u8; 32], server: Option<&dyn Identity>) {
    let game = &GAMES[0];
    if ![ALL, ANNOUNCEMENT].iter().all(|tag| file.parts.iter().any(|(own, _)| own == tag)) {
        return;
    }
    let chunks = file.bytes(ALL);
    if let Some(place) = chunks.len().checked_sub(32) {
        chunks[place..].copy_from_slice(&leaf);
    }
    let (len, chunk_len) = (game.session.vector_len().to_le_bytes(), game.session.chunk_len().to_le_bytes());
    *file.body(ANNOUNCEMENT) = hash("root", &[&len, &chunk_len, &leaf]).to_vec();
    let prev = Raw::parse(message(game, ANNOUNCEMENT, 10)).prev;
    if let Some(server) = server {
        file.resign(&game.session, ANNOUNCEMENT, prev, server);
    }
}

/// `veilsum::message::Body::body` of the announcement in a file: the root of the sum.
pub fn sum_root(game: &Recorded) -> [u8; 32] {
    let announcement = Raw::parse(message(game, ANNOUNCEMENT, 10));
    veilsum::message::Announcement::decode(ClientId(10), &announcement.body, &[]).expect("recorded").sum_root.0
}
