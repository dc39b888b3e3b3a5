//! What the API answers: every envelope in, a [`TaskInfo`] or what the API says against it out.
//!
//! The outcome of a task is its status and nothing else: `message` is "SUCCEED" even for a failed one. A status that is
//! not known is one that is still running. Fields may be missing, null, empty or of another type; only a task without an
//! id is no task.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use url::Url;

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
    /// A word that this version does not know: still running.
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

impl From<&str> for TaskStatus {
    fn from(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "submitted" | "queued" | "not_start" => Self::Submitted,
            "processing" | "in_progress" | "running" => Self::Processing,
            "succeed" | "succeeded" | "success" | "completed" => Self::Succeed,
            "failed" | "failure" => Self::Failed,
            _ => Self::Other(word.to_owned()),
        }
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
    /// Where it can be fetched, without the API key. Whoever has the URL has the video: `Debug` does not show it.
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
    raw: Value,
}

impl TaskInfo {
    /// The task's object as it came, for fields that this crate does not know. It may hold signed URLs.
    pub fn raw(&self) -> &Value {
        &self.raw
    }
}

impl fmt::Debug for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskInfo")
            .field("task_id", &self.task_id)
            .field("external_task_id", &self.external_task_id)
            .field("status", &self.status)
            .field("status_message", &self.status_message)
            .field("videos", &self.videos)
            .field("units_deducted", &self.units_deducted)
            .field("created_at", &self.created_at)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

/// An answer's envelope, as far as one could be made out.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    /// The API's code; 0 is success.
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) data: Value,
}

impl Envelope {
    /// Reads an answer; what cannot be read is an empty envelope.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(mut answer)) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let data = answer.remove("data").unwrap_or_default();
        let said = answer.get("error").filter(|error| error.is_object());
        let field = |name: &str| said.and_then(|error| error.get(name)).or_else(|| answer.get(name)).and_then(text);
        Self {
            code: field("code"),
            message: field("message"),
            request_id: answer.get("request_id").and_then(text),
            data,
        }
    }

    /// Whether the code says success.
    pub(crate) fn is_ok(&self) -> bool {
        self.code.as_deref() == Some("0")
    }

    /// The one task in it.
    pub(crate) fn task(self) -> Option<TaskInfo> {
        task(self.data)
    }

    /// The tasks of a list; those without an id are left out.
    pub(crate) fn tasks(self) -> Option<Vec<TaskInfo>> {
        match self.data {
            Value::Array(tasks) => Some(tasks.into_iter().filter_map(task).collect()),
            _ => None,
        }
    }
}

fn task(raw: Value) -> Option<TaskInfo> {
    let field = |name: &str| raw.get(name).and_then(text);
    let time = |name: &str| raw.get(name).and_then(time);
    let videos = raw.pointer("/task_result/videos").and_then(Value::as_array);
    Some(TaskInfo {
        task_id: field("task_id")?,
        external_task_id: raw.pointer("/task_info/external_task_id").and_then(text),
        status: raw.get("task_status").and_then(Value::as_str).unwrap_or_default().into(),
        status_message: field("task_status_msg"),
        videos: videos.into_iter().flatten().filter_map(video).collect(),
        units_deducted: field("final_unit_deduction"),
        created_at: time("created_at"),
        updated_at: time("updated_at"),
        raw,
    })
}

fn video(raw: &Value) -> Option<Video> {
    let seconds = raw.get("duration").and_then(text).and_then(|text| text.parse().ok());
    Some(Video {
        id: raw.get("id").and_then(text),
        url: raw.get("url").and_then(text)?,
        duration: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

/// A string that is not empty, or a number as one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Milliseconds, or seconds from a gateway that sends those.
fn time(value: &Value) -> Option<SystemTime> {
    /// As milliseconds this is 1973, as seconds the year 5138: no task has either date.
    const SECONDS_BELOW: u64 = 100_000_000_000;
    let count: u64 = text(value)?.parse().ok()?;
    let since = if count < SECONDS_BELOW { Duration::from_secs(count) } else { Duration::from_millis(count) };
    UNIX_EPOCH.checked_add(since)
}
