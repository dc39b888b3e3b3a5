//! Why a command of a batch failed: what it means, in the library's kinds, and what to do next.

use std::fmt;

use kling_client::ErrorKind;

/// The result of what this crate does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done. It holds no prompt, no key and no address of a database, which may have a password.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    step: &'static str,
    message: String,
    hint: Option<String>,
}

impl Error {
    /// A failure of a step.
    pub fn new(kind: ErrorKind, step: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, step, message: message.into(), hint: None }))
    }

    /// What was given cannot be done; nothing was sent.
    pub fn invalid(step: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, step, message)
    }

    /// Something on this machine, or the database.
    pub fn other(step: &'static str, message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Other, step, message.to_string())
    }

    /// Adds what to do.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// What it means.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The step that failed.
    pub fn step(&self) -> &str {
        self.0.step
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The error with what to do, in one line.
    pub(crate) fn told(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{self}; {hint}"),
            None => self.to_string(),
        }
    }

    /// The exit code that says it, as those of `kling` do.
    pub fn exit_code(&self) -> u8 {
        match self.0.kind {
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

/// The codes of SQLite and PostgreSQL for a disk that is full.
const FULL: [&str; 2] = ["13", "53100"];

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.0.step, self.0.kind, self.0.message)
    }
}

impl std::error::Error for Error {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let error = match error {
            // It may repeat the address.
            sqlx::Error::Configuration(_) => return Self::invalid("database", "its address cannot be read"),
            other => other,
        };
        let code = error.as_database_error().and_then(|error| error.code());
        let is_full = code.is_some_and(|code| FULL.contains(&code.as_ref()));
        let error = Self::other("database", error);
        if is_full {
            error.with_hint("make room on the disk of the database; what is known is written then")
        } else {
            error
        }
    }
}

impl From<kling_client::Error> for Error {
    fn from(error: kling_client::Error) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self(Box::new(Inner { kind: error.kind(), step: "client", message: error.to_string(), hint }))
    }
}
