//! Nobody is blamed for what nobody signed, and what a client signed is judged in the order of section 6.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/forge.rs"]
mod forge;

use common::{World, until_inputs};
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, InputError, RoundError, ServerFault, Session,
    message::{Advert, Adverts, Agreement, Body, Bytes, Entry, EntryBody, Message, RevealedShare, Survivors},
    secagg::{
        Outbox,
        server::{CollectingAdverts, CollectingInputs},
        upload::MemorySpool,
    },
};

fn world() -> (World, Session) {
    let world = World::new(5, 21);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(2).build().unwrap();
    (world, session)
}

#[test]
fn an_upload_under_an_id_that_can_not_send_one_blames_nobody() {
    let (mut world, session) = world();
    let mut server = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    // Client 50 advertises and does not deal.
    let joined: Vec<_> = world.ids().into_iter().map(|id| (id, world.join(&session, id))).collect();
    joined.iter().for_each(|(_, (_, advert))| drop(server.receive(advert).unwrap()));
    let (mut server, adverts) = server.close().unwrap();
    for (id, (state, _)) in joined.into_iter().take(4) {
        let (_, shares) = state.receive(&adverts.message_for(id).unwrap(), &mut world.rng).unwrap();
        server.receive(&shares).unwrap();
    }
    let (server, _) = server.close().unwrap();
    let refused = |server: &CollectingInputs, id| server.upload(ClientId(id), MemorySpool::default()).map(|_| ()).unwrap_err();
    for (id, expected) in [(7, Error::from(InputError::NotInRoster(ClientId(7)))), (50, RoundError::Late(ClientId(50)).into())] {
        assert_eq!(refused(&server, id), expected);
        assert_eq!(expected.culprit(), None);
    }
    assert!(server.upload(ClientId(40), MemorySpool::default()).is_ok());
}

#[test]
fn an_advert_of_two_equal_keys_is_its_clients_fault() {
    let (mut world, session) = world();
    let mut server = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    let (id, identity) = (ClientId(10), world.clients[&ClientId(10)].clone());
    let (_, advert) = world.join(&session, id);
    let equal = forge::alter_body::<Advert>(&advert, &*identity, |advert| advert.mask_key = advert.channel_key);
    let error = server.receive(&equal).unwrap_err();
    assert_eq!(error, Error::Client { culprit: id, fault: ClientFault::Malformed(DecodeError::KemKey) });
    assert_eq!(error.code(), 301);
    assert!(server.receive(&advert).unwrap().fresh, "nothing has changed");
}

/// Types that are no client's, and types that are no server's; undefined ones on either side of the boundary included.
const NO_CLIENTS: [u8; 9] = [0x00, 0x05, 0x08, 0x0f, 0x10, 0x11, 0x13, 0x18, 0xff];
const NO_SERVERS: [u8; 9] = [0x00, 0x01, 0x03, 0x05, 0x07, 0x10, 0x13, 0x17, 0xff];

#[test]
fn a_type_that_no_client_sends_is_unexpected_in_every_round() {
    let (mut world, session) = world();
    let id = ClientId(10);
    let (client, host) = (world.clients[&id].clone(), world.server.clone());
    let message = |kind: u8| {
        let mut raw = forge::Raw::new(&session, kind, id, session.id().0);
        if kind < 0x11 { raw.sign(&*client) } else { raw.sign(&*host) }
    };
    let mut server = CollectingAdverts::new(&session, host.clone()).unwrap();
    for got in NO_CLIENTS {
        let unexpected = DecodeError::UnexpectedType { expected: forge::ADVERT, got };
        assert_eq!(server.receive(&message(got)), Err(unexpected.into()), "{got:#04x}");
    }
    let mut server = until_inputs(&mut world, &session).server;
    for got in NO_CLIENTS {
        let unexpected = DecodeError::UnexpectedType { expected: forge::MASKED_INPUT, got };
        assert_eq!(server.receive(&message(got)), Err(unexpected.into()), "{got:#04x}");
    }
}

#[test]
fn a_type_that_no_server_sends_is_unexpected_for_a_client() {
    let (mut world, session) = world();
    let id = ClientId(10);
    let (client, host) = (world.clients[&id].clone(), world.server.clone());
    let (mut state, _) = world.join(&session, id);
    for got in NO_SERVERS {
        let mut raw = forge::Raw::new(&session, got, id, session.id().0);
        let bytes = if got < 0x11 { raw.sign(&*client) } else { raw.sign(&*host) };
        let failure = state.receive(&bytes, &mut world.rng).unwrap_err();
        assert_eq!(failure.error, DecodeError::UnexpectedType { expected: forge::ADVERTS, got }.into());
        state = *failure.state.expect("nothing has changed");
    }
}

/// An outbox's message for a client, with one entry signed again as if its message had had an attachment.
fn with_attachment<M: Body, E: EntryBody>(
    (world, session): (&World, &Session),
    outbox: &Outbox,
    to: ClientId,
    entries: impl FnOnce(&mut M) -> &mut Vec<Entry<E>>,
) -> (ClientId, Vec<u8>) {
    let mut message = Message::<M>::decode(&outbox.message_for(to).unwrap()).unwrap();
    let entry = entries(&mut message.body).last_mut().unwrap();
    entry.attachment_hash = Bytes(forge::hash("attachment", &[b"x"]));
    forge::sign_entry(session, entry, &*world.clients[&entry.client]);
    (entry.client, forge::resign(&message, &*world.server))
}

#[test]
fn a_forwarded_entry_whose_message_had_an_attachment_is_one_that_an_honest_server_refuses() {
    let (mut world, session) = world();
    let me = ClientId(10);
    let refused = |client| Error::from(ServerFault::EntryContents(client, ClientFault::Malformed(DecodeError::Trailing)));
    let mut server = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    let mut states: Vec<_> = Vec::new();
    for id in world.ids() {
        let (state, advert) = world.join(&session, id);
        server.receive(&advert).unwrap();
        states.push(state);
    }
    let (_, adverts) = server.close().unwrap();
    let (client, message) = with_attachment((&world, &session), &adverts, me, |body: &mut Adverts| &mut body.entries);
    let failure = states.remove(0).receive(&message, &mut world.rng).unwrap_err();
    assert_eq!((failure.error, failure.state.is_none()), (refused(client), true));

    let common::Round2 { mut server, clients, .. } = until_inputs(&mut world, &session);
    let mut sent = Vec::new();
    for (id, state) in clients {
        let (state, wire, header) = common::mask_in_pieces(state, &session, &[1, 2, 3], &common::Feed::default());
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        upload.write(&wire).unwrap();
        server.accept(&mut upload, &header).unwrap();
        sent.push(state);
    }
    let (mut server, survivors) = server.close().unwrap();
    let (client, message) = with_attachment((&world, &session), &survivors, me, |body: &mut Survivors| &mut body.entries);
    let mut sent = sent.into_iter();
    let failure = sent.next().unwrap().receive(&message).unwrap_err();
    assert_eq!((failure.error, failure.state.is_none()), (refused(client), true));

    let mut agreed = Vec::new();
    for (id, state) in world.ids().into_iter().skip(1).zip(sent) {
        let (state, consistency) = state.receive(&survivors.message_for(id).unwrap()).unwrap();
        server.receive(&consistency).unwrap();
        agreed.push((id, state));
    }
    let (_, agreement) = server.close().unwrap();
    let (to, state) = agreed.remove(0);
    let (client, message) = with_attachment((&world, &session), &agreement, to, |body: &mut Agreement| &mut body.entries);
    let failure = state.receive(&message).unwrap_err();
    assert_eq!((failure.error, failure.state.is_none()), (refused(client), true));
}

#[test]
fn a_revealed_share_is_not_printed() {
    let share = RevealedShare { owner: ClientId(7), share: Bytes([0xab; 32]), blinding: Bytes([0xcd; 32]) };
    let printed = format!("{share:?}");
    assert!(printed.contains("ClientId(7)"), "{printed}");
    assert!(!printed.contains("ab") && !printed.contains("cd"), "{printed}");
}

#[test]
fn a_descriptor_tells_its_attempt_and_its_predecessor() {
    let world = World::new(3, 1);
    let session = world.builder(3, 20).attempt([4; 16]).previous([5; 32]).build().unwrap();
    assert_eq!((session.attempt(), session.previous()), (&[4; 16], &[5; 32]));
    let again = Session::decode(&session.encode()).unwrap();
    assert_eq!((again.attempt(), again.previous()), (&[4; 16], &[5; 32]));
}
