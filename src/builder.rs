//! How a client is made: from the environment, or setting by setting.

use std::env::VarError;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::address::{KLING, Reach, base_url, is_kling};
use crate::client::{Client, Shared};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, Violation};
use crate::policy::{PollPolicy, SteadyPolling};
use crate::rate::PollRate;
use crate::retry::{LOOK_UP_AT, RetryPolicy};
use crate::running::Running;
use crate::transport::auth::{Auth, Credentials};
use crate::transport::generated::document;
use crate::transport::resolver;
use crate::transport::tls::{self, ConfigureHttp};
use crate::transport::{Limits, PREFIX};

/// The environment variable of the API key.
pub const KEY_VARIABLE: &str = "KLING_API_KEY";
/// The environment variable of the access key of an account at Kling itself.
pub const ACCESS_KEY_VARIABLE: &str = "KLING_ACCESS_KEY";
/// The environment variable of the secret key that belongs to the access key.
pub const SECRET_KEY_VARIABLE: &str = "KLING_SECRET_KEY";
/// The environment variable of the base URL.
pub const BASE_URL_VARIABLE: &str = "KLING_BASE_URL";
/// The environment variable of the time that tasks are expected to take: `90s`, `4m`.
pub const EXPECT_VARIABLE: &str = "KLING_EXPECT";
/// The environment variable that allows plain http to another machine: `1` or `true`.
pub const ALLOW_HTTP_VARIABLE: &str = "KLING_ALLOW_HTTP";

impl Client {
    /// A client by the environment: its [`Credentials::from_env`]; optionally the [base URL](ClientBuilder::base_url) in
    /// `KLING_BASE_URL`, the [expected](ClientBuilder::expected) time in `KLING_EXPECT`, and
    /// [`allow_http`](ClientBuilder::allow_http) in `KLING_ALLOW_HTTP`.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if the key is missing or a variable cannot be read;
    /// [`Other`](ErrorKind::Other) if TLS cannot be set up.
    pub fn from_env() -> Result<Self> {
        Self::builder_from_env()?.build()
    }

    /// Builder for a client by the environment, as [`from_env`](Self::from_env) makes it, for more settings.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if the key is missing or a variable cannot be read.
    pub fn builder_from_env() -> Result<ClientBuilder> {
        let mut builder = Self::builder(Credentials::from_env()?);
        if let Some(url) = variable(BASE_URL_VARIABLE)? {
            builder = builder.base_url(url);
        }
        if let Some(expected) = variable(EXPECT_VARIABLE)? {
            let given = format!("{} other characters", expected.chars().count());
            let expected = humantime::parse_duration(&expected);
            builder =
                builder.expected(expected.map_err(|_| wrong(EXPECT_VARIABLE, "a duration such as 90s or 4m", &given))?);
        }
        match variable(ALLOW_HTTP_VARIABLE)?.as_deref() {
            None | Some("0" | "false") => {}
            Some("1" | "true") => builder = builder.allow_http(true),
            Some(_) => return Err(wrong(ALLOW_HTTP_VARIABLE, "1, true, 0 or false", "another word")),
        }
        Ok(builder)
    }

    /// Builder for a client with an API key, or with other [`Credentials`].
    pub fn builder(key: impl Into<Credentials>) -> ClientBuilder {
        ClientBuilder {
            credentials: key.into(),
            base_url: None,
            path_prefix: None,
            allow_http: false,
            configure: None,
            download_limit: DOWNLOAD_LIMIT,
            private_addresses: false,
            clock: None,
            // Guesses on the long side, the first two: one that ends too early may cost a double charge.
            post: Limits {
                stall: Duration::from_secs(60),
                response: Duration::from_secs(120),
                early: Duration::from_millis(200),
            },
            retry: RetryPolicy::DEFAULT,
            look_up_at: None,
            expected: None,
            polling: Arc::new(SteadyPolling::default()),
            polls_per_second: 10.0,
            max_running: None,
        }
    }
}

impl Credentials {
    /// The credentials of the environment: the API key in `KLING_API_KEY`, or else, with the feature `jwt`, the access key in
    /// `KLING_ACCESS_KEY` and the secret key in `KLING_SECRET_KEY`.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if one is missing or cannot be read, or the feature is off.
    pub fn from_env() -> Result<Self> {
        const ANY: &str = if cfg!(feature = "jwt") {
            "the API key, or KLING_ACCESS_KEY and KLING_SECRET_KEY instead"
        } else {
            "the API key"
        };
        if let Some(key) = variable(KEY_VARIABLE)? {
            return Ok(key.into());
        }
        match (variable(ACCESS_KEY_VARIABLE)?, variable(SECRET_KEY_VARIABLE)?) {
            (None, None) => Err(wrong(KEY_VARIABLE, ANY, "nothing")),
            #[cfg(feature = "jwt")]
            (Some(access), Some(secret)) => Ok(Self::new(access, secret)),
            #[cfg(not(feature = "jwt"))]
            _ => Err(wrong(KEY_VARIABLE, ANY, "an access key or a secret key, which need the feature jwt")),
            #[cfg(feature = "jwt")]
            (None, _) => Err(wrong(ACCESS_KEY_VARIABLE, "the access key of KLING_SECRET_KEY", "nothing")),
            #[cfg(feature = "jwt")]
            (_, None) => Err(wrong(SECRET_KEY_VARIABLE, "the secret key of KLING_ACCESS_KEY", "nothing")),
        }
    }
}

/// A variable that is set and not blank.
fn variable(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        // Never the default instead: the key would go to another host than the one that was meant.
        Err(VarError::NotUnicode(_)) => Err(wrong(name, "text", "bytes that are not UTF-8")),
    }
}

fn wrong(name: &str, limit: &str, given: &str) -> Error {
    Error::invalid("client", vec![Violation::new(name, limit, given)])
}

/// Builder for [`Client`]; see [`Client::builder`].
#[must_use]
pub struct ClientBuilder {
    credentials: Credentials,
    base_url: Option<String>,
    path_prefix: Option<String>,
    allow_http: bool,
    configure: Option<Box<ConfigureHttp>>,
    download_limit: u64,
    private_addresses: bool,
    clock: Option<Arc<dyn Clock>>,
    post: Limits,
    retry: RetryPolicy,
    look_up_at: Option<Vec<Duration>>,
    expected: Option<Duration>,
    polling: Arc<dyn PollPolicy>,
    polls_per_second: f64,
    max_running: Option<usize>,
}

setters! { ClientBuilder {
    /// The base URL: a host with or without `https://`, `/v1`, `/kling/v1`, or the whole URL of an operation. Default: the
    /// server that the vendor's document names; with access and secret key, Kling's own for servers outside of China.
    ///
    /// `https`, or plain `http` to this machine (`localhost`, `127.0.0.0/8`, `::1`); to another one only with
    /// [`allow_http`](Self::allow_http).
    pub base_url(url: impl Into<String>) => base_url = Some(url.into());

    /// The path between the base URL and `/v1`. Default: none at Kling's own hosts (`api….klingai.com`) and with access and
    /// secret key; else `/kling`, as gateways have it.
    pub path_prefix(prefix: impl Into<String>) => path_prefix = Some(prefix.into());

    /// Whether the base URL may be plain `http` on another machine, which shows the key to everyone in between. Default:
    /// false.
    pub allow_http(allowed: bool) => allow_http = allowed;

    /// Whether an output may be fetched from any machine of a private network. Default: only from the host of the base URL,
    /// and from this machine if the base URL is on it.
    ///
    /// A response of the gateway decides where an output is fetched from, so a loopback, private, link-local or similar
    /// address is refused, also after a redirect, and dropped from what a name resolves to. Names may resolve to
    /// 198.18.0.0/15, with which local proxies answer for every name. Through a proxy it is the proxy that resolves and
    /// connects: that is not checked.
    pub private_addresses(allowed: bool) => private_addresses = allowed;

    /// Maximum size in bytes of an output whose server announces no length. Default: 2 GiB.
    ///
    /// A longer one is an [`UnexpectedResponse`](ErrorKind::UnexpectedResponse) error.
    pub download_limit(bytes: u64) => download_limit = bytes;

    /// The source of time and randomness. Default: [`SystemClock`].
    pub clock(clock: impl Clock) => clock = Some(Arc::new(clock));

    /// Upload stall timeout: no byte of the request accepted for so long. Default: 60 s.
    pub stall_timeout(timeout: Duration) => post.stall = timeout;

    /// Response timeout of a paid request, from its last byte on. Default: 120 s.
    pub response_timeout(timeout: Duration) => post.response = timeout;

    /// Maximum number of attempts of a submit whose failures cannot have made a task. Default: 3.
    pub max_attempts(attempts: u32) => retry.attempts = attempts;

    /// Maximum total of the pauses between attempts of a submit. Default: 60 s.
    ///
    /// A longer `Retry-After` is returned at once, in an error that says how long.
    pub retry_budget(budget: Duration) => retry.budget = budget;

    /// When a task is looked up whose create response was lost, counted from the loss. Default: after 2, 5, 10, 30 and
    /// 60 s, sooner in proportion where the [expected](Self::expected) time is below 40 s. Empty: never.
    pub look_up_at(moments: impl IntoIterator<Item = Duration>) => look_up_at = Some(moments.into_iter().collect());

    /// Pause between headers and body of a request of more than 1 MB. Default: 200 ms.
    ///
    /// A gateway that refuses by the headers alone (a wrong key, too large a body, too many requests) responds and closes
    /// without reading the body; a response that comes while the body is being sent is mostly lost. One or two round trips
    /// are enough.
    pub early_response_pause(pause: Duration) => post.early = pause;

    /// Expected time from submit to end of a task, whatever it makes. Default: 4 minutes for a 5 s video in `std`, half as
    /// long again for 10 s, a quarter longer in `pro`; 30 s for images and sounds.
    ///
    /// Overrides the value in a [`SavedTask`](crate::SavedTask); [`Wait::expected`](crate::Wait::expected) overrides it.
    /// Only clips of 5 s were recorded (229–301 s): the rest are assumptions. The first poll comes at a part of this time,
    /// so too short costs some polls, too long costs time. Below 40 s, look-ups and pauses before retries are shorter in
    /// proportion.
    pub expected(expected: Duration) => expected = Some(expected);

    /// When tasks are polled. Default: [`SteadyPolling`].
    pub poll_policy(policy: impl PollPolicy) => polling = Arc::new(policy);

    /// Maximum number of polls a second, evenly spread. Default: 10; infinity is no limit.
    ///
    /// It is shared by the client's clones and by every [`Wait`](crate::Wait) of theirs, single or in a
    /// [`WaitAll`](crate::WaitAll): a poll that is due waits for its turn, first come, first served, so that `n` tasks are
    /// each polled every `n` / rate seconds at most. [`Task::refresh`](crate::Task::refresh) and [`Client::list`] are not
    /// limited. After a 429 no wait polls for a second, doubled up to a minute while only 429 follow.
    pub polls_per_second(polls: f64) => polls_per_second = polls;

    /// Maximum number of running tasks of this client and its clones. Default: unlimited.
    ///
    /// A submit waits for a slot, first come, first served, and sends nothing before. The slot is free again when a wait or
    /// a refresh sees that the task has ended, or with the last [`Task`](crate::Task) and [`Wait`](crate::Wait) of it. So
    /// submit and wait in one future per task: to submit more tasks than this and wait for them afterwards waits for ever.
    ///
    /// After an ambiguous submit a task may run all the same; the account's own limit, code 1303, then delays the next,
    /// which costs nothing. Tasks of other processes are not counted.
    ///
    /// ```no_run
    /// # async fn run(requests: Vec<kling_client::Request>) -> kling_client::Result<()> {
    /// use futures_util::future::join_all;
    /// use kling_client::Client;
    ///
    /// let client = Client::builder("my-key").max_running(3).build()?;
    /// let tasks = requests.into_iter().map(async |request| client.submit(request).await?.wait().await);
    /// let finished = join_all(tasks).await;
    /// # Ok(())
    /// # }
    /// ```
    pub max_running(tasks: usize) => max_running = Some(tasks);
} }

impl ClientBuilder {
    /// HTTP settings of your own, such as a proxy or certificates, for the client of the API and that of the downloads.
    ///
    /// Redirects, the referer and time limits are set after it: what a redirect would repeat is a paid request, and a total
    /// or read timeout would cut it in its middle. A proxy whose name leads to a private address needs
    /// [`private_addresses`](Self::private_addresses), unless it is the system's.
    ///
    /// ```no_run
    /// let proxy = reqwest::Proxy::all("http://proxy.example:3128")?;
    /// let client = kling_client::Client::builder("my-key").configure_http(move |http| http.proxy(proxy.clone())).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn configure_http(
        mut self,
        configure: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Some(Box::new(configure));
        self
    }

    /// Builds the client. Connects to nothing yet.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a key that no header can hold, an invalid base URL, or a limit that is none,
    /// [`Other`](ErrorKind::Other) if TLS cannot be set up.
    pub fn build(self) -> Result<Client> {
        let mut found = Vec::new();
        if self.max_running == Some(0) {
            found.push(Violation::new("max_running", "at least 1", "0"));
        }
        let signs = self.credentials.are_klings();
        let default = if signs { KLING } else { document::SERVER };
        let base_url = base_url(self.base_url.as_deref().unwrap_or(default), self.allow_http).map_err(|given| {
            let limit = "an https URL, or an http URL on this machine or with allow_http";
            found.push(Violation::new("base_url", limit, given));
        });
        let auth = Auth::new(&self.credentials).map_err(|violation| found.push(violation));
        let poll_rate = PollRate::new(self.polls_per_second);
        if poll_rate.is_none() {
            found.push(Violation::new("polls_per_second", "a positive number", self.polls_per_second.to_string()));
        }
        let (Ok(base_url), Ok(auth), Some(poll_rate), []) = (base_url, auth, poll_rate, &found[..]) else {
            return Err(Error::invalid("client", found));
        };
        let secure = base_url.scheme() == "https";
        if secure && !tls::is_available() {
            return Err(Error::new(ErrorKind::Other, "client", "this build has no TLS")
                .with_hint("enable the feature rustls or native-tls of kling-client, or TLS of reqwest"));
        }
        let configure = self.configure.as_deref();
        // One attempt and no redirect: what a redirect would repeat or turn into a GET is a paid request.
        let http = tls::http_client(secure, configure, |http| http.redirect(reqwest::redirect::Policy::none()))?;
        let reach = Reach::new(&base_url, self.private_addresses);
        let download = resolver::download_client(reach.clone(), configure)?;
        // Where tasks take seconds, so does all the rest: a sandbox.
        let pace = self.expected.map_or(1.0, |expected| (expected.as_secs_f64() / SHORT.as_secs_f64()).min(1.0));
        let at_pace = |seconds| Duration::from_secs(seconds).mul_f64(pace);
        let usual = if signs || is_kling(&base_url) { "" } else { PREFIX };
        let shared = Shared {
            base_url,
            prefix: prefix(self.path_prefix.as_deref().unwrap_or(usual)).into(),
            reach,
            http,
            download,
            download_limit: self.download_limit,
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
            post: self.post,
            get: Limits { response: self.post.response.min(GET_RESPONSE), early: Duration::ZERO, ..self.post },
            retry: RetryPolicy { first: self.retry.first.mul_f64(pace), ..self.retry },
            look_up_at: self.look_up_at.unwrap_or_else(|| LOOK_UP_AT.map(at_pace).to_vec()),
            expected: self.expected,
            polling: self.polling,
            poll_rate,
            max_running: self.max_running,
            is_elsewhere: AtomicBool::new(false),
        };
        Ok(Client { running: Running::new(shared.max_running), shared: Arc::new(shared), auth })
    }
}

/// A path prefix with a slash before it and none behind.
fn prefix(given: &str) -> String {
    match given.trim().trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

/// Below this expected time pauses shrink with it.
const SHORT: Duration = Duration::from_secs(40);

/// A hundred times the longest video on record; a body without an end must not fill the disk.
const DOWNLOAD_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// A query costs nothing and is retried, so it need not wait as long as a paid request; how long is a guess.
const GET_RESPONSE: Duration = Duration::from_secs(30);

debug_fields!(ClientBuilder);
