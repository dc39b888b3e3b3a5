//! The video for the caller: on disk, or as a stream of its bytes for those who keep it elsewhere.
//!
//! A signed URL is fetched by a client of its own that never carries the API key; only the gateway's own URL that refuses a
//! request without it is requested with the key, by the API's client. On disk the bytes go to a `.part` file,
//! which gets the target's name when all of them are there and safe; how they come is the business of `transfer.rs`.

mod judge;
mod mp4;
mod part;
mod resolver;
pub(crate) mod transfer;

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use tracing::Instrument as _;

use crate::address::Reach;
use crate::download::judge::Floor;
use crate::download::part::{Part, Trouble};
use crate::download::resolver::Resolver;
use crate::download::transfer::{Event, Transfer};
use crate::error::{Error, ErrorKind, Result};
use crate::span::{ended, within};

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// The bytes that are here, those of an earlier download that was gone on with among them.
    ///
    /// Less than before after a start from the first byte: the video changed, or its server cannot send a part of it.
    pub bytes: u64,
    /// The video's length, once its server has told it.
    pub total: Option<u64>,
}

/// A download to be awaited: gives the path it was written to.
///
/// The video is fetched to `PATH.part` and gets its name when it is a whole MP4 by its own structure and is safe on the
/// disk. An announced length alone is not believed: if the structure disagrees, the whole is requested once more with
/// `Cache-Control: no-cache`. What neither shows is documented at [the end](#what-a-cut-can-hide). What is
/// needed to go on with it stands in `PATH.part.json`, so a download that was cut, dropped or killed goes on where it
/// stopped when it is begun again, also by another process; if the video changed meanwhile, or its server gave nothing to
/// tell that by, it starts over. A transfer that is cut or stands still goes on by itself, after a pause that grows, and
/// is given up after five requests without a new byte. A URL that has expired is asked for again from the task, once.
///
/// A server that says that the video is not ready (202, 204, 425, 400 with JSON, an empty 200) or that it is busy is asked
/// again after a pause, five times in all. What answers like an expired URL (401, 403, 404, 410, any other 400, a page of
/// HTML, XML or JSON) leads to one fresh URL from the task.
///
/// The URL comes from the gateway, so it is looked at first: `https` alone, and no private address (see
/// [`ClientBuilder::private_addresses`](crate::ClientBuilder::private_addresses)). Where the API is on this machine, so may
/// the video be, by `http` too.
///
/// # The API key
/// The key is not sent to the server of a video, with one exception: a task's URL with the scheme, host and port of the
/// base URL, and a path below its path, that answers 401 or 403 without the key is requested with it, by the client for
/// the API, which follows no redirect; where it redirects to is fetched without the key. So a response of the gateway can
/// choose a path of that gateway for a `GET` with the key. A URL on another server, or one reached by a redirect, never
/// gets it.
///
/// # Errors
/// - [`Invalid`](ErrorKind::Invalid): the task has several videos and none was chosen; the error lists them.
/// - [`Other`](ErrorKind::Other): the target exists, another download writes it, or the disk refused (full, no
///   permission, no such directory).
/// - [`Network`](ErrorKind::Network): the transfer was cut again and again.
/// - [`Answer`](ErrorKind::Answer): the video's server refused, is busy, sent what is no MP4, not a whole one, or more than
///   it announced or than [`ClientBuilder::download_limit`](crate::ClientBuilder::download_limit) allows, or is where no
///   video may be fetched from.
///
/// What was fetched is kept with the last three, and with all [`is_retryable`](Error::is_retryable) ones it pays to
/// download again. Bytes are held in memory by the half megabyte, however large the video is.
///
/// # What a cut can hide
/// Without an announced length three cuts go unnoticed: within a last box of size 0, which reaches to the end of the file;
/// between two fragments of a fragmented MP4; and between boxes behind a complete `moov` and `mdat`.
///
/// ```no_run
/// # async fn run(finished: kling_client::FinishedTask) -> kling_client::Result<()> {
/// let path = finished
///     .download("cat.mp4")
///     .on_progress(|now| eprintln!("{} of {:?} bytes", now.bytes, now.total))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a download does nothing until it is awaited"]
pub struct Download {
    transfer: Transfer,
    path: PathBuf,
    overwrite: bool,
}

impl Download {
    pub(crate) fn new(mut transfer: Transfer, path: PathBuf) -> Self {
        transfer.rewinds = true;
        Self { transfer, path, overwrite: false }
    }

    /// Whether a file that is there already is replaced; it is kept if this is not said, also if it comes meanwhile.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Which video, when the task has several: its place in [`FinishedTask::videos`](crate::FinishedTask::videos).
    pub fn video(mut self, index: usize) -> Self {
        self.transfer.choice = Some(index);
        self
    }

    /// Calls this for every piece that arrives, of some kilobytes: keep it short.
    pub fn on_progress(mut self, progress: impl FnMut(DownloadProgress) + Send + 'static) -> Self {
        self.transfer.progress = Some(Box::new(progress));
        self
    }

    /// Cuts a transfer that brings fewer bytes per second over this time, and goes on with another; 1024 over 30 seconds
    /// if not said. The answer's head must come within the time, too. It is at least a second.
    pub fn slowest(mut self, bytes_per_second: u64, over: Duration) -> Self {
        self.transfer.floor = Floor::new(bytes_per_second, over);
        self
    }

    async fn run(self) -> Result<PathBuf> {
        let Self { mut transfer, path, overwrite } = self;
        let opened = Part::open(path.clone(), overwrite, transfer.client().clock()).await;
        let (mut part, found) = opened.map_err(|trouble| told(&transfer, trouble))?;
        if let Some(found) = found {
            transfer.resume(found);
        }
        match fetch(&mut transfer, &mut part).await {
            Ok(()) => Ok(path),
            Err(error) => Err(match part.leave().await {
                Some((part, length)) => {
                    let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
                    error.with_hint(format!("{hint}{length} bytes are kept in {}", part.display()))
                }
                None => error,
            }),
        }
    }
}

async fn fetch(transfer: &mut Transfer, part: &mut Part) -> Result<()> {
    loop {
        let written = match transfer.next().await? {
            Event::Restart { .. } => part.restart(transfer.origin().clone()).await,
            Event::Bytes(bytes) => part.write(bytes).await,
            Event::End => return part.finish().await.map_err(|trouble| told(transfer, trouble)),
        };
        written.map_err(|trouble| told(transfer, trouble))?;
    }
}

fn told(transfer: &Transfer, Trouble { message, hint }: Trouble) -> Error {
    transfer.error(ErrorKind::Other, message).with_hint(hint)
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("path", &self.path).finish_non_exhaustive()
    }
}

impl IntoFuture for Download {
    type Output = Result<PathBuf>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<PathBuf>> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        let begun = self.transfer.begin();
        let span = self.transfer.span.clone();
        let client = self.transfer.client().clone();
        Box::pin(async move {
            let downloaded = async move {
                begun?;
                self.run().await
            };
            within(span, client.clock(), downloaded).await
        })
    }
}

/// The bytes of a video as they come, for those who store it elsewhere than in a file.
///
/// It is fetched with the same checks as by [`Download`], and goes on by itself after a cut. What was handed on cannot be
/// taken back: if the video changes in between, or its server cannot say whether it did, the stream ends with an error;
/// also if what came is not a whole MP4.
/// Only when it has ended without one is the video whole.
///
/// # Errors
/// As [`Download`], but for those of the disk. Nothing comes after an error.
///
/// ```no_run
/// # async fn run(finished: kling_client::FinishedTask, mut store: impl std::io::Write) -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::TryStreamExt as _;
///
/// let mut bytes = finished.bytes_stream();
/// while let Some(bytes) = bytes.try_next().await? {
///     store.write_all(&bytes)?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct VideoStream {
    state: State,
}

/// The next bytes under way.
type Step = Pin<Box<dyn Future<Output = (Box<Flow>, Option<Result<Bytes>>)> + Send>>;

enum State {
    Idle(Box<Flow>),
    Busy(Step),
    Over,
}

struct Flow {
    transfer: Transfer,
    begun: Option<Duration>,
    /// How many bytes were handed on, and how many of those are to come again.
    handed: u64,
    again: u64,
}

impl VideoStream {
    pub(crate) fn new(transfer: Transfer) -> Self {
        Self { state: State::Idle(Box::new(Flow { transfer, begun: None, handed: 0, again: 0 })) }
    }

    /// Which video, when the task has several: its place in [`FinishedTask::videos`](crate::FinishedTask::videos).
    pub fn video(self, index: usize) -> Self {
        self.with(|transfer| transfer.choice = Some(index))
    }

    /// Cuts a transfer that brings fewer bytes per second over this time, and goes on with another; 1024 over 30 seconds
    /// if not said. Only the time that is spent waiting for bytes counts.
    pub fn slowest(self, bytes_per_second: u64, over: Duration) -> Self {
        self.with(|transfer| transfer.floor = Floor::new(bytes_per_second, over))
    }

    fn with(mut self, change: impl FnOnce(&mut Transfer)) -> Self {
        if let State::Idle(flow) = &mut self.state {
            change(&mut flow.transfer);
        }
        self
    }
}

impl Flow {
    async fn next(mut self: Box<Self>) -> (Box<Self>, Option<Result<Bytes>>) {
        let first = self.begun.is_none();
        let begun = *self.begun.get_or_insert_with(|| self.transfer.client().clock().now());
        let item = self.item(first).await.transpose();
        if !matches!(item, Some(Ok(_))) {
            let error = item.as_ref().and_then(|item| item.as_ref().err());
            ended(&self.transfer.span, self.transfer.client().clock(), begun, error);
        }
        (self, item)
    }

    async fn item(&mut self, first: bool) -> Result<Option<Bytes>> {
        if first {
            self.transfer.begin()?;
        }
        let span = self.transfer.span.clone();
        loop {
            match self.transfer.next().instrument(span.clone()).await? {
                Event::End => return Ok(None),
                Event::Restart { same } if same || self.handed == 0 => self.again = self.handed,
                Event::Restart { .. } => {
                    let message = format!("the video cannot be gone on with behind byte {}", self.handed);
                    return Err(self.transfer.error(ErrorKind::Answer, message).with_retry(true, None).with_hint(
                        "it changed, or its server cannot tell; begin again with what was handed on thrown away",
                    ));
                }
                Event::Bytes(mut bytes) => {
                    let known = usize::try_from(self.again).unwrap_or(usize::MAX).min(bytes.len());
                    self.again -= known as u64;
                    let new = bytes.split_off(known);
                    if !new.is_empty() {
                        self.handed += new.len() as u64;
                        return Ok(Some(new));
                    }
                }
            }
        }
    }
}

impl Stream for VideoStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut step = match std::mem::replace(&mut self.state, State::Over) {
            State::Over => return Poll::Ready(None),
            State::Idle(flow) => Box::pin(flow.next()) as Step,
            State::Busy(step) => step,
        };
        match step.as_mut().poll(context) {
            Poll::Pending => {
                self.state = State::Busy(step);
                Poll::Pending
            }
            Poll::Ready((flow, item)) => {
                if let Some(Ok(_)) = item {
                    self.state = State::Idle(flow);
                }
                Poll::Ready(item)
            }
        }
    }
}

impl std::fmt::Debug for VideoStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VideoStream").finish_non_exhaustive()
    }
}

/// The client for videos: without the key, and never from `https` to anything less.
pub(crate) fn http_client(reach: Reach) -> Result<reqwest::Client> {
    /// A CDN redirects once or twice.
    const MOST_REDIRECTS: usize = 5;
    crate::transport::tls::http_client(true, |builder| {
        let policy = reqwest::redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > MOST_REDIRECTS {
                return attempt.error("too many redirects");
            }
            match reach.objection(attempt.url()) {
                Some(objection) => attempt.error(objection),
                None => attempt.follow(),
            }
        });
        // A `Referer` would tell the signed URL to where it leads.
        builder.redirect(policy).referer(false).dns_resolver(Resolver::new(reach))
    })
}
