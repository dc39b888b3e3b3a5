//! Images on their way in: where each comes from, and the checks that need no decoding.

pub(crate) mod encoded;
mod header;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::PathBuf;

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use url::Url;

use self::encoded::Decoded;
use crate::error::Violation;
pub(crate) use crate::transport::body::{FileSource, Segment};

/// One reference image: a public URL, or an image sent along as Base64.
///
/// Nothing is read until the request is built, which checks each image from its header (Kling's reference: JPEG or
/// PNG by content, at most 10 MB, each side at least 300 px, ratio from 1:2.5 to 2.5:1). A URL is not fetched.
///
/// ```
/// use kling_client::Image;
///
/// let images = [
///     Image::file("cat.png"),
///     Image::url("https://example.com/hat.jpg"),
///     Image::bytes(vec![0xff, 0xd8]),
///     Image::base64("data:image/png;base64,iVBORw0KGgo="),
/// ];
/// assert_eq!(format!("{:?}", images[1]), r#"Image(url on "example.com")"#);
/// ```
#[derive(Clone)]
pub struct Image(Source);

#[derive(Clone)]
enum Source {
    Url(String),
    Bytes(Bytes),
    File(PathBuf),
    Base64(Bytes),
}

impl Image {
    /// An image at a public `http` or `https` address, which the API fetches.
    pub fn url(url: impl Into<String>) -> Self {
        Self(Source::Url(url.into()))
    }

    /// The bytes of a JPEG or PNG.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Source::Bytes(bytes.into()))
    }

    /// A JPEG or PNG file; its name does not matter. It is read while it is sent, and must not change until then.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// A JPEG or PNG as Base64, also URL-safe, unpadded, or with white space in it.
    ///
    /// Sent in the one form that the API takes: standard and padded, without white space and without the `data:` header,
    /// which is removed. The text is changed in place and never held twice.
    pub fn base64(text: impl Into<String>) -> Self {
        Self(Source::Base64(encoded::canonical(text.into()).into()))
    }

    /// An image in the words of the API: what begins with `http://` or `https://` is a URL, all else Base64.
    pub(crate) fn from_wire(text: String) -> Self {
        let lower = text.get(..8).unwrap_or(&text).to_ascii_lowercase();
        if lower.starts_with("http://") || lower.starts_with("https://") { Self::url(text) } else { Self::base64(text) }
    }

    /// Looks at the image and gives what the body holds for it. `path` is its JSON path; with a schema, every
    /// limit that stands there is checked against its header, and its size is known but for a URL; without, a file must
    /// still be there.
    pub(crate) fn open(
        &self,
        path: &str,
        limits: Option<&Value>,
        found: &mut Vec<Violation>,
    ) -> (Option<Segment>, Option<Size>) {
        let (before, mut size) = (found.len(), None);
        let mut broken = |limit: &str, given: String| found.push(Violation::new(path, limit, given));
        let segment = match &self.0 {
            Source::Url(url) => {
                if limits.is_some()
                    && let Err(given) = http_url(url)
                {
                    broken("a public http or https URL", given);
                }
                json_text(url.clone().into())
            }
            Source::Bytes(bytes) => {
                if let Some(limits) = limits {
                    size = check_image(Cursor::new(bytes), bytes.len() as u64, limits, &mut broken);
                }
                Segment::Bytes(bytes.clone())
            }
            Source::Base64(text) => {
                match limits.map(|limits| (limits, encoded::decoded_len(text))) {
                    None => {}
                    Some((limits, Ok(bytes))) => size = check_image(Decoded::new(text), bytes, limits, &mut broken),
                    Some((_, Err(reason))) => {
                        let count = String::from_utf8_lossy(text).chars().count();
                        let given = format!("{count} characters: {reason}");
                        broken("an http or https URL, or raw Base64 of a JPEG or PNG", given);
                    }
                }
                json_text(text.clone())
            }
            Source::File(path) => {
                let mut broken = |limit: &str, given: String| {
                    broken(limit, format!("{}: {given}", shortened(&path.to_string_lossy())))
                };
                match File::open(path).and_then(|file| Ok((file.metadata()?, file))) {
                    Ok((metadata, file)) => {
                        match metadata.file_type() {
                            kind if kind.is_dir() => broken("a file", "a directory".to_owned()),
                            kind if !kind.is_file() => broken("a file", "not a regular file".to_owned()),
                            _ => {
                                let check =
                                    |limits| check_image(BufReader::new(&file), metadata.len(), limits, &mut broken);
                                size = limits.and_then(check);
                            }
                        }
                        Segment::File(FileSource::look(path, &metadata))
                    }
                    Err(reason) => {
                        broken("a readable file", reason.to_string());
                        return (None, None);
                    }
                }
            }
        };
        ((found.len() == before).then_some(segment), size)
    }
}

impl fmt::Debug for Image {
    /// Says what kind of source it is, never what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Url(url) => {
                let url = Url::parse(url);
                let host = url.as_ref().ok().and_then(Url::host_str).unwrap_or("?");
                write!(f, "Image(url on {host:?})")
            }
            Source::Bytes(bytes) => write!(f, "Image({} bytes)", bytes.len()),
            Source::File(path) => write!(f, "Image(file {:?})", path.display().to_string()),
            Source::Base64(text) => write!(f, "Image({} characters of Base64)", text.len()),
        }
    }
}

impl From<PathBuf> for Image {
    fn from(path: PathBuf) -> Self {
        Self::file(path)
    }
}

thread_local! {
    /// The images of the request that this thread serializes.
    static COLLECTED: RefCell<Option<Vec<Image>>> = const { RefCell::new(None) };
}

/// Serializes something, and gives the images in it by the numbers that stand in their places.
pub(crate) fn collect<T>(serialize: impl FnOnce() -> T) -> (T, Vec<Image>) {
    COLLECTED.set(Some(Vec::new()));
    let serialized = serialize();
    (serialized, COLLECTED.take().unwrap_or_default())
}

/// As its number in `collect`, elsewhere as an empty string: its bytes never become a JSON value.
impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = COLLECTED.with_borrow_mut(|collected| {
            let collected = collected.as_mut()?;
            collected.push(self.clone());
            Some(collected.len() - 1)
        });
        match number {
            Some(number) => serializer.serialize_u64(number as u64),
            None => serializer.serialize_str(""),
        }
    }
}

/// From its number, as an image of which nothing is known: rules between fields look at no image.
impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|_| Self::url(""))
    }
}

impl JsonSchema for Image {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Image".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "x-media": "image",
            "description": "A public URL, or raw Base64 of a JPEG or PNG, without a data: prefix.",
            "x-max-bytes": 10 * 1024 * 1024,
            "x-min-side": 300,
            "x-max-ratio": 2.5,
        })
    }
}

/// Whether a text is an absolute `http` or `https` URL with a host; if not, what it is, without repeating it.
pub(crate) fn http_url(text: &str) -> Result<(), String> {
    match Url::parse(text) {
        Err(reason) => Err(format!("{} characters: {reason}", text.chars().count())),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => Err(format!("a URL with the scheme {}", url.scheme())),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => Err("a URL without a host".to_owned()),
        Ok(_) => Ok(()),
    }
}

/// Text as it stands inside a JSON string: itself, unless something in it must be escaped.
fn json_text(text: Bytes) -> Segment {
    if !text.iter().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        return Segment::Text(text);
    }
    let quoted = Bytes::from(serde_json::Value::from(String::from_utf8_lossy(&text)).to_string());
    Segment::Text(quoted.slice(1..quoted.len() - 1))
}

/// A path without its middle where it is longer than paths are: a prompt or a `data:` URI in the place of one.
fn shortened(path: &str) -> Cow<'_, str> {
    const HEAD: usize = 120;
    const TAIL: usize = 60;
    let edge = |count: usize| path.char_indices().nth(count).map(|(at, _)| at);
    match (edge(HEAD), path.char_indices().nth_back(TAIL)) {
        (Some(head), Some((tail, _))) if head < tail => format!("{}…{}", &path[..head], &path[tail..]).into(),
        _ => path.into(),
    }
}

/// Width and height in pixels.
pub(crate) type Size = (u32, u32);

pub(crate) fn pixels((width, height): Size) -> String {
    format!("{width} × {height} px")
}

/// Whether two images have one ratio, but for a side that was rounded to a whole pixel.
pub(crate) fn have_one_ratio(one: Size, other: Size) -> bool {
    let [(w, h), (width, height)] = [one, other].map(|(width, height)| (u64::from(width), u64::from(height)));
    (w * height).abs_diff(h * width) <= w.max(h).max(width).max(height)
}

fn check_image(
    mut image: impl Read + Seek,
    bytes: u64,
    limits: &Value,
    broken: &mut dyn FnMut(&str, String),
) -> Option<Size> {
    const FORMAT: &str = "a JPEG or PNG image";
    if bytes == 0 {
        broken(FORMAT, "0 bytes".to_owned());
        return None;
    }
    if let Some(most) = limits["x-max-bytes"].as_u64().filter(|most| bytes > *most) {
        broken(&format!("at most {} MB ({most} bytes)", most >> 20), format!("{bytes} bytes"));
    }
    let (width, height) = match header::size(&mut image) {
        Ok(size) => size,
        Err(defect) => {
            broken(FORMAT, format!("{bytes} bytes {defect}"));
            return None;
        }
    };
    let (long, short) = (f64::from(width.max(height)), f64::from(width.min(height)));
    let limit = |key: &str| limits[key].as_f64();
    let given = || pixels((width, height));
    if let Some(least) = limit("x-min-side").filter(|least| short < *least) {
        broken(&format!("each side at least {least} px"), given());
    }
    if let Some(ratio) = limit("x-max-ratio").filter(|ratio| long > short * ratio) {
        broken(&format!("an aspect ratio from 1:{ratio} to {ratio}:1"), given());
    }
    Some((width, height))
}
