//! Sums of errors up to the limit come out right, and beyond it are seen.

use super::*;

/// One client's block with the sum of errors moved to `target` in each coefficient: the errors are read first, as the server can.
fn with_errors(bench: &mut Bench, words: &[u64], target: i64) -> Vec<u64> {
    let (set, wire) = (bench.geometry.set(), bench.mask(0, 1, words));
    let mut sums = bench.no_sums(words.len());
    bench.add(words.len(), &wire, &mut sums);
    assert_eq!(bench.unmask(0, &[1], &sums, words.len()).unwrap(), words);
    // What the readout leaves behind: the limit, less the error.
    let (coefficients, limit) = (sums.len() / set.primes().len(), error::largest_sum(1) as i64);
    let errors: Vec<i64> = bench.kernel.integers[..coefficients].iter().map(|rest| limit - *rest as i64).collect();
    assert!(errors.iter().all(|error| error.abs() <= 84) && errors.iter().any(|error| *error != 0));
    for (modulus, sums) in set.moduli().zip(sums.chunks_mut(coefficients)) {
        let t = i128::from(modulus.power(2, u64::from(bench.geometry.plain_bits())));
        for (sum, error) in sums.iter_mut().zip(&errors) {
            let moved = i128::from(*sum) + t * i128::from(target - error);
            *sum = moved.rem_euclid(i128::from(modulus.value())) as u64;
        }
    }
    sums
}

#[test]
fn a_sum_of_errors_at_the_limit_is_exact_and_one_beyond_it_is_refused() {
    for set in SETS {
        for clients in [2, 195, 512, 2048, 4096] {
            let (max_abs, bits) = if set.log_len() == 11 { (100, 21) } else { (5000, 30) };
            let mut bench = Bench::new(Isa::best(), set, clients, max_abs, bits).unwrap();
            let words = bench.words(&mut StdRng::seed_from_u64(1), 5 * bench.geometry.lanes());
            // As many survivors as clients, of whom all but one have sent the least word: a lane of zero.
            let (ring, others) = (bench.ring, (clients as i64 - 1) * max_abs as i64);
            let expected: Vec<u64> = words.iter().map(|word| ring.wrap(ring.centered(*word) - others)).collect();
            let mut unmask = |error: i64| {
                let (sums, key, mut out) = (with_errors(&mut bench, &words, error), key(set, &[1], 0), vec![0_u64; words.len()]);
                let (geometry, survivors) = (bench.geometry, clients as u32);
                bench.kernel.unmask_block(geometry, ring, SESSION, 0, &key, &sums, survivors, &mut out).map(|()| out)
            };
            let limit = error::largest_sum(clients as u32) as i64;
            for error in [-limit, -limit + 1, 0, limit - 1, limit] {
                assert_eq!(unmask(error).as_ref(), Ok(&expected), "{set:?}, {clients}, {error}");
            }
            for error in [-limit - 1, limit + 1] {
                assert_eq!(unmask(error), Err(UnmaskError::Corrupt(0)), "{set:?}, {clients}, {error}");
            }
        }
    }
}

/// `(2 L + 2) t <= Q`: the limit, and one more, so that what is beyond it is seen on either side.
#[test]
fn every_set_has_room_for_the_errors_of_every_number_of_clients() {
    assert_eq!([1, 2, 195, 512, 2048, 4096].map(error::largest_sum), [90, 127, 1256, 2036, 4072, 5760]);
    for set in SETS {
        for clients in 2..=4096 {
            let headroom = set.modulus_bits() - set.plain_bits(clients);
            // Each prime is less than 2^-16 below its power of two.
            assert!(2 * error::largest_sum(clients) + 2 <= (1 << headroom) - (1 << headroom >> 12), "{set:?}, {clients}");
            // 14 standard deviations of the sum.
            assert!((error::largest_sum(clients) + 1) as f64 >= 14.06 * 6.4 * f64::from(clients).sqrt());
        }
    }
}

/// A mask under another block's polynomial is not undone.
#[test]
fn a_block_unmasked_as_another_is_corrupt() {
    let mut bench = Bench::new(Isa::best(), LatticeSet::L96, 3, 500, 12).unwrap();
    let words = bench.words(&mut StdRng::seed_from_u64(1), 1000);
    let wire = bench.mask(4, 1, &words);
    let mut sums = bench.no_sums(1000);
    bench.add(1000, &wire, &mut sums);
    assert_eq!(bench.unmask(5, &[1], &sums, 1000), Err(UnmaskError::Corrupt(5)));
    assert_eq!(bench.unmask(4, &[2], &sums, 1000), Err(UnmaskError::Corrupt(4)));
    assert_eq!(bench.unmask(4 + EPOCH_BLOCKS, &[1], &sums, 1000), Err(UnmaskError::Corrupt(4 + EPOCH_BLOCKS)));
    assert_eq!(bench.unmask(4, &[1], &sums, 1000).unwrap(), words);
}

#[test]
fn nothing_is_written_when_a_block_is_corrupt() {
    let mut bench = Bench::new(Isa::best(), LatticeSet::L96, 3, 500, 12).unwrap();
    let sums: Vec<u64> = bench.no_sums(1000).iter().enumerate().map(|(i, _)| i as u64 * 0x1234_5678_9abc).collect();
    let mut out = vec![77_u64; 1000];
    let key = key(LatticeSet::L96, &[1], 0);
    let refused = bench.kernel.unmask_block(bench.geometry, bench.ring, SESSION, 0, &key, &sums, 1, &mut out);
    assert_eq!((refused, out), (Err(UnmaskError::Corrupt(0)), vec![77; 1000]));
}
