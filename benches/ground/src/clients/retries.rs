//! Our retry layer, and no limit of any kind.

use std::sync::Arc;

use sim::server::Server;
use tower::ServiceBuilder;
use tower_throttle::RetryOn429Layer;

use super::Client;
use super::stack::Stack;

pub(super) fn build(server: Server) -> Arc<dyn Client> {
    Stack::client(
        ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(fastrand::u64(..)))
            .service(server),
    )
}
