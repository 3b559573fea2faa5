//! The mask generator of section 11: AES-256-CTR, against one block at a time.

use alloc::{vec, vec::Vec};

use aes::{
    Aes256Enc,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use rand::{Rng, RngExt};

use super::{SESSION, hex_array, hex_vec, kdf_by_hand, rng};
use crate::{
    crypto::{
        prg::{BLOCK_LEN, BlockKey, Stream},
        secret::Secret,
    },
    math::ring::Lane,
    session::SessionId,
};

/// The keystream from an initial counter block, which is one big-endian integer: block after block, nothing else.
fn keystream(key: &[u8; 32], initial: u128, blocks: u128) -> Vec<u8> {
    let cipher = Aes256Enc::new(key.into());
    let encrypt = |counter: u128| {
        let mut block = counter.to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        <[u8; 16]>::from(block)
    };
    (0..blocks).flat_map(|counter| encrypt(initial + counter)).collect()
}

/// Words of a keystream, little-endian.
fn words<L: Lane>(keystream: &[u8]) -> Vec<L> {
    let word = |bytes: &[u8]| L::from_u64(bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    keystream.chunks_exact(L::BYTES).map(word).collect()
}

const SEED: [u8; 32] = [0x33; 32];

/// The key of a block, derived by hand.
fn key_bytes(block: u64) -> [u8; 32] {
    kdf_by_hand("prg-block", &SEED, &block.to_le_bytes(), 32).try_into().unwrap()
}

fn stream() -> Stream {
    Stream::new(SESSION, &Secret::take(&mut SEED.clone()))
}

fn apply<L: Lane>(key: &BlockKey, offset: u64, before: &[L], negative: bool) -> Vec<L> {
    let mut after = before.to_vec();
    key.apply(offset, &mut after, negative);
    after
}

fn random<L: Lane>(len: usize) -> Vec<L> {
    let mut rng = rng(1);
    (0..len).map(|_| L::from_u64(rng.next_u64())).collect()
}

fn bits<L: Lane>(words: &[L]) -> Vec<u64> {
    words.iter().map(|word| word.to_u64()).collect()
}

/// NIST SP 800-38A, F.5.5 (CTR-AES256.Encrypt): the counter layout that the kernel is compared with below.
#[test]
fn block_by_block_encryption_passes_the_vectors_of_nist() {
    let key = hex_array("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let initial = u128::from_be_bytes(hex_array("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
    let plain = hex_vec(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    let cipher = hex_vec(
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
         2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
    );
    let masked: Vec<u8> = plain.iter().zip(keystream(&key, initial, 4)).map(|(byte, mask)| byte ^ mask).collect();
    assert_eq!(masked, cipher);
}

/// Every length from 0 to 1030: around every multiple of 4 and of 256, whatever the number of blocks that the back end takes at once.
fn every_length_from_the_start<L: Lane>() {
    let (key, before) = (stream().key(5), random::<L>(1030));
    let masks = words::<L>(&keystream(&key_bytes(5), 0, 1030 * L::BYTES as u128 / 16 + 1));
    for len in 0..=before.len() {
        check_range(&key, 0, &before[..len], &masks);
    }
}

/// Starts inside a cipher block, inside a batch and around its ends, with such lengths again.
fn every_start_around_a_batch<L: Lane>() {
    let (key, before) = (stream().key(5), random::<L>(780));
    let masks = words::<L>(&keystream(&key_bytes(5), 0, 2300 * L::BYTES as u128 / 16));
    let near = |centre: usize| centre.saturating_sub(5)..=centre + 5;
    let starts = (0..=20).chain(near(64)).chain(near(128)).chain(near(256)).chain(near(512)).chain(near(1024));
    for start in starts {
        for len in (0..=12).chain(near(64)).chain(near(128)).chain(near(256)).chain(near(512)).chain(near(768)) {
            check_range(&key, start, &before[..len], &masks);
        }
    }
}

/// Both signs, against the keystream words `masks[start..]`.
fn check_range<L: Lane>(key: &BlockKey, start: usize, before: &[L], masks: &[L]) {
    let expect = |operation: fn(L, L) -> L| -> Vec<u64> {
        before.iter().zip(&masks[start..]).map(|(word, mask)| operation(*word, *mask).to_u64()).collect()
    };
    let place = (start, before.len());
    assert_eq!(bits(&apply(key, start as u64, before, false)), expect(L::wrapping_add), "{place:?}");
    assert_eq!(
        bits(&apply(key, start as u64, before, true)),
        expect(|a, b| L::from_u64(a.to_u64().wrapping_sub(b.to_u64()))),
        "{place:?}"
    );
}

#[test]
fn the_kernel_equals_block_by_block_encryption_at_every_length_in_u32() {
    every_length_from_the_start::<u32>();
}

#[test]
fn the_kernel_equals_block_by_block_encryption_at_every_length_in_u64() {
    every_length_from_the_start::<u64>();
}

#[test]
fn the_kernel_equals_block_by_block_encryption_from_every_start_in_u32() {
    every_start_around_a_batch::<u32>();
}

#[test]
fn the_kernel_equals_block_by_block_encryption_from_every_start_in_u64() {
    every_start_around_a_batch::<u64>();
}

/// The whole of one key: the counter passes every carry of its low 19 bits, and its last word is where section 11 says.
fn a_whole_block_of_positions<L: Lane>() {
    let len = usize::try_from(BLOCK_LEN).unwrap();
    let masks = words::<L>(&keystream(&key_bytes(0), 0, (len * L::BYTES / 16) as u128));
    let key = stream().key(0);
    let zeros = vec![L::default(); len];
    assert_eq!(bits(&apply(&key, 0, &zeros, false)), bits(&masks));
    assert_eq!(bits(&apply(&key, BLOCK_LEN - 1, &zeros[..1], false)), bits(&masks[len - 1..]));
    assert_eq!(bits(&apply(&key, BLOCK_LEN - 1001, &zeros[..1001], false)), bits(&masks[len - 1001..]));
}

#[test]
fn a_whole_block_of_positions_is_one_keystream() {
    assert_eq!(BLOCK_LEN, 1 << 20);
    a_whole_block_of_positions::<u32>();
    a_whole_block_of_positions::<u64>();
}

fn a_mask_cancels<L: Lane>() {
    let (key, mut rng) = (stream().key(9), rng(2));
    for _ in 0..300 {
        let (start, len) = (rng.random_range(0..3000), rng.random_range(0..2000));
        let before = random::<L>(len);
        let masked = apply(&key, start, &before, false);
        assert_eq!(bits(&apply(&key, start, &masked, true)), bits(&before), "{start} {len}");
        assert!(len < 8 || bits(&masked) != bits(&before), "{start} {len}: nothing was added");
    }
}

#[test]
fn a_mask_added_and_subtracted_leaves_nothing() {
    a_mask_cancels::<u32>();
    a_mask_cancels::<u64>();
}

#[test]
fn any_cut_of_a_range_gives_the_same_words() {
    let (key, before) = (stream().key(1), random::<u32>(700));
    let whole = apply(&key, 37, &before, true);
    for cut in 0..=before.len() {
        let (left, right) = before.split_at(cut);
        let pieces = [apply(&key, 37, left, true), apply(&key, 37 + cut as u64, right, true)].concat();
        assert_eq!(pieces, whole, "{cut}");
    }
}

#[test]
fn the_key_of_a_block_depends_on_session_seed_and_number_and_on_all_its_bits() {
    let first_words = |session: SessionId, seed: u8, block: u64| {
        apply(&Stream::new(session, &Secret::take(&mut [seed; 32])).key(block), 0, &[0_u64; 4], false)
    };
    for block in [0, 1, 2, 255, 256, 1 << 22, u64::MAX] {
        let expected = words::<u64>(&keystream(&key_bytes(block), 0, 2));
        assert_eq!(first_words(SESSION, SEED[0], block), expected, "{block}");
    }
    let mut outputs: Vec<_> = (0..64).map(|bit| first_words(SESSION, 1, 1 << bit)).collect();
    outputs.extend([first_words(SESSION, 2, 1), first_words(SessionId([1; 32]), 1, 1), first_words(SESSION, 1, 0)]);
    outputs.sort_unstable();
    outputs.dedup();
    assert_eq!(outputs.len(), 67);
}
