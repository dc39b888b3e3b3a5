//! The activities: all that touches the gateway and the disk.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kling_cli::batch::{JobRequest, Manifest, Streak, Units};
use kling_client::{Client, Error, ErrorKind, Reason, SavedTask, Task};
use temporalio_client::errors::WorkflowInteractionError;
use temporalio_client::{WorkflowDescribeOptions, WorkflowExecutionStatus, WorkflowGetResultOptions};
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio_util::sync::CancellationToken;

use crate::data::{Ended, How, Page, Polled, Row, Submit, Submitted};
use crate::decide::{in_short, not_submitted, submitted};
use crate::video::Video;

/// A wait that takes longer is followed by the next.
const TURN: Duration = Duration::from_secs(24 * 3600);
/// Time for the poll that a download begins with.
const POLL: Duration = Duration::from_secs(60);
/// Lines in a page: some hundred bytes each, far from the server's limit of 2 MB.
const PAGE: usize = 200;

/// What the activities of a worker share.
pub struct Activities {
    client: Client,
    /// Whether the worker stops: waits and downloads end, and another worker goes on with them.
    stop: CancellationToken,
    /// Responses with an unexplained status 429 in a row, since the start of the worker.
    streak: Mutex<(Instant, Streak)>,
    /// Whether `submit` has its two guards.
    guarded: bool,
}

impl Activities {
    /// Activities with a client that makes one attempt in each call, and a token that is cancelled when the worker stops.
    pub fn new(client: Client, stop: CancellationToken) -> Self {
        Self { client, stop, streak: Mutex::new((Instant::now(), Streak::default())), guarded: true }
    }

    /// Activities whose `submit` has no guard: only to test that there is a double charge without them.
    #[doc(hidden)]
    pub fn without_guards(client: Client) -> Self {
        Self { guarded: false, ..Self::new(client, CancellationToken::new()) }
    }

    async fn submit_once(&self, run: Option<String>, input: &Submit) -> Submitted {
        // A reset workflow repeats what it did before. Its first run may have submitted, whatever its history says now.
        if self.guarded && run.as_deref() != Some(&input.original_run) {
            return Submitted::Lost("the workflow was reset".to_owned());
        }
        let (row, manifest) = (input.video.row.clone(), PathBuf::from(&input.video.manifest));
        let request = match tokio::task::spawn_blocking(move || read_line(&manifest, &row)).await {
            Ok(Ok(Ok(request))) => request,
            Ok(Ok(Err(refused))) => return Submitted::Refused(refused),
            // A folder that is not mounted here, say.
            Ok(Err(why)) => return Submitted::Again { least_ms: 0, doubtful: false, why },
            Err(why) => return Submitted::Again { least_ms: 0, doubtful: false, why: why.to_string() },
        };
        let request = match request.request(&input.video.row.id) {
            Ok(request) => request,
            Err(error) => return submitted(&error),
        };
        // The history of an earlier submit may be lost: with the server's database, or after its retention.
        if self.guarded {
            match self.find(&input.video.row).await {
                Ok(Some(task)) => return Submitted::Task(task),
                Ok(None) => {}
                Err(error) => return not_submitted(&error),
            }
        }
        let error = match self.client.submit(request).await {
            Ok(task) => return Submitted::Task(task.save()),
            Err(error) => error,
        };
        let outcome = match submitted(&error) {
            Submitted::Again { why, .. } if self.goes_on(&error) => Submitted::Halt { model: false, why },
            outcome => outcome,
        };
        // The code of an invalid request also says that the external id exists.
        if matches!(outcome, Submitted::Refused(_)) && error.reason() == Reason::InvalidRequest {
            match self.find(&input.video.row).await {
                Ok(Some(task)) => return Submitted::Task(task),
                _ if input.earlier > 0 => return Submitted::Lost(in_short(&error)),
                _ => {}
            }
        }
        outcome
    }

    fn goes_on(&self, error: &Error) -> bool {
        let (start, streak) = &mut *self.streak.lock().unwrap_or_else(PoisonError::into_inner);
        streak.goes_on(error, start.elapsed())
    }

    async fn find(&self, row: &Row) -> kling_client::Result<Option<SavedTask>> {
        let found = self.client.find_task(row.operation.clone(), &row.id).await?;
        Ok(found.map(|task| task.save()))
    }

    fn task(&self, saved: SavedTask) -> Result<Task, ActivityError> {
        let (operation, id) = (saved.operation.clone(), saved.task_id.clone());
        self.client.resume(saved).or_else(|_| self.client.task(operation, id)).map_err(|error| failed(in_short(&error)))
    }

    /// Ends early where the worker stops or the activity is cancelled: what only reads goes on elsewhere.
    async fn interruptible<T>(&self, ctx: &ActivityContext, work: impl Future<Output = T>) -> Result<T, ActivityError> {
        tokio::select! {
            done = beating(ctx, work) => Ok(done),
            () = self.stop.cancelled() => Err(failed("the worker stops")),
            () = ctx.cancelled() => Err(ActivityError::cancelled()),
        }
    }
}

#[activities]
impl Activities {
    /// Submits a request, once. Every outcome is data: an error means that nobody knows it.
    #[activity]
    pub async fn submit(self: Arc<Self>, ctx: ActivityContext, input: Submit) -> Result<Submitted, ActivityError> {
        let run = ctx.info().workflow_run_id.clone();
        // Neither a cancellation nor a stop of the worker ends it: the response is the only proof of what was charged.
        Ok(beating(&ctx, self.submit_once(run, &input)).await)
    }

    /// Looks up a task by its external id. None found is no proof.
    #[activity]
    pub async fn look_up(self: Arc<Self>, ctx: ActivityContext, row: Row) -> Result<Option<SavedTask>, ActivityError> {
        let found = self.interruptible(&ctx, self.find(&row)).await?;
        found.map_err(|error| failed(in_short(&error)))
    }

    /// Polls a task until it ends.
    #[activity]
    pub async fn poll(self: Arc<Self>, ctx: ActivityContext, task: SavedTask) -> Result<Polled, ActivityError> {
        let wait = self.task(task)?.wait().timeout(TURN).into_future();
        match self.interruptible(&ctx, wait).await? {
            Ok(finished) => {
                let units = finished.info().units_deducted.as_deref().and_then(|units| units.parse::<Units>().ok());
                Ok(Ok(units.map(Units::thousandths)))
            }
            // Without the API's words, which may repeat the prompt; `kling status` shows them.
            Err(error) if error.kind() == ErrorKind::TaskFailed => {
                Ok(Err(format!("{}: {}", error.kind(), error.reason())))
            }
            Err(error) => Err(failed(in_short(&error))),
        }
    }

    /// Downloads the output of a finished task. Its URL is requested anew each time, and is in no history.
    #[activity]
    pub async fn download(
        self: Arc<Self>,
        ctx: ActivityContext,
        (task, output): (SavedTask, String),
    ) -> Result<u64, ActivityError> {
        let path = PathBuf::from(&output);
        let download = async {
            let disk = |reason: std::io::Error| failed(format!("{}: {reason}", path.display()));
            if let Some(folder) = path.parent() {
                tokio::fs::create_dir_all(folder).await.map_err(disk)?;
            }
            let gateway = |error: Error| failed(in_short(&error));
            let finished = self.task(task)?.wait().timeout(POLL).await.map_err(gateway)?;
            // `start` refuses a file that exists, so a file of this name is this video's.
            finished.download(&path).output(0).overwrite(true).await.map_err(gateway)?;
            Ok(tokio::fs::metadata(&path).await.map_err(disk)?.len())
        };
        self.interruptible(&ctx, download).await?
    }

    /// Reads checked lines.
    #[activity]
    pub async fn page(_ctx: ActivityContext, (plan, offset): (String, u64)) -> Result<Page, ActivityError> {
        let read = tokio::task::spawn_blocking(move || read_page(Path::new(&plan), offset));
        read.await.map_err(failed)?.map_err(failed)
    }

    /// How a video ended whose workflow was there already; none while it runs.
    #[activity]
    pub async fn outcome(ctx: ActivityContext, id: String) -> Result<Option<Ended>, ActivityError> {
        let video = ctx.client().get_workflow_handle::<Video>(id);
        let found = video.describe(WorkflowDescribeOptions::default()).await.map_err(failed)?;
        match found.status() {
            WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused => Ok(None),
            WorkflowExecutionStatus::Completed => {
                video.get_result(WorkflowGetResultOptions::default()).await.map(Some).map_err(failed)
            }
            other => {
                let why = Some(format!("its workflow is closed: {other:?}"));
                Ok(Some(Ended::new(How::GivenUp, why)))
            }
        }
    }

    /// Those of some videos that no longer run.
    #[activity]
    pub async fn gone(ctx: ActivityContext, ids: Vec<String>) -> Result<Vec<String>, ActivityError> {
        let mut gone = Vec::new();
        for id in ids {
            let found =
                ctx.client().get_workflow_handle::<Video>(&id).describe(WorkflowDescribeOptions::default()).await;
            match found {
                Ok(found)
                    if matches!(found.status(), WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused) => {
                }
                Ok(_) | Err(WorkflowInteractionError::NotFound(_)) => gone.push(id),
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(gone)
    }
}

/// Does some work, with heartbeats: three in each timeout.
async fn beating<T>(ctx: &ActivityContext, work: impl Future<Output = T>) -> T {
    let every = ctx.info().heartbeat_timeout.unwrap_or(POLL) / 3;
    let mut beat = tokio::time::interval(every.max(Duration::from_millis(100)));
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            // One that cannot be recorded is one less.
            _ = beat.tick() => drop(ctx.record_heartbeat(()).await),
        }
    }
}

fn failed(why: impl ToString) -> ActivityError {
    ActivityError::application(ApplicationFailure::new(why.to_string()))
}

/// The request of a line, or why it is not the one that was checked; the outer error may pass.
fn read_line(manifest: &Path, row: &Row) -> Result<Result<JobRequest, String>, String> {
    let entries = Manifest::open(manifest).map_err(|failure| failure.message)?;
    let changed = || Ok(Err(format!("line {} is not the one that was checked; start the manifest again", row.line)));
    for entry in entries {
        match entry {
            Ok(entry) if entry.line == row.line => {
                let hash = entry.request.hash().map_err(|reason| reason.to_string())?;
                return if hash == row.hash { Ok(Ok(entry.request)) } else { changed() };
            }
            Err(fault) if fault.line == row.line => return changed(),
            _ => {}
        }
    }
    changed()
}

fn read_page(plan: &Path, offset: u64) -> Result<Page, String> {
    let explained = |reason: std::io::Error| format!("{}: {reason}", plan.display());
    let mut file = BufReader::new(std::fs::File::open(plan).map_err(explained)?);
    file.seek(SeekFrom::Start(offset)).map_err(explained)?;
    let (mut rows, mut next, mut line) = (VecDeque::new(), offset, String::new());
    while rows.len() < PAGE {
        line.clear();
        match file.read_line(&mut line).map_err(explained)? {
            0 => return Ok((rows, None)),
            length => next += length as u64,
        }
        rows.push_back(serde_json::from_str(&line).map_err(|reason| format!("{}: {reason}", plan.display()))?);
    }
    Ok((rows, Some(next)))
}
