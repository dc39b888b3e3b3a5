//! Reads the body of a POST: takes the images out one by one, lets the document judge the rest, and then states the
//! limits of the API itself. It knows them on its own, so that it can bear witness against the library.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::answer::Refusal;
use crate::document::{self, shown};
use crate::log::{KEPT_BYTES, ReceivedBody};
use crate::picture::{self, ReceivedImage};
use crate::task::Order;

/// Characters of a prompt, or of a negative prompt. A character is a Unicode scalar value.
const LONGEST_PROMPT: usize = 2500;

/// The most images of one order.
const MOST_IMAGES: usize = 4;

/// The only model that the API is known to offer for this operation.
const KNOWN_MODEL: &str = "kling-v1-6";

/// Reads the body: what to remember of it, and the order, or why there is none.
pub(crate) fn read(bytes: &[u8], any_model: bool, received: &mut ReceivedBody) -> Result<Order, Refusal> {
    let mut outline = Outline::default();
    let body = outline.object(bytes)?;
    received.images = outline.images;
    let judged = judge(&body, outline.complaint, any_model);
    // Anything but an image is small in an honest order; a dishonest one is not kept.
    if bytes.len().saturating_sub(outline.image_bytes) <= KEPT_BYTES {
        received.json = Some(body);
    }
    judged
}

/// The body without its images.
#[derive(Default)]
struct Outline {
    images: Vec<ReceivedImage>,
    /// How much of the body the images were.
    image_bytes: usize,
    /// The first thing that is wrong with an image.
    complaint: Option<String>,
}

impl Outline {
    fn object(&mut self, bytes: &[u8]) -> Result<Value, Refusal> {
        let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let kind = if error.is_data() { "is not a JSON object" } else { "is not JSON" };
            Refusal::Request(format!("the body {kind} (line {line}, column {column})"))
        })?;
        let fields = fields.into_iter().map(|(name, raw)| {
            let value = match name.as_str() {
                "image_list" => self.image_list(raw)?,
                _ => parse(raw)?,
            };
            Ok((name, value))
        });
        fields.collect::<Result<Map<_, _>, _>>().map(Value::Object)
    }

    fn image_list(&mut self, raw: &RawValue) -> Result<Value, Refusal> {
        match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
            Ok(items) => items.into_iter().enumerate().map(|(index, item)| self.item(index, item)).collect(),
            Err(_) => parse(raw),
        }
    }

    fn item(&mut self, index: usize, raw: &RawValue) -> Result<Value, Refusal> {
        let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(raw.get()) else {
            return parse(raw);
        };
        let fields = fields.into_iter().map(|(name, raw)| {
            let value = match name.as_str() {
                "image" => self.image(index, raw)?,
                _ => parse(raw)?,
            };
            Ok((name, value))
        });
        fields.collect::<Result<Map<_, _>, _>>().map(Value::Object)
    }

    fn image(&mut self, index: usize, raw: &RawValue) -> Result<Value, Refusal> {
        #[derive(serde::Deserialize)]
        struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

        let Ok(Text(text)) = serde_json::from_str(raw.get()) else {
            return parse(raw);
        };
        let place = format!("image_list[{index}].image");
        let (image, complaint) = picture::look(&place, &text);
        let placeholder = image.placeholder();
        self.images.push(image);
        self.image_bytes += raw.get().len();
        self.complaint = self.complaint.take().or(complaint);
        Ok(Value::String(placeholder))
    }
}

fn parse(raw: &RawValue) -> Result<Value, Refusal> {
    serde_json::from_str(raw.get()).map_err(|error| Refusal::Request(format!("the body is not JSON: {error}")))
}

fn judge(body: &Value, complaint: Option<String>, any_model: bool) -> Result<Order, Refusal> {
    document::judge(body)?;
    text(body, "prompt")?.ok_or_else(|| missing("prompt"))?;
    not_too_long(body, "prompt")?;
    not_too_long(body, "negative_prompt")?;
    let images = body.get("image_list").and_then(Value::as_array);
    let images = images.ok_or_else(|| missing("image_list"))?;
    if images.is_empty() || images.len() > MOST_IMAGES {
        let count = images.len();
        let message = format!("image_list has {count} entries, 1 to {MOST_IMAGES} are allowed");
        return Err(Refusal::Parameter(message));
    }
    if images.iter().any(|item| item.get("image").is_none_or(|image| !image.is_string())) {
        return Err(missing("image"));
    }
    let mode = one_of(body, "mode", &["std", "pro"])?;
    let duration = one_of(body, "duration", &["5", "10"])?;
    one_of(body, "aspect_ratio", &["16:9", "9:16", "1:1"])?;
    // The vendor's own example sends it empty, as it does other optional fields.
    let callback_url = text(body, "callback_url")?.filter(|url| !url.is_empty());
    if let Some(watermark) = body.get("watermark_info")
        && !watermark.get("enabled").is_some_and(Value::is_boolean)
    {
        let message = "watermark_info is invalid: an object with a boolean `enabled` is expected";
        return Err(Refusal::Parameter(message.into()));
    }
    if let Some(complaint) = complaint {
        return Err(Refusal::Parameter(complaint));
    }
    let model = text(body, "model_name")?.unwrap_or(KNOWN_MODEL);
    if model != KNOWN_MODEL && !any_model {
        return Err(Refusal::Model(shown(&Value::from(model))));
    }
    Ok(Order {
        external_id: text(body, "external_task_id")?.map(str::to_owned),
        mode: mode.unwrap_or("std").to_owned(),
        duration: duration.unwrap_or("5").to_owned(),
        callback_url: callback_url.map(str::to_owned),
    })
}

fn missing(name: &str) -> Refusal {
    Refusal::Parameter(format!("{name} can not be null"))
}

fn text<'a>(body: &'a Value, name: &str) -> Result<Option<&'a str>, Refusal> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            let given = shown(other);
            let message = format!("{name} value {given} is invalid: type string is expected");
            Err(Refusal::Parameter(message))
        }
    }
}

fn one_of<'a>(body: &'a Value, name: &str, allowed: &[&str]) -> Result<Option<&'a str>, Refusal> {
    match text(body, name)? {
        Some(given) if !allowed.contains(&given) => {
            let given = shown(&Value::from(given));
            Err(Refusal::Parameter(format!("{name} value {given} is invalid")))
        }
        given => Ok(given),
    }
}

fn not_too_long(body: &Value, name: &str) -> Result<(), Refusal> {
    let count = text(body, name)?.unwrap_or_default().chars().count();
    if count > LONGEST_PROMPT {
        let message = format!("{name} has {count} characters, at most {LONGEST_PROMPT} are allowed");
        return Err(Refusal::Parameter(message));
    }
    Ok(())
}
