//! Which operations are there, which became which, and what an operation says of itself.

use std::collections::{HashMap, HashSet};

use super::{Comparer, Level, Operation, Said, Step, Trail, refused};
use crate::error::Result;
use crate::roles::METHODS;
use crate::tree::{Map, Node, Value};

/// An operation where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'n> {
    pub path: &'n str,
    pub method: &'n str,
    /// The address with all of its operations.
    pub item: &'n Node,
    pub node: &'n Node,
}

/// The operations of two documents.
pub(super) struct Matched<'n> {
    pub pairs: Vec<(Found<'n>, Found<'n>)>,
    pub gone: Vec<Found<'n>>,
    pub come: Vec<Found<'n>>,
    /// The newer addresses, without the names of their parameters.
    pub new_paths: HashSet<String>,
}

impl Found<'_> {
    pub fn name(&self) -> Operation {
        Operation { method: self.method.to_uppercase(), path: self.path.to_owned() }
    }
}

/// Something that two operations have in common when one became the other.
type Way<'w> = &'w dyn Fn(&Found<'_>) -> Option<String>;

/// Finds the operations of two documents: by the publisher's own id first, then by address and method.
pub(super) fn matched<'n>(
    base: &'n Node,
    revision: &'n Node,
    identity: &dyn Fn(&Node) -> Option<String>,
) -> Result<Matched<'n>> {
    let (old, new) = (listed(base)?, listed(revision)?);
    let new_paths = new.iter().map(|found| template(found.path)).collect();
    let exact = |found: &Found<'_>| Some(format!("{} {}", found.method, found.path));
    let address = |found: &Found<'_>| Some(format!("{} {}", found.method, template(found.path)));
    let id = |found: &Found<'_>| identity(found.node);
    let mut to: Vec<Option<usize>> = vec![None; old.len()];
    let mut taken: HashSet<usize> = HashSet::new();
    let ways: [Way<'_>; 3] = [&id, &exact, &address];
    for way in ways {
        let mut there: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, found) in new.iter().enumerate().filter(|(index, _)| !taken.contains(index)) {
            if let Some(key) = way(found) {
                there.entry(key).or_default().push(index);
            }
        }
        let mut here: HashMap<String, usize> = HashMap::new();
        for key in old.iter().zip(&to).filter(|(_, slot)| slot.is_none()).filter_map(|(found, _)| way(found)) {
            *here.entry(key).or_default() += 1;
        }
        for (slot, found) in to.iter_mut().zip(&old).filter(|(slot, _)| slot.is_none()) {
            let Some(key) = way(found) else { continue };
            // An id that two operations share says nothing.
            if let (Some([index]), Some(1)) = (there.get(&key).map(Vec::as_slice), here.get(&key)) {
                *slot = Some(*index);
                taken.insert(*index);
            }
        }
    }
    let mut result = Matched { pairs: Vec::new(), gone: Vec::new(), come: Vec::new(), new_paths };
    for (found, slot) in old.into_iter().zip(to) {
        match slot.and_then(|index| new.get(index)) {
            Some(other) => result.pairs.push((found, *other)),
            None => result.gone.push(found),
        }
    }
    result.come = new.iter().enumerate().filter(|(index, _)| !taken.contains(index)).map(|(_, found)| *found).collect();
    Ok(result)
}

fn listed(document: &Node) -> Result<Vec<Found<'_>>> {
    let paths = document.get("paths").filter(|paths| paths.map().is_some() || matches!(paths.value, Value::Null));
    let Some(paths) = paths else {
        return Err(refused(document, "no `paths`; expected an OpenAPI document"));
    };
    let mut all = Vec::new();
    for (path, item) in paths.map().into_iter().flatten().filter(|(path, _)| !path.starts_with("x-")) {
        let item = super::references::follow(document, item).node;
        for (method, node) in item.map().into_iter().flatten().filter(|(key, _)| METHODS.contains(&key.as_str())) {
            all.push(Found { path, method, item, node });
        }
    }
    Ok(all)
}

/// An address without the names of its parameters, which no client sends.
pub(super) fn template(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '{' => {
                inside = true;
                out.push_str("{}");
            }
            '}' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// The names of an address's parameters, in order.
pub(super) fn placeholders(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

const ROOT: [&str; 8] = ["openapi", "info", "paths", "components", "servers", "security", "tags", "webhooks"];
const ITEM: [&str; 10] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "parameters", "servers"];
const OPERATION: [&str; 11] = [
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "security",
    "servers",
    "tags",
    "deprecated",
    "x-sunset",
    "x-stability-level",
    "callbacks",
];

impl<'a> Comparer<'a> {
    /// What describes the document as a whole.
    pub(super) fn frame(&mut self, trail: &Trail<'_>) -> Result<()> {
        let (base, revision) = (self.base, self.revision);
        for key in ["openapi", "info", "tags"] {
            let (old, new) = (base.get(key), revision.get(key));
            let same = match (old, new) {
                (Some(old), Some(new)) => old.same(new),
                (old, new) => super::is_blank(old.or(new)),
            };
            if same {
                continue;
            }
            match (key, old, new) {
                ("info", Some(old), Some(new)) => {
                    let at = trail.step(key);
                    for name in ["title", "version", "description", "termsOfService", "contact", "license", "summary"] {
                        let (old, new) = (old.get(name), new.get(name));
                        let same = matches!((old, new), (Some(old), Some(new)) if old.same(new));
                        if !same && !super::is_blank(old.or(new)) || !same && old.is_some() && new.is_some() {
                            self.differs(&at.step(name), "info-changed", Level::Text, old, new)?;
                        }
                    }
                    self.rest(
                        &at,
                        Some(old),
                        Some(new),
                        &["title", "version", "description", "termsOfService", "contact", "license", "summary"],
                    )?;
                }
                _ => {
                    let id = if key == "tags" { "api-tag-changed" } else { "info-changed" };
                    self.differs(&trail.step(key), id, Level::Text, old, new)?;
                }
            }
        }
        self.servers(trail, base.get("servers"), revision.get("servers"))?;
        self.webhooks(trail)?;
        self.rest(trail, Some(base), Some(revision), &ROOT)
    }

    fn webhooks(&mut self, trail: &Trail<'_>) -> Result<()> {
        let (base, revision) = (self.base.get("webhooks"), self.revision.get("webhooks"));
        let at = trail.step("webhooks");
        let none = Map::new();
        let (old, new) = (base.and_then(Node::map).unwrap_or(&none), revision.and_then(Node::map).unwrap_or(&none));
        for (name, hook) in old {
            match new.get(name) {
                None => self.differs(&at.step(name), "webhook-removed", Level::Breaking, Some(hook), None)?,
                Some(other) if hook.same(other) => {}
                Some(other) => {
                    self.differs(&at.step(name), "unclassified", Level::Warning, Some(hook), Some(other))?;
                }
            }
        }
        for (name, hook) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            self.differs(&at.step(name), "webhook-added", Level::Additive, None, Some(hook))?;
        }
        Ok(())
    }

    /// Where requests go: addresses, in any order.
    pub(super) fn servers(&mut self, trail: &Trail<'_>, old: Option<&Node>, new: Option<&Node>) -> Result<()> {
        let at = trail.step("servers");
        let list = |node: Option<&Node>| -> Vec<(String, Node)> {
            let items = node.and_then(Node::list).unwrap_or_default();
            items.iter().map(|item| (item.get_text("url").unwrap_or_default().to_owned(), item.clone())).collect()
        };
        let (was, is) = (list(old), list(new));
        for (url, node) in &was {
            match is.iter().find(|(other, _)| other == url) {
                None => self.differs(&at, "api-server-removed", Level::Warning, Some(node), None)?,
                Some((_, other)) => self.rest(&at, Some(node), Some(other), &["url"])?,
            }
        }
        for (_, node) in is.iter().filter(|(url, _)| !was.iter().any(|(other, _)| other == url)) {
            // Another address beside the known ones is more; one instead of them is not.
            let level = if was.iter().all(|(url, _)| is.iter().any(|(other, _)| other == url)) && !was.is_empty() {
                Level::Additive
            } else {
                Level::Warning
            };
            self.differs(&at, "api-server-added", level, None, Some(node))?;
        }
        Ok(())
    }

    pub(super) fn operations(&mut self, trail: &Trail<'_>, all: Matched<'a>) -> Result<()> {
        let paths = trail.step("paths");
        let mut items: HashSet<(&str, &str)> = HashSet::new();
        for (old, new) in &all.pairs {
            self.operation = Some(new.name());
            let (old_path, new_path) = (old.path, new.path);
            let name = template(old_path);
            let address = paths.steps(&name, Step::Key(old_path), Step::Key(new_path));
            if items.insert((old_path, new_path)) {
                self.rest(&address, Some(old.item), Some(new.item), &ITEM)?;
            }
            let method = address.steps(old.method, Step::Key(old.method), Step::Key(new.method));
            // What an operation says of its own state is not softened by that state.
            self.lifecycle(&method, old.node, new.node)?;
            self.unstable = self.is_unstable(old.node);
            self.operation(&method, (old, new))?;
            self.unstable = false;
        }
        for found in &all.gone {
            self.operation = Some(found.name());
            let address = paths.step(found.path);
            let at = address.step(found.method);
            self.gone(&at, found, !all.new_paths.contains(&template(found.path)))?;
        }
        for found in &all.come {
            self.operation = Some(found.name());
            let address = paths.step(found.path);
            let at = address.step(found.method);
            let said = Said {
                revision: Some(found.node),
                after: Some(format!("{} {}", found.method.to_uppercase(), found.path)),
                ..Said::default()
            };
            self.record(&at, "endpoint-added", Level::Additive, said)?;
        }
        Ok(())
    }

    fn operation(&mut self, at: &Trail<'_>, (old, new): (&Found<'a>, &Found<'a>)) -> Result<()> {
        let (base, revision) = (old.node, new.node);
        let named = |found: &Found<'_>| format!("{} {}", found.method.to_uppercase(), found.path);
        if old.method != new.method || template(old.path) != template(new.path) {
            let said = Said {
                base: Some(base),
                revision: Some(revision),
                before: Some(named(old)),
                after: Some(named(new)),
                direction: None,
            };
            self.record(at, "endpoint-moved", Level::Breaking, said)?;
        } else if old.path != new.path {
            let said = Said {
                base: Some(base),
                revision: Some(revision),
                before: Some(old.path.to_owned()),
                after: Some(new.path.to_owned()),
                direction: None,
            };
            self.record(at, "path-parameter-renamed", Level::Source, said)?;
        }
        let (id, other) = (base.get_text("operationId"), revision.get_text("operationId"));
        if id != other {
            let kind = if id.is_some() { "api-operation-id-removed" } else { "api-operation-id-add" };
            self.differs(
                &at.step("operationId"),
                kind,
                Level::Source,
                base.get("operationId"),
                revision.get("operationId"),
            )?;
        }
        self.tags(at, base, revision)?;
        self.parameters(at, (old, new))?;
        self.request_body(at, base, revision)?;
        self.answers(at, base, revision)?;
        self.security(at, base, revision)?;
        let own = |found: &Found<'a>| found.node.get("servers").or_else(|| found.item.get("servers"));
        match (own(old), own(new)) {
            (None, None) => {}
            (was, is) => {
                let was = was.or_else(|| self.base.get("servers"));
                let is = is.or_else(|| self.revision.get("servers"));
                self.servers(at, was, is)?;
            }
        }
        let (old, new) = (base.get("callbacks"), revision.get("callbacks"));
        let same = match (old, new) {
            (Some(old), Some(new)) => old.same(new),
            (old, new) => super::is_blank(old.or(new)),
        };
        if !same {
            self.differs(&at.step("callbacks"), "unclassified", Level::Warning, old, new)?;
        }
        self.rest(at, Some(base), Some(revision), &OPERATION)
    }

    fn tags(&mut self, at: &Trail<'_>, base: &Node, revision: &Node) -> Result<()> {
        let list = |node: &Node| -> Vec<Node> { node.get("tags").and_then(Node::list).unwrap_or_default().to_vec() };
        let (old, new) = (list(base), list(revision));
        let at = at.step("tags");
        for tag in old.iter().filter(|tag| !new.iter().any(|other| other.same(tag))) {
            self.differs(&at, "api-tag-removed", Level::Text, Some(tag), None)?;
        }
        for tag in new.iter().filter(|tag| !old.iter().any(|other| other.same(tag))) {
            self.differs(&at, "api-tag-added", Level::Text, None, Some(tag))?;
        }
        Ok(())
    }

    /// Shared parts that no operation leads to: they change names in generated code at most.
    pub(super) fn components(&mut self, trail: &Trail<'_>) -> Result<()> {
        let at = trail.step("components");
        let (base, revision) = (self.base.get("components"), self.revision.get("components"));
        let none = Map::new();
        let sections = |node: Option<&'a Node>| node.and_then(Node::map);
        let (old, new) = (sections(base).unwrap_or(&none), sections(revision).unwrap_or(&none));
        let names = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
        for section in names.filter(|section| !section.starts_with("x-")) {
            let step = at.step(section);
            let map = |all: &Map| all.get(section).and_then(Node::map).cloned().unwrap_or_default();
            let (was, is) = (map(old), map(new));
            if section == "securitySchemes" {
                self.schemes(&step, &was, &is)?;
                continue;
            }
            for (name, node) in &was {
                let pointer = crate::roles::pointer(&["components", section, name]);
                match is.get(name) {
                    Some(other) if node.same(other) || self.used.contains(&pointer) => {}
                    Some(other) => {
                        let at = step.step(name);
                        self.differs(&at, "api-component-changed", Level::Source, Some(node), Some(other))?;
                    }
                    None => {
                        let word = if section == "schemas" { "api-schema-removed" } else { "api-component-removed" };
                        self.differs(&step.step(name), word, Level::Source, Some(node), None)?;
                    }
                }
            }
            for (name, node) in is.iter().filter(|(name, _)| !was.contains_key(*name)) {
                let word = if section == "schemas" { "api-schema-added" } else { "api-component-added" };
                self.differs(&step.step(name), word, Level::Source, None, Some(node))?;
            }
        }
        let extensions: Vec<&str> = [
            "schemas",
            "responses",
            "parameters",
            "examples",
            "requestBodies",
            "headers",
            "securitySchemes",
            "links",
            "callbacks",
            "pathItems",
        ]
        .to_vec();
        self.rest(&at, base, revision, &extensions)
    }
}
