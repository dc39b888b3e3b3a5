//! The client of one gateway: what all calls share, and the calls that cost nothing.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;
use http::header::{AUTHORIZATION, DATE};
use tracing::field::Empty;
use url::Url;

use crate::address::{Reach, base_text, fits_path};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Reason, Result, Violation};
use crate::operations::Operation;
use crate::policy::PollPolicy;
use crate::rate::PollRate;
use crate::response::reason::{Step, classify};
use crate::response::redact::shown;
use crate::response::{Envelope, Json, Reading, TaskInfo, Wanted, documents, tasks};
use crate::retry::RetryPolicy;
use crate::row::{Get, Page, Row};
use crate::running::Running;
use crate::span::{record, step_span, within};
use crate::transport::auth::{Auth, Credentials};
use crate::transport::body::{Segment, Sent};
use crate::transport::{self, Exchange, Limits, NO_TOTAL_LIMIT, Outcome, Received, generated};

/// Client of one gateway, with one key.
///
/// Cloning is cheap, and clones share their connections and limits.
///
/// ```no_run
/// use kling_client::Client;
///
/// let from_environment = Client::from_env()?;
/// let elsewhere = Client::builder("my-key").base_url("https://gateway.example.com").build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) auth: Auth,
    pub(crate) running: Running,
}

/// What clients of the same gateway share, whatever their keys.
pub(crate) struct Shared {
    pub(crate) base_url: Url,
    /// Replaces the prefix of the document's paths.
    pub(crate) prefix: Arc<str>,
    pub(crate) reach: Reach,
    pub(crate) http: reqwest::Client,
    pub(crate) download: reqwest::Client,
    pub(crate) download_limit: u64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) post: Limits,
    pub(crate) get: Limits,
    pub(crate) retry: RetryPolicy,
    pub(crate) look_up_at: Vec<Duration>,
    pub(crate) expected: Option<Duration>,
    pub(crate) polling: Arc<dyn PollPolicy>,
    pub(crate) poll_rate: PollRate,
    pub(crate) max_running: Option<usize>,
    /// Whether the gateway knew a task at the other path of its query alone.
    pub(crate) is_elsewhere: AtomicBool,
}

/// Which task a query is about.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) row: &'static Row,
    pub(crate) id: &'a str,
    pub(crate) external: Option<&'a str>,
    /// The texts of its request that nobody else should see.
    pub(crate) secrets: &'a [String],
}

impl Client {
    /// The base URL, without the path of any operation.
    pub fn base_url(&self) -> &str {
        base_text(&self.shared.base_url)
    }

    /// A client with another key, or other [`Credentials`], for services with a key for each user. Shares the connections
    /// and settings of this one; [`max_running`](crate::ClientBuilder::max_running) counts anew.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a key that no header can hold.
    pub fn with_key(&self, key: impl Into<Credentials>) -> Result<Self> {
        let auth = Auth::new(&key.into()).map_err(|found| Error::invalid("client", vec![found]))?;
        let running = Running::new(self.shared.max_running);
        Ok(Self { shared: Arc::clone(&self.shared), auth, running })
    }

    /// The tasks of an operation, newest first, page by page; see [`Pager`].
    pub fn list(&self, operation: Operation) -> Pager {
        Pager { client: self.clone(), operation, next: Some(1), first: None, size: 30 }
    }

    /// The raw client that progenitor generates from the document, with this client's key, limits and connections.
    ///
    /// Outside semver. Responses are returned as they come.
    #[cfg(feature = "raw")]
    pub fn raw(&self) -> generated::Client {
        self.generated(true, self.auth.clone(), self.shared.post)
    }

    pub(crate) async fn list_page(&self, row: &'static Row, page: Page) -> Result<Vec<TaskInfo>> {
        let span = step_span!(INFO "kling.list", row.name, "list", page = page.number);
        within(span, self.clock(), async {
            let outcome = self.send(self.shared.get, None, |raw| (row.list)(raw, page)).await;
            self.read(Step::List, row, outcome, Wanted::Any, &[], |reading, document, _| {
                tasks(document, reading).filter(|_| reading.clean)
            })
        })
        .await
    }

    /// One response about one task, within a time limit.
    pub(crate) async fn get(&self, target: Target<'_>, limit: Duration) -> Result<TaskInfo> {
        let id = target.id;
        let span = step_span!(DEBUG "kling.poll", target.row.name, "get", task_id = id, status = Empty);
        // Pinned here, so that two and a half kilobytes of state are not moved from frame to frame for each poll.
        let polled = pin!(async {
            let info = self.query(target, limit).await.map_err(|error| error.with_ids(Some(id), target.external))?;
            record(&span, "status", &info.status);
            Ok(info)
        });
        within(span.clone(), self.clock(), polled).await
    }

    /// The query of a task; where the row has two, at the other path if the first knows of no such task.
    async fn query(&self, target: Target<'_>, limit: Duration) -> Result<TaskInfo> {
        let own = target.row.get;
        // The other path is tried with ids that the gateway gave.
        let Some(elsewhere) = target.row.get_elsewhere.filter(|_| target.external != Some(target.id)) else {
            return self.query_by(own, target, limit).await;
        };
        let is_elsewhere = self.shared.is_elsewhere.load(Ordering::Relaxed);
        let [first, second] = if is_elsewhere { [elsewhere, own] } else { [own, elsewhere] };
        match self.query_by(first, target, limit).await {
            Err(error) if error.is_not_known() => {
                let queried = self.query_by(second, target, limit).await.map_err(|_| error)?;
                self.shared.is_elsewhere.store(!is_elsewhere, Ordering::Relaxed);
                Ok(queried)
            }
            queried => queried,
        }
    }

    async fn query_by(&self, get: Get, target: Target<'_>, limit: Duration) -> Result<TaskInfo> {
        let Target { row, id, external, secrets } = target;
        let ids: Vec<_> = [Some(id), external].into_iter().flatten().collect();
        // A server may have given an id that no path can hold.
        let in_path = ids.iter().find(|id| fits_path(id)).ok_or_else(|| {
            Error::new(ErrorKind::Other, "get", "the gateway gave the task an id that no URL can hold")
                .with_hint("ask the gateway for the task; its outputs cannot be fetched by its id")
        })?;
        let limits = Limits { response: self.shared.get.response.min(limit), ..self.shared.get };
        let outcome = self.send(limits, None, |raw| get(raw, in_path)).await;
        let mut other = None;
        let read = self.read(Step::Get, row, outcome, Wanted::Known(&ids), secrets, |reading, document, text| {
            reading.task(document, text).or_else(|| {
                let any = Reading { wanted: Wanted::Any, ..reading };
                let info = any.task(document, text).filter(|_| reading.clean);
                other = info.map(|info| info.task_id).or(other.take());
                None
            })
        });
        read.map_err(|error| match other {
            Some(other) => {
                let own = self.auth.secrets();
                let other = shown(&other, &own.iter().map(String::as_str).collect::<Vec<_>>());
                error.with_message(format!("the response describes another task, {other}"))
            }
            None => error,
        })
    }

    /// One exchange: sends the request that the generated client writes, with another body. If its token is refused
    /// as expired or not yet valid, which makes no task, there is one more exchange with a new token.
    pub(crate) async fn send(
        &self,
        limits: Limits,
        body: Option<(Vec<Segment>, Arc<Sent>)>,
        write: impl Fn(&generated::Client),
    ) -> Outcome {
        let exchange = async |body| {
            let header = self.auth.header(self.clock());
            let client = self.generated(false, Auth::Fixed(header.clone()), limits);
            write(&client);
            (transport::send(&client, body).await, header)
        };
        let (outcome, used) = exchange(body.clone()).await;
        match &outcome.result {
            Ok(received)
                if refuses_token(received) && self.auth.renew(&used, received.headers.get(DATE), self.clock()) =>
            {
                exchange(body).await.0
            }
            _ => outcome,
        }
    }

    fn generated(&self, raw: bool, auth: Auth, limits: Limits) -> generated::Client {
        let Shared { prefix, http, clock, .. } = &*self.shared;
        let exchange = Exchange::new(raw, auth, Arc::clone(prefix), limits, Arc::clone(clock));
        generated::Client::new_with_client(self.base_url(), http.clone(), exchange)
    }

    /// Reads the expected content out of an outcome, or classifies it as an error. The `secrets`, and the key, are redacted
    /// in what a server repeats.
    pub(crate) fn read<T>(
        &self,
        step: Step,
        row: &'static Row,
        outcome: Outcome,
        wanted: Wanted,
        secrets: &[String],
        mut take: impl FnMut(Reading, &Json, &[u8]) -> Option<T>,
    ) -> Result<T> {
        if let Ok(received) = &outcome.result {
            let date = received.headers.get(DATE);
            for (document, text) in documents(&received.body) {
                let clean = received.status.is_success() && !Envelope::refuses(&document);
                let reading = Reading { wanted, kind: row.output, base: Some(&self.shared.base_url), date, clean };
                if let Some(taken) = take(reading, &document, text) {
                    return Ok(taken);
                }
            }
        }
        let own = self.auth.secrets();
        let secrets: Vec<_> = secrets.iter().chain(&own).map(String::as_str).collect();
        let error = classify(step, outcome, self.clock().wall(), self.base_url(), &secrets).with_operation(row.name);
        let served = if error.reason() == Reason::ModelRetired { (row.served)() } else { Vec::new() };
        match error.hint().filter(|_| !served.is_empty()).map(str::to_owned) {
            Some(hint) => Err(error.with_hint(format!("{hint}; known to be served: {}", served.join(", ")))),
            None => Err(error),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// A `GET` with the API key of a URL that is the gateway's own. The caller checks that it is.
    pub(crate) fn get_with_key(&self, url: Url) -> reqwest::RequestBuilder {
        self.shared.http.get(url).header(AUTHORIZATION, self.auth.header(self.clock())).timeout(NO_TOTAL_LIMIT)
    }
}

debug_fields!(Client, |client| base_url: client.base_url());

/// Whether a response refuses a token as expired or not yet valid, by Kling's own code and HTTP status.
fn refuses_token(received: &Received) -> bool {
    let code = || Envelope::read(&received.body).number();
    received.status == StatusCode::UNAUTHORIZED && matches!(code(), Some(1003 | 1004))
}

/// The tasks of one operation, newest first, page by page.
///
/// Kling's reference documents the list, the vendor's page does not: a gateway may lack it and respond 404.
///
/// ```no_run
/// # async fn run(client: kling_client::Client) -> kling_client::Result<()> {
/// let mut pages = client.list(kling_client::Operation::TextToVideo).page_size(100);
/// while let Some(tasks) = pages.next_page().await? {
///     tasks.iter().for_each(|task| println!("{} {}", task.task_id, task.status));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a pager does nothing until a page is requested"]
pub struct Pager {
    client: Client,
    operation: Operation,
    /// None after the last page.
    next: Option<u16>,
    /// The first task of the page before.
    first: Option<String>,
    size: u16,
}

setters! { Pager {
    /// The first page to be requested, 1–1000. Default: 1.
    pub start_at(page: u16) => next = Some(page);

    /// The number of tasks on a page, 1–500. Default: 30.
    pub page_size(size: u16) => size = size;
} }

impl Pager {
    /// Requests the next page; none after the last one.
    ///
    /// A gateway may put fewer tasks on a page than requested, so an empty page is the end; so is one that repeats the page
    /// before, as a gateway does that knows no pages.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) outside the limits, [`Rejected`](ErrorKind::Rejected) if the API refuses,
    /// [`Network`](ErrorKind::Network) or [`UnexpectedResponse`](ErrorKind::UnexpectedResponse) without a readable response.
    /// The same page can be requested again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<TaskInfo>>> {
        let Some(number) = self.next else { return Ok(None) };
        let row = self.operation.row("list")?;
        let limits = [("pageNum", number, LAST_PAGE), ("pageSize", self.size, 500)];
        let broken = limits.into_iter().filter(|(_, value, most)| !(1..=*most).contains(value));
        let found: Vec<_> =
            broken.map(|(name, value, most)| Violation::new(name, format!("1–{most}"), value.to_string())).collect();
        if !found.is_empty() {
            return Err(Error::invalid("list", found).with_operation(row.name));
        }
        let tasks = self.client.list_page(row, Page { number, size: self.size }).await?;
        let first = tasks.first().map(|task| task.task_id.clone());
        let is_over = first.is_none() || first == self.first;
        self.next = (!is_over && number < LAST_PAGE).then_some(number + 1);
        self.first = first;
        Ok(Some(tasks).filter(|_| !is_over))
    }
}

/// The last page that the API has (Kling's reference).
const LAST_PAGE: u16 = 1000;
