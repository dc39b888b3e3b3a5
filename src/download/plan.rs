//! Which output is fetched, how, and from where: what is decided before the first request.

use std::time::Duration;

use tracing::field::Empty;
use tracing::{Span, info_span};
use url::Url;

use crate::client::Client;
use crate::download::judge::Pace;
use crate::download::part::DOWNLOAD;
use crate::error::{Error, ErrorKind, Result, Violation};
use crate::response::{Output, TaskInfo};
use crate::wait::FinishedTask;

/// Progress of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// Bytes that are here, those of an earlier download that is resumed included.
    ///
    /// Less than before after a start from the first byte: the file changed, or its server cannot send a part of it.
    pub bytes: u64,
    /// Length of the file, once its server has announced it.
    pub total: Option<u64>,
}

pub(crate) struct Plan {
    pub(crate) finished: FinishedTask,
    pub(crate) choice: Option<usize>,
    /// Whether of a sound in two formats the WAV is fetched.
    pub(crate) as_wav: bool,
    /// Whether bytes that were handed on can be taken back.
    pub(crate) rewinds: bool,
    pub(crate) pace: Pace,
    pub(crate) progress: Option<Box<dyn FnMut(DownloadProgress) + Send>>,
}

pub(crate) const REFRESH: &str = "refresh the task, which gives fresh URLs, and then ask its gateway";

impl Plan {
    pub(crate) fn new(finished: &FinishedTask) -> Self {
        // Slower than any usable line (5 MB would take 80 minutes); a cut costs a second.
        let (finished, pace) = (finished.clone(), Pace::new(1024, Duration::from_secs(30)));
        Self { finished, choice: None, as_wav: false, rewinds: false, pace, progress: None }
    }

    pub(crate) fn client(&self) -> &Client {
        self.finished.task.client()
    }

    /// Returns the span of the download, within that of its generation.
    pub(crate) fn span(&self) -> Span {
        self.finished.task.span().in_scope(|| {
            info_span!(
                "kling.download",
                operation = self.finished.task.row().name,
                step = DOWNLOAD,
                task_id = self.finished.info().task_id,
                attempts = Empty,
                bytes = Empty,
                elapsed_ms = Empty,
                error = Empty
            )
        })
    }

    /// Returns the chosen output, or else the only one of the kind that the operation makes.
    pub(crate) fn output(&self) -> Result<Output> {
        let info = self.finished.info();
        let mut own = info.own_outputs();
        let found = match (self.choice, own.next(), own.next()) {
            (Some(index), _, _) => info.outputs.get(index),
            (None, only, None) => only,
            _ => None,
        };
        found.cloned().ok_or_else(|| Error::invalid(DOWNLOAD, vec![no_such_output(info, self.choice)]))
    }

    /// Returns the URL of an output, if it may be fetched.
    pub(crate) fn url(&self, output: &Output) -> Result<Url> {
        let url = output.wav_url.as_ref().filter(|_| self.as_wav).unwrap_or(&output.url);
        let mut url =
            Url::parse(url).map_err(|reason| broken(format!("the output's URL is invalid: {reason}"), REFRESH))?;
        // No server sees it, and with it no URL is the one of its response.
        url.set_fragment(None);
        self.check(&url)?;
        Ok(url)
    }

    pub(crate) fn check(&self, url: &Url) -> Result<()> {
        self.client().shared.reach.objection(url).map_or(Ok(()), |objection| Err(elsewhere(&objection)))
    }
}

/// Returns the error of a response or a file that is not as it must be.
pub(crate) fn broken(message: impl Into<String>, hint: &str) -> Error {
    Error::new(ErrorKind::UnexpectedResponse, DOWNLOAD, message).with_hint(hint)
}

pub(crate) fn elsewhere(objection: &str) -> Error {
    let message = format!("the output is not where it may be fetched from: {objection}");
    broken(message, "ClientBuilder::private_addresses allows addresses of a private network, not plain http")
}

pub(crate) fn named(finished: &FinishedTask, error: Error) -> Error {
    let info = finished.info();
    let error = error.with_operation(finished.task.row().name).of_paid(true);
    error.with_ids(Some(&info.task_id), info.external_task_id.as_deref())
}

/// The violation of a choice that is none, with what there is to choose from.
fn no_such_output(info: &TaskInfo, choice: Option<usize>) -> Violation {
    let described = |output: &Output| {
        let id = output.id.as_ref().map(|id| format!(" with id {id:?}")).unwrap_or_default();
        let length = output.duration.map(|length| format!(", {length:?}")).unwrap_or_default();
        format!("{} ({}{id}{length})", output.index, output.kind)
    };
    let all: Vec<_> = info.outputs.iter().map(described).collect();
    let given = choice.map_or("nothing".to_owned(), |index| index.to_string());
    Violation::new("output", format!("the index of one of the task's outputs: {}", all.join("; ")), given)
}
