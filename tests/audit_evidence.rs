//! Evidence (section 21): each kind convicts; what is in order proves nothing; and an adversary that has every key but one never makes
//! any against the party that has it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/forge.rs"]
mod forge;
#[path = "audit_evidence/forgeries.rs"]
mod forgeries;
#[path = "common/recorded.rs"]
mod recorded;

use forge::{ADVERTS, DELIVERY, MASKED_INPUT, REVEAL, Raw, SURVIVORS, alter, alter_body};
use recorded::{Recorded, Script};
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Masking, Party, RoundError, ServerFault,
    audit::{Evidence, Statement},
    message::{Bytes, Message, Reveal, Survivors},
};

fn game() -> Recorded {
    Script::new(Masking::Pairwise, 4, &[(20, 2)]).play()
}

/// The recorded message of this type from or to a client.
fn message(game: &Recorded, kind: u8, client: u64) -> &[u8] {
    let is = |message: &&Vec<u8>| message[35] == kind && Raw::parse(message).client == ClientId(client);
    game.messages.iter().find(is).unwrap()
}

fn statement(game: &Recorded, message: &[u8]) -> Statement {
    Statement::of_message(&game.session, message).unwrap()
}

/// It convicts, has one form, and no other with one bit changed convicts anybody.
#[track_caller]
fn convicts(game: &Recorded, evidence: &Evidence, error: impl Into<Error>) {
    let (error, bytes) = (error.into(), evidence.encode());
    let verdict = evidence.verify(&game.session).unwrap();
    assert_eq!((Some(verdict.culprit), verdict.error), (error.culprit(), error));
    assert_eq!(Evidence::decode(&bytes).unwrap(), *evidence);
    let printed = format!("{evidence:?}");
    assert!(printed.starts_with("Evidence { session: ") && printed.len() < 160, "names and no contents: {printed}");
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1 << (place % 7);
        let changed = Evidence::decode(&bytes).map(|evidence| evidence.verify(&game.session));
        assert!(!matches!(changed, Ok(Ok(_))), "byte {place}");
    }
    for len in 0..bytes.len() {
        assert!(
            !matches!(Evidence::decode(&bytes[..len]).map(|evidence| evidence.verify(&game.session)), Ok(Ok(_))),
            "{len} bytes"
        );
    }
    let longer = Evidence::decode(&[&bytes[..], &[0]].concat()).and_then(|evidence| evidence.verify(&game.session));
    assert!(matches!(longer, Err(Error::Decode(DecodeError::Trailing))));
}

fn blames(id: u64, fault: ClientFault) -> Error {
    Error::Client { culprit: ClientId(id), fault }
}

#[test]
fn two_different_headers_of_one_client_are_equivocation() {
    let game = game();
    let first = message(&game, MASKED_INPUT, 30);
    for change in [|raw: &mut Raw| raw.prev[0] ^= 1, |raw: &mut Raw| raw.body[0] ^= 1, |raw: &mut Raw| raw.attachment.push(0)] {
        let second = alter(first, &*game.world.clients[&ClientId(30)], change);
        let both = [statement(&game, &second), statement(&game, first)];
        let [one, other] = both.clone();
        let evidence = Evidence::equivocation(&game.session, one, other).unwrap();
        let [one, other] = both;
        assert_eq!(Evidence::equivocation(&game.session, other, one).unwrap(), evidence, "in either order");
        convicts(&game, &evidence, blames(30, ClientFault::Equivocation));
    }
}

#[test]
fn two_views_of_the_survivors_are_the_servers_equivocation() {
    let game = game();
    let other = alter_body::<Survivors>(message(&game, SURVIVORS, 40), &*game.world.server, |m| {
        m.entries.pop();
        m.bitmap[0] &= !8;
    });
    let evidence =
        Evidence::equivocation(&game.session, statement(&game, message(&game, SURVIVORS, 10)), statement(&game, &other));
    convicts(&game, &evidence.unwrap(), ServerFault::Equivocation);
    // Two deliveries to one client differ in nothing but packages.
    let delivery = message(&game, DELIVERY, 10);
    let other = alter(delivery, &*game.world.server, |raw| raw.attachment[100] ^= 1);
    let evidence = Evidence::equivocation(&game.session, statement(&game, delivery), statement(&game, &other));
    convicts(&game, &evidence.unwrap(), ServerFault::Equivocation);
}

#[test]
fn an_entry_is_as_good_as_the_message_it_was_taken_from() {
    let game = game();
    let survivors = Message::<Survivors>::decode(message(&game, SURVIVORS, 10)).unwrap().body;
    let entry = Statement::of_entry(&survivors.entries[1]);
    assert_eq!(entry, statement(&game, message(&game, MASKED_INPUT, 30)));
}

#[test]
fn a_revealed_share_that_was_not_dealt_is_the_revealers() {
    let game = game();
    let key = &*game.world.clients[&ClientId(30)];
    let change = |change: &dyn Fn(&mut Reveal)| alter_body::<Reveal>(message(&game, REVEAL, 30), key, change);
    let cases = [
        (change(&|m| m.shares[0].share = Bytes([1; 32])), ClientFault::BadReveal),
        (change(&|m| m.shares[1].blinding = Bytes([1; 32])), ClientFault::BadReveal),
        (change(&|m| m.shares[2].share = Bytes([255; 32])), ClientFault::Malformed(DecodeError::Scalar)),
        (change(&|m| m.shares.truncate(3)), ClientFault::WrongOwners),
        (alter(message(&game, REVEAL, 30), key, |raw| raw.body.push(0)), ClientFault::Malformed(DecodeError::Trailing)),
    ];
    for (message, fault) in cases {
        convicts(&game, &Evidence::reveal(&game.record, &message).unwrap(), blames(30, fault));
    }
}

#[test]
fn what_is_in_order_proves_nothing() {
    let game = game();
    let pair = |one: &[u8], other: &[u8]| {
        Evidence::equivocation(&game.session, statement(&game, one), statement(&game, other)).unwrap_err()
    };
    let unproven = Error::from(RoundError::Unproven);
    for kind in [ADVERTS, DELIVERY, SURVIVORS] {
        assert_eq!(pair(message(&game, kind, 10), message(&game, kind, 30)), unproven, "one message to two clients");
    }
    assert_eq!(pair(message(&game, ADVERTS, 10), message(&game, SURVIVORS, 10)), unproven, "two types");
    assert_eq!(pair(message(&game, MASKED_INPUT, 10), message(&game, REVEAL, 10)), unproven, "two types");
    assert_eq!(pair(message(&game, MASKED_INPUT, 10), message(&game, MASKED_INPUT, 30)), unproven, "two clients");
    assert_eq!(pair(message(&game, REVEAL, 10), message(&game, REVEAL, 10)), DecodeError::Order.into(), "one message twice");
    for id in [10, 30, 40] {
        assert_eq!(Evidence::reveal(&game.record, message(&game, REVEAL, id)).unwrap_err(), unproven);
    }
    for transcript in [game.transcript(), game.control(), game.opened(&[0])] {
        assert_eq!(Evidence::transcript(&game.session, transcript).unwrap_err(), unproven);
    }
    assert_eq!(Evidence::recorded(&game.record, None).unwrap_err(), unproven);
}

#[test]
fn what_a_party_said_in_another_session_is_no_contradiction() {
    let game = game();
    let mut script = Script::new(Masking::Pairwise, 4, &[]);
    script.change = &|builder| builder.min_honest(2).round(9);
    let other = script.play();
    let (here, there) = (message(&game, MASKED_INPUT, 30), message(&other, MASKED_INPUT, 30));
    assert_eq!(Statement::of_message(&game.session, there).unwrap_err(), DecodeError::Session.into());
    let there = Statement::of_message(&other.session, there).unwrap();
    let error = Evidence::equivocation(&game.session, statement(&game, here), there).unwrap_err();
    assert_eq!(error, DecodeError::Signature.into());
    let reveal = message(&other, REVEAL, 30);
    assert_eq!(Evidence::reveal(&game.record, reveal).unwrap_err(), DecodeError::Session.into());
    let bad = alter(message(&game, MASKED_INPUT, 30), &*game.world.clients[&ClientId(30)], |raw| raw.body[0] ^= 1);
    let evidence = Evidence::equivocation(&game.session, statement(&game, here), statement(&game, &bad)).unwrap();
    assert_eq!(evidence.verify(&other.session).unwrap_err(), DecodeError::Session.into());
    assert_eq!(evidence.verify(&game.session).unwrap().culprit, Party::Client(ClientId(30)));
}
