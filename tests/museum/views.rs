//! Views that differ, requests that come twice, and sessions side by side.

use std::collections::BTreeMap;

use veilsum::{
    ClientId, DecodeError, InputError, PrivacyError, RoundError, ServerFault,
    account::{
        Event, Ledger, NeighboringRelation,
        calibrate::Target,
        ledger::{DifferencingPolicy, Round},
    },
    driver::ClientStep,
    message::{Adverts, Consistency, Package, Shares},
    secagg::{server::CollectingAdverts, upload::MemorySpool},
};

use crate::{
    common::{Feed, Leaves, World, agree_and_reveal, mask_in_pieces, plain_sum, read_all, run, until_inputs},
    evil::{STAGES, Scene, entry, of, subsets, transcript},
    forge::{ADVERTS, AGREEMENT, DELIVERY, SURVIVORS},
    player::ends,
    tools::{Driven, SCENE},
    villain::{Dealt, others},
};

/// GG18 resharing in several implementations: a multicast was taken for a broadcast, and a party could tell each of the others something
/// else. Lesson: what everybody was told is compared before anything is revealed for it.
#[test]
fn two_halves_that_were_told_different_things_reveal_nothing() {
    let ids = SCENE.ids();
    // Half of the clients hear that everybody survived, the others that the first one did not.
    let told = |id: ClientId| if id <= ids[1] { ids.clone() } else { ids[1..].to_vec() };
    let agreed = |id| SCENE.at(id, SURVIVORS).receive(&SCENE.survivors(id, &told(id))).unwrap();
    let signed: Vec<_> = ids.iter().map(|id| agreed(*id).1).collect();
    for id in &ids {
        let (player, own) = agreed(*id);
        let h3 = transcript(&own);
        let listed = signed.iter().map(|message| entry::<Consistency>(message));
        let together = listed.filter(|entry| told(*id).contains(&entry.client)).collect();
        let odd = *told(*id).iter().find(|other| told(**other) != told(*id)).unwrap();
        ends(player, &SCENE.agreement_of(*id, h3, together), ServerFault::EntryTranscript(odd));
        let half = signed.iter().filter(|message| transcript(message) == h3).map(|message| entry(message)).collect();
        let too_few = ServerFault::BelowThreshold { got: 2, threshold: 3 };
        ends(agreed(*id).0, &SCENE.agreement_of(*id, h3, half), too_few);
    }
}

/// rot256/mpc-pitfalls, concurrency and state: a second request got a second answer, and two answers were one too many. Lesson: a client
/// reveals once, whatever it is asked afterwards.
#[test]
fn a_second_request_gets_no_second_share() {
    for id in SCENE.ids() {
        let mut driven = Driven::join(id);
        STAGES.into_iter().for_each(|kind| drop(driven.step(kind)));
        let h3 = transcript(&SCENE.sent[&(id, AGREEMENT)]);
        let mut requests: Vec<_> = subsets(&SCENE.ids())
            .iter()
            .filter(|signers| signers.len() < 4)
            .map(|signers| SCENE.agreement(id, h3, signers))
            .collect();
        requests.extend(SCENE.ids().into_iter().map(|gone| SCENE.survivors(id, &others(&SCENE.ids(), gone))));
        for request in requests {
            let failure = driven.client.receive(&request, &mut driven.rng).unwrap_err();
            assert_eq!(failure.error, ServerFault::Equivocation.into());
            assert!(failure.ended && failure.complaint.is_none());
        }
        // The same request again is a repeat, and gets no answer either.
        let again = driven.client.receive(&SCENE.sent[&(id, AGREEMENT)], &mut driven.rng).unwrap();
        assert!(matches!(again, ClientStep::Ignored));
    }
}

/// Another dealer's encapsulation, commitment and envelope for the same holder.
fn copy(into: &mut Package, from: &Shares) {
    if let Some(from) = from.packages.iter().find(|from| from.peer == into.peer) {
        (into.channel_ciphertext, into.key_commitment, into.sealed) = (from.channel_ciphertext, from.key_commitment, from.sealed);
    }
}

/// Fresco #432: a commitment could be repeated by another party as its own. Lesson: a commitment names its sender, so that a copy opens
/// for nobody.
#[test]
fn a_copied_commitment_is_of_no_use_to_the_copier() {
    let mut world = World::new(5, 1);
    let session = world.builder(3, 20).build().unwrap();
    let (ids, mut original) = (world.ids(), None);
    let dealt = Dealt::new(&mut world, &session, &ids[..2], |rogue| {
        let mut packages = rogue.honest_packages();
        let Some(source) = &original else {
            let message = rogue.shares(packages);
            original.clone_from(&rogue.dealt);
            return message;
        };
        packages.iter_mut().for_each(|package| copy(package, source));
        let mut shares = rogue.dealing(packages);
        shares.dealing.mask_root.clone_from(&source.dealing.mask_root);
        shares.dealing.self_secret.clone_from(&source.dealing.self_secret);
        rogue.send_shares(shares)
    });
    let opened = dealt.open(&mut world);
    assert_eq!(opened.ended.len(), 3);
    for failure in opened.ended.into_values() {
        assert_eq!(failure.error, RoundError::Unopenable(ids[1]).into(), "the copier, not the source");
    }
}

/// MP-SPDZ, MAC check: sessions that ran side by side shared state. Lesson: two sessions at once do not touch each other, and no message goes
/// from one to the other.
#[test]
fn two_sessions_at_once_do_not_touch_each_other() {
    let mut world = World::new(3, 1);
    let sessions = [1, 2].map(|attempt| world.builder(3, 20).attempt([attempt; 16]).build().unwrap());
    let inputs = sessions.each_ref().map(|session| world.inputs(session));
    let mut rounds = sessions.each_ref().map(|session| until_inputs(&mut world, session));
    let (mut sent, mut headers) = ([BTreeMap::new(), BTreeMap::new()], Vec::<Vec<u8>>::new());
    for id in world.ids() {
        for which in [0, 1] {
            let state = rounds[which].clients.remove(&id).unwrap();
            let (state, wire, header) = mask_in_pieces(state, &sessions[which], &inputs[which][&id], &Feed::default());
            // The other session's header does not do for this upload; nor do the other session's messages for this client.
            let mut upload = rounds[which].server.upload(id, MemorySpool::default()).unwrap();
            upload.write(&wire).unwrap();
            if which == 1 {
                let refused = rounds[1].server.accept(&mut upload, headers.last().unwrap()).unwrap_err();
                assert_eq!(refused, DecodeError::Session.into());
            }
            assert!(rounds[which].server.accept(&mut upload, &header).unwrap().fresh);
            let theirs = rounds[1 - which].messages.iter().find(|message| message[35] == DELIVERY).unwrap();
            let failure = state.receive(theirs).unwrap_err();
            assert_eq!(failure.error, DecodeError::Session.into());
            sent[which].insert(id, *failure.state.unwrap());
            headers.push(header);
        }
    }
    let all = rounds.into_iter().zip(sent).zip(sessions.iter().zip(&inputs));
    for ((round, sent), (session, inputs)) in all.rev() {
        let (sum, _) = agree_and_reveal(round.server, sent, &mut Vec::new());
        assert_eq!(read_all(&sum), plain_sum(session, inputs, &world.ids()));
    }
}

/// So and others, arXiv 2106.03328: sums of rounds whose sets differ by one client give that client's input. Lesson: a ledger remembers who
/// was in which sum, and refuses the one that would isolate too few.
#[test]
fn two_sums_that_differ_by_one_client_are_not_both_released() {
    let (mut world, gone) = (World::new(5, 1), ClientId(30));
    let mut inputs = BTreeMap::new();
    let sums = [None, Some((gone, 2))].map(|leaves| {
        let session = world.builder(3, 20).round(u64::from(leaves.is_some())).build().unwrap();
        if inputs.is_empty() {
            inputs = world.inputs(&session);
        }
        let leaves: Leaves = leaves.into_iter().collect();
        let sum = run(&mut world, &session, &inputs, &leaves).unwrap().0;
        (read_all(&sum), sum.survivors().iter().map(|id| id.0).collect::<Vec<_>>())
    });
    // Each sum is a lawful one; together they are one client's input.
    let difference = sums[0].0.iter().zip(&sums[1].0).map(|(all, rest)| all.wrapping_sub(*rest) & 0xf_ffff);
    assert!(difference.eq(inputs[&gone].iter().copied()));
    let budget = Target::new(100.0, 1e-5).unwrap();
    let mut ledger = Ledger::new(NeighboringRelation::AddOrRemoveOne, budget, 3, DifferencingPolicy::Refuse).unwrap();
    let (participants, event) = (sums[0].1.clone(), Event::gaussian(5.0).unwrap());
    for round in [0, 1] {
        let (session, participants, event) = (b"museum".to_vec(), participants.clone(), event.clone());
        ledger.record(Round { session, round, participants, survivors: None, event }).unwrap();
    }
    assert!(ledger.confirm(b"museum", 0, sums[0].1.clone()).is_ok());
    let refused = ledger.confirm(b"museum", 1, sums[1].1.clone()).unwrap_err();
    assert_eq!(refused, PrivacyError::Differencing { rounds: 2, isolated: Some(1), min_honest: 3 });
}

/// Pasquini and others, CCS 2022, arXiv 2111.07380: a server gave every client another model, so that one update survived the sum. Lesson: the
/// model is in the session id, and clients of different models never mask together.
#[test]
fn clients_of_different_models_do_not_mask_together() {
    let other = Scene::play(veilsum::Masking::Pairwise, 4, &[], |b| b.max_colluders(0).max_dropouts(1).context([1; 32]));
    let ids = SCENE.ids();
    let mut server = CollectingAdverts::new(&SCENE.session, SCENE.server.clone()).unwrap();
    for id in &ids {
        let (_, advert) = other.join(*id, id.0);
        assert_eq!(server.receive(&advert).unwrap_err(), DecodeError::Session.into());
        let victim = *ids.iter().find(|victim| *victim != id).unwrap();
        // A server that mixes the two lists can not make the entry good.
        let mixed = SCENE.forge_list::<Adverts>(victim, |entries| {
            *of(entries, *id) = of(&mut other.sent::<Adverts>(victim).entries, *id).clone();
        });
        SCENE.ends(victim, ADVERTS, &mixed, ServerFault::EntrySignature(*id));
    }
}

/// Lindell17 in several wallets, CVE-2023-33242: a failed signature did not end the protocol, and each retry leaked a bit of the key. Lesson:
/// an abort is final, even for the right message.
#[test]
fn an_abort_is_final_even_for_the_right_message() {
    for (id, stage) in SCENE.ids().into_iter().flat_map(|id| STAGES.map(|stage| (id, stage))) {
        let mut driven = Driven::join(id);
        STAGES.into_iter().take_while(|kind| *kind < stage).for_each(|kind| drop(driven.step(kind)));
        let forged = SCENE.forge_fields(id, stage, |raw| raw.prev[0] ^= 1);
        let failure = driven.client.receive(&forged, &mut driven.rng).unwrap_err();
        assert_eq!((failure.error, failure.ended), (ServerFault::WrongTranscript.into(), true));
        assert!(driven.client.ended());
        for kind in STAGES {
            let failure = driven.client.receive(&SCENE.sent[&(id, kind)], &mut driven.rng).unwrap_err();
            assert_eq!(failure.error, InputError::WrongState.into());
        }
        assert!(driven.client.finish().is_err());
    }
}
