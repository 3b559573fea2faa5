//! Wide laws as sums of narrow ones: `X = X_1 + k_2 X_2 + k_3 X_3 + ..`, with one small table each.
//!
//! No draw is ever rejected, so the work does not depend on the noise.

use alloc::vec::Vec;

use super::law::Rational;

/// More parts than this are never needed: the smallest tables reach every variance with 40.
const MAX_PARTS: usize = 48;
/// Each law is within total-variation distance 2^-97 of its sum of parts.
pub(super) const SMOOTHING_BITS: u64 = 97;

/// How large tables may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Variance of a Skellam or discrete Gaussian table.
    pub(super) variance: u64,
    /// `1 / noise_parameter` of a discrete Laplace table.
    pub(super) scale: u64,
    /// Base of a table of digit differences.
    pub(super) base: u64,
}

/// A law of one table: that of `numerator / denominator` on the multiples of `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) numerator: u64,
    pub(super) denominator: u64,
    pub(super) step: u64,
}

impl Part {
    /// The variance in units of the step.
    fn width(self) -> u128 {
        u128::from(self.numerator) / (u128::from(self.denominator) * u128::from(self.step).pow(2))
    }

    /// The scale of a geometric law of this exponent.
    fn scale(self) -> u128 {
        u128::from(self.denominator / self.numerator.max(1))
    }
}

/// Parts of a Skellam or discrete Gaussian law whose sum is within 2^-[`SMOOTHING_BITS`] of it.
///
/// Let `X_i` be independent, of the law of variance (or Gaussian parameter) `v_i`, restricted to the multiples of `s_i`, where `s_1 = 1`
/// and `s_i` divides `s_{i+1}`. Then their sum is close to the law of `v = v_1 + v_2 + ..` with
/// `E = (1 - cos(2 pi / s_{i+1})) v_i v_{i+1} / (v_i + v_{i+1})`, at least 8 for each `i`:
///
/// - Skellam: the restricted law has the characteristic function `(1/c_i) sum_l f_i(t + 2 pi l / s_i)` with `f_i(t) = exp(v_i (cos t - 1))`
///   and `c_i = sum_l f_i(2 pi l / s_i)`. In the product over `i`, the term of all `l = 0` is the wanted `f` over all `c_i`. Group the
///   others by the first `i` for which `X_{i+1}` has `l != 0`: they hold `f_i(t) f_{i+1}(t + 2 pi l / s_{i+1})`, and
///   `v_i cos t + v_{i+1} cos(t + b)` is at most `|v_i + v_{i+1} e^(ib)| <= v_i + v_{i+1} - (1 - cos b) v_i v_{i+1} / (v_i + v_{i+1})`;
///   all other factors are at most 1 when summed over their own `l` (a characteristic function is largest at 0). With
///   `1 - cos x >= 2 x^2 / pi^2`, the sum over `l` is at most `S = 4 e^-E`. So the difference `D` of the characteristic functions has
///   `|D| <= S`, its derivative `|D'| <= v S` (each `|f_j'| <= v_j f_j`), and by Cauchy-Schwarz with weights `1 + x^2 / v^2` and
///   Parseval's identity the total-variation distance is at most `S sqrt((1 + pi v) / 2)` for each `i`, and `c_i - 1 <= S` for the
///   constants and for what the tables of masses of sum `c_i` add (see [`super::weights::Weights::skellam`]).
/// - Discrete Gaussian: by Poisson's summation each convolution has the wanted ratios up to a factor `(1 + S) / (1 - S)`, with
///   `S <= 4 exp(-2 pi^2 t^2 / s_{i+1}^2)` and `t^2 = v_i w / (v_i + w)`, `w` the sum of the later variances (Micciancio, Peikert 2013,
///   section 3). That is at most what the Skellam law has.
pub(super) fn gaussian(variance: Rational, limits: Limits) -> Option<Vec<Part>> {
    let (numerator, denominator) = (variance.numerator(), variance.denominator());
    let whole = Part { numerator, denominator, step: 1 };
    if fits(whole, limits) {
        return Some(alloc::vec![whole]);
    }
    let exponent = exponent(numerator / denominator);
    (2..=MAX_PARTS).find_map(|parts| {
        let bases = (3..).take_while(|base| narrow(*base, exponent) <= limits.variance);
        let chains = bases.filter_map(|base| chain(whole, base, parts, exponent, limits));
        // Small tables are fast: the one with the smallest largest table.
        chains.min_by_key(|chain| chain.iter().map(|part| part.width()).max())
    })
}

fn fits(part: Part, limits: Limits) -> bool {
    let unit = u128::from(part.denominator) * u128::from(part.step).pow(2);
    u128::from(part.numerator) <= u128::from(limits.variance) * unit
}

/// The exponent that `E` has to reach: `4 e^-E (sqrt((1 + pi v) / 2) + 2) MAX_PARTS <= 2^-SMOOTHING_BITS`.
fn exponent(variance: u64) -> u64 {
    // sqrt((1 + pi v) / 2) + 2 <= 4 sqrt(v) <= 2^(2 + bits / 2), and 4 MAX_PARTS < 2^8.
    let bits = SMOOTHING_BITS + 8 + 2 + u64::from(u64::BITS - variance.leading_zeros()).div_ceil(2);
    bits * 694 / 1000 + 1
}

/// The variance of a part under one on `base` times wider multiples, in units of its own step: enough for `E` whatever the step, if the
/// part above has at least `base^2` times the variance of this one.
fn narrow(base: u64, exponent: u64) -> u64 {
    // E >= v base^2 / (1 + base^2) 19.739 (base^2 - 3.29) / base^4
    let square = base * base;
    (exponent * (square + 1) * square * 1000).div_ceil(19_739 * (square - 4)) + 1
}

/// `parts` parts of which each but the last has the same variance in units of its own step.
pub(super) fn chain(whole: Part, base: u64, parts: usize, exponent: u64, limits: Limits) -> Option<Vec<Part>> {
    let narrow = narrow(base, exponent);
    let (mut chain, mut rest) = (Vec::with_capacity(parts), whole);
    for _ in 1..parts {
        let variance = narrow.checked_mul(rest.step.checked_pow(2)?)?;
        chain.push(Part { numerator: variance, denominator: 1, step: rest.step });
        rest.numerator = rest.numerator.checked_sub(variance.checked_mul(rest.denominator)?)?;
        rest.step = rest.step.checked_mul(base)?;
    }
    chain.push(rest);
    let close = chain.windows(2).all(|pair| matches!(pair, [low, high] if smoothness(*low, *high) >= u128::from(exponent)));
    (fits(rest, limits) && close).then_some(chain)
}

/// A lower bound of `E`.
fn smoothness(low: Part, high: Part) -> u128 {
    let [a, b] = [low, high].map(|part| u128::from(part.numerator / part.denominator));
    let square = u128::from(high.step).pow(2);
    // 1 - cos(2 pi / s) >= (2 pi^2 / s^2) (1 - pi^2 / (3 s^2)); 2 pi^2 > 19.739, pi^2 / 3 < 3.29
    let harmonic = a * b / (a + b).max(1) * 1000 / square;
    let cosine = 19_739 - (19_739_u128 * 329).div_ceil(square * 100).min(19_739);
    harmonic * cosine / 1_000_000
}

/// Digits of a discrete Laplace law: `(noise parameter, base)` of each table of digit differences, and the last noise parameter.
pub(super) struct Digits {
    pub(super) low: Vec<(Part, usize)>,
    pub(super) high: Part,
}

/// A geometric variable of ratio `q` is `R + base G` with independent `R < base` of weights `q^i` and geometric `G` of ratio `q^base`;
/// the discrete Laplace law is that of a difference of two geometric variables, and so exactly the sum of its digits.
pub(super) fn laplace(noise_parameter: Rational, limits: Limits) -> Option<Digits> {
    let (numerator, denominator) = (noise_parameter.numerator(), noise_parameter.denominator());
    let high = |step: u64| {
        let numerator = numerator.checked_mul(step)?;
        let fits = u128::from(denominator) <= u128::from(limits.scale) * u128::from(numerator);
        fits.then_some(Part { numerator, denominator, step })
    };
    let digits = |base: u64, count: usize| {
        let steps = (0..count).map(|place| base.checked_pow(u32::try_from(place).ok()?));
        let part =
            |step: u64| Some((Part { numerator: numerator.checked_mul(step)?, denominator, step }, usize::try_from(base).ok()?));
        let low = steps.map(|step| part(step?)).collect::<Option<Vec<_>>>()?;
        Some(Digits { low, high: high(base.checked_pow(u32::try_from(count).ok()?)?)? })
    };
    // Small tables are fast: the base with the smallest largest table.
    let balance = |base: u64, digits: &Digits| u128::from(base).max(73 * digits.high.scale());
    (0..MAX_PARTS).find_map(|count| {
        let all = (2..=limits.base).filter_map(|base| Some((base, digits(base, count)?)));
        all.min_by_key(|(base, digits)| balance(*base, digits)).map(|(_, digits)| digits)
    })
}
