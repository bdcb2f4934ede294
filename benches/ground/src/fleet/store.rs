//! A store that takes its time, counts its calls, and may be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tower_throttle::fleet::{Grant, Local, Report, Row, Store};

use super::case::Outage;

/// How long a call takes each way.
const WAY: Duration = Duration::from_micros(300);

#[derive(Clone, Debug)]
pub(super) struct Remote {
    book: Local,
    began: Instant,
    outage: Option<Outage>,
    calls: Arc<AtomicUsize>,
}

impl Remote {
    pub(super) fn new(outage: Option<Outage>) -> Self {
        Self {
            book: Local::new(),
            began: Instant::now(),
            outage,
            calls: Arc::default(),
        }
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    /// Loses the book, if the case says so. To be run beside the members.
    pub(super) async fn live(self) {
        if let Some(outage) = self.outage.filter(|outage| outage.is_lost) {
            sleep_until(self.began + Duration::from_secs_f64(outage.to)).await;
            self.book.clear();
        }
    }

    /// A call that arrives while the store is stopped is answered when it goes on, as far as anybody waits.
    async fn arrive(&self) {
        self.calls.fetch_add(1, Relaxed);
        sleep(WAY).await;
        let now = self.began.elapsed().as_secs_f64();
        if let Some(outage) = self
            .outage
            .filter(|outage| (outage.from..outage.to).contains(&now))
        {
            sleep(Duration::from_secs_f64(outage.to - now)).await;
        }
    }
}

impl Store for Remote {
    type Error = std::convert::Infallible;

    async fn sync(&self, report: &Report) -> Result<Grant, Self::Error> {
        self.arrive().await;
        let grant = self.book.sync(report).await;
        sleep(WAY).await;
        grant
    }

    async fn members(&self) -> Result<Vec<Row>, Self::Error> {
        self.book.members().await
    }
}
