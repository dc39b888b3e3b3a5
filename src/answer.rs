//! What the API answers: every shape of envelope in, a [`TaskInfo`] or what the API says against it out.
//!
//! Gateways wrap, flatten and rename the native answer. All shapes are read by one rule: an answer is a pile of layers,
//! each the `data` of the one around it; a field is taken from the innermost layer that has it, but an id from the
//! outermost, because that is the gateway's own and the one it can be asked by. The outcome of a task is its status and
//! nothing else: a message is "SUCCEED" and an outer code "success" even for a failed one, and a status that is not known
//! is one that is still running. Only a task without an id is no task.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
/// An answer as it is decoded from: it borrows the text, because most of that is never looked at.
pub(crate) use serde_json_borrow::Value as Json;
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
        let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        if is(&["submitted", "queued", "not_start"]) {
            Self::Submitted
        } else if is(&["processing", "in_progress", "running"]) {
            Self::Processing
        } else if is(&["succeed", "succeeded", "success", "completed"]) {
            Self::Succeed
        } else if is(&["failed", "failure"]) {
            Self::Failed
        } else {
            Self::Other(word.to_owned())
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
    raw: Raw,
}

impl TaskInfo {
    /// The task's object as it came, for fields that this crate does not know. It may hold signed URLs.
    pub fn raw(&self) -> &Value {
        self.raw.tree.get_or_init(|| serde_json::from_slice(&self.raw.text).unwrap_or_default())
    }
}

/// An answer's text; it becomes a tree when someone asks for that.
#[derive(Clone)]
struct Raw {
    text: Box<[u8]>,
    tree: OnceLock<Box<Value>>,
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
            .field("status_message", &self.status_message)
            .field("videos", &self.videos)
            .field("units_deducted", &self.units_deducted)
            .field("created_at", &self.created_at)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

/// How deep `data` stands in `data`: the deepest known is a native answer in a wrapper's task in its envelope.
const MAX_LAYERS: usize = 4;

/// What an answer says of the request itself, as far as it could be read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    /// The API's code or the gateway's word; success is none, 0 or "success".
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    /// What sort of error a gateway calls it, beside its code.
    pub(crate) sort: Option<String>,
    /// Whether it was JSON at all.
    pub(crate) is_json: bool,
}

impl Envelope {
    /// Reads an answer; what cannot be read is an empty envelope.
    pub(crate) fn read(body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(answer) => Self::of(&answer, MAX_LAYERS),
            Err(_) => Self::default(),
        }
    }

    /// The envelope of an answer, with what stands as JSON text in its message, down to a depth.
    fn of(answer: &Json, depth: usize) -> Self {
        let said = member(answer, "error").filter(|error| error.is_object());
        let field = |name| said.and_then(|error| member(error, name)).or_else(|| member(answer, name)).and_then(text);
        let mut envelope = Self {
            code: field("code"),
            message: field("message").or_else(|| ["error", "detail", "msg"].into_iter().find_map(field)),
            request_id: ["request_id", "requestId"].into_iter().find_map(field),
            sort: field("type"),
            is_json: true,
        };
        // A gateway that relays a refusal as text in its own: the inner one is what the API said.
        let inner = envelope.message.as_deref().filter(|message| depth > 0 && message.trim_start().starts_with('{'));
        if let Some(Ok(inner @ Json::Object(_))) = inner.map(serde_json::from_str) {
            let inner = Self::of(&inner, depth - 1);
            if inner.code.is_some() || inner.message.is_some() {
                envelope.code = inner.code.or(envelope.code);
                envelope.sort = inner.sort.or(envelope.sort);
                envelope.message = inner.message;
                envelope.request_id = inner.request_id.or(envelope.request_id);
            }
        }
        if envelope.request_id.is_none() {
            envelope.request_id = envelope.message.as_deref().and_then(request_id_in);
        }
        envelope
    }

    /// The API's number, if the code is one.
    pub(crate) fn number(&self) -> Option<u32> {
        self.code.as_deref()?.parse().ok()
    }

    /// Whether the code speaks against success.
    fn is_refusal(&self) -> bool {
        match (self.code.as_deref(), self.number()) {
            (None, _) => false,
            (_, Some(number)) => number != 0 && number != 200,
            (Some(word), _) => !["success", "succeed", "ok"].iter().any(|ok| word.eq_ignore_ascii_case(ok)),
        }
    }
}

/// Whether an answer's code speaks against success.
pub(crate) fn is_refusal(answer: &Json) -> bool {
    // As nearly every answer begins, for the sake of every poll.
    let is_native_success = answer.get("code").as_u64() == Some(0) && answer.get("error").is_null();
    !is_native_success && Envelope::of(answer, MAX_LAYERS).is_refusal()
}

/// The tasks of a list; those without an id are left out.
pub(crate) fn tasks(answer: &Json, _text: &[u8]) -> Option<Vec<TaskInfo>> {
    let mut list = member(answer, "data")?;
    for _ in 0..MAX_LAYERS {
        if let Json::Array(tasks) = list {
            return Some(tasks.iter().filter_map(|one| task(one, &serde_json::to_vec(one).ok()?)).collect());
        }
        list = member(list, "data")?;
    }
    None
}

/// The task in an answer of any shape; `raw` is the text that the answer was read from.
pub(crate) fn task(answer: &Json, raw: &[u8]) -> Option<TaskInfo> {
    let mut layers = Vec::with_capacity(MAX_LAYERS);
    layers.push(answer);
    while let Some(inner) = layers.last().and_then(|layer| member(layer, "data")).filter(|inner| inner.is_object()) {
        if layers.len() == MAX_LAYERS {
            break;
        }
        layers.push(inner);
    }
    let id_of = |layer: &&Json| {
        // Some name it `id` alone, as `id` of a video, or of something that has a status.
        let is_named = || layer.get("object").as_str() == Some("video") || layer.get("status").is_string();
        text(layer.get("task_id")).or_else(|| text(layer.get("id")).filter(|_| is_named()))
    };
    let (first, task_id) = layers.iter().enumerate().find_map(|(index, layer)| Some((index, id_of(layer)?)))?;
    // Innermost first; a handful of fields, which one walk over them finds sooner than a search for each in each layer.
    let objects = layers[first..].iter().rev().filter_map(|layer| layer.as_object());
    let mut fields = Vec::with_capacity(objects.clone().map(serde_json_borrow::ObjectAsVec::len).sum());
    fields.extend(objects.flat_map(|object| object.iter()));
    let all = |name: &'static str| fields.iter().filter(move |(given, _)| *given == name).map(|(_, value)| *value);
    let within = |name, inner: &'static str| all(name).filter_map(move |value| member(value, inner));
    let any = |names: &[&'static str]| names.iter().find_map(|name| all(name).find_map(text));
    let moment = |names: &[&'static str]| names.iter().find_map(|name| all(name).find_map(time));

    // What a native answer says of itself stands above what a wrapper says of it.
    let status = TaskStatus::from(any(&["task_status", "status"]).as_deref().unwrap_or_default());
    let (url, reason) = match any(&["fail_reason"]) {
        Some(text) if status == TaskStatus::Succeed && is_url(&text) => (Some(text), None),
        reason => (None, reason),
    };
    let native = within("task_result", "videos").find_map(Json::as_array);
    let mut videos: Vec<_> = native.into_iter().flatten().filter_map(video).collect();
    if videos.is_empty() && status == TaskStatus::Succeed {
        let named = any(&["url", "video_url"]).or_else(|| within("metadata", "url").find_map(text));
        let url = named.filter(|url| is_url(url)).or(url);
        videos.extend(url.map(|url| Video { id: None, url, duration: None }));
    }
    let external_task_id = within("task_info", "external_task_id").find_map(text);
    let status_message = any(&["task_status_msg"]).or(reason).or_else(|| within("error", "message").find_map(text));
    Some(TaskInfo {
        task_id,
        external_task_id: external_task_id.or_else(|| any(&["external_task_id"])),
        status_message: status_message.or_else(|| any(&["error"])),
        status,
        videos,
        units_deducted: any(&["final_unit_deduction"]),
        created_at: moment(&["created_at", "create_time", "submit_time"]),
        updated_at: moment(&["updated_at", "update_time", "finish_time", "start_time"]),
        raw: Raw { text: raw.into(), tree: OnceLock::new() },
    })
}

fn video(raw: &Json) -> Option<Video> {
    let seconds = text(raw.get("duration")).and_then(|text| text.parse().ok());
    Some(Video {
        id: text(raw.get("id")),
        url: text(raw.get("url"))?,
        duration: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

/// What an object has under a name, null or not.
fn member<'a>(object: &'a Json<'a>, name: &str) -> Option<&'a Json<'a>> {
    object.as_object()?.get(name)
}

/// A string that is not empty, or a number as one.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::Str(text) if !text.trim().is_empty() => Some(text.as_ref().to_owned()),
        Json::Number(number) => Some(serde_json::Number::from(*number).to_string()),
        _ => None,
    }
}

/// Milliseconds; seconds from a gateway that sends those; or either, or a date, as text.
fn time(value: &Json) -> Option<SystemTime> {
    /// As milliseconds this is 1973, as seconds the year 5138: no task has either date.
    const SECONDS_BELOW: f64 = 1e11;
    let count = match value {
        Json::Number(number) => number.as_f64()?,
        Json::Str(text) => match text.trim().parse() {
            Ok(count) => count,
            Err(_) => return humantime::parse_rfc3339_weak(text.trim()).ok(),
        },
        _ => return None,
    };
    let seconds = if count < SECONDS_BELOW { count } else { count / 1000.0 };
    // A gateway writes 0 for what has not happened yet.
    let since = Duration::try_from_secs_f64(seconds).ok().filter(|since| !since.is_zero())?;
    UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from((since + HALF_MILLISECOND).as_millis()).ok()?))
}

/// A count of milliseconds divided by 1000 is no longer exact; to the nearest millisecond it is.
const HALF_MILLISECOND: Duration = Duration::from_micros(500);

fn is_url(text: &str) -> bool {
    crate::image::http_url(text).is_ok()
}

/// The id in a message such as `… (request id: 2026…)`.
fn request_id_in(message: &str) -> Option<String> {
    const MARK: &str = "request id:";
    let start = message.to_ascii_lowercase().find(MARK)? + MARK.len();
    let rest = message.get(start..)?.trim_start();
    let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    (!id.is_empty()).then_some(id)
}
