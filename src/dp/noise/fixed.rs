//! Fixed-point numbers of 256 bits whose roundings have a stated direction.

use core::cmp::Ordering;

/// Limbs behind the point.
const FRACTION_LIMBS: usize = 3;

/// An unsigned number with 64 integer bits and 192 fraction bits, little-endian limbs.
///
/// Used to build tables, never to draw. Every number here is below 2^63; beyond 2^64 results saturate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fixed([u64; 4]);

impl Fixed {
    pub(super) const ZERO: Self = Self([0; 4]);
    pub(super) const ONE: Self = Self([0, 0, 0, 1]);
    /// The least number above zero, 2^-192.
    pub(super) const ULP: Self = Self([1, 0, 0, 0]);
    const MAX: Self = Self([u64::MAX; 4]);

    pub(super) const fn from_limbs(limbs: [u64; 4]) -> Self {
        Self(limbs)
    }

    pub(super) const fn integer(value: u64) -> Self {
        Self([0, 0, 0, value])
    }

    /// `numerator / divisor` rounded down, and whether that is exact, for a divisor in `1 .. 2^127`: bit by bit.
    pub(super) fn ratio(numerator: u128, divisor: u128) -> (Self, bool) {
        let (mut remainder, mut quotient) = (0_u128, Self::ZERO);
        for bit in (0..u128::BITS).rev().map(Some).chain((0..64 * FRACTION_LIMBS).map(|_| None)) {
            let digit = bit.map_or(0, |bit| numerator >> bit & 1);
            remainder = remainder << 1 | digit;
            quotient = quotient.add(quotient);
            if remainder >= divisor {
                remainder -= divisor;
                quotient = quotient.add(Self::ULP);
            }
        }
        (quotient, remainder == 0)
    }

    /// The integer part.
    pub(super) fn floor(self) -> u64 {
        self.0[3]
    }

    /// `floor(self * 2^128)`, saturating: the number as a weight of a table.
    pub(super) fn weight(self) -> u128 {
        let [_, low, high, integer] = self.0;
        if integer == 0 { u128::from(high) << 64 | u128::from(low) } else { u128::MAX }
    }

    pub(super) fn add(self, other: Self) -> Self {
        let mut limbs = [0; 4];
        let mut carry = false;
        for ((sum, a), b) in limbs.iter_mut().zip(self.0).zip(other.0) {
            (*sum, carry) = a.carrying_add(b, carry);
        }
        if carry { Self::MAX } else { Self(limbs) }
    }

    /// `self - other`, or zero if that is negative.
    pub(super) fn sub(self, other: Self) -> Self {
        let mut limbs = [0; 4];
        let mut borrow = false;
        for ((difference, a), b) in limbs.iter_mut().zip(self.0).zip(other.0) {
            (*difference, borrow) = a.borrowing_sub(b, borrow);
        }
        if borrow { Self::ZERO } else { Self(limbs) }
    }

    /// The product, rounded down.
    pub(super) fn mul_down(self, other: Self) -> Self {
        self.mul(other).0
    }

    /// The product, rounded up.
    pub(super) fn mul_up(self, other: Self) -> Self {
        let (product, exact) = self.mul(other);
        if exact { product } else { product.add(Self::ULP) }
    }

    /// The product rounded down, and whether it is exact.
    fn mul(self, other: Self) -> (Self, bool) {
        let mut wide = [0_u64; 8];
        for (i, a) in self.0.into_iter().enumerate() {
            let mut carry = 0;
            for (digit, b) in wide.iter_mut().skip(i).zip(other.0) {
                (*digit, carry) = a.carrying_mul_add(b, carry, *digit);
            }
            if let Some(top) = wide.get_mut(i + 4) {
                *top = carry;
            }
        }
        let [d0, d1, d2, a, b, c, d, over] = wide;
        let product = if over == 0 { Self([a, b, c, d]) } else { Self::MAX };
        (product, d0 | d1 | d2 == 0)
    }

    /// `self / divisor`, rounded down. Division by zero gives the largest number.
    pub(super) fn div_down(self, divisor: u64) -> Self {
        self.div(divisor).0
    }

    /// `self / divisor`, rounded up.
    pub(super) fn div_up(self, divisor: u64) -> Self {
        let (quotient, exact) = self.div(divisor);
        if exact { quotient } else { quotient.add(Self::ULP) }
    }

    #[allow(clippy::cast_possible_truncation, reason = "quotient and remainder of a step are below 2^64")]
    fn div(self, divisor: u64) -> (Self, bool) {
        if divisor == 0 {
            return (Self::MAX, true);
        }
        let mut quotient = self.0;
        let mut remainder = 0_u64;
        for limb in quotient.iter_mut().rev() {
            let step = u128::from(remainder) << 64 | u128::from(*limb);
            *limb = (step / u128::from(divisor)) as u64;
            remainder = (step % u128::from(divisor)) as u64;
        }
        (Self(quotient), remainder == 0)
    }

    /// `1 / self`, rounded down, for a number in `1 .. 2^63`: bit by bit.
    pub(super) fn recip_down(self) -> Self {
        let (mut remainder, mut quotient) = (Self::ZERO, Self::ZERO);
        for bit in 0..=128 * FRACTION_LIMBS {
            remainder = remainder.add(remainder);
            quotient = quotient.add(quotient);
            if bit == 0 {
                remainder = remainder.add(Self::ULP);
            }
            if remainder >= self {
                remainder = remainder.sub(self);
                quotient = quotient.add(Self::ULP);
            }
        }
        quotient
    }
}

impl Ord for Fixed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

impl PartialOrd for Fixed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
