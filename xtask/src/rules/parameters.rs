//! Rules about parameters: what a client should set, once, under a name that Rust has too.

use std::collections::HashSet;

use crate::ident::snake;
use crate::notes::Notes;
use crate::reference::resolve;
use crate::roles::METHODS;
use crate::tree::{Map, Node, Place, Value};

/// Headers of which OpenAPI says that a parameter of that name is to be ignored.
const IGNORED: [&str; 3] = ["accept", "content-type", "authorization"];
/// The argument that the generator adds for the body.
const BODY: &str = "body";

/// Symptom: every method takes a `content_type` and an `authorization`, and panics or refuses on cookies. Cause: the vendor
/// documents headers that the client sets by itself, `in: body` from older standards, names that no header can have.
/// Remedy: such parameters are left out.
pub(super) fn unusable(root: &mut Node, notes: &mut Notes) {
    each_list(root, &mut |list| {
        list.retain_mut(|parameter| {
            let place = parameter.place.clone();
            let name = parameter.get("name").map(|name| match &name.value {
                Value::Text(text) | Value::Number(text) => text.trim().to_owned(),
                Value::Bool(value) => value.to_string(),
                _ => String::new(),
            });
            let name = name.unwrap_or_default();
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
            if !why.is_empty() {
                notes.add(&place, format_args!("{kind} parameter {name:?} left out: {why}"));
                return false;
            }
            if let Some(map) = parameter.map_mut() {
                map.insert("name".to_owned(), Node::text_at(&place, name));
                map.insert("in".to_owned(), Node::text_at(&place, kind));
            }
            true
        });
    });
}

/// Symptom: a panic, "missing from path"; a function with two arguments of one name. Cause: path parameters that the
/// address does not have or that nobody declared, names declared twice or that differ only in case. Remedy: the address
/// decides which path parameters there are; of equal names the first stands.
pub(super) fn declared(root: &mut Node, notes: &mut Notes) {
    let Some(paths) = root.map_mut().and_then(|map| map.get_mut("paths")).and_then(Node::map_mut) else {
        return;
    };
    for (path, item) in paths.iter_mut().filter(|(path, _)| !path.starts_with("x-")) {
        let wanted = names_in(path);
        let Some(item) = item.map_mut() else { continue };
        let shared =
            item.shift_remove("parameters").map(|node| node.list().unwrap_or_default().to_vec()).unwrap_or_default();
        // What all operations share is written out, so that one look at an operation shows all of its arguments.
        for (_, operation) in item.iter_mut().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            let place = operation.place.clone();
            let Some(operation) = operation.map_mut() else {
                continue;
            };
            let mut all = operation.get("parameters").and_then(Node::list).unwrap_or_default().to_vec();
            for parameter in &shared {
                if !all.iter().any(|own| key_of(own) == key_of(parameter)) {
                    all.push(parameter.clone());
                }
            }
            let mut names = HashSet::from([BODY.to_owned()]);
            all.retain(|parameter| {
                let (name, kind) = key_of(parameter);
                if kind == "path" && !wanted.iter().any(|w| w == name) {
                    notes.add(
                        &parameter.place,
                        format_args!("path parameter {name:?} left out: the path {path} has none of that name"),
                    );
                    return false;
                }
                // A path parameter cannot go: it is found again below.
                if !names.insert(snake(name)) && kind != "path" {
                    notes.add(
                        &parameter.place,
                        format_args!("{kind} parameter {name:?} left out: another has the same Rust name"),
                    );
                    return false;
                }
                true
            });
            one_each(&mut all, &wanted);
            for name in wanted
                .iter()
                .rev()
                .filter(|name| !all.iter().any(|p| key_of(p) == (name.as_str(), "path")))
                .cloned()
                .collect::<Vec<_>>()
            {
                notes.add(
                    &place,
                    format_args!("path parameter {name:?} added: the path {path} has it, but nobody declares it"),
                );
                all.insert(0, path_parameter(&place, &name));
            }
            for parameter in all.iter_mut().filter(|parameter| key_of(parameter).1 == "path") {
                if let Some(map) = parameter.map_mut() {
                    map.insert("required".to_owned(), Node::at(&place, Value::Bool(true)));
                }
            }
            if !all.is_empty() || operation.contains_key("parameters") {
                let node = Node::at(&place, Value::List(all));
                match operation.get_mut("parameters") {
                    Some(old) => old.value = node.value,
                    None => {
                        operation.insert("parameters".to_owned(), node);
                    }
                }
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
            let Some(map) = parameter.map_mut() else {
                continue;
            };
            for key in ["style", "explode", "allowReserved", "allowEmptyValue"] {
                if let Some(node) = map.shift_remove(key)
                    && key == "style"
                    && !matches!(node.text(), Some("form" | "simple"))
                {
                    notes.add(
                        &place,
                        format_args!(
                            "the parameter's style {} left out: only the default one is supported",
                            node.describe()
                        ),
                    );
                }
            }
            if let Some(content) = map.shift_remove("content")
                && !map.contains_key("schema")
            {
                let schema = content
                    .map()
                    .and_then(|content| content.values().next())
                    .and_then(|media| media.get("schema"))
                    .cloned();
                notes.add(&place, "the parameter's media type left out: only a schema is supported");
                map.insert("schema".to_owned(), schema.unwrap_or_else(|| text_schema(&place)));
            }
            map.entry("schema".to_owned()).or_insert_with(|| text_schema(&place));
            if !matches!(map.get("examples").map(|node| &node.value), None | Some(Value::Map(_))) {
                map.shift_remove("examples");
            }
            let Some(schema) = map.get_mut("schema") else { continue };
            let target = schema.get_text("$ref").and_then(|reference| resolve(&source, reference));
            if kind == "query" {
                // The generator knows structs in bodies only.
                let object = target.unwrap_or(schema);
                if object.get("properties").is_some() || object.get("allOf").is_some() {
                    notes.add(
                        &schema.place,
                        "the query parameter's object becomes a free-form one: the generator knows no other",
                    );
                    let kind = Map::from([("type".to_owned(), Node::text_at(&place, "object"))]);
                    schema.value = Value::Map(kind);
                }
                continue;
            }
            {
                if let Some(target) = target {
                    schema.value = target.value.clone();
                }
                let fits = matches!(schema.get_text("type"), Some("string" | "integer" | "number" | "boolean"))
                    && !["allOf", "oneOf", "anyOf", "not", "$ref", "properties"]
                        .iter()
                        .any(|key| schema.get(key).is_some());
                if !fits {
                    notes.add(
                        &schema.place,
                        format_args!("the {kind} parameter's schema becomes a string: nothing else can stand there"),
                    );
                    schema.value = text_schema(&place).value;
                }
                if let Some(schema) = schema.map_mut() {
                    schema.shift_remove("nullable");
                }
            }
        }
    });
}

fn each_list(root: &mut Node, visit: &mut dyn FnMut(&mut Vec<Node>)) {
    let mut take = |node: &mut Node| {
        if let Some(list) = node.map_mut().and_then(|map| map.get_mut("parameters")).and_then(Node::list_mut) {
            visit(list);
        }
    };
    let Some(paths) = root.map_mut().and_then(|map| map.get_mut("paths")).and_then(Node::map_mut) else {
        return;
    };
    for (_, item) in paths.iter_mut().filter(|(path, _)| !path.starts_with("x-")) {
        take(item);
        for (key, operation) in item.map_mut().into_iter().flatten() {
            if METHODS.contains(&key.as_str()) {
                take(operation);
            }
        }
    }
}

/// Of several path parameters of one name, the first.
fn one_each(all: &mut Vec<Node>, wanted: &[String]) {
    for name in wanted {
        let mut seen = false;
        all.retain(|parameter| {
            let is_it = key_of(parameter) == (name.as_str(), "path");
            let keep = !(is_it && seen);
            seen |= is_it;
            keep
        });
    }
}

fn names_in(path: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in path.split('{').skip(1) {
        let name = part.split('}').next().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn key_of(parameter: &Node) -> (&str, &str) {
    (parameter.get_text("name").unwrap_or_default(), parameter.get_text("in").unwrap_or_default())
}

fn text_schema(place: &Place) -> Node {
    Node::at(place, Value::Map(Map::from([("type".to_owned(), Node::text_at(place, "string"))])))
}

fn path_parameter(place: &Place, name: &str) -> Node {
    Node::at(
        place,
        Value::Map(Map::from([
            ("name".to_owned(), Node::text_at(place, name)),
            ("in".to_owned(), Node::text_at(place, "path")),
            ("required".to_owned(), Node::at(place, Value::Bool(true))),
            ("schema".to_owned(), text_schema(place)),
        ])),
    )
}
