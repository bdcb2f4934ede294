//! What the SDKs of AI APIs do: two retries, `min(0.5 s * 2^n, 8 s)` less up to a quarter, the
//! server's wait used exactly up to 120 s, and no limit of any kind.

use std::sync::Arc;
use std::time::Duration;

use sim::server::Server;

use super::glue::{Req, ask, refused, status};
use super::{Answer, Client};

const RETRIES: i32 = 2;

struct Sdk(Server);

pub(super) fn build(server: Server) -> Arc<dyn Client> {
    Arc::new(Sdk(server))
}

impl Client for Sdk {
    fn send(&self, request: Req) -> Answer {
        let server = self.0.clone();
        Box::pin(async move {
            for retry in 0..RETRIES {
                let response = ask(&server, &request).await;
                let Some(refused) = refused(&response) else {
                    return status(&response);
                };
                let backoff = (0.5 * 2f64.powi(retry)).min(8.0) * (1.0 - 0.25 * fastrand::f64());
                let told = refused.retry_after.filter(|wait| wait.as_secs() <= 120);
                tokio::time::sleep(told.unwrap_or(Duration::from_secs_f64(backoff))).await;
            }
            status(&ask(&server, &request).await)
        })
    }
}
