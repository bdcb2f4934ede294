//! A stack of tower layers as a client.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{Service, ServiceExt as _};

use super::{Answer, Client};

/// Sends every job through a clone of a service, and reads the answer to its end.
pub(super) struct Stack<S> {
    // Some rivals' services are not `Sync`.
    service: Mutex<S>,
}

impl<S, B> Stack<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    pub(super) fn client(service: S) -> Arc<dyn Client> {
        Arc::new(Self {
            service: Mutex::new(service),
        })
    }
}

impl<S, B> Client for Stack<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let service = self.service.lock().expect("service").clone();
        Box::pin(async move {
            let (head, body) = service.oneshot(request).await.ok()?.into_parts();
            body.collect().await.ok()?;
            Some(head.status)
        })
    }
}
