//! "Fresh coins that depend on neither `m` nor `b`": what a revealed secret must not open.

use super::{
    arithmetic::padded,
    stage::{Loot, Per, Stage, ids},
};
use crate::{
    ClientId,
    crypto::vss::Kind,
    mutant::{self, Mutant},
    secagg::keys::channel_coins,
};

const VICTIM: ClientId = ClientId(30);

/// The server alone, and it deviates in nothing that a client can see.
///
/// Every session reveals one of the two secrets of each client: `b` of a survivor, `m` of a client whose upload "came too late". If the
/// coins of the victim's channel encapsulations came from that one, the server would repeat the encapsulations, open all of the
/// victim's envelopes, which it keeps as their postman, recover the other secret from the shares in them, and take every mask off the
/// victim's upload.
fn attack(survives: bool) -> Result<Loot, &'static str> {
    let mut stage = Stage::new(5, &[]);
    let joined = stage.join_all();
    let dealt = stage.deal_all(joined);
    let sent = stage.upload_all(dealt);
    let u3 = if survives { stage.everybody() } else { ids(&[1, 2, 4, 5]) };
    stage.finish(sent, &u3).unwrap();

    let (shown, hidden) = if survives { (Kind::SelfSecret, Kind::MaskRoot) } else { (Kind::MaskRoot, Kind::SelfSecret) };
    let place = |kind| usize::from(kind == Kind::SelfSecret);
    let known = stage.recover(VICTIM, shown, &stage.shares_of(VICTIM)[place(shown)]).unwrap();
    let mut shares = Per::new();
    for holder in stage.everybody().into_iter().filter(|id| *id != VICTIM) {
        let coins = channel_coins(stage.session.id(), VICTIM, holder, &padded(&known));
        let (ciphertext, shared) = stage.channel_key(holder).encapsulate(&coins);
        if *ciphertext.as_bytes() != stage.seen.packages[&(VICTIM, holder)].channel_ciphertext.0 {
            return Err("the encapsulation can not be repeated");
        }
        let key = stage.envelope_key(VICTIM, holder, &shared);
        let [mask_root, self_secret] = stage.unseal(VICTIM, holder, &key).unwrap();
        shares.insert(holder, if hidden == Kind::MaskRoot { mask_root } else { self_secret });
    }
    let found = stage.recover(VICTIM, hidden, &shares).unwrap();
    let (root, self_secret) = if survives { (found, known) } else { (known, found) };
    Ok(stage.loot(VICTIM, stage.strip(VICTIM, &self_secret, &stage.own_seeds(VICTIM, &root))))
}

#[test]
fn channel_coins_made_from_a_secret_that_is_revealed_give_the_input_away() {
    for (survives, mutant) in [(false, Mutant::CoinsFromMaskRoot), (true, Mutant::CoinsFromSelfSecret)] {
        assert_eq!(attack(survives).unwrap_err(), "the encapsulation can not be repeated");
        let Loot { found, input } = mutant::with(&[mutant], || attack(survives)).unwrap();
        assert_eq!(found, input, "{mutant:?}");
    }
}
