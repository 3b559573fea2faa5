//! The chart of the example: test accuracy after each round, as SVG.
//!
//! The legend stands between the title and the axes, so that it never covers
//! a line.

use std::error::Error;

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf32;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What the chart shows. Every accuracy is a share of the test set, 0 to 1,
/// and every curve has one value per round, from round 1.
#[derive(Clone, Debug)]
pub(crate) struct Curves<'a> {
    /// The model learned by secure aggregation.
    pub(crate) federated: &'a [f32],
    /// The same with averaging in the clear; drawn only where it differs.
    pub(crate) plain: &'a [f32],
    /// Name and curve of each nation that trains without the others.
    pub(crate) alone: &'a [(&'a str, Vec<f32>)],
    /// Final accuracy of one model trained on everybody's data.
    pub(crate) pooled: f32,
    /// Images in the test set.
    pub(crate) test_images: usize,
}

/// Draws the chart: the text of an SVG file.
pub(crate) fn chart(curves: &Curves<'_>) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (header, body) = root.split_vertically(HEADER_HEIGHT);
    let lines = lines(curves);
    draw_title(&header, curves)?;
    draw_legend(&header, &lines)?;
    draw_axes_and_lines(&body, curves, &lines)?;
    root.present()?;
    drop((root, header, body));
    Ok(text)
}

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Axes<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf32, RangedCoordf32>>;

/// Width and height of the picture in pixels.
const SIZE: (u32, u32) = (960, 600);
const HEADER_HEIGHT: i32 = 132;
/// Space left of the title and of the vertical axis, in pixels.
pub(crate) const LEFT: i32 = 24;

pub(crate) const FONT: &str = "Helvetica, Arial, sans-serif";
pub(crate) const INK: RGBColor = RGBColor(34, 40, 49);
pub(crate) const FAINT_INK: RGBColor = RGBColor(95, 104, 115);
pub(crate) const GRID: RGBColor = RGBColor(232, 235, 239);
pub(crate) const BLUE_LINE: RGBColor = RGBColor(0, 90, 181);
pub(crate) const ORANGE_LINE: RGBColor = RGBColor(240, 150, 30);
pub(crate) const GREEN_LINE: RGBColor = RGBColor(20, 130, 85);
pub(crate) const RED_LINE: RGBColor = RGBColor(190, 45, 60);
pub(crate) const GREY_LINE: RGBColor = RGBColor(190, 196, 204);

/// A family of lines that share a style and an entry in the legend.
struct Line {
    label: String,
    color: RGBColor,
    width: u32,
    dashed: bool,
    /// Accuracies in percent, one list per line.
    curves: Vec<Vec<f32>>,
}

/// All lines, the one drawn last (on top) at the end.
fn lines(curves: &Curves<'_>) -> Vec<Line> {
    let mut lines = vec![nations_alone(curves)];
    lines.extend(best_alone(curves));
    lines.extend([pooled(curves), federated(curves)]);
    if curves.plain != curves.federated {
        lines.push(plain(curves));
    }
    lines
}

fn nations_alone(curves: &Curves<'_>) -> Line {
    Line {
        label: "Each nation alone".into(),
        color: GREY_LINE,
        width: 1,
        dashed: false,
        curves: curves.alone.iter().map(|(_, curve)| percent(curve)).collect(),
    }
}

fn pooled(curves: &Curves<'_>) -> Line {
    Line {
        label: format!("All data pooled: {:.1} %", 100.0 * curves.pooled),
        color: GREEN_LINE,
        width: 2,
        dashed: true,
        curves: vec![level(curves.pooled, curves)],
    }
}

/// The final accuracy of the nation that does best without the others.
fn best_alone(curves: &Curves<'_>) -> Option<Line> {
    let finals = curves.alone.iter().filter_map(|(name, curve)| Some((name, *curve.last()?)));
    let (name, best) = finals.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    Some(Line {
        label: format!("Best nation alone ({name}): {:.1} %", 100.0 * best),
        color: RED_LINE,
        width: 2,
        dashed: true,
        curves: vec![level(best, curves)],
    })
}

fn federated(curves: &Curves<'_>) -> Line {
    let last = curves.federated.last().copied().unwrap_or_default();
    Line {
        label: format!("Together, secure aggregation: {:.1} %", 100.0 * last),
        color: BLUE_LINE,
        width: 3,
        dashed: false,
        curves: vec![percent(curves.federated)],
    }
}

fn plain(curves: &Curves<'_>) -> Line {
    let last = curves.plain.last().copied().unwrap_or_default();
    Line {
        label: format!("Together, averaged in the clear: {:.1} %", 100.0 * last),
        color: ORANGE_LINE,
        width: 2,
        dashed: true,
        curves: vec![percent(curves.plain)],
    }
}

fn percent(curve: &[f32]) -> Vec<f32> {
    curve.iter().map(|accuracy| 100.0 * accuracy).collect()
}

/// A horizontal line as long as the federated curve.
fn level(accuracy: f32, curves: &Curves<'_>) -> Vec<f32> {
    vec![100.0 * accuracy; curves.federated.len()]
}

fn draw_title(header: &Area<'_>, curves: &Curves<'_>) -> Result<(), Box<dyn Error>> {
    let title = "Twelve nations learn to read digits, and none shows its data";
    let subtitle =
        format!("Test accuracy after each round of training, on {} images that no nation has seen", curves.test_images);
    header.draw_text(title, &text(23, INK, VPos::Top), (LEFT, 20))?;
    header.draw_text(&subtitle, &text(15, FAINT_INK, VPos::Top), (LEFT, 50))?;
    Ok(())
}

/// Draws the legend in two rows, the line on top of the others first.
fn draw_legend(header: &Area<'_>, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    let columns = (LEFT..).step_by(306).take(lines.len().div_ceil(2));
    let places = [84, 108].map(|y| columns.clone().map(move |x| (x, y)));
    for (line, (x, y)) in lines.iter().rev().zip(places.into_iter().flatten()) {
        let sample = [(x, y), (x + 28, y)];
        let style = line.color.stroke_width(line.width.max(2));
        if line.dashed {
            header.draw(&DashedPathElement::new(sample, 6, 5, style))?;
        } else {
            header.draw(&PathElement::new(sample, style))?;
        }
        header.draw_text(&line.label, &text(14, INK, VPos::Center), (x + 36, y))?;
    }
    Ok(())
}

fn draw_axes_and_lines(body: &Area<'_>, curves: &Curves<'_>, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    let rounds = f32::from(u16::try_from(curves.federated.len())?);
    let mut axes = ChartBuilder::on(body)
        .margin_left(LEFT)
        .margin_right(30)
        .margin_bottom(14)
        .margin_top(8)
        .x_label_area_size(46)
        .y_label_area_size(58)
        .build_cartesian_2d(1.0..rounds, lowest(lines)..100.0)?;
    draw_grid(&mut axes, curves.federated.len())?;
    for line in lines {
        draw_line(&mut axes, line)?;
    }
    Ok(())
}

/// The lowest accuracy on the chart, down to a multiple of ten percent.
fn lowest(lines: &[Line]) -> f32 {
    let values = lines.iter().flat_map(|line| line.curves.iter().flatten());
    (values.copied().fold(90.0, f32::min) / 10.0).floor() * 10.0
}

fn draw_grid(axes: &mut Axes<'_, '_>, rounds: usize) -> Result<(), Box<dyn Error>> {
    axes.configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT_INK)
        .x_labels(rounds.min(8))
        .y_labels(8)
        .x_label_formatter(&|round| if round.fract() == 0.0 { round.to_string() } else { String::new() })
        .y_label_formatter(&|accuracy| format!("{accuracy:.0} %"))
        .x_desc("Round")
        .y_desc("Test accuracy")
        .label_style((FONT, 14).into_font().color(&FAINT_INK))
        .axis_desc_style((FONT, 15).into_font().color(&INK))
        .draw()?;
    Ok(())
}

fn draw_line(axes: &mut Axes<'_, '_>, line: &Line) -> Result<(), Box<dyn Error>> {
    let style = line.color.stroke_width(line.width);
    for curve in &line.curves {
        let points: Vec<(f32, f32)> = (1_u16..).map(f32::from).zip(curve.iter().copied()).collect();
        if line.dashed {
            axes.draw_series(DashedLineSeries::new(points, 6, 5, style))?;
        } else {
            axes.draw_series(LineSeries::new(points, style))?;
        }
    }
    Ok(())
}

/// Text of a size in pixels, anchored at its left end.
pub(crate) fn text(size: i32, color: RGBColor, vertical: VPos) -> TextStyle<'static> {
    let anchor = Pos::new(HPos::Left, vertical);
    (FONT, size).into_font().color(&color).pos(anchor)
}
