//! What comes at an unexpected moment, or together with something worse: section 15 holds while a client masks and after its end, and of
//! several reasons to stop the strongest counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/rogue.rs"]
mod rogue;

use common::{Feed, World, mask_in_pieces, masking::over_both_maskings};
use drill::{Drill, Per};
use rand::{SeedableRng, rngs::StdRng};
use rogue::Rogue;
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, InputError, Masking, RoundError, ServerFault, Session,
    driver::{Client, ClientStep, Server, ServerStep},
    message::{Delivery, MaskedInput, Message, Package, Survivors},
    secagg::{
        Failure, Outbox,
        client::{AwaitingAdverts, AwaitingDelivery, MaskingInput},
        complaint::judge,
        server::{CollectingAdverts, CollectingInputs},
        upload::MemorySpool,
    },
};

over_both_maskings! {
    a_client_that_masks_ignores_repeats_and_what_is_not_for_it,
    another_delivery_ends_a_client_that_masks,
    a_message_of_an_earlier_round_is_late_whichever_it_is,
    an_input_without_an_upload_of_a_client_that_never_dealt_names_that_client,
    survivors_that_come_before_the_input_end_a_client_that_then_releases_nothing,
    survivors_that_list_a_client_that_sent_no_header_name_the_server,
    survivors_are_checked_before_they_excuse_a_client_that_masks,
    the_driver_ends_a_client_that_is_outrun_and_ignores_repeats_until_then,
    a_driven_client_that_is_done_still_tells_repeats_from_equivocation,
}

/// The client that has not given its input yet.
const SLOW: ClientId = ClientId(20);

fn world(masking: Masking, seed: u64) -> (World, Session) {
    let world = World::masked(5, seed, masking);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(2).build().unwrap();
    (world, session)
}

/// Round 2, with the deliveries still at hand.
fn delivered(world: &mut World, session: &Session) -> (CollectingInputs, Per<MaskingInput>, Outbox) {
    let ids = world.ids();
    delivered_to(world, session, &ids)
}

fn delivered_to(world: &mut World, session: &Session, ids: &[ClientId]) -> (CollectingInputs, Per<MaskingInput>, Outbox) {
    let mut hook = |_: &mut drill::Door<'_>| {};
    let mut drill = Drill::new(world, session, &mut hook);
    let (server, states) = drill.advertise(ids);
    let (server, states) = drill.share(server, states, |_| panic!("no rogues"));
    let (server, outbox) = server.close().unwrap();
    let receive = |(id, state): (ClientId, AwaitingDelivery)| {
        (id, state.receive(&outbox.message_for(id).unwrap(), &mut world.rng).unwrap())
    };
    (server, states.into_iter().map(receive).collect(), outbox)
}

/// Everybody but the slow client gives its input; the slow one, and the survivors without it.
fn outrun(world: &mut World, session: &Session) -> (MaskingInput, Outbox, Vec<u8>) {
    let (mut server, mut states, deliveries) = delivered(world, session);
    let slow = states.remove(&SLOW).unwrap();
    for (id, state) in states {
        let (_, wire, header) = mask_in_pieces(state, session, &[1, 2, 3], &Feed::default());
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        upload.write(&wire).unwrap();
        server.accept(&mut upload, &header).unwrap();
    }
    let (_, survivors) = server.close().unwrap();
    (slow, survivors, deliveries.message_for(SLOW).unwrap())
}

/// Of five clients one is late with its advert and one with its shares; in another session one with its input and one with its
/// consistency.
fn a_message_of_an_earlier_round_is_late_whichever_it_is(masking: Masking) {
    let (mut world, session) = world(masking, 11);
    let ids = world.ids();
    let late = |id: ClientId| Error::from(RoundError::Late(id));
    let mut adverts = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    let mut joined: Per<_> = ids.iter().map(|id| (*id, world.join(&session, *id))).collect();
    let (_, advert) = joined.remove(&ids[0]).unwrap();
    joined.values().for_each(|(_, advert)| assert!(adverts.receive(advert).unwrap().fresh));
    let (mut shares, outbox) = adverts.close().unwrap();
    assert_eq!(shares.receive(&advert).unwrap_err(), late(ids[0]));
    let mut share = |(id, (state, _)): (ClientId, (AwaitingAdverts, Vec<u8>))| {
        (id, state.receive(&outbox.message_for(id).unwrap(), &mut world.rng).unwrap().1)
    };
    let mut dealt: Per<_> = joined.into_iter().map(&mut share).collect();
    let dealing = dealt.remove(&ids[1]).unwrap();
    dealt.values().for_each(|message| assert!(shares.receive(message).unwrap().fresh));
    let (mut inputs, _) = shares.close().unwrap();
    assert_eq!(inputs.receive(&dealing).unwrap_err(), late(ids[1]));

    let (mut server, states, _) = delivered(&mut world, &session);
    let mut sent = Vec::new();
    for (id, state) in states {
        let (state, wire, header) = mask_in_pieces(state, &session, &[1, 2, 3], &Feed::default());
        sent.push((id, state, header));
        let (_, _, header) = sent.last().unwrap();
        if id != ids[0] {
            let mut upload = server.upload(id, MemorySpool::default()).unwrap();
            upload.write(&wire).unwrap();
            server.accept(&mut upload, header).unwrap();
        }
    }
    let (mut consistency, outbox) = server.close().unwrap();
    let (id, _, header) = sent.remove(0);
    assert_eq!(consistency.receive(&header).unwrap_err(), late(id));
    let mut agreed: Vec<_> =
        sent.into_iter().map(|(id, state, _)| (id, state.receive(&outbox.message_for(id).unwrap()).unwrap().1)).collect();
    let (id, last) = agreed.pop().unwrap();
    agreed.iter().for_each(|(_, message)| assert!(consistency.receive(message).unwrap().fresh));
    let (mut reveals, _) = consistency.close().unwrap();
    assert_eq!(reveals.receive(&last).unwrap_err(), late(id));
}

fn an_input_without_an_upload_of_a_client_that_never_dealt_names_that_client(masking: Masking) {
    let (mut world, session) = world(masking, 12);
    let ids = world.ids();
    let (mut server, mut states, _) = delivered_to(&mut world, &session, &ids[..4]);
    let (_, _, header) = mask_in_pieces(states.remove(&ids[0]).unwrap(), &session, &[1, 2, 3], &Feed::default());
    let stranger = forge::alter(&header, &*world.clients[&ids[4]], |raw| raw.client = ids[4]);
    let fault = Error::Client { culprit: ids[4], fault: ClientFault::NotInRound };
    assert_eq!(server.receive(&stranger).unwrap_err(), fault);
    assert_eq!(server.receive(&header).unwrap_err(), RoundError::UploadMismatch(ids[0]).into());
}

fn kept(failure: Failure<MaskingInput>, expected: impl Into<Error>) -> MaskingInput {
    assert_eq!(failure.error, expected.into());
    *failure.state.expect("nothing has changed")
}

fn ended(failure: &Failure<MaskingInput>, expected: impl Into<Error>) {
    assert_eq!(failure.error, expected.into());
    assert!(failure.state.is_none());
}

fn a_client_that_masks_ignores_repeats_and_what_is_not_for_it(masking: Masking) {
    let (mut world, session) = world(masking, 41);
    let (state, survivors, delivery) = outrun(&mut world, &session);
    let state = kept(state.receive(&delivery), RoundError::Repeat);
    let state = kept(state.receive(&[]), DecodeError::Truncated);
    let state = kept(state.receive(&survivors.message_for(ClientId(10)).unwrap()), DecodeError::Recipient);
    let later = forge::Raw::new(&session, forge::AGREEMENT, SLOW, [0; 32]).sign(&*world.server);
    let unexpected = DecodeError::UnexpectedType { expected: forge::SURVIVORS, got: forge::AGREEMENT };
    let state = kept(state.receive(&later), unexpected);
    assert_eq!(state.remaining(), 3);
}

fn another_delivery_ends_a_client_that_masks(masking: Masking) {
    let (mut world, session) = world(masking, 42);
    let (state, _, delivery) = outrun(&mut world, &session);
    let other = forge::alter(&delivery, &*world.server, |raw| raw.prev[0] ^= 1);
    ended(&state.receive(&other), ServerFault::Equivocation);
}

fn survivors_that_come_before_the_input_end_a_client_that_then_releases_nothing(masking: Masking) {
    let (mut world, session) = world(masking, 43);
    let (state, survivors, _) = outrun(&mut world, &session);
    ended(&state.receive(&survivors.message_for(SLOW).unwrap()), RoundError::NotIncluded);
}

fn survivors_that_list_a_client_that_sent_no_header_name_the_server(masking: Masking) {
    let (mut world, session) = world(masking, 44);
    let (state, survivors, _) = outrun(&mut world, &session);
    let message = survivors.message_for(SLOW).unwrap();
    let listed = forge::alter_body::<Survivors>(&message, &*world.server, |body| {
        body.bitmap[0] |= 2;
        let forged = veilsum::message::Entry { client: SLOW, ..body.entries[0].clone() };
        body.entries.insert(1, forged);
    });
    ended(&state.receive(&listed), ServerFault::OwnEntry);
}

/// A change to a list of survivors.
type Change = fn(&mut Message<Survivors>, &World, &Session);

fn survivors_are_checked_before_they_excuse_a_client_that_masks(masking: Masking) {
    let (mut world, session) = world(masking, 45);
    let everybody_else = ClientId(50);
    let cases: [(Change, Error); 3] = [
        (|m, _, _| m.prev.0[0] ^= 1, ServerFault::WrongTranscript.into()),
        (|m, _, _| m.body.bitmap[0] |= 2, ServerFault::Malformed(DecodeError::Count).into()),
        (
            |m, world, session| {
                let entry = m.body.entries.last_mut().unwrap();
                entry.body = MaskedInput { vector_len: 4, ..entry.body.clone() };
                forge::sign_entry(session, entry, &*world.clients[&entry.client]);
            },
            ServerFault::EntryContents(everybody_else, ClientFault::WrongDimensions).into(),
        ),
    ];
    for (change, expected) in cases {
        let (state, survivors, _) = outrun(&mut world, &session);
        let mut message = Message::<Survivors>::decode(&survivors.message_for(SLOW).unwrap()).unwrap();
        change(&mut message, &world, &session);
        ended(&state.receive(&forge::resign(&message, &*world.server)), expected);
    }
}

/// A whole session through the driver. Gives `heard` the slow client and all that it was sent: at the end, or, if it is slow, when the
/// survivors are known before its input.
fn drive(masking: Masking, seed: u64, slow: bool, mut heard: impl FnMut(&World, &mut Client, &[Vec<u8>])) {
    let (mut world, session) = world(masking, seed);
    let mut server = Server::new(&session, world.server.clone()).unwrap();
    let (mut clients, mut past) = (Vec::new(), Vec::new());
    for id in world.ids() {
        let (client, advert) = Client::join(&session, id, world.clients[&id].clone(), &mut world.rng).unwrap();
        server.receive(&advert).unwrap();
        clients.push((id, client));
    }
    while let ServerStep::Send(outbox) = server.close().unwrap() {
        for (id, client) in &mut clients {
            let Some(message) = outbox.message_for(*id) else { continue };
            if *id == SLOW && client.awaits_input() {
                past.push(message);
                return heard(&world, client, &past);
            }
            match client.receive(&message, &mut world.rng).unwrap() {
                ClientStep::Send(answer) | ClientStep::Done(answer, _) => drop(server.receive(&answer).unwrap()),
                ClientStep::GiveInput if !(slow && *id == SLOW) => {
                    let mut upload = server.upload(*id, MemorySpool::default()).unwrap();
                    let mut wire = Vec::new();
                    client.mask(&[1_u32, 2, 3], &mut wire).unwrap();
                    upload.write(&wire).unwrap();
                    server.accept(&mut upload, &client.finish().unwrap()).unwrap();
                }
                _ => {}
            }
            if *id == SLOW {
                past.push(message);
            }
        }
    }
    let client = clients.into_iter().find(|(id, _)| *id == SLOW);
    heard(&world, &mut client.unwrap().1, &past);
}

fn the_driver_ends_a_client_that_is_outrun_and_ignores_repeats_until_then(masking: Masking) {
    drive(masking, 46, true, |_, client, past| {
        let rng = &mut StdRng::seed_from_u64(1);
        for repeat in &past[..2] {
            assert!(matches!(client.receive(repeat, rng), Ok(ClientStep::Ignored)));
        }
        assert!(client.awaits_input() && !client.ended());
        let failure = client.receive(&past[2], rng).unwrap_err();
        assert_eq!((failure.error, failure.ended), (RoundError::NotIncluded.into(), true));
        assert!(client.ended() && client.finish().is_err());
        assert_eq!(client.mask(&[1_u32], &mut Vec::new()), Err(InputError::WrongState.into()));
    });
}

fn a_driven_client_that_is_done_still_tells_repeats_from_equivocation(masking: Masking) {
    drive(masking, 47, false, |world, client, past| {
        let rng = &mut StdRng::seed_from_u64(1);
        assert_eq!(past.len(), 4);
        assert!(client.ended());
        for repeat in past {
            assert!(matches!(client.receive(repeat, rng), Ok(ClientStep::Ignored)));
            let other = forge::alter(repeat, &*world.server, |raw| raw.prev[0] ^= 1);
            let failure = client.receive(&other, rng).unwrap_err();
            assert_eq!((failure.error, failure.ended), (ServerFault::Equivocation.into(), true));
        }
        let announcement = forge::alter(&past[3], &*world.server, |raw| raw.kind = forge::ANNOUNCEMENT);
        let failure = client.receive(&announcement, rng).unwrap_err();
        assert_eq!((failure.error, failure.ended), (InputError::WrongState.into(), true), "it is for the sum check");
        assert!(client.ended());
    });
}

/// Packages of which the one for the victim is under another key commitment.
fn under_another_key(rogue: &Rogue, victim: ClientId) -> Vec<Package> {
    rogue.packages(|parcel| parcel.commitment[0] ^= u8::from(parcel.holder == victim))
}

/// Packages of which the one for the victim holds a wrong share.
fn with_a_wrong_share(rogue: &Rogue, victim: ClientId) -> Vec<Package> {
    rogue.packages(|parcel| parcel.contents[0] ^= u8::from(parcel.holder == victim))
}

/// What a victim makes of what two rogues dealt to it.
fn open_dealings(deal: impl Fn(&Rogue) -> Vec<Package>, change: impl Fn(&mut Delivery)) -> (Session, Failure<AwaitingDelivery>) {
    let (mut world, session) = world(Masking::Pairwise, 48);
    let ids = world.ids();
    let mut hook = |_: &mut drill::Door<'_>| {};
    let mut drill = Drill::new(&mut world, &session, &mut hook);
    for id in [10, 40] {
        drill.add_rogue(ClientId(id));
    }
    let (server, states) = drill.advertise(&ids);
    let (server, mut states) = drill.share(server, states, |rogue| rogue.shares(deal(rogue)));
    let (_, outbox) = server.close().unwrap();
    let message = outbox.message_for(VICTIM).unwrap();
    let message = forge::alter_body::<Delivery>(&message, &*world.server, change);
    let failure = states.remove(&VICTIM).unwrap().receive(&message, &mut world.rng).unwrap_err();
    assert!(failure.state.is_none());
    (session, failure)
}

const VICTIM: ClientId = ClientId(30);

#[test]
fn a_wrong_key_commitment_does_not_hide_a_bad_dealing_of_another() {
    for first_is_unopenable in [true, false] {
        let deal = |rogue: &Rogue| {
            let unopenable = (rogue.id == ClientId(10)) == first_is_unopenable;
            if unopenable { under_another_key(rogue, VICTIM) } else { with_a_wrong_share(rogue, VICTIM) }
        };
        let (session, failure) = open_dealings(deal, |_| {});
        let bad = ClientId(if first_is_unopenable { 40 } else { 10 });
        assert_eq!(failure.error, Error::Client { culprit: bad, fault: ClientFault::BadDealing });
        let verdict = judge(&session, &failure.complaint.unwrap()).unwrap();
        assert_eq!((verdict.culprit, verdict.fault), (bad, ClientFault::BadDealing));
    }
}

#[test]
fn of_two_packages_that_can_not_be_opened_the_first_is_disputed() {
    let (_, failure) = open_dealings(|rogue| under_another_key(rogue, VICTIM), |_| {});
    assert_eq!(failure.error, RoundError::Unopenable(ClientId(10)).into());
    assert!(failure.complaint.is_none());
}

#[test]
fn what_the_server_did_counts_before_what_a_dealer_did() {
    let tamper = |delivery: &mut Delivery| delivery.packages.last_mut().unwrap().sealed.0[0] ^= 1;
    let (_, failure) = open_dealings(|rogue| with_a_wrong_share(rogue, VICTIM), tamper);
    assert_eq!(failure.error, ServerFault::PackageMismatch(ClientId(50)).into());
    assert!(failure.complaint.is_none(), "nothing is disclosed");
}

#[test]
fn deliveries_are_put_together_only_when_they_are_asked_for() {
    let mut world = World::new(12, 49);
    let session = world.builder(3, 20).build().unwrap();
    let ids = world.ids();
    let mut hook = |_: &mut drill::Door<'_>| {};
    let mut drill = Drill::new(&mut world, &session, &mut hook);
    let (server, states) = drill.advertise(&ids);
    let (server, _) = drill.share(server, states, |_| panic!("no rogues"));
    let mut closed = None;
    let memory = allocation_counter::measure(|| closed = Some(server.close().unwrap()));
    let (_server, outbox) = closed.unwrap();
    let messages: Vec<_> = outbox.messages().collect();
    let packages: usize = messages.iter().map(|(_, message)| forge::Raw::parse(message).attachment.len()).sum();
    assert!(memory.bytes_current < i64::try_from(packages / 2).unwrap(), "{memory:?}, packages {packages}");
    assert_eq!(messages.iter().map(|(_, message)| message.len() as u64).sum::<u64>(), outbox.total_bytes());
    for (id, message) in &messages {
        assert_eq!(outbox.message_for(*id).as_ref(), Some(message), "the same bytes each time");
    }
}
