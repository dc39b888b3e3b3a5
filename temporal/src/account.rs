//! The workflow of an account: hands out places among its running tasks, across batches.

use std::time::Duration;

use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::workflows::{join_all, select};
use temporalio_sdk::{
    ActivityOptions, ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
};

use crate::activities::Activities;
use crate::data::AccountState;
use crate::video::{Video, detached_signal, retry};

/// Events after which it continues as a new run.
const EVENTS: u32 = 8000;
/// Longest time to find out which videos run.
const READ: Duration = Duration::from_secs(600);

/// The places of an account. It never ends.
#[workflow]
pub struct Account {
    state: AccountState,
    woken: bool,
}

#[workflow_methods]
impl Account {
    #[init]
    fn new(_ctx: &WorkflowContextView, state: AccountState) -> Self {
        Self { state, woken: true }
    }

    /// Gives places in the order of requests for them.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        loop {
            ctx.state_mut(|account| account.woken = false);
            let granted = ctx.state_mut(|account| account.state.grant());
            let gone: Vec<_> =
                join_all(granted.into_iter().map(|id| place(ctx, id))).await.into_iter().flatten().collect();
            if !gone.is_empty() {
                ctx.state_mut(|account| account.forget(&gone));
                continue;
            }
            if ctx.continue_as_new_suggested() || ctx.history_length() > EVENTS {
                ctx.continue_as_new(ctx.state(|account| account.state.clone()), ContinueAsNewOptions::default())?;
            }
            // A video that was terminated gives no place back.
            if ctx.state(|account| account.state.waiting.is_empty()) {
                ctx.wait_condition(|account| account.woken).await?;
                continue;
            }
            let pace = ctx.state(|account| account.state.pace);
            let mut woken = Box::pin(ctx.wait_condition(|account| account.woken));
            let sweep = select! {
                woken = woken => { woken?; false }
                _ = ctx.timer(pace.sweep()) => true,
            };
            if sweep {
                let holders = ctx.state(|account| account.state.holders.clone());
                let options = ActivityOptions::with_start_to_close_timeout(READ).retry_policy(retry(pace, 0)).build();
                let gone = ctx.execute_activity(Activities::gone, holders, options).await?;
                ctx.state_mut(|account| account.forget(&gone));
            }
        }
    }

    /// A video requests a place.
    #[signal]
    pub fn take(&mut self, _ctx: &mut SyncWorkflowContext<Self>, id: String) {
        // One that asks again has forgotten, or was forgotten.
        self.forget(std::slice::from_ref(&id));
        self.state.waiting.push_back(id);
    }

    /// A video gives its place back.
    #[signal]
    pub fn leave(&mut self, _ctx: &mut SyncWorkflowContext<Self>, id: String) {
        self.forget(&[id]);
    }

    /// Sets the number of places.
    #[signal]
    pub fn limit(&mut self, _ctx: &mut SyncWorkflowContext<Self>, limit: usize) {
        self.state.limit = limit;
        self.woken = true;
    }

    /// The places.
    #[query]
    pub fn places(&self, _ctx: &WorkflowContextView) -> AccountState {
        self.state.clone()
    }

    fn forget(&mut self, ids: &[String]) {
        self.state.holders.retain(|id| !ids.contains(id));
        self.state.waiting.retain(|id| !ids.contains(id));
        self.woken = true;
    }
}

/// Gives a video its place; returns the id of one that is gone.
async fn place(ctx: &WorkflowContext<Account>, id: String) -> Option<String> {
    let placed = ctx.external_workflow(id.clone(), None).signal(Video::place, (), detached_signal()).await;
    placed.is_err().then_some(id)
}
