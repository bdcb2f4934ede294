//! The failures that usually pass, as far as status and I/O errors tell.

use std::error::Error;
use std::io::{self, ErrorKind};

use http::{HeaderMap, Method, Response};
use http_body_util::Full;
use tower::{BoxError, Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Classify, Decision, Head, Preset, retry_errors};

use crate::support::*;

/// An error that has another as its source, as clients' errors have.
#[derive(Debug)]
struct Client(Option<BoxError>);

impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("client")
    }
}

impl Error for Client {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|error| error as _)
    }
}

fn client(kind: ErrorKind) -> Client {
    Client(Some(io::Error::from(kind).into()))
}

fn of(error: &Client) -> Decision {
    Preset::idempotent_failures().classify(Err(error))
}

const BROKEN: [ErrorKind; 8] = [
    ErrorKind::ConnectionReset,
    ErrorKind::ConnectionAborted,
    ErrorKind::BrokenPipe,
    ErrorKind::UnexpectedEof,
    ErrorKind::NotConnected,
    ErrorKind::HostUnreachable,
    ErrorKind::NetworkUnreachable,
    ErrorKind::NetworkDown,
];

#[test]
fn a_connection_that_breaks_is_worth_a_retry_and_one_that_was_never_made_proves_more() {
    for kind in BROKEN {
        assert_eq!(of(&client(kind)), Decision::Retry, "{kind:?}");
    }
    let refused = client(ErrorKind::ConnectionRefused);
    assert_eq!(of(&refused), Decision::RetryUnprocessed);
    for kind in [
        ErrorKind::TimedOut,
        ErrorKind::InvalidData,
        ErrorKind::Other,
    ] {
        assert_eq!(of(&client(kind)), Decision::Default, "{kind:?}");
    }
    assert_eq!(of(&Client(None)), Decision::Default);
}

#[test]
fn an_error_is_found_wherever_it_is_in_the_chain() {
    let deep = (0..10).fold(client(ErrorKind::ConnectionReset), |error, _| {
        Client(Some(error.into()))
    });
    assert_eq!(of(&deep), Decision::Retry);
    // An I/O error's source leaves out the error that it wraps.
    let wrapped = io::Error::other(client(ErrorKind::BrokenPipe));
    assert_eq!(of(&Client(Some(wrapped.into()))), Decision::Retry);
    let wrapped = io::Error::other(io::Error::from(ErrorKind::ConnectionRefused));
    let preset = Preset::idempotent_failures();
    assert_eq!(preset.classify(Err(&wrapped)), Decision::RetryUnprocessed);
}

#[test]
fn a_connection_that_was_never_made_outweighs_what_broke_on_the_way() {
    let reset = io::Error::new(
        ErrorKind::ConnectionReset,
        io::Error::from(ErrorKind::ConnectionRefused),
    );
    let preset = Preset::idempotent_failures();
    assert_eq!(preset.classify(Err(&reset)), Decision::RetryUnprocessed);
}

#[test]
fn a_chain_without_end_ends() {
    #[derive(Debug)]
    struct Endless;
    impl std::fmt::Display for Endless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("endless")
        }
    }
    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }
    let preset = Preset::idempotent_failures();
    assert_eq!(preset.classify(Err(&Endless)), Decision::Default);
}

#[test]
fn of_the_statuses_it_knows_those_that_usually_pass() {
    let headers = HeaderMap::new();
    for code in 100..600 {
        let head = Head::new(code.try_into().unwrap(), &headers);
        let decision = Preset::idempotent_failures().classify(Ok::<_, &Client>(head));
        let expected = match code {
            500 | 502 | 504 => Decision::Retry,
            _ => Decision::Default,
        };
        assert_eq!(decision, expected, "{code}");
    }
}

/// How often a request is sent whose first attempt comes to this.
async fn sent<E: Error + 'static>(
    layer: RetryOn429Layer<impl Classify<E>>,
    method: Method,
    first: Result<Response<Full<bytes::Bytes>>, E>,
) -> usize {
    let inner = Script::of([first]);
    let mut request = get();
    *request.method_mut() = method;
    let _ = layer.layer(inner.clone()).oneshot(request).await;
    inner.count()
}

#[tokio::test(start_paused = true)]
async fn a_get_is_sent_again_and_a_post_only_if_nothing_was_done() {
    let layer = RetryOn429Layer::new().classify(Preset::idempotent_failures());
    for (kind, get, post) in [
        (ErrorKind::ConnectionReset, 2, 1),
        (ErrorKind::ConnectionRefused, 2, 2),
        (ErrorKind::TimedOut, 1, 1),
    ] {
        let count = sent(layer.clone(), Method::GET, Err(client(kind))).await;
        assert_eq!(count, get, "{kind:?}");
        let count = sent(layer.clone(), Method::POST, Err(client(kind))).await;
        assert_eq!(count, post, "{kind:?}");
    }
    for (code, get) in [(500, 2), (502, 2), (504, 2), (501, 1), (505, 1), (404, 1)] {
        let first = Ok::<_, Client>(status(code));
        assert_eq!(sent(layer.clone(), Method::GET, first).await, get, "{code}");
        let first = Ok::<_, Client>(status(code));
        assert_eq!(sent(layer.clone(), Method::POST, first).await, 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_joins_others_in_a_pair() {
    let others = retry_errors(|error: &io::Error| error.kind() == ErrorKind::TimedOut);
    let before = RetryOn429Layer::new().classify((Preset::idempotent_failures(), others));
    let after = RetryOn429Layer::new().classify((others, Preset::idempotent_failures()));
    for kind in [ErrorKind::TimedOut, ErrorKind::ConnectionReset] {
        let error = || Err(io::Error::from(kind));
        assert_eq!(sent(before.clone(), Method::GET, error()).await, 2);
        assert_eq!(sent(after.clone(), Method::GET, error()).await, 2);
    }
}
