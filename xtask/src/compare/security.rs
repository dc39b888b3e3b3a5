//! Who may call: the alternatives of an operation, each a set of schemes with scopes, and the schemes themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::change::Level;
use super::comparer::{Comparer, Said, entries, items, union};
use super::trail::Trail;
use crate::error::Result;
use crate::reference::follow;
use crate::tree::{Map, Node};

/// One alternative: what all must be given, with the scopes of each.
type Alternative = BTreeMap<String, BTreeSet<String>>;

/// What a scheme is, and the word that ids use for it.
const SCHEME: [(&str, &str); 5] =
    [("type", "type"), ("scheme", "details"), ("in", "details"), ("name", "details"), ("openIdConnectUrl", "details")];
/// Where a flow goes, and the word that ids use for it.
const URLS: [(&str, &str); 3] =
    [("authorizationUrl", "oauth-url"), ("tokenUrl", "oauth-token-url"), ("refreshUrl", "oauth-refresh-url")];

impl<'a> Comparer<'a> {
    pub(super) fn security(&mut self, at: &Trail<'_>, base: &'a Node, revision: &'a Node) -> Result<()> {
        let key = "security";
        let own = base.get(key).is_some() || revision.get(key).is_some();
        let old_node = base.get(key).or_else(|| self.base.get(key));
        let new_node = revision.get(key).or_else(|| self.revision.get(key));
        let (old, new) = (alternatives(old_node), alternatives(new_node));
        if old == new {
            return Ok(());
        }
        let word = if own { "api-security" } else { "api-global-security" };
        let step = at.step(key);
        let said = |before: Option<&Alternative>, after: Option<&Alternative>| Said {
            base: old_node.or(Some(base)),
            revision: new_node.or(Some(revision)),
            before: before.map(named),
            after: after.map(named),
            direction: None,
        };
        let schemes = |one: &Alternative| one.keys().cloned().collect::<BTreeSet<_>>();
        let gone: Vec<&Alternative> = old.iter().filter(|one| !new.contains(one)).collect();
        let mut come: Vec<&Alternative> = new.iter().filter(|one| !old.contains(one)).collect();
        // Whoever could call still can: one of the old ways is left, or nothing is asked for any more.
        let open = new.is_empty() || new.iter().any(Alternative::is_empty);
        let left = old.iter().any(|one| new.contains(one));
        for one in gone {
            let scoped = come.iter().position(|other| !one.is_empty() && schemes(other) == schemes(one));
            if let Some(index) = scoped {
                let other = come.remove(index);
                let more = other.iter().any(|(name, scopes)| {
                    one.get(name).is_none_or(|before| scopes.iter().any(|scope| !before.contains(scope)))
                });
                let (what, level) =
                    if more { ("scope-added", Level::Warning) } else { ("scope-removed", Level::Additive) };
                self.record(&step, format!("{word}-{what}"), level, said(Some(one), Some(other)))?;
                continue;
            }
            let level = if open || left { Level::Warning } else { Level::Breaking };
            self.record(&step, format!("{word}-removed"), level, said(Some(one), None))?;
        }
        for other in come {
            let level = if open || left { Level::Additive } else { Level::Breaking };
            self.record(&step, format!("{word}-added"), level, said(None, Some(other)))?;
        }
        Ok(())
    }

    /// What the schemes are.
    pub(super) fn schemes(&mut self, at: &Trail<'_>, old: &Map, new: &Map) -> Result<()> {
        let used = names(self.base);
        for (name, old, new) in union(old, new) {
            let at = at.step(name);
            let (Some(scheme), Some(other)) = (old, new) else {
                // Operations that used it say so themselves.
                let how = if new.is_some() { "added" } else { "removed" };
                let id = format!("api-security-component-{how}");
                self.record(&at, id, Level::Additive, Said::nodes(old, new))?;
                continue;
            };
            let (base, revision) = (follow(self.base, scheme).node, follow(self.revision, other).node);
            let level = if used.contains(name) { Level::Breaking } else { Level::Additive };
            for (key, word) in SCHEME {
                let (was, is) = (base.get(key), revision.get(key));
                let lower = |node: Option<&Node>| node.and_then(Node::text).map(str::to_lowercase);
                if key != "scheme" || lower(was) != lower(is) {
                    self.differs(&at, key, &format!("api-security-component-{word}-changed"), level, (was, is))?;
                }
            }
            self.flows(&at.step("flows"), base.get("flows"), revision.get("flows"))?;
            // A hint for people, says the standard.
            let hints = (base.get("bearerFormat"), revision.get("bearerFormat"));
            self.differs(&at, "bearerFormat", "text-changed", Level::Text, hints)?;
            let known = ["$ref", "type", "scheme", "in", "name", "openIdConnectUrl", "flows", "bearerFormat"];
            self.rest(&at, Some(base), Some(revision), &known)?;
        }
        Ok(())
    }

    fn flows(&mut self, at: &Trail<'_>, old: Option<&Node>, new: Option<&Node>) -> Result<()> {
        for (name, old, new) in union(entries(old), entries(new)) {
            let here = at.step(name);
            let (Some(one), Some(other)) = (old, new) else {
                let level = if new.is_none() { Level::Warning } else { Level::Additive };
                self.record(&here, "api-security-component-oauth-flow-changed", level, Said::nodes(old, new))?;
                continue;
            };
            for (key, word) in URLS {
                let id = format!("api-security-component-{word}-changed");
                self.differs(&here, key, &id, Level::Warning, (one.get(key), other.get(key)))?;
            }
            let scopes = here.step("scopes");
            for (scope, old, new) in union(entries(one.get("scopes")), entries(other.get("scopes"))) {
                let (how, level) = match (old, new) {
                    (Some(old), Some(new)) if old.same(new) => continue,
                    (Some(_), Some(_)) => ("changed", Level::Text),
                    (_, None) => ("removed", Level::Warning),
                    (None, _) => ("added", Level::Additive),
                };
                let id = format!("api-security-component-oauth-scope-{how}");
                self.record(&scopes.step(scope), id, level, Said::nodes(old, new))?;
            }
            self.rest(&here, old, new, &["authorizationUrl", "tokenUrl", "refreshUrl", "scopes"])?;
        }
        Ok(())
    }
}

fn alternatives(node: Option<&Node>) -> BTreeSet<Alternative> {
    let scopes = |node: &Node| items(Some(node)).iter().filter_map(Node::text).map(str::to_owned).collect();
    let schemes = |node: &Node| entries(Some(node)).iter().map(|(name, node)| (name.clone(), scopes(node))).collect();
    items(node).iter().filter(|node| node.map().is_some()).map(schemes).collect()
}

fn named(one: &Alternative) -> String {
    if one.is_empty() {
        return "none".to_owned();
    }
    let words = |(name, scopes): (&String, &BTreeSet<String>)| match scopes.len() {
        0 => name.clone(),
        _ => format!("{name} ({})", scopes.iter().cloned().collect::<Vec<_>>().join(", ")),
    };
    one.iter().map(words).collect::<Vec<_>>().join(" and ")
}

/// The schemes that anything asks for.
fn names(document: &Node) -> BTreeSet<String> {
    let items = entries(document.get("paths")).values();
    let operations = items.flat_map(|item| entries(Some(item)).values());
    let lists = operations.chain([document]).filter_map(|holder| holder.get("security")?.list());
    lists.flatten().flat_map(|schemes| entries(Some(schemes)).keys().cloned()).collect()
}
