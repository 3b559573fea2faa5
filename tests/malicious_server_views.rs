//! A server that tells different clients different things, or one client things that do not fit together: who takes part, who
//! survived, who agreed. No client reveals anything for a view that others do not share.
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

use dealer::index;
use evil::{Scene, admits, entry, of, positions, subsets, targets, transcript};
use forge::{ADVERTS, DELIVERY, SURVIVORS, sign_entry};
use player::ends;
use rand::{SeedableRng as _, rngs::StdRng};
use veilsum::{
    ClientId, DecodeError, RoundError, ServerFault,
    message::{Adverts, Bytes, Delivery, Entry, EntryBody, Message, Reveal, Shares, Survivors},
};

#[test]
fn a_bitmap_that_disagrees_with_the_entries_ends_the_client() {
    for (scene, target) in targets(SURVIVORS) {
        let refused = |reason, change: &dyn Fn(&mut Survivors)| {
            scene.ends(target, SURVIVORS, &scene.forge(target, change), ServerFault::Malformed(reason));
        };
        for place in 0..8 {
            let reason = if place < scene.ids().len() { DecodeError::Count } else { DecodeError::Padding };
            refused(reason, &|message| message.bitmap[0] ^= 1 << place);
        }
        refused(DecodeError::Count, &|message| message.bitmap.push(0));
        refused(DecodeError::Count, &|message| message.bitmap.clear());
        for place in 0..scene.sent::<Survivors>(target).entries.len() {
            refused(DecodeError::Count, &|message| {
                message.entries.remove(place);
            });
        }
    }
}

#[test]
fn a_client_outside_the_survivors_ends_and_blames_nobody() {
    let mut cases = 0;
    for (scene, target) in targets(SURVIVORS) {
        let others: Vec<_> = scene.targets(SURVIVORS).into_iter().filter(|id| *id != target).collect();
        for survivors in subsets(&others).into_iter().filter(|set| set.len() >= scene.threshold()) {
            let refused = scene.at(target, SURVIVORS).receive(&scene.survivors(target, &survivors)).unwrap_err();
            assert_eq!(refused.error, RoundError::NotIncluded.into());
            assert_eq!((refused.error.culprit(), refused.error.code()), (None, 502));
            assert!(refused.kept.is_none() && refused.complaint.is_none());
            cases += 1;
        }
    }
    assert_eq!(cases, 4 + 5 + 2 * 4, "of all but the target, or of any three others");
}

#[test]
fn every_set_of_survivors_gets_one_share_of_every_owner_and_of_the_right_secret() {
    let mut reveals = 0;
    for (scene, target) in targets(SURVIVORS) {
        let (dealt, index) = (scene.sent::<Delivery>(target).dealings, index(&scene.session, target));
        let possible = subsets(&scene.targets(SURVIVORS)).into_iter().filter(|set| set.len() >= scene.threshold());
        for survivors in possible.filter(|set| set.contains(&target)) {
            let (player, consistency) = scene.at(target, SURVIVORS).receive(&scene.survivors(target, &survivors)).unwrap();
            let agreement = scene.agreement(target, transcript(&consistency), &survivors);
            let (_, reveal) = player.receive(&agreement).unwrap();
            let shares = Message::<Reveal>::decode(&reveal).unwrap().body.shares;
            assert_eq!(shares.len(), dealt.len());
            for (share, dealing) in shares.iter().zip(&dealt) {
                assert_eq!(share.owner, dealing.client);
                let survived = survivors.contains(&share.owner);
                assert_eq!(admits(&dealing.body.self_secret, index, share), survived);
                assert_eq!(admits(&dealing.body.mask_root, index, share), !survived);
            }
            reveals += 1;
        }
    }
    assert_eq!(reveals, 2 + 2 * 3 + (12 + 4) + (20 + 5) + 2 * (12 + 4));
}

#[test]
fn signatures_over_another_set_of_survivors_unlock_nothing() {
    let mut cases = 0;
    for (scene, target, dropped) in positions::<Survivors>() {
        let all = scene.targets(SURVIVORS);
        let fewer: Vec<_> = all.iter().copied().filter(|id| *id != dropped).collect();
        if fewer.len() < scene.threshold() || !fewer.contains(&target) {
            continue;
        }
        // The target is told that everybody survived, the others that one did not.
        let agreed = |id, set: &[ClientId]| scene.at(id, SURVIVORS).receive(&scene.survivors(id, set)).unwrap();
        let others: Vec<_> = fewer.iter().copied().filter(|id| *id != target).collect();
        let theirs: Vec<_> = others.iter().map(|id| entry(&agreed(*id, &fewer).1)).collect();
        let (player, consistency) = agreed(target, &all);
        let h3 = transcript(&consistency);
        let alone = scene.agreement_of(target, h3, vec![entry(&consistency)]);
        ends(player, &alone, ServerFault::BelowThreshold { got: 1, threshold: scene.session.threshold() });
        let mut entries = [&theirs[..], &[entry(&consistency)]].concat();
        entries.sort_unstable_by_key(|entry| entry.client);
        let together = scene.agreement_of(target, h3, entries);
        ends(agreed(target, &all).0, &together, ServerFault::EntryTranscript(others[0]));
        cases += 1;
    }
    assert_eq!(cases, 4 * 3 + 5 * 4 + 2 * 3 * 3);
}

/// The other clients of a list, of whom one is told something else than the target.
fn rest<B>(entries: &[Entry<B>], target: ClientId, odd: ClientId) -> Option<ClientId> {
    entries.iter().map(|entry| entry.client).find(|id| *id != target && *id != odd)
}

/// A colluder signs its entry over whatever transcript the target has.
fn follow<B: EntryBody>(scene: &Scene, entries: &mut [Entry<B>], odd: ClientId, prev: [u8; 32]) {
    if let Some(entry) = entries.iter_mut().find(|entry| entry.client == odd) {
        entry.prev = Bytes(prev);
        sign_entry(&scene.session, entry, &*scene.clients[&odd]);
    }
}

#[test]
fn different_adverts_to_different_clients_come_out_before_any_input_is_masked() {
    let mut cases = 0;
    for (scene, target, odd) in positions::<Adverts>().into_iter().filter(|(_, target, odd)| target != odd) {
        let second = entry(&scene.join(odd, odd.0 + 1).1);
        for leave_out in [false, true] {
            let message = scene.forge::<Adverts>(target, |message| {
                *of(&mut message.entries, odd) = second.clone();
                message.entries.retain(|entry| !leave_out || entry.client != odd);
            });
            // Where nobody may drop out, nobody can be left out; and two clients have no third.
            let Ok((player, shares)) = scene.at(target, ADVERTS).receive(&message) else { continue };
            let (h1, mut first) = (transcript(&shares), None);
            if !scene.sent.contains_key(&(target, DELIVERY)) {
                continue;
            }
            let delivery = scene.forge_over::<Delivery>(target, h1, |message| {
                *of(&mut message.dealings, target) = entry(&shares);
                follow(scene, &mut message.dealings, odd, h1);
                message.dealings.retain(|entry| !leave_out || entry.client != odd);
                first = rest(&message.dealings, target, odd);
            });
            if let Some(first) = first {
                ends(player, &delivery, ServerFault::EntryTranscript(first));
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 2 * 3 * 2 + 2 * 4 * 3 + 2 * 5 * 4 + 2 * 2 * 4 * 4);
}

#[test]
fn different_dealings_to_different_clients_come_out_before_anybody_agrees() {
    let mut cases = 0;
    for (scene, target, odd) in positions::<Delivery>().into_iter().filter(|(_, target, odd)| target != odd) {
        let mut colluder = scene.at(odd, ADVERTS);
        colluder.rng = StdRng::seed_from_u64(odd.0 + 1);
        let shares = colluder.receive(&scene.sent[&(odd, ADVERTS)]).unwrap().1;
        let package = Message::<Shares>::decode(&shares).unwrap().body.packages.into_iter().find(|p| p.peer == target).unwrap();
        for leave_out in [false, true] {
            let message = scene.forge::<Delivery>(target, |message| {
                *of(&mut message.dealings, odd) = entry(&shares);
                let place = message.packages.iter().position(|package| package.peer == odd).unwrap();
                message.packages[place] = veilsum::message::Package { peer: odd, ..package.clone() };
                message.dealings.retain(|entry| !leave_out || entry.client != odd);
                message.packages.retain(|package| !leave_out || package.peer != odd);
            });
            let Ok((player, header)) = scene.at(target, DELIVERY).receive(&message) else { continue };
            let (h2, mut first) = (transcript(&header), None);
            let members: Vec<_> = scene.targets(SURVIVORS).into_iter().filter(|id| !leave_out || *id != odd).collect();
            let survivors = scene.forge_over::<Survivors>(target, h2, |message| {
                *message = scene.survivors_of(&members);
                *of(&mut message.entries, target) = entry(&header);
                follow(scene, &mut message.entries, odd, h2);
                first = rest(&message.entries, target, odd);
            });
            if let Some(first) = first {
                ends(player, &survivors, ServerFault::EntryTranscript(first));
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 2 * 3 * 2 + 2 * 4 * 3 + 2 * 5 * 4 + 2 * 2 * 4 * 3);
}
