//! Lies at the unmasking, and mask keys that nobody could recover (sections 9, 13 and 14): every set of liars, every share that can be
//! wrong. The sum is exact or there is none, and no honest client is ever named.
//!
//! Wrong shares are looked for only when a secret does not open its commitment (section 13, round 4). So a liar is named if the shares
//! of the lowest `t` indices were not all good; otherwise nobody needed what it said.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/forge.rs"]
mod forge;
#[path = "malicious_reveal/mask_keys.rs"]
mod mask_keys;
#[path = "common/rogue.rs"]
mod rogue;
#[path = "common/villain.rs"]
mod villain;

use common::{World, masking::over_both_maskings, plain_sum, read_all};
use curve25519_dalek::Scalar;
use dealer::{index, scalar};
use drill::{Drill, Per};
use forge::{alter_body, sign};
use rogue::Rogue;
use veilsum::{
    ClientFault, ClientId, DecodeError, Masking, RoundError, Session,
    message::{Bytes, Message, Reveal, RevealedShare},
    secagg::{Failure, server::CollectingReveals, sum::Sum},
};
use villain::{Tape, named, others, pairs, quiet, subsets};

over_both_maskings! {
    every_set_of_liars_that_leaves_enough_honest_clients_is_named_and_the_sum_is_exact,
    liars_that_each_lie_about_another_client_are_all_found,
    a_wrong_share_of_any_owner_whether_it_survived_or_not_names_its_revealer,
    a_share_of_one_owner_for_another_names_its_revealer,
    a_share_of_another_holder_names_the_client_that_repeats_it_and_not_the_one_it_belongs_to,
    a_share_of_the_wrong_secret_names_its_revealer,
    lies_that_cancel_change_nothing_and_lies_that_cancel_no_longer_are_found,
    a_liar_among_too_few_is_named_once_another_honest_client_reveals,
    a_malformed_reveal_names_its_sender_and_does_not_count,
}

/// Clients, colluders, drop-outs: every shape up to seven in which somebody may lie.
const SHAPES: [(u64, u32, u32); 7] = [(3, 0, 1), (4, 0, 1), (5, 1, 1), (5, 0, 2), (6, 1, 1), (7, 0, 3), (7, 2, 2)];

fn world(masking: Masking, (n, colluders, dropouts): (u64, u32, u32)) -> (World, Session) {
    let world = World::masked(n, 60 + n, masking);
    let builder = world.builder(3, 20).max_colluders(colluders).max_dropouts(dropouts);
    (world, builder.min_honest(2).build().unwrap())
}

/// Who reveals, and for each liar what it does to its shares.
type Lies = Per<Box<dyn Fn(&mut Reveal)>>;

fn lie(change: impl Fn(&mut Reveal) + 'static) -> Box<dyn Fn(&mut Reveal)> {
    Box::new(change)
}

/// A server that has heard these clients reveal, some of them lies.
fn reveal(world: &World, tape: &Tape, revealers: &[ClientId], lies: &Lies) -> CollectingReveals {
    let mut server = tape.replay();
    for id in revealers {
        let honest = tape.reveal(*id);
        let message = lies.get(id).map(|lie| alter_body::<Reveal>(honest, &*world.clients[id], lie));
        assert_ne!(message.as_deref(), Some(honest), "a lie");
        assert!(server.receive(message.as_deref().unwrap_or(honest)).unwrap().fresh);
    }
    server
}

#[track_caller]
fn check_sum(tape: &Tape, sum: &Sum, liars: &[ClientId]) {
    assert_eq!(sum.survivors(), tape.survivors);
    assert_eq!(read_all(sum), plain_sum(&tape.session, &tape.inputs, &tape.survivors), "the sum is exact");
    assert_eq!(sum.liars(), liars);
}

#[track_caller]
fn too_few(result: Result<Sum, Failure<CollectingReveals>>, remaining: usize, session: &Session) -> CollectingReveals {
    let failure = result.unwrap_err();
    let (remaining, threshold) = (u32::try_from(remaining).unwrap(), session.threshold());
    assert_eq!(failure.error, RoundError::TooFewClients { remaining, threshold }.into());
    *failure.state.unwrap()
}

/// Every share and blinding share with its lowest bit flipped.
fn all_wrong(reveal: &mut Reveal) {
    for share in &mut reveal.shares {
        share.share.0[0] ^= 1;
        share.blinding.0[0] ^= 1;
    }
}

fn every_set_of_liars_that_leaves_enough_honest_clients_is_named_and_the_sum_is_exact(masking: Masking) {
    for shape in SHAPES {
        let (mut world, session) = world(masking, shape);
        let ids = world.ids();
        let tape = Tape::record(&mut world, &session, &ids);
        let t = session.threshold() as usize;
        for liars in subsets(&ids) {
            let lies: Lies = liars.iter().map(|id| (*id, lie(all_wrong))).collect();
            let server = reveal(&world, &tape, &ids, &lies);
            let honest = ids.len() - liars.len();
            if honest < t {
                // Everybody was heard, so waiting is of no use: the session is over, and a liar is named.
                let failure = server.close().unwrap_err();
                assert_eq!(failure.error, named(liars[0], ClientFault::BadReveal));
                assert!(failure.state.is_none());
            } else {
                let needed = ids[..t].iter().any(|id| liars.contains(id));
                check_sum(&tape, &server.close().unwrap(), if needed { &liars } else { &[] });
            }
        }
    }
}

fn liars_that_each_lie_about_another_client_are_all_found(masking: Masking) {
    let (mut world, session) = world(masking, (7, 0, 3));
    let ids = world.ids();
    let tape = Tape::record(&mut world, &session, &ids);
    for liars in subsets(&ids).filter(|set| (2..=3).contains(&set.len()) && set.iter().all(|id| *id <= ids[3])) {
        let about = |place: usize| lie(move |reveal| reveal.shares[2 * place].share.0[5] ^= 4);
        let lies: Lies = liars.iter().enumerate().map(|(place, id)| (*id, about(place))).collect();
        check_sum(&tape, &reveal(&world, &tape, &ids, &lies).close().unwrap(), &liars);
    }
}

fn a_wrong_share_of_any_owner_whether_it_survived_or_not_names_its_revealer(masking: Masking) {
    for shape in [(3, 0, 1), (4, 0, 1), (5, 0, 2)] {
        let (mut world, session) = world(masking, shape);
        let (ids, t) = (world.ids(), session.threshold() as usize);
        let gone = ids.iter().map(|id| Some(*id)).chain([None]).filter(|gone| gone.is_none() || ids.len() > t + 1);
        for survivors in gone.map(|gone| gone.map_or(ids.clone(), |gone| others(&ids, gone))) {
            let tape = Tape::record(&mut world, &session, &survivors);
            for (place, liar) in survivors.iter().enumerate() {
                for (owner, part) in (0..ids.len()).flat_map(|owner| [(owner, 0), (owner, 1)]) {
                    let change = move |reveal: &mut Reveal| {
                        let share = &mut reveal.shares[owner];
                        [&mut share.share, &mut share.blinding][part].0[16] ^= 1;
                    };
                    let server = reveal(&world, &tape, &survivors, &Lies::from([(*liar, lie(change))]));
                    check_sum(&tape, &server.close().unwrap(), if place < t { core::slice::from_ref(liar) } else { &[] });
                }
            }
        }
    }
}

fn a_share_of_one_owner_for_another_names_its_revealer(masking: Masking) {
    for shape in [(4, 0, 1), (5, 0, 2)] {
        let (mut world, session) = world(masking, shape);
        let (ids, t) = (world.ids(), session.threshold() as usize);
        let tape = Tape::record(&mut world, &session, &ids);
        for liar in &ids[..t] {
            for (low, high) in (0..ids.len()).flat_map(|high| (0..high).map(move |low| (low, high))) {
                let swap = lie(move |reveal| {
                    let owners = [reveal.shares[low].owner, reveal.shares[high].owner];
                    reveal.shares.swap(low, high);
                    (reveal.shares[low].owner, reveal.shares[high].owner) = (owners[0], owners[1]);
                });
                let server = reveal(&world, &tape, &ids, &Lies::from([(*liar, swap)]));
                check_sum(&tape, &server.close().unwrap(), &[*liar]);
            }
        }
    }
}

fn a_share_of_another_holder_names_the_client_that_repeats_it_and_not_the_one_it_belongs_to(masking: Masking) {
    for shape in [(4, 0, 1), (5, 0, 2)] {
        let (mut world, session) = world(masking, shape);
        let ids = world.ids();
        let tape = Tape::record(&mut world, &session, &ids);
        for (liar, holder) in pairs(&ids).filter(|(liar, _)| *liar <= ids[session.threshold() as usize - 1]) {
            let copied = Message::<Reveal>::decode(tape.reveal(holder)).unwrap().body;
            let copy = lie(move |reveal| *reveal = copied.clone());
            let server = reveal(&world, &tape, &ids, &Lies::from([(liar, copy)]));
            check_sum(&tape, &server.close().unwrap(), &[liar]);
        }
    }
}

fn a_share_of_the_wrong_secret_names_its_revealer(masking: Masking) {
    let (mut world, session) = world(masking, (5, 0, 2));
    let (ids, inputs) = (world.ids(), world.inputs(&session));
    let who = &ids[..4]; // so that shares of both kinds are due
    for (liar, owner) in who[..3].iter().flat_map(|liar| ids.iter().map(move |owner| (*liar, *owner))) {
        let sum = quiet(&mut world, &session, |drill| {
            drill.add_rogue(liar);
            let (mut server, reveals) = until_reveals(drill, &inputs, who, |rogue| rogue.shares(rogue.honest_packages()));
            let rogue = &drill.rogues[&liar];
            let mut shares = rogue.revealed().shares;
            let wrong = shares.iter_mut().find(|share| share.owner == owner).unwrap();
            *wrong = other_kind(rogue, owner);
            let message = sign(&session, liar, rogue.h3, &Reveal { shares }, &*rogue.identity);
            for (id, honest) in reveals {
                drill.reveal(&mut server, id, if id == liar { &message } else { &honest });
            }
            server.close().unwrap()
        });
        assert_eq!(read_all(&sum), plain_sum(&session, &inputs, who));
        assert_eq!(sum.liars(), [liar], "about {owner}");
    }
}

/// The share of `m` of a survivor, or of `b` of a drop-out.
fn other_kind(rogue: &Rogue, owner: ClientId) -> RevealedShare {
    let (m, b) = rogue.held[&owner].split_at(64);
    let (share, blinding) = if rogue.survivors.contains(&owner) { m } else { b }.split_at(32);
    RevealedShare { owner, share: Bytes(share.try_into().unwrap()), blinding: Bytes(blinding.try_into().unwrap()) }
}

/// A session up to its reveals, which come back unsent.
fn until_reveals(
    drill: &mut Drill<'_>,
    inputs: &drill::Inputs,
    who: &[ClientId],
    deal: impl FnMut(&mut Rogue) -> Vec<u8>,
) -> (CollectingReveals, Per<Vec<u8>>) {
    let ids = drill.world.ids();
    let (server, states) = drill.advertise(&ids);
    let (server, states) = drill.share(server, states, deal);
    let (mut server, states, _) = drill.deliver(server, states);
    let sent = drill.input(&mut server, states, inputs, who);
    let (server, agreed) = drill.agree(server, sent);
    let (server, _, reveals) = drill.unmask(server, agreed);
    (server, reveals)
}

fn lies_that_cancel_change_nothing_and_lies_that_cancel_no_longer_are_found(masking: Masking) {
    let (mut world, session) = world(masking, (7, 0, 3));
    let ids = world.ids();
    let tape = Tape::record(&mut world, &session, &ids);
    // Two of the lowest four add errors that have no effect on what these four give at zero.
    let indices: Vec<Scalar> = ids[..4].iter().map(|id| Scalar::from(index(&session, *id))).collect();
    let weight = |i: usize| {
        let term = |j: &Scalar| if *j == indices[i] { Scalar::ONE } else { j * (j - indices[i]).invert() };
        indices.iter().map(term).product::<Scalar>()
    };
    let add = |error: Scalar, owner: usize| {
        lie(move |reveal| {
            let share = &mut reveal.shares[owner].share.0;
            *share = (scalar(share) + error).to_bytes();
        })
    };
    for (low, high) in [(0, 1), (1, 3), (2, 3)] {
        let cancel = || Lies::from([(ids[low], add(weight(high), 4)), (ids[high], add(-weight(low), 4))]);
        check_sum(&tape, &reveal(&world, &tape, &ids, &cancel()).close().unwrap(), &[]);
        // A third liar, about an owner that is looked at later, takes the place of none: the set changes, and all three are named.
        let third = (0..4).find(|place| ![low, high].contains(place)).unwrap();
        let mut lies = cancel();
        lies.insert(ids[third], add(Scalar::ONE, 6));
        let mut named = vec![ids[low], ids[high], ids[third]];
        named.sort_unstable();
        check_sum(&tape, &reveal(&world, &tape, &ids, &lies).close().unwrap(), &named);
    }
}

fn a_liar_among_too_few_is_named_once_another_honest_client_reveals(masking: Masking) {
    for shape in SHAPES {
        let (mut world, session) = world(masking, shape);
        let (ids, t) = (world.ids(), session.threshold() as usize);
        let tape = Tape::record(&mut world, &session, &ids);
        for liar in &ids[..t] {
            let server = reveal(&world, &tape, &ids[..t], &Lies::from([(*liar, lie(all_wrong))]));
            let mut server = too_few(server.close(), t - 1, &session);
            assert!(server.receive(tape.reveal(ids[t])).unwrap().fresh);
            check_sum(&tape, &server.close().unwrap(), &[*liar]);
        }
    }
}

fn a_malformed_reveal_names_its_sender_and_does_not_count(masking: Masking) {
    for shape in SHAPES.into_iter().filter(|(n, ..)| *n <= 5) {
        let (mut world, session) = world(masking, shape);
        let ids = world.ids();
        let tape = Tape::record(&mut world, &session, &ids);
        let mut server = tape.replay();
        for sender in &ids {
            let before = server.progress();
            for (change, fault) in malformed(ids.len()) {
                let message = alter_body::<Reveal>(tape.reveal(*sender), &*world.clients[sender], change);
                assert_eq!(server.receive(&message).unwrap_err(), named(*sender, fault));
                assert_eq!(server.progress(), before);
            }
            assert!(server.receive(tape.reveal(*sender)).unwrap().fresh);
        }
        check_sum(&tape, &server.close().unwrap(), &[]);
    }
}

type Change = Box<dyn Fn(&mut Reveal)>;

/// Reveals that an honest client does not send, and the fault.
fn malformed(owners: usize) -> Vec<(Change, ClientFault)> {
    let (scalar, order) = (ClientFault::Malformed(DecodeError::Scalar), ClientFault::Malformed(DecodeError::Order));
    let mut table = vec![
        (lie(|reveal| reveal.shares.clear()), ClientFault::WrongOwners),
        (
            lie(|reveal| reveal.shares.push(RevealedShare { owner: ClientId(99), ..reveal.shares[0].clone() })),
            ClientFault::WrongOwners,
        ),
        (lie(|reveal| reveal.shares.swap(0, 1)), order),
        (lie(|reveal| reveal.shares.insert(0, reveal.shares[0].clone())), order),
    ];
    for at in 0..owners {
        table.push((lie(move |reveal| _ = reveal.shares.remove(at)), ClientFault::WrongOwners));
        table.push((lie(move |reveal| reveal.shares[at].owner.0 += 1), ClientFault::WrongOwners));
        table.push((lie(move |reveal| reveal.shares[at].share.0[31] |= 0x80), scalar));
        table.push((lie(move |reveal| reveal.shares[at].blinding.0[31] |= 0x10), scalar));
    }
    table
}
