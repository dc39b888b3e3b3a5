//! From options and `--from` to a validated request: texts and media are read, and all violations are found at once.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use kling_client::{Image, Request};
use serde_json::{Map, Value};

use crate::failure::{Failure, Finding, Note, Result};
use crate::image::image;
use crate::options::{Given, Requested, each_text};
use crate::target::Target;

/// A request, and the file for its output.
pub struct Ready {
    pub request: Request,
    pub target: Option<Target>,
    /// Values that this version does not know, which may be why the API rejects the request.
    pub unknown: Vec<Finding>,
}

/// Stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Marks the number of an image that is read already, in the place of its text; no path or URL has it.
const READ: char = '\0';

/// More than any gateway takes: all known ones refuse a body of 64 MiB.
const LONGEST_INPUT: u64 = 64 * 1024 * 1024;

/// Reads and validates a request, on a thread of its own: a pipe has no end until somebody closes it. With `strict`, unknown
/// values that are not allowed are violations.
pub async fn read(requested: Requested, strict: bool) -> Result<Ready> {
    let validated =
        move || validate(&requested, strict).map_err(|found| found.with_options(|path| requested.option(path)));
    match tokio::task::spawn_blocking(validated).await {
        Ok(ready) => ready,
        Err(reason) => Err(Failure::other("build", reason.to_string())),
    }
}

fn validate(requested: &Requested, strict: bool) -> Result<Ready> {
    let generate = &requested.generate;
    let target = Target::of(generate.saving.clone()).map_err(|failure| failure.with_hint("nothing was sent"));
    let mut input = Input { is_read: false };
    let mut body = match &generate.from {
        Some(file) => input.object(file.as_os_str())?,
        None => Map::new(),
    };
    let mut images = Vec::new();
    let options = requested.body(|property, given| match given {
        Given::Json(value) => Ok(value.clone()),
        Given::Structured(text) => Ok(text.as_str().into()),
        Given::Text(text) if text == STANDARD_INPUT => Ok(input.text(property)?.into()),
        Given::Text(text) => Ok(text.as_str().into()),
        Given::Media(name) => {
            images.push(match name == STANDARD_INPUT {
                true => Image::bytes(input.bytes(name, property, "an image")?),
                false => image(name, Path::new("")),
            });
            Ok(format!("{READ}{}", images.len() - 1).into())
        }
    })?;
    body.extend(options);

    let mut body = Value::Object(body);
    let unknown = unknown(&mut body, requested.operation.json_schema().unwrap_or(&Value::Null));
    let is_refused = strict && !unknown.is_empty() && !generate.allow_unknown && !generate.unchecked;
    let refused = is_refused.then(|| {
        Failure::found(unknown.clone()).with_hint("nothing was sent; --allow-unknown sends unknown values as they are")
    });
    match (build(requested, body, &images), target, refused) {
        (Ok(request), Ok(target), None) => Ok(Ready { request, target, unknown }),
        (request, target, refused) => {
            let mut remarks = match &request {
                Ok(request) => Note::all(request.remarks()),
                Err(failure) => failure.remarks.clone(),
            };
            // That an unknown value is sent as it is, which it is not.
            remarks.retain(|note| !is_refused || !unknown.iter().any(|found| found.path == note.path));
            let all = [request.err(), target.err(), refused].into_iter().flatten();
            let all = all.reduce(|failure, other| failure.and(*other));
            let mut failure = all.unwrap_or_else(|| Failure::other("build", "the request cannot be built"));
            failure.remarks = remarks;
            Err(failure)
        }
    }
}

fn build(requested: &Requested, mut body: Value, images: &[Image]) -> Result<Request> {
    let generate = &requested.generate;
    let mut extra = generate.fields.clone();
    if let Some(fields) = body.as_object_mut().filter(|_| generate.allow_unknown) {
        let known = requested.operation.json_schema().and_then(|schema| schema.get("properties"));
        let is_unknown = |name: &String| known.is_none_or(|known| known.get(name).is_none());
        let unknown: Vec<_> = fields.keys().filter(|name| is_unknown(name)).cloned().collect();
        extra.extend(unknown.into_iter().filter_map(|name| fields.remove_entry(&name)));
    }
    let resolve = |text: String| {
        let read = text.strip_prefix(READ).and_then(|number| images.get(number.parse::<usize>().ok()?));
        read.cloned().unwrap_or_else(|| image(OsStr::new(&text), Path::new("")))
    };
    let operation = requested.operation.clone();
    let request = match generate.unchecked {
        true => Request::from_json_unchecked(operation, body, resolve)?,
        false => Request::from_json_with(operation, body, resolve)?,
    };
    Ok(extra.into_iter().try_fold(request, |request, (name, value)| request.extra(name, value))?)
}

/// The values of open enumerations that this version does not know: they may be mistyped.
fn unknown(body: &mut Value, schema: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    let Ok(()) = each_text(body, schema, "", &mut |path, word, schema| {
        let known = schema["x-extensible-enum"].as_array();
        if let Some(known) = known.filter(|known| !word.is_empty() && known.iter().all(|known| known != word)) {
            let known: Vec<_> = known.iter().filter_map(Value::as_str).collect();
            found.push(Finding::new(path, &known.join(" or "), word.as_str()));
        }
        Ok::<_, Infallible>(())
    });
    found
}

/// Files, and standard input, which is read once.
struct Input {
    is_read: bool,
}

impl Input {
    /// All bytes of a file or, by its name, of standard input; `path` and `limit` are those of a violation.
    fn bytes(&mut self, name: &OsStr, path: &str, limit: &str) -> Result<Vec<u8>> {
        let bytes = match name == STANDARD_INPUT {
            true if std::mem::replace(&mut self.is_read, true) => Err(io::Error::other("it is read once")),
            true => within_limit(io::stdin()),
            false => File::open(name).and_then(within_limit),
        };
        bytes.map_err(|reason| refused(name, path, limit, &reason.to_string()))
    }

    /// The text of standard input.
    fn text(&mut self, path: &str) -> Result<String> {
        const LIMIT: &str = "readable text";
        let name = OsStr::new(STANDARD_INPUT);
        let text = String::from_utf8(self.bytes(name, path, LIMIT)?);
        let text = text.map_err(|_| refused(name, path, LIMIT, "bytes that are not UTF-8"))?;
        // The end of the last line is no part of the text.
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The object of `--from`.
    fn object(&mut self, name: &OsStr) -> Result<Map<String, Value>> {
        const LIMIT: &str = "a file with a JSON object";
        match serde_json::from_slice(&self.bytes(name, "from", LIMIT)?) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(refused(name, "from", LIMIT, "JSON that is no object")),
            Err(reason) => Err(refused(name, "from", LIMIT, &reason.to_string())),
        }
    }
}

fn refused(name: &OsStr, path: &str, limit: &str, given: &str) -> Box<Failure> {
    let name = if name == STANDARD_INPUT { "standard input".into() } else { name.to_string_lossy() };
    Failure::found(vec![Finding::new(path, limit, format!("{name}: {given}"))])
}

/// All bytes of a reader, within a limit.
fn within_limit(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LONGEST_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_INPUT {
        return Err(io::Error::other(format!("more than {LONGEST_INPUT} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_makes_a_url_or_a_data_uri_many_letters_are_base64_and_all_else_is_a_file() {
        let encoded = "/9j/4AAQSkZJRgABAQ".repeat(20);
        for (given, shown) in [
            ("https://example.com/cat.png", r#"Image(url on "example.com")"#),
            ("HTTP://example.com/cat.png", r#"Image(url on "example.com")"#),
            ("data:image/png;base64,iVBO", "Image(4 characters of Base64)"),
            (" DATA:image/png;name=cat.png;base64,iVBO", "Image(4 characters of Base64)"),
            (&encoded, "Image(360 characters of Base64)"),
            ("http:cat.png", r#"Image(file "http:cat.png")"#),
            ("cat.png", r#"Image(file "cat.png")"#),
            ("./-", r#"Image(file "./-")"#),
            ("kätzchen", r#"Image(file "kätzchen")"#),
        ] {
            assert_eq!(format!("{:?}", image(OsStr::new(given), Path::new(""))), shown);
        }
    }

    #[test]
    fn an_endless_input_is_not_read_to_its_end() {
        assert_eq!(within_limit(&b"four"[..]).unwrap(), b"four");
        assert!(within_limit(io::repeat(7)).unwrap_err().to_string().contains("more than 67108864 bytes"));
    }

    #[test]
    fn an_unknown_value_is_found_at_any_depth() {
        let schema = serde_json::json!({"properties": {
            "mode": {"x-extensible-enum": ["std", "pro"]},
            "shots": {"items": {"properties": {"duration": {"x-extensible-enum": ["5"]}}}},
        }});
        let mut body =
            serde_json::json!({"mode": "std", "prompt": "x", "shots": [{"duration": "5"}, {"duration": "7s"}]});
        let found: Vec<_> = unknown(&mut body, &schema).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["shots[1].duration: expected 5, given 7s"]);
    }
}
