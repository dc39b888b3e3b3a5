//! Waiting for a task: polls spread around the time it is expected to take, until it ends or the deadline comes.
//!
//! A poll has three outcomes that are never mixed up: the task has ended, it is still running, or the poll itself
//! failed, which says nothing about the task. What each means is decided in `Watch`, which asks nothing itself; when to
//! poll next is a policy (`polling.rs`); time comes from the client's clock.

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use futures_core::Stream;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::answer::{TaskInfo, TaskStatus, Video};
use crate::client::Client;
use crate::clock::{Age, Clock, Sleep, chance};
use crate::download::{Download, VideoStream};
use crate::error::{Error, ErrorKind, Result};
use crate::polling::{PollPolicy, PollState};
use crate::span::{ended, record};
use crate::task::Task;
use crate::transfer::Transfer;

/// What is seen while waiting.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitEvent {
    /// The task's status is another than at the poll before.
    Changed(TaskInfo),
    /// The task runs on.
    Running {
        /// The time since the wait began.
        elapsed: Duration,
        /// The time it was expected to take.
        expected: Duration,
    },
    /// A poll failed; the task goes on, and so does the wait.
    PollFailed(Error),
    /// The task has ended with its videos.
    Done(FinishedTask),
}

/// A wait for a task: await it for the [`FinishedTask`], or take its [`WaitEvent`]s as a stream.
///
/// When it asks is up to its [`PollPolicy`], which is [`SteadyPolling`](crate::SteadyPolling) if not said. A failed poll
/// is never a failed task: it is asked again, later each time. It owns what it needs and can be moved to another thread.
///
/// # Errors
/// [`TaskFailed`](ErrorKind::TaskFailed) with the API's reason, [`WaitTimedOut`](ErrorKind::WaitTimedOut) after 30
/// minutes or the time of [`timeout`](Self::timeout) (the task goes on: wait again), or
/// [`Rejected`](ErrorKind::Rejected) if the API refuses to be asked. A task that the API does not know is refused only
/// 15 seconds after its submit.
///
/// ```no_run
/// # async fn run(task: kling_client::Task) -> kling_client::Result<()> {
/// use std::time::Duration;
///
/// let finished = task.wait().timeout(Duration::from_secs(3600)).await?;
/// println!("{:?}", finished.videos());
/// # Ok(())
/// # }
/// ```
#[must_use = "a wait does nothing until it is awaited or polled"]
pub struct Wait {
    watch: Watch,
    step: Step,
}

enum Step {
    Idle,
    Pausing(Sleep),
    Asking(Pin<Box<dyn Future<Output = Result<TaskInfo>> + Send>>),
    Over,
}

impl Wait {
    pub(crate) fn new(task: &Task) -> Self {
        Self { watch: Watch::new(task), step: Step::Idle }
    }

    /// Gives up after this time, counted from the call of `wait`; 30 minutes if not said. A poll under way is cut then,
    /// and one last is made, which may take 5 seconds.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|watch| watch.timeout = timeout)
    }

    /// How long the task is expected to take from its submit on; what the client says
    /// ([`ClientBuilder::expected`](crate::ClientBuilder::expected)) if not said.
    pub fn expected(self, expected: Duration) -> Self {
        self.with(|watch| watch.expected = expected)
    }

    /// When to poll; what the client says ([`ClientBuilder::poll_policy`](crate::ClientBuilder::poll_policy)) if not said.
    pub fn policy(self, policy: impl PollPolicy) -> Self {
        self.with(|watch| watch.policy = Arc::new(policy))
    }

    fn with(mut self, change: impl FnOnce(&mut Watch)) -> Self {
        change(&mut self.watch);
        // A pause that has begun was decided by what held before.
        if let Step::Pausing(_) = self.step {
            self.step = Step::Idle;
        }
        self
    }

    pub(crate) fn into_watch(self) -> Watch {
        self.watch
    }
}

impl From<Task> for Wait {
    fn from(task: Task) -> Self {
        task.wait()
    }
}

impl std::fmt::Debug for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wait").field("task_id", &self.watch.task.id()).finish_non_exhaustive()
    }
}

impl Stream for Wait {
    type Item = Result<WaitEvent>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watch, step } = self.get_mut();
        loop {
            let event = match step {
                Step::Over => return Poll::Ready(None),
                Step::Idle => match watch.end() {
                    Some(end) => end.map(WaitEvent::Done),
                    None => {
                        let clock = watch.clock();
                        *step = Step::Pausing(clock.sleep(watch.pause(chance(clock))));
                        continue;
                    }
                },
                Step::Pausing(pause) => {
                    ready!(pause.as_mut().poll(context));
                    *step = Step::Asking(Box::pin(watch.ask()));
                    continue;
                }
                Step::Asking(poll) => {
                    let answer = ready!(poll.as_mut().poll(context));
                    watch.answered(answer)
                }
            };
            *step = if matches!(event, Ok(WaitEvent::Done(_)) | Err(_)) { Step::Over } else { Step::Idle };
            return Poll::Ready(Some(event));
        }
    }
}

impl IntoFuture for Wait {
    type Output = Result<FinishedTask>;
    type IntoFuture = Waiting;

    fn into_future(self) -> Waiting {
        Waiting(self)
    }
}

/// The future of a [`Wait`].
#[derive(Debug)]
pub struct Waiting(Wait);

impl Future for Waiting {
    type Output = Result<FinishedTask>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match ready!(Pin::new(&mut self.0).poll_next(context)) {
                Some(Ok(WaitEvent::Done(finished))) => return Poll::Ready(Ok(finished)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => {
                    return Poll::Ready(Err(Error::new(ErrorKind::Other, "wait", "this wait has already ended")));
                }
            }
        }
    }
}

/// A task that has ended with at least one video.
#[derive(Clone)]
pub struct FinishedTask {
    client: Client,
    info: Arc<TaskInfo>,
    /// That of its generation.
    span: Span,
}

impl FinishedTask {
    /// The task as it ended.
    pub fn info(&self) -> &TaskInfo {
        &self.info
    }

    /// Its videos, at least one.
    pub fn videos(&self) -> &[Video] {
        &self.info.videos
    }

    /// Brings the video to a file; see [`Download`].
    pub fn download(&self, path: impl Into<PathBuf>) -> Download {
        Download::new(self.transfer(), path.into())
    }

    /// Gives the bytes of the video as they come; see [`VideoStream`].
    pub fn bytes_stream(&self) -> VideoStream {
        VideoStream::new(self.transfer())
    }

    fn transfer(&self) -> Transfer {
        Transfer::new(self.client.clone(), Arc::clone(&self.info), self.span.clone())
    }
}

impl std::fmt::Debug for FinishedTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FinishedTask").field("info", &self.info).finish_non_exhaustive()
    }
}

/// What to do after a task has failed.
const ANOTHER: &str = "what the reason names must change; a new request is a new purchase";
/// How long after a create the API may not know the task yet.
const GRACE: Duration = Duration::from_secs(15);
/// The longest of all waits, if not said: six times what was recorded.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long the poll at the deadline may take: two lost attempts to connect are repeated after 1 and 3 s.
pub(crate) const LAST_POLL: Duration = Duration::from_secs(5);

/// What a wait knows of its task, and what it makes of each answer. It asks nothing itself.
pub(crate) struct Watch {
    pub(crate) task: Task,
    policy: Arc<dyn PollPolicy>,
    expected: Duration,
    started: Duration,
    timeout: Duration,
    age: Option<Age>,
    /// When it was made by the API's clock.
    pub(crate) created: Option<SystemTime>,
    status: Option<TaskStatus>,
    seen: bool,
    polls: u32,
    failures: u32,
    retry_after: Option<Duration>,
    /// Whether the last poll was the one at the deadline.
    last: bool,
    /// The task as it was known to have ended before anything was asked.
    ended: Option<Arc<TaskInfo>>,
    /// That of this wait; that of the generation that it is a part of is the task's.
    span: Span,
}

impl Watch {
    fn new(task: &Task) -> Self {
        let client = task.client();
        let span = task.span().in_scope(|| {
            info_span!(
                "kling.wait",
                operation = "wait",
                task_id = task.id(),
                attempts = Empty,
                status = Empty,
                elapsed_ms = Empty,
                error = Empty
            )
        });
        Self {
            task: task.unseen(),
            policy: Arc::clone(client.poll_policy()),
            expected: client.expected_of(task),
            started: client.clock().now(),
            timeout: TIMEOUT,
            age: task.age(),
            created: task.info().and_then(|info| info.created_at),
            status: task.status().cloned(),
            seen: task.info().is_some(),
            polls: 0,
            failures: 0,
            retry_after: None,
            last: false,
            ended: task.ended().cloned(),
            span,
        }
    }

    fn clock(&self) -> &dyn Clock {
        self.task.client().clock()
    }

    /// The time until the deadline.
    pub(crate) fn left(&self) -> Duration {
        self.started.saturating_add(self.timeout).saturating_sub(self.clock().now())
    }

    /// The end, if there is nothing more to ask: the task had ended already, or the time is over.
    pub(crate) fn end(&mut self) -> Option<Result<FinishedTask>> {
        if let Some(info) = self.ended.take() {
            return Some(self.finish(info));
        }
        (self.last && self.left().is_zero()).then(|| Err(self.timed_out()))
    }

    /// How long to wait before the next poll.
    pub(crate) fn pause(&self, random: f64) -> Duration {
        let pause = self.policy.pause(&PollState {
            age: self.age.map(|age| age.now(self.clock())),
            expected: self.expected,
            seen: self.seen,
            polls: self.polls,
            failures: self.failures,
            retry_after: self.retry_after,
            random,
        });
        pause.min(self.left())
    }

    /// The poll that is due.
    pub(crate) fn ask(&mut self) -> impl Future<Output = Result<TaskInfo>> + Send + use<> {
        let (limit, client, id) = (self.begin(), self.task.client().clone(), Arc::clone(self.task.shared_id()));
        async move { client.get(&id, limit).await }.instrument(self.span.clone())
    }

    /// Counts a poll that begins now, and says how long it may take.
    pub(crate) fn begin(&mut self) -> Duration {
        self.polls = self.polls.saturating_add(1);
        record(&self.span, "attempts", self.polls);
        let left = self.left();
        self.last = left.is_zero();
        if self.last { LAST_POLL } else { left }
    }

    /// What an answer means for the wait; an error is its end.
    pub(crate) fn answered(&mut self, answer: Result<TaskInfo>) -> Result<WaitEvent> {
        let info = match answer {
            Ok(info) => info,
            Err(error) if self.may_pass(&error) => {
                self.failed(error.retry_after());
                return Ok(WaitEvent::PollFailed(error));
            }
            Err(error) => {
                self.over(Some(&error));
                return Err(error.with_ids(Some(self.task.id()), self.task.external_task_id()));
            }
        };
        (self.failures, self.retry_after, self.seen) = (0, None, true);
        if info.status.is_final() {
            return self.finish(Arc::new(info)).map(WaitEvent::Done);
        }
        self.created = info.created_at.or(self.created);
        self.age = self.age.or_else(|| Age::of(self.clock(), info.created_at?));
        if self.status.as_ref() == Some(&info.status) {
            let elapsed = self.clock().now().saturating_sub(self.started);
            return Ok(WaitEvent::Running { elapsed, expected: self.expected });
        }
        self.status = Some(info.status.clone());
        Ok(WaitEvent::Changed(info))
    }

    /// Takes note of a poll that failed.
    pub(crate) fn failed(&mut self, retry_after: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        self.retry_after = retry_after;
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether a failed poll says nothing lasting: asking again may well succeed.
    fn may_pass(&self, error: &Error) -> bool {
        // A task that the API does not know is a task of tomorrow only for some seconds after its create.
        let unknown = error.kind() == ErrorKind::Rejected && matches!(error.http_status(), Some(400 | 404));
        let is_new = || self.age.is_some_and(|age| age.now(self.clock()) < GRACE);
        error.is_retryable() && (!unknown || is_new())
    }

    /// Tells of the end of the wait.
    fn over(&self, error: Option<&Error>) {
        ended(&self.span, self.clock(), self.started, error);
        if let Some(error) = error {
            record(self.task.span(), "error", error.kind());
        }
    }

    fn finish(&self, info: Arc<TaskInfo>) -> Result<FinishedTask> {
        let finished = self.finished(info);
        self.over(finished.as_ref().err());
        finished
    }

    fn finished(&self, info: Arc<TaskInfo>) -> Result<FinishedTask> {
        record(&self.span, "status", &info.status);
        record(self.task.span(), "status", &info.status);
        self.task.release();
        let (kind, message, hint) = match (&info.status, &info.status_message) {
            (TaskStatus::Failed, Some(reason)) => (ErrorKind::TaskFailed, reason.as_str(), ANOTHER),
            (TaskStatus::Failed, None) => (ErrorKind::TaskFailed, "the API gave no reason", ANOTHER),
            _ if info.videos.is_empty() => (
                ErrorKind::Answer,
                "the task succeeded, and the answer is without a video",
                "ask for the task again, or ask the gateway for the video by the task's id",
            ),
            _ => return Ok(FinishedTask { client: self.task.client().clone(), info, span: self.task.span().clone() }),
        };
        let message = crate::shown::shown(message, &[self.task.client().key()]);
        Err(Error::new(kind, "wait", message)
            .with_ids(Some(&info.task_id), self.task.external_task_id())
            .with_hint(hint)
            .with_info(info))
    }

    pub(crate) fn timed_out(&self) -> Error {
        let elapsed = self.clock().now().saturating_sub(self.started);
        let message = format!("no end after {elapsed:.0?} and {} polls; the task goes on", self.polls);
        let error = Error::new(ErrorKind::WaitTimedOut, "wait", message)
            .with_ids(Some(self.task.id()), self.task.external_task_id())
            .with_hint("wait for it again by its id; it is not lost");
        self.over(Some(&error));
        error
    }
}
