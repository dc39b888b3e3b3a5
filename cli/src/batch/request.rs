//! What a job submits, as the record keeps it: an operation and its request, and the hash by which the same work is known
//! again.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use kling_client::{Image, Operation, Request};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The request of a job: an operation, and its fields in the words of the wire. It holds the prompt, so it has no `Debug`.
#[derive(Clone, PartialEq)]
pub struct JobRequest {
    /// The operation.
    pub operation: Operation,
    /// With defaults, and with URLs, Base64 and paths of files in the places of media.
    fields: Map<String, Value>,
}

impl JobRequest {
    /// The request of these fields: in the words of the wire or in those of `kling generate`, with text where the wire has
    /// another type, and with a value alone in the place of a list, or of an object of which it is the only required field.
    /// What is empty is left out.
    ///
    /// # Errors
    /// The fields that are given more than once.
    pub fn new(operation: Operation, given: impl IntoIterator<Item = (String, Value)>) -> Result<Self, Vec<String>> {
        let known = properties(&operation);
        let (mut fields, mut reasons) = (Map::new(), Vec::new());
        for (name, value) in given {
            let name = property(known, &name).map(str::to_owned).unwrap_or(name);
            let Some(value) = shaped(value, &known[&name]) else { continue };
            match (fields.get_mut(&name), value) {
                (Some(Value::Array(before)), Value::Array(more)) => before.extend(more),
                (Some(_), _) => reasons.push(format!("{name}: expected one value, given more")),
                (None, value) => _ = fields.insert(name, value),
            }
        }
        for (name, field) in known.as_object().into_iter().flatten() {
            if let Some(default) = field.get("default") {
                fields.entry(name).or_insert_with(|| default.clone());
            }
        }
        if reasons.is_empty() { Ok(Self { operation, fields }) } else { Err(reasons) }
    }

    /// The request of a row of the record, of an older version as well.
    ///
    /// # Errors
    /// What is wrong with the row.
    pub fn read(operation: &Operation, json: &str) -> Result<Self, String> {
        let fields: Map<String, Value> = serde_json::from_str(json).map_err(|reason| reason.to_string())?;
        Self::new(operation.clone(), fields).map_err(|reasons| reasons.join("; "))
    }

    /// The fields as JSON, for the record.
    pub fn to_json(&self) -> String {
        Value::Object(self.fields.clone()).to_string()
    }

    /// A field as text; empty if it is not there.
    pub fn text(&self, name: &str) -> String {
        match self.fields.get(name) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// The request to be submitted, with every check of the library; reads the headers of the images.
    ///
    /// # Errors
    /// Those of [`Request::from_json_with`].
    pub fn request(&self, external_id: &str) -> kling_client::Result<Request> {
        let mut fields = self.fields.clone();
        fields.insert("external_task_id".to_owned(), external_id.into());
        let image = |text: String| match &text {
            url if is_url(url) => Image::url(text),
            base64 if is_base64(base64) => Image::base64(text),
            _ => Image::file(text),
        };
        Request::from_json_with(self.operation.clone(), fields.into(), image)
    }

    /// The same request with another text in the place of each medium, which is given with its JSON path.
    ///
    /// # Errors
    /// Those of `text`.
    pub(crate) fn with_media<E>(&self, mut text: impl FnMut(&str, &str) -> Result<String, E>) -> Result<Self, E> {
        let fields = mapped(&self.fields, properties(&self.operation), "", &mut text)?;
        Ok(Self { operation: self.operation.clone(), fields })
    }

    /// What stands in the places of media.
    pub(crate) fn media(&self) -> Vec<String> {
        let mut media = Vec::new();
        _ = self.with_media(|_, text| {
            media.push(text.to_owned());
            Ok::<_, Infallible>(String::new())
        });
        media
    }

    /// The hash of the work: of what changes the output, and of the bytes of files, which are read as a stream. Not of who
    /// is notified, nor of what the image behind a URL shows today.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn hash(&self) -> io::Result<String> {
        self.hash_with(|file| hash_file(file).map(|(_, sha256)| sha256))
    }

    /// The same, with the SHA-256 of each file from somebody who may know it already.
    pub(crate) fn hash_with(&self, mut file: impl FnMut(&Path) -> io::Result<String>) -> io::Result<String> {
        /// What the first version hashed, in its order, with the images after it: records hold such hashes.
        const FIRST: [&str; 6] = ["model_name", "mode", "duration", "prompt", "negative_prompt", "aspect_ratio"];
        let mut hash = Sha256::new();
        // The length in front of each part, so that no two requests give the same bytes.
        let mut part = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        match &self.operation {
            Operation::MultiImageToVideo => part("kling-batch 1"),
            other => part(&format!("kling-batch 1 {other}")),
        }
        FIRST.iter().for_each(|name| part(&self.text(name)));
        let request = self.with_media(|_, text| match Path::new(text) {
            path if is_file(text) => {
                file(path).map_err(|reason| io::Error::new(reason.kind(), format!("{text}: {reason}")))
            }
            _ => Ok(text.to_owned()),
        })?;
        let known = properties(&self.operation);
        for (name, value) in &request.fields {
            match value {
                _ if FIRST.contains(&name.as_str()) || name == "callback_url" => {}
                Value::Array(items) if name == "image_list" => items.iter().for_each(|item| match &item["image"] {
                    Value::String(image) if item.as_object().is_some_and(|item| item.len() == 1) => part(image),
                    _ => part(&item.to_string()),
                }),
                // A field that a later version knows, with a default, changes no hash.
                value if known[name].get("default") == Some(value) => {}
                value => [name, &value.to_string()].into_iter().for_each(|text| part(text)),
            }
        }
        Ok(hex(&hash.finalize()))
    }
}

/// The fields that an operation has, by their names.
pub(crate) fn properties(operation: &Operation) -> &'static Value {
    operation.json_schema().and_then(|schema| schema.get("properties")).unwrap_or(&Value::Null)
}

/// The field that a word of the wire or of `kling generate` names.
pub(crate) fn property<'a>(known: &'a Value, word: &str) -> Option<&'a str> {
    let word = if word == "images" { "image" } else { word };
    let known = known.as_object()?;
    let is_option = |field: &Value| field["x-option"].as_str().is_some_and(|option| option.replace('-', "_") == word);
    let by_option = || known.iter().find(|(_, field)| is_option(field));
    known.get_key_value(word).or_else(by_option).map(|(name, _)| name.as_str())
}

/// A value in the form of its field; none if it is empty.
pub(crate) fn shaped(value: Value, schema: &Value) -> Option<Value> {
    let is = |kind: &str| schema["type"] == kind;
    Some(match value {
        Value::Null => return None,
        Value::String(text) if text.trim().is_empty() => return None,
        Value::Number(number) if is("string") => number.to_string().into(),
        Value::String(text) if schema.get("x-extensible-enum").is_some() => text.trim().into(),
        // A number or a text: what is no whole number of 64 bits is sent as it is.
        Value::String(text) if schema["type"].is_array() => match text.trim().parse::<u64>() {
            Ok(number) if number.to_string() == text.trim() => number.into(),
            _ => text.into(),
        },
        Value::String(text) if is("array") => match serde_json::from_str(&text) {
            Ok(Value::Array(items)) => list(items, schema),
            Ok(item @ Value::Object(_)) => list(vec![item], schema),
            _ => list(vec![text.into()], schema),
        },
        Value::Array(items) if is("array") => list(items, schema),
        item if is("array") && !item.is_string() => list(vec![item], schema),
        Value::String(text) if is("object") => match serde_json::from_str(&text) {
            Ok(object @ Value::Object(_)) => object,
            _ => whole(text.into(), schema),
        },
        Value::String(text) if schema.get("type").is_some() && !is("string") => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        other => whole(other, schema),
    })
}

fn list(items: Vec<Value>, schema: &Value) -> Value {
    items.into_iter().map(|item| whole(item, &schema["items"])).collect()
}

/// An object of which a value alone is the only required field, or the value as it is.
fn whole(value: Value, schema: &Value) -> Value {
    let only = match schema["required"].as_array().map(Vec::as_slice) {
        Some([only]) if !value.is_object() && !value.is_array() => only.as_str(),
        _ => None,
    };
    let Some(name) = only else { return value };
    shaped(value, &schema["properties"][name])
        .map(|value| (name.to_owned(), value))
        .into_iter()
        .collect::<Map<_, _>>()
        .into()
}

type Text<'a, E> = dyn FnMut(&str, &str) -> Result<String, E> + 'a;

/// The fields in the order of their names, with another text in the place of each medium.
fn mapped<E>(
    fields: &Map<String, Value>,
    known: &Value,
    path: &str,
    text: &mut Text<'_, E>,
) -> Result<Map<String, Value>, E> {
    fn one<E>(value: &Value, schema: &Value, path: &str, text: &mut Text<'_, E>) -> Result<Value, E> {
        Ok(match value {
            Value::String(medium) if schema.get("x-media").is_some() => text(path, medium)?.into(),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(at, item)| one(item, &schema["items"], &format!("{path}[{at}]"), text));
                items.collect::<Result<Vec<_>, E>>()?.into()
            }
            Value::Object(fields) => mapped(fields, &schema["properties"], &format!("{path}."), text)?.into(),
            other => other.clone(),
        })
    }
    let sorted = fields.iter().collect::<BTreeMap<_, _>>();
    let one = |(name, value): (&String, &Value)| {
        Ok((name.clone(), one(value, &known[name], &format!("{path}{name}"), text)?))
    };
    sorted.into_iter().map(one).collect()
}

/// Whether an image is named by a URL.
pub(crate) fn is_url(image: &str) -> bool {
    begins(image, "http://") || begins(image, "https://")
}

/// Whether an image is Base64: a `data:` URI, or what a PNG or a JPEG begins with and no name of a file looks like.
pub(crate) fn is_base64(image: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_ \r\n".contains(&byte);
    let is_picture = image.starts_with("iVBORw0KGgo") || image.starts_with("/9j/");
    begins(image.trim_start(), "data:") || is_picture && image.bytes().all(is_plain)
}

/// Whether an image is a file: all else is one, as for `kling generate`.
pub(crate) fn is_file(image: &str) -> bool {
    !is_url(image) && !is_base64(image)
}

fn begins(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

/// A file's length and SHA-256, read in pieces.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hash, mut length) = (File::open(path)?, Sha256::new(), 0);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut piece)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else {
            return Ok((length, hex(&hash.finalize())));
        };
        hash.update(read);
        length += count as u64;
    }
}

/// The SHA-256 of a text.
pub(crate) fn hash_text(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(operation: &str, fields: Value) -> JobRequest {
        let Value::Object(fields) = fields else { panic!("fields") };
        JobRequest::new(operation.into(), fields).unwrap()
    }

    fn one_image() -> Value {
        json!({"image": "https://example.com/a.png", "prompt": "x"})
    }

    fn with(mut fields: Value, name: &str, value: Value) -> Value {
        fields[name] = value;
        fields
    }

    #[test]
    fn a_row_of_an_older_record_is_the_same_request_with_the_same_hash() {
        let row = r#"{"images":["https://example.com/a.png","https://example.com/b.png"],"prompt":"The cat","negative_prompt":"rain","mode":"pro","duration":"10","aspect_ratio":"1:1","model":"kling-v1-6","callback_url":"https://example.com/called"}"#;
        let read = JobRequest::read(&Operation::MultiImageToVideo, row).unwrap();
        assert_eq!(read.hash().unwrap(), "9e781fe8dc52ef899bd190e4043ac78970c13d2390503354cf577bb565fe88cd");
        assert_eq!(read.media(), ["https://example.com/a.png", "https://example.com/b.png"]);
        assert!(JobRequest::read(&read.operation, &read.to_json()).unwrap() == read);
        assert_eq!(read.request("mine").unwrap().external_task_id(), Some("mine"));
    }

    #[test]
    fn the_hash_changes_with_all_that_changes_the_output_and_with_nothing_else() {
        let multi = "multi-image2video";
        let same = request(multi, one_image()).hash().unwrap();
        for (name, value) in [
            ("callback_url", json!("https://example.com/called")),
            ("mode", json!("std")),
            ("duration", json!(5)),
            ("image", json!([{"image": "https://example.com/a.png"}])),
        ] {
            assert_eq!(request(multi, with(one_image(), name, value)).hash().unwrap(), same, "{name}");
        }
        let mut hashes = vec![same, request("text2video", json!({"prompt": "x"})).hash().unwrap()];
        for (name, value) in [
            ("prompt", json!("y")),
            ("model", json!("m")),
            ("mode", json!("pro")),
            ("duration", json!("10")),
            ("negative_prompt", json!("x")),
            ("aspect_ratio", json!("1:1")),
            ("watermark_info", json!({"enabled": true})),
            ("image", json!(["https://example.com/a.png", "https://example.com/a.png"])),
        ] {
            hashes.push(request(multi, with(one_image(), name, value)).hash().unwrap());
        }
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }

    #[test]
    fn an_image_counts_by_its_bytes_and_not_by_its_name() {
        let here = std::env::temp_dir().join(format!("kling-request-{}", std::process::id()));
        std::fs::create_dir_all(&here).unwrap();
        let hash = |name: &str, bytes: &[u8]| {
            let path = here.join(name);
            std::fs::write(&path, bytes).unwrap();
            request("multi-image2video", with(one_image(), "image", json!(path))).hash().unwrap()
        };
        assert_eq!(hash("a", b"1"), hash("b", b"1"));
        assert_ne!(hash("a", b"1"), hash("a", b"2"));
        std::fs::remove_dir_all(here).unwrap();
        let gone =
            request("multi-image2video", with(one_image(), "image", json!("/nowhere/cat.png"))).hash().unwrap_err();
        assert!(gone.to_string().contains("/nowhere/cat.png"), "{gone}");
    }

    #[test]
    fn text_of_a_table_becomes_what_the_field_of_the_operation_is() {
        let camera = json!({"type": "simple", "config": {"zoom": 5}});
        let given = json!({"model": " kling-v1-6 ", "prompt": "x", "duration": 10, "cfg_scale": "0.25",
            "camera_control": camera.to_string(), "negative_prompt": " "});
        let read = request("text2video", given);
        let expected = json!({"model_name": "kling-v1-6", "prompt": "x", "duration": "10", "cfg_scale": 0.25,
            "camera_control": camera, "mode": "std"});
        assert_eq!(serde_json::from_str::<Value>(&read.to_json()).unwrap(), expected);
        let short = json!({"model": "kling-v3", "element": "9007199254740993", "image_tail": "b.png", "shots":
            {"index": 1, "prompt": "x", "duration": "5"}, "watermark": "true", "external_task_id": "7"});
        let read = request("image2video", short);
        let expected = json!({"model_name": "kling-v3", "element_list": [{"element_id": 9_007_199_254_740_993_u64}],
            "image_tail": "b.png", "multi_prompt": [{"index": 1, "prompt": "x", "duration": "5"}],
            "watermark_info": {"enabled": true}, "external_task_id": "7", "mode": "std", "duration": "5"});
        assert_eq!(serde_json::from_str::<Value>(&read.to_json()).unwrap(), expected);
        let mixed = json!({"image": ["a.png", {"image_url": "b.png", "type": "first_frame"}], "element": ["u", 7]});
        let expected = json!({"image_list": [{"image_url": "a.png"}, {"image_url": "b.png", "type": "first_frame"}],
            "element_list": [{"element_id": "u"}, {"element_id": 7}]});
        let mixed = request("omni-video", mixed);
        assert_eq!(serde_json::from_str::<Value>(&mixed.to_json()).unwrap(), expected);
        assert_eq!(mixed.media(), ["a.png", "b.png"]);
        let twice = [("mode", "std"), ("mode", "pro")].map(|(name, value)| (name.to_owned(), value.into()));
        assert_eq!(
            JobRequest::new("text2video".into(), twice).err().unwrap(),
            ["mode: expected one value, given more"]
        );
    }

    #[test]
    fn a_medium_is_a_url_or_base64_by_its_beginning_and_a_file_otherwise() {
        for (image, url, base64) in [
            ("HTTPS://example.com/cat.png", true, false),
            ("data:image/png;base64,iVBO", false, true),
            ("iVBORw0KGgoAAAANSUhEUgAA", false, true),
            ("/9j/4AAQSkZJRg==", false, true),
            ("/9j/cat.jpg", false, false),
            ("cat.png", false, false),
        ] {
            assert_eq!((is_url(image), is_base64(image), is_file(image)), (url, base64, !url && !base64), "{image}");
        }
    }
}
