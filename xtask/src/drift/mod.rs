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
use crate::roots;
use crate::tree::Place;

pub use accepted::Accepted;
pub use client::Client;
use described::Descriptions;
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
    /// The older side; without it, the pages in `spec/vendor` and the descriptions in `spec/operations`.
    pub base: Option<PathBuf>,
    /// The newer side.
    pub revision: Vec<PathBuf>,
    /// Whether changes of words are listed too.
    pub show_text: bool,
}

/// A change of a page.
struct Found {
    /// The page, as it calls itself.
    page: Option<String>,
    change: Change,
    /// The operation that the library knows, in its older place.
    known: Option<Operation>,
    /// What it means, where the library cannot say it.
    meaning: Option<String>,
}

/// Compares pages with what is known of their operations, or two sides with each other.
///
/// # Errors
/// A side that cannot be read: that is never "no drift".
pub fn drift(root: &Path, question: &Question) -> Result<Report> {
    let revision = side::read(root, &question.revision)?;
    if let Some(base) = &question.base {
        let base = side::read(root, std::slice::from_ref(base))?;
        return between(&Client::read(root), (&base, &revision), question.show_text);
    }
    let vendor = side::read(root, &[root.join(roots::VENDOR)])?;
    let accepted = Accepted::read_file(&root.join(roots::ACCEPTED), roots::ACCEPTED)?;
    let (client, own) = (Client::read(root), descriptions(root)?);
    let (mut found, mut compared) = (Vec::new(), Vec::new());
    for sheet in &revision.sheets {
        let title = sheet.title();
        let of_page = |change: Change, known: Option<&Operation>, meaning: Option<String>| Found {
            page: Some(title.clone()),
            change,
            known: known.cloned(),
            meaning,
        };
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
                let new = Change { place, operation, ..Change::of("endpoint-added", Level::Additive) };
                found.push(of_page(new, None, None));
                continue;
            };
            let meaning = format!("{file}: follow the page, or expect the difference in {}", roots::ACCEPTED);
            let contradictions = own.contradictions(&page, &operation).into_iter();
            found.extend(contradictions.map(|change| of_page(change, Some(&operation), Some(meaning.clone()))));
        }
        for change in changes.into_iter().chain(patches(root, &vendor, sheet)?) {
            let operation = change.operation.as_ref();
            // Where requests go is asked once for all pages; what another page describes is not gone from this one.
            let elsewhere = |operation: &Operation| {
                let mut others = revision.sheets.iter().filter(|other| other.path != sheet.path);
                !before.contains_key(operation)
                    && others.any(|other| other.operations().any(|(one, _)| one == *operation))
            };
            if !change.id.starts_with("api-server")
                && change.id != "endpoint-added"
                && !operation.is_some_and(elsewhere)
            {
                let known = operation.map(|operation| before.get(operation).unwrap_or(operation).clone());
                found.push(of_page(change, known.as_ref(), None));
            }
        }
    }
    let run = servers(&vendor, &revision).into_iter().chain(gone(&vendor, &revision));
    found.extend(run.map(|change| Found { page: None, known: change.operation.clone(), change, meaning: None }));
    Ok(expecting(found, &compared, &client, &accepted, question.show_text))
}

/// The report of what was found beside what is expected, and of what is expected and was not found.
fn expecting(
    mut found: Vec<Found>,
    compared: &[(String, String)],
    client: &Client,
    accepted: &Accepted,
    show_text: bool,
) -> Report {
    let meaning = format!("{}: delete the row; the page does not differ there any more", roots::ACCEPTED);
    let missing =
        accepted.missing(compared, |page, row| found.iter().any(|one| one.page.as_deref() == page && row(&one.change)));
    found.extend(missing.into_iter().map(|(place, what)| Found {
        page: None,
        change: Change { place, before: Some(what), ..Change::of("expected-row-missing", Level::Warning) },
        known: None,
        meaning: Some(meaning.clone()),
    }));
    report(found, client, accepted, show_text)
}

/// Compares two sides as they are.
///
/// # Errors
/// Sides that cannot be compared.
pub fn between(client: &Client, (base, revision): (&Side, &Side), show_text: bool) -> Result<Report> {
    let (changes, before) = compare(base, revision, client)?;
    let found = changes.into_iter().map(|change| {
        let known = change.operation.as_ref().map(|operation| before.get(operation).unwrap_or(operation).clone());
        Found { page: None, change, known, meaning: None }
    });
    Ok(report(found.collect(), client, &Accepted::default(), show_text))
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
    let pages: Vec<Page> = roots::documents_in(&root.join(roots::OPERATIONS), roots::OPERATIONS)?
        .iter()
        .map(|path| page::open(path, &roots::shown(root, path)))
        .collect::<Result<_>>()?;
    Ok(Descriptions::new(mended(&pages, None)?.document))
}

/// Makes a report of what was found, without what is expected.
fn report(found: Vec<Found>, client: &Client, accepted: &Accepted, show_text: bool) -> Report {
    let mut report = Report::default();
    for Found { page, change, known, meaning } in found {
        if accepted.holds(page.as_deref(), &change) {
            report.counts.accepted += 1;
            continue;
        }
        let fingerprint = fingerprint(&change, known.as_ref());
        let meaning = meaning.unwrap_or_else(|| client.meaning(&change, known.as_ref()));
        let entry = Entry {
            id: change.id,
            level: change.level,
            page,
            operation: change.operation,
            pointer: change.pointer,
            line: change.place.line,
            before: change.before,
            after: change.after,
            meaning,
            fingerprint,
            place: Some(change.place),
        };
        report.counts.add(entry.level);
        if entry.level > Level::Text || show_text {
            report.changes.push(entry);
        }
    }
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
        let (site, place) = ("/repairs".to_owned(), place.clone());
        changes.push(Change { site, place, before, after, ..Change::of(id, Level::Text) });
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

/// Whether our patches still fit, once a newer page stands where an older one does.
fn patches(root: &Path, vendor: &Side, newer: &Sheet) -> Result<Vec<Change>> {
    let path = root.join(roots::PATCHES);
    let (near, _) = vendor.about(newer);
    let [replaced] = near.sheets.as_slice() else { return Ok(Vec::new()) };
    if !path.is_file() || !newer.page.published {
        return Ok(Vec::new());
    }
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
    let (old, new) = (urls(vendor), urls(revision));
    let (_, place) = new.iter().find(|(url, _)| !old.contains_key(*url))?;
    let all = |urls: Vec<&String>| Some(urls.into_iter().cloned().collect::<Vec<_>>().join(", "));
    let before = all(old.keys().collect());
    let after = all(new.keys().filter(|url| !old.contains_key(*url)).collect());
    Some(Change { place: place.clone(), before, after, ..Change::of("api-server-changed", Level::Warning) })
}

/// The operations of vendored pages that no page of a folder describes any more.
fn gone(vendor: &Side, revision: &Side) -> Vec<Change> {
    let is_gone = |sheet: &&Sheet| revision.folder && revision.about(sheet).0.sheets.is_empty();
    let gone = vendor.sheets.iter().filter(is_gone).flat_map(Sheet::operations);
    gone.map(|(operation, node)| Change {
        place: node.place.clone(),
        before: Some(format!("{} {}", operation.method, operation.path)),
        operation: Some(operation),
        ..Change::of("api-path-removed-without-deprecation", Level::Breaking)
    })
    .collect()
}

/// A newer side that cannot be imported is an unreadable one, whatever the import calls it.
fn refusal(error: Error) -> Error {
    Error::Refused(crate::error::one_line(&error.to_string()))
}
