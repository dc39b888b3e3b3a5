//! The client: where the API is, which key it takes, and what all calls share.

use std::env::VarError;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, DATE};
use tracing::field::Empty;
use tracing::{debug_span, info_span};
use url::Url;

use crate::address::{Reach, base_url, check_id, fits_path};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, Violation};
use crate::request::MultiImageToVideo;
use crate::response::reason::{Operation, classify};
use crate::response::redact::shown;
use crate::response::{Envelope, Json, Reading, TaskInfo, Wanted, documents, tasks};
use crate::retry::{RECONCILE_AT, RetryPolicy, share};
use crate::running::{Permit, Running};
use crate::span::{record, within};
use crate::task::Task;
use crate::transport::generated;
use crate::transport::{Call, Limits, NO_TOTAL_LIMIT, Outcome};
use crate::wait::policy::{self, PollPolicy, SteadyPolling};

/// The environment variable with the API key.
pub const KEY_VARIABLE: &str = "KLING_API_KEY";
/// The environment variable with the base URL.
pub const BASE_URL_VARIABLE: &str = "KLING_BASE_URL";
/// The environment variable with the time that tasks are expected to take: `90s`, `4m`.
pub const EXPECT_VARIABLE: &str = "KLING_EXPECT";

/// A client of one gateway, with one key. Cloning is cheap, and clones share their connections.
///
/// ```no_run
/// use kling_client::Client;
///
/// let from_environment = Client::from_env()?;
/// let elsewhere = Client::builder("my-key").base_url("https://gateway.example.com").build()?;
/// # Ok::<(), kling_client::Error>(())
/// ```
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    base: String,
    /// The same, for what is relative to it.
    base_url: Url,
    reach: Reach,
    /// Marked as sensitive: `Debug` does not show it.
    authorization: HeaderValue,
    http: reqwest::Client,
    download: reqwest::Client,
    download_limit: u64,
    clock: Arc<dyn Clock>,
    post: Limits,
    get: Limits,
    retry: RetryPolicy,
    reconcile_at: Vec<Duration>,
    expected: Option<Duration>,
    polling: Arc<dyn PollPolicy>,
    running: Option<Running>,
    /// When the gateway was last seen to have no list of tasks.
    lacked_list: Mutex<Option<Duration>>,
}

impl Client {
    /// A client with the key in `KLING_API_KEY`, at `KLING_BASE_URL` or else at the server that the document names, and,
    /// if `KLING_EXPECT` is set, with that as the [expected](ClientBuilder::expected) time.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if the key is not set, the base URL is none, or the expected time is no time;
    /// [`Other`](ErrorKind::Other) if TLS cannot be set up.
    pub fn from_env() -> Result<Self> {
        let wrong = |name, limit, given: &str| Error::invalid("client", vec![Violation::new(name, limit, given)]);
        let set = |name| match std::env::var(name) {
            Ok(value) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            // Never the default instead: the key would go to another host than the one that was meant.
            Err(VarError::NotUnicode(_)) => Err(wrong(name, "text", "bytes that are not UTF-8")),
        };
        let key = set(KEY_VARIABLE)?.ok_or_else(|| wrong(KEY_VARIABLE, "the API key", "nothing"))?;
        let mut builder = Self::builder(key);
        if let Some(url) = set(BASE_URL_VARIABLE)? {
            builder = builder.base_url(url);
        }
        if let Some(expected) = set(EXPECT_VARIABLE)? {
            let given = format!("{} characters that are none", expected.chars().count());
            let expected = humantime::parse_duration(expected.trim());
            let expected = expected.map_err(|_| wrong(EXPECT_VARIABLE, "a time such as 90s or 4m", &given));
            builder = builder.expected(expected?);
        }
        builder.build()
    }

    /// Starts a client with an API key.
    pub fn builder(key: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            key: key.into(),
            base_url: generated::document::SERVER.to_owned(),
            http: None,
            download: None,
            download_limit: DOWNLOAD_LIMIT,
            private_addresses: false,
            clock: None,
            // Guesses on the long side, the first two: one that ends too early may cost a purchase.
            post: Limits {
                stall: Duration::from_secs(60),
                answer: Duration::from_secs(120),
                early: Duration::from_millis(200),
            },
            retry: RetryPolicy::DEFAULT,
            reconcile_at: None,
            expected: None,
            polling: Arc::new(SteadyPolling::default()),
            max_running: None,
        }
    }

    /// Where this client sends its requests.
    pub fn base_url(&self) -> &str {
        &self.0.base
    }

    /// A handle on a task by its id, or by its `external_task_id` where the gateway resolves it. Asks nothing yet.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if the id is empty or could change the path of a request.
    pub fn task(&self, id: impl Into<String>) -> Result<Task> {
        let id = id.into();
        check_id(&id)?;
        Ok(Task::known_by(self.clone(), &id).taken_up())
    }

    /// One page of the account's tasks, newest first: `number` from 1 to 1000, `size` from 1 to 500.
    ///
    /// Kling's reference has this operation, the vendor's page does not: a gateway may lack it and answer 404.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) outside those limits, [`Rejected`](ErrorKind::Rejected) if the API refuses,
    /// [`Network`](ErrorKind::Network) or [`Answer`](ErrorKind::Answer) if nothing that can be read came back.
    pub async fn list(&self, number: u16, size: u16) -> Result<Vec<TaskInfo>> {
        let mut found = Vec::new();
        for (name, value, most) in [("pageNum", number, 1000), ("pageSize", size, 500)] {
            if !(1..=most).contains(&value) {
                found.push(Violation::new(name, format!("1–{most}"), value.to_string()));
            }
        }
        if !found.is_empty() {
            return Err(Error::invalid("list", found));
        }
        let span = info_span!("kling.list", operation = "list", page = number, elapsed_ms = Empty, error = Empty);
        within(span, self.clock(), self.listed(number, size)).await
    }

    async fn listed(&self, number: u16, size: u16) -> Result<Vec<TaskInfo>> {
        let call = self.get_call(Duration::MAX);
        let raw = self.generated(&call);
        let sent = raw.list_multi_image_to_video().page_num(number).page_size(size).send().await;
        self.read(Operation::List, &call.outcome(&sent), Wanted::Any, &[], |reading, document, _| {
            tasks(document, reading).filter(|_| reading.clean)
        })
    }

    /// The raw client that progenitor generates from the document, with this client's key, limits and connections.
    ///
    /// It is outside semver, and it decodes nothing: gateways' answers come as they are.
    #[cfg(feature = "raw")]
    pub fn raw(&self) -> generated::Client {
        self.generated(&self.call(true, self.0.post))
    }

    /// One response about one task, which may take so long.
    pub(crate) async fn get(&self, asked: Asked<'_>, limit: Duration) -> Result<TaskInfo> {
        let id = asked.id;
        let span = debug_span!(
            "kling.poll",
            operation = "get",
            task_id = id,
            status = Empty,
            elapsed_ms = Empty,
            error = Empty
        );
        // Pinned here, so that two and a half kilobytes of state are not moved from frame to frame for each poll.
        let polled = pin!(async {
            let info = self.got(asked, limit).await.map_err(|error| error.with_ids(Some(id), asked.external))?;
            record(&span, "status", &info.status);
            Ok(info)
        });
        within(span.clone(), self.clock(), polled).await
    }

    async fn got(&self, asked: Asked<'_>, limit: Duration) -> Result<TaskInfo> {
        let call = self.get_call(limit);
        let raw = self.generated(&call);
        let sent = raw.get_multi_image_to_video().id(asked.in_path()?).send().await;
        let ids: Vec<_> = [Some(asked.id), asked.external].into_iter().flatten().collect();
        let mut other = None;
        let read = self.read(
            Operation::Get,
            &call.outcome(&sent),
            Wanted::Known(&ids),
            asked.secrets,
            |reading, document, text| {
                reading.task(document, text).or_else(|| {
                    let any = Reading { wanted: Wanted::Any, ..reading };
                    other =
                        any.task(document, text).filter(|_| reading.clean).map(|info| info.task_id).or(other.take());
                    None
                })
            },
        );
        read.map_err(|error| match other {
            Some(other) => {
                error.saying(format!("the response describes another task, {}", shown(&other, &[self.key()])))
            }
            None => error,
        })
    }

    pub(crate) fn post_call(&self) -> Call {
        self.call(false, self.0.post)
    }

    fn get_call(&self, limit: Duration) -> Call {
        self.call(false, Limits { answer: self.0.get.answer.min(limit), ..self.0.get })
    }

    fn call(&self, shown: bool, limits: Limits) -> Call {
        Call::new(shown, self.0.authorization.clone(), limits, Arc::clone(&self.0.clock))
    }

    /// The generated client for one call.
    pub(crate) fn generated(&self, call: &Call) -> generated::Client {
        generated::Client::new_with_client(&self.0.base, self.0.http.clone(), call.clone())
    }

    /// What an operation wants, out of its outcome; or the error that the outcome means. Of the `secrets`, and of the
    /// key, nothing that a server repeats is shown.
    pub(crate) fn read<T>(
        &self,
        operation: Operation,
        outcome: &Outcome,
        wanted: Wanted,
        secrets: &[String],
        mut take: impl FnMut(Reading, &Json, &[u8]) -> Option<T>,
    ) -> Result<T> {
        if let Ok(answer) = &outcome.result {
            let date = answer.headers.get(DATE);
            for (document, text) in documents(&answer.body) {
                let clean = answer.status.is_success() && !Envelope::refuses(&document);
                let reading = Reading { wanted, base: Some(&self.0.base_url), date, clean };
                if let Some(taken) = take(reading, &document, text) {
                    return Ok(taken);
                }
            }
        }
        let secrets: Vec<_> = secrets.iter().map(String::as_str).chain([self.key()]).collect();
        Err(classify(operation, outcome, self.clock().wall(), self.base_url(), &secrets))
    }

    pub(crate) fn retry_policy(&self) -> &RetryPolicy {
        &self.0.retry
    }

    pub(crate) fn reconcile_at(&self) -> &[Duration] {
        &self.0.reconcile_at
    }

    pub(crate) fn poll_policy(&self) -> &Arc<dyn PollPolicy> {
        &self.0.polling
    }

    /// How long what a request orders is expected to take.
    pub(crate) fn expected_for(&self, request: &MultiImageToVideo) -> Duration {
        let fields = request.fields();
        if self.0.reach.loopback { policy::LOOPBACK_EXPECTED } else { policy::expected(&fields.mode, &fields.duration) }
    }

    /// How long a task is expected to take: what this client was told, else what the task knows of itself.
    pub(crate) fn expected_of(&self, task: &Task) -> Duration {
        let usual = if self.0.reach.loopback { policy::LOOPBACK_EXPECTED } else { policy::EXPECTED };
        self.0.expected.or(task.expected()).unwrap_or(usual)
    }

    /// A place for one more task, once there is one; nothing if their number is not limited.
    pub(crate) async fn permit(&self) -> Option<Permit> {
        self.0.running.as_ref()?.permit().await
    }

    pub(crate) fn permit_if_free(&self) -> Option<Permit> {
        self.0.running.as_ref()?.permit_if_free()
    }

    /// Whether the gateway was seen to have no list of tasks, lately: it may get one.
    pub(crate) fn lacks_list(&self) -> bool {
        let seen = *self.0.lacked_list.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|at| self.clock().now().saturating_sub(at) < LIST_FORGOTTEN)
    }

    pub(crate) fn found_no_list(&self) {
        *self.0.lacked_list.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock().now());
    }

    /// The key alone, to keep it out of what a server says.
    pub(crate) fn key(&self) -> &str {
        self.0.authorization.to_str().ok().and_then(|value| value.strip_prefix(SCHEME)).unwrap_or_default()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// The client for videos.
    pub(crate) fn download_client(&self) -> &reqwest::Client {
        &self.0.download
    }

    /// The longest video whose server announces no length.
    pub(crate) fn download_limit(&self) -> u64 {
        self.0.download_limit
    }

    /// A `GET` with the API key of a URL that is the gateway's own. The caller checks that it is.
    pub(crate) fn get_with_key(&self, url: Url) -> reqwest::RequestBuilder {
        self.0.http.get(url).header(AUTHORIZATION, self.0.authorization.clone()).timeout(NO_TOTAL_LIMIT)
    }

    /// What may be reached for a video.
    pub(crate) fn reach(&self) -> Reach {
        self.0.reach
    }
}

/// Which task a poll asks for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) id: &'a str,
    pub(crate) external: Option<&'a str>,
    /// What its request holds that nobody should see.
    pub(crate) secrets: &'a [String],
}

impl<'a> Asked<'a> {
    /// The id that can stand in the path of the poll: a server may have given one that cannot.
    fn in_path(&self) -> Result<&'a str> {
        [Some(self.id), self.external].into_iter().flatten().find(|id| fits_path(id)).ok_or_else(|| {
            Error::new(ErrorKind::Other, "get", "the gateway gave the task an id that no URL can hold")
                .with_hint("ask the gateway for the task; its outputs cannot be fetched by its id")
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.0.base).finish_non_exhaustive()
    }
}

/// How a [`Client`] is made; see [`Client::builder`].
#[must_use]
pub struct ClientBuilder {
    key: String,
    base_url: String,
    http: Option<reqwest::Client>,
    download: Option<reqwest::Client>,
    download_limit: u64,
    private_addresses: bool,
    clock: Option<Arc<dyn Clock>>,
    post: Limits,
    retry: RetryPolicy,
    reconcile_at: Option<Vec<Duration>>,
    expected: Option<Duration>,
    polling: Arc<dyn PollPolicy>,
    max_running: Option<usize>,
}

impl ClientBuilder {
    /// Where the API is: a host with or without `https://`, `/v1`, `/kling/v1`, or the whole address of the operation.
    ///
    /// Only `https`, except to this machine (`localhost`, `127.0.0.0/8`, `::1`).
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Your own HTTP client, for a proxy or certificates of your own.
    ///
    /// Build it with `redirect(Policy::none())`: an answer from another address than the one asked is never read as an
    /// answer, so following a redirect only makes its outcome unknown. Give it no `read_timeout`: it counts from the
    /// start of the request and would cut an upload that is under way.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Your own HTTP client for videos, for a proxy or certificates of your own; the API key is never given to it.
    /// Default: one that is made with the client.
    ///
    /// It resolves names by itself: one that leads to a private address passes.
    ///
    /// It follows redirects by its own policy: where that led is checked when the answer is there, what was asked on the
    /// way is not. Turn its `referer` off, or it tells the signed URL to where it is redirected.
    pub fn download_client(mut self, client: reqwest::Client) -> Self {
        self.download = Some(client);
        self
    }

    /// Whether a video may come from this machine or from a private network. Default: no, unless the API is on this machine.
    ///
    /// A gateway's response decides where the video is fetched from, so a loopback, private, link-local or similar address
    /// is refused, also after a redirect, and dropped from what a name resolves to. Names may resolve to 198.18.0.0/15, with
    /// which local proxies answer for every name. Not checked: through a proxy it is the proxy that resolves and connects,
    /// and a [`download_client`](Self::download_client) of your own resolves by itself.
    ///
    /// A gateway of your own within a private network, whose videos come from it, needs this.
    pub fn private_addresses(mut self, allowed: bool) -> Self {
        self.private_addresses = allowed;
        self
    }

    /// Maximum size in bytes of a video whose server announces no length. Default: 2 GiB.
    ///
    /// A longer one is an [`Answer`](ErrorKind::Answer) error. An announced length has no limit but the disk's.
    pub fn download_limit(mut self, bytes: u64) -> Self {
        self.download_limit = bytes;
        self
    }

    /// Where time and randomness come from.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// How long a request may stand still without one more byte being accepted; 60 seconds if not said.
    pub fn stall_limit(mut self, limit: Duration) -> Self {
        self.post.stall = limit;
        self
    }

    /// How long the answer to a paid request may take after its last byte; 120 seconds if not said.
    pub fn answer_limit(mut self, limit: Duration) -> Self {
        self.post.answer = limit;
        self
    }

    /// How often a paid request is sent at most, when each time before it surely made no task; 3 if not said, 1 is never
    /// again.
    pub fn attempts(mut self, most: u32) -> Self {
        self.retry.attempts = most;
        self
    }

    /// How long the waits before sending again may take together; a minute if not said. What asks for more
    /// (`Retry-After`) is returned at once, as an error that says how long.
    pub fn retry_budget(mut self, budget: Duration) -> Self {
        self.retry.budget = budget;
        self
    }

    /// When a task is looked for whose answer was lost, counted from the loss; after 2, 5, 10, 30 and 60 seconds if not
    /// said (a twentieth of that where the API is on this machine), never if empty.
    pub fn reconcile_at(mut self, moments: impl IntoIterator<Item = Duration>) -> Self {
        self.reconcile_at = Some(moments.into_iter().collect());
        self
    }

    /// How long a body of more than 1 MB waits behind its headers; 200 ms if not said.
    ///
    /// A gateway that refuses by the headers alone (a wrong key, too large a body, too many requests) answers and closes
    /// without reading the body; an answer that comes while the body is being sent is mostly lost. One or two round trips
    /// are enough, and little beside the minutes that a video takes.
    pub fn early_answer_pause(mut self, pause: Duration) -> Self {
        self.post.early = pause;
        self
    }

    /// How long tasks are expected to take from their submit to their end, whatever is ordered.
    ///
    /// It stands above what a [`SavedTask`](crate::SavedTask) says, and [`Wait::expected`](crate::Wait::expected) above it.
    /// If not said, it is 4 minutes for 5 seconds of video in `std`; half as long again for 10 seconds, a quarter longer
    /// in `pro`; and 2 seconds where the API is on this machine. Only clips of 5 seconds were recorded (229–301 s): the
    /// rest are assumptions. The first poll comes at a part of this time, so too short costs some polls, too long time.
    pub fn expected(mut self, expected: Duration) -> Self {
        self.expected = Some(expected);
        self
    }

    /// When tasks are polled; [`SteadyPolling`] if not said.
    pub fn poll_policy(mut self, policy: impl PollPolicy) -> Self {
        self.polling = Arc::new(policy);
        self
    }

    /// How many tasks of this client and its clones run at a time; any number if not said.
    ///
    /// A submit waits for a place, first come, first served, and sends nothing before. The place returns when a wait or
    /// a refresh sees that the task has ended, or with the last [`Task`] and [`Wait`](crate::Wait) of it. So submit and
    /// wait in one future per task, or add tasks to a [`WaitAll`](crate::WaitAll) that runs meanwhile: who first submits
    /// more tasks than this and then waits for all of them waits for ever.
    ///
    /// A submit that ends in an error returns its place. After an ambiguous one a task may run all the same; the account's
    /// own limit, code 1303, then holds back the next, which costs nothing. Tasks of other processes are not counted.
    ///
    /// ```no_run
    /// # async fn run(requests: Vec<kling_client::MultiImageToVideo>) -> kling_client::Result<()> {
    /// use futures_util::future::join_all;
    /// use kling_client::Client;
    ///
    /// let client = Client::builder("my-key").max_running(3).build()?;
    /// let videos = join_all(requests.iter().map(async |request| client.submit(request).await?.wait().await)).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_running(mut self, most: usize) -> Self {
        self.max_running = Some(most);
        self
    }

    /// Makes the client. Connects to nothing yet.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a key that no header can hold, a base URL that is none, or a limit of no task,
    /// [`Other`](ErrorKind::Other) if TLS cannot be set up.
    pub fn build(self) -> Result<Client> {
        let given = self.key.trim();
        let bare = given.strip_prefix("Bearer").filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        let key = bare.unwrap_or(given).trim();
        let mut found = Vec::new();
        let authorization = HeaderValue::try_from(format!("{SCHEME}{key}"));
        let authorization = authorization.ok().filter(|_| !key.is_empty() && key.is_ascii());
        if authorization.is_none() {
            let given = format!("{} characters", key.chars().count());
            found.push(Violation::new("key", "the API key: letters, digits and signs of ASCII", given));
        }
        if self.max_running == Some(0) {
            found.push(Violation::new("max_running", "at least 1", "0"));
        }
        let base = base_url(&self.base_url).map_err(|given| {
            found.push(Violation::new("base_url", "an https URL, or an http URL on this machine", given));
        });
        let (Ok((base, loopback)), Some(mut authorization), []) = (base, authorization, &found[..]) else {
            return Err(Error::invalid("client", found));
        };
        authorization.set_sensitive(true);
        if base.starts_with("https:") && self.http.is_none() && !crate::transport::tls::is_available() {
            return Err(Error::new(ErrorKind::Other, "client", "this build has no TLS")
                .with_hint("enable the feature rustls or native-tls of kling-client, or TLS of reqwest"));
        }
        let http = match self.http {
            Some(client) => client,
            // One attempt and no redirect: what a redirect would repeat or turn into a GET is a paid request.
            None => crate::transport::tls::http_client(base.starts_with("https:"), |builder| {
                builder.redirect(reqwest::redirect::Policy::none())
            })?,
        };
        let base_url = Url::parse(&base).map_err(|reason| {
            Error::invalid("client", vec![Violation::new("base_url", "a URL", reason.to_string())])
        })?;
        let reach = Reach { loopback, private: self.private_addresses };
        let download = match self.download {
            Some(client) => client,
            None => crate::download::http_client(reach)?,
        };
        let share = share(loopback);
        Ok(Client(Arc::new(Shared {
            retry: RetryPolicy { first: self.retry.first / share, ..self.retry },
            reconcile_at: self.reconcile_at.unwrap_or_else(|| RECONCILE_AT.map(|moment| moment / share).to_vec()),
            authorization,
            base,
            base_url,
            reach,
            http,
            download,
            download_limit: self.download_limit,
            expected: self.expected,
            polling: self.polling,
            running: self.max_running.map(Running::new),
            lacked_list: Mutex::default(),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
            post: self.post,
            get: Limits { answer: self.post.answer.min(GET_ANSWER), early: Duration::ZERO, ..self.post },
        })))
    }
}

/// After how long a list that a gateway lacked is tried again.
const LIST_FORGOTTEN: Duration = Duration::from_secs(10 * 60);

/// What stands before the key in its header.
const SCHEME: &str = "Bearer ";

/// A hundred times the longest video on record; a body without an end must not fill the disk.
const DOWNLOAD_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// A query costs nothing and is asked again, so it need not wait as long as a paid request; how long is a guess.
const GET_ANSWER: Duration = Duration::from_secs(30);

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_change_the_path_is_refused() {
        let client = Client::builder("key").build().unwrap();
        for id in ["", ".", "..", "a/b", "a\\b", "a?b", "a#b", "%2e%2e", "a b", "a\nb", &"x".repeat(257)] {
            assert_eq!(client.task(id).map(|task| task.id().to_owned()).map_err(|e| e.kind()), Err(ErrorKind::Invalid));
        }
        for id in ["822953089408827433", "CjMkWmdJhuIAAAAAAAS0mA", "c9993ceb-683b-4fac", "task_ab.cd", "order-7"] {
            assert_eq!(client.task(id).unwrap().id(), id);
        }
    }

    #[test]
    fn a_key_is_taken_as_it_is_pasted_and_one_that_no_header_holds_is_refused() {
        for key in ["sk-1", " sk-1\n", "Bearer sk-1"] {
            assert_eq!(Client::builder(key).build().unwrap().key(), "sk-1");
        }
        for key in ["", "  ", "Bearer ", "sk-1\nX: y", "schlüssel"] {
            assert_eq!(Client::builder(key).build().expect_err(key).kind(), ErrorKind::Invalid);
        }
    }
}
