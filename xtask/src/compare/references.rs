//! `$ref`: what it leads to, and how the comparison stays finite when references lead in circles.
//!
//! A pair of references that is being compared already is taken to be the same; a pair that was found the same, without
//! such an assumption about a pair further up, is never compared again.

use super::change::Level;
use super::comparer::{Comparer, Said};
use super::spot::Schemas;
use super::trail::{Step, Trail};
use crate::error::{Error, Result};
use crate::reference::{Target, follow};
use crate::tree::Node;

/// Schemas visited in one comparison: twenty times what a thousand operations need, and a few seconds at most. References
/// that fan out would otherwise visit more pairs than there are atoms.
const MAX_VISITS: usize = 1_000_000;
/// Schemas inside schemas, references followed: no document for people comes near.
const MAX_DEPTH: usize = 500;

impl<'a> Comparer<'a> {
    /// What two nodes are behind their references, which are used then, and how the trail goes on there.
    pub(super) fn targets(&mut self, base: &'a Node, revision: &'a Node) -> (Target<'a>, Target<'a>) {
        let (old, new) = (follow(self.base, base), follow(self.revision, revision));
        self.used.extend(old.name.iter().chain(&new.name).cloned());
        (old, new)
    }

    /// Compares two schemas by what they are behind their references.
    pub(super) fn referred(&mut self, at: Schemas<'_>) -> Result<()> {
        self.visits += 1;
        let refused = |why: &str| Err(Error::refused(&at.revision.place, format_args!("{why}; compare smaller parts")));
        if self.visits > MAX_VISITS {
            return refused("the schemas refer to each other in more ways than can be compared");
        }
        if self.depth >= MAX_DEPTH {
            return refused(&format!("schemas inside schemas more than {MAX_DEPTH} deep"));
        }
        let (base_root, revision_root) = (self.base, self.revision);
        let (old, new) = (follow(base_root, at.base), follow(revision_root, at.revision));
        self.used.extend(old.name.iter().chain(&new.name).cloned());
        let inner = at.trail.steps("", jump(&old), jump(&new));
        let inside = Schemas { trail: &inner, base: old.node, revision: new.node, ..at };
        if old.name.is_none() && new.name.is_none() {
            self.depth += 1;
            let done = self.schema(inside);
            self.depth -= 1;
            return done;
        }
        let key = (old.name.clone().unwrap_or_default(), new.name.clone().unwrap_or_default(), at.spot);
        let both = old.name.is_some() && new.name.is_some();
        if both && self.same.contains(&key) {
            return self.renamed_reference(at.trail, &old, &new);
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
        let done = self.schema(inside);
        self.depth -= 1;
        self.open.remove(&key);
        let alone = self.cut >= self.depth;
        self.cut = if alone { outer } else { self.cut.min(outer) };
        done?;
        let unchanged = self.changes.get(before..).is_none_or(|new| new.iter().all(|c| c.level == Level::Text));
        if both && alone && self.changes.len() == before {
            self.same.insert(key);
        }
        if unchanged { self.renamed_reference(at.trail, &old, &new) } else { Ok(()) }
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
        let words = |target: &Target<'_>| target.name.as_ref().map_or("inline".to_owned(), |name| format!("#{name}"));
        let said = Said::both(old.node, new.node, words(old), words(new));
        self.record(trail, "schema-reference-changed", Level::Source, said)
    }
}

/// How a trail goes on behind a reference.
pub(super) fn jump<'t>(target: &'t Target<'_>) -> Step<'t> {
    target.name.as_deref().map_or(Step::Nothing, Step::Jump)
}
