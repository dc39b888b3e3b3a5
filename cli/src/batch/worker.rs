//! A worker: it sends what is intended, asks for what runs if it leads, brings what is finished, and looks for what was
//! lost. Any number of them work on one record, and any of them may be killed at any moment.
//!
//! What a worker holds in memory is only pace: whom it is about to ask again, and when. What was decided stands in the
//! record before it is acted on, and what came of it is written until it is written.

mod ask;
mod fetch;
mod send;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kling_client::{Client, Clock, TaskInfo};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::prices::Prices;
use crate::pulse::Pulse;
use crate::record::{Detail, Job, millis};
use crate::report::{Shown, report};
use crate::state::State;
use crate::store::Store;
use crate::verdict::Streak;

/// How long a video can be fetched after its task ended (Kling's reference).
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// After so many failures in a row a run ends without this job; `resume` takes it up again.
const TRIES: u32 = 5;
/// How often a lost order is looked for before a run ends without it.
const LOOKS: u32 = 3;

/// How fast a worker goes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The time between heartbeats. Who misses four is taken for dead.
    pub heartbeat: Duration,
    /// How often the record is looked at for news from other workers.
    pub tick: Duration,
    /// The first pause before a retry; it doubles up to the sixtyfold.
    pub pause: Duration,
    /// The first pause before a lost task is looked up again; it doubles up to the sixtyfold.
    pub look: Duration,
}

impl Pace {
    /// With this time between heartbeats. As in the client, all pauses shrink in proportion where tasks are expected to take
    /// less than 40 s.
    pub fn new(heartbeat: Duration, expected: Option<Duration>) -> Self {
        let share = expected.map_or(1.0, |expected| (expected.as_secs_f64() / 40.0).clamp(0.01, 1.0));
        let [second, look] = [1.0, 30.0].map(|seconds| Duration::from_secs_f64(seconds * share));
        Self { heartbeat, tick: second, pause: second, look }
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
    streak: Mutex<Streak>,
    halted: Mutex<Option<Error>>,
    /// For the reports of batches that end, if they are written.
    prices: Option<Prices>,
    /// The batches of which a job came to its end and that were not looked at since.
    to_report: Mutex<HashSet<i64>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    failures: u32,
    until: Duration,
}

impl Worker {
    /// A worker with a client that submits once in each call, which is
    /// [`max_attempts(1)`](kling_client::ClientBuilder::max_attempts): retries are the record's business.
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
            streak: Mutex::default(),
            halted: Mutex::default(),
            prices: None,
            to_report: Mutex::default(),
        }
    }

    /// Also writes the report of each batch that it brings to its end, into the folder for its videos; not where there is
    /// no such folder on this machine, which another worker's is then.
    pub fn reporting(self, prices: Prices) -> Self {
        Self { prices: Some(prices), ..self }
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
        let (ended, mut reports) = (CancellationToken::new(), JoinSet::new());
        reports.spawn(Arc::clone(&worker).report(ended.clone()));
        Arc::clone(&worker).send(&stop).await;
        others.shutdown().await;
        ended.cancel();
        while reports.join_next().await.is_some() {}
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

    /// Takes note of a batch of which a job came to its end.
    fn to_report(&self, batch: i64) {
        if self.prices.is_some() {
            lock(&self.to_report).insert(batch);
        }
    }

    /// Writes the reports of what has ended, and the last of them once nothing is done any more.
    async fn report(self: Arc<Self>, ended: CancellationToken) {
        while !ended.is_cancelled() {
            tokio::select! {
                () = self.rest(self.pace.tick) => {}
                () = ended.cancelled() => {}
            }
            self.write_reports().await;
        }
    }

    async fn write_reports(&self) {
        let Some(prices) = &self.prices else { return };
        let batches = std::mem::take(&mut *lock(&self.to_report));
        for batch in batches {
            match self.store.ended_folder(batch).await {
                Ok(Some(folder)) if folder.is_dir() => {
                    match report(&self.store, prices, &folder, Shown::Beside).await {
                        Ok(path) => self.say(&format!("batch {batch} has ended; report: {}", path.display())),
                        Err(error) => self.say(&format!("batch {batch} has ended; no report: {}", error.told())),
                    }
                }
                Ok(_) => {}
                Err(_) => self.to_report(batch),
            }
        }
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

fn accepted(task: &kling_client::Task) -> Detail {
    let saved = serde_json::to_string(&task.save()).unwrap_or_default();
    Detail { task: Some((task.id().to_owned(), saved)), status: task.info().map(told), ..Detail::default() }
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
