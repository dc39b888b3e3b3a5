//! A worker: carries out the workflows and activities of one account.

use std::time::Duration;

use kling_cli::Connection;
use kling_cli::failure::{Failure, Result};
use temporalio_client::{Client, WorkflowIdConflictPolicy, WorkflowSignalOptions, WorkflowStartOptions};
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::activities::Activities;
use crate::batch::Batch;
use crate::data::AccountState;
use crate::decide::Pace;
use crate::ids;
use crate::video::Video;

/// Waits and downloads of one worker at a time: each is a small task.
const ACTIVITIES: usize = 1000;
/// Time after which a workflow of a dead worker goes on at another.
const STICKY: Duration = Duration::from_secs(3);
/// Other slots.
const SLOTS: usize = 100;

/// Places of an account, and the rate of its submits.
#[derive(clap::Args, Clone, Copy)]
pub struct Effort {
    /// Maximum number of running tasks of the account, over all workers; the last worker to start sets it
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub max_running: usize,

    /// Maximum number of submits per second, over all workers
    #[arg(long, value_name = "N")]
    pub submit_rate: Option<f64>,
}

/// Works until it is stopped; then submits under way end first.
///
/// # Errors
/// If the server refuses the worker.
pub async fn run(client: Client, kling: Connection, effort: Effort, stop: CancellationToken) -> Result<()> {
    let refused = |reason: String| Failure::other("worker", reason);
    let account = ids::account(&kling.base_url, &kling.fingerprint);
    start_account(&client, &account, Some(effort.max_running), Pace::new(kling.expected)).await?;
    let runtime = Runtime::from_current_tokio(Default::default()).map_err(|reason| refused(reason.to_string()))?;
    let slots = || FixedSizeSlotSupplier::new(SLOTS);
    let tuner = TunerHolder::builder()
        .workflow_task_slot_supplier(slots())
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(ACTIVITIES))
        .local_activity_task_slot_supplier(slots())
        .nexus_task_slot_supplier(slots())
        .build();
    let work = WorkerOptions::new(ids::queue(&account))
        .tuner(tuner)
        .sticky_queue_schedule_to_start_timeout(STICKY)
        .register_activities(Activities::new(kling.client.clone(), stop.clone()))
        .register_workflow::<Account>()
        .and_then(|options| options.register_workflow::<Batch>()?.register_workflow::<Video>())
        .map_err(|reason| refused(reason.to_string()))?
        .build();
    let submits = WorkerOptions::new(ids::submit_queue(&account))
        .maybe_max_task_queue_activities_per_second(effort.submit_rate)
        .register_activities(Activities::new(kling.client, stop.clone()))
        .build();
    let worker = |options| Worker::new(&runtime, client.clone(), options).map_err(|reason| refused(reason.to_string()));
    let (mut work, mut submits) = (worker(work)?, worker(submits)?);
    let (end_work, end_submits) = (work.shutdown_handle(), submits.shutdown_handle());
    let ending = async {
        stop.cancelled().await;
        end_submits();
        end_work();
    };
    // What fails in one ends both.
    let work = async { work.run().await.inspect_err(|_| stop.cancel()) };
    let submits = async { submits.run().await.inspect_err(|_| stop.cancel()) };
    let (work, submits, ()) = tokio::join!(work, submits, ending);
    work.and(submits).map_err(|reason| refused(reason.to_string()))
}

/// Starts the workflow of an account where it does not run, and sets its limit.
///
/// # Errors
/// If the server refuses it.
pub async fn start_account(client: &Client, account: &str, limit: Option<usize>, pace: Pace) -> Result<()> {
    let refused =
        |reason: String| Failure::other("start", format!("the account's workflow cannot be started: {reason}"));
    let options = WorkflowStartOptions::new(ids::queue(account), ids::account_workflow(account))
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .build();
    let state = AccountState { limit: limit.unwrap_or(1), pace, ..AccountState::default() };
    let account = client.start_workflow(Account::run, state, options).await;
    let account = account.map_err(|reason| refused(reason.to_string()))?;
    match limit {
        Some(limit) => account
            .signal(Account::limit, limit, WorkflowSignalOptions::default())
            .await
            .map_err(|reason| refused(reason.to_string())),
        None => Ok(()),
    }
}

/// Time for which a worker retries a call while the server is away: as long as its activities may go without a heartbeat.
pub const RETRY: Duration = Duration::from_secs(60);
