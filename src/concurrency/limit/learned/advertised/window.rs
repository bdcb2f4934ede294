//! A fixed window, as the answers advertise it.
//!
//! Many servers tell its end late, by clocks of whole seconds, and windows have round lengths. So
//! when the first answer of a window says a little more than such a length, one request probes that
//! long after this answer, and the others follow it. If the probe is refused, the server's windows
//! are not what they seem, and nothing is guessed any more.
//!
//! Where the length is told, the next window is expected to begin when its first request is sent. If that
//! one is answered late, it may have come late, and so did the window. Then, too, one request probes when
//! the window should have ended, and the others follow it, or the end that the answers told.

use std::time::Duration;

use super::super::window::ROUND;
use super::Tuning;
use crate::hint::{Hint, Quota};

/// An answer from which a window is read.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Arrival {
    pub(in super::super) seq: u64,
    pub(in super::super) sent_at: f64,
    pub(in super::super) now: f64,
    pub(in super::super) unanswered: u32,
    pub(in super::super) refused: bool,
}

/// What is left of a window, and when it ends.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct AdvertisedWindow {
    /// Requests that the window takes beside those without an answer.
    remaining: u32,
    /// What the next window takes, if that was told.
    limit: Option<u32>,
    /// Seconds that the next window lasts, if that was told.
    length: Option<f64>,
    /// `Some` if its start was computed and not reported.
    computed: Option<Computed>,
    /// When this was told. Only a request sent later can tell of more.
    at: f64,
    /// When it has certainly ended.
    until: f64,
    /// When one request may probe whether it has.
    probe_at: f64,
    /// Whether one is on its way.
    probing: bool,
}

/// An answer is late that takes this many times as long as usual.
pub(super) const LATE: f64 = 1.25;

/// The start of a window, computed from the advertised length.
#[derive(Clone, Copy, Debug)]
struct Computed {
    /// The first request in the window.
    first_seq: u64,
    /// Earlier requests without an answer, which do not count against this window.
    unanswered_before: u32,
    /// When its first request was sent.
    first_send: f64,
    /// When a request had arrived, as the answers show.
    begun: Option<f64>,
    /// Whether its first request was answered late, and so may have arrived late.
    late: bool,
    /// Seconds that it lasts.
    length: f64,
    /// When it has certainly ended, as the answers tell.
    told: Option<f64>,
    /// When the window before has certainly ended, as its answers told.
    before: Option<f64>,
}

impl Computed {
    /// Takes in an answer that tells the end as `until`. A request takes `usual` seconds to be served.
    fn after(self, until: f64, arrival: &Arrival, usual: f64) -> Self {
        let least = |known: Option<f64>, new: f64| known.map_or(new, |known| known.min(new));
        let took = arrival.now - arrival.sent_at;
        let late = took > LATE * usual;
        let delay = if late { took - usual } else { 0.0 };
        Self {
            begun: Some(least(self.begun, arrival.sent_at + delay)),
            told: Some(least(self.told, until)),
            late: self.late || (late && arrival.seq == self.first_seq),
            ..self
        }
    }

    /// When it ends, as it seems.
    fn ends(&self) -> f64 {
        let begun = self.begun.filter(|_| self.late).unwrap_or(self.first_send);
        let computed = begun + self.length;
        self.told.map_or(computed, |told| told.min(computed))
    }

    /// When everybody may send again: when it seems to end, or if that is uncertain, when the answers tell
    /// that it has ended.
    fn reopens(&self) -> f64 {
        self.told
            .filter(|_| self.late)
            .unwrap_or_else(|| self.ends())
    }
}

impl AdvertisedWindow {
    /// Reads an answer: `remaining` requests are left of a window that ends in `reset`. With
    /// `may_probe`, one request may probe earlier.
    pub(in super::super) fn new(
        quota: &Quota,
        (remaining, reset): (u64, Duration),
        hint: &Hint,
        answer: Arrival,
        tuning: &Tuning,
        may_probe: bool,
    ) -> Self {
        let until = answer.now + ends_in(hint, remaining, reset);
        // No more requests were counted than those on their way: the window has only begun.
        let begun = quota.limit.is_some_and(|limit| {
            limit > 0 && limit.saturating_sub(remaining) <= u64::from(answer.unanswered)
        });
        let took = answer.now - answer.sent_at;
        let length = round(reset.as_secs_f64(), took, tuning.max_late_reset)
            .filter(|_| may_probe && begun && quota.window.is_none() && !hint.is_refusal());
        Self {
            remaining: narrow(remaining),
            limit: quota.limit.map(narrow).filter(|limit| *limit > 0),
            length: quota
                .window
                .map(|window| window.as_secs_f64())
                .filter(|length| *length > 0.0 && *length <= tuning.max_wait),
            computed: None,
            at: answer.now,
            until,
            probe_at: length.map_or(until, |length| answer.now + length),
            probing: false,
        }
    }

    /// One of which an earlier run was told: `left` requests are left of it, and it ends `reset` seconds after `now`. Of
    /// the next one nothing is known until an answer tells.
    pub(super) fn resumed(left: u64, now: f64, reset: f64) -> Self {
        let until = now + reset;
        Self {
            remaining: narrow(left),
            limit: None,
            length: None,
            computed: None,
            at: now,
            until,
            probe_at: until,
            probing: false,
        }
    }

    /// What is left of it beside the `unanswered` requests, and for how long. `None` if it has ended.
    pub(super) fn found(&self, unanswered: u32, now: f64) -> Option<(u64, Duration)> {
        let ends_in = Duration::try_from_secs_f64(self.until - now).ok()?;
        let left = u64::from(self.left(unanswered));
        (!ends_in.is_zero()).then_some((left, ends_in))
    }

    /// What a window takes, and how long it lasts, as far as that was told.
    pub(super) fn size(&self) -> (Option<u64>, Option<Duration>) {
        let length = self
            .length
            .and_then(|length| Duration::try_from_secs_f64(length).ok());
        (self.limit.map(u64::from), length)
    }

    /// Merges what an `answer` says, which came as `arrival`. A request takes `usual` seconds to be served.
    ///
    /// Seconds are rounded up, so each answer from one window bounds its end, and the lowest bound
    /// is the best. Requests overtake each other on their way to the server, so the least that is
    /// left counts, unless the request was sent after that was told.
    pub(in super::super) fn after(self, answer: Self, arrival: &Arrival, usual: f64) -> Self {
        let sent_at = arrival.sent_at;
        if self.is_old(arrival.seq) {
            return self;
        }
        let more = answer.remaining > self.remaining;
        if let Some(until) = self.ends_later(arrival) {
            let until = until.min(answer.until);
            return Self {
                until,
                probe_at: until,
                ..answer
            };
        }
        if self.is_due(sent_at) || (sent_at >= self.at && more) {
            return answer;
        }
        let mut known = Self {
            probing: self.probing,
            ..answer
        };
        known.computed = self
            .computed
            .map(|start| start.after(answer.until, arrival, usual));
        if more {
            (known.remaining, known.at) = (self.remaining, self.at);
        } else if answer.remaining == self.remaining {
            known.at = self.at;
        }
        if let Some(start) = known.computed {
            known.probe_at = start.ends();
            known.until = start.reopens();
        } else if self.limit.is_some() || self.length.is_some() {
            // An end that is told is late by the one-way delay, so the earlier one counts.
            known.until = known.until.min(self.until);
            known.probe_at = known.until.min(self.probe_at);
        }
        known
    }

    /// When the window has certainly ended whose end was expected too early, as a refusal shows.
    fn ends_later(&self, arrival: &Arrival) -> Option<f64> {
        let start = self.computed.filter(|_| arrival.refused)?;
        let until = match start.begun {
            None => start.before,
            Some(_) => start.told.filter(|_| self.is_due(arrival.sent_at)),
        };
        until.filter(|until| *until > arrival.now)
    }

    /// Whether the answer to a request sent at `sent_at`, that `remaining` are left, shows that the
    /// window had not ended when it was probed.
    pub(in super::super) fn outlasts(&self, hint: &Hint, remaining: u64, sent_at: f64) -> bool {
        let probed = self.is_due(sent_at) && !self.has_ended(sent_at);
        probed && (hint.is_refusal() || remaining < u64::from(self.remaining))
    }

    /// Whether request `seq` was sent before this window began.
    fn is_old(&self, seq: u64) -> bool {
        self.computed.is_some_and(|start| seq < start.first_seq)
    }

    /// Records that a request is sent.
    pub(in super::super) fn on_send(&mut self, now: f64) {
        self.probing |= self.is_due(now) && !self.has_ended(now);
    }

    /// Records that request `seq` was answered, refused or given up; `told` if that told what is
    /// left.
    pub(in super::super) fn on_outcome(&mut self, seq: u64, told: bool) {
        if let Some(start) = self.computed.as_mut().filter(|start| seq < start.first_seq) {
            start.unanswered_before = start.unanswered_before.saturating_sub(1);
        } else if !told {
            // The server counted it nonetheless.
            self.on_silence();
        }
    }

    /// Counts a request whose answer told nothing.
    fn on_silence(&mut self) {
        self.remaining = self.remaining.saturating_sub(1);
        // It may have been the probe, and one is enough.
        self.probe_at = self.until;
        self.probing = false;
    }

    /// Seconds until the window ends or is probed, if nothing is left of it.
    pub(in super::super) fn spent_for(&self, now: f64) -> Option<f64> {
        let lasts = self.probe_at - now;
        (self.remaining == 0 && lasts > 0.0).then_some(lasts)
    }

    pub(in super::super) fn has_ended(&self, now: f64) -> bool {
        now + 1e-9 >= self.until
    }

    /// A timer may be early by a fraction of a nanosecond.
    fn is_due(&self, at: f64) -> bool {
        at + 1e-9 >= self.probe_at
    }

    /// What is left beside the `unanswered` requests.
    pub(in super::super) fn left(&self, unanswered: u32) -> u32 {
        let before = self.computed.map_or(0, |start| start.unanswered_before);
        self.remaining
            .saturating_sub(unanswered.saturating_sub(before))
    }

    /// The requests per second that use up what is left until the window ends.
    pub(in super::super) fn licence(&self, unanswered: u32, now: f64) -> Option<f64> {
        let left = f64::from(self.left(unanswered));
        (left > 0.0 && self.until > now).then(|| left / (self.until - now))
    }

    /// Returns how many requests may be sent beside the `unanswered` ones, and when more may.
    pub(in super::super) fn available(&self, unanswered: u32, now: f64) -> (usize, f64) {
        let left = self.left(unanswered);
        let before = self.computed.map_or(0, |start| start.unanswered_before);
        let unanswered = unanswered.saturating_sub(before);
        let due = self.is_due(now);
        let probe = u32::from(due && unanswered == 0);
        let at = if due { self.until } else { self.probe_at };
        (left.max(probe) as usize, at)
    }

    /// The window after this one, if its length and size were told: as full as this one was, until
    /// an answer tells more. Its first request is number `first_seq`, and `unanswered` requests
    /// before it have no answer yet.
    pub(in super::super) fn next(&self, now: f64, first_seq: u64, unanswered: u32) -> Option<Self> {
        let (limit, length) = self.limit.zip(self.length)?;
        // A probe without an answer counts in this window, as far as it is known.
        let probes = u32::from(self.probing);
        Some(Self {
            remaining: limit,
            computed: Some(Computed {
                first_seq: first_seq.saturating_sub(u64::from(probes)),
                unanswered_before: unanswered.saturating_sub(probes),
                first_send: now,
                begun: None,
                late: false,
                length,
                told: None,
                before: self.computed.and_then(|start| start.told),
            }),
            at: now,
            until: now + length,
            probe_at: now + length,
            probing: false,
            ..*self
        })
    }
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The round length a little below what an answer told that took `took` seconds, if there is one.
/// It may have been told at the end of that time. Two seconds are more often one second told late.
fn round(told: f64, took: f64, max_late: f64) -> Option<f64> {
    let most = if told == 2.0 { 1.0 } else { told + took };
    let length = ROUND.into_iter().rfind(|length| *length <= most)?;
    (length < told && told - length <= max_late).then_some(length)
}

/// Seconds until the window ends: if it is spent, no longer than the server asks to wait.
fn ends_in(hint: &Hint, remaining: u64, reset: Duration) -> f64 {
    let wait = hint.wait().filter(|wait| remaining == 0 && !wait.is_zero());
    wait.map_or(reset, |wait| wait.min(reset)).as_secs_f64()
}
