//! The day the vendor's page changes: what became different, how much it matters, and what it means for this library.
//!
//! Both sides are read by the importer's own reader, compared as any two OpenAPI documents are, and then as this vendor's:
//! prose that states constraints, repairs, patches, states of operations, examples.

mod accepted;
mod client;
mod contradictions;
mod format;
mod prose;
mod report;
mod side;
mod validate;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::compare::{self, Change, Level, Operation, Options, Pair};
use crate::error::{Error, Result};
use crate::import::mended;
use crate::page::{Page, sha256};
use crate::patch;
use crate::roots;
use crate::tree::Place;

pub use accepted::Accepted;
pub use client::Client;
pub use format::{Format, sum, write};
pub use report::{Counts, Entry, FailOn, Report, schema};
pub use side::{Sheet, Side, api_id, read};

/// The state in which the vendor says that an operation may be used.
const RELEASED: &str = "released";
/// Where the vendor's tool says so.
const STATUS: &str = "x-apifox-status";
/// Enough of a hash that no two changes share it, little enough to be copied by hand.
const FINGERPRINT: usize = 16;

/// What to compare.
#[derive(Debug, Clone)]
pub struct Question {
    /// The older side; without it, the pages in `spec/vendor`.
    pub base: Option<PathBuf>,
    /// The newer side.
    pub revision: PathBuf,
    /// Whether changes of words are listed too.
    pub show_text: bool,
}

/// Compares two sides.
///
/// # Errors
/// A side that cannot be read: that is never "no drift".
pub fn drift(root: &Path, question: &Question) -> Result<Report> {
    let usual = root.join(roots::VENDOR);
    let base = side::read(root, question.base.as_deref().unwrap_or(&usual))?;
    let revision = side::read(root, &question.revision)?;
    let accepted = Accepted::read_file(&root.join(roots::ACCEPTED), roots::ACCEPTED)?;
    between(root, (&base, &revision), &Client::read(root), &accepted, question.show_text)
}

/// Compares two sides that were read already.
///
/// # Errors
/// Sides that cannot be compared.
pub fn between(
    root: &Path,
    (base, revision): (&Side, &Side),
    client: &Client,
    accepted: &Accepted,
    show_text: bool,
) -> Result<Report> {
    // One page is the successor of one page of a folder; the others are not gone.
    let (near, far) = if base.folder && !revision.folder { base.about(revision) } else { (base.clone(), Vec::new()) };
    let (old, new) = (near.document()?, revision.document()?);
    let look = |pair: &Pair<'_>| prose::look(pair, client);
    let options = Options { identity: &api_id, look: &look, today: today() };
    let compared = compare::compare(&old, &new, &options)?;
    let mut changes = compared.changes;
    // The contradictions below find these wherever they stand, in what is new too.
    changes.retain(|change| change.id != compare::NO_PROPERTY);
    changes.iter_mut().for_each(status);
    changes.extend(contradictions::new_ones(&old, &new));
    changes.extend(repairs(&near, revision));
    changes.extend(patches(root, (&near, revision), &far)?);

    let before: HashMap<&Operation, &Operation> = compared.matched.iter().map(|(old, new)| (new, old)).collect();
    let mut report = Report::default();
    let mut seen: Vec<String> = Vec::new();
    for change in changes {
        let known = change.operation.as_ref().map(|operation| before.get(operation).copied().unwrap_or(operation));
        let fingerprint = fingerprint(&change, known);
        if accepted.holds(&fingerprint) {
            report.counts.accepted += 1;
            seen.push(fingerprint);
            continue;
        }
        report.counts.add(change.level);
        if change.level == Level::Text && !show_text {
            continue;
        }
        let meaning = client.meaning(&change, known);
        report.changes.push(Entry {
            id: change.id,
            level: change.level,
            operation: change.operation,
            pointer: change.pointer,
            line: change.place.line,
            before: change.before,
            after: change.after,
            meaning,
            fingerprint,
            place: Some(change.place),
        });
    }
    report.changes.sort_by_key(|entry| std::cmp::Reverse(entry.level));
    report.remarks = accepted.unused(&|fingerprint| seen.iter().any(|other| other == fingerprint));
    Ok(report)
}

/// What tells a change from every other one, wherever it stands in its file.
fn fingerprint(change: &Change, known: Option<&Operation>) -> String {
    let operation = known.map_or_else(String::new, |known| format!("{} {}", known.method, known.path));
    let none = "\u{0}";
    // What a patch found names lines; what it is about does not.
    let after = change.after.as_deref().filter(|_| !change.id.starts_with("patch-"));
    let parts =
        [change.id.as_str(), &operation, &change.site, change.before.as_deref().unwrap_or(none), after.unwrap_or(none)];
    let mut hash = sha256(parts.join("\u{1}").as_bytes());
    hash.truncate(FINGERPRINT);
    hash
}

/// An operation that went back from released is nothing to build on any more.
fn status(change: &mut Change) {
    if change.id != "extension-changed" || !change.pointer.ends_with(&format!("/{STATUS}")) {
        return;
    }
    "operation-status-changed".clone_into(&mut change.id);
    let forward = change.after.as_deref() == Some(RELEASED) || change.before.as_deref() != Some(RELEASED);
    change.level = if forward { Level::Additive } else { Level::Warning };
}

/// What has to be repaired now and had not to be, and the other way round.
fn repairs(base: &Side, revision: &Side) -> Vec<Change> {
    let list = |side: &Side| -> Vec<(Place, String, String)> {
        let mut all = Vec::new();
        for sheet in &side.sheets {
            all.extend(sheet.repairs.iter().map(|r| (r.place.clone(), r.before.clone(), r.after.clone())));
            all.extend(sheet.notes.iter().map(|note| (note.place.clone(), String::new(), note.text.clone())));
        }
        all
    };
    let (mut old, mut new) = (list(base), list(revision));
    old.retain(|(_, before, after)| {
        let found = new.iter().position(|(_, b, a)| b == before && a == after);
        found.map(|index| new.remove(index)).is_none()
    });
    let mut changes = Vec::new();
    let mut add = |id: &str, place: &Place, before: Option<String>, after: Option<String>| {
        changes.push(Change {
            id: id.to_owned(),
            level: Level::Text,
            direction: None,
            operation: None,
            pointer: String::new(),
            site: "/repairs".to_owned(),
            place: place.clone(),
            before,
            after,
        });
    };
    let said = |(_, before, after): &(Place, String, String)| {
        if before.is_empty() { after.clone() } else { format!("{before} → {after}") }
    };
    let mut old = old.iter();
    for one in &new {
        match old.next() {
            Some(other) => add("repair-changed", &one.0, Some(said(other)), Some(said(one))),
            None => add("repair-new", &one.0, None, Some(said(one))),
        }
    }
    old.for_each(|other| add("repair-gone", &other.0, Some(said(other)), None));
    changes
}

/// Whether our patches still fit, once the newer pages stand where the older ones do.
fn patches(root: &Path, (base, revision): (&Side, &Side), far: &[Sheet]) -> Result<Vec<Change>> {
    let path = root.join(roots::PATCHES);
    let published = |side: &Side| side.sheets.iter().all(|sheet| sheet.page.published);
    if !published(base) || !published(revision) || !path.is_file() {
        return Ok(Vec::new());
    }
    let patches = patch::read_file(&path, roots::PATCHES)?;
    let pages = |side: &Side| -> Vec<Page> { side.sheets.iter().chain(far).map(|sheet| sheet.page.clone()).collect() };
    // Pages that our patches were never written for say nothing about them.
    let Ok(old) = mended(&pages(base), Some(&patches)) else { return Ok(Vec::new()) };
    if !old.problems.is_empty() {
        return Ok(Vec::new());
    }
    let problems = mended(&pages(revision), Some(&patches)).map_err(refusal)?.problems;
    let change = |problem: patch::Problem| Change {
        id: if problem.obsolete { "patch-obsolete" } else { "patch-failed" }.to_owned(),
        level: Level::Breaking,
        direction: None,
        operation: None,
        pointer: String::new(),
        site: format!("/patches/{}", problem.target),
        place: problem.place,
        before: Some(problem.target),
        after: Some(problem.text),
    };
    Ok(problems.into_iter().map(change).collect())
}

/// A newer side that cannot be imported is an unreadable one, whatever the import calls it.
fn refusal(error: Error) -> Error {
    Error::Refused(crate::error::one_line(&error.to_string()))
}

fn today() -> i64 {
    /// Seconds.
    const DAY: u64 = 24 * 60 * 60;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds / DAY).unwrap_or_default()
}
