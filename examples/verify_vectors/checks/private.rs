//! The private encoding (docs/privacy.md, section 4).

use veilsum::{
    Error, InputError, PrivacyError,
    dp::{Encoding, EncodingSeed, NoiseLaw, Rational, Sampler, Values},
};

use super::{
    context::Context,
    node::{At, Node, Outcome},
    play::Replay,
    tally::Tally,
    values::{Numbers, are_doubles, doubles, room},
};

fn encoding(node: &Node<'_>) -> Outcome<Encoding> {
    let description = node.get("description")?;
    Encoding::from_description(&description.bytes()?).at(&description)
}

fn seed(node: &Node<'_>) -> Outcome<EncodingSeed> {
    let seed = node.get("seed")?;
    EncodingSeed::generate(&mut Replay::new(seed.array::<64>()?.to_vec())).at(&seed)
}

pub(crate) fn descriptions(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for node in group.list("valid")? {
        tally.case(&node, || valid(&node));
    }
    for case in group.list("refused")? {
        tally.case(&case, || {
            let (parameter, code) = (case.get("parameter")?, case.get("code")?);
            let expected = (parameter.as_text().map(str::to_owned), code.number_or_null()?);
            let got = match Encoding::from_description(&case.hex("description")?) {
                Err(PrivacyError::Parameter { knob, .. }) => (Some(knob.to_owned()), None),
                Err(PrivacyError::Description(reason)) => (None, Some(reason.code().into())),
                Err(other) => return Err(case.fails("a parameter or a code", other)),
                Ok(_) => (None, None),
            };
            case.same(expected, got)
        });
    }
    Ok(())
}

/// Everything that an encoding tells about itself. The rest of the fields are parts of the description, which is made again.
fn valid(node: &Node<'_>) -> Outcome {
    let encoding = encoding(node)?;
    node.is("description", &encoding.describe())?;
    node.counts("length", encoding.length())?;
    node.counts("vector_len", encoding.vector_len())?;
    are_doubles(node, "clip", &[encoding.clip()])?;
    are_doubles(node, "scale", &[encoding.scale()])?;
    node.counts("bits", encoding.ring().bits())?;
    node.counts("block", encoding.block())?;
    node.counts("max_abs", encoding.max_abs().unwrap_or(0))?;
    let weights = encoding.weights();
    node.counts("max_weight", weights.map_or(0, |weights| weights.max))?;
    are_doubles(node, "weight_unit", &[weights.map_or(0.0, |weights| weights.unit)])?;
    let variance = Rational::new(node.get("numerator")?.number()?, node.get("denominator")?.number()?).at(node)?;
    let (law, release) = (node.get("law")?, encoding.release());
    let expected = match law.text()? {
        "skellam" => NoiseLaw::Skellam { variance },
        "gaussian" => NoiseLaw::DiscreteGaussian { variance },
        other => return Err(law.fails("skellam or gaussian", other)),
    };
    law.same(expected, release.law)?;
    node.counts("l2_squared", release.l2_squared)?;
    node.counts("clients", release.clients)?;
    node.counts("honest", release.honest)?;
    let bytes = node.hex("description")?;
    node.get("conditional")?.same(node.get("conditional")?.flag()?, bytes.get(27) == Some(&1))?;
    let round = bytes.get(81..).and_then(<[u8]>::first_chunk).map(|round| u64::from_le_bytes(*round));
    node.get("round")?.same(Some(node.get("round")?.number()?), round)?;
    node.is("rotation_seed", bytes.get(89..).unwrap_or_default())
}

pub(crate) fn encode(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for case in group.items()? {
        tally.part(&case, "words", || encoded(&case));
        tally.part(&case, "derived values", || derived(&case));
    }
    Ok(())
}

fn encoded(case: &Node<'_>) -> Outcome {
    let (encoding, weight) = (encoding(case)?, case.get("weight")?.small()?);
    let numbers = Numbers::of(&case.get("type")?, &case.get("values")?)?;
    let vector = numbers.as_values();
    let expected = case.get("words")?;
    expected.same(expected.numbers()?, words(&encoding, vector, weight, case)?)?;
    let integers = case.get("integers")?;
    let mut found = vec![0; integers.items()?.len()];
    let sampler = encoding.sampler().at(case)?;
    encoding.encoder(&sampler, vector, weight, seed(case)?).at(case)?.next_integers(&mut found).at(case)?;
    integers.same(&integers.all_signed()?, &found)?;
    let rounded = case.get("rounded")?;
    let mut found = vec![0; rounded.items()?.len()];
    encoding.encoder_without_noise(vector, weight, seed(case)?).at(case)?.next_integers(&mut found).at(case)?;
    rounded.same(&rounded.all_signed()?, &found)
}

/// What only the inside of an encoder sees.
fn derived(case: &Node<'_>) -> Outcome {
    let (encoding, node) = (encoding(case)?, case.get("derived")?);
    let numbers = Numbers::of(&case.get("type")?, &case.get("values")?)?;
    let sampler = encoding.sampler().at(case)?;
    let norms = node.get("norms")?.numbers()?;
    let attempts = u32::try_from(norms.len()).at(&node)?;
    let trace = encoding.trace(&sampler, numbers.as_values(), case.get("weight")?.small()?, seed(case)?, attempts).at(case)?;
    for (key, value) in [("usual", trace.usual), ("reduced", trace.reduced), ("unit", trace.unit), ("gain", trace.gain)] {
        are_doubles(&node, key, &[value])?;
    }
    node.get("norms")?.same(norms.into_iter().map(u128::from).collect(), trace.norms)?;
    for (key, values) in [("loaded", &trace.loaded), ("clipped", &trace.clipped), ("scaled", &trace.scaled)] {
        are_doubles(&node, key, values)?;
    }
    node.is("signs", &trace.signs.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())?;
    let (coins, noise) = (node.get("coins")?, node.get("noise")?);
    let expected = coins.numbers()?;
    let found: Vec<u64> = trace.coins.iter().take(expected.len()).map(|coin| u64::from(*coin)).collect();
    coins.same(expected, found)?;
    let expected = noise.all_signed()?;
    noise.same(&expected[..], trace.noise.get(..expected.len()).unwrap_or_default())
}

/// All words of a vector; the number of attempts is compared.
fn words(encoding: &Encoding, vector: &dyn Values, weight: u32, case: &Node<'_>) -> Outcome<Vec<u64>> {
    let sampler = encoding.sampler().at(case)?;
    let mut encoder = encoding.encoder(&sampler, vector, weight, seed(case)?).at(case)?;
    if case.opt("attempts").is_some() {
        case.counts("attempts", encoder.attempts())?;
    }
    let mut words = vec![0; room(case, encoding.vector_len())?];
    encoder.next_words(&mut words).at(case)?;
    Ok(words)
}

/// Vectors of many values: whole, or zeros but for some places.
pub(crate) fn long(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for case in group.items()? {
        tally.case(&case, || {
            let (encoding, expected) = (encoding(&case)?, case.get("words")?);
            let numbers = Numbers::of(&case.get("type")?, &case.get("values")?)?;
            let Some(places) = case.opt("places") else {
                let words = words(&encoding, numbers.as_values(), case.get("weight")?.small()?, &case)?;
                return expected.same(expected.numbers()?, words);
            };
            let vector = sparse(&encoding, &case, &places)?;
            let (start, words) = (case.get("start")?.small::<usize>()?, words(&encoding, &vector, 1, &case)?);
            let shown = expected.numbers()?;
            expected.same(&shown[..], words.get(start..).unwrap_or_default().get(..shown.len()).unwrap_or_default())
        });
    }
    Ok(())
}

fn sparse(encoding: &Encoding, case: &Node<'_>, places: &Node<'_>) -> Outcome<Vec<f64>> {
    let mut vector = vec![0.0; room(case, encoding.length())?];
    let values = case.get("values")?;
    for (place, value) in places.numbers()?.into_iter().zip(doubles(&values)?) {
        *usize::try_from(place).ok().and_then(|place| vector.get_mut(place)).at(places)? = value;
    }
    Ok(vector)
}

pub(crate) fn sums(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for case in group.items()? {
        tally.case(&case, || one_sum(&case));
    }
    Ok(())
}

fn one_sum(case: &Node<'_>) -> Outcome {
    let (encoding, sum) = (encoding(case)?, case.get("sum")?);
    let (ring, mut total) = (encoding.ring(), vec![0_u64; sum.items()?.len()]);
    for vector in case.list("vectors")? {
        let given = Numbers::of(&case.get("type")?, &vector.get("values")?)?;
        let words = words(&encoding, given.as_values(), vector.get("weight")?.small()?, &vector)?;
        vector.get("words")?.same(&vector.get("words")?.numbers()?, &words)?;
        total.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word) & ring.max());
    }
    sum.same(&sum.numbers()?, &total)?;
    let centred = case.get("centred")?;
    centred.same(centred.all_signed()?, total.iter().map(|word| ring.centered(*word)).collect())?;
    let mut decoded = vec![0.0; total.len()];
    encoding.decode(0, &total, &mut decoded).at(case)?;
    are_doubles(case, "decoded", &decoded)?;
    let Some(place) = encoding.weight_position() else {
        let weight = case.get("total_weight")?;
        return weight.holds(weight.is_null(), "null, for there are no weights");
    };
    let weight = usize::try_from(place).ok().and_then(|place| decoded.get(place)).at(case)?;
    are_doubles(case, "total_weight", &[encoding.total_weight(*weight).at(case)?])
}

pub(crate) fn refused(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for case in group.items()? {
        tally.case(&case, || {
            let encoding = encoding(&case)?;
            let sampler = Sampler::new(encoding.release().law).at(&case)?;
            let seed = EncodingSeed::generate(&mut Replay::new(vec![0; 64])).at(&case)?;
            let (vector, weight) = (doubles(&case.get("values")?)?, case.get("weight")?.small()?);
            let error = encoding.encoder(&sampler, &vector, weight, seed).err().at(&case)?;
            let position = match &error {
                InputError::NotFinite { position } => Some(*position),
                _ => None,
            };
            case.get("position")?.same(case.get("position")?.number_or_null()?, position)?;
            case.counts("code", Error::from(error).code())
        });
    }
    Ok(())
}
