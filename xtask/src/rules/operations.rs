//! Rules about operations as a whole: each has a name, and no two the same.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::ident::{pascal, snake, unused};
use crate::notes::Notes;
use crate::roles::{Role, operations, walk};
use crate::tree::{Node, Value};

/// Names that the generated client already has: its own methods and the hooks that it calls on itself.
const CLIENT: [&str; 11] =
    ["new", "new_with_client", "api_version", "baseurl", "client", "inner", "pre", "post", "exec", "clone", "fmt"];
/// Names that the generated module of builders imports or takes from the prelude.
const BUILDERS: [&str; 20] = [
    "Error",
    "ByteStream",
    "Client",
    "ClientInfo",
    "ClientHooks",
    "OperationInfo",
    "RequestBuilderExt",
    "ResponseValue",
    "Result",
    "Option",
    "Ok",
    "Err",
    "Some",
    "None",
    "String",
    "Vec",
    "Box",
    "Default",
    "Into",
    "Self",
];

/// Symptom: generated code that does not compile. Cause: OPTIONS and TRACE, for which the HTTP client has no method. Remedy:
/// such operations are left out; no client of an API calls them.
pub(super) fn callable(root: &mut Node, notes: &mut Notes) {
    let paths = root.map_mut().and_then(|map| map.get_mut("paths")).and_then(Node::map_mut);
    for (path, item) in paths.into_iter().flatten() {
        for method in ["options", "trace"] {
            if let Some(operation) = item.map_mut().and_then(|item| item.shift_remove(method)) {
                notes.add(
                    &operation.place,
                    format_args!("{} {path} left out: the generated client cannot send it", method.to_uppercase()),
                );
            }
        }
    }
}

/// Symptom: the document is refused for a mistake in what no client calls. Cause: callbacks and links are operations and
/// references of their own, which the generator passes over. Remedy: an operation's callbacks are kept as an extension for
/// readers, links are left out.
pub(super) fn uncalled(root: &mut Node, notes: &mut Notes) {
    walk(root, Role::Document, &mut Vec::new(), &mut |role, node, _| {
        let key = match role {
            Role::Operation | Role::Components => "callbacks",
            Role::Response => "links",
            _ => return,
        };
        let Some(map) = node.map_mut() else { return };
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

/// Symptom: the generator refuses an operation without operationId. Cause: the vendor publishes none. Remedy: one is
/// derived from method and path. One that is published twice, or that the generated client has itself, gets a number.
pub(super) fn ids(root: &mut Node, notes: &mut Notes) {
    let mut taken: HashMap<String, ()> = HashMap::new();
    // Published names first, so that no derived one takes theirs.
    for published in [true, false] {
        operations(root, &mut |path, method, operation| {
            let place = operation.place.clone();
            let Some(map) = operation.map_mut() else {
                return;
            };
            let own = map.get("operationId").and_then(Node::text).map(snake).filter(|id| id != "x");
            if own.is_some() != published {
                return;
            }
            let wanted = own.unwrap_or_else(|| derived(method, path));
            let id = unused(&wanted, "_", &mut |id| taken.contains_key(id) || is_reserved(id));
            taken.insert(id.clone(), ());
            if published {
                // As published, as long as it is a word that becomes this name.
                let word =
                    |text: &str| snake(text) == id && text.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
                if let Some(node) = map.get_mut("operationId")
                    && !node.text().is_some_and(word)
                {
                    notes.add(&node.place, format_args!("operationId {} becomes {id}", node.describe()));
                    node.value = Value::Text(id);
                }
            } else {
                notes.add(&place, format_args!("operationId {id} derived from method and path"));
                map.shift_remove("operationId");
                map.shift_insert(0, "operationId".to_owned(), Node::text_at(&place, id));
            }
        });
    }
}

/// Symptom: the generator refuses the document, or writes a method twice. Cause: a patch gave an operation a name that
/// another one has. Remedy: an error that names both.
pub(super) fn unique(root: &mut Node) -> Result<()> {
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut clash = None;
    operations(root, &mut |path, method, operation| {
        let here = format!("{} {path}", method.to_uppercase());
        let found = match operation.get("operationId") {
            None => Some(format!("{here} has no operationId")),
            Some(node) => match node.text() {
                Some(id) if is_reserved(&snake(id)) => {
                    Some(format!("the generated client has a name of its own for operationId {id} of {here}"))
                }
                Some(id) => seen
                    .insert(snake(id), here.clone())
                    .map(|first| format!("{here} and {first} have the same operationId {id}")),
                None => Some(format!("the operationId of {here} is {}", node.describe())),
            },
        };
        if let (None, Some(found)) = (&clash, found) {
            clash =
                Some(Error::Failed(format!("{}: {found}; correct the patch in spec/patches.yaml", operation.place)));
        }
    });
    clash.map_or(Ok(()), Err)
}

fn is_reserved(id: &str) -> bool {
    CLIENT.contains(&id) || BUILDERS.contains(&pascal(id).as_str())
}

/// `POST /kling/v1/videos/multi-image2video/{id}` → `post_kling_v1_videos_multi_image2video_id`.
fn derived(method: &str, path: &str) -> String {
    let words: Vec<String> =
        path.split('/').filter(|part| !part.is_empty()).map(snake).filter(|part| part != "x").collect();
    let name = std::iter::once(method.to_owned()).chain(words).collect::<Vec<_>>().join("_");
    snake(&name)
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
    fn a_missing_operation_id_is_derived_from_method_and_path() {
        let yaml = "paths:\n  /kling/v1/videos/multi-image2video: {post: {}}\n  '/v1/tasks/{id}': {get: {operationId: ''}}\n  /: {get: {}}";
        assert_eq!(found(yaml), ["post_kling_v1_videos_multi_image2video", "get_v1_tasks_id", "get"]);
    }

    #[test]
    fn equal_and_reserved_names_get_a_number_whatever_their_order() {
        let yaml = "paths:\n  /a/b: {get: {}}\n  /a-b: {get: {}}\n  /c: {get: {operationId: getAB}, post: {operationId: get_a_b}}\n  /d: {get: {operationId: client}, post: {operationId: 图片}}";
        assert_eq!(found(yaml), ["get_a_b_2", "get_a_b_3", "getAB", "get_a_b", "client_2", "图片"]);
    }
}
