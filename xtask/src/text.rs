//! Values and texts of unknown origin, as people see them.

use crate::tree::{Node, Value};

/// A value as one line of JSON, not too long to be read.
pub(crate) fn shown(node: &Node) -> String {
    /// Enough for an enumeration, little enough for a table.
    const SHOWN: usize = 200;
    fn write(node: &Node, out: &mut String) {
        if out.len() > 4 * SHOWN {
            return;
        }
        match &node.value {
            Value::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    write(item, out);
                }
                out.push(']');
            }
            Value::Map(map) => {
                out.push('{');
                for (index, (key, item)) in map.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    out.push_str(key);
                    out.push_str(": ");
                    write(item, out);
                }
                out.push('}');
            }
            Value::Text(text) => out.push_str(text),
            _ => out.push_str(&node.describe()),
        }
    }
    let mut out = String::new();
    write(node, &mut out);
    match out.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", out.get(..end).unwrap_or_default()),
        None => out,
    }
}

/// A text as one line in which everything that is not seen is written out.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push(' '),
            c if hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// What moves a cursor, turns the direction of a line round, or cannot be seen.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}' | '\u{E0000}'..='\u{E007F}' | '\u{FFF9}'..='\u{FFFB}')
}
