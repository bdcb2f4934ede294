//! The async-openai client, throttled by both layers: 60 chat completions, 60 streamed ones and 60
//! embeddings at once, to an API on loopback that works on five at a time, does not say so, and turns
//! every tenth away besides.
//!
//! `cargo run -p async-openai-example`

use std::error::Error;
use std::process::ExitCode;

use async_openai_example::api::OpenAi;
use async_openai_example::client;
use async_openai_example::jobs::{self, Summary};

const JOBS_OF_A_KIND: usize = 60;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let api = OpenAi::start().await?;
    let (client, gate) = client::throttled(&api.url());

    let Summary {
        chats,
        streams,
        embeddings,
    } = jobs::run(&client, JOBS_OF_A_KIND).await?;

    let (seen, gate) = (api.seen(), gate.snapshot());
    println!("chats      {chats} of {JOBS_OF_A_KIND} done");
    println!("streams    {streams} of {JOBS_OF_A_KIND} read to the end");
    println!("embeddings {embeddings} of {JOBS_OF_A_KIND} done");
    println!(
        "the API    answered {}, refused {}, worked on {} at most",
        seen.answered, seen.refused, seen.peak
    );
    println!(
        "the gate   limit {}, in flight {}",
        gate.limit, gate.in_flight
    );
    let all = [chats, streams, embeddings];
    let lost = all.iter().any(|done| *done < JOBS_OF_A_KIND) || gate.in_flight > 0;
    Ok(ExitCode::from(u8::from(lost)))
}
