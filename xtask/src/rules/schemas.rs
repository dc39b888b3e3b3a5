//! Rules about schemas: each says one thing, in the words of OpenAPI 3.0, that a generator can make a type of.

use std::collections::{HashMap, HashSet};

use super::leave_out;
use crate::ident::snake;
use crate::notes::Notes;
use crate::reference::resolve;
use crate::roles::{Role, each_map};
use crate::text::shown;
use crate::tree::{Map, Node, Place, Value};

const COMPOSITIONS: [&str; 3] = ["allOf", "oneOf", "anyOf"];
const STRING: &[&str] = &["minLength", "maxLength", "pattern"];
const NUMBER: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const OBJECT: &[&str] = &["properties", "required", "additionalProperties", "minProperties", "maxProperties"];
const ARRAY: &[&str] = &["items", "minItems", "maxItems", "uniqueItems"];
/// Words that say nothing about values.
const SILENT: &str = "description title example examples deprecated nullable readOnly writeOnly externalDocs xml default \
    discriminator";

fn each(root: &mut Node, visit: &mut dyn FnMut(&mut Map, &Place)) {
    each_map(root, &mut |role, map, place| {
        if role == Role::Schema && !map.contains_key("$ref") {
            visit(map, place);
        }
    });
}

fn type_of(schema: &Map) -> Option<&str> {
    schema.get("type")?.text()
}

fn is_composed(schema: &Map) -> bool {
    COMPOSITIONS.iter().any(|key| schema.contains_key(*key))
}

/// Symptom: a panic, "invalid type". Cause: types of other standards (`file`, `[string, 'null']`), none, or another
/// type's words. Remedy: the type that was meant, or none; words that no value could meet are left out.
pub(super) fn types(root: &mut Node, notes: &mut Notes) {
    each(root, &mut |map, place| {
        if let Some(written) = map.get("type").cloned() {
            become_type(map, &written, notes);
        }
        if !map.contains_key("type") && !is_composed(map) {
            let kinds = [("object", &OBJECT[..3]), ("array", &ARRAY[..1]), ("string", STRING)];
            let described = kinds.iter().find(|(_, words)| words.iter().any(|word| map.contains_key(*word)));
            if let Some(name) = described.map(|(name, _)| *name).or_else(|| enum_type(map)) {
                map.shift_insert(0, "type".to_owned(), Node::text_at(place, name));
            }
        }
        let Some(name) = type_of(map).map(str::to_owned) else { return };
        // On a sequence, an enumeration is meant for its items.
        if name == "array"
            && let Some(values) = map.shift_remove("enum")
        {
            let items = map.get_mut("items").and_then(Node::map_mut);
            let items = items.filter(|items| !items.contains_key("$ref") && !items.contains_key("enum"));
            let how = if items.is_some() { "moved to its items" } else { "left out" };
            notes.add(&values.place, format_args!("the enumeration of a sequence {how}"));
            items.map(|items| items.insert("enum".to_owned(), values));
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
            let fits = match key.as_str() {
                "format" => formats && node.text().is_some(),
                "enum" => name != "object",
                key => own.contains(&key) || !words.contains(&key),
            };
            notes.unless(fits, &node.place, format_args!("`{key}` left out: it means nothing for type {name}"))
        });
    });
}

/// Writes the type that is meant by what is written.
fn become_type(map: &mut Map, written: &Node, notes: &mut Notes) {
    let word = |node: &Node| node.text().unwrap_or("null").trim().to_ascii_lowercase();
    let words = written.list().map_or_else(|| vec![word(written)], |items| items.iter().map(word).collect());
    let mut known: Vec<_> = words.iter().filter_map(|word| meant(word)).collect();
    known.dedup();
    let one = if let [one] = known.as_slice() { Some(*one) } else { None };
    if one.is_some_and(|(name, format)| format.is_none() && written.text() == Some(name)) {
        return;
    }
    let becomes = one.map_or("anything", |(name, _)| name);
    notes.add(&written.place, format_args!("type {} becomes {becomes}", shown(written)));
    if let Some((name, format)) = one {
        map.insert("type".to_owned(), Node::text_at(&written.place, name));
        if let Some(format) = format {
            map.entry("format".to_owned()).or_insert_with(|| Node::text_at(&written.place, format));
        }
    } else {
        map.shift_remove("type");
    }
    if words.iter().any(|word| word == "null") {
        map.insert("nullable".to_owned(), Node::at(&written.place, Value::Bool(true)));
    }
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
    let values = map.get("enum")?.list().filter(|values| !values.is_empty())?;
    ["string", "number"].into_iter().find(|kind| values.iter().all(|value| value.is_a(kind)))
}

/// Symptom: a panic, "exclusive_minimum set without minimum". Cause: limits as text, negative lengths, `exclusiveMinimum:
/// 0` of later standards. Remedy: the number that is meant, in OpenAPI 3.0's form; what is no limit is left out.
pub(super) fn limits(root: &mut Node, notes: &mut Notes) {
    let counts = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
    each(root, &mut |map, _| {
        for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            let Some(node) = map.get(exclusive).cloned() else { continue };
            if let Some(number) = as_number(&node.value) {
                notes.add(&node.place, format_args!("`{exclusive}: {number}` becomes a {limit} that is excluded"));
                map.insert(limit.to_owned(), Node::at(&node.place, Value::Number(number)));
                map.insert(exclusive.to_owned(), Node::at(&node.place, Value::Bool(true)));
            } else if !matches!(node.value, Value::Bool(_)) || !map.contains_key(limit) {
                let text = format_args!("`{exclusive}` left out: there is no `{limit}` that it could be about");
                notes.add(&node.place, text);
                map.shift_remove(exclusive);
            }
        }
        for key in counts.into_iter().chain(["minimum", "maximum", "multipleOf"]) {
            let Some(node) = map.get_mut(key) else { continue };
            let number = as_number(&node.value).filter(|number| match key {
                "minimum" | "maximum" => true,
                "multipleOf" => number.parse::<f64>().is_ok_and(|number| number > 0.0),
                // Lengths are 32 bits wide in the generator.
                _ => number.parse::<u32>().is_ok(),
            });
            let written = format!("`{key}: {}`", node.describe());
            if let Some(number) = number {
                notes.unless(node.text().is_none(), &node.place, format_args!("{written} read as the number"));
                node.value = Value::Number(number);
            } else {
                notes.add(&node.place, format_args!("{written} left out: it is no limit"));
                map.shift_remove(key);
            }
        }
        leave_out(map, "pattern", |pattern| pattern.text().is_some());
    });
}

fn as_number(value: &Value) -> Option<String> {
    match value {
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
    each(root, &mut |map, _| {
        let name = type_of(map).map(str::to_owned);
        let nullable = map.get("nullable").is_some_and(|node| node.value == Value::Bool(true));
        let coerced = |value: &Node| match &name {
            Some(name) => coerced(&value.value, name, nullable).map(|coerced| Node { value: coerced, ..value.clone() }),
            None => Some(value.clone()),
        };
        if let Some(node) = map.get_mut("enum") {
            let place = &node.place;
            let given = match &node.value {
                Value::List(items) => items.clone(),
                // `a, b` in one text.
                Value::Text(text) => {
                    text.split([',', '，', '、']).map(|word| Node::text_at(place, word.trim())).collect()
                }
                lone => vec![Node::at(place, lone.clone())],
            };
            let mut kept: Vec<Node> = Vec::new();
            for value in given {
                let why = match coerced(&value) {
                    Some(value) if kept.contains(&value) => "stands twice".to_owned(),
                    Some(value) => {
                        kept.push(value);
                        continue;
                    }
                    None => format!("is no {}", name.as_deref().unwrap_or("value")),
                };
                notes.add(place, format_args!("the enumeration's value {} left out: it {why}", value.describe()));
            }
            let nothing = kept.iter().all(|value| value.value == Value::Null);
            node.value = Value::List(kept);
            leave_out(map, "enum", |_| !nothing);
        }
        let Some(default) = map.get("default") else { return };
        let listed = map.get("enum").and_then(Node::list);
        let value = coerced(default).filter(|value| listed.is_none_or(|listed| listed.contains(value)));
        let found = default.describe();
        let text = format_args!("the default {found} left out: it is not a value that the schema allows");
        notes.unless(value.is_some(), &default.place, text);
        match value {
            Some(value) => drop(map.insert("default".to_owned(), value)),
            None => drop(map.shift_remove("default")),
        }
    });
}

/// The value as one of a type, if it can be.
fn coerced(value: &Value, name: &str, nullable: bool) -> Option<Value> {
    Some(match (name, value) {
        (_, Value::Null) if nullable => Value::Null,
        ("string", Value::Text(text) | Value::Number(text)) => Value::Text(text.clone()),
        ("string", Value::Bool(value)) => Value::Text(value.to_string()),
        ("boolean", Value::Bool(value)) => Value::Bool(*value),
        ("boolean", Value::Text(text)) => Value::Bool(text.trim().to_ascii_lowercase().parse().ok()?),
        ("integer", Value::Number(text) | Value::Text(text)) => {
            let text = text.trim().strip_suffix(".0").unwrap_or(text.trim());
            text.parse::<i64>().ok()?;
            Value::Number(text.to_owned())
        }
        ("number", _) => Value::Number(as_number(value)?),
        ("array", Value::List(_)) | ("object", Value::Map(_)) => value.clone(),
        _ => return None,
    })
}

/// Symptom: two fields of one name, sequences of nothing. Cause: `imageUrl` beside `image_url`, `required` without
/// property, no `items`. Remedy: the first stands unless only the other is required; missing items may be anything.
pub(super) fn objects(root: &mut Node, notes: &mut Notes) {
    each(root, &mut |map, place| {
        if type_of(map) == Some("array") && !map.contains_key("items") {
            notes.add(place, "a sequence without `items`: they may be anything");
            map.insert("items".to_owned(), Node::map_at(place, []));
        }
        // Part of a composition may require what another part describes.
        let composed = is_composed(map);
        let listed = map.get("required").and_then(Node::list).unwrap_or_default().to_vec();
        let required = |name: &str| listed.iter().any(|item| item.text() == Some(name));
        let mut no_properties = Map::new();
        let properties = map.get_mut("properties").and_then(Node::map_mut).unwrap_or(&mut no_properties);
        let mut owners: HashMap<String, String> = HashMap::new();
        for name in properties.keys() {
            let owner = owners.entry(snake(name)).or_insert_with(|| name.clone());
            if required(name) && !required(owner) {
                owner.clone_from(name);
            }
        }
        properties.retain(|name, node| {
            let text = "left out: another has the same Rust name; send it as an extra";
            let kept = owners.get(&snake(name)) == Some(name);
            notes.unless(kept, &node.place, format_args!("the property {name:?} {text}"))
        });
        let mut seen = HashSet::new();
        let named = listed.iter().filter(|item| {
            let Some(name) = item.text() else { return false };
            let known = composed || properties.contains_key(name);
            notes.unless(known, &item.place, format_args!("`required` names {name:?}, which no property is"));
            known && seen.insert(name)
        });
        let kept: Vec<Node> = named.cloned().collect();
        // The generator calls the field for further properties `extra`.
        let extra = properties.keys().any(|name| snake(name) == "extra");
        leave_out(map, "required", |_| !kept.is_empty());
        if let Some(node) = map.get_mut("required") {
            node.value = Value::List(kept);
        }
        if leave_out(map, "additionalProperties", |schema| !(extra && schema.is_map())).is_some() {
            notes.add(place, "the schema of further properties left out: a property is called `extra`");
        }
    });
}

/// Symptom: panics deep inside the generator. Cause: `not`; compositions beside properties, in each other, in circles, or
/// that contradict themselves. Remedy: `allOf` of objects becomes one object, alternatives stand alone, others go.
pub(super) fn compositions(root: &mut Node, notes: &mut Notes) {
    let source = root.clone();
    each(root, &mut |map, place| {
        if map.shift_remove("not").is_some() {
            notes.add(place, "`not` left out: no type can say it");
        }
        for key in COMPOSITIONS {
            leave_out(map, key, |node| node.list().is_some_and(|parts| !parts.is_empty()));
        }
        if map.contains_key("allOf") {
            all_of(map, &source, place, notes);
        }
        let alternatives: Vec<&str> = ["oneOf", "anyOf"].into_iter().filter(|key| map.contains_key(*key)).collect();
        let Some(first) = alternatives.first() else { return };
        if ["properties", "items", "allOf"].iter().any(|key| map.contains_key(*key)) {
            let names = alternatives.join("` and `");
            notes.add(place, format_args!("`{names}` left out: only the properties beside it can be a type"));
            map.retain(|key, _| !alternatives.contains(&key.as_str()));
            return;
        }
        if alternatives.len() > 1 {
            notes.add(place, "`anyOf` left out: it stands beside `oneOf`");
            map.shift_remove("anyOf");
        }
        // Nothing but the alternatives, each once.
        map.retain(|key, _| !["type", "enum", "required", "format", "additionalProperties"].contains(&key.as_str()));
        let Some(options) = map.get_mut(*first).and_then(Node::list_mut) else { return };
        let mut kept: Vec<Node> = Vec::new();
        for option in options.drain(..) {
            if !kept.contains(&option) {
                kept.push(option);
            }
        }
        *options = kept;
        let unfit = |map: &Map| is_composed(map) || structure(map).next().is_none() && !map.contains_key("$ref");
        if options.iter().filter_map(Node::map).any(unfit) || in_circle(&source, options) {
            let why = "one of its alternatives allows anything, or holds alternatives itself";
            notes.add(place, format_args!("`{first}` left out: {why}"));
            map.shift_remove(*first);
        }
    });
}

/// The words that say something about values.
fn structure(map: &Map) -> impl Iterator<Item = &str> {
    map.keys()
        .map(String::as_str)
        .filter(|key| !SILENT.split(' ').any(|silent| silent == *key) && !key.starts_with("x-"))
}

fn all_of(map: &mut Map, source: &Node, place: &Place, notes: &mut Notes) {
    let parts = map.get("allOf").and_then(Node::list).unwrap_or_default().to_vec();
    let alone = structure(map).all(|key| key == "allOf" || key == "type");
    if let ([part], true) = (parts.as_slice(), alone)
        && part.get("$ref").is_some()
        && !in_circle(source, &parts)
    {
        map.shift_remove("type");
        return;
    }
    map.shift_remove("allOf");
    if parts.iter().filter_map(|part| part.get_text("$ref")).any(|reference| holds_itself(source, reference)) {
        notes.add(place, "`allOf` left out: written out, one of its parts would hold itself without end");
        return;
    }
    let (mut whole, mut seen) = (Map::new(), HashSet::new());
    if !parts.iter().all(|part| gather(part, source, &mut whole, &mut seen, notes)) {
        notes.add(place, "`allOf` left out: its parts are not all objects, so that no one type is all of them");
        return;
    }
    gather(&Node::at(place, Value::Map(map.clone())), source, &mut whole, &mut seen, notes);
    map.extend(whole);
    map.insert("type".to_owned(), Node::text_at(place, "object"));
}

/// Adds what an object says to the one object; false if it is none.
fn gather(part: &Node, source: &Node, whole: &mut Map, seen: &mut HashSet<String>, notes: &mut Notes) -> bool {
    let Some(map) = part.map() else { return false };
    if let Some(reference) = part.get_text("$ref") {
        return !seen.insert(reference.to_owned())
            || resolve(source, reference).is_some_and(|target| gather(target, source, whole, seen, notes));
    }
    if !matches!(type_of(map), None | Some("object"))
        || ["oneOf", "anyOf", "enum"].iter().any(|key| map.contains_key(*key))
        || !part.items("allOf").iter().all(|part| gather(part, source, whole, seen, notes))
    {
        return false;
    }
    if let Some(node) = map.get("properties") {
        let into = whole.entry("properties".to_owned()).or_insert_with(|| Node::map_at(&node.place, []));
        for (name, property) in node.map().into_iter().flatten() {
            let Some(all) = into.map_mut() else { continue };
            let old = all.entry(name.clone()).or_insert_with(|| property.clone());
            let text = format_args!("the property {name:?} is described differently at {}; that one stands", old.place);
            notes.unless(old == property, &property.place, text);
        }
    }
    if let Some(node) = map.get("required") {
        let into = whole.entry("required".to_owned()).or_insert_with(|| Node::list_at(&node.place, Vec::new()));
        for name in node.list().into_iter().flatten() {
            into.list_mut().filter(|all| !all.contains(name)).into_iter().for_each(|all| all.push(name.clone()));
        }
    }
    if let Some(node) = map.get("additionalProperties") {
        whole.entry("additionalProperties".to_owned()).or_insert_with(|| node.clone());
    }
    true
}

/// Whether a schema, once every `allOf` inside of it is written out, holds itself.
fn holds_itself(source: &Node, reference: &str) -> bool {
    fn parts<'n>(node: &'n Node, found: &mut Vec<&'n str>) {
        found.extend(node.items("allOf").iter().filter_map(|part| part.get_text("$ref")));
        match &node.value {
            Value::Map(map) => map.values().for_each(|child| parts(child, found)),
            Value::List(items) => items.iter().for_each(|child| parts(child, found)),
            _ => {}
        }
    }
    let (mut open, mut seen) = (vec![reference], HashSet::new());
    while let Some(target) = open.pop().and_then(|reference| resolve(source, reference)) {
        let mut inner = Vec::new();
        parts(target, &mut inner);
        if inner.contains(&reference) {
            return true;
        }
        open.extend(inner.into_iter().filter(|inner| seen.insert(*inner)));
    }
    false
}

/// Whether one of these leads back to itself through references and compositions alone.
fn in_circle(source: &Node, parts: &[Node]) -> bool {
    fn visit(source: &Node, node: &Node, on_way: &mut Vec<String>, done: &mut HashSet<String>) -> bool {
        let Some(reference) = node.get_text("$ref") else {
            let mut parts = COMPOSITIONS.iter().flat_map(|key| node.items(key));
            return parts.any(|part| visit(source, part, on_way, done));
        };
        if on_way.iter().any(|old| old == reference) {
            return true;
        }
        if !done.insert(reference.to_owned()) {
            return false;
        }
        on_way.push(reference.to_owned());
        let found = resolve(source, reference).is_some_and(|target| visit(source, target, on_way, done));
        on_way.pop();
        found
    }
    parts.iter().any(|part| visit(source, part, &mut Vec::new(), &mut HashSet::new()))
}

/// Symptom: generated code that names crates the page chose, or calls what is not there. Cause: extensions that the generator
/// obeys. Remedy: a page must not steer the generator: they are left out.
pub(super) fn extensions(root: &mut Node, notes: &mut Notes) {
    each_map(root, &mut |role, map, _| {
        if matches!(role, Role::Schema | Role::Operation | Role::Document | Role::PathItem) {
            map.retain(|key, node| {
                let steers = key.starts_with("x-rust-") || key.starts_with("x-dropshot-");
                let text = format_args!("`{key}` left out: a page must not steer the generator");
                notes.unless(!steers, &node.place, text)
            });
            leave_out(map, "externalDocs", |docs| docs.get_text("url").is_some());
            leave_out(map, "discriminator", |one| one.get_text("propertyName").is_some());
        }
    });
}
