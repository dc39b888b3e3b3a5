//! The one way to the network: what happens to every request of the generated client, and what is kept of its answer.
//!
//! Each call gets a cheap clone of the generated client with a [`Call`] inside. A hook takes the finished request, sets the
//! key, puts the facade's body in the place of the generated one, keeps the two limits of time, reads and decodes the answer
//! up to a size, and stores what came back in the call. The facade decodes from there alone: the generated code writes its
//! requests and sees no answer.

pub(crate) mod body;
mod content_encoding;
pub mod generated;
pub(crate) mod tls;

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue};
use progenitor_client::{ClientHooks, ClientInfo as _, Error, OperationInfo};
use reqwest::ResponseBuilderExt as _;
use url::Url;

use crate::clock::Clock;
use crate::transport::body::{Handed, Progress, Segment, Upload};
use crate::transport::content_encoding::{Decoded, decode};

/// The longest answer that is read: a list of 500 tasks with signed URLs stays under 1 MiB.
pub(crate) const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Above what any service takes: a total limit that the caller's own `reqwest::Client` may carry must not cut a paid
/// request in its middle, so each request names this one instead.
pub(crate) const NO_TOTAL_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a request may take, and wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// No byte of the request was accepted for so long.
    pub(crate) stall: Duration,
    /// No whole answer so long after the last byte.
    pub(crate) answer: Duration,
    /// How long a large body waits behind its headers for an answer to these alone.
    pub(crate) early: Duration,
}

/// What came back from a call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The encoding that the body could not be read in; it is empty then.
    pub(crate) encoding: Option<String>,
}

/// Why nothing that can be read came back.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection was refused, lost or cut.
    Transport(reqwest::Error),
    /// No byte of the request was accepted for this long.
    Stalled(Duration),
    /// No whole answer for this long after the last byte of the request.
    Silent(Duration),
    /// The answer is larger than this.
    TooLarge(usize),
    /// Another place answered than the one that was asked: a redirect was followed.
    Elsewhere,
    /// The request never reached the network.
    Unsent(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => f.write_str(&crate::error::chain(error)),
            Self::Stalled(time) => write!(f, "no byte of the request was accepted for {time:?}"),
            Self::Silent(time) => write!(f, "no answer {time:?} after the last byte of the request"),
            Self::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes"),
            Self::Elsewhere => f.write_str(
                "the request was redirected and another place answered; give the client the final base URL, and an \
                 http client that follows no redirects",
            ),
            Self::Unsent(reason) => f.write_str(reason),
        }
    }
}

/// A finished call: how much of the request was handed over, and what came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) handed: Handed,
    pub(crate) result: Result<Answer, Failure>,
}

/// The state of one call, inside a clone of the generated client.
#[derive(Clone)]
pub struct Call(Arc<State>);

struct State {
    /// Whether the generated code is shown the answer: for the caller of `raw`, and not for the facade, which decodes it
    /// from here.
    shown: bool,
    key: HeaderValue,
    limits: Limits,
    clock: Arc<dyn Clock>,
    /// The facade's body, and where it is counted.
    body: Mutex<Option<(Vec<Segment>, Arc<AtomicU64>)>>,
    outcome: Mutex<Option<Outcome>>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

impl Call {
    pub(crate) fn new(shown: bool, key: HeaderValue, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(State { shown, key, limits, clock, body: Mutex::new(None), outcome: Mutex::new(None) }))
    }

    /// The same call with this body in the place of the one that the generated client writes; `sent` counts its bytes.
    pub(crate) fn with_body(self, body: Vec<Segment>, sent: Arc<AtomicU64>) -> Self {
        *lock(&self.0.body) = Some((body, sent));
        self
    }

    /// What came of the call, given what the generated client says of it.
    pub(crate) fn outcome<T>(&self, generated: &Result<T, Error<()>>) -> Outcome {
        lock(&self.0.outcome).take().unwrap_or_else(|| Outcome {
            handed: Handed::Nothing,
            result: Err(Failure::Unsent(match generated {
                Err(Error::InvalidRequest(reason) | Error::Custom(reason)) => reason.clone(),
                Err(Error::CommunicationError(error)) => crate::error::chain(error),
                _ => "the generated client did not send the request".to_owned(),
            })),
        })
    }

    /// Sends the request within the limits of time, and reads the whole answer.
    async fn run(&self, client: &reqwest::Client, mut request: reqwest::Request, asked: &Url) -> Outcome {
        let state = &*self.0;
        let (body, sent) = lock(&state.body).take().unzip();
        let headers = request.headers_mut();
        // The document's version, which progenitor sends and nobody asked for.
        headers.remove("api-version");
        headers.insert(AUTHORIZATION, state.key.clone());
        let progress = body.or_else(|| generated_body(&mut request)).map(|body| {
            let progress = Progress::new(Arc::clone(&state.clock), sent.unwrap_or_default());
            let upload = Upload::new(body, Arc::clone(&progress)).after(state.limits.early);
            request.headers_mut().insert(CONTENT_LENGTH, upload.len().into());
            *request.body_mut() = Some(reqwest::Body::wrap(upload));
            *request.timeout_mut() = Some(NO_TOTAL_LIMIT);
            progress
        });
        let watch = async {
            let Some(progress) = &progress else {
                state.clock.guard(state.limits.answer).await;
                return Failure::Silent(state.limits.answer);
            };
            loop {
                let whole = progress.handed() == Handed::All;
                let limit = if whole { state.limits.answer } else { state.limits.stall };
                let idle = state.clock.now().saturating_sub(progress.last());
                match limit.checked_sub(idle).filter(|left| !left.is_zero()) {
                    Some(left) => state.clock.guard(left).await,
                    None if whole => return Failure::Silent(limit),
                    None => return Failure::Stalled(limit),
                }
            }
        };
        let (mut exchange, mut watch) = (pin!(exchange(client, request, asked)), pin!(watch));
        let result = std::future::poll_fn(|context| match exchange.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => watch.as_mut().poll(context).map(Err),
        })
        .await;
        let handed = progress.as_ref().map_or(Handed::All, |progress| progress.handed());
        Outcome { handed, result }
    }
}

impl ClientHooks<Call> for generated::Client {
    /// The whole exchange of a call of the facade, which reads what came of it in the call: the generated code is stopped
    /// here, before it makes anything of an answer.
    async fn pre<E>(&self, request: &mut reqwest::Request, _operation: &OperationInfo) -> Result<(), Error<E>> {
        let call = self.inner();
        if call.0.shown {
            return Ok(());
        }
        let asked = reqwest::Request::new(request.method().clone(), request.url().clone());
        let outcome = call.run(self.client(), std::mem::replace(request, asked), request.url()).await;
        *lock(&call.0.outcome) = Some(outcome);
        Err(Error::Custom(String::new()))
    }

    /// The exchange of a call of `raw`, which is shown the answer as it came.
    async fn exec(&self, request: reqwest::Request, _operation: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        let asked = request.url().clone();
        let outcome = self.inner().run(self.client(), request, &asked).await;
        let mut seen = http::Response::builder().url(asked).body(Bytes::new()).unwrap_or_default();
        match outcome.result {
            Ok(answer) => {
                *seen.status_mut() = answer.status;
                *seen.headers_mut() = answer.headers;
                *seen.body_mut() = answer.body;
            }
            Err(failure) => {
                seen.extensions_mut().insert(Arc::<str>::from(failure.to_string()));
            }
        }
        Ok(seen.into())
    }

    async fn post<E>(
        &self,
        result: &reqwest::Result<reqwest::Response>,
        _operation: &OperationInfo,
    ) -> Result<(), Error<E>> {
        let failure = result.as_ref().ok().and_then(|response| response.extensions().get::<Arc<str>>());
        match failure {
            Some(failure) => Err(Error::Custom(failure.to_string())),
            None => Ok(()),
        }
    }
}

/// The body that the generated client wrote, to be sent as one that cannot be repeated.
fn generated_body(request: &mut reqwest::Request) -> Option<Vec<Segment>> {
    let body = request.body_mut().take()?;
    Some(vec![Segment::Text(Bytes::copy_from_slice(body.as_bytes()?))])
}

/// One request, one answer.
async fn exchange(client: &reqwest::Client, request: reqwest::Request, asked: &Url) -> Result<Answer, Failure> {
    let lost = |error: reqwest::Error| Failure::Transport(error.without_url());
    let mut response = client.execute(request).await.map_err(lost)?;
    if response.url() != asked {
        return Err(Failure::Elsewhere);
    }
    let mut body = Bytes::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Failure::TooLarge(MAX_ANSWER));
        }
        // An answer mostly comes in one piece, which is then not copied.
        body = if body.is_empty() { chunk } else { joined(body, &chunk) };
    }
    let (status, mut headers) = (response.status(), std::mem::take(response.headers_mut()));
    match decode(&mut headers, body, MAX_ANSWER) {
        Decoded::Body(body) => Ok(Answer { status, headers, body, encoding: None }),
        Decoded::Unreadable(name) => Ok(Answer { status, headers, body: Bytes::new(), encoding: Some(name) }),
        Decoded::TooLarge => Err(Failure::TooLarge(MAX_ANSWER)),
    }
}

fn joined(body: Bytes, more: &[u8]) -> Bytes {
    let mut body = BytesMut::from(body);
    body.extend_from_slice(more);
    body.freeze()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
