//! Fixed point (docs/privacy.md, section 1).

use veilsum::{
    Error, Ring,
    dp::{FixedPoint, Real},
};

use super::{
    context::Context,
    node::{At, Node, Outcome},
    parts::ring_of,
    tally::Tally,
    values::{Numbers, are_doubles, doubles},
};

pub(crate) fn fixed_point(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for case in group.list("cases")? {
        tally.case(&case, || one(&case));
    }
    for case in group.list("refused")? {
        tally.case(&case, || {
            let (code, error) = (case.get("code")?, FixedPoint::decode(&case.hex("description")?).err());
            code.same(Some(code.number()?), error.as_ref().map(|error| error.code().into()))?;
            code.same(code.number()? < 200, matches!(error, Some(Error::Params(_))))
        });
    }
    Ok(())
}

fn one(case: &Node<'_>) -> Outcome {
    let code = FixedPoint::decode(&case.hex("description")?).at(case)?;
    let clip = *doubles(&case.get("clip")?)?.first().at(case)?;
    let built = FixedPoint::new(clip, case.get("fraction_bits")?.small()?, case.get("max_weight")?.small()?).at(case)?;
    case.same(built, code)?;
    case.is("description", &code.encode())?;
    case.counts("max_abs", code.max_abs())?;
    case.counts("modulus_bits", code.modulus_bits(case.get("clients")?.small()?))?;
    let (ring, sum) = (ring_of(case)?, case.get("sum")?);
    let mut total = vec![0_u64; sum.items()?.len()];
    for vector in case.list("vectors")? {
        let numbers = Numbers::of(&case.get("type")?, &vector.get("values")?)?;
        let (words, expected) = (words(&code, ring, &vector, &numbers)?, vector.get("words")?);
        expected.same(&expected.numbers()?, &words)?;
        total.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word) & ring.max());
    }
    sum.same(&sum.numbers()?, &total)?;
    let (weight, sums) = total.split_last().at(&sum)?;
    let mut mean = vec![0.0; sums.len()];
    code.mean(ring, sums, code.total_weight(ring, *weight), &mut mean).at(case)?;
    are_doubles(case, "mean", &mean)
}

fn words(code: &FixedPoint, ring: Ring, vector: &Node<'_>, numbers: &Numbers) -> Outcome<Vec<u64>> {
    let weight = vector.get("weight")?.small()?;
    let mut words = match numbers {
        Numbers::F64(numbers) => quantized(code, ring, weight, numbers).at(vector)?,
        Numbers::F32(numbers) => quantized(code, ring, weight, numbers).at(vector)?,
        Numbers::F16(numbers) => quantized(code, ring, weight, numbers).at(vector)?,
        Numbers::Bf16(numbers) => quantized(code, ring, weight, numbers).at(vector)?,
    };
    words.push(code.weight_word(ring, weight).at(vector)?);
    Ok(words)
}

fn quantized<R: Real>(code: &FixedPoint, ring: Ring, weight: u32, values: &[R]) -> Result<Vec<u64>, veilsum::InputError> {
    let mut words = vec![0; values.len()];
    code.quantize(ring, weight, values, &mut words).map(|_| words)
}
