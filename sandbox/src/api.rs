//! The API: the key, the routes of every operation in the table, and what each of them does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::auth::Auth;
use crate::clock::Clock;
use crate::intake::{Intake, Origin};
use crate::lock;
use crate::log::{EntryId, ReceivedBody};
use crate::operations::{ROWS, Row};
use crate::outputs::{Outputs, Signer};
use crate::request::{self, shown};
use crate::response::{self, Refusal, Response};
use crate::script::Endpoint;
use crate::task::{Task, TaskPlan, TaskStatus, Tasks};

/// The list's default page size.
const PAGE_SIZE: usize = 30;

/// Everything that the API knows.
pub(crate) struct Api {
    pub auth: Auth,
    pub clock: Clock,
    pub any_model: bool,
    pub external_ids: bool,
    /// Whether queries are answered at the path that a row has for them instead of its own.
    pub other_queries: bool,
    pub concurrency: Option<usize>,
    pub hidden_for: Duration,
    pub default_plan: TaskPlan,
    pub signer: Arc<Signer>,
    pub outputs: Arc<Outputs>,
    pub tasks: Mutex<Tasks>,
    pub plans: Mutex<VecDeque<TaskPlan>>,
    /// Where the tasks with a `callback_url` go.
    pub followed: mpsc::UnboundedSender<Task>,
    pub events: Arc<Notify>,
    pub intake: Arc<Intake>,
}

/// What a method and a path request.
enum Route<'a> {
    Create(&'static Row),
    List(&'static Row),
    Get(&'static Row, &'a str),
    /// The query of an id at a path that knows no task.
    GetNothing,
    /// The video of a task, if it is behind the key.
    Content(&'a str),
}

impl Origin for Api {
    fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    fn operation(&self, method: &Method, path: &str) -> Option<Endpoint> {
        self.route(method, path).ok().map(|route| match route {
            Route::Create(_) => Endpoint::Create,
            Route::List(_) => Endpoint::List,
            Route::Get(..) | Route::GetNothing => Endpoint::Get,
            Route::Content(_) => Endpoint::Video,
        })
    }

    async fn handle(&self, request: Request<Bytes>, entry: EntryId, hidden_for: Duration) -> Response {
        self.respond(request, entry, hidden_for).await.unwrap_or_else(Refusal::into_response)
    }
}

impl Api {
    /// Gateways have a prefix before Kling's own paths; Kling itself has none.
    fn route<'a>(&self, method: &Method, path: &'a str) -> Result<Route<'a>, Refusal> {
        let is_kling = matches!(self.auth, Auth::Token);
        let unknown = || match is_kling {
            true => Refusal::Missing("the resource does not exist".into()),
            false => Refusal::Route(method.clone(), path.to_owned()),
        };
        let own = if is_kling { path } else { path.strip_prefix("/kling").unwrap_or(path) };
        let below = own.strip_prefix("/v1/").ok_or_else(unknown)?;
        let reads = *method == Method::GET || *method == Method::HEAD;
        let content = below.strip_prefix("videos/").and_then(|rest| rest.strip_suffix("/content"));
        if let Some(id) = content.filter(|_| self.signer.is_behind_key()) {
            return if reads { Ok(Route::Content(id)) } else { Err(Refusal::Method) };
        }
        let query = |row: &'static Row| {
            let id = below.strip_prefix(self.query_path(row))?.strip_prefix('/')?;
            (reads && !id.is_empty() && !id.contains('/')).then_some(Route::Get(row, id))
        };
        if let Some(route) = ROWS.iter().find_map(query) {
            return Ok(route);
        }
        let row = ROWS.iter().find_map(|row| Some((row, below.strip_prefix(row.path)?)));
        let (row, rest) = row.ok_or_else(unknown)?;
        match rest.strip_prefix('/') {
            None if !rest.is_empty() => Err(unknown()),
            None if *method == Method::POST => Ok(Route::Create(row)),
            None if reads => Ok(Route::List(row)),
            Some(id) if id.is_empty() || id.contains('/') => Err(unknown()),
            Some(_) if reads => Ok(Route::GetNothing),
            _ => Err(Refusal::Method),
        }
    }

    /// Where queries of an operation are answered.
    fn query_path(&self, row: &Row) -> &'static str {
        row.queried_at.filter(|_| self.other_queries).unwrap_or(row.path)
    }

    async fn respond(
        &self,
        request: Request<Bytes>,
        entry: EntryId,
        hidden_for: Duration,
    ) -> Result<Response, Refusal> {
        let (head, body) = request.into_parts();
        let route = self.route(&head.method, head.uri.path())?;
        let now = self.clock.unix_time();
        self.auth.check(&head.headers, now)?;
        match route {
            Route::Create(row) => {
                must_be_json(&head.headers)?;
                self.create(row, body, entry, hidden_for).await
            }
            Route::List(row) => self.list(row, head.uri.query().unwrap_or_default(), now),
            Route::Get(row, id) => {
                // An id that is not even text is just another unknown one.
                let id = percent_decode_str(id).decode_utf8().map_err(|_| Refusal::NoSuchTask)?;
                let tasks = lock(&self.tasks);
                let own = tasks.find(&id, now).filter(|task| task.operation == row.path);
                let external = || tasks.find_external(row.path, &id, now).filter(|_| self.external_ids);
                let task = own.or_else(external).ok_or(Refusal::NoSuchTask)?;
                Ok(response::success(&response::queried(task, now, &self.signer)))
            }
            Route::GetNothing => Err(Refusal::NoSuchTask),
            Route::Content(id) => {
                let status = lock(&self.tasks).find(id, now).ok_or(Refusal::NoSuchTask)?.status(now);
                if status == TaskStatus::Succeed {
                    return Ok(self.outputs.file("mp4").deliver(&head.method, &head.headers));
                }
                let message = format!("the task is not completed yet, its status is {}", status.as_str());
                let error = json!({"error": {"message": message, "type": "invalid_request_error"}});
                Ok(response::json(StatusCode::BAD_REQUEST, &error))
            }
        }
    }

    async fn create(
        &self,
        row: &'static Row,
        body: Bytes,
        entry: EntryId,
        hidden_for: Duration,
    ) -> Result<Response, Refusal> {
        let any_model = self.any_model;
        // Up to 56 MB are decoded and hashed: not on the thread that other requests wait for.
        let read = tokio::task::spawn_blocking(move || {
            let mut received = ReceivedBody::default();
            let request = request::read(row, &body, any_model, &mut received);
            (request, received)
        });
        let (request, read) =
            read.await.map_err(|error| Refusal::Request(format!("the body could not be read: {error}")))?;
        self.intake.log.update(entry, |received| {
            received.body.json = read.json;
            received.body.images = read.images;
        });
        let request = request?;
        let now = self.clock.unix_time();
        let mut tasks = lock(&self.tasks);
        let held = || tasks.oldest_first().filter(|task| task.holds_a_slot(now)).count();
        if self.concurrency.is_some_and(|slots| held() >= slots) {
            return Err(Refusal::Busy);
        }
        let id = request.external_id.clone();
        let mut plans = lock(&self.plans);
        let plan = plans.front().unwrap_or(&self.default_plan).clone();
        let task = tasks
            .create(row, request, plan, now, hidden_for.max(self.hidden_for))
            .map_err(|_| Refusal::Parameter(duplicate(id.unwrap_or_default())))?;
        plans.pop_front();
        let created = response::success(&response::created(&task));
        if task.request.callback_url.is_some() {
            // It is not taken only when the sandbox shuts down.
            let _ = self.followed.send(task);
        }
        self.events.notify_waiters();
        Ok(created)
    }

    fn list(&self, row: &Row, query: &str, now: Duration) -> Result<Response, Refusal> {
        let page = page_parameter(query, "pageNum", 1, 1000)?;
        let size = page_parameter(query, "pageSize", PAGE_SIZE, 500)?;
        let tasks = lock(&self.tasks);
        let page = tasks.newest_first(row.path, now).skip((page - 1) * size).take(size);
        let page: Vec<Value> = page.map(|task| response::queried(task, now, &self.signer)).collect();
        Ok(response::success(&page.into()))
    }
}

/// The vendor does not require the header: a request without one is read as JSON.
fn must_be_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let given = shown(&essence.into());
    Err(Refusal::Request(format!("content type {given} is invalid: application/json is expected")))
}

fn page_parameter(query: &str, name: &str, default: usize, most: usize) -> Result<usize, Refusal> {
    let given = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    let Some((_, given)) = given else {
        return Ok(default);
    };
    given.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(|| {
        let given = shown(&given.into());
        Refusal::Parameter(format!("{name} value {given} is invalid: 1 to {most} is expected"))
    })
}

/// The real API's response to a duplicate is not on record beyond its code: the text is an assumption.
fn duplicate(id: String) -> String {
    let given = shown(&id.into());
    format!("external_task_id value {given} is invalid: it must be unique, and a task has it already")
}
