//! What a document says against itself: an example that its own schema does not describe, a required name that no property
//! has. Only what was not there before is drift.

use std::collections::HashSet;

use super::side::api_id;
use super::validate::violations;
use crate::compare::{Change, Level, NO_PROPERTY, Operation};
use crate::reference::resolve;
use crate::roles::{METHODS, Role, pointer, walk};
use crate::tree::{Node, Place};

/// Those of the newer document that the older one did not have.
pub(super) fn new_ones(base: &Node, revision: &Node) -> Vec<Change> {
    let key = |change: &Change| (change.id.clone(), change.site.clone(), change.after.clone());
    let old: HashSet<_> = contradictions(base).iter().map(key).collect();
    contradictions(revision).into_iter().filter(|found| !old.contains(&key(found))).collect()
}

fn contradictions(document: &Node) -> Vec<Change> {
    let mut found = Vec::new();
    walk(&mut document.clone(), Role::Document, &mut Vec::new(), &mut |role, node, path| {
        let schema = match role {
            Role::Media | Role::Parameter | Role::Header => node.get("schema"),
            Role::Schema => Some(&*node),
            _ => None,
        };
        let Some(schema) = schema else { return };
        if let Some(example) = node.get("example") {
            check(document, schema, example, (path, "example"), &mut found);
        }
        if role == Role::Schema {
            return required_names(document, schema, path, &mut found);
        }
        for (name, example) in node.get("examples").and_then(Node::map).into_iter().flatten() {
            if let Some(value) = example.get("value") {
                check(document, schema, value, (path, &format!("examples/{name}/value")), &mut found);
            }
        }
    });
    found
}

fn check(document: &Node, schema: &Node, example: &Node, (path, at): (&[String], &str), found: &mut Vec<Change>) {
    // A text that stands for a value of another type (`'5'` for a number in a query) is how parameters are written.
    for violation in violations(document, schema, example) {
        let inside = if violation.at.is_empty() { String::new() } else { format!("{}: ", violation.at) };
        let text = format!("{inside}{}", violation.text);
        found.push(contradiction(document, (path, at), violation.id, &violation.place, text));
    }
}

fn required_names(document: &Node, schema: &Node, path: &[String], found: &mut Vec<Change>) {
    let Some(names) = schema.get("required").and_then(Node::list) else { return };
    let composed = ["allOf", "oneOf", "anyOf", "$ref"].iter().any(|key| schema.get(key).is_some());
    // A part of a composition may require what another part describes.
    let part = path.iter().rev().nth(1).is_some_and(|key| ["allOf", "oneOf", "anyOf"].contains(&key.as_str()));
    if composed || part {
        return;
    }
    let properties = schema.get("properties").and_then(Node::map);
    for name in names {
        let Some(text) = name.text() else { continue };
        if !properties.is_some_and(|all| all.contains_key(text)) {
            let said = format!("`{text}` is required, and no property is called so");
            found.push(contradiction(document, (path, "required"), NO_PROPERTY, &name.place, said));
        }
    }
}

fn contradiction(document: &Node, (path, at): (&[String], &str), id: &str, place: &Place, text: String) -> Change {
    let mut operation = None;
    let mut names: Vec<&str> = path.iter().map(String::as_str).collect();
    let identity = resolve(document, &format!("#{}", pointer(path.get(..3).unwrap_or_default()))).and_then(api_id);
    if let ["paths", address, method, ..] = &mut names[..]
        && METHODS.contains(method)
    {
        operation = Some(Operation { method: method.to_uppercase(), path: (*address).to_owned() });
        // An operation that moved is the same one.
        *address = identity.as_deref().unwrap_or(address);
    }
    let (pointer, site) = (format!("{}/{at}", pointer(path)), pointer(&names));
    let (place, after) = (place.clone(), Some(text));
    Change { operation, pointer, site, place, after, ..Change::of(id, Level::Warning) }
}
