//! Rules about answers: each has a status and a description, as OpenAPI demands. Their schemas stay as published.

use super::leave_out;
use crate::notes::Notes;
use crate::roles::{Role, each_map};
use crate::tree::Node;

/// Symptom: the document is refused. Cause: `x-200:成功`, `200 OK`, no description, malformed headers. Remedy: what is no
/// status becomes an extension, a missing description empty; without answers, one that promises nothing is added.
pub(super) fn statuses(root: &mut Node, notes: &mut Notes) {
    each_map(root, &mut |role, map, place| match role {
        Role::Operation => {
            map.entry("responses".to_owned()).or_insert_with(|| Node::map_at(place, []));
        }
        Role::Responses => {
            for (key, answer) in std::mem::take(map) {
                let name = status(&key).unwrap_or_else(|| {
                    notes.add(&answer.place, format_args!("the answer {key:?} has no status; kept as an extension"));
                    format!("x-{key}")
                });
                map.entry(name).or_insert(answer);
            }
            if map.keys().all(|key| key.starts_with("x-")) {
                map.insert("default".to_owned(), Node::map_at(place, []));
            }
        }
        Role::Response if !map.contains_key("$ref") => {
            map.entry("description".to_owned()).or_insert_with(|| Node::text_at(place, ""));
        }
        Role::Media | Role::Header => {
            leave_out(map, "examples", Node::is_map);
            if role == Role::Header && !map.contains_key("schema") && !map.contains_key("content") {
                map.insert("schema".to_owned(), Node::map_at(place, []));
            }
        }
        _ => {}
    });
}

/// The key as the standard has it.
fn status(key: &str) -> Option<String> {
    let upper = key.trim().to_ascii_uppercase();
    match upper.as_bytes() {
        [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] | [b'1'..=b'5', b'X', b'X'] => Some(upper),
        b"DEFAULT" => Some("default".to_owned()),
        _ => key.starts_with("x-").then(|| key.to_owned()),
    }
}
