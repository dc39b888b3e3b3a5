//! Submitting: one POST that costs money and has no idempotency contract, and the task that it made. What an outcome means
//! is decided in `reason.rs`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tracing::Span;
use tracing::field::Empty;

use crate::client::Client;
use crate::clock::{Age, chance};
use crate::error::{Error, ErrorKind, Meaning, Result};
use crate::lookup::{Lookup, NotFound};
use crate::policy;
use crate::request::{AtOnce, Call, Request};
use crate::response::reason::{LOOK, Step};
use crate::response::{Json, Reading, Wanted, at_once};
use crate::span::{self, record, step_span, within};
use crate::task::Task;
use crate::transport::body::Sent;

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadProgress {
    /// The bytes of the body that the network has accepted in the present attempt. Some of them may still be in a buffer of
    /// this machine.
    pub bytes: u64,
    /// The length of the body.
    pub total: u64,
}

/// A submit to be awaited: gives the [`Task`].
///
/// Made by [`Client::submit`]. It can be spawned, joined and timed out.
#[must_use = "a submit does nothing until it is awaited"]
pub struct Submit {
    submitting: BoxFuture<'static, Result<Task>>,
    sent: Arc<Sent>,
    total: u64,
    progress: Option<Box<dyn FnMut(UploadProgress) + Send>>,
    reported: Option<u64>,
}

setters! { Submit {
    /// Calls this whenever the network has accepted more of the body; from the first byte again with each attempt.
    pub on_progress(progress: impl FnMut(UploadProgress) + Send + 'static) => progress = Some(Box::new(progress));
} }

impl Future for Submit {
    type Output = Result<Task>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { submitting, sent, total, progress, reported } = &mut *self;
        if progress.is_some() {
            sent.wake(context.waker());
        }
        let submitted = submitting.as_mut().poll(context);
        let bytes = sent.bytes();
        if let Some(progress) = progress.as_mut().filter(|_| *reported != Some(bytes)) {
            *reported = Some(bytes);
            progress(UploadProgress { bytes, total: *total });
        }
        submitted
    }
}

debug_fields!(Submit, |submit| total: submit.total);

impl Client {
    /// Submits a request: at most one paid POST that could be accepted, ever.
    ///
    /// Only failures that cannot have created a task (a refused connection, a body that was cut, Kling's own limits 1302 and
    /// 1303) are retried, a few times and with the same external id. If a response is lost, the task is looked up by that id
    /// for a minute ([`ClientBuilder::look_up_at`](crate::ClientBuilder::look_up_at)) and returned if it is found.
    ///
    /// Any other 429 is retried only after the same look-ups found no task: gateways try several channels, and respond with
    /// the last one's 429 whatever became of the others. At a gateway that resolves no external ids and has no list, a task
    /// made that way is not found, and a retry may be a double charge. Without an external id such a 429 is ambiguous.
    ///
    /// With an `external_task_id` of your own, a task that is found counts only if it is not older than this submit.
    ///
    /// With [`ClientBuilder::max_running`](crate::ClientBuilder::max_running) it waits for a slot first, and the request
    /// counts as submitted only then.
    ///
    /// Dropping the future does not cancel a task that was made: the API has no cancel. Keep
    /// [`Request::external_task_id`]: [`find_task`](Self::find_task) looks the task up by it.
    ///
    /// # Errors
    /// - [`Rejected`](ErrorKind::Rejected), [`NotSent`](ErrorKind::NotSent): no task, nothing charged;
    ///   [`Error::into_request`] gives the request back.
    /// - [`Ambiguous`](ErrorKind::Ambiguous): a task may exist and be charged.
    ///
    /// ```no_run
    /// # async fn run(client: kling_client::Client, request: kling_client::Request) -> kling_client::Result<()> {
    /// let task = client.submit(request).await?;
    /// println!("task {}", task.id());
    /// let finished = task.wait().await?;
    /// finished.download("cat.mp4").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn submit(&self, request: Request) -> Submit {
        let (client, sent, total) = (self.clone(), Arc::<Sent>::default(), request.body_len());
        let counted = Arc::clone(&sent);
        let submitting = Box::pin(async move { client.submit_request(request, counted).await });
        Submit { submitting, sent, total, progress: None, reported: None }
    }

    async fn submit_request(&self, request: Request, sent: Arc<Sent>) -> Result<Task> {
        let (row, external) = (request.row(), request.external_task_id());
        let generation = span::generation(row.name, None, external);
        let span = generation.in_scope(|| {
            step_span!(
                INFO "kling.submit", row.name, "submit", external_task_id = external,
                attempts = Empty, bytes = Empty, task_id = Empty
            )
        });
        let submitted = within(span.clone(), self.clock(), async {
            let permit = self.running.permit().await;
            let task = self.create(&request, &sent, &span).await?;
            let expected = Some(policy::expected(row.output, request.text("mode"), request.text("duration")));
            Ok(Task { expected, secrets: request.secrets().into(), ..task }.holding(permit))
        })
        .await;
        match submitted {
            Ok(task) => {
                record(&span, "task_id", task.id());
                record(&generation, "task_id", task.id());
                Ok(Task { span: generation, ..task })
            }
            Err(error) => {
                record(&generation, "error", error.kind());
                Err(if error.kind() == ErrorKind::Ambiguous { error } else { error.attach(request) })
            }
        }
    }

    async fn create(&self, request: &Request, sent: &Arc<Sent>, span: &Span) -> Result<Task> {
        let (row, external, secrets) = (request.row(), request.external_task_id(), request.secrets());
        let began = Some(self.clock().now());
        let lookup = external.map(|external| Lookup { row, external, began, secrets: &secrets });
        let moments = &self.shared.look_up_at[..];
        // Whether an attempt may have made a task all the same.
        let mut doubtful = false;
        let (mut attempts, mut waited) = (0, Duration::ZERO);
        loop {
            attempts += 1;
            record(span, "attempts", attempts);
            let task = |reading: Reading, document: &Json, text: &[u8]| reading.task(document, text);
            let posted = self.post(request, sent, &secrets, task).await;
            record(span, "bytes", sent.bytes());
            let error = match posted {
                Ok(info) => {
                    let age = Some(Age::new(self.clock(), Duration::ZERO));
                    return Ok(Task { age, ..Task::found(self.clone(), row, info, external) });
                }
                Err(error) => error.with_ids(None, external),
            };
            let failed_at = self.clock().now();
            if error.evidence().meaning == Meaning::Busy {
                doubtful = true;
                let Some(lookup) = lookup else { return Err(ambiguous(error, NotFound::default())) };
                match self.look_up_at(moments, lookup).await {
                    Ok(task) => return Ok(task),
                    Err(found) if !found.readable && !moments.is_empty() => return Err(ambiguous(error, found)),
                    Err(_) => {}
                }
            }
            if let Some(pause) = self.retry_pause(&error, attempts, waited) {
                // The look-ups took a part of it.
                let spent = self.clock().now().saturating_sub(failed_at);
                self.clock().sleep(pause.saturating_sub(spent)).await;
                waited += pause;
                continue;
            }
            // What was sent before may be why it is refused now: code 1201 also says that the external id exists.
            let is_duplicate = doubtful && error.code() == Some("1201");
            let moments = match error.kind() {
                ErrorKind::Ambiguous => moments,
                ErrorKind::Rejected if is_duplicate && !moments.is_empty() => moments,
                ErrorKind::Rejected if attempts > 1 && !error.is_retryable() => &[Duration::ZERO],
                _ => return Err(error),
            };
            let Some(lookup) = lookup else { return Err(error) };
            return match self.look_up_at(moments, lookup).await {
                Ok(task) => Ok(task),
                Err(found) if error.kind() == ErrorKind::Ambiguous || is_duplicate && !found.readable => {
                    Err(ambiguous(error, found))
                }
                Err(found) if is_duplicate => Err(error.and_message(&found.tried)),
                Err(_) => Err(error),
            };
        }
    }

    fn retry_pause(&self, error: &Error, attempts: u32, waited: Duration) -> Option<Duration> {
        // The API said that it is too busy: a retry at once does not change that. (A request that did not arrive may pass.)
        let is_busy = error.kind() == ErrorKind::Rejected;
        let random = chance(self.clock());
        let pause = self.shared.retry.pause(attempts, waited, error.retry_after(), is_busy, random);
        pause.filter(|_| error.is_retryable())
    }

    /// One POST, and what is expected in its response.
    async fn post<T>(
        &self,
        request: &Request,
        sent: &Arc<Sent>,
        secrets: &[String],
        take: impl FnMut(Reading, &Json, &[u8]) -> Option<T>,
    ) -> Result<T> {
        let (row, wanted) = (request.row(), Wanted::Created(request.external_task_id()));
        let outcome = self.send(self.shared.post, Some((request.body(), Arc::clone(sent))), row.create).await;
        self.read(Step::Submit, row, outcome, wanted, secrets, take)
    }

    /// Sends a request that is answered at once: one POST, which is retried only if no response can have been made.
    ///
    /// # Errors
    /// [`Rejected`](ErrorKind::Rejected), [`NotSent`](ErrorKind::NotSent): nothing charged.
    /// [`Ambiguous`](ErrorKind::Ambiguous): the response was lost. There is no id to look it up by, and it may be charged.
    /// [`TaskFailed`](ErrorKind::TaskFailed): the API accepted the request and failed.
    pub async fn call<T: AtOnce>(&self, call: Call<T>) -> Result<T::Response> {
        let request = call.request;
        let (row, secrets, sent) = (request.row(), request.secrets(), Arc::<Sent>::default());
        let span = step_span!(INFO "kling.call", row.name, "submit");
        within(span, self.clock(), async {
            let (mut attempts, mut waited) = (0, Duration::ZERO);
            loop {
                attempts += 1;
                let content = |reading: Reading, document: &Json, text: &[u8]| {
                    let own = self.auth.secrets();
                    let hidden: Vec<_> = secrets.iter().chain(&own).map(String::as_str).collect();
                    at_once(document, text, &hidden).filter(|_| reading.clean)
                };
                let error = match self.post(&request, &sent, &secrets, content).await {
                    Ok(read) => return read.map_err(|error| error.with_operation(row.name)),
                    Err(error) if error.evidence().meaning == Meaning::Busy => {
                        return Err(ambiguous(error, NotFound::default()));
                    }
                    Err(error) => error,
                };
                let Some(pause) = self.retry_pause(&error, attempts, waited) else { return Err(error) };
                self.clock().sleep(pause).await;
                waited += pause;
            }
        })
        .await
    }
}

/// The error of a submit that may have made a task, for all that look-ups found.
fn ambiguous(error: Error, found: NotFound) -> Error {
    let (external, after) = (error.external_task_id().map(str::to_owned), error.retry_after());
    let hint = match (error.kind(), &external) {
        (ErrorKind::Ambiguous, _) => error.hint().unwrap_or(LOOK).to_owned(),
        (_, Some(_)) => LOOK.to_owned(),
        (_, None) => {
            "a task may exist and be charged: check the gateway's own list; only with an external task id can it be looked up \
             here"
                .to_owned()
        }
    };
    error
        .with_kind(ErrorKind::Ambiguous)
        .with_ids(found.undated.as_deref(), external.as_deref())
        .with_retry(false, after)
        .with_hint(hint)
        .and_message(&found.tried)
}
