//! What the record holds: jobs, batches, accounts, and the steps of each job.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kling_client::{Operation, SavedTask};
use serde::{Serialize, Serializer};

use super::request::JobRequest;
use super::state::{State, words};
use super::units::Units;

/// A struct of a row of the record, with the columns as fields.
macro_rules! row {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty $(= $column:ty)?,)+ }) => {
        $(#[$meta])*
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)+
        }

        #[cfg(feature = "batch")]
        impl $name {
            pub(super) fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(Self { $($field: row!(row $field $($column)?),)+ })
            }
        }
    };
    ($row:ident $field:ident) => { $row.get(stringify!($field))? };
    ($row:ident $field:ident $column:ty) => { $row.get::<_, $column>(stringify!($field))?.into() };
}

row! {
    /// A line of a manifest, or a request of an agent, with its state. It holds the prompt, so it has no `Debug`, and prompt
    /// and images are not serialized.
    #[derive(Clone, Serialize)]
    Job {
        #[serde(rename = "job")]
        id: i64,
        batch: i64,
        /// Line of the manifest, from 1; 0 for a request of an agent.
        line: i64,
        name: Option<String>,
        state: State,
        /// How often it was claimed.
        #[serde(skip)]
        attempt: i64,
        external_id: String,
        operation: Operation = String,
        /// Fields of the request, as JSON.
        #[serde(skip)]
        request: String,
        /// Folder that the request's files are relative to.
        #[serde(skip)]
        folder: PathBuf = super::store::Kept,
        /// Hash of the work.
        request_hash: String,
        /// File for the output.
        #[serde(serialize_with = "lossy")]
        output: PathBuf = super::store::Kept,
        /// Expected cost.
        estimate: Units,
        /// What it counts for in its batch's budget.
        booked: Units,
        /// Account that it was submitted to.
        account: Option<i64>,
        task_id: Option<String>,
        /// The [`SavedTask`], as JSON.
        #[serde(skip)]
        task: Option<String>,
        #[serde(rename = "expires_at_ms")]
        expires_at: Option<i64>,
        /// Whether its file was begun where nothing was.
        #[serde(skip)]
        begun: bool,
        file_size: Option<i64>,
        file_sha256: Option<String>,
        note: Option<String>,
        /// The job that this one retries.
        retry_of: Option<i64>,
        /// The job that retries this one.
        replaced_by: Option<i64>,
    }
}

row! {
    /// A state that a job came to, or a status of its task meanwhile; dates are in milliseconds since 1970.
    #[derive(Debug, Clone, PartialEq, Eq)]
    Step {
        state: State,
        at: i64,
        note: Option<String>,
        /// The API's status of the task, if that is what led here, and the API's date for it.
        status: Option<String>,
        status_at: Option<i64>,
    }
}

row! {
    /// A batch: the jobs of a manifest that were added at a time.
    #[derive(Debug, Clone, Serialize)]
    Batch {
        id: i64,
        /// Name of its manifest.
        name: String,
        budget: Option<Units>,
        booked: Units,
        /// The account that its jobs are submitted to, once one was.
        account: Option<i64>,
    }
}

row! {
    /// An account: a gateway and a key.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    Account {
        id: i64,
        base_url: String,
        /// Of the key; empty in a record of an older version.
        fingerprint: String,
    }
}

row! {
    /// Number of jobs of a batch in a state at an account, and their sums.
    #[derive(Debug, Clone, PartialEq, Eq)]
    Count {
        batch: i64,
        account: Option<i64>,
        state: State,
        jobs: i64,
        estimate: Units,
        booked: Units,
    }
}

/// A path as text, whatever its bytes are.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
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
            Some(name) => format!("job {} ({})", self.id, name.replace('\n', " ")),
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

words! {
    /// Cause of a submit that surely made no task and may be retried.
    Cause {
        /// The request did not leave this machine.
        NotSent = "not sent",
        /// Too many requests (429 or code 1302), or an overloaded gateway.
        Busy = "busy",
        /// Too many running tasks (code 1303).
        Crowded = "crowded",
        /// Something that a person has to settle: the key, the balance, the model.
        Halt = "halt",
    }
}

/// Outcome of adding one request of an agent.
pub enum Added {
    /// It is intended.
    New(Job),
    /// A job for the same work exists.
    Known(Job),
    /// Only so much is left of the budget; nothing was written.
    TooDear(Units),
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
