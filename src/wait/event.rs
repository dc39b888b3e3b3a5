//! What a wait reports: its events, and the finished task that they end with.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::response::{Output, TaskInfo};
use crate::task::Task;

/// An event of a wait.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitEvent {
    /// The status of the task differs from that of the poll before.
    Changed(TaskInfo),
    /// The task is still running.
    Running {
        /// The time since the wait began.
        elapsed: Duration,
        /// The time from submit to end that was expected.
        expected: Duration,
    },
    /// A poll failed; the task goes on, and so does the wait.
    PollFailed(Error),
    /// The task has ended with its outputs.
    Done(FinishedTask),
}

/// A task that succeeded, with its outputs.
#[derive(Debug, Clone)]
pub struct FinishedTask {
    pub(crate) task: Task,
    pub(crate) info: Arc<TaskInfo>,
}

impl FinishedTask {
    /// The task as it ended.
    pub fn info(&self) -> &TaskInfo {
        &self.info
    }

    /// Returns the outputs, at least one of the kind that the operation makes.
    pub fn outputs(&self) -> &[Output] {
        &self.info.outputs
    }

    /// Returns the videos among the outputs.
    pub fn videos(&self) -> impl Iterator<Item = &Output> {
        self.info.videos()
    }

    /// Returns the images among the outputs.
    pub fn images(&self) -> impl Iterator<Item = &Output> {
        self.info.images()
    }

    /// Returns the audio outputs.
    pub fn audios(&self) -> impl Iterator<Item = &Output> {
        self.info.audios()
    }
}
