//! The JSON Schema of a request, and what data says against it: the words of every limit are read from here.

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::error::Violation;
use crate::request::Fields;

/// The schema of what is sent.
pub(crate) static SENT: LazyLock<Schema> = LazyLock::new(|| schema(SchemaSettings::draft2020_12().for_serialize()));

/// The schema of what `from_json` takes: the fields that have a default may be missing.
pub(crate) static ACCEPTED: LazyLock<Schema> = LazyLock::new(|| schema(SchemaSettings::draft2020_12()));

fn schema(settings: SchemaSettings) -> Schema {
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Fields>();
    without_null(schema.ensure_object());
    schema
}

/// An empty optional is left out and never null, so the schema does not allow null.
fn without_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = &mut choices[..] {
            let only = std::mem::take(only);
            schema.remove("anyOf");
            for (key, value) in only {
                schema.entry(key).or_insert(value);
            }
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    for child in schema.values_mut() {
        match child {
            Value::Object(child) => without_null(child),
            Value::Array(children) => children.iter_mut().filter_map(Value::as_object_mut).for_each(without_null),
            _ => {}
        }
    }
}

/// Whether a field of this name is sent.
pub(crate) fn is_known(name: &str) -> bool {
    SENT.get("properties").is_some_and(|properties| properties.get(name).is_some())
}

/// A finding of garde's on a field, with the limit as the schema has it and with what was given.
pub(crate) fn violation(field: &str, message: &str, data: &Value) -> Violation {
    let schema = SENT.get("properties").and_then(|properties| properties.get(field)).unwrap_or(&Value::Null);
    match schema.get("format") {
        Some(_) => Violation::new(field, "a public http or https URL", message),
        None => Violation::new(field, limit(schema), given(data.get(field).unwrap_or(&Value::Null))),
    }
}

/// A schema's limits in words.
fn limit(schema: &Value) -> String {
    let number = |key: &str| schema.get(key).and_then(Value::as_u64);
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or("value");
    let range = |min: Option<u64>, max: Option<u64>, unit: &str| match (min, max) {
        (Some(min), Some(max)) => Some(format!("{min}–{max} {unit}")),
        (None, Some(max)) => Some(format!("at most {max} {unit}")),
        (Some(min), None) => Some(format!("at least {min} {unit}")),
        (None, None) => None,
    };
    range(number("minLength"), number("maxLength"), "characters")
        .or_else(|| range(number("minItems"), number("maxItems"), "items"))
        .unwrap_or_else(|| format!("{} {kind}", if kind.starts_with(['a', 'i', 'o']) { "an" } else { "a" }))
}

/// A value's type and length, never the value.
fn given(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("{} characters", text.chars().count()),
        Value::Array(items) => format!("{} items", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Holds the types and the required names of a schema against data.
pub(crate) fn check_types(data: &Value, schema: &Value, path: &str, found: &mut Vec<Violation>) {
    let expected = schema.get("type").and_then(Value::as_str);
    let fits = match (expected, data) {
        (Some("object"), Value::Object(_)) | (Some("array"), Value::Array(_)) => true,
        (Some("string"), Value::String(_)) | (Some("boolean"), Value::Bool(_)) => true,
        (expected, _) => expected.is_none(),
    };
    if !fits {
        return found.push(Violation::new(path, limit(&serde_json::json!({"type": expected})), given(data)));
    }
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if data.get(name).is_none() {
            let limits = schema.get("properties").and_then(|properties| properties.get(name)).map(limit);
            found.push(Violation::new(join(name), limits.unwrap_or_default(), "nothing"));
        }
    }
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(data) = data.get(name) {
            check_types(data, schema, &join(name), found);
        }
    }
    if let (Some(schema), Value::Array(items)) = (schema.get("items"), data) {
        for (index, item) in items.iter().enumerate() {
            check_types(item, schema, &format!("{path}[{index}]"), found);
        }
    }
}
