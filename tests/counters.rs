//! What the server says it has done, against the messages that went to and fro.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeMap;

use common::{Feed, Round2, World, agree_and_reveal, mask_in_pieces, masking::over_both_maskings, until_inputs};
use veilsum::{
    ClientFault, ClientId, Error, Masking,
    secagg::{Counters, server::CollectingAdverts, upload::MemorySpool},
};

over_both_maskings! { a_session_is_counted_as_it_went }

const CLIENTS: usize = 5;
const DROPPED: ClientId = ClientId(20);

fn total(messages: &[Vec<u8>]) -> u64 {
    messages.iter().map(|message| message.len() as u64).sum()
}

fn a_session_is_counted_as_it_went(masking: Masking) {
    let mut world = World::masked(CLIENTS as u64, 31, masking);
    let session = world.builder(70, 20).build().unwrap();
    let inputs = world.inputs(&session);
    let Round2 { mut server, clients, messages } = until_inputs(&mut world, &session);
    let (from_clients, from_server) = messages.split_at(2 * CLIENTS);
    let (mut from_clients, mut from_server) = (from_clients.to_vec(), from_server.to_vec());
    let (mut sent, mut uploaded) = (BTreeMap::new(), 0);
    for (id, state) in clients.into_iter().filter(|(id, _)| *id != DROPPED) {
        let (state, wire, header) = mask_in_pieces(state, &session, &inputs[&id], &Feed::default());
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        upload.write(&wire).unwrap();
        server.accept(&mut upload, &header).unwrap();
        uploaded += wire.len() as u64;
        from_clients.push(header);
        sent.insert(id, state);
    }
    let survivors = sent.len();
    assert_eq!(survivors, CLIENTS - 1);
    let mut messages = Vec::new();
    let (mut sum, _) = agree_and_reveal(server, sent, &mut messages);
    from_clients.extend_from_slice(&messages[..2 * survivors]);
    from_server.extend_from_slice(&messages[2 * survivors..]);

    let counters = sum.counters();
    let (n, m) = (CLIENTS as u64, survivors as u64);
    assert_eq!((counters.messages_accepted, counters.signatures_verified), (2 * n + 3 * m, 2 * n + 3 * m));
    assert_eq!((from_clients.len() as u64, counters.bytes_received), (2 * n + 3 * m, total(&from_clients)));
    assert_eq!(
        (counters.signatures_made, counters.bytes_sent),
        (3 * n + m, total(&from_server)),
        "Survivors go to all that dealt"
    );
    assert_eq!(counters.upload_bytes, uploaded);
    assert_eq!(counters.points_decoded, n * 2 * u64::from(session.threshold()), "two dealings of a client, of t points");
    assert_eq!((counters.secrets_recovered, counters.mask_streams), (n, m + m), "a pair mask with each survivor, and their own");

    let (announced, h4) = sum.announce().unwrap();
    let bytes: u64 = announced.messages().map(|(_, message)| message.len() as u64).sum();
    assert_eq!((sum.counters().signatures_made, sum.counters().bytes_sent), (3 * n + 2 * m, total(&from_server) + bytes));
    assert_eq!(sum.announce().unwrap().1, h4, "announced again, as it was");
}

#[test]
fn repeats_and_refusals_are_counted_where_they_are_paid_for() {
    let mut world = World::new(3, 32);
    let session = world.builder(70, 20).build().unwrap();
    let mut server = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    let (_, advert) = world.join(&session, ClientId(10));
    let (_, other) = world.join(&session, ClientId(10));
    let len = advert.len() as u64;
    let counted = |counters: Counters| (counters.messages_accepted, counters.signatures_verified, counters.bytes_received);
    assert_eq!(counted(server.receive(&advert).unwrap().counters), (1, 1, len));
    assert_eq!(counted(server.receive(&advert).unwrap().counters), (1, 2, 2 * len), "a repeat");
    assert_eq!(server.receive(&other).unwrap_err(), Error::Client { culprit: ClientId(10), fault: ClientFault::Equivocation });
    server.receive(&other[1..]).unwrap_err();
    let (_, last) = world.join(&session, ClientId(20));
    let bytes = 3 * len + (len - 1) + last.len() as u64;
    assert_eq!(counted(server.receive(&last).unwrap().counters), (2, 4, bytes), "an equivocation, and bytes of nobody");
}
