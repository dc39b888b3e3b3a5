//! The record: what was intended, submitted, paid and downloaded, in one SQLite file that one process changes.
//!
//! Every change is one transaction, and durable when it returns. What follows from an event is decided by the job's state
//! and attempt, so that an event that comes too late, or a second time, changes nothing.

mod change;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kling_client::{Clock, SystemClock};
use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, ToSql, params};

use super::places::Places;
use super::plan::NewJob;
use super::record::{Account, Added, Batch, Cause, Count, Detail, Job, NewBatch, Step, millis};
use super::state::{Event, State};
use super::units::Units;
use crate::failure::{Failure, Result};
use change::{Change, RUNNING};

/// The record. Its methods block for the time of a commit, and fail with kind `Other` where the disk does.
pub struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
    clock: Arc<dyn Clock>,
    /// Held by the process, and released by its end, whatever ends it.
    _lock: Option<File>,
}

/// What may be claimed.
pub enum Claim {
    /// A job, which is *sending* and booked.
    Job(Box<Job>),
    /// Nothing yet: there is no place, or what is intended rests until this date, in milliseconds since 1970.
    Later(Option<i64>),
    /// Nothing, unless jobs are added or a budget is raised.
    Nothing,
}

/// A folder or a file as the record keeps it: text, or bytes where it is no UTF-8.
pub(super) struct Stored<'a>(pub(super) &'a Path);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0.to_str() {
            Some(text) => ValueRef::Text(text.as_bytes()),
            None => ValueRef::Blob(self.0.as_os_str().as_encoded_bytes()),
        }))
    }
}

pub(super) struct Kept(PathBuf);

impl From<Kept> for PathBuf {
    fn from(Kept(path): Kept) -> Self {
        path
    }
}

impl FromSql for Kept {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(Self(PathBuf::new())),
            ValueRef::Text(text) => Ok(Self(String::from_utf8_lossy(text).into_owned().into())),
            ValueRef::Blob(bytes) => Ok(Self(path_of(bytes))),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

impl FromSql for State {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|reason: String| FromSqlError::Other(reason.into()))
    }
}

impl FromSql for Units {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_thousandths)
    }
}

impl From<rusqlite::Error> for Box<Failure> {
    fn from(error: rusqlite::Error) -> Self {
        let is_full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
        let failure = Failure::other("record", error.to_string());
        if is_full { failure.with_hint("free space on the disk of the record, then resume") } else { failure }
    }
}

impl Store {
    /// Opens the record for the only process that changes it, and makes it if it is not there. What a process was sending
    /// when it died is *ambiguous* from now on.
    ///
    /// # Errors
    /// `Invalid` if another process has it, with the pid of that; `Other` if it cannot be opened or is of a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, Arc::new(SystemClock::new()))
    }

    /// The same, with dates from this clock.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let (path, lock) = locked(path)?;
        let connection = Connection::open(&path)?;
        Self::start(path, connection, clock, Some(lock))
    }

    /// Opens a record to look at, beside a process that may change it.
    ///
    /// # Errors
    /// `Invalid` if it is not there or of an older version, `Other` if it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |reason: &str| Failure::invalid(format!("expected a record, given {}: {reason}", path.display()));
        let Ok(path) = path.canonicalize() else { return Err(refuse("there is none; kling batch run makes it")) };
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(BUSY)?;
        if version(&connection)? != MIGRATIONS.len() {
            return Err(
                refuse("it is of another version").with_hint("kling batch resume brings an older one up to date")
            );
        }
        let (clock, connection) = (Arc::new(SystemClock::new()), Mutex::new(connection));
        Ok(Self { path, connection, clock, _lock: None })
    }

    /// A record in memory, for a dry run.
    ///
    /// # Errors
    /// `Other` if it cannot be made.
    pub fn in_memory() -> Result<Self> {
        Self::start(PathBuf::new(), Connection::open_in_memory()?, Arc::new(SystemClock::new()), None)
    }

    fn start(path: PathBuf, mut connection: Connection, clock: Arc<dyn Clock>, lock: Option<File>) -> Result<Self> {
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Plans that do not look at values: a statement is compiled once, and not for every value again.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Full: a commit is on the disk when it returns, whatever happens to the machine.
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")?;
        let from = version(&connection)?;
        if from > MIGRATIONS.len() {
            return Err(Failure::other("record", "it is of a newer version of kling"));
        }
        let change = connection.transaction()?;
        MIGRATIONS.iter().skip(from).try_for_each(|sql| change.execute_batch(sql))?;
        change.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
        change.commit()?;
        let store = Self { path, connection: Mutex::new(connection), clock, _lock: lock };
        store.change(|change| {
            let lost = change.in_state(State::Sending)?;
            let note = Some("the process ended before the outcome was recorded".to_owned());
            let detail = Detail { note, ..Detail::default() };
            lost.iter().try_for_each(|job| change.apply(job, Event::Lose, &detail).map(|_| ()))
        })?;
        Ok(store)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a change; an error undoes all of it.
    fn change<T>(&self, run: impl FnOnce(&mut Change<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.connection();
        let mut change = Change::begin(&mut connection, millis(self.clock.wall()))?;
        let done = run(&mut change)?;
        change.commit()?;
        Ok(done)
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        rows(&self.connection(), sql, values, row)
    }

    /// The account of a base URL and the fingerprint of a key; it is added if it is not known.
    pub fn account(&self, base_url: &str, fingerprint: &str) -> Result<i64> {
        self.change(|change| change.account(base_url, fingerprint))
    }

    /// All accounts.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        self.rows("SELECT * FROM accounts ORDER BY id", [], Account::of)
    }

    /// Says that an account of the record has this base URL and key now, which is so once its key was renewed.
    ///
    /// # Errors
    /// `Invalid` if there is no such account, or jobs were submitted to another that has them.
    pub fn rename_account(&self, account: i64, base_url: &str, fingerprint: &str) -> Result<()> {
        self.change(|change| change.rename_account(account, base_url, fingerprint))
    }

    /// Has the jobs of all batches that are not submitted yet go to this account. Returns how many batches that changes.
    pub fn move_batches(&self, account: i64) -> Result<usize> {
        let sql = "UPDATE batches SET account = ?1 WHERE account <> ?1 \
                   AND EXISTS (SELECT 1 FROM jobs j WHERE j.batch = batches.id AND j.state = 'intended')";
        set(&self.connection(), sql, [account])
    }

    /// Adds a batch with all of its jobs, or nothing. With `once`, jobs whose work has a job are left out, and given to
    /// `known` with its number. Returns the batch's number.
    ///
    /// # Errors
    /// The first error of the jobs; `Invalid` if an external id was used before.
    pub fn add_batch(
        &self,
        batch: &NewBatch<'_>,
        once: bool,
        jobs: impl IntoIterator<Item = Result<NewJob>>,
        mut known: impl FnMut(&NewJob, i64),
    ) -> Result<i64> {
        self.change(|change| {
            let id = change.batch(batch, false)?;
            for job in jobs {
                let job = job?;
                if let Some(same) = change.insert(id, &job, once, None)? {
                    known(&job, same);
                }
            }
            Ok(id)
        })
    }

    /// The batch of the requests of agents, with this budget from now on; it is made if there is none.
    pub fn agents_batch(&self, budget: Units, out_dir: &Path) -> Result<i64> {
        self.change(|change| {
            let sql = "UPDATE batches SET budget = ?1 WHERE agents = 1 RETURNING id";
            let known = first(&change.tx, sql, [budget.thousandths()], |row| row.get(0))?;
            let new = NewBatch { name: "agents", budget: Some(budget), source: Path::new(""), out_dir };
            known.map_or_else(|| change.batch(&new, true), Ok)
        })
    }

    /// Sets the budget of a batch; without its number, of the one batch with jobs that are not submitted, if there is any.
    /// Returns its number.
    ///
    /// # Errors
    /// `Invalid` if there is no such batch, more than one, or one with jobs without a price.
    pub fn set_budget(&self, batch: Option<i64>, budget: Units) -> Result<Option<i64>> {
        self.change(|change| {
            let open = "EXISTS (SELECT 1 FROM jobs j WHERE j.batch = batches.id AND j.state = 'intended')";
            let sql =
                format!("SELECT id FROM batches WHERE CASE WHEN ?1 IS NULL THEN {open} ELSE id = ?1 END ORDER BY id");
            let meant: Vec<i64> = rows(&change.tx, &sql, [batch], |row| row.get(0))?;
            let refuse = |message| Failure::invalid(message).with_hint("status lists them; --batch ID names one");
            let id = match (meant.as_slice(), batch) {
                ([id], _) => *id,
                ([], None) => return Ok(None),
                ([], Some(id)) => return Err(refuse(format!("budget: expected a batch of this record, given {id}"))),
                _ => return Err(refuse(format!("budget: expected one batch with jobs to submit, found {meant:?}"))),
            };
            let sql = "SELECT COUNT(*) FROM jobs WHERE batch = ?1 AND state = 'intended' AND estimate = 0";
            let unpriced: i64 = one(&change.tx, sql, [id], |row| row.get(0))?;
            if unpriced > 0 {
                let message = format!("budget: batch {id} has {unpriced} jobs without a known price");
                return Err(Failure::invalid(message)
                    .with_hint("drop them, and add their lines again with --budget and --prices"));
            }
            set(&change.tx, "UPDATE batches SET budget = ?2 WHERE id = ?1", params![id, budget.thousandths()])?;
            Ok(Some(id))
        })
    }

    /// Adds one job, if the budget of its batch holds it beside all that is booked and intended. With `once`, work that has a
    /// job is not added.
    ///
    /// # Errors
    /// `Invalid` if the external id was used before.
    pub fn add(&self, batch: i64, new: NewJob, once: bool) -> Result<Added> {
        self.change(|change| {
            if once && let Some(same) = change::same(&change.tx, &new.request_hash)? {
                return Ok(Added::Known(same));
            }
            let sql = "SELECT b.budget - b.booked - COALESCE((SELECT SUM(j.estimate) FROM jobs j \
                       WHERE j.batch = b.id AND j.state = 'intended'), 0) FROM batches b WHERE b.id = ?1";
            let left: Option<Units> = one(&change.tx, sql, [batch], |row| row.get(0))?;
            if let Some(left) = left.filter(|left| *left < new.estimate) {
                return Ok(Added::TooDear(left));
            }
            let id = change.next_job()?;
            change.insert(batch, &new, false, None)?;
            Ok(Added::New(change.job(id)?))
        })
    }

    /// The first job for a work that may still lead to it, or has, by the work's hash.
    pub fn same(&self, request_hash: &str) -> Result<Option<Job>> {
        change::same(&self.connection(), request_hash)
    }

    /// Whether a job has this external id.
    pub fn has_external_id(&self, id: &str) -> Result<bool> {
        change::has_external_id(&self.connection(), id)
    }

    /// The job that may still write this file, or has.
    pub fn of_output(&self, output: &Path) -> Result<Option<i64>> {
        change::of_output(&self.connection(), output)
    }

    /// The batches of which no job that is left fits their budget.
    pub fn capped(&self) -> Result<Vec<i64>> {
        let sql = "SELECT b.id FROM batches b WHERE b.budget IS NOT NULL AND b.budget - b.booked < \
                   (SELECT MIN(j.estimate) FROM jobs j WHERE j.batch = b.id AND j.state = 'intended') ORDER BY b.id";
        self.rows(sql, [], |row| row.get(0))
    }

    /// Claims the next job to submit at an account: of the batch that was served least recently, where there is a place and
    /// the budget holds it; never one of a halted operation and model. It is *sending*, and booked, when this returns.
    pub fn claim(&self, account: i64, halted: &[(String, String)]) -> Result<Claim> {
        let mut connection = self.connection();
        let mut change = Change::begin(&mut connection, millis(self.clock.wall()))?;
        let claim = change.claim(account, halted)?;
        // Who waits does not write.
        if matches!(claim, Claim::Job(_)) {
            change.commit()?;
        }
        Ok(claim)
    }

    /// Records an event, or another status of a task that goes on, and returns the state that it led to. None if it came too
    /// late, a second time, or for another attempt: then nothing was changed.
    pub fn apply(
        &self,
        id: i64,
        attempt: i64,
        event: impl Into<Option<Event>>,
        detail: &Detail,
    ) -> Result<Option<State>> {
        let event = event.into();
        self.change(|change| {
            let job = change.job(id)?;
            match event {
                _ if job.attempt != attempt => Ok(None),
                Some(event) => change.apply(&job, event, detail),
                None => change.status(&job, detail),
            }
        })
    }

    /// How often a job came back for a cause.
    pub fn came_back(&self, id: i64, cause: Cause) -> Result<u32> {
        let sql = "SELECT COUNT(*) FROM history WHERE job = ?1 AND cause = ?2";
        one(&self.connection(), sql, params![id, cause.as_str()], |row| row.get(0))
    }

    /// Records that a job's file was begun where nothing was.
    pub fn begin_file(&self, id: i64) -> Result<()> {
        set(&self.connection(), "UPDATE jobs SET begun = 1 WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Sets the note on a job that stays where it is.
    pub fn note(&self, id: i64, state: State, note: &str) -> Result<()> {
        let sql = "UPDATE jobs SET note = ?3 WHERE id = ?1 AND state = ?2";
        set(&self.connection(), sql, params![id, state.as_str(), note])?;
        Ok(())
    }

    /// Adds a job for the work of one that failed, was dropped or, with `ambiguous`, has an unknown outcome. Returns its
    /// number.
    ///
    /// # Errors
    /// `Invalid` if the job is not there, is in another state, or was retried before.
    pub fn retry(&self, id: i64, ambiguous: bool) -> Result<i64> {
        self.change(|change| {
            let refuse = |message: String| Failure::invalid(format!("job {id}: {message}"));
            let job = change.job(id)?;
            if let Some(by) = job.replaced_by {
                return Err(refuse(format!("it was retried before, as job {by}")));
            }
            match job.state {
                State::Failed | State::Dropped => {}
                State::Ambiguous if ambiguous => {}
                State::Ambiguous => {
                    return Err(refuse("a task may exist and be paid, so a retry may be a double charge".to_owned())
                        .with_hint(format!("ask the gateway for {}; --yes retries all the same", job.external_id)));
                }
                state => {
                    return Err(refuse(format!("expected failed, dropped or ambiguous, found {state}"))
                        .with_hint("to pay for the same work twice, add its line again with --again"));
                }
            }
            let new = NewJob {
                line: job.line,
                name: job.name,
                external_id: None,
                model: one(&change.tx, "SELECT model FROM jobs WHERE id = ?1", [id], |row| row.get(0))?,
                operation: job.operation,
                request: job.request,
                request_hash: job.request_hash,
                output: job.output,
                estimate: job.estimate,
            };
            let by = change.next_job()?;
            change.insert(job.batch, &new, false, Some(id))?;
            set(&change.tx, "UPDATE jobs SET replaced_by = ?2 WHERE id = ?1", [id, by])?;
            Ok(by)
        })
    }

    /// Drops a job that was not submitted.
    ///
    /// # Errors
    /// `Invalid` if it is not there, or was submitted.
    pub fn drop_job(&self, id: i64) -> Result<()> {
        self.change(|change| {
            let job = change.job(id)?;
            match change.apply(&job, Event::Drop, &Detail::default())? {
                Some(_) => Ok(()),
                None => {
                    let message = format!("job {id}: expected intended, found {}; the API has no cancel", job.state);
                    Err(Failure::invalid(message))
                }
            }
        })
    }

    /// Sets the most tasks that may run at an account at a time; what was learnt of it before is forgotten.
    pub fn set_places(&self, account: i64, most: i64) -> Result<()> {
        self.change(|change| change.set_places(account, Places::new(most)))
    }

    /// The places for running tasks at an account, and how many are taken.
    pub fn places(&self, account: i64) -> Result<(Places, i64)> {
        let connection = self.connection();
        let running = one(&connection, RUNNING, [account], |row| row.get(0))?;
        Ok((change::places(&connection, account)?, running))
    }

    /// A job by its number.
    pub fn job(&self, id: i64) -> Result<Option<Job>> {
        first(&self.connection(), &format!("{JOBS} WHERE j.id = ?1"), [id], Job::of)
    }

    /// Jobs in a state, or all, by their numbers, so many behind one.
    pub fn jobs(&self, state: Option<State>, behind: i64, most: i64) -> Result<Vec<Job>> {
        let of_state = if state.is_some() { "j.state = ?3 AND" } else { "?3 IS NULL AND" };
        let sql = format!("{JOBS} WHERE {of_state} j.id > ?1 ORDER BY j.id LIMIT ?2");
        self.rows(&sql, params![behind, most, state.map(State::as_str)], Job::of)
    }

    /// The numbers of an account's jobs in a state; of finished ones, that which expires first in front.
    pub fn ids_in(&self, state: State, account: i64) -> Result<Vec<i64>> {
        let sql = "SELECT id FROM jobs WHERE state = ?1 AND account = ?2 ORDER BY expires_at, id";
        self.rows(sql, params![state.as_str(), account], |row| row.get(0))
    }

    /// Outputs that are not downloaded, that which expires first in front.
    pub fn expiring(&self, before: i64, most: i64) -> Result<Vec<Job>> {
        let sql =
            format!("{JOBS} WHERE j.state = 'finished' AND j.expires_at < ?1 ORDER BY j.expires_at, j.id LIMIT ?2");
        self.rows(&sql, [before, most], Job::of)
    }

    /// All batches.
    pub fn batches(&self) -> Result<Vec<Batch>> {
        self.rows("SELECT * FROM batches ORDER BY id", [], Batch::of)
    }

    /// How many jobs are in each state, by batch and account.
    pub fn counts(&self) -> Result<Vec<Count>> {
        let sql = "SELECT batch, account, state, COUNT(*) AS jobs, SUM(estimate) AS estimate, SUM(booked) AS booked \
                   FROM jobs GROUP BY batch, account, state ORDER BY batch, account, state";
        self.rows(sql, [], Count::of)
    }

    /// The states that a job came to and the API's statuses of its task, in their order.
    pub fn history(&self, id: i64) -> Result<Vec<Step>> {
        self.rows("SELECT * FROM history WHERE job = ?1 ORDER BY turn", [id], Step::of)
    }

    /// The folders of the outputs of batches that are not done.
    pub fn open_folders(&self) -> Result<Vec<PathBuf>> {
        let sql = "SELECT DISTINCT folder FROM batches b WHERE folder IS NOT NULL AND EXISTS (SELECT 1 FROM jobs j \
                   WHERE j.batch = b.id AND j.state NOT IN ('delivered', 'failed', 'dropped')) ORDER BY folder";
        self.rows(sql, [], |row| row.get(0).map(|Kept(folder)| folder))
    }
}

/// A disk that is busy, or another program that looks at the record, is waited for.
const BUSY: Duration = Duration::from_secs(10);

const MIGRATIONS: [&str; 4] = [
    include_str!("../../migrations/1_record.sql"),
    include_str!("../../migrations/2_told.sql"),
    include_str!("../../migrations/3_operation.sql"),
    include_str!("../../migrations/4_one_process.sql"),
];

/// How many migrations a record has; older versions counted them in a table.
fn version(connection: &Connection) -> Result<usize> {
    let mut version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 && connection.table_exists(None, "kling_batch_migrations")? {
        let sql = "SELECT COALESCE(MAX(version), 0) FROM kling_batch_migrations";
        version = connection.query_row(sql, [], |row| row.get(0))?;
    }
    Ok(version as usize)
}

/// The record's real path and the lock on it, which is a file of its own: SQLite has locks on the record's.
fn locked(path: &Path) -> Result<(PathBuf, File)> {
    let refuse = |reason: std::io::Error| Failure::other("record", format!("{}: {reason}", path.display()));
    // One file has one lock, whatever links lead to it.
    File::options().create(true).append(true).open(path).map_err(refuse)?;
    let path = path.canonicalize().map_err(refuse)?;
    let mut name = path.clone().into_os_string();
    name.push(".lock");
    let open = File::options().create(true).read(true).write(true).truncate(false).open(&name);
    let mut lock = open.map_err(refuse)?;
    match lock.try_lock() {
        Ok(()) => {
            // Only to be read by people; the lock is what counts.
            _ = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).and_then(|()| lock.flush());
            Ok((path, lock))
        }
        Err(std::fs::TryLockError::WouldBlock) => {
            let mut pid = String::new();
            _ = lock.take(20).read_to_string(&mut pid);
            let by = if pid.is_empty() { "another process".to_owned() } else { format!("process {pid}") };
            let message = format!("record: {by} works on {}", path.display());
            Err(Failure::invalid(message).with_hint("wait for its end, or stop it: Ctrl-C loses nothing"))
        }
        Err(std::fs::TryLockError::Error(reason)) => Err(refuse(reason)),
    }
}

fn set(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<usize> {
    Ok(connection.prepare_cached(sql)?.execute(values)?)
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<T> {
    Ok(connection.prepare_cached(sql)?.query_row(values, row)?)
}

fn first<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    Ok(connection.prepare_cached(sql)?.query_row(values, row).optional()?)
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(values, row)?.collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// A query for whole jobs.
const JOBS: &str = "SELECT j.*, b.source AS folder FROM jobs j JOIN batches b ON b.id = j.batch";
