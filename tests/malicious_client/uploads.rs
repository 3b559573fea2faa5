//! Uploads that are not what their header says: nothing of them is ever in the sum.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Masking, RoundError, Session,
    message::{Bytes, MaskedInput},
    secagg::{
        server::CollectingInputs,
        upload::{MemorySpool, Upload},
    },
};

use crate::{
    common::{
        World,
        masking::{over_both_maskings, wire_len},
    },
    forge::sign,
    rogue::{Rogue, root},
    villain::{Dealt, Opened, named, others, quiet, upload},
};

over_both_maskings! {
    an_upload_that_does_not_match_counts_for_nothing_until_a_good_one_follows,
    an_upload_of_another_session_does_not_match,
}

/// Two chunks and two words; with pairwise masks, six bits of padding after the last word.
fn world(masking: Masking, n: u64) -> (World, Session) {
    let world = World::masked(n, 95 + n, masking);
    let session = world.builder(2 * world.block(21) + 2, 21).build().unwrap();
    (world, session)
}

fn uploaded(server: &CollectingInputs, client: ClientId, wire: &[u8]) -> Upload {
    let mut upload = server.upload(client, MemorySpool::default()).unwrap();
    upload.write(wire).unwrap();
    upload
}

/// Uploads that do not fit the header of an honest vector, and one that fits its own but is no packed vector.
fn misfits(server: &CollectingInputs, rogue: &Rogue, words: &[u64]) -> Vec<(Upload, Vec<u8>, Error)> {
    let (wire, header) = rogue.masked_input(words);
    let mismatch = || RoundError::UploadMismatch(rogue.id).into();
    let flipped = [0, 200, wire.len() - 1].map(|at| {
        let mut other = wire.clone();
        other[at] ^= 1;
        (uploaded(server, rogue.id, &other), header.clone(), mismatch())
    });
    let chunk = usize::try_from(wire_len(&rogue.session, rogue.session.chunk_len().into())).unwrap();
    let short = [0, chunk, wire.len() - 1].map(|len| (uploaded(server, rogue.id, &wire[..len]), header.clone(), mismatch()));
    let other = others(&rogue.holders(), rogue.id)[0];
    let anothers = (uploaded(server, other, &wire), header, mismatch());
    // Padding of lattice masks means nothing.
    let padded = [0x80, 0x04].into_iter().filter(|_| rogue.session.masking() == Masking::Pairwise);
    let padding = padded.map(|bit| {
        let mut padded = wire.clone();
        *padded.last_mut().unwrap() |= bit;
        let own_root = Bytes(root(&rogue.session, &padded));
        let body = MaskedInput { root: own_root, vector_len: 130, chunk_len: 64 };
        let header = sign(&rogue.session, rogue.id, rogue.h2, &body, &*rogue.identity);
        let error = named(rogue.id, ClientFault::Malformed(DecodeError::Padding));
        (uploaded(server, rogue.id, &padded), header, error)
    });
    flipped.into_iter().chain(short).chain([anothers]).chain(padding).collect()
}

fn an_upload_that_does_not_match_counts_for_nothing_until_a_good_one_follows(masking: Masking) {
    for n in 3..=5 {
        let (mut world, session) = world(masking, n);
        let (ids, inputs) = (world.ids(), world.inputs(&session));
        let mut follows = ids.iter().flat_map(|id| [(*id, true), (*id, false)]).collect::<Vec<_>>();
        follows.retain(|(_, follows)| *follows || session.max_dropouts() > 0);
        for (id, good_one_follows) in follows {
            let dealt = Dealt::new(&mut world, &session, &[id], |rogue| rogue.shares(rogue.honest_packages()));
            let Opened { mut server, ready, mut rogues, .. } = dealt.open(&mut world);
            let before = server.progress();
            for (mut upload, header, error) in misfits(&server, &rogues[&id], &inputs[&id]) {
                assert_eq!(server.accept(&mut upload, &header).unwrap_err(), error);
                assert_eq!(server.progress(), before);
            }
            let wire = rogues[&id].masked_input(&inputs[&id]).0;
            let long = uploaded(&server, id, &wire).write(&[0]).unwrap_err();
            assert_eq!((long.culprit(), long), (None, RoundError::UploadMismatch(id).into()));
            let who = if good_one_follows { ids.clone() } else { others(&ids, id) };
            quiet(&mut world, &session, |drill| {
                drill.rogues.append(&mut rogues);
                drill.finish(server, ready, &inputs, &who);
            });
        }
    }
}

fn an_upload_of_another_session_does_not_match(masking: Masking) {
    let (mut world, session) = world(masking, 5);
    let other_session = world.builder(session.vector_len(), 21).attempt([1; 16]).build().unwrap();
    let inputs = world.inputs(&session);
    for id in world.ids() {
        let mut open = |session: &Session| {
            let dealt = Dealt::new(&mut world, session, &[id], |rogue| rogue.shares(rogue.honest_packages()));
            dealt.open(&mut world)
        };
        let (Opened { mut server, rogues, .. }, other) = (open(&session), open(&other_session));
        let (wire, header) = rogues[&id].masked_input(&inputs[&id]);
        let mut foreign = uploaded(&other.server, id, &wire);
        assert_eq!(server.accept(&mut foreign, &header).unwrap_err(), RoundError::UploadMismatch(id).into());
        upload(&mut server, id, &wire, &header);
        let again = server.upload(id, MemorySpool::default()).unwrap_err();
        assert_eq!(again, RoundError::Late(id).into(), "its input is in");
    }
}
