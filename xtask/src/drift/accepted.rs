//! What differs on purpose, in `spec/accepted.yaml`: the rows that a page is expected to give, each with its reason.

use std::path::Path;
use std::sync::Arc;

use crate::compare::Change;
use crate::error::{Error, Result};
use crate::ident::operation_id;
use crate::tree::{Node, Place, Value, read};

/// The list.
#[derive(Debug, Default)]
pub struct Accepted(Vec<Row>);

/// One expected row. Without a page and an operation, it is about the run as a whole.
#[derive(Debug)]
struct Row {
    page: Option<String>,
    operation: Option<String>,
    pointer: Option<String>,
    kind: String,
    value: Option<String>,
    place: Place,
}

impl Accepted {
    /// Reads the list; a file that is not there expects nothing.
    ///
    /// # Errors
    /// A file that cannot be read, an entry without kind or reason, a row that stands twice.
    pub fn read_file(path: &Path, name: &str) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, name),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::refused(format_args!("{name}:1"), format_args!("cannot be read: {error}"))),
        }
    }

    fn parse(text: &str, name: &str) -> Result<Self> {
        let root = read(text, &Arc::from(name), 1)
            .map_err(|error| Error::refused(format_args!("{name}:{}", error.line), error.reason))?;
        let entries = match &root.value {
            Value::Null => &[],
            Value::List(entries) => &entries[..],
            _ => return Err(Error::refused(&root.place, "expected a sequence of rows")),
        };
        let mut rows: Vec<Row> = Vec::new();
        for entry in entries {
            for key in ["kind", "reason"] {
                if entry.get_text(key).is_none_or(|text| text.trim().is_empty()) {
                    return Err(Error::refused(&entry.place, format_args!("expected `{key}`, a text")));
                }
            }
            // Of several lists each with each: the pages in two languages differ in the same fields.
            for page in texts(entry, "page")? {
                for pointer in texts(entry, "pointer")? {
                    for value in texts(entry, "value")? {
                        let operation = entry.get_text("operation").map(str::to_owned);
                        let kind = entry.get_text("kind").unwrap_or_default().to_owned();
                        let (page, pointer, place) = (page.clone(), pointer.clone(), entry.place.clone());
                        let row = Row { page, operation, pointer, kind, value, place };
                        if let Some(first) = rows.iter().find(|other| other.what() == row.what()) {
                            let why = format!("{} is listed here and at {}; remove one", row.what(), first.place);
                            return Err(Error::refused(&entry.place, why));
                        }
                        rows.push(row);
                    }
                }
            }
        }
        Ok(Self(rows))
    }

    /// Whether a change of a page is one of the rows.
    #[must_use]
    pub fn holds(&self, page: Option<&str>, change: &Change) -> bool {
        self.0.iter().any(|row| row.page.as_deref() == page && row.is(change))
    }

    /// The rows that an operation of a compared page did not give: where they stand, and what they expect.
    #[must_use]
    pub fn missing(
        &self,
        compared: &[(String, String)],
        gave: impl Fn(Option<&str>, &dyn Fn(&Change) -> bool) -> bool,
    ) -> Vec<(Place, String)> {
        let was_compared = |row: &&Row| {
            compared.iter().any(|(page, id)| row.page.as_ref() == Some(page) && row.operation.as_ref() == Some(id))
        };
        let rows = self.0.iter().filter(was_compared);
        let idle = rows.filter(|row| !gave(row.page.as_deref(), &|change| row.is(change)));
        idle.map(|row| (row.place.clone(), row.what())).collect()
    }
}

impl Row {
    fn is(&self, change: &Change) -> bool {
        let id = change.operation.as_ref().map(|one| operation_id(&one.method.to_ascii_lowercase(), &one.path));
        let value = change.after.as_ref().or(change.before.as_ref());
        self.kind == change.id
            && self.operation == id
            && self.pointer.as_ref().is_none_or(|pointer| *pointer == change.pointer)
            && self.value.as_ref().is_none_or(|wanted| Some(wanted) == value)
    }

    fn what(&self) -> String {
        let parts = [&self.page, &self.operation, &self.pointer, &Some(self.kind.clone()), &self.value];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// The texts under a key, one or several; nothing where the key is missing.
fn texts(entry: &Node, key: &str) -> Result<Vec<Option<String>>> {
    let Some(node) = entry.get(key) else { return Ok(vec![None]) };
    let texts: Option<Vec<_>> = match &node.value {
        Value::List(items) => {
            items.iter().map(|item| Some(item.text().map(str::to_owned)).filter(Option::is_some)).collect()
        }
        _ => node.text().map(|text| vec![Some(text.to_owned())]),
    };
    texts.filter(|all| !all.is_empty()).ok_or_else(|| {
        Error::refused(&node.place, format_args!("expected `{key}`, a text or texts, found {}", node.describe()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_needs_a_kind_and_a_reason_and_stands_once() {
        for (text, expected) in [
            ("- {kind: a}\n", "a.yaml:1: expected `reason`"),
            ("- {reason: x}\n", "a.yaml:1: expected `kind`"),
            ("a: b\n", "a.yaml:1: expected a sequence"),
            ("- {kind: a, reason: x, page: []}\n", "a.yaml:1: expected `page`"),
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
