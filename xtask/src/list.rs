//! Lists of what is fine, kept by hand, each entry with a reason: `spec/allowed.yaml` and `spec/accepted.yaml`.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::tree::{Node, Value, read};

/// Reads a sequence of entries. Each has a text for every key of `needed`; no two agree in all keys of `identity`, which
/// may be missing where they are not needed, but not empty. An entry with several texts for a key of its identity stands
/// for as many entries, each with each.
pub(crate) fn parse(text: &str, name: &str, needed: &[&str], identity: &[&str]) -> Result<Vec<Node>> {
    let root = read(text, &Arc::from(name), 1)
        .map_err(|error| Error::refused(format_args!("{name}:{}", error.line), error.reason))?;
    let entries = match root.value {
        Value::List(items) => items,
        Value::Null => Vec::new(),
        _ => return Err(Error::refused(&root.place, format_args!("expected a sequence of {}", needed.join(", ")))),
    };
    let mut found: Vec<Node> = Vec::new();
    for entry in entries.into_iter().flat_map(|entry| each(entry, identity)) {
        let is_text = |key: &&&str| entry.get_text(key).is_some_and(|text| !text.trim().is_empty());
        let optional = identity.iter().filter(|key| entry.get(key).is_some());
        if let Some(key) = needed.iter().chain(optional).find(|key| !is_text(key)) {
            let text = format!("an entry without `{key}`, or whose `{key}` is no text; expected {}", needed.join(", "));
            return Err(Error::refused(&entry.place, text));
        }
        let is_same = |first: &&Node| identity.iter().all(|key| first.get_text(key) == entry.get_text(key));
        if let Some(first) = found.iter().find(is_same) {
            let text = format!("{} is listed here and at {}; remove one", named(&entry, identity), first.place);
            return Err(Error::refused(&entry.place, text));
        }
        found.push(entry);
    }
    Ok(found)
}

/// What an entry is about, in one line.
pub(crate) fn named(entry: &Node, identity: &[&str]) -> String {
    Vec::from_iter(identity.iter().filter_map(|key| entry.get_text(key))).join(" ")
}

fn each(entry: Node, keys: &[&str]) -> Vec<Node> {
    let with = |entry: &Node, key: &str, item: Node| {
        let mut one = entry.clone();
        one.map_mut().and_then(|map| map.insert(key.to_owned(), item));
        one
    };
    let one_key = |entry: Node, key: &str| match entry.get(key).and_then(Node::list) {
        Some(items) if !items.is_empty() => items.iter().map(|item| with(&entry, key, item.clone())).collect(),
        _ => vec![entry],
    };
    keys.iter().fold(vec![entry], |all, key| all.into_iter().flat_map(|entry| one_key(entry, key)).collect())
}
