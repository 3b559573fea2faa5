//! Any single changed byte of a transcript is found, by decoding and by what the bytes mean: there is no checksum over the file. And it
//! blames nobody who kept to the protocol: whoever changed it had no key to sign it with (section 20.2).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/recorded.rs"]
mod recorded;

use std::{
    ops::Range,
    thread::{self, available_parallelism},
};

use common::masking::LATTICE;
use forge::{COMPLAINT, REVEAL, alter_body, false_complaint};
use recorded::{File, Recorded, Script};
use veilsum::{
    ClientFault, ClientId, Error, Masking, Party, SessionBuilder,
    audit::{Check, Part, verify},
    message::{Bytes, Reveal},
};

/// What should not be: places at which a changed bit goes unseen, and places at which it blames a party.
#[derive(Debug, Default, PartialEq, Eq)]
struct Flaws {
    unseen: Vec<usize>,
    blaming: Vec<(usize, Party)>,
}

/// Changes a bit of each byte in turn.
fn flaws(game: &Recorded, bytes: &[u8], check: &Check, places: Range<usize>) -> Flaws {
    let outcome = |place: usize| {
        let mut bytes = bytes.to_vec();
        bytes[place] ^= one_bit(place);
        (place, verify(&game.session, &mut &bytes[..], check).map(drop).map_err(|finding| finding.culprit()))
    };
    let threads = available_parallelism().unwrap().get();
    let search = |first: usize| places.clone().skip(first).step_by(threads).map(outcome).collect::<Vec<_>>();
    let outcomes = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || search(first))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    let unseen = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(place, _)| *place).collect();
    let blaming = outcomes.iter().filter_map(|(place, outcome)| Some((*place, outcome.err()??))).collect();
    Flaws { unseen, blaming }
}

/// Another bit for each byte, so that every bit of a field that is longer than eight bytes is flipped somewhere.
fn one_bit(place: usize) -> u8 {
    1 << (place.wrapping_mul(0x9e37_79b9) >> 16 & 7)
}

#[test]
fn every_byte_of_a_small_transcript_counts() {
    let game = Script::new(Masking::Pairwise, 4, &[(20, 2)]).play();
    let bytes = game.transcript();
    assert!(verify(&game.session, &mut &bytes[..], &Check::Full).unwrap().complete());
    assert_eq!(flaws(&game, &bytes, &Check::Full, 0..bytes.len()), Flaws::default());
}

const LIAR: ClientId = ClientId(20);

/// The first of five complains of the last, falsely, and the first survivor lies; of the four reveals three are needed.
fn complaint_and_lie() -> Recorded {
    let mut script = Script::new(Masking::Pairwise, 5, &[]);
    script.change = &|builder: SessionBuilder| builder.min_honest(2).max_colluders(0).max_dropouts(2);
    script.complaint = &|world, session, id, delivery| {
        (id == ClientId(10)).then(|| false_complaint(session, id, delivery, &*world.clients[&id]))
    };
    script.reveal = &|world, id, message| match id {
        LIAR => alter_body::<Reveal>(&message, &*world.clients[&id], |reveal| reveal.shares[1].share = Bytes([1; 32])),
        _ => message,
    };
    script.play()
}

/// Where a part stands in the file, its tag included.
fn place_of(file: &File, tag: u8) -> Range<usize> {
    let part = file.parts.iter().position(|(own, _)| *own == tag).unwrap();
    // An end follows either.
    let [start, end] = [part, part + 1].map(|parts| {
        let head = File { descriptor: file.descriptor.clone(), parts: file.parts[..parts].to_vec() };
        head.encode().len() - 1
    });
    start..end
}

/// What the session above has not: a complaint, and a lie, whose parties are not blamed for what somebody else changed either.
#[test]
fn every_byte_of_a_complaint_and_of_reveals_with_a_lie_counts() {
    let game = complaint_and_lie();
    let bytes = game.transcript();
    let report = verify(&game.session, &mut &bytes[..], &Check::Full).unwrap();
    assert_eq!((report.complaints.len(), &report.liars[..], report.complete()), (1, &[LIAR][..], true));
    for tag in [COMPLAINT, REVEAL] {
        let places = place_of(&File::parse(&bytes), tag);
        assert_eq!(bytes[places.start], tag);
        assert_eq!(flaws(&game, &bytes, &Check::Full, places), Flaws::default());
    }
}

/// With one reveal less there are too few good ones, and the liar is to blame, as it would be if no more had come: it did lie.
#[test]
fn a_changed_count_blames_no_one_but_the_liar() {
    let game = complaint_and_lie();
    let bytes = game.transcript();
    let file = File::parse(&bytes);
    for (tag, count) in [(COMPLAINT, 1), (REVEAL, 4)] {
        let place = place_of(&file, tag).start + 1;
        assert_eq!(bytes[place], count);
        for other in (0..=255).filter(|other| *other != count) {
            let mut bytes = bytes.clone();
            bytes[place] = other;
            let finding = verify(&game.session, &mut &bytes[..], &Check::Full).unwrap_err();
            // One or two are too few whoever sent them, but one of those two lies.
            let lie = tag == REVEAL && (1..=3).contains(&other);
            assert_eq!(finding.culprit(), lie.then_some(Party::Client(LIAR)), "{other} of {tag:#04x}: {finding}");
            if lie {
                let fault = Error::Client { culprit: LIAR, fault: ClientFault::BadReveal };
                assert_eq!((finding.part, finding.error), (Part::Reveals, fault));
            }
        }
    }
}

/// Chunks and paths, which no signature covers directly.
#[test]
fn every_byte_of_opened_chunks_counts() {
    let mut script = Script::new(Masking::Pairwise, 3, &[(20, 2)]);
    script.change = &|builder: SessionBuilder| builder.min_honest(2).max_colluders(0).max_dropouts(1);
    script.len = 64 * 4 + 5;
    let game = script.play();
    let bytes = game.opened(&[1, 4]);
    let start = game.control().len() - 1;
    let report = verify(&game.session, &mut &bytes[..], &Check::Present).unwrap();
    assert_eq!(report.chunks_checked, 2);
    assert_eq!(flaws(&game, &bytes, &Check::Present, start..bytes.len()), Flaws::default());
}

/// Uploads under lattice masks are long and their residues have more than one form: the signed roots bind them.
#[test]
fn a_changed_byte_of_a_lattice_upload_counts() {
    let game = Script::new(LATTICE, 4, &[(20, 2)]).play();
    let (bytes, chunks) = (game.transcript(), game.control().len() - 1);
    assert_eq!(flaws(&game, &bytes, &Check::Full, chunks..bytes.len()), Flaws::default());
}
