//! Fixed point.

use half::{bf16, f16};
use veilsum::{
    Error, Ring,
    dp::{FixedPoint, Real},
};

use crate::{are_doubles, doubles, json::Node};

pub(crate) fn all(section: &Node<'_>) {
    section.list("cases").iter().for_each(one);
    for case in section.list("refused") {
        let name = case.get("name").text();
        let error = FixedPoint::decode(&case.hex("description")).unwrap_err();
        case.counts("code", error.code());
        assert_eq!(matches!(error, Error::Params(_)), error.code() < 200, "{name}");
    }
}

fn one(case: &Node<'_>) {
    let code = FixedPoint::decode(&case.hex("description")).unwrap();
    let clip = doubles(&case.hex("clip"))[0];
    let built = FixedPoint::new(clip, case.get("fraction_bits").small(), case.get("max_weight").small()).unwrap();
    assert_eq!(built, code);
    assert_eq!(code.encode(), case.hex("description"));
    case.counts("max_abs", code.max_abs());
    case.counts("modulus_bits", code.modulus_bits(case.get("clients").small()));
    let (ring, kind) = (Ring::new(case.get("modulus_bits").small()).unwrap(), case.get("type").text());
    let mut total = vec![0_u64; case.get("sum").items().len()];
    for vector in case.list("vectors") {
        let words = words(&code, ring, kind, vector.get("weight").small(), &vector.hex("values"));
        assert_eq!(words, vector.get("words").numbers());
        total.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word) & ring.max());
    }
    assert_eq!(total, case.get("sum").numbers());
    let (weight, sums) = total.split_last().unwrap();
    let mut mean = vec![0.0; sums.len()];
    code.mean(ring, sums, code.total_weight(ring, *weight), &mut mean).unwrap();
    are_doubles(case, "mean", &mean);
}

fn words(code: &FixedPoint, ring: Ring, kind: &str, weight: u32, bytes: &[u8]) -> Vec<u64> {
    let pairs = bytes.as_chunks::<2>().0;
    let mut words = match kind {
        "f64" => quantized(code, ring, weight, &doubles(bytes)),
        "f32" => {
            quantized(code, ring, weight, &bytes.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect::<Vec<_>>())
        }
        "f16" => quantized(code, ring, weight, &pairs.iter().map(|x| f16::from_le_bytes(*x)).collect::<Vec<_>>()),
        "bf16" => quantized(code, ring, weight, &pairs.iter().map(|x| bf16::from_le_bytes(*x)).collect::<Vec<_>>()),
        other => panic!("{other}"),
    };
    words.push(code.weight_word(ring, weight).unwrap());
    words
}

fn quantized<R: Real>(code: &FixedPoint, ring: Ring, weight: u32, values: &[R]) -> Vec<u64> {
    let mut words = vec![0; values.len()];
    code.quantize(ring, weight, values, &mut words).unwrap();
    words
}
