//! The one reader: YAML 1.2 text in, a tree of nodes out, each of which knows the file and the line it came from.
//!
//! Key order is the text's. Numbers keep their digits. A key that stands twice is refused with both lines; depth, aliases
//! and key lengths are bounded, so that a hostile document ends in an error and not in a full memory.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::error::shorten;

/// Nesting that no OpenAPI document comes near; below the 128 at which `serde_json` stops, since it reads the result.
pub const MAX_DEPTH: usize = 100;
/// Nodes that aliases may add in all: pages use no aliases, and a handful of lines can multiply into gigabytes.
pub const MAX_ALIASED_NODES: usize = 50_000;
/// YAML lets an implicit key have 1,024 characters, and readers count its escapes: half of it is always safe.
pub const MAX_KEY_CHARS: usize = 512;
/// The types that OpenAPI 3.0 knows.
const TYPES: [&str; 6] = ["string", "boolean", "array", "object", "number", "integer"];

/// A line of a file.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file, as messages show it.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// The line of the key for a value in a mapping, of the item for one in a sequence.
    pub place: Place,
    /// The first line of the content itself: for a block scalar the line after its indicator.
    pub content_line: usize,
    /// The value.
    pub value: Value,
}

/// A mapping, in the order of the text.
pub type Map = IndexMap<String, Node>;

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that JSON has too, in JSON's spelling and with the digits of the text.
    Number(String),
    /// Everything else that is a scalar.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping.
    Map(Map),
}

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The line in the file, counted from 1.
    pub line: usize,
    /// The column, counted from 0.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
    /// Whether quoting a scalar may help: true for grammar, false for limits and duplicate keys.
    pub grammar: bool,
    /// The line that the reader had come to.
    pub reached: usize,
}

/// A `type` that stood twice in a mapping whose `enum`, `default` and `example` agree with only one of the two.
#[derive(Debug, Clone)]
pub struct Doubled {
    /// Where the wrong one stood.
    pub place: Place,
    /// Both, in the order of the text.
    pub both: [String; 2],
    /// The right one.
    pub kept: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Node {
    /// A node that stands where another one does: for values that the importer derives.
    #[must_use]
    pub fn at(place: &Place, value: Value) -> Self {
        Self { place: place.clone(), content_line: place.line, value }
    }

    /// A text that stands where another node does.
    #[must_use]
    pub fn text_at(place: &Place, text: impl Into<String>) -> Self {
        Self::at(place, Value::Text(text.into()))
    }

    /// The mapping, if it is one.
    #[must_use]
    pub fn map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    /// The mapping, to change it.
    pub fn map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(map) = &mut self.value { Some(map) } else { None }
    }

    /// The items, if it is a sequence.
    #[must_use]
    pub fn list(&self) -> Option<&[Node]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// The items, to change them.
    pub fn list_mut(&mut self) -> Option<&mut Vec<Node>> {
        if let Value::List(items) = &mut self.value { Some(items) } else { None }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// A value of the mapping, if this is one and has the key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.get(key)
    }

    /// A text of the mapping.
    #[must_use]
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// Whether a value of the mapping is there and true.
    #[must_use]
    pub fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key).map(|node| &node.value), Some(Value::Bool(true)))
    }

    /// The node under a path of keys and indices.
    #[must_use]
    pub fn at_path<S: AsRef<str>>(&self, path: &[S]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match &node.value {
            Value::Map(map) => map.get(step.as_ref()),
            Value::List(items) => items.get(step.as_ref().parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The node under a path of keys and indices, to change it.
    pub fn at_path_mut<S: AsRef<str>>(&mut self, path: &[S]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, step| match &mut node.value {
            Value::Map(map) => map.get_mut(step.as_ref()),
            Value::List(items) => items.get_mut(step.as_ref().parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Whether two nodes say the same, wherever they stand and in whatever order their keys are.
    #[must_use]
    pub fn same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) | (Value::Text(a), Value::Text(b)) => a == b,
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| a.same(b)))
            }
            _ => false,
        }
    }

    /// Whether the value is of one of JSON Schema's types. A type that it does not know has any value.
    #[must_use]
    pub fn is_a(&self, kind: &str) -> bool {
        match (kind, &self.value) {
            ("string", Value::Text(_))
            | ("boolean", Value::Bool(_))
            | ("array", Value::List(_))
            | ("object", Value::Map(_))
            | ("number", Value::Number(_)) => true,
            ("integer", Value::Number(text)) => text.parse::<f64>().is_ok_and(|number| number.fract() == 0.0),
            (kind, _) => !TYPES.contains(&kind),
        }
    }

    /// The value as JSON, for libraries that work on it. Digits beyond JSON's usual precision are lost there only.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(map) => {
                serde_json::Value::Object(map.iter().map(|(key, node)| (key.clone(), node.to_json())).collect())
            }
        }
    }

    /// What kind of value this is, and its content if that is short: for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(text) => text.clone(),
            Value::Text(text) => format!("\"{}\"", shorten(text)),
            Value::List(items) => format!("a sequence of {}", items.len()),
            Value::Map(map) => format!("a mapping of {}", map.len()),
        }
    }
}

/// Reads one YAML document. `file` and `first_line` say where the text stands, so that every place is the file's own.
///
/// # Errors
/// The first thing that is not YAML 1.2, or beyond the reader's limits.
pub fn read(text: &str, file: &Arc<str>, first_line: usize) -> std::result::Result<Node, ReadError> {
    read_with(text, file, first_line, None).map(|(root, _)| root)
}

/// As [`read`], but a `type` that stands twice is settled where its siblings say which one is meant.
///
/// # Errors
/// As for [`read`].
pub fn read_settled(
    text: &str,
    file: &Arc<str>,
    first_line: usize,
) -> std::result::Result<(Node, Vec<Doubled>), ReadError> {
    read_with(text, file, first_line, Some(Vec::new()))
}

fn read_with(
    text: &str,
    file: &Arc<str>,
    first_line: usize,
    doubled: Option<Vec<Doubled>>,
) -> std::result::Result<(Node, Vec<Doubled>), ReadError> {
    let offset = first_line.saturating_sub(1);
    let mut reader = Reader { file, offset, open: Vec::new(), anchors: IndexMap::new(), aliased: 0, doubled };
    let mut parser = Parser::new_from_str(text);
    let mut root = None;
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| reader.scan_error(&error))?;
        if matches!(event, Event::DocumentStart(_)) && root.is_some() {
            return Err(reader.fault(span, false, "a second YAML document begins here; one is expected"));
        }
        if let Some(node) = reader.take(event, span)? {
            root = Some(node);
        }
    }
    let root = root.unwrap_or_else(|| Node::at(&Place { file: file.clone(), line: first_line }, Value::Null));
    Ok((root, reader.doubled.unwrap_or_default()))
}

struct Reader<'a> {
    file: &'a Arc<str>,
    offset: usize,
    open: Vec<Open>,
    /// Finished nodes by anchor, with their size. An anchor that is still open is not here: no node holds itself.
    anchors: IndexMap<usize, (Node, usize)>,
    aliased: usize,
    /// What was settled; none if nothing is to be.
    doubled: Option<Vec<Doubled>>,
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(String, usize)>,
    /// The first `type`, if a second one has come.
    first: Option<Node>,
}

impl Reader<'_> {
    /// Takes one event; gives the root when it is complete.
    fn take(&mut self, event: Event<'_>, span: Span) -> std::result::Result<Option<Node>, ReadError> {
        let line = span.start.line() + self.offset;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = match (style, tag.as_deref()) {
                    (ScalarStyle::Plain, None) => resolve(&text),
                    (_, None) => Value::Text(text.into_owned()),
                    (_, Some(tag)) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
                        Value::Text(text.into_owned())
                    }
                    (ScalarStyle::Plain, Some(tag)) if tag.is_yaml_core_schema() => resolve(&text),
                    (_, Some(tag)) => return Err(self.tag_error(tag, span)),
                };
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let content_line = line + usize::from(block && self.starts_on_indicator(span));
                self.finish(Node { place: self.place(line), content_line, value }, anchor, span)
            }
            Event::SequenceStart(anchor, tag) => self.begin(Value::List(Vec::new()), anchor, tag.as_deref(), span),
            Event::MappingStart(anchor, tag) => self.begin(Value::Map(Map::new()), anchor, tag.as_deref(), span),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { mut node, anchor, first, .. }) => {
                    if let Some(first) = first {
                        self.settle(&mut node, first, span)?;
                    }
                    self.finish(node, anchor, span)
                }
                None => Ok(None),
            },
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id) else {
                    return Err(self.fault(span, false, "an alias stands inside the node that it names"));
                };
                self.aliased = self.aliased.saturating_add(*size);
                if self.aliased > MAX_ALIASED_NODES {
                    let reason = format!("aliases repeat more than {MAX_ALIASED_NODES} nodes; write the values out");
                    return Err(self.fault(span, false, &reason));
                }
                let node = Node { place: self.place(line), ..node.clone() };
                self.finish(node, 0, span)
            }
            _ => Ok(None),
        }
    }

    fn begin(
        &mut self,
        value: Value,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> std::result::Result<Option<Node>, ReadError> {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            return Err(self.tag_error(tag, span));
        }
        if self.waits_for_key() {
            return Err(self.fault(span, true, "a key that is itself a collection; a text is expected"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault(span, false, &format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let line = span.start.line() + self.offset;
        let node = Node { place: self.place(line), content_line: line, value };
        self.open.push(Open { node, anchor, key: None, first: None });
        Ok(None)
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, mut node: Node, anchor: usize, span: Span) -> std::result::Result<Option<Node>, ReadError> {
        if self.waits_for_key() {
            return self.take_key(node, span);
        }
        let parent = self.open.last_mut();
        if let Some((_, line)) = parent.as_ref().and_then(|open| open.key.as_ref()) {
            node.place.line = *line;
        }
        if anchor != 0 {
            let size = count(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(map) => {
                if let Some((key, _)) = open.key.take() {
                    open.first = map.insert(key, node).or(open.first.take());
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn take_key(&mut self, node: Node, span: Span) -> std::result::Result<Option<Node>, ReadError> {
        let line = span.start.line() + self.offset;
        let key = match node.value {
            Value::Text(text) => text,
            Value::Number(text) => text,
            Value::Bool(value) => value.to_string(),
            _ => return Err(self.fault(span, true, "a key without a text")),
        };
        if key == "<<" {
            return Err(self.fault(span, false, "the merge key << is not part of YAML 1.2; write the keys out"));
        }
        if key.chars().count() > MAX_KEY_CHARS {
            let reason = format!("a key of more than {MAX_KEY_CHARS} characters: {}", shorten(&key));
            return Err(self.fault(span, true, &reason));
        }
        let first = match self.open.last().map(|open| &open.node.value) {
            Some(Value::Map(map)) => map.get(&key).map(|first| first.place.line),
            _ => None,
        };
        if let Some(first) = first {
            let once = self.open.last().is_some_and(|open| open.first.is_none());
            if !(key == "type" && once && self.doubled.is_some()) {
                return Err(self.twice(span, &key, first));
            }
        }
        if let Some(open) = self.open.last_mut() {
            open.key = Some((key, line));
        }
        Ok(None)
    }

    /// Keeps the one of two `type`s that the siblings agree with, if they agree with one only.
    fn settle(&mut self, node: &mut Node, first: Node, span: Span) -> std::result::Result<(), ReadError> {
        let Some(second) = node.get("type").cloned() else { return Ok(()) };
        let listed = node.get("enum").and_then(Node::list).unwrap_or_default();
        let single = ["default", "example"].into_iter().filter_map(|key| node.get(key));
        let values: Vec<&Node> = listed.iter().chain(single).filter(|v| !matches!(v.value, Value::Null)).collect();
        let fits = |kind: &Node| {
            kind.text().is_some_and(|kind| TYPES.contains(&kind) && values.iter().all(|value| value.is_a(kind)))
        };
        let (wrong, right) = match (fits(&first), fits(&second)) {
            (false, true) if !values.is_empty() => (&first, &second),
            (true, false) if !values.is_empty() => (&second, &first),
            _ => {
                let error = self.twice(span, "type", first.place.line);
                return Err(ReadError { line: second.place.line, ..error });
            }
        };
        let word = |node: &Node| node.text().map_or_else(|| node.describe(), str::to_owned);
        let both = [word(&first), word(&second)];
        self.doubled.get_or_insert_default().push(Doubled { place: wrong.place.clone(), both, kept: word(right) });
        if let Some(map) = node.map_mut() {
            map.insert("type".to_owned(), right.clone());
        }
        Ok(())
    }

    fn twice(&self, span: Span, key: &str, first: usize) -> ReadError {
        self.fault(span, false, &format!("the key {:?} stands here and on line {first}; remove one", shorten(key)))
    }

    fn waits_for_key(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.node.value, Value::Map(_)) && open.key.is_none())
    }

    /// Whether the span of a block scalar begins at its indicator, as the current parser has it, or at its content.
    fn starts_on_indicator(&self, span: Span) -> bool {
        match self.open.last() {
            Some(Open { key: Some((_, line)), .. }) => *line == span.start.line() + self.offset,
            _ => span.start.line() != span.end.line(),
        }
    }

    fn place(&self, line: usize) -> Place {
        Place { file: self.file.clone(), line }
    }

    fn tag_error(&self, tag: &Tag, span: Span) -> ReadError {
        self.fault(span, true, &format!("the tag {}{} has no meaning in OpenAPI", tag.handle, tag.suffix))
    }

    fn fault(&self, span: Span, grammar: bool, reason: &str) -> ReadError {
        ReadError {
            line: span.start.line() + self.offset,
            column: span.start.col(),
            reason: reason.to_owned(),
            grammar,
            reached: span.start.line() + self.offset,
        }
    }

    fn scan_error(&self, error: &ScanError) -> ReadError {
        let marker = error.marker();
        ReadError {
            line: marker.line() + self.offset,
            column: marker.col(),
            reason: format!("not YAML: {}", error.info()),
            grammar: true,
            reached: marker.line() + self.offset,
        }
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(map) => 1 + map.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// A plain scalar by the core schema of YAML 1.2. What JSON cannot hold (`.inf`, `.nan`) stays text.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::Text(text.to_owned()), Value::Number)
}

/// A number of the core schema in JSON's spelling.
fn number(text: &str) -> Option<String> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            // Only digits: Rust's own parser would take a sign.
            let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            return plain.then(|| u128::from_str_radix(digits, radix).ok()).flatten().map(|n| n.to_string());
        }
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => ("-", text.get(1..)?),
        b'+' => ("", text.get(1..)?),
        _ => ("", text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (rest.get(..at)?, Some(rest.get(at + 1..)?)),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let some = |part: &str| !part.is_empty() && digits(part);
    if !digits(whole) || !fraction.is_none_or(digits) || (whole.is_empty() && !fraction.is_some_and(some)) {
        return None;
    }
    let mut out = sign.to_owned();
    let whole = whole.trim_start_matches('0');
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    if let Some(exponent) = exponent {
        let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if !some(unsigned) {
            return None;
        }
        out.push('e');
        out.push_str(if exponent.starts_with('-') { "-" } else { "+" });
        out.push_str(unsigned);
    }
    // What no reader can hold (1e999) is better kept as it was written.
    serde_json::from_str::<serde_json::Number>(&out).is_ok().then_some(out)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn file() -> Arc<str> {
        Arc::from("f")
    }

    fn reason(text: &str) -> String {
        read(text, &file(), 1).err().map(|e| format!("{}: {}", e.line, e.reason)).unwrap_or_default()
    }

    #[test]
    fn every_node_knows_its_line() {
        let root = read("a: 1\nb:\n  - x\n  - y: |\n      text\nc:\n  d: e\n", &file(), 10)
            .unwrap_or_else(|e| panic!("{e:?}"));
        let line = |path: &[&str]| root.at_path(path).map(|node| (node.place.line, node.content_line));
        assert_eq!(line(&["a"]), Some((10, 10)));
        assert_eq!(line(&["b"]), Some((11, 12)));
        assert_eq!(line(&["b", "0"]), Some((12, 12)));
        assert_eq!(line(&["b", "1", "y"]), Some((13, 14)));
        assert_eq!(line(&["c", "d"]), Some((16, 16)));
    }

    #[test]
    fn scalars_are_read_by_the_core_schema_and_numbers_keep_their_digits() {
        let cases = [
            ("16:9", r#""16:9""#),
            ("no", r#""no""#),
            ("2024-01-01", r#""2024-01-01""#),
            ("~", "null"),
            ("", "null"),
            ("True", "true"),
            ("1_000", r#""1_000""#),
            ("'5'", r#""5""#),
            ("!!str 5", r#""5""#),
            (".inf", r#"".inf""#),
            ("1e999", r#""1e999""#),
            ("-", "[null]"),
            ("+5", "5"),
            ("-0.50", "-0.5"),
            ("0x", r#""0x""#),
            ("0x-1", r#""0x-1""#),
            ("1.2.3", r#""1.2.3""#),
            ("e5", r#""e5""#),
            (".", r#"".""#),
        ];
        for (text, expected) in cases {
            let found = read(text, &file(), 1).map(|node| node.to_json().to_string());
            assert_eq!(found.as_deref(), Ok(expected), "{text}");
        }
        let long = "123456789012345678901234567890.10";
        assert!(read(long, &file(), 1).is_ok_and(|node| matches!(node.value, Value::Number(text) if text == long)));
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_with_both_lines() {
        assert_eq!(
            reason("a: 1\nb:\n  c: 1\n  d: 1\n  \"c\": 2\n"),
            "5: the key \"c\" stands here and on line 3; remove one"
        );
        assert_eq!(reason("200: a\n'200': b\n"), "2: the key \"200\" stands here and on line 1; remove one");
    }

    #[test]
    fn what_is_not_json_like_is_refused() {
        let cases = [
            ("a: 1\n---\nb: 2\n", "2: a second YAML document"),
            ("? [a]\n: b\n", "1: a key that is itself a collection"),
            ("~: b\n", "1: a key without a text"),
            ("a: !foo b\n", "1: the tag !foo"),
            ("a: &x {b: *x}\n", "1: an alias stands inside"),
            ("<<: {a: b}\n", "1: the merge key"),
        ];
        for (text, expected) in cases {
            assert!(reason(text).starts_with(expected), "{text}: {}", reason(text));
        }
    }

    /// A hostile text must end in a result or an error, in a time that a person would wait for.
    #[test]
    fn hostile_texts_end_in_an_error_or_a_result_and_soon() {
        let bomb =
            (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| format!("{text}a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1));
        let cases = [
            (bomb, "aliases repeat more than"),
            ("[".repeat(100_000), ""),
            ("- ".repeat(100_000), ""),
            ("{a: ".repeat(50_000), ""),
            ((0..5_000).map(|n| format!("{}k:\n", " ".repeat(n))).collect(), "nested more than"),
            (format!("{}: 1\n", "k".repeat(MAX_KEY_CHARS + 1)), ""),
            ("a: ".to_owned() + &"'x' ".repeat(100_000), ""),
            ("&a ".repeat(100_000), ""),
        ];
        for (text, expected) in cases {
            let start = Instant::now();
            let found = reason(&text);
            assert!(found.contains(expected) && !found.is_empty(), "{expected}: {found}");
            assert!(start.elapsed() < Duration::from_secs(10), "{expected}: {:?}", start.elapsed());
        }
        let many: String = (0..200_000).map(|n| format!("key{n}: value {n}\n")).collect();
        assert!(read(&many, &file(), 1).is_ok());
    }
}
