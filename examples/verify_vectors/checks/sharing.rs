//! Verifiable secret sharing.

use curve25519_dalek::{Scalar, constants::RISTRETTO_BASEPOINT_COMPRESSED};
use veilsum::{
    ClientId, DecodeError, SessionId,
    hazmat::{ScalarPair, SharedSecret, Sharing, lagrange, opens, recover, second_generator, share_is_good, shares_are_good},
};

use super::{
    context::Context,
    node::{At, Node, Outcome},
    play::Replay,
    tally::Tally,
};

/// What all dealings of the group have in common.
struct Dealer {
    session: SessionId,
    id: ClientId,
    threshold: usize,
    draw: [u8; 64],
}

pub(crate) fn sharing(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    tally.part(group, "generators", || {
        group.is("G", RISTRETTO_BASEPOINT_COMPRESSED.as_bytes())?;
        group.is("P", &second_generator())
    });
    let dealer = Dealer {
        session: SessionId(group.fixed("sid")?),
        id: ClientId(group.get("id")?.number()?),
        threshold: group.get("threshold")?.small()?,
        draw: group.fixed("draw")?,
    };
    for case in group.list("cases")? {
        tally.case(&case, || one_dealing(&case, &dealer));
    }
    for refused in group.list("scalars_refused")? {
        tally.case(&refused, || {
            for pair in [[refused.array()?, [0; 32]], [[0; 32], refused.array()?]] {
                refused.same(Err(DecodeError::Scalar), recover(&[1], &[pair]))?;
            }
            Ok(())
        });
    }
    Ok(())
}

fn one_dealing(case: &Node<'_>, dealer: &Dealer) -> Outcome {
    let kind = match case.get("kind")?.number()? {
        1 => SharedSecret::MaskRoot,
        2 => SharedSecret::SelfSecret,
        other => return Err(case.fails("kind 1 or 2", other)),
    };
    let (f, g) = (case.get("f")?, case.get("g")?);
    let commitments: Vec<[u8; 32]> = case.get("commitments")?.arrays()?;
    case.same(commitments.len(), dealer.threshold)?;
    let secret: [u8; 32] = f.items()?.first().at(&f)?.array()?;
    let sharing = Sharing::new(dealer.session, dealer.id, kind, &secret, dealer.draw, dealer.threshold).at(&f)?;
    case.get("commitments")?.same(&commitments, &sharing.commitments())?;
    coefficients(&f, &g, &commitments)?;
    let shares: Vec<(u32, ScalarPair)> = case.list("shares")?.iter().map(indexed_share).collect::<Outcome<_>>()?;
    for (index, share) in &shares {
        case.same(share, &sharing.share(*index))?;
        case.same(Ok(true), share_is_good(&commitments, *index, share))?;
    }
    bad_share(&case.get("bad_share")?, &commitments, &shares)?;
    case.list("recoveries")?.iter().try_for_each(|row| recovery(row, &commitments, &shares))
}

/// A share that is one too large fails alone, and in a batch.
fn bad_share(node: &Node<'_>, commitments: &[[u8; 32]], shares: &[(u32, ScalarPair)]) -> Outcome {
    let (index, bad) = indexed_share(node)?;
    node.same(Ok(false), share_is_good(commitments, index, &bad))?;
    let (_, good) = shares.iter().find(|(i, _)| *i == index).at(node)?;
    let mut weights = Replay::new([[7; 16], [9; 16]].concat());
    node.same(Ok(false), shares_are_good(index, &[(commitments, *good), (commitments, bad)], &mut weights))?;
    let difference = scalar(node, bad.first())? - scalar(node, good.first())?;
    node.holds(difference == Scalar::ONE && bad.last() == good.last(), "one share that is spoilt by one")
}

/// Coefficients open the commitments one by one, and nothing else does: so they are the ones committed to.
pub(super) fn coefficients(f: &Node<'_>, g: &Node<'_>, commitments: &[[u8; 32]]) -> Outcome {
    let (values, blindings) = (f.arrays::<32>()?, g.arrays::<32>()?);
    f.same(values.len(), commitments.len())?;
    g.same(blindings.len(), commitments.len())?;
    for ((value, blinding), commitment) in values.into_iter().zip(blindings).zip(commitments) {
        f.same(Ok(true), opens(&[*commitment], &[value, blinding]))?;
    }
    Ok(())
}

fn recovery(row: &Node<'_>, commitments: &[[u8; 32]], shares: &[(u32, ScalarPair)]) -> Outcome {
    let indices: Vec<u32> = row.list("indices")?.iter().map(Node::small).collect::<Outcome<_>>()?;
    row.get("lambda")?.same(row.get("lambda")?.arrays()?, lagrange(&indices))?;
    let share = |i: &u32| shares.iter().find(|(index, _)| index == i).map(|(_, share)| *share).at(row);
    let chosen: Vec<ScalarPair> = indices.iter().map(share).collect::<Outcome<_>>()?;
    let secret = recover(&indices, &chosen).at(row)?;
    let [value, blinding] = &secret;
    row.is("secret", value)?;
    row.is("blinding", blinding)?;
    row.same(Ok(true), opens(commitments, &secret))
}

fn indexed_share(row: &Node<'_>) -> Outcome<(u32, ScalarPair)> {
    Ok((row.get("index")?.small()?, [row.fixed("share")?, row.fixed("blinding")?]))
}

fn scalar(node: &Node<'_>, bytes: Option<&[u8; 32]>) -> Outcome<Scalar> {
    bytes.and_then(|bytes| Option::from(Scalar::from_canonical_bytes(*bytes))).at(node)
}
