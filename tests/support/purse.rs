//! A limit that counts nothing but what requests cost.

use std::sync::{Arc, Mutex};

use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};
use tower_throttle::cost::Cost;

/// Lets requests through while what they cost is there, and notes what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Purse(Arc<Mutex<Account>>);

#[derive(Debug)]
pub(crate) struct Account {
    left: i64,
    told: Vec<String>,
}

impl Purse {
    pub(crate) fn of(left: i64) -> Self {
        let told = Vec::new();
        Self(Arc::new(Mutex::new(Account { left, told })))
    }

    pub(crate) fn left(&self) -> i64 {
        self.0.lock().unwrap().left
    }

    /// What it was told since it was asked last.
    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().told)
    }

    pub(crate) fn layer<C>(&self, cost: C) -> AdaptiveConcurrencyLayer<C> {
        AdaptiveConcurrencyLayer::with_limit(self.clone()).cost(cost)
    }
}

fn total(cost: Option<Cost>) -> i64 {
    cost.map_or(0, |cost| cost.total() as i64)
}

impl Limit for Purse {
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom {
        self.headroom_for(now, load, &Cost::FREE)
    }

    fn headroom_for(&mut self, _: &Now, _: Load, next: &Cost) -> Headroom {
        let fits = self.left() >= total(Some(*next)).max(1);
        Headroom::new(usize::from(fits), None)
    }

    fn on_send(&mut self, _: &Now, sent: &Sent, _: Load) {
        let mut account = self.0.lock().unwrap();
        account.left -= total(sent.cost);
        account
            .told
            .push(format!("sent {:?}", sent.cost.map(Cost::total)));
    }

    fn on_cost(&mut self, _: &Now, sent: &Sent, cost: Cost) {
        let mut account = self.0.lock().unwrap();
        account.left += total(sent.cost) - total(Some(cost));
        account.told.push(format!("costs {}", cost.total()));
    }

    fn on_outcome(&mut self, _: &Now, sent: &Sent, outcome: Outcome<'_>, _: Load) {
        let mut account = self.0.lock().unwrap();
        let outcome = match outcome {
            Outcome::Accepted(_) => "accepted",
            Outcome::Refused { .. } => {
                account.left += total(sent.cost);
                "refused"
            }
            Outcome::Failed => "failed",
            _ => "ignored",
        };
        let cost = sent.cost.map(Cost::total);
        account.told.push(format!("{outcome} {cost:?}"));
    }

    fn limit(&self) -> usize {
        1000
    }

    fn set_limit(&mut self, _: usize) {}

    fn set_bounds(&mut self, _: usize, _: usize) {}
}
