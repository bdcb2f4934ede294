//! One fault, done to half of the callers, and what all of them see.

use std::time::Duration;

use http::Method;
use tokio::task::JoinSet;

use crate::client::{Client, Seen, Setup};
use crate::fault::Fault;
use crate::server::{Server, Version};
use crate::table;

/// How long anything may take on any machine: a guard against hanging, and nothing else.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// How long those wait who are to see nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many call, of whom half meet the fault.
const CALLERS: u32 = 16;

/// Numbers of requests that meet no fault.
const HEALTHY: std::ops::Range<u32> = 9000..9016;

/// A row of the table: a fault, and what those who meet it see.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) version: Version,
    /// What is done to the first attempt, and perhaps to the second and so on.
    pub(crate) faults: Vec<Fault>,
    /// With the defaults, whatever the method.
    pub(crate) defaults: Seen,
    /// With every retry switched on.
    pub(crate) get: Seen,
    pub(crate) post: Seen,
    callers: u32,
    /// The bound on one attempt that comes with the opt-ins.
    pub(crate) attempt: Option<Duration>,
}

impl Scenario {
    /// A fault whose victims see an answer, in the end, by default.
    pub(crate) fn new(name: &'static str, version: Version, fault: Fault) -> Self {
        Self {
            name,
            version,
            faults: vec![fault],
            defaults: Seen::Served,
            get: Seen::Served,
            post: Seen::Served,
            callers: CALLERS,
            attempt: None,
        }
    }

    /// What they see instead: by default, and with the opt-ins.
    pub(crate) fn sees(mut self, defaults: Seen, get: Seen, post: Seen) -> Self {
        (self.defaults, self.get, self.post) = (defaults, get, post);
        self
    }

    /// What is done to the next attempt.
    pub(crate) fn then(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// For a fault that takes so long that fewer must do.
    pub(crate) fn callers(mut self, callers: u32) -> Self {
        self.callers = callers;
        self
    }

    /// Bounds the time of each attempt, if the retries are switched on.
    pub(crate) fn attempt(mut self, bound: Duration) -> Self {
        self.attempt = Some(bound);
        self
    }

    /// Sees to it that it is true. Gives the servers back, that with the defaults first.
    pub(crate) async fn run(&self) -> [Server; 2] {
        let both = async { tokio::join!(self.with(Setup::Defaults), self.with(Setup::OptIns)) };
        let both = tokio::time::timeout(GUARD, both).await;
        both.expect(self.name).into()
    }

    async fn with(&self, setup: Setup) -> Server {
        let faults = self.faults.clone();
        let server = Server::start(self.version, move |id, attempt| {
            let fault = faults.get(attempt - 1).filter(|_| is_victim(id));
            fault.cloned().unwrap_or_else(Fault::none)
        })
        .await;
        let attempt = self.attempt.filter(|_| setup == Setup::OptIns);
        let client = Client::new(server.address, self.version, setup, attempt);
        let mut hit = false;
        for (id, method, seen) in self.call(&client, setup, 10..10 + self.callers).await {
            let context = format!("{}, {setup:?}: {method} {id}", self.name);
            let expected = self.expected(setup, &method);
            let calls = server.ledger.of(id);
            hit |= is_victim(id) && seen == *expected;
            if self.spreads() {
                let retried = setup == Setup::OptIns && method == Method::GET;
                let broken = seen == Seen::BodyError || (seen == Seen::Error && !retried);
                let too = seen == *expected || (broken && self.breaks());
                assert!(seen == Seen::Served || too, "{context}: {seen:?}");
            } else if is_victim(id) {
                assert_eq!(seen, *expected, "{context}");
            } else {
                assert_eq!(seen, Seen::Served, "{context}");
            }
            // Nothing is lost that was said to be done, and nothing done twice that must not be.
            if seen == Seen::Served {
                assert!(calls.worked >= 1, "{context}");
            }
            if setup == Setup::Defaults || method == Method::POST {
                assert!(calls.worked <= 1, "{context}: done {} times", calls.worked);
            }
        }
        assert!(hit, "{}, {setup:?}: nobody met it", self.name);
        client.assert_at_rest();
        self.check_health(&client, setup, &server).await;
        server
    }

    /// Whether it hits others on the same connection as well.
    fn spreads(&self) -> bool {
        let goes_away = |fault: &Fault| matches!(fault, Fault::GoAway);
        self.breaks() || self.faults.iter().any(goes_away)
    }

    /// Whether the answers of others on the same connection may break off.
    fn breaks(&self) -> bool {
        self.version == Version::Http2 && self.faults.iter().any(Fault::breaks)
    }

    /// What those see who meet it.
    fn expected(&self, setup: Setup, method: &Method) -> &Seen {
        match setup {
            Setup::Defaults => &self.defaults,
            Setup::OptIns if method == Method::GET => &self.get,
            Setup::OptIns => &self.post,
        }
    }

    async fn check_health(&self, client: &Client, setup: Setup, server: &Server) {
        for (id, method, seen) in self.call(client, setup, HEALTHY).await {
            assert_eq!(seen, Seen::Served, "after {}: {method} {id}", self.name);
            assert_eq!(server.ledger.of(id).worked, 1, "after {}: {id}", self.name);
        }
        client.assert_at_rest();
    }

    /// Sends all of them at once.
    async fn call(
        &self,
        client: &Client,
        setup: Setup,
        ids: impl Iterator<Item = u32>,
    ) -> Vec<(u32, Method, Seen)> {
        let mut callers = JoinSet::new();
        for id in ids {
            let method = if id % 4 < 2 {
                Method::GET
            } else {
                Method::POST
            };
            let in_vain = is_victim(id) && *self.expected(setup, &method) == Seen::TimedOut;
            let patience = if in_vain { PATIENCE } else { GUARD };
            let client = client.clone();
            callers.spawn(async move {
                let seen = client.send_within(patience, id, method.clone()).await;
                (id, method, seen)
            });
        }
        callers.join_all().await
    }
}

fn is_victim(id: u32) -> bool {
    id % 2 == 0 && !HEALTHY.contains(&id)
}

/// Fails unless all of them are true and stand in the table. Returns the servers for further checks: those
/// of each scenario, with the defaults first.
pub(crate) async fn check(scenarios: Vec<Scenario>) -> Vec<[Server; 2]> {
    let runs = scenarios.iter().cloned();
    let runs: Vec<_> = runs
        .map(|scenario| tokio::spawn(async move { scenario.run().await }))
        .collect();
    let mut servers = Vec::new();
    for run in runs {
        servers.push(run.await.unwrap());
    }
    table::check(&scenarios);
    servers
}
