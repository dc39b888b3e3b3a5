//! What the rules changed in a document, one line each, for a maintainer to see what became of a page.

use std::fmt;

use crate::error::one_line;
use crate::tree::Place;

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
        self.0.push(Note { place: place.clone(), text: one_line(&text.to_string()) });
    }

    /// Notes what is left out, unless it is kept; gives whether it is, for `retain`.
    pub(crate) fn unless(&mut self, kept: bool, place: &Place, text: impl fmt::Display) -> bool {
        if !kept {
            self.add(place, text);
        }
        kept
    }

    /// The notes, in the order of the files and lines.
    pub fn sorted(mut self) -> Vec<Note> {
        self.0.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
        self.0
    }
}
