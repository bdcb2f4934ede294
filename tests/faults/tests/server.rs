//! The server, whichever HTTP it speaks.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Duration, sleep};

use crate::fault::{Answer, Fault, Source};
use crate::ledger::Ledger;
use crate::{http1, http2};

/// How many requests with [`Fault::Limited`] are worked on at a time.
const CAPACITY: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Decides by a request's number and that of its attempt, from 1.
pub(crate) type Plan = dyn Fn(u32, usize) -> Fault + Send + Sync;

/// A server on a port of its own. Dropped, it breaks its connections and listens no more.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    listening: JoinHandle<()>,
}

/// What its connections share.
pub(crate) struct Shared {
    pub(crate) ledger: Arc<Ledger>,
    plan: Box<Plan>,
    capacity: Semaphore,
}

impl Server {
    pub(crate) async fn start(
        version: Version,
        plan: impl Fn(u32, usize) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::listen(listener, version, plan, Arc::default())
    }

    pub(crate) fn listen(
        listener: TcpListener,
        version: Version,
        plan: impl Fn(u32, usize) -> Fault + Send + Sync + 'static,
        ledger: Arc<Ledger>,
    ) -> Self {
        let shared = Arc::new(Shared {
            ledger: Arc::clone(&ledger),
            plan: Box::new(plan),
            capacity: Semaphore::new(CAPACITY),
        });
        Self {
            address: listener.local_addr().unwrap(),
            ledger,
            listening: tokio::spawn(accept(listener, version, shared)),
        }
    }

    /// Breaks its connections and listens no more, once this returns.
    pub(crate) async fn stop(mut self) {
        self.listening.abort();
        let _aborted = (&mut self.listening).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Shared {
    /// What is to be done with a request that was read.
    pub(crate) fn arrive(&self, id: u32) -> Fault {
        let fault = (self.plan)(id, self.ledger.arrive(id));
        if fault.works() {
            self.ledger.work(id);
        }
        fault
    }

    /// Works for so long on a request, or refuses it.
    pub(crate) async fn limited(&self, id: u32, work: Duration) -> Answer {
        let Ok(_place) = self.capacity.try_acquire() else {
            return Answer::new(429, Source::Bytes(0));
        };
        self.ledger.work(id);
        sleep(work).await;
        Answer::new(200, Source::Id)
    }
}

async fn accept(listener: TcpListener, version: Version, shared: Arc<Shared>) {
    // Its connections end with it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else { continue };
        shared.ledger.connections.fetch_add(1, SeqCst);
        connections.spawn(serve(stream, version, Arc::clone(&shared)));
    }
}

/// One connection. That it breaks is what is tested, and no error.
async fn serve(stream: TcpStream, version: Version, shared: Arc<Shared>) {
    let _broken: io::Result<()> = match version {
        Version::Http1 => http1::serve(stream, &shared).await,
        Version::Http2 => http2::serve(stream, shared).await,
    };
}

/// A request's number: its path.
pub(crate) fn id_of(path: &str) -> u32 {
    path.trim_start_matches('/').parse().unwrap()
}
