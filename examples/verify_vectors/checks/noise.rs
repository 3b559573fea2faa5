//! The integer noise of `dp` (docs/privacy.md, section 13).

use veilsum::dp::{NoiseLaw, NoiseSeed, NoiseWeights, Rational, Sampler};

use super::{
    context::Context,
    node::{At, Node, Outcome},
    play::Replay,
    tally::Tally,
};

/// No weight but that of zero is further below its probability than this many units of 2^-128.
const CLOSE: u128 = 1 << 24;
/// Tails and roundings take no more than this.
const MISSING: u128 = 1 << 27;

pub(crate) fn laws(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for case in group.items()? {
        tally.case(&case, || one_law(&case));
    }
    Ok(())
}

fn weights(case: &Node<'_>) -> Outcome<NoiseWeights> {
    let number = |key: &str| case.get(key)?.number();
    let (numerator, denominator) = (number("numerator")?, number("denominator")?);
    let weights = match case.get("law")?.text()? {
        "skellam" => NoiseWeights::skellam(numerator, denominator, number("step")?),
        "gaussian" => NoiseWeights::gaussian(numerator, denominator, number("step")?),
        "laplace" => NoiseWeights::laplace(numerator, denominator),
        "polya" => NoiseWeights::polya(numerator, denominator, case.get("shares")?.small()?),
        "digits" => NoiseWeights::digit_difference(numerator, denominator, case.get("base")?.small()?),
        other => return Err(case.fails("a law that is known", other)),
    };
    weights.at(case)
}

/// Every weight is its probability rounded down; what is missing is what the tails and roundings take.
fn one_law(case: &Node<'_>) -> Outcome {
    let weights = weights(case)?;
    for entry in case.list("probabilities")? {
        let [place, exact] = &entry.items()?[..] else { return Err(entry.fails("a value and its probability", "another list")) };
        let bound = u128::from_str_radix(exact.text()?, 16).at(exact)?;
        let zero = place.number()? == 0;
        let mut weight = weights.half.get(place.small::<usize>()?).copied().unwrap_or(0);
        if zero {
            weight = weight.wrapping_sub(weights.missing);
        }
        exact.holds(weight <= bound, "a bound of the weight")?;
        let close = exact.fails(format!("a weight within 2^24 below {bound:x}"), format!("{weight:x}"));
        if bound - weight >= CLOSE {
            return Err(close);
        }
    }
    let sides = if weights.symmetric { 2 } else { 1 };
    let all = weights
        .half
        .iter()
        .enumerate()
        .fold(0_u128, |sum, (place, weight)| sum.wrapping_add(weight.wrapping_mul(if place == 0 { 1 } else { sides })));
    case.holds(all == 0, "weights that make 2^128")?;
    case.holds(weights.missing <= MISSING, "no more than 2^27 units missing")
}

pub(super) fn seed(node: &Node<'_>) -> Outcome<NoiseSeed> {
    NoiseSeed::random(&mut Replay::new(node.array::<32>()?.to_vec())).at(node)
}

pub(crate) fn draws(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let seed_node = group.get("seed")?;
    for case in group.list("cases")? {
        tally.case(&case, || {
            let (law, expected) = (law(&case)?, case.get("draws")?.all_signed()?);
            let mut values = vec![0; expected.len()];
            let block = case.get("block")?.number()?;
            Sampler::constant_time(law).at(&case)?.add(&seed(&seed_node)?, block, &mut values);
            case.get("draws")?.same(expected, values)
        });
    }
    let derived = group.get("derived")?;
    tally.case(&derived, || {
        let ours = seed(&seed_node)?.derive(&derived.hex("purpose")?, derived.get("number")?.number()?);
        let theirs = seed(&derived.get("seed")?)?;
        let sampler = Sampler::new(NoiseLaw::Skellam { variance: Rational::new(100, 1).at(&derived)? }).at(&derived)?;
        let (mut a, mut b) = ([0; 64], [0; 64]);
        sampler.add(&theirs, 0, &mut a);
        sampler.add(&ours, 0, &mut b);
        derived.same(a, b)
    });
    Ok(())
}

fn law(case: &Node<'_>) -> Outcome<NoiseLaw> {
    let parameter = Rational::new(case.get("numerator")?.number()?, case.get("denominator")?.number()?).at(case)?;
    Ok(match case.get("law")?.text()? {
        "skellam" => NoiseLaw::Skellam { variance: parameter },
        "gaussian" => NoiseLaw::DiscreteGaussian { variance: parameter },
        "laplace" => NoiseLaw::DiscreteLaplace { noise_parameter: parameter },
        "polya" => NoiseLaw::LaplaceShare { noise_parameter: parameter, shares: case.get("shares")?.small()? },
        other => return Err(case.fails("a law that is known", other)),
    })
}
