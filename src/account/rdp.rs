//! The Rényi accountant: exact divergences, best order, tight conversion.
//!
//! Divergences of independent mechanisms add up, also when later ones depend on earlier results (Mironov, 2017, Proposition 1). Formulas
//! and error bounds are with each mechanism, the conversion is in [`convert`].

mod curve;
mod knots;
mod laplace;
mod sampled_gaussian;
mod series;
mod subsampled;

use alloc::vec::Vec;

pub(crate) use curve::{Curve, tree};

use crate::{
    account::{
        accountant::Accountant,
        convert::{self, Bound, Shape},
        distance::Distance,
        event::{Event, NeighboringRelation, not_negative, probability, require},
        special::{EPS, expm1, log1p},
    },
    error::PrivacyError,
};

/// Adds up Rényi divergences.
///
/// ```
/// use veilsum::account::{Accountant, Event, NeighboringRelation, RdpAccountant};
///
/// let mut accountant = RdpAccountant::new(NeighboringRelation::AddOrRemoveOne);
/// accountant.compose(&Event::gaussian(1.0)?.poisson_sampled(0.01)?, 10_000)?;
/// assert!((accountant.epsilon(1e-5)? - 6.7127).abs() < 1e-3);
/// # Ok::<(), veilsum::PrivacyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RdpAccountant {
    relation: NeighboringRelation,
    /// `None`: all orders.
    orders: Option<Vec<f64>>,
    total: Curve,
    /// What was composed last: most often it comes again.
    last: (Event, Curve),
    distance: Distance,
}

impl RdpAccountant {
    /// Nothing composed yet; every result uses the best of all orders above 1.
    #[must_use]
    pub fn new(relation: NeighboringRelation) -> Self {
        let last = (Event::NoOp, Curve::default());
        Self { relation, orders: None, total: Curve::default(), last, distance: Distance::default() }
    }

    /// As [`Self::new`], with these orders only: to reproduce what others have published.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless there are orders and all are above 1 and finite.
    pub fn with_orders(relation: NeighboringRelation, orders: &[f64]) -> Result<Self, PrivacyError> {
        require(!orders.is_empty(), "orders", "at least one", 0.0)?;
        orders.iter().try_for_each(|&order| require(order > 1.0 && order.is_finite(), "orders", "above 1 and finite", order))?;
        Ok(Self { orders: Some(orders.to_vec()), ..Self::new(relation) })
    }

    /// Upper bound on the Rényi divergence of an order; infinite if there is none. Of [`Event::WithinDistance`] it is that of the event without
    /// failure.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless the order is above 1 and finite.
    pub fn rdp(&self, order: f64) -> Result<f64, PrivacyError> {
        require(order > 1.0 && order.is_finite(), "order", "above 1 and finite", order)?;
        let lambda = order - 1.0;
        Ok(self.cgf(lambda) / lambda)
    }

    /// [`Accountant::epsilon`] and its order.
    ///
    /// # Errors
    /// As [`Accountant::epsilon`].
    pub fn epsilon_and_order(&self, delta: f64) -> Result<Bound, PrivacyError> {
        if self.distance == Distance::default() {
            return self.exact_epsilon(delta);
        }
        let epsilon = self.distance.epsilon(delta, |delta| Ok(self.exact_epsilon(delta)?.value))?;
        let left = self.distance.left(epsilon, delta).max(0.0);
        Ok(Bound { value: epsilon, ..self.exact_epsilon(if epsilon.is_finite() { left } else { delta })? })
    }

    /// Of the mechanisms without the distance of what is released from them.
    pub(crate) fn exact_epsilon(&self, delta: f64) -> Result<Bound, PrivacyError> {
        probability("delta", delta)?;
        let pure = Bound { value: self.total.pure(), order: f64::INFINITY };
        let Some(delta) = self.left(delta) else { return Ok(Bound { value: f64::INFINITY, ..pure }) };
        let best = match &self.orders {
            None => convert::epsilon(|lambda| self.cgf(lambda), self.shape(), delta)?,
            Some(orders) => self.best(orders, |lambda, cgf| convert::epsilon_at_order(lambda, cgf, delta)),
        };
        Ok(if pure.value < best.value { pure } else { best })
    }

    /// [`Accountant::delta`] and its order.
    ///
    /// # Errors
    /// As [`Accountant::delta`].
    pub fn delta_and_order(&self, epsilon: f64) -> Result<Bound, PrivacyError> {
        let exact = self.exact_delta(epsilon)?;
        Ok(Bound { value: self.distance.delta(epsilon, exact.value), ..exact })
    }

    /// Of the mechanisms without the distance of what is released from them.
    pub(crate) fn exact_delta(&self, epsilon: f64) -> Result<Bound, PrivacyError> {
        not_negative("epsilon", epsilon)?;
        let fail = (-expm1(self.total.ln_success()) * (1.0 + 4.0 * EPS)).min(1.0);
        if self.total.pure() <= epsilon {
            return Ok(Bound { value: fail, order: f64::INFINITY });
        }
        let best = match &self.orders {
            None => convert::delta(|lambda| self.cgf(lambda), self.shape(), epsilon)?,
            Some(orders) => self.best(orders, |lambda, cgf| convert::delta_at(lambda, cgf, epsilon)),
        };
        Ok(Bound { value: (fail + best.value * (1.0 - fail) * (1.0 + 4.0 * EPS)).min(1.0), ..best })
    }

    fn cgf(&self, lambda: f64) -> f64 {
        self.total.cgf(lambda)
    }

    fn shape(&self) -> Shape {
        if self.total.is_exact() { Shape::Convex } else { Shape::Any }
    }

    fn best(&self, orders: &[f64], value: impl Fn(f64, f64) -> f64) -> Bound {
        let bounds = orders.iter().map(|&order| Bound { value: value(order - 1.0, self.cgf(order - 1.0)), order });
        bounds.fold(
            Bound { value: f64::INFINITY, order: f64::INFINITY },
            |best, bound| if bound.value < best.value { bound } else { best },
        )
    }

    /// What is left of delta when the mechanisms that may fail have had theirs: `1 - delta = (1 - fail) (1 - left)`.
    fn left(&self, delta: f64) -> Option<f64> {
        let ln_success = self.total.ln_success();
        if ln_success == 0.0 {
            return Some(delta);
        }
        let left = -expm1(log1p(-delta) - ln_success) - 4.0 * EPS * -ln_success;
        (left >= 0.0).then_some(left)
    }
}

impl Accountant for RdpAccountant {
    fn relation(&self) -> NeighboringRelation {
        self.relation
    }

    fn compose(&mut self, event: &Event, count: u64) -> Result<(), PrivacyError> {
        event.validate()?;
        if self.last.0 != *event {
            self.last = (event.clone(), Curve::new(event, self.relation)?);
        }
        self.total.add(&self.last.1, count);
        self.distance.add(event, count);
        Ok(())
    }

    fn epsilon(&self, delta: f64) -> Result<f64, PrivacyError> {
        Ok(self.epsilon_and_order(delta)?.value)
    }

    fn delta(&self, epsilon: f64) -> Result<f64, PrivacyError> {
        Ok(self.delta_and_order(epsilon)?.value)
    }
}
