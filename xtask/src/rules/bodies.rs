//! Rules about request bodies: one media type, and one that the generator can send.

use super::{leave_out, typed};
use crate::notes::Notes;
use crate::roles::operations;
use crate::tree::{Map, Node};

/// Where a body that cannot be sent is kept for readers.
const KEPT: &str = "x-request-body-left-out";

/// Symptom: a GET that sends a body, a method with an argument that means nothing. Cause: the vendor's tool exports an empty
/// `requestBody` for every operation. Remedy: no body where HTTP gives it no meaning.
pub(super) fn methods(root: &mut Node, notes: &mut Notes) {
    operations(root, &mut |path, method, operation| {
        let Some(map) = operation.map_mut() else { return };
        let empty = |body: &Node| body.get("content").and_then(Node::map).is_none_or(Map::is_empty);
        let meaningless = matches!(method, "get" | "head" | "trace");
        let left_out = leave_out(map, "requestBody", |body| !meaningless && !empty(body));
        if let Some(body) = left_out.filter(|body| !empty(body)) {
            let method = method.to_uppercase();
            notes.add(&body.place, format_args!("the body of {method} {path} left out: HTTP gives it no meaning"));
        }
    });
}

/// Symptom: a panic, "more media types than expected". Cause: several media types, JSON under another name, forms with
/// files. Remedy: JSON, else the first that can be sent; a body that cannot be sent is set aside in an extension.
pub(super) fn media_types(root: &mut Node, notes: &mut Notes) {
    operations(root, &mut |path, method, operation| {
        let Some(body) = operation.get_mut("requestBody") else { return };
        let place = body.place.clone();
        let Some(content) = body.get_mut("content").and_then(Node::map_mut) else { return };
        let best = content.keys().enumerate().filter_map(|(at, name)| Some((kind(name)?, at))).min();
        let Some((kind, at)) = best else {
            let (method, names) =
                (method.to_uppercase(), Vec::from_iter(content.keys().map(String::as_str)).join(", "));
            let text = format!("the body of {method} {path} set aside: the generated client cannot send {names}");
            notes.add(&place, text);
            if let Some(map) = operation.map_mut()
                && let Some(body) = map.shift_remove("requestBody")
            {
                map.insert(KEPT.to_owned(), body);
            }
            return;
        };
        let Some((name, mut media)) = content.shift_remove_index(at) else { return };
        for (other, node) in content.drain(..) {
            notes.add(&node.place, format_args!("the media type {other} left out: {name} is sent"));
        }
        if let Some(media) = media.map_mut() {
            let encoding = media.shift_remove("encoding");
            if let Some(encoding) = encoding.filter(|node| node.map().is_some_and(|map| !map.is_empty())) {
                notes.add(&encoding.place, "`encoding` left out: only forms with files know it");
            }
            leave_out(media, "examples", Node::is_map);
            let schema = media.entry("schema".to_owned()).or_insert_with(|| Node::map_at(&place, []));
            if matches!(kind, Kind::Bytes | Kind::Text) {
                schema.value = typed(&place, "string").value;
            }
            if let Some(schema) = schema.map_mut() {
                // A body that may be null is no body.
                schema.shift_remove("nullable");
                let binary = (kind == Kind::Bytes).then(|| ("format".to_owned(), Node::text_at(&place, "binary")));
                schema.extend(binary);
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
