//! Polls what runs, and looks up what has an unknown outcome.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use kling_client::{ErrorKind, Task, TaskInfo, WaitAll, WaitEvent};

use super::{KEPT, Worker, accepted, in_short, status};
use crate::batch::record::{Detail, Job, millis};
use crate::batch::state::{Event, State};
use crate::batch::verdict::is_older;
use crate::failure::Result;

/// A wait that takes longer is followed by the next.
const TURN: Duration = Duration::from_secs(24 * 3600);

/// The jobs that are polled, by their tasks' ids.
type Polled = HashMap<String, Job>;

impl Worker {
    /// Polls all tasks that run.
    pub(super) async fn poll(self: Arc<Self>) {
        let nothing = || self.client.wait_all(Vec::<Task>::new());
        let (mut all, mut polled) = (nothing(), Polled::new());
        loop {
            // A record that cannot be read has nothing new.
            _ = self.take_up(&mut all, &mut polled);
            let tick = self.clock.sleep(self.pace.tick);
            tokio::pin!(tick);
            loop {
                let (task, event) = tokio::select! {
                    Some(event) = async { all.events().next().await }, if !polled.is_empty() => event,
                    () = &mut tick => break,
                };
                if let Err(failure) = self.record(&task, event, &mut polled) {
                    self.say(&format!("statuses cannot be recorded, polling again: {}", failure.in_one_line()));
                    (all, polled) = (nothing(), Polled::new());
                    break;
                }
            }
        }
    }

    fn take_up(&self, all: &mut WaitAll, polled: &mut Polled) -> Result<()> {
        let ids: HashSet<i64> = polled.values().map(|job| job.id).collect();
        for id in self.due(State::Accepted)? {
            if !ids.contains(&id)
                && let Some(job) = self.store.job(id)?.filter(|job| job.state == State::Accepted)
                && let Some(task) = self.task(&job)
            {
                // Its request may be long, and there may be many.
                polled.insert(task.id().to_owned(), Job { request: String::new(), task: None, ..job });
                all.push(task.wait().timeout(TURN));
            }
        }
        Ok(())
    }

    fn task(&self, job: &Job) -> Option<Task> {
        let resumed = job.saved().and_then(|saved| self.client.resume(saved).ok());
        resumed.or_else(|| self.client.task(job.operation.clone(), job.task_id.clone()?).ok())
    }

    /// Records what a poll found; if that fails, the task has to be polled again.
    fn record(&self, task: &str, event: kling_client::Result<WaitEvent>, polled: &mut Polled) -> Result<()> {
        let (event, detail) = match &event {
            Ok(WaitEvent::Changed(info)) => (None, Detail { status: Some(status(info)), ..Detail::default() }),
            Ok(WaitEvent::Done(finished)) => (Some(Event::End), ended(finished.info(), self.clock.wall())),
            Err(error) if error.kind() == ErrorKind::TaskFailed => {
                let (note, status) = (Some(in_short(error)), error.info().map(status));
                (Some(Event::Fail), Detail { note, status, ..Detail::default() })
            }
            Err(error) => {
                let Some(job) = polled.remove(task) else { return Ok(()) };
                if error.kind() != ErrorKind::WaitTimedOut {
                    self.failed(job.id, State::Accepted);
                    let note = format!("its task cannot be polled: {}", in_short(error));
                    self.say(&format!("{}: {note}", job.label()));
                    _ = self.store.note(job.id, State::Accepted, &note);
                }
                // A success without an output, which may come with the next response.
                if let Some(info) = error.info() {
                    let detail = Detail { status: Some(status(info)), ..Detail::default() };
                    self.store.apply(job.id, job.attempt, None, &detail)?;
                }
                return Ok(());
            }
            Ok(_) => return Ok(()),
        };
        let job = if event.is_some() { polled.remove(task) } else { polled.get(task).cloned() };
        let Some(job) = job else { return Ok(()) };
        let state = self.store.apply(job.id, job.attempt, event, &detail)?;
        if state == Some(State::Failed) {
            self.say(&format!("{}: the task failed: {}", job.label(), detail.note.unwrap_or_default()));
        }
        Ok(())
    }

    /// Looks up tasks whose create response was lost.
    pub(super) async fn look_up(self: Arc<Self>) {
        loop {
            for id in self.due(State::Ambiguous).unwrap_or_default() {
                if let Ok(Some(job)) = self.store.job(id) {
                    self.look_up_one(&job).await;
                }
            }
            self.rest(self.pace.tick).await;
        }
    }

    async fn look_up_one(&self, job: &Job) {
        match self.find(job).await {
            Ok(Some(task)) => {
                let applied = self.store.apply(job.id, job.attempt, Event::Accept, &accepted(&task));
                if matches!(applied, Ok(Some(_))) {
                    self.say(&format!("{}: found its task {}", job.label(), task.id()));
                }
            }
            found => {
                let note = found.err().unwrap_or_else(|| "no task was found, which proves nothing".to_owned());
                if self.failed(job.id, State::Ambiguous) == 1 {
                    self.say(&format!("{}: outcome unknown: {note}", job.label()));
                }
                _ = self.store.note(job.id, State::Ambiguous, &note);
            }
        }
    }

    /// The task of a job by its external id; or why a task with that id cannot be said to be the job's.
    pub(super) async fn find(&self, job: &Job) -> Result<Option<Task>, String> {
        let found = self.client.find_task(job.operation.clone(), &job.external_id).await;
        let Some(task) = found.map_err(|error| format!("the look-up failed: {}", in_short(&error)))? else {
            return Ok(None);
        };
        let history = self.store.history(job.id).map_err(|failure| failure.in_one_line())?;
        let submitted = history.iter().find(|step| step.state == State::Sending).map_or(0, |step| step.at);
        let submitted = UNIX_EPOCH + Duration::from_millis(u64::try_from(submitted).unwrap_or_default());
        let created = task.info().and_then(|info| info.created_at);
        match is_older(&job.external_id, created, submitted) {
            Some(false) => Ok(Some(task)),
            Some(true) => Err(format!("task {} has this external id and is older than the job", task.id())),
            None => Err(format!("task {} has this external id and no date; it may be older than the job", task.id())),
        }
    }
}

fn ended(info: &TaskInfo, now: SystemTime) -> Detail {
    let ended = info.updated_at.unwrap_or(now);
    Detail {
        status: Some(status(info)),
        // What cannot be read is not settled: the estimate stays booked.
        settled: info.units_deducted.as_deref().and_then(|units| units.parse().ok()),
        expires_at: ended.checked_add(KEPT).map(millis),
        ..Detail::default()
    }
}
