//! The command line: arguments, and what each command does.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use kling_cli::batch::{Plan, Prices, Units};
use kling_cli::failure::{Failure, Result};
use kling_cli::{Access, connection, connection_with};
use temporalio_client::errors::{WorkflowStartError, WorkflowUpdateError};
use temporalio_client::{Client, WorkflowExecutionStatus, WorkflowStartOptions};
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::data::{BatchState, Ended, Flight, How, Resolution, Row, Trouble};
use crate::decide::Pace;
use crate::ids;
use crate::server::Server;
use crate::video::Video;
use crate::worker::{self, Effort};

/// Time for a command to reach the server, and for a worker to respond to a query.
const TIMEOUT: Duration = Duration::from_secs(30);

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
        decision: Decision,
    },
    /// Cancel what a batch has not submitted; what is charged goes on to its output
    Cancel {
        /// Id of the batch
        batch: String,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Decision {
    /// This task was made
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// No task was made; the gateway's own list of tasks shows it. Submit again: a double charge if it is wrong
    #[arg(long)]
    submit_again: bool,
    /// Leave it, with its estimate booked
    #[arg(long)]
    give_up: bool,
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
    if let Command::Worker { effort } = command {
        // The workflows have the look-ups, on timers that survive this worker.
        let kling = connection_with(&access, |builder| builder.look_up_at([]))?;
        let client = server.connect(worker::RETRY).await?;
        say(&format!("account {}", ids::account(&kling.base_url, &kling.fingerprint)));
        return worker::run(client, kling, effort, stop_on_signal()?).await;
    }
    let client = server.connect(TIMEOUT).await?;
    let batch = |id: &str| client.get_workflow_handle::<Batch>(ids::batch_workflow(id));
    match command {
        Command::Worker { .. } => Ok(()),
        Command::Start(start) => {
            let kling = connection(&access)?;
            let account = ids::account(&kling.base_url, &kling.fingerprint);
            start.run(&client, account, Pace::new(kling.expected)).await
        }
        Command::Status { batch: id, wait, json } => {
            let batch = batch(&id);
            let found = batch.describe(Default::default()).await.map_err(failed)?;
            let status = match found.status() {
                WorkflowExecutionStatus::Running if !wait => {
                    answered(batch.query(Batch::status, (), Default::default())).await?.map_err(failed)?
                }
                _ => batch.get_result(Default::default()).await.map_err(failed)?,
            };
            match json {
                true => say(&serde_json::to_string(&status).map_err(failed)?),
                false => say(shown(&status).trim_end()),
            }
            Ok(())
        }
        Command::Budget { batch: id, units } => {
            let batch = batch(&id);
            let set = batch.execute_update(Batch::set_budget, Some(units.thousandths()), Default::default());
            match answered(set).await? {
                Ok(status) => say(shown(&status).trim_end()),
                Err(WorkflowUpdateError::Failed(why)) => return Err(Failure::invalid(why.message)),
                Err(reason) => return Err(failed(reason)),
            }
            Ok(())
        }
        Command::Resolve { id, decision } => {
            let resolution = match decision.task {
                Some(task) => Resolution::Task(task),
                None if decision.submit_again => Resolution::SubmitAgain,
                None => Resolution::GiveUp,
            };
            let video = client.get_workflow_handle::<Video>(id);
            video.signal(Video::resolve, resolution, Default::default()).await.map_err(failed)
        }
        Command::Cancel { batch: id } => batch(&id).cancel(Default::default()).await.map_err(failed),
    }
}

impl Start {
    async fn run(self, client: &Client, account: String, pace: Pace) -> Result<()> {
        let manifest = path(&std::path::absolute(&self.manifest).map_err(failed)?)?;
        let batch = ids::batch(&account, self.name.as_deref().unwrap_or(&manifest));
        let (rows, total) = self.checked(&manifest, &account, &batch)?;
        // By its content: the plan of a batch that runs is not replaced.
        let plan = format!("{manifest}.{}.plan", ids::digest(&rows));
        let beside = format!("{plan}.new");
        let write = std::fs::write(&beside, rows).and_then(|()| std::fs::rename(beside, &plan));
        write.map_err(|reason| Failure::other("start", format!("{plan}: {reason}")))?;
        worker::start_account(client, &account, None, pace).await?;
        let options = WorkflowStartOptions::new(ids::queue(&account), ids::batch_workflow(&batch)).build();
        let state = BatchState {
            account,
            manifest,
            plan,
            total,
            budget: self.budget.map(Units::thousandths),
            window: self.window as usize,
            events: self.events,
            pace,
            offset: Some(0),
            ..BatchState::default()
        };
        match client.start_workflow(Batch::run, state, options).await {
            Ok(_) => say(&format!("batch {batch}")),
            Err(WorkflowStartError::AlreadyStarted { .. }) => {
                let hint = format!("see kling-temporal status {batch}; another --name submits all of it again");
                return Err(Failure::invalid(format!("batch {batch} runs already")).with_hint(hint));
            }
            Err(reason) => return Err(failed(reason)),
        }
        Ok(())
    }

    /// The lines of the plan and their number, once the whole manifest is checked.
    fn checked(&self, manifest: &str, account: &str, batch: &str) -> Result<(String, u64)> {
        let prices = self.prices.as_deref().map_or_else(Prices::builtin, Prices::load)?;
        let (manifest, out_dir, budget) = (Path::new(manifest), &self.out_dir, self.budget.is_some());
        let mut lines = Plan { manifest, out_dir, prices: &prices, budget, outside: self.allow_outside }.open()?;
        if self.restart {
            lines.may_exist = Box::new(|_| true);
        }
        let (mut rows, mut faults, mut total, mut estimate) = (String::new(), Vec::new(), 0, Units::default());
        while let Some(line) = lines.next() {
            match line {
                // The same work has one output.
                Ok(_) if lines.repeats.is_some() => {}
                Ok(job) if job.external_id.is_some() => {
                    faults.push(format!("line {}: external_id: expected none, as it is computed, given one", job.line));
                }
                Ok(job) => {
                    (total, estimate) = (total + 1, estimate + job.estimate);
                    let row = Row {
                        id: ids::video(account, batch, &job.request_hash),
                        line: u64::try_from(job.line).unwrap_or_default(),
                        hash: job.request_hash,
                        operation: job.operation,
                        model: job.model,
                        output: path(&job.output)?,
                        estimate: job.estimate.thousandths(),
                    };
                    _ = writeln!(rows, "{}", serde_json::to_string(&row).map_err(failed)?);
                }
                Err(fault) => faults.push(fault.to_string()),
            }
        }
        if total == 0 && faults.is_empty() {
            faults.push("manifest: expected lines, given none".to_owned());
        }
        if !faults.is_empty() {
            return Err(Failure::invalid(faults.join("\n")).with_hint("nothing was submitted; fix the manifest"));
        }
        say(&format!("{total} requests, about {estimate} units"));
        Ok((rows, total))
    }
}

/// What a worker responds, or that none does: queries and updates wait for one.
async fn answered<T>(response: impl Future<Output = T>) -> Result<T> {
    let response = tokio::time::timeout(TIMEOUT, response).await;
    let hint = "start one with the key of this account: kling-temporal worker";
    response.map_err(|_| Failure::other("status", "no worker responds").with_hint(hint))
}

fn shown(status: &BatchState) -> String {
    let [spent, reserved] = [status.spent, status.reserved()].map(Units::from_thousandths);
    let budget = status.budget.map(|budget| format!(" of {}", Units::from_thousandths(budget))).unwrap_or_default();
    let ended: String = status.ended.iter().map(|(how, count)| format!("{count} {}, ", word(how))).collect();
    let (total, started) = (status.total, status.flying.len());
    let mut text = format!("{total} requests: {ended}{started} started\n");
    _ = writeln!(text, "{spent} units booked, {reserved} reserved{budget}");
    if let Some(why) = status.next().err().filter(|_| !status.queue.is_empty()) {
        _ = writeln!(text, "waits for {why}");
    }
    for (id, Flight { line, trouble, .. }) in &status.flying {
        _ = match trouble {
            Some(Trouble::Unknown(why)) => writeln!(text, "line {line}: {id}: outcome unknown: {why}"),
            Some(Trouble::Halted { why, .. }) => writeln!(text, "line {line}: halted: {why}"),
            None => Ok(()),
        };
    }
    for (line, Ended { how, why, .. }) in &status.problems {
        _ = writeln!(text, "line {line}: {}: {}", word(how), why.as_deref().unwrap_or("no reason"));
    }
    text
}

fn word(how: &How) -> String {
    serde_json::to_string(how).unwrap_or_default().trim_matches('"').replace('_', " ")
}

fn path(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::invalid(format!("{}: expected a path in UTF-8, given another", path.display())))
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
    let token = stop.clone();
    #[cfg(unix)]
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(failed)?;
    #[cfg(unix)]
    let terminated = async move { term.recv().await };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
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
