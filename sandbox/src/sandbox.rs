//! The sandbox as its user sees it: its settings, its records and its script.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::api::Api;
use crate::auth::{self, Auth};
use crate::callback::{self, Callback, Callbacks, Delivery, Secret};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::intake::Intake;
use crate::leak::Watch;
use crate::lock;
use crate::log::{Log, Received};
use crate::media::FILM;
use crate::operations::ROWS;
use crate::outputs::{self, Film, OutputKind, Outputs, Signer};
use crate::script::{Endpoint, Script, ScriptedResponse};
use crate::server::{Listener, Server};
use crate::task::{TaskEntry, TaskPlan, Tasks};

/// The API in this process. It runs on the tokio runtime that started it, until it is shut down or dropped.
///
/// Dropping one panics if the API key ever reached the origin of its outputs (unless the thread panics already): see
/// [`Sandbox::assert_key_never_leaked`].
#[must_use = "a sandbox stops when it is dropped"]
pub struct Sandbox {
    base_url: String,
    video_origin: String,
    key: String,
    api: Arc<Api>,
    outputs: Arc<Outputs>,
    script: Arc<Script>,
    callbacks: Arc<Callbacks>,
    watch: Watch,
    events: Arc<Notify>,
    servers: [Server; 3],
}

/// Builder for [`Sandbox`].
#[derive(Clone)]
pub struct Builder {
    port: u16,
    task_time: Duration,
    key: Option<String>,
    kling: bool,
    clock: Option<Clock>,
    any_model: bool,
    external_ids: bool,
    queries_at_omni_image: bool,
    duplicates: bool,
    concurrency: Option<usize>,
    hidden_for: Duration,
    receive_buffer: Option<u32>,
    callback_secret: Option<String>,
    video: Bytes,
    video_length: usize,
    videos_behind_key: bool,
}

impl Builder {
    /// Port of the API. Default: 0, any free one, which the origin of the outputs always takes.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Duration of a task without a [`TaskPlan`] of its own. Default: zero, so that the first query finds it done.
    pub fn task_time(mut self, task_time: Duration) -> Self {
        self.task_time = task_time;
        self
    }

    /// The key that the API accepts: visible ASCII without spaces. Default: a random one.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Whether it plays Kling itself instead of a gateway: it serves `/v1/` without a prefix before it, and takes no key but
    /// tokens, signed with HS256 by the [`Sandbox::secret_key`]. The codes 1000 to 1004 refuse others. Default: false.
    ///
    /// A token is valid by the sandbox's clock. The fault `1004` refuses one token as expired, whatever its time.
    pub fn kling(mut self, kling: bool) -> Self {
        self.kling = kling;
        self
    }

    /// The clock. Default: [`Clock::real`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Whether every model name is accepted, as at some gateways. Default: false; code 1203 refuses those that the operation
    /// does not serve.
    pub fn any_model(mut self, any_model: bool) -> Self {
        self.any_model = any_model;
        self
    }

    /// Whether a task can be queried by the caller's id, too. Default: true; some gateways resolve only their own.
    pub fn external_ids(mut self, external_ids: bool) -> Self {
        self.external_ids = external_ids;
        self
    }

    /// Whether queries of omni-video are answered at `images/omni-image/{id}` alone, as at some gateways: its own path then
    /// knows no task. Creates and lists stay at its own. Default: false.
    pub fn queries_at_omni_image(mut self, at_omni_image: bool) -> Self {
        self.queries_at_omni_image = at_omni_image;
        self
    }

    /// Whether a second task with the same `external_task_id` is made, and charged. Default: false, it is refused. With
    /// true, nothing hides a request that was submitted twice.
    pub fn duplicates(mut self, duplicates: bool) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// Maximum number of tasks that have not ended; code 1303 refuses a request beyond it. Default: no limit.
    pub fn concurrency(mut self, slots: usize) -> Self {
        self.concurrency = Some(slots);
        self
    }

    /// How long a new task cannot be queried or listed, on the sandbox's clock: `task_not_exist` until then. Default: zero.
    pub fn hidden_for(mut self, time: Duration) -> Self {
        self.hidden_for = time;
        self
    }

    /// How many bytes of a request the operating system takes in on the API's behalf, as far as it obeys. With few, the
    /// sender of a small body already notices that nobody reads it. Default: the system's.
    pub fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Signs callbacks with this secret by the Standard Webhooks scheme: Base64 of at least 16 bytes, as Kling's console
    /// gives it. Their time is that of the sandbox's clock. Default: they are unsigned, as they are through a gateway.
    pub fn callback_secret(mut self, secret: impl Into<String>) -> Self {
        self.callback_secret = Some(secret.into());
        self
    }

    /// Bytes of every video. Default: the project's film of 5.1 s.
    pub fn video(mut self, video: impl Into<Bytes>) -> Self {
        self.video = video.into();
        self
    }

    /// Minimum length of the video in bytes. Default: 0. A shorter film is followed by a `free` box of noise, which is made
    /// as it is sent and never held in memory.
    pub fn video_length(mut self, bytes: usize) -> Self {
        self.video_length = bytes;
        self
    }

    /// Whether the URL of a task's video is the API's own, `/v1/videos/{id}/content`, as at some gateways: it responds 401
    /// without the key, and [`Sandbox::requests`] has the requests. Default: false, it is a signed one of another origin.
    pub fn videos_behind_key(mut self, behind_key: bool) -> Self {
        self.videos_behind_key = behind_key;
        self
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    /// The port is taken, the key cannot be sent in a header or is one for Kling itself, or the secret of callbacks is not
    /// Base64.
    pub async fn start(self) -> io::Result<Sandbox> {
        if self.kling && self.key.is_some() {
            let reason = "Kling itself takes no key: leave out the key, or play a gateway";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let key = self.key.unwrap_or_else(|| format!("sk-sandbox-{}", Uuid::new_v4().simple()));
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = "the key must be visible ASCII without spaces, and not empty";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let secret = self.callback_secret.as_deref().map(Secret::read).transpose()?;
        let api_listener = Listener::bind(self.port, self.receive_buffer)?;
        let video_listener = Listener::bind(0, None)?;
        let (base_url, video_origin) = (api_listener.origin(), video_listener.origin());

        let clock = self.clock.unwrap_or_else(Clock::real);
        let script = Arc::new(Script::default());
        let gateway = self.videos_behind_key.then(|| base_url.clone());
        let signer = Arc::new(Signer::new(video_origin.clone(), gateway));
        let auth = if self.kling { Auth::Token } else { Auth::Key(key.clone()) };
        let watch = Watch::new(&auth.secrets());
        let events = Arc::new(Notify::new());
        let callbacks = Arc::new(Callbacks {
            clock: clock.clone(),
            signer: signer.clone(),
            secret,
            events: events.clone(),
            script: Mutex::default(),
            done: Mutex::default(),
        });
        let (followed, tasks) = mpsc::unbounded_channel();
        let outputs = Arc::new(Outputs {
            signer: signer.clone(),
            clock: clock.clone(),
            files: outputs::files(Film::new(self.video, self.video_length)),
            intake: Arc::new(Intake {
                log: Log::new(events.clone()),
                script: script.clone(),
                watch: Some(watch.clone()),
                clock: clock.clone(),
                elsewhere: video_origin.clone(),
            }),
        });
        let api = Arc::new(Api {
            auth,
            clock: clock.clone(),
            any_model: self.any_model,
            external_ids: self.external_ids,
            other_queries: self.queries_at_omni_image,
            concurrency: self.concurrency,
            hidden_for: self.hidden_for,
            default_plan: TaskPlan::over(self.task_time),
            signer,
            outputs: outputs.clone(),
            tasks: Mutex::new(Tasks::new(self.duplicates)),
            plans: Mutex::default(),
            followed,
            events: events.clone(),
            intake: Arc::new(Intake {
                log: Log::new(events.clone()),
                script: script.clone(),
                watch: None,
                clock: clock.clone(),
                elsewhere: video_origin.clone(),
            }),
        });
        let servers = [
            api_listener.serve(api.clone(), clock.clone()),
            video_listener.serve(outputs.clone(), clock),
            Server::run(callback::run(callbacks.clone(), tasks)),
        ];
        Ok(Sandbox { base_url, video_origin, key, api, outputs, script, callbacks, watch, events, servers })
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            port: 0,
            task_time: Duration::ZERO,
            key: None,
            kling: false,
            clock: None,
            any_model: false,
            external_ids: true,
            queries_at_omni_image: false,
            duplicates: false,
            concurrency: None,
            hidden_for: Duration::ZERO,
            receive_buffer: None,
            callback_secret: None,
            video: Bytes::from_static(FILM),
            video_length: 0,
            videos_behind_key: false,
        }
    }
}

impl Sandbox {
    /// Starts a sandbox with the defaults of [`Builder`].
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder with its defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `http://127.0.0.1:PORT`, the base URL for the client.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// URL at which tasks of multi-image2video are created and listed, for requests by hand.
    pub fn endpoint(&self) -> String {
        let [first, ..] = &ROWS;
        self.endpoint_of(first.path)
    }

    /// URL of an operation by its path below `/v1/`, such as `videos/text2video`. A gateway serves it with and without the
    /// prefix `/kling`, [Kling itself](Builder::kling) without it.
    pub fn endpoint_of(&self, path: &str) -> String {
        let prefix = if self.is_kling() { "" } else { "/kling" };
        format!("{}{prefix}/v1/{path}", self.base_url)
    }

    /// Whether this is [Kling itself](Builder::kling), and no gateway.
    pub(crate) fn is_kling(&self) -> bool {
        matches!(self.api.auth, Auth::Token)
    }

    /// The key that the API accepts. [Kling itself](Builder::kling) refuses it, as it refuses every plain key.
    pub fn api_key(&self) -> &str {
        &self.key
    }

    /// Access key of the only account at [Kling itself](Builder::kling): `iss` of its tokens. It is always the same.
    pub fn access_key(&self) -> &str {
        auth::ACCESS_KEY
    }

    /// Secret key of the only account at [Kling itself](Builder::kling), which signs its tokens. It is always the same.
    pub fn secret_key(&self) -> &str {
        auth::SECRET_KEY
    }

    /// A token for [Kling itself](Builder::kling), for requests by hand. It is valid from now on for this time, by the
    /// sandbox's clock.
    pub fn token(&self, valid_for: Duration) -> String {
        auth::token(self.api.clock.unix_time(), valid_for)
    }

    /// `http://127.0.0.1:PORT` of the outputs: another port, and so another origin than the API's.
    pub fn video_origin(&self) -> &str {
        &self.video_origin
    }

    /// The clock that tasks follow.
    pub fn clock(&self) -> &Clock {
        &self.api.clock
    }

    /// The bytes of every output of this kind; of audio, the MP3.
    pub fn output_bytes(&self, kind: OutputKind) -> Bytes {
        let extension = match kind {
            OutputKind::Video => "mp4",
            OutputKind::Image => "png",
            OutputKind::Audio => "mp3",
        };
        self.outputs.file(extension).bytes()
    }

    /// The bytes of every video.
    pub fn video_bytes(&self) -> Bytes {
        self.output_bytes(OutputKind::Video)
    }

    /// The bytes of every audio's WAV.
    pub fn wav_bytes(&self) -> Bytes {
        self.outputs.file("wav").bytes()
    }

    /// What the API received, oldest first, including requests that are not whole yet.
    pub fn requests(&self) -> Vec<Received> {
        self.api.intake.log.all()
    }

    /// What the origin of the outputs received, oldest first.
    pub fn video_requests(&self) -> Vec<Received> {
        self.outputs.intake.log.all()
    }

    /// How many POSTs the API began to receive: those whose head arrived.
    pub fn posts_begun(&self) -> u64 {
        self.api.intake.log.posts_begun()
    }

    /// How many POSTs the API received to their last byte, whatever its response. For one paid request, more than one is a
    /// risk, unless the earlier ones were surely refused.
    pub fn posts_received_whole(&self) -> u64 {
        self.api.intake.log.posts_received_whole()
    }

    /// How many tasks were made. Each is charged: a refund of failed ones is not assumed.
    pub fn tasks_charged(&self) -> usize {
        lock(&self.api.tasks).len()
    }

    /// How many tasks were made for this id of the caller's. More than one is a double charge, which only
    /// [`Builder::duplicates`] lets happen.
    pub fn charged_for(&self, external_id: &str) -> usize {
        let tasks = lock(&self.api.tasks);
        tasks.oldest_first().filter(|task| task.request.external_id.as_deref() == Some(external_id)).count()
    }

    /// Every task that was made, oldest first.
    pub fn tasks(&self) -> Vec<TaskEntry> {
        let now = self.api.clock.unix_time();
        let tasks = lock(&self.api.tasks);
        let entries = tasks.oldest_first().map(|task| TaskEntry {
            id: task.id.clone(),
            operation: task.operation,
            external_id: task.request.external_id.clone(),
            status: task.status(now),
            units: task.request.units(),
        });
        entries.collect()
    }

    /// Sets the plan of the next task. Several plans wait for several tasks, in order; a refused request uses none.
    pub fn plan_next_task(&self, plan: TaskPlan) {
        lock(&self.api.plans).push_back(plan);
    }

    /// Lets the next task fail with this message, after [`Builder::task_time`].
    pub fn fail_next_task(&self, message: impl Into<String>) {
        self.plan_next_task(self.api.default_plan.clone().fail(message));
    }

    /// Sends this response to the next request of this kind, and does nothing else for it: short for
    /// [`Sandbox::fault_next`] with [`Fault::response`].
    pub fn respond_next(&self, operation: Endpoint, answer: ScriptedResponse) {
        self.fault_next(operation, Fault::response(answer));
    }

    /// Sets the fault of the next request of this kind. Several faults wait for several requests, in order; one is used up
    /// when the head of a request arrives.
    pub fn fault_next(&self, operation: Endpoint, fault: Fault) {
        self.script.push(operation, fault);
    }

    /// Sets the fault of every request of this kind that finds no other, until [`Sandbox::clear_faults`]. A second one
    /// replaces the first.
    pub fn fault_always(&self, operation: Endpoint, fault: Fault) {
        self.script.always(operation, fault);
    }

    /// Removes every fault that waits.
    pub fn clear_faults(&self) {
        self.script.clear();
    }

    /// How many faults still wait for a request of this kind: none, if a test met all that it prepared.
    pub fn faults_waiting(&self, operation: Endpoint) -> usize {
        self.script.waiting(operation)
    }

    /// Sets the delivery of the next callback. Several wait for several callbacks, in the order of the changes. Default:
    /// [`Delivery::once`].
    pub fn callback_next(&self, delivery: Delivery) {
        lock(&self.callbacks.script).push_back(delivery);
    }

    /// The newest 10,000 callbacks whose delivery has ended, in that order. One that is delivered twice is here twice.
    pub fn callbacks(&self) -> Vec<Callback> {
        lock(&self.callbacks.done).iter().cloned().collect()
    }

    /// Waits until this holds of the sandbox. It is evaluated whenever a request, a task, a callback or the clock has
    /// moved, so that a test neither sleeps nor spins; time that passes by itself on a real clock is no such event.
    ///
    /// ```no_run
    /// # async fn test(sandbox: &kling_sandbox::Sandbox) {
    /// sandbox.until(|sandbox| sandbox.posts_begun() == 1).await;
    /// # }
    /// ```
    pub async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        loop {
            // Before it is evaluated, so that nothing in between is missed.
            let (event, time) = (self.events.notified(), self.clock().changed());
            if holds(self) {
                return;
            }
            tokio::select! {
                () = event => {}
                () = time => {}
            }
        }
    }

    /// Every time that the API key, or one of the account's, reached the origin of the outputs: which request, and where in
    /// it.
    pub fn key_leaks(&self) -> Vec<String> {
        self.watch.seen()
    }

    /// Asserts that the API key never reached the origin of the outputs, which is not the API's.
    ///
    /// # Panics
    /// It did; the message has every such request. Dropping the sandbox does the same.
    #[track_caller]
    pub fn assert_key_never_leaked(&self) {
        let leaks = self.key_leaks();
        assert!(
            leaks.is_empty(),
            "the API key was sent to the origin of the outputs, send it only to the API:\n{}",
            leaks.join("\n")
        );
    }

    /// Stops the sandbox, and waits until its sockets are closed. Open connections are cut.
    pub async fn shutdown(mut self) {
        for server in &mut self.servers {
            server.stop().await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_key_never_leaked();
        }
    }
}

/// The addresses, never the key.
impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("base_url", &self.base_url)
            .field("video_origin", &self.video_origin)
            .finish_non_exhaustive()
    }
}

/// The settings, without the key.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("port", &self.port).field("task_time", &self.task_time).finish_non_exhaustive()
    }
}
