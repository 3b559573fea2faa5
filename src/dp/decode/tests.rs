#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

use alloc::{vec, vec::Vec};

use super::*;

fn encoding(log2_block: Option<u8>) -> Encoding {
    Encoding::planner(12, 8, 3, 1000, 1.5, 2.0, 32).rotation(log2_block).plan().unwrap().encoding().clone()
}

fn words(len: usize) -> Vec<u32> {
    (0..len as u32).map(|i| (i * 7919 % 1000).wrapping_sub(500)).collect()
}

#[test]
fn pieces_decode_like_the_whole() {
    for log2_block in [None, Some(6), Some(16)] {
        let encoding = encoding(log2_block);
        let words = words(usize::try_from(encoding.vector_len()).unwrap());
        let mut whole = vec![0.0; words.len()];
        encoding.decode(0, &words, &mut whole).unwrap();
        let block = usize::try_from(encoding.block()).unwrap();
        let mut pieces = vec![0.0; words.len()];
        for ((start, words), values) in (0..).step_by(3 * block).zip(words.chunks(3 * block)).zip(pieces.chunks_mut(3 * block)) {
            encoding.decode(start, words, values).unwrap();
        }
        assert_eq!(whole, pieces);
        // Only the norm is common to all rotations.
        let norm: f64 = words.iter().map(|word| (f64::from(word.cast_signed()) / encoding.scale).powi(2)).sum();
        assert!((whole.iter().map(|value| value * value).sum::<f64>() / norm - 1.0).abs() < 1e-12);
    }
}

#[test]
fn a_piece_that_cuts_a_block_or_leaves_the_vector_is_refused() {
    let encoding = encoding(Some(6));
    assert_eq!(encoding.vector_len(), 1024);
    let decode = |start, len: usize, out: usize| encoding.decode(start, &vec![0_u32; len], &mut vec![0.0; out]);
    assert_eq!(decode(32, 64, 64), Err(InputError::Range { start: 32, end: 96 }));
    assert_eq!(decode(64, 32, 32), Err(InputError::Range { start: 64, end: 96 }));
    assert_eq!(decode(1024, 64, 64), Err(InputError::Range { start: 1024, end: 1088 }));
    assert_eq!(decode(0, 64, 65), Err(InputError::Length { expected: 64, got: 65 }));
    assert_eq!(decode(960, 64, 64), Ok(()));
}
