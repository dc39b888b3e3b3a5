//! A change of the record: the one way in which what stands there becomes something else.

use std::collections::HashMap;
use std::path::Path;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Row as _, Transaction, query};
use uuid::Uuid;

use super::Store;
use crate::error::{Error, Result};
use crate::places::Places;
use crate::record::{COLUMNS, Detail, Job, Key, NewJob, job, jobs, millis};
use crate::state::{Event, State};
use crate::units::Units;

/// The places that are taken: each job holds one from before it is sent to the end of its task.
pub(super) const RUNNING: &str = "SELECT COUNT(*) FROM jobs WHERE state IN ('sending', 'accepted')";

/// A transaction that has the record for itself. Dropped, it changes nothing.
pub(super) struct Change {
    pub(super) tx: Transaction<'static, Any>,
    pub(super) turn: i64,
    pub(super) at: i64,
    pub(super) next_job: i64,
    pub(super) next_batch: i64,
    pub(super) places: Places,
    pub(super) before: Places,
}

impl Store {
    /// Begins a change: from here to its end nobody else changes the record.
    pub(super) async fn change(&self) -> Result<Change> {
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

impl Change {
    pub(super) async fn job(&mut self, id: i64) -> Result<Option<Job>> {
        jobs!("WHERE id = $1").bind(id).fetch_optional(&mut *self.tx).await?.as_ref().map(job).transpose()
    }

    pub(super) async fn running(&mut self) -> Result<i64> {
        Ok(query(RUNNING).fetch_one(&mut *self.tx).await?.try_get(0)?)
    }

    pub(super) async fn batch(&mut self, name: &str, budget: Option<Units>, folder: Option<&Path>) -> Result<i64> {
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
    pub(super) async fn insert(
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
                    let [a, b, c, d, e, f, g, h, i, j, k] = std::array::from_fn(|column| row * WIDTH + column + 1);
                    format!("(${a}, ${b}, ${c}, ${d}, 'intended', 0, ${e}, ${f}, ${g}, ${h}, ${i}, 0, 0, ${j}, ${k})")
                })
                .collect();
            let sql = format!(
                "INSERT INTO jobs (id, batch, line, name, state, attempt, external_id, request, request_hash, output, \
                 estimate, booked, begun, retry_of, operation) VALUES {}",
                values.join(", ")
            );
            let mut insert = query(sqlx::AssertSqlSafe(sql));
            for (id, job) in rows {
                let external_id = job.external_id.unwrap_or_else(|| Uuid::now_v7().to_string());
                insert = insert.bind(id).bind(batch).bind(job.line).bind(job.name).bind(external_id);
                insert = insert.bind(job.request).bind(job.request_hash).bind(job.output);
                insert = insert.bind(job.estimate.thousandths()).bind(retry_of).bind(job.operation.to_string());
            }
            insert.execute(&mut *self.tx).await?;
        }
        let sql = "INSERT INTO history (job, turn, state, at) SELECT id, $1, state, $2 FROM jobs WHERE id >= $3";
        query(sql).bind(self.turn).bind(self.at).bind(first).execute(&mut *self.tx).await?;
        query("UPDATE governor SET next_job = $1 WHERE id = 1").bind(self.next_job).execute(&mut *self.tx).await?;
        Ok(left_out)
    }

    /// The one way in which a job changes its state.
    pub(super) async fn apply(&mut self, job: &Job, event: Event, detail: &Detail) -> Result<Option<State>> {
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
        if booked != job.booked {
            query("UPDATE batches SET booked = booked + $2 WHERE id = $1")
                .bind(job.batch)
                .bind(booked.thousandths() - job.booked.thousandths())
                .execute(&mut *self.tx)
                .await?;
        }
        self.step(job.id, state, detail).await?;
        if event == Event::Accept {
            self.places = self.places.taken();
        } else if detail.crowded {
            self.places = self.places.refused(self.running().await?);
        }
        Ok(Some(state))
    }

    /// A new word of the API for the task of a job that stays where it is. Gives its state, if it is one.
    pub(super) async fn status(&mut self, job: &Job, detail: &Detail) -> Result<Option<State>> {
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
    pub(super) async fn orphans(&mut self) -> Result<usize> {
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

    pub(super) async fn commit(mut self) -> Result<()> {
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

/// No statement looks for more values than these, or has more in its rows: SQLite searches all of them for the name of each.
const AT_ONCE: usize = 500;
const WIDTH: usize = 11;
const ROWS: usize = AT_ONCE / WIDTH;

/// The job that is to be sent next, if there is a place: of the batch that was served least recently among those whose
/// budget holds their next job.
pub(super) async fn next(connection: &mut AnyConnection) -> Result<Option<i64>> {
    let sql = format!(
        "SELECT most, allowed, credit, ({RUNNING}), \
         (SELECT j.id FROM batches b JOIN jobs j ON j.id = \
          (SELECT MIN(i.id) FROM jobs i WHERE i.batch = b.id AND i.state = 'intended') \
          WHERE b.budget IS NULL OR b.booked + j.estimate <= b.budget ORDER BY b.served, b.id LIMIT 1) \
         FROM governor WHERE id = 1"
    );
    let row = query(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await?;
    let places = Places { most: row.try_get(0)?, allowed: row.try_get(1)?, credit: row.try_get(2)? };
    Ok(if places.free(row.try_get(3)?) { row.try_get(4)? } else { None })
}

/// What may still bring its work, or has.
const OPEN: &str = "AND state NOT IN ('failed', 'dropped')";

/// Which of these values jobs have, each with the number of the first that does.
pub(super) async fn known(connection: &mut AnyConnection, key: Key, values: &[&str]) -> Result<HashMap<String, i64>> {
    let (column, which) = match key {
        Key::Work => ("request_hash", OPEN),
        Key::Output => ("output", OPEN),
        Key::ExternalId => ("external_id", ""),
    };
    let select = format!("SELECT {column}, MIN(id) FROM jobs WHERE {column} IN");
    let rows = with(connection, &select, values, &format!("{which} GROUP BY {column}")).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The first jobs that have asked for these works and may still bring them, or have, by the works' hashes.
pub(super) async fn same(connection: &mut AnyConnection, hashes: &[&str]) -> Result<HashMap<String, Job>> {
    let select = format!("SELECT {COLUMNS} FROM jobs WHERE id IN (SELECT MIN(id) FROM jobs WHERE request_hash IN");
    let rows = with(connection, &select, hashes, &format!("{OPEN} GROUP BY request_hash)")).await?;
    rows.iter().map(|row| job(row).map(|job| (job.request_hash.clone(), job))).collect()
}

/// The rows of a query for many values, which stand between its two halves.
async fn with(connection: &mut AnyConnection, before: &str, values: &[&str], behind: &str) -> Result<Vec<AnyRow>> {
    let mut rows = Vec::new();
    for values in values.chunks(AT_ONCE) {
        let places: Vec<_> = (1..=values.len()).map(|place| format!("${place}")).collect();
        let sql = format!("{before} ({}) {behind}", places.join(", "));
        let look = values.iter().fold(query(sqlx::AssertSqlSafe(sql)), |look, value| look.bind((*value).to_owned()));
        rows.extend(look.fetch_all(&mut *connection).await?);
    }
    Ok(rows)
}

/// Another name beside one that is taken.
fn beside(output: &str, id: i64) -> String {
    let path = Path::new(output);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{id}{extension}")).to_string_lossy().into_owned()
}
