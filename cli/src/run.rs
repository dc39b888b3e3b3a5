//! The commands: each a few steps of the library's, with the ids told as soon as they are known.
//!
//! Ctrl-C ends any of them. The API has no cancel, so it stops the waiting and not the task, and says how to go on.

use std::time::Duration;

use futures_util::StreamExt as _;
use kling_client::{Client, Error, ErrorKind, FinishedTask, MultiImageToVideo, Task, TaskInfo, WaitEvent};

use crate::arguments::{Command, Generate};
use crate::failure::{Failure, Result};
use crate::output::{Done, Output, Told};
use crate::target::Target;
use crate::trail::{Trail, command};

/// Does what was asked for.
pub async fn run(command: Command, output: &Output) -> Result<Done> {
    let mut trail = Trail::default();
    let ended = tokio::select! {
        // The signal is listened for before the first step, so that none of them is cut short without a word.
        biased;
        () = interrupt() => None,
        ended = work(command, output, &mut trail) => Some(ended),
    };
    match ended {
        Some(Ok(mut done)) => {
            done.external_task_id = done.external_task_id.or_else(|| trail.external().map(str::to_owned));
            Ok(done)
        }
        Some(Err(failure)) => Err(trail.explain(failure)),
        None => Err(trail.interrupted()),
    }
}

async fn work(command: Command, output: &Output, trail: &mut Trail) -> Result<Done> {
    match command {
        Command::Generate(order) => generate(*order, output, trail).await,
        Command::Status { id } => status(id).await,
        Command::Wait { id, patience, saving } => {
            let target = Target::of(saving)?;
            trail.aims_at(target.as_ref());
            let mut task = client()?.task(id)?;
            trail.waits(task.id());
            output.note(format_args!("waiting for task {}", task.id()));
            look(&mut task, output).await?;
            wait(task, patience.timeout, target, output, trail).await
        }
        Command::Reconcile { id } => reconcile(&id).await,
        Command::Download { id, output: path, overwrite } => {
            let target = Target::check(path, overwrite)?;
            trail.aims_at(Some(&target));
            download(id, target, output, trail).await
        }
    }
}

async fn generate(order: Generate, output: &Output, trail: &mut Trail) -> Result<Done> {
    let request = request(&order)?;
    let target = Target::of(order.saving)?;
    trail.aims_at(target.as_ref());
    let client = client()?;
    if let Some(id) = request.external_task_id() {
        output.note(format_args!("external id {id}"));
    }
    trail.submits(request.external_task_id());
    let mut task = client.submit(&request).await?;
    trail.bought(task.id());
    output.note(format_args!("submitted task {}", task.id()));
    if order.no_wait {
        let info = match task.info() {
            Some(info) => info.clone(),
            None => task.refresh().await?.clone(),
        };
        return Ok(done(info, Told::Id));
    }
    output.progress("waiting, which takes minutes; Ctrl-C leaves the task running");
    wait(task, order.patience.timeout, target, output, trail).await
}

async fn status(id: String) -> Result<Done> {
    let mut task = client()?.task(id)?;
    let info = task.refresh().await?.clone();
    Ok(done(info, Told::Task))
}

/// Looks once for a task whose answer was lost. Not found is no proof that there is none.
async fn reconcile(external_id: &str) -> Result<Done> {
    if let Some(task) = client()?.reconcile(external_id).await?
        && let Some(info) = task.info()
    {
        return Ok(done(info.clone(), Told::Task));
    }
    let mut failure = Failure::new(ErrorKind::Ambiguous, "reconcile", "no task with this external id was found")
        .with_hint(
            "that proves nothing: the gateway may not resolve external ids, or not know the task yet; try again later",
        );
    failure.external_task_id = Some(external_id.to_owned());
    Err(failure)
}

/// Asks once before the wait, which would ask late about a task that may have ended long ago, or never was.
async fn look(task: &mut Task, output: &Output) -> Result<()> {
    match task.refresh().await {
        Ok(info) => output.progress(&info.status),
        Err(error) if error.is_retryable() && !is_unknown(&error) => output.progress(in_vain(&error)),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn wait(
    task: Task,
    timeout: Duration,
    target: Option<Target>,
    output: &Output,
    trail: &mut Trail,
) -> Result<Done> {
    /// How often people are told that nothing has changed.
    const REMINDER: Duration = Duration::from_secs(30);
    let mut told = Duration::ZERO;
    let mut wait = task.wait().timeout(timeout);
    while let Some(event) = wait.next().await {
        match event? {
            WaitEvent::Changed(info) => output.progress(info.status),
            WaitEvent::Running { elapsed, expected } if elapsed >= told + REMINDER => {
                told = elapsed;
                output.progress(format_args!("{elapsed:.0?} of about {expected:.0?}"));
            }
            WaitEvent::PollFailed(error) => output.progress(in_vain(&error)),
            WaitEvent::Done(finished) => return finish(finished, target, output, trail).await,
            _ => {}
        }
    }
    Err(Failure::other("wait", "the wait ended without the task's end"))
}

async fn download(id: String, target: Target, output: &Output, trail: &mut Trail) -> Result<Done> {
    let mut task = client()?.task(id)?;
    trail.downloads(task.id());
    let info = task.refresh().await?;
    if !info.status.is_final() {
        let message =
            format!("expected a task that has ended, found one that is {}; there is no video yet", info.status);
        trail.waits(task.id());
        return Err(Failure::other("download", message));
    }
    // What has ended is not asked about again.
    let finished = task.wait().await?;
    finish(finished, Some(target), output, trail).await
}

/// Brings the video of a task that has ended to its file, if one was named.
async fn finish(finished: FinishedTask, target: Option<Target>, output: &Output, trail: &mut Trail) -> Result<Done> {
    let mut done = done(finished.info().clone(), Told::Videos);
    if let Some(target) = target {
        trail.downloads(&done.task.task_id);
        output.progress("downloading");
        let count = finished.videos().len();
        if count > 1 {
            let status = command("status", &done.task.task_id, None);
            output.note(format_args!("the first of {count} videos is taken; all of them: {status}"));
        }
        let download = finished.download(target.path).overwrite(target.overwrite).video(0);
        done.file = Some(download.await?);
    }
    Ok(done)
}

/// Whether the API does not know the task: asking again helps only in the first seconds of one.
fn is_unknown(error: &Error) -> bool {
    error.kind() == ErrorKind::Rejected && matches!(error.http_status(), Some(400 | 404))
}

fn in_vain(error: &Error) -> String {
    format!("asked in vain, asking again: {error}")
}

fn done(task: TaskInfo, told: Told) -> Done {
    Done { external_task_id: task.external_task_id.clone(), task, file: None, told }
}

fn request(order: &Generate) -> Result<MultiImageToVideo> {
    let request = MultiImageToVideo::builder()
        .images(order.images())
        .prompt(order.prompt.as_str())
        .model(order.model.clone())
        .maybe_negative_prompt(order.negative_prompt.as_deref())
        .mode(order.mode.clone())
        .duration(order.duration.clone())
        .maybe_aspect_ratio(order.aspect_ratio.clone())
        .maybe_callback_url(order.callback_url.as_deref())
        .maybe_external_task_id(order.external_id.as_deref())
        .build()?;
    Ok(request)
}

fn client() -> Result<Client> {
    Client::from_env().map_err(|error| {
        let failure = Box::<Failure>::from(error);
        match failure.kind {
            ErrorKind::Invalid => {
                failure.with_hint("the key is read from KLING_API_KEY, the gateway from KLING_BASE_URL")
            }
            _ => failure,
        }
    })
}

/// Resolves at Ctrl-C; never where the system does not tell of it.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
