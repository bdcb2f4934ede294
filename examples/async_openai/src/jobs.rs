//! What the client is asked for.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessage, CreateChatCompletionRequest,
    CreateChatCompletionStreamResponse,
};
use async_openai::types::embeddings::CreateEmbeddingRequest;
use tokio::task::{JoinError, JoinSet};
use tokio_stream::StreamExt;

use crate::api::WORDS;

/// How many jobs of each kind were done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub chats: usize,
    pub streams: usize,
    pub embeddings: usize,
}

#[derive(Clone, Copy)]
enum Job {
    Chat,
    Stream,
    Embedding,
}

/// Does `of_a_kind` jobs of each kind, all at once.
pub async fn run(client: &Client<OpenAIConfig>, of_a_kind: usize) -> Result<Summary, JoinError> {
    let mut jobs = JoinSet::new();
    for _ in 0..of_a_kind {
        for job in [Job::Chat, Job::Stream, Job::Embedding] {
            let client = client.clone();
            jobs.spawn(async move { (job, job.run(&client).await) });
        }
    }
    let mut summary = Summary::default();
    while let Some(job) = jobs.join_next().await {
        let (job, done) = job?;
        let count = match job {
            Job::Chat => &mut summary.chats,
            Job::Stream => &mut summary.streams,
            Job::Embedding => &mut summary.embeddings,
        };
        match done {
            Ok(done) => *count += usize::from(done),
            Err(error) => eprintln!("a job failed: {error}"),
        }
    }
    Ok(summary)
}

impl Job {
    /// Whether the answer is all there.
    async fn run(self, client: &Client<OpenAIConfig>) -> Result<bool, OpenAIError> {
        match self {
            Self::Chat => Ok(chat_once(client).await? == WORDS.concat()),
            Self::Stream => {
                let mut stream = client.chat().create_stream(chat()).await?;
                let mut text = String::new();
                while let Some(chunk) = stream.next().await {
                    text += &content(&chunk?);
                }
                Ok(text == WORDS.concat())
            }
            Self::Embedding => {
                let request = CreateEmbeddingRequest {
                    model: "test-embedding".into(),
                    input: "a post".into(),
                    ..CreateEmbeddingRequest::default()
                };
                let answer = client.embeddings().create(request).await?;
                Ok(answer.data.iter().all(|found| found.embedding.len() == 3))
            }
        }
    }
}

/// The whole answer.
pub async fn chat_once(client: &Client<OpenAIConfig>) -> Result<String, OpenAIError> {
    let answer = client.chat().create(chat()).await?;
    let choice = answer.choices.into_iter().next();
    Ok(choice
        .and_then(|choice| choice.message.content)
        .unwrap_or_default())
}

pub fn chat() -> CreateChatCompletionRequest {
    CreateChatCompletionRequest {
        model: "test-chat".into(),
        messages: vec![ChatCompletionRequestUserMessage::from("Say hello.").into()],
        ..CreateChatCompletionRequest::default()
    }
}

fn content(chunk: &CreateChatCompletionStreamResponse) -> String {
    let pieces = chunk.choices.iter();
    pieces
        .filter_map(|choice| choice.delta.content.as_deref())
        .collect()
}
