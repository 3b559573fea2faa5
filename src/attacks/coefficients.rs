//! "Whatever else is random in a client: from secrets that are never shared and not derived from `m` or `b`": here, the polynomials.

use super::{
    arithmetic::padded,
    stage::{Loot, Stage, ids},
};
use crate::{
    ClientId,
    crypto::{
        secret::SecretScalar,
        vss::{Kind, Polynomials},
    },
    mutant::{self, Mutant},
};

const VICTIM: ClientId = ClientId(30);
const COLLUDER: ClientId = ClientId(50);

/// The server and one colluder, who deviate in nothing.
///
/// As in every session, one of the victim's secrets is revealed. If the coefficients of its polynomials came from that one, the server
/// would know all of the other polynomial but its constant term, which is the other secret; a single share at a point, the colluder's,
/// gives the constant term, far below the threshold. With both secrets it takes every mask off the victim's upload.
fn attack(survives: bool) -> Result<Loot, &'static str> {
    let mut stage = Stage::new(5, &[COLLUDER]);
    let joined = stage.join_all();
    let dealt = stage.deal_all(joined);
    let sent = stage.upload_all(dealt);
    let u3 = if survives { stage.everybody() } else { ids(&[1, 2, 4, 5]) };
    stage.finish(sent, &u3).unwrap();

    let (shown, hidden) = if survives { (1, 0) } else { (0, 1) };
    let kinds = [Kind::MaskRoot, Kind::SelfSecret];
    let known = stage.recover(VICTIM, kinds[shown], &stage.shares_of(VICTIM)[shown]).unwrap();
    let (session, t) = (stage.session.id(), stage.session.threshold_len());
    let nothing = SecretScalar::new(curve25519_dalek::Scalar::ZERO);
    let polynomials = Polynomials::new(session, VICTIM, kinds[hidden], &nothing, &padded(&known), t);
    let without_secret = polynomials.share(stage.session.index(COLLUDER).unwrap());
    let share = &stage.pool.held[&(VICTIM, COLLUDER)][hidden];
    if share.blinding != without_secret.blinding {
        return Err("these are not the polynomials");
    }
    let mut secrets = [known; 2];
    secrets[hidden] = share.value - without_secret.value;
    let [root, self_secret] = secrets;
    Ok(stage.loot(VICTIM, stage.strip(VICTIM, &self_secret, &stage.own_seeds(VICTIM, &root))))
}

#[test]
fn coefficients_made_from_a_secret_that_is_revealed_make_one_share_enough() {
    for (survives, mutant) in [(false, Mutant::CoefficientsFromMaskRoot), (true, Mutant::CoefficientsFromSelfSecret)] {
        assert_eq!(attack(survives).unwrap_err(), "these are not the polynomials");
        let Loot { found, input } = mutant::with(&[mutant], || attack(survives)).unwrap();
        assert_eq!(found, input, "{mutant:?}");
    }
}
