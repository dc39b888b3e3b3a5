//! What can go wrong, in the two ways that the exit codes tell apart: an input was refused, or a check failed.

use std::fmt;

/// Why a task stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The input cannot be used at all (exit code 2). One line, which begins with `file:line:`.
    Refused(String),
    /// The input is fine, but a check or a guard failed (exit code 1).
    Failed(String),
}

/// What every fallible step returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Refuses an input: where, and why.
    pub fn refused(place: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::Refused(one_line(&format!("{place}: {reason}")))
    }

    /// The code that the process ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Refused(_) => 2,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

/// A text of unknown origin as one line that cannot move a terminal's cursor.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

/// The beginning of a text, short enough to be quoted in a message.
pub fn shorten(text: &str) -> String {
    /// Enough to recognise a line, little enough for a terminal.
    const SHOWN: usize = 120;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => one_line(text.get(..end).unwrap_or_default()) + "…",
        None => one_line(text),
    }
}
