//! `spec check`: the written documents are what pages and patches give, and the library agrees with them.
//!
//! The library's tests write the schemas, so this works although the generated code may not compile. Agreement is a join of
//! two lists of rows (see `facts.rs`): what one side alone says is a failure, unless `spec/allowed.yaml` allows it. What the
//! library passes through without knowing it (a new optional property, a new value of an open enumeration) is a remark and
//! no failure. `spec/README.md` counts the rows, and lists what is allowed.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use similar::TextDiff;

use crate::error::{Error, Result, one_line};
use crate::facts::{ALWAYS, Direction, Fact, find, inside, kind, merge, narrower, of_document, of_schema, shown};
use crate::import::import_all;
use crate::library::{Allowed, Covered, Described, OPEN_ENUM, described, read_text, schemas};
use crate::roots::{self, ALLOWED, README};
use crate::tree::Node;

/// Enough of a difference to see what it is; the command to run replaces the rest.
const MAX_DIFF_LINES: usize = 200;
/// Where the text about coverage begins and ends in `spec/README.md`.
const MARKS: [&str; 2] = ["<!-- coverage: written by `cargo xtask spec check --write` -->", "<!-- coverage: end -->"];

/// What a comparison of the library with a document found: what must be corrected, what is worth knowing, and what is
/// covered, as `spec/README.md` has it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    failures: Vec<String>,
    remarks: Vec<String>,
    coverage: String,
}

/// Runs all checks; gives remarks, which are no failures.
///
/// # Errors
/// Everything that failed, or the first input that is refused.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let (text, found) = findings(root)?;
    let stale = roots::OUTPUTS.iter().filter_map(|name| stale(&root.join(name), name, &text));
    let mut failures: Vec<String> = stale.chain(found.failures).collect();
    let readme = read_text(root, README)?;
    if written(&readme, &found.coverage)? != readme {
        failures.push(format!("{README}:1: the part on coverage is not current; run `cargo xtask spec check --write`"));
    }
    if failures.is_empty() { Ok(found.remarks) } else { Err(Error::Failed(failures.join("\n"))) }
}

/// Writes what is covered into `spec/README.md`.
///
/// # Errors
/// Pages, a schema or a list that cannot be read, or a text without the two marks.
pub fn write_table(root: &Path) -> Result<()> {
    let text = written(&read_text(root, README)?, &findings(root)?.1.coverage)?;
    roots::write(&root.join(README), README, &text)
}

/// The text that an import gives, and what the comparison with it finds.
fn findings(root: &Path) -> Result<(String, Findings)> {
    let imported = import_all(root)?;
    let allowed = Allowed::parse(&read_text(root, ALLOWED)?, ALLOWED)?;
    Ok((imported.text, compare(&schemas(root)?, &imported.document, allowed)))
}

fn written(readme: &str, coverage: &str) -> Result<String> {
    let [begin, end] = MARKS;
    let parts = readme.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let missing = || Error::Failed(format!("{README}:1: expected the marks `{begin}` and `{end}`"));
    let (before, after) = parts.ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n\n{coverage}\n{end}{after}"))
}

/// Compares the library's schemas with the document's requests.
fn compare(library: &[Covered], document: &Node, mut allowed: Allowed) -> Findings {
    let all = described(document);
    let rows = of_document(document, &all);
    let mut findings = Findings::default();
    let (mut failures, mut coverage) = (Vec::new(), String::new());
    for covered in library {
        let name = &covered.name;
        let create = match covered.create(&all) {
            Some(create) if create.body().is_some() => create,
            Some(Described { node, path, .. }) => {
                failures.push(format!("{}: POST {path} has no JSON body; edit {}", node.place, covered.file()));
                continue;
            }
            None => {
                let file = covered.file();
                failures.push(format!("{file}:1: no POST of the document ends in /{name}; edit {}", roots::PATCHES));
                continue;
            }
        };
        let of = rows.iter().filter(|row| row.operation == *name).cloned();
        let (responses, mut theirs): (Vec<Fact>, Vec<Fact>) = of.partition(|row| row.direction == Direction::Response);
        let (facts, open, mut ours) = (theirs.len(), responses.len(), of_schema(covered));
        merge(&mut theirs, &ours);
        merge(&mut ours, &theirs);
        let (allowed, findings) = (&mut allowed, &mut findings);
        let mut join = Join { create, theirs: &theirs, ours: &ours, allowed, findings, exceptions: 0 };
        join.run();
        let _ = write!(coverage, "- `{name}`: {facts} facts, {} exceptions", join.exceptions);
        coverage.push_str(&if open == 0 {
            "\n".to_owned()
        } else {
            format!("; {open} facts of responses, open by design\n")
        });
    }
    let is_covered = |one: &Described| library.iter().any(|covered| covered.name == one.operation);
    for one in all.iter().filter(|one| one.method == "POST" && !is_covered(one)) {
        let (operation, path, place, file) = (&one.operation, &one.path, &one.node.place, one.source());
        if let Some((entry, _)) = allowed.find(operation, None) {
            let _ = writeln!(coverage, "- `{operation}`: described, not covered: {}", reason(entry));
        } else {
            let entry = format!("an entry `operation: {operation}` without a pointer to {ALLOWED}");
            failures.push(format!("{place}: POST {path} is not in the library; edit {file}, or add {entry}"));
        }
    }
    findings.failures.extend(failures);
    // Where something differs, an entry may wait for that correction.
    if findings.failures.is_empty() {
        findings.failures = allowed.unused();
    }
    coverage.push_str("\n| operation | what | document | library | why |\n|---|---|---|---|---|\n");
    for (at, sides) in allowed.used.iter().filter(|(_, sides)| !sides.is_empty()) {
        let Some(entry) = allowed.entries.get(*at) else { continue };
        let [operation, what] = ["operation", "pointer"].map(|key| cell(entry.get_text(key).unwrap_or_default()));
        let operation = if operation == "*" { "each".to_owned() } else { format!("`{operation}`") };
        let [theirs, ours] = [|[one, _]: &[String; 2]| cell(one), |[_, other]: &[String; 2]| cell(other)]
            .map(|side| sides.iter().map(side).collect::<Vec<_>>().join("; "));
        let _ = writeln!(coverage, "| {operation} | `{what}` | {theirs} | {ours} | {} |", reason(entry));
    }
    Findings { coverage, ..findings }
}

fn reason(entry: &Node) -> String {
    let [reason, source] = ["reason", "source"].map(|key| entry.get_text(key).unwrap_or_default());
    cell(&format!("{reason} ({source})"))
}

/// Text of a page as a cell: one line, no mark of its own.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;")
}

/// The rows of an operation on both sides.
struct Join<'a> {
    create: &'a Described,
    theirs: &'a [Fact],
    ours: &'a [Fact],
    allowed: &'a mut Allowed,
    findings: &'a mut Findings,
    exceptions: usize,
}

impl Join<'_> {
    fn run(&mut self) {
        let mut seen = HashSet::new();
        let (theirs, ours) = (self.theirs, self.ours);
        for (rows, others) in [(theirs, ours), (ours, theirs)] {
            let is_alone = |row: &&Fact| is_whole(&row.key) && find(others, &row.place, &row.key).is_empty();
            let alone: Vec<&Fact> = rows.iter().filter(is_alone).collect();
            for row in rows {
                // Of what the other side does not have at all, the inside needs no look of its own.
                let holder = alone.iter().find(|one| inside(&row.place, &one.place).is_some());
                let is_said = holder.is_some_and(|one| one.place != row.place || one.key != row.key);
                if !is_said && seen.insert((&row.place, kind(&row.key))) {
                    self.compare(&row.place, kind(&row.key));
                }
            }
        }
    }

    /// Compares what both sides say of one thing.
    fn compare(&mut self, place: &str, key: &str) {
        let [theirs, ours] = [self.theirs, self.ours].map(|rows| find(rows, place, key));
        let [wanted, sent] = [&theirs, &ours].map(|rows| rows.iter().map(|row| &*row.value).collect::<Vec<&str>>());
        let [new, gone] = [(&wanted, &sent), (&sent, &wanted)]
            .map(|(all, others)| all.iter().filter(|value| !others.contains(value)).copied().collect::<Vec<&str>>());
        let is_open = ours.iter().any(|row| row.key == OPEN_ENUM);
        let is_required = find(self.theirs, place, "required").iter().any(|row| row.value == ALWAYS);
        let has_field = || !find(self.ours, place, "property").is_empty();
        let agrees = match key {
            "x-media" => true,
            // The schemas describe bodies only.
            "parameter" => false,
            "required" => new.is_empty() || sent.contains(&ALWAYS) || !(is_required || has_field()),
            "type" if wanted.is_empty() => true,
            "type" => !sent.is_empty() && gone.iter().all(|one| *one == "integer" && wanted.contains(&"number")),
            "enum" => gone.is_empty() && (new.is_empty() || is_open),
            // Schemas of nothing state the least there can be.
            _ if wanted.is_empty() => key.starts_with("min") && gone == ["0"],
            _ => gone.is_empty() && !sent.is_empty(),
        };
        let line = |rows: &[Fact]| {
            let near = rows.iter().rev().filter(|row| inside(place, &row.place).is_some());
            let row = find(rows, place, key).first().copied().or(near.max_by_key(|row| row.place.len()));
            row.map_or(&self.create.node.place, |row| &row.source).clone()
        };
        let (source, schema) = (line(self.theirs), line(self.ours));
        let file = match key {
            "enum" => "src/values.rs".to_owned(),
            "parameter" => "src/client.rs".to_owned(),
            _ => self.create.file(|word| key != "required" && !find(self.ours, place, word).is_empty()),
        };
        if is_open && !new.is_empty() {
            let text =
                format!("{source}: {} may be {}: sent unchanged; name it in {file}", shown(place), new.join(", "));
            self.findings.remarks.push(text);
        }
        if agrees {
            return;
        }
        let mut text = match (is_whole(key), new.is_empty()) {
            (true, true) => format!("only the library has this {key}{}", self.renamed(place)),
            (true, false) if is_required => format!("only the document has this {key}, and requires it"),
            (true, false) => format!("only the document has this {key}"),
            _ => {
                let sides =
                    [("document", &new), ("library", &gone)].into_iter().filter(|(_, values)| !values.is_empty());
                let texts = sides.map(|(side, values)| format!("only the {side} says {}", values.join(", ")));
                texts.collect::<Vec<_>>().join(", ")
            }
        };
        let pointer = if is_whole(key) { place.to_owned() } else { format!("{place}/{key}") };
        if let Some((entry, sides)) = self.allowed.find(&self.create.operation, Some(&pointer)) {
            if entry.get("narrower").is_none() || narrower(key, &sent, &wanted) {
                sides.insert([self.theirs, self.ours].map(|rows| said(rows, place, key)));
                self.exceptions += 1;
                return;
            }
            text = format!("{text}; {} allows a narrower library only", entry.place);
        }
        let pointer = shown(&pointer);
        if is_whole(key) && ours.is_empty() && key != "parameter" && !is_required {
            self.findings.remarks.push(format!("{source}: {pointer}: {text}; not in {file}: `extra` sends it"));
        } else {
            self.findings.failures.push(format!("{source}: {pointer}: {text}; edit {file} ({schema}), or {ALLOWED}"));
        }
    }

    /// The properties that the document alone has beside one of the library's, which may have become one of them.
    fn renamed(&self, place: &str) -> String {
        let parent = |place: &str| place.rsplit_once('.').map(|(parent, _)| parent.to_owned());
        let is_new = |at: &&str| parent(at) == parent(place) && find(self.ours, at, "property").is_empty();
        let new = self.theirs.iter().filter(|row| row.key == "property").map(|row| &*row.place).filter(is_new);
        let new: Vec<&str> = new.collect();
        if new.is_empty() { String::new() } else { format!(" (renamed? the document has {})", new.join(", ")) }
    }
}

/// Whether a key says that there is something at all.
fn is_whole(key: &str) -> bool {
    matches!(key, "property" | "alternative" | "parameter")
}

/// What a side says of a key, or all that it says of something that the other side does not have.
fn said(rows: &[Fact], place: &str, key: &str) -> String {
    let rows = rows.iter().filter(|row| row.place == place && (is_whole(key) || kind(&row.key) == key));
    let key = |row: &Fact| if is_whole(key) { format!("{} ", row.key) } else { String::new() };
    let texts: Vec<String> = rows.map(|row| (key(row) + &row.value).trim_end().to_owned()).collect();
    if texts.is_empty() { "–".to_owned() } else { texts.join(", ") }
}

fn stale(path: &Path, name: &str, expected: &str) -> Option<String> {
    let remedy = "run `cargo xtask spec import`; it is never edited by hand";
    let found = match std::fs::read(path) {
        Ok(bytes) if bytes == expected.as_bytes() => return None,
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return Some(format!("{name}:1: cannot be read: {error}; {remedy}")),
    };
    let diff = TextDiff::from_lines(&*found, expected);
    let text = diff.unified_diff().header(name, "what the pages and patches give").to_string();
    let lines = text.lines().take(MAX_DIFF_LINES).chain(text.lines().nth(MAX_DIFF_LINES).map(|_| "…"));
    let lines: Vec<&str> = lines.collect();
    Some(format!("{name}:1: is not what the pages and patches give; {remedy}\n{}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_not_current_is_shown_with_its_difference_and_the_command() {
        let path = std::env::temp_dir().join(format!("xtask-check-{}.yaml", std::process::id()));
        assert!(std::fs::write(&path, "a: 1\nb: 2\n").is_ok());
        let same = stale(&path, "openapi.yaml", "a: 1\nb: 2\n");
        let found = stale(&path, "openapi.yaml", "a: 1\nb: 3\n").unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        assert_eq!(same, None);
        assert!(
            found.starts_with("openapi.yaml:1: is not what the pages and patches give; run `cargo xtask spec import`"),
            "{found}"
        );
        assert!(found.contains("\n-b: 2\n+b: 3"), "{found}");
        assert!(stale(&path, "openapi.yaml", "").is_some_and(|text| text.contains("cannot be read")));
    }
}
