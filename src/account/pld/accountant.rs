//! The accountant: from events to brackets of epsilon and delta.

use alloc::vec::Vec;

use super::{
    compose::float,
    events::{DiscretePair, Sources},
    law::Direction,
    normal::{gaussian_epsilon, gaussian_ln_delta},
    plan::{Outline, Plan, Source, Target},
    search::{Search, too_fine},
};
use crate::{
    account::{
        accountant::Accountant,
        distance::Distance,
        event::{Event, NeighboringRelation, positive, require},
    },
    error::PrivacyError,
};
use libm::exp;

/// What the picture of the losses from which a query is planned may leave out.
const OUTLINE_TAILS: [f64; 2] = [1e-60, 1e-300];
/// How much less than delta may be left where a profile ends.
const PROFILE_TAIL: f64 = 1e-6;
/// Halvings of the step to bring the two bounds together.
const REFINEMENTS: u32 = 5;

/// Bounds on a privacy parameter: the truth lies between `low` and `up`.
///
/// The truth is that of the dominating pairs of laws. A pair of databases reaches it, except after many releases on samples of fixed size, where
/// it may cost less, and where only Rényi divergences are known: these count nothing from below.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bracket {
    /// Certainly at most the truth.
    pub low: f64,
    /// The best guess: an extrapolation. Not a bound.
    pub estimate: f64,
    /// Certainly at least the truth: the one to report.
    pub up: f64,
}

/// Accounts with privacy loss distributions: the tightest known composition, for mechanisms whose dominating pair of laws is known. Events of
/// which only Rényi divergences are known (zCDP, vectors of distributed noise) are added up by their divergences and composed with the others.
///
/// Of Gaussians without sampling the result is exact. Of all others it depends on a grid, which is chosen for each query so that the
/// answer is right up to [`Self::with_accuracy`], as long as [`Self::with_memory_limit`] allows it. Beyond, the grid becomes coarser
/// and the bounds wider, and still hold.
///
/// # Examples
/// ```
/// # use veilsum::account::{Accountant, event::{Event, NeighboringRelation}, pld::PldAccountant};
/// let mut accountant = PldAccountant::new(NeighboringRelation::AddOrRemoveOne);
/// accountant.compose(&Event::gaussian(1.0)?.poisson_sampled(0.01)?, 10_000)?;
/// let epsilon = accountant.epsilon_bracket(1e-5)?;
/// assert!(epsilon.low <= 6.1878 && 6.1876 <= epsilon.up && epsilon.up - epsilon.low < 0.003);
/// # Ok::<_, veilsum::PrivacyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PldAccountant {
    relation: NeighboringRelation,
    sources: Sources,
    accuracy: f64,
    memory: usize,
    interval: Option<f64>,
}

impl PldAccountant {
    /// Nothing composed yet, accuracy `1e-4`, memory 128 MiB.
    #[must_use]
    pub fn new(relation: NeighboringRelation) -> Self {
        Self { relation, sources: Sources::new(relation), accuracy: 1e-4, memory: 128 << 20, interval: None }
    }

    /// The relative error of epsilon that the grid is chosen for.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless positive and at most 1.
    pub fn with_accuracy(self, accuracy: f64) -> Result<Self, PrivacyError> {
        require(accuracy > 0.0 && accuracy <= 1.0, "accuracy", "positive and at most 1", accuracy)?;
        Ok(Self { accuracy, ..self })
    }

    /// Bytes that a query may allocate.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] below 1 MiB.
    pub fn with_memory_limit(self, bytes: usize) -> Result<Self, PrivacyError> {
        require(bytes >= 1 << 20, "memory_limit", "at least 1 MiB", float(bytes as u64))?;
        Ok(Self { memory: bytes, ..self })
    }

    /// Rounds losses to multiples of this, instead of choosing a grid for each query. A query that would need more memory than allowed is
    /// then an error.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless positive and finite.
    pub fn with_value_discretization_interval(self, interval: f64) -> Result<Self, PrivacyError> {
        positive("value_discretization_interval", interval)?;
        Ok(Self { interval: Some(interval), ..self })
    }

    /// Adds `count` runs of any mechanism with finitely many outcomes, on a Poisson sample with this probability.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless `0 <= sampling_probability <= 1`; [`PrivacyError::Unsupported`] if it is below 1 and a party may
    /// be replaced by another.
    pub fn compose_discrete(&mut self, pair: &DiscretePair, sampling_probability: f64, count: u64) -> Result<(), PrivacyError> {
        let sampling = sampling_probability;
        require((0.0..=1.0).contains(&sampling), "sampling_probability", "between 0 and 1", sampling)?;
        if sampling < 1.0 && self.relation == NeighboringRelation::ReplaceOne {
            let reason = "sampling is covered for adding or removing a party, or replacing it by nothing";
            return Err(PrivacyError::Unsupported { accountant: "PLD", event: "DiscretePair", reason });
        }
        if sampling > 0.0 && count > 0 {
            self.sources.add_discrete(pair, sampling, count);
        }
        Ok(())
    }

    /// Bounds the least epsilon at this delta.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless `0 <= delta <= 1`, if delta is too small for the number range, or if the interval is too small
    /// for the memory limit.
    pub fn epsilon_bracket(&self, delta: f64) -> Result<Bracket, PrivacyError> {
        self.epsilon_between(delta, true)
    }

    /// Bounds the least delta at this epsilon.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless `epsilon` is finite and not negative, or if the interval is too small for the memory limit.
    pub fn delta_bracket(&self, epsilon: f64) -> Result<Bracket, PrivacyError> {
        self.delta_between(epsilon, true)
    }

    /// With the distance of what is released from the mechanisms on the safe side.
    fn epsilon_between(&self, delta: f64, both: bool) -> Result<Bracket, PrivacyError> {
        let distance = self.sources.distance;
        if distance == Distance::default() {
            return self.exact_epsilon(delta, both);
        }
        let up = distance.epsilon(delta, |delta| Ok(self.exact_epsilon(delta, false)?.up))?;
        let most = (delta + distance.added(up)).min(1.0);
        let low = if both { self.exact_epsilon(most, true)?.low.min(up) } else { 0.0 };
        Ok(Bracket { low, estimate: up, up })
    }

    /// With the distance of what is released from the mechanisms on the safe side.
    fn delta_between(&self, epsilon: f64, both: bool) -> Result<Bracket, PrivacyError> {
        let (exact, distance) = (self.exact_delta(epsilon, both)?, self.sources.distance);
        let (low, up) = ((exact.low - distance.added(epsilon)).max(0.0), distance.delta(epsilon, exact.up));
        Ok(Bracket { low, estimate: exact.estimate.max(low).min(up), up })
    }

    fn exact_epsilon(&self, delta: f64, both: bool) -> Result<Bracket, PrivacyError> {
        require((0.0..=1.0).contains(&delta), "delta", "between 0 and 1", delta)?;
        if self.sources.non_private {
            let epsilon = if delta < 1.0 { f64::INFINITY } else { 0.0 };
            return Ok(Bracket::exact(epsilon));
        }
        if self.sources.only_gaussian() && (self.sources.mu_squared <= 0.0 || delta >= 1.0) {
            return Ok(Bracket::exact(0.0));
        }
        if self.sources.only_gaussian() {
            if delta <= 0.0 {
                return Ok(Bracket::exact(f64::INFINITY));
            }
            let (low, up) = gaussian_epsilon(libm::sqrt(self.sources.mu_squared), delta);
            return Ok(Bracket { low, estimate: low + (up - low) / 2.0, up });
        }
        self.query(Target::Epsilon { delta }, both)
    }

    fn exact_delta(&self, epsilon: f64, both: bool) -> Result<Bracket, PrivacyError> {
        require(epsilon >= 0.0 && epsilon.is_finite(), "epsilon", "finite and not negative", epsilon)?;
        if self.sources.non_private {
            return Ok(Bracket::exact(1.0));
        }
        if self.sources.only_gaussian() {
            if self.sources.mu_squared <= 0.0 {
                return Ok(Bracket::exact(0.0));
            }
            let (low, up) = gaussian_ln_delta(libm::sqrt(self.sources.mu_squared), epsilon);
            let (low, up) = (exp(low), exp(up).max(f64::MIN_POSITIVE) * (1.0 + 1e-12));
            return Ok(Bracket { low: low * (1.0 - 1e-12), estimate: low + (up - low) / 2.0, up: up.min(1.0) });
        }
        self.query(Target::Delta { epsilon }, both)
    }

    /// The bound from the discretised losses; from the Rényi divergences where that is less, as it may be if some are all that is known.
    fn query(&self, target: Target, both: bool) -> Result<Bracket, PrivacyError> {
        if !self.sources.has_rest {
            return self.discretised(&self.sources.all(0.0)?, target, both);
        }
        let renyi = match (&self.sources.renyi, target) {
            (Some(renyi), Target::Epsilon { delta }) => renyi.exact_epsilon(delta)?.value,
            (Some(renyi), Target::Delta { epsilon }) => renyi.exact_delta(epsilon)?.value,
            (None, _) => f64::INFINITY,
        };
        let delta = if let Target::Epsilon { delta } = target { delta } else { renyi.min(1e-3) };
        let sources = self.sources.all((PROFILE_TAIL * delta).max(1e-300))?;
        let mut bracket = Bracket { low: 0.0, estimate: renyi, up: renyi };
        if sources.len() > 1 {
            bracket = self.discretised(&sources, target, both)?;
        }
        let up = bracket.up.min(renyi);
        Ok(Bracket { low: bracket.low.min(up), estimate: bracket.estimate.min(up), up })
    }

    /// The worse one of the two directions.
    fn discretised(&self, sources: &[Source], target: Target, both: bool) -> Result<Bracket, PrivacyError> {
        let symmetric = sources.iter().all(|source| source.pair.is_symmetric());
        let directions = if symmetric { &[Direction::Remove][..] } else { &[Direction::Remove, Direction::Add] };
        let mut answers: Vec<(Search<'_>, Bracket)> = Vec::new();
        for &direction in directions {
            let known = worst(&answers);
            let search = self.search(sources, direction, target)?;
            let answer = search.answer(both, known)?;
            answers.push((search, answer));
        }
        for _ in 0..REFINEMENTS {
            let bracket = worst(&answers);
            let wide = bracket.up - bracket.low > 4.0 * self.accuracy * bracket.up;
            if !both || !wide || self.interval.is_some() {
                break;
            }
            let decisive = answers.iter_mut().max_by(|x, y| x.1.up.total_cmp(&y.1.up));
            let Some((search, bracket)) = decisive else { break };
            if !search.refine() {
                break;
            }
            *bracket = bracket.and(search.answer(both, Bracket::exact(0.0))?);
        }
        Ok(worst(&answers))
    }

    fn search<'a>(&self, sources: &'a [Source], direction: Direction, target: Target) -> Result<Search<'a>, PrivacyError> {
        let pure: f64 = sources.iter().map(|source| source.pair.pure_epsilon(direction) * float(source.count)).sum();
        let [tail, extreme] = OUTLINE_TAILS;
        let mut plan = Outline::new(sources, direction, tail).plan(target, self.accuracy, self.memory);
        if plan.tail < tail {
            plan = Outline::new(sources, direction, extreme).plan(target, self.accuracy, self.memory);
        }
        let (step, may_grow) = (self.step(&plan)?, self.interval.is_none());
        let points = self.memory / (4 * size_of::<(i64, f64)>());
        Ok(Search { sources, direction, target, plan, pure: pure * (1.0 + 1e-12), step, may_grow, points })
    }

    fn step(&self, plan: &Plan) -> Result<f64, PrivacyError> {
        match self.interval {
            Some(interval) if interval < plan.least_step => Err(too_fine(interval)),
            Some(interval) => Ok(interval),
            None => Ok(plan.step.max(plan.least_step)),
        }
    }
}

/// The worse one for privacy.
fn worst(answers: &[(Search<'_>, Bracket)]) -> Bracket {
    answers.iter().map(|(_, bracket)| *bracket).reduce(Bracket::worse).unwrap_or(Bracket::exact(0.0))
}

impl Accountant for PldAccountant {
    fn relation(&self) -> NeighboringRelation {
        self.relation
    }

    fn compose(&mut self, event: &Event, count: u64) -> Result<(), PrivacyError> {
        self.sources.add(event, count)
    }

    fn epsilon(&self, delta: f64) -> Result<f64, PrivacyError> {
        self.epsilon_between(delta, false).map(|bracket| bracket.up)
    }

    fn delta(&self, epsilon: f64) -> Result<f64, PrivacyError> {
        self.delta_between(epsilon, false).map(|bracket| bracket.up)
    }
}

impl Bracket {
    fn exact(value: f64) -> Self {
        Self { low: value, estimate: value, up: value }
    }

    fn worse(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), estimate: self.estimate.max(other.estimate), up: self.up.max(other.up) }
    }

    /// Both hold.
    fn and(self, other: Self) -> Self {
        let (low, up) = (self.low.max(other.low), self.up.min(other.up));
        Self { low, estimate: other.estimate.max(low).min(up), up }
    }
}
