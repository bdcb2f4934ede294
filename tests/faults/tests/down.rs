//! An upstream that is gone for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::Backoff;

use crate::client::{Client, Seen, Setup};
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::scenario::GUARD;
use crate::server::Server;
use crate::server::Version::{self, Http1, Http2};
use crate::table::check_row;

const CALLERS: std::ops::Range<u32> = 100..160;

/// The outage, and the time between the callers' retries, are a tenth of the real thing.
#[tokio::test]
async fn for_a_second() {
    let backoff = Backoff::exponential(Duration::from_millis(50), Duration::from_secs(3));
    let retry = RetryOn429Layer::new().backoff(backoff);
    run(&retry, Duration::from_secs(1)).await;
}

/// The real thing.
#[tokio::test]
#[ignore = "takes half a minute"]
async fn for_ten_seconds() {
    run(&RetryOn429Layer::new(), Duration::from_secs(10)).await;
}

async fn run(retry: &RetryOn429Layer, outage: Duration) {
    let fall = |version, setup| fall(retry.clone(), version, setup, outage);
    let all = async {
        tokio::join!(
            fall(Http1, Setup::Defaults),
            fall(Http1, Setup::OptIns),
            fall(Http2, Setup::Defaults),
            fall(Http2, Setup::OptIns),
        )
    };
    timeout(2 * GUARD, all).await.expect("it ends");
    check_row("upstream down, then back", "1.1, 2", "error", "200", "200");
}

/// Serves, falls over, is gone for a while, and comes back; those who call meanwhile tell.
async fn fall(retry: RetryOn429Layer, version: Version, setup: Setup, outage: Duration) {
    let (ledger, port) = (Arc::new(Ledger::default()), Port::take());
    let up = || {
        Server::listen(
            port.listen(),
            version,
            |_, _| Fault::none(),
            Arc::clone(&ledger),
        )
    };
    let server = up();
    let client = Client::with_retries(retry, port.address, version, setup, None);
    let (before, after) = (0..20, 1000..1020);
    assert_all(&call(&client, before).join_all().await, &Seen::Served);

    server.stop().await;
    // Until the client knows that its connections are gone. More than once, as on a busy machine a
    // sleep may end before the sockets were looked at.
    for _ in 0..5 {
        sleep(Duration::from_millis(20)).await;
    }
    let mut callers = call(&client, CALLERS);
    let (_server, expected) = match setup {
        Setup::Defaults => {
            assert_all(&callers.join_all().await, &Seen::Error);
            (up(), 0)
        }
        Setup::OptIns => {
            let early = timeout(outage, callers.join_next()).await;
            assert!(early.is_err(), "answered while the server was down");
            let server = up();
            let back = Instant::now();
            assert_all(&callers.join_all().await, &Seen::Served);
            println!(
                "HTTP/{version}: the last was answered {:.1?} later",
                back.elapsed()
            );
            (server, 1)
        }
    };
    client.assert_at_rest();
    assert_all(
        &call(&client, after.clone()).join_all().await,
        &Seen::Served,
    );
    client.assert_at_rest();
    let done = |ids: std::ops::Range<u32>| ids.map(|id| ledger.of(id).worked).max();
    assert_eq!((done(CALLERS), done(after)), (Some(expected), Some(1)));
}

fn call(client: &Client, ids: std::ops::Range<u32>) -> JoinSet<Seen> {
    let mut callers = JoinSet::new();
    for id in ids {
        let client = client.clone();
        let method = [Method::GET, Method::POST][id as usize % 2].clone();
        callers.spawn(async move { client.send_within(GUARD, id, method).await });
    }
    callers
}

fn assert_all(seen: &[Seen], expected: &Seen) {
    assert!(seen.iter().all(|seen| seen == expected), "{seen:?}");
}

/// A port that nobody else is given while no server listens there.
struct Port {
    address: SocketAddr,
    _bound: TcpSocket,
}

impl Port {
    fn take() -> Self {
        let bound = bind("127.0.0.1:0".parse().unwrap());
        Self {
            address: bound.local_addr().unwrap(),
            _bound: bound,
        }
    }

    fn listen(&self) -> TcpListener {
        bind(self.address).listen(1024).unwrap()
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}
