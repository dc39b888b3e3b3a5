//! Errors: what went wrong, whether anything may have been charged, and what to do next.
//!
//! No key, prompt, media or signed URL is in an [`Error`]: text of a server has gone through `redact.rs`.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::response::redact::escaped;
use crate::values::enumeration;

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

enumeration! {
    /// What an [`Error`] means for the caller.
    #[derive(Default)]
    ErrorKind {
        /// The input is invalid; nothing was sent. See [`Error::violations`].
        Invalid = "invalid",
        /// The request did not reach the API whole: no task was made, nothing is charged.
        NotSent = "not_sent",
        /// The API refused: no task was made, nothing is charged.
        Rejected = "rejected",
        /// Outcome unknown: a task may exist and be charged. Look it up before submitting again.
        Ambiguous = "ambiguous",
        /// The task failed, for the reason in the message; see [`Error::info`].
        TaskFailed = "task_failed",
        /// The wait timed out; the task goes on and can be waited for again.
        WaitTimedOut = "wait_timed_out",
        /// A response that cannot be read or states no outcome, such as a success without an output.
        UnexpectedResponse = "unexpected_response",
        /// No response to a request that costs nothing and can be repeated.
        Network = "network",
        /// A problem on this machine: a file, a directory, the configuration of TLS.
        #[default]
        Other = "other",
    }
}

enumeration! {
    /// What the API, or a gateway in front of it, objects to.
    #[derive(Default)]
    Reason {
        /// The key is wrong, missing, expired or of another region.
        Auth = "auth",
        /// The key lacks a permission, or this machine's address is not in the account's allow-list.
        Permission = "permission",
        /// The account has no money left.
        Balance = "balance",
        /// A parameter of the request is invalid; the message names it.
        InvalidRequest = "invalid_request",
        /// The prompt, an image or the output was refused by policy.
        ContentPolicy = "content_policy",
        /// Too many requests.
        RateLimited = "rate_limited",
        /// Too many tasks of the account are running.
        ConcurrencyLimit = "concurrency_limit",
        /// The gateway's channels are full.
        Overloaded = "overloaded",
        /// Kling retired the model.
        ModelRetired = "model_retired",
        /// The gateway has no such model.
        ModelUnavailable = "model_unavailable",
        /// The task or resource is unknown, or not visible yet.
        NotFound = "not_found",
        /// The gateway lacks the operation.
        Unsupported = "unsupported",
        /// The API is under maintenance.
        Maintenance = "maintenance",
        /// An internal error of the API or of a gateway.
        Internal = "internal",
        /// None of these, or not known.
        #[default]
        Unknown = "unknown",
    }
}

/// A part of a request that breaks a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Violation {
    /// Its JSON path: `image_list[2].image`.
    pub path: String,
    /// What is allowed there.
    pub limit: String,
    /// What was given: a length, a size, a type or a short number, never the text itself.
    pub given: String,
}

impl Violation {
    pub(crate) fn new(path: impl Into<String>, limit: impl Into<String>, given: impl Into<String>) -> Self {
        Self { path: path.into(), limit: limit.into(), given: given.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, given {}", self.path, self.limit, self.given)
    }
}

/// A part of a request that is unusual or probably a mistake, and is sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remark {
    /// Its JSON path: `model_name`.
    pub path: String,
    /// What is unusual about it; never a text of the request.
    pub message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Why a call failed.
///
/// ```
/// # fn advise(error: &kling_client::Error) {
/// use kling_client::{ErrorKind, Reason};
///
/// match (error.kind(), error.reason()) {
///     (ErrorKind::Invalid, _) => error.violations().iter().for_each(|v| eprintln!("{v}")),
///     (ErrorKind::Ambiguous, _) => eprintln!("look up {:?} before submitting again", error.external_task_id()),
///     (_, Reason::Balance) => eprintln!("top the account up"),
///     _ => eprintln!("{error}"),
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

#[derive(Default)]
struct Inner {
    kind: ErrorKind,
    step: &'static str,
    operation: Option<&'static str>,
    message: String,
    http_status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    task_id: Option<String>,
    external_task_id: Option<String>,
    violations: Vec<Violation>,
    remarks: Vec<Remark>,
    body: Option<String>,
    retryable: bool,
    retry_after: Option<Duration>,
    hint: Option<String>,
    paid: bool,
    evidence: Evidence,
    source: Option<Box<dyn StdError + Send + Sync>>,
    attached: Vec<Box<dyn Any + Send + Sync>>,
}

/// What a response was classified as, for decisions that need more than the kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) reason: Reason,
    pub(crate) meaning: Meaning,
    /// Whether the body is JSON, as the API's own words are; a proxy's or a limiter's mostly are not.
    pub(crate) is_json: bool,
}

/// What a response without the expected content means.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Refused, no task was made, and the same request will be refused again.
    Never,
    /// Refused, no task was made, and the same request may be accepted later: Kling itself says so.
    Later,
    /// The same in the words of a gateway or a limiter. A gateway that tries several channels gives the last one's words,
    /// whatever became of the request at those before.
    Busy,
    /// The task is unknown, or not visible yet.
    NotKnown,
    /// The gateway does not have the operation.
    Lacking,
    /// Something failed somewhere: whether a task was made is unknown.
    #[default]
    Unknown,
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $of:ty = |$error:ident| $value:expr;)+) => {
        impl Error {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> $of {
                    let $error = &*self.0;
                    $value
                }
            )+
        }
    };
}

accessors! {
    /// What this error means for the caller.
    kind: ErrorKind = |error| error.kind;
    /// What the API objects to; [`Reason::Unknown`] where it gave no known reason.
    reason: Reason = |error| error.evidence.reason;
    /// The step that failed: `build`, `submit`, `get`, `list`, `wait`, `download`, …
    step: &'static str = |error| error.step;
    /// The name of the operation, such as `text2video`, where one is known.
    operation: Option<&'static str> = |error| error.operation;
    /// What happened, in the API's words where it gave any.
    message: &str = |error| &error.message;
    /// The HTTP status of the response, if there was one.
    http_status: Option<u16> = |error| error.http_status;
    /// The API's code: a number such as `1303`, or a gateway's word.
    code: Option<&str> = |error| error.code.as_deref();
    /// The id by which the API's support finds the request.
    request_id: Option<&str> = |error| error.request_id.as_deref();
    /// The task, where one is known.
    task_id: Option<&str> = |error| error.task_id.as_deref();
    /// The external task id, where one was given.
    external_task_id: Option<&str> = |error| error.external_task_id.as_deref();
    /// Every violation, when the kind is [`Invalid`](ErrorKind::Invalid).
    violations: &[Violation] = |error| &error.violations;
    /// What else is unusual about a request that is [`Invalid`](ErrorKind::Invalid), as in
    /// [`Request::remarks`](crate::Request::remarks).
    remarks: &[Remark] = |error| &error.remarks;
    /// What to do next.
    hint: Option<&str> = |error| error.hint.as_deref();
    /// The beginning of the response's body as text, redacted.
    body_snippet: Option<&str> = |error| error.body.as_deref();
    /// The pause that the server asks for (`Retry-After`).
    retry_after: Option<Duration> = |error| error.retry_after;
    /// Whether the same call may succeed later without a double charge.
    ///
    /// True for most failures of a query. For a submit only if no task was made and the reason may pass: the account's
    /// limit on running tasks, say, but not an empty balance, although both are HTTP 429.
    is_retryable: bool = |error| error.retryable;
    /// Whether a task that costs money exists or may exist: after an ambiguous submit, and after every failed poll, wait or
    /// download of a task that was submitted or seen and has not failed.
    may_have_been_charged: bool = |error| error.paid || error.kind == ErrorKind::Ambiguous;
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, step: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, step, message: message.into(), ..Inner::default() }))
    }

    /// Violations in the order of their paths.
    pub(crate) fn invalid(step: &'static str, mut violations: Vec<Violation>) -> Self {
        violations.sort_by(|a, b| a.path.cmp(&b.path));
        let message: Vec<_> = violations.iter().map(ToString::to_string).collect();
        let mut error = Self::new(ErrorKind::Invalid, step, message.join("; "));
        error.0.violations = violations;
        error.with_hint("nothing was sent; fix the input")
    }

    pub(crate) fn with_response(
        mut self,
        status: Option<u16>,
        code: Option<String>,
        request_id: Option<String>,
    ) -> Self {
        (self.0.http_status, self.0.code, self.0.request_id) = (status, code, request_id);
        self
    }

    pub(crate) fn with_retry(mut self, retryable: bool, after: Option<Duration>) -> Self {
        (self.0.retryable, self.0.retry_after) = (retryable, after);
        self
    }

    pub(crate) fn with_ids(mut self, task_id: Option<&str>, external_task_id: Option<&str>) -> Self {
        self.0.task_id = task_id.map(escaped);
        self.0.external_task_id = external_task_id.map(escaped);
        self
    }

    /// Marks an error about a task that is paid, and goes on whatever this error says.
    pub(crate) fn of_paid(mut self, paid: bool) -> Self {
        self.0.paid |= paid;
        self
    }

    /// Whether it says that the API knows of no such task.
    pub(crate) fn is_not_known(&self) -> bool {
        self.evidence().meaning == Meaning::NotKnown || self.code() == Some("1203")
    }

    pub(crate) fn evidence(&self) -> Evidence {
        self.0.evidence
    }

    /// Appends to the message.
    pub(crate) fn and_message(mut self, more: &str) -> Self {
        self.0.message.push_str(more);
        self
    }

    /// Attaches a value of a type that stands above this module.
    pub(crate) fn attach<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.0.attached.push(Box::new(value));
        self
    }

    pub(crate) fn attached<T: Any>(&self) -> Option<&T> {
        self.0.attached.iter().find_map(|value| value.downcast_ref())
    }

    pub(crate) fn into_attached<T: Any>(self) -> Option<T> {
        self.0.attached.into_iter().find_map(|value| (value as Box<dyn Any>).downcast().ok()).map(|value| *value)
    }
}

setters! { Error {
    pub(crate) with_kind(kind: ErrorKind) => 0.kind = kind;
    pub(crate) with_operation(operation: &'static str) => 0.operation = Some(operation);
    pub(crate) with_message(message: impl Into<String>) => 0.message = message.into();
    pub(crate) with_remarks(remarks: Vec<Remark>) => 0.remarks = remarks;
    pub(crate) with_body(body: Option<String>) => 0.body = body;
    pub(crate) with_hint(hint: impl Into<String>) => 0.hint = Some(hint.into());
    pub(crate) with_evidence(evidence: Evidence) => 0.evidence = evidence;
    pub(crate) with_source(source: impl StdError + Send + Sync + 'static) => 0.source = Some(Box::new(source));
} }

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(inner.step)?;
        if let Some(operation) = inner.operation {
            write!(f, " {operation}")?;
        }
        write!(f, ": {}", inner.kind)?;
        if let Some(status) = inner.http_status {
            write!(f, ", http status {status}")?;
        }
        if let Some(code) = &inner.code {
            write!(f, ", code {code}")?;
        }
        write!(f, ": {}", inner.message)?;
        let [task, external, request] = [&inner.task_id, &inner.external_task_id, &inner.request_id];
        for (name, id) in [("task", task), ("external task id", external), ("request id", request)] {
            if let Some(id) = id {
                write!(f, " ({name} {id})")?;
            }
        }
        inner.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl StdError for Error {
    /// The `io::Error` or `reqwest::Error` behind this one, without any URL.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.0.source.as_deref()?)
    }
}

/// An error and its sources, outermost first.
pub(crate) fn sources<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An error with its sources, on one line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    sources(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
