//! Clients that deviate, at every door of the server and at every position (sections 6, 13 and 15): the error names the right party,
//! the state is unchanged, and the session then goes on to the exact sum. Bad dealings and complaints have a test of their own, and so
//! have lies at the unmasking.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "malicious_client/dealings.rs"]
mod dealings;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/rogue.rs"]
mod rogue;
#[path = "malicious_client/uploads.rs"]
mod uploads;
#[path = "common/villain.rs"]
mod villain;

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use common::{World, masking::over_both_maskings};
use dealer::digest;
use drill::{Door, Drill, Per};
use forge::{ADVERTS, CONSISTENCY, MASKED_INPUT, REVEAL, Raw, SHARES, alter, alter_body, sign};
use rogue::Rogue;
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Identity, Masking, RoundError, Session, SigningIdentity,
    message::{Advert, Bytes, MaskedInput, Message, Shares},
    secagg::{server::CollectingAdverts, upload::MemorySpool},
};
use villain::{named, others, pairs};

over_both_maskings! {
    whatever_a_client_signs_instead_of_its_message_names_it_and_changes_nothing,
    in_every_later_round_an_old_message_is_ignored_and_another_in_its_place_is_equivocation,
    who_was_not_in_the_step_before_is_not_in_the_round_and_what_comes_late_is_never_summed,
}

type Identities = BTreeMap<ClientId, Arc<SigningIdentity>>;

/// Worlds of three to five clients with their default sessions.
fn worlds(masking: Masking) -> impl Iterator<Item = (World, Session)> {
    (3..=5).map(move |n| {
        let world = World::masked(n, 80 + n, masking);
        let session = world.builder(3, 20).build().unwrap();
        (world, session)
    })
}

/// Forgeries for one door: the bytes, and what the server must say to them.
struct Table<'a> {
    session: &'a Session,
    message: &'a [u8],
    identity: &'a dyn Identity,
    client: ClientId,
    rows: Vec<(Vec<u8>, Error)>,
}

impl Table<'_> {
    fn raw(&mut self, fault: ClientFault, change: impl FnOnce(&mut Raw)) {
        self.rows.push((alter(self.message, self.identity, change), named(self.client, fault)));
    }

    fn shares(&mut self, fault: ClientFault, change: impl FnOnce(&mut Shares)) {
        self.rows.push((alter_body(self.message, self.identity, change), named(self.client, fault)));
    }

    fn input(&mut self, error: Error, change: impl FnOnce(&mut MaskedInput)) {
        self.rows.push((alter_body(self.message, self.identity, change), error));
    }
}

/// What a client could sign instead of the honest message, and be named for.
fn table<'a>(session: &'a Session, message: &'a [u8], identity: &'a dyn Identity) -> Table<'a> {
    let Raw { client, kind, .. } = Raw::parse(message);
    let mut table = Table { session, message, identity, client, rows: Vec::new() };
    table.raw(ClientFault::WrongTranscript, |raw| raw.prev[0] ^= 1);
    table.raw(ClientFault::WrongTranscript, |raw| raw.prev[31] ^= 0x80);
    table.raw(ClientFault::Malformed(DecodeError::Trailing), |raw| raw.body.push(0));
    table.raw(ClientFault::Malformed(DecodeError::Trailing), |raw| raw.attachment.push(0));
    match kind {
        SHARES => {
            commitments(&mut table);
            holders(&mut table);
            packages(&mut table);
        }
        MASKED_INPUT => dimensions(&mut table),
        _ => {}
    }
    table
}

/// Vectors of commitments of every wrong length, and points that are none.
fn commitments(table: &mut Table<'_>) {
    let t = table.session.threshold();
    for got in [0, 1, t - 1, t + 1, 2 * t, 1 << 16] {
        table.shares(ClientFault::WrongThreshold { expected: t, got }, |shares| {
            let (m, b) = (&mut shares.dealing.mask_root, &mut shares.dealing.self_secret);
            [m, b].into_iter().for_each(|points| points.resize(got as usize, points[0]));
        });
    }
    for count in [1 << 16, u32::MAX] {
        table.raw(ClientFault::Malformed(DecodeError::Count), |raw| raw.body[..4].copy_from_slice(&count.to_le_bytes()));
    }
    for (place, bytes) in (0..t as usize).flat_map(|place| [(place, [0xff; 32]), (place, [1; 32])]) {
        let fault = ClientFault::Malformed(DecodeError::Point);
        table.shares(fault, |shares| shares.dealing.mask_root[place] = Bytes(bytes));
        table.shares(fault, |shares| shares.dealing.self_secret[place] = Bytes(bytes));
    }
}

fn holders(table: &mut Table<'_>) {
    let (wrong, last) = (ClientFault::WrongHolders, table.session.clients() - 2);
    let own = table.client;
    table.shares(wrong, |shares| shares.dealing.digests.clear());
    table.shares(wrong, |shares| shares.dealing.digests[last].holder.0 += 1);
    table.shares(wrong, |shares| {
        shares.dealing.digests[last].holder = own; // itself, as one of the others
        shares.dealing.digests.sort_by_key(|digest| digest.holder);
    });
    for place in 0..=last {
        table.shares(wrong, |shares| _ = shares.dealing.digests.remove(place));
    }
    table.shares(ClientFault::Malformed(DecodeError::Order), |shares| shares.dealing.digests.swap(0, last));
    table.shares(ClientFault::Malformed(DecodeError::Order), |shares| {
        shares.dealing.digests[last] = shares.dealing.digests[0].clone();
    });
}

fn packages(table: &mut Table<'_>) {
    let (mismatch, last) = (ClientFault::PackageMismatch, table.session.clients() - 2);
    table.shares(mismatch, |shares| shares.packages.clear());
    table.shares(ClientFault::Malformed(DecodeError::Order), |shares| shares.packages.swap(0, last));
    table.shares(mismatch, |shares| {
        let (low, high) = shares.packages.split_at_mut(last);
        core::mem::swap(&mut low[0].sealed, &mut high[0].sealed);
    });
    for place in 0..=last {
        table.shares(mismatch, |shares| _ = shares.packages.remove(place));
        table.shares(mismatch, |shares| shares.packages[place].channel_ciphertext.0[7] ^= 1);
        table.shares(mismatch, |shares| shares.packages[place].key_commitment.0[7] ^= 1);
        table.shares(mismatch, |shares| shares.packages[place].sealed.0[7] ^= 1);
        table.shares(mismatch, |shares| shares.dealing.digests[place].digest.0[7] ^= 1);
        if table.client < others(&ids(table.session), table.client)[place] {
            table.shares(mismatch, |shares| shares.packages[place].mask_ciphertext.as_mut().unwrap().0[7] ^= 1);
        }
        unacceptable(table, place);
    }
}

/// A ciphertext whose X25519 part is of low order, in a package that matches its digest.
fn unacceptable(table: &mut Table<'_>, place: usize) {
    let dealer = table.client;
    for channel in [true, false] {
        let weak = |shares: &mut Shares| {
            let package = &mut shares.packages[place];
            let ciphertext = if channel { Some(&mut package.channel_ciphertext) } else { package.mask_ciphertext.as_mut() };
            ciphertext.into_iter().for_each(|ciphertext| ciphertext.0[1088..].fill(0));
            shares.dealing.digests[place].digest = Bytes(digest(package, dealer, package.peer));
        };
        if alter_body(table.message, table.identity, weak) != table.message {
            table.shares(ClientFault::Malformed(DecodeError::KemCiphertext), weak);
        }
    }
}

fn dimensions(table: &mut Table<'_>) {
    let wrong = || named(table.client, ClientFault::WrongDimensions);
    let (wrong, mismatch) = ([wrong(), wrong(), wrong(), wrong(), wrong()], RoundError::UploadMismatch(table.client));
    let changes: [fn(&mut MaskedInput); 5] = [
        |input| input.vector_len += 1,
        |input| input.vector_len -= 1,
        |input| input.vector_len = 0,
        |input| input.chunk_len *= 2,
        |input| input.chunk_len = 0,
    ];
    changes.into_iter().zip(wrong).for_each(|(change, error)| table.input(error, change));
    table.input(mismatch.into(), |input| input.root.0[0] ^= 1);
}

fn ids(session: &Session) -> Vec<ClientId> {
    session.roster().iter().map(|(id, _)| *id).collect()
}

/// Tries every forgery before the honest message, where each is named for what it is, and after it, where it is a second message.
fn try_all(session: &Session, clients: &Identities, door: &mut Door<'_>) {
    let message = door.message.to_vec();
    for (bytes, error) in table(session, &message, &*clients[&door.client]).rows {
        let equivocation = named(door.client, ClientFault::Equivocation);
        door.refuses(&bytes, if door.taken { equivocation } else { error });
    }
    if door.taken {
        door.refuses(&message, RoundError::Repeat);
    }
}

fn whatever_a_client_signs_instead_of_its_message_names_it_and_changes_nothing(masking: Masking) {
    for (mut world, session) in worlds(masking) {
        let (clients, inputs, ids) = (world.clients.clone(), world.inputs(&session), world.ids());
        let mut hook = |door: &mut Door<'_>| {
            if door.kind() < ADVERTS {
                try_all(&session, &clients, door);
            }
        };
        Drill::new(&mut world, &session, &mut hook).play(&inputs, &ids);
    }
}

fn in_every_later_round_an_old_message_is_ignored_and_another_in_its_place_is_equivocation(masking: Masking) {
    for (mut world, session) in worlds(masking) {
        let (clients, inputs, ids) = (world.clients.clone(), world.inputs(&session), world.ids());
        let mut heard: Vec<Vec<u8>> = Vec::new();
        let mut hook = |door: &mut Door<'_>| {
            if door.kind() >= ADVERTS {
                return;
            }
            for old in &heard {
                let sender = Raw::parse(old).client;
                let second = alter(old, &*clients[&sender], |raw| raw.prev[5] ^= 1);
                door.refuses(old, RoundError::Repeat);
                door.refuses(&second, named(sender, ClientFault::Equivocation));
            }
            heard.extend(door.taken.then(|| door.message.to_vec()));
        };
        Drill::new(&mut world, &session, &mut hook).play(&inputs, &ids);
    }
}

/// What somebody who is not in the round has to say at a door, and the answers.
fn uninvited(door: &Door<'_>, outsider: ClientId, clients: &Identities, late: &[Vec<u8>]) -> Vec<(Vec<u8>, Error)> {
    let own = alter(door.message, &*clients[&outsider], |raw| raw.client = outsider);
    let late = late.iter().filter(|message| Raw::parse(message).kind < door.kind());
    let late = late.map(|message| (message.clone(), RoundError::Late(outsider).into()));
    late.chain([(own, named(outsider, ClientFault::NotInRound))]).collect()
}

fn who_was_not_in_the_step_before_is_not_in_the_round_and_what_comes_late_is_never_summed(masking: Masking) {
    let mut world = World::masked(5, 91, masking);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(2).build().unwrap();
    let (clients, inputs, ids) = (world.clients.clone(), world.inputs(&session), world.ids());
    for (absent, leaver) in pairs(&ids) {
        let advert = Rogue::new(&session, absent, clients[&absent].clone(), &mut world.rng).advert();
        let input = RefCell::new(Vec::new());
        let mut hook = |door: &mut Door<'_>| {
            let from_absent = matches!(door.kind(), SHARES | MASKED_INPUT | CONSISTENCY | REVEAL);
            let from_leaver = matches!(door.kind(), CONSISTENCY | REVEAL);
            let mut rows = Vec::new();
            if from_absent {
                rows.extend(uninvited(door, absent, &clients, core::slice::from_ref(&advert)));
            }
            if from_leaver {
                rows.extend(uninvited(door, leaver, &clients, core::slice::from_ref(&*input.borrow())));
            }
            rows.into_iter().for_each(|(bytes, error)| door.refuses(&bytes, error));
        };
        let mut drill = Drill::new(&mut world, &session, &mut hook);
        drill.add_rogue(leaver);
        let (server, states) = drill.advertise(&others(&ids, absent));
        let (server, states) = drill.share(server, states, |rogue| rogue.shares(rogue.honest_packages()));
        let (server, states, _) = drill.deliver(server, states);
        *input.borrow_mut() = drill.rogues[&leaver].masked_input(&inputs[&leaver]).1;
        let refused = server.upload(absent, MemorySpool::default()).unwrap_err();
        assert_eq!(refused, RoundError::Late(absent).into(), "an id that comes with an upload proves nothing");
        drill.finish(server, states, &inputs, &others(&others(&ids, absent), leaver));
    }
}

/// A server of round 0, and an honest advert of each client.
fn adverts(world: &mut World, session: &Session) -> (CollectingAdverts, Per<Vec<u8>>) {
    let adverts = world.ids().into_iter().map(|id| (id, world.join(session, id).1)).collect();
    (CollectingAdverts::new(session, world.server.clone()).unwrap(), adverts)
}

#[test]
fn a_copied_key_in_either_role_is_refused_without_blame_whoever_copied() {
    for (mut world, session) in worlds(Masking::Pairwise) {
        for (first, second) in pairs(&world.ids()) {
            let (mut server, adverts) = adverts(&mut world, &session);
            server.receive(&adverts[&first]).unwrap();
            let before = server.progress();
            let keys = |id| Message::<Advert>::decode(&adverts[id]).unwrap().body;
            let (copied, own) = (keys(&first), keys(&second));
            let copies = [
                (copied.channel_key, own.mask_key),
                (copied.mask_key, own.mask_key),
                (own.channel_key, copied.channel_key),
                (own.channel_key, copied.mask_key),
                (copied.channel_key, copied.mask_key),
                (copied.mask_key, copied.channel_key),
            ];
            for (channel_key, mask_key) in copies {
                let advert = Advert { channel_key, mask_key };
                let message = sign(&session, second, session.id().0, &advert, &*world.clients[&second]);
                let error = server.receive(&message).unwrap_err();
                assert_eq!(error, RoundError::SharedKey { first, second }.into());
                assert_eq!((error.culprit(), server.progress()), (None, before.clone()));
            }
            others(&world.ids(), first).iter().for_each(|id| assert!(server.receive(&adverts[id]).unwrap().fresh));
            assert!(server.close().is_ok());
        }
    }
}

#[test]
fn one_key_in_both_roles_of_one_advert_names_who_signed_it() {
    for (mut world, session) in worlds(Masking::Pairwise) {
        let (mut server, adverts) = adverts(&mut world, &session);
        for id in world.ids() {
            let before = server.progress();
            let twice: [fn(&mut Advert); 2] =
                [|advert| advert.mask_key = advert.channel_key, |advert| advert.channel_key = advert.mask_key];
            for change in twice {
                let error = server.receive(&alter_body(&adverts[&id], &*world.clients[&id], change)).unwrap_err();
                assert_eq!(error, named(id, ClientFault::Malformed(DecodeError::KemKey)));
                assert_eq!(server.progress(), before);
            }
            assert!(server.receive(&adverts[&id]).unwrap().fresh);
        }
    }
}
