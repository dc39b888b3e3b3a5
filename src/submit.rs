//! The paid request: one POST, and the task that came of it.
//!
//! A create costs money and has no idempotency contract, so a body that nothing below can send again carries it once. It
//! goes out again only if the outcome says that no task was made and that the reason may pass; an answer that was lost is
//! looked for by the caller's id, never asked for again. What an outcome means is decided in `reason.rs`.

use std::time::Duration;

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::client::Client;
use crate::clock::chance;
use crate::error::{Error, ErrorKind, Meaning, Result, Violation};
use crate::reconcile::{Lookup, NotFound};
use crate::request::MultiImageToVideo;
use crate::response::reason::{LOOK, Operation};
use crate::response::{TaskInfo, Wanted};
use crate::span::{self, record, within};
use crate::task::Task;
use crate::transport::body::Segment;
use crate::transport::generated::types;

impl Client {
    /// Submits a request: at most one paid POST that could be accepted, ever.
    ///
    /// Only what surely made no task (a refused connection, a body that was cut, Kling's own limits 1302 and 1303) is
    /// retried, a few times and with the same id. If a response is lost, the task is looked up by that id for a minute
    /// ([`ClientBuilder::reconcile_at`](crate::ClientBuilder::reconcile_at)) and returned if it is found.
    ///
    /// Any other 429 is retried only after the same look-ups found no task: gateways try several channels, and answer with
    /// the last one's 429 whatever came of the others. At a gateway that resolves no external ids and has no list, a task
    /// made that way is not found, and a retry may be charged again. Without an external id such a 429 is ambiguous.
    ///
    /// With an `external_task_id` of your own, a task that is found counts only if it is not older than this submit.
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
            Ok(task.expecting(self.expected_for(request)).keeping(request.secrets()).holding(permit))
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
        let secrets = request.secrets();
        let lookup = external.map(|external| Lookup { external, began: Some(self.clock().now()), secrets: &secrets });
        // Whether an attempt may have made a task all the same.
        let mut doubtful = false;
        let (mut attempts, mut waited) = (0, Duration::ZERO);
        loop {
            attempts += 1;
            record(span, "attempts", attempts);
            let posted = self.post(request, segments.clone(), &secrets).await;
            record(span, "bytes", request.uploaded());
            let error = match posted {
                Ok(info) => return Ok(Task::submitted(self.clone(), info, external)),
                Err(error) => error.with_ids(None, external),
            };
            let answered = self.clock().now();
            if error.evidence().is_some_and(|evidence| evidence.meaning == Meaning::Busy) {
                doubtful = true;
                let Some(lookup) = lookup else { return Err(ambiguous(error, NotFound::default())) };
                match self.look_up_at(self.reconcile_at(), lookup).await {
                    Ok(task) => return Ok(task),
                    Err(found) if !found.answered && !self.reconcile_at().is_empty() => {
                        return Err(ambiguous(error, found));
                    }
                    Err(_) => {}
                }
            }
            if error.is_retryable() {
                let random = chance(self.clock());
                if let Some(pause) =
                    self.retry_policy().pause(attempts, waited, error.retry_after(), is_busy(&error), random)
                {
                    // The look-ups took a part of it.
                    let spent = self.clock().now().saturating_sub(answered);
                    self.clock().sleep(pause.saturating_sub(spent)).await;
                    waited += pause;
                    continue;
                }
            }
            // What was sent before may be why it is refused now: code 1201 also says that the external id exists.
            let is_duplicate = doubtful && error.code() == Some("1201");
            let moments = match error.kind() {
                ErrorKind::Ambiguous => self.reconcile_at(),
                ErrorKind::Rejected if is_duplicate && !self.reconcile_at().is_empty() => self.reconcile_at(),
                ErrorKind::Rejected if attempts > 1 && !error.is_retryable() => &[Duration::ZERO],
                _ => return Err(error),
            };
            let Some(lookup) = lookup else { return Err(error) };
            return match self.look_up_at(moments, lookup).await {
                Ok(task) => Ok(task),
                Err(found) if error.kind() == ErrorKind::Ambiguous || is_duplicate && !found.answered => {
                    Err(ambiguous(error, found))
                }
                Err(found) if is_duplicate => Err(error.and_tried(&found.tried)),
                Err(_) => Err(error),
            };
        }
    }

    /// One POST, and the task in its response.
    async fn post(&self, request: &MultiImageToVideo, body: Vec<Segment>, secrets: &[String]) -> Result<TaskInfo> {
        let call = self.post_call().with_body(body, request.counter());
        let raw = self.generated(&call);
        let sent = raw.create_multi_image_to_video().body_map(|body| typed(request, body)).send().await;
        let wanted = Wanted::Created(request.external_task_id());
        self.read(Operation::Submit, &call.outcome(&sent), wanted, secrets, |reading, document, text| {
            reading.task(document, text)
        })
    }
}

/// The error of a submit that may have made a task, for all that look-ups found.
fn ambiguous(error: Error, found: NotFound) -> Error {
    let (external, after) = (error.external_task_id().map(str::to_owned), error.retry_after());
    let hint = match (error.kind(), &external) {
        (ErrorKind::Ambiguous, _) => error.hint().unwrap_or(LOOK).to_owned(),
        (_, Some(_)) => LOOK.to_owned(),
        (_, None) => {
            "a task may exist and be charged: look at the gateway's own list; only with an external task id can it be \
                      looked up here"
                .to_owned()
        }
    };
    error
        .of_kind(ErrorKind::Ambiguous)
        .with_ids(found.undated.as_deref(), external.as_deref())
        .with_retry(false, after)
        .with_hint(hint)
        .and_tried(&found.tried)
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
