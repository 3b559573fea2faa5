//! What only the inside of an encoder sees, against the second implementation: `tests/vectors/encoding.json`.

use std::{boxed::Box, vec, vec::Vec};

use super::*;
use crate::{
    dp::{encoding::float, noise::Sampler, rotate},
    label::kdf::{COINS, SIGNS},
    vectors::json::{ENCODING, Node, Part, Replay},
};

#[test]
fn every_value_on_the_way_of_a_vector_is_that_of_the_second_implementation() {
    ENCODING.check("encode", Part::Derived, |section| section.items().iter().for_each(one));
}

fn values(case: &Node<'_>) -> Option<Box<dyn Values>> {
    let bytes = case.hex("values");
    Some(match case.get("type").text() {
        "f64" => Box::new(bytes.as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x)).collect::<Vec<_>>()),
        "f32" => Box::new(bytes.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect::<Vec<_>>()),
        #[cfg(feature = "half")]
        "f16" => Box::new(bytes.as_chunks::<2>().0.iter().map(|x| half::f16::from_le_bytes(*x)).collect::<Vec<_>>()),
        #[cfg(feature = "half")]
        "bf16" => Box::new(bytes.as_chunks::<2>().0.iter().map(|x| half::bf16::from_le_bytes(*x)).collect::<Vec<_>>()),
        _ => return None,
    })
}

fn is(node: &Node<'_>, key: &str, numbers: &[f64]) {
    node.is(key, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>());
}

fn one(case: &Node<'_>) {
    let encoding = Encoding::from_description(&case.hex("description")).unwrap();
    let vector = values(case).expect("the feature `half`");
    let EncodingSeed { coins, noise } = EncodingSeed::generate(&mut Replay::new(case.hex("seed"))).unwrap();
    let mut source = Source {
        encoding: &encoding,
        values: &*vector,
        weight: case.get("weight").small(),
        coins: Prg::new(&coins),
        signs: Prg::new(&encoding.rotation_seed),
        clip: Factors { unit: 1.0, gain: 1.0 },
        attempt: 0,
    };
    let derived = case.get("derived");
    let norm = passes::squared_norm(&source).unwrap();
    let [usual, reduced] = norm.values();
    source.clip = norm.factors(encoding.clip);
    for (key, number) in [("usual", usual), ("reduced", reduced), ("unit", source.clip.unit), ("gain", source.clip.gain)] {
        is(&derived, key, &[number]);
    }
    for norm in derived.get("norms").numbers() {
        assert_eq!(passes::rounded_norm(&source).unwrap(), u128::from(norm));
        source.attempt += 1;
    }
    source.attempt -= 1;
    scaled(&source, &derived);
    keystreams(&source, &derived);
    let mut drawn = vec![0; derived.list("noise").len()];
    Sampler::new(encoding.law).unwrap().add(&noise, 0, &mut drawn);
    assert_eq!(drawn, derived.list("noise").iter().map(Node::signed).collect::<Vec<_>>());
}

/// From values to numbers that are only to be rounded: what [`Source::round`] does.
fn scaled(source: &Source<'_, dyn Values>, derived: &Node<'_>) {
    let (encoding, gain) = (source.encoding, source.clip.gain);
    let mut values = vec![0.0; usize::try_from(encoding.vector_len()).unwrap()];
    source.load(0, source.clip.unit, &mut values).unwrap();
    is(derived, "loaded", &values);
    is(derived, "clipped", &values.iter().map(|value| value * gain).collect::<Vec<_>>());
    let (block, factor) = (usize::try_from(encoding.block()).unwrap(), gain * encoding.scale);
    if block == 1 {
        values.iter_mut().for_each(|value| *value *= factor);
    } else {
        rotate::flip(&mut values, &signs(source), factor / libm::sqrt(float(encoding.block())));
        rotate::hadamard(&mut values, block);
    }
    is(derived, "scaled", &values);
}

fn signs(source: &Source<'_, dyn Values>) -> Vec<u64> {
    let mut signs = vec![0_u64; usize::try_from(source.encoding.vector_len() / 64).unwrap()];
    source.signs.key(SIGNS, source.encoding.round, 0).fill(0, &mut signs);
    signs
}

fn keystreams(source: &Source<'_, dyn Values>, derived: &Node<'_>) {
    let signs = if source.encoding.log2_block == 0 { Vec::new() } else { signs(source) };
    derived.is("signs", &signs.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    let mut coins = vec![0_u32; derived.list("coins").len()];
    source.coins.key(COINS, source.attempt.into(), 0).fill(0, &mut coins);
    assert_eq!(coins.into_iter().map(u64::from).collect::<Vec<_>>(), derived.get("coins").numbers());
}
