//! What the states do with malformed messages: the same, and nothing changes that should not.

use std::fmt::Debug;

use rand::{SeedableRng, rngs::StdRng};
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, ServerFault,
    secagg::{
        Failure, Outbox,
        client::{AwaitingAgreement, AwaitingSurvivors},
        complaint::judge,
    },
};

use crate::{
    common::World,
    drill::{Door, Drill, Per},
    forge::{ADVERTS, ANNOUNCEMENT, COMPLAINT, Raw, alter},
    frugally,
    samples::{Samples, samples},
    wrongly_numbered,
};

/// Bytes for any door, that nobody signed.
fn forgeries(message: &[u8]) -> Vec<Vec<u8>> {
    let cuts = [0, 1, 2, 35, 76, 83, 84, 147, message.len() - 1].map(|len| message[..len.min(message.len() - 1)].to_vec());
    let others = [vec![0], vec![0xff], vec![0xff; 84], vec![1; 200], [message, &[0]].concat()];
    cuts.into_iter().chain(others).chain(wrongly_numbered(message)).collect()
}

#[test]
fn states_refuse_what_nobody_signed_without_much_memory_and_without_change() {
    let (mut world, mut refused) = (World::new(4, 2), 0);
    let session = world.builder(70, 20).build().unwrap();
    let (inputs, ids) = (world.inputs(&session), world.ids());
    let mut hook = |door: &mut Door<'_>| {
        if door.kind() == ANNOUNCEMENT {
            return;
        }
        for bytes in forgeries(door.message) {
            let error = frugally(&bytes, |bytes| door.refusal(bytes));
            let nobody = [DecodeError::Truncated, DecodeError::Trailing, DecodeError::Signature].map(Error::from);
            assert!(nobody.contains(&error), "{error} from {} bytes at {:#04x}", bytes.len(), door.kind());
            refused += 1;
        }
    };
    Drill::new(&mut world, &session, &mut hook).play(&inputs, &ids);
    assert!(refused > 1000);
}

#[test]
fn the_server_refuses_lengths_and_counts_that_a_client_signed_without_much_memory() {
    let mut world = World::new(4, 3);
    let session = world.builder(70, 20).build().unwrap();
    let (inputs, ids, clients) = (world.inputs(&session), world.ids(), world.clients.clone());
    let mut hook = |door: &mut Door<'_>| {
        if door.taken || door.kind() >= ADVERTS {
            return;
        }
        for bytes in resigned(door.message, |raw| raw.sign(&*clients[&door.client])) {
            let error = frugally(&bytes, |bytes| door.refusal(bytes));
            assert_eq!(error.code(), 301, "{error}");
        }
    };
    Drill::new(&mut world, &session, &mut hook).play(&inputs, &ids);
}

/// Wrong numbers in the contents, under a good header and signature.
fn resigned(message: &[u8], mut sign: impl FnMut(&mut Raw) -> Vec<u8>) -> Vec<Vec<u8>> {
    let header = message[..84].to_vec();
    let altered = wrongly_numbered(message).into_iter().filter(|altered| altered[..84] == header);
    altered.map(|altered| sign(&mut Raw::parse(&altered))).collect()
}

/// Gives each waiting client one of the server's messages with a wrong number in it.
fn each_refuses<S: Debug, T: Debug>(
    world: &World,
    (states, outbox): (Per<S>, Outbox),
    mut receive: impl FnMut(S, &[u8]) -> Result<T, Failure<S>>,
) {
    for (place, (id, state)) in states.into_iter().enumerate() {
        let all = resigned(&outbox.message_for(id).unwrap(), |raw| raw.sign(&*world.server));
        let bytes = &all[place * all.len() / 9];
        let failure = frugally(bytes, |bytes| receive(state, bytes)).unwrap_err();
        assert!(matches!(failure.error, Error::Server(ServerFault::Malformed(_))), "{}", failure.error);
        assert!(failure.state.is_none());
    }
}

#[test]
fn clients_refuse_lengths_and_counts_that_the_server_signed_without_much_memory() {
    for round in 0..4 {
        let mut world = World::new(9, 4);
        let session = world.builder(70, 20).build().unwrap();
        let (inputs, ids, mut rng) = (world.inputs(&session), world.ids(), StdRng::seed_from_u64(5));
        let mut nothing = |_: &mut Door<'_>| {};
        let mut drill = Drill::new(&mut world, &session, &mut nothing);
        let (server, states) = drill.advertise(&ids);
        if round == 0 {
            let waiting = (states, server.close().unwrap().1);
            each_refuses(&world, waiting, |state, message| state.receive(message, &mut rng));
            continue;
        }
        let (server, states) = drill.share(server, states, |_| Vec::new());
        if round == 1 {
            let waiting = (states, server.close().unwrap().1);
            each_refuses(&world, waiting, |state, message| state.receive(message, &mut rng));
            continue;
        }
        let (mut server, states, _) = drill.deliver(server, states);
        let states = drill.input(&mut server, states, &inputs, &ids);
        if round == 2 {
            each_refuses(&world, (states, server.close().unwrap().1), AwaitingSurvivors::receive);
            continue;
        }
        let (server, states) = drill.agree(server, states);
        each_refuses(&world, (states, server.close().unwrap().1), AwaitingAgreement::receive);
    }
}

#[test]
fn a_malformed_complaint_is_judged_without_much_memory_and_blames_nobody_but_its_signer() {
    let Samples { world, session, messages } = samples();
    let (message, identity) = (&messages[&COMPLAINT], &*world.clients[&ClientId(20)]);
    let verdict = judge(&session, message).unwrap();
    assert_eq!(verdict.culprit, ClientId(20), "a made-up key proves nothing");
    for bytes in forgeries(message) {
        assert!(frugally(&bytes, |bytes| judge(&session, bytes)).is_err());
    }
    let blamed = |bytes: &[u8]| frugally(bytes, |bytes| judge(&session, bytes)).map(|verdict| verdict.culprit);
    for bytes in resigned(message, |raw| raw.sign(identity)) {
        assert!(blamed(&bytes).is_ok_and(|culprit| culprit == ClientId(20)) || judge(&session, &bytes).is_err());
    }
    for len in 0..message.len() {
        assert_eq!(frugally(&message[..len], |bytes| judge(&session, bytes)), Err(DecodeError::Truncated));
    }
    let empty = alter(message, identity, |raw| raw.body.clear());
    assert_eq!(judge(&session, &empty).unwrap().fault, ClientFault::Malformed(DecodeError::Truncated));
}
