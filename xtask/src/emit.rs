//! Writes a tree as YAML that every reader reads alike, YAML 1.1 ones (Python's) included, and always byte for byte the
//! same.
//!
//! A text stays plain only when it begins like a word or a path and holds nothing that could mean something; everything
//! else is quoted. Strings stand on one line. Libraries leave `16:9`, `no` and dates unquoted, which a 1.1 reader takes for
//! 969, false and a date; the one that does not (serde-saphyr) writes through serde, where numbers lose their digits, and
//! brings a second parser.

use crate::tree::{Node, Value};

/// Words that some YAML reader takes for a truth value or for nothing, in any case of letters.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// The tree as YAML text.
pub(crate) fn emit(root: &Node) -> String {
    let mut out = String::new();
    value(root, 0, '\n', &mut out);
    // What would part it from its key.
    out.split_off(1)
}

/// What stands behind a key or a dash, from the next column of its own on; a mapping begins behind `lead`.
fn value(node: &Node, indent: usize, lead: char, out: &mut String) {
    let pad = " ".repeat(indent);
    match &node.value {
        Value::Map(map) if !map.is_empty() => {
            out.push(lead);
            for (index, (key, node)) in map.iter().enumerate() {
                out.push_str(if index > 0 || lead == '\n' { &pad } else { "" });
                *out += &(scalar(key) + ":");
                value(node, indent + 2, '\n', out);
            }
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                *out += &(pad.clone() + "-");
                value(item, indent + 2, ' ', out);
            }
        }
        Value::Text(text) => *out += &format!(" {}\n", scalar(text)),
        Value::Number(text) => *out += &format!(" {}\n", number(text)),
        // As in JSON: `null`, `true`, `[]`.
        _ => *out += &format!(" {}\n", node.to_json()),
    }
}

/// YAML 1.1 knows an exponent only behind a point: without one it reads a text. Readers stop at whole numbers beyond 64
/// bits; as a fraction, with the same digits, they take them.
fn number(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        None if !text.contains('.') && text.parse::<i64>().is_err() && text.parse::<u64>().is_err() => {
            format!("{text}.0")
        }
        _ => text.to_owned(),
    }
}

fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        c if is_printable(c) => c.to_string(),
        c if c <= '\u{FF}' => format!("\\x{:02X}", u32::from(c)),
        c if c <= '\u{FFFF}' => format!("\\u{:04X}", u32::from(c)),
        c => format!("\\U{:08X}", u32::from(c)),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let starts = chars.next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '/' | '$'));
    starts
        && text.chars().all(is_printable)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What may stand unescaped: no control character, no line or paragraph separator, no byte order mark, nothing that no
/// reader is obliged to accept.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
        // Reverse the direction of text on a screen, and so can hide what a line says.
        && !matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::{Map, Place, read};

    /// Each of these is something else than a string to some reader when it stands plain.
    const AWKWARD: &[&str] = &[
        "",
        " ",
        " a",
        "a ",
        "16:9",
        "9:16",
        "1:1",
        "190:20:30",
        "no",
        "No",
        "NO",
        "n",
        "y",
        "Y",
        "yes",
        "on",
        "Off",
        "true",
        "FALSE",
        "null",
        "Null",
        "~",
        "=",
        "<<",
        "2024-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "1_000",
        "0x1F",
        "0o7",
        "017",
        "0b1010",
        "1e3",
        "1.5",
        "-1",
        "+1",
        ".5",
        ".inf",
        "-.INF",
        ".nan",
        "5",
        "- a",
        "-",
        "--- a",
        "...",
        "? a",
        ":",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "#/components/schemas/A",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "|-",
        "'",
        "\"",
        "''",
        "%a",
        "@a",
        "`a",
        "{a}",
        "{{a}}",
        "[a]",
        "a, b",
        ",",
        "a\nb",
        "a\n",
        "\na",
        "\t",
        "a\tb",
        "\u{0}",
        "\u{7}",
        "\u{85}",
        "a\u{85}b",
        "\u{A0}a",
        "a\u{2028}b",
        "a\u{2029}b",
        "\u{FEFF}a",
        "a\u{FEFF}",
        "\u{FFFE}",
        "\u{202E}a",
        "\\",
        "a\\n",
        "C:\\x",
        "it's",
        "\"a\"",
        "枚举值：std，pro",
        "枚举值: std",
        "😀",
        "é",
        "null a",
        "yes: no",
        "a:b",
        "/kling/v1/{id}",
        "$ref",
        "x-200:成功",
        "\u{7F}",
        "\u{9F}",
        "\r",
        "a\r\nb",
    ];

    fn place() -> Place {
        Place { file: Arc::from("t"), line: 1 }
    }

    #[test]
    fn every_awkward_string_comes_back_as_the_same_string_as_key_and_value_and_item() {
        for text in AWKWARD.iter().filter(|text| **text != "<<") {
            let value = Node::text_at(&place(), *text);
            let list = Node::at(&place(), Value::List(vec![value.clone()]));
            let map =
                Node::at(&place(), Value::Map(Map::from([((*text).to_owned(), value), ("list".to_owned(), list)])));
            let yaml = emit(&map);
            let back = read(&yaml, &place().file, 1).unwrap_or_else(|e| panic!("{text:?}: {e:?}\n{yaml}"));
            assert!(back.same(&map), "{text:?} became\n{yaml}{back:?}");
        }
    }

    #[test]
    fn what_a_yaml_1_1_reader_would_take_for_another_type_is_quoted() {
        let plain: Vec<_> = AWKWARD.iter().copied().filter(|text| is_plain(text)).collect();
        let words = [
            "a, b",
            "C:\\x",
            "it's",
            "枚举值：std，pro",
            "é",
            "null a",
            "a:b",
            "/kling/v1/{id}",
            "$ref",
            "x-200:成功",
            "a\\n",
        ];
        assert!(plain.iter().all(|text| words.contains(text)), "{plain:?}");
        for text in words {
            assert!(plain.contains(&text), "{text:?} needs no quotes");
        }
    }

    #[test]
    fn a_number_is_written_so_that_both_versions_of_yaml_read_a_number() {
        let numbers = [
            ("1e3", "1.0e+3"),
            ("1.5E-3", "1.5e-3"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("007", "7"),
            (".5", "0.5"),
            ("5.", "5.0"),
        ];
        for (text, expected) in numbers.into_iter().chain([("12345678901234567890123", "12345678901234567890123.0")]) {
            let node = read(text, &place().file, 1).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(emit(&node).trim_end(), expected, "{text}");
        }
    }
}
