//! Waiting for a task: polls spread around the time it is expected to take, until it ends or the deadline comes.
//!
//! A poll has three outcomes that are never mixed up: the task has ended, it is still running, or the poll itself
//! failed, which says nothing about the task. When to poll next is a pure function; time comes from the client's clock.

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::answer::{TaskInfo, TaskStatus, Video};
use crate::client::Client;
use crate::clock::chance;
use crate::download::Download;
use crate::error::{Error, ErrorKind, Result};
use crate::task::Task;

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
/// A task that was just submitted is first asked for after 0.45 of the expected time, one that is known by its id alone at
/// once; then every 5 seconds ± 20 %. A failed poll is asked again, later each time. It owns what it needs and can be moved to another thread.
///
/// # Errors
/// [`TaskFailed`](ErrorKind::TaskFailed) with the API's reason, [`WaitTimedOut`](ErrorKind::WaitTimedOut) after 30
/// minutes or the time of [`timeout`](Self::timeout) (the task goes on: wait again), or
/// [`Rejected`](ErrorKind::Rejected) if the API refuses to be asked.
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
    state: State,
}

/// A poll under way, and the pause before it.
type Step = Pin<Box<dyn Future<Output = (Box<Watch>, Result<WaitEvent>)> + Send>>;

enum State {
    Idle(Box<Watch>),
    Busy(Step),
    Over,
}

impl Wait {
    pub(crate) fn new(task: Task) -> Self {
        let expected = match task.client().is_loopback() {
            true => Policy::LOOPBACK_EXPECTED,
            false => Policy::EXPECTED,
        };
        Self {
            state: State::Idle(Box::new(Watch {
                policy: Policy { expected, ..Policy::default() },
                started: task.client().clock().now(),
                seen: task.info().map(|info| info.status.clone()),
                task,
                polls: 0,
                failures: 0,
            })),
        }
    }

    /// Gives up after this time, counted from the call of `wait`; 30 minutes if not said. One last poll is made then.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|policy| policy.timeout = timeout)
    }

    /// How long the task is expected to take; 4 minutes if not said, 2 seconds where the API is on this machine.
    pub fn expected(self, expected: Duration) -> Self {
        self.with(|policy| policy.expected = expected)
    }

    /// The time between polls once the first was made; 5 seconds if not said.
    pub fn interval(self, interval: Duration) -> Self {
        self.with(|policy| policy.interval = interval)
    }

    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        if let State::Idle(watch) = &mut self.state {
            change(&mut watch.policy);
        }
        self
    }
}

impl std::fmt::Debug for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}

impl Stream for Wait {
    type Item = Result<WaitEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut step = match std::mem::replace(&mut self.state, State::Over) {
            State::Over => return Poll::Ready(None),
            State::Idle(watch) => Box::pin(watch.next()) as Step,
            State::Busy(step) => step,
        };
        match step.as_mut().poll(context) {
            Poll::Pending => {
                self.state = State::Busy(step);
                Poll::Pending
            }
            Poll::Ready((watch, event)) => {
                if !matches!(event, Ok(WaitEvent::Done(_)) | Err(_)) {
                    self.state = State::Idle(watch);
                }
                Poll::Ready(Some(event))
            }
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
            match std::task::ready!(Pin::new(&mut self.0).poll_next(context)) {
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
#[derive(Debug, Clone)]
pub struct FinishedTask {
    client: Client,
    info: Box<TaskInfo>,
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
        Download::new(self.client.clone(), TaskInfo::clone(&self.info), path.into())
    }
}

/// When to poll.
#[derive(Debug, Clone)]
struct Policy {
    expected: Duration,
    interval: Duration,
    timeout: Duration,
}

impl Policy {
    /// 5-second clips took 229, 232, 237 and 301 s.
    const EXPECTED: Duration = Duration::from_secs(240);
    /// On this machine answers a sandbox, which has no reason to take minutes.
    const LOOPBACK_EXPECTED: Duration = Duration::from_secs(2);
    /// The share of the expected time before the first poll; with it a job of 240 s took 31 polls and was seen 2.7 s late.
    const FIRST: f64 = 0.45;
    /// How far each wait may lie off its interval, so that many clients do not poll in step.
    const SPREAD: f64 = 0.2;
    /// The longest wait after polls that failed one after the other.
    const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
    /// How long after a create the API may not know the task yet.
    const GRACE: Duration = Duration::from_secs(15);

    /// How long to wait before the next poll of a task of this age, if that is known; `random` is from 0 to 1.
    fn pause(&self, age: Option<Duration>, failures: u32, random: f64) -> Duration {
        // Nothing is known of it yet: ask.
        let Some(age) = age else {
            return if failures == 0 { Duration::ZERO } else { self.steady(failures, random) };
        };
        let young = self.expected.mul_f64(Self::FIRST).saturating_sub(age);
        young.max(self.steady(failures, random))
    }

    fn steady(&self, failures: u32, random: f64) -> Duration {
        // Never longer than a part of what the task itself takes: where that is seconds, so is the interval.
        let interval = self.interval.min(self.expected.mul_f64(0.1).max(Duration::from_millis(100)));
        let spread = 1.0 + Self::SPREAD * (2.0 * random - 1.0);
        let backoff = interval.saturating_mul(1 << failures.min(10)).min(Self::LONGEST_BACKOFF.max(interval));
        backoff.mul_f64(spread)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { expected: Self::EXPECTED, interval: Duration::from_secs(5), timeout: Duration::from_secs(30 * 60) }
    }
}

/// What to do after a task has failed.
const ANOTHER: &str = "what the reason names must change; a new request is a new purchase";

/// The state of a wait between two events.
struct Watch {
    task: Task,
    policy: Policy,
    started: Duration,
    seen: Option<TaskStatus>,
    polls: u32,
    failures: u32,
}

impl Watch {
    async fn next(mut self: Box<Self>) -> (Box<Self>, Result<WaitEvent>) {
        let clock = std::sync::Arc::clone(self.task.client().clock());
        let elapsed = clock.now().saturating_sub(self.started);
        // A task that was seen to have ended needs no poll, nor does one whose last poll was the one at the deadline.
        if let Some(info) = self.task.info().filter(|info| info.status.is_final()).cloned() {
            let end = self.end(info);
            return (self, end);
        }
        if elapsed >= self.policy.timeout && self.polls > 0 {
            let end = Err(self.timed_out(elapsed));
            return (self, end);
        }
        let pause = self.policy.pause(self.task.age(), self.failures, chance(&*clock));
        clock.sleep(pause.min(self.policy.timeout.saturating_sub(elapsed))).await;
        self.polls += 1;
        let polled = self.task.refresh().await.cloned();
        let elapsed = clock.now().saturating_sub(self.started);
        let event = match polled {
            Ok(info) => {
                self.failures = 0;
                if info.status == TaskStatus::Succeed || info.status == TaskStatus::Failed {
                    self.end(info)
                } else if self.seen.as_ref() == Some(&info.status) {
                    Ok(WaitEvent::Running { elapsed, expected: self.policy.expected })
                } else {
                    self.seen = Some(info.status.clone());
                    Ok(WaitEvent::Changed(info))
                }
            }
            Err(error) if may_pass(&error, self.task.since_submit()) => {
                self.failures += 1;
                Ok(WaitEvent::PollFailed(error))
            }
            Err(error) => Err(error),
        };
        (self, event)
    }

    fn end(&self, info: TaskInfo) -> Result<WaitEvent> {
        let (kind, message, hint) = match (&info.status, &info.status_message) {
            (TaskStatus::Failed, Some(reason)) => (ErrorKind::TaskFailed, reason.as_str(), ANOTHER),
            (TaskStatus::Failed, None) => (ErrorKind::TaskFailed, "the API gave no reason", ANOTHER),
            _ if info.videos.is_empty() => (
                ErrorKind::Answer,
                "the task succeeded, and the answer is without a video",
                "ask for the task again, or ask the gateway for the video by the task's id",
            ),
            _ => return Ok(WaitEvent::Done(FinishedTask { client: self.task.client().clone(), info: Box::new(info) })),
        };
        let message = crate::error::shown(message, &[self.task.client().key()]);
        Err(Error::new(kind, "wait", message)
            .with_ids(Some(&info.task_id), self.task.external_task_id())
            .with_hint(hint))
    }

    fn timed_out(&self, elapsed: Duration) -> Error {
        let message = format!("no end after {elapsed:.0?} and {} polls; the task goes on", self.polls);
        Error::new(ErrorKind::WaitTimedOut, "wait", message)
            .with_ids(Some(self.task.id()), self.task.external_task_id())
            .with_hint("wait for it again by its id; it is not lost")
    }
}

/// Whether a failed poll says nothing lasting: asking again may well succeed.
fn may_pass(error: &Error, age: Option<Duration>) -> bool {
    // A task that the API does not know is a task of tomorrow only for some seconds after its create.
    let unknown = error.kind() == ErrorKind::Rejected && matches!(error.http_status(), Some(400 | 404));
    error.is_retryable() && (!unknown || age.is_some_and(|age| age < Policy::GRACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn polls_wait_for_the_expected_time_then_come_steadily_and_never_exponentially() {
        let policy = Policy::default();
        assert_eq!(policy.pause(Some(Duration::ZERO), 0, 0.5), seconds(108));
        assert_eq!(policy.pause(Some(seconds(100)), 0, 0.5), seconds(8), "a task that is taken up again");
        for age in [108, 200, 1000, 100_000] {
            assert_eq!(policy.pause(Some(seconds(age)), 0, 0.0), seconds(4));
            assert_eq!(policy.pause(Some(seconds(age)), 0, 0.5), seconds(5));
            assert!(policy.pause(Some(seconds(age)), 0, 0.999) < seconds(6));
        }
    }

    #[test]
    fn a_task_of_which_nothing_is_known_is_asked_for_at_once() {
        assert_eq!(Policy::default().pause(None, 0, 0.5), Duration::ZERO);
        assert_eq!(Policy::default().pause(None, 1, 0.5), seconds(10));
    }

    #[test]
    fn failed_polls_back_off_up_to_a_minute() {
        let policy = Policy::default();
        let pauses: Vec<_> =
            [1, 2, 3, 4, 40].map(|failures| policy.pause(Some(seconds(999)), failures, 0.5).as_secs()).into();
        assert_eq!(pauses, [10, 20, 40, 60, 60]);
    }

    #[test]
    fn where_tasks_take_seconds_polls_do_too() {
        let policy = Policy { expected: Policy::LOOPBACK_EXPECTED, ..Policy::default() };
        assert_eq!(policy.pause(Some(Duration::ZERO), 0, 0.5), Duration::from_millis(900));
        assert_eq!(policy.pause(Some(seconds(1)), 0, 0.5), Duration::from_millis(200));
        let at_once = Policy { expected: Duration::ZERO, ..Policy::default() };
        assert_eq!(at_once.pause(Some(Duration::ZERO), 0, 0.5), Duration::from_millis(100));
    }
}
