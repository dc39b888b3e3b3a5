//! `$ref` inside of one document: what it says, and what it leads to.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::tree::{Node, Value};

/// Chains of references that are nothing else: longer ones are circles.
const MAX_HOPS: usize = 64;

/// What a node is after its references: itself, or what the last one leads to; and that one, as a JSON pointer without its
/// `#`. A reference that leads nowhere stays what it is.
#[derive(Debug, Clone)]
pub(crate) struct Target<'n> {
    pub(crate) node: &'n Node,
    pub(crate) name: Option<String>,
}

/// Follows references inside of one document. Those to other documents, and those that lead nowhere, stay.
pub(crate) fn follow<'n>(document: &'n Node, node: &'n Node) -> Target<'n> {
    let mut target = Target { node, name: None };
    for _ in 0..MAX_HOPS {
        let Some(text) = target.node.get_text("$ref") else { return target };
        let text = decoded(text);
        match resolve(document, &text) {
            Some(next) => target = Target { node: next, name: text.strip_prefix('#').map(str::to_owned) },
            None => return target,
        }
    }
    Target { node, name: None }
}

/// What one local reference leads to.
pub(crate) fn resolve<'n>(document: &'n Node, reference: &str) -> Option<&'n Node> {
    let steps: Vec<String> =
        reference.strip_prefix("#/")?.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    document.at_path(&steps)
}

/// A reference as the vendor's tool means it, which writes names in Chinese as `%E5%9B%BE`.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

/// Rewrites the text of every `$ref`.
pub(crate) fn every_reference(node: &mut Node, change: &mut dyn FnMut(&str) -> String) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| every_reference(item, change)),
        Value::Map(map) => {
            for (key, child) in map.iter_mut() {
                match &mut child.value {
                    Value::Text(text) if key == "$ref" => *text = change(text),
                    _ => every_reference(child, change),
                }
            }
        }
        _ => {}
    }
}
