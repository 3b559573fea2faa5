//! Lines over common places, as CSV and SVG files.

use std::{error::Error, fmt::Write as _, path::Path};

use crate::{
    files,
    plot::{self, COLORS, Form, Look, Panel},
};

pub(crate) struct Chart {
    pub(crate) name: &'static str,
    pub(crate) across: &'static str,
    pub(crate) up: &'static str,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Writes `name.csv` and `name.svg`.
pub(crate) fn write(directory: &Path, chart: &Chart) -> Result<(), Box<dyn Error>> {
    let path = directory.join(chart.name);
    files::write(&path.with_extension("csv"), &csv(chart))?;
    files::write(&path.with_extension("svg"), &plot::svg(&plot(chart))?)?;
    Ok(())
}

fn csv(chart: &Chart) -> String {
    let names: Vec<&str> = chart.lines.iter().map(|line| line.name).collect();
    let mut text = format!("{},{}\n", chart.across, names.join(","));
    let places = chart.lines.first().map_or(0, |line| line.points.len());
    for place in 0..places {
        let row: Vec<(f64, f64)> = chart.lines.iter().filter_map(|line| line.points.get(place).copied()).collect();
        let values: Vec<String> = row.iter().map(|(_, value)| value.to_string()).collect();
        let across = row.first().map_or(0.0, |(across, _)| *across);
        let _ = writeln!(text, "{across},{}", values.join(","));
    }
    text
}

fn plot(chart: &Chart) -> plot::Chart {
    let looks = COLORS.map(|color| Look { color, form: Form::Solid });
    let line = |(line, look): (&Line, Look)| plot::Line { look, points: line.points.clone(), gaps: Vec::new() };
    plot::Chart {
        title: format!("{} by {}", chart.up, chart.across),
        across: chart.across,
        up: chart.up,
        log_across: true,
        legend: chart.lines.iter().zip(looks).map(|(line, look)| (line.name.to_owned(), look)).collect(),
        panels: vec![Panel { title: String::new(), lines: chart.lines.iter().zip(looks).map(line).collect() }],
    }
}
