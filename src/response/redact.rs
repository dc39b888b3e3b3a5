//! Text that came from a server, fit to be shown: cut, escaped, and cleared of what must not be seen in it.

use std::borrow::Cow;

/// Text from a server, fit to be shown: without the secrets named, without what stands under the names of a request's
/// own texts, without tokens, signed queries and long Base64, control characters escaped, cut to 500 characters.
pub(crate) fn shown(text: &str, secrets: &[&str]) -> String {
    /// Longer messages have been HTML pages.
    const LONGEST: usize = 500;
    /// More than is shown, whatever is redacted in it; the rest of a text of megabytes is not looked at.
    const LOOKED_AT: usize = 8192;
    let text = text.trim();
    let end = text.char_indices().nth(LOOKED_AT).map(|(end, _)| end);
    let mut text = without_tokens(&text[..end.unwrap_or(text.len())]);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = without(text, secret);
    }
    for name in NAMES {
        text = without_value(text, name);
    }
    if end.is_some() {
        // Fewer characters of a secret than it is recognised by.
        let kept = text.char_indices().nth_back(HEAD - 1).map_or(0, |(at, _)| at);
        text.truncate(kept);
    }
    // Cut where a URL or a token may begin or end.
    let ends_word = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | ',' | ';' | '`');
    let text: String = text.split_inclusive(ends_word).map(cleared).collect();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => escaped(&text[..end]) + "…",
        None => escaped(&text),
    }
}

/// The names of what a gateway may repeat of a request, which after a restart is no longer known.
const NAMES: [&str; 3] = ["prompt", "negative_prompt", "callback_url"];

/// A secret as it stands in plain text and in JSON, which may be all ASCII and stand in a string of other JSON.
fn forms(secret: &str) -> Vec<String> {
    let quoted = |text: &str| {
        let json = serde_json::Value::from(text).to_string();
        json.get(1..json.len() - 1).unwrap_or_default().to_owned()
    };
    let json = quoted(secret);
    let mut ascii = String::new();
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            ascii.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    let mut forms = vec![quoted(&ascii), quoted(&json), ascii, json, secret.to_owned()];
    forms.dedup();
    forms
}

/// Text with its control characters, and those that hide or reorder others on a terminal, written out.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                shown.extend(c.escape_unicode());
            }
            _ if c.is_control() => shown.extend(c.escape_unicode()),
            _ => shown.push(c),
        }
    }
    shown
}

/// The text without a secret in any form, also where only its beginning is repeated. A short one must stand for itself: a
/// prompt of one letter is not hidden within each word.
fn without(text: String, secret: &str) -> String {
    /// Longer than what occurs by chance.
    const UNIQUE: usize = 8;
    let forms = forms(secret);
    let mut kept = String::new();
    let mut rest = text.as_str();
    // The longest form at the first place: they may have the beginning in common.
    while let Some(at) = forms.iter().filter_map(|form| rest.find(head(form))).min() {
        let (before, found) = rest.split_at(at);
        let length = forms.iter().map(|form| common(found, form)).max().unwrap_or_default();
        let (found, after) = found.split_at(length);
        let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let hidden = secret.len() >= UNIQUE || !(in_word(before.chars().next_back()) || in_word(after.chars().next()));
        kept.push_str(before);
        kept.push_str(if hidden { "***" } else { found });
        rest = after;
    }
    kept + rest
}

/// The text without signed tokens, also where only the beginning of one is repeated: they begin with a JSON object in Base64.
fn without_tokens(text: &str) -> String {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let (before, found) = rest.split_at(at);
        let (token, after) = found.split_at(found.find(|c| !in_token(c)).unwrap_or(found.len()));
        // Within a word it is something else in Base64, such as an image.
        let is_token = token.len() >= HEAD && !before.ends_with(|c| in_token(c) || matches!(c, '+' | '/'));
        kept.push_str(before);
        kept.push_str(if is_token { "***" } else { token });
        rest = after;
    }
    kept + rest
}

/// By how many first characters a secret is recognised.
const HEAD: usize = 16;

fn head(form: &str) -> &str {
    form.char_indices().nth(HEAD).map_or(form, |(end, _)| &form[..end])
}

/// The length of what two texts begin with in common.
fn common(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
}

/// The text without each string that stands under a name, in JSON that may be cut or stand within a string of another.
fn without_value(text: String, name: &str) -> String {
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(name) {
        let (before, after) = rest.split_at(at + name.len());
        let is_name = rest[..at].ends_with('"');
        let quotes = after.trim_start_matches('\\').strip_prefix('"').map(str::trim_start);
        let value = quotes.and_then(|after| after.strip_prefix(':')).map(str::trim_start).filter(|_| is_name);
        let depth = value.map_or(0, |value| value.len() - value.trim_start_matches('\\').len());
        kept.push_str(before);
        rest = after;
        if let Some(value) = value.and_then(|value| value.get(depth..)?.strip_prefix('"')) {
            // Its end is the first quote behind as many backslashes as its beginning.
            let slashes = |at: usize| at - value[..at].trim_end_matches('\\').len();
            let end = value.match_indices('"').map(|(at, _)| at).find(|at| slashes(*at) == depth);
            let end = end.map_or(value.len(), |end| end - depth);
            kept.push_str(&after[..after.len() - value.len()]);
            kept.push_str("***");
            rest = &value[end..];
        }
    }
    kept + rest
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_redacted_in_every_form_in_which_a_server_repeats_it() {
        let prompt = "The \"cat\" puts on\nthe 帽子 🎩 and leaves";
        let json = serde_json::json!({"error": prompt}).to_string();
        let nested = serde_json::json!({"message": json}).to_string();
        for text in [
            prompt.to_owned(),
            json.clone(),
            nested,
            json.replace('帽', "\\u5e3d").replace('子', "\\u5b50").replace('🎩', "\\ud83c\\udfa9"),
            format!("<html>{prompt}</html>"),
            format!("no: {}", &prompt[..22]),
        ] {
            let shown = shown(&text, &[prompt]);
            assert!(!shown.contains("puts") && !shown.contains("leaves") && shown.contains("***"), "{text}: {shown}");
        }
        assert_eq!(shown("a cat and a catalogue", &["cat"]), "a *** and a catalogue");
    }

    #[test]
    fn a_text_of_megabytes_shows_no_secret_wherever_it_is_cut_and_costs_no_more_than_a_page() {
        let prompt = "The \"cat\" puts on the hat and leaves. ".repeat(8);
        for before in 0..prompt.len() {
            let shown = shown(&("é".repeat(before) + &prompt.repeat(100)), &[&prompt]);
            assert!(shown.contains("***") && !shown.contains("The"), "{before}: {shown}");
        }
        // Every word of it is a secret, in one of several forms.
        let shown = shown(&"\"a\" ".repeat(2_000_000), &["\"a\""]);
        assert!(shown.starts_with("*** ***") && shown.len() < 600, "{shown}");
    }

    #[test]
    fn a_signed_token_is_redacted_whoever_signed_it() {
        let token =
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhYmMifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        for (text, expected) in [
            (format!("Bearer {token} has expired"), "Bearer *** has expired"),
            (format!(r#"{{"token":"{token}"}}"#), r#"{"token":"***"}"#),
            (format!("token={token}, token:{}", &token[..40]), "token=***, token:***"),
            ("the word eyJ or eyJhbGciOiJIU".to_owned(), "the word eyJ or eyJhbGciOiJIU"),
            (format!("{}{token}", "A".repeat(80)), "(179 characters)"),
        ] {
            assert_eq!(shown(&text, &[]), expected);
        }
    }

    #[test]
    fn what_stands_under_the_name_of_a_requests_text_is_redacted_whoever_wrote_it() {
        for (text, expected) in [
            (r#"{"prompt":"a cat","n":1}"#, r#"{"prompt":"***","n":1}"#),
            (r#"{"prompt" : "a \"cat\" or two", "x":"prompt"}"#, r#"{"prompt" : "***", "x":"prompt"}"#),
            (r#"{"negative_prompt":"a dog"#, r#"{"negative_prompt":"***"#),
            (r#"{"callback_url":"https://a.example/told?k=1"}"#, r#"{"callback_url":"***"}"#),
            (r#"{"message":"{\"prompt\":\"a cat\",\"n\":1}"}"#, r#"{"message":"{\"prompt\":\"***\",\"n\":1}"}"#),
            (
                r#"{"prompt":null,"message":"the prompt: too long"}"#,
                r#"{"prompt":null,"message":"the prompt: too long"}"#,
            ),
            ("prompt is too long", "prompt is too long"),
            (r#"{"prompt":""#, r#"{"prompt":"***"#),
        ] {
            assert_eq!(shown(text, &[]), expected);
        }
    }
}
