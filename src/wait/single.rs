//! The wait for one task: a state machine of pauses and polls.

use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;

use crate::clock::Sleep;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::PollPolicy;
use crate::rate::Slot;
use crate::response::TaskInfo;
use crate::task::Task;
use crate::wait::event::{FinishedTask, WaitEvent};
use crate::wait::watch::Watch;

/// A wait for one task: await it for the [`FinishedTask`], or read its [`WaitEvent`]s as a stream.
///
/// A failed poll is never a failed task: it is repeated, later each time. A wait owns what it needs and can be moved to
/// another thread.
///
/// A success without an output is polled until 60 seconds after the task ended: gateways report it before they have
/// copied the file. The words `error`, `expired`, `aborted` and `timeout` are a failure once two polls in a row say so.
///
/// # Errors
/// - [`TaskFailed`](ErrorKind::TaskFailed), with the API's reason.
/// - [`WaitTimedOut`](ErrorKind::WaitTimedOut), at the deadline of [`timeout`](Self::timeout): the task goes on, wait again.
/// - [`UnexpectedResponse`](ErrorKind::UnexpectedResponse), if the API refuses 5 polls in a row, over at least 60 seconds and
///   in the same words, about a task that it made or knew before: the task is paid and goes on. Pages, text, 409, 425, 429
///   and 5xx never end a wait: proxies and limiters say these.
/// - [`Rejected`](ErrorKind::Rejected), if the API refuses the first poll of a task known by its id alone, or does not
///   know it.
///
/// ```no_run
/// # async fn run(task: kling_client::Task) -> kling_client::Result<()> {
/// use std::time::Duration;
///
/// let finished = task.wait().timeout(Duration::from_secs(3600)).await?;
/// println!("{:?}", finished.outputs());
/// # Ok(())
/// # }
/// ```
#[must_use = "a wait does nothing until it is awaited or polled"]
pub struct Wait {
    pub(crate) watch: Watch,
    phase: Phase,
}

enum Phase {
    /// The task had ended before.
    Ended(Arc<TaskInfo>),
    Idle,
    /// Until the next poll is due, then until its slot in the client's poll rate: no poll is held in memory meanwhile.
    Pausing(Sleep, Option<Slot>),
    Polling(BoxFuture<'static, Result<TaskInfo>>),
    Over,
}

impl Task {
    /// Waits for the outputs; see [`Wait`]. For many tasks see [`Client::wait_all`](crate::Client::wait_all).
    pub fn wait(&self) -> Wait {
        let phase = self.final_info().map_or(Phase::Idle, |info| Phase::Ended(Arc::clone(info)));
        Wait { watch: Watch::new(self), phase }
    }
}

impl Wait {
    /// Time from the call of `wait` to the deadline. Default: 30 minutes.
    ///
    /// At the deadline a running poll is cut and one last poll is made, which may take 5 seconds. It is left out if the
    /// client's poll rate has no turn for it within these 5 seconds.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|watch| watch.timeout = timeout)
    }

    /// Time from submit to end that the task is expected to take. Default:
    /// [`ClientBuilder::expected`](crate::ClientBuilder::expected).
    pub fn expected(self, expected: Duration) -> Self {
        self.with(|watch| watch.state.expected = expected)
    }

    /// When to poll. Default: [`ClientBuilder::poll_policy`](crate::ClientBuilder::poll_policy).
    pub fn policy(self, policy: impl PollPolicy) -> Self {
        self.with(|watch| watch.policy = Arc::new(policy))
    }

    fn with(mut self, change: impl FnOnce(&mut Watch)) -> Self {
        change(&mut self.watch);
        // The former settings decided a pause that has begun.
        if let Phase::Pausing(..) = self.phase {
            self.phase = Phase::Idle;
        }
        self
    }
}

impl From<Task> for Wait {
    fn from(task: Task) -> Self {
        task.wait()
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("task_id", &self.watch.task.id()).finish_non_exhaustive()
    }
}

impl Stream for Wait {
    type Item = Result<WaitEvent>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watch, phase } = self.get_mut();
        let event = loop {
            match phase {
                Phase::Over => return Poll::Ready(None),
                Phase::Ended(info) => break watch.finish(Arc::clone(info)).map(WaitEvent::Done),
                Phase::Idle if watch.is_last() => break Err(watch.timed_out()),
                Phase::Idle => {
                    let pause = watch.pause();
                    // Timers that end together end in any order: without one, tasks queue in the order they are given.
                    let sleep = if pause.is_zero() { Box::pin(ready(())) } else { watch.clock().sleep(pause) };
                    *phase = Phase::Pausing(sleep, None);
                }
                Phase::Pausing(pause, slot) => {
                    ready!(pause.as_mut().poll(context));
                    let now = watch.clock().now();
                    let reserve = || watch.task.client().shared.poll_rate.reserve(now);
                    match slot.get_or_insert_with(reserve).take(now) {
                        None => *phase = Phase::Polling(Box::pin(watch.poll())),
                        Some(at) if at < watch.last_end() => *pause = watch.clock().sleep(at.saturating_sub(now)),
                        // There is no turn before the end, unless others leave the queue until the deadline.
                        Some(_) if !watch.left().is_zero() => {
                            *phase = Phase::Pausing(watch.clock().sleep(watch.left()), None);
                        }
                        Some(_) => break Err(watch.timed_out()),
                    }
                }
                Phase::Polling(poll) => {
                    let response = ready!(poll.as_mut().poll(context));
                    let too_many = response.as_ref().is_err_and(|error| error.http_status() == Some(429));
                    watch.task.client().shared.poll_rate.note(too_many, watch.clock().now());
                    break watch.on_response(response);
                }
            }
        };
        *phase = if matches!(event, Ok(WaitEvent::Done(_)) | Err(_)) { Phase::Over } else { Phase::Idle };
        Poll::Ready(Some(event))
    }
}

impl IntoFuture for Wait {
    type Output = Result<FinishedTask>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            while let Some(event) = self.next().await {
                if let WaitEvent::Done(finished) = event? {
                    return Ok(finished);
                }
            }
            Err(Error::new(ErrorKind::Other, "wait", "this wait has already ended"))
        })
    }
}
