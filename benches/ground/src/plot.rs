//! Limit and in flight over time, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::run::Sample;
use crate::scenario::Scenario;

const LIMIT: RGBColor = RGBColor(31, 119, 180);
const IN_FLIGHT: RGBColor = RGBColor(255, 127, 14);
const SENT: RGBColor = RGBColor(120, 120, 120);

/// Draws one run of one client.
pub fn draw(
    path: &Path,
    scenario: &Scenario,
    client: &str,
    samples: &[Sample],
) -> Result<(), Box<dyn Error>> {
    let end = samples.last().map_or(1.0, |sample| sample.at.max(1.0));
    let in_flight = |sample: &Sample| sample.in_flight as f64;
    let limit = |sample: &Sample| sample.belief.limit.map_or(0.0, |limit| limit as f64);
    let highest = samples.iter().map(in_flight).fold(1.0, f64::max);
    // A limit that has nothing to bind it may be far above what is in flight: cut off there.
    let top = samples
        .iter()
        .map(limit)
        .fold(highest, f64::max)
        .min(3.0 * highest)
        * 1.05;

    let root = SVGBackend::new(path, (760, 320)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("{}: {client}", scenario.title), ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(34)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .light_line_style(WHITE)
        .draw()?;
    let mut line = |name: &str, color: RGBColor, of: &dyn Fn(&Sample) -> f64| {
        let points = samples
            .iter()
            .map(|sample| (sample.at, of(sample).min(top)));
        chart
            .draw_series(LineSeries::new(points, &color))
            .map(|series| {
                series
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color));
            })
    };
    line("sent per second", SENT, &|sample| sample.sent_per_second)?;
    line("in flight", IN_FLIGHT, &in_flight)?;
    if samples.iter().any(|sample| sample.belief.limit.is_some()) {
        line("limit", LIMIT, &limit)?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(SENT)
        .draw()?;
    root.present()?;
    Ok(())
}
