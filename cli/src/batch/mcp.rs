//! A server of tools for agents, by the Model Context Protocol: check, estimate, generate, status, download.
//!
//! What an agent orders is a job of the record, as a line of a manifest is one: its budget, its id and what was paid survive
//! the server, and a [`Worker`](crate::Worker) beside it does the work. An agent may be talked into anything by what it
//! reads, so what it can reach is said at the start: the directories, the budget; and no URL is told of what it orders.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kling_client::{Clock, Operation};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::transport::IntoTransport;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::fence::Fence;
use crate::inspect::look;
use crate::prices::{ADD, Prices, Source};
use crate::record::{Job, NewJob, Ordered};
use crate::request::{JobRequest, is_url, properties};
use crate::state::State;
use crate::status::Attention;
use crate::store::Store;
use crate::units::Units;

/// The operation of a request that names none, as in a manifest.
const OPERATION: Operation = Operation::MultiImageToVideo;

/// The batch of all that agents order. Its space keeps it apart from a manifest's usual name.
const BATCH: &str = "kling mcp";

/// The fields of a request that no agent may set: `callback_url` would tell an address of the agent's choice of every video,
/// and so lead out of the directories; the id is the record's to give.
const KEPT: [&str; 2] = ["callback_url", "external_task_id"];

/// The longest wait of one call, in seconds: clients give up after a minute, if not told otherwise.
const LONGEST_WAIT: u64 = 50;

/// How often the record is looked at while a call waits.
const TICK: Duration = Duration::from_millis(200);

/// So many jobs of each state are listed, and read in one query.
const PAGE: i64 = 100;

/// The states in which a job is not done.
const OPEN: [State; 5] = [State::Intended, State::Sending, State::Accepted, State::Finished, State::Ambiguous];

/// The tools on a record.
pub struct Server {
    store: Store,
    prices: Prices,
    fence: Fence,
    clock: Arc<dyn Clock>,
    batch: i64,
    budget: Option<Units>,
}

impl Server {
    /// The tools on a record, within these directories and this budget, which holds for all that agents ever ordered on
    /// this record. Without a budget nothing is sent.
    ///
    /// # Errors
    /// `Invalid` if a job of the record is not done and is not an agent's, or leads out of the directories: the worker
    /// beside the server would pay for it, or write elsewhere. Those of the database.
    pub async fn open(
        store: Store,
        prices: Prices,
        fence: Fence,
        clock: Arc<dyn Clock>,
        budget: Option<Units>,
    ) -> Result<Self> {
        let batch = store.batch_named(BATCH, budget.unwrap_or_default()).await?;
        let server = Self { store, prices, fence, clock, batch, budget };
        for state in OPEN {
            let mut behind = 0;
            loop {
                let page = server.store.in_state(state, behind, PAGE).await?;
                let Some(last) = page.last() else { break };
                behind = last.id;
                if let Some(job) = page.iter().find(|job| !server.is_within(job)) {
                    let message = format!(
                        "job {} of the record is {state}, and not an agent's within {}",
                        job.id, "--read and --write"
                    );
                    return Err(Error::invalid("mcp", message)
                        .with_hint("give agents a record of their own by --database, or the directories as before"));
                }
            }
        }
        Ok(server)
    }

    /// Serves one client, until it goes away or the token is cancelled.
    ///
    /// # Errors
    /// `Other` if the client does not begin as the protocol says.
    pub async fn serve<T, E, A>(self, transport: T, stop: CancellationToken) -> Result<()>
    where
        T: IntoTransport<RoleServer, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let begun = tokio::select! {
            begun = ServiceExt::serve(self, transport) => begun,
            () = stop.cancelled() => return Ok(()),
        };
        let running = begun.map_err(|reason| Error::other("mcp", reason))?;
        let end = running.cancellation_token();
        let mut waiting = std::pin::pin!(running.waiting());
        tokio::select! {
            _ = &mut waiting => {}
            () = stop.cancelled() => {
                end.cancel();
                _ = waiting.await;
            }
        }
        Ok(())
    }

    /// Whether the worker may go on with a job.
    fn is_within(&self, job: &Job) -> bool {
        let reads = |image: &String| is_url(image) || self.fence.reads(Path::new(image));
        let request = JobRequest::read(&job.operation, &job.request);
        job.batch == self.batch
            && self.fence.writes(Path::new(&job.output))
            && request.is_ok_and(|request| request.media().iter().all(reads))
    }

    /// The request of these arguments, with every check but that of money; and the hash of its work.
    async fn request(&self, mut arguments: JsonObject) -> Result<(JobRequest, String), Refusal> {
        /// In the place of an image that is none, so that all the rest is checked as well.
        const STAND_IN: &str = "https://image.invalid/";
        let operation = match arguments.remove("operation") {
            None => OPERATION,
            Some(Value::String(name)) if Operation::KNOWN.contains(&name.as_str()) => name.into(),
            Some(_) => {
                let known = Operation::KNOWN.join(", ");
                return Err(Error::invalid("arguments", format!("operation: expected one of {known}")).into());
            }
        };
        let known: Vec<_> = fields(&operation).map(|(name, _)| name).collect();
        if let Some(name) = arguments.keys().find(|name| !known.contains(&name.as_str())) {
            let message = format!("unknown field `{name}`, expected one of {}", known.join(", "));
            return Err(Error::invalid("arguments", message).into());
        }
        let request = JobRequest::new(operation, arguments);
        let request = request.map_err(|reasons| Error::invalid("arguments", reasons.join("; ")))?;
        let mut wrong = Vec::new();
        let Ok(request) = request.with_media(|path, image| {
            if is_url(image) {
                return Ok::<_, Infallible>(image.to_owned());
            }
            let found = self.fence.picture(image).and_then(|path| path.to_str().map(str::to_owned));
            Ok(found.unwrap_or_else(|| {
                wrong.push(Wrong {
                    path: path.to_owned(),
                    expected: "an http or https URL, or a file within the directories given by --read".to_owned(),
                    given: format!("{} characters that name neither", image.chars().count()),
                });
                STAND_IN.to_owned()
            }))
        });
        // Pictures are read.
        let checked = tokio::task::spawn_blocking(move || {
            // The id is not part of what is checked here.
            if let Err(error) = request.request("checked") {
                let limits = error.violations().iter().map(|violation| Wrong {
                    path: violation.path.clone(),
                    expected: violation.limit.clone(),
                    given: violation.given.clone(),
                });
                wrong.extend(limits);
                if wrong.is_empty() {
                    return Err(Error::from(error).into());
                }
            }
            if !wrong.is_empty() {
                wrong.sort_by(|a, b| a.path.cmp(&b.path));
                return Err(Refusal { wrong, ..Refusal::from(Error::invalid("check", "the request is not valid")) });
            }
            let hash = request.hash().map_err(|reason| Error::invalid("check", reason.to_string()))?;
            Ok((request, hash))
        });
        checked.await.map_err(|reason| Error::other("check", reason))?
    }

    fn estimate(&self, request: &JobRequest) -> Result<(Units, &Source), Refusal> {
        let none = || {
            let message = format!("the table of prices has none that fits; add {}", Prices::missing(request));
            Error::invalid("estimate", message).with_hint(format!("whoever starts the server may {ADD}"))
        };
        Ok(self.prices.estimate(request).ok_or_else(none)?)
    }

    async fn check(&self, arguments: JsonObject) -> Result<Value, Refusal> {
        match self.request(arguments).await {
            Ok((_, hash)) => {
                let same = self.store.same(&[&hash]).await?.remove(&hash).map(|job| View::of(&job));
                Ok(json!({"valid": true, "asked_for_before": same}))
            }
            Err(refusal) if !refusal.wrong.is_empty() => Ok(json!({"valid": false, "violations": refusal.wrong})),
            Err(refusal) => Err(refusal),
        }
    }

    async fn price(&self, arguments: JsonObject) -> Result<Value, Refusal> {
        let (request, _) = self.request(arguments).await?;
        let (units, source) = self.estimate(&request)?;
        Ok(json!({
            "units": units,
            "in_money": self.prices.in_money(units),
            "price": source,
            "account": self.account().await?,
        }))
    }

    async fn generate(&self, mut arguments: JsonObject) -> Result<Value, Refusal> {
        let own = ["file", "again"].into_iter().filter_map(|name| arguments.remove_entry(name)).collect();
        let Own { file, again } = parsed(own)?;
        let (request, request_hash) = self.request(arguments).await?;
        if self.budget.is_none() {
            let refused = Error::invalid("generate", "the server was started without a budget, so nothing is bought");
            return Err(refused.with_hint("whoever starts it sets one: kling mcp --budget UNITS").into());
        }
        let (estimate, _) = self.estimate(&request)?;
        let same = if again { None } else { self.store.same(&[&request_hash]).await?.remove(&request_hash) };
        let ordered = match same {
            Some(job) => Ordered::Known(job),
            None => {
                let id = Uuid::now_v7().to_string();
                let file = file.unwrap_or_else(|| format!("{id}.mp4"));
                let output = self.fence.video(&file).map_err(|expected| {
                    let given = file.chars().take(100).collect();
                    let wrong = vec![Wrong { path: "file".to_owned(), expected, given }];
                    Refusal { wrong, ..Refusal::from(Error::invalid("generate", "the file cannot be written")) }
                })?;
                let output =
                    output.to_str().ok_or_else(|| Error::invalid("generate", "--write is not UTF-8"))?.to_owned();
                let new = NewJob {
                    line: 0,
                    name: None,
                    external_id: Some(id),
                    operation: request.operation.clone(),
                    request: request.to_json(),
                    request_hash,
                    output,
                    estimate,
                };
                self.store.order(self.batch, new, !again).await?
            }
        };
        match ordered {
            Ordered::New(job) => Ok(json!({
                "ordered": true,
                "job": View::of(&job),
                "next": "it is sent, waited for and fetched by itself; ask for its status, then download it",
            })),
            Ordered::Known(job) => Ok(json!({
                "ordered": false,
                "already_paid": !matches!(job.state, State::Intended | State::Sending | State::Ambiguous),
                "job": View::of(&job),
                "next": "the same work was asked for before and nothing new is bought; with `again` it is paid again",
            })),
            Ordered::TooDear(left) => {
                let left = left.max(Units::default());
                let message = format!("it would cost about {estimate} units, and {left} are left of the budget");
                let hint = "whoever starts the server may raise it: kling mcp --budget UNITS";
                Err(Error::invalid("generate", message).with_hint(hint).into())
            }
        }
    }

    async fn status(&self, arguments: JsonObject) -> Result<Value, Refusal> {
        let Asking { job, wait_seconds } = parsed(arguments)?;
        if let Some(id) = job {
            return Ok(json!({"job": View::of(&self.settled(id, wait_seconds).await?)}));
        }
        let mut jobs = Vec::new();
        for state in OPEN {
            jobs.extend(
                self.store.in_state(state, 0, PAGE).await?.iter().filter(|job| self.is_ours(job)).map(View::of),
            );
        }
        Ok(json!({"account": self.account().await?, "not_done": jobs}))
    }

    async fn download(&self, arguments: JsonObject) -> Result<Value, Refusal> {
        let Fetching { job, wait_seconds } = parsed(arguments)?;
        let job = self.settled(job, wait_seconds).await?;
        if job.state != State::Delivered {
            let view = View::of(&job);
            let hint = view.to_do.clone().unwrap_or_else(|| "ask again later, with wait_seconds".to_owned());
            let error = Error::invalid("download", format!("job {} is not here: it is {}", job.id, job.state));
            return Err(Refusal { job: Some(Box::new(view)), ..error.with_hint(hint).into() });
        }
        if let Some(found) = look(&self.store, &job, SystemTime::now()).await? {
            return Err(Error::other("download", format!("the file {}", found.told)).into());
        }
        Ok(json!({"job": View::of(&job)}))
    }

    /// A job of an agent's, once nothing more happens to it by itself, or the time is over.
    async fn settled(&self, id: i64, wait_seconds: u64) -> Result<Job, Refusal> {
        let until = self.clock.now() + Duration::from_secs(wait_seconds.min(LONGEST_WAIT));
        loop {
            let job = self.store.job(id).await?.filter(|job| self.is_ours(job));
            let job = job.ok_or_else(|| {
                Error::invalid("status", format!("expected the number of a job ordered here, given {id}"))
            })?;
            let is_settled = matches!(job.state, State::Delivered | State::Failed | State::Dropped | State::Ambiguous);
            if is_settled || self.clock.now() >= until {
                return Ok(job);
            }
            self.clock.sleep(TICK.min(until.saturating_sub(self.clock.now()))).await;
        }
    }

    fn is_ours(&self, job: &Job) -> bool {
        job.batch == self.batch && self.fence.writes(Path::new(&job.output))
    }

    /// What the agents have spent.
    async fn account(&self) -> Result<Account> {
        let counts = self.store.counts().await?;
        let ours = counts.iter().filter(|count| count.batch == self.batch);
        let booked: Units = ours.clone().map(|count| count.booked).sum();
        let to_come: Units = ours.filter(|count| count.state == State::Intended).map(|count| count.estimate).sum();
        let left = |budget: Units| {
            let left = budget.thousandths() - booked.thousandths() - to_come.thousandths();
            Units::from_thousandths(left.max(0))
        };
        Ok(Account { budget: self.budget, booked, to_come, left: self.budget.map(left) })
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("kling", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Makes videos from a prompt, from images or from another video, by `operation`. `generate` costs units of an account and gives a job at \
                 once; the video takes minutes. Ask `status` with `wait_seconds` until it is delivered, then `download` \
                 names the file. Check and estimate are free. Images are http or https URLs, or paths of files that the \
                 server may read.",
            )
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = call.arguments.unwrap_or_default();
        let answer = match call.name.as_ref() {
            "check" => self.check(arguments).await,
            "estimate" => self.price(arguments).await,
            "generate" => self.generate(arguments).await,
            "status" => self.status(arguments).await,
            "download" => self.download(arguments).await,
            _ => return Err(ErrorData::invalid_params("there is no such tool", None)),
        };
        Ok(match answer {
            Ok(value) => CallToolResult::structured(value),
            Err(refusal) => CallToolResult::structured_error(json!({"error": refusal})),
        }
        .into())
    }
}

/// What only `generate` takes.
#[derive(Deserialize)]
struct Own {
    file: Option<String>,
    #[serde(default)]
    again: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    job: Option<i64>,
    #[serde(default)]
    wait_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fetching {
    job: i64,
    #[serde(default)]
    wait_seconds: u64,
}

/// A job as an agent sees it: no prompt, no picture, no address.
#[derive(Serialize)]
struct View {
    id: i64,
    state: State,
    external_id: String,
    task_id: Option<String>,
    estimate: Units,
    booked: Units,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vanishes_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_do: Option<String>,
}

impl View {
    fn of(job: &Job) -> Self {
        let date = |millis: i64| Some(UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).ok()?));
        let is_here = job.state == State::Delivered;
        Self {
            id: job.id,
            state: job.state,
            external_id: job.external_id.clone(),
            task_id: job.task_id.clone(),
            estimate: job.estimate,
            booked: job.booked,
            file: job.output.clone(),
            size: job.file_size.filter(|_| is_here),
            sha256: job.file_sha256.clone().filter(|_| is_here),
            vanishes_at: job.expires_at.and_then(date).map(|at| humantime::format_rfc3339_seconds(at).to_string()),
            note: job.note.clone(),
            to_do: Attention::of(job.clone()).map(|attention| attention.hint),
        }
    }
}

/// The money of all that agents ordered.
#[derive(Serialize)]
struct Account {
    budget: Option<Units>,
    booked: Units,
    to_come: Units,
    left: Option<Units>,
}

/// Why a tool did not do it.
#[derive(Serialize)]
struct Refusal {
    kind: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(rename = "violations", skip_serializing_if = "Vec::is_empty")]
    wrong: Vec<Wrong>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Box<View>>,
}

#[derive(Serialize)]
struct Wrong {
    path: String,
    expected: String,
    given: String,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind().to_string(),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
            wrong: Vec::new(),
            job: None,
        }
    }
}

fn parsed<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Refusal> {
    let parsed = serde_json::from_value(Value::Object(arguments));
    Ok(parsed.map_err(|reason| Error::invalid("arguments", reason.to_string()))?)
}

/// The tools, whose words for a request and its limits are those of the client.
fn tools() -> Vec<Tool> {
    let wait = json!({
        "type": "integer", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0,
        "description": "How long to wait for the job's end before answering.",
    });
    let job = json!({"type": "integer", "description": "The job's number, as generate gave it."});
    let again = json!({
        "type": "boolean", "default": false,
        "description": "Buy the same work again: it is paid again.",
    });
    let file = json!({
        "type": "string",
        "description": "Where the video goes: a path below the server's directory for videos that ends in .mp4. Left out, \
                        a name is made up.",
    });
    let look = || ToolAnnotations::new().read_only(true).open_world(false);
    let request = "Checks a request against every limit, pictures included. Sends nothing and is free.";
    let price = "Tells what a request is expected to cost in units, and what is left of the budget. Sends nothing and is \
                 free.";
    let buy = "Orders a video, which costs units, and answers at once with the job's ids; the video takes minutes. Work \
               that was asked for before is not bought a second time.";
    let stand =
        "Tells where a job stands; without a job, all that are not done and what is spent. May wait for its end.";
    let fetch = "Gives the path, size and SHA-256 of a job's video on this machine, once it is there and whole. May wait \
                 for it.";
    vec![
        Tool::new("check", request, request_schema([])).with_annotations(look()),
        Tool::new("estimate", price, request_schema([])).with_annotations(look()),
        Tool::new("generate", buy, request_schema([("file", file), ("again", again)]))
            .with_annotations(ToolAnnotations::new().read_only(false).destructive(false).open_world(true)),
        Tool::new("status", stand, schema([("job", job.clone()), ("wait_seconds", wait.clone())], &[]))
            .with_annotations(look()),
        Tool::new("download", fetch, schema([("job", job), ("wait_seconds", wait)], &["job"]))
            .with_annotations(ToolAnnotations::new().read_only(false).destructive(false).idempotent(true)),
    ]
}

/// The fields of an operation that an agent may set.
fn fields(operation: &Operation) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let known = properties(operation).as_object().into_iter().flatten();
    known.map(|(name, field)| (name.as_str(), field)).filter(|(name, _)| !KEPT.contains(name))
}

/// The schema of a request of any operation, with these properties beside. A field says of which operations it is; what it
/// takes in each, and what else an operation requires, is reported by a check.
fn request_schema<const N: usize>(more: [(&str, Value); N]) -> JsonObject {
    let operation = json!({
        "type": "string", "enum": Operation::KNOWN, "default": OPERATION,
        "description": Operation::all().filter_map(|operation| {
            let about = operation.json_schema()?["description"].as_str()?;
            Some(format!("{operation}: {}", about.strip_prefix("Request for ").unwrap_or(about)))
        }).collect::<Vec<_>>().join(" "),
    });
    let mut parts = vec![("operation", operation)];
    for (name, _) in Operation::all().flat_map(|operation| fields(&operation).collect::<Vec<_>>()) {
        if parts.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let has = |operation: &Operation| fields(operation).find(|(other, _)| *other == name).map(|(_, field)| field);
        let of: Vec<_> = Operation::all().filter_map(|operation| Some((has(&operation)?, operation))).collect();
        let about = of
            .iter()
            .map(|(field, operation)| format!("{operation}: {}", field["description"].as_str().unwrap_or_default()));
        let about = about.collect::<Vec<_>>().join(" ");
        // Each form once, without what is said above it.
        let mut forms: Vec<Value> = Vec::new();
        for mut form in of.iter().map(|(field, _)| (*field).clone()) {
            if let Some(form) = form.as_object_mut() {
                form.retain(|word, _| !["description", "default", "x-option", "x-group"].contains(&word.as_str()));
            }
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        let part = match forms.pop() {
            Some(Value::Object(mut only)) if forms.is_empty() => {
                only.insert("description".to_owned(), about.into());
                Value::Object(only)
            }
            last => json!({"anyOf": forms.into_iter().chain(last).collect::<Vec<_>>(), "description": about}),
        };
        parts.push((name, part));
    }
    parts.extend(more);
    schema(parts, &[])
}

fn schema<'a>(parts: impl IntoIterator<Item = (&'a str, Value)>, required: &[&str]) -> JsonObject {
    let properties: JsonObject = parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect();
    [
        ("type", json!("object")),
        ("properties", Value::Object(properties)),
        ("required", json!(required)),
        ("additionalProperties", json!(false)),
    ]
    .map(|(name, part)| (name.to_owned(), part))
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_have_every_field_of_every_operation_but_those_that_lead_out() {
        for name in ["check", "estimate", "generate"] {
            let tool = tools().into_iter().find(|tool| tool.name == name).unwrap();
            let schema = Value::Object(tool.input_schema.as_ref().clone());
            assert_eq!(schema["properties"]["operation"]["enum"], json!(Operation::KNOWN));
            for operation in Operation::all() {
                for (field, client) in properties(&operation).as_object().unwrap() {
                    let part = &schema["properties"][field];
                    assert_eq!(part.is_null(), KEPT.contains(&field.as_str()), "{name} {operation} {field}");
                    let forms: Vec<_> = part["anyOf"].as_array().into_iter().flatten().chain([part]).collect();
                    for limit in ["type", "maxLength", "minItems", "maxItems", "minimum", "maximum", "items"] {
                        let found = forms.iter().any(|form| form[limit] == client[limit]);
                        assert!(part.is_null() || found, "{name} {operation} {field} {limit}");
                    }
                }
            }
            assert_eq!(schema["additionalProperties"], json!(false), "{name}");
        }
    }

    #[test]
    fn every_word_of_the_schemas_is_understood() {
        for tool in tools() {
            let given = |part: &Value| match part["type"].as_str() {
                Some("integer") => json!(1),
                Some("boolean") => json!(true),
                Some("array") => json!([{"image": "x"}]),
                _ => json!("x"),
            };
            let parts = tool.input_schema["properties"].as_object().unwrap();
            let mut all: JsonObject = parts.iter().map(|(name, part)| (name.clone(), given(part))).collect();
            let own = ["file", "again"].into_iter().filter_map(|name| all.remove_entry(name)).collect();
            assert!(parsed::<Own>(own).is_ok());
            let understood = match tool.name.as_ref() {
                "status" => parsed::<Asking>(all).is_ok(),
                "download" => parsed::<Fetching>(all).is_ok(),
                _ => all.keys().all(|name| {
                    name == "operation" || Operation::all().any(|of| fields(&of).any(|(known, _)| known == name))
                }),
            };
            assert!(understood, "{}", tool.name);
        }
    }
}
