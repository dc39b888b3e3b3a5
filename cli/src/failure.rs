//! Why a command failed: one shape for the library's errors and the command's own, with the exit code of each.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use kling_client::{Error, ErrorKind, Reason, Remark, Violation};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::interrupt::INTERRUPTED;

/// The result of a step; boxed, as a failure is large.
pub type Result<T, E = Box<Failure>> = std::result::Result<T, E>;

/// Why a command failed, and what to do next.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// Whether a task exists, and what can be done.
    #[schemars(schema_with = "kinds")]
    pub kind: ErrorKind,
    /// What the API objects to.
    #[schemars(schema_with = "reasons")]
    pub reason: Reason,
    /// The step that failed: `submit`, `get`, `wait`, `download`, …
    pub step: String,
    /// HTTP status of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Code of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What failed.
    pub message: String,
    /// The gateway's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The task's id, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The caller's own id of the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_task_id: Option<String>,
    /// Whether a task that costs money exists or may exist; false once it failed.
    pub may_have_been_charged: bool,
    /// What to do next, with the command to type where there is one.
    #[serde(rename = "hint", serialize_with = "in_one", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<String>")]
    pub hints: Vec<String>,
    /// Every violation.
    #[serde(skip)]
    pub violations: Vec<Finding>,
    /// What else is unusual about the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Note>,
    #[serde(skip)]
    interrupted: bool,
}

/// A violation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Its JSON path, or the name of an option.
    pub path: String,
    /// What is allowed there.
    pub limit: String,
    /// What was given: a length, a size, a type or a word, never a text of the request.
    pub given: String,
    /// The option of the field, where it has another name.
    #[serde(skip)]
    pub option: Option<String>,
}

/// A remark on a request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Remark")]
pub struct Note {
    /// Its JSON path.
    pub path: String,
    message: String,
}

impl Note {
    /// The remarks of a request or of a failure.
    pub fn all(remarks: &[Remark]) -> Vec<Self> {
        remarks.iter().map(|remark| Self { path: remark.path.clone(), message: remark.message.clone() }).collect()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Finding {
    /// A violation at a JSON path or an option.
    pub fn new(path: &str, limit: &str, given: impl Into<String>) -> Self {
        let given = shortened(&given.into()).into_owned();
        Self { path: path.to_owned(), limit: limit.to_owned(), given, option: None }
    }
}

/// Text from a command line without its middle where it is long: a prompt or a `data:` URI in the place of a name.
pub fn shortened(text: &str) -> Cow<'_, str> {
    const HEAD: usize = 200;
    const TAIL: usize = 80;
    let head = text.char_indices().nth(HEAD).map(|(at, _)| at);
    let tail = text.char_indices().nth_back(TAIL).map(|(at, _)| at);
    match (head, tail) {
        (Some(head), Some(tail)) if head < tail => format!("{}…{}", &text[..head], &text[tail..]).into(),
        _ => text.into(),
    }
}

impl From<&Violation> for Finding {
    fn from(violation: &Violation) -> Self {
        Self::new(&violation.path, &violation.limit, violation.given.as_str())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, limit, given, .. } = self;
        let option = self.option.as_ref().map(|option| format!(" ({option})")).unwrap_or_default();
        write!(f, "{path}{option}: expected {limit}, given {given}")
    }
}

impl Failure {
    /// A failure of the command's own.
    pub fn new(kind: ErrorKind, step: &str, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind,
            reason: Reason::Unknown,
            step: step.to_owned(),
            http_status: None,
            code: None,
            message: message.into(),
            request_id: None,
            task_id: None,
            external_task_id: None,
            may_have_been_charged: kind == ErrorKind::Ambiguous,
            hints: Vec::new(),
            violations: Vec::new(),
            remarks: Vec::new(),
            interrupted: false,
        })
    }

    /// Invalid arguments; nothing was sent.
    pub fn invalid(message: impl Into<String>) -> Box<Self> {
        Self::new(ErrorKind::Invalid, "arguments", message)
    }

    /// Arguments that break limits; nothing was sent.
    pub fn found(violations: Vec<Finding>) -> Box<Self> {
        let mut failure = Self::invalid(in_one_line(&violations));
        failure.violations = violations;
        failure
    }

    /// Names the options of the fields that break limits.
    pub fn with_options(mut self: Box<Self>, option: impl Fn(&str) -> Option<String>) -> Box<Self> {
        if !self.violations.is_empty() {
            self.violations.iter_mut().for_each(|found| found.option = option(&found.path));
            self.message = in_one_line(&self.violations);
        }
        self
    }

    /// Both, if both have violations.
    pub fn and(self: Box<Self>, other: Self) -> Box<Self> {
        if self.violations.is_empty() || other.violations.is_empty() {
            return self;
        }
        let mut violations = [self.violations, other.violations].concat();
        violations.sort_by(|a, b| a.path.cmp(&b.path));
        let mut hints = self.hints;
        hints.extend(other.hints.into_iter().filter(|hint| !hints.contains(hint)).collect::<Vec<_>>());
        Box::new(Self { step: self.step, hints, ..*Self::found(violations) })
    }

    /// A problem of this machine.
    pub fn other(step: &str, message: impl Into<String>) -> Box<Self> {
        Self::new(ErrorKind::Other, step, message)
    }

    /// The end by Ctrl-C or SIGTERM; a submit under way may have made a task.
    pub fn interrupted(kind: ErrorKind, step: &str) -> Box<Self> {
        let mut failure = Self::new(kind, step, "interrupted");
        failure.interrupted = true;
        failure
    }

    /// Whether it is the end by Ctrl-C or SIGTERM.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Adds what to do.
    pub fn with_hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hints.push(hint.into());
        self
    }

    /// What happened and what to do, in one line.
    pub fn in_one_line(&self) -> String {
        [&self.message].into_iter().chain(&self.hints).map(String::as_str).collect::<Vec<_>>().join("; ")
    }

    /// The exit code of its kind.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            _ if self.interrupted => INTERRUPTED,
            ErrorKind::Invalid => 2,
            ErrorKind::Rejected => 3,
            ErrorKind::TaskFailed => 4,
            ErrorKind::WaitTimedOut => 5,
            ErrorKind::Ambiguous => 6,
            ErrorKind::NotSent => 7,
            _ => 1,
        }
    }
}

impl From<Error> for Box<Failure> {
    fn from(error: Error) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let later = error.retry_after().map(|time| {
            let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
            format!("wait {} first", humantime::format_duration(Duration::from_secs(seconds)))
        });
        Self::new(Failure {
            reason: error.reason(),
            http_status: error.http_status(),
            code: owned(error.code()),
            request_id: owned(error.request_id()),
            task_id: owned(error.task_id()),
            external_task_id: owned(error.external_task_id()),
            may_have_been_charged: error.may_have_been_charged(),
            hints: error.hint().map(str::to_owned).into_iter().chain(later).collect(),
            violations: error.violations().iter().map(Finding::from).collect(),
            remarks: Note::all(error.remarks()),
            ..*Failure::new(error.kind(), error.step(), error.message())
        })
    }
}

/// Short lines for people: what happened, each violation, each remark, the ids, what to do.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.interrupted {
            write!(f, "interrupted: {}", self.step)?;
        } else {
            self.outcome(f)?;
        }
        self.remarks.iter().try_for_each(|note| write!(f, "\n  {note}"))?;
        let ids = [("task", &self.task_id), ("external id", &self.external_task_id), ("request id", &self.request_id)];
        for (name, id) in ids {
            if let Some(id) = id {
                write!(f, "\n  {name}: {id}")?;
            }
        }
        self.hints.iter().try_for_each(|hint| write!(f, "\n  {hint}"))
    }
}

impl Failure {
    fn outcome(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.step)?;
        if self.kind != ErrorKind::Other {
            write!(f, ": {}", self.kind)?;
        }
        if let Some(status) = self.http_status {
            write!(f, ", http status {status}")?;
        }
        if let Some(code) = &self.code {
            write!(f, ", code {code}")?;
        }
        match &self.violations[..] {
            [] | [_] => write!(f, ": {}", self.message),
            several => several.iter().try_for_each(|found| write!(f, "\n  {found}")),
        }
    }
}

fn in_one_line(violations: &[Finding]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn kinds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ErrorKind::ALL })
}

fn reasons(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Reason::ALL })
}

fn in_one<S: Serializer>(hints: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hints.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_command_exits_as_shells_expect_whatever_its_kind() {
        for kind in ErrorKind::ALL {
            assert_ne!(Failure::new(*kind, "x", "y").exit_code(), 0, "{kind}");
            assert_eq!(Failure::interrupted(*kind, "x").exit_code(), 130, "{kind}");
        }
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let path = "é".repeat(281);
        assert_eq!(shortened(&path), path);
        let uri = format!("data:image/png;base64,{}: File name too long", "A".repeat(100_000));
        let short = shortened(&uri);
        assert!(
            short.starts_with("data:image/png;base64,AAA") && short.ends_with("AAA: File name too long"),
            "{short}"
        );
        assert!(short.chars().count() < 300, "{short}");
        assert!(Finding::new("output", "a file", uri).given.chars().count() < 300);
    }
}
