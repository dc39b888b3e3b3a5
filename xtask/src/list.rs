//! Lists of what is fine, kept by hand, each entry with a reason: `spec/allowed.yaml` and `spec/accepted.yaml`.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::tree::{Node, Value, read};

/// Reads a sequence of entries. Each has a text for every key of `needed`; no two agree in all keys of `identity`, which
/// may be missing where they are not needed, but not empty.
///
/// # Errors
/// What is no such sequence.
pub fn parse(text: &str, name: &str, needed: &[&str], identity: &[&str]) -> Result<Vec<Node>> {
    let root = read(text, &Arc::from(name), 1)
        .map_err(|error| Error::refused(format_args!("{name}:{}", error.line), error.reason))?;
    let entries = match root.value {
        Value::List(items) => items,
        Value::Null => Vec::new(),
        _ => return Err(Error::refused(&root.place, format_args!("expected a sequence of {}", needed.join(", ")))),
    };
    let keys = |entry: &Node| Vec::from_iter(identity.iter().filter_map(|key| entry.get_text(key).map(str::to_owned)));
    for (index, entry) in entries.iter().enumerate() {
        let is_text = |key: &&&str| entry.get_text(key).is_some_and(|text| !text.trim().is_empty());
        let optional = identity.iter().filter(|key| entry.get(key).is_some());
        if let Some(key) = needed.iter().chain(optional).find(|key| !is_text(key)) {
            let text = format!("an entry without `{key}`, or whose `{key}` is no text; expected {}", needed.join(", "));
            return Err(Error::refused(&entry.place, text));
        }
        if let Some(first) = entries.iter().take(index).find(|first| keys(first) == keys(entry)) {
            let text = format!("{} is listed here and at {}; remove one", keys(entry).join(" "), first.place);
            return Err(Error::refused(&entry.place, text));
        }
    }
    Ok(entries)
}
