//! "Once this header leaves, the input counts as released": a retry.

use alloc::vec::Vec;

use super::{
    errors::differences,
    stage::{Loot, Stage},
};
use crate::{
    ClientId,
    mutant::{self, Mutant},
    secagg::client::MaskingInput,
};

const VICTIM: ClientId = ClientId(30);

/// Masks a vector and lets the header leave. Returns the wire bytes, the header, and what there is to mask with again.
fn release(mut state: MaskingInput, words: &[u32]) -> (Vec<u8>, Vec<u8>, Option<MaskingInput>) {
    let mut wire = Vec::new();
    state.mask(words, &mut wire).unwrap();
    match state.finish() {
        Ok((_, header)) => (wire, header, None),
        Err(failure) => (wire, failure.complaint.unwrap(), failure.state.map(|state| *state)),
    }
}

/// The server alone, which says that the victim's upload got lost.
///
/// The application tries again, with something else: zeros because its user has withdrawn meanwhile, or the same update with other noise.
/// Under the same masks, the difference of two uploads is the difference of what they hide; here, the input. The state that could
/// mask is consumed with the header, so there is nothing to try again with.
fn attack(mut stage: Stage) -> Result<(Stage, Vec<u8>, Vec<u8>), &'static str> {
    let joined = stage.join_all();
    let mut dealt = stage.deal_all(joined);
    let everybody = stage.everybody();
    let state = stage.deliver(VICTIM, dealt.remove(&VICTIM).unwrap(), &everybody).unwrap();
    let (first, header, left) = release(state, &stage.inputs[&VICTIM]);
    assert_eq!(stage.entry::<crate::message::MaskedInput>(&header).client, VICTIM, "the server has a signed header");
    let zeros = alloc::vec![0; stage.inputs[&VICTIM].len()];
    let (second, _, _) = release(left.ok_or("nothing is left to mask with")?, &zeros);
    Ok((stage, first, second))
}

#[test]
fn a_second_upload_under_the_same_masks_would_give_the_input_away() {
    assert_eq!(attack(Stage::new(5, &[])).err(), Some("nothing is left to mask with"));
    let (stage, first, second) = mutant::with(&[Mutant::RetryAfterRelease], || attack(Stage::new(5, &[]))).unwrap();
    let differences = stage.unpack(&first).into_iter().zip(stage.unpack(&second)).map(|(a, b)| a.wrapping_sub(b));
    let Loot { found, input } = stage.loot(VICTIM, stage.reduce(differences.collect()));
    assert_eq!(found, input);
}

/// A key used twice with one public polynomial: not even the errors differ.
#[test]
fn a_second_upload_under_the_same_lattice_masks_would_give_the_input_away() {
    assert_eq!(attack(Stage::lattice(5)).err(), Some("nothing is left to mask with"));
    let (stage, first, second) = mutant::with(&[Mutant::RetryAfterRelease], || attack(Stage::lattice(5))).unwrap();
    let Loot { found, input } = stage.loot(VICTIM, differences(&first, &second).map(|word| word.try_into().unwrap()).collect());
    assert_eq!(found, input);
}
