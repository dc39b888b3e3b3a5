//! Text that came from a server, fit to be shown: cut, escaped, and cleared of what must not be seen in it.

use std::borrow::Cow;

/// Text from a server, fit to be shown: without the secrets named, without tokens, signed queries and long Base64,
/// control characters escaped, cut to 500 characters.
pub(crate) fn shown(text: &str, secrets: &[&str]) -> String {
    /// Longer messages have been HTML pages.
    const LONGEST: usize = 500;
    let mut text = text.trim().to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let escaped = serde_json::Value::from(*secret).to_string();
        text = without(without(text, &escaped[1..escaped.len() - 1]), secret);
    }
    let text: String = words(&text).map(cleared).collect();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => escaped(&text[..end]) + "…",
        None => escaped(&text),
    }
}

/// Text with its control characters, and those that hide or reorder others, written out.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The text without a secret. A short one must stand for itself: a prompt of one letter is not hidden within each word.
fn without(text: String, secret: &str) -> String {
    /// Longer than what occurs by chance.
    const UNIQUE: usize = 8;
    if !text.contains(secret) {
        return text;
    }
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let hidden = secret.len() >= UNIQUE || !(in_word(before.chars().next_back()) || in_word(after.chars().next()));
        kept.push_str(before);
        kept.push_str(if hidden { "***" } else { secret });
        rest = after;
    }
    kept + rest
}

/// Characters that reorder or hide others on a terminal.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text cut where a URL or a token may begin or end; nothing is lost.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | ',' | ';' | '`')
    })
}

/// A word without what must not be shown of it.
fn cleared(word: &str) -> Cow<'_, str> {
    /// Longer runs of Base64's alphabet than any id: an image, a token, a signature.
    const LONGEST_ID: usize = 64;
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_' | '.');
    let lower = word.to_ascii_lowercase();
    let url = ["http://", "https://"].iter().filter_map(|scheme| lower.find(scheme)).min();
    if let Some(query) = url.and_then(|at| word[at..].find(['?', '#']).map(|query| at + query)) {
        return format!("{}?… ", &word[..query]).into();
    }
    if lower.starts_with("sk-") && word.len() > 12 {
        return "*** ".into();
    }
    let run = word.trim_end_matches(|c| !is_base64(c));
    if run.len() > LONGEST_ID && url.is_none() && run.chars().all(is_base64) {
        return format!("({} characters)", run.len()).into();
    }
    word.into()
}
