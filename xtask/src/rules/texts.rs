//! Rules about text for people: it must be text, and no text of a page may become code.

use super::leave_out;
use crate::notes::Notes;
use crate::roles::{Role, each_map};
use crate::tree::{Node, Value};

/// The keys that hold text for people.
const KEYS: [&str; 3] = ["description", "summary", "title"];

/// Symptom: the generator refuses the document. Cause: `description: Enum: std` on a line of its own is a mapping to YAML,
/// `summary: 2024` a number, `title:` nothing. Remedy: what was meant as text becomes text again.
pub(super) fn become_text(root: &mut Node, notes: &mut Notes) {
    use Role::{Body, Header, Info, Operation, Parameter, PathItem, Response, Schema};
    let mut mend = |what: &str, node: &mut Node| {
        if node.text().is_none() {
            let text = format_args!("{what} is {}; read as the text it was meant to be", node.describe());
            notes.add(&node.place, text);
            node.value = Value::Text(flatten(node));
        }
    };
    each_map(root, &mut |role, map, _| {
        if !matches!(role, Info | PathItem | Operation | Parameter | Body | Response | Header | Schema) {
            return;
        }
        for key in KEYS {
            leave_out(map, key, |node| node.value != Value::Null);
            if let Some(node) = map.get_mut(key) {
                mend(&format!("`{key}`"), node);
            }
        }
        if role == Operation {
            leave_out(map, "tags", |tags| tags.list().is_some());
            let tags = map.get_mut("tags").and_then(Node::list_mut);
            tags.into_iter().flatten().for_each(|tag| mend("a tag", tag));
        }
    });
}

fn flatten(node: &Node) -> String {
    match &node.value {
        Value::List(items) => Vec::from_iter(items.iter().map(flatten)).join(", "),
        Value::Map(map) => {
            let line = |(key, node)| format!("{key}: {}", flatten(node)).trim_end().to_owned();
            Vec::from_iter(map.iter().map(line)).join("\n")
        }
        _ => node.word().unwrap_or_default(),
    }
}

/// Symptom: `cargo test` ran what stood in a vendor's description. Cause: the generator copies text into doc comments,
/// where rustdoc sees tests, links and HTML. Remedy: every text becomes one escaped line, wherever it stands.
pub(super) fn one_line(root: &mut Node) {
    fn visit(node: &mut Node, in_names: bool) {
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| visit(item, false)),
            Value::Map(map) => {
                for (key, child) in map.iter_mut() {
                    // Data is never shown as text.
                    let data = ["example", "examples", "default", "enum"].contains(&key.as_str());
                    if !in_names && (data || key.starts_with("x-")) {
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
fn escape(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{FEFF}' | '\u{200B}'));
    let line = Vec::from_iter(words.filter(|word| !word.is_empty())).join(" ");
    let mut out = String::with_capacity(line.len());
    // `*/` would end a block comment, should anyone write the text into one.
    for c in line.replace("*/", "* /").replace("/*", "/ *").chars() {
        if "\\`*[]<>~&$".contains(c) {
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
