//! The paid request: one POST, and what its outcome means.
//!
//! A create costs money and has no idempotency contract, so it is sent once. What came of it is decided by one pure
//! function over two things: how much of the body was handed over, and what came back. A request that was not handed
//! over whole made no task; a refusal that says so made none; all else may have.

use http::StatusCode;

use crate::answer::{Envelope, TaskInfo};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result, Violation, shown};
use crate::generated::types;
use crate::hooks::{Answer, Failure, Outcome};
use crate::request::MultiImageToVideo;
use crate::task::Task;
use crate::upload::Handed;

impl Client {
    /// Submits a request: one paid POST, never two.
    ///
    /// Dropping the future does not cancel a task that was made: the API has no cancel.
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
        const SUBMIT: &str = "submit";
        let external = request.external_task_id();
        let other = |reason: &dyn std::fmt::Display| Error::new(ErrorKind::Other, SUBMIT, reason.to_string());
        let segments = request.segments().map_err(|e| other(&e))?;
        if !request.buy() {
            let found = Violation::new("request", "a request not submitted before", "one that was");
            return Err(Error::invalid(SUBMIT, vec![found])
                .with_ids(None, external)
                .with_hint("nothing was sent; request.again() makes a new purchase of it"));
        }
        let call = self.post_call().with_body(segments);
        let raw = self.generated(&call);
        let sent = raw.create_multi_image_to_video().body_map(|body| typed(request, body)).send().await;
        let outcome = call.outcome(&sent);
        let secrets = [self.key(), &request.fields().prompt];
        match judge(&outcome) {
            Verdict::Task(info) => Ok(Task::submitted(self.clone(), *info, request)),
            verdict => Err(explain(SUBMIT, verdict, &outcome, &secrets).with_ids(None, external)),
        }
    }
}

/// What the outcome of a paid POST means.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// A task was made.
    Task(Box<TaskInfo>),
    /// The API refused: there is none.
    Refused,
    /// The API never had the whole request: there is none.
    NotSent,
    /// There may be one.
    Unknown,
}

fn judge(outcome: &Outcome) -> Verdict {
    let answer = match &outcome.result {
        Err(_) if outcome.handed != Handed::All => return Verdict::NotSent,
        Err(_) => return Verdict::Unknown,
        Ok(answer) => answer,
    };
    let envelope = Envelope::read(&answer.body);
    if refuses(answer.status, &envelope) {
        return Verdict::Refused;
    }
    match envelope.is_ok().then(|| envelope.task()).flatten() {
        Some(info) if answer.status.is_success() => Verdict::Task(Box::new(info)),
        _ if outcome.handed != Handed::All => Verdict::NotSent,
        _ => Verdict::Unknown,
    }
}

/// Whether an answer says that the API refused what was asked: by its code, or by a status that means so.
fn refuses(status: StatusCode, envelope: &Envelope) -> bool {
    match envelope.code.as_deref().and_then(|code| code.parse::<u32>().ok()) {
        Some(0) => false,
        Some(1000..=1999) => true,
        Some(5000..=5999) => false,
        _ => status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT,
    }
}

/// What came of a request that costs nothing.
pub(crate) fn read<T>(
    client: &Client,
    operation: &'static str,
    outcome: Outcome,
    id: Option<&str>,
    take: impl FnOnce(Envelope) -> Option<T>,
) -> Result<T> {
    if let Ok(answer) = &outcome.result {
        let envelope = Envelope::read(&answer.body);
        if answer.status.is_success()
            && envelope.is_ok()
            && let Some(taken) = take(envelope)
        {
            return Ok(taken);
        }
    }
    let refused = matches!(&outcome.result, Ok(answer) if refuses(answer.status, &Envelope::read(&answer.body)));
    let mut error =
        explain(operation, if refused { Verdict::Refused } else { Verdict::Unknown }, &outcome, &[client.key()]);
    if !refused {
        let kind = if outcome.result.is_ok() { ErrorKind::Answer } else { ErrorKind::Network };
        error = error.of_kind(kind).with_hint("nothing was changed; ask again");
    }
    Err(error.with_ids(id, None))
}

/// The error for an outcome, in the API's words where it gave any.
fn explain(operation: &'static str, verdict: Verdict, outcome: &Outcome, secrets: &[&str]) -> Error {
    let (kind, hint) = match verdict {
        Verdict::Refused => (ErrorKind::Rejected, "no task was made, nothing is charged"),
        Verdict::NotSent => {
            (ErrorKind::NotSent, "no task was made, nothing is charged; build the request again to retry")
        }
        Verdict::Unknown | Verdict::Task(_) => (
            ErrorKind::Ambiguous,
            "a task may exist and be charged; look for it among the account's tasks before paying again",
        ),
    };
    match &outcome.result {
        Ok(answer) => {
            let envelope = Envelope::read(&answer.body);
            let message = envelope.message.as_deref().map(|message| shown(message, secrets));
            let message = message.unwrap_or_else(|| unread(answer));
            let code = envelope.code.map(|code| shown(&code, secrets));
            let request_id = envelope.request_id.map(|id| shown(&id, secrets));
            Error::new(kind, operation, message).with_answer(answer.status.as_u16(), code, request_id)
        }
        Err(failure) => {
            let error = Error::new(kind, operation, failure.to_string());
            match failure {
                Failure::Transport(source) => error.with_source(shown(&source.to_string(), secrets)),
                _ => error,
            }
        }
    }
    .with_hint(hint)
}

fn unread(answer: &Answer) -> String {
    let kind = answer.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let place = answer.url.host_str().unwrap_or_default();
    format!("{place} answered {} bytes of {} without a task or a message", answer.body.len(), kind.unwrap_or("no type"))
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
    use super::*;
    use crate::hooks::Outcome;

    fn answered(handed: Handed, status: u16, body: &str) -> Verdict {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: http::HeaderMap::new(),
            url: "https://gateway.example/".parse().unwrap(),
            body: body.to_owned().into(),
        };
        judge(&Outcome { handed, result: Ok(answer) })
    }

    #[test]
    fn what_came_back_decides_whether_a_task_may_exist() {
        let all = Handed::All;
        let part = Handed::Part(9);
        for (handed, status, body, expected) in [
            (all, 200, r#"{"code":1201,"message":"no"}"#, "Refused"),
            (all, 429, r#"{"code":1303,"message":"busy"}"#, "Refused"),
            (all, 500, r#"{"code":1303,"message":"busy"}"#, "Refused"),
            (all, 401, "", "Refused"),
            (all, 413, "<html>", "Refused"),
            (part, 413, "<html>", "Refused"),
            (all, 400, r#"{"code":5000}"#, "Unknown"),
            (all, 500, r#"{"code":5000}"#, "Unknown"),
            (all, 408, "", "Unknown"),
            (all, 301, "", "Unknown"),
            (all, 307, "", "Unknown"),
            (all, 502, "<html>", "Unknown"),
            (part, 502, "<html>", "NotSent"),
            (part, 301, "", "NotSent"),
            (all, 200, "<html>", "Unknown"),
            (all, 200, "{}", "Unknown"),
            (all, 200, r#"{"code":0,"data":null}"#, "Unknown"),
            (all, 200, r#"{"code":0,"data":[{"task_id":"old"}]}"#, "Unknown"),
            (all, 200, r#"{"code":0,"data":{"task_id":""}}"#, "Unknown"),
            (all, 200, r#"{"code":0,"data":{"task_id":"7","task_status":"submitted"}}"#, "Task"),
            (part, 200, r#"{"code":0,"data":{"task_id":"7","task_status":"submitted"}}"#, "Task"),
        ] {
            let verdict = format!("{:?}", answered(handed, status, body));
            assert!(verdict.starts_with(expected), "{handed:?} {status} {body}: {verdict}");
        }
    }

    #[test]
    fn a_lost_answer_is_ambiguous_only_if_the_last_byte_was_handed_over() {
        let failures: [fn() -> Failure; 4] = [
            || Failure::Stalled(std::time::Duration::from_secs(60)),
            || Failure::Silent(std::time::Duration::from_secs(120)),
            || Failure::TooLarge(1),
            || Failure::Elsewhere,
        ];
        for failure in failures {
            for (handed, expected) in [
                (Handed::Nothing, Verdict::NotSent),
                (Handed::Part(1), Verdict::NotSent),
                (Handed::All, Verdict::Unknown),
            ] {
                assert_eq!(judge(&Outcome { handed, result: Err(failure()) }), expected, "{} {handed:?}", failure());
            }
        }
    }
}
