//! Why a command failed: one shape for the library's errors and for the command's own, with the exit code of each.

use std::fmt;
use std::time::Duration;

use kling_client::{Error, ErrorKind};
use serde::{Serialize, Serializer};

/// What a command's step gives; boxed, as a failure is much larger than what most steps give.
pub type Result<T, E = Box<Failure>> = std::result::Result<T, E>;

/// What a shell expects of a program that was interrupted: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// A failure, as it is printed and, in JSON, as it is written.
#[derive(Debug, Serialize)]
pub struct Failure {
    #[serde(serialize_with = "in_words")]
    pub kind: ErrorKind,
    pub operation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_task_id: Option<String>,
    pub may_have_been_charged: bool,
    /// What to do: a line each for people, one text in JSON.
    #[serde(rename = "hint", serialize_with = "in_one", skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// The parts of the message, where it has several.
    #[serde(skip)]
    parts: Vec<String>,
    #[serde(skip)]
    interrupted: bool,
}

impl Failure {
    /// A failure of the command's own.
    pub fn new(kind: ErrorKind, operation: &str, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind,
            operation: operation.to_owned(),
            http_status: None,
            code: None,
            message: message.into(),
            request_id: None,
            task_id: None,
            external_task_id: None,
            may_have_been_charged: kind == ErrorKind::Ambiguous,
            hints: Vec::new(),
            parts: Vec::new(),
            interrupted: false,
        })
    }

    /// What was typed cannot be done; nothing was sent.
    pub fn invalid(message: impl Into<String>) -> Box<Self> {
        Self::new(ErrorKind::Invalid, "arguments", message)
    }

    /// Something on this machine.
    pub fn other(operation: &str, message: impl Into<String>) -> Box<Self> {
        Self::new(ErrorKind::Other, operation, message)
    }

    /// The end by Ctrl-C; a paid request that was under way may have made a task.
    pub fn interrupted(kind: ErrorKind, operation: &str) -> Box<Self> {
        let mut failure = Self::new(kind, operation, "interrupted");
        failure.interrupted = true;
        failure
    }

    /// Adds what to do.
    pub fn with_hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hints.push(hint.into());
        self
    }

    /// The exit code that says it.
    pub fn exit_code(&self) -> u8 {
        if self.interrupted {
            return INTERRUPTED;
        }
        match self.kind {
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
            format!("not before {} have passed", humantime::format_duration(Duration::from_secs(seconds)))
        });
        Self::new(Failure {
            http_status: error.http_status(),
            code: owned(error.code()),
            request_id: owned(error.request_id()),
            task_id: owned(error.task_id()),
            external_task_id: owned(error.external_task_id()),
            may_have_been_charged: error.may_have_been_charged(),
            hints: error.hint().map(str::to_owned).into_iter().chain(later).collect(),
            parts: error.violations().iter().map(ToString::to_string).collect(),
            ..*Failure::new(error.kind(), error.operation(), error.message())
        })
    }
}

/// Short lines for people: what happened, the parts of it, the ids, what to do.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.interrupted {
            write!(f, "interrupted: {}", self.operation)?;
        } else {
            self.outcome(f)?;
        }
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
        write!(f, "error: {}: {}", self.operation, self.kind)?;
        if let Some(status) = self.http_status {
            write!(f, ", http status {status}")?;
        }
        if let Some(code) = &self.code {
            write!(f, ", code {code}")?;
        }
        match &self.parts[..] {
            [] | [_] => write!(f, ": {}", self.message),
            parts => parts.iter().try_for_each(|part| write!(f, "\n  {part}")),
        }
    }
}

fn in_words<S: Serializer>(kind: &ErrorKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(kind)
}

fn in_one<S: Serializer>(hints: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hints.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_exit_code() {
        for (kind, code) in [
            (ErrorKind::Invalid, 2),
            (ErrorKind::Rejected, 3),
            (ErrorKind::TaskFailed, 4),
            (ErrorKind::WaitTimedOut, 5),
            (ErrorKind::Ambiguous, 6),
            (ErrorKind::NotSent, 7),
            (ErrorKind::Answer, 1),
            (ErrorKind::Network, 1),
            (ErrorKind::Other, 1),
        ] {
            assert_eq!(Failure::new(kind, "x", "y").exit_code(), code, "{kind}");
            assert_eq!(Failure::interrupted(kind, "x").exit_code(), 130, "{kind}");
        }
    }
}
