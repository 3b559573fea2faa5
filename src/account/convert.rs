//! From Rényi divergence to (epsilon, delta), by the best order.
//!
//! A mechanism is given by an upper bound `K(lambda)` on `lambda D_alpha`, where `alpha = 1 + lambda` and `D_alpha` is the Rényi divergence
//! of order `alpha` between the outputs on neighbours: the logarithm of the moment generating function of the privacy loss. For every
//! `lambda > 0` (Canonne, Kamath and Steinke, 2020, Proposition 12; Balle et al., 2020, Theorem 20):
//!
//! ```text
//! epsilon(delta) <= [ K(lambda) - ln(delta) + lambda ln(lambda) - (lambda + 1) ln(lambda + 1) ] / lambda
//! ln delta(epsilon) <= K(lambda) - lambda epsilon + lambda ln(lambda) - (lambda + 1) ln(lambda + 1)
//! ```
//!
//! `K` is convex and so is `lambda ln(lambda) - (lambda + 1) ln(lambda + 1)`. So the second right-hand side is convex in `lambda`, and the first
//! one, a convex function over `lambda`, is quasi-convex: a bracket and a search by sections find the least value. A bound `K` that is
//! not convex costs tightness only, since every order gives a valid bound.
//!
//! Where the divergence is tiny, the total variation distance is at most `sqrt(1 - exp(-D_1))` (Bretagnolle and Huber, 1979), and `D_1 <= D_alpha`.

use crate::{
    account::{
        event::{not_negative, probability},
        special::{EPS, exp, expm1, floor, ln, log1p, sqrt},
    },
    error::PrivacyError,
};

/// Orders are searched in `1 + 2^-30 ..= 1 + 2^40`.
const LEAST: f64 = 1.0 / 1_073_741_824.0;
const MOST: f64 = 1_099_511_627_776.0;
/// The search ends at this relative width, where the minimum is flat to 1e-8, or after so many steps.
const WIDTH: f64 = 1e-4;
const STEPS: usize = 30;
const GOLDEN: f64 = 0.381_966_011_250_105_15;

/// A bound and the Rényi order it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bound {
    /// The bound on epsilon or delta.
    pub value: f64,
    /// The order; infinite if the bound is one on the largest privacy loss.
    pub order: f64,
}

/// What is known of the bound `K`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no third way to search")]
pub enum Shape {
    /// It is convex: one bracket is enough.
    Convex,
    /// It may be the least of several bounds: orders are scanned first.
    Any,
}

/// The least epsilon at `delta` over all orders.
///
/// `cgf` returns an upper bound on `K(lambda)`, infinite where nothing is known.
///
/// # Errors
/// [`PrivacyError::Parameter`] unless `0 <= delta <= 1`.
pub fn epsilon(cgf: impl Fn(f64) -> f64, shape: Shape, delta: f64) -> Result<Bound, PrivacyError> {
    probability("delta", delta)?;
    let indistinguishable = |lambda: f64| Bound { value: 0.0, order: 1.0 + lambda };
    if delta >= 1.0 {
        return Ok(indistinguishable(1.0));
    }
    if let Some(lambda) = [1.0, 1.0 / 64.0].into_iter().find(|&lambda| variation(lambda, cgf(lambda)) <= delta) {
        return Ok(indistinguishable(lambda));
    }
    if delta == 0.0 {
        return Ok(Bound { value: f64::INFINITY, order: f64::INFINITY });
    }
    Ok(least(|lambda| epsilon_at(lambda, cgf(lambda), delta), shape))
}

/// The least delta at `epsilon` over all orders.
///
/// # Errors
/// [`PrivacyError::Parameter`] unless `epsilon` is finite and not negative.
pub fn delta(cgf: impl Fn(f64) -> f64, shape: Shape, epsilon: f64) -> Result<Bound, PrivacyError> {
    not_negative("epsilon", epsilon)?;
    let best = least(|lambda| log_delta_at(lambda, cgf(lambda), epsilon), shape);
    let tail = Bound { value: probability_above(best.value), ..best };
    let lambda = 1.0 / 64.0;
    let variation = Bound { value: variation(lambda, cgf(lambda)), order: 1.0 + lambda };
    Ok(if variation.value < tail.value { variation } else { tail })
}

/// The bound on epsilon from one order, with that from the total variation distance.
pub(crate) fn epsilon_at_order(lambda: f64, cgf: f64, delta: f64) -> f64 {
    if variation(lambda, cgf) <= delta { 0.0 } else { epsilon_at(lambda, cgf, delta) }
}

/// The bound on epsilon from one order; infinite if there is none.
fn epsilon_at(lambda: f64, cgf: f64, delta: f64) -> f64 {
    let (entropy, ln_delta) = (entropy(lambda), ln(delta));
    let error = 8.0 * EPS * (cgf + entropy.abs() + ln_delta.abs());
    let value = (cgf - ln_delta - entropy + error) / lambda;
    if value.is_nan() { f64::INFINITY } else { value.max(0.0) }
}

/// The bound on the logarithm of delta from one order.
fn log_delta_at(lambda: f64, cgf: f64, epsilon: f64) -> f64 {
    let (entropy, shift) = (entropy(lambda), lambda * epsilon);
    let value = cgf - shift - entropy + 8.0 * EPS * (cgf + entropy.abs() + shift);
    if value.is_nan() { f64::INFINITY } else { value }
}

/// The bound on delta from one order.
pub(crate) fn delta_at(lambda: f64, cgf: f64, epsilon: f64) -> f64 {
    probability_above(log_delta_at(lambda, cgf, epsilon)).min(variation(lambda, cgf))
}

/// `(lambda + 1) ln(lambda + 1) - lambda ln(lambda)`: positive.
fn entropy(lambda: f64) -> f64 {
    log1p(lambda) + lambda * log1p(1.0 / lambda)
}

/// Total variation distance from the divergence of one order.
fn variation(lambda: f64, cgf: f64) -> f64 {
    sqrt(-expm1(-cgf / lambda * (1.0 + 4.0 * EPS))) * (1.0 + 4.0 * EPS)
}

/// `e^x` as a probability, rounded up: never zero.
pub(crate) fn probability_above(x: f64) -> f64 {
    (exp(x) * (1.0 + 4.0 * EPS)).clamp(f64::MIN_POSITIVE, 1.0)
}

/// The least value of a function of `lambda`.
fn least(value: impl Fn(f64) -> f64, shape: Shape) -> Bound {
    let start = match shape {
        Shape::Convex => bracket(&value),
        Shape::Any => scan(&value),
    };
    refine(value, start)
}

/// The least value at a power of two, for a quasi-convex function. There orders are integers, and cheap.
fn bracket(value: impl Fn(f64) -> f64) -> Point {
    let (mut lambda, mut best) = (1.0, value(1.0));
    let above = value(2.0);
    let factor = if above < best { 2.0 } else { 0.5 };
    while (LEAST..MOST).contains(&lambda) {
        let next = if lambda == 1.0 && factor == 2.0 { above } else { value(lambda * factor) };
        if next >= best && best.is_finite() {
            break;
        }
        (lambda, best) = (lambda * factor, next);
    }
    Point { lambda, value: best }
}

/// The least value where the bracket ends and at three points in each octave from `2^-6` to `2^11`.
fn scan(value: impl Fn(f64) -> f64) -> Point {
    let points = (-18_i8..=33).map(|third| libm::exp2(f64::from(third) / 3.0));
    let points = points.map(|lambda| Point { lambda, value: value(lambda) });
    points.fold(bracket(&value), |best, next| if next.value < best.value { next } else { best })
}

#[derive(Clone, Copy)]
struct Point {
    lambda: f64,
    value: f64,
}

/// Brent's method (1973, chapter 5) between half and double of the start: parabolas through the three best points, golden sections where these do not
/// shrink the interval.
fn refine(value: impl Fn(f64) -> f64, start: Point) -> Bound {
    let at = |lambda: f64| Point { lambda, value: value(lambda) };
    let (mut low, mut high) = (0.5 * start.lambda, 2.0 * start.lambda);
    let [mut best, mut second, mut third] = [start; 3];
    let (mut step, mut before) = (0.0_f64, 0.0_f64);
    for _ in 0..STEPS {
        let (middle, width) = (0.5 * (low + high), WIDTH * best.lambda);
        if (best.lambda - middle).abs() <= 2.0 * width - 0.5 * (high - low) {
            break;
        }
        let parabola = vertex(best, second, third) - best.lambda;
        let inside = best.lambda + parabola > low && best.lambda + parabola < high;
        if inside && parabola.abs() < 0.5 * before.abs() {
            (before, step) = (step, parabola);
        } else {
            before = if best.lambda < middle { high - best.lambda } else { low - best.lambda };
            step = GOLDEN * before;
        }
        let next = at(best.lambda + if step.abs() < width { width.copysign(step) } else { step });
        let (near, far) = if next.value <= best.value { (next, best) } else { (best, next) };
        // The worse of the two bounds the interval on its side.
        if far.lambda < near.lambda {
            low = far.lambda;
        } else {
            high = far.lambda;
        }
        if next.value <= best.value {
            (third, second, best) = (second, best, next);
        } else if next.value <= second.value || second.lambda == best.lambda {
            (third, second) = (second, next);
        } else if next.value <= third.value || third.lambda == best.lambda || third.lambda == second.lambda {
            third = next;
        }
    }
    // Where only integer orders are known, the curve between them is a line and the minimum a corner.
    let corner = at(floor(best.lambda + 0.5).max(1.0));
    let best = if corner.value < best.value { corner } else { best };
    Bound { value: best.value, order: 1.0 + best.lambda }
}

/// The vertex of the parabola through three points; not a number if there is none.
fn vertex(a: Point, b: Point, c: Point) -> f64 {
    let (from_b, from_c) = (a.lambda - b.lambda, a.lambda - c.lambda);
    let (to_b, to_c) = (from_b * (a.value - c.value), from_c * (a.value - b.value));
    a.lambda - 0.5 * (from_b * to_b - from_c * to_c) / (to_b - to_c)
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    #[test]
    fn few_orders_are_tried_and_the_best_is_found() {
        for (rho, delta_) in [(1e-9, 1e-5), (1e-3, 1e-12), (0.5, 1e-5), (30.0, 1e-300), (1e12, 1e-5)] {
            let tried = Cell::new(0);
            let cgf = |lambda: f64| {
                tried.set(tried.get() + 1);
                rho * lambda * (lambda + 1.0)
            };
            let found = epsilon(cgf, Shape::Convex, delta_).unwrap();
            // Every thousandth part of an order around it.
            let near = (-2000_i16..2000).map(|part| (found.order - 1.0) * (1.0 + f64::from(part) / 4000.0));
            let least =
                near.map(|lambda| epsilon_at(lambda, rho * lambda * (lambda + 1.0), delta_)).fold(f64::INFINITY, f64::min);
            assert!(found.value <= least * (1.0 + 1e-8), "{rho} {delta_}: {found:?} {least}");
            assert!(tried.get() < 40, "{rho}: {}", tried.get());
        }
    }

    #[test]
    fn the_corner_of_a_curve_known_at_integers_is_found() {
        // max of two lines through the integer 6
        let cgf = |lambda: f64| (0.1 * lambda).max(3.0 * (lambda - 6.0) + 0.6);
        let found = epsilon(cgf, Shape::Any, 1e-3).unwrap();
        assert_eq!(found.order, 7.0);
    }

    #[test]
    fn total_variation_makes_tiny_divergences_free() {
        let cgf = |lambda: f64| 1e-12 * lambda * (lambda + 1.0);
        assert_eq!(epsilon(cgf, Shape::Convex, 1e-5).unwrap().value, 0.0);
        assert!(epsilon(cgf, Shape::Convex, 1e-7).unwrap().value > 0.0);
        assert!(delta(cgf, Shape::Convex, 0.0).unwrap().value <= 1.01e-6);
    }
}
