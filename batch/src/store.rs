//! The record: what was intended, paid, made and brought, in SQLite or PostgreSQL, which the address chooses.
//!
//! Every change is one transaction that begins by counting up the governor's turn, so that changes come one after the
//! other in both databases, and ends by a compare-and-set on the job's state and attempt. Who comes too late, or a second
//! time, changes nothing. A change is durable when it returns: SQLite syncs its log, PostgreSQL its own.

mod change;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use kling_client::{Clock, SystemClock};
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, Executor as _, Row as _, SqlSafeStr as _, query};

use crate::error::{Error, Result};
use crate::places::Places;
use crate::record::{Batch, Count, Detail, Job, Key, NewJob, Ordered, Step, job, jobs, state};
use crate::state::{Event, State};
use crate::units::Units;
use change::{RUNNING, known, next, same};

/// The record.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    clock: Arc<dyn Clock>,
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
            step(3, "operation", include_str!("../migrations/3_operation.sql")),
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
        let unpriced = "SELECT COUNT(*) FROM jobs WHERE batch = $1 AND state = 'intended' AND estimate = 0";
        let unpriced: i64 = query(unpriced).bind(id).fetch_one(&mut *change.tx).await?.try_get(0)?;
        if unpriced > 0 {
            let message = format!("batch {id} has {unpriced} jobs without a known price, which no budget can hold");
            return Err(Error::invalid("budget", message)
                .with_hint("drop them, and add their lines again with --budget and --prices"));
        }
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
        if once && let Some(same) = same(&mut change.tx, &[&new.request_hash]).await?.remove(&new.request_hash) {
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

    /// The first jobs that have asked for these works and may still bring them, or have, by the works' hashes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn same(&self, request_hashes: &[&str]) -> Result<HashMap<String, Job>> {
        same(&mut *self.pool.acquire().await?, request_hashes).await
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
        if next(&mut *self.pool.acquire().await?).await?.is_none() {
            return Ok(None);
        }
        let mut change = self.change().await?;
        let Some(id) = next(&mut change.tx).await? else { return Ok(None) };
        let Some(intended) = change.job(id).await? else { return Ok(None) };
        let Some(state) = change.apply(&intended, Event::Claim, &Detail::default()).await? else { return Ok(None) };
        // Its own row is there, or what it sends would be taken for that of a dead one.
        query("INSERT INTO workers (id, beats) VALUES ($1, 1) ON CONFLICT (id) DO NOTHING")
            .bind(worker)
            .execute(&mut *change.tx)
            .await?;
        query("UPDATE jobs SET attempt = attempt + 1, base_url = $2, worker = $3 WHERE id = $1")
            .bind(id)
            .bind(base_url)
            .bind(worker)
            .execute(&mut *change.tx)
            .await?;
        query("UPDATE batches SET served = $2 WHERE id = $1")
            .bind(intended.batch)
            .bind(change.turn)
            .execute(&mut *change.tx)
            .await?;
        change.commit().await?;
        let (attempt, base_url) = (intended.attempt + 1, Some(base_url.to_owned()));
        Ok(Some(Job { state, attempt, base_url, booked: intended.estimate, ..intended }))
    }

    /// Reports an event, or another word of the API for a task that goes on, and gives the state that it led to. None if
    /// it came too late, or a second time, or for another attempt: then nothing was changed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tell(
        &self,
        id: i64,
        attempt: i64,
        event: impl Into<Option<Event>>,
        detail: &Detail,
    ) -> Result<Option<State>> {
        let (event, mut change) = (event.into(), self.change().await?);
        let job = change.job(id).await?.filter(|job| job.attempt == attempt);
        let state = match (job, event) {
            (None, _) => None,
            (Some(job), Some(event)) => change.apply(&job, event, detail).await?,
            (Some(job), None) => change.status(&job, detail).await?,
        };
        change.commit().await?;
        Ok(state)
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
            operation: job.operation,
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
