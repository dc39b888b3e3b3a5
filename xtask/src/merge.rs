//! The third step: the vendor has one page per operation, the client wants one document.
//!
//! Nothing is decided silently. A page takes the place of our own description of the same operation, and two pages that say
//! the same are one; both are noted. An operation that two pages describe otherwise, or a component that differs, is an
//! error that names both. What stands at the top of a page (servers, security, parameters of an address) and differs from
//! the first page's moves down to that page's own operations, so that each keeps what it was published with.

use crate::error::{Error, Result};
use crate::roles::{METHODS, Role, walk};
use crate::rules::Notes;
use crate::tree::{Map, Node, Value};

/// One document to merge.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it says.
    pub root: Node,
    /// Whether it is a page as published, and no description of our own.
    pub published: bool,
}

/// One document of several: the pages in their order, then our own descriptions.
///
/// # Errors
/// The first clash, with both places.
pub fn merge(sources: Vec<Source>, notes: &mut Notes) -> Result<Node> {
    let (pages, own): (Vec<Source>, Vec<Source>) = sources.into_iter().partition(|source| source.published);
    let mut sources = pages.into_iter().chain(own);
    let Some(mut whole) = sources.next().map(|source| source.root) else {
        return Err(Error::Refused("no page to import; name one, or add one to spec/vendor".to_owned()));
    };
    for source in sources {
        join(&mut whole, source, notes)?;
    }
    Ok(whole)
}

fn join(whole: &mut Node, Source { root: mut page, published }: Source, notes: &mut Notes) -> Result<()> {
    for key in ["servers", "security"] {
        push_down(whole, &mut page, key);
    }
    let (Some(into), Value::Map(from)) = (whole.map_mut(), page.value) else {
        return Ok(());
    };
    for (key, node) in from {
        let Some(old) = into.get_mut(&key) else {
            into.insert(key, node);
            continue;
        };
        match key.as_str() {
            "paths" => join_paths(old, node, published, notes)?,
            "components" => join_components(old, node)?,
            "tags" => join_tags(old, node),
            // `info` and what else describes a document as a whole: the first page's stands.
            _ => {}
        }
    }
    Ok(())
}

/// Gives the page's operations what the page says at its top, where the whole says otherwise.
fn push_down(whole: &mut Node, page: &mut Node, key: &str) {
    let (ours, theirs) = (whole.get(key), page.get(key));
    let same = match (ours, theirs) {
        (Some(a), Some(b)) => a.same(b),
        (None, None) => true,
        _ => false,
    };
    if same {
        return;
    }
    let meant = match theirs {
        Some(node) => node.clone(),
        // No security at the top means none; no servers means none known, so that the whole's own are as good.
        None if key == "security" => Node::at(&page.place, Value::List(Vec::new())),
        None => return,
    };
    // The first page to say something would otherwise say it for those before it.
    if ours.is_none()
        && key == "security"
        && let Some(map) = whole.map_mut()
    {
        map.insert(key.to_owned(), Node::at(&meant.place, Value::List(Vec::new())));
    }
    for item in page
        .map_mut()
        .and_then(|map| map.get_mut("paths"))
        .and_then(Node::map_mut)
        .into_iter()
        .flat_map(Map::values_mut)
    {
        let own = item.get(key).is_some();
        for (_, operation) in item.map_mut().into_iter().flatten().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            if let Some(map) = operation.map_mut()
                && !own
                && !map.contains_key(key)
            {
                map.insert(key.to_owned(), meant.clone());
            }
        }
    }
    if let Some(map) = page.map_mut() {
        map.shift_remove(key);
    }
}

fn join_paths(into: &mut Node, from: Node, published: bool, notes: &mut Notes) -> Result<()> {
    let (Some(into), Value::Map(from)) = (into.map_mut(), from.value) else {
        return Ok(());
    };
    for (path, mut item) in from {
        let Some(old) = into.get_mut(&path) else {
            into.insert(path, item);
            continue;
        };
        // What an address says of all its operations is each page's own.
        spread(old);
        spread(&mut item);
        let (Some(old), Value::Map(item)) = (old.map_mut(), item.value) else {
            continue;
        };
        for (key, node) in item {
            match old.get(&key) {
                Some(first) if METHODS.contains(&key.as_str()) => {
                    let name = format!("{} {path}", key.to_uppercase());
                    if !published {
                        notes.add(&first.place, format_args!("{name}: takes the place of {}", node.place));
                    } else if says_the_same(first, &node) {
                        notes.add(&node.place, format_args!("{name}: the same as at {}", first.place));
                    } else {
                        let why = format!("{name} is described otherwise here than at {}; keep one page", first.place);
                        return Err(Error::refused(&node.place, why));
                    }
                }
                Some(_) => {}
                None => {
                    old.insert(key, node);
                }
            }
        }
    }
    Ok(())
}

/// Whether two operations differ in nothing but words for people, examples and extensions.
fn says_the_same(one: &Node, other: &Node) -> bool {
    let bare = |operation: &Node| {
        let mut bare = operation.clone();
        walk(&mut bare, Role::Operation, &mut Vec::new(), &mut |role, node, _| {
            let named = matches!(role, Role::SchemaMap | Role::Content | Role::Headers | Role::Responses | Role::Other);
            if let Some(map) = node.map_mut().filter(|_| !named) {
                map.retain(|key, _| {
                    !key.starts_with("x-")
                        && !["summary", "description", "title", "tags", "example", "examples"].contains(&key.as_str())
                });
            }
        });
        bare
    };
    bare(one).same(&bare(other))
}

/// Moves an address's shared parameters and servers into its operations.
fn spread(item: &mut Node) {
    let Some(map) = item.map_mut() else { return };
    let parameters = map.shift_remove("parameters");
    let servers = map.shift_remove("servers");
    for (_, operation) in map.iter_mut().filter(|(key, _)| METHODS.contains(&key.as_str())) {
        let Some(operation) = operation.map_mut() else {
            continue;
        };
        if let Some(servers) = &servers {
            operation.entry("servers".to_owned()).or_insert_with(|| servers.clone());
        }
        let Some(shared) = parameters.as_ref().and_then(Node::list) else {
            continue;
        };
        let Some(place) = shared.first().map(|node| node.place.clone()) else {
            continue;
        };
        let own = operation.entry("parameters".to_owned()).or_insert_with(|| Node::at(&place, Value::List(Vec::new())));
        let Some(own) = own.list_mut() else { continue };
        let names = |node: &Node| (node.get_text("name").map(str::to_owned), node.get_text("in").map(str::to_owned));
        let extra: Vec<Node> = shared.iter().filter(|s| !own.iter().any(|o| names(o) == names(s))).cloned().collect();
        own.extend(extra);
    }
}

fn join_components(into: &mut Node, from: Node) -> Result<()> {
    let (Some(into), Value::Map(from)) = (into.map_mut(), from.value) else {
        return Ok(());
    };
    for (section, node) in from {
        let Some(old) = into.get_mut(&section) else {
            into.insert(section, node);
            continue;
        };
        let (Some(old), Value::Map(node)) = (old.map_mut(), node.value) else {
            continue;
        };
        for (name, component) in node {
            match old.get(&name) {
                None => {
                    old.insert(name, component);
                }
                Some(first) if first.same(&component) => {}
                Some(first) => {
                    return Err(Error::refused(
                        &component.place,
                        format_args!("components.{section}.{name} differs from the one at {}; rename one", first.place),
                    ));
                }
            }
        }
    }
    Ok(())
}

fn join_tags(into: &mut Node, from: Node) {
    let (Some(into), Value::List(from)) = (into.list_mut(), from.value) else {
        return;
    };
    for tag in from {
        if !into.iter().any(|old| old.same(&tag) || old.get_text("name") == tag.get_text("name")) {
            into.push(tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::read;

    fn merged(pages: &[&str]) -> Result<String> {
        let read = |(index, text): (usize, &&str)| {
            read(text, &Arc::from(format!("{}.md", index + 1)), 1).unwrap_or_else(|e| panic!("{e:?}"))
        };
        // A text that begins with a mark is a description of our own.
        let source =
            |(index, text): (usize, &&str)| Source { root: read((index, text)), published: !text.starts_with("# own") };
        let mut notes = Notes::default();
        let merged = merge(pages.iter().enumerate().map(source).collect(), &mut notes)?;
        let notes: Vec<String> = notes.sorted().iter().map(|note| format!(" {}: {}", note.place, note.text)).collect();
        Ok(merged.to_json().to_string() + &notes.concat())
    }

    #[test]
    fn operations_of_all_pages_stand_in_one_document_and_identical_components_once() {
        let one =
            "openapi: 3.0.1\npaths: {/a: {get: {x: 1}}}\ncomponents: {schemas: {S: {type: string}}}\ntags: [{name: t}]";
        let two = "openapi: 3.0.1\npaths: {/a: {post: {x: 2}}, /b: {get: {}}}\ncomponents: {schemas: {S: {type: string}, T: {}}}\ntags: [{name: t}, {name: u}]";
        let expected = r#"{"components":{"schemas":{"S":{"type":"string"},"T":{}}},"openapi":"3.0.1","paths":{"/a":{"get":{"x":1},"post":{"x":2}},"/b":{"get":{}}},"tags":[{"name":"t"},{"name":"u"}]}"#;
        assert_eq!(merged(&[one, two]).as_deref(), Ok(expected));
    }

    #[test]
    fn a_clash_is_an_error_that_names_both_pages() {
        let operation = merged(&["paths:\n  /a:\n    get: {}", "paths:\n  /a:\n\n    get: {deprecated: true}"]);
        assert_eq!(
            operation,
            Err(Error::Refused("2.md:4: GET /a is described otherwise here than at 1.md:3; keep one page".to_owned()))
        );
        let component =
            merged(&["components:\n  schemas:\n    S: {type: string}", "components: {schemas: {S: {type: object}}}"]);
        let expected = "2.md:1: components.schemas.S differs from the one at 1.md:3; rename one";
        assert_eq!(component, Err(Error::Refused(expected.to_owned())));
    }

    #[test]
    fn servers_security_and_shared_parameters_that_differ_move_to_the_operations_they_were_published_for() {
        let one = "servers: [{url: one}]\nsecurity: [{k: []}]\npaths: {/a: {get: {}}}";
        let two = "servers: [{url: two}]\npaths: {/b: {get: {}, post: {security: [{m: []}]}}}";
        let expected = r#"{"paths":{"/a":{"get":{}},"/b":{"get":{"security":[],"servers":[{"url":"two"}]},"post":{"security":[{"m":[]}],"servers":[{"url":"two"}]}}},"security":[{"k":[]}],"servers":[{"url":"one"}]}"#;
        assert_eq!(merged(&[one, two]).as_deref(), Ok(expected));
        let one = "paths: {/a: {parameters: [{name: n, in: query, description: one}], get: {}}}";
        let two = "paths: {/a: {parameters: [{name: n, in: query, description: two}], post: {parameters: [{name: m, in: query}]}}}";
        let found = merged(&[one, two]).unwrap_or_default();
        assert!(found.contains(r#""get":{"parameters":[{"description":"one""#), "{found}");
        assert!(found.contains(r#""post":{"parameters":[{"in":"query","name":"m"},{"description":"two""#), "{found}");
    }

    #[test]
    fn a_page_takes_the_place_of_our_description_and_pages_that_say_the_same_are_one() {
        let own = "# own\npaths:\n  /a:\n    get: {deprecated: true}\n    post: {}";
        let page = "paths: {/a: {get: {}}}";
        let expected = r#"{"paths":{"/a":{"get":{},"post":{}}}} 2.md:1: GET /a: takes the place of 1.md:4"#;
        assert_eq!(merged(&[own, page]).as_deref(), Ok(expected));

        let operation = |words: &str, property: &str, kind: &str| {
            format!(
                "paths: {{/a: {{post: {{summary: {words}, tags: [{words}], x-a: {words}, parameters: [{{name: n, in: query, \
                 description: {words}}}], requestBody: {{content: {{application/json: {{example: {words}, schema: \
                 {{description: {words}, properties: {{{property}: {{type: {kind}, example: {words}}}}}}}}}}}}}}}}}}}"
            )
        };
        let first = operation("one", "description", "string");
        let same = merged(&[&first, &operation("two", "description", "string")]).unwrap_or_default();
        assert!(
            same.ends_with(" 2.md:1: POST /a: the same as at 1.md:1") && same.contains(r#""summary":"one""#),
            "{same}"
        );
        for (property, kind) in [("description", "integer"), ("title", "string")] {
            let other = merged(&[&first, &operation("one", property, kind)]);
            assert!(other.is_err_and(|error| error.to_string().contains("otherwise")), "{property} {kind}");
        }
    }
}
