//! A general comparison of two OpenAPI 3.0 documents: two trees in, a list of changes out, each with a level.
//!
//! The direction decides: a request that gets stricter breaks, an answer that promises less breaks. What means the same is
//! the same: a `$ref` and what it leads to, a single `allOf`, alternatives of constants and an enumeration, any order of
//! names and values. What differs and fits no kind is `unclassified`; nothing is dropped. Ids are those that oasdiff uses,
//! where it has one, so that lists of ignored ids carry over. Nothing here knows any particular API; a caller may say how
//! operations are recognised, and look at each pair of schemas as well.

mod bodies;
mod compose;
mod lifecycle;
mod limits;
mod operations;
mod parameters;
mod references;
mod schemas;
mod security;
mod trail;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::error::{Error, Result};
use crate::tree::{Map, Node, Place, Value};

pub use schemas::NO_PROPERTY;
pub use trail::{Step, Trail, Which};

/// Schemas visited in one comparison: twenty times what a thousand operations need, and a few seconds at most. References
/// that fan out would otherwise visit more pairs than there are atoms.
const MAX_VISITS: usize = 1_000_000;
/// Changes in one comparison: more is another document and no drift.
const MAX_CHANGES: usize = 20_000;
/// Schemas inside schemas, references followed: no document for people comes near.
const MAX_DEPTH: usize = 500;
/// Room for that depth, in an unoptimised build too.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// How much a change matters to who calls the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Only words for people changed.
    Text,
    /// Only names in generated code change; what is sent and received stays.
    Source,
    /// There is more than before; nobody has to do anything.
    Additive,
    /// It may matter; someone should look.
    Warning,
    /// What was right before can fail now.
    Breaking,
}

/// Which way the data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What the client sends.
    Request,
    /// What it gets.
    Response,
}

/// An operation, by what a client calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
pub struct Operation {
    /// The method, in capitals.
    pub method: String,
    /// The path, as the newer document has it; for one that is gone, as the older had it.
    pub path: String,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The kind.
    pub id: String,
    /// How much it matters.
    pub level: Level,
    /// Which way the data goes, where that has a meaning.
    pub direction: Option<Direction>,
    /// The operation concerned; none for what describes the document as a whole.
    pub operation: Option<Operation>,
    /// The place in the newer document; for what is gone, in the older.
    pub pointer: String,
    /// The place by names from the operation down: stable when lists are reordered.
    pub site: String,
    /// The file and line of that place.
    pub place: Place,
    /// What was there.
    pub before: Option<String>,
    /// What is there now.
    pub after: Option<String>,
}

/// One pair of schemas that a caller's own look is offered.
pub struct Pair<'a> {
    /// Which way the data goes.
    pub direction: Direction,
    /// The operation.
    pub operation: Option<&'a Operation>,
    /// The way here.
    pub trail: &'a Trail<'a>,
    /// The older schema.
    pub base: &'a Node,
    /// The newer schema.
    pub revision: &'a Node,
}

/// What a caller found in a pair.
pub struct Found {
    /// The kind.
    pub id: String,
    /// How much it matters.
    pub level: Level,
    /// The line that says so.
    pub place: Place,
    /// What was there.
    pub before: Option<String>,
    /// What is there now.
    pub after: Option<String>,
}

/// What a caller may say.
pub struct Options<'a> {
    /// Recognises an operation, whatever its path: by an id that the publisher gives it.
    pub identity: &'a dyn Fn(&Node) -> Option<String>,
    /// Looks at each pair of schemas as well.
    pub look: &'a (dyn Fn(&Pair<'_>) -> Vec<Found> + Sync),
    /// Today, in days since 1970-01-01: what was announced to end may be gone after that day.
    pub today: i64,
}

/// What came of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// All changes, in the order of the documents.
    pub changes: Vec<Change>,
    /// The operations of both documents that are the same one: the older's, the newer's.
    pub matched: Vec<(Operation, Operation)>,
}

/// Compares two documents.
///
/// # Errors
/// Documents that are no OpenAPI at all, or that would take for ever: `$ref`s that fan out or nest beyond all measure.
pub fn compare(base: &Node, revision: &Node, options: &Options<'_>) -> Result<Comparison> {
    // What looks recognises operations before the thread starts, so that only `look` has to be shared.
    let operations = operations::matched(base, revision, options.identity)?;
    let (look, today) = (options.look, options.today);
    std::thread::scope(|scope| {
        let work = move || {
            let comparer = Comparer::new(base, revision, look, today);
            comparer.document(operations)
        };
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| refused(revision, format_args!("no thread to compare in: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(refused(revision, "cannot be compared; please report it as a defect")))
    })
}

fn refused(node: &Node, why: impl std::fmt::Display) -> Error {
    Error::refused(&node.place, why)
}

/// The state of one comparison.
struct Comparer<'a> {
    base: &'a Node,
    revision: &'a Node,
    look: &'a (dyn Fn(&Pair<'_>) -> Vec<Found> + Sync),
    today: i64,
    changes: Vec<Change>,
    operation: Option<Operation>,
    /// Whether the operation is published as not ready: what breaks there was announced to.
    unstable: bool,
    visits: usize,
    depth: usize,
    /// Pairs of references that are being compared, with the depth at which each began.
    open: HashMap<PairKey, usize>,
    /// The least depth of an open pair that the current one came back to.
    cut: usize,
    /// Pairs known to be the same.
    same: HashSet<PairKey>,
    /// Pairs that were compared to find out what became what, and the gravest change of each.
    trials: HashMap<PairKey, Option<Level>>,
    /// References that some operation led to.
    used: HashSet<String>,
    /// Pairs of reference names that were reported as renamed.
    renamed: HashSet<(String, String)>,
}

/// A pair of references in one role.
type PairKey = (String, String, schemas::Spot);

impl<'a> Comparer<'a> {
    fn new(base: &'a Node, revision: &'a Node, look: &'a (dyn Fn(&Pair<'_>) -> Vec<Found> + Sync), today: i64) -> Self {
        Self {
            base,
            revision,
            look,
            today,
            changes: Vec::new(),
            operation: None,
            unstable: false,
            visits: 0,
            depth: 0,
            open: HashMap::new(),
            cut: usize::MAX,
            same: HashSet::new(),
            trials: HashMap::new(),
            used: HashSet::new(),
            renamed: HashSet::new(),
        }
    }

    fn document(mut self, operations: operations::Matched<'a>) -> Result<Comparison> {
        let root = Trail::root();
        self.frame(&root)?;
        let matched = operations.pairs.iter().map(|(base, revision)| (base.name(), revision.name())).collect();
        self.operations(&root, operations)?;
        self.operation = None;
        self.components(&root)?;
        Ok(Comparison { changes: self.changes, matched })
    }

    /// Records one change. The nodes say the place: the newer one, or, for what is gone, the older.
    fn record(&mut self, trail: &Trail<'_>, id: impl Into<String>, level: Level, said: Said<'_>) -> Result<()> {
        if self.changes.len() >= MAX_CHANGES {
            return Err(refused(
                self.revision,
                format_args!(
                    "more than {MAX_CHANGES} changes; this is another document, compare what belongs together"
                ),
            ));
        }
        let (which, node) = match (said.base, said.revision) {
            (_, Some(node)) => (Which::Revision, node),
            (Some(node), None) => (Which::Base, node),
            (None, None) => (Which::Revision, self.revision),
        };
        let level = if self.unstable && level == Level::Breaking { Level::Warning } else { level };
        self.changes.push(Change {
            id: id.into(),
            level,
            direction: said.direction,
            operation: self.operation.clone(),
            pointer: trail.pointer(which),
            site: trail.site(),
            place: node.place.clone(),
            before: said.before,
            after: said.after,
        });
        Ok(())
    }

    /// Records that two nodes differ, with their values.
    fn differs(
        &mut self,
        trail: &Trail<'_>,
        id: impl Into<String>,
        level: Level,
        base: Option<&Node>,
        revision: Option<&Node>,
    ) -> Result<()> {
        let said = Said { base, revision, before: base.map(shown), after: revision.map(shown), direction: None };
        self.record(trail, id, level, said)
    }

    /// Compares the keys of two mappings that need no thought of their own: texts, extensions, and whatever is unknown.
    /// `known` are the keys that are compared elsewhere.
    fn rest(&mut self, trail: &Trail<'_>, base: Option<&Node>, revision: Option<&Node>, known: &[&str]) -> Result<()> {
        let ours = base.and_then(Node::map).unwrap_or(nothing());
        let theirs = revision.and_then(Node::map).unwrap_or(nothing());
        let all = ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key)));
        for key in all.filter(|key| !known.contains(&key.as_str())) {
            let (old, new) = (base.and_then(|node| node.get(key)), revision.and_then(|node| node.get(key)));
            let same = match (old, new) {
                (Some(old), Some(new)) => old.same(new),
                (old, new) => is_blank(old.or(new)),
            };
            if same {
                continue;
            }
            let trail = trail.step(key);
            let (id, level) = match key.as_str() {
                "description" | "summary" | "title" | "externalDocs" => ("text-changed", Level::Text),
                "example" | "examples" => ("example-changed", Level::Text),
                key if key.starts_with("x-") => ("extension-changed", Level::Text),
                _ => ("unclassified", Level::Warning),
            };
            self.differs(&trail, id, level, old, new)?;
        }
        Ok(())
    }
}

/// What a change says.
#[derive(Default)]
struct Said<'n> {
    base: Option<&'n Node>,
    revision: Option<&'n Node>,
    before: Option<String>,
    after: Option<String>,
    direction: Option<Direction>,
}

/// The mapping of what has none.
fn nothing() -> &'static Map {
    static NOTHING: LazyLock<Map> = LazyLock::new(Map::new);
    &NOTHING
}

/// Whether a node says nothing: an empty text, mapping or list, or null.
fn is_blank(node: Option<&Node>) -> bool {
    node.is_none_or(|node| match &node.value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    })
}

fn is_true(node: &Node, key: &str) -> bool {
    matches!(node.get(key).map(|node| &node.value), Some(Value::Bool(true)))
}

/// A value as one line of JSON, not too long to be read.
#[must_use]
pub fn shown(node: &Node) -> String {
    /// Enough for an enumeration, little enough for a table.
    const SHOWN: usize = 200;
    fn write(node: &Node, out: &mut String) {
        if out.len() > 4 * SHOWN {
            return;
        }
        match &node.value {
            Value::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    write(item, out);
                }
                out.push(']');
            }
            Value::Map(map) => {
                out.push('{');
                for (index, (key, item)) in map.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    out.push_str(key);
                    out.push_str(": ");
                    write(item, out);
                }
                out.push('}');
            }
            Value::Text(text) => out.push_str(text),
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(text) => out.push_str(text),
        }
    }
    let mut out = String::new();
    write(node, &mut out);
    let mut short: String = out.chars().take(SHOWN).collect();
    if out.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}
