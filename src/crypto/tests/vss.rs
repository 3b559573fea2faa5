//! Verifiable secret sharing (section 9): every formula anew, and what the checks refuse.

use alloc::{format, vec::Vec};

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::Rng;
use sha2::{Digest, Sha512};

use super::{Failing, SESSION, hex_array, kdf_by_hand, label, rng, subsets};
use crate::{
    crypto::{
        secret::{Secret, SecretScalar},
        vss::{
            Commitments, Kind, Polynomials, Share, check_batch, lagrange_weights, recover, second_generator,
            second_generator_table,
        },
    },
    error::{ClientId, EnvironmentError},
    session::SessionId,
};

const ENTROPY: [u8; 64] = [0x44; 64];

/// A dealing of one secret, and its shares for holders `1..=n`.
struct Dealing {
    secret: Scalar,
    encoded: Vec<[u8; 32]>,
    commitments: Commitments,
    shares: Vec<Share>,
}

fn polynomials(session: SessionId, dealer: u64, kind: Kind, secret: Scalar, threshold: usize) -> Polynomials {
    let entropy = Secret::take(&mut ENTROPY.clone());
    Polynomials::new(session, ClientId(dealer), kind, &SecretScalar::new(secret), &entropy, threshold)
}

fn deal(dealer: u64, threshold: usize, n: u32) -> Dealing {
    let secret = Scalar::from(1_000_000 + dealer);
    let polynomials = polynomials(SESSION, dealer, Kind::MaskRoot, secret, threshold);
    let encoded = polynomials.commit(&second_generator_table());
    let commitments = Commitments::decode(&encoded).unwrap();
    let shares = (1..=n).map(|index| polynomials.share(index)).collect();
    Dealing { secret, encoded, commitments, shares }
}

fn copy(share: &Share) -> Share {
    Share::new(share.value, share.blinding)
}

/// A coefficient by the table of section 5.
fn coefficient(dealer: u64, kind: u8, k: u32, part: u8) -> Scalar {
    let info = [&dealer.to_le_bytes()[..], &[kind], &k.to_le_bytes(), &[part]].concat();
    let wide: [u8; 64] = kdf_by_hand("vss", &ENTROPY, &info, 64).try_into().unwrap();
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// `sum_k c_k i^k` as written.
fn evaluate(coefficients: &[Scalar], index: u32) -> Scalar {
    let power = |k: usize| (0..k).fold(Scalar::ONE, |power, _| power * Scalar::from(index));
    coefficients.iter().enumerate().map(|(k, c)| c * power(k)).sum()
}

/// The frozen encoding is that of an implementation of RFC 9496 in another language.
#[test]
fn the_second_generator_is_the_map_of_the_hashed_label() {
    let hashed: [u8; 64] = Sha512::digest(label("pedersen")).into();
    assert_eq!(second_generator(), RistrettoPoint::from_uniform_bytes(&hashed));
    let frozen: [u8; 32] = hex_array("fe4a9568632d5ad70fa30ee4e7b8157f60818c36629246533ac616e7b5c8ef61");
    assert_eq!(second_generator().compress().to_bytes(), frozen);
}

#[test]
fn coefficients_commitments_and_shares_are_those_of_section_9() {
    for (kind, code) in [(Kind::MaskRoot, 1), (Kind::SelfSecret, 2)] {
        for threshold in 1..=9_u32 {
            let (dealer, secret) = (0x0102_0304_0506_0708, Scalar::from(77_u8));
            let polynomials = polynomials(SESSION, dealer, kind, secret, threshold as usize);
            let mut f = Vec::from([secret]);
            f.extend((1..threshold).map(|k| coefficient(dealer, code, k, 0)));
            let g: Vec<Scalar> = (0..threshold).map(|k| coefficient(dealer, code, k, 1)).collect();
            let commitments: Vec<[u8; 32]> = f
                .iter()
                .zip(&g)
                .map(|(f, g)| (RistrettoPoint::mul_base(f) + g * second_generator()).compress().to_bytes())
                .collect();
            assert_eq!(polynomials.commit(&second_generator_table()), commitments, "{kind:?} {threshold}");
            for index in [1, 2, 7, 4096, u32::MAX] {
                let share = polynomials.share(index);
                assert_eq!(share.value, evaluate(&f, index), "{kind:?} {threshold} {index}");
                assert_eq!(share.blinding, evaluate(&g, index), "{kind:?} {threshold} {index}");
            }
        }
    }
}

#[test]
fn session_dealer_and_kind_each_give_other_polynomials() {
    let secret = Scalar::from(5_u8);
    let table = second_generator_table();
    let mut all: Vec<[u8; 32]> = [
        polynomials(SESSION, 1, Kind::MaskRoot, secret, 3),
        polynomials(SessionId([1; 32]), 1, Kind::MaskRoot, secret, 3),
        polynomials(SESSION, 2, Kind::MaskRoot, secret, 3),
        polynomials(SESSION, 1, Kind::SelfSecret, secret, 3),
    ]
    .iter()
    .flat_map(|polynomials| polynomials.commit(&table))
    .collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 12);
}

/// Thresholds on both sides of every group of powers that the check takes together.
#[test]
fn every_good_share_is_admitted_and_no_other() {
    for threshold in 1..=9 {
        let dealing = deal(1, threshold, 10);
        for (index, share) in (1_u32..).zip(&dealing.shares) {
            assert!(dealing.commitments.admits(index, share), "{threshold} {index}");
            let (mut value, mut blinding) = (copy(share), copy(share));
            value.value += Scalar::ONE;
            blinding.blinding -= Scalar::ONE;
            assert!(!dealing.commitments.admits(index, &value), "{threshold} {index}");
            assert!(!dealing.commitments.admits(index, &blinding), "{threshold} {index}");
            // Another holder's; with one coefficient all shares are the same.
            assert_eq!(dealing.commitments.admits(index + 1, share), threshold == 1, "{threshold} {index}");
        }
    }
}

#[test]
fn a_share_is_refused_if_any_commitment_is_changed_exchanged_or_missing() {
    let dealing = deal(1, 9, 2);
    let other = RistrettoPoint::mul_base(&Scalar::from(3_u8)).compress().to_bytes();
    let refused = |encoded: &[[u8; 32]], what: &str| {
        let commitments = Commitments::decode(encoded).unwrap();
        assert!(!commitments.admits(2, &dealing.shares[1]), "{what}");
    };
    for place in 0..9 {
        let (mut changed, mut shorter, mut exchanged) =
            (dealing.encoded.clone(), dealing.encoded.clone(), dealing.encoded.clone());
        changed[place] = other;
        shorter.remove(place);
        exchanged.swap(place, (place + 1) % 9);
        refused(&changed, &format!("changed {place}"));
        refused(&shorter, &format!("missing {place}"));
        refused(&exchanged, &format!("exchanged {place}"));
    }
    refused(&[&dealing.encoded[..], &[other]].concat(), "one more");
    refused(&[], "none");
}

#[test]
fn exactly_the_secret_and_its_blinding_open_the_first_commitment() {
    let dealing = deal(1, 4, 0);
    let blinding = coefficient(1, 1, 0, 1);
    assert!(dealing.commitments.opens(&Share::new(dealing.secret, blinding), &second_generator_table()));
    assert!(!dealing.commitments.opens(&Share::new(dealing.secret + Scalar::ONE, blinding), &second_generator_table()));
    assert!(!dealing.commitments.opens(&Share::new(dealing.secret, blinding + Scalar::ONE), &second_generator_table()));
    let nothing = Share::new(Scalar::ZERO, Scalar::ZERO);
    assert!(!Commitments::decode(&[]).unwrap().opens(&nothing, &second_generator_table()), "no commitment is opened by nothing");
}

const DEALERS: usize = 6;
const THRESHOLD: usize = 5;
const HOLDER: u32 = 3;

fn dealings() -> Vec<Dealing> {
    (0..DEALERS as u64).map(|dealer| deal(dealer, THRESHOLD, HOLDER)).collect()
}

/// The holder's share of each dealing.
fn held(dealings: &[Dealing]) -> Vec<Share> {
    dealings.iter().map(|dealing| copy(&dealing.shares[HOLDER as usize - 1])).collect()
}

fn batch(dealings: &[Dealing], shares: &[Share], index: u32) -> bool {
    let pairs: Vec<_> = dealings.iter().map(|dealing| &dealing.commitments).zip(shares).collect();
    check_batch(index, &pairs, &mut rng(1)).unwrap()
}

#[test]
fn a_batch_of_good_shares_is_accepted_and_for_that_holder_alone() {
    let dealings = dealings();
    assert!(batch(&dealings, &held(&dealings), HOLDER));
    assert!(!batch(&dealings, &held(&dealings), HOLDER + 1));
    assert!(batch(&[], &[], HOLDER), "of no dealing no share is bad");
}

#[test]
fn a_batch_with_one_bad_share_is_refused_wherever_it_is() {
    let dealings = dealings();
    for place in 0..dealings.len() {
        for (value, blinding) in [(Scalar::ONE, Scalar::ZERO), (Scalar::ZERO, Scalar::ONE), (Scalar::ONE, -Scalar::ONE)] {
            let mut shares = held(&dealings);
            shares[place].value += value;
            shares[place].blinding += blinding;
            assert!(!batch(&dealings, &shares, HOLDER), "{place} {value:?} {blinding:?}");
        }
    }
}

#[test]
fn a_batch_with_one_bad_commitment_is_refused_wherever_it_is() {
    let shares = held(&dealings());
    for place in 0..shares.len() {
        for term in 0..THRESHOLD {
            let mut dealings = dealings();
            let mut encoded = dealings[place].encoded.clone();
            encoded[term] = second_generator().compress().to_bytes();
            dealings[place].commitments = Commitments::decode(&encoded).unwrap();
            assert!(!batch(&dealings, &shares, HOLDER), "{place} {term}");
        }
    }
}

/// Were the weights equal, or did two dealings share one, these would pass.
#[test]
fn errors_that_cancel_are_refused() {
    let dealings = dealings();
    for first in 0..dealings.len() {
        for second in first + 1..dealings.len() {
            let mut shares = held(&dealings);
            shares[first].value += Scalar::ONE;
            shares[second].value -= Scalar::ONE;
            assert!(!batch(&dealings, &shares, HOLDER), "{first} {second}");
            let mut shares = held(&dealings);
            shares.swap(first, second);
            assert!(!batch(&dealings, &shares, HOLDER), "{first} and {second} exchanged");
        }
    }
}

#[test]
fn a_batch_whose_generator_fails_at_any_weight_is_an_error_and_no_answer() {
    let dealings = dealings();
    let shares = held(&dealings);
    let pairs: Vec<_> = dealings.iter().map(|dealing| &dealing.commitments).zip(&shares).collect();
    for left in 0..pairs.len() {
        assert_eq!(check_batch(HOLDER, &pairs, &mut Failing { left }), Err(EnvironmentError::Rng), "{left}");
    }
    assert_eq!(check_batch(HOLDER, &pairs, &mut Failing { left: pairs.len() }), Ok(true));
}

/// Appendix A: 16 bytes for each weight, in the order of the dealings.
#[test]
fn the_weights_are_the_next_16_bytes_each() {
    let dealings = dealings();
    let shares = held(&dealings);
    let weights: Vec<Scalar> = {
        let mut bytes = [0; 16 * DEALERS];
        rng(4).fill_bytes(&mut bytes);
        bytes.chunks_exact(16).map(|weight| Scalar::from(u128::from_le_bytes(weight.try_into().unwrap()))).collect()
    };
    // Two errors that cancel under exactly these weights: whoever can predict them passes.
    let mut forged: Vec<Share> = shares.iter().map(copy).collect();
    forged[1].value += weights[4];
    forged[4].value -= weights[1];
    let pairs: Vec<_> = dealings.iter().map(|dealing| &dealing.commitments).zip(&forged).collect();
    let mut generator = rng(4);
    assert!(check_batch(HOLDER, &pairs, &mut generator).unwrap());
    assert!(!check_batch(HOLDER, &pairs, &mut generator).unwrap(), "weights drawn afresh");
}

/// `lambda_i = prod_{j != i} j / (j - i)`, each factor alone.
#[test]
fn lagrange_weights_are_those_of_section_9() {
    let small = (0..=6).flat_map(|size| subsets(6, size));
    for indices in small.chain([Vec::from([1, 4095, 4096]), Vec::from([4096, 7, u32::MAX])]) {
        let expected: Vec<Scalar> = indices
            .iter()
            .map(|i| {
                let others = indices.iter().filter(|j| *j != i);
                others.map(|j| Scalar::from(*j) * (Scalar::from(*j) - Scalar::from(*i)).invert()).product()
            })
            .collect();
        let weights = lagrange_weights(&indices);
        assert_eq!(weights, expected, "{indices:?}");
        assert!(indices.is_empty() || weights.iter().sum::<Scalar>() == Scalar::ONE, "the constant 1, {indices:?}");
    }
}

fn recovered(dealing: &Dealing, indices: &[u32]) -> Share {
    let shares = indices.iter().map(|index| &dealing.shares[*index as usize - 1]);
    recover(&lagrange_weights(indices), shares)
}

#[test]
fn any_t_shares_recover_the_secret_and_any_t_minus_1_do_not() {
    for n in 1..=7 {
        for threshold in 1..=n {
            let dealing = deal(9, threshold as usize, n);
            for indices in subsets(n, threshold) {
                let found = recovered(&dealing, &indices);
                assert_eq!((found.value, found.blinding), (dealing.secret, coefficient(9, 1, 0, 1)), "{indices:?}");
                assert!(dealing.commitments.opens(&found, &second_generator_table()));
            }
            for indices in subsets(n, threshold - 1) {
                let found = recovered(&dealing, &indices);
                assert_ne!(found.value, dealing.secret, "{threshold} {indices:?}");
                assert!(!dealing.commitments.opens(&found, &second_generator_table()), "{threshold} {indices:?}");
            }
        }
    }
}

/// The share values alone: `t - 1` of them and any secret whatever lie on one polynomial. With the commitments: `secrecy.rs`.
#[test]
fn t_minus_1_shares_fit_every_secret() {
    let (threshold, n) = (4, 6);
    let dealing = deal(2, threshold, n);
    for indices in subsets(n, 3) {
        let last = (1..=n).find(|index| !indices.contains(index)).unwrap();
        let weights = lagrange_weights(&[&indices[..], &[last]].concat());
        let known: Scalar =
            indices.iter().zip(&weights).map(|(index, weight)| weight * dealing.shares[*index as usize - 1].value).sum();
        for candidate in [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, dealing.secret] {
            let value = (candidate - known) * weights[3].invert();
            let share = Share::new(value, Scalar::ZERO);
            let held = indices.iter().map(|index| &dealing.shares[*index as usize - 1]);
            assert_eq!(recover(&weights, held.chain([&share])).value, candidate);
            assert_eq!(value == dealing.shares[last as usize - 1].value, candidate == dealing.secret);
        }
    }
}

#[test]
fn a_wrong_share_spoils_the_recovery_and_the_opening_shows_it() {
    let dealing = deal(3, 3, 5);
    for indices in subsets(5, 3) {
        for place in 0..3 {
            let mut shares: Vec<Share> = indices.iter().map(|index| copy(&dealing.shares[*index as usize - 1])).collect();
            shares[place].value += Scalar::ONE;
            let found = recover(&lagrange_weights(&indices), shares.iter());
            assert!(!dealing.commitments.opens(&found, &second_generator_table()), "{indices:?} {place}");
        }
    }
}

#[test]
fn a_share_prints_nothing() {
    assert_eq!(format!("{:?}", deal(1, 2, 1).shares[0]), "Share(..)");
}
