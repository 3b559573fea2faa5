//! Probabilities of the laws in double precision, and what is expected of draws from them. Independent of the crate.

use std::iter::once;

/// `P(0), P(1), ..` of a symmetric law.
pub(crate) type Half = Vec<f64>;

/// By Miller's backward recurrence for ratios of Bessel functions.
pub(crate) fn skellam(variance: f64) -> Half {
    let len = (60.0 + 12.0 * variance.sqrt()) as usize;
    let mut ratios = vec![0.0; len + 60];
    for k in (0..ratios.len() - 1).rev() {
        ratios[k] = 1.0 / (2.0 * (k as f64 + 1.0) / variance + ratios[k + 1]);
    }
    normalised(once(1.0).chain(ratios.iter().take(len).scan(1.0, |mass, ratio| {
        *mass *= ratio;
        Some(*mass)
    })))
}

pub(crate) fn gaussian(variance: f64) -> Half {
    let len = (20.0 + 12.0 * variance.sqrt()) as usize;
    normalised((0..len).map(|x| (-(x as f64).powi(2) / (2.0 * variance)).exp()))
}

/// The sum of `fraction / r` shares of `r` each: the difference of two negative binomial variables of `fraction` successes.
pub(crate) fn laplace_shares(noise_parameter: f64, fraction: f64) -> Half {
    let len = (40.0 / noise_parameter) as usize + 10;
    let polya: Vec<f64> = once(1.0)
        .chain((0..2 * len).scan(1.0, |mass, j| {
            *mass *= (-noise_parameter).exp() * (fraction + j as f64) / (1.0 + j as f64);
            Some(*mass)
        }))
        .collect();
    normalised((0..len).map(|x| polya.iter().skip(x).zip(&polya).map(|(a, b)| a * b).sum()))
}

pub(crate) fn laplace(noise_parameter: f64) -> Half {
    normalised((0..(40.0 / noise_parameter) as usize + 10).map(|x| (-noise_parameter * x as f64).exp()))
}

fn normalised(masses: impl Iterator<Item = f64>) -> Half {
    let masses: Half = masses.collect();
    let total = 2.0 * masses.iter().sum::<f64>() - masses[0];
    masses.iter().map(|mass| mass / total).collect()
}

/// `E |x|^power`.
pub(crate) fn moment(half: &Half, power: i32) -> f64 {
    2.0 * half.iter().enumerate().map(|(x, p)| (x as f64).powi(power) * p).sum::<f64>()
}

/// How often each value was drawn.
pub(crate) struct Counts {
    /// Of the values from `-zero` on; what is further out counts at the ends.
    counts: Vec<u64>,
    zero: i64,
}

impl Counts {
    /// Room for the values that have a probability here.
    pub(crate) fn of(half: &Half) -> Self {
        let zero = half.len() as i64;
        Self { counts: vec![0; 2 * zero as usize + 1], zero }
    }

    pub(crate) fn add(&mut self, draws: &[i64]) {
        let last = 2 * self.zero;
        draws.iter().for_each(|draw| self.counts[(draw + self.zero).clamp(0, last) as usize] += 1);
    }

    /// `sum f(x)` over all draws.
    fn sum(&self, f: impl Fn(i64) -> f64) -> f64 {
        (-self.zero..).zip(&self.counts).filter(|(_, count)| **count > 0).map(|(x, count)| f(x) * *count as f64).sum()
    }
}

/// Everything that is suspicious about these draws: empty for almost every sample of the law, of any size.
pub(crate) fn suspicions(draws: &[i64], half: &Half) -> Vec<String> {
    let mut counts = Counts::of(half);
    counts.add(draws);
    suspicions_of(&counts, half)
}

pub(crate) fn suspicions_of(draws: &Counts, half: &Half) -> Vec<String> {
    let n = draws.sum(|_| 1.0);
    let (second, fourth) = (moment(half, 2), moment(half, 4));
    let bins = Bins::new(half, n);
    let counts = bins.count(draws);
    let cut = (3.0 * second.sqrt()) as i64;
    let beyond = 2.0 * half.iter().skip(cut as usize + 1).sum::<f64>();
    let outside = draws.sum(|x| f64::from(u8::from(x.abs() > cut)));
    let scores = [
        ("mean", draws.sum(|x| x as f64) / (n * second).sqrt()),
        ("variance", (draws.sum(|x| (x as f64).powi(2)) - n * second) / (n * (fourth - second * second)).sqrt()),
        ("tails", (outside - n * beyond) / (n * beyond + 1.0).sqrt()),
        ("chi-square", bins.chi_square(&counts)),
        // Kolmogorov's distribution is above 2.7 once in a million times; scaled to the limit of the others.
        ("Kolmogorov-Smirnov", bins.kolmogorov(&counts, n) * LIMIT / 2.7),
    ];
    scores
        .iter()
        .filter(|(_, score)| score.is_nan() || score.abs() > LIMIT)
        .map(|(name, score)| format!("{name}: {score:.1}"))
        .collect()
}

/// Standard deviations.
const LIMIT: f64 = 5.0;
/// Fewer draws than this make no bin.
const LEAST_EXPECTED: f64 = 60.0;
const MOST_BINS: f64 = 4000.0;

/// Neighbouring values, put together until enough draws are expected there.
struct Bins {
    /// The bin of each value from `-last` on.
    of: Vec<usize>,
    expected: Vec<f64>,
}

impl Bins {
    fn new(half: &Half, n: f64) -> Self {
        let least = LEAST_EXPECTED.max(n / MOST_BINS);
        let (mut of, mut expected, mut here) = (Vec::new(), Vec::new(), 0.0);
        for p in half.iter().rev().chain(half.iter().skip(1)) {
            of.push(expected.len());
            here += n * p;
            if here >= least {
                expected.push(here);
                here = 0.0;
            }
        }
        *expected.last_mut().unwrap() += here;
        let last = expected.len() - 1;
        of.iter_mut().for_each(|bin| *bin = (*bin).min(last));
        Self { of, expected }
    }

    fn count(&self, draws: &Counts) -> Vec<f64> {
        let mut counts = vec![0.0; self.expected.len()];
        let zero = (self.of.len() / 2) as i64;
        for (x, count) in (-draws.zero..).zip(&draws.counts) {
            let place = (x + zero).clamp(0, self.of.len() as i64 - 1);
            counts[self.of[place as usize]] += *count as f64;
        }
        counts
    }

    /// In standard deviations (of the statistic, by its variance `2 k`).
    fn chi_square(&self, counts: &[f64]) -> f64 {
        let degrees = (counts.len() - 1) as f64;
        let statistic: f64 = counts.iter().zip(&self.expected).map(|(got, want)| (got - want).powi(2) / want).sum();
        // Wilson and Hilferty's cube root, for few degrees of freedom.
        ((statistic / degrees).cbrt() - (1.0 - 2.0 / (9.0 * degrees))) / (2.0 / (9.0 * degrees)).sqrt()
    }

    /// The largest distance of the distribution functions, times the root of `n`.
    fn kolmogorov(&self, counts: &[f64], n: f64) -> f64 {
        let (mut difference, mut largest) = (0.0_f64, 0.0_f64);
        for (got, want) in counts.iter().zip(&self.expected) {
            difference += got - want;
            largest = largest.max(difference.abs());
        }
        largest / n.sqrt()
    }
}
