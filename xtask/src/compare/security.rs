//! Who may call: the alternatives of an operation, each a set of schemes, and the schemes themselves.

use super::change::Level;
use super::comparer::{Comparer, entries, items};
use super::operations::Found;
use super::pairs::Paired;
use super::trail::Trail;
use crate::error::Result;
use crate::text::shown;
use crate::tree::{Map, Node};

impl<'a> Comparer<'a> {
    pub(super) fn security(&mut self, at: &Trail<'_>, (old, new): (&Found<'a>, &Found<'a>)) -> Result<()> {
        let key = "security";
        let (was, is) = (old.node.get(key), new.node.get(key));
        let what = if was.or(is).is_some() { "api-security" } else { "api-global-security" };
        let (was, is) = (items(was.or(self.base.get(key))), items(is.or(self.revision.get(key))));
        self.seen.used.extend(was.iter().flat_map(|one| entries(Some(one)).keys().cloned()));
        // Whoever could call still can: one of the old ways is left, or nothing is asked for any more.
        let is_open = is.is_empty() || is.iter().any(|one| entries(Some(one)).is_empty());
        let levels = |paired: &Paired| {
            let still = is_open || !paired.pairs.is_empty();
            if still { [Level::Warning, Level::Additive] } else { [Level::Breaking; 2] }
        };
        self.unordered(&at.step(key), (was, is), &|one| Some(named(one)), what, levels).map(drop)
    }

    /// What the schemes are.
    pub(super) fn schemes(&mut self, at: &Trail<'_>, all: (&'a Map, &'a Map)) -> Result<()> {
        // Operations that used one that is gone say so themselves.
        let alone = |_: &str, node: &Node, is_new: bool| {
            let how = if is_new { "added" } else { "removed" };
            (format!("api-security-component-{how}"), Level::Additive, shown(node))
        };
        self.each(at, all, alone, |this, at, pair| {
            let level = if this.seen.used.contains(at.name) { Level::Breaking } else { Level::Additive };
            this.behind(at, pair, |this, at, (old, new)| {
                for key in ["type", "scheme", "in", "name"] {
                    let word = if key == "type" { key } else { "details" };
                    let (was, is) = (old.get(key), new.get(key));
                    let lower = |node: Option<&Node>| node.and_then(Node::text).map(str::to_lowercase);
                    if key != "scheme" || lower(was) != lower(is) {
                        let id = format!("api-security-component-{word}-changed");
                        this.differs(at, key, &id, level, (was, is))?;
                    }
                }
                // A hint for people, says the standard.
                let hints = (old.get("bearerFormat"), new.get("bearerFormat"));
                this.differs(at, "bearerFormat", "text-changed", Level::Text, hints)?;
                this.rest(at, old, new, &["$ref", "type", "scheme", "in", "name", "bearerFormat"])
            })
        })
    }
}

/// An alternative as a text that is the same for the same schemes.
fn named(one: &Node) -> String {
    let mut all: Vec<String> = entries(Some(one)).iter().map(|(name, scopes)| name.clone() + &shown(scopes)).collect();
    all.sort();
    all.join(" and ")
}
