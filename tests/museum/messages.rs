//! Messages: who sent them, what they are bound to, and how they are read.

use curve25519_dalek::Scalar;
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Identity, ServerFault, Session, SigningIdentity,
    dp::FixedPoint,
    hazmat::Keystreams,
    message::{
        Advert, Adverts, Agreement, Announcement, Complaint, Consistency, Delivery, MaskedInput, Message, Reveal, Shares,
        Survivors,
    },
};

use crate::{
    common::World,
    drill::{Door, Drill},
    evil::STAGES,
    for_each_message_type,
    forge::{
        ADVERT, ADVERTS, AGREEMENT, ANNOUNCEMENT, CONSISTENCY, DELIVERY, MASKED_INPUT, REVEAL, Raw, SHARES, SURVIVORS, alter,
        alter_body, extend,
    },
    tools::{Driven, SCENE, Watched, watch},
    villain::{Dealt, deal_badly, named, others},
};

const CLIENT_TYPES: [u8; 5] = [ADVERT, SHARES, MASKED_INPUT, CONSISTENCY, REVEAL];
const SERVER_TYPES: [u8; 5] = [ADVERTS, DELIVERY, SURVIVORS, AGREEMENT, ANNOUNCEMENT];

/// The identities of a world.
struct Keys {
    clients: std::collections::BTreeMap<ClientId, std::sync::Arc<SigningIdentity>>,
    server: std::sync::Arc<SigningIdentity>,
}

impl Keys {
    /// Who sent the message of a door.
    fn sender(&self, door: &Door<'_>) -> &SigningIdentity {
        if CLIENT_TYPES.contains(&door.kind()) { &self.clients[&door.client] } else { &self.server }
    }

    fn other(&self, id: ClientId) -> ClientId {
        self.clients.keys().copied().find(|other| *other != id).unwrap()
    }
}

/// A whole session of three with a hook at every door but the last, and how many doors there were.
fn at_every_door(mut hook: impl FnMut(&Keys, &mut Door<'_>)) {
    let mut world = World::new(3, 1);
    let keys = Keys { clients: world.clients.clone(), server: world.server.clone() };
    let session = world.builder(70, 20).build().unwrap();
    let (inputs, ids, mut doors) = (world.inputs(&session), world.ids(), 0);
    let mut at_door = |door: &mut Door<'_>| {
        if door.kind() != ANNOUNCEMENT {
            hook(&keys, door);
            doors += 1;
        }
    };
    Drill::new(&mut world, &session, &mut at_door).play(&inputs, &ids);
    assert_eq!(doors, 3 * (2 * 5 + 4), "five messages of every client, before and after, and four to it");
}

/// xoloki/wsts#66, audit CR-01: inbound messages were not authenticated. Lesson: a message without its sender's signature is not
/// heard, in any state.
#[test]
fn a_message_without_its_senders_signature_is_not_heard() {
    at_every_door(|keys, door| {
        let mut unsigned = Raw::parse(door.message);
        unsigned.signature = [0; 64];
        door.refuses(&unsigned.encode(), DecodeError::Signature);
        let another = if CLIENT_TYPES.contains(&door.kind()) { &keys.server } else { &keys.clients[&door.client] };
        door.refuses(&alter(door.message, &**another, |_| {}), DecodeError::Signature);
    });
}

/// xoloki/wsts#67, audit CR-02: functions were open to parties that had no part in them. Lesson: what only the server may say no
/// client can say, and who is not in the round is not heard in it.
#[test]
fn a_member_can_not_say_what_only_the_server_may() {
    at_every_door(|keys, door| {
        for kind in SERVER_TYPES {
            let message = alter(door.message, &*keys.clients[&door.client], |raw| raw.kind = kind);
            door.refuses(&message, DecodeError::Signature);
        }
    });
    let mut world = World::new(5, 1);
    let session = world.builder(3, 20).build().unwrap();
    let (ids, clients) = (world.ids(), world.clients.clone());
    let outsider = ids[4];
    let mut refused = 0;
    let mut hook = |door: &mut Door<'_>| {
        if door.kind() == SHARES {
            let own = alter(door.message, &*clients[&outsider], |raw| raw.client = outsider);
            door.refuses(&own, named(outsider, ClientFault::NotInRound));
            refused += 1;
        }
    };
    let inputs = world.inputs(&session);
    Drill::new(&mut world, &session, &mut hook).play(&inputs, &others(&ids, outsider));
    assert_eq!(refused, 8);
}

/// xoloki/wsts#215: the id of a key generation was not compared with the running one. Lesson: a message of another session is refused
/// at every door, whoever signed it.
#[test]
fn a_message_of_another_session_is_refused_at_every_door() {
    at_every_door(|keys, door| {
        let other = alter(door.message, keys.sender(door), |raw| raw.session[31] ^= 1);
        door.refuses(&other, DecodeError::Session);
    });
}

/// Axelar tofnd#60: the sender was taken from a field inside the message. Lesson: the sender is who signed, and not who is named.
#[test]
fn the_sender_is_who_signed_and_not_who_is_named() {
    at_every_door(|keys, door| {
        if CLIENT_TYPES.contains(&door.kind()) {
            let named = alter(door.message, keys.sender(door), |raw| raw.client = keys.other(raw.client));
            door.refuses(&named, DecodeError::Signature);
        }
    });
    // A package under the name of another dealer does not match what that dealer signed.
    let mut world = World::new(4, 1);
    let session = world.builder(3, 20).build().unwrap();
    let (ids, server) = (world.ids(), world.server.clone());
    let mut dealt = Dealt::new(&mut world, &session, &[], |_| panic!("nobody deals badly"));
    let message = alter_body::<Delivery>(&dealt.outbox.message_for(ids[3]).unwrap(), &*server, |delivery| {
        delivery.packages.swap(0, 1);
        (delivery.packages[0].peer, delivery.packages[1].peer) = (ids[0], ids[1]);
    });
    let failure = dealt.clients.remove(&ids[3]).unwrap().receive(&message, &mut world.rng).unwrap_err();
    assert_eq!(failure.error, ServerFault::PackageMismatch(ids[0]).into());
}

/// tss-lib PR#233: values were joined with a delimiter that could be in them, and hashed alike. Lesson: the border between two
/// fields can not be moved without changing what is signed.
#[test]
fn no_border_between_two_fields_can_be_moved() {
    let mut moved = 0;
    at_every_door(|_, door| {
        let mut raw = Raw::parse(door.message);
        if let Some(byte) = raw.body.pop() {
            raw.attachment.insert(0, byte);
            door.refuses(&raw.encode(), DecodeError::Signature);
            moved += 1;
        }
    });
    assert!(moved > 30);
    let (world, mut ids) = (World::new(3, 1), std::collections::BTreeSet::new());
    let encodings: [&[u8]; 6] = [b"", b"$", b"$$", b"a$b", &[0], &[0, 0]];
    for encoding in encodings {
        let session = world.builder(3, 20).encoding(encoding).build().unwrap();
        assert_eq!(Session::decode(&session.encode()).unwrap().encoding(), encoding);
        ids.insert(session.id());
    }
    assert_eq!(ids.len(), 6);
}

/// snow RUSTSEC-2024-0011: a message that was not authentic advanced the nonce, and the session broke. Lesson: a refused message uses nothing
/// up: no state, no randomness.
#[test]
fn a_refused_message_uses_nothing_up() {
    for id in SCENE.ids() {
        let mut driven = Driven::join(id);
        for kind in STAGES {
            let genuine = &SCENE.sent[&(id, kind)];
            let other = SCENE.ids().into_iter().find(|other| *other != id).unwrap();
            let mut flipped = genuine.clone();
            *flipped.last_mut().unwrap() ^= 1;
            for junk in [Vec::new(), vec![0; 300], flipped, genuine[..90].to_vec(), SCENE.sent[&(other, kind)].clone()] {
                let failure = driven.client.receive(&junk, &mut driven.rng).unwrap_err();
                assert!(!failure.ended && failure.error.culprit().is_none());
            }
            // To the byte what it answered when nothing disturbed it.
            assert_eq!(driven.step(kind), SCENE.answers[&(id, kind)], "{id}");
        }
    }
}

/// NEAR MPC #2076: one key signed for several purposes without saying for which. Lesson: a signature for one purpose is none for another.
#[test]
fn a_signature_for_one_purpose_is_none_for_another() {
    at_every_door(|keys, door| {
        let genuine = Raw::parse(door.message);
        for kind in CLIENT_TYPES.into_iter().chain(SERVER_TYPES).filter(|kind| *kind != genuine.kind) {
            door.refuses(&Raw { kind, ..genuine.clone() }.encode(), DecodeError::Signature);
        }
        // What an application might have the same key sign: the contents, or the message as it travels.
        for signed in [genuine.body.clone(), door.message[..door.message.len() - 64].to_vec()] {
            let signature = keys.sender(door).sign(&signed).unwrap();
            door.refuses(&Raw { signature, ..genuine.clone() }.encode(), DecodeError::Signature);
        }
    });
}

/// PySyft#2727: messages were pickles, which run code when they are read. Lesson: bytes are only read: what is no message is
/// refused, and what is opaque stays so.
#[test]
fn a_pickle_is_only_bytes() {
    let pickle: &[u8] = b"\x80\x04cposix\nsystem\n(S'touch /tmp/pickled'\ntR.";
    let mut refused = 0;
    macro_rules! refuse {
        ($body:ident, $kind:literal) => {
            assert!(Message::<$body>::decode(pickle).is_err());
            refused += 1;
        };
    }
    for_each_message_type!(refuse);
    assert_eq!(refused, 11);
    assert!(Session::decode(pickle).is_err());
    assert_eq!(FixedPoint::decode(pickle), Err(Error::Decode(DecodeError::Value)));
    let session = World::new(3, 1).builder(3, 20).encoding(pickle).build().unwrap();
    assert_eq!(Session::decode(&session.encode()).unwrap().encoding(), pickle);
}

/// VDAF draft #119: the nonce of a report was not bound by its proof. Lesson: an envelope that was sealed for another transcript or session
/// does not open, and proves that its dealer dealt badly.
#[test]
fn an_envelope_of_another_transcript_does_not_open() {
    let mut world = World::new(4, 1);
    let session = world.builder(3, 20).build().unwrap();
    let other = world.builder(3, 20).round(1).build().unwrap();
    let (dealer, victim) = (ClientId(20), ClientId(40));
    for foreign in [true, false] {
        let opened = deal_badly(&mut world, &session, dealer, &[victim], |rogue, holder| {
            let parcel = rogue.parcel(holder);
            if foreign { parcel.seal(&other, &rogue.h1) } else { parcel.seal(&session, &[7; 32]) }
        });
        let failure = &opened.ended[&victim];
        assert_eq!(failure.error, named(dealer, ClientFault::BadDealing));
        assert!(failure.complaint.is_some());
        assert_eq!(opened.ready.len(), 2);
    }
}

/// VDAF draft #105: parts of the joint randomness were combined by XOR, so that equal parts cancelled. Lesson: equal parts add up, and the
/// transcript is a hash over the ordered list.
#[test]
fn equal_parts_add_up_and_do_not_cancel() {
    let session = World::new(3, 1).builder(3, 20).build().unwrap();
    let sum = |times: usize| {
        let (mut streams, mut words) = (Keystreams::with_capacity(session.id(), times), [0_u32; 8]);
        (0..times).for_each(|_| streams.push([5; 32], false));
        streams.add_u32(0, &mut words);
        words
    };
    assert_eq!(sum(2), sum(1).map(|word| word.wrapping_mul(2)));
    assert!(sum(2) != [0; 8]);
    let (id, scene) = (SCENE.ids()[0], &SCENE);
    let entries = scene.sent::<Adverts>(id).entries;
    let h1 = |entries: &[_]| extend(1, &scene.session.id().0, entries);
    assert_eq!(Raw::parse(&scene.answers[&(id, ADVERTS)]).prev, h1(&entries));
    let mut swapped = entries.clone();
    swapped.swap(0, 1);
    let doubled = [&entries[..], &entries[..1], &entries[..1]].concat();
    assert!(h1(&swapped) != h1(&entries) && h1(&doubled) != h1(&entries));
}

/// kryptology#29: a message held a share in the clear, and to hide it was the caller's job. Lesson: what leaves the library is sealed
/// already.
#[test]
fn a_share_in_the_clear_is_in_no_message() {
    let mut world = World::new(4, 1);
    let session = world.builder(3, 20).build().unwrap();
    let Watched { twin, advert, shares, header, wire, .. } = watch(&mut world, &session, ClientId(30), &[0; 3]);
    let coefficients = twin.polynomials.iter().flat_map(|polynomials| polynomials.values.iter().chain(&polynomials.blindings));
    let mut secrets: Vec<[u8; 32]> = coefficients.map(Scalar::to_bytes).collect();
    let contents = (0..=4).flat_map(|index| twin.contents(index).as_chunks::<32>().0.to_vec());
    secrets.extend(contents.chain(twin.held.values().flat_map(|held| held.as_chunks::<32>().0.to_vec())));
    let holds = |message: &[u8], secret: &[u8; 32]| message.windows(32).any(|window| window == secret);
    for message in [&advert, &shares, &header, &wire] {
        assert!(!secrets.iter().any(|secret| holds(message, secret)));
    }
    // The search finds what is there: the shares, when it is time to reveal them.
    let mut twin = twin;
    twin.survivors = world.ids();
    let (revealed, owners) = (twin.reveal(), world.ids().len());
    assert_eq!(
        secrets.iter().filter(|secret| holds(&revealed, secret)).count(),
        2 * owners + 2,
        "its own share is dealt and held"
    );
}
