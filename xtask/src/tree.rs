//! The one reader: YAML 1.2 text in, a tree of nodes out, each of which knows the file and the line it came from.
//!
//! Key order is the text's. Numbers keep their digits. A key that stands twice is refused with both lines; depth, aliases
//! and key lengths are bounded, so that a hostile document ends in an error and not in a full memory.

use std::fmt;
use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;
use regex::Regex;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::error::shorten;

/// Nesting that no OpenAPI document comes near; below the 128 at which `serde_json` stops, since it reads the result.
pub(crate) const MAX_DEPTH: usize = 100;
/// Nodes that aliases may add in all: pages use no aliases, and a handful of lines can multiply into gigabytes.
const MAX_ALIASED_NODES: usize = 50_000;
/// YAML lets an implicit key have 1,024 characters, and readers count its escapes: half of it is always safe.
const MAX_KEY_CHARS: usize = 512;
/// The types that OpenAPI 3.0 knows.
const TYPES: [&str; 6] = ["string", "boolean", "array", "object", "number", "integer"];

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug)]
pub(crate) struct Doubled {
    /// Where the wrong one stood.
    pub(crate) place: Place,
    /// Both, in the order of the text.
    pub(crate) both: [String; 2],
    pub(crate) kept: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Node {
    /// A node that stands where another one does: for values that the importer derives.
    pub(crate) fn at(place: &Place, value: Value) -> Self {
        Self { place: place.clone(), content_line: place.line, value }
    }

    /// A text that stands where another node does.
    pub(crate) fn text_at(place: &Place, text: impl Into<String>) -> Self {
        Self::at(place, Value::Text(text.into()))
    }

    /// A mapping that stands where another node does.
    pub(crate) fn map_at<const N: usize>(place: &Place, entries: [(&str, Node); N]) -> Self {
        Self::at(place, Value::Map(entries.map(|(key, node)| (key.to_owned(), node)).into()))
    }

    /// A sequence that stands where another node does.
    pub(crate) fn list_at(place: &Place, items: Vec<Node>) -> Self {
        Self::at(place, Value::List(items))
    }

    /// The mapping, if it is one.
    pub(crate) fn map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    /// The mapping, to change it.
    pub(crate) fn map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(map) = &mut self.value { Some(map) } else { None }
    }

    /// Whether it is a mapping.
    pub(crate) fn is_map(&self) -> bool {
        self.map().is_some()
    }

    /// The items, if it is a sequence.
    pub(crate) fn list(&self) -> Option<&[Node]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// The items, to change them.
    pub(crate) fn list_mut(&mut self) -> Option<&mut Vec<Node>> {
        if let Value::List(items) = &mut self.value { Some(items) } else { None }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// What a person would write: for a text, a number or a truth value.
    pub(crate) fn word(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// A value of the mapping, if this is one and has the key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.get(key)
    }

    /// A value of the mapping, to change it.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.map_mut()?.get_mut(key)
    }

    /// A text of the mapping.
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The items of a sequence in the mapping; none if there is no such sequence.
    pub(crate) fn items(&self, key: &str) -> &[Node] {
        self.get(key).and_then(Node::list).unwrap_or_default()
    }

    /// The items of a sequence in the mapping, to change them.
    pub(crate) fn items_mut(&mut self, key: &str) -> impl Iterator<Item = &mut Node> {
        self.get_mut(key).and_then(Node::list_mut).into_iter().flatten()
    }

    /// The entries, to change them; none if it is no mapping.
    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = (&String, &mut Node)> {
        self.map_mut().into_iter().flatten()
    }

    /// Whether a value of the mapping is there and true.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key).map(|node| &node.value), Some(Value::Bool(true)))
    }

    /// The node under a path of keys and indices.
    pub fn at_path<S: AsRef<str>>(&self, path: &[S]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match &node.value {
            Value::Map(map) => map.get(step.as_ref()),
            Value::List(items) => items.get(step.as_ref().parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The node under a path of keys and indices, to change it.
    pub(crate) fn at_path_mut<S: AsRef<str>>(&mut self, path: &[S]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, step| match &mut node.value {
            Value::Map(map) => map.get_mut(step.as_ref()),
            Value::List(items) => items.get_mut(step.as_ref().parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Whether two nodes say the same, wherever they stand and in whatever order their keys are.
    pub(crate) fn same(&self, other: &Node) -> bool {
        self.value == other.value
    }

    /// Whether the value is of one of JSON Schema's types. A type that it does not know has any value.
    pub(crate) fn is_a(&self, kind: &str) -> bool {
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
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(map) => map.iter().map(|(key, node)| (key.as_str(), node.to_json())).collect(),
        }
    }

    /// What kind of value this is, and its content if that is short: for messages.
    pub(crate) fn describe(&self) -> String {
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

/// By value, wherever the nodes stand and in whatever order their keys are.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.same(other)
    }
}

/// Reads one YAML document, or says what is not YAML 1.2 or beyond the reader's limits. `file` and `first_line` say where
/// the text stands, so that every place is the file's own.
pub fn read(text: &str, file: &Arc<str>, first_line: usize) -> Read<Node> {
    read_with(text, file, first_line, false).map(|(root, _)| root)
}

/// As [`read`], but a `type` that stands twice is settled where its siblings say which one is meant.
pub(crate) fn read_settled(text: &str, file: &Arc<str>, first_line: usize) -> Read<(Node, Vec<Doubled>)> {
    read_with(text, file, first_line, true)
}

fn read_with(text: &str, file: &Arc<str>, first_line: usize, settles: bool) -> Read<(Node, Vec<Doubled>)> {
    let (offset, doubled) = (first_line.saturating_sub(1), Vec::new());
    let mut reader = Reader { file, offset, open: Vec::new(), anchors: IndexMap::new(), aliased: 0, settles, doubled };
    let mut parser = Parser::new_from_str(text);
    let mut root = None;
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let reason = format!("not YAML: {}", error.info());
            reader.fault(error.marker(), true, reason)
        })?;
        if matches!(event, Event::DocumentStart(_)) && root.is_some() {
            return Err(reader.fault(&span.start, false, "a second YAML document begins here; one is expected"));
        }
        // As the current parser has it, the span of a block scalar begins at its indicator, or else at its content.
        root = reader.take(event, &span.start, span.start.line() != span.end.line())?.or(root);
    }
    let root = root.unwrap_or_else(|| Node::at(&Place { file: file.clone(), line: first_line }, Value::Null));
    Ok((root, reader.doubled))
}

/// What reading gives.
type Read<T> = std::result::Result<T, ReadError>;

struct Reader<'a> {
    file: &'a Arc<str>,
    offset: usize,
    open: Vec<Open>,
    /// Finished nodes by anchor, with their size. An anchor that is still open is not here: no node holds itself.
    anchors: IndexMap<usize, (Node, usize)>,
    aliased: usize,
    /// Whether a `type` that stands twice is settled, and those that were.
    settles: bool,
    doubled: Vec<Doubled>,
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
    /// Takes one event; gives the root when it is complete. `lines` says whether the event goes over several of them.
    fn take(&mut self, event: Event<'_>, start: &Marker, lines: bool) -> Read<Option<Node>> {
        let line = start.line() + self.offset;
        let place = Place { file: self.file.clone(), line };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let core = tag.as_deref().is_none_or(Tag::is_yaml_core_schema);
                let is_text = tag.as_deref().is_some_and(|tag| core && tag.suffix == "str");
                let value = match (style, tag.as_deref()) {
                    (ScalarStyle::Plain, _) if core && !is_text => resolve(&text),
                    (_, Some(tag)) if !is_text => return Err(self.tag_error(tag, start)),
                    _ => Value::Text(text.into_owned()),
                };
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let on_indicator = match self.open.last() {
                    Some(Open { key: Some((_, key)), .. }) => *key == line,
                    _ => lines,
                };
                let content_line = line + usize::from(block && on_indicator);
                self.finish(Node { place, content_line, value }, anchor, start)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(Node::list_at(&place, Vec::new()), anchor, tag.as_deref(), start)
            }
            Event::MappingStart(anchor, tag) => self.begin(Node::map_at(&place, []), anchor, tag.as_deref(), start),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { mut node, anchor, first, .. }) = self.open.pop() else { return Ok(None) };
                if let Some(first) = first {
                    self.settle(&mut node, first, start)?;
                }
                self.finish(node, anchor, start)
            }
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id) else {
                    return Err(self.fault(start, false, "an alias stands inside the node that it names"));
                };
                self.aliased = self.aliased.saturating_add(*size);
                if self.aliased > MAX_ALIASED_NODES {
                    let reason = format!("aliases repeat more than {MAX_ALIASED_NODES} nodes; write the values out");
                    return Err(self.fault(start, false, reason));
                }
                let node = Node { place, ..node.clone() };
                self.finish(node, 0, start)
            }
            _ => Ok(None),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize, tag: Option<&Tag>, start: &Marker) -> Read<Option<Node>> {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            return Err(self.tag_error(tag, start));
        }
        if self.waits_for_key() {
            return Err(self.fault(start, true, "a key that is itself a collection; a text is expected"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault(start, false, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.open.push(Open { node, anchor, key: None, first: None });
        Ok(None)
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, mut node: Node, anchor: usize, start: &Marker) -> Read<Option<Node>> {
        if self.waits_for_key() {
            return self.take_key(node, start);
        }
        if let Some(Open { key: Some((_, line)), .. }) = self.open.last() {
            node.place.line = *line;
        }
        if anchor != 0 {
            let size = count(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else { return Ok(Some(node)) };
        match (&mut open.node.value, open.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(map), Some((key, _))) => open.first = map.insert(key, node).or(open.first.take()),
            _ => {}
        }
        Ok(None)
    }

    fn take_key(&mut self, node: Node, start: &Marker) -> Read<Option<Node>> {
        let Some(key) = node.word() else { return Err(self.fault(start, true, "a key without a text")) };
        if key == "<<" {
            return Err(self.fault(start, false, "the merge key << is not part of YAML 1.2; write the keys out"));
        }
        if key.chars().count() > MAX_KEY_CHARS {
            let reason = format!("a key of more than {MAX_KEY_CHARS} characters: {}", shorten(&key));
            return Err(self.fault(start, true, reason));
        }
        let Some(open) = self.open.last_mut() else { return Ok(None) };
        if let Some(first) = open.node.get(&key)
            && !(key == "type" && open.first.is_none() && self.settles)
        {
            let line = first.place.line;
            return Err(self.twice(start, &key, line));
        }
        open.key = Some((key, start.line() + self.offset));
        Ok(None)
    }

    /// Keeps the one of two `type`s that the siblings agree with, if they agree with one only.
    fn settle(&mut self, node: &mut Node, first: Node, start: &Marker) -> Read<()> {
        let Some(second) = node.get("type").cloned() else { return Ok(()) };
        let single = ["default", "example"].into_iter().filter_map(|key| node.get(key));
        let values: Vec<&Node> = node.items("enum").iter().chain(single).filter(|v| v.value != Value::Null).collect();
        let fits = |kind: &Node| {
            kind.text().is_some_and(|kind| TYPES.contains(&kind) && values.iter().all(|value| value.is_a(kind)))
        };
        let (wrong, right) = match (fits(&first), fits(&second)) {
            (false, true) if !values.is_empty() => (&first, &second),
            (true, false) if !values.is_empty() => (&second, &first),
            _ => {
                let error = self.twice(start, "type", first.place.line);
                return Err(ReadError { line: second.place.line, ..error });
            }
        };
        let word = |node: &Node| node.text().map_or_else(|| node.describe(), str::to_owned);
        let both = [word(&first), word(&second)];
        self.doubled.push(Doubled { place: wrong.place.clone(), both, kept: word(right) });
        if let Some(map) = node.map_mut() {
            map.insert("type".to_owned(), right.clone());
        }
        Ok(())
    }

    fn waits_for_key(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.node.value, Value::Map(_)) && open.key.is_none())
    }

    fn twice(&self, start: &Marker, key: &str, first: usize) -> ReadError {
        self.fault(start, false, format!("the key {:?} stands here and on line {first}; remove one", shorten(key)))
    }

    fn tag_error(&self, tag: &Tag, start: &Marker) -> ReadError {
        self.fault(start, true, format!("the tag {}{} has no meaning in OpenAPI", tag.handle, tag.suffix))
    }

    fn fault(&self, at: &Marker, grammar: bool, reason: impl Into<String>) -> ReadError {
        let line = at.line() + self.offset;
        ReadError { line, column: at.col(), reason: reason.into(), grammar, reached: line }
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

/// Sign, digits before and behind the point, sign and digits of the exponent.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([-+]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([-+]?)([0-9]+))?$").ok());

/// A number of the core schema in JSON's spelling.
fn number(text: &str) -> Option<String> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            // Only digits: Rust's own parser would take a sign.
            let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            return plain.then(|| u128::from_str_radix(digits, radix).ok()).flatten().map(|n| n.to_string());
        }
    }
    let parts = NUMBER.as_ref()?.captures(text)?;
    let part = |at: usize| parts.get(at).map(|part| part.as_str());
    let (whole, fraction) = (part(2)?, part(3));
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    let or_zero = |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
    let mut out = part(1).filter(|sign| *sign == "-").unwrap_or_default().to_owned();
    out += &or_zero(whole.trim_start_matches('0'));
    if let Some(fraction) = fraction {
        out += &format!(".{}", or_zero(fraction));
    }
    if let Some(exponent) = part(5) {
        out += &format!("e{}{exponent}", part(4).filter(|sign| *sign == "-").unwrap_or("+"));
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
