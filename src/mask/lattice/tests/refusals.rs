//! What a kernel refuses: words out of range, other lengths, other keys; and what it accepts as the same.

use super::*;
use crate::error::DecodeError;
use crate::error::ParamsError;

#[test]
fn a_word_out_of_range_is_named_and_nothing_is_written() {
    for (isa, (clients, max_abs, bits)) in Isa::available().flat_map(|isa| SHAPES.map(|shape| (isa, shape))) {
        let mut bench = Bench::new(isa, LatticeSet::L160, clients, max_abs, bits).unwrap();
        let (ring, block, len) = (bench.ring, 1025, bench.geometry.block_len() as usize - 5);
        let (key, limit) = (key(LatticeSet::L160, &[1], 1), max_abs as i64);
        let good = bench.words(&mut StdRng::seed_from_u64(1), len);
        let outside = [ring.wrap(limit + 1), ring.wrap(-limit - 1), ring.max().wrapping_add(1), u64::MAX - 1, 1 << 63];
        let outside = outside.into_iter().filter(|word| *word > ring.max() || ring.centered(*word).unsigned_abs() > max_abs);
        for word in outside {
            for place in [0, 1, len / 3, len - 2, len - 1] {
                let mut words = good.clone();
                words[place] = word;
                let mut wire = vec![0xaa; bench.geometry.wire_len(len as u64) as usize];
                let refused = bench.kernel.mask_block(bench.geometry, ring, SESSION, block, &key, &errors(1), &words, &mut wire);
                let position = block * bench.geometry.block_len() + place as u64;
                assert_eq!(refused, Err(InputError::WordOutOfRange { position }), "{word} at {place}, {isa:?}, {max_abs}");
                assert!(wire.iter().all(|byte| *byte == 0xaa));
            }
        }
    }
}

#[test]
fn a_key_of_another_epoch_or_set_is_refused() {
    let mut bench = Bench::new(Isa::best(), LatticeSet::L96, 3, 500, 12).unwrap();
    let words = vec![1_u64; 100];
    let mut wire = vec![0; bench.geometry.wire_len(100) as usize];
    for (set, of_key, block) in [
        (LatticeSet::L96, 1, 1023),
        (LatticeSet::L96, 0, 1024),
        (LatticeSet::L96, 1, 2048),
        (LatticeSet::L100, 0, 0),
        (LatticeSet::S48, 0, 0),
    ] {
        let key = key(set, &[1], of_key);
        let refused = bench.kernel.mask_block(bench.geometry, bench.ring, SESSION, block, &key, &errors(1), &words, &mut wire);
        assert_eq!(refused, Err(InputError::WrongState));
        let sums = bench.no_sums(100);
        let refused =
            bench.kernel.unmask_block(bench.geometry, bench.ring, SESSION, block, &key, &sums, 1, &mut vec![0_u64; 100]);
        assert_eq!(refused, Err(UnmaskError::Mismatch(block)));
    }
}

#[test]
fn other_lengths_are_refused_and_add_nothing() {
    let mut bench = Bench::new(Isa::best(), LatticeSet::L108, 3, 500, 12).unwrap();
    let (geometry, block) = (bench.geometry, bench.geometry.block_len() as usize);
    let (key, errors) = (key(LatticeSet::L108, &[1], 0), errors(1));
    let mut mask = |words: usize, bytes: usize| {
        bench.kernel.mask_block(geometry, bench.ring, SESSION, 0, &key, &errors, &vec![0_u64; words], &mut vec![0; bytes])
    };
    let len = geometry.wire_len(block as u64) as usize;
    assert_eq!(mask(block, len), Ok(()));
    for (words, bytes) in [(block, len - 1), (block, len + 1), (block + 1, len), (block - geometry.lanes(), len), (0, 1)] {
        assert!(matches!(mask(words, bytes), Err(InputError::Length { .. })), "{words} {bytes}");
    }
    assert_eq!(mask(0, 0), Ok(()), "an empty block");
    let wire = bench.mask(0, 1, &[0_u64; 1]);
    let residues = || Residues::new(geometry, 1).unwrap();
    for wrong in [&wire[..wire.len() - 1], &[&wire[..], &[0]].concat(), &[]] {
        assert_eq!(residues().add_wires(0..1, &[&wire, wrong]), Err((1, DecodeError::Count)));
    }
    assert_eq!(residues().add_wires(0..2, &[&wire]), Err((0, DecodeError::Count)));
    let packed = |wire: &[u8]| {
        let (mut sums, mut out) = (residues(), Vec::new());
        sums.add_wires(0..1, &[wire]).unwrap();
        sums.pack(&mut out);
        out
    };
    for part in 0..3 {
        let mut padded = wire.clone();
        padded[5 * part + 4] |= 0x80;
        assert_eq!(packed(&padded), packed(&wire), "padding changes nothing, prime {part}");
    }
}

/// A number between `q` and `2^r` means its remainder.
#[test]
fn residues_that_are_not_reduced_count_as_their_remainders() {
    for set in SETS {
        let mut bench = Bench::new(Isa::best(), set, 3, 1, 3).unwrap();
        let words = vec![0_u64; 3 * bench.geometry.lanes()];
        let clean = bench.mask(0, 1, &words);
        let mut sums = bench.no_sums(words.len());
        bench.add(words.len(), &clean, &mut sums);
        for (modulus, sums) in set.moduli().zip(sums.chunks_mut(3)) {
            // As if another client had sent zeros, in another form.
            sums.iter_mut().for_each(|sum| *sum += modulus.value());
        }
        assert_eq!(bench.unmask(0, &[1], &sums, words.len()).unwrap(), words);
        let reduced: Vec<u64> = vec![5; 3 * set.primes().len()];
        let other: Vec<u64> = set.moduli().flat_map(|modulus| [modulus.value() + 5; 3]).collect();
        for residues in [reduced, other] {
            let wire = residues.chunks(3).flat_map(|part| {
                let mut bytes = Vec::new();
                set.wire_ring().pack(part, &mut bytes);
                bytes
            });
            let (mut with, wire) = (sums.clone(), wire.collect::<Vec<u8>>());
            bench.add(words.len(), &wire, &mut with);
            let words = bench.unmask(0, &[1], &with, words.len()).unwrap();
            assert_eq!(words[0], bench.ring.wrap(5), "{set:?}");
        }
    }
}

#[test]
fn a_geometry_that_can_not_hold_the_sum_is_refused() {
    let refused = |set, clients, max_abs| Geometry::new(set, clients, max_abs).unwrap_err();
    for clients in [0, 1, 4097, usize::MAX] {
        assert_eq!(refused(LatticeSet::L96, clients, 5), ParamsError::RosterSize { n: clients });
    }
    assert_eq!(refused(LatticeSet::L96, 3, 0), ParamsError::Bound);
    let width = |clients, max_abs, need, holds| ParamsError::LatticeWidth { clients, max_abs, need, holds };
    assert_eq!(refused(LatticeSet::S48, 2, 1 << 34), width(2, 1 << 34, 37, 36));
    assert_eq!(refused(LatticeSet::S48, 4096, 1 << 21), width(4096, 1 << 21, 35, 34));
    assert_eq!(refused(LatticeSet::L160, 4096, 1 << 51), width(4096, 1 << 51, 65, 64));
    assert_eq!(refused(LatticeSet::L96, 4096, u64::MAX), width(4096, u64::MAX, 77, 64));
    let lanes = |set, clients, max_abs| Geometry::new(set, clients, max_abs).unwrap().lanes();
    assert_eq!(lanes(LatticeSet::S48, 2, (1 << 34) - 1), 1);
    assert_eq!([lanes(LatticeSet::L96, 195, 5377), lanes(LatticeSet::L96, 195, 5378)], [4, 3], "21 bits hold 2^21 - 1");
    assert_eq!(lanes(LatticeSet::L160, 2, 1), 49);
}

#[test]
fn a_set_has_a_code_of_its_own() {
    for set in SETS {
        assert_eq!(LatticeSet::from_code(set.code()), Some(set));
    }
    assert_eq!(SETS.map(LatticeSet::code), [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17]);
    assert!([0, 1, 0x10, 0x18, 0xff].into_iter().all(|code| LatticeSet::from_code(code).is_none()));
}

#[test]
fn debug_output_shows_no_secret() {
    let shown = std::format!(
        "{:?} {:?} {:?}",
        key(LatticeSet::L96, &[1], 2),
        errors(1),
        Kernel::with_isa(LatticeSet::L96, Isa::Portable)
    );
    assert_eq!(shown, "EpochKey(L96, 2, ..) ErrorSource(..) Kernel(L96, Portable)");
}
