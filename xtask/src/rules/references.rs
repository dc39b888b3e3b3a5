//! Rules about `$ref`: it names something that exists, in the form that generators follow.

use std::collections::{HashMap, HashSet};

use crate::ident::{pascal, unused};
use crate::notes::Notes;
use crate::reference::{decoded, every_reference, follow, resolve};
use crate::roles::{Role, walk};
use crate::tree::Node;

const SCHEMAS: &str = "#/components/schemas/";

/// Symptom: references that nothing resolves, types that overwrite each other. Cause: names that OpenAPI does not allow,
/// or that differ only where Rust names do not. Remedy: another name, in every reference too.
pub(super) fn names(root: &mut Node, notes: &mut Notes) {
    let mut renamed: HashMap<String, String> = HashMap::new();
    if let Some(schemas) = root.at_path_mut(&["components", "schemas"]).and_then(Node::map_mut) {
        let mut taken = HashSet::new();
        for (name, schema) in std::mem::take(schemas) {
            let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
            let clean = name.replace(|c| !allowed(c), "_");
            let clean = if pascal(&clean) == "X" { "Schema" } else { &clean };
            let clean = unused(clean, "_", &mut |name| taken.contains(&pascal(name)));
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
        match text.strip_prefix("#/definitions/").or_else(|| text.strip_prefix(SCHEMAS)) {
            Some(name) => format!("{SCHEMAS}{}", renamed.get(name).map_or(name, String::as_str)),
            None => text,
        }
    });
}

/// Symptom: a panic, "key is missing". Cause: references to nothing, other files, themselves, or a shared parameter or
/// body. Remedy: these are written out, a missing schema allows anything; what stands beside a `$ref` is left out.
pub(super) fn targets(root: &mut Node, notes: &mut Notes) {
    use Role::{Body, Header, Parameter, PathItem, Response, Schema};
    let source = root.clone();
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        let Some(reference) = node.get("$ref") else { return };
        if !matches!(role, Schema | Parameter | Body | Response | Header | PathItem) {
            return;
        }
        let place = reference.place.clone();
        let text = reference.text().unwrap_or_default().to_owned();
        let target = resolve(&source, &text).filter(|target| {
            let circles = || follow(&source, node).name.is_none();
            (target.get("$ref").is_none() || role == Schema) && !circles()
        });
        let direct = text.strip_prefix(SCHEMAS).is_some_and(|name| !name.contains('/'));
        let Some(map) = node.map_mut() else { return };
        match target {
            Some(_) if role == Schema && direct => {
                let text = format_args!("what stands beside $ref {text} left out: OpenAPI ignores it");
                if !notes.unless(map.len() == 1, &place, text) {
                    map.retain(|key, _| key == "$ref");
                }
            }
            // No generated type depends on it, so that it can stay where it is shared.
            Some(_) if role == Response => map.retain(|key, _| key == "$ref"),
            Some(target) if role != Schema => node.value = target.value.clone(),
            _ => {
                map.shift_remove("$ref");
                let schema = "leads to no shared schema; anything is allowed there";
                let why = if role == Schema { schema } else { "leads nowhere; left out" };
                notes.add(&place, format_args!("$ref {text} {why}"));
            }
        }
    });
    // Written out where they are used, they are nobody's any more.
    if let Some(components) = root.get_mut("components").and_then(Node::map_mut) {
        components.retain(|section, _| !["parameters", "requestBodies"].contains(&section.as_str()));
    }
}
