//! Responses of the API: the native envelope around data, and one row for each refusal.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::outputs::{OutputKind, Signer};
use crate::task::{Outcome, Task, TaskStatus};

/// The body of a response. Everything is in memory, so that no body fails.
pub(crate) type Body = BoxBody<Bytes, Infallible>;
pub(crate) type Response = http::Response<Body>;

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

/// A response of this type; without a type, an empty one says no more than its status.
pub(crate) fn response(status: StatusCode, content_type: Option<&'static str>, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    response(status, Some("application/json"), body.to_string())
}

/// Data with code 0. The data stand last, as in the recorded responses.
pub(crate) fn success(data: &Value) -> Response {
    let id = Uuid::new_v4();
    let body = format!(r#"{{"code":0,"message":"SUCCEED","request_id":"{id}","data":{data}}}"#);
    response(StatusCode::OK, Some("application/json"), body)
}

/// A refusal of the API. Each has the status, the code and the message in the shape on record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The `Authorization` header is not a bearer token.
    NotBearer,
    /// There is no key.
    NoKey,
    /// There is a key, but not ours, or a token of another access key, or none at all.
    WrongKey,
    /// The token is ours, and not signed with our secret key.
    WrongSignature,
    /// The token's `nbf` is in the future.
    NotYetValid,
    /// The token's `exp` is in the past.
    Expired,
    /// The body as a whole cannot be read.
    Request(String),
    /// A parameter is wrong; the text begins with its name.
    Parameter(String),
    /// The body is larger than any request within the limits.
    TooLarge,
    /// The path exists, the method does not.
    Method,
    /// The operation does not serve the model, or Kling itself has no such path.
    Missing(String),
    /// Every slot of the account is held by a task that has not ended.
    Busy,
    /// Neither the API nor the gateway knows the task.
    NoSuchTask,
    /// The path does not exist.
    Route(Method, String),
}

impl Refusal {
    pub fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::NotBearer | Self::WrongSignature => (StatusCode::UNAUTHORIZED, 1000, "authentication failed".into()),
            Self::NoKey => (StatusCode::UNAUTHORIZED, 1001, "authorization is empty".into()),
            Self::WrongKey => (StatusCode::UNAUTHORIZED, 1002, "access key not found".into()),
            Self::NotYetValid => (StatusCode::UNAUTHORIZED, 1003, "the token is not yet valid".into()),
            Self::Expired => (StatusCode::UNAUTHORIZED, 1004, "the token has expired".into()),
            Self::Request(message) => (StatusCode::BAD_REQUEST, 1200, message),
            Self::Parameter(message) => (StatusCode::BAD_REQUEST, 1201, message),
            Self::Method => (StatusCode::NOT_FOUND, 1202, "the method is invalid".into()),
            Self::Missing(message) => (StatusCode::NOT_FOUND, 1203, message),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, 1303, "parallel task over resource pack limit".into()),
            // The proxy in front of a gateway sends this one, before anything that speaks JSON.
            Self::TooLarge => {
                let page = "<html><head><title>413 Request Entity Too Large</title></head></html>\n";
                return response(StatusCode::PAYLOAD_TOO_LARGE, Some("text/html; charset=utf-8"), page);
            }
            Self::NoSuchTask => {
                let word = "task_not_exist";
                return json(StatusCode::BAD_REQUEST, &json!({"code": word, "message": word, "data": null}));
            }
            Self::Route(method, path) => {
                let message = format!("Invalid URL ({method} {path})");
                let error = json!({"message": message, "type": "invalid_request_error", "param": "", "code": ""});
                return json(StatusCode::NOT_FOUND, &json!({ "error": error }));
            }
        };
        json(status, &json!({"code": code, "message": message, "request_id": Uuid::new_v4().to_string()}))
    }
}

/// The task in the response to its create: submitted, and without a result.
pub(crate) fn created(task: &Task) -> Value {
    let external_id = task.request.external_id.as_ref();
    json!({
        "task_id": task.id,
        "task_status": TaskStatus::Submitted.as_str(),
        "task_info": external_id.map_or_else(|| json!({}), |id| json!({"external_task_id": id})),
        "created_at": millis(task.created),
        "updated_at": millis(task.created),
    })
}

/// The task as a query, a list or a callback shows it.
pub(crate) fn queried(task: &Task, now: Duration, signer: &Signer) -> Value {
    let (status, updated) = (task.status(now), task.updated(now));
    let mut data = created(task);
    data["task_status"] = status.as_str().into();
    data["updated_at"] = millis(updated).into();
    data["task_result"] = json!({});
    data["task_status_msg"] = match (&task.plan.outcome, status) {
        (Outcome::Fail(message), TaskStatus::Failed) => message.as_str().into(),
        _ => "".into(),
    };
    if status == TaskStatus::Succeed {
        data["final_unit_deduction"] = task.request.units().into();
        if task.has_output(now) {
            data["task_result"] = result(task, updated, signer);
        }
    }
    data
}

/// The outputs, each kind under its own key.
fn result(task: &Task, updated: Duration, signer: &Signer) -> Value {
    let mut result = Map::new();
    for output in &task.outputs {
        let url = |extension| signer.url(task, output, extension, updated);
        let (key, mut entry) = match output.kind {
            OutputKind::Video => {
                ("videos", json!({"id": output.id, "url": url("mp4"), "duration": task.request.video_duration()}))
            }
            OutputKind::Image => ("images", json!({"url": url("png")})),
            OutputKind::Audio => {
                let (id, mp3, wav) = (&output.id, url("mp3"), url("wav"));
                let length = AUDIO_DURATION;
                let entry =
                    json!({"id": id, "url_mp3": mp3, "url_wav": wav, "duration_mp3": length, "duration_wav": length});
                ("audios", entry)
            }
        };
        let entries = result.entry(key).or_insert_with(|| json!([]));
        if let Value::Array(entries) = entries {
            if output.kind == OutputKind::Image {
                entry["index"] = entries.len().into();
            }
            entries.push(entry);
        }
    }
    Value::Object(result)
}

/// [`media::AUDIO_SECONDS`](crate::media::AUDIO_SECONDS) as the API reports a duration.
const AUDIO_DURATION: &str = "3.0";

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
