//! A worker: it sends what is intended, asks for what runs if it leads, brings what is finished, and looks for what was
//! lost. Any number of them work on one record, and any of them may be killed at any moment.
//!
//! What a worker holds in memory is only pace: whom it is about to ask again, and when. What was decided stands in the
//! record before it is acted on, and what came of it is written until it is written.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::{FutureExt as _, StreamExt as _};
use kling_client::{Client, Clock, ErrorKind, SavedTask, TaskInfo, WaitAll, WaitEvent};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::order::{Order, hash_file};
use crate::pulse::Pulse;
use crate::state::{Event, State};
use crate::store::{Detail, Job, News, Store, millis};
use crate::verdict::Verdict;

/// How long a video can be fetched after its task ended (Kling's reference).
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many videos are fetched at a time: they come from a network that is made for it, onto one disk.
const DOWNLOADS: usize = 4;
/// A task is waited for in turns of this time; a turn that is over is followed by the next.
const TURN: Duration = Duration::from_secs(24 * 3600);
/// How long the one answer may take that a fetch begins with.
const ONE_ANSWER: Duration = Duration::from_secs(60);
/// After so many failures in a row a run ends without this job; `resume` takes it up again.
const TRIES: u32 = 5;
/// How often a lost order is looked for before a run ends without it.
const LOOKS: u32 = 3;
/// One change tells of no more jobs than these, as many as a list has tasks: the others wait for it.
const AT_ONCE: usize = 500;

/// How fast a worker goes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The time between heartbeats. Who misses four is taken for dead.
    pub heartbeat: Duration,
    /// How often the record is looked at for news from other workers.
    pub tick: Duration,
    /// The first pause after an order that must be sent again; it doubles up to the sixtyfold.
    pub pause: Duration,
    /// The first pause before a lost order is looked for again; it doubles up to the sixtyfold.
    pub look: Duration,
}

impl Pace {
    /// For a gateway on another machine, with this time between heartbeats.
    pub const fn new(heartbeat: Duration) -> Self {
        let second = Duration::from_secs(1);
        Self { heartbeat, tick: second, pause: second, look: Duration::from_secs(30) }
    }

    /// For a gateway on this machine, which is a sandbox.
    pub const fn loopback(heartbeat: Duration) -> Self {
        let tick = Duration::from_millis(50);
        Self { heartbeat, tick, pause: tick, look: Duration::from_millis(500) }
    }
}

/// When a worker ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When nothing is left that it could do, or nothing more may be sent and all that runs has ended.
    Done,
    /// Never; what halts it is tried again after some minutes.
    Stopped,
}

/// A job whose task is asked for.
#[derive(Clone)]
struct Asked {
    job: i64,
    attempt: i64,
    label: String,
}

/// The jobs whose tasks are asked for, by the tasks' ids.
type Known = HashMap<String, Asked>;

/// What is seen of a task.
type Seen = (String, kling_client::Result<WaitEvent>);

/// What a worker says of its progress: a line that holds no secret.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// A worker on a record.
pub struct Worker {
    store: Store,
    client: Client,
    clock: Arc<dyn Clock>,
    pace: Pace,
    until: Until,
    say: Say,
    id: String,
    leads: AtomicBool,
    /// What this process sends or fetches at this moment.
    busy: Mutex<HashSet<i64>>,
    /// Who is to be asked for, fetched or looked for again, and when.
    resting: Mutex<HashMap<(i64, State), Rest>>,
    pause: Mutex<Rest>,
    halted: Mutex<Option<Error>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    failures: u32,
    until: Duration,
}

impl Worker {
    /// A worker with a client that orders at most once in each call, which is
    /// [`attempts(1)`](kling_client::ClientBuilder::attempts): how often is the record's business.
    pub fn new(store: Store, client: Client, clock: Arc<dyn Clock>, pace: Pace, until: Until, say: Say) -> Self {
        Self {
            store: store.with_clock(Arc::clone(&clock)),
            client,
            clock,
            pace,
            until,
            say,
            id: Uuid::now_v7().to_string(),
            leads: AtomicBool::new(false),
            busy: Mutex::default(),
            resting: Mutex::default(),
            pause: Mutex::default(),
            halted: Mutex::default(),
        }
    }

    /// Works until it is done or stopped. A stop lets orders that are on their way come to their end; all else goes on in
    /// the next run.
    ///
    /// # Errors
    /// What kept it from sending the rest: the key, the money, the database at its start.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let worker = Arc::new(self);
        worker.store.beat(&worker.id).await?;
        let mut others = JoinSet::new();
        others.spawn(Arc::clone(&worker).heart());
        others.spawn(Arc::clone(&worker).ask());
        others.spawn(Arc::clone(&worker).look());
        others.spawn(Arc::clone(&worker).fetch());
        Arc::clone(&worker).send(&stop).await;
        others.shutdown().await;
        if let Err(error) = worker.store.leave(&worker.id).await {
            worker.say(&format!("could not sign off, which the others will notice: {error}"));
        }
        match lock(&worker.halted).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn say(&self, line: &str) {
        (self.say)(line);
    }

    /// Waits, with a spread so that many workers do not go in step.
    async fn rest(&self, time: Duration) {
        self.clock.sleep(time.mul_f64(0.75 + 0.5 * self.clock.random().clamp(0.0, 1.0))).await;
    }

    /// Beats, watches the others, and leads if nobody does.
    async fn heart(self: Arc<Self>) {
        let mut pulse = Pulse::new(self.pace.heartbeat);
        let mut quiet = false;
        loop {
            match self.beat(&mut pulse).await {
                Ok(leads) => {
                    quiet = false;
                    self.leads.store(leads, Ordering::Relaxed);
                }
                Err(error) => {
                    self.leads.store(false, Ordering::Relaxed);
                    if !std::mem::replace(&mut quiet, true) {
                        self.say(&format!("the database does not answer, trying on: {}", error.told()));
                    }
                }
            }
            self.clock.sleep(self.pace.heartbeat).await;
        }
    }

    async fn beat(&self, pulse: &mut Pulse) -> Result<bool> {
        self.store.beat(&self.id).await?;
        let dead: Vec<_> = pulse.look(self.clock.now(), self.store.beats().await?);
        let dead: Vec<_> = dead.into_iter().filter(|(id, _)| *id != self.id).collect();
        let lost = self.store.bury(&dead).await?;
        if lost > 0 {
            self.say(&format!("{lost} orders of a worker that died are looked for"));
        }
        self.store.lead(&self.id).await
    }

    /// Sends what is intended, one after the other, as many at a time as there are places.
    async fn send(self: Arc<Self>, stop: &CancellationToken) {
        let mut orders = JoinSet::new();
        let mut unsure = false;
        while !stop.is_cancelled() {
            while orders.try_join_next().is_some() {}
            let left = lock(&self.pause).until.saturating_sub(self.clock.now());
            let halted = lock(&self.halted).is_some();
            let step = async {
                if unsure {
                    self.let_go().await?;
                    unsure = false;
                }
                if !left.is_zero() || halted {
                    return Ok(None);
                }
                let claimed = self.store.claim(&self.id, self.client.base_url()).await;
                unsure = claimed.is_err();
                claimed
            };
            match step.await {
                Ok(Some(job)) => {
                    lock(&self.busy).insert(job.id);
                    orders.spawn(Arc::clone(&self).order(job));
                    continue;
                }
                Ok(None) if left.is_zero() && orders.is_empty() && self.is_done(halted).await => break,
                Ok(None) => {}
                Err(error) => self.say(&format!("the record cannot be read, trying on: {}", error.told())),
            }
            let until = if left.is_zero() { self.pace.tick } else { left };
            tokio::select! {
                () = self.rest(until) => {}
                // Its place is free.
                Some(_) = orders.join_next() => {}
                () = stop.cancelled() => {}
            }
        }
        if !orders.is_empty() {
            self.say(&format!("stopping; {} orders on their way are waited for", orders.len()));
        }
        while orders.join_next().await.is_some() {}
    }

    /// Gives back what was claimed for this worker in a transaction whose answer was lost: it never got it, so surely
    /// nothing was sent.
    async fn let_go(&self) -> Result<()> {
        for job in self.store.held(&self.id).await? {
            if lock(&self.busy).contains(&job.id) {
                continue;
            }
            match job.state {
                State::Sending => _ = self.store.tell(job.id, job.attempt, Event::Return, &Detail::default()).await?,
                _ => self.store.release_video(job.id, &self.id, job.note.as_deref()).await?,
            }
        }
        Ok(())
    }

    /// Whether nothing is left that this worker, or another one alive, could bring further now.
    async fn is_done(&self, halted: bool) -> bool {
        if self.until == Until::Stopped {
            return false;
        }
        // Only what rests may be left undone, so one more says all.
        let most = lock(&self.resting).len().saturating_add(1);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let Ok(open) = self.store.open_at(self.client.base_url(), most).await else { return false };
        let resting = lock(&self.resting);
        let failures = |job: &(i64, State)| resting.get(job).map_or(0, |rest| rest.failures);
        let waits = |job: &(i64, State)| match job.1 {
            State::Ambiguous => failures(job) < LOOKS,
            State::Sending => true,
            _ => failures(job) < TRIES,
        };
        let done = !open.iter().any(waits);
        if done && halted {
            self.say("nothing more is sent");
        }
        done
    }

    /// One order, from its claim to the answer that is written down.
    async fn order(self: Arc<Self>, job: Job) {
        let (event, detail) = self.submitted(&job).await;
        let (name, note) = (label(&job), detail.note.clone().unwrap_or_default());
        let task = detail.task.as_ref().map(|(id, _)| id.clone());
        // A paid task that only this process knows of is written until it is written.
        let mut pause = self.pace.pause;
        loop {
            match self.store.tell(job.id, job.attempt, event, &detail).await {
                Ok(state) => {
                    match (event, task) {
                        (Event::Accept, Some(task)) if state.is_some() => self.say(&format!("{name}: task {task}")),
                        (Event::Accept, Some(task)) => {
                            self.say(&format!("{name}: task {task} was written down by another"));
                        }
                        _ => self.say(&format!("{name}: {}: {note}", state.map_or("unchanged", State::as_str))),
                    }
                    break;
                }
                Err(error) => {
                    let task = task.as_deref().map(|task| format!(", task {task}")).unwrap_or_default();
                    self.say(&format!("{name}{task} cannot be written down, trying on: {}", error.told()));
                    self.rest(pause).await;
                    pause = (pause * 2).min(self.pace.pause * 60);
                }
            }
        }
        lock(&self.busy).remove(&job.id);
    }

    async fn submitted(&self, job: &Job) -> (Event, Detail) {
        let noted = |note: String| Detail { note: Some(note), ..Detail::default() };
        let checked = job.clone();
        let request = match tokio::task::spawn_blocking(move || prepared(&checked)).await {
            Ok(Ok(request)) => request,
            Ok(Err(reason)) => return (Event::Refuse, noted(format!("nothing was sent: {reason}"))),
            Err(reason) => return (Event::Return, noted(format!("nothing was sent: {reason}"))),
        };
        let submitted = self.client.submit(&request).await;
        let error = match submitted {
            Ok(task) => {
                *lock(&self.pause) = Rest::default();
                return (Event::Accept, accepted(&task));
            }
            Err(error) => error,
        };
        let verdict = Verdict::of(&error);
        // What was sent before, and seemed not to have arrived, may be why it is refused now.
        if verdict == Verdict::Refused
            && job.attempt > 1
            && let Ok(Some(task)) = self.client.reconcile(&job.external_id).await
        {
            return (Event::Accept, accepted(&task));
        }
        if verdict.event() == Event::Return {
            let mut pause = lock(&self.pause);
            let time = grown(self.pace.pause, pause.failures).max(error.retry_after().unwrap_or_default());
            *pause = Rest { failures: pause.failures + 1, until: self.clock.now() + time };
        }
        if verdict == Verdict::Halt {
            self.halt(&error);
        }
        let crowded = verdict == Verdict::Crowded;
        (verdict.event(), Detail { crowded, ..noted(said(&error)) })
    }

    fn halt(&self, error: &kling_client::Error) {
        /// What somebody must do takes them some minutes.
        const LATER: Duration = Duration::from_secs(300);
        match self.until {
            Until::Stopped => lock(&self.pause).until = self.clock.now() + LATER,
            Until::Done => {
                let halted = Error::new(error.kind(), "send", said(error));
                let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
                *lock(&self.halted) =
                    Some(halted.with_hint(format!("{hint}the rest is still intended: resume when that is settled")));
            }
        }
    }

    /// Asks for all tasks that run, while this worker leads.
    async fn ask(self: Arc<Self>) {
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
                known.insert(task.id().to_owned(), Asked { label: label(&job), job: job.id, attempt: job.attempt });
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
                let Asked { job, label, .. } = known.remove(task)?;
                // After a wait that took its time it is asked for again.
                if error.kind() != ErrorKind::WaitTimedOut {
                    self.failed(job, State::Accepted);
                    let note = format!("its task cannot be asked for: {}", said(error));
                    self.say(&format!("{label}: {note}"));
                    _ = self.store.note(job, State::Accepted, &note).await;
                }
                return None;
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
        for ((Asked { label, .. }, news), state) in asked.iter().zip(news).zip(states) {
            if state == Some(State::Failed) {
                self.say(&format!("{label}: the task failed: {}", news.detail.note.unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Looks for orders whose answer was lost, while this worker leads; also if it is to end, which it does not before it
    /// has looked.
    async fn look(self: Arc<Self>) {
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
        match self.client.reconcile(&job.external_id).await {
            Ok(Some(task)) => {
                let told = self.store.tell(job.id, job.attempt, Event::Accept, &accepted(&task)).await;
                if matches!(told, Ok(Some(_))) {
                    self.say(&format!("{}: found its task {}", label(job), task.id()));
                }
            }
            found => {
                let note = match found {
                    Err(error) => format!("looked for in vain: {}", said(&error)),
                    Ok(_) => "not found, which proves nothing".to_owned(),
                };
                if self.failed(job.id, State::Ambiguous) == 1 {
                    self.say(&format!("{}: a task may exist, {note}", label(job)));
                }
                _ = self.store.note(job.id, State::Ambiguous, &note).await;
            }
        }
    }

    /// Brings videos to their files.
    async fn fetch(self: Arc<Self>) {
        let mut videos = JoinSet::new();
        loop {
            while videos.try_join_next().is_some() {}
            if videos.len() < DOWNLOADS {
                let not = self.not_due(State::Finished);
                if let Ok(Some(job)) = self.store.claim_video(&self.id, self.client.base_url(), &not).await {
                    lock(&self.busy).insert(job.id);
                    videos.spawn(Arc::clone(&self).video(job));
                    continue;
                }
            }
            tokio::select! {
                () = self.rest(self.pace.tick) => {}
                Some(_) = videos.join_next() => {}
            }
        }
    }

    async fn video(self: Arc<Self>, job: Job) {
        match self.brought(&job).await {
            Ok(file) => {
                let detail = Detail { file: Some(file), ..Detail::default() };
                match self.store.tell(job.id, job.attempt, Event::Deliver, &detail).await {
                    Ok(_) => self.say(&format!("{}: {}", label(&job), job.output)),
                    Err(error) => {
                        self.say(&format!("{}: is here, and cannot be written down: {}", label(&job), error.told()));
                        self.released(&job, None).await;
                    }
                }
            }
            Err(reason) => {
                self.say(&format!("{}: not fetched: {reason}", label(&job)));
                self.released(&job, Some(&reason)).await;
            }
        }
        lock(&self.busy).remove(&job.id);
    }

    async fn released(&self, job: &Job, note: Option<&str>) {
        self.failed(job.id, State::Finished);
        let mut pause = self.pace.pause;
        while self.store.release_video(job.id, &self.id, note).await.is_err() {
            self.rest(pause).await;
            pause = (pause * 2).min(self.pace.pause * 60);
        }
    }

    async fn brought(&self, job: &Job) -> Result<(u64, String), String> {
        let path = PathBuf::from(&job.output);
        if let Some(folder) = path.parent() {
            let made = tokio::fs::create_dir_all(folder).await;
            made.map_err(|reason| format!("{}: {reason}", folder.display()))?;
        }
        if !job.begun {
            if tokio::fs::symlink_metadata(&path).await.is_ok() {
                return Err(format!("{} exists and is kept; move it away, then resume", path.display()));
            }
            // From here on a file of that name is this job's.
            self.store.begin_file(job.id).await.map_err(|error| error.told())?;
        }
        let id = job.task_id.clone().unwrap_or_default();
        let task = self.client.task(id).map_err(|error| said(&error))?;
        let finished = task.wait().timeout(ONE_ANSWER).await.map_err(|error| said(&error))?;
        let download = finished.download(&path).overwrite(job.begun).video(0);
        let path = download.await.map_err(|error| match error.hint() {
            Some(hint) => format!("{}; {hint}", said(&error)),
            None => said(&error),
        })?;
        let hashed = tokio::task::spawn_blocking(move || hash_file(&path)).await;
        hashed.map_err(|reason| reason.to_string())?.map_err(|reason| reason.to_string())
    }

    /// Counts a failure of a job, after which it rests; gives how many there were.
    fn failed(&self, job: i64, state: State) -> u32 {
        let first = if state == State::Ambiguous { self.pace.look } else { self.pace.pause };
        let mut resting = lock(&self.resting);
        let rest = resting.entry((job, state)).or_default();
        rest.until = self.clock.now() + grown(first, rest.failures);
        rest.failures += 1;
        rest.failures
    }

    fn is_due(&self, job: i64, state: State) -> bool {
        lock(&self.resting).get(&(job, state)).is_none_or(|rest| rest.until <= self.clock.now())
    }

    fn not_due(&self, state: State) -> Vec<i64> {
        let now = self.clock.now();
        lock(&self.resting)
            .iter()
            .filter(|((_, of), rest)| *of == state && rest.until > now)
            .map(|((id, _), _)| *id)
            .collect()
    }
}

/// What stands in the record of an order, made ready to be sent; or why it must not be.
fn prepared(job: &Job) -> Result<kling_client::MultiImageToVideo, String> {
    let order: Order = serde_json::from_str(&job.request).map_err(|reason| reason.to_string())?;
    if !job.begun && std::fs::symlink_metadata(&job.output).is_ok() {
        return Err(format!("{} exists and is kept; move it away, then retry", job.output));
    }
    if order.hash().map_err(|reason| reason.to_string())? != job.request_hash {
        return Err("a picture is no longer what it was when the job was added; add it again".to_owned());
    }
    order.request(&job.external_id).map_err(|error| error.message().to_owned())
}

fn accepted(task: &kling_client::Task) -> Detail {
    let saved = serde_json::to_string(&task.save()).unwrap_or_default();
    Detail { task: Some((task.id().to_owned(), saved)), status: task.info().map(told), ..Detail::default() }
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

/// Where the task stands by the API's word and date.
fn told(info: &TaskInfo) -> (String, Option<i64>) {
    (info.status.as_str().to_owned(), info.updated_at.map(millis))
}

/// An error in a line.
fn said(error: &kling_client::Error) -> String {
    let code = error.code().map(|code| format!("code {code}: ")).unwrap_or_default();
    format!("{}: {code}{}", error.kind(), error.message())
}

fn label(job: &Job) -> String {
    match &job.name {
        Some(name) => format!("job {} ({name})", job.id),
        None => format!("job {}", job.id),
    }
}

/// A pause that doubles with each failure, up to the sixtyfold.
fn grown(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.min(6)).min(first.saturating_mul(60))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
