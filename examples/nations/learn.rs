//! The learning half of the example: data, partition, model, training.
//!
//! The data are 1,797 handwritten digits (see `examples/data/README.md`). A
//! quarter is held out as a test set that no nation sees. Twelve nations share
//! the rest, unevenly: each has plenty of images of three digits and almost
//! none of the other seven, so that none can learn to read alone. Which nation
//! holds what is invented; the images are real.
//!
//! How `main.rs` uses this module, with one secure sum per round:
//!
//! ```text
//! let world = World::new(SEED)?;
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

use std::{array, error::Error, io::Read};

use flate2::read::GzDecoder;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

/// Grey values per image: 8 rows of 8.
pub(crate) const PIXELS: usize = 64;
/// The digits 0 to 9.
pub(crate) const CLASSES: usize = 10;
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

/// Names of the nations.
pub(crate) const NATIONS: [&str; 12] =
    ["Brazil", "Canada", "Egypt", "Ghana", "India", "Japan", "Kenya", "Mexico", "Norway", "Portugal", "Thailand", "Uruguay"];

/// Relative amount of data each nation holds (invented).
const SIZES: [f32; NATIONS.len()] = [1.5, 1.0, 0.8, 0.5, 1.6, 1.2, 0.7, 1.3, 0.6, 0.9, 1.1, 0.5];
const HIDDEN_PARAMETERS: usize = HIDDEN * (PIXELS + 1);
const GREY_LEVELS: f32 = 16.0;
const TEST_SHARE: f32 = 0.25;
/// Digits of which a nation holds plenty.
const FAMILIAR_CLASSES: usize = 3;
/// Images of any other digit, for each image of a familiar one.
const UNFAMILIAR_SHARE: f32 = 0.05;

/// One handwritten digit.
#[derive(Clone, Debug)]
pub(crate) struct Digit {
    /// Grey values from 0 (paper) to 1 (ink), row by row.
    pub(crate) pixels: [f32; PIXELS],
    /// The digit shown, 0 to 9.
    pub(crate) label: usize,
}

/// A nation and the images that never leave it.
#[derive(Clone, Debug)]
pub(crate) struct Nation {
    /// Name for tables and plots.
    pub(crate) name: &'static str,
    /// Training data of this nation.
    pub(crate) data: Vec<Digit>,
}

/// Who holds which images.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The nations, in the order of [`NATIONS`].
    pub(crate) nations: Vec<Nation>,
    /// Images no nation has seen, the same share of every class.
    pub(crate) test: Vec<Digit>,
}

impl World {
    /// Loads the digits and deals them out; equal seeds give equal worlds.
    pub(crate) fn new(seed: u64) -> Result<Self, Box<dyn Error>> {
        let mut generator = StdRng::seed_from_u64(seed);
        let mut classes = load_classes()?;
        classes.shuffle(&mut generator);
        let mut nations = NATIONS.map(|name| Nation { name, data: vec![] }).to_vec();
        let mut test = Vec::new();
        for (class, mut digits) in classes.into_iter().enumerate() {
            digits.shuffle(&mut generator);
            let training = digits.split_off(share(digits.len(), TEST_SHARE));
            test.append(&mut digits);
            deal(class, training, &mut nations);
        }
        Ok(Self { nations, test })
    }

    /// All training data in one place, only to compare with.
    pub(crate) fn pooled(&self) -> Vec<Digit> {
        let each = self.nations.iter().map(|nation| nation.data.as_slice());
        each.collect::<Vec<_>>().concat()
    }
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

    /// All parameters: a row of weights, then a bias, for each hidden unit and
    /// then for each class.
    pub(crate) fn parameters(&self) -> &[f32] {
        &self.0
    }

    /// The digit the model sees in an image.
    pub(crate) fn predict(&self, pixels: &[f32; PIXELS]) -> usize {
        let (_, scores) = self.forward(pixels);
        let by_score = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]);
        (0..CLASSES).max_by(by_score).unwrap_or_default()
    }

    /// Activation of each hidden unit, never negative, and score of each class.
    fn forward(&self, pixels: &[f32; PIXELS]) -> ([f32; HIDDEN], [f32; CLASSES]) {
        let (hidden_rows, class_rows) = self.0.split_at(HIDDEN_PARAMETERS);
        let hidden = layer(hidden_rows, pixels).map(|sum: f32| sum.max(0.0));
        (hidden, layer(class_rows, &hidden))
    }

    /// Adds the gradient of the cross-entropy loss at one image to `gradient`.
    fn add_gradient(&self, digit: &Digit, gradient: &mut [f32]) {
        let (hidden, scores) = self.forward(&digit.pixels);
        let mut class_errors = softmax(scores);
        class_errors[digit.label] -= 1.0;
        let hidden_errors = self.hidden_errors(&hidden, &class_errors);
        let (hidden_rows, class_rows) = gradient.split_at_mut(HIDDEN_PARAMETERS);
        add_outer_product(hidden_rows, &hidden_errors, &digit.pixels);
        add_outer_product(class_rows, &class_errors, &hidden);
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

/// Trains a copy of `model` by gradient descent in batches of `batch` images,
/// visiting all `digits` `epochs` times in an order that `seed` decides.
pub(crate) fn train_local(model: &Model, digits: &[Digit], epochs: usize, learning_rate: f32, batch: usize, seed: u64) -> Model {
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
pub(crate) fn accuracy(model: &Model, digits: &[Digit]) -> f32 {
    let correct = |digit: &&Digit| model.predict(&digit.pixels) == digit.label;
    digits.iter().filter(correct).count() as f32 / digits.len() as f32
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
pub(crate) fn test_curve(start: &Model, digits: &[Digit], test: &[Digit], seed: u64, rounds: usize) -> Vec<f32> {
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

/// Reads the compressed file, one list of images per digit.
fn load_classes() -> Result<Vec<Vec<Digit>>, Box<dyn Error>> {
    let packed: &[u8] = include_bytes!("../data/digits.csv.gz");
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text)?;
    let mut classes = vec![Vec::new(); CLASSES];
    for line in text.lines() {
        let digit = parse_line(line)?;
        let class = classes.get_mut(digit.label).ok_or("label above 9")?;
        class.push(digit);
    }
    Ok(classes)
}

/// Parses 64 grey values and the label, separated by commas.
fn parse_line(line: &str) -> Result<Digit, Box<dyn Error>> {
    let values: Vec<u8> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let (label, pixels) = values.split_last().ok_or("empty line")?;
    let pixels: [u8; PIXELS] = pixels.try_into()?;
    let pixels = pixels.map(|grey| f32::from(grey) / GREY_LEVELS);
    let label = usize::from(*label);
    Ok(Digit { pixels, label })
}

/// Deals the images of one class to the nations in proportion to demand.
fn deal(class: usize, digits: Vec<Digit>, nations: &mut [Nation]) {
    let total: f32 = (0..nations.len()).map(|place| demand(place, class)).sum();
    let images = digits.len();
    let mut rest = digits.into_iter();
    let (mut served, mut dealt) = (0.0, 0);
    for (place, nation) in nations.iter_mut().enumerate() {
        served += demand(place, class);
        let end = share(images, served / total);
        nation.data.extend(rest.by_ref().take(end - dealt));
        dealt = end;
    }
}

/// How much a nation wants of a class. Nation 0 is familiar with the first
/// three classes, nation 1 with the next three, and so on, around the ten.
fn demand(nation: usize, class: usize) -> f32 {
    let first = nation * FAMILIAR_CLASSES % CLASSES;
    let familiar = (class + CLASSES - first) % CLASSES < FAMILIAR_CLASSES;
    SIZES[nation] * if familiar { 1.0 } else { UNFAMILIAR_SHARE }
}

/// That share of a number of images, to the nearest image, never above it.
fn share(images: usize, share: f32) -> usize {
    ((images as f32 * share).round() as usize).min(images)
}

/// Parameters of one layer, drawn evenly from an interval that fits the number
/// of inputs, so that signals keep their size from layer to layer.
fn random_rows(outputs: usize, inputs: usize, generator: &mut StdRng) -> Vec<f32> {
    let bound = (6.0 / inputs as f32).sqrt();
    let draw = |_| generator.random_range(-bound..bound);
    (0..outputs * (inputs + 1)).map(draw).collect()
}

/// One gradient step on the mean loss over a batch.
fn descend(model: &mut Model, images: &[&Digit], learning_rate: f32) {
    let mut gradient = vec![0.0; PARAMETERS];
    for digit in images {
        model.add_gradient(digit, &mut gradient);
    }
    let step = -learning_rate / images.len() as f32;
    add_scaled(&mut model.0, &gradient, step);
}

/// Weighted sum plus bias for each row of `inputs.len() + 1` parameters.
fn layer<const OUTPUTS: usize>(rows: &[f32], inputs: &[f32]) -> [f32; OUTPUTS] {
    let width = inputs.len() + 1;
    array::from_fn(|output| {
        let row = &rows[output * width..][..width];
        let products = row.iter().zip(inputs).map(|(weight, input)| weight * input);
        row[inputs.len()] + products.sum::<f32>()
    })
}

/// Probabilities from scores, shifted so that the exponentials stay finite.
fn softmax(scores: [f32; CLASSES]) -> [f32; CLASSES] {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = scores.map(|score| (score - highest).exp());
    let total: f32 = weights.iter().sum();
    weights.map(|weight| weight / total)
}

/// Adds each output's error times the inputs (and times 1, for the bias).
fn add_outer_product(rows: &mut [f32], errors: &[f32], inputs: &[f32]) {
    for (row, error) in rows.chunks_exact_mut(inputs.len() + 1).zip(errors) {
        add_scaled(row, inputs, *error);
        row[inputs.len()] += error;
    }
}

/// Adds `factor * values` to `sums`, as far as the shorter of the two reaches.
fn add_scaled(sums: &mut [f32], values: &[f32], factor: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}
