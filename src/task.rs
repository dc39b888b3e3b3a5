//! The live handle on a task: its ids, the client that can ask about it, and what was last seen of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument as _, Span};

use crate::client::{Asked, Client};
use crate::clock::Age;
use crate::error::Result;
use crate::response::{TaskInfo, TaskStatus};
use crate::running::Permit;
use crate::span::{self, record};
use crate::wait::Wait;

/// A task at the API.
///
/// Dropping it changes nothing at the API, which has no cancel: [`Client::task`] gives a handle again, and after a restart
/// [`Client::resume`] with what [`save`](Self::save) gave. Where [`max_running`](crate::ClientBuilder::max_running) is set,
/// the place that the task holds there returns once it is seen to have ended, or with the last handle on it.
#[derive(Clone)]
pub struct Task {
    client: Client,
    id: Arc<str>,
    external: Option<String>,
    info: Option<Arc<TaskInfo>>,
    /// The status before this process asked.
    status: Option<TaskStatus>,
    age: Option<Age>,
    expected: Option<Duration>,
    permit: Option<Permit>,
    /// Whether the API surely has it: it came of a create, was saved, or was seen.
    is_known: bool,
    /// What its request holds that nobody should see, if this process sent it.
    secrets: Arc<[String]>,
    /// That of its generation.
    span: Span,
}

impl Task {
    pub(crate) fn known_by(client: Client, id: &str) -> Self {
        Self {
            client,
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

    /// The task that this process has just made.
    pub(crate) fn submitted(client: Client, info: TaskInfo, external: Option<&str>) -> Self {
        let age = Some(Age::new(client.clock(), Duration::ZERO));
        Self { age, ..Self::found(client, info, external) }
    }

    /// A task that the API has told of; how old it is stands there, or nowhere.
    pub(crate) fn found(client: Client, info: TaskInfo, external: Option<&str>) -> Self {
        let task = Self::known_by(client, &info.task_id);
        // A gateway that was sent none may have added one.
        let external = external.map(str::to_owned).or_else(|| info.external_task_id.clone());
        Self { external, info: Some(Arc::new(info)), is_known: true, ..task }
    }

    /// The same task with what was known of it before this process asked.
    pub(crate) fn remembered(
        self,
        external: Option<String>,
        status: Option<TaskStatus>,
        age: Option<Age>,
        expected: Option<Duration>,
    ) -> Self {
        Self { external, status, age, expected, is_known: true, ..self }
    }

    /// The same task with what its request holds that nobody should see.
    pub(crate) fn keeping(self, secrets: Arc<[String]>) -> Self {
        Self { secrets, ..self }
    }

    /// The same task with the time that it is expected to take.
    pub(crate) fn expecting(self, expected: Duration) -> Self {
        Self { expected: Some(expected), ..self }
    }

    /// The same task with its place among those that run, which it keeps until it is seen to have ended.
    pub(crate) fn holding(mut self, permit: Option<Permit>) -> Self {
        self.permit = permit.filter(|_| !self.status().is_some_and(TaskStatus::is_final));
        self
    }

    /// The same task with a generation of its own, which begins here.
    pub(crate) fn taken_up(self) -> Self {
        let span = span::generation(Some(&self.id), self.external.as_deref());
        self.within(span)
    }

    /// The same task without what was seen of it, for those who keep many.
    pub(crate) fn unseen(&self) -> Self {
        Self { info: None, ..self.clone() }
    }

    /// The same task, as a part of this generation.
    pub(crate) fn within(self, span: Span) -> Self {
        Self { span, ..self }
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
        self.info.as_deref()
    }

    /// Asks the API where the task stands. Costs nothing.
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected) if the API refuses, [`Network`](crate::ErrorKind::Network) or
    /// [`Answer`](crate::ErrorKind::Answer) if nothing that can be read came back. None of them says that it failed.
    pub async fn refresh(&mut self) -> Result<&TaskInfo> {
        let polled = self.client.get(self.asked(), Duration::MAX).instrument(self.span.clone()).await;
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

    /// Waits for the video; see [`Wait`]. For many tasks see [`Client::wait_all`].
    pub fn wait(&self) -> Wait {
        Wait::new(self)
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
    pub(crate) fn ended(&self) -> Option<&Arc<TaskInfo>> {
        self.info.as_ref().filter(|info| info.is_over())
    }

    /// Whether the API surely has it.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether it is paid, as far as is known: what failed is not.
    pub(crate) fn may_be_paid(&self) -> bool {
        self.is_known && self.status() != Some(&TaskStatus::Failed)
    }

    /// What a poll asks for.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked { id: &self.id, external: self.external.as_deref(), secrets: &self.secrets }
    }

    pub(crate) fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// Gives its place among those that run to the next.
    pub(crate) fn release(&self) {
        if let Some(permit) = &self.permit {
            permit.release();
        }
    }

    /// How long it is expected to take, as far as this task itself says.
    pub(crate) fn expected(&self) -> Option<Duration> {
        self.expected
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

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id)
            .field("external_task_id", &self.external)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
