//! The sandbox as its user holds it: how it is set up, what it is asked, and how it ends.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::api::{self, Api, ENDPOINT};
use crate::callback::{self, Callback, Callbacks, Delivery, Secret};
use crate::clock::Clock;
use crate::document;
use crate::fault::Fault;
use crate::intake::Intake;
use crate::leak::Watch;
use crate::lock;
use crate::log::{Log, Received};
use crate::script::{Answer, Operation, Script};
use crate::server::{Listener, Server};
use crate::task::{TaskEntry, TaskPlan, Tasks};
use crate::video::{self, FILM, Film, Signer, Videos};

/// The API in this process. It runs on the tokio runtime that started it, until it is shut down or dropped.
///
/// Dropping one panics if the API key ever reached the origin of its videos (unless the thread panics already): see
/// [`Sandbox::assert_key_never_leaked`].
#[must_use = "a sandbox stops when it is dropped"]
pub struct Sandbox {
    base_url: String,
    video_origin: String,
    api: Arc<Api>,
    videos: Arc<Videos>,
    script: Arc<Script>,
    callbacks: Arc<Callbacks>,
    watch: Watch,
    events: Arc<Notify>,
    servers: [Server; 3],
}

/// How a [`Sandbox`] is set up.
#[derive(Clone)]
pub struct Builder {
    port: u16,
    task_time: Duration,
    key: Option<String>,
    clock: Option<Clock>,
    any_model: bool,
    external_ids: bool,
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
    /// The API's port; 0, the default, takes any that is free. The origin of the videos always does.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// How long a task takes, unless it has a [`TaskPlan`] of its own. Default: no time at all, so that the first query
    /// finds it done.
    pub fn task_time(mut self, task_time: Duration) -> Self {
        self.task_time = task_time;
        self
    }

    /// The key that the API accepts: visible ASCII without spaces. Default: a random one.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The clock. Default: [`Clock::real`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Whether every name of a model is taken, as some gateways do. Default: only `kling-v1-6`; others get code 1203.
    pub fn any_model(mut self, any_model: bool) -> Self {
        self.any_model = any_model;
        self
    }

    /// Whether a task can be queried by the caller's id, too. Default: yes; some gateways resolve only their own.
    pub fn external_ids(mut self, external_ids: bool) -> Self {
        self.external_ids = external_ids;
        self
    }

    /// Whether a second task with the same `external_task_id` is made, and charged. Default: no, it is refused. What the
    /// real API does is not recorded anywhere; with `true`, nothing hides an order that was sent twice.
    pub fn duplicates(mut self, duplicates: bool) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// How many tasks may be under way at once. Over it, an order is refused with code 1303; a slot is held from
    /// submitted until the task ends. Default: any number.
    pub fn concurrency(mut self, slots: usize) -> Self {
        self.concurrency = Some(slots);
        self
    }

    /// How long a new task cannot be queried or listed, on the sandbox's clock: `task_not_exist` until then. Default:
    /// no time at all.
    pub fn hidden_for(mut self, time: Duration) -> Self {
        self.hidden_for = time;
        self
    }

    /// How many bytes of a request the operating system takes in on the API's behalf, as far as it obeys. With few, the
    /// sender of a small body already notices that nobody reads it. Default: what the system thinks best.
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

    /// Other bytes than the project's film, to be served as every task's video.
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

    /// Whether the URL of a task's video is the API's own, `/v1/videos/{id}/content`, as at some gateways: it answers 401
    /// without the key, and [`Sandbox::requests`] has the requests. Default: no, it is a signed one of another origin.
    pub fn videos_behind_key(mut self, behind_key: bool) -> Self {
        self.videos_behind_key = behind_key;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the port is taken, when the key could not be sent in a header, when the secret of callbacks is not Base64, or
    /// when the crate's `openapi.yaml` is broken.
    pub async fn start(self) -> io::Result<Sandbox> {
        document::check().map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))?;
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
        let watch = Watch::new(&key);
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
        let videos = Arc::new(Videos {
            signer: signer.clone(),
            clock: clock.clone(),
            etag: OnceLock::new(),
            film: Film::new(self.video, self.video_length),
            intake: Arc::new(Intake {
                log: Log::new(events.clone()),
                script: script.clone(),
                operation: |_, _| Some(Operation::Video),
                watch: Some(watch.clone()),
                clock: clock.clone(),
                elsewhere: video_origin.clone(),
            }),
        });
        let api = Arc::new(Api {
            key,
            clock: clock.clone(),
            any_model: self.any_model,
            external_ids: self.external_ids,
            concurrency: self.concurrency,
            hidden_for: self.hidden_for,
            usual_plan: TaskPlan::over(self.task_time),
            signer,
            videos: videos.clone(),
            tasks: Mutex::new(Tasks::new(self.duplicates)),
            plans: Mutex::default(),
            followed,
            events: events.clone(),
            intake: Arc::new(Intake {
                log: Log::new(events.clone()),
                script: script.clone(),
                operation: api::operation,
                watch: None,
                clock: clock.clone(),
                elsewhere: video_origin.clone(),
            }),
        });
        let servers = [
            api_listener.serve(api::router(api.clone()), clock.clone()),
            video_listener.serve(video::router(videos.clone()), clock),
            Server::run(callback::run(callbacks.clone(), tasks)),
        ];
        Ok(Sandbox { base_url, video_origin, api, videos, script, callbacks, watch, events, servers })
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            port: 0,
            task_time: Duration::ZERO,
            key: None,
            clock: None,
            any_model: false,
            external_ids: true,
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
    /// Starts one as [`Builder`] does by default: any free port, a random key, tasks that are done at the first query.
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Sets one up.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `http://127.0.0.1:PORT`, which takes the place of the gateway's address.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The whole address of the operations, for requests by hand.
    pub fn endpoint(&self) -> String {
        format!("{}{ENDPOINT}", self.base_url)
    }

    /// The key that the API accepts.
    pub fn api_key(&self) -> &str {
        &self.api.key
    }

    /// `http://127.0.0.1:PORT` of the videos: another port, and so another origin than the API's.
    pub fn video_origin(&self) -> &str {
        &self.video_origin
    }

    /// The clock that tasks follow.
    pub fn clock(&self) -> &Clock {
        &self.api.clock
    }

    /// The bytes of the video that every task ends with.
    pub fn video_bytes(&self) -> Bytes {
        self.videos.film.bytes()
    }

    /// What the API received, oldest first; requests still on their way are there too, as not whole.
    pub fn requests(&self) -> Vec<Received> {
        self.api.intake.log.all()
    }

    /// What the origin of the videos received, oldest first.
    pub fn video_requests(&self) -> Vec<Received> {
        self.videos.intake.log.all()
    }

    /// How many POSTs the API began to receive: those whose head arrived.
    pub fn posts_begun(&self) -> u64 {
        self.api.intake.log.posts_begun()
    }

    /// How many POSTs the API received to their last byte, whatever it answered. For a paid order, more than one is a
    /// risk, unless the earlier ones were surely refused.
    pub fn posts_received_whole(&self) -> u64 {
        self.api.intake.log.posts_received_whole()
    }

    /// How many tasks were made. Each is charged: that a failed one may be given back is not counted on.
    pub fn tasks_charged(&self) -> usize {
        lock(&self.api.tasks).len()
    }

    /// How many tasks were made for this id of the caller's. More than one means that somebody pays twice, which only a
    /// sandbox with [`Builder::duplicates`] lets happen.
    pub fn charged_for(&self, external_id: &str) -> usize {
        let tasks = lock(&self.api.tasks);
        tasks.oldest_first().filter(|task| task.order.external_id.as_deref() == Some(external_id)).count()
    }

    /// Every task that was made, oldest first.
    pub fn tasks(&self) -> Vec<TaskEntry> {
        let now = self.api.clock.unix_time();
        let tasks = lock(&self.api.tasks);
        let entries = tasks.oldest_first().map(|task| TaskEntry {
            id: task.id.clone(),
            external_id: task.order.external_id.clone(),
            status: task.status(now),
            units: task.order.units().to_owned(),
        });
        entries.collect()
    }

    /// Decides what becomes of the next task. Several plans wait for several tasks, in order; a refused order uses none.
    pub fn plan_next_task(&self, plan: TaskPlan) {
        lock(&self.api.plans).push_back(plan);
    }

    /// Lets the next task fail with this message, after the usual time.
    pub fn fail_next_task(&self, message: impl Into<String>) {
        self.plan_next_task(self.api.usual_plan.clone().fail(message));
    }

    /// Answers the next request of this kind with `answer`, and does nothing else for it. Several answers wait for
    /// several requests, in order. It is short for [`Sandbox::fault_next`] with [`Fault::answer`].
    pub fn answer_next(&self, operation: Operation, answer: Answer) {
        self.fault_next(operation, Fault::answer(answer));
    }

    /// Lets this go wrong with the next request of this kind. Several faults wait for several requests, in order; one is
    /// used up when the head of a request arrives.
    pub fn fault_next(&self, operation: Operation, fault: Fault) {
        self.script.push(operation, fault);
    }

    /// Lets this go wrong with every request of this kind that finds no fault of its own, until
    /// [`Sandbox::clear_faults`]. A second one takes the place of the first.
    pub fn fault_always(&self, operation: Operation, fault: Fault) {
        self.script.always(operation, fault);
    }

    /// Forgets every fault that waits, of every operation.
    pub fn clear_faults(&self) {
        self.script.clear();
    }

    /// How many faults and answers still wait for their request: none, if a test met all that it prepared.
    pub fn faults_waiting(&self, operation: Operation) -> usize {
        self.script.waiting(operation)
    }

    /// Decides how the next callback is delivered. Several wait for several callbacks, in the order of the changes that
    /// they tell of; one that finds none is delivered once.
    pub fn callback_next(&self, delivery: Delivery) {
        lock(&self.callbacks.script).push_back(delivery);
    }

    /// Every callback whose delivery is over, the newest 10,000 in the order in which they ended. One that is delivered
    /// twice stands here twice.
    pub fn callbacks(&self) -> Vec<Callback> {
        lock(&self.callbacks.done).iter().cloned().collect()
    }

    /// Waits until this holds of the sandbox. It is looked at whenever a request, a task, a callback or the clock has
    /// moved on, so that a test neither sleeps nor spins; time that passes by itself on a real clock is no such event.
    ///
    /// ```no_run
    /// # async fn test(sandbox: &kling_sandbox::Sandbox) {
    /// sandbox.until(|sandbox| sandbox.posts_begun() == 1).await;
    /// # }
    /// ```
    pub async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        loop {
            // Before it is looked at, so that nothing in between is missed.
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

    /// Every time that the API key reached the origin of the videos: which request, and where in it.
    pub fn key_leaks(&self) -> Vec<String> {
        self.watch.seen()
    }

    /// Makes sure that the API key never reached the origin of the videos, which in truth belongs to somebody else.
    ///
    /// # Panics
    /// When it did, with every request that had it. Dropping the sandbox does the same.
    #[track_caller]
    pub fn assert_key_never_leaked(&self) {
        let leaks = self.key_leaks();
        assert!(
            leaks.is_empty(),
            "the API key was sent to the origin of the videos, send it only to the API:\n{}",
            leaks.join("\n")
        );
    }

    /// Stops it, and waits until its sockets are closed. Connections that are still open are cut.
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

/// Where it is, never the key.
impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("base_url", &self.base_url)
            .field("video_origin", &self.video_origin)
            .finish_non_exhaustive()
    }
}

/// The settings, but for the key.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("port", &self.port)
            .field("task_time", &self.task_time)
            .field("any_model", &self.any_model)
            .field("external_ids", &self.external_ids)
            .field("duplicates", &self.duplicates)
            .field("concurrency", &self.concurrency)
            .field("hidden_for", &self.hidden_for)
            .finish_non_exhaustive()
    }
}
