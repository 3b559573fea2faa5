//! Events as pairs of laws.

use alloc::vec::Vec;

use libm::{exp, log};

use super::{
    compose::float,
    law::{Atom, Law},
    normal::UNIT,
    pair::Pair,
    plan::Source,
    profile::dominating,
};
use crate::{
    account::{
        accountant::Accountant,
        distance::Distance,
        event::{Event, NeighboringRelation},
        pure::amplified,
        rdp::RdpAccountant,
    },
    error::PrivacyError,
};

/// Discrete laws with more outcomes than this are refused.
const MOST_OUTCOMES: f64 = 33_554_432.0;

/// What has been composed.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    relation: NeighboringRelation,
    /// Gaussians without sampling compose to one: the sum of the squares of sensitivity over standard deviation.
    pub(super) mu_squared: f64,
    pub(super) others: Vec<Source>,
    /// Something was released without protection.
    pub(super) non_private: bool,
    /// What has Rényi divergences only.
    pub(super) rest: RdpAccountant,
    pub(super) has_rest: bool,
    /// Everything, as long as all of it has Rényi divergences.
    pub(super) renyi: Option<RdpAccountant>,
    pub(super) distance: Distance,
}

/// The output laws of any mechanism with finitely many outcomes, on the two databases of a neighbouring pair.
///
/// [`Self::new`] takes the probabilities with (`p`) and without (`q`) one party. It must be a pair that dominates all others.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscretePair(Law);

impl DiscretePair {
    /// Probabilities of the same outcomes. They may sum to less than 1: what is missing counts as infinite loss.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless both are of the same length, not negative, and sum to at most 1.
    pub fn new(p: &[f64], q: &[f64]) -> Result<Self, PrivacyError> {
        let error = |expected, got| Err(PrivacyError::Parameter { knob: "probabilities", expected, got });
        if p.len() != q.len() || p.is_empty() {
            return error("two lists of the same positive length", float(q.len() as u64));
        }
        if let Some(&bad) = p.iter().chain(q).find(|mass| mass.is_nan() || **mass < 0.0) {
            return error("not negative", bad);
        }
        let (sum_p, sum_q) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
        if sum_p.max(sum_q) > 1.0 + 1e-12 {
            return error("of sum at most 1", sum_p.max(sum_q));
        }
        let atom = |(&a, &b): (&f64, &f64)| (a > 0.0 || b > 0.0).then(|| Atom { a, b, ratio: log(a) - log(b) });
        let mut atoms: Vec<Atom> = p.iter().zip(q).filter_map(atom).collect();
        atoms.sort_by(|x, y| x.ratio.total_cmp(&y.ratio));
        // Less than round-off is no mass.
        let missing = |sum: f64| if sum < 1.0 - 1e-12 { 1.0 - sum } else { 0.0 };
        Ok(Self(Law::Table { atoms, missing_a: missing(sum_p), missing_b: missing(sum_q) }))
    }
}

impl Sources {
    pub(super) fn new(relation: NeighboringRelation) -> Self {
        let renyi = RdpAccountant::new(relation);
        Self {
            relation,
            mu_squared: 0.0,
            others: Vec::new(),
            non_private: false,
            rest: renyi.clone(),
            has_rest: false,
            renyi: Some(renyi),
            distance: Distance::default(),
        }
    }

    pub(super) fn add(&mut self, event: &Event, count: u64) -> Result<(), PrivacyError> {
        event.validate()?;
        let before = self.clone();
        let added = self.add_one_by_one(event, count);
        if added.is_err() {
            *self = before;
            return added;
        }
        self.distance.add(event, count);
        self.renyi = self.renyi.take().and_then(|mut renyi| renyi.compose(event, count).is_ok().then_some(renyi));
        Ok(())
    }

    pub(super) fn only_gaussian(&self) -> bool {
        self.others.is_empty() && !self.has_rest
    }

    pub(super) fn add_discrete(&mut self, pair: &DiscretePair, sampling: f64, count: u64) {
        self.renyi = None;
        self.push(Pair { law: pair.0.clone(), sampling, fixed_size: false }, count);
    }

    /// All sources: the Gaussian, and the rest with a profile that is known to where `tail` is left.
    pub(super) fn all(&self, tail: f64) -> Result<Vec<Source>, PrivacyError> {
        let mut all = self.others.clone();
        let unsampled = |law| Pair { law, sampling: 1.0, fixed_size: false };
        if self.mu_squared > 0.0 {
            let law = Law::Gaussian { mu: libm::sqrt(self.mu_squared) };
            all.push(Source { pair: unsampled(law), count: 1, only_upper: false });
        }
        if self.has_rest {
            let largest = self.rest.exact_epsilon(tail)?.value;
            // An error counts as no privacy; there is none for a finite epsilon.
            let delta = |epsilon: f64| self.rest.exact_delta(epsilon).map_or(1.0, |bound| bound.value);
            let law = if largest.is_finite() { dominating(delta, largest) } else { dominating(|_| 1.0, 0.0) };
            all.push(Source { pair: unsampled(law), count: 1, only_upper: true });
        }
        Ok(all)
    }

    /// The events of a composition with a pair each, or among the rest.
    fn add_one_by_one(&mut self, event: &Event, count: u64) -> Result<(), PrivacyError> {
        if count == 0 {
            return Ok(());
        }
        match event {
            Event::WithinDistance { event, .. } => return self.add_one_by_one(event, count),
            Event::SelfComposed { event, count: inner } => return self.add_one_by_one(event, count.saturating_mul(*inner)),
            Event::Composed(events) => return events.iter().try_for_each(|event| self.add_one_by_one(event, count)),
            _ => {}
        }
        let Err(error) = self.add_sampled(event, 1.0, count) else { return Ok(()) };
        // Without a pair of laws: its Rényi divergences. What these are not known for either has the reason for which there is no pair.
        self.rest.compose(event, count).map_err(|_| error)?;
        self.has_rest = true;
        Ok(())
    }

    /// An event with a pair, on a Poisson sample with this probability.
    fn add_sampled(&mut self, event: &Event, sampling: f64, count: u64) -> Result<(), PrivacyError> {
        if sampling <= 0.0 {
            return Ok(());
        }
        if sampling < 1.0 && self.relation == NeighboringRelation::ReplaceOne {
            return unsupported(event, "Poisson sampling is covered for adding or removing a party, or replacing it by nothing");
        }
        match event {
            Event::NoOp => {}
            Event::NonPrivate => self.non_private = true,
            Event::WithinDistance { event, .. } => return self.add_sampled(event, sampling, count),
            Event::PoissonSampled { sampling_probability, event: inner } => {
                return self.add_sampled(inner, sampling * sampling_probability, count);
            }
            Event::SampledWithoutReplacement { source_dataset_size, sample_size, event: inner } if sampling >= 1.0 => {
                return self.add_fixed_size(event, inner, float(*sample_size) / float(*source_dataset_size), count);
            }
            Event::SingleEpochTree { .. } if self.relation != NeighboringRelation::ReplaceSpecial => {
                return unsupported(event, "its sensitivity is known for a party replaced by nothing");
            }
            _ => match law(event)? {
                Law::Gaussian { mu } if sampling >= 1.0 => self.mu_squared += mu * mu * float(count),
                law => self.push(Pair { law, sampling, fixed_size: false }, count),
            },
        }
        Ok(())
    }

    /// The event on a sample of fixed size, of which this is the part.
    fn add_fixed_size(&mut self, sampled: &Event, event: &Event, part: f64, count: u64) -> Result<(), PrivacyError> {
        if self.relation != NeighboringRelation::ReplaceOne {
            return unsupported(sampled, "sampling of fixed size is covered for a party replaced by another");
        }
        if part <= 0.0 || part >= 1.0 {
            return if part <= 0.0 { Ok(()) } else { self.add_sampled(event, 1.0, count) };
        }
        let pair = match event {
            Event::NoOp => return Ok(()),
            Event::WithinDistance { event, .. } => return self.add_fixed_size(sampled, event, part, count),
            Event::EpsilonDelta { epsilon, delta } => {
                let law = randomized_response(amplified(*epsilon, part), part * delta * (1.0 + UNIT));
                Pair { law, sampling: 1.0, fixed_size: false }
            }
            Event::NonPrivate => Pair { law: randomized_response(0.0, part), sampling: 1.0, fixed_size: false },
            Event::SingleEpochTree { .. } => return unsupported(sampled, "of a tree it is not known"),
            event => Pair { law: law(event)?, sampling: part, fixed_size: true },
        };
        self.push(pair, count);
        Ok(())
    }

    fn push(&mut self, pair: Pair, count: u64) {
        match self.others.iter_mut().find(|source| source.pair == pair) {
            Some(source) => source.count = source.count.saturating_add(count),
            None => self.others.push(Source { pair, count, only_upper: false }),
        }
    }
}

/// The laws of one release without sampling.
fn law(event: &Event) -> Result<Law, PrivacyError> {
    if let Some(mu_squared) = gaussian_mu_squared(event) {
        return Ok(Law::Gaussian { mu: libm::sqrt(mu_squared) });
    }
    let law = match event {
        Event::Laplace { noise_multiplier } => Law::Laplace { rate: 1.0 / noise_multiplier },
        Event::DiscreteGaussian { sigma, sensitivity } => Law::discrete_gaussian(*sigma, float(*sensitivity)),
        Event::DiscreteLaplace { noise_parameter, sensitivity } => {
            Law::DiscreteLaplace { rate: *noise_parameter, shift: float(*sensitivity) }
        }
        Event::EpsilonDelta { epsilon, delta } => randomized_response(*epsilon, *delta),
        Event::DiscreteLaplaceShares(shares) => randomized_response(shares.epsilon(), 0.0),
        Event::SelfComposed { .. } | Event::Composed(_) => {
            return unsupported(event, "on one sample only Gaussians can be composed");
        }
        _ => return unsupported(event, "it has no privacy loss distribution"),
    };
    if law.outcomes(1e-20) > MOST_OUTCOMES {
        return unsupported(event, "its law has more than 2^25 outcomes");
    }
    Ok(law)
}

/// Of one Gaussian that is as easy to distinguish.
fn gaussian_mu_squared(event: &Event) -> Option<f64> {
    match event {
        Event::Gaussian { noise_multiplier } => Some(1.0 / (noise_multiplier * noise_multiplier)),
        Event::WithinDistance { event, .. } => gaussian_mu_squared(event),
        Event::SelfComposed { event, count } => Some(gaussian_mu_squared(event)? * float(*count)),
        Event::Composed(events) => events.iter().map(gaussian_mu_squared).sum(),
        Event::SingleEpochTree { noise_multiplier, step_counts } => {
            // A step is part of one node on each level: ceil(log2(steps + 1)) of them.
            let steps = step_counts.iter().copied().max()?;
            let levels = u64::BITS - steps.leading_zeros();
            Some(f64::from(levels) / (noise_multiplier * noise_multiplier))
        }
        _ => None,
    }
}

/// Dominates everything that is `(epsilon, delta)`-differentially private (Kairouz, Oh and Viswanath, 2015).
fn randomized_response(epsilon: f64, delta: f64) -> Law {
    let (more, less) = ((1.0 - delta) / (1.0 + exp(-epsilon)), (1.0 - delta) * exp(-epsilon) / (1.0 + exp(-epsilon)));
    let atoms = [
        Atom { a: 0.0, b: delta, ratio: f64::NEG_INFINITY },
        Atom { a: less, b: more, ratio: -epsilon },
        Atom { a: more, b: less, ratio: epsilon },
        Atom { a: delta, b: 0.0, ratio: f64::INFINITY },
    ];
    let atoms = atoms.into_iter().filter(|atom| atom.a > 0.0 || atom.b > 0.0).collect();
    Law::Table { atoms, missing_a: 0.0, missing_b: 0.0 }
}

fn unsupported<T>(event: &Event, reason: &'static str) -> Result<T, PrivacyError> {
    Err(PrivacyError::Unsupported { accountant: "PLD", event: event.name(), reason })
}
