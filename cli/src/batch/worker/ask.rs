//! Polls what runs, and looks up what was lost: the business of the worker that leads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use kling_client::{ErrorKind, TaskInfo, WaitAll, WaitEvent};

use super::{KEPT, Until, Worker, accepted, label, said, told};
use crate::error::Result;
use crate::record::{Detail, Job, millis};
use crate::state::{Event, State};
use crate::verdict::Whose;

/// A task is waited for in turns of this time; a turn that is over is followed by the next.
const TURN: Duration = Duration::from_secs(24 * 3600);

/// The jobs whose tasks are polled, by the tasks' ids.
type Known = HashMap<String, Job>;

impl Worker {
    /// Polls all tasks that run, while this worker leads.
    pub(super) async fn ask(self: Arc<Self>) {
        let nothing = || self.client.wait_all(Vec::<kling_client::Task>::new());
        let (mut all, mut known) = (nothing(), Known::new());
        loop {
            if !self.leads.load(Ordering::Relaxed) {
                if !known.is_empty() {
                    (all, known) = (nothing(), Known::new());
                }
                self.rest(self.pace.tick).await;
                continue;
            }
            // A record that cannot be read has nothing new to say.
            _ = self.take_up(&mut all, &mut known).await;
            let tick = self.clock.sleep(self.pace.tick);
            tokio::pin!(tick);
            loop {
                let seen = tokio::select! {
                    Some(seen) = async { all.events().next().await }, if !known.is_empty() => seen,
                    () = &mut tick => break,
                };
                if let Err(error) = self.hear(seen, &mut known).await {
                    self.say(&format!("what became of tasks cannot be written down, polling again: {}", error.told()));
                    (all, known) = (nothing(), Known::new());
                    break;
                }
            }
        }
    }

    /// Polls from now on what runs and is not polled yet.
    async fn take_up(&self, all: &mut WaitAll, known: &mut Known) -> Result<()> {
        let ids: HashSet<i64> = known.values().map(|job| job.id).collect();
        for id in self.store.ids_in(State::Accepted, self.client.base_url()).await? {
            if !ids.contains(&id)
                && self.is_due(id, State::Accepted)
                && let Some(job) = self.store.job(id).await?.filter(|job| job.state == State::Accepted)
                && let Some(task) = self.task(&job)
            {
                // Its request may be long, and there may be many.
                known.insert(task.id().to_owned(), Job { request: String::new(), task: None, ..job });
                all.push(task.wait().timeout(TURN));
            }
        }
        Ok(())
    }

    fn task(&self, job: &Job) -> Option<kling_client::Task> {
        let resumed = job.saved().and_then(|saved| self.client.resume(saved).ok());
        resumed.or_else(|| self.client.task(job.operation.clone(), job.task_id.clone()?).ok())
    }

    /// Writes down what was seen of a task.
    ///
    /// # Errors
    /// It is not written down, and has to be seen again.
    async fn hear(&self, seen: (String, kling_client::Result<WaitEvent>), known: &mut Known) -> Result<()> {
        let (task, event) = seen;
        let (event, detail) = match &event {
            Ok(WaitEvent::Changed(info)) => (None, Detail { status: Some(told(info)), ..Detail::default() }),
            Ok(WaitEvent::Done(finished)) => (Some(Event::End), ended(finished.info(), self.clock.wall())),
            Err(error) if error.kind() == ErrorKind::TaskFailed => {
                let (note, status) = (Some(said(error)), error.info().map(told));
                (Some(Event::Fail), Detail { note, status, ..Detail::default() })
            }
            Err(error) => {
                let Some(polled) = known.remove(&task) else { return Ok(()) };
                // After a wait that took its time it is polled again.
                if error.kind() != ErrorKind::WaitTimedOut {
                    self.failed(polled.id, State::Accepted);
                    let note = format!("its task cannot be polled: {}", said(error));
                    self.say(&format!("{}: {note}", label(&polled)));
                    _ = self.store.note(polled.id, State::Accepted, &note).await;
                }
                // A success without an output, which may come with the next response.
                if let Some(info) = error.info() {
                    let detail = Detail { status: Some(told(info)), ..Detail::default() };
                    self.store.tell(polled.id, polled.attempt, None, &detail).await?;
                }
                return Ok(());
            }
            Ok(_) => return Ok(()),
        };
        let polled = if event.is_some() { known.remove(&task) } else { known.get(&task).cloned() };
        let Some(polled) = polled else { return Ok(()) };
        let state = self.store.tell(polled.id, polled.attempt, event, &detail).await?;
        if state == Some(State::Failed) {
            self.to_report(polled.batch);
            self.say(&format!("{}: the task failed: {}", label(&polled), detail.note.unwrap_or_default()));
        }
        Ok(())
    }

    /// Looks up tasks whose create response was lost, while this worker leads; also if it is to end, which it does not
    /// before it has looked.
    pub(super) async fn look(self: Arc<Self>) {
        loop {
            if (self.leads.load(Ordering::Relaxed) || self.until == Until::Done)
                && let Ok(lost) = self.store.ids_in(State::Ambiguous, self.client.base_url()).await
            {
                for id in lost {
                    if self.is_due(id, State::Ambiguous)
                        && let Ok(Some(job)) = self.store.job(id).await
                    {
                        self.looked_for(&job).await;
                    }
                }
            }
            self.rest(self.pace.tick).await;
        }
    }

    async fn looked_for(&self, job: &Job) {
        match self.look_up(job).await {
            Ok(Some(task)) => {
                let told = self.store.tell(job.id, job.attempt, Event::Accept, &accepted(&task)).await;
                if matches!(told, Ok(Some(_))) {
                    self.say(&format!("{}: found its task {}", label(job), task.id()));
                }
            }
            found => {
                let note = found.err().unwrap_or_else(|| "not found, which proves nothing".to_owned());
                if self.failed(job.id, State::Ambiguous) == 1 {
                    self.say(&format!("{}: a task may exist, {note}", label(job)));
                }
                _ = self.store.note(job.id, State::Ambiguous, &note).await;
            }
        }
    }

    /// Looks up the task of a job by its external id; or says why none can be told to be its task.
    pub(super) async fn look_up(&self, job: &Job) -> Result<Option<kling_client::Task>, String> {
        let found = self.client.find_task(job.operation.clone(), &job.external_id).await;
        let Some(task) = found.map_err(|error| format!("the look-up failed: {}", said(&error)))? else {
            return Ok(None);
        };
        let history = self.store.history(job.id).await.map_err(|error| error.told())?;
        let sent = history.iter().find(|step| step.state == State::Sending).map_or(0, |step| step.at);
        let sent = UNIX_EPOCH + Duration::from_millis(u64::try_from(sent).unwrap_or_default());
        let id = task.id();
        match Whose::is(&job.external_id, task.info().and_then(|info| info.created_at), sent) {
            Whose::Ours => Ok(Some(task)),
            Whose::Older => Err(format!("task {id} has this external id and is older than the job")),
            Whose::Undated => Err(format!("task {id} has this external id and no date; it may be older than the job")),
        }
    }
}

fn ended(info: &TaskInfo, now: SystemTime) -> Detail {
    let ended = info.updated_at.unwrap_or(now);
    Detail {
        status: Some(told(info)),
        // What cannot be read is not settled: the estimate stays booked.
        settled: info.units_deducted.as_deref().and_then(|units| units.parse().ok()),
        expires_at: ended.checked_add(KEPT).map(millis),
        ..Detail::default()
    }
}
