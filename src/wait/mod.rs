//! Waiting for a task: polls spread around the time it is expected to take, until it ends or the deadline comes.
//!
//! What a response means is decided in `watch.rs`, when to poll next is a policy (`policy.rs`), and time comes from the
//! client's clock.

mod all;
pub(crate) mod policy;
pub(crate) mod watch;

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::clock::{Sleep, chance};
use crate::download::transfer::Transfer;
use crate::download::{Download, VideoStream};
use crate::error::{Error, ErrorKind, Result};
use crate::response::{TaskInfo, Video};
use crate::task::Task;
pub use all::WaitAll;
pub use policy::{PollPolicy, PollState, SteadyPolling};
use watch::Watch;

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
/// When it polls is up to its [`PollPolicy`]; default: [`SteadyPolling`](crate::SteadyPolling). A failed poll is never a
/// failed task: it is repeated, later each time. It owns what it needs and can be moved to another thread.
///
/// A success without an output is polled on until 60 seconds after the task ended: gateways report it before they have
/// copied the video. The words `error`, `expired`, `aborted` and `timeout` are a failure once two polls in a row say so.
///
/// # Errors
/// - [`TaskFailed`](ErrorKind::TaskFailed), with the API's reason.
/// - [`WaitTimedOut`](ErrorKind::WaitTimedOut), after 30 minutes or the time of [`timeout`](Self::timeout): the task
///   goes on, wait again.
/// - [`Answer`](ErrorKind::Answer), if the API refuses 5 polls in a row, over at least 60 seconds and in the same words,
///   about a task that it made or knew before: the task is paid and goes on. Pages, text, 409, 425, 429 and 5xx never end
///   a wait: proxies and limiters say these.
/// - [`Rejected`](ErrorKind::Rejected), if the API refuses the first poll of a task known by its id alone, or does not
///   know it.
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
    task: Task,
    info: Arc<TaskInfo>,
}

impl FinishedTask {
    pub(crate) fn new(task: Task, info: Arc<TaskInfo>) -> Self {
        Self { task, info }
    }

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
        Transfer::new(self.task.clone(), Arc::clone(&self.info))
    }
}

impl std::fmt::Debug for FinishedTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FinishedTask").field("info", &self.info).finish_non_exhaustive()
    }
}
