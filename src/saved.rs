//! A task as data: what a process must know of a task to go on with it after a restart.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::address::{base_text, base_url, check_id, fits_path};
use crate::client::Client;
use crate::clock::Age;
use crate::error::{Error, Result, Violation};
use crate::operations::Operation;
use crate::response::TaskStatus;
use crate::task::Task;

/// A task to be stored: made by [`Task::save`] or from columns of your own, taken up by [`Client::resume`].
///
/// It is `Serialize` and `Deserialize`. Its form grows but does not break: fields that a version does not know are
/// ignored, and all but the first three may be missing. It holds no key, no prompt and no signed URL.
///
/// ```no_run
/// # async fn run(client: kling_client::Client, request: kling_client::Request) -> Result<(), Box<dyn std::error::Error>> {
/// let task = client.submit(request).await?;
/// std::fs::write("task.json", serde_json::to_vec(&task.save())?)?;
///
/// // In another process, an hour later:
/// let saved = serde_json::from_slice(&std::fs::read("task.json")?)?;
/// let finished = client.resume(saved)?.wait().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SavedTask {
    /// The operation that made it.
    pub operation: Operation,
    /// The base URL of its client: an id means nothing at another gateway.
    pub base_url: String,
    /// The id that the task is polled by.
    pub task_id: String,
    /// The external task id, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_task_id: Option<String>,
    /// When it was made, in milliseconds since 1970 (UTC), by the clock of the machine that saved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at_ms: Option<u64>,
    /// Its expected time in milliseconds; [`ClientBuilder::expected`](crate::ClientBuilder::expected) overrides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_ms: Option<u64>,
    /// The last status seen, in the API's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl SavedTask {
    /// A task by what must be known of it; the other fields can be set.
    pub fn new(operation: Operation, base_url: impl Into<String>, task_id: impl Into<String>) -> Self {
        Self {
            operation,
            base_url: base_url.into(),
            task_id: task_id.into(),
            external_task_id: None,
            created_at_ms: None,
            expected_ms: None,
            status: None,
        }
    }
}

impl Task {
    /// The task as data, to go on with it after a restart; see [`SavedTask`].
    pub fn save(&self) -> SavedTask {
        let clock = self.client().clock();
        let made = self.age().and_then(|age| clock.wall().checked_sub(age.now(clock)));
        SavedTask {
            operation: self.operation(),
            base_url: self.client().base_url().to_owned(),
            task_id: self.id().to_owned(),
            external_task_id: self.external_task_id().map(str::to_owned),
            created_at_ms: made.and_then(|made| millis(made.duration_since(UNIX_EPOCH).ok()?)),
            expected_ms: millis(self.expected_time()),
            status: self.status().map(ToString::to_string),
        }
    }
}

impl Client {
    /// Takes up a task where [`Task::save`] left it. Sends nothing yet.
    ///
    /// A wait for it goes on as before: no poll before the task can have ended, the first at once if that time is over. It
    /// takes a slot of [`max_running`](crate::ClientBuilder::max_running) if one is free.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if it was saved at another base URL, or its id or operation is none.
    pub fn resume(&self, saved: SavedTask) -> Result<Task> {
        let base = base_url(&saved.base_url, true);
        if base.as_ref() != Ok(&self.shared.base_url) {
            let found = base.map_or_else(|reason| reason, |base| format!("a task of {}", base_text(&base)));
            let expected = format!("a task of {}, the base URL of this client", self.base_url());
            return Err(Error::invalid("resume", vec![Violation::new("base_url", expected, found)])
                .with_ids(Some(&saved.task_id), saved.external_task_id.as_deref())
                .with_hint(
                    "nothing was sent; resume it with a client of its own base URL, or, if both are the same gateway, \
                     use client.task(operation, id)",
                ));
        }
        let clock = self.clock();
        // A date that lies ahead, because a clock was put back, says nothing: such a task is polled at once.
        let made = saved.created_at_ms.and_then(|made| UNIX_EPOCH.checked_add(Duration::from_millis(made)));
        // The server's own id, or else the caller's, must be one to poll by.
        if !fits_path(&saved.task_id) && !saved.external_task_id.as_deref().is_some_and(fits_path) {
            check_id(&saved.task_id)?;
        }
        let task = Task {
            external: saved.external_task_id,
            status: saved.status.as_deref().map(TaskStatus::from),
            age: made.and_then(|made| Age::of(clock, made)),
            expected: saved.expected_ms.map(Duration::from_millis),
            is_known: true,
            ..Task::known_by(self.clone(), saved.operation.row("resume")?, &saved.task_id)
        };
        Ok(task.taken_up().holding(self.running.permit_if_free()))
    }
}

fn millis(time: Duration) -> Option<u64> {
    u64::try_from(time.as_millis()).ok()
}
