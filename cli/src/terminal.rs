//! The only way to the terminal: reports to standard output, all else to standard error, in JSON or for people.
//!
//! What a server sent may hold control characters that rewrite the screen: every line for people is escaped here, and so is
//! every JSON text, which keeps its value. A reader that went away is no reason to fail or panic.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind as Refusal};
use serde::Serialize;
use tracing::Level;

use crate::arguments::{Command, Program};
use crate::failure::{Failure, Result, shortened};
use crate::progress::{Manner, Progress};
use crate::report::Report;
use crate::spans;

/// Where a command writes.
pub struct Terminal {
    json: bool,
    silent: bool,
    progress: Progress,
}

/// The end of a command that succeeded.
pub enum Done {
    /// A report, in JSON and for people, with its exit code and the next command.
    Report { json: Report, people: String, code: u8, next: Option<String> },
    /// A report of a batch, in JSON and for people, with its exit code.
    Value { json: serde_json::Value, people: String, code: u8 },
    /// Text, printed as it is.
    Text(String),
}

impl Terminal {
    pub fn new(json: bool, quiet: bool, verbose: bool) -> Self {
        let silent = json || quiet;
        let manner = Manner::fitting(silent, io::stderr().is_terminal(), verbose, |name| std::env::var(name).ok());
        Self { json, silent, progress: Progress::new(manner) }
    }

    /// Shows the library's spans: each step, or also each poll. A command that is one poll shows that.
    pub fn shows_spans(&self, verbose: u8, program: &Program) {
        let level = match (verbose, program) {
            (0, _) => return,
            (1, Program::Command(Command::Status { .. })) | (2.., _) => Level::DEBUG,
            (1, _) => Level::INFO,
        };
        spans::show(level, self.noting());
    }

    /// Writes each text that it is given as [`note`](Self::note) does, from any thread.
    pub fn noting(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let progress = self.progress.clone();
        move |text| {
            // Nobody reads it: the work goes on all the same.
            let _ = progress.aside(|| write_lines(&mut io::stderr().lock(), text));
        }
    }

    /// A line that is needed to go on later, such as an id.
    pub fn note(&self, text: impl fmt::Display) {
        self.noting()(&text.to_string());
    }

    /// A line for people, unless they want none.
    pub fn tell(&self, text: impl fmt::Display) {
        if !self.silent {
            self.note(text);
        }
    }

    /// Whether standard output is JSON.
    #[cfg(feature = "batch")]
    pub fn is_in_json(&self) -> bool {
        self.json
    }

    /// A line of progress, where no bar shows it.
    pub fn progress(&self, text: impl fmt::Display) {
        if self.progress.is_in_lines() {
            self.note(text);
        }
    }

    /// The bars.
    pub fn bars(&self) -> &Progress {
        &self.progress
    }

    /// Prints the end of a command, and returns its exit code.
    pub fn end(&self, ended: Result<Done>) -> ExitCode {
        let (printed, code) = match ended {
            Ok(Done::Report { json, people, code, next }) => {
                let printed = self.print(&json, &people);
                if let Some(next) = next {
                    self.tell(format_args!("next: {next}"));
                }
                (printed, code)
            }
            Ok(Done::Value { json, people, code }) => (self.print(&json, &people), code),
            Ok(Done::Text(text)) => (as_it_is(&text), 0),
            Err(failure) => {
                let code = failure.exit_code();
                (self.fail(failure), code)
            }
        };
        match printed {
            Err(reason) if reason.kind() != io::ErrorKind::BrokenPipe => {
                self.note(format_args!("error: standard output: {reason}"));
                // What was not printed must not look like success; a failure keeps its own code.
                ExitCode::from(code.max(1))
            }
            _ => ExitCode::from(code),
        }
    }

    /// Prints the parser's text: help, version, or what is wrong with the command line.
    pub fn refuse(&self, refusal: clap::Error) -> ExitCode {
        let refusal = in_short(refusal);
        let text = refusal.render().to_string();
        match refusal.kind() {
            Refusal::DisplayHelp | Refusal::DisplayVersion => {
                let _ = as_it_is(&text);
                ExitCode::SUCCESS
            }
            _ if self.json => self.end(Err(usage(&text))),
            _ => {
                self.note(text.trim_end());
                ExitCode::from(2)
            }
        }
    }

    fn fail(&self, failure: Box<Failure>) -> io::Result<()> {
        if self.json {
            return self.print(&Report::Error { error: failure }, "");
        }
        self.note(failure);
        Ok(())
    }

    fn print(&self, json: &impl Serialize, people: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            let text = serde_json::to_string(json).map_err(io::Error::other)?;
            writeln!(out, "{}", escaped_json(&text))?;
        } else if !people.is_empty() {
            write_lines(&mut out, people)?;
        }
        out.flush()
    }
}

/// Standard output for a long text, which goes on to its end where a reader went away.
#[cfg(feature = "batch")]
pub fn standard_output() -> impl io::Write {
    struct Forgiving(io::StdoutLock<'static>);

    impl io::Write for Forgiving {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes).or_else(|reason| forgiven(reason, bytes.len()))
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush().or_else(|reason| forgiven(reason, ()))
        }
    }

    fn forgiven<T>(reason: io::Error, done: T) -> io::Result<T> {
        if reason.kind() == io::ErrorKind::BrokenPipe { Ok(done) } else { Err(reason) }
    }

    Forgiving(io::stdout().lock())
}

fn as_it_is(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The same refusal, with what was typed shortened where it is long.
fn in_short(mut refusal: clap::Error) -> clap::Error {
    let typed = |(kind, value): (ContextKind, &ContextValue)| match value {
        ContextValue::String(text) if shortened(text) != *text => Some((kind, shortened(text).into_owned())),
        _ => None,
    };
    let long: Vec<_> = refusal.context().filter_map(typed).collect();
    if !long.is_empty() {
        // Such as how to pass it as a value, with all of it.
        refusal.remove(ContextKind::Suggested);
    }
    for (kind, text) in long {
        refusal.insert(kind, ContextValue::String(text));
    }
    refusal
}

/// The parser's text without its layout: the first paragraph says what is wrong, the others what to do.
fn usage(text: &str) -> Box<Failure> {
    let in_one_line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.trim().split("\n\n").map(in_one_line);
    let first = paragraphs.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(&first);
    paragraphs.fold(Failure::invalid(message), Failure::with_hint)
}

fn write_lines(to: &mut impl io::Write, text: &str) -> io::Result<()> {
    let lines: String = text.split('\n').flat_map(|line| [escaped(line), "\n".to_owned()]).collect();
    to.write_all(lines.as_bytes())
}

/// Text from elsewhere on one line, with invisible characters and those that move the cursor made visible.
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    shown
}

/// The same JSON, with such characters in JSON's own notation. They stand in strings only, as `text` has no layout.
fn escaped_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters, and those that reorder or hide text.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_server_cannot_move_the_cursor_or_hide() {
        assert_eq!(escaped("a\u{1b}[2Jb\r\nc\u{9b}d\u{202e}e 例"), r"a\u{1b}[2Jb\u{d}\u{a}c\u{9b}d\u{202e}e 例");
    }

    #[test]
    fn escaped_json_has_the_same_value() {
        let value = serde_json::json!({"a\u{202e}": "\u{1b}\u{7f}\u{9b}\u{feff}\\ \" 例 😀"});
        let text = escaped_json(&value.to_string());
        assert!(!text.chars().any(is_hidden), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn the_parsers_text_becomes_a_message_and_a_hint() {
        let failure =
            usage("error: missing:\n  --image <IMAGE>\n  --prompt <TEXT>\n\nUsage: kling generate\n\nTry it.\n");
        assert_eq!(failure.message, "missing: --image <IMAGE> --prompt <TEXT>");
        assert_eq!(failure.hints, ["Usage: kling generate", "Try it."]);
    }
}
