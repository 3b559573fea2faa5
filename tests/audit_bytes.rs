//! Any single changed byte of a transcript is found, by decoding and by what the bytes mean: there is no checksum over the file.
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
use recorded::{Recorded, Script};
use veilsum::{
    Masking,
    audit::{Check, verify},
};

/// Places at which a changed bit goes unseen.
fn unseen(game: &Recorded, bytes: &[u8], check: &Check, places: Range<usize>) -> Vec<usize> {
    let survives = |place: &usize| {
        let mut bytes = bytes.to_vec();
        bytes[*place] ^= one_bit(*place);
        verify(&game.session, &mut &bytes[..], check).is_ok()
    };
    let threads = available_parallelism().unwrap().get();
    let search = |first: usize| places.clone().skip(first).step_by(threads).filter(survives).collect::<Vec<_>>();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || search(first))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
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
    assert_eq!(unseen(&game, &bytes, &Check::Full, 0..bytes.len()), [0; 0]);
}

/// Chunks and paths, which no signature covers directly.
#[test]
fn every_byte_of_opened_chunks_counts() {
    let mut script = Script::new(Masking::Pairwise, 4, &[(20, 2)]);
    script.len = 64 * 4 + 5;
    let game = script.play();
    let bytes = game.opened(&[1, 4]);
    let start = game.control().len() - 1;
    let report = verify(&game.session, &mut &bytes[..], &Check::Present).unwrap();
    assert_eq!(report.chunks_checked, 2);
    assert_eq!(unseen(&game, &bytes, &Check::Present, start..bytes.len()), [0; 0]);
}

/// Uploads under lattice masks are long and their residues have more than one form: the signed roots bind them.
#[test]
fn a_changed_byte_of_a_lattice_upload_counts() {
    let game = Script::new(LATTICE, 4, &[(20, 2)]).play();
    let (bytes, chunks) = (game.transcript(), game.control().len() - 1);
    assert_eq!(unseen(&game, &bytes, &Check::Full, chunks..bytes.len()), [0; 0]);
}
