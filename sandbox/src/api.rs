//! The API: its three operations, the key, and the two ways of asking for something else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Extension, FromRequestParts, Path, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::sync::{Notify, mpsc};

use crate::answer::{Refusal, Success, TaskData};
use crate::clock::Clock;
use crate::document::shown;
use crate::intake::{HiddenFor, Intake, take_in};
use crate::lock;
use crate::log::{EntryId, ReceivedBody};
use crate::order;
use crate::script::{Answer, Operation};
use crate::task::{Task, TaskPlan, TaskStatus, Tasks};
use crate::video::{Signer, Videos};

/// The path of the operations, below the base URL.
pub(crate) const ENDPOINT: &str = "/kling/v1/videos/multi-image2video";

/// The same with a task's id, as axum writes it.
const ENDPOINT_OF_ONE: &str = "/kling/v1/videos/multi-image2video/{id}";

/// Where a task's video is, if it is behind the key.
const CONTENT: &str = "/v1/videos/{id}/content";

/// The list's first page has this many tasks, unless the query says otherwise.
const USUAL_PAGE_SIZE: usize = 30;

/// Everything that the API knows.
pub(crate) struct Api {
    pub key: String,
    pub clock: Clock,
    pub any_model: bool,
    pub external_ids: bool,
    pub concurrency: Option<usize>,
    pub hidden_for: Duration,
    pub usual_plan: TaskPlan,
    pub signer: Arc<Signer>,
    pub videos: Arc<Videos>,
    pub tasks: Mutex<Tasks>,
    pub plans: Mutex<VecDeque<TaskPlan>>,
    /// Whom the tasks with a `callback_url` go to.
    pub followed: mpsc::UnboundedSender<Task>,
    /// Tells whoever waits for something that it may have happened.
    pub events: Arc<Notify>,
    pub intake: Arc<Intake>,
}

/// The routes of the API.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let content = if api.signer.is_behind_key() { Router::new().route(CONTENT, get(content)) } else { Router::new() };
    content
        .route(ENDPOINT, get(list).post(create).fallback(wrong_method))
        .route(ENDPOINT_OF_ONE, get(query).fallback(wrong_method))
        .fallback(unknown_route)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(api.intake.clone(), take_in))
        .with_state(api)
}

/// What a request to the API asks for.
pub(crate) fn operation(method: &Method, route: Option<&str>) -> Option<Operation> {
    let reads = method == Method::GET || method == Method::HEAD;
    match route? {
        ENDPOINT if method == Method::POST => Some(Operation::Create),
        ENDPOINT if reads => Some(Operation::List),
        ENDPOINT_OF_ONE if reads => Some(Operation::Get),
        CONTENT if reads => Some(Operation::Video),
        _ => None,
    }
}

/// Proof that a request has the key.
struct Authorized;

impl FromRequestParts<Arc<Api>> for Authorized {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        let given = parts.headers.get(header::AUTHORIZATION);
        let given = given.map_or(&b""[..], |value| value.as_bytes()).trim_ascii();
        if given.is_empty() {
            return Err(Refusal::NoKey);
        }
        let (scheme, key) = given.split_at_checked("bearer".len()).ok_or(Refusal::NotBearer)?;
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Err(Refusal::NotBearer);
        }
        match key {
            b"" => Err(Refusal::NoKey),
            [b' ', key @ ..] if key.trim_ascii() == api.key.as_bytes() => Ok(Self),
            [b' ', ..] => Err(Refusal::WrongKey),
            _ => Err(Refusal::NotBearer),
        }
    }
}

async fn create(
    State(api): State<Arc<Api>>,
    _: Authorized,
    Extension(entry): Extension<EntryId>,
    Extension(HiddenFor(hidden_for)): Extension<HiddenFor>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Success<TaskData>, Refusal> {
    must_be_json(&headers)?;
    let any_model = api.any_model;
    // Up to 56 MB are decoded and hashed: nothing for the thread that other requests wait for.
    let read = tokio::task::spawn_blocking(move || {
        let mut received = ReceivedBody::default();
        let order = order::read(&body, any_model, &mut received);
        (order, received)
    });
    let (order, read) = read.await.map_err(|error| Refusal::Request(format!("the body could not be read: {error}")))?;
    api.intake.log.update(entry, |received| {
        received.body.json = read.json;
        received.body.images = read.images;
    });
    let order = order?;
    let now = api.clock.unix_time();
    let mut tasks = lock(&api.tasks);
    let held = || tasks.oldest_first().filter(|task| task.holds_a_slot(now)).count();
    if api.concurrency.is_some_and(|slots| held() >= slots) {
        return Err(Refusal::Busy);
    }
    let id = order.external_id.clone();
    let mut plans = lock(&api.plans);
    let plan = plans.front().unwrap_or(&api.usual_plan).clone();
    let task = tasks
        .create(order, plan, now, hidden_for.max(api.hidden_for))
        .map_err(|_| Refusal::Parameter(duplicate(id.as_deref().unwrap_or_default())))?;
    plans.pop_front();
    if task.order.callback_url.is_some() {
        // It is not taken only when the sandbox goes down.
        let _ = api.followed.send(task.clone());
    }
    api.events.notify_waiters();
    Ok(Success(TaskData::ordered(task)))
}

async fn query(
    State(api): State<Arc<Api>>,
    _: Authorized,
    id: Result<Path<String>, PathRejection>,
) -> Result<Success<TaskData>, Refusal> {
    // An id that is not even text is just another one that nobody knows.
    let Path(id) = id.map_err(|_| Refusal::NoSuchTask)?;
    let now = api.clock.unix_time();
    let tasks = lock(&api.tasks);
    let task = tasks.find(&id, api.external_ids, now).ok_or(Refusal::NoSuchTask)?;
    let url = |task: &_, updated| api.signer.url(task, updated);
    Ok(Success(TaskData::queried(task, now, url)))
}

async fn content(
    State(api): State<Arc<Api>>,
    _: Authorized,
    id: Result<Path<String>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Path(id) = id.map_err(|_| Refusal::NoSuchTask)?;
    let now = api.clock.unix_time();
    let status = lock(&api.tasks).find(&id, false, now).ok_or(Refusal::NoSuchTask)?.status(now);
    if status != TaskStatus::Succeed {
        let message = format!("the task is not completed yet, its status is {}", status.as_str());
        let error = serde_json::json!({"error": {"message": message, "type": "invalid_request_error"}});
        let answer = Answer::new(400).header("content-type", "application/json").body(error.to_string());
        return Ok(answer.into_response());
    }
    Ok(api.videos.deliver(&method, &headers))
}

async fn list(
    State(api): State<Arc<Api>>,
    _: Authorized,
    RawQuery(query): RawQuery,
) -> Result<Success<Vec<TaskData>>, Refusal> {
    let query = query.unwrap_or_default();
    let page = page_parameter(&query, "pageNum", 1, 1000)?;
    let size = page_parameter(&query, "pageSize", USUAL_PAGE_SIZE, 500)?;
    let now = api.clock.unix_time();
    let tasks = lock(&api.tasks);
    let page = tasks
        .newest_first(now)
        .skip((page - 1) * size)
        .take(size)
        .map(|task| TaskData::queried(task, now, |task, updated| api.signer.url(task, updated)));
    Ok(Success(page.collect()))
}

async fn wrong_method() -> Refusal {
    Refusal::Method
}

async fn unknown_route(method: Method, uri: Uri) -> Refusal {
    Refusal::Route(method, uri.path().to_owned())
}

/// The document knows one kind of body. It does not require the header, so that a request without one is read as JSON.
fn must_be_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let given = shown(&essence.into());
    let message = format!("content type {given} is invalid: application/json is expected");
    Err(Refusal::Request(message))
}

fn page_parameter(query: &str, name: &str, usual: usize, most: usize) -> Result<usize, Refusal> {
    let given = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    let Some((_, given)) = given else {
        return Ok(usual);
    };
    given.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(|| {
        let given = shown(&given.into());
        Refusal::Parameter(format!("{name} value {given} is invalid: 1 to {most} is expected"))
    })
}

/// What a duplicate gets from the real API has not been recorded anywhere: this refusal is an assumption.
fn duplicate(id: &str) -> String {
    let given = shown(&id.into());
    format!("external_task_id value {given} is invalid: it must be unique, and a task has it already")
}
