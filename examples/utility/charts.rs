//! Rows as charts: by bits, by epsilon as in the papers, and with or without a rotation.

use crate::{
    experiment::Grid,
    measure::Vectors,
    plot::{COLORS, Chart, Form, INK, Line, Look, Panel},
    row::{DISCRETE_GAUSSIAN, Row, SKELLAM},
    scheme::{Central, Rotation},
};

/// File names without their ending, and charts.
pub(crate) fn all(grid: &Grid, rows: &[Row]) -> [(&'static str, Chart); 3] {
    [("bits", by_bits(grid, rows)), ("epsilon", by_epsilon(grid, rows)), ("rotation", by_rotation(grid, rows))]
}

const MSE: &str = "MSE of a coordinate of the sum / clip²";

fn by_bits(grid: &Grid, rows: &[Row]) -> Chart {
    let looks: Vec<(&Central, _)> = grid.centrals.iter().zip(COLORS.into_iter().cycle()).collect();
    let panel = |clients: u32| {
        let lines = looks.iter().flat_map(|&(central, color)| {
            let of = |mechanism: &str| select(rows, clients, mechanism).filter(|row| row.epsilon == central.epsilon).collect();
            let level = grid.bits.iter().map(|bits| (f64::from(*bits), central.squared_error())).collect();
            [
                line(of(SKELLAM), Look { color, form: Form::Solid }, bits, mse),
                Line { gaps: Vec::new(), ..line(of(DISCRETE_GAUSSIAN), Look { color, form: Form::Circles }, bits, mse) },
                Line { look: Look { color, form: Form::Dotted }, points: level, gaps: Vec::new() },
            ]
        });
        Panel { title: title(clients), lines: lines.collect() }
    };
    let mut legend: Vec<_> = looks
        .iter()
        .map(|&(central, color)| (format!("epsilon {}", central.epsilon), Look { color, form: Form::Solid }))
        .collect();
    legend.extend(mechanisms("central Gaussian", Form::Dotted));
    Chart {
        title: format!("Error by bits a word; vectors of {} values, rotated", grid.rules.length),
        across: "bits of a word",
        up: MSE,
        log_across: false,
        legend,
        panels: grid.clients.iter().copied().map(panel).collect(),
    }
}

/// The axes of the figures of Kairouz, Liu and Steinke (2021) and of Agarwal, Kairouz and Liu (2021).
fn by_epsilon(grid: &Grid, rows: &[Row]) -> Chart {
    let planned = |bits: &u8| rows.iter().any(|row| row.bits == *bits && row.rotation == Rotation::On && row.measured.is_some());
    let even = grid.bits.iter().copied().filter(|bits| bits.is_multiple_of(2));
    let looks: Vec<(u8, _)> = even.filter(planned).zip(COLORS.into_iter().cycle()).collect();
    let central: Vec<(f64, f64)> = grid.centrals.iter().map(|central| (central.epsilon, central.squared_error())).collect();
    let panel = |clients: u32| {
        let mut lines = Vec::new();
        for &(bits, color) in &looks {
            let of = |mechanism: &str| select(rows, clients, mechanism).filter(|row| row.bits == bits).collect();
            lines.push(line(of(SKELLAM), Look { color, form: Form::Solid }, |row| row.epsilon, mse));
            let circles = line(of(DISCRETE_GAUSSIAN), Look { color, form: Form::Circles }, |row| row.epsilon, mse);
            lines.push(Line { gaps: Vec::new(), ..circles });
        }
        lines.push(Line { look: Look { color: INK, form: Form::Dotted }, points: central.clone(), gaps: Vec::new() });
        Panel { title: title(clients), lines }
    };
    let mut legend: Vec<_> =
        looks.iter().map(|&(bits, color)| (format!("{bits} bits"), Look { color, form: Form::Solid })).collect();
    legend.extend(mechanisms("central Gaussian", Form::Dotted));
    Chart {
        title: format!("Error by epsilon at delta {:e}; vectors of {} values, rotated", grid.rules.delta, grid.rules.length),
        across: "epsilon",
        up: MSE,
        log_across: true,
        legend,
        panels: grid.clients.iter().copied().map(panel).collect(),
    }
}

fn by_rotation(grid: &Grid, rows: &[Row]) -> Chart {
    let kinds = [
        (Rotation::On, "rotated"),
        (Rotation::Off, "not rotated"),
        (Rotation::Unplanned, "not rotated, at the scale for rotated ones"),
    ];
    let looks: Vec<_> = kinds.into_iter().zip(COLORS).map(|((rotation, name), color)| (rotation, name, color)).collect();
    let epsilon = grid.middle().epsilon;
    let panel = |clients: u32| {
        // The first on top.
        let lines = looks.iter().rev().flat_map(|&(rotation, _, color)| {
            let of = |vectors| {
                let same = |row: &&Row| row.vectors == vectors && row.rotation == rotation && row.mechanism == SKELLAM;
                rows.iter().filter(move |row| row.clients == clients && row.epsilon == epsilon).filter(same).collect()
            };
            let spikes = line(of(Vectors::Spike), Look { color, form: Form::Circles }, bits, Row::ratio);
            [line(of(Vectors::Sphere), Look { color, form: Form::Solid }, bits, Row::ratio), Line { gaps: Vec::new(), ..spikes }]
        });
        Panel { title: title(clients), lines: lines.collect() }
    };
    let mut legend: Vec<_> = looks.iter().map(|&(_, name, color)| (name.to_owned(), Look { color, form: Form::Solid })).collect();
    legend.extend([("points of the sphere", Form::Solid), ("spikes", Form::Circles), ("refused", Form::Crosses)].map(key));
    Chart {
        title: format!("Error with and without a rotation; epsilon {epsilon}, Skellam noise, {} values", grid.rules.length),
        across: "bits of a word",
        up: "MSE / MSE of the central Gaussian",
        log_across: false,
        legend,
        panels: grid.clients.iter().copied().map(panel).collect(),
    }
}

/// Rotated points of the sphere.
fn select<'a>(rows: &'a [Row], clients: u32, mechanism: &str) -> impl Iterator<Item = &'a Row> {
    let (sphere, on) = (Vectors::Sphere, Rotation::On);
    rows.iter()
        .filter(move |row| row.clients == clients && row.mechanism == mechanism && row.vectors == sphere && row.rotation == on)
}

fn line(rows: Vec<&Row>, look: Look, across: impl Fn(&Row) -> f64, up: impl Fn(&Row) -> Option<f64>) -> Line {
    let points = rows.iter().filter_map(|row| Some((across(row), up(row)?))).collect();
    let gaps = rows.iter().filter(|row| row.measured.is_none()).map(|row| across(row)).collect();
    Line { look, points, gaps }
}

fn bits(row: &Row) -> f64 {
    row.bits.into()
}

fn mse(row: &Row) -> Option<f64> {
    row.measured.map(|measured| measured.mse)
}

fn title(clients: u32) -> String {
    format!("{clients} clients")
}

fn mechanisms(reference: &'static str, form: Form) -> [(String, Look); 4] {
    [("Skellam", Form::Solid), ("discrete Gaussian", Form::Circles), (reference, form), ("refused", Form::Crosses)].map(key)
}

fn key((name, form): (&str, Form)) -> (String, Look) {
    (name.to_owned(), Look { color: INK, form })
}
