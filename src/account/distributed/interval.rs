//! Closed intervals of `f64` with outward rounding, for the certificates of [`super`].
//!
//! `+ - * /` and the square root are correctly rounded (IEEE 754), so one step outward encloses the exact result. For `exp` and `ln` of
//! the crate `libm` the documented error is below 1 ulp; [`LIBM`] allows four times as much.

use core::ops::{Add, Div, Mul, Sub};

/// Relative error allowed to `exp` and `ln`: 4 ulp.
pub(super) const LIBM: f64 = 4.0 * f64::EPSILON;

/// Every real number between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    /// Not above the exact value.
    pub(super) lo: f64,
    /// Not below the exact value.
    pub(super) hi: f64,
}

impl Interval {
    const WHOLE: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    /// Encloses pi.
    pub(super) const PI: Self = Self { lo: core::f64::consts::PI, hi: core::f64::consts::PI.next_up() };

    /// The number itself.
    pub(super) const fn exact(value: f64) -> Self {
        Self { lo: value, hi: value }
    }

    /// An integer, exact below 2^53.
    #[allow(clippy::cast_precision_loss, reason = "the loss is enclosed")]
    pub(super) fn integer(value: u64) -> Self {
        let nearest = value as f64;
        if value < 1 << 53 { Self::exact(nearest) } else { Self::outward(nearest, nearest) }
    }

    /// Every real number whose nearest `f64` is `value`.
    pub(super) fn nearest(value: f64) -> Self {
        Self::outward(value, value)
    }

    /// One step outward, for a number that was itself rounded.
    pub(super) fn widened(self) -> Self {
        Self::outward(self.lo, self.hi)
    }

    /// One step outward; the whole line if a bound is not a number.
    fn outward(lo: f64, hi: f64) -> Self {
        if lo.is_nan() || hi.is_nan() { Self::WHOLE } else { Self { lo: lo.next_down(), hi: hi.next_up() } }
    }

    /// `exp` of each number.
    pub(super) fn exp(self) -> Self {
        let (lo, hi) = (libm::exp(self.lo), libm::exp(self.hi));
        // The last summand covers results that are subnormal.
        let Self { lo, hi } = Self::outward(lo - lo * LIBM - f64::MIN_POSITIVE, hi + hi * LIBM + f64::MIN_POSITIVE);
        Self { lo: lo.max(0.0), hi }
    }

    /// Natural logarithm; from minus infinity if the interval reaches zero.
    pub(super) fn ln(self) -> Self {
        let lo = if self.lo > 0.0 { libm::log(self.lo) } else { f64::NEG_INFINITY };
        let hi = if self.hi > 0.0 { libm::log(self.hi) } else { f64::NEG_INFINITY };
        Self::outward(lo - lo.abs() * LIBM, hi + hi.abs() * LIBM)
    }

    /// Square root of each number that is not negative.
    pub(super) fn sqrt(self) -> Self {
        let Self { lo, hi } = Self::outward(libm::sqrt(self.lo.max(0.0)), libm::sqrt(self.hi.max(0.0)));
        Self { lo: lo.max(0.0), hi }
    }

    /// The square of each number.
    pub(super) fn square(self) -> Self {
        self * self
    }

    /// The least of two unknown numbers, one in each.
    pub(super) fn min(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.min(other.hi) }
    }
}

impl Add for Interval {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::outward(self.lo + other.lo, self.hi + other.hi)
    }
}

impl Sub for Interval {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::outward(self.lo - other.hi, self.hi - other.lo)
    }
}

impl Mul for Interval {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        if self.lo >= 0.0 && other.lo >= 0.0 {
            return Self::outward(self.lo * other.lo, self.hi * other.hi);
        }
        let products = [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        if products.iter().any(|product| product.is_nan()) {
            return Self::WHOLE;
        }
        let [a, b, c, d] = products;
        Self::outward(a.min(b).min(c.min(d)), a.max(b).max(c.max(d)))
    }
}

impl Div for Interval {
    type Output = Self;
    /// The divisor must be positive; the whole line otherwise.
    fn div(self, other: Self) -> Self {
        if other.lo > 0.0 { self * Self::outward(1.0 / other.hi, 1.0 / other.lo) } else { Self::WHOLE }
    }
}
