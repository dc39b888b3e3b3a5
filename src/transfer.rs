//! One video over HTTP, brought to its last byte: through cuts, standstills, busy servers and an address that expired.
//!
//! A part is asked for only with `If-Range`, so that a video that changed is never glued to the one before; what cannot be
//! gone on with starts over. What an answer means for the bytes that are here is decided in `judge.rs`. Where they go is
//! not known here: a file and a stream are fed by the same [`Event`]s.

use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, IF_RANGE, RANGE, RETRY_AFTER};
use tracing::field::Empty;
use tracing::{Span, info_span};
use url::Url;

use crate::classify::retry_after;
use crate::client::{Asked, Client};
use crate::clock::{Clock, Sleep, chance};
use crate::download::DownloadProgress;
use crate::error::{Error, ErrorKind, Result, Violation, chain};
use crate::judge::{FTYP, Floor, Pace, Verdict, is_mp4, judge};
use crate::part::{Found, Origin};
use crate::response::{TaskInfo, Video};
use crate::retry::{RetryPolicy, share};
use crate::span::record;

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
    info: Arc<TaskInfo>,
    pub(crate) choice: Option<usize>,
    pub(crate) floor: Floor,
    pub(crate) progress: Option<Box<dyn FnMut(DownloadProgress) + Send>>,
    /// That of its generation, and once it has begun its own.
    pub(crate) span: Span,
    chosen: Option<(usize, Video, Url)>,
    origin: Origin,
    /// How many bytes are here.
    at: u64,
    /// The most that ever were: what is beyond is progress.
    reached: u64,
    /// Bytes of the beginning, until there are enough to tell what it is.
    head: BytesMut,
    /// What is to be asked for next is the whole, whatever is here.
    whole: bool,
    body: Option<Body>,
    pace: Pace,
    requests: u32,
    /// Requests since the last progress, and the waits between them.
    tries: u32,
    waited: Duration,
    /// Whether the task was asked for a fresh URL.
    renewed: bool,
}

/// An answer whose body is being read, up to this position if it is known.
struct Body {
    response: reqwest::Response,
    end: Option<u64>,
}

/// Why a request brought no more.
enum Failure {
    /// It may be sent again: after so long, if the server said so.
    Lost {
        status: Option<StatusCode>,
        reason: String,
        after: Option<Duration>,
    },
    /// The URL does not hold, or no longer.
    Expired(StatusCode),
    Final(Error),
}

impl Transfer {
    pub(crate) fn new(client: Client, info: Arc<TaskInfo>, generation: Span) -> Self {
        Self {
            client,
            info,
            choice: None,
            floor: Floor::DEFAULT,
            progress: None,
            span: generation,
            chosen: None,
            origin: Origin::default(),
            at: 0,
            reached: 0,
            head: BytesMut::new(),
            whole: false,
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
    pub(crate) fn resume(&mut self, (origin, at): Found) {
        if (&origin.task_id, &origin.video) == (&self.origin.task_id, &self.origin.video) {
            (self.origin, self.at, self.reached) = (origin, at, at);
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
        error.with_ids(Some(&self.info.task_id), self.info.external_task_id.as_deref())
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
        if !self.whole && self.origin.entity.total.is_some_and(|total| total == self.at) {
            return self.end().map(Some);
        }
        // Encoded, a part would be one of something else.
        let mut request = self.client.download_client().map_err(Failure::Final)?.get(url.clone());
        request = request.header(ACCEPT_ENCODING, "identity");
        let validator = self.origin.entity.validator.as_ref().filter(|_| self.at > 0 && !self.whole);
        let from = validator.map_or(0, |_| self.at);
        if let Some(validator) = validator {
            request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, validator);
        }
        self.requests += 1;
        self.tries += 1;
        record(&self.span, "attempts", self.requests);
        let (answer, _) = watched(self.client.clock(), self.floor.over, request.send()).await;
        let response = match answer {
            Some(Ok(response)) => response,
            Some(Err(reason)) => return Err(self.lost(reason)),
            None => return Err(Failure::lost(format!("no answer for {:?}", self.floor.over))),
        };
        // A redirect of a client of the caller's own may have led anywhere.
        if let Some(objection) = self.client.reach().objection(response.url()) {
            return Err(Failure::Final(self.elsewhere(&objection)));
        }
        let status = response.status();
        match judge(status, response.headers(), from, &self.origin.entity) {
            Verdict::Body { at, end, entity } => {
                self.body = Some(Body { response, end });
                self.pace = Pace::default();
                let known = mem::replace(&mut self.origin.entity, entity);
                if at > 0 {
                    return Ok(None);
                }
                let same = known.validator.is_some() && known == self.origin.entity;
                (self.at, self.whole) = (0, false);
                self.head.clear();
                Ok(Some(Event::Restart { same }))
            }
            Verdict::Complete => self.end().map(Some),
            Verdict::StartOver(reason) => {
                self.whole = true;
                Err(Failure::Lost { status: Some(status), reason, after: None })
            }
            Verdict::Busy => {
                let after = response.headers().get(RETRY_AFTER).and_then(|text| text.to_str().ok());
                let after = after.and_then(|text| retry_after(text, self.client.clock().wall()));
                Err(Failure::Lost {
                    status: Some(status),
                    reason: "the video's server cannot answer now".to_owned(),
                    after,
                })
            }
            Verdict::Expired => Err(Failure::Expired(status)),
            Verdict::Refused(reason) => Err(Failure::Final(
                self.error(ErrorKind::Answer, reason)
                    .with_answer(Some(status.as_u16()), None, None)
                    .with_hint("ask for the task again, which gives a fresh URL, and then its gateway"),
            )),
        }
    }

    /// Reads on in an answer.
    async fn read(&mut self, mut body: Body) -> Result<Option<Event>, Failure> {
        let left = self.floor.over.saturating_sub(self.pace.spent);
        let (read, spent) = watched(self.client.clock(), left, body.response.chunk()).await;
        let bytes = match read {
            None => Bytes::new(),
            Some(Ok(Some(bytes))) => bytes,
            Some(Err(reason)) => return Err(self.lost(reason)),
            Some(Ok(None)) => {
                return match self.origin.entity.total.or(body.end) {
                    Some(end) if self.at < end => Err(Failure::lost("the transfer ended early".to_owned())),
                    _ => self.end().map(Some),
                };
            }
        };
        let before = self.at;
        let count = bytes.len() as u64;
        let spent = if count == 0 { spent.max(left) } else { spent };
        if self.pace.is_below(self.floor, spent, count) {
            let Floor { rate, over } = self.floor;
            return Err(Failure::lost(format!("fewer than {rate} bytes per second came in {over:?}")));
        }
        if let Some(end) = body.end.filter(|end| before + count > *end) {
            let message = format!("more came than the {end} bytes that the video's server announced");
            return Err(Failure::Final(self.error(ErrorKind::Answer, message)));
        }
        self.at += count;
        if self.at > self.reached {
            (self.reached, self.tries, self.waited) = (self.at, 0, Duration::ZERO);
        }
        let bytes = if before < FTYP.end as u64 {
            self.head.extend_from_slice(&bytes);
            if self.head.len() < FTYP.end {
                Bytes::new()
            } else if is_mp4(&self.head) {
                self.head.split().freeze()
            } else {
                return Err(Failure::Final(self.no_mp4()));
            }
        } else {
            bytes
        };
        self.body = Some(body);
        Ok(Some(Event::Bytes(bytes)).filter(|event| *event != Event::Bytes(Bytes::new())))
    }

    fn end(&self) -> Result<Event, Failure> {
        // What is shorter than its own name.
        if self.at < FTYP.end as u64 { Err(Failure::Final(self.no_mp4())) } else { Ok(Event::End) }
    }

    /// Waits, or gets a fresh URL, so that the next request may bring more; or says why there is none.
    async fn recover(&mut self, failure: Failure) -> Result<()> {
        match failure {
            Failure::Final(error) => Err(error),
            Failure::Expired(status) if !self.renewed => {
                self.renewed = true;
                self.renew(status).await
            }
            Failure::Expired(status) => {
                let message = format!("the video's server answered {status}, also to a fresh URL that the task gave");
                Err(self.error(ErrorKind::Answer, message).with_answer(Some(status.as_u16()), None, None).with_hint(
                    "videos are kept for 30 days after the task ended; ask the gateway for it by the task's id",
                ))
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
                    .with_hint("the video is still there; download it again"))
            }
        }
    }

    /// Asks the task for a fresh URL of the same video.
    async fn renew(&mut self, status: StatusCode) -> Result<()> {
        let info = self.client.get(Asked::from(&*self.info), Duration::MAX).await.map_err(|error| {
            let message =
                format!("the video's server answered {status}, and the task gave no fresh URL: {}", error.message());
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
        let url = Url::parse(&video.url).map_err(|reason| {
            self.error(ErrorKind::Answer, format!("the video's URL cannot be read: {reason}")).with_hint(again)
        })?;
        if let Some(objection) = self.client.reach().objection(&url) {
            return Err(self.elsewhere(&objection));
        }
        self.chosen = Some((index, video, url));
        Ok(())
    }

    fn elsewhere(&self, objection: &str) -> Error {
        self.error(ErrorKind::Answer, format!("the video is not where it may be fetched from: {objection}"))
            .with_hint("ClientBuilder::private_addresses allows addresses of a private network, not plain http")
    }

    fn no_mp4(&self) -> Error {
        self.error(ErrorKind::Answer, "what the video's server sent is no MP4")
            .with_hint("a proxy or a sign-in page may have answered in its place; nothing of it was kept")
    }

    fn lost(&self, reason: reqwest::Error) -> Failure {
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
