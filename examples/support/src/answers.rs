//! What an API may answer.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Full};
use tokio::time::sleep;

use crate::Answer;

/// How long a post takes.
const WORK: Duration = Duration::from_millis(20);

/// The pieces of a streamed answer, and the time before each.
const PIECES: usize = 10;
const BETWEEN: Duration = Duration::from_millis(10);

/// The default: `/v1/stream` is answered by [`stream`], and anything else, after 20 ms, with the
/// number of words in the request's body, as JSON.
pub async fn posts(request: Request<Bytes>) -> Answer {
    if request.uri().path() == "/v1/stream" {
        return stream();
    }
    sleep(WORK).await;
    let body = String::from_utf8_lossy(request.body());
    let words = body.split_whitespace().count();
    text(format!(r#"{{"words":{words}}}"#))
}

/// A 200 with this body.
pub fn text(body: impl Into<Bytes>) -> Answer {
    Response::new(Full::new(body.into()).boxed())
}

/// The answer with another status.
#[must_use]
pub fn with_status(status: StatusCode, mut answer: Answer) -> Answer {
    *answer.status_mut() = status;
    answer
}

/// A 200 whose head comes at once, and then ten server-sent events, one each 10 ms.
#[must_use]
pub fn stream() -> Answer {
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        for piece in 0..PIECES {
            sleep(BETWEEN).await;
            let event = Bytes::from(format!("data: {piece}\n\n"));
            // The client hung up.
            if sender.send_data(event).await.is_err() {
                return;
            }
        }
    });
    Response::new(body.boxed())
}
