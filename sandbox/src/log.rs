//! The log of received requests. A request is entered when its head arrives and completed as it is read, so that one whose
//! sender vanished stands in the log too, as not whole. The log is bounded: a large body is remembered by its length and
//! hash, its JSON without the images, and of a long run the newest requests are kept.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::image::ReceivedImage;
use crate::lock;
use crate::script::Endpoint;

/// A body up to this size is kept as it came: larger than any request of URLs, far smaller than one of files.
pub(crate) const KEPT_BYTES: usize = 64 * 1024;

/// How many requests are remembered: more than any test sends, and little memory for a sandbox that runs for weeks.
const KEPT_REQUESTS: usize = 10_000;

/// One request, as it arrived.
#[derive(Clone)]
#[non_exhaustive]
pub struct Received {
    /// Its kind; none, if the API has no such operation.
    pub operation: Option<Endpoint>,
    /// Its protocol.
    pub version: Version,
    /// Its method.
    pub method: Method,
    /// Its path, as it came.
    pub path: String,
    /// Its query, as it came.
    pub query: Option<String>,
    /// Its headers. The key is among them, marked as sensitive.
    pub headers: HeaderMap,
    /// Its body, as far as it came.
    pub body: ReceivedBody,
    /// Whether it arrived to its last byte, and was not too large to be taken.
    pub whole: bool,
    /// Status of the response, once there is one.
    pub status: Option<StatusCode>,
}

/// The body of a request.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ReceivedBody {
    /// How many bytes came.
    pub length: u64,
    /// The bytes, if all came and they are at most 64 KiB.
    pub bytes: Option<Bytes>,
    /// SHA-256 of the bytes in hexadecimal, if all came.
    pub sha256: Option<String>,
    /// A create's JSON, with a description in place of every image that came as Base64.
    pub json: Option<Value>,
    /// A create's images.
    pub images: Vec<ReceivedImage>,
}

/// Names of what a request holds, never the contents: these may be a key, a prompt or an image.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(|name| name.as_str()).collect();
        f.debug_struct("Received")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &headers)
            .field("body", &self.body)
            .field("whole", &self.whole)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The length and the number of images, never the contents.
impl fmt::Debug for ReceivedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedBody")
            .field("length", &self.length)
            .field("images", &self.images.len())
            .finish_non_exhaustive()
    }
}

/// The number of a request, for completing its entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryId(u64);

/// Every request to one origin, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    inner: Mutex<Inner>,
    /// Wakes whoever waits for something: it may have happened.
    events: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Inner {
    kept: VecDeque<Received>,
    /// How many were dropped to make room.
    dropped: u64,
    posts_begun: u64,
    posts_whole: u64,
}

impl Log {
    pub fn new(events: Arc<Notify>) -> Self {
        Self { inner: Mutex::default(), events }
    }

    pub fn begin(&self, received: Received) -> EntryId {
        let mut inner = lock(&self.inner);
        if inner.kept.len() == KEPT_REQUESTS {
            inner.kept.pop_front();
            inner.dropped += 1;
        }
        inner.posts_begun += u64::from(received.method == Method::POST);
        inner.kept.push_back(received);
        self.events.notify_waiters();
        EntryId(inner.dropped + inner.kept.len() as u64 - 1)
    }

    /// Completes an entry, unless it was dropped since.
    pub fn update(&self, EntryId(id): EntryId, change: impl FnOnce(&mut Received)) {
        let mut inner = lock(&self.inner);
        let Inner { kept, dropped, posts_whole, .. } = &mut *inner;
        let index = id.checked_sub(*dropped).and_then(|index| usize::try_from(index).ok());
        if let Some(received) = index.and_then(|index| kept.get_mut(index)) {
            let was_whole = received.whole;
            change(received);
            if received.whole && !was_whole && received.method == Method::POST {
                *posts_whole += 1;
            }
        }
        self.events.notify_waiters();
    }

    pub fn posts_begun(&self) -> u64 {
        lock(&self.inner).posts_begun
    }

    pub fn posts_received_whole(&self) -> u64 {
        lock(&self.inner).posts_whole
    }

    pub fn all(&self) -> Vec<Received> {
        lock(&self.inner).kept.iter().cloned().collect()
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: String) -> Received {
        Received {
            operation: None,
            version: Version::HTTP_11,
            method: Method::POST,
            path,
            query: None,
            headers: HeaderMap::from_iter([(
                http::header::AUTHORIZATION,
                http::HeaderValue::from_static("Bearer hidden"),
            )]),
            body: ReceivedBody {
                bytes: Some(Bytes::from_static(b"hidden")),
                json: Some("hidden".into()),
                ..ReceivedBody::default()
            },
            whole: false,
            status: None,
        }
    }

    #[test]
    fn a_long_run_keeps_the_newest_and_counts_all() {
        let log = Log::default();
        let first = log.begin(request("/first".into()));
        let ids: Vec<EntryId> = (0..KEPT_REQUESTS).map(|number| log.begin(request(format!("/{number}")))).collect();
        for id in &ids {
            log.update(*id, |received| received.whole = true);
        }
        log.update(first, |received| received.path = "dropped since".into());
        let kept = log.all();
        assert_eq!(kept.len(), KEPT_REQUESTS);
        assert_eq!(kept[0].path, "/0");
        assert!(kept.iter().all(|received| received.whole));
        assert_eq!(log.posts_received_whole(), KEPT_REQUESTS as u64);
        assert_eq!(log.posts_begun(), KEPT_REQUESTS as u64 + 1, "the first broke off");
    }

    #[test]
    fn a_post_is_counted_once_however_often_its_entry_changes() {
        let log = Log::default();
        let id = log.begin(request("/".into()));
        for _ in 0..3 {
            log.update(id, |received| received.whole = true);
        }
        assert_eq!(log.posts_received_whole(), 1);
    }

    #[test]
    fn debug_shows_neither_key_nor_content() {
        let text = format!("{:?}", request("/".into()));
        assert!(!text.contains("hidden"), "{text}");
        assert!(text.contains("authorization"), "{text}");
    }

    #[test]
    fn the_hash_is_the_one_that_everybody_computes() {
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), of_abc);
    }
}
