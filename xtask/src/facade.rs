//! Compares what the library sends with what the document asks for: properties, required ones, types, enumerations, limits.
//!
//! A library test writes the facade's JSON Schema, so this works although the generated code may not compile. Where the
//! facade cannot satisfy the document, or goes beyond it without a reason in `spec/allowed.yaml`, that is a failure which
//! names the property, the line of the page and the file to edit. What the facade passes through without knowing it (a new
//! optional property, a new value of an open enumeration) is a remark and no failure.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::coverage::coverage;
use crate::error::{Error, Result};
use crate::lift::{Constraint, Keyword, constraints};
use crate::roles::operations;
use crate::tree::{Node, Place, Value, read};

/// The operation whose body the facade sends.
pub const OPERATION: &str = "create_multi_image_to_video";
/// The facade's word for an enumeration whose values are known, while any other is sent as it is.
pub const OPEN_ENUM: &str = "x-extensible-enum";

/// Where the facade states most of its limits.
const REQUEST: &str = "src/request.rs";

/// What a comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What must be corrected, one line each.
    pub failures: Vec<String>,
    /// What is worth knowing.
    pub remarks: Vec<String>,
}

/// Where the facade knowingly differs from the document.
#[derive(Debug, Default)]
pub struct Allowed(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    pointer: String,
    reason: String,
    source: String,
    place: Place,
}

impl Allowed {
    /// Reads the list: a sequence of `pointer` (into the facade's schema), `reason` and `source`.
    ///
    /// # Errors
    /// A file that cannot be read, or an entry without one of the three.
    pub fn read_file(path: &Path, name: &str) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::refused(format_args!("{name}:1"), format_args!("cannot be read: {error}")))?;
        Self::parse(&text, name)
    }

    /// Reads the list from memory.
    ///
    /// # Errors
    /// An entry without one of the three.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let root = read(text, &Arc::from(name), 1)
            .map_err(|error| Error::refused(format_args!("{name}:{}", error.line), error.reason))?;
        let list = match &root.value {
            Value::List(items) => items.as_slice(),
            Value::Null => &[],
            _ => return Err(Error::refused(&root.place, "expected a sequence of entries")),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for node in list {
            let field = |key: &str| {
                let found = node.get_text(key).filter(|text| !text.trim().is_empty());
                found.ok_or_else(|| {
                    Error::refused(
                        &node.place,
                        format_args!("an entry without `{key}`; expected pointer, reason, source"),
                    )
                })
            };
            let pointer = field("pointer")?.to_owned();
            let (reason, source) = (field("reason")?.to_owned(), field("source")?.to_owned());
            if let Some(first) = entries.iter().find(|entry| entry.pointer == pointer) {
                return Err(Error::refused(
                    &node.place,
                    format_args!("{pointer} is listed here and at {}; remove one", first.place),
                ));
            }
            entries.push(Entry { pointer, reason, source, place: node.place.clone() });
        }
        Ok(Self(entries))
    }

    /// The reason and the source that stand at a pointer.
    #[must_use]
    pub fn reason(&self, pointer: &str) -> Option<(&str, &str)> {
        let entry = self.0.iter().find(|entry| entry.pointer == pointer)?;
        Some((&entry.reason, &entry.source))
    }
}

/// Reads the facade's schema.
///
/// # Errors
/// A file that is missing or no JSON object.
pub fn read_schema(path: &Path, name: &str) -> Result<Json> {
    let at = |line: usize, reason: String| Error::refused(format_args!("{name}:{line}"), reason);
    let text = std::fs::read_to_string(path)
        .map_err(|error| at(1, format!("cannot be read: {error}; the library's tests write it, run `cargo test`")))?;
    let schema: Json = serde_json::from_str(&text).map_err(|error| at(error.line(), format!("not JSON: {error}")))?;
    if schema.get("properties").is_some_and(Json::is_object) {
        Ok(schema)
    } else {
        Err(at(
            1,
            "expected a JSON Schema with `properties`; the library's tests write it, run `cargo test`".to_owned(),
        ))
    }
}

/// Compares the facade's schema with the document's request.
#[must_use]
pub fn compare(schema: &Json, document: &Node, allowed: &Allowed) -> Findings {
    let mut comparison = Comparison { document, allowed, used: HashSet::new(), findings: Findings::default() };
    match body(document) {
        Ok(body) => comparison.schema(schema, &body, &[], &["body".to_owned()]),
        Err(reason) => comparison.findings.failures.push(reason),
    }
    let coverage = coverage(schema, document, allowed);
    let idle =
        |entry: &&Entry| !comparison.used.contains(entry.pointer.as_str()) && !coverage.used.contains(&entry.pointer);
    for entry in allowed.0.iter().filter(idle) {
        let text = format!("{}: nothing differs at {} any more: obsolete, delete it", entry.place, entry.pointer);
        comparison.findings.failures.push(text);
    }
    // Where the comparison has found something already, it says more.
    if comparison.findings.failures.is_empty() {
        for row in coverage.rows.iter().filter(|row| row.how.is_none()) {
            let text = format!(
                "{}: {}: nobody takes care of it; cover it in {}, or give a reason in spec/allowed.yaml",
                row.name, row.what, REQUEST
            );
            comparison.findings.failures.push(text);
        }
    }
    comparison.findings
}

fn body(document: &Node) -> std::result::Result<Node, String> {
    let mut found = None;
    operations(&mut document.clone(), &mut |path, method, operation| {
        if operation.get_text("operationId") == Some(OPERATION) {
            let schema = operation.at_path(&["requestBody", "content", "application/json", "schema"]).cloned();
            found = Some((schema, format!("{}: {} {path}", operation.place, method.to_uppercase())));
        }
    });
    match found {
        Some((Some(schema), _)) => Ok(schema),
        Some((None, place)) => Err(format!("{place} has no JSON body any more; edit src/request.rs")),
        None => Err(format!("no operation is called {OPERATION}; correct spec/patches.yaml")),
    }
}

struct Comparison<'a> {
    document: &'a Node,
    allowed: &'a Allowed,
    used: HashSet<&'a str>,
    findings: Findings,
}

impl<'a> Comparison<'a> {
    /// `at` is the path in the facade's schema, `name` the property as people write it.
    fn schema(&mut self, facade: &Json, document: &Node, at: &[String], name: &[String]) {
        let document = self.resolved(document);
        let document = &document;
        let shown =
            name.get(1..).filter(|rest| !rest.is_empty()).map_or_else(|| "the body".to_owned(), |rest| rest.join("."));
        self.types(facade, document, at, &shown);
        self.enumeration(facade, document, at, &shown);
        for keyword in Keyword::ALL.into_iter().filter(|keyword| *keyword != Keyword::Enum) {
            self.limit(keyword, facade, document, at, &shown);
        }
        self.properties(facade, document, at, name);
        if let (Some(facade), Some(document)) = (facade.get("items"), document.get("items")) {
            let mut name = name.to_vec();
            if let Some(last) = name.last_mut() {
                last.push_str("[]");
            }
            self.schema(facade, document, &deeper(at, &["items"]), &name);
        }
    }

    fn types(&mut self, facade: &Json, document: &Node, at: &[String], shown: &str) {
        let Some(wanted) = document.get_text("type") else { return };
        let sent: Vec<&str> = match facade.get("type") {
            Some(Json::String(name)) => vec![name],
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).filter(|name| *name != "null").collect(),
            _ => return,
        };
        if sent.iter().all(|name| *name == wanted || (*name == "integer" && wanted == "number"))
            || self.is_allowed(at, "type")
        {
            return;
        }
        let place = document.get("type").map_or(&document.place, |node| &node.place);
        self.fail(
            place,
            at,
            format!("{shown} is of type {wanted}, the facade sends {}", sent.join(" or ")),
            file(at, "src/request.rs"),
        );
    }

    fn properties(&mut self, facade: &Json, document: &Node, at: &[String], name: &[String]) {
        let none = serde_json::Map::new();
        let ours = facade.get("properties").and_then(Json::as_object).unwrap_or(&none);
        let theirs = document.get("properties").and_then(Node::map);
        if ours.is_empty() && theirs.is_none() {
            return;
        }
        let listed =
            |list: Option<&Json>, key: &str| list.and_then(Json::as_array).is_some_and(|l| l.iter().any(|v| v == key));
        let required = |key: &str| {
            document.get("required").and_then(Node::list).is_some_and(|l| l.iter().any(|n| n.text() == Some(key)))
        };
        let unknown: Vec<&str> = theirs
            .into_iter()
            .flat_map(|map| map.keys())
            .map(String::as_str)
            .filter(|key| !ours.contains_key(*key))
            .collect();
        for (key, node) in theirs.into_iter().flatten() {
            let at = deeper(at, &["properties", key]);
            let name = deeper(name, &[key]);
            let shown = name.get(1..).unwrap_or_default().join(".");
            match ours.get(key) {
                Some(ours) => {
                    self.schema(ours, node, &at, &name);
                    if required(key) && !listed(facade.get("required"), key) && !self.is_allowed(&at, "required") {
                        let text = format!("{shown} is required, the facade may leave it out");
                        self.fail(&node.place, &at, text, file(&at, "src/request.rs"));
                    }
                }
                None if required(key) && !self.is_allowed(&at, "") => {
                    let text = format!("{shown} is required, and the facade does not have it; add the field");
                    self.fail(&node.place, &at, text, file(&at, "src/request.rs"));
                }
                None => {
                    let text = format!(
                        "{}: {shown} is optional and not in the facade: it can be sent with `extra`",
                        node.place
                    );
                    self.findings.remarks.push(text);
                }
            }
        }
        for key in ours.keys().filter(|key| !theirs.is_some_and(|map| map.contains_key(*key))) {
            let at = deeper(at, &["properties", key]);
            if self.is_allowed(&at, "") {
                continue;
            }
            // What is allowed inside of it waits for the correction; it is not obsolete.
            let inside = crate::roles::pointer(&at) + "/";
            self.used.extend(
                self.allowed
                    .0
                    .iter()
                    .map(|entry| entry.pointer.as_str())
                    .filter(|pointer| pointer.starts_with(&inside)),
            );
            let shown = deeper(name, &[key]).get(1..).unwrap_or_default().join(".");
            let renamed = if unknown.is_empty() {
                String::new()
            } else {
                format!(" (renamed? the facade does not have {})", unknown.join(", "))
            };
            let text = format!(
                "{shown} is not in the document any more{renamed}, and the facade sends it; follow the document, or give a reason in spec/allowed.yaml"
            );
            let place = document.get("properties").map_or(&document.place, |node| &node.place);
            self.fail(place, &at, text, file(&at, "src/request.rs"));
        }
    }

    fn enumeration(&mut self, facade: &Json, document: &Node, at: &[String], shown: &str) {
        let word = if facade.get(OPEN_ENUM).is_some() { OPEN_ENUM } else { "enum" };
        let ours: Option<Vec<String>> =
            facade.get(word).and_then(Json::as_array).map(|values| values.iter().map(plain).collect());
        let theirs = constraint(document, Keyword::Enum);
        let file = file(at, "src/values.rs");
        match (ours, theirs) {
            (None, None) => {}
            (Some(_), None) => {
                if !self.is_allowed(at, word) {
                    let text = format!(
                        "{shown}: the document names no values, the facade does; give a reason in spec/allowed.yaml"
                    );
                    self.fail(&document.place, at, text, file);
                }
            }
            (None, Some(theirs)) => {
                if !self.is_allowed(at, "enum") {
                    let text = format!(
                        "{shown} is one of {}, the facade takes any; add an open enumeration",
                        theirs.values.join(", ")
                    );
                    self.fail(&theirs.place, at, text, file);
                }
            }
            (Some(ours), Some(theirs)) => {
                let gone: Vec<_> = ours.iter().filter(|value| !theirs.values.contains(value)).cloned().collect();
                let new: Vec<_> = theirs.values.iter().filter(|value| !ours.contains(value)).cloned().collect();
                let refuses = word == "enum" && !new.is_empty();
                if (!gone.is_empty() || refuses) && !self.is_allowed(at, word) {
                    let mut parts = Vec::new();
                    if !gone.is_empty() {
                        parts.push(format!("the document no longer names {}, the facade does", gone.join(", ")));
                    }
                    if refuses {
                        parts.push(format!("the document names {}, which the facade refuses", new.join(", ")));
                    }
                    self.fail(&theirs.place, at, format!("{shown}: {}", parts.join("; ")), file);
                }
                if word == OPEN_ENUM && !new.is_empty() {
                    let text = format!(
                        "{}: {shown} may be {}: sent unchanged; name it in {file}",
                        theirs.place,
                        new.join(", ")
                    );
                    self.findings.remarks.push(text);
                }
            }
        }
    }

    fn limit(&mut self, keyword: Keyword, facade: &Json, document: &Node, at: &[String], shown: &str) {
        let word = keyword.name();
        let ours = facade.get(word).map(plain);
        let theirs = constraint(document, keyword);
        let wanted = theirs.as_ref().and_then(|constraint| constraint.values.first());
        let same = match (&ours, wanted) {
            (None, None) => true,
            (Some(a), Some(b)) => {
                a == b || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if a.total_cmp(&b).is_eq())
            }
            // Schemas of nothing state the least there can be.
            (Some(a), None) => a == "0" && word.starts_with("min"),
            (None, Some(_)) => false,
        };
        if same || self.is_allowed(at, word) {
            return;
        }
        let text = match (ours, wanted) {
            (Some(ours), Some(wanted)) => format!("{shown}: {word} is {wanted}, the facade has {ours}"),
            (Some(ours), None) => format!(
                "{shown}: the document states no {word}, the facade has {ours}; give a reason in spec/allowed.yaml"
            ),
            (None, Some(wanted)) => format!("{shown}: {word} is {wanted}, the facade has none"),
            (None, None) => return,
        };
        self.fail(
            theirs.as_ref().map_or(&document.place, |constraint| &constraint.place),
            at,
            text,
            file(at, "src/request.rs"),
        );
    }

    fn resolved(&self, node: &Node) -> Node {
        let target = node.get_text("$ref").and_then(|reference| {
            let steps: Vec<&str> = reference.strip_prefix("#/")?.split('/').collect();
            self.document.at_path(&steps)
        });
        match target {
            // Where it is used says more than where it is shared.
            Some(target) => Node { place: node.place.clone(), ..target.clone() },
            None => node.clone(),
        }
    }

    /// Whether the list has an entry for this keyword of this property, or for the property itself if no keyword is given.
    fn is_allowed(&mut self, at: &[String], keyword: &str) -> bool {
        let pointer = crate::roles::pointer(at);
        let exact = if keyword.is_empty() { pointer } else { format!("{pointer}/{keyword}") };
        match self.allowed.0.iter().find(|entry| entry.pointer == exact) {
            Some(entry) => {
                self.used.insert(&entry.pointer);
                true
            }
            None => false,
        }
    }

    fn fail(&mut self, place: &Place, at: &[String], text: String, file: &str) {
        self.findings
            .failures
            .push(format!("{place}: {text}; edit {file} (facade schema {})", crate::roles::pointer(at)));
    }
}

/// Images have a file of their own.
/// The file that states a field; `at` is its path in the facade's schema.
#[must_use]
pub fn file(at: &[String], usual: &'static str) -> &'static str {
    if at.get(1).is_some_and(|property| property == "image_list") && at.len() > 2 { "src/media/mod.rs" } else { usual }
}

fn deeper(path: &[String], steps: &[&str]) -> Vec<String> {
    path.iter().cloned().chain(steps.iter().map(|step| (*step).to_owned())).collect()
}

fn constraint(document: &Node, keyword: Keyword) -> Option<Constraint> {
    constraints(document).into_iter().find(|constraint| constraint.keyword == keyword)
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "openapi: 3.0.1
paths:
  /v:
    post:
      operationId: create_multi_image_to_video
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                model:
                  type: string
                  description: 'Enum values: one, two'
                images:
                  type: array
                  items:
                    type: object
                    properties: {image: {type: string}}
                    required: [image]
                  description: Supports up to 4 images
                prompt:
                  type: string
                  description: cannot exceed 2500 characters
              required: [model, images]
";
    const SCHEMA: &str = r#"{"type":"object","properties":{
        "model":{"type":"string","x-extensible-enum":["one","two"]},
        "images":{"type":"array","maxItems":4,"items":{"type":"object","properties":{"image":{"type":"string"}},"required":["image"]}},
        "prompt":{"type":"string","maxLength":2500}},"required":["model","images"]}"#;

    fn found(page: &str, schema: &str, allowed: &str) -> Findings {
        let document = read(page, &Arc::from("p.md"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        let schema: Json = serde_json::from_str(schema).unwrap_or_else(|e| panic!("{e}"));
        let allowed = Allowed::parse(allowed, "spec/allowed.yaml").unwrap_or_else(|e| panic!("{e}"));
        compare(&schema, &document, &allowed)
    }

    fn failures(page: &str, schema: &str) -> Vec<String> {
        found(page, schema, "").failures
    }

    #[test]
    fn a_facade_that_says_what_the_document_says_passes() {
        assert_eq!(found(PAGE, SCHEMA, ""), Findings::default());
    }

    #[test]
    fn a_change_of_the_document_fails_with_the_property_the_line_and_the_file_to_edit() {
        let cases = [
            (
                "              required: [model, images]",
                "                seed: {type: integer}\n              required: [model, images, seed]",
                "p.md:25: seed is required, and the facade does not have it; add the field; edit src/request.rs (facade schema /properties/seed)",
            ),
            (
                "                prompt:",
                "                text:",
                "p.md:11: prompt is not in the document any more (renamed? the facade does not have text), and the facade sends it; follow the document, or give a reason in spec/allowed.yaml; edit src/request.rs (facade schema /properties/prompt)",
            ),
            (
                "required: [model, images]",
                "required: [model, images, prompt]",
                "p.md:22: prompt is required, the facade may leave it out; edit src/request.rs (facade schema /properties/prompt)",
            ),
            (
                "properties: {image: {type: string}}",
                "properties: {image: {type: object}}",
                "p.md:19: images[].image is of type object, the facade sends string; edit src/request.rs (facade schema /properties/images/items/properties/image)",
            ),
            (
                "one, two",
                "one",
                "p.md:14: model: the document no longer names two, the facade does; edit src/values.rs (facade schema /properties/model)",
            ),
            (
                "up to 4 images",
                "up to 3 images",
                "p.md:21: images: maxItems is 3, the facade has 4; edit src/request.rs (facade schema /properties/images)",
            ),
            (
                "2500",
                "2000",
                "p.md:24: prompt: maxLength is 2000, the facade has 2500; edit src/request.rs (facade schema /properties/prompt)",
            ),
            (
                "cannot exceed 2500 characters",
                "'Enum values: a, b. Cannot exceed 2500 characters'",
                "p.md:24: prompt is one of a, b, the facade takes any; add an open enumeration; edit src/values.rs (facade schema /properties/prompt)",
            ),
        ];
        for (from, to, expected) in cases {
            let page = PAGE.replacen(from, to, 1);
            assert_ne!(page, PAGE);
            assert_eq!(failures(&page, SCHEMA), [expected], "{to}");
        }
        let page = PAGE.replace("create_multi", "other");
        assert_eq!(
            failures(&page, SCHEMA),
            ["no operation is called create_multi_image_to_video; correct spec/patches.yaml"]
        );
    }

    #[test]
    fn what_the_facade_passes_through_is_a_remark() {
        let page = PAGE
            .replace("                prompt:", "                seed: {type: integer}\n                prompt:")
            .replace("one, two", "one, two, three");
        let expected = Findings {
            failures: vec![],
            remarks: vec![
                "p.md:14: model may be three: sent unchanged; name it in src/values.rs".to_owned(),
                "p.md:22: seed is optional and not in the facade: it can be sent with `extra`".to_owned(),
            ],
        };
        assert_eq!(found(&page, SCHEMA, ""), expected);
        let closed = SCHEMA.replace(OPEN_ENUM, "enum");
        assert_eq!(
            failures(&page, &closed),
            [
                "p.md:14: model: the document names three, which the facade refuses; edit src/values.rs (facade schema /properties/model)"
            ]
        );
    }

    #[test]
    fn a_facade_beyond_the_document_needs_a_reason_and_a_reason_a_difference() {
        let schema = SCHEMA.replace(r#""maxLength":2500"#, r#""maxLength":2500,"minLength":1"#);
        let expected = "p.md:22: prompt: the document states no minLength, the facade has 1; give a reason in spec/allowed.yaml; edit src/request.rs (facade schema /properties/prompt)";
        assert_eq!(failures(PAGE, &schema), [expected]);
        let allowed = "- pointer: /properties/prompt/minLength\n  reason: empty is useless\n  source: us\n";
        assert_eq!(found(PAGE, &schema, allowed), Findings::default());
        let obsolete =
            "spec/allowed.yaml:1: nothing differs at /properties/prompt/minLength any more: obsolete, delete it";
        assert_eq!(found(PAGE, SCHEMA, allowed).failures, [obsolete]);
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        let found = Allowed::parse("- pointer: /a\n  source: b\n", "a.yaml").err().map(|e| e.to_string());
        assert_eq!(found.as_deref(), Some("a.yaml:1: an entry without `reason`; expected pointer, reason, source"));
    }
}
