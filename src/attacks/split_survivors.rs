//! "U3 is within U2" and "every round-2 header in it carries ITS h2": a split view of round 1.

use alloc::vec::Vec;

use super::stage::{Loot, Per, Stage, ids};
use crate::{
    ClientId, Error, ServerFault,
    crypto::vss::Kind,
    mutant::{
        self,
        Mutant::{self, AnySecondTranscript, SurvivorsOutsideU2, UnchainedThirdTranscript},
    },
};

const VICTIM: ClientId = ClientId(10);

/// The server and two colluders; nobody but the server deviates.
///
/// The server tells the victim that only clients 20, 30 and the colluders have dealt, so that the victim masks with nobody else. It tells
/// everybody else that all have. Then it announces survivors without 20 and 30. Whoever goes along reveals the self secret
/// of the victim, and the mask roots of 20 and 30, that is, every mask on the victim's upload.
///
/// The victim itself must agree and reveal, or there are not enough signatures. It does not, for three reasons, each enough: the survivors
/// 40 and 50 are none of the dealers that it knows; their headers say that they know others; and h3 continues h2, so that the others'
/// signatures are not over the victim's h3. So the attack needs all three gone, and with any one left it fails at that one.
fn attack() -> Result<Loot, Error> {
    let mut stage = Stage::new(7, &ids(&[6, 7]));
    let joined = stage.join_all();
    let dealt = stage.deal_all(joined);
    let (everybody, few) = (stage.everybody(), ids(&[1, 2, 3, 6, 7]));
    let mut sent = Per::new();
    for (id, state) in dealt {
        let state = stage.deliver(id, state, if id == VICTIM { &few } else { &everybody })?;
        sent.insert(id, stage.upload(id, state));
    }
    stage.finish(sent, &ids(&[1, 4, 5, 6, 7]))?;

    let self_secret = stage.recover(VICTIM, Kind::SelfSecret, &stage.shares_of(VICTIM)[1]).unwrap();
    let root = |id: ClientId| match stage.pool.roots.get(&id) {
        Some(root) => *root,
        None => stage.recover(id, Kind::MaskRoot, &stage.shares_of(id)[0]).unwrap(),
    };
    let seeds = ids(&[2, 3, 6, 7]).into_iter().map(|id| (id, stage.seed(id, &root(id), VICTIM))).collect();
    Ok(stage.loot(VICTIM, stage.strip(VICTIM, &self_secret, &seeds)))
}

/// The attack with only one of the three checks left fails with this error; without that one it succeeds.
fn only(check: Mutant, error: ServerFault) {
    let all = [SurvivorsOutsideU2, AnySecondTranscript, UnchainedThirdTranscript];
    let others: Vec<_> = all.into_iter().filter(|mutant| *mutant != check).collect();
    assert_eq!(mutant::with(&others, attack).unwrap_err(), error.into());
    let Loot { found, input } = mutant::with(&others, || mutant::with(&[check], attack)).unwrap();
    assert_eq!(found, input);
}

#[test]
fn a_split_view_of_dealers_fails_at_the_first_survivor_that_the_victim_does_not_know() {
    assert_eq!(attack().unwrap_err(), ServerFault::UnknownClient(ClientId(40)).into());
}

#[test]
fn survivors_outside_the_dealers_alone_betray_a_split_view_that_would_isolate_a_client() {
    only(SurvivorsOutsideU2, ServerFault::UnknownClient(ClientId(40)));
}

#[test]
fn headers_over_another_h2_alone_betray_a_split_view_that_would_isolate_a_client() {
    only(AnySecondTranscript, ServerFault::EntryTranscript(ClientId(40)));
}

#[test]
fn signatures_over_an_h3_that_continues_another_h2_alone_betray_a_split_view_that_would_isolate_a_client() {
    only(UnchainedThirdTranscript, ServerFault::EntryTranscript(ClientId(40)));
}
