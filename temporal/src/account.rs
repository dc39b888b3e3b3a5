//! The workflow of an account: hands out places among its running tasks, across batches.

use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::workflows::{join_all, select};
use temporalio_sdk::{ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::data::AccountState;
use crate::video::{Video, detached_signal};

/// Events after which it continues as a new run.
const EVENTS: u32 = 8000;

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
        let mut sweep = false;
        loop {
            let calls = ctx.state_mut(|account| {
                account.woken = false;
                account.state.calls(std::mem::take(&mut sweep))
            });
            let gone = join_all(calls.into_iter().map(|(id, granted)| call(ctx, id, granted))).await;
            let gone: Vec<_> = gone.into_iter().flatten().collect();
            if !gone.is_empty() {
                ctx.state_mut(|account| account.forget(&gone));
                continue;
            }
            if ctx.continue_as_new_suggested() || ctx.history_length() > EVENTS {
                ctx.continue_as_new(ctx.state(|account| account.state.clone()), ContinueAsNewOptions::default())?;
            }
            let mut woken = Box::pin(ctx.wait_condition(|account| account.woken));
            if ctx.state(|account| account.state.waiting.is_empty()) {
                woken.await?;
                continue;
            }
            // A video that was terminated gives no place back.
            sweep = select! {
                woken = woken => { woken?; false }
                _ = ctx.timer(ctx.state(|account| account.state.pace).sweep()) => true,
            };
        }
    }

    /// A video requests a place.
    #[signal]
    pub fn take(&mut self, _ctx: &mut SyncWorkflowContext<Self>, id: String) {
        // One that requests it again has lost it: it was reset.
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

    fn forget(&mut self, ids: &[String]) {
        self.state.holders.retain(|id| !ids.contains(id));
        self.state.waiting.retain(|id| !ids.contains(id));
        self.woken = true;
    }
}

/// Gives a video its place, or only calls it; returns the id of one that is gone.
async fn call(ctx: &WorkflowContext<Account>, id: String, granted: bool) -> Option<String> {
    let called = ctx.external_workflow(id.clone(), None).signal(Video::place, granted, detached_signal()).await;
    called.is_err().then_some(id)
}
