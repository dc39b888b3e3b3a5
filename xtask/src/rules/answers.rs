//! Rules about answers: each has a status and a description, as OpenAPI demands. Their schemas stay as published.

use crate::notes::Notes;
use crate::roles::{Role, walk};
use crate::tree::{Map, Node, Value};

/// Symptom: the document is refused. Cause: the vendor's tool names further answers `x-200:成功`, `200 OK`, leaves out
/// descriptions and exports malformed headers. Remedy: what is no status becomes an extension, a missing description
/// empty, and an operation without answers has one that promises nothing.
pub(super) fn statuses(root: &mut Node, notes: &mut Notes) {
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| match role {
        Role::Operation => {
            let place = node.place.clone();
            if let Some(map) = node.map_mut() {
                map.entry("responses".to_owned()).or_insert_with(|| Node::at(&place, Value::Map(Map::new())));
            }
        }
        Role::Responses => {
            let place = node.place.clone();
            let Some(map) = node.map_mut() else { return };
            for (key, answer) in std::mem::take(map) {
                let upper = key.trim().to_ascii_uppercase();
                let status = match upper.as_bytes() {
                    [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] | [b'1'..=b'5', b'X', b'X'] => Some(upper),
                    _ if upper == "DEFAULT" => Some("default".to_owned()),
                    _ if key.starts_with("x-") => Some(key.clone()),
                    _ => None,
                };
                let name = status.unwrap_or_else(|| {
                    notes.add(&answer.place, format_args!("the answer {key:?} has no status; kept as an extension"));
                    format!("x-{key}")
                });
                map.entry(name).or_insert(answer);
            }
            if !map.keys().any(|key| !key.starts_with("x-")) {
                map.insert("default".to_owned(), Node::at(&place, Value::Map(Map::new())));
            }
        }
        Role::Response => {
            let place = node.place.clone();
            let Some(map) = node.map_mut().filter(|map| !map.contains_key("$ref")) else { return };
            map.entry("description".to_owned()).or_insert_with(|| Node::text_at(&place, ""));
        }
        Role::Media | Role::Header => {
            let place = node.place.clone();
            let Some(map) = node.map_mut() else { return };
            if !matches!(map.get("examples").map(|node| &node.value), None | Some(Value::Map(_))) {
                map.shift_remove("examples");
            }
            if role == Role::Header && !map.contains_key("schema") && !map.contains_key("content") {
                map.insert("schema".to_owned(), Node::at(&place, Value::Map(Map::new())));
            }
        }
        _ => {}
    });
}
