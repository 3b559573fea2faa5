//! A server that swaps keys, packages and dealings, alone or with a client that signs for it; and one that lies about the sum.
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
#[path = "common/rogue.rs"]
mod rogue;

use dealer::{Parcel, key_pair};
use evil::{Scene, entry, of, positions, subsets, targets, transcript};
use forge::{ADVERTS, ANNOUNCEMENT, DELIVERY, flips, sign_entry};
use player::{Player, check_sum, ends};
use rand::{SeedableRng as _, rngs::StdRng};
use rogue::Rogue;
use veilsum::{
    ClientFault, ClientId, DecodeError, Party, RoundError, ServerFault,
    message::{Advert, Adverts, Announcement, Bytes, Dealing, Delivery, Digest, Message, Package, Shares},
};

#[test]
fn no_key_can_be_put_in_anothers_place() {
    for (scene, target, listed) in positions::<Adverts>() {
        let body = |id: ClientId| entry::<Advert>(&scene.join(id, id.0).1).body;
        let others = scene.ids().into_iter().filter(|id| *id != listed).map(body);
        let keys = others.flat_map(|advert| [advert.channel_key, advert.mask_key]);
        for key in keys.chain([Bytes(key_pair([7; 32]).1)]) {
            for change in [|advert: &mut Advert, key| advert.channel_key = key, |advert: &mut Advert, key| advert.mask_key = key]
            {
                let message = scene.forge_list::<Adverts>(target, |entries| change(&mut of(entries, listed).body, key));
                scene.ends(target, ADVERTS, &message, ServerFault::EntrySignature(listed));
            }
        }
        let swapped = scene.forge_list::<Adverts>(target, |entries| {
            let advert = &mut of(entries, listed).body;
            core::mem::swap(&mut advert.channel_key, &mut advert.mask_key);
        });
        scene.ends(target, ADVERTS, &swapped, ServerFault::EntrySignature(listed));
    }
}

#[test]
fn a_key_that_an_honest_server_refuses_names_the_server_though_a_client_signed_it() {
    for (scene, target, listed) in positions::<Adverts>().into_iter().filter(|(_, target, listed)| target != listed) {
        let refused = |fault, change: &dyn Fn(&mut Advert)| {
            let message = scene.forge_list::<Adverts>(target, |entries| {
                let entry = of(entries, listed);
                change(&mut entry.body);
                sign_entry(&scene.session, entry, &*scene.clients[&listed]);
            });
            scene.ends(target, ADVERTS, &message, fault);
        };
        refused(ServerFault::DuplicateKey(listed), &|advert| advert.mask_key = advert.channel_key);
        for copied in scene.sent::<Adverts>(target).entries.into_iter().filter(|entry| entry.client != listed) {
            for key in [copied.body.channel_key, copied.body.mask_key] {
                let fault = ServerFault::DuplicateKey(copied.client.max(listed));
                refused(fault, &|advert| advert.channel_key = key);
                refused(fault, &|advert| advert.mask_key = key);
            }
        }
        let contents = ServerFault::EntryContents(listed, ClientFault::Malformed(DecodeError::KemKey));
        refused(contents, &|advert| advert.channel_key.0[..1184].fill(0xff));
        refused(contents, &|advert| advert.mask_key.0[1184..].fill(0));
    }
}

/// Every client that gets a delivery, with every other dealer in it.
fn pairs() -> impl Iterator<Item = (&'static Scene, ClientId, ClientId)> {
    positions::<Delivery>().into_iter().filter(|(_, target, dealer)| target != dealer)
}

fn package_of(message: &mut Delivery, dealer: ClientId) -> &mut Package {
    message.packages.iter_mut().find(|package| package.peer == dealer).unwrap()
}

/// Another package under a dealer's name; what it lacks is filled in.
fn rename(package: &Package, dealer: ClientId, target: ClientId) -> Package {
    let mask_ciphertext = (dealer < target).then(|| package.mask_ciphertext.unwrap_or(Bytes([0; 1120])));
    Package { peer: dealer, mask_ciphertext, ..package.clone() }
}

#[test]
fn a_package_altered_in_any_part_names_the_server() {
    for (scene, target, dealer) in pairs() {
        let alterations: [fn(&mut Package); 6] = [
            |package| package.channel_ciphertext.0[0] ^= 1,
            |package| package.channel_ciphertext.0[1119] ^= 64,
            |package| package.key_commitment.0[31] ^= 128,
            |package| package.sealed.0[0] ^= 1,
            |package| package.sealed.0[143] ^= 128,
            |package| package.mask_ciphertext.iter_mut().for_each(|bytes| bytes.0[1119] ^= 1),
        ];
        let present = alterations.into_iter().take(if dealer < target { 6 } else { 5 });
        for alter in present {
            let message = scene.forge::<Delivery>(target, |message| alter(package_of(message, dealer)));
            scene.ends(target, DELIVERY, &message, ServerFault::PackageMismatch(dealer));
        }
    }
}

#[test]
fn a_package_of_another_dealer_or_for_another_holder_names_the_server() {
    for (scene, target, dealer) in pairs() {
        let all = scene.sent::<Delivery>(target).packages;
        let others = all.iter().filter(|package| package.peer != dealer).cloned();
        let holders = scene.targets(DELIVERY).into_iter().filter(|id| ![target, dealer].contains(id));
        let elsewhere = holders.map(|holder| package_of(&mut scene.sent(holder), dealer).clone());
        for other in others.chain(elsewhere) {
            let message = scene.forge::<Delivery>(target, |message| {
                *package_of(message, dealer) = rename(&other, dealer, target);
            });
            scene.ends(target, DELIVERY, &message, ServerFault::PackageMismatch(dealer));
        }
    }
}

#[test]
fn packages_of_other_dealers_than_the_listed_ones_name_the_server() {
    for (scene, target, dealer) in pairs() {
        let refused = |fault, change: &dyn Fn(&mut Vec<Package>)| {
            let message = scene.forge::<Delivery>(target, |message| change(&mut message.packages));
            scene.ends(target, DELIVERY, &message, fault);
        };
        let insert = |packages: &mut Vec<Package>, peer: ClientId| {
            let place = packages.iter().take_while(|package| package.peer < peer).count();
            packages.insert(place, rename(&packages[0], peer, target));
        };
        refused(ServerFault::WrongPackages, &|packages| packages.retain(|package| package.peer != dealer));
        refused(ServerFault::WrongPackages, &|packages| insert(packages, ClientId(dealer.0 + 5)));
        refused(ServerFault::WrongPackages, &|packages| insert(packages, target));
        refused(ServerFault::WrongPackages, &|packages| {
            packages.retain(|package| package.peer != dealer);
            packages.push(rename(&scene.sent::<Delivery>(target).packages[0], ClientId(1000), target));
        });
        refused(ServerFault::Malformed(DecodeError::Order), &|packages| insert(packages, dealer));
    }
}

/// Dealings as a colluding dealer signed them, each of which an honest server refuses.
fn check_dealing(scene: &Scene, target: ClientId, dealer: ClientId, fault: ClientFault, change: &dyn Fn(&mut Dealing)) {
    let message = scene.forge::<Delivery>(target, |message| {
        let entry = of(&mut message.dealings, dealer);
        change(&mut entry.body);
        sign_entry(&scene.session, entry, &*scene.clients[&dealer]);
    });
    scene.ends(target, DELIVERY, &message, ServerFault::EntryContents(dealer, fault));
}

#[test]
fn a_dealing_over_another_threshold_names_the_server_that_let_it_pass() {
    for (scene, target, dealer) in pairs() {
        let expected = scene.session.threshold();
        for got in [1, expected - 1, expected + 1] {
            check_dealing(scene, target, dealer, ClientFault::WrongThreshold { expected, got }, &|dealing| {
                let point = dealing.mask_root[0];
                dealing.mask_root.resize(got as usize, point);
                dealing.self_secret.resize(got as usize, point);
            });
        }
        check_dealing(scene, target, dealer, ClientFault::Malformed(DecodeError::Point), &|dealing| {
            dealing.self_secret[expected as usize - 1].0[31] ^= 128;
        });
    }
}

#[test]
fn a_dealer_that_leaves_a_holder_out_or_adds_one_names_the_server_that_let_it_pass() {
    for (scene, target, dealer) in pairs() {
        let holders = scene.targets(ADVERTS).into_iter().filter(|id| *id != dealer);
        for left_out in holders {
            check_dealing(scene, target, dealer, ClientFault::WrongHolders, &|dealing| {
                dealing.digests.retain(|digest| digest.holder != left_out);
            });
        }
        for added in [dealer, ClientId(dealer.0 + 5)] {
            check_dealing(scene, target, dealer, ClientFault::WrongHolders, &|dealing| {
                dealing.digests.push(Digest { holder: added, digest: Bytes([0; 32]) });
                dealing.digests.sort_unstable_by_key(|digest| digest.holder);
            });
        }
        let message = scene.forge::<Delivery>(target, |message| {
            let entry = of(&mut message.dealings, dealer);
            entry.body.digests.iter_mut().for_each(|digest| digest.digest.0[0] ^= 1);
            sign_entry(&scene.session, entry, &*scene.clients[&dealer]);
        });
        scene.ends(target, DELIVERY, &message, ServerFault::PackageMismatch(dealer));
    }
}

#[test]
fn a_client_deals_to_everybody_in_the_list_so_no_graph_can_be_chosen_for_it() {
    for (scene, target) in targets(ADVERTS) {
        let all = scene.targets(ADVERTS);
        for members in subsets(&all).into_iter().filter(|set| set.contains(&target) && set.len() >= scene.threshold()) {
            let message = scene.forge_list::<Adverts>(target, |entries| entries.retain(|e| members.contains(&e.client)));
            let (_, shares) = scene.at(target, ADVERTS).receive(&message).unwrap();
            let shares = Message::<Shares>::decode(&shares).unwrap().body;
            let holders: Vec<_> = shares.packages.iter().map(|package| package.peer).collect();
            let others: Vec<_> = members.iter().copied().filter(|id| *id != target).collect();
            assert_eq!(holders, others);
            assert!(members.len() - scene.session.max_colluders() as usize >= scene.session.min_honest() as usize);
            // The larger of every pair decapsulates, so there is one encapsulation for each pair of clients.
            assert!(shares.packages.iter().all(|package| package.mask_ciphertext.is_some() == (target < package.peer)));
        }
    }
}

/// A client in a session with a colluding dealer, and its delivery; the dealer's package for the client is altered before it is sealed.
fn with_rogue(scene: &Scene, target: ClientId, dealer: ClientId, alter: impl Fn(&mut Parcel)) -> (Player, Vec<u8>) {
    let identity = scene.clients[&dealer].clone();
    let mut rogue = Rogue::new(&scene.session, dealer, identity, &mut StdRng::seed_from_u64(dealer.0));
    let adverts = |id| scene.forge_list::<Adverts>(id, |entries| *of(entries, dealer) = entry(&rogue.advert()));
    let honest = scene.targets(ADVERTS).into_iter().filter(|id| *id != dealer);
    let mut dealt: Vec<_> = honest.map(|id| (id, scene.at(id, ADVERTS).receive(&adverts(id)).unwrap())).collect();
    let heard = adverts(target);
    rogue.hear_adverts(&heard);
    let packages = rogue.packages(|parcel| {
        if parcel.holder == target {
            alter(parcel);
        }
    });
    let mut messages: Vec<_> = dealt.iter().map(|(_, (_, shares))| shares.clone()).collect();
    messages.push(rogue.shares(packages));
    messages.sort_unstable_by_key(|message| forge::Raw::parse(message).client);
    let place = dealt.iter().position(|(id, _)| *id == target).unwrap();
    let (_, (player, shares)) = dealt.swap_remove(place);
    let delivery = scene.forge_over::<Delivery>(target, transcript(&shares), |delivery| {
        delivery.dealings = messages.iter().map(|message| entry(message)).collect();
        let others = messages.iter().map(|message| Message::<Shares>::decode(message).unwrap());
        let to_target = |shares: Message<Shares>| {
            let package = shares.body.packages.into_iter().find(|package| package.peer == target)?;
            Some(Package { peer: shares.client, ..package })
        };
        delivery.packages = others.filter_map(to_target).collect();
    });
    (player, delivery)
}

#[test]
fn a_kem_ciphertext_that_an_honest_server_refuses_names_the_server_though_a_dealer_signed_it() {
    for (scene, target, dealer) in pairs() {
        let (player, delivery) = with_rogue(scene, target, dealer, |_| {});
        assert!(player.receive(&delivery).is_ok(), "an honest dealer");
        let fault = ServerFault::EntryContents(dealer, ClientFault::Malformed(DecodeError::KemCiphertext));
        let (player, delivery) = with_rogue(scene, target, dealer, |parcel| parcel.channel_ciphertext[1088..].fill(0));
        ends(player, &delivery, fault);
        if dealer < target {
            let (player, delivery) = with_rogue(scene, target, dealer, |parcel| parcel.mask_ciphertext[1088..].fill(0));
            ends(player, &delivery, fault);
        }
    }
}

#[test]
fn a_sum_that_is_not_the_announced_one_is_refused_and_a_bad_announcement_names_the_server() {
    for (scene, target) in targets(ANNOUNCEMENT) {
        let genuine = &scene.sent[&(target, ANNOUNCEMENT)];
        let refused = |words: &[u64], message: &[u8], fault: ServerFault| {
            let error = check_sum(scene.at(target, ANNOUNCEMENT), words, message).unwrap_err();
            assert_eq!((error.culprit(), error.code()), (Some(Party::Server), fault.code()));
            assert_eq!(error, fault.into());
        };
        // Words that anyone may have changed prove nothing against anybody.
        let mismatch = |words: &[u64], message: &[u8]| {
            let error = check_sum(scene.at(target, ANNOUNCEMENT), words, message).unwrap_err();
            assert_eq!((error.culprit(), error), (None, RoundError::SumMismatch.into()));
        };
        for place in 0..scene.sum.len() {
            let mut words = scene.sum.clone();
            words[place] ^= 1 << (place * 4);
            mismatch(&words, genuine);
        }
        for (place, bits) in flips() {
            let other_root = scene.forge::<Announcement>(target, |message| message.sum_root.0[place] ^= bits);
            mismatch(&scene.sum, &other_root);
            let elsewhere = scene.forge_fields(target, ANNOUNCEMENT, |raw| raw.prev[place] ^= bits);
            refused(&scene.sum, &elsewhere, ServerFault::WrongTranscript);
        }
        let longer = scene.forge_fields(target, ANNOUNCEMENT, |raw| raw.body.push(0));
        refused(&scene.sum, &longer, ServerFault::Malformed(DecodeError::Trailing));
        assert_eq!(check_sum(scene.at(target, ANNOUNCEMENT), &scene.sum, genuine).unwrap(), scene.h4);
    }
}
