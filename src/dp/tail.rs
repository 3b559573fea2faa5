//! How far sums reach: Chernoff bounds for wrap-around and truncation (docs/privacy.md, sections 7 and 8).

use core::f64::consts::LN_2;

use super::noise::NoiseLaw;

/// Steps of a bisection in `f64`.
const STEPS: usize = 64;
/// Laplace noise has no moments from its noise parameter on; closer to it rounding errors would show.
const NEAR_POLE: f64 = 1e-6;

/// A sum of independent parts, of which each coordinate is bounded in the tail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    /// Variance proxy of the sub-Gaussian parts.
    gaussian: f64,
    /// Variance of the Skellam part.
    skellam: f64,
    /// Shape and noise parameter of the generalised discrete Laplace part.
    laplace: (f64, f64),
}

impl Spread {
    /// Of the noise of `clients`.
    pub(super) fn noise(law: NoiseLaw, clients: u32) -> Self {
        let (clients, none) = (f64::from(clients), Self { gaussian: 0.0, skellam: 0.0, laplace: (0.0, f64::INFINITY) });
        match law {
            NoiseLaw::Skellam { variance } => Self { skellam: clients * variance.to_f64(), ..none },
            NoiseLaw::DiscreteGaussian { variance } => Self { gaussian: clients * variance.to_f64(), ..none },
            NoiseLaw::LaplaceShare { noise_parameter, shares } => {
                Self { laplace: (clients / f64::from(shares), noise_parameter.to_f64()), ..none }
            }
            // Not an encoding's: no bound.
            NoiseLaw::DiscreteLaplace { .. } => Self { gaussian: f64::INFINITY, ..none },
        }
    }

    /// With an independent sub-Gaussian part.
    pub(super) fn plus(self, gaussian: f64) -> Self {
        Self { gaussian: self.gaussian + gaussian, ..self }
    }

    /// Binary logarithm of a bound on `P(|sum| > reach for some of `coordinates` sums)`; at most 0.
    ///
    /// Every positive `lambda` gives a bound, so how well the best one is found is no matter of correctness.
    pub(super) fn log2_beyond(self, reach: f64, coordinates: f64) -> f64 {
        if reach <= 0.0 || !self.gaussian.is_finite() {
            return 0.0;
        }
        let lambda = self.best(reach);
        // (cosh(x) - 1) / 2, without cancellation.
        let half = |x: f64| libm::pow(libm::sinh(x / 2.0), 2.0);
        let (shape, parameter) = self.laplace;
        let laplace = -shape * libm::log1p(-half(lambda) / half(parameter));
        let exponent = self.gaussian * lambda * lambda / 2.0 + self.skellam * 2.0 * half(lambda) + laplace - lambda * reach;
        ((exponent + libm::log(2.0 * coordinates)) / LN_2).min(0.0)
    }

    /// Where the derivative of the exponent is zero; it is negative at the low end and positive at the high end.
    fn best(self, reach: f64) -> f64 {
        let (shape, parameter) = self.laplace;
        let laplace = |lambda: f64| shape * libm::sinh(lambda) / (libm::cosh(parameter) - libm::cosh(lambda));
        let slope = |lambda: f64| self.gaussian * lambda + self.skellam * libm::sinh(lambda) + laplace(lambda) - reach;
        let pole = parameter * (1.0 - NEAR_POLE);
        let mut high = f64::min(reach / self.gaussian, libm::asinh(reach / self.skellam)).min(700.0).min(pole);
        let mut low = 0.0;
        for _ in 0..STEPS {
            let middle = (low + high) / 2.0;
            *(if slope(middle) < 0.0 { &mut low } else { &mut high }) = middle;
        }
        low
    }

    /// The least integer that no sum of `coordinates` passes except with probability `2^log2`; `None` if it has more than 62 bits.
    pub(super) fn reach(self, log2: f64, coordinates: f64) -> Option<u64> {
        #[allow(clippy::cast_precision_loss, reason = "rounded down by less than the margin of one")]
        let holds = |reach: u64| self.log2_beyond(reach as f64, coordinates) <= log2;
        let (mut low, mut high) = (0, 1 << 62);
        if !holds(high) {
            return None;
        }
        while high - low > 1 {
            let middle = u64::midpoint(low, high);
            *(if holds(middle) { &mut high } else { &mut low }) = middle;
        }
        Some(high)
    }
}
