//! "Pair seed = HKDF(ss, sid, u, v, H(ciphertext), H(v's mask key))": copied ciphertexts.

use alloc::vec::Vec;

use super::stage::{Loot, Per, Stage, ids};
use crate::{
    ClientId,
    crypto::vss::Kind,
    mutant::{self, Mutant},
};

const COPIED: ClientId = ClientId(10);
const DROPPED: ClientId = ClientId(20);
const VICTIM: ClientId = ClientId(60);

/// The server and three colluders, of whom some copy another client's mask encapsulation to the victim. Words have two bits.
///
/// A mask ciphertext travels in the clear and the server sees it before the colluders deal, so they can send it to the victim as their
/// own; the victim can not tell. It decapsulates the same shared secret four times, and if that alone made the seed, it would subtract
/// one and the same mask four times. Four times anything is zero modulo 4: the mask with the copied client, which is the one that hides
/// the victim's input from a server that knows all the others, is gone. One copy doubles that mask, which bares the lowest bit of every
/// word, however wide. The seed binds both ids, so that copies give unrelated masks. (X-Wing binds ciphertext and key into its
/// shared secret; that the seed binds them too keeps this from resting on the KEM.)
///
/// The other masks go as they do in any session: the self mask of the victim, which survives, the pair mask of client 20, which
/// drops out, and those of colluders that do not copy.
fn attack(copiers: &[ClientId]) -> Loot {
    let colluders = ids(&[3, 4, 5]);
    let settings = |builder: crate::SessionBuilder| builder.max_colluders(3).max_dropouts(1).min_honest(2);
    let mut stage = Stage::build(6, &colluders, 2, settings).unwrap();
    let joined = stage.join_all();
    let mut dealt = stage.deal_all(joined);
    let copied = stage.seen.packages[&(COPIED, VICTIM)].mask_ciphertext.unwrap().0;
    for copier in copiers {
        stage.redeal(dealt.get_mut(copier).unwrap(), |parcel| {
            if parcel.holder == VICTIM {
                parcel.mask_ciphertext = Some(copied);
            }
        });
    }
    let sent = stage.upload_all(dealt);
    stage.finish(sent, &ids(&[1, 3, 4, 5, 6])).unwrap();

    let self_secret = stage.recover(VICTIM, Kind::SelfSecret, &stage.shares_of(VICTIM)[1]).unwrap();
    let mut roots: Per<_> =
        colluders.into_iter().filter(|id| !copiers.contains(id)).map(|id| (id, stage.pool.roots[&id])).collect();
    roots.insert(DROPPED, stage.recover(DROPPED, Kind::MaskRoot, &stage.shares_of(DROPPED)[0]).unwrap());
    let known = roots.iter().map(|(id, root)| (*id, stage.seed(*id, root, VICTIM))).collect();
    stage.loot(VICTIM, stage.strip(VICTIM, &self_secret, &known))
}

fn lowest_bits(words: &[u32]) -> Vec<u32> {
    words.iter().map(|word| word & 1).collect()
}

#[test]
fn copied_ciphertexts_cancel_masks_unless_the_seed_binds_the_pair() {
    let Loot { found, input } = attack(&ids(&[3, 4, 5]));
    assert_ne!(lowest_bits(&found), lowest_bits(&input), "four unrelated masks remain");
    let Loot { found, input } = mutant::with(&[Mutant::UnboundPairSeed], || attack(&ids(&[3, 4, 5])));
    assert_eq!(found, input);
}

#[test]
fn one_copied_ciphertext_bares_the_lowest_bits_unless_the_seed_binds_the_pair() {
    let Loot { found, input } = attack(&ids(&[3]));
    assert_ne!(lowest_bits(&found), lowest_bits(&input), "two unrelated masks remain");
    let Loot { found, input } = mutant::with(&[Mutant::UnboundPairSeed], || attack(&ids(&[3])));
    assert_eq!(lowest_bits(&found), lowest_bits(&input));
    assert_ne!(found, input, "the mask is doubled, not gone");
}
