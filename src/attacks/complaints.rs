//! "The client discloses that one envelope key, nothing else".

use alloc::vec::Vec;

use super::stage::{Loot, Stage, ids};
use crate::{
    ClientId, Error,
    crypto::{seal::EnvelopeKey, vss::Kind},
    error::ClientFault,
    message::{Body, Complaint, Frame},
    mutant::{self, Mutant},
};

const COLLUDER: ClientId = ClientId(10);
const VICTIM: ClientId = ClientId(50);

/// The 32-byte keys in a complaint: the one it is about, and whatever follows the message.
pub(super) fn disclosed(complaint: &[u8]) -> Vec<[u8; 32]> {
    let length = |at: usize| usize::try_from(u32::from_le_bytes(complaint[at..at + 4].try_into().unwrap())).unwrap();
    let (message, rest) = complaint.split_at(84 + length(76) + length(80) + 64);
    let frame = Frame::parse(message).unwrap();
    let complaint = Complaint::decode(frame.client, frame.body, frame.attachment).unwrap();
    core::iter::once(complaint.key.0).chain(rest.as_chunks().0.iter().copied()).collect()
}

/// The server and one colluder, who deals a bad share to every honest client but the victim.
///
/// The victim is content and sends its input; the others complain. A complaint has to open the bad envelope, whose contents the colluder
/// knows anyway. If it opened the complainer's other envelopes too, three complaints and the colluder's own shares would be shares of
/// four holders, the threshold, of the victim's mask root and of its self secret, and every mask would come off its upload.
fn attack() -> Result<Loot, &'static str> {
    let mut stage = Stage::new(5, &[COLLUDER]);
    let joined = stage.join_all();
    let mut dealt = stage.deal_all(joined);
    let complainers = ids(&[2, 3, 4]);
    stage.redeal(dealt.get_mut(&COLLUDER).unwrap(), |parcel| {
        if complainers.contains(&parcel.holder) {
            parcel.contents.expose_mut()[0] ^= 1;
        }
    });
    let everybody = stage.everybody();
    for id in [COLLUDER, VICTIM] {
        let state = stage.deliver(id, dealt.remove(&id).unwrap(), &everybody).unwrap();
        stage.upload(id, state);
    }
    let mut shares = stage.shares_of(VICTIM);
    for (id, state) in dealt {
        let failure = stage.deliver(id, state, &everybody).unwrap_err();
        assert_eq!(failure.error, Error::client(COLLUDER, ClientFault::BadDealing));
        for key in disclosed(&failure.complaint.unwrap()) {
            if let Some(pair) = stage.unseal(VICTIM, id, &EnvelopeKey::disclosed(key)) {
                shares.iter_mut().zip(pair).for_each(|(shares, share)| drop(shares.insert(id, share)));
            }
        }
    }
    let [mask_root, self_secret] =
        [Kind::MaskRoot, Kind::SelfSecret].map(|kind| stage.recover(VICTIM, kind, &shares[kind as usize - 1]));
    let (Some(root), Some(self_secret)) = (mask_root, self_secret) else { return Err("too few shares") };
    Ok(stage.loot(VICTIM, stage.strip(VICTIM, &self_secret, &stage.own_seeds(VICTIM, &root))))
}

#[test]
fn complaints_that_disclosed_every_envelope_key_would_open_the_envelopes_of_the_honest() {
    assert_eq!(attack().unwrap_err(), "too few shares");
    let Loot { found, input } = mutant::with(&[Mutant::DiscloseAllKeys], attack).unwrap();
    assert_eq!(found, input);
}
