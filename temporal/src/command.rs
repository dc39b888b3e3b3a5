//! The command line: arguments, and what each command does.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use kling_cli::batch::{Plan, Prices, Units};
use kling_cli::failure::{Failure, Result};
use kling_cli::{Access, connection};
use sha2::{Digest as _, Sha256};
use temporalio_client::errors::WorkflowStartError;
use temporalio_client::{
    Client, WorkflowCancelOptions, WorkflowDescribeOptions, WorkflowExecuteUpdateOptions, WorkflowExecutionStatus,
    WorkflowGetResultOptions, WorkflowHandle, WorkflowQueryOptions, WorkflowSignalOptions, WorkflowStartOptions,
};
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::data::{BatchState, Ended, How, Report, Resolution, Row, Status, Trouble};
use crate::decide::Pace;
use crate::ids;
use crate::server::Server;
use crate::video::Video;
use crate::worker::{self, Effort};

/// Time for a command to reach the server, and for a worker to respond to a query.
const PATIENCE: Duration = Duration::from_secs(30);

/// Many requests to Kling's API from many machines, on Temporal
#[derive(Parser)]
#[command(name = "kling-temporal", version)]
struct Arguments {
    #[command(flatten)]
    server: Server,

    #[command(flatten)]
    access: Access,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Carry out the batches of the account of the API key, as one of many workers. This costs money
    ///
    /// Ends on SIGTERM or SIGINT, after the responses to submits under way; give it two minutes before SIGKILL.
    Worker {
        #[command(flatten)]
        effort: Effort,
    },
    /// Check a manifest, and start its batch; workers carry it out. This costs money
    Start(Start),
    /// Show what there is of a batch
    Status {
        /// Id of the batch
        batch: String,
        /// Wait for its end first
        #[arg(long)]
        wait: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set the budget of a running batch
    Budget {
        /// Id of the batch
        batch: String,
        /// Limit on the units that it books
        units: Units,
    },
    /// Decide about a video whose outcome is unknown
    Resolve {
        /// External id, as `status` shows it
        id: String,
        #[command(flatten)]
        how: How1,
    },
    /// Cancel what a batch has not submitted; what is charged goes on to its output
    Cancel {
        /// Id of the batch
        batch: String,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct How1 {
    /// This task was made
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// No task was made; the gateway's own list of tasks shows it. Submit again: a double charge if it is wrong
    #[arg(long)]
    submit_again: bool,
    /// Leave it, with its estimate booked
    #[arg(long)]
    give_up: bool,
    /// Leave it in this batch, which waits for a video whose workflow is closed
    #[arg(long, value_name = "BATCH")]
    closed_in: Option<String>,
}

#[derive(Args)]
struct Start {
    /// Manifest, JSON Lines or CSV, at a path that every worker has
    manifest: PathBuf,
    /// Folder for the outputs, at a path that every worker has
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    /// Limit on the units that the batch books. Every line needs a price then
    #[arg(long, value_name = "UNITS")]
    budget: Option<Units>,
    /// Table of prices in JSON. Default: those of Kling's price page
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Allow outputs outside of the folder
    #[arg(long)]
    allow_outside: bool,
    /// Name of the batch: with the same name no work is submitted twice. Default: the manifest's path
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Start a batch again that has ended or was lost: outputs may exist
    #[arg(long)]
    restart: bool,
    /// Number of videos that are started and have not ended
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    window: u32,
    /// Id of the account, as its workers print it. Default: that of the API key
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Number of events after which the workflow continues as a new run
    #[arg(long, hide = true, default_value_t = 8000)]
    events: u32,
}

/// Runs the command by the arguments and the environment of the process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(run(arguments));
            runtime.shutdown_background();
            ended
        }
        Err(reason) => Err(Failure::other("start", format!("the runtime does not start: {reason}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            failure.hints.iter().for_each(|hint| eprintln!("hint: {hint}"));
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { server, access, command } = arguments;
    match command {
        Command::Worker { effort } => {
            let kling = connection(&access)?;
            let client = server.connect(worker::RETRY).await?;
            say(&format!("account {}", ids::account(&kling.base_url, &kling.fingerprint)));
            worker::run(client, kling, effort, stop_on_signal()?).await
        }
        Command::Start(start) => {
            let (account, expected) = match &start.account {
                Some(account) => (account.clone(), None),
                None => {
                    let kling = connection(&access)?;
                    (ids::account(&kling.base_url, &kling.fingerprint), kling.expected)
                }
            };
            let state = checked(&start, account, Pace::new(expected))?;
            let client = server.connect(PATIENCE).await?;
            started(&client, &start, state).await
        }
        Command::Status { batch, wait, json } => {
            let batch = handle(&server.connect(PATIENCE).await?, &batch);
            let status = if wait {
                batch.get_result(WorkflowGetResultOptions::default()).await.map_err(failed)?
            } else {
                status(&batch).await?
            };
            match json {
                true => say(&serde_json::to_string(&status).map_err(failed)?),
                false => say(shown(&status).trim_end()),
            }
            Ok(())
        }
        Command::Budget { batch, units } => {
            let batch = handle(&server.connect(PATIENCE).await?, &batch);
            let budget = Some(units.thousandths());
            let set = batch.execute_update(Batch::set_budget, budget, WorkflowExecuteUpdateOptions::default());
            let status = answered(set).await?.map_err(failed)?;
            say(shown(&status).trim_end());
            Ok(())
        }
        Command::Resolve { id, how } => resolve(&server.connect(PATIENCE).await?, id, how).await,
        Command::Cancel { batch } => {
            let batch = handle(&server.connect(PATIENCE).await?, &batch);
            batch.cancel(WorkflowCancelOptions::default()).await.map_err(failed)
        }
    }
}

/// The state of a new batch, once every line of its manifest is checked and written to the plan beside it.
fn checked(start: &Start, account: String, pace: Pace) -> Result<BatchState> {
    let prices = start.prices.as_deref().map_or_else(Prices::builtin, Prices::load)?;
    let manifest = std::path::absolute(&start.manifest).map_err(failed)?;
    let plan = Plan {
        manifest: &manifest,
        out_dir: &start.out_dir,
        prices: &prices,
        budget: start.budget.is_some(),
        outside: start.allow_outside,
    };
    let mut lines = plan.open()?;
    if start.restart {
        lines.may_exist = Box::new(|_| true);
    }
    let name = start.name.clone().unwrap_or_else(|| manifest.to_string_lossy().into_owned());
    let batch = ids::batch(&account, &name);
    let (mut rows, mut faults, mut total, mut estimate) = (String::new(), Vec::new(), 0, Units::default());
    while let Some(line) = lines.next() {
        let job = match line {
            Ok(job) if job.external_id.is_none() => job,
            Ok(job) => {
                faults.push(format!("line {}: external_id: expected none, as it is computed, given one", job.line));
                continue;
            }
            Err(fault) => {
                faults.push(fault.to_string());
                continue;
            }
        };
        if lines.repeats.is_some() {
            continue;
        }
        let row = Row {
            id: ids::video(&account, &batch, &job.request_hash),
            line: u64::try_from(job.line).unwrap_or_default(),
            hash: job.request_hash,
            operation: job.operation,
            model: job.model,
            output: path(&job.output)?,
            estimate: job.estimate.thousandths(),
        };
        (total, estimate) = (total + 1, estimate + job.estimate);
        _ = writeln!(rows, "{}", serde_json::to_string(&row).map_err(failed)?);
    }
    if !faults.is_empty() || total == 0 {
        let faults =
            if total == 0 && faults.is_empty() { "the manifest has no line".to_owned() } else { faults.join("\n") };
        return Err(Failure::invalid(faults).with_hint("nothing was submitted; fix the manifest"));
    }
    // By its content: the plan of a batch that runs is not replaced.
    let digest = Sha256::digest(&rows);
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let plan = PathBuf::from(format!("{}.{digest}.plan", manifest.display()));
    written(&plan, &rows)?;
    say(&format!("{total} requests, about {estimate} units"));
    Ok(BatchState {
        account,
        manifest: path(&manifest)?,
        plan: path(&plan)?,
        total,
        budget: start.budget.map(Units::thousandths),
        window: start.window as usize,
        events: start.events,
        pace,
        offset: Some(0),
        queue: Default::default(),
        flying: Default::default(),
        spent: 0,
        ended: Default::default(),
        problems: Vec::new(),
        cancelled: false,
    })
}

async fn started(client: &Client, start: &Start, state: BatchState) -> Result<()> {
    worker::start_account(client, &state.account, None, state.pace).await?;
    let name = start.name.clone().unwrap_or_else(|| state.manifest.clone());
    let batch = ids::batch(&state.account, &name);
    let options = WorkflowStartOptions::new(ids::queue(&state.account), ids::batch_workflow(&batch)).build();
    match client.start_workflow(Batch::run, state, options).await {
        Ok(_) => {
            say(&format!("batch {batch}"));
            Ok(())
        }
        Err(WorkflowStartError::AlreadyStarted { .. }) => Err(Failure::invalid(format!("batch {batch} runs already"))
            .with_hint(format!(
                "kling-temporal status {batch}; another --name makes another batch, which submits all again"
            ))),
        Err(reason) => Err(failed(reason)),
    }
}

async fn status(batch: &WorkflowHandle<Client, Batch>) -> Result<Status> {
    let found = batch.describe(WorkflowDescribeOptions::default()).await.map_err(failed)?;
    match found.status() {
        WorkflowExecutionStatus::Running => {
            answered(batch.query(Batch::status, (), WorkflowQueryOptions::default())).await?.map_err(failed)
        }
        _ => batch.get_result(WorkflowGetResultOptions::default()).await.map_err(failed),
    }
}

async fn resolve(client: &Client, id: String, how: How1) -> Result<()> {
    if let Some(batch) = how.closed_in {
        let ended =
            Ended { how: How::GivenUp, task: None, units: None, why: Some("its workflow is closed".to_owned()) };
        let report = Report { id, trouble: None, ended: Some(ended) };
        let batch = handle(client, &batch);
        return batch.signal(Batch::report, report, WorkflowSignalOptions::default()).await.map_err(failed);
    }
    let resolution = match how.task {
        Some(task) => Resolution::Task(task),
        None if how.submit_again => Resolution::SubmitAgain,
        None => Resolution::GiveUp,
    };
    let video = client.get_workflow_handle::<Video>(id);
    video.signal(Video::resolve, resolution, WorkflowSignalOptions::default()).await.map_err(failed)
}

/// What a worker responds, or that none does: a query waits for one.
async fn answered<T>(response: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PATIENCE, response).await.map_err(|_| {
        Failure::other("status", "no worker responds")
            .with_hint("start one with the key of this account: kling-temporal worker")
    })
}

fn shown(status: &Status) -> String {
    let [spent, reserved] = [status.spent, status.reserved].map(Units::from_thousandths);
    let budget = status.budget.map(|budget| format!(" of {}", Units::from_thousandths(budget))).unwrap_or_default();
    let ended = status.ended.iter().map(|(how, count)| format!("{count} {}", word(how)));
    let ended: Vec<_> = ended.chain([format!("{} started", status.started)]).collect();
    let mut text = format!("{}\n{} requests: {}\n", status.manifest, status.total, ended.join(", "));
    _ = writeln!(text, "{spent} units booked, {reserved} reserved{budget}");
    if let Some(what) = &status.waits_for {
        _ = writeln!(text, "waits for {what}");
    }
    for (id, flight) in &status.troubles {
        _ = match &flight.trouble {
            Some(Trouble::Unknown(why)) => {
                writeln!(text, "line {}: outcome unknown: {why}\n  kling-temporal resolve {id} …", flight.line)
            }
            Some(Trouble::Halted { why, .. }) => writeln!(text, "line {}: halted: {why}", flight.line),
            None => Ok(()),
        };
    }
    for problem in &status.problems {
        let why = problem.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        _ = writeln!(text, "line {}: {}{why}", problem.line, word(&problem.how));
    }
    text
}

fn word(how: &How) -> String {
    serde_json::to_string(how).unwrap_or_default().trim_matches('"').replace('_', " ")
}

fn handle(client: &Client, batch: &str) -> WorkflowHandle<Client, Batch> {
    client.get_workflow_handle::<Batch>(ids::batch_workflow(batch))
}

fn path(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::invalid(format!("{}: expected a path in UTF-8, given another", path.display())))
}

/// Writes a file whole, or not at all.
fn written(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let beside = path.with_extension("plan.new");
        std::fs::write(&beside, text)?;
        std::fs::rename(beside, path)
    };
    write().map_err(|reason: std::io::Error| Failure::other("start", format!("{}: {reason}", path.display())))
}

fn failed(reason: impl ToString) -> Box<Failure> {
    Failure::other("temporal", reason.to_string())
}

/// Prints a line; a closed pipe is no failure.
fn say(line: &str) {
    _ = writeln!(std::io::stdout(), "{line}");
}

/// A token that the first SIGTERM or SIGINT cancels.
fn stop_on_signal() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    #[cfg(unix)]
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(failed)?;
    #[cfg(unix)]
    let terminated = async move { term.recv().await };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated => {}
        }
        say("stopping, after the responses to submits under way");
        token.cancel();
    });
    Ok(stop)
}
