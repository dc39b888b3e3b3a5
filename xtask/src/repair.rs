//! The second step: makes YAML of what the vendor calls YAML.
//!
//! Its pages hold text that was never quoted: `description: Model name Enumeration value: kling-v1-6`. The scalars at
//! and before the parser's first error are tried, nearest first: a repair is kept if the parser then gets past it, so
//! that what is valid is never touched. The keys above a line say what its value is for: what must be a mapping or a
//! sequence never becomes a text. Lines keep their numbers, and each repair is recorded.

use std::sync::Arc;

use crate::error::{Error, Result, one_line, shorten};
use crate::flow::{self, WORD_LISTS};
use crate::page::Page;
use crate::roles::Role;
use crate::tree::{Doubled, Node, Place, ReadError, read_settled};

/// Pages have a dozen; a text that needs hundreds is not YAML with slips but something else.
const MAX_REPAIRS: usize = 400;
/// How many scalars before the reported line are tried. The parser notices an open bracket or quote a few lines late.
const MAX_CANDIDATES: usize = 6;
/// Bytes given to the parser in all while repairing: a bound on time, about two seconds' worth.
const MAX_PARSED: usize = 96 * 1024 * 1024;
/// Bytes of one value in brackets or quotes: unclosed ones inside of unclosed ones would else be read again and again.
const MAX_VALUE: usize = 1024 * 1024;
/// Keys whose value is text for people, so that a lone line under one is text too, whatever it looks like.
const TEXT_KEYS: [&str; 3] = ["description", "summary", "title"];

/// A line of the page that was changed before it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// Where, in the page.
    pub place: Place,
    /// The lines as published, trimmed.
    pub before: String,
    /// The lines as read, trimmed.
    pub after: String,
}

/// A page that could be read.
#[derive(Debug, Clone)]
pub struct Repaired {
    /// The document.
    pub root: Node,
    /// What had to be changed for it, in the order of the page.
    pub repairs: Vec<Repair>,
}

/// Reads the page's document, repairing it where the parser stops; refuses a line that neither is YAML nor becomes it.
pub fn read_page(Page { name, yaml, first_line, .. }: &Page) -> Result<Repaired> {
    let mut lines: Vec<String> = yaml.split('\n').map(str::to_owned).collect();
    let mut repairs = Vec::new();
    let mut parsed = 0;
    let mut outcome = read_settled(yaml, name, *first_line);
    loop {
        let error = match outcome {
            Ok((root, doubled)) => {
                repairs.extend(doubled.into_iter().map(settled));
                repairs.sort_by_key(|repair: &Repair| repair.place.line);
                return Ok(Repaired { root, repairs });
            }
            Err(error) => error,
        };
        let at = error.line.saturating_sub(*first_line);
        let refused = |why: &str| {
            let shown = lines.get(at).map_or_else(String::new, |line| format!(" (`{}`)", shorten(line.trim())));
            Err(Error::refused(format_args!("{name}:{}", error.line), format_args!("{}{shown}{why}", error.reason)))
        };
        if !error.grammar {
            return refused("");
        }
        if repairs.len() >= MAX_REPAIRS {
            return refused(&format!(", after {MAX_REPAIRS} repairs; this is not an OpenAPI document with slips"));
        }
        let mut found = None;
        for change in candidates(&lines, at) {
            let mut tried = lines.clone();
            tried.splice(change.first..=change.last, change.after.iter().cloned());
            let text = tried.join("\n");
            parsed += text.len();
            if parsed > MAX_PARSED {
                return refused(", and the page is too large to be repaired further");
            }
            let next = read_settled(&text, name, *first_line);
            if got_past(&next, &error, change.last + first_line) {
                found = Some((change, tried, next));
                break;
            }
        }
        let Some((change, tried, next)) = found else {
            return refused(", and quoting the text there does not help; correct the page");
        };
        repairs.push(record(&lines, &change, name, *first_line));
        (lines, outcome) = (tried, next);
    }
}

/// The lines that a change changes, trimmed, unless it is their indent that changes.
fn record(lines: &[String], change: &Change, name: &Arc<str>, first_line: usize) -> Repair {
    let before = lines.get(change.first..=change.last).unwrap_or_default();
    let pairs: Vec<_> = before.iter().zip(&change.after).collect();
    let differs = |pair: &(&String, &String)| pair.0 != pair.1;
    let from = pairs.iter().position(differs).unwrap_or_default();
    let to = pairs.iter().rposition(differs).map_or(pairs.len(), |last| last + 1);
    let changed = pairs.get(from..to).unwrap_or_default();
    let indents = changed.iter().all(|(old, new)| old.trim() == new.trim());
    let shown = |line: &str| if indents { line.to_owned() } else { line.trim().to_owned() };
    let (old, new): (Vec<_>, Vec<_>) = changed.iter().map(|(old, new)| (shown(old), shown(new))).unzip();
    let place = Place { file: name.clone(), line: change.first + from + first_line };
    Repair { place, before: one_line(&old.join(" ⏎ ")), after: one_line(&new.join(" ⏎ ")) }
}

/// The record of a `type` that stood twice.
fn settled(Doubled { place, both: [first, second], kept }: Doubled) -> Repair {
    let before = one_line(&format!("type: {first} ⏎ type: {second}"));
    Repair { place, before, after: one_line(&format!("type: {kept}")) }
}

/// Whether the parser left the changed lines behind. Errors of another kind (a duplicate key) are not grammar's.
fn got_past<T>(next: &std::result::Result<T, ReadError>, old: &ReadError, last: usize) -> bool {
    match next {
        Ok(_) => true,
        Err(error) if !error.grammar => error.reached > last,
        Err(error) => error.line > last && (error.line, error.column) > (old.line, old.column),
    }
}

/// A change that may be the repair: lines `first..=last` become `after`.
struct Change {
    first: usize,
    last: usize,
    after: Vec<String>,
}

/// A line that holds a value: `key: value`, `- value`, `- key: value`.
struct Header<'a> {
    line: &'a str,
    /// Spaces before the first dash or key.
    indent: usize,
    /// The key, if there is one, and the column it stands in.
    key: Option<(&'a str, usize)>,
    /// The last dash's column, if the line is an item.
    dash: Option<usize>,
    /// Where the value begins, in bytes.
    start: usize,
}

impl<'a> Header<'a> {
    fn value(&self) -> &'a str {
        self.line.get(self.start..).unwrap_or_default()
    }

    /// What continues the value is indented deeper than this.
    fn depth(&self) -> usize {
        self.key.map(|(_, column)| column).or(self.dash).unwrap_or(self.indent)
    }
}

/// What may be wrong at or before a line, likeliest first.
fn candidates(lines: &[String], at: usize) -> impl Iterator<Item = Change> {
    starts(lines, at).into_iter().rev().take(MAX_CANDIDATES).flat_map(|index| changes_of(lines, index))
}

fn changes_of(lines: &[String], index: usize) -> Vec<Change> {
    let mut changes = Vec::new();
    let Some(line) = lines.get(index) else { return changes };
    let header = header(line);
    let path = path(lines, index);
    // What the value is for; with its own key left out, what the mapping around it is for.
    let role = |from: usize| path.iter().skip(from).rev().fold(Role::Document, |role, (key, _)| flow::below(role, key));
    let (own, dashed) = (usize::from(header.key.is_some()), usize::from(header.dash.is_some()));
    let key = header.key.map(|(key, _)| key);
    let is_text = key.is_some_and(|key| TEXT_KEYS.contains(&key));
    let parent = path.get(own + dashed);
    let value = header.value().trim_end();
    let mut propose = |start: usize, last: usize, text: bool, beside: Role| {
        let more = lines.get(index + 1..=last).unwrap_or_default();
        if !more.iter().any(|line| belongs(line, beside) || !text && line.trim_start().starts_with("- ")) {
            let after = quoted(lines, index, last, start);
            changes.extend(after.map(|after| Change { first: index, last, after }));
        }
    };
    let in_text = parent.is_some_and(|(key, empty)| *empty && TEXT_KEYS.contains(key));
    if in_text && dashed == 0 && role(own) == Role::Other {
        // The text stands on lines of its own under its key; all of them are one scalar.
        propose(header.indent, continuation(lines, index, header.indent.saturating_sub(1)), true, role(own + 1));
    }
    let item = header.dash.map(|dash| dash + 1 + line.get(dash + 1..).map_or(0, spaces));
    // A document's own tags are no words.
    let tag = key == Some("name") && role(own + dashed + 1) == Role::Document;
    let in_words = item.is_some() && !tag && parent.is_some_and(|(key, _)| WORD_LISTS.contains(key));
    if let (true, Some(item)) = (in_words, item) {
        propose(item, continuation(lines, index, header.dash.unwrap_or_default()), true, Role::SchemaMap);
    }
    // `[1]` as a description is no sequence; in an example it may be one, whatever its key.
    let described = is_text && value.starts_with('[') && role(own) != Role::Other;
    if let Some(last) = bracketed(lines, index, &header).filter(|_| !described) {
        let words = in_words || key.is_some_and(|key| WORD_LISTS.contains(&key));
        let text = joined(lines, index, last, header.start).unwrap_or_default();
        if let Some(quoted) = flow::quoted(&text, role(0), words) {
            let all = line.get(..header.start).unwrap_or_default().to_owned() + &quoted;
            changes.push(Change { first: index, last, after: all.split('\n').map(str::to_owned).collect() });
        }
        return changes;
    }
    if value.is_empty() || role(0) != Role::Other {
        return changes;
    }
    if let Some(indicator) = mended_indicator(value) {
        let mut mended = line.clone();
        mended.replace_range(header.start..header.start + value.len(), &indicator);
        changes.push(Change { first: index, last: index, after: vec![mended] });
        return changes;
    }
    let last = continuation(lines, index, header.depth());
    // Prose goes on over lines; a lone word with deeper lines under it is a structure with a slip, not to be swallowed.
    if last > index && (value.contains(' ') || !value.is_ascii() || is_text) {
        propose(header.start, last, is_text, role(own));
    }
    propose(header.start, index, is_text, Role::Other);
    // `- some words: more: text` may be a mapping or a text; the mapping was tried first.
    if let Some(item) = item.filter(|_| !in_words && role(own) == Role::Other && last == index) {
        propose(item, index, true, Role::Other);
    }
    // The lines of a quoted text stand deeper than its key, the last one too.
    if let Some(last) = closed(lines, index, &header) {
        let depth = header.depth() + 1;
        let deeper = |line: &String| {
            let shallow = spaces(line) < depth && !line.trim().is_empty();
            if shallow { " ".repeat(depth) + line.trim_start() } else { line.clone() }
        };
        let more = lines.get(index + 1..=last).unwrap_or_default().iter().map(deeper);
        changes.insert(0, Change { first: index, last, after: std::iter::once(line.clone()).chain(more).collect() });
    }
    changes
}

/// The keys that a line's value stands under, the nearest first, and whether their own lines hold no more. An item of a
/// sequence has an empty key.
fn path(lines: &[String], index: usize) -> Vec<(&str, bool)> {
    let mut path = Vec::new();
    let (mut column, mut item) = (usize::MAX, false);
    for line in lines.get(..=index).unwrap_or_default().iter().rev() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let header = header(line);
        let empty = header.value().trim().is_empty();
        // The items of a sequence may stand in the column of its key.
        if let Some((key, own)) = header.key.filter(|(_, own)| *own < column || item && empty && *own == column) {
            path.push((key, empty));
            (column, item) = (own, false);
        }
        if header.dash.is_some() && header.indent < column {
            path.push(("", empty));
            (column, item) = (header.indent, true);
        }
        if path.is_empty() {
            column = column.min(header.indent);
        }
        if column == 0 && !item {
            break;
        }
    }
    path
}

/// Whether a line is no more of a text that stands in a mapping, but a comment or the next key of that mapping.
fn belongs(line: &str, beside: Role) -> bool {
    let header = header(line);
    let word = !header.value().trim().contains(' ');
    let known = |key: &str| beside.child(key) != Role::Other || word && flow::known(beside, key);
    line.trim_start().starts_with('#') || header.key.is_some_and(|(key, _)| known(key))
}

/// The last line of a value that begins on `index` and goes on deeper than `depth`.
fn continuation(lines: &[String], index: usize, depth: usize) -> usize {
    let filled = lines.iter().enumerate().skip(index + 1).filter(|(_, line)| !line.trim().is_empty());
    filled.take_while(|(_, line)| spaces(line) > depth).last().map_or(index, |(at, _)| at)
}

/// The last line of a collection in brackets.
fn bracketed(lines: &[String], index: usize, header: &Header<'_>) -> Option<usize> {
    header.value().starts_with(['{', '[']).then_some(())?;
    let last = continuation(lines, index, header.depth());
    // What closes it may stand further left than its key.
    let closing = lines.iter().skip(last + 1).take_while(|line| line.trim_start().starts_with(['}', ']'])).count();
    flow::opens(&joined(lines, index, last + closing, header.start)?).then_some(last + closing)
}

/// The last line of a quoted text that goes on over lines, as long as none of them looks like the next key.
fn closed(lines: &[String], index: usize, head: &Header<'_>) -> Option<usize> {
    (head.value().starts_with(['"', '\'']) && flow::closing(head.value(), 0).is_none()).then_some(())?;
    let more = lines.get(index + 1..)?.iter().take_while(|line| {
        let next = header(line);
        spaces(line) > head.depth() || next.key.is_none() && next.dash.is_none()
    });
    let text = joined(lines, index, index + more.count(), head.start)?;
    let (quoted, rest) = text.split_at_checked(flow::closing(&text, 0)?)?;
    let rest = rest.split('\n').next()?;
    (rest.trim().is_empty() || rest.starts_with(" #")).then(|| index + quoted.matches('\n').count())
}

/// Some lines, the first one from a byte on; none if they are too many to be one value.
fn joined(lines: &[String], first: usize, last: usize, start: usize) -> Option<String> {
    let lines = lines.get(first..=last)?;
    let short = lines.iter().map(String::len).sum::<usize>() <= MAX_VALUE;
    short.then(|| lines.join("\n").get(start..).map(str::to_owned))?
}

/// The lines with everything from byte `start` of the first one inside single quotes, which fold lines as plain text does.
fn quoted(lines: &[String], first: usize, last: usize, start: usize) -> Option<Vec<String>> {
    let trimmed: Vec<&str> = lines.get(first..=last)?.iter().map(|line| line.trim_end()).collect();
    let all = trimmed.join("\n");
    let (head, text) = all.split_at_checked(start)?;
    Some((head.to_owned() + &flow::single(text)).split('\n').map(str::to_owned).collect())
}

/// Whether a value is the indicator of a block scalar, however much it says.
fn is_indicator(value: &str) -> bool {
    value.starts_with(['|', '>']) && value.chars().all(|c| "|>+- ".contains(c) || c.is_ascii_digit())
}

/// `|>-`, `>|`, `|-+`: an indicator that says too much becomes the first style and the last way of ending in it.
fn mended_indicator(value: &str) -> Option<String> {
    let mut mended = value.get(..1).filter(|_| is_indicator(value))?.to_owned();
    mended.extend(value.chars().find(|c| matches!(c, '1'..='9')));
    mended.extend(value.chars().rev().find(|c| matches!(c, '+' | '-')));
    (mended != value).then_some(mended)
}

/// The lines up to one that are not blank and do not lie inside of a block scalar, a quoted text or brackets.
fn starts(lines: &[String], at: usize) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut index = 0;
    while let Some(line) = lines.get(index).filter(|_| index <= at) {
        if !line.trim().is_empty() {
            starts.push(index);
            let header = header(line);
            let indicator = header.value().split(" #").next().unwrap_or_default().trim();
            index = if is_indicator(indicator) && (header.key.is_some() || header.dash.is_some()) {
                continuation(lines, index, header.depth())
            } else {
                bracketed(lines, index, &header).or_else(|| closed(lines, index, &header)).unwrap_or(index)
            };
        }
        index += 1;
    }
    starts
}

fn header(line: &str) -> Header<'_> {
    let indent = spaces(line);
    let (mut at, mut dash) = (indent, None);
    while line.get(at..).is_some_and(|rest| rest == "-" || rest.starts_with("- ")) {
        dash = Some(at);
        at += 1;
        at += line.get(at..).map_or(0, spaces);
    }
    let rest = line.get(at..).unwrap_or_default();
    // A quoted key may itself hold a colon.
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    let from = quote.and_then(|quote| rest.get(1..)?.find(quote)).map_or(0, |close| close + 2);
    let colon = rest.get(from..).filter(|_| !rest.starts_with(['{', '['])).and_then(|tail| {
        let found = tail.find(": ").or_else(|| tail.find(":\t"));
        let at = found.or_else(|| Some(tail.trim_end().strip_suffix(':')?.len()))?;
        (quote.is_none() || at == 0).then_some(from + at)
    });
    let Some(colon) = colon.filter(|colon| *colon > 0) else {
        return Header { line, indent, key: None, dash, start: at };
    };
    let after = rest.get(colon + 1..).unwrap_or_default();
    let key = rest.get(..colon).unwrap_or_default().trim_matches(['"', '\'']);
    Header { line, indent, key: Some((key, at)), dash, start: line.len() - after.trim_start().len() }
}

fn spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
