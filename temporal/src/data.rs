//! What the Temporal server keeps: inputs, outcomes and messages, as JSON.
//!
//! A request is named by manifest, line and hash. There is no prompt, image, key or signed URL in any of these types.

use std::collections::{BTreeMap, VecDeque};

use kling_client::{Operation, SavedTask};
use serde::{Deserialize, Serialize};

use crate::decide::Pace;

/// A line of a manifest that was checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// External id of its task, and id of its workflow.
    pub id: String,
    /// Line of the manifest, from 1.
    pub line: u64,
    /// Hash of the work.
    pub hash: String,
    /// Operation of the request.
    pub operation: Operation,
    /// Model of the request.
    pub model: String,
    /// File for the output, absolute.
    pub output: String,
    /// Expected cost in thousandths of a unit.
    pub estimate: i64,
}

/// Input of the workflow of a video.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VideoInput {
    /// The line.
    pub row: Row,
    /// Manifest that has the line.
    pub manifest: String,
    /// Id of its account.
    pub account: String,
    /// Workflow id of its batch.
    pub batch: String,
    /// Intervals.
    pub pace: Pace,
}

/// Input of the activity `submit`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Submit {
    /// The line.
    pub row: Row,
    /// Manifest that has the line.
    pub manifest: String,
    /// First run of the workflow: another one than that of the activity after a reset.
    pub original_run: String,
    /// Submits of this video before this one.
    pub earlier: u32,
}

/// Outcome of a submit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Submitted {
    /// A task was made.
    Task(SavedTask),
    /// Surely no task; retried after a pause of at least so many milliseconds.
    Again {
        /// Pause that the server asks for.
        least_ms: u64,
        /// Why.
        why: String,
    },
    /// Surely no task, and none for others: the key, the balance, the model.
    Halt {
        /// Whether only requests of this operation and model are concerned.
        model: bool,
        /// Why.
        why: String,
    },
    /// Surely no task, because of this request.
    Refused(String),
    /// Outcome unknown.
    Lost(String),
}

/// Input of the activity `look_up`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LookUp {
    /// External id.
    pub id: String,
    /// Operation of the request.
    pub operation: Operation,
}

/// End of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Polled {
    /// It has outputs.
    Finished {
        /// Deducted units in thousandths, if the API names them.
        units: Option<i64>,
    },
    /// It failed.
    Failed(String),
}

/// Input of the activity `download`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Download {
    /// The finished task.
    pub task: SavedTask,
    /// File for the output.
    pub output: String,
}

/// Input of the activity `page`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PageInput {
    /// File with the checked lines.
    pub plan: String,
    /// Byte at which to read on.
    pub offset: u64,
}

/// Checked lines, of many.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    /// The lines.
    pub rows: VecDeque<Row>,
    /// Byte at which to read on; none at the end.
    pub offset: Option<u64>,
}

/// How a video ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Its output is in its file.
    Delivered,
    /// Its task is finished, and its output could not be downloaded.
    NotDownloaded,
    /// Its task failed.
    Failed,
    /// Its request was refused.
    Refused,
    /// Its batch was cancelled before it was submitted.
    Cancelled,
    /// Its outcome stayed unknown, and somebody gave it up: it may have been charged.
    GivenUp,
}

/// End of a video.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// How it ended.
    pub how: How,
    /// Id of its task.
    pub task: Option<String>,
    /// Deducted units in thousandths.
    pub units: Option<i64>,
    /// Why, unless it is delivered.
    pub why: Option<String>,
}

/// Something that a person has to know of a video that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// Outcome unknown; waits for `resolve`.
    Unknown(String),
    /// Nothing is submitted: for its operation and model, or at all.
    Halted {
        /// Whether only its operation and model are concerned.
        model: bool,
        /// Why.
        why: String,
    },
}

/// Message of a video to its batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// External id.
    pub id: String,
    /// Its trouble, or that there is none any more.
    pub trouble: Option<Trouble>,
    /// Its end.
    pub ended: Option<Ended>,
}

/// Answer of a person to an unknown outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Resolution {
    /// This task was made.
    Task(String),
    /// No task was made: submit again.
    SubmitAgain,
    /// Leave it; its estimate stays booked.
    GiveUp,
}

/// A video that was started and has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flight {
    /// Line of the manifest.
    pub line: u64,
    /// Operation and model.
    pub kind: String,
    /// Reserved units in thousandths.
    pub estimate: i64,
    /// Its trouble.
    pub trouble: Option<Trouble>,
}

/// A video that ended without an output in its file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Line of the manifest.
    pub line: u64,
    /// External id.
    pub id: String,
    /// How it ended.
    pub how: How,
    /// Why.
    pub why: Option<String>,
}

/// State of a batch: its input, and what one run hands to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchState {
    /// Id of its account.
    pub account: String,
    /// Manifest, absolute.
    pub manifest: String,
    /// File with the checked lines, absolute.
    pub plan: String,
    /// Number of lines.
    pub total: u64,
    /// Limit on booked units in thousandths.
    pub budget: Option<i64>,
    /// Maximum number of videos that are started and have not ended.
    pub window: usize,
    /// Number of events after which it continues as a new run.
    pub events: u32,
    /// Intervals.
    pub pace: Pace,
    /// Byte of the plan at which to read on; none at its end.
    pub offset: Option<u64>,
    /// Lines that were read and not started.
    pub queue: VecDeque<Row>,
    /// Videos that were started and have not ended, by external id.
    pub flying: BTreeMap<String, Flight>,
    /// Booked units of ended videos, in thousandths.
    pub spent: i64,
    /// How many videos ended, and how.
    pub ended: BTreeMap<How, u64>,
    /// Videos without an output; not all, if there are many.
    pub problems: Vec<Problem>,
    /// Whether it was cancelled.
    pub cancelled: bool,
}

/// What `status` shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Manifest.
    pub manifest: String,
    /// Number of lines.
    pub total: u64,
    /// How many ended, and how.
    pub ended: BTreeMap<How, u64>,
    /// Videos that were started and have not ended.
    pub started: usize,
    /// Those of them that somebody has to know of, by external id.
    pub troubles: BTreeMap<String, Flight>,
    /// Videos without an output.
    pub problems: Vec<Problem>,
    /// Booked units of ended videos, in thousandths.
    pub spent: i64,
    /// Reserved units, in thousandths.
    pub reserved: i64,
    /// Limit on both, in thousandths.
    pub budget: Option<i64>,
    /// Why nothing is started, if nothing is.
    pub waits_for: Option<String>,
    /// Whether it was cancelled.
    pub cancelled: bool,
}

/// State of an account: who holds a place, and who waits for one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccountState {
    /// Maximum number of running tasks.
    pub limit: usize,
    /// Videos with a place.
    pub holders: Vec<String>,
    /// Videos that wait for one, in order.
    pub waiting: VecDeque<String>,
    /// Intervals.
    pub pace: Pace,
}
