//! The record: what was intended, paid, made and brought, in SQLite or PostgreSQL, which the address chooses.
//!
//! Every change is one transaction that begins by counting up the governor's turn, so that changes come one after the
//! other in both databases, and ends by a compare-and-set on the job's state and attempt. Who comes too late, or a second
//! time, changes nothing. A change is durable when it returns: SQLite syncs its log, PostgreSQL its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kling_client::{Clock, SystemClock};
use serde::Serialize;
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, Executor as _, Row as _, SqlSafeStr as _, Transaction, query};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::places::Places;
use crate::state::{Event, State};
use crate::units::Units;

/// The record.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    clock: Arc<dyn Clock>,
}

/// One purchase, or the intent of one. It holds the prompt, so it has no `Debug`.
#[derive(Clone)]
pub struct Job {
    /// The number by which the user names it.
    pub id: i64,
    /// Its batch.
    pub batch: i64,
    /// Its line in the manifest.
    pub line: i64,
    /// What the user calls it.
    pub name: Option<String>,
    /// Where it stands.
    pub state: State,
    /// How often it was claimed to be sent.
    pub attempt: i64,
    /// The caller's id of the purchase.
    pub external_id: String,
    /// The order, as JSON.
    pub request: String,
    /// The hash of the work.
    pub request_hash: String,
    /// The file for the video.
    pub output: String,
    /// What it was expected to cost.
    pub estimate: Units,
    /// What it counts for now.
    pub booked: Units,
    /// The gateway that it was sent to.
    pub base_url: Option<String>,
    /// The API's id of the task.
    pub task_id: Option<String>,
    /// What the client needs to go on with the task, as JSON.
    pub task: Option<String>,
    /// When the video vanishes, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// Whether its file was begun at a place that was free.
    pub begun: bool,
    /// The file's length.
    pub file_size: Option<i64>,
    /// The file's SHA-256.
    pub file_sha256: Option<String>,
    /// What was last said of it.
    pub note: Option<String>,
    /// The job that this one orders anew.
    pub retry_of: Option<i64>,
    /// The job that orders this one anew.
    pub replaced_by: Option<i64>,
}

/// A job to be.
pub struct NewJob {
    /// Its line in the manifest.
    pub line: i64,
    /// What the user calls it.
    pub name: Option<String>,
    /// The user's own id for the purchase; one is minted if there is none.
    pub external_id: Option<String>,
    /// The order, as JSON.
    pub request: String,
    /// The hash of the work.
    pub request_hash: String,
    /// The file for the video.
    pub output: String,
    /// What it is expected to cost.
    pub estimate: Units,
}

/// What an event tells beside itself.
#[derive(Clone, Default)]
pub struct Detail {
    /// The API's id of the task, and what the client needs to go on with it.
    pub task: Option<(String, String)>,
    /// What the API told of the task: its word, and its date in milliseconds since 1970.
    pub status: Option<(String, Option<i64>)>,
    /// The units that were deducted.
    pub settled: Option<Units>,
    /// When the video vanishes, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The file's length and SHA-256.
    pub file: Option<(u64, String)>,
    /// What to say of the job.
    pub note: Option<String>,
    /// Whether it came back because too many tasks were running (code 1303).
    pub crowded: bool,
}

/// What is told of a job.
#[derive(Clone)]
pub struct News {
    /// The job.
    pub job: i64,
    /// The attempt that it is told of.
    pub attempt: i64,
    /// What happened; nothing if the job stays where it is, and only the API's word for its task is another.
    pub event: Option<Event>,
    /// What there is to tell beside.
    pub detail: Detail,
}

/// A state that a job came to, or a word of the API for its task meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The state.
    pub state: State,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What was said of it.
    pub note: Option<String>,
    /// The API's own word for where the task stood, if that is what led here.
    pub status: Option<String>,
    /// The API's date for it, in milliseconds since 1970.
    pub status_at: Option<i64>,
}

/// What came of one order.
pub enum Ordered {
    /// It is intended.
    New(Job),
    /// The same work is asked for already.
    Known(Job),
    /// Only so much is left of the budget; nothing was written.
    TooDear(Units),
}

/// What no two jobs should share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The hash of the work, of jobs that may still bring it, or have.
    Work,
    /// The file, of jobs that may still write it, or have.
    Output,
    /// The caller's id of the purchase, of all jobs.
    ExternalId,
}

/// A batch.
#[derive(Debug, Clone, Serialize)]
pub struct Batch {
    /// Its number.
    pub id: i64,
    /// Its manifest's name.
    pub name: String,
    /// The most that it may book.
    pub budget: Option<Units>,
    /// What it has booked.
    pub booked: Units,
}

/// How many jobs of a batch are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The batch.
    pub batch: i64,
    /// The state.
    pub state: State,
    /// How many.
    pub jobs: i64,
    /// What they were expected to cost.
    pub estimate: Units,
    /// What they count for.
    pub booked: Units,
}

const COLUMNS: &str = "id, batch, line, name, state, attempt, external_id, request, request_hash, output, estimate, \
    booked, base_url, task_id, task, expires_at, begun, file_size, file_sha256, note, retry_of, replaced_by";

/// A query for whole jobs.
macro_rules! jobs {
    ($rest:literal) => {
        query(sqlx::AssertSqlSafe(format!(concat!("SELECT {} FROM jobs ", $rest), COLUMNS)))
    };
}

impl Store {
    /// Opens the record at `postgres://…`, `sqlite:FILE`, or a plain name of a file; makes it if it is not there.
    ///
    /// To PostgreSQL it speaks TLS where the server does, and plainly where it does not. `?sslmode=require` at the end of
    /// the address insists on TLS, `verify-full` also on a certificate for the server's name, by an authority that browsers
    /// know or by the one in `&sslrootcert=FILE`.
    ///
    /// # Errors
    /// `Invalid` for an address that is none of these, `Other` if the database cannot be reached or is of a newer version.
    pub async fn open(address: &str) -> Result<Self> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let is_postgres = address.starts_with("postgres:") || address.starts_with("postgresql:");
        let url = if is_postgres {
            address.to_owned()
        } else if let Some(file) = sqlite_file(address) {
            format!("sqlite:{}?mode=rwc", file.replace('%', "%25").replace('?', "%3f").replace('#', "%23"))
        } else {
            let message = "expected postgres://…, sqlite:FILE, or a file, given another address";
            return Err(Error::invalid("database", message));
        };
        let pool = AnyPoolOptions::new()
            // One writes at a time in any case.
            .max_connections(if is_postgres { 4 } else { 2 })
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    let settings = if is_postgres {
                        "SET synchronous_commit = on"
                    } else {
                        // Full: a commit is on the disk when it returns, whatever happens to the machine.
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 30000; PRAGMA foreign_keys = ON"
                    };
                    connection.execute(settings).await?;
                    Ok(())
                })
            })
            .connect(&url)
            .await?;
        let store = Self { pool, clock: Arc::new(SystemClock::new()) };
        store.migrate().await?;
        Ok(store)
    }

    /// A record that lives in memory, to look at what would be.
    ///
    /// # Errors
    /// `Other` if it cannot be made.
    pub async fn in_memory() -> Result<Self> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let options = AnyPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = options.connect("sqlite::memory:").await?;
        let store = Self { pool, clock: Arc::new(SystemClock::new()) };
        store.migrate().await?;
        Ok(store)
    }

    /// The same record, with its dates from this clock; they are only for people to read.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    async fn migrate(&self) -> Result<()> {
        /// Two processes that make the same new file at once: one is the first.
        const ATTEMPTS: u32 = 5;
        let step = |version, name: &'static str, sql: &'static str| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        };
        let mut migrator = Migrator::with_migrations(vec![
            step(1, "record", include_str!("../migrations/1_record.sql")),
            step(2, "told", include_str!("../migrations/2_told.sql")),
        ]);
        migrator.dangerous_set_table_name("kling_batch_migrations");
        let mut attempt = 1;
        loop {
            match migrator.run(&self.pool).await {
                Ok(()) => return Ok(()),
                Err(reason) if attempt == ATTEMPTS => return Err(Error::other("database", reason)),
                Err(_) => self.clock.sleep(Duration::from_millis(200)).await,
            }
            attempt += 1;
        }
    }

    /// Says that a worker is alive.
    ///
    /// # Errors
    /// Those of the database, as of all that follows.
    pub async fn beat(&self, worker: &str) -> Result<()> {
        let sql =
            "INSERT INTO workers (id, beats) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET beats = workers.beats + 1";
        query(sql).bind(worker).execute(&self.pool).await?;
        Ok(())
    }

    /// The beats of all workers.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn beats(&self) -> Result<Vec<(String, i64)>> {
        let rows = query("SELECT id, beats FROM workers").fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// A worker leaves: what it was fetching is free, and so is its place.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn leave(&self, worker: &str) -> Result<()> {
        let mut change = self.change().await?;
        query("DELETE FROM workers WHERE id = $1").bind(worker).execute(&mut *change.tx).await?;
        change.orphans().await?;
        change.commit().await
    }

    /// Takes workers for dead whose beats are still what they were; what they were sending is ambiguous from now on. Gives
    /// how many jobs that is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn bury(&self, dead: &[(String, i64)]) -> Result<usize> {
        // Most of the time nobody is dead and nothing is left behind.
        let orphan = "SELECT COUNT(*) FROM jobs WHERE state IN ('sending', 'finished') AND worker IS NOT NULL \
                      AND worker NOT IN (SELECT id FROM workers)";
        if dead.is_empty() && query(orphan).fetch_one(&self.pool).await?.try_get::<i64, _>(0)? == 0 {
            return Ok(0);
        }
        let mut change = self.change().await?;
        for (worker, beats) in dead {
            let sql = "DELETE FROM workers WHERE id = $1 AND beats = $2";
            query(sql).bind(worker).bind(*beats).execute(&mut *change.tx).await?;
        }
        let lost = change.orphans().await?;
        change.commit().await?;
        Ok(lost)
    }

    /// Whether a worker is the one that asks for all; it becomes so if nobody alive is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lead(&self, worker: &str) -> Result<bool> {
        let leader = query("SELECT leader FROM governor WHERE leader IN (SELECT id FROM workers)");
        if let Some(row) = leader.fetch_optional(&self.pool).await? {
            return Ok(row.try_get::<String, _>(0)? == worker);
        }
        let mut change = self.change().await?;
        let sql = "UPDATE governor SET leader = $1 WHERE id = 1 \
                   AND (leader IS NULL OR leader NOT IN (SELECT id FROM workers))";
        let took = query(sql).bind(worker).execute(&mut *change.tx).await?.rows_affected() == 1;
        change.commit().await?;
        Ok(took)
    }

    /// Makes a batch, with the most that it may book, and the folder for its videos.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn new_batch(&self, name: &str, budget: Option<Units>, folder: Option<&Path>) -> Result<i64> {
        let mut change = self.change().await?;
        let id = change.batch(name, budget, folder).await?;
        change.commit().await?;
        Ok(id)
    }

    /// Sets what a batch may book from now on; without its number, the one batch with jobs that are not sent yet, if there
    /// is any. Gives its number.
    ///
    /// # Errors
    /// `Invalid` if there is no such batch, or more than one has such jobs; those of the database.
    pub async fn set_budget(&self, batch: Option<i64>, budget: Units) -> Result<Option<i64>> {
        let mut change = self.change().await?;
        let meant = match batch {
            Some(id) => query("SELECT id FROM batches WHERE id = $1").bind(id),
            None => query(
                "SELECT id FROM batches b \
                 WHERE EXISTS (SELECT 1 FROM jobs j WHERE j.batch = b.id AND j.state = 'intended') ORDER BY id",
            ),
        };
        let meant = meant.fetch_all(&mut *change.tx).await?;
        let meant: Vec<i64> = meant.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let refuse = |message| Error::invalid("budget", message).with_hint("status lists them; --batch ID names one");
        let id = match (meant.as_slice(), batch) {
            ([id], _) => *id,
            ([], None) => return Ok(None),
            ([], Some(id)) => return Err(refuse(format!("expected a batch of this record, given {id}"))),
            _ => return Err(refuse(format!("expected one batch with jobs that are not sent, found {meant:?}"))),
        };
        query("UPDATE batches SET budget = $2 WHERE id = $1")
            .bind(id)
            .bind(budget.thousandths())
            .execute(&mut *change.tx)
            .await?;
        change.commit().await?;
        Ok(Some(id))
    }

    /// Writes the intent of jobs, all of them or none. With `once`, one whose work is asked for already is left out, and
    /// given back with the number of the job that has it.
    ///
    /// # Errors
    /// `Invalid` if an external id was used before; those of the database.
    pub async fn insert(&self, batch: i64, jobs: Vec<NewJob>, once: bool) -> Result<Vec<(NewJob, i64)>> {
        let mut change = self.change().await?;
        let known = change.insert(batch, jobs, once, None).await?;
        change.commit().await?;
        Ok(known)
    }

    /// The batch of this name, with this budget from now on; it is made if there is none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn batch_named(&self, name: &str, budget: Units) -> Result<i64> {
        let mut change = self.change().await?;
        let known = query("SELECT id FROM batches WHERE name = $1 ORDER BY id LIMIT 1").bind(name);
        let known: Option<i64> = known.fetch_optional(&mut *change.tx).await?.map(|row| row.try_get(0)).transpose()?;
        let id = match known {
            Some(id) => {
                let sql = "UPDATE batches SET budget = $2 WHERE id = $1";
                query(sql).bind(id).bind(budget.thousandths()).execute(&mut *change.tx).await?;
                id
            }
            None => change.batch(name, Some(budget), None).await?,
        };
        change.commit().await?;
        Ok(id)
    }

    /// Writes the intent of one job, if the budget of its batch holds it beside all that is booked and intended. With
    /// `once`, work that is asked for already is not asked for again.
    ///
    /// # Errors
    /// `Invalid` if the external id was used before; those of the database.
    pub async fn order(&self, batch: i64, new: NewJob, once: bool) -> Result<Ordered> {
        let mut change = self.change().await?;
        if once && let Some(same) = same(&mut change.tx, &new.request_hash).await? {
            return Ok(Ordered::Known(same));
        }
        let left = "SELECT b.budget - b.booked - CAST(COALESCE((SELECT SUM(j.estimate) FROM jobs j \
                    WHERE j.batch = b.id AND j.state = 'intended'), 0) AS BIGINT) FROM batches b WHERE b.id = $1";
        let left: Option<i64> = query(left).bind(batch).fetch_one(&mut *change.tx).await?.try_get(0)?;
        if let Some(left) = left.map(Units::from_thousandths).filter(|left| *left < new.estimate) {
            return Ok(Ordered::TooDear(left));
        }
        let id = change.next_job;
        change.insert(batch, vec![new], false, None).await?;
        let made = change.job(id).await?.ok_or_else(|| Error::other("order", format!("job {id} is not there")))?;
        change.commit().await?;
        Ok(Ordered::New(made))
    }

    /// The job that has asked for the same work and may still bring it, or has.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn same(&self, request_hash: &str) -> Result<Option<Job>> {
        same(&mut *self.pool.acquire().await?, request_hash).await
    }

    /// Which of these values jobs have, each with the number of the first that does.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn known(&self, key: Key, values: &[&str]) -> Result<HashMap<String, i64>> {
        known(&mut *self.pool.acquire().await?, key, values).await
    }

    /// The batches whose next job would pass their budget.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn capped(&self) -> Result<Vec<i64>> {
        let sql = "SELECT b.id FROM batches b JOIN jobs j ON j.id = \
                   (SELECT MIN(i.id) FROM jobs i WHERE i.batch = b.id AND i.state = 'intended') \
                   WHERE b.budget IS NOT NULL AND b.booked + j.estimate > b.budget ORDER BY b.id";
        query(sql).fetch_all(&self.pool).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The numbers and states of so many jobs at a gateway that are under way, or not here yet, or ambiguous.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_at(&self, base_url: &str, most: i64) -> Result<Vec<(i64, State)>> {
        let sql = "SELECT id, state FROM jobs WHERE state IN ('sending', 'accepted', 'finished', 'ambiguous') \
                   AND base_url = $1 LIMIT $2";
        let rows = query(sql).bind(base_url).bind(most).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, state(row.try_get::<String, _>(1)?.as_str())?))).collect()
    }

    /// What a worker holds: what it sends and what it fetches.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn held(&self, worker: &str) -> Result<Vec<Job>> {
        let held = jobs!("WHERE worker = $1 AND state IN ('sending', 'finished')");
        held.bind(worker).fetch_all(&self.pool).await?.iter().map(job).collect()
    }

    /// Takes the next job to be sent, if one may be: the batch that was served least recently, a place that is free, and a
    /// budget that holds its estimate. It is *sending*, and booked, when this returns.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim(&self, worker: &str, base_url: &str) -> Result<Option<Job>> {
        // Looked at first, so that who waits does not write.
        let next = "SELECT j.id FROM batches b JOIN jobs j ON j.id = \
                    (SELECT MIN(i.id) FROM jobs i WHERE i.batch = b.id AND i.state = 'intended') \
                    WHERE b.budget IS NULL OR b.booked + j.estimate <= b.budget ORDER BY b.served, b.id LIMIT 1";
        if query(next).fetch_optional(&self.pool).await?.is_none()
            || !self.places().await?.0.free(self.running().await?)
        {
            return Ok(None);
        }
        let mut change = self.change().await?;
        if !change.places.free(change.running().await?) {
            return Ok(None);
        }
        let Some(row) = query(next).fetch_optional(&mut *change.tx).await? else { return Ok(None) };
        let id: i64 = row.try_get(0)?;
        // Its own row is there, or what it sends would be taken for that of a dead one.
        query("INSERT INTO workers (id, beats) VALUES ($1, 1) ON CONFLICT (id) DO NOTHING")
            .bind(worker)
            .execute(&mut *change.tx)
            .await?;
        query("UPDATE jobs SET attempt = attempt + 1, base_url = $2 WHERE id = $1")
            .bind(id)
            .bind(base_url)
            .execute(&mut *change.tx)
            .await?;
        let Some(intended) = change.job(id).await? else { return Ok(None) };
        let Some(state) = change.apply(&intended, Event::Claim, &Detail::default()).await? else { return Ok(None) };
        query("UPDATE jobs SET worker = $2 WHERE id = $1").bind(id).bind(worker).execute(&mut *change.tx).await?;
        query("UPDATE batches SET served = $2 WHERE id = $1")
            .bind(intended.batch)
            .bind(change.turn)
            .execute(&mut *change.tx)
            .await?;
        change.commit().await?;
        Ok(Some(Job { state, booked: intended.estimate, ..intended }))
    }

    /// Tells of an event, and gives the state that it led to. None if it came too late, or a second time, or for another
    /// attempt: then nothing was changed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tell(&self, id: i64, attempt: i64, event: Event, detail: &Detail) -> Result<Option<State>> {
        let news = News { job: id, attempt, event: Some(event), detail: detail.clone() };
        Ok(self.tell_all(&[news]).await?.into_iter().flatten().next())
    }

    /// Tells of many jobs in one change, of each once, and gives what [`tell`](Self::tell) would give for each.
    ///
    /// # Errors
    /// Those of the database: nothing of it was changed.
    pub async fn tell_all(&self, all: &[News]) -> Result<Vec<Option<State>>> {
        let (mut change, mut states) = (self.change().await?, Vec::with_capacity(all.len()));
        for News { job, attempt, event, detail } in all {
            let job = change.job(*job).await?.filter(|job| job.attempt == *attempt);
            states.push(match (job, event) {
                (None, _) => None,
                (Some(job), Some(event)) => change.apply(&job, *event, detail).await?,
                (Some(job), None) => change.status(&job, detail).await?,
            });
        }
        change.commit().await?;
        Ok(states)
    }

    /// Takes a video to be fetched, that which vanishes first; never one of those in `not`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim_video(&self, worker: &str, base_url: &str, not: &[i64]) -> Result<Option<Job>> {
        let sql = "SELECT id FROM jobs WHERE state = 'finished' AND worker IS NULL AND base_url = $1 \
                   ORDER BY expires_at, id LIMIT $2";
        let most = i64::try_from(not.len()).unwrap_or(i64::MAX).saturating_add(1);
        let rows = query(sql).bind(base_url).bind(most).fetch_all(&self.pool).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let Some(id) = ids.into_iter().find(|id| !not.contains(id)) else { return Ok(None) };
        let mut change = self.change().await?;
        let sql = "UPDATE jobs SET worker = $2 WHERE id = $1 AND state = 'finished' AND worker IS NULL";
        if query(sql).bind(id).bind(worker).execute(&mut *change.tx).await?.rows_affected() == 0 {
            return Ok(None);
        }
        let job = change.job(id).await?;
        change.commit().await?;
        Ok(job)
    }

    /// Writes down that a job's file was begun at a place that was free.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn begin_file(&self, id: i64) -> Result<()> {
        query("UPDATE jobs SET begun = 1 WHERE id = $1").bind(id).execute(&self.pool).await?;
        Ok(())
    }

    /// Lets go of a video that could not be fetched.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release_video(&self, id: i64, worker: &str, note: Option<&str>) -> Result<()> {
        let sql = "UPDATE jobs SET worker = NULL, note = $3 WHERE id = $1 AND worker = $2 AND state = 'finished'";
        query(sql).bind(id).bind(worker).bind(note).execute(&self.pool).await?;
        Ok(())
    }

    /// Says something of a job that stays where it is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note(&self, id: i64, state: State, note: &str) -> Result<()> {
        let sql = "UPDATE jobs SET note = $3 WHERE id = $1 AND state = $2";
        query(sql).bind(id).bind(state.as_str()).bind(note).execute(&self.pool).await?;
        Ok(())
    }

    /// Orders a job anew that failed, was dropped or, if the user insists, is ambiguous. Gives the new job's number.
    ///
    /// # Errors
    /// `Invalid` if the job is not there, is in another state, or was ordered anew before.
    pub async fn retry(&self, id: i64, insists: bool) -> Result<i64> {
        let mut change = self.change().await?;
        let refuse = |message: String| Error::invalid("retry", format!("job {id}: {message}"));
        let Some(job) = change.job(id).await? else { return Err(refuse("there is none".to_owned())) };
        if let Some(by) = job.replaced_by {
            return Err(refuse(format!("it was ordered anew before, as job {by}")));
        }
        match job.state {
            State::Failed | State::Dropped => {}
            State::Ambiguous if insists => {}
            State::Ambiguous => {
                return Err(refuse("a task may exist and be paid, so ordering it anew may pay twice".to_owned())
                    .with_hint(format!("look at the gateway for {}; retry --yes insists", job.external_id)));
            }
            state => {
                return Err(refuse(format!("expected failed, dropped or ambiguous, found {state}"))
                    .with_hint("to have the same work done twice, add its line again with --again"));
            }
        }
        let new = NewJob {
            line: job.line,
            name: job.name,
            external_id: None,
            request: job.request,
            request_hash: job.request_hash,
            output: job.output,
            estimate: job.estimate,
        };
        let by = change.next_job;
        change.insert(job.batch, vec![new], false, Some(id)).await?;
        query("UPDATE jobs SET replaced_by = $2 WHERE id = $1").bind(id).bind(by).execute(&mut *change.tx).await?;
        change.commit().await?;
        Ok(by)
    }

    /// Takes back a job that was not sent.
    ///
    /// # Errors
    /// `Invalid` if it is not there, or was sent.
    pub async fn drop_job(&self, id: i64) -> Result<()> {
        let mut change = self.change().await?;
        let refuse = |message: String| Error::invalid("drop", format!("job {id}: {message}"));
        let Some(job) = change.job(id).await? else { return Err(refuse("there is none".to_owned())) };
        if change.apply(&job, Event::Drop, &Detail::default()).await?.is_none() {
            let message = format!("expected intended, found {}; the API has no cancel", job.state);
            return Err(refuse(message));
        }
        change.commit().await
    }

    /// The most tasks that may run at a time, by the user's word; what was learnt before is forgotten.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_places(&self, most: i64) -> Result<()> {
        let mut change = self.change().await?;
        change.places = Places::new(most);
        change.commit().await
    }

    /// The places for running tasks, and how many are taken.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn places(&self) -> Result<(Places, i64)> {
        let row = query("SELECT most, allowed, credit FROM governor WHERE id = 1").fetch_one(&self.pool).await?;
        let places = Places { most: row.try_get(0)?, allowed: row.try_get(1)?, credit: row.try_get(2)? };
        Ok((places, self.running().await?))
    }

    async fn running(&self) -> Result<i64> {
        Ok(query(RUNNING).fetch_one(&self.pool).await?.try_get(0)?)
    }

    /// A job by its number.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn job(&self, id: i64) -> Result<Option<Job>> {
        jobs!("WHERE id = $1").bind(id).fetch_optional(&self.pool).await?.as_ref().map(job).transpose()
    }

    /// Jobs by their numbers, so many behind one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn jobs(&self, behind: i64, most: i64) -> Result<Vec<Job>> {
        let page = jobs!("WHERE id > $1 ORDER BY id LIMIT $2");
        page.bind(behind).bind(most).fetch_all(&self.pool).await?.iter().map(job).collect()
    }

    /// The numbers of the jobs of a gateway in a state.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ids_in(&self, state: State, base_url: &str) -> Result<Vec<i64>> {
        let sql = "SELECT id FROM jobs WHERE state = $1 AND base_url = $2 ORDER BY id";
        let rows = query(sql).bind(state.as_str()).bind(base_url).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Jobs in a state by their numbers, so many behind one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn in_state(&self, state: State, behind: i64, most: i64) -> Result<Vec<Job>> {
        let page = jobs!("WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3");
        let page = page.bind(state.as_str()).bind(behind).bind(most);
        page.fetch_all(&self.pool).await?.iter().map(job).collect()
    }

    /// Videos that are not here yet, that which vanishes first in front.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn expiring(&self, before: i64, most: i64) -> Result<Vec<Job>> {
        let page = jobs!("WHERE state = 'finished' AND expires_at < $1 ORDER BY expires_at, id LIMIT $2");
        page.bind(before).bind(most).fetch_all(&self.pool).await?.iter().map(job).collect()
    }

    /// All batches.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn batches(&self) -> Result<Vec<Batch>> {
        let rows = query("SELECT id, name, budget, booked FROM batches ORDER BY id").fetch_all(&self.pool).await?;
        let batch = |row: &AnyRow| {
            Ok(Batch {
                id: row.try_get(0)?,
                name: row.try_get(1)?,
                budget: row.try_get::<Option<i64>, _>(2)?.map(Units::from_thousandths),
                booked: Units::from_thousandths(row.try_get(3)?),
            })
        };
        rows.iter().map(batch).collect()
    }

    /// How many jobs are in each state, batch by batch.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn counts(&self) -> Result<Vec<Count>> {
        let sql = "SELECT batch, state, COUNT(*), CAST(SUM(estimate) AS BIGINT), CAST(SUM(booked) AS BIGINT) FROM jobs \
                   GROUP BY batch, state ORDER BY batch, state";
        let count = |row: &AnyRow| {
            Ok(Count {
                batch: row.try_get(0)?,
                state: state(row.try_get::<String, _>(1)?.as_str())?,
                jobs: row.try_get(2)?,
                estimate: Units::from_thousandths(row.try_get(3)?),
                booked: Units::from_thousandths(row.try_get(4)?),
            })
        };
        query(sql).fetch_all(&self.pool).await?.iter().map(count).collect()
    }

    /// The states that a job came to and the words of the API for its task, in their order.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn history(&self, id: i64) -> Result<Vec<Step>> {
        let sql = "SELECT state, at, note, status, status_at FROM history WHERE job = $1 ORDER BY turn";
        let rows = query(sql).bind(id).fetch_all(&self.pool).await?;
        let step = |row: &AnyRow| {
            Ok(Step {
                state: state(row.try_get::<String, _>(0)?.as_str())?,
                at: row.try_get(1)?,
                note: row.try_get(2)?,
                status: row.try_get(3)?,
                status_at: row.try_get(4)?,
            })
        };
        rows.iter().map(step).collect()
    }

    /// The folders whose reports change while what is open is worked on: those of the batches that are not done.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_folders(&self) -> Result<Vec<PathBuf>> {
        let sql = "SELECT DISTINCT folder FROM batches b WHERE folder IS NOT NULL AND EXISTS (SELECT 1 FROM jobs j \
                   WHERE j.batch = b.id AND j.state NOT IN ('delivered', 'failed', 'dropped')) ORDER BY folder";
        let rows = query(sql).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(row.try_get::<String, _>(0)?.into())).collect()
    }

    /// The folder of a batch, if it has one, and nothing of it is left to send, to wait for or to fetch.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ended_folder(&self, batch: i64) -> Result<Option<PathBuf>> {
        let sql = "SELECT folder FROM batches b WHERE id = $1 AND folder IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs j \
                   WHERE j.batch = b.id AND j.state IN ('intended', 'sending', 'accepted', 'finished'))";
        let row = query(sql).bind(batch).fetch_optional(&self.pool).await?;
        row.map(|row| Ok(row.try_get::<String, _>(0)?.into())).transpose()
    }

    /// Begins a change: from here to its end nobody else changes the record.
    async fn change(&self) -> Result<Change> {
        let mut tx = self.pool.begin().await?;
        let sql = "UPDATE governor SET turn = turn + 1 WHERE id = 1 \
                   RETURNING turn, next_job, next_batch, most, allowed, credit";
        let row = query(sql).fetch_one(&mut *tx).await?;
        let places = Places { most: row.try_get(3)?, allowed: row.try_get(4)?, credit: row.try_get(5)? };
        let (turn, next_job, next_batch) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let at = millis(self.clock.wall());
        Ok(Change { tx, turn, at, next_job, next_batch, places, before: places })
    }
}

/// The places that are taken: each job holds one from before it is sent to the end of its task.
const RUNNING: &str = "SELECT COUNT(*) FROM jobs WHERE state IN ('sending', 'accepted')";

/// A transaction that has the record for itself. Dropped, it changes nothing.
struct Change {
    tx: Transaction<'static, Any>,
    turn: i64,
    at: i64,
    next_job: i64,
    next_batch: i64,
    places: Places,
    before: Places,
}

impl Change {
    async fn job(&mut self, id: i64) -> Result<Option<Job>> {
        jobs!("WHERE id = $1").bind(id).fetch_optional(&mut *self.tx).await?.as_ref().map(job).transpose()
    }

    async fn running(&mut self) -> Result<i64> {
        Ok(query(RUNNING).fetch_one(&mut *self.tx).await?.try_get(0)?)
    }

    async fn batch(&mut self, name: &str, budget: Option<Units>, folder: Option<&Path>) -> Result<i64> {
        let id = self.next_batch;
        query("UPDATE governor SET next_batch = next_batch + 1 WHERE id = 1").execute(&mut *self.tx).await?;
        query("INSERT INTO batches (id, name, budget, booked, served, folder) VALUES ($1, $2, $3, 0, 0, $4)")
            .bind(id)
            .bind(name)
            .bind(budget.map(Units::thousandths))
            .bind(folder.map(|folder| folder.to_string_lossy().into_owned()))
            .execute(&mut *self.tx)
            .await?;
        Ok(id)
    }

    /// Writes intents, in as few statements as can be: a manifest has a hundred thousand of them. Gives back what is known.
    async fn insert(
        &mut self,
        batch: i64,
        jobs: Vec<NewJob>,
        once: bool,
        retry_of: Option<i64>,
    ) -> Result<Vec<(NewJob, i64)>> {
        let (first, mut left_out, mut rows) = (self.next_job, Vec::new(), Vec::with_capacity(jobs.len()));
        let values = |of: fn(&NewJob) -> Option<&str>| jobs.iter().filter_map(of).collect::<Vec<_>>();
        let works = if once { values(|job| Some(&job.request_hash)) } else { Vec::new() };
        let mut works = known(&mut self.tx, Key::Work, &works).await?;
        let mut outputs = known(&mut self.tx, Key::Output, &values(|job| Some(&job.output))).await?;
        let mut ids = known(&mut self.tx, Key::ExternalId, &values(|job| job.external_id.as_deref())).await?;
        for mut job in jobs {
            if once {
                if let Some(same) = works.get(&job.request_hash) {
                    left_out.push((job, *same));
                    continue;
                }
                works.insert(job.request_hash.clone(), self.next_job);
            }
            if let Some(id) = &job.external_id
                && ids.insert(id.clone(), self.next_job).is_some()
            {
                let message = format!("external_id: expected one never used before, given {id}");
                return Err(Error::invalid("add", message));
            }
            if outputs.contains_key(&job.output) {
                job.output = beside(&job.output, self.next_job);
            }
            outputs.insert(job.output.clone(), self.next_job);
            rows.push((self.next_job, job));
            self.next_job += 1;
        }
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let rows: Vec<_> = rows.by_ref().take(ROWS).collect();
            let values: Vec<_> = (0..rows.len())
                .map(|row| {
                    let [a, b, c, d, e, f, g, h, i, j] = std::array::from_fn(|column| row * 10 + column + 1);
                    format!("(${a}, ${b}, ${c}, ${d}, 'intended', 0, ${e}, ${f}, ${g}, ${h}, ${i}, 0, 0, ${j})")
                })
                .collect();
            let sql = format!(
                "INSERT INTO jobs (id, batch, line, name, state, attempt, external_id, request, request_hash, output, \
                 estimate, booked, begun, retry_of) VALUES {}",
                values.join(", ")
            );
            let mut insert = query(sqlx::AssertSqlSafe(sql));
            for (id, job) in rows {
                let external_id = job.external_id.unwrap_or_else(|| Uuid::now_v7().to_string());
                insert = insert.bind(id).bind(batch).bind(job.line).bind(job.name).bind(external_id);
                insert = insert.bind(job.request).bind(job.request_hash).bind(job.output);
                insert = insert.bind(job.estimate.thousandths()).bind(retry_of);
            }
            insert.execute(&mut *self.tx).await?;
        }
        let sql = "INSERT INTO history (job, turn, state, at) SELECT id, $1, state, $2 FROM jobs WHERE id >= $3";
        query(sql).bind(self.turn).bind(self.at).bind(first).execute(&mut *self.tx).await?;
        query("UPDATE governor SET next_job = $1 WHERE id = 1").bind(self.next_job).execute(&mut *self.tx).await?;
        Ok(left_out)
    }

    /// The one way in which a job changes its state.
    async fn apply(&mut self, job: &Job, event: Event, detail: &Detail) -> Result<Option<State>> {
        let Some(state) = job.state.after(event) else { return Ok(None) };
        let is_settled = matches!(job.state, State::Finished | State::Delivered);
        let booked = state.books(job.estimate, detail.settled.or(is_settled.then_some(job.booked)));
        let (task_id, task) = detail.task.clone().unzip();
        let (size, sha256) = detail.file.clone().unzip();
        let changed = query(
            "UPDATE jobs SET state = $4, booked = $5, task_id = COALESCE($6, task_id), task = COALESCE($7, task), \
             expires_at = COALESCE($8, expires_at), file_size = COALESCE($9, file_size), \
             file_sha256 = COALESCE($10, file_sha256), note = $11, worker = NULL \
             WHERE id = $1 AND attempt = $2 AND state = $3",
        )
        .bind(job.id)
        .bind(job.attempt)
        .bind(job.state.as_str())
        .bind(state.as_str())
        .bind(booked.thousandths())
        .bind(task_id)
        .bind(task)
        .bind(detail.expires_at)
        .bind(size.and_then(|size| i64::try_from(size).ok()))
        .bind(sha256)
        .bind(detail.note.as_deref())
        .execute(&mut *self.tx)
        .await?;
        if changed.rows_affected() != 1 {
            return Ok(None);
        }
        query("UPDATE batches SET booked = booked + $2 WHERE id = $1")
            .bind(job.batch)
            .bind(booked.thousandths() - job.booked.thousandths())
            .execute(&mut *self.tx)
            .await?;
        self.step(job.id, state, detail).await?;
        if event == Event::Accept {
            self.places = self.places.taken();
        } else if detail.crowded {
            self.places = self.places.refused(self.running().await?);
        }
        Ok(Some(state))
    }

    /// A new word of the API for the task of a job that stays where it is. Gives its state, if it is one.
    async fn status(&mut self, job: &Job, detail: &Detail) -> Result<Option<State>> {
        if job.state != State::Accepted {
            return Ok(None);
        }
        let last = "SELECT status FROM history WHERE job = $1 AND status IS NOT NULL ORDER BY turn DESC LIMIT 1";
        let last: Option<String> =
            query(last).bind(job.id).fetch_optional(&mut *self.tx).await?.map(|row| row.try_get(0)).transpose()?;
        if last.as_ref() == detail.status.as_ref().map(|(word, _)| word) {
            return Ok(None);
        }
        self.step(job.id, job.state, detail).await?;
        Ok(Some(job.state))
    }

    async fn step(&mut self, job: i64, state: State, detail: &Detail) -> Result<()> {
        let (status, status_at) = detail.status.clone().unzip();
        query(
            "INSERT INTO history (job, turn, state, at, note, status, status_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(job)
        .bind(self.turn)
        .bind(state.as_str())
        .bind(self.at)
        .bind(detail.note.as_deref())
        .bind(status)
        .bind(status_at.flatten())
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Frees what workers that are gone were fetching, and gives up what they were sending.
    async fn orphans(&mut self) -> Result<usize> {
        let sql = "UPDATE jobs SET worker = NULL WHERE state = 'finished' AND worker NOT IN (SELECT id FROM workers)";
        query(sql).execute(&mut *self.tx).await?;
        let lost = jobs!("WHERE state = 'sending' AND worker NOT IN (SELECT id FROM workers)");
        let lost: Vec<_> = lost.fetch_all(&mut *self.tx).await?.iter().map(job).collect::<Result<_>>()?;
        let note = Some("its sender ended before the answer was written down".to_owned());
        let detail = Detail { note, ..Detail::default() };
        for job in &lost {
            self.apply(job, Event::Lose, &detail).await?;
        }
        Ok(lost.len())
    }

    async fn commit(mut self) -> Result<()> {
        if self.places != self.before {
            query("UPDATE governor SET most = $1, allowed = $2, credit = $3 WHERE id = 1")
                .bind(self.places.most)
                .bind(self.places.allowed)
                .bind(self.places.credit)
                .execute(&mut *self.tx)
                .await?;
        }
        Ok(self.tx.commit().await?)
    }
}

/// No statement looks for more values than these, or has more in its rows, ten each: SQLite searches all of them for the
/// name of each.
const AT_ONCE: usize = 500;
const ROWS: usize = AT_ONCE / 10;

/// Which of these values jobs have, each with the number of the first that does.
async fn known(connection: &mut AnyConnection, key: Key, values: &[&str]) -> Result<HashMap<String, i64>> {
    let (column, which) = match key {
        Key::Work => ("request_hash", "AND state NOT IN ('failed', 'dropped')"),
        Key::Output => ("output", "AND state NOT IN ('failed', 'dropped')"),
        Key::ExternalId => ("external_id", ""),
    };
    let mut known = HashMap::new();
    for values in values.chunks(AT_ONCE) {
        let places: Vec<_> = (1..=values.len()).map(|place| format!("${place}")).collect();
        let places = places.join(", ");
        let sql = format!("SELECT {column}, MIN(id) FROM jobs WHERE {column} IN ({places}) {which} GROUP BY {column}");
        let look = values.iter().fold(query(sqlx::AssertSqlSafe(sql)), |look, value| look.bind((*value).to_owned()));
        for row in look.fetch_all(&mut *connection).await? {
            known.insert(row.try_get(0)?, row.try_get(1)?);
        }
    }
    Ok(known)
}

async fn same(connection: &mut AnyConnection, request_hash: &str) -> Result<Option<Job>> {
    let known = known(connection, Key::Work, &[request_hash]).await?;
    let Some(id) = known.get(request_hash) else { return Ok(None) };
    jobs!("WHERE id = $1").bind(*id).fetch_optional(connection).await?.as_ref().map(job).transpose()
}

/// The file of an address that means SQLite.
pub(crate) fn sqlite_file(address: &str) -> Option<&str> {
    let file = match address.strip_prefix("sqlite:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None if address.contains("://") => return None,
        None => address,
    };
    Some(file).filter(|file| !file.is_empty())
}

/// A date in milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or_default()
}

/// Another name beside one that is taken.
fn beside(output: &str, id: i64) -> String {
    let path = Path::new(output);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{id}{extension}")).to_string_lossy().into_owned()
}

fn state(word: &str) -> Result<State> {
    word.parse().map_err(|reason: String| Error::other("database", reason))
}

fn job(row: &AnyRow) -> Result<Job> {
    let text = |name| row.try_get::<String, _>(name);
    let maybe = |name| row.try_get::<Option<String>, _>(name);
    let number = |name| row.try_get::<i64, _>(name);
    let maybe_number = |name| row.try_get::<Option<i64>, _>(name);
    Ok(Job {
        id: number("id")?,
        batch: number("batch")?,
        line: number("line")?,
        name: maybe("name")?,
        state: state(&text("state")?)?,
        attempt: number("attempt")?,
        external_id: text("external_id")?,
        request: text("request")?,
        request_hash: text("request_hash")?,
        output: text("output")?,
        estimate: Units::from_thousandths(number("estimate")?),
        booked: Units::from_thousandths(number("booked")?),
        base_url: maybe("base_url")?,
        task_id: maybe("task_id")?,
        task: maybe("task")?,
        expires_at: maybe_number("expires_at")?,
        begun: number("begun")? != 0,
        file_size: maybe_number("file_size")?,
        file_sha256: maybe("file_sha256")?,
        note: maybe("note")?,
        retry_of: maybe_number("retry_of")?,
        replaced_by: maybe_number("replaced_by")?,
    })
}
