//! The normal law with error bounds, and the exact privacy profile of the Gaussian mechanism.

use libm::{erfc, exp, log, log1p};

/// Unit round-off of `f64`.
pub(super) const UNIT: f64 = f64::EPSILON / 2.0;
const SQRT_2PI: f64 = 2.506_628_274_631_000_7;

/// `P(Z > z)` for `z >= 0` and a bound on its absolute error, when `z` is the difference of two numbers of at most `magnitude`.
pub(super) fn tail(z: f64, magnitude: f64) -> (f64, f64) {
    if z == f64::INFINITY {
        return (0.0, 0.0);
    }
    let mass = 0.5 * erfc(z * core::f64::consts::FRAC_1_SQRT_2);
    // erfc within one unit in the last place; an argument wrong by dz changes the tail by (z + 1) dz relatively.
    (mass, mass * UNIT * (8.0 + 4.0 * z * z + 2.0 * (z + 1.0) * magnitude))
}

/// Mills ratio `P(Z > z) / density(z)` for `z >= 0`.
fn mills(z: f64) -> f64 {
    if z < 6.0 {
        return 0.5 * SQRT_2PI * erfc(z * core::f64::consts::FRAC_1_SQRT_2) * exp(z * z / 2.0);
    }
    // Laplace's continued fraction 1/(z + 1/(z + 2/(z + 3/(z + ..)))).
    let fraction = (1..=60).rev().fold(z, |below, k| z + f64::from(k) / below);
    1.0 / fraction
}

/// Bounds on `ln delta(epsilon)` of a Gaussian with sensitivity over standard deviation `mu > 0` (Balle and Wang, 2018, Theorem 8):
/// `delta = P(Z > a) - e^epsilon P(Z > b)`, `a = epsilon / mu - mu / 2`, `b = epsilon / mu + mu / 2`.
pub(super) fn gaussian_ln_delta(mu: f64, epsilon: f64) -> (f64, f64) {
    let (a, b) = (epsilon / mu - mu / 2.0, epsilon / mu + mu / 2.0);
    // e^epsilon density(b) = density(a), so that delta = density(a) (mills(a) - mills(b)).
    let ln_density = -a * a / 2.0 - log(SQRT_2PI);
    let (above, below, ln_scale) = if a < 0.0 {
        (1.0 - 0.5 * erfc(-a * core::f64::consts::FRAC_1_SQRT_2), mills(b) * exp(ln_density), 0.0)
    } else {
        (mills(a), mills(b), ln_density)
    };
    // What the squares in the exponents and the arguments of erfc lose.
    let relative = UNIT * (32.0 + 4.0 * a * a + 4.0 * (b * b).min(36.0));
    let shift = 4.0 * UNIT * (a.abs() + 1.0) * (epsilon / mu + mu);
    let error = (above + below) * relative;
    let margin = shift + UNIT * 4.0 * ln_scale.abs();
    let upper = ln_scale + log(above - below + error) + margin;
    let lower = ln_scale + log((above - below - error).max(0.0)) - margin;
    (lower, upper.min(0.0))
}

/// Bounds on the least `epsilon >= 0` at which the Gaussian with sensitivity over standard deviation `mu` has at most this `delta`.
pub(super) fn gaussian_epsilon(mu: f64, delta: f64) -> (f64, f64) {
    let ln_delta = log(delta);
    let solve = |ln_delta_at: &dyn Fn(f64) -> f64, from_below: bool| {
        if ln_delta_at(0.0) <= ln_delta {
            return 0.0;
        }
        let (mut low, mut high) = (0.0, mu * mu / 2.0 + mu);
        while ln_delta_at(high) > ln_delta && high.is_finite() {
            (low, high) = (high, high * 2.0);
        }
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if ln_delta_at(middle) > ln_delta { low = middle } else { high = middle }
        }
        if from_below { low } else { high }
    };
    (solve(&|epsilon| gaussian_ln_delta(mu, epsilon).0, true), solve(&|epsilon| gaussian_ln_delta(mu, epsilon).1, false))
}

/// `ln` of the least constant `c` with `(1 - e^-x)_+ <= c e^(order x)` for all `x`: Chernoff's bound of the hockey-stick divergence
/// (Canonne, Kamath and Steinke, 2020, Proposition 12, with `order + 1` for the order).
pub(super) fn ln_hockey_stick_constant(order: f64) -> f64 {
    -order * log1p(1.0 / order) - log1p(order)
}
