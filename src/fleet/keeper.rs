//! What keeps a member's share up to date: one report in each period.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::report::{Capacity, Grant, Report};
use super::store::Store;
use crate::concurrency::{Member, Role, Share, Tally};

/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_millis(250);

/// After so long without a store a gate that followed goes on alone, from where it stood.
const ALONE_AFTER: Duration = Duration::from_secs(30);

/// Reports before their time: what a period adds, and the most that are saved up.
const EARLY_PER_PERIOD: f64 = 0.2;
const EARLY_SAVED: f64 = 2.0;

/// The seconds over which the rate of what was accepted is averaged.
const RATE_SECONDS: f64 = 2.0;

/// What one member of this process does.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) member: Member,
    pub(super) id: String,
    period: Duration,
    /// Between the first report and the second.
    first: Duration,
    capacity: Capacity,
    next: Instant,
    /// When it was heard last, or began.
    heard: Instant,
    /// When it reported last.
    reported: Option<Instant>,
    /// What was counted at the last report that arrived.
    counted: (u64, u64),
    used: f64,
    early: f64,
    /// Whether there was an answer since it began or went on alone.
    has_share: bool,
    leads: bool,
    /// Whether members had more than there was at the last answer.
    was_over: bool,
}

impl Keeper {
    pub(super) fn new(
        member: Member,
        id: String,
        period: Duration,
        first: Duration,
        capacity: Capacity,
    ) -> Self {
        let now = Instant::now();
        member.set_patience(2 * period);
        Self {
            member,
            id,
            period,
            first,
            capacity,
            next: now,
            heard: now,
            reported: None,
            counted: (0, 0),
            used: 0.0,
            early: EARLY_SAVED,
            has_share: false,
            leads: false,
            was_over: false,
        }
    }

    /// Whether it is time to report.
    pub(super) fn is_due(&mut self, now: Instant, tally: &Tally) -> bool {
        if now >= self.next {
            return true;
        }
        let early = tally.is_urgent
            && self.early >= 1.0
            && self.reported.is_none_or(|at| now >= at + self.period / 4);
        if early {
            self.early -= 1.0;
        }
        early
    }

    /// Reports, and does what the store says.
    pub(super) async fn sync<S: Store>(&mut self, store: &S, tally: &Tally) {
        let report = self.report(tally);
        let answer = timeout(PATIENCE.min(self.period), store.sync(&report)).await;
        let now = Instant::now();
        match answer {
            Ok(Ok(grant)) => {
                self.counted = (tally.accepted, tally.refused);
                self.heard = now;
                self.obey(&report, tally, &grant);
                self.next = now
                    + if self.reported.is_none() {
                        self.first
                    } else {
                        self.period
                    };
            }
            _ => {
                self.fail(now, tally);
                self.next = now + self.period / 2;
            }
        }
        self.early = (self.early + EARLY_PER_PERIOD).min(EARLY_SAVED);
        self.reported = Some(now);
    }

    /// Gives back what it has.
    pub(super) async fn leave<S: Store>(&mut self, store: &S) {
        let mut report = Report {
            id: self.id.clone(),
            period: self.millis(),
            ..Report::default()
        };
        report.leaves = true;
        // It ends after two periods in any case.
        let _ = timeout(PATIENCE, store.sync(&report)).await;
        self.member.set(Share::own());
    }

    fn millis(&self) -> f64 {
        self.period.as_secs_f64() * 1000.0
    }

    fn report(&mut self, tally: &Tally) -> Report {
        self.measure(tally);
        let (mut places, mut rate) = (None, None);
        if self.leads {
            (places, rate) = (Some(tally.own_limit as f64), tally.own_rate);
        } else if self.has_share {
            places = tally.share.places.map(|places| places as f64);
            rate = tally.share.rate;
        }
        Report {
            id: self.id.clone(),
            period: self.millis(),
            wants: (tally.in_flight + tally.waiting) as u64,
            in_flight: tally.in_flight as u64,
            used: self.used,
            refused: tally.refused - self.counted.1,
            places,
            rate,
            led: self.leads,
            capacity: self.known(tally),
            pause: tally
                .pause
                .map_or(0.0, |pause| pause.as_secs_f64() * 1000.0),
            leaves: false,
        }
    }

    /// What is stated, and where nothing is, what answers told.
    fn known(&self, tally: &Tally) -> Capacity {
        let mut known = self.capacity;
        if let (None, Some((rate, burst))) = (known.rate, tally.told_rate) {
            (known.rate, known.burst) = (Some(rate), burst);
        }
        known.places = known
            .places
            .or(tally.told_places.map(|places| places as f64));
        known
    }

    fn measure(&mut self, tally: &Tally) {
        let seconds = self.heard.elapsed().as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let rate = (tally.accepted - self.counted.0) as f64 / seconds;
        let weight = if self.used == 0.0 {
            1.0
        } else {
            (seconds / RATE_SECONDS).min(1.0)
        };
        self.used += weight * (rate - self.used);
    }

    fn obey(&mut self, report: &Report, tally: &Tally, grant: &Grant) {
        let pause = millis(grant.pause);
        if pause > tally.pause.unwrap_or_default() + Duration::from_millis(20) {
            self.member.pause(pause);
        }
        let whole = |places: f64| places.max(0.0).round() as usize;
        let mut share = match (grant.is_known, grant.leads) {
            (true, _) => Share::bounded().burst(grant.burst),
            (false, false) => Share::fixed(),
            (false, true) if grant.spare.is_some() => Share::bounded(),
            (false, true) => Share::own(),
        };
        share.places = grant.places.map(whole);
        share.rate = grant.rate;
        if let Some(spare) = grant.spare {
            // It tries more places than it has. Of a pace it says what it found, and keeps what all have.
            share.places = grant.places.map(|places| whole(places + spare));
        }
        if grant.is_known {
            self.lift(tally, share, self.was_over && !grant.is_over);
        } else if grant.leads {
            let (places, rate) = (report.places, report.rate);
            let had = if self.leads {
                places
            } else {
                Some(tally.own_limit as f64)
            };
            let had_rate = if self.leads { rate } else { tally.own_rate };
            let by = |now: Option<f64>, had: Option<f64>| {
                now.zip(had).map_or(0.0, |(now, had)| now - had)
            };
            self.member
                .shift(by(grant.places, had) as isize, by(grant.rate, had_rate));
        }
        (self.leads, self.has_share) = (grant.leads, true);
        self.was_over = grant.is_over;
        self.member.set(share);
    }

    /// Lifts the gate's own limit to a share of a known one. A place that is known is there to be used: nobody has to find
    /// it first. What was refused while members had more than there was says nothing of what they have since they have
    /// `settled`.
    fn lift(&self, tally: &Tally, share: Share, settled: bool) {
        let more = share.places.unwrap_or(0).saturating_sub(tally.own_limit);
        let grown = settled || share.places > tally.share.places;
        let rate = share.rate.zip(tally.own_rate).filter(|_| settled);
        let by = rate.map_or(0.0, |(share, own)| (share - own).max(0.0));
        self.member.shift(if grown { signed(more) } else { 0 }, by);
    }

    /// The store is away: what it said last holds on, for a while if nobody knows the limit.
    fn fail(&mut self, now: Instant, tally: &Tally) {
        let follows = tally.share.role == Role::Fixed && self.has_share;
        let alone = now.saturating_duration_since(self.heard) > ALONE_AFTER;
        if self.has_share && !(alone && (follows || self.leads)) {
            self.member.set_away();
            return;
        }
        if follows {
            // It brings what it finds alone when the store is back.
            self.leads = true;
            let places = tally
                .share
                .places
                .map_or(0, |places| signed(places) - signed(tally.own_limit));
            let rate = tally.share.rate.zip(tally.own_rate);
            self.member
                .shift(places, rate.map_or(0.0, |(share, own)| share - own));
        }
        self.member.set(Share::own());
        self.member.set_away();
    }
}

fn signed(places: usize) -> isize {
    isize::try_from(places).unwrap_or(isize::MAX)
}

fn millis(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}
