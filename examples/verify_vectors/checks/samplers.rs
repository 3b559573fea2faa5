//! Samplers of integer noise (docs/privacy.md, section 13).

use std::{collections::VecDeque, convert::Infallible};

use veilsum::{
    dp::{ExactSampler, NOISE_BLOCK, NoiseLaw, NoisePart, Rational, Sampler, noise_words},
    hazmat::derive_unbound,
};

use super::{
    context::Context,
    node::{At, Node, Outcome},
    noise::seed,
    tally::Tally,
    values::room,
};

fn law(node: &Node<'_>) -> Outcome<NoiseLaw> {
    let ratio = Rational::new(node.get("numerator")?.number()?, node.get("denominator")?.number()?).at(node)?;
    let (name, shares) = (node.get("law")?, node.get("shares")?);
    Ok(match (name.text()?, shares.is_null()) {
        ("skellam", true) => NoiseLaw::Skellam { variance: ratio },
        ("gaussian", true) => NoiseLaw::DiscreteGaussian { variance: ratio },
        ("laplace", true) => NoiseLaw::DiscreteLaplace { noise_parameter: ratio },
        ("laplace_share", false) => NoiseLaw::LaplaceShare { noise_parameter: ratio, shares: shares.small()? },
        (other, _) => return Err(name.fails("a law that is known, with shares if it has some", other)),
    })
}

fn is_constant_time(case: &Node<'_>) -> Outcome<bool> {
    let sampler = case.get("sampler")?;
    match sampler.text()? {
        "fast" => Ok(false),
        "constant_time" => Ok(true),
        other => Err(sampler.fails("fast or constant_time", other)),
    }
}

pub(crate) fn bulk(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let secret = group.get("seed")?;
    for case in group.list("cases")? {
        tally.part(&case, "noise", || noise(&case, &secret));
        tally.part(&case, "parts", || parts(&case, &secret));
    }
    Ok(())
}

fn noise(case: &Node<'_>, secret: &Node<'_>) -> Outcome {
    let law = law(case)?;
    let sampler = if is_constant_time(case)? { Sampler::constant_time(law) } else { Sampler::new(law) }.at(case)?;
    for place in case.list("places")? {
        let expected = place.get("noise")?.all_signed()?;
        let (block, offset) = (place.get("block")?.number()?, room(&place, place.get("offset")?.number()?)?);
        // Whole blocks up to the end of what is expected: the noise of a place does not depend on how much is asked for.
        let mut values = vec![0; (offset + expected.len()).next_multiple_of(NOISE_BLOCK)];
        sampler.add(&seed(secret)?, block, &mut values);
        place.get("noise")?.same(&expected[..], values.get(offset..offset + expected.len()).unwrap_or_default())?;
    }
    Ok(())
}

/// The tables that a law is drawn from, and what each draws from which words.
fn parts(case: &Node<'_>, secret: &Node<'_>) -> Outcome {
    let parts = NoisePart::all(law(case)?, is_constant_time(case)?).at(case)?;
    let expected = case.get("derived")?.get("parts")?;
    expected.same(expected.items()?.len(), parts.len())?;
    for (node, part) in expected.items()?.iter().zip(&parts) {
        node.get("factor")?.same(node.get("factor")?.signed()?, part.factor)?;
        node.counts("magnitudes", part.magnitudes as u64)?;
    }
    case.list("places")?.iter().try_for_each(|place| draws(secret, &parts, place))
}

fn draws(secret: &Node<'_>, parts: &[NoisePart], place: &Node<'_>) -> Outcome {
    let (derived, block, offset) = (place.get("derived")?, place.get("block")?.number()?, place.get("offset")?.number()?);
    derived.is("key", &derive_unbound::<32>(&secret.bytes()?, "noise-block", &block.to_le_bytes()))?;
    let seed = seed(secret)?;
    let (firsts, seconds) = (derived.list("first_words")?, derived.list("second_words")?);
    let rows = derived.list("draws")?;
    derived.holds(rows.len() == firsts.len() && rows.len() == seconds.len(), "words for every draw")?;
    for (i, (row, (first, second))) in (offset..).zip(rows.iter().zip(firsts.iter().zip(&seconds))) {
        let words: Vec<(u64, u64)> = (0..).zip(parts).map(|(part, _)| noise_words(&seed, block, part, i)).collect();
        first.same(first.numbers()?, words.iter().map(|(first, _)| *first).collect())?;
        second.same(second.numbers()?, words.iter().map(|(_, second)| *second).collect())?;
        let resolved: Vec<i64> = parts.iter().zip(&words).map(|(part, words)| part.resolve(words.0, words.1)).collect();
        row.same(&row.all_signed()?, &resolved)?;
        for ((part, words), resolved) in parts.iter().zip(&words).zip(&resolved) {
            row.holds(part.draw(words.0).is_none_or(|drawn| drawn == *resolved), "draws that a second word only resolves")?;
        }
    }
    Ok(())
}

/// A generator of recorded words that knows nothing else.
struct Words(VecDeque<u64>);

#[allow(clippy::panic, clippy::panic_in_result_fn, reason = "an exact sampler has no other way to end; the runner reports it")]
impl rand_core::TryRng for Words {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("a word of 32 bits was asked for")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.pop_front().unwrap_or_else(|| panic!("more words were asked for than are recorded")))
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        panic!("bytes were asked for")
    }
}

pub(crate) fn exact(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for case in group.items()? {
        tally.case(&case, || {
            let (sampler, recorded) = (ExactSampler::new(law(&case)?).at(&case)?, case.get("words")?);
            let mut words = Words(recorded.numbers()?.into());
            for row in case.list("draws")? {
                let before = words.0.len();
                let drawn = sampler.sample(&mut words);
                let taken = i64::try_from(before - words.0.len()).at(&row)?;
                row.same(row.all_signed()?, vec![drawn, taken])?;
            }
            recorded.same(0, words.0.len())
        });
    }
    Ok(())
}
