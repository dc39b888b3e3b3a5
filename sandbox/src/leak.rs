//! Watches for the API key, or the keys of an account, where they must never be: at the origin of the outputs, which is not
//! the API's. It searches the path, the query, every header and the body for the key as it is and percent-encoded, the query
//! and the headers for it inside Base64 too, as a token has it.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::Method;
use percent_encoding::percent_decode_str;

use crate::lock;
use crate::log::Received;

/// Either padding, and stray bits: a wrapped credential is read as generously as possible.
const GENEROUS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Searches for keys, and collects where one was seen.
#[derive(Clone)]
pub(crate) struct Watch {
    keys: Arc<[String]>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    pub fn new(keys: &[&str]) -> Self {
        Self { keys: keys.iter().map(|key| (*key).to_owned()).collect(), seen: Arc::default() }
    }

    /// Where the key was seen so far; the texts do not repeat it.
    pub fn seen(&self) -> Vec<String> {
        lock(&self.seen).clone()
    }

    pub fn search_head(&self, request: &Received) {
        let (method, path) = (&request.method, request.path.as_str());
        if self.is_in_text(path) {
            self.report(method, path, "in the path");
        }
        if request.query.as_deref().is_some_and(|query| self.is_in_words(query)) {
            self.report(method, path, "in the query");
        }
        for (name, value) in &request.headers {
            if self.is_in_words(&String::from_utf8_lossy(value.as_bytes())) {
                self.report(method, path, &format!("in the header `{name}`"));
            }
        }
    }

    pub fn search_body(&self, method: &Method, path: &str, body: &[u8]) {
        if self.is_in(body) {
            self.report(method, path, "in the body");
        }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.keys.iter().any(|key| bytes.windows(key.len()).any(|window| window == key.as_bytes()))
    }

    fn is_in_text(&self, text: &str) -> bool {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        self.is_in(text.as_bytes()) || self.is_in(&decoded)
    }

    /// Also in Base64, in either alphabet: of a token each part is a word.
    fn is_in_words(&self, text: &str) -> bool {
        let mut words = text.split([' ', ',', ';', '=', ':', '.', '&']);
        self.is_in_text(text) || words.any(|word| self.is_in_base64(word))
    }

    fn is_in_base64(&self, word: &str) -> bool {
        let word = word.replace('-', "+").replace('_', "/");
        GENEROUS.decode(word).is_ok_and(|decoded| self.is_in(&decoded))
    }

    fn report(&self, method: &Method, path: &str, place: &str) {
        let path = self.keys.iter().fold(path.to_owned(), |path, key| path.replace(key, "<the key>"));
        lock(&self.seen).push(format!("{method} {path}: {place}"));
    }
}
