//! What differs on purpose, in `spec/accepted.yaml`: the rows that a page is expected to give, each with its reason.

use std::path::Path;

use super::report::Entry;
use crate::error::{Error, Result};
use crate::ident::operation_id;
use crate::list;
use crate::tree::{Node, Place};

/// What tells one row from another. Without a page and an operation, a row is about the run as a whole.
const KEYS: [&str; 5] = ["page", "operation", "pointer", "kind", "value"];

/// The list: one entry for each row.
#[derive(Debug, Default)]
pub(super) struct Accepted(Vec<Node>);

impl Accepted {
    /// Reads the list; a file that is not there expects nothing.
    pub(super) fn read_file(path: &Path, name: &str) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, name),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::refused(format_args!("{name}:1"), format_args!("cannot be read: {error}"))),
        }
    }

    fn parse(text: &str, name: &str) -> Result<Self> {
        list::parse(text, name, &["kind", "reason"], &KEYS).map(Self)
    }

    /// Whether a change is one of the rows.
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        self.0.iter().any(|row| is(row, entry))
    }

    /// The rows that an operation of a compared page did not give: where they stand, and what they expect.
    pub(super) fn missing(&self, compared: &[(String, String)], found: &[Entry]) -> Vec<(Place, String)> {
        let was_compared = |row: &&Node| {
            let about = row.get_text("page").zip(row.get_text("operation"));
            compared.iter().any(|(page, id)| about == Some((page, id)))
        };
        let rows = self.0.iter().filter(was_compared);
        let idle = rows.filter(|row| !found.iter().any(|entry| is(row, entry)));
        idle.map(|row| (row.place.clone(), list::named(row, &KEYS))).collect()
    }
}

/// Whether a change is what a row expects.
fn is(row: &Node, entry: &Entry) -> bool {
    let id = entry.operation.as_ref().map(|one| operation_id(&one.method.to_ascii_lowercase(), &one.path));
    let value = entry.after.as_deref().or(entry.before.as_deref());
    row.get_text("page") == entry.page.as_deref()
        && row.get_text("kind") == Some(&entry.id)
        && row.get_text("operation") == id.as_deref()
        && row.get_text("pointer").is_none_or(|pointer| pointer == entry.pointer)
        && row.get_text("value").is_none_or(|wanted| value == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_needs_a_kind_and_a_reason_and_stands_once() {
        for (text, expected) in [
            ("- {kind: a}\n", "a.yaml:1: an entry without `reason`"),
            ("- {reason: x}\n", "a.yaml:1: an entry without `kind`"),
            ("a: b\n", "a.yaml:1: expected a sequence"),
            ("- {kind: a, reason: x, page: []}\n", "a.yaml:1: an entry without `page`"),
            (
                "- {kind: a, reason: x, pointer: [a, b]}\n- {kind: a, reason: y, pointer: b}\n",
                "a.yaml:2: b a is listed here and at a.yaml:1",
            ),
        ] {
            let error = Accepted::parse(text, "a.yaml").map(drop).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.starts_with(expected)), "{error:?}");
        }
    }
}
