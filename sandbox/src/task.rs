//! A task from its create to its end. A [`TaskPlan`] decides its course when it is made; its status at any moment is a pure
//! function of that plan and of the time passed. [`Tasks`] is the ledger: it finds tasks by either of their ids.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use crate::operations::Row;
use crate::outputs::OutputKind;

/// Course of a task; every time counts from its create.
///
/// ```
/// use kling_sandbox::{TaskPlan, TaskStatus};
/// use std::time::Duration;
///
/// let plan = TaskPlan::over(Duration::from_secs(240)).fail("Image pixel is invalid");
/// assert_eq!(plan.status_after(Duration::from_secs(47)), TaskStatus::Submitted);
/// assert_eq!(plan.status_after(Duration::from_secs(48)), TaskStatus::Processing);
/// assert_eq!(plan.status_after(Duration::from_secs(240)), TaskStatus::Failed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPlan {
    /// When the task changes from submitted to processing.
    pub processing_after: Duration,
    /// When the task ends. A task whose end is not after `processing_after` is never seen processing.
    pub done_after: Duration,
    /// How it ends.
    pub outcome: Outcome,
    /// How long after the end a success is reported without its outputs: some gateways copy them first.
    pub output_after: Duration,
    /// The outputs of a success, in order. Default: one, of the operation's kind.
    pub outputs: Option<Vec<OutputKind>>,
}

/// How a task ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With its outputs.
    Succeed,
    /// With this text in `task_status_msg`.
    Fail(String),
}

/// Status of a task, in the API's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// Accepted, and waiting.
    Submitted,
    /// In progress.
    Processing,
    /// Done, with its outputs.
    Succeed,
    /// Done, without outputs.
    Failed,
}

/// Entry of the sandbox's ledger: a task that was made, and is charged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskEntry {
    /// The API's id: 18 decimal digits.
    pub id: String,
    /// Path of its operation below `/v1/`: `videos/text2video`.
    pub operation: &'static str,
    /// The caller's id, if the request has one.
    pub external_id: Option<String>,
    /// Its status now.
    pub status: TaskStatus,
    /// Its price, as `final_unit_deduction` reports it after success. The price list is the sandbox's own.
    pub units: String,
}

impl TaskPlan {
    /// A task that succeeds after this time, the first fifth of which it waits. [`Duration::MAX`] never comes.
    pub fn over(task_time: Duration) -> Self {
        Self {
            processing_after: task_time / 5,
            done_after: task_time,
            outcome: Outcome::Succeed,
            output_after: Duration::ZERO,
            outputs: None,
        }
    }

    /// The same plan with these outputs, whatever the operation makes. None at all is a success without an output.
    ///
    /// ```
    /// use kling_sandbox::{OutputKind, TaskPlan};
    /// use std::time::Duration;
    ///
    /// let three_images = TaskPlan::over(Duration::ZERO).outputs([OutputKind::Image; 3]);
    /// ```
    pub fn outputs(self, kinds: impl IntoIterator<Item = OutputKind>) -> Self {
        Self { outputs: Some(kinds.into_iter().collect()), ..self }
    }

    /// The same plan, with the outputs so long after the success.
    pub fn output_after(self, time: Duration) -> Self {
        Self { output_after: time, ..self }
    }

    /// The same plan, with a failure at its end.
    pub fn fail(self, message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Fail(message.into()), ..self }
    }

    /// Status of the task when this much time has passed.
    pub fn status_after(&self, elapsed: Duration) -> TaskStatus {
        if elapsed < self.processing_after.min(self.done_after) {
            TaskStatus::Submitted
        } else if elapsed < self.done_after {
            TaskStatus::Processing
        } else {
            match self.outcome {
                Outcome::Succeed => TaskStatus::Succeed,
                Outcome::Fail(_) => TaskStatus::Failed,
            }
        }
    }

    /// When the task's status changes: once or twice.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Duration> + use<> {
        let begins = Some(self.processing_after).filter(|begins| *begins < self.done_after);
        begins.into_iter().chain([self.done_after])
    }

    /// When the task entered the status that it has after this much time: what `updated_at` reports.
    pub(crate) fn changed_at(&self, elapsed: Duration) -> Duration {
        match self.status_after(elapsed) {
            TaskStatus::Submitted => Duration::ZERO,
            TaskStatus::Processing => self.processing_after,
            TaskStatus::Succeed | TaskStatus::Failed => self.done_after,
        }
    }
}

impl TaskStatus {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Processing => "processing",
            Self::Succeed => "succeed",
            Self::Failed => "failed",
        }
    }
}

/// What the API keeps of a request that it accepted.
#[derive(Clone, Debug)]
pub(crate) struct TaskRequest {
    pub external_id: Option<String>,
    pub mode: String,
    pub duration: String,
    pub callback_url: Option<String>,
}

/// A task as the sandbox keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub id: String,
    /// Path of its operation.
    pub operation: &'static str,
    pub outputs: Vec<Output>,
    pub request: TaskRequest,
    pub plan: TaskPlan,
    pub created: Duration,
    /// From when on it can be queried and listed.
    pub visible: Duration,
}

/// An output that a task has once it succeeds.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub kind: OutputKind,
    pub id: String,
}

/// Every task that was made, oldest first.
#[derive(Debug)]
pub(crate) struct Tasks {
    list: Vec<Task>,
    by_id: HashMap<String, usize>,
    by_external_id: HashMap<String, Vec<usize>>,
    /// Whether an external id may be used again; a query then finds its first task.
    duplicates: bool,
    last_id: u64,
}

/// A request whose external id another task has already.
#[derive(Debug)]
pub(crate) struct DuplicateExternalId;

impl TaskRequest {
    /// The price in units. No source has prices; these only have the form of the real ones, and rise with the request.
    pub fn units(&self) -> String {
        let tenths_per_second = match self.mode.as_str() {
            "4k" => 30,
            "pro" => 7,
            _ => 4,
        };
        let tenths = tenths_per_second * self.duration.parse().unwrap_or(5);
        (f64::from(tenths) / 10.0).to_string()
    }

    /// The length of the video in seconds as the API reports it: a little more than requested.
    pub fn video_duration(&self) -> String {
        format!("{}.1", self.duration)
    }
}

impl Task {
    pub fn holds_a_slot(&self, now: Duration) -> bool {
        matches!(self.status(now), TaskStatus::Submitted | TaskStatus::Processing)
    }

    pub fn status(&self, now: Duration) -> TaskStatus {
        self.plan.status_after(now.saturating_sub(self.created))
    }

    /// Whether the outputs of a success can be seen.
    pub fn has_output(&self, now: Duration) -> bool {
        let elapsed = now.saturating_sub(self.created);
        elapsed >= self.plan.done_after.saturating_add(self.plan.output_after)
    }

    pub fn updated(&self, now: Duration) -> Duration {
        self.created.saturating_add(self.plan.changed_at(now.saturating_sub(self.created)))
    }
}

impl Tasks {
    pub fn new(duplicates: bool) -> Self {
        // Ids start at random, so that one sandbox does not know the tasks of another.
        let (random, _) = Uuid::new_v4().as_u64_pair();
        Self {
            list: Vec::new(),
            by_id: HashMap::new(),
            by_external_id: HashMap::new(),
            duplicates,
            last_id: 800_000_000_000_000_000 + random % 90_000_000_000_000_000,
        }
    }

    /// Makes a task, which can be seen after this much time.
    pub fn create(
        &mut self,
        row: &'static Row,
        request: TaskRequest,
        plan: TaskPlan,
        created: Duration,
        hidden_for: Duration,
    ) -> Result<Task, DuplicateExternalId> {
        if let Some(external_id) = &request.external_id {
            let same = self.by_external_id.entry(external_id.clone()).or_default();
            if !self.duplicates && !same.is_empty() {
                return Err(DuplicateExternalId);
            }
            same.push(self.list.len());
        }
        let id = self.next_id();
        let kinds = plan.outputs.clone().unwrap_or_else(|| vec![row.makes]);
        let outputs = kinds.into_iter().map(|kind| Output { kind, id: self.next_id() }).collect();
        let visible = created.saturating_add(hidden_for);
        let task = Task { id, operation: row.path, outputs, request, plan, created, visible };
        self.by_id.insert(task.id.clone(), self.list.len());
        self.list.push(task.clone());
        Ok(task)
    }

    /// Finds a task by its own id, if it can be seen by now.
    pub fn find(&self, id: &str, now: Duration) -> Option<&Task> {
        self.list.get(*self.by_id.get(id)?).filter(|task| task.visible <= now)
    }

    /// Finds the first task of an operation with this id of the caller's, if it can be seen by now.
    pub fn find_external(&self, operation: &str, id: &str, now: Duration) -> Option<&Task> {
        let mut same = self.by_external_id.get(id)?.iter().filter_map(|index| self.list.get(*index));
        same.find(|task| task.operation == operation).filter(|task| task.visible <= now)
    }

    /// The tasks of an operation that can be seen by now.
    pub fn newest_first(&self, operation: &str, now: Duration) -> impl Iterator<Item = &Task> {
        self.list.iter().rev().filter(move |task| task.operation == operation && task.visible <= now)
    }

    pub fn oldest_first(&self) -> impl Iterator<Item = &Task> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Ids grow, with gaps between them, as the API's do.
    fn next_id(&mut self) -> String {
        let (random, _) = Uuid::new_v4().as_u64_pair();
        self.last_id += 1 + random % 1_000_000;
        self.last_id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::ROWS;

    #[test]
    fn the_status_follows_the_plan_to_the_instant() {
        let plan = TaskPlan::over(Duration::from_millis(100));
        let failing = plan.clone().fail("no");
        for (millis, succeeding, with_failure, changed) in [
            (0, TaskStatus::Submitted, TaskStatus::Submitted, 0),
            (19, TaskStatus::Submitted, TaskStatus::Submitted, 0),
            (20, TaskStatus::Processing, TaskStatus::Processing, 20),
            (99, TaskStatus::Processing, TaskStatus::Processing, 20),
            (100, TaskStatus::Succeed, TaskStatus::Failed, 100),
            (90_000, TaskStatus::Succeed, TaskStatus::Failed, 100),
        ] {
            let elapsed = Duration::from_millis(millis);
            assert_eq!(plan.status_after(elapsed), succeeding, "after {millis} ms");
            assert_eq!(failing.status_after(elapsed), with_failure, "after {millis} ms");
            assert_eq!(plan.changed_at(elapsed), Duration::from_millis(changed));
        }
    }

    #[test]
    fn a_plan_whose_end_comes_first_is_never_processing() {
        let plan = TaskPlan { processing_after: Duration::from_secs(9), ..TaskPlan::over(Duration::from_secs(3)) };
        for second in 0..12 {
            let status = plan.status_after(Duration::from_secs(second));
            assert_ne!(status, TaskStatus::Processing, "after {second} s");
        }
    }

    #[test]
    fn each_change_of_a_plan_is_one_that_its_status_shows() {
        for (processing_after, done_after, expected) in
            [(20, 100, &[20, 100][..]), (0, 9, &[0, 9]), (9, 9, &[9]), (9, 3, &[3]), (0, 0, &[0])]
        {
            let [processing_after, done_after] = [processing_after, done_after].map(Duration::from_secs);
            let plan = TaskPlan { processing_after, done_after, ..TaskPlan::over(Duration::ZERO) };
            assert_eq!(plan.changes().map(|change| change.as_secs()).collect::<Vec<_>>(), expected);
            assert!(plan.changes().all(|change| plan.changed_at(change) == change));
        }
    }

    #[test]
    fn a_task_without_end_stays_submitted() {
        let plan = TaskPlan::over(Duration::MAX);
        for century in 0..6 {
            let elapsed = Duration::from_secs(century * 36_525 * 86_400);
            assert_eq!(plan.status_after(elapsed), TaskStatus::Submitted);
        }
    }

    #[test]
    fn ids_are_18_digits_and_never_repeat() {
        let mut tasks = Tasks::new(false);
        let ids: std::collections::HashSet<String> = (0..2000).map(|_| tasks.next_id()).collect();
        assert_eq!(ids.len(), 2000);
        for id in ids {
            assert_eq!(id.len(), 18, "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        }
    }

    #[test]
    fn a_refused_duplicate_leaves_no_trace() {
        let mut tasks = Tasks::new(false);
        let mut create = |row| {
            let external_id = Some("mine".into());
            let request = TaskRequest { external_id, mode: "std".into(), duration: "5".into(), callback_url: None };
            tasks.create(row, request, TaskPlan::over(Duration::ZERO), Duration::ZERO, Duration::ZERO)
        };
        let [row, other, ..] = &ROWS;
        let first = create(row).expect("the first").id;
        assert!(create(row).is_err() && create(other).is_err());
        assert_eq!(tasks.len(), 1);
        let found = |operation| tasks.find_external(operation, "mine", Duration::ZERO).map(|task| task.id.clone());
        assert_eq!((found(row.path), found(other.path)), (Some(first), None));
    }
}
