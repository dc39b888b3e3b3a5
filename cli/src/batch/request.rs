//! The request of a job, as a manifest or an agent gives it and the record keeps it, and the hash of its work.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use kling_client::{Operation, Request};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::failure::shortened;
use crate::image::{image, is_base64, is_url};
use crate::options::{Field, each_text};

/// The request of a job. It holds the prompt, so it has no `Debug`.
#[derive(Clone, PartialEq)]
pub struct JobRequest {
    /// Operation of the request.
    pub operation: Operation,
    /// Fields by the names of the API, with defaults; media are URLs, Base64, or files as given.
    fields: Value,
    /// Folder that files are relative to.
    pub folder: PathBuf,
}

impl JobRequest {
    /// Builds a request from fields by the names of the API or of the options of `kling generate`. Text stands for any type,
    /// a single value for a list of it, or for an object of which it is the only required field; empty values are left out.
    ///
    /// # Errors
    /// The fields that are given more than once.
    pub fn new(
        operation: Operation,
        given: impl IntoIterator<Item = (String, Value)>,
        folder: &Path,
    ) -> Result<Self, Vec<String>> {
        let (mut fields, mut reasons) = (Map::new(), Vec::new());
        for (name, value) in given.into_iter().filter(|(_, value)| !is_empty(value)) {
            let (name, value) = match Field::named(&operation, &name) {
                Some(field) => (field.property.to_owned(), field.shaped(value)),
                None => (name, value),
            };
            match (fields.get_mut(&name), value) {
                (Some(Value::Array(before)), Value::Array(more)) => before.extend(more),
                (Some(_), _) => reasons.push(format!("{name}: expected one value, given more")),
                (None, value) => _ = fields.insert(name, value),
            }
        }
        for (name, field) in properties(&operation).as_object().into_iter().flatten() {
            if let Some(default) = field.get("default") {
                fields.entry(name).or_insert_with(|| default.clone());
            }
        }
        let request = Self { operation, fields: fields.into(), folder: folder.to_owned() };
        if reasons.is_empty() { Ok(request) } else { Err(reasons) }
    }

    /// Reads the JSON of a record, of an older version as well.
    ///
    /// # Errors
    /// Why it is not the JSON of a request.
    pub fn read(operation: &Operation, json: &str, folder: &Path) -> Result<Self, String> {
        let fields: Map<String, Value> = serde_json::from_str(json).map_err(|reason| reason.to_string())?;
        Self::new(operation.clone(), fields, folder).map_err(|reasons| reasons.join("; "))
    }

    /// The fields as JSON, for a record.
    pub fn to_json(&self) -> String {
        self.fields.to_string()
    }

    /// A field as text, or nothing.
    pub fn text(&self, name: &str) -> String {
        match &self.fields[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// The model, or nothing.
    pub fn model(&self) -> String {
        self.text("model_name")
    }

    /// Builds the request to submit, with all checks of the library; reads the headers of images.
    ///
    /// # Errors
    /// Those of [`Request::from_json_with`].
    pub fn request(&self, external_id: &str) -> kling_client::Result<Request> {
        let mut fields = self.fields.clone();
        fields["external_task_id"] = external_id.into();
        Request::from_json_with(self.operation.clone(), fields, |text| image(text.as_ref(), &self.folder))
    }

    /// The same request with each medium replaced; `replace` gets its JSON path and its text.
    ///
    /// # Errors
    /// Those of `replace`.
    pub fn with_media<E>(&self, mut replace: impl FnMut(&str, &str) -> Result<String, E>) -> Result<Self, E> {
        let mut request = self.clone();
        let schema = self.operation.json_schema().unwrap_or(&Value::Null);
        each_text(&mut request.fields, schema, "", &mut |path, text, schema| {
            if schema.get("x-media").is_some() {
                *text = replace(path, text)?;
            }
            Ok(())
        })?;
        Ok(request)
    }

    /// The text of each medium.
    pub fn media(&self) -> Vec<String> {
        let mut media = Vec::new();
        _ = self.with_media(|_, text| {
            media.push(text.to_owned());
            Ok::<_, Infallible>(String::new())
        });
        media
    }

    /// Returns the hash of the work: of all that changes the output, with the bytes of files. Neither the callback URL nor
    /// the content behind an image's URL changes it.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn hash(&self) -> io::Result<String> {
        self.hash_with(|file| hash_file(file).map(|(_, sha256)| sha256))
    }

    /// Returns the hash of the work, with the SHA-256 of each file from `file`.
    ///
    /// # Errors
    /// Those of `file`, with the file's name.
    pub fn hash_with(&self, mut file: impl FnMut(&Path) -> io::Result<String>) -> io::Result<String> {
        /// The fields of the first version, in its order, which hashed the images after them: records hold such hashes.
        const FIRST: [&str; 6] = ["model_name", "mode", "duration", "prompt", "negative_prompt", "aspect_ratio"];
        let mut hash = Sha256::new();
        // With its length before each part, no two requests hash the same bytes.
        let mut part = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        match &self.operation {
            Operation::MultiImageToVideo => part("kling-batch 1"),
            other => part(&format!("kling-batch 1 {other}")),
        }
        FIRST.iter().for_each(|name| part(&self.text(name)));
        let mut request = self.with_media(|_, text| match is_url(text) || is_base64(text) {
            true => Ok(text.to_owned()),
            false => file(&self.folder.join(text))
                .map_err(|reason| io::Error::new(reason.kind(), format!("{}: {reason}", shortened(text)))),
        })?;
        request.fields.sort_all_objects();
        let known = properties(&self.operation);
        for (name, value) in request.fields.as_object().into_iter().flatten() {
            match value {
                _ if FIRST.contains(&name.as_str()) || name == "callback_url" => {}
                Value::Array(items) if name == "image_list" => items.iter().for_each(|item| match &item["image"] {
                    Value::String(image) if item.as_object().is_some_and(|item| item.len() == 1) => part(image),
                    _ => part(&item.to_string()),
                }),
                // A field that a later version adds, with a default, changes no hash.
                value if known[name].get("default") == Some(value) => {}
                value => [name, &value.to_string()].into_iter().for_each(|text| part(text)),
            }
        }
        Ok(hex(&hash.finalize()))
    }
}

/// Returns the length and SHA-256 of a file, read as a stream.
///
/// # Errors
/// If it cannot be read.
pub fn hash_file(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hash, mut length, mut buffer) = (File::open(path)?, Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((length, hex(&hash.finalize()))),
            count => {
                hash.update(buffer.get(..count).unwrap_or_default());
                length += count as u64;
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields of an operation, by their names.
pub(super) fn properties(operation: &Operation) -> &'static Value {
    operation.json_schema().map_or(&Value::Null, |schema| &schema["properties"])
}

/// Whether it stands for no value, as an empty cell of a table does.
pub(super) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}
