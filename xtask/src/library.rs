//! What the library covers: `spec/schemas` has one JSON Schema for each of its operations, written by the library's tests.
//!
//! A schema's file is named as the path of the operation's POST ends: `text2video.json` belongs to
//! `POST …/videos/text2video`. Where the library differs from the document on purpose, `spec/allowed.yaml` says why.

use std::cell::Cell;
use std::path::Path;

use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::list;
use crate::roles::operations;
use crate::roots;
use crate::tree::{Node, Place};

/// The schemas' word for an enumeration whose values are known, while any other is sent as it is.
pub const OPEN_ENUM: &str = "x-extensible-enum";

/// An operation of the library.
#[derive(Debug, Clone)]
pub struct Covered {
    /// The last segment of its path.
    pub name: String,
    /// The schema of its request.
    pub schema: Json,
}

/// An operation of the document.
#[derive(Debug, Clone)]
pub struct Described {
    /// The method, in capitals.
    pub method: String,
    /// The path.
    pub path: String,
    /// The operation id.
    pub id: String,
    /// All that the document says.
    pub node: Node,
}

/// The operations of a document, in its order.
#[must_use]
pub fn described(document: &Node) -> Vec<Described> {
    let mut found = Vec::new();
    operations(&mut document.clone(), &mut |path, method, node| {
        let id = node.get_text("operationId").unwrap_or_default().to_owned();
        found.push(Described { method: method.to_uppercase(), path: path.to_owned(), id, node: node.clone() });
    });
    found
}

impl Covered {
    /// The POST that the library sends; of several, the one with the shortest path.
    #[must_use]
    pub fn create<'d>(&self, all: &'d [Described]) -> Option<&'d Described> {
        let ours = all.iter().filter(|one| one.method == "POST" && one.name() == self.name);
        ours.min_by_key(|one| one.path.len())
    }

    /// The schema's file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}/{}.json", roots::SCHEMAS, self.name)
    }
}

impl Described {
    /// The last segment of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The schema of the JSON body.
    #[must_use]
    pub fn body(&self) -> Option<&Node> {
        self.node.at_path(&["requestBody", "content", "application/json", "schema"])
    }

    /// The file of the library whose request is sent to this POST.
    #[must_use]
    pub fn source(&self) -> String {
        format!("src/operations/{}.rs", self.id.strip_prefix("create_").unwrap_or(&self.id))
    }

    /// Whether another operation is a query or a list of the tasks that this POST creates, or this POST itself.
    #[must_use]
    pub fn has(&self, other: &Self) -> bool {
        let rest = other.path.strip_prefix(&self.path);
        *other.path == self.path || rest.is_some_and(|rest| rest.starts_with("/{"))
    }
}

/// Reads the schemas of a repository, sorted by name.
///
/// # Errors
/// A folder without schemas, or a file that is no JSON Schema of an object.
pub fn schemas(root: &Path) -> Result<Vec<Covered>> {
    roots::files_in(&root.join(roots::SCHEMAS), roots::SCHEMAS, &["json"], "run `cargo test`, which writes them")?
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let file = roots::shown(root, path);
            let refused = |line: usize, reason: String| Error::refused(format_args!("{file}:{line}"), reason);
            let text = std::fs::read_to_string(path).map_err(|error| refused(1, format!("cannot be read: {error}")))?;
            let schema: Json =
                serde_json::from_str(&text).map_err(|error| refused(error.line(), format!("not JSON: {error}")))?;
            let described = schema.get("properties").is_some_and(Json::is_object);
            let missing = || refused(1, "expected a JSON Schema with `properties`; run `cargo test`".to_owned());
            described.then_some(Covered { name, schema }).ok_or_else(missing)
        })
        .collect()
}

/// The value of a keyword as a document writes it.
#[must_use]
pub fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether two values are the same, as words or as numbers.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    one == other || matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(a), Ok(b)) if a.total_cmp(&b).is_eq())
}

/// Where the library differs from the document on purpose.
#[derive(Debug, Default)]
pub struct Allowed(Vec<Entry>);

/// One difference, or an operation that is described and not covered.
#[derive(Debug)]
struct Entry {
    operation: String,
    pointer: Option<String>,
    reason: String,
    place: Place,
    used: Cell<bool>,
}

impl Allowed {
    /// Reads the list of a repository.
    ///
    /// # Errors
    /// A file that cannot be read, or an entry that lacks a field.
    pub fn read_file(root: &Path) -> Result<Self> {
        let name = roots::ALLOWED;
        let text = std::fs::read_to_string(root.join(name))
            .map_err(|error| Error::refused(format_args!("{name}:1"), format_args!("cannot be read: {error}")))?;
        Self::parse(&text, name)
    }

    /// Reads the list: a sequence of `operation`, `pointer` (into its schema, or `operation_id.parameter`), `reason` and
    /// `source`. Without a pointer, the operation is described and not covered.
    ///
    /// # Errors
    /// An entry that lacks a field, or that stands twice.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let list = list::parse(text, name, &["operation", "reason", "source"], &["operation", "pointer"])?;
        let entry = |node: &Node| {
            let text = |key: &str| node.get_text(key).map(str::to_owned);
            let [operation, reason, source] =
                ["operation", "reason", "source"].map(|key| text(key).unwrap_or_default());
            let reason = format!("{reason} ({source})");
            Entry { operation, pointer: text("pointer"), reason, place: node.place.clone(), used: Cell::new(false) }
        };
        Ok(Self(list.iter().map(entry).collect()))
    }

    /// The reason and the source that stand at a pointer of an operation.
    #[must_use]
    pub fn reason(&self, operation: &str, pointer: &str) -> Option<&str> {
        self.find(operation, Some(pointer))
    }

    /// Whether an operation is described and not covered.
    #[must_use]
    pub fn is_not_covered(&self, operation: &str) -> bool {
        self.find(operation, None).is_some()
    }

    fn find(&self, operation: &str, pointer: Option<&str>) -> Option<&str> {
        let found = self.0.iter().find(|entry| entry.operation == operation && entry.pointer.as_deref() == pointer)?;
        found.used.set(true);
        Some(&found.reason)
    }

    /// Keeps the entries inside a pointer: what they are about waits for another correction.
    pub fn keep_inside(&self, operation: &str, pointer: &str) {
        let inside = |entry: &Entry| {
            let rest = entry.pointer.as_deref().and_then(|text| text.strip_prefix(pointer));
            entry.operation == operation && rest.is_some_and(|rest| rest.starts_with('/'))
        };
        self.0.iter().filter(|entry| inside(entry)).for_each(|entry| entry.used.set(true));
    }

    /// The entries that nothing needed, one line each.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let idle = self.0.iter().filter(|entry| !entry.used.get());
        idle.map(|Entry { operation, pointer, place, .. }| match pointer {
            Some(at) => format!("{place}: nothing differs at {at} of {operation} any more: obsolete, delete it"),
            None => format!("{place}: {operation} is covered, or not in the document: obsolete, delete it"),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::Value;

    #[test]
    fn an_entry_lacks_no_field_and_stands_once() {
        for (text, expected) in [
            (
                "- {operation: o, pointer: /a, source: b}\n",
                "a.yaml:1: an entry without `reason`, or whose `reason` is no text; expected operation, reason, source",
            ),
            ("- {pointer: /a, reason: r, source: b}\n", "a.yaml:1: an entry without `operation`, "),
            ("- {operation: o, pointer: '', reason: r, source: b}\n", "a.yaml:1: an entry without `pointer`, "),
            (
                "- {operation: o, pointer: /a, reason: r, source: b}\n- {operation: o, pointer: /a, reason: r, source: b}",
                "a.yaml:2: o /a is listed here and at a.yaml:1; remove one",
            ),
        ] {
            let found = Allowed::parse(text, "a.yaml").map(drop).map_err(|error| error.to_string());
            assert!(found.as_ref().is_err_and(|error| error.starts_with(expected)), "{found:?}");
        }
        let twice =
            "- {operation: o, pointer: /a, reason: r, source: b}\n- {operation: p, pointer: /a, reason: r, source: b}";
        assert!(Allowed::parse(twice, "a.yaml").is_ok());
    }

    #[test]
    fn an_operation_has_the_shortest_path_with_its_name_and_the_query_below_it() {
        let of = |method: &str, path: &str| Described {
            method: method.to_owned(),
            path: path.to_owned(),
            id: "create_a_b".to_owned(),
            node: Node::at(&Place { file: Arc::from("d"), line: 1 }, Value::Null),
        };
        let all = [of("POST", "/v/x/a2b"), of("GET", "/a2b"), of("POST", "/v/a2b"), of("POST", "/v/ca2b")];
        let covered = Covered { name: "a2b".to_owned(), schema: Json::Null };
        let create = covered.create(&all).map(|one| (one.path.as_str(), one.source()));
        assert_eq!(create, Some(("/v/a2b", "src/operations/a_b.rs".to_owned())));
        let create = of("POST", "/v/a2b");
        let has = ["/v/a2b", "/v/a2b/{id}", "/v/a2b/more", "/v/a2bc"].map(|path| create.has(&of("GET", path)));
        assert_eq!(has, [true, true, false, false]);
    }
}
