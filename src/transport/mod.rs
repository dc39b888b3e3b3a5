//! The one way to the network: what happens to every request of the generated client, and what is kept of its response.
//!
//! Each call has a cheap clone of the generated client with an [`Exchange`] inside. The hook `exec` takes the finished request,
//! sets the key and the path prefix, swaps the body, enforces the timeouts, reads and decodes the response up to a size, and
//! stores the outcome in the call. The facade decodes from there: for its calls the generated code sees a `null`.

pub(crate) mod body;
mod content_encoding;
pub mod generated;
pub(crate) mod resolver;
pub(crate) mod tls;

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue};
use progenitor_client::{ClientHooks, ClientInfo as _, OperationInfo};
use reqwest::{Body, ResponseBuilderExt as _};
use url::Url;

use crate::clock::Clock;
use crate::transport::body::{Handed, Progress, Segment, Sent, Upload};
use crate::transport::content_encoding::{Decoded, decode};

/// Maximum size in bytes of a response: a list of 500 tasks with signed URLs stays under 1 MiB.
const MAX_RESPONSE: usize = 8 * 1024 * 1024;

/// Longer than any service takes: a total timeout of the caller's own `reqwest::Client` must not cut a paid request in its
/// middle, so each request names this one instead.
pub(crate) const NO_TOTAL_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What the paths of the document begin with, and a gateway's.
pub(crate) const PREFIX: &str = "/kling";

/// The timeouts of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time without one more byte of the request accepted.
    pub(crate) stall: Duration,
    /// Time from the last byte to the whole response.
    pub(crate) response: Duration,
    /// Time that a large body waits behind its headers, for a response to these alone.
    pub(crate) early: Duration,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The encoding in which the body cannot be read; it is empty then.
    pub(crate) encoding: Option<String>,
}

/// Why there is no response that can be read.
#[derive(Debug)]
pub(crate) enum TransportError {
    /// The connection was refused, lost or cut; without the URL.
    Connection(reqwest::Error),
    /// No byte of the request was accepted for this long.
    Stalled(Duration),
    /// No whole response for this long after the last byte of the request.
    Silent(Duration),
    /// The response is larger than this.
    TooLarge(usize),
    /// The request never reached the network.
    Unsent(String),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => f.write_str(&crate::error::chain(error)),
            Self::Stalled(time) => write!(f, "no byte of the request was accepted for {time:?}"),
            Self::Silent(time) => write!(f, "no response {time:?} after the last byte of the request"),
            Self::TooLarge(limit) => write!(f, "the response is larger than {limit} bytes"),
            Self::Unsent(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connection(error) => Some(error),
            _ => None,
        }
    }
}

/// A finished call: how much of the request was handed over, and the response or what came instead.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) handed: Handed,
    pub(crate) result: Result<Received, TransportError>,
}

/// The state of one call, inside a clone of the generated client.
#[derive(Clone)]
pub struct Exchange(Arc<ExchangeState>);

struct ExchangeState {
    /// Whether the caller reads the response from the generated client (`raw`) instead of from here.
    raw: bool,
    key: HeaderValue,
    /// Replaces [`PREFIX`].
    prefix: Arc<str>,
    limits: Limits,
    clock: Arc<dyn Clock>,
    /// The facade's body, and where its bytes are counted.
    body: Mutex<Option<(Vec<Segment>, Arc<Sent>)>>,
    outcome: Mutex<Option<Outcome>>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl Exchange {
    pub(crate) fn new(raw: bool, key: HeaderValue, prefix: Arc<str>, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let (body, outcome) = (Mutex::new(None), Mutex::new(None));
        Self(Arc::new(ExchangeState { raw, key, prefix, limits, clock, body, outcome }))
    }

    /// Replaces the body that the generated client writes; `sent` counts the bytes.
    pub(crate) fn with_body(self, body: Vec<Segment>, sent: Arc<Sent>) -> Self {
        *lock(&self.0.body) = Some((body, sent));
        self
    }

    /// The outcome of the call.
    pub(crate) fn outcome(&self) -> Outcome {
        lock(&self.0.outcome).take().unwrap_or_else(|| Outcome {
            handed: Handed::Nothing,
            result: Err(TransportError::Unsent("the generated client did not send the request".to_owned())),
        })
    }

    /// Sends the request within its timeouts, and reads the whole response.
    async fn run(&self, client: &reqwest::Client, mut request: reqwest::Request) -> Outcome {
        let state = &*self.0;
        let headers = request.headers_mut();
        // The document's version, which progenitor sends unasked.
        headers.remove("api-version");
        headers.insert(AUTHORIZATION, state.key.clone());
        let (body, sent) = lock(&state.body).take().or_else(|| generated_body(&mut request)).unzip();
        let len = body.iter().flatten().map(Segment::encoded_len).sum();
        let progress = Progress::new(Arc::clone(&state.clock), len, sent.unwrap_or_default());
        if let Some(body) = body {
            request.headers_mut().insert(CONTENT_LENGTH, len.into());
            *request.body_mut() = Some(Upload::new(body, state.limits.early, Arc::clone(&progress)).into_body());
            *request.timeout_mut() = Some(NO_TOTAL_LIMIT);
        }
        let watch = async {
            loop {
                let whole = progress.handed() == Handed::All;
                let limit = if whole { state.limits.response } else { state.limits.stall };
                let idle = state.clock.now().saturating_sub(progress.last());
                match limit.checked_sub(idle).filter(|left| !left.is_zero()) {
                    Some(left) => state.clock.guard(left).await,
                    None if whole => return TransportError::Silent(limit),
                    None => return TransportError::Stalled(limit),
                }
            }
        };
        let (mut exchange, mut watch) = (pin!(exchange(client, request)), pin!(watch));
        let result = std::future::poll_fn(|context| match exchange.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => watch.as_mut().poll(context).map(Err),
        })
        .await;
        Outcome { handed: progress.handed(), result }
    }
}

impl ClientHooks<Exchange> for generated::Client {
    async fn exec(&self, mut request: reqwest::Request, _: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        let call = self.inner();
        if let Some(url) = prefixed(request.url(), self.baseurl(), &call.0.prefix) {
            *request.url_mut() = url;
        }
        let url = request.url().clone();
        let outcome = call.run(self.client(), request).await;
        let mut response = http::Response::builder().url(url).body(Body::from("null")).unwrap_or_default();
        if !call.0.raw {
            *lock(&call.0.outcome) = Some(outcome);
            return Ok(response.into());
        }
        match outcome.result {
            Ok(received) => {
                *response.status_mut() = received.status;
                *response.headers_mut() = received.headers;
                *response.body_mut() = received.body.into();
            }
            Err(TransportError::Connection(error)) => return Err(error),
            // Only a body can carry an error of ours to the caller: reading it fails.
            Err(error) => *response.body_mut() = Body::wrap_stream(stream::iter([Err::<Bytes, _>(error)])),
        }
        Ok(response.into())
    }
}

/// A request's URL with another prefix of the path than the document's, if it is another.
fn prefixed(url: &Url, base: &str, prefix: &str) -> Option<Url> {
    if prefix == PREFIX {
        return None;
    }
    let rest = url.as_str().strip_prefix(base)?.strip_prefix(PREFIX)?;
    Url::parse(&format!("{base}{prefix}{rest}")).ok()
}

/// The body that the generated client wrote, to be sent as one that cannot be repeated.
fn generated_body(request: &mut reqwest::Request) -> Option<(Vec<Segment>, Arc<Sent>)> {
    let body = request.body_mut().take()?;
    Some((vec![Segment::Text(Bytes::copy_from_slice(body.as_bytes()?))], Arc::default()))
}

/// Sends one request and reads one response.
async fn exchange(client: &reqwest::Client, request: reqwest::Request) -> Result<Received, TransportError> {
    let lost = |error: reqwest::Error| TransportError::Connection(error.without_url());
    let mut response = client.execute(request).await.map_err(lost)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MAX_RESPONSE {
            return Err(TransportError::TooLarge(MAX_RESPONSE));
        }
        body.extend_from_slice(&chunk);
    }
    let (status, mut headers) = (response.status(), std::mem::take(response.headers_mut()));
    match decode(&mut headers, body.into(), MAX_RESPONSE) {
        Decoded::Body(body) => Ok(Received { status, headers, body, encoding: None }),
        Decoded::Unreadable(name) => Ok(Received { status, headers, body: Bytes::new(), encoding: Some(name) }),
        Decoded::TooLarge => Err(TransportError::TooLarge(MAX_RESPONSE)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_replaced_behind_the_path_of_the_base_url() {
        for (base, prefix, path, expected) in [
            ("https://a.example", "", "/kling/v1/videos?pageNum=1", Some("https://a.example/v1/videos?pageNum=1")),
            ("https://a.example", "/api", "/kling/v1/videos", Some("https://a.example/api/v1/videos")),
            ("https://a.example/kling", "", "/kling/v1/kling", Some("https://a.example/kling/v1/kling")),
            ("https://a.example/kling", "/kling", "/kling/v1/videos", None),
        ] {
            let url = Url::parse(&format!("{base}{path}")).unwrap();
            assert_eq!(prefixed(&url, base, prefix).as_ref().map(Url::as_str), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn a_request_goes_to_the_path_with_the_calls_prefix() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/relay", listener.local_addr().unwrap());
        let second = Duration::from_secs(1);
        let limits = Limits { stall: 60 * second, response: 60 * second, early: Duration::ZERO };
        let clock = Arc::new(crate::clock::SystemClock::new());
        let call = Exchange::new(true, HeaderValue::from_static("Bearer sk-1"), "".into(), limits, clock);
        let raw = generated::Client::new_with_client(&base, reqwest::Client::new(), call);
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue").await.unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        };
        let (response, request) = tokio::join!(raw.get_multi_image_to_video().id("7").send(), server);
        assert_eq!(*response.unwrap(), serde_json::Value::Bool(true));
        assert!(request.starts_with("GET /relay/v1/videos/multi-image2video/7 "), "{request}");
    }
}
