//! The ciphertext of a false accusation: it opens under two keys.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use chacha20poly1305::{
    Nonce,
    aead::{Aead as _, Payload},
};
use curve25519_dalek::Scalar;
use veilsum::{
    ClientFault, ClientId, RoundError,
    message::{Bytes, Complaint, Package},
    secagg::complaint::judge,
};

use crate::{
    dealer::{Parcel, cipher, index, kdf, key_commitment, number, scalar},
    forge::sign,
    rogue::Rogue,
    villain::{Dealt, keystream, named, open_under_both, pairs},
    worlds,
};

/// The dealer shares its mask root so that the first block of the holder's share is this one.
fn choose_first_block(rogue: &mut Rogue, holder: ClientId, block: [u8; 16]) {
    let place = index(&rogue.session, holder);
    let mut contents = rogue.contents(place);
    let before = scalar(contents[..32].try_into().unwrap());
    contents[..16].copy_from_slice(&block);
    let after = scalar(contents[..32].try_into().unwrap());
    rogue.polynomials[0].values[1] += (after - before) * Scalar::from(place).invert();
    assert_eq!(rogue.contents(place), contents);
}

/// Deals so that the good package for the holder opens under a second key as well, and gives the package and that key.
fn package_of_two_keys(rogue: &mut Rogue, holder: ClientId, second_is_committed: bool) -> (Package, [u8; 32]) {
    let (session, pair) = (rogue.session.clone(), [number(rogue.id), number(holder)]);
    let seal_key = |key: &[u8; 32]| kdf::<32>(&session, "seal-key", key, &[&pair[0], &pair[1]]);
    let mut parcel = rogue.parcel(holder);
    let first = seal_key(&parcel.key);
    let stream = keystream(&first);
    let mut sealed: [u8; 128] = core::array::from_fn(|at| parcel.contents[at] ^ stream[at]);
    let candidates = (0..=255_u8).map(|guess| [guess; 32]).find_map(|second| {
        if second_is_committed {
            parcel.commitment = key_commitment(&session, &second, rogue.id, holder);
        }
        let associated = parcel.associated(&session, &rogue.h1);
        open_under_both([&first, &seal_key(&second)], &associated, &mut sealed, 0).map(|tag| (tag, second))
    });
    let (tag, second) = candidates.unwrap();
    let block = core::array::from_fn(|at| sealed[at] ^ stream[at]);
    choose_first_block(rogue, holder, block);
    (parcel.package([&sealed[..], &tag].concat().try_into().unwrap()), second)
}

#[test]
fn a_ciphertext_that_opens_under_two_keys_proves_nothing_under_the_one_that_is_not_committed_to() {
    for (mut world, session) in worlds() {
        for ((dealer, holder), second_is_committed) in pairs(&world.ids()).flat_map(|pair| [(pair, false), (pair, true)]) {
            let mut second = [0; 32];
            let dealt = Dealt::new(&mut world, &session, &[dealer], |rogue| {
                let package;
                (package, second) = package_of_two_keys(rogue, holder, second_is_committed);
                check_two_keys(rogue, holder, &package, &second);
                let mut packages = rogue.honest_packages();
                let honest = packages.iter_mut().find(|package| package.peer == holder).unwrap();
                assert_eq!(*honest == package, !second_is_committed, "otherwise it is what an honest dealer seals");
                *honest = package;
                rogue.shares(packages)
            });
            let (delivery, h1) = (dealt.delivery(holder), dealt.rogues[&dealer].h1);
            let find = |package: &&Package| package.peer == dealer;
            let package = delivery.packages.iter().find(find).unwrap().clone();
            let entry = dealt.rogues[&dealer].entry(&delivery.dealings);
            let opened = dealt.open(&mut world);
            let complaint = Complaint { dealer, key: Bytes(second), entry, package };
            let complaint = sign(&session, holder, h1, &complaint, &*world.clients[&holder]);
            let verdict = judge(&session, &complaint).unwrap();
            if second_is_committed {
                // The commitment alone decides: with the other one the same accusation stands, and the holder's own key opens nothing.
                assert_eq!((verdict.culprit, verdict.fault), (dealer, ClientFault::BadDealing));
                assert_eq!(opened.ended[&holder].error, RoundError::Unopenable(dealer).into());
            } else {
                assert_eq!((verdict.culprit, verdict.fault), (holder, ClientFault::FalseComplaint));
                assert!(opened.ready.contains_key(&holder));
                let failure = opened.server.complain(&complaint).unwrap_err();
                assert_eq!(failure.error, named(holder, ClientFault::FalseComplaint));
                assert!(failure.state.is_some());
            }
        }
    }
}

/// Both keys open the package: one to the holder's good shares, the other to something else.
fn check_two_keys(rogue: &Rogue, holder: ClientId, package: &Package, second: &[u8; 32]) {
    let parcel = Parcel { commitment: package.key_commitment.0, ..rogue.parcel(holder) };
    let associated = parcel.associated(&rogue.session, &rogue.h1);
    let open = |key: &[u8; 32]| {
        let payload = Payload { msg: &package.sealed.0, aad: &associated };
        cipher(&rogue.session, rogue.id, holder, key).decrypt(&Nonce::default(), payload).unwrap()
    };
    assert_eq!(open(&parcel.key), parcel.contents);
    assert_ne!(open(second), parcel.contents);
}
