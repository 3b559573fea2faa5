//! The sum of discrete Gaussian shares: closed-form bounds, and the numeric bound per coordinate.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "table lengths, far below 2^32"
)]

use alloc::vec::Vec;

use super::{
    convolution::Table,
    interval::{Interval, LIBM},
    lattice::{Law, Rise, Tail},
    maximum::Coordinate,
    published,
    shares::Shares,
};

/// Above this variance parameter of the sum no table is built: it would take more than about 100 ms.
const LARGEST_VARIANCE: f64 = 131_072.0;
/// Tables reach this many standard deviations, or one whole period.
const REACH: f64 = 40.0;
/// Tables that hold a period are continued up to this many standard deviations.
const PERIODIC_REACH: f64 = 160.0;

/// A table of a whole period is tried for groups of at most this many shares.
const LARGEST_GROUP: usize = 16_384;

/// What does not depend on the order.
#[derive(Clone, Debug)]
pub(super) struct DiscreteGaussian {
    shares: Shares,
    tau: Option<Interval>,
    rise: Rise,
    groups: Groups,
    law: Option<Law>,
}

/// The shares in `count` groups, and the curvature of the sum of one: not below `2 ln P(k) - ln P(k-1) - ln P(k+1)` for any `k`.
#[derive(Clone, Copy, Debug)]
struct Groups {
    count: f64,
    curvature: f64,
}

impl DiscreteGaussian {
    /// Without the tables: for the closed forms.
    pub(super) fn closed_form(shares: &Shares) -> Self {
        let tau = published::tau(shares);
        let honest = Interval::integer(shares.honest);
        // One share has curvature 1/s^2 everywhere, and a sum has at most that of a part.
        let curvature = (Interval::exact(1.0) / shares.local()).hi;
        let rise = Rise { range: f64::INFINITY, period: honest.lo, local: shares.local().lo, curvature };
        Self { shares: *shares, tau, rise, groups: Groups { count: honest.lo, curvature }, law: None }
    }

    /// With the tables, unless the closed form is as good or they can not be certified.
    pub(super) fn numeric(shares: &Shares) -> Self {
        let mut this = Self::closed_form(shares);
        let slack = this.excess(1.0) * 2.0 * shares.variance().hi;
        if slack > 1e-9 && shares.variance().hi <= LARGEST_VARIANCE {
            this.build();
        }
        this
    }

    /// The tables: one whole period of the largest group for which it succeeds, since entries far out can be too small for `f64`; and
    /// for the sum of all, if that group is smaller, one as far as it can be had.
    fn build(&mut self) {
        let Ok(n) = usize::try_from(self.shares.honest) else { return };
        let mut count = n.div_ceil(LARGEST_GROUP);
        while n / count >= 2 && self.groups.count as usize != count {
            match Periodic::new(n / count, &self.shares) {
                Some(periodic) => {
                    self.groups = Groups { count: count as f64, curvature: periodic.curvature() };
                    self.rise.curvature = self.groups.curvature;
                    if count == 1 {
                        return self.law = periodic.law(&mut self.rise);
                    }
                }
                None => count *= 2,
            }
        }
        let deviation = libm::sqrt(self.shares.variance().hi);
        let mut reach = (REACH * deviation) as usize + 64;
        while self.law.is_none() && reach as f64 > 3.0 * deviation && reach > 8 {
            self.law = Entries::new(n, &self.shares, reach).and_then(|entries| entries.law(Tail::Bounded(self.rise)));
            reach /= 2;
        }
    }

    /// The theorem of the paper.
    pub(super) fn of_the_paper(shares: &Shares, order: f64) -> f64 {
        Self::closed_form(shares).published(order)
    }

    /// The same.
    pub(super) fn published(&self, order: f64) -> f64 {
        self.tau.map_or(f64::INFINITY, |tau| published::discrete_gaussian(&self.shares, tau, order))
    }

    /// `a L2^2/(2V) + min{ L1/(2 s^2), n d'/(8 s^2), tau d' }`, `d'` the coordinates that can change; the last only where tau is defined.
    pub(super) fn closed(&self, order: f64) -> f64 {
        let slope = Interval::exact(order) * self.slope();
        (slope + self.offset(self.shares.sensitivity.l1())).hi
    }

    /// The least `rho` known for zCDP.
    pub(super) fn zcdp(&self) -> f64 {
        // Orders are above 1, so the offset may be multiplied by the order.
        let ours = (self.slope() + self.offset(self.shares.sensitivity.l1())).hi;
        self.tau.map_or(ours, |tau| ours.min(published::discrete_gaussian_zcdp(&self.shares, tau)))
    }

    /// `L2^2/(2V)`.
    fn slope(&self) -> Interval {
        Interval::integer(self.shares.sensitivity.l2_squared()) / (Interval::exact(2.0) * self.shares.variance())
    }

    /// The sum over coordinates of what is added to the Gaussian's divergence.
    fn offset(&self, l1: u64) -> Interval {
        let (local, support) = (self.shares.local(), Interval::integer(self.shares.sensitivity.support()));
        if self.shares.honest == 1 {
            return Interval::exact(0.0);
        }
        let by_l1 = Interval::integer(l1) / (Interval::exact(2.0) * local);
        let by_support = Interval::integer(self.shares.honest) * support / (Interval::exact(8.0) * local);
        let split = by_l1.min(by_support);
        self.tau.map_or(split, |tau| split.min(tau * support))
    }

    /// Not below `R_a(D) - a D^2/(2V)`, for every order.
    fn excess(&self, shift: f64) -> f64 {
        let period = self.rise.period;
        // From half a period on the largest value, that at half a period: not increasing when divided by D^2.
        let rise = self.rise.at(shift.min(period / 2.0));
        self.tau.map_or(rise, |tau| rise.min(tau.hi))
    }
}

impl Coordinate for DiscreteGaussian {
    fn divergence(&self, order: f64, shift: f64, terms: &mut Vec<f64>) -> Option<f64> {
        self.law.as_ref()?.divergence(order, shift, terms)
    }

    fn is_numeric(&self) -> bool {
        self.law.is_some() || self.groups.count < self.rise.period
    }

    fn beyond(&self, order: f64, shift: f64) -> f64 {
        let number = Interval::exact;
        let square = number(shift) * number(shift);
        // Not increasing in D: below n/2 the excess is D (n - D)/(2 s^2 n), above it is bounded by its largest value.
        let gaussian = number(order) / (number(2.0) * self.shares.variance());
        let split = gaussian + number(self.excess(shift)) / square;
        // A shift is spread over the groups as evenly as integers allow: the squares add up to at most D^2/G + G/4.
        let Groups { count, curvature } = self.groups;
        let uneven = if count > 1.0 { number(count) / (number(4.0) * square) } else { number(0.0) };
        let between = if order == libm::floor(order) {
            number(0.0)
        } else {
            number(count.min(shift)) / (number(4.0) * number(order - 1.0).widened() * square)
        };
        let grouped = number(curvature) / number(2.0) * (number(order) * (number(1.0) / number(count) + uneven) + between);
        split.min(grouped).hi
    }
}

/// `ln u(k)` and error bounds, `k = 0, 1, ..`, of a sum of `n` shares.
struct Entries {
    variance: f64,
    logs: Vec<(f64, f64)>,
}

impl Entries {
    fn new(n: usize, shares: &Shares, reach: usize) -> Option<Self> {
        let table = Table::of_sum(n, shares.local_variance, reach)?;
        let error = table.error * (1.0 + 1e-6);
        let entry = |u: &f64| {
            let log = libm::log(*u);
            (log, error + LIBM * log.abs())
        };
        let mut entries = Self { variance: shares.local_variance * n as f64, logs: table.u.iter().map(entry).collect() };
        entries.refer();
        Some(entries)
    }

    /// The reference variance differs from the exact one by a relative 2^-52 at most.
    fn refer(&mut self) {
        let scale = 2.0 * f64::EPSILON / (2.0 * self.variance) * (1.0 + 1e-6);
        self.logs.iter_mut().enumerate().for_each(|(k, log)| log.1 += scale * (k as f64) * (k as f64));
    }

    fn law(self, tail: Tail) -> Option<Law> {
        Law::new(self.variance, self.logs, tail)
    }
}

/// At least one whole period, `k = 0..=n/2 + 1`.
struct Periodic {
    n: usize,
    entries: Entries,
}

impl Periodic {
    fn new(n: usize, shares: &Shares) -> Option<Self> {
        Some(Self { n, entries: Entries::new(n, shares, n / 2 + 1)? })
    }

    /// Not below the curvature at any `k`: it has the period of `u` and is even.
    fn curvature(&self) -> f64 {
        let logs = &self.entries.logs;
        let at = |k: usize| logs.get(k).copied().unwrap_or((f64::NEG_INFINITY, 0.0));
        let curvature = |k: usize| {
            let (before, here, after) = (at(k.abs_diff(1)), at(k), at(k + 1));
            let rounding = 4.0 * f64::EPSILON * (before.0.abs() + 2.0 * here.0.abs() + after.0.abs());
            2.0 * here.0 - before.0 - after.0 + before.1 + 2.0 * here.1 + after.1 + rounding
        };
        let largest = (0..=self.n / 2).map(curvature).fold(0.0, f64::max);
        (largest + 1.0 / self.entries.variance) * (1.0 + 8.0 * f64::EPSILON)
    }

    /// The law, its table continued by the period; `rise` learns the range of `u`.
    fn law(self, rise: &mut Rise) -> Option<Law> {
        let Self { n, entries: Entries { variance, logs } } = self;
        let most = logs.iter().map(|(log, error)| log + error).fold(f64::NEG_INFINITY, f64::max);
        let least = logs.iter().map(|(log, error)| log - error).fold(f64::INFINITY, f64::min);
        rise.range = most - least + 4.0 * f64::EPSILON * (most.abs() + least.abs());
        let length = ((PERIODIC_REACH * libm::sqrt(variance)) as usize + 64).max(n);
        let entry = |k: usize| logs.get((k % n).min(n - k % n)).copied();
        let mut entries = Entries { variance, logs: (0..=length).map_while(entry).collect() };
        entries.refer();
        entries.law(Tail::Bounded(*rise))
    }
}
