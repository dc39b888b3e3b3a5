//! What each node of an OpenAPI 3.0 document is for, so that a rule about schemas meets every schema, and never a property
//! or an example that happens to look like one.

use crate::tree::{Map, Node, Place, Value};

/// The methods of a path item, in the order in which the standard lists them.
pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What a node is for. The names are those of the standard's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard documents its objects")]
pub enum Role {
    Document,
    Info,
    /// `paths`, and the one mapping of a callback: path items by address.
    Paths,
    PathItem,
    Operation,
    /// The sequence of an operation's or a path item's parameters.
    Parameters,
    /// The mapping of shared parameters.
    ParameterMap,
    Parameter,
    BodyMap,
    Body,
    /// Media types by name.
    Content,
    Media,
    Responses,
    ResponseMap,
    Response,
    Headers,
    Header,
    Components,
    /// Schemas by name: shared ones, and properties.
    SchemaMap,
    /// The sequence of `allOf` and its kin.
    SchemaList,
    Schema,
    Callbacks,
    /// Data, extensions, and everything that no rule looks into.
    Other,
}

impl Role {
    /// The role of what stands under a key; for a sequence, of its items.
    pub(crate) fn child(self, key: &str) -> Self {
        use Role::*;
        if key.starts_with("x-") && !matches!(self, Self::SchemaMap | Headers | Content) {
            return Other;
        }
        match (self, key) {
            (Document, "info") => Info,
            (Document, "paths") | (Callbacks, _) => Paths,
            (Document, "components") => Components,
            (Paths, _) => PathItem,
            (PathItem, method) if METHODS.contains(&method) => Operation,
            (PathItem | Operation, "parameters") => Parameters,
            (Operation, "requestBody") | (BodyMap, _) => Body,
            (Operation, "responses") => Responses,
            (Operation, "callbacks") => Callbacks,
            (Parameters | ParameterMap, _) => Parameter,
            (Parameter | Header | Media, "schema") | (SchemaMap | SchemaList, _) => Schema,
            (Parameter | Header | Body | Response, "content") => Content,
            (Content, _) => Media,
            (Responses | ResponseMap, _) => Response,
            (Response, "headers") | (Components, "headers") => Headers,
            (Headers, _) => Header,
            (Components, "schemas") | (Schema, "properties") => SchemaMap,
            (Components, "parameters") => ParameterMap,
            (Components, "requestBodies") => BodyMap,
            (Components, "responses") => ResponseMap,
            (Components, "callbacks") => Callbacks,
            (Schema, "items" | "not" | "additionalProperties") => Schema,
            (Schema, "allOf" | "oneOf" | "anyOf") => SchemaList,
            _ => Other,
        }
    }
}

/// Calls `visit` on a node and on everything under it, parents first, with the role and the path of each.
pub fn walk(node: &mut Node, role: Role, path: &mut Vec<String>, visit: &mut dyn FnMut(Role, &mut Node, &[String])) {
    visit(role, node, path);
    if role == Role::Other {
        return;
    }
    let mut step = |key: String, child: &mut Node, role: Role| {
        path.push(key);
        walk(child, role, path, visit);
        path.pop();
    };
    match &mut node.value {
        Value::Map(map) => map.iter_mut().for_each(|(key, child)| step(key.clone(), child, role.child(key))),
        Value::List(items) => {
            items.iter_mut().enumerate().for_each(|(index, child)| step(index.to_string(), child, role.child("")));
        }
        _ => {}
    }
}

/// Calls `visit` on each mapping of a document that has a role, parents first, with its place.
pub(crate) fn each_map(document: &mut Node, visit: &mut dyn FnMut(Role, &mut Map, &Place)) {
    walk(document, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        let place = node.place.clone();
        if let Some(map) = node.map_mut().filter(|_| role != Role::Other) {
            visit(role, map, &place);
        }
    });
}

/// A path as a JSON pointer.
pub(crate) fn pointer<S: AsRef<str>>(path: &[S]) -> String {
    path.iter().map(|step| format!("/{}", step.as_ref().replace('~', "~0").replace('/', "~1"))).collect()
}

/// The path items of a document with their addresses.
pub(crate) fn path_items(document: &mut Node) -> impl Iterator<Item = (&String, &mut Node)> {
    let paths = document.get_mut("paths").into_iter().flat_map(Node::entries_mut);
    paths.filter(|(path, _)| !path.starts_with("x-"))
}

/// The operations of a path item with their methods.
pub(crate) fn methods(item: &mut Node) -> impl Iterator<Item = (&String, &mut Node)> {
    item.entries_mut().filter(|(key, _)| METHODS.contains(&key.as_str()))
}

/// Calls `visit` with the address and the method of every operation of the document's own (callbacks are not).
pub(crate) fn operations(document: &mut Node, visit: &mut dyn FnMut(&str, &str, &mut Node)) {
    for (path, item) in path_items(document) {
        methods(item).for_each(|(method, operation)| visit(path, method, operation));
    }
}
