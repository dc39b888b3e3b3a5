//! The answers of the API: the native envelope around what went well, and one row for every way of refusing.

use axum::Json;
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::task::{Outcome, Task, TaskStatus};

/// Data that is answered with code 0.
#[derive(Debug)]
pub(crate) struct Success<T>(pub T);

/// Why the API refuses. Each row has a status, a code and a message in the shape that was recorded for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The `Authorization` header is not a bearer token.
    NotBearer,
    /// There is no key.
    NoKey,
    /// There is a key, but not ours.
    WrongKey,
    /// The body as a whole cannot be read.
    Request(String),
    /// A parameter is wrong; the text begins with its name.
    Parameter(String),
    /// The body is larger than any order that the limits allow.
    TooLarge,
    /// The path exists, the method does not.
    Method,
    /// Nobody knows the model.
    Model(String),
    /// Every slot of the account is held by a task that has not ended.
    Busy,
    /// Neither the API nor the gateway knows the task.
    NoSuchTask,
    /// The path does not exist.
    Route(Method, String),
}

/// A task as the API tells of it.
#[derive(Debug, Serialize)]
pub(crate) struct TaskData {
    task_id: String,
    task_status: &'static str,
    task_info: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_status_msg: Option<String>,
    created_at: u64,
    updated_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_unit_deduction: Option<&'static str>,
}

impl TaskData {
    /// The answer to the order: always submitted, and without a word of a result.
    pub fn ordered(task: &Task) -> Self {
        Self {
            task_id: task.id.clone(),
            task_status: TaskStatus::Submitted.as_str(),
            task_info: task_info(task),
            task_result: None,
            task_status_msg: None,
            created_at: millis(task.created),
            updated_at: millis(task.created),
            final_unit_deduction: None,
        }
    }

    /// The answer to a query; `video_url` is asked for only when there is a video.
    pub fn queried(
        task: &Task,
        now: std::time::Duration,
        video_url: impl FnOnce(&Task, std::time::Duration) -> String,
    ) -> Self {
        let status = task.status(now);
        let updated = task.updated(now);
        let done = status == TaskStatus::Succeed;
        let message = match (&task.plan.outcome, status) {
            (Outcome::Fail(message), TaskStatus::Failed) => message.clone(),
            _ => String::new(),
        };
        let result = if done && task.has_output(now) {
            json!({"videos": [{
                "id": task.video_id,
                "url": video_url(task, updated),
                "duration": task.order.video_duration(),
            }]})
        } else {
            json!({})
        };
        Self {
            task_id: task.id.clone(),
            task_status: status.as_str(),
            task_info: task_info(task),
            task_result: Some(result),
            task_status_msg: Some(message),
            created_at: millis(task.created),
            updated_at: millis(updated),
            final_unit_deduction: done.then(|| task.order.units()),
        }
    }
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Envelope<T> {
            code: u16,
            message: &'static str,
            request_id: Uuid,
            data: T,
        }
        Json(Envelope { code: 0, message: "SUCCEED", request_id: Uuid::new_v4(), data: self.0 }).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let native = |status: StatusCode, code: u16, message: &str| {
            let body = json!({"code": code, "message": message, "request_id": Uuid::new_v4()});
            (status, Json(body)).into_response()
        };
        match self {
            Self::NotBearer => native(StatusCode::UNAUTHORIZED, 1000, "authentication failed"),
            Self::NoKey => native(StatusCode::UNAUTHORIZED, 1001, "authorization is empty"),
            Self::WrongKey => native(StatusCode::UNAUTHORIZED, 1002, "access key not found"),
            Self::Request(message) => native(StatusCode::BAD_REQUEST, 1200, &message),
            Self::Parameter(message) => native(StatusCode::BAD_REQUEST, 1201, &message),
            Self::Method => native(StatusCode::NOT_FOUND, 1202, "the method is invalid"),
            Self::Model(name) => native(StatusCode::NOT_FOUND, 1203, &format!("model {name} does not exist")),
            Self::Busy => native(StatusCode::TOO_MANY_REQUESTS, 1303, "parallel task over resource pack limit"),
            // The proxy in front of a gateway answers this one, before anything that speaks JSON.
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Html("<html><head><title>413 Request Entity Too Large</title></head></html>\n"),
            )
                .into_response(),
            Self::NoSuchTask => {
                let word = "task_not_exist";
                let body = json!({"code": word, "message": word, "data": null});
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
            Self::Route(method, path) => {
                let message = format!("Invalid URL ({method} {path})");
                let error = json!({"message": message, "type": "invalid_request_error", "param": "", "code": ""});
                (StatusCode::NOT_FOUND, Json(json!({ "error": error }))).into_response()
            }
        }
    }
}

fn task_info(task: &Task) -> Map<String, Value> {
    let id = task.order.external_id.clone();
    id.map(|id| ("external_task_id".to_owned(), Value::String(id))).into_iter().collect()
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
