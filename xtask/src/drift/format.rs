//! The report for people and for machines: a terminal, JSON, Markdown, GitHub's annotations. The pages are not trusted: no
//! text of theirs can move a cursor, become markup, mention anyone or begin a command.

use std::fmt::Write as _;

use super::report::{Counts, Entry, Report};
use crate::compare::Level;
use crate::text::visible;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Paragraphs for a terminal.
    Human,
    /// The data.
    Json,
    /// Tables for a pull request.
    Markdown,
    /// Annotations of a GitHub workflow.
    Github,
}

/// A comment on GitHub holds 65,536 characters; the rest is room for what stands around it.
const MAX_MARKDOWN: usize = 60_000;

/// Writes a report.
pub fn write(report: &Report, format: Format, color: bool) -> String {
    match format {
        Format::Human => human(report, color),
        Format::Json => serde_json::to_string_pretty(report).unwrap_or_default() + "\n",
        Format::Markdown => markdown(report),
        Format::Github => github(report),
    }
}

fn human(report: &Report, color: bool) -> String {
    let mut out = String::new();
    for entry in &report.changes {
        let (word, paint, _) = dress(entry.level);
        let (on, off) = if color { (paint, "\u{1b}[0m") } else { ("", "") };
        let (id, place, pointer) = (visible(&entry.id), visible(&place(entry)), visible(&entry.pointer));
        let _ = writeln!(out, "{on}{word}{off} {id}{}\n  {place} {pointer}", called(entry));
        if entry.before.is_some() || entry.after.is_some() {
            let _ = writeln!(out, "  was {}; is {}", value(&entry.before), value(&entry.after));
        }
        let _ = writeln!(out, "  for this client: {}\n  fingerprint {}", visible(&entry.meaning), entry.fingerprint);
    }
    out + &sum(&report.counts) + "\n"
}

fn markdown(report: &Report) -> String {
    let mut out = format!("## Drift of the vendor's document\n\n{}\n\n", sum(&report.counts));
    if !report.changes.is_empty() {
        out.push_str("| level | change | where | was | is | for this client | fingerprint |\n");
        out.push_str("|---|---|---|---|---|---|---|\n");
    }
    let mut left = 0;
    for entry in &report.changes {
        let (word, ..) = dress(entry.level);
        let id = code(&entry.id);
        let place = [called(entry).trim(), &place(entry), &entry.pointer].map(code).join("<br>");
        let [was, is] = [&entry.before, &entry.after].map(|text| text.as_deref().map_or_else(String::new, code));
        let meaning = code(&entry.meaning);
        let row = format!("| {word} | {id} | {place} | {was} | {is} | {meaning} | `{}` |\n", entry.fingerprint);
        if out.len() + row.len() > MAX_MARKDOWN {
            left += 1;
        } else {
            out.push_str(&row);
        }
    }
    if left > 0 {
        let _ = writeln!(out, "\n{left} more changes do not fit here; run `cargo xtask spec drift` to see them.");
    }
    out
}

fn github(report: &Report) -> String {
    let mut out = String::new();
    for entry in &report.changes {
        let (word, _, command) = dress(entry.level);
        let file = property(entry.place.as_ref().map_or("", |place| &place.file));
        let title = property(&format!("{word} {}", entry.id));
        let (was, is, fingerprint) = (value(&entry.before), value(&entry.after), &entry.fingerprint);
        let told = format!("{}{} was {was}; is {is}; for this client: ", entry.id, called(entry));
        let text = message(&format!("{told}{} ({fingerprint})", entry.meaning));
        let _ = writeln!(out, "::{command} file={file},line={},title={title}::{text}", entry.line);
    }
    out + &message(&sum(&report.counts)) + "\n"
}

/// All numbers in one line.
fn sum(counts: &Counts) -> String {
    let Counts { breaking, warning, additive, source, text, accepted } = counts;
    let accepted = if *accepted > 0 { format!("; {accepted} accepted") } else { String::new() };
    format!("{breaking} breaking, {warning} warning, {additive} additive, {source} source, {text} text{accepted}")
}

/// How a level looks: its word, its color in a terminal, its command in a workflow.
fn dress(level: Level) -> (&'static str, &'static str, &'static str) {
    match level {
        Level::Breaking => ("breaking", "\u{1b}[1;31m", "error"),
        Level::Warning => ("warning", "\u{1b}[33m", "warning"),
        Level::Additive => ("additive", "\u{1b}[32m", "notice"),
        Level::Source => ("source", "\u{1b}[36m", "notice"),
        Level::Text => ("text", "\u{1b}[2m", "notice"),
    }
}

fn value(text: &Option<String>) -> String {
    text.as_deref().map_or_else(|| "nothing".to_owned(), visible)
}

/// The operation, and the page that says so.
fn called(entry: &Entry) -> String {
    let operation = entry.operation.as_ref().map(|operation| format!(" {operation}"));
    let page = entry.page.as_ref().map(|page| format!(" (page {page})"));
    visible(&[operation, page].into_iter().flatten().collect::<String>())
}

fn place(entry: &Entry) -> String {
    entry.place.as_ref().map_or_else(|| format!("line {}", entry.line), ToString::to_string)
}

/// A text inside of a code element: every sign that could mean something as an entity. Mentions and references to issues
/// are not looked for there.
fn code(text: &str) -> String {
    let escaped = |c: char| if c.is_ascii_punctuation() { format!("&#{};", u32::from(c)) } else { c.to_string() };
    format!("<code>{}</code>", visible(text).chars().map(escaped).collect::<String>())
}

/// What GitHub reads back as one line: a percent sign is written out; in a property also what separates properties.
fn message(text: &str) -> String {
    visible(text).replace('%', "%25")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Operation;

    fn report(hostile: &str) -> Report {
        let operation = Operation { method: "GET".to_owned(), path: hostile.to_owned() };
        let entry = Entry {
            id: "unclassified".to_owned(),
            level: Level::Warning,
            page: Some(hostile.to_owned()),
            operation: Some(operation),
            pointer: hostile.to_owned(),
            line: 3,
            before: Some(hostile.to_owned()),
            after: None,
            meaning: hostile.to_owned(),
            fingerprint: "0123456789abcdef".to_owned(),
            place: None,
        };
        let counts = Counts { warning: 1, ..Counts::default() };
        Report { changes: vec![entry], counts }
    }

    const HOSTILE: &str = "a\u{1b}[2J\r\n::error::x\u{202e}% <script>`|[a](b) @team #1 https://x.y\u{200b}";

    #[test]
    fn no_text_of_a_page_moves_the_cursor_or_begins_a_line() {
        let text = human(&report(HOSTILE), false);
        assert!(!text.contains(['\u{1b}', '\r', '\u{202e}', '\u{200b}']), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("::")), "{text}");
        assert_eq!(text.lines().count(), 6, "{text}");
    }

    #[test]
    fn no_text_of_a_page_becomes_markup() {
        let text = markdown(&report(HOSTILE));
        assert!(!text.contains("<script") && !text.contains("@team") && !text.contains("[a]"), "{text}");
        assert!(!text.contains("#1 ") && !text.contains("https://"), "{text}");
        let row = text.lines().find(|line| line.starts_with("| warning")).unwrap_or_default();
        assert_eq!(row.matches('|').count(), 8, "{row}");
    }

    #[test]
    fn no_text_of_a_page_becomes_a_command_of_the_workflow() {
        let text = github(&report(HOSTILE));
        let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("::")).collect();
        assert_eq!(commands.len(), 1, "{text}");
        assert!(commands.iter().all(|line| line.starts_with("::warning file=")));
        assert_eq!((message("1%\n"), property("a:b,c")), ("1%25⏎".to_owned(), "a%3Ab%2Cc".to_owned()));
    }

    #[test]
    fn color_is_only_there_when_asked_for() {
        assert!(human(&report("a"), true).contains('\u{1b}'));
        assert!(!human(&report("a"), false).contains('\u{1b}'));
    }

    #[test]
    fn a_long_report_still_fits_into_a_comment_and_says_what_is_left_out() {
        let mut long = report("some text");
        let entry = long.changes.first().cloned();
        long.changes.extend(std::iter::repeat_n(entry, 3_000).flatten());
        let text = markdown(&long);
        assert!(text.len() < 65_536 && text.contains("more changes do not fit here"), "{}", text.len());
    }
}
