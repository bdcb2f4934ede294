//! What a member tells a store, and what it is told.

/// What a member tells of itself, once in each period. No clock of its own is in it: only ages and numbers.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Which member it is: a word that no other has.
    pub id: String,
    /// Milliseconds between two reports.
    pub period: f64,
    /// Requests in flight and in line.
    pub wants: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests per second that were accepted of late.
    pub used: f64,
    /// Requests that were refused since the last report.
    pub refused: u64,
    /// The places that it has, or that its own limit found. `None` if it has no share yet.
    pub places: Option<f64>,
    /// The pace that it has, or that its own limit found.
    pub rate: Option<f64>,
    /// Whether it led when it heard last.
    pub led: bool,
    /// What is known of the whole limit.
    pub capacity: Capacity,
    /// Milliseconds that its pause still lasts.
    pub pause: f64,
    /// Whether it goes, and gives back what it has.
    pub leaves: bool,
}

/// What a member has until its next report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Grant {
    /// The store's time, in milliseconds.
    pub at: f64,
    /// Requests that it may have in flight. `None` if the store says nothing of that.
    pub places: Option<f64>,
    /// Requests that it may send per second. `None` if the store says nothing of that.
    pub rate: Option<f64>,
    /// Its part of the burst.
    pub burst: f64,
    /// Whether it leads: it alone finds out what the limit is.
    pub leads: bool,
    /// Whether the whole limit is known, so that nobody has to.
    pub is_known: bool,
    /// Whether members may have more than there is for now: one was out of reach, and brings what others have got since.
    pub is_over: bool,
    /// How many places beside its own the leader may try. `None`: as many as it likes, as nobody was refused yet.
    pub spare: Option<f64>,
    /// Milliseconds for which nobody sends.
    pub pause: f64,
    /// How many members there are.
    pub members: u64,
}

/// What is known of the limit that all members share, stated or told by the server.
///
/// What is not stated is read from answers' headers. If these tell nothing either, one member at a time finds it out.
///
/// ```
/// use tower_throttle::fleet::Capacity;
///
/// let capacity = Capacity::unknown().rate(20.0, 20).places(40);
/// assert_eq!(capacity.rate, Some(20.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Capacity {
    /// Requests in flight.
    pub places: Option<f64>,
    /// Requests per second.
    pub rate: Option<f64>,
    /// Requests that may be sent at once after an idle time, beside the rate.
    pub burst: f64,
}

impl Capacity {
    /// Creates a capacity of which nothing is stated: the default.
    #[must_use]
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Creates a capacity of `places` requests in flight.
    #[must_use]
    pub fn places(mut self, places: u32) -> Self {
        self.places = Some(f64::from(places));
        self
    }

    /// Sets the requests per second, and how many may be sent at once after an idle time. A rate that is no positive
    /// number counts as not stated.
    #[must_use]
    pub fn rate(mut self, rate: f64, burst: u32) -> Self {
        self.rate = (rate > 0.0 && rate.is_finite()).then_some(rate);
        self.burst = f64::from(burst);
        self
    }

    pub(super) fn is_known(&self) -> bool {
        self.places.is_some() || self.rate.is_some()
    }
}

/// A line of the table of members.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Which member it is.
    pub id: String,
    /// Requests in flight and in line.
    pub wants: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests per second that were accepted of late.
    pub used: f64,
    /// The places that it has.
    pub places: Option<f64>,
    /// The pace that it has.
    pub rate: Option<f64>,
    /// Whether it leads.
    pub leads: bool,
    /// Whether it is one of the fleet that was asked, in this process: [`Fleet::members`](super::Fleet::members) says
    /// so, a store does not.
    pub is_own: bool,
}
