//! The commands: each a few steps of the library's, with the ids told as soon as they are known.
//!
//! Ctrl-C and SIGTERM end any of them. The API has no cancel, so it stops the waiting and not the task, and says how to go on.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::CommandFactory as _;
use futures_util::StreamExt as _;
use kling_client::{Client, Error, ErrorKind, FinishedTask, MultiImageToVideo, Task as Handle, TaskInfo, WaitEvent};
use serde_json::Value;

use crate::answer::{Answer, Task, table};
use crate::arguments::{Access, Arguments, Command, Generate, Patience};
use crate::connection::client;
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::order::{self, Order};
use crate::output::{Done, Output};
use crate::progress::{self, ticking};
use crate::target::{Choice, Target};
use crate::trail::Trail;

/// Does what was asked for.
pub async fn run(arguments: Arguments, output: &Output) -> Result<Done> {
    let mut trail = Trail::new(arguments.access.clone());
    // The signal is listened for before the first step, so that none of them is cut short without a word.
    let interrupt = Interrupt::listen();
    let ended = tokio::select! {
        biased;
        () = interrupt.wait() => None,
        ended = work(arguments.command, &arguments.access, output, &mut trail) => Some(ended),
    };
    match ended {
        Some(ended) => ended.map_err(|failure| trail.explain(failure)),
        None => Err(trail.interrupted()),
    }
}

async fn work(command: Command, access: &Access, output: &Output, trail: &mut Trail) -> Result<Done> {
    match command {
        Command::Generate(order) => generate(*order, access, output, trail).await,
        Command::Check(order) => check(*order, output).await,
        Command::Status { id } => {
            trail.asks("status", Some(&id));
            let mut task = connected(access, trail)?.task(id)?;
            Ok(in_full(task.refresh().await?, trail))
        }
        Command::Wait { id, patience, saving } => {
            let target = Target::of(saving)?;
            trail.aims_at(target.clone());
            let task = connected(access, trail)?.task(id)?;
            trail.waits(task.id());
            output.tell(format_args!("waiting for task {}", task.id()));
            wait(task, patience, target, output, trail).await
        }
        Command::Reconcile { id } => reconcile(&id, access, trail).await,
        Command::Download { id, output: path, overwrite, video } => {
            let target = Target::check(path, overwrite, video)?;
            trail.aims_at([target.clone()]);
            download(id, target, access, output, trail).await
        }
        Command::List { page, page_size } => list(page, page_size, access, trail).await,
        Command::Schema { outputs } => Ok(Done::Text(schema(outputs))),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "kling", &mut script);
            Ok(Done::Text(String::from_utf8_lossy(&script).into_owned()))
        }
        Command::Sandbox(_) | Command::Batch(_) | Command::Worker(_) | Command::Mcp(_) => {
            Err(Failure::invalid("expected no option with a value before the name of a program")
                .with_hint("its options come after its name"))
        }
    }
}

/// The client, whose gateway is told where something goes wrong with it.
fn connected(access: &Access, trail: &mut Trail) -> Result<Client> {
    let client = client(access)?;
    trail.asks_at(client.base_url());
    Ok(client)
}

async fn generate(order: Generate, access: &Access, output: &Output, trail: &mut Trail) -> Result<Done> {
    let (no_wait, patience) = (order.no_wait, order.patience.clone());
    let unknown = order.unknown_values();
    let Order { request, target } = order::read(order).await?;
    unknown.iter().for_each(|found| output.tell(format_args!("{found}; it is sent as it is")));
    trail.doubts(unknown);
    trail.aims_at(target.clone());
    let client = connected(access, trail)?;
    if let Some(id) = request.external_task_id() {
        output.note(format_args!("external id {id}"));
    }
    trail.submits(&request);
    let submit = client.submit(&request);
    let mut task = output.bars().of_upload(&request, |text| output.progress(text), submit).await?;
    trail.bought(task.id());
    output.note(format_args!("submitted task {}", task.id()));
    if no_wait {
        let info = match task.info() {
            Some(info) => info.clone(),
            None => task.refresh().await?.clone(),
        };
        let people = info.task_id.clone();
        return Ok(found(&info, trail, |_| people));
    }
    let usual = progress::clock(expected(&task, &patience));
    output.tell(format_args!("waiting, for about {usual}; Ctrl-C leaves the task running"));
    wait(task, patience, target, output, trail).await
}

/// Tells all that is not valid, which is what was asked for and yet ends with the exit code of an order that is not.
async fn check(order: Generate, output: &Output) -> Result<Done> {
    let unknown = order.unknown_values();
    let (people, violations, code) = match order::read(order).await {
        Ok(order) => {
            unknown.iter().for_each(|found| output.tell(format_args!("{found}; it is sent as it is")));
            (format!("valid; the order has {} bytes", order.request.body_len()?), Vec::new(), 0)
        }
        Err(failure) if failure.violations.is_empty() => return Err(failure),
        Err(failure) => {
            let lines: Vec<_> = failure.violations.iter().map(ToString::to_string).collect();
            (lines.join("\n"), failure.violations.clone(), failure.exit_code())
        }
    };
    Ok(Done::Found { answer: Answer::Violations { violations }, people, code, next: None })
}

/// Looks once for a task whose answer was lost. Not found is no proof that there is none.
async fn reconcile(external_id: &str, access: &Access, trail: &mut Trail) -> Result<Done> {
    trail.looks_for(external_id);
    if let Some(task) = connected(access, trail)?.reconcile(external_id).await?
        && let Some(info) = task.info()
    {
        return Ok(in_full(info, trail));
    }
    Err(Failure::new(ErrorKind::Ambiguous, "reconcile", "no task with this external id was found").with_hint(
        "that proves nothing: the gateway may not resolve external ids, or not know the task yet; try again later",
    ))
}

async fn list(page: u16, page_size: u16, access: &Access, trail: &mut Trail) -> Result<Done> {
    trail.asks("list", None);
    let tasks = connected(access, trail)?.list(page, page_size).await.map_err(|error| {
        let lacks_it = error.http_status() == Some(404);
        let failure = Box::<Failure>::from(error);
        if !lacks_it {
            return failure;
        }
        failure.with_hint(
            "this gateway seems to have no list, which is in Kling's reference and not on the vendor's page; \
             `kling status ID` asks for one task, `kling reconcile EXTERNAL_ID` looks for one",
        )
    })?;
    let tasks: Vec<_> = tasks.iter().map(Task::from).collect();
    let people = if tasks.is_empty() { String::new() } else { table(&tasks) };
    Ok(Done::Found { answer: Answer::Tasks { tasks }, people, code: 0, next: None })
}

fn schema(outputs: bool) -> String {
    let schema: Value = if outputs { Answer::schema().to_value() } else { MultiImageToVideo::json_schema() };
    format!("{schema:#}\n")
}

async fn wait(
    task: Handle,
    patience: Patience,
    target: Option<Target>,
    output: &Output,
    trail: &mut Trail,
) -> Result<Done> {
    /// How often people are told that nothing has changed.
    const REMINDER: Duration = Duration::from_secs(60);
    let usual = expected(&task, &patience);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let begun = progress::begun(task.save().made_at_ms, u64::try_from(since_1970).unwrap_or(u64::MAX));
    let bar = output.bars().of_wait(task.info().map_or("waiting", |info| info.status.as_str()), usual);
    let mut wait = task.wait().timeout(patience.timeout);
    if let Some(expected) = patience.expect {
        wait = wait.expected(expected);
    }
    let mut told = Duration::ZERO;
    while let Some(event) = ticking(wait.next(), || bar.waited(begun.elapsed(), usual)).await {
        match event? {
            WaitEvent::Changed(info) => {
                trail.sees();
                bar.says(info.status.as_str());
                output.progress(info.status);
            }
            WaitEvent::Running { elapsed, expected } if elapsed >= told + REMINDER => {
                told = elapsed;
                output.progress(progress::waited(elapsed, expected));
            }
            WaitEvent::PollFailed(error) => output.tell(in_vain(&error)),
            WaitEvent::Done(finished) => {
                trail.sees();
                drop(bar);
                return finish(finished, target, output, trail).await;
            }
            _ => {}
        }
    }
    Err(Failure::other("wait", "the wait ended without the task's end"))
}

/// How long a task takes from its order on, as far as is known.
fn expected(task: &Handle, patience: &Patience) -> Duration {
    patience.expect.or(task.save().expected_ms.map(Duration::from_millis)).unwrap_or_default()
}

async fn download(id: String, target: Target, access: &Access, output: &Output, trail: &mut Trail) -> Result<Done> {
    let mut task = connected(access, trail)?.task(id)?;
    trail.downloads(task.id());
    let info = task.refresh().await?;
    trail.sees();
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

/// Brings the videos that are wanted of a task that has ended to their files, if one was named.
async fn finish(finished: FinishedTask, target: Option<Target>, output: &Output, trail: &mut Trail) -> Result<Done> {
    let info = finished.info();
    let mut files = Vec::new();
    if let Some(target) = &target {
        trail.downloads(&info.task_id);
        let count = finished.videos().len();
        let wanted = target.each(count).inspect_err(|_| trail.aims_at([Target { choice: None, ..target.clone() }]))?;
        if count > 1 && target.choice.is_none() {
            let all = Target { choice: Some(Choice::All), ..target.clone() };
            let all = trail.command("download", Some(&info.task_id), Some(&all));
            output.note(format_args!("the first of {count} videos is taken; all of them: {all}"));
        }
        let mut left = wanted.iter();
        while let Some((place, target)) = left.next() {
            trail.aims_at([target].into_iter().chain(left.as_slice().iter().map(|(_, target)| target)).cloned());
            files.push((*place, fetch(&finished, *place, target, output).await?));
        }
    }
    let in_numbers = target.is_some_and(|target| target.choice == Some(Choice::All));
    Ok(found(info, trail, |task| {
        for (place, file) in &files {
            if in_numbers { task.has_video_in(*place, file) } else { task.is_in(file) }
        }
        task.videos_in_lines()
    }))
}

async fn fetch(finished: &FinishedTask, place: usize, target: &Target, output: &Output) -> Result<PathBuf> {
    output.progress(format_args!("downloading {}", target.path.display()));
    let download = finished.download(&target.path).overwrite(target.overwrite).video(place);
    let name = target.path.file_name().unwrap_or_default().to_string_lossy();
    Ok(output.bars().of_download(&name, download).await?)
}

fn in_vain(error: &Error) -> String {
    format!("asked in vain, asking again: {error}")
}

fn in_full(info: &TaskInfo, trail: &Trail) -> Done {
    found(info, trail, |task| task.in_full())
}

/// A task, with the caller's own id also where the API does not repeat it, and with what goes on from it: the wait for it,
/// or the download of what nobody has brought.
fn found(info: &TaskInfo, trail: &Trail, people: impl FnOnce(&mut Task) -> String) -> Done {
    let mut task = Task::from(info);
    task.external_task_id = task.external_task_id.or_else(|| trail.external().map(str::to_owned));
    let people = people(&mut task);
    let next = match info.status.is_final() {
        false => Some(trail.command("wait", Some(&info.task_id), None)),
        true if task.is_to_be_brought() => {
            let target = Target { path: "video.mp4".into(), overwrite: false, choice: None };
            Some(trail.command("download", Some(&info.task_id), Some(&target)))
        }
        true => None,
    };
    Done::Found { answer: Answer::Task(Box::new(task)), people, code: 0, next }
}
