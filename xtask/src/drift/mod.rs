//! The day the vendor's page changes: what became different, how much it matters, and what it means for this library.
//!
//! Both sides are read by the importer's own reader, compared as any two OpenAPI documents are, and then as this vendor's:
//! prose that states constraints, repairs, patches, states of operations, examples.

mod accepted;
mod client;
mod contradictions;
mod described;
mod format;
mod prose;
mod report;
mod side;
mod validate;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::compare::{self, Change, Level, Operation, Options, Pair};
use crate::error::{Error, Result};
use crate::ident::operation_id;
use crate::import::mended;
use crate::page::{self, Page, sha256};
use crate::patch;
use crate::repair::Repair;
use crate::roots;
use crate::rules::Note;
use crate::tree::Place;

use accepted::Accepted;
pub use client::Client;
use described::Descriptions;
pub use format::{Format, write};
pub use report::{Counts, Entry, FailOn, Report, schema};
use side::{Sheet, api_id};
pub use side::{Side, read};

/// What to compare.
#[derive(Debug, Clone)]
pub struct Question {
    /// The older side; without it, the pages in `spec/vendor` and the descriptions in `spec/operations`.
    pub base: Option<PathBuf>,
    /// The newer side.
    pub revision: Vec<PathBuf>,
    /// Whether changes of words are listed too.
    pub show_text: bool,
}

/// Compares pages with what is known of their operations, or two sides with each other. A side that cannot be read is an
/// error, and never "no drift".
pub fn drift(root: &Path, question: &Question) -> Result<Report> {
    let revision = side::read(root, &question.revision)?;
    let client = Client::read(root);
    if let Some(base) = &question.base {
        let base = side::read(root, std::slice::from_ref(base))?;
        return between(&client, (&base, &revision), question.show_text);
    }
    let vendor = side::read(root, &[root.join(roots::VENDOR)])?;
    let accepted = Accepted::read_file(&root.join(roots::ACCEPTED), roots::ACCEPTED)?;
    let own = descriptions(root)?;
    let (mut found, mut compared) = (Vec::new(), Vec::new());
    let mut add = |page: Option<&str>, change, known: Option<&Operation>, meaning: Option<&str>| {
        found.push(entry(&client, page, change, (known, meaning)));
    };
    for sheet in &revision.sheets {
        let title = sheet.title();
        let (near, _) = vendor.about(sheet);
        let alone = Side { sheets: vec![sheet.clone()], folder: false };
        let (changes, before) =
            if near.sheets.is_empty() { Default::default() } else { compare(&near, &alone, &client)? };
        let page = mended(std::slice::from_ref(&sheet.page), None).map_err(refusal)?.document;
        for (operation, node) in sheet.operations() {
            compared.push((title.clone(), operation_id(&operation.method.to_ascii_lowercase(), &operation.path)));
            if before.contains_key(&operation) {
                continue;
            }
            let Some(file) = own.file(&operation) else {
                let (place, operation) = (node.place.clone(), Some(operation));
                let change = Change { place, operation, ..Change::of("endpoint-added", Level::Additive) };
                add(Some(&*title), change, None, None);
                continue;
            };
            let meaning = format!("{file}: follow the page, or expect the difference in {}", roots::ACCEPTED);
            for change in own.contradictions(&page, &operation) {
                add(Some(&*title), change, Some(&operation), Some(&*meaning));
            }
        }
        for change in changes.into_iter().chain(patches(root, &vendor, sheet)?) {
            // Where requests go is asked once for all pages; what another page describes is not gone from this one.
            let elsewhere = |operation: &Operation| {
                let mut others = revision.sheets.iter().filter(|other| other.path != sheet.path);
                !before.contains_key(operation)
                    && others.any(|other| other.operations().any(|(one, _)| one == *operation))
            };
            let operation = change.operation.clone();
            if !change.id.starts_with("api-server")
                && change.id != "endpoint-added"
                && !operation.as_ref().is_some_and(elsewhere)
            {
                add(Some(&*title), change, operation.as_ref().map(|one| before.get(one).unwrap_or(one)), None);
            }
        }
    }
    for change in servers(&vendor, &revision).into_iter().chain(gone(&vendor, &revision)) {
        let known = change.operation.clone();
        add(None, change, known.as_ref(), None);
    }
    let meaning = format!("{}: delete the row; the page does not differ there any more", roots::ACCEPTED);
    for (place, what) in accepted.missing(&compared, &found) {
        let change = Change { place, before: Some(what), ..Change::of("expected-row-missing", Level::Warning) };
        found.push(entry(&client, None, change, (None, Some(&meaning))));
    }
    Ok(report(found, &accepted, question.show_text))
}

/// Compares two sides as they are.
pub fn between(client: &Client, (base, revision): (&Side, &Side), show_text: bool) -> Result<Report> {
    let (changes, before) = compare(base, revision, client)?;
    let found = changes.into_iter().map(|change| {
        let operation = change.operation.clone();
        entry(client, None, change, (operation.as_ref().map(|one| before.get(one).unwrap_or(one)), None))
    });
    Ok(report(found.collect(), &Accepted::default(), show_text))
}

/// A change as the report has it: the page that calls itself so, the operation as the library knows it, and what it means
/// where the library cannot say it.
fn entry(
    client: &Client,
    page: Option<&str>,
    change: Change,
    (known, meaning): (Option<&Operation>, Option<&str>),
) -> Entry {
    Entry {
        meaning: meaning.map_or_else(|| client.meaning(&change, known), str::to_owned),
        fingerprint: fingerprint(&change, known),
        id: change.id,
        level: change.level,
        page: page.map(str::to_owned),
        operation: change.operation,
        pointer: change.pointer,
        line: change.place.line,
        before: change.before,
        after: change.after,
        place: Some(change.place),
    }
}

/// What became different, and which operation of the newer side was which of the older.
fn compare(base: &Side, revision: &Side, client: &Client) -> Result<(Vec<Change>, HashMap<Operation, Operation>)> {
    let (old, new) = (base.document()?, revision.document()?);
    let look = |pair: &Pair<'_>| prose::look(pair, client);
    let options = Options { identity: &api_id, look: &look };
    let compared = compare::compare(&old, &new, &options)?;
    let mut changes = compared.changes;
    // The contradictions below find these wherever they stand, in what is new too.
    changes.retain(|change| change.id != compare::NO_PROPERTY);
    changes.iter_mut().for_each(status);
    changes.extend(contradictions::new_ones(&old, &new));
    changes.extend(repairs(base, revision));
    Ok((changes, compared.matched.into_iter().map(|(old, new)| (new, old)).collect()))
}

/// Our own descriptions.
fn descriptions(root: &Path) -> Result<Descriptions> {
    let files = roots::documents_in(&root.join(roots::OPERATIONS), roots::OPERATIONS)?;
    let pages = files.iter().map(|path| page::open(path, &roots::shown(root, path))).collect::<Result<Vec<_>>>()?;
    Ok(Descriptions::new(mended(&pages, None)?.document))
}

/// Makes a report of what was found, without what is expected.
fn report(found: Vec<Entry>, accepted: &Accepted, show_text: bool) -> Report {
    let mut report = Report::default();
    let (expected, found): (Vec<Entry>, Vec<Entry>) = found.into_iter().partition(|entry| accepted.holds(entry));
    report.counts.accepted = expected.len();
    found.iter().for_each(|entry| report.counts.add(entry.level));
    report.changes = found.into_iter().filter(|entry| entry.level > Level::Text || show_text).collect();
    // By operation, the gravest first; then what is new. A query and a list stand beside their POST.
    let group = |entry: &Entry| {
        let path = entry.operation.as_ref().map(|one| one.path.split("/{").next().unwrap_or_default().to_owned());
        (entry.id == "endpoint-added", path)
    };
    let mut gravest: BTreeMap<(bool, Option<String>), Level> = BTreeMap::new();
    for entry in &report.changes {
        let level = gravest.entry(group(entry)).or_insert(entry.level);
        *level = entry.level.max(*level);
    }
    report.changes.sort_by_cached_key(|entry| {
        let group = group(entry);
        (group.0, Reverse(gravest.get(&group).copied()), group, Reverse(entry.level))
    });
    report
}

/// What tells a change from every other one, wherever it stands in its file.
fn fingerprint(change: &Change, known: Option<&Operation>) -> String {
    let operation = known.map_or_else(String::new, Operation::to_string);
    let none = "\u{0}";
    // What a patch found names lines; what it is about does not.
    let after = change.after.as_deref().filter(|_| !change.id.starts_with("patch-"));
    let parts =
        [change.id.as_str(), &operation, &change.site, change.before.as_deref().unwrap_or(none), after.unwrap_or(none)];
    // Enough of a hash that no two changes share it, little enough to be copied by hand.
    sha256(parts.join("\u{1}").as_bytes()).chars().take(16).collect()
}

/// An operation that went back from released is nothing to build on any more. The vendor's tool says in which state it is.
fn status(change: &mut Change) {
    if change.id == "extension-changed" && change.pointer.ends_with("/x-apifox-status") {
        "operation-status-changed".clone_into(&mut change.id);
        let is_back = change.before.as_deref() == Some("released") && change.after.as_deref() != Some("released");
        change.level = if is_back { Level::Warning } else { Level::Additive };
    }
}

/// What has to be repaired now and had not to be, and the other way round.
fn repairs(base: &Side, revision: &Side) -> Vec<Change> {
    let list = |side: &Side| -> Vec<(Place, String)> {
        let all = side.sheets.iter().flat_map(|sheet| {
            let repaired = |one: &Repair| (one.place.clone(), format!("{} → {}", one.before, one.after));
            let noted = |one: &Note| (one.place.clone(), one.text.clone());
            sheet.repairs.iter().map(repaired).chain(sheet.notes.iter().map(noted))
        });
        all.collect()
    };
    let (mut old, mut new) = (list(base), list(revision));
    old.retain(|(_, text)| {
        let same = new.iter().position(|(_, other)| other == text);
        same.map(|index| new.remove(index)).is_none()
    });
    let changes = (0..old.len().max(new.len())).filter_map(|index| {
        let (was, is) = (old.get(index), new.get(index));
        let id = match (was, is) {
            (Some(_), Some(_)) => "repair-changed",
            (None, _) => "repair-new",
            (_, None) => "repair-gone",
        };
        let [before, after] = [was, is].map(|one| one.map(|(_, text)| text.clone()));
        let (site, place) = ("/repairs".to_owned(), is.or(was)?.0.clone());
        Some(Change { site, place, before, after, ..Change::of(id, Level::Text) })
    });
    changes.collect()
}

/// Whether our patches still fit, once a newer page stands where an older one does.
fn patches(root: &Path, vendor: &Side, newer: &Sheet) -> Result<Vec<Change>> {
    let path = root.join(roots::PATCHES);
    let (near, _) = vendor.about(newer);
    let is_patched = path.is_file() && newer.page.published;
    let ([replaced], true) = (near.sheets.as_slice(), is_patched) else { return Ok(Vec::new()) };
    let patches = patch::read_file(&path, roots::PATCHES)?;
    let mut pages: Vec<Page> = vendor.sheets.iter().map(|sheet| sheet.page.clone()).collect();
    let old = mended(&pages, Some(&patches)).map_err(refusal)?.problems;
    for page in pages.iter_mut().filter(|page| page.name == replaced.page.name) {
        *page = Page { name: replaced.page.name.clone(), ..newer.page.clone() };
    }
    let new = mended(&pages, Some(&patches)).map_err(refusal)?.problems;
    // A patch that was stale before says nothing of this page, and hides no other.
    let problems = new.into_iter().filter(|one| !old.iter().any(|other| other.place == one.place));
    let change = |problem: patch::Problem| Change {
        site: format!("/patches/{}", problem.target),
        place: problem.place,
        before: Some(problem.target),
        after: Some(problem.text),
        ..Change::of(if problem.obsolete { "patch-obsolete" } else { "patch-failed" }, Level::Breaking)
    };
    Ok(problems.map(change).collect())
}

/// Where requests go, if it is not where the vendored pages say: one change for all pages.
fn servers(vendor: &Side, revision: &Side) -> Option<Change> {
    let urls = |side: &Side| -> BTreeMap<String, Place> {
        let lists = side.sheets.iter().filter_map(|sheet| sheet.root.get("servers")?.list());
        lists.flatten().filter_map(|one| Some((one.get_text("url")?.to_owned(), one.place.clone()))).collect()
    };
    let (old, mut new) = (urls(vendor), urls(revision));
    new.retain(|url, _| !old.contains_key(url));
    let all = |urls: &BTreeMap<String, Place>| Some(Vec::from_iter(urls.keys().cloned()).join(", "));
    let (place, before, after) = (new.values().next()?.clone(), all(&old), all(&new));
    Some(Change { place, before, after, ..Change::of("api-server-changed", Level::Warning) })
}

/// The operations of vendored pages that no page of a folder describes any more.
fn gone(vendor: &Side, revision: &Side) -> Vec<Change> {
    let is_gone = |sheet: &&Sheet| revision.folder && revision.about(sheet).0.sheets.is_empty();
    let gone = vendor.sheets.iter().filter(is_gone).flat_map(Sheet::operations);
    gone.map(|(operation, node)| Change {
        place: node.place.clone(),
        before: Some(operation.to_string()),
        operation: Some(operation),
        ..Change::of("api-path-removed-without-deprecation", Level::Breaking)
    })
    .collect()
}

/// A newer side that cannot be imported is an unreadable one, whatever the import calls it.
fn refusal(error: Error) -> Error {
    Error::Refused(crate::error::one_line(&error.to_string()))
}
