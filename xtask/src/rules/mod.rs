//! The fourth step: generic rules, none of which knows the vendor's API.
//!
//! Each is a small function whose doc says the symptom, the cause and the remedy. A rule changes only what is wrong by
//! OpenAPI 3.0 or unusable for a client; enumerations, limits and answers stay as published. Each change is noted.

mod answers;
mod bodies;
mod operations;
mod parameters;
mod paths;
mod references;
mod schemas;
mod shape;
mod texts;

use crate::error::Result;
use crate::tree::{Map, Node, Place};

pub use crate::notes::{Note, Notes};

/// What holds for each page by itself, before pages are merged. Refuses what is not OpenAPI 3.0.
pub(crate) fn page(root: &mut Node, notes: &mut Notes) -> Result<()> {
    shape::paths(root)?;
    form(root, notes)
}

/// As [`page`], for a document of our own or of another publisher's, which may describe no operation at all.
pub(crate) fn form(root: &mut Node, notes: &mut Notes) -> Result<()> {
    shape::version(root)?;
    shape::collections(root, notes);
    shape::truth_values(root, notes);
    shape::frame(root, notes);
    texts::become_text(root, notes);
    paths::addresses(root, notes)
}

/// What holds for the merged document.
pub(crate) fn document(root: &mut Node, notes: &mut Notes) {
    operations::callable(root, notes);
    operations::uncalled(root, notes);
    references::names(root, notes);
    references::targets(root, notes);
    parameters::unusable(root, notes);
    parameters::declared(root, notes);
    parameters::forms(root, notes);
    bodies::methods(root, notes);
    bodies::media_types(root, notes);
    answers::statuses(root, notes);
    schemas::types(root, notes);
    schemas::limits(root, notes);
    schemas::values(root, notes);
    schemas::objects(root, notes);
    schemas::compositions(root, notes);
    schemas::extensions(root, notes);
    operations::ids(root, notes);
}

/// What holds for the patched document: only now is nothing added any more. Refuses names that patches made equal.
pub(crate) fn finish(root: &mut Node, notes: &mut Notes) -> Result<()> {
    operations::unique(root)?;
    crate::names::own_names(root);
    crate::names::titles(root, notes);
    texts::one_line(root);
    Ok(())
}

/// A schema that says a type and nothing else.
fn typed(place: &Place, name: &str) -> Node {
    Node::map_at(place, [("type", Node::text_at(place, name))])
}

/// Takes out a key whose value does not fit.
fn leave_out(map: &mut Map, key: &str, fits: impl FnOnce(&Node) -> bool) -> Option<Node> {
    map.get(key).is_some_and(|node| !fits(node)).then(|| map.shift_remove(key))?
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A document after all rules of the page and of the document.
    fn mended(yaml: &str) -> (Node, Vec<String>) {
        let mut notes = Notes::default();
        let mut root = crate::tree::read(yaml, &Arc::from("p"), 1).unwrap_or_else(|e| panic!("{e:?}\n{yaml}"));
        page(&mut root, &mut notes).unwrap_or_else(|e| panic!("{e}"));
        document(&mut root, &mut notes);
        (root, notes.sorted().into_iter().map(|note| note.text).collect())
    }

    fn schema(text: &str) -> String {
        let others =
            "A: {type: object, properties: {a: {type: string}}, required: [a]}, L: {$ref: '#/components/schemas/L'}";
        let (root, _) = mended(&format!(
            "{{openapi: 3.0.1, paths: {{/p: {{get: {{}}}}}}, components: {{schemas: {{{others}, S: {text}}}}}}}"
        ));
        root.at_path(&["components", "schemas", "S"]).map(|node| node.to_json().to_string()).unwrap_or_default()
    }

    fn operation(path: &str, method: &str, text: &str) -> (serde_json::Value, Vec<String>) {
        let yaml = format!("{{openapi: 3.0.1, paths: {{'{path}': {{{method}: {text}}}}}}}");
        let (root, notes) = mended(&yaml);
        (root.at_path(&["paths", path, method]).map(Node::to_json).unwrap_or_default(), notes)
    }

    #[test]
    fn a_schema_says_what_was_meant_in_the_words_of_openapi_3_0() {
        let cases = [
            ("{type: [string, 'null']}", r#"{"nullable":true,"type":"string"}"#),
            ("{type: file}", r#"{"format":"binary","type":"string"}"#),
            ("{type: int}", r#"{"type":"integer"}"#),
            ("{type: any}", "{}"),
            ("{properties: {a: {}}}", r#"{"properties":{"a":{}},"type":"object"}"#),
            ("{type: object, items: {}, maxLength: 3}", r#"{"type":"object"}"#),
            ("{type: array}", r#"{"items":{},"type":"array"}"#),
            (
                "{type: array, items: {type: string}, enum: [a]}",
                r#"{"items":{"enum":["a"],"type":"string"},"type":"array"}"#,
            ),
            ("{type: string, enum: [5, 10, 5]}", r#"{"enum":["5","10"],"type":"string"}"#),
            ("{type: string, enum: 'std，pro', default: fast}", r#"{"enum":["std","pro"],"type":"string"}"#),
            ("{type: integer, enum: ['1', x], default: '1'}", r#"{"default":1,"enum":[1],"type":"integer"}"#),
            ("{type: string, maxLength: '9', minLength: -1, pattern: 5}", r#"{"maxLength":9,"type":"string"}"#),
            (
                "{type: number, exclusiveMinimum: 0, maximum: 1}",
                r#"{"exclusiveMinimum":true,"maximum":1,"minimum":0,"type":"number"}"#,
            ),
            ("{type: number, exclusiveMaximum: true}", r#"{"type":"number"}"#),
            ("{type: string, nullable: 'yes', deprecated: 7}", r#"{"nullable":true,"type":"string"}"#),
            ("{type: object, properties: {aB: {}, a_b: {}}}", r#"{"properties":{"aB":{}},"type":"object"}"#),
            (
                "{type: object, properties: {aB: {}, a_b: {}}, required: [a_b]}",
                r#"{"properties":{"a_b":{}},"required":["a_b"],"type":"object"}"#,
            ),
            (
                "{type: object, properties: {a: {required: true}}, required: [a, a, b]}",
                r#"{"properties":{"a":{}},"required":["a"],"type":"object"}"#,
            ),
            ("{type: object, properties: []}", r#"{"type":"object"}"#),
            ("{$ref: '#/components/schemas/A', description: x}", r##"{"$ref":"#/components/schemas/A"}"##),
            ("{$ref: '#/definitions/A'}", r##"{"$ref":"#/components/schemas/A"}"##),
            ("{$ref: '#/components/schemas/gone', description: x}", r#"{"description":"x"}"#),
            ("{$ref: '#/components/schemas/L'}", "{}"),
            ("{allOf: [{$ref: '#/components/schemas/A'}]}", r##"{"allOf":[{"$ref":"#/components/schemas/A"}]}"##),
            (
                "{allOf: [{$ref: '#/components/schemas/A'}, {properties: {b: {type: string}}, required: [b]}]}",
                r#"{"properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a","b"],"type":"object"}"#,
            ),
            ("{allOf: [{type: string}, {type: object}]}", "{}"),
            // A tree whose parent is written out would hold itself.
            (
                "{properties: {up: {allOf: [{$ref: '#/components/schemas/S'}, {properties: {b: {}}}]}}}",
                r#"{"properties":{"up":{}},"type":"object"}"#,
            ),
            ("{not: {type: string}}", "{}"),
            (
                "{type: object, oneOf: [{type: string}, {type: string}, {type: integer}]}",
                r#"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#,
            ),
            (
                "{type: object, properties: {a: {}}, anyOf: [{required: [a]}]}",
                r#"{"properties":{"a":{}},"type":"object"}"#,
            ),
            ("{type: string, x-rust-type: {crate: evil}}", r#"{"type":"string"}"#),
            (
                "{type: string, minLength: 1, maxLength: 5, enum: [a], default: a, pattern: x}",
                r#"{"default":"a","enum":["a"],"maxLength":5,"minLength":1,"pattern":"x","type":"string"}"#,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(schema(text), expected, "{text}");
        }
    }

    #[test]
    fn parameters_are_those_that_a_client_sets_each_once() {
        let list = "{parameters: [{name: Content-Type, in: header}, {name: AUTHORIZATION, in: header}, {name: s, in: cookie},
            {name: pageNum, in: query, schema: {type: integer}}, {name: page_num, in: query}, {name: body, in: query},
            {name: gone, in: path}, {name: X-A, in: header, schema: {type: object}}, {name: o, in: query, style: deepObject}]}";
        let (found, notes) = operation("/a/{id}", "get", list);
        let names = |value: &serde_json::Value| {
            let list = value.get("parameters").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
            list.iter()
                .map(|p| {
                    format!(
                        "{}:{}",
                        p["name"].as_str().unwrap_or_default(),
                        p["schema"]["type"].as_str().unwrap_or_default()
                    )
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&found), ["id:string", "pageNum:integer", "X-A:string", "o:string"]);
        assert_eq!(found["parameters"][0]["required"], true);
        for expected in [
            "header parameter \"Content-Type\" left out: OpenAPI says to ignore it",
            "query parameter \"page_num\" left out: another has the same Rust name",
            "path parameter \"gone\" left out: the path /a/{id} has none of that name",
            "path parameter \"id\" added: the path /a/{id} has it, but nobody declares it",
        ] {
            assert!(notes.iter().any(|note| note == expected), "{expected}: {notes:?}");
        }
    }

    #[test]
    fn a_body_has_one_media_type_that_can_be_sent_or_is_set_aside() {
        let cases = [
            ("post", "{multipart/form-data: {}, application/json: {schema: {type: object}}}", "application/json"),
            ("post", "{'application/json; charset=utf-8': {}}", "application/json"),
            ("post", "{'*/*': {}}", "application/json"),
            ("post", "{application/x-www-form-urlencoded: {}, text/plain: {}}", "application/x-www-form-urlencoded"),
            ("post", "{multipart/form-data: {}}", ""),
            ("post", "{}", ""),
            ("get", "{application/json: {}}", ""),
        ];
        for (method, content, expected) in cases {
            let (found, _) = operation("/a", method, &format!("{{requestBody: {{content: {content}}}}}"));
            let kinds: Vec<_> =
                found["requestBody"]["content"].as_object().into_iter().flat_map(|map| map.keys().cloned()).collect();
            assert_eq!(kinds.join(" "), expected, "{content}");
        }
        let (found, _) = operation("/a", "post", "{requestBody: {content: {multipart/form-data: {}}}}");
        assert!(found.get("x-request-body-left-out").is_some());
    }

    #[test]
    fn answers_have_a_status_and_a_description_and_keep_their_schemas() {
        let (found, _) = operation(
            "/a",
            "post",
            "{responses: {200: {content: {application/json: {schema: {type: object, properties: {a: {enum: [x]}}}}}}, 'x-200:成功': {}, 200 OK: {}, 4xx: null}}",
        );
        let keys: Vec<_> = found["responses"].as_object().into_iter().flat_map(|map| map.keys().cloned()).collect();
        assert_eq!(keys, ["200", "4XX", "x-200 OK", "x-200:成功"]);
        assert_eq!(found["responses"]["200"]["description"], "");
        assert_eq!(
            found["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["a"]["enum"][0],
            "x"
        );
    }
}
