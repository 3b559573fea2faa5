//! A small model for private training: noise grows with the number of parameters, so there are few.

#![allow(clippy::indexing_slicing, reason = "lengths are constants")]

use crate::{
    data::{CLASSES, Digit, PIXELS},
    learn::{Learner, add_outer_product, layer, softmax},
};

/// Length of the parameter vector: a row of weights and a bias for each class.
pub(crate) const LINEAR_PARAMETERS: usize = CLASSES * (PIXELS + 1);

/// Taken from every grey value, so that paper counts against a class as ink counts for it.
const GREY: f32 = 0.3;

/// Softmax regression on the 64 pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear(Vec<f32>);

impl Linear {
    /// The model that knows nothing: all zeros.
    pub(crate) fn new() -> Self {
        Self(vec![0.0; LINEAR_PARAMETERS])
    }

    /// The model with these parameters.
    pub(crate) fn from_parameters(parameters: Vec<f32>) -> Self {
        Self(parameters)
    }
}

impl Learner for Linear {
    fn parameters(&self) -> &[f32] {
        &self.0
    }

    fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }

    fn scores(&self, pixels: &[f32; PIXELS]) -> [f32; CLASSES] {
        layer(&self.0, &pixels.map(|grey| grey - GREY))
    }

    fn add_gradient(&self, digit: &Digit, gradient: &mut [f32]) {
        let mut errors = softmax(self.scores(&digit.pixels));
        errors[digit.label] -= 1.0;
        add_outer_product(gradient, &errors, &digit.pixels.map(|grey| grey - GREY));
    }
}
