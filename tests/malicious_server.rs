//! A server that lies in the lists it sends, to every client and at every place of every list: each lie ends the client that hears
//! it with an error that blames the server, and nothing leaves that client any more.
//!
//! The server signs whatever it likes with its own key; what takes a client's signature is signed by a colluding client.
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

use dealer::key_pair;
use evil::{List, SCENES, Scene, of, positions, subsets, targets, transcript};
use forge::{AGREEMENT, DELIVERY, Raw, SURVIVORS, flips, sign_entry};
use player::ends;
use veilsum::{
    ClientId, DecodeError, ServerFault,
    message::{Adverts, Agreement, Body as _, Bytes, Delivery, Entry, Survivors},
};

/// The entries of a list.
type Entries<L> = Vec<Entry<<L as List>::Item>>;

/// What is done to one entry of a list.
type Alteration<'a, L> = &'a dyn Fn(&mut Entry<<L as List>::Item>);

/// A check of one list of one scene; the clients are the one that gets the list, and one that is in it.
type Check = fn(&Scene, ClientId, ClientId);

fn everywhere<L: List>(check: Check) {
    positions::<L>().into_iter().for_each(|(scene, target, listed)| check(scene, target, listed));
}

macro_rules! in_every_list {
    ($check:ident) => {
        everywhere::<Adverts>($check::<Adverts>);
        everywhere::<Delivery>($check::<Delivery>);
        everywhere::<Survivors>($check::<Survivors>);
        everywhere::<Agreement>($check::<Agreement>);
    };
}

macro_rules! for_every_target {
    ($check:ident) => {
        targets(Adverts::TYPE).for_each(|(scene, target)| $check::<Adverts>(scene, target));
        targets(Delivery::TYPE).for_each(|(scene, target)| $check::<Delivery>(scene, target));
        targets(Survivors::TYPE).for_each(|(scene, target)| $check::<Survivors>(scene, target));
        targets(Agreement::TYPE).for_each(|(scene, target)| $check::<Agreement>(scene, target));
    };
}

#[test]
fn an_entry_that_its_client_did_not_sign_names_the_server() {
    fn check<L: List>(scene: &Scene, target: ClientId, listed: ClientId) {
        let stranger = scene.ids().into_iter().find(|id| *id != listed).unwrap();
        let alterations: [Alteration<'_, L>; 5] = [
            &|entry| entry.signature.0[63] ^= 1,
            &|entry| entry.prev.0[31] ^= 128,
            &|entry| entry.attachment_hash.0[0] ^= 1,
            &|entry| sign_entry(&scene.session, entry, &*scene.server),
            &|entry| sign_entry(&scene.session, entry, &*scene.clients[&stranger]),
        ];
        for alter in alterations {
            let message = scene.forge_list::<L>(target, |entries| alter(of(entries, listed)));
            scene.ends(target, L::TYPE, &message, ServerFault::EntrySignature(listed));
        }
    }
    in_every_list!(check);
}

#[test]
fn signed_contents_that_were_altered_name_the_server() {
    everywhere::<Delivery>(|scene, target, listed| {
        let message = scene.forge_list::<Delivery>(target, |entries| of(entries, listed).body.mask_root.swap(0, 1));
        scene.ends(target, DELIVERY, &message, ServerFault::EntrySignature(listed));
    });
    everywhere::<Survivors>(|scene, target, listed| {
        let message = scene.forge_list::<Survivors>(target, |entries| of(entries, listed).body.root.0[0] ^= 1);
        scene.ends(target, SURVIVORS, &message, ServerFault::EntrySignature(listed));
    });
}

#[test]
fn an_entry_signed_over_another_transcript_is_a_split_view() {
    fn check<L: List>(scene: &Scene, target: ClientId, listed: ClientId) {
        let genuine = transcript(&scene.sent[&(target, L::TYPE)]);
        let flipped = |place: usize| core::array::from_fn(|at| genuine[at] ^ u8::from(at == place));
        for other in [[0; 32], flipped(0), flipped(31)] {
            let message = scene.forge_list::<L>(target, |entries| {
                let entry = of(entries, listed);
                entry.prev = Bytes(other);
                sign_entry(&scene.session, entry, &*scene.clients[&listed]);
            });
            scene.ends(target, L::TYPE, &message, ServerFault::EntryTranscript(listed));
        }
    }
    in_every_list!(check);
}

#[test]
fn a_server_message_over_another_transcript_ends_the_client() {
    fn check<L: List>(scene: &Scene, target: ClientId) {
        for (place, bits) in flips() {
            let message = scene.forge_fields(target, L::TYPE, |raw| raw.prev[place] ^= bits);
            scene.ends(target, L::TYPE, &message, ServerFault::WrongTranscript);
        }
    }
    for_every_target!(check);
}

#[test]
fn a_client_whose_own_entry_is_missing_or_another_one_ends() {
    fn check<L: List>(scene: &Scene, target: ClientId, listed: ClientId, change: fn(&mut L::Item)) {
        if listed == target {
            // A second signature of this client, as from a copy of it that was restored from a backup.
            let other = scene.forge_list::<L>(target, |entries| {
                let own = of(entries, target);
                change(&mut own.body);
                sign_entry(&scene.session, own, &*scene.clients[&target]);
            });
            scene.ends(target, L::TYPE, &other, ServerFault::OwnEntry);
            let without = scene.forge_list::<L>(target, |entries| entries.retain(|entry| entry.client != target));
            if L::TYPE != SURVIVORS {
                scene.ends(target, L::TYPE, &without, ServerFault::OwnEntry);
            }
        }
    }
    everywhere::<Adverts>(|scene, target, listed| {
        check::<Adverts>(scene, target, listed, |advert| advert.mask_key = Bytes(key_pair([9; 32]).1));
    });
    everywhere::<Delivery>(|scene, target, listed| {
        check::<Delivery>(scene, target, listed, |dealing| core::mem::swap(&mut dealing.mask_root, &mut dealing.self_secret));
    });
    everywhere::<Survivors>(|scene, target, listed| {
        check::<Survivors>(scene, target, listed, |input| input.root.0[5] ^= 4);
    });
}

#[test]
fn a_list_below_the_threshold_ends_the_client_and_one_at_the_threshold_does_not() {
    fn check<L: List>(scene: &Scene, target: ClientId) {
        let all = scene.sent::<L>(target).listed();
        let threshold = scene.session.threshold();
        let sizes = [0, scene.threshold() - 1, scene.threshold()];
        for members in subsets(&all).into_iter().filter(|members| sizes.contains(&members.len())) {
            let message = scene.forge_list::<L>(target, |entries| entries.retain(|entry| members.contains(&entry.client)));
            let (got, included) = (u32::try_from(members.len()).unwrap(), members.contains(&target));
            if !included && L::TYPE <= DELIVERY {
                scene.ends(target, L::TYPE, &message, ServerFault::OwnEntry);
            } else if got < threshold {
                scene.ends(target, L::TYPE, &message, ServerFault::BelowThreshold { got, threshold });
            } else {
                assert!(scene.at(target, L::TYPE).receive(&message).is_ok() != (L::TYPE == SURVIVORS && !included));
            }
        }
    }
    for_every_target!(check);
}

#[test]
fn a_repeated_or_unsorted_entry_fills_no_threshold() {
    fn check<L: List>(scene: &Scene, target: ClientId, listed: ClientId) {
        let refused = |change: &dyn Fn(&mut Entries<L>)| {
            let message = scene.forge_list::<L>(target, change);
            scene.ends(target, L::TYPE, &message, ServerFault::Malformed(DecodeError::Order));
        };
        let at = |entries: &[Entry<L::Item>]| entries.iter().position(|entry| entry.client == listed).unwrap();
        refused(&|entries| entries.insert(at(entries), entries[at(entries)].clone()));
        refused(&|entries| *entries = vec![entries[at(entries)].clone(); scene.threshold()]);
        refused(&|entries| {
            let place = at(entries).max(1);
            entries.swap(place - 1, place);
        });
    }
    in_every_list!(check);
}

#[test]
fn a_sybil_is_in_no_list() {
    fn check<L: List>(scene: &Scene, target: ClientId, listed: ClientId) {
        let fault = |id| match L::TYPE {
            // The bitmap has no place for it.
            SURVIVORS => ServerFault::Malformed(DecodeError::Count),
            _ => ServerFault::UnknownClient(id),
        };
        // Once beside the others, once in place of one.
        for (sybil, replace) in [(ClientId(listed.0 + 5), false), (ClientId(listed.0 - 5), true)] {
            let message = scene.forge_list::<L>(target, |entries| {
                let mut entry = of(entries, listed).clone();
                entry.client = sybil;
                sign_entry(&scene.session, &mut entry, &*scene.server);
                entries.retain(|entry| !replace || entry.client != listed);
                entries.insert(entries.iter().take_while(|entry| entry.client < sybil).count(), entry);
            });
            scene.ends(target, L::TYPE, &message, fault(sybil));
        }
    }
    in_every_list!(check);
}

/// A client that hears `L` without one member, then `M` with it.
fn check_left_out<L: List, M: List>() {
    for (scene, target, left_out) in positions::<L>() {
        let later = scene.sent.contains_key(&(target, M::TYPE)) && scene.sent::<M>(target).listed().contains(&left_out);
        if left_out == target || !later {
            continue;
        }
        let shorter = scene.forge_list::<L>(target, |entries| entries.retain(|entry| entry.client != left_out));
        // Too short where nobody may drop out.
        let Ok((player, answer)) = scene.at(target, L::TYPE).receive(&shorter) else {
            assert_eq!(scene.sent::<L>(target).listed().len(), scene.threshold());
            continue;
        };
        let mut own = transcript(&answer);
        let message = scene.forge_over::<M>(target, own, |message| {
            message.entries().retain(|entry| entry.client == left_out);
            let entry = &mut message.entries()[0];
            entry.prev = Bytes(std::mem::take(&mut own));
            sign_entry(&scene.session, entry, &*scene.clients[&left_out]);
            message.tidy(&scene.session);
        });
        ends(player, &message, ServerFault::UnknownClient(left_out));
    }
}

#[test]
fn who_was_left_out_of_one_list_is_in_no_later_one() {
    check_left_out::<Adverts, Delivery>();
    check_left_out::<Delivery, Survivors>();
    check_left_out::<Survivors, Agreement>();
}

#[test]
fn contents_that_do_not_decode_end_the_client() {
    fn check<L: List>(scene: &Scene, target: ClientId) {
        let refused = |reason, change: &dyn Fn(&mut Raw)| {
            let message = scene.forge_fields(target, L::TYPE, change);
            scene.ends(target, L::TYPE, &message, ServerFault::Malformed(reason));
        };
        let list = if L::TYPE == SURVIVORS { 5 } else { 0 };
        refused(DecodeError::Trailing, &|raw| raw.body.push(0));
        refused(DecodeError::Trailing, &|raw| raw.attachment.push(0));
        refused(DecodeError::Count, &|raw| raw.body[list..list + 4].fill(0xff));
        refused(DecodeError::Truncated, &|raw| raw.body.clear());
    }
    for_every_target!(check);
}

#[test]
fn an_agreement_needs_the_signature_of_nobody_in_particular() {
    let scene = &SCENES[3];
    for target in scene.targets(AGREEMENT) {
        let message = scene.forge_list::<Agreement>(target, |entries| entries.retain(|entry| entry.client != target));
        assert!(scene.at(target, AGREEMENT).receive(&message).is_ok());
    }
}
