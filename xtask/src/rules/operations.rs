//! Rules about operations as a whole: each has a name, and no two the same.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::ident::{operation_id, pascal, snake, unused};
use crate::notes::Notes;
use crate::roles::{Role, each_map, operations};
use crate::tree::Node;

/// Names that the generated client already has: its own methods and the hooks that it calls on itself.
const CLIENT: [&str; 11] =
    ["new", "new_with_client", "api_version", "baseurl", "client", "inner", "pre", "post", "exec", "clone", "fmt"];
/// Names that the generated module of builders imports or takes from the prelude.
const BUILDERS: &str = "Error ByteStream Client ClientInfo ClientHooks OperationInfo RequestBuilderExt ResponseValue \
    Result Option Ok Err Some None String Vec Box Default Into Self";

/// Symptom: generated code that does not compile. Cause: OPTIONS and TRACE, for which the HTTP client has no method. Remedy:
/// such operations are left out; no client of an API calls them.
pub(super) fn callable(root: &mut Node, notes: &mut Notes) {
    for (path, item) in root.get_mut("paths").into_iter().flat_map(Node::entries_mut) {
        for method in ["options", "trace"] {
            if let Some(operation) = item.map_mut().and_then(|item| item.shift_remove(method)) {
                let method = method.to_uppercase();
                let text = format_args!("{method} {path} left out: the generated client cannot send it");
                notes.add(&operation.place, text);
            }
        }
    }
}

/// Symptom: the document is refused for a mistake in what no client calls. Cause: callbacks and links, which the generator
/// passes over. Remedy: an operation's callbacks are kept as an extension for readers, links are left out.
pub(super) fn uncalled(root: &mut Node, notes: &mut Notes) {
    each_map(root, &mut |role, map, _| {
        let key = match role {
            Role::Operation | Role::Components => "callbacks",
            Role::Response => "links",
            _ => return,
        };
        if role == Role::Components {
            map.shift_remove("links");
        }
        let Some(left_out) = map.shift_remove(key) else { return };
        if role == Role::Operation {
            notes.add(&left_out.place, "`callbacks` kept as an extension: the generator passes over them");
            map.insert("x-callbacks".to_owned(), left_out);
        } else if left_out.map().is_some_and(|map| !map.is_empty()) {
            notes.add(&left_out.place, format_args!("`{key}` left out: the generator passes over them"));
        }
    });
}

/// Symptom: generated names that change with a description's source. Cause: operationIds are missing, or any. Remedy:
/// each is derived from method and path, with a number if the client has that name itself, or two operations come to it.
pub(super) fn ids(root: &mut Node, notes: &mut Notes) {
    let mut taken: HashSet<String> = HashSet::new();
    operations(root, &mut |path, method, operation| {
        let id = unused(&operation_id(method, path), "_", &mut |id| taken.contains(id) || is_reserved(id));
        taken.insert(id.clone());
        let place = operation.place.clone();
        let Some(map) = operation.map_mut() else { return };
        match map.shift_remove("operationId") {
            Some(published) if published.text() != Some(&id) => {
                notes.add(&published.place, format_args!("operationId {} becomes {id}", published.describe()));
            }
            _ => notes.add(&place, format_args!("operationId {id} derived from method and path")),
        }
        map.shift_insert(0, "operationId".to_owned(), Node::text_at(&place, id));
    });
}

/// Symptom: the generator refuses the document, or writes a method twice. Cause: a patch gave an operation a name that
/// another one has. Remedy: an error that names both.
pub(super) fn unique(root: &mut Node) -> Result<()> {
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut clash = None;
    operations(root, &mut |path, method, operation| {
        let here = format!("{} {path}", method.to_uppercase());
        let found = match operation.get("operationId").map(|node| (node, node.text())) {
            None => Some(format!("{here} has no operationId")),
            Some((node, None)) => Some(format!("the operationId of {here} is {}", node.describe())),
            Some((_, Some(id))) if is_reserved(&snake(id)) => {
                Some(format!("the generated client has a name of its own for operationId {id} of {here}"))
            }
            Some((_, Some(id))) => {
                let first = seen.insert(snake(id), here.clone());
                first.map(|first| format!("{here} and {first} have the same operationId {id}"))
            }
        };
        let error = |found| format!("{}: {found}; correct the patch in spec/patches.yaml", operation.place);
        clash = clash.take().or(found.map(error));
    });
    clash.map_or(Ok(()), |clash| Err(Error::Failed(clash)))
}

fn is_reserved(id: &str) -> bool {
    CLIENT.contains(&id) || BUILDERS.split(' ').any(|name| name == pascal(id))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn found(yaml: &str) -> Vec<String> {
        let mut root = crate::tree::read(yaml, &Arc::from("p"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        ids(&mut root, &mut Notes::default());
        let mut all = Vec::new();
        operations(&mut root, &mut |_, _, operation| all.extend(operation.get_text("operationId").map(str::to_owned)));
        all
    }

    #[test]
    fn an_operation_id_is_derived_whatever_was_published() {
        let yaml = "paths: {/v1/a/b: {get: {operationId: fetch}, post: {operationId: ''}}}";
        assert_eq!(found(yaml), ["list_b", "create_b"]);
    }

    #[test]
    fn equal_and_reserved_names_get_a_number() {
        let yaml = "paths: {/v1/a/b: {get: {}}, /v1/c/b: {get: {}}, /v1/c/d: {put: {}}, /v1/a/d: {put: {}}}";
        assert_eq!(found(yaml), ["list_b", "list_b_2", "put_d", "put_d_2"]);
    }
}
