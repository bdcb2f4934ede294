//! Limits that are stated, so that nobody has to find them out.

use std::str::FromStr;
use std::sync::Arc;

use tower_throttle::fleet::Capacity;

use crate::config::Target;

/// A limit of each credential and model of an upstream, as all gateways together may use it.
#[derive(Clone, Debug)]
pub struct StatedLimit {
    /// All upstreams that have no limit of this kind of their own, if it names none.
    upstream: Option<Arc<str>>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Requests in flight.
    Places(u32),
    /// Requests per second, and how many may be sent at once after an idle time.
    Rate(f64, u32),
}

impl StatedLimit {
    fn is_like(&self, other: &Self) -> bool {
        self.upstream == other.upstream
            && matches!(self.kind, Kind::Places(_)) == matches!(other.kind, Kind::Places(_))
    }
}

impl FromStr for StatedLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (upstream, limit) = match text.split_once('=') {
            Some((name, limit)) => (Some(name.into()), limit),
            None => (None, text),
        };
        let kind = kind(limit).ok_or_else(|| {
            format!("{limit:?} is neither a number of requests in flight, such as 40, nor a rate, such as 20/s, 1200/m or 20/s+40")
        })?;
        Ok(Self { upstream, kind })
    }
}

/// `40`, `20/s`, or `1200/m+20`.
fn kind(text: &str) -> Option<Kind> {
    let at_least_one = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let Some((count, rest)) = text.split_once('/') else {
        return at_least_one(text).map(Kind::Places);
    };
    let (unit, burst) = rest.split_once('+').unwrap_or((rest, "1"));
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let rate = count.parse::<f64>().ok()? / seconds;
    let is_sound = rate.is_normal() && rate > 0.0;
    is_sound.then_some(Kind::Rate(rate, at_least_one(burst)?))
}

/// The limits, if they go together and with these upstreams.
pub(crate) fn check(limits: &[StatedLimit], upstreams: &[Target]) -> Result<(), String> {
    for (at, limit) in limits.iter().enumerate() {
        let of = limit.upstream.as_deref();
        if let Some(name) = of.filter(|name| !upstreams.iter().any(|up| *up.name == **name)) {
            return Err(format!("--limit: no upstream is named {name}"));
        }
        if limits[..at].iter().any(|other| other.is_like(limit)) {
            let of = of.unwrap_or("all upstreams");
            return Err(format!("two limits of one kind for {of}"));
        }
    }
    Ok(())
}

/// What is stated for an upstream.
pub(crate) fn capacity(limits: &[StatedLimit], upstream: &str) -> Capacity {
    let of = |name: Option<&str>| {
        let own = limits
            .iter()
            .filter(move |limit| limit.upstream.as_deref() == name);
        own.map(|limit| limit.kind).collect::<Vec<_>>()
    };
    // The upstream's own outrank those for all.
    let kinds = of(None).into_iter().chain(of(Some(upstream)));
    kinds.fold(Capacity::unknown(), |capacity, kind| match kind {
        Kind::Places(places) => capacity.places(places),
        Kind::Rate(rate, burst) => capacity.rate(rate, burst),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(texts: &[&str]) -> Vec<StatedLimit> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn places_and_rates_are_stated() {
        for (text, expected) in [
            ("40", Capacity::unknown().places(40)),
            ("20/s", Capacity::unknown().rate(20.0, 1)),
            ("1200/m+20", Capacity::unknown().rate(20.0, 20)),
            ("9000/h+9", Capacity::unknown().rate(2.5, 9)),
            ("0.5/s", Capacity::unknown().rate(0.5, 1)),
        ] {
            assert_eq!(capacity(&limits(&[text]), "any"), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for text in [
            "", "0", "-1", "4.5", "20/", "20/d", "/s", "0/s", "-1/s", "inf/s", "NaN/s", "20/s+",
            "20/s+0", "a=", "a=b=1",
        ] {
            assert!(text.parse::<StatedLimit>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_upstream_s_own_outranks_that_for_all() {
        let limits = limits(&["a=50", "40", "20/s"]);
        let expected = Capacity::unknown().rate(20.0, 1);
        assert_eq!(capacity(&limits, "a"), expected.places(50));
        assert_eq!(capacity(&limits, "b"), expected.places(40));
    }

    #[test]
    fn limits_that_do_not_go_together_are_refused() {
        let upstreams = ["a=http://x".parse().unwrap()];
        let check = |texts: &[&str]| check(&limits(texts), &upstreams);
        assert!(check(&["40", "20/s", "a=50", "a=1/s"]).is_ok());
        assert!(check(&["b=40"]).unwrap_err().contains("named b"));
        assert!(check(&["40", "50"]).unwrap_err().contains("all upstreams"));
        assert!(check(&["a=1/s", "a=1/m"]).unwrap_err().contains("for a"));
    }
}
