//! Fourier transforms of tilted masses, and the product of their powers, with bounds on what is wrong.

use alloc::{sync::Arc, vec, vec::Vec};
use core::f64::consts::{LN_2, PI};

use libm::{exp, log};
use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use super::{compose::float, law::to_f64, normal::UNIT, pmf::index};

/// Coefficients below it are taken for zero.
pub(super) const NEGLIGIBLE: f64 = 1e-32;
/// Time of a point and coefficient of the direct sum, in that of a point and level of the fast transform.
const DIRECT: usize = 2;

/// The forward transform.
pub(super) struct Transform {
    fast: Arc<dyn RealToComplex<f64>>,
    pub(super) masses: Vec<f64>,
    pub(super) spectrum: Vec<Complex<f64>>,
    pub(super) scratch: Vec<Complex<f64>>,
    /// Error of a coefficient: each mass reaches it through the logarithm of the length butterflies.
    pub(super) unit: f64,
}

impl Transform {
    pub(super) fn new(length: usize, planner: &mut RealFftPlanner<f64>) -> Self {
        let fast = planner.plan_fft_forward(length);
        let (masses, spectrum, scratch) = (fast.make_input_vec(), fast.make_output_vec(), fast.make_scratch_vec());
        let unit = 8.0 * UNIT * log(to_f64(index(length))).max(1.0) / LN_2;
        Self { fast, masses, spectrum, scratch, unit }
    }

    /// The first `wanted` coefficients of masses of sum 1 at these places, and a bound on their error.
    pub(super) fn forward(&mut self, points: &[(usize, f64)], wanted: usize) -> f64 {
        let length = self.masses.len();
        let levels = usize::try_from(length.ilog2()).unwrap_or(0);
        if DIRECT.saturating_mul(points.len()).saturating_mul(wanted) < length.saturating_mul(levels) {
            return self.direct(points, wanted);
        }
        self.masses.fill(0.0);
        wrap(points, &mut self.masses);
        // The lengths are right by construction.
        let _ = self.fast.process_with_scratch(&mut self.masses, &mut self.spectrum, &mut self.scratch);
        self.unit
    }

    /// By turning each mass by its angle once for each coefficient. An angle below `2 pi`, its sine and cosine, and a turn are right to within 16
    /// units of round-off together, so that the `k`-th coefficient is right to within `16 k`, and the rounding of the sum.
    fn direct(&mut self, points: &[(usize, f64)], wanted: usize) -> f64 {
        let length = self.masses.len();
        let angle = |place: usize| -2.0 * PI * to_f64(index(place % length)) / to_f64(index(length));
        let mut turning: Vec<Turning> = points.chunks(LANES).map(|points| Turning::new(points, angle)).collect();
        for coefficient in self.spectrum.iter_mut().take(wanted) {
            let (mut real, mut imaginary) = ([0.0; LANES], [0.0; LANES]);
            turning.iter_mut().for_each(|masses| masses.add_and_turn(&mut real, &mut imaginary));
            *coefficient = Complex::new(real.iter().sum(), imaginary.iter().sum());
        }
        UNIT * (16.0 * to_f64(index(wanted)) + to_f64(index(points.len())) + 32.0)
    }
}

/// Masses side by side.
const LANES: usize = 4;

struct Turning {
    real: [f64; LANES],
    imaginary: [f64; LANES],
    cos: [f64; LANES],
    sin: [f64; LANES],
}

impl Turning {
    fn new(points: &[(usize, f64)], angle: impl Fn(usize) -> f64) -> Self {
        let point = |lane: usize| points.get(lane).copied().unwrap_or_default();
        let angles: [f64; LANES] = core::array::from_fn(|lane| angle(point(lane).0));
        let (cos, sin) = (angles.map(libm::cos), angles.map(libm::sin));
        Self { real: core::array::from_fn(|lane| point(lane).1), imaginary: [0.0; LANES], cos, sin }
    }

    #[inline(always)]
    fn add_and_turn(&mut self, real: &mut [f64; LANES], imaginary: &mut [f64; LANES]) {
        let sums = real.iter_mut().zip(imaginary);
        let masses = self.real.iter_mut().zip(&mut self.imaginary).zip(self.cos.iter().zip(&self.sin));
        for ((sum_x, sum_y), ((x, y), (cos, sin))) in sums.zip(masses) {
            *sum_x += *x;
            *sum_y += *y;
            (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
        }
    }
}

/// The product of powers of transforms.
pub(super) struct Product {
    pub(super) values: Vec<Complex<f64>>,
    /// Of the magnitudes, none taken below 1/2.
    pub(super) bounds: Vec<f64>,
    /// Of the magnitudes.
    sizes: Vec<f64>,
    /// All values from here on are zero.
    pub(super) active: usize,
    /// Error of the values, times their bounds.
    pub(super) error: f64,
}

impl Product {
    pub(super) fn new(length: usize) -> Self {
        let (values, ones) = (vec![Complex::new(1.0, 0.0); length], vec![1.0; length]);
        Self { values, bounds: ones.clone(), sizes: ones, active: length, error: 0.0 }
    }

    /// Multiplies by the power of a transform whose coefficients are wrong by at most `unit`.
    pub(super) fn multiply(&mut self, spectrum: &[Complex<f64>], count: u64, unit: f64) {
        let products = self.values.iter_mut().zip(&mut self.bounds).zip(&mut self.sizes).zip(spectrum).take(self.active);
        let mut active = 0;
        for (place, (((value, bound), size), coefficient)) in products.enumerate() {
            if *size <= NEGLIGIBLE {
                continue;
            }
            let magnitude = coefficient.norm_sqr().sqrt() + unit;
            *size *= magnitude_power(magnitude, count);
            if *size <= NEGLIGIBLE {
                (*value, *bound) = (Complex::default(), 0.0);
                continue;
            }
            *bound *= magnitude_power(magnitude.max(0.5), count);
            *value *= complex_power(*coefficient, count);
            active = place + 1;
        }
        self.active = active;
        self.error += float(count) * 2.0 * (unit + 4.0 * UNIT);
    }
}

/// Adds masses to a ring.
pub(super) fn wrap(points: &[(usize, f64)], ring: &mut [f64]) {
    let length = ring.len();
    for &(place, mass) in points {
        if let Some(sum) = ring.get_mut(place % length) {
            *sum += mass;
        }
    }
}

/// The least length of at least `points` that transforms well, even.
pub(super) fn transform_length(points: usize) -> usize {
    let fitting = |odd: usize| odd * points.div_ceil(odd).next_power_of_two().max(2);
    [1, 3, 5, 9, 15].into_iter().map(fitting).min().unwrap_or(points)
}

/// At least the power of a number near or below 1.
fn magnitude_power(base: f64, exponent: u64) -> f64 {
    if exponent == 1 {
        return base;
    }
    // (1 - x)^n <= e^(-n x)
    if (1.0 - base) * float(exponent) > 100.0 {
        return 0.0;
    }
    exp(float(exponent) * log(base)) * (1.0 + 1e-9)
}

fn complex_power(mut base: Complex<f64>, mut exponent: u64) -> Complex<f64> {
    let mut result = Complex::new(1.0, 0.0);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}
