//! How long those who wait will wait, as far as can be told.

use std::time::Duration;

use super::line::Spot;
use super::state::State;
use crate::ask::Reply;
use crate::concurrency::limit::Now;
use crate::priority::Priority;

/// A request is told that its wait takes too long only if it would at this many times the speed that was seen:
/// the limit may grow.
const GROWTH: f64 = 2.0;

impl State {
    /// How long until one goes who has `ahead` others before it.
    pub(in crate::concurrency) fn estimate(&self, now: &Now, ahead: usize) -> Option<Duration> {
        self.wait_at(now, ahead, 1.0)
    }

    /// How long a pause or the pace lets nobody go.
    fn opens_in(&self, now: &Now) -> Duration {
        let until = self.pause.until(now).max(self.opens_at).unwrap_or_default();
        until.saturating_sub(now.get())
    }

    /// How many of those who wait go per second, if that is known.
    fn flow_rate(&self, now: &Now) -> Option<f64> {
        self.flow.as_ref()?.rate(now)
    }

    /// How long the wait is, if the line moved at `speed` times the pace that was seen.
    fn wait_at(&self, now: &Now, ahead: usize, speed: f64) -> Option<Duration> {
        let opens_in = self.opens_in(now);
        let is_paced = self.opens_at.is_some_and(|at| now.get() < at);
        let free = self.limit().saturating_sub(self.in_flight);
        // Those for whom others have to end, and those for whom the pace has to go on.
        let for_places = ahead.saturating_add(1).saturating_sub(free);
        let for_pace = if is_paced { ahead } else { 0 };
        if for_places == 0 && for_pace == 0 {
            return Some(opens_in);
        }
        let flow = self.flow_rate(now);
        let after = |count: usize, rate: f64| count as f64 / (rate * speed);
        let seconds = match (flow, self.pace()) {
            (None, None) => return None,
            (Some(flow), None) => after(for_places.max(for_pace), flow),
            (None, Some(pace)) => after(for_places.max(for_pace), pace),
            (Some(flow), Some(pace)) => after(for_places, flow).max(after(for_pace, pace)),
        };
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Some(opens_in.saturating_add(wait))
    }

    /// How many go before a newcomer of this class.
    pub(in crate::concurrency) fn ahead(&self, now: &Now, priority: Priority) -> usize {
        let spot = Spot {
            class: priority.key(),
            order: self.queue.end(now),
        };
        self.queue.ahead(spot, usize::MAX)
    }

    /// What is replied to one who waits at `spot`, has a deadline or wants to know who is ahead.
    pub(super) fn reply(
        &self,
        now: &Now,
        spot: Spot,
        deadline: Option<Duration>,
        count: bool,
    ) -> Reply {
        let mut reply = Reply::default();
        if count {
            reply.ahead = Some(self.queue.ahead(spot, usize::MAX));
        }
        let Some(deadline) = deadline else {
            return reply;
        };
        let left = deadline.saturating_sub(now.get());
        let opens_in = self.opens_in(now);
        let too_long = left.is_zero() || opens_in > left || self.is_too_long(now, spot, left);
        if too_long {
            let ahead = self.queue.ahead(spot, usize::MAX);
            reply.too_long = Some(self.estimate(now, ahead).unwrap_or(opens_in));
        } else {
            reply.in_time = true;
        }
        reply
    }

    /// Whether those ahead take longer than this.
    fn is_too_long(&self, now: &Now, spot: Spot, left: Duration) -> bool {
        let rates = self.flow_rate(now).into_iter().chain(self.pace());
        let Some(rate) = rates.reduce(f64::max) else {
            return false;
        };
        // More than may go within this time need not be counted. Saturates.
        let most = (GROWTH * rate * left.as_secs_f64()) as usize;
        let most = most.saturating_add(self.limit()).saturating_add(1);
        let wait = self.wait_at(now, self.queue.ahead(spot, most), GROWTH);
        wait.is_some_and(|wait| wait > left)
    }
}
