//! The workflow of a video. Its id is the external id of its task.

use std::time::Duration;

use kling_cli::batch::State;
use kling_client::SavedTask;
use temporalio_common::RetryPolicy;
use temporalio_common::error::{ActivityExecutionError, TimeoutType};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::workflows::{join, select};
use temporalio_sdk::{
    ActivityOptions, MemoValue, SignalWorkflowOptions, SyncWorkflowContext, TimerOptions, WaitConditionOptions,
    WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult,
};

use crate::account::Account;
use crate::activities::Activities;
use crate::batch::Batch;
use crate::data::{Ended, NoTask, Report, Resolution, Submit, Trouble, VideoInput};
use crate::decide::{DOUBTS, FAILURES, LOOK_UPS, Pace};
use crate::ids;

/// Longest submit: an upload of many images, and a response.
const SUBMIT: Duration = Duration::from_secs(1800);
/// Longest wait and download.
const DAY: Duration = Duration::from_secs(26 * 3600);
/// Attempts after which an output is left where it is: about two hours.
const ATTEMPTS: u32 = 30;

/// A request of a batch, from its submit to its output.
#[workflow]
pub struct Video {
    input: VideoInput,
    placed: bool,
    resolution: Option<Resolution>,
}

#[workflow_methods]
impl Video {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: VideoInput) -> Self {
        Self { input, placed: false, resolution: None }
    }

    /// Submits the request, waits for its task, downloads its output, and reports how it ended.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Ended> {
        let input = ctx.state(|video| video.input.clone());
        ctx.upsert_memo([("line", Some(MemoValue::new(input.row.line)))])?;
        let mut video = Course { ctx, input, trouble: None };
        let ended = match video.submit().await {
            Ok(task) => video.bring_home(task).await,
            Err(ended) => {
                video.leave().await;
                ended
            }
        };
        video.report(None, Some(ended.clone())).await;
        Ok(ended)
    }

    /// A place among the running tasks of the account is granted; or not, and the sender finds out whether this video still runs.
    #[signal]
    pub fn place(&mut self, _ctx: &mut SyncWorkflowContext<Self>, granted: bool) {
        self.placed |= granted;
    }

    /// Somebody knows the outcome of the submit, or decides.
    #[signal]
    pub fn resolve(&mut self, _ctx: &mut SyncWorkflowContext<Self>, resolution: Resolution) {
        self.resolution = Some(resolution);
    }
}

/// One run of the workflow.
struct Course<'a> {
    ctx: &'a WorkflowContext<Video>,
    input: VideoInput,
    /// The trouble that the batch knows of.
    trouble: Option<Trouble>,
}

impl Course<'_> {
    /// Submits until there is a task. Only before a submit may a cancellation end it; what may be charged goes on.
    async fn submit(&mut self) -> Result<SavedTask, Ended> {
        let (pace, mut halts, mut failures) = (self.input.pace, 0, 0);
        let original_run = self.ctx.info().raw().original_execution_run_id.clone();
        for earlier in 0.. {
            self.place().await?;
            let input = Submit { video: self.input.clone(), original_run: original_run.clone(), earlier };
            let mut options = self.options(SUBMIT, 1);
            options.task_queue = Some(ids::submit_queue(&self.input.account));
            // A pause before the next one, or why nothing can be submitted.
            let pause = match self.ctx.execute_activity(Activities::submit, input, options).await {
                Ok(Ok(task)) => return Ok(task),
                Ok(Err(NoTask::Refused(why))) => return Err(Ended::new(State::Failed, why)),
                Ok(Err(NoTask::Again { least_ms, doubtful, limit, why })) => {
                    if doubtful && let Some(found) = self.look_up(why.clone(), true).await {
                        return found;
                    }
                    failures = if limit { 0 } else { failures + 1 };
                    let pause = pace.pause(earlier, Duration::from_millis(least_ms));
                    if failures < FAILURES { Ok(pause) } else { Err((false, why)) }
                }
                Ok(Err(NoTask::Halt { model, why })) => Err((model, why)),
                // Nobody received it, or its worker died before: nothing was sent.
                Err(error) if never_began(&error) => Ok(pace.pause(earlier, Duration::ZERO)),
                lost => {
                    let why = match lost {
                        Ok(Err(NoTask::Lost(why))) => why,
                        // The worker died, the server did not hear of it in time, or its words cannot be read.
                        _ => "the worker gave no outcome".to_owned(),
                    };
                    match self.look_up(why, false).await {
                        Some(found) => return found,
                        None => Ok(pace.pause(earlier, Duration::ZERO)),
                    }
                }
            };
            if let Err((model, why)) = &pause {
                self.leave().await;
                self.trouble(Some(Trouble::Halted { model: *model, why: why.clone() })).await;
                halts += 1;
            } else {
                self.trouble(None).await;
            }
            self.ctx.timer(pause.unwrap_or_else(|_| pace.halt(halts - 1))).await;
        }
        Err(Ended::new(State::Failed, None))
    }

    /// Waits for a place among the running tasks of the account.
    async fn place(&self) -> Result<(), Ended> {
        loop {
            if self.ctx.cancellation_token().is_cancelled() {
                return Err(Ended::new(State::Dropped, None));
            }
            if self.ctx.state(|video| video.placed) {
                return Ok(());
            }
            let account = self.ctx.external_workflow(self.input.account.clone(), None);
            // A cancellation ends both waits.
            match account.signal(Account::take, self.input.row.id.clone(), detached_signal()).await {
                Ok(()) => _ = self.ctx.wait_condition(|video| video.placed).await,
                // No worker has started it yet.
                Err(_) => _ = self.ctx.timer(self.input.pace.pause(0, Duration::ZERO)).await,
            }
        }
    }

    /// Gives the place back.
    async fn leave(&self) {
        self.ctx.state_mut(|video| video.placed = false);
        let account = self.ctx.external_workflow(self.input.account.clone(), None);
        // An account that is not there has no places.
        _ = account.signal(Account::leave, self.input.row.id.clone(), detached_signal()).await;
    }

    /// Looks up the task of a submit with an unknown or doubtful outcome, then waits for somebody. None if it is to be submitted
    /// again.
    async fn look_up(&mut self, why: String, doubtful: bool) -> Option<Result<SavedTask, Ended>> {
        // An earlier decision is not about this submit.
        self.ctx.state_mut(|video| video.resolution = None);
        let mut readable = false;
        for earlier in 0..if doubtful { DOUBTS } else { LOOK_UPS } {
            let options = self.options(self.input.pace.heartbeat() * 2, 3);
            match self.ctx.execute_activity(Activities::look_up, self.input.row.clone(), options).await {
                Ok(Some(task)) => return Some(Ok(task)),
                found => readable = found.is_ok(),
            }
            let pause = TimerOptions::builder(self.input.pace.look_up(earlier)).cancellation_token(detached()).build();
            let mut resolved =
                Box::pin(self.ctx.wait_condition_with_options(|video| video.resolution.is_some(), detached_wait()));
            select! {
                _ = self.ctx.timer(pause) => {}
                _ = resolved => break,
            }
        }
        if doubtful && readable {
            return None;
        }
        // Its task, if there is one, has ended or will: it does not keep the others waiting.
        self.leave().await;
        self.trouble(Some(Trouble::Unknown(why))).await;
        _ = self.ctx.wait_condition_with_options(|video| video.resolution.is_some(), detached_wait()).await;
        match self.ctx.state_mut(|video| video.resolution.take())? {
            Resolution::Task { task } => Some(Ok(SavedTask::new(self.input.row.operation.clone(), "", task))),
            Resolution::SubmitAgain => None,
            Resolution::GiveUp => Some(Err(Ended::new(State::Ambiguous, "its outcome is unknown".to_owned()))),
        }
    }

    /// Waits for a task that is charged, and downloads its output. No cancellation ends it.
    async fn bring_home(&mut self, task: SavedTask) -> Ended {
        self.trouble(None).await;
        let id = Some(task.task_id.clone());
        let ended = |state, units, why| Ended { state, task: id, units, why };
        // An id that somebody gave may be mistyped.
        let attempts = if task.base_url.is_empty() { ATTEMPTS } else { 0 };
        let units = match self.ctx.execute_activity(Activities::poll, task.clone(), self.options(DAY, attempts)).await {
            Ok(Ok(units)) => units,
            other => {
                self.leave().await;
                return match other {
                    Err(error) => ended(State::Finished, None, error.cause().map(ToString::to_string)),
                    Ok(failed) => ended(State::Failed, None, failed.err()),
                };
            }
        };
        let input = (task, self.input.row.output.clone());
        let download = self.ctx.execute_activity(Activities::download, input, self.options(DAY, ATTEMPTS));
        // Its task runs no more, so its place is free.
        match join!(download, self.leave()).0 {
            Ok(_) => ended(State::Delivered, units, None),
            Err(error) => ended(State::Finished, units, error.cause().map(ToString::to_string)),
        }
    }

    /// Reports a trouble to the batch, or its end; what has not changed is not reported.
    async fn trouble(&mut self, trouble: Option<Trouble>) {
        if trouble != self.trouble {
            self.trouble.clone_from(&trouble);
            self.report(trouble, None).await;
        }
    }

    async fn report(&self, trouble: Option<Trouble>, ended: Option<Ended>) {
        let report = Report { id: self.input.row.id.clone(), trouble, ended };
        let batch = self.ctx.external_workflow(self.input.batch.clone(), None);
        // A batch that is gone counts this video by its result when it is started again.
        _ = batch.signal(Batch::report, report, detached_signal()).await;
    }

    /// Options of an activity with heartbeats.
    fn options(&self, longest: Duration, attempts: u32) -> ActivityOptions {
        let mut options = options(self.input.pace, longest, attempts);
        options.heartbeat_timeout = Some(self.input.pace.heartbeat());
        options
    }
}

/// Whether a submit ended that had not begun: it records that on the server before the POST.
fn never_began(error: &ActivityExecutionError) -> bool {
    error.as_timeout().is_some_and(|timeout| {
        timeout.timeout_type() == TimeoutType::Heartbeat
            && timeout.raw_last_heartbeat_details().is_none_or(<[_]>::is_empty)
    })
}

/// Options of an activity that no cancellation reaches; 0 attempts are as many as it takes.
pub(crate) fn options(pace: Pace, longest: Duration, attempts: u32) -> ActivityOptions {
    let first = RetryPolicy::builder().initial_interval(pace.pause(0, Duration::ZERO));
    let retries = first.maximum_interval(pace.halt(0)).maximum_attempts(attempts).build();
    let options = ActivityOptions::with_start_to_close_timeout(longest).retry_policy(retries);
    options.cancellation_token(detached()).build()
}

/// A token that no cancellation of the workflow reaches.
pub(crate) fn detached() -> WorkflowCancellationToken {
    WorkflowCancellationToken::new()
}

/// The same for a signal.
pub(crate) fn detached_signal() -> SignalWorkflowOptions {
    SignalWorkflowOptions::builder().cancellation_token(detached()).build()
}

/// The same for a wait.
pub(crate) fn detached_wait() -> WaitConditionOptions {
    WaitConditionOptions::builder().cancellation_token(detached()).build()
}
