//! Rows of the table.

use serde::Serialize;
use veilsum::dp::Mechanism;

use crate::{
    measure::Vectors,
    scheme::{Central, Planned, Rotation, Scheme},
};

/// A point of the experiment, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) length: u64,
    pub(crate) vectors: Vectors,
    pub(crate) rotation: Rotation,
    pub(crate) mechanism: &'static str,
    pub(crate) clients: u32,
    pub(crate) epsilon: f64,
    pub(crate) bits: u8,
    /// `None` where the planner refuses.
    pub(crate) measured: Option<Measured>,
    /// Why.
    pub(crate) refused: Option<String>,
}

/// Errors are per coordinate of the sum, in squared units of the clipping norm.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) noise_multiplier: f64,
    /// Levels per clipping norm.
    pub(crate) scale: f64,
    pub(crate) inflation: f64,
    /// Mean over the repetitions.
    pub(crate) mse: f64,
    /// Standard deviation over the repetitions.
    pub(crate) spread: f64,
    /// What the plan says that it is at most, if nothing wraps.
    pub(crate) planned_mse: f64,
    /// Of the continuous central Gaussian mechanism.
    pub(crate) central_mse: f64,
    /// `mse / central_mse`.
    pub(crate) ratio: f64,
}

pub(crate) const SKELLAM: &str = "skellam";
pub(crate) const DISCRETE_GAUSSIAN: &str = "discrete-gaussian";

impl Measured {
    #[allow(clippy::cast_precision_loss, reason = "a number of repetitions")]
    pub(crate) fn new(planned: &Planned, squared_errors: &[f64], central: &Central) -> Self {
        let count = squared_errors.len() as f64;
        let mse = squared_errors.iter().sum::<f64>() / count;
        let variance = squared_errors.iter().map(|error| (error - mse).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        let (planned_mse, central_mse) = (planned.squared_error(), central.squared_error());
        Self {
            noise_multiplier: planned.noise_multiplier,
            scale: planned.plan.scale(),
            inflation: planned.plan.inflation(),
            mse,
            spread: variance.sqrt(),
            planned_mse,
            central_mse,
            ratio: mse / central_mse,
        }
    }
}

impl Row {
    pub(crate) fn new(
        length: u64,
        scheme: &Scheme,
        vectors: Vectors,
        measured: Option<Measured>,
        refused: Option<String>,
    ) -> Self {
        let &Scheme { mechanism, rotation, clients, epsilon, bits } = scheme;
        let mechanism = if mechanism == Mechanism::Skellam { SKELLAM } else { DISCRETE_GAUSSIAN };
        Self { length, vectors, rotation, mechanism, clients, epsilon, bits, measured, refused }
    }

    /// The mean squared error over that of the central Gaussian; `None` where the planner refuses.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.measured.map(|measured| measured.ratio)
    }
}
