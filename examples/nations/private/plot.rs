//! The chart of private training: accuracy and epsilon by round, and accuracy against epsilon.

use std::{error::Error, ops::Range};

use plotters::{element::DashedPathElement, prelude::*, style::text_anchor::VPos};

use super::{
    History, References, Setting,
    frontier::{Frontier, Point, Spread},
};
use crate::plot::{Area, BLUE_LINE, FAINT_INK, FONT, GREEN_LINE, GREY_LINE, GRID, INK, LEFT, ORANGE_LINE, RED_LINE, text};

const SIZE: (u32, u32) = (1120, 1000);
const TITLE_HEIGHT: i32 = 78;
const MIDDLE: i32 = 480;
/// Of a line of a legend.
const LEGEND_HEIGHT: i32 = 22;

struct Line {
    label: String,
    color: RGBColor,
    dashed: bool,
    points: Vec<(f32, f32)>,
}

struct Panel<'a> {
    title: &'a str,
    x: (&'a str, Range<f32>, fn(&f32) -> String),
    y: (&'a str, Range<f32>, fn(&f32) -> String),
    lines: Vec<Line>,
}

/// Draws the chart: the text of an SVG file.
pub(crate) fn chart(
    setting: &Setting,
    history: &History,
    references: &References,
    frontiers: &[Frontier],
) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (header, body) = root.split_vertically(TITLE_HEIGHT);
    draw_title(&header, setting)?;
    let (upper, lower) = body.split_vertically(MIDDLE);
    let (left, right) = upper.split_horizontally(SIZE.0 / 2);
    by_round(history, references)?.draw(&left)?;
    spent(setting, history)?.draw(&right)?;
    frontier(frontiers).draw(&lower)?;
    root.present()?;
    drop((root, header, body, upper, lower, left, right));
    Ok(text)
}

fn draw_title(header: &Area<'_>, setting: &Setting) -> Result<(), Box<dyn Error>> {
    let target = setting.target;
    let title = "Nations learn to read digits, and the sums hide each of them";
    let subtitle = format!(
        "Differential privacy for a whole nation: epsilon {} at delta {:e} for all {} rounds",
        target.epsilon, target.delta, setting.rounds
    );
    header.draw_text(title, &text(23, INK, VPos::Top), (LEFT, 16))?;
    header.draw_text(&subtitle, &text(15, FAINT_INK, VPos::Top), (LEFT, 46))?;
    Ok(())
}

fn by_round<'a>(history: &History, references: &References) -> Result<Panel<'a>, Box<dyn Error>> {
    let rounds = f32::from(u16::try_from(history.private.len())?);
    let level = |label: &str, color, value: f32| Line {
        label: format!("{label}: {:.1} %", 100.0 * value),
        color,
        dashed: true,
        points: vec![(1.0, 100.0 * value), (rounds, 100.0 * value)],
    };
    let curve = |label: &str, color, curve: &[f32]| Line {
        label: format!("{label}: {:.1} %", 100.0 * crate::last(curve)),
        color,
        dashed: false,
        points: (1_u16..).map(f32::from).zip(curve.iter().map(|accuracy| 100.0 * accuracy)).collect(),
    };
    let lines = vec![
        level("Not private", GREEN_LINE, references.open),
        level("Best nation alone", RED_LINE, references.best_alone),
        curve("Clipped, no noise", GREY_LINE, &history.clipped),
        curve("Trusted curator", ORANGE_LINE, &history.central),
        curve("Secure sums", BLUE_LINE, &history.private),
    ];
    let (x, y) =
        (("Round", 1.0..rounds, whole as fn(&f32) -> String), ("Test accuracy", 0.0..100.0, percent as fn(&f32) -> String));
    Ok(Panel { title: "Twelve nations, by round", x, y, lines })
}

#[allow(clippy::cast_possible_truncation, reason = "for a picture")]
fn spent<'a>(setting: &Setting, history: &History) -> Result<Panel<'a>, Box<dyn Error>> {
    let (rounds, target) = (f32::from(u16::try_from(history.spent.len())?), setting.target.epsilon as f32);
    let points = (1_u16..).map(f32::from).zip(history.spent.iter().map(|epsilon| *epsilon as f32)).collect();
    let lines = vec![
        Line { label: format!("Budget: {target}"), color: RED_LINE, dashed: true, points: vec![(1.0, target), (rounds, target)] },
        Line { label: "Spent, by the ledger".into(), color: BLUE_LINE, dashed: false, points },
    ];
    let (x, y) =
        (("Round", 1.0..rounds, whole as fn(&f32) -> String), ("Epsilon", 0.0..1.1 * target, number as fn(&f32) -> String));
    Ok(Panel { title: "Epsilon spent, by round", x, y, lines })
}

#[allow(clippy::cast_possible_truncation, reason = "for a picture")]
fn frontier<'a>(frontiers: &[Frontier]) -> Panel<'a> {
    let epsilons = frontiers.iter().flat_map(|frontier| &frontier.points).map(|point| point.epsilon.log2() as f32);
    let (low, high) = epsilons.fold((0.0_f32, 1.0_f32), |(low, high), epsilon| (low.min(epsilon), high.max(epsilon)));
    let range = low.floor()..high.ceil();
    let mut lines = Vec::new();
    for (frontier, color, faint) in
        frontiers.iter().zip([(RED_LINE, ORANGE_LINE), (BLUE_LINE, GREEN_LINE)]).map(|(f, (a, b))| (f, a, b))
    {
        let nations = frontier.nations;
        let curve = |which: fn(&Point) -> Spread| {
            frontier.points.iter().map(|point| (point.epsilon.log2() as f32, 100.0 * which(point).mean)).collect()
        };
        let (alone, level) = (100.0 * frontier.best_alone, |y| vec![(range.start, y), (range.end, y)]);
        let line = |label, color, dashed, points| Line { label, color, dashed, points };
        lines.push(line(format!("{nations}: best nation alone, {alone:.1} %"), color, true, level(alone)));
        lines.push(line(format!("{nations} nations, trusted curator"), faint, false, curve(|point| point.central)));
        lines.push(line(format!("{nations} nations, secure sums"), color, false, curve(|point| point.private)));
    }
    let x = (
        "Epsilon for the whole training (mean of several; below its dashed line a federation is useless)",
        range,
        power as fn(&f32) -> String,
    );
    Panel { title: "Accuracy against epsilon", x, y: ("Test accuracy", 0.0..100.0, percent), lines }
}

impl Panel<'_> {
    fn draw(self, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
        let columns = if area.dim_in_pixel().0 > SIZE.0 / 2 { 3 } else { 2 };
        let rows = i32::try_from(self.lines.len().div_ceil(columns))?;
        let (header, body) = area.split_vertically(30 + rows * LEGEND_HEIGHT);
        header.draw_text(self.title, &text(17, INK, VPos::Center), (LEFT, 12))?;
        let places = (0..rows).flat_map(|row| (0..).map(move |column| (column, row)).take(columns));
        for (line, (column, row)) in self.lines.iter().rev().zip(places) {
            line.draw_sample(&header, (LEFT + 290 * column, 36 + LEGEND_HEIGHT * row))?;
        }
        let mut axes = ChartBuilder::on(&body)
            .margin_left(LEFT)
            .margin_right(26)
            .margin_bottom(10)
            .margin_top(8)
            .x_label_area_size(44)
            .y_label_area_size(58)
            .build_cartesian_2d(self.x.1, self.y.1)?;
        axes.configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(FAINT_INK)
            .x_labels(11)
            .y_labels(8)
            .x_label_formatter(&self.x.2)
            .y_label_formatter(&self.y.2)
            .x_desc(self.x.0)
            .y_desc(self.y.0)
            .label_style((FONT, 14).into_font().color(&FAINT_INK))
            .axis_desc_style((FONT, 15).into_font().color(&INK))
            .draw()?;
        for Line { color, dashed, points, .. } in self.lines {
            if dashed {
                axes.draw_series(DashedLineSeries::new(points, 6, 5, color.stroke_width(2)))?;
            } else {
                axes.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
            }
        }
        Ok(())
    }
}

impl Line {
    fn draw_sample(&self, header: &Area<'_>, (x, y): (i32, i32)) -> Result<(), Box<dyn Error>> {
        let (sample, style) = ([(x, y), (x + 28, y)], self.color.stroke_width(2));
        if self.dashed {
            header.draw(&DashedPathElement::new(sample, 6, 5, style))?;
        } else {
            header.draw(&PathElement::new(sample, style))?;
        }
        header.draw_text(&self.label, &text(14, INK, VPos::Center), (x + 36, y))?;
        Ok(())
    }
}

fn whole(value: &f32) -> String {
    if value.fract() == 0.0 { value.to_string() } else { String::new() }
}

fn percent(value: &f32) -> String {
    format!("{value:.0} %")
}

fn number(value: &f32) -> String {
    format!("{:.3}", value).trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The axis is logarithmic, in powers of two.
fn power(value: &f32) -> String {
    if value.fract() == 0.0 { value.exp2().to_string() } else { String::new() }
}
