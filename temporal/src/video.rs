//! The workflow of a video. Its id is the external id of its task.

use std::time::Duration;

use kling_client::SavedTask;
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::workflows::{join, select};
use temporalio_sdk::{
    ActivityOptions, MemoValue, SignalWorkflowOptions, SyncWorkflowContext, TimerOptions, WaitConditionOptions,
    WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowSignalError,
};

use crate::account::Account;
use crate::activities::Activities;
use crate::batch::Batch;
use crate::data::{Ended, How, Report, Resolution, Submit, Submitted, Trouble, VideoInput};
use crate::decide::{DOUBTS, LOOK_UPS, Pace};
use crate::ids;

/// Longest submit: an upload of many images, and a response.
const SUBMIT: Duration = Duration::from_secs(1800);
/// Longest wait and download.
const DAY: Duration = Duration::from_secs(26 * 3600);
/// Attempts to report to the batch.
const SIGNALS: u32 = 8;
/// Downloads after which an output is left where it is: about two hours.
const DOWNLOADS: u32 = 30;

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

    /// There is a place among the running tasks of the account.
    #[signal]
    pub fn place(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.placed = true;
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
        let (pace, mut halts) = (self.input.pace, 0);
        let original_run = self.ctx.info().raw().original_execution_run_id.clone();
        for earlier in 0.. {
            self.place().await?;
            let input = Submit { video: self.input.clone(), original_run: original_run.clone(), earlier };
            let mut options = self.options(SUBMIT, 1);
            options.task_queue = Some(ids::submit_queue(&self.input.account));
            let pause = match self.ctx.execute_activity(Activities::submit, input, options).await {
                Ok(Submitted::Task(task)) => {
                    self.trouble(None).await;
                    return Ok(task);
                }
                Ok(Submitted::Refused(why)) => return Err(Ended::new(How::Refused, why)),
                Ok(Submitted::Again { least_ms, doubtful, why }) => {
                    self.trouble(None).await;
                    if doubtful && let Some(found) = self.look_up(why, true).await {
                        return found;
                    }
                    pace.pause(earlier, Duration::from_millis(least_ms))
                }
                Ok(Submitted::Halt { model, why }) => {
                    self.leave().await;
                    self.trouble(Some(Trouble::Halted { model, why })).await;
                    halts += 1;
                    pace.halt(halts - 1)
                }
                lost => {
                    let why = match lost {
                        Ok(Submitted::Lost(why)) => why,
                        // The worker died, the server did not hear of it in time, or its words cannot be read.
                        _ => "the worker gave no outcome".to_owned(),
                    };
                    match self.look_up(why, false).await {
                        Some(found) => return found,
                        None => Duration::ZERO,
                    }
                }
            };
            if !pause.is_zero() {
                self.ctx.timer(pause).await;
            }
        }
        Err(Ended::new(How::Refused, None))
    }

    /// Waits for a place among the running tasks of the account.
    async fn place(&self) -> Result<(), Ended> {
        let cancelled = || Ended::new(How::Cancelled, None);
        while !self.ctx.state(|video| video.placed) {
            if self.ctx.cancellation_token().is_cancelled() {
                return Err(cancelled());
            }
            let account = self.ctx.external_workflow(ids::account_workflow(&self.input.account), None);
            match account.signal(Account::take, self.input.row.id.clone(), detached_signal()).await {
                Ok(()) => self.ctx.wait_condition(|video| video.placed).await.map_err(|_| cancelled())?,
                // No worker has started it yet.
                Err(_) => _ = self.ctx.timer(self.input.pace.pause(0, Duration::ZERO)).await,
            }
        }
        match self.ctx.cancellation_token().is_cancelled() {
            true => Err(cancelled()),
            false => Ok(()),
        }
    }

    /// Gives the place back.
    async fn leave(&self) {
        self.ctx.state_mut(|video| video.placed = false);
        let account = self.ctx.external_workflow(ids::account_workflow(&self.input.account), None);
        // An account that is not there has no places.
        _ = account.signal(Account::leave, self.input.row.id.clone(), detached_signal()).await;
    }

    /// Looks up the task of a submit with an unknown or doubtful outcome, then waits for somebody. None if it is to be submitted
    /// again.
    async fn look_up(&mut self, why: String, doubtful: bool) -> Option<Result<SavedTask, Ended>> {
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
            Resolution::Task(id) => {
                let mut task = SavedTask::new(self.input.row.operation.clone(), String::new(), id);
                task.external_task_id = Some(self.input.row.id.clone());
                self.trouble(None).await;
                Some(Ok(task))
            }
            Resolution::SubmitAgain => None,
            Resolution::GiveUp => Some(Err(Ended::new(How::GivenUp, "its outcome is unknown".to_owned()))),
        }
    }

    /// Waits for a task that is charged, and downloads its output. No cancellation ends it.
    async fn bring_home(&self, task: SavedTask) -> Ended {
        let id = Some(task.task_id.clone());
        let polled = self.ctx.execute_activity(Activities::poll, task.clone(), self.options(DAY, 0)).await;
        let units = match polled {
            Ok(Ok(units)) => units,
            ended => {
                self.leave().await;
                let (how, why) = match ended {
                    Ok(ended) => (How::Failed, ended.err()),
                    Err(error) => (How::NotDownloaded, Some(error.to_string())),
                };
                return Ended { task: id, ..Ended::new(how, why) };
            }
        };
        let input = (task, self.input.row.output.clone());
        let options = self.options(DAY, DOWNLOADS);
        let download = self.ctx.execute_activity(Activities::download, input, options);
        // Its task runs no more, so its place is free.
        let (downloaded, ()) = join!(download, self.leave());
        match downloaded {
            Ok(_) => Ended { task: id, units, ..Ended::new(How::Delivered, None) },
            Err(error) => {
                let why = error.failure().and_then(|failure| failure.cause.as_ref()).map(|cause| cause.message.clone());
                Ended { task: id, units, ..Ended::new(How::NotDownloaded, why) }
            }
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
        for earlier in 0..SIGNALS {
            match batch.signal(Batch::report, report.clone(), detached_signal()).await {
                Err(WorkflowSignalError::Failed(_)) => {
                    let pause = TimerOptions::builder(self.input.pace.pause(earlier, Duration::ZERO));
                    self.ctx.timer(pause.cancellation_token(detached()).build()).await;
                }
                // A batch that is gone counts this video by its result when it is started again.
                _ => return,
            }
        }
    }

    /// Options of an activity that no cancellation reaches; 0 attempts are as many as it takes.
    fn options(&self, longest: Duration, attempts: u32) -> ActivityOptions {
        let pace = self.input.pace;
        ActivityOptions::with_start_to_close_timeout(longest)
            .heartbeat_timeout(pace.heartbeat())
            .cancellation_token(detached())
            .retry_policy(retry(pace, attempts))
            .build()
    }
}

/// Retries of an activity that costs nothing; 0 attempts are as many as it takes.
pub(crate) fn retry(pace: Pace, attempts: u32) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(pace.pause(0, Duration::ZERO))
        .maximum_interval(pace.halt(0))
        .maximum_attempts(attempts)
        .build()
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
