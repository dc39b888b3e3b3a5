//! The video on its way to disk: streamed beside the target, made durable, and only then given its name.
//!
//! A signed URL is fetched by a client of its own that never carries the API key. What arrives goes to a `.part` file;
//! a video that is cut or is no MP4 never gets the target's name.

use std::future::{Future, IntoFuture};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tokio::io::AsyncWriteExt as _;
use tracing::field::Empty;
use tracing::{Span, info_span};
use url::Url;

use crate::answer::TaskInfo;
use crate::client::{Client, is_loopback};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::span::{record, within};

const DOWNLOAD: &str = "download";

/// A download to be awaited: gives the path it was written to.
///
/// # Errors
/// [`Other`](ErrorKind::Other) if the target exists or cannot be written, [`Network`](ErrorKind::Network) if the
/// transfer was cut, [`Answer`](ErrorKind::Answer) if the server refused or what came is no MP4.
#[must_use = "a download does nothing until it is awaited"]
pub struct Download {
    client: Client,
    info: TaskInfo,
    path: PathBuf,
    overwrite: bool,
    choice: Option<usize>,
}

impl Download {
    pub(crate) fn new(client: Client, info: TaskInfo, path: PathBuf) -> Self {
        Self { client, info, path, overwrite: false, choice: None }
    }

    /// Whether a file that is there already is replaced; it is kept if this is not said.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Which video, when the task has several: its place in [`TaskInfo::videos`].
    pub fn video(mut self, index: usize) -> Self {
        self.choice = Some(index);
        self
    }

    async fn run(self, span: Span) -> Result<PathBuf> {
        let error = |kind, message: String| {
            Error::new(kind, DOWNLOAD, message)
                .with_ids(Some(&self.info.task_id), self.info.external_task_id.as_deref())
        };
        let file_error =
            |path: &Path, reason: io::Error| error(ErrorKind::Other, format!("{}: {reason}", path.display()));
        let url = self.choose().map_err(|message| error(ErrorKind::Other, message))?;
        if !self.overwrite && tokio::fs::try_exists(&self.path).await.unwrap_or(false) {
            let message = format!("{} exists and was kept", self.path.display());
            return Err(error(ErrorKind::Other, message).with_hint("name another file, or ask to overwrite it"));
        }
        let network = |reason: reqwest::Error| {
            error(ErrorKind::Network, chain(&reason.without_url()))
                .with_hint("the video is still there; download it again")
        };
        let mut response = self.client.download_client()?.get(url).send().await.map_err(network)?;
        if !response.status().is_success() {
            let message = format!("the video's server answered {}", response.status());
            return Err(error(ErrorKind::Answer, message)
                .with_hint("its URL may have expired; ask for the task again, which gives a fresh one"));
        }
        let part = part_of(&self.path);
        let mut file = tokio::fs::File::create(&part).await.map_err(|e| file_error(&part, e))?;
        let mut head = Vec::new();
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if head.len() < FTYP.end {
                head.extend_from_slice(&chunk[..chunk.len().min(FTYP.end - head.len())]);
            }
            file.write_all(&chunk).await.map_err(|e| file_error(&part, e))?;
            bytes += chunk.len();
        }
        record(&span, "bytes", bytes);
        file.flush().await.map_err(|e| file_error(&part, e))?;
        file.sync_all().await.map_err(|e| file_error(&part, e))?;
        drop(file);
        if head.get(FTYP) != Some(b"ftyp") {
            let message = "what the video's server sent is no MP4".to_owned();
            return Err(error(ErrorKind::Answer, message).with_hint(format!("it is in {}", part.display())));
        }
        tokio::fs::rename(&part, &self.path).await.map_err(|e| file_error(&self.path, e))?;
        Ok(self.path)
    }

    /// The URL to fetch, or why there is none to choose.
    fn choose(&self) -> Result<Url, String> {
        let videos = &self.info.videos;
        let video = match (self.choice, &videos[..]) {
            (Some(index), videos) => videos.get(index).ok_or_else(|| format!("there is no video {index}"))?,
            (None, [only]) => only,
            (None, videos) => return Err(format!("the task has {} videos; say which: {videos:?}", videos.len())),
        };
        let url = Url::parse(&video.url).map_err(|reason| format!("the video's URL cannot be read: {reason}"))?;
        if !allowed(&url, self.client.is_loopback()) {
            return Err("the video's URL is neither https nor, with the API, on this machine".to_owned());
        }
        Ok(url)
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("path", &self.path).finish_non_exhaustive()
    }
}

impl IntoFuture for Download {
    type Output = Result<PathBuf>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<PathBuf>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = info_span!("kling.download", task_id = self.info.task_id, bytes = Empty, error = Empty);
        Box::pin(within(span.clone(), self.run(span)))
    }
}

/// Where an MP4 says that it is one.
const FTYP: std::ops::Range<usize> = 4..8;

/// The client for videos: without the key, and never from `https` to anything less.
pub(crate) fn http_client(loopback: bool) -> Result<reqwest::Client> {
    /// A CDN redirects once or twice.
    const MOST_REDIRECTS: usize = 5;
    crate::tls::http_client(true, |builder| {
        builder.redirect(reqwest::redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > MOST_REDIRECTS {
                attempt.error("too many redirects")
            } else if allowed(attempt.url(), loopback) {
                attempt.follow()
            } else {
                attempt.error("a redirect to an address that is not https")
            }
        }))
    })
}

fn allowed(url: &Url, api_on_loopback: bool) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && api_on_loopback && is_loopback(url))
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}
