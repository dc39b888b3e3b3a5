//! `$ref`: what it leads to, and how the comparison stays finite when references lead in circles.
//!
//! A pair of references that is being compared already is taken to be the same; a pair that was found the same, without
//! such an assumption about a pair further up, is never compared again.

use super::change::Level;
use super::comparer::Comparer;
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
    /// Compares what two nodes are behind their references, which are used then.
    pub(super) fn behind(
        &mut self,
        at: &Trail<'_>,
        (old, new): (&'a Node, &'a Node),
        compare: impl FnOnce(&mut Self, &Trail<'_>, (&'a Node, &'a Node)) -> Result<()>,
    ) -> Result<()> {
        let (old, new) = (follow(self.base, old), follow(self.revision, new));
        self.seen.used.extend(old.name.iter().chain(&new.name).cloned());
        compare(self, &at.steps("", jump(&old), jump(&new)), (old.node, new.node))
    }

    /// Compares two schemas by what they are behind their references.
    pub(super) fn referred(&mut self, at: Schemas<'_>) -> Result<()> {
        self.seen.visits += 1;
        let refused = |why: &str| Err(Error::refused(&at.revision.place, format_args!("{why}; compare smaller parts")));
        if self.seen.visits > MAX_VISITS {
            return refused("the schemas refer to each other in more ways than can be compared");
        }
        if self.seen.depth >= MAX_DEPTH {
            return refused(&format!("schemas inside schemas more than {MAX_DEPTH} deep"));
        }
        let (base_root, revision_root) = (self.base, self.revision);
        let (old, new) = (follow(base_root, at.base), follow(revision_root, at.revision));
        self.seen.used.extend(old.name.iter().chain(&new.name).cloned());
        let key = old.name.clone().zip(new.name.clone()).map(|(old, new)| (old, new, at.spot));
        if key.as_ref().is_some_and(|key| self.seen.same.contains(key)) {
            return self.renamed_reference(at.trail, &old, &new);
        }
        if let Some(depth) = key.as_ref().and_then(|key| self.seen.open.get(key)) {
            self.cut = self.cut.min(*depth);
            return Ok(());
        }
        let (outer, before) = (std::mem::replace(&mut self.cut, usize::MAX), self.changes.len());
        self.seen.open.extend(key.clone().map(|key| (key, self.seen.depth)));
        self.seen.depth += 1;
        let inner = at.trail.steps("", jump(&old), jump(&new));
        let done = self.schema(Schemas { trail: &inner, base: old.node, revision: new.node, ..at });
        self.seen.depth -= 1;
        if let Some(key) = &key {
            self.seen.open.remove(key);
        }
        let alone = self.cut >= self.seen.depth;
        self.cut = if alone { outer } else { self.cut.min(outer) };
        done?;
        let found = self.changes.get(before..).unwrap_or_default();
        let unchanged = found.iter().all(|change| change.level == Level::Text);
        if alone && found.is_empty() {
            self.seen.same.extend(key);
        }
        if unchanged { self.renamed_reference(at.trail, &old, &new) } else { Ok(()) }
    }

    /// The same schema under another name: only generated names change.
    fn renamed_reference(&mut self, trail: &Trail<'_>, old: &Target<'_>, new: &Target<'_>) -> Result<()> {
        if let Some(names) = old.name.clone().zip(new.name.clone())
            && (old.name == new.name || !self.seen.renamed.insert(names))
        {
            return Ok(());
        }
        let words = |target: &Target<'_>| target.name.as_ref().map_or("inline".to_owned(), |name| format!("#{name}"));
        let pair = (words(old), words(new));
        self.became(trail, ("schema-reference-changed", Level::Source), (old.node, new.node), pair)
    }
}

/// How a trail goes on behind a reference.
fn jump<'t>(target: &'t Target<'_>) -> Step<'t> {
    target.name.as_deref().map_or(Step::Nothing, Step::Jump)
}
