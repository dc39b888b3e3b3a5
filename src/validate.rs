//! Validation: one walk over a request's JSON and its JSON Schema, the only place where limits are written down.
//!
//! The walk inserts defaults, drops what is empty, opens the media, and reports every violation with its JSON path. Unknown
//! values of open enumerations are remarks: the API may know them.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::error::{Remark, Violation};
use crate::media::{Image, Segment, Size, have_one_ratio, http_url, pixels};

/// What may stand for a field whose limit is a URL.
const URL: &str = "a public http or https URL";

/// The JSON Schema of a request type: draft 2020-12, inlined; what has a default is always sent, so it is required.
pub(crate) fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    tidy(schema.ensure_object());
    schema.to_value()
}

fn tidy(schema: &mut Map<String, Value>) {
    // An empty optional is left out and never null.
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &mut types[..] {
            let only = only.take();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [Value::Object(only)] = &mut choices[..] {
            let only = std::mem::take(only);
            schema.remove("anyOf");
            for (key, value) in only {
                schema.entry(key).or_insert(value);
            }
        }
    }
    // A default of nothing, and a limit that does not hold for a field.
    schema.retain(|_, value| !value.is_null());
    // The width of a Rust number, which no JSON has.
    if schema.get("format").is_some_and(|format| format != "uri") {
        schema.remove("format");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    }
    for child in schema.values_mut() {
        match child {
            Value::Object(child) => tidy(child),
            Value::Array(children) => children.iter_mut().filter_map(Value::as_object_mut).for_each(tidy),
            _ => {}
        }
    }
    let defaults = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let defaults = defaults.filter(|(_, field)| !field["default"].is_null());
    let defaults: Vec<_> = defaults.map(|(name, _)| Value::from(name.as_str())).collect();
    if !defaults.is_empty()
        && let Value::Array(required) = schema.entry("required").or_insert(Value::Array(Vec::new()))
    {
        required.extend(defaults);
        required.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        required.dedup();
    }
}

pub(crate) struct Walk<'a> {
    /// Whether limits and unknown fields are violations.
    pub(crate) checked: bool,
    /// Makes the media out of a text that stands in the place of one.
    pub(crate) resolve: &'a mut dyn FnMut(String) -> Image,
    /// The media of a builder, by the numbers that it leaves in their places.
    pub(crate) media: &'a [Image],
    /// What is sent for each medium, by the number that the walk leaves in its place.
    pub(crate) segments: Vec<Segment>,
    pub(crate) sizes: Vec<Measured>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) remarks: Vec<Remark>,
}

/// An image of known size.
pub(crate) struct Measured {
    path: String,
    size: Size,
    /// The path of the image whose ratio it must have (`x-ratio-of`), together with others of one size.
    ratio_of: Option<String>,
}

impl Walk<'_> {
    /// Compares images with each other, after the walk.
    pub(crate) fn ratios(&mut self) {
        let mut first = None;
        for mask in &self.sizes {
            let Some(of) = &mask.ratio_of else { continue };
            let whole = self.sizes.iter().find(|image| image.path == *of);
            let (what, other) = match whole.filter(|whole| !have_one_ratio(mask.size, whole.size)) {
                Some(whole) => ("ratio", whole),
                None => ("size", *first.get_or_insert(mask)),
            };
            if what == "ratio" || other.size != mask.size {
                let limit = format!("the {what} of {}, {}", other.path, pixels(other.size));
                self.violations.push(Violation::new(&mask.path, limit, pixels(mask.size)));
            }
        }
    }

    pub(crate) fn value(&mut self, value: &mut Value, schema: &Value, path: &str) {
        if !schema["x-media"].is_null() {
            return self.media(value, schema, path);
        }
        if !has_type(value, schema) {
            return self.violation(path, limit(schema), given(value));
        }
        match value {
            Value::Object(fields) => self.object(fields, schema, path),
            Value::Array(items) => {
                let count = items.len();
                self.bound(count as f64, schema, ["minItems", "maxItems"], path, || format!("{count} items"));
                for (at, item) in items.iter_mut().enumerate() {
                    self.value(item, &schema["items"], &format!("{path}[{at}]"));
                }
            }
            Value::String(text) => self.text(text, schema, path),
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                self.bound(number, schema, ["minimum", "maximum"], path, || number.to_string());
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn object(&mut self, fields: &mut Map<String, Value>, object: &Value, path: &str) {
        let Some(known) = object["properties"].as_object() else { return };
        let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for (name, schema) in known {
            let is_required =
                object["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name));
            // The API takes an empty id for an id; nothing that is empty is sent.
            let is_empty = |value: &Value| value.is_null() || !is_required && value.as_str() == Some("");
            if fields.get(name).is_some_and(is_empty) {
                fields.remove(name);
            }
            if let Some(default) = schema.get("default") {
                fields.entry(name.as_str()).or_insert_with(|| default.clone());
            }
            match fields.get_mut(name) {
                Some(Value::String(text)) if text.is_empty() && schema["minLength"].is_null() => {
                    self.limit_violation(&join(name), limit(schema), "0 characters");
                }
                Some(value) => self.value(value, schema, &join(name)),
                None if is_required => self.violation(&join(name), limit(schema), "nothing"),
                None => {}
            }
        }
        for name in fields.keys().filter(|name| !known.contains_key(*name)) {
            let near = known.keys().find(|known| is_near(known, name));
            let given =
                near.map_or("an unknown field".to_owned(), |near| format!("an unknown field; is {near} meant?"));
            self.limit_violation(&join(name), "a field of this operation", given);
        }
    }

    fn text(&mut self, text: &str, schema: &Value, path: &str) {
        if schema["format"] == "uri"
            && let Err(given) = http_url(text)
        {
            self.limit_violation(path, URL, given);
        }
        let count = text.chars().count();
        self.bound(count as f64, schema, ["minLength", "maxLength"], path, || format!("{count} characters"));
        if let Some(known) = schema["x-extensible-enum"].as_array()
            && !known.iter().any(|known| known == text)
        {
            let known: Vec<_> = known.iter().filter_map(Value::as_str).collect();
            let word: String = text.chars().take(40).collect();
            let message = format!("{word:?} is not a known value ({}); it is sent as it is", known.join(", "));
            self.remarks.push(Remark { path: path.to_owned(), message });
        }
    }

    /// A place of media: a number that a builder left there, or a text to be resolved.
    fn media(&mut self, value: &mut Value, schema: &Value, path: &str) {
        let image = match value {
            Value::String(text) => Some((self.resolve)(std::mem::take(text))),
            Value::Number(number) => {
                number.as_u64().and_then(|number| self.media.get(usize::try_from(number).ok()?)).cloned()
            }
            _ => None,
        };
        let Some(image) = image else { return self.violation(path, limit(schema), given(value)) };
        *value = self.segments.len().into();
        let (segment, size) = image.open(path, self.checked.then_some(schema), &mut self.violations);
        let ratio_of = schema["x-ratio-of"].as_str().map(str::to_owned);
        self.sizes.extend(size.map(|size| Measured { path: path.to_owned(), size, ratio_of }));
        self.segments.extend(segment);
    }

    /// A number of something within a schema's bounds.
    fn bound(&mut self, count: f64, schema: &Value, keys: [&str; 2], path: &str, given: impl Fn() -> String) {
        let [least, most] = keys.map(|key| schema[key].as_f64());
        if least.is_some_and(|least| count < least) || most.is_some_and(|most| count > most) {
            self.limit_violation(path, limit(schema), given());
        }
    }

    fn limit_violation(&mut self, path: &str, limit: impl Into<String>, given: impl Into<String>) {
        if self.checked {
            self.violation(path, limit, given);
        }
    }

    fn violation(&mut self, path: &str, limit: impl Into<String>, given: impl Into<String>) {
        self.violations.push(Violation::new(path, limit, given));
    }
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let is = |expected: &str| match (expected, value) {
        ("object", Value::Object(_)) | ("array", Value::Array(_)) | ("string", Value::String(_)) => true,
        ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => true,
        ("integer", Value::Number(number)) => number.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    };
    match schema.get("type") {
        Some(Value::String(expected)) => is(expected),
        Some(Value::Array(expected)) => expected.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

/// A schema's limits in words.
fn limit(schema: &Value) -> String {
    if let Some(kind) = schema["x-media"].as_str() {
        return format!("a URL or Base64 of an {kind}");
    }
    let range = |[least, most]: [&str; 2], unit: &str| {
        let [least, most] = [least, most].map(|key| schema[key].as_f64());
        match (least, most) {
            (Some(least), Some(most)) if least < 0.0 => Some(format!("{least} to {most}{unit}")),
            (Some(least), Some(most)) => Some(format!("{least}–{most}{unit}")),
            (None, Some(most)) => Some(format!("at most {most}{unit}")),
            (Some(least), None) => Some(format!("at least {least}{unit}")),
            (None, None) => None,
        }
    };
    let kind = schema["type"].as_str().unwrap_or("value");
    range(["minLength", "maxLength"], " characters")
        .or_else(|| range(["minItems", "maxItems"], " items"))
        .or_else(|| range(["minimum", "maximum"], ""))
        .unwrap_or_else(|| format!("{} {kind}", if kind.starts_with(['a', 'i', 'o']) { "an" } else { "a" }))
}

/// A value's type and length, never a text itself.
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

/// Whether two names differ in a letter or two, or in how they are written.
fn is_near(known: &str, name: &str) -> bool {
    let bare = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let (known, name) = (bare(known), bare(name));
    let shared = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let reversed = |text: &str| text.chars().rev().collect::<String>();
    let (front, longest) = (shared(&known, &name), known.len().max(name.len()));
    let back = shared(&reversed(&known), &reversed(&name)).min(longest - front.min(longest));
    longest > 3 && front + back + 1 >= longest || known.starts_with(&name) && name.len() > 3
}
