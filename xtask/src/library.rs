//! What the library covers: `spec/schemas` has one JSON Schema for each of its operations, written by the library's tests.
//!
//! A schema's file is named as the path of the operation's POST ends: `text2video.json` belongs to
//! `POST …/videos/text2video`. Where the library differs from the document on purpose, `spec/allowed.yaml` says why.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::list;
use crate::roles::operations;
use crate::roots::{self, ALLOWED};
use crate::tree::{Node, Value, read};

/// The schemas' word for an enumeration whose values are known, while any other is sent as it is.
pub(crate) const OPEN_ENUM: &str = "x-extensible-enum";

/// An operation of the library: the last segment of its path, and the schema of its request.
#[derive(Debug, Clone)]
pub(crate) struct Covered {
    pub(crate) name: String,
    pub(crate) schema: Node,
}

/// An operation of the document. `operation` is the name by which the library knows it: the last segment of the path of the
/// POST that it is, or whose tasks it queries or lists; the whole path where a shorter one ends alike, or where there is no
/// such POST. `rest` is what follows the POST's path: `/{id}` for a query.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) node: Node,
    pub(crate) operation: String,
    pub(crate) rest: String,
}

/// The operations of a document, in its order.
pub(crate) fn described(document: &Node) -> Vec<Described> {
    let mut found = Vec::new();
    operations(&mut document.clone(), &mut |path, method, node| {
        let id = node.get_text("operationId").unwrap_or_default().to_owned();
        let (method, operation, rest) = (method.to_uppercase(), path.to_owned(), String::new());
        found.push(Described { method, path: path.to_owned(), id, node: node.clone(), operation, rest });
    });
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let creates: Vec<String> = found.iter().filter(|one| one.method == "POST").map(|one| one.path.clone()).collect();
    for one in &mut found {
        let rest = |path: &String| one.path.strip_prefix(path.as_str()).filter(|r| r.is_empty() || r.starts_with("/{"));
        let above = creates.iter().filter(|path| rest(path).is_some());
        let Some(create) = above.max_by_key(|path| path.len()) else { continue };
        let shortest = creates.iter().filter(|path| last(path) == last(create)).min_by_key(|path| path.len());
        one.rest = rest(create).unwrap_or_default().to_owned();
        one.operation = if shortest == Some(create) { last(create) } else { create.clone() };
    }
    found
}

impl Described {
    /// The file of the library whose request is sent to this POST.
    pub(crate) fn source(&self) -> String {
        format!("src/operations/{}.rs", self.id.strip_prefix("create_").unwrap_or(&self.id))
    }

    /// The file that states a field's type and limits, by the keywords of its schema: media have their own.
    pub(crate) fn file(&self, has: impl Fn(&str) -> bool) -> String {
        let is_medium = ["x-media", "x-max-bytes", "x-min-side", "x-max-ratio"].into_iter().any(has);
        if is_medium { "src/media/mod.rs".to_owned() } else { self.source() }
    }
}

/// Reads a file of a repository.
pub(crate) fn read_text(root: &Path, name: &str) -> Result<String> {
    let refused = |error| Error::refused(format_args!("{name}:1"), format_args!("cannot be read: {error}"));
    std::fs::read_to_string(root.join(name)).map_err(refused)
}

/// Reads the schemas of a repository, sorted by name.
pub(crate) fn schemas(root: &Path) -> Result<Vec<Covered>> {
    let hint = "run `cargo test`, which writes them";
    let files = roots::files_in(&root.join(roots::SCHEMAS), roots::SCHEMAS, &["json"], hint)?;
    let read_one = |path: &std::path::PathBuf| {
        let (name, file) = (path.file_stem().unwrap_or_default().to_string_lossy(), roots::shown(root, path));
        // JSON is YAML, and this reader knows the lines.
        let schema = read(&read_text(root, &file)?, &Arc::from(&*file), 1).map_err(|error| {
            Error::refused(format_args!("{file}:{}", error.line), format_args!("not JSON: {}; {hint}", error.reason))
        })?;
        Ok(Covered { name: name.into_owned(), schema })
    };
    files.iter().map(read_one).collect()
}

/// Where the library differs from the document on purpose: entries of `operation`, `pointer`, `reason`, `source` and
/// `narrower`, as the file explains them. Each that makes a difference has the differences, in words.
#[derive(Debug, Default)]
pub(crate) struct Allowed(pub(crate) Vec<(Node, Option<BTreeSet<String>>)>);

impl Allowed {
    /// Reads the list.
    pub(crate) fn parse(text: &str, name: &str) -> Result<Self> {
        let entries = list::parse(text, name, &["operation", "reason", "source"], &["operation", "pointer"])?;
        let is_true = |node: &Node| matches!(node.value, Value::Bool(true));
        match entries.iter().find(|entry| entry.get("narrower").is_some_and(|node| !is_true(node))) {
            Some(entry) => Err(Error::refused(&entry.place, "`narrower` is something else than true; leave it out")),
            None => Ok(Self(entries.into_iter().map(|entry| (entry, None)).collect())),
        }
    }

    /// The differences that an entry for a pointer of an operation, or of each, allows. It makes a difference then.
    pub(crate) fn find(&mut self, of: &str, pointer: Option<&str>, is_narrower: bool) -> Option<&mut BTreeSet<String>> {
        let fits =
            |entry: &Node| entry.get_text("pointer") == pointer && (is_narrower || entry.get("narrower").is_none());
        let is = |entry: &Node, name| entry.get_text("operation") == Some(name) && fits(entry);
        let at = [of, "*"].iter().find_map(|name| self.0.iter().position(|(entry, _)| is(entry, name)))?;
        self.0.get_mut(at).map(|(_, used)| used.get_or_insert_default())
    }

    /// The entries that nothing needed, one line each.
    pub(crate) fn unused(&self) -> Vec<String> {
        let text = |(entry, _): &(Node, _)| {
            let what: Vec<&str> = ["operation", "pointer"].iter().filter_map(|key| entry.get_text(key)).collect();
            format!("{}: {}: nothing differs any more; edit {ALLOWED}: delete the entry", entry.place, what.join(": "))
        };
        self.0.iter().filter(|(_, used)| used.is_none()).map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lacks_no_field_and_stands_once() {
        for (text, expected) in [
            (
                "- {operation: o, pointer: a, source: b}\n",
                "a.yaml:1: an entry without `reason`, or whose `reason` is no text; expected operation, reason, source",
            ),
            ("- {pointer: a, reason: r, source: b}\n", "a.yaml:1: an entry without `operation`, "),
            ("- {operation: o, pointer: '', reason: r, source: b}\n", "a.yaml:1: an entry without `pointer`, "),
            (
                "- {operation: o, pointer: a, reason: r, source: b}\n- {operation: o, pointer: a, reason: r, source: b}",
                "a.yaml:2: o a is listed here and at a.yaml:1; remove one",
            ),
            (
                "- {operation: o, pointer: a, reason: r, source: b, narrower: 'no'}\n",
                "a.yaml:1: `narrower` is something else than true; leave it out",
            ),
        ] {
            let found = Allowed::parse(text, "a.yaml").map(drop).map_err(|error| error.to_string());
            assert!(found.as_ref().is_err_and(|error| error.starts_with(expected)), "{found:?}");
        }
        let twice =
            "- {operation: o, pointer: a, reason: r, source: b}\n- {operation: p, pointer: a, reason: r, source: b}";
        assert!(Allowed::parse(twice, "a.yaml").is_ok());
    }

    #[test]
    fn an_operation_has_the_shortest_path_with_its_name_and_the_query_below_it() {
        let document =
            "paths: {/v/x/a2b: {post: {}}, /a2b: {get: {}}, /v/a2b: {post: {operationId: create_a_b}, get: {}},
            '/v/a2b/{id}': {get: {}}, /v/a2b/more: {get: {}}, /v/ca2b: {post: {}}}";
        let document = read(document, &Arc::from("d"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        let all = described(&document);
        let found: Vec<_> =
            all.iter().map(|one| format!("{} {} = {} {}", one.method, one.path, one.operation, one.rest)).collect();
        let expected = [
            "POST /v/x/a2b = /v/x/a2b ",
            "GET /a2b = /a2b ",
            "POST /v/a2b = a2b ",
            "GET /v/a2b = a2b ",
            "GET /v/a2b/{id} = a2b /{id}",
            "GET /v/a2b/more = /v/a2b/more ",
            "POST /v/ca2b = ca2b ",
        ];
        assert_eq!(found, expected);
        assert_eq!(all.get(2).map(Described::source).as_deref(), Some("src/operations/a_b.rs"));
    }
}
