//! The only way to the terminal: results to standard output, all else to standard error, in JSON or for people.
//!
//! What a server sent may hold control characters that would rewrite the screen; every line for people is escaped here,
//! and so is every JSON text, which keeps its value. A reader that went away is no reason to fail, and none to panic.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::error::ErrorKind as Refusal;
use kling_client::TaskInfo;
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::trail::command;

/// Where a command writes.
pub struct Output {
    json: bool,
}

/// What came of a command that did what was asked.
pub struct Done {
    pub task: TaskInfo,
    /// The caller's own id, also where the API does not repeat it.
    pub external_task_id: Option<String>,
    pub file: Option<PathBuf>,
    pub told: Told,
}

/// What people want to read of it; JSON has all.
pub enum Told {
    /// Everything that is known of the task.
    Task,
    /// Its id.
    Id,
    /// The file, or else where the videos are.
    Videos,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// A line that is needed to go on later, such as an id.
    pub fn note(&self, text: impl fmt::Display) {
        // Nobody reads it: the work goes on all the same.
        let _ = write_lines(&mut io::stderr().lock(), &text.to_string());
    }

    /// A line about what is going on, for people only.
    pub fn progress(&self, text: impl fmt::Display) {
        if !self.json {
            self.note(text);
        }
    }

    /// Prints what came of a command, and gives its exit code.
    pub fn end(&self, ended: Result<Done>) -> ExitCode {
        let (printed, code) = match &ended {
            Ok(done) => {
                let printed = self.print(&Task::of(done), || done.for_people());
                if !done.task.status.is_final() {
                    self.progress(format_args!("next: {}", command("wait", &done.task.task_id, None)));
                }
                (printed, 0)
            }
            Err(failure) => (self.fail(failure), failure.exit_code()),
        };
        match printed {
            Err(reason) if reason.kind() != io::ErrorKind::BrokenPipe => {
                self.note(format_args!("error: standard output: {reason}"));
                // What was not said must not look like success; a failure keeps its own code.
                ExitCode::from(code.max(1))
            }
            _ => ExitCode::from(code),
        }
    }

    /// Prints what the parser has to say: help and version as asked for, or what is wrong with the command line.
    pub fn refuse(&self, refusal: &clap::Error) -> ExitCode {
        let text = refusal.render().to_string();
        match refusal.kind() {
            Refusal::DisplayHelp | Refusal::DisplayVersion => {
                let _ = io::stdout().lock().write_all(text.as_bytes());
                ExitCode::SUCCESS
            }
            _ if self.json => self.end(Err(usage(&text))),
            _ => {
                self.note(text.trim_end());
                ExitCode::from(2)
            }
        }
    }

    fn fail(&self, failure: &Failure) -> io::Result<()> {
        #[derive(Serialize)]
        struct Answer<'a> {
            error: &'a Failure,
        }
        if self.json {
            return self.print(&Answer { error: failure }, String::new);
        }
        self.note(failure);
        Ok(())
    }

    fn print(&self, json: &impl Serialize, people: impl FnOnce() -> String) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            let text = serde_json::to_string(json).map_err(io::Error::other)?;
            writeln!(out, "{}", escaped_json(&text))?;
        } else {
            write_lines(&mut out, &people())?;
        }
        out.flush()
    }
}

impl Done {
    fn for_people(&self) -> String {
        match (&self.told, &self.file) {
            (Told::Id, _) => self.task.task_id.clone(),
            (_, Some(file)) => file.display().to_string(),
            (Told::Videos, None) => self.task.videos.iter().map(|v| v.url.as_str()).collect::<Vec<_>>().join("\n"),
            (Told::Task, None) => self.in_full(),
        }
    }

    fn in_full(&self) -> String {
        let task = &self.task;
        let mut lines = vec![("task", Some(task.task_id.clone()))];
        lines.push(("external id", self.external_task_id.clone()));
        lines.push(("status", Some(task.status.to_string())));
        lines.push(("reason", task.status_message.clone()));
        lines.extend(task.videos.iter().map(|video| {
            let length = video.duration.map(|duration| format!(" ({} s)", duration.as_secs_f64()));
            ("video", Some(format!("{}{}", video.url, length.unwrap_or_default())))
        }));
        lines.push(("units", task.units_deducted.clone()));
        lines.push(("created", task.created_at.and_then(rfc3339)));
        lines.push(("updated", task.updated_at.and_then(rfc3339)));
        let known = lines.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", escaped(&value?))));
        known.collect::<Vec<_>>().join("\n")
    }
}

/// A task in JSON.
#[derive(Serialize)]
struct Task<'a> {
    task_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_task_id: Option<&'a str>,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<&'a str>,
    videos: Vec<Video<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    units_deducted: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

/// A video in JSON.
#[derive(Serialize)]
struct Video<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<f64>,
}

impl<'a> Task<'a> {
    fn of(done: &'a Done) -> Self {
        let task = &done.task;
        let videos = task.videos.iter().map(|video| Video {
            id: video.id.as_deref(),
            url: &video.url,
            duration_seconds: video.duration.map(|duration| duration.as_secs_f64()),
        });
        Self {
            task_id: &task.task_id,
            external_task_id: done.external_task_id.as_deref(),
            status: task.status.as_str(),
            status_message: task.status_message.as_deref(),
            videos: videos.collect(),
            units_deducted: task.units_deducted.as_deref(),
            file: done.file.as_deref().map(Path::to_string_lossy),
            created_at: task.created_at.and_then(rfc3339),
            updated_at: task.updated_at.and_then(rfc3339),
        }
    }
}

/// A time in UTC, with a fraction where it has one; nothing for a date that RFC 3339 cannot write.
fn rfc3339(time: SystemTime) -> Option<String> {
    // The formatters panic on what is earlier, and fail on what is later than the year 9999.
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    let written = match since.subsec_millis() {
        0 => humantime::format_rfc3339_seconds(time),
        _ => humantime::format_rfc3339_millis(time),
    };
    let mut text = String::new();
    write!(text, "{written}").ok()?;
    Some(text)
}

/// What the parser says, without its layout: the first paragraph says what is wrong, the others what to do.
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

/// Text from elsewhere on one line, with what would not be seen, or would move the cursor, made visible.
fn escaped(text: &str) -> String {
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
    use std::time::Duration;

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
    fn a_time_is_written_in_utc_and_an_impossible_one_is_unknown() {
        let after = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(rfc3339(after(1_764_235_825_029)).as_deref(), Some("2025-11-27T09:30:25.029Z"));
        assert_eq!(rfc3339(after(1_764_235_825_000)).as_deref(), Some("2025-11-27T09:30:25Z"));
        assert_eq!(rfc3339(after(u64::MAX / 1000)), None);
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), None);
    }

    #[test]
    fn what_the_parser_says_becomes_a_message_and_a_hint() {
        let failure =
            usage("error: missing:\n  --image <IMAGE>\n  --prompt <TEXT>\n\nUsage: kling generate\n\nTry it.\n");
        assert_eq!(failure.message, "missing: --image <IMAGE> --prompt <TEXT>");
        assert_eq!(failure.hints, ["Usage: kling generate", "Try it."]);
    }
}
