//! Sharing of secrets, thresholds and indices.

use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use veilsum::{
    ClientFault, ClientId, DecodeError, Identity as _, ParamsError, RoundError, ServerFault, Session,
    dp::DISTANCE_LOG2,
    hazmat::Dealing,
    message::{Adverts, Bytes, MaskedInput, Message, Shares, Survivors},
    secagg::{client, server::CollectingAdverts, upload::MemorySpool},
};

use crate::{
    common::{Feed, World, plain_sum, read_all, record},
    dealer::{MASK_ROOT, Polynomials, index, scalar, second_generator},
    descriptors::BOUND,
    evil::admits,
    forge::{alter_body, sign},
    plane::Plane,
    tools::{Script, Watched, chi_square, watch},
    villain::{Dealt, Tape, named, quiet, subsets},
};

/// xoloki/wsts#87 and Trail of Bits 2024: a commitment to a polynomial of higher degree was accepted, and raised the threshold
/// beyond what anybody could reach. Lesson: exactly as many commitments as the threshold.
#[test]
fn one_more_commitment_than_the_threshold_is_refused() {
    let mut world = World::new(5, 1);
    let session = world.builder(3, 20).build().unwrap();
    let (ids, expected) = (world.ids(), session.threshold());
    quiet(&mut world, &session, |drill| {
        drill.add_rogue(ids[1]);
        let (server, _) = drill.advertise(&ids);
        let (mut server, outbox) = server.close().unwrap();
        let rogue = drill.rogues.get_mut(&ids[1]).unwrap();
        rogue.hear_adverts(&outbox.message_for(ids[1]).unwrap());
        let honest = (rogue.polynomials.clone(), rogue.shares(rogue.honest_packages()));
        for got in [expected - 1, expected + 1] {
            // Everything else about the dealing is right: the shares are those of the other degree.
            rogue.polynomials = honest.0.clone();
            for polynomials in &mut rogue.polynomials {
                polynomials.values.resize(got as usize, Scalar::from(7_u8));
                polynomials.blindings.resize(got as usize, Scalar::from(8_u8));
            }
            let message = rogue.shares(rogue.honest_packages());
            let fault = ClientFault::WrongThreshold { expected, got };
            assert_eq!(server.receive(&message).unwrap_err(), named(ids[1], fault));
        }
        assert!(server.receive(&honest.1).unwrap().fresh);
    });
}

/// celo-threshold-bls#206: aggregating no signatures with threshold zero gave a valid result. Lesson: nothing from nobody is never a
/// result.
#[test]
fn nothing_from_nobody_is_not_a_result() {
    let mut world = World::new(4, 1);
    let session = world.builder(3, 20).build().unwrap();
    let server = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    let failure = server.close().unwrap_err();
    assert_eq!(failure.error, RoundError::TooFewClients { remaining: 0, threshold: 3 }.into());
    let (state, _) = world.join(&session, ClientId(10));
    let nobody = sign(&session, ClientId(10), session.id().0, &Adverts { entries: Vec::new() }, &*world.server);
    assert_eq!(state.receive(&nobody, &mut world.rng).unwrap_err().error, ServerFault::OwnEntry.into());
    assert!(!Dealing::new(session.id(), [0; 64], [1; 64], 2, 3).recovers(0));
    let build = |dropouts| world.builder(3, 20).max_dropouts(dropouts).min_honest(2).build().unwrap_err();
    assert_eq!(build(4), ParamsError::Dropouts { d: 4, n: 4 });
    assert_eq!(build(3), ParamsError::Consistency { n: 4, c: 0, d: 3, t: 1 });
}

/// shamir RUSTSEC-2020-0160: the threshold was ignored, and fewer shares recovered the secret. Lesson: fewer shares than the threshold
/// recover nothing, for every threshold.
#[test]
fn fewer_shares_than_the_threshold_recover_nothing() {
    let session = World::new(3, 1).builder(3, 20).build().unwrap();
    for threshold in 2..=6 {
        let dealing = Dealing::new(session.id(), [3; 64], [4; 64], threshold, 7);
        for shares in 0..=7 {
            assert_eq!(dealing.recovers(shares), shares >= threshold, "{shares} shares, threshold {threshold}");
        }
    }
}

/// Secret and blinding from the shares of these holders.
fn interpolate(shares: &[(u32, [Scalar; 2])]) -> [Scalar; 2] {
    let weight = |i: u32| {
        let others = shares.iter().map(|(j, _)| *j).filter(|j| *j != i);
        others.fold(Scalar::ONE, |product, j| product * Scalar::from(j) * (Scalar::from(j) - Scalar::from(i)).invert())
    };
    [0, 1].map(|part| shares.iter().map(|(i, share)| weight(*i) * share[part]).sum())
}

fn opens(commitment: &Bytes<32>, [value, blinding]: [Scalar; 2]) -> bool {
    let opened = RistrettoPoint::mul_base(&value) + second_generator() * blinding;
    CompressedRistretto(commitment.0) == opened.compress()
}

/// lapets/shamirs#2: the threshold was off by one. Lesson: three shares of a client's secrets are enough if the threshold is three, whichever
/// they are, and two never are.
#[test]
fn a_threshold_of_three_needs_any_three_shares_and_no_two() {
    let mut world = World::new(5, 1);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(2).build().unwrap();
    assert_eq!(session.threshold(), 3);
    let ids = world.ids();
    let dealt = Dealt::new(&mut world, &session, &ids[1..], |rogue| rogue.shares(rogue.honest_packages()));
    let delivery = dealt.delivery(ids[1]);
    let dealing = &delivery.dealings.iter().find(|entry| entry.client == ids[0]).unwrap().body;
    for (commitments, at) in [(&dealing.mask_root, 0), (&dealing.self_secret, 64)] {
        let share = |id: &ClientId| {
            let part = |from: usize| scalar(dealt.rogues[id].held[&ids[0]][from..from + 32].try_into().unwrap());
            (index(&session, *id), [part(at), part(at + 32)])
        };
        for holders in subsets(&ids[1..]) {
            let secret = interpolate(&holders.iter().map(share).collect::<Vec<_>>());
            assert_eq!(opens(&commitments[0], secret), holders.len() >= 3, "{holders:?}");
        }
    }
}

/// sharks RUSTSEC-2024-0398 and bitaps#63: coefficients were drawn from 1 to 255, so that shares told something about the secret.
/// Lesson: coefficients are uniform, zero included.
#[test]
fn coefficients_take_every_value_zero_included() {
    let mut world = World::new(3, 1);
    let session = world.builder(3, 20).build().unwrap();
    let Watched { twin, shares, .. } = watch(&mut world, &session, ClientId(20), &[0; 3]);
    let dealing = Message::<Shares>::decode(&shares).unwrap().body.dealing;
    // The client's own coefficients are those of the specification; of these there can be many.
    assert_eq!(dealing.mask_root, twin.polynomials[0].commitments());
    assert_eq!(dealing.self_secret, twin.polynomials[1].commitments());
    let (mut rng, mut entropy, mut bytes) = (StdRng::seed_from_u64(2), [0; 64], Vec::new());
    for _ in 0..1600 {
        rng.fill_bytes(&mut entropy);
        let Polynomials { values, blindings } = Polynomials::new(&session, ClientId(20), MASK_ROOT, Scalar::ZERO, &entropy);
        bytes.extend(values[1..].iter().chain(&blindings).map(|coefficient| coefficient.to_bytes()[0]));
    }
    assert!((0..=255).all(|value| bytes.contains(&value)));
    assert!(chi_square(bytes) < 400.0);
}

/// tss-lib PR#149: an index of zero modulo the group order gave the secret away, and equal indices broke recovery. Lesson: an index
/// is a place in the roster, from one on, and not what a party says it is; no id is listed twice.
#[test]
fn no_id_makes_an_index_zero_or_one_that_another_client_has() {
    let mut world = World::new(5, 1);
    let ids = [0, 1, 1 << 32, 1 << 63, u64::MAX].map(ClientId);
    world.clients = ids.into_iter().zip(world.clients.into_values()).collect();
    let session = world.builder(3, 20).build().unwrap();
    let inputs = world.inputs(&session);
    let record = record(&mut world, &session, &inputs, &Feed::default());
    assert_eq!(read_all(&record.sum), plain_sum(&session, &inputs, &ids));
    let reveals = record.messages.iter().filter_map(|message| Message::<veilsum::message::Reveal>::decode(message).ok());
    let deliveries = record.messages.iter().filter_map(|message| Message::<veilsum::message::Delivery>::decode(message).ok());
    let dealings = deliveries.into_iter().next().unwrap().body.dealings;
    let mut seen = 0;
    for reveal in reveals {
        let place = ids.iter().position(|id| *id == reveal.client).unwrap();
        for (share, dealing) in reveal.body.shares.iter().zip(&dealings) {
            let good: Vec<u32> = (0..=6).filter(|index| admits(&dealing.body.self_secret, *index, share)).collect();
            assert_eq!(good, [u32::try_from(place).unwrap() + 1]);
            seen += 1;
        }
    }
    assert_eq!(seen, 25);
    let key = |id: &ClientId| (*id, world.clients[id].public_key());
    let twice = ids.iter().map(key).chain([(ids[0], world.clients[&ids[1]].public_key())]);
    let refused = Session::builder(twice, world.server.public_key(), 3, 20, BOUND).build().unwrap_err();
    assert_eq!(refused, ParamsError::RosterOrder(ids[0]));
}

/// juicebox#6 and renproject/shamir#36: the share at zero, which is the secret, was dealt or accepted. Lesson: no holder
/// is ever given the value at zero, and a secret itself is no share.
#[test]
fn the_value_at_zero_is_nobodys_share_and_is_not_taken_for_one() {
    let mut world = World::new(4, 3);
    let session = world.builder(3, 20).build().unwrap();
    let (ids, dealer) = (world.ids(), ClientId(20));
    let Watched { twin, .. } = watch(&mut world, &session, dealer, &[0; 3]);
    let secrets = [twin.mask_root, twin.self_secret].map(|secret| secret.to_bytes());
    for id in &ids {
        let contents = twin.contents(index(&session, *id));
        assert!(contents.chunks(32).all(|part| secrets.iter().all(|secret| part != secret)), "{id}");
    }
    // A dealer that gives a holder the value at zero is caught.
    let dealt = Dealt::new(&mut world, &session, &[dealer], |rogue| {
        let at_zero = rogue.contents(0);
        let packages = rogue.packages(|parcel| {
            if parcel.holder == ids[3] {
                parcel.contents = at_zero;
            }
        });
        rogue.shares(packages)
    });
    let opened = dealt.open(&mut world);
    assert_eq!(opened.ended[&ids[3]].error, named(dealer, ClientFault::BadDealing));
    assert_eq!(opened.ready.len(), 2);
}

/// celo-threshold-bls#206: one partial signature, given again, filled the threshold. Lesson: a share that is heard again counts once.
#[test]
fn one_reveal_heard_again_and_again_is_one_reveal() {
    let mut world = World::new(5, 2);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(2).build().unwrap();
    let ids = world.ids();
    let tape = Tape::record(&mut world, &session, &ids);
    let mut server = tape.replay();
    for (id, heard) in [(0, 1), (1, 2), (0, 2), (0, 2), (1, 2), (0, 2)] {
        assert_eq!(server.receive(tape.reveal(ids[id])).unwrap().progress.received, heard);
    }
    let failure = server.close().unwrap_err();
    assert_eq!(failure.error, RoundError::TooFewClients { remaining: 2, threshold: 3 }.into());
    let mut server = *failure.state.unwrap();
    assert!(server.receive(tape.reveal(ids[4])).unwrap().fresh);
    assert_eq!(read_all(&server.close().unwrap()), plain_sum(&session, &tape.inputs, &ids));
}

/// drand DKG, audit of 2020: a threshold raised above half, for safety, broke the assumption of another proof. Lesson: a threshold has two
/// sides, and a descriptor that breaks either is refused.
#[test]
fn a_threshold_has_two_sides() {
    let mut accepted = 0;
    for n in 2..=9_u32 {
        let world = World::new(n.into(), 1);
        for (c, d, h) in (0..=n).flat_map(|c| (0..=n).flat_map(move |d| (0..=n).map(move |h| (c, d, h)))) {
            let t = n.saturating_sub(d);
            let sound = d < n && 2 * t > n + c && h >= 2 && t >= c + h;
            let built = world.builder(3, 20).max_colluders(c).max_dropouts(d).min_honest(h).build();
            assert_eq!(built.is_ok(), sound, "n = {n}, c = {c}, d = {d}, min_honest = {h}");
            accepted += u32::from(sound);
        }
    }
    assert!(accepted > 100);
}

/// ZF FROST 2.2.0: the number of signers that a refresh was given was not compared with the one agreed on. Lesson: what is said twice is
/// checked twice.
#[test]
fn a_parameter_that_is_sent_twice_is_checked_twice() {
    let mut plane = Plane::new(World::new(3, 1), 100, 20, 64);
    let id = ClientId(20);
    let changes: [fn(&mut MaskedInput); 4] =
        [|input| input.vector_len += 1, |input| input.vector_len = 0, |input| input.chunk_len += 64, |input| input.chunk_len = 0];
    for change in changes {
        let header = alter_body(&plane.headers[&id], &*plane.world.clients[&id], change);
        let mut upload = plane.upload(id, MemorySpool::default());
        assert_eq!(plane.server.accept(&mut upload, &header).unwrap_err(), named(id, ClientFault::WrongDimensions));
    }
    plane.send_all_but(&[]);
    let (_, survivors) = plane.server.close().unwrap();
    // The bitmap says what the entries say.
    let other = alter_body::<Survivors>(&survivors.message_for(id).unwrap(), &*plane.world.server, |list| list.bitmap[0] ^= 1);
    let failure = plane.clients.remove(&id).unwrap().receive(&other).unwrap_err();
    assert_eq!(failure.error, ServerFault::Malformed(DecodeError::Count).into());
}

/// VDAF draft #325: in a small field too few checks let a forged proof pass. Lesson: errors that cancel under equal weights are found, because
/// the weights of a batch are random and of 128 bits.
#[test]
fn bad_shares_that_cancel_are_not_taken_together() {
    let mut world = World::new(5, 1);
    let session = world.builder(3, 20).build().unwrap();
    let (ids, victim) = (world.ids(), ClientId(50));
    let dealt = Dealt::new(&mut world, &session, &ids[..2], |rogue| {
        let error = if rogue.id == ids[0] { Scalar::ONE } else { -Scalar::ONE };
        let packages = rogue.packages(|parcel| {
            if parcel.holder == victim {
                let share = scalar(parcel.contents[..32].try_into().unwrap()) + error;
                parcel.contents[..32].copy_from_slice(&share.to_bytes());
            }
        });
        rogue.shares(packages)
    });
    let opened = dealt.open(&mut world);
    let failure = &opened.ended[&victim];
    assert_eq!(failure.error, named(ids[0], ClientFault::BadDealing));
    assert!(failure.complaint.is_some());
    assert_eq!(opened.ready.len(), 2, "the other honest clients");
}

/// TSSHOCK: a commit lowered the iterations of a proof to one. Lesson: soundness is no knob, and a test pins it.
#[test]
fn soundness_is_128_bits_and_no_knob() {
    let world = World::new(3, 1);
    let session = world.builder(3, 20).build().unwrap();
    let dealings: Vec<_> = (0..5).map(|k| Dealing::new(session.id(), [k; 64], [k + 9; 64], 3, 4)).collect();
    let mut script = Script::new(|at| at.to_le_bytes()[0] ^ 0x5a);
    assert_eq!(Dealing::check(&dealings, 2, &mut script), Ok(true));
    assert_eq!(script.given, 16 * dealings.len(), "128 bits for each dealing");
    let mut script = Script::new(|at| at.to_le_bytes()[0]);
    client::join(&session, ClientId(10), world.clients[&ClientId(10)].clone(), &mut script).unwrap();
    assert_eq!((script.given, script.calls), (4 * 64, 4), "512 bits for each secret");
    const { assert!(DISTANCE_LOG2 <= -96) };
}
