//! The workflow of a batch: a window of videos that slides over its manifest, within a budget.

use std::time::Duration;

use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::workflows::join_all;
use temporalio_sdk::{
    ChildWorkflowCancellationType, ChildWorkflowOptions, ChildWorkflowStartError, ContinueAsNewOptions,
    ParentClosePolicy, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowIdReusePolicy,
    WorkflowResult,
};

use crate::activities::Activities;
use crate::data::{BatchState, Report, Row, VideoInput};
use crate::video::{Video, detached, detached_signal, detached_wait, options};

/// Longest time to read a page, and to describe a workflow.
const READ: Duration = Duration::from_secs(60);

/// The videos of a manifest.
#[workflow]
pub struct Batch {
    state: BatchState,
    /// Whether there is something new since the last step.
    woken: bool,
}

#[workflow_methods]
impl Batch {
    #[init]
    fn new(_ctx: &WorkflowContextView, state: BatchState) -> Self {
        Self { state, woken: true }
    }

    /// Starts the videos, and waits until all have ended.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BatchState> {
        let token = ctx.cancellation_token();
        loop {
            ctx.state_mut(|batch| batch.woken = false);
            if token.is_cancelled() && !ctx.state(|batch| batch.state.cancelled) {
                cancel(ctx).await;
            }
            if let Some(input) = ctx.state(|batch| batch.state.next_page()) {
                let options = options(ctx.state(|batch| batch.state.pace), READ, 0);
                let page = ctx.execute_activity(Activities::page, input, options).await?;
                ctx.state_mut(|batch| (batch.state.queue, batch.state.offset) = page);
            }
            let rows = ctx.state_mut(|batch| batch.state.take());
            ctx.state_mut(|batch| batch.woken |= !rows.is_empty());
            join_all(rows.into_iter().map(|row| start(ctx, row))).await;
            if ctx.state(|batch| batch.state.is_done()) {
                return Ok(ctx.state(|batch| batch.state.clone()));
            }
            // The videos go on meanwhile: they report to the workflow id, whichever run it is.
            if ctx.continue_as_new_suggested() || ctx.history_length() > ctx.state(|batch| batch.state.events) {
                ctx.continue_as_new(ctx.state(|batch| batch.state.clone()), ContinueAsNewOptions::default())?;
            }
            // A cancellation ends this wait as well, once.
            let wait = if ctx.state(|batch| batch.state.cancelled) { detached_wait() } else { Default::default() };
            _ = ctx.wait_condition_with_options(|batch| batch.woken, wait).await;
        }
    }

    /// A video has a trouble, or ended.
    #[signal]
    pub fn report(&mut self, _ctx: &mut SyncWorkflowContext<Self>, report: Report) {
        self.state.take_report(report);
        self.woken = true;
    }

    /// What there is of the batch.
    #[query]
    pub fn status(&self, _ctx: &WorkflowContextView) -> BatchState {
        self.state.clone()
    }

    #[update_validator(set_budget)]
    fn validate_set_budget(
        &self,
        _ctx: &WorkflowContextView,
        budget: &Option<i64>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.state.check_budget(*budget)?)
    }

    /// Sets the limit on booked units, in thousandths.
    #[update]
    pub fn set_budget(&mut self, _ctx: &mut SyncWorkflowContext<Self>, budget: Option<i64>) -> BatchState {
        self.state.budget = budget;
        self.woken = true;
        self.state.clone()
    }
}

/// Cancels the videos that run. Those that may be charged go on to their outputs.
async fn cancel(ctx: &WorkflowContext<Batch>) {
    let ids: Vec<_> = ctx.state_mut(|batch| {
        batch.state.cancelled = true;
        batch.state.flying.keys().cloned().collect()
    });
    let cancel = async |id: String| {
        _ = ctx.external_workflow(id.clone(), None).cancel(None).await;
        count(ctx, id).await;
    };
    join_all(ids.into_iter().map(cancel)).await;
}

/// Starts the workflow of a video, or counts the one that is there already.
async fn start(ctx: &WorkflowContext<Batch>, row: Row) {
    let id = row.id.clone();
    let (account, manifest, pace) =
        ctx.state(|batch| (batch.state.account.clone(), batch.state.manifest.clone(), batch.state.pace));
    let input = VideoInput { row, manifest, account, batch: ctx.workflow_id().to_owned(), pace };
    let options = ChildWorkflowOptions::builder()
        .workflow_id(id.clone())
        .parent_close_policy(ParentClosePolicy::Abandon)
        .cancel_type(ChildWorkflowCancellationType::Abandon)
        .cancellation_token(detached())
        .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
        .build();
    if let Err(ChildWorkflowStartError::StartFailed { .. }) = ctx.start_child_workflow(Video::run, input, options).await
    {
        // An earlier run of this batch started it.
        count(ctx, id).await;
    }
}

/// Counts a video that runs no more: one that was terminated, or reported to an earlier run. One that still runs reports to this
/// one.
async fn count(ctx: &WorkflowContext<Batch>, id: String) {
    if ctx.external_workflow(id.clone(), None).signal(Video::place, false, detached_signal()).await.is_ok() {
        return;
    }
    // Its activity is retried for as long as the server cannot say.
    let options = options(ctx.state(|batch| batch.state.pace), READ, 0);
    if let Ok(ended) = ctx.execute_activity(Activities::outcome, id.clone(), options).await {
        ctx.state_mut(|batch| batch.state.take_report(Report { id, trouble: None, ended: Some(ended) }));
    }
}
