//! The Rényi divergences of an event as a function of the order.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    account::{
        event::{Event, NeighboringRelation},
        pure,
        rdp::{
            knots::Knots,
            laplace, sampled_gaussian,
            subsampled::{Moments, Table},
        },
        special::{EPS, log1p, real, sqrt},
    },
    error::PrivacyError,
};

/// An upper bound on `K(lambda) = lambda D_(1 + lambda)`: a closed part and a sum over mechanisms.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curve {
    /// `count / (2 sigma^2)` of Gaussian mechanisms.
    gaussian: f64,
    /// zCDP slope of what is not Gaussian.
    rho: f64,
    /// zCDP offset.
    xi: f64,
    /// Bound on the privacy loss.
    pure: f64,
    /// Logarithm of the probability that no (epsilon, delta) mechanism fails.
    ln_success: f64,
    terms: Vec<(Term, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    PureDp(f64),
    Laplace { scale: f64 },
    DiscreteLaplace { parameter: f64, sensitivity: u64 },
    DiscreteGaussian { sigma: f64, sensitivity: u64 },
    Tabulated(Knots),
    SampledGaussian { q: f64, sigma: f64 },
    Poisson { q: f64, event: Box<Curve>, table: Table, symmetric: bool },
    WithoutReplacement { q: f64, event: Box<Curve>, table: Table, moments: Option<Moments> },
}

impl Curve {
    /// The curve of one run of an event.
    pub(crate) fn new(event: &Event, relation: NeighboringRelation) -> Result<Self, PrivacyError> {
        Ok(match event {
            Event::NoOp => Self::default(),
            Event::NonPrivate => Self { xi: f64::INFINITY, pure: f64::INFINITY, ..Self::default() },
            Event::Gaussian { noise_multiplier } => Self::gaussian(0.5 / (noise_multiplier * noise_multiplier)),
            Event::DiscreteGaussian { sigma, sensitivity } => {
                Self::term(Term::DiscreteGaussian { sigma: *sigma, sensitivity: *sensitivity }, f64::INFINITY)
            }
            Event::Laplace { noise_multiplier } => Self::term(Term::Laplace { scale: *noise_multiplier }, 1.0 / noise_multiplier),
            Event::DiscreteLaplace { noise_parameter, sensitivity } => Self::term(
                Term::DiscreteLaplace { parameter: *noise_parameter, sensitivity: *sensitivity },
                noise_parameter * real(*sensitivity),
            ),
            Event::DistributedSkellam(event) => {
                Self::term(Term::Tabulated(Knots::new(|orders| event.rdp_curve(orders))), f64::INFINITY)
            }
            Event::DistributedDiscreteGaussian(event) => {
                Self::term(Term::Tabulated(Knots::new(|orders| event.rdp_curve(orders))), f64::INFINITY)
            }
            Event::DiscreteLaplaceShares(_) | Event::EpsilonDelta { .. } => Self::approximate(pure::cost(event, relation)?),
            Event::PoissonSampled { sampling_probability, event } => Self::poisson(*sampling_probability, event, relation)?,
            Event::SampledWithoutReplacement { source_dataset_size, sample_size, event } => {
                Self::without_replacement(real(*sample_size) / real(*source_dataset_size), event, relation)?
            }
            Event::SelfComposed { event, count } => {
                let mut curve = Self::default();
                curve.add(&Self::new(event, relation)?, *count);
                curve
            }
            Event::Composed(events) => events.iter().try_fold(Self::default(), |mut curve, event| {
                curve.add(&Self::new(event, relation)?, 1);
                Ok::<_, PrivacyError>(curve)
            })?,
            Event::SingleEpochTree { noise_multiplier, step_counts } => {
                Self::gaussian(tree(*noise_multiplier, step_counts, relation)?)
            }
            Event::WithinDistance { event, .. } => Self::new(event, relation)?,
            Event::ZCdp { rho, xi } => Self { rho: *rho, xi: *xi, pure: unbounded(rho + xi), ..Self::default() },
        })
    }

    /// A Gaussian mechanism with `1 / (2 sigma^2)`.
    fn gaussian(rho: f64) -> Self {
        // No standard deviation is large enough to hide everything.
        Self { gaussian: rho.max(f64::MIN_POSITIVE), pure: f64::INFINITY, ..Self::default() }
    }

    fn term(term: Term, pure: f64) -> Self {
        Self { terms: alloc::vec![(term, 1.0)], pure, ..Self::default() }
    }

    fn approximate(cost: pure::Cost) -> Self {
        Self { ln_success: log1p(-cost.delta), ..Self::term(Term::PureDp(cost.epsilon), cost.epsilon) }
    }

    /// Adds `count` independent runs.
    pub(crate) fn add(&mut self, other: &Self, count: u64) {
        if count == 0 {
            return;
        }
        let count = real(count);
        self.gaussian += count * other.gaussian;
        self.rho += count * other.rho;
        self.xi += count * other.xi;
        self.pure += count * other.pure;
        self.ln_success += count * other.ln_success;
        for (term, runs) in &other.terms {
            match self.terms.iter_mut().find(|(known, _)| known == term) {
                Some((_, known)) => *known += count * runs,
                None => self.terms.push((term.clone(), count * runs)),
            }
        }
    }

    fn poisson(q: f64, event: &Event, relation: NeighboringRelation) -> Result<Self, PrivacyError> {
        if relation != NeighboringRelation::AddOrRemoveOne {
            return Err(unsupported("PoissonSampled", "its theorems hold for AddOrRemoveOne"));
        }
        if let Event::EpsilonDelta { .. } = event {
            return Ok(Self::approximate(pure::cost(event, relation)?.sampled(q)));
        }
        let symmetric = is_symmetric(event);
        let event = Self::sampled("PoissonSampled", event, relation)?;
        if q == 0.0 {
            return Ok(Self::default());
        }
        if q == 1.0 || event == Self::default() {
            return Ok(event);
        }
        if let Some(sigma) = event.as_gaussian() {
            return Ok(Self::term(Term::SampledGaussian { q, sigma }, f64::INFINITY));
        }
        let (pure, table) = (pure::amplified(event.pure, q), Table::new(|lambda| event.cgf(lambda)));
        Ok(Self::term(Term::Poisson { q, event: Box::new(event), table, symmetric }, pure))
    }

    fn without_replacement(q: f64, event: &Event, relation: NeighboringRelation) -> Result<Self, PrivacyError> {
        if relation != NeighboringRelation::ReplaceOne {
            return Err(unsupported("SampledWithoutReplacement", "its theorems hold for ReplaceOne"));
        }
        if let Event::EpsilonDelta { .. } = event {
            return Ok(Self::approximate(pure::cost(event, relation)?.sampled(q)));
        }
        let event = Self::sampled("SampledWithoutReplacement", event, relation)?;
        if q == 0.0 {
            return Ok(Self::default());
        }
        if q == 1.0 || event == Self::default() {
            return Ok(event);
        }
        let moments = event.as_gaussian().map(Moments::new);
        let (pure, table) = (pure::amplified(event.pure, q), Table::new(|lambda| event.cgf(lambda)));
        Ok(Self::term(Term::WithoutReplacement { q, event: Box::new(event), table, moments }, pure))
    }

    /// The curve of an event that runs on a sample.
    fn sampled(name: &'static str, event: &Event, relation: NeighboringRelation) -> Result<Self, PrivacyError> {
        let curve = Self::new(event, relation)?;
        if curve.ln_success < 0.0 {
            return Err(unsupported(
                name,
                "of several EpsilonDelta events: sample each one by itself, or use the pure accountant",
            ));
        }
        Ok(curve)
    }

    /// The standard deviation, if this is a Gaussian mechanism and nothing else.
    fn as_gaussian(&self) -> Option<f64> {
        let only = self.terms.is_empty() && self.rho == 0.0 && self.xi == 0.0 && self.gaussian > 0.0;
        let sigma = sqrt(0.5 / self.gaussian) * (1.0 - EPS);
        (only && sigma > 0.0 && sigma.is_finite()).then_some(sigma)
    }

    /// Bound on the largest privacy loss; infinite if there is none.
    pub(crate) fn pure(&self) -> f64 {
        self.pure * (1.0 + 1e-15)
    }

    /// Logarithm of the probability that no (epsilon, delta) mechanism fails.
    pub(crate) fn ln_success(&self) -> f64 {
        self.ln_success
    }

    /// Whether all divergences are exact, and the curve convex for that reason.
    pub(crate) fn is_exact(&self) -> bool {
        let exact = |term: &Term| !matches!(term, Term::Poisson { .. } | Term::WithoutReplacement { .. } | Term::Tabulated(_));
        self.terms.iter().all(|(term, _)| exact(term))
    }

    /// Upper bound on `lambda D_(1 + lambda)`, for `lambda > 0`; infinite if there is none.
    pub(crate) fn cgf(&self, lambda: f64) -> f64 {
        let closed = lambda * ((lambda + 1.0) * (self.gaussian + self.rho) + self.xi);
        let sum = self.terms.iter().fold(closed, |sum, (term, count)| sum + count * term.cgf(lambda));
        let sum = sum.min(lambda * self.pure);
        if sum.is_nan() { f64::INFINITY } else { sum * (1.0 + EPS * (16.0 + real(self.terms.len() as u64))) }
    }
}

impl Term {
    fn cgf(&self, lambda: f64) -> f64 {
        match self {
            Self::PureDp(epsilon) => laplace::pure_dp(*epsilon, lambda),
            Self::Laplace { scale } => laplace::laplace(*scale, lambda),
            Self::DiscreteLaplace { parameter, sensitivity } => laplace::discrete_laplace(*parameter, *sensitivity, lambda),
            Self::DiscreteGaussian { sigma, sensitivity } => laplace::discrete_gaussian(*sigma, *sensitivity, lambda),
            Self::Tabulated(knots) => knots.cgf(lambda),
            Self::SampledGaussian { q, sigma } => sampled_gaussian::cgf(*q, *sigma, lambda),
            Self::Poisson { q, event, table, symmetric } => {
                let amplified = laplace::pure_dp(pure::amplified(event.pure, *q), lambda);
                table.poisson(*q, lambda, *symmetric).min(amplified).min(event.cgf(lambda))
            }
            Self::WithoutReplacement { q, event, table, moments } => {
                let amplified = laplace::pure_dp(pure::amplified(event.pure, *q), lambda);
                table.without_replacement(*q, lambda, event.pure, moments.as_ref()).min(amplified).min(event.cgf(lambda))
            }
        }
    }
}

/// Whether the event is one addition of noise with a symmetric law.
fn is_symmetric(event: &Event) -> bool {
    match event {
        Event::Laplace { .. }
        | Event::DiscreteLaplace { .. }
        | Event::DiscreteGaussian { .. }
        | Event::DistributedSkellam(_)
        | Event::DistributedDiscreteGaussian(_) => true,
        Event::WithinDistance { event, .. } => is_symmetric(event),
        _ => false,
    }
}

/// `depth / (2 sigma^2)`: a party's step touches one node on each level of the largest tree.
pub(crate) fn tree(noise_multiplier: f64, step_counts: &[u64], relation: NeighboringRelation) -> Result<f64, PrivacyError> {
    if relation != NeighboringRelation::ReplaceSpecial {
        return Err(unsupported("SingleEpochTree", "its theorem holds for ReplaceSpecial"));
    }
    let most = step_counts.iter().copied().max().unwrap_or(0);
    // ceil(log2(most + 1)) is the number of binary digits.
    Ok(f64::from(u64::BITS - most.leading_zeros()) * 0.5 / (noise_multiplier * noise_multiplier))
}

/// No bound on the loss, unless there is none at all.
fn unbounded(cost: f64) -> f64 {
    if cost > 0.0 { f64::INFINITY } else { 0.0 }
}

fn unsupported(event: &'static str, reason: &'static str) -> PrivacyError {
    PrivacyError::Unsupported { accountant: "RDP", event, reason }
}
