//! A task on paper: what a process must know of a task to go on with it after a restart.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::address::{base_url, check_id, fits_path};
use crate::client::Client;
use crate::clock::Age;
use crate::error::{Error, Result, Violation};
use crate::response::TaskStatus;
use crate::task::Task;

/// A task as it is kept over a restart: made by [`Task::save`], taken up by [`Client::resume`].
///
/// It is `Serialize` and `Deserialize`. Its form grows but does not break: fields that a version does not know are
/// ignored, and all but the first two may be missing. It holds no key, no prompt and no signed URL.
///
/// ```no_run
/// # async fn run(client: kling_client::Client, request: kling_client::MultiImageToVideo) -> Result<(), Box<dyn std::error::Error>> {
/// let task = client.submit(&request).await?;
/// std::fs::write("task.json", serde_json::to_vec(&task.save())?)?;
///
/// // In another process, an hour later:
/// let saved = serde_json::from_slice(&std::fs::read("task.json")?)?;
/// let video = client.resume(saved)?.wait().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SavedTask {
    /// Where the client sent its requests: an id means nothing at another gateway.
    pub base_url: String,
    /// The id under which the task is asked for.
    pub task_id: String,
    /// The caller's own id of the task, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_task_id: Option<String>,
    /// When the task was made, in milliseconds since 1970 (UTC), by the clock of the machine that saved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at_ms: Option<u64>,
    /// How long it was expected to take, in milliseconds; counts only for a client that is told of no
    /// [expected](crate::ClientBuilder::expected) time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_ms: Option<u64>,
    /// Where it stood when it was last seen, in the API's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl Task {
    /// What to keep of the task, to go on with it after a restart; see [`SavedTask`].
    pub fn save(&self) -> SavedTask {
        let clock = self.client().clock();
        let made = self.age().and_then(|age| clock.wall().checked_sub(age.now(clock)));
        SavedTask {
            base_url: self.client().base_url().to_owned(),
            task_id: self.id().to_owned(),
            external_task_id: self.external_task_id().map(str::to_owned),
            made_at_ms: made.and_then(|made| millis(made.duration_since(UNIX_EPOCH).ok()?)),
            expected_ms: millis(self.client().expected_of(self)),
            status: self.status().map(ToString::to_string),
        }
    }
}

impl Client {
    /// Takes up a task where [`Task::save`] left it. Asks nothing yet.
    ///
    /// A wait for it goes on as before: no question before the task can have ended, the first at once if that time is
    /// over. It counts among those of [`max_running`](crate::ClientBuilder::max_running) if a place is free.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if it was saved at another base URL, or its id is none.
    pub fn resume(&self, saved: SavedTask) -> Result<Task> {
        let (found, is_here) = match base_url(&saved.base_url) {
            Ok((base, _)) => (format!("a task of {base}"), base == self.base_url()),
            Err(reason) => (reason, false),
        };
        if !is_here {
            let expected = format!("a task of {}, where this client asks", self.base_url());
            return Err(Error::invalid("resume", vec![Violation::new("base_url", expected, found)])
                .with_ids(Some(&saved.task_id), saved.external_task_id.as_deref())
                .with_hint(
                    "nothing was sent; resume it with a client of its own base URL, or, if both are the same gateway, \
                     take client.task(id)",
                ));
        }
        let clock = self.clock();
        // A date that lies ahead, because a clock was put back, says nothing: such a task is asked for at once.
        let made = saved.made_at_ms.and_then(|made| UNIX_EPOCH.checked_add(Duration::from_millis(made)));
        // The server's own id, or else the caller's, must be one to poll by.
        if !fits_path(&saved.task_id) && !saved.external_task_id.as_deref().is_some_and(fits_path) {
            check_id(&saved.task_id)?;
        }
        let task = Task::known_by(self.clone(), &saved.task_id).remembered(
            saved.external_task_id,
            saved.status.as_deref().map(TaskStatus::from),
            made.and_then(|made| Age::of(clock, made)),
            saved.expected_ms.map(Duration::from_millis),
        );
        Ok(task.taken_up().holding(self.permit_if_free()))
    }
}

fn millis(time: Duration) -> Option<u64> {
    u64::try_from(time.as_millis()).ok()
}
