//! What the API's responses mean: a [`TaskInfo`] out of every shape that gateways give them.
//!
//! `envelope.rs` finds the JSON in a body and reads what it says about the request, `task.rs` reads the task in it, and
//! `outputs.rs` its outputs.

mod envelope;
mod outputs;
pub(crate) mod reason;
pub(crate) mod redact;
mod task;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde_json::Value;
/// A response as it is decoded: it borrows the text, because most of that is never looked at.
pub(crate) use serde_json_borrow::Value as Json;
use url::Url;

use crate::response::redact::shown;

pub(crate) use envelope::{Envelope, documents};
pub(crate) use task::{Reading, Wanted, tasks};

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskStatus {
    /// Accepted, not begun.
    Submitted,
    /// Being made.
    Processing,
    /// Ended with a video.
    Succeed,
    /// Ended without one; [`TaskInfo::status_message`] says why.
    Failed,
    /// Any other word, as it came: still running. Some gateways write `error`, `expired`, `aborted` or `timeout` for a
    /// failed task and for a state that passes: a wait takes these for [`Failed`](Self::Failed) once two polls in a row
    /// say so.
    Other(String),
}

impl TaskStatus {
    /// The status in the API's words.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Submitted => "submitted",
            Self::Processing => "processing",
            Self::Succeed => "succeed",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }

    /// Whether the task has ended, one way or the other.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Succeed | Self::Failed)
    }
}

/// The words that gateways use for each status, in lower case and without separators.
const WORDS: &[(TaskStatus, &[&str])] = &[
    (TaskStatus::Submitted, &["submitted", "queued", "notstart", "pending"]),
    (TaskStatus::Processing, &["processing", "inprogress", "running"]),
    (TaskStatus::Succeed, &["succeed", "succeeded", "success", "complete", "completed", "done", "finished", "ok"]),
    (TaskStatus::Failed, &["fail", "failed", "failure", "cancelled", "canceled", "rejected"]),
];

/// Words that gateways use for a failed task, and also for a state that passes.
const DOUBTFUL: &[&str] = &["error", "expired", "aborted", "timeout", "timedout"];

impl TaskStatus {
    /// Whether this word means a failed task only once two polls in a row say so.
    fn is_doubtful(&self) -> bool {
        matches!(self, Self::Other(word) if DOUBTFUL.contains(&bare(word).as_str()))
    }
}

/// A word without case and separators: gateways write `IN_PROGRESS`, `in-progress` and `In Progress`.
fn bare(word: &str) -> String {
    word.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

impl From<&str> for TaskStatus {
    fn from(word: &str) -> Self {
        let bare = bare(word);
        let known = WORDS.iter().find(|(_, words)| words.contains(&bare.as_str()));
        known.map_or_else(|| Self::Other(word.to_owned()), |(status, _)| status.clone())
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A video that was made. Its URL is signed and expires 30 days after the task ended (Kling's reference).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Video {
    /// The video's id.
    pub id: Option<String>,
    /// Where it can be fetched. Whoever has the URL has the video: `Debug` does not show it. A relative one is joined to
    /// the base URL; that of a [callback](crate::callback), which has none, stays as it came.
    pub url: String,
    /// Its length.
    pub duration: Option<Duration>,
}

impl fmt::Debug for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = Url::parse(&self.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        f.debug_struct("Video")
            .field("id", &self.id)
            .field("host", &host)
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

/// A task as the API described it in one answer.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskInfo {
    /// The API's id of the task.
    pub task_id: String,
    /// The caller's own id, where one was given and the API repeats it.
    pub external_task_id: Option<String>,
    /// Where the task stands.
    pub status: TaskStatus,
    /// Why it failed, in the API's words.
    pub status_message: Option<String>,
    /// The videos, once it has succeeded.
    pub videos: Vec<Video>,
    /// What it cost in units of the account, as a decimal number; known after success.
    pub units_deducted: Option<String>,
    /// When it was made.
    pub created_at: Option<SystemTime>,
    /// When it last changed.
    pub updated_at: Option<SystemTime>,
    raw: Arc<Raw>,
}

impl TaskInfo {
    /// The task's object as it came, for fields that this crate does not know. It may hold signed URLs.
    pub fn raw(&self) -> &Value {
        self.raw.tree.get_or_init(|| serde_json::from_slice(&self.raw.text).unwrap_or_default())
    }

    /// The same task, failed if this response and the one before it both say so in a doubtful word.
    pub(crate) fn after(mut self, before: Option<&TaskStatus>) -> Self {
        if self.status.is_doubtful() && before.is_some_and(TaskStatus::is_doubtful) {
            let reason = self.status_message.take().map(|reason| format!("{reason} ")).unwrap_or_default();
            self.status_message =
                Some(format!("{reason}(status {:?}, in two responses in a row)", self.status.as_str()));
            self.status = TaskStatus::Failed;
        }
        self
    }

    /// Whether nothing more is to come of the task: it failed, or its outputs are here.
    pub(crate) fn is_over(&self) -> bool {
        self.status == TaskStatus::Failed || self.status == TaskStatus::Succeed && !self.videos.is_empty()
    }

    /// The time from this moment of the API's clock to the response, by the `Date` that came with it.
    pub(crate) fn since(&self, moment: Option<SystemTime>) -> Option<Duration> {
        let date = httpdate::parse_http_date(self.raw.date.as_ref()?.to_str().ok()?).ok()?;
        Some(date.duration_since(moment?).unwrap_or_default())
    }
}

/// A response's text, which becomes a tree when someone asks for that, and its date.
struct Raw {
    text: Box<[u8]>,
    date: Option<HeaderValue>,
    tree: OnceLock<Value>,
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskInfo")
            .field("task_id", &self.task_id)
            .field("external_task_id", &self.external_task_id)
            .field("status", &self.status)
            .field("status_message", &self.status_message.as_deref().map(|text| shown(text, &[])))
            .field("videos", &self.videos)
            .field("units_deducted", &self.units_deducted)
            .field("created_at", &self.created_at)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}
