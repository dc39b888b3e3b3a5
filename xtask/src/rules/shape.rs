//! Rules about the form: which version a document is of, and that a mapping is a mapping, a truth value a truth value.

use crate::error::{Error, Result};
use crate::notes::Notes;
use crate::roles::{Role, walk};
use crate::text::shown;
use crate::tree::{Map, Node, Value};

/// Symptom: a generator that stops, or silently reads half. Cause: Swagger 2.0 and OpenAPI 3.1 spell schemas, bodies and
/// nullability differently. Remedy: refuse them in one line; nothing of them can be guessed.
pub(super) fn version(root: &mut Node) -> Result<()> {
    let place = root.place.clone();
    let Some(map) = root.map_mut() else {
        return Err(Error::refused(place, format_args!("expected an OpenAPI 3.0 document, found {}", root.describe())));
    };
    if let Some(node) = map.get("swagger") {
        let reason = format!("Swagger {}; only OpenAPI 3.0 is understood, convert the document first", shown(node));
        return Err(Error::refused(&node.place, reason));
    }
    let Some(node) = map.get_mut("openapi") else {
        return Err(Error::refused(place, "no `openapi: 3.0.x` at the top; expected an OpenAPI document"));
    };
    let version = shown(node);
    if version != "3.0" && !version.starts_with("3.0.") {
        let reason = format!("OpenAPI {version}; only 3.0 is understood, publish the document as 3.0");
        return Err(Error::refused(&node.place, reason));
    }
    node.value = Value::Text(if version == "3.0" { "3.0.0".to_owned() } else { version });
    Ok(())
}

/// Symptom: a client without operations. Cause: a page that lost its document's heart. Remedy: refuse it.
pub(super) fn paths(root: &mut Node) -> Result<()> {
    version(root)?;
    if root.get("paths").and_then(Node::map).is_none_or(Map::is_empty) {
        let place = root.place.clone();
        return Err(Error::refused(place, "the document describes no paths; expected at least one operation"));
    }
    Ok(())
}

/// Symptom: the generator refuses the whole document. Cause: empty mappings exported as `[]` or `null`, or text where a
/// mapping belongs. Remedy: what is empty is left out, a schema that is none becomes the one that allows anything.
pub(super) fn collections(root: &mut Node, notes: &mut Notes) {
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        if role == Role::Other {
            return;
        }
        let mut keep = |key: &str, child: &mut Node, role: Role| {
            let fits = match role {
                Role::Other => true,
                Role::Parameters | Role::SchemaList => child.list().is_some(),
                _ => child.map().is_some(),
            };
            if fits {
                return true;
            }
            // `additionalProperties: false` and its kin are whole schemas.
            if role == Role::Schema && matches!(child.value, Value::Bool(_)) && key == "additionalProperties" {
                return true;
            }
            let empty = matches!(&child.value, Value::Null) || child.list().is_some_and(<[Node]>::is_empty);
            if !empty {
                notes.add(
                    &child.place,
                    format_args!("`{key}`: expected a collection, found {}; left out", child.describe()),
                );
            }
            if matches!(role, Role::Schema | Role::Response | Role::Media) {
                child.value = Value::Map(Map::new());
                return true;
            }
            false
        };
        match &mut node.value {
            Value::Map(map) => map.retain(|key, child| keep(key, child, role.child(key))),
            Value::List(items) => items.retain_mut(|child| keep("-", child, role.child(""))),
            _ => {}
        }
    });
}

/// Symptom: the generator refuses the whole document. Cause: `deprecated: 'false'`, `required: 1`. Remedy: a word that
/// means true or false becomes it, anything else is left out; a property's own `required: true` moves to its object.
pub(super) fn truth_values(root: &mut Node, notes: &mut Notes) {
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        if role == Role::Schema {
            required_of_properties(node, notes);
        }
        let keys: &[&str] = match role {
            Role::Operation => &["deprecated"],
            Role::Parameter | Role::Header => {
                &["required", "deprecated", "allowEmptyValue", "explode", "allowReserved"]
            }
            Role::Body => &["required"],
            Role::Schema => &["nullable", "readOnly", "writeOnly", "deprecated", "uniqueItems"],
            _ => return,
        };
        let Some(map) = node.map_mut() else { return };
        for key in keys {
            let Some(child) = map.get_mut(*key) else {
                continue;
            };
            let meant = match &child.value {
                Value::Bool(_) => continue,
                Value::Text(text) | Value::Number(text) => match text.to_ascii_lowercase().as_str() {
                    "true" | "yes" | "1" => Some(true),
                    "false" | "no" | "0" => Some(false),
                    _ => None,
                },
                _ => None,
            };
            let found = child.describe();
            if let Some(meant) = meant {
                notes.add(&child.place, format_args!("`{key}: {found}` read as {meant}"));
                child.value = Value::Bool(meant);
            } else {
                notes.add(&child.place, format_args!("`{key}: {found}` is neither true nor false; left out"));
                map.shift_remove(*key);
            }
        }
    });
}

/// Symptom: the generator refuses the whole document. Cause: servers without address, tags without name, security that is
/// no list of schemes, versions that are numbers. Remedy: what has no meaning is left out; a title and a version are text,
/// and the version one that an HTTP header can hold, since the generated client sends it in one.
pub(super) fn frame(root: &mut Node, notes: &mut Notes) {
    let place = root.place.clone();
    let Some(map) = root.map_mut() else { return };
    let info = map.entry("info".to_owned()).or_insert_with(|| Node::at(&place, Value::Map(Map::new())));
    if let Some(info) = info.map_mut() {
        for key in ["title", "version"] {
            let node = info.entry(key.to_owned()).or_insert_with(|| Node::text_at(&place, ""));
            let text = if node.text().is_some() || matches!(node.value, Value::Number(_)) {
                shown(node)
            } else {
                String::new()
            };
            let clean: String = text.chars().filter(|c| key == "title" || c.is_ascii_graphic() && *c != '`').collect();
            if key == "version" && clean != text {
                notes.add(&node.place, format_args!("the version {text:?} becomes {clean:?}: a header must hold it"));
            }
            if node.text() != Some(&clean) && key == "version" || node.text().is_none() {
                node.value = Value::Text(clean);
            }
        }
        for (key, needed) in [("contact", ""), ("license", "name")] {
            if info
                .get(key)
                .is_some_and(|node| node.map().is_none() || !needed.is_empty() && node.get_text(needed).is_none())
            {
                info.shift_remove(key);
            }
        }
        if info.get("termsOfService").is_some_and(|node| node.text().is_none()) {
            info.shift_remove("termsOfService");
        }
    }
    named(map, "tags", "name", notes);
    if let Some(schemes) = map.get_mut("components").and_then(Node::map_mut).and_then(|c| c.get_mut("securitySchemes"))
    {
        if let Some(schemes) = schemes.map_mut() {
            schemes.retain(|name, scheme| {
                let keep = is_scheme(scheme);
                if !keep {
                    notes.add(
                        &scheme.place,
                        format_args!("the security scheme {name:?} left out: it is none that OpenAPI knows"),
                    );
                }
                keep
            });
        } else {
            schemes.value = Value::Map(Map::new());
        }
    }
    frame_of_operations(root, notes);
}

fn frame_of_operations(root: &mut Node, notes: &mut Notes) {
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        if !matches!(role, Role::Document | Role::PathItem | Role::Operation) {
            return;
        }
        let Some(map) = node.map_mut() else { return };
        named(map, "servers", "url", notes);
        for server in map.get_mut("servers").and_then(Node::list_mut).into_iter().flatten() {
            let bad = server.get("variables").is_some_and(|all| {
                all.map().is_none_or(|all| all.values().any(|variable| variable.get_text("default").is_none()))
            });
            if bad && let Some(server) = server.map_mut() {
                server.shift_remove("variables");
            }
        }
        let Some(security) = map.get_mut("security") else { return };
        let Some(items) = security.list_mut() else {
            notes.add(
                &security.place,
                format_args!("`security` left out: expected a sequence, found {}", security.describe()),
            );
            map.shift_remove("security");
            return;
        };
        items.retain(|item| item.map().is_some());
        for scopes in items.iter_mut().filter_map(Node::map_mut).flat_map(Map::values_mut) {
            let texts = scopes.list().is_some_and(|list| list.iter().all(|scope| scope.text().is_some()));
            if !texts {
                scopes.value = Value::List(Vec::new());
            }
        }
    });
}

/// Leaves out the items of a sequence that lack the one thing they need.
fn named(map: &mut Map, key: &str, needed: &str, notes: &mut Notes) {
    let Some(node) = map.get_mut(key) else { return };
    // An operation's tags are words, which another rule sees to; these are the document's.
    match node.list_mut() {
        Some(items) => items.retain(|item| {
            let keep = item.get_text(needed).is_some();
            if !keep {
                notes.add(&item.place, format_args!("an item of `{key}` left out: it has no `{needed}`"));
            }
            keep
        }),
        None => {
            map.shift_remove(key);
        }
    }
}

fn is_scheme(scheme: &Node) -> bool {
    let has = |key: &str| scheme.get_text(key).is_some();
    match scheme.get_text("type") {
        Some("http") => has("scheme"),
        Some("apiKey") => has("name") && matches!(scheme.get_text("in"), Some("query" | "header" | "cookie")),
        Some("openIdConnect") => has("openIdConnectUrl"),
        Some("oauth2") => scheme.get("flows").is_some_and(|flows| flows.map().is_some()),
        _ => scheme.get("$ref").is_some(),
    }
}

fn required_of_properties(schema: &mut Node, notes: &mut Notes) {
    let Some(map) = schema.map_mut() else { return };
    if map.get("required").is_some_and(|required| required.list().is_none()) && !map.contains_key("properties") {
        return; // the parent's to read, below
    }
    let mut named = Vec::new();
    for (name, property) in map.get_mut("properties").and_then(Node::map_mut).into_iter().flatten() {
        let Some(property) = property.map_mut() else {
            continue;
        };
        if property.get("required").is_none_or(|required| required.list().is_some()) {
            continue;
        }
        let Some(required) = property.shift_remove("required") else {
            continue;
        };
        if matches!(&required.value, Value::Bool(true)) || required.text() == Some("true") {
            named.push((name.clone(), required.place.clone()));
        }
        notes.add(&required.place, format_args!("`required` on the property {name} moved to its object's list"));
    }
    if named.is_empty() {
        return;
    }
    let place = schema.place.clone();
    let Some(map) = schema.map_mut() else { return };
    let list = map.entry("required".to_owned()).or_insert_with(|| Node::at(&place, Value::List(Vec::new())));
    if list.list().is_none() {
        list.value = Value::List(Vec::new());
    }
    for (name, place) in named {
        if let Some(items) = list.list_mut()
            && !items.iter().any(|item| item.text() == Some(&name))
        {
            items.push(Node::text_at(&place, name));
        }
    }
}
