//! A pair of laws that dominates every mechanism with a known privacy profile: to compose with others what only has Rényi divergences.

use alloc::vec::Vec;

use libm::{exp, expm1};

use super::law::{Atom, Law, to_f64};

/// Epsilons at which the profile is read.
const POINTS: i64 = 1024;
/// More than what the sums below lose.
const SLACK: f64 = 1e-9;

/// A point of the profile: `delta` at `epsilon`.
#[derive(Clone, Copy)]
struct Point {
    epsilon: f64,
    delta: f64,
}

/// The pair whose profile is, from 0 to `largest`, the greatest convex function of `e^epsilon` through or below these bounds; it dominates whatever has
/// a profile, on neighbours in both orders, below the bounds (docs/privacy.md, section 12).
///
/// A profile is convex in `e^epsilon`, so that chords between bounds are bounds. Below 0 it is that of the neighbours in the other order,
/// `delta(-epsilon) = 1 - e^-epsilon (1 - delta(epsilon))`. What is left at `largest` gets infinite loss.
pub(super) fn dominating(delta: impl Fn(f64) -> f64, largest: f64) -> Law {
    let hull = hull(&bounds(delta, largest));
    let last = hull.last().map_or(1.0, |point| point.delta);
    let mut atoms: Vec<Atom> = Vec::new();
    for (place, point) in hull.iter().enumerate().skip(1) {
        // Mass where the slope changes: in units of `P`, the fall towards this point less the fall from it on.
        let before = hull.get(place - 1).map_or(0.0, |low| (low.delta - point.delta) / -expm1(low.epsilon - point.epsilon));
        let after = hull.get(place + 1).map_or(0.0, |high| (point.delta - high.delta) / expm1(high.epsilon - point.epsilon));
        let a = (before - after).max(0.0);
        atoms.push(Atom { a, b: a * exp(-point.epsilon), ratio: point.epsilon });
    }
    let slope = match hull[..] {
        [first, second, ..] => (first.delta - second.delta) / expm1(second.epsilon),
        _ => 0.0,
    };
    let nothing = hull.first().map_or(0.0, |first| (1.0 - first.delta - 2.0 * slope).max(0.0));
    let mirrored = atoms.iter().rev().map(|atom| Atom { a: atom.b, b: atom.a, ratio: -atom.ratio });
    let ends = [(0.0, last, f64::NEG_INFINITY), (last, 0.0, f64::INFINITY)].map(|(a, b, ratio)| Atom { a, b, ratio });
    let [below, above] = ends;
    let middle = mirrored.chain([Atom { a: nothing, b: nothing, ratio: 0.0 }]).chain(atoms.iter().copied());
    let atoms = [below].into_iter().chain(middle).chain([above]).filter(|atom| atom.a > 0.0 || atom.b > 0.0).collect();
    Law::Table { atoms, missing_a: 0.0, missing_b: 0.0 }
}

/// The profile at evenly spaced epsilons, falling; at 0 not above the chord to its mirror image.
fn bounds(delta: impl Fn(f64) -> f64, largest: f64) -> Vec<Point> {
    let place = |k: i64| largest * to_f64(k) / to_f64(POINTS);
    let mut points: Vec<Point> =
        (0..=POINTS).map(|k| Point { epsilon: place(k), delta: (delta(place(k)) * (1.0 + SLACK)).min(1.0) }).collect();
    points.dedup_by_key(|point| point.epsilon);
    // Between `e^-epsilon` and `e^epsilon`, at 1: (2 delta + e^epsilon - 1) / (e^epsilon + 1).
    let chord = |point: &Point| (2.0 * point.delta * exp(-point.epsilon) - expm1(-point.epsilon)) / (1.0 + exp(-point.epsilon));
    let mut least = points.iter().map(chord).fold(1.0, f64::min);
    for point in &mut points {
        least = least.min(point.delta);
        point.delta = least;
    }
    points
}

/// The points below which none of the others lie, on a scale of `e^epsilon`.
fn hull(points: &[Point]) -> Vec<Point> {
    let mut hull: Vec<Point> = Vec::new();
    for &next in points {
        while let [.., low, middle] = hull[..]
            && middle.delta >= low.delta + (next.delta - low.delta) * part(low, middle, next)
        {
            hull.pop();
        }
        hull.push(next);
    }
    hull
}

/// How far the middle is on the way, on a scale of `e^epsilon`.
fn part(low: Point, middle: Point, high: Point) -> f64 {
    exp(middle.epsilon - high.epsilon) * expm1(low.epsilon - middle.epsilon) / expm1(low.epsilon - high.epsilon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::pld::normal::gaussian_ln_delta;

    fn delta_of(law: &Law, epsilon: f64) -> f64 {
        let Law::Table { atoms, .. } = law else { return f64::NAN };
        atoms.iter().map(|atom| (atom.a * -expm1(epsilon - atom.ratio)).max(0.0)).sum()
    }

    #[test]
    fn the_pair_of_a_gaussians_profile_dominates_it_and_is_close() {
        for (mu, largest) in [(0.01, 0.1), (1.0, 9.0), (5.0, 50.0), (40.0, 1200.0)] {
            let exact = |epsilon: f64| exp(gaussian_ln_delta(mu, epsilon).1);
            let law = dominating(exact, largest);
            for k in 0..300 {
                let epsilon = largest * f64::from(k) / 300.0;
                let (got, truth) = (delta_of(&law, epsilon), exact(epsilon));
                assert!(got >= truth && got <= truth * 1.1 + 2.0 * exact(largest), "{mu} {epsilon}: {got} {truth}");
                // Neighbours in the other order.
                let (got, truth) = (delta_of(&law, -epsilon), -expm1(-epsilon) + exp(-epsilon) * truth);
                assert!(got >= truth * (1.0 - 1e-12) && got <= truth * 1.001 + 1e-9, "{mu} {epsilon}: {got} {truth}");
            }
        }
    }

    #[test]
    fn both_laws_have_mass_one_whatever_the_bounds() {
        let profiles: [&dyn Fn(f64) -> f64; 5] =
            [&|_| 1.0, &|_| 0.25, &|_| 0.0, &|epsilon| exp(-epsilon), &|epsilon| if epsilon < 0.5 { 1.0 } else { 1e-9 }];
        for profile in profiles {
            for largest in [0.0, 1.0, 1e4] {
                let Law::Table { atoms, .. } = dominating(profile, largest) else { panic!("a table") };
                let (a, b): (f64, f64) = (atoms.iter().map(|atom| atom.a).sum(), atoms.iter().map(|atom| atom.b).sum());
                assert!((a - 1.0).abs() < 1e-7 && (b - 1.0).abs() < 1e-7, "{largest}: {a} {b}");
            }
        }
    }
}
