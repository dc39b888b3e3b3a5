//! Text of somebody else's, made safe to be read: on a page, on a terminal.

/// The text without what steers instead of being read: control characters, and what turns the direction of reading. Its
/// lines stay.
pub fn plain(text: &str) -> String {
    let steers =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
