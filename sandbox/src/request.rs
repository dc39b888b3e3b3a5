//! Reads the body of a create: checks every field against the row of its operation, and takes the images out. It visits the
//! whole body, so that a refused one is recorded too, and reports the first violation.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::image::{self, ReceivedImage};
use crate::log::{KEPT_BYTES, ReceivedBody};
use crate::operations::{Field, Given, Row, Shape};
use crate::response::Refusal;
use crate::task::TaskRequest;

/// Reads a body: what to record of it, and the request or its refusal.
pub(crate) fn read(
    row: &Row,
    bytes: &[u8],
    any_model: bool,
    received: &mut ReceivedBody,
) -> Result<TaskRequest, Refusal> {
    let mut body: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let kind = if error.is_data() { "is not a JSON object" } else { "is not JSON" };
        Refusal::Request(format!("the body {kind} (line {line}, column {column})"))
    })?;
    let mut check = Check { received, image_bytes: 0, sizes: HashMap::new(), violation: None };
    check.object("", &mut body, row.fields);
    let Check { image_bytes, sizes, violation, .. } = check;
    let accepted = accept(row, &Given { body: &body, sizes: &sizes }, violation, any_model);
    // Everything but the images is small in an honest request; a dishonest one is not kept.
    if bytes.len().saturating_sub(image_bytes) <= KEPT_BYTES {
        received.json = Some(Value::Object(body));
    }
    accepted
}

fn accept(row: &Row, given: &Given<'_>, violation: Option<String>, any_model: bool) -> Result<TaskRequest, Refusal> {
    let text = |name: &str| given.body.get(name).and_then(Value::as_str).map(str::to_owned);
    violation.map_or(Ok(()), Err).map_err(Refusal::Parameter)?;
    if let Some(model) = text("model_name").filter(|model| !any_model && !row.models.contains(&model.as_str())) {
        let message = if row.retired.contains(&model.as_str()) {
            "The model is discontinued".into()
        } else {
            format!("model {} does not exist", shown(&model.into()))
        };
        return Err(Refusal::Missing(message));
    }
    (row.rules)(given).map_err(Refusal::Parameter)?;
    Ok(TaskRequest {
        external_id: text("external_task_id"),
        mode: text("mode").unwrap_or_default(),
        // A video to be edited is not fetched: it counts as one of 5 s, like the sandbox's own.
        duration: text("duration").filter(|_| !given.edits_a_video()).unwrap_or_else(|| "5".into()),
        // The vendor's own example sends it empty, as it does other optional fields.
        callback_url: text("callback_url").filter(|url| !url.is_empty()),
    })
}

/// A walk over a body.
struct Check<'a> {
    received: &'a mut ReceivedBody,
    /// How much of the body its images are.
    image_bytes: usize,
    /// The sizes of its images, by their places.
    sizes: HashMap<String, (usize, usize)>,
    violation: Option<String>,
}

impl Check<'_> {
    fn violation(&mut self, message: String) {
        self.violation.get_or_insert(message);
    }

    /// Fields that the row does not know are let through: whether the API ignores them is not on record.
    fn object(&mut self, place: &str, object: &mut Map<String, Value>, fields: &[Field]) {
        for Field { name, required, shape } in fields {
            match object.get_mut(*name) {
                None if !required => {}
                // The vendor's own examples send optional images empty.
                Some(Value::String(text)) if !required && text.is_empty() && matches!(shape, Shape::Image { .. }) => {}
                None | Some(Value::Null) => self.violation(format!("{name} can not be null")),
                Some(value) if place.is_empty() => self.value(name, value, shape),
                Some(value) => self.value(&format!("{place}.{name}"), value, shape),
            }
        }
    }

    fn value(&mut self, place: &str, value: &mut Value, shape: &Shape) {
        let expected = match (shape, &mut *value) {
            (Shape::Text(most), Value::String(text)) => {
                let count = text.chars().count();
                if count > *most {
                    self.violation(format!("{place} has {count} characters, at most {most} are allowed"));
                }
                return;
            }
            (Shape::OneOf(words), Value::String(text)) if words.contains(&text.as_str()) => return,
            (Shape::OneOf(words), Value::String(_)) => format!("one of {}", words.join(", ")),
            (Shape::Number(from, to), Value::Number(number))
                if number.as_f64().is_some_and(|number| (*from..=*to).contains(&number)) =>
            {
                return;
            }
            (Shape::Number(from, to), _) if from.is_infinite() && to.is_infinite() => "type number".into(),
            (Shape::Number(from, to), _) => format!("a number from {from} to {to}"),
            (Shape::Bool, Value::Bool(_)) => return,
            (Shape::Id, Value::String(_) | Value::Number(_)) => return,
            (Shape::Id, _) => "type string or number".into(),
            (Shape::Url, Value::String(text)) => {
                if let Some(violation) = image::inspect_url(place, text) {
                    self.violation(violation);
                }
                return;
            }
            (Shape::Image { any_ratio }, Value::String(text)) => {
                let (image, violation) = image::inspect(place, text, *any_ratio);
                if let ReceivedImage::File { size: Some(size), .. } = image {
                    self.sizes.insert(place.to_owned(), size);
                }
                self.image_bytes += text.len();
                *text = image.placeholder();
                self.received.images.push(image);
                if let Some(violation) = violation {
                    self.violation(violation);
                }
                return;
            }
            (Shape::List(least, most, item), Value::Array(items)) => {
                if !(*least..=*most).contains(&items.len()) {
                    self.violation(format!("{place} has {} entries, {least} to {most} are allowed", items.len()));
                }
                for (index, value) in items.iter_mut().enumerate() {
                    self.value(&format!("{place}[{index}]"), value, item);
                }
                return;
            }
            (Shape::Object(fields), Value::Object(object)) => return self.object(place, object, fields),
            (Shape::Text(_) | Shape::OneOf(_) | Shape::Url | Shape::Image { .. }, _) => "type string".into(),
            (Shape::Bool, _) => "type boolean".into(),
            (Shape::List(..), _) => "type array".into(),
            (Shape::Object(_), _) => "type object".into(),
        };
        self.violation(format!("{place} value {} is invalid: {expected} is expected", shown(value)));
    }
}

/// A value as an error may show it: a text longer than an enumeration's word may be a prompt, and is only counted.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST_SHOWN: usize = 24;
    match value {
        Value::String(text) if text.chars().count() <= LONGEST_SHOWN => format!("'{text}'"),
        Value::String(text) => format!("of {} characters", text.chars().count()),
        Value::Array(_) => "of type array".into(),
        Value::Object(_) => "of type object".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
