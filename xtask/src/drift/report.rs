//! What a drift check gives, as data: the JSON that programs read, whose schema is `spec/drift.schema.json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::compare::{Level, Operation};
use crate::tree::Place;

/// All that changed between two sides.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(title = "Drift", deny_unknown_fields)]
pub struct Report {
    /// The changes by operation, the gravest first; those of level `text` only when asked for.
    pub changes: Vec<Entry>,
    /// How many there are of each level, listed or not.
    pub counts: Counts,
}

/// One change.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Entry {
    /// The kind; oasdiff's name for it where it has one.
    pub id: String,
    /// How much it matters.
    pub level: Level,
    /// The page, as it calls itself; null for what is about the comparison as a whole.
    pub page: Option<String>,
    /// The operation; null for what describes the document as a whole.
    pub operation: Option<Operation>,
    /// The place in the newer document as a JSON pointer, for what is gone in the older; against a description of our own,
    /// the field.
    pub pointer: String,
    /// The line of that place, counted from 1.
    pub line: usize,
    /// What was there.
    pub before: Option<String>,
    /// What is there now.
    pub after: Option<String>,
    /// What it means for this library: a field and a file, "regenerate only", or "nothing".
    pub meaning: String,
    /// The same from run to run, whatever page and line it stands on.
    pub fingerprint: String,
    /// The file that the line is of.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// How many changes there are.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Counts {
    /// What was right before can fail now.
    pub breaking: usize,
    /// It may matter.
    pub warning: usize,
    /// There is more than before.
    pub additive: usize,
    /// Only generated names change.
    pub source: usize,
    /// Only words for people change.
    pub text: usize,
    /// Expected by spec/accepted.yaml, and in none of the numbers above.
    pub accepted: usize,
}

/// From which level on drift is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum FailOn {
    /// Only what breaks.
    Breaking,
    /// What breaks, and what may.
    Warning,
    /// These, and what is new.
    Additive,
    /// Any change, of names or words too.
    Any,
}

impl Counts {
    /// Counts one change.
    pub(super) fn add(&mut self, level: Level) {
        *match level {
            Level::Breaking => &mut self.breaking,
            Level::Warning => &mut self.warning,
            Level::Additive => &mut self.additive,
            Level::Source => &mut self.source,
            Level::Text => &mut self.text,
        } += 1;
    }

    /// Whether there is drift of that level or a graver one.
    pub fn fails(&self, on: FailOn) -> bool {
        self.breaking > 0
            || on >= FailOn::Warning && self.warning > 0
            || on >= FailOn::Additive && self.additive > 0
            || on == FailOn::Any && self.source + self.text > 0
    }
}

/// The JSON Schema of the report.
pub fn schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap_or_default() + "\n"
}
