//! Rules about request bodies: one media type, and one that the generator can send.

use crate::notes::Notes;
use crate::roles::operations;
use crate::tree::{Map, Node, Place, Value};

/// Where a body that cannot be sent is kept for readers.
const KEPT: &str = "x-request-body-left-out";

/// Symptom: a GET that sends a body, a method with an argument that means nothing. Cause: the vendor's tool exports an empty
/// `requestBody` for every operation. Remedy: no body where HTTP gives it no meaning.
pub(super) fn methods(root: &mut Node, notes: &mut Notes) {
    operations(root, &mut |path, method, operation| {
        let Some(map) = operation.map_mut() else {
            return;
        };
        let Some(body) = map.get("requestBody") else {
            return;
        };
        let empty = body.get("content").and_then(Node::map).is_none_or(Map::is_empty);
        let meaningless = matches!(method, "get" | "head" | "trace");
        if meaningless && !empty {
            notes.add(
                &body.place,
                format_args!("the body of {} {path} left out: HTTP gives it no meaning", method.to_uppercase()),
            );
        }
        if meaningless || empty {
            map.shift_remove("requestBody");
        }
    });
}

/// Symptom: a panic, "more media types than expected", or "unexpected content type". Cause: several media types for one
/// body, JSON under another name, forms with files. Remedy: JSON if it is among them, else the first that can be sent;
/// a body that cannot be sent at all is set aside in an extension, and noted.
pub(super) fn media_types(root: &mut Node, notes: &mut Notes) {
    operations(root, &mut |path, method, operation| {
        let Some(map) = operation.map_mut() else {
            return;
        };
        let Some(body) = map.get_mut("requestBody") else {
            return;
        };
        let place = body.place.clone();
        let Some(content) = body.map_mut().and_then(|body| body.get_mut("content")).and_then(Node::map_mut) else {
            return;
        };
        let best = content.keys().enumerate().filter_map(|(at, name)| Some((kind(name)?, at))).min();
        let Some((kind, at)) = best else {
            let names = content.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            notes.add(
                &place,
                format_args!(
                    "the body of {} {path} set aside: the generated client cannot send {names}",
                    method.to_uppercase()
                ),
            );
            if let Some(body) = map.shift_remove("requestBody") {
                map.insert(KEPT.to_owned(), body);
            }
            return;
        };
        let Some((name, mut media)) = content.shift_remove_index(at) else {
            return;
        };
        for (other, node) in content.drain(..) {
            notes.add(&node.place, format_args!("the media type {other} left out: {name} is sent"));
        }
        if let Some(media) = media.map_mut() {
            if let Some(encoding) =
                media.shift_remove("encoding").filter(|node| node.map().is_some_and(|map| !map.is_empty()))
            {
                notes.add(&encoding.place, "`encoding` left out: only forms with files know it");
            }
            if !matches!(media.get("examples").map(|node| &node.value), None | Some(Value::Map(_))) {
                media.shift_remove("examples");
            }
            media.entry("schema".to_owned()).or_insert_with(|| Node::at(&place, Value::Map(Map::new())));
            match (kind, media.get_mut("schema")) {
                (Kind::Bytes, Some(schema)) => schema.value = scalar(&place, Some("binary")),
                (Kind::Text, Some(schema)) => schema.value = scalar(&place, None),
                // A body that may be null is no body.
                (_, Some(schema)) => {
                    schema.map_mut().and_then(|schema| schema.shift_remove("nullable"));
                }
                _ => {}
            }
        }
        content.insert(kind.name(&name).to_owned(), media);
    });
}

/// What can be sent, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Json,
    Form,
    Bytes,
    Text,
}

impl Kind {
    fn name(self, published: &str) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Bytes => "application/octet-stream",
            Self::Text if published.contains("markdown") => "text/x-markdown",
            Self::Text => "text/plain",
        }
    }
}

fn kind(name: &str) -> Option<Kind> {
    let name = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "application/json" | "text/json" | "application/*" | "*/*" | "json" => Some(Kind::Json),
        name if name.starts_with("application/") && name.ends_with("+json") => Some(Kind::Json),
        "application/x-www-form-urlencoded" => Some(Kind::Form),
        "application/octet-stream" => Some(Kind::Bytes),
        "text/plain" | "text/x-markdown" => Some(Kind::Text),
        _ => None,
    }
}

fn scalar(place: &Place, format: Option<&str>) -> Value {
    let mut map = Map::from([("type".to_owned(), Node::text_at(place, "string"))]);
    if let Some(format) = format {
        map.insert("format".to_owned(), Node::text_at(place, format));
    }
    Value::Map(map)
}
