//! The first step: a page as the vendor publishes it in, the text of its one fenced OpenAPI document out.
//!
//! What is no such page (a password form, an HTML error, an empty or a binary file) is refused in one line; it must never
//! be read as "a page without operations".

use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use regex::{Captures, Regex};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::roots::unusable;

/// A hundred times the largest page seen, and small enough to be held several times over.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Two escapes that are one character beyond 16 bits, or any other escape.
static ESCAPES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?s)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\.").ok());

/// A page and the YAML (or JSON, which is YAML) that it holds.
#[derive(Debug, Clone)]
pub struct Page {
    /// The name that messages and the head of `openapi.yaml` show.
    pub name: Arc<str>,
    /// The hash of the file, byte for byte, in hexadecimal.
    pub sha256: String,
    /// The fenced text, without its fences; line ends are `\n`.
    pub yaml: String,
    /// The line of the page on which `yaml` begins.
    pub first_line: usize,
    /// Whether it is a page as the vendor publishes it, and no OpenAPI file.
    pub published: bool,
}

/// Reads a page, or an OpenAPI file if that is what the path's extension says, and refuses a file without a document.
/// `name` is how it is called from then on.
pub fn open(path: &Path, name: &str) -> Result<Page> {
    let bytes = bytes(path, name)?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    if !matches!(extension.as_deref(), Some("yaml" | "yml" | "json")) {
        return from_bytes(&bytes, name);
    }
    let text = text(&bytes, name)?;
    if text.trim_start().starts_with('<') {
        return refused(name, 1, "an HTML or XML page; expected an OpenAPI document, YAML or JSON");
    }
    Ok(Page { name: Arc::from(name), sha256: sha256(&bytes), yaml: yaml(&text), first_line: 1, published: false })
}

/// Reads a page from memory; refuses what is no text with a single fenced OpenAPI document.
pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Page> {
    let (yaml, first_line) = extract(&text(bytes, name)?, name)?;
    Ok(Page { name: Arc::from(name), sha256: sha256(bytes), yaml, first_line, published: true })
}

/// The hash of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refused<T>(name: &str, line: usize, reason: impl fmt::Display) -> Result<T> {
    Err(Error::refused(format_args!("{name}:{line}"), reason))
}

fn bytes(path: &Path, name: &str) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).map_err(unusable(name, "read"))?;
    if metadata.is_dir() {
        return refused(name, 1, "is a directory; name the pages in it");
    }
    if metadata.len() > MAX_BYTES {
        return refused(name, 1, format_args!("holds {} bytes; a page has at most {MAX_BYTES}", metadata.len()));
    }
    std::fs::read(path).map_err(unusable(name, "read"))
}

/// The text, without the mark of the byte order, with `\n` as line ends.
fn text(bytes: &[u8], name: &str) -> Result<String> {
    let line = |end: usize| 1 + bytes.iter().take(end).filter(|byte| **byte == b'\n').count();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return refused(name, line(error.valid_up_to()), "not UTF-8 text; expected a Markdown page"),
    };
    if let Some(position) = text.find('\0') {
        return refused(name, line(position), "a binary file; expected a Markdown page");
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text).replace("\r\n", "\n");
    if text.trim().is_empty() {
        return refused(name, 1, "an empty file; expected a Markdown page with a fenced OpenAPI document");
    }
    Ok(text)
}

/// A fenced block of a page.
struct Block<'a> {
    /// The line of the opening fence.
    line: usize,
    label: &'a str,
    lines: Vec<&'a str>,
    closed: bool,
}

fn extract(text: &str, name: &str) -> Result<(String, usize)> {
    let blocks = blocks(text);
    let documents: Vec<&Block<'_>> = blocks.iter().filter(|block| block.is_document()).collect();
    match documents.as_slice() {
        [block] if block.closed => return Ok((yaml(&(block.lines.join("\n") + "\n")), block.line + 1)),
        [block] => {
            let why = "the fence that opens the OpenAPI document here is never closed; the page is cut off";
            return refused(name, block.line, why);
        }
        [first, second, ..] => {
            let first = format!("the first begins on line {}", first.line);
            return refused(
                name,
                second.line,
                format_args!("a second fenced OpenAPI document ({first}); expected one a page"),
            );
        }
        [] => {}
    }
    let start = text.trim_start().to_ascii_lowercase();
    if start.starts_with('<') && (start.contains("<html") || start.contains("<!doctype")) {
        return refused(name, 1, "an HTML page; expected the vendor's Markdown with a fenced OpenAPI document");
    }
    if let Some(block) = blocks.iter().find(|block| matches!(block.label, "yaml" | "yml" | "json")) {
        let why = "no line of this fenced block says `openapi: 3.0.x`; expected an OpenAPI document";
        return refused(name, block.line + 1, why);
    }
    let why = "no fenced OpenAPI document in this page; is it a password form, an error page, or another kind of page?";
    refused(name, 1, why)
}

/// Every fenced block, by the rules of CommonMark: a fence closes with at least as many of the same characters.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some((indent, mark, length, label)) = fence(line) else { continue };
        if mark == '`' && label.contains('`') {
            continue; // inline code that begins a line
        }
        let rest = lines.get(at..).unwrap_or_default();
        let closes = |most: usize| {
            rest.iter().position(|line| {
                fence(line).is_some_and(|(i, m, l, label)| i <= most && m == mark && l >= length && label.is_empty())
            })
        };
        // CommonMark lets the closing fence be indented by three; a fence inside a block scalar of the document is
        // indented too. Where both stand, the one no deeper than the opening fence is meant.
        let end = closes(indent).or_else(|| closes(3));
        let body = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let label = label.split_whitespace().next().unwrap_or_default();
        blocks.push(Block { line: at, label, lines: body.to_vec(), closed: end.is_some() });
        at += body.len() + 1;
    }
    blocks
}

/// A line that opens or closes a block: its indent, character, length, and what stands behind.
fn fence(line: &str) -> Option<(usize, char, usize, &str)> {
    let rest = line.trim_start_matches(' ');
    let indent = line.len() - rest.len();
    let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let label = rest.trim_start_matches(mark);
    let length = rest.len() - label.len();
    (indent <= 3 && length >= 3).then_some((indent, mark, length, label.trim()))
}

impl Block<'_> {
    /// Whether the block is meant to be an OpenAPI document, of whatever version.
    fn is_document(&self) -> bool {
        let says = |line: &&str| {
            let key = line.trim_start_matches(['\u{FEFF}', '{', ' ']).trim_start_matches(['"', '\'']);
            let rest = key.strip_prefix("openapi").or_else(|| key.strip_prefix("swagger"));
            let nested = line.starts_with("   ");
            !nested && rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        };
        ["yaml", "yml", "json", ""].contains(&self.label.to_ascii_lowercase().as_str()) && self.lines.iter().any(says)
    }
}

/// A text as YAML. JSON, which else is YAML, writes what lies beyond 16 bits as two escapes that YAML does not have; they
/// become the character.
fn yaml(text: &str) -> String {
    let Some(escapes) = ESCAPES.as_ref().filter(|_| text.trim_start().starts_with('{')) else { return text.to_owned() };
    let character = |found: &Captures<'_>| {
        let code = |at: usize| u16::from_str_radix(found.get(at)?.as_str(), 16).ok();
        let pair = code(1).zip(code(2)).and_then(|(high, low)| String::from_utf16(&[high, low]).ok());
        pair.unwrap_or_else(|| found.get(0).map_or("", |all| all.as_str()).to_owned())
    };
    escapes.replace_all(text, character).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> Page {
        from_bytes(text.as_bytes(), "p.md").unwrap_or_else(|e| panic!("{e}"))
    }

    fn refusal(bytes: &[u8]) -> String {
        from_bytes(bytes, "p.md").err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_fenced_document_is_found_with_its_line() {
        for (open, close) in [
            ("```yaml", "```"),
            ("````yml title", "`````"),
            ("~~~yaml", "~~~~"),
            ("  ```json", "   ```"),
            ("```", "```  "),
        ] {
            let page = ok(&format!("# T\n\n{open}\nopenapi: 3.0.1\n{close}\nafter\n"));
            assert_eq!((page.yaml.as_str(), page.first_line), ("openapi: 3.0.1\n", 4), "{open}");
        }
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_change_nothing_but_the_hash() {
        let unix = ok("# T\n```yaml\nopenapi: 3.0.1\n```\n");
        let windows = ok("\u{FEFF}# T\r\n```yaml\r\nopenapi: 3.0.1\r\n```\r\n");
        assert_eq!((&unix.yaml, unix.first_line), (&windows.yaml, windows.first_line));
        assert_ne!(unix.sha256, windows.sha256);
    }

    #[test]
    fn a_fence_inside_the_document_does_not_end_it() {
        let yaml = "openapi: 3.0.1\ninfo:\n  description: |\n    ```sh\n    x\n    ```\nx-note: |\n  ```\n  y\n  ```\nend: 1\n";
        assert_eq!(ok(&format!("```yaml\n{yaml}```\n")).yaml, yaml);
        let longer = "openapi: 3.0.1\nx: |\n ```\n";
        assert_eq!(ok(&format!("````yaml\n{longer}````\n")).yaml, longer);
    }

    #[test]
    fn other_blocks_of_the_page_are_passed_over() {
        let page = ok("```json\n{\"a\": 1}\n```\n```yaml\nopenapi: 3.0.1\n```\n```sh\nopenapi: no\n```\n");
        assert_eq!(page.first_line, 5);
    }

    #[test]
    fn an_escape_that_only_json_has_becomes_its_character() {
        let page = ok("```json\n{\"openapi\": \"3.0.1\", \"a\": \"\\ud83d\\ude00 \\\\ud83d \\u4e2d\"}\n```\n");
        assert!(page.yaml.contains(r#""😀 \\ud83d \u4e2d""#), "{}", page.yaml);
    }

    #[test]
    fn what_is_no_page_is_refused_in_one_line_that_says_why() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "p.md:1: an empty file"),
            (b" \n\n", "p.md:1: an empty file"),
            (b"<!DOCTYPE html><html></html>", "p.md:1: an HTML page"),
            (b"# Please enter the password\n", "p.md:1: no fenced OpenAPI document"),
            (b"a\n\0b", "p.md:2: a binary file"),
            (b"a\nb\n\xff\xfe", "p.md:3: not UTF-8"),
            (b"```yaml\nopenapi: 3.0.1\n", "p.md:1: the fence that opens"),
            (b"```yaml\na: 1\n```\n", "p.md:2: no line of this fenced block"),
            (
                b"```yaml\nopenapi: 3.0.1\n```\n```yaml\nopenapi: 3.0.1\n```\n",
                "p.md:4: a second fenced OpenAPI document",
            ),
            (b"```ruby\nopenapi: 3.0.1\n```\n", "p.md:1: no fenced"),
        ];
        for (bytes, expected) in cases {
            let found = refusal(bytes);
            assert!(found.starts_with(expected), "{found}");
            assert!(!found.contains('\n'));
        }
    }

    #[test]
    fn a_path_that_cannot_be_read_is_refused_with_its_name() {
        let dir = std::env::temp_dir();
        assert!(open(&dir, "dir").is_err_and(|e| e.to_string() == "dir:1: is a directory; name the pages in it"));
        assert!(
            open(&dir.join("no such page.md"), "gone.md")
                .is_err_and(|e| e.to_string().starts_with("gone.md:1: cannot be read"))
        );
    }
}
