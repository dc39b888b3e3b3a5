//! The one way to the network: what happens to every request of the generated client, and what is kept of its response.
//!
//! Each call has a generated client of its own with an [`Exchange`] inside. The generated code writes the request, and the
//! hook `pre` takes it from there: [`send`] sets the key or token and the path prefix, swaps the body, enforces the timeouts, and reads
//! and decodes the response up to a size. For callers of `raw` the hook `exec` does the same.

pub(crate) mod auth;
pub(crate) mod body;
mod content_encoding;
pub mod generated;
pub(crate) mod resolver;
pub(crate) mod tls;

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, FutureExt as _, select};
use futures_util::stream;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap};
use progenitor_client::{ClientHooks, ClientInfo as _, OperationInfo};
use reqwest::{Body, ResponseBuilderExt as _};
use url::Url;

use crate::clock::Clock;
use crate::transport::auth::Auth;
use crate::transport::body::{Progress, Segment, Sent, Upload};
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
    /// Without the URL.
    Connection(reqwest::Error),
    Stalled(Duration),
    Silent(Duration),
    TooLarge,
    Unsent,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => f.write_str(&crate::error::chain(error)),
            Self::Stalled(time) => write!(f, "no byte of the request was accepted for {time:?}"),
            Self::Silent(time) => write!(f, "no response {time:?} after the last byte of the request"),
            Self::TooLarge => write!(f, "the response is larger than {MAX_RESPONSE} bytes"),
            Self::Unsent => f.write_str("the generated client did not write the request"),
        }
    }
}

impl std::error::Error for TransportError {}

/// A finished call.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whether the last byte of the request was handed over; with less than all of it no server can act.
    pub(crate) handed_all: bool,
    pub(crate) result: Result<Received, TransportError>,
}

/// What the generated client holds: for `raw` the settings of its exchanges, for a call of the facade also the request that
/// was written.
#[derive(Clone)]
pub struct Exchange {
    raw: bool,
    auth: Auth,
    /// Replaces [`PREFIX`].
    prefix: Arc<str>,
    limits: Limits,
    clock: Arc<dyn Clock>,
    written: Arc<Mutex<Option<reqwest::Request>>>,
}

debug_fields!(Exchange);

impl Exchange {
    pub(crate) fn new(raw: bool, auth: Auth, prefix: Arc<str>, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self { raw, auth, prefix, limits, clock, written: Arc::default() }
    }

    fn written(&self) -> MutexGuard<'_, Option<reqwest::Request>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the request within its timeouts, and reads the whole response.
    async fn run(
        &self,
        client: &generated::Client,
        mut request: reqwest::Request,
        body: Option<(Vec<Segment>, Arc<Sent>)>,
    ) -> Outcome {
        let Self { auth, prefix, limits, clock, .. } = self;
        if let Some(url) = prefixed(request.url(), client.baseurl(), prefix) {
            *request.url_mut() = url;
        }
        let headers = request.headers_mut();
        // The document's version, which progenitor sends unasked.
        headers.remove("api-version");
        headers.insert(AUTHORIZATION, auth.header(&**clock));
        let (body, sent) = body.unzip();
        let len = body.iter().flatten().map(Segment::encoded_len).sum();
        let progress = Progress::new(Arc::clone(clock), len, sent.unwrap_or_default());
        if let Some(body) = body {
            headers.insert(CONTENT_LENGTH, len.into());
            *request.body_mut() = Some(Upload::new(body, limits.early, Arc::clone(&progress)).into_body());
            *request.timeout_mut() = Some(NO_TOTAL_LIMIT);
        }
        let watch = async {
            loop {
                let whole = progress.handed_all();
                let limit = if whole { limits.response } else { limits.stall };
                let idle = clock.now().saturating_sub(progress.last());
                match limit.checked_sub(idle).filter(|left| !left.is_zero()) {
                    Some(left) => clock.guard(left).await,
                    None if whole => return TransportError::Silent(limit),
                    None => return TransportError::Stalled(limit),
                }
            }
        };
        let result = match select(pin!(exchange(client.client(), request)), pin!(watch)).await {
            Either::Left((result, _)) => result,
            Either::Right((failure, _)) => Err(failure),
        };
        Outcome { handed_all: progress.handed_all(), result }
    }
}

/// Lets a call of the generated client write its request: the hook takes it before anything is awaited.
pub(crate) fn write<T>(call: impl Future<Output = T>) {
    call.now_or_never();
}

/// Sends the request that was written, with another body; `Sent` counts its bytes.
pub(crate) async fn send(client: &generated::Client, body: Option<(Vec<Segment>, Arc<Sent>)>) -> Outcome {
    let written = client.inner().written().take();
    match written {
        Some(request) => client.inner().run(client, request, body).await,
        None => Outcome { handed_all: false, result: Err(TransportError::Unsent) },
    }
}

impl ClientHooks<Exchange> for generated::Client {
    async fn pre<E>(
        &self,
        request: &mut reqwest::Request,
        _: &OperationInfo,
    ) -> Result<(), progenitor_client::Error<E>> {
        if self.inner().raw {
            return Ok(());
        }
        let nothing = reqwest::Request::new(request.method().clone(), request.url().clone());
        *self.inner().written() = Some(std::mem::replace(request, nothing));
        Err(progenitor_client::Error::Custom(String::new()))
    }

    async fn exec(&self, mut request: reqwest::Request, _: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        let (url, body) = (request.url().clone(), generated_body(&mut request));
        let outcome = Box::pin(self.inner().run(self, request, body)).await;
        let mut response = http::Response::builder().url(url).body(Body::default()).unwrap_or_default();
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

async fn exchange(client: &reqwest::Client, request: reqwest::Request) -> Result<Received, TransportError> {
    let lost = |error: reqwest::Error| TransportError::Connection(error.without_url());
    let mut response = client.execute(request).await.map_err(lost)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MAX_RESPONSE {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let (status, mut headers) = (response.status(), std::mem::take(response.headers_mut()));
    match decode(&mut headers, body.into(), MAX_RESPONSE) {
        Decoded::Body(body) => Ok(Received { status, headers, body, encoding: None }),
        Decoded::Unreadable(name) => Ok(Received { status, headers, body: Bytes::new(), encoding: Some(name) }),
        Decoded::TooLarge => Err(TransportError::TooLarge),
    }
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
        let auth = Auth::new(&"sk-1".into()).unwrap();
        let call = Exchange::new(true, auth, "".into(), limits, clock);
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
