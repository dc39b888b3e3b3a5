//! What the record holds: jobs, batches, accounts, and the steps of each job.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kling_client::{Operation, SavedTask};
use serde::Serialize;

use super::request::JobRequest;
use super::state::State;
use super::units::Units;

/// A line of a manifest, or a request of an agent, with its state. It holds the prompt, so it has no `Debug`.
#[derive(Clone)]
pub struct Job {
    /// Number, by which the user names it.
    pub id: i64,
    /// Its batch.
    pub batch: i64,
    /// Line of the manifest, from 1; 0 for a request of an agent.
    pub line: i64,
    /// Name in the manifest.
    pub name: Option<String>,
    /// Where it stands.
    pub state: State,
    /// How often it was claimed.
    pub attempt: i64,
    /// External id of the task.
    pub external_id: String,
    /// Operation of the request.
    pub operation: Operation,
    /// Fields of the request, as JSON.
    pub request: String,
    /// Folder that the request's files are relative to.
    pub folder: PathBuf,
    /// Hash of the work.
    pub request_hash: String,
    /// File for the output.
    pub output: PathBuf,
    /// Expected cost.
    pub estimate: Units,
    /// What it counts for in its batch's budget.
    pub booked: Units,
    /// Account that it was submitted to.
    pub account: Option<i64>,
    /// Task id.
    pub task_id: Option<String>,
    /// The [`SavedTask`], as JSON.
    pub task: Option<String>,
    /// When the output expires, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// Whether its file was begun where nothing was.
    pub begun: bool,
    /// Size of the file in bytes.
    pub file_size: Option<i64>,
    /// SHA-256 of the file.
    pub file_sha256: Option<String>,
    /// The last note on it.
    pub note: Option<String>,
    /// The job that this one retries.
    pub retry_of: Option<i64>,
    /// The job that retries this one.
    pub replaced_by: Option<i64>,
}

impl Job {
    /// What the client needs to go on with the task.
    pub fn saved(&self) -> Option<SavedTask> {
        serde_json::from_str(self.task.as_deref()?).ok()
    }

    /// The request.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn job_request(&self) -> Result<JobRequest, String> {
        JobRequest::read(&self.operation, &self.request, &self.folder)
    }

    /// `job 7`, or `job 7 (cat)` if it has a name.
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("job {} ({name})", self.id),
            None => format!("job {}", self.id),
        }
    }
}

/// A batch to be added.
pub struct NewBatch<'a> {
    /// Name of its manifest.
    pub name: &'a str,
    /// The most that it may book.
    pub budget: Option<Units>,
    /// Folder that the files of its requests are relative to.
    pub source: &'a Path,
    /// Folder for its outputs.
    pub out_dir: &'a Path,
}

/// What an event adds to a job.
#[derive(Clone, Default)]
pub struct Detail {
    /// Task id, and the [`SavedTask`] as JSON.
    pub task: Option<(String, String)>,
    /// The API's status of the task, and its date in milliseconds since 1970.
    pub status: Option<(String, Option<i64>)>,
    /// Units that were deducted.
    pub settled: Option<Units>,
    /// When the output expires, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// Size and SHA-256 of the file.
    pub file: Option<(u64, String)>,
    /// A note on the job.
    pub note: Option<String>,
    /// Why it comes back, and how long it rests.
    pub back: Option<Back>,
}

/// Why a job that was not submitted comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    /// The cause; attempts are limited by cause.
    pub cause: Cause,
    /// Not claimed before this date, in milliseconds since 1970.
    pub not_before: i64,
}

/// Cause of a submit that surely made no task and may be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The request did not leave this machine.
    NotSent,
    /// Too many requests (429 or code 1302), or an overloaded gateway.
    Busy,
    /// Too many running tasks (code 1303).
    Crowded,
    /// Something that a person has to settle: the key, the balance, the model.
    Halt,
}

impl Cause {
    /// Its word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not sent",
            Self::Busy => "busy",
            Self::Crowded => "crowded",
            Self::Halt => "halt",
        }
    }
}

/// A state that a job came to, or a status of its task meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The state.
    pub state: State,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The note on it.
    pub note: Option<String>,
    /// The API's status of the task, if that is what led here.
    pub status: Option<String>,
    /// The API's date for it, in milliseconds since 1970.
    pub status_at: Option<i64>,
}

/// Outcome of adding one request of an agent.
#[expect(clippy::large_enum_variant, reason = "one at a time")]
pub enum Added {
    /// It is intended.
    New(Job),
    /// A job for the same work exists.
    Known(Job),
    /// Only so much is left of the budget; nothing was written.
    TooDear(Units),
}

/// What no two jobs should share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Hash of the work, of jobs that may still lead to it, or have.
    Work,
    /// External id, of all jobs.
    ExternalId,
}

/// A batch.
#[derive(Debug, Clone, Serialize)]
pub struct Batch {
    /// Its number.
    pub id: i64,
    /// Name of its manifest.
    pub name: String,
    /// The most that it may book.
    pub budget: Option<Units>,
    /// What it has booked.
    pub booked: Units,
    /// The account that its jobs are submitted to, once one was.
    pub account: Option<i64>,
}

/// An account: a gateway and a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its number in the record.
    pub id: i64,
    /// Base URL of the gateway.
    pub base_url: String,
    /// Fingerprint of the key; empty in a record of an older version.
    pub fingerprint: String,
}

/// Number of jobs of a batch in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The batch.
    pub batch: i64,
    /// The account that they were submitted to.
    pub account: Option<i64>,
    /// The state.
    pub state: State,
    /// How many.
    pub jobs: i64,
    /// Their expected cost.
    pub estimate: Units,
    /// What they book.
    pub booked: Units,
}

/// A date in milliseconds since 1970.
pub fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or_default()
}

/// The record of a manifest: beside it, with this name behind its own.
pub const SUFFIX: &str = ".kling.db";

/// The record that a path means: itself, if it is one; else that of the manifest of this path.
pub fn record_of(path: &Path) -> PathBuf {
    let is_record = path.as_os_str().as_encoded_bytes().ends_with(SUFFIX.as_bytes()) || is_sqlite(path);
    if is_record {
        return path.to_owned();
    }
    let mut record = path.as_os_str().to_owned();
    record.push(SUFFIX);
    record.into()
}

fn is_sqlite(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 16];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"SQLite format 3\0"
}
