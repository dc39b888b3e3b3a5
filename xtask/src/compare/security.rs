//! Who may call: the alternatives of an operation, each a set of schemes with scopes, and the schemes themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::{Comparer, Level, Said, Trail, shown};
use crate::error::Result;
use crate::tree::{Map, Node, Value};

/// One alternative: what all must be given, with the scopes of each.
type Alternative = BTreeMap<String, BTreeSet<String>>;

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
        let used: BTreeSet<String> = names(self.base);
        for (name, scheme) in old {
            let at = at.step(name);
            let base = super::references::follow(self.base, scheme).node;
            let Some(other) = new.get(name) else {
                let said = Said { base: Some(scheme), before: Some(shown(scheme)), ..Said::default() };
                // Operations that used it say so themselves.
                self.record(&at, "api-security-component-removed", Level::Additive, said)?;
                continue;
            };
            let revision = super::references::follow(self.revision, other).node;
            for key in ["type", "scheme", "in", "name", "openIdConnectUrl"] {
                let (was, is) = (base.get_text(key), revision.get_text(key));
                if was == is || key == "scheme" && was.map(str::to_lowercase) == is.map(str::to_lowercase) {
                    continue;
                }
                let level = if used.contains(name) { Level::Breaking } else { Level::Additive };
                let id = format!("api-security-component-{}-changed", if key == "type" { "type" } else { "details" });
                self.differs(&at.step(key), id, level, base.get(key), revision.get(key))?;
            }
            self.flows(&at.step("flows"), base.get("flows"), revision.get("flows"))?;
            let known = ["$ref", "type", "scheme", "in", "name", "openIdConnectUrl", "flows", "bearerFormat"];
            let (was, is) = (base.get("bearerFormat"), revision.get("bearerFormat"));
            if was.and_then(Node::text) != is.and_then(Node::text) {
                // A hint for people, says the standard.
                self.differs(&at.step("bearerFormat"), "text-changed", Level::Text, was, is)?;
            }
            self.rest(&at, Some(base), Some(revision), &known)?;
        }
        for (name, scheme) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            let said = Said { revision: Some(scheme), after: Some(shown(scheme)), ..Said::default() };
            self.record(&at.step(name), "api-security-component-added", Level::Additive, said)?;
        }
        Ok(())
    }

    fn flows(&mut self, at: &Trail<'_>, old: Option<&Node>, new: Option<&Node>) -> Result<()> {
        let none = Map::new();
        let (was, is) = (old.and_then(Node::map).unwrap_or(&none), new.and_then(Node::map).unwrap_or(&none));
        for name in was.keys().chain(is.keys().filter(|name| !was.contains_key(*name))) {
            let at = at.step(name);
            let (Some(one), Some(other)) = (was.get(name), is.get(name)) else {
                let level = if was.contains_key(name) { Level::Warning } else { Level::Additive };
                self.differs(&at, "api-security-component-oauth-flow-changed", level, was.get(name), is.get(name))?;
                continue;
            };
            for (key, word) in [
                ("authorizationUrl", "oauth-url"),
                ("tokenUrl", "oauth-token-url"),
                ("refreshUrl", "oauth-refresh-url"),
            ] {
                if one.get_text(key) != other.get_text(key) {
                    let id = format!("api-security-component-{word}-changed");
                    self.differs(&at.step(key), id, Level::Warning, one.get(key), other.get(key))?;
                }
            }
            let scopes = |node: &Node| node.get("scopes").and_then(Node::map).cloned().unwrap_or_default();
            let (before, after) = (scopes(one), scopes(other));
            let list = at.step("scopes");
            for (scope, node) in &before {
                match after.get(scope) {
                    None => self.differs(
                        &list.step(scope),
                        "api-security-component-oauth-scope-removed",
                        Level::Warning,
                        Some(node),
                        None,
                    )?,
                    Some(other) if node.same(other) => {}
                    Some(other) => self.differs(
                        &list.step(scope),
                        "api-security-component-oauth-scope-changed",
                        Level::Text,
                        Some(node),
                        Some(other),
                    )?,
                }
            }
            for (scope, node) in after.iter().filter(|(scope, _)| !before.contains_key(*scope)) {
                self.differs(
                    &list.step(scope),
                    "api-security-component-oauth-scope-added",
                    Level::Additive,
                    None,
                    Some(node),
                )?;
            }
            self.rest(&at, Some(one), Some(other), &["authorizationUrl", "tokenUrl", "refreshUrl", "scopes"])?;
        }
        Ok(())
    }
}

fn alternatives(node: Option<&Node>) -> BTreeSet<Alternative> {
    let items = node.and_then(Node::list).unwrap_or_default().iter();
    items
        .filter_map(Node::map)
        .map(|schemes| {
            let scopes = |node: &Node| {
                node.list().unwrap_or_default().iter().filter_map(Node::text).map(str::to_owned).collect()
            };
            schemes.iter().map(|(name, node)| (name.clone(), scopes(node))).collect()
        })
        .collect()
}

fn named(one: &Alternative) -> String {
    if one.is_empty() {
        return "none".to_owned();
    }
    let shown = |(name, scopes): (&String, &BTreeSet<String>)| {
        if scopes.is_empty() {
            name.clone()
        } else {
            format!("{name} ({})", scopes.iter().cloned().collect::<Vec<_>>().join(", "))
        }
    };
    one.iter().map(shown).collect::<Vec<_>>().join(" and ")
}

/// The schemes that anything asks for.
fn names(document: &Node) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut add = |node: Option<&Node>| {
        for schemes in node.and_then(Node::list).into_iter().flatten() {
            if let Value::Map(map) = &schemes.value {
                all.extend(map.keys().cloned());
            }
        }
    };
    add(document.get("security"));
    for item in document.get("paths").and_then(Node::map).into_iter().flat_map(Map::values) {
        for operation in item.map().into_iter().flat_map(Map::values) {
            add(operation.get("security"));
        }
    }
    all
}
