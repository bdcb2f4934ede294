//! An API under `tower_governor`. Arguments: the latency in ms, how many ms until one more may come,
//! and how many may come at once.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u32> = std::env::args()
        .skip(1)
        .map(|argument| argument.parse())
        .collect::<Result<_, _>>()?;
    let &[latency, period, burst] = numbers.as_slice() else {
        return Err("it takes three numbers".into());
    };
    let config = GovernorConfigBuilder::default()
        .per_millisecond(period.into())
        .burst_size(burst)
        .finish()
        .ok_or("neither the period nor the burst may be 0")?;
    let answer = move || async move {
        sleep(Duration::from_millis(latency.into())).await;
        "done"
    };
    let app = Router::new()
        .route("/{*path}", post(answer))
        .layer(GovernorLayer::new(Arc::new(config)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?.port());
    // The limiter counts by the address of the peer.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}
