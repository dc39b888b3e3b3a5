//! The fourth step: generic rules, none of which knows the vendor's API.
//!
//! Each is a small function whose doc says the symptom, the cause and the remedy. A rule changes only what is wrong by
//! OpenAPI 3.0 or unusable for a client; enumerations, limits and answers stay as published. Each change is noted, one
//! line each, so that a maintainer sees what became of the page.

mod answers;
mod bodies;
mod operations;
mod parameters;
mod paths;
mod references;
mod schemas;
mod shape;
mod texts;

use std::fmt;

use crate::error::Result;
use crate::tree::{Node, Place};

pub use texts::escape;

/// What a rule changed, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The line of the page.
    pub place: Place,
    /// What was done and why.
    pub text: String,
}

/// All that the rules changed.
#[derive(Debug, Default)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// Notes one change.
    pub fn add(&mut self, place: &Place, text: impl fmt::Display) {
        self.0.push(Note { place: place.clone(), text: crate::error::one_line(&text.to_string()) });
    }

    /// The notes, in the order of the files and lines.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Note> {
        self.0.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
        self.0
    }
}

/// What holds for each page by itself, before pages are merged.
///
/// # Errors
/// A document of a version that is not OpenAPI 3.0.
pub fn page(root: &mut Node, notes: &mut Notes) -> Result<()> {
    shape::version(root)?;
    shape::collections(root, notes);
    shape::truth_values(root, notes);
    shape::frame(root, notes);
    texts::become_text(root, notes);
    paths::addresses(root, notes)
}

/// What holds for the merged document.
///
/// # Errors
/// Something that no rule can make usable.
pub fn document(root: &mut Node, notes: &mut Notes) -> Result<()> {
    operations::callable(root, notes);
    operations::uncalled(root, notes);
    references::names(root, notes);
    references::targets(root, notes);
    parameters::unusable(root, notes);
    parameters::declared(root, notes);
    parameters::forms(root, notes);
    bodies::methods(root, notes);
    bodies::media_types(root, notes);
    answers::statuses(root, notes);
    schemas::types(root, notes);
    schemas::limits(root, notes);
    schemas::values(root, notes);
    schemas::objects(root, notes);
    schemas::compositions(root, notes);
    schemas::extensions(root, notes);
    operations::ids(root, notes);
    Ok(())
}

/// What holds for the patched document: only now is nothing added any more.
///
/// # Errors
/// Names that patches made equal.
pub fn finish(root: &mut Node, notes: &mut Notes) -> Result<()> {
    operations::unique(root)?;
    crate::names::own_names(root);
    crate::names::titles(root, notes);
    texts::one_line(root);
    Ok(())
}
