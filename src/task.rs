//! The handle on a task: its operation and ids, the client that queries it, and what was last seen of it.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument as _, Span};

use crate::address::check_id;
use crate::client::{Client, Target};
use crate::clock::Age;
use crate::error::Result;
use crate::operations::Operation;
use crate::policy;
use crate::response::{TaskInfo, TaskStatus};
use crate::row::Row;
use crate::running::Permit;
use crate::span::{self, record};

/// A task at the API, of any operation.
///
/// Dropping it changes nothing at the API, which has no cancel: [`Client::task`] gives a handle again, and after a restart
/// [`Client::resume`] with what [`save`](Self::save) gave. Where [`max_running`](crate::ClientBuilder::max_running) is set,
/// its slot is free again once the task is seen to have ended, or with the last handle on it.
#[derive(Clone)]
pub struct Task {
    pub(crate) client: Client,
    pub(crate) row: &'static Row,
    pub(crate) id: Arc<str>,
    pub(crate) external: Option<String>,
    pub(crate) info: Option<Arc<TaskInfo>>,
    /// The status before this process polled it.
    pub(crate) status: Option<TaskStatus>,
    pub(crate) age: Option<Age>,
    pub(crate) expected: Option<Duration>,
    pub(crate) permit: Option<Permit>,
    /// Whether the API has it for sure: it came of a create, was saved, or was seen.
    pub(crate) is_known: bool,
    /// The texts of its request that nobody else should see, if this process sent it.
    pub(crate) secrets: Arc<[String]>,
    /// That of its generation.
    pub(crate) span: Span,
}

impl Task {
    pub(crate) fn known_by(client: Client, row: &'static Row, id: &str) -> Self {
        Self {
            client,
            row,
            id: id.into(),
            external: None,
            info: None,
            status: None,
            age: None,
            expected: None,
            permit: None,
            is_known: false,
            secrets: Arc::default(),
            span: Span::none(),
        }
    }

    /// A task that the API described; its age stands there, or nowhere.
    pub(crate) fn found(client: Client, row: &'static Row, info: TaskInfo, external: Option<&str>) -> Self {
        let task = Self::known_by(client, row, &info.task_id);
        // A gateway that was sent none may have added one.
        let external = external.map(str::to_owned).or_else(|| info.external_task_id.clone());
        Self { external, info: Some(Arc::new(info)), is_known: true, ..task }
    }

    /// The same task with its slot among those that run, which it keeps until it is seen to have ended.
    pub(crate) fn holding(mut self, permit: Option<Permit>) -> Self {
        self.permit = permit.filter(|_| !self.status().is_some_and(TaskStatus::is_final));
        self
    }

    /// The same task with a generation of its own, which begins here.
    pub(crate) fn taken_up(self) -> Self {
        let span = span::generation(self.row.name, Some(&self.id), self.external.as_deref());
        Self { span, ..self }
    }

    /// The same task without what was seen of it, for those who keep many.
    pub(crate) fn unseen(&self) -> Self {
        Self { info: None, ..self.clone() }
    }

    /// The operation that made it.
    pub fn operation(&self) -> Operation {
        self.row.name.into()
    }

    /// The id that it is polled by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The external task id, if one is known.
    pub fn external_task_id(&self) -> Option<&str> {
        self.external.as_deref()
    }

    /// The last response about the task; none before the first.
    pub fn info(&self) -> Option<&TaskInfo> {
        self.info.as_deref()
    }

    /// Polls the task once. Costs nothing.
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected) if the API refuses, [`Network`](crate::ErrorKind::Network) or
    /// [`UnexpectedResponse`](crate::ErrorKind::UnexpectedResponse) without a readable response. None of them means that
    /// the task failed.
    pub async fn refresh(&mut self) -> Result<&TaskInfo> {
        let polled = self.client.get(self.target(), Duration::MAX).instrument(self.span.clone()).await;
        let info = polled.map_err(|error| error.of_paid(self.may_be_paid()))?.after(self.status());
        self.is_known = true;
        record(&self.span, "status", &info.status);
        if info.external_task_id.is_some() {
            self.external.clone_from(&info.external_task_id);
        }
        if info.status.is_final() {
            self.release();
        }
        Ok(self.info.insert(Arc::new(info)))
    }

    /// Where the task stood when it was last seen, be it before a restart.
    pub(crate) fn status(&self) -> Option<&TaskStatus> {
        self.info.as_ref().map(|info| &info.status).or(self.status.as_ref())
    }

    /// How old the task is, as far as can be known.
    pub(crate) fn age(&self) -> Option<Age> {
        self.age.or_else(|| {
            let info = self.info.as_ref()?;
            Age::of(self.client.clock(), info.created_at.or(info.updated_at)?)
        })
    }

    /// The task, if it was seen to have ended with all that is to come of it.
    pub(crate) fn final_info(&self) -> Option<&Arc<TaskInfo>> {
        self.info.as_ref().filter(|info| info.is_over())
    }

    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether it is paid, as far as is known: what failed is not.
    pub(crate) fn may_be_paid(&self) -> bool {
        self.is_known && self.status() != Some(&TaskStatus::Failed)
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target { row: self.row, id: &self.id, external: self.external.as_deref(), secrets: &self.secrets }
    }

    pub(crate) fn row(&self) -> &'static Row {
        self.row
    }

    pub(crate) fn secrets(&self) -> &[String] {
        &self.secrets
    }

    pub(crate) fn release(&self) {
        if let Some(permit) = &self.permit {
            permit.release();
        }
    }

    /// Its expected time: the client's setting, else what is known of this task, else what is usual for its output.
    pub(crate) fn expected_time(&self) -> Duration {
        let usual = || policy::expected(self.row.output, None, None);
        self.client.shared.expected.or(self.expected).unwrap_or_else(usual)
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn shared_id(&self) -> &Arc<str> {
        &self.id
    }
}

impl Client {
    /// A handle on a task by its operation and its id, or by its `external_task_id` where the gateway resolves it. Sends
    /// nothing yet.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the id is empty or could change the path of a request, or the operation is
    /// unknown.
    pub fn task(&self, operation: Operation, id: impl Into<String>) -> Result<Task> {
        let (row, id) = (operation.row("task")?, id.into());
        check_id(&id)?;
        Ok(Task::known_by(self.clone(), row, &id).taken_up())
    }
}

debug_fields!(Task, |task|
    operation: task.row,
    id: task.id,
    external_task_id: task.external,
    status: task.status()
);
