//! The paid request: one POST, and the task that came of it.
//!
//! A create costs money and has no idempotency contract, so a body that nothing below can send again carries it once. It
//! goes out again only if the outcome says that no task was made and that the reason may pass; an answer that was lost is
//! looked for by the caller's id, never asked for again. What an outcome means is decided in `classify.rs`.

use std::time::Duration;

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::answer::{self, Json, TaskInfo, TaskStatus};
use crate::classify::Operation;
use crate::client::Client;
use crate::clock::chance;
use crate::error::{Error, ErrorKind, Result, Violation};
use crate::generated::types;
use crate::request::MultiImageToVideo;
use crate::span::{self, record, within};
use crate::task::Task;
use crate::upload::Segment;

impl Client {
    /// Submits a request: at most one paid POST that could be accepted, ever.
    ///
    /// Only what surely made no task (a refused connection, a body that was cut, the account's limit on running tasks) is
    /// sent again, a few times and with the same id. If an answer is lost, the task is looked for by that id for a minute
    /// ([`ClientBuilder::reconcile_at`](crate::ClientBuilder::reconcile_at)) and returned if it is found.
    ///
    /// With [`ClientBuilder::max_running`](crate::ClientBuilder::max_running) it waits for a place first, and the request
    /// counts as submitted only then.
    ///
    /// Dropping the future does not cancel a task that was made: the API has no cancel. The id that was minted for it,
    /// [`MultiImageToVideo::external_task_id`], is known before this is called, and [`Client::reconcile`] looks for it.
    ///
    /// # Errors
    /// - [`Invalid`](ErrorKind::Invalid): this request was submitted before; see [`MultiImageToVideo::again`].
    /// - [`Rejected`](ErrorKind::Rejected), [`NotSent`](ErrorKind::NotSent): surely no task, nothing charged.
    /// - [`Ambiguous`](ErrorKind::Ambiguous): a task may exist and be charged.
    ///
    /// ```no_run
    /// # async fn run(client: kling_client::Client, request: kling_client::MultiImageToVideo) -> kling_client::Result<()> {
    /// let task = client.submit(&request).await?;
    /// println!("paid for task {}", task.id());
    /// let video = task.wait().await?;
    /// video.download("cat.mp4").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn submit(&self, request: &MultiImageToVideo) -> Result<Task> {
        let external = request.external_task_id();
        let generation = span::generation(None, external);
        let span = generation.in_scope(|| {
            info_span!(
                "kling.submit",
                operation = "submit",
                external_task_id = external,
                attempts = Empty,
                bytes = Empty,
                task_id = Empty,
                elapsed_ms = Empty,
                error = Empty
            )
        });
        let submitted = within(span.clone(), self.clock(), async {
            let permit = self.permit().await;
            let task = self.purchase(request, &span).await?;
            Ok(task.expecting(self.expected_for(request)).holding(permit))
        })
        .await;
        match submitted {
            Ok(task) => {
                record(&span, "task_id", task.id());
                record(&generation, "task_id", task.id());
                Ok(task.within(generation))
            }
            Err(error) => {
                record(&generation, "error", error.kind());
                Err(error)
            }
        }
    }

    async fn purchase(&self, request: &MultiImageToVideo, span: &Span) -> Result<Task> {
        let operation = Operation::Submit;
        let external = request.external_task_id();
        let segments = request.segments()?;
        if !request.buy() {
            let found = Violation::new("request", "a request not submitted before", "one that was");
            return Err(Error::invalid(operation.name(), vec![found])
                .with_ids(None, external)
                .with_hint("nothing was sent; request.again() makes a new purchase of it"));
        }
        let (mut attempts, mut waited) = (0, Duration::ZERO);
        loop {
            attempts += 1;
            record(span, "attempts", attempts);
            let posted = self.post(request, segments.clone()).await;
            record(span, "bytes", request.uploaded());
            let error = match posted {
                Ok(info) => return Ok(Task::submitted(self.clone(), info, external)),
                Err(error) => error.with_ids(None, external),
            };
            if error.is_retryable() {
                let random = chance(self.clock());
                if let Some(pause) =
                    self.retry_policy().pause(attempts, waited, error.retry_after(), is_busy(&error), random)
                {
                    self.clock().sleep(pause).await;
                    waited += pause;
                    continue;
                }
            }
            return match (error.kind(), external) {
                (ErrorKind::Ambiguous, Some(id)) => {
                    self.reconcile_lost(id).await.map_err(|tried| error.and_tried(&tried))
                }
                // What was sent before, and seemed not to have arrived, may be why it is refused now.
                (ErrorKind::Rejected, Some(id)) if attempts > 1 && matches!(error.http_status(), Some(400..=499)) => {
                    self.look_for(id).await.ok().flatten().ok_or(error)
                }
                _ => Err(error),
            };
        }
    }

    /// One POST, and the task in its answer.
    async fn post(&self, request: &MultiImageToVideo, body: Vec<Segment>) -> Result<TaskInfo> {
        let call = self.post_call().with_body(body, request.counter());
        let raw = self.generated(&call);
        let sent = raw.create_multi_image_to_video().body_map(|body| typed(request, body)).send().await;
        let fields = request.fields();
        let secrets = [Some(&fields.prompt), fields.negative_prompt.as_ref()];
        let secrets: Vec<_> = secrets.into_iter().flatten().map(String::as_str).collect();
        // A task under another id than ours is not the one that was ordered, whatever led to it.
        let ours = |info: &TaskInfo| {
            info.external_task_id.is_none() || info.external_task_id.as_deref() == request.external_task_id()
        };
        let task = |answer: &Json, text: &[u8]| answer::task(answer, text).filter(ours);
        let mut info = self.read(Operation::Submit, &call.outcome(&sent), &secrets, task)?;
        if info.status == TaskStatus::Other(String::new()) {
            info.status = TaskStatus::Submitted;
        }
        Ok(info)
    }
}

/// Whether the API said that it is too busy: one that comes back at once does not change that. (What did not arrive may.)
fn is_busy(error: &Error) -> bool {
    error.kind() == ErrorKind::Rejected && error.is_retryable()
}

/// The request in the generated types: what the document knows of it. The body that is sent is the facade's own; this
/// one proves, when the crate is compiled, that the document still has every field.
fn typed(
    request: &MultiImageToVideo,
    body: types::builder::CreateMultiImageToVideoBody,
) -> types::builder::CreateMultiImageToVideoBody {
    let fields = request.fields();
    let images: Vec<types::CreateMultiImageToVideoBodyImageListItem> = fields
        .image_list
        .iter()
        .filter_map(|reference| {
            let image = reference.image.as_url().unwrap_or_default();
            types::CreateMultiImageToVideoBodyImageListItem::builder().image(image).try_into().ok()
        })
        .collect();
    body.model_name(fields.model_name.as_str())
        .image_list(images)
        .prompt(fields.prompt.as_str())
        .negative_prompt(fields.negative_prompt.clone())
        .mode(fields.mode.as_str())
        .duration(fields.duration.as_str())
        .aspect_ratio(fields.aspect_ratio.as_ref().map(ToString::to_string))
        .callback_url(fields.callback_url.clone())
        .external_task_id(fields.external_task_id.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{AspectRatio, Image, Mode, VideoDuration};

    #[test]
    fn what_the_document_types_and_what_the_facade_sends_are_the_same_json() {
        let base = || MultiImageToVideo::builder().images([Image::url("https://example.com/a.png")]).prompt("x\n\"é");
        for request in [
            base().build(),
            base().without_external_task_id().build(),
            base()
                .negative_prompt("y")
                .mode(Mode::Pro)
                .duration(VideoDuration::TenSeconds)
                .aspect_ratio(AspectRatio::Square)
                .callback_url("https://example.com/told")
                .external_task_id("order-7")
                .build(),
        ] {
            let request = request.unwrap();
            let generated: types::CreateMultiImageToVideoBody = typed(&request, Default::default()).try_into().unwrap();
            let facade: Value = serde_json::from_str(&request.text()).unwrap();
            assert_eq!(serde_json::to_value(generated).unwrap(), facade);
        }
    }
}
