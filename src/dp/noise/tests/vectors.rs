//! Parts, keystream words and single draws, against the second implementation: `tests/vectors/samplers.json`.

use std::vec::Vec;

use super::*;
use crate::{
    crypto::{kdf::Kdf, secret::Secret},
    label::kdf::NOISE_BLOCK as NOISE_BLOCK_LABEL,
    vectors::json::{Node, Part, Replay, SAMPLERS},
};

#[test]
fn every_part_draws_from_the_same_words_as_in_the_second_implementation() {
    SAMPLERS.check("bulk", Part::Derived, |section| {
        section.list("cases").iter().for_each(|case| one(&section.hex("seed"), case));
    });
}

fn law(case: &Node<'_>) -> NoiseLaw {
    let (numerator, denominator) = (case.get("numerator").number(), case.get("denominator").number());
    match case.get("law").text() {
        "skellam" => skellam(numerator, denominator),
        "gaussian" => gaussian(numerator, denominator),
        "laplace" => laplace(numerator, denominator),
        _ => laplace_share(numerator, denominator, case.get("shares").small()),
    }
}

fn one(secret: &[u8], case: &Node<'_>) {
    let (law, fast) = (law(case), case.get("sampler").text() == "fast");
    let limits = if fast { FAST } else { CONSTANT_TIME };
    let expected = case.get("derived").list("parts");
    let mut parts = Vec::new();
    for (weights, factors) in super::super::parts(law, limits).unwrap() {
        for factor in factors {
            let expected = &expected[parts.len()];
            assert_eq!(
                (factor, weights.half.len()),
                (expected.get("factor").signed(), expected.get("magnitudes").small()),
                "{law:?}"
            );
            parts.push(if fast { Table::Alias(Alias::new(&weights).unwrap()) } else { Table::Scan(Scan::new(&weights)) });
        }
    }
    assert_eq!(parts.len(), expected.len(), "{law:?}");
    case.list("places").iter().for_each(|place| draws(secret, &parts, place));
}

fn draws(secret: &[u8], parts: &[Table], place: &Node<'_>) {
    let derived = place.get("derived");
    let (block, offset) = (place.get("block").number(), place.get("offset").number());
    let key = NoiseSeed::random(&mut Replay::new(secret.to_vec())).unwrap().stream().noise_key(block);
    let bytes: Secret<32> = Kdf::unbound(secret).expand(NOISE_BLOCK_LABEL, &[&block.to_le_bytes()]);
    derived.is("key", bytes.expose());
    let rows = derived.list("draws").into_iter().zip(derived.list("first_words").into_iter().zip(derived.list("second_words")));
    for (i, (draws, (first, second))) in (offset..).zip(rows) {
        for (g, table) in (0_u64..).zip(parts) {
            let place = usize::try_from(g).unwrap();
            let (mut words, at) = ([0_u64; 2], g * NOISE_BLOCK as u64 + i);
            key.fill(at, &mut words[..1]);
            key.fill(EXTENSION + at, &mut words[1..]);
            assert_eq!(words.to_vec(), [first.items()[place].number(), second.items()[place].number()]);
            let resolved = match table {
                Table::Alias(table) => table.resolve(words[0], words[1]),
                Table::Scan(table) => table.resolve(words[0], words[1]),
            };
            let mut drawn = [0];
            let open = table.draw(&words[..1], &mut drawn);
            assert_eq!(resolved, draws.items()[place].signed());
            assert!(open || drawn[0] == resolved);
        }
    }
}
