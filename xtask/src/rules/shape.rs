//! Rules about the form: which version a document is of, and that a mapping is a mapping, a truth value a truth value.

use super::leave_out;
use crate::error::{Error, Result};
use crate::notes::Notes;
use crate::roles::{Role, each_map, walk};
use crate::text::shown;
use crate::tree::{Map, Node, Place, Value};

/// Symptom: a generator that stops, or silently reads half. Cause: Swagger 2.0 and OpenAPI 3.1 spell schemas, bodies and
/// nullability differently. Remedy: refuse them in one line; nothing of them can be guessed.
pub(super) fn version(root: &mut Node) -> Result<()> {
    let refused = |node: &Node, why: &str| Err(Error::refused(&node.place, why));
    if !root.is_map() {
        return refused(root, &format!("expected an OpenAPI 3.0 document, found {}", root.describe()));
    }
    if let Some(node) = root.get("swagger") {
        let why = "only OpenAPI 3.0 is understood, convert the document first";
        return refused(node, &format!("Swagger {}; {why}", shown(node)));
    }
    let Some(node) = root.get_mut("openapi") else {
        return refused(root, "no `openapi: 3.0.x` at the top; expected an OpenAPI document");
    };
    let version = shown(node);
    if version != "3.0" && !version.starts_with("3.0.") {
        let why = "only 3.0 is understood, publish the document as 3.0";
        return refused(node, &format!("OpenAPI {version}; {why}"));
    }
    node.value = Value::Text(if version == "3.0" { "3.0.0".to_owned() } else { version });
    Ok(())
}

/// Symptom: a client without operations. Cause: a page that lost its document's heart. Remedy: refuse it.
pub(super) fn paths(root: &mut Node) -> Result<()> {
    version(root)?;
    if root.get("paths").and_then(Node::map).is_none_or(Map::is_empty) {
        let why = "the document describes no paths; expected at least one operation";
        return Err(Error::refused(&root.place, why));
    }
    Ok(())
}

/// Symptom: the generator refuses the whole document. Cause: empty mappings exported as `[]` or `null`, or text where a
/// mapping belongs. Remedy: what is empty is left out, a schema that is none becomes the one that allows anything.
pub(super) fn collections(root: &mut Node, notes: &mut Notes) {
    let mut keep = |key: &str, child: &mut Node, role: Role| {
        let fits = match role {
            Role::Other => true,
            Role::Parameters | Role::SchemaList => child.list().is_some(),
            // `additionalProperties: false` and its kin are whole schemas.
            Role::Schema if key == "additionalProperties" => child.is_map() || matches!(child.value, Value::Bool(_)),
            _ => child.is_map(),
        };
        if fits {
            return true;
        }
        let empty = child.value == Value::Null || child.list().is_some_and(<[Node]>::is_empty);
        let text = format_args!("`{key}`: expected a collection, found {}; left out", child.describe());
        notes.unless(empty, &child.place, text);
        child.value = Value::Map(Map::new());
        matches!(role, Role::Schema | Role::Response | Role::Media)
    };
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| match &mut node.value {
        _ if role == Role::Other => {}
        Value::Map(map) => map.retain(|key, child| keep(key, child, role.child(key))),
        Value::List(items) => items.retain_mut(|child| keep("-", child, role.child(""))),
        _ => {}
    });
}

/// Symptom: the generator refuses the whole document. Cause: `deprecated: 'false'`, `required: 1`. Remedy: a word that
/// means true or false becomes it, anything else is left out; a property's own `required: true` moves to its object.
pub(super) fn truth_values(root: &mut Node, notes: &mut Notes) {
    each_map(root, &mut |role, map, place| {
        let keys: &[&str] = match role {
            Role::Operation => &["deprecated"],
            Role::Parameter | Role::Header => {
                &["required", "deprecated", "allowEmptyValue", "explode", "allowReserved"]
            }
            Role::Body => &["required"],
            Role::Schema => &["nullable", "readOnly", "writeOnly", "deprecated", "uniqueItems"],
            _ => return,
        };
        if role == Role::Schema {
            required_of_properties(map, place, notes);
        }
        for key in keys {
            let Some(child) = map.get_mut(*key) else { continue };
            let word = match &child.value {
                Value::Bool(_) => continue,
                Value::Text(text) | Value::Number(text) => text.to_ascii_lowercase(),
                _ => String::new(),
            };
            let meant = match word.as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" => Some(false),
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

fn required_of_properties(schema: &mut Map, place: &Place, notes: &mut Notes) {
    let is_list = |node: &Node| node.list().is_some();
    let mut named = Vec::new();
    for (name, property) in schema.get_mut("properties").into_iter().flat_map(Node::entries_mut) {
        let required = property.map_mut().and_then(|property| leave_out(property, "required", is_list));
        let Some(required) = required else { continue };
        notes.add(&required.place, format_args!("`required` on the property {name} moved to its object's list"));
        if required.value == Value::Bool(true) || required.text() == Some("true") {
            named.push(Node::text_at(&required.place, name));
        }
    }
    if named.is_empty() {
        return;
    }
    leave_out(schema, "required", is_list);
    let list = schema.entry("required".to_owned()).or_insert_with(|| Node::list_at(place, Vec::new()));
    for name in named {
        if let Some(items) = list.list_mut().filter(|items| !items.contains(&name)) {
            items.push(name);
        }
    }
}

/// Symptom: the document is refused. Cause: servers without address, tags without name, security that is no list,
/// versions that are numbers. Remedy: it is left out; the version becomes a text that an HTTP header can hold.
pub(super) fn frame(root: &mut Node, notes: &mut Notes) {
    let place = root.place.clone();
    let Some(map) = root.map_mut() else { return };
    let info = map.entry("info".to_owned()).or_insert_with(|| Node::map_at(&place, []));
    if let Some(info) = info.map_mut() {
        for key in ["title", "version"] {
            let node = info.entry(key.to_owned()).or_insert_with(|| Node::text_at(&place, ""));
            let scalar = matches!(node.value, Value::Text(_) | Value::Number(_));
            let text = if scalar { shown(node) } else { String::new() };
            let clean: String = text.chars().filter(|c| key == "title" || c.is_ascii_graphic() && *c != '`').collect();
            let unfit = format_args!("the version {text:?} becomes {clean:?}: a header must hold it");
            notes.unless(clean == text, &node.place, unfit);
            if key == "version" || node.text().is_none() {
                node.value = Value::Text(clean);
            }
        }
        leave_out(info, "contact", Node::is_map);
        leave_out(info, "license", |license| license.get_text("name").is_some());
        leave_out(info, "termsOfService", |terms| terms.text().is_some());
    }
    named(map, "tags", "name", notes);
    let schemes = map.get_mut("components").and_then(|components| components.get_mut("securitySchemes"));
    match schemes.map(|schemes| &mut schemes.value) {
        Some(Value::Map(schemes)) => schemes.retain(|name, scheme| {
            let text = format_args!("the security scheme {name:?} left out: it is none that OpenAPI knows");
            notes.unless(is_scheme(scheme), &scheme.place, text)
        }),
        Some(other) => *other = Value::Map(Map::new()),
        None => {}
    }
    each_map(root, &mut |role, map, _| {
        if matches!(role, Role::Document | Role::PathItem | Role::Operation) {
            servers_and_security(map, notes);
        }
    });
}

fn servers_and_security(map: &mut Map, notes: &mut Notes) {
    named(map, "servers", "url", notes);
    for server in map.get_mut("servers").and_then(Node::list_mut).into_iter().flatten().filter_map(Node::map_mut) {
        let has_default = |variable: &Node| variable.get_text("default").is_some();
        leave_out(server, "variables", |all| all.map().is_some_and(|all| all.values().all(has_default)));
    }
    if let Some(security) = leave_out(map, "security", |node| node.list().is_some()) {
        let text = format_args!("`security` left out: expected a sequence, found {}", security.describe());
        notes.add(&security.place, text);
    }
    let Some(items) = map.get_mut("security").and_then(Node::list_mut) else { return };
    items.retain(Node::is_map);
    for (_, scopes) in items.iter_mut().flat_map(Node::entries_mut) {
        if scopes.list().is_none_or(|list| list.iter().any(|scope| scope.text().is_none())) {
            scopes.value = Value::List(Vec::new());
        }
    }
}

/// Leaves out the items of a sequence that lack the one thing they need.
fn named(map: &mut Map, key: &str, needed: &str, notes: &mut Notes) {
    leave_out(map, key, |node| node.list().is_some());
    if let Some(items) = map.get_mut(key).and_then(Node::list_mut) {
        items.retain(|item| {
            let text = format_args!("an item of `{key}` left out: it has no `{needed}`");
            notes.unless(item.get_text(needed).is_some(), &item.place, text)
        });
    }
}

fn is_scheme(scheme: &Node) -> bool {
    let has = |key: &str| scheme.get_text(key).is_some();
    match scheme.get_text("type") {
        Some("http") => has("scheme"),
        Some("apiKey") => has("name") && matches!(scheme.get_text("in"), Some("query" | "header" | "cookie")),
        Some("openIdConnect") => has("openIdConnectUrl"),
        Some("oauth2") => scheme.get("flows").is_some_and(Node::is_map),
        _ => has("$ref"),
    }
}
