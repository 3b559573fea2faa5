//! Every forwarded entry is signed by a member of the roster: substituted keys.

use alloc::sync::Arc;

use super::stage::{Loot, Stage};
use crate::{
    ClientId, Error, Identity, IdentityKey, ServerFault,
    crypto::vss::Kind,
    error::EnvironmentError,
    mutant::{self, Mutant},
};

const VICTIM: ClientId = ClientId(50);

/// Somebody else's identity, without its secret key.
struct Impostor(IdentityKey);

impl Identity for Impostor {
    fn public_key(&self) -> IdentityKey {
        self.0
    }

    fn sign(&self, _: &[u8]) -> Result<[u8; 64], EnvironmentError> {
        Ok([1; 64])
    }
}

/// The server alone, which plays everybody but the victim.
///
/// It answers with keys, dealings and packages of its own making, so it holds the secret keys that the victim's envelopes and pair masks
/// are made for. Nothing in them is inconsistent; only the signatures are not those of the clients in the roster. Were they not checked,
/// the server would open the victim's shares for all four others, the threshold, as soon as they are dealt.
fn attack() -> Result<Loot, Error> {
    let mut stage = Stage::new(5, &[]);
    let others: alloc::vec::Vec<_> = stage.everybody().into_iter().filter(|id| *id != VICTIM).collect();
    for id in &others {
        let key = stage.identities[id].public_key();
        stage.identities.insert(*id, Arc::new(Impostor(key)));
    }
    stage.colluders.clone_from(&others);
    let mut joined = stage.join_all();
    let view = stage.seen.adverts.clone();
    // The victim's own step comes first: it is the one to be fooled.
    let state = joined.remove(&VICTIM).unwrap();
    let mut dealt = super::stage::Per::from([(VICTIM, stage.deal(VICTIM, state, &view)?)]);
    for (id, state) in joined {
        dealt.insert(id, stage.deal(id, state, &view)?);
    }
    stage.upload_all(dealt);

    let shares = stage.shares_of(VICTIM);
    let root = stage.recover(VICTIM, Kind::MaskRoot, &shares[0]).unwrap();
    let self_secret = stage.recover(VICTIM, Kind::SelfSecret, &shares[1]).unwrap();
    Ok(stage.loot(VICTIM, stage.strip(VICTIM, &self_secret, &stage.own_seeds(VICTIM, &root))))
}

#[test]
fn keys_without_their_owners_signatures_would_let_the_server_play_everybody_else() {
    assert_eq!(attack().unwrap_err(), ServerFault::EntrySignature(ClientId(10)).into());
    let Loot { found, input } = mutant::with(&[Mutant::UnsignedEntries], attack).unwrap();
    assert_eq!(found, input);
}
