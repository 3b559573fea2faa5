//! "At least `t` signatures on ITS OWN h3": a split view of the survivors.

use alloc::vec::Vec;

use super::stage::{Per, Stage, ids};
use crate::{
    ClientId, Error, ServerFault,
    crypto::vss::Kind,
    mutant::{self, Mutant},
};

/// Each client, and the survivors that it is told of.
const VIEWS: [(u64, [u64; 5]); 7] = [
    (1, [1, 2, 5, 6, 7]),
    (2, [1, 2, 4, 6, 7]),
    (3, [1, 2, 3, 6, 7]),
    (4, [1, 2, 4, 6, 7]),
    (5, [1, 2, 5, 6, 7]),
    (6, [1, 2, 3, 6, 7]),
    (7, [1, 2, 3, 6, 7]),
];

/// The server and two colluders; the descriptor promises three honest inputs in every sum.
///
/// `2t > n + c` keeps the server from both secrets of one client even if every client is told of other survivors. But it could have
/// the self secrets of 10 and 20, and the mask roots of three more, each client being told that two of those three dropped out: each
/// view by itself is an honest one. That leaves the sum of two honest inputs. What stops it is that a client reveals only when
/// `t` others have signed for the survivors that it was told of.
fn attack() -> Result<[Vec<u32>; 2], Error> {
    let mut stage = Stage::new(7, &ids(&[6, 7]));
    let joined = stage.join_all();
    let dealt = stage.deal_all(joined);
    let mut sent = stage.upload_all(dealt);
    let mut agreed = Vec::new();
    for (ten, view) in VIEWS {
        let (id, view) = (ClientId(10 * ten), ids(&view));
        agreed.push((id, stage.agree(id, sent.remove(&id).unwrap(), &view)?, view));
    }
    for (id, state, view) in agreed {
        let entries = view.iter().map(|id| stage.seen.agreed[id].clone()).collect();
        stage.reveal(id, state, entries, &view)?;
    }

    let root = |id: ClientId| match stage.pool.roots.get(&id) {
        Some(root) => *root,
        None => stage.recover(id, Kind::MaskRoot, &stage.shares_of(id)[0]).unwrap(),
    };
    let roots: Per<_> = ids(&[3, 4, 5, 6, 7]).into_iter().map(|id| (id, root(id))).collect();
    let strip = |id: ClientId| {
        let self_secret = stage.recover(id, Kind::SelfSecret, &stage.shares_of(id)[1]).unwrap();
        stage.strip(id, &self_secret, &roots.iter().map(|(peer, root)| (*peer, stage.seed(*peer, root, id))).collect())
    };
    let add = |[a, b]: [Vec<u32>; 2]| stage.reduce(a.iter().zip(&b).map(|(a, b)| a.wrapping_add(*b)).collect());
    let victims = [ClientId(10), ClientId(20)];
    Ok([add(victims.map(strip)), add(victims.map(|id| stage.inputs[&id].clone()))])
}

#[test]
fn survivors_that_differ_from_client_to_client_would_give_the_sum_of_two() {
    assert_eq!(attack().unwrap_err(), ServerFault::EntryTranscript(ClientId(20)).into());
    let [found, sum] = mutant::with(&[Mutant::AnyThirdTranscript], attack).unwrap();
    assert_eq!(found, sum);
}
