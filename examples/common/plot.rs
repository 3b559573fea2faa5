//! Line charts as SVG, with panels side by side. The legend stands above them, so that it never covers a line.

#![allow(dead_code, reason = "not every example needs all of it")]

use std::{error::Error, ops::Range};

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
    },
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// Panels that share their axes and a legend. The vertical axis is logarithmic.
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) across: &'static str,
    pub(crate) up: &'static str,
    /// Whether the horizontal axis is logarithmic too.
    pub(crate) log_across: bool,
    pub(crate) legend: Vec<(String, Look)>,
    pub(crate) panels: Vec<Panel>,
}

/// One pair of axes.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
}

/// Points, of which only the finite and positive ones are drawn.
pub(crate) struct Line {
    pub(crate) look: Look,
    pub(crate) points: Vec<(f64, f64)>,
    /// Where there is no value: crosses at the upper edge.
    pub(crate) gaps: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) color: RGBColor,
    pub(crate) form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Solid,
    Dashed,
    Dotted,
    Circles,
    Crosses,
}

/// Colors that can be told apart, also by the color-blind (Okabe and Ito, 2008), dark ones first.
pub(crate) const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];
pub(crate) const INK: RGBColor = RGBColor(34, 40, 49);

const FAINT_INK: RGBColor = RGBColor(95, 104, 115);
const GRID: RGBColor = RGBColor(232, 235, 239);
const FONT: &str = "Helvetica, Arial, sans-serif";
/// Pixels.
const PANEL: (u32, u32) = (430, 400);
const LEFT: i32 = 20;
const LEGEND_TOP: i32 = 54;
const LEGEND_ROW: i32 = 22;
/// About the width of a letter of the legend.
const LETTER: i32 = 7;
/// Between rows of crosses.
const GAP_ROW: i32 = 9;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws the chart: the text of an SVG file.
pub(crate) fn svg(chart: &Chart) -> Result<String> {
    let mut text = String::new();
    let count = chart.panels.len();
    let width = PANEL.0 * u32::try_from(count)?.max(2);
    let places = legend_places(chart, i32::try_from(width)?);
    let header = places.last().map_or(0, |(_, y)| *y) + LEGEND_ROW;
    let (across, up) = ranges(chart).ok_or_else(|| format!("{}: no finite points", chart.title))?;
    {
        let root = SVGBackend::with_string(&mut text, (width, PANEL.1 + u32::try_from(header)?)).into_drawing_area();
        root.fill(&WHITE)?;
        let (header, body) = root.split_vertically(header);
        header.draw_text(&chart.title, &style(18, INK), (LEFT, 26))?;
        for ((name, look), place) in chart.legend.iter().zip(places) {
            draw_key(&header, name, *look, place)?;
        }
        for (panel, area) in chart.panels.iter().zip(body.split_evenly((1, count))) {
            if chart.log_across {
                draw_panel(&area, chart, panel, marked(&across).log_scale(), &up)?;
            } else {
                draw_panel(&area, chart, panel, across.clone(), &up)?;
            }
        }
        root.present()?;
    }
    Ok(text)
}

/// Marks of a logarithmic axis begin at the first power of ten: with only one inside, at the one below.
fn marked(across: &Range<f64>) -> Range<f64> {
    let few = across.start.log10().ceil() + 1.0 > across.end.log10();
    (if few { 10_f64.powf(across.start.log10().floor()) } else { across.start })..across.end
}

/// From left to right, then the next row.
fn legend_places(chart: &Chart, width: i32) -> Vec<(i32, i32)> {
    let (mut x, mut y) = (LEFT, LEGEND_TOP);
    let place = |(name, _): &(String, Look)| {
        let needs = 60 + LETTER * i32::try_from(name.chars().count()).unwrap_or(0);
        if x + needs > width && x > LEFT {
            (x, y) = (LEFT, y + LEGEND_ROW);
        }
        let place = (x, y);
        x += needs;
        place
    };
    chart.legend.iter().map(place).collect()
}

fn draw_key(header: &Area<'_>, name: &str, look: Look, (x, y): (i32, i32)) -> Result<()> {
    let sample = [(x, y), (x + 26, y)];
    match look.form {
        Form::Solid => header.draw(&PathElement::new(sample, look.color.stroke_width(2)))?,
        Form::Dashed => header.draw(&DashedPathElement::new(sample, 6, 4, look.color.stroke_width(2)))?,
        Form::Dotted => header.draw(&DashedPathElement::new(sample, 2, 3, look.color.stroke_width(2)))?,
        Form::Circles => header.draw(&Circle::new((x + 13, y), 4, look.color.stroke_width(2)))?,
        Form::Crosses => header.draw(&Cross::new((x + 13, y), 3, look.color.stroke_width(1)))?,
    }
    header.draw_text(name, &style(13, INK), (x + 32, y))?;
    Ok(())
}

fn draw_panel<X>(area: &Area<'_>, chart: &Chart, panel: &Panel, across: X, up: &Range<f64>) -> Result<()>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let high = up.end * (up.end / up.start).powf(0.12);
    let mut builder = ChartBuilder::on(area);
    if !panel.title.is_empty() {
        builder.caption(&panel.title, style(15, INK));
    }
    let mut axes = builder
        .margin(10)
        .x_label_area_size(42)
        .y_label_area_size(62)
        .build_cartesian_2d(across, (up.start * 0.9..high).log_scale())?;
    axes.configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(FAINT_INK)
        .x_labels(13)
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .label_style(style(12, FAINT_INK))
        .axis_desc_style(style(13, INK))
        .x_desc(chart.across)
        .y_desc(chart.up)
        .draw()?;
    for (row, line) in (0..).zip(panel.lines.iter().filter(|line| !line.gaps.is_empty())) {
        let cross = |&x| EmptyElement::at((x, high)) + Cross::new((0, 6 + GAP_ROW * row), 3, line.look.color.stroke_width(1));
        axes.draw_series(line.gaps.iter().map(cross))?;
    }
    for Line { look, points, .. } in &panel.lines {
        let points = points.iter().copied().filter(drawn);
        match look.form {
            Form::Solid => drop(axes.draw_series(LineSeries::new(points, look.color.stroke_width(2)))?),
            Form::Dashed => drop(axes.draw_series(dashes(points, 6, 4, look.color))?),
            Form::Dotted => drop(axes.draw_series(dashes(points, 2, 3, look.color))?),
            Form::Circles => drop(axes.draw_series(points.map(|point| Circle::new(point, 4, look.color.stroke_width(2))))?),
            Form::Crosses => drop(axes.draw_series(points.map(|point| Cross::new(point, 3, look.color.stroke_width(1))))?),
        }
    }
    Ok(())
}

fn dashes(
    points: impl Iterator<Item = (f64, f64)>,
    size: i32,
    spacing: i32,
    color: RGBColor,
) -> DashedLineSeries<std::vec::IntoIter<(f64, f64)>, i32> {
    DashedLineSeries::new(points.collect::<Vec<_>>(), size, spacing, color.stroke_width(2))
}

fn drawn(point: &(f64, f64)) -> bool {
    point.1.is_finite() && point.1 > 0.0
}

/// Of all panels, so that they can be compared. Where there are only crosses, any height does.
fn ranges(chart: &Chart) -> Option<(Range<f64>, Range<f64>)> {
    let lines = || chart.panels.iter().flat_map(|panel| &panel.lines);
    let points = || lines().flat_map(|line| &line.points).copied().filter(drawn);
    let gaps = lines().flat_map(|line| &line.gaps).copied();
    let across = range(points().map(|(across, _)| across).chain(gaps))?;
    Some((across, range(points().map(|(_, up)| up)).unwrap_or(0.5..2.0)))
}

fn range(numbers: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let (low, high) = numbers.fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    (low <= high).then_some(low..if high > low { high } else { 2.0 * low })
}

/// Powers of ten come with rounding errors.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "what plotters calls")]
fn tick(value: &f64) -> String {
    if (0.01..1e5).contains(value) { format!("{}", (value * 1000.0).round() / 1000.0) } else { format!("{value:.0e}") }
}

/// Text of a size in pixels, anchored at the middle of its left end.
fn style(size: i32, color: RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(&color).pos(Pos::new(HPos::Left, VPos::Center))
}
