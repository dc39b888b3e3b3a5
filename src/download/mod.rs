//! The outputs of a finished task: as files, or as streams of bytes for those who store them elsewhere.
//!
//! `plan.rs` chooses the output, `transfer.rs` fetches it, `part.rs` writes the file.

mod content;
mod judge;
mod mp4;
mod part;
mod plan;
mod transfer;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use tracing::{Instrument as _, Span};

use crate::download::judge::Pace;
use crate::download::part::{DOWNLOAD, Part, disk_error};
pub use crate::download::plan::DownloadProgress;
use crate::download::plan::{Plan, named};
use crate::download::transfer::{Event, Transfer};
use crate::error::{Error, Result, Violation};
use crate::response::Output;
use crate::span::{ended, within};
use crate::wait::FinishedTask;

impl FinishedTask {
    /// Downloads the only output of the kind that the operation makes, or the one of [`Download::output`], to a file.
    ///
    /// Of a sound in two formats the MP3 is fetched; the WAV if the path ends in `.wav`.
    pub fn download(&self, path: impl Into<PathBuf>) -> Download {
        let path = path.into();
        let as_wav = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
        Download { plan: Plan { as_wav, rewinds: true, ..Plan::new(self) }, path, overwrite: false }
    }

    /// Downloads every output to a file of its own, one after the other, in the order of [`outputs`](Self::outputs).
    ///
    /// The path of each comes from the template, such as `out/{index}.{ext}`: `{index}` is its position, from 0; `{id}` its
    /// id, with every character but ASCII letters, digits, `-` and `_` replaced by `_`, or its index where it has no id;
    /// `{kind}` is `video`, `image` or `audio`; `{ext}` the extension in its URL, or else `mp4`, `png` or `mp3`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), before anything is fetched, if the template has another field or would give two
    /// outputs the same path; else as [`Download`], at the first output that fails. Earlier ones stay.
    pub fn download_all(&self, template: impl Into<String>) -> DownloadAll {
        DownloadAll { finished: self.clone(), template: template.into(), overwrite: false }
    }

    /// Streams the bytes of the only output of the kind that the operation makes, or the one of [`OutputStream::output`].
    pub fn bytes_stream(&self) -> OutputStream {
        OutputStream { plan: Some(Plan::new(self)), bytes: stream::empty().boxed() }
    }
}

/// Download of an output to a file; a future of its path.
///
/// The output is fetched to `PATH.part` and gets its name when it is whole by its own structure and synced. A video must be
/// an MP4 with complete boxes; an image a PNG up to `IEND`, a JPEG up to `EOI`, a WebP of the size in its header, or by its
/// signature a GIF, HEIC or AVIF; a sound a WAV of the size in its header, an M4A with complete boxes, or by its signature
/// an MP3, AAC, Ogg or FLAC. An announced length must be reached, but is not enough: if the structure disagrees, the whole
/// is requested once more with `Cache-Control: no-cache`.
///
/// What is needed to resume stands in `PATH.part.json`: a download that was cut, dropped or killed resumes where it stopped
/// when it is started again, also by another process. If the file changed meanwhile, or its server gives no validator, it
/// starts over. A transfer that is cut or stalls is resumed after a growing pause, and given up after five requests without
/// a new byte. So is a server that is busy or says that the file is not ready (202, 204, 425, 400 with JSON, an empty 200).
/// What looks like an expired URL (401, 403, 404, 410, any other 400, a page of HTML, XML or JSON) leads to one poll of the
/// task for a fresh one.
///
/// A URL must be `https`, and lead to no private address (see
/// [`ClientBuilder::private_addresses`](crate::ClientBuilder::private_addresses)). Where the API is on this machine, so may
/// the output be, by `http` too.
///
/// # The API key
/// The key is sent in one case alone: a URL with the scheme, host and port of the base URL, and a path below its path, that
/// responds 401 or 403 is requested once more with it, without following redirects. So a response of the gateway can choose a
/// path of that gateway for a `GET` with the key. A URL on another server, or one reached by a redirect, never gets it.
///
/// # Errors
/// - [`Invalid`](crate::ErrorKind::Invalid): the task has several outputs and none was chosen; the error lists them.
/// - [`Other`](crate::ErrorKind::Other): the target exists, another download writes it, or the disk refused (full, no
///   permission, no such directory).
/// - [`Network`](crate::ErrorKind::Network): the transfer was cut again and again.
/// - [`UnexpectedResponse`](crate::ErrorKind::UnexpectedResponse): the file server refused, is busy, sent another format, not
///   a whole file, or more than it announced or than
///   [`ClientBuilder::download_limit`](crate::ClientBuilder::download_limit) allows; or the URL may not be fetched.
///
/// What was fetched is kept with the last three, and after all [`is_retryable`](Error::is_retryable) ones downloading again
/// may succeed. Memory: about a megabyte, however large the output is.
///
/// # What a cut can hide
/// Without an announced length these cuts go unnoticed: any in a format without an end of its own (MP3, AAC, Ogg, FLAC,
/// GIF, HEIC, AVIF); in an MP4, within a last box of size 0, between two fragments, and between boxes behind a complete
/// `moov` and `mdat`; in a PNG or JPEG, within the last 32 bytes of padding.
///
/// ```no_run
/// # async fn run(finished: kling_client::FinishedTask) -> kling_client::Result<()> {
/// let progress = |now: kling_client::DownloadProgress| eprintln!("{} of {:?} bytes", now.bytes, now.total);
/// let path = finished.download("cat.mp4").on_progress(progress).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a download does nothing until it is awaited"]
pub struct Download {
    plan: Plan,
    path: PathBuf,
    overwrite: bool,
}

impl Download {
    /// Whether an existing file is replaced. Default: no, also if it appears meanwhile.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Index of the output in [`FinishedTask::outputs`].
    pub fn output(mut self, index: usize) -> Self {
        self.plan.choice = Some(index);
        self
    }

    /// Callback for every piece that arrives, of some kilobytes: keep it short.
    pub fn on_progress(mut self, progress: impl FnMut(DownloadProgress) + Send + 'static) -> Self {
        self.plan.progress = Some(Box::new(progress));
        self
    }

    /// Minimum throughput, below which a transfer is cut and resumed. Default: 1024 bytes per second over 30 s. The head of
    /// a response must arrive within the time, too. Minimum of the time: 1 s.
    pub fn slowest(mut self, bytes_per_second: u64, over: Duration) -> Self {
        self.plan.pace = Pace::new(bytes_per_second, over);
        self
    }

    async fn run(self, span: Span) -> Result<PathBuf> {
        let Self { plan, path, overwrite } = self;
        let client = plan.client().clone();
        let mut transfer = Transfer::new(plan, span)?;
        let (mut part, found) = Part::open(path.clone(), overwrite, client.clock()).await?;
        if let Some(found) = found {
            transfer.resume(found);
        }
        let disk = |reason| disk_error(&path, reason);
        let fetched = async {
            while let Event::Bytes { first, bytes } = transfer.next().await? {
                if first {
                    part.restart(&transfer.origin).await.map_err(disk)?;
                }
                part.write(&bytes).await.map_err(disk)?;
            }
            part.finish().await.map_err(disk)
        };
        let Err(error) = fetched.await else { return Ok(path) };
        let Some((part, length)) = part.leave().await else { return Err(error) };
        let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
        Err(error.with_hint(format!("{hint}{length} bytes are kept in {}", part.display())))
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("path", &self.path).finish_non_exhaustive()
    }
}

impl IntoFuture for Download {
    type Output = Result<PathBuf>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let (span, finished) = (self.plan.span(), self.plan.finished.clone());
        Box::pin(async move {
            let run = async { self.run(span.clone()).await.map_err(|error| named(&finished, error)) };
            within(span.clone(), finished.task.client().clock(), run).await
        })
    }
}

/// Download of all outputs to files; a future of their paths. See [`FinishedTask::download_all`].
#[derive(Debug)]
#[must_use = "a download does nothing until it is awaited"]
pub struct DownloadAll {
    finished: FinishedTask,
    template: String,
    overwrite: bool,
}

impl DownloadAll {
    /// Whether existing files are replaced. Default: no.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }
}

impl IntoFuture for DownloadAll {
    type Output = Result<Vec<PathBuf>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { finished, template, overwrite } = self;
            let paths = paths(&template, finished.outputs())
                .map_err(|found| named(&finished, Error::invalid(DOWNLOAD, vec![found])))?;
            for (index, path) in paths.iter().enumerate() {
                finished.download(path).output(index).overwrite(overwrite).await?;
            }
            Ok(paths)
        })
    }
}

fn paths(template: &str, outputs: &[Output]) -> Result<Vec<PathBuf>, Violation> {
    let mut taken = HashSet::new();
    let path = |output| {
        let path = fill(template, output)?;
        // As file systems that ignore the case see it.
        if taken.insert(path.to_lowercase()) {
            return Ok(path.into());
        }
        let limit = "a path of its own for each output, by {index} or {id}";
        Err(Violation::new("template", limit, format!("twice {}", Path::new(&path).display())))
    };
    outputs.iter().map(path).collect()
}

fn fill(template: &str, output: &Output) -> Result<String, Violation> {
    let index = output.index.to_string();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let id = output.id.as_ref().map_or(index.clone(), |id| id.chars().take(LONGEST_ID).map(plain).collect());
    let (kind, ext) = (output.kind.as_str(), output.extension());
    let fields = [("{index}", &*index), ("{id}", &id), ("{kind}", kind), ("{ext}", ext)];
    // No value has a brace in it.
    let path = fields.iter().fold(template.to_owned(), |path, (field, value)| path.replace(field, value));
    match path.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
        Some((other, _)) => {
            let limit = "the fields {index}, {id}, {kind} and {ext}";
            Err(Violation::new("template", limit, format!("{{{other}}}")))
        }
        None => Ok(path),
    }
}

/// Names of files have 255 bytes at most.
const LONGEST_ID: usize = 100;

/// Stream of the bytes of an output, for those who store it elsewhere than in a file.
///
/// Only a stream that ended without an error is a whole file. It is fetched, checked and resumed as by [`Download`], but
/// what was handed on cannot be taken back: if the file changes in between, or its server cannot say whether it did, the
/// stream ends with an error.
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
pub struct OutputStream {
    /// Until the first poll.
    plan: Option<Plan>,
    bytes: BoxStream<'static, Result<Bytes>>,
}

impl OutputStream {
    /// Index of the output in [`FinishedTask::outputs`]. No effect after the first poll.
    pub fn output(mut self, index: usize) -> Self {
        if let Some(plan) = &mut self.plan {
            plan.choice = Some(index);
        }
        self
    }

    /// Minimum throughput, below which a transfer is cut and resumed. Default: 1024 bytes per second over 30 s. Only time
    /// spent waiting for bytes counts. No effect after the first poll.
    pub fn slowest(mut self, bytes_per_second: u64, over: Duration) -> Self {
        if let Some(plan) = &mut self.plan {
            plan.pace = Pace::new(bytes_per_second, over);
        }
        self
    }
}

fn bytes_of(plan: Plan) -> BoxStream<'static, Result<Bytes>> {
    let (span, finished, start) = (plan.span(), plan.finished.clone(), plan.client().clock().now());
    let transfer = Transfer::new(plan, span.clone()).map(Box::new);
    let bytes = stream::try_unfold(transfer, move |transfer| {
        let (span, finished) = (span.clone(), finished.clone());
        async move {
            let next = async {
                let mut transfer = transfer?;
                Ok(match transfer.next().await? {
                    Event::Bytes { bytes, .. } => Some((bytes, Ok(transfer))),
                    Event::End => None,
                })
            };
            let next = next.instrument(span.clone()).await.map_err(|error| named(&finished, error));
            if !matches!(next, Ok(Some(_))) {
                ended(&span, finished.task.client().clock(), start, next.as_ref().err());
            }
            next
        }
    });
    bytes.boxed()
}

impl Stream for OutputStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(plan) = self.plan.take() {
            self.bytes = bytes_of(plan);
        }
        self.bytes.poll_next_unpin(context)
    }
}

impl fmt::Debug for OutputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputStream").finish_non_exhaustive()
    }
}
