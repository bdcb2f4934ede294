//! What a fleet shares, and what goes wrong meanwhile.

/// How the members come to their shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// One process does it all.
    One,
    /// Each for itself.
    Alone,
    /// The limit is stated.
    Known,
    /// One finds it out.
    Unknown,
}

impl Sharing {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Alone => "alone",
            Self::Known => "known",
            Self::Unknown => "unknown",
        }
    }
}

/// When the store is away, in seconds, and whether it comes back empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) is_lost: bool,
}

/// What bounds a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) time: f64,
    pub(super) refused: f64,
    pub(super) refused_late: f64,
    pub(super) jain: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) members: usize,
    /// Tasks of each member, which send one request after the other.
    pub(super) tasks: usize,
    /// Requests per second, and the burst.
    pub(super) rate: Option<(f64, f64)>,
    pub(super) places: Option<usize>,
    pub(super) latency: f64,
    pub(super) seconds: f64,
    pub(super) sharing: Sharing,
    pub(super) outage: Option<Outage>,
    /// When a member dies without a word, and how many.
    pub(super) death: Option<(f64, usize)>,
}

impl Case {
    pub(super) fn new(name: &str, sharing: Sharing) -> Self {
        Self {
            name: format!("{name}-{}", sharing.name()),
            members: 8,
            tasks: 64,
            rate: None,
            places: None,
            latency: 0.5,
            seconds: 60.0,
            sharing,
            outage: None,
            death: None,
        }
    }

    fn rate(sharing: Sharing) -> Self {
        Self {
            rate: Some((20.0, 20.0)),
            ..Self::new("rate", sharing)
        }
    }

    fn places(sharing: Sharing) -> Self {
        Self {
            places: Some(40),
            latency: 2.0,
            ..Self::new("places", sharing)
        }
    }

    fn both(sharing: Sharing) -> Self {
        Self {
            rate: Some((20.0, 20.0)),
            latency: 1.9,
            ..Self {
                name: Self::new("both", sharing).name,
                ..Self::places(sharing)
            }
        }
    }

    /// Another number of members, which have as much of the limit as eight.
    fn of(self, members: usize, tasks: usize) -> Self {
        let times = members as f64 / 8.0;
        Self {
            name: format!("{}-{members}", self.name),
            members,
            tasks,
            rate: self.rate.map(|(rate, burst)| (rate * times, burst * times)),
            places: self.places.map(|places| (places as f64 * times) as usize),
            ..self
        }
    }

    fn away(self, is_lost: bool) -> Self {
        Self {
            name: format!("{}-{}", self.name, if is_lost { "lost" } else { "stopped" }),
            outage: Some(Outage {
                from: 25.0,
                to: 35.0,
                is_lost,
            }),
            ..self
        }
    }

    fn dies(self) -> Self {
        Self {
            name: format!("{}-death", self.name),
            death: Some((30.0, 1)),
            ..self
        }
    }

    /// The members, what they share, and how long a request takes.
    pub(super) fn what(&self) -> String {
        let mut what = format!("{} of {} tasks", self.members, self.tasks);
        if let Some((rate, burst)) = self.rate {
            what += &format!(", {rate:.1}/s and {burst:.0}");
        }
        if let Some(places) = self.places {
            what += &format!(", {places} at once");
        }
        what + &format!(", {} s", self.latency)
    }

    /// The most requests that are accepted.
    pub(super) fn best(&self) -> f64 {
        let by_rate = self.rate.map(|(rate, burst)| rate * self.seconds + burst);
        let by_places = self
            .places
            .map(|places| places as f64 * self.seconds / self.latency);
        by_rate
            .into_iter()
            .chain(by_places)
            .fold(f64::INFINITY, f64::min)
    }

    /// Why a bound is missed, where one is.
    pub(super) fn known_miss(&self) -> Option<&'static str> {
        if self.sharing != Sharing::Unknown {
            return None;
        }
        match (self.members, self.rate, self.places) {
            (_, Some(_), Some(_)) => Some("both limits bind, and Learned takes one for the other"),
            (100.., ..) => Some("all grow from one place to hundreds within the minute"),
            (2, Some(_), None) => Some("a leader of two pays for half of what is found"),
            (_, Some(_), None) if self.outage.is_some() || self.death.is_some() => {
                Some("the pace is found a second time")
            }
            _ => None,
        }
    }

    pub(super) fn bounds(&self) -> Option<Bounds> {
        let bounds = |time, refused, refused_late, jain| Bounds {
            time,
            refused,
            refused_late,
            jain,
        };
        match self.sharing {
            Sharing::One | Sharing::Alone => None,
            Sharing::Known => Some(bounds(
                1.05,
                3.0,
                3.0,
                if self.members > 100 { 0.97 } else { 0.99 },
            )),
            Sharing::Unknown => Some(bounds(1.05, 60.0, 25.0, 0.97)),
        }
    }
}

pub(super) fn all() -> Vec<Case> {
    use Sharing::{Alone, Known, Unknown};
    let kinds: [fn(Sharing) -> Case; 3] = [Case::rate, Case::places, Case::both];
    let mut cases = Vec::new();
    for kind in kinds {
        cases.extend([Alone, Known, Unknown].map(kind));
        cases.extend([kind(Known).of(2, 64), kind(Unknown).of(2, 64)]);
        cases.extend([kind(Known).away(false), kind(Known).away(true)]);
        cases.extend([kind(Unknown).away(false), kind(Unknown).away(true)]);
        cases.push(kind(Known).dies());
        cases.push(kind(Unknown).dies());
        cases.push(kind(Known).of(100, 16));
        cases.push(kind(Unknown).of(100, 16));
    }
    cases.extend([
        Case::rate(Known).of(1000, 8),
        Case::rate(Unknown).of(1000, 8),
    ]);
    cases.extend([
        Case::places(Known).of(1000, 8),
        Case::places(Unknown).of(1000, 8),
    ]);
    cases
}
