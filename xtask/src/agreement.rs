//! Compares what the library sends with what the document asks for: operations, properties, required ones, types,
//! enumerations, limits.
//!
//! The library's tests write the schemas, so this works although the generated code may not compile. Where the library
//! cannot satisfy the document, or goes beyond it without a reason in `spec/allowed.yaml`, that is a failure which names the
//! property, the line of the page and the file to edit. What the library passes through without knowing it (a new optional
//! property, a new value of an open enumeration) is a remark and no failure.

use serde_json::Value as Json;

use crate::coverage::{Row, resolved};
use crate::library::{Allowed, Covered, Described, OPEN_ENUM, described, plain, same};
use crate::lift::{Constraint, Keyword, constraints};
use crate::roles::pointer;
use crate::tree::{Node, Place};

/// What a comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What must be corrected, one line each.
    pub failures: Vec<String>,
    /// What is worth knowing.
    pub remarks: Vec<String>,
}

/// Compares the library's schemas with the document's requests. `rows` is the table of what is covered.
#[must_use]
pub fn compare(library: &[Covered], document: &Node, allowed: &Allowed, rows: &[Row]) -> Findings {
    let mut findings = Findings::default();
    let all = described(document);
    let mut creates: Vec<&str> = Vec::new();
    for covered in library {
        let Some(create) = covered.create(&all) else {
            let text = format!(
                "{}:1: no POST of the document ends in /{}; correct spec/patches.yaml",
                covered.file(),
                covered.name
            );
            findings.failures.push(text);
            continue;
        };
        creates.push(&create.path);
        match create.body() {
            Some(body) => {
                let mut comparison = Comparison { document, allowed, covered, create, findings: &mut findings };
                comparison.schema(&covered.schema, body, &[]);
            }
            None => findings.failures.push(format!(
                "{}: POST {} has no JSON body any more; edit {}",
                create.node.place,
                create.path,
                create.source()
            )),
        }
    }
    let others = all.iter().filter(|one| one.method == "POST" && !creates.contains(&one.path.as_str()));
    for other in others.filter(|other| !allowed.is_not_covered(other.name())) {
        findings.failures.push(format!(
            "{}: POST {} is not in the library; add {}, or an entry `operation: {}` without a pointer to spec/allowed.yaml",
            other.node.place,
            other.path,
            other.source(),
            other.name()
        ));
    }
    findings.failures.extend(allowed.unused());
    // Where the comparison has found something already, it says more.
    if findings.failures.is_empty() {
        for Row { operation, name, what, .. } in rows.iter().filter(|row| row.how.is_none()) {
            let create =
                library.iter().find(|covered| covered.name == *operation).and_then(|covered| covered.create(&all));
            let file = create.map_or_else(|| "src/operations".to_owned(), Described::source);
            findings.failures.push(format!(
                "{operation}: {name}: {what}: nobody takes care of it; cover it in {file}, or give a reason in spec/allowed.yaml"
            ));
        }
    }
    findings
}

struct Comparison<'a> {
    document: &'a Node,
    allowed: &'a Allowed,
    covered: &'a Covered,
    create: &'a Described,
    findings: &'a mut Findings,
}

impl Comparison<'_> {
    /// `at` is the path in the library's schema.
    fn schema(&mut self, ours: &Json, document: &Node, at: &[String]) {
        let document = &resolved(self.document, document);
        self.types(ours, document, at);
        self.enumeration(ours, document, at);
        for keyword in Keyword::ALL.into_iter().filter(|keyword| *keyword != Keyword::Enum) {
            self.limit(keyword, ours, document, at);
        }
        self.properties(ours, document, at);
        if let (Some(ours), Some(document)) = (ours.get("items"), document.get("items")) {
            self.schema(ours, document, &deeper(at, &["items"]));
        }
    }

    fn types(&mut self, ours: &Json, document: &Node, at: &[String]) {
        let Some(wanted) = document.get_text("type") else { return };
        let sent: Vec<&str> = match ours.get("type") {
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
        let text = format!(" is of type {wanted}, the library sends {}", sent.join(" or "));
        self.fail(place, at, &text, &self.file(ours));
    }

    fn properties(&mut self, ours: &Json, document: &Node, at: &[String]) {
        let none = serde_json::Map::new();
        let required_of_us = ours.get("required").and_then(Json::as_array);
        let ours = ours.get("properties").and_then(Json::as_object).unwrap_or(&none);
        let theirs = document.get("properties").and_then(Node::map);
        if ours.is_empty() && theirs.is_none() {
            return;
        }
        let listed = |key: &str| required_of_us.is_some_and(|list| list.iter().any(|name| name == key));
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
            match ours.get(key) {
                Some(ours) => {
                    self.schema(ours, node, &at);
                    if required(key) && !listed(key) && !self.is_allowed(&at, "required") {
                        self.fail(
                            &node.place,
                            &at,
                            " is required, the library may leave it out",
                            &self.create.source(),
                        );
                    }
                }
                None if required(key) && !self.is_allowed(&at, "") => {
                    let text = " is required, and the library does not have it; add the field";
                    self.fail(&node.place, &at, text, &self.create.source());
                }
                None => {
                    let source = self.create.source();
                    let text = format!(" is optional and not in {source}: it can be sent with `extra`");
                    self.remark(&node.place, &at, &text);
                }
            }
        }
        for (key, field) in ours.iter().filter(|(key, _)| !theirs.is_some_and(|map| map.contains_key(*key))) {
            let at = deeper(at, &["properties", key]);
            if self.is_allowed(&at, "") {
                continue;
            }
            self.allowed.keep_inside(&self.covered.name, &pointer(&at));
            let renamed = if unknown.is_empty() {
                String::new()
            } else {
                format!(" (renamed? the library does not have {})", unknown.join(", "))
            };
            let text = format!(
                " is not in the document any more{renamed}, and the library sends it; follow the document, or give a reason in spec/allowed.yaml"
            );
            let place = document.get("properties").map_or(&document.place, |node| &node.place);
            self.fail(place, &at, &text, &self.file(field));
        }
    }

    fn enumeration(&mut self, ours: &Json, document: &Node, at: &[String]) {
        let word = if ours.get(OPEN_ENUM).is_some() { OPEN_ENUM } else { "enum" };
        let ours: Option<Vec<String>> =
            ours.get(word).and_then(Json::as_array).map(|values| values.iter().map(plain).collect());
        let theirs = constraint(document, Keyword::Enum);
        let place = theirs.as_ref().map_or(&document.place, |constraint| &constraint.place);
        let file = "src/values.rs";
        let text = match (ours, &theirs) {
            (None, None) => return,
            (Some(_), None) => {
                ": the document names no values, the library does; give a reason in spec/allowed.yaml".to_owned()
            }
            (None, Some(theirs)) => {
                format!(" is one of {}, the library takes any; add an open enumeration", theirs.values.join(", "))
            }
            (Some(ours), Some(theirs)) => {
                let without = |all: &[String], others: &[String]| {
                    all.iter().filter(|value| !others.contains(value)).cloned().collect::<Vec<_>>().join(", ")
                };
                let (gone, new) = (without(&ours, &theirs.values), without(&theirs.values, &ours));
                if word == OPEN_ENUM && !new.is_empty() {
                    self.remark(place, at, &format!(" may be {new}: sent unchanged; name it in {file}"));
                }
                match (gone.is_empty(), new.is_empty() || word == OPEN_ENUM) {
                    (true, true) => return,
                    (false, true) => format!(": the document no longer names {gone}, the library does"),
                    (true, false) => format!(": the document names {new}, which the library refuses"),
                    (false, false) => format!(": the document names {new} in the place of {gone}"),
                }
            }
        };
        if !self.is_allowed(at, word) {
            self.fail(place, at, &text, file);
        }
    }

    fn limit(&mut self, keyword: Keyword, ours: &Json, document: &Node, at: &[String]) {
        let word = keyword.name();
        let limit = ours.get(word).map(plain);
        let theirs = constraint(document, keyword);
        let wanted = theirs.as_ref().and_then(|constraint| constraint.values.first());
        let same = match (&limit, wanted) {
            (None, None) => true,
            (Some(a), Some(b)) => same(a, b),
            // Schemas of nothing state the least there can be.
            (Some(a), None) => a == "0" && word.starts_with("min"),
            (None, Some(_)) => false,
        };
        if same || self.is_allowed(at, word) {
            return;
        }
        let text = match (limit, wanted) {
            (Some(ours), Some(wanted)) => format!(": {word} is {wanted}, the library has {ours}"),
            (Some(ours), None) => {
                format!(": the document states no {word}, the library has {ours}; give a reason in spec/allowed.yaml")
            }
            (None, Some(wanted)) => format!(": {word} is {wanted}, the library has none"),
            (None, None) => return,
        };
        let place = theirs.as_ref().map_or(&document.place, |constraint| &constraint.place);
        self.fail(place, at, &text, &self.file(ours));
    }

    /// Whether the list has an entry for this keyword of this property, or for the property itself if no keyword is given.
    fn is_allowed(&self, at: &[String], keyword: &str) -> bool {
        let at = pointer(at);
        let exact = if keyword.is_empty() { at } else { format!("{at}/{keyword}") };
        self.allowed.reason(&self.covered.name, &exact).is_some()
    }

    fn file(&self, ours: &Json) -> String {
        source(ours, self.create)
    }

    fn fail(&mut self, place: &Place, at: &[String], text: &str, file: &str) {
        let schema = self.covered.file();
        let text = format!("{place}: {}{text}; edit {file} ({schema}#{})", shown(at), pointer(at));
        self.findings.failures.push(text);
    }

    fn remark(&mut self, place: &Place, at: &[String], text: &str) {
        self.findings.remarks.push(format!("{place}: {}{text}", shown(at)));
    }
}

/// A property as people write it: `image_list[].image`.
fn shown(at: &[String]) -> String {
    let (mut name, mut steps) = (String::new(), at.iter());
    while let Some(step) = steps.next() {
        match if step == "properties" { steps.next() } else { None } {
            Some(key) if name.is_empty() => name.push_str(key),
            Some(key) => name.extend([".", key]),
            None => name.push_str("[]"),
        }
    }
    if name.is_empty() { "the body".to_owned() } else { name }
}

/// The file that states a field's type and limits: media have their own.
#[must_use]
pub fn source(field: &Json, create: &Described) -> String {
    let media = ["x-media", "x-max-bytes", "x-min-side", "x-max-ratio"];
    if media.iter().any(|word| field.get(word).is_some()) { "src/media/mod.rs".to_owned() } else { create.source() }
}

fn deeper(path: &[String], steps: &[&str]) -> Vec<String> {
    path.iter().cloned().chain(steps.iter().map(|step| (*step).to_owned())).collect()
}

fn constraint(document: &Node, keyword: Keyword) -> Option<Constraint> {
    constraints(document).into_iter().find(|constraint| constraint.keyword == keyword)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::coverage::coverage;
    use crate::tree::read;

    const PAGE: &str = "openapi: 3.0.1
paths:
  /v:
    post:
      operationId: create_videos
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
        "images":{"type":"array","maxItems":4,"items":{"type":"object","properties":{"image":{"type":"string","x-media":"image"}},"required":["image"]}},
        "prompt":{"type":"string","maxLength":2500}},"required":["model","images"]}"#;

    fn found(page: &str, schema: &str, allowed: &str) -> Findings {
        let document = read(page, &Arc::from("p.md"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        let schema = serde_json::from_str(schema).unwrap_or_else(|e| panic!("{e}"));
        let allowed = Allowed::parse(allowed, "spec/allowed.yaml").unwrap_or_else(|e| panic!("{e}"));
        let library = [Covered { name: "v".to_owned(), schema }];
        let rows = coverage(&library, &document, &allowed);
        compare(&library, &document, &allowed, &rows)
    }

    fn failures(page: &str, schema: &str) -> Vec<String> {
        found(page, schema, "").failures
    }

    #[test]
    fn a_library_that_says_what_the_document_says_passes() {
        assert_eq!(found(PAGE, SCHEMA, ""), Findings::default());
    }

    #[test]
    fn a_change_of_the_document_fails_with_the_property_the_line_and_the_file_to_edit() {
        let cases = [
            (
                "              required: [model, images]",
                "                seed: {type: integer}\n              required: [model, images, seed]",
                "p.md:25: seed is required, and the library does not have it; add the field; edit src/operations/videos.rs (spec/schemas/v.json#/properties/seed)",
            ),
            (
                "                prompt:",
                "                text:",
                "p.md:11: prompt is not in the document any more (renamed? the library does not have text), and the library sends it; follow the document, or give a reason in spec/allowed.yaml; edit src/operations/videos.rs (spec/schemas/v.json#/properties/prompt)",
            ),
            (
                "required: [model, images]",
                "required: [model, images, prompt]",
                "p.md:22: prompt is required, the library may leave it out; edit src/operations/videos.rs (spec/schemas/v.json#/properties/prompt)",
            ),
            (
                "properties: {image: {type: string}}",
                "properties: {image: {type: object}}",
                "p.md:19: images[].image is of type object, the library sends string; edit src/media/mod.rs (spec/schemas/v.json#/properties/images/items/properties/image)",
            ),
            (
                "one, two",
                "one",
                "p.md:14: model: the document no longer names two, the library does; edit src/values.rs (spec/schemas/v.json#/properties/model)",
            ),
            (
                "up to 4 images",
                "up to 3 images",
                "p.md:21: images: maxItems is 3, the library has 4; edit src/operations/videos.rs (spec/schemas/v.json#/properties/images)",
            ),
            (
                "2500",
                "2000",
                "p.md:24: prompt: maxLength is 2000, the library has 2500; edit src/operations/videos.rs (spec/schemas/v.json#/properties/prompt)",
            ),
            (
                "cannot exceed 2500 characters",
                "'Enum values: a, b. Cannot exceed 2500 characters'",
                "p.md:24: prompt is one of a, b, the library takes any; add an open enumeration; edit src/values.rs (spec/schemas/v.json#/properties/prompt)",
            ),
        ];
        for (from, to, expected) in cases {
            let page = PAGE.replacen(from, to, 1);
            assert_ne!(page, PAGE);
            assert_eq!(failures(&page, SCHEMA), [expected], "{to}");
        }
    }

    #[test]
    fn each_operation_of_the_library_is_in_the_document_and_each_of_the_document_in_the_library() {
        let page = PAGE.replace("  /v:", "  /w:");
        let gone = "spec/schemas/v.json:1: no POST of the document ends in /v; correct spec/patches.yaml";
        let new = "p.md:4: POST /w is not in the library; add src/operations/videos.rs, or an entry `operation: w` without a pointer to spec/allowed.yaml";
        assert_eq!(failures(&page, SCHEMA), [gone, new]);
        let more = PAGE.to_owned() + "  /a/w: {get: {operationId: get_w}, post: {operationId: create_w}}\n";
        let new = "p.md:26: POST /a/w is not in the library; add src/operations/w.rs, or an entry `operation: w` without a pointer to spec/allowed.yaml";
        assert_eq!(failures(&more, SCHEMA), [new]);
        let allowed = "- {operation: w, reason: no user has asked for it, source: us}\n";
        assert_eq!(found(&more, SCHEMA, allowed), Findings::default());
        let obsolete = "spec/allowed.yaml:1: w is covered, or not in the document: obsolete, delete it";
        assert_eq!(found(PAGE, SCHEMA, allowed).failures, [obsolete]);
        let bare = PAGE.replace("requestBody", "x-body");
        assert_eq!(
            failures(&bare, SCHEMA),
            ["p.md:4: POST /v has no JSON body any more; edit src/operations/videos.rs"]
        );
    }

    #[test]
    fn hints_for_the_command_and_numbers_in_another_spelling_make_no_difference() {
        let page = PAGE.replace(
            "                prompt:",
            "                scale: {type: number, minimum: 0, maximum: 1}\n                prompt:",
        );
        let scale =
            r#""scale":{"type":"number","minimum":0.0,"maximum":1.0,"x-option":"scale","x-group":"look"},"prompt""#;
        assert_eq!(found(&page, &SCHEMA.replace(r#""prompt""#, scale), ""), Findings::default());
    }

    #[test]
    fn what_the_library_passes_through_is_a_remark() {
        let page = PAGE
            .replace("                prompt:", "                seed: {type: integer}\n                prompt:")
            .replace("one, two", "one, two, three");
        let expected = Findings {
            failures: vec![],
            remarks: vec![
                "p.md:14: model may be three: sent unchanged; name it in src/values.rs".to_owned(),
                "p.md:22: seed is optional and not in src/operations/videos.rs: it can be sent with `extra`".to_owned(),
            ],
        };
        assert_eq!(found(&page, SCHEMA, ""), expected);
        let closed = SCHEMA.replace(OPEN_ENUM, "enum");
        assert_eq!(
            failures(&page, &closed),
            [
                "p.md:14: model: the document names three, which the library refuses; edit src/values.rs (spec/schemas/v.json#/properties/model)"
            ]
        );
    }

    #[test]
    fn a_library_beyond_the_document_needs_a_reason_and_a_reason_a_difference() {
        let schema = SCHEMA.replace(r#""maxLength":2500"#, r#""maxLength":2500,"minLength":1"#);
        let expected = "p.md:22: prompt: the document states no minLength, the library has 1; give a reason in spec/allowed.yaml; edit src/operations/videos.rs (spec/schemas/v.json#/properties/prompt)";
        assert_eq!(failures(PAGE, &schema), [expected]);
        let allowed =
            "- operation: v\n  pointer: /properties/prompt/minLength\n  reason: empty is useless\n  source: us\n";
        assert_eq!(found(PAGE, &schema, allowed), Findings::default());
        let obsolete =
            "spec/allowed.yaml:1: nothing differs at /properties/prompt/minLength of v any more: obsolete, delete it";
        assert_eq!(found(PAGE, SCHEMA, allowed).failures, [obsolete]);
    }
}
