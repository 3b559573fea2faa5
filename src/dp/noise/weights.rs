//! Probabilities of the laws, each rounded down: the tables' contents.

use alloc::vec::Vec;

use super::{
    fixed::Fixed,
    interval::{Angle, Interval},
};

/// Tails are left out from where their exponent reaches this: `e^-73` is below 2^-105.
const TAIL: u128 = 73;
/// A table whose probabilities may miss more than 2^-100 is refused.
const MAX_MISSING: u128 = 1 << 28;
/// More values than this on one side of zero make no table.
pub(super) const MAX_LEN: usize = 1 << 18;

/// Weights of `0, 1, 2, ..`, in units of 2^-128, all even; with `symmetric`, `-j` weighs as much as `j`.
///
/// Every weight is at most the probability of its value, but for the one of zero, which is so large that all of them make exactly 1.
/// The total-variation distance between the weights and the law is therefore at most `missing`: the sum over all values that weigh more
/// than they should of how much that is.
pub(super) struct Weights {
    pub(super) symmetric: bool,
    pub(super) half: Vec<u128>,
    /// What was added to the weight of zero.
    pub(super) missing: u128,
}

impl Weights {
    /// From lower bounds of the probabilities of `0, 1, 2, ..`. `None` if too much is missing, or if nothing is left but zero.
    fn new(symmetric: bool, bounds: impl Iterator<Item = Fixed>) -> Option<Self> {
        let mut half: Vec<u128> = bounds.map(|bound| bound.weight() & !1).collect();
        half.truncate(half.iter().rposition(|weight| *weight != 0)? + 1);
        let (zero, others) = half.split_first_mut()?;
        let others = others.iter().try_fold(0_u128, |sum, weight| sum.checked_add(*weight))?;
        let others = others.checked_mul(if symmetric { 2 } else { 1 }).filter(|sum| *sum != 0)?;
        let rest = others.wrapping_neg();
        let missing = rest.checked_sub(*zero).filter(|missing| *missing <= MAX_MISSING)?;
        *zero = rest;
        Some(Self { symmetric, half, missing })
    }

    /// From masses of `0, 1, 2, ..` that are proportional to the probabilities, and `tail` for each side's mass beyond, or more.
    fn normalised(symmetric: bool, masses: &[Interval], tail: Fixed) -> Option<Self> {
        let (zero, others) = masses.split_first()?;
        let side = others.iter().fold(tail, |sum, mass| sum.add(mass.high));
        let total = if symmetric { zero.high.add(side).add(side) } else { zero.high.add(side) };
        let scale = total.recip_down();
        Self::new(symmetric, masses.iter().map(|mass| mass.low.mul_down(scale)))
    }

    /// The discrete Gaussian law of parameter `numerator / denominator` on the multiples of `step`.
    ///
    /// The tail beyond `n` is at most `(v / n) e^(-n^2 / 2v)`, by comparison with the integral, and `v < n^2`.
    pub(super) fn gaussian(numerator: u64, denominator: u64, step: u64) -> Option<Self> {
        let unit = u128::from(step).checked_pow(2)?.checked_mul(u128::from(denominator))?;
        let double = 2 * u128::from(numerator);
        let len = len((TAIL * double / unit).isqrt() + 1)?;
        let ratio = Interval::ratio(unit, double).exp_neg();
        let square = ratio.mul(ratio);
        let (mut mass, mut factor, mut masses) = (Interval::ONE, ratio, Vec::with_capacity(len));
        for _ in 0..len {
            masses.push(mass);
            mass = mass.mul(factor);
            factor = factor.mul(square);
        }
        Self::normalised(true, &masses, mass.times(len as u64 + 1).high)
    }

    /// The discrete Laplace law of exponent `numerator / denominator`.
    pub(super) fn laplace(numerator: u64, denominator: u64) -> Option<Self> {
        let masses = geometric(numerator, denominator, |_| (1, 1))?;
        Self::normalised(true, &masses, geometric_tail(&masses, numerator, denominator))
    }

    /// The Pólya law of `1 / shares` successes: `P(j)` proportional to `q^j (r)(r + 1)..(r + j - 1) / j!` with `r = 1 / shares`.
    pub(super) fn polya(numerator: u64, denominator: u64, shares: u32) -> Option<Self> {
        let n = u64::from(shares);
        let masses = geometric(numerator, denominator, |j| (1 + n * j, n * (1 + j)))?;
        Self::normalised(false, &masses, geometric_tail(&masses, numerator, denominator))
    }

    /// The difference of two variables on `0 .. len` with `P(i)` proportional to `q^i`: the last digits, to base `len`, of the two
    /// geometric variables whose difference has the discrete Laplace law.
    pub(super) fn digit_difference(numerator: u64, denominator: u64, base: usize) -> Option<Self> {
        let q = Interval::ratio(numerator.into(), denominator.into()).exp_neg();
        let square = q.mul(q);
        let (mut power, mut even_power, mut sum) = (Interval::ONE, Interval::ONE, Interval::ZERO);
        let (mut powers, mut sums) = (Vec::with_capacity(base), Vec::with_capacity(base));
        for _ in 0..base {
            sum = sum.add(even_power);
            powers.push(power);
            sums.push(sum);
            power = power.mul(q);
            even_power = even_power.mul(square);
        }
        let masses: Vec<Interval> = powers.iter().zip(sums.iter().rev()).map(|(power, sum)| power.mul(*sum)).collect();
        Self::normalised(true, &masses, Fixed::ZERO)
    }

    /// The Skellam law of variance `numerator / denominator`, restricted to the multiples of `step`. The weights are lower bounds of
    /// `step P(step j)`; those masses sum to 1 if `step` is 1 and to hardly more otherwise (see `plan`).
    ///
    /// By Poisson's summation, the average of `cf(t) cos(t x)` over the `m` angles `t = 2 pi n / m` is the sum of `P(x + l m)` over all
    /// integers `l`; Bernstein's bound `P(|X| >= r) <= 2 exp(-r^2 / (2 variance + 2 r))` covers all but `l = 0`. Angles that are left
    /// out have an average below 2^-191: four times the bound, which is never below 2^-192, covers both.
    pub(super) fn skellam(numerator: u64, denominator: u64, step: u64) -> Option<Self> {
        let len = skellam_len(numerator, denominator, step)?;
        let cycle = (3 * len).next_power_of_two();
        let wave = quarter_wave(cycle);
        let nodes = skellam_nodes(numerator, denominator, step, cycle);
        let alias = bernstein(numerator, denominator, 2 * len as u128 * u128::from(step)).times(8 * step).high;
        let bounds = (0..len).map(|j| {
            let [positive, negative] = cosine_sum(&nodes, &wave, j);
            positive.sub(negative).low.div_down(cycle as u64).sub(alias)
        });
        Self::new(true, bounds)
    }
}

fn len(end: u128) -> Option<usize> {
    usize::try_from(end).ok().filter(|len| *len <= MAX_LEN)
}

/// Powers `q^j` of `q = e^(-numerator / denominator)`, times the product of `ratio(i)` for `i < j`, up to the tail.
fn geometric(numerator: u64, denominator: u64, ratio: impl Fn(u64) -> (u64, u64)) -> Option<Vec<Interval>> {
    let len = len(TAIL * u128::from(denominator) / u128::from(numerator) + 2)?;
    let q = Interval::ratio(numerator.into(), denominator.into()).exp_neg();
    let mut mass = Interval::ONE;
    let mut masses = Vec::with_capacity(len);
    for j in 0..len as u64 {
        masses.push(mass);
        let (up, down) = ratio(j);
        mass = mass.mul(q).times(up).over(down);
    }
    Some(masses)
}

/// What follows the last of masses that fall at least as fast as `q^j`: at most the last one times `q / (1 - q)`, which is at most the
/// exponent's inverse.
fn geometric_tail(masses: &[Interval], numerator: u64, denominator: u64) -> Fixed {
    masses.last().map_or(Fixed::ONE, |last| last.times(denominator.div_ceil(numerator)).high)
}

/// The least `n` for which Bernstein's exponent at `n step` reaches [`TAIL`].
fn skellam_len(numerator: u64, denominator: u64, step: u64) -> Option<usize> {
    // r^2 >= 2 TAIL (v + r) holds from r = 2 TAIL + sqrt(2 TAIL v) on.
    let (variance, step) = (u128::from(numerator.div_ceil(denominator)), u128::from(step));
    len((2 * TAIL + (2 * TAIL * variance).isqrt() + 1).div_ceil(step) + 1)
}

/// `exp(-r^2 / (2 variance + 2 r))`.
fn bernstein(numerator: u64, denominator: u64, r: u128) -> Interval {
    let denominator = u128::from(denominator);
    Interval::ratio(r * r, 2 * (u128::from(numerator).div_ceil(denominator) + r)).exp_neg()
}

/// Cosines of the first quarter of `cycle` angles, a multiple of four.
fn quarter_wave(cycle: usize) -> Vec<Interval> {
    let unit = Angle::new(Interval::PI.times(2).over(cycle as u64));
    let mut angle = Angle::ZERO;
    let mut wave = Vec::with_capacity(cycle / 4 + 1);
    for _ in 0..cycle / 4 {
        wave.push(angle.cos);
        angle = angle.plus(unit);
    }
    wave.push(Interval::ZERO);
    wave
}

/// The characteristic function `exp(v (cos t - 1))` at `t = 2 pi n / (cycle step)`, `n = 0, 1, ..` up to pi or to where it vanishes;
/// doubled where `-t` is another angle.
fn skellam_nodes(numerator: u64, denominator: u64, step: u64, cycle: usize) -> Vec<Interval> {
    let half_turn = cycle as u64 / 2 * step;
    let unit = Angle::new(Interval::PI.over(2 * half_turn));
    let mut half_angle = unit;
    let mut nodes = alloc::vec![Interval::ONE];
    for n in 1..=half_turn {
        // 1 - cos t = 2 sin^2 (t / 2)
        let square = half_angle.sin.mul(half_angle.sin);
        let value = square.times(numerator).over(denominator).times(2).exp_neg();
        if value.low == Fixed::ZERO {
            break;
        }
        nodes.push(if n == half_turn { value } else { value.times(2) });
        half_angle = half_angle.plus(unit);
    }
    nodes
}

/// The sums of the positive and of the negative terms of `nodes[n] cos(2 pi n j / cycle)`.
fn cosine_sum(nodes: &[Interval], wave: &[Interval], j: usize) -> [Interval; 2] {
    let quarter = wave.len() - 1;
    let cycle = 4 * quarter;
    let mut sums = [Interval::ZERO; 2];
    for (n, node) in nodes.iter().enumerate() {
        let phase = n * j % cycle;
        let folded = phase.min(cycle - phase);
        let (place, side) = if folded <= quarter { (folded, 0) } else { (2 * quarter - folded, 1) };
        if let (Some(cosine), Some(sum)) = (wave.get(place), sums.get_mut(side)) {
            *sum = sum.add(node.mul(*cosine));
        }
    }
    sums
}
