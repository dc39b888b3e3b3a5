//! The task in a response of any shape.
//!
//! Gateways wrap, flatten and rename the native response. All shapes are read by one rule: a response is a pile of
//! layers, each the `data` of the one around it. The task's layers begin at the outermost that has an id, because that
//! id is the gateway's own and the one to poll by; a field is taken from the innermost layer that has it. The status is
//! the outcome and nothing else: a message is "SUCCEED" and an outer code "success" even for a failed task.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::envelope::Envelope;
use super::info::{Raw, TaskInfo, TaskStatus};
use super::json::{Json, MAX_LAYERS, text, word};
use super::outputs::{OutputKind, outputs};
use super::redact::shown;
use crate::error::{Error, ErrorKind};

/// Which task a response is read for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// The one that a create made; with the external id that was sent.
    Created(Option<&'a str>),
    /// The one known by any of these ids.
    Known(&'a [&'a str]),
    /// Whichever it is: of a callback, or an entry of a list.
    Any,
}

/// How a document is read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) wanted: Wanted<'a>,
    /// The kind of outputs that the operation makes; not known of a callback.
    pub(crate) kind: Option<OutputKind>,
    /// What relative URLs are joined to.
    pub(crate) base: Option<&'a Url>,
    /// The response's date.
    pub(crate) date: Option<&'a HeaderValue>,
    /// Whether neither the HTTP status nor a code speaks against it. Otherwise a task must be named beyond doubt.
    pub(crate) clean: bool,
}

/// The tasks of a list; those without an id are left out.
pub(crate) fn tasks(response: &Json, reading: Reading) -> Option<Vec<TaskInfo>> {
    let layers = std::iter::successors(Some(response.get("data")), |layer| Some(layer.get("data"))).take(MAX_LAYERS);
    let tasks = layers.filter_map(|layer| layer.as_array()).next()?;
    Some(tasks.iter().filter_map(|one| reading.task(one, &serde_json::to_vec(one).ok()?)).collect())
}

/// The content of a response to an operation that is answered at once; none if the document has none.
pub(crate) fn at_once<T: DeserializeOwned>(document: &Json, text: &[u8], secrets: &[&str]) -> Option<Result<T, Error>> {
    #[derive(Deserialize)]
    struct Content<T> {
        data: T,
    }
    let data = Some(document.get("data")).filter(|data| data.is_object() || data.is_array())?;
    let refused = data.get("status").as_i64().is_some_and(|status| status != 0);
    let failed = data.is_object() && status(data) == Some(TaskStatus::Failed);
    if refused || failed {
        let kind = if failed { ErrorKind::TaskFailed } else { ErrorKind::Rejected };
        let message = reason(data, false).unwrap_or_else(|| "the API gave no reason".to_owned());
        return Some(Err(Error::new(kind, "submit", shown(&message, secrets)).with_hint("fix what the reason names")));
    }
    Some(serde_json::from_slice(text).map(|Content { data }| data).map_err(|reason| {
        Error::new(
            ErrorKind::UnexpectedResponse,
            "submit",
            format!("the response cannot be read: {}", shown(&reason.to_string(), secrets)),
        )
        .of_paid(true)
        .with_hint("it may be charged; ask the gateway, and report what it responds")
    }))
}

impl Reading<'_> {
    /// The task in a response; `raw` is the text that it was read from.
    pub(crate) fn task(self, response: &Json, raw: &[u8]) -> Option<TaskInfo> {
        let layers = self.layers(response);
        let (first, task_id) = self.first(&layers)?;
        let layers = layers.get(first..)?;
        let inward = || layers.iter().copied().rev();
        let moment = |names: &[&str]| names.iter().find_map(|name| inward().find_map(|layer| time(layer.get(*name))));

        // The innermost status counts, unless it is stale: then the failure around it does, or a success with an output.
        let statuses: Vec<_> = inward().filter_map(|layer| Some((layer, status(layer)?))).collect();
        let of = |wanted: TaskStatus| statuses.iter().find(|(_, status)| *status == wanted);
        let innermost = statuses.first();
        let has_succeeded = of(TaskStatus::Succeed).is_some();
        let outputs = if has_succeeded { outputs(inward(), self.base, self.kind) } else { Vec::new() };
        let is_whole = outputs.iter().any(|output| self.kind.is_none_or(|kind| output.kind == kind));
        let decides = match innermost {
            Some((_, status)) if status.is_final() => innermost,
            _ => of(TaskStatus::Failed).or_else(|| of(TaskStatus::Succeed).filter(|_| is_whole)).or(innermost),
        };
        let mut status = decides.map_or_else(|| TaskStatus::Other(String::new()), |(_, status)| status.clone());
        if matches!(self.wanted, Wanted::Created(_))
            && (status == TaskStatus::Other(String::new()) || status == TaskStatus::Succeed && !is_whole)
        {
            status = TaskStatus::Submitted;
        }
        let with_reason = decides.map(|(layer, _)| *layer).into_iter().chain(inward());
        let refusal = || Envelope::refusal(response).filter(|_| status == TaskStatus::Failed);
        Some(TaskInfo {
            task_id,
            external_task_id: inward().find_map(external_id).map(Cow::into_owned),
            status_message: with_reason.filter_map(|layer| reason(layer, has_succeeded)).next().or_else(refusal),
            outputs: if status == TaskStatus::Succeed { outputs } else { Vec::new() },
            status,
            units_deducted: inward().find_map(|layer| text(layer.get("final_unit_deduction"))),
            created_at: moment(&["created_at", "create_time", "submit_time"]),
            updated_at: moment(&["updated_at", "update_time", "completed_at", "finish_time", "start_time"]),
            kind: self.kind,
            raw: Arc::new(Raw { text: raw.into(), date: self.date.cloned(), tree: OnceLock::new() }),
        })
    }

    /// The layers of a response, outermost first. Of a list, only the entry with an id of the wanted task is one.
    fn layers<'a>(&self, response: &'a Json<'a>) -> Vec<&'a Json<'a>> {
        let mut layers = Vec::with_capacity(MAX_LAYERS);
        let mut next = Some(response);
        while let Some(layer) = next.filter(|_| layers.len() < MAX_LAYERS) {
            next = match layer {
                Json::Array(entries) => entries.iter().find(|entry| self.is_entry(entry)),
                Json::Object(_) => {
                    layers.push(layer);
                    Some(layer.get("data"))
                }
                _ => None,
            };
        }
        layers
    }

    fn is_entry(&self, entry: &Json) -> bool {
        match self.wanted {
            // A POST that was turned into a GET shows a list of older tasks: only the caller's own id tells one of them.
            Wanted::Created(external) => external.is_some() && external_id(entry).as_deref() == external,
            Wanted::Known(ids) => {
                let of_entry = [word(entry.get("task_id")), word(entry.get("id")), external_id(entry)];
                of_entry.iter().flatten().any(|id| ids.contains(&&**id))
            }
            Wanted::Any => false,
        }
    }

    /// The outermost layer with an id, and the id, if they are of the wanted task.
    fn first<'a>(&self, layers: &[&'a Json<'a>]) -> Option<(usize, String)> {
        let named = layers.iter().any(|layer| task_id(layer).is_some());
        let id_of = |layer: &'a Json<'a>| {
            // Some name it `id` alone, as the id of a video, or of something that has a status.
            let is_task = || layer.get("object").as_str() == Some("video") || layer.get("status").is_string();
            task_id(layer).or_else(|| word(layer.get("id")).filter(|_| !named && is_task()))
        };
        let found = layers.iter().enumerate().find_map(|(index, layer)| Some((index, id_of(layer)?)))?;
        let externals = || layers.iter().filter_map(|layer| external_id(layer));
        let fits = match self.wanted {
            Wanted::Any => true,
            Wanted::Known(ids) => {
                let ids_of = || layers.iter().filter_map(|layer| id_of(layer)).chain(externals());
                ids_of().any(|id| ids.contains(&&*id))
            }
            // A gateway that was sent no external id may add its own.
            Wanted::Created(external) => {
                (self.clean || named) && (external.is_none() || externals().all(|id| Some(&*id) == external))
            }
        };
        fits.then(|| (found.0, found.1.into_owned()))
    }
}

/// The id that a layer names as the task's; a gateway writes 0 where it has none.
fn task_id<'a>(layer: &'a Json<'a>) -> Option<Cow<'a, str>> {
    word(layer.get("task_id")).filter(|id| id != "0")
}

fn external_id<'a>(layer: &'a Json<'a>) -> Option<Cow<'a, str>> {
    word(layer.get("task_info").get("external_task_id")).or_else(|| word(layer.get("external_task_id")))
}

fn status(layer: &Json) -> Option<TaskStatus> {
    let word = ["task_status", "status"].into_iter().find_map(|name| word(layer.get(name)))?;
    Some(TaskStatus::from(&*word))
}

/// Why a layer says that its task failed. After a success some gateways put the video's URL there.
fn reason(layer: &Json, has_succeeded: bool) -> Option<String> {
    text(layer.get("task_status_msg"))
        .or_else(|| text(layer.get("fail_reason")).filter(|text| !has_succeeded || !is_url(text)))
        .or_else(|| text(layer.get("error").get("message")))
        .or_else(|| text(layer.get("error")))
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
    crate::media::http_url(text).is_ok()
}
