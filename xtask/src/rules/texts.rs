//! Rules about text for people: it must be text, and no text of a page may become code.

use crate::notes::Notes;
use crate::roles::{Role, walk};
use crate::tree::{Node, Value};

/// The keys that hold text for people.
const KEYS: [&str; 3] = ["description", "summary", "title"];

/// Symptom: the generator refuses the document. Cause: `description: Enum: std` on a line of its own is a mapping to YAML,
/// `summary: 2024` a number, `title:` nothing. Remedy: what was meant as text becomes text again.
pub(super) fn become_text(root: &mut Node, notes: &mut Notes) {
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        if !has_texts(role) {
            return;
        }
        let Some(map) = node.map_mut() else { return };
        for key in KEYS {
            let Some(child) = map.get_mut(key) else {
                continue;
            };
            match &child.value {
                Value::Text(_) => {}
                Value::Null => {
                    map.shift_remove(key);
                }
                _ => {
                    notes.add(
                        &child.place,
                        format_args!("`{key}` is {}; read as the text it was meant to be", child.describe()),
                    );
                    child.value = Value::Text(flatten(child));
                }
            }
        }
        // A tag is a word too.
        if role == Role::Operation {
            for tag in
                map.get_mut("tags").and_then(Node::list_mut).into_iter().flatten().filter(|tag| tag.text().is_none())
            {
                notes.add(&tag.place, format_args!("a tag is {}; read as the text it was meant to be", tag.describe()));
                tag.value = Value::Text(flatten(tag));
            }
            if map.get("tags").is_some_and(|tags| tags.list().is_none()) {
                map.shift_remove("tags");
            }
        }
    });
}

fn has_texts(role: Role) -> bool {
    matches!(
        role,
        Role::Info
            | Role::PathItem
            | Role::Operation
            | Role::Parameter
            | Role::Body
            | Role::Response
            | Role::Header
            | Role::Schema
    )
}

fn flatten(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(text) | Value::Text(text) => text.clone(),
        Value::List(items) => items.iter().map(flatten).collect::<Vec<_>>().join(", "),
        Value::Map(map) => map
            .iter()
            .map(|(key, node)| format!("{key}: {}", flatten(node)).trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// Symptom: plain `cargo test` ran what stood in a vendor's description. Cause: the generator copies text into doc
/// comments, and rustdoc takes an indented block or a fence for a test, brackets for links, angle brackets for HTML.
/// Remedy: every text becomes one escaped line, wherever it stands, so that it is read as the words it holds.
pub(super) fn one_line(root: &mut Node) {
    fn visit(node: &mut Node, in_names: bool) {
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| visit(item, false)),
            Value::Map(map) => {
                for (key, child) in map.iter_mut() {
                    // Data, which is never shown as text.
                    if !in_names
                        && (matches!(key.as_str(), "example" | "examples" | "default" | "enum")
                            || key.starts_with("x-"))
                    {
                        continue;
                    }
                    let is_text = KEYS.contains(&key.as_str()) || key == "termsOfService";
                    match &mut child.value {
                        Value::Text(text) if is_text => *text = escape(text),
                        _ => visit(child, !in_names && key == "properties"),
                    }
                }
            }
            _ => {}
        }
    }
    visit(root, false);
}

/// A text as one line of Markdown that shows its words and does nothing else.
#[must_use]
pub fn escape(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{FEFF}' | '\u{200B}'));
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    // Ends a block comment, should anyone write the text into one.
    let line = line.replace("*/", "* /").replace("/*", "/ *");
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if matches!(c, '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '~' | '&' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    // What only means something where a line begins: headings, lists, rules, quotes, tables.
    let digits = out.chars().take_while(char::is_ascii_digit).count();
    if out.starts_with(['#', '-', '+', '=', '|', '_', ':']) {
        out.insert(0, '\\');
    } else if digits > 0 && out.get(digits..).is_some_and(|rest| rest.starts_with(['.', ')'])) {
        out.insert(digits, '\\');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_line_that_means_nothing_to_markdown() {
        let cases = [
            ("plain words, 16:9: fine", "plain words, 16:9: fine"),
            ("a\n\n    indented\n```\nfence\n```", "a indented \\`\\`\\` fence \\`\\`\\`"),
            ("<b>[x](y)</b> &lt;", "\\<b\\>\\[x\\](y)\\</b\\> \\&lt;"),
            ("*/ fn main() {} /*", "\\* / fn main() {} / \\*"),
            ("# head", "\\# head"),
            ("- item", "\\- item"),
            ("1. item", "1\\. item"),
            ("10 seconds", "10 seconds"),
            ("~~~ x", "\\~\\~\\~ x"),
            ("\u{2028}a\u{85}b\u{0}c\t d", "a b c d"),
            ("枚举值：std，pro\n不能超过2500个字符", "枚举值：std，pro 不能超过2500个字符"),
            ("image_list", "image_list"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text), expected, "{text:?}");
        }
    }
}
