//! What each node of an OpenAPI 3.0 document is for, so that a rule about schemas meets every schema, and never a property
//! or an example that happens to look like one.

use crate::tree::{Node, Value};

/// The methods of a path item, in the order in which the standard lists them.
pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The root.
    Document,
    /// `info`.
    Info,
    /// `paths`, and the one mapping of a callback: path items by address.
    Paths,
    /// One address.
    PathItem,
    /// One method of one address.
    Operation,
    /// The sequence of an operation's or a path item's parameters.
    Parameters,
    /// The mapping of shared parameters.
    ParameterMap,
    /// One parameter.
    Parameter,
    /// The mapping of shared request bodies.
    BodyMap,
    /// One request body.
    Body,
    /// Media types by name.
    Content,
    /// One media type.
    Media,
    /// An operation's answers by status.
    Responses,
    /// The mapping of shared answers.
    ResponseMap,
    /// One answer.
    Response,
    /// Headers by name.
    Headers,
    /// One header.
    Header,
    /// `components`.
    Components,
    /// Schemas by name: shared ones, and properties.
    SchemaMap,
    /// The sequence of `allOf` and its kin.
    SchemaList,
    /// One schema.
    Schema,
    /// Callbacks by name.
    Callbacks,
    /// Data, extensions, and everything that no rule looks into.
    Other,
}

impl Role {
    /// The role of what stands under a key; for a sequence, of its items.
    #[must_use]
    pub fn child(self, key: &str) -> Self {
        use Role::{
            Body, BodyMap, Callbacks, Components, Content, Document, Header, Headers, Info, Media, Operation, Other,
            Parameter, ParameterMap, Parameters, PathItem, Paths, Response, ResponseMap, Responses, Schema, SchemaList,
            SchemaMap,
        };
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

    /// Whether nodes of this role are sequences.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::Parameters | Self::SchemaList)
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

/// A path as a JSON pointer.
#[must_use]
pub fn pointer<S: AsRef<str>>(path: &[S]) -> String {
    path.iter().map(|step| format!("/{}", step.as_ref().replace('~', "~0").replace('/', "~1"))).collect()
}

/// Calls `visit` with the address and the method of every operation of the document's own (callbacks are not).
pub fn operations(document: &mut Node, visit: &mut dyn FnMut(&str, &str, &mut Node)) {
    let Some(paths) = document.map_mut().and_then(|map| map.get_mut("paths")).and_then(Node::map_mut) else {
        return;
    };
    for (path, item) in paths.iter_mut().filter(|(path, _)| !path.starts_with("x-")) {
        for (method, operation) in
            item.map_mut().into_iter().flatten().filter(|(key, _)| METHODS.contains(&key.as_str()))
        {
            visit(path, method, operation);
        }
    }
}
