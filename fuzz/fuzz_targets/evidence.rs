//! Evidence: an adversary with all keys but one party's never convicts that party, and evidence against one party, changed by somebody
//! without keys, convicts nobody else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use veilsum::{Party, audit::Evidence};
use veilsum_fuzz::{
    Choices, GAMES, flip,
    forgeries::{Adversary, PARTIES},
    proofs::PROOFS,
};

/// Whom these bytes convict.
fn convicted(bytes: &[u8]) -> Option<Party> {
    let evidence = Evidence::decode(bytes).ok()?;
    assert_eq!(evidence.encode(), bytes);
    evidence.verify(&GAMES[0].session).ok().map(|verdict| verdict.culprit)
}

fuzz_target!(|input: (u8, u8, Vec<(u16, u8)>, &[u8])| {
    let (kind, honest, changes, choices) = input;
    let honest = PARTIES[usize::from(honest) % PARTIES.len()];
    let mut adversary = Adversary { games: &GAMES, honest, rng: Choices(choices) };
    let mut bytes = match kind % 5 {
        0 => adversary.equivocation(),
        1 => adversary.dealing(),
        2 => adversary.reveal(),
        3 => adversary.transcript(),
        _ => {
            let (proof, culprit) = &PROOFS[usize::from(kind / 5) % PROOFS.len()];
            let mut bytes = proof.encode();
            flip(&mut bytes, &changes);
            assert!(convicted(&bytes).is_none_or(|convicted| convicted == *culprit));
            return;
        }
    };
    flip(&mut bytes, &changes);
    assert_ne!(convicted(&bytes), Some(honest));
});
