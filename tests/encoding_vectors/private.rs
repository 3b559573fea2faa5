//! The private encoding.

use veilsum::{
    Error, InputError, PrivacyError,
    dp::{Encoding, EncodingSeed, NoiseLaw, Rational, Sampler, Values},
};

use crate::{
    are_doubles, doubles,
    json::{Node, Replay},
    values,
};

fn encoding(node: &Node<'_>) -> Encoding {
    Encoding::from_description(&node.hex("description")).unwrap()
}

fn seed(node: &Node<'_>) -> EncodingSeed {
    let mut recorded = Replay::new(node.hex("seed"));
    let seed = EncodingSeed::generate(&mut recorded).unwrap();
    assert_eq!(recorded.left(), 0);
    seed
}

pub(crate) fn descriptions(section: &Node<'_>) {
    section.list("valid").iter().for_each(valid);
    for case in section.list("refused") {
        let name = case.get("name").text();
        let (parameter, code) = (case.get("parameter"), case.get("code"));
        match Encoding::from_description(&case.hex("description")).unwrap_err() {
            PrivacyError::Parameter { knob, .. } => assert_eq!((parameter.text(), code.is_null()), (knob, true), "{name}"),
            PrivacyError::Description(reason) => {
                assert_eq!((code.number(), parameter.is_null()), (reason.code().into(), true), "{name}");
            }
            other => panic!("{name}: {other}"),
        }
    }
}

/// Everything that an encoding tells about itself. The rest of the fields are parts of the description, which is made again.
fn valid(node: &Node<'_>) {
    let encoding = encoding(node);
    assert_eq!(encoding.describe(), node.hex("description"));
    node.counts("length", encoding.length());
    node.counts("vector_len", encoding.vector_len());
    are_doubles(node, "clip", &[encoding.clip()]);
    are_doubles(node, "scale", &[encoding.scale()]);
    node.counts("bits", encoding.ring().bits());
    node.counts("block", encoding.block());
    node.counts("max_abs", encoding.max_abs().unwrap_or(0));
    let weights = encoding.weights();
    node.counts("max_weight", weights.map_or(0, |weights| weights.max));
    are_doubles(node, "weight_unit", &[weights.map_or(0.0, |weights| weights.unit)]);
    let (release, variance) = (encoding.release(), |node: &Node<'_>| {
        Rational::new(node.get("numerator").number(), node.get("denominator").number()).unwrap()
    });
    let law = match node.get("law").text() {
        "skellam" => NoiseLaw::Skellam { variance: variance(node) },
        law => {
            assert_eq!(law, "gaussian");
            NoiseLaw::DiscreteGaussian { variance: variance(node) }
        }
    };
    assert_eq!(release.law, law);
    node.counts("l2_squared", release.l2_squared);
    node.counts("clients", release.clients);
    node.counts("honest", release.honest);
    let bytes = node.hex("description");
    assert_eq!(node.get("conditional").flag(), bytes[27] == 1);
    assert_eq!(node.get("round").number().to_le_bytes(), bytes[81..89]);
    node.is("rotation_seed", &bytes[89..]);
}

pub(crate) fn encode(section: &Node<'_>) {
    for case in section.items() {
        let (encoding, weight, name) = (encoding(&case), case.get("weight").small(), case.get("name").text());
        let vector = values(case.get("type").text(), &case.hex("values"));
        assert_eq!(words(&encoding, &*vector, weight, &case), case.get("words").numbers(), "{name}");
        let mut integers = vec![0; case.get("integers").items().len()];
        let sampler = encoding.sampler().unwrap();
        encoding.encoder(&sampler, &*vector, weight, seed(&case)).unwrap().next_integers(&mut integers).unwrap();
        assert_eq!(integers, signed(&case, "integers"), "{name}");
        let mut rounded = vec![0; integers.len()];
        encoding.encoder_without_noise(&*vector, weight, seed(&case)).unwrap().next_integers(&mut rounded).unwrap();
        assert_eq!(rounded, signed(&case, "rounded"), "{name}");
    }
}

fn signed(node: &Node<'_>, key: &str) -> Vec<i64> {
    node.list(key).iter().map(Node::signed).collect()
}

/// All words of a vector; the number of attempts is compared.
fn words(encoding: &Encoding, vector: &dyn Values, weight: u32, case: &Node<'_>) -> Vec<u64> {
    let sampler = encoding.sampler().unwrap();
    let mut encoder = encoding.encoder(&sampler, vector, weight, seed(case)).unwrap();
    if case.opt("attempts").is_some() {
        case.counts("attempts", encoder.attempts());
    }
    let mut words = vec![0; usize::try_from(encoding.vector_len()).unwrap()];
    encoder.next_words(&mut words).unwrap();
    words
}

/// Vectors of many values: whole, or zeros but for some places.
pub(crate) fn long(section: &Node<'_>) {
    for case in section.items() {
        let (encoding, name) = (encoding(&case), case.get("name").text());
        let (kind, bytes) = (case.get("type").text(), case.hex("values"));
        let expected = case.get("words").numbers();
        let Some(places) = case.opt("places") else {
            let vector = values(kind, &bytes);
            assert_eq!(words(&encoding, &*vector, case.get("weight").small(), &case), expected, "{name}");
            continue;
        };
        let mut vector = vec![0.0; usize::try_from(encoding.length()).unwrap()];
        assert_eq!(kind, "f64");
        for (place, value) in places.numbers().into_iter().zip(doubles(&bytes)) {
            vector[usize::try_from(place).unwrap()] = value;
        }
        let start: usize = case.get("start").small();
        assert_eq!(words(&encoding, &vector, 1, &case)[start..start + expected.len()], expected, "{name}");
    }
}

pub(crate) fn sums(section: &Node<'_>) {
    for case in section.items() {
        let (encoding, name) = (encoding(&case), case.get("name").text());
        let (ring, mut total) = (encoding.ring(), vec![0_u64; case.get("sum").items().len()]);
        for vector in case.list("vectors") {
            let given = values(case.get("type").text(), &vector.hex("values"));
            let words = words(&encoding, &*given, vector.get("weight").small(), &vector);
            assert_eq!(words, vector.get("words").numbers(), "{name}");
            total.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word) & ring.max());
        }
        assert_eq!(total, case.get("sum").numbers());
        assert_eq!(total.iter().map(|word| ring.centered(*word)).collect::<Vec<_>>(), signed(&case, "centred"));
        let mut decoded = vec![0.0; total.len()];
        encoding.decode(0, &total, &mut decoded).unwrap();
        are_doubles(&case, "decoded", &decoded);
        let weight =
            encoding.weight_position().map(|place| encoding.total_weight(decoded[usize::try_from(place).unwrap()]).unwrap());
        match weight {
            Some(weight) => are_doubles(&case, "total_weight", &[weight]),
            None => assert!(case.get("total_weight").is_null()),
        }
    }
}

pub(crate) fn refused(section: &Node<'_>) {
    for case in section.items() {
        let (encoding, name) = (encoding(&case), case.get("name").text());
        let sampler = Sampler::new(encoding.release().law).unwrap();
        let seed = EncodingSeed::generate(&mut Replay::new(vec![0; 64])).unwrap();
        let vector = doubles(&case.hex("values"));
        let error = encoding.encoder(&sampler, &vector, case.get("weight").small(), seed).unwrap_err();
        let position = case.get("position");
        match &error {
            InputError::NotFinite { position: place } => assert_eq!(*place, position.number(), "{name}"),
            _ => assert!(position.is_null(), "{name}"),
        }
        case.counts("code", Error::from(error).code());
    }
}
