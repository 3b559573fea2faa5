//! The AES-256-CTR keystream as 64-bit integers, handed out inside the cipher's own back end (section 11.2).

use aes::{
    Aes256Enc,
    cipher::{
        Array, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16,
        typenum::Unsigned,
    },
};
use zeroize::Zeroize;

use super::prg::{Block, counter_block};

/// What is done with an integer of the keystream.
///
/// Implementations are `#[inline(always)]` and branch-free: they are compiled into the cipher's loop, and keystreams are secret.
pub(crate) trait Take {
    /// Takes one integer for one slot.
    fn take(&mut self, slot: &mut u64, integer: u64);
}

/// A keystream of 8-byte little-endian integers, two in a block. The counter block is a 128-bit big-endian integer.
pub(crate) struct Keystream(Aes256Enc);

impl Keystream {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Enc::new(key.into()))
    }

    /// Hands the integers from block `counter` on to `take`, one for each of the slots.
    pub(crate) fn each(&self, counter: u64, slots: &mut [u64], take: &mut impl Take) {
        self.0.encrypt_with_backend(Each { counter, slots, take });
    }
}

struct Each<'a, T> {
    counter: u64,
    slots: &'a mut [u64],
    take: &'a mut T,
}

impl<T> BlockSizeUser for Each<'_, T> {
    type BlockSize = U16;
}

impl<T: Take> BlockCipherEncClosure for Each<'_, T> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let (mut counter, width) = (self.counter, B::ParBlocksSize::USIZE);
        let mut blocks: Array<Block, B::ParBlocksSize> = Array::default();
        let mut runs = self.slots.chunks_exact_mut(2 * width);
        for run in &mut runs {
            for block in &mut blocks {
                *block = counter_block(counter);
                counter = counter.wrapping_add(1);
            }
            backend.encrypt_par_blocks_inplace(&mut blocks);
            hand_out(self.take, run, blocks.as_flattened());
        }
        for slots in runs.into_remainder().chunks_mut(2) {
            let mut block = counter_block(counter);
            counter = counter.wrapping_add(1);
            backend.encrypt_block_inplace(&mut block);
            hand_out(self.take, slots, &block);
            block.zeroize();
        }
        blocks.as_flattened_mut().zeroize();
    }
}

#[inline(always)]
fn hand_out(take: &mut impl Take, slots: &mut [u64], bytes: &[u8]) {
    for (slot, integer) in slots.iter_mut().zip(bytes.as_chunks().0) {
        take.take(slot, u64::from_le_bytes(*integer));
    }
}
