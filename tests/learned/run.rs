//! Jobs that go to the server as the limit lets them: events in the order of their times.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use tower_throttle::Hint;
use tower_throttle::concurrency::limit::{Learned, Limit, Load, Now, Outcome, Sent};

use super::server::{AtWork, Server};

#[derive(Debug)]
enum Event {
    /// The status with which it was refused, if it was.
    Answer(Sent, Option<StatusCode>, Hint),
    GivenUp(Sent),
    /// A refused job is back in the line.
    Back,
}

/// A line of jobs, a limit and a server.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) limit: Learned,
    pub(crate) server: AtWork,
    /// Jobs in the line.
    pub(crate) waiting: usize,
    /// The share of requests that their callers give up half-way.
    pub(crate) given_up: f64,
    /// When each request went that was accepted or refused.
    pub(crate) accepted: Vec<f64>,
    pub(crate) refused: Vec<f64>,
    /// How many were in flight from a moment on, refused ones included.
    pub(crate) in_flight: Vec<(f64, usize)>,
    /// The most that the server had at one time.
    pub(crate) peak: usize,
    /// The sum of the latencies of what was accepted.
    pub(crate) work: f64,
    now: Duration,
    paused_until: Duration,
    out: usize,
    seq: u64,
    planned: u64,
    events: BTreeMap<(Duration, u64), Event>,
    random: fastrand::Rng,
}

impl Run {
    pub(crate) fn new(server: Server, jobs: usize, seed: u64) -> Self {
        Self {
            limit: Learned::new(),
            server: AtWork::new(server),
            waiting: jobs,
            given_up: 0.0,
            accepted: Vec::new(),
            refused: Vec::new(),
            in_flight: Vec::new(),
            peak: 0,
            work: 0.0,
            now: Duration::ZERO,
            paused_until: Duration::ZERO,
            out: 0,
            seq: 0,
            planned: 0,
            events: BTreeMap::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    pub(crate) fn now(&self) -> f64 {
        self.now.as_secs_f64()
    }

    pub(crate) fn refused_per_1000(&self) -> f64 {
        1000.0 * self.refused.len() as f64 / self.accepted.len() as f64
    }

    /// Goes on to the end of all jobs.
    pub(crate) fn finish(self) -> Self {
        let mut run = self.until(|_| false);
        assert_eq!((run.waiting, run.out), (0, 0), "somebody waits for ever");
        run.now = Duration::from_secs_f64(run.in_flight.last().unwrap().0);
        run
    }

    /// Goes on to a moment.
    pub(crate) fn until_time(self, end: f64) -> Self {
        self.until(|run| run.now() >= end)
    }

    /// Goes on until that is so, or all is done.
    pub(crate) fn until(mut self, done: impl Fn(&Self) -> bool) -> Self {
        self.go_on(done);
        self
    }

    /// The same in place.
    pub(crate) fn go_on(&mut self, done: impl Fn(&Self) -> bool) {
        loop {
            let opens_at = self.send();
            let next = self.events.keys().next().map(|key| key.0);
            let alarm = opens_at.map(|at| at.max(self.now + Duration::from_nanos(1)));
            let Some(at) = next.into_iter().chain(alarm).min() else {
                return;
            };
            self.now = at;
            assert!(self.now() < 100_000.0, "stalled: {:?}", self.limit);
            if next == Some(at) {
                let event = self.events.pop_first().unwrap().1;
                self.happen(event);
            }
            if done(self) {
                return;
            }
        }
    }

    fn load(&self) -> Load {
        Load::new(self.out, self.waiting)
    }

    /// Sends as many as may go, and tells when time alone lets one more go.
    fn send(&mut self) -> Option<Duration> {
        while self.waiting > 0 {
            if self.now < self.paused_until {
                return Some(self.paused_until);
            }
            let now = Now::at(self.now);
            let room = self.limit.headroom(&now, self.load());
            if room.slots == 0 {
                return room.opens_at;
            }
            self.waiting -= 1;
            self.out += 1;
            let sent = Sent::new(self.seq, Some(self.now), self.out);
            self.limit.on_send(&now, &sent, self.load());
            self.seq += 1;
            self.in_flight.push((self.now(), self.out));
            self.go(sent);
        }
        None
    }

    fn go(&mut self, sent: Sent) {
        let now = self.now();
        let fate = self.server.admit(now, &mut self.random);
        self.peak = self.peak.max(self.server.in_flight);
        let refused = fate.as_ref().err();
        let headers = self.server.headers(now, refused);
        let refused = refused.map(|refused| StatusCode::from_u16(refused.status).unwrap());
        let status = refused.unwrap_or(StatusCode::OK);
        let hint = Hint::parse(status, &headers, None, SystemTime::UNIX_EPOCH);
        let answer = Event::Answer(sent, refused, hint);
        match fate {
            Ok(takes) if self.random.f64() < self.given_up => {
                self.plan(takes / 2.0, Event::GivenUp(sent));
            }
            Ok(takes) => {
                self.accepted.push(now);
                self.work += takes;
                self.plan(takes, answer);
            }
            Err(_) => {
                self.refused.push(now);
                self.plan(0.035, answer);
            }
        }
    }

    fn plan(&mut self, after: f64, event: Event) {
        self.planned += 1;
        let key = (self.now + Duration::from_secs_f64(after), self.planned);
        self.events.insert(key, event);
    }

    fn happen(&mut self, event: Event) {
        if let Event::Back = event {
            self.waiting += 1;
            return;
        }
        self.out -= 1;
        self.in_flight.push((self.now(), self.out));
        let now = Now::at(self.now);
        match event {
            Event::GivenUp(sent) => {
                self.server.in_flight -= 1;
                self.limit
                    .on_outcome(&now, &sent, Outcome::Ignored, self.load());
            }
            Event::Answer(sent, None, hint) => {
                self.server.in_flight -= 1;
                self.limit
                    .on_outcome(&now, &sent, Outcome::Accepted(&hint), self.load());
            }
            Event::Answer(sent, Some(status), hint) => {
                let outcome = Outcome::refused(status, &hint);
                self.limit.on_outcome(&now, &sent, outcome, self.load());
                if let Some(wait) = self.limit.pause_for(&now, &hint) {
                    let jitter = 0.05 * self.random.f64();
                    let until = self.now + wait.mul_f64(1.0 + jitter);
                    self.paused_until = self.paused_until.max(until);
                }
                let wait = hint.wait().unwrap_or_default().as_secs_f64();
                let jitter = self.random.f64() * (0.05 * wait).max(0.5);
                self.plan(wait + jitter, Event::Back);
            }
            Event::Back => unreachable!(),
        }
    }
}
