//! Limit and in flight over time, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::run::Sample;
use crate::scenario::Scenario;

const LIMIT: RGBColor = RGBColor(31, 119, 180);
const IN_FLIGHT: RGBColor = RGBColor(255, 127, 14);
const SENT: RGBColor = RGBColor(120, 120, 120);

fn in_flight(sample: &Sample) -> f64 {
    sample.in_flight as f64
}

fn limit(sample: &Sample) -> f64 {
    sample.belief.limit.map_or(0.0, |limit| limit as f64)
}

/// Draws one run of one client.
pub fn draw(
    path: &Path,
    scenario: &Scenario,
    client: &str,
    samples: &[Sample],
) -> Result<(), Box<dyn Error>> {
    let end = samples.last().map_or(1.0, |sample| sample.at.max(1.0));
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
    let points = |of: fn(&Sample) -> f64| {
        samples
            .iter()
            .map(move |sample| (sample.at, of(sample).min(top)))
            .collect::<Vec<_>>()
    };
    let key = |color: RGBColor| {
        move |(x, y): (i32, i32)| Rectangle::new([(x, y - 3), (x + 16, y + 3)], color.filled())
    };
    chart
        .draw_series(AreaSeries::new(points(in_flight), 0.0, IN_FLIGHT.mix(0.4)))?
        .label("in flight")
        .legend(key(IN_FLIGHT));
    chart
        .draw_series(LineSeries::new(
            points(|sample| sample.sent_per_second),
            &SENT,
        ))?
        .label("sent per second")
        .legend(key(SENT));
    if samples.iter().any(|sample| sample.belief.limit.is_some()) {
        chart
            .draw_series(LineSeries::new(points(limit), &LIMIT))?
            .label("limit")
            .legend(key(LIMIT));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(SENT)
        .draw()?;
    root.present()?;
    Ok(())
}
