//! Pure and approximate differential privacy: basic and advanced composition.
//!
//! Each event is `(epsilon_i, delta_i)`-differentially private. For every `delta' > 0` all of them together are `(epsilon, 1 - (1 - delta') prod (1 -
//! delta_i))`-differentially private with the least of (Kairouz, Oh and Viswanath, 2015, Theorem 3.5)
//!
//! ```text
//! sum epsilon_i
//! sum epsilon_i tanh(epsilon_i / 2) + sqrt( 2 S ln(1 / delta') )                         S = sum epsilon_i^2
//! sum epsilon_i tanh(epsilon_i / 2) + sqrt( 2 S ln(e + sqrt(S) / delta') )
//! ```
//!
//! Sampling with probability `q` turns `(epsilon, delta)` into `(ln(1 + q (e^epsilon - 1)), q delta)`, for a Poisson sample under add-or-remove-one
//! and a sample of fixed size under replace-one (Balle, Barthe and Gaboardi, 2018, Theorems 8 and 9).

use core::f64::consts::E;

use crate::{
    account::{
        accountant::Accountant,
        convert::probability_above,
        distance::Distance,
        event::{Event, NeighboringRelation, not_negative, probability},
        special::{EPS, exp, expm1, ln, log_add, log1p, real, sqrt},
    },
    error::PrivacyError,
};

/// `(epsilon, delta)` of one event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) epsilon: f64,
    pub(crate) delta: f64,
}

impl Cost {
    fn pure(epsilon: f64) -> Self {
        Self { epsilon, delta: 0.0 }
    }

    /// The same on a sample.
    pub(crate) fn sampled(self, q: f64) -> Self {
        Self { epsilon: amplified(self.epsilon, q), delta: q * self.delta * (1.0 + EPS) }
    }
}

/// `ln(1 + q (e^epsilon - 1))`, rounded up.
pub(crate) fn amplified(epsilon: f64, q: f64) -> f64 {
    let value = if epsilon < 30.0 { log1p(q * expm1(epsilon)) } else { log_add(log1p(-q), ln(q) + epsilon) };
    if q == 0.0 { 0.0 } else { (value * (1.0 + 8.0 * EPS)).min(epsilon) }
}

/// `(epsilon, delta)` of an event that has them.
pub(crate) fn cost(event: &Event, relation: NeighboringRelation) -> Result<Cost, PrivacyError> {
    Ok(match event {
        Event::NoOp => Cost::pure(0.0),
        Event::NonPrivate => Cost { epsilon: f64::INFINITY, delta: 1.0 },
        Event::Laplace { noise_multiplier } => Cost::pure((1.0 + EPS) / noise_multiplier),
        Event::DiscreteLaplace { noise_parameter, sensitivity } => {
            Cost::pure(noise_parameter * real(*sensitivity) * (1.0 + 2.0 * EPS))
        }
        Event::DiscreteLaplaceShares(event) => Cost::pure(event.epsilon()),
        Event::WithinDistance { event, .. } => cost(event, relation)?,
        Event::EpsilonDelta { epsilon, delta } => Cost { epsilon: *epsilon, delta: *delta },
        Event::PoissonSampled { sampling_probability, event } => {
            require_relation(relation, NeighboringRelation::AddOrRemoveOne, "PoissonSampled")?;
            total(event, relation)?.basic().sampled(*sampling_probability)
        }
        Event::SampledWithoutReplacement { source_dataset_size, sample_size, event } => {
            require_relation(relation, NeighboringRelation::ReplaceOne, "SampledWithoutReplacement")?;
            total(event, relation)?.basic().sampled(real(*sample_size) / real(*source_dataset_size))
        }
        other => {
            let reason = "it has no finite epsilon at delta 0; use the zCDP, RDP or PLD accountant";
            return Err(PrivacyError::Unsupported { accountant: "pure", event: other.name(), reason });
        }
    })
}

fn require_relation(relation: NeighboringRelation, needed: NeighboringRelation, event: &'static str) -> Result<(), PrivacyError> {
    let reason = "its theorem holds for another relation: AddOrRemoveOne for Poisson sampling, ReplaceOne for fixed size";
    if relation == needed { Ok(()) } else { Err(PrivacyError::Unsupported { accountant: "pure", event, reason }) }
}

/// The sums over an event, which may be a composition.
fn total(event: &Event, relation: NeighboringRelation) -> Result<Totals, PrivacyError> {
    let mut totals = Totals::default();
    match event {
        Event::SelfComposed { event, count } => totals.add(&total(event, relation)?, *count),
        Event::Composed(events) => events.iter().try_for_each(|event| {
            totals.add(&total(event, relation)?, 1);
            Ok::<(), PrivacyError>(())
        })?,
        Event::WithinDistance { event, .. } => totals.add(&total(event, relation)?, 1),
        other => totals.add(&Totals::of(cost(other, relation)?), 1),
    }
    Ok(totals)
}

/// What the composition theorem needs to know.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    epsilon: f64,
    mean: f64,
    square: f64,
    ln_success: f64,
    /// Additions so far, for the rounding errors.
    parts: u64,
}

impl Totals {
    fn of(cost: Cost) -> Self {
        let Cost { epsilon, delta } = cost;
        // tanh(epsilon / 2)
        let ratio = -expm1(-epsilon) / (1.0 + exp(-epsilon));
        Self { epsilon, mean: epsilon * ratio, square: epsilon * epsilon, ln_success: log1p(-delta), parts: 1 }
    }

    fn add(&mut self, other: &Self, count: u64) {
        if count == 0 {
            return;
        }
        let runs = real(count);
        self.epsilon += runs * other.epsilon;
        self.mean += runs * other.mean;
        self.square += runs * other.square;
        self.ln_success += runs * other.ln_success;
        self.parts = self.parts.saturating_add(other.parts);
    }

    /// One plus the relative rounding error of the sums.
    fn margin(&self) -> f64 {
        1.0 + EPS * (16.0 + real(self.parts))
    }

    fn fail(&self) -> f64 {
        (-expm1(self.ln_success * self.margin())).min(1.0)
    }

    /// Basic composition.
    fn basic(&self) -> Cost {
        Cost { epsilon: self.epsilon * self.margin(), delta: self.fail() }
    }

    /// The least epsilon with probability `1 - delta` that none of the theorem's events fails.
    fn epsilon(&self, delta: f64) -> f64 {
        let basic = self.epsilon * self.margin();
        if delta == 0.0 || basic == 0.0 {
            return basic;
        }
        let sharper = (-ln(delta)).min(ln(E + sqrt(self.square) / delta));
        let advanced = (self.mean + sqrt(2.0 * self.square * sharper)) * self.margin();
        if advanced < basic { advanced } else { basic }
    }

    /// The least delta of the theorem at `epsilon`.
    fn delta(&self, epsilon: f64) -> f64 {
        if self.epsilon * self.margin() <= epsilon {
            return 0.0;
        }
        let excess = epsilon / self.margin() - self.mean;
        let exponent = excess * excess / (2.0 * self.square) * (1.0 - 16.0 * EPS);
        if excess.is_nan() || excess <= 0.0 || exponent.is_nan() {
            return 1.0;
        }
        let second = sqrt(self.square) / (exp(exponent) * (1.0 - 8.0 * EPS) - E);
        let first = probability_above(-exponent);
        // Against underflow: never below what is representable.
        if second > 0.0 { first.min(second.max(f64::MIN_POSITIVE)) } else { first }
    }
}

/// Adds up epsilons and deltas; for mechanisms of pure or approximate differential privacy.
#[derive(Clone, Debug)]
pub struct PureAccountant {
    relation: NeighboringRelation,
    totals: Totals,
    distance: Distance,
}

impl PureAccountant {
    /// Nothing composed yet.
    #[must_use]
    pub fn new(relation: NeighboringRelation) -> Self {
        Self { relation, totals: Totals::default(), distance: Distance::default() }
    }

    fn exact_epsilon(&self, delta: f64) -> f64 {
        if delta >= 1.0 {
            return 0.0;
        }
        if self.totals.ln_success == 0.0 {
            return self.totals.epsilon(delta);
        }
        // 1 - delta = (1 - delta') prod (1 - delta_i)
        let left = -expm1(log1p(-delta) - self.totals.ln_success * self.totals.margin()) * (1.0 - 8.0 * EPS);
        if left >= 0.0 { self.totals.epsilon(left) } else { f64::INFINITY }
    }
}

impl Accountant for PureAccountant {
    fn relation(&self) -> NeighboringRelation {
        self.relation
    }

    fn compose(&mut self, event: &Event, count: u64) -> Result<(), PrivacyError> {
        event.validate()?;
        let totals = total(event, self.relation)?;
        self.totals.add(&totals, count);
        self.distance.add(event, count);
        Ok(())
    }

    fn epsilon(&self, delta: f64) -> Result<f64, PrivacyError> {
        probability("delta", delta)?;
        self.distance.epsilon(delta, |delta| Ok(self.exact_epsilon(delta)))
    }

    fn delta(&self, epsilon: f64) -> Result<f64, PrivacyError> {
        not_negative("epsilon", epsilon)?;
        let (fail, left) = (self.totals.fail(), self.totals.delta(epsilon));
        Ok(self.distance.delta(epsilon, (fail + left * (1.0 - fail) * (1.0 + 4.0 * EPS)).min(1.0)))
    }
}
