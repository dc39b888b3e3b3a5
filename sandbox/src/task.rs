//! A task from the order to its end. What becomes of it is written in a [`TaskPlan`] when it is made; its status at any
//! moment is a pure function of that plan and of the time passed. [`Tasks`] is the ledger: it finds tasks by either of
//! their ids, and knows what each one costs.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

/// What will become of a task, counted from the moment it was made.
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
    /// How long after the end a success is reported without its video: some gateways copy it first.
    pub output_after: Duration,
}

/// How a task ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a video.
    Succeed,
    /// With this text in `task_status_msg`.
    Fail(String),
}

/// Where a task stands, in the API's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// Accepted, and waiting.
    Submitted,
    /// Being worked on.
    Processing,
    /// Done, with a video.
    Succeed,
    /// Done, without one.
    Failed,
}

/// One line of the sandbox's ledger: a task that was made, and is charged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskEntry {
    /// The API's id: 18 decimal digits.
    pub id: String,
    /// The caller's id, if the order had one.
    pub external_id: Option<String>,
    /// Where the task stands now.
    pub status: TaskStatus,
    /// What the order costs, as `final_unit_deduction` reports it after success. The price list is the sandbox's own.
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
        }
    }

    /// The same plan, with the video so long after the success.
    pub fn output_after(self, time: Duration) -> Self {
        Self { output_after: time, ..self }
    }

    /// The same plan, with a failure at its end.
    pub fn fail(self, message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Fail(message.into()), ..self }
    }

    /// Where the task stands when this much time has passed.
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

/// What the API keeps of an order that it accepted.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub external_id: Option<String>,
    pub mode: String,
    pub duration: String,
    pub callback_url: Option<String>,
}

/// A task as the sandbox keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub id: String,
    pub video_id: String,
    pub order: Order,
    pub plan: TaskPlan,
    pub created: Duration,
    /// From when on it can be queried and listed.
    pub visible: Duration,
}

/// Every task that was made, oldest first.
#[derive(Debug)]
pub(crate) struct Tasks {
    list: Vec<Task>,
    by_id: HashMap<String, usize>,
    by_external_id: HashMap<String, usize>,
    /// Whether an external id may be used again; a query then finds its first task.
    duplicates: bool,
    last_id: u64,
}

/// An order whose external id another task has already.
#[derive(Debug)]
pub(crate) struct DuplicateExternalId;

impl Order {
    /// The cost in units. No source tells prices; these only have the form of the real ones, and rise with the order.
    pub fn units(&self) -> &'static str {
        match (self.mode.as_str(), self.duration.as_str()) {
            ("pro", "10") => "7",
            ("pro", _) => "3.5",
            (_, "10") => "4",
            _ => "2",
        }
    }

    /// The length of the video in seconds as the API reports it: a little more than was ordered.
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

    /// Whether the video of a success can be seen.
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
        order: Order,
        plan: TaskPlan,
        created: Duration,
        hidden_for: Duration,
    ) -> Result<&Task, DuplicateExternalId> {
        let index = self.list.len();
        if let Some(external_id) = &order.external_id {
            if !self.duplicates && self.by_external_id.contains_key(external_id) {
                return Err(DuplicateExternalId);
            }
            self.by_external_id.entry(external_id.clone()).or_insert(index);
        }
        let visible = created.saturating_add(hidden_for);
        let task = Task { id: self.next_id(), video_id: self.next_id(), order, plan, created, visible };
        self.by_id.insert(task.id.clone(), index);
        Ok(self.list.push_mut(task))
    }

    /// Finds a task by its own id, or, where allowed, by the caller's, if it can be seen by now.
    pub fn find(&self, id: &str, external_ids: bool, now: Duration) -> Option<&Task> {
        let external = || external_ids.then(|| self.by_external_id.get(id)).flatten();
        let index = self.by_id.get(id).or_else(external)?;
        self.list.get(*index).filter(|task| task.visible <= now)
    }

    /// The tasks that can be seen by now.
    pub fn newest_first(&self, now: Duration) -> impl Iterator<Item = &Task> {
        self.list.iter().rev().filter(move |task| task.visible <= now)
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

    fn order(external_id: Option<&str>) -> Order {
        Order {
            external_id: external_id.map(str::to_owned),
            mode: "std".into(),
            duration: "5".into(),
            callback_url: None,
        }
    }

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
        let plan = TaskPlan {
            processing_after: Duration::from_secs(9),
            done_after: Duration::from_secs(3),
            outcome: Outcome::Succeed,
            output_after: Duration::ZERO,
        };
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
        let plan = TaskPlan::over(Duration::ZERO);
        let first =
            tasks.create(order(Some("mine")), plan.clone(), Duration::ZERO, Duration::ZERO).map(|task| task.id.clone());
        assert!(tasks.create(order(Some("mine")), plan, Duration::ZERO, Duration::ZERO).is_err());
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks.find("mine", true, Duration::ZERO).map(|task| task.id.clone()), first.ok());
        assert!(tasks.find("mine", false, Duration::ZERO).is_none());
    }
}
