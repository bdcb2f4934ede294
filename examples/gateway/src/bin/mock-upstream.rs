//! A small stand-in for an AI API, to try the gateway with.

use std::net::SocketAddr;

use clap::Parser;
use gateway::mock::{Limits, Mock};
use tokio::net::TcpListener;

/// Answers chat completions, streamed or not, and embeddings, and refuses those above its limit.
#[derive(Debug, Parser)]
#[command(name = "mock-upstream")]
struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,

    #[command(flatten)]
    limits: Limits,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let listener = TcpListener::bind(args.listen).await?;
    println!("Listening on http://{}/", listener.local_addr()?);
    axum::serve(listener, Mock::new(args.limits).router()).await
}
