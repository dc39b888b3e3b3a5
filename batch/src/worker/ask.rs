//! Asks for what runs, and looks for what was lost: the business of the worker that leads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{FutureExt as _, StreamExt as _};
use kling_client::{ErrorKind, SavedTask, TaskInfo, WaitAll, WaitEvent};

use super::{KEPT, Until, Worker, accepted, label, said, told};
use crate::error::Result;
use crate::record::{Detail, Job, News, millis};
use crate::state::{Event, State};
use crate::verdict::Whose;

/// A task is waited for in turns of this time; a turn that is over is followed by the next.
const TURN: Duration = Duration::from_secs(24 * 3600);
/// One change tells of no more jobs than these, as many as a list has tasks: the others wait for it.
const AT_ONCE: usize = 500;

/// A job whose task is asked for.
#[derive(Clone)]
struct Asked {
    job: i64,
    batch: i64,
    attempt: i64,
    label: String,
}

/// The jobs whose tasks are asked for, by the tasks' ids.
type Known = HashMap<String, Asked>;

/// What is seen of a task.
type Seen = (String, kling_client::Result<WaitEvent>);

impl Worker {
    /// Asks for all tasks that run, while this worker leads.
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
                if let Err(error) = self.hear(seen, &mut all, &mut known).await {
                    self.say(&format!("what became of tasks cannot be written down, asking again: {}", error.told()));
                    (all, known) = (nothing(), Known::new());
                    break;
                }
            }
        }
    }

    /// Asks from now on for what runs and is not asked for yet.
    async fn take_up(&self, all: &mut WaitAll, known: &mut Known) -> Result<()> {
        let ids: HashSet<i64> = known.values().map(|asked| asked.job).collect();
        for id in self.store.ids_in(State::Accepted, self.client.base_url()).await? {
            if !ids.contains(&id)
                && self.is_due(id, State::Accepted)
                && let Some(job) = self.store.job(id).await?.filter(|job| job.state == State::Accepted)
                && let Some(task) = self.task(&job)
            {
                let (Job { id: job, batch, attempt, .. }, label) = (&job, label(&job));
                known.insert(task.id().to_owned(), Asked { job: *job, batch: *batch, attempt: *attempt, label });
                all.push(task.wait().timeout(TURN));
            }
        }
        Ok(())
    }

    fn task(&self, job: &Job) -> Option<kling_client::Task> {
        let saved: Option<SavedTask> = job.task.as_deref().and_then(|task| serde_json::from_str(task).ok());
        let resumed = saved.and_then(|saved| self.client.resume(saved).ok());
        resumed.or_else(|| self.client.task(job.task_id.clone()?).ok())
    }

    /// Writes down what was seen, and all else that is there to be seen by now: a list tells of many tasks at once.
    ///
    /// # Errors
    /// Of what was seen some is not written down, and has to be seen again.
    async fn hear(&self, seen: Seen, all: &mut WaitAll, known: &mut Known) -> Result<()> {
        let (mut next, mut heard) = (Some(seen), Vec::<(Asked, News)>::new());
        while let Some((task, event)) = next {
            if let Some((asked, news)) = self.means(&task, event, known).await {
                // Each change tells of a job once.
                if heard.len() == AT_ONCE || heard.iter().any(|(_, before)| before.job == news.job) {
                    self.write(std::mem::take(&mut heard)).await?;
                }
                heard.push((asked, news));
            }
            next = all.events().next().now_or_never().flatten();
        }
        self.write(heard).await
    }

    /// What is to be told of a job by what was seen of its task.
    async fn means(
        &self,
        task: &str,
        event: kling_client::Result<WaitEvent>,
        known: &mut Known,
    ) -> Option<(Asked, News)> {
        let (event, detail) = match &event {
            Ok(WaitEvent::Changed(info)) => (None, Detail { status: Some(told(info)), ..Detail::default() }),
            Ok(WaitEvent::Done(finished)) => (Some(Event::End), ended(finished.info(), self.clock.wall())),
            Err(error) if error.kind() == ErrorKind::TaskFailed => {
                let (note, status) = (Some(said(error)), error.info().map(told));
                (Some(Event::Fail), Detail { note, status, ..Detail::default() })
            }
            Err(error) => {
                let asked = known.remove(task)?;
                // After a wait that took its time it is asked for again.
                if error.kind() != ErrorKind::WaitTimedOut {
                    self.failed(asked.job, State::Accepted);
                    let note = format!("its task cannot be asked for: {}", said(error));
                    self.say(&format!("{}: {note}", asked.label));
                    _ = self.store.note(asked.job, State::Accepted, &note).await;
                }
                // A success without a video, which may come with the next answer.
                let detail = Detail { status: Some(told(error.info()?)), ..Detail::default() };
                let news = News { job: asked.job, attempt: asked.attempt, event: None, detail };
                return Some((asked, news));
            }
            Ok(_) => return None,
        };
        let asked = if event.is_some() { known.remove(task) } else { known.get(task).cloned() }?;
        let news = News { job: asked.job, attempt: asked.attempt, event, detail };
        Some((asked, news))
    }

    async fn write(&self, heard: Vec<(Asked, News)>) -> Result<()> {
        if heard.is_empty() {
            return Ok(());
        }
        let (asked, news): (Vec<_>, Vec<_>) = heard.into_iter().unzip();
        let states = self.store.tell_all(&news).await?;
        for ((Asked { batch, label, .. }, news), state) in asked.iter().zip(news).zip(states) {
            if state == Some(State::Failed) {
                self.to_report(*batch);
                self.say(&format!("{label}: the task failed: {}", news.detail.note.unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Looks for orders whose answer was lost, while this worker leads; also if it is to end, which it does not before it
    /// has looked.
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
}

impl Worker {
    /// Looks up the task of a job by its external id; or says why none can be told to be its task.
    pub(super) async fn look_up(&self, job: &Job) -> Result<Option<kling_client::Task>, String> {
        let found = self.client.reconcile(&job.external_id).await;
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
