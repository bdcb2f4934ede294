//! One pair of axes, with its legend above it.

use std::error::Error;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Where the legend goes.
const LEGEND: u32 = 22;

/// The pixels that a letter of the legend takes, about: there is no font to measure.
const LETTER: f64 = 6.0;

/// How opaque an area is.
const FILLED: f64 = 0.55;

const GRID: RGBColor = RGBColor(228, 228, 228);
const TEXT: RGBColor = RGBColor(40, 40, 40);

/// Dark letters of a size.
pub(super) fn font(size: u32) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size).into_font()).color(&TEXT)
}

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Style {
    Area,
    Line,
    Dashes,
    /// A mark at the lower edge for each point.
    Ticks,
}

#[derive(Debug)]
pub(super) struct Curve {
    /// Not in the legend if empty.
    pub(super) label: &'static str,
    pub(super) color: RGBColor,
    pub(super) style: Style,
    pub(super) points: Vec<(f64, f64)>,
}

#[derive(Debug)]
pub(super) struct Panel {
    /// What the vertical axis counts.
    pub(super) what: &'static str,
    /// How many times the highest of the others a line may rise; above it is cut off.
    pub(super) shown: f64,
    pub(super) curves: Vec<Curve>,
}

impl Panel {
    /// The end of the vertical axis.
    fn top(&self) -> f64 {
        let highest = |of: &dyn Fn(Style) -> bool| {
            let curves = self.curves.iter().filter(|curve| of(curve.style));
            let points = curves.flat_map(|curve| &curve.points);
            points.map(|point| point.1).fold(0.0, f64::max)
        };
        let lines = highest(&|style| style == Style::Line);
        let others = highest(&|style| matches!(style, Style::Area | Style::Dashes));
        1.08 * lines.min(self.shown * others).max(others).max(1.0)
    }

    pub(super) fn draw(&self, area: &Area<'_>, end: f64) -> Result<(), Box<dyn Error>> {
        let (legend, area) = area.split_vertically(LEGEND);
        self.legend(&legend)?;
        let top = self.top();
        let mut chart = ChartBuilder::on(&area)
            .margin_left(6)
            .margin_right(16)
            .margin_top(4)
            .margin_bottom(4)
            .x_label_area_size(40)
            .y_label_area_size(54)
            .build_cartesian_2d(0.0..end, 0.0..top)?;
        self.axes(&mut chart, top)?;
        let column = end / f64::from(chart.plotting_area().dim_in_pixel().0);
        for curve in &self.curves {
            curve.draw(&mut chart, top, column)?;
        }
        Ok(())
    }

    fn axes(&self, chart: &mut Chart<'_, '_>, top: f64) -> Result<(), Box<dyn Error>> {
        let font = font(14);
        let whole = |value: &f64| format!("{value:.0}");
        let digits = move |value: &f64| {
            if top < 3.0 {
                format!("{value:.1}")
            } else {
                whole(value)
            }
        };
        chart
            .configure_mesh()
            .x_desc("time in seconds")
            .y_desc(self.what)
            .x_label_formatter(&whole)
            .y_label_formatter(&digits)
            .y_labels(6)
            .label_style(font.clone())
            .axis_desc_style(font)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .max_light_lines(0)
            .draw()?;
        Ok(())
    }

    fn legend(&self, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
        let mut x = 66;
        let labelled = self.curves.iter();
        for curve in labelled.filter(|curve| !curve.label.is_empty() && !curve.points.is_empty()) {
            let height = match curve.style {
                Style::Area | Style::Ticks => 5,
                Style::Line | Style::Dashes => 1,
            };
            let width = match curve.style {
                Style::Ticks => 2,
                _ => 18,
            };
            let color = match curve.style {
                Style::Area => curve.color.mix(FILLED),
                _ => curve.color.to_rgba(),
            };
            let parts: &[(i32, i32)] = match curve.style {
                Style::Dashes => &[(0, 7), (11, 18)],
                _ => &[(0, width)],
            };
            for (from, to) in parts {
                let corners = [(x + from, 13 - height), (x + to, 13 + height)];
                area.draw(&Rectangle::new(corners, color.filled()))?;
            }
            area.draw_text(curve.label, &font(14), (x + width + 5, 6))?;
            x += width + 24 + (LETTER * curve.label.len() as f64) as i32;
        }
        Ok(())
    }
}

impl Curve {
    /// Draws what lies below `top`. `column` is the width of a pixel.
    fn draw(&self, chart: &mut Chart<'_, '_>, top: f64, column: f64) -> Result<(), Box<dyn Error>> {
        let color = self.color;
        let points = self.points.iter().map(|(at, y)| (*at, y.min(top)));
        match self.style {
            Style::Area => {
                let points = thin(points, column);
                chart.draw_series(AreaSeries::new(points, 0.0, color.mix(FILLED)))?;
            }
            Style::Line => {
                let points = thin(points, column);
                chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
            }
            Style::Dashes => {
                let points = thin(points, column).into_iter();
                chart.draw_series(DashedLineSeries::new(points, 7, 5, color.stroke_width(1)))?;
            }
            Style::Ticks => {
                let tick = |at: f64| {
                    PathElement::new(vec![(at, 0.0), (at, 0.07 * top)], color.stroke_width(1))
                };
                chart.draw_series(points.map(|(at, _)| tick(at)))?;
            }
        }
        Ok(())
    }
}

/// Leaves out what cannot be seen: of the points in one column of pixels all but the one furthest from
/// the column before, and what lies on a level line between its neighbours.
fn thin(points: impl Iterator<Item = (f64, f64)>, column: f64) -> Vec<(f64, f64)> {
    let mut columns: Vec<(f64, f64)> = Vec::new();
    for point in points {
        if let [.., before, last] = columns.as_mut_slice() {
            if (last.0 / column).floor() == (point.0 / column).floor() {
                if (point.1 - before.1).abs() > (last.1 - before.1).abs() {
                    *last = point;
                }
                continue;
            }
        }
        columns.push(point);
    }
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for point in columns {
        match kept.as_mut_slice() {
            [.., before, last] if before.1 == last.1 && last.1 == point.1 => *last = point,
            _ => kept.push(point),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(levels: &[f64], column: f64) -> Vec<f64> {
        let points = levels.iter().enumerate().map(|(i, y)| (i as f64, *y));
        thin(points, column).iter().map(|point| point.0).collect()
    }

    #[test]
    fn level_stretches_keep_their_ends() {
        let levels = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 1.0];
        assert_eq!(kept(&levels, 1.0), [0.0, 3.0, 4.0, 6.0, 7.0]);
        assert_eq!(kept(&[5.0], 1.0), [0.0]);
    }

    #[test]
    fn a_level_ends_where_a_spike_begins() {
        let levels = [5.0, 5.0, 5.0, 5.0, 5.0, 6.0, 5.0, 5.0, 5.0, 5.0];
        assert_eq!(kept(&levels, 2.0), [0.0, 2.0, 5.0, 6.0, 8.0]);
    }

    #[test]
    fn a_spike_within_a_column_is_kept() {
        let levels = [1.0, 2.0, 3.0, 9.0, 3.0, 3.0, 4.0, 4.0];
        assert_eq!(kept(&levels, 3.0), [0.0, 2.0, 3.0, 6.0]);
    }
}
