//! A run over time, as SVG.

mod panel;

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::clients::Belief;
use crate::run::Sample;
use crate::scenario::Scenario;

use panel::{Curve, Panel, Style, font};
use sim::best;
use sim::work::Arrivals;

const WIDTH: u32 = 760;
const HEADER: u32 = 54;
const PANEL: u32 = 236;

const LIMIT: RGBColor = RGBColor(31, 99, 180);
const IN_FLIGHT: RGBColor = RGBColor(255, 160, 60);
const BEST: RGBColor = RGBColor(60, 60, 60);
const REFUSED: RGBColor = RGBColor(200, 30, 30);

/// What a client allows itself may be far above what it uses. It is drawn up to this many times that.
const SHOWN: f64 = 1.6;

/// The same for each of several clients, in shares: when others have no more to do, a client's share is more.
const EACH: f64 = 4.0;

/// Draws one run of one client.
pub fn draw(
    path: &Path,
    scenario: &Scenario,
    client: &str,
    samples: &[Sample],
) -> Result<(), Box<dyn Error>> {
    let mut panels = vec![in_flight(scenario, samples)];
    if best::per_second(&scenario.api, &scenario.work, 0.0).is_some() {
        panels.push(per_second(scenario, samples));
    }
    if scenario.work.clients > 1 {
        panels.push(of_each(scenario, samples));
    }
    let height = HEADER + PANEL * panels.len() as u32;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (header, below) = root.split_vertically(HEADER);
    let title = format!("The API: {}", scenario.title);
    let about = format!("{}; client: {client}", work(scenario));
    header.draw_text(&title, &font(20), (12, 8))?;
    header.draw_text(&about, &font(14), (12, 32))?;
    let end = samples.last().map_or(1.0, |sample| sample.at.max(1.0));
    let areas = below.split_evenly((panels.len(), 1));
    for (panel, area) in panels.iter().zip(&areas) {
        panel.draw(area, end)?;
    }
    root.present()?;
    Ok(())
}

/// What there is to do, in words.
fn work(scenario: &Scenario) -> String {
    let arrive = match &scenario.work.arrivals {
        Arrivals::AllAtOnce if scenario.work.join_every > 0.0 => {
            "all there when their client begins".into()
        }
        Arrivals::AllAtOnce => "all there at once".into(),
        Arrivals::Poisson { per_second } => format!("{per_second} coming per second at random"),
        Arrivals::TrickleThenBurst { every, .. } => {
            format!("one every {every} s, then all the rest")
        }
        Arrivals::Batches { sizes, gap } => {
            format!("{} at once, the next {gap:.0} s after them", sizes[0])
        }
        Arrivals::Steady { every } => format!("one every {every} s"),
        Arrivals::Given(_) => "coming as recorded".into(),
    };
    let (jobs, latency) = (scenario.work.jobs, scenario.work.latency);
    format!("{jobs} jobs of {latency} s on average, {arrive}")
}

fn curve(label: &'static str, color: RGBColor, style: Style, points: Vec<(f64, f64)>) -> Curve {
    Curve {
        label,
        color,
        style,
        points,
    }
}

/// What can be told at some samples at least.
fn over_time(samples: &[Sample], of: impl Fn(&Sample) -> Option<f64>) -> Vec<(f64, f64)> {
    let at = |sample: &Sample| Some((sample.at, of(sample)?));
    samples.iter().filter_map(at).collect()
}

fn in_flight(scenario: &Scenario, samples: &[Sample]) -> Panel {
    let of_all = |sample: &Sample| {
        let limits = sample.beliefs.iter().map(|belief| belief.limit);
        limits.reduce(|sum, limit| Some(sum? + limit?)).flatten()
    };
    let limit = if scenario.work.clients > 1 {
        "limits of all clients together"
    } else {
        "limit"
    };
    let mut refused = over_time(samples, |sample| Some(sample.refused as f64));
    refused.dedup_by_key(|(_, refused)| *refused);
    Panel {
        what: "requests in flight",
        shown: SHOWN,
        curves: vec![
            curve(
                "in flight",
                IN_FLIGHT,
                Style::Area,
                over_time(samples, |sample| Some(sample.in_flight as f64)),
            ),
            curve(
                limit,
                LIMIT,
                Style::Line,
                over_time(samples, |sample| Some(of_all(sample)? as f64)),
            ),
            curve(
                "best possible",
                BEST,
                Style::Dashes,
                over_time(samples, |sample| {
                    best::in_flight(&scenario.api, &scenario.work, sample.at)
                }),
            ),
            curve("refused", REFUSED, Style::Ticks, refused.split_off(1)),
        ],
    }
}

fn per_second(scenario: &Scenario, samples: &[Sample]) -> Panel {
    // Of several clients each has its own, in a panel of its own.
    let pace = |sample: &Sample| sample.belief.pace.filter(|_| scenario.work.clients == 1);
    Panel {
        what: "requests per second",
        shown: SHOWN,
        curves: vec![
            curve(
                "sent",
                IN_FLIGHT,
                Style::Area,
                over_time(samples, |sample| Some(sample.sent_per_second)),
            ),
            curve("pace", LIMIT, Style::Line, over_time(samples, pace)),
            curve(
                "best possible on average",
                BEST,
                Style::Dashes,
                over_time(samples, |sample| {
                    best::per_second(&scenario.api, &scenario.work, sample.at)
                }),
            ),
        ],
    }
}

/// How much each client allows itself: of the rate where there is one, and else of the limit.
fn of_each(scenario: &Scenario, samples: &[Sample]) -> Panel {
    let rated = best::per_second(&scenario.api, &scenario.work, 0.0).is_some();
    let (what, of_each) = if rated {
        ("requests per second", "pace of each client")
    } else {
        ("requests in flight", "limit of each client")
    };
    let of_one = |belief: &Belief| match rated {
        true => belief.pace,
        false => belief.limit.map(|limit| limit as f64),
    };
    let clients = scenario.work.clients;
    let curve_of = |client: usize| {
        let label = if client + 1 == clients { of_each } else { "" };
        let shade = 0.3 + 0.7 * (client + 1) as f64 / clients as f64;
        let part = |part: u8| (255.0 - (255.0 - f64::from(part)) * shade) as u8;
        let RGBColor(red, green, blue) = LIMIT;
        let color = RGBColor(part(red), part(green), part(blue));
        let points = over_time(samples, |sample| of_one(sample.beliefs.get(client)?));
        curve(label, color, Style::Line, points)
    };
    let share = |sample: &Sample| {
        let all = if rated {
            best::per_second(&scenario.api, &scenario.work, sample.at)
        } else {
            best::in_flight(&scenario.api, &scenario.work, sample.at)
        };
        Some(all? / clients as f64)
    };
    let mut curves: Vec<Curve> = (0..clients).map(curve_of).collect();
    let shares = over_time(samples, share);
    curves.push(curve("equal shares", BEST, Style::Dashes, shares));
    Panel {
        what,
        shown: EACH,
        curves,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clients, run, scenarios};

    #[test]
    fn a_plot_names_its_axes_and_stays_small() {
        let mut all = scenarios::all().into_iter();
        let scenario = all
            .find(|s| s.name == "shared-1200-ra")
            .expect("a scenario");
        let samples = run::sampled(&scenario, &clients::ALL[0], 1);
        let path = std::env::temp_dir().join(format!("ground-plot-{}.svg", std::process::id()));
        draw(&path, &scenario, "throttle", &samples).expect("a plot");
        let svg = std::fs::read_to_string(&path).expect("the plot");
        std::fs::remove_file(&path).expect("removed");
        let texts = [
            "The API: bucket 1200/min shared by 8 clients, Retry-After",
            "4000 jobs of 3 s on average, all there at once; client: throttle",
            "time in seconds",
            "requests in flight",
            "requests per second",
            "pace of each client",
            "best possible",
            "refused",
        ];
        for text in texts {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.len() < 60_000, "{} bytes", svg.len());
    }
}
