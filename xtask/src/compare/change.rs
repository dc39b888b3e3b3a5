//! What a comparison is about, and what it finds.

use std::fmt;

use super::trail::Trail;
use crate::tree::{Node, Place};

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
pub(crate) enum Direction {
    Request,
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

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The kind.
    pub id: String,
    /// How much it matters.
    pub level: Level,
    pub(crate) direction: Option<Direction>,
    /// None for what describes the document as a whole.
    pub(crate) operation: Option<Operation>,
    /// The place in the newer document; for what is gone, in the older.
    pub pointer: String,
    /// The place by names from the operation down: stable when lists are reordered.
    pub(crate) site: String,
    pub(crate) place: Place,
    /// What was there.
    pub before: Option<String>,
    /// What is there now.
    pub after: Option<String>,
}

impl Change {
    /// A change of a kind and a level, at no place as yet.
    pub(crate) fn of(id: impl Into<String>, level: Level) -> Self {
        Self {
            id: id.into(),
            level,
            direction: None,
            operation: None,
            pointer: String::new(),
            site: String::new(),
            place: Place { file: std::sync::Arc::from(""), line: 0 },
            before: None,
            after: None,
        }
    }
}

/// One pair of schemas that a caller's own look is offered, and where they stand.
pub struct Pair<'a> {
    pub(crate) direction: Direction,
    pub(crate) operation: Option<&'a Operation>,
    pub(crate) trail: &'a Trail<'a>,
    pub(crate) base: &'a Node,
    pub(crate) revision: &'a Node,
}

/// What a caller looks at each pair of schemas with.
pub type Look<'a> = &'a (dyn Fn(&Pair<'_>) -> Vec<Change> + Sync);

/// What a caller may say.
pub struct Options<'a> {
    /// Recognises an operation, whatever its path: by an id that the publisher gives it.
    pub identity: &'a dyn Fn(&Node) -> Option<String>,
    /// Looks at each pair of schemas as well.
    pub look: Look<'a>,
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// All changes, in the order of the documents.
    pub changes: Vec<Change>,
    /// The operations of both documents that are the same one: the older's, the newer's.
    pub(crate) matched: Vec<(Operation, Operation)>,
}
