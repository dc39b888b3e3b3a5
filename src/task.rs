//! The live handle on a task: its ids, the client that can ask about it, and what was last seen of it.

use std::fmt;
use std::time::Duration;

use crate::answer::TaskInfo;
use crate::client::Client;
use crate::error::Result;
use crate::wait::Wait;

/// A task at the API.
///
/// Dropping it changes nothing: the API has no cancel, and [`Client::task`] gives a handle again.
#[derive(Clone)]
pub struct Task {
    client: Client,
    id: String,
    external: Option<String>,
    info: Option<TaskInfo>,
    submitted: Option<Duration>,
}

impl Task {
    pub(crate) fn known_by(client: Client, id: String) -> Self {
        Self { client, id, external: None, info: None, submitted: None }
    }

    pub(crate) fn submitted(client: Client, info: TaskInfo, external: Option<&str>) -> Self {
        Self {
            submitted: Some(client.clock().now()),
            id: info.task_id.clone(),
            external: external.map(str::to_owned),
            info: Some(info),
            client,
        }
    }

    /// The id under which this handle asks.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The caller's own id of the task, if one is known.
    pub fn external_task_id(&self) -> Option<&str> {
        self.external.as_deref()
    }

    /// What was last seen of the task; nothing before the first answer.
    pub fn info(&self) -> Option<&TaskInfo> {
        self.info.as_ref()
    }

    /// Asks the API where the task stands. Costs nothing.
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected) if the API refuses, [`Network`](crate::ErrorKind::Network) or
    /// [`Answer`](crate::ErrorKind::Answer) if nothing that can be read came back. None of them says that it failed.
    pub async fn refresh(&mut self) -> Result<&TaskInfo> {
        let info = self.client.get(&self.id).await?;
        if info.external_task_id.is_some() {
            self.external.clone_from(&info.external_task_id);
        }
        Ok(self.info.insert(info))
    }

    /// Waits for the video; see [`Wait`].
    pub fn wait(&self) -> Wait {
        Wait::new(self.clone())
    }

    /// How long ago this handle's submit made the task, if it did.
    pub(crate) fn since_submit(&self) -> Option<Duration> {
        Some(self.client.clock().now().saturating_sub(self.submitted?))
    }

    /// How old the task is, as far as can be known.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.since_submit().or_else(|| {
            let info = self.info.as_ref()?;
            let made = info.created_at.or(info.updated_at);
            let age = made.and_then(|made| self.client.clock().wall().duration_since(made).ok());
            // Without a date it may be of any age: what is known of it is enough to poll steadily.
            Some(age.unwrap_or(Duration::MAX))
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id)
            .field("external_task_id", &self.external)
            .field("status", &self.info.as_ref().map(|info| &info.status))
            .finish_non_exhaustive()
    }
}
