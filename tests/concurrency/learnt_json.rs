//! The form in which what was learned is written, and what is not of that form.

use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tower::{Layer, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Learnt;
use tower_throttle::concurrency::learnt::{Ceiling, Rate, Window};
use tower_throttle::hint::{Dimension, Quota, ResetKind};

use super::support::server;

fn read(text: &str) -> Option<Learnt> {
    serde_json::from_str(text).ok()
}

fn full() -> Learnt {
    let rate = Rate::new(Dimension::Requests, 8.25).unwrap();
    let mut quota = Quota::default();
    quota.dimension = Dimension::Requests;
    (quota.limit, quota.remaining) = (Some(500), Some(20));
    (quota.reset, quota.kind) = (Some(Duration::from_millis(47_500)), ResetKind::Window);
    let window = Window::new(Duration::from_secs(60), 500, Duration::from_millis(12_500));
    Learnt::new(12)
        .with_at(SystemTime::UNIX_EPOCH + Duration::from_millis(1_796_067_600_250))
        .with_ceiling(Ceiling::Confirmed)
        .with_round_trip(Duration::from_millis(2_100))
        .with_rate(rate.with_measured(8.5).with_depth(10.0))
        .with_window(window.unwrap())
        .with_quota(quota)
        .with_pause(Duration::from_secs(20))
}

const FULL: &str = r#"{"version":1,"at":1796067600.25,"limit":12,"ceiling":"confirmed","round_trip":2.1,"rates":[{"dimension":"requests","per_second":8.25,"measured":8.5,"depth":10.0}],"window":{"length":60.0,"quota":500,"began":12.5},"quotas":[{"dimension":"requests","limit":500,"remaining":20,"reset":47.5,"kind":"window"}],"pause":20.0}"#;

#[test]
fn the_form_stays_what_it_is() {
    assert_eq!(serde_json::to_string(&full()).unwrap(), FULL);
    assert_eq!(read(FULL), Some(full()));
    let least = r#"{"version":1,"at":0,"limit":1}"#;
    assert_eq!(read(least), Some(Learnt::new(1)));
    // Of a later writer that only adds.
    let more = r#"{"version":1,"at":0,"limit":1,"color":"red"}"#;
    assert_eq!(read(more), Some(Learnt::new(1)));
}

#[test]
fn what_another_limit_learned_is_written_and_read() {
    let learnt = AdaptiveConcurrencyLayer::new().handle().export();
    let text = serde_json::to_string(&learnt).unwrap();
    let again = read(&text).unwrap();
    assert_eq!((again.limit(), again.ceiling()), (4, Ceiling::Unknown));
    let off = again.at().duration_since(learnt.at());
    let off = off.unwrap_or_else(|error| error.duration());
    assert!(off < Duration::from_millis(1));
}

/// One field of a full document, replaced.
fn with(from: &str, to: &str) -> String {
    assert!(FULL.contains(from), "{from}");
    FULL.replacen(from, to, 1)
}

#[test]
fn what_makes_no_sense_is_an_error_and_no_panic() {
    let long = format!("\"dimension\":\"{}\"", "x".repeat(1 << 20));
    let nested = "[".repeat(100_000);
    let many = format!(
        "\"rates\":[{}",
        r#"{"dimension":"a","per_second":1.0},"#.repeat(1000)
    );
    let wrong = [
        with("\"version\":1", "\"version\":2"),
        with("\"version\":1", "\"version\":-1"),
        with("\"version\":1,", ""),
        with("1796067600.25", "-1"),
        with("1796067600.25", "1e308"),
        with("1796067600.25", "NaN"),
        with("\"limit\":12", "\"limit\":0"),
        with("\"limit\":12", "\"limit\":-3"),
        with("\"limit\":12", "\"limit\":1e300"),
        with("\"limit\":12", "\"limit\":\"many\""),
        with("confirmed", "certain"),
        with("8.25", "0"),
        with("8.25", "-8.25"),
        with("8.25", "1e308"),
        with("8.25", "1e-308"),
        with("8.25", "null"),
        with("\"round_trip\":2.1", "\"round_trip\":-2.1"),
        with("\"round_trip\":2.1", "\"round_trip\":1e308"),
        with("\"length\":60.0", "\"length\":0"),
        with("\"length\":60.0", "\"length\":1e9"),
        with("\"quota\":500", "\"quota\":0"),
        with("\"began\":12.5", "\"began\":-1"),
        with("47.5", "-47.5"),
        with("\"pause\":20.0", "\"pause\":-20.0"),
        with("\"pause\":20.0", "\"pause\":1e308"),
        with("\"rates\":[", &many),
        FULL[..FULL.len() - 9].to_owned(),
        nested,
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
    ];
    for text in wrong {
        let shown = &text[..text.len().min(300)];
        assert_eq!(read(&text), None, "{shown}");
    }
    // A name of any length is cut, as one of a server's is.
    let cut = read(&with("\"dimension\":\"requests\"", &long)).unwrap();
    assert_eq!(cut.rates()[0].dimension().to_string().len(), 32);
}

/// What parses may still be wrong in everything. It must not hold anybody up for long.
#[tokio::test(start_paused = true)]
async fn a_record_that_is_wrong_in_everything_delays_a_batch_by_a_bounded_time() {
    let absurd = [
        with("\"limit\":12", "\"limit\":1"),
        with("\"limit\":12", "\"limit\":18446744073709551615"),
        with("\"round_trip\":2.1", "\"round_trip\":1e15"),
        with("\"round_trip\":2.1", "\"round_trip\":0"),
        with("8.25", "1e-6").replace("\"measured\":8.5", "\"measured\":1e-6"),
        with("8.25", "1e12").replace("\"measured\":8.5", "\"measured\":1e12"),
        with("\"depth\":10.0", "\"depth\":1e300"),
        with("\"depth\":10.0", "\"depth\":-5"),
        with("\"measured\":8.5", "\"measured\":-5"),
        with("\"length\":60.0", "\"length\":1e-9"),
        with("\"length\":60.0", "\"length\":86400"),
        with("\"quota\":500", "\"quota\":18446744073709551615"),
        with("\"began\":12.5", "\"began\":1e18"),
        with("\"remaining\":20", "\"remaining\":0"),
        with("47.5", "1e15"),
        with("\"kind\":\"window\"", "\"kind\":\"full\""),
        with("\"kind\":\"window\"", "\"kind\":\"full\",\"window\":1e-9"),
        with("\"pause\":20.0", "\"pause\":1e15"),
        FULL.to_owned(),
    ];
    for text in absurd {
        let learnt = read(&text).expect(&text).aged(Duration::ZERO);
        let layer = AdaptiveConcurrencyLayer::new().seed(1).resume(learnt);
        let client = layer.layer(server(Duration::from_millis(100)));
        let start = tokio::time::Instant::now();
        let mut batch = JoinSet::new();
        for _ in 0..300 {
            batch.spawn(client.clone().oneshot(http::Request::new(())));
        }
        assert_eq!(batch.join_all().await.len(), 300);
        let took = start.elapsed().as_secs();
        // A pause of two minutes, and what a pace of one in two minutes takes to double away.
        assert!(took <= 1000, "{took} s with {text}");
        assert!(layer.handle().export().limit() <= 1000);
    }
}
