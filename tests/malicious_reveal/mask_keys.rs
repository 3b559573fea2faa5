//! Dealers whose mask root does not give what they signed: harmless while they stay, fatal to the round and named if they leave.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use veilsum::{ClientFault, ClientId, Masking, Session, message::Package};

use crate::{
    common::{World, masking::over_both_maskings, plain_sum, read_all},
    dealer::encapsulate,
    rogue::Rogue,
    until_reveals,
    villain::{named, others, pairs, quiet},
    world,
};

over_both_maskings! {
    a_dropped_dealer_whose_mask_root_does_not_give_its_mask_key_is_named_and_the_round_fails,
    a_dropped_dealer_whose_mask_root_does_not_give_every_encapsulation_is_named_and_the_round_fails,
    a_dropped_dealer_is_named_for_its_encapsulation_to_a_client_that_never_dealt,
}

/// Plays a dealer that deals like this and then stays, or leaves before its input.
fn play_dealer(
    (world, session): (&mut World, &Session),
    dealer: ClientId,
    stays: bool,
    spoil: impl Fn(&mut Rogue),
    packages: impl Fn(&Rogue) -> Vec<Package>,
) {
    let (ids, inputs) = (world.ids(), world.inputs(session));
    let who = if stays { ids.clone() } else { others(&ids, dealer) };
    let result = quiet(world, session, |drill| {
        spoil(drill.add_rogue(dealer));
        let (mut server, reveals) = until_reveals(drill, &inputs, &who, |rogue| rogue.shares(packages(rogue)));
        reveals.iter().for_each(|(id, message)| drill.reveal(&mut server, *id, message));
        server.close()
    });
    if stays {
        let sum = result.unwrap();
        assert_eq!(read_all(&sum), plain_sum(session, &inputs, &ids), "it harms nobody while it stays");
        assert!(sum.liars().is_empty());
    } else {
        let failure = result.unwrap_err();
        assert_eq!(failure.error, named(dealer, ClientFault::MaskKeyMismatch));
        assert!(failure.state.is_none(), "the round is over");
    }
}

fn a_dropped_dealer_whose_mask_root_does_not_give_its_mask_key_is_named_and_the_round_fails(masking: Masking) {
    for shape in [(3, 0, 1), (4, 0, 1), (5, 1, 1)] {
        let (mut world, session) = world(masking, shape);
        for (dealer, stays) in world.ids().into_iter().flat_map(|dealer| [(dealer, true), (dealer, false)]) {
            let other_key = |rogue: &mut Rogue| rogue.mask_key_material[0] ^= 1;
            play_dealer((&mut world, &session), dealer, stays, other_key, Rogue::honest_packages);
        }
    }
}

fn a_dropped_dealer_whose_mask_root_does_not_give_every_encapsulation_is_named_and_the_round_fails(masking: Masking) {
    for shape in [(3, 0, 1), (4, 0, 1), (5, 1, 1)] {
        let (mut world, session) = world(masking, shape);
        let ids = world.ids();
        for dealer in &ids[..ids.len() - 1] {
            for stays in [true, false] {
                let other_coins = |rogue: &mut Rogue| rogue.mask_coin_material[31] ^= 1;
                play_dealer((&mut world, &session), *dealer, stays, other_coins, Rogue::honest_packages);
            }
        }
        for (dealer, holder) in pairs(&ids).filter(|(dealer, holder)| dealer < holder) {
            let one = |rogue: &Rogue| {
                rogue.packages(|parcel| {
                    if parcel.holder == holder {
                        parcel.mask_ciphertext = encapsulate(&rogue.adverts[&holder].mask_key.0, [9; 64]).0.to_vec();
                    }
                })
            };
            play_dealer((&mut world, &session), dealer, false, |_| {}, one);
        }
    }
}

fn a_dropped_dealer_is_named_for_its_encapsulation_to_a_client_that_never_dealt(masking: Masking) {
    let (mut world, session) = world(masking, (5, 0, 2));
    let (ids, inputs) = (world.ids(), world.inputs(&session));
    for (dealer, absent) in pairs(&ids).filter(|(dealer, absent)| dealer < absent) {
        let who: Vec<ClientId> = others(&others(&ids, dealer), absent);
        let failure = quiet(&mut world, &session, |drill| {
            drill.add_rogue(dealer);
            let (server, mut states) = drill.advertise(&ids);
            states.remove(&absent);
            let (server, states) = drill.share(server, states, |rogue| {
                let key = rogue.adverts[&absent].mask_key.0;
                let packages = rogue.packages(|parcel| {
                    if parcel.holder == absent {
                        parcel.mask_ciphertext = encapsulate(&key, [9; 64]).0.to_vec();
                    }
                });
                rogue.shares(packages)
            });
            let (mut server, states, _) = drill.deliver(server, states);
            let sent = drill.input(&mut server, states, &inputs, &who);
            let (server, agreed) = drill.agree(server, sent);
            let (mut server, _, reveals) = drill.unmask(server, agreed);
            reveals.iter().for_each(|(id, message)| drill.reveal(&mut server, *id, message));
            server.close().unwrap_err()
        });
        assert_eq!(failure.error, named(dealer, ClientFault::MaskKeyMismatch));
    }
}
