//! What is left of a secret in the memory of the process, as Linux shows it.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

use veilsum::{ClientId, dp::NoiseSeed, secagg::client};

use crate::{common::World, tools::Script};

/// Bytes that nothing else has, made where they are needed so that the test holds no copy of them.
fn marker(at: usize) -> u8 {
    let [low, high, ..] = at.to_le_bytes();
    low.wrapping_mul(167).wrapping_add(91) ^ low >> 3 ^ high
}

/// How often the process holds the 16 bytes of the generator from place `first` on. An allocator writes over the first bytes of what is freed,
/// so these are not looked for.
fn copies(first: usize) -> usize {
    let (maps, memory) = (fs::read_to_string("/proc/self/maps").unwrap(), File::open("/proc/self/mem").unwrap());
    let (mut page, mut found) = (vec![0_u8; 4096 + 15], 0);
    for map in maps.lines().filter(|map| map.split(' ').nth(1).unwrap().starts_with("rw")) {
        let (start, end) = map.split(' ').next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        for address in (start..end).step_by(4096) {
            let len = page.len().min(usize::try_from(end - address).unwrap());
            // The page of the copy itself holds nothing when it is read.
            page.fill(0);
            if memory.read_exact_at(&mut page[..len], address).is_ok() {
                let here = |window: &[u8]| window.iter().enumerate().all(|(at, byte)| *byte == marker(first + at));
                found += page[..len].windows(16).filter(|window| here(window)).count();
            }
        }
    }
    found
}

/// keep#53: nonces of FROST stayed in memory. Lesson: a secret is wiped when its owner is dropped, and what it was derived
/// from as soon as it is derived.
#[test]
fn a_secret_is_wiped_with_its_owner() {
    let seed = NoiseSeed::random(&mut Script::new(marker)).unwrap();
    assert!(copies(16) >= 1, "the search itself");
    drop(seed);
    assert_eq!(copies(16), 0);
    let world = World::new(3, 1);
    let session = world.builder(3, 20).build().unwrap();
    let identity = world.clients[&ClientId(10)].clone();
    let (state, _) = client::join(&session, ClientId(10), identity, &mut Script::new(marker)).unwrap();
    // Three secrets are derived from what is drawn first; the polynomials will be from what is drawn last.
    let places = |drawn: usize| [16, 32, 48].map(|at| copies(64 * drawn + at));
    assert_eq!([0, 1, 2].map(places), [[0; 3]; 3]);
    assert!(places(3).into_iter().all(|found| found >= 1));
    drop(state);
    assert_eq!(places(3), [0; 3]);
}
