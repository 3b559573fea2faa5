//! Dealings of the wrong form at clients to whom a server forwards them, weak but lawful ones, and packages that were copied.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use curve25519_dalek::Scalar;
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, ParamsError, RoundError, ServerFault, Session,
    message::{Bytes, Dealing, Delivery, Message, Package, Shares},
};

use crate::{
    common::{World, plain_sum, read_all},
    drill::Per,
    forge::{alter_body, sign_entry},
    rogue::Rogue,
    villain::{Dealt, others, pairs, quiet},
    worlds,
};

type Change = Box<dyn Fn(&mut Dealing)>;

/// Dealings that an honest server refuses, and what it says.
fn malformed(t: u32) -> Vec<(Change, ClientFault)> {
    let mut table: Vec<(Change, ClientFault)> = Vec::new();
    for got in [0, 1, t - 1, t + 1, 1 << 16] {
        let resize = move |dealing: &mut Dealing| {
            let point = dealing.mask_root[0];
            dealing.mask_root.resize(got as usize, point);
            dealing.self_secret.resize(got as usize, point);
        };
        table.push((Box::new(resize), ClientFault::WrongThreshold { expected: t, got }));
    }
    let point = ClientFault::Malformed(DecodeError::Point);
    table.push((Box::new(|dealing| dealing.mask_root[1] = Bytes([0xff; 32])), point));
    table.push((Box::new(|dealing| dealing.self_secret[0] = Bytes([1; 32])), point));
    table.push((Box::new(|dealing| dealing.digests.clear()), ClientFault::WrongHolders));
    table.push((Box::new(|dealing| _ = dealing.digests.remove(0)), ClientFault::WrongHolders));
    table.push((Box::new(|dealing| dealing.digests[0].holder.0 -= 1), ClientFault::WrongHolders));
    table
}

#[test]
fn a_malformed_dealing_that_the_server_forwards_ends_every_client_and_is_the_servers_fault() {
    for (mut world, session) in worlds(veilsum::Masking::Pairwise) {
        for dealer in world.ids() {
            for (change, fault) in malformed(session.threshold()) {
                let dealt = Dealt::new(&mut world, &session, &[dealer], |rogue| rogue.shares(rogue.honest_packages()));
                for (id, state) in dealt.clients {
                    let honest = dealt.outbox.message_for(id).unwrap();
                    let forwarded = alter_body::<Delivery>(&honest, &*world.server, |delivery| {
                        let entry = delivery.dealings.iter_mut().find(|entry| entry.client == dealer).unwrap();
                        change(&mut entry.body);
                        sign_entry(&session, entry, &*world.clients[&dealer]);
                    });
                    let failure = state.receive(&forwarded, &mut world.rng).unwrap_err();
                    assert_eq!(failure.error, Error::Server(ServerFault::EntryContents(dealer, fault)));
                    assert!(failure.state.is_none() && failure.complaint.is_none());
                }
            }
        }
    }
}

#[test]
fn no_session_has_a_threshold_of_zero_or_one() {
    for n in 2..=5 {
        let world = World::new(n, n);
        let clients = u32::try_from(n).unwrap();
        let build = |dropouts| world.builder(3, 20).max_colluders(0).min_honest(2).max_dropouts(dropouts).build();
        assert_eq!(build(clients).unwrap_err(), ParamsError::Dropouts { d: clients, n: clients });
        assert!(matches!(build(clients - 1).unwrap_err(), ParamsError::Consistency { t: 1, .. }));
    }
}

#[test]
fn two_clients_can_not_have_one_identity() {
    let world = World::new(5, 5);
    for (first, second) in pairs(&world.ids()) {
        let key = |id: &ClientId| veilsum::Identity::public_key(&*world.clients[if *id == second { &first } else { id }]);
        let roster = world.clients.keys().map(|id| (*id, key(id)));
        let builder =
            Session::builder(roster, veilsum::Identity::public_key(&*world.server), 3, 20, veilsum::Bound::Exact { max_abs: 1 });
        assert_eq!(builder.build().unwrap_err(), ParamsError::DuplicateIdentity(first.max(second)));
    }
}

#[test]
fn a_dealer_that_shares_constants_or_the_identity_gives_only_itself_away() {
    for (mut world, session) in worlds(veilsum::Masking::Pairwise) {
        let (ids, inputs) = (world.ids(), world.inputs(&session));
        for (dealer, leaves) in ids.iter().flat_map(|id| [(*id, false), (*id, true)]) {
            if leaves && session.max_dropouts() == 0 {
                continue;
            }
            let who = if leaves { others(&ids, dealer) } else { ids.clone() };
            let sum = quiet(&mut world, &session, |drill| {
                drill.add_rogue(dealer);
                let (server, states) = drill.advertise(&ids);
                let (server, states) = drill.share(server, states, |rogue| {
                    for polynomials in &mut rogue.polynomials {
                        polynomials.values[1..].fill(Scalar::ZERO);
                        polynomials.blindings[1..].fill(Scalar::ZERO);
                    }
                    rogue.shares(rogue.honest_packages())
                });
                let (server, states, ended) = drill.deliver(server, states);
                assert!(ended.is_empty());
                drill.finish(server, states, &inputs, &who)
            });
            assert_eq!(read_all(&sum), plain_sum(&session, &inputs, &who));
        }
    }
}

/// Everybody deals honestly but the copier, which first sees what the others send.
fn deal_copies(
    world: &mut World,
    session: &Session,
    copier: ClientId,
    copy: impl Fn(&mut Rogue, &Per<Shares>) -> Vec<u8>,
) -> Dealt {
    quiet(world, session, |drill| {
        drill.add_rogue(copier);
        let ids = drill.world.ids();
        let (server, states) = drill.advertise(&ids);
        let (mut server, adverts) = server.close().unwrap();
        let (mut clients, mut sent) = (Per::new(), Per::new());
        for (id, state) in states {
            let (state, shares) = state.receive(&adverts.message_for(id).unwrap(), &mut drill.world.rng).unwrap();
            server.receive(&shares).unwrap();
            sent.insert(id, Message::<Shares>::decode(&shares).unwrap().body);
            clients.insert(id, state);
        }
        let mut rogues = core::mem::take(&mut drill.rogues);
        let rogue = rogues.get_mut(&copier).unwrap();
        rogue.hear_adverts(&adverts.message_for(copier).unwrap());
        server.receive(&copy(rogue, &sent)).unwrap();
        let (server, outbox) = server.close().unwrap();
        Dealt { server, outbox, clients, rogues }
    })
}

/// Another dealer's channel encapsulation, commitment and envelope, as the copier's own.
fn put_copy(into: &mut Package, from: &Package) {
    (into.channel_ciphertext, into.key_commitment, into.sealed) = (from.channel_ciphertext, from.key_commitment, from.sealed);
}

fn for_holder(shares: &Shares, holder: ClientId) -> &Package {
    shares.packages.iter().find(|package| package.peer == holder).unwrap()
}

#[test]
fn a_copied_or_reflected_package_opens_for_nobody_and_blames_nobody() {
    for (mut world, session) in worlds(veilsum::Masking::Pairwise) {
        let ids = world.ids();
        for (copier, source) in pairs(&ids) {
            // What the source sealed for the same holder, commitments and all; and to the source, what it had sealed for the copier.
            let dealt = deal_copies(&mut world, &session, copier, |rogue, sent| {
                let mut packages = rogue.honest_packages();
                for package in &mut packages {
                    let holder = if package.peer == source { copier } else { package.peer };
                    put_copy(package, for_holder(&sent[&source], holder));
                }
                let mut shares = rogue.dealing(packages);
                shares.dealing.mask_root.clone_from(&sent[&source].dealing.mask_root);
                shares.dealing.self_secret.clone_from(&sent[&source].dealing.self_secret);
                rogue.send_shares(shares)
            });
            let opened = dealt.open(&mut world);
            assert!(opened.ready.is_empty());
            for failure in opened.ended.into_values() {
                assert_eq!(failure.error, RoundError::Unopenable(copier).into());
                assert!(failure.state.is_none() && failure.complaint.is_none());
            }
        }
    }
}
