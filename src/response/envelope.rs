//! The envelope of a response: where its JSON is, and what it says about the request itself.

use super::json::{Json, MAX_LAYERS, text};

/// More documents than any response has: a gateway that joins two puts its own before the API's.
const MOST_DOCUMENTS: usize = 4;

/// The JSON objects and arrays of a body, each with its text. A byte order mark and blanks before the first are skipped,
/// and so is what is no JSON behind one.
pub(crate) fn documents(body: &[u8]) -> impl Iterator<Item = (Json<'_>, &[u8])> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    let mut body = body.trim_ascii_start();
    while let Some(rest) = body.strip_prefix(MARK) {
        body = rest.trim_ascii_start();
    }
    let mut documents = serde_json::Deserializer::from_slice(body).into_iter::<Json>();
    let mut start = 0;
    let next = std::iter::from_fn(move || {
        let document = documents.next()?.ok()?;
        let text = body.get(std::mem::replace(&mut start, documents.byte_offset())..start)?;
        Some((document, text))
    });
    next.filter(|(document, _)| document.is_object() || document.is_array()).take(MOST_DOCUMENTS)
}

/// What a response says about the request, as far as it can be read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    /// The API's code or the gateway's word; success is none, 0 or "success".
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    /// The type of error that a gateway gives beside its code.
    pub(crate) sort: Option<String>,
    /// Whether the body is JSON at all.
    pub(crate) is_json: bool,
}

impl Envelope {
    /// Reads a body: its first document with a code or a message, else its first. An unreadable one is an empty envelope.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut envelopes: Vec<_> = documents(body).map(|(document, _)| Self::of(&document, MAX_LAYERS)).collect();
        envelopes.sort_by_key(|envelope| !envelope.has_content());
        envelopes.into_iter().next().unwrap_or_default()
    }

    fn has_content(&self) -> bool {
        self.code.is_some() || self.message.is_some()
    }

    /// The envelope of a response, with the one that stands as JSON text in its message, down to a depth.
    fn of(response: &Json, depth: usize) -> Self {
        let field = |name| text(response.get("error").get(name)).or_else(|| text(response.get(name)));
        let mut envelope = Self {
            code: field("code"),
            message: field("message").or_else(|| ["error", "detail", "msg"].into_iter().find_map(field)),
            request_id: ["request_id", "requestId"].into_iter().find_map(field),
            sort: field("type"),
            is_json: true,
        };
        // A gateway that relays a refusal as text in its own: the inner one is what the API said.
        let inner = envelope.message.as_deref().filter(|message| depth > 0 && message.trim_start().starts_with('{'));
        if let Some(Ok(inner @ Json::Object(_))) = inner.map(serde_json::from_str) {
            let inner = Self::of(&inner, depth - 1);
            if inner.has_content() {
                envelope.code = inner.code.or(envelope.code);
                envelope.sort = inner.sort.or(envelope.sort);
                envelope.message = inner.message;
                envelope.request_id = inner.request_id.or(envelope.request_id);
            }
        }
        if envelope.request_id.is_none() {
            envelope.request_id = envelope.message.as_deref().and_then(request_id_in);
        }
        envelope
    }

    /// Whether a document says that the request was refused.
    pub(crate) fn refuses(document: &Json) -> bool {
        // As nearly every response begins, for the sake of every poll.
        let is_native_success = document.get("code").as_u64() == Some(0) && document.get("error").is_null();
        !is_native_success && Self::of(document, MAX_LAYERS).is_refusal()
    }

    /// The message of a document that says that the request was refused.
    pub(super) fn refusal(document: &Json) -> Option<String> {
        Some(Self::of(document, MAX_LAYERS)).filter(Self::is_refusal)?.message
    }

    /// The API's number, if the code is one.
    pub(crate) fn number(&self) -> Option<u32> {
        self.code.as_deref()?.parse().ok()
    }

    fn is_refusal(&self) -> bool {
        match (self.code.as_deref(), self.number()) {
            (None, _) => false,
            (_, Some(number)) => number != 0 && number != 200,
            (Some(word), _) => !["success", "succeed", "ok"].iter().any(|ok| word.eq_ignore_ascii_case(ok)),
        }
    }
}

/// The id in a message such as `… (request id: 2026…)`.
fn request_id_in(message: &str) -> Option<String> {
    const MARK: &str = "request id:";
    let start = message.to_ascii_lowercase().find(MARK)? + MARK.len();
    let rest = message.get(start..)?.trim_start();
    let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    (!id.is_empty()).then_some(id)
}
