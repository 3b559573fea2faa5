//! Intervals that are certain to hold a real number, and the few functions that the probabilities need.

use super::fixed::Fixed;

/// Halvings of the argument before the exponential series, undone by squarings.
const HALVINGS: usize = 10;
/// `e^-x` is below 2^-192 from here on.
const NEGLIGIBLE: u64 = 134;

/// Two bounds of a real number that is not negative: every function below rounds `low` down and `high` up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) low: Fixed,
    pub(super) high: Fixed,
}

impl Interval {
    pub(super) const ZERO: Self = Self::exact(Fixed::ZERO);
    pub(super) const ONE: Self = Self::exact(Fixed::ONE);
    /// 3.243F6A88.. in hexadecimal.
    pub(super) const PI: Self = Self {
        low: Fixed::from_limbs([0xA409_3822_299F_31D0, 0x1319_8A2E_0370_7344, 0x243F_6A88_85A3_08D3, 3]),
        high: Fixed::from_limbs([0xA409_3822_299F_31D1, 0x1319_8A2E_0370_7344, 0x243F_6A88_85A3_08D3, 3]),
    };

    const fn exact(value: Fixed) -> Self {
        Self { low: value, high: value }
    }

    /// The quotient of two integers, below 2^63; the divisor is in `1 .. 2^127`.
    pub(super) fn ratio(numerator: u128, divisor: u128) -> Self {
        let (low, exact) = Fixed::ratio(numerator, divisor);
        Self { low, high: if exact { low } else { low.add(Fixed::ULP) } }
    }

    pub(super) fn add(self, other: Self) -> Self {
        Self { low: self.low.add(other.low), high: self.high.add(other.high) }
    }

    /// `self - other`, where the real difference is not negative.
    pub(super) fn sub(self, other: Self) -> Self {
        Self { low: self.low.sub(other.high), high: self.high.sub(other.low) }
    }

    pub(super) fn mul(self, other: Self) -> Self {
        Self { low: self.low.mul_down(other.low), high: self.high.mul_up(other.high) }
    }

    pub(super) fn times(self, factor: u64) -> Self {
        self.mul(Self::exact(Fixed::integer(factor)))
    }

    pub(super) fn over(self, divisor: u64) -> Self {
        Self { low: self.low.div_down(divisor), high: self.high.div_up(divisor) }
    }

    /// `e^-self`.
    pub(super) fn exp_neg(self) -> Self {
        if self.low.floor() >= NEGLIGIBLE {
            return Self { low: Fixed::ZERO, high: Fixed::ULP };
        }
        let mut power = self.over(1 << HALVINGS).alternating(0, 1);
        for _ in 0..HALVINGS {
            power = power.mul(power);
        }
        power
    }

    /// `x^first/first! - x^(first + step)/(first + step)! + ..`: Taylor's series of `e^-x`, `cos x` and `sin x` for `x` up to pi/2.
    /// By Lagrange's bound, what is left out is at most the first term that is left out.
    fn alternating(self, first: u64, step: u64) -> Self {
        let mut term = if first == 0 { Self::ONE } else { self };
        let (mut positive, mut negative, mut is_negative) = (Self::ZERO, Self::ZERO, false);
        let mut order = first;
        while term.high > Fixed::ULP {
            let sum = if is_negative { &mut negative } else { &mut positive };
            *sum = sum.add(term);
            is_negative = !is_negative;
            for _ in 0..step {
                order += 1;
                term = term.mul(self).over(order);
            }
        }
        let sum = positive.sub(negative);
        Self { low: sum.low.sub(term.high), high: sum.high.add(term.high) }
    }
}

/// Cosine and sine of an angle between 0 and pi/2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Angle {
    pub(super) cos: Interval,
    pub(super) sin: Interval,
}

impl Angle {
    pub(super) const ZERO: Self = Self { cos: Interval::ONE, sin: Interval::ZERO };

    /// The angle `radians`, at most pi/2.
    pub(super) fn new(radians: Interval) -> Self {
        Self { cos: radians.alternating(0, 2), sin: radians.alternating(1, 2) }
    }

    /// The sum of two angles, at most pi/2.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            cos: self.cos.mul(other.cos).sub(self.sin.mul(other.sin)),
            sin: self.sin.mul(other.cos).add(self.cos.mul(other.sin)),
        }
    }
}
