//! A change of the record: the one way in which a job changes its state.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::{Claim, JOBS, Stored, first, one, rows, set};
use crate::batch::places::Places;
use crate::batch::plan::NewJob;
use crate::batch::record::{Cause, Detail, Job, NewBatch};
use crate::batch::state::{Event, State};
use crate::batch::units::Units;
use crate::failure::{Failure, Result};

/// The places that are taken: each job has one from its claim to the end of its task.
pub(super) const RUNNING: &str = "SELECT COUNT(*) FROM jobs WHERE state IN ('sending', 'accepted') AND account = ?1";

/// Longer than any rest of a job: a later date is that of a clock that was ahead.
const LONGEST_REST: i64 = 25 * 3600 * 1000;

/// A transaction. Dropped, it changes nothing.
pub(super) struct Change<'a> {
    pub(super) tx: Transaction<'a>,
    turn: i64,
    at: i64,
}

impl<'a> Change<'a> {
    pub(super) fn begin(connection: &'a mut Connection, at: i64) -> Result<Self> {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let turn = one(&tx, "UPDATE governor SET turn = turn + 1 RETURNING turn", [], |row| row.get(0))?;
        Ok(Self { tx, turn, at })
    }

    pub(super) fn commit(self) -> Result<()> {
        Ok(self.tx.commit()?)
    }

    pub(super) fn job(&self, id: i64) -> Result<Job> {
        let found = first(&self.tx, &format!("{JOBS} WHERE j.id = ?1"), [id], Job::of)?;
        found.ok_or_else(|| Failure::invalid(format!("job {id}: there is none in this record")))
    }

    pub(super) fn in_state(&self, state: State) -> Result<Vec<Job>> {
        rows(&self.tx, &format!("{JOBS} WHERE j.state = ?1"), [state.as_str()], Job::of)
    }

    pub(super) fn next_job(&self) -> Result<i64> {
        one(&self.tx, "SELECT COALESCE(MAX(id), 0) + 1 FROM jobs", [], |row| row.get(0))
    }

    pub(super) fn account(&mut self, base_url: &str, fingerprint: &str) -> Result<i64> {
        // A record of an older version knows the gateway alone.
        let sql = "UPDATE accounts SET fingerprint = ?2 WHERE base_url = ?1 AND fingerprint IN ('', ?2) RETURNING id";
        let known = first(&self.tx, sql, [base_url, fingerprint], |row| row.get(0))?;
        if let Some(id) = known {
            return Ok(id);
        }
        set(&self.tx, "INSERT INTO accounts (base_url, fingerprint) VALUES (?1, ?2)", [base_url, fingerprint])?;
        Ok(self.tx.last_insert_rowid())
    }

    pub(super) fn rename_account(&mut self, account: i64, base_url: &str, fingerprint: &str) -> Result<()> {
        let used = "SELECT a.id FROM accounts a WHERE a.base_url = ?1 AND a.fingerprint = ?2 AND a.id <> ?3 \
                    AND EXISTS (SELECT 1 FROM jobs j WHERE j.account = a.id)";
        let used = first(&self.tx, used, params![base_url, fingerprint, account], |row| row.get::<_, i64>(0))?;
        if let Some(other) = used {
            let message = format!("account: this key has jobs of its own, as account {other}");
            return Err(Failure::invalid(message));
        }
        let sql = "DELETE FROM accounts WHERE base_url = ?1 AND fingerprint = ?2 AND id <> ?3 \
                   AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.account = accounts.id)";
        set(&self.tx, sql, params![base_url, fingerprint, account])?;
        let sql = "UPDATE accounts SET base_url = ?1, fingerprint = ?2 WHERE id = ?3";
        match set(&self.tx, sql, params![base_url, fingerprint, account])? {
            1 => Ok(()),
            _ => Err(Failure::invalid(format!("account: expected one of this record, given {account}"))),
        }
    }

    pub(super) fn batch(&self, new: &NewBatch<'_>, agents: bool) -> Result<i64> {
        let sql = "INSERT INTO batches (id, name, budget, booked, served, source, folder, agents) \
                   SELECT COALESCE(MAX(id), 0) + 1, ?1, ?2, 0, 0, ?3, ?4, ?5 FROM batches RETURNING id";
        let budget = new.budget.map(Units::thousandths);
        let values = params![new.name, budget, Stored(new.source), Stored(new.out_dir), agents];
        one(&self.tx, sql, values, |row| row.get(0))
    }

    /// Adds a job. With `once`, one whose work has a job is left out; returns the number of that.
    pub(super) fn insert(&self, batch: i64, job: &NewJob, once: bool, retry_of: Option<i64>) -> Result<Option<i64>> {
        if once && let Some(same) = same(&self.tx, &job.request_hash)? {
            return Ok(Some(same.id));
        }
        if let Some(given) = &job.external_id
            && has_external_id(&self.tx, given)?
        {
            return Err(Failure::invalid(format!("external_id: expected one never used before, given {given}")));
        }
        let id = self.next_job()?;
        let is_taken = of_output(&self.tx, &job.output)?.is_some();
        let output = if is_taken { beside(&job.output, id) } else { job.output.clone() };
        let external_id = job.external_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
        let sql = "INSERT INTO jobs (id, batch, line, name, state, attempt, external_id, request, request_hash, output, \
                   estimate, booked, begun, retry_of, operation, model) \
                   VALUES (?1, ?2, ?3, ?4, 'intended', 0, ?5, ?6, ?7, ?8, ?9, 0, 0, ?10, ?11, ?12)";
        let values = params![
            id,
            batch,
            job.line,
            job.name,
            external_id,
            job.request,
            job.request_hash,
            Stored(&output),
            job.estimate.thousandths(),
            retry_of,
            job.operation.as_str(),
            job.model
        ];
        set(&self.tx, sql, values)?;
        self.step(id, State::Intended, &Detail::default())?;
        Ok(None)
    }

    /// Claims the next job.
    pub(super) fn claim(&mut self, account: i64, halted: &[(String, String)]) -> Result<Claim> {
        let running: i64 = one(&self.tx, RUNNING, [account], |row| row.get(0))?;
        let halted = halted.iter().map(|(operation, model)| format!("{operation} {model}")).collect::<Vec<_>>();
        let halted = serde_json::to_string(&halted).unwrap_or_default();
        let open = "j.batch = b.id AND j.state = 'intended' AND (b.budget IS NULL OR b.booked + j.estimate <= b.budget) \
                    AND j.operation || ' ' || j.model NOT IN (SELECT value FROM json_each(?2))";
        let due = format!("(j.not_before <= ?3 OR j.not_before > ?3 + {LONGEST_REST})");
        let served = "(b.account IS NULL OR b.account = ?1)";
        let next = format!(
            "SELECT id FROM (SELECT (SELECT j.id FROM jobs j WHERE {open} AND {due} ORDER BY j.id LIMIT 1) AS id, \
             b.served, b.id AS batch FROM batches b WHERE {served}) WHERE id IS NOT NULL ORDER BY served, batch LIMIT 1"
        );
        let next: Option<i64> = first(&self.tx, &next, params![account, halted, self.at], |row| row.get(0))?;
        let Some(id) = next else {
            let later = format!("SELECT MIN(j.not_before) FROM batches b, jobs j WHERE {served} AND {open}");
            let later: Option<i64> = one(&self.tx, &later, params![account, halted], |row| row.get(0))?;
            return Ok(later.map_or(Claim::Nothing, |later| Claim::Later(Some(later))));
        };
        if !places(&self.tx, account)?.free(running) {
            return Ok(Claim::Later(None));
        }
        let intended = self.job(id)?;
        let Some(state) = self.apply(&intended, Event::Claim, &Detail::default())? else { return Ok(Claim::Nothing) };
        set(&self.tx, "UPDATE jobs SET attempt = attempt + 1, account = ?2 WHERE id = ?1", [id, account])?;
        let sql = "UPDATE batches SET served = ?2, account = ?3 WHERE id = ?1";
        set(&self.tx, sql, [intended.batch, self.turn, account])?;
        let (attempt, booked) = (intended.attempt + 1, intended.estimate);
        Ok(Claim::Job(Box::new(Job { state, attempt, account: Some(account), booked, ..intended })))
    }

    /// The one way in which a job changes its state.
    pub(super) fn apply(&mut self, job: &Job, event: Event, detail: &Detail) -> Result<Option<State>> {
        let Some(state) = job.state.after(event) else { return Ok(None) };
        let is_settled = matches!(job.state, State::Finished | State::Delivered);
        let booked = state.books(job.estimate, detail.settled.or(is_settled.then_some(job.booked)));
        let (task_id, task) = detail.task.clone().unzip();
        let (size, sha256) = detail.file.clone().unzip();
        let not_before = detail.back.map(|back| back.not_before);
        set(
            &self.tx,
            "UPDATE jobs SET state = ?2, booked = ?3, task_id = COALESCE(?4, task_id), task = COALESCE(?5, task), \
             expires_at = COALESCE(?6, expires_at), file_size = COALESCE(?7, file_size), \
             file_sha256 = COALESCE(?8, file_sha256), note = ?9, not_before = COALESCE(?10, not_before) WHERE id = ?1",
            params![
                job.id,
                state.as_str(),
                booked.thousandths(),
                task_id,
                task,
                detail.expires_at,
                size.and_then(|size| i64::try_from(size).ok()),
                sha256,
                detail.note,
                not_before
            ],
        )?;
        let more = booked.thousandths() - job.booked.thousandths();
        set(&self.tx, "UPDATE batches SET booked = booked + ?2 WHERE id = ?1", [job.batch, more])?;
        self.step(job.id, state, detail)?;
        if let Some(account) = job.account {
            let places = places(&self.tx, account)?;
            if event == Event::Accept {
                self.set_places(account, places.taken())?;
            } else if detail.back.is_some_and(|back| back.cause == Cause::Crowded) {
                let running = one(&self.tx, RUNNING, [account], |row| row.get(0))?;
                self.set_places(account, places.refused(running))?;
            }
        }
        Ok(Some(state))
    }

    /// Another status of the task of a job that stays where it is. Returns its state, if it is one.
    pub(super) fn status(&mut self, job: &Job, detail: &Detail) -> Result<Option<State>> {
        if job.state != State::Accepted {
            return Ok(None);
        }
        let last = "SELECT status FROM history WHERE job = ?1 AND status IS NOT NULL ORDER BY turn DESC LIMIT 1";
        let last: Option<String> = first(&self.tx, last, [job.id], |row| row.get(0))?;
        if last.as_ref() == detail.status.as_ref().map(|(status, _)| status) {
            return Ok(None);
        }
        self.step(job.id, job.state, detail)?;
        Ok(Some(job.state))
    }

    fn step(&self, job: i64, state: State, detail: &Detail) -> Result<()> {
        let (status, status_at) = detail.status.clone().unzip();
        let cause = detail.back.map(|back| back.cause.as_str());
        let sql = "INSERT INTO history (job, turn, state, at, note, status, status_at, cause) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values = params![job, self.turn, state.as_str(), self.at, detail.note, status, status_at.flatten(), cause];
        set(&self.tx, sql, values)?;
        Ok(())
    }

    pub(super) fn set_places(&mut self, account: i64, places: Places) -> Result<()> {
        let sql = "UPDATE accounts SET most = ?2, allowed = ?3, credit = ?4 WHERE id = ?1";
        set(&self.tx, sql, [account, places.most, places.allowed, places.credit])?;
        Ok(())
    }
}

pub(super) fn places(connection: &Connection, account: i64) -> Result<Places> {
    let sql = "SELECT most, allowed, credit FROM accounts WHERE id = ?1";
    one(connection, sql, [account], |row| Ok(Places { most: row.get(0)?, allowed: row.get(1)?, credit: row.get(2)? }))
}

/// What may still lead to its work, or has.
const OPEN: &str = "AND state NOT IN ('failed', 'dropped')";

/// The first job for a work that may still lead to it, or has.
pub(super) fn same(connection: &Connection, request_hash: &str) -> Result<Option<Job>> {
    let sql = format!("{JOBS} WHERE j.request_hash = ?1 {OPEN} ORDER BY j.id LIMIT 1");
    first(connection, &sql, [request_hash], Job::of)
}

pub(super) fn has_external_id(connection: &Connection, id: &str) -> Result<bool> {
    one(connection, "SELECT EXISTS (SELECT 1 FROM jobs WHERE external_id = ?1)", [id], |row| row.get(0))
}

pub(super) fn of_output(connection: &Connection, output: &Path) -> Result<Option<i64>> {
    let sql = format!("SELECT MIN(id) FROM jobs WHERE output = ?1 {OPEN}");
    one(connection, &sql, [Stored(output)], |row| row.get(0))
}

/// Another name beside one that is taken.
fn beside(output: &Path, id: i64) -> PathBuf {
    let mut name = output.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{id}"));
    if let Some(extension) = output.extension() {
        name.push(".");
        name.push(extension);
    }
    output.with_file_name(name)
}
