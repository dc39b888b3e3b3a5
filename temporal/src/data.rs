//! What the Temporal server keeps: inputs, outcomes and messages, as JSON. Amounts are thousandths of a unit.
//!
//! A request is named by manifest, line and hash. There is no prompt, image, key or signed URL in any of these types.

use std::collections::{BTreeMap, VecDeque};

use clap::Subcommand;
use kling_cli::batch::State;
use kling_client::{Operation, SavedTask};
use serde::{Deserialize, Serialize};

use crate::decide::Pace;

/// A line of a manifest that was checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// External id of its task, and id of its workflow.
    pub id: String,
    pub line: u64,
    /// Hash of the work.
    pub hash: String,
    pub operation: Operation,
    pub model: String,
    /// File for the output, absolute.
    pub output: String,
    pub estimate: i64,
}

impl Row {
    /// Operation and model, which share a balance.
    pub fn kind(&self) -> String {
        format!("{} {}", self.operation, self.model)
    }
}

/// Input of the workflow of a video.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VideoInput {
    pub row: Row,
    pub manifest: String,
    pub account: String,
    /// Workflow id of its batch.
    pub batch: String,
    pub pace: Pace,
}

/// Input of the activity `submit`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Submit {
    pub video: VideoInput,
    /// First run of the workflow: another one than that of the activity after a reset.
    pub original_run: String,
    /// Number of earlier submits of this video.
    pub earlier: u32,
}

/// Outcome of a submit.
pub type Submitted = Result<SavedTask, NoTask>;

/// Why a submit returned no task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum NoTask {
    /// There is none; retried after a pause of at least so many milliseconds. If that is doubtful, look-ups must not find one. Kling's
    /// own limits pass by themselves.
    Again { least_ms: u64, doubtful: bool, limit: bool, why: String },
    /// Surely none, and none for others: the key, the balance, or the model.
    Halt { model: bool, why: String },
    /// Surely none, because of this request.
    Refused(String),
    /// Outcome unknown.
    Lost(String),
}

impl NoTask {
    /// Nothing was sent.
    pub fn again(why: String) -> Self {
        Self::Again { least_ms: 0, doubtful: false, limit: false, why }
    }
}

/// End of a task: the deducted units, if the API names them, or why it failed.
pub type Polled = Result<Option<i64>, String>;

/// Checked lines, of many, and the byte of the plan at which to read on.
pub type Page = (VecDeque<Row>, Option<u64>);

/// End of a video.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// Delivered; finished, without its output; failed, or refused; dropped before it was submitted; or ambiguous, and given up.
    pub state: State,
    pub task: Option<String>,
    /// Deducted units, if the API names them.
    pub units: Option<i64>,
    pub why: Option<String>,
}

impl Ended {
    /// An end without a task.
    pub fn new(state: State, why: impl Into<Option<String>>) -> Self {
        Self { state, task: None, units: None, why: why.into() }
    }
}

/// Something that a person has to know of a video that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// Outcome unknown; waits for `resolve`.
    Unknown(String),
    /// Nothing is submitted: for its operation and model, or at all.
    Halted { model: bool, why: String },
}

/// Message of a video to its batch: a trouble, that there is none any more, or its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub id: String,
    pub trouble: Option<Trouble>,
    pub ended: Option<Ended>,
}

/// Decision of a person about an unknown outcome.
#[derive(Clone, Debug, Serialize, Deserialize, Subcommand)]
pub enum Resolution {
    /// This task was made
    Task {
        /// Id of the task
        task: String,
    },
    /// No task was made; the gateway's own list of tasks shows it. Submit again: a double charge if it is wrong
    SubmitAgain,
    /// Leave it, with its estimate booked
    GiveUp,
}

/// A video that was started and has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flight {
    pub line: u64,
    /// Operation and model.
    pub kind: String,
    /// Reserved units.
    pub estimate: i64,
    pub trouble: Option<Trouble>,
}

/// State of a batch: its input, what one run hands to the next, and what `status` shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BatchState {
    pub account: String,
    /// Manifest, absolute.
    pub manifest: String,
    /// File with the checked lines, absolute.
    pub plan: String,
    /// Number of lines.
    pub total: u64,
    /// Limit on booked and reserved units.
    pub budget: Option<i64>,
    /// Maximum number of videos that are started and have not ended.
    pub window: usize,
    /// Number of events after which it continues as a new run.
    pub events: u32,
    pub pace: Pace,
    /// Byte of the plan at which to read on; none at its end.
    pub offset: Option<u64>,
    /// Lines that were read and not started.
    pub queue: VecDeque<Row>,
    /// Videos that were started and have not ended, by external id.
    pub flying: BTreeMap<String, Flight>,
    /// Booked units of ended videos.
    pub spent: i64,
    /// How many videos ended, and how.
    pub ended: BTreeMap<State, u64>,
    /// Lines of the videos without an output; not all, if there are many.
    pub problems: Vec<(u64, Ended)>,
    pub cancelled: bool,
}

/// State of an account: who has a place among its running tasks, and who waits for one, in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccountState {
    pub limit: usize,
    pub holders: Vec<String>,
    pub waiting: VecDeque<String>,
    pub pace: Pace,
}
