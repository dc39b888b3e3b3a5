//! The command line: arguments, and what each command does.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use kling_cli::batch::{Plan, Prices, Units};
use kling_cli::failure::{Failure, Result};
use kling_cli::interrupt::Interrupt;
use kling_cli::{Access, connection, connection_with};
use serde_json::{Value, json};
use temporalio_client::errors::{WorkflowStartError, WorkflowUpdateError};
use temporalio_client::{Client, WorkflowStartOptions};
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::data::{BatchState, Ended, Flight, Resolution, Row, Trouble};
use crate::decide::Pace;
use crate::ids;
use crate::server::{Server, failed};
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

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Carry out the batches of the account of the API key, as one of many workers. This costs money
    ///
    /// Ends on SIGTERM or SIGINT, after the responses to submits under way; give it two minutes before SIGKILL.
    Worker(Effort),
    /// Check a manifest, and start its batch; workers carry it out. This costs money
    Start(Start),
    /// Show what there is of a batch
    Status {
        /// Id of the batch
        batch: String,
        /// Wait for its end first
        #[arg(long)]
        wait: bool,
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
        #[command(subcommand)]
        resolution: Resolution,
    },
    /// Cancel what a batch has not submitted; what is charged goes on to its output
    Cancel {
        /// Id of the batch
        batch: String,
    },
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
    kling_cli::carry_out(arguments.json, async |note| run(arguments, note).await)
}

/// What there is to show, in JSON and for people.
type Shown = (Value, String);

async fn run(arguments: Arguments, note: &dyn Fn(&str)) -> Result<Shown> {
    let Arguments { server, access, command, .. } = arguments;
    if let Command::Worker(effort) = command {
        // The workflows have the look-ups, on timers that survive this worker.
        let kling = connection_with(&access, |builder| builder.look_up_at([]))?;
        let client = server.connect(worker::RETRY).await?;
        note(&format!("account {}", ids::account(&kling.base_url, &kling.fingerprint)));
        let stop = CancellationToken::new();
        let stopped = || {
            note("stopping, after the responses to submits under way; a second signal ends at once");
            stop.cancel();
        };
        Interrupt::listen().during(worker::run(client, kling, effort, stop.clone()), stopped).await?;
        return Ok(Shown::default());
    }
    let client = server.connect(TIMEOUT).await?;
    let batch = |id: String| client.get_workflow_handle::<Batch>(id);
    match command {
        Command::Worker(_) => {}
        Command::Start(start) => {
            let kling = connection(&access)?;
            let account = ids::account(&kling.base_url, &kling.fingerprint);
            let id = start.run(&client, account, Pace::new(kling.expected), note).await?;
            return Ok((json!({"batch": id}), format!("batch {id}")));
        }
        Command::Status { batch: id, wait } => {
            let batch = batch(id);
            let status = match wait {
                true => batch.get_result(Default::default()).await.map_err(failed)?,
                false => answered(batch.query(Batch::status, (), Default::default())).await?.map_err(failed)?,
            };
            return Ok(shown(&status));
        }
        Command::Budget { batch: id, units } => {
            let batch = batch(id);
            let set = batch.execute_update(Batch::set_budget, Some(units.thousandths()), Default::default());
            match answered(set).await? {
                Ok(status) => return Ok(shown(&status)),
                Err(WorkflowUpdateError::Failed(why)) => return Err(Failure::invalid(why.message)),
                Err(reason) => return Err(failed(reason)),
            }
        }
        Command::Resolve { id, resolution } => {
            let video = client.get_workflow_handle::<Video>(id);
            video.signal(Video::resolve, resolution, Default::default()).await.map_err(failed)?;
        }
        Command::Cancel { batch: id } => batch(id).cancel(Default::default()).await.map_err(failed)?,
    }
    Ok(Shown::default())
}

impl Start {
    /// Starts the batch; its id.
    async fn run(self, client: &Client, account: String, pace: Pace, note: &dyn Fn(&str)) -> Result<String> {
        let manifest = path(&std::path::absolute(&self.manifest).map_err(failed)?)?;
        let batch = ids::batch(&account, self.name.as_deref().unwrap_or(&manifest));
        let (rows, total) = self.checked(&manifest, &account, &batch, note)?;
        // By its content: the plan of a batch that runs is not replaced.
        let plan = format!("{manifest}.{}.plan", ids::digest(&rows));
        let beside = format!("{plan}.new");
        let write = std::fs::write(&beside, rows).and_then(|()| std::fs::rename(beside, &plan));
        write.map_err(|reason| Failure::other("start", format!("{plan}: {reason}")))?;
        let options = WorkflowStartOptions::new(account.clone(), batch.clone()).build();
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
            Ok(_) => Ok(batch),
            Err(WorkflowStartError::AlreadyStarted { .. }) => {
                let hint = format!("see kling-temporal status {batch}; another --name submits all of it again");
                Err(Failure::invalid(format!("batch {batch} runs already")).with_hint(hint))
            }
            Err(reason) => Err(failed(reason)),
        }
    }

    /// The lines of the plan and their number, once the whole manifest is checked.
    fn checked(&self, manifest: &str, account: &str, batch: &str, note: &dyn Fn(&str)) -> Result<(String, u64)> {
        let prices = self.prices.as_deref().map_or_else(Prices::builtin, Prices::load)?;
        let (manifest, out_dir, budget) = (Path::new(manifest), &self.out_dir, self.budget.is_some());
        let mut lines = Plan { manifest, out_dir, prices: &prices, budget, outside: self.allow_outside }.open()?;
        lines.may_exist = Box::new(|_| self.restart);
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
        if total == 0 || !faults.is_empty() {
            let found = format!("expected requests without faults, given {total}, and {} with", faults.len());
            let faults = faults.iter().fold(found, |text, fault| text + "\n" + fault);
            return Err(Failure::invalid(faults).with_hint("nothing was submitted; fix the manifest"));
        }
        note(&format!("{total} requests, about {estimate} units"));
        Ok((rows, total))
    }
}

/// What a worker responds, or that none does: queries and updates wait for one.
async fn answered<T>(response: impl Future<Output = T>) -> Result<T> {
    let response = tokio::time::timeout(TIMEOUT, response).await;
    let hint = "start one with the key of this account: kling-temporal worker; status --wait of a batch that has ended needs none";
    response.map_err(|_| Failure::other("status", "no worker responds").with_hint(hint))
}

fn shown(status: &BatchState) -> Shown {
    let [spent, reserved] = [status.spent, status.reserved()].map(Units::from_thousandths);
    let budget = status.budget.map(|budget| format!(" of {}", Units::from_thousandths(budget))).unwrap_or_default();
    let ended: String = status.ended.iter().map(|(state, count)| format!("{count} {state}, ")).collect();
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
    for (line, Ended { state, why, .. }) in &status.problems {
        _ = writeln!(text, "line {line}: {state}: {}", why.as_deref().unwrap_or("no reason"));
    }
    (json!(status), text.trim_end().to_owned())
}

fn path(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::invalid(format!("{}: expected a path in UTF-8, given another", path.display())))
}
