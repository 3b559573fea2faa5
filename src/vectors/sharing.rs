//! Verifiable secret sharing.

use std::vec::Vec;

use curve25519_dalek::{Scalar, constants::RISTRETTO_BASEPOINT_COMPRESSED};

use super::json::{Node, Replay};
use crate::{
    ClientId,
    crypto::{
        secret::{Secret, SecretScalar},
        vss::{
            Commitments, Kind, Polynomials, Share, check_batch, lagrange_weights, recover, second_generator,
            second_generator_table,
        },
    },
    error::DecodeError,
    session::SessionId,
};

pub(super) fn sharing(section: &Node<'_>) {
    section.is("G", RISTRETTO_BASEPOINT_COMPRESSED.as_bytes());
    section.is("P", second_generator().compress().as_bytes());
    let (sid, id) = (SessionId(section.fixed("sid")), ClientId(section.get("id").number()));
    let (threshold, draw) = (section.get("threshold").small(), Secret::take(&mut section.fixed("draw")));
    for case in section.list("cases") {
        let kind = match case.get("kind").number() {
            1 => Kind::MaskRoot,
            kind => {
                assert_eq!(kind, 2);
                Kind::SelfSecret
            }
        };
        let secret = SecretScalar::new(scalar(&case.list("f")[0]));
        one_dealing(&case, &Polynomials::new(sid, id, kind, &secret, &draw, threshold), threshold);
    }
    for refused in section.list("scalars_refused") {
        for pair in [[refused.array(), [0; 32]], [[0; 32], refused.array()]] {
            assert_eq!(Share::decode(&pair[0], &pair[1]).err(), Some(DecodeError::Scalar));
        }
    }
}

fn one_dealing(case: &Node<'_>, polynomials: &Polynomials, threshold: usize) {
    let encoded: Vec<[u8; 32]> = case.list("commitments").iter().map(Node::array).collect();
    assert_eq!(encoded.len(), threshold);
    assert_eq!(polynomials.commit(&second_generator_table()), encoded);
    coefficients(&case.list("f"), &case.list("g"), &encoded);
    let commitments = Commitments::decode(&encoded).unwrap();
    let shares: Vec<(u32, Share)> = case.list("shares").iter().map(indexed_share).collect();
    for (index, share) in &shares {
        let own = polynomials.share(*index);
        assert_eq!((own.value, own.blinding), (share.value, share.blinding));
        assert!(commitments.admits(*index, share));
    }
    let (index, bad) = indexed_share(&case.get("bad_share"));
    assert!(!commitments.admits(index, &bad));
    let mut weights = Replay::new([[7; 16], [9; 16]].concat());
    let good = &shares.iter().find(|(i, _)| *i == index).unwrap().1;
    assert!(!check_batch(index, &[(&commitments, good), (&commitments, &bad)], &mut weights).unwrap());
    assert_eq!((bad.value - good.value, bad.blinding), (Scalar::ONE, good.blinding), "the vector spoils one share by one");
    case.list("recoveries").iter().for_each(|row| recovery(row, &commitments, &shares));
}

/// Coefficients open the commitments one by one, and nothing else does: so they are the ones committed to.
pub(super) fn coefficients(f: &[Node<'_>], g: &[Node<'_>], commitments: &[[u8; 32]]) {
    assert_eq!((f.len(), g.len()), (commitments.len(), commitments.len()));
    for ((f, g), commitment) in f.iter().zip(g).zip(commitments) {
        let share = Share::decode(&f.array(), &g.array()).unwrap();
        assert!(Commitments::decode(&[*commitment]).unwrap().opens(&share, &second_generator_table()));
    }
}

fn recovery(row: &Node<'_>, commitments: &Commitments, shares: &[(u32, Share)]) {
    let indices: Vec<u32> = row.list("indices").iter().map(Node::small).collect();
    let weights = lagrange_weights(&indices);
    let expected: Vec<[u8; 32]> = row.list("lambda").iter().map(Node::array).collect();
    assert_eq!(weights.iter().map(Scalar::to_bytes).collect::<Vec<_>>(), expected);
    let chosen: Vec<&Share> = indices.iter().map(|i| &shares.iter().find(|(index, _)| index == i).unwrap().1).collect();
    let secret = recover(&weights, chosen.into_iter());
    row.is("secret", secret.value.as_bytes());
    row.is("blinding", secret.blinding.as_bytes());
    assert!(commitments.opens(&secret, &second_generator_table()));
}

fn indexed_share(row: &Node<'_>) -> (u32, Share) {
    (row.get("index").small(), Share::decode(&row.fixed("share"), &row.fixed("blinding")).unwrap())
}

pub(super) fn scalar(node: &Node<'_>) -> Scalar {
    Scalar::from_canonical_bytes(node.array()).unwrap()
}
