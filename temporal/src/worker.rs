//! A worker: carries out the workflows and activities of one account.

use std::time::Duration;

use kling_cli::Connection;
use kling_cli::failure::Result;
use temporalio_client::{Client, WorkflowStartOptions};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::activities::Activities;
use crate::batch::Batch;
use crate::data::AccountState;
use crate::decide::Pace;
use crate::ids;
use crate::server::failed;
use crate::video::Video;

/// Places of an account, and the rate of its submits.
#[derive(clap::Args, Clone, Copy)]
pub struct Effort {
    /// Maximum number of running tasks of the account, over all workers; the last worker to start sets it
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub max_running: usize,

    /// Maximum number of submits per second, over all workers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub submit_rate: Option<u32>,
}

/// Works until it is stopped; then submits under way end first.
///
/// # Errors
/// If the server refuses the worker.
pub async fn run(client: Client, kling: Connection, effort: Effort, stop: CancellationToken) -> Result<()> {
    let account = ids::account(&kling.base_url, &kling.fingerprint);
    let options = WorkflowStartOptions::new(account.clone(), account.clone()).build();
    let state = AccountState { pace: Pace::new(kling.expected), ..AccountState::default() };
    let started = client.signal_with_start_workflow(Account::run, state, Account::limit, effort.max_running, options);
    started.await.map_err(failed)?;
    let runtime = Runtime::from_current_tokio(Default::default()).map_err(failed)?;
    let work = WorkerOptions::new(account.clone())
        // A workflow of a dead worker goes on at another after it.
        .sticky_queue_schedule_to_start_timeout(Duration::from_secs(3))
        .register_activities(Activities::new(kling.client.clone(), stop.clone()))
        .register_workflow::<Account>()
        .and_then(|options| options.register_workflow::<Batch>()?.register_workflow::<Video>())
        .map_err(failed)?
        .build();
    let submits = WorkerOptions::new(ids::submit_queue(&account))
        .maybe_max_task_queue_activities_per_second(effort.submit_rate.map(f64::from))
        .register_activities(Activities::new(kling.client, stop.clone()))
        .build();
    let worker = |options| Worker::new(&runtime, client.clone(), options).map_err(failed);
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
    work.and(submits).map_err(failed)
}

/// Time for which a worker retries a call while the server is away: as long as its activities may go without a heartbeat.
pub const RETRY: Duration = Duration::from_secs(60);
