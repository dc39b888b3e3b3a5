//! Looking for a task that may have been made: by the caller's id, then among the account's newest tasks.
//!
//! Found is proof, if the task says that the id is ours. Not found never is: the gateway may not resolve such ids, or not
//! know the task yet.

use std::time::Duration;

use tracing::field::Empty;
use tracing::info_span;

use crate::answer::TaskInfo;
use crate::client::Client;
use crate::error::{ErrorKind, Result};
use crate::span::{record, within};
use crate::task::Task;

/// How many of the newest tasks are looked through: more than one account runs at a time.
const NEWEST: u16 = 30;

impl Client {
    /// Looks for the task of an `external_task_id`, by one query and, where the gateway has it, one list.
    ///
    /// A task found is returned; none found is no proof that there is none. Costs nothing, and submits nothing.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for an empty id; otherwise the error of the query, if neither it nor the
    /// list was answered.
    pub async fn reconcile(&self, external_task_id: &str) -> Result<Option<Task>> {
        let found = self.look_for(external_task_id).await?;
        Ok(found.map(|task| task.taken_up().holding(self.permit_if_free())))
    }

    /// The same within the generation of the submit that lost the task.
    pub(crate) async fn look_for(&self, external_task_id: &str) -> Result<Option<Task>> {
        let span = info_span!(
            "kling.reconcile",
            operation = "reconcile",
            external_task_id,
            task_id = Empty,
            elapsed_ms = Empty,
            error = Empty
        );
        within(span.clone(), self.clock(), async {
            let found = self.looked_for(external_task_id).await?;
            if let Some(task) = &found {
                record(&span, "task_id", task.id());
            }
            Ok(found)
        })
        .await
    }

    async fn looked_for(&self, external_task_id: &str) -> Result<Option<Task>> {
        let is_ours = |info: &TaskInfo| info.external_task_id.as_deref() == Some(external_task_id);
        let found = |info| Task::found(self.clone(), info, Some(external_task_id));
        let unanswered = match self.get(external_task_id, Duration::MAX).await {
            Ok(info) if is_ours(&info) => return Ok(Some(found(info))),
            Ok(_) => None,
            // The API knows of no such task, which is an answer.
            Err(error) if error.kind() == ErrorKind::Rejected && error.is_retryable() => None,
            Err(error) => Some(error),
        };
        match (self.list(1, NEWEST).await, unanswered) {
            (Ok(tasks), _) => Ok(tasks.into_iter().find(is_ours).map(found)),
            (Err(_), None) => Ok(None),
            (Err(_), Some(error)) => Err(error),
        }
    }

    /// Looks for a task at each of the configured moments after its answer was lost; gives it, or says what was tried.
    pub(crate) async fn reconcile_lost(&self, external_task_id: &str) -> Result<Task, String> {
        let moments = self.reconcile_at();
        let mut before = Duration::ZERO;
        let mut last = None;
        for &moment in moments {
            self.clock().sleep(moment.saturating_sub(before)).await;
            before = moment;
            match self.look_for(external_task_id).await {
                Ok(Some(task)) => return Ok(task),
                Ok(None) => {}
                Err(error) => last = Some(error.kind()),
            }
        }
        Err(match (moments.len(), last) {
            (0, _) => String::new(),
            (times, None) => format!("; looked for it {times} times within {before:?} and did not find it"),
            (times, Some(kind)) => format!("; looked for it {times} times within {before:?} in vain (last: {kind})"),
        })
    }
}
