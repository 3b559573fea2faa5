//! The functions that handle secrets. Inputs are arbitrary; what is public stays defined.

mod client;
mod encoding;
mod masks;
mod noise;
mod session;

use core::convert::Infallible;

use rand::rand_core::{TryCryptoRng, TryRng};

use crate::Case;

pub fn all() -> Vec<Case> {
    [client::cases(), session::cases(), masks::cases(), noise::cases(), encoding::cases()].into_iter().flatten().collect()
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

/// Gives secret bytes.
struct Coins(u8);

impl TryRng for Coins {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(self.0);
        crate::memcheck::poison(out);
        Ok(())
    }
}

impl TryCryptoRng for Coins {}
