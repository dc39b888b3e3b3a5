//! `$ref`: what it leads to, and how the comparison stays finite when references lead in circles.
//!
//! A pair of references that is being compared already is taken to be the same; a pair that was found the same, without
//! such an assumption about a pair further up, is never compared again.

use super::schemas::Spot;
use super::{Comparer, Level, MAX_DEPTH, MAX_VISITS, Said, Step, Trail, refused};
use crate::error::Result;
use crate::rules::{decoded, resolve};
use crate::tree::Node;

/// Chains of references that are nothing else: longer ones are circles.
const MAX_HOPS: usize = 64;

/// What a node is, after its references.
#[derive(Debug, Clone)]
pub(super) struct Target<'n> {
    /// The node itself, or what the last reference leads to. A reference that leads nowhere stays what it is.
    pub node: &'n Node,
    /// The last reference, as a JSON pointer without its `#`.
    pub name: Option<String>,
}

/// Follows references inside one document. Those to other documents, and those that lead nowhere, stay.
pub(super) fn follow<'n>(document: &'n Node, node: &'n Node) -> Target<'n> {
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

impl<'a> Comparer<'a> {
    pub(super) fn old(&mut self, node: &'a Node) -> Target<'a> {
        let target = follow(self.base, node);
        self.used.extend(target.name.clone());
        target
    }

    pub(super) fn new_one(&mut self, node: &'a Node) -> Target<'a> {
        let target = follow(self.revision, node);
        self.used.extend(target.name.clone());
        target
    }

    /// Compares two schemas by what they are behind their references.
    pub(super) fn referred(&mut self, trail: &Trail<'_>, base: &Node, revision: &Node, spot: Spot) -> Result<()> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return Err(refused(
                revision,
                "the schemas refer to each other in more ways than can be compared; compare smaller parts",
            ));
        }
        if self.depth >= MAX_DEPTH {
            return Err(refused(
                revision,
                format_args!("schemas inside schemas more than {MAX_DEPTH} deep; compare smaller parts"),
            ));
        }
        let (base_root, revision_root) = (self.base, self.revision);
        let old = follow(base_root, base);
        let new = follow(revision_root, revision);
        self.used.extend(old.name.iter().chain(&new.name).cloned());
        if old.name.is_none() && new.name.is_none() {
            self.depth += 1;
            let done = self.schema(trail, old.node, new.node, spot);
            self.depth -= 1;
            return done;
        }
        let key = (old.name.clone().unwrap_or_default(), new.name.clone().unwrap_or_default(), spot);
        let both = old.name.is_some() && new.name.is_some();
        if both && self.same.contains(&key) {
            return self.renamed_reference(trail, &old, &new);
        }
        if let Some(depth) = both.then(|| self.open.get(&key)).flatten() {
            self.cut = self.cut.min(*depth);
            return Ok(());
        }
        let (outer, before) = (std::mem::replace(&mut self.cut, usize::MAX), self.changes.len());
        if both {
            self.open.insert(key.clone(), self.depth);
        }
        self.depth += 1;
        let inner = trail.steps(
            "",
            old.name.as_deref().map_or(Step::Nothing, Step::Jump),
            new.name.as_deref().map_or(Step::Nothing, Step::Jump),
        );
        let done = self.schema(&inner, old.node, new.node, spot);
        self.depth -= 1;
        self.open.remove(&key);
        let alone = self.cut >= self.depth;
        self.cut = if alone { outer } else { self.cut.min(outer) };
        done?;
        let unchanged = self.changes.get(before..).is_none_or(|new| new.iter().all(|c| c.level == Level::Text));
        if both && alone && self.changes.len() == before {
            self.same.insert(key);
        }
        if unchanged { self.renamed_reference(trail, &old, &new) } else { Ok(()) }
    }

    /// The same schema under another name: only generated names change.
    fn renamed_reference(&mut self, trail: &Trail<'_>, old: &Target<'_>, new: &Target<'_>) -> Result<()> {
        if old.name == new.name {
            return Ok(());
        }
        let names = (old.name.clone().unwrap_or_default(), new.name.clone().unwrap_or_default());
        let named = !names.0.is_empty() && !names.1.is_empty();
        if named && !self.renamed.insert(names) {
            return Ok(());
        }
        let said = Said {
            base: Some(old.node),
            revision: Some(new.node),
            before: Some(old.name.clone().map_or_else(|| "inline".to_owned(), |name| format!("#{name}"))),
            after: Some(new.name.clone().map_or_else(|| "inline".to_owned(), |name| format!("#{name}"))),
            direction: None,
        };
        self.record(trail, "schema-reference-changed", Level::Source, said)
    }
}
