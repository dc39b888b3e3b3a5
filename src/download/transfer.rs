//! One video over HTTP, brought to its last byte: through cuts, standstills, busy servers and an address that expired.
//!
//! A part is asked for only with `If-Range`, so that a video that changed is never glued to the one before; what cannot be
//! gone on with starts over. What an answer means for the bytes that are here is decided in `judge.rs`, whether they are a
//! whole video in `mp4.rs`. Where they go is not known here: a file and a stream are fed by the same [`Event`]s.

use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, IF_RANGE, LOCATION, RANGE, RETRY_AFTER,
};
use tracing::field::Empty;
use tracing::{Span, info_span};
use url::Url;

use crate::address::is_below;
use crate::client::Client;
use crate::clock::{Clock, Sleep, chance};
use crate::download::DownloadProgress;
use crate::download::judge::{Entity, Floor, Pace, Verdict, judge};
use crate::download::mp4::{Boxes, Content, HEAD};
use crate::download::part::{Found, Origin};
use crate::download::resolver;
use crate::error::{Error, ErrorKind, Result, Violation, chain};
use crate::response::reason::retry_after;
use crate::response::{TaskInfo, Video};
use crate::retry::{RetryPolicy, share};
use crate::span::record;
use crate::task::Task;

pub(crate) const DOWNLOAD: &str = "download";

/// What comes of a transfer, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The next byte is the first; whether of the same video as the bytes before, if there were any.
    Restart { same: bool },
    /// The next bytes.
    Bytes(Bytes),
    /// That was the last byte.
    End,
}

/// A video that is being fetched.
pub(crate) struct Transfer {
    client: Client,
    task: Task,
    info: Arc<TaskInfo>,
    pub(crate) choice: Option<usize>,
    pub(crate) floor: Floor,
    /// Whether bytes that were handed on can be taken back.
    pub(crate) rewinds: bool,
    pub(crate) progress: Option<Box<dyn FnMut(DownloadProgress) + Send>>,
    /// That of its generation, and once it has begun its own.
    pub(crate) span: Span,
    chosen: Option<(usize, Video, Url)>,
    origin: Origin,
    /// Whether the URL is the gateway's own, and refused a request without the key.
    keyed: bool,
    /// How many bytes are here.
    at: u64,
    /// The most that ever were: what is beyond is progress.
    reached: u64,
    /// Their boxes.
    boxes: Boxes,
    /// What is to be asked for next is the whole, whatever is here.
    whole: bool,
    /// Where a body ended that was not a whole video; caches are passed by since then.
    ended_at: Option<u64>,
    /// Whether the whole was requested again because of that.
    again: bool,
    body: Option<Body>,
    pace: Pace,
    requests: u32,
    /// Requests since the last progress, and the waits between them.
    tries: u32,
    waited: Duration,
    /// Whether the task was asked for a fresh URL.
    renewed: bool,
}

/// A response whose body is being read.
struct Body {
    response: reqwest::Response,
    /// The position up to which it reaches, if that is announced.
    end: Option<u64>,
    /// A whole video begins, of this version; nothing of it counts before its first bytes show that it is one.
    begins: Option<Entity>,
    /// Bytes that were read and not handed on: those first ones.
    head: BytesMut,
}

/// Why a request brought no more.
enum Failure {
    /// It may be sent again: after so long, if the server said so.
    Lost {
        status: Option<StatusCode>,
        reason: String,
        after: Option<Duration>,
    },
    /// The URL is not valid, or no longer.
    Expired {
        status: StatusCode,
        reason: String,
    },
    Final(Error),
}

impl Transfer {
    pub(crate) fn new(task: Task, info: Arc<TaskInfo>) -> Self {
        Self {
            client: task.client().clone(),
            span: task.span().clone(),
            task,
            info,
            choice: None,
            floor: Floor::DEFAULT,
            rewinds: false,
            progress: None,
            chosen: None,
            origin: Origin::default(),
            keyed: false,
            at: 0,
            reached: 0,
            boxes: Boxes::default(),
            whole: false,
            ended_at: None,
            again: false,
            body: None,
            pace: Pace::default(),
            requests: 0,
            tries: 0,
            waited: Duration::ZERO,
            renewed: false,
        }
    }

    /// Chooses the video, and begins to be told of.
    pub(crate) fn begin(&mut self) -> Result<()> {
        self.span = self.span.in_scope(|| {
            info_span!(
                "kling.download",
                operation = DOWNLOAD,
                task_id = self.info.task_id,
                attempts = Empty,
                bytes = Empty,
                elapsed_ms = Empty,
                error = Empty
            )
        });
        let index =
            choose(&self.info.videos, self.choice).map_err(|found| self.name(Error::invalid(DOWNLOAD, vec![found])))?;
        let video = self.info.videos.get(index).cloned();
        self.take(index, video)?;
        let id = self.chosen.as_ref().and_then(|(_, video, _)| video.id.clone());
        self.origin.task_id.clone_from(&self.info.task_id);
        self.origin.video = id.unwrap_or_else(|| format!("at {index}"));
        Ok(())
    }

    /// Goes on behind bytes that are here already, if they are of the same video.
    pub(crate) fn resume(&mut self, Found { origin, length, boxes }: Found) {
        if (&origin.task_id, &origin.video) == (&self.origin.task_id, &self.origin.video) {
            (self.origin, self.at, self.reached, self.boxes) = (origin, length, length, boxes);
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Which video it is, and what its server said of it.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// An error of this download.
    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        self.name(Error::new(kind, DOWNLOAD, message))
    }

    fn name(&self, error: Error) -> Error {
        error.with_ids(Some(&self.info.task_id), self.info.external_task_id.as_deref()).of_paid(true)
    }

    /// What comes next. After an error, or the end, there is nothing.
    pub(crate) async fn next(&mut self) -> Result<Event> {
        let event = loop {
            let step = match self.body.take() {
                Some(body) => self.read(body).await,
                None => self.ask().await,
            };
            match step {
                Ok(Some(event)) => break Ok(event),
                Ok(None) => {}
                Err(failure) => {
                    if let Err(error) = self.recover(failure).await {
                        break Err(error);
                    }
                }
            }
        };
        match event {
            Ok(Event::Restart { .. }) => {}
            Ok(Event::Bytes(_)) => self.report(),
            Ok(Event::End) | Err(_) => {
                self.report();
                record(&self.span, "bytes", self.at);
            }
        }
        event
    }

    /// Asks for what is not here.
    async fn ask(&mut self) -> Result<Option<Event>, Failure> {
        let Some((_, _, url)) = &self.chosen else {
            return Err(Failure::Final(self.error(ErrorKind::Other, "no video was chosen")));
        };
        let url = url.clone();
        if !self.whole && self.origin.entity.total.is_some_and(|total| total == self.at) {
            return self.ended(true);
        }
        let validator = self.origin.entity.validator.clone().filter(|_| self.at > 0 && !self.whole);
        let validator = validator.as_deref();
        self.tries += 1;
        let mut response = self.send(&url, self.keyed, validator).await?;
        let status = response.status();
        let is_refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if is_refused && !self.keyed && response.url() == &url && is_below(self.client.base_url(), &url) {
            self.keyed = true;
            response = self.send(&url, true, validator).await?;
        }
        if self.keyed
            && response.status().is_redirection()
            && let Some(target) =
                response.headers().get(LOCATION).and_then(|target| url.join(target.to_str().ok()?).ok())
        {
            if let Some(objection) = self.client.reach().objection(&target) {
                return Err(Failure::Final(self.elsewhere(&objection)));
            }
            response = self.send(&target, false, validator).await?;
        }
        let status = response.status();
        let from = validator.map_or(0, |_| self.at);
        let verdict = match judge(status, response.headers(), from, &self.origin.entity) {
            Verdict::DependsOnBody if self.is_json(&mut response).await => Verdict::Later("the video is not ready yet"),
            Verdict::DependsOnBody => Verdict::Expired,
            verdict => verdict,
        };
        match verdict {
            Verdict::Body { at, end, entity } => {
                self.pace = Pace::default();
                let begins = if at == 0 {
                    Some(entity)
                } else {
                    self.origin.entity = entity;
                    None
                };
                self.body = Some(Body { response, end, begins, head: BytesMut::new() });
                Ok(None)
            }
            Verdict::Complete => self.ended(true),
            Verdict::StartOver(reason) => {
                self.whole = true;
                Err(Failure::Lost { status: Some(status), reason, after: None })
            }
            Verdict::Later(reason) => Err(self.later(&response, reason)),
            Verdict::Expired | Verdict::DependsOnBody => {
                Err(Failure::Expired { status, reason: format!("the video's server answered {status}") })
            }
            Verdict::Refused(reason) => Err(Failure::Final(
                self.error(ErrorKind::Answer, reason)
                    .with_answer(Some(status.as_u16()), None, None)
                    .with_hint("ask for the task again, which gives a fresh URL, and then its gateway"),
            )),
        }
    }

    /// Sends one request: for the bytes that are missing if there is a validator, else for the whole.
    ///
    /// With the key it goes out by the API's client, which follows no redirect; without it by the one for videos.
    async fn send(&mut self, url: &Url, keyed: bool, validator: Option<&str>) -> Result<reqwest::Response, Failure> {
        self.requests += 1;
        record(&self.span, "attempts", self.requests);
        let mut request =
            if keyed { self.client.get_with_key(url.clone()) } else { self.client.download_client().get(url.clone()) };
        // Encoded, a part would be one of something else.
        request = request.header(ACCEPT_ENCODING, "identity");
        if self.ended_at.is_some() {
            request = request.header(CACHE_CONTROL, "no-cache");
        }
        if let Some(validator) = validator {
            request = request.header(RANGE, format!("bytes={}-", self.at)).header(IF_RANGE, validator);
        }
        let (response, _) = watched(self.client.clock(), self.floor.over, request.send()).await;
        let response = match response {
            Some(Ok(response)) => response,
            Some(Err(reason)) => return Err(self.lost(reason)),
            None => return Err(Failure::lost(format!("no answer for {:?}", self.floor.over))),
        };
        // A redirect of a client of the caller's own may have led anywhere.
        if keyed && response.url() != url {
            let message = "the client for the API followed a redirect of the gateway's own URL of the video";
            let hint = "give ClientBuilder::http_client one that follows no redirects";
            return Err(Failure::Final(self.error(ErrorKind::Answer, message).with_hint(hint)));
        }
        match self.client.reach().objection(response.url()) {
            Some(objection) => Err(Failure::Final(self.elsewhere(&objection))),
            None => Ok(response),
        }
    }

    /// Whether a response's body begins as JSON does.
    async fn is_json(&mut self, response: &mut reqwest::Response) -> bool {
        let mut head = Vec::new();
        while head.len() < HEAD
            && let (Some(Ok(Some(bytes))), _) = watched(self.client.clock(), self.floor.over, response.chunk()).await
        {
            head.extend_from_slice(&bytes);
        }
        Content::of(&head) == Content::Page("JSON")
    }

    /// Reads on in a response.
    async fn read(&mut self, mut body: Body) -> Result<Option<Event>, Failure> {
        if body.begins.is_none() && !body.head.is_empty() {
            let bytes = body.head.split().freeze();
            return self.accept(body, bytes);
        }
        let left = self.floor.over.saturating_sub(self.pace.spent);
        let (read, spent) = watched(self.client.clock(), left, body.response.chunk()).await;
        let bytes = match read {
            None => Bytes::new(),
            Some(Ok(Some(bytes))) => bytes,
            Some(Err(reason)) => return Err(self.lost(reason)),
            Some(Ok(None)) if body.begins.is_some() => return Err(self.no_mp4(&body)),
            Some(Ok(None)) => {
                return match self.origin.entity.total.or(body.end) {
                    Some(end) if self.at < end => Err(Failure::lost("the transfer ended early".to_owned())),
                    // That a part ended says nothing of the video.
                    _ => self.ended(self.origin.entity.total.is_some()),
                };
            }
        };
        let count = bytes.len() as u64;
        let spent = if count == 0 { spent.max(left) } else { spent };
        if self.pace.is_below(self.floor, spent, count) {
            let Floor { rate, over } = self.floor;
            return Err(Failure::lost(format!("fewer than {rate} bytes per second came in {over:?}")));
        }
        if body.begins.is_none() {
            return self.accept(body, bytes);
        }
        body.head.extend_from_slice(&bytes);
        if body.head.len() < HEAD {
            self.body = Some(body);
            return Ok(None);
        }
        if Content::of(&body.head) != Content::Mp4 {
            return Err(self.no_mp4(&body));
        }
        let known = mem::replace(&mut self.origin.entity, body.begins.take().unwrap_or_default());
        let now = &self.origin.entity;
        let same = known.validator.is_some() && known.validator == now.validator;
        let same = same && known.total.is_none_or(|total| now.total == Some(total));
        (self.at, self.boxes, self.whole) = (0, Boxes::default(), false);
        self.body = Some(body);
        Ok(Some(Event::Restart { same }))
    }

    /// Counts the next bytes of the video, and hands them on.
    fn accept(&mut self, body: Body, bytes: Bytes) -> Result<Option<Event>, Failure> {
        let at = self.at + bytes.len() as u64;
        if let Some(end) = body.end.filter(|end| at > *end) {
            let message = format!("more came than the {end} bytes that the video's server announced");
            return Err(Failure::Final(self.error(ErrorKind::Answer, message)));
        }
        let most = self.client.download_limit();
        if self.origin.entity.total.is_none() && at > most {
            let message = format!("the video's server announced no length and sent more than {most} bytes");
            let hint = "raise ClientBuilder::download_limit if the video is that long";
            return Err(Failure::Final(self.error(ErrorKind::Answer, message).with_hint(hint)));
        }
        self.at = at;
        self.boxes.take(&bytes);
        if self.at > self.reached {
            (self.reached, self.tries, self.waited) = (self.at, 0, Duration::ZERO);
        }
        self.body = Some(body);
        Ok(Some(Event::Bytes(bytes)).filter(|event| *event != Event::Bytes(Bytes::new())))
    }

    /// No more bytes are to come, by an announced length or because the body ended: believed if the boxes agree.
    ///
    /// Else an announced end, or a second one at the same byte, leads to one more request for the whole that passes caches
    /// by; another end is a transfer that was cut.
    fn ended(&mut self, announced: bool) -> Result<Option<Event>, Failure> {
        let Some(missing) = self.boxes.missing() else { return Ok(Some(Event::End)) };
        let is_certain = announced || self.ended_at == Some(self.at);
        // Without a validator nobody knows whether what comes is the same video.
        let starts_over = is_certain || self.origin.entity.validator.is_none();
        if (is_certain && self.again) || (!self.rewinds && self.origin.entity.validator.is_none()) {
            let message = format!("the video is not whole: of {} bytes, {missing}", self.at);
            return Err(Failure::Final(
                self.error(ErrorKind::Answer, message)
                    .with_retry(true, None)
                    .with_hint("its server, or a cache in between, has only a part of it; download it again later"),
            ));
        }
        self.ended_at = Some(self.at);
        self.origin.entity.total = None;
        self.again |= starts_over;
        if is_certain {
            // What comes of the second whole is progress.
            (self.whole, self.reached) = (true, 0);
        }
        Err(Failure::lost(format!("the transfer ended early: {missing}")))
    }

    /// Waits, or gets a fresh URL, so that the next request may bring more; or says why there is none.
    async fn recover(&mut self, failure: Failure) -> Result<()> {
        match failure {
            Failure::Final(error) => Err(error),
            Failure::Expired { status, reason } if !self.renewed => {
                self.renewed = true;
                self.renew(status, reason).await
            }
            Failure::Expired { status, reason } => {
                let message = format!("{reason}, also to a fresh URL that the task gave");
                let hint = if status.is_success() {
                    "a proxy or a sign-in page may have answered in its place; nothing of it was kept"
                } else {
                    "videos are kept for 30 days after the task ended; ask the gateway for it by the task's id"
                };
                Err(self
                    .error(ErrorKind::Answer, message)
                    .with_answer(Some(status.as_u16()), None, None)
                    .with_hint(hint))
            }
            Failure::Lost { status, reason, after } => {
                let clock = self.client.clock();
                let policy = RetryPolicy { first: RETRY.first / share(self.client.reach().loopback), ..RETRY };
                // Bytes may have come since the request that was cut.
                let tries = self.tries.max(1);
                if let Some(pause) = policy.pause(tries, self.waited, after, status.is_some(), chance(clock)) {
                    clock.sleep(pause).await;
                    self.waited += pause;
                    return Ok(());
                }
                let of = self.origin.entity.total.map(|total| format!(" of {total}")).unwrap_or_default();
                let reason = match status {
                    Some(status) => format!("{reason} (http status {status})"),
                    None => reason,
                };
                let message = format!("{reason}, at byte {}{of}, after {} requests", self.at, self.requests);
                let kind = if status.is_some() { ErrorKind::Answer } else { ErrorKind::Network };
                Err(self
                    .error(kind, message)
                    .with_answer(status.map(|status| status.as_u16()), None, None)
                    .with_retry(true, after)
                    .with_hint("download the video again later"))
            }
        }
    }

    /// Asks the task for a fresh URL of the same video.
    async fn renew(&mut self, status: StatusCode, reason: String) -> Result<()> {
        let info = self.client.get(self.task.asked(), Duration::MAX).await.map_err(|error| {
            let message = format!("{reason}, and the task gave no fresh URL: {}", error.message());
            self.error(ErrorKind::Answer, message)
                .with_answer(Some(status.as_u16()), None, None)
                .with_retry(error.is_retryable(), error.retry_after())
                .with_hint("download it again later; videos are kept for 30 days after the task ended")
        })?;
        let Some((index, known, _)) = self.chosen.take() else { return Ok(()) };
        let of_id = |video: &Video| known.id.is_some() && video.id == known.id;
        let index = info.videos.iter().position(of_id).unwrap_or(index);
        self.take(index, info.videos.get(index).cloned())
    }

    /// Makes a video the one that is fetched.
    fn take(&mut self, index: usize, video: Option<Video>) -> Result<()> {
        let again = "ask for the task again, and then its gateway";
        let video = video
            .ok_or_else(|| self.error(ErrorKind::Answer, "the task has no such video any more").with_hint(again))?;
        let mut url = Url::parse(&video.url).map_err(|reason| {
            self.error(ErrorKind::Answer, format!("the video's URL cannot be read: {reason}")).with_hint(again)
        })?;
        // No server sees it, and with it no URL is the one of its response.
        url.set_fragment(None);
        if let Some(objection) = self.client.reach().objection(&url) {
            return Err(self.elsewhere(&objection));
        }
        self.chosen = Some((index, video, url));
        self.keyed = false;
        Ok(())
    }

    fn elsewhere(&self, objection: &str) -> Error {
        self.error(ErrorKind::Answer, format!("the video is not where it may be fetched from: {objection}"))
            .with_hint("ClientBuilder::private_addresses allows addresses of a private network, not plain http")
    }

    /// What a body means that does not begin as an MP4 does.
    fn no_mp4(&self, body: &Body) -> Failure {
        let (status, headers) = (body.response.status(), body.response.headers());
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_ascii_lowercase);
        let content = match (Content::of(&body.head), header(CONTENT_TYPE)) {
            (Content::Other(None), Some(kind)) if kind.contains("html") => Content::Page("HTML"),
            (Content::Other(None), Some(kind)) if kind.contains("json") => Content::Page("JSON"),
            (Content::Other(None), Some(kind)) if kind.contains("xml") => Content::Page("XML"),
            (content, _) => content,
        };
        let encoding = header(CONTENT_ENCODING).filter(|encoding| !matches!(encoding.trim(), "" | "identity"));
        let name = match (content, encoding) {
            _ if body.head.is_empty() => return self.later(&body.response, "an empty response came"),
            (Content::Page(format), _) => {
                let reason = format!("what the video's server sent is no MP4 but {format}");
                return Failure::Expired { status, reason };
            }
            (_, Some(encoding)) => {
                let encoding: String = encoding.escape_default().take(20).collect();
                let message =
                    format!("the video's server sent it encoded ({encoding}), although that was not asked for");
                return Failure::Final(self.error(ErrorKind::Answer, message).with_hint(
                    "a proxy in between may have encoded it; give ClientBuilder::download_client one that decodes",
                ));
            }
            (Content::Other(Some(name)), _) => format!(" but {name}"),
            (Content::Mp4 | Content::Other(None), _) if body.end.is_none() && body.head.len() < HEAD => {
                return Failure::lost("the transfer ended early".to_owned());
            }
            (Content::Mp4 | Content::Other(None), _) => String::new(),
        };
        let message = format!("what the video's server sent is no MP4{name}");
        Failure::Final(
            self.error(ErrorKind::Answer, message)
                .with_hint("a proxy or a sign-in page may have answered in its place; nothing of it was kept"),
        )
    }

    /// A response that asks to come again.
    fn later(&self, response: &reqwest::Response, reason: &str) -> Failure {
        let after = response.headers().get(RETRY_AFTER).and_then(|text| text.to_str().ok());
        let after = after.and_then(|text| retry_after(text, self.client.clock().wall()));
        Failure::Lost { status: Some(response.status()), reason: reason.to_owned(), after }
    }

    fn lost(&self, reason: reqwest::Error) -> Failure {
        if let Some(objection) = resolver::objection(&reason) {
            return Failure::Final(self.elsewhere(&objection));
        }
        let redirected = reason.is_redirect();
        let reason = chain(&reason.without_url());
        if redirected { Failure::Final(self.elsewhere(&reason)) } else { Failure::lost(reason) }
    }

    fn report(&mut self) {
        let now = DownloadProgress { bytes: self.at, total: self.origin.entity.total };
        if let Some(progress) = &mut self.progress {
            progress(now);
        }
    }
}

impl Failure {
    fn lost(reason: String) -> Self {
        Self::Lost { status: None, reason, after: None }
    }
}

/// A server that fails five times without one more byte is left alone for now: the waits between are 7 s on average, or
/// what `Retry-After` asks for, up to two minutes.
const RETRY: RetryPolicy = RetryPolicy { attempts: 5, first: Duration::from_secs(1), budget: Duration::from_secs(120) };

/// Which video is meant; or what there is to choose from.
fn choose(videos: &[Video], choice: Option<usize>) -> Result<usize, Violation> {
    match (choice, videos.len()) {
        (None, 1) => Ok(0),
        (Some(index), count) if index < count => Ok(index),
        (choice, _) => {
            let told = |(index, video): (usize, &Video)| {
                let id = video.id.as_ref().map(|id| format!(" with id {id:?}")).unwrap_or_default();
                let length = video.duration.map(|length| format!(", {length:?}")).unwrap_or_default();
                format!("{index}{id}{length}")
            };
            let all: Vec<_> = videos.iter().enumerate().map(told).collect();
            let given = choice.map_or("nothing".to_owned(), |index| index.to_string());
            Err(Violation::new("video", format!("the place of one of the task's videos: {}", all.join("; ")), given))
        }
    }
}

/// What a future gives, unless this limit comes first; and how long it was waited for.
async fn watched<T>(clock: &dyn Clock, limit: Duration, future: impl Future<Output = T>) -> (Option<T>, Duration) {
    let mut future = pin!(future);
    // Most bytes are here when they are asked for: then there is nothing to measure.
    let mut waiting: Option<(Duration, Sleep)> = None;
    let value = std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => {
            let (_, guard) = waiting.get_or_insert_with(|| (clock.now(), clock.guard(limit)));
            guard.as_mut().poll(context).map(|()| None)
        }
    })
    .await;
    (value, waiting.map_or(Duration::ZERO, |(since, _)| clock.now().saturating_sub(since)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_videos_are_listed_by_place_id_and_length_and_without_a_url() {
        let video = |id: &str| Video {
            id: Some(id.to_owned()),
            url: "https://example.com/a.mp4?Signature=secret".to_owned(),
            duration: Some(Duration::from_millis(5100)),
        };
        let videos = [video("a"), Video { id: None, duration: None, ..video("") }];
        assert_eq!(choose(&videos, Some(1)), Ok(1));
        assert_eq!(choose(&videos[..1], None), Ok(0));
        for (choice, given) in [(None, "nothing"), (Some(2), "2")] {
            let found = choose(&videos, choice).unwrap_err();
            assert_eq!(found.limit, "the place of one of the task's videos: 0 with id \"a\", 5.1s; 1");
            assert_eq!(found.given, given);
        }
    }
}
