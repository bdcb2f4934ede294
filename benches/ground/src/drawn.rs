//! Scenarios drawn at random, so that nothing can be tuned to the ones that have names.

use sim::api::Random;
use sim::hints::Style;
use sim::limits::Rule;
use sim::schedule::Schedule;
use sim::work::rng;

use crate::scenario::Scenario;

type Draw = fn(&mut fastrand::Rng, &'static str) -> Scenario;

/// The kinds of limit that are drawn from.
const FAMILIES: [(&str, Draw); 13] = [
    ("in-flight", in_flight),
    ("bucket", bucket),
    ("bucket-hints", bucket_with_hints),
    ("window", window),
    ("window-hints", window_with_hints),
    ("both", both),
    ("moves", moves),
    ("knee", knee),
    ("shared", shared),
    ("overload", overload),
    ("only-503", only_503),
    ("window-epoch", window_with_epochs),
    ("late", late),
];

/// `count` scenarios of each family, the same for the same seed.
pub fn of_each(count: usize, seed: u64) -> Vec<Scenario> {
    let draw = |(family, index): (usize, usize)| {
        let (name, draw) = FAMILIES[family];
        let name = format!("{name}-{index}").leak();
        draw(&mut rng(seed, (family << 32 | index) as u64), name)
    };
    (0..FAMILIES.len())
        .flat_map(|family| (1..=count).map(move |index| (family, index)))
        .map(draw)
        .collect()
}

/// A number between the two, as likely in each octave.
pub fn log_uniform(rng: &mut fastrand::Rng, least: f64, most: f64) -> f64 {
    least * (most / least).powf(rng.f64())
}

/// The same, to two digits.
pub fn round(rng: &mut fastrand::Rng, least: f64, most: f64) -> f64 {
    let value = log_uniform(rng, least, most);
    let digit = 10f64.powf(value.log10().floor() - 1.0);
    (value / digit).round() * digit
}

pub fn whole(rng: &mut fastrand::Rng, least: f64, most: f64) -> f64 {
    log_uniform(rng, least, most).round()
}

/// A scenario with as many jobs as the limit takes in 400 s, within reason.
fn scenario(name: &'static str, title: String, per_second: f64, latency: f64) -> Scenario {
    let jobs = (400.0 * per_second).clamp(400.0, 4000.0) as usize;
    Scenario::new(name, title.leak(), jobs, latency)
}

/// A latency at which a rate keeps no more than 100 in flight: what is more is a matter of the first
/// growth alone.
fn latency(rng: &mut fastrand::Rng, least: f64, most: f64, per_second: f64) -> f64 {
    round(rng, least, most.min(100.0 / per_second).max(2.0 * least))
}

fn in_flight(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let (limit, latency) = (whole(rng, 2.0, 100.0), round(rng, 0.2, 15.0));
    let title = format!("{limit} in flight, {latency:.1} s");
    scenario(name, title, limit / latency, latency).in_flight(Schedule::always(limit))
}

fn any_bucket(rng: &mut fastrand::Rng, name: &'static str, style: Style) -> Scenario {
    let per_minute = round(rng, 60.0, 3000.0);
    let burst = match rng.u8(..4) {
        0 => 1.0,
        1 => (per_minute / 60.0).round().max(1.0),
        2 => 10.0,
        _ => (per_minute / 6.0).round(),
    };
    let latency = latency(rng, 0.05, 8.0, per_minute / 60.0);
    let title = format!("bucket {per_minute}/min, burst {burst}, {latency:.2} s, {style:?}");
    scenario(name, title, per_minute / 60.0, latency)
        .bucket(per_minute, burst)
        .hints(style)
}

fn bucket(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    any_bucket(rng, name, Style::None)
}

fn bucket_with_hints(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let style = [Style::RetryAfter, Style::OpenAi, Style::Anthropic][rng.usize(..3)];
    any_bucket(rng, name, style)
}

fn any_window(rng: &mut fastrand::Rng, name: &'static str, style: Style) -> Scenario {
    let period = [1.0, 5.0, 10.0, 60.0][rng.usize(..4)];
    let limit = round(rng, 10.0, 600.0).round();
    let latency = latency(rng, 0.02, 4.0, limit / period);
    let phase = (rng.f64() * period).floor();
    let title =
        format!("window {limit} in {period} s, met after {phase} s, {latency:.2} s, {style:?}");
    scenario(name, title, limit / period, latency)
        .rule(Rule::Window {
            limit: Schedule::always(limit),
            period,
            phase: Some(phase),
        })
        .hints(style)
}

fn window(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    any_window(rng, name, Style::None)
}

fn window_with_hints(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let style = [Style::RetryAfter, Style::Ietf][rng.usize(..2)];
    any_window(rng, name, style)
}

fn window_with_epochs(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let mut scenario = any_window(rng, name, Style::Epoch);
    for rule in &mut scenario.api.rules {
        if let Rule::Window { limit, period, .. } = rule {
            // Half of such servers open a window when they are asked to.
            if rng.bool() {
                let (most, latency) = (limit.at(0.0), scenario.work.latency);
                let title =
                    format!("window {most} in {period} s from a request, {latency:.2} s, Epoch");
                let (limit, period) = (limit.clone(), *period);
                *rule = Rule::Opened { limit, period };
                scenario.title = title.leak();
            }
        }
    }
    scenario
}

fn both(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let (limit, latency) = (whole(rng, 4.0, 80.0), round(rng, 0.2, 8.0));
    let by_flight = 60.0 * limit / latency;
    let per_minute = (by_flight * log_uniform(rng, 0.4, 2.0)).round();
    let burst = whole(rng, 1.0, 50.0);
    let title =
        format!("{limit} in flight and bucket {per_minute}/min, burst {burst}, {latency:.1} s");
    scenario(name, title, per_minute.min(by_flight) / 60.0, latency)
        .in_flight(Schedule::always(limit))
        .bucket(per_minute, burst)
}

fn moves(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let latency = round(rng, 0.5, 5.0);
    let levels: Vec<f64> = (0..3).map(|_| whole(rng, 4.0, 100.0)).collect();
    let apart = (40.0 * latency).clamp(30.0, 150.0).round();
    let steps: Vec<(f64, f64)> = (0..3u8)
        .map(|step| f64::from(step) * apart)
        .zip(levels.iter().copied())
        .collect();
    let title = format!("{levels:?} in flight, {apart} s each, {latency:.1} s");
    let per_second = levels.iter().sum::<f64>() / 3.0 / latency;
    scenario(name, title, per_second, latency)
        .in_flight(Schedule::steps(&steps))
        .at_most(1.10)
}

fn knee(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let (knee, latency) = (whole(rng, 4.0, 60.0), round(rng, 0.3, 5.0));
    let limit = (knee * log_uniform(rng, 1.5, 10.0)).round();
    let title = format!("knee at {knee}, 503 above {limit}, {latency:.1} s");
    let mut scenario = scenario(name, title, knee / latency, latency).rule(Rule::InFlight {
        limit: Schedule::always(limit),
        status: 503,
    });
    scenario.api.knee = Some(knee);
    scenario
}

fn shared(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let (clients, latency) = (rng.usize(2..=8), round(rng, 0.5, 5.0));
    let per_client = whole(rng, 3.0, 20.0);
    let limit = per_client * clients as f64;
    if rng.bool() {
        let title = format!("{limit} in flight, {clients} clients, {latency:.1} s");
        return scenario(name, title, limit / latency, latency)
            .in_flight(Schedule::always(limit))
            .shared_by(clients, 0.0);
    }
    let per_minute = (60.0 * limit / latency / 2.0).round();
    let burst = (per_minute / 60.0).ceil();
    let title =
        format!("bucket {per_minute}/min, burst {burst}, {clients} clients, {latency:.1} s");
    scenario(name, title, per_minute / 60.0, latency)
        .bucket(per_minute, burst)
        .hints(Style::RetryAfter)
        .shared_by(clients, 0.0)
}

/// Clients that come one after another to a limit that the first hold already.
fn late(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let (clients, latency) = (rng.usize(2..=6), round(rng, 0.5, 5.0));
    let limit = whole(rng, 3.0, 20.0) * clients as f64;
    let every = round(rng, 20.0, 60.0);
    let title =
        format!("{limit} in flight, {clients} clients, one more every {every} s, {latency:.1} s");
    scenario(name, title, limit / latency, latency)
        .in_flight(Schedule::always(limit))
        .shared_by(clients, every)
}

fn overload(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let (limit, latency) = (whole(rng, 4.0, 80.0), round(rng, 0.5, 5.0));
    if rng.bool() {
        let (from, lasts) = (round(rng, 10.0, 60.0), round(rng, 10.0, 90.0));
        let title =
            format!("{limit} in flight, out from {from:.0} s for {lasts:.0} s, {latency:.1} s");
        let mut scenario = scenario(name, title, limit / latency, latency)
            .in_flight(Schedule::always(limit))
            .at_most(1.10);
        scenario.api.outage = Some((from, from + lasts));
        return scenario;
    }
    let share = round(rng, 0.01, 0.1);
    let title = format!("{limit} in flight, {share:.3} answered 529, {latency:.1} s");
    let mut scenario =
        scenario(name, title, limit / latency, latency).in_flight(Schedule::always(limit));
    scenario.api.random = Some(Random::of(share, 529));
    scenario
}

/// A limit that refuses with 503 and no hint, as nginx does by default.
fn only_503(rng: &mut fastrand::Rng, name: &'static str) -> Scenario {
    let family = [in_flight, bucket, window][rng.usize(..3)];
    let mut scenario = family(rng, name);
    scenario.title = format!("{}, 503", scenario.title).leak();
    scenario.api.status = 503;
    scenario
}
