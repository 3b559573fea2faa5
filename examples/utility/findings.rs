//! The shape of the figures, in numbers.

use serde::Serialize;

use crate::{
    experiment::Grid,
    measure::Vectors,
    row::{DISCRETE_GAUSSIAN, Measured, Row, SKELLAM},
    scheme::{Central, Rotation},
};

/// As good as the central Gaussian: at most so many times its error.
pub(crate) const CLOSE: f64 = 1.1;
/// Bits that match the central Gaussian according to Kairouz, Liu and Steinke (2021), abstract.
const PUBLISHED_BITS: u8 = 16;

/// What the rows say.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    pub(crate) least_bits: Vec<LeastBits>,
    /// Largest error over that of the central Gaussian at this number of bits, over all clients and epsilons, with a rotation.
    pub(crate) at_bits: u8,
    pub(crate) largest_ratio_there: Option<f64>,
    /// By how much a bit more divides what the error has above that of the central Gaussian: median.
    pub(crate) excess_divided_per_bit: Option<f64>,
    /// `None` where no point has both.
    pub(crate) mechanisms: Option<Differ>,
    /// Where plans with Skellam noise begin most bits before those with discrete Gaussian noise.
    pub(crate) skellam_sooner: Option<Sooner>,
    /// Least and largest error over what the plan says, rotated or planned without.
    pub(crate) measured_over_planned: Option<(f64, f64)>,
    pub(crate) rotation: Vec<WithoutRotation>,
    pub(crate) flattens: Vec<Flattens>,
}

/// From where on the error is within [`CLOSE`] of the central Gaussian's; `None` if not within the range of bits.
#[derive(Debug, Serialize)]
pub(crate) struct LeastBits {
    pub(crate) clients: u32,
    pub(crate) epsilon: f64,
    pub(crate) skellam: Option<u8>,
    pub(crate) discrete_gaussian: Option<u8>,
    pub(crate) skellam_not_rotated: Option<u8>,
    pub(crate) discrete_gaussian_not_rotated: Option<u8>,
}

/// The error with Skellam noise over that with discrete Gaussian noise, minus one.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Differ {
    /// By the geometric mean.
    pub(crate) on_average: f64,
    /// The largest absolute value.
    pub(crate) at_most: f64,
    /// Standard deviation if they were equal.
    pub(crate) by_chance: f64,
}

/// The least bits with a plan.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sooner {
    pub(crate) clients: u32,
    pub(crate) epsilon: f64,
    pub(crate) skellam: u8,
    pub(crate) discrete_gaussian: u8,
}

/// What a rotation is worth, at the middle epsilon.
#[derive(Debug, Serialize)]
pub(crate) struct WithoutRotation {
    pub(crate) clients: u32,
    /// The least bits with a plan, with and without.
    pub(crate) least_bits: Option<u8>,
    pub(crate) least_bits_without: Option<u8>,
    /// Error without over error with, at the latter number of bits.
    pub(crate) times: Option<f64>,
    /// The same at the scale of the rotated plan, where it is largest.
    pub(crate) unplanned_spikes: Option<(u8, f64)>,
    pub(crate) unplanned_sphere: Option<(u8, f64)>,
}

/// How error falls from the least epsilon to the largest, at the least bits that have a plan for all.
#[derive(Debug, Serialize)]
pub(crate) struct Flattens {
    pub(crate) clients: u32,
    pub(crate) bits: u8,
    pub(crate) divided_by: f64,
    pub(crate) central_divided_by: f64,
}

impl Findings {
    pub(crate) fn new(grid: &Grid, rows: &[Row]) -> Self {
        let table = Table { grid, rows };
        let at_bits = grid.bits.iter().copied().min_by_key(|bits| bits.abs_diff(PUBLISHED_BITS)).unwrap_or(PUBLISHED_BITS);
        let samples = grid.rules.length as f64 * grid.repetitions as f64;
        let planned = rows.iter().filter(|row| row.rotation != Rotation::Unplanned).filter_map(|row| row.measured);
        let over_planned = planned.map(|measured| measured.mse / measured.planned_mse);
        Self {
            least_bits: table.least_bits(),
            at_bits,
            largest_ratio_there: table.largest_ratio(at_bits),
            excess_divided_per_bit: median(table.excess_divided((2.0 / samples).sqrt())),
            mechanisms: table.differ(samples),
            skellam_sooner: table.skellam_sooner(),
            measured_over_planned: extremes(over_planned),
            rotation: grid.clients.iter().map(|&clients| table.without_rotation(clients)).collect(),
            flattens: grid.clients.iter().filter_map(|&clients| table.flattens(clients)).collect(),
        }
    }
}

struct Table<'a> {
    grid: &'a Grid,
    rows: &'a [Row],
}

/// Which rows.
#[derive(Clone, Copy)]
struct Key {
    vectors: Vectors,
    rotation: Rotation,
    mechanism: &'static str,
    clients: u32,
    epsilon: f64,
}

impl Key {
    /// Points of the sphere, rotated, with Skellam noise.
    fn new(clients: u32, epsilon: f64) -> Self {
        Self { vectors: Vectors::Sphere, rotation: Rotation::On, mechanism: SKELLAM, clients, epsilon }
    }
}

impl Table<'_> {
    /// By rising bits; `None` where the planner refuses.
    fn line(&self, key: Key) -> Vec<(u8, Option<Measured>)> {
        let same = |row: &&Row| {
            (row.vectors, row.rotation, row.mechanism) == (key.vectors, key.rotation, key.mechanism)
                && row.clients == key.clients
                && row.epsilon == key.epsilon
        };
        self.rows.iter().filter(same).map(|row| (row.bits, row.measured)).collect()
    }

    fn planned(&self, key: Key) -> Vec<(u8, Measured)> {
        self.line(key).into_iter().filter_map(|(bits, measured)| Some((bits, measured?))).collect()
    }

    fn keys(&self) -> impl Iterator<Item = Key> {
        let epsilons = || self.grid.centrals.iter().map(|central| central.epsilon);
        self.grid.clients.iter().flat_map(move |&clients| epsilons().map(move |epsilon| Key::new(clients, epsilon)))
    }

    fn least_bits(&self) -> Vec<LeastBits> {
        let least = |key: Key| {
            let close = |measured: &Option<Measured>| measured.is_some_and(|measured| measured.ratio <= CLOSE);
            let line = self.line(key);
            line.iter().rev().take_while(|(_, measured)| close(measured)).last().map(|(bits, _)| *bits)
        };
        let all = |key: Key| {
            let (gaussian, off) = (Key { mechanism: DISCRETE_GAUSSIAN, ..key }, Rotation::Off);
            LeastBits {
                clients: key.clients,
                epsilon: key.epsilon,
                skellam: least(key),
                discrete_gaussian: least(gaussian),
                skellam_not_rotated: least(Key { rotation: off, ..key }),
                discrete_gaussian_not_rotated: least(Key { rotation: off, ..gaussian }),
            }
        };
        self.keys().map(all).collect()
    }

    fn largest_ratio(&self, bits: u8) -> Option<f64> {
        let rows =
            self.rows.iter().filter(|row| row.bits == bits && row.rotation == Rotation::On && row.vectors == Vectors::Sphere);
        let ratios: Option<Vec<f64>> = rows.map(Row::ratio).collect();
        ratios.map(|ratios| ratios.into_iter().fold(0.0, f64::max))
    }

    /// Where the excess is well above the scatter of the measurement, and below one: there rounding is a correction.
    fn excess_divided(&self, scatter: f64) -> Vec<f64> {
        let of = |key: Key| {
            let excess: Vec<f64> = self.planned(key).iter().map(|(_, measured)| measured.ratio - 1.0).collect();
            let pairs = excess.windows(2).filter(|pair| pair[0] < 1.0 && pair[1] > 4.0 * scatter);
            pairs.map(|pair| pair[0] / pair[1]).collect::<Vec<_>>()
        };
        self.keys().flat_map(|key| [of(key), of(Key { mechanism: DISCRETE_GAUSSIAN, ..key })]).flatten().collect()
    }

    /// Error with Skellam noise over error with discrete Gaussian noise, where both have a plan.
    fn ratios_of_mechanisms(&self) -> Vec<f64> {
        let of = |key: Key| {
            let others = self.line(Key { mechanism: DISCRETE_GAUSSIAN, ..key });
            let pairs = self.line(key).into_iter().zip(others);
            pairs.filter_map(|((_, skellam), (_, gaussian))| Some(skellam?.mse / gaussian?.mse)).collect::<Vec<_>>()
        };
        self.keys().flat_map(|key| [of(key), of(Key { rotation: Rotation::Off, ..key })]).flatten().collect()
    }

    fn differ(&self, samples: f64) -> Option<Differ> {
        let ratios = self.ratios_of_mechanisms();
        let (low, high) = extremes(ratios.iter().copied())?;
        let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
        Some(Differ { on_average: mean.exp_m1(), at_most: (high - 1.0).max(1.0 - low), by_chance: (4.0 / samples).sqrt() })
    }

    fn skellam_sooner(&self) -> Option<Sooner> {
        let of = |key: Key| {
            let first = |key: Key| self.planned(key).first().map(|(bits, _)| *bits);
            let (skellam, discrete_gaussian) = (first(key)?, first(Key { mechanism: DISCRETE_GAUSSIAN, ..key })?);
            (skellam < discrete_gaussian).then_some(Sooner {
                clients: key.clients,
                epsilon: key.epsilon,
                skellam,
                discrete_gaussian,
            })
        };
        self.keys().filter_map(of).max_by_key(|sooner| sooner.discrete_gaussian - sooner.skellam)
    }

    fn without_rotation(&self, clients: u32) -> WithoutRotation {
        let key = Key::new(clients, self.grid.middle().epsilon);
        let (on, off) = (self.planned(key), self.planned(Key { rotation: Rotation::Off, ..key }));
        let first = |line: &[(u8, Measured)]| line.first().map(|(bits, _)| *bits);
        let at = |bits: u8| Some(on.iter().find(|(other, _)| *other == bits)?.1.mse);
        let worst = |vectors| {
            let line = self.planned(Key { vectors, rotation: Rotation::Unplanned, ..key });
            let times = line.into_iter().filter_map(|(bits, measured)| Some((bits, measured.mse / at(bits)?)));
            times.max_by(|a, b| a.1.total_cmp(&b.1))
        };
        WithoutRotation {
            clients,
            least_bits: first(&on),
            least_bits_without: first(&off),
            times: off.first().and_then(|(bits, measured)| Some(measured.mse / at(*bits)?)),
            unplanned_spikes: worst(Vectors::Spike),
            unplanned_sphere: worst(Vectors::Sphere),
        }
    }

    fn flattens(&self, clients: u32) -> Option<Flattens> {
        let lines = self.grid.centrals.iter().map(|&Central { epsilon, .. }| self.line(Key::new(clients, epsilon)));
        let lines: Vec<_> = lines.collect();
        let place = (0..self.grid.bits.len()).find(|&place| lines.iter().all(|line| line[place].1.is_some()))?;
        let (first, last) = (lines.first()?[place].1?, lines.last()?[place].1?);
        let (divided_by, central_divided_by) = (first.mse / last.mse, first.central_mse / last.central_mse);
        Some(Flattens { clients, bits: self.grid.bits[place], divided_by, central_divided_by })
    }
}

fn extremes(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    numbers.fold(None, |range, x| range.map_or(Some((x, x)), |(low, high): (f64, f64)| Some((low.min(x), high.max(x)))))
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}
