//! The whole truth about what the library covers: every property, enumeration value and limit of the lifted document, and
//! every one that only the library has. Each is enforced, open by design, or has a reason in `spec/allowed.yaml`.
//!
//! The table stands in `spec/README.md` between two marks, and `cargo xtask spec check` compares it.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::library::{Allowed, Covered, OPEN_ENUM, described, plain, same};
use crate::lift::{Keyword, constraints};
use crate::roles::pointer;
use crate::rules::{decoded, resolve};
use crate::tree::Node;

/// Where the table begins in `spec/README.md`.
const BEGIN: &str = "<!-- coverage: written by `cargo xtask spec check --write` -->";
/// Where it ends.
const END: &str = "<!-- coverage: end -->";
/// Schemas inside of schemas that are looked into: what a client sends is not deeper.
const MAX_DEPTH: usize = 16;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The library's operation, or the document's operation id where the library has none.
    pub operation: String,
    /// The property as people write it, or an operation's parameter.
    pub name: String,
    /// What is said about it: that it is there, a value, a limit.
    pub what: String,
    /// What the library does about it; none when nobody has decided.
    pub how: Option<String>,
}

/// Lists what the document and the library say, and who takes care of it: by operation, in the order of the document, then
/// what the library says alone.
#[must_use]
pub fn coverage(library: &[Covered], document: &Node, allowed: &Allowed) -> Vec<Row> {
    let all = described(document);
    let mut table = Table { document, allowed, operation: "", rows: Vec::new() };
    for one in &all {
        let ours = library.iter().filter_map(|covered| Some((covered, covered.create(&all)?)));
        let (covered, create) = ours.clone().find(|(_, create)| create.has(one)).unzip();
        table.operation = covered.map_or(&one.id, |covered| &covered.name);
        table.parameters(&one.id, &one.node, covered.is_some());
        match (one.body(), covered) {
            (Some(body), Some(covered)) if create.is_some_and(|create| create.id == one.id) => {
                table.schema(Some(&covered.schema), Some(body), ("", ""), 0);
            }
            (Some(body), _) => table.described(body, &one.id, "open by design: only `raw` sends it", 0),
            (None, _) => {}
        }
        for (status, answer) in one.node.get("responses").and_then(Node::map).into_iter().flatten() {
            for media in answer.get("content").and_then(Node::map).into_iter().flat_map(|map| map.values()) {
                if let Some(schema) = media.get("schema") {
                    let how = "open by design: known shapes are decoded, the whole response is kept as JSON";
                    table.described(schema, &format!("{} {status}", one.id), how, 0);
                }
            }
        }
    }
    table.rows
}

/// Puts the table into the text of `spec/README.md`.
///
/// # Errors
/// A text without the two marks.
pub fn written(readme: &str, name: &str, rows: &[Row]) -> Result<String> {
    let missing =
        || Error::Failed(format!("{name}:1: expected the marks `{BEGIN}` and `{END}` around the table of coverage"));
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    let mut table = String::from("\n");
    let mut operation = None;
    for row in rows {
        if operation.replace(&row.operation) != Some(&row.operation) {
            let _ = writeln!(
                table,
                "\n### {}\n\n| what | the document or the library says | who takes care |",
                row.operation
            );
            table.push_str("|---|---|---|\n");
        }
        let how = row.how.as_deref().unwrap_or("**nobody**");
        let _ = writeln!(table, "| `{}` | {} | {} |", cell(&row.name), cell(&row.what), cell(how));
    }
    Ok(format!("{before}{BEGIN}{table}\n{END}{after}"))
}

/// Text of a page as a cell: one line, no mark of its own.
fn cell(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .replace('|', "\\|")
        .replace('<', "&lt;")
}

/// What a node refers to, with the place where it is used: that says more than where it is shared.
#[must_use]
pub fn resolved(document: &Node, node: &Node) -> Node {
    let target = node.get_text("$ref").and_then(|text| resolve(document, &decoded(text)));
    Node { place: node.place.clone(), ..target.unwrap_or(node).clone() }
}

struct Table<'a> {
    document: &'a Node,
    allowed: &'a Allowed,
    operation: &'a str,
    rows: Vec<Row>,
}

impl Table<'_> {
    fn add(&mut self, name: &str, what: impl Into<String>, how: Option<String>) {
        let name = if name.is_empty() { "the body" } else { name };
        let operation = self.operation.to_owned();
        self.rows.push(Row { operation, name: name.to_owned(), what: what.into(), how });
    }

    /// The reason for a pointer, or for what holds it.
    fn reason(&self, pointer: &str) -> Option<String> {
        let mut at = pointer;
        loop {
            if let Some(reason) = self.allowed.reason(self.operation, at) {
                return Some(reason.to_owned());
            }
            at = at.rsplit_once('/')?.0;
        }
    }

    /// Compares one schema of both; either may be missing.
    fn schema(&mut self, library: Option<&Json>, document: Option<&Node>, (name, at): (&str, &str), depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let document = document.map(|node| resolved(self.document, node));
        self.values(library, document.as_ref(), name, at);
        self.limits(library, document.as_ref(), name, at);
        let empty = serde_json::Map::new();
        let ours = library.and_then(|schema| schema.get("properties")?.as_object()).unwrap_or(&empty);
        let theirs = document.as_ref().and_then(|node| node.get("properties")?.map());
        let listed = |key: &str| {
            let names = document.as_ref().and_then(|node| node.get("required")?.list());
            names.is_some_and(|list| list.iter().any(|item| item.text() == Some(key)))
        };
        for (key, node) in theirs.into_iter().flatten() {
            let inner = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            let inside = format!("{at}{}", pointer(&["properties", key]));
            let what = if listed(key) { "property, required" } else { "property" };
            let how = match ours.get(key) {
                Some(_) => Some("enforced: its own field".to_owned()),
                None if listed(key) => self.reason(&inside),
                None => Some("open by design: sent with `extra`".to_owned()),
            };
            self.add(&inner, what, how);
            match ours.get(key) {
                Some(field) => self.schema(Some(field), Some(node), (&inner, &inside), depth + 1),
                None => self.described(node, &inner, "open by design: sent with `extra`", depth + 1),
            }
        }
        let mut own: Vec<(&String, &Json)> =
            ours.iter().filter(|(key, _)| !theirs.is_some_and(|map| map.contains_key(*key))).collect();
        // The order of a JSON object is not the same in every build.
        own.sort_by_key(|(key, _)| *key);
        for (key, field) in own {
            let inner = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            let inside = format!("{at}{}", pointer(&["properties", key]));
            let how = self.reason(&inside);
            self.add(&inner, "property of the library alone", how);
            self.schema(Some(field), None, (&inner, &inside), depth + 1);
        }
        let items =
            (library.and_then(|schema| schema.get("items")), document.as_ref().and_then(|node| node.get("items")));
        if items.0.is_some() || items.1.is_some() {
            self.schema(items.0, items.1, (&format!("{name}[]"), &format!("{at}/items")), depth + 1);
        }
    }

    fn values(&mut self, library: Option<&Json>, document: Option<&Node>, name: &str, at: &str) {
        let open = library.is_some_and(|schema| schema.get(OPEN_ENUM).is_some());
        let word = if open { OPEN_ENUM } else { "enum" };
        let ours: Vec<String> = library
            .and_then(|schema| schema.get(word)?.as_array())
            .map(|list| list.iter().map(plain).collect())
            .unwrap_or_default();
        let theirs = document.map(constraints).unwrap_or_default();
        let theirs: Vec<String> =
            theirs.into_iter().filter(|one| one.keyword == Keyword::Enum).flat_map(|one| one.values).collect();
        for value in &theirs {
            let how = match (ours.contains(value), open) {
                (true, true) => Some("open by design: known by name, any other is sent unchanged".to_owned()),
                (true, false) => Some("enforced: a value of the enumeration".to_owned()),
                (false, true) => Some("open by design: sent unchanged".to_owned()),
                (false, false) => self.reason(&format!("{at}/enum")),
            };
            self.add(name, format!("value `{value}`"), how);
        }
        for value in ours.iter().filter(|value| !theirs.contains(value)) {
            let how = self.reason(&format!("{at}/{word}"));
            self.add(name, format!("value `{value}` of the library alone"), how);
        }
    }

    fn limits(&mut self, library: Option<&Json>, document: Option<&Node>, name: &str, at: &str) {
        let theirs = document.map(constraints).unwrap_or_default();
        let limit = |schema: Option<&Json>, key: &str| schema.and_then(|schema| schema.get(key)).map(plain);
        for one in theirs.iter().filter(|one| one.keyword != Keyword::Enum) {
            let (key, value) = (one.keyword.name(), one.values.first().cloned().unwrap_or_default());
            let how = if limit(library, key).is_some_and(|ours| same(&ours, &value)) {
                Some("enforced: checked before anything is sent".to_owned())
            } else {
                self.reason(&format!("{at}/{key}"))
            };
            self.add(name, format!("{key} {value}"), how);
        }
        let stated = |key: &str| theirs.iter().any(|one| one.keyword.name() == key);
        let own = library.and_then(Json::as_object).into_iter().flatten();
        let mut own: Vec<(String, String)> = own
            .filter(|(key, _)| is_limit(key) && !stated(key))
            .map(|(key, value)| (key.clone(), plain(value)))
            .collect();
        own.sort();
        for (key, value) in own {
            let how = self.reason(&format!("{at}/{key}"));
            self.add(name, format!("{key} {value} of the library alone"), how);
        }
    }

    /// What a document describes where the library has no field: all of it is covered in one way.
    fn described(&mut self, schema: &Node, name: &str, how: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let schema = resolved(self.document, schema);
        for one in constraints(&schema) {
            self.add(name, format!("{} {}", one.keyword.name(), one.values.join(", ")), Some(how.to_owned()));
        }
        for (key, node) in schema.get("properties").and_then(Node::map).into_iter().flatten() {
            let inner = format!("{name}.{key}");
            self.add(&inner, "property", Some(how.to_owned()));
            self.described(node, &inner, how, depth + 1);
        }
        if let Some(items) = schema.get("items") {
            self.described(items, &format!("{name}[]"), how, depth + 1);
        }
    }

    fn parameters(&mut self, id: &str, operation: &Node, is_called: bool) {
        for parameter in operation.get("parameters").and_then(Node::list).into_iter().flatten() {
            let Some(name) = parameter.get_text("name") else { continue };
            let inside = format!("{id}.{name}");
            let shown = format!("{id} {name}");
            let place = parameter.get_text("in").unwrap_or_default();
            let raw = (!is_called).then(|| "open by design: only `raw` sends it".to_owned());
            let how = raw.clone().or_else(|| self.reason(&inside));
            self.add(&shown, format!("parameter in the {place}"), how);
            for one in parameter.get("schema").map(constraints).unwrap_or_default() {
                let how = raw.clone().or_else(|| self.reason(&inside));
                self.add(&shown, format!("{} {}", one.keyword.name(), one.values.join(", ")), how);
            }
        }
    }
}

/// The keywords of JSON Schema that limit, and the library's own.
fn is_limit(key: &str) -> bool {
    Keyword::ALL.iter().any(|keyword| *keyword != Keyword::Enum && keyword.name() == key)
        || key.starts_with("x-max-")
        || key.starts_with("x-min-")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const DOCUMENT: &str = "paths:
  /v:
    post:
      operationId: create_v
      requestBody: {content: {application/json: {schema: {type: object, required: [mode], properties: {
        mode: {type: string, description: 'Enum values: std, pro'},
        prompt: {type: string, description: cannot exceed 2500 characters},
        seed: {type: integer, maximum: 9}}}}}}
      responses: {}
";

    fn rows(schema: &str, allowed: &str) -> Vec<String> {
        let document = crate::tree::read(DOCUMENT, &Arc::from("d"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        let schema = serde_json::from_str(schema).unwrap_or_else(|e| panic!("{e}"));
        let allowed = Allowed::parse(allowed, "a").unwrap_or_else(|e| panic!("{e}"));
        let library = [Covered { name: "v".to_owned(), schema }];
        let rows = coverage(&library, &document, &allowed).into_iter();
        assert!(rows.clone().all(|row| row.operation == "v"));
        rows.map(|row| format!("{}: {}: {}", row.name, row.what, row.how.unwrap_or("nobody".to_owned()))).collect()
    }

    #[test]
    fn each_thing_is_enforced_open_or_has_a_reason_and_what_has_none_is_nobodys() {
        let schema = r#"{"properties": {"mode": {"x-extensible-enum": ["std", "max"]}, "prompt": {"maxLength": 2500, "minLength": 1}}}"#;
        let allowed =
            "- {operation: v, pointer: /properties/prompt/minLength, reason: an empty one is none, source: reason 5}\n";
        let found = rows(schema, allowed);
        assert_eq!(
            found,
            [
                "mode: property, required: enforced: its own field",
                "mode: value `std`: open by design: known by name, any other is sent unchanged",
                "mode: value `pro`: open by design: sent unchanged",
                "mode: value `max` of the library alone: nobody",
                "prompt: property: enforced: its own field",
                "prompt: maxLength 2500: enforced: checked before anything is sent",
                "prompt: minLength 1 of the library alone: an empty one is none (reason 5)",
                "seed: property: open by design: sent with `extra`",
                "seed: maximum 9: open by design: sent with `extra`",
            ]
        );
    }

    #[test]
    fn the_table_replaces_what_stands_between_the_marks_and_nothing_else() {
        let rows = [Row { operation: "v".to_owned(), name: "a".to_owned(), what: "x|y".to_owned(), how: None }];
        let readme = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let text = written(&readme, "README", &rows).unwrap_or_default();
        assert!(text.starts_with("before\n") && text.ends_with(&format!("{END}\nafter\n")) && !text.contains("old"));
        assert!(text.contains("\n### v\n") && text.contains("| `a` | x\\|y | **nobody** |"), "{text}");
        assert_eq!(written(&text, "README", &rows).as_deref(), Ok(text.as_str()));
        assert!(written("no marks", "README", &rows).is_err());
    }
}
