//! What each response means for a wait: decisions that send nothing themselves.
//!
//! A failed poll says nothing about the task. Only the API's own words end a wait: a final status, or a refusal that it
//! repeats.

use std::sync::Arc;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::clock::{Age, Clock, chance};
use crate::error::{Error, ErrorKind, Evidence, Meaning, Result};
use crate::policy::{PollPolicy, PollState};
use crate::response::reason::failure;
use crate::response::{TaskInfo, TaskStatus, redact};
use crate::span::{ended, record};
use crate::task::Task;
use crate::wait::event::{FinishedTask, WaitEvent};

/// What to do after a task has failed.
const ANOTHER: &str = "change what the reason names and submit a new request";
/// How long after a create the API may not know the task yet.
const GRACE: Duration = Duration::from_secs(15);
/// Default timeout of a wait: six times the longest task on record.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long the poll at the deadline may take, its turn in the client's poll rate included: two lost attempts to connect
/// are repeated after 1 and 3 s.
const LAST_POLL: Duration = Duration::from_secs(5);
/// After a success, how long its outputs may still come.
const OUTPUTS: Duration = Duration::from_secs(60);
/// How often in a row, and over how long, the API must repeat a refusal to poll a task that it made.
const REFUSALS: u32 = 5;
const REFUSED_FOR: Duration = Duration::from_secs(60);

/// What a wait knows of its task.
pub(crate) struct Watch {
    pub(crate) task: Task,
    pub(crate) policy: Arc<dyn PollPolicy>,
    /// What the policy decides by, but for the age, which grows, and the random number.
    pub(crate) state: PollState,
    started: Duration,
    pub(crate) timeout: Duration,
    age: Option<Age>,
    status: Option<TaskStatus>,
    /// Whether the last poll was the one at the deadline.
    last: bool,
    /// Until when the outputs of a success may still come.
    outputs_by: Option<Duration>,
    /// The refusal that the API repeats: its code or else its status, when it began, and how often it came in a row.
    refused: Option<(String, Duration, u32)>,
    /// The span of this wait; that of the generation around it is the task's.
    span: Span,
}

impl Watch {
    pub(crate) fn new(task: &Task) -> Self {
        let client = task.client();
        let span = task.span().in_scope(|| {
            info_span!(
                "kling.wait",
                operation = task.row().name,
                step = "wait",
                task_id = task.id(),
                attempts = Empty,
                status = Empty,
                elapsed_ms = Empty,
                error = Empty
            )
        });
        Self {
            task: task.unseen(),
            policy: Arc::clone(&client.shared.polling),
            state: PollState { expected: task.expected_time(), seen: task.info().is_some(), ..PollState::default() },
            started: client.clock().now(),
            timeout: TIMEOUT,
            age: task.age(),
            status: task.status().cloned(),
            last: false,
            outputs_by: None,
            refused: None,
            span,
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.task.client().clock()
    }

    pub(crate) fn left(&self) -> Duration {
        self.deadline().saturating_sub(self.clock().now())
    }

    fn deadline(&self) -> Duration {
        self.started.saturating_add(self.timeout)
    }

    /// When the poll at the deadline ends at the latest. A wait that nobody polled at that time still makes one.
    pub(crate) fn last_end(&self) -> Duration {
        let (end, now) = (self.deadline().saturating_add(LAST_POLL), self.clock().now());
        if now < end { end } else { now.saturating_add(LAST_POLL) }
    }

    /// Whether the poll at the deadline was made.
    pub(crate) fn is_last(&self) -> bool {
        self.last && self.left().is_zero()
    }

    pub(crate) fn pause(&self) -> Duration {
        let clock = self.clock();
        // After a success only its outputs are missing, which take no time of the task's own.
        let age = self.age.filter(|_| self.status != Some(TaskStatus::Succeed)).map(|age| age.now(clock));
        self.policy.pause(&PollState { age, random: chance(clock), ..self.state.clone() }).min(self.left())
    }

    /// Begins the next poll: cut at the deadline, or the last one if that has passed.
    pub(crate) fn poll(&mut self) -> impl Future<Output = Result<TaskInfo>> + Send + use<> {
        self.state.polls = self.state.polls.saturating_add(1);
        record(&self.span, "attempts", self.state.polls);
        let left = self.left();
        self.last = left.is_zero();
        let limit = if self.last { self.last_end().saturating_sub(self.clock().now()) } else { left };
        let task = self.task.clone();
        async move { task.client().get(task.target(), limit).await }.instrument(self.span.clone())
    }

    /// What a response means for the wait; an error is its end.
    pub(crate) fn on_response(&mut self, response: Result<TaskInfo>) -> Result<WaitEvent> {
        let info = match response {
            Ok(info) => info.after(self.status.as_ref()),
            Err(error) => return self.poll_failed(error),
        };
        (self.state.failures, self.state.retry_after, self.state.seen, self.refused) = (0, None, true, None);
        if info.is_over() || info.status == TaskStatus::Succeed && self.is_late(&info) {
            return self.finish(Arc::new(info)).map(WaitEvent::Done);
        }
        self.age = self.age.or_else(|| Age::of(self.clock(), info.created_at?));
        if self.status.as_ref() == Some(&info.status) {
            let elapsed = self.clock().now().saturating_sub(self.started);
            return Ok(WaitEvent::Running { elapsed, expected: self.state.expected });
        }
        self.status = Some(info.status.clone());
        Ok(WaitEvent::Changed(info))
    }

    /// Whether the time for the outputs of a success is over. It counts from the end of the task by the API's own clock, or
    /// from the first poll that saw it where the response has no dates.
    fn is_late(&mut self, info: &TaskInfo) -> bool {
        let (now, since) = (self.clock().now(), info.since(info.updated_at).unwrap_or_default());
        let by = *self.outputs_by.get_or_insert(now.saturating_add(OUTPUTS.saturating_sub(since)));
        self.task.release();
        now >= by || self.last
    }

    fn poll_failed(&mut self, error: Error) -> Result<WaitEvent> {
        let (known, now) = (self.is_known(), self.clock().now());
        let is_new = self.age.is_some_and(|age| age.now(self.clock()) < GRACE);
        let is_end = match weigh(&error, known, is_new) {
            Weight::Refusal(code) => {
                let (since, times) = match self.refused.take() {
                    Some((before, since, times)) if before == code => (since, times + 1),
                    _ => (now, 1),
                };
                self.refused = Some((code, since, times));
                times >= REFUSALS && now.saturating_sub(since) >= REFUSED_FOR
            }
            weight => {
                self.refused = None;
                weight == Weight::Final
            }
        };
        let error = error.with_ids(Some(self.task.id()), self.task.external_task_id()).of_paid(known);
        if !is_end {
            self.state.failures = self.state.failures.saturating_add(1);
            self.state.retry_after = error.retry_after();
            return Ok(WaitEvent::PollFailed(error));
        }
        Err(self.failed(match self.refused {
            Some(_) => error.with_kind(ErrorKind::UnexpectedResponse).with_retry(true, None).with_hint(GOES_ON),
            None => error,
        }))
    }

    /// Whether the API surely has the task.
    fn is_known(&self) -> bool {
        self.state.seen || self.task.is_known()
    }

    /// Records that the wait ended with this error.
    fn failed(&self, error: Error) -> Error {
        ended(&self.span, self.clock(), self.started, Some(&error));
        record(self.task.span(), "error", error.kind());
        error.with_operation(self.task.row().name)
    }

    /// Ends the wait for a task that has ended.
    pub(crate) fn finish(&self, info: Arc<TaskInfo>) -> Result<FinishedTask> {
        record(&self.span, "status", &info.status);
        record(self.task.span(), "status", &info.status);
        self.task.release();
        let (kind, message, hint) = match (&info.status, &info.status_message) {
            (TaskStatus::Failed, Some(reason)) => (ErrorKind::TaskFailed, reason.as_str(), ANOTHER),
            (TaskStatus::Failed, None) => (ErrorKind::TaskFailed, "the API gave no reason", ANOTHER),
            _ if info.own_outputs().next().is_none() => (
                ErrorKind::UnexpectedResponse,
                "the task succeeded and is paid, and its response still has no output",
                "poll the task again later, or ask the gateway for the output by the task's id",
            ),
            _ => {
                ended(&self.span, self.clock(), self.started, None);
                return Ok(FinishedTask { task: self.task.clone(), info });
            }
        };
        let own = self.task.client().auth.secrets();
        let secrets: Vec<_> = self.task.secrets().iter().chain(&own).map(String::as_str).collect();
        let error = Error::new(kind, "wait", redact::shown(message, &secrets))
            .with_retry(kind == ErrorKind::UnexpectedResponse, None)
            .of_paid(kind != ErrorKind::TaskFailed)
            .with_ids(Some(&info.task_id), self.task.external_task_id())
            .with_hint(hint)
            .with_evidence(Evidence { reason: failure(message), ..Evidence::default() });
        Err(self.failed(error.attach(info)))
    }

    /// Ends the wait at its deadline.
    pub(crate) fn timed_out(&self) -> Error {
        let elapsed = self.clock().now().saturating_sub(self.started);
        let message = format!("no end after {elapsed:.0?} and {} polls; the task goes on", self.state.polls);
        let error = Error::new(ErrorKind::WaitTimedOut, "wait", message)
            .of_paid(self.is_known())
            .with_ids(Some(self.task.id()), self.task.external_task_id())
            .with_hint("wait for the task again by its id; it is not lost");
        self.failed(error)
    }
}

const GOES_ON: &str = "the task is paid and goes on; wait for it again by its id, and ask the gateway if this stays";

/// What a failed poll says.
#[derive(Debug, PartialEq)]
enum Weight {
    /// Nothing about the task.
    Passing,
    /// The API refuses, with this code or else status, a task that it has; it counts once it is repeated.
    Refusal(String),
    /// Polling again is of no use.
    Final,
}

/// What a failed poll says about a task: one that the API surely has, or one known by its id alone, which the API may not
/// know yet if it `is_new`.
fn weigh(error: &Error, known: bool, is_new: bool) -> Weight {
    const KEY: [&str; 6] = ["1000", "1001", "1002", "1003", "1004", "1103"];
    let Evidence { meaning, is_json, .. } = error.evidence();
    let Some(status) = error.http_status() else {
        // No response: a poll that cannot be sent never gets one.
        let is_final = error.kind() == ErrorKind::Other || !known && !error.is_retryable();
        return if is_final { Weight::Final } else { Weight::Passing };
    };
    let refuses = matches!(meaning, Meaning::Never | Meaning::NotKnown | Meaning::Lacking);
    let passes = matches!(status, 409 | 425 | 429 | 500..);
    let is_of_key = matches!(status, 401 | 403) || error.code().is_some_and(|code| KEY.contains(&code));
    if !refuses || passes && (known || !is_of_key) {
        return Weight::Passing;
    }
    match (known, meaning) {
        (true, _) if is_json => Weight::Refusal(error.code().map_or_else(|| status.to_string(), str::to_owned)),
        (false, Meaning::NotKnown) if is_new => Weight::Passing,
        (false, Meaning::NotKnown) => Weight::Final,
        (false, _) if is_json || is_of_key || error.body_snippet().is_none() => Weight::Final,
        _ => Weight::Passing,
    }
}
