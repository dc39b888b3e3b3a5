//! The JSON of a response as it is decoded: it borrows the text, because most of that is never looked at.

use std::borrow::Cow;

pub(crate) use serde_json_borrow::Value as Json;

/// How deep `data` stands in `data`: the deepest known is a native response in a wrapper's task in its envelope.
pub(super) const MAX_LAYERS: usize = 4;

/// A string that is not empty, or a number as one.
pub(super) fn text(value: &Json) -> Option<String> {
    word(value).map(Cow::into_owned)
}

/// The same, borrowed where it can be: most of what is looked at is not kept.
pub(super) fn word<'a>(value: &'a Json<'a>) -> Option<Cow<'a, str>> {
    match value {
        Json::Str(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text.as_ref())),
        Json::Number(number) => Some(serde_json::Number::from(*number).to_string().into()),
        _ => None,
    }
}
