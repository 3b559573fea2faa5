//! A server that asks twice, out of turn, with other parameters, for another model, with old messages, or in another version.
//!
//! What is not this session's message to this client from this server changes nothing: the client goes on, and completes the session
//! to the byte as if it had never come. What is, and is not what an honest server sends, ends it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/evil.rs"]
mod evil;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/player.rs"]
mod player;

use std::sync::LazyLock;

use common::masking::{LATTICE, MASKINGS};
use evil::{List, SCENES, STAGES, Scene, of, positions, subsets, targets, transcript};
use forge::{ADVERTS, AGREEMENT, ANNOUNCEMENT, DELIVERY, Raw, SURVIVORS, alter};
use player::check_sum;
use veilsum::{
    ClientId, DecodeError, Error, Masking, PROTOCOL_VERSION, Party, RoundError, ServerFault, Session, SessionBuilder,
    message::{Adverts, Agreement, Bytes, Delivery, Survivors},
};

/// Every type of message that a client gets.
const KINDS: [u8; 5] = [ADVERTS, DELIVERY, SURVIVORS, AGREEMENT, ANNOUNCEMENT];

fn everywhere() -> impl Iterator<Item = (&'static Scene, ClientId, u8)> {
    STAGES.into_iter().flat_map(|stage| targets(stage).map(move |(scene, target)| (scene, target, stage)))
}

/// Messages that a finished client refuses in place of the announcement, without blame. It can not be given another one, so it is
/// put there anew for each.
fn refuses_as_announcement(scene: &Scene, target: ClientId, messages: &[(Vec<u8>, Error)]) {
    for (message, error) in messages {
        let refused = check_sum(scene.at(target, ANNOUNCEMENT), &scene.sum, message).unwrap_err();
        assert_eq!((&refused, refused.culprit()), (error, None));
    }
}

/// Checks for every client and every type of message that each of some messages is refused, without blame, and changes nothing.
fn refused_everywhere(messages: impl Fn(&Scene, ClientId, u8) -> Vec<(Vec<u8>, Error)>) {
    everywhere().for_each(|(scene, target, stage)| scene.refuses(target, stage, &messages(scene, target, stage)));
    for (scene, target) in targets(ANNOUNCEMENT) {
        refuses_as_announcement(scene, target, &messages(scene, target, ANNOUNCEMENT));
    }
}

fn refusal(message: Vec<u8>, error: impl Into<Error>) -> (Vec<u8>, Error) {
    (message, error.into())
}

#[test]
fn a_repeat_of_an_earlier_message_is_ignored() {
    refused_everywhere(|scene, target, stage| {
        let earlier = KINDS.into_iter().filter(|kind| *kind < stage);
        earlier.map(|kind| refusal(scene.sent[&(target, kind)].clone(), RoundError::Repeat)).collect()
    });
}

#[test]
fn a_second_message_of_an_earlier_type_ends_the_client() {
    for (scene, target, stage) in everywhere() {
        let changes: [fn(&mut Raw); 3] = [|raw| raw.prev[0] ^= 1, |raw| raw.body.push(0), |raw| raw.attachment.push(0)];
        for kind in STAGES.into_iter().filter(|kind| *kind < stage) {
            for change in changes {
                let message = scene.forge_fields(target, kind, change);
                scene.ends(target, stage, &message, ServerFault::Equivocation);
            }
        }
    }
}

#[test]
fn a_request_with_another_set_of_survivors_ends_the_client_before_it_reveals() {
    let mut cases = 0;
    for (scene, target) in targets(AGREEMENT) {
        let genuine = scene.sent::<Survivors>(target).listed();
        for others in subsets(&scene.targets(SURVIVORS)).into_iter().filter(|set| *set != genuine) {
            let message = scene.survivors(target, &others);
            scene.ends(target, AGREEMENT, &message, ServerFault::Equivocation);
            cases += 1;
        }
    }
    assert_eq!(cases, 2 * 3 + 2 * 3 * 7 + 4 * 15 + 5 * 31 + 2 * 3 * 15);
}

#[test]
fn a_finished_client_gives_nothing_more_for_another_agreement() {
    for (scene, target) in targets(ANNOUNCEMENT) {
        let signers = scene.sent::<Agreement>(target).listed();
        let h3 = transcript(&scene.sent[&(target, AGREEMENT)]);
        for fewer in subsets(&signers).into_iter().filter(|set| *set != signers) {
            let message = scene.agreement(target, h3, &fewer);
            let error = check_sum(scene.at(target, ANNOUNCEMENT), &scene.sum, &message).unwrap_err();
            assert_eq!(error, ServerFault::Equivocation.into());
            assert_eq!((error.culprit(), error.code()), (Some(Party::Server), 412));
        }
    }
}

#[test]
fn a_message_ahead_of_its_time_changes_nothing() {
    refused_everywhere(|scene, target, stage| {
        let later =
            KINDS.into_iter().filter(|kind| *kind > stage).filter_map(|kind| Some((kind, scene.sent.get(&(target, kind))?)));
        // Types that no message has, and this client's own messages sent back to it.
        let unknown = [0x13, 0x15, 0x17, 0x19, 0xff].map(|kind| (kind, scene.forge_fields(target, stage, |raw| raw.kind = kind)));
        let answers = KINDS.into_iter().filter_map(|kind| scene.answers.get(&(target, kind)));
        let own = answers.map(|message| (message[35], message.clone()));
        let all = later.map(|(kind, message)| (kind, message.clone())).chain(unknown).chain(own);
        all.map(|(got, message)| refusal(message, DecodeError::UnexpectedType { expected: stage, got })).collect()
    });
}

#[test]
fn a_message_that_the_server_did_not_sign_to_this_client_changes_nothing() {
    refused_everywhere(|scene, target, stage| {
        let genuine = &scene.sent[&(target, stage)];
        let other = scene.ids().into_iter().find(|id| *id != target).unwrap();
        let unsigned = |error: DecodeError, change: fn(&mut Raw)| {
            let mut raw = Raw::parse(genuine);
            change(&mut raw);
            refusal(raw.encode(), error)
        };
        let mut all = vec![
            unsigned(DecodeError::Version { expected: PROTOCOL_VERSION, got: 2 }, |raw| raw.version ^= 1),
            unsigned(DecodeError::Suite { expected: 1, got: 0x101 }, |raw| raw.suite ^= 0x100),
            unsigned(DecodeError::Session, |raw| raw.session[31] ^= 1),
            unsigned(DecodeError::Signature, |raw| raw.kind = if raw.kind == ADVERTS { DELIVERY } else { ADVERTS }),
            unsigned(DecodeError::Signature, |raw| raw.kind &= 0x0f),
            unsigned(DecodeError::Recipient, |raw| raw.client.0 += 5),
            unsigned(DecodeError::Signature, |raw| raw.prev[0] ^= 1),
            unsigned(DecodeError::Signature, |raw| *raw.body.last_mut().unwrap() ^= 1),
            unsigned(DecodeError::Signature, |raw| raw.attachment.push(0)),
            unsigned(DecodeError::Signature, |raw| raw.signature[63] ^= 1),
            refusal([genuine, &[0][..]].concat(), DecodeError::Trailing),
            refusal(genuine[..genuine.len() - 1].to_vec(), DecodeError::Truncated),
            refusal(Vec::new(), DecodeError::Truncated),
            refusal(alter(genuine, &*scene.server, |raw| raw.client = other), DecodeError::Recipient),
            refusal(alter(genuine, &*scene.server, |raw| raw.client.0 += 5), DecodeError::Recipient),
            refusal(alter(genuine, &*scene.server, |raw| raw.session[0] ^= 1), DecodeError::Session),
        ];
        all.extend(scene.clients.values().map(|client| refusal(alter(genuine, &**client, |_| {}), DecodeError::Signature)));
        all.extend(scene.sent.get(&(other, stage)).map(|theirs| refusal(theirs.clone(), DecodeError::Recipient)));
        all
    });
}

#[test]
fn another_version_or_suite_is_refused_whoever_signed_it() {
    refused_everywhere(|scene, target, stage| {
        let version = |got| {
            let message = scene.forge_fields(target, stage, |raw| raw.version = got);
            refusal(message, DecodeError::Version { expected: PROTOCOL_VERSION, got })
        };
        let suite = |got| {
            let message = scene.forge_fields(target, stage, |raw| raw.suite = got);
            refusal(message, DecodeError::Suite { expected: 1, got })
        };
        [0, 1, 2, 4, 128, 255].map(version).into_iter().chain([0, 2, 0x100, 0x101, 0xffff].map(suite)).collect()
    });
}

#[test]
fn a_descriptor_of_another_version_suite_masking_or_graph_is_no_descriptor() {
    let genuine = SCENES[3].session.encode();
    let with = |place: usize, byte: u8| {
        let mut bytes = genuine.clone();
        bytes[place] = byte;
        Session::decode(&bytes)
    };
    assert_eq!(Session::decode(&genuine).unwrap(), SCENES[3].session);
    for byte in (0..=255).filter(|byte| *byte != PROTOCOL_VERSION) {
        assert_eq!(with(0, byte).unwrap_err(), DecodeError::Version { expected: PROTOCOL_VERSION, got: byte }.into());
    }
    for byte in (0..=255).filter(|byte| *byte != 1) {
        assert_eq!(with(1, byte).unwrap_err(), DecodeError::Suite { expected: 1, got: u16::from(byte) }.into());
        if !(0x11..=0x17).contains(&byte) {
            assert_eq!(with(3, byte).unwrap_err(), DecodeError::Value.into(), "masking");
        }
        assert_eq!(with(4, byte).unwrap_err(), DecodeError::Value.into(), "graph");
    }
    for byte in 1..=255 {
        assert_eq!(with(2, byte).unwrap_err(), DecodeError::Suite { expected: 1, got: u16::from(byte) << 8 | 1 }.into());
    }
}

/// Sessions of the same five clients that differ from the one that they agreed to in a single parameter, or in which attempt it is.
static OTHERS: LazyLock<Vec<Scene>> = LazyLock::new(|| {
    let changes: [fn(SessionBuilder) -> SessionBuilder; 11] = [
        |b| b.max_dropouts(0),
        |b| b.max_colluders(0).max_dropouts(2),
        |b| b.max_colluders(2),
        |b| b.min_honest(3),
        |b| b.chunk_len(128),
        |b| b.encoding(*b"other words"),
        |b| b.round(1),
        |b| b.attempt([1; 16]),
        |b| b.context([1; 32]),
        |b| b.previous([1; 32]),
        |b| b.masking(LATTICE).chunk_len(2048),
    ];
    changes.iter().map(|change| Scene::play(Masking::Pairwise, 5, &[], |b| change(pinned(b)))).collect()
});

fn pinned(builder: SessionBuilder) -> SessionBuilder {
    builder.max_colluders(1).max_dropouts(1)
}

#[test]
fn messages_of_a_session_with_other_parameters_change_nothing() {
    let scene = &SCENES[3];
    for (target, stage) in scene.ids().into_iter().flat_map(|target| STAGES.map(|stage| (target, stage))) {
        let messages =
            OTHERS.iter().flat_map(|other| KINDS.map(|kind| refusal(other.sent[&(target, kind)].clone(), DecodeError::Session)));
        scene.refuses(target, stage, &messages.collect::<Vec<_>>());
    }
    for target in scene.ids() {
        let messages = OTHERS.iter().map(|other| refusal(other.sent[&(target, ANNOUNCEMENT)].clone(), DecodeError::Session));
        refuses_as_announcement(scene, target, &messages.collect::<Vec<_>>());
    }
}

#[test]
fn messages_of_another_session_signed_again_for_this_one_end_the_client() {
    let scene = &SCENES[3];
    for (other, target) in OTHERS.iter().flat_map(|other| scene.ids().into_iter().map(move |target| (other, target))) {
        let relabelled = |kind| {
            alter(&other.sent[&(target, kind)], &*scene.server, |raw| {
                raw.session = scene.session.id().0;
                raw.prev = transcript(&scene.sent[&(target, kind)]);
            })
        };
        for stage in STAGES {
            scene.ends(target, stage, &relabelled(stage), ServerFault::EntrySignature(ClientId(10)));
        }
        let error = check_sum(scene.at(target, ANNOUNCEMENT), &scene.sum, &relabelled(ANNOUNCEMENT)).unwrap_err();
        assert_eq!(error, RoundError::SumMismatch.into());
    }
}

#[test]
fn an_old_entry_of_any_client_is_in_no_list() {
    fn check<L: List>(other: &Scene) {
        for (scene, target, listed) in positions::<L>().into_iter().filter(|(scene, ..)| scene.ids().len() == 5) {
            for current in [false, true] {
                let message = scene.forge_list::<L>(target, |entries| {
                    let old = of(other.sent::<L>(listed).entries(), listed).clone();
                    let entry = of(entries, listed);
                    let prev = if current { entry.prev } else { old.prev };
                    *entry = old;
                    entry.prev = Bytes(prev.0);
                });
                scene.ends(target, L::TYPE, &message, ServerFault::EntrySignature(listed));
            }
        }
    }
    // Of another round, and of another attempt at the same one.
    for other in &OTHERS[6..8] {
        check::<Adverts>(other);
        check::<Delivery>(other);
        check::<Survivors>(other);
        check::<Agreement>(other);
    }
}

#[test]
fn clients_of_different_models_end_before_they_mask_anything() {
    let shapes = [(3, 0), (3, 1), (4, 1), (5, 1), (5, 2)];
    for (masking, (n, dropouts)) in MASKINGS.into_iter().flat_map(|masking| shapes.map(|shape| (masking, shape))) {
        let model = |context| Scene::play(masking, n, &[], |b| b.max_colluders(0).max_dropouts(dropouts).context([context; 32]));
        let (first, second) = (model(1), model(2));
        for members in subsets(&first.ids()) {
            let others: Vec<_> = first.ids().into_iter().filter(|id| !members.contains(id)).collect();
            let go_on = [(&first, &second, &members), (&second, &first, &others)].map(|(mine, theirs, group)| {
                group.iter().filter(|target| masks_with_other_models(mine, theirs, group, **target)).count()
            });
            // Either all others are drop-outs of a session in its own right, or nobody goes on.
            let enough = |group: &[ClientId]| if group.len() >= first.threshold() { group.len() } else { 0 };
            assert_eq!(go_on, [enough(&members), enough(&others)]);
            assert!(go_on.contains(&0));
        }
    }
}

/// Tries all that a server can do with clients that have another model; whether the target goes on with its own group.
fn masks_with_other_models(mine: &Scene, theirs: &Scene, group: &[ClientId], target: ClientId) -> bool {
    mine.refuses(target, ADVERTS, &[refusal(theirs.sent[&(target, ADVERTS)].clone(), DecodeError::Session)]);
    let foreign = mine.ids().into_iter().find(|id| !group.contains(id));
    let mixed = mine.forge_list::<Adverts>(target, |entries| {
        let replace = |entry: &mut veilsum::message::Entry<_>| {
            if !group.contains(&entry.client) {
                *entry = of(theirs.sent::<Adverts>(target).entries(), entry.client).clone();
            }
        };
        entries.iter_mut().for_each(replace);
    });
    if let Some(foreign) = foreign {
        mine.ends(target, ADVERTS, &mixed, ServerFault::EntrySignature(foreign));
    }
    let alone = mine.forge_list::<Adverts>(target, |entries| entries.retain(|entry| group.contains(&entry.client)));
    let (got, threshold) = (u32::try_from(group.len()).unwrap(), mine.session.threshold());
    if got < threshold {
        mine.ends(target, ADVERTS, &alone, ServerFault::BelowThreshold { got, threshold });
    }
    mine.at(target, ADVERTS).receive(&alone).is_ok()
}
