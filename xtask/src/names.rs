//! Gives every inline request schema a component name of its own.
//!
//! The generator invents names for inline objects by gluing names together, and uses titles as names: two of them may come
//! out equal, and one type then silently stands for the other. Here every inline object of a request, a parameter or a
//! shared schema becomes a component whose Rust name nothing else has, and titles that would clash are dropped.

use std::collections::HashSet;

use crate::ident::{operation_id, pascal, unused};
use crate::notes::Notes;
use crate::reference::every_reference;
use crate::roles::{Role, each_map, operations};
use crate::tree::{Map, Node, Value};

/// Puts the name of a document's first operation before the names of its shared schemas: another document may have the same.
pub(crate) fn spaced(document: &mut Node) {
    let mut first = None;
    operations(document, &mut |path, method, _| {
        first.get_or_insert_with(|| pascal(&operation_id(method, path)));
    });
    let schemas = document.at_path_mut(&["components", "schemas"]).and_then(Node::map_mut);
    let (Some(prefix), Some(schemas)) = (first, schemas.filter(|schemas| !schemas.is_empty())) else { return };
    *schemas = std::mem::take(schemas).into_iter().map(|(name, schema)| (format!("{prefix}{name}"), schema)).collect();
    every_reference(document, &mut |reference| {
        let name = ["#/components/schemas/", "#/definitions/"].iter().find_map(|start| reference.strip_prefix(start));
        name.map_or_else(|| reference.to_owned(), |name| format!("#/components/schemas/{prefix}{name}"))
    });
}

/// Moves inline objects into `components.schemas`, in the order in which they stand.
pub(crate) fn own_names(document: &mut Node) {
    let mut hoist = Hoist { taken: reserved(document), hoisted: Vec::new() };
    if let Some(schemas) = document.at_path_mut(&["components", "schemas"]) {
        schemas.entries_mut().for_each(|(name, schema)| hoist.inside(schema, name));
    }
    operations(document, &mut |_, _, operation| {
        let Some(id) = operation.get_text("operationId").map(pascal) else { return };
        for parameter in operation.items_mut("parameters") {
            let name = parameter.get_text("name").map(|name| format!("{id}{}", pascal(name)));
            if let (Some(name), Some(schema)) = (name, parameter.get_mut("schema")) {
                hoist.schema(schema, &name);
            }
        }
        let content = operation.at_path_mut(&["requestBody", "content"]);
        for (_, media) in content.into_iter().flat_map(Node::entries_mut) {
            media.get_mut("schema").into_iter().for_each(|schema| hoist.schema(schema, &format!("{id}Body")));
        }
    });
    if hoist.hoisted.is_empty() {
        return;
    }
    let place = document.place.clone();
    let empty = || Node::map_at(&place, []);
    let components = document.map_mut().map(|root| root.entry("components".to_owned()).or_insert_with(empty));
    let schemas = components.and_then(Node::map_mut).map(|all| all.entry("schemas".to_owned()).or_insert_with(empty));
    if let Some(schemas) = schemas.and_then(Node::map_mut) {
        schemas.extend(hoist.hoisted);
    }
}

/// Symptom: of two types with the same title one is silently lost. Cause: the generator takes a title for a name. Remedy:
/// a title that is empty, or whose Rust name anything else has, is left out.
pub(crate) fn titles(document: &mut Node, notes: &mut Notes) {
    let mut taken = reserved(document);
    each_map(document, &mut |role, map, _| {
        let Some(title) = map.get("title").filter(|_| role == Role::Schema) else { return };
        let text = title.text().unwrap_or_default().trim();
        let clashes = !text.is_empty() && !taken.insert(pascal(text));
        let why = format_args!("title {} left out: something else has that name", title.describe());
        notes.unless(!clashes, &title.place, why);
        if clashes || text.is_empty() {
            map.shift_remove("title");
        }
    });
}

/// The Rust type names that the generator uses by itself: shared schemas, and what it makes of operations.
fn reserved(document: &mut Node) -> HashSet<String> {
    let schemas = document.at_path(&["components", "schemas"]).and_then(Node::map);
    let mut names: HashSet<String> = schemas.into_iter().flat_map(Map::keys).map(|name| pascal(name)).collect();
    operations(document, &mut |_, _, operation| {
        names.extend(operation.get_text("operationId").map(|id| format!("{}Response", pascal(id))));
    });
    names
}

struct Hoist {
    taken: HashSet<String>,
    hoisted: Vec<(String, Node)>,
}

impl Hoist {
    /// Replaces an inline object by a reference, and goes on inside of it.
    fn schema(&mut self, schema: &mut Node, name: &str) {
        let Some(map) = schema.map().filter(|map| !map.contains_key("$ref")) else { return };
        let is_object = map.get("properties").and_then(Node::map).is_some_and(|properties| !properties.is_empty())
            || ["allOf", "oneOf", "anyOf"].iter().any(|key| map.contains_key(*key));
        if !is_object {
            self.inside(schema, name);
            return;
        }
        let name = unused(name, "", &mut |name| self.taken.contains(&pascal(name)));
        self.taken.insert(pascal(&name));
        // Its place in the order is before those inside it.
        let at = self.hoisted.len();
        self.hoisted.push((name.clone(), Node::at(&schema.place, Value::Null)));
        self.inside(schema, &name);
        let place = schema.place.clone();
        let nullable = schema.map_mut().and_then(|map| map.shift_remove("nullable"));
        let mut reference =
            Node::map_at(&place, [("$ref", Node::text_at(&place, format!("#/components/schemas/{name}")))]);
        if let Some(nullable) = nullable {
            let all = Node::list_at(&place, vec![reference]);
            reference = Node::map_at(&place, [("nullable", nullable), ("allOf", all)]);
        }
        let whole = std::mem::replace(schema, reference);
        if let Some(slot) = self.hoisted.get_mut(at) {
            slot.1 = whole;
        }
    }

    /// The schemas that a schema holds.
    fn inside(&mut self, schema: &mut Node, name: &str) {
        let Some(map) = schema.map_mut() else { return };
        for (key, child) in map.iter_mut() {
            match (key.as_str(), &mut child.value) {
                ("properties", Value::Map(properties)) => {
                    for (property, schema) in properties {
                        self.schema(schema, &format!("{name}{}", pascal(property)));
                    }
                }
                ("items", _) => self.schema(child, &format!("{name}Item")),
                ("additionalProperties", Value::Map(_)) => self.schema(child, &format!("{name}Value")),
                ("allOf", Value::List(parts)) => parts.iter_mut().for_each(|part| self.inside(part, name)),
                ("oneOf" | "anyOf", Value::List(options)) => {
                    for (index, option) in options.iter_mut().enumerate() {
                        self.schema(option, &format!("{name}Option{}", index + 1));
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn inline_objects_become_components_whose_rust_names_nothing_else_has() {
        let object = "{type: object, properties: {a: {type: string}}}";
        let properties = format!(
            "{{one: {object}, list: {{type: array, items: {object}}}, nil: {{nullable: true, properties: {{a: {{}}}}}}}}"
        );
        let body = format!("{{content: {{application/json: {{schema: {{type: object, properties: {properties}}}}}}}}}");
        let paths = format!("{{/a: {{post: {{operationId: do_it, requestBody: {body}}}}}}}");
        let yaml = format!("paths: {paths}\ncomponents: {{schemas: {{do-it-body-one: {object}}}}}");
        let mut document = crate::tree::read(&yaml, &Arc::from("p"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        own_names(&mut document);
        let schemas = document.at_path(&["components", "schemas"]).and_then(Node::map);
        let names: Vec<&str> = schemas.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["do-it-body-one", "DoItBody", "DoItBodyOne2", "DoItBodyListItem", "DoItBodyNil"]);
        let body = document
            .at_path(&["components", "schemas", "DoItBody", "properties"])
            .map(|node| node.to_json().to_string());
        let expected = r##"{"list":{"items":{"$ref":"#/components/schemas/DoItBodyListItem"},"type":"array"},"nil":{"allOf":[{"$ref":"#/components/schemas/DoItBodyNil"}],"nullable":true},"one":{"$ref":"#/components/schemas/DoItBodyOne2"}}"##;
        assert_eq!(body.as_deref(), Some(expected));
    }

    #[test]
    fn a_title_that_is_empty_or_taken_is_left_out() {
        let yaml = "components: {schemas: {A: {title: ''}, B: {title: My Own}, C: {title: my-own}, D: {title: a}}}";
        let mut document = crate::tree::read(yaml, &Arc::from("p"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        titles(&mut document, &mut Notes::default());
        assert_eq!(
            document.to_json().to_string(),
            r#"{"components":{"schemas":{"A":{},"B":{"title":"My Own"},"C":{},"D":{}}}}"#
        );
    }

    #[test]
    fn shared_schemas_of_two_documents_have_two_names() {
        let yaml = "paths: {/v1/a/b: {post: {x: {$ref: '#/components/schemas/S'}}}}\ncomponents: {schemas: {S: {properties: {t: {$ref: '#/definitions/T'}}}, T: {}}}";
        let mut document = crate::tree::read(yaml, &Arc::from("p"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        spaced(&mut document);
        assert_eq!(
            document.to_json().to_string(),
            r##"{"components":{"schemas":{"CreateBS":{"properties":{"t":{"$ref":"#/components/schemas/CreateBT"}}},"CreateBT":{}}},"paths":{"/v1/a/b":{"post":{"x":{"$ref":"#/components/schemas/CreateBS"}}}}}"##
        );
    }
}
