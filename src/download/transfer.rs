//! One output over HTTP, up to its last byte: through cuts, stalls, busy servers and an expired URL.
//!
//! What a response means for the bytes that are here is decided in `judge.rs`, whether they are a whole file in `content.rs`.

use std::mem;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, IF_RANGE, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::Response;
use tracing::Span;
use url::Url;

use crate::address::is_below;
use crate::clock::{Clock, chance};
use crate::download::content::{Content, HEAD, Structure};
use crate::download::judge::{Entity, Verdict, judge, text};
use crate::download::part::{DOWNLOAD, Found, Origin};
use crate::download::plan::{DownloadProgress, Plan, REFRESH, broken, elsewhere};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::response::reason::retry_after;
use crate::response::{Output, OutputKind};
use crate::retry::RetryPolicy;
use crate::span::record;
use crate::transport::resolver;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The next bytes, at least one; if they are the `first`, those that were handed on before do not count.
    Bytes { first: bool, bytes: Bytes },
    /// That was the last byte.
    End,
}

pub(crate) struct Transfer {
    plan: Plan,
    span: Span,
    output: Output,
    url: Url,
    /// Which output it is, and what its server says of it.
    pub(crate) origin: Origin,
    /// Whether the URL is the gateway's own, and refused a request without the key.
    keyed: bool,
    /// How many bytes are here.
    at: u64,
    /// How many were handed on; those that come once more are not.
    handed: u64,
    /// The most that ever were here: what is beyond is progress.
    reached: u64,
    structure: Structure,
    /// Whether the next request is for the whole, whatever is here.
    whole: bool,
    /// Where a body ended that was not a whole file; caches are passed by since then.
    ended_at: Option<u64>,
    /// Whether the whole was requested again because of that.
    again: bool,
    body: Option<Body>,
    requests: u32,
    /// Requests since the last progress, and the waits between them.
    tries: u32,
    waited: Duration,
    /// Whether the task was polled for a fresh URL.
    renewed: bool,
}

/// A response whose body is being read.
struct Body {
    response: Response,
    /// The position up to which it reaches, if that is announced.
    end: Option<u64>,
}

/// Why a request brought no more, by what to do next.
enum FetchError {
    /// Repeat it, after what the server asked for.
    Lost(Error),
    /// Poll the task for a fresh URL.
    Expired(Error),
    Final(Error),
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

const PROXY: &str = "a proxy or a sign-in page may have responded in its place; nothing of it was kept";
const LATER: &str = "download it again later";
const KEPT: &str = "outputs are kept for 30 days after the end of the task; ask the gateway for it by the task's id";

impl Transfer {
    /// Chooses the output. Requests nothing yet.
    pub(crate) fn new(plan: Plan, span: Span) -> Result<Self> {
        let output = plan.output()?;
        let url = plan.url(&output)?;
        let id = output.id.clone().unwrap_or_else(|| format!("at {}", output.index));
        let id = if plan.as_wav && output.wav_url.is_some() { format!("{id}, WAV") } else { id };
        let origin = Origin { task_id: plan.finished.info().task_id.clone(), output: id, entity: Entity::default() };
        Ok(Self {
            plan,
            span,
            output,
            url,
            origin,
            keyed: false,
            at: 0,
            handed: 0,
            reached: 0,
            structure: Structure::default(),
            whole: false,
            ended_at: None,
            again: false,
            body: None,
            requests: 0,
            tries: 0,
            waited: Duration::ZERO,
            renewed: false,
        })
    }

    /// Continues behind bytes that are here already, if they are of the same output.
    pub(crate) fn resume(&mut self, Found { origin, length, structure }: Found) {
        if (&origin.task_id, &origin.output) == (&self.origin.task_id, &self.origin.output) {
            (self.origin, self.structure) = (origin, structure);
            (self.at, self.handed, self.reached) = (length, length, length);
        }
    }

    /// Returns what comes next; nothing may be requested after an error or the end.
    pub(crate) async fn next(&mut self) -> Result<Event> {
        let event = loop {
            let next = match self.body.take() {
                Some(body) => self.read(body).await,
                None => self.request().await,
            };
            match next {
                Ok(Some(event)) => break Ok(event),
                Ok(None) => {}
                Err(failure) => {
                    if let Err(error) = self.recover(failure).await {
                        break Err(error);
                    }
                }
            }
        };
        if let Some(progress) = &mut self.plan.progress {
            progress(DownloadProgress { bytes: self.at, total: self.origin.entity.total });
        }
        if matches!(event, Ok(Event::End) | Err(_)) {
            record(&self.span, "bytes", self.at);
        }
        event
    }

    async fn request(&mut self) -> Result<Option<Event>, FetchError> {
        if !self.whole && self.origin.entity.total.is_some_and(|total| total == self.at) {
            return self.at_end(true);
        }
        let url = self.url.clone();
        let validator = self.origin.entity.validator.clone().filter(|_| self.at > 0 && !self.whole);
        let validator = validator.as_deref();
        self.tries += 1;
        let mut response = self.send(&url, self.keyed, validator).await?;
        let is_refused = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if is_refused && !self.keyed && response.url() == &url && is_below(self.plan.client().base_url(), &url) {
            self.keyed = true;
            response = self.send(&url, true, validator).await?;
        }
        if self.keyed
            && response.status().is_redirection()
            && let Some(target) = text(response.headers(), &LOCATION).and_then(|target| url.join(target).ok())
        {
            self.plan.check(&target)?;
            response = self.send(&target, false, validator).await?;
        }
        let status = response.status();
        let responded = format!("the file server responded {status}");
        let from = validator.map_or(0, |_| self.at);
        self.plan.pace.restart();
        match judge(status, response.headers(), from, &self.origin.entity) {
            Verdict::Body { at: 0, end, entity } => self.begin(Body { response, end }, entity).await,
            Verdict::Body { end, entity, .. } => {
                self.origin.entity = entity;
                self.body = Some(Body { response, end });
                Ok(None)
            }
            Verdict::Complete => self.at_end(true),
            Verdict::StartOver(reason) => {
                self.whole = true;
                Err(self.later(&response, reason))
            }
            Verdict::Later(reason) => Err(self.later(&response, reason)),
            Verdict::DependsOnBody if Content::of(&self.head(&mut response).await?) == Content::Page("JSON") => {
                Err(self.later(&response, "the file is not ready yet"))
            }
            Verdict::Expired | Verdict::DependsOnBody => Err(FetchError::Expired(refused(&response, responded, KEPT))),
            Verdict::Refused => Err(refused(&response, responded, REFRESH).into()),
        }
    }

    /// Sends one request: for the bytes that are missing if there is a validator, else for the whole.
    ///
    /// With the key it is sent by the API's client, which follows no redirect; without it by the one for outputs.
    async fn send(&mut self, url: &Url, keyed: bool, validator: Option<&str>) -> Result<Response, FetchError> {
        self.requests += 1;
        record(&self.span, "attempts", self.requests);
        let client = self.plan.client();
        let request = if keyed { client.get_with_key(url.clone()) } else { client.shared.download.get(url.clone()) };
        // Encoded, a part would be one of something else.
        let mut request = request.header(ACCEPT_ENCODING, "identity");
        if self.ended_at.is_some() {
            request = request.header(CACHE_CONTROL, "no-cache");
        }
        if let Some(validator) = validator {
            request = request.header(RANGE, format!("bytes={}-", self.at)).header(IF_RANGE, validator);
        }
        let limit = self.plan.pace.over;
        let response = match watched(client.clock(), limit, request.send()).await.0 {
            Some(Ok(response)) => response,
            Some(Err(reason)) => return Err(lost(reason)),
            None => return Err(cut(format!("no response within {limit:?}"))),
        };
        self.plan.check(response.url())?;
        Ok(response)
    }

    /// Reads the next bytes of a body, or its end.
    async fn chunk(&mut self, response: &mut Response) -> Result<Option<Bytes>, FetchError> {
        let (client, pace) = (self.plan.finished.task.client(), &mut self.plan.pace);
        let left = pace.over.saturating_sub(pace.spent);
        let (bytes, spent) = match watched(client.clock(), left, response.chunk()).await {
            (Some(Ok(Some(bytes))), spent) => (bytes, spent),
            (Some(Ok(None)), _) => return Ok(None),
            (Some(Err(reason)), _) => return Err(lost(reason)),
            (None, spent) => (Bytes::new(), spent.max(left)),
        };
        if pace.is_below(spent, bytes.len() as u64) {
            let message = format!("the transfer stalled: less than {} bytes/s over {:?}", pace.rate, pace.over);
            return Err(cut(message));
        }
        Ok(Some(bytes))
    }

    /// Reads the first bytes of a body, which tell its format, or all of a shorter one.
    async fn head(&mut self, response: &mut Response) -> Result<Bytes, FetchError> {
        let mut head = BytesMut::new();
        while head.len() < HEAD
            && let Some(bytes) = self.chunk(response).await?
        {
            head.extend_from_slice(&bytes);
        }
        Ok(head.freeze())
    }

    /// Begins a whole file, of this version: nothing of it counts before its first bytes show its format.
    async fn begin(&mut self, mut body: Body, entity: Entity) -> Result<Option<Event>, FetchError> {
        let head = self.head(&mut body.response).await?;
        self.structure = match Content::of(&head) {
            Content::File(format) if format.kinds.contains(&self.output.kind) => Structure::new(format, &head),
            _ => return Err(self.unusable(&body, &head)),
        };
        let known = mem::replace(&mut self.origin.entity, entity);
        let now = &self.origin.entity;
        let same = known.validator.is_some() && known.validator == now.validator;
        let same = same && known.total.is_none_or(|total| now.total == Some(total));
        if self.plan.rewinds {
            self.handed = 0;
        } else if self.handed > 0 && !same {
            let message = format!("the stream cannot be resumed behind byte {}", self.handed);
            let hint = "the file changed, or its server cannot tell; drop what was handed on and start again";
            return Err(broken(message, hint).with_retry(true, None).into());
        }
        (self.at, self.whole) = (0, false);
        self.accept(body, head, true)
    }

    async fn read(&mut self, mut body: Body) -> Result<Option<Event>, FetchError> {
        if let Some(bytes) = self.chunk(&mut body.response).await? {
            return self.accept(body, bytes, false);
        }
        match self.origin.entity.total.or(body.end) {
            Some(end) if self.at < end => Err(cut("the transfer ended early")),
            // The end of a part says nothing of the file.
            _ => self.at_end(self.origin.entity.total.is_some()),
        }
    }

    /// Counts the next bytes of the file, and hands on those that were not before.
    fn accept(&mut self, body: Body, mut bytes: Bytes, first: bool) -> Result<Option<Event>, FetchError> {
        let at = self.at + bytes.len() as u64;
        if let Some(end) = body.end.filter(|end| at > *end) {
            let message = format!("the file server sent more than the {end} bytes that it announced");
            return Err(broken(message, LATER).into());
        }
        let limit = self.plan.client().shared.download_limit;
        if self.origin.entity.total.is_none() && at > limit {
            let message = format!("the file server announced no length and sent more than {limit} bytes");
            return Err(broken(message, "raise ClientBuilder::download_limit if the file is that long").into());
        }
        self.structure.take(&bytes);
        let known = usize::try_from(self.handed.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let bytes = bytes.split_off(known.min(bytes.len()));
        (self.at, self.handed) = (at, self.handed.max(at));
        if self.at > self.reached {
            (self.reached, self.tries, self.waited) = (self.at, 0, Duration::ZERO);
        }
        self.body = Some(body);
        Ok((!bytes.is_empty()).then_some(Event::Bytes { first, bytes }))
    }

    /// No more bytes are to come, by an announced length or because the body ended: believed if the structure agrees.
    ///
    /// Else an announced end, or a second one at the same byte, leads to one more request for the whole that passes caches
    /// by; another end is a transfer that was cut.
    fn at_end(&mut self, announced: bool) -> Result<Option<Event>, FetchError> {
        let Some(missing) = self.structure.missing() else { return Ok(Some(Event::End)) };
        let is_certain = announced || self.ended_at == Some(self.at);
        // Without a validator nothing tells whether the next bytes are of the same file.
        let is_unknown = self.origin.entity.validator.is_none();
        if (is_certain && self.again) || (!self.plan.rewinds && is_unknown) {
            let message = format!("the file is not whole: of {} bytes, {missing}", self.at);
            let hint = "its server, or a cache in between, has only a part of it; download it again later";
            return Err(broken(message, hint).with_retry(true, None).into());
        }
        self.ended_at = Some(self.at);
        self.origin.entity.total = None;
        self.again |= is_certain || is_unknown;
        if is_certain {
            // What comes of the second whole is progress.
            (self.whole, self.reached) = (true, 0);
        }
        Err(cut(format!("the transfer ended early: {missing}")))
    }

    /// Waits, or gets a fresh URL, so that the next request may bring more; or returns why there is none.
    async fn recover(&mut self, failure: FetchError) -> Result<()> {
        match failure {
            FetchError::Final(error) => Err(error),
            FetchError::Expired(error) if !self.renewed => {
                self.renewed = true;
                self.renew(error).await
            }
            FetchError::Expired(error) => {
                let message = format!("{}, also to a fresh URL that the task gave", error.message());
                Err(error.with_message(message))
            }
            FetchError::Lost(error) => {
                let clock = self.plan.client().clock();
                let (after, is_busy) = (error.retry_after(), error.http_status().is_some());
                // Bytes may have come since the request that was cut.
                let tries = self.tries.max(1);
                if let Some(pause) = RETRY.pause(tries, self.waited, after, is_busy, chance(clock)) {
                    clock.sleep(pause).await;
                    self.waited += pause;
                    return Ok(());
                }
                let of = self.origin.entity.total.map(|total| format!(" of {total}")).unwrap_or_default();
                let reason = error.message();
                let message = format!("{reason}, at byte {}{of}, after {} requests", self.at, self.requests);
                Err(error.with_message(message))
            }
        }
    }

    async fn renew(&mut self, expired: Error) -> Result<()> {
        let task = &self.plan.finished.task;
        let info = task.client().get(task.target(), Duration::MAX).await.map_err(|error| {
            let message = format!("{}, and the task gave no fresh URL: {}", expired.message(), error.message());
            let expired = expired.with_message(message).with_hint(LATER);
            expired.with_retry(error.is_retryable(), error.retry_after())
        })?;
        let known = &self.output;
        let same = |output: &&Output| known.id.is_some() && output.id == known.id && output.kind == known.kind;
        let output = info.outputs.iter().find(same).or_else(|| info.outputs.get(known.index));
        let output = output.filter(|output| output.kind == known.kind).cloned();
        let output = output.ok_or_else(|| broken("the task no longer has this output", REFRESH))?;
        self.url = self.plan.url(&output)?;
        (self.output, self.keyed) = (output, false);
        Ok(())
    }

    /// What a body means that is no file of the output's kind.
    fn unusable(&self, Body { response, end }: &Body, head: &[u8]) -> FetchError {
        if head.is_empty() {
            return self.later(response, "the response is empty");
        }
        let expected = match self.output.kind {
            OutputKind::Video => "an MP4 video",
            OutputKind::Image => "an image",
            OutputKind::Audio => "a sound",
        };
        let media_type = text(response.headers(), &CONTENT_TYPE).unwrap_or_default().to_ascii_uppercase();
        let encoding = text(response.headers(), &CONTENT_ENCODING).unwrap_or_default();
        let content = match Content::of(head) {
            Content::Unknown => {
                let declared = ["HTML", "JSON", "XML"].into_iter().find(|format| media_type.contains(format));
                declared.map_or(Content::Unknown, Content::Page)
            }
            content => content,
        };
        let name = match content {
            Content::Page(format) => {
                let message = format!("the file server sent {format} instead of {expected}");
                return FetchError::Expired(refused(response, message, PROXY));
            }
            _ if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") => {
                let encoding: String = encoding.escape_default().take(20).collect();
                let message = format!("the file server sent an encoding that was not requested ({encoding})");
                return broken(message, "a proxy may have encoded it; download it again, or by another way").into();
            }
            Content::File(format) => format.name,
            Content::Unknown if end.is_none() && head.len() < HEAD => return cut("the transfer ended early"),
            Content::Unknown => "an unknown format",
        };
        broken(format!("the file server sent {name} instead of {expected}"), PROXY).into()
    }

    fn later(&self, response: &Response, reason: impl Into<String>) -> FetchError {
        let after = text(response.headers(), &RETRY_AFTER);
        let after = after.and_then(|text| retry_after(text, self.plan.client().clock().wall()));
        FetchError::Lost(refused(response, reason, LATER).with_retry(true, after))
    }
}

fn refused(response: &Response, reason: impl Into<String>, hint: &str) -> Error {
    broken(reason, hint).with_response(Some(response.status().as_u16()), None, None)
}

/// A transfer that brought no more.
fn cut(reason: impl Into<String>) -> FetchError {
    FetchError::Lost(network(reason))
}

fn network(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Network, DOWNLOAD, reason).with_retry(true, None).with_hint(LATER)
}

fn lost(error: reqwest::Error) -> FetchError {
    let objection = resolver::objection(&error);
    let error = error.without_url();
    match objection.or_else(|| error.is_redirect().then(|| chain(&error))) {
        Some(objection) => elsewhere(&objection).into(),
        None => FetchError::Lost(network(chain(&error)).with_source(error)),
    }
}

/// A server that fails five times without one more byte is left alone for now: the waits between are 7 s on average, or
/// what `Retry-After` asks for, up to two minutes.
const RETRY: RetryPolicy = RetryPolicy { attempts: 5, first: Duration::from_secs(1), budget: Duration::from_secs(120) };

/// Returns what a future gives, unless the limit comes first, and how long it was pending.
async fn watched<T>(clock: &dyn Clock, limit: Duration, future: impl Future<Output = T>) -> (Option<T>, Duration) {
    let mut future = pin!(future);
    // Most bytes are here when they are read: then there is nothing to measure.
    if let Some(value) = future.as_mut().now_or_never() {
        return (Some(value), Duration::ZERO);
    }
    let start = clock.now();
    let value = match select(future, clock.guard(limit)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    };
    (value, clock.now().saturating_sub(start))
}
