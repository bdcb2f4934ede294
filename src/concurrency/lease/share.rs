//! What a member has of a limit.

/// What a member may do until it is told otherwise.
///
/// By default its own limit decides, and nothing else binds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Share {
    /// How many requests may be in flight. `None`: as many as the gate's own limit says.
    pub places: Option<usize>,
    /// How many requests may be sent per second. `None`: no pace but the own limit's.
    pub rate: Option<f64>,
    /// How many requests may be saved up while the pace is not used. 1 by default, and at least.
    pub burst: f64,
    /// What the gate's own limit has to say.
    pub role: Role,
}

/// What a gate's own limit has to say beside a [`Share`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It decides alone: the share says what is held of the whole, and does not bind.
    #[default]
    Own,
    /// The least of both binds.
    Bounded,
    /// The share decides alone. The own limit watches, and learns nothing by growing.
    Fixed,
}

impl Share {
    /// Creates a share under which the gate's own limit decides.
    #[must_use]
    pub fn own() -> Self {
        Self::default()
    }

    /// Creates a share that bounds the gate's own limit.
    #[must_use]
    pub fn bounded() -> Self {
        Self {
            role: Role::Bounded,
            ..Self::default()
        }
    }

    /// Creates a share in place of the gate's own limit.
    #[must_use]
    pub fn fixed() -> Self {
        Self {
            role: Role::Fixed,
            ..Self::default()
        }
    }

    /// Sets how many requests may be in flight. With 0 none is sent for a while: see [`Member::set`](super::Member::set).
    #[must_use]
    pub fn places(mut self, places: usize) -> Self {
        self.places = Some(places);
        self
    }

    /// Sets how many requests may be sent per second. With 0, or what is no number, none is sent for a while.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = Some(rate.max(0.0));
        self
    }

    /// Sets how many requests may be saved up while the pace is not used.
    #[must_use]
    pub fn burst(mut self, burst: f64) -> Self {
        self.burst = burst;
        self
    }

    /// Whether nothing may be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.role != Role::Own
            && (self.places == Some(0) || self.rate.is_some_and(|rate| rate <= 0.0))
    }
}
