//! Looking up a task that a create may have made: by its external id, then among the newest tasks of the account.
//!
//! Found is proof, if the task says that the id is ours and is not older than the submit. Not found never is: the gateway
//! may not resolve such ids, or not know the task yet.

use std::time::Duration;

use tracing::field::Empty;
use uuid::Uuid;

use crate::address::check_id;
use crate::client::{Client, Target};
use crate::error::Result;
use crate::operations::Operation;
use crate::response::TaskInfo;
use crate::response::redact::shown;
use crate::row::{Page, Row};
use crate::span::{record, step_span, within};
use crate::task::Task;

/// How many of the newest tasks are looked through: more than one account runs at a time.
const NEWEST: u16 = 30;

/// By how much a task may seem older than the submit that made it: two machines count, and a second may be rounded.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
    pub(crate) row: &'static Row,
    pub(crate) external: &'a str,
    /// When the submit began whose task it is, by the client's clock. Without one any task with the id is meant.
    pub(crate) began: Option<Duration>,
    pub(crate) secrets: &'a [String],
}

enum Found {
    Task(Box<Task>),
    /// No task, as far as the gateway says.
    Nothing,
    /// Only one from before the submit began.
    Older(String),
    /// One that may be from before: the gateway says not when it was made.
    Undated(String),
}

/// Why look-ups gave no task.
#[derive(Debug, Default)]
pub(crate) struct NotFound {
    /// What was tried, as the end of a message.
    pub(crate) tried: String,
    /// Whether the last of them had a readable response: no task as far as the gateway knows.
    pub(crate) readable: bool,
    /// The task that may be the wanted one.
    pub(crate) undated: Option<String>,
}

impl Client {
    /// Looks up a task by its operation and its `external_task_id`, by one query and, where the gateway has it, one list.
    ///
    /// Any task with that id is returned. That none is found does not prove that there is none: the gateway may not resolve
    /// such ids, or the task may not be visible yet. Costs nothing, and submits nothing.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for an empty id or an unknown operation; otherwise the error of the query, if
    /// neither it nor the list had a readable response.
    pub async fn find_task(&self, operation: Operation, external_task_id: &str) -> Result<Option<Task>> {
        let row = operation.row("find_task")?;
        check_id(external_task_id)?;
        let lookup = Lookup { row, external: external_task_id, began: None, secrets: &[] };
        match self.look_up(lookup).await? {
            Found::Task(task) => Ok(Some(task.taken_up().holding(self.running.permit_if_free()))),
            _ => Ok(None),
        }
    }

    async fn look_up(&self, lookup: Lookup<'_>) -> Result<Found> {
        let Lookup { row, external, .. } = lookup;
        let span =
            step_span!(INFO "kling.find_task", row.name, "find_task", external_task_id = external, task_id = Empty);
        within(span.clone(), self.clock(), async {
            let found = self.query_and_list(lookup).await?;
            if let Found::Task(task) = &found {
                record(&span, "task_id", task.id());
            }
            Ok(found)
        })
        .await
    }

    async fn query_and_list(&self, lookup: Lookup<'_>) -> Result<Found> {
        let Lookup { row, external, secrets, .. } = lookup;
        let target = Target { row, id: external, external: Some(external), secrets };
        let queried = match self.get(target, Duration::MAX).await {
            Ok(info) => Ok(self.weigh(info, lookup)),
            Err(error) if error.is_not_known() => Ok(Found::Nothing),
            Err(error) => Err(error),
        };
        if let Ok(Found::Task(_) | Found::Undated(_)) = queried {
            return queried;
        }
        // A gateway that takes an id twice may have responded with the first task of two.
        let newest = self.list_page(row, Page { number: 1, size: NEWEST }).await.map(|tasks| {
            let mut found = tasks.into_iter().map(|info| self.weigh(info, lookup));
            found.find(|found| matches!(found, Found::Task(_) | Found::Undated(_)))
        });
        match (newest, queried) {
            (Ok(Some(found)), _) => Ok(found),
            (Ok(None), Err(_)) => Ok(Found::Nothing),
            (Err(error), Ok(Found::Older(_))) => Err(error),
            (_, queried) => queried,
        }
    }

    /// Whether a task is the wanted one.
    fn weigh(&self, info: TaskInfo, lookup: Lookup<'_>) -> Found {
        if info.external_task_id.as_deref() != Some(lookup.external) {
            return Found::Nothing;
        }
        // An id that was minted for this request was never used before.
        if let Some(began) = lookup.began.filter(|_| Uuid::try_parse(lookup.external).is_err()) {
            let longest = self.clock().now().saturating_sub(began) + TOLERANCE;
            match info.since(info.created_at) {
                Some(age) if age > longest => return Found::Older(info.task_id),
                Some(_) => {}
                None => return Found::Undated(info.task_id),
            }
        }
        Found::Task(Box::new(Task::found(self.clone(), lookup.row, info, Some(lookup.external))))
    }

    /// Looks a task up at each of these moments, counted from now; gives it, or says what was tried.
    pub(crate) async fn look_up_at(&self, moments: &[Duration], lookup: Lookup<'_>) -> Result<Task, NotFound> {
        let mut before = Duration::ZERO;
        let mut last = Ok(Found::Nothing);
        for &moment in moments {
            self.clock().sleep(moment.saturating_sub(before)).await;
            before = moment;
            last = self.look_up(lookup).await;
            match last {
                Ok(Found::Task(task)) => return Ok(*task),
                Ok(Found::Undated(_)) => break,
                _ => {}
            }
        }
        let times = format!("looked it up {} times within {before:?}", moments.len());
        let (tried, readable, undated) = match last {
            _ if moments.is_empty() => Default::default(),
            Ok(Found::Older(id)) => (format!("; an older task, {}, has this external id", shown(&id, &[])), true, None),
            Ok(Found::Undated(id)) => {
                let shown = shown(&id, &[]);
                let tried = format!("; task {shown} has this external id and no date that shows whether it is older");
                (tried, false, Some(id))
            }
            Ok(_) => (format!("; {times} and did not find it"), true, None),
            Err(error) => (format!("; {times}, and the last look-up failed ({})", error.kind()), false, None),
        };
        Err(NotFound { tried, readable, undated })
    }
}
