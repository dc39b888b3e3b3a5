//! Rules about `$ref`: it names something that exists, in the form that generators follow.

use std::collections::{HashMap, HashSet};

use crate::ident::{pascal, unused};
use crate::notes::Notes;
use crate::reference::{decoded, every_reference, resolve};
use crate::roles::{Role, walk};
use crate::tree::Node;

const SCHEMAS: &str = "#/components/schemas/";

/// Symptom: references that nothing resolves, types that overwrite each other. Cause: components with names that OpenAPI
/// does not allow (blanks, slashes), and names that differ only where Rust names do not. Remedy: another name, in every
/// reference too.
pub(super) fn names(root: &mut Node, notes: &mut Notes) {
    let mut renamed: HashMap<String, String> = HashMap::new();
    if let Some(schemas) = root.at_path_mut(&["components", "schemas"]).and_then(Node::map_mut) {
        let mut taken = HashSet::new();
        let old = std::mem::take(schemas);
        for (name, schema) in old {
            let clean: String = name
                .chars()
                .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
                .collect();
            let clean = if pascal(&clean) == "X" { "Schema".to_owned() } else { clean };
            let clean = unused(&clean, "_", &mut |name| taken.contains(&pascal(name)));
            taken.insert(pascal(&clean));
            if clean != name {
                notes.add(&schema.place, format_args!("the schema {name:?} becomes {clean}"));
                renamed.insert(name, clean.clone());
            }
            schemas.insert(clean, schema);
        }
    }
    every_reference(root, &mut |reference| {
        let text = decoded(reference);
        let text = text.strip_prefix("#/definitions/").map_or(text.clone(), |name| format!("{SCHEMAS}{name}"));
        match text.strip_prefix(SCHEMAS).map(|name| renamed.get(name).map_or(name, String::as_str)) {
            Some(name) => format!("{SCHEMAS}{name}"),
            None => text,
        }
    });
}

/// Symptom: a panic, "key is missing". Cause: references to what a page does not hold, to other files, to themselves; or
/// to a parameter or a body, which the rules below want to see in place. Remedy: such a parameter or body is written out,
/// a schema that is not there becomes the one that allows anything, and what stands beside a `$ref`, which OpenAPI says
/// to ignore, is left out.
pub(super) fn targets(root: &mut Node, notes: &mut Notes) {
    let source = root.clone();
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        if !matches!(role, Role::Schema | Role::Parameter | Role::Body | Role::Response | Role::Header | Role::PathItem)
        {
            return;
        }
        let Some(map) = node.map_mut() else { return };
        let Some(reference) = map.get("$ref") else {
            return;
        };
        let place = reference.place.clone();
        let text = reference.text().unwrap_or_default().to_owned();
        let target = resolve(&source, &text);
        let found = target.is_some_and(|target| target.get("$ref").is_none() || role == Role::Schema)
            && !circles(&source, &text);
        if role == Role::Schema {
            let direct = text.strip_prefix(SCHEMAS).is_some_and(|name| !name.contains('/'));
            if found && direct {
                if map.len() > 1 {
                    notes.add(&place, format_args!("what stands beside $ref {text} left out: OpenAPI ignores it"));
                    map.retain(|key, _| key == "$ref");
                }
            } else {
                notes.add(&place, format_args!("$ref {text} leads to no shared schema; anything is allowed there"));
                map.shift_remove("$ref");
            }
            return;
        }
        match target.filter(|_| found) {
            // No generated type depends on it, so that it can stay where it is shared.
            Some(_) if role == Role::Response => map.retain(|key, _| key == "$ref"),
            Some(target) => node.value = target.value.clone(),
            None => {
                notes.add(&place, format_args!("$ref {text} leads nowhere; left out"));
                map.shift_remove("$ref");
            }
        }
    });
    // Written out where they are used, they are nobody's any more.
    if let Some(components) = root.at_path_mut(&["components"]).and_then(Node::map_mut) {
        for section in ["parameters", "requestBodies"] {
            components.shift_remove(section);
        }
    }
}

/// Whether a chain of references that are nothing else comes back to itself.
fn circles(root: &Node, reference: &str) -> bool {
    let mut seen = HashSet::new();
    let mut next = reference.to_owned();
    while let Some(text) = resolve(root, &next).and_then(|node| node.get_text("$ref")) {
        if !seen.insert(next) {
            return true;
        }
        next = text.to_owned();
    }
    false
}
