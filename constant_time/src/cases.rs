//! The functions that handle secrets. Inputs are arbitrary; what is public stays defined.

mod client;
mod masks;
mod noise;

use crate::Case;

pub fn all() -> Vec<Case> {
    [client::cases(), masks::cases(), noise::cases()].concat()
}

/// Secret bytes.
fn secret<const N: usize>(fill: u8) -> [u8; N] {
    let mut bytes = core::array::from_fn(|k| fill.wrapping_mul(31).wrapping_add(k as u8).wrapping_mul(167));
    crate::memcheck::poison(&mut bytes);
    bytes
}

/// A secret scalar below 2^248, which is reduced.
fn scalar(fill: u8) -> [u8; 32] {
    let mut bytes: [u8; 32] = core::array::from_fn(|k| if k == 31 { 0 } else { fill.wrapping_add(k as u8) });
    crate::memcheck::poison(&mut bytes);
    bytes
}

/// Secret words below `below`.
fn words(len: usize, below: u32) -> Vec<u32> {
    let mut words: Vec<u32> = (0..len as u32).map(|k| k.wrapping_mul(2_654_435_761) % below).collect();
    crate::memcheck::poison(&mut words);
    words
}

fn bytes_of_u32(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn bytes_of_u64(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
