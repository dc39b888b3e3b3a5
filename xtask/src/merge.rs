//! The third step: the vendor has one page per operation, the client wants one document.
//!
//! Nothing is decided silently. A page takes the place of our own description of the same operation, and two pages that say
//! the same are one; both are noted. An operation that two pages describe otherwise, or a component that differs, is an
//! error that names both. What stands at the top of a page (servers, security, parameters of an address) and differs from
//! the first page's moves down to that page's own operations.

use crate::error::{Error, Result};
use crate::roles::{METHODS, Role, methods, walk};
use crate::rules::Notes;
use crate::tree::{Map, Node, Value};

/// One document to merge.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) root: Node,
    /// Whether it is a page as published, and no description of our own.
    pub(crate) published: bool,
}

/// One document of several: the pages in their order, then our own descriptions. The first clash is an error with both
/// places.
pub(crate) fn merge(sources: Vec<Source>, notes: &mut Notes) -> Result<Node> {
    let (pages, own): (Vec<Source>, Vec<Source>) = sources.into_iter().partition(|source| source.published);
    let mut sources = pages.into_iter().chain(own);
    let Some(mut whole) = sources.next().map(|source| source.root) else {
        return Err(Error::Refused("no page to import; name one, or add one to spec/vendor".to_owned()));
    };
    for Source { root: mut page, published } in sources {
        push_down(&mut whole, &mut page, "servers");
        push_down(&mut whole, &mut page, "security");
        join(&mut whole, page, &mut |key, old, node| match key {
            "paths" => join(old, node, &mut |path, old, item| join_items(path, old, item, published, notes)),
            "components" => join(old, node, &mut |section, old, node| {
                join(old, node, &mut |name, first, component| join_components(section, name, first, &component))
            }),
            "tags" => join_tags(old, node),
            // `info` and what else describes a document as a whole: the first page's stands.
            _ => Ok(()),
        })?;
    }
    Ok(whole)
}

/// Adds the entries of a mapping to another one; `both` settles what stands in both.
pub(crate) fn join(
    into: &mut Node,
    from: Node,
    both: &mut dyn FnMut(&str, &mut Node, Node) -> Result<()>,
) -> Result<()> {
    let (Some(into), Value::Map(from)) = (into.map_mut(), from.value) else { return Ok(()) };
    for (key, node) in from {
        match into.get_mut(&key) {
            Some(old) => both(&key, old, node)?,
            None => drop(into.insert(key, node)),
        }
    }
    Ok(())
}

/// Gives the page's operations what the page says at its top, where the whole says otherwise.
fn push_down(whole: &mut Node, page: &mut Node, key: &str) {
    let (ours, theirs) = (whole.get(key), page.get(key));
    if ours == theirs {
        return;
    }
    let meant = match theirs {
        Some(node) => node.clone(),
        // No security at the top means none; no servers means none known, so that the whole's own are as good.
        None if key == "security" => Node::list_at(&page.place, Vec::new()),
        None => return,
    };
    // The first page to say something would otherwise say it for those before it.
    if ours.is_none()
        && key == "security"
        && let Some(map) = whole.map_mut()
    {
        map.insert(key.to_owned(), Node::list_at(&meant.place, Vec::new()));
    }
    let paths = page.get_mut("paths").and_then(Node::map_mut);
    for item in paths.into_iter().flat_map(Map::values_mut).filter(|item| item.get(key).is_none()) {
        for map in methods(item).filter_map(|(_, operation)| operation.map_mut()) {
            map.entry(key.to_owned()).or_insert_with(|| meant.clone());
        }
    }
    page.map_mut().and_then(|map| map.shift_remove(key));
}

fn join_items(path: &str, old: &mut Node, mut item: Node, published: bool, notes: &mut Notes) -> Result<()> {
    // What an address says of all its operations is each page's own.
    spread(old);
    spread(&mut item);
    join(old, item, &mut |method, first, node| {
        if !METHODS.contains(&method) {
            return Ok(());
        }
        let name = format!("{} {path}", method.to_uppercase());
        if !published {
            notes.add(&first.place, format_args!("{name}: takes the place of {}", node.place));
        } else if bare(first) == bare(&node) {
            notes.add(&node.place, format_args!("{name}: the same as at {}", first.place));
        } else {
            let why = format!("{name} is described otherwise here than at {}; keep one page", first.place);
            return Err(Error::refused(&node.place, why));
        }
        Ok(())
    })
}

/// An operation without words for people, examples and extensions.
fn bare(operation: &Node) -> Node {
    let words = ["summary", "description", "title", "tags", "example", "examples"];
    let mut bare = operation.clone();
    walk(&mut bare, Role::Operation, &mut Vec::new(), &mut |role, node, _| {
        let named = matches!(role, Role::SchemaMap | Role::Content | Role::Headers | Role::Responses | Role::Other);
        if let Some(map) = node.map_mut().filter(|_| !named) {
            map.retain(|key, _| !key.starts_with("x-") && !words.contains(&key.as_str()));
        }
    });
    bare
}

/// Moves an address's shared parameters and servers into its operations.
fn spread(item: &mut Node) {
    let Some(map) = item.map_mut() else { return };
    let (parameters, servers) = (map.shift_remove("parameters"), map.shift_remove("servers"));
    let shared = parameters.as_ref().and_then(Node::list).unwrap_or_default();
    for operation in methods(item).filter_map(|(_, operation)| operation.map_mut()) {
        if let Some(servers) = &servers {
            operation.entry("servers".to_owned()).or_insert_with(|| servers.clone());
        }
        let Some(first) = shared.first() else { continue };
        let own = operation.entry("parameters".to_owned()).or_insert_with(|| Node::list_at(&first.place, Vec::new()));
        let Some(own) = own.list_mut() else { continue };
        let names = |node: &Node| ["name", "in"].map(|key| node.get_text(key).map(str::to_owned));
        let extra: Vec<Node> = shared.iter().filter(|s| !own.iter().any(|o| names(o) == names(s))).cloned().collect();
        own.extend(extra);
    }
}

fn join_components(section: &str, name: &str, first: &Node, component: &Node) -> Result<()> {
    if first == component {
        return Ok(());
    }
    let why = format_args!("components.{section}.{name} differs from the one at {}; rename one", first.place);
    Err(Error::refused(&component.place, why))
}

fn join_tags(into: &mut Node, from: Node) -> Result<()> {
    let (Some(into), Value::List(from)) = (into.list_mut(), from.value) else { return Ok(()) };
    for tag in from {
        if !into.iter().any(|old| *old == tag || old.get_text("name") == tag.get_text("name")) {
            into.push(tag);
        }
    }
    Ok(())
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
