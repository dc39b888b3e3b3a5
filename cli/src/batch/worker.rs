//! The worker: submits what is intended, polls what runs, looks up what has an unknown outcome, and downloads what is
//! finished. It may be killed at any moment.
//!
//! It keeps in memory only when to try again. What it is about to do is in the record before it does it, and the outcome is
//! written until it is written.

mod download;
mod poll;
mod submit;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kling_client::{Client, Clock, TaskInfo};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::record::{Detail, millis};
use super::state::State;
use super::store::Store;
use super::verdict::Streak;
use crate::failure::{Failure, Result};
use submit::Halt;

/// How long an output can be downloaded after its task ended (Kling's reference).
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// A run ends without a job after so many failures in a row.
const TRIES: u32 = 5;
/// A run ends without a job after so many look-ups.
const LOOKUPS: u32 = 3;

/// Intervals of a worker.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How often the record is read for what is new.
    pub tick: Duration,
    /// The first pause before a retry; it doubles up to the sixtyfold.
    pub pause: Duration,
    /// The first pause before another look-up; it doubles up to the sixtyfold.
    pub look_up: Duration,
}

impl Pace {
    /// As in the client, all intervals shrink in proportion where tasks are expected to take less than 40 s.
    pub fn new(expected: Option<Duration>) -> Self {
        let share = expected.map_or(1.0, |expected| (expected.as_secs_f64() / 40.0).clamp(0.01, 1.0));
        let [second, look_up] = [1.0, 30.0].map(|seconds| Duration::from_secs_f64(seconds * share));
        Self { tick: second, pause: second, look_up }
    }
}

/// When a worker ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When nothing is left that it could do.
    Done,
    /// Never; what halts it is retried after five minutes.
    Stopped,
}

/// Takes a line on what goes on; it holds no secret.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// A worker on a record.
pub struct Worker {
    store: Arc<Store>,
    client: Client,
    account: i64,
    clock: Arc<dyn Clock>,
    pace: Pace,
    until: Until,
    say: Say,
    /// What is being submitted or downloaded.
    busy: Mutex<HashSet<i64>>,
    /// What failed, and rests.
    resting: Mutex<HashMap<(i64, State), Rest>>,
    pause: Mutex<Rest>,
    streak: Mutex<Streak>,
    halts: Mutex<Vec<Halt>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    failures: u32,
    until: Duration,
}

impl Worker {
    /// A worker for an account of the record, with a client that submits once in each call, which is
    /// [`max_attempts(1)`](kling_client::ClientBuilder::max_attempts): retries are the record's business.
    pub fn new(
        store: Arc<Store>,
        client: Client,
        account: i64,
        clock: Arc<dyn Clock>,
        pace: Pace,
        until: Until,
        say: Say,
    ) -> Self {
        Self {
            store,
            client,
            account,
            clock,
            pace,
            until,
            say,
            busy: Mutex::default(),
            resting: Mutex::default(),
            pause: Mutex::default(),
            streak: Mutex::default(),
            halts: Mutex::default(),
        }
    }

    /// Works until it is done or stopped. A stop lets submits under way end; all else goes on in the next run.
    ///
    /// # Errors
    /// What halted the rest: the key, the balance, a retired model.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let worker = Arc::new(self);
        let mut others = JoinSet::new();
        others.spawn(Arc::clone(&worker).poll());
        others.spawn(Arc::clone(&worker).look_up());
        others.spawn(Arc::clone(&worker).download());
        Arc::clone(&worker).submit(&stop).await;
        others.shutdown().await;
        match lock(&worker.halts).drain(..).next() {
            Some(halt) => Err(halt.failure),
            None => Ok(()),
        }
    }

    fn say(&self, line: &str) {
        (self.say)(line);
    }

    /// Waits, with jitter.
    async fn rest(&self, time: Duration) {
        self.clock.sleep(time.mul_f64(0.75 + 0.5 * self.clock.random().clamp(0.0, 1.0))).await;
    }

    /// Writes to the record until it is written, as what only this process knows would be lost.
    async fn written<T>(&self, what: &str, mut write: impl FnMut() -> Result<T>) -> T {
        let mut failures = 0;
        loop {
            match write() {
                Ok(done) => return done,
                Err(failure) => self.say(&format!("{what} cannot be recorded, retrying: {}", failure.in_one_line())),
            }
            self.rest(grown(self.pace.pause, failures)).await;
            failures += 1;
        }
    }

    /// Whether nothing of the account is left that goes on by itself.
    fn is_done(&self) -> bool {
        let rests = |state: State, limit: u32| {
            let Ok(open) = self.store.ids_in(state, self.account) else { return false };
            let resting = lock(&self.resting);
            open.iter().all(|id| resting.get(&(*id, state)).is_some_and(|rest| rest.failures >= limit))
        };
        self.until == Until::Done
            && rests(State::Sending, u32::MAX)
            && rests(State::Accepted, TRIES)
            && rests(State::Finished, TRIES)
            && rests(State::Ambiguous, LOOKUPS)
    }

    /// Counts a failure of a job, which rests then; returns how many there were.
    fn failed(&self, job: i64, state: State) -> u32 {
        let first = if state == State::Ambiguous { self.pace.look_up } else { self.pace.pause };
        let mut resting = lock(&self.resting);
        let rest = resting.entry((job, state)).or_default();
        rest.until = self.clock.now() + grown(first, rest.failures);
        rest.failures += 1;
        rest.failures
    }

    /// The jobs of the account in a state that do not rest.
    fn due(&self, state: State) -> Result<Vec<i64>> {
        let mut ids = self.store.ids_in(state, self.account)?;
        let (now, resting) = (self.clock.now(), lock(&self.resting));
        ids.retain(|id| resting.get(&(*id, state)).is_none_or(|rest| rest.until <= now));
        Ok(ids)
    }
}

fn accepted(task: &kling_client::Task) -> Detail {
    let saved = serde_json::to_string(&task.save()).unwrap_or_default();
    Detail { task: Some((task.id().to_owned(), saved)), status: task.info().map(status), ..Detail::default() }
}

/// The API's status of a task, and its date.
fn status(info: &TaskInfo) -> (String, Option<i64>) {
    (info.status.as_str().to_owned(), info.updated_at.map(millis))
}

/// An error in a line.
fn in_short(error: &kling_client::Error) -> String {
    let code = error.code().map(|code| format!("code {code}: ")).unwrap_or_default();
    format!("{}: {code}{}", error.kind(), error.message())
}

/// A pause that doubles with each failure, up to the sixtyfold.
fn grown(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.min(6)).min(first.saturating_mul(60))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
