//! What can go wrong, and what to do next.
//!
//! [`Error`] is opaque: its [`kind`](Error::kind) says what it means for the caller (was anything paid?), its accessors
//! hold what the API said, and its text names the operation, the API's code and message, the ids and the next step.
//! No key, prompt, image or signed URL is in it: what came from a server has gone through `redact.rs`.

use std::error::Error as StdError;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::response::TaskInfo;
use crate::response::redact::escaped;

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an [`Error`] means for the one who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was given is not valid; nothing was sent. See [`Error::violations`].
    Invalid,
    /// The request surely did not reach the API whole: no task was made, nothing is charged.
    NotSent,
    /// The API refused: no task was made, nothing is charged.
    Rejected,
    /// A task may exist and be charged; which, could not be found out. Do not submit again before looking.
    Ambiguous,
    /// The task ended without a video, for the reason in the message; see [`Error::info`].
    TaskFailed,
    /// The time given for waiting ran out; the task goes on and can be waited for again.
    WaitTimedOut,
    /// An answer came that cannot be read or says no outcome, such as a success without a video.
    Answer,
    /// No answer came to a request that costs nothing and can be repeated.
    Network,
    /// Something else, on this machine: a file, a directory, the configuration of TLS.
    Other,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Invalid => "invalid",
            Self::NotSent => "not_sent",
            Self::Rejected => "rejected",
            Self::Ambiguous => "ambiguous",
            Self::TaskFailed => "task_failed",
            Self::WaitTimedOut => "wait_timed_out",
            Self::Answer => "answer",
            Self::Network => "network",
            Self::Other => "other",
        })
    }
}

/// One thing in a request that breaks a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Where, in the words of the wire: `image_list[2].image`.
    pub path: String,
    /// What is allowed there.
    pub limit: String,
    /// What was given: a length, a size or a type, never the text itself.
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

/// Why a call failed.
///
/// ```
/// # fn advise(error: &kling_client::Error) {
/// use kling_client::ErrorKind;
///
/// match error.kind() {
///     ErrorKind::Invalid => error.violations().iter().for_each(|v| eprintln!("{v}")),
///     ErrorKind::Ambiguous => eprintln!("look for task {:?} before paying again", error.external_task_id()),
///     _ => eprintln!("{error}"),
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    http_status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    task_id: Option<String>,
    external_task_id: Option<String>,
    violations: Vec<Violation>,
    body: Option<String>,
    retryable: bool,
    retry_after: Option<Duration>,
    hint: Option<String>,
    info: Option<Arc<TaskInfo>>,
    paid: bool,
    evidence: Option<Evidence>,
}

/// What a response was taken for, for those who decide by more than the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) meaning: Meaning,
    /// Whether the body is JSON, as the API's own words are; a proxy's or a limiter's mostly are not.
    pub(crate) is_json: bool,
}

/// What a response without the wanted means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Refused, no task was made, and the same will be refused again.
    Never,
    /// Refused, no task was made, and the same may be taken after a while: Kling itself says so.
    Later,
    /// The same in the words of a gateway or a limiter. One that tries several channels gives the last one's words,
    /// whatever became of the request at those before.
    Busy,
    /// A task is not known, or not yet.
    NotKnown,
    /// The gateway does not have the operation.
    Lacking,
    /// Something failed somewhere: whether a task was made is not known.
    Unknown,
}

impl Error {
    /// What this error means for the one who called.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed: `submit`, `get`, `list`, `wait`, `download`, …
    pub fn operation(&self) -> &str {
        self.0.operation
    }

    /// What happened, in the API's words where it gave any.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status of the answer, if one came.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The API's code: a number such as `1303`, or a gateway's word.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The id under which the API's support finds the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The task, where one is known.
    pub fn task_id(&self) -> Option<&str> {
        self.0.task_id.as_deref()
    }

    /// The caller's own id of the task, where one was given.
    pub fn external_task_id(&self) -> Option<&str> {
        self.0.external_task_id.as_deref()
    }

    /// The task as it ended, when it ended without a video, with its dates and what the API says was deducted.
    pub fn info(&self) -> Option<&TaskInfo> {
        self.0.info.as_deref()
    }

    /// Everything that is not valid, when the kind is [`Invalid`](ErrorKind::Invalid).
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The beginning of the answer's body as text, cleared of secrets.
    pub fn body_snippet(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// How long the server asks to wait before the next request (`Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same operation may succeed if it is sent again after a while, and sending it again pays nothing twice.
    ///
    /// For a query that is so after most failures. For a submit only if surely no task was made and the reason may pass:
    /// the account's limit on running tasks, say, but not an empty balance, although both are HTTP 429.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether a task that costs money exists or may exist: after an ambiguous submit, and after every failed poll, wait or
    /// download of a task that was submitted or seen and has not failed.
    pub fn may_have_been_charged(&self) -> bool {
        self.0.paid || self.0.kind == ErrorKind::Ambiguous
    }

    pub(crate) fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            message: message.into(),
            http_status: None,
            code: None,
            request_id: None,
            task_id: None,
            external_task_id: None,
            violations: Vec::new(),
            body: None,
            retryable: false,
            retry_after: None,
            hint: None,
            info: None,
            paid: false,
            evidence: None,
        }))
    }

    pub(crate) fn invalid(operation: &'static str, violations: Vec<Violation>) -> Self {
        let mut message = String::new();
        for violation in &violations {
            let _ = write!(message, "{}{violation}", if message.is_empty() { "" } else { "; " });
        }
        let mut error = Self::new(ErrorKind::Invalid, operation, message);
        error.0.violations = violations;
        error.with_hint("nothing was sent; correct what was given")
    }

    pub(crate) fn with_answer(mut self, status: Option<u16>, code: Option<String>, request_id: Option<String>) -> Self {
        self.0.http_status = status;
        self.0.code = code;
        self.0.request_id = request_id;
        self
    }

    pub(crate) fn with_body(mut self, body: Option<String>) -> Self {
        self.0.body = body;
        self
    }

    pub(crate) fn with_retry(mut self, retryable: bool, after: Option<Duration>) -> Self {
        self.0.retryable = retryable;
        self.0.retry_after = after;
        self
    }

    pub(crate) fn and_tried(mut self, tried: &str) -> Self {
        self.0.message.push_str(tried);
        self
    }

    pub(crate) fn with_ids(mut self, task_id: Option<&str>, external_task_id: Option<&str>) -> Self {
        self.0.task_id = task_id.map(escaped);
        self.0.external_task_id = external_task_id.map(escaped);
        self
    }

    pub(crate) fn with_info(mut self, info: Arc<TaskInfo>) -> Self {
        self.0.info = Some(info);
        self
    }

    /// The same error about a task that is paid, and goes on whatever this error says.
    pub(crate) fn of_paid(mut self, paid: bool) -> Self {
        self.0.paid |= paid;
        self
    }

    pub(crate) fn with_evidence(mut self, meaning: Meaning, is_json: bool) -> Self {
        self.0.evidence = Some(Evidence { meaning, is_json });
        self
    }

    pub(crate) fn evidence(&self) -> Option<Evidence> {
        self.0.evidence
    }

    pub(crate) fn saying(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{}: {}", inner.operation, inner.kind)?;
        if let Some(status) = inner.http_status {
            write!(f, ", http status {status}")?;
        }
        if let Some(code) = &inner.code {
            write!(f, ", code {code}")?;
        }
        write!(f, ": {}", inner.message)?;
        let ids = [
            ("task", &inner.task_id),
            ("external task id", &inner.external_task_id),
            ("request id", &inner.request_id),
        ];
        for (name, id) in ids {
            if let Some(id) = id {
                write!(f, " ({name} {id})")?;
            }
        }
        match &inner.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl StdError for Error {}

/// An error with all that stands behind it, on one line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
