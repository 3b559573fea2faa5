//! CSV and SVG files.

use std::{error::Error, fmt::Write as _, fs, path::Path};

use plotters::prelude::*;

/// Lines over common places.
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

const COLORS: [RGBColor; 3] = [RGBColor(0xb0, 0x3a, 0x2e), RGBColor(0x1f, 0x61, 0x8d), RGBColor(0x1e, 0x84, 0x49)];

/// Writes `name.csv` and `name.svg`.
pub(crate) fn write(directory: &Path, chart: &Chart) -> Result<(), Box<dyn Error>> {
    let path = directory.join(chart.name);
    fs::write(path.with_extension("csv"), csv(chart))?;
    fs::write(path.with_extension("svg"), svg(chart)?)?;
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

/// Powers of ten come with rounding errors.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "what plotters calls")]
fn tick(value: &f64) -> String {
    if (0.01..1e5).contains(value) { format!("{}", (value * 1000.0).round() / 1000.0) } else { format!("{value:.0e}") }
}

fn svg(chart: &Chart) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let points = || chart.lines.iter().flat_map(|line| line.points.iter().copied()).filter(|(_, up)| up.is_finite() && *up > 0.0);
    let range = |pick: fn((f64, f64)) -> f64| {
        points().map(pick).fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)))
    };
    let ((left, right), (low, high)) = (range(|point| point.0), range(|point| point.1));
    if !(left < right && low <= high) {
        return Err(format!("{}: fewer than two finite points", chart.name).into());
    }
    // Marks begin at the first power of ten: with only one inside, at the one below.
    let left = if left.log10().ceil() + 1.0 > right.log10() { 10_f64.powf(left.log10().floor()) } else { left };
    {
        let root = SVGBackend::with_string(&mut text, (800, 500)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut context = ChartBuilder::on(&root)
            .margin(24)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d((left..right).log_scale(), (low * 0.9..high * 2.0).log_scale())?;
        let mut mesh = context.configure_mesh();
        mesh.x_label_formatter(&tick).y_label_formatter(&tick).light_line_style(WHITE);
        mesh.x_desc(chart.across).y_desc(chart.up).draw()?;
        for (line, color) in chart.lines.iter().zip(COLORS) {
            let finite = line.points.iter().copied().filter(|(_, up)| up.is_finite() && *up > 0.0);
            context
                .draw_series(LineSeries::new(finite, color.stroke_width(2)))?
                .label(line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        }
        // Where no line goes.
        let ends = chart.lines.first().and_then(|line| Some((line.points.first()?.1, line.points.last()?.1)));
        let rising = ends.is_some_and(|(first, last)| first < last);
        let corner = if rising { SeriesLabelPosition::UpperLeft } else { SeriesLabelPosition::UpperRight };
        context.configure_series_labels().position(corner).background_style(WHITE).border_style(BLACK).draw()?;
        root.present()?;
    }
    Ok(text)
}
