//! What stands in the record, as rows and as what is told of them.

use std::time::{SystemTime, UNIX_EPOCH};

use kling_client::{Operation, SavedTask};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::error::{Error, Result};
use crate::state::State;
use crate::units::Units;

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
    /// The operation.
    pub operation: Operation,
    /// The fields of its request, as JSON.
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

impl Job {
    /// What the client needs to go on with the task, if it is there and can be read.
    pub fn saved(&self) -> Option<SavedTask> {
        let mut saved: Map<String, Value> = serde_json::from_str(self.task.as_deref()?).ok()?;
        // Older records know one operation, and have another name for this time.
        saved.entry("operation").or_insert_with(|| self.operation.as_str().into());
        if let Some(created) = saved.remove("made_at_ms") {
            saved.insert("created_at_ms".to_owned(), created);
        }
        serde_json::from_value(saved.into()).ok()
    }
}

/// A job to be.
pub struct NewJob {
    /// Its line in the manifest.
    pub line: i64,
    /// What the user calls it.
    pub name: Option<String>,
    /// The user's own id for the purchase; one is minted if there is none.
    pub external_id: Option<String>,
    /// The operation.
    pub operation: Operation,
    /// The fields of its request, as JSON.
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

pub(crate) const COLUMNS: &str = "id, batch, line, name, state, attempt, external_id, request, request_hash, output, estimate, \
    booked, base_url, task_id, task, expires_at, begun, file_size, file_sha256, note, retry_of, replaced_by, operation";

/// A query for whole jobs.
macro_rules! jobs {
    ($rest:literal) => {
        sqlx::query(sqlx::AssertSqlSafe(format!(concat!("SELECT {} FROM jobs ", $rest), $crate::record::COLUMNS)))
    };
}
pub(crate) use jobs;

/// A date in milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or_default()
}

pub(crate) fn state(word: &str) -> Result<State> {
    word.parse().map_err(|reason: String| Error::other("database", reason))
}

pub(crate) fn job(row: &AnyRow) -> Result<Job> {
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
        operation: text("operation")?.into(),
    })
}
