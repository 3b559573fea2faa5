//! Zero-concentrated differential privacy: a line above the Rényi curve.
//!
//! A mechanism is `(xi, rho)`-zCDP if its Rényi divergence of every order `alpha > 1` is at most `xi + rho alpha`. Both add up (Bun and Steinke, 2016,
//! Lemma 2.3). The Gaussian mechanism and the discrete Gaussian have `rho = sensitivity^2 / (2 sigma^2)` (Canonne, Kamath and Steinke, 2020,
//! Theorem 4), a pure epsilon has `rho = epsilon^2 / 2` (Bun and Steinke, 2016, Proposition 1.4). There is no amplification by
//! sampling: the bound without sampling is used, which sampling never exceeds, since the Rényi divergence is quasi-convex.

use crate::{
    account::{
        accountant::Accountant,
        convert::{self, Shape},
        distance::Distance,
        event::{Event, NeighboringRelation},
        pure,
        rdp::tree,
        special::{EPS, real},
    },
    error::PrivacyError,
};

/// Adds up `rho` and `xi`: exact for Gaussian mechanisms without sampling, and the only state is two numbers.
#[derive(Clone, Debug)]
pub struct ZCdpAccountant {
    relation: NeighboringRelation,
    line: Line,
    distance: Distance,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    rho: f64,
    xi: f64,
}

impl ZCdpAccountant {
    /// Nothing composed yet.
    #[must_use]
    pub fn new(relation: NeighboringRelation) -> Self {
        Self { relation, line: Line::default(), distance: Distance::default() }
    }

    /// The slope so far.
    #[must_use]
    pub fn rho(&self) -> f64 {
        self.line.rho
    }

    /// The offset so far.
    #[must_use]
    pub fn xi(&self) -> f64 {
        self.line.xi
    }

    fn cgf(&self, lambda: f64) -> f64 {
        lambda * ((lambda + 1.0) * self.line.rho + self.line.xi) * (1.0 + 8.0 * EPS)
    }
}

impl Line {
    fn slope(rho: f64) -> Self {
        // Not even an underflow may claim perfect privacy.
        Self { rho: rho.max(f64::MIN_POSITIVE), xi: 0.0 }
    }

    fn new(event: &Event, relation: NeighboringRelation) -> Result<Self, PrivacyError> {
        Ok(match event {
            Event::NoOp => Self::default(),
            Event::NonPrivate => Self { rho: 0.0, xi: f64::INFINITY },
            Event::Gaussian { noise_multiplier } => Self::slope(0.5 / (noise_multiplier * noise_multiplier)),
            Event::DiscreteGaussian { sigma, sensitivity } => Self::slope(0.5 * square(real(*sensitivity) / sigma)),
            Event::DistributedSkellam(event) => Self::slope(event.zcdp()),
            Event::DistributedDiscreteGaussian(event) => Self::slope(event.zcdp()),
            Event::Laplace { .. } | Event::DiscreteLaplace { .. } | Event::DiscreteLaplaceShares(_) => {
                Self::slope(0.5 * square(pure::cost(event, relation)?.epsilon))
            }
            Event::EpsilonDelta { epsilon, delta } if *delta == 0.0 => Self::slope(0.5 * square(*epsilon)),
            Event::PoissonSampled { event, .. } => Self::sampled(event, relation, NeighboringRelation::AddOrRemoveOne)?,
            Event::SampledWithoutReplacement { event, .. } => Self::sampled(event, relation, NeighboringRelation::ReplaceOne)?,
            Event::SelfComposed { event, count } => Self::default().plus(Self::new(event, relation)?, *count),
            Event::Composed(events) => events
                .iter()
                .try_fold(Self::default(), |line, event| Ok::<_, PrivacyError>(line.plus(Self::new(event, relation)?, 1)))?,
            Event::SingleEpochTree { noise_multiplier, step_counts } => {
                Self::slope(tree(*noise_multiplier, step_counts, relation)?)
            }
            Event::WithinDistance { event, .. } => Self::new(event, relation)?,
            Event::ZCdp { rho, xi } => Self { rho: *rho, xi: *xi },
            other @ Event::EpsilonDelta { .. } => {
                return Err(unsupported(other.name(), "with a delta; use the pure, RDP or PLD accountant"));
            }
        })
    }

    /// What runs on a sample costs at most what it costs on all.
    fn sampled(event: &Event, relation: NeighboringRelation, needed: NeighboringRelation) -> Result<Self, PrivacyError> {
        if relation == needed {
            return Self::new(event, relation);
        }
        Err(unsupported("a sampled event", "Poisson sampling needs AddOrRemoveOne, sampling of fixed size ReplaceOne"))
    }

    fn plus(self, other: Self, count: u64) -> Self {
        if count == 0 {
            return self;
        }
        let runs = real(count);
        Self { rho: (self.rho + runs * other.rho) * (1.0 + EPS), xi: (self.xi + runs * other.xi) * (1.0 + EPS) }
    }
}

fn square(x: f64) -> f64 {
    x * x * (1.0 + 2.0 * EPS)
}

fn unsupported(event: &'static str, reason: &'static str) -> PrivacyError {
    PrivacyError::Unsupported { accountant: "zCDP", event, reason }
}

impl Accountant for ZCdpAccountant {
    fn relation(&self) -> NeighboringRelation {
        self.relation
    }

    fn compose(&mut self, event: &Event, count: u64) -> Result<(), PrivacyError> {
        event.validate()?;
        self.line = self.line.plus(Line::new(event, self.relation)?, count);
        self.distance.add(event, count);
        Ok(())
    }

    fn epsilon(&self, delta: f64) -> Result<f64, PrivacyError> {
        let exact = |delta: f64| Ok(convert::epsilon(|lambda| self.cgf(lambda), Shape::Convex, delta)?.value);
        self.distance.epsilon(delta, exact)
    }

    fn delta(&self, epsilon: f64) -> Result<f64, PrivacyError> {
        let exact = convert::delta(|lambda| self.cgf(lambda), Shape::Convex, epsilon)?.value;
        Ok(self.distance.delta(epsilon, exact))
    }
}
