//! The sum of Skellam shares: a closed-form bound without L1 norm, and the numeric bound per coordinate.
//!
//! `P(k)` is proportional to `I_k(mu)`. Both bounds rest on one lemma (docs/privacy.md, section 10.4): with
//! `L(k) = ln P(k-1) - ln P(k)`, the differences `c(k) = L(k+1) - L(k)` fall with `|k|`, so none is above `c(0) = 2 ln(I_0(mu)/I_1(mu))`.

use alloc::vec::Vec;

use super::{
    interval::Interval,
    lattice::{Law, Tail},
    maximum::Coordinate,
    published,
    shares::Shares,
};

/// Above this variance the closed form is within a relative 1e-4 of the maximum, and no table is built.
const LARGEST_VARIANCE: f64 = 16_384.0;
/// Above this variance the largest curvature comes from a closed form.
const LARGEST_RECURRENCE: f64 = 16_384.0;
/// Steps of the recurrence before the first ratio that is used, in standard deviations.
const RUN_IN: f64 = 7.0;

/// What does not depend on the order.
#[derive(Clone, Debug)]
pub(super) struct Skellam {
    shares: Shares,
    /// Encloses `kappa = 2 ln(I_0/I_1)`.
    curvature: Interval,
    /// Upper bounds on the sum of `c` over any `n` consecutive integers, `n = 0, 1, ..`, and the integrals from 0 of its interpolation.
    sums: Vec<(f64, f64)>,
    law: Option<Law>,
}

impl Skellam {
    /// Without the table: for the closed form.
    pub(super) fn closed_form(shares: &Shares) -> Self {
        let mu = shares.variance().lo;
        Self { shares: *shares, curvature: curvature(mu), sums: Vec::new(), law: None }
    }

    /// With the table, unless the closed form is good enough.
    pub(super) fn numeric(shares: &Shares) -> Self {
        let mut this = Self::closed_form(shares);
        let mu = shares.variance().lo;
        if mu <= LARGEST_VARIANCE {
            let logs: Vec<Interval> = ratios(mu, reach(mu)).iter().map(|r| Interval::exact(-1.0) * r.ln()).collect();
            this.sums = curvature_sums(&logs);
            this.law = law(mu, &logs);
        }
        this
    }

    /// The theorem of the paper.
    pub(super) fn of_the_paper(shares: &Shares, order: f64) -> f64 {
        published::skellam(shares, order)
    }

    /// The same.
    pub(super) fn published(&self, order: f64) -> f64 {
        Self::of_the_paper(&self.shares, order)
    }

    /// `(kappa/2)(a L2^2 + e/(a - 1))`, `kappa = 2 ln(I_0/I_1)`; `e` is zero for an integer order, else the lesser of `t (1 - t) L2^2`,
    /// `t` the fractional part of the order, and a quarter of the coordinates that can change.
    pub(super) fn closed(&self, order: f64) -> f64 {
        let number = Interval::exact;
        let (order, part) = (number(order), number(order) - number(libm::floor(order)));
        let l2 = Interval::integer(self.shares.sensitivity.l2_squared());
        let support = Interval::integer(self.shares.sensitivity.support()) / number(4.0);
        let between =
            if order.lo == libm::floor(order.lo) { number(0.0) } else { (part * (number(1.0) - part) * l2).min(support) };
        (self.curvature / number(2.0) * (order * l2 + between / (order - number(1.0)))).hi
    }

    /// `rho = (kappa/2)(L2^2 + L1)`: with `t` the fractional part of `a D`, `a D^2 + t (1 - t)/(a - 1) <= a (D^2 + D)`.
    pub(super) fn zcdp(&self) -> f64 {
        let norms = Interval::integer(self.shares.sensitivity.l2_squared()) + Interval::integer(self.shares.sensitivity.l1());
        (self.curvature / Interval::exact(2.0) * norms).hi
    }

    /// Not below the integral from 0 to `end` of the interpolated [`Self::sums`], which are concave: beyond the table they go on
    /// along their last chord.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "compared with the length"
    )]
    fn integral(&self, end: f64) -> Option<f64> {
        let whole = (end as usize).min(self.sums.len().checked_sub(2)?);
        let (&(start, before), &(next, _)) = (self.sums.get(whole)?, self.sums.get(whole + 1)?);
        // The slope of the last chord, far along which it may be used, is raised by the error of its ends.
        let (part, slope) = (end - whole as f64, next - start + 64.0 * f64::EPSILON * next);
        Some((before + part * start + part * part * slope / 2.0) * (1.0 + 16.0 * f64::EPSILON))
    }
}

impl Coordinate for Skellam {
    fn divergence(&self, order: f64, shift: f64, terms: &mut Vec<f64>) -> Option<f64> {
        self.law.as_ref()?.divergence(order, shift, terms)
    }

    fn is_numeric(&self) -> bool {
        self.law.is_some()
    }

    fn beyond(&self, order: f64, shift: f64) -> f64 {
        let square = Interval::exact(shift) * Interval::exact(shift);
        let excess = Interval::exact(order - 1.0).widened() * square;
        let half = self.curvature / Interval::exact(2.0);
        // a D^2 + t (1 - t)/(a - 1) with t (1 - t) <= 1/4, and zero for integer orders.
        let between = if order == libm::floor(order) { Interval::exact(0.0) } else { Interval::exact(0.25) / excess };
        let uniform = (half * (Interval::exact(order) + between)).hi;
        let falling = self.integral(order * shift * (1.0 + f64::EPSILON)).map(|integral| {
            let order = Interval::exact(order);
            let rounding = order * self.curvature / Interval::exact(8.0) / excess;
            (Interval::exact(integral) / (order * square) + rounding).hi
        });
        falling.map_or(uniform, |falling| falling.min(uniform))
    }
}

/// How far the table reaches.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the variance is at most 2^14")]
fn reach(mu: f64) -> usize {
    (48.0 * libm::sqrt(mu)) as usize + 256
}

/// Not below `2 ln(I_0/I_1)`. For large `mu` from `I_1/I_0 >= 1 - y` with `y = 1/(2 mu) + 1/(4 mu^2)` (same section) and
/// `-ln(1 - y) <= y + y^2/2 + y^3/2`; the recurrence would lose more to rounding.
pub(super) fn curvature(mu: f64) -> Interval {
    let number = Interval::exact;
    let y = number(0.5) / number(mu) + number(0.25) / number(mu).square();
    let series = number(2.0) * y + y.square() * (number(1.0) + y);
    let recurrence = if mu <= LARGEST_RECURRENCE { ratios(mu, 0).first().copied() } else { None };
    let exact = recurrence.map(|ratio| number(-2.0) * ratio.ln());
    Interval { lo: 0.0, hi: exact.unwrap_or(series).hi }
}

/// Encloses `I_{k+1}(mu)/I_k(mu)` for `k = 0..=last`, by the recurrence `1/r_{k-1} = 2k/mu + r_k` downwards. It starts further out from
/// the bounds of Amos (1974), proved again in the same section:
///
/// ```text
/// mu / (k + 1/2 + sqrt((k + 3/2)^2 + mu^2))  <=  r_k  <=  mu / (k + 1/2 + sqrt((k + 1/2)^2 + mu^2))
/// ```
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2^16 more")]
pub(super) fn ratios(mu: f64, last: usize) -> Vec<Interval> {
    let run_in = (RUN_IN * libm::sqrt(mu)).min(65_536.0) as usize + 32;
    let number = Interval::exact;
    let start = Interval::integer((last + run_in) as u64);
    let (half, mu) = (start + number(0.5), number(mu));
    let bound = |other: Interval| mu / (half + (other.square() + mu.square()).sqrt());
    let mut ratio = Interval { lo: bound(start + number(1.5)).lo, hi: bound(half).hi };
    let mut ratios = Vec::with_capacity(last + 1);
    for k in (0..last + run_in).rev() {
        ratio = number(1.0) / (Interval::integer(2 * (k as u64 + 1)) / mu + ratio);
        if k <= last {
            ratios.push(ratio);
        }
    }
    ratios.reverse();
    ratios
}

/// From `L(1), L(2), ..` the sums of `c` over the `n` integers nearest zero: `2 L(j + 1)` for `n = 2j + 1`, `L(j + 1) + L(j)` for `n = 2j`.
fn curvature_sums(logs: &[Interval]) -> Vec<(f64, f64)> {
    let mut sums = Vec::with_capacity(2 * logs.len());
    sums.push((0.0, 0.0));
    let (mut integral, mut last, mut before) = (0.0, 0.0, None::<f64>);
    for log in logs {
        for sum in [before.map(|before| before + log.hi), Some(2.0 * log.hi)].into_iter().flatten() {
            integral = (integral + (last + sum) / 2.0) * (1.0 + 2.0 * f64::EPSILON);
            sums.push((sum * (1.0 + f64::EPSILON), integral));
            last = sum;
        }
        before = Some(log.hi);
    }
    sums
}

/// The law with variance `mu` from `L(1), L(2), ..`; its reference variance is `mu` too.
#[allow(clippy::cast_precision_loss, reason = "the table is short")]
fn law(mu: f64, logs: &[Interval]) -> Option<Law> {
    let (mut log_u, mut sum) = (Vec::with_capacity(logs.len() + 1), Interval::exact(0.0));
    log_u.push((0.0, 0.0));
    for (k, log) in logs.iter().enumerate() {
        sum = sum + Interval::exact(k as f64 + 0.5) / Interval::exact(mu) - *log;
        let middle = sum.lo / 2.0 + sum.hi / 2.0;
        log_u.push((middle, (sum.hi - middle).max(middle - sum.lo) * (1.0 + 2.0 * f64::EPSILON)));
    }
    Law::new(mu, log_u, Tail::LogConcave)
}
