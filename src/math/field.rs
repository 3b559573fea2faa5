//! Residues modulo a prime just below a power of two, in lazily reduced form (section 11.2).

// What fits by the bounds given wraps nowhere: the functions of hot loops are spared the checks.

/// Bits to which factors are scaled: those of a multiply-add instruction, so that all instruction sets agree bit for bit.
pub(crate) const SCALE: u32 = 52;

/// A prime `q` of 36 to 50 bits, close to `2^bits`: `2^bits - q < 2^(bits - 16)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modulus {
    q: u64,
    bits: u32,
}

/// `value`, below `q`, and `floor(2^52 value / q)`: multiplies without a division (Shoup's method, as in Harvey, "Faster arithmetic
/// for number-theoretic transforms", 2014, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factor {
    pub(crate) value: u64,
    pub(crate) quotient: u64,
}

#[allow(clippy::cast_possible_truncation, reason = "results fit by the bounds given")]
impl Modulus {
    pub(crate) const fn new(q: u64, bits: u32) -> Self {
        assert!(bits >= 36 && bits <= 50 && q < 1 << bits && (1 << bits) - q < 1 << (bits - 16), "outside the proven range");
        Self { q, bits }
    }

    /// Any modulus, to see rejections happen.
    #[cfg(test)]
    pub(crate) const fn unproven(q: u64, bits: u32) -> Self {
        Self { q, bits }
    }

    pub(crate) const fn value(self) -> u64 {
        self.q
    }

    pub(crate) const fn bits(self) -> u32 {
        self.bits
    }

    /// `2^bits - 1`.
    pub(crate) const fn mask(self) -> u64 {
        (1 << self.bits) - 1
    }

    /// `2^bits - q`.
    pub(crate) const fn gap(self) -> u64 {
        (1 << self.bits) - self.q
    }

    /// `a b mod q`, for `a, b < 2^64`. Takes as long as a division: for public constants.
    pub(crate) const fn product(self, a: u64, b: u64) -> u64 {
        ((a as u128 * b as u128) % self.q as u128) as u64
    }

    pub(crate) const fn power(self, base: u64, mut exponent: u64) -> u64 {
        let (mut result, mut square) = (1, base);
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = self.product(result, square);
            }
            square = self.product(square, square);
            exponent >>= 1;
        }
        result
    }

    /// `a^-1`, by Fermat's theorem.
    pub(crate) const fn inverse(self, a: u64) -> u64 {
        self.power(a, self.q - 2)
    }

    /// For `x < 2^(bits + 14)`, a congruent number below `2q`. Constant time.
    #[inline(always)]
    pub(crate) const fn fold(self, x: u64) -> u64 {
        (x & self.mask()).wrapping_add((x >> self.bits).wrapping_mul(self.gap()))
    }

    /// The residue of `x < 2q`. Constant time.
    #[inline(always)]
    pub(crate) const fn settle(self, x: u64) -> u64 {
        let less = x.wrapping_sub(self.q);
        less.wrapping_add(self.q & (less >> 63).wrapping_neg())
    }

    /// The factor of `value < q`. Constant time.
    #[inline(always)]
    pub(crate) const fn factor(self, value: u64) -> Factor {
        self.factor_by(self.reciprocal(), value)
    }

    /// `floor(2^(52 + bits) / q)`.
    pub(crate) const fn reciprocal(self) -> u64 {
        ((1_u128 << (SCALE + self.bits)) / self.q as u128) as u64
    }

    /// As [`Modulus::factor`], with the reciprocal at hand. The first estimate of the quotient is at most one too small.
    #[inline(always)]
    pub(crate) const fn factor_by(self, reciprocal: u64, value: u64) -> Factor {
        let estimate = ((value as u128 * reciprocal as u128) >> self.bits) as u64;
        let rest = (value << SCALE).wrapping_sub(estimate.wrapping_mul(self.q));
        // `rest` is below 2q: subtract once more, and the sign says whether that was too much.
        let quotient = estimate.wrapping_add(1).wrapping_sub(rest.wrapping_sub(self.q) >> 63);
        Factor { value, quotient }
    }

    /// `x f mod q` for `x < 2^52`, below `2q`. Constant time.
    #[inline(always)]
    pub(crate) const fn scale(self, x: u64, f: Factor) -> u64 {
        let quotient = ((x as u128 * f.quotient as u128) >> SCALE) as u64;
        x.wrapping_mul(f.value).wrapping_sub(quotient.wrapping_mul(self.q))
    }
}

#[cfg(test)]
mod tests;
