//! A server of tools for agents, by the Model Context Protocol: check, generate, status, download.
//!
//! A request of an agent is a job of the record, as a line of a manifest is: its budget, its id and its charge survive the
//! server, and a [`Worker`](super::worker::Worker) beside it does the work. An agent may be misled by what it reads,
//! so its reach is fixed at the start: the folders and the budget. No URL of an output is revealed to it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kling_client::{Clock, Operation};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, ServerInitializeError};
use rmcp::transport::IntoTransport;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::fence::Fence;
use super::inspect::inspect_job;
use super::plan::NewJob;
use super::prices::Prices;
use super::record::{Added, Job};
use super::request::{JobRequest, properties};
use super::state::State;
use super::status::{date, is_open};
use super::store::Store;
use super::units::Units;
use crate::failure::{Failure, Finding, Result};
use crate::image::is_url;

/// The operation of a request that names none, as in a manifest.
const OPERATION: Operation = Operation::MultiImageToVideo;

/// The fields that no agent sets: `callback_url` would reveal every output to a server of the agent's choice, and the
/// external id is the record's.
const WITHHELD: [&str; 2] = ["callback_url", "external_task_id"];

/// The longest wait of a call, in seconds: by default, clients give up after a minute.
const LONGEST_WAIT: u64 = 50;
/// How often the record is read while a call waits.
const TICK: Duration = Duration::from_millis(200);
/// The most open jobs that are listed.
const LISTED: usize = 500;

/// A server of tools on a record.
pub struct Server {
    store: Arc<Store>,
    prices: Prices,
    fence: Fence,
    clock: Arc<dyn Clock>,
    batch: i64,
    budget: Option<Units>,
}

type Context = RequestContext<RoleServer>;

impl Server {
    /// A server on a record, within these folders and this budget, which holds for all that agents ever requested in this
    /// record. Without a budget nothing is submitted.
    ///
    /// # Errors
    /// `Invalid` if an open job of the record is not an agent's, or leads out of the folders: the worker beside the server
    /// would submit it, or write elsewhere. `Other` if the record cannot be read or written.
    pub fn open(
        store: Arc<Store>,
        prices: Prices,
        fence: Fence,
        clock: Arc<dyn Clock>,
        budget: Option<Units>,
    ) -> Result<Self> {
        let batch = store.agents_batch(budget.unwrap_or_default(), fence.out_dir())?;
        let server = Self { store, prices, fence, clock, batch, budget };
        for job in server.store.each(None) {
            let job = job?;
            if is_open(job.state) && !server.is_within(&job) {
                let message = format!("job {} is {}, and not an agent's within --read and --write", job.id, job.state);
                let hint = "give agents a record of their own by --record, or the folders of before";
                return Err(Failure::invalid(message).with_hint(hint));
            }
        }
        Ok(server)
    }

    /// Serves one client, until it leaves or `stop` is cancelled.
    ///
    /// # Errors
    /// `Other` if the client does not begin with the protocol.
    pub async fn serve<T, E, A>(self, transport: T, stop: CancellationToken) -> Result<()>
    where
        T: IntoTransport<RoleServer, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        match self.serve_with_ct(transport, stop).await {
            Ok(running) => _ = running.waiting().await,
            Err(ServerInitializeError::Cancelled) => {}
            Err(reason) => return Err(Failure::other("mcp", reason.to_string())),
        }
        Ok(())
    }

    /// Whether the worker may go on with a job.
    fn is_within(&self, job: &Job) -> bool {
        let reads = |image: &String| is_url(image) || self.fence.reads(&job.folder.join(image));
        job.batch == self.batch
            && self.fence.writes(&job.output)
            && job.job_request().is_ok_and(|request| request.media().iter().all(reads))
    }

    /// The request of these arguments with every check but that of its price, the hash of its work, and its remarks.
    async fn checked(&self, mut arguments: JsonObject) -> Result<(JobRequest, String, Vec<String>)> {
        /// In the place of an image that cannot be read, so that all else is checked as well.
        const STAND_IN: &str = "https://image.invalid/";
        let operation = arguments.remove("operation").map(|name| name.as_str().unwrap_or_default().into());
        let operation: Operation = operation.unwrap_or(OPERATION);
        let known: Vec<_> = fields(&operation).map(|(name, _)| name).collect();
        if known.is_empty() {
            return Err(Failure::invalid(format!("operation: expected one of {}", Operation::KNOWN.join(", "))));
        }
        if let Some(name) = arguments.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(Failure::invalid(format!("unknown field `{name}`, expected one of {}", known.join(", "))));
        }
        let request = JobRequest::new(operation, arguments, Path::new(""));
        let request = request.map_err(|reasons| Failure::invalid(reasons.join("; ")))?;
        let mut outside = Vec::new();
        let Ok(request) = request.with_media(|path, image| {
            let real = || self.fence.image(image)?.to_str().map(str::to_owned);
            let image = if is_url(image) { Some(image.to_owned()) } else { real() };
            Ok::<_, Infallible>(image.unwrap_or_else(|| {
                let limit = "an http or https URL, or a file within the folders of --read";
                outside.push(Finding::new(path, limit, "neither"));
                STAND_IN.to_owned()
            }))
        });
        in_background(move || {
            // The external id of the job is not checked here.
            match request.request("checked").map_err(Box::<Failure>::from) {
                Ok(built) if outside.is_empty() => {
                    let hash = request.hash().map_err(|reason| Failure::invalid(reason.to_string()))?;
                    Ok((request, hash, built.remarks().iter().map(ToString::to_string).collect()))
                }
                Err(failure) if outside.is_empty() => Err(failure),
                Ok(_) => Err(Failure::found(outside)),
                Err(failure) => Err(Failure::found(outside).and(*failure)),
            }
        })
        .await
    }

    async fn check(&self, arguments: JsonObject) -> Result<Value> {
        let (request, hash, remarks) = match self.checked(arguments).await {
            Err(failure) if !failure.violations.is_empty() => {
                return Ok(json!({"valid": false, "violations": failure.violations}));
            }
            checked => checked?,
        };
        let price = match self.prices.estimate(&request) {
            Some((units, source)) => json!({"units": units, "in_money": self.prices.in_money(units), "source": source}),
            None => json!({"missing": Prices::missing(&request)}),
        };
        let same = self.store.same(&hash)?.map(|job| view(&job));
        Ok(json!({"valid": true, "remarks": remarks, "price": price, "budget": self.budget()?, "known_job": same}))
    }

    async fn generate(&self, arguments: JsonObject) -> Result<Value> {
        let Generate { file, again, request } = parsed(arguments)?;
        let (request, request_hash, remarks) = self.checked(request).await?;
        let refuse = |message: String, hint: &str| {
            Err(Failure::invalid(message).with_hint(format!("whoever starts the server may {hint}")))
        };
        if self.budget.is_none() {
            return refuse("the server runs without a budget, so nothing is submitted".to_owned(), "set --budget");
        }
        let Some((estimate, _)) = self.prices.estimate(&request) else {
            return refuse(format!("no price fits; add {}", Prices::missing(&request)), Prices::ADD);
        };
        let known = if again { None } else { self.store.same(&request_hash)? };
        let added = match known {
            Some(job) => Added::Known(job),
            None => {
                let id = Uuid::now_v7().to_string();
                let output = self.fence.output(&file.unwrap_or_else(|| format!("{id}.mp4")))?;
                let new = NewJob {
                    line: 0,
                    name: None,
                    external_id: Some(id),
                    model: request.model(),
                    request: request.to_json(),
                    operation: request.operation,
                    request_hash,
                    output,
                    estimate,
                };
                self.store.add(self.batch, new, !again)?
            }
        };
        match added {
            Added::New(job) => Ok(json!({"added": true, "job": view(&job), "remarks": remarks})),
            Added::Known(job) => Ok(json!({"added": false, "job": view(&job), "remarks": remarks})),
            Added::TooDear(left) => {
                let message = format!("expected to cost {estimate} units, and {left} are left of the budget");
                refuse(message, "raise --budget")
            }
        }
    }

    async fn status(&self, arguments: JsonObject) -> Result<Value> {
        let Wait { job, wait_seconds } = parsed::<Wait<Option<i64>>>(arguments)?;
        if let Some(id) = job {
            return Ok(json!({"job": view(&self.settled(id, wait_seconds).await?)}));
        }
        let states = State::ALL.into_iter().filter(|state| is_open(*state));
        let open = states.flat_map(|state| self.store.each(Some(state))).map(|job| job.map(|job| view(&job)));
        let open = open.take(LISTED).collect::<Result<Vec<_>>>()?;
        Ok(json!({"budget": self.budget()?, "open": open}))
    }

    async fn download(&self, arguments: JsonObject) -> Result<Value> {
        let Wait { job, wait_seconds } = parsed(arguments)?;
        let job = self.settled(job, wait_seconds).await?;
        if job.state != State::Delivered {
            let note = job.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            let message = format!("job {} is {}, and not delivered{note}", job.id, job.state);
            return Err(Failure::invalid(message).with_hint(hint(job.state)));
        }
        let (store, shown, now) = (self.store.clone(), view(&job), self.clock.wall());
        match in_background(move || inspect_job(&store, &job, now)).await? {
            Some(defect) => Err(Failure::other("download", format!("the file {defect}"))),
            None => Ok(json!({"job": shown})),
        }
    }

    /// A job of an agent's, once nothing more happens to it by itself, or the time is over.
    async fn settled(&self, id: i64, wait_seconds: u64) -> Result<Job> {
        let until = self.clock.now() + Duration::from_secs(wait_seconds.min(LONGEST_WAIT));
        loop {
            let job = self.store.job(id)?.filter(|job| job.batch == self.batch && self.fence.writes(&job.output));
            let job = job.ok_or_else(|| Failure::invalid(format!("expected a job of this server, given {id}")))?;
            if !is_open(job.state) || job.state == State::Ambiguous || self.clock.now() >= until {
                return Ok(job);
            }
            self.clock.sleep(TICK.min(until.saturating_sub(self.clock.now()))).await;
        }
    }

    /// The budget of all that agents requested.
    fn budget(&self) -> Result<Value> {
        let counts = self.store.counts()?;
        let ours = counts.iter().filter(|count| count.batch == self.batch);
        let booked: Units = ours.clone().map(|count| count.booked).sum();
        let to_come: Units = ours.filter(|count| count.state == State::Intended).map(|count| count.estimate).sum();
        let left = |budget: Units| (budget.thousandths() - (booked + to_come).thousandths()).max(0);
        let left = self.budget.map(|budget| Units::from_thousandths(left(budget)));
        Ok(json!({"budget": self.budget, "booked": booked, "to_come": to_come, "left": left}))
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("kling", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Makes videos from a prompt, from images or from another video, by `operation`. `generate` adds a job; call \
                 `status` with `wait_seconds` until it is delivered, then `download`. An image is an http or https URL, or \
                 the path of a file that the server may read.",
            )
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: Context) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(&self, call: CallToolRequestParams, _: Context) -> Result<CallToolResponse, ErrorData> {
        let arguments = call.arguments.unwrap_or_default();
        let response = match call.name.as_ref() {
            "check" => self.check(arguments).await,
            "generate" => self.generate(arguments).await,
            "status" => self.status(arguments).await,
            "download" => self.download(arguments).await,
            _ => return Err(ErrorData::invalid_params("unknown tool", None)),
        };
        Ok(match response {
            Ok(value) => CallToolResult::structured(value),
            Err(failure) => {
                CallToolResult::structured_error(json!({"error": failure, "violations": failure.violations}))
            }
        }
        .into())
    }
}

// Not a doc comment, which would be in the schema: the arguments of `generate`.
#[derive(Deserialize, JsonSchema)]
#[schemars(title = "Request", deny_unknown_fields)]
struct Generate {
    /// Path of the video, below the server's folder and ending in .mp4. Default: a name from the job's id.
    file: Option<String>,
    /// Submit the same work again: it is charged again.
    #[serde(default)]
    again: bool,
    #[serde(flatten)]
    #[schemars(skip)]
    request: JsonObject,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wait<T> {
    /// Number of the job. Default for `status`: all open jobs.
    job: T,
    /// How long to wait for the end of the job.
    #[serde(default)]
    #[schemars(range(max = LONGEST_WAIT))]
    wait_seconds: u64,
}

fn parsed<T: DeserializeOwned>(arguments: JsonObject) -> Result<T> {
    serde_json::from_value(Value::Object(arguments)).map_err(|reason| Failure::invalid(reason.to_string()))
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|reason| Failure::other("check", reason.to_string()))?
}

/// A job as an agent sees it: without prompt, images and URLs.
fn view(job: &Job) -> Value {
    json!({
        "id": job.id,
        "state": job.state,
        "external_id": job.external_id,
        "task_id": job.task_id,
        "estimate": job.estimate,
        "booked": job.booked,
        "file": job.output.to_string_lossy(),
        "size": job.file_size,
        "sha256": job.file_sha256,
        "expires_at": job.expires_at.map(date),
        "note": job.note,
        "hint": hint(job.state),
    })
}

fn hint(state: State) -> &'static str {
    match state {
        State::Ambiguous => "a task may exist and be charged, and is looked up; `again` may be a double charge",
        State::Failed | State::Dropped => "no charge is known; fix what the note says, then call generate again",
        State::Delivered => "download returns its file; `again` is charged again",
        _ => "the server goes on with it; call status with wait_seconds, then download",
    }
}

fn tools() -> Vec<Tool> {
    let check = "Check a request against every limit, images included, and tell its price, what is left of the budget, and \
                 a job for the same work. Submits nothing and is free.";
    let generate = "Add a job for a video, which costs units, and return its ids at once; the video takes minutes. Work that \
                    has a job is not submitted a second time.";
    let status = "Show a job, or all open jobs and the budget. May wait for the end of the job.";
    let download = "Return path, size and SHA-256 of a job's video on this machine, once it is there and whole. May wait for \
                    it.";
    let hints = |reads| ToolAnnotations::new().read_only(reads).destructive(false);
    vec![
        Tool::new("check", check, request_schema(false)).with_annotations(hints(true).open_world(false)),
        Tool::new("generate", generate, request_schema(true)).with_annotations(hints(false).open_world(true)),
        Tool::new("status", status, schema::<Wait<Option<i64>>>()).with_annotations(hints(true).open_world(false)),
        Tool::new("download", download, schema::<Wait<i64>>()).with_annotations(hints(false).idempotent(true)),
    ]
}

fn schema<T: JsonSchema>() -> JsonObject {
    serde_json::from_value(schema_for!(T).to_value()).unwrap_or_default()
}

/// The fields of an operation that an agent may set.
fn fields(operation: &Operation) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let known = properties(operation).as_object().into_iter().flatten();
    known.map(|(name, field)| (name.as_str(), field)).filter(|(name, _)| !WITHHELD.contains(name))
}

/// The schema of a request of any operation, with the other arguments of `generate` or without. Each field has the forms that
/// it has in the operations; what else an operation requires is reported by a check.
fn request_schema(with_own: bool) -> JsonObject {
    let mut schema = schema::<Generate>();
    let Some(known) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return schema };
    known.retain(|_, _| with_own);
    let (mut about, mut forms) = (Vec::new(), BTreeMap::<_, Vec<(JsonObject, String)>>::new());
    for operation in Operation::all() {
        let description = operation.json_schema().and_then(|schema| schema["description"].as_str());
        about.extend(description.map(|text| format!("{operation}: {text}")));
        for (name, field) in fields(&operation) {
            let mut form = field.as_object().cloned().unwrap_or_default();
            form.retain(|word, _| !["x-option", "x-group"].contains(&word.as_str()));
            let forms = forms.entry(name).or_default();
            match forms.iter_mut().find(|(known, _)| *known == form) {
                Some((_, title)) => *title += &format!(", {operation}"),
                None => forms.push((form, operation.to_string())),
            }
        }
    }
    let about =
        json!({"type": "string", "enum": Operation::KNOWN, "default": OPERATION, "description": about.join(" ")});
    known.insert("operation".to_owned(), about);
    for (name, forms) in forms {
        let titled = |(mut form, title): (JsonObject, String)| {
            form.insert("title".to_owned(), title.into());
            form
        };
        known.insert(name.to_owned(), json!({"anyOf": forms.into_iter().map(titled).collect::<Vec<_>>()}));
    }
    schema
}
