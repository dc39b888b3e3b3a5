//! The activities: all that touches the gateway and the disk.

use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kling_cli::batch::{JobRequest, Manifest, State, Units};
use kling_client::{Client, Error, ErrorKind, Reason, SavedTask, Task};
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_client::{ActivityIdentifier, RpcOptions};
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio_util::sync::CancellationToken;

use crate::data::{Ended, NoTask, Page, Polled, Row, Submit, Submitted, VideoInput};
use crate::decide::{in_short, no_task, not_submitted};
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
    /// Whether `submit` has its two guards.
    guarded: bool,
}

impl Activities {
    /// Activities with a client that makes one attempt in each call, and a token that is cancelled when the worker stops.
    pub fn new(client: Client, stop: CancellationToken) -> Self {
        Self { client, stop, guarded: true }
    }

    /// Activities whose `submit` has no guard: only to test that there is a double charge without them.
    #[doc(hidden)]
    pub fn without_guards(client: Client) -> Self {
        Self { guarded: false, ..Self::new(client, CancellationToken::new()) }
    }

    /// Submits a request in a run of its workflow. `begin` records that it begins; it is the last step before the POST.
    ///
    /// # Errors
    /// Why there is no task.
    pub async fn submit_once(
        &self,
        run: Option<String>,
        input: Submit,
        begin: impl Future<Output = Result<(), String>>,
    ) -> Submitted {
        let Submit { video: VideoInput { row, manifest, .. }, original_run, earlier } = input;
        // A reset workflow repeats what it did before. Its first run may have submitted, whatever its history says now.
        if self.guarded && run != Some(original_run) {
            return Err(NoTask::Lost("the workflow or its submit was reset".to_owned()));
        }
        let (line, id) = (row.clone(), row.id.clone());
        let read = tokio::task::spawn_blocking(move || read_line(Path::new(&manifest), &line)).await;
        // A folder that is not mounted here, say.
        let request = read.map_err(|reason| reason.to_string()).flatten().map_err(NoTask::again)?;
        let changed = || format!("line {} is not the one that was checked; start the manifest again", row.line);
        let request = request.ok_or_else(|| NoTask::Refused(changed()))?;
        let request = request.request(&id).map_err(|error| no_task(&error))?;
        // The history of an earlier submit may be lost: with the server's database, or after its retention.
        if self.guarded
            && let Some(task) = self.find(&row).await.map_err(not_submitted)?
        {
            return Ok(task);
        }
        begin.await.map_err(NoTask::again)?;
        let error = match self.client.submit(request).await {
            Ok(task) => return Ok(task.save()),
            Err(error) => error,
        };
        // The code of an invalid request also says that the external id exists.
        if error.kind() == ErrorKind::Rejected && error.reason() == Reason::InvalidRequest {
            match self.find(&row).await {
                Ok(Some(task)) => return Ok(task),
                _ if earlier > 0 => return Err(NoTask::Lost(in_short(&error))),
                _ => {}
            }
        }
        Err(no_task(&error))
    }

    async fn find(&self, row: &Row) -> kling_client::Result<Option<SavedTask>> {
        Ok(self.client.find_task(row.operation.clone(), &row.id).await?.map(|task| task.save()))
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
        // An attempt after one that began is as doubtful as another run: somebody reset the activity.
        let run = ctx.info().workflow_run_id.clone().filter(|_| ctx.heartbeat_details().raw().is_empty());
        let token = ctx.info().task_token.clone();
        let begin = async {
            let server = ctx.client().get_async_activity_handle(ActivityIdentifier::TaskToken(token.into()));
            server.heartbeat(Some(true), RpcOptions::default()).await.map(drop).map_err(|reason| reason.to_string())
        };
        // Neither a cancellation nor a stop of the worker ends it: the response is the only proof of what was charged.
        Ok(beating(&ctx, self.submit_once(run, input, begin)).await)
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
    ) -> Result<(), ActivityError> {
        let path = PathBuf::from(&output);
        let download = async {
            if let Some(folder) = path.parent() {
                let made = tokio::fs::create_dir_all(folder).await;
                made.map_err(|reason| failed(format!("{}: {reason}", folder.display())))?;
            }
            let gateway = |error: Error| failed(in_short(&error));
            let finished = self.task(task)?.wait().timeout(POLL).await.map_err(gateway)?;
            // `start` refuses a file that exists, so a file of this name is this video's.
            finished.download(&path).output(0).overwrite(true).await.map(drop).map_err(gateway)
        };
        self.interruptible(&ctx, download).await?
    }

    /// Reads checked lines.
    #[activity]
    pub async fn page(_ctx: ActivityContext, (plan, offset): (String, u64)) -> Result<Page, ActivityError> {
        let read =
            tokio::task::spawn_blocking(move || read_page(&plan, offset).map_err(|reason| format!("{plan}: {reason}")));
        read.await.map_err(failed)?.map_err(failed)
    }

    /// How a video ended that runs no more, and whose report may be missing.
    #[activity]
    pub async fn outcome(ctx: ActivityContext, id: String) -> Result<Ended, ActivityError> {
        match ctx.client().get_workflow_handle::<Video>(id).get_result(Default::default()).await {
            Ok(ended) => Ok(ended),
            Err(reason @ (WorkflowGetResultError::Rpc(_) | WorkflowGetResultError::Other(_))) => Err(failed(reason)),
            Err(closed) => Ok(Ended::new(State::Ambiguous, closed.to_string())),
        }
    }
}

/// Does some work, with heartbeats: three in each timeout.
async fn beating<T>(ctx: &ActivityContext, work: impl Future<Output = T>) -> T {
    let every = (ctx.info().heartbeat_timeout.unwrap_or(POLL) / 3).max(Duration::from_millis(100));
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            // One that cannot be recorded is one less.
            _ = beat.tick() => drop(ctx.record_heartbeat(true).await),
        }
    }
}

fn failed(why: impl ToString) -> ActivityError {
    ActivityError::application(ApplicationFailure::new(why.to_string()))
}

/// The request of a line; none if it is not the one that was checked. Where reading ends with a fault, the disk may be at fault.
fn read_line(manifest: &Path, row: &Row) -> Result<Option<JobRequest>, String> {
    let mut fault = None;
    for entry in Manifest::open(manifest).map_err(|failure| failure.message)? {
        match entry {
            Ok(entry) if entry.line == row.line => {
                let hash = entry.request.hash().map_err(|reason| reason.to_string())?;
                return Ok((hash == row.hash).then_some(entry.request));
            }
            entry => fault = entry.err(),
        }
    }
    fault.map_or(Ok(None), |fault| Err(fault.to_string()))
}

fn read_page(plan: &str, offset: u64) -> std::io::Result<Page> {
    let mut file = BufReader::new(std::fs::File::open(plan)?);
    file.seek(SeekFrom::Start(offset))?;
    let lines: Vec<_> = file.lines().take(PAGE).collect::<Result<_, _>>()?;
    let next = lines.iter().fold(offset, |next, line| next + line.len() as u64 + 1);
    let rows = lines.iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>()?;
    Ok((rows, (lines.len() == PAGE).then_some(next)))
}
