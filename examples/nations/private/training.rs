//! Training at home, and the curator that everybody would have to trust.

use rand::{RngExt, rngs::StdRng};

use crate::{
    code::{Contribution, add_mean},
    data::World,
    learn::{BATCH, Learner, train_local},
    linear::Linear,
};

/// Passes a nation makes over its own data in one round.
pub(crate) const LOCAL_EPOCHS: usize = 5;
/// Step length of the gradient descent.
pub(crate) const LEARNING_RATE: f32 = 0.5;
/// The step before which a masked update leaves.
const MASKED_INPUT: usize = 2;

/// What training at home adds to the model, in each nation.
pub(crate) fn updates(world: &World, model: &Linear, seed: u64, round: usize) -> Vec<Contribution> {
    let nations = world.nations.len();
    let visit = |place: usize| seed.wrapping_mul(1_000_000).wrapping_add((round * nations + place) as u64);
    let train = |(place, nation): (usize, &crate::data::Nation)| {
        let local = train_local(model, &nation.data, LOCAL_EPOCHS, LEARNING_RATE, BATCH, visit(place));
        let parameters = local.parameters().iter().zip(model.parameters()).map(|(after, before)| after - before);
        Contribution { parameters: parameters.collect(), images: 1 }
    };
    world.nations.iter().enumerate().map(train).collect()
}

/// Places of those who are there long enough for their updates to be in the sum.
pub(crate) fn survivors(leaves: &[usize]) -> Vec<usize> {
    leaves.iter().enumerate().filter(|(_, step)| **step > MASKED_INPUT).map(|(place, _)| place).collect()
}

/// The next model by a curator who sees all updates: clips each, sums, and adds Gaussian noise of `multiplier` times the clip.
pub(crate) fn curated(
    model: &Linear,
    contributions: &[Contribution],
    survivors: &[usize],
    clip: f64,
    multiplier: f64,
    noise: &mut StdRng,
) -> Linear {
    let mut sum = vec![0.0; model.parameters().len()];
    for place in survivors {
        let update = &contributions[*place].parameters;
        let norm = update.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        let gain = (clip / norm).min(1.0);
        sum.iter_mut().zip(update).for_each(|(sum, value)| *sum += gain * f64::from(*value));
    }
    sum.iter_mut().for_each(|sum| *sum += multiplier * clip * normal(noise));
    Linear::from_parameters(add_mean(model.parameters(), &sum, survivors.len()))
}

/// A standard normal number (Box and Muller, 1958). It is no private noise: its low bits betray it. The curator is for comparison only.
fn normal(rng: &mut StdRng) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
