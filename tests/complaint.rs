//! Bad dealings, complaints about them, and false complaints (sections 10 and 14): every dealer, every holder, every kind of badness.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/rogue.rs"]
mod rogue;
#[path = "complaint/two_keys.rs"]
mod two_keys;
#[path = "complaint/verdicts.rs"]
mod verdicts;
#[path = "common/villain.rs"]
mod villain;

use common::World;
use curve25519_dalek::Scalar;
use dealer::{Parcel, index, key_commitment};
use forge::flips;
use rogue::Rogue;
use veilsum::{
    ClientFault, ClientId, InputError, RoundError, Session,
    driver::{self, ClientStep, ServerStep},
    message::{Complaint, Message, Package},
    secagg::{complaint::judge, upload::MemorySpool},
};
use villain::{Dealt, Opened, deal_badly, dealt_by, named, others, pairs, subsets};

/// Worlds of three to five clients with their default sessions.
fn worlds() -> impl Iterator<Item = (World, Session)> {
    (3..=5).map(|n| {
        let world = World::new(n, 40 + n);
        let session = world.builder(3, 20).build().unwrap();
        (world, session)
    })
}

/// The victims ended, each with a complaint that anybody upholds, and all others did not. The server's session is over with any of
/// them; it gets one whose turn it is.
#[track_caller]
fn check_blamed(session: &Session, opened: Opened, dealer: ClientId, victims: &[ClientId], turn: usize) {
    let Opened { server, ready, ended, rogues } = opened;
    assert!(ended.keys().eq(victims), "{victims:?} got bad shares, {ended:?} say so");
    assert_eq!(ready.len() + ended.len() + 1, session.clients(), "the others are fine");
    let mut complaints = Vec::new();
    for (victim, failure) in ended {
        assert_eq!(failure.error, named(dealer, ClientFault::BadDealing));
        assert!(failure.state.is_none());
        let complaint = failure.complaint.unwrap();
        check_complaint(session, &rogues[&dealer], victim, &complaint);
        complaints.push(complaint);
    }
    let verdict = server.complain(&complaints[turn % victims.len()]).unwrap();
    assert_eq!((verdict.culprit, verdict.fault), (dealer, ClientFault::BadDealing));
}

/// It is upheld, and consists of the dealer's own words to this victim and one key.
#[track_caller]
fn check_complaint(session: &Session, dealer: &Rogue, victim: ClientId, message: &[u8]) {
    let verdict = judge(session, message).unwrap();
    assert_eq!((verdict.culprit, verdict.fault, verdict.complainer), (dealer.id, ClientFault::BadDealing, victim));
    let complaint = Message::<Complaint>::decode(message).unwrap();
    assert_eq!(complaint.encode(), message);
    let (shares, body) = (dealt_by(dealer), complaint.body);
    let package = shares.packages.iter().find(|package| package.peer == victim).unwrap();
    assert_eq!((complaint.client, body.dealer, &body.entry.body), (victim, dealer.id, &shares.dealing));
    assert_eq!(body.package, Package { peer: dealer.id, ..package.clone() });
    assert_eq!(body.key.0, dealer.parcel(victim).key);
}

fn seal(rogue: &Rogue, parcel: &Parcel) -> Package {
    parcel.seal(&rogue.session, &rogue.h1)
}

fn with_contents(rogue: &Rogue, victim: ClientId, contents: [u8; 128]) -> Package {
    seal(rogue, &Parcel { contents, ..rogue.parcel(victim) })
}

/// One of the four scalars with one bit flipped.
fn with_flipped_bit(rogue: &Rogue, holder: ClientId, part: usize, bit: usize) -> Package {
    let mut contents = rogue.parcel(holder).contents;
    contents[32 * part + bit / 8] ^= 1 << (bit % 8);
    with_contents(rogue, holder, contents)
}

#[test]
fn a_flipped_bit_of_any_share_is_found_by_its_holder_and_proves_the_dealer_bad() {
    const BITS: [usize; 4] = [0, 130, 251, 255];
    for (mut world, session) in worlds() {
        let ids = world.ids();
        for (dealer, turn) in ids.iter().flat_map(|dealer| (0..4 * BITS.len()).map(move |turn| (*dealer, turn))) {
            let victims = others(&ids, dealer);
            let opened = deal_badly(&mut world, &session, dealer, &victims, |rogue, holder| {
                let kind = turn + index(&session, holder) as usize;
                with_flipped_bit(rogue, holder, kind % 4, BITS[kind / 4 % BITS.len()])
            });
            check_blamed(&session, opened, dealer, &victims, turn);
        }
    }
}

#[test]
fn every_set_of_holders_of_wrong_shares_complains_and_nobody_else() {
    for (mut world, session) in worlds() {
        let ids = world.ids();
        for dealer in ids.iter().copied() {
            for (turn, victims) in subsets(&others(&ids, dealer)).enumerate().skip(1) {
                let opened = deal_badly(&mut world, &session, dealer, &victims, |rogue, holder| {
                    with_flipped_bit(rogue, holder, (turn + index(&session, holder) as usize) % 4, turn)
                });
                check_blamed(&session, opened, dealer, &victims, turn);
            }
        }
    }
}

/// Packages that no honest dealer seals, all under a key commitment that matches.
fn bad_packages(rogue: &Rogue, victim: ClientId) -> Vec<Package> {
    let session = &rogue.session;
    let honest = rogue.parcel(victim);
    let (m, b) = honest.contents.split_at(64);
    let part = |part: usize| &honest.contents[32 * part..][..32];
    let mislabeled = [
        [b, m].concat(),
        [m, m].concat(),
        [b, b].concat(),
        [part(1), part(0), b].concat(),
        [m, part(3), part(2)].concat(),
        vec![0; 128],
    ];
    let indices = (0..=u32::try_from(session.clients()).unwrap() + 1).filter(|other| *other != index(session, victim));
    let of_another_index = indices.map(|other| rogue.contents(other).to_vec());
    let not_canonical = (0..4).map(|at| {
        let mut contents = honest.contents.to_vec();
        contents.splice(32 * at..32 * (at + 1), not_reduced(part(at)));
        contents
    });
    let contents = mislabeled.into_iter().chain(of_another_index).chain(not_canonical);
    let mut bad: Vec<Package> =
        contents.map(|contents| seal(rogue, &Parcel { contents: contents.try_into().unwrap(), ..honest.clone() })).collect();
    bad.extend([0, 127, 128, 143].map(|byte| {
        let mut package = seal(rogue, &honest);
        package.sealed.0[byte] ^= 1;
        package
    }));
    bad.push(honest.seal(session, &session.id().0)); // over another transcript
    bad
}

/// The same residue, plus the group order.
fn not_reduced(canonical: &[u8]) -> Vec<u8> {
    let order = (Scalar::ZERO - Scalar::ONE).to_bytes();
    let mut carry = 1; // the order is one more than its greatest residue
    let sum = canonical.iter().zip(order).map(|(a, b)| {
        let sum = u16::from(*a) + u16::from(b) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    sum.collect()
}

#[test]
fn contents_that_fit_another_place_or_do_not_decode_are_proved_against_the_dealer_at_every_position() {
    for (mut world, session) in worlds() {
        let ids = world.ids();
        let kinds = 6 + (ids.len() + 1) + 4 + 4 + 1;
        for (dealer, turn) in ids.iter().flat_map(|dealer| (0..kinds).map(move |turn| (*dealer, turn))) {
            let victims = others(&ids, dealer);
            let opened = deal_badly(&mut world, &session, dealer, &victims, |rogue, holder| {
                let mut bad = bad_packages(rogue, holder);
                assert_eq!(bad.len(), kinds);
                bad.swap_remove((turn + index(&session, holder) as usize) % kinds)
            });
            check_blamed(&session, opened, dealer, &victims, turn);
        }
    }
}

#[test]
fn the_lowest_of_two_bad_dealers_is_named() {
    for (mut world, session) in worlds() {
        let ids = world.ids();
        for (low, high) in pairs(&ids).filter(|(low, high)| low < high) {
            // One is found when the envelope is opened, the other when the shares are checked: the order is that of the ids.
            for torn in [low, high] {
                let dealt = Dealt::new(&mut world, &session, &[low, high], |rogue| {
                    let mut packages = rogue.packages(|parcel| parcel.contents[0] ^= u8::from(rogue.id != torn));
                    packages.iter_mut().for_each(|package| package.sealed.0[0] ^= u8::from(rogue.id == torn));
                    rogue.shares(packages)
                });
                for failure in dealt.open(&mut world).ended.into_values() {
                    assert_eq!(failure.error, named(low, ClientFault::BadDealing));
                    assert_eq!(judge(&session, &failure.complaint.unwrap()).unwrap().culprit, low);
                }
            }
        }
    }
}

/// Packages whose key commitment is not that of the key that the holder derives.
fn unopenable(rogue: &Rogue, victim: ClientId) -> Vec<Package> {
    let honest = rogue.parcel(victim);
    let flipped = flips().map(|(byte, bits)| {
        let mut parcel = honest.clone();
        parcel.commitment[byte] ^= bits;
        parcel
    });
    let key = [7; 32];
    let commitment = key_commitment(&rogue.session, &key, rogue.id, victim);
    let with_another_key = Parcel { key, commitment, ..honest.clone() };
    flipped.chain([with_another_key]).map(|parcel| seal(rogue, &parcel)).collect()
}

#[test]
fn a_package_under_another_key_commitment_ends_its_holder_and_blames_nobody() {
    for (mut world, session) in worlds() {
        for ((dealer, victim), turn) in pairs(&world.ids()).zip(0..) {
            check_unopenable(&mut world, &session, dealer, &[victim], turn);
        }
        for dealer in world.ids() {
            let victims = others(&world.ids(), dealer);
            (0..flips().count() + 1).for_each(|turn| check_unopenable(&mut world, &session, dealer, &victims, turn));
        }
    }
}

fn check_unopenable(world: &mut World, session: &Session, dealer: ClientId, victims: &[ClientId], turn: usize) {
    let Opened { ended, ready, .. } = deal_badly(world, session, dealer, victims, |rogue, holder| {
        let mut bad = unopenable(rogue, holder);
        bad.swap_remove((turn + index(session, holder) as usize) % bad.len())
    });
    assert!(ended.keys().eq(victims));
    assert_eq!(ready.len() + ended.len() + 1, session.clients());
    for failure in ended.into_values() {
        assert_eq!(failure.error, RoundError::Unopenable(dealer).into());
        assert_eq!(failure.error.culprit(), None);
        assert!(failure.state.is_none() && failure.complaint.is_none());
    }
}

#[test]
fn a_complaint_discloses_nothing_of_any_other_dealer() {
    let (mut world, session) = worlds().last().unwrap();
    let ids = world.ids();
    for (bad, victim) in pairs(&ids) {
        let dealt = Dealt::new(&mut world, &session, &others(&ids, victim), |rogue| {
            let packages = rogue.packages(|parcel| parcel.contents[0] ^= u8::from(parcel.dealer == bad));
            rogue.shares(packages)
        });
        let Opened { rogues, mut ended, .. } = dealt.open(&mut world);
        let complaint = ended.remove(&victim).unwrap().complaint.unwrap();
        let contains = |secret: &[u8]| complaint.windows(secret.len()).any(|window| window == secret);
        assert!(contains(&rogues[&bad].parcel(victim).key));
        for rogue in rogues.values() {
            let parcel = rogue.parcel(victim);
            assert!(rogue.id == bad || !contains(&parcel.key), "the key of {}", rogue.id);
            assert!(!parcel.contents.chunks(32).any(contains), "shares of {}", rogue.id);
        }
    }
}

/// A session by the drivers, which one client's bad dealing ends: the server, and the victim with what it still has to send.
fn end_badly(world: &mut World, session: &Session) -> (driver::Server, driver::Client, Vec<u8>) {
    let (dealer, victim) = (world.ids()[0], world.ids()[1]);
    let mut rogue = Rogue::new(session, dealer, world.clients[&dealer].clone(), &mut world.rng);
    let mut server = driver::Server::new(session, world.server.clone()).unwrap();
    server.receive(&rogue.advert()).unwrap();
    let mut clients = Vec::new();
    for id in world.ids().into_iter().filter(|id| *id != dealer) {
        let (client, advert) = driver::Client::join(session, id, world.clients[&id].clone(), &mut world.rng).unwrap();
        server.receive(&advert).unwrap();
        clients.push((id, client));
    }
    let ServerStep::Send(adverts) = server.close().unwrap() else { panic!("adverts come first") };
    rogue.hear_adverts(&adverts.message_for(dealer).unwrap());
    let packages = rogue.packages(|parcel| parcel.contents[0] ^= u8::from(parcel.holder == victim));
    server.receive(&rogue.shares(packages)).unwrap();
    for (id, client) in &mut clients {
        let ClientStep::Send(shares) = client.receive(&adverts.message_for(*id).unwrap(), &mut world.rng).unwrap() else {
            panic!("shares come next")
        };
        server.receive(&shares).unwrap();
    }
    let ServerStep::Send(deliveries) = server.close().unwrap() else { panic!("deliveries come next") };
    let mut client = clients.swap_remove(0).1;
    let delivery = deliveries.message_for(victim).unwrap();
    let failure = client.receive(&delivery, &mut world.rng).unwrap_err();
    assert_eq!(failure.error, named(dealer, ClientFault::BadDealing));
    assert!(failure.ended);
    let again = client.receive(&delivery, &mut world.rng).unwrap_err();
    assert!(again.ended && again.complaint.is_none() && again.error == InputError::WrongState.into());
    (server, client, failure.complaint.unwrap())
}

#[test]
fn after_a_proven_complaint_neither_the_victim_nor_the_server_can_do_anything() {
    let (mut world, session) = worlds().last().unwrap();
    let (mut server, mut client, complaint) = end_badly(&mut world, &session);
    assert!(client.ended() && !client.awaits_input());
    assert_eq!(client.mask(&[0_u32; 3], &mut Vec::new()).unwrap_err(), InputError::WrongState.into());
    assert_eq!(client.finish().unwrap_err(), InputError::WrongState.into());

    let survivor = world.ids()[2];
    let mut upload = server.upload(survivor, MemorySpool::default()).unwrap();
    upload.write(&[0; 8]).unwrap();
    assert_eq!(server.receive(&complaint).unwrap_err(), named(world.ids()[0], ClientFault::BadDealing));
    assert!(server.ended() && server.progress().is_none());
    assert_eq!(server.receive(&complaint).unwrap_err(), InputError::WrongState.into());
    assert_eq!(server.accept(&mut upload, &complaint).unwrap_err(), InputError::WrongState.into());
    assert_eq!(server.upload(survivor, MemorySpool::default()).unwrap_err(), InputError::WrongState.into());
    assert_eq!(server.close().unwrap_err(), InputError::WrongState.into());
}
