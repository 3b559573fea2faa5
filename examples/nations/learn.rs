//! The learning half of the example: model and training.
//!
//! How `main.rs` uses this module, with one secure sum per round:
//!
//! ```text
//! let world = World::new(SEED, NATIONS.len())?;
//! let mut model = Model::new(SEED);
//! for round in 0..ROUNDS {
//!     // In nation number `nation`, where `count = data.len()`:
//!     let local = train_local(&model, &data, LOCAL_EPOCHS, LEARNING_RATE,
//!                             BATCH, visit_seed(SEED, round, nation));
//!     // It submits `count * local.parameters()` and `count`.
//!     // In the server, which learns nothing but the two sums:
//!     model = Model::from_parameters(sum_of_products / sum_of_counts)?;
//!     curve.push(accuracy(&model, &world.test));
//! }
//! ```
//!
//! To compare with: [`weighted_average`] is the server's step without secrecy;
//! [`test_curve`] trains one nation alone, or all data pooled.

#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are constants, and numbers of images are exact in f32"
)]

use std::{array, error::Error};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::data::{CLASSES, Digit, NATIONS, PIXELS};

/// Units in the hidden layer of the model.
pub(crate) const HIDDEN: usize = 32;
/// Length of a model's parameter vector: one row per hidden unit or class.
pub(crate) const PARAMETERS: usize = HIDDEN_PARAMETERS + CLASSES * (HIDDEN + 1);

/// Rounds of federated learning.
pub(crate) const ROUNDS: usize = 25;
/// Passes a nation makes over its own data in one round.
pub(crate) const LOCAL_EPOCHS: usize = 5;
/// Step length of the gradient descent.
pub(crate) const LEARNING_RATE: f32 = 0.2;
/// Images per gradient step.
pub(crate) const BATCH: usize = 8;

const HIDDEN_PARAMETERS: usize = HIDDEN * (PIXELS + 1);

/// What can be trained by gradient descent, held as a flat vector of numbers.
pub(crate) trait Learner: Clone {
    /// All parameters.
    fn parameters(&self) -> &[f32];

    /// All parameters, to change.
    fn parameters_mut(&mut self) -> &mut [f32];

    /// Score of each class for an image: the highest wins.
    fn scores(&self, pixels: &[f32; PIXELS]) -> [f32; CLASSES];

    /// Adds the gradient of the cross-entropy loss at one image to `gradient`.
    fn add_gradient(&self, digit: &Digit, gradient: &mut [f32]);
}

/// A neural network with one hidden layer (64 pixels, 32 rectified units, 10
/// classes), held as its flat vector of [`PARAMETERS`] numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model(Vec<f32>);

impl Model {
    /// A model with small random parameters.
    pub(crate) fn new(seed: u64) -> Self {
        let mut generator = StdRng::seed_from_u64(seed);
        let mut parameters = random_rows(HIDDEN, PIXELS, &mut generator);
        parameters.extend(random_rows(CLASSES, HIDDEN, &mut generator));
        Self(parameters)
    }

    /// The model with these [`PARAMETERS`] parameters.
    pub(crate) fn from_parameters(parameters: Vec<f32>) -> Result<Self, Box<dyn Error>> {
        if parameters.len() == PARAMETERS {
            return Ok(Self(parameters));
        }
        Err("wrong number of parameters".into())
    }

    /// Activation of each hidden unit, never negative, and score of each class.
    fn forward(&self, pixels: &[f32; PIXELS]) -> ([f32; HIDDEN], [f32; CLASSES]) {
        let (hidden_rows, class_rows) = self.0.split_at(HIDDEN_PARAMETERS);
        let hidden = layer(hidden_rows, pixels).map(|sum: f32| sum.max(0.0));
        (hidden, layer(class_rows, &hidden))
    }

    /// Derivative of the loss with respect to each hidden unit's input.
    fn hidden_errors(&self, hidden: &[f32], class_errors: &[f32]) -> [f32; HIDDEN] {
        let rows = self.0[HIDDEN_PARAMETERS..].chunks_exact(HIDDEN + 1);
        let mut errors = [0.0; HIDDEN];
        for (row, class_error) in rows.zip(class_errors) {
            add_scaled(&mut errors, row, *class_error);
        }
        array::from_fn(|unit| errors[unit] * f32::from(hidden[unit] > 0.0))
    }
}

impl Learner for Model {
    /// A row of weights, then a bias, for each hidden unit and then for each
    /// class.
    fn parameters(&self) -> &[f32] {
        &self.0
    }

    fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }

    fn scores(&self, pixels: &[f32; PIXELS]) -> [f32; CLASSES] {
        self.forward(pixels).1
    }

    fn add_gradient(&self, digit: &Digit, gradient: &mut [f32]) {
        let (hidden, scores) = self.forward(&digit.pixels);
        let mut class_errors = softmax(scores);
        class_errors[digit.label] -= 1.0;
        let hidden_errors = self.hidden_errors(&hidden, &class_errors);
        let (hidden_rows, class_rows) = gradient.split_at_mut(HIDDEN_PARAMETERS);
        add_outer_product(hidden_rows, &hidden_errors, &digit.pixels);
        add_outer_product(class_rows, &class_errors, &hidden);
    }
}

/// Trains a copy of `model` by gradient descent in batches of `batch` images,
/// visiting all `digits` `epochs` times in an order that `seed` decides.
pub(crate) fn train_local<L: Learner>(
    model: &L,
    digits: &[Digit],
    epochs: usize,
    learning_rate: f32,
    batch: usize,
    seed: u64,
) -> L {
    let mut trained = model.clone();
    let mut generator = StdRng::seed_from_u64(seed);
    let mut order: Vec<&Digit> = digits.iter().collect();
    for _ in 0..epochs {
        order.shuffle(&mut generator);
        for images in order.chunks(batch) {
            descend(&mut trained, images, learning_rate);
        }
    }
    trained
}

/// Share of `digits` that the model reads correctly, 0 to 1.
pub(crate) fn accuracy(model: &impl Learner, digits: &[Digit]) -> f32 {
    let correct = |digit: &&Digit| predict(model, &digit.pixels) == digit.label;
    digits.iter().filter(correct).count() as f32 / digits.len() as f32
}

/// The digit the model sees in an image.
fn predict(model: &impl Learner, pixels: &[f32; PIXELS]) -> usize {
    let scores = model.scores(pixels);
    let by_score = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]);
    (0..CLASSES).max_by(by_score).unwrap_or_default()
}

/// Average of the models, each weighted by its number of training images:
/// federated averaging without secrecy. Needs at least one image.
pub(crate) fn weighted_average(models: &[(Model, usize)]) -> Model {
    let total: usize = models.iter().map(|(_, images)| images).sum();
    let mut parameters = vec![0.0; PARAMETERS];
    for (model, images) in models {
        let weight = *images as f32 / total as f32;
        add_scaled(&mut parameters, &model.0, weight);
    }
    Model(parameters)
}

/// Test accuracy after each of `rounds` rounds for someone who trains on
/// `digits` only, with the same epochs per round as the federation.
pub(crate) fn test_curve(start: &impl Learner, digits: &[Digit], test: &[Digit], seed: u64, rounds: usize) -> Vec<f32> {
    let mut model = start.clone();
    let round = |round| {
        let visit = visit_seed(seed, round, NATIONS.len());
        model = train_local(&model, digits, LOCAL_EPOCHS, LEARNING_RATE, BATCH, visit);
        accuracy(&model, test)
    };
    (0..rounds).map(round).collect()
}

/// Seed for the training of nation number `nation` in round `round`, different
/// for each pair; [`test_curve`] uses the number after the last nation.
pub(crate) fn visit_seed(seed: u64, round: usize, nation: usize) -> u64 {
    let visit = round * (NATIONS.len() + 1) + nation;
    seed.wrapping_mul(1_000_000).wrapping_add(visit as u64)
}

/// Parameters of one layer, drawn evenly from an interval that fits the number
/// of inputs, so that signals keep their size from layer to layer.
fn random_rows(outputs: usize, inputs: usize, generator: &mut StdRng) -> Vec<f32> {
    let bound = (6.0 / inputs as f32).sqrt();
    let draw = |_| generator.random_range(-bound..bound);
    (0..outputs * (inputs + 1)).map(draw).collect()
}

/// One gradient step on the mean loss over a batch.
fn descend(model: &mut impl Learner, images: &[&Digit], learning_rate: f32) {
    let mut gradient = vec![0.0; model.parameters().len()];
    for digit in images {
        model.add_gradient(digit, &mut gradient);
    }
    let step = -learning_rate / images.len() as f32;
    add_scaled(model.parameters_mut(), &gradient, step);
}

/// Weighted sum plus bias for each row of `inputs.len() + 1` parameters.
pub(crate) fn layer<const OUTPUTS: usize>(rows: &[f32], inputs: &[f32]) -> [f32; OUTPUTS] {
    let width = inputs.len() + 1;
    array::from_fn(|output| {
        let row = &rows[output * width..][..width];
        let products = row.iter().zip(inputs).map(|(weight, input)| weight * input);
        row[inputs.len()] + products.sum::<f32>()
    })
}

/// Probabilities from scores, shifted so that the exponentials stay finite.
pub(crate) fn softmax(scores: [f32; CLASSES]) -> [f32; CLASSES] {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = scores.map(|score| (score - highest).exp());
    let total: f32 = weights.iter().sum();
    weights.map(|weight| weight / total)
}

/// Adds each output's error times the inputs (and times 1, for the bias).
pub(crate) fn add_outer_product(rows: &mut [f32], errors: &[f32], inputs: &[f32]) {
    for (row, error) in rows.chunks_exact_mut(inputs.len() + 1).zip(errors) {
        add_scaled(row, inputs, *error);
        row[inputs.len()] += error;
    }
}

/// Adds `factor * values` to `sums`, as far as the shorter of the two reaches.
pub(crate) fn add_scaled(sums: &mut [f32], values: &[f32], factor: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}
