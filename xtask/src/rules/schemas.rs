//! Rules about schemas: each says one thing, in the words of OpenAPI 3.0, that a generator can make a type of.

use std::collections::{HashMap, HashSet};

use crate::ident::snake;
use crate::notes::Notes;
use crate::reference::resolve;
use crate::roles::{Role, walk};
use crate::text::shown;
use crate::tree::{Map, Node, Value};

const COMPOSITIONS: [&str; 3] = ["allOf", "oneOf", "anyOf"];
const STRING: &[&str] = &["minLength", "maxLength", "pattern"];
const NUMBER: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const OBJECT: &[&str] = &["properties", "required", "additionalProperties", "minProperties", "maxProperties"];
const ARRAY: &[&str] = &["items", "minItems", "maxItems", "uniqueItems"];

fn each(root: &mut Node, visit: &mut dyn FnMut(&mut Node)) {
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        if role == Role::Schema && node.map().is_some_and(|map| !map.contains_key("$ref")) {
            visit(node);
        }
    });
}

/// Symptom: a panic, "invalid type". Cause: types of other standards (`file`, `int`, `[string, 'null']`), no type at all, or
/// words that belong to another type. Remedy: the type of OpenAPI 3.0 that was meant, or none, which allows anything; words
/// of other types are left out, since no value could ever meet them.
pub(super) fn types(root: &mut Node, notes: &mut Notes) {
    each(root, &mut |schema| {
        let place = schema.place.clone();
        let Some(map) = schema.map_mut() else { return };
        if let Some(written) = map.get("type").cloned() {
            let words: Vec<String> = match &written.value {
                Value::Text(text) => vec![text.trim().to_ascii_lowercase()],
                Value::List(items) => {
                    items.iter().map(|item| item.text().unwrap_or("null").trim().to_ascii_lowercase()).collect()
                }
                _ => vec!["null".to_owned()],
            };
            let null = words.iter().any(|word| word == "null");
            let mut known: Vec<_> = words.iter().filter_map(|word| meant(word)).collect();
            known.dedup();
            let plain = matches!((written.text(), known.as_slice()), (Some(text), [(name, None)]) if text == *name);
            if !plain {
                notes.add(
                    &written.place,
                    format_args!(
                        "type {} becomes {}",
                        shown(&written),
                        match known.as_slice() {
                            [(name, _)] => name,
                            _ => "anything",
                        }
                    ),
                );
                match known.as_slice() {
                    [(name, format)] => {
                        map.insert("type".to_owned(), Node::text_at(&written.place, *name));
                        if let Some(format) = format {
                            map.entry("format".to_owned()).or_insert_with(|| Node::text_at(&written.place, *format));
                        }
                    }
                    _ => {
                        map.shift_remove("type");
                    }
                }
                if null {
                    map.insert("nullable".to_owned(), Node::at(&written.place, Value::Bool(true)));
                }
            }
        }
        if !map.contains_key("type") && !COMPOSITIONS.iter().any(|key| map.contains_key(*key)) {
            let inferred = [("object", &OBJECT[..3]), ("array", &ARRAY[..1]), ("string", STRING)]
                .into_iter()
                .find(|(_, words)| words.iter().any(|word| map.contains_key(*word)))
                .map(|(name, _)| name)
                .or_else(|| enum_type(map));
            if let Some(name) = inferred {
                map.shift_insert(0, "type".to_owned(), Node::text_at(&place, name));
            }
        }
        let Some(name) = map.get("type").and_then(Node::text).map(str::to_owned) else { return };
        // On a sequence, an enumeration is meant for its items.
        if name == "array"
            && let Some(values) = map.shift_remove("enum")
        {
            match map
                .get_mut("items")
                .and_then(Node::map_mut)
                .filter(|items| !items.contains_key("$ref") && !items.contains_key("enum"))
            {
                Some(items) => {
                    notes.add(&values.place, "the enumeration of a sequence moved to its items");
                    items.insert("enum".to_owned(), values);
                }
                None => notes.add(&values.place, "the enumeration of a sequence left out"),
            }
        }
        let own: &[&str] = match name.as_str() {
            "string" => STRING,
            "number" | "integer" => NUMBER,
            "object" => OBJECT,
            "array" => ARRAY,
            _ => &[],
        };
        let words = [STRING, NUMBER, OBJECT, ARRAY].concat();
        let formats = matches!(name.as_str(), "string" | "number" | "integer");
        map.retain(|key, node| {
            let foreign = words.contains(&key.as_str()) && !own.contains(&key.as_str())
                || key == "format" && (!formats || node.text().is_none())
                || key == "enum" && name == "object";
            if foreign {
                notes.add(&node.place, format_args!("`{key}` left out: it means nothing for type {name}"));
            }
            !foreign
        });
    });
}

/// The type, and the format where the word says more.
fn meant(word: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match word {
        "string" | "str" | "text" | "char" | "varchar" | "url" | "uri" | "datetime" | "date" | "timestamp" | "uuid" => {
            ("string", None)
        }
        "file" | "binary" | "blob" => ("string", Some("binary")),
        "integer" | "int" | "int32" | "int64" | "long" | "short" | "bigint" => ("integer", None),
        "number" | "float" | "double" | "decimal" | "num" => ("number", None),
        "boolean" | "bool" => ("boolean", None),
        "array" | "list" => ("array", None),
        "object" | "map" | "dict" | "json" => ("object", None),
        _ => return None,
    })
}

fn enum_type(map: &Map) -> Option<&'static str> {
    let values = map.get("enum")?.list()?;
    let all = |fits: fn(&Value) -> bool| !values.is_empty() && values.iter().all(|node| fits(&node.value));
    if all(|value| matches!(value, Value::Text(_))) {
        Some("string")
    } else if all(|value| matches!(value, Value::Number(_))) {
        Some("number")
    } else {
        None
    }
}

/// Symptom: the document is refused, or a panic, "exclusive_minimum set without minimum". Cause: limits as text, negative
/// lengths, `exclusiveMinimum: 0` of later standards. Remedy: a number that is written as text becomes one, an exclusive
/// limit takes OpenAPI 3.0's form, and what is no limit is left out.
pub(super) fn limits(root: &mut Node, notes: &mut Notes) {
    each(root, &mut |schema| {
        let Some(map) = schema.map_mut() else { return };
        for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            if let Some(node) = map.get(exclusive).cloned() {
                if let Some(number) = as_number(&node) {
                    notes.add(&node.place, format_args!("`{exclusive}: {number}` becomes a {limit} that is excluded"));
                    map.insert(limit.to_owned(), Node::at(&node.place, Value::Number(number)));
                    map.insert(exclusive.to_owned(), Node::at(&node.place, Value::Bool(true)));
                } else if !matches!(node.value, Value::Bool(_)) || !map.contains_key(limit) {
                    notes.add(
                        &node.place,
                        format_args!("`{exclusive}` left out: there is no `{limit}` that it could be about"),
                    );
                    map.shift_remove(exclusive);
                }
            }
        }
        let counts = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
        for key in counts.into_iter().chain(["minimum", "maximum", "multipleOf"]) {
            let Some(node) = map.get_mut(key) else { continue };
            let whole = counts.contains(&key);
            // Lengths are 32 bits wide in the generator.
            let number = as_number(node).filter(|number| !whole || number.parse::<u32>().is_ok());
            let positive = key != "multipleOf"
                || number.as_ref().is_some_and(|number| number.parse::<f64>().is_ok_and(|n| n > 0.0));
            match number.filter(|_| positive) {
                Some(number) => {
                    if node.text().is_some() {
                        notes.add(&node.place, format_args!("`{key}: {}` read as the number", node.describe()));
                    }
                    node.value = Value::Number(number);
                }
                None => {
                    notes.add(&node.place, format_args!("`{key}: {}` left out: it is no limit", node.describe()));
                    map.shift_remove(key);
                }
            }
        }
        if map.get("pattern").is_some_and(|pattern| pattern.text().is_none()) {
            map.shift_remove("pattern");
        }
    });
}

fn as_number(node: &Node) -> Option<String> {
    match &node.value {
        Value::Number(text) => Some(text.clone()),
        Value::Text(text) => {
            serde_json::from_str::<serde_json::Number>(text.trim()).is_ok().then(|| text.trim().to_owned())
        }
        _ => None,
    }
}

/// Symptom: the document is refused, "bad value". Cause: `enum: [5, 10]` on a string, defaults of another type, values that
/// stand twice. Remedy: a value becomes one of its schema's type if it can, and is left out if not.
pub(super) fn values(root: &mut Node, notes: &mut Notes) {
    each(root, &mut |schema| {
        let Some(map) = schema.map_mut() else { return };
        let name = map.get("type").and_then(Node::text).map(str::to_owned);
        let nullable = matches!(map.get("nullable").map(|node| &node.value), Some(Value::Bool(true)));
        if let Some(node) = map.get_mut("enum") {
            let place = node.place.clone();
            let given = match std::mem::replace(&mut node.value, Value::Null) {
                Value::List(items) => items,
                // A lone value, or `a, b` in one text.
                Value::Text(text) => {
                    text.split([',', '，', '、']).map(|word| Node::text_at(&place, word.trim())).collect()
                }
                value => vec![Node::at(&place, value)],
            };
            let mut kept: Vec<Node> = Vec::new();
            for value in given {
                let found = value.describe();
                match coerced(value, name.as_deref(), nullable) {
                    Some(value) if kept.iter().any(|old| old.same(&value)) => {
                        notes.add(&place, format_args!("the enumeration's value {found} left out: it stands twice"));
                    }
                    Some(value) => kept.push(value),
                    None => notes.add(
                        &place,
                        format_args!(
                            "the enumeration's value {found} left out: it is no {}",
                            name.as_deref().unwrap_or("value")
                        ),
                    ),
                }
            }
            let nothing = kept.iter().all(|value| matches!(value.value, Value::Null));
            node.value = Value::List(kept);
            if nothing {
                map.shift_remove("enum");
            }
        }
        if let Some(default) = map.get("default").cloned() {
            let found = default.describe();
            let place = default.place.clone();
            let listed = |value: &Node| {
                map.get("enum").and_then(Node::list).is_none_or(|values| values.iter().any(|v| v.same(value)))
            };
            match coerced(default, name.as_deref(), nullable).filter(listed) {
                Some(value) => {
                    map.insert("default".to_owned(), value);
                }
                None => {
                    notes.add(
                        &place,
                        format_args!("the default {found} left out: it is not a value that the schema allows"),
                    );
                    map.shift_remove("default");
                }
            }
        }
    });
}

/// The value as one of a type, if it can be.
fn coerced(mut node: Node, name: Option<&str>, nullable: bool) -> Option<Node> {
    let Some(name) = name else { return Some(node) };
    let value = match (name, node.value) {
        (_, Value::Null) if nullable => Value::Null,
        ("string", Value::Text(text) | Value::Number(text)) => Value::Text(text),
        ("string", Value::Bool(value)) => Value::Text(value.to_string()),
        ("boolean", Value::Bool(value)) => Value::Bool(value),
        ("boolean", Value::Text(text)) => Value::Bool(text.trim().to_ascii_lowercase().parse().ok()?),
        ("integer", Value::Number(text) | Value::Text(text)) => {
            let text = text.trim().strip_suffix(".0").unwrap_or(text.trim()).to_owned();
            text.parse::<i64>().ok()?;
            Value::Number(text)
        }
        ("number", Value::Number(text)) => Value::Number(text),
        ("number", Value::Text(text)) => {
            serde_json::from_str::<serde_json::Number>(text.trim()).ok()?;
            Value::Number(text.trim().to_owned())
        }
        ("array", value @ Value::List(_)) | ("object", value @ Value::Map(_)) => value,
        _ => return None,
    };
    node.value = value;
    Some(node)
}

/// Symptom: structs with two fields of one name, fields that nobody described, sequences of nothing. Cause: `imageUrl` beside
/// `image_url`, `required` with names that no property has, `items` left out. Remedy: of properties with the same Rust name
/// the first stands, unless only the other is required; `required` names properties; items that are not described may be anything.
pub(super) fn objects(root: &mut Node, notes: &mut Notes) {
    each(root, &mut |schema| {
        let place = schema.place.clone();
        let Some(map) = schema.map_mut() else { return };
        if map.get("type").and_then(Node::text) == Some("array") && !map.contains_key("items") {
            notes.add(&place, "a sequence without `items`: they may be anything");
            map.insert("items".to_owned(), Node::at(&place, Value::Map(Map::new())));
        }
        let required: Vec<String> = match map.get("required").map(|node| &node.value) {
            Some(Value::List(items)) => items.iter().filter_map(Node::text).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let composed = COMPOSITIONS.iter().any(|key| map.contains_key(*key));
        if let Some(properties) = map.get_mut("properties").and_then(Node::map_mut) {
            let mut owners: HashMap<String, String> = HashMap::new();
            for name in properties.keys() {
                let owner = owners.entry(snake(name)).or_insert_with(|| name.clone());
                if required.contains(name) && !required.contains(owner) {
                    owner.clone_from(name);
                }
            }
            properties.retain(|name, node| {
                let keep = owners.get(&snake(name)) == Some(name);
                if !keep {
                    notes.add(
                        &node.place,
                        format_args!(
                            "the property {name:?} left out: another has the same Rust name; send it as an extra"
                        ),
                    );
                }
                keep
            });
        }
        let known = |name: &str| map.get("properties").is_some_and(|properties| properties.get(name).is_some());
        let mut seen = HashSet::new();
        let kept: Vec<Node> = match map.get("required").map(|node| &node.value) {
            Some(Value::List(items)) => items
                .iter()
                .filter(|item| {
                    let Some(name) = item.text() else { return false };
                    // Part of a composition may require what another part describes.
                    let keep = (known(name) || composed) && seen.insert(name.to_owned());
                    if !keep && !seen.contains(name) {
                        notes.add(&item.place, format_args!("`required` names {name:?}, which no property is"));
                    }
                    keep
                })
                .cloned()
                .collect(),
            _ => Vec::new(),
        };
        match map.get_mut("required") {
            Some(_) if kept.is_empty() => {
                map.shift_remove("required");
            }
            Some(node) => node.value = Value::List(kept),
            None => {}
        }
        // The generator calls the field for further properties `extra`.
        let extra =
            map.get("properties").and_then(Node::map).is_some_and(|all| all.keys().any(|name| snake(name) == "extra"));
        let described = map.get("additionalProperties").is_some_and(|node| node.map().is_some());
        if extra && described {
            notes.add(&place, "the schema of further properties left out: a property is called `extra`");
            map.shift_remove("additionalProperties");
        }
    });
}

/// Symptom: panics deep inside the generator, types that no value fits. Cause: `not`; `allOf`, `oneOf` and `anyOf` beside
/// properties or in each other, in circles, or of parts that contradict each other. Remedy: `allOf` of objects becomes the
/// one object that it describes; alternatives stand alone; what cannot be written that way allows anything.
pub(super) fn compositions(root: &mut Node, notes: &mut Notes) {
    let source = root.clone();
    each(root, &mut |schema| {
        let place = schema.place.clone();
        if schema
            .map()
            .is_none_or(|map| !map.contains_key("not") && !COMPOSITIONS.iter().any(|key| map.contains_key(*key)))
        {
            return;
        }
        let Some(map) = schema.map_mut() else { return };
        if map.shift_remove("not").is_some() {
            notes.add(&place, "`not` left out: no type can say it");
        }
        for key in COMPOSITIONS {
            if map.get(key).is_some_and(|node| node.list().is_none_or(<[Node]>::is_empty)) {
                map.shift_remove(key);
            }
        }
        if map.contains_key("allOf") {
            all_of(map, &source, &place, notes);
        }
        let alternatives: Vec<&str> = ["oneOf", "anyOf"].into_iter().filter(|key| map.contains_key(*key)).collect();
        let Some(first) = alternatives.first() else { return };
        let beside = map.contains_key("properties") || map.contains_key("items") || map.contains_key("allOf");
        if beside {
            notes.add(
                &place,
                format_args!(
                    "`{}` left out: only the properties beside it can be a type",
                    alternatives.join("` and `")
                ),
            );
            alternatives.iter().for_each(|key| drop(map.shift_remove(*key)));
            return;
        }
        if alternatives.len() > 1 {
            notes.add(&place, "`anyOf` left out: it stands beside `oneOf`");
            map.shift_remove("anyOf");
        }
        // Nothing but the alternatives, each once.
        map.retain(|key, _| !["type", "enum", "required", "format", "additionalProperties"].contains(&key.as_str()));
        if let Some(options) = map.get_mut(*first).and_then(Node::list_mut) {
            let mut kept: Vec<Node> = Vec::new();
            for option in options.drain(..) {
                if !kept.iter().any(|old| old.same(&option)) {
                    kept.push(option);
                }
            }
            *options = kept;
            let empty = options
                .iter()
                .any(|option| option.map().is_some_and(|map| structure(map).is_empty() && !map.contains_key("$ref")));
            let nested = options.iter().any(|option| COMPOSITIONS.iter().any(|key| option.get(key).is_some()));
            if empty || nested || in_circle(&source, options) {
                notes.add(
                    &place,
                    format_args!(
                        "`{first}` left out: one of its alternatives allows anything, or holds alternatives itself"
                    ),
                );
                map.shift_remove(*first);
            }
        }
    });
}

/// The words that say something about values.
fn structure(map: &Map) -> Vec<&String> {
    let silent = [
        "description",
        "title",
        "example",
        "examples",
        "deprecated",
        "nullable",
        "readOnly",
        "writeOnly",
        "externalDocs",
        "xml",
        "default",
        "discriminator",
    ];
    map.keys().filter(|key| !silent.contains(&key.as_str()) && !key.starts_with("x-")).collect()
}

fn all_of(map: &mut Map, source: &Node, place: &crate::tree::Place, notes: &mut Notes) {
    let Some(parts) = map.get("allOf").and_then(Node::list).map(<[Node]>::to_vec) else { return };
    let alone = structure(map).iter().all(|key| *key == "allOf" || *key == "type");
    if let ([part], true) = (parts.as_slice(), alone)
        && part.get("$ref").is_some()
        && !in_circle(source, &parts)
    {
        map.shift_remove("type");
        return;
    }
    map.shift_remove("allOf");
    let mut whole = Map::new();
    let mut seen = HashSet::new();
    let fits = parts.iter().all(|part| gather(part, source, &mut whole, &mut seen, notes));
    if !fits {
        notes.add(place, "`allOf` left out: its parts are not all objects, so that no one type is all of them");
        return;
    }
    let own = Node::at(place, Value::Map(map.clone()));
    gather(&own, source, &mut whole, &mut seen, notes);
    for (key, node) in whole {
        map.insert(key, node);
    }
    map.insert("type".to_owned(), Node::text_at(place, "object"));
}

/// Adds what an object says to the one object; false if it is none.
fn gather(part: &Node, source: &Node, whole: &mut Map, seen: &mut HashSet<String>, notes: &mut Notes) -> bool {
    let Some(map) = part.map() else { return false };
    if let Some(reference) = map.get("$ref").and_then(Node::text) {
        if !seen.insert(reference.to_owned()) {
            return true;
        }
        return resolve(source, reference).is_some_and(|target| gather(target, source, whole, seen, notes));
    }
    if !matches!(map.get("type").and_then(Node::text), None | Some("object"))
        || ["oneOf", "anyOf", "enum"].iter().any(|key| map.contains_key(*key))
    {
        return false;
    }
    let inner = map.get("allOf").and_then(Node::list).unwrap_or_default();
    if !inner.iter().all(|part| gather(part, source, whole, seen, notes)) {
        return false;
    }
    if let Some(node) = map.get("properties") {
        let into =
            whole.entry("properties".to_owned()).or_insert_with(|| Node::at(&node.place, Value::Map(Map::new())));
        for (name, property) in node.map().into_iter().flatten() {
            let Some(all) = into.map_mut() else { continue };
            match all.get(name) {
                Some(old) if old.same(property) => {}
                Some(old) => notes.add(
                    &property.place,
                    format_args!("the property {name:?} is described differently at {}; that one stands", old.place),
                ),
                None => {
                    all.insert(name.clone(), property.clone());
                }
            }
        }
    }
    if let Some(node) = map.get("required") {
        let into = whole.entry("required".to_owned()).or_insert_with(|| Node::at(&node.place, Value::List(Vec::new())));
        for name in node.list().into_iter().flatten() {
            if let Some(all) = into.list_mut()
                && !all.iter().any(|old| old.same(name))
            {
                all.push(name.clone());
            }
        }
    }
    if let Some(node) = map.get("additionalProperties") {
        whole.entry("additionalProperties".to_owned()).or_insert_with(|| node.clone());
    }
    true
}

/// Whether one of these leads back to itself through references and compositions alone.
fn in_circle(source: &Node, parts: &[Node]) -> bool {
    fn visit(source: &Node, node: &Node, on_way: &mut Vec<String>, done: &mut HashSet<String>) -> bool {
        if let Some(reference) = node.get_text("$ref") {
            if on_way.iter().any(|old| old == reference) {
                return true;
            }
            if !done.insert(reference.to_owned()) {
                return false;
            }
            on_way.push(reference.to_owned());
            let found = resolve(source, reference).is_some_and(|target| visit(source, target, on_way, done));
            on_way.pop();
            return found;
        }
        COMPOSITIONS
            .iter()
            .filter_map(|key| node.get(key)?.list())
            .flatten()
            .any(|part| visit(source, part, on_way, done))
    }
    parts.iter().any(|part| visit(source, part, &mut Vec::new(), &mut HashSet::new()))
}

/// Symptom: generated code that names crates the page chose, or calls what is not there. Cause: extensions that the generator
/// obeys. Remedy: a page must not steer the generator: they are left out.
pub(super) fn extensions(root: &mut Node, notes: &mut Notes) {
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        if !matches!(role, Role::Schema | Role::Operation | Role::Document | Role::PathItem) {
            return;
        }
        let Some(map) = node.map_mut() else { return };
        map.retain(|key, node| {
            let steers = key.starts_with("x-rust-") || key.starts_with("x-dropshot-");
            if steers {
                notes.add(&node.place, format_args!("`{key}` left out: a page must not steer the generator"));
            }
            !steers
        });
        for (key, needed) in [("externalDocs", "url"), ("discriminator", "propertyName")] {
            if map.get(key).is_some_and(|node| node.get_text(needed).is_none()) {
                map.shift_remove(key);
            }
        }
    });
}
