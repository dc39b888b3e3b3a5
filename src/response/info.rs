//! A task as a response describes it: [`TaskInfo`] and its status.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::outputs::{Output, OutputKind};
use super::redact::shown;
use crate::error::Error;
use crate::values::as_text;

/// Status of a task. In JSON: its word, as by [`as_str`](Self::as_str).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskStatus {
    /// Accepted, not started.
    Submitted,
    /// Running.
    Processing,
    /// Ended with its outputs.
    Succeed,
    /// Ended without outputs; [`TaskInfo::status_message`] has the reason.
    Failed,
    /// Any other word, verbatim: still running. Some gateways write `error`, `expired`, `aborted` or `timeout` for a
    /// failed task and for a state that passes: a wait takes these for [`Failed`](Self::Failed) once two polls in a row
    /// say so.
    Other(String),
}

impl TaskStatus {
    /// Returns the status as the API writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Submitted => "submitted",
            Self::Processing => "processing",
            Self::Succeed => "succeed",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }

    /// Whether the task has ended, with outputs or without.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Succeed | Self::Failed)
    }

    /// Whether this word means a failed task only once two polls in a row say so.
    fn is_doubtful(&self) -> bool {
        matches!(self, Self::Other(word) if DOUBTFUL.contains(&bare(word).as_str()))
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

as_text!(TaskStatus);

/// A task as one response describes it.
///
/// `Serialize`: an object of the fields, with times in milliseconds since 1970. It holds signed URLs; `Debug` does not.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TaskInfo {
    /// The API's id of the task.
    pub task_id: String,
    /// The caller's own id of the task, where the API repeats it.
    pub external_task_id: Option<String>,
    /// The status.
    pub status: TaskStatus,
    /// The reason of a failure, in the API's words.
    pub status_message: Option<String>,
    /// The outputs, once the task has succeeded.
    pub outputs: Vec<Output>,
    /// Units deducted from the account, as a decimal number; known after success.
    pub units_deducted: Option<String>,
    /// Time of the create, by the API's clock.
    #[serde(serialize_with = "milliseconds")]
    pub created_at: Option<SystemTime>,
    /// Time of the last change, by the API's clock.
    #[serde(serialize_with = "milliseconds")]
    pub updated_at: Option<SystemTime>,
    /// The kind of outputs that the operation makes, where that is known.
    #[serde(skip)]
    pub(super) kind: Option<OutputKind>,
    #[serde(skip)]
    pub(super) raw: Arc<Raw>,
}

fn milliseconds<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_millis()).ok()).serialize(serializer)
}

impl TaskInfo {
    /// Returns the videos among the outputs.
    pub fn videos(&self) -> impl Iterator<Item = &Output> {
        self.of_kind(OutputKind::Video)
    }

    /// Returns the images among the outputs.
    pub fn images(&self) -> impl Iterator<Item = &Output> {
        self.of_kind(OutputKind::Image)
    }

    /// Returns the audio outputs.
    pub fn audios(&self) -> impl Iterator<Item = &Output> {
        self.of_kind(OutputKind::Audio)
    }

    fn of_kind(&self, kind: OutputKind) -> impl Iterator<Item = &Output> {
        self.outputs.iter().filter(move |output| output.kind == kind)
    }

    /// Returns the outputs of the kind that the operation makes; where that is not known, all.
    pub(crate) fn own_outputs(&self) -> impl Iterator<Item = &Output> {
        self.outputs.iter().filter(|output| self.kind.is_none_or(|kind| output.kind == kind))
    }

    /// Returns the response's text as JSON, for fields that this crate does not know. It may hold signed URLs.
    pub fn raw(&self) -> &Value {
        self.raw.tree.get_or_init(|| serde_json::from_slice(&self.raw.text).unwrap_or_default())
    }

    /// The same task; failed if this response and the one before it both say so in a doubtful word.
    pub(crate) fn after(mut self, before: Option<&TaskStatus>) -> Self {
        if self.status.is_doubtful() && before.is_some_and(TaskStatus::is_doubtful) {
            let reason = self.status_message.take().map(|reason| format!("{reason} ")).unwrap_or_default();
            self.status_message =
                Some(format!("{reason}(status {:?}, in two responses in a row)", self.status.as_str()));
            self.status = TaskStatus::Failed;
        }
        self
    }

    /// Whether the task failed, or succeeded and has an output of the operation's kind.
    pub(crate) fn is_over(&self) -> bool {
        self.status == TaskStatus::Failed || self.status == TaskStatus::Succeed && self.own_outputs().next().is_some()
    }

    /// The time from this moment of the API's clock to the response, by the `Date` that came with it.
    pub(crate) fn since(&self, moment: Option<SystemTime>) -> Option<Duration> {
        let date = httpdate::parse_http_date(self.raw.date.as_ref()?.to_str().ok()?).ok()?;
        Some(date.duration_since(moment?).unwrap_or_default())
    }
}

impl Error {
    /// The task as it ended, when it ended without an output, with its dates and what the API says was deducted.
    pub fn info(&self) -> Option<&TaskInfo> {
        self.attached::<Arc<TaskInfo>>().map(|info| &**info)
    }
}

/// A response's text, which becomes a tree when someone asks for that, and its date.
pub(super) struct Raw {
    pub(super) text: Box<[u8]>,
    pub(super) date: Option<HeaderValue>,
    pub(super) tree: OnceLock<Value>,
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

debug_fields!(TaskInfo, |info|
    task_id: info.task_id,
    external_task_id: info.external_task_id,
    status: info.status,
    status_message: info.status_message.as_deref().map(|text| shown(text, &[])),
    outputs: info.outputs,
    units_deducted: info.units_deducted,
    created_at: info.created_at,
    updated_at: info.updated_at
);
