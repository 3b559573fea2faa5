//! "The constructor demands `2t > n + c`": two groups that both agree.

use super::stage::{Loot, Stage, ids};
use crate::{
    ClientId, Error, ParamsError,
    crypto::vss::Kind,
    message::Consistency,
    mutant::{self, Mutant},
};

const VICTIM: ClientId = ClientId(10);
const COLLUDER: ClientId = ClientId(50);

/// The server and one colluder, in a session of five with threshold three.
///
/// Clients 10 and 20 are told that they survived with the colluder, 30 and 40 that they did. The colluder signs for both, so both
/// groups see three signatures, the threshold, on the survivors that they know. The first group reveals the victim's self secret, the
/// second its mask root; with the colluder's shares each is complete. Two groups of `t` need `2t - c` different honest clients and
/// colluders beside them, and `2t > n + c` says that there are not so many.
fn attack() -> Result<Loot, Error> {
    let settings = |builder: crate::SessionBuilder| builder.max_colluders(1).max_dropouts(2).min_honest(2);
    let mut stage = Stage::build(5, &[COLLUDER], 24, settings)?;
    let joined = stage.join_all();
    let dealt = stage.deal_all(joined);
    let mut sent = stage.upload_all(dealt);
    for group in [ids(&[1, 2]), ids(&[3, 4])] {
        let u3 = [group.clone(), [COLLUDER].to_vec()].concat();
        let mut agreed = alloc::vec::Vec::new();
        for id in &group {
            agreed.push((*id, stage.agree(*id, sent.remove(id).unwrap(), &u3)?));
        }
        let h3 = stage.seen.agreed[&group[0]].prev.0;
        let colluders = stage.entry(&stage.signed(COLLUDER, &h3, &Consistency {}));
        let entries = [stage.seen.agreed[&group[0]].clone(), stage.seen.agreed[&group[1]].clone(), colluders];
        for (id, state) in agreed {
            stage.reveal(id, state, entries.to_vec(), &u3)?;
        }
    }

    let shares = stage.shares_of(VICTIM);
    let root = stage.recover(VICTIM, Kind::MaskRoot, &shares[0]).unwrap();
    let self_secret = stage.recover(VICTIM, Kind::SelfSecret, &shares[1]).unwrap();
    Ok(stage.loot(VICTIM, stage.strip(VICTIM, &self_secret, &stage.own_seeds(VICTIM, &root))))
}

#[test]
fn a_threshold_that_two_groups_can_reach_would_give_both_secrets_of_a_client() {
    assert_eq!(attack().unwrap_err(), ParamsError::Consistency { n: 5, c: 1, d: 2, t: 3 }.into());
    let Loot { found, input } = mutant::with(&[Mutant::AnyThreshold], attack).unwrap();
    assert_eq!(found, input);
}
