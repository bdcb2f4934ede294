//! A local gateway for AI APIs, throttled by `tower-throttle`. See the `README.md` beside it.

mod buffer;
mod client;
mod config;
mod cost;
mod events;
mod forward;
mod headers;
mod history;
mod keys;
mod metrics;
pub mod mock;
mod page;
mod priority;
mod refusal;
mod upstream;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tracing::{info, warn};

pub use config::{Config, Target};
pub use cost::{Counted, Provider};

use crate::buffer::Memory;
use crate::forward::{Desk, forward};
use crate::metrics::{Answers, Changes};
use crate::refusal::Refusal;
use crate::upstream::Upstream;

/// How often it counts the requests that are not done.
const INTERVAL: Duration = Duration::from_millis(20);

/// How long the last answers may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The gateway.
#[derive(Debug)]
pub struct Gateway {
    desk: Arc<Desk>,
    upstreams: Vec<Arc<Upstream>>,
    answers: Answers,
    changes: Changes,
}

impl Gateway {
    /// A gateway with these settings.
    ///
    /// # Errors
    ///
    /// If the settings contradict each other, or https is needed and the system has no root
    /// certificates.
    pub fn new(config: Config) -> Result<Self, String> {
        config.check()?;
        let tls = config.upstreams.iter().any(Target::is_tls);
        let client = client::client(tls)?;
        let (answers, changes) = (Answers::default(), Changes::default());
        let upstreams = config.upstreams.iter().map(|target| {
            let (client, answers) = (client.clone(), answers.clone());
            Upstream::new(target.clone(), &config, client, answers, changes.clone())
        });
        Ok(Self {
            upstreams: upstreams.collect(),
            desk: Arc::new(Desk {
                memory: Memory::new(config.max_buffered, config.max_body),
                config,
                stopping: CancellationToken::new(),
                closed: CancellationToken::new(),
            }),
            answers,
            changes,
        })
    }

    /// Serves until `shutdown` is ready, and then finishes the requests that were taken before, for
    /// as long as [`Config::drain`] says. True if all were finished. Otherwise those that had no answer
    /// got status 503, and those whose answers' bodies had not ended are cut off with the runtime.
    ///
    /// # Errors
    ///
    /// Those of the listener.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<bool> {
        let mut recorders = JoinSet::new();
        for upstream in &self.upstreams {
            let upstream = Arc::clone(upstream);
            recorders.spawn(async move { history::record(&upstream).await });
        }
        // Events are small, and each is waited for.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let server = axum::serve(listener, self.router())
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        let mut server = tokio::spawn(server.into_future());
        tokio::select! {
            ended = &mut server => return ended?.map(|()| true),
            () = shutdown => stop.cancel(),
        }
        self.desk.stopping.cancel();
        let drain = self.desk.config.drain;
        info!(requests = self.inside(), at_most = ?drain, "no new requests; finishing these");
        let all_answered = tokio::select! {
            ended = &mut server => return ended?.map(|()| true),
            // Connections on which a request has only begun would keep the server for the whole drain.
            () = self.idle() => true,
            () = sleep(drain) => false,
        };
        if !all_answered {
            warn!(
                requests = self.inside(),
                "the time is up; these are given up"
            );
            self.desk.closed.cancel();
        }
        let _ = timeout(LAST_WORDS, &mut server).await;
        server.abort();
        Ok(all_answered)
    }

    /// Resolves when no request is worked on.
    async fn idle(&self) {
        while self.inside() > 0 {
            sleep(INTERVAL).await;
        }
    }

    /// How many requests were taken and are not at their answer's end.
    fn inside(&self) -> usize {
        self.upstreams
            .iter()
            .map(|upstream| upstream.inside())
            .sum()
    }

    /// All addresses, without the recording of the page's history that [`serve`](Self::serve) does.
    fn router(&self) -> Router {
        let registry = metrics::registry(&self.upstreams, &self.answers, &self.changes);
        let mut router = page::router(self.upstreams.clone(), registry);
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let name = format!("/{}", upstream.target.name);
            let prefixes = if at == 0 {
                vec![String::new(), name]
            } else {
                vec![name]
            };
            for prefix in prefixes {
                let (desk, upstream) = (Arc::clone(&self.desk), Arc::clone(upstream));
                let path = format!("{prefix}/v1/{{*rest}}");
                // The path is cut by hand: as a parameter it would be decoded.
                let route = any(move |request: Request| {
                    let path = request.uri().path()[prefix.len()..].to_owned();
                    forward(desk, upstream, path, request)
                });
                router = router.route(&path, route);
            }
        }
        router.fallback(async || Refusal::NotFound).layer(
            SetSensitiveRequestHeadersLayer::from_shared(headers::sensitive()),
        )
    }
}
