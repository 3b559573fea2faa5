//! Transcripts (section 20): honest ones verify whatever happened on the way, and say what it was; nothing else does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/recorded.rs"]
mod recorded;

use std::collections::BTreeSet;

use common::{World, masking::over_both_maskings, read_all};
use curve25519_dalek::Scalar;
use forge::alter_body;
use rand::{SeedableRng as _, rngs::StdRng};
use recorded::{File, OPENED, Recorded, Script};
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, InputError, Masking, Party,
    audit::{Check, Finding, Part, Report, SumRoot, Transcript, Vectors, descriptor, verify},
    message::{Bytes, Reveal},
    secagg::{sum::Sum, upload::Spool},
};

over_both_maskings!(
    a_transcript_verifies_whoever_dropped_out_and_when,
    a_session_that_ended_early_is_checked_as_far_as_it_went,
    opened_chunks_verify_by_their_paths,
    a_spot_check_recomputes_the_chosen_chunks,
    the_root_of_the_words_of_a_sum_is_the_announced_one,
    liars_are_on_the_record_and_the_sum_is_right,
    lies_that_cancel_are_on_the_record_and_the_sum_is_right,
);

fn ids(ids: &[u64]) -> Vec<ClientId> {
    ids.iter().copied().map(ClientId).collect()
}

fn check(game: &Recorded, bytes: &[u8], check: &Check) -> Result<Report, Finding> {
    verify(&game.session, &mut &bytes[..], check)
}

/// Every list is signed by those in it, and for everybody who is sent it: adverts for those in them, dealings and survivors for those who
/// dealt, the agreement and the announcement for the survivors.
fn signatures(report: &Report) -> u64 {
    let [advertised, dealt, survivors, agreed, revealed] =
        [&report.advertised, &report.dealt, &report.survivors, &report.agreed, &report.revealed].map(|list| list.len() as u64);
    let entries = advertised + dealt + survivors + agreed;
    entries + advertised + 2 * dealt + 2 * survivors + revealed
}

fn a_transcript_verifies_whoever_dropped_out_and_when(masking: Masking) {
    for round in 0..=5 {
        let game = Script::new(masking, 7, &[(30, round), (70, 4)]).play();
        let bytes = game.transcript();
        let report = check(&game, &bytes, &Check::Full).unwrap();
        assert!(report.complete());
        assert_eq!((report.reached, report.chunks_checked), (Part::Announcement, report.chunks));
        let without_30 = ids(&[10, 20, 40, 50, 60, 70]);
        let all = ids(&[10, 20, 30, 40, 50, 60, 70]);
        let lists = [&report.advertised, &report.dealt, &report.survivors, &report.agreed];
        for (k, list) in lists.into_iter().enumerate() {
            assert_eq!(list, if usize::from(round) > k { &all } else { &without_30 }, "round {round}, list {k}");
        }
        assert_eq!(report.signatures, signatures(&report), "round {round}");
        assert_eq!(report.dropped, if round == 2 { ids(&[30]) } else { Vec::new() });
        assert!(!report.revealed.contains(&ClientId(70)) && report.liars.is_empty());
        assert_eq!(report.survivors, game.sum.as_ref().map(Sum::survivors).unwrap());
        assert_eq!(File::parse(&bytes).encode(), bytes, "the form is the one specified");
        assert_eq!(descriptor(&mut &bytes[..]).unwrap(), game.session);
    }
}

fn a_session_that_ended_early_is_checked_as_far_as_it_went(masking: Masking) {
    let reached = [Part::Head, Part::Adverts, Part::Delivery, Part::Survivors, Part::Packages, Part::Announcement];
    for (until, reached) in (0..=5).zip(reached) {
        let mut script = Script::new(masking, 5, &[(20, 2)]);
        script.until = until;
        let game = script.play();
        let bytes = game.transcript();
        let report = check(&game, &bytes, &Check::Present).unwrap();
        assert_eq!(report.reached, reached, "until {until}");
        assert_eq!((report.complete(), report.sum_root.is_some()), (until == 5, until == 5));
        assert_eq!(check(&game, &bytes, &Check::Chunks(BTreeSet::new())).unwrap().chunks_checked, 0);
        for (wanted, missing) in [(Check::Full, 5), (Check::Chunks([0].into()), 5)] {
            let outcome = check(&game, &bytes, &wanted).map(|report| report.chunks_checked).map_err(|e| (e.part, e.error));
            let incomplete = Err((Part::Chunks, InputError::Incomplete { missing }.into()));
            assert_eq!(outcome, if until == 5 { Ok(1) } else { incomplete }, "until {until}");
        }
    }
}

/// Five words in each chunk but the last of three.
fn chunked(masking: Masking) -> Recorded {
    let mut script = Script::new(masking, 5, &[(20, 2)]);
    let world = common::World::masked(5, 1, masking);
    script.len = 6 * world.block(20) + 3;
    script.play()
}

fn opened_chunks_verify_by_their_paths(masking: Masking) {
    let game = chunked(masking);
    for chosen in [&[0][..], &[6], &[3], &[0, 1, 2, 3, 4, 5, 6], &[2, 4, 5]] {
        let (bytes, set) = (game.opened(chosen), chosen.iter().copied().collect::<BTreeSet<_>>());
        let report = check(&game, &bytes, &Check::Chunks(set)).unwrap();
        assert_eq!((report.chunks, report.chunks_checked), (7, chosen.len() as u64));
        assert_eq!(report.complete(), chosen.len() == 7);
        assert_eq!(check(&game, &bytes, &Check::Present).unwrap(), report);
        assert_eq!(check(&game, &bytes, &Check::Full).is_ok(), chosen.len() == 7);
        let missing = check(&game, &bytes, &Check::Chunks([1, 2, 3, 4].into())).map(|report| report.chunks_checked);
        assert_eq!(missing.is_ok(), chosen.len() == 7);
    }
    let error = check(&game, &game.opened(&[6]), &Check::Full).unwrap_err();
    let missing = game.session.vector_len() - 3;
    assert_eq!((error.part, error.error), (Part::Chunks, InputError::Incomplete { missing }.into()));
}

#[test]
fn opened_chunks_come_in_order_each_once() {
    let game = chunked(Masking::Pairwise);
    let opened = |chunks: &[u64]| File::parse(&game.opened(chunks)).bytes(OPENED).split_off(4);
    let beyond = [&7_u64.to_le_bytes()[..], &opened(&[6])[8..]].concat();
    for pieces in [[opened(&[2]), opened(&[2])], [opened(&[4]), opened(&[2])], [opened(&[2]), beyond]] {
        let mut file = File::parse(&game.opened(&[2, 4]));
        file.bytes(OPENED).truncate(4);
        file.bytes(OPENED).extend(pieces.concat());
        let error = check(&game, &file.encode(), &Check::Present).unwrap_err();
        assert_eq!((error.part, error.error), (Part::Chunks, DecodeError::Order.into()));
    }
}

#[test]
fn no_transcript_has_a_round_without_those_before_it_or_chunks_without_a_sum() {
    let (mut out, read) = (Vec::new(), |_: u64, _: &mut [u64]| Ok(()));
    let refused = Err(Error::Input(InputError::WrongState));
    let mut script = Script::new(Masking::Pairwise, 4, &[]);
    script.until = 4;
    let game = script.play();
    let uploads: Vec<(ClientId, &dyn Spool)> = game.uploads.iter().map(|(id, spool)| (*id, &**spool as _)).collect();
    let vectors = Vectors::all(&uploads, &read);
    assert_eq!(game.record.write(&mut out, Some(&vectors)), refused);
    assert_eq!(format!("{vectors:?}"), "Vectors { uploads: 4, chosen: None, .. }");
    assert!(format!("{:?}", game.record).starts_with("Transcript { "));

    script.until = 5;
    let (game, mut record) = (script.play(), Transcript::new(&game.session));
    record.sent(&game.sum.unwrap().announce().unwrap().0).unwrap();
    assert_eq!(record.write(&mut out, None), refused);
}

fn the_root_of_the_words_of_a_sum_is_the_announced_one(masking: Masking) {
    let game = chunked(masking);
    let announced = check(&game, &game.transcript(), &Check::Full).unwrap().sum_root;
    let words = read_all(game.sum.as_ref().unwrap());
    let narrow: Vec<u32> = words.iter().map(|word| u32::try_from(*word).unwrap()).collect();
    for size in [1, 63, 64, words.len()] {
        let (mut root, mut other) = (SumRoot::new(&game.session), SumRoot::new(&game.session));
        words.chunks(size).for_each(|piece| root.update(piece).unwrap());
        narrow.chunks(size).for_each(|piece| other.update(piece).unwrap());
        assert_eq!((Some(root.finish().unwrap()), Some(other.finish().unwrap())), (announced, announced), "pieces of {size}");
    }
    let (mut root, mut changed) = (SumRoot::new(&game.session), words.clone());
    changed[words.len() - 1] ^= 1;
    root.update(&changed).unwrap();
    assert!(root.finish().is_ok_and(|root| Some(root) != announced));
}

#[test]
fn a_root_is_of_all_words_of_a_sum_and_of_no_others() {
    let game = Script::new(Masking::Pairwise, 4, &[]).play();
    let mut root = SumRoot::new(&game.session);
    assert_eq!(root.update(&[0_u64; 6]), Err(InputError::TooManyWords { expected: 5, given: 6 }.into()));
    root.update(&[0_u64, (1 << 20) - 1]).unwrap();
    assert_eq!(root.update(&[0_u64, 1 << 20]), Err(InputError::WordOutOfRange { position: 3 }.into()));
    assert_eq!((root.missing(), format!("{root:?}")), (3, "SumRoot { given: 2, .. }".into()));
    assert_eq!(root.finish(), Err(InputError::Incomplete { missing: 3 }.into()));
    let wide = game.world.builder(5, 40).min_honest(2).build().unwrap();
    assert_eq!(SumRoot::new(&wide).update(&[0_u32]), Err(InputError::WordWidth(40).into()));
}

fn a_spot_check_recomputes_the_chosen_chunks(masking: Masking) {
    let (game, mut rng) = (chunked(masking), StdRng::seed_from_u64(9));
    let bytes = game.transcript();
    for count in [1, 3, 6] {
        let chosen = Check::spot(&game.session, count, &mut rng).unwrap();
        assert_eq!(check(&game, &bytes, &chosen).unwrap().chunks_checked, count);
    }
    assert_eq!(Check::spot(&game.session, 7, &mut rng).unwrap(), Check::Full);
    assert_eq!(check(&game, &bytes, &Check::Chunks(BTreeSet::new())).unwrap().chunks_checked, 0);
    assert_eq!(check(&game, &game.control(), &Check::Chunks(BTreeSet::new())).unwrap().chunks_checked, 0);
    let error = check(&game, &game.control(), &Check::Full).unwrap_err();
    assert_eq!(error.error, InputError::Incomplete { missing: game.session.vector_len() }.into());
}

#[test]
fn spot_checks_are_of_different_chunks_and_reach_all_of_them() {
    let (game, mut rng) = (chunked(Masking::Pairwise), StdRng::seed_from_u64(10));
    let mut hits = [0; 7];
    for _ in 0..700 {
        let Check::Chunks(chosen) = Check::spot(&game.session, 3, &mut rng).unwrap() else { panic!("not all") };
        assert_eq!(chosen.len(), 3);
        chosen.iter().for_each(|chunk| hits[usize::try_from(*chunk).unwrap()] += 1);
    }
    // 300 expected of each; six standard deviations are 79.
    assert!(hits.iter().all(|hits| (221..380).contains(hits)), "{hits:?}");
}

fn lie(world: &common::World, id: ClientId, message: &[u8]) -> Vec<u8> {
    alter_body::<Reveal>(message, &*world.clients[&id], |reveal| reveal.shares[1].share = Bytes([1; 32].map(|b| b & 0x0f)))
}

fn liars_are_on_the_record_and_the_sum_is_right(masking: Masking) {
    let mut script = Script::new(masking, 7, &[(30, 2)]);
    script.reveal = &|world, id, message| if id == ClientId(40) { lie(world, id, &message) } else { message };
    let game = script.play();
    let report = check(&game, &game.transcript(), &Check::Full).unwrap();
    assert_eq!((report.liars, report.chunks_checked), (ids(&[40]), 1));

    script.reveal = &|world, id, message| if [20, 40].contains(&id.0) { lie(world, id, &message) } else { message };
    script.until = 4;
    let game = script.play();
    let error = check(&game, &game.transcript(), &Check::Full).unwrap_err();
    assert_eq!((error.part, error.culprit()), (Part::Reveals, Some(Party::Client(ClientId(20)))));
    assert_eq!(error.error, Error::Client { culprit: ClientId(20), fault: ClientFault::BadReveal });
}

/// Of exactly as many reveals as are needed two are wrong, by errors that have no effect on what these reveals give at zero.
fn lies_that_cancel_are_on_the_record_and_the_sum_is_right(masking: Masking) {
    let indices = [1_u64, 2, 4, 5, 6].map(Scalar::from);
    let weight = |i: usize| {
        let others = indices.iter().filter(|j| **j != indices[i]);
        others.map(|j| j * (j - indices[i]).invert()).product::<Scalar>()
    };
    let errors = [(ClientId(10), weight(1)), (ClientId(20), -weight(0))];
    let lie = |world: &World, id: ClientId, message: Vec<u8>| match errors.iter().find(|(liar, _)| *liar == id) {
        None => message,
        Some((_, error)) => alter_body::<Reveal>(&message, &*world.clients[&id], |reveal| {
            let share = &mut reveal.shares[3].share.0;
            *share = (Scalar::from_canonical_bytes(*share).unwrap() + error).to_bytes();
        }),
    };
    let mut script = Script::new(masking, 7, &[(30, 2), (70, 4)]);
    script.reveal = &lie;
    let game = script.play();
    assert_eq!(game.sum.as_ref().map(Sum::liars), Some(&[][..]), "the server has no reason to look for them");
    let report = check(&game, &game.transcript(), &Check::Full).unwrap();
    assert!(report.complete() && report.revealed.len() == 5);
    assert_eq!(report.liars, ids(&[10, 20]));
}

#[test]
fn a_transcript_of_another_session_or_with_more_behind_it_is_refused() {
    let game = Script::new(Masking::Pairwise, 4, &[]).play();
    let mut other = Script::new(Masking::Pairwise, 4, &[]);
    other.change = &|builder| builder.min_honest(2).round(2);
    let (mut bytes, other) = (game.transcript(), other.play());
    let error = check(&other, &bytes, &Check::Full).unwrap_err();
    assert_eq!((error.culprit(), error.part, error.error), (None, Part::Head, DecodeError::Session.into()));
    bytes.push(0);
    let error = check(&game, &bytes, &Check::Full).unwrap_err();
    assert_eq!((error.part, error.error), (Part::End, DecodeError::Trailing.into()));
}

#[test]
fn a_truncated_transcript_is_refused_wherever_it_ends() {
    let game = Script::new(Masking::Pairwise, 4, &[(20, 2)]).play();
    let (bytes, mut told) = (game.transcript(), Vec::new());
    for len in (0..bytes.len()).step_by(61).chain(bytes.len() - 300..bytes.len()) {
        let finding = check(&game, &bytes[..len], &Check::Full).unwrap_err();
        assert_eq!(finding.error, DecodeError::Truncated.into(), "{len} bytes");
        told.push(finding.to_string());
    }
    told.sort();
    told.dedup();
    let parts = [
        "adverts",
        "agreement",
        "announcement",
        "chunk 0",
        "chunks",
        "delivery",
        "end",
        "head",
        "packages",
        "reveals",
        "survivors",
    ];
    assert_eq!(told, parts.map(|part| format!("{part}: {}", Error::from(DecodeError::Truncated))));
    let missing = check(&game, &game.control(), &Check::Full).unwrap_err();
    assert!(missing.to_string().starts_with("chunks: "), "{missing}");
}
