//! Rules about parameters: what a client should set, once, under a name that Rust has too.

use std::collections::HashSet;

use indexmap::IndexSet;

use super::{leave_out, typed};
use crate::ident::snake;
use crate::notes::Notes;
use crate::reference::resolve;
use crate::roles::{methods, path_items};
use crate::tree::{Node, Place, Value};

/// Headers of which OpenAPI says that a parameter of that name is to be ignored.
const IGNORED: [&str; 3] = ["accept", "content-type", "authorization"];
/// The argument that the generator adds for the body.
const BODY: &str = "body";

/// Symptom: methods that take a `content_type`, or panic on cookies. Cause: documented headers that a client sets by
/// itself, `in: body` of older standards, names that no header can have. Remedy: such parameters are left out.
pub(super) fn unusable(root: &mut Node, notes: &mut Notes) {
    each_list(root, &mut |list| {
        list.retain_mut(|parameter| {
            let place = parameter.place.clone();
            let name = parameter.get("name").and_then(Node::word).unwrap_or_default().trim().to_owned();
            let kind = parameter.get_text("in").unwrap_or_default().trim().to_ascii_lowercase();
            let why = match kind.as_str() {
                _ if name.is_empty() => "it has no name",
                "path" | "query" => "",
                "header" if IGNORED.contains(&name.to_ascii_lowercase().as_str()) => "OpenAPI says to ignore it",
                "header" if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) => {
                    "no header can have that name"
                }
                "header" => "",
                "cookie" => "cookies are the browser's",
                _ => "its place is neither path, query nor header",
            };
            let text = format!("{kind} parameter {name:?} left out: {why}");
            if let Some(map) = parameter.map_mut() {
                map.insert("name".to_owned(), Node::text_at(&place, name));
                map.insert("in".to_owned(), Node::text_at(&place, kind));
            }
            notes.unless(why.is_empty(), &place, text)
        });
    });
}

/// Symptom: a panic, "missing from path"; two arguments of one name. Cause: path parameters that the address lacks or
/// nobody declared, equal names. Remedy: the address decides on path parameters; of equal names the first stands.
pub(super) fn declared(root: &mut Node, notes: &mut Notes) {
    for (path, item) in path_items(root) {
        let wanted = names_in(path);
        let shared = item.map_mut().and_then(|item| item.shift_remove("parameters"));
        let shared = shared.as_ref().and_then(Node::list).unwrap_or_default();
        // What all operations share is written out, so that one look at an operation shows all of its arguments.
        for (_, operation) in methods(item) {
            let place = operation.place.clone();
            let mut all = operation.items("parameters").to_vec();
            for parameter in shared {
                if !all.iter().any(|own| key_of(own) == key_of(parameter)) {
                    all.push(parameter.clone());
                }
            }
            let (mut names, mut in_path) = (HashSet::from([BODY.to_owned()]), HashSet::new());
            all.retain_mut(|parameter| {
                let (name, kind) = key_of(parameter);
                let (name, kind) = (name.to_owned(), kind.to_owned());
                if kind != "path" {
                    let text = format_args!("{kind} parameter {name:?} left out: another has the same Rust name");
                    return notes.unless(names.insert(snake(&name)), &parameter.place, text);
                }
                let text = format_args!("path parameter {name:?} left out: the path {path} has none of that name");
                if !notes.unless(wanted.contains(&name), &parameter.place, text) {
                    return false;
                }
                if let Some(map) = parameter.map_mut() {
                    map.insert("required".to_owned(), Node::at(&place, Value::Bool(true)));
                }
                names.insert(snake(&name));
                in_path.insert(name)
            });
            for name in wanted.iter().filter(|name| !in_path.contains(*name)).rev() {
                let text =
                    format_args!("path parameter {name:?} added: the path {path} has it, but nobody declares it");
                notes.add(&place, text);
                all.insert(0, path_parameter(&place, name));
            }
            if let Some(old) = operation.get_mut("parameters") {
                old.value = Value::List(all);
            } else if let Some(map) = operation.map_mut().filter(|_| !all.is_empty()) {
                map.insert("parameters".to_owned(), Node::list_at(&place, all));
            }
        }
    }
}

/// Symptom: "unsupported style", arguments that cannot be written into a URL. Cause: styles and media types in parameters,
/// objects and sequences in paths and headers. Remedy: the default style; where only text can stand, text.
pub(super) fn forms(root: &mut Node, notes: &mut Notes) {
    let source = root.clone();
    each_list(root, &mut |list| {
        for parameter in list {
            let place = parameter.place.clone();
            let kind = key_of(parameter).1.to_owned();
            let Some(map) = parameter.map_mut() else { continue };
            let style = map.shift_remove("style");
            map.retain(|key, _| !["explode", "allowReserved", "allowEmptyValue"].contains(&key.as_str()));
            if let Some(node) = style.filter(|node| !matches!(node.text(), Some("form" | "simple"))) {
                let style = node.describe();
                let text = format_args!("the parameter's style {style} left out: only the default one is supported");
                notes.add(&place, text);
            }
            if let Some(content) = map.shift_remove("content")
                && !map.contains_key("schema")
            {
                notes.add(&place, "the parameter's media type left out: only a schema is supported");
                let media = content.map().and_then(|content| content.values().next());
                let schema = media.and_then(|media| media.get("schema")).cloned();
                map.insert("schema".to_owned(), schema.unwrap_or_else(|| typed(&place, "string")));
            }
            leave_out(map, "examples", Node::is_map);
            let schema = map.entry("schema".to_owned()).or_insert_with(|| typed(&place, "string"));
            let target = schema.get_text("$ref").and_then(|reference| resolve(&source, reference));
            if kind == "query" {
                // The generator knows structs in bodies only.
                let object = target.unwrap_or(schema);
                if object.get("properties").is_some() || object.get("allOf").is_some() {
                    let text = "the query parameter's object becomes a free-form one: the generator knows no other";
                    notes.add(&schema.place, text);
                    schema.value = typed(&place, "object").value;
                }
                continue;
            }
            if let Some(target) = target {
                schema.value = target.value.clone();
            }
            let mut structure = ["allOf", "oneOf", "anyOf", "not", "$ref", "properties"].iter();
            if !matches!(schema.get_text("type"), Some("string" | "integer" | "number" | "boolean"))
                || structure.any(|key| schema.get(key).is_some())
            {
                let text = format_args!("the {kind} parameter's schema becomes a string: nothing else can stand there");
                notes.add(&schema.place, text);
                schema.value = typed(&place, "string").value;
            }
            schema.map_mut().and_then(|schema| schema.shift_remove("nullable"));
        }
    });
}

fn each_list(root: &mut Node, visit: &mut dyn FnMut(&mut Vec<Node>)) {
    for (_, item) in path_items(root) {
        item.get_mut("parameters").and_then(Node::list_mut).map(&mut *visit);
        for (_, operation) in methods(item) {
            operation.get_mut("parameters").and_then(Node::list_mut).map(&mut *visit);
        }
    }
}

fn names_in(path: &str) -> IndexSet<String> {
    path.split('{').skip(1).filter_map(|part| part.split('}').next()).map(str::to_owned).collect()
}

fn key_of(parameter: &Node) -> (&str, &str) {
    (parameter.get_text("name").unwrap_or_default(), parameter.get_text("in").unwrap_or_default())
}

fn path_parameter(place: &Place, name: &str) -> Node {
    let (required, kind) = (Node::at(place, Value::Bool(true)), Node::text_at(place, "path"));
    let name = Node::text_at(place, name);
    Node::map_at(place, [("name", name), ("in", kind), ("required", required), ("schema", typed(place, "string"))])
}
